"""A few hundred events that make everything flow: questions, answers, models, alerts, outcomes; and some bad input."""

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from forestall.agents.own_events import moment
from forestall.schemas.event import encode
from tests.simulation.broker import SPEED
from tests.simulation.log import Sent

POISON = b'"poison"'
#: How long events come, in seconds of the loop's time.
SECONDS = 16.0

CATALOGUE = """
[history]
spans = ["1m"]
types = ["order.placed", "order.returned"]

[problem.refund]
title = "Will return the order"
{model}
ask = {{ on = "order.placed" }}
happens = {{ on = "order.returned", within = "{within}s", same = "subject" }}
grace = "{grace}s"
costs = {{ miss = {miss}, contact = 1, compensation = 0 }}
features = {{ numeric = ["data.risk"{numeric}], category = ["data.kind"] }}

[problem.lapse]
title = "Will not order again"
ask = {{ on = "order.placed", silence = "1m" }}
happens = {{ on = "order.placed", within = "20s", not = true }}
grace = "0s"

[problem.late]
title = "Will be solved late"
{model}
ask = {{ on = "ticket.opened"{keep} }}
answered = {{ on = "ticket.closed", same = "subject", yes = "data.late == true", late_after = "20s", give_up = "50s" }}
grace = "0s"
costs = {{ miss = 12, contact = 1, compensation = 0 }}
features = {{ category = ["data.kind"] }}
{beside}"""
#: A problem that comes and goes, with fields that come before the others' by name.
BESIDE = """
[problem.again]
title = "Will order again"
ask = { on = "order.placed" }
happens = { on = "order.placed", within = "10s" }
grace = "0s"
features = { numeric = ["data.amount"], category = ["data.colour"] }
"""


class Appended(NamedTuple):
    """What is appended to the journal, or the foreign topic, at `at`, by its key. By a transaction, if `aborted`
    says how it ends."""

    at: float
    sent: Sent
    aborted: bool | None = None
    foreign: bool = False


def catalogue(chance: random.Random) -> str:
    """A catalogue; another draw is a changed one."""
    return CATALOGUE.format(
        within=chance.choice((10, 20)),
        grace=chance.choice((0, 10)),
        miss=(miss := chance.choice((8, 12))),
        beside=BESIDE if miss == 12 else "",
        numeric=chance.choice(("", ', "data.amount"')),
        keep=chance.choice(("", ', keep = "last per day"')),
        model=chance.choice(("", 'model = "boosted"')),
    )


