"""Covariances of the rows of an `Estimates`, and linear combinations of them with their tests.

Rows of one sample covary as their `Joint` says; rows of independent files do not. A combination of
rows is the same combination of their parts in the joint, so its variance needs no matrix of all
rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .errors import ComparabilityError, DTypeError, LengthError, OptionError

if TYPE_CHECKING:
    from .estimates import Estimates

__all__ = ["Combined", "combined", "contrast", "cov_of"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Combined(NamedTuple):
    """Linear combinations of rows: their variances, degrees of freedom and numbers of PSUs."""

    variance: Floats
    df: Floats
    n_psu: Floats


def cov_of(est: Estimates, rows: Ints) -> Floats:
    """Return the joint covariance of some rows; NaN where there is none or it is not known."""
    se = est._columns["se"][rows]
    sample, place = est._sample[rows], est._place[rows]
    cov = np.zeros((len(rows), len(rows)))
    for number in np.unique(sample).tolist():
        at = np.flatnonzero(sample == number)
        joint = est._joints[number]
        if joint is not None:
            cov[np.ix_(at, at)] = joint.cov(place[at])
            continue
        within = np.full((len(at), len(at)), np.nan)
        within[np.diag_indices(len(at))] = se[at] ** 2
        cov[np.ix_(at, at)] = within
    unknown = np.isnan(se)
    cov[unknown] = np.nan
    cov[:, unknown] = np.nan
    return cov


def combined(est: Estimates, start: Ints, rows: Ints, weights: Floats) -> Combined:
    """Return linear combinations: number i uses rows[k] with weights[k], k from start[i] on.

    NaN where a row that is used has no standard error, and where rows of a printed table are
    combined: their covariance is not known.
    """
    start, rows = np.asarray(start, np.int64), np.asarray(rows, np.int64)
    weights = np.asarray(weights, np.float64)
    n = len(start) - 1
    of = np.repeat(np.arange(n), np.diff(start))
    variance, df, n_psu = np.zeros(n), np.zeros(n), np.zeros(n)
    sample, se = est._sample[rows], est._columns["se"][rows]
    for number in np.unique(sample).tolist():
        here = sample == number
        inside = np.concatenate([[0], np.cumsum(np.bincount(of[here], minlength=n))])
        uses = np.diff(inside) > 0
        joint = est._joints[number]
        if joint is None:
            square = np.bincount(of[here], (weights[here] * se[here]) ** 2, n)
            variance += np.where(np.diff(inside) > 1, np.nan, square)
            df[uses] = np.nan
            n_psu[uses] = np.nan
            continue
        part = joint.combined(inside, est._place[rows[here]], weights[here])
        variance += np.where(uses, part.variance(), 0.0)
        df += np.where(uses, part.df(), 0.0)
        n_psu += np.where(uses, part.n_psu(), 0)
    lacks = np.bincount(of[np.isnan(se)], minlength=n) > 0
    variance[lacks | (np.diff(start) == 0)] = np.nan
    return Combined(variance, np.where(np.isnan(variance), np.nan, df), n_psu)


# ---- contrasts ----------------------------------------------------------------------------------


def contrast(est: Estimates, weights: Any, across_standards: bool = False) -> Estimates:
    """Return contrasts of rows, one row each, and test them: see `Estimates.contrast`."""
    from .estimates import Estimates
    from .intervals import intervals

    names, matrix = contrasts_of(est, weights)
    row, column = np.nonzero(matrix)
    start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(matrix)))])
    unit, standard = compared(est, np.unique(column), across_standards)
    used = np.unique(column)
    values = est._columns["estimate"]
    estimate = matrix[:, used] @ values[used] if len(used) else np.zeros(len(matrix))
    found = combined(est, start, column, matrix[row, column])
    se = np.sqrt(found.variance)
    ends = intervals(estimate, se, found.df, 0, False)
    t = np.full(len(se), np.nan)
    np.divide(estimate, se, out=t, where=se > 0)
    return Estimates(
        {"contrast": names},
        measure_keys={},
        measure="contrast",
        own={"t": t, "p_value": two_sided(t, found.df)},
        estimate=estimate,
        se=se,
        ci_low=ends.low,
        ci_high=ends.high,
        df=found.df,
        n_psu=found.n_psu,
        unit=unit,
        standard=standard,
        note=np.where(np.isnan(se), "a row that is used has no standard error", ""),
        proportion=False,
        verb="contrast",
        meta={**est.meta, "wald": wald(est, matrix, estimate)},
    )


def contrasts_of(est: Estimates, weights: Any) -> tuple[list[str], Floats]:
    """Return the names of contrasts, and their weights as a matrix (contrasts, rows)."""
    if not isinstance(weights, Mapping):
        matrix = np.atleast_2d(np.asarray(weights, dtype=np.float64))
        if matrix.shape[1] != len(est):
            raise LengthError(
                f"a contrast has {matrix.shape[1]} weights; expected {len(est)}, one per row"
            )
        return [str(i) for i in range(len(matrix))], matrix
    named = weights
    if not any(isinstance(value, Mapping) for value in weights.values()):
        named = {words_of(weights): weights}
    matrix = np.zeros((len(named), len(est)))
    for i, one in enumerate(named.values()):
        if not isinstance(one, Mapping):
            raise DTypeError("contrasts are all mappings from rows to weights, or one such mapping")
        for row, weight in one.items():
            matrix[i, row_of(est, row)] += float(weight)
    return [str(name) for name in named], matrix


def words_of(weights: Mapping[Any, float]) -> str:
    """Write a contrast as a name: `1 x (A, 2022) - 1 x (A, 2021)` without the ones."""
    text = ""
    for row, weight in weights.items():
        label = ", ".join(map(str, row)) if isinstance(row, tuple) else str(row)
        sign = "-" if weight < 0 else "+" if text else ""
        factor = "" if abs(weight) == 1 else f"{abs(weight):g} x "
        text += f" {sign} {factor}({label})" if text else f"{sign}{factor}({label})"
    return text


def row_of(est: Estimates, row: Any) -> int:
    """Find the one row with these labels of keys, in their order; measure keys may follow."""
    labels = row if isinstance(row, tuple) else (row,)
    names = [*est.key_names, *est.measure_key_names, "measure"]
    if len(labels) > len(names):
        raise OptionError(f"{labels} names {len(labels)} labels; a row has the keys {names}")
    keep = np.ones(len(est), dtype=bool)
    for name, label in zip(names, labels, strict=False):
        keep &= est._rows_with(name, label)
    found = np.flatnonzero(keep)
    if len(found) == 1:
        return int(found[0])
    what = f"{len(found)} rows have" if len(found) else "no row has"
    raise OptionError(
        f"{what} the keys {labels}; name one row by the labels of {', '.join(names)}, in this order"
    )


def compared(est: Estimates, rows: Ints, across_standards: bool) -> tuple[str, Any]:
    """Return the one unit and standard of the rows that are combined."""
    units = est["unit"].iloc[rows].unique().tolist()
    standards = est["standard"].iloc[rows].astype(object)
    ids = standards.where(standards.notna(), None).unique().tolist()
    if len(units) > 1:
        raise ComparabilityError(f"a contrast of {' and '.join(map(str, units))} has no meaning")
    if len(ids) > 1 and not across_standards:
        raise ComparabilityError(
            f"rows under the standards {', '.join(map(str, ids))} are compared; say"
            " across_standards=True if that is meant"
        )
    return (units[0] if units else "households"), (ids[0] if len(ids) == 1 else None)


def two_sided(t: Floats, df: Floats) -> Floats:
    """Return the two-sided p-value of Student's t."""
    from scipy.special import stdtr

    known = np.isfinite(t) & (df >= 1)
    p = np.full(len(t), np.nan)
    p[known] = 2 * stdtr(df[known], -np.abs(t[known]))
    return p


