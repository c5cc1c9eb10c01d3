"""Appends a file of events to a topic, keyed by customer: `fill.py BROKERS TOPIC FILE`."""

import sys
from pathlib import Path

import orjson
from confluent_kafka import Producer


def main(brokers: str, topic: str, file: str) -> None:
    """Fills as fast as the broker takes it; murmur2 is the partitioner of Kafka's own clients."""
    producer = Producer(
        {"bootstrap.servers": brokers, "partitioner": "murmur2", "linger.ms": 20, "enable.idempotence": True,
         "queue.buffering.max.messages": 1_000_000}
    )  # fmt: skip
    with Path(file).open("rb") as lines:
        for number, line in enumerate(lines):
            event = line.rstrip(b"\n")
            producer.produce(topic, event, orjson.loads(event)["customer"])
            if number % 10_000 == 0:
                producer.poll(0)
    if left := producer.flush(120):
        sys.exit(f"{left} events were not taken")


if __name__ == "__main__":
    main(*sys.argv[1:])
