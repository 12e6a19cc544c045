"""Change between periods: in points, relative, and per year."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from ..errors import OptionError, unknown_option
from ..estimates import Estimates
from .delta import Pairs, derivatives, notes_on_samples, precision_columns
from .periods import Ends, Panel, add_note, ends_of, in_years, panel_of

MEASURES = ("difference", "relative_change", "annual_difference", "annual_relative_change")


def change(
    est: Estimates,
    time: str,
    measures: str | Sequence[str] = "difference",
    base: Any = "previous",
    across_standards: bool = False,
    independent: bool = False,
) -> Estimates:
    """Compute the change of estimates from one period to another, by group.

    Parameters
    ----------
    est : Estimates
        Estimates of single periods, with the period as one of its keys.
    time : str
        The key that holds the period: years (numbers or text of four digits), pandas Periods or
        dates.
    measures : {"difference", "relative_change", "annual_difference", \
"annual_relative_change"} or list, optional
        What to compute, in the order wanted.
    base : {"previous", "first"} or period, optional
        What each period is compared with: the one before it, the first one, or the one named.
    across_standards : bool, optional
        Compare figures under different standards, or from different sources, and note it.
    independent : bool, optional
        Take figures of a printed table as independent, so that their changes have standard errors.
        What is made from microdata knows its covariances.

    Returns
    -------
    Estimates
        One row per group, pair of periods and measure. `of` is the measure that changed; `start`
        and `end` are its two values; a fall is negative. `difference` is in the unit of the
        estimate (a difference of rates is in points, as a fraction), the relative changes are
        fractions of the start. `n_obs`, `n_missing` and `population` are sums over both periods.
        `p_value` is two-sided, of no change; the interval is plain. The note says how many PSUs
        the two periods share.

    Raises
    ------
    ColumnNotFoundError
        `time` is not a key of `est`.
    ValueRangeError
        There are fewer than two periods, or a label is not a period.
    ComparabilityError
        Two figures stand under different standards or sources, or count different units.

    Notes
    -----
    With p0 the start, p1 the end and T the years between them: p1 - p0, p1/p0 - 1, (p1 - p0)/T and
    (p1/p0)^(1/T) - 1. Rates of counts are subtracted as fractions and rounded once. A group that
    lacks a period keeps its row: NaN, and a note that names the period. From p0 = 0 or below there
    is no relative change: NaN and a note.

    With V0 and V1 the variances of both figures and C their covariance, the variance of the
    difference is V0 + V1 - 2C, and that of a function g of both its delta-method counterpart,

    .. math:: g_0^2 V_0 + g_1^2 V_1 + 2 g_0 g_1 C,

    with the derivatives g0 = -p1/p0^2 and g1 = 1/p0 of the relative change, and those times
    (p1/p0)^(1/T - 1)/T of the annual one. C comes from the PSUs that both periods hold; where they
    share none it is 0. Degrees of freedom count the PSUs and strata of both.

    Examples
    --------
    Poverty in Lạng Sơn fell from 12.20 to 8.92 percent.

    >>> table = {"year": [2021, 2022], "rate": [0.1220, 0.0892]}
    >>> est = pc.Estimates.from_table(table, "year", estimate="rate")
    >>> pc.change(est, time="year")["estimate"].tolist()
    [-0.0328]
    """
    measures = checked_measures(measures)
    panel = panel_of(est, time, "change")
    pairs = np.array(pairs_of(panel, base), dtype=np.int64).reshape(-1, 2)
    series, pair = spans_in_order(panel, len(pairs))
    first, last = pairs[pair, 0], pairs[pair, 1]
    ends = ends_of(panel, series, first, last, across_standards)
    years = [panel.years[end] - panel.years[start] for start, end in pairs]
    values, reasons = changes(panel, ends, measures, years, pair)
    found = Pairs(est, ends.start, ends.end, independent)
    for i, words in enumerate(notes_on_samples(found)):
        if words:
            add_note(ends.notes, i, words)
    precision, remarks = precision_of(found, measures, values, np.array(years, np.float64)[pair])
    notes = [note for note in ends.notes for _ in measures]
    for i, why in [*reasons.items(), *enumerate(remarks.tolist())]:
        if why:
            add_note(notes, i, why)
    asked = {"base": str(base), "across_standards": across_standards, "independent": independent}
    return wrap(panel, measures, (series, first, last), ends, values, notes, precision, asked)


def precision_of(
    pairs: Pairs, measures: Sequence[str], values: np.ndarray, years: np.ndarray
) -> tuple[dict[str, Any], np.ndarray]:
    """Return standard errors and what goes with them, span by span and measure by measure."""
    by_start, by_end = np.empty((2, len(years), len(measures)))
    for j, measure in enumerate(measures):
        by_start[:, j], by_end[:, j] = derivatives(measure, *pairs.of("estimate"), years)
    repeated = pairs.repeated(len(measures))
    return precision_columns(repeated, values, by_start.ravel(), by_end.ravel())


def checked_measures(measures: str | Sequence[str]) -> list[str]:
    """Return the measures as a list; an unknown one is an error."""
    listed = [measures] if isinstance(measures, str) else list(measures)
    for measure in listed:
        if measure not in MEASURES:
            raise unknown_option("measures", measure, MEASURES)
    return list(dict.fromkeys(listed))


def pairs_of(panel: Panel, base: Any) -> list[tuple[int, int]]:
    """Return the pairs of periods, by position, each from its base."""
    n = len(panel.years)
    if isinstance(base, str) and base == "previous":
        return [(t - 1, t) for t in range(1, n)]
    if isinstance(base, str) and base == "first":
        return [(0, t) for t in range(1, n)]
    year = in_years(base)
    if year not in panel.years:
        error = OptionError(
            f"base must be 'previous', 'first' or one of the periods {', '.join(panel.words())},"
            f" found {base!r}"
        )
        error.argument = "base"
        raise error
    start = panel.years.index(year)
    return [(start, t) for t in range(n) if t != start]


def spans_in_order(panel: Panel, n_pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the series and the pair of each span: by group, then pair, then what is measured."""
    series = np.repeat(np.arange(len(panel.group)), n_pairs)
    pair = np.tile(np.arange(n_pairs), len(panel.group))
    order = np.lexsort((panel.figure[series], pair, panel.group[series]))
    return series[order], pair[order]


