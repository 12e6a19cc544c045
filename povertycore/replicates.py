r"""Variances by replicates: the estimate again with other weights, many times.

With theta_r the estimate under the weights of replicate r,

.. math:: V = a \sum_r b_r (\theta_r - \bar\theta)(\theta_r - \bar\theta)'

with `scale` a, `rscales` b and the mean of the replicates in the centre, or with `mse` the estimate
of the full sample. Replicates that are made multiply the weight of a PSU by a factor. So they need
the totals of each PSU only: totals by PSU times factors give the totals of every replicate, and
what is computed of them is what it is of the full sample.

- jkn: without one PSU at a time, the others of its stratum times n/(n - 1); b = (1 - f)(n - 1)/n.
- brr, fay: one PSU of each stratum of two at 2 - fay, the other at fay (0 for brr), by the signs of
  a Hadamard matrix.
- bootstrap: n - 1 of the n PSUs of a stratum drawn with replacement; a PSU drawn k times has the
  factor k n/(n - 1) (Rao, Wu and Yue 1992, Survey Methodology 18(2), 209-217). A finite population
  is not accounted for.

A stratum with one PSU keeps the factor 1. A PSU of several periods is left out in one period at a
time, and what that moves in one is multiplied with what it moves in the other. (Wolter 2007,
Introduction to Variance Estimation, ch. 3-5.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from .design import Replicates
from .errors import DesignError
from .sampling import Linearised, Sample, design_error

__all__ = ["Made", "Replicated", "made_replicates", "scales_of"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Replicated:
    """Estimates of one sample as they are in each replicate.

    Attributes
    ----------
    deviation : ndarray of float64, shape (rows, replicates)
        Of each replicate from the centre, times the root of its scale: covariances are sums of
        products.
    most_df : float
        Degrees of freedom of the whole: the rank of the replicate weights minus 1, or given.
    parts : Linearised or None
        The estimates by PSU, where PSUs are known: they count PSUs and degrees of freedom.
    given_df : bool
        `most_df` was given, and holds for every row.
    lacks : ndarray of int64, shape (rows,)
        Replicates that hold no row of the estimate, and are left out.
    ignores_fpc : bool
        The population is finite, and the replicates are as if it were not.

    Examples
    --------
    >>> from povertycore.replicates import Replicated
    >>> both = Replicated(np.array([[1.0, -1.0], [2.0, 0.0]]), most_df=1.0)
    >>> both.cov()
    array([[2., 2.],
           [2., 4.]])
    """

    deviation: Floats
    most_df: float
    parts: Linearised | None = None
    given_df: bool = False
    lacks: Ints = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    ignores_fpc: bool = False

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.deviation)

    def take(self, rows: Ints) -> Replicated:
        """Return these rows."""
        rows = np.asarray(rows, np.int64)
        return self._with(self.deviation[rows], lambda parts: parts.take(rows))

    def combined(self, start: Ints, rows: Ints, weights: Floats) -> Replicated:
        """Return linear combinations of rows: i uses the entries start[i] to start[i + 1]."""
        start, rows = np.asarray(start, np.int64), np.asarray(rows, np.int64)
        deviation = np.zeros((len(start) - 1, self.deviation.shape[1]))
        into = np.repeat(np.arange(len(start) - 1), np.diff(start))
        np.add.at(deviation, into, self.deviation[rows] * np.asarray(weights)[:, None])
        return self._with(deviation, lambda parts: parts.combined(start, rows, weights))

    def joined(self, others: Sequence[Replicated]) -> Replicated:
        """Return the rows of several below each other; all are of one sample."""
        below = np.concatenate([self.deviation, *(other.deviation for other in others)])
        more = [other.parts for other in others if other.parts is not None]
        return self._with(below, lambda parts: parts.joined(more))

    def variance(self) -> Floats:
        """Return the variance of each row; NaN where no replicate has an estimate."""
        return np.asarray((self.deviation**2).sum(axis=1))

    def cov(self, rows: Ints | None = None) -> Floats:
        """Return the covariance of all rows, or of these."""
        x = self.deviation if rows is None else self.deviation[rows]
        return np.asarray(x @ x.T)

    def df(self) -> Floats:
        """Return the degrees of freedom of each row."""
        whole = np.full(len(self), self.most_df)
        if self.parts is None or self.given_df:
            return whole
        return np.asarray(np.minimum(self.parts.df(), whole))

    def n_psu(self) -> Floats:
        """Return the number of PSUs that each row uses; NaN where PSUs are not known."""
        if self.parts is None:
            return np.full(len(self), np.nan)
        return self.parts.n_psu().astype(np.float64)

    def shared_psus(self, a: Ints, b: Ints) -> Floats:
        """Return the number of PSUs that row a[i] and row b[i] have in common, NaN if not known."""
        if self.parts is None:
            return np.full(len(a), np.nan)
        return self.parts.shared_psus(a, b).astype(np.float64)

    def is_alone(self) -> npt.NDArray[np.bool_]:
        """Return which rows have no variance under any rule."""
        if self.parts is None:
            return np.zeros(len(self), dtype=bool)
        return self.parts.is_alone()

    def is_complete(self) -> npt.NDArray[np.bool_]:
        """Return which rows lie in strata only that were drawn completely."""
        if self.parts is None:
            return np.zeros(len(self), dtype=bool)
        return self.parts.is_complete()

    def _with(self, deviation: Floats, of_parts: Callable[[Linearised], Linearised]) -> Replicated:
        parts = None if self.parts is None else of_parts(self.parts)
        lacks = np.zeros(len(deviation), dtype=np.int64)  # told of where it arose
        return replace(self, deviation=deviation, parts=parts, lacks=lacks)


# ---- from estimates under replicate weights -----------------------------------------------------


def scales_of(replicates: Replicates, n: int) -> Floats:
    """Return the factor of the squared deviation of each replicate, for weights that are given.

    Parameters
    ----------
    replicates : Replicates
        Their kind, and the factors that are given.
    n : int
        How many there are.

    Returns
    -------
    ndarray of float64, shape (n,)
        scale times rscales.

    Raises
    ------
    DesignError
        The kind is "jkn" and no rscales are given: they depend on the strata.

    Notes
    -----
    jk1 (n - 1)/n, brr 1/n, fay 1/(n (1 - fay)^2), bootstrap 1/(n - 1), successive differences 4/n.

    Examples
    --------
    >>> scales_of(pc.Replicates(weights=["a", "b", "c", "d"], kind="fay", fay=0.5), 4)
    array([1., 1., 1., 1.])
    """
    if replicates.kind == "jkn" and replicates.rscales is None and replicates.weights is not None:
        raise design_error(
            "rscales", "replicate weights of kind 'jkn' need rscales=: (n - 1)/n of the stratum"
        )
    default = {
        "jk1": (n - 1) / n,
        "jkn": 1.0,
        "brr": 1 / n,
        "fay": 1 / (n * (1 - (replicates.fay or 0.0)) ** 2),
        "bootstrap": 1 / max(n - 1, 1),
        "successive_difference": 4 / n,
    }
    scale = default[replicates.kind] if replicates.scale is None else replicates.scale
    return (
        scale * np.ones(n) if replicates.rscales is None else scale * np.array(replicates.rscales)
    )


def deviations(
    theta: Floats, estimate: Floats, scale: Floats, mse: bool, counts: Floats | None = None
) -> Floats:
    """Return the deviations of replicates, times the roots of their scales.

    Parameters
    ----------
    theta : ndarray of float64, shape (rows, replicates)
        Estimates by replicate; NaN, where a replicate holds no row, is left out.
    estimate : ndarray of float64, shape (rows,)
        Estimates of the full sample.
    scale : ndarray of float64, shape (replicates,)
        Factor of the squared deviation of each replicate.
    mse : bool
        Centre on the estimate of the full sample.
    counts : ndarray of float64, shape (rows, replicates), optional
        1 where a replicate is one of the row's period, else 0.

    Returns
    -------
    ndarray of float64, shape (rows, replicates)
        0 where a replicate is left out; NaN throughout where all are.
    """
    known = ~np.isnan(theta)
    if counts is not None:
        known &= counts > 0
    n = known.sum(axis=1)
    centre = estimate
    if not mse:
        # Far from 0 the mean of what differs from the estimate keeps its digits.
        away = np.where(known, theta - estimate[:, None], 0.0)
        centre = estimate + away.sum(axis=1) / np.maximum(n, 1)
    found = np.where(known, theta - centre[:, None], 0.0) * np.sqrt(scale)
    found[n == 0] = np.nan
    return np.asarray(found)


# ---- made from strata and PSUs ------------------------------------------------------------------

# Totals of rows by replicate, from those by PSU.
Totals = Callable[[Floats], Floats]
SPARSE = 0.25  # share of PSUs that a domain lies in, below which the others are passed over


@dataclass(frozen=True, eq=False)
class Made:
    """Replicates made from a sample.

    Attributes
    ----------
    sample : Sample
        The strata and PSUs.
    factors : ndarray of float64, shape (n_psu, replicates), or None
        Of each PSU in each replicate; None for the jackknife, which needs no matrix.
    scale : ndarray of float64, shape (replicates,)
        Factor of the squared deviation of each replicate.
    """

    sample: Sample
    factors: Floats | None
    scale: Floats

    def totals(self, by_psu: Floats) -> Floats:
        """Return totals by replicate, shape (rows, replicates), from totals by PSU."""
        if self.factors is not None:
            return products(by_psu, self.factors)
        sample, psus = self.sample, self._left_out
        whole = by_psu.sum(axis=1, keepdims=True)
        of_stratum = np.add.reduceat(by_psu, sample.first[:-1], axis=1)[:, sample.stratum[psus]]
        n = sample.n_in_stratum[sample.stratum[psus]]
        return np.asarray(whole + (of_stratum - n * by_psu[:, psus]) / (n - 1))

    def in_period(self, by_psu: npt.NDArray[np.bool_]) -> Floats | None:
        """Return which replicates touch a period of each row, None if all do.

        by_psu: which PSUs hold a row of the estimate, shape (rows, n_psu).
        """
        if self.factors is not None:
            return None
        sample = self.sample
        period = sample.period[sample.stratum]
        n_periods = int(period.max(initial=0)) + 1
        if n_periods == 1:
            return None
        held = np.column_stack([by_psu[:, period == t].any(axis=1) for t in range(n_periods)])
        return held[:, period[self._left_out]].astype(np.float64)

    def by_label(self, deviation: Floats) -> Floats:
        """Add up deviations of the replicates that leave out the same PSU in several periods."""
        if self.factors is not None or not self.sample.is_shared:
            return deviation
        label = self.sample.label[self._left_out]
        out = np.zeros((len(deviation), int(label.max(initial=-1)) + 1))
        np.add.at(out.T, label, deviation.T)
        return out

    @property
    def ignores_fpc(self) -> bool:
        """Whether the population is finite, and only the jackknife accounts for that."""
        return self.factors is not None and bool((self.sample.fraction > 0).any())

    @property
    def _left_out(self) -> Ints:
        """The PSU that each replicate of a jackknife leaves out."""
        sample = self.sample
        return np.flatnonzero(sample.n_in_stratum[sample.stratum] > 1)

    @property
    def most_df(self) -> float:
        """Degrees of freedom of the whole: PSUs minus strata, or one less than replicates."""
        given = self.sample.design.replicates
        if given is not None and given.df is not None:
            return float(given.df)
        n = self.sample.n_in_stratum
        return float(min((n[n > 1] - 1).sum(), len(self.scale) - 1))


def products(by_psu: Floats, factors: Floats) -> Floats:
    """Return totals by PSU times factors; domains that lie in few PSUs row by row."""
    if np.count_nonzero(by_psu) > SPARSE * by_psu.size:
        return np.asarray(by_psu @ factors)
    out = np.empty((len(by_psu), factors.shape[1]))
    for row, totals in enumerate(by_psu):
        psus = np.flatnonzero(totals)
        out[row] = totals[psus] @ factors[psus]
    return out


def made_replicates(sample: Sample) -> Made:
    """Make the replicates that the design of a sample asks for.

    Parameters
    ----------
    sample : Sample
        Its design has `replicates` without columns of weights.

    Returns
    -------
    Made
        Factors by PSU.

    Raises
    ------
    DesignError
        A stratum has not two PSUs for "brr" and "fay"; there are several strata for "jk1"; or
        for all but the jackknife, periods share some but not all PSUs of a stratum.
    """
    asked = sample.design.replicates
    if asked is None:
        raise DesignError("the design has no replicates")
    if asked.kind in ("jk1", "jkn"):
        return jackknife(sample, asked)
    draws = draws_of(sample, asked.kind)
    if asked.kind == "bootstrap":
        return bootstrap(sample, asked, draws)
    return half_samples(sample, asked, draws)


def jackknife(sample: Sample, asked: Replicates) -> Made:
    """Leave out one PSU at a time."""
    if asked.kind == "jk1" and sample.n_strata > 1:
        raise design_error(
            "kind", f"kind='jk1' is for one stratum, found {sample.n_strata}; say kind='jkn'"
        )
    n, f = sample.n_in_stratum[sample.stratum], sample.fraction[sample.stratum]
    scale = ((1 - f) * (n - 1) / n)[n > 1]
    return Made(sample, None, scale if asked.scale is None else np.full(len(scale), asked.scale))


def draws_of(sample: Sample, kind: str) -> Ints:
    """Return the number of the draw that each stratum shares with those of the same PSUs.

    -1 for a stratum with one PSU. A PSU must stand for the same in every period: strata of
    different periods that share some of their PSUs have no common draw.
    """
    draw = np.full(sample.n_strata, -1, dtype=np.int64)
    known: dict[tuple[int, ...], int] = {}
    owner: dict[int, int] = {}
    for h in np.flatnonzero(sample.n_in_stratum > 1).tolist():
        psus = tuple(sorted(sample.label[sample.first[h] : sample.first[h + 1]].tolist()))
        draw[h] = known.setdefault(psus, len(known))
        if any(owner.setdefault(psu, int(draw[h])) != draw[h] for psu in psus):
            raise design_error(
                "kind",
                f"kind={kind!r} is made for periods that share all PSUs of a stratum or none; with"
                " some shared say kind='jkn', or waves='independent' for no covariance",
            )
    return draw


def bootstrap(sample: Sample, asked: Replicates, draw: Ints) -> Made:
    """Draw n - 1 of the n PSUs of each stratum, with replacement."""
    n_replicates = asked.n or 0
    rng = np.random.default_rng(asked.rng)
    factors = np.ones((sample.n_psu, n_replicates))
    by_label = np.ones((int(sample.label.max(initial=-1)) + 1, n_replicates))
    done: set[int] = set()
    for h in np.flatnonzero(draw >= 0).tolist():
        psus = slice(sample.first[h], sample.first[h + 1])
        labels = sample.label[psus]
        if draw[h] not in done:
            n = len(labels)
            by_label[labels] = times_drawn(rng, n, n_replicates).T * (n / (n - 1))
            done.add(int(draw[h]))
        factors[psus] = by_label[labels]
    scale = 1 / (n_replicates - 1) if asked.scale is None else asked.scale
    return Made(sample, factors, np.full(n_replicates, scale))


def times_drawn(rng: np.random.Generator, n: int, n_replicates: int) -> Floats:
    """Draw n - 1 of n with replacement; return how often each was, shape (replicates, n)."""
    draws = rng.integers(0, n, size=(n_replicates, n - 1))
    draws += n * np.arange(n_replicates)[:, None]
    times = np.bincount(draws.ravel(), minlength=n * n_replicates)
    return times.reshape(n_replicates, n).astype(np.float64)


def half_samples(sample: Sample, asked: Replicates, draw: Ints) -> Made:
    """Take one PSU of each stratum of two, balanced by a Hadamard matrix."""
    several = (sample.n_in_stratum != 2) & (draw >= 0)
    if several.any():
        raise design_error(
            "kind",
            f"kind={asked.kind!r} needs two PSUs in each stratum; {several.sum()} of"
            f" {sample.n_strata} strata have another number",
        )
    signs = hadamard(int(draw.max(initial=-1)) + 2)
    n = len(signs)
    fay = asked.fay or 0.0
    factors = np.ones((sample.n_psu, n))
    for h in np.flatnonzero(draw >= 0).tolist():
        psus = np.arange(sample.first[h], sample.first[h + 1])
        first, second = psus[np.argsort(sample.label[psus])]
        sign = signs[draw[h] + 1]  # the first row is constant
        factors[first] = 1 + (1 - fay) * sign
        factors[second] = 1 - (1 - fay) * sign
    scale = 1 / (n * (1 - fay) ** 2) if asked.scale is None else asked.scale
    return Made(sample, factors, np.full(n, scale))


def hadamard(least: int) -> Floats:
    """Return a Hadamard matrix of the smallest order that can be made here, at least `least`.

    Parameters
    ----------
    least : int
        Rows needed.

    Returns
    -------
    ndarray of float64
        1 and -1; the rows are orthogonal, and the first is constant.

    Notes
    -----
    Orders 1, 2, q + 1 for a prime q = 3 (mod 4) (Paley 1933), and their doubles (Sylvester 1867).

    Examples
    --------
    >>> hadamard(3)
    array([[ 1.,  1.,  1.,  1.],
           [ 1., -1.,  1., -1.],
           [ 1.,  1., -1., -1.],
           [ 1., -1., -1.,  1.]])
    """
    order = max(least, 1)
    while True:
        found = of_order(order)
        if found is not None:
            return np.asarray(found * found[0])
        order += 1


def of_order(order: int) -> Floats | None:
    """Return a Hadamard matrix of an order, None if it is not one of those that are made."""
    if order == 1:
        return np.ones((1, 1))
    if order % 2:
        return None
    half = of_order(order // 2)
    if half is not None:
        return np.block([[half, half], [half, -half]])
    q = order - 1
    if q % 4 != 3 or any(q % d == 0 for d in range(3, int(q**0.5) + 1, 2)):
        return None
    squares = np.full(q, -1.0)
    squares[np.arange(1, q) ** 2 % q] = 1
    squares[0] = 0
    i = np.arange(q)
    core = squares[(i[:, None] - i[None, :]) % q] - np.eye(q)
    matrix = np.ones((order, order))
    matrix[1:, 1:] = core
    return matrix
