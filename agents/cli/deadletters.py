"""`forestall deadletters`: what could not be processed, why, and sending it again once that is mended."""

from collections import Counter
from collections.abc import Iterator
from typing import get_args

import click

from forestall.agents.cli.failures import Failed
from forestall.agents.cli.options import NOTE, settings_options
from forestall.agents.cli.output import json_option, plural, print_json, printable, when
from forestall.agents.follow import Followed, follow
from forestall.agents.foreign_topics import foreign_topics
from forestall.agents.intake import ForeignTopic
from forestall.agents.kafka_clients import producer
from forestall.agents.settings import Settings
from forestall.pipeline.core.effects import Record
from forestall.pipeline.core.taking_in import without_stamp
from forestall.pipeline.sources.event_line import read_line
from forestall.pipeline.sources.translating import Origin, translate
from forestall.schemas.deadletter import Cause, DeadLetter, decode_dead_letter
from forestall.schemas.event import encode

SHOWN = 100  # characters of a dead letter's value

_cause = click.option("--cause", type=click.Choice(get_args(Cause)), help="Only those of this cause.")


@click.group()
def deadletters() -> None:
    """See what could not be processed, and send it again."""


@deadletters.command(name="list", epilog=NOTE)
@settings_options("kafka", "prefix")
@_cause
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    default=20,
    show_default=True,
    help="Print at most so many.",
)
@json_option
def list_letters(settings: Settings, cause: Cause | None, limit: int, as_json: bool) -> None:
    """List the dead letters with their reasons, and count them by cause.

    PLACE is where one stands in the dead-letter topic: `replay` takes it. In JSON, key and value are base64.

    \b
    Example:
      forestall deadletters list --cause wrong_shape
    """
    counts: Counter[str] = Counter()
    for one in _letters(settings, cause):
        counts[one.content.cause] += 1
        if counts.total() <= limit:
            _print(one, as_json)
    if not as_json:
        by_cause = ", ".join(f"{count:,} {name}" for name, count in counts.most_common())
        click.echo(f"{plural(counts.total(), 'dead letter')}: {by_cause}" if counts else "there is none")


@deadletters.command(epilog=NOTE)
@settings_options("kafka", "prefix", "intake")
@click.argument("places", nargs=-1, metavar="[PLACE]...")
@click.option("--all", "everything", is_flag=True, help="All of them, instead of PLACE...")
@_cause
@json_option
def replay(
    settings: Settings, places: tuple[str, ...], everything: bool, cause: Cause | None, as_json: bool
) -> None:
    """Send dead letters into the journal again, once what was wrong with them is mended.

    PLACE is partition/offset, as `list` prints it. Letters of foreign topics go through the mapping
    (--intake) as it is now; events keep their ids, so one that did get through counts once all the same.
    Exit code 1 if a letter still cannot be sent.

    \b
    Example:
      forestall deadletters replay 3/17 3/18
      forestall deadletters replay --all --cause unmapped --intake intake.toml
    """
    if bool(places) == everything:
        raise click.UsageError(
            "name the letters by their places (see `forestall deadletters list`), or say --all"
        )
    wanted = {_place(text) for text in places}
    letters = (
        one for one in _letters(settings, cause) if everything or (one.partition, one.offset) in wanted
    )
    sent, refused = _send_again(settings, letters)
    if as_json:
        print_json({"sent": sent, "refused": refused})
    else:
        click.echo(f"sent {plural(sent, 'letter')} again")
    if refused or (wanted and sent < len(wanted)):
        missing = [f"{plural(len(wanted) - sent - len(refused), 'letter')} not found"] if wanted else []
        raise Failed("" if as_json else "\n".join([*refused, *missing]), 1)


def _letters(settings: Settings, cause: Cause | None) -> Iterator[Followed[DeadLetter]]:
    topic = settings.topics.deadletters
    found = follow(topic, decode_dead_letter, settings, start="beginning", until_now=True)
    return (one for one in found if cause in (None, one.content.cause))


def _print(one: Followed[DeadLetter], as_json: bool) -> None:
    letter = one.content
    if as_json:
        print_json({"place": f"{one.partition}/{one.offset}", "letter": letter})
        return
    came = f"{letter.topic}/{letter.partition} at {letter.offset}"
    click.echo(
        f"{one.partition}/{one.offset}  {when(letter.timestamp)}  {letter.cause}: {printable(letter.detail)}"
    )
    value = printable((letter.value or b"")[:SHOWN].decode(errors="replace"))
    click.echo(f"    came as {came}, {len(letter.value or b''):,} bytes: {value}")


def _place(text: str) -> tuple[int, int]:
    partition, _, offset = text.partition("/")
    if not (partition.isdecimal() and offset.isdecimal()):
        raise click.UsageError(
            f"{text!r} is not a place; write PARTITION/OFFSET as `forestall deadletters list` does"
        )
    return int(partition), int(offset)


def _send_again(settings: Settings, letters: Iterator[Followed[DeadLetter]]) -> tuple[int, list[str]]:
    foreign = {topic.mapping.topic: topic for topic in foreign_topics(settings)}
    sent, refused = 0, []
    with producer(settings) as client:
        for one in letters:
            values = values_of(one.content, settings, foreign)
            if isinstance(values, str):
                refused.append(f"{one.partition}/{one.offset}: {values}")
                continue
            for value in values:
                client.send(settings.topics.events, value, key=read_line(value).key)
            sent += 1
    return sent, refused


def values_of(letter: DeadLetter, settings: Settings, foreign: dict[str, ForeignTopic]) -> list[bytes] | str:
    """What to send, or why nothing."""
    if letter.topic == settings.topics.events:
        return [without_stamp(letter.value or b"")]
    if letter.topic == settings.topics.answers:
        return "it comes from the answers topic, whose records are never sent twice; report it"
    if letter.topic not in foreign:
        return f"no mapping for topic {letter.topic}; name the file that has it with --intake"
    mapping, topic_id = foreign[letter.topic]
    origin = Origin(letter.topic, topic_id, letter.partition)
    found = translate(mapping, origin, Record(letter.offset, letter.timestamp, letter.key, letter.value))
    if isinstance(found, DeadLetter):
        return f"still {found.cause}: {printable(found.detail)}"
    return [encode(event) for event in found]
