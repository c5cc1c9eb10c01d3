"""The feature columns equal what a customer's events say, counted one by one; kernels equal their twins."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forestall.pipeline.core import features
from forestall.pipeline.core.catalogue.parse import parse
from forestall.pipeline.core.features import DAY_S, GAP_STEP, count, fill, measure, new_numbers, take
from forestall.pipeline.core.layout import Layout, columns_of, compile_layout
from forestall.pipeline.core.models.weights import columns_logit, pick, pick_and_weigh
from forestall.schemas.catalogue import CatalogueFile

CATALOGUE = """
[history]
spans = ["1d", "30d"]

[problem.return]
title = "Will return it"
ask = { on = "order" }
happens = { on = "return", within = "30d", same = "customer" }
features = { numeric = ["data.amount"] }

[problem.quiet]
title = "Will stay away"
ask = { on = "order", silence = "10d" }
happens = { on = "order", within = "30d", same = "customer", not = true }
features = { numeric = ["data.amount", "data.lines"] }

[problem.late]
title = "Will be late"
ask = { on = "order" }
answered = { on = "return", same = "subject", yes = "data.late == true" }
"""
CATALOGUE_OF = {problem.name: problem for problem in parse([CatalogueFile("c.toml", CATALOGUE)]).problems}
LAYOUT: Layout = compile_layout(parse([CatalogueFile("c.toml", CATALOGUE)]))

#: An event: its type, seconds after the one before (less than 0: late), and its amount.
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["order", "return", "visit"]),
        st.floats(-3 * DAY_S, 40 * DAY_S),
        st.one_of(st.just(math.nan), st.floats(-1e6, 1e6)),
    ),
    max_size=20,
)
Events = list[tuple[str, float, float]]


def columns(
    events: Events, after: float, mode: str = "__call__", kind: type = np.float64
) -> dict[str, float]:
    """The columns `after` seconds after the events, by name; `mode` chooses the kernels or their twins,
    `kind` the numbers."""
    numbers, time = new_numbers(LAYOUT), 1e9
    start = len(numbers) - 2
    for type_, gap, amount in events:
        time += gap
        getattr(count, mode)(numbers, LAYOUT.group(type_), LAYOUT.spans, time)
        getattr(measure, mode)(numbers, start, np.array([amount, math.nan]))
    out = np.zeros(len(LAYOUT.columns), kind)
    now = np.array([math.nan, 7.0])
    getattr(fill, mode)(numbers, LAYOUT.spans, now, time - 5.0, time + 5.0, 2.0, time + after, out)
    return dict(zip(LAYOUT.columns, out.tolist(), strict=True))


def expected(events: Events, after: float) -> dict[str, float]:
    """The same from the list of times: an event late after another of its type counts as at the same time."""
    time, times, amount = 1e9, {"order": [], "return": [], "visit": []}, math.nan
    for type_, gap, value in events:
        time += gap
        times[type_].append(max([time, *times[type_][-1:]]))
        amount = amount if math.isnan(value) else value
    now = time + after
    columns = {}
    for type_ in ("order", "return"):
        ago = [max(0.0, now - at) for at in times[type_]]
        late = max(0.0, times[type_][-1] - now) if ago else 0.0
        for days in (1, 30):
            decayed = [math.exp(-(past + late) / (days * DAY_S)) for past in ago]
            columns[f"{type_}/{days} d"] = sum(decayed) if not late else _at_last(times[type_], days)
        rhythm = _rhythm(times[type_])
        columns[f"{type_}/days since"] = ago[-1] / DAY_S if ago else math.nan
        columns[f"{type_}/gaps overdue"] = ago[-1] / rhythm if rhythm > 0 else math.nan
    visits = times["visit"]
    columns["any other event/days since"] = max(0.0, now - visits[-1]) / DAY_S if visits else math.nan
    columns |= {"subject age in days": (after + 5.0) / DAY_S, "subject events": 2.0}
    columns["subject days since"] = max(0.0, after - 5.0) / DAY_S
    return columns | {"data.amount/now": amount, "data.lines/now": 7.0}


def _at_last(times: list[float], days: int) -> float:
    return sum(math.exp(-(times[-1] - at) / (days * DAY_S)) for at in times)


def _rhythm(times: list[float]) -> float:
    mean = math.nan
    for n, (earlier, later) in enumerate(pairwise(times), start=1):
        mean = later - earlier if n == 1 else mean + max(1 / n, GAP_STEP) * (later - earlier - mean)
    return mean


@given(EVENTS, st.floats(0, 400 * DAY_S))
def test_columns_are_what_the_events_say(events: Events, after: float) -> None:
    """Decayed counts, recency, rhythm, subject and fields equal their definitions; late events have no gap."""
    assert columns(events, after) == pytest.approx(expected(events, after), rel=1e-9, abs=1e-6, nan_ok=True)


@given(EVENTS, st.floats(0, 400 * DAY_S))
def test_the_columns_of_a_moment_are_rounded_once(events: Events, after: float) -> None:
    """Written as float32 they are what they are as float64, rounded."""
    exact, single = columns(events, after), columns(events, after, kind=np.float32)
    assert (
        np.array(list(exact.values()), np.float32).tobytes()
        == np.array(list(single.values()), np.float32).tobytes()
    )


@given(EVENTS, st.floats(0, 400 * DAY_S))
def test_the_kernels_equal_their_plain_python_twins(events: Events, after: float) -> None:
    """The same bits, compiled or not."""
    for kind in (np.float64, np.float32):
        compiled, plain = columns(events, after, kind=kind), columns(events, after, "py_func", kind)
        assert np.array(list(compiled.values())).tobytes() == np.array(list(plain.values())).tobytes()


@given(EVENTS)
def test_taking_an_event_is_counting_and_measuring_it(events: Events) -> None:
    """The one call that the core makes does what its two parts do, compiled or not."""
    whole, plain, parts = (new_numbers(LAYOUT) for _ in range(3))
    time, twin = 1e9, "py_func"
    for type_, gap, amount in events:
        time += gap
        group, values = LAYOUT.group(type_), np.array([amount, math.nan])
        take(whole, group, LAYOUT.spans, time, values)
        getattr(take, twin)(plain, group, LAYOUT.spans, time, values)
        count(parts, group, LAYOUT.spans, time)
        measure(parts, len(parts) - len(LAYOUT.numeric), values)
    assert whole.tobytes() == plain.tobytes() == parts.tobytes()


@given(st.lists(st.floats(width=32), min_size=1, max_size=8), st.data())
def test_a_row_is_the_own_columns_and_then_the_chosen(moment: list[float], data: st.DataObject) -> None:
    """What a problem's model sees stands in the order of its columns, compiled or not."""
    chosen = data.draw(st.lists(st.integers(0, len(moment) - 1), min_size=1, max_size=8))
    own = data.draw(st.sampled_from([(), (3.0, 0.25)]))
    columns = np.array(moment, np.float32)
    for mode in ("__call__", "py_func"):
        row = np.empty(len(own) + len(chosen), np.float32)
        getattr(pick, mode)(columns, np.array(chosen, np.intp), 3.0, 0.25, row)
        assert row.tobytes() == np.array([*own, *(moment[i] for i in chosen)], np.float32).tobytes()


