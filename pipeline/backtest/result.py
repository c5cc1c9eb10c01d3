"""What a backtest comes to, as one JSON document."""

import msgspec

from forestall.pipeline.core.scores import Scores


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """How it went. `dead_letters` by cause; `too_large` lines were skipped, as a replay would skip them."""

    model: str
    partitions: int
    events: int
    too_large: int
    dead_letters: dict[str, int]
    seconds: float
    events_a_second: int
    us_an_event: float


class ProblemResult(msgspec.Struct, frozen=True, kw_only=True):
    """One problem's scores: over every answer from the first on, and over the last ones; `reference` are those of
    LightGBM over the last ones.

    `questions` = `answered` + `unlearned` (superseded, given up, dropped) + `open` (outlive the file). `alerts` by
    state counts changes of alerts; `held_back` by gate counts predictions that were worth an alert.
    `came_true` of the alerts did; `lead_hours` is the median from raised to come.
    """

    problem: str
    title: str
    threshold: float
    questions: int
    answered: int
    unlearned: int
    open: int
    every: Scores
    last: Scores
    alerts: dict[str, int]
    held_back: dict[str, int]
    came_true: int
    lead_hours: float | None
    reference: Scores | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The whole."""

    run: Run
    problems: list[ProblemResult]
