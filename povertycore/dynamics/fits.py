"""How a trend is fitted: one function for each method, of many pieces of series at once.

A fit by least squares is linear in the figures: it comes with its coefficients, and so with its
sampling variance, whatever the figures' covariance is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from .. import _core
from ..covariance import combined, cov_of, two_sided
from ..estimates import Estimates
from .series import FEWEST, Bools, Floats, Ints, Pieces

CORRECTIONS = (
    "hamed_rao",
    "none",
    "yue_wang",
    "pre_whitening",
    "trend_free_pre_whitening",
)
ERRORS = ("sampling", "residual", "hac")
MOST_EXACT = 10  # points for which the distribution of S is written out
# Of four points the least and the largest slope enclose the true one with a probability of 11/12.
FEWEST_FOR_SEN = 5
NORMAL_975 = 1.959963984540054
SINGULAR = 1e-10  # an eigenvalue of a correlation matrix that counts as 0
ROWS_AT_ONCE = 256  # of a covariance matrix of which blocks are used


@dataclass(frozen=True)
class Options:
    """What a fit has to know beside the figures."""

    errors: str  # one of ERRORS
    correction: str = "hamed_rao"
    lags: int = 2
    independent: bool = False


@dataclass
class Fit:
    """Figures of all pieces by one method; arrays have the shape (pieces, measures).

    `coefficients` are those of the figures in each measure, by point: its sampling variance is
    that of the combination. None where standard errors are there already, or there are none.
    """

    pieces: Pieces
    values: Floats
    coefficients: list[Floats | None]
    se: Floats
    df: Floats
    p_value: Floats
    low: Floats
    high: Floats
    notes: dict[int, list[str]] = field(default_factory=dict)
    terms: dict[int, tuple[Bools, Floats]] = field(default_factory=dict)  # of the joint, by measure
    n_psu: Floats = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def of(cls, pieces: Pieces, values: list[Floats]) -> Fit:
        """Return figures without errors."""
        found = np.column_stack(values)
        blank = np.full((5, *found.shape), np.nan)
        return cls(pieces, found, [None] * len(values), *blank)

    def note(self, words: Mapping[int, str]) -> None:
        """Add to the notes of some pieces."""
        for piece, text in words.items():
            self.notes.setdefault(piece, []).append(text)


# ---- least squares ------------------------------------------------------------------------------


def ols(pieces: Pieces, options: Options) -> Fit:
    """Fit lines by least squares."""
    return line_fit(pieces, None, options)


def wls(pieces: Pieces, options: Options) -> Fit:
    """Fit lines by least squares, each figure weighted by one over its sampling variance."""
    used, notes = with_errors(pieces)
    fit = line_fit(used, 1 / used.column("se") ** 2, options)
    fit.note(notes)
    return level_at_start(fit, pieces)


def with_errors(pieces: Pieces) -> tuple[Pieces, dict[int, str]]:
    """Leave out the points that have no standard error, or none above 0, and say which."""
    keep = pieces.column("se") > 0
    words = pieces.words(~keep)
    notes = {i: f"left out, without a standard error above 0: {text}" for i, text in words.items()}
    return pieces.of(keep), notes


def line_fit(pieces: Pieces, weight: Floats | None, options: Options) -> Fit:
    """Fit lines, and give them residual errors unless sampling errors are asked for."""
    line = Line.through(pieces, pieces.value, weight)
    fit = Fit.of(pieces, [line.slope, line.level])
    if options.errors == "sampling":
        fit.coefficients = [line.of_slope, line.of_level]
        return fit
    fit.df[:] = residual_df(pieces)[:, None]
    fit.se = np.column_stack(
        [line.errors(part, options) for part in (line.of_slope, line.of_level)]
    )
    return fit


def level_at_start(fit: Fit, pieces: Pieces) -> Fit:
    """Move the level from the first point used to the first one of the piece."""
    shift = pieces.first_time - fit.pieces.first_time
    if not (shift < 0).any():
        return fit
    fit.values[:, 1] += shift * fit.values[:, 0]
    slope, level = fit.coefficients[:2]
    if slope is not None and level is not None:
        fit.coefficients[1] = level + np.repeat(shift, fit.pieces.n) * slope
    else:  # the error of a level where there is no point is not worth a covariance
        fit.se[shift < 0, 1] = np.nan
    return fit


@dataclass(frozen=True)
class Line:
    """Lines through the values at the points of pieces, by least squares."""

    pieces: Pieces
    value: Floats
    weight: Floats | None
    slope: Floats
    level: Floats
    squares: Floats
    of_slope: Floats
    of_level: Floats

    @classmethod
    def through(cls, pieces: Pieces, value: Floats, weight: Floats | None) -> Line:
        """Fit the lines."""
        made = _core.trend_line(pieces.start, pieces.time, value, weight)
        return cls(pieces, value, weight, *made)

    def errors(self, part: Floats, options: Options) -> Floats:
        """Return standard errors of slope or level, from what the values differ from their line."""
        if options.errors == "hac":
            return np.sqrt(long_run_variance(self.pieces, part * self.residuals(), options.lags))
        own = part**2 if self.weight is None else part**2 / self.weight
        return np.sqrt(self.squares / residual_df(self.pieces) * self.pieces.sums(own))

    def residuals(self) -> Floats:
        """Return what each value differs from its line."""
        slope, level = (np.repeat(numbers, self.pieces.n) for numbers in (self.slope, self.level))
        elapsed = self.pieces.time - np.repeat(self.pieces.first_time, self.pieces.n)
        return np.asarray(self.value - (level + slope * elapsed))


def residual_df(pieces: Pieces) -> Floats:
    """Return the points of each piece less two, NaN where there are no more."""
    return np.where(pieces.n > 2, pieces.n - 2.0, np.nan)


def long_run_variance(pieces: Pieces, parts: Floats, lags: int) -> Floats:
    """Return the variance of sums of correlated parts: products up to so many points apart.

    Bartlett's weights 1 - k/(lags + 1) keep it from being negative (Newey and West 1987).
    """
    variance = pieces.sums(parts**2)
    for lag in range(1, lags + 1):
        together = pieces.piece[lag:] == pieces.piece[:-lag]
        product = np.zeros(len(parts))
        product[lag:][together] = (parts[lag:] * parts[:-lag])[together]
        variance += 2 * (1 - lag / (lags + 1)) * pieces.sums(product)
    return np.maximum(variance, 0.0)


def apc(pieces: Pieces, options: Options) -> Fit:
    """Fit lines to the logarithms: the same percentage every year."""
    positive = pieces.value > 0
    words = pieces.words(~positive)
    used = pieces.of(positive)
    line = Line.through(used, np.log(used.value), None)
    growth = np.exp(line.slope)
    spoiled = pieces.any(~positive)
    fit = Fit.of(used, [np.where(spoiled, np.nan, np.expm1(line.slope))])
    fit.note({i: f"no logarithm: 0 or below in {text}" for i, text in words.items()})
    if options.errors == "sampling":
        fit.coefficients = [np.repeat(growth, used.n) * line.of_slope / used.value]
        return fit
    fit.df[:, 0] = residual_df(used)
    fit.se[:, 0] = growth * line.errors(line.of_slope, options)
    return fit


# ---- generalised least squares ------------------------------------------------------------------


def gls(pieces: Pieces, options: Options) -> Fit:
    """Fit lines by least squares with the joint covariance of the figures, and test their fit."""
    used, notes = with_errors(pieces)
    of_slope, of_level = np.full((2, len(used.row)), np.nan)
    distance = np.full(len(used), np.nan)
    singular: list[int] = []
    for some in batches(used.n):
        points = used.start[some][:, None] + np.arange(used.n[some[0]])
        cov = blocks(used.panel.est, used.row[points], options.independent)
        good = is_regular(cov)
        singular += some[~good & np.isfinite(cov).all(axis=(1, 2))].tolist()
        some, points, cov = some[good], points[good], cov[good]
        if len(some):
            parts, distance[some] = best_line(cov, used.time[points], used.value[points])
            of_slope[points], of_level[points] = parts[:, 0], parts[:, 1]
    slope, level = used.sums(of_slope * used.value), used.sums(of_level * used.value)
    empty = used.n == 0
    slope[empty] = level[empty] = np.nan
    fit = Fit.of(used, [slope, level, distance])
    fit.coefficients = [of_slope, of_level, None]
    fit.note(notes)
    fit.note(dict.fromkeys(singular, "the covariance of the figures is singular"))
    return level_at_start(fit, pieces)


def batches(n: Ints) -> list[Ints]:
    """Return pieces of one number of points, not too many at a time."""
    found = []
    for size in np.unique(n[n >= 2]).tolist():
        some = np.flatnonzero(n == size)
        step = max(1, ROWS_AT_ONCE // size)
        found += [some[first : first + step] for first in range(0, len(some), step)]
    return found


def blocks(est: Estimates, rows: Ints, independent: bool) -> Floats:
    """Return the covariance of each line of rows, (lines, rows of a line, rows of a line)."""
    n, m = rows.shape
    at = np.arange(n)
    cov = cov_of(est, rows.ravel()).reshape(n, m, n, m)[at, :, at, :].copy()
    if independent:
        off = np.isnan(cov) & ~np.eye(m, dtype=bool)
        cov[off & are_printed(est, rows)[:, None, None]] = 0.0
    return np.asarray(cov)


def are_printed(est: Estimates, rows: Ints) -> Bools:
    """Return which lines of rows are of one printed table throughout."""
    known = np.array([joint is not None for joint in est._joints])
    return np.asarray(~known[est._sample[rows]].any(axis=1))


def is_regular(cov: Floats) -> Bools:
    """Return which covariances can be inverted."""
    good = np.isfinite(cov).all(axis=(1, 2))
    scale = np.sqrt(np.diagonal(cov, axis1=1, axis2=2))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = cov / (scale[:, :, None] * scale[:, None, :])
    good &= np.isfinite(correlation).all(axis=(1, 2))
    if good.any():
        good[good] = np.linalg.eigvalsh(correlation[good])[:, 0] > SINGULAR
    return np.asarray(good)


def best_line(cov: Floats, time: Floats, value: Floats) -> tuple[Floats, Floats]:
    """Return the coefficients of the figures in slope and level, and r' V^-1 r of what is left."""
    elapsed = time - time[:, :1]
    x = np.stack([elapsed, np.ones_like(elapsed)], axis=2)
    solved = np.linalg.solve(cov, x)  # V^-1 X
    parts = np.linalg.solve(x.transpose(0, 2, 1) @ solved, solved.transpose(0, 2, 1))
    coefficient = parts @ value[:, :, None]
    rest = value[:, :, None] - x @ coefficient
    distance = (rest.transpose(0, 2, 1) @ np.linalg.solve(cov, rest))[:, 0, 0]
    return parts, distance


