"""Broken and odd input for the journal, each with the fate that it must have: processed, or dead with a cause.

`broken(seed, count, now_ms)` is the same list for the same arguments. The fates follow from how each input was
made, not from reading it. `KINDS` is the table; a kind takes the dice and the moment and makes one input.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import cycle
from random import Random
from typing import Any, Literal, NamedTuple

from forestall.schemas.deadletter import Cause

Fate = Cause | Literal["processed"]

DAY = 86_400_000


class Input(NamedTuple):
    """One record for the journal. `kind` names how it is odd; `fate` is what must become of it."""

    kind: str
    key: bytes | None
    value: bytes | None
    fate: Fate


class Dice:
    """The chances of one input: its number, the moment, and what is drawn."""

    def __init__(self, random: Random, number: int, now_ms: int) -> None:
        self.random = random
        self.number = number
        self.now_ms = now_ms

    def event(self, **changed: Any) -> dict[str, Any]:
        """A good event of the last 30 days, with some attributes changed; None removes one."""
        event = {
            "specversion": "1.0",
            "id": f"odd-{self.number}",
            "source": "odd",
            "type": self.random.choice(("order.placed", "order.returned", "ticket.opened")),
            "time": time(self.now_ms - self.random.randrange(1000, 30 * DAY)),
            "customer": f"c-{self.random.randrange(200)}",
            "subject": f"o-{self.number}",
            "data": {
                "amount": round(self.random.uniform(1, 500), 2),
                "country": self.random.choice(("DE", "FR")),
            },
        } | changed
        return {name: value for name, value in event.items() if value is not None}

    def cut(self, text: bytes) -> bytes:
        """The text without its end."""
        return text[: self.random.randrange(1, len(text) - 1)]


def time(ms: float) -> str:
    """Epoch milliseconds as an event has them."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).isoformat().replace("+00:00", "Z")


def as_json(event: object) -> bytes:
    """As a producer writes it, NaN and lone surrogates included."""
    return json.dumps(event, ensure_ascii=False).encode("utf-8", errors="surrogatepass")


def kept(event: dict[str, Any], fate: Fate = "processed") -> tuple[bytes | None, bytes, Fate]:
    """An event under its customer's key."""
    customer = event.get("customer")
    key = customer.encode() if isinstance(customer, str) else b"odd"
    return key, as_json(event), fate


def raw(
    value: bytes | None, fate: Fate, key: bytes | None = b"c-1"
) -> tuple[bytes | None, bytes | None, Fate]:
    """Bytes that may be anything."""
    return key, value, fate


def nested(levels: int) -> Any:
    """Arrays in objects in arrays."""
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"x": value}
    return value


def wrong_attribute(dice: Dice) -> tuple[bytes | None, bytes, Fate]:
    """One required attribute is of another type or out of range."""
    name = dice.random.choice(("id", "source", "type", "time", "specversion"))
    wrong = dice.random.choice((17, 1.5, True, [], {}, "", ["a"], {"a": "b"}))
    return kept(dice.event(**{name: wrong}), "wrong_shape")


Made = tuple[bytes | None, bytes | None, Fate]
ATTRIBUTES = ("id", "source", "type", "time", "specversion")
BAD_TIMES = (
    "yesterday", "2026-02-30T10:00:00Z", "2026-01-01", "2026-01-01T25:00:00Z", "2026-01-01T10:00:00",
    "01.02.2026 10:00", "1767261600", "20260101T100000Z", "2026-01-01T10:00:00+99:00", "now",
)  # fmt: skip
BAD_NUMBERS = (b"NaN", b"Infinity", b"-Infinity", b"01", b"+1", b".5", b"0x10", b"1_000")

