"""The life of an alert: raised above the threshold, updated, and ended by what comes or does not come."""

import pytest

from forestall.schemas.event import ACTION_DONE
from tests.builders.scene import START, Scene

RETURN = """
[problem.return]
title = "Will be sent back"
ask = { on = "order.placed" }
happens = { on = "order.returned", within = "30d", same = "customer" }
grace = "1d"
"""
LAPSE = """
[problem.lapse]
title = "Will not come back"
ask = { on = "order.placed" }
happens = { not = true, on = "order.placed", within = "30d", same = "customer" }
grace = "0d"
"""
LATE = """
[problem.late]
title = "Will be late"
ask = { on = "ticket.changed" }
answered = { on = "ticket.closed", same = "subject", yes = "data.late == true" }
"""
DAY = 86_400_000
HOUR = 3_600_000


@pytest.mark.parametrize(
    ("costs", "threshold"),
    [
        ("", 3 / 7),
        ("costs = { miss = 10, contact = 1, compensation = 0 }", 1 / 5),
        ("effectiveness = 1.0", 3 / 12),
        ("costs = { miss = 100, contact = 4, compensation = 0 }\neffectiveness = 0.8", 4 / 80),
    ],
)
def test_the_threshold_follows_from_the_costs(costs: str, threshold: float) -> None:
    """An alert is raised exactly where the expected saving is above nothing."""
    below, above = Scene(RETURN + costs), Scene(RETURN + costs)
    below.foresees("return", threshold - 0.001).event("order.placed")
    above.foresees("return", threshold + 0.001).event("order.placed")
    assert below.states() == below.decisions == []
    assert above.states() == ["raised"]
    [alert] = above.alerts
    assert alert.threshold == pytest.approx(threshold)
    assert 0 < alert.saving < 0.2
    assert alert.expires == START + 30 * DAY
    assert alert.reasons


def test_an_alert_goes_to_the_topic_and_to_the_queue_and_the_ledger_tells_why() -> None:
    """One decision for each prediction above the threshold."""
    scene = Scene(RETURN).foresees("return", 0.9).event("order.placed", subject="o1")
    [decision], [alert] = scene.decisions, scene.alerts
    assert (decision.verdict, decision.gate, decision.alert) == ("raised", None, alert.id)
    assert (decision.question, decision.subject) == (alert.question, "o1")
    assert [p.decision for p in scene.open()] == ["raised"]


def test_the_same_risk_again_updates_the_alert_and_another_subject_has_its_own() -> None:
    """One alert for a customer, problem and subject; its id stays, its first time too."""
    scene = Scene(RETURN).foresees("return", 0.9).event("order.placed", subject="o1")
    scene.after("1h").foresees("return", 0.8).event("order.placed", subject="o1")
    scene.event("order.placed", subject="o2")
    assert scene.states() == ["raised", "updated", "raised"]
    first, again, other = scene.alerts
    assert first.id == again.id != other.id
    assert (again.raised, again.p) == (START, pytest.approx(0.8, abs=1e-6))
    assert [decision.verdict for decision in scene.decisions] == ["raised", "updated", "raised"]


def test_an_alert_is_withdrawn_when_the_risk_falls() -> None:
    """A later prediction of the same subject at or below the threshold takes it back."""
    scene = Scene(RETURN).foresees("return", 0.9).event("order.placed", subject="o1")
    scene.foresees("return", 0.1).event("order.placed", subject="o1")
    assert scene.states() == ["raised", "withdrawn: risk fell"]


def test_an_early_yes_withdraws_the_alert_at_once() -> None:
    """There is nothing to prevent any more; the label waits for the horizon all the same."""
    scene = Scene(RETURN).foresees("return", 0.9).event("order.placed")
    scene.after("2d").event("order.returned").at("40d").tick()
    assert scene.states() == ["raised", "withdrawn: occurred"]
    assert scene.alerts[1].changed == START + 2 * DAY
    assert [answer.y for answer in scene.answers] == [True]
    assert [answer.raised for answer in scene.answers] == [True]


def test_nothing_changes_before_it_was_raised() -> None:
    """A late event may be dated before the one that raised the alert; what it changes has changed by then at least."""
    scene = Scene(RETURN).foresees("return", 0.9).at("2h").event("order.placed")
    scene.at("1h").event("order.placed", broker="3h").foresees("return", 0.1).event(
        "order.placed", broker="3h"
    )
    assert scene.states() == ["raised", "updated", "withdrawn: risk fell"]
    assert [alert.changed for alert in scene.alerts] == [START + 2 * HOUR] * 3


