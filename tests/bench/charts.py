"""What a benchmark found, as charts for the page: SVG files, drawn by Vega-Lite (the library vl-convert)."""

import importlib
import math
import re
from typing import Any

from forestall.pipeline.backtest.page.drawing import COLOURS, CONFIG, GRID, INK, MAIN, MARK, OTHERS, VERSION
from tests.bench.latency import CURVE

Spec = dict[str, Any]
#: A frame around what is drawn, white also where a page is dark.
_CONFIG = {**CONFIG, "background": "#ffffff"}
AIM_MS = 250
#: A reader's font may be wider than the library's: room for names at an axis, and between those of a legend.
ROOM, BETWEEN = 235, 40


def svg(spec: Spec) -> str:
    """The file's text, with no more decimals than can be seen."""
    convert: Any = importlib.import_module("vl_convert")
    drawn: str = convert.vegalite_to_svg({"padding": 10, "config": _CONFIG, **spec}, vl_version=VERSION)
    drawn = re.sub(r' (class|aria-[a-z]+|role|pointer-events)="[^"]*"', "", drawn)
    drawn = re.sub(r'<path d="(M0,0h0v0h0Z)?"[^>]*/>', "", drawn)
    return re.sub(r"(\.\d\d)\d+", r"\1", drawn) + "\n"


def throughput(found: dict[str, Any]) -> Spec:
    """CPU an event of every system: from the start of its process, and warm."""
    points = [
        {"system": one["title"], "us": one[key], "what": what, "ours": "count" not in one["title"]}
        for one in found["systems"].values()
        for key, what in (("whole_us", "whole process"), ("cpu_us", "warm"))
        if one.get(key)
    ]
    order = list(dict.fromkeys(point["system"] for point in points))
    y = {"field": "system", "type": "nominal", "sort": order, "title": None}
    y["axis"] = {"labelLimit": 300, "minExtent": ROOM, "grid": True, "tickSize": 0, "labelColor": INK}
    x = _log("us", "CPU µs an event, logarithmic", [1, 2, 5, 10, 20, 50, 100, 200, 500])
    ours = {"field": "ours", "type": "nominal", "scale": {"domain": [True, False], "range": [MAIN, OTHERS]}}
    what = {"field": "what", "type": "nominal", "scale": {"domain": ["warm", "whole process"]}}
    what["scale"]["range"] = ["circle", "diamond"]
    what["legend"] = {"symbolType": None, "columns": 2, "orient": "top"}
    link = {"mark": {"type": "line", "strokeWidth": 1.5}, "encoding": {"y": y, "x": x, "detail": y}}
    dots = {"mark": {"type": "point", "filled": True, "size": 70, "opacity": 1}}
    dots["encoding"] = {"y": y, "x": x, "shape": what}
    for layer in (link, dots):
        layer["encoding"]["color"] = {**ours, "legend": None}
    return {"data": {"values": points}, "width": 420, "height": {"step": 24}, "layer": [link, dots]}


def latency(found: dict[str, Any]) -> Spec:
    """By load, how long the slowest took: until the queue had it, and until the topic did."""
    panels = {"claimable": "Claimable in the queue", "on_topic": "On the topic, read committed"}
    size = {"width": 260, "height": 220}
    points = {key: _tail(found["loads"], key) for key in panels}
    y = _log("ms", "ms, logarithmic", [5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000])
    y["scale"]["domain"] = _around([AIM_MS, *(point["ms"] for some in points.values() for point in some)])
    aim = {"data": {"values": [{"ms": AIM_MS, "is": f"p99 at 50 %: {AIM_MS} ms"}]}}
    rule = {"mark": {"type": "rule", "strokeDash": [4, 4], "color": MARK}}
    words = {"mark": {"type": "text", "align": "right", "x": size["width"] - 4, "dy": 9, "color": MARK}}
    words["encoding"] = {"text": {"field": "is"}}
    aims = {"claimable": [{**aim, "encoding": {"y": y}, "layer": [rule, words]}]}
    return {
        "hconcat": [
            {"title": _title(title), **size, "layer": [_tails(points[key], y), *aims.get(key, ())]}
            for key, title in panels.items()
        ]
    }


