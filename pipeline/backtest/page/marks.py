"""What charts are made of: the chart itself, and marks that several share."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from forestall.pipeline.backtest.page.drawing import COLOURS, HEIGHT, INK, SOFT
from forestall.pipeline.backtest.result import ProblemResult, Rung

Spec = dict[str, Any]


class Chart(NamedTuple):
    """A chart ready to be drawn: `alt` says what it shows, `note` how to read it; `rows` are its figures."""

    title: str
    spec: Spec
    alt: str
    note: str
    header: Sequence[str]
    rows: Sequence[tuple[str, ...]]
    height: int = HEIGHT


class Models(NamedTuple):
    """The models on the page, each with its result of the problem, the one that is told of first."""

    names: list[str]
    results: list[ProblemResult]


def across(at: float, colour: str, *, dash: bool = False) -> Spec:
    """A line at one height."""
    mark = {"type": "rule", "color": colour, "strokeDash": [4, 4] if dash else [1, 0]}
    return {
        "data": {"values": [{"at": at}]},
        "mark": mark,
        "encoding": {"y": {"field": "at", "type": "quantitative"}},
    }


def marked(at: dict[str, float], words: str, x: Spec, y: Spec, *, right: bool = False) -> list[Spec]:
    """A large dot with its words beside it, or to the left of it where it is far to the `right`."""
    dot = {
        "data": {"values": [at]},
        "mark": {"type": "point", "filled": True, "size": 110, "color": INK, "opacity": 1},
        "encoding": {"x": x, "y": y},
    }
    return [dot, label(at, words, x, y, align="right" if right else "left", colour=INK, weight=600, lift=16)]


def label(
    at: dict[str, float],
    words: str,
    x: Spec,
    y: Spec,
    *,
    align: str,
    colour: str,
    weight: int = 400,
    lift: int = 0,
) -> Spec:
    """Words above a point; by `lift` more where they are to its left, for a falling line passes there."""
    place = (
        {"align": align, "dx": 8, "dy": -10}
        if align == "left"
        else {"align": align, "dx": -2, "dy": -10 - lift}
    )
    mark = {"type": "text", "text": words, "color": colour, "fontWeight": weight, **place}
    return {"data": {"values": [at]}, "mark": mark, "encoding": {"x": x, "y": y}}


def scale(names: Sequence[str], colours: Sequence[str], *, field: str = "name", legend: bool = True) -> Spec:
    """A colour for each name."""
    domain = {"domain": list(names), "range": list(colours[: max(1, len(names))])}
    shown = (
        {"columns": 2 if max(map(len, names), default=0) < 20 else 1, "labelLimit": 300} if legend else None
    )
    return {"field": field, "type": "nominal", "sort": None, "scale": domain, "legend": shown}


def dots(names: Sequence[str]) -> Spec:
    """A colour for each name, of single points."""
    colour = scale(names, [*COLOURS[1:], SOFT])
    colour["legend"] = {"columns": 1, "labelLimit": 300, "symbolType": "circle", "symbolSize": 60}
    return colour


def thinned(rungs: Sequence[Rung]) -> list[Rung]:
    """Every tenth of probability, and the chosen one."""
    return [r for r in rungs if r.chosen or round(r.threshold * 100) % 10 == 0]
