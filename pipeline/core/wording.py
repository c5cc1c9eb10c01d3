"""Features in words: a sentence for each reason, from the catalogue's words where it has any.

The catalogue may give a whole sentence for a feature ("order.returned/30 d" = "about {value} returns in a month"), or
only say what a field or an event type is called ("order.returned" = "returns"), to be used in the sentences that are
here.
"""

from collections.abc import Mapping

from forestall.pipeline.core.layout import NOW, OTHER, PROBLEM_COLUMNS, SUBJECT_COLUMNS, TYPE_COLUMNS

VALUE, USUAL = "{value}", "{usual}"
_BESIDE = f" (usually {USUAL})"
_ANSWERS, _RATE = PROBLEM_COLUMNS
_AGE, _EVENTS, _QUIET = SUBJECT_COLUMNS
_SINCE, _OVERDUE = TYPE_COLUMNS
#: Sentences of single features.
SENTENCES = {
    _ANSWERS: f"{VALUE} earlier cases of this customer are known{_BESIDE}",
    _RATE: f"it came true for this customer more often than usual (by {VALUE} of all cases)",
    _AGE: f"it has been known for {VALUE} days{_BESIDE}",
    _EVENTS: f"there were {VALUE} events about it so far{_BESIDE}",
    _QUIET: f"nothing had happened to it for {VALUE} days{_BESIDE}",
    "type": f"it is about {VALUE}",
    "weekday": f"it is a {VALUE}",
    "time of day": f"it is {VALUE} o'clock",
}
_NOUNS = {OTHER: "other events"}


def sentence(words: Mapping[str, str], feature: str, value: float | str, usual: float | None = None) -> str:
    """The reason that this feature is: `usual` is the mean of all, of a number.

    >>> sentence({"order.returned": "returns"}, "order.returned/30 d", 3.0, 0.41)
    'about 3 returns in the last 30 days (usually 0.41)'
    """
    text = template(words, feature)
    told = value if isinstance(value, str) else figure(value)
    return text.replace(VALUE, told).replace(USUAL, "unknown" if usual is None else figure(usual))


def template(words: Mapping[str, str], feature: str) -> str:
    """The sentence of a feature, its value to be filled in."""
    given = words.get(feature, "")
    subject, _, column = feature.rpartition("/")
    if VALUE in given or (given and (subject or feature in SENTENCES)):
        return given
    if feature in SENTENCES:
        return SENTENCES[feature]
    if not subject:
        return f"{noun(words, feature)} is {VALUE}"
    name = noun(words, subject)
    if column == NOW:
        return f"{name} is {VALUE}{_BESIDE}"
    if column == _SINCE:
        return f"the last of {name} was {VALUE} days ago{_BESIDE}"
    if column == _OVERDUE:
        return f"{name} took {VALUE} times the customer's usual gap{_BESIDE}"
    return f"about {VALUE} {name} in the last {_span(column)}{_BESIDE}"


def noun(words: Mapping[str, str], name: str) -> str:
    """What a field or an event type is called; a sentence is no name."""
    given = words.get(name, "")
    if given and VALUE not in given:
        return given
    return _NOUNS.get(name, name.removeprefix("data.").replace("_", " "))


def title(words: Mapping[str, str], feature: str) -> str:
    """A feature's name for a table: what it is, without a value."""
    subject, _, column = feature.rpartition("/")
    if not subject:
        return noun(words, feature)
    name = noun(words, subject)
    if column.endswith(" d"):
        return f"{name} in a {_span(column)}" if column == "1 d" else f"{name} in {_span(column)}"
    return name if column == NOW else f"{name}: {column}"


def figure(value: float) -> str:
    """A number as people write it: two digits of a small one, no exponent.

    >>> [figure(x) for x in (0.4123, 2.96, 31.4, 1234567.8, -0.00001)]
    ['0.41', '3', '31.4', '1,234,568', '0']
    """
    size = abs(value)
    if size < 0.005:
        return "0"
    if size < 10.0:
        return f"{value:.2g}"
    return f"{value:.3g}" if size < 999.5 else f"{value:,.0f}"


def _span(column: str) -> str:
    number = column.removesuffix(" d")
    return "day" if number == "1" else f"{number} days"
