"""The breaker: stops a worker whose input is broken, and leaves one alone whose input has some bad records."""

import pytest

from forestall.agents.breaker import Breaker
from forestall.pipeline.errors import BreakerOpen


def test_a_hundred_dead_letters_in_a_row_open_it() -> None:
    """The message says what was seen last, where it is kept, and how to go on."""
    breaker = Breaker()
    for _ in range(99):
        breaker.saw_dead("not_json")
    with pytest.raises(BreakerOpen, match=r"100 records in a row.*not_json.*deadletters list.*--breaker off"):
        breaker.saw_dead("not_json")


def test_one_good_record_ends_a_row() -> None:
    """Ninety-nine, one good, ninety-nine: no row of a hundred, but more than one percent soon."""
    breaker = Breaker(share=1.0)
    for _ in range(3):
        for _ in range(99):
            breaker.saw_dead("not_json")
        breaker.saw(1)


def test_more_than_one_percent_of_the_window_opens_it() -> None:
    """A hundred and one of ten thousand, spread evenly."""
    breaker = Breaker()
    for _ in range(100):
        breaker.saw(98)
        breaker.saw_dead("wrong_shape")
    with pytest.raises(BreakerOpen, match="101 of the last"):
        breaker.saw_dead("wrong_shape")


def test_dead_letters_that_have_left_the_window_no_longer_count() -> None:
    """One percent exactly, for ever, is allowed."""
    breaker = Breaker()
    for _ in range(1_000):
        breaker.saw(99)
        breaker.saw_dead("wrong_shape")


def test_a_few_dead_letters_at_the_very_start_do_not_open_it() -> None:
    """Three of the first five are no share of ten thousand."""
    breaker = Breaker()
    breaker.saw(2)
    for _ in range(3):
        breaker.saw_dead("not_json")


def test_switched_off_it_never_opens() -> None:
    """For who wants everything dead-lettered and the worker alive."""
    breaker = Breaker(on=False)
    for _ in range(20_000):
        breaker.saw_dead("not_json")
