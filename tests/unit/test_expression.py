"""The expression language of `where` and `yes`."""

import copy
import pickle
from typing import Any

import pytest

from forestall.pipeline.core.catalogue.expression import MAX_DEPTH, MAX_LENGTH, Expression
from forestall.pipeline.errors import ConfigurationError
from forestall.schemas.event import Event, decode_event, encode

DATA = {
    "made_sla": False,
    "urgent": True,
    "amount": 12.5,
    "count": 1,
    "zero": 0,
    "state": "closed",
    "nothing": None,
    "tags": ["a"],
    "item": {"size": {"eu": 43}, "name": "boot"},
    "due-in": 3,
}


def event(**attributes: Any) -> Event:
    """An event with DATA."""
    whole = {"specversion": "1.0", "id": "1", "source": "shop", "type": "ticket.closed"}
    return decode_event(encode({**whole, "time": "2026-01-05T10:00:00Z", "data": DATA, **attributes}))


@pytest.mark.parametrize(
    "text",
    [
        "data.made_sla == false",
        "false == data.made_sla",
        "not data.made_sla",
        "data.urgent",
        "data.urgent == true",
        "data.amount > 12 and data.amount <= 12.5",
        "data.amount >= 1.25e1 and data.amount < 13 and data.zero > -1",
        "data.state == 'closed' and data.state != \"open\"",
        "data.state in ['open', 'closed']",
        "data.state not in ['open']",
        "data.item.size.eu == 43",
        "data.item.name >= 'boat'",
        "data.due-in == 3",
        "data.count == data.count and data.count == 1.0",
        "data.nothing == null and data.missing == null and data.state.deeper == null",
        "data.tags != null and data.tags != 1 and data.item != data.item",
        "data.missing in [null, 'x']",
        "type == 'ticket.closed' and source == 'shop' and subject == null",
        "data.zero == 1 or data.count == 1",
        "not (data.zero == 1 or data.urgent == false)",
        "data.zero == 1 and data.zero == 1 or data.urgent",
        "true",
    ],
)
def test_what_holds(text: str) -> None:
    """These conditions hold for the event, and their negation does not."""
    assert Expression(text).test(event()) is True
    assert Expression(f"not ({text})").test(event()) is False


@pytest.mark.parametrize(
    "text",
    [
        "data.count == true",
        "data.zero == false",
        "data.urgent == 1",
        "data.urgent in [1]",
        "data.count in [true, '1']",
        "data.urgent == data.count",
        "data.made_sla == data.zero",
        "data.amount < '13'",
        "data.state > 1",
        "data.urgent > 0",
        "data.missing < 1",
        "data.missing >= null",
        "data.tags > 'a'",
        "data.tags == data.tags",
        "data.tags == null",
        "data.count",
        "data.state",
        "data.state in []",
    ],
)
def test_only_like_is_compared_with_like(text: str) -> None:
    """True is not 1, an order across kinds is false, a list equals nothing, and only true is true."""
    assert Expression(text).test(event()) is False


def test_an_event_without_data_has_null_everywhere() -> None:
    """A missing `data` is like missing fields."""
    assert Expression("data.state == null and data.item.name == null").test(event(data=None))


@pytest.mark.parametrize(
    ("text", "at", "remedy"),
    [
        ("", 1, "here comes a path"),
        ("data", 1, "data.field"),
        ("data.a = 1", 8, "write =="),
        ("data.a && data.b", 8, "write and"),
        ("data.a == 'x", 11, "close it with '"),
        ("made_sla == false", 1, "data.made_sla"),
        ("data.a == 1 data.b", 13, "and / or"),
        ("(data.a", 8, "close the parenthesis"),
        ("data.a in 'x'", 11, "comes a list"),
        ("data.a in [1 2]", 14, "commas"),
        ("data.a in [data.b]", 12, "a list holds"),
        ("data.a not 1", 12, "in [...]"),
        ("'x'", 1, "compare it"),
        ("data.a AND data.b", 8, "write and"),
        ("data.a == None", 11, "write null"),
        ("1 < data.a < 3", 12, "and / or"),
        ("data..a", 5, "use a path"),
    ],
)
def test_an_error_says_where_and_what_to_do(text: str, at: int, remedy: str) -> None:
    """Each faulty expression is refused with its position and a remedy."""
    with pytest.raises(ConfigurationError) as error:
        Expression(text)
    assert str(error.value).startswith(f"at character {at}: ")
    assert remedy in str(error.value)


def test_length_and_depth_are_bounded() -> None:
    """What is too long or too deep is refused rather than compiled."""
    Expression("(" * (MAX_DEPTH - 1) + "data.a" + ")" * (MAX_DEPTH - 1))
    for text in ("not " * MAX_DEPTH + "data.a", "(" * 500 + "data.a", "data.a or " * MAX_LENGTH + "data.a"):
        with pytest.raises(ConfigurationError, match="use at most"):
            Expression(text)


def test_an_expression_is_the_value_of_its_text() -> None:
    """Equality, hash and repr go by text; copies and pickles work."""
    one, same, other = Expression("data.a == 1"), Expression("data.a == 1"), Expression("data.a == 2")
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert repr(one) == "Expression(text='data.a == 1')"
    for again in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert again == one
        assert again.test(event(data={"a": 1}))
    with pytest.raises(AttributeError):
        one.text = "data.b"  # type: ignore[misc]  # that it cannot be set is what is tested
