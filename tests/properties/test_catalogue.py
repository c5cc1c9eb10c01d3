"""Whatever a catalogue holds, reading it ends in a catalogue or in mistakes."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from forestall.pipeline.core.catalogue.declaration import Catalogue
from forestall.pipeline.core.catalogue.durations import duration, milliseconds
from forestall.pipeline.core.catalogue.expression import Expression
from forestall.pipeline.core.catalogue.keys import HISTORY, PARTS, PROBLEM
from forestall.pipeline.core.catalogue.parse import parse
from forestall.pipeline.core.catalogue.revision import revision_key
from forestall.pipeline.errors import ConfigurationError
from forestall.schemas.catalogue import CatalogueFile
from forestall.schemas.event import decode_event, encode

KEYS = st.sampled_from(
    [key.name for section in (PROBLEM, HISTORY, *PARTS.values()) for key in section.keys] + ["x"]
)
STRINGS = ["''", "'a'", "'30d'", "'data.a == 1'", "'subject'", "'shadow'", "['a', 'b']", "['data.a']"]
VALUES = st.sampled_from(
    [
        *STRINGS,
        "1",
        "0.5",
        "-1",
        "nan",
        "true",
        "{}",
        "[]",
        "[[1]]",
        "{ a.b = 1 }",
        "1979-05-27",
        "07:32:00",
        "9" * 30,
    ]
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=6).map(
    lambda table: "{ " + ", ".join(f"{key} = {value}" for key, value in table.items()) + " }"
)
LINES = st.one_of(
    st.sampled_from(
        ["[problem.a]", "[problem.b]", "[history]", "[problem]", "problem = 1", "[[problem.a]]", '"""', "["]
    ),
    st.builds("{} = {}".format, KEYS, st.one_of(VALUES, TABLES)),
)
OPERANDS = ["data.a", "data.a.b", "subject", "type", "1", "-2.5", "1e999", "'x'", "true", "false", "null"]
WORDS = st.sampled_from(
    [*OPERANDS, "and", "or", "not", "in", "(", ")", "[", "]", ",", "==", "!=", "<", ">=", '"']
)
VALUES_OF_DATA: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2)
    ),
    max_leaves=5,
)


def outcome(text: str) -> None:
    """Reads the text; only ConfigurationError may come of it, each mistake with the file's name and a remedy."""
    mistakes: list[str] = []
    catalogue = Catalogue(problems=())
    try:
        catalogue = parse([CatalogueFile("a.toml", text)])
    except ConfigurationError as error:
        mistakes = error.mistakes
    assert bool(catalogue.problems) is not bool(mistakes)
    for mistake in mistakes:
        assert mistake.startswith(("a.toml:", "catalogue: "))
        assert "\n" not in mistake
    for problem in catalogue.problems:
        assert 0 <= problem.threshold < 1
        assert (problem.happens is None) is not (problem.answered is None)
        assert len(revision_key(problem, catalogue.history)) == 8


@given(st.binary(max_size=200))
@example(b"a = " + b"[" * 5_000)
@example(b"a = " + b"9" * 5_000)
@example(b"[problem.p.words]\n" + b"a." * 3_000 + b"a = 1")
@example(b"problem." + b"a." * 3_000 + b"a = 1")
@example(b"[problem.p]\nmode." + b"a." * 3_000 + b"a = 1")
@example(b"[problem.p]\nmode = 0x" + b"f" * 5_000)
@example(b"\xff\xfe")
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """No bytes make reading raise anything but ConfigurationError."""
    outcome(raw.decode("utf-8", "surrogateescape"))
    outcome(raw.decode("latin-1"))


@given(st.lists(LINES, max_size=12).map("\n".join))
@example("[problem.a]\nask = { keep = 'all' }\n[")
def test_any_shape_is_read_or_refused(text: str) -> None:
    """Keys and values in wrong places, twice or of wrong types are mistakes, never crashes."""
    outcome(text)


@given(st.lists(WORDS, max_size=12).map(" ".join), VALUES_OF_DATA)
def test_any_expression_is_refused_or_answers(text: str, value: object) -> None:
    """What can be compiled answers true or false for every event."""
    whole = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "time": "2026-01-01T00:00:00Z"}
    event = decode_event(encode({**whole, "data": {"a": value}}))
    try:
        expression = Expression(text)
    except ConfigurationError:
        return
    assert expression.test(event) in (True, False)
    assert expression.test(event) is not Expression(f"not ({text})").test(event)


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    """No text makes compiling raise anything but ConfigurationError."""
    told = "at character "
    try:
        Expression(text)
    except ConfigurationError as error:
        told = str(error)
    assert told.startswith("at character ")


@given(st.integers(min_value=0, max_value=10**9))
def test_durations_come_back(seconds: int) -> None:
    """Every number of whole seconds is written so that it is read again."""
    assert milliseconds(duration(seconds * 1000)) == seconds * 1000
