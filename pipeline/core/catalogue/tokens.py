"""Splits the text of an expression into words, values and signs, each with its position."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from forestall.pipeline.errors import ConfigurationError

#: What a literal of the expression language can be; also what a field of an event can be compared with.
Scalar = str | int | float | bool | None

Kind = Literal["path", "word", "literal", "sign", "end"]

OPERATORS = ("==", "!=", "<=", ">=", "<", ">")
WORDS = ("and", "or", "not", "in")
CONSTANTS: dict[str, Scalar] = {"true": True, "false": False, "null": None}

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.]))
      | (?P<string>"[^"]*"|'[^']*')
      | (?P<name>[^\W\d][\w-]*(?:\.[\w-]+)*)
      | (?P<sign>==|!=|<=|>=|<|>|[()\[\],])""",
    re.VERBOSE,
)
_INSTEAD = {"=": "write == to compare", "&": "write and", "|": "write or", "!": "write not"}
_LOWER = {"none": "null", "nil": "null"}


class Token(NamedTuple):
    """One token; `at` counts characters from 1. `value` is a literal's value."""

    kind: Kind
    text: str
    at: int
    value: Scalar = None


def mistake(at: int, wrong: str, remedy: str) -> ConfigurationError:
    """The error of every faulty expression: where, what, and what to do."""
    return ConfigurationError([f"at character {at}: {wrong}; {remedy}"])


def tokens(text: str) -> Iterator[Token]:
    """All tokens of `text`, closed by an "end" token. Raises ConfigurationError on what is no token."""
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _no_token(text, at)
        if match.lastgroup != "space":
            yield _token(str(match.lastgroup), match.group(), at + 1)
        at = match.end()
    yield Token("end", "", len(text) + 1)


def _token(group: str, text: str, at: int) -> Token:
    if group == "number":
        return Token("literal", text, at, int(text) if text.lstrip("-").isdigit() else float(text))
    if group == "string":
        return Token("literal", text, at, text[1:-1])
    if group == "sign":
        return Token("sign", text, at)
    if text in CONSTANTS:
        return Token("literal", text, at, CONSTANTS[text])
    if text in WORDS:
        return Token("word", text, at)
    lower = _LOWER.get(text.lower(), text.lower())
    if lower in WORDS or lower in CONSTANTS:
        raise mistake(at, f"{text} is not known", f"write {lower}")
    return Token("path", text, at)


def _no_token(text: str, at: int) -> ConfigurationError:
    sign = text[at]
    if sign in "\"'":
        return mistake(at + 1, "the string does not end", f"close it with {sign}")
    remedy = _INSTEAD.get(sign, "use a path, a value, == != < <= > >=, in, and, or, not, or parentheses")
    return mistake(at + 1, f"{sign!r} means nothing here", remedy)
