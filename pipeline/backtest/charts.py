"""Two small charts as inline SVG, drawn here: a page of them needs no library and no script."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forestall.pipeline.core.scores import auroc

Floats = NDArray[np.float64]

_SIDE, _WIDTH, _EDGE = 260, 420, 34
BINS = 10
WINDOWS = 20
#: Fewer answers than this tell nothing in a window.
LEAST = 20


def reliability(p: Floats, y: Floats) -> str:
    """Frequency over probability, in ten bins."""
    bins = np.minimum((p * BINS).astype(int), BINS - 1)
    dots = []
    for number in range(BINS):
        inside = bins == number
        count = int(inside.sum())
        if count:
            radius = 2.0 + 8.0 * (count / len(p)) ** 0.5
            x, top = float(p[inside].mean()), float(y[inside].mean())
            dots.append(
                f'<circle class="dot" cx="{_x(x, _SIDE)}" cy="{_y(top)}" r="{radius:.1f}">'
                f"<title>{x:.2f} said, {top:.2f} came true, {count:,} questions</title></circle>"
            )
    even = f'<line class="even" x1="{_x(0, _SIDE)}" y1="{_y(0)}" x2="{_x(1, _SIDE)}" y2="{_y(1)}"/>'
    return _frame(_SIDE, "Reliability", "probability", [even, *dots])


def auroc_over_time(p: Floats, y: Floats) -> str:
    """AUROC of twenty stretches of the answers."""
    points = []
    for number, (ps, ys) in enumerate(
        zip(np.array_split(p, WINDOWS), np.array_split(y, WINDOWS), strict=True)
    ):
        if len(ps) >= LEAST and 0.0 < ys.mean() < 1.0:
            area = auroc(ps, ys, np.ones(len(ps)))
            points.append(f"{_x((number + 0.5) / WINDOWS, _WIDTH)},{_y(area)}")
    even = f'<line class="even" x1="{_x(0, _WIDTH)}" y1="{_y(0.5)}" x2="{_x(1, _WIDTH)}" y2="{_y(0.5)}"/>'
    line = f'<polyline class="line" points="{" ".join(points)}"/>'
    return _frame(_WIDTH, "AUROC over time", "answers, as they were asked", [even, line])


def _frame(width: int, title: str, along: str, content: Sequence[str]) -> str:
    ticks = "".join(
        f'<text x="4" y="{float(_y(tick)) + 4:.1f}">{tick:g}</text>' for tick in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    words = f'<text x="{_EDGE}" y="{_SIDE - 6}">{along}</text>'
    return (
        f'<svg width="{width}" height="{_SIDE}" viewBox="0 0 {width} {_SIDE}" role="img" aria-label="{title}">'
        f"{ticks}{words}{''.join(content)}</svg>"
    )


def _x(share: float, width: int) -> str:
    return f"{_EDGE + share * (width - _EDGE - 10):.1f}"


def _y(share: float) -> str:
    return f"{_SIDE - _EDGE + share * (_EDGE + 10 - _SIDE):.1f}"
