"""What is sent when a dead letter is sent again."""

import msgspec
import pytest

from forestall.agents.cli.deadletters import values_of
from forestall.agents.intake import ForeignTopic
from forestall.agents.settings import Settings
from forestall.pipeline.sources.mapping_file import read_mappings
from forestall.schemas.deadletter import DeadLetter
from forestall.schemas.event import decode_event

MAPPING = read_mappings('[[intake]]\ntopic = "shop"\ntype = "order.placed"\ncustomer = "who"')[0]
FOREIGN = {"shop": ForeignTopic(MAPPING, "topic-id")}
LETTER = DeadLetter(
    sender="intake/shop/3", sequence=0, topic="shop", partition=3, offset=17, timestamp=1_700_000_000_000,
    cause="unmapped", detail="customer: who is missing", key=None, value=b'{"who": "c-1"}',
)  # fmt: skip


def test_a_letter_of_the_journal_goes_back_as_it_came() -> None:
    """Byte for byte, whatever it is."""
    letter = msgspec.structs.replace(LETTER, topic="forestall.events", value=b"{broken")
    assert values_of(letter, Settings(), {}) == [b"{broken"]


def test_a_foreign_letter_goes_through_the_mapping_and_has_the_id_of_its_place() -> None:
    """So that it counts once, also if the intake reads the same record again."""
    sent = values_of(LETTER, Settings(), FOREIGN)
    assert isinstance(sent, list)
    [event] = map(decode_event, sent)
    assert (event.customer, event.type) == ("c-1", "order.placed")
    assert event.id == "topic-id/3/17"


@pytest.mark.parametrize(
    ("letter", "words"),
    [
        (msgspec.structs.replace(LETTER, value=b'{"whom": "c-1"}'), "still "),
        (msgspec.structs.replace(LETTER, topic="till"), "no mapping for topic till"),
        (msgspec.structs.replace(LETTER, topic="forestall.answers"), "never sent twice"),
    ],
)
def test_what_cannot_be_sent_says_why(letter: DeadLetter, words: str) -> None:
    """The mapping still does not fit, is missing, or must not be used."""
    told = values_of(letter, Settings(), FOREIGN)
    assert isinstance(told, str)
    assert words in told
