"""What a trainer makes of one partition of the answers, whatever the consumer hands it."""

import numpy as np

from forestall.agents.trainer import Following
from forestall.schemas.catalogue import Configuration
from forestall.schemas.event import encode
from tests.unit.test_boosted import answer, waves


def values(count: int) -> list[bytes]:
    """So many answers, as records."""
    return [encode(answer(x, y)) for x, y in waves(count)]


def test_trees_are_fitted_as_soon_as_they_are_due() -> None:
    """With the answer that makes it 300, and not before."""
    following = Following(end=0)
    made = [(offset, following.take(offset, value)) for offset, value in enumerate(values(320))]
    [(offset, [trees])] = [one for one in made if one[1]]
    assert (offset, trees.answers, trees.through) == (299, 300, 299)


def test_nothing_is_fitted_before_the_logs_past_is_read() -> None:
    """What is due may be there; and what is due at its end is fitted once."""
    following = Following(end=700)
    past = values(700)
    assert [made for offset, value in enumerate(past[:-1]) for made in following.take(offset, value)] == []
    [trees] = following.take(699, past[-1])
    assert (trees.answers, trees.rows) == (700, 700)


def test_a_marker_at_the_end_of_the_past_does_not_hold_trees_up() -> None:
    """Where the last offset is no record the position tells."""
    following = Following(end=401)
    assert [made for offset, value in enumerate(values(400)) for made in following.take(offset, value)] == []
    [trees] = following.reached(401)
    assert trees.answers == 400


def test_trees_in_the_log_are_not_made_again() -> None:
    """Another trainer was here before."""
    first, second = Following(end=0), Following(end=310)
    log = []
    for value in values(310):
        log.append(value)
        log += [encode(trees) for trees in first.take(len(log) - 1, value)]
    assert len(log) == 311
    assert [made for offset, value in enumerate(log) for made in second.take(offset, value)] == []


def test_what_comes_again_and_what_is_no_answer_does_nothing() -> None:
    """A consumer that lost its group reads anew; a configuration and damaged records stand in the log too."""
    following, plain = Following(end=0), Following(end=0)
    others = [encode(Configuration(version=0, files=[], salt="")), b"{", None, b"\xff"]
    offset = 0
    for value in values(299):
        plain.take(offset, value)
        following.take(offset, value)
        assert following.take(offset, value) == []
        offset += 1
    for value in others:
        assert following.take(offset, value) == []
        offset += 1
    last = encode(answer(np.array([0.5, 0.5]), 1.0))
    [trees], [alike] = following.take(offset, last), plain.take(offset, last)
    assert trees == alike
