"""Charts as SVG for a page without network or script: Vega-Lite draws them (the library vl-convert)."""

import importlib
import re
from collections.abc import Mapping
from html import escape
from typing import Any

from forestall.pipeline.errors import ConfigurationError

VERSION = "5.21"
WIDTH, HEIGHT = 344, 240
INK, SOFT, GRID, MAIN, MARK, OTHERS = "#1b2733", "#5b6875", "#e6eaee", "#0b5cad", "#b4430f", "#8a97a5"
#: The first model, and those beside it.
COLOURS = (MAIN, "#b4430f", "#2e7d4f", "#7b4fa3", "#8a6d00")

_FONT = "system-ui, sans-serif"
_TEXT = {
    "labelFont": _FONT,
    "labelColor": SOFT,
    "labelFontSize": 12,
    "titleFont": _FONT,
    "titleColor": SOFT,
    "titleFontSize": 12,
    "titleFontWeight": "normal",
    "titlePadding": 10,
}
CONFIG = {
    "background": None,
    "font": _FONT,
    "view": {"stroke": None},
    "axis": {**_TEXT, "gridColor": GRID, "domainColor": OTHERS, "tickColor": OTHERS, "tickSize": 4},
    "legend": {
        **_TEXT,
        "orient": "top",
        "title": None,
        "symbolType": "stroke",
        "symbolSize": 160,
        "columns": 2,
    },
    "text": {"font": _FONT, "fontSize": 12, "color": INK},
    "aria": False,
}


class Drawing:
    """Draws charts for one page. Raises ConfigurationError where the library is not installed."""

    def __init__(self) -> None:
        try:
            self._convert: Any = importlib.import_module("vl_convert")
        except (ImportError, OSError) as error:
            problem = f"a report needs vl-convert-python, and it cannot be loaded: {error}"
            raise ConfigurationError([f"{problem}; install forestall[report]"]) from error
        self._drawn = 0

    def svg(self, spec: Mapping[str, Any], alt: str, height: int = HEIGHT) -> str:
        """The chart as an element of the page; `alt` is read out in its place."""
        whole = {
            "width": WIDTH,
            "height": height,
            "autosize": {"type": "fit", "contains": "padding"},
            "padding": 4,
            "config": CONFIG,
            **spec,
        }
        drawn: str = self._convert.vegalite_to_svg(whole, vl_version=VERSION)
        self._drawn += 1
        return _for_page(drawn, alt, f"c{self._drawn}-")


def _for_page(svg: str, alt: str, prefix: str) -> str:
    """Without what only a file of its own needs, and with ids that no other chart on the page has."""
    head, _, body = svg.partition(">")
    box = re.search(r'viewBox="[^"]*"', head)
    assert box is not None
    ids: dict[str, int] = {}
    body = re.sub(
        r'\b(id="|url\(#)(\w+)', lambda at: f"{at[1]}{prefix}{ids.setdefault(at[2], len(ids))}", body
    )
    body = re.sub(r' (class|aria-[a-z]+|role|pointer-events)="[^"]*"', "", body)
    body = re.sub(r'<path d="(M0,0h0v0h0Z)?"[^>]*/>', "", body)
    body = re.sub(r"(\.\d\d)\d+", r"\1", body)
    return f'<svg {box.group()} role="img" aria-label="{escape(alt)}">{body}'
