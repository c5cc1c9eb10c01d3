"""What every program here is given, and says: ONCE when it has seen so many events as the stream has (it may come
more than once), WARM when its warm-up is over, DONE when all is done and durable.

Each counts events by customer, sums their amounts and keeps the last time, in a state that survives the process.
"""

import os
import time

BROKERS = os.environ["BENCH_BROKERS"]
TOPIC = os.environ["BENCH_TOPIC"]
#: How many events the topic has, how many of them are the stream for the first time, and how many warm up.
EVENTS = int(os.environ["BENCH_EVENTS"])
ONCE = int(os.environ["BENCH_ONCE"])
WARM = int(os.environ["BENCH_WARM"])


class Progress:
    """Counts events."""

    def __init__(self) -> None:
        self.seen = 0

    def saw(self, events: int = 1) -> bool:
        """So many more were processed; whether these were the last."""
        before, self.seen = self.seen, self.seen + events
        for word, count in (("ONCE", ONCE), ("WARM", WARM)):
            if before < count <= self.seen:
                print(word, flush=True)
        return self.seen >= EVENTS


def done() -> None:
    """All is processed and durable; waits to be ended."""
    print("DONE", flush=True)
    time.sleep(60)
