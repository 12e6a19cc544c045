"""Plan fulfilment: what was planned, what was achieved, what remains, and when it is reached."""

from __future__ import annotations

import difflib
import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from .. import _core
from ..errors import (
    DuplicateNameError,
    OptionError,
    ValueRangeError,
    listing,
    unknown_column,
    unknown_option,
)
from ..estimates import Estimates
from ..fields import PROPORTIONS, is_among
from ..inputs import Frame
from .course import ASSUMPTIONS, MEASURES, Answer, Course, Moves
from .delta import Pairs, precision_columns
from .effects import Dual
from .escapes import check_moves, falls_of
from .goals import Goal, check_kind
from .periods import Panel, decimal, ends_of, in_years, panel_of

KINDS = ("points_per_year", "level", "relative", "count")
# A plan this near to a fraction with a small denominator means it; only one can be so near.
LARGEST_DENOMINATOR = 1000
SAME_FRACTION = Fraction(1, 10**9)
MOST_DIGITS = 12  # of a printed figure
FEWEST_FOR_LINE = 3


def target(
    est: Estimates,
    time: str,
    plan: Any,
    kind: str = "points_per_year",
    by_year: Any = None,
    classes: Any = None,
    assumptions: str | Sequence[str] = ("same_fall", "same_relative_fall"),
    printed: int | None = None,
    across_standards: bool = False,
    independent: bool = False,
    moves: str = "net",
) -> Estimates:
    """Compare what was achieved with a plan, from the first period to the last, by group.

    Parameters
    ----------
    est : Estimates
        Estimates of single periods, with the period as one of its keys; or `movements`.
    time : str
        The key that holds the period: years (numbers or text of four digits), pandas Periods or
        dates.
    plan : float, Goal, mapping or DataFrame
        One plan for all groups; or one per group, by label (a tuple of labels where there are
        several keys); or a table of key columns and a column `plan`. Points and levels of rates
        are fractions: 3 points are 0.03. A goal of `povertycore.goals` is the least it promises.
    kind : {"points_per_year", "level", "relative", "count"}, optional
        What the plan states: the fall in points per year; the level to come down to; the fall as a
        fraction of the first figure; or the fall in number (of a total, or of the numerator of
        rates).
    by_year : year or period, optional
        When the plan is to be fulfilled. Without it the last period is meant.
    classes : mapping or Series, optional
        The class of each group, by label, as {"Bình Gia": "poor_district"}; `plan` is by class.
    assumptions : {"same_fall", "same_relative_fall", "planned_fall", "line"} or list, optional
        How the year of reaching the plan is projected: the fall of each year so far goes on, as a
        number or as a fraction; from now on the planned fall; or the line of least squares through
        all periods, of which there must be three.
    printed : int, optional
        Compare figures as they are printed, with so many digits: of rates those of percent.
    across_standards : bool, optional
        Compare figures under different standards, or from different sources, and note it.
    independent : bool, optional
        Take figures of a printed table as independent, so that their falls have standard errors.
    moves : {"net", "escaped"}, optional
        Of `movements`, what counts as achieved: by how many the poor became fewer, or how many
        escaped, whoever became poor meanwhile. Escapes are planned as "count" or "relative".

    Returns
    -------
    Estimates
        Per group, `kind` and `of` (the measure planned), the rows

        - `planned` and `achieved`: the fall, positive; points per year are planned up to the last
          period, or up to `by_year` where that is past;
        - `fulfilment`: achieved / planned, 1 is exactly the plan;
        - `remaining`: the fall still to come by `by_year`, 0 when the plan is reached;
        - `required_pace`: `remaining` per year until `by_year`;
        - `on_track`: 1 if as much was achieved as an even pace would have brought by now, else 0;
        - `reach_year`: when the level planned is met, one row per assumption, named in `note`.

        `p_value` of `fulfilment` and `on_track` is one-sided, of a fall short of the plan: a small
        one says that more than sampling error lies above it.

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
    `by_year`, the planned fall is plan x min(T, H), p0 - plan, plan x p0 or plan. Figures are
    compared unrounded and exactly, rates of counts as fractions: a commune exactly at its plan has
    reached it. A float within 1e-9 of a fraction with a denominator up to 1,000 is read as that
    (1/3 is a third), any other as its decimal. Where p0 already meets the level there is nothing to
    fulfil: NaN and a note; it is on track as long as it meets it.

    Figures of a sample have standard errors by the delta method, with the covariance of both
    periods; `on_track` compares the estimates, and its `p_value` is P(T < -x/se(x)) for the excess
    x of what was achieved over what an even pace had to bring. A year on a line has none.

    Escapes are those of all years from the first to the last: of the poor to the near-poor and
    above, of the near-poor above. Who leaves the register has not escaped.

    Examples
    --------
    Lạng Sơn planned 3 points a year; from 12.20 to 8.92 percent is 3.28 points, 109 percent of it.

    >>> table = {"year": [2021, 2022], "rate": [0.1220, 0.0892]}
    >>> est = pc.Estimates.from_table(table, "year", estimate="rate")
    >>> result = pc.target(est, time="year", plan=0.03)
    >>> result.select(measure=["planned", "achieved", "fulfilment"])["estimate"].round(3).tolist()
    [0.03, 0.033, 1.093]

    Two of three escaped and one is new: two escapes, of a net fall of one.

    >>> a = {"hh": [1, 2, 3, 4], "status": ["poor", "poor", "poor", "other"]}
    >>> b = {"hh": [1, 2, 3, 4], "status": ["poor", "near_poor", "other", "poor"]}
    >>> moved = pc.movements({2021: a, 2022: b}, "status", id="hh", time="year")
    >>> moved = moved.select(status="poor")
    >>> for moves in ("net", "escaped"):
    ...     found = pc.target(moved, time="year", plan=2, kind="count", moves=moves)
    ...     found.select(measure=["achieved", "fulfilment"])["estimate"].tolist()
    [1.0, 0.5]
    [2.0, 1.0]
    """
    if kind not in KINDS:
        raise unknown_option("kind", kind, KINDS)
    wanted = checked_assumptions(assumptions)
    if check_moves(est, moves, kind):
        est = falls_of(est, time, moves)
    panel = panel_of(est, time, "target")
    series = np.lexsort((panel.figure, panel.group))
    first = np.zeros(len(series), dtype=np.int64)
    last = np.full(len(series), len(panel.years) - 1)
    ends = ends_of(panel, series, first, last, across_standards)
    plans = plans_of(panel, series, plan, kind, classes)
    elapsed = panel.years[-1] - panel.years[0]
    horizon = horizon_of(panel, by_year)
    figure = figures_of(panel, kind, printed)
    lines = lines_of(panel, series, figure) if "line" in wanted else [None] * len(series)
    answers = [
        Course(
            kind=kind,
            plan=plans[i],
            start=None if start < 0 else figure(start),
            end=None if end < 0 else figure(end),
            first_year=panel.years[0],
            elapsed=elapsed,
            horizon=horizon,
            line=lines[i],
        ).figures(wanted)
        for i, (start, end) in enumerate(zip(ends.start, ends.end, strict=True))
    ]
    values = np.array([[np.nan if value is None else float(value) for value, _ in row]
                       for row in answers]).reshape(len(series), -1)  # fmt: skip
    notes = notes_of(ends.notes, answers, wanted)
    pairs = Pairs(est, ends.start, ends.end, independent)
    precision = precision_of(pairs, kind, plans, values, elapsed, horizon, wanted)
    asked = {
        "time": time,
        "kind": kind,
        "plan": plan_words(plan),
        "by_year": None if by_year is None else str(by_year),
        "printed": printed,
        "across_standards": across_standards,
        "independent": independent,
        "moves": moves,
    }
    return wrap(panel, series, kind, ends.common, values, notes, precision, wanted, asked, plan)


