"""The names of models that a catalogue may ask for. Plain words: nothing is loaded to read a catalogue."""

#: The default, and its challenger: the default joined by boosted trees.
BAYESIAN, BOOSTED = "bayesian", "boosted"
RIVER = "river."
#: The classifiers of River with a stored form (see river_linear): the others run in a backtest alone.
STORED_IN_RIVER = (
    "linear_model.LogisticRegression",
    "linear_model.PAClassifier",
    "linear_model.Perceptron",
)
#: Every model that runs live.
LIVE = (BAYESIAN, BOOSTED, *(RIVER + name for name in STORED_IN_RIVER))


def live_name(name: str) -> str | None:
    """The live model that is meant, with or without the `river.` before it; None where it runs in a backtest alone.

    >>> live_name("linear_model.Perceptron"), live_name("tree.HoeffdingTreeClassifier")
    ('river.linear_model.Perceptron', None)
    """
    return next((live for live in (name, RIVER + name) if live in LIVE), None)
