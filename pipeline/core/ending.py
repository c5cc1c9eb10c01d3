"""Ending questions: an event answers them, time runs out, or they end unlearned; each end is told to learn."""

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
from msgspec.structs import replace

from forestall.pipeline.core.alerting import end_alerts
from forestall.pipeline.core.customer import Customer, Question, Residual
from forestall.pipeline.core.models.arithmetic import sigmoid
from forestall.pipeline.core.models.residual import update
from forestall.pipeline.core.partition import Model, Partition, Prediction
from forestall.pipeline.core.program import Compiled
from forestall.pipeline.core.rows import row_of, unpacked
from forestall.schemas.answer import Stage
from forestall.schemas.event import Event, encode


def answer_waiting(
    partition: Partition, key: str, customer: Customer, answering: Sequence[Compiled], event: Event, ms: int
) -> None:
    """The event answers the waiting questions that it can answer.

    What `happens` must come later than the question was asked, at its horizon at the latest; what ends an open
    question need only come after it in the log.
    """
    for compiled in answering:
        waiting = customer.waiting.get(compiled.problem.name)
        if not waiting:
            continue
        happens, answered = compiled.problem.happens, compiled.problem.answered
        if happens is not None:
            if happens.where is None or happens.where.test(event):
                same_subject = happens.same == "subject"
                found = [
                    q
                    for q in waiting.values()
                    if q.asked < ms <= q.closes and (not same_subject or q.subject == event.subject)
                ]
                for question in found:
                    customer.answer(question, not happens.negated, ms)
                _clear_alerts(partition, key, customer, compiled, found, ms)
        elif answered is not None:
            same_subject = answered.same == "subject"
            found = [q for q in waiting.values() if not same_subject or q.subject == event.subject]
            _resolve(partition, key, customer, compiled, found, y=answered.yes.test(event), ms=ms)


def end_question(partition: Partition, key: str, customer: Customer, question: Question) -> None:
    """The question's time is over: it is answered by what did not come, or ends unlearned; or an answer is late."""
    compiled = partition.problem(question.problem)
    happens = compiled.problem.happens
    if happens is None:
        if question.due < question.closes:
            _tell_open(partition, key, customer, question, compiled)
        else:
            _end_unlearned(partition, key, customer, question)
        return
    if question.y is None:
        customer.answer(question, happens.negated, question.closes)
    _learn(partition, key, customer, question, compiled, weight=1.0)


def supersede(partition: Partition, key: str, customer: Customer, question: Question) -> None:
    """A later question of the same day takes the place of this one, and takes its alert over (see deciding)."""
    _end_unlearned(partition, key, customer, question)


def drop_all(partition: Partition, key: str, customer: Customer, ms: int, occasion: str) -> None:
    """Ends every question unlearned and withdraws every alert: the customer does not want to be foreseen."""
    end_alerts(partition, key, customer, list(customer.questions), ms, "withdrawn", occasion)
    for question in list(customer.questions.values()):
        _end_unlearned(partition, key, customer, question)
    customer.silences.clear()


def drop_outdated(partition: Partition, key: str, customer: Customer, ms: int) -> None:
    """Ends the questions of problems that have another revision since the customer was last seen, or are gone; and
    drops what the customer's answers to them have taught, and the silences awaited."""
    problems, since = partition.program.problems, partition.head.since
    for question in list(customer.questions.values()):
        compiled = problems.get(question.problem)
        if compiled is None or compiled.revision != question.revision:
            end_alerts(partition, key, customer, [question.number], ms, "withdrawn", "catalogue changed")
            _end_unlearned(partition, key, customer, question)
    kept: tuple[dict[str, Any], ...] = (customer.residuals, customer.tallies, customer.silences)
    for by_problem in kept:
        for name in [n for n in by_problem if n not in since or since[n][1] > customer.version]:
            del by_problem[name]


def _clear_alerts(
    partition: Partition,
    key: str,
    customer: Customer,
    compiled: Compiled,
    questions: list[Question],
    ms: int,
) -> None:
    happens = compiled.problem.happens
    cleared = happens is not None and happens.negated
    occasion = "cleared" if cleared else "occurred"
    end_alerts(partition, key, customer, [q.number for q in questions if q.raised], ms, "withdrawn", occasion)


