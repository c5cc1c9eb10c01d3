"""The backtest's page in a browser: readable on a telephone and on a desk, with no network and no errors."""

import gzip
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Page

from forestall.agents.cli.main import main
from tests.scenarios.samples import CATALOGUES, SAMPLES

WIDTHS = (390, 768, 1280)
#: Text of a chart that is cut off at its edge, by more than a pixel or two.
CUT_OFF = """() => [...document.querySelectorAll('figure svg')].flatMap(svg => {
    const box = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('text')].filter(text => {
        const at = text.getBoundingClientRect();
        return at.width && (at.left < box.left - 2 || at.right > box.right + 2 || at.bottom > box.bottom + 2);
    }).map(text => text.textContent);
})"""
#: The smallest text of the charts, in pixels as shown.
SMALLEST = """() => Math.min(...[...document.querySelectorAll('figure svg text')].map(text =>
    parseFloat(getComputedStyle(text).fontSize) * text.ownerSVGElement.getBoundingClientRect().width
    / text.ownerSVGElement.viewBox.baseVal.width))"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of two problems and two models, from the first half of the shop's year."""
    folder = tmp_path_factory.mktemp("report")
    events = folder / "shop.jsonl"
    with gzip.open(SAMPLES / "retail.jsonl.gz") as lines:
        events.write_bytes(b"".join(islice(lines, 8_000)))
    page = folder / "page.html"
    arguments = ["backtest", "--problems", str(CATALOGUES / "retail.toml"), "--events", str(events),
                 "--model", "forestall", "--model", "logistic", "--reference", "lightgbm",
                 "--report", str(page)]  # fmt: skip
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return page


@pytest.fixture(params=WIDTHS)
def opened(request: pytest.FixtureRequest, browser: Browser, report: Path) -> Iterator[Page]:
    """The page at one width; what it asks the network for and what it complains of is noted, and must be nothing."""
    page = browser.new_page(viewport={"width": request.param, "height": 900})
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda made: asked.append(made.url))
    page.goto(report.as_uri())
    yield page
    assert complaints == []
    assert asked == [report.as_uri()]
    page.close()


def test_the_page_fits_its_width(opened: Page) -> None:
    """Nothing makes the whole page scroll sideways; wide tables scroll by themselves."""
    assert opened.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert opened.evaluate(
        "[...document.querySelectorAll('.scroll')].every(s => s.clientWidth <= innerWidth)"
    )


def test_charts_are_whole_and_readable(opened: Page) -> None:
    """No label is cut off, and no text is smaller than 11 pixels."""
    assert opened.locator("figure svg").count() >= 10
    assert opened.evaluate(CUT_OFF) == []
    assert opened.evaluate(SMALLEST) >= 11


def test_the_figures_behind_a_chart_can_be_opened(opened: Page) -> None:
    """Without a script: a table unfolds."""
    first = opened.locator("figure").first
    assert not first.locator("table").is_visible()
    first.locator("summary").click()
    assert first.locator("table").is_visible()
    assert opened.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_it_can_be_read_without_seeing(opened: Page) -> None:
    """Every chart has a text in its place, every table a name and heads, headings go down by one."""
    for chart in opened.locator("svg").all():
        assert chart.get_attribute("role") == "img"
        assert len(chart.get_attribute("aria-label") or "") > 20
    assert opened.locator(".scroll:not([aria-label])").count() == 0
    assert opened.locator("table:not(:has(thead th[scope=col]))").count() == 0
    levels = [int(heading.evaluate("h => h.tagName[1]")) for heading in opened.locator("h1, h2, h3").all()]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert opened.locator("html").get_attribute("lang") == "en"