KINDS: dict[str, Callable[[Dice], Made]] = {
    # not JSON at all, or not quite
    "nothing": lambda dice: raw(None, "wrong_shape"),
    "empty": lambda dice: raw(b"", "not_json"),
    "blank": lambda dice: raw(b" \n\t", "not_json"),
    "words": lambda dice: raw(b"order placed by c-1", "not_json"),
    "xml": lambda dice: raw(b"<event id='1'/>", "not_json"),
    "csv": lambda dice: raw(b"id;customer;amount\n1;c-1;5", "not_json"),
    "noise": lambda dice: raw(b"\x80" + dice.random.randbytes(dice.random.randrange(1, 200)), "not_json"),
    "cut off": lambda dice: raw(dice.cut(as_json(dice.event())), "not_json"),
    "two at once": lambda dice: raw(as_json(dice.event()) * 2, "not_json"),
    "trailing comma": lambda dice: raw(as_json(dice.event())[:-1] + b",}", "not_json"),
    "single quotes": lambda dice: raw(str(dice.event()).encode(), "not_json"),
    "comment": lambda dice: raw(b"// an event\n" + as_json(dice.event()), "not_json"),
    "no number": lambda dice: raw(
        as_json(dice.event(data={"n": 0})).replace(b'"n": 0', b'"n": ' + dice.random.choice(BAD_NUMBERS)), "not_json"
    ),
    # encodings
    "byte order mark": lambda dice: raw(b"\xef\xbb\xbf" + as_json(dice.event()), "not_json"),
    "utf-16": lambda dice: raw(as_json(dice.event()).decode().encode("utf-16"), "not_json"),
    "utf-32": lambda dice: raw(as_json(dice.event()).decode().encode("utf-32"), "not_json"),
    "latin-1": lambda dice: raw(as_json(dice.event(subject="Grüße")).decode().encode("latin-1"), "not_json"),
    "lone surrogate": lambda dice: raw(as_json(dice.event(subject="a\ud800b")), "not_json"),
    "escaped lone surrogate": lambda dice: raw(
        json.dumps(dice.event(data={"text": "\udfff"})).encode(), "not_json"
    ),
    "compressed": lambda dice: raw(b"\x1f\x8b\x08\x00" + dice.random.randbytes(40), "not_json"),
    "avro": lambda dice: raw(b"\x00\x00\x00\x00\x2a" + dice.random.randbytes(40), "not_json"),
    # JSON of another shape
    "no object": lambda dice: raw(
        dice.random.choice((b"null", b"true", b"17", b'"event"', b"[]", b"[{}]")), "wrong_shape"
    ),
    "empty object": lambda dice: raw(b"{}", "wrong_shape"),
    "wrong attribute": wrong_attribute,
    "missing attribute": lambda dice: kept(dice.event(**{dice.random.choice(ATTRIBUTES): None}), "wrong_shape"),
    "null attribute": lambda dice: raw(
        as_json(dice.event() | {dice.random.choice(ATTRIBUTES): None}), "wrong_shape"
    ),
    "other version": lambda dice: kept(
        dice.event(specversion=dice.random.choice(("0.3", "1", "2.0"))), "wrong_shape"
    ),
    "data is no object": lambda dice: kept(
        dice.event(data=dice.random.choice(([], [1], "text", 5, False))), "wrong_shape"
    ),
    "customer is no text": lambda dice: kept(
        dice.event(customer=dice.random.choice((5, True, [], {"id": "c-1"}))), "wrong_shape"
    ),
    "empty customer": lambda dice: kept(dice.event(customer=""), "wrong_shape"),
    "name too long": lambda dice: kept(
        dice.event(**{dice.random.choice(("id", "type", "subject", "customer")): "x" * 513}), "wrong_shape"
    ),
    "bad time": lambda dice: kept(dice.event(time=dice.random.choice(BAD_TIMES)), "wrong_shape"),
    "before 1970": lambda dice: kept(dice.event(time=time(-dice.random.randrange(1000, 100 * DAY))), "wrong_shape"),
    "number out of range": lambda dice: raw(
        as_json(dice.event(data={"amount": 0})).replace(b'"amount": 0', b'"amount": 1e999'), "wrong_shape"
    ),
    # legal JSON that may not be in the journal
    "no customer": lambda dice: kept(dice.event(customer=None), "no_customer"),
    "no key": lambda dice: raw(as_json(dice.event()), "wrong_partition", key=None),
    "another's key": lambda dice: raw(as_json(dice.event()), "wrong_partition", key=b"somebody else"),
    "key in other case": lambda dice: raw(as_json(dice.event(customer="c-1")), "wrong_partition", key=b"C-1"),
    "from the future": lambda dice: kept(
        dice.event(time=time(dice.now_ms + dice.random.randrange(DAY, 3_000 * DAY))), "from_the_future"
    ),
    "end of time": lambda dice: kept(dice.event(time="9999-12-31T23:59:59Z"), "from_the_future"),
    "reserved type": lambda dice: kept(
        dice.event(type=dice.random.choice(("forestall.", "forestall.bogus", "forestall.tick.x"))), "reserved_type"
    ),
    "forged notice": lambda dice: raw(
        as_json(dice.event(type="forestall.notice.model", customer=None)), "wrong_shape", key=None
    ),
    "forged catalogue": lambda dice: raw(
        as_json(dice.event(type="forestall.catalogue", customer=None)), "wrong_shape", key=None
    ),
    # too much of it
    "huge": lambda dice: kept(dice.event(data={"text": "x" * dice.random.randrange(600_000, 700_000)}), "too_large"),
    "huge noise": lambda dice: raw(b"[" * 600_000, "too_large"),
    "deep": lambda dice: kept(dice.event(data={"x": nested(dice.random.randrange(120, 900))}), "too_deep"),
    "very deep": lambda dice: raw(b'{"a":' * dice.random.randrange(2_000, 50_000), "too_deep"),
    # odd, and yet to be processed
    "good": lambda dice: kept(dice.event()),
    "unknown type": lambda dice: kept(dice.event(type=f"never.heard.of.{dice.random.randrange(10**9)}")),
    "unknown attributes": lambda dice: kept(dice.event(traceparent="00-1", weather={"rain": [1, 2]})),
    "nulls": lambda dice: raw(as_json(dice.event(customer="c-1") | {"subject": None, "data": None}), "processed"),
    "key twice": lambda dice: raw(as_json(dice.event(customer="c-1"))[:-1] + b',"subject":"again"}', "processed"),
    "whitespace": lambda dice: raw(json.dumps(dice.event(customer="c-1"), indent=9).encode() + b"\n\n", "processed"),
    "any language": lambda dice: kept(dice.event(customer="客户-ß-😀", subject="Ünïcödé\u202e", type="заказ.создан")),
    "control characters": lambda dice: kept(dice.event(subject="a\u0000b\u001f", data={"\u0000": "\u007f"})),
    "large": lambda dice: kept(dice.event(data={"text": "x" * 200_000})),
    "many fields": lambda dice: kept(dice.event(data={f"field{n}": n for n in range(2_000)})),
    "rather deep": lambda dice: kept(dice.event(data={"x": nested(dice.random.randrange(20, 90))})),
    "brackets in text": lambda dice: kept(dice.event(data={"text": '[{"' * 1_000})),
    "strange numbers": lambda dice: kept(
        dice.event(data={"amount": dice.random.choice((1e308, -1e308, 5e-324, -0.0, 2**63, 10**40, -(10**40)))})
    ),
    "fields of other types": lambda dice: kept(
        dice.event(data={"amount": dice.random.choice(("5", True, None, [], {})), "country": 49})
    ),
    "very late": lambda dice: kept(dice.event(time=time(dice.random.randrange(0, 400 * DAY)))),
    "offset of time": lambda dice: kept(dice.event(time="2026-01-01T10:00:00.123456+14:00")),
    "repeated": lambda dice: kept(dice.event(id="the same", customer="c-again")),
}  # fmt: skip


#: Kinds that weigh too much to come as often as the others: so much rarer are they.
RARE = ("huge", "huge noise", "very deep", "large")
RARITY = 20


def broken(seed: int, count: int, now_ms: int) -> list[Input]:
    """`count` inputs, every kind about as often but the rare ones, in an order of no pattern."""
    random = Random(seed)
    common = [name for name in KINDS if name not in RARE]
    names = [name for name, _ in zip(cycle([*common * RARITY, *RARE]), range(count), strict=False)]
    random.shuffle(names)
    return [Input(name, *KINDS[name](Dice(random, number, now_ms))) for number, name in enumerate(names)]
