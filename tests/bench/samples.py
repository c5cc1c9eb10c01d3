"""The shipped samples with their catalogues, on their way through the live core in one process."""

import gzip
from collections.abc import Callable, Iterator

import numpy as np

from forestall.pipeline.core.catalogue.parse import parse
from forestall.pipeline.core.effects import Record
from forestall.pipeline.core.program import Program, compile_program
from forestall.pipeline.inline import Inline
from forestall.schemas.catalogue import CatalogueFile, Configuration
from forestall.schemas.event import CATALOGUE, TICK, Event, decode_event, encode
from tests.scenarios.samples import CATALOGUES, SAMPLES

#: Questions of the same events have the same names wherever they are asked.
SALT = "bench"


def through(inline: Inline, sample: str, before: Callable[[Event], None]) -> None:
    """The whole sample, from its catalogue to a last tick; `before` hears of each event before the core does."""
    inline.feed_all(_own(CATALOGUE, configuration(sample), 0))
    ms = 0
    for offset, line in enumerate(_lines(sample)):
        event = decode_event(line)
        ms = milliseconds(event)
        before(event)
        inline.feed(0, Record(offset, ms, str(event.customer).encode(), line))
    inline.feed_all(_own(TICK, None, ms))


def milliseconds(event: Event) -> int:
    """The event's time, epoch milliseconds."""
    return round(event.time.timestamp() * 1000)


def configuration(sample: str) -> Configuration:
    """The sample's own catalogue as it is applied."""
    path = CATALOGUES / f"{sample}.toml"
    return Configuration(version=1, files=[CatalogueFile(path.name, path.read_text())], salt=SALT)


def program_of(sample: str) -> Program:
    """The sample's own catalogue, compiled."""
    return compile_program(parse(configuration(sample).files))


def events(sample: str) -> Iterator[Event]:
    """The sample's events in order."""
    return map(decode_event, _lines(sample))


def _lines(sample: str) -> Iterator[bytes]:
    with gzip.open(SAMPLES / f"{sample}.jsonl.gz", "rb") as lines:
        yield from (line.rstrip(b"\n") for line in lines)


def _own(type_: str, data: Configuration | None, ms: int) -> Record:
    """A record that Forestall itself would write."""
    event = {"specversion": "1.0", "id": f"{type_}:{ms}", "source": "bench", "type": type_, "data": data}
    time = np.datetime64(ms, "ms").item().isoformat() + "Z"
    return Record(0, ms, None, encode(event | {"time": time}))
