"""How well it foresaw, by the answers, alerts and decisions that were recorded: the backtest's scores, live."""

from collections.abc import Iterator

import msgspec

from forestall.pipeline.backtest.result import ProblemResult
from forestall.pipeline.backtest.scoring import scored
from forestall.pipeline.backtest.tally import Tally
from forestall.pipeline.core.catalogue.declaration import Problem
from forestall.pipeline.core.catalogue.parse import parse
from forestall.pipeline.sources.recording import Recording
from forestall.pipeline.verification.emitted import sent
from forestall.schemas.alert import decode_alert
from forestall.schemas.answer import Answer, decode_answers_record
from forestall.schemas.catalogue import Configuration
from forestall.schemas.decision import decode_decision

_decode_configuration = msgspec.json.Decoder(Configuration).decode


def recorded_scores(recording: Recording) -> list[ProblemResult]:
    """Scores of each problem of the latest configuration; what was sent twice counts once."""
    tallies = {problem: Tally(declared) for problem, declared in _problems(recording)}
    for value in _once(recording, "answers"):
        answer = decode_answers_record(value)
        if isinstance(answer, Answer) and answer.stage != "open" and answer.problem in tallies:
            tallies[answer.problem].answered(answer.asked, answer.p, answer.y)
    for value in _once(recording, "alerts"):
        alert = decode_alert(value)
        if alert.problem in tallies:
            tallies[alert.problem].alert(alert)
    for value in _once(recording, "decisions"):
        decision = decode_decision(value)
        if decision.problem in tallies and decision.gate is not None:
            tallies[decision.problem].held_back[decision.gate] += 1
    return [scored(tally) for tally in tallies.values()]


def _problems(recording: Recording) -> Iterator[tuple[str, Problem]]:
    [recorded] = recording.partitions("catalogue")
    latest = None
    for record in recording.records(recorded):
        latest = record.value
    if latest is not None:
        for problem in parse(_decode_configuration(latest).files).problems:
            yield problem.name, problem


def _once(recording: Recording, role: str) -> Iterator[bytes]:
    """The values of a topic; of repeats the first."""
    marks: dict[object, int] = {}
    for recorded in recording.partitions(role):
        for lane, sequence, record in sent(recording, recorded):
            if sequence > marks.get(lane, 0):
                marks[lane] = sequence
                yield record.value or b""
