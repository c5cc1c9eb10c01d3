"""The expression language of `where` and `yes`: a condition on one event, compiled once to a closure.

    either     = both {"or" both}
    both       = negation {"and" negation}
    negation   = "not" negation | "(" either ")" | comparison
    comparison = operand ["==" | "!=" | "<" | "<=" | ">" | ">="  operand | ["not"] "in" list]
    operand    = path | literal
    list       = "[" [literal {"," literal}] "]"

A path is `data.field`, `data.field.inner`, `subject`, `type` or `source`; what is missing is null. A literal
is a number, a string in single or double quotes (no escapes), true, false or null. A path alone: is it true.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from forestall.pipeline.core.catalogue import comparison
from forestall.pipeline.core.catalogue.comparison import Test, Value
from forestall.pipeline.core.catalogue.tokens import OPERATORS, Scalar, Token, mistake, tokens

MAX_LENGTH = 2_000
MAX_DEPTH = 20
ATTRIBUTES = ("subject", "type", "source")


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition on an event; equal if its text is equal. Raises ConfigurationError if it cannot be read.

    >>> Expression("data.made_sla == false and type in ['closed', 'reopened']")
    Expression(text="data.made_sla == false and type in ['closed', 'reopened']")
    """

    text: str
    test: Callable[[Any], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "test", _Reader(self.text).condition())

    def __reduce__(self) -> tuple[type["Expression"], tuple[str]]:
        return Expression, (self.text,)  # a closure cannot be pickled or copied; it is compiled anew


class _Reader:
    """Reads the tokens from left to right, one method a rule of the grammar."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise mistake(
                MAX_LENGTH, f"the expression has {len(text)} characters", f"use at most {MAX_LENGTH}"
            )
        self._rest = list(tokens(text))[::-1]
        self._depth = 0

    def condition(self) -> Test:
        test = self._either()
        token = self._take()
        if token.kind != "end":
            raise _unexpected(token, "join conditions with and / or")
        return test

    def _take(self) -> Token:
        return self._rest.pop()

    def _takes(self, text: str) -> bool:
        """Takes the next token if it is this word or sign."""
        token = self._rest[-1]
        if token.kind not in ("word", "sign") or token.text != text:
            return False
        self._rest.pop()
        return True

    def _either(self) -> Test:
        tests = [self._both()]
        while self._takes("or"):
            tests.append(self._both())
        return comparison.some(tests)

    def _both(self) -> Test:
        tests = [self._negation()]
        while self._takes("and"):
            tests.append(self._negation())
        return comparison.every(tests)

    def _negation(self) -> Test:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise mistake(
                self._rest[-1].at, "not and parentheses are nested too deeply", f"use at most {MAX_DEPTH}"
            )
        if self._takes("not"):
            test = comparison.negated(self._negation())
        elif self._takes("("):
            test = self._either()
            self._expect(")", "close the parenthesis with )")
        else:
            test = self._comparison()
        self._depth -= 1
        return test

    def _expect(self, sign: str, remedy: str) -> None:
        if not self._takes(sign):
            raise _unexpected(self._take(), remedy)

    def _comparison(self) -> Test:
        left = self._operand()
        sign = self._rest[-1]
        if sign.kind == "sign" and sign.text in OPERATORS:
            self._take()
            return _compare(left, sign.text, self._operand())
        if self._takes("not"):
            self._expect("in", "after `not` here comes `in [...]`")
            return comparison.negated(self._membership(left))
        if self._takes("in"):
            return self._membership(left)
        if left.kind == "literal" and not isinstance(left.value, bool):
            raise mistake(
                left.at, f"{left.text} alone is no condition", "compare it: data.field == " + left.text
            )
        return comparison.equals_literal(_value(left), True)

    def _operand(self) -> Token:
        token = self._take()
        if token.kind not in ("path", "literal"):
            raise _unexpected(token, "here comes a path such as data.amount, or a value")
        if token.kind == "path" and token.text not in ATTRIBUTES and not token.text.startswith("data."):
            raise mistake(token.at, f"{token.text} is not known", _instead_of(token.text))
        return token

    def _membership(self, left: Token) -> Test:
        self._expect("[", 'after `in` comes a list such as ["a", "b"]')
        literals: list[Scalar] = []
        while not self._takes("]"):
            if literals:
                self._expect(",", "separate the values with commas and close the list with ]")
            token = self._take()
            if token.kind != "literal":
                raise _unexpected(token, "a list holds numbers, quoted strings, true, false or null")
            literals.append(token.value)
        return comparison.is_in(_value(left), literals)


def _value(token: Token) -> Value:
    return comparison.path(token.text) if token.kind == "path" else comparison.constant(token.value)


def _compare(left: Token, sign: str, right: Token) -> Test:
    if sign not in ("==", "!="):
        return comparison.orders(sign, _value(left), _value(right))
    if left.kind == "literal":
        left, right = right, left
    if right.kind == "literal":
        test = comparison.equals_literal(_value(left), right.value)
    else:
        test = comparison.equals(_value(left), _value(right))
    return test if sign == "==" else comparison.negated(test)


def _unexpected(token: Token, remedy: str) -> Exception:
    wrong = "the expression ends too early" if token.kind == "end" else f"{token.text} is not expected"
    return mistake(token.at, wrong, remedy)


def _instead_of(name: str) -> str:
    if name == "data":
        return "name the field: data.field"
    return f'write data.{name} for a field, "{name}" for a text; known are data.…, {", ".join(ATTRIBUTES)}'
