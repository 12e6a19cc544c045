"""How far a plan was followed: exact figures of one group, and how they move with its estimates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from .effects import Dual

Floats = npt.NDArray[np.float64]

MEASURES = (
    "planned",
    "achieved",
    "fulfilment",
    "remaining",
    "required_pace",
    "on_track",
)
# How a year of reaching the plan is projected, and how the note says it.
ASSUMPTIONS = {
    "same_fall": "assuming the same fall each year",
    "same_relative_fall": "assuming the same relative fall each year",
    "planned_fall": "assuming the planned fall each year from the last period on",
    "line": "assuming the line through all periods",
}

Answer = tuple[Fraction | float | None, str]  # a figure, None where it is missing, and why it is


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
    line: tuple[float, float] | None = None  # level at the first period and slope, of all periods

    def figures(self, assumptions: tuple[str, ...]) -> list[Answer]:
        """Return each of MEASURES, and the year of reaching the plan under each assumption."""
        n = len(MEASURES) + len(assumptions)
        if self.start is None or self.end is None:
            nothing: Answer = (None, "")
            return [nothing] * n
        achieved = self.start - self.end
        if self.plan is None:
            lacking: Answer = (None, "no plan for this group")
            return [lacking, (achieved, ""), *[lacking] * (n - 2)]
        whole = self.planned_by(self.elapsed if self.horizon is None else self.horizon)
        planned = self.planned_by(self.planned_years)
        return [
            (planned, ""),
            (achieved, ""),
            self.fulfilment(planned, achieved),
            (max(whole - achieved, Fraction(0)), ""),
            self.required_pace(whole - achieved),
            (Fraction(achieved >= self.even_pace(whole)), ""),
            *(self.reach(name, whole, achieved) for name in assumptions),
        ]

    @property
    def planned_years(self) -> Fraction:
        """Years from the first to the last period, as far as the plan goes."""
        return self.elapsed if self.horizon is None else min(self.elapsed, self.horizon)

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

    def fulfilment(self, planned: Fraction, achieved: Fraction) -> Answer:
        """Return achieved / planned."""
        if planned > 0:
            return achieved / planned, ""
        if self.kind == "level":
            return None, "the first period already meets the level"
        return None, "no fall is planned"

    def required_pace(self, remaining: Fraction) -> Answer:
        """Return the fall per year that is needed from the last period on."""
        if self.horizon is None:
            return None, "a pace needs by_year"
        if remaining <= 0:
            return Fraction(0), ""
        if self.horizon <= self.elapsed:
            return None, "by_year is not after the last period"
        return remaining / (self.horizon - self.elapsed), ""

    def reach(self, assumption: str, whole: Fraction, achieved: Fraction) -> Answer:
        """Return the year in which the plan is met under one of ASSUMPTIONS."""
        assert self.start is not None
        if assumption == "same_fall":
            return self.reach_evenly(whole, achieved)
        if assumption == "same_relative_fall":
            return self.reach_relatively(self.start - whole)
        if assumption == "planned_fall":
            return self.reach_as_planned(whole, achieved)
        return self.reach_on_line(float(self.start - whole))

    def reach_evenly(self, whole: Fraction, achieved: Fraction) -> Answer:
        """Return the year in which the fall is made if each year brings as much."""
        if whole <= 0 and achieved >= whole:
            return self.first_year, ""
        if achieved <= 0:
            return None, "not reached: there was no fall"
        return self.first_year + self.elapsed * whole / achieved, ""

    def reach_relatively(self, level: Fraction) -> Answer:
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

    def reach_as_planned(self, whole: Fraction, achieved: Fraction) -> Answer:
        """Return the year in which what remains is made up at the pace that was planned."""
        if achieved >= whole:
            return self.reach_evenly(whole, achieved)
        pace = whole / (self.elapsed if self.horizon is None else self.horizon)
        if pace <= 0:
            return None, "no fall is planned"
        return self.first_year + self.elapsed + (whole - achieved) / pace, ""

    def reach_on_line(self, level: float) -> Answer:
        """Return the year in which the line through all periods meets the level."""
        if self.line is None:
            return None, "a line needs three periods"
        at_first, slope = self.line
        if at_first <= level:
            return float(self.first_year), ""
        if slope >= 0:
            return None, "not reached: the line does not fall"
        return float(self.first_year) + (level - at_first) / slope, ""


# ---- how figures move ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Moves:
    """How the figures of many groups move with their first and last estimate."""

    kind: str
    plan: Floats  # (groups,) NaN where there is none
    start: Dual
    end: Dual
    elapsed: float
    horizon: float | None

    @classmethod
    def of(
        cls,
        kind: str,
        plan: Floats,
        start: Floats,
        end: Floats,
        elapsed: Fraction,
        horizon: Fraction | None,
    ) -> Moves:
        """Take start and end as the two variables."""
        first, last = Dual.variables(start, end)
        years = None if horizon is None else float(horizon)
        return cls(kind, plan, first, last, float(elapsed), years)

    def constant(self, value: Floats) -> Dual:
        """Return numbers that do not move."""
        return Dual(value, np.zeros((len(value), 2)))

    @property
    def planned_years(self) -> float:
        """Years from the first to the last period, as far as the plan goes."""
        return self.elapsed if self.horizon is None else min(self.elapsed, self.horizon)

    def planned_by(self, years: float) -> Dual:
        """Return the fall planned within so many years."""
        plan = self.constant(self.plan)
        if self.kind == "points_per_year":
            return plan * years
        if self.kind == "level":
            return self.start - plan
        return self.start * plan if self.kind == "relative" else plan

    def slopes(self, assumptions: tuple[str, ...]) -> list[Floats]:
        """Return the derivatives of each figure by start and end, NaN where it has none."""
        horizon = self.elapsed if self.horizon is None else self.horizon
        achieved, whole = self.start - self.end, self.planned_by(horizon)
        planned = self.planned_by(self.planned_years)
        remaining = self.planned_by(horizon) - achieved
        left = horizon - self.elapsed
        with np.errstate(invalid="ignore", divide="ignore"):
            found = [
                planned.slope,
                achieved.slope,
                (achieved / planned).slope,
                remaining.slope,
                (remaining * (1 / left)).slope if left > 0 else planned.slope * np.nan,
                planned.slope * np.nan,  # yes or no
                *(self.slope_of_year(name, whole, achieved) for name in assumptions),
            ]
        found[3] = np.where(remaining.value[:, None] > 0, found[3], np.nan)
        found[4] = np.where(remaining.value[:, None] > 0, found[4], np.nan)
        return [np.where((slope != 0).any(axis=1)[:, None], slope, np.nan) for slope in found]

    def slope_of_year(self, assumption: str, whole: Dual, achieved: Dual) -> Floats:
        """Return the derivatives of the year in which the plan is met."""
        if assumption == "same_fall":
            return (whole / achieved * self.elapsed).slope
        if assumption == "same_relative_fall":
            to_come = (self.start - whole).log() - self.start.log()
            return (to_come / (self.end.log() - self.start.log()) * self.elapsed).slope
        if assumption == "planned_fall":
            pace = whole * (1 / (self.elapsed if self.horizon is None else self.horizon))
            slope = ((whole - achieved) / pace).slope
            return np.where((achieved.value < whole.value)[:, None], slope, np.nan)
        return whole.slope * np.nan  # a line has figures of its own: pc.trend has its errors

    def excess(self) -> tuple[Dual, Dual]:
        """Return what was achieved beyond the plan of today, and beyond an even pace to its end."""
        achieved = self.start - self.end
        now = achieved - self.planned_by(self.planned_years)
        if self.horizon is None or self.horizon <= self.elapsed:
            end = self.elapsed if self.horizon is None else self.horizon
            return now, achieved - self.planned_by(end)
        whole = self.planned_by(self.horizon)
        part = np.where(whole.value > 0, self.elapsed / self.horizon, 1.0)
        return now, achieved - whole * self.constant(part)
