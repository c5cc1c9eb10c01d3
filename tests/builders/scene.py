"""A scene for the core: one partition, a catalogue, a clock that only the test moves, and what came of it."""

from itertools import count
from typing import Any

import numpy as np

from forestall.agents.own_events import journal_copy, moment, tick
from forestall.pipeline.core.catalogue.durations import milliseconds
from forestall.pipeline.core.effects import Record
from forestall.pipeline.core.ending import prediction_of
from forestall.pipeline.core.foresee import Foresee
from forestall.pipeline.core.models.arithmetic import logit
from forestall.pipeline.core.models.weights import ROWS, Weights
from forestall.pipeline.core.partition import Prediction
from forestall.schemas.alert import Alert, decode_alert
from forestall.schemas.answer import Answer, decode_answers_record
from forestall.schemas.catalogue import CatalogueFile, Configuration
from forestall.schemas.deadletter import DeadLetter, decode_dead_letter
from forestall.schemas.decision import Decision, decode_decision
from forestall.schemas.event import MODEL_NOTICE, encode
from forestall.schemas.notice import ModelNotice, NoticeEvent

#: 2026-03-02T00:00:00Z, a Monday.
START = 1_772_409_600_000
NO_LIMIT = 1 << 60


class Scene:
    """Times are durations after START, as "1d9h". Brokers' clocks show the event's own time unless told otherwise."""

    def __init__(self, catalogue: str) -> None:
        self.now = START
        self.ended: list[Prediction] = []
        self.answers: list[Answer] = []
        self.alerts: list[Alert] = []
        self.decisions: list[Decision] = []
        self.letters: list[DeadLetter] = []
        self.counts: dict[tuple[str, ...], int] = {}
        self._ids, self._offsets, self._versions, self._notices = count(1), count(), count(), count(1)
        self.core = Foresee(0, answers_partitions=1, predicted=self.ended.append)
        self.core.admit_due([], complete=True)
        self.configure(catalogue)

    def configure(self, catalogue: str, version: int | None = None) -> None:
        """Puts a catalogue in force."""
        given = next(self._versions) if version is None else version
        files = [CatalogueFile("test.toml", catalogue)]
        self.append(None, journal_copy(Configuration(version=given, files=files, salt="s"), self.now))

    def at(self, time: str) -> "Scene":
        """It is so long after START."""
        self.now = START + (milliseconds(time) if time != "0" else 0)
        return self

    def after(self, time: str, ms: int = 0) -> "Scene":
        """So much later."""
        self.now += milliseconds(time) + ms
        return self

    def event(
        self, type_: str, customer: str = "c", *, broker: str | None = None, **attributes: Any
    ) -> "Scene":
        """An event happens now; its id is new unless it is given. `broker` is the broker's time, if another."""
        event = {"specversion": "1.0", "id": f"e{next(self._ids)}", "source": "test", "type": type_,
                 "time": iso(self.now), "customer": customer}  # fmt: skip
        ms = self.now if broker is None else START + milliseconds(broker)
        self.append(customer.encode(), encode({**event, **attributes}), ms)
        return self

    def tick(self) -> "Scene":
        """Time has come to now."""
        self.append(None, tick(self.now, 0, "test"))
        return self

    def foresees(self, problem: str, p: float, *, gate_open: bool = True, **changes: Any) -> "Scene":
        """From now on the model says `p`, whatever it sees."""
        compiled = self.core.state.program.problems[problem]
        table = np.zeros((ROWS, len(compiled.names)))
        table[1] = 1.0
        notice = {
            "sender": "learn/0", "sequence": next(self._notices), "problem": problem, "revision": compiled.revision,
            "answers": 100, "base_rate": 0.5, "offset_counts": False, "gate_open": gate_open, "part": 0, "parts": 1,
            "weights": Weights(logit(p), table, {}).to_bytes(),
        } | changes  # fmt: skip
        self.notice(ModelNotice(**notice))
        return self

    def notice(self, notice: ModelNotice) -> None:
        """Learn tells."""
        event = NoticeEvent(id=f"n{notice.sequence}", source="learn", time=moment(self.now), data=notice)
        assert event.type == MODEL_NOTICE
        self.append(None, encode(event))

    def open(self) -> list[Prediction]:
        """The questions that still wait."""
        found = []
        for key, customer in self.core.state.working.customers.items():
            if customer is not None:
                found += [
                    prediction_of(self.core.state, key, question) for question in customer.questions.values()
                ]
        return found

    def states(self) -> list[str]:
        """The alerts' changes, with what caused them: "raised", "withdrawn: occurred", ..."""
        return [f"{a.state}: {a.occasion}" if a.occasion else a.state for a in self.alerts]

    def append(self, key: bytes | None, value: bytes, ms: int | None = None) -> None:
        """One record of the journal, processed at once."""
        records = [Record(next(self._offsets), self.now if ms is None else ms, key, value)]
        while (progress := self.core.run(records, 0, NO_LIMIT)).missing:
            self.core.admit(dict.fromkeys(progress.missing))
        changes = self.core.take_changes()
        for name, number in changes.counts.items():
            self.counts[name] = self.counts.get(name, 0) + number
        for effect in changes.effects:
            match effect.destination:
                case "alerts":
                    self.alerts.append(decode_alert(effect.payload))
                case "ledger":
                    self.decisions.append(decode_decision(effect.payload))
                case "deadletters":
                    self.letters.append(decode_dead_letter(effect.payload))
                case "answers/0":
                    answer = decode_answers_record(effect.payload)
                    assert isinstance(answer, Answer)
                    self.answers.append(answer)
        self.core.committed(NO_LIMIT)


def iso(ms: int) -> str:
    """Epoch ms as an event has it."""
    return moment(ms).isoformat()
