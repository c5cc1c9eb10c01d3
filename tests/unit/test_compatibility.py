"""Contracts only grow: the current schemas against the released ones, and the checker against planted breaks."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

from forestall.schemas import generate
from forestall.schemas.compatibility import breaks
from forestall.schemas.contracts import CONTRACTS, MAJOR

RULES = Path(generate.__file__).parent / "COMPATIBILITY.md"


class Inner(msgspec.Struct):
    """A nested record."""

    name: str


class Before(msgspec.Struct, kw_only=True):
    """What was released."""

    id: str
    count: int
    state: Literal["open", "closed"]
    inner: Inner
    list_of: list[Inner]
    by_name: dict[str, int]
    size: Annotated[int, msgspec.Meta(le=10)]
    note: str | None = None
    mode: str = "plain"


FIELDS: dict[str, tuple[Any, ...]] = {
    "id": (str,),
    "count": (int,),
    "state": (Literal["open", "closed"],),
    "inner": (Inner,),
    "list_of": (list[Inner],),
    "by_name": (dict[str, int],),
    "size": (Annotated[int, msgspec.Meta(le=10)],),
    "note": (str | None, None),
    "mode": (str, "plain"),
}


def after(**changed: tuple[Any, ...] | None) -> dict[str, Any]:
    """The schema of `Before` with some fields declared anew (type, and a default), or removed (None)."""
    fields = [(name, *spec) for name, spec in {**FIELDS, **changed}.items() if spec is not None]
    return msgspec.json.schema(msgspec.defstruct("Before", fields, kw_only=True))


RELEASED = msgspec.json.schema(Before)
SHORTER = msgspec.defstruct("Shorter", [])
LONGER = msgspec.defstruct("Longer", [("name", str), ("more", int)])

PLANTED = {
    "a removed field": (after(note=None), "note: the field was removed"),
    "a new required field": (after(more=(int,)), "more: is required now"),
    "an optional field made required": (after(mode=(str,)), "mode: is required now"),
    "a required field made optional": (after(id=(str, "")), "id: may be missing now"),
    "a narrowed union": (after(note=(str, "")), "note: has 0 alternative types where it had 2"),
    "a widened type": (after(id=(str | None,)), "id: has 2 alternative types where it had 0"),
    "another type": (after(count=(str,)), "count: type was integer, is string"),
    "another type in a union": (after(note=(int | None, None)), "note: type was string, is integer"),
    "a tighter limit": (after(size=(Annotated[int, msgspec.Meta(le=9)],)), "size: maximum was 10, is 9"),
    "a new limit": (after(count=(Annotated[int, msgspec.Meta(ge=0)],)), "count: minimum was None, is 0"),
    "another default": (after(mode=(str, "fancy")), "mode: default was plain, is fancy"),
    "a removed value": (after(state=(Literal["open"],)), "state: the value 'closed' was removed"),
    "a new value": (after(state=(Literal["open", "closed", "lost"],)), "state: the value 'lost' is new"),
    "an enum made free": (after(state=(str,)), "state: was limited to an enum"),
    "a free text made an enum": (after(id=(Literal["a"],)), "id: was not limited to an enum"),
    "a field removed further down": (after(inner=(SHORTER,)), "inner.name: the field was removed"),
    "a required field in a list": (after(list_of=(list[LONGER],)), "list_of.[].more: is required now"),
    "another type in a map": (after(by_name=(dict[str, str],)), "by_name.*: type was integer, is string"),
    "no list any more": (after(list_of=(Inner,)), "list_of: type was array, is object"),
}


@pytest.mark.parametrize(("current", "sentence"), PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_break_is_found(current: dict[str, Any], sentence: str) -> None:
    """Each rule of COMPATIBILITY.md catches what it forbids, and says where."""
    assert sentence in breaks(RELEASED, current)


def test_growth_is_no_break() -> None:
    """The same, a new optional field, other words, and a new value of a growing enum are allowed."""
    assert breaks(RELEASED, after()) == []
    assert breaks(RELEASED, after(more=(int, 0), other=(Inner | None, None))) == []
    assert breaks(RELEASED, {**after(), "description": "better words"}) == []
    grown = after(state=(Literal["open", "closed", "lost"],))
    assert breaks(RELEASED, grown, frozenset({"state"})) == []


def test_a_growing_enum_may_still_not_shrink() -> None:
    """Growing says nothing about values that were there."""
    assert breaks(RELEASED, after(state=(Literal["open"],)), frozenset({"state"}))


def test_a_contract_that_contains_itself_can_be_compared() -> None:
    """The comparison ends on a recursive struct, and sees a break inside of it."""
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/N"}, "x": {"type": "string"}}}
    other = {"type": "object", "properties": {"next": {"$ref": "#/$defs/N"}}}
    old, new = ({"$ref": "#/$defs/N", "$defs": {"N": body}} for body in (node, other))
    assert breaks(old, old) == []
    assert breaks(old, new) == ["x: the field was removed"]


def test_the_contracts_still_are_what_was_released() -> None:
    """Nothing that lies in topics becomes unreadable, and nothing that reads them breaks."""
    released = generate.RELEASED / str(MAJOR)
    assert sorted(released.glob("*.json"))
    assert generate.broken(released) == []


def test_a_release_that_breaks_is_seen(tmp_path: Path) -> None:
    """A field that was released and is gone, and a contract that is gone, are both named."""
    generate.write(tmp_path)
    file = tmp_path / "decision.schema.json"
    schema = json.loads(file.read_text())
    schema["$defs"]["Decision"]["properties"]["gone"] = {"type": "string"}
    file.write_text(json.dumps(schema))
    (tmp_path / "bygone.schema.json").write_text("{}")
    assert generate.broken(tmp_path) == [
        "bygone.schema.json: the contract was removed",
        "decision: gone: the field was removed",
    ]


def test_the_rules_name_every_enum_that_may_grow() -> None:
    """COMPATIBILITY.md tells readers which values they must tolerate."""
    rules = RULES.read_text("utf-8")
    for contract in CONTRACTS:
        for path in contract.growing:
            assert f"| `{contract.name}` | `{path}` |" in rules
