"""Apache Kafka 4.1 (KRaft, one node that is broker and controller), from a folder of jars."""

import os
import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from forestall.agents.child import Child, free_port, listens
from forestall.pipeline.errors import ServerFailed

#: Where the jars are, unless FORESTALL_KAFKA_LIBS says otherwise.
JARS = Path(__file__).parents[2] / "build" / "kafka" / "libs"

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "log.cleaner.dedupe.buffer.size": "8388608",
    "num.network.threads": "2",
    "num.io.threads": "4",
}
HEAP = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC")
#: Silent unless an slf4j binding is among the jars.
LOGGING = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",)


class Kafka:
    """One broker. `settings` override SETTINGS; `quick` starts faster and runs slower (one compiler)."""

    def __init__(self, folder: Path, settings: dict[str, str] | None = None, *, quick: bool = True) -> None:
        self.folder = folder
        self.port = free_port()
        self._settings = {**SETTINGS, **(settings or {})}
        self._java = ["java", *HEAP, *LOGGING, *(["-XX:TieredStopAtLevel=1"] if quick else [])]
        self._java += ["-cp", f"{jars()}/*"]
        self._file = folder / "server.properties"
        self.child = Child("kafka", [*self._java, "kafka.Kafka", str(self._file)], folder)

    @property
    def bootstrap(self) -> str:
        """What clients connect to."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> "Kafka":
        """Starts the broker (the first time on an empty log) and waits until it serves."""
        if not self._file.exists():
            self._format()
        self.child.start()
        self.child.wait_until(self._serves, 90)
        return self

    def stop(self) -> None:
        """Shuts down in order, as an operator would; `start()` goes on with the same log."""
        self.child.stop(grace=20)

    def kill(self) -> None:
        """Ends it as a power cut of the process would."""
        self.child.kill()

    def restart(self) -> None:
        """Stops and starts on the same port and log."""
        self.stop()
        self.start()

    def _format(self) -> None:
        controller = free_port()
        own = {
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "log.dirs": str(self.folder / "data"),
        }
        self._file.write_text("".join(f"{key}={value}\n" for key, value in {**self._settings, **own}.items()))
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode().replace("-", "A")
        tool = [*self._java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._file)]
        done = subprocess.run(tool, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode != 0:
            raise ServerFailed(f"Kafka's storage tool failed: {done.stdout}{done.stderr}")

    def _serves(self) -> bool:
        if not listens(self.port):
            return False
        try:
            with KafkaAdminClient(bootstrap_servers=self.bootstrap, bootstrap_timeout_ms=2000) as admin:
                return bool(admin.describe_cluster()["brokers"])
        except KafkaError:
            return False


def jars() -> Path:
    """The folder of Kafka's jars; raises with the remedy if there is none."""
    folder = Path(os.environ.get("FORESTALL_KAFKA_LIBS", JARS))
    if not any(folder.glob("kafka-clients-*.jar")):
        raise ServerFailed(
            f"no Apache Kafka jars in {folder}: run `make test`, which fetches them with Maven, "
            "or let FORESTALL_KAFKA_LIBS name the folder that has them"
        )
    return folder
