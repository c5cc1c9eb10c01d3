"""The shipped samples and catalogues, and how each published task is found in them."""

import gzip
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from forestall.pipeline.core.catalogue.declaration import Problem
from forestall.pipeline.core.catalogue.parse import parse
from forestall.schemas.catalogue import CatalogueFile
from forestall.schemas.event import Event, decode_event
from tests.scenarios.task_rows import Row

ROOT = Path(__file__).parents[2]
CATALOGUES = ROOT / "deploy" / "catalogues"
SAMPLES = ROOT / "pipeline" / "sources" / "samples"


class Task(NamedTuple):
    """Where a published task is found: the sample, the problem, and the moments it covers (epoch seconds).

    `unanswered` are its rows whose question of ours has no answer.
    """

    sample: str
    problem: str
    since: int
    until: int
    unanswered: tuple[Row, ...] = ()


#: Two incidents change their caller after the first row and one has another caller for two rows in the middle:
#: the event that closes them is another customer's, so these callers' questions are never answered.
HANDED_OVER = (Row("3505", 1457548740, 1), Row("3216", 1457706540, 1))
LENT = (Row("1531", 1457688780, 1), Row("1531", 1457688840, 1))

TASKS: dict[str, Task] = {
    "A1": Task("incidents", "sla_breach_at_opening", 0, 2**40, HANDED_OVER),
    "A2": Task("incidents", "sla_breach_while_open", 0, 2**40, (*HANDED_OVER, *LENT)),
    # From 2016-03-01 to before 2016-05-24, when most incidents have been opened.
    "A3b": Task("incidents", "next_incident", 1456790400, 1464048000 - 1),
    # Horizons that end with the file at the latest, 2011-12-09T12:50.
    "C1": Task("retail", "return", 0, 1323435000 - 30 * 86400),
    "C2": Task("retail", "lapse", 0, 1323435000 - 90 * 86400),
    # Horizons that end with the last ticket opened, at 2013-11-28T17:07:59; the file goes on for 36 days.
    "E1": Task("helpdesk", "another_ticket", 0, 1385658479 - 14 * 86400),
}


@cache
def events(sample: str) -> list[Event]:
    """The sample's events in order."""
    return list(_events(sample))


def _events(sample: str) -> Iterator[Event]:
    with gzip.open(SAMPLES / f"{sample}.jsonl.gz", "rb") as lines:
        yield from map(decode_event, lines)


def problem(sample: str, name: str) -> Problem:
    """A problem of the sample's catalogue."""
    path = CATALOGUES / f"{sample}.toml"
    catalogue = parse([CatalogueFile(path.name, path.read_text())])
    return next(problem for problem in catalogue.problems if problem.name == name)
