"""Applying: one entry of the journal, or what is due, changes a partition. Every kind of entry stands here."""

from typing import assert_never

from forestall.pipeline.core.alerting import end_alert
from forestall.pipeline.core.asking import SILENCE, Occasion, ask_all
from forestall.pipeline.core.customer import Customer, Timer
from forestall.pipeline.core.effects import Record
from forestall.pipeline.core.ending import answer_waiting, drop_outdated, end_question
from forestall.pipeline.core.features import numeric_values
from forestall.pipeline.core.journal import (
    ActionEvent,
    CustomerEvent,
    JournalEntry,
    Preference,
    Rejected,
    Tick,
)
from forestall.pipeline.core.migrating import migrate
from forestall.pipeline.core.observing import is_repeated, observe
from forestall.pipeline.core.partition import Partition
from forestall.pipeline.core.preferring import apply_preference
from forestall.pipeline.core.taking_in import came_before
from forestall.pipeline.errors import ConfigurationError
from forestall.schemas.catalogue import Configuration
from forestall.schemas.event import ACTION_DONE
from forestall.schemas.notice import ModelNotice


def apply_entry(partition: Partition, record: Record, entry: JournalEntry) -> None:
    """Applies one entry, whose `record` it was. What was due before it has been fired."""
    match entry:
        case CustomerEvent():
            _apply_event(partition, entry)
        case ActionEvent():
            _apply_action(partition, entry)
        case Preference():
            _apply_preference(partition, entry)
        case ModelNotice():
            _apply_notice(partition, entry)
        case Configuration():
            _apply_configuration(partition, record, entry)
        case Rejected():
            partition.dead_letter(record, entry.cause, entry.detail)
        case Tick():
            pass  # it moved the watermark, which is all that it is for
        case _:
            assert_never(entry)


def fire(partition: Partition, key: str, at: int) -> None:
    """Everything of this customer that is due at `at` or before, in order."""
    customer = partition.working.customers[key]
    assert customer is not None
    _settle(partition, key, customer, at)
    partition.head.watermark = max(partition.head.watermark, at)
    while (timer := customer.pop_due(at)) is not None:
        _fire_timer(partition, key, customer, timer)
    partition.working.touch(key, customer)


def _fire_timer(partition: Partition, key: str, customer: Customer, timer: Timer) -> None:
    due, kind, name = timer
    match kind:
        case "question":
            assert isinstance(name, int)
            end_question(partition, key, customer, customer.questions[name])
        case "alert":
            assert isinstance(name, str)
            end_alert(partition, key, customer, customer.alerts[name], due, "expired", "horizon")
        case "silence":
            assert isinstance(name, str)
            del customer.silences[name]
            program = partition.program
            occasion = Occasion(None, due, SILENCE, numeric_values(program.layout, None))
            ask_all(partition, key, customer, [program.problems[name]], occasion)
        case _:
            assert_never(kind)


def _apply_event(partition: Partition, entry: CustomerEvent) -> None:
    event, ms, key = entry.event, entry.ms, entry.key
    if event.forestalltaken is not None and came_before(
        partition.head, partition.place, event.forestalltaken
    ):
        partition.counts["duplicate_events",] += 1
        return
    program = partition.program
    customer = _known(partition, key)
    if is_repeated(customer, event.source, event.id):
        partition.counts["duplicate_events",] += 1
        return
    partition.counts["events", event.type] += 1
    settled = _settle(partition, key, customer, ms)
    if customer.erased is not None or not customer.allows("predict"):
        partition.counts["ignored_events", "no_consent"] += 1
        partition.working.touch(key, customer)
        return
    if ms < partition.head.watermark:
        partition.counts["late_events",] += 1
    if answering := program.answering.get(event.type):
        answer_waiting(partition, key, customer, answering, event, ms)
    values = numeric_values(program.layout, event.data)
    if asking := program.asking.get(event.type):
        ask_all(partition, key, customer, asking, Occasion(event, ms, event.type, values))
    observe(customer, program.layout, event, ms, values)
    for compiled in program.silences.get(event.type, ()):
        ask = compiled.problem.ask
        assert ask.silence is not None
        if ask.where is None or ask.where.test(event):
            name = compiled.problem.name
            customer.await_silence(name, max(customer.silences.get(name, 0), ms + ask.silence))
    if settled or event.type in program.telling:
        partition.working.touch(key, customer)
    else:
        partition.working.counted(key, customer)


def _apply_action(partition: Partition, entry: ActionEvent) -> None:
    """A contact was made: its alert is resolved, and the open questions it may have changed are marked."""
    key = entry.key
    customer = partition.working.customers.get(key)
    if customer is None:
        partition.counts["ignored_events", "action_of_unknown_customer"] += 1
        return
    if is_repeated(customer, entry.event.source, entry.event.id):
        partition.counts["duplicate_events",] += 1
        return
    _settle(partition, key, customer, entry.ms)
    if entry.event.type == ACTION_DONE:
        for question in customer.questions.values():
            if question.problem == entry.change.problem:
                question.treatment = "contacted"
        alert = customer.alerts.get(entry.change.alert)
        if alert is not None:
            ms = max(partition.head.watermark, alert.raised)
            end_alert(partition, key, customer, alert, ms, "resolved", entry.change.result or "done")
    partition.working.touch(key, customer)


def _apply_preference(partition: Partition, entry: Preference) -> None:
    key = entry.key
    customer = _known(partition, key)
    if is_repeated(customer, entry.event.source, entry.event.id):
        partition.counts["duplicate_events",] += 1
        return
    _settle(partition, key, customer, entry.ms)
    customer = apply_preference(partition, key, customer, entry.event, entry.ms)
    partition.working.touch(key, customer)


def _apply_notice(partition: Partition, notice: ModelNotice) -> None:
    topic, number = partition.place
    if partition.head.takes(notice.sender, notice.sequence, f"{topic}/{number}"):
        partition.take_notice(notice)
    else:
        partition.counts["ignored_events", "repeated_notice"] += 1


def _apply_configuration(partition: Partition, record: Record, configuration: Configuration) -> None:
    """Puts a newer version in force. One that cannot be read (somebody went round `catalogue apply`) is a dead
    letter: the version in force stays."""
    current = partition.configuration
    if current is not None and configuration.version <= current.version:
        return
    try:
        partition.configure(configuration)
    except ConfigurationError as error:
        partition.dead_letter(record, "wrong_shape", str(error))
        return
    partition.configuration_changed = True


def _known(partition: Partition, key: str) -> Customer:
    """The customer, a new one if there is none yet."""
    customer = partition.working.customers.get(key)
    program = partition.program
    return customer if customer is not None else Customer(program.layout, program.version)


def _settle(partition: Partition, key: str, customer: Customer, ms: int) -> bool:
    """Brings a customer that was stored under an earlier configuration up to the one in force; whether it was.

    Only an entry of the customer's own does that. A customer that is but loaded stays as it is stored: when that
    happens depends on cache and chunks, and a configuration between may have no place for what the next one counts.
    """
    program = partition.program
    if customer.version == program.version:
        return False
    if customer.layout != program.layout.key:
        migrate(customer, partition.head.layouts[customer.layout], program.layout)
    drop_outdated(partition, key, customer, ms)
    customer.version = program.version
    return True
