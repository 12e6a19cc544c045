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
