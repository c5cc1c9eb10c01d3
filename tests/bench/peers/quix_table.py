"""Quix Streams with state: RocksDB with a changelog topic, checkpoints every 5 s, as it comes."""

import os
from typing import Any

from quixstreams import Application, State
from told import BROKERS, EVENTS, TOPIC, Progress, done

progress = Progress()


def count(event: dict[str, Any], state: State) -> dict[str, Any]:
    """Counts an event of a customer."""
    found = state.get("counted", {"count": 0, "sum": 0.0, "last": ""})
    new = {
        "count": found["count"] + 1,
        "sum": found["sum"] + event["data"].get("amount", 0.0),
        "last": event["time"],
    }
    state.set("counted", new)
    progress.saw()
    return new


app = Application(
    broker_address=BROKERS,
    consumer_group=f"{TOPIC}-quix",
    auto_offset_reset="earliest",
    state_dir=os.environ["BENCH_FOLDER"],
    loglevel="WARNING",
)
table = app.dataframe(app.topic(TOPIC, key_deserializer="str", value_deserializer="json"))
table.apply(count, stateful=True)
app.run(count=EVENTS, collect=False)
done()