def finish_gls(fit: Fit) -> None:
    """Turn the distance from the line into its test, once degrees of freedom are known.

    W of q contrasts is tested as W/q (df - q + 1)/df on F(q, df - q + 1), as everywhere.
    """
    from scipy.special import chdtrc, fdtrc

    distance, df = fit.values[:, 2].copy(), fit.df[:, 0]
    q = fit.pieces.n - 2.0
    below = df - q + 1
    enough = (q > 0) & (below >= 1)
    fit.values[:, 2] = np.nan
    with np.errstate(invalid="ignore"):
        scale = np.where(np.isinf(df), 1.0, below / df)
        f = distance / np.maximum(q, 1) * scale
    fit.values[enough, 2] = f[enough]
    fit.df[:, 2] = np.where(enough, below, np.nan)
    few = enough & np.isfinite(df)
    fit.p_value[few, 2] = fdtrc(q[few], below[few], f[few])
    many = enough & np.isinf(df)
    fit.p_value[many, 2] = chdtrc(q[many], distance[many])


# ---- by ranks -----------------------------------------------------------------------------------


def theil_sen(pieces: Pieces, options: Options) -> Fit:
    """Take the median of all slopes between two points, with Sen's interval."""
    slope, level, low, high = _core.trend_sen(pieces.start, pieces.time, pieces.value, NORMAL_975)
    fit = Fit.of(pieces, [slope, level])
    few = pieces.n < FEWEST_FOR_SEN
    fit.low[:, 0], fit.high[:, 0] = np.where(few, np.nan, (low, high))
    words = "fewer than five periods: no two slopes enclose 95 percent"
    fit.note(dict.fromkeys(np.flatnonzero(few & (pieces.n >= FEWEST)).tolist(), words))
    return fit


