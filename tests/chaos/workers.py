"""Real workers as processes: each behind a proxy of its own to the store, started again when it ends."""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from forestall.agents.child import Child
from forestall.agents.exits import is_final
from forestall.agents.settings import Settings
from tests.chaos.proxy import Proxy

ROOT = Path(__file__).parents[2]
#: A worker that was asked to end must have ended after so many seconds, when nothing holds it up.
END_WITHIN = 12.0
AGAIN = 0.3


@dataclass
class Worker:
    """One worker. `frozen` and `cut` say what a fault does to it now; `ends_by` is its deadline once asked to end."""

    child: Child
    proxy: Proxy
    wanted: bool = True
    frozen: bool = False
    cut: bool = False
    ends_by: float | None = None
    died: float | None = None

    @property
    def well(self) -> bool:
        """Whether it runs undisturbed."""
        return self.wanted and self.child.alive and not self.frozen and not self.cut and self.ends_by is None


class Workers:
    """All workers. `mind` is called often: it starts again what ended, and collects what must not happen."""

    def __init__(self, settings: Settings, store_port: int, folder: Path, module: tuple[str, ...]) -> None:
        self.all: list[Worker] = []
        self.violations: list[str] = []
        self.restarts = 0
        self._settings, self._store_port, self._folder, self._module = settings, store_port, folder, module
        self._seen: dict[str, int] = {}

    def add(self) -> Worker:
        """One more."""
        proxy = Proxy(self._store_port).start()
        settings = msgspec.structs.replace(
            self._settings, redis=f"redis://127.0.0.1:{proxy.port}/0", web_port=0
        )
        given = msgspec.structs.asdict(settings).items()
        environment = {f"FORESTALL_{name.upper()}": str(value) for name, value in given}
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-m", *self._module]
        child = Child(f"worker-{len(self.all) + 1}", command, self._folder, environment=environment)
        worker = Worker(child, proxy)
        self.all.append(worker)
        child.start()
        return worker

    def well(self) -> list[Worker]:
        """Those that run undisturbed."""
        return [worker for worker in self.all if worker.well]

    def mind(self, now: float) -> None:
        """Starts again what ended; one that ended for good without being asked to has failed."""
        for worker in self.all:
            if worker.child.alive:
                self._late(worker, now)
            elif worker.died is None:
                worker.died, worker.frozen = now, False
                self._judge(worker)
                worker.ends_by = None
            elif worker.wanted and now > worker.died + AGAIN:
                worker.died = None
                self.restarts += 1
                worker.child.start()

    def end(self) -> None:
        """Asks all to end, and waits."""
        for worker in self.all:
            worker.wanted = False
            if worker.child.alive:
                worker.ends_by = time.monotonic() + END_WITHIN
                worker.child.terminate()
        while any(worker.child.alive for worker in self.all) and len(self.violations) < 20:
            self.mind(time.monotonic())
            time.sleep(0.05)
        self.mind(time.monotonic())

    def kill(self) -> None:
        """Whatever comes, nothing is left."""
        for worker in self.all:
            worker.child.kill()
            worker.proxy.stop()

    def _late(self, worker: Worker, now: float) -> None:
        if worker.cut or worker.frozen:
            worker.ends_by = worker.ends_by and now + END_WITHIN
        elif worker.ends_by is not None and now > worker.ends_by:
            self.violations.append(f"{worker.child.name} was asked to end and ran on for {END_WITHIN:g} s")
            worker.child.kill()

    def _judge(self, worker: Worker) -> None:
        code = worker.child.code
        if code and is_final(code):
            words = "\n".join(worker.child.log.read_text(errors="replace").splitlines()[-12:])
            self.violations.append(f"{worker.child.name} ended for good with code {code}:\n{words}")
        elif code == 0 and worker.ends_by is None:
            self.violations.append(f"{worker.child.name} ended with code 0 and nobody had asked it to")
