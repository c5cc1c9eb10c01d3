"""The filter's steps as it calls them. Calling a kernel costs by its arguments, more than most of them compute: so each
step is one call, and the state comes in few arrays, by rows.

`columns` has the row (raw when a step begins, squashed after it), and the columns' running means and variances;
`counts` how often each was seen, and its flag. `block` is the dense block: weights, priors, room for the encoded row
and its gain, then the covariance. `table` and `tally` are the categories' (see dense), `entries` those of the row's:
-1 where there is none, and one that is there twice counts once.
"""

from forestall.pipeline.core.models import dense
from forestall.pipeline.core.models.arithmetic import sigmoid
from forestall.pipeline.core.models.arrays import Floats, Integers
from forestall.pipeline.core.models.encoding import lacks_flag, observe, squash_all
from forestall.pipeline.core.models.kernel import kernel
from forestall.pipeline.core.models.residual import weigh

RAW, MEAN, VARIANCE = 0, 1, 2  # rows of `columns`
SEEN, FLAG = 0, 1  # rows of `counts`
WEIGHT, PRIOR, ROW, GAIN, COVARIANCE = 0, 1, 2, 3, 4  # rows of `block`, the covariance from its row on
#: Instead of how many categories deserve a slot: nothing was learned, for a column that is missing has no flag.
LACKS_FLAG = -1

#: `columns`, `counts`, `block`, `table`, `tally` and `entries`.
State = tuple[Floats, Integers, Floats, Floats, Integers, Integers]


@kernel
def distinct(entries: Integers) -> int:
    """Moves what is an entry to the front, each once, in the order of its first place; the rest becomes -1.

    Returns how many there are.
    """
    count = 0
    for i in range(entries.shape[0]):
        entry = entries[i]
        entries[i] = -1
        is_new = entry >= 0
        for k in range(count):
            is_new = is_new and entries[k] != entry
        if is_new:
            entries[count] = entry
            count += 1
    return count


@kernel
def logit(
    columns: Floats, counts: Integers, block: Floats, table: Floats, tally: Integers, known: Integers
) -> float:
    """The logit of a row that is squashed, and its `known` categories."""
    return dense.predict(
        columns[RAW], columns[MEAN], columns[VARIANCE], counts[FLAG], block[WEIGHT], known, table, tally
    )


@kernel
def absorb(
    columns: Floats, counts: Integers, block: Floats, table: Floats, tally: Integers, known: Integers,
    y: float, weight: float, offset: float, extra: float,
) -> int:  # fmt: skip
    """Learns a row that is squashed; returns how many categories have just come to deserve a slot."""
    row = block[ROW]
    observe(columns[RAW], columns[MEAN], columns[VARIANCE], counts[SEEN], row)
    deserving = dense.place(columns[RAW], counts[FLAG], known, tally, row)
    dense.learn(
        row, block[WEIGHT], block[COVARIANCE:], block[GAIN], known, table, tally,
        y, weight, offset, extra, block[PRIOR],
    )  # fmt: skip
    return deserving


@kernel
def predict(
    columns: Floats, counts: Integers, block: Floats, table: Floats, tally: Integers, entries: Integers
) -> float:
    """The row's logit."""
    squash_all(columns[RAW])
    return logit(columns, counts, block, table, tally, entries[: distinct(entries)])


@kernel
def learn(
    columns: Floats, counts: Integers, block: Floats, table: Floats, tally: Integers, entries: Integers,
    y: float, weight: float, offset: float, extra: float,
) -> int:  # fmt: skip
    """Learns the row's answer; returns how many categories have just come to deserve a slot, or LACKS_FLAG."""
    if lacks_flag(columns[RAW], counts[FLAG]):
        return LACKS_FLAG
    squash_all(columns[RAW])
    known = entries[: distinct(entries)]
    return absorb(columns, counts, block, table, tally, known, y, weight, offset, extra)


@kernel
def test_and_learn(
    columns: Floats, counts: Integers, block: Floats, table: Floats, tally: Integers, entries: Integers,
    y: float, weight: float, offset: float, extra: float, heard: bool, without: float, with_it: float,
) -> tuple[int, float, float, float]:  # fmt: skip
    """See prequential.test_and_learn; returns what `learn` does, the probability, and the two losses."""
    if lacks_flag(columns[RAW], counts[FLAG]):
        return LACKS_FLAG, 0.0, without, with_it
    squash_all(columns[RAW])
    known = entries[: distinct(entries)]
    z = logit(columns, counts, block, table, tally, known)
    without, with_it = weigh(z, offset, y, without, with_it)
    heard_offset = offset if heard else 0.0
    heard_extra = extra if with_it < without else 0.0
    deserving = absorb(columns, counts, block, table, tally, known, y, weight, heard_offset, heard_extra)
    return deserving, sigmoid(z + heard_offset), without, with_it
