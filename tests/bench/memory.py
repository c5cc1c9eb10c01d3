"""Bytes a customer in Redis, and the worker's own memory, by number of customers; four problems."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import redis
import rich.console

from forestall.pipeline.core.working import CUSTOMER
from forestall.pipeline.store.keys import PartitionKeys
from tests.bench.metering import resident_bytes
from tests.bench.servers import servers
from tests.bench.streams import synthetic
from tests.bench.worker import WHOLE, Installation, installation

CUSTOMERS = (2_000, 20_000)
EVENTS_EACH = 10


def run(console: rich.console.Console, customers: Sequence[int] = CUSTOMERS) -> dict[str, Any]:
    """An installation for each number of customers."""
    found = {}
    for count in customers:
        with servers(console) as on, installation(on) as one:
            console.log(f"{count:,} customers, {count * EVENTS_EACH:,} events")
            worker = one.start(*WHOLE)
            while not one.processed_any():
                time.sleep(0.1)
            empty = resident_bytes(worker.pid)
            one.fill(synthetic(count * EVENTS_EACH, count))
            one.until_idle()
            found[str(count)] = {
                "worker_mb_empty": empty / 1e6,
                "worker_mb": resident_bytes(worker.pid) / 1e6,
            }
            found[str(count)] |= _stored(one)
    return {"events_a_customer": EVENTS_EACH, "customers": found}


def _stored(one: Installation) -> dict[str, Any]:
    """Documents as they are encoded, and what Redis needs for them, keys and the index of due times included."""
    settings = one.settings
    with redis.Redis.from_url(settings.redis) as store:
        lengths: list[int] = []
        used = 0
        for partition in range(settings.partitions):
            keys = PartitionKeys(settings.store_prefix, "foresee", partition)
            for key, document in store.hscan_iter(keys.state, count=1_000):
                if key.startswith(CUSTOMER.encode()):
                    lengths.append(len(document))
            used += sum(int(store.memory_usage(key, samples=0) or 0) for key in (keys.state, keys.due))
    return {
        "customers": len(lengths),
        "document_bytes": {
            "median": float(np.median(lengths)),
            "p99": float(np.quantile(lengths, 0.99)),
            "max": max(lengths),
        },
        "redis_bytes_a_customer": used / len(lengths),
    }
