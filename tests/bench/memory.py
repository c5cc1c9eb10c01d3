"""Bytes a customer in Redis, the worker's own memory, and CPU an event, by number of customers; four problems.

Every installation is fresh, and its customers send the same number of events in the same 200 days. CPU is that of the
last events, at most 100,000.
"""

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
from tests.bench.streams import NextLines, Stream, synthetic_lines
from tests.bench.worker import WHOLE, Installation, installation

CUSTOMERS = (10_000, 30_000, 100_000, 300_000, 1_000_000)
EVENTS_EACH = 10
#: So many events are measured at most, and a quarter of all.
MEASURED = 100_000


def run(
    console: rich.console.Console, customers: Sequence[int] = CUSTOMERS, each: int = EVENTS_EACH
) -> dict[str, Any]:
    """An installation for each number of customers; Redis without its append-only file, which would fill the disk."""
    found = {}
    for count in customers:
        events = each * count
        console.log(f"{count:,} customers, {events:,} events")
        with servers(console, durability="none") as on, installation(on) as one:
            lines = synthetic_lines(events, count)
            found[str(count)] = {"events": events, **_grown(one, lines, events)}
    return {"events_a_customer_in_200_days": each, "customers": found}


def _grown(one: Installation, lines: Any, events: int) -> dict[str, Any]:
    measured = min(MEASURED, events // 4)
    worker = one.start(*WHOLE)
    while not one.processed_any():
        time.sleep(0.1)
    empty = resident_bytes(worker.pid)
    first, rest = (
        Stream(name, NextLines(lines, many))
        for name, many in (("first", events - measured), ("rest", measured))
    )
    ran = one.measured(first, rest, {"worker": worker.pid})
    return {
        "cpu_us": ran.cpu_us,
        "core_us": ran.others["foresee_core_us"] + ran.others["learn_core_us"],
        "redis_us": ran.servers_us["redis"],
        "events_a_second": ran.events_a_second,
        "worker_mb_empty": empty / 1e6,
        "worker_mb": resident_bytes(worker.pid) / 1e6,
        **stored(one),
    }


def stored(one: Installation) -> dict[str, Any]:
    """Documents as they are encoded, and what Redis needs: for them with their keys, for the index of due times, and
    in all (queue, outboxes, models and Redis itself included)."""
    lengths: list[int] = []
    used = dict.fromkeys(("state", "due"), 0)
    with redis.Redis.from_url(one.settings.redis) as store:
        for partition in range(one.settings.partitions):
            keys = PartitionKeys(one.settings.store_prefix, "foresee", partition)
            lengths += _lengths(store, keys.state)
            for name, key in (("state", keys.state), ("due", keys.due)):
                used[name] += int(store.memory_usage(key, samples=0) or 0)
        everything = int(store.info("memory")["used_memory"])
    count = len(lengths)
    return {
        "customers": count,
        "document_bytes": {
            "median": float(np.median(lengths)),
            "mean": float(np.mean(lengths)),
            "p99": float(np.quantile(lengths, 0.99)),
            "max": max(lengths),
        },
        "redis_bytes_a_customer": {
            "documents": used["state"] / count,
            "due": used["due"] / count,
            "everything": everything / count,
        },
    }


def _lengths(store: "redis.Redis[bytes]", key: str) -> list[int]:
    found = store.hscan_iter(key, count=1_000)
    return [len(document) for name, document in found if name.startswith(CUSTOMER.encode())]
