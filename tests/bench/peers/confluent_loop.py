"""A plain loop over confluent-kafka: a dictionary, its changes in a compacted topic before offsets are committed."""

import orjson
from confluent_kafka import Consumer, Producer
from told import BROKERS, EVENTS, TOPIC, Progress, done

CHANGELOG = f"{TOPIC}-confluent-changelog"

consumer = Consumer(
    {"bootstrap.servers": BROKERS, "group.id": f"{TOPIC}-confluent", "auto.offset.reset": "earliest",
     "enable.auto.commit": False}
)  # fmt: skip
producer = Producer({"bootstrap.servers": BROKERS, "enable.idempotence": True, "linger.ms": 5})
consumer.subscribe([TOPIC])
counts: dict[bytes, tuple[int, float, str]] = {}
progress = Progress()
while progress.seen < EVENTS:
    messages = consumer.consume(2_000, timeout=0.5)
    changed = set()
    for message in messages:
        event, key = orjson.loads(message.value()), message.key()
        count, total, _ = counts.get(key, (0, 0.0, ""))
        counts[key] = count + 1, total + event["data"].get("amount", 0.0), event["time"]
        changed.add(key)
    for key in changed:
        producer.produce(CHANGELOG, orjson.dumps(counts[key]), key)
    producer.flush()
    if messages:
        consumer.commit(asynchronous=False)
        progress.saw(len(messages))
done()
