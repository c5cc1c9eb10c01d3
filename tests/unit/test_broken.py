"""Broken input meets the fate that it should, before any broker is involved."""

from collections import Counter

import msgspec
from msgspec.inspect import LiteralType, type_info

from forestall.pipeline.core.effects import DEAD_LETTERS, Changes, Record
from forestall.pipeline.core.foresee import Foresee
from forestall.pipeline.core.journal import Rejected, read_record
from forestall.schemas.catalogue import CatalogueFile, Configuration
from forestall.schemas.deadletter import Cause, DeadLetter, decode_dead_letter
from forestall.schemas.event import encode
from tests.builders.broken import KINDS, broken

NOW = 1_790_000_000_000
INPUTS = broken(seed=7, count=10_000, now_ms=NOW)
RECORDS = [Record(number, NOW + number, found.key, found.value) for number, found in enumerate(INPUTS, 1)]
CATALOGUE = """
[problem.return]
title = "Will send part of this order back"
ask = { on = "order.placed" }
happens = { on = "order.returned", within = "30d" }
features = { numeric = ["data.amount"], category = ["data.country"] }
"""


def test_ten_thousand_inputs_of_every_kind_are_the_same_for_the_same_seed() -> None:
    """What failed once can be made again."""
    assert {found.kind for found in INPUTS} == set(KINDS)
    assert broken(seed=7, count=200, now_ms=NOW) == broken(seed=7, count=200, now_ms=NOW)
    assert broken(seed=8, count=200, now_ms=NOW) != broken(seed=7, count=200, now_ms=NOW)


def test_every_cause_that_the_journal_knows_is_met() -> None:
    """All causes but the intake's own and the core's failure."""
    info = type_info(Cause)
    assert isinstance(info, LiteralType)
    assert {found.fate for found in INPUTS} == {*info.values, "processed"} - {"unmapped", "core_failure"}


def test_reading_gives_each_input_its_fate() -> None:
    """Processed, or refused with the cause that its making implies."""
    wrong: Counter[tuple[str, str, str]] = Counter()
    for found, record in zip(INPUTS, RECORDS, strict=True):
        entry = read_record(record)
        fate = entry.cause if isinstance(entry, Rejected) else "processed"
        if fate != found.fate:
            wrong[found.kind, found.fate, fate] += 1
    assert wrong == {}


def run(core: Foresee, records: list[Record]) -> Changes:
    """All of it in one commit, from an empty state."""
    done = 0
    while done < len(records):
        progress = core.run(records, done, 1 << 60)
        done = progress.consumed
        core.admit(dict.fromkeys(progress.missing))
        if progress.due_missing:
            core.admit_due([], complete=True)
    return core.take_changes()


def test_the_core_takes_it_all_and_keeps_whole_what_it_cannot_process() -> None:
    """One dead letter for each broken input, with its bytes and cause; nothing lost; nothing raised."""
    configuration = Configuration(version=1, files=[CatalogueFile("return.toml", CATALOGUE)], salt="s")
    first = {
        "specversion": "1.0", "id": "catalogue:1", "source": "forestall/catalogue", "type": "forestall.catalogue",
        "time": "2026-01-01T00:00:00Z", "data": msgspec.to_builtins(configuration),
    }  # fmt: skip
    changes = run(Foresee(0, 1), [Record(0, NOW, None, encode(first)), *RECORDS])
    effects = [effect for effect in changes.effects if effect.destination == DEAD_LETTERS]
    letters: dict[int, DeadLetter] = {
        letter.offset: letter for letter in (decode_dead_letter(e.payload) for e in effects)
    }
    assert len(letters) == len(effects)
    fates = {record.offset: found.fate for found, record in zip(INPUTS, RECORDS, strict=True)}
    assert {offset: letter.cause for offset, letter in letters.items()} == {
        offset: fate for offset, fate in fates.items() if fate != "processed"
    }
    for record in RECORDS:
        if (letter := letters.get(record.offset)) is not None:
            assert (letter.key, letter.value, letter.timestamp) == (record.key, record.value, record.ms)
    assert sum(changes.counts["dead_letters", cause] for cause in set(fates.values())) == len(letters)
    assert changes.counts["duplicate_events",] == sum(found.kind == "repeated" for found in INPUTS) - 1
