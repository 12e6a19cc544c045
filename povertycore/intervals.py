r"""Confidence intervals of many estimates at once.

With t the 1 - (1 - level)/2 quantile of Student's t on df degrees of freedom, V = se^2 and
n_eff = p(1 - p)/V the size of a simple random sample that would be as precise:

- plain: p -+ t se;
- logit: the ends of logit(p) -+ t se/(p(1 - p)), turned back;
- wilson: the q with (p - q)^2 = t^2 q(1 - q)/n_eff (Wilson 1927);
- likelihood: the q with 2 n_eff (p log(p/q) + (1 - p) log((1 - p)/(1 - q))) = t^2, the binomial
  likelihood scaled as Rao and Scott (1984) do;
- beta: the ends of Clopper and Pearson (1934) for n_eff (t(n - 1)/t(df))^2 trials (Korn and
  Graubard 1998), n being the rows.

Korn, E. L. and Graubard, B. I. (1998), Confidence intervals for proportions with small expected
number of positive counts estimated from survey data, Survey Methodology 24(2), 193-201. Rao, J.
N. K. and Scott, A. J. (1984), Annals of Statistics 12(1), 46-60.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .errors import OptionError, unknown_option

if TYPE_CHECKING:
    from .estimates import Estimates

__all__ = ["REASONS", "Intervals", "intervals", "with_intervals"]

Array = npt.NDArray[np.float64]

METHODS = ("logit", "beta", "wilson", "likelihood", "plain")
NOTHING, FEW_DF, ZERO_OR_ONE = 0, 1, 2
# What a note says of an interval, by the number in `Intervals.reason`.
REASONS = (
    "",
    "fewer than 1 degree of freedom: no interval",
    "all rows are alike: no standard error, and the Korn-Graubard interval of as many rows",
)
MOST_STEPS = 200  # of Newton's method, which needs about ten


class Intervals(NamedTuple):
    """Ends of intervals, and the number in `REASONS` of what a note should say."""

    low: Array
    high: Array
    reason: npt.NDArray[np.int8]


def intervals(
    estimate: npt.ArrayLike,
    se: npt.ArrayLike,
    df: npt.ArrayLike,
    n_obs: npt.ArrayLike,
    is_proportion: npt.ArrayLike,
    level: float = 0.95,
    method: str | None = None,
) -> Intervals:
    """Compute confidence intervals, one per row.

    Parameters
    ----------
    estimate, se : array_like of float
        Estimates and their standard errors, shape (rows,). A proportion of 0 or 1 whose variance
        is zero comes with a se of NaN, unless every unit was seen: then it is 0.
    df : array_like of float
        Degrees of freedom; infinite for the normal distribution, NaN where nothing was sampled.
    n_obs : array_like of int
        Rows that each estimate is made of.
    is_proportion : array_like of bool
        Which estimates are proportions.
    level : float, default 0.95
        Confidence level, between 0 and 1.
    method : {"logit", "beta", "wilson", "likelihood", "plain"}, optional
        For proportions; all others have plain intervals. By default logit.

    Returns
    -------
    Intervals
        `low` and `high`, NaN where there is no interval; `reason`, the number in `REASONS`.

    Raises
    ------
    OptionError
        The level is not between 0 and 1, or the method is not one of those listed.

    Notes
    -----
    Below 1 degree of freedom there is no interval. A proportion of 0 or 1 without a standard error
    has the interval of Clopper and Pearson for its rows, whatever the method. A standard error of
    0 gives an interval of no length.

    Examples
    --------
    Of 100 rows of a simple random sample a fifth is poor: the standard error is 0.04.

    >>> low, high, _ = intervals(0.2, 0.04, 99, 100, True)
    >>> low.round(4), high.round(4)
    (array([0.1321]), array([0.2911]))
    >>> intervals(0.2, 0.04, np.inf, 100, False, level=0.9).low.round(4)
    array([0.1342])
    """
    check_level(level)
    if method is not None and method not in METHODS:
        raise unknown_option("method", method, METHODS)
    p, s, nu, n = (np.atleast_1d(np.asarray(x, np.float64)) for x in (estimate, se, df, n_obs))
    p, s, nu, n, named = np.broadcast_arrays(p, s, nu, n, np.atleast_1d(np.asarray(is_proportion)))
    proportion = named.astype(bool) & (p >= 0) & (p <= 1)
    low, high = np.full(p.shape, np.nan), np.full(p.shape, np.nan)
    enough = nu >= 1
    alike = proportion & enough & np.isnan(s) & ((p == 0) | (p == 1)) & (n >= 1)
    fixed = enough & (s == 0)
    by_method = proportion & enough & (s > 0) & (p > 0) & (p < 1)
    plain = enough & (s > 0) & ~by_method
    low[fixed] = high[fixed] = p[fixed]
    for rows, make in ((plain, _plain), (by_method, MAKERS[method or "logit"])):
        if rows.any():
            low[rows], high[rows] = make(p[rows], s[rows], nu[rows], n[rows], level)
    if alike.any():
        low[alike], high[alike] = clopper_pearson(p[alike], n[alike], level)
    reason = np.where(alike, ZERO_OR_ONE, NOTHING).astype(np.int8)
    reason[(nu < 1) & np.isfinite(p)] = FEW_DF
    return Intervals(low, high, reason)


def with_intervals(est: Estimates, level: float = 0.95, method: str | None = None) -> Estimates:
    """Return the estimates with intervals of another level or method.

    Parameters
    ----------
    est : Estimates
        Any result.
    level : float, default 0.95
        Confidence level, between 0 and 1.
    method : {"logit", "beta", "wilson", "likelihood", "plain"}, optional
        As in `intervals`.

    Returns
    -------
    Estimates
        The same rows; `ci_low` and `ci_high` are new, and `.meta` names level and method.

    Raises
    ------
    OptionError
        The level is not between 0 and 1; the method is not one of those listed, or is for
        proportions and there is none.
    """
    proportion = est._proportion
    if method in METHODS[:-1] and not proportion.any():
        raise OptionError(
            f"method {method!r} is for proportions, and no row is one; leave it out for plain "
            "intervals"
        )
    estimate, se, df, n = (est._columns[name] for name in ("estimate", "se", "df", "n_obs"))
    made = intervals(estimate, se, df, n, proportion, level, method)
    words = method or ("logit" if proportion.any() else "plain")
    return est._with(
        {"ci_low": made.low, "ci_high": made.high},
        meta={"level": float(level), "interval": words},
    )


def check_level(level: Any) -> None:
    """Refuse a confidence level that is not between 0 and 1; 95 is not one."""
    is_number = isinstance(level, int | float | np.number) and not isinstance(level, bool)
    if not is_number or not 0 < level < 1:
        error = OptionError(f"level must lie between 0 and 1, as 0.95; found {level!r}")
        error.argument = "level"
        raise error


def t_quantile(df: Array, level: float) -> Array:
    """Return the quantile of Student's t that leaves (1 - level)/2 above it.

    Parameters
    ----------
    df : ndarray of float
        Degrees of freedom, above 0; infinite gives the normal distribution.
    level : float
        Confidence level.

    Returns
    -------
    ndarray of float
        One quantile per entry; NaN where df is not above 0.

    Examples
    --------
    >>> t_quantile(np.array([1.0, 67.0, np.inf]), 0.95).round(3)
    array([12.706,  1.996,  1.96 ])
    """
    from scipy.special import ndtri, stdtrit

    different, place = np.unique(df, return_inverse=True)
    # The lower tail, which does not lose digits as 1 - level becomes small.
    tail = (1.0 - level) / 2.0
    known = np.where(different > 0, different, np.nan)
    finite = np.where(np.isfinite(known), known, np.nan)
    quantile = np.where(np.isposinf(known), ndtri(tail), stdtrit(finite, tail))
    return np.asarray(-quantile[place.reshape(df.shape)])


def _plain(p: Array, se: Array, df: Array, n: Array, level: float) -> tuple[Array, Array]:
    half = t_quantile(df, level) * se
    return p - half, p + half


def _logit(p: Array, se: Array, df: Array, n: Array, level: float) -> tuple[Array, Array]:
    odds = p / (1 - p)
    factor = np.exp(-t_quantile(df, level) * (se / (p * (1 - p))))
    return odds * factor / (1 + odds * factor), odds / (odds + factor)


def _beta(p: Array, se: Array, df: Array, n: Array, level: float) -> tuple[Array, Array]:
    ratio = t_quantile(n - 1, level) / t_quantile(df, level)
    return clopper_pearson(p, effective_size(p, se) * ratio**2, level)


def _wilson(p: Array, se: Array, df: Array, n: Array, level: float) -> tuple[Array, Array]:
    t = t_quantile(df, level)
    size = effective_size(p, se)
    shrink = 1 / (1 + t**2 / size)
    middle = (p + t**2 / (2 * size)) * shrink
    half = t * shrink * np.sqrt(p * (1 - p) / size + (t / (2 * size)) ** 2)
    # The lower end as the product of both, free of cancellation: it may lie near 0.
    high = middle + half
    low = p**2 * shrink / high
    return low, high


def _likelihood(p: Array, se: Array, df: Array, n: Array, level: float) -> tuple[Array, Array]:
    distance = t_quantile(df, level) ** 2 / (2 * effective_size(p, se))
    return likelihood_end(p, 1 - p, distance), 1 - likelihood_end(1 - p, p, distance)


MAKERS: dict[str, Callable[[Array, Array, Array, Array, float], tuple[Array, Array]]] = {
    "plain": _plain,
    "logit": _logit,
    "beta": _beta,
    "wilson": _wilson,
    "likelihood": _likelihood,
}


def effective_size(p: Array, se: Array) -> Array:
    """Return how large a simple random sample would be that gives the same standard error.

    Parameters
    ----------
    p : ndarray of float
        Proportions between 0 and 1.
    se : ndarray of float
        Their standard errors, above 0.

    Returns
    -------
    ndarray of float
        p(1 - p)/se^2.

    Examples
    --------
    >>> effective_size(np.array([0.2]), np.array([0.04])).round(9)
    array([100.])
    """
    return np.asarray(p * (1 - p) / se**2)


def clopper_pearson(p: Array, n: Array, level: float) -> tuple[Array, Array]:
    """Return the exact binomial interval of a proportion of n trials, which need not be whole.

    Parameters
    ----------
    p : ndarray of float
        Proportions, 0 and 1 included.
    n : ndarray of float
        Trials, above 0.
    level : float
        Confidence level.

    Returns
    -------
    tuple of ndarray
        Lower and upper ends.

    Examples
    --------
    Nobody of 10: the upper end is 1 - 0.025^(1/10).

    >>> low, high = clopper_pearson(np.array([0.0]), np.array([10.0]), 0.95)
    >>> low, high.round(4)
    (array([0.]), array([0.3085]))
    """
    from scipy.special import betaincinv

    tail = (1.0 - level) / 2.0
    yes, no = n * p, n * (1 - p)
    ones = np.ones_like(yes)
    low = betaincinv(np.where(yes > 0, yes, ones), no + 1, tail)
    # The upper end is 1 - the lower end of the other answer, which is exact for tails near 0.
    high = 1 - betaincinv(np.where(no > 0, no, ones), yes + 1, tail)
    return np.where(yes == 0, 0.0, low), np.where(no == 0, 1.0, high)


def likelihood_end(p: Array, other: Array, distance: Array) -> Array:
    """Return the q below p whose binomial log-likelihood per trial is lower by `distance`.

    Parameters
    ----------
    p, other : ndarray of float
        The proportion and 1 minus it, both above 0.
    distance : ndarray of float
        p log(p/q) + (1 - p) log((1 - p)/(1 - q)), above 0.

    Returns
    -------
    ndarray of float
        The lower ends.

    Notes
    -----
    With d = logit(q) - logit(p) the distance is log(1 + p(e^d - 1)) - p d, a convex function that
    falls towards d = 0. From a point left of the root Newton's steps never pass it.
    """
    d = (np.log(other) - distance) / p
    for _ in range(MOST_STEPS):
        fall = p * np.expm1(d)
        rest = other + p * np.exp(d)  # 1 + fall, without cancellation where p is near 1
        excess = np.where(fall > -0.5, np.log1p(fall), np.log(rest)) - p * d - distance
        slope = -other * fall / rest  # p - q
        moved = np.maximum(d, d + excess / slope)
        if np.array_equal(moved, d):
            break
        d = moved
    return np.asarray(p * np.exp(d) / (other + p * np.exp(d)))
