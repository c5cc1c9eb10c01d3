"""A problem's tally, scored: what the result says of it."""

from typing import NamedTuple

import msgspec

from forestall.pipeline.backtest.categories import Categories
from forestall.pipeline.backtest.factors import factors_of
from forestall.pipeline.backtest.result import Contender, Drifted, LeadBar, ProblemResult, Rung, Value
from forestall.pipeline.backtest.slices import slices_of
from forestall.pipeline.backtest.tally import Tally
from forestall.pipeline.backtest.value import WEEK, Valuing
from forestall.pipeline.core.drift import Drift
from forestall.pipeline.core.models.protocol import Learned
from forestall.pipeline.core.program import Compiled
from forestall.pipeline.core.scores import Scores

#: The share of the answered questions, asked last, that tells how it does once it has learned.
LAST = 0.3
#: The history is shown in so many pieces, of at least so many answers.
PIECES, LEAST = 24, 50


class Seen(NamedTuple):
    """What else is known of a problem in a backtest: its model as it ended (None: it learned nothing), its drifts."""

    compiled: Compiled
    weights: Learned | None
    categories: Categories
    drifts: list[Drift]


class Beside(NamedTuple):
    """What a reference makes of the same last questions: its scores, and whom it would contact."""

    name: str
    scores: Scores
    contacts: int
    hits: int


def since_of(tally: Tally) -> int:
    """Where the last questions begin, epoch ms."""
    tally.flush()
    return tally.spread.start_of_last(LAST)


def scored(
    tally: Tally, model: str = "", seen: Seen | None = None, beside: Beside | None = None
) -> ProblemResult:
    """All that the result says of a problem; of its money and factors only where that was `seen`."""
    since, spread = since_of(tally), tally.spread
    line = spread.timeline
    last, every = spread.scores(line.since(since)), spread.scores(line.since(0))
    result = ProblemResult(
        problem=tally.problem.name,
        title=tally.problem.title,
        threshold=tally.problem.threshold,
        questions=every.count + tally.unlearned + tally.open,
        answered=every.count,
        unlearned=tally.unlearned,
        open=tally.open,
        since=since,
        every=every,
        last=last,
        alerts=dict(sorted(tally.alerts.items())),
        held_back=dict(sorted(tally.held_back.items())),
        came_true=len(tally.leads),
        lead_hours=_rounded(tally.leads.median_hours()),
        reference=beside.scores if beside is not None else None,
        over_time=spread.pieces(PIECES, LEAST),
        reliability=spread.reliability(line.since(since)),
        leads=[LeadBar(words=words, count=count) for words, count in tally.leads.bars()],
        treatments=tally.treatments(),
    )
    return _looked_into(result, tally, model, seen, beside) if seen is not None else result


def _looked_into(
    result: ProblemResult, tally: Tally, model: str, seen: Seen, beside: Beside | None
) -> ProblemResult:
    """The result with money, contenders, factors and slices."""
    since = result.since
    valuing = Valuing(tally.problem, tally.last_asked.since(since), max(0, tally.latest - since) / WEEK)
    rungs = _rungs(tally, valuing, since)
    own = next((rung.value for rung in rungs if rung.chosen), valuing.value(0, 0))
    rules = tally.rules.contenders(tally.contacts, tally.ladder, since, valuing)
    others = [_reference(beside, valuing)] if beside is not None else []
    rows = tally.sample.since(since)
    factors = (
        factors_of(rows, seen.compiled, seen.weights, seen.categories) if seen.weights is not None else []
    )
    declared = tally.problem.features.category
    fields = [f.feature for f in factors if f.feature in declared]
    fields += [field for field in declared if field not in fields]
    return msgspec.structs.replace(
        result,
        contenders=[Contender(name=model, kind="model", scores=result.last, value=own), *others, *rules],
        money=valuing.money(own, rules),
        rungs=rungs,
        factors=factors,
        maturity=tally.maturity(0, result.every.count),
        last_maturity=tally.maturity(since, result.last.count),
        drifts=[Drifted(**msgspec.structs.asdict(drift)) for drift in seen.drifts],
        slices=slices_of(rows, seen.categories, fields, tally.problem.threshold),
    )


def _rungs(tally: Tally, valuing: Valuing, since: int) -> list[Rung]:
    ladder = tally.ladder
    contacts, hits = tally.contacts.since(since)
    return [
        Rung(
            threshold=threshold,
            chosen=n == ladder.chosen,
            value=valuing.value(int(contacts[n]), int(hits[n])),
        )
        for n, threshold in enumerate(ladder.thresholds)
    ]


def _reference(beside: Beside, valuing: Valuing) -> Contender:
    value: Value = valuing.value(beside.contacts, beside.hits)
    return Contender(name=beside.name, kind="reference", scores=beside.scores, value=value)


def _rounded(hours: float | None) -> float | None:
    return None if hours is None else round(hours, 2)
