"""Reads what learn keeps of its problems, out of Redis or out of a snapshot's files."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from forestall.agents.live_state import live_reading
from forestall.agents.redis_calls import ask_redis
from forestall.agents.settings import Settings
from forestall.pipeline.core.customer_document import decode_customer
from forestall.pipeline.core.head import (
    CONFIGURATION,
    HEAD,
    Written,
    decode_configuration,
    decode_head,
    written_by,
)
from forestall.pipeline.core.learn import PROBLEM
from forestall.pipeline.core.learning import ProblemState
from forestall.pipeline.core.models.fingerprint import fingerprint
from forestall.pipeline.core.problem_document import decode_problem
from forestall.pipeline.core.program import Program, compile_configuration
from forestall.pipeline.core.working import CUSTOMER
from forestall.pipeline.store.partition import PartitionStore
from forestall.pipeline.store.values import StoredState
from forestall.pipeline.verification.state_file import read_states


class StoredModel(NamedTuple):
    """One problem's state, in its answers partition, with the core that wrote it and its size in bytes."""

    problem: str
    partition: int
    state: ProblemState
    written: Written
    size: int


class StoredModels(NamedTuple):
    """Every problem that has had an answer; the program in force (None before the first configuration); and how many
    questions are open by problem, where they were counted."""

    models: list[StoredModel]
    program: Program | None
    open_questions: Counter[str] | None


def live_models(settings: Settings, count_open: bool) -> StoredModels:
    """As Redis has them now. `count_open` reads every customer.

    Raises Unreachable, or StateError where a newer release wrote them.
    """
    learned = ((k, live_reading(settings, "learn", k).state) for k in range(settings.answers_partitions))

    async def configuration(redis: Any) -> bytes | None:
        store = PartitionStore(redis, "foresee", 0, settings.store_prefix)
        return (await store.load([CONFIGURATION]))[CONFIGURATION]

    foreseen = range(settings.partitions) if count_open else ()
    waiting = [_open(live_reading(settings, "foresee", k).state) for k in foreseen]
    return StoredModels(
        [model for partition, state in learned for model in _models(partition, state)],
        _program(ask_redis(settings, configuration)),
        sum(waiting, Counter()) if count_open else None,
    )


def kept_models(folder: Path) -> StoredModels:
    """As they were in a snapshot (`forestall state snapshot`)."""
    models, program, waiting = list[StoredModel](), None, Counter[str]()
    for stand, state in read_states(folder):
        if stand.processor == "learn":
            models += _models(stand.partition, state)
        else:
            program = program or _program(state.documents.get(CONFIGURATION))
            waiting += _open(state)
    return StoredModels(models, program, waiting)


def _models(partition: int, state: StoredState) -> Iterator[StoredModel]:
    head = state.documents.get(HEAD)
    if head is None:
        return
    decode_head(head, fingerprint())
    for key, document in state.documents.items():
        if key.startswith(PROBLEM):
            problem = key[len(PROBLEM) :]
            yield StoredModel(problem, partition, decode_problem(document), written_by(head), len(document))


def _program(document: bytes | None) -> Program | None:
    configuration = decode_configuration(document)
    return None if configuration is None else compile_configuration(configuration)


def _open(state: StoredState) -> Counter[str]:
    waiting: Counter[str] = Counter()
    for key, document in state.documents.items():
        if key.startswith(CUSTOMER):
            waiting.update(decode_customer(document).open)
    return waiting
