"""The shipped samples and catalogues ask the questions of the published tasks, and get their answers."""

from collections import Counter

import pytest

from tests.scenarios.labeller import label
from tests.scenarios.samples import TASKS, events, problem
from tests.scenarios.task_rows import Row, task


@pytest.mark.parametrize("name", TASKS)
def test_the_sample_and_its_catalogue_give_every_row_of_the_task(name: str) -> None:
    """Labelled by the book, the sample's questions are the task's rows, but for those that are explained."""
    found = TASKS[name]
    questions = label(problem(found.sample, found.problem), events(found.sample))
    within = [q for q in questions if found.since <= q.asked // 1000 <= found.until]
    answered = Counter(Row(q.customer, q.asked // 1000, q.y) for q in within if q.y is not None)
    assert answered + Counter(found.unanswered) == task(name)
    open_ = Counter((q.customer, q.asked // 1000) for q in within if q.y is None)
    assert open_ == Counter((row.customer, row.asked) for row in found.unanswered)
