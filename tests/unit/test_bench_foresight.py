"""The foresight benchmark scores every model on the same rows of a task, with intervals that hold the score."""

import pytest
from rich.console import Console

from forestall.pipeline.backtest import reference
from tests.bench import foresight
from tests.scenarios.samples import TASKS
from tests.scenarios.task_rows import task


@pytest.fixture(scope="module")
def found() -> dict:
    """The quick run, with few draws and one setting of the reference."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "GRID", {"num_leaves": (7,)})
        return foresight.run(Console(quiet=True), quick=True, draws=20)


def test_all_models_are_scored_on_the_tasks_own_rows(found: dict) -> None:
    """The last 30 % of the published task's rows, each model with every score and its interval."""
    e1 = found["tasks"]["E1"]
    assert e1["rows"] == 1_365 == round(0.3 * sum(task("E1").values()))
    assert list(e1["models"]) == ["default", "boosted", "LightGBM once"]
    for scores in e1["models"].values():
        for metric in foresight.METRICS:
            value, lower, upper = scores[metric]
            assert lower < upper
            if metric != "calibration_error":  # drawn anew it is larger: noise is error
                assert lower < value < upper


def test_the_default_is_far_above_chance_and_quick_to_ask(found: dict) -> None:
    """What the catalogue alone gives on the smallest sample; a prediction takes microseconds."""
    default = found["tasks"]["E1"]["models"]["default"]
    assert default["auroc"][0] > 0.77
    assert default["us_a_prediction"] < 500
    assert found["mean"]["default"]["auroc"] == default["auroc"][0]


def test_every_task_has_its_published_anchor() -> None:
    """No task is left without one."""
    assert foresight.ANCHORS.keys() == TASKS.keys()