def checked_assumptions(assumptions: str | Sequence[str]) -> tuple[str, ...]:
    """Return the assumptions as a tuple; an unknown one is an error."""
    listed = [assumptions] if isinstance(assumptions, str) else list(assumptions)
    for name in listed:
        if name not in ASSUMPTIONS:
            raise unknown_option("assumptions", name, tuple(ASSUMPTIONS))
    return tuple(dict.fromkeys(listed))


def figures_of(panel: Panel, kind: str, printed: int | None) -> Callable[[int], Fraction | None]:
    """Return how the figure of a row is read: as it is, or as it was printed."""
    plain = counts_of(panel.est).__getitem__ if kind == "count" else panel.exact
    if printed is None:
        return plain
    if isinstance(printed, bool) or not isinstance(printed, int) or not 0 <= printed <= MOST_DIGITS:
        error = OptionError(f"printed must be a number of digits, found {printed!r}")
        error.argument = "printed"
        raise error
    is_rate = is_among(panel.est["measure"].array, PROPORTIONS) & (kind != "count")

    def rounded(row: int) -> Fraction | None:
        exact = plain(row)
        if exact is None:
            return None
        scale = 10 ** (printed + (2 if is_rate[row] else 0))
        size = math.floor(abs(exact) * scale + Fraction(1, 2))  # half away from zero, as on paper
        return Fraction(size if exact >= 0 else -size, scale)

    return rounded


