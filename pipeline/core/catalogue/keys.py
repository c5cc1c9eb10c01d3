"""Every key of a catalogue, in one table: its kind, its meaning, its default, an example.

The parser reads by it, and docs/catalogue.md is generated from it: a new key takes one row here and one field
in the declaration.
"""

from typing import Any, NamedTuple

from forestall.pipeline.core.catalogue.declaration import (
    ActionText,
    Answered,
    Ask,
    Costs,
    Features,
    Happens,
    History,
    Problem,
)
from forestall.pipeline.core.catalogue.kinds import (
    EVENT_TYPES,
    EXPRESSION,
    FIELDS,
    FLAG,
    MODEL,
    TEXT,
    TEXTS,
    TITLE,
    WORDS,
    Kind,
    choice,
    number,
    spans,
    time_span,
)

MAX_HORIZON = "730d"


class Section(NamedTuple):
    """A table of keys and the struct that it becomes."""

    struct: type
    keys: tuple["Key", ...]


class Key(NamedTuple):
    """One key. `default` and `example` are TOML; a default of None: it must be given, "": it may be left out.

    `field` is the struct's field where the key's name cannot be one.
    """

    name: str
    kind: Kind | Section
    meaning: str
    default: str | None
    example: str
    field: str = ""

    @property
    def attribute(self) -> str:
        """The name of the struct's field."""
        return self.field or self.name


SAME = choice("customer", "subject")

ASK = Section(
    Ask,
    (
        Key("on", EVENT_TYPES, "The event types at which the question is asked.", None, '"order.placed"'),
        Key("where", EXPRESSION, "Ask only if this holds for the event.", "", '"data.amount > 100"'),
        Key(
            "silence",
            time_span("1m", MAX_HORIZON),
            "Ask once the customer has had no event of `on` for so long, rather than at the event.",
            "",
            '"14d"',
        ),
        Key(
            "keep",
            choice("all", "last per day"),
            "Which questions are learned from: all, or the customer's last one of each UTC day.",
            '"all"',
            '"last per day"',
        ),
    ),
)

HAPPENS = Section(
    Happens,
    (
        Key("on", EVENT_TYPES, "The event types by which the problem shows.", None, '"order.returned"'),
        Key("within", time_span("1s", MAX_HORIZON), "The horizon: how soon after asking.", None, '"30d"'),
        Key(
            "same",
            SAME,
            "Whose event counts: any of the customer's, or only one about the question's subject.",
            '"customer"',
            '"subject"',
        ),
        Key(
            "where",
            EXPRESSION,
            "Count only events for which this holds.",
            "",
            "\"data.reason != 'exchange'\"",
        ),
        Key(
            "not",
            FLAG,
            "The problem is that no such event comes within the horizon (a customer who leaves).",
            "false",
            "true",
            field="negated",
        ),
    ),
)

ANSWERED = Section(
    Answered,
    (
        Key(
            "on",
            EVENT_TYPES,
            "The event types that bring the answer, whenever they come.",
            None,
            '"ticket.closed"',
        ),
        Key(
            "yes",
            EXPRESSION,
            "The answer is yes if this holds for the event.",
            None,
            '"data.made_sla == false"',
        ),
        Key(
            "same",
            SAME,
            "Whose event counts: any of the customer's, or only one about the question's subject.",
            '"subject"',
            '"customer"',
        ),
        Key(
            "give_up",
            time_span("1s", MAX_HORIZON),
            "After so long without an answer the question ends, and nothing is learned from it.",
            '"365d"',
            '"90d"',
        ),
        Key(
            "late_after",
            time_span("1s", MAX_HORIZON),
            "Most answers of the usual kind have come by then; what has none is learned as what came of others so "
            "late, and need not be waited for.",
            "",
            '"10d"',
        ),
    ),
)

AMOUNT = number(at_most=1e12)

