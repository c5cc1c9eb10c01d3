"""What the journal may bring: repeats, late events, wrong clocks, notices, new configurations."""

import msgspec
import pytest

from forestall.pipeline.core.models.arithmetic import logit
from forestall.pipeline.core.models.weights import Weights
from forestall.pipeline.errors import SequenceGap
from forestall.schemas.notice import ModelNotice
from tests.builders.scene import START, Scene

RETURN = """
[problem.return]
title = "Will be sent back"
ask = { on = "order.placed" }
happens = { on = "order.returned", within = "30d", same = "customer" }
grace = "0d"
"""
OTHER = RETURN.replace("problem.return", "problem.other")
DAY = 86_400_000


def total(scene: Scene, customer: str = "c") -> float:
    """How many orders the customer's numbers have counted."""
    known = scene.core.state.working.customers[f"c/{customer}"]
    assert known is not None
    slots = scene.core.state.program.layout.slots
    return float(known.numbers[slots.index("order.placed/total")])


def test_a_repeated_event_counts_once() -> None:
    """By its source and id; the same id of another source is another event."""
    scene = Scene(RETURN).event("order.placed", id="e1").after("1h").event("order.placed", id="e1")
    assert (total(scene), len(scene.open()), scene.counts["duplicate_events",]) == (1, 1, 1)
    scene.event("order.placed", id="e1", source="elsewhere")
    assert (total(scene), len(scene.open())) == (2, 2)


def test_repeats_are_known_for_the_latest_64_events() -> None:
    """Memory of a customer is bounded; what is older counts again."""
    scene = Scene(RETURN).event("visit", id="first")
    for _ in range(63):
        scene.event("visit")
    scene.event("visit", id="first")
    assert scene.counts["duplicate_events",] == 1
    scene.event("visit").event("visit", id="first")
    assert scene.counts["duplicate_events",] == 1


def test_a_late_event_counts_in_the_order_of_arrival_and_moves_no_time() -> None:
    """Its gap is none rather than negative; its question is dated as the event is."""
    scene = Scene(RETURN).at("10d").event("order.placed").at("8d").event("order.placed", "c")
    assert scene.counts["late_events",] == 1
    assert scene.core.watermark() == START + 10 * DAY
    assert total(scene) == 2
    assert sorted(p.asked - START for p in scene.open()) == [8 * DAY, 10 * DAY]
    known = scene.core.state.working.customers["c/c"]
    assert known is not None
    slots = scene.core.state.program.layout.slots
    assert known.numbers[slots.index("order.placed/gap")] == 0
    assert known.numbers[slots.index("order.placed/last")] == (START + 10 * DAY) / 1000


def test_a_late_answer_counts_by_its_own_time() -> None:
    """It comes after the horizon's end in the log, but is dated before it: too late, the question is closed."""
    scene = (
        Scene(RETURN)
        .event("order.placed")
        .at("31d")
        .event("visit", "other")
        .at("20d")
        .event("order.returned")
    )
    assert [answer.y for answer in scene.answers] == [False]


def test_a_late_question_is_closed_by_what_is_known_already() -> None:
    """Its horizon lies behind the watermark: it is due with the next event that moves time."""
    scene = Scene(RETURN).at("60d").event("visit", "other").at("1d").event("order.placed")
    assert scene.answers == []
    scene.at("60d1s").event("visit", "other")
    assert [(answer.asked, answer.known) for answer in scene.answers] == [(START + DAY, START + 31 * DAY)]


@pytest.mark.parametrize(("ahead", "taken"), [("5m", True), ("5m1s", False)])
def test_an_event_from_the_future_is_a_dead_letter_and_closes_no_horizon(ahead: str, taken: bool) -> None:
    """More than five minutes after the broker's time: one wrong clock must not end everybody's questions."""
    scene = Scene(RETURN).at("1d").event("order.placed", "other").at("40d").after(ahead)
    scene.event("order.placed", broker="40d")
    assert [letter.cause for letter in scene.letters] == ([] if taken else ["from_the_future"])
    assert len(scene.answers) == taken


def test_a_refusal_from_the_future_counts_from_its_arrival() -> None:
    """A refusal is never lost for its date."""
    scene = Scene(RETURN).foresees("return", 0.9).at("1d").event("order.placed").at("90d")
    scene.event("forestall.consent", data={"purpose": "predict", "granted": False}, broker="2d")
    assert scene.letters == []
    assert scene.states() == ["raised", "withdrawn: consent"]
    assert scene.core.watermark() == START + DAY


def test_a_tick_from_the_future_is_cut_to_the_brokers_time() -> None:
    """Nobody's horizon closes for a wrong clock of our own either."""
    from forestall.agents.own_events import tick

    scene = Scene(RETURN).event("order.placed")
    scene.append(None, tick(START + 90 * DAY, 0, "test"), START + DAY)
    assert scene.answers == []
    assert scene.core.watermark() == START + DAY + 300_000