def lines_of(
    panel: Panel, series: np.ndarray, figure: Callable[[int], Fraction | None]
) -> list[tuple[float, float] | None]:
    """Return the line through the figures of each series: level at the first period and slope."""
    years = np.array([float(year - panel.years[0]) for year in panel.years])
    start, time, value = [0], [], []
    for rows in panel.row[series]:
        known = [(years[t], figure(int(row))) for t, row in enumerate(rows) if row >= 0]
        found = [(t, float(x)) for t, x in known if x is not None]
        time += [t for t, _ in found]
        value += [x for _, x in found]
        start.append(len(time))
    at, n = np.array(start, np.int64), np.diff(start)
    slope, level, *_ = _core.trend_line(at, np.array(time), np.array(value))
    first = np.append(time, np.nan)[at[:-1]]
    return [
        (float(a - b * t), float(b)) if many >= FEWEST_FOR_LINE else None
        for a, b, t, many in zip(level, slope, first, n, strict=True)
    ]


def notes_of(
    of_ends: list[str], answers: list[list[Answer]], assumptions: tuple[str, ...]
) -> list[str]:
    """Write the note of each figure: its assumption, what its ends say, why it is missing."""
    stated = ("",) * len(MEASURES) + tuple(ASSUMPTIONS[name] for name in assumptions)
    notes = []
    for ends, row in zip(of_ends, answers, strict=True):
        for (_, why), words in zip(row, stated, strict=True):
            notes.append("; ".join(filter(None, (words, ends, why))))
    return notes


# --- errors ------------------------------------------------------------------------------------


def precision_of(
    pairs: Pairs,
    kind: str,
    plans: list[Fraction | None],
    values: np.ndarray,
    elapsed: Fraction,
    horizon: Fraction | None,
    assumptions: tuple[str, ...],
) -> dict[str, Any]:
    """Return the standard errors of the figures, and the one-sided p of a fall short of the plan.

    The number behind a rate has no standard error of its own.
    """
    start, end = pairs.of("estimate")
    is_total = np.append(np.asarray(pairs.est["measure"] == "total"), False)[pairs.start]
    if kind == "count":
        start, end = np.where(is_total, start, np.nan), np.where(is_total, end, np.nan)
    plan = np.array([np.nan if p is None else float(p) for p in plans])
    moves = Moves.of(kind, plan, start, end, elapsed, horizon)
    slopes = np.stack(moves.slopes(assumptions), axis=1)
    slopes[np.isnan(start)] = np.nan
    repeated = pairs.repeated(values.shape[1])
    columns, _ = precision_columns(
        repeated, values.ravel(), slopes[:, :, 0].ravel(), slopes[:, :, 1].ravel()
    )
    p_value = np.full(values.shape, np.nan)
    names = (MEASURES.index("fulfilment"), MEASURES.index("on_track"))
    for j, excess in zip(names, moves.excess(), strict=True):
        p_value[:, j] = shortfall(pairs, excess)
    p_value[np.isnan(values)] = np.nan
    return columns | {"p_value": p_value.ravel()}


def shortfall(pairs: Pairs, excess: Dual) -> np.ndarray:
    """Return the one-sided p of an excess that is not above 0."""
    from scipy.special import stdtr

    found, _ = precision_columns(pairs, excess.value, excess.slope[:, 0], excess.slope[:, 1])
    p = np.full(len(excess.value), np.nan)
    if "se" not in found:
        return p
    known = (found["se"] > 0) & (found["df"] >= 1)
    p[known] = stdtr(found["df"][known], -excess.value[known] / found["se"][known])
    return p


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


def plans_of(
    panel: Panel, series: np.ndarray, plan: Any, kind: str, classes: Any
) -> list[Fraction | None]:
    """Return the plan of each series, checked against what it is a plan for."""
    for goal in goals_in(plan):
        check_kind(goal, kind)
    if classes is not None:
        plans = plans_by_class(panel, series, plan, classes)
    elif isinstance(plan, Real | Goal):
        plans = [number_of(plan, "plan")] * len(series)
    elif isinstance(plan, Mapping) and not is_table(plan):
        plans = plans_by_label(panel, series, plan)
    elif plan is None or isinstance(plan, str | list | tuple):
        raise plan_error(
            f"plan is {plan!r}; a number, a goal, a mapping from label to number, or a table with a"
            " column 'plan' was expected"
        )
    else:
        plans = plans_by_keys(panel, series, Frame.of(plan))
    measures = panel.est["measure"].array.take(panel.some_row[series])
    for value, measure in zip(plans, measures, strict=True):
        check_plan(value, kind, measure)
    return plans


