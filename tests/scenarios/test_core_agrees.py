"""The backtest, over the shipped samples, asks the questions of the published tasks, gets their answers, and foresees
them as well as it should."""

import csv
import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from forestall.pipeline.backtest.predictions import PredictionsFile
from forestall.pipeline.backtest.run import Backtest
from forestall.pipeline.core.scores import auroc
from forestall.schemas.catalogue import CatalogueFile, Configuration
from tests.scenarios.samples import CATALOGUES, SAMPLES, TASKS
from tests.scenarios.task_rows import Row, task

NOW = 1_790_000_000_000
#: The three backtests take a minute or two of CPU, more where others compute beside.
pytestmark = pytest.mark.timeout(1200)

#: The least AUROC over the last 30 % of each task's rows.
BARS = {"A1": 0.78, "A2": 0.80, "A3b": 0.65, "C1": 0.74, "C2": 0.80, "E1": 0.76}

#: A row of the predictions: customer, asked (s), answer; and its probability.
Foreseen = dict[str, list[tuple[Row, float]]]


@pytest.fixture(scope="module")
def foreseen(tmp_path_factory: pytest.TempPathFactory) -> Foreseen:
    """Every answered question of all samples by problem, as `--predictions` writes them; each sample runs once."""
    found: Foreseen = {}
    for sample in sorted({found_in.sample for found_in in TASKS.values()}):
        path = tmp_path_factory.mktemp(sample) / "predictions.csv.gz"
        write_predictions(sample, path)
        with gzip.open(path, "rt", encoding="utf-8") as rows:
            for row in csv.DictReader(rows):
                if row["y"]:
                    answered = Row(row["customer"], int(row["asked"]), int(row["y"]))
                    found.setdefault(row["problem"], []).append((answered, float(row["p"])))
    return found


def write_predictions(sample: str, path: Path) -> None:
    """A backtest of a sample with its catalogue."""
    files = [CatalogueFile(sample, (CATALOGUES / f"{sample}.toml").read_text())]
    with PredictionsFile(path) as rows, gzip.open(SAMPLES / f"{sample}.jsonl.gz", "rb") as lines:
        backtest = Backtest(Configuration(version=0, files=files, salt=""), NOW, predicted=rows)
        for line in lines:
            backtest.take(line.rstrip(b"\n"))
        assert backtest.finish().run.dead_letters == {}


@pytest.mark.parametrize("name", TASKS)
def test_the_backtest_gives_every_row_of_the_task(foreseen: Foreseen, name: str) -> None:
    """Joined as a multiset of customer, moment and answer, nothing is left over but what is explained."""
    found = TASKS[name]
    answered = Counter(row for row, _ in foreseen[found.problem] if found.since <= row.asked <= found.until)
    assert answered + Counter(found.unanswered) == task(name)


@pytest.mark.parametrize("name", TASKS)
def test_the_backtest_foresees_the_tasks_last_rows_well(foreseen: Foreseen, name: str) -> None:
    """AUROC over the last 30 % of the task's rows in time, each with the probability that it was given when asked."""
    rows = task(name)
    asked = np.sort([row.asked for row in rows.elements()])
    first = np.quantile(asked, 0.7)
    pairs = [(p, row.y) for row, p in foreseen[TASKS[name].problem] if row.asked >= first and row in rows]
    expected = sum(count for row, count in rows.items() if row.asked >= first)
    assert expected - len(TASKS[name].unanswered) <= len(pairs) <= expected
    p, y = np.array(pairs, np.float64).T.copy()
    assert auroc(p, y, np.ones(len(p))) >= BARS[name]
