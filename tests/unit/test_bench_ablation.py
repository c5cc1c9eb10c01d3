"""The ablation learns again what the live core learned, sees nothing of the test, and prices every family."""

import numpy as np
import pytest
from rich.console import Console

from forestall.pipeline.core.scores import auroc
from tests.bench import ablation
from tests.bench.families import FAMILIES, WHOLE, views_of
from tests.bench.relearning import Asked, Course, courses, learned_again
from tests.scenarios.samples import TASKS


@pytest.fixture(scope="module")
def course() -> Course:
    """The smallest task."""
    return courses("helpdesk", {"E1": TASKS["E1"]}, ablation.FIRST, ablation.LAST)["E1"]


def test_what_is_scored_ends_where_the_test_begins(course: Course) -> None:
    """The scored questions are 40 % of the task's; no later one is asked, and no answer is told that came later."""
    rows = course.rows
    assert len(rows) == pytest.approx(0.4 / 0.3 * 1_365, abs=5)
    end = max(row.at for row in rows)
    assert all(step.at <= end for step in course.steps if isinstance(step, Asked))
    assert all(step.answer.known // 1000 <= end for step in course.steps if not isinstance(step, Asked))


def test_a_question_is_asked_of_what_was_known_by_then(course: Course) -> None:
    """No answer stands before a question that was asked before it was known."""
    latest = 0
    for step in course.steps:
        if isinstance(step, Asked):
            assert latest <= step.at
        else:
            latest = max(latest, step.answer.known // 1000)


def test_learning_again_foresees_as_the_live_core_did(course: Course) -> None:
    """With everything in view, the scores are those of the live core's own predictions of the same questions."""
    z, _ = learned_again(course, views_of(course)[WHOLE])
    said = {
        (step.customer, step.answer.asked // 1000): step.answer.p
        for step in course.steps
        if not isinstance(step, Asked)
    }
    both = [
        (logit, said[row.customer, row.at], float(row.y))
        for logit, row in zip(z, course.rows, strict=True)
        if (row.customer, row.at) in said
    ]
    again, live, y = (np.array(column) for column in zip(*both, strict=True))
    ones = np.ones(len(y))
    assert len(y) > 1_500
    assert auroc(again, y, ones) == pytest.approx(auroc(live, y, ones), abs=0.002)
    assert np.corrcoef(again, np.log(live / (1 - live)))[0, 1] > 0.999


def test_every_family_takes_something_away(course: Course) -> None:
    """Each is found among the columns or categories of the task, but for fields that its catalogue does not have."""
    views = views_of(course)
    assert views.keys() == {WHOLE, *FAMILIES} - {"numeric fields"}
    row = course.rows[-1]
    for name, view in views.items():
        columns, categories = view.of(row.row, row.categories)
        less = len(columns) + len(categories) < len(row.row) + len(row.categories) or not view.own_term
        assert less == (name != WHOLE)


def test_the_quick_run_scores_and_prices_every_family() -> None:
    """Without decayed counts the smallest task is foreseen worse beyond chance; each change stands in its interval."""
    found = ablation.run(Console(quiet=True), quick=True, draws=20)
    one = found["tasks"]["E1"]
    assert 0.78 < one["auroc"] < 0.81
    assert one["predicting_us"] > 0
    assert (
        found["making_us"]["helpdesk"][WHOLE] > found["making_us"]["helpdesk"]["the declared categories"] > 0
    )
    assert one["without"]["decayed counts"]["auroc"][2] < 0
    for change in one["without"].values():
        for metric in ("auroc", "log_loss"):
            value, lower, upper = change[metric]
            assert lower - 0.002 < value < upper + 0.002
    assert len(ablation.table(found).cells) == 1 + len(FAMILIES)
