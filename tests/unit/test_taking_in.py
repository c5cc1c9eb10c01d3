"""Events taken in from another system's topic: counted once, however late they come again."""

import pytest

from forestall.pipeline.core.head import Head
from forestall.pipeline.core.taking_in import MOST_ROWS, STAMP_BYTES, came_before, stamp, without_stamp
from tests.builders.scene import Scene
from tests.unit.test_journal_rules import RETURN, total

HERE = ("journal", 0)


def stamped(offset: int, row: int = 0, place: tuple[str, int] = HERE) -> str:
    """A stamp of one partition of one topic."""
    return stamp(place, "t1", 3, offset, row)


def test_what_stands_behind_the_mark_came_before() -> None:
    """By offset, then by row; also where it was never seen itself: then its sender was a late one."""
    head = Head()
    came = [
        came_before(head, HERE, stamped(*at))
        for at in ((5, 0), (5, 1), (5, 1), (5, 0), (4, 9), (6, 0), (9, 0))
    ]
    assert came == [False, False, True, True, True, False, False]


def test_each_partition_of_each_topic_has_a_mark_of_its_own() -> None:
    """And a topic that was made anew has another id."""
    head = Head()
    stamps = [stamp(HERE, *source, 5, 0) for source in (("t1", 0), ("t1", 1), ("t2", 0))]
    assert [came_before(head, HERE, one) for one in [*stamps, *stamps]] == [False] * 3 + [True] * 3


@pytest.mark.parametrize(
    "strange",
    [
        stamped(5, place=("journal", 1)),
        stamped(5, place=("other", 0)),
        "",
        "journal/0 t1/3 five 0",
        "a b c d e",
    ],
)
def test_a_stamp_for_elsewhere_or_of_somebody_else_marks_nothing(strange: str) -> None:
    """An exported event that is sent to another journal stands in no order there."""
    head = Head()
    assert not came_before(head, HERE, strange)
    assert not came_before(head, HERE, strange)
    assert head.marks == {}


def test_a_stamp_is_as_short_as_is_said() -> None:
    """The longest topic's name, partitions and offsets as large as they come."""
    longest = stamp(("t" * 249, 2**31), "i" * 22, 2**31, 2**63, MOST_ROWS)
    assert len(f',"forestalltaken":"{longest}"') <= STAMP_BYTES


def test_an_event_that_is_taken_in_again_counts_once_however_late() -> None:
    """After more events than are remembered of a customer."""
    scene = Scene(RETURN)
    place = scene.core.state.place
    first = {"id": "first", "forestalltaken": stamped(7, place=place)}
    scene.event("order.placed", **first)
    for _ in range(100):
        scene.event("visit")
    scene.event("order.placed", **first)
    assert (total(scene), scene.counts["duplicate_events",]) == (1, 1)


def test_an_event_that_is_taken_in_again_stays_forgotten() -> None:
    """Its customer was erased meanwhile, and has come back since."""
    scene = Scene(RETURN)
    place = scene.core.state.place
    first = {"id": "first", "forestalltaken": stamped(7, place=place)}
    scene.event("order.placed", **first).event("forestall.erasure", data={})
    scene.after("1h").event("forestall.consent", data={"purpose": "predict", "granted": True})
    scene.event("order.placed", **first)
    assert total(scene) == 0
    scene.event("order.placed", id="second", forestalltaken=stamped(8, place=place))
    assert total(scene) == 1


@pytest.mark.parametrize(
    "value", [b"", b"no JSON", b"[1]", b"\xff", b'{"id":"e1","n":12345678901234567890123}']
)
def test_what_has_no_stamp_stays_as_it_is(value: bytes) -> None:
    """Whatever its bytes are."""
    assert without_stamp(value) == value


def test_a_dead_letter_that_is_sent_again_has_no_stamp_left() -> None:
    """What stood behind it has passed meanwhile: with its stamp it would count as taken in before."""
    value = b'{"id":"e1","forestalltaken":"journal/0 t1/3 5 0","n":12345678901234567890123,"x":1.10}'
    assert without_stamp(value) == b'{"id":"e1","n":12345678901234567890123,"x":1.10}'
