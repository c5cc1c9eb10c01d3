"""The parts of a backtest: each keeps what it must in bounded memory, and says what the whole history would."""

import json
from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from forestall.pipeline.backtest.categories import MOST as NAMED
from forestall.pipeline.backtest.categories import Categories
from forestall.pipeline.backtest.contacts import Contacts
from forestall.pipeline.backtest.customers import NEW, Customers, LastAsked
from forestall.pipeline.backtest.factors import factors_of
from forestall.pipeline.backtest.happenings import Happenings
from forestall.pipeline.backtest.ladder import Ladder
from forestall.pipeline.backtest.leads import HOUR_MS, Leads
from forestall.pipeline.backtest.rules import BASE_RATE, COUNT, EVERYBODY, Rules
from forestall.pipeline.backtest.sample import Row, Sample
from forestall.pipeline.backtest.timeline import Timeline
from forestall.pipeline.backtest.value import Valuing
from forestall.pipeline.core.catalogue.declaration import DAY
from forestall.pipeline.core.catalogue.parse import parse
from forestall.pipeline.core.program import category_hash, compile_program
from forestall.schemas.catalogue import CatalogueFile
from forestall.schemas.event import Event, decode_event

CATALOGUE = """
[problem.return]
title = "Return"
ask = { on = "order" }
happens = { on = "return", within = "10d", where = "data.large == true" }
grace = "0d"
costs = { miss = 10, contact = 1, compensation = 2 }
features = { category = ["data.country"] }
[problem.late]
title = "Late"
ask = { on = "order" }
answered = { on = "closed", same = "subject", yes = "data.late == true", give_up = "20d" }
"""
PROBLEMS = {p.name: p for p in parse([CatalogueFile("c", CATALOGUE)]).problems}
RETURN, LATE = PROBLEMS["return"], PROBLEMS["late"]


def event(type_: str, **data: object) -> Event:
    """An event with this data."""
    return decode_event(
        json.dumps(
            {"specversion": "1.0", "id": "1", "source": "s", "type": type_, "time": "2026-01-05T10:00:00Z",
             "customer": "c", "data": data}
        ).encode()
    )  # fmt: skip


moments = st.lists(st.integers(0, 10**10), min_size=1, max_size=60)


@given(moments, st.randoms(use_true_random=False))
def test_a_timeline_forgets_the_order_but_no_amount(times: list[int], random: Random) -> None:
    """However many stretches there were, the same times leave the same sums; at most so many stretches stay."""
    lines = []
    for shuffled in (times, random.sample(times, len(times))):
        line = Timeline(1, most=5)
        for ms in shuffled:
            line.add(np.array([ms]), np.ones((1, 1)))
        lines.append(line)
    one, other = lines
    assert (one.width, one.numbers()) == (other.width, other.numbers())
    assert [one.rows[n][0] for n in one.numbers()] == [other.rows[n][0] for n in other.numbers()]
    assert len(one.rows) <= 5
    assert one.before(10**9)[0] + one.since(10**9)[0] == len(times)


questions = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 40), st.integers(1, 20), st.sampled_from([0.0, 0.3, 0.5, 0.9]),
              st.booleans(), st.integers(0, 40)),
    max_size=40,
)  # fmt: skip


@settings(max_examples=50)
@given(questions, st.integers(1, 7))
def test_contacts_are_those_that_one_would_make_by_hand(
    rows: list[tuple[int, int, int, float, bool, int]], batch: int
) -> None:
    """At every threshold and every count: once until the cover ends, however the questions fall into batches."""
    rows = sorted(rows, key=lambda row: row[1])
    ladder = Ladder(0.5)
    contacts = Contacts(ladder.rungs)
    contacts._sweep_at = 2
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        asked = np.array([row[1] for row in part]) * 1000
        until = np.array([row[1] + row[2] for row in part]) * 1000
        levels = ladder.levels(np.array([row[3] for row in part]), np.array([row[5] for row in part]))
        y = np.array([float(row[4]) for row in part])
        contacts.add([row[0] for row in part], asked, until, y, levels, int(asked.min()))
    found, hits = contacts.since(0)
    for rung in range(ladder.rungs):
        assert (found[rung], hits[rung]) == by_hand(rows, ladder, rung), rung


def by_hand(
    rows: Sequence[tuple[int, int, int, float, bool, int]], ladder: Ladder, rung: int
) -> tuple[int, int]:
    """Contacts and hits at one rung."""
    covered: dict[int, int] = {}
    contacts = hits = 0
    for customer, asked, cover, p, y, count in rows:
        kept = min(count, 31)
        if rung < ladder.at_least:
            calls = rung == 0 or p > ladder.thresholds[rung]
        elif rung < ladder.at_most:
            calls = kept >= rung - ladder.at_least
        else:
            calls = kept <= 31 - (rung - ladder.at_most)
        if calls and covered.get(customer, 0) <= asked:
            covered[customer] = asked + cover
            contacts, hits = contacts + 1, hits + y
    return contacts, hits