def mann_kendall(pieces: Pieces, options: Options) -> Fit:
    """Test for a monotone trend by the signs of all differences."""
    from scipy.special import ndtr

    n, score, n_tied, variance, factor = _core.trend_kendall(
        pieces.start, pieces.time, pieces.value, options.correction, NORMAL_975
    )
    corrected = variance * factor
    s, all_pairs = score.astype(np.float64), n * (n - 1) / 2
    z = np.zeros(len(s))
    with np.errstate(invalid="ignore", divide="ignore"):
        np.divide(s - np.sign(s), np.sqrt(corrected), out=z, where=s != 0)
        tau_a, tau_b = s / all_pairs, s / np.sqrt(all_pairs * (all_pairs - n_tied))
    z[(s != 0) & ~(corrected > 0)] = np.nan
    fit = Fit.of(pieces, [s, tau_a, tau_b, z])
    p = 2 * ndtr(-np.abs(z))
    is_exact = (n == pieces.n) & (n <= MOST_EXACT) & (n >= FEWEST) & (n_tied == 0) & (factor == 1)
    for i in np.flatnonzero(is_exact).tolist():
        p[i] = exact_tail(int(n[i]))[abs(int(score[i]))]
    fit.p_value[:] = p[:, None]
    fit.note(dict.fromkeys(np.flatnonzero(is_exact).tolist(), "exact p"))
    words = "autocorrelation leaves no variance"
    fit.note(dict.fromkeys(np.flatnonzero((n > 0) & np.isnan(z)).tolist(), words))
    return fit


