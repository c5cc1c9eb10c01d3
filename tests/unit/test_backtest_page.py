"""The backtest's page: what it says, and what it must not need."""

import re
from pathlib import Path

import msgspec
import pytest

from forestall.pipeline.backtest.comparing import compared
from forestall.pipeline.backtest.page import drawing
from forestall.pipeline.backtest.page.report import write_report
from forestall.pipeline.backtest.page.words import amount, hours, percent, short_hours, verdict
from forestall.pipeline.backtest.result import Result, Treated
from forestall.pipeline.errors import ConfigurationError
from tests.unit.test_backtest import lines, run


@pytest.fixture(scope="module")
def result() -> Result:
    """Our own and one other model over the helpdesk's first events."""
    texts = lines(9_000)
    return compared([run([*texts]), run([*texts], model="logistic")])


def page_of(result: Result, path: Path) -> str:
    """The page as written."""
    write_report(path, result, "events <of> the helpdesk.jsonl.gz")
    return path.read_text("utf-8")


def test_the_same_result_gives_the_same_bytes(result: Result, tmp_path: Path) -> None:
    """So that two pages can be compared."""
    assert page_of(result, tmp_path / "one.html") == page_of(result, tmp_path / "two.html")


def test_it_is_one_file_that_fetches_nothing(result: Result, tmp_path: Path) -> None:
    """No address, no script, nothing to be loaded; small enough to be sent."""
    page = page_of(result, tmp_path / "page.html")
    assert not re.search(r"https?:|<script|<link|<img|@import|src=", page)
    assert set(re.findall(r"url\((.)", page)) <= {"#"}
    assert len(page) < 300_000
    assert "events &lt;of&gt; the helpdesk.jsonl.gz" in page


def test_ids_are_of_one_chart_each(result: Result, tmp_path: Path) -> None:
    """Charts that clip by the same name would clip each other."""
    ids = re.findall(r'\bid="([^"]*)"', page_of(result, tmp_path / "page.html"))
    assert len(ids) == len(set(ids)) > 3


def test_figures_stand_in_cards_charts_and_tables(result: Result, tmp_path: Path) -> None:
    """Those of the result: money, scores, everybody who competes, slices, and what it looks at."""
    page = page_of(result, tmp_path / "page.html")
    [problem] = result.problems
    assert problem.money is not None
    assert amount(problem.money.saving_per_1000_customers) in page
    for contender in problem.contenders:
        assert contender.name in page.replace("\N{NO-BREAK SPACE}", " ")
    for title in ("What each threshold would have saved", "How many contacts are right", "Does it keep its word?",
                  "AUROC over time", "AUPRC over time", "How long ahead", "What it looks at"):  # fmt: skip
        assert page.count(f"<h3>{title}</h3>") == 1
    assert page.count("<svg") == page.count("</svg>") == page.count("<figcaption>") == 7
    assert {part.field for part in problem.slices} >= {"customers", "data.product"}
    assert f"chosen: {problem.threshold:.2f}" in page
    assert "What contact did" not in page


def test_the_effect_of_contact_is_shown_where_there_was_contact(result: Result, tmp_path: Path) -> None:
    """Against those who were left alone."""
    [problem] = result.problems
    treated = [
        Treated(treatment="contacted", count=200, said=0.6, came=0.35),
        Treated(treatment="held_out", count=50, said=0.6, came=0.58),
    ]
    changed = msgspec.structs.replace(result, problems=[msgspec.structs.replace(problem, treatments=treated)])
    page = page_of(changed, tmp_path / "page.html")
    assert "What contact did" in page
    assert "held out" in page
    assert "25%" in page


def test_nothing_to_score_is_said_in_a_sentence(tmp_path: Path) -> None:
    """A file without an answer gives a page all the same."""
    assert "Nothing to score" in page_of(run([*lines(5)]), tmp_path / "few.html")
    assert "Nothing to score" in page_of(run([]), tmp_path / "none.html")


def test_the_verdict_says_when_it_does_not_pay(result: Result) -> None:
    """Above the rules, below them, and below nobody."""
    [problem] = result.problems
    money = problem.money
    assert money is not None
    for saved, over, words in (
        (200.0, 50.0, "more than"),
        (200.0, -50.0, "less than"),
        (-5.0, -5.0, "does not pay"),
    ):
        changed = msgspec.structs.replace(
            money, saving_per_1000_customers=saved, over_best_rule_per_1000_customers=over
        )
        assert words in " ".join(verdict(problem, changed))


def test_numbers_are_written_for_people() -> None:
    """Dashes for what is undefined, a real minus, hours and days."""
    assert [amount(-1234.5), percent(float("nan")), percent(0.004), percent(0.5)] == [
        "−1,234",
        "–",
        "0.4%",
        "50%",
    ]
    assert [hours(3.0), hours(72.0), hours(2160.0)] == ["3.0 hours", "3.0 days", "90 days"]
    assert [short_hours(3.0), short_hours(38.7), short_hours(72.0)] == ["3.0 h", "39 h", "3.0 days"]


def test_without_the_library_the_message_says_what_to_install(
    result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no half page is left."""

    def absent(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(drawing.importlib, "import_module", absent)
    with pytest.raises(ConfigurationError, match=r"forestall\[report\]"):
        write_report(tmp_path / "page.html", result, "x")
    assert not (tmp_path / "page.html").exists()
