"""Charts of how well it foresees: over time, whether it keeps its word, and what it looks at."""

from collections.abc import Sequence
from math import isnan
from typing import Any

from forestall.pipeline.backtest.page.drawing import COLOURS, GRID, HEIGHT, INK, MAIN, MARK, OTHERS, SOFT
from forestall.pipeline.backtest.page.marks import Chart, Models, Spec, across, scale
from forestall.pipeline.backtest.page.words import day, percent
from forestall.pipeline.backtest.result import Piece, ProblemResult

#: Features that are shown, and their longest words.
FACTORS, LONGEST = 10, 26
DIRECTIONS = {1: "more means more risk", -1: "more means less risk", 0: "depends on the value"}
_COLOURS = {1: MARK, -1: MAIN, 0: OTHERS}


def auroc(one: ProblemResult, models: Models) -> Chart | None:
    """AUROC along the history, of every model."""
    return _over_time(
        "AUROC over time",
        "auroc",
        models,
        "How well risks are told apart: the chance that a case that came true had the higher probability. "
        "0.5 is a coin; the grey band is the last 30 %, which the scores above are of.",
        0.5,
    )


def auprc(one: ProblemResult, models: Models) -> Chart | None:
    """AUPRC and the base rate along the history."""
    return _over_time(
        "AUPRC over time",
        "auprc",
        models,
        "How pure the top of the list is. Knowing nothing, it would be the base rate: the dashed line.",
        None,
    )


def _over_time(title: str, field: str, models: Models, note: str, chance: float | None) -> Chart | None:
    pieces = [[p for p in result.over_time if not isnan(getattr(p, field))] for result in models.results]
    if len(pieces[0]) < 2:
        return None
    x: Spec = {"field": "x", "type": "temporal", "title": None, "scale": {"type": "utc"}}
    x["axis"] = {"tickCount": 5, "grid": False, "labelOverlap": True}
    y = {"field": "y", "type": "quantitative", "title": field.upper(), "scale": {"zero": False, "nice": True}}
    last = {"x": models.results[0].since, "x2": pieces[0][-1].until}
    band = {
        "data": {"values": [last]},
        "mark": {"type": "rect", "color": GRID, "opacity": 0.7},
        "encoding": {"x": x, "x2": {"field": "x2"}},
    }
    lines = {
        "data": {"values": _points(models.names, pieces, field)},
        "mark": {"type": "line", "strokeWidth": 2.5},
        "encoding": {"x": x, "y": y, "color": scale(models.names, COLOURS, legend=len(models.names) > 1)},
    }
    base = {
        "data": {"values": _points([""], pieces[:1], "base_rate")},
        "mark": {"type": "line", "color": SOFT, "strokeDash": [4, 4]},
        "encoding": {"x": x, "y": y},
    }
    known = base if chance is None else across(chance, SOFT, dash=True)
    begin, end = getattr(pieces[0][0], field), getattr(pieces[0][-1], field)
    return Chart(
        title,
        {"layer": [band, known, lines]},
        f"{title}, from {begin:.2f} in the first piece of the history to {end:.2f} in the last.",
        note,
        ("until", "answers", "base rate", field.upper()),
        [(day(p.until), f"{p.count:,}", percent(p.base_rate), f"{getattr(p, field):.3f}") for p in pieces[0]],
        HEIGHT + (24 if len(models.names) > 1 else 0),
    )


def _points(names: Sequence[str], pieces: Sequence[Sequence[Piece]], field: str) -> list[dict[str, Any]]:
    return [
        {"x": _middle(piece), "y": getattr(piece, field), "name": name}
        for name, found in zip(names, pieces, strict=True)
        for piece in found
    ]


def reliability(one: ProblemResult, models: Models) -> Chart | None:
    """What came of what was said."""
    if not one.reliability:
        return None
    total = sum(bin_.count for bin_ in one.reliability)
    points = [{"x": b.said, "y": b.came, "n": b.count} for b in one.reliability]
    whole: Spec = {
        "type": "quantitative",
        "axis": {"format": "%", "tickCount": 5},
        "scale": {"domain": [0, 1]},
    }
    x, y = (
        {"field": "x", "title": "probability that was said", **whole},
        {"field": "y", "title": "came true", **whole},
    )
    size = {"field": "n", "type": "quantitative", "legend": None, "scale": {"range": [20, 300], "zero": True}}
    even = {
        "data": {"values": [{"x": 0, "y": 0}, {"x": 1, "y": 1}]},
        "mark": {"type": "line", "color": SOFT, "strokeDash": [4, 4]},
        "encoding": {"x": x, "y": y},
    }
    curve = {
        "data": {"values": [point for point in points if point["n"] >= max(10, total / 1000)]},
        "mark": {"type": "line", "color": MAIN, "strokeWidth": 2},
        "encoding": {"x": x, "y": y},
    }
    found = {
        "mark": {"type": "circle", "color": MAIN, "opacity": 0.85},
        "encoding": {"x": x, "y": y, "size": size},
    }
    return Chart(
        "Does it keep its word?",
        {"data": {"values": points}, "layer": [even, curve, found]},
        f"Reliability curve of the last {total:,} answers; calibration error {one.last.calibration_error:.3f}.",
        "Of the cases that were given 40 %, 40 % should come true: on the dashed line. Larger dots are more cases.",
        ("said", "came true", "questions"),
        [(percent(b.said), percent(b.came), f"{b.count:,}") for b in one.reliability],
        HEIGHT + 20,
    )


def factors(one: ProblemResult, models: Models) -> Chart | None:
    """What moves the predictions."""
    shown = one.factors[:FACTORS]
    if not shown:
        return None
    values = [{"name": _short(f.words), "y": f.weight, "kind": DIRECTIONS[f.direction]} for f in shown]
    axis = {"labelLimit": 190, "minExtent": 165, "domain": False, "ticks": False, "labelColor": INK}
    y = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": axis}
    x = {"field": "y", "type": "quantitative", "title": "mean effect, in logits", "axis": {"tickCount": 4}}
    used = [direction for direction in DIRECTIONS if any(f.direction == direction for f in shown)]
    colour = scale([DIRECTIONS[d] for d in used], [_COLOURS[d] for d in used], field="kind")
    colour["legend"] = {"symbolType": "square", "symbolSize": 90, "columns": 1, "orient": "bottom"}
    bars = {"mark": {"type": "bar", "cornerRadiusEnd": 2}, "encoding": {"x": x, "y": y, "color": colour}}
    return Chart(
        "What it looks at",
        {"data": {"values": values}, **bars},
        "The features that move the predictions most: " + ", ".join(f.words for f in shown[:4]) + ".",
        "By how much each moves a prediction on the average, by the model as it was at the end.",
        ("feature", "mean effect", "direction"),
        [(f.words, f"{f.weight:.3f}", DIRECTIONS[f.direction]) for f in one.factors],
        110 + 22 * len(shown),
    )


def _short(words: str) -> str:
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


def _middle(piece: Piece) -> int:
    return (piece.since + piece.until) // 2
