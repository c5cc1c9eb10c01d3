"""A reference to hold the backtest against: LightGBM as it is commonly used, tuned and trained once, on the same rows.

It is trained on the questions whose answer was known before the test begins, with its settings chosen on the last
of these, and then asked the rest: the questions asked last, those that `last` in a backtest's result scores.
"""

import importlib
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from forestall.pipeline.backtest.scoring import LAST
from forestall.pipeline.core.catalogue.declaration import Problem
from forestall.pipeline.core.features import Floats, lookup
from forestall.pipeline.core.program import Program, category_seed, seeded_hash
from forestall.pipeline.errors import ConfigurationError
from forestall.schemas.answer import Answer
from forestall.schemas.event import Event

NAME = "LightGBM, trained once"
#: The share of the training rows, asked last, to tune on.
TUNING = 0.3
#: The settings that are tried, each with as many rounds as are best.
GRID = {"num_leaves": (7, 31), "min_data_in_leaf": (20, 100), "lambda_l2": (1.0, 20.0)}
FIXED = {
    "objective": "binary",
    "learning_rate": 0.05,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "num_threads": 1,
    "seed": 0,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}
ROUNDS, PATIENCE = 400, 40
LEAST_ROWS = 100


class Asked(NamedTuple):
    """What the reference says of a problem's test rows: the questions by their hashes, with `p` and `y`.
    `settings` are those it chose."""

    questions: list[str]
    p: Floats
    y: Floats
    rows_trained: int
    settings: dict[str, float]


class Reference:
    """Is shown every event and every answer, then asked. It holds all rows in memory, unlike all else here.

    Raises ConfigurationError where LightGBM is not installed.
    """

    def __init__(self, program: Program) -> None:
        try:
            self._lightgbm: Any = importlib.import_module("lightgbm")
        except (ImportError, OSError) as error:
            raise ConfigurationError(
                [
                    f"the reference needs LightGBM, and it cannot be loaded: {error}; install forestall[boosting]"
                ]
            ) from error
        self._paths = program.layout.category_paths
        self._seeds = (*program.category_seeds, category_seed("type"))
        self._field_of: dict[int, int] = {}
        self._answers: dict[str, list[Answer]] = {}

    def event(self, event: Event) -> None:
        """Learns which hash is a category of which field."""
        values = [lookup(event.data, path) if event.data else None for path in self._paths]
        for field, (seed, value) in enumerate(zip(self._seeds, [*values, event.type], strict=True)):
            if value is not None:
                self._field_of[seeded_hash(seed, value)] = field

    def answered(self, answer: Answer) -> None:
        """Keeps a row, once it has its answer."""
        if answer.stage == "open":
            return
        self._answers.setdefault(answer.problem, []).append(answer)

    def rows(self, problem: Problem) -> list[Answer]:
        """A problem's answers, in the order in which they were asked."""
        return sorted(self._answers.get(problem.name, []), key=lambda answer: answer.asked)

    def ask(
        self, problem: Problem, since: int = 0, until: int = 1 << 62, start: float | None = None
    ) -> Asked | None:
        """Trains, and asks the test rows among the questions asked between these times (epoch ms): those since
        `start`, else the last 30 %. None where there are too few, or one answer alone."""
        kept = [answer for answer in self.rows(problem) if since <= answer.asked <= until]
        asked = np.array([answer.asked for answer in kept])
        if start is None:
            start = float(np.quantile(asked, 1.0 - LAST)) if kept else 0.0
        horizon = problem.happens.within if problem.happens is not None else 0
        known = np.array([max(answer.known, answer.asked + horizon) for answer in kept])
        train, test = np.flatnonzero(known < start), np.flatnonzero(asked >= start)
        y = np.array([float(answer.y) for answer in kept])
        if len(train) < LEAST_ROWS or len(test) == 0 or len(np.unique(y[train])) < 2:
            return None
        rows = self._rows(kept)
        booster, settings = self._tuned(rows, y, train)
        p = np.array(booster.predict(rows[test]))
        return Asked([kept[n].question for n in test], p, y[test], len(train), settings)

    def _rows(self, answers: list[Answer]) -> Floats:
        """The columns, then a code for each category field and the type (NaN: none), the weekday and the hour."""
        columns = np.array([np.frombuffer(answer.features, "<f4") for answer in answers], np.float64)
        codes = np.full((len(answers), len(self._seeds) + 2), np.nan)
        known: dict[int, int] = {}
        for row, answer in enumerate(answers):
            for category in answer.categories:
                field = self._field_of.get(category)
                if field is not None:
                    codes[row, field] = known.setdefault(category, len(known))
            codes[row, -2:] = answer.asked // 86_400_000 % 7, answer.asked // 3_600_000 % 24
        return np.hstack([columns, codes])

    def _tuned(self, rows: Floats, y: Floats, train: np.ndarray[Any, Any]) -> tuple[Any, dict[str, float]]:
        first = int(len(train) * (1.0 - TUNING))
        tuned: list[tuple[float, int, dict[str, float]]] = []
        for values in product(*GRID.values()):
            settings = dict(zip(GRID, values, strict=True))
            data = self._data(rows, y, train[:first], settings)
            held_out = self._data(rows, y, train[first:], settings, data)
            stop = self._lightgbm.early_stopping(PATIENCE, verbose=False)
            parameters = FIXED | settings
            booster = self._lightgbm.train(parameters, data, ROUNDS, [held_out], callbacks=[stop])
            loss = booster.best_score["valid_0"]["binary_logloss"]
            tuned.append((loss, len(tuned), settings | {"rounds": max(1, booster.best_iteration)}))
        best = min(tuned)[2]
        settings = {name: value for name, value in best.items() if name != "rounds"}
        data = self._data(rows, y, train, settings)
        return self._lightgbm.train(FIXED | settings, data, int(best["rounds"])), best

    def _data(
        self, rows: Floats, y: Floats, chosen: Any, settings: dict[str, Any], reference: Any = None
    ) -> Any:
        fields = range(rows.shape[1] - len(self._seeds) - 2, rows.shape[1] - 2)
        return self._lightgbm.Dataset(
            rows[chosen],
            y[chosen],
            categorical_feature=list(fields),
            params=FIXED | settings,
            reference=reference,
        )
