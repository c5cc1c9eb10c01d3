"""Catalogues of any kind and journals in which they change often: for what must hold whatever somebody declares."""

import json
import random
from collections.abc import Iterator

from forestall.agents.own_events import moment, tick
from forestall.pipeline.core.effects import Record
from forestall.schemas.event import encode
from tests.builders.replayed import configured

START_MS = 1_770_000_000_000
TYPES = ("app.opened", "chat.opened", "order.placed", "ticket.closed")
NUMERIC = ("data.age", "data.price", "data.wait")
CATEGORIES = ("data.browser", "data.colour", "data.place")
NAMES = ("first", "second", "third", "fourth")
PROBLEM = """
[problem.{name}]
title = "Something will go wrong"
{mode}
ask = {{ on = "{ask}"{when} }}
{end}
grace = "{grace}s"
costs = {{ miss = {miss}, contact = 1, compensation = 0 }}
features = {{ numeric = {numeric}, category = {category} }}
action = {{ title = "Call", channels = ["email"], say = "Hello" }}
"""
CHOICES = (
    ("forestall.consent", {"purpose": "predict", "granted": False}),
    ("forestall.consent", {"purpose": "predict", "granted": True}),
    ("forestall.consent", {"purpose": "contact", "granted": False}),
    ("forestall.silence", {"until": START_MS + 300_000}),
    ("forestall.erasure", {}),
)


def problem(chance: random.Random, name: str) -> str:
    """A problem of any kind: a horizon, a silence, or an open end."""
    some = chance.choice
    end, seconds = some(TYPES), some((5, 20, 60))
    same, negated, late = (
        some(("", ', same = "subject"')),
        some(("", ", not = true")),
        some(("", ', late_after = "15s"')),
    )
    kept = some(("", ', keep = "last per day"', ', where = "data.age > 3"'))
    when, ends = some((
        (kept, f'happens = {{ on = "{end}", within = "{seconds}s"{same}{negated} }}'),
        (f', silence = "{some((10, 40))}s"', f'happens = {{ on = "{end}", within = "{seconds}s", not = true }}'),
        (kept, f'answered = {{ on = "{end}"{same}, yes = "data.wait > 5"{late} }}'),
    ))  # fmt: skip
    return PROBLEM.format(
        name=name,
        mode=some(("", 'mode = "shadow"')),
        ask=some(TYPES),
        when=when,
        end=ends,
        grace=some((0, 10)),
        miss=some((3, 12)),
        numeric=json.dumps(chance.sample(NUMERIC, chance.randint(0, 3))),
        category=json.dumps(chance.sample(CATEGORIES, chance.randint(0, 3))),
    )


def changing_journal(seed: int) -> list[Record]:
    """A journal partition of a few customers, whose problems come, go and are declared anew."""
    return [Record(offset, *one) for offset, one in enumerate(_journal(random.Random(seed)))]


Appended = tuple[int, bytes | None, bytes]


def _journal(chance: random.Random) -> Iterator[Appended]:
    """What is appended: broker's time, key and value."""
    declared = {name: problem(chance, name) for name in NAMES}
    now, version = START_MS, 0
    yield _configuration(chance, declared, version, now)
    for number in range(chance.randint(30, 150)):
        now += chance.choice((0, 100, 1_000, 5_000, 20_000))
        match chance.random():
            case x if x < 0.20:
                name, version = chance.choice(NAMES), version + 1
                declared[name] = chance.choice((declared[name], problem(chance, name)))
                yield _configuration(chance, declared, version, now)
            case x if x < 0.25:
                yield now, None, tick(now, 0, "test")
            case x if x < 0.29:
                yield _event(chance, number, now, *chance.choice(CHOICES))
            case _:
                numbers = {field: chance.choice((3, 7.5, 1e300, "many", None)) for field in NUMERIC}
                named = {field: chance.choice(("red", 3, None, {"x": 1})) for field in CATEGORIES}
                data = {field.removeprefix("data."): value for field, value in (numbers | named).items()}
                happened = now - chance.choice((0, 0, 0, 3_000, 30_000))
                yield _event(chance, number, now, chance.choice(TYPES), data, happened)


def _configuration(chance: random.Random, declared: dict[str, str], version: int, now: int) -> Appended:
    """Some of the problems; mostly with the same event types counted, so that the others stay what they are."""
    types = json.dumps(TYPES) if chance.random() < 0.8 else "[]"
    spans = chance.choice(('["1m"]', '["1m"]', '["10s", "1m"]'))
    history = f"[history]\nspans = {spans}\ntypes = {types}\n"
    chosen = chance.sample(NAMES, chance.randint(1, len(NAMES)))
    text = history + "".join(declared[name] for name in sorted(chosen))
    return now, None, configured(text, version, now)


def _event(
    chance: random.Random, number: int, now: int, type_: str, data: object, happened: int | None = None
) -> Appended:
    """An event of one of three customers; now and then one that came before."""
    customer = chance.choice(("ann", "bob", "cleo"))
    id_ = number - (chance.random() < 0.05)
    event = {"specversion": "1.0", "id": f"e{id_}", "source": "test", "type": type_, "customer": customer}
    at = moment(now if happened is None else happened)
    subject = chance.choice((None, "o-1", "o-2"))
    return now, customer.encode(), encode({**event, "time": at, "subject": subject, "data": data})
