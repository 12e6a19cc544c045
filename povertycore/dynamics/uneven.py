"""The figures of one group of units: spread, shares, lines, mobility, with and without errors."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from .spread import Floats, Form, Ints, Noise, correlation, gini, mean, quantile, ranks

LEVELS = ("start", "end")
SIDES = (*LEVELS, "reduction")
RAW = "raw: what chance adds is not taken out"
OF_UNITS = "standard error of the line through the units"
ALL_CHANCE = "chance explains all of the variance"


@dataclass(frozen=True)
class Course:
    """Units at both ends, under one weighting, and the errors of their figures.

    Attributes
    ----------
    start, end, reduction : ndarray of float64, shape (n,)
        The two figures, and the fall.
    weight, end_weight : ndarray of float64, shape (n,)
        Weights of whatever concerns the start or both ends, and of the end alone.
    reached : ndarray of float64, shape (n,)
        1 where the plan was met, 0 where not, NaN without one.
    group : ndarray of int64, shape (n,)
        Groups of units, where the block holds several.
    controls : ndarray of float64, shape (n, k), or None
        By which convergence is conditional.
    top : float or int
        The share, or the number, of top units.
    has_groups : bool
        The block is the total of all groups.
    is_weighted : bool
        Weights are populations.
    with_errors : bool
        Corrected figures are wanted.
    noise : Noise or None
        The errors; None where they are not known, `why` says why.
    """

    start: Floats
    end: Floats
    reduction: Floats
    weight: Floats
    end_weight: Floats
    reached: Floats
    group: Ints
    controls: Floats | None
    top: float
    has_groups: bool
    is_weighted: bool
    with_errors: bool
    noise: Noise | None
    why: str

    @property
    def n(self) -> int:
        """Number of units."""
        return len(self.start)

    @property
    def divisor(self) -> float:
        """What makes a variance of a form."""
        return self.n / (self.n - 1) if self.n > 1 else math.nan

    @property
    def change(self) -> Floats:
        """The change of each unit."""
        return -self.reduction

    def of(self, side: str) -> tuple[Floats, Floats]:
        """Return the figures of a side, "start", "end" or "reduction", and their weights."""
        weight = self.end_weight if side == "end" else self.weight
        values: Floats = getattr(self, side)
        return values, weight

    @cached_property
    def variance(self) -> dict[str, float]:
        """The variance of the figures of each side."""
        found = {}
        for side in SIDES:
            values, weight = self.of(side)
            found[side] = Form.of(weight).product(values, values) * self.divisor
        return found

    @cached_property
    def corrected(self) -> dict[str, float]:
        """What errors leave of each variance; NaN where they are not known."""
        if self.noise is None:
            return dict.fromkeys(SIDES, math.nan)
        start, end, both = self.noise.expected(Form.of(self.weight))
        lost = {"start": start, "end": end, "reduction": start + end - 2 * both}
        if self.end_weight is not self.weight:
            lost["end"] = self.noise.expected(Form.of(self.end_weight))[1]
        return {side: self.variance[side] - lost[side] * self.divisor for side in SIDES}


@dataclass
class Figures:
    """Figures, row by row: the columns of a result that they fill."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, measure: str, estimate: float, note: str = "", **more: Any) -> None:
        """Add a figure."""
        self.rows.append({"measure": measure, "estimate": estimate, "note": note, **more})


def figures_of(course: Course) -> Figures:
    """Return the figures of a block; without units or populations NaN, and why."""
    empty = ""
    if not course.n:
        empty = "no unit has both periods"
    elif np.isnan(course.weight + course.end_weight).any():
        empty = "the population of a unit is not known"
    elif course.weight.sum() <= 0 or course.end_weight.sum() <= 0:
        empty = "the units have no population"
    if not empty:
        return measured(course)
    names = [row["measure"] for row in measured(stand_in(course)).rows]
    return Figures([{"measure": name, "estimate": math.nan, "note": empty} for name in names])


