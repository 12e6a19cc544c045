"""How unevenly units change, read literally off the definitions, in exact fractions.

Units are lists of fractions: figures at the start and at the end, and weights. Variances, slopes
and shares are exact; only roots are floats. None is an undefined figure.
"""

import math
from fractions import Fraction


def mean(values, weights):
    return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)


def covariance(a, b, weights):
    """Divisor n - 1 for units that count alike: sum of w (a - mean)(b - mean) times n/(n - 1)."""
    n, total = len(a), sum(weights)
    if n < 2:
        return None
    at, bt = mean(a, weights), mean(b, weights)
    parts = (w * (x - at) * (y - bt) for x, y, w in zip(a, b, weights, strict=True))
    return sum(parts) / total * Fraction(n, n - 1)


def sd(values, weights):
    variance = covariance(values, values, weights)
    return None if variance is None else math.sqrt(variance)


def cv(values, weights):
    centre = mean(values, weights)
    return None if len(values) < 2 or not centre else sd(values, weights) / abs(centre)


def quantile(values, weights, q):
    """The smallest value that the share q reaches; halfway to the next if reached exactly."""
    pairs, total, reached = sorted(zip(values, weights, strict=True)), sum(weights), 0
    for i, (value, weight) in enumerate(pairs):
        reached += weight
        if reached > q * total:
            return value
        if reached == q * total:
            return (value + pairs[i + 1][0]) / 2 if i + 1 < len(pairs) else value
    return None


def iqr(values, weights):
    low, high = Fraction(1, 4), Fraction(3, 4)
    return quantile(values, weights, high) - quantile(values, weights, low)


def gini(values, weights):
    """Half the mean absolute difference of two draws, over the mean."""
    centre, total = mean(values, weights), sum(weights)
    if centre <= 0 or min(values) < 0:
        return None
    pairs = list(zip(values, weights, strict=True))
    differences = sum(w * v * abs(x - y) for x, w in pairs for y, v in pairs)
    return differences / total**2 / centre / 2


def beta(start, end, weights):
    """Slope of the change on the start, by groups of one: (slope, intercept, r2)."""
    change = [y - x for x, y in zip(start, end, strict=True)]
    if len(start) < 3 or covariance(start, start, weights) == 0:
        return None, None, None
    slope = covariance(start, change, weights) / covariance(start, start, weights)
    intercept = mean(change, weights) - slope * mean(start, weights)
    whole = covariance(change, change, weights)
    r2 = slope * covariance(start, change, weights) / whole if whole else None
    return slope, intercept, r2


def standard_error(start, end, weights):
    """Of the slope: residual variance over n - 2."""
    slope, _, _ = beta(start, end, weights)
    rest = [y - x - slope * x for x, y in zip(start, end, strict=True)]
    n = len(start)
    ratio = covariance(rest, rest, weights) / covariance(start, start, weights)
    return math.sqrt(ratio / (n - 2))


def demeaned(values, weights, groups):
    """Values without the mean of their group."""
    means = {}
    for g in set(groups):
        inside = [i for i, other in enumerate(groups) if other == g]
        means[g] = mean([values[i] for i in inside], [weights[i] for i in inside])
    return [v - means[g] for v, g in zip(values, groups, strict=True)]


def beta_within(start, end, weights, groups):
    """The slope with a constant for each group."""
    a = demeaned(start, weights, groups)
    b = demeaned([y - x for x, y in zip(start, end, strict=True)], weights, groups)
    square = sum(w * x * x for x, w in zip(a, weights, strict=True))
    return sum(w * x * y for x, y, w in zip(a, b, weights, strict=True)) / square


def share_within(start, end, weights, groups):
    """The part of the variance of reductions that lies within groups."""
    fall = [x - y for x, y in zip(start, end, strict=True)]
    inside, centre = demeaned(fall, weights, groups), mean(fall, weights)
    whole = sum(w * (x - centre) ** 2 for x, w in zip(fall, weights, strict=True))
    return sum(w * x * x for x, w in zip(inside, weights, strict=True)) / whole


def ranks(values, weights):
    """Share of weight below, and half of that at the value."""
    pairs, total = list(zip(values, weights, strict=True)), sum(weights)
    return [
        sum(w for y, w in pairs if y < x) / total + sum(w for y, w in pairs if y == x) / total / 2
        for x in values
    ]


def rank_correlation(start, end, weights):
    a, b = ranks(start, weights), ranks(end, weights)
    if len(a) < 2 or len(set(a)) == 1 or len(set(b)) == 1:
        return None
    size = covariance(a, a, weights) * covariance(b, b, weights)
    return float(covariance(a, b, weights)) / math.sqrt(size)


def share_of_top(start, end, weights, n_top):
    brought = sorted(((x - y) * w for x, y, w in zip(start, end, weights, strict=True)))[::-1]
    return sum(brought[:n_top]) / sum(brought) if sum(brought) > 0 else None


def mean_of_errors(cov, weights):
    """What errors of a covariance matrix bring to a variance of divisor n - 1."""
    n, total = len(weights), sum(weights)
    own = sum(w * cov[i][i] for i, w in enumerate(weights)) / total
    pairs = sum(weights[i] * weights[j] * cov[i][j] for i in range(n) for j in range(n)) / total**2
    return (own - pairs) * Fraction(n, n - 1)


def corrected(start, end, weights, v0, v1, c01):
    """Variances of start, end, reduction, and the slope, without errors of these matrices."""
    change = [y - x for x, y in zip(start, end, strict=True)]
    e0, e1, e01 = (mean_of_errors(v, weights) for v in (v0, v1, c01))
    left0 = covariance(start, start, weights) - e0
    left1 = covariance(end, end, weights) - e1
    left_change = covariance(change, change, weights) - (e0 + e1 - 2 * e01)
    both = covariance(start, change, weights) + (e0 - e01)
    return left0, left1, left_change, both / left0 if left0 > 0 else None
