"""A changed catalogue leaves alone what it does not touch: numbers and frozen features move with it, by name."""

import numpy as np

from forestall.pipeline.core.catalogue.declaration import Catalogue
from forestall.pipeline.core.catalogue.parse import parse
from forestall.pipeline.core.layout import categories_of, columns_over, compile_layout, slots_of
from forestall.schemas.answer import Answer
from forestall.schemas.catalogue import CatalogueFile
from tests.builders.scene import Scene

HISTORY = """
[history]
types = ["order.placed", "order.returned", "chat.opened"]
"""
RETURN = """
[problem.return]
title = "Will send it back"
ask = { on = "order.placed" }
happens = { on = "order.returned", within = "1d" }
action = { title = "Call", channels = ["email"] }
features = { numeric = ["data.price"], category = ["data.colour"] }
"""
#: Its fields come first by name, so that those of RETURN have other places beside it.
CHAT = """
[problem.chat]
title = "Will chat again"
ask = { on = "chat.opened" }
happens = { on = "chat.opened", within = "1d" }
action = { title = "Call", channels = ["email"] }
features = { numeric = ["data.age"], category = ["data.browser"] }
"""


def answer(first: str, then: str) -> Answer:
    """The answer of a question that was asked under the one catalogue and learned under the other."""
    scene = Scene(HISTORY + first)
    scene.event("order.returned").after("1h")
    scene.event(
        "order.placed", subject="o-1", data={"price": 7.0, "colour": "red", "age": 3, "browser": "lynx"}
    )
    scene.configure(HISTORY + then)
    scene.after("3d").tick()
    return next(answer for answer in scene.answers if answer.problem == "return")


def test_a_question_is_learned_as_it_was_asked_whatever_other_problems_come_or_go() -> None:
    """Row and categories are those that it would have without the change; also when the customer was away."""
    alone, beside = answer(RETURN, RETURN), answer(RETURN + CHAT, RETURN + CHAT)
    for changed, unchanged in (
        (answer(RETURN, RETURN + CHAT), alone),
        (answer(RETURN + CHAT, RETURN), beside),
    ):
        assert changed.features == unchanged.features
        assert changed.categories == unchanged.categories
    row = np.frombuffer(alone.features, np.float32)
    assert row[-1] == 7.0
    assert (
        row[: alone.history].tobytes()
        == np.frombuffer(beside.features, np.float32)[: alone.history].tobytes()
    )


def test_a_customer_counts_on_where_another_type_is_counted_from_now_on() -> None:
    """What was counted is found under its name, and what was not begins as never seen."""
    scene = Scene(RETURN)
    scene.event("order.placed").after("1h").event("chat.opened").after("1h")
    scene.configure(RETURN + CHAT)
    scene.event("order.placed").event("chat.opened")
    customer, layout = scene.core.state.working.customers["c/c"], scene.core.state.program.layout
    assert customer is not None
    counted = dict(zip(layout.slots, customer.numbers.tolist(), strict=True))
    assert counted["order.placed/total"] == 2.0
    assert counted["chat.opened/total"] == 1.0
    assert counted["any other event/total"] == 1.0


def test_places_without_category_fields_are_those_of_today_if_they_are_as_many() -> None:
    """An earlier core kept slots alone. Else the declared categories count as absent, and nothing is mixed up."""
    for then, kept in ((RETURN, 4), (RETURN + CHAT, 3)):
        scene = Scene(HISTORY + RETURN)
        scene.event("order.placed", subject="o-1", data={"price": 7.0, "colour": "red"})
        state = scene.core.state
        state.head.layouts = {key: slots_of(places) for key, places in state.head.layouts.items()}
        customer = state.working.customers["c/c"]
        assert customer is not None
        state.head.layouts["earlier"] = state.head.layouts[customer.layout]
        customer.layout = "earlier"
        scene.configure(HISTORY + then)
        scene.after("3d").tick()
        (told,) = scene.answers
        assert len(told.categories) == kept
        assert np.frombuffer(told.features, np.float32)[-1] == 7.0


def test_the_places_of_a_layout_tell_its_columns_and_fields() -> None:
    """They are all that is stored of it."""
    layout = compile_layout(parse([CatalogueFile("c.toml", HISTORY + RETURN + CHAT)]))
    assert slots_of(layout.places) == layout.slots
    assert categories_of(layout.places) == layout.category == ("data.browser", "data.colour")
    assert columns_over(layout.slots) == layout.columns
    assert layout.columns[-2:] == ("data.age/now", "data.price/now")
    assert columns_over(compile_layout(Catalogue(problems=())).slots)[0] == "any other event/days since"
