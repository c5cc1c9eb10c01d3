"""`forestall state`: the partitions' committed state: digests, snapshots, and their verification by replay."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from redis.asyncio import Redis

from forestall.agents.cli.options import NOTE, settings_options
from forestall.agents.cli.output import json_option, plural, print_json, print_table
from forestall.agents.redis_calls import ask_redis
from forestall.agents.settings import Settings
from forestall.pipeline.store.partition import PartitionStore
from forestall.pipeline.store.values import StoredState
from forestall.pipeline.verification.since import StateCheck
from forestall.pipeline.verification.state_file import Stand

DIFFERENT = 1


@click.group()
def state() -> None:
    """Look at the committed state; verify it by replay."""


@state.command(epilog=NOTE)
@settings_options("redis", "prefix", "partitions", "answers_partitions")
@json_option
def digest(settings: Settings, as_json: bool) -> None:
    """Print the SHA-256 of each partition's state: equal if and only if the states are, byte for byte.

    \b
    Example:
      forestall state digest
    """
    rows = []
    for processor, partition in _places(settings):
        stored = ask_redis(settings, lambda redis: _dump(redis, settings, processor, partition))  # noqa: B023 - runs at once
        rows.append((processor, partition, stored.position, len(stored.documents), stored.digest()))
    header = ["processor", "partition", "position", "documents", "sha256"]
    if not as_json:
        print_table(header, rows)
    for row in rows if as_json else ():
        print_json(dict(zip(header, row, strict=True)))


@state.command(epilog=NOTE)
@settings_options("kafka", "redis", "prefix")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@json_option
def snapshot(settings: Settings, folder: Path, as_json: bool) -> None:
    """Write the state of every partition into DIR, as `state verify` starts from it. Workers may run.

    Each file is one partition at one moment; its first line says where it stood, by which core, and its SHA-256.

    \b
    Example:
      forestall state snapshot snapshots/monday
    """
    from forestall.agents.state_verifying import snapshot_states  # noqa: PLC0415 - loads the worker

    stands = []
    for stand in snapshot_states(folder, settings):
        stands.append(stand)
        if as_json:
            print_json(stand)
    if not as_json:
        header = ["partition", "position", "commit", "state version", "kernels", "documents", "sha256"]
        print_table(header, [_stand_row(one) for one in stands])
        click.echo(f"{plural(len(stands), 'partition')} in {folder}")


@state.command(epilog=NOTE)
@settings_options("kafka", "redis", "prefix")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@json_option
@click.pass_context
def verify(context: click.Context, settings: Settings, folder: Path, as_json: bool) -> None:
    """Compute the state anew, from the snapshot in DIR and the logs since then, and compare with the live one.

    One core in sequence, in memory, against what the workers have committed: every document, due time and number must
    be the same bytes. Workers may run. Exits with 1 if anything differs.

    \b
    Example: verified day by day, each time from the day before
      forestall state snapshot snapshots/monday
      forestall state verify snapshots/monday
    """
    from forestall.agents.state_verifying import verify_states  # noqa: PLC0415 - loads the worker
    from forestall.agents.worker import live_parts  # noqa: PLC0415

    def told(check: StateCheck) -> None:
        if as_json:
            print_json(check)
        else:
            click.echo(_verdict(check))
            for text in check.differences:
                click.echo(f"  {text}")
            if check.different > len(check.differences):
                click.echo(f"  and {check.different - len(check.differences):,} more")

    checks = verify_states(folder, settings, live_parts(settings), told)
    unequal = sum(not check.equal for check in checks)
    if not as_json:
        verdict = "byte for byte the same" if not unequal else f"{unequal} of them differ"
        click.echo(f"{plural(len(checks), 'partition')}: {verdict}")
    if unequal:
        context.exit(DIFFERENT)


def _stand_row(one: Stand) -> list[str]:
    name = f"{one.processor}/{one.partition}"
    numbers = (
        f"{one.position:,}",
        one.commit,
        one.version,
        one.fingerprint,
        f"{one.documents:,}",
        one.digest[:16],
    )
    return [name, *map(str, numbers)]


def _verdict(check: StateCheck) -> str:
    name, verdict = f"{check.processor}/{check.partition}", "equal" if check.equal else "DIFFERENT"
    replayed = f"{plural(check.records, 'record')} from {check.since:,}"
    return f"{name}: {verdict} at {check.position:,} ({plural(check.documents, 'document')}; {replayed})"


def _places(settings: Settings) -> Iterator[tuple[str, int]]:
    for processor, partitions in (("foresee", settings.partitions), ("learn", settings.answers_partitions)):
        yield from ((processor, partition) for partition in range(partitions))


async def _dump(redis: Redis, settings: Settings, processor: str, partition: int) -> StoredState:
    client: Any = redis
    return await PartitionStore(client, processor, partition, settings.store_prefix).dump()
