"""Whatever is declared and however often it changes: the core raises nowhere, and chunks, commits and cache leave no
trace."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from forestall.agents.own_events import moment, tick
from forestall.pipeline.core.customer_document import decode_customer
from forestall.pipeline.core.effects import DEAD_LETTERS, Record
from forestall.pipeline.core.foresee import Foresee
from forestall.pipeline.verification.replaying import Limits
from forestall.schemas.deadletter import decode_dead_letter
from forestall.schemas.event import encode
from tests.builders.catalogues import START_MS, changing_journal
from tests.builders.replayed import Outcome, configured, outcome

WHOLE = Limits(10_000, 1 << 60, 1 << 30, 1 << 30)
EVENT = {"specversion": "1.0", "source": "test", "type": "b", "customer": "ann"}
ASKING = """
[problem.any]
title = "Something will go wrong"
ask = { on = "a" }
happens = { on = "a", within = "1d" }
action = { title = "Call", channels = ["email"] }
"""


def test_these_journals_have_all_that_matters() -> None:
    """Else the test below would prove little: catalogues change, and questions are asked, answered and outlive that."""
    effects = [effect for seed in range(20) for effect in replayed(changing_journal(seed), WHOLE)[1]]
    assert sum(effect.destination.startswith("answers/") for effect in effects) > 200
    assert all(changes(changing_journal(seed)) for seed in range(3))
    assert sum(map(changes, map(changing_journal, range(20)))) > 60


@settings(deadline=None, max_examples=120)
@given(
    seed=st.integers(0, 1 << 30),
    chunk=st.integers(1, 9),
    budget=st.integers(1, 5),
    cached=st.sampled_from((0, 0, 1, 99)),
    forgets=st.booleans(),
)
def test_chunks_commits_and_cache_leave_no_trace(
    seed: int, chunk: int, budget: int, cached: int, forgets: bool
) -> None:
    """State and effects are those of one chunk and one commit, also where all is loaded anew after each commit; and no
    event is one on which the core raises."""
    journal = changing_journal(seed)
    whole = replayed(journal, WHOLE)
    letters = [decode_dead_letter(one.payload) for one in whole[1] if one.destination == DEAD_LETTERS]
    assert [letter.detail for letter in letters if letter.cause == "core_failure"] == []
    assert replayed(journal, Limits(chunk, budget, 30, cached), forgets=forgets) == whole


def test_who_is_but_loaded_stays_as_stored() -> None:
    """Loaded while a catalogue counts less than the one before and the one after, and nothing of theirs is applied."""
    first, second = (encode({**EVENT, "id": id_, "time": moment(START_MS)}) for id_ in "12")
    sent = [
        configuration(0, "b"),
        first,
        configuration(1),
        tick(START_MS, 0, "test"),
        configuration(2, "b"),
        second,
    ]
    journal = [
        Record(n, START_MS, b"ann" if value in (first, second) else None, value)
        for n, value in enumerate(sent)
    ]
    early, late = (replayed(journal, Limits(chunk, 9, 30, 0)) for chunk in (2, 1))
    assert early == late
    assert 2.0 in decode_customer(early[0].documents["c/ann"]).numbers  # so many events of the type


def configuration(version: int, *types: str) -> bytes:
    """A catalogue that counts these types beside the one that asks, as it enters the journal."""
    text = f"[history]\ntypes = {json.dumps(['a', *types])}\n{ASKING}"
    return configured(text, version, START_MS)


def changes(journal: list[Record]) -> int:
    """How often the catalogue changes."""
    return sum(b'"forestall.catalogue"' in (record.value or b"") for record in journal) - 1


def replayed(journal: list[Record], limits: Limits, *, forgets: bool = False) -> Outcome:
    """What comes of a journal."""
    return outcome(Foresee(0, 1, "events"), "events", journal, limits, forgets=forgets)