def test_what_was_feared_to_fail_clears_the_alert_by_happening() -> None:
    """The customer came back."""
    scene = Scene(LAPSE).foresees("lapse", 0.9).event("order.placed", subject="a")
    scene.foresees("lapse", 0.1).after("2d").event("order.placed", subject="b")
    assert scene.states() == ["raised", "withdrawn: cleared"]


def test_an_alert_expires_at_the_horizon_before_the_grace_is_over() -> None:
    """At the horizon exactly, whether or not anybody still waits for late events."""
    scene = Scene(RETURN).foresees("return", 0.9).event("order.placed").at("30d").tick()
    assert scene.states() == ["raised"]
    scene.after("1s").tick()
    assert scene.states() == ["raised", "expired: horizon"]
    assert scene.alerts[1].changed == START + 30 * DAY
    assert scene.answers == []


@pytest.mark.parametrize(("late", "state"), [(True, "occurred"), (False, "cleared")])
def test_an_open_end_withdraws_the_alert_either_way(late: bool, state: str) -> None:
    """With the reason that it was."""
    scene = Scene(LATE).foresees("late", 0.9).event("ticket.changed", subject="t")
    scene.after("1h").event("ticket.closed", subject="t", data={"late": late})
    assert scene.states() == ["raised", f"withdrawn: {state}"]


def test_a_contact_resolves_the_alert_and_marks_the_questions() -> None:
    """What came of it is no clean example of what would have come."""
    scene = Scene(RETURN).foresees("return", 0.9).event("order.placed").after("1h")
    done = {"alert": scene.alerts[0].id, "problem": "return", "worker": "w", "result": "called"}
    scene.event(ACTION_DONE, data=done).after("1h").foresees("return", 0.1).event("order.placed")
    scene.at("40d").tick()
    assert scene.states() == ["raised", "resolved: called"]
    assert [answer.treatment for answer in scene.answers] == ["contacted", "untouched"]


@pytest.mark.parametrize(
    ("catalogue", "gate_open", "gate"),
    [(RETURN, False, "skill"), (RETURN + 'mode = "shadow"\n', True, "shadow")],
)
def test_what_a_gate_holds_back_is_a_decision_without_an_alert(
    catalogue: str, gate_open: bool, gate: str
) -> None:
    """The first gate that refuses is named."""
    scene = Scene(catalogue).foresees("return", 0.9, gate_open=gate_open).event("order.placed")
    assert scene.alerts == []
    assert [(d.verdict, d.gate, d.alert) for d in scene.decisions] == [("held_back", gate, None)]
    assert [p.decision for p in scene.open()] == [f"held_back:{gate}"]


def test_nothing_is_raised_before_anything_is_learned() -> None:
    """Without a model p is .5, above the threshold, and the skill gate holds it back."""
    scene = Scene(RETURN).event("order.placed")
    assert [(p.p, p.decision) for p in scene.open()] == [(0.5, "held_back:skill")]


def test_a_refusal_to_be_contacted_takes_alerts_back_and_asks_on() -> None:
    """It is learned from, and held back with its reason."""
    scene = Scene(RETURN).foresees("return", 0.9).event("order.placed").after("1h")
    scene.event("forestall.consent", data={"purpose": "contact", "granted": False}).after("1h")
    scene.event("order.placed")
    assert scene.states() == ["raised", "withdrawn: consent"]
    assert scene.decisions[1].gate == "consent"


def test_without_consent_to_predict_nothing_is_asked() -> None:
    """And what was asked ends unlearned."""
    scene = Scene(RETURN).foresees("return", 0.9).event("order.placed").after("1h")
    scene.event("forestall.consent", data={"purpose": "predict", "granted": False}).after("1h")
    scene.event("order.placed").at("40d").tick()
    assert scene.states() == ["raised", "withdrawn: consent"]
    assert [p.y for p in scene.ended] == [None]
    assert scene.answers == []


DAILY = """
[problem.again]
title = "Will have another incident"
ask = { on = "incident.changed", keep = "last per day" }
happens = { on = "incident.opened", within = "7d", same = "customer" }
"""


def test_a_later_question_of_the_day_takes_the_alert_over() -> None:
    """One alert a day that moves on with the question, not one withdrawn and one raised at every event."""
    scene = Scene(DAILY).foresees("again", 0.9).event("incident.changed", subject="i1")
    scene.after("1h").event("incident.changed", subject="i2")
    assert scene.states() == ["raised", "updated"]
    first, second = scene.alerts
    assert (first.id, first.subject, second.subject) == (second.id, "i1", "i2")
    scene.foresees("again", 0.1).after("1h").event("incident.changed", subject="i3")
    assert scene.states() == ["raised", "updated", "withdrawn: risk fell"]
