"""What commands say about customers, alerts and scores."""

import msgspec
import numpy as np
import pytest
from rich.console import Console

from forestall.agents.cli.alerts import lines_of
from forestall.agents.cli.customer_words import Known, explained, exported
from forestall.agents.cli.demo_score import ProblemResult, Result, score_lines
from forestall.agents.cli.demo_show import outcome
from forestall.agents.cli.output import printable
from forestall.pipeline.core.catalogue.declaration import Ask, Catalogue, Happens, Problem
from forestall.pipeline.core.customer import Customer, Moment, OpenAlert, Question, Residual
from forestall.pipeline.core.layout import compile_layout
from forestall.pipeline.core.scores import scores
from forestall.schemas.alert import Reason
from tests.alerts import alert

DAY = 86_400_000
RETURN = Problem(
    name="return",
    title="Will send it back",
    ask=Ask(on=("order.placed",)),
    happens=Happens(on=("order.returned",), within=30 * DAY),
)
LAPSE = Problem(
    name="lapse",
    title="Will not buy again",
    ask=Ask(on=("order.placed",)),
    happens=Happens(on=("order.placed",), within=90 * DAY, negated=True),
)


def known() -> Known:
    """A customer with three orders, an open question and an answered one, an alert, and choices."""
    layout = compile_layout(Catalogue(problems=(RETURN,)))
    customer = Customer(layout, version=0)
    customer.moments[1] = Moment(b"", b"", 2)
    for number, asked in ((1, DAY), (2, 20 * DAY)):
        customer.add(
            Question(
                number=number,
                problem="return",
                revision="r",
                subject=f"o-{number}",
                asked=asked,
                closes=asked + 30 * DAY,
                due=asked + 31 * DAY,
                p=0.25 * number,
                moment=1,
                own=(0.0, 0.5),
            )
        )
    customer.answer(customer.questions[1], True, 5 * DAY)
    customer.set_alert(
        OpenAlert(
            id="a1", problem="return", subject="o-2", question=2, p=0.5, raised=20 * DAY, expires=50 * DAY
        )
    )
    customer.tallies["return"] = (4, 1)
    customer.residuals["return"] = Residual(0.5, 0.1)
    customer.consents["contact"] = (10 * DAY, False)
    customer.pauses["return"] = 40 * DAY
    slots = dict(zip(layout.slots, customer.numbers.tolist(), strict=True))
    slots |= {"order.placed/total": 3.0, "order.placed/last": 20 * 86_400.0, "order.returned/total": 0.0}
    return Known("c-42", 3, customer, slots, 21 * DAY, {"return": RETURN.title})


def test_a_customer_is_explained_in_words() -> None:
    """What happened, what is foreseen and how likely, what was raised, what they chose: each once."""
    lines = explained(known())
    assert lines[0] == "c-42, by events up to 1970-01-22T00:00:00Z (journal partition 3)"
    assert "  3 × order.placed, the last at 1970-01-21T00:00:00Z" in lines
    assert '  "Will send it back": 1 of 4 times so far' in lines
    assert "foreseen: 1 open question" in lines
    assert any(line.startswith("  50%  Will send it back (o-2); asked 1970-01-21") for line in lines)
    assert "  and 1 question already answered, to be learned when their time is over" in lines
    assert any(line.startswith("  a1  50%  Will send it back; expires 1970-02-20") for line in lines)
    assert "  contact: refused since 1970-01-11T00:00:00Z" in lines
    assert "  no alerts about return until 1970-02-10T00:00:00Z" in lines
    assert not any("order.returned" in line for line in lines)


def test_an_export_leaves_out_nothing_that_is_stored() -> None:
    """Every part of the stored customer is in the document, and all of it is JSON."""
    document = msgspec.json.decode(msgspec.json.encode(exported(known())))
    assert document["counted"] == {"order.placed/total": 3.0, "order.placed/last": 1_728_000.0}
    assert [question["answer"] for question in document["questions"]] == [True, None]
    assert document["alerts"][0]["alert"] == "a1"
    assert document["answers"] == {"return": {"answers": 4, "yes": 1}}
    assert document["own_terms"] == {"return": {"mean": 0.5, "variance": 0.1}}
    assert document["consents"] == {"contact": {"granted": False, "since": "1970-01-11T00:00:00Z"}}
    assert document["silences"] == {"return": "1970-02-10T00:00:00Z"}


def test_an_erased_customer_is_said_to_be() -> None:
    """Nothing is left but that erasure was asked for."""
    layout = compile_layout(Catalogue(problems=(RETURN,)))
    customer = Customer(layout, version=0)
    customer.erased = 5 * DAY
    lines = explained(Known("c-1", 0, customer, {}, 6 * DAY, {}))
    assert lines[-1] == "  erasure at 1970-01-06T00:00:00Z: nothing is kept until they consent anew"


def test_an_alert_is_told_with_its_reasons() -> None:
    """One line for what and how likely, one for each reason; foreign text cannot move the cursor."""
    told = msgspec.structs.replace(
        alert(1, "a1"), customer="c\x1b[2J", reasons=[Reason(feature="f", text="three returns", weight=1.0)]
    )
    first, *reasons = lines_of(told)
    assert "p = " in first
    assert "\x1b" not in first
    assert [reason.strip() for reason in reasons] == ["because three returns"]


def test_what_cannot_be_printed_is_replaced() -> None:
    """Line ends and control characters of foreign data do not reach the terminal."""
    assert printable("a\nb\x1bc\u202e") == "a\ufffdb\ufffdc\ufffd"


@pytest.mark.parametrize(
    ("problem", "state", "occasion", "came"),
    [
        (RETURN, "raised", None, None),
        (RETURN, "withdrawn", "occurred", True),
        (RETURN, "withdrawn", "risk fell", None),
        (RETURN, "expired", "horizon", False),
        (LAPSE, "expired", "horizon", True),
        (LAPSE, "withdrawn", "cleared", False),
    ],
)
def test_an_alert_came_true_if_its_problem_came(
    problem: Problem, state: str, occasion: str | None, came: bool | None
) -> None:
    """By the event that was foreseen, or, where its absence was, by the horizon; else it is not known."""
    changed = msgspec.structs.replace(alert(1, "a1"), state=state, occasion=occasion)
    assert outcome(changed, problem) is came


def test_the_score_is_held_against_the_base_rate() -> None:
    """Each measure stands beside that of knowing the base rate alone, and the counts are told."""
    p, y = np.array([0.9, 0.8, 0.3, 0.1]), np.array([1.0, 0.0, 1.0, 0.0])
    measured = scores(p, y, np.ones(4), 0.5)
    one = ProblemResult(
        problem="return",
        title="Will send it back",
        threshold=0.5,
        every=measured,
        last=measured,
        alerts=120,
        ended=100,
        came_true=60,
        lead_days=7.25,
    )
    result = Result(
        sample="retail", events=1_000, seconds=12.3, problems=[one], on_topic=120, in_queue=119, ready=19
    )
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    for line in score_lines(result):
        console.print(line)
    text = console.export_text()
    rows = {line.strip()[:18].strip(): line.split()[-3:] for line in text.splitlines()}
    assert rows["AUROC"] == ["0.750", "0.750", "0.500"]
    assert rows["log loss"][-1] == "0.693"
    assert rows["precision above 0."] == ["0.500", "0.500", "0.500"]
    assert "120 alerts, 60% of the 100 whose end is known came true, 7.2 days ahead (median)" in text
    assert (
        "120 alerts on the topic, 119 actions in the queue, 19 of them ready to be worked; 12 s in all"
        in text
    )
