"""Faust with a Table, as its documentation shows it: state in memory, every change in a changelog topic."""

import asyncio
import os

import faust
from told import BROKERS, TOPIC, Progress, done

app = faust.App(
    f"{TOPIC}-faust",
    broker=f"kafka://{BROKERS}",
    store="memory://",
    topic_partitions=8,
    consumer_auto_offset_reset="earliest",
    datadir=os.environ["BENCH_FOLDER"],
    web_enabled=False,
    topic_disable_leader=True,
)
events = app.topic(TOPIC, value_serializer="json", key_type=bytes, key_serializer="raw")
counts = app.Table("counts", default=lambda: [0, 0.0, ""])
progress = Progress()


@app.agent(events)
async def count(stream: faust.Stream[dict[str, object]]) -> None:
    """Counts events by customer."""
    async for event in stream:
        found = counts[event["customer"]]
        counts[event["customer"]] = [found[0] + 1, found[1] + event["data"].get("amount", 0.0), event["time"]]
        if progress.saw():
            await app.producer.flush()
            await app.consumer.commit()
            await asyncio.to_thread(done)


if __name__ == "__main__":
    app.worker_init()
    faust.Worker(app, loglevel="WARNING", daemon=True).execute_from_commandline()