def changes(
    panel: Panel, ends: Ends, measures: Sequence[str], years: Sequence[Fraction], pair: np.ndarray
) -> tuple[np.ndarray, dict[int, str]]:
    """Return the changes, span by span and measure by measure, and why some are missing."""
    values = np.full((len(pair), len(measures)), np.nan)
    reasons: dict[int, str] = {}
    is_done = changes_of_counts(panel, ends, measures, np.array(years, np.float64)[pair], values)
    for i in np.flatnonzero(~is_done).tolist():
        start, end = panel.exact(int(ends.start[i])), panel.exact(int(ends.end[i]))
        for j, measure in enumerate(measures):
            values[i, j], why = change_of(measure, start, end, years[pair[i]])
            if why:
                reasons[i * len(measures) + j] = why
    return values.ravel(), reasons


def changes_of_counts(
    panel: Panel, ends: Ends, measures: Sequence[str], years: np.ndarray, values: np.ndarray
) -> np.ndarray:
    """Fill in the changes of positive figures with known counts, many at once; return of which.

    Over the common denominator two rates of counts are integers. Where these are below 2^53 a
    change is one division of exact numbers: the same as by fractions, to which larger ones are
    left. Weighted sums are no more exact than their quotients.
    """
    p0, p1 = (np.append(panel.estimate, np.nan)[rows] for rows in (ends.start, ends.end))
    n0, n1 = (np.append(panel.numerator, np.nan)[rows] for rows in (ends.start, ends.end))
    d0, d1 = (np.append(panel.denominator, np.nan)[rows] for rows in (ends.start, ends.end))
    with np.errstate(invalid="ignore", divide="ignore"):
        done = (n0 / d0 == p0) & (n1 / d1 == p1) & (p0 > 0) & (p1 > 0)
        whole = np.logical_and.reduce([np.floor(x) == x for x in (n0, n1, d0, d1)])
        done &= ~whole | (np.maximum(n0, d0) * np.maximum(n1, d1) * np.abs(years) < 2**53)
        start = np.where(whole, n0 * d1, p0)[done]
        end = np.where(whole, n1 * d0, p1)[done]
        common = np.where(whole, d0 * d1, 1.0)[done]
    years = years[done]
    for j, measure in enumerate(measures):
        if measure == "difference":
            values[done, j] = (end - start) / common
        elif measure == "annual_difference":
            values[done, j] = (end - start) / (common * years)
        else:
            values[done, j] = (end - start) / start
            if measure == "annual_relative_change":
                longer = years != 1
                growth = (end[longer] / start[longer]) ** (1 / years[longer]) - 1
                values[np.flatnonzero(done)[longer], j] = growth
    return np.asarray(done)


def change_of(
    measure: str, start: Fraction | None, end: Fraction | None, years: Fraction
) -> tuple[float, str]:
    """Return one change, and why it is missing if it is for a reason of its own."""
    if start is None or end is None:
        return np.nan, ""
    if measure == "difference":
        return float(end - start), ""
    if measure == "annual_difference":
        return float((end - start) / years), ""
    if start <= 0:  # a fraction of what is negative has the sign wrong
        return np.nan, "the start is 0" if start == 0 else "the start is negative"
    ratio = end / start
    if measure == "relative_change" or years == 1:
        return float(ratio - 1), ""
    if ratio < 0:
        return np.nan, "start and end have different signs"
    if ratio == 0 and years < 0:
        return np.nan, "the end is 0"
    return float(ratio) ** float(1 / years) - 1, ""


def wrap(
    panel: Panel,
    measures: list[str],
    spans_of: tuple[np.ndarray, np.ndarray, np.ndarray],
    ends: Ends,
    values: np.ndarray,
    notes: list[str],
    precision: dict[str, Any],
    asked: dict[str, Any],
) -> Estimates:
    """Lay the changes out as one row per span (series, first, last period) and measure."""
    est, k = panel.est, len(measures)
    series, first, last = spans_of
    spans = np.repeat(np.arange(len(series)), k)
    some = panel.some_row[series][spans]
    estimate = np.append(est["estimate"].to_numpy(), np.nan)
    keys = {name: est[name].array.take(some) for name in panel.keys}
    keys[f"{panel.time}_from"] = panel.labels.take(np.repeat(first, k))
    keys[f"{panel.time}_to"] = panel.labels.take(np.repeat(last, k))
    what = {name: est[name].array.take(some) for name in est.measure_key_names}
    return Estimates(
        keys,
        measure_keys=what | {"of": est["measure"].array.take(some)},
        measure=pd.Categorical.from_codes(np.tile(np.arange(k), len(series)), measures),
        own={
            "start": np.repeat(estimate[ends.start], k),
            "end": np.repeat(estimate[ends.end], k),
            "p_value": precision.pop("p_value"),
        },
        estimate=values,
        note=np.array(notes, dtype=object),
        verb="change",
        meta=est.meta | {"time": panel.time} | asked,
        **precision,
        **{name: pd.Series(column).array.take(spans) for name, column in ends.common.items()},
    )
