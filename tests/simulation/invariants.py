"""What must be true once all is quiet, whatever went wrong before.

Each journal and answers partition is replayed in sequence, with what came again left out: its state must be the
stored one byte for byte, and what it emits must be what arrived, hop by hop and number by number.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

import msgspec

from forestall.agents.chunk import Place
from forestall.pipeline.core.effects import (
    ALERTS,
    DEAD_LETTERS,
    LEDGER,
    NOTICES,
    QUEUE,
    Changes,
    Effect,
    Record,
    answers_to,
)
from forestall.pipeline.core.protocol import Core
from forestall.pipeline.queue.values import Work
from forestall.pipeline.store.values import StoredState
from forestall.pipeline.verification.replaying import Limits, Replay
from forestall.schemas.alert import decode_alert
from forestall.schemas.deadletter import decode_dead_letter
from forestall.schemas.trees import FittedTrees
from tests.simulation.arrivals import Arrived, Taken
from tests.simulation.foreign import check_intake, consenting, erased, without_repeats, without_retakes
from tests.simulation.queue_twin import LIVE, MemoryQueue, Tally
from tests.simulation.redis import immediately
from tests.simulation.violations import Violation
from tests.simulation.workload import POISON
from tests.simulation.world import World

#: What may end a worker: whatever a restart cures.
CURABLE = frozenset((
    "StaleEpoch", "ConnectionError", "OutOfMemoryError", "KafkaConnectionError", "KafkaTimeoutError",
    "ProducerFenced", "KafkaError", "TimeoutError",
))  # fmt: skip
TREES = b'{"kind":"trees"'
decode_trees = msgspec.json.Decoder(FittedTrees).decode
ENDS = frozenset(("withdrawn", "expired", "resolved"))


class Checks:
    """All checks of one run. `violations` says what is wrong."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.violations: list[Violation] = []
        self.counts: dict[str, int] = defaultdict(int, {"unknown scripts": world.redis.unknown_scripts})
        self._emitted: dict[str, dict[str, list[Effect]]] = {}
        self._committed = {p: log.read(0, log.stable_end()) for p, log in world.broker.logs.items()}
        catalogue = world.settings.topics.catalogue
        self._taken = {place: self._take(place) for place in self._committed if place[0] != catalogue}

    def run(self) -> list[Violation]:
        """Checks everything."""
        foresee, learn = self.world.cores
        answers = self.world.settings.answers_partitions
        for place in self.world.journal:
            self._replay("foresee", place, foresee(place[1], answers))
        for place in self.world.answers:
            self._replay("learn", place, learn(place[1], answers))
        self._compare_topics()
        self._check_raised()
        self._check_queue()
        self._check_outcomes()
        self._check_intake()
        self._check_trees()
        self._check_workers()
        return self.violations

    def violated(self, invariant: str, text: str) -> None:
        """Something must not be so."""
        self.violations.append(Violation(invariant, text))

    # ------------------------------------------------------------- what arrived

    def _take(self, place: Place) -> Taken:
        topics, settings = self.world.settings.topics, self.world.settings
        exact = settings.transactions == "on" and place[0] in (topics.alerts, topics.decisions)

        def hole(one: Arrived, mark: int) -> None:
            self.violated("gapless", f"{place}: a hole: {one.sender} {one.sequence} after {mark}")

        def repeated(one: Arrived, first: Record) -> None:
            self.counts["repeats"] += 1
            if (first.key, first.value) != (one.record.key, one.record.value):
                self.violated("repeats", f"{place}: {one.sender} {one.sequence} came again with other bytes")
            if exact:
                self.violated("committed once", f"{place}: {one.sender} {one.sequence} came twice")

        return Taken(self._committed[place], hole, repeated)

    # ------------------------------------------------------------- the sequential replay

    def _replay(self, processor: str, place: Place, core: Core) -> None:
        sender = f"{processor}/{place[1]}"
        effects = self._emitted[sender] = defaultdict(list)

        def committed(changes: Changes) -> None:
            for effect in changes.effects:
                effects[effect.destination].append(effect)

        repeats = self._taken[place].repeats
        records = [one for one in self._committed[place] if one.offset not in repeats]
        end = len(self.world.broker.logs[place].entries)
        replay = Replay(core, place[0], committed, Limits(chunk=97))
        replayed = asyncio.run(_through(replay, records, end))
        stored = immediately(self.world.redis.shard(f"{processor}:{place[1]}").twin.dump())
        self.counts["records"] += len(records)
        for difference in differences(stored, replayed):
            self.violated("state", f"{sender}: {difference}")
        if processor == "foresee":
            self._compare_once(place, records, stored)

    def _compare_once(self, place: Place, records: Sequence[Record], stored: StoredState) -> None:
        """Of an erased customer it is forgotten, too, which events a source sent: after a new consent they may count
        again. What the intake takes in again is known for ever."""
        taken = without_retakes(records)
        if len(taken) < len(records):
            self._compare_without(place, taken, stored, frozenset())
        forgotten, once = erased(records), list(without_repeats(taken))
        if len(once) < len(taken) and not forgotten & consenting(records):
            self.counts["sent again"] += len(taken) - len(once)
            self._compare_without(place, once, stored, forgotten)

    def _compare_without(
        self, place: Place, records: Sequence[Record], stored: StoredState, keys: Collection[str]
    ) -> None:
        core = self.world.cores[0](place[1], self.world.settings.answers_partitions)
        end = len(self.world.broker.logs[place].entries)
        replayed = asyncio.run(_through(Replay(core, place[0]), records, end))
        for difference in differences(_without(stored, keys), _without(replayed, keys)):
            self.violated("counted once", f"foresee/{place[1]}: {difference}, where no event comes again")

    # ------------------------------------------------------------- what was emitted

    def _compare_topics(self) -> None:
        settings, topics = self.world.settings, self.world.settings.topics
        for _, number in self.world.journal:
            sender = f"foresee/{number}"
            self._compare(sender, ALERTS, (topics.alerts, number))
            self._compare(sender, LEDGER, (topics.decisions, number))
            self._compare(sender, DEAD_LETTERS, (topics.deadletters, number))
            for k in range(settings.answers_partitions):
                self._compare(sender, answers_to(k), (topics.answers, k))
        for _, number in self.world.answers:
            for journal in self.world.journal:
                self._compare(f"learn/{number}", NOTICES, journal)

    def _compare(self, sender: str, destination: str, place: Place) -> None:
        effects = self._emitted[sender][destination]
        taken = self._taken[place].once.get(sender, [])
        self.counts[destination.partition("/")[0]] += len(effects)
        if len(taken) != len(effects):
            self.violated(
                "emitted", f"{sender} emits {len(effects)} to {destination}, {place} has {len(taken)}"
            )
        for effect, record in zip(effects, taken, strict=False):
            if (effect.key, effect.payload) != (record.key, record.value):
                self.violated("emitted", f"{place}: {sender} {effect.sequence} is not what the replay emits")
                return

    def _check_raised(self) -> None:
        """An event on which the core raises becomes a dead letter: but for the poison, each is a fault of ours."""
        for sender, effects in self._emitted.items():
            letters = map(decode_dead_letter, (effect.payload for effect in effects[DEAD_LETTERS]))
            for letter in letters:
                if letter.cause == "core_failure" and POISON not in (letter.value or b""):
                    self.violated("raised", f"{sender}: at offset {letter.offset}: {letter.detail}")

    # ------------------------------------------------------------- queue and workers

    def _check_queue(self) -> None:
        queue: MemoryQueue = self.world.redis.shards["queue"].twin
        latest: dict[str, bytes] = {}
        for sender, effects in self._emitted.items():
            queued = effects[QUEUE]
            self.counts["queue"] += len(queued)
            mark, taken = queue.marks.get(sender, 0), queue.taken.get(sender, Tally())
            if not mark == taken.count == len(queued):
                text = f"{sender} emits {len(queued)}, its mark is {mark}, it took {taken.count}"
                self.violated("emitted", f"queue: {text}")
            elif taken != Tally.of(effect.payload for effect in queued):
                self.violated("emitted", f"queue: what it took of {sender} is not what the replay emits")
            latest.update((decode_alert(effect.payload).id, effect.payload) for effect in queued)
        for id_, payload in latest.items():
            if (entered := queue.entered.get(id_, 0)) != 1:
                self.violated("queued once", f"queue: alert {id_} came in {entered} times")
            elif id_ not in queue.work:
                self.violated("one state", f"queue: alert {id_} is in no state")
            else:
                self._check_action(id_, queue.work[id_], queue.alerts[id_], payload)
        if extra := queue.work.keys() - latest.keys():
            self.violated("queued once", f"queue: {len(extra)} actions of which the replay knows nothing")

    def _check_action(self, id_: str, work: Work, held: bytes, latest: bytes) -> None:
        over = decode_alert(latest).state in ENDS
        if over and work.state in LIVE:
            self.violated("one state", f"queue: alert {id_} is over, its action {work.state}")
        if not over and work.state == "ended":
            self.violated("one state", f"queue: alert {id_} is open, its action ended")
        if (work.state in LIVE or work.state == "ended") and held != latest:
            self.violated("one state", f"queue: alert {id_} is not as it was last told")

    def _check_outcomes(self) -> None:
        """What the queue tells of its workers, and still knows of, is in the journal."""
        told = self.world.redis.shards["queue"].twin.told
        self.counts["outcomes"] += len(told)
        journal = {record.value for place in self.world.journal for record in self._committed[place]}
        if lost := [number for number, record in told.items() if record.payload not in journal]:
            self.violated("told", f"queue: outcomes {lost} of {len(told)} never came into the journal")

    def _check_intake(self) -> None:
        topics, settings = self.world.settings.topics, self.world.settings
        letters = [(topics.deadletters, number) for number in range(settings.partitions)]
        events, again = check_intake(self._committed, self.world.journal, letters, self.violated)
        self.counts["taken in"], self.counts["taken in again"] = events, again

    def _check_trees(self) -> None:
        """What one trainer makes of a log, another makes too."""
        for place in self.world.answers:
            made: dict[FittedTrees, bytes] = {}
            for record in self._committed[place]:
                if (record.value or b"").startswith(TREES):
                    trees = decode_trees(record.value or b"")
                    self.counts["trees"] += 1
                    same = msgspec.structs.replace(trees, forest=b"")
                    if made.setdefault(same, trees.forest) != trees.forest:
                        self.violated("same trees", f"{place}: of {trees.rows} rows two trainers made others")

    def _check_workers(self) -> None:
        for name, shard in self.world.redis.shards.items():
            if zombies := getattr(shard.twin, "zombies", 0):
                self.violated("fence", f"{name}: {zombies} commits by who no longer held it")
        for kind, count in self.world.ends.items():
            if kind not in CURABLE:
                self.violated("restart", f"{count} workers ended by {kind}: {self.world.raised[kind]}")


def _without(state: StoredState, keys: Collection[str]) -> StoredState:
    documents = {key: value for key, value in state.documents.items() if key not in keys}
    return state._replace(documents=documents)


async def _through(replay: Replay, records: Sequence[Record], end: int) -> StoredState:
    await replay.run(records, end)
    return await replay.dump()


def differences(stored: StoredState, replayed: StoredState) -> Iterator[str]:
    """How two states differ, a line each table."""
    if stored.position != replayed.position:
        yield f"stands at {stored.position}, not {replayed.position}"
    for table in ("documents", "due", "sequences"):
        one, other = getattr(stored, table), getattr(replayed, table)
        keys = [key for key in {**one, **other} if one.get(key) != other.get(key)]
        if keys:
            yield f"{len(keys)} of {len(other)} {table} differ from the replay's, such as {keys[0]}"
