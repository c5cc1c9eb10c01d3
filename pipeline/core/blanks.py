"""Blank answers and alerts: what all of one problem's have in common, made once; what is each one's own is filled in.

A call with more than 15 keyword arguments has CPython make a dictionary of them first: for all that an answer has, that
took twice as long as filling in a blank.
"""

from forestall.pipeline.core.catalogue.declaration import ActionText
from forestall.pipeline.core.customer import Residual
from forestall.pipeline.core.program import Compiled
from forestall.schemas.alert import Action, Alert
from forestall.schemas.answer import Answer


def blank_answer(sender: str, compiled: Compiled, catalogue: int) -> Answer:
    """An answer of this problem under the configuration of version `catalogue`."""
    prior = Residual()
    return Answer(
        sender=sender,
        sequence=0,
        problem=compiled.problem.name,
        revision=compiled.revision,
        catalogue=catalogue,
        question="",
        asked=0,
        known=0,
        y=False,
        p=0.0,
        offset=prior.mean,
        variance=prior.variance,
        weight=1.0,
        threshold=compiled.threshold,
        treatment="untouched",
        raised=False,
        history=compiled.history,
        features=b"",
        categories=[],
        model=compiled.problem.model,
    )


def blank_alert(sender: str, name: str, compiled: Compiled | None) -> Alert:
    """An alert of the problem with this name; None: it is no longer in the catalogue."""
    problem = compiled.problem if compiled is not None else None
    action = problem.action if problem is not None else ActionText()
    return Alert(
        sender=sender,
        sequence=0,
        id="",
        state="raised",
        problem=name,
        title=problem.title if problem is not None else name,
        customer="",
        subject=None,
        p=0.0,
        threshold=compiled.threshold if compiled is not None else 0.0,
        saving=0.0,
        reasons=[],
        action=Action(title=action.title, channels=list(action.channels), say=action.say),
        question="",
        raised=0,
        changed=0,
        expires=0,
    )