@cache
def exact_tail(n: int) -> dict[int, float]:
    """Return the probability of a score so far from 0 or farther, of n points in any order.

    The number of orders with k falling pairs is the coefficient of q^k in the product of
    1 + q + ... + q^(i - 1) over i up to n.
    """
    ways = [1]
    for i in range(2, n + 1):
        ways = [
            sum(ways[k - step] for step in range(i) if 0 <= k - step < len(ways))
            for k in range(len(ways) + i - 1)
        ]
    top = len(ways) - 1
    size = {abs(top - 2 * k) for k in range(top + 1)}
    return {
        s: sum(way for k, way in enumerate(ways) if abs(top - 2 * k) >= s) / math.factorial(n)
        for s in size
    }


# ---- sampling errors -----------------------------------------------------------------------------


def sampling_variance(
    pieces: Pieces, start: Ints, point: Ints, weight: Floats, independent: bool
) -> tuple[Floats, Floats, Floats]:
    """Return variance, degrees of freedom and PSUs of combinations of points.

    Combination i uses the points point[k], from start[i] on, with weight[k]. Figures of a printed
    table have a joint variance only when they are taken as independent.
    """
    est = pieces.panel.est
    n = len(start) - 1
    of, row = np.repeat(np.arange(n), np.diff(start)), pieces.row[point]
    known = np.array([joint is not None for joint in est._joints])[est._sample[row]]
    if not independent or known.all():
        found = combined(est, start, row, weight)
        return found.variance, found.df, found.n_psu
    n_known = np.bincount(of[known], minlength=n)
    found = combined(est, np.concatenate([[0], np.cumsum(n_known)]), row[known], weight[known])
    se = est["se"].to_numpy(dtype=np.float64)[row[~known]]
    printed = np.bincount(of[~known], (weight[~known] * se) ** 2, n).astype(np.float64)
    variance: Floats = np.where(n_known > 0, found.variance, 0.0) + printed
    return variance, np.where(n_known > 0, found.df, np.inf), np.full(n, np.nan)


def p_values(values: Floats, se: Floats, df: Floats) -> Floats:
    """Return the two-sided p-values of no trend."""
    t = np.full(values.shape, np.nan)
    np.divide(values, se, out=t, where=se > 0)
    t[(values == 0) & (se == 0)] = 0.0  # a flat line is no trend
    return two_sided(t, df)


FITTERS: dict[str, Callable[[Pieces, Options], Fit]] = {
    "ols": ols,
    "wls": wls,
    "gls": gls,
    "theil_sen": theil_sen,
    "mann_kendall": mann_kendall,
    "apc": apc,
}
