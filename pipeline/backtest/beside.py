"""The reference beside the model: asked the same last questions, and free to contact from where the model left off."""

from collections.abc import Hashable, Mapping

import numpy as np

from forestall.pipeline.backtest.contacts import contact
from forestall.pipeline.backtest.reference import NAME, Reference
from forestall.pipeline.backtest.scoring import Beside
from forestall.pipeline.core.catalogue.declaration import Problem
from forestall.pipeline.core.models.arrays import Floats, Integers
from forestall.pipeline.core.scores import scores
from forestall.schemas.answer import Answer

#: Of each question by its hash: who is contacted at most once about its problem, and until when (epoch ms).
Cover = Mapping[str, tuple[Hashable, int]]


def beside(reference: Reference, problem: Problem, since: int, cover: Cover) -> Beside | None:
    """What the reference makes of the questions asked since then (epoch ms); None where it learned nothing.

    Up to then the model's contacts are made, so that both begin with the same customers covered.
    """
    asked = reference.ask(problem, start=since)
    if asked is None:
        return None
    p_of = dict(zip(asked.questions, asked.p.tolist(), strict=True))
    rows = reference.rows(problem)
    p = np.array([p_of.get(answer.question, answer.p) for answer in rows])
    contacts, hits = _contacted(rows, p, problem.threshold, since, cover)
    found = scores(asked.p, asked.y, np.ones(len(asked.p)), problem.threshold)
    return Beside(NAME, found, contacts, hits)


def _contacted(rows: list[Answer], p: Floats, threshold: float, since: int, cover: Cover) -> tuple[int, int]:
    places: dict[Hashable, int] = {}
    key = np.array([places.setdefault(cover[a.question][0], len(places)) for a in rows], np.int64)
    until = np.array([cover[answer.question][1] // 1000 for answer in rows], np.int64)
    asked: Integers = np.array([answer.asked for answer in rows], np.int64)
    y = np.array([float(answer.y) for answer in rows])
    covers, (contacts, hits) = np.zeros((len(places), 1), np.uint32), np.zeros((2, 2, 1))
    level, later = (p > threshold).astype(np.int64), (asked >= since).astype(np.int64)
    contact(0, level, key, asked // 1000, until, y, later, covers, contacts, hits)
    return int(contacts[1, 0]), int(hits[1, 0])
