"""Appends a file of events to a topic, keyed by customer: `fill.py BROKERS TOPIC FILE [EVENTS_A_SECOND]`.

With a rate event k is due k / rate after the beginning, and is sent then or, if the sender was held up, as soon as it
can be. In the end it prints when it began (epoch seconds), and how late (ms) 1 % of the events were at least.
"""

import sys
import time
from pathlib import Path

import orjson
from confluent_kafka import Producer

#: What is due within so many seconds is sent together: to wake up for each event costs a core.
NAP = 0.002


def main(brokers: str, topic: str, file: str, rate: str = "") -> None:
    """Fills as fast as the broker takes it, or at the rate; murmur2 is the partitioner of Kafka's own clients."""
    producer = Producer(
        {"bootstrap.servers": brokers, "partitioner": "murmur2", "linger.ms": 5 if rate else 20,
         "enable.idempotence": True, "queue.buffering.max.messages": 1_000_000}
    )  # fmt: skip
    producer.list_topics(topic, 10)
    pace, began = (float(rate) if rate else 0.0), time.time()
    late = []
    with Path(file).open("rb") as lines:
        for number, line in enumerate(lines):
            if pace:
                late.append(time.time() - began - number / pace)
                if late[-1] < 0:
                    producer.poll(0)
                    time.sleep(max(-late[-1], NAP))
            event = line.rstrip(b"\n")
            producer.produce(topic, event, orjson.loads(event)["customer"])
            if number % 1_000 == 0:
                producer.poll(0)
    if left := producer.flush(120):
        sys.exit(f"{left} events were not taken")
    if late:
        print(began, max(0.0, sorted(late)[int(len(late) * 0.99)]) * 1000)


if __name__ == "__main__":
    main(*sys.argv[1:])
