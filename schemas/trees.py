"""What the trainer tells learn: boosted trees, fitted to a problem's answers."""

import msgspec


class FittedTrees(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="trees", gc=False):
    """Trees for one problem, on the answers partition whose records up to offset `through` they were fitted to.

    `answers` is how many the trainer had learned from; `rows` how many of these, the latest, they were fitted to.
    `forest` is the trees' stored form, versioned. Trees of an earlier `through` than those that learn has, or of
    another revision, are ignored; so they may be sent again.
    """

    problem: str
    revision: str
    answers: int
    through: int
    rows: int
    forest: bytes
