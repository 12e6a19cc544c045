"""Plan fulfilment: what was planned, what was achieved, what remains, and when it is reached."""

from __future__ import annotations

import difflib
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from ..errors import (
    DuplicateNameError,
    OptionError,
    ValueRangeError,
    listing,
    unknown_column,
    unknown_option,
)
from ..estimates import Estimates
from ..fields import PROPORTIONS
from ..inputs import Frame
from .periods import Panel, add_note, decimal, ends_of, in_years, panel_of

KINDS = ("points_per_year", "level", "relative", "count")
MEASURES = (
    "planned",
    "achieved",
    "fulfilment",
    "remaining",
    "required_pace",
    "on_track",
    "reach_year",
    "reach_year",
)
SAME_FALL = "assuming the same fall each year"
SAME_RATE_OF_FALL = "assuming the same relative fall each year"
# A plan this near to a fraction with a small denominator means it; only one can be so near.
LARGEST_DENOMINATOR = 1000
SAME_FRACTION = Fraction(1, 10**9)
ASSUMPTIONS = ("",) * (len(MEASURES) - 2) + (SAME_FALL, SAME_RATE_OF_FALL)


def target(
    est: Estimates,
    time: str,
    plan: Any,
    kind: str = "points_per_year",
    by_year: Any = None,
    across_standards: bool = False,
) -> Estimates:
    """Compare what was achieved with a plan, from the first period to the last, by group.

    Parameters
    ----------
    est : Estimates
        Estimates of single periods, with the period as one of its keys.
    time : str
        The key that holds the period: years (numbers or text of four digits), pandas Periods or
        dates.
    plan : float, mapping or DataFrame
        One plan for all groups; or one per group, by label (a tuple of labels where there are
        several keys); or a table of key columns and a column `plan`. Points and levels of rates
        are fractions: 3 points are 0.03.
    kind : {"points_per_year", "level", "relative", "count"}, optional
        What the plan states: the fall in points per year; the level to come down to; the fall as a
        fraction of the first figure; or the fall in number (of a total, or of the numerator of
        rates).
    by_year : year or period, optional
        When the plan is to be fulfilled. Without it the last period is meant.
    across_standards : bool, optional
        Compare figures under different standards, or from different sources, and note it.

    Returns
    -------
    Estimates
        Per group, `kind` and `of` (the measure planned), the rows

        - `planned` and `achieved`: the fall, positive; for points per year up to the last period;
        - `fulfilment`: achieved / planned, 1 is exactly the plan;
        - `remaining`: the fall still to come by `by_year`, 0 when the plan is reached;
        - `required_pace`: `remaining` per year until `by_year`;
        - `on_track`: 1 if as much was achieved as an even pace would have brought by now, else 0;
        - `reach_year`: when the level planned is met, one row per assumption, named in `note`.

    Raises
    ------
    ValueRangeError
        A plan is negative, or above 1 where it is a fraction; there are fewer than two periods.
    OptionError
        The kind does not fit what is measured, or the plan names a group that does not exist.
    ComparabilityError
        Two figures stand under different standards or sources.

    Notes
    -----
    With p0 and p1 the first and last figure, T the years between them and H the years to
    `by_year`, the planned fall is plan x T, p0 - plan, plan x p0 or plan. Figures are compared
    unrounded and exactly, rates of counts as fractions: a commune exactly at its plan has reached
    it. A float within 1e-9 of a fraction with a denominator up to 1,000 is read as that (1/3 is a
    third), any other as its decimal. Where p0 already meets the level there is nothing to fulfil:
    NaN and a note; it is on track as long as it meets it.

    Examples
    --------
    Lạng Sơn planned 3 points a year; from 12.20 to 8.92 percent is 3.28 points, 109 percent of it.

    >>> table = {"year": [2021, 2022], "rate": [0.1220, 0.0892]}
    >>> est = pc.Estimates.from_table(table, "year", estimate="rate")
    >>> result = pc.target(est, time="year", plan=0.03)
    >>> result.select(measure=["planned", "achieved", "fulfilment"])["estimate"].round(3).tolist()
    [0.03, 0.033, 1.093]
    """
    if kind not in KINDS:
        raise unknown_option("kind", kind, KINDS)
    panel = panel_of(est, time, "target")
    series = np.lexsort((panel.figure, panel.group))
    first = np.zeros(len(series), dtype=np.int64)
    last = np.full(len(series), len(panel.years) - 1)
    ends = ends_of(panel, series, first, last, across_standards)
    plans = plans_of(panel, series, plan, kind)
    elapsed = panel.years[-1] - panel.years[0]
    horizon = horizon_of(panel, by_year)
    figure = counts_of(est).__getitem__ if kind == "count" else panel.exact
    values, notes = [], []
    for i, (start, end) in enumerate(zip(ends.start, ends.end, strict=True)):
        course = Course(
            kind=kind,
            plan=plans[i],
            start=None if start < 0 else figure(start),
            end=None if end < 0 else figure(end),
            first_year=panel.years[0],
            elapsed=elapsed,
            horizon=horizon,
        )
        for (value, why), assumption in zip(course.figures(), ASSUMPTIONS, strict=True):
            values.append(np.nan if value is None else float(value))
            notes.append(assumption)
            for words in filter(None, (ends.notes[i], why)):
                add_note(notes, -1, words)
    return wrap(panel, series, kind, ends.common, values, notes, plan, by_year, across_standards)