COSTS = Section(
    Costs,
    (
        Key("miss", AMOUNT, "What a problem costs that nobody prevented.", "10", "25"),
        Key("contact", AMOUNT, "What one contact costs.", "1", "0.5"),
        Key("compensation", AMOUNT, "What is given to the customer when the contact was right.", "2", "0"),
    ),
)

ACTION = Section(
    ActionText,
    (
        Key("title", TEXT, "What to do, in a few words.", '""', '"Offer a size exchange"'),
        Key("channels", TEXTS, "By which channels, the best first.", "[]", '["email", "chat"]'),
        Key(
            "say",
            TEXT,
            "What to say to the customer.",
            '""',
            '"Your order is on its way. Does the size fit?"',
        ),
    ),
)

FEATURES = Section(
    Features,
    (
        Key("numeric", FIELDS, "Fields whose numbers the model uses.", "[]", '["data.amount"]'),
        Key(
            "category", FIELDS, "Fields whose values the model uses as categories.", "[]", '["data.country"]'
        ),
        Key(
            "never",
            FIELDS,
            "Fields that must not be used, for they give the answer away or are nobody's business.",
            "[]",
            '["data.closed_code"]',
        ),
    ),
)

PROBLEM = Section(
    Problem,
    (
        Key(
            "title", TITLE, "The problem in words that support understands.", None, '"Will return this order"'
        ),
        Key("ask", ASK, "When the question is asked.", None, ""),
        Key("happens", HAPPENS, "How the answer is learned within a horizon (this or `answered`).", "", ""),
        Key("answered", ANSWERED, "How the answer is learned at an open end (this or `happens`).", "", ""),
        Key("costs", COSTS, "What is at stake, all in one currency. They set the threshold.", "", ""),
        Key(
            "effectiveness",
            number(at_most=1, above=0),
            "The share of problems that the action prevents.",
            "0.5",
            "0.3",
        ),
        Key(
            "grace",
            time_span("0s", "90d"),
            "How long after the horizon late events are waited for before the answer is no.",
            '"1d"',
            '"0d"',
        ),
        Key(
            "mode",
            choice("live", "shadow"),
            "In shadow it learns and predicts, and raises nothing.",
            '"live"',
            '"shadow"',
        ),
        Key(
            "model",
            MODEL,
            "What learns it: the default; `boosted`, which boosted trees join where they help (`forestall trainer`);"
            " or a linear classifier of River.",
            '"bayesian"',
            '"boosted"',
        ),
        Key(
            "critical",
            FLAG,
            "Passes contact caps, quiet hours and the holdout, never consent.",
            "false",
            "true",
        ),
        Key("action", ACTION, "What support should do, shown with the alert.", "", ""),
        Key("features", FEATURES, "Which fields of `data` the model may use.", "", ""),
        Key(
            "words",
            WORDS,
            "How fields and event types are called in the reasons shown to people; or a whole sentence for a feature, "
            "in which `{value}` and `{usual}` stand for its value and for the mean of all.",
            "",
            '{ "data.amount" = "the order\'s amount" }',
        ),
    ),
)

HISTORY = Section(
    History,
    (
        Key(
            "spans",
            spans(at_most=8),
            "Over which spans each customer's events are counted (decayed).",
            '["1d", "7d", "30d", "90d"]',
            '["1h", "1d", "14d"]',
        ),
        Key(
            "types",
            EVENT_TYPES,
            "The event types with counters of their own; left out: every type that a problem names.",
            "",
            '["order.placed", "order.returned"]',
        ),
    ),
)

#: Sections that stand anywhere below `problem.NAME`, with the key that holds them.
PARTS: dict[str, Section] = {key.name: key.kind for key in PROBLEM.keys if isinstance(key.kind, Section)}
TOP = ("problem", "history")


def struct_fields(section: Section, values: dict[str, Any]) -> dict[str, Any]:
    """The values by the struct's field names."""
    return {key.attribute: values[key.name] for key in section.keys if key.name in values}
