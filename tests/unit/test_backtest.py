"""The backtest: what it counts, what it writes, and that nothing depends on how it is run."""

import csv
import gzip
import json
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from forestall.agents.cli.main import main
from forestall.pipeline.backtest.predictions import PredictionsFile
from forestall.pipeline.backtest.result import Result
from forestall.pipeline.backtest.run import Backtest
from forestall.pipeline.core import working
from forestall.pipeline.core.scores import scores
from forestall.pipeline.errors import ConfigurationError
from forestall.schemas.catalogue import CatalogueFile, Configuration
from tests.scenarios.samples import CATALOGUES, SAMPLES

NOW = 1_790_000_000_000
CATALOGUE = CATALOGUES / "helpdesk.toml"
EVENTS = SAMPLES / "helpdesk.jsonl.gz"


def lines(count: int = 4_000) -> list[bytes]:
    """The first lines of the helpdesk's sample."""
    with gzip.open(EVENTS, "rb") as events:
        return [line.rstrip(b"\n") for line in islice(events, count)]


def run(
    texts: list[bytes | None], path: Path | None = None, partitions: int = 1, model: str | None = None
) -> Result:
    """A backtest of these lines; `path` takes the predictions."""
    configuration = Configuration(version=0, files=[CatalogueFile("h", CATALOGUE.read_text())], salt="")
    if path is None:
        backtest = Backtest(configuration, NOW, partitions=partitions, model=model)
        for text in texts:
            backtest.take(text)
        return backtest.finish()
    with PredictionsFile(path) as rows:
        backtest = Backtest(configuration, NOW, partitions=partitions, model=model, predicted=rows)
        for text in texts:
            backtest.take(text)
        return backtest.finish()