@dataclass(frozen=True)
class Course:
    """One figure at the first and the last period, and the plan for it."""

    kind: str
    plan: Fraction | None
    start: Fraction | None
    end: Fraction | None
    first_year: Fraction
    elapsed: Fraction
    horizon: Fraction | None  # years from the first period to `by_year`

    def figures(self) -> list[tuple[Fraction | float | None, str]]:
        """Return each of MEASURES, None where it is missing, and why it is."""
        if self.start is None or self.end is None:
            nothing: tuple[Fraction | None, str] = (None, "")
            return [nothing] * len(MEASURES)
        achieved = self.start - self.end
        if self.plan is None:
            rest = [(None, "no plan for this group")] * (len(MEASURES) - 2)
            return [(None, "no plan for this group"), (achieved, ""), *rest]
        whole = self.planned_by(self.elapsed if self.horizon is None else self.horizon)
        planned = self.planned_by(self.elapsed)
        return [
            (planned, ""),
            (achieved, ""),
            self.fulfilment(planned, achieved),
            (max(whole - achieved, Fraction(0)), ""),
            self.required_pace(whole - achieved),
            (Fraction(achieved >= self.even_pace(whole)), ""),
            self.reach_evenly(whole, achieved),
            self.reach_relatively(self.start - whole),
        ]

    def planned_by(self, years: Fraction) -> Fraction:
        """Return the fall planned from the first period on, within so many years."""
        assert self.plan is not None
        assert self.start is not None
        if self.kind == "points_per_year":
            return self.plan * years
        if self.kind == "level":
            return self.start - self.plan
        return self.plan * self.start if self.kind == "relative" else self.plan

    def even_pace(self, whole: Fraction) -> Fraction:
        """Return what an even pace towards the whole fall brings by the last period.

        Where the first figure is below its level there is no pace: it may rise up to the level.
        """
        if self.horizon is None or self.horizon <= self.elapsed or whole <= 0:
            return whole
        return whole * self.elapsed / self.horizon

    def fulfilment(self, planned: Fraction, achieved: Fraction) -> tuple[Fraction | None, str]:
        """Return achieved / planned."""
        if planned > 0:
            return achieved / planned, ""
        if self.kind == "level":
            return None, "the first period already meets the level"
        return None, "no fall is planned"

    def required_pace(self, remaining: Fraction) -> tuple[Fraction | None, str]:
        """Return the fall per year that is needed from the last period on."""
        if self.horizon is None:
            return None, "a pace needs by_year"
        if remaining <= 0:
            return Fraction(0), ""
        if self.horizon <= self.elapsed:
            return None, "by_year is not after the last period"
        return remaining / (self.horizon - self.elapsed), ""

    def reach_evenly(self, whole: Fraction, achieved: Fraction) -> tuple[Fraction | None, str]:
        """Return the year in which the fall is made if each year brings as much."""
        if whole <= 0 and achieved >= whole:
            return self.first_year, ""
        if achieved <= 0:
            return None, "not reached: there was no fall"
        return self.first_year + self.elapsed * whole / achieved, ""

    def reach_relatively(self, level: Fraction) -> tuple[float | None, str]:
        """Return the year in which the level is met if each year takes off the same fraction."""
        assert self.start is not None
        assert self.end is not None
        if level >= self.start and level >= self.end:
            return float(self.first_year), ""
        if self.end >= self.start:
            return None, "not reached: there was no fall"
        if level <= 0:
            return None, "a relative fall does not come down to 0"
        if self.end <= 0:
            return None, "the last figure is not above 0"
        steps = math.log(level / self.start) / math.log(self.end / self.start)
        return float(self.first_year) + float(self.elapsed) * steps, ""


