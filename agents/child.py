"""A child process that ends when we do, however we end: cleanly, by an exception, or by SIGKILL."""

import atexit
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from forestall.pipeline.errors import ServerFailed

#: Asks the kernel (Linux) to kill the child with its parent's thread, then becomes the command.
_LAUNCHER = """
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent has ended")
os.execvp(sys.argv[2], sys.argv[2:])
"""
#: Below the ports that the kernel hands to outgoing connections, so that a port stays ours over a restart.
_PORTS = (10_300, 22_700)


class Child:
    """One child process with its log `<folder>/<name>.log`. It can be started again after it ended.

    On Linux the child dies with the *thread* that started it: start it from a thread that stays. It leads a
    session of its own, so Ctrl-C in the terminal reaches only us and we end it in our order.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        *,
        end_with: signal.Signals = signal.SIGTERM,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = folder / f"{name}.log"
        self._folder = folder
        self._end_with = end_with
        self._environment = None if environment is None else {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process' id, which is the command's own; raises if it was never started."""
        if self._process is None:
            raise ServerFailed(f"{self.name} was not started; start it first")
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs (or is paused)."""
        return self._process is not None and self._process.poll() is None

    @property
    def code(self) -> int | None:
        """How it ended: its exit code, or the negative number of the signal; None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Starts the process; does not wait until it serves (see `wait_until`)."""
        if self.alive:
            raise ServerFailed(f"{self.name} runs already as process {self.pid}; stop it first")
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *self.command]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                launcher,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        atexit.register(self.kill)

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Waits until `ready()`; raises ServerFailed with the log's end if it dies or takes longer."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.alive:
                raise ServerFailed(f"{self.name} ended while starting. {self._last_words()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"{self.name} was not ready after {seconds:g} s. {self._last_words()}")
            time.sleep(0.02)

    def stop(self, grace: float = 5.0) -> None:
        """Asks the process to end, and kills it after `grace` seconds."""
        if self.alive:
            self.resume()
            self._signal(self._end_with)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._wait(grace)
        self.kill()

    def kill(self) -> None:
        """Kills the process and everything in its session's group (SIGKILL); harmless if it has ended."""
        atexit.unregister(self.kill)
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._wait(10)

    def terminate(self) -> None:
        """Asks the process to end, and does not wait for it."""
        self._signal(self._end_with)

    def pause(self) -> None:
        """Freezes the process (SIGSTOP): it holds its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets a paused process go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def _wait(self, seconds: float) -> None:
        if self._process is not None:
            self._process.wait(timeout=seconds)

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-15:] if self.log.exists() else []
        return f"Its log {self.log} ends:\n" + "\n".join(f"    {line}" for line in lines)


def free_port(offsets: Sequence[int] = (0,)) -> int:
    """A loopback port that nobody listens on now, and neither on port + each of `offsets`."""
    for _ in range(200):
        port = random.randint(*_PORTS)
        if all(_is_free(port + offset) for offset in offsets):
            return port
    raise ServerFailed(
        f"found no free loopback port between {_PORTS[0]} and {_PORTS[1]}; end what listens there"
    )


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
