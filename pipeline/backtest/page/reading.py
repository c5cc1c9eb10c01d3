"""How to read the page: what each word and figure on it means."""

#: In the order in which they stand on the page.
READING: tuple[tuple[str, str], ...] = (
    (
        "How it was tested",
        """Event by event, in the order of time: each question was answered by what had been learned when it was asked,
        and learned only once its answer was known. Scores are of the last 30 % of the questions, those asked last.""",
    ),
    (
        "Saving",
        """hits × (effectiveness × miss + compensation) − contacts × (contact + compensation), with the costs that the
        catalogue gives. A contact is a hit if the problem was coming. Nobody is contacted twice about one problem: a
        contact covers it until its horizon, or its answer. That a contact prevents so many problems (effectiveness) is
        the catalogue's word; a history without contacts cannot prove it.""",
    ),
    (
        "Threshold",
        """Acting pays above (contact + compensation) / (effectiveness × miss + compensation), whatever the history:
        that is the chosen one.""",
    ),
    (
        "Simple rules",
        """Fitted on the questions before the last 30 %: the base rate alone (contact everybody or nobody); and how
        often the problem came to the customer in the last 30 days, with the bound that saved most until then.""",
    ),
    (
        "AUROC",
        """The chance that a case that came true was given a higher probability than one that did not; 0.5 is a coin, 1
        is perfect.""",
    ),
    (
        "AUPRC",
        "The mean precision down the list, from the highest probability on; knowing nothing, it is the base rate.",
    ),
    (
        "Log loss",
        "What probabilities cost when they are wrong; lower is better, and overconfidence costs most.",
    ),
    ("Calibration error", "How far the probabilities are from what happened, on the average of 15 bins."),
    (
        "Precision, share foreseen",
        """Of the questions above the threshold, how many came true; of those that came true, how many were above it.
        Contacts have a precision of their own ("of them right"), for a problem counts once however often it was asked
        about.""",
    ),
)
