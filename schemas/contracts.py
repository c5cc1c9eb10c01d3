"""Every contract on one screen: its name, its struct, and the enums that may grow."""

from typing import NamedTuple

import msgspec

from forestall.schemas.alert import Alert
from forestall.schemas.answer import Answer
from forestall.schemas.catalogue import Configuration
from forestall.schemas.deadletter import DeadLetter
from forestall.schemas.decision import Decision
from forestall.schemas.event import Event
from forestall.schemas.notice import NoticeEvent
from forestall.schemas.outcome import OutcomeEvent
from forestall.schemas.preference import ConsentEvent, ErasureEvent, SilenceEvent
from forestall.schemas.trees import FittedTrees

#: The major version of all contracts: part of each schema's `$id`, and the folder of what was released.
MAJOR = 1


class Contract(NamedTuple):
    """One kind of record. `growing` are the paths of enums whose readers must tolerate values they do not know."""

    name: str
    struct: type[msgspec.Struct]
    growing: frozenset[str] = frozenset()


CONTRACTS = (
    Contract("event", Event),
    Contract("answer", Answer),
    Contract("trees", FittedTrees),
    Contract("notice", NoticeEvent),
    Contract("alert", Alert),
    Contract("decision", Decision),
    Contract("outcome", OutcomeEvent, frozenset({"type"})),
    Contract("consent", ConsentEvent, frozenset({"data.purpose"})),
    Contract("silence", SilenceEvent),
    Contract("erasure", ErasureEvent),
    Contract("deadletter", DeadLetter, frozenset({"cause"})),
    Contract("configuration", Configuration),
)