# --- the plan ----------------------------------------------------------------------------------


def counts_of(est: Estimates) -> list[Fraction | None]:
    """Return the number behind each estimate: of a total itself, else its numerator."""
    is_total = (est["measure"] == "total").to_numpy()
    counts = np.where(is_total, est["estimate"], est["numerator"])
    counts[est["estimate"].isna()] = np.nan  # a group that nothing is known of counts 0, not nobody
    if len(counts) and np.isnan(counts).all():
        raise OptionError("kind='count' needs totals, or rates whose numerators are known")
    return [None if math.isnan(x) else decimal(x) for x in counts.tolist()]


def horizon_of(panel: Panel, by_year: Any) -> Fraction | None:
    """Return the years from the first period to `by_year`."""
    if by_year is None:
        return None
    year = in_years(by_year)
    if year is None or year <= panel.years[0]:
        error = OptionError(
            f"by_year must be a year or period after {panel.words()[0]}, found {by_year!r}"
        )
        error.argument = "by_year"
        raise error
    return year - panel.years[0]


def plans_of(panel: Panel, series: np.ndarray, plan: Any, kind: str) -> list[Fraction | None]:
    """Return the plan of each series, checked against what it is a plan for."""
    if isinstance(plan, Real):
        plans: list[Fraction | None] = [number_of(plan, "plan")] * len(series)
    elif isinstance(plan, Mapping) and not is_table(plan):
        plans = plans_by_label(panel, series, plan)
    else:
        plans = plans_by_keys(panel, series, Frame.of(plan))
    measures = panel.est["measure"].array.take(panel.some_row[series])
    for value, measure in zip(plans, measures, strict=True):
        check_plan(value, kind, measure)
    return plans


def is_table(plan: Mapping[Any, Any]) -> bool:
    """Say whether a mapping holds columns rather than one plan per label."""
    return any(hasattr(value, "__len__") and not isinstance(value, str) for value in plan.values())


def number_of(value: Any, where: str) -> Fraction:
    """Return a plan as an exact fraction: a third as a third, any other float as its decimal."""
    if isinstance(value, Fraction):
        return value
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise plan_error(f"{where} must be a finite number, found {value!r}")
    exact = decimal(float(value))
    simple = exact.limit_denominator(LARGEST_DENOMINATOR)
    return simple if abs(simple - exact) <= SAME_FRACTION else exact


def plan_error(message: str) -> ValueRangeError:
    """Return the error for a plan, with the argument's name attached."""
    error = ValueRangeError(message)
    error.argument = "plan"
    return error


def check_plan(plan: Fraction | None, kind: str, measure: str) -> None:
    """Refuse points of what is no rate, falls below 0, and percent for fractions."""
    is_fraction = measure in PROPORTIONS
    if kind == "points_per_year" and not is_fraction:
        raise OptionError(
            f"kind='points_per_year' needs rates, found {measure!r}; use 'count', 'level' or"
            " 'relative'"
        )
    if plan is None:
        return
    if plan < 0 and (kind != "level" or is_fraction):
        raise plan_error("plan is negative; a planned fall is positive")
    if plan > 1 and (kind == "relative" or (kind != "count" and is_fraction)):
        raise plan_error(
            f"plan {float(plan):g} is above 1; points, levels and relative falls are fractions"
            " (3 points = 0.03)"
        )


def plain(label: Any) -> Any:
    """Return a label as Python compares it: text in NFC, numbers as numbers."""
    if isinstance(label, str):
        return unicodedata.normalize("NFC", label)
    return label.item() if isinstance(label, np.generic) else label


