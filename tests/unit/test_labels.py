"""How questions are answered: by what comes, by what does not, and when."""

from math import exp, sqrt

import numpy as np
import pytest

from forestall.pipeline.core.catalogue.durations import milliseconds
from tests.builders.scene import START, Scene

RETURN = """
[problem.return]
title = "Will be sent back"
ask = { on = "order.placed" }
happens = { on = "order.returned", within = "30d", same = "customer" }
grace = "0d"
"""
LAPSE = RETURN.replace("problem.return", "problem.lapse").replace(
    'happens = { on = "order.returned", within', 'happens = { not = true, on = "order.placed", within'
)
LATE = """
[problem.late]
title = "Will be late"
ask = { on = ["ticket.opened", "ticket.changed"] }
answered = { on = "ticket.closed", same = "subject", yes = "data.late == true" }
"""
DAILY = """
[problem.next]
title = "Will call again"
ask = { on = "call", keep = "last per day" }
happens = { on = "call", within = "7d", same = "customer" }
grace = "0d"
"""
QUIET = """
[problem.gone]
title = "Will not come back"
ask = { on = "visit", silence = "10d" }
happens = { not = true, on = "visit", within = "5d", same = "customer" }
grace = "0d"
"""
DAY = 86_400_000


@pytest.mark.parametrize(
    ("later", "y"),
    [("0d", False), ("1s", True), ("12d", True), ("30d", True), ("30d1s", False)],
)
def test_what_happens_answers_after_the_question_and_until_its_horizon(later: str, y: bool) -> None:
    """At the very moment of asking it is no answer, at the last moment of the horizon it still is."""
    scene = Scene(RETURN).event("order.placed")
    scene.after(later).event("order.returned").at("60d").tick()
    [answer] = scene.answers
    assert answer.y is y
    assert answer.asked == START
    assert answer.known == START + (milliseconds(later) if y else 30 * DAY)


@pytest.mark.parametrize(("later", "y"), [("0d", True), ("12d", False), ("30d", False), ("30d1s", True)])
def test_what_must_fail_to_happen_is_the_complement(later: str, y: bool) -> None:
    """A yes is known only at the horizon, a no at once."""
    scene = Scene(LAPSE).event("order.placed").after(later).event("order.placed").at("30d1s").tick()
    first = next(answer for answer in scene.answers if answer.asked == START)
    assert first.y is y


def test_an_event_does_not_answer_the_question_that_it_asks() -> None:
    """Of two orders at one moment neither answers the other."""
    scene = Scene(LAPSE).event("order.placed").event("order.placed").at("31d").tick()
    assert [answer.y for answer in scene.answers] == [True, True]


def test_an_early_answer_is_learned_only_at_the_horizon() -> None:
    """Or the quick yes would be learned before the slow no."""
    scene = Scene(RETURN).event("order.placed").after("1d").event("order.returned").at("30d").tick()
    assert scene.answers == []
    [question] = scene.open()
    assert (question.y, question.known) == (True, START + DAY)
    scene.after("1s").tick()
    assert [answer.y for answer in scene.answers] == [True]


def test_what_is_due_comes_before_a_later_event_of_anybody() -> None:
    """The watermark moves in event time: one customer's event closes another's horizon."""
    scene = Scene(RETURN).event("order.placed", "slow").at("31d").event("order.placed", "quick")
    assert [answer.y for answer in scene.answers] == [False]


def test_dues_fire_in_the_order_of_their_times_whoever_they_are_of() -> None:
    """A tick far ahead fires everything between, the earliest first."""
    scene = Scene(RETURN).event("order.placed", "b").after("1s").event("order.placed", "c")
    scene.after("1s").event("order.placed", "a").at("90d").tick()
    assert [answer.asked - START for answer in scene.answers] == [0, 1000, 2000]


def test_another_customers_or_another_kind_of_event_answers_nothing() -> None:
    """Only the same customer's, only where the condition holds."""
    catalogue = RETURN.replace('within = "30d"', 'where = "data.units > 1", within = "30d"')
    scene = Scene(catalogue).event("order.placed", "c").after("1d")
    scene.event("order.returned", "other", data={"units": 9}).event("order.returned", data={"units": 1})
    scene.event("order.placed.not", data={"units": 9}).at("31d").tick()
    assert [answer.y for answer in scene.answers] == [False]


def test_the_same_subject_where_it_must_be_the_same() -> None:
    """The return of one order says nothing of another."""
    scene = Scene(RETURN.replace('same = "customer"', 'same = "subject"'))
    scene.event("order.placed", subject="o1").event("order.placed", subject="o2").after("1d")
    scene.event("order.returned", subject="o2").at("31d").tick()
    assert [(p.subject, p.y) for p in scene.ended] == [("o1", False), ("o2", True)]


def test_within_the_grace_a_late_event_still_counts() -> None:
    """The question waits a day longer than its horizon, for what arrives late by no fault of the customer's."""
    scene = Scene(RETURN.replace('grace = "0d"', 'grace = "1d"')).event("order.placed")
    scene.at("30d12h").event("order.placed", "other").at("30d").event("order.returned")
    scene.at("31d").tick()
    assert scene.answers == []
    scene.at("31d1s").tick()
    assert [answer.y for answer in scene.answers] == [True]


