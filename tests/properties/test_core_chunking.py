"""How a recorded journal falls into chunks, commits, windows and caches changes not a byte of what the core makes."""

import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forestall.agents.own_events import moment
from forestall.pipeline.core.effects import Record
from forestall.pipeline.verification.replaying import Limits
from forestall.schemas.event import encode
from forestall.schemas.preference import Consent, ConsentEvent
from tests.builders.replayed import Outcome, configured, outcome
from tests.simulation.run import recorded
from tests.simulation.workload import CATALOGUE
from tests.simulation.world import START_MS, Poisonable

#: Seeds whose catalogue changes in the middle, and whose gates open.
SEEDS = (21, 41)


@pytest.mark.parametrize("seed", SEEDS)
@settings(deadline=None, max_examples=12)
@given(
    chunk=st.integers(1, 200),
    budget=st.integers(1, 20),
    window=st.integers(30, 60),
    cached=st.integers(0, 30),
)
def test_state_and_effects_do_not_depend_on_limits(
    seed: int, chunk: int, budget: int, window: int, cached: int
) -> None:
    """All in one chunk and one commit, against any others: customers, questions, models, alerts, dead letters."""
    assert replayed(seed, Limits(chunk, budget, window, cached)) == whole(seed)


def test_these_journals_have_all_that_matters() -> None:
    """Else the test above would prove little."""
    journals = [b" ".join(record.value or b"" for record in journal(seed)) for seed in SEEDS]
    for text in (b"forestall.notice.model", b"forestall.consent", b"forestall.tick", b"poison"):
        assert all(text in one for one in journals), text
    assert all(one.count(b'"forestall.catalogue"') > 1 for one in journals)
    assert all(any(effect.destination == "alerts" for effect in whole(seed)[1]) for seed in SEEDS)


def test_who_refused_is_migrated_alike_from_memory_and_from_the_store() -> None:
    """The first event after a changed catalogue, of a customer of whom nothing is counted."""
    outcomes = [came_of(refused_then_changed(), Limits(1, 1, 30, cached)) for cached in (0, 99)]
    assert outcomes[0] == outcomes[1]


def refused_then_changed() -> list[Record]:
    """A journal of its own: a customer refuses, the catalogue changes its layout, the customer does something."""
    order = {"specversion": "1.0", "source": "shop", "customer": "c"}
    at = moment(START_MS)
    refusal = ConsentEvent(
        id="r", source="s", time=at, customer="c", data=Consent(purpose="predict", granted=False)
    )
    values = [
        (None, configuration(0, "")),
        (b"c", encode(refusal)),
        (None, configuration(1, ', "data.amount"')),
        (b"c", encode({**order, "id": "o", "type": "order.placed", "time": at})),
    ]
    return [Record(offset, START_MS, *sent) for offset, sent in enumerate(values)]


def configuration(version: int, numeric: str) -> bytes:
    """A version of the catalogue as it enters the journal."""
    text = CATALOGUE.format(within=20, grace=0, miss=8, numeric=numeric, keep="", model="", beside="")
    return configured(text, version, START_MS)


@functools.cache
def journal(seed: int) -> list[Record]:
    """The records of one partition."""
    return recorded(seed)


@functools.cache
def whole(seed: int) -> Outcome:
    """What comes of it in one piece."""
    return replayed(seed, Limits(10_000, 1 << 60, 1 << 30, 1 << 30))


def replayed(seed: int, limits: Limits) -> Outcome:
    """What comes of a seed's journal."""
    return came_of(journal(seed), limits)


def came_of(records: list[Record], limits: Limits) -> Outcome:
    """The state, and all effects in their order, of a core that poison makes raise."""
    return outcome(Poisonable(0, 2, "s.events"), "s.events", records, limits)