def labels_of(panel: Panel, series: np.ndarray, names: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """Return the labels of each series in some key columns."""
    columns = [panel.est[name].astype(object).array.take(panel.some_row[series]) for name in names]
    return [tuple(map(plain, labels)) for labels in zip(*columns, strict=True)]


def plans_by_label(
    panel: Panel, series: np.ndarray, plan: Mapping[Any, Any]
) -> list[Fraction | None]:
    """Look each group up in a mapping from its label, or tuple of labels."""
    if not panel.keys:
        raise OptionError("plan is a mapping from labels, but the estimates have no groups")
    groups = labels_of(panel, series, panel.keys)
    by_group = {
        tuple(map(plain, label)) if isinstance(label, tuple) else (plain(label),): number_of(
            value, "each plan"
        )
        for label, value in plan.items()
    }
    check_known(by_group, groups)
    return [by_group.get(group) for group in groups]


def plans_by_keys(panel: Panel, series: np.ndarray, table: Frame) -> list[Fraction | None]:
    """Look each group up in a table of key columns and a column `plan`."""
    if "plan" not in table.names:
        raise unknown_column("plan", table.names)
    keys = tuple(
        name for name in (*panel.keys, *panel.est.measure_key_names) if name in table.names
    )
    if not keys:
        raise OptionError(
            f"the table of plans needs key columns of the estimates: {listing(panel.keys)}"
        )
    groups = labels_of(panel, series, keys)
    rows = zip(*(table.array(name).tolist() for name in keys), strict=True)
    by_group: dict[tuple[Any, ...], Fraction] = {}
    for row, (labels, value) in enumerate(zip(rows, table.array("plan").tolist(), strict=True)):
        group = tuple(map(plain, labels))
        if group in by_group:
            raise DuplicateNameError(f"row {row} of the table of plans repeats the keys of another")
        by_group[group] = number_of(value, f"plan[{row}]")
    check_known(by_group, groups)
    return [by_group.get(group) for group in groups]


def check_known(by_group: Mapping[tuple[Any, ...], Any], groups: list[tuple[Any, ...]]) -> None:
    """Refuse a plan for a group that the estimates do not have: a slip of spelling."""
    known = set(groups)
    for group in by_group:
        if group not in known:
            name = ", ".join(map(str, group))
            names = sorted({", ".join(map(str, group)) for group in known})
            close = difflib.get_close_matches(name, names, n=3)
            hint = f"; did you mean {listing(close, last=' or ')}?" if close else ""
            error = OptionError(f"plan names the group {name!r}, which the estimates lack{hint}")
            error.argument = "plan"
            raise error


# --- wrap --------------------------------------------------------------------------------------


def wrap(
    panel: Panel,
    series: np.ndarray,
    kind: str,
    common: dict[str, Any],
    values: list[float],
    notes: list[str],
    plan: Any,
    by_year: Any,
    across_standards: bool,
) -> Estimates:
    """Lay the figures out as one row per series and measure."""
    est, k = panel.est, len(MEASURES)
    rows = np.repeat(np.arange(len(series)), k)
    some = panel.some_row[series][rows]
    keys = {name: est[name].array.take(some) for name in panel.keys}
    keys[f"{panel.time}_from"] = panel.labels.take(np.zeros(len(rows), dtype=np.int64))
    keys[f"{panel.time}_to"] = panel.labels.take(np.full(len(rows), len(panel.years) - 1))
    what = {name: est[name].array.take(some) for name in est.measure_key_names}
    of = est["measure"].array.take(some)
    if kind == "count":  # a fall in number is one of totals, also where rates were given
        of = pd.Categorical.from_codes(np.zeros(len(rows), dtype=np.int8), ["total"])
    return Estimates(
        keys,
        measure_keys=what | {"kind": np.full(len(rows), kind, dtype=object), "of": of},
        measure=np.tile(np.array(MEASURES, dtype=object), len(series)),
        estimate=np.array(values, dtype=np.float64),
        note=np.array(notes, dtype=object),
        verb="target",
        meta=est.meta
        | {
            "time": panel.time,
            "kind": kind,
            "plan": float(plan) if isinstance(plan, Real) else "by group",
            "by_year": None if by_year is None else str(by_year),
            "across_standards": across_standards,
        },
        **{name: pd.Series(column).array.take(rows) for name, column in common.items()},
    )
