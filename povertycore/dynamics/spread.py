r"""How figures of units spread, as quadratic forms, and how much of that is sampling error.

With weights w that sum to 1, and a basis q of what is taken out (the constant; the constants of
groups; controls), orthonormal under w, two columns a and b of figures have the form

.. math:: S_{ab} = \sum_i w_i a_i b_i - \sum_k (\sum_i w_i q_{ik} a_i)(\sum_i w_i q_{ik} b_i),

the weighted product of their residuals. If the figures carry errors with covariance C, errors
alone bring its expectation

.. math:: N_{ab} = \sum_i w_i C_{ii} - \sum_k (w q_k)' C (w q_k).

With equal weights and the constant, S n/(n - 1) is the sample variance, and N n/(n - 1) the mean
variance of the errors less the mean covariance between units: what a corrected variance loses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..covariance import combined
from ..estimates import Estimates

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SAME = 1e-12  # two shares of weight that differ by less are one
ON_A_LINE = 1e-10  # a column of which less is left than this part of it is made of the others


@dataclass(frozen=True)
class Combinations:
    """Linear combinations of units: number i uses unit[k] with weight[k], k from start[i] on."""

    start: Ints
    unit: Ints
    weight: Floats

    def squares(self, variance: Floats) -> Floats:
        """Return the variances of the combinations, the units being independent."""
        of = np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))
        squares = np.bincount(of, self.weight**2 * variance[self.unit], len(self.start) - 1)
        return squares.astype(np.float64)


@dataclass(frozen=True)
class Form:
    """A quadratic form of units: their weights, and what is taken out of their figures.

    Attributes
    ----------
    weight : ndarray of float64, shape (n,)
        Sums to 1.
    group : ndarray of int64, shape (n,)
        Groups whose means are taken out; one group is the whole.
    more : ndarray of float64, shape (n, k)
        More columns that are taken out, orthonormal under the weights and orthogonal to groups.
    """

    weight: Floats
    group: Ints
    more: Floats

    @classmethod
    def of(cls, weight: Floats, group: Ints | None = None, controls: Floats | None = None) -> Form:
        """Make a form; weights need not sum to 1, nor controls be orthogonal to anything."""
        n = len(weight)
        group = np.zeros(n, np.int64) if group is None else np.unique(group, return_inverse=True)[1]
        plain = cls(weight / weight.sum(), group, np.zeros((n, 0)))
        if controls is None or not controls.shape[1]:
            return plain
        basis: list[Floats] = []
        for column in controls.T:
            left, size = plain.residual(column), np.sum(plain.weight * column**2) ** 0.5
            for _ in range(2):  # the second time takes out what rounding left of the first
                for other in basis:
                    left = left - np.sum(plain.weight * other * left) * other
            length = np.sum(plain.weight * left**2) ** 0.5
            if length > ON_A_LINE * size:
                basis.append(left / length)
        more = np.column_stack(basis) if basis else plain.more
        return cls(plain.weight, plain.group, more)

    @property
    def n_taken(self) -> int:
        """Number of coefficients that are taken out: groups and columns."""
        return int(self.group.max(initial=-1)) + 1 + int(self.more.shape[1])

    def residual(self, values: Floats) -> Floats:
        """Return what is left of figures."""
        n_groups = int(self.group.max(initial=-1)) + 1
        size = np.bincount(self.group, self.weight, n_groups)
        sums = np.bincount(self.group, self.weight * values, n_groups)
        mean = np.divide(sums, size, out=np.zeros(n_groups), where=size > 0)
        left = values - mean[self.group]
        return np.asarray(left - self.more @ (self.more.T @ (self.weight * left)))

    def product(self, a: Floats, b: Floats) -> float:
        """Return the weighted product of what is left of two columns; rounding alone is 0."""
        found = float(np.sum(self.weight * self.residual(a) * self.residual(b)))
        scale = float(np.sum(self.weight * a**2) * np.sum(self.weight * b**2)) ** 0.5
        return found if abs(found) > SAME**2 * scale else 0.0

    def basis(self) -> Combinations:
        """Return what is taken out as combinations of units, each weighed by w q."""
        size = np.bincount(self.group, self.weight)
        order = np.argsort(self.group, kind="stable")
        of_group = (self.weight / np.sqrt(np.maximum(size, np.finfo(float).tiny))[self.group])[
            order
        ]
        counts = np.bincount(self.group)
        k, n = self.more.shape[1], len(self.weight)
        of_column = (self.weight[:, None] * self.more).T.ravel()
        return Combinations(
            np.concatenate([[0], np.cumsum([*counts, *[n] * k])]),
            np.concatenate([order, np.tile(np.arange(n), k)]),
            np.concatenate([of_group, of_column]),
        )


# ---- errors of the figures -----------------------------------------------------------------------


@dataclass(frozen=True)
class Noise:
    """Errors of the units' figures at both ends: their variances, and those of combinations.

    Attributes
    ----------
    start, end, both : ndarray of float64, shape (n,)
        Variance of the start, of the end, and the covariance of the two.
    of_basis : callable
        Of combinations of units: the same three, each a column.
    """

    start: Floats
    end: Floats
    both: Floats
    of_basis: Callable[[Combinations], tuple[Floats, Floats, Floats]]

    def expected(self, form: Form) -> tuple[float, float, float]:
        """Return what errors alone bring to a form: of starts, of ends, and of both."""
        basis = self.of_basis(form.basis())
        parts = zip((self.start, self.end, self.both), basis, strict=True)
        whole, ends, cross = (
            float(np.sum(form.weight * own) - np.sum(taken)) for own, taken in parts
        )
        return whole, ends, cross

    @property
    def of_change(self) -> Floats:
        """The variance of each unit's change."""
        return self.start + self.end - 2 * self.both