def test_who_is_covered_no_more_is_let_go() -> None:
    """The memory of contacts is that of those who are covered now."""
    ladder = Ladder(0.5)
    contacts = Contacts(ladder.rungs)
    for start in range(0, 60_000, 1_000):
        asked = np.arange(start, start + 1_000) * 1000
        levels = ladder.levels(np.full(1_000, 0.9), np.zeros(1_000, np.int64))
        keys = [f"c{n}" for n in range(start, start + 1_000)]
        contacts.add([*keys], asked, asked + 100_000, np.ones(1_000), levels, int(asked[0]))
    assert contacts.since(0)[0][0] == 60_000
    assert len(contacts._places) < 6_000


def test_happenings_are_counted_over_the_30_days_before() -> None:
    """Only those that the problem means; late ones in their place; kept for as long as a question can be open."""
    happenings = Happenings(RETURN)
    for day in (1, 5, 3, 40, 41):
        happenings.take("c", event("return", large=True), day * DAY)
        happenings.take("c", event("return", large=False), day * DAY)
    assert [happenings.before("c", day * DAY) for day in (1, 2, 6, 31, 33, 42)] == [0, 1, 3, 3, 2, 2]
    assert happenings.before("somebody else", 6 * DAY) == 0
    for day in range(50, 500):
        happenings.take("c", event("return", large=True), day * DAY)
    assert len(happenings._moments["c"]) < 60
    assert happenings.before("c", 490 * DAY) == 30


def test_an_open_end_counts_those_that_ended_with_yes() -> None:
    """What answered no is no problem that came."""
    happenings = Happenings(LATE)
    assert happenings.types == ("closed",)
    happenings.take("c", event("closed", late=True), DAY)
    happenings.take("c", event("closed", late=False), DAY)
    assert happenings.before("c", 2 * DAY) == 1


#: About a day, and an edge between stretches of time for a while.
STEP = 2**17 * 1000


def rules_over(counts: Sequence[int], answers: Sequence[bool]) -> tuple[Rules, Contacts, Ladder]:
    """Rules that saw one question a day of ever new customers."""
    rules, ladder = Rules(), Ladder(RETURN.threshold)
    contacts = Contacts(ladder.rungs)
    asked = np.arange(len(counts)) * STEP
    count, y = np.array(counts), np.array(answers, np.float64)
    rules.add(asked, count, y)
    keys = [f"c{n}" for n in range(len(counts))]
    contacts.add([*keys], asked, asked + STEP, y, ladder.levels(np.zeros(len(counts)), count), 0)
    return rules, contacts, ladder


def test_the_rule_of_counts_takes_the_bound_that_saved_most_before() -> None:
    """Who has two or more comes back in nine of ten cases; what happens later does not move the bound."""
    counts = [n % 4 for n in range(400)]
    answers = [n % 4 >= 2 and n % 40 > 3 for n in range(400)]
    rules, contacts, ladder = rules_over(counts, answers)
    since = 300 * STEP
    base, everybody, count = rules.contenders(contacts, ladder, since, Valuing(RETURN, 100, 10))
    assert (base.name, everybody.name, count.name) == (BASE_RATE, EVERYBODY, f"{COUNT} ≥ 2")
    assert count.value is not None
    assert everybody.value is not None
    assert (count.value.contacts, count.value.hits, count.value.contacts_a_week) == (50, 46, 5.0)
    assert count.value.saving == 46 * (0.5 * 10 + 2) - 50 * 3
    assert everybody.value.contacts == 100
    assert base.value == everybody.value  # the base rate is .45, the threshold .43
    assert count.scores is not None
    assert count.scores.auroc > 0.9
    assert base.scores is not None
    assert base.scores.auroc == 0.5


def test_where_no_count_pays_the_rule_contacts_nobody() -> None:
    """And where nothing was asked before, there are no rules at all."""
    rules, contacts, ladder = rules_over([n % 3 for n in range(100)], [n % 10 == 0 for n in range(100)])
    count = rules.contenders(contacts, ladder, 70 * STEP, Valuing(RETURN, 30, 4))[2]
    assert (count.name, count.value and count.value.contacts) == (f"{COUNT}: nobody", 0)
    assert rules.contenders(contacts, ladder, 0, Valuing(RETURN, 30, 4)) == []


def test_the_best_rule_is_nobody_where_every_rule_loses() -> None:
    """Who is contacted in vain costs contact and compensation."""
    valuing = Valuing(RETURN, customers=500, weeks=2)
    own = valuing.value(contacts=10, hits=6)
    assert (own.saving, own.saving_per_1000_customers, own.contacts_a_week, own.precision) == (
        12.0,
        24.0,
        5.0,
        0.6,
    )
    money = valuing.money(own, [])
    assert (money.best_rule, money.over_best_rule_per_1000_customers) == ("contact nobody", 24.0)
    assert np.isnan(valuing.value(0, 0).precision)