def _resolve(
    partition: Partition,
    key: str,
    customer: Customer,
    compiled: Compiled,
    questions: list[Question],
    *,
    y: bool,
    ms: int,
) -> None:
    """An open end has come. One outcome asked n times weighs 1/sqrt(n) each."""
    for question in questions:
        customer.answer(question, y, ms)
    occasion = "occurred" if y else "cleared"
    end_alerts(partition, key, customer, [q.number for q in questions if q.raised], ms, "withdrawn", occasion)
    for question in questions:
        _learn(partition, key, customer, question, compiled, weight=1.0 / sqrt(len(questions)))


def _learn(
    partition: Partition,
    key: str,
    customer: Customer,
    question: Question,
    compiled: Compiled,
    *,
    weight: float,
) -> None:
    """Sends the answer to learn, with the residual as it was, and lets the residual learn."""
    assert question.y is not None
    name = question.problem
    residual = customer.residuals.get(name) or Residual()
    model = partition.models.get(name)
    stage = _stage(question, compiled)
    logit = _send(partition, key, customer, question, compiled, residual, model, weight, stage)
    if model is not None:
        p = sigmoid(logit + residual.mean)
        residual.mean, residual.variance = update(
            residual.mean, residual.variance, p, float(question.y), weight
        )
        customer.residuals[name] = residual
    answers, yes = customer.tallies.get(name, (0, 0))
    customer.tallies[name] = (answers + 1, yes + question.y)
    partition.counts["questions_answered", name, "yes" if question.y else "no"] += 1
    _tell(partition, key, customer, question)


def _tell_open(
    partition: Partition, key: str, customer: Customer, question: Question, compiled: Compiled
) -> None:
    """From now on an answer is late: learn hears of it, and the question waits on. Those of one subject weigh less, as
    if they were answered now."""
    waiting = customer.waiting[question.problem].values()
    alike = sum(q.subject == question.subject for q in waiting) if question.subject is not None else 1
    residual = customer.residuals.get(question.problem) or Residual()
    _send(partition, key, customer, question, compiled, residual, None, 1.0 / sqrt(alike), "open")
    customer.keep_open(question)


def _stage(question: Question, compiled: Compiled) -> Stage:
    """Whether the answer is late."""
    answered = compiled.problem.answered
    told_open = answered is not None and answered.late_after is not None and question.due == question.closes
    return "late" if told_open else "answered"


def _send(
    partition: Partition,
    key: str,
    customer: Customer,
    question: Question,
    compiled: Compiled,
    residual: Residual,
    model: Model | None,
    weight: float,
    stage: Stage,
) -> float:
    """Sends to learn what it is to know of the question, with the residual as it is; returns what the model gives it
    now (see row_of)."""
    name = question.problem
    moment = customer.moments[question.moment]
    columns = np.frombuffer(moment.columns, np.float32)
    learned = model.weights if model is not None else None
    row, categories, logit = row_of(compiled, columns, unpacked(moment.categories), question.own, learned)
    destination = partition.answers_of[name]
    sequence = partition.head.next_sequence(destination)
    answer = replace(
        partition.blank_answers[name],
        sequence=sequence,
        question=partition.question_id(key, question.number),
        asked=question.asked,
        known=question.due if question.y is None else question.known,
        y=bool(question.y),
        p=question.p,
        offset=residual.mean,
        variance=residual.variance,
        weight=weight,
        treatment=question.treatment,
        raised=question.raised,
        features=row.tobytes(),
        categories=categories,
        stage=stage,
    )
    partition.emit(destination, sequence, name, encode(answer))
    return logit


def _end_unlearned(partition: Partition, key: str, customer: Customer, question: Question) -> None:
    partition.counts["questions_answered", question.problem, "unlearned"] += 1
    question.y = None
    _tell(partition, key, customer, question)


def _tell(partition: Partition, key: str, customer: Customer, question: Question) -> None:
    """Closes the question, and lists it where somebody listens."""
    customer.close(question)
    if partition.predicted is not None:
        partition.predicted(prediction_of(partition, key, question))


def prediction_of(partition: Partition, key: str, question: Question) -> Prediction:
    """The question as `--predictions` lists it."""
    return Prediction(
        problem=question.problem,
        question=partition.question_id(key, question.number),
        customer=key[2:],
        subject=question.subject,
        asked=question.asked,
        known=question.known if question.y is not None else None,
        p=question.p,
        y=question.y,
        treatment=question.treatment,
        decision=question.decision,
    )
