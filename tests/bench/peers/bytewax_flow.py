"""Bytewax with recovery: a stateful map, snapshotted to SQLite at each epoch (10 s, as it comes)."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main
from told import BROKERS, TOPIC, Progress, done

State = tuple[int, float, str]
progress = Progress()


class Nowhere(DynamicSink[Any], StatelessSinkPartition[Any]):
    """A flow must end in a sink."""

    def build(self, _step: str, _index: int, _count: int) -> "Nowhere":
        """See DynamicSink."""
        return self

    def write_batch(self, items: list[Any]) -> None:
        """Counts what arrives, after the state was changed."""
        progress.saw(len(items))


def keyed(message: KafkaSourceMessage[Any, Any]) -> tuple[str, Any]:
    """Customer and event."""
    return message.key.decode(), orjson.loads(message.value)


def counted(state: State | None, event: dict[str, Any]) -> tuple[State, State]:
    """The new state, kept and sent on."""
    count, total, _ = state or (0, 0.0, "")
    new = count + 1, total + event["data"].get("amount", 0.0), event["time"]
    return new, new


flow = Dataflow("count")
events = op.map(
    "decode", op.input("events", flow, KafkaSource([BROKERS], [TOPIC], tail=False, batch_size=2_000)), keyed
)
op.output("out", op.stateful_map("count", events, counted), Nowhere())

folder = Path(os.environ["BENCH_FOLDER"]) / "recovery"
folder.mkdir()
init_db_dir(folder, 1)
cluster_main(flow, [], 0, epoch_interval=timedelta(seconds=10), recovery_config=RecoveryConfig(folder))
done()