def test_an_open_end_is_answered_by_the_first_closing_later_in_the_log() -> None:
    """The same moment will do; every question of the ticket weighs 1/sqrt(n), for it is one outcome."""
    scene = Scene(LATE).event("ticket.closed", subject="t", data={"late": False})
    scene.event("ticket.opened", subject="t").event("ticket.changed", subject="t").event(
        "ticket.opened", subject="u"
    )
    scene.event("ticket.closed", subject="t", data={"late": True})
    assert [(answer.y, answer.weight) for answer in scene.answers] == [(True, 1 / sqrt(2))] * 2
    scene.after("1d").event("ticket.closed", subject="u", data={"late": False})
    assert (scene.answers[2].y, scene.answers[2].weight) == (False, 1.0)
    assert scene.answers[2].known == START + DAY


def test_an_open_end_that_never_comes_is_given_up_unlearned() -> None:
    """After 365 days, with the answer left empty."""
    scene = Scene(LATE).event("ticket.opened", subject="t").at("365d").tick()
    assert scene.ended == []
    scene.after("1s").tick()
    assert [(p.y, p.known) for p in scene.ended] == [(None, None)]
    assert scene.answers == []


def test_an_answer_that_is_late_is_told_as_open_first() -> None:
    """Once the time is over, unanswered questions of one ticket weigh less; what had its answer is not told twice."""
    scene = Scene(LATE.replace('same = "subject"', 'same = "subject", late_after = "10d"'))
    scene.event("ticket.opened", subject="t").event("ticket.changed", subject="t")
    scene.event("ticket.opened", subject="quick").at("10d")
    scene.event("ticket.closed", subject="quick", data={"late": False})
    assert [(answer.stage, answer.y) for answer in scene.answers] == [("answered", False)]
    scene.after("1s").tick()
    told = [(answer.stage, answer.weight, answer.known - START) for answer in scene.answers[1:]]
    assert told == [("open", 1 / sqrt(2), 10 * DAY)] * 2
    assert (len(scene.open()), len(scene.ended)) == (2, 1)
    scene.at("30d").event("ticket.closed", subject="t", data={"late": True})
    late = scene.answers[3:]
    assert [(answer.stage, answer.y, answer.known - START) for answer in late] == [
        ("late", True, 30 * DAY)
    ] * 2
    assert [answer.question for answer in late] == [answer.question for answer in scene.answers[1:3]]
    assert scene.open() == []


def test_a_question_told_as_open_is_given_up_in_the_end() -> None:
    """Unlearned, like any other; and it is told as open once."""
    scene = Scene(LATE.replace('same = "subject"', 'same = "subject", late_after = "10d", give_up = "90d"'))
    scene.event("ticket.opened", subject="t").at("40d").tick().at("90d").tick()
    assert ([answer.stage for answer in scene.answers], scene.ended) == (["open"], [])
    scene.after("1s").tick()
    assert ([answer.stage for answer in scene.answers], [p.y for p in scene.ended]) == (["open"], [None])


def test_the_last_question_of_a_day_supersedes_the_earlier_ones() -> None:
    """Also one that was answered meanwhile; a day is UTC's."""
    scene = Scene(DAILY).at("1d9h").event("call").after("3h").event("call").after("14h").event("call")
    ended = [(p.asked - START, p.y) for p in scene.ended]
    assert ended == [(DAY + 9 * DAY // 24, None)]
    scene.at("30d").tick()
    assert [(a.asked - START - DAY, a.y) for a in scene.answers] == [
        (DAY // 2, True),
        (26 * DAY // 24, False),
    ]


def test_silence_asks_and_an_event_puts_it_off() -> None:
    """Ten days after the last visit, dated then, with nothing of the event's own."""
    scene = Scene(QUIET).event("visit").at("4d").event("visit").at("14d").tick()
    assert scene.open() == []
    scene.after("1s").tick()
    [question] = scene.open()
    assert (question.asked - START, question.subject) == (14 * DAY, None)
    scene.at("19d1s").tick()
    assert [(a.asked - START, a.y) for a in scene.answers] == [(14 * DAY, True)]
    scene.at("90d").tick()
    assert len(scene.ended) == 1


def test_a_silence_begins_only_where_the_condition_holds() -> None:
    """Other visits neither begin it nor put it off."""
    scene = Scene(QUIET.replace('silence = "10d"', 'silence = "10d", where = "data.paid == true"'))
    scene.event("visit", data={"paid": False}).at("20d").tick()
    assert scene.open() == []
    scene.event("visit", data={"paid": True}).at("25d").event("visit", data={"paid": False}).at(
        "30d1s"
    ).tick()
    assert [question.asked - START for question in scene.open()] == [30 * DAY]


def test_too_many_open_questions_are_refused_and_counted() -> None:
    """At most 500 a customer and problem; the limit of one is not another's."""
    scene = Scene(RETURN)
    for _ in range(503):
        scene.event("order.placed")
    scene.event("order.placed", "other")
    assert len(scene.open()) == 501
    assert scene.counts["questions_refused", "return"] == 3


def test_features_are_frozen_when_the_question_is_asked() -> None:
    """What the customer did between question and answer is not in the answer's features."""
    scene = Scene(RETURN).event("order.placed").after("1d").event("order.placed").event("order.placed")
    scene.at("32d").tick()
    names = scene.core.state.program.problems["return"].names
    column = names.index("order.placed/90 d")
    counted = [np.frombuffer(a.features, "<f4")[column] for a in scene.answers]
    assert counted == pytest.approx([0, exp(-1 / 90), exp(-1 / 90) + 1])
    assert scene.answers[0].features != scene.answers[1].features