def is_table(plan: Mapping[Any, Any]) -> bool:
    """Say whether a mapping holds columns rather than one plan per label."""
    return any(hasattr(value, "__len__") and not isinstance(value, str) for value in plan.values())


def goals_in(plan: Any) -> list[Goal]:
    """Return the goals of programmes among the plans."""
    values = plan.values() if isinstance(plan, Mapping) else [plan]
    return [value for value in values if isinstance(value, Goal)]


def plan_words(plan: Any) -> Any:
    """Say what was planned: the number, the goals, or that it is by group."""
    if isinstance(plan, Real):
        return float(plan)
    return ", ".join(map(str, goals_in(plan))) or "by group"


def number_of(value: Any, where: str) -> Fraction:
    """Return a plan as an exact fraction: a third as a third, any other float as its decimal."""
    if isinstance(value, Goal):
        return value.plan
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


def plans_by_class(
    panel: Panel, series: np.ndarray, plan: Any, classes: Any
) -> list[Fraction | None]:
    """Look the class of each group up, and its plan."""
    if not isinstance(plan, Mapping) or is_table(plan) or not panel.keys:
        raise OptionError("with classes= the plan is a mapping from class to number")
    numbers = {plain(name): number_of(value, "each plan") for name, value in plan.items()}
    groups = labels_of(panel, series, panel.keys)
    of_group = {
        tuple(map(plain, label)) if isinstance(label, tuple) else (plain(label),): plain(name)
        for label, name in dict(classes).items()
    }
    check_known(of_group, groups, "classes")
    for name in numbers:
        if name not in of_group.values():
            error = OptionError(
                f"plan names the class {name!r}; classes has"
                f" {listing(dict.fromkeys(map(str, of_group.values())))}"
            )
            error.argument = "plan"
            raise error
    return [numbers.get(of_group.get(group)) for group in groups]


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


def check_known(
    by_group: Mapping[tuple[Any, ...], Any], groups: list[tuple[Any, ...]], argument: str = "plan"
) -> None:
    """Refuse a plan for a group that the estimates do not have: a slip of spelling."""
    known = set(groups)
    for group in by_group:
        if group not in known:
            name = ", ".join(map(str, group))
            names = sorted({", ".join(map(str, group)) for group in known})
            close = difflib.get_close_matches(name, names, n=3)
            hint = f"; did you mean {listing(close, last=' or ')}?" if close else ""
            error = OptionError(
                f"{argument} names the group {name!r}, which the estimates lack{hint}"
            )
            error.argument = argument
            raise error


# --- wrap --------------------------------------------------------------------------------------


def wrap(
    panel: Panel,
    series: np.ndarray,
    kind: str,
    common: dict[str, Any],
    values: np.ndarray,
    notes: list[str],
    precision: dict[str, Any],
    assumptions: tuple[str, ...],
    asked: dict[str, Any],
    plan: Any,
) -> Estimates:
    """Lay the figures out as one row per series and measure."""
    est, k = panel.est, values.shape[1]
    rows = np.repeat(np.arange(len(series)), k)
    some = panel.some_row[series][rows]
    keys = {name: est[name].array.take(some) for name in panel.keys}
    keys[f"{panel.time}_from"] = panel.labels.take(np.zeros(len(rows), dtype=np.int64))
    keys[f"{panel.time}_to"] = panel.labels.take(np.full(len(rows), len(panel.years) - 1))
    what = {name: est[name].array.take(some) for name in est.measure_key_names}
    of = est["measure"].array.take(some)
    if kind == "count" and asked["moves"] == "net":  # one of totals, also where rates were given
        of = pd.Categorical.from_codes(np.zeros(len(rows), dtype=np.int8), ["total"])
    measures = [*MEASURES, *["reach_year"] * len(assumptions)]
    unverified = [f"plan: {goal}" for goal in goals_in(plan) if not goal.verified]
    footnotes = [*est.meta.get("footnotes", ()), *unverified]
    return Estimates(
        keys,
        measure_keys=what | {"kind": np.full(len(rows), kind, dtype=object), "of": of},
        measure=np.tile(np.array(measures, dtype=object), len(series)),
        own={"p_value": precision.pop("p_value")},
        estimate=values.ravel(),
        note=np.array(notes, dtype=object),
        verb="target",
        meta=est.meta | asked | ({"footnotes": footnotes} if footnotes else {}),
        **precision,
        **{name: pd.Series(column).array.take(rows) for name, column in common.items()},
    )
