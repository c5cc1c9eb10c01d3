"""Both processors in one process, learning in line: what the backtest and the demo's score stand on."""

from collections.abc import Callable, Sequence

from forestall.pipeline.core.effects import Effect, Record
from forestall.pipeline.core.ending import prediction_of
from forestall.pipeline.core.foresee import Foresee
from forestall.pipeline.core.learn import Learn
from forestall.pipeline.core.models.named import model_named, named_live
from forestall.pipeline.core.models.names import BOOSTED
from forestall.pipeline.core.models.protocol import Learned, Model
from forestall.pipeline.core.partition import Predicted, Prediction, read_weights
from forestall.pipeline.core.protocol import Core
from forestall.pipeline.core.rows import Columns
from forestall.pipeline.training.trainer import Trainer
from forestall.schemas.answer import Answer, decode_answers_record
from forestall.schemas.event import encode

#: Nothing is committed: the budget is out of the way.
NO_LIMIT = 1 << 60


class Inline:
    """`partitions` foresee cores, one learn core and a trainer. Every answer is learned at once, every notice taken at
    once, trees as soon as they are due.

    `carry_out` is given every effect that is for neither core (alerts, decisions, dead letters, queue), `predicted`
    every question when it ends. `model` names a model to take the place of those that the catalogue names (see
    models.named). One that does not run live is asked itself, as it stands, where others are asked as they were last
    noticed. `answered` is given every answer as it goes to learn.
    """

    def __init__(
        self,
        partitions: int = 1,
        carry_out: Callable[[Effect], None] | None = None,
        predicted: Predicted | None = None,
        model: str | None = None,
        answered: Callable[[Answer], None] | None = None,
    ) -> None:
        live = named_live(model)
        stands = model is not None and live is None
        read_model = self._as_it_stands if stands else read_weights
        self._model = model or ""
        self.foresee = [
            Foresee(p, answers_partitions=1, read_model=read_model, predicted=predicted)
            for p in range(partitions)
        ]
        self.learn = Learn(0, interval_ms=0, model=live, new_model=self._named if stands else None)
        self._trainer = Trainer(every=live == BOOSTED)
        self._answers = 0
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
            answer = decode_answers_record(effect.payload)
            assert isinstance(answer, Answer)
            if self._answered is not None:
                self._answered(answer)
            self._learn(effect.key, effect.payload, ms)
            self._trainer.answered(answer, self._answers)
            for trees in list(self._trainer.due()):
                self._learn(effect.key, encode(trees), ms)
        elif self._carry_out is not None:
            self._carry_out(effect)

    def _learn(self, key: bytes | None, payload: bytes, ms: int) -> None:
        """One record of the answers' log."""
        self._answers += 1
        _run(self.learn, Record(self._answers, ms, key, payload), lambda: None)
        notices = self.learn.take_effects()
        self.learn.committed(NO_LIMIT)
        for notice in notices:
            self.feed_all(Record(-1, ms, None, notice.payload))

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
