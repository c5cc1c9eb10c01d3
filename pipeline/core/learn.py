"""Learn: the pure core over one answers partition. Answered questions in; learned models out, as notices."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from forestall.pipeline.core.deadletters import dead_letter
from forestall.pipeline.core.drift import Drift
from forestall.pipeline.core.effects import NOTICES, Changes, Effect, Progress, Record
from forestall.pipeline.core.head import HEAD, Head, Written, decode_head, encode_head, outdated
from forestall.pipeline.core.learning import OTHER, NewModel, ProblemState, new_live
from forestall.pipeline.core.models.fingerprint import fingerprint
from forestall.pipeline.core.models.protocol import Model
from forestall.pipeline.core.problem_document import decode_problem, encode_problem
from forestall.pipeline.errors import StateError
from forestall.schemas.answer import Answer, AnswersRecord, decode_answers_record
from forestall.schemas.catalogue import Configuration
from forestall.schemas.deadletter import Cause
from forestall.schemas.event import encode
from forestall.schemas.notice import ModelNotice, NoticeEvent
from forestall.schemas.trees import FittedTrees

PROBLEM = "m/"
#: A notice's weights are cut into parts of at most this many bytes.
PART = 360_000
#: A problem's notices are at least this far apart in broker time.
NOTICE_INTERVAL_MS = 100


class Learn:
    """Implements the cores' protocol (see protocol.Core) for the answers topic.

    `interval_ms` is the least time between two notices of a problem, by the records' timestamps; 0 for a
    backtest, where learning is in line. `model` takes the place of what answers name; so does `new_model`, which
    makes a model that has no stored form: it stays here, for a backtest alone.
    """

    processor = "learn"

    def __init__(
        self,
        partition: int,
        topic: str = "forestall.answers",
        interval_ms: int = NOTICE_INTERVAL_MS,
        model: str | None = None,
        new_model: NewModel | None = None,
    ) -> None:
        self.partition = partition
        self.topic = topic
        self.interval_ms = interval_ms
        self._place = f"{topic}/{partition}"
        self._model = model if new_model is None else OTHER
        self._new_model = new_model or new_live
        self.sender = f"learn/{partition}"
        self._reset()

    def _reset(self) -> None:
        self._head: Head | None = None
        self._outdated: Written | None = None
        self._problems: dict[str, ProblemState | None] = {}
        self._taught: list[str] = []
        self._changed: set[str] = set()
        self._effects: list[Effect] = []
        self._counts: Counter[tuple[str, ...]] = Counter()

    # -- the protocol ---------------------------------------------------------------------------------------

    def run(self, records: Sequence[Record], start: int, budget: int) -> Progress:
        """Applies records[start:]; what it lacks at most is the problems' states."""
        if self._head is None:
            return Progress(start, frozenset((HEAD,)), False)
        for index in range(start, len(records)):
            lacking = self._apply(records[index])
            if lacking is not None:
                return Progress(index, frozenset((PROBLEM + lacking,)), False)
        return Progress(len(records), frozenset(), False)

    def admit(self, documents: Mapping[str, bytes | None]) -> None:
        """Takes loaded documents."""
        for key, document in documents.items():
            if key == HEAD:
                self._head = decode_head(document, fingerprint())
                self._outdated = outdated(document)
            else:
                self._problems[key[len(PROBLEM) :]] = None if document is None else decode_problem(document)

    def admit_due(self, window: Sequence[tuple[int, str]], complete: bool) -> None:
        """Nothing is ever due here."""

    def cached(self) -> int:
        """How many problems are in memory."""
        return len(self._problems)

    def event_types(self) -> Collection[str]:
        """None: answers have no types."""
        return ()

    def configured(self) -> None:
        """Every answer brings what is needed of it."""

    def take_changes(self) -> Changes:
        """What is to be committed."""
        assert self._head is not None
        documents: dict[str, bytes | None] = {HEAD: encode_head(self._head)}
        counts = Counter(self._counts)
        for name, answers in Counter(self._taught).items():
            counts["answers_learned", name] += answers
        for name in sorted(self._changed.union(self._taught)):
            state = self._problems[name]
            assert state is not None
            documents[PROBLEM + name] = encode_problem(state)
        return Changes(documents, {}, list(self._effects), counts)

    def take_effects(self) -> list[Effect]:
        """The effects alone, for who commits nothing."""
        return list(self._effects)

    def committed(self, cache_limit: int) -> None:
        """The pending changes are durable; problems are few and stay in memory."""
        self._outdated = None
        self._taught.clear()
        self._changed.clear()
        self._effects.clear()
        self._counts.clear()

    def forget(self) -> None:
        """Starts over from the committed state."""
        self._reset()

    def reject(self, record: Record, topic: str, detail: str) -> None:
        """Dead-letters a record on which the core itself raised. Run without records first: it needs the head."""
        self._dead_letter(record, "core_failure", detail)

    def next_due(self) -> int | None:
        """Nothing is ever due here."""
        return None

    def outdated(self) -> Written | None:
        """The earlier core that left this state; None once it is ours."""
        return self._outdated

    def watermark(self) -> int:
        """When the latest answer became known, epoch ms."""
        return self._head.watermark if self._head is not None else 0

    def behind(self) -> int | None:
        """Nothing here waits for a time."""
        return None

    def model(self, problem: str) -> Model | None:
        """A problem's model; None before its first answer. For who learns in line."""
        state = self._problems.get(problem)
        return state.model if state is not None else None

    def scores(self) -> dict[str, dict[str, float]]:
        """The prequential scores of each problem in memory, by metric."""
        return {name: state.scores() for name, state in self._problems.items() if state is not None}

    def drifts(self, problem: str) -> list[Drift]:
        """The last drifts of a problem in memory, the earliest first."""
        state = self._problems.get(problem)
        return list(state.watch.drifts) if state is not None else []

    # -- applying -------------------------------------------------------------------------------------------

    def _apply(self, record: Record) -> str | None:
        """Applies a record, or returns the problem whose state must be loaded first.

        One record after the other: a chunk's answers, all decoded at once, push each other and the models out of the
        processor's caches.
        """
        assert self._head is not None
        answer = self._read(record)
        if isinstance(answer, str):
            self._dead_letter(record, "wrong_shape", answer)
        elif isinstance(answer, Configuration):
            pass  # the trainer's
        elif answer.problem not in self._problems:
            return answer.problem
        elif isinstance(answer, FittedTrees):
            self._take(record, answer)
        elif self._head.takes(answer.sender, answer.sequence, self._place):
            self._learn(record, answer)
        else:
            self._counts["ignored_events", "repeated_answer"] += 1
        return None

    def _learn(self, record: Record, answer: Answer) -> None:
        assert self._head is not None
        name = answer.problem
        state = self._problems[name]
        if state is None or (state.revision != answer.revision and answer.catalogue > state.catalogue):
            state = self._begin(answer)
        if state.revision != answer.revision:
            self._counts["ignored_events", "answer_of_other_revision"] += 1
            return
        if not state.becomes(answer):
            state = self._begin(answer)
        self._head.watermark = max(self._head.watermark, answer.known)
        state.learn(answer)
        self._taught.append(name)
        if state.answers >= state.next_notice and record.ms >= state.noticed_ms + self.interval_ms:
            self._notify(name, state, record.ms)

    def _begin(self, answer: Answer) -> ProblemState:
        state = ProblemState.new(answer, self._new_model)
        self._problems[answer.problem] = state
        return state

    def _take(self, record: Record, fitted: FittedTrees) -> None:
        """Trees of the trainer; they count from here on."""
        state = self._problems[fitted.problem]
        try:
            ignored = state.take(fitted) if state is not None else "trees_of_other_revision"
        except StateError as error:
            self._dead_letter(record, "wrong_shape", str(error))
            return
        if ignored is not None:
            self._counts["ignored_events", ignored] += 1
        else:
            self._changed.add(fitted.problem)
            self._counts["trees_taken", fitted.problem] += 1

    def _notify(self, name: str, state: ProblemState, ms: int) -> None:
        """Tells every journal partition what has been learned."""
        assert self._head is not None
        state.noticed(ms)
        trees = state.told_trees()
        told = state.told_weights() + trees.forest
        parts = [told[i : i + PART] for i in range(0, len(told), PART)] or [b""]
        for part, piece in enumerate(parts):
            sequence = self._head.next_sequence(NOTICES)
            notice = ModelNotice(
                sender=self.sender,
                sequence=sequence,
                problem=name,
                revision=state.revision,
                answers=state.answers,
                base_rate=state.base_rate,
                offset_counts=state.offset_counts,
                gate_open=state.gate_open,
                part=part,
                parts=len(parts),
                weights=piece,
                trees=len(trees.forest),
                fitted=trees.fitted,
                share=trees.share,
                level=trees.level,
            )
            event = NoticeEvent(
                id=f"{self.sender}:{sequence}",
                source=f"forestall/{self.sender}",
                time=datetime.fromtimestamp(ms / 1000.0, UTC),
                data=notice,
            )
            self._effects.append(Effect(NOTICES, sequence, None, encode(event)))
        self._counts["notices", name] += 1

    def _read(self, record: Record) -> AnswersRecord | str:
        """The record, or what is wrong with it."""
        try:
            answer: AnswersRecord = decode_answers_record(record.value or b"")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return str(error) or "nested too deeply"
        if self._model is not None and isinstance(answer, Answer):
            return msgspec.structs.replace(answer, model=self._model)
        return answer

    def _dead_letter(self, record: Record, cause: Cause, detail: str) -> None:
        assert self._head is not None
        place = (self.topic, self.partition)
        self._effects.append(dead_letter(self._head, self.sender, place, record, cause, detail))
        self._counts["dead_letters", cause] += 1
