"""Confidence intervals, read literally off their definitions, in decimals of 30 digits.

Quantiles are found by halving an interval in which the distribution function crosses the level;
the distribution functions are the incomplete beta series, whose terms are all positive.
"""

from decimal import Decimal, localcontext
from functools import cache

DIGITS = 30
HALVINGS = 70
# B_2k / (2k (2k - 1)) of Stirling's series, as fractions.
STIRLING = [(1, 12), (-1, 360), (1, 1260), (-1, 1680), (1, 1188), (-691, 360360), (1, 156),
            (-3617, 122400), (43867, 244188), (-174611, 125400)]  # fmt: skip
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494")


def in_decimals(function):
    """Run with 30 digits."""

    def run(*arguments):
        with localcontext() as context:
            context.prec = DIGITS
            return function(*[Decimal(argument) for argument in arguments])

    return run


def log_gamma(x):
    """log Gamma(x): Stirling's series, above 60; below by Gamma(x + 1) = x Gamma(x)."""
    shift = Decimal(0)
    while x < 60:
        shift += x.ln()
        x += 1
    series = sum(Decimal(a) / b / x ** (2 * k + 1) for k, (a, b) in enumerate(STIRLING))
    return (x - Decimal("0.5")) * x.ln() - x + (2 * PI).ln() / 2 + series - shift


def beta_cdf(x, a, b):
    """P(X <= x) for X of the beta distribution with parameters a and b."""
    if n_terms(x, a, b) > n_terms(1 - x, b, a):
        return 1 - beta_cdf(1 - x, b, a)
    term = total = Decimal(1)
    n = 0
    while term > total.scaleb(-DIGITS):
        term *= x * (a + b + n) / (a + 1 + n)
        total += term
        n += 1
    log_front = a * x.ln() + b * (1 - x).ln() - a.ln()
    log_front += log_gamma(a + b) - log_gamma(a) - log_gamma(b)
    return total * log_front.exp()


def crossing(is_below, low, high):
    """The point where `is_below` turns from true to false."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return (low + high) / 2


def n_terms(x, a, b):
    """About how many terms the series has: they grow as long as x(a + b + n) > a + n."""
    return (max(x * (a + b) - a, Decimal(0)) + 3 * DIGITS) / (1 - x)


def beta_quantile(q, a, b):
    return crossing(lambda x: beta_cdf(x, a, b) < q, Decimal(0), Decimal(1))


@cache
def t_of(df, level):
    """The t above which (1 - level)/2 lie: df/(df + t^2) is beta(df/2, 1/2)."""
    x = beta_quantile(1 - level, df / 2, Decimal("0.5"))
    return (df * (1 - x) / x).sqrt()


@in_decimals
def plain(p, se, df, n, level):
    half = t_of(df, level) * se
    return p - half, p + half


@in_decimals
def logit(p, se, df, n, level):
    middle, half = (p / (1 - p)).ln(), t_of(df, level) * se / (p * (1 - p))
    return tuple(1 / (1 + (-x).exp()) for x in (middle - half, middle + half))


@in_decimals
def wilson(p, se, df, n, level):
    t, size = t_of(df, level), p * (1 - p) / se**2

    def outside(q):
        return (p - q) ** 2 > t**2 * q * (1 - q) / size

    low = crossing(outside, Decimal(0), p)
    return low, crossing(lambda q: not outside(q), p, Decimal(1))


@in_decimals
def likelihood(p, se, df, n, level):
    t, size = t_of(df, level), p * (1 - p) / se**2

    def outside(q):
        return 2 * size * (p * (p / q).ln() + (1 - p) * ((1 - p) / (1 - q)).ln()) > t**2

    return crossing(outside, Decimal(0), p), crossing(lambda q: not outside(q), p, Decimal(1))


def binomial_ends(p, size, level):
    """The q of which p or more, and p or less, are seen with probability (1 - level)/2."""
    tail = (1 - level) / 2
    yes, no = size * p, size * (1 - p)
    low = beta_quantile(tail, yes, no + 1) if yes else Decimal(0)
    return low, beta_quantile(1 - tail, yes + 1, no) if no else Decimal(1)


@in_decimals
def beta(p, se, df, n, level):
    size = p * (1 - p) / se**2 * (t_of(n - 1, level) / t_of(df, level)) ** 2
    return binomial_ends(p, size, level)


@in_decimals
def clopper_pearson(p, n, level):
    return binomial_ends(p, n, level)
