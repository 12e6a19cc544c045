"""What a change is made of: formulas of parts, their derivatives, and the errors that follow.

A formula is written once, on numbers. Given `Dual` numbers it also yields how each part moves with
what it is made of, and so which combination of estimates has its sampling error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt

from ..covariance import combined, two_sided
from ..estimates import Estimates
from ..intervals import FEW_DF, REASONS, intervals
from ..replicates import Replicated
from ..sampling import Joint
from .delta import joint_of

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Dual:
    """Numbers with their derivatives by some variables, shape (n,) and (n, variables)."""

    value: Floats
    slope: Floats

    @classmethod
    def variables(cls, *values: Floats) -> tuple[Dual, ...]:
        """Return each of some columns of numbers as a variable."""
        k = len(values)
        return tuple(
            cls(value, np.broadcast_to(np.eye(k)[j], (len(value), k)))
            for j, value in enumerate(values)
        )

    def __add__(self, other: Dual) -> Dual:
        """Return the sum."""
        return Dual(self.value + other.value, self.slope + other.slope)

    def __sub__(self, other: Dual) -> Dual:
        """Return the difference."""
        return Dual(self.value - other.value, self.slope - other.slope)

    def __mul__(self, other: Dual | float) -> Dual:
        """Return the product with other numbers, or with a constant."""
        if not isinstance(other, Dual):
            return Dual(self.value * other, self.slope * other)
        by_self, by_other = self.value[:, None], other.value[:, None]
        return Dual(self.value * other.value, by_self * other.slope + by_other * self.slope)

    def __truediv__(self, other: Dual) -> Dual:
        """Return the quotient."""
        quotient = self.value / other.value
        slope = (self.slope - quotient[:, None] * other.slope) / other.value[:, None]
        return Dual(quotient, slope)

    def log(self) -> Dual:
        """Return the natural logarithm."""
        return Dual(np.log(self.value), self.slope / self.value[:, None])


# ---- formulas -----------------------------------------------------------------------------------
# Each takes the figures at the start and at the end, as arrays or Duals.


def of_counts(poor0: Any, poor1: Any, all0: Any, all1: Any, method: str) -> list[Any]:
    """Return a rate's change by its numerator and by its denominator, in that order.

    First the poor at the earlier number of households, then the households; or the other way
    round; or the mean of both.
    """
    by_poor = (poor1 - poor0) / all0
    by_all = poor1 * (all0 - all1) / (all0 * all1)
    if method == "numerator_first":
        return [by_poor, by_all]
    poor_last = (poor1 - poor0) / all1
    all_first = poor0 * (all0 - all1) / (all0 * all1)
    if method == "denominator_first":
        return [poor_last, all_first]
    return [(by_poor + poor_last) * 0.5, (by_all + all_first) * 0.5]


def of_groups(rate0: Any, rate1: Any, share0: Any, share1: Any, method: str) -> list[Any]:
    """Return what a group brings to the change of the whole: within it, between, and both.

    Ravallion and Huppi (1991): at the shares of the start, with their interaction; or with mean
    shares and rates (Shapley), which leaves none.
    """
    fall, shift = rate1 - rate0, share1 - share0
    if method == "interaction":
        return [share0 * fall, shift * rate0, shift * fall]
    return [(share0 + share1) * fall * 0.5, shift * (rate0 + rate1) * 0.5]


def of_intensity(h0: Any, h1: Any, a0: Any, a1: Any) -> list[Any]:
    """Return the change of M0 = H x A by incidence and by intensity, at the mean of the other."""
    return [(a0 + a1) * (h1 - h0) * 0.5, (h0 + h1) * (a1 - a0) * 0.5]


def shapley(n_factors: int) -> list[dict[tuple[int, ...], float]]:
    """Return what each factor adds on average over all orders, as weights of states.

    A state says of each factor whether it is that of the start (0) or of the end (1).
    """
    found: list[dict[tuple[int, ...], float]] = [{} for _ in range(n_factors)]
    orders = list(permutations(range(n_factors)))
    for order in orders:
        state = [0] * n_factors
        for factor in order:
            before = tuple(state)
            state[factor] = 1
            for at, sign in ((tuple(state), 1), (before, -1)):
                found[factor][at] = found[factor].get(at, 0.0) + sign / len(orders)
    return found


def one_by_one(n_factors: int, base: int) -> list[dict[tuple[int, ...], float]]:
    """Return what each factor alone changes, the others as at the start (0) or the end (1)."""
    found = []
    for factor in range(n_factors):
        start, end = [base] * n_factors, [base] * n_factors
        start[factor], end[factor] = 0, 1
        found.append({tuple(end): 1.0, tuple(start): -1.0})
    return found


# ---- rows of a result ---------------------------------------------------------------------------


@dataclass
class Effects:
    """Parts of changes, row by row, and the combinations of estimates that move as they do."""

    value: Floats
    terms: list[tuple[Ints, Ints, Floats]] = field(default_factory=list)  # row, of what, weight
    without: Ints = field(default_factory=lambda: np.zeros(0, np.int64))  # rows that have no errors

    def add(self, row: Ints, of: Ints, weight: Floats) -> None:
        """Let rows move with some estimates; what is -1 is none."""
        keep = (of >= 0) & (weight != 0)
        self.terms.append((row[keep], of[keep], weight[keep]))

    def sorted_terms(self) -> tuple[Ints, Ints, Floats]:
        """Return the terms row by row: where each row's start, of what, and weights."""
        if not self.terms:
            nothing = np.zeros(0, np.int64)
            return np.zeros(len(self.value) + 1, np.int64), nothing, np.zeros(0)
        row, of, weight = (np.concatenate(part) for part in zip(*self.terms, strict=True))
        order = np.argsort(row, kind="stable")
        n = np.bincount(row, minlength=len(self.value))
        return np.concatenate([[0], np.cumsum(n)]), of[order], weight[order]


