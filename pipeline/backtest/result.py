"""What a backtest comes to, as one JSON document. What the page shows is all in here."""

from typing import Literal

import msgspec

from forestall.pipeline.core.scores import Scores


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """How it went. `dead_letters` by cause; `too_large` lines were skipped, as a replay would skip them.
    `first` and `last` are the times of the events, epoch ms (None: there are none)."""

    model: str
    partitions: int
    events: int
    customers: int
    first: int | None
    last: int | None
    too_large: int
    dead_letters: dict[str, int]
    seconds: float
    events_a_second: int
    us_an_event: float


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """What acting would have been worth over the last questions (see value). `contacts` were made, at `hits` the
    problem came; `precision` is their share (NaN without contacts). Money is in the unit of the catalogue's costs."""

    contacts: int
    hits: int
    contacts_a_week: float
    precision: float
    saving: float
    saving_per_1000_customers: float


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """One way to foresee the last questions, beside the others. `scores` are None for a rule that gives no
    probabilities, `value` for who was not asked whom to contact."""

    name: str
    kind: Literal["model", "reference", "rule"]
    scores: Scores | None
    value: Value | None


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """The saving at the problem's own threshold, over `customers` who were asked about in `weeks`, and by how much it
    is above that of the best rule and of contacting nobody; all for each 1,000 customers."""

    miss: float
    contact: float
    compensation: float
    effectiveness: float
    customers: int
    weeks: float
    saving_per_1000_customers: float
    best_rule: str
    over_best_rule_per_1000_customers: float
    over_nobody_per_1000_customers: float


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """What contacting above `threshold` would have been worth; `chosen` is the problem's own threshold."""

    threshold: float
    chosen: bool
    value: Value


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Scores of the questions asked in one piece of the history; times are epoch ms."""

    since: int
    until: int
    count: int
    base_rate: float
    auroc: float
    auprc: float
    log_loss: float


class Reliable(msgspec.Struct, frozen=True, kw_only=True):
    """Of `count` questions that were given about `said`, `came` came true (both shares)."""

    count: int
    said: float
    came: float


class LeadBar(msgspec.Struct, frozen=True, kw_only=True):
    """How many alerts came true after so long."""

    words: str
    count: int


class Factor(msgspec.Struct, frozen=True, kw_only=True):
    """A feature, and by how many logits it moves a prediction, on the average of its size. `direction`: more of it
    raises (1) or lowers (-1) the probability; 0 where that depends, and for categories."""

    feature: str
    words: str
    weight: float
    direction: int


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the last questions, in a sample of `count`, which is `share` of it. `said` is the mean probability."""

    field: str
    value: str
    count: int
    share: float
    base_rate: float
    said: float
    auroc: float
    precision: float
    recall: float


class Treated(msgspec.Struct, frozen=True, kw_only=True):
    """Questions above the threshold whose customer was treated so: the mean probability, and how many came true."""

    treatment: str
    count: int
    said: float
    came: float


class Drifted(msgspec.Struct, frozen=True, kw_only=True):
    """Predictions became worse: when the answer was known that showed it (epoch ms), after how many answers, and the
    mean squared error before and since."""

    known: int
    answers: int
    before: float
    since: float


class ProblemResult(msgspec.Struct, frozen=True, kw_only=True):
    """One problem's scores: over `every` answer from the first on, and over the `last`, those asked since `since`
    (epoch ms); `reference` are those of LightGBM over the last ones.

    `questions` = `answered` + `unlearned` (superseded, given up, dropped) + `open` (outlive the file). `alerts` by
    state counts changes of alerts; `held_back` by gate counts predictions that were worth an alert.
    `came_true` of the alerts did; `lead_hours` is the median from raised to come. `money` and what follows is of the
    last ones, and None or empty where only answers are known (a recording).
    `maturity` is the share of all questions whose answer is in, of those that will have one, `last_maturity` that of
    the questions asked since `since`: what is open may come out otherwise. `drifts` are the last eight.
    """

    problem: str
    title: str
    threshold: float
    questions: int
    answered: int
    unlearned: int
    open: int
    since: int
    every: Scores
    last: Scores
    alerts: dict[str, int]
    held_back: dict[str, int]
    came_true: int
    lead_hours: float | None
    reference: Scores | None = None
    contenders: list[Contender] = []
    money: Money | None = None
    rungs: list[Rung] = []
    over_time: list[Piece] = []
    reliability: list[Reliable] = []
    leads: list[LeadBar] = []
    factors: list[Factor] = []
    slices: list[Slice] = []
    treatments: list[Treated] = []
    maturity: float | None = None
    last_maturity: float | None = None
    drifts: list[Drifted] = []


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The whole; `others` are the same of other models that were named."""

    run: Run
    problems: list[ProblemResult]
    others: list["Result"] = []
