"""What must hold between the keys of one problem, where each by itself is right. One function a rule."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from forestall.pipeline.core.catalogue.declaration import Problem


class Broken(NamedTuple):
    """A broken rule: at which key of the problem, what is wrong, and what to do."""

    key: tuple[str, ...]
    wrong: str


def a_miss_costs_more_than_a_contact(problem: Problem) -> Iterator[Broken]:
    """Else no action pays, however effective it is."""
    costs = problem.costs
    if costs.contact >= costs.miss:
        yield Broken(
            ("costs",),
            f"contact ({costs.contact:g}) costs as much as a miss ({costs.miss:g}), so that there would never be "
            "an alert; raise miss or lower contact",
        )


def threshold_can_be_passed(problem: Problem) -> Iterator[Broken]:
    """Some probability must make an action worth its cost."""
    costs = problem.costs
    gain = problem.effectiveness * costs.miss + costs.compensation
    if costs.contact < costs.miss and costs.contact + costs.compensation >= gain:
        remedy = "raise miss or effectiveness, or lower contact"
        yield Broken(
            ("costs",),
            f"contact ({costs.contact:g}) costs as much as it saves (effectiveness times miss ="
            f" {problem.effectiveness * costs.miss:g}), so that there would never be an alert; {remedy}",
        )


def used_is_not_forbidden(problem: Problem) -> Iterator[Broken]:
    """A field is either used or kept out, with all that is in it."""
    features = problem.features
    for name in ("numeric", "category"):
        for field in getattr(features, name):
            for never in features.never:
                if field == never or field.startswith(f"{never}."):
                    yield Broken(("features", name), f'"{field}" is used, but never = "{never}"; remove one')


def silence_has_no_subject(problem: Problem) -> Iterator[Broken]:
    """A question that time asks is about the customer; no event gives it a subject."""
    if problem.ask.silence is None:
        return
    for name in ("happens", "answered"):
        end = getattr(problem, name)
        if end is not None and end.same == "subject":
            yield Broken((name, "same"), 'a question after silence has no subject; write same = "customer"')


def late_is_before_the_end(problem: Problem) -> Iterator[Broken]:
    """A question that has ended cannot be late."""
    answered = problem.answered
    if answered is not None and answered.late_after is not None and answered.late_after >= answered.give_up:
        yield Broken(("answered", "late_after"), "must be less than give_up; shorten it, or lengthen give_up")


class Rule(NamedTuple):
    """A rule, and the keys of a problem that it is about: it is not asked where one of them is wrong."""

    check: Callable[[Problem], Iterator[Broken]]
    about: tuple[str, ...]


RULES = (
    Rule(a_miss_costs_more_than_a_contact, ("costs",)),
    Rule(threshold_can_be_passed, ("costs", "effectiveness")),
    Rule(used_is_not_forbidden, ("features",)),
    Rule(silence_has_no_subject, ("ask", "happens", "answered")),
    Rule(late_is_before_the_end, ("answered",)),
)