class Workload:
    """All that is appended in one run, by seed."""

    def __init__(self, chance: random.Random, start_ms: int, events: int) -> None:
        self.chance, self.start_ms, self.events = chance, start_ms, events
        self._burst = chance.random() * SECONDS / 2 if chance.random() < 0.5 else None
        self.customers = [f"c{n}" for n in range(chance.randint(6, 20))]
        self._number = 0

    def appended(self) -> list[Appended]:
        """In the order of time."""
        return sorted(self._all(), key=lambda one: one.at)

    def _all(self) -> Iterator[Appended]:
        chance = self.chance
        subjects = 0
        while self._number < self.events:
            at, customer = chance.random() * SECONDS, chance.choice(self.customers)
            kind = chance.choice(("good", "bad"))
            subjects += 1
            match chance.random():
                case x if x < 0.25:  # as it happens, or all that there is, at once
                    yield self._row(self._burst or at, customer, kind, f"o{subjects}")
                case x if x < 0.78:
                    yield from self._order(at, customer, kind, f"o{subjects}")
                case x if x < 0.9:
                    yield from self._ticket(at, customer, kind, f"t{subjects}")
                case x if x < 0.95:
                    yield self._preference(at, customer)
                case _:
                    yield self._bad(at, customer)

    def _order(self, at: float, customer: str, kind: str, subject: str) -> Iterator[Appended]:
        chance = self.chance
        data = {"kind": kind, "risk": float(kind == "bad"), "amount": round(chance.random() * 100, 2)}
        data["colour"] = "red" if data["amount"] > 50 else "blue"
        yield from self._event(at, customer, "order.placed", subject, data)
        if chance.random() < (0.95 if kind == "bad" else 0.03):
            after = at + (0.1 + chance.random())
            yield from self._event(after, customer, "order.returned", subject, {})

    def _row(self, at: float, customer: str, kind: str, subject: str) -> Appended:
        """A record of the foreign topic: one or two orders, and now and then a return; or a broken one."""
        chance, ms = self.chance, self.start_ms + round(at * 1000 * SPEED)
        data = {"kind": kind, "risk": float(kind == "bad")}
        rows = [
            {"kind": "order.placed", "at": ms, "order": f"{subject}-{n}", "data": data}
            for n in range(chance.randint(1, 2))
        ]
        if kind == "bad":
            rows.append({"kind": "order.returned", "at": ms + 1, "order": f"{subject}-0", "data": {}})
        self._number += len(rows)
        document = {"who": customer, "rows": rows if chance.random() < 0.9 else None}
        return Appended(at, Sent(customer.encode(), msgspec.json.encode(document)), foreign=True)

    def _ticket(self, at: float, customer: str, kind: str, subject: str) -> Iterator[Appended]:
        chance = self.chance
        yield from self._event(at, customer, "ticket.opened", subject, {"kind": kind})
        if chance.random() < 0.9:
            after, late = at + chance.random() * 2, chance.random() < (0.9 if kind == "bad" else 0.1)
            yield from self._event(after, customer, "ticket.closed", subject, {"late": late})

    def _event(
        self, at: float, customer: str, type_: str, subject: str, data: dict[str, Any]
    ) -> Iterator[Appended]:
        chance = self.chance
        behind = chance.choice((0,) * 9 + (1_000, 20_000, -2_000))
        event = self._envelope(at, customer, type_, behind) | {"subject": subject, "data": data}
        sent = Sent(customer.encode(), encode(event))
        match chance.randrange(12):
            case 0:
                yield Appended(at, sent, aborted=False)
            case 1:  # a transactional source, which gave up first
                yield Appended(max(0.0, at - 0.3), sent, aborted=True)
                yield Appended(at, sent, aborted=False)
            case _:
                yield Appended(at, sent)
        if chance.random() < 0.04:  # a source that sends twice
            yield Appended(at + chance.random(), sent)

    def _preference(self, at: float, customer: str) -> Appended:
        data: dict[str, Any]
        match self.chance.randrange(5):
            case 0:
                type_, data = "forestall.erasure", {}
            case 1:
                until = self.start_ms + round((at + 2) * 1000 * SPEED)
                type_, data = "forestall.silence", {"until": until}
            case which:
                granted = self.chance.random() < 0.7
                type_ = "forestall.consent"
                data = {"purpose": "contact" if which == 2 else "predict", "granted": granted}
        event = self._envelope(at, customer, type_, 0) | {"data": data}
        return Appended(at, Sent(customer.encode(), encode(event)))

    def _bad(self, at: float, customer: str) -> Appended:
        key, event = customer.encode(), self._envelope(at, customer, "order.placed", 0)
        match self.chance.randrange(4):
            case 0:
                return Appended(at, Sent(key, b"{no json"))
            case 1:
                return Appended(at, Sent(b"other", encode(event)))
            case 2:
                return Appended(at, Sent(key, encode(event | {"time": moment(self.start_ms + 10**9)})))
            case _:
                return Appended(at, Sent(key, encode(event | {"data": {"poison": "poison"}})))

    def _envelope(self, at: float, customer: str, type_: str, behind: int) -> dict[str, Any]:
        self._number += 1
        ms = self.start_ms + round(at * 1000 * SPEED) - behind
        return {
            "specversion": "1.0", "id": f"e{self._number}", "source": "shop", "type": type_,
            "time": moment(ms), "customer": customer,
        }  # fmt: skip
