"""Standard errors of functions of two estimates, with the covariance between them.

A change g(p0, p1) moves, to first order, as g0 p0 + g1 p1 with the derivatives g0 and g1. So its
variance is that of a linear combination of two rows of a result, which knows how they covary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..covariance import combined, two_sided
from ..estimates import Estimates
from ..intervals import FEW_DF, REASONS, intervals


@dataclass(frozen=True)
class Pairs:
    """Two rows of a result for each row of a new one, -1 where there is none."""

    est: Estimates
    start: np.ndarray
    end: np.ndarray
    independent: bool = False  # figures of a printed table do not covary

    def of(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return a column of numbers at both rows; NaN where there is none."""
        column = np.append(self.est[name].to_numpy(dtype=np.float64), np.nan)
        return column[self.start], column[self.end]

    def repeated(self, n: int) -> Pairs:
        """Return each pair n times."""
        return Pairs(self.est, np.repeat(self.start, n), np.repeat(self.end, n), self.independent)

    def have_errors(self) -> np.ndarray:
        """Return which pairs have a standard error at both rows."""
        start, end = self.of("se")
        return np.asarray(~np.isnan(start) & ~np.isnan(end))

    def samples(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the number of the sample of both rows, -1 where there is none."""
        sample = np.append(self.est._sample, -1)
        return sample[self.start], sample[self.end]

    def are_printed(self) -> np.ndarray:
        """Return which pairs are of one printed table, whose covariances are not known."""
        known = np.array([joint is not None for joint in self.est._joints] + [True])
        start, end = self.samples()
        return np.asarray((start == end) & ~known[start])


def derivatives(
    measure: str, start: np.ndarray, end: np.ndarray, years: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the derivatives of a change by its start and its end."""
    if measure in ("difference", "annual_difference"):
        per = 1.0 / years if measure == "annual_difference" else np.ones(len(start))
        return -per, per
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        by_start, by_end = -end / start**2, 1 / start
        if measure == "annual_relative_change":
            # At an end of 0 the root has no derivative unless a year has passed exactly.
            slope = np.where(years == 1, 1.0, (end / start) ** (1 / years - 1) / years)
            by_start, by_end = slope * by_start, slope * by_end
    return by_start, by_end


def precision_columns(
    pairs: Pairs, estimate: np.ndarray, by_start: np.ndarray, by_end: np.ndarray
) -> tuple[dict[str, Any], np.ndarray]:
    """Return the columns of precision of g(start, end), its p-values, and notes on both."""
    usable = pairs.have_errors() & np.isfinite(estimate)
    usable &= np.isfinite(by_start) & np.isfinite(by_end)
    printed = pairs.are_printed()
    usable &= ~printed | pairs.independent
    notes = np.full(len(estimate), "", dtype=object)
    if not usable.any():
        return {"p_value": np.full(len(estimate), np.nan)}, notes
    first = np.concatenate([[0], np.cumsum(2 * usable)])
    rows = np.column_stack([pairs.start, pairs.end])[usable].ravel()
    weights = np.column_stack([by_start, by_end])[usable].ravel()
    found = combined(pairs.est, first, rows, weights)
    variance, df = np.where(usable, found.variance, np.nan), found.df
    if pairs.independent and printed.any():
        of_ends = sum((by * se) ** 2 for by, se in zip((by_start, by_end), pairs.of("se"),
                                                       strict=True))  # fmt: skip
        variance = np.where(usable & printed, of_ends, variance)
    # Where nothing is known of the degrees of freedom of a printed table: many.
    df = np.where(usable & np.isnan(df), np.inf, np.where(usable, df, np.nan))
    se = np.sqrt(variance)
    low, high, reason = intervals(estimate, se, df, 0, False)
    notes[reason == FEW_DF] = REASONS[FEW_DF]
    t, cv = np.full(len(se), np.nan), np.full(len(se), np.nan)
    np.divide(estimate, se, out=t, where=se > 0)
    np.divide(se, np.abs(estimate), out=cv, where=estimate != 0)
    columns = {
        "se": se,
        "ci_low": low,
        "ci_high": high,
        "cv": cv,
        "df": df,
        "n_psu": np.where(usable & ~printed, found.n_psu, np.nan),
        "p_value": two_sided(t, df),
        "joint": joint_of(pairs.est, first, rows, weights),
    }
    return columns, notes


def joint_of(est: Estimates, start: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> Any:
    """Return the combinations as rows of the sample that they all are of, None if of several."""
    numbers = np.unique(est._sample[rows])
    joint = est._joints[numbers[0]] if len(numbers) == 1 else None
    return None if joint is None else joint.combined(start, est._place[rows], weights)


def notes_on_samples(pairs: Pairs) -> list[str]:
    """Say of each pair how many PSUs both have, or what else is known of their covariance."""
    notes = np.full(len(pairs.start), "", dtype=object)
    known = pairs.have_errors()
    start, end = pairs.samples()
    notes[known & (start != end)] = "independent samples"
    notes[known & pairs.are_printed()] = (
        "taken as independent"
        if pairs.independent
        else "no standard error: the covariance is not known, and independent=True takes it as 0"
    )
    same = known & (start == end) & ~pairs.are_printed()
    for number in np.unique(start[same]).tolist():
        at = np.flatnonzero(same & (start == number))
        joint = pairs.est._joints[number]
        if joint is not None:
            place = pairs.est._place
            shared = joint.shared_psus(place[pairs.start[at]], place[pairs.end[at]])
            numbers, which = np.unique(shared, return_inverse=True)
            notes[at] = np.array([shared_words(n) for n in numbers.tolist()], dtype=object)[which]
    return [str(note) for note in notes]


def shared_words(n: float) -> str:
    """Say how many PSUs are in both periods."""
    if np.isnan(n):
        return ""
    return f"{n:,.0f} PSU{'' if n == 1 else 's'} in both" if n else "no PSU in both: covariance 0"
