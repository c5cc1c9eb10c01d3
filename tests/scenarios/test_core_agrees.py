"""The core, over the shipped samples, asks the questions of the published tasks, and gets their answers."""

import gzip
from collections import Counter
from datetime import UTC, datetime
from functools import cache

import pytest

from forestall.pipeline.core.effects import Record
from forestall.pipeline.core.partition import Prediction
from forestall.pipeline.inline import Inline
from forestall.schemas.event import CATALOGUE, TICK, decode_event, encode
from tests.scenarios.samples import CATALOGUES, SAMPLES, TASKS
from tests.scenarios.task_rows import Row, task


@cache
def predictions(sample: str) -> list[Prediction]:
    """All questions that the core asked over the sample, ticked at its end, the open ones too."""
    ended: list[Prediction] = []
    core = Inline(predicted=ended.append)
    last = 0
    text = (CATALOGUES / f"{sample}.toml").read_text()
    configuration = {"kind": "catalogue", "version": 1, "files": [{"name": sample, "text": text}], "salt": ""}
    with gzip.open(SAMPLES / f"{sample}.jsonl.gz", "rb") as lines:
        for offset, line in enumerate(lines):
            event = decode_event(line)
            if not last:
                core.feed_all(own(CATALOGUE, round(event.time.timestamp() * 1000), configuration))
            last = round(event.time.timestamp() * 1000)
            core.feed(0, Record(offset, last, str(event.customer).encode(), line))
    core.feed_all(own(TICK, last, None))
    return ended + core.open_questions()


def own(type_: str, ms: int, data: object) -> Record:
    """A record that Forestall itself would write."""
    event = {
        "specversion": "1.0",
        "id": type_,
        "source": "forestall",
        "type": type_,
        "time": datetime.fromtimestamp(ms / 1000, UTC),
        "data": data,
    }
    return Record(-1, ms, None, encode(event))


@pytest.mark.parametrize("name", TASKS)
def test_the_core_gives_every_row_of_the_task(name: str) -> None:
    """Joined as a multiset of customer, moment and answer, nothing is left over but what is explained."""
    found = TASKS[name]
    answered = Counter(
        Row(p.customer, p.asked // 1000, int(p.y))
        for p in predictions(found.sample)
        if p.problem == found.problem and p.y is not None and found.since <= p.asked // 1000 <= found.until
    )
    assert answered + Counter(found.unanswered) == task(name)