def test_a_sample_is_even_and_bounded() -> None:
    """Between its size and twice that, whatever comes, and the same in any order."""
    hashes = [f"{(n * 0x9E3779B97F4A7C15) % 2**64:016x}" for n in range(5_000)]
    kept = []
    for order in (hashes, hashes[::-1]):
        sample = Sample(size=100)
        for n, question in enumerate(order):
            if sample.wants(question):
                sample.add(question, Row(n if order is hashes else 4_999 - n, 0.5, False, False, b"", b""))
        kept.append([row.asked for row in sample.since(0)])
        assert len(kept[0]) == pytest.approx(5_000 * sample.share, rel=0.2)
    assert kept[0] == kept[1]
    assert 100 <= len(kept[0]) <= 200
    assert np.mean(kept[0]) == pytest.approx(2_500, rel=0.15)


def test_lead_times_have_a_median_within_one_percent() -> None:
    """And fall into the bars that a chart shows."""
    leads, hours = Leads(), [0.2, 3.0, 7.0, 30.0, 30.5, 200.0, 4_000.0]
    assert leads.median_hours() is None
    for lead in hours:
        leads.add(round(lead * HOUR_MS))
    assert leads.median_hours() == pytest.approx(30.0, rel=0.012)
    assert dict(leads.bars())["6–24 h"] == 1
    assert sum(count for _, count in leads.bars()) == len(leads) == 7


def test_customers_are_new_for_30_days() -> None:
    """Counted from their first event; who was never seen is new."""
    customers, asked = Customers(), LastAsked()
    customers.seen("a", 5)
    customers.seen("a", 9)
    customers.seen("b", 7)
    assert (len(customers), customers.number("b"), customers.number("c")) == (2, 1, -1)
    assert [customers.is_new(0, ms) for ms in (5, 4 + NEW, 5 + NEW)] == [True, True, False]
    assert customers.is_new(-1, 10**12)
    asked.put(1, 100)
    asked.put(1, 50)
    asked.put(-1, 500)
    assert [asked.since(ms) for ms in (60, 100, 101)] == [1, 1, 0]


def test_categories_are_named_from_the_events() -> None:
    """Of a bounded number of values; lists are no categories."""
    categories = Categories(compile_program(parse([CatalogueFile("c", CATALOGUE)])))
    categories.take(event("order", country="DE"))
    categories.take(event("order", country=["FR"]))
    categories.take(event("return", country="IT"))
    for n in range(NAMED + 10):
        categories.take(event("order", country=n))
    assert categories.name(category_hash("data.country", "DE")) == ("data.country", "DE")
    assert categories.name(category_hash("data.country", 7)) == ("data.country", "7")
    for unknown in (["FR"], "IT", NAMED + 9):
        assert categories.name(category_hash("data.country", unknown)) is None
    assert categories.name(category_hash("type", "order")) == ("type", "order")


def test_a_threshold_of_the_catalogue_is_a_rung_of_its_own() -> None:
    """Among even ones; a probability at the threshold does not call."""
    ladder = Ladder(RETURN.threshold)
    assert ladder.thresholds[ladder.chosen] == RETURN.threshold == pytest.approx(3 / 7)
    (_, called), *_ = ladder.levels(np.array([0.0, RETURN.threshold, 0.43, 1.0]), np.zeros(4, np.int64))
    assert called.tolist() == [1, ladder.chosen, ladder.chosen + 1, len(ladder.thresholds)]


class Sum:
    """A model whose logit is twice the first column, less one for each category; it may know its terms."""

    def __init__(self, *, knows: bool) -> None:
        self._knows = knows

    def logit(self, x: NDArray[np.float32], categories: Sequence[int]) -> float:
        return 2.0 * float(x[0]) - len(categories)

    def terms(self, x: NDArray[np.float32], categories: Sequence[int]) -> tuple[list[float], list[float]]:
        of_columns = [2.0 * float(x[0]), *[0.0] * (len(x) - 1)]
        return (of_columns if self._knows else [0.0] * len(x)), [-1.0 * self._knows] * len(categories)

    def usual(self, column: int) -> float:
        return 0.0


@pytest.mark.parametrize("knows", [True, False])
def test_factors_are_what_moves_predictions_whether_a_model_knows_its_terms_or_not(knows: bool) -> None:
    """What is alike for all moves nothing; a category that some have does."""
    program = compile_program(parse([CatalogueFile("c", CATALOGUE)]))
    compiled = program.problems["return"]
    categories = Categories(program)
    categories.take(event("order", country="DE"))
    german = category_hash("data.country", "DE")
    rows = []
    for n in range(100):
        features = np.zeros(len(compiled.names), np.float32)
        features[0], features[1] = n % 5, 7.0
        rows.append(Row(n, 0.5, True, False, features.tobytes(), np.uint32([german] * (n % 2)).tobytes()))
    found = factors_of(rows, compiled, Sum(knows=knows), categories)
    assert [(f.feature, f.direction) for f in found] == [(compiled.names[0], 1), ("data.country", 0)]
    assert [f.weight for f in found] == pytest.approx([2.4, 0.5])