def rows(path: Path) -> list[dict[str, str]]:
    """What was written."""
    with gzip.open(path, "rt", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def test_the_same_events_give_the_same_file(tmp_path: Path) -> None:
    """Byte for byte, whenever and wherever."""
    texts = [*lines(1_500)]
    run([*texts], tmp_path / "one.csv.gz")
    run([*texts], tmp_path / "two.csv.gz")
    assert (tmp_path / "one.csv.gz").read_bytes() == (tmp_path / "two.csv.gz").read_bytes()
    assert list(rows(tmp_path / "one.csv.gz")[0]) == [
        "problem", "question", "customer", "subject", "asked", "known", "p", "y", "treatment", "decision"
    ]  # fmt: skip


def test_every_question_is_a_row_and_the_counts_add_up(tmp_path: Path) -> None:
    """Answered, ended unlearned or still open; decisions that were held back are counted by gate."""
    result = run([*lines()], tmp_path / "p.csv.gz")
    [problem] = result.problems
    written = rows(tmp_path / "p.csv.gz")
    assert problem.questions == len(written) == problem.answered + problem.unlearned + problem.open
    assert problem.every.count == problem.answered > 500
    assert 0.25 < problem.last.count / problem.answered < 0.35
    decisions = Counter(row["decision"] for row in written)
    assert problem.held_back == {"skill": decisions["held_back:skill"]}
    assert problem.alerts["raised"] == decisions["raised"] > 100
    assert 0 < problem.came_true < problem.alerts["raised"]


def test_partitions_change_neither_questions_nor_answers(tmp_path: Path) -> None:
    """Customers are spread as Kafka would spread them; time passes in each partition with its own events."""
    found = []
    for partitions in (1, 5):
        run([*lines()], tmp_path / f"{partitions}.csv.gz", partitions)
        found.append(
            Counter(
                (r["customer"], r["asked"], r["known"], r["y"])
                for r in rows(tmp_path / f"{partitions}.csv.gz")
            )
        )
    assert found[0] == found[1]


def test_more_customers_due_than_the_window_holds_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the window of due times leaves out comes back."""
    run([*lines(1_500)], tmp_path / "all.csv.gz")
    monkeypatch.setattr(working, "DUE_LIMIT", 3)
    run([*lines(1_500)], tmp_path / "few.csv.gz")
    assert (tmp_path / "all.csv.gz").read_bytes() == (tmp_path / "few.csv.gz").read_bytes()


def test_what_is_no_event_is_a_dead_letter_by_its_cause_and_spoils_nothing(tmp_path: Path) -> None:
    """As it would be live: broken lines, events from the future (which date nothing), lines above the limit."""
    texts: list[bytes | None] = [*lines(1_500)]
    clean = run([*texts], tmp_path / "clean.csv.gz")
    future = lines(1)[0].replace(b'"time":"20', b'"time":"30')
    for place, text in enumerate((b"not json", b'{"specversion":"1.0"}', future, None, b"\xff", future)):
        texts.insert(100 * place, text)
    result = run(texts, tmp_path / "broken.csv.gz")
    assert result.run.dead_letters == {"from_the_future": 2, "not_json": 2, "wrong_shape": 1}
    assert (result.run.too_large, result.run.events) == (1, 1_505)
    assert result.problems[0].answered == clean.problems[0].answered
    assert rows(tmp_path / "broken.csv.gz") == rows(tmp_path / "clean.csv.gz")


@pytest.mark.parametrize("model", ["logistic", "tree.HoeffdingTreeClassifier"])
def test_any_classifier_of_river_takes_the_place_of_ours(model: str, tmp_path: Path) -> None:
    """The same questions and answers, other probabilities, and alerts whose one reason is the base rate."""
    ours, other = (
        run([*lines()], tmp_path / "ours.csv.gz"),
        run([*lines()], tmp_path / "other.csv.gz", model=model),
    )
    assert (ours.run.model, other.run.model) == ("forestall", model)
    assert other.problems[0].answered == ours.problems[0].answered
    assert other.problems[0].every.auroc > 0.6
    assert [row["p"] for row in rows(tmp_path / "ours.csv.gz")] != [
        row["p"] for row in rows(tmp_path / "other.csv.gz")
    ]


def test_an_unknown_model_is_refused_before_anything_runs() -> None:
    """With the names that there are."""
    with pytest.raises(ConfigurationError, match="use one of bayesian"):
        run([], model="crystal.Ball")


def test_no_events_give_no_scores() -> None:
    """And no error."""
    [problem] = run([]).problems
    assert (problem.questions, problem.lead_hours) == (0, None)


def call(*arguments: str) -> str:
    """What the command says; it must end well."""
    done = CliRunner().invoke(main, ["backtest", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_tells_and_writes_the_same_scores(tmp_path: Path) -> None:
    """A table, a JSON document, the rows, and a page."""
    events = tmp_path / "events.jsonl"
    events.write_bytes(b"\n".join(lines()) + b"\n")
    told = call("--problems", str(CATALOGUE), "--events", str(events), "--partitions", "2",
                "--json", str(tmp_path / "r.json"), "--predictions", str(tmp_path / "p.csv.gz"),
                "--report", str(tmp_path / "page.html"))  # fmt: skip
    result = json.loads((tmp_path / "r.json").read_bytes())
    [problem] = result["problems"]
    assert f"{result['run']['events']:,} events in" in told
    for score in ("auroc", "auprc", "log_loss", "calibration_error", "precision", "recall"):
        assert f"{problem['last'][score]:.3f}" in told
    assert len(rows(tmp_path / "p.csv.gz")) == problem["questions"]
    assert f"saves {problem['money']['saving_per_1000_customers']:,.0f} for each 1,000" in told
    assert f"{problem['last']['auroc']:.3f}" in (tmp_path / "page.html").read_text()


def over(written: list[dict[str, str]]) -> list[dict[str, str]]:
    """The questions whose 14 days were over when the file ended; of the others only a yes can be known."""
    end = max(float(row["asked"]) for row in written)
    return [row for row in written if row["y"] and float(row["asked"]) <= end - 14 * 86_400]


def test_what_acting_saves_is_what_the_rows_say(tmp_path: Path) -> None:
    """Counted anew from the file of predictions: one contact a customer until its horizon, at the costs declared."""
    result = run([*lines(9_000)], tmp_path / "p.csv.gz")
    [problem] = result.problems
    assert problem.money is not None
    covered: dict[str, int] = {}
    contacts = hits = 0
    customers = set()
    answered = over(rows(tmp_path / "p.csv.gz"))
    for row in sorted(answered, key=lambda row: float(row["asked"])):
        asked = int(float(row["asked"]) * 1000)
        last = asked >= problem.since
        customers.update([row["customer"]] * last)
        if float(row["p"]) > problem.threshold and covered.get(row["customer"], 0) <= asked:
            covered[row["customer"]] = asked + 14 * 86_400_000
            contacts, hits = contacts + last, hits + last * int(row["y"])
    own = problem.contenders[0].value
    assert own is not None
    assert (own.contacts, own.hits, problem.money.customers) == (contacts, hits, len(customers))
    assert own.saving == pytest.approx(hits * (0.4 * 8 + 0.5) - contacts * (1 + 0.5))
    assert own.saving_per_1000_customers == pytest.approx(own.saving / len(customers) * 1000)
    assert [rung.value for rung in problem.rungs if rung.chosen] == [own]


def test_scores_in_bins_are_those_of_the_rows(tmp_path: Path) -> None:
    """AUROC and AUPRC within .0005; log loss, calibration, precision and recall to the last digits."""
    [problem] = run([*lines(9_000)], tmp_path / "p.csv.gz").problems
    answered = over(rows(tmp_path / "p.csv.gz"))
    last = [row for row in answered if float(row["asked"]) * 1000 >= problem.since]
    for kept, made in ((answered, problem.every), (last, problem.last)):
        p, y = np.array([(float(row["p"]), float(row["y"])) for row in kept]).T.copy()
        exact = scores(p, y, np.ones(len(p)), problem.threshold)
        assert made.count == exact.count > 400
        for field in ("auroc", "auprc"):
            assert getattr(made, field) == pytest.approx(getattr(exact, field), abs=0.0005), field
        for field in ("base_rate", "log_loss", "calibration_error", "precision", "recall"):
            assert getattr(made, field) == pytest.approx(getattr(exact, field), abs=1e-9), field


def test_models_and_the_reference_stand_on_the_same_questions(tmp_path: Path) -> None:
    """Each model's scores are those it has alone; simple rules and LightGBM are beside them in the document."""
    events = tmp_path / "events.jsonl"
    events.write_bytes(b"\n".join(lines(9_000)) + b"\n")
    files = ("--problems", str(CATALOGUE), "--events", str(events))
    told = call(*files, "--model", "forestall", "--model", "logistic", "--reference", "lightgbm",
                "--json", str(tmp_path / "both.json"))  # fmt: skip
    call(*files, "--model", "logistic", "--json", str(tmp_path / "one.json"))
    [both] = json.loads((tmp_path / "both.json").read_bytes())["problems"]
    [one] = json.loads((tmp_path / "one.json").read_bytes())["problems"]
    names = [(contender["kind"], contender["name"]) for contender in both["contenders"]]
    assert names[:5] == [
        ("model", "forestall"), ("model", "logistic"), ("reference", "LightGBM, trained once"),
        ("rule", "base rate alone"), ("rule", "contact everybody"),
    ]  # fmt: skip
    assert names[5][1].startswith("count in the last 30 days")
    assert both["contenders"][1] == one["contenders"][0]
    assert {c["scores"]["count"] for c in both["contenders"] if c["scores"]} == {both["last"]["count"]}
    assert both["contenders"][2]["scores"]["auroc"] > 0.7
    for _, name in names:
        assert name in told
    best = max(c["value"]["saving_per_1000_customers"] for c in both["contenders"] if c["kind"] == "rule")
    own = both["money"]["saving_per_1000_customers"]
    assert both["money"]["over_best_rule_per_1000_customers"] == pytest.approx(own - max(0.0, best))


@pytest.mark.parametrize("arguments", [[], ["--problems", "x.toml"], ["--journal", "d", "--events", "x"]])
def test_what_must_be_given_is_said(arguments: list[str]) -> None:
    """A usage error names the options."""
    done = CliRunner().invoke(main, ["backtest", *arguments])
    assert done.exit_code == 2
    assert "--journal" in done.output


def test_a_question_whose_answer_is_late_counts_once() -> None:
    """Learn hears of it twice: when it begins to be late, and when it is answered."""
    text = (CATALOGUES / "incidents.toml").read_text()
    assert "late_after" in text
    backtest = Backtest(Configuration(version=0, files=[CatalogueFile("i", text)], salt=""), NOW)
    with gzip.open(SAMPLES / "incidents.jsonl.gz", "rb") as events:
        for line in islice(events, 12_000):
            backtest.take(line.rstrip(b"\n"))
    for problem in backtest.finish().problems:
        assert problem.questions == problem.answered + problem.unlearned + problem.open
        assert problem.answered == problem.every.count > 300
        assert problem.money is not None


def test_maturity_is_the_share_of_answers_that_are_in_and_drift_is_told() -> None:
    """Of all questions, and of those as late as the ones that the last scores are of."""
    result = run([*lines(9_000)])
    [problem] = result.problems
    assert problem.maturity == problem.answered / (problem.answered + problem.open)
    assert problem.last_maturity is not None
    assert 0.2 < problem.last_maturity < problem.maturity < 1.0
    assert problem.last.count / problem.last_maturity < problem.last.count + problem.open + 0.5
    assert problem.drifts == []
    told = (
        CliRunner().invoke(main, ["backtest", "--problems", str(CATALOGUE), "--events", str(EVENTS)]).output
    )
    assert "of those asked since the last 30 % began" in told