def stand_in(course: Course) -> Course:
    """Return a course of two units that has the same figures."""
    two, ones = np.array([0.1, 0.2]), np.ones(2)
    return replace(
        course,
        start=two,
        end=two,
        reduction=two,
        weight=ones,
        end_weight=ones,
        reached=ones,
        group=np.arange(2),
        controls=None if course.controls is None else np.zeros((2, 1)),
        noise=None,
    )


def measured(course: Course) -> Figures:
    """Return all figures of a block, in the order of the result."""
    figures = Figures()
    raw = RAW if course.with_errors else ""
    for sides in (LEVELS, ("reduction",)):
        add_deviations(figures, course, sides)
        for side in sides:
            values, weight = course.of(side)
            width = quantile(values, weight, 0.75) - quantile(values, weight, 0.25)
            figures.add(f"iqr_{side}", width, raw)
        for side in sides:
            values, weight = course.of(side)
            negative = "no Gini of negative values" if (values < 0).any() else "the mean is 0"
            value = gini(values, weight)
            figures.add(f"gini_{side}", value, negative if math.isnan(value) else raw)
    add_shares(figures, course)
    add_top(figures, course)
    add_beta(figures, course, "beta", Form.of(course.weight))
    add_conditional_beta(figures, course)
    add_sigma(figures, course)
    found = [ranks(values, course.weight) for values in (course.start, course.end)]
    r = correlation(found[0], found[1], course.weight)
    figures.add("rank_correlation", r, "a period has one rank" if math.isnan(r) else "")
    if course.has_groups:
        add_parts(figures, course)
    return figures


def add_deviations(figures: Figures, course: Course, sides: tuple[str, ...]) -> None:
    """Add standard deviations and coefficients of variation, raw and corrected."""
    for name in ("sd", "cv"):
        for side in sides:
            scale = abs(mean(*course.of(side))) if name == "cv" else 1.0
            note = "" if course.n > 1 else "one unit has no spread"
            note = note or ("" if scale else "the mean is 0")
            figures.add(f"{name}_{side}", deviation(course.variance[side], scale), note)
            if course.with_errors:
                left = course.corrected[side]
                note = note or (ALL_CHANCE if left < 0 else course.why)
                figures.add(f"{name}_{side}_corrected", deviation(left, scale), note)


def deviation(variance: float, scale: float) -> float:
    """Return the root of a variance on a scale; of one below 0 it is 0."""
    if math.isnan(variance) or not scale:
        return math.nan
    return math.sqrt(max(variance, 0.0)) / scale


def add_shares(figures: Figures, course: Course) -> None:
    """Add the shares of units that went backwards, and that met the plan."""
    for measure, which in (
        ("share_backwards", (course.reduction < 0).astype(np.float64)),
        ("share_reached", course.reached),
    ):
        known = ~np.isnan(which)
        below = float(course.weight[known].sum())
        above = float((which * course.weight)[known].sum())
        note = "" if known.all() else "of the units with a plan" if known.any() else "no plan"
        more = {"numerator": above, "denominator": below, "n_obs": int(known.sum())}
        figures.add(measure, above / below if below else math.nan, note, **more)


def add_top(figures: Figures, course: Course) -> None:
    """Add the share of the sum of reductions that the top units brought."""
    brought = course.reduction * course.weight
    is_count = isinstance(course.top, int)
    n_top = course.top if is_count else math.ceil(round(course.top * course.n, 9))
    n_top = min(int(n_top), course.n)
    above, below = float(np.sort(brought)[::-1][:n_top].sum()), float(brought.sum())
    if below > 0:
        note = f"the {n_top} of {course.n} units that brought most"
        figures.add("share_of_top", above / below, note, numerator=above, denominator=below)
    else:
        figures.add("share_of_top", math.nan, "there was no reduction")


