"""A customer's subjects: counted, bounded, and the same bytes however often they were packed in between."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from forestall.pipeline.core.subjects import SUBJECT_LIMIT, Subjects


def test_each_subject_has_first_and_last_event_and_their_number() -> None:
    """An event that is dated before the last one moves nothing back."""
    subjects = Subjects()
    for seconds in (5.0, 9.0, 7.0):
        subjects.saw("o-1", seconds)
    subjects.saw("o-2", 8.0)
    assert subjects.of("o-1") == (5.0, 9.0, 3.0)
    assert subjects.of("o-2") == (8.0, 8.0, 1.0)
    assert subjects.of("o-3") is None


def test_the_one_longest_without_an_event_goes_first() -> None:
    """Not the one that is known for the longest time."""
    subjects = Subjects()
    for number in range(SUBJECT_LIMIT):
        subjects.saw(f"o-{number}", number)
    subjects.saw("o-0", 100.0)
    subjects.saw("new", 101.0)
    assert len(subjects.items()) == SUBJECT_LIMIT
    assert subjects.of("o-1") is None
    assert subjects.of("o-0") == (0.0, 100.0, 2.0)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 1e10), st.booleans(), st.booleans())))
def test_packing_changes_nothing(steps: list[tuple[str, float, bool, bool]]) -> None:
    """Stored and loaded again after any event, or kept in memory: the same bytes, and what they say."""
    kept, stored = Subjects(), Subjects()
    for name, seconds, pack, load in steps:
        kept.saw(name, seconds)
        stored.saw(name, seconds)
        if pack or load:
            packed = stored.packed()
            stored = Subjects(packed) if load else stored
    assert bytes(stored.packed()) == bytes(kept.packed()) == msgspec.msgpack.encode(dict(kept.items()))
    assert list(stored.items()) == list(kept.items())
