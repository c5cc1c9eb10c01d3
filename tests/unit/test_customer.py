"""A customer's indices stand for what is stored, and are bounded by it."""

from forestall.pipeline.core.catalogue.declaration import Catalogue
from forestall.pipeline.core.customer import STALE_LIMIT, Customer, Moment, Question
from forestall.pipeline.core.customer_document import decode_customer, encode_customer
from forestall.pipeline.core.layout import compile_layout

DAY = 86_400_000
LAYOUT = compile_layout(Catalogue(problems=()))


def _question(number: int, asked: int) -> Question:
    return Question(
        number=number,
        problem="late",
        revision="r",
        subject=None,
        asked=asked,
        closes=asked + 90 * DAY,
        due=asked + 90 * DAY,
        p=0.1,
        moment=number,
        own=(0.0, 0.0),
    )


def _ask(customer: Customer, number: int) -> Question:
    question = _question(number, asked=number)
    customer.moments[number] = Moment(b"", b"", 1)
    customer.add(question)
    return question


def test_timers_of_what_has_ended_do_not_pile_up() -> None:
    """A question that is answered in minutes would else leave its timer for the 90 days it might have waited."""
    customer = Customer(LAYOUT, 0)
    stays = _ask(customer, 0)
    for number in range(1, 2_000):
        customer.close(_ask(customer, number))
    assert len(customer.timers) <= STALE_LIMIT + 4
    assert customer.next_due() == stays.due


def test_what_is_due_comes_once_and_in_order_however_often_timers_were_swept() -> None:
    """The same as after the document was written and read."""
    customer = Customer(LAYOUT, 0)
    for number in range(1_000):
        question = _ask(customer, number)
        if number % 10:
            customer.close(question)
        customer.await_silence("quiet", number)
    again = decode_customer(encode_customer(customer))
    due = [list(iter(lambda c=c: _next(c), None)) for c in (customer, again)]
    assert due[0] == due[1]
    assert [timer[2] for timer in due[0]] == ["quiet", *range(0, 1_000, 10)]


def _next(customer: Customer) -> tuple[int, str, int | str] | None:
    timer = customer.pop_due(1_000 * DAY)
    if timer is not None and timer[1] == "silence":
        del customer.silences["quiet"]
    return timer
