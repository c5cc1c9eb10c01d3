"""The reference trains on what was known before its test, and sees categories by their fields."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from forestall.agents.cli.main import main
from forestall.pipeline.backtest import reference
from forestall.pipeline.backtest.reference import Reference
from forestall.pipeline.core.catalogue.parse import parse
from forestall.pipeline.core.program import category_hash, compile_program
from forestall.schemas.answer import Answer
from forestall.schemas.catalogue import CatalogueFile
from forestall.schemas.event import decode_event
from tests.scenarios.samples import CATALOGUES, SAMPLES
from tests.unit.contract_samples import ANSWER

DAY = 86_400_000
PROGRAM = compile_program(
    parse(
        [
            CatalogueFile(
                "c.toml",
                """
[problem.return]
title = "Will return it"
ask = { on = "order" }
happens = { on = "return", within = "10d", same = "customer" }
features = { category = ["data.colour"] }
""",
            )
        ]
    )
)
PROBLEM = PROGRAM.problems["return"].problem


def shown(days: int, *, turned_after: int) -> Reference:
    """Twenty answers a day: red is returned and blue is not, after `turned_after` days the other way round."""
    made = Reference(PROGRAM)
    for colour in ("red", "blue"):
        event = {
            "specversion": "1.0",
            "id": "1",
            "source": "s",
            "type": "order",
            "time": "2024-01-01T00:00:00Z",
        }
        made.event(decode_event(json.dumps(event | {"customer": "c", "data": {"colour": colour}}).encode()))
    for n in range(days * 20):
        day, red = n // 20, n % 2 == 0
        y = red != (day >= turned_after)
        asked = day * DAY
        made.answered(
            Answer(
                **{name: getattr(ANSWER, name) for name in ANSWER.__struct_fields__}
                | {"problem": "return", "question": str(n), "asked": asked, "y": y}
                | {"known": asked + DAY if y else asked + 10 * DAY, "features": np.float32([1.0]).tobytes()}
                | {"categories": [category_hash("data.colour", "red" if red else "blue")]}
            )
        )
    return made


def test_it_asks_the_last_ones_and_learns_from_what_was_known_before_alone() -> None:
    """Of 100 days the last 30 are the test; what was asked in the 10 before it was not known when it began."""
    asked = shown(100, turned_after=60).ask(PROBLEM)
    assert asked is not None
    assert asked.rows_trained == 60 * 20
    assert asked.questions == [str(n) for n in range(1_400, 2_000)]
    red = asked.p[::2]
    assert red.min() > 0.9
    assert asked.y[::2].max() == 0.0


def test_only_what_was_asked_between_the_times_counts() -> None:
    """Rows of other times are neither learned nor asked."""
    asked = shown(200, turned_after=300).ask(PROBLEM, since=0, until=100 * DAY - 1)
    assert asked is not None
    assert len(asked.p) == 600


def test_too_few_rows_or_one_answer_alone_give_no_reference() -> None:
    """Nothing can be learned of nothing."""
    assert Reference(PROGRAM).ask(PROBLEM) is None
    assert shown(12, turned_after=300).ask(PROBLEM) is None


def test_the_command_shows_it_beside_ours(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--reference lightgbm` adds a column and scores of the same questions."""
    monkeypatch.setattr(reference, "GRID", {"num_leaves": (7,)})
    file = tmp_path / "result.json"
    arguments = ["backtest", "--problems", str(CATALOGUES / "helpdesk.toml"), "--reference", "lightgbm"]
    arguments += ["--events", str(SAMPLES / "helpdesk.jsonl.gz"), "--json", str(file)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "LightGBM, trained once" in result.output
    [problem] = json.loads(file.read_text())["problems"]
    assert problem["reference"]["count"] == problem["last"]["count"]
    assert 0.75 < problem["reference"]["auroc"] < 0.8
