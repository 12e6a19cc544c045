"""Rank correlations, comparisons that hold and dominance, pair by pair, in exact fractions.

A group is a list of rows; a row is a tuple of indicators of 0 or 1 and, last, an integer weight.
Weightings are tuples of fractions that sum to 1.
"""

from fractions import Fraction
from itertools import combinations


def score(row, weights):
    return sum((w for w, deprived in zip(weights, row, strict=False) if deprived), Fraction(0))


def measure(name, rows, weights, k):
    """H or M0 of one group."""
    population = sum(row[-1] for row in rows)
    total = Fraction(0)
    for row in rows:
        if score(row, weights) >= k:
            total += row[-1] * (1 if name == "H" else score(row, weights))
    return total / population


def scores_above_0(groups, weights):
    """All scores above 0 that a row with a positive weight has."""
    return sorted({score(row, weights) for rows in groups for row in rows if row[-1]} - {0})


def ranks(values):
    """1 for the largest; equal values share the mean of the ranks that they take up."""
    return [
        1 + Fraction(sum(other > value for other in values))
        + Fraction(sum(other == value for other in values) - 1, 2)
        for value in values
    ]  # fmt: skip


def spearman_squared(first, second):
    """Pearson's correlation of the ranks, squared and with its sign; None if not defined."""
    x, y = ranks(first), ranks(second)
    n = len(x)
    mean = Fraction(n + 1, 2)
    xy = sum((a - mean) * (b - mean) for a, b in zip(x, y, strict=True))
    xx = sum((a - mean) ** 2 for a in x)
    yy = sum((b - mean) ** 2 for b in y)
    if not xx or not yy:
        return None
    return (1 if xy > 0 else -1) * xy * xy / (xx * yy)


def sign(x):
    return (x > 0) - (x < 0)


def kendall_squared(first, second):
    """Kendall's tau-b, squared and with its sign; None if not defined."""
    pairs = list(combinations(range(len(first)), 2))
    x = [sign(first[i] - first[j]) for i, j in pairs]
    y = [sign(second[i] - second[j]) for i, j in pairs]
    both = sum(a * b for a, b in zip(x, y, strict=True))
    untied = sum(map(abs, x)) * sum(map(abs, y))
    return sign(both) * Fraction(both * both, untied) if untied else None


def comparisons(baseline):
    """The pairs that differ, the poorer first."""
    n = range(len(baseline))
    return [(i, j) for i in n for j in n if baseline[i] > baseline[j]]


def share_that_hold(baseline, rankings):
    """The share of comparisons that turn round in none of the rankings; None without any."""
    pairs = comparisons(baseline)
    held = [all(values[i] >= values[j] for values in rankings) for i, j in pairs]
    return Fraction(sum(held), len(held)) if held else None


def dominates(name, groups, poorer, other, weights):
    """Whether a group is nowhere less poor than another, at any cut-off there is."""
    return all(
        measure(name, groups[poorer], weights, k) >= measure(name, groups[other], weights, k)
        for k in scores_above_0(groups, weights)
    )
