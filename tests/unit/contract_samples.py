"""Real structs of every contract, each once with everything set and once with as little as is legal."""

import struct
from datetime import UTC, datetime

import msgspec

from forestall.schemas.alert import Action, Alert, Reason
from forestall.schemas.answer import Answer
from forestall.schemas.catalogue import CatalogueFile, Configuration
from forestall.schemas.deadletter import DeadLetter
from forestall.schemas.decision import Decision
from forestall.schemas.event import Event
from forestall.schemas.notice import ModelNotice, NoticeEvent
from forestall.schemas.outcome import ActionChange, OutcomeEvent
from forestall.schemas.preference import Consent, ConsentEvent, Erasure, ErasureEvent, Silence, SilenceEvent
from forestall.schemas.trees import FittedTrees

NOON = datetime(2011, 1, 5, 12, 0, 0, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)

EVENT = Event(
    id="e-1",
    source="shop",
    type="order.placed",
    time=NOON,
    specversion="1.0",
    subject="o-17",
    customer="c-42",
    data={"amount": 12.5, "lines": [{"sku": "a"}]},
    datacontenttype="application/json",
    forestalltaken="forestall.events/2 OqBs5bxZQ0e3G6nVtzHhnA/0 4711 0",
    dataschema="urn:shop:order",
)
BARE_EVENT = Event(id="e", source="s", type="t", time=NOON, specversion="1.0")

ANSWER = Answer(
    sender="foresee/0",
    sequence=7,
    problem="return",
    revision="r-1",
    catalogue=4,
    question="q-1",
    asked=NOON_MS,
    known=NOON_MS + 1,
    y=True,
    p=0.25,
    threshold=0.4,
    offset=-0.1,
    variance=0.5,
    weight=1.0,
    treatment="untouched",
    raised=False,
    history=2,
    features=struct.pack("<3f", 1.0, float("nan"), -2.5),
    categories=[0, 2**32 - 1],
)

BOOSTED_ANSWER = msgspec.structs.replace(ANSWER, stage="late", model="boosted")
TREES = FittedTrees(
    problem="return", revision="r-1", answers=300, through=1_234, rows=300, forest=b"\x99\x01\x00"
)

MODEL = ModelNotice(
    sender="learn/0",
    sequence=3,
    problem="return",
    revision="r-1",
    answers=1000,
    base_rate=0.1,
    offset_counts=True,
    gate_open=False,
    part=0,
    parts=2,
    weights=b"\x00\xff",
)
NOTICE = NoticeEvent(id="n-1", source="learn/0", time=NOON, data=MODEL)
WITH_TREES = msgspec.structs.replace(
    NOTICE, data=msgspec.structs.replace(MODEL, trees=1, fitted=1_234, share=0.25, level=-0.5)
)

ALERT = Alert(
    sender="foresee/0",
    sequence=9,
    id="a-1",
    state="raised",
    problem="return",
    title="Will send part of this order back",
    customer="c-42",
    subject="o-17",
    p=0.75,
    threshold=0.4,
    saving=2.5,
    reasons=[
        Reason(feature="amount", text="a large order", weight=0.8, value=12.5),
        Reason(feature="country", text="from France", weight=0.2, value="France"),
        Reason(feature="rest", text="everything else", weight=-0.1),
    ],
    action=Action(title="Ask about the size", channels=["email"], say="Does it fit?"),
    question="q-1",
    raised=NOON_MS,
    changed=NOON_MS,
    expires=NOON_MS + 1,
    occasion="asked",
)
BARE_ALERT = msgspec.structs.replace(ALERT, subject=None, reasons=[], action=Action(title=""), occasion=None)

DECISION = Decision(
    sender="foresee/0",
    sequence=9,
    id="d-1",
    verdict="held_back",
    gate="skill",
    problem="return",
    customer="c-42",
    subject="o-17",
    question="q-1",
    alert=None,
    asked=NOON_MS,
    p=0.75,
    threshold=0.4,
    saving=2.5,
    catalogue=0,
)
RAISED = msgspec.structs.replace(DECISION, verdict="raised", gate=None, subject=None, alert="a-1")

CHANGE = ActionChange(alert="a-1", problem="return", worker="w-1", result="helped")
OUTCOME = OutcomeEvent(
    id="o-1",
    source="queue/0",
    type="forestall.action.done",
    time=NOON,
    customer="c-42",
    data=CHANGE,
    subject="o-17",
)
BARE_OUTCOME = msgspec.structs.replace(
    OUTCOME, type="forestall.action.claimed", subject=None, data=msgspec.structs.replace(CHANGE, result=None)
)

DEAD_LETTER = DeadLetter(
    sender="foresee/0",
    sequence=2,
    topic="forestall.events",
    partition=0,
    offset=5,
    timestamp=NOON_MS,
    cause="not_json",
    detail="line 1, column 1: expected a value",
    key=b"\xff\xfe",
    value=b"{",
)
EMPTY_DEAD_LETTER = msgspec.structs.replace(DEAD_LETTER, key=None, value=None)

CONFIGURATION = Configuration(
    version=4, files=[CatalogueFile(name="retail.toml", text="[problem.return]\n")], salt="s"
)
BARE_CONFIGURATION = Configuration(version=0, files=[], salt="")

_CHOICE = {"id": "p-1", "source": "web", "time": NOON, "customer": "c-42"}
CONSENT = ConsentEvent(**_CHOICE, data=Consent(purpose="contact", granted=False))
SILENCE = SilenceEvent(**_CHOICE, data=Silence(until=NOON_MS, problem="return"))
BARE_SILENCE = SilenceEvent(**_CHOICE, data=Silence(until=NOON_MS))
ERASURE = ErasureEvent(**_CHOICE, data=Erasure())

SAMPLES: dict[str, tuple[msgspec.Struct, ...]] = {
    "event": (EVENT, BARE_EVENT),
    "answer": (BOOSTED_ANSWER, ANSWER),
    "trees": (TREES,),
    "notice": (NOTICE, WITH_TREES),
    "alert": (ALERT, BARE_ALERT),
    "decision": (DECISION, RAISED),
    "outcome": (OUTCOME, BARE_OUTCOME),
    "consent": (CONSENT,),
    "silence": (SILENCE, BARE_SILENCE),
    "erasure": (ERASURE,),
    "deadletter": (DEAD_LETTER, EMPTY_DEAD_LETTER),
    "configuration": (CONFIGURATION, BARE_CONFIGURATION),
}