@given(st.lists(st.floats(width=32), min_size=1, max_size=8), st.data())
def test_picking_a_row_and_weighing_it_is_one_call(moment: list[float], data: st.DataObject) -> None:
    """What the core calls for a row and its logit does what its two parts do, compiled or not."""
    chosen = np.array(data.draw(st.lists(st.integers(0, len(moment) - 1), min_size=1, max_size=8)), np.intp)
    width = len(chosen) + data.draw(st.sampled_from([0, 2]))
    table = np.array(data.draw(st.lists(st.floats(-9, 9), min_size=6 * width, max_size=6 * width))).reshape(
        6, width
    )
    columns, part = np.array(moment, np.float32), np.empty(width, np.float32)
    pick(columns, chosen, 3.0, 0.25, part)
    parts = columns_logit(part, table, 0.5)
    for mode in ("__call__", "py_func"):
        row = np.empty(width, np.float32)
        z = getattr(pick_and_weigh, mode)(columns, chosen, 3.0, 0.25, row, table, 0.5)
        assert row.tobytes() == part.tobytes()
        assert np.float64(z).tobytes() == np.float64(parts).tobytes()


def test_a_problem_sees_its_own_fields_and_past_answers_where_time_gives_them() -> None:
    """Other problems' fields are left out; with an open end past answers are."""
    seen = {name: columns_of(problem, LAYOUT) for name, problem in CATALOGUE_OF.items()}
    fields = {name: [c for c in names if c.startswith("data.")] for name, names in seen.items()}
    assert fields == {
        "return": ["data.amount/now"],
        "quiet": ["data.amount/now", "data.lines/now"],
        "late": [],
    }
    assert [names[0] for names in seen.values()] == ["order/1 d", "past answers", "past answers"]


def test_every_kernel_of_the_features_is_tested_here() -> None:
    """A kernel that is added must be held against its twin too."""
    kernels = {name for name, made in vars(features).items() if hasattr(made, "py_func")}
    assert kernels == {"count", "measure", "take", "fill", "elapsed", "exp"}
