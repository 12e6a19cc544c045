"""Trends read literally off their definitions, by double loops; lines in exact fractions."""

import math
from fractions import Fraction
from itertools import permutations


def line(times, values, weights=None):
    """Slope, level at the first time, sum of squares, coefficients of the values in the slope."""
    w = [Fraction(1)] * len(times) if weights is None else [Fraction(x) for x in weights]
    t, y = [Fraction(x) for x in times], [Fraction(x) for x in values]
    total = sum(w)
    mean_t = sum(a * b for a, b in zip(w, t, strict=True)) / total
    mean_y = sum(a * b for a, b in zip(w, y, strict=True)) / total
    spread = sum(a * (b - mean_t) ** 2 for a, b in zip(w, t, strict=True))
    parts = [a * (b - mean_t) / spread for a, b in zip(w, t, strict=True)]
    slope = sum(a * b for a, b in zip(parts, y, strict=True))
    level = mean_y + slope * (t[0] - mean_t)
    left = sum(a * (c - level - slope * (b - t[0])) ** 2 for a, b, c in zip(w, t, y, strict=True))
    return slope, level, left, parts


def median(numbers):
    ordered = sorted(numbers)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def score(values):
    n = len(values)
    return sum(
        (values[j] > values[i]) - (values[j] < values[i]) for i in range(n) for j in range(i + 1, n)
    )


def variance(values):
    n = len(values)
    ties = [values.count(v) for v in set(values)]
    return Fraction(n * (n - 1) * (2 * n + 5) - sum(k * (k - 1) * (2 * k + 5) for k in ties), 18)


def sen(times, values, z=1.959963984540054):
    """Slope and interval: all slopes in order, and those whose rank Sen gives."""
    n = len(times)
    slopes = sorted(
        (values[j] - values[i]) / (times[j] - times[i]) for i in range(n) for j in range(i + 1, n)
    )
    reach = z * math.sqrt(variance(values))
    low = max(round((len(slopes) - reach) / 2) - 1, 0)
    high = min(round((len(slopes) + reach) / 2), len(slopes) - 1)
    return median(slopes), slopes[low], slopes[high]


def exact_p(s, n):
    """Share of all orders of n points whose score is as far from 0."""
    orders = list(permutations(range(n)))
    return sum(abs(score(order)) >= abs(s) for order in orders) / len(orders)


def corrected(times, values, correction, z):
    """Score and factor under a correction; None where a last bit decides about them.

    In exact fractions; z: the quantile that makes a lag count.
    """
    t, y = [Fraction(x) for x in times], [Fraction(x) for x in values]
    n, slope = len(t), Fraction(0)
    if correction != "pre_whitening":
        pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
        slope = median([(y[j] - y[i]) / (t[j] - t[i]) for i, j in pairs])
        y = [b - slope * (a - t[0]) for a, b in zip(t, y, strict=True)]
    if are_near(y, max(map(abs, values))):
        return None
    if correction == "hamed_rao":
        ranks = [sum(b < a for b in y) + Fraction(sum(b == a for b in y) - 1, 2) for a in y]
        own = [lagged(ranks, lag) for lag in range(1, n - 2)]
        limit = z / math.sqrt(n)
        if any(abs(abs(r) - limit) < 1e-9 for r in own):
            return None
        parts = [(n - k) * (n - k - 1) * (n - k - 2) * r for k, r in enumerate(own, 1)]
        counted = sum(part for part, r in zip(parts, own, strict=True) if abs(r) > limit)
        return score(values), 1 + Fraction(2, n * (n - 1) * (n - 2)) * abs(counted)
    if correction == "yue_wang":
        own = [lagged(y, lag) for lag in range(1, n)]
        return score(values), 1 + 2 * sum(Fraction(n - k, n) * r for k, r in enumerate(own, 1))
    first = lagged(y, 1)
    white = [y[k + 1] - first * y[k] + slope * (t[k + 1] - t[0]) for k in range(n - 1)]
    return None if are_near(white, max(map(abs, values))) else (score(white), Fraction(1))


def lagged(y, lag):
    """Autocorrelation at a lag."""
    mean = sum(y) / len(y)
    x = [a - mean for a in y]
    return sum(a * b for a, b in zip(x, x[lag:], strict=False)) / sum(a * a for a in x)


def are_near(numbers, size):
    """Whether some are so near each other that rounding may order them; or all are equal."""
    ordered = sorted(set(numbers))
    steps = [b - a for a, b in zip(ordered, ordered[1:], strict=False)]
    return not steps or min(steps) <= Fraction(1e-9) * Fraction(size)
