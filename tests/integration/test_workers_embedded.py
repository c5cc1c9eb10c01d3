"""Counting workers on the embedded broker and store, as the demo runs them."""

from pathlib import Path

from tests.fleet import Fleet, settings_for
from tests.servers.tansu import Tansu
from tests.servers.valkey import Valkey


def test_two_workers_count_exactly_on_the_embedded_pair(
    tansu: Tansu, valkey: Valkey, namespace: str, tmp_path: Path
) -> None:
    """One joins late and one is killed; the broker keeps its log in memory, so it must stay up."""
    fleet = Fleet(settings_for(tansu.bootstrap, valkey.url, namespace), tmp_path)
    try:
        fleet.start("one")
        fleet.produce(3_000)
        fleet.wait_for(lambda: fleet.counted().total() > 500)
        fleet.start("two")
        fleet.produce(3_000, pace=0.1)
        fleet.workers["one"].kill()
        fleet.produce(2_000)
        fleet.until_counted()
        fleet.check(once=False)  # this broker has no transactions
    finally:
        fleet.end()
