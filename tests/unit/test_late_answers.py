"""What learn makes of questions whose answer is late."""

import msgspec
import numpy as np
import pytest

from forestall.pipeline.core.learning import ProblemState, new_live
from forestall.pipeline.core.problem_document import decode_problem, encode_problem
from forestall.pipeline.core.scores import log_loss
from forestall.schemas.answer import Answer, Stage
from tests.unit.contract_samples import ANSWER

DAYS = 120
QUICK, SLOW = 5, 25  # days until a no and a yes are known


def answer(stage: Stage, *, y: bool, p: float = 0.5, category: int = 7) -> Answer:
    """An answer to a question with one column and one category."""
    features = np.array([1.0], "<f4").tobytes()
    return msgspec.structs.replace(
        ANSWER, stage=stage, y=y, p=p, features=features, categories=[int(category)], history=0, offset=0.0
    )


def state_after(*answers: Answer) -> ProblemState:
    """A problem's state after these."""
    state = ProblemState.new(answers[0], new_live)
    for one in answers:
        state.learn(one)
    return state


def said(state: ProblemState) -> float:
    """The logit of the row that all these answers have."""
    return state.model.predict([1.0], [7])


def test_an_open_question_is_learned_as_late_answers_have_been() -> None:
    """Towards yes where these were yes, towards no where they were no."""
    for y, sign in ((True, 1.0), (False, -1.0)):
        late = [answer("late", y=y)] * 30
        before = state_after(*late)
        after = state_after(*late, answer("open", y=False))
        assert sign * (said(after) - said(before)) > 0.01


def test_nothing_is_learned_of_an_open_question_before_any_late_answer() -> None:
    """Nobody knows yet what it means to be late."""
    assert said(state_after(*[answer("open", y=False)] * 9)) == 0.0


def test_an_open_question_is_no_answer() -> None:
    """It counts in no score and moves no base rate, and a contacted customer's teaches nothing."""
    late = [answer("late", y=True)] * 30
    before, after = state_after(*late), state_after(*late, answer("open", y=False))
    assert (after.answers, after.base_rate) == (before.answers, before.base_rate)
    assert after.window.to_bytes() == before.window.to_bytes()
    contacted = msgspec.structs.replace(answer("open", y=False), treatment="contacted")
    assert said(state_after(*late, contacted)) == said(before)


def test_a_late_answer_is_scored_by_what_was_said_when_asked() -> None:
    """The model has seen the row since then: asked today it would be no test."""
    state = state_after(answer("late", y=True, p=0.9), answer("late", y=False, p=0.2))
    p, y, _ = state.window.pairs()
    assert list(zip(p, y, strict=True)) == [
        (pytest.approx(0.9, abs=1e-6), 1.0),
        (pytest.approx(0.2, abs=1e-6), 0.0),
    ]


def test_what_late_answers_have_been_is_stored() -> None:
    """State read back goes on with the same bytes."""
    state = state_after(*[answer("late", y=True)] * 9, answer("open", y=False))
    again = decode_problem(encode_problem(state))
    for one in (state, again):
        one.learn(answer("late", y=True))
        one.learn(answer("open", y=False))
    assert encode_problem(again) == encode_problem(state)


def loss(late_after: int) -> float:
    """Log loss once late answers are in. Each day 60 are asked, a yes takes longer than a no, and who
    works on them (a category) changes every twenty days: some are good at it and some are not."""
    random = np.random.default_rng(1)
    asked = np.arange(DAYS * 60) // 60
    crew = 2 * (asked // 20) + random.integers(0, 2, len(asked))
    yes = random.random(len(asked)) < np.where(crew % 2, 0.8, 0.2)
    told: list[tuple[int, Answer]] = []
    for y, day, category in zip(yes, asked, crew, strict=True):
        wait = SLOW if y else QUICK
        if wait > late_after:
            told.append((day + late_after, answer("open", y=False, category=category)))
        told.append(
            (day + wait, answer("late" if wait > late_after else "answered", y=bool(y), category=category))
        )
    told.sort(key=lambda one: one[0])
    state, heard, p = ProblemState.new(told[0][1], new_live), 0, np.zeros(len(asked))
    for n, day in enumerate(asked):
        while told[heard][0] < day:
            state.learn(told[heard][1])
            heard += 1
        p[n] = state.model.predict([1.0], [int(crew[n])])
    chosen = asked > 2 * SLOW
    return log_loss(1.0 / (1.0 + np.exp(-p[chosen])), yes[chosen].astype(float), np.ones(chosen.sum()))


def test_whom_the_slow_answers_are_of_is_foreseen_better_where_open_questions_are_told() -> None:
    """Of whoever is new only the quick answers are known at first, and these are all no."""
    assert loss(late_after=10) < loss(late_after=DAYS) - 0.02
