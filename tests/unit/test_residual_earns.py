"""A customer's own term counts where customers differ by what no feature tells, and only there."""

import random

import numpy as np
import pytest

from forestall.agents.own_events import journal_copy
from forestall.pipeline.core.effects import Record
from forestall.pipeline.core.partition import Prediction
from forestall.pipeline.core.scores import auroc
from forestall.pipeline.inline import Inline
from forestall.schemas.catalogue import CatalogueFile, Configuration
from forestall.schemas.event import encode
from tests.builders.scene import START, iso
from tests.unit.test_labels import LATE

CUSTOMERS, TICKETS = 40, 60
HOUR = 3_600_000


def foreseen(chances: tuple[float, float]) -> tuple[bool, float]:
    """Of every other customer a ticket is late with the first chance, of the others with the second. Whether the own
    terms count in the end, and the AUROC of the second half of what was said."""
    said: list[Prediction] = []
    inline = Inline(1, None, said.append)
    files = [CatalogueFile("late.toml", LATE)]
    inline.feed_all(
        Record(0, START, None, journal_copy(Configuration(version=1, files=files, salt="s"), START))
    )
    dice = random.Random(5)
    order = [customer for customer in range(CUSTOMERS) for _ in range(TICKETS)]
    dice.shuffle(order)
    for n, customer in enumerate(order):
        late = dice.random() < chances[customer % 2]
        for type_, after in (("ticket.opened", 0), ("ticket.closed", HOUR // 2)):
            ms = START + n * HOUR + after
            event = {"specversion": "1.0", "id": f"{n}{type_}", "source": "t", "type": type_, "time": iso(ms),
                     "customer": f"c{customer}", "subject": f"s{n}", "data": {"late": late}}  # fmt: skip
            inline.feed(0, Record(2 * n + (after > 0), ms, f"c{customer}".encode(), encode(event)))
    later = said[len(said) // 2 :]
    y = np.array([float(bool(one.y)) for one in later])
    area = auroc(np.array([one.p for one in later]), y, np.ones(len(y)))
    return inline.learn.scores()["late"]["offset_counts"] == 1.0, area


def test_planted_differences_between_customers_are_found_and_count() -> None:
    """Nothing but the own term can tell these customers apart: with an open end, past answers are no feature."""
    counts, area = foreseen((0.15, 0.85))
    assert counts
    assert area > 0.75


def test_where_customers_are_alike_the_own_term_does_not_count() -> None:
    """It would only be noise."""
    counts, area = foreseen((0.5, 0.5))
    assert not counts
    assert area == pytest.approx(0.5, abs=0.05)
