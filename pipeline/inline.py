"""Both processors in one process, learning in line: what the backtest and the demo's score stand on."""

from collections.abc import Callable, Sequence

from forestall.pipeline.core.effects import Effect, Record
from forestall.pipeline.core.ending import prediction_of
from forestall.pipeline.core.foresee import Foresee
from forestall.pipeline.core.learn import Learn
from forestall.pipeline.core.learning import new_filter
from forestall.pipeline.core.models.named import model_named
from forestall.pipeline.core.models.protocol import Learned, Model
from forestall.pipeline.core.partition import Predicted, Prediction, read_weights
from forestall.pipeline.core.protocol import Core
from forestall.pipeline.core.rows import Columns
from forestall.schemas.answer import Answer, decode_answers_record

#: Nothing is committed: the budget is out of the way.
NO_LIMIT = 1 << 60


class Inline:
    """`partitions` foresee cores and one learn core. Every answer is learned at once, every notice taken at once.

    `carry_out` is given every effect that is for neither core (alerts, decisions, dead letters, queue), `predicted`
    every question when it ends. `model` names a model to take the place of our own (see models.named); it is asked
    itself, as it stands, where ours is asked as it was last noticed. `answered` is given every answer as it goes to
    learn.
    """

    def __init__(
        self,
        partitions: int = 1,
        carry_out: Callable[[Effect], None] | None = None,
        predicted: Predicted | None = None,
        model: str | None = None,
        answered: Callable[[Answer], None] | None = None,
    ) -> None:
        read_model = self._as_it_stands if model else read_weights
        self._model = model or ""
        self.foresee = [
            Foresee(p, answers_partitions=1, read_model=read_model, predicted=predicted)
            for p in range(partitions)
        ]
        self.learn = Learn(0, interval_ms=0, new_model=self._named if model else new_filter)
        self._carry_out = carry_out
        self._answered = answered
        for core in self.foresee:
            core.admit_due([], complete=True)

    def feed(self, partition: int, record: Record) -> None:
        """One journal record, and all that follows from it."""
        core = self.foresee[partition]
        _run(core, record, lambda: _all_due(core))
        taken = list(core.state.effects)
        core.committed(NO_LIMIT)
        for effect in taken:
            self._take(effect, record.ms)

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
        return sorted(
            found, key=lambda prediction: (prediction.asked, prediction.problem, prediction.question)
        )

    def _take(self, effect: Effect, ms: int) -> None:
        if effect.destination.startswith("answers/"):
            self._hear(effect.payload)
            _run(self.learn, Record(effect.sequence, ms, effect.key, effect.payload), lambda: None)
            notices = self.learn.take_effects()
            self.learn.committed(NO_LIMIT)
            for notice in notices:
                self.feed_all(Record(-1, ms, None, notice.payload))
        elif self._carry_out is not None:
            self._carry_out(effect)

    def _hear(self, payload: bytes) -> None:
        if self._answered is not None:
            answer = decode_answers_record(payload)
            assert isinstance(answer, Answer)
            self._answered(answer)

    def _named(self, answer: Answer) -> Model:
        names = self.foresee[0].state.problem(answer.problem).names
        return model_named(self._model, names, answer.history)

    def _as_it_stands(self, problem: str, data: bytes) -> Learned:
        model = self.learn.model(problem)
        assert model is not None, "a notice comes of an answer"
        return Standing(model)


class Standing:
    """A model that is asked as it stands, and gives no reasons: it has no terms to tell."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def logit(self, x: Columns, categories: Sequence[int]) -> float:
        """See Learned."""
        return self._model.predict(x, categories)

    def terms(self, x: Columns, categories: Sequence[int]) -> tuple[list[float], list[float]]:
        """See Learned."""
        return [0.0] * len(x), [0.0] * len(categories)

    def usual(self, column: int) -> float:
        """See Learned."""
        return 0.0


def _run(core: Core, record: Record, reload_due: Callable[[], None]) -> None:
    records = [record]
    while True:
        progress = core.run(records, 0, NO_LIMIT)
        if progress.missing:
            core.admit(dict.fromkeys(progress.missing))
        elif progress.due_missing:
            reload_due()
        else:
            return


def _all_due(core: Foresee) -> None:
    """The window of due times keeps the earliest; here are all, for every customer is in memory."""
    customers = core.state.working.customers
    due = ((customer.next_due(), key) for key, customer in customers.items() if customer is not None)
    core.admit_due(sorted((ms, key) for ms, key in due if ms is not None), complete=True)
