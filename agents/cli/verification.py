"""`forestall backtest --journal`: the recorded logs replayed, compared with what the workers made of them."""

from pathlib import Path

import click
import msgspec

from forestall.agents.cli.output import plural, print_table
from forestall.agents.cli.scores import show_problem, write_json
from forestall.agents.live_state import live_snapshot
from forestall.agents.recorder import PROCESSORS
from forestall.agents.settings import Settings
from forestall.agents.worker import live_parts
from forestall.pipeline.errors import ConfigurationError
from forestall.pipeline.sources.recording import Recording
from forestall.pipeline.store.snapshot import Snapshot
from forestall.pipeline.verification.verify import PartitionResult, ProcessorUnderTest, Verification, verify

DIFFERENT = 1


def verify_journal(settings: Settings, folder: Path, json_file: Path | None) -> None:
    """Verifies, says what was compared, and exits with 1 if anything differs."""
    recording = Recording(folder)
    recorded = msgspec.structs.replace(settings, prefix=recording.manifest.prefix)
    live = click.get_current_context().params.get("redis") is not None

    def snapshot(processor: str, partition: int) -> Snapshot:
        if live:
            return live_snapshot(recorded, processor, partition)
        found = recording.snapshot(processor, partition)
        if found is None:
            raise ConfigurationError(
                [
                    f"{folder}: has no state of {processor}/{partition}; record again, or compare the live one: --redis"
                ]
            )
        return found

    def told(done: PartitionResult) -> None:
        name = f"{done.processor}/{done.partition}"
        click.echo(f"{name}: {plural(done.records, 'record')} replayed", err=True)

    result = verify(recording, processors_of(recorded), snapshot, progress=told)
    show_verification(result, "the live state" if live else "the recorded state")
    if json_file is not None:
        write_json(json_file, result)
    if result.different:
        click.get_current_context().exit(DIFFERENT)


def processors_of(settings: Settings) -> list[ProcessorUnderTest]:
    """The cores as workers make them."""
    return [ProcessorUnderTest(part.name, PROCESSORS[part.name], part.core) for part in live_parts(settings)]


def show_verification(result: Verification, against: str) -> None:
    """What was compared, the first differences, and the scores."""
    header = ["partition", "position", "documents", "due", "in topics", "in outbox", "different"]
    print_table(header, [_row(one) for one in result.partitions])
    for text in result.differences:
        click.echo(f"  {text}")
    for one in result.partitions:
        for text in one.differences:
            click.echo(f"  {one.processor}/{one.partition}: {text}")
        if one.different > len(one.differences):
            click.echo(
                f"  {one.processor}/{one.partition}: and {one.different - len(one.differences):,} more"
            )
    told = [f"{plural(result.repeats, 'repeat')} left aside"] if result.repeats else []
    for field, words in (("ahead", "ahead of the recorded logs"), ("gone", "gone by retention")):
        count = sum(getattr(one, field) for one in result.partitions)
        told += [f"{plural(count, 'record')} {words}"] if count else []
    if told:
        click.echo(", ".join(told))
    verdict = "byte for byte the same" if not result.different else plural(result.different, "difference")
    click.echo(f"replayed against {against} and the topics: {verdict}")
    for problem in result.scores:
        show_problem(problem, counts=False)


def _row(one: PartitionResult) -> list[str]:
    name = f"{one.processor}/{one.partition}"
    counts = (one.position, one.documents, one.due, sum(one.emitted.values()), one.waiting, one.different)
    return [name, *(f"{count:,}" for count in counts)]