def _tail(loads: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Of each load the quantiles that it has alerts enough for."""
    return [
        {"load": f"{load.replace('%', ' %')} of the maximum", "nines": -math.log10(1 - q), "ms": max(ms, 1.0)}
        for load, one in loads.items()
        for q, ms in zip(CURVE, one[key].get("curve_ms", ()), strict=False)
        if 1 / (1 - q) <= one[key]["alerts"]
    ]


def _tails(points: list[dict[str, Any]], y: Spec) -> Spec:
    x = {"field": "nines", "type": "quantitative", "title": "percentile", "scale": {"domain": [0.3, 3.3]}}
    x["axis"] = {"values": [0.30103, 1, 2, 3], "grid": False, "labelFlush": False}
    x["axis"]["labelExpr"] = "{0: '50', 1: '90', 2: '99', 3: '99.9'}[round(datum.value - 0.1)]"
    loads = list(dict.fromkeys(point["load"] for point in points))
    colour = {"field": "load", "type": "nominal", "scale": {"domain": loads, "range": list(COLOURS[:3])}}
    colour["legend"] = {"orient": "bottom", "columns": 3, "columnPadding": BETWEEN}
    encoding = {"x": x, "y": y, "color": colour}
    return {"data": {"values": points}, "mark": {"type": "line", "strokeWidth": 2.5}, "encoding": encoding}


def memory(found: dict[str, Any]) -> Spec:
    """By number of customers: CPU an event, bytes a customer, the worker's memory."""
    sizes = sorted(found["customers"].values(), key=lambda one: one["customers"])

    def points(**lines: Any) -> list[dict[str, Any]]:
        return [
            {"customers": one["customers"], "value": read(one), "of": name.replace("_", " ")}
            for name, read in lines.items()
            for one in sizes
        ]

    panels = (
        ("CPU µs an event, warm", points(worker=lambda o: o["cpu_us"], its_cores=lambda o: o["core_us"])),
        (
            "Redis, bytes a customer",
            points(
                documents_and_due_index=lambda o: sum(
                    o["redis_bytes_a_customer"][k] for k in ("documents", "due")
                ),
                median_document=lambda o: o["document_bytes"]["median"],
            ),
        ),
        ("Worker's memory, MB", points(worker=lambda o: o["worker_mb"])),
    )
    return {
        "hconcat": [_growth(title, values) for title, values in panels],
        "resolve": {"scale": {"color": "independent"}},
    }


def _growth(title: str, values: list[dict[str, Any]]) -> Spec:
    x = {"field": "customers", "type": "quantitative", "title": "customers"}
    x["scale"] = {"type": "log", "domain": _around([value["customers"] for value in values])}
    x["axis"] = {"values": [1e3, 1e4, 1e5, 1e6], "format": "~s", "grid": False}
    y = {"field": "value", "type": "quantitative", "title": None, "scale": {"zero": True, "nice": True}}
    lines = list(dict.fromkeys(value["of"] for value in values))
    colour = {
        "field": "of",
        "type": "nominal",
        "scale": {"domain": lines, "range": list(COLOURS[: len(lines)])},
    }
    colour["legend"] = {"orient": "bottom", "columns": 1} if len(lines) > 1 else None
    line = {"mark": {"type": "line", "strokeWidth": 2.5}, "encoding": {"x": x, "y": y, "color": colour}}
    dots = [
        {
            "transform": [{"filter": {"field": "of", "equal": of}}],
            "mark": {"type": "point", "filled": True, "opacity": 1, "size": 45, "color": shown},
            "encoding": {"x": x, "y": y},
        }
        for of, shown in zip(lines, COLOURS, strict=False)
    ]
    size = {"width": 200, "height": 180}
    return {"title": _title(title), **size, "data": {"values": values}, "layer": [line, *dots]}


def _around(values: list[float]) -> list[float]:
    """A logarithmic axis that has room for all of them."""
    return [min(values) * 0.8, max(values) * 1.25]


def _log(field: str, title: str, values: list[int]) -> Spec:
    axis = {"values": values, "gridColor": GRID, "format": "d"}
    scale = {"type": "log", "zero": False}
    return {"field": field, "type": "quantitative", "title": title, "scale": scale, "axis": axis}


def _title(text: str) -> Spec:
    return {"text": text, "fontSize": 13, "font": CONFIG["font"], "color": INK, "anchor": "start"}
