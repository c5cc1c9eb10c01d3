"""Samples of stored state: `python -m tests.state_samples` writes those of today's version anew.

`tests/data/state/N/` is a recording (states, outboxes, logs) as the core of state version N made it, stopped with work
left to do. Folders of earlier versions stay as they are: nobody can write those bytes any more.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import msgspec

from forestall.pipeline.core.versions import STATE_VERSION
from forestall.schemas.catalogue import CatalogueFile
from tests.builders.installation import Installation

FOLDER = Path(__file__).parent / "data" / "state"
EVENTS = 800
CUSTOMERS = 40
START = 1_767_000_000  # epoch s
STEP = 1_200  # s from event to event
#: So many of the last events come at once, a few steps are made, and then come events that nobody reads.
LATEST, STEPS, UNREAD = 200, 2, 50
PREFERENCES = (
    ("forestall.consent", {"purpose": "contact", "granted": False}),
    ("forestall.silence", {"until": (START + EVENTS * STEP) * 1000}),
    ("forestall.consent", {"purpose": "predict", "granted": False}),
    ("forestall.erasure", {}),
)

CATALOGUE = """
[problem.return]
title = "Will send it back"
ask = { on = "order.placed" }
happens = { on = "order.returned", within = "3d" }
grace = "1h"
[problem.return.action]
title = "Call"
channels = ["email"]
[problem.return.features]
numeric = ["data.amount"]
category = ["data.country"]

[problem.lost]
title = "Will not order again"
ask = { on = "order.placed", silence = "2d" }
happens = { on = "order.placed", within = "2d", not = true }
[problem.lost.action]
title = "Ask"
channels = ["email"]

[problem.late]
title = "Will be closed late"
ask = { on = "ticket.opened" }
answered = { on = "ticket.closed", same = "subject", yes = "data.late == true" }
[problem.late.action]
title = "Hurry"
channels = ["email"]
[problem.late.features]
numeric = ["data.size", "data.amount"]
"""


def events() -> Iterator[tuple[str, bytes]]:
    """Customer and event, in order; dear orders come back, large tickets are late."""
    chance = Random(7)
    opened: list[tuple[str, str, bool]] = []
    for number in range(EVENTS):
        customer = f"c-{chance.randrange(CUSTOMERS)}"
        kind = chance.random()
        if number % 180 == 90:
            type_, data = PREFERENCES[number // 180 % len(PREFERENCES)]
            yield customer, event(number, customer, type_, None, data)
        elif kind < 0.3 and opened:
            customer, subject, late = opened.pop(chance.randrange(len(opened)))
            yield customer, event(number, customer, "ticket.closed", subject, {"late": late})
        elif kind < 0.55:
            size = chance.randrange(1, 9)
            opened.append((customer, f"t-{number}", size + chance.random() * 4 > 6))
            yield customer, event(number, customer, "ticket.opened", f"t-{number}", {"size": size})
        else:
            amount = round(chance.expovariate(0.02), 2)
            data = {"amount": amount, "country": chance.choice(("DE", "FR", "GB"))}
            dear = amount + chance.random() * 40 > 80
            type_ = "order.returned" if dear and chance.random() < 0.4 else "order.placed"
            yield customer, event(number, customer, type_, f"o-{number}", data)


def event(number: int, customer: str, type_: str, subject: str | None, data: dict[str, object]) -> bytes:
    """One event, as a producer sends it."""
    fields = {
        "specversion": "1.0",
        "id": str(number),
        "source": "sample",
        "type": type_,
        "customer": customer,
    }
    time = datetime.fromtimestamp(START + number * STEP, UTC)
    optional = {"subject": subject} if subject is not None else {}
    return msgspec.json.encode(fields | {"time": time, "data": data} | optional)


def write(folder: Path) -> None:
    """Writes the sample of today's version: some chunks are not processed, some effects not delivered."""
    installation = Installation(partitions=1, answers=1, seed=5)
    installation.configure(CatalogueFile("sample.toml", CATALOGUE))
    for number, (customer, value) in enumerate(events()):
        installation.send(customer, value)
        installation.work(1 if number < EVENTS - LATEST else STEPS if number == EVENTS - UNREAD else 0)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    installation.record(folder)


def main() -> int:
    """Writes the folder of today's version."""
    folder = FOLDER / str(STATE_VERSION)
    write(folder)
    size = sum(file.stat().st_size for file in folder.iterdir())
    sys.stdout.write(f"{folder}: {size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
