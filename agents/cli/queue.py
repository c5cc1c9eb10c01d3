"""`forestall queue`: support's side of the action queue."""

import getpass
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import click

from forestall.agents.cli.failures import Failed
from forestall.agents.cli.options import NOTE, settings_options
from forestall.agents.cli.output import json_option, print_json, print_table, printable, when
from forestall.agents.cli.parameters import DURATION
from forestall.agents.redis_calls import ask_redis
from forestall.agents.settings import Settings
from forestall.pipeline.queue.queue import ActionQueue
from forestall.pipeline.queue.values import STATES, ActionState, Claim, QueuedAction, Standing

T = TypeVar("T")

_alert = click.argument("alert")
_token = click.option("--token", required=True, help="The claim's token, as `claim` printed it.")
_limit = click.option(
    "--limit", type=click.IntRange(1), metavar="N", default=20, show_default=True, help="At most so many."
)


@click.group()
def queue() -> None:
    """Work the queue of actions.

    \b
    Example: take the most urgent action, and report what came of it
      forestall queue claim
      forestall queue done ALERT --token TOKEN --result "called, sent a replacement"
    """


@queue.command(name="list", epilog=NOTE)
@settings_options("redis", "prefix")
@click.option("--state", type=click.Choice(STATES), default="ready", show_default=True, help="Which actions.")
@_limit
@json_option
def list_actions(settings: Settings, state: ActionState, limit: int, as_json: bool) -> None:
    """List actions, the most urgent first, and say how many there are in each state.

    \b
    Example:
      forestall queue list --limit 5
      forestall queue list --state done --json
    """

    async def read(actions: ActionQueue) -> tuple[list[QueuedAction], dict[ActionState, int]]:
        return await actions.list(state, limit), await actions.counts()

    found, counts = _ask(settings, read)
    _print_actions(found, as_json)
    if not as_json:
        click.echo(
            ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "the queue is empty"
        )


@queue.command(epilog=NOTE)
@settings_options("redis", "prefix")
@click.option("--worker", default=getpass.getuser, show_default="your user name", help="Who takes them.")
@click.option(
    "--count", type=click.IntRange(1, 1000), metavar="N", default=1, show_default=True, help="How many."
)
@click.option("--lease", type=DURATION, default="15m", show_default=True, help="How long they are held.")
@click.option("--problem", help="Only actions of this problem.")
@json_option
def claim(
    settings: Settings, worker: str, count: int, lease: int, problem: str | None, as_json: bool
) -> None:
    """Take the most urgent ready actions. When the lease ends they go to somebody else.

    Exit code 1 if none is ready.

    \b
    Example:
      forestall queue claim --problem return --lease 30m
    """
    claims = _ask(settings, lambda actions: actions.claim(worker, count, lease, problem))
    for one in claims:
        print_json(one._asdict()) if as_json else click.echo("\n".join(_claim_lines(one)))
    if not claims:
        raise Failed("" if as_json else "no action is ready; see `forestall queue list --state snoozed`", 1)


@queue.command(epilog=NOTE)
@settings_options("redis", "prefix")
@_alert
@_token
@click.option("--result", default="done", show_default=True, help="What came of it, in a word or a sentence.")
@json_option
def done(settings: Settings, alert: str, token: str, result: str, as_json: bool) -> None:
    """Report a claimed action as carried out; the models hear of it.

    \b
    Example:
      forestall queue done 3f2a9c0d11aa77ee --token TOKEN --result "called, not at home"
    """
    _tell(_ask(settings, lambda actions: actions.done(alert, token, result)), alert, as_json)


@queue.command(epilog=NOTE)
@settings_options("redis", "prefix")
@_alert
@_token
@json_option
def release(settings: Settings, alert: str, token: str, as_json: bool) -> None:
    """Give a claimed action back, undone: it waits for its next attempt, and is dead after the last.

    \b
    Example:
      forestall queue release 3f2a9c0d11aa77ee --token TOKEN
    """
    _tell(_ask(settings, lambda actions: actions.release(alert, token)), alert, as_json)


@queue.command(epilog=NOTE)
@settings_options("redis", "prefix")
@_alert
@_token
@click.option("--for", "ms", type=DURATION, required=True, help="How long: 2h, 1d12h.")
@json_option
def snooze(settings: Settings, alert: str, token: str, ms: int, as_json: bool) -> None:
    """Put a claimed action off; the attempt does not count.

    \b
    Example:
      forestall queue snooze 3f2a9c0d11aa77ee --token TOKEN --for 2h
    """
    _tell(_ask(settings, lambda actions: actions.snooze(alert, token, ms)), alert, as_json)


@queue.command(epilog=NOTE)
@settings_options("redis", "prefix")
@_limit
@json_option
def dead(settings: Settings, limit: int, as_json: bool) -> None:
    """List the actions whose attempts are used up, oldest first.

    \b
    Example:
      forestall queue dead --json
    """
    found = _ask(settings, lambda actions: actions.dead(limit))
    _print_actions(found, as_json)
    if not as_json and not found:
        click.echo("none is dead")


def _ask(settings: Settings, call: Callable[[ActionQueue], Awaitable[T]]) -> T:
    return ask_redis(settings, lambda redis: call(ActionQueue(redis, settings.store_prefix)))


def _print_actions(found: Sequence[QueuedAction], as_json: bool) -> None:
    if as_json:
        for action in found:
            print_json(_document(action))
        return
    print_table(
        ["alert", "p", "saves", "raised", "customer", "about", "try", "what to do"],
        [
            [
                alert.id,
                f"{alert.p:.0%}",
                f"{alert.saving:.2f}",
                when(alert.raised),
                printable(alert.customer),
                f"{alert.problem} {printable(alert.subject or '')}".strip(),
                work.attempt,
                alert.action.title,
            ]
            for alert, work in found
        ],
    )


def _document(action: QueuedAction) -> dict[str, Any]:
    return {"alert": action.alert, "work": action.work}


def _claim_lines(claim: Claim) -> list[str]:
    alert, left = claim.alert, max(0, claim.lease_until - round(time.time() * 1000)) // 60_000
    return [
        f"{alert.id}  {alert.title}: {printable(alert.customer)}, p = {alert.p:.0%}, attempt {claim.attempt}",
        *(f"  because {printable(reason.text)}" for reason in alert.reasons),
        f"  do:    {alert.action.title} ({', '.join(alert.action.channels) or 'any channel'})",
        f"  say:   {alert.action.say}" if alert.action.say else "  say:   what you find right",
        f"  yours for {left} min; then: forestall queue done {alert.id} --token {claim.token} --result ...",
    ]


def _tell(standing: Standing, alert: str, as_json: bool) -> None:
    if as_json:
        print_json({"alert": alert, **{name: getattr(standing, name) for name in standing.__struct_fields__}})
        return
    click.echo(f"{alert} is {standing.state}")
    if standing.ended is not None:
        click.echo(f"it was {standing.ended} meanwhile ({standing.occasion}): nothing more is to be done")