def test_a_notice_in_parts_is_in_force_with_its_last_part() -> None:
    """Until then the earlier model answers."""
    scene = Scene(RETURN).foresees("return", 0.2)
    earlier = scene.core.state.models["return"].weights
    assert isinstance(earlier, Weights)
    weights = Weights(logit(0.7), earlier.table, {}).to_bytes()
    parts = [weights[:50], weights[50:60], weights[60:]]
    for number, piece in enumerate(parts):
        scene.event("order.placed")
        scene.notice(notice(scene, sequence=2 + number, part=number, parts=3, weights=piece))
    scene.event("order.placed")
    assert [round(p.p, 5) for p in scene.open()] == [0.2, 0.2, 0.2, 0.7]


def notice(scene: Scene, **changes: object) -> ModelNotice:
    """A notice for the problem `return`."""
    given = {"sender": "learn/0", "problem": "return", "answers": 9, "base_rate": 0.5, "offset_counts": False,
             "gate_open": False, "revision": scene.core.state.program.problems["return"].revision}  # fmt: skip
    return msgspec.convert(given | changes, ModelNotice)


def test_a_repeated_notice_is_ignored_and_a_hole_stops_loudly() -> None:
    """A receiver takes mark + 1 of a sender and nothing else."""
    scene = Scene(RETURN).foresees("return", 0.2).foresees("return", 0.9, sequence=1).event("order.placed")
    assert [round(p.p, 5) for p in scene.open()] == [0.2]
    with pytest.raises(SequenceGap, match="learn/0 sent 4 after 1"):
        scene.foresees("return", 0.9, sequence=4)


def test_a_notice_of_another_revision_changes_nothing() -> None:
    """It was learned of another question, or of a problem that is gone."""
    scene = Scene(RETURN)
    scene.notice(notice(scene, sequence=1, part=0, parts=1, weights=b"", revision="0" * 8))
    scene.notice(notice(scene, sequence=2, part=0, parts=1, weights=b"", problem="none"))
    scene.event("order.placed")
    assert [p.p for p in scene.open()] == [0.5]
    assert scene.counts["ignored_events", "notice_of_other_revision"] == 2


def test_an_older_configuration_or_the_same_again_is_ignored() -> None:
    """Copies may come more than once, and from several hands."""
    scene = Scene(RETURN)
    scene.configure(RETURN + OTHER, version=5)
    scene.configure(RETURN, version=4)
    scene.configure(RETURN, version=5)
    assert set(scene.core.state.program.problems) == {"return", "other"}


def test_another_revision_ends_the_old_questions_unlearned_and_withdraws_their_alerts() -> None:
    """When the customer is next seen or due; other problems go on, and so do the counts."""
    scene = Scene(RETURN + OTHER).foresees("return", 0.9).event("order.placed").after("1h")
    scene.configure((RETURN + OTHER).replace('within = "30d"', 'within = "20d"', 1))
    scene.event("order.placed")
    assert [(p.problem, p.y) for p in scene.ended] == [("return", None)]
    assert scene.states() == ["raised", "withdrawn: catalogue changed"]
    assert sorted((p.problem, p.p) for p in scene.open()) == [("other", 0.5), ("other", 0.5), ("return", 0.5)]
    assert total(scene) == 2
    scene.at("40d").tick()
    assert sorted(a.problem for a in scene.answers) == ["other", "other", "return"]


def test_another_revision_forgets_what_was_learned_of_the_customer_too() -> None:
    """The residual is one to a model that is gone, and the past answers were to another question."""
    scene = Scene(RETURN + OTHER).foresees("return", 0.3).foresees("other", 0.3)
    scene.event("order.placed").at("31d").tick()
    customer = scene.core.state.working.customers["c/c"]
    assert customer is not None
    assert set(customer.residuals) == set(customer.tallies) == {"return", "other"}
    scene.configure((RETURN + OTHER).replace('within = "30d"', 'within = "20d"', 1))
    scene.event("visit")
    assert set(customer.residuals) == set(customer.tallies) == {"other"}


def test_costs_and_words_may_change_without_ending_anything() -> None:
    """They are no part of what a question means."""
    scene = Scene(RETURN).foresees("return", 0.3).event("order.placed")
    scene.configure(RETURN + "costs = { miss = 100 }\n")
    scene.after("1h").event("order.placed")
    assert scene.ended == []
    assert scene.states() == ["raised"]


def test_without_a_catalogue_events_are_counted_and_nothing_is_asked() -> None:
    """The first one will ask from then on."""
    scene = Scene("")
    scene.event("order.placed")
    scene.configure(RETURN)
    scene.after("1h").event("order.placed")
    assert len(scene.open()) == 1