def add_beta(figures: Figures, course: Course, measure: str, form: Form) -> None:
    """Add the slope of the change on the start, raw and corrected."""
    start, change = course.start, course.change
    s00, s01, s11 = (
        form.product(a, b) for a, b in ((start, start), (start, change), (change,) * 2)
    )
    df = course.n - form.n_taken - 1
    why = "too few units for a line" if df < 1 else "" if s00 > 0 else "all starts are alike"
    slope = math.nan if why else s01 / s00
    centre = mean(start, course.weight)
    note = why or OF_UNITS
    of_slope: dict[str, float] = {}
    of_intercept: dict[str, float] = {}
    if not why:
        rest = change - slope * start
        se = math.sqrt(form.product(rest, rest) / (df * s00))
        of_slope = {"se": se, "df": float(df)}
        of_intercept = of_slope | {"se": se * math.sqrt(s00 + centre**2)}
    figures.add(measure, slope, note, **of_slope)
    if measure == "beta":
        intercept = mean(change, course.weight) - slope * centre
        figures.add("beta_intercept", intercept, note, **of_intercept)
        r2 = slope * s01 / s11 if s11 > 0 else math.nan
        figures.add("beta_r2", r2, why or ("" if s11 > 0 else "all changes are alike"))
    if course.with_errors:
        figures.add(f"{measure}_corrected", **corrected_slope(course, form, s00, s01, why))


def corrected_slope(course: Course, form: Form, s00: float, s01: float, why: str) -> dict[str, Any]:
    """Return the slope that is left without errors, and what is to be said of it.

    It solves sum w e = 0, e = x (y - beta x) + V0 - C01 + beta V0 with the residuals x and y of
    starts and changes: its standard error is that of a mean of the e, of units that are drawn.
    """
    if why or course.noise is None:
        return {"estimate": math.nan, "note": why or course.why}
    start, _, both = course.noise.expected(form)
    left = s00 - start
    if left <= 0:
        return {"estimate": math.nan, "note": ALL_CHANCE}
    slope = (s01 + start - both) / left
    x, y = form.residual(course.start), form.residual(course.change)
    noise = course.noise
    e = x * (y - slope * x) + noise.start - noise.both + slope * noise.start
    e = e - mean(e, form.weight)  # what is taken out takes a part of the errors with it
    df = course.n - form.n_taken - 1
    se = math.sqrt(course.n / df * float(np.sum((form.weight * e) ** 2))) / left
    note = "; ".join(filter(None, (OF_UNITS, course.why)))
    return {"estimate": slope, "note": note, "se": se, "df": float(df)}


def add_conditional_beta(figures: Figures, course: Course) -> None:
    """Add the slope within groups and at equal controls, where there are any."""
    if not course.has_groups and course.controls is None:
        return
    lacks = 0
    if course.controls is not None:
        lacks = int(np.isnan(course.controls).any(axis=1).sum())
    if not lacks:
        group = course.group if course.has_groups else None
        form = Form.of(course.weight, group, course.controls)
        add_beta(figures, course, "beta_conditional", form)
        return
    for measure in ("beta_conditional", "beta_conditional_corrected")[: 1 + course.with_errors]:
        figures.add(measure, math.nan, f"{lacks} of {course.n} units lack a control")


def add_sigma(figures: Figures, course: Course) -> None:
    """Add the relative change of the standard deviation, raw and corrected."""
    start, end = (course.variance[side] for side in LEVELS)
    figures.add("sigma", *relative(start, end, "no spread", ""))
    if course.with_errors:
        start, end = (course.corrected[side] for side in LEVELS)
        note = ALL_CHANCE if end < 0 else course.why
        figures.add("sigma_corrected", *relative(start, end, course.why or ALL_CHANCE, note))


def relative(start: float, end: float, why: str, note: str) -> tuple[float, str]:
    """Return what a standard deviation changed by, relative to its start, and a note on it."""
    if start > 0:
        return math.sqrt(max(end, 0.0) / start) - 1, note
    return math.nan, why


def add_parts(figures: Figures, course: Course) -> None:
    """Add what part of the variance of reductions lies within groups, and between them."""
    whole = Form.of(course.weight).product(course.reduction, course.reduction)
    inside = Form.of(course.weight, course.group).product(course.reduction, course.reduction)
    for measure, part in (("within", inside), ("between", whole - inside)):
        if whole > 0:
            figures.add(measure, part / whole)
        else:
            figures.add(measure, math.nan, "the reductions are all alike")
