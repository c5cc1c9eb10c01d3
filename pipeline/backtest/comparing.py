"""Several models' results as one: the first is told in full, the others stand beside it."""

from collections.abc import Sequence

import msgspec

from forestall.pipeline.backtest.result import Contender, ProblemResult, Result


def compared(results: Sequence[Result]) -> Result:
    """The first result, with the other models among its contenders, and their results as its `others`."""
    first, *others = results
    problems = [
        _with(problem, [other.problems[place].contenders[0] for other in others])
        for place, problem in enumerate(first.problems)
    ]
    return msgspec.structs.replace(first, problems=problems, others=others)


def _with(problem: ProblemResult, models: list[Contender]) -> ProblemResult:
    own, *rest = problem.contenders
    return msgspec.structs.replace(problem, contenders=[own, *models, *rest])
