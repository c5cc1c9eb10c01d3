"""Both processors in one process, learning in line: what the backtest and the demo's score stand on."""

from collections.abc import Callable, Mapping

from forestall.pipeline.core.effects import Effect, Record
from forestall.pipeline.core.ending import prediction_of
from forestall.pipeline.core.foresee import Foresee
from forestall.pipeline.core.learn import Learn
from forestall.pipeline.core.partition import Prediction
from forestall.pipeline.core.protocol import Core

#: No document is ever missing for long, and nothing is committed: the budget is out of the way.
NO_LIMIT = 1 << 60


class Inline:
    """`partitions` foresee cores and one learn core. Every answer is learned at once, every notice taken at once.

    `carry_out` is given every effect that is for neither core (alerts, decisions, dead letters, queue).
    """

    def __init__(self, partitions: int = 1, carry_out: Callable[[Effect], None] | None = None) -> None:
        self.foresee = [Foresee(p, answers_partitions=1) for p in range(partitions)]
        self.learn = Learn(0, interval_ms=0)
        self.predictions: list[Prediction] = []
        self._carry_out = carry_out
        for core in self.foresee:
            core.state.predictions = self.predictions
            core.admit_due([], complete=True)

    def feed(self, partition: int, record: Record) -> None:
        """One journal record, and all that follows from it."""
        core = self.foresee[partition]
        _run(core, record)
        effects = core.state.effects
        if effects:
            taken = list(effects)
            core.committed(NO_LIMIT)
            for effect in taken:
                self._take(effect, record.ms)
        else:
            core.committed(NO_LIMIT)

    def feed_all(self, record: Record) -> None:
        """A record for every partition: a configuration, or the last tick."""
        for partition in range(len(self.foresee)):
            self.feed(partition, record)

    def open_questions(self) -> list[Prediction]:
        """The questions that still wait, in the order in which they were asked."""
        found = [
            prediction_of(core.state, key, question)
            for core in self.foresee
            for key, customer in core.state.working.customers.items()
            if customer is not None
            for question in customer.questions.values()
        ]
        return sorted(found, key=lambda prediction: (prediction.asked, prediction.question))

    def _take(self, effect: Effect, ms: int) -> None:
        if effect.destination.startswith("answers/"):
            _run(self.learn, Record(effect.sequence, ms, effect.key, effect.payload))
            notices = self.learn.take_effects()
            self.learn.committed(NO_LIMIT)
            for notice in notices:
                self.feed_all(Record(-1, ms, None, notice.payload))
        elif self._carry_out is not None:
            self._carry_out(effect)


def _run(core: Core, record: Record) -> None:
    records = [record]
    while True:
        progress = core.run(records, 0, NO_LIMIT)
        if not progress.missing:
            return
        absent: Mapping[str, bytes | None] = dict.fromkeys(progress.missing)
        core.admit(absent)
