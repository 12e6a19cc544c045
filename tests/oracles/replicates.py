"""Variances by replicates, read literally: every estimate again under each weighting.

Rows are dictionaries; `y` over `x` of weighted totals is the estimate (x is 1 for a mean). Factors
are {PSU: one factor per replicate}, PSUs being (stratum, psu). All in fractions, but the result.
"""

import itertools
from fractions import Fraction


def variance(rows, factors, scales, mse=False):
    """Sum of scale times the squared deviation, of a mean or ratio."""
    whole = estimate(rows, lambda row: 1)
    n = len(scales)
    theta = [estimate(rows, lambda row, r=r: factors[row["h"], row["psu"]][r]) for r in range(n)]
    centre = whole if mse else sum(theta) / n
    return float(sum(Fraction(a) * (t - centre) ** 2 for a, t in zip(scales, theta, strict=True)))


def estimate(rows, factor):
    weights = [Fraction(row["w"]) * Fraction(factor(row)) for row in rows]
    above = sum(w * Fraction(row["y"]) for w, row in zip(weights, rows, strict=True))
    below = sum(w * Fraction(row.get("x", 1)) for w, row in zip(weights, rows, strict=True))
    return above / below


def psus_of(rows):
    """{stratum: its PSUs}, both in order."""
    strata = {}
    for row in rows:
        strata.setdefault(row["h"], set()).add(row["psu"])
    return {h: sorted(strata[h]) for h in sorted(strata)}


def jackknife(rows, fraction=0):
    """Factors and scales of the delete-one jackknife; a stratum with one PSU keeps its weight."""
    strata = psus_of(rows)
    left_out = [(h, c) for h, psus in strata.items() for c in psus if len(psus) > 1]
    factors = {}
    for h, psus in strata.items():
        n = len(psus)
        for c in psus:
            factors[h, c] = [
                0 if (h, c) == out else Fraction(n, n - 1) if h == out[0] else 1 for out in left_out
            ]
    scales = [
        (1 - Fraction(fraction)) * Fraction(len(strata[h]) - 1, len(strata[h])) for h, _ in left_out
    ]
    return factors, scales


def all_bootstraps(rows):
    """Every equally likely draw of n - 1 of the n PSUs of each stratum: factors and scales."""
    strata = psus_of(rows)
    draws = [list(itertools.product(psus, repeat=len(psus) - 1)) for psus in strata.values()]
    whole = list(itertools.product(*draws))
    factors = {
        (h, c): [Fraction(len(psus), len(psus) - 1) * draw[i].count(c) for draw in whole]
        for i, (h, psus) in enumerate(strata.items())
        for c in psus
    }
    return factors, [Fraction(1, len(whole))] * len(whole)
