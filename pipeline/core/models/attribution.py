"""What each column adds to the sum of boosted trees: exact Shapley values, by the rows that trees were fitted to.

For every tree, the value of a set of its columns is what the tree gives on the mean where it is told these columns
alone, the rows of training deciding at the others' splits. A column's term is the mean of what it changes over all
orders in which columns are told. Trees here have few splits, so that all sets are gone through.
"""

import numpy as np

from forestall.pipeline.core.models.arrays import Floats, Integers
from forestall.pipeline.core.models.kernel import kernel
from forestall.pipeline.core.models.trees import goes_left

#: The most splits of a tree: the time grows with 2 to the power of it.
MOST_SPLITS = 8


@kernel
def attribute(
    row: Floats,
    roots: Integers,
    column: Integers,
    threshold: Floats,
    right: Integers,
    missing: Integers,
    cover: Integers,
    terms: Floats,
) -> float:
    """Adds to `terms` what each of the row's columns adds; returns what remains, the sum for nobody in particular."""
    usual = 0.0
    told = np.zeros(MOST_SPLITS, np.int64)
    values = np.zeros(1 << MOST_SPLITS)
    nodes, shares = np.zeros(MOST_SPLITS + 2, np.int64), np.zeros(MOST_SPLITS + 2)
    for t in range(roots.shape[0]):
        end = roots[t + 1] if t + 1 < roots.shape[0] else column.shape[0]
        count = columns_of(column, roots[t], end, told)
        for subset in range(1 << count):
            values[subset] = value_of(
                row, roots[t], column, threshold, right, missing, cover, told, subset, nodes, shares
            )
        usual += values[0]
        for i in range(count):
            terms[told[i]] += shapley(values, count, i)
    return usual


@kernel
def columns_of(column: Integers, root: int, end: int, told: Integers) -> int:
    """Writes the columns that the tree splits at to `told`, each once; returns how many."""
    count = 0
    for node in range(root, end):
        is_new = column[node] >= 0
        for i in range(count):
            if told[i] == column[node]:
                is_new = False
        if is_new:
            told[count] = column[node]
            count += 1
    return count


@kernel
def value_of(
    row: Floats,
    root: int,
    column: Integers,
    threshold: Floats,
    right: Integers,
    missing: Integers,
    cover: Integers,
    told: Integers,
    subset: int,
    nodes: Integers,
    shares: Floats,
) -> float:
    """What the tree gives on the mean where it is told only the columns whose bits are set in `subset`. `nodes` and
    `shares` are room for those that wait."""
    nodes[0], shares[0] = root, 1.0
    waiting = 1
    value = 0.0
    while waiting > 0:
        waiting -= 1
        node, share = nodes[waiting], shares[waiting]
        if column[node] < 0:
            value += share * threshold[node]
            continue
        bit = 0
        while told[bit] != column[node]:
            bit += 1
        left, other = node + 1, right[node]
        if (subset >> bit) & 1:
            nodes[waiting] = left if goes_left(row[column[node]], threshold[node], missing[node]) else other
            shares[waiting] = share
            waiting += 1
        else:
            part = share * cover[left] / max(cover[left] + cover[other], 1)
            nodes[waiting], shares[waiting] = other, share - part
            nodes[waiting + 1], shares[waiting + 1] = left, part
            waiting += 2
    return value


@kernel
def shapley(values: Floats, count: int, i: int) -> float:
    """What column `i` of `count` changes, over all orders in which they are told; `values` by subset."""
    term = 0.0
    for subset in range(1 << count):
        if (subset >> i) & 1:
            continue
        before = 0
        for bit in range(count):
            before += (subset >> bit) & 1
        orders = 1.0 / count  # before! · (count - 1 - before)! / count!
        for k in range(before):
            orders *= (k + 1.0) / (count - 1.0 - k)
        term += orders * (values[subset | (1 << i)] - values[subset])
    return term