def wald(est: Estimates, matrix: Floats, estimate: Floats) -> dict[str, float]:
    """Test that all contrasts are 0: W/q x (df - q + 1)/df on F(q, df - q + 1)."""
    from scipy.special import fdtrc

    nothing = {"f": np.nan, "df1": np.nan, "df2": np.nan, "p_value": np.nan}
    used = np.flatnonzero((matrix != 0).any(axis=0))
    if not len(used):
        return nothing
    part = matrix[:, used]
    cov = part @ cov_of(est, used) @ part.T
    whole = combined(est, np.array([0, len(used)]), used, np.ones(len(used)))
    if not np.isfinite(cov).all() or not np.isfinite(estimate).all():
        return nothing
    scale = np.sqrt(np.diag(cov))
    if (scale == 0).any():
        return nothing
    correlation = cov / np.outer(scale, scale)
    q = int(np.linalg.matrix_rank(correlation, hermitian=True))
    z = estimate / scale
    w = float(z @ np.linalg.pinv(correlation, hermitian=True) @ z)
    df = float(whole.df[0])
    if not df - q + 1 >= 1:
        return nothing | {"df1": float(q)}
    f = w / q * (df - q + 1) / df
    return {"f": f, "df1": float(q), "df2": df - q + 1, "p_value": float(fdtrc(q, df - q + 1, f))}


def as_rows(rows: Any, n: int) -> Ints:
    """Return rows given by position, or by a mask, as positions."""
    found = np.atleast_1d(np.asarray(list(rows) if isinstance(rows, Iterable) else rows))
    if found.dtype == bool:
        if len(found) != n:
            raise LengthError(f"rows is a mask of {len(found)}; expected {n}, one per row")
        return np.flatnonzero(found)
    if found.size and (found.dtype.kind not in "iu" or found.min() < -n or found.max() >= n):
        raise OptionError(f"rows must be positions from 0 to {n - 1}, or a mask")
    return found.astype(np.int64) % max(n, 1)
