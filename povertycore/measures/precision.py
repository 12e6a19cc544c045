"""How precise the figures of a table are: standard errors, degrees of freedom, design effects.

A table of a sample keeps, beside its sums, the cells that these are sums of: one per group and
sampling unit. A figure is a total, or a total over another one; its part in each unit,

    total   numerator of the unit
    ratio   (numerator - ratio x denominator) / denominator of the whole

is a row of a `Linearised`, and all else is read off that. (Woodruff 1971, Journal of the American
Statistical Association 66, 411-414.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from ..design import Design
from ..replicates import Replicated
from ..sampling import Linearised, Sample, real, whole

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

REASONS = (
    "",
    "every stratum of the domain has one PSU: no standard error",
    "these replicates ignore that the population is finite",
    "some replicates hold no row of the domain, and are left out",
)
NOTHING, ALONE, ENDLESS, LEFT_OUT = range(len(REASONS))


@dataclass(frozen=True)
class Cells:
    """Sums by group and sampling unit, of some slots of a table: the cells of a group together.

    Attributes
    ----------
    start : ndarray of int64, shape (groups + 1,)
        The first cell of each group of the pass.
    group : ndarray of int64, shape (groups,)
        The group in the table that each of these is, or is a part of.
    unit : ndarray of int64, shape (cells,)
        The unit in the sample, of each cell.
    slots : ndarray of int64, shape (columns,)
        The table's slot of each column of the sums.
    population : ndarray of float64, shape (cells, columns)
        Sum of weights of the rows used; where it is 0 the unit holds no such row.
    numerator, denominator : ndarray of float64, shape (cells, columns)
        What the figure is made of. The numerator may lack a constant times the denominator, as
        long as `is_centred` says so.
    is_centred : bool
        The numerator is that of the values minus a constant.
    """

    start: Ints
    group: Ints
    unit: Ints
    slots: Ints
    population: Floats
    numerator: Floats
    denominator: Floats
    is_centred: bool = False

    @classmethod
    def of(
        cls,
        group: Ints,
        unit: Ints,
        slots: Ints,
        population: Floats,
        numerator: Floats,
        denominator: Floats,
    ) -> Cells:
        """Put cells of any order, each with its group, together by group."""
        if (group[1:] < group[:-1]).any():
            order = np.argsort(group, kind="stable")
            group, unit, population = group[order], unit[order], population[order]
            numerator, denominator = numerator[order], denominator[order]
        first = np.flatnonzero(np.diff(group, prepend=-1))
        start = np.append(first, len(group))
        return cls(start, group[first], unit, slots, population, numerator, denominator)

    @property
    def group_of_cell(self) -> Ints:
        """The group in the table of each cell."""
        return np.repeat(self.group, np.diff(self.start))

    def moved(self, to: Ints) -> Cells:
        """Return the cells of the groups at their new places; those at -1 are left out."""
        group = to[self.group]
        if (group >= 0).all():
            return replace(self, group=group)
        n = np.diff(self.start)
        keep = np.repeat(group >= 0, n)
        return replace(
            self,
            start=np.concatenate([[0], np.cumsum(n[group >= 0])]),
            group=group[group >= 0],
            unit=self.unit[keep],
            population=self.population[keep],
            numerator=self.numerator[keep],
            denominator=self.denominator[keep],
        )

    def at_slots(self, place: Ints) -> Cells:
        """Return the same cells, their slots at new places in a table."""
        return replace(self, slots=place[self.slots])

    def by_group(self, values: Floats) -> Floats:
        """Return the sums of values of the cells, shape (groups,)."""
        out = np.zeros(len(self.group))
        first = self.start[:-1]
        has_cells = first < self.start[1:]
        if has_cells.any():
            out[has_cells] = np.add.reduceat(values, first[has_cells])
        return out


@dataclass(frozen=True)
class Figures:
    """The figures of a table, one row per group and slot: what precision is asked of."""

    estimate: Floats  # (groups, slots)
    denominator: Floats  # (groups, slots)
    cells: Sequence[tuple[Cells, int]]  # and the group that each one's first group is
    is_total: Bools  # (slots,): the figure is the numerator
    known_denominator: bool = False  # it has no sampling error


@dataclass(frozen=True)
class Precision:
    """Of every figure, row by row; `reason` is the number of what a note should say."""

    joint: Linearised | Replicated
    se: Floats
    df: Floats
    deff: Floats
    n_psu: npt.NDArray[Any]
    reason: npt.NDArray[np.int8]


def linearised(sample: Sample, figures: Figures) -> Linearised:
    """Return the part of each figure that each unit brings."""
    return Linearised.of_sources(
        replace(sample, rows=None),  # which hold the columns of the file
        figures.estimate.size,
        [
            source_of(figures, cells, first, i)
            for cells, first in figures.cells
            for i in range(len(cells.slots))
        ],
    )


def source_of(figures: Figures, cells: Cells, first: int, i: int) -> _core.Source:
    """Return the cells of one slot as the core takes them, and what makes parts of their sums.

    `first` is the group in the figures that the first group of the cells' table is.
    """
    group, slot = first + cells.group, int(cells.slots[i])
    estimate = figures.estimate[group, slot]
    row = np.where(np.isfinite(estimate), group * figures.estimate.shape[1] + slot, -1)
    weight, above = real(cells.population[:, i]), real(cells.numerator[:, i])
    parts = whole(cells.start), whole(cells.unit), whole(row), weight, above
    if figures.is_total[slot]:
        return *parts, None, None, None
    divisor = real(figures.denominator[group, slot])
    if figures.known_denominator:
        return *parts, None, None, divisor
    if cells.is_centred:
        sums = np.bincount(group, cells.by_group(above), len(figures.estimate))[group]
        estimate = np.divide(sums, divisor, out=sums, where=divisor != 0)
    return *parts, real(cells.denominator[:, i]), real(estimate), divisor


def precision_of(
    design: Design,
    joint: Linearised | Replicated,
    figures: Figures,
    is_share: Bools,
    sums: Mapping[str, npt.NDArray[Any]],
) -> Precision:
    """Return the standard errors of figures, and what goes with them.

    `joint` holds the figures with their covariance, one row for each.

    `sums` are those of the groups, with second moments where scores are not 0/1. A share of 0 or 1
    (`is_share`: which rows are shares) has no standard error, unless its strata were drawn
    completely.
    """
    variance = joint.variance()
    estimate = figures.estimate.ravel()
    reason = np.full(len(estimate), NOTHING, dtype=np.int8)
    if isinstance(joint, Replicated):
        reason[:] = ENDLESS if joint.ignores_fpc else NOTHING
        reason[joint.lacks > 0] = LEFT_OUT
    reason[joint.is_alone()] = ALONE
    reason[np.isnan(estimate)] = NOTHING
    alike = is_share & ((estimate == 0) | (estimate == 1))
    if figures.known_denominator:  # as many as there are said to be, which is no certainty
        alike &= variance == 0
    variance[alike & ~joint.is_complete()] = np.nan
    variance[np.isnan(estimate)] = np.nan
    return Precision(
        joint=joint,
        se=np.sqrt(variance),
        df=np.where(np.isnan(estimate), np.nan, joint.df()),
        deff=variance / simple_variance(design, figures, sums).ravel(),
        n_psu=joint.n_psu(),
        reason=reason,
    )


def simple_variance(
    design: Design, figures: Figures, sums: Mapping[str, npt.NDArray[Any]]
) -> Floats:
    """Return the variance that a simple random sample of as many rows would have; NaN if none.

    With n rows of positive weight, N their sum of weights and S^2 the weighted variance (divisor
    N) of the scores: (1 - n/N) S^2/(n - 1), of a total times N^2.
    """
    n = sums.get("n_positive", sums["n_obs"]).astype(np.float64)
    population = sums["population"]
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = score_variance(figures, sums) / (n - 1)
        if design.deff != "replace":
            variance = variance * (1 - n / population)
        variance[:, figures.is_total] *= population[:, figures.is_total] ** 2
    return np.where((n > 1) & (variance > 0), variance, np.nan)


def score_variance(figures: Figures, sums: Mapping[str, npt.NDArray[Any]]) -> Floats:
    """Return the weighted variance of the scores of each figure; those of a ratio linearised."""
    population = sums["population"]
    mean = sums.get("centred", sums["numerator"]) / population
    plain = np.asarray(sums.get("square", sums["numerator"]) / population - mean**2)
    if "cross" not in sums:
        return plain
    ratio, below = figures.estimate, sums["denominator"]
    square = sums["square"] - 2 * ratio * sums["cross"] + ratio**2 * sums["square_below"]
    return np.where(figures.is_total, plain, square * population / below**2)
