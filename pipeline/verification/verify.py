"""The recorded logs, replayed by each processor, against the states and against what was recorded of the rest."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from forestall.pipeline.backtest.result import ProblemResult
from forestall.pipeline.core.effects import Changes
from forestall.pipeline.core.protocol import Core
from forestall.pipeline.errors import StateError
from forestall.pipeline.sources.recording import RecordedPartition, Recording
from forestall.pipeline.store.snapshot import Snapshot
from forestall.pipeline.store.values import StoredState
from forestall.pipeline.verification.emitted import Comparison, Emitted
from forestall.pipeline.verification.recorded_scores import recorded_scores
from forestall.pipeline.verification.replaying import LIMITS, Limits, Replay
from forestall.pipeline.verification.states import differences

#: Differences told of one partition; more are counted.
TOLD = 5


class ProcessorUnderTest(NamedTuple):
    """How a processor's cores are made (partition, answers partitions), and the role of the topic that it reads."""

    name: str
    role: str
    core: Callable[[int, int], Core]


class PartitionResult(msgspec.Struct, frozen=True, kw_only=True):
    """One partition replayed. `emitted` by destination are records found equal in their topic; `waiting` those in
    the outbox; `ahead` were recorded beyond what the recorded log leads to; `gone` were removed by retention.
    `differences` tells the first few of `different`."""

    processor: str
    partition: int
    position: int
    records: int
    documents: int
    due: int
    digest: str
    emitted: dict[str, int]
    waiting: int
    ahead: int
    gone: int
    different: int
    differences: list[str]


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """The whole. `repeats` were sent more than once, as they may be; `scores` are those of the recorded answers."""

    partitions: list[PartitionResult]
    repeats: int
    different: int
    differences: list[str]
    scores: list[ProblemResult]


def verify(
    recording: Recording,
    processors: Sequence[ProcessorUnderTest],
    snapshot: Callable[[str, int], Snapshot],
    *,
    limits: Limits = LIMITS,
    progress: Callable[[PartitionResult], None] = lambda done: None,
) -> Verification:
    """Replays every partition of every processor. `snapshot` gives the state to be compared with.

    Raises StateError where the recording does not reach from the log's beginning to the state's position.
    """
    emitted = Emitted(recording)
    results = []
    for processor in processors:
        for recorded in recording.partitions(processor.role):
            one = _Partition(recording, emitted, processor, recorded, snapshot, limits)
            results.append(asyncio.run(one.verify()))
            progress(results[-1])
    resent = [f"{lane.role}/{lane.partition}: {lane.sender} sent number {number} again with other bytes"
              for lane, number in emitted.differing]  # fmt: skip
    return Verification(
        partitions=results,
        repeats=emitted.repeats,
        different=len(resent) + sum(one.different for one in results),
        differences=resent[:TOLD],
        scores=recorded_scores(recording),
    )


class _Partition:
    """One partition of one processor."""

    def __init__(
        self,
        recording: Recording,
        emitted: Emitted,
        processor: ProcessorUnderTest,
        recorded: RecordedPartition,
        snapshot: Callable[[str, int], Snapshot],
        limits: Limits,
    ) -> None:
        self._recording, self._emitted, self._recorded = recording, emitted, recorded
        self._processor = processor
        self._sender = f"{processor.name}/{recorded.partition}"
        self._snapshot = snapshot(processor.name, recorded.partition)
        self._comparisons: dict[str, Comparison] = {}
        self._differences: list[str] = []
        self._different = 0
        core = processor.core(recorded.partition, len(recording.partitions("answers")))
        self._replay = Replay(core, recorded.topic, self._committed, limits)

    async def verify(self) -> PartitionResult:
        """Replays to the state's position, compares, and goes on to the end of the recording."""
        live, recorded, replay = self._snapshot.state, self._recorded, self._replay
        self._check_reach(live.position)
        for destination in live.sequences:
            self._comparison(destination)
        state = await replay.dump()
        if live.position or live.documents:
            await replay.run(self._recording.records(recorded, before=live.position), live.position)
            state = await replay.dump()
            rest = (r for r in self._recording.records(recorded) if r.offset >= live.position)
            following = next(rest, None)
            if following is not None:
                state = await replay.reach(live, following)
        for difference in differences(live, state):
            self._differs(difference)
        rest = (r for r in self._recording.records(recorded) if r.offset >= live.position)
        await replay.run(rest, recorded.end)
        for comparison in self._comparisons.values():
            comparison.finish()
        return self._result(live, state)

    def _check_reach(self, position: int) -> None:
        recorded = self._recorded
        if recorded.begin > 0:
            raise StateError(
                f"{recorded.topic}/{recorded.partition}: the log began at {recorded.begin} when it was recorded; what "
                "comes before is gone, so that it cannot be replayed. Keep the journal for longer (retention.ms)"
            )
        origin = self._snapshot.origin
        if origin is not None:
            raise StateError(
                f"{self._sender}: state version {origin.by} took this state over at position {origin.position}; what "
                f"lies before it state version {origin.version} computed, so that a replay from the beginning does "
                "not give the same. Compare from there on: forestall state verify"
            )
        if position > recorded.end:
            raise StateError(
                f"{recorded.topic}/{recorded.partition}: the state stands at {position}, the recording ends at "
                f"{recorded.end}: record again, or compare with the recorded states (without --redis)"
            )

    def _committed(self, changes: Changes) -> None:
        for effect in changes.effects:
            self._comparison(effect.destination).take(effect)

    def _comparison(self, destination: str) -> Comparison:
        found = self._comparisons.get(destination)
        if found is None:
            found = Comparison(self._emitted, destination, self._sender, self._snapshot, self._differs)
            self._comparisons[destination] = found
        return found

    def _differs(self, text: str) -> None:
        self._different += 1
        if len(self._differences) < TOLD:
            self._differences.append(text)

    def _result(self, live: StoredState, state: StoredState) -> PartitionResult:
        every = self._comparisons.values()
        emitted: Counter[str] = Counter()
        for destination, comparison in self._comparisons.items():
            emitted[destination.partition("/")[0]] += comparison.compared
        return PartitionResult(
            processor=self._processor.name,
            partition=self._recorded.partition,
            position=live.position,
            records=self._replay.records,
            documents=len(state.documents),
            due=len(state.due),
            digest=state.digest(),
            emitted=dict(sorted(emitted.items())),
            waiting=sum(one.waiting for one in every),
            ahead=sum(one.ahead for one in every),
            gone=sum(one.gone for one in every),
            different=self._different,
            differences=self._differences,
        )
