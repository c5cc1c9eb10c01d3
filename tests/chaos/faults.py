"""What each kind of fault does, and how it is mended."""

import time
from collections import Counter
from collections.abc import Callable

import redis

from tests.chaos.epochs import epochs, until_taken
from tests.chaos.schedule import Planned
from tests.chaos.stage import Stage
from tests.chaos.workers import END_WITHIN, Worker

#: Never fewer workers than this are wanted, nor more.
FEWEST, MOST = 2, 4
#: How long a worker's link is cut before it stops: it has sent a commit by then, and delivered what it had read.
COMMITS_WITHIN, DELIVERS_WITHIN = 0.3, 0.5
#: How many seconds a piece takes to or from the others meanwhile.
SLOW = 0.2

Mend = Callable[[], None]


class Faults:
    """Does faults, and mends those that last when their time has come."""

    def __init__(self, stage: Stage) -> None:
        self.done: Counter[str] = Counter()
        self._stage, self._workers = stage, stage.workers
        self._mends: list[tuple[float, Mend]] = []

    def do(self, fault: Planned) -> None:
        """One fault, counted if there was something that it could hit."""
        if DO[fault.kind](self, fault):
            self.done[fault.kind] += 1

    def mend(self, now: float) -> None:
        """Mends what is due."""
        for item in [item for item in self._mends if item[0] <= now]:
            self._mends.remove(item)
            item[1]()

    def mend_all(self) -> None:
        """Mends everything."""
        self.mend(float("inf"))

    def _worker(self, fault: Planned) -> Worker | None:
        well = self._workers.well()
        return well[int(fault.pick * len(well))] if well else None

    def _wanted(self) -> int:
        return sum(worker.wanted for worker in self._workers.all)

    def _later(self, fault: Planned, mend: Mend) -> None:
        self._mends.append((time.monotonic() + fault.seconds, mend))

    def worker_killed(self, fault: Planned) -> bool:
        """SIGKILL; it is started again."""
        if worker := self._worker(fault):
            worker.child.kill()
            worker.ends_by = time.monotonic()
        return worker is not None

    def receipts_lost(self, fault: Planned) -> bool:
        """A worker's link to Redis goes first: what it delivers to Kafka meanwhile nobody notes. Then SIGKILL."""
        if worker := self._worker(fault):
            worker.proxy.cut(reset=False)
            time.sleep(DELIVERS_WITHIN)
            worker.child.kill()
            worker.ends_by = time.monotonic()
            worker.proxy.cut(reset=True)
            worker.proxy.mend()
        return worker is not None

    def worker_ended(self, fault: Planned) -> bool:
        """SIGTERM, as in a rolling restart; it is started again."""
        if worker := self._worker(fault):
            worker.ends_by = time.monotonic() + END_WITHIN
            worker.child.terminate()
        return worker is not None

    def worker_frozen(self, fault: Planned) -> bool:
        """SIGSTOP for longer than its session: a zombie when it wakes."""
        worker = self._worker(fault)
        if worker is None:
            return False

        def wake() -> None:
            worker.frozen = False
            worker.child.resume()

        worker.frozen = True
        worker.child.pause()
        self._later(fault, wake)
        return True

    def commit_delayed(self, fault: Planned) -> bool:
        """A worker's commit is held up on its way, and the worker stops for longer than its session. The commit
        arrives when its partition has a new owner, who has not committed yet: the others' links are slow."""
        worker = self._worker(fault)
        if worker is None:
            return False
        others = [one.proxy for one in self._workers.all if one is not worker]
        before = epochs(self._stage.settings)
        worker.frozen = worker.cut = True
        worker.proxy.cut(reset=False)
        time.sleep(COMMITS_WITHIN)
        worker.child.pause()
        for proxy in others:
            proxy.delay = SLOW
        taken = until_taken(self._stage.settings, before, self._meanwhile)
        worker.frozen = worker.cut = False
        worker.proxy.mend()
        worker.child.resume()
        for proxy in others:
            proxy.delay = 0.0
        return taken

    def trainer_killed(self, fault: Planned) -> bool:
        """SIGKILL, with its supervisor; it is started again."""
        trainer = self._stage.trainers[int(fault.pick * len(self._stage.trainers))]
        trainer.kill()
        trainer.start()
        return True

    def worker_added(self, _fault: Planned) -> bool:
        """One more; the partitions are divided anew."""
        if self._wanted() >= MOST:
            return self.worker_removed(_fault)
        gone = [worker for worker in self._workers.all if not worker.wanted and not worker.child.alive]
        if gone:
            gone[0].wanted = True
        else:
            self._workers.add()
        return True

    def worker_removed(self, fault: Planned) -> bool:
        """One fewer, in order."""
        if self._wanted() <= FEWEST:
            return self.worker_added(fault)
        worker = self._worker(fault)
        if worker is None:
            return False
        worker.wanted = False
        worker.ends_by = time.monotonic() + END_WITHIN
        worker.child.terminate()
        return True

    def broker_restarted(self, _fault: Planned) -> bool:
        """Kafka goes down in order, and comes back with its log."""
        self._stage.kafka.restart()
        return True

    def store_killed(self, fault: Planned) -> bool:
        """Redis and its machine die: it comes back without up to a second of what it had answered.

        SIGKILL alone loses nothing, for what Redis wrote lies with the kernel; so its file is cut.
        """
        redis = self._stage.redis
        written = redis.written()
        time.sleep(fault.pick)
        redis.kill()
        redis.lose_since(written)
        redis.start()
        return True

    def store_lost(self, fault: Planned) -> bool:
        """Redis' machine goes dark, and another takes its place, without the last second. No worker has seen it die:
        what they had sent, they send again, to a store that has forgotten what came before."""
        redis = self._stage.redis
        linked = [worker.proxy for worker in self._workers.all if not worker.cut]
        written = redis.written()
        time.sleep(fault.pick)
        for proxy in linked:
            proxy.cut(reset=False)
        redis.kill()
        redis.lose_since(written)
        redis.start()
        for proxy in linked:
            proxy.mend()
        return True

    def store_refuses_writes(self, fault: Planned) -> bool:
        """Redis is full: reads are answered, writes are not."""
        self._limit_memory(1)
        self._later(fault, lambda: self._limit_memory(0))
        return True

    def store_cut_off(self, fault: Planned) -> bool:
        """The network between a worker and Redis: packets are lost, or connections are reset."""
        worker = self._worker(fault)
        if worker is None:
            return False

        def mend() -> None:
            worker.cut = False
            worker.proxy.mend()

        worker.cut = True
        worker.proxy.cut(reset=fault.pick < 0.5)
        self._later(fault, mend)
        return True

    def _meanwhile(self, now: float) -> None:
        self._workers.mind(now)
        self.mend(now)

    def _limit_memory(self, limit: int) -> None:
        with redis.Redis(port=self._stage.redis.port) as client:
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("maxmemory", limit)


DO: dict[str, Callable[[Faults, Planned], bool]] = {
    "worker_killed": Faults.worker_killed,
    "receipts_lost": Faults.receipts_lost,
    "worker_ended": Faults.worker_ended,
    "worker_frozen": Faults.worker_frozen,
    "commit_delayed": Faults.commit_delayed,
    "trainer_killed": Faults.trainer_killed,
    "worker_added": Faults.worker_added,
    "worker_removed": Faults.worker_removed,
    "broker_restarted": Faults.broker_restarted,
    "store_killed": Faults.store_killed,
    "store_lost": Faults.store_lost,
    "store_refuses_writes": Faults.store_refuses_writes,
    "store_cut_off": Faults.store_cut_off,
}
