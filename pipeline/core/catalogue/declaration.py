"""What a catalogue declares, once read: frozen structs. Durations are milliseconds."""

from typing import Literal

import msgspec

from forestall.pipeline.core.catalogue.expression import Expression
from forestall.pipeline.core.models.names import BAYESIAN

DAY = 86_400_000


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """When to ask: at events of these types where `where` holds.

    `silence`: ask when the customer has had no event of `on` for so long. `keep = "last per day"`: a later
    question of the same customer and UTC day supersedes the earlier one, which ends unlearned.
    """

    on: tuple[str, ...]
    where: Expression | None = None
    silence: int | None = None
    keep: Literal["all", "last per day"] = "all"


class Happens(msgspec.Struct, frozen=True, kw_only=True):
    """Yes if an event of `on` (where `where` holds) comes within `within` after asking; with `negated`, yes
    if none comes. `same` says whether it must be the same customer's or also the same subject's."""

    on: tuple[str, ...]
    within: int
    same: Literal["customer", "subject"] = "customer"
    where: Expression | None = None
    negated: bool = False


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """An open end: the answer comes with the first event of `on`, and is what `yes` says of it.
    After `give_up` without one the question ends unlearned. What has none after `late_after` is learned as what
    late answers have been (None: it waits)."""

    on: tuple[str, ...]
    yes: Expression
    same: Literal["customer", "subject"] = "subject"
    give_up: int = 365 * DAY
    late_after: int | None = None


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """Costs of a missed problem, of one contact, and of what is given when acting (any one currency)."""

    miss: float = 10.0
    contact: float = 1.0
    compensation: float = 2.0


class ActionText(msgspec.Struct, frozen=True, kw_only=True):
    """What support should do, shown with the alert."""

    title: str = ""
    channels: tuple[str, ...] = ()
    say: str = ""


class Features(msgspec.Struct, frozen=True, kw_only=True):
    """Fields of `data` (dotted paths beginning with `data.`) to use (`numeric`, `category`) or keep out."""

    numeric: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One problem to foresee. Exactly one of `happens` and `answered` is given."""

    name: str
    title: str
    ask: Ask
    happens: Happens | None = None
    answered: Answered | None = None
    costs: Costs = Costs()
    effectiveness: float = 0.5
    grace: int = DAY
    mode: Literal["live", "shadow"] = "live"
    model: str = BAYESIAN
    critical: bool = False
    action: ActionText = ActionText()
    features: Features = Features()
    words: dict[str, str] = {}

    @property
    def threshold(self) -> float:
        """The probability above which acting saves money (DESIGN: decisions)."""
        costs = self.costs
        return (costs.contact + costs.compensation) / (self.effectiveness * costs.miss + costs.compensation)

    def saving(self, p: float) -> float:
        """Expected saving of acting on probability `p`, in the units of the costs."""
        costs = self.costs
        return p * (self.effectiveness * costs.miss + costs.compensation) - (
            costs.contact + costs.compensation
        )


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What is counted for every customer: decay spans and the event types with counters of their own.

    `types` empty: every type that a problem names. All other types share one counter.
    """

    spans: tuple[int, ...] = (1 * DAY, 7 * DAY, 30 * DAY, 90 * DAY)
    types: tuple[str, ...] = ()


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """All problems of one version of the configuration, in the order of their names."""

    problems: tuple[Problem, ...]
    history: History = History()
