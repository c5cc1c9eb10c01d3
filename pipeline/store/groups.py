"""Effects by destination, checked to be gapless among themselves."""

from collections.abc import Iterable

from forestall.pipeline.core.effects import Effect
from forestall.pipeline.errors import SequenceGap


def by_destination(effects: Iterable[Effect]) -> dict[str, list[Effect]]:
    """Groups effects, order kept. Raises SequenceGap where one does not follow the one before it."""
    groups: dict[str, list[Effect]] = {}
    for effect in effects:
        group = groups.get(effect.destination)
        if group is None:
            groups[effect.destination] = [effect]
            continue
        if effect.sequence != group[-1].sequence + 1:
            raise gap(effect.destination, group[-1].sequence, effect.sequence)
        group.append(effect)
    return groups


def gap(destination: str, last: int, got: int) -> SequenceGap:
    """The error for an effect that does not follow the last one."""
    return SequenceGap(
        f"outbox of {destination}: number {got} came where {last + 1} should; nothing was written. "
        f"Drop the cache and run again from the committed state; if it stays, the core numbers wrongly"
    )
