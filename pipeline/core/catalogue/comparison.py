"""What the operators of the expression language mean, as closures over an event.

Only like is compared with like: null, booleans, numbers and strings are four kinds, and true is not 1. A list
or an object equals nothing. What cannot be ordered is not smaller and not greater; nothing raises.
"""

import operator
from collections.abc import Callable, Collection
from types import NoneType
from typing import Any

from forestall.pipeline.core.catalogue.tokens import Scalar
from forestall.schemas.event import Event

Test = Callable[[Event], bool]
Value = Callable[[Event], Any]

_KINDS: dict[type, int] = {NoneType: 0, bool: 1, int: 2, float: 2, str: 3}
_ORDERED = (2, 3)
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def path(name: str) -> Value:
    """The value at `data.a.b`, `subject`, `type` or `source`; null where there is none."""
    root, *keys = name.split(".")
    if root != "data":
        return operator.attrgetter(root)
    if len(keys) == 1:
        return _field(keys[0])

    def value(event: Event) -> Any:
        found: Any = event.data
        for key in keys:
            if type(found) is not dict:
                return None
            found = found.get(key)
        return found

    return value


def _field(key: str) -> Value:
    def value(event: Event) -> Any:
        data = event.data
        return None if data is None else data.get(key)

    return value


def constant(literal: Scalar) -> Value:
    """The literal itself, whatever the event."""
    return lambda _event: literal


def equals_literal(value: Value, literal: Scalar) -> Test:
    """`value == literal`: the common case, with as little work as its kind allows."""
    if literal is None or isinstance(literal, bool):
        return lambda event: value(event) is literal
    if isinstance(literal, str):
        return lambda event: bool(value(event) == literal)
    return is_in(value, [literal])


def equals(left: Value, right: Value) -> Test:
    """`left == right` for two values that are both read from the event."""

    def test(event: Event) -> bool:
        one, other = value_of(left(event)), value_of(right(event))
        return one is not None and one == other

    return test


def value_of(found: Any) -> tuple[int, Any] | None:
    """What was found with its kind, hashable; None if it is a list or an object, which equal nothing."""
    kind = _KINDS.get(type(found))
    return None if kind is None else (kind, found)


def is_in(value: Value, literals: Collection[Scalar]) -> Test:
    """`value in [literals]`."""
    members = frozenset(value_of(literal) for literal in literals)

    def test(event: Event) -> bool:
        found = value(event)
        kind = _KINDS.get(type(found))
        return kind is not None and (kind, found) in members

    return test


def orders(sign: str, left: Value, right: Value) -> Test:
    """`left < right` and its like: two numbers or two strings; anything else is false."""
    holds = _ORDERS[sign]

    def test(event: Event) -> bool:
        one, other = left(event), right(event)
        kind = _KINDS.get(type(one))
        return kind in _ORDERED and kind == _KINDS.get(type(other)) and holds(one, other)

    return test


def negated(test: Test) -> Test:
    """`not test`."""
    return lambda event: not test(event)


def every(tests: list[Test]) -> Test:
    """`a and b and …`."""
    if len(tests) == 1:
        return tests[0]

    def test(event: Event) -> bool:
        for part in tests:  # noqa: SIM110 - all() over a generator costs three times as much here
            if not part(event):
                return False
        return True

    return test


def some(tests: list[Test]) -> Test:
    """`a or b or …`."""
    return tests[0] if len(tests) == 1 else negated(every([negated(test) for test in tests]))
