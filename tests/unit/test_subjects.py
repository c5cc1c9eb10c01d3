"""A customer's subjects: counted, bounded, and told apart by their identities."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from forestall.pipeline.core.identities import identity_of
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
    assert len(subjects) == SUBJECT_LIMIT
    assert subjects.of("o-1") is None
    assert subjects.of("o-0") == (0.0, 100.0, 2.0)


names = st.sampled_from(["a", "b", "\0", "\ud800"]) | st.text(max_size=3)


@given(st.lists(st.tuples(names, st.floats(0, 1e10)), max_size=200))
def test_it_is_a_bounded_map_in_order_of_the_last_event(steps: list[tuple[str, float]]) -> None:
    """As a dictionary would be, from which the first entry goes where there are too many."""
    subjects, known = Subjects(), dict[str, tuple[float, float, float]]()
    for name, seconds in steps:
        subjects = Subjects(subjects.packed)  # stored and loaded
        subjects.saw(name, seconds)
        first, last, events = known.pop(name, (seconds, seconds, 0.0))
        known[name] = (first, max(last, seconds), events + 1.0)
        if len(known) > SUBJECT_LIMIT:
            del known[next(iter(known))]
        assert subjects.of(name) == known[name]
    assert list(subjects) == list(known.values())
    assert all(subjects.of(name) == numbers for name, numbers in known.items())


def test_what_lies_across_two_records_is_no_subject() -> None:
    """Numbers are any bytes, so also those of a name's identity."""
    subjects, identity = Subjects(), identity_of("o-1")
    [number] = struct.unpack("<d", identity)
    subjects.saw("other", number)
    subjects.saw("another", 1.0)
    assert identity in subjects.packed
    assert subjects.of("o-1") is None
    subjects.saw("o-1", 2.0)
    assert subjects.of("o-1") == (2.0, 2.0, 1.0)