def independent_noise(start: Floats, end: Floats, both: Floats) -> Noise:
    """Return errors of units that do not covary with each other."""

    def of_basis(basis: Combinations) -> tuple[Floats, Floats, Floats]:
        return basis.squares(start), basis.squares(end), basis.squares(both)

    return Noise(start, end, both, of_basis)


def sampling_noise(est: Estimates, start: Ints, end: Ints) -> Noise:
    """Return the sampling errors of a result, whose rows `start` and `end` are the units' figures.

    The covariance of two combinations is read off the variances of both and of their difference.
    """

    def of_basis(basis: Combinations) -> tuple[Floats, Floats, Floats]:
        rows, ends = start[basis.unit], end[basis.unit]
        v0 = combined(est, basis.start, rows, basis.weight).variance
        v1 = combined(est, basis.start, ends, basis.weight).variance
        paired = np.column_stack([rows, ends]).ravel()
        signs = np.column_stack([-basis.weight, basis.weight]).ravel()
        change = combined(est, 2 * basis.start, paired, signs).variance
        return v0, v1, (v0 + v1 - change) / 2

    each = np.arange(len(start))
    single = Combinations(np.arange(len(start) + 1), each, np.ones(len(start)))
    return Noise(*of_basis(single), of_basis)


# ---- other measures of spread --------------------------------------------------------------------


def mean(values: Floats, weight: Floats) -> float:
    """Return the weighted mean."""
    return float(np.sum(values * weight) / np.sum(weight))


def quantile(values: Floats, weight: Floats, q: float) -> float:
    """Return the smallest value at which the weight reaches a share q, halfway at a step."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order]) / weight.sum()
    i = min(int(np.searchsorted(reached, q - SAME)), len(values) - 1)
    at = values[order]
    is_step = abs(reached[i] - q) <= SAME and i + 1 < len(values)
    return float((at[i] + at[i + 1]) / 2 if is_step else at[i])


def gini(values: Floats, weight: Floats) -> float:
    """Return the Gini coefficient by trapezoids; NaN where a value is negative or all are 0."""
    share = weight / weight.sum()
    mean = float(np.sum(share * values))
    if mean <= 0 or (values < 0).any():
        return float("nan")
    order = np.argsort(values, kind="stable")
    share, at = share[order], values[order]
    below = np.cumsum(share)
    return float(np.sum(share * at * (2 * below - share - 1)) / mean)


def ranks(values: Floats, weight: Floats) -> Floats:
    """Return the share of weight below each value, with half of that at the value."""
    _, place = np.unique(values, return_inverse=True)
    at = np.bincount(place, weight / weight.sum())
    return np.asarray((np.cumsum(at) - at / 2)[place])


def correlation(a: Floats, b: Floats, weight: Floats) -> float:
    """Return the weighted correlation of two columns; NaN where one does not vary."""
    form = Form.of(weight)
    size = form.product(a, a) * form.product(b, b)
    return form.product(a, b) / size**0.5 if size > 0 else float("nan")
