"""The catalogue, compiled: which problems ask at an event, which it answers, and what their models see."""

from collections.abc import Callable, Sequence
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray

from forestall.pipeline.core.catalogue.declaration import Answered, Catalogue, Happens, Problem
from forestall.pipeline.core.catalogue.parse import parse
from forestall.pipeline.core.catalogue.revision import revision_key
from forestall.pipeline.core.layout import Layout, column_indices, columns_of, compile_layout, history_columns
from forestall.schemas.catalogue import Configuration

#: Categories of every event, beside the declared fields.
EVENT_CATEGORIES = ("type", "weekday", "time of day")


class Compiled(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One problem, ready to run. `columns` and `categories` index the moment's; `names` are all columns' names,
    the first `history` of which tell of the past.
    `ends_after` is the horizon (or give-up), `due_after` also waits the grace (or is when an answer is late), both
    ms."""

    problem: Problem
    revision: str
    columns: NDArray[np.intp]
    categories: tuple[int, ...]
    names: tuple[str, ...]
    history: int
    category_names: tuple[str, ...]
    ends_after: int
    due_after: int
    threshold: float


class Program(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A whole catalogue, ready to run: problems by name, by the types they ask at, and by the types that answer.
    An event of a type that is not `telling` is counted, and that is all. `category_seeds`: of the layout's categories,
    see `seeded_hash`."""

    version: int
    salt: bytes
    layout: Layout
    category_seeds: tuple[int, ...]
    problems: dict[str, Compiled]
    asking: dict[str, tuple[Compiled, ...]]
    answering: dict[str, tuple[Compiled, ...]]
    silences: dict[str, tuple[Compiled, ...]]
    telling: frozenset[str]


def compile_configuration(configuration: Configuration) -> Program:
    """Compiles a configuration; raises ConfigurationError with every mistake."""
    catalogue = parse(configuration.files)
    return compile_program(catalogue, configuration.version, configuration.salt)


def compile_program(catalogue: Catalogue, version: int = 0, salt: str = "") -> Program:
    """Compiles a catalogue."""
    layout = compile_layout(catalogue)
    problems = {p.name: _compile(p, catalogue, layout) for p in sorted(catalogue.problems, key=_name)}
    every = list(problems.values())
    asking = _by_type(every, lambda c: () if c.problem.ask.silence else c.problem.ask.on)
    answering = _by_type(every, lambda c: _end(c.problem).on)
    silences = _by_type(every, lambda c: c.problem.ask.on if c.problem.ask.silence else ())
    return Program(
        version=version,
        salt=salt.encode(),
        layout=layout,
        category_seeds=tuple(category_seed(field) for field in layout.category),
        problems=problems,
        asking=asking,
        answering=answering,
        silences=silences,
        telling=frozenset((*asking, *answering, *silences)),
    )


#: Before the first configuration nothing is asked; customers are known and counted all the same, for a choice
#: that somebody made early must not be lost.
NO_PROGRAM_VERSION = -1


def empty_program() -> Program:
    """The program of a partition without a configuration."""
    return compile_program(Catalogue(problems=()), NO_PROGRAM_VERSION)


def category_hash(field: str, value: object) -> int:
    """A process-stable 32-bit hash of a category; never 0, which says "absent"."""
    return seeded_hash(category_seed(field), value)


def category_seed(field: str) -> int:
    """What the hashes of a field's categories begin with; it is the same for every event."""
    return crc32(f"{field}=".encode(errors="replace"))


def seeded_hash(seed: int, value: object) -> int:
    """The hash of a category of the field with this seed."""
    return crc32(str(value).encode(errors="replace"), seed) or 1


def _compile(problem: Problem, catalogue: Catalogue, layout: Layout) -> Compiled:
    names = columns_of(problem, layout)
    fields = [i for i, field in enumerate(layout.category) if field in problem.features.category]
    fixed = range(len(layout.category), len(layout.category) + len(EVENT_CATEGORIES))
    happens, answered = problem.happens, problem.answered
    if happens is not None:
        ends_after, due_after = happens.within, happens.within + problem.grace
    else:
        assert answered is not None
        ends_after = answered.give_up
        due_after = ends_after if answered.late_after is None else answered.late_after
    return Compiled(
        problem=problem,
        revision=f"{crc32(chr(0).join((revision_key(problem, catalogue.history), *names)).encode()):08x}",
        columns=np.array(column_indices(problem, layout), np.intp),
        categories=(*fields, *fixed),
        names=names,
        history=history_columns(names),
        category_names=(*(layout.category[i] for i in fields), *EVENT_CATEGORIES),
        ends_after=ends_after,
        due_after=due_after,
        threshold=problem.threshold,
    )


def _by_type(
    every: Sequence[Compiled], types: Callable[[Compiled], tuple[str, ...]]
) -> dict[str, tuple[Compiled, ...]]:
    table: dict[str, tuple[Compiled, ...]] = {}
    for compiled in every:
        for type_ in types(compiled):
            table[type_] = (*table.get(type_, ()), compiled)
    return table


def _end(problem: Problem) -> Happens | Answered:
    end = problem.happens or problem.answered
    assert end is not None
    return end


def _name(problem: Problem) -> str:
    return problem.name