Combine = Callable[[Ints, Ints, Floats], tuple[Floats, Floats, Floats, Any]]


def of_rows(est: Estimates) -> Combine:
    """Return how rows of a result are combined: variance, df, PSUs and joint."""

    def combine(start: Ints, rows: Ints, weights: Floats) -> tuple[Floats, Floats, Floats, Any]:
        found = combined(est, start, rows, weights)
        joint = joint_of(est, start, rows, weights) if len(rows) else None
        return found.variance, found.df, found.n_psu, joint

    return combine


def blank_as_nothing(joint: Any) -> tuple[Any, npt.NDArray[np.bool_]]:
    """Return a joint whose unknown rows bring nothing to a whole, and which these are.

    A domain in lonely strata only has no variance of its own; the whole has one without it.
    """
    if isinstance(joint, Replicated):
        value = joint.deviation
        blank = np.asarray(np.isnan(value).any(axis=1))
        return replace(joint, deviation=np.where(np.isnan(value), 0.0, value)), blank
    blank = np.bincount(joint._rows[np.isnan(joint.value)], minlength=len(joint)) > 0
    return replace(joint, value=np.where(np.isnan(joint.value), 0.0, joint.value)), blank


def of_joint(joint: Joint) -> Combine:
    """Return how rows of a joint are combined."""

    def combine(start: Ints, rows: Ints, weights: Floats) -> tuple[Floats, Floats, Floats, Any]:
        made = joint.combined(start, rows, weights)
        variance = made.variance()
        variance[np.diff(start) == 0] = np.nan
        n_psu = np.asarray(made.n_psu(), np.float64)
        return variance, np.where(np.isnan(variance), np.nan, made.df()), n_psu, made

    return combine


def precision_of(effects: Effects, combine: Combine | None) -> dict[str, Any]:
    """Return the columns of precision of the effects, and what a note should say."""
    n = len(effects.value)
    if combine is None or not effects.terms:
        return {"p_value": np.full(n, np.nan), "reason": [""] * n}
    variance, df, n_psu, joint = combine(*effects.sorted_terms())
    known = np.isfinite(variance) & np.isfinite(effects.value)
    known[effects.without] = False
    se = np.where(known, np.sqrt(np.where(known, variance, 0.0)), np.nan)
    df = np.where(known & np.isnan(df), np.inf, np.where(known, df, np.nan))
    low, high, reason = intervals(effects.value, se, df, 0, False)
    cv, t = np.full(n, np.nan), np.full(n, np.nan)
    np.divide(se, np.abs(effects.value), out=cv, where=effects.value != 0)
    np.divide(effects.value, se, out=t, where=se > 0)
    return {
        "se": se,
        "ci_low": low,
        "ci_high": high,
        "cv": cv,
        "df": df,
        "n_psu": np.where(known, n_psu, np.nan),
        "joint": joint,
        "p_value": two_sided(t, df),
        "reason": [REASONS[FEW_DF] if few else "" for few in (reason == FEW_DF) & known],
    }
