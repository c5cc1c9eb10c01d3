"""Turns a raw data set into a file of events, as the shipped samples were made:

python -m forestall.pipeline.sources.datasets retail YEAR1.csv.gz YEAR2.csv.gz retail.jsonl.gz
python -m forestall.pipeline.sources.datasets incidents incident_event_log.csv.gz incidents.jsonl.gz
python -m forestall.pipeline.sources.datasets helpdesk helpdesk_flat.csv.gz helpdesk.jsonl.gz
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from forestall.pipeline.errors import ConfigurationError
from forestall.pipeline.sources.eventfiles import Happened, write_events
from forestall.pipeline.sources.helpdesk import helpdesk_events
from forestall.pipeline.sources.incidents import incident_events
from forestall.pipeline.sources.retail import retail_events

#: Name of the set (and `source` of its events) -> its loader.
DATASETS: dict[str, Callable[[Sequence[Path]], Iterator[Happened]]] = {
    "helpdesk": helpdesk_events,
    "incidents": incident_events,
    "retail": retail_events,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes OUT from the RAW files and says how many events it holds."""
    parser = argparse.ArgumentParser(
        prog="datasets", description="Turn a raw data set into a file of events."
    )
    parser.add_argument("set", choices=sorted(DATASETS), help="which data set the raw files are")
    parser.add_argument("raw", nargs="+", type=Path, help="raw CSV files, plain or gzipped, in order of time")
    parser.add_argument("out", type=Path, help="the file of events to write (.jsonl.gz)")
    given = parser.parse_args(arguments)
    try:
        count = write_events(given.out, given.set, DATASETS[given.set](given.raw))
    except (ConfigurationError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{given.out}: {count:,} events, {given.out.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
