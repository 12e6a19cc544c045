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

from ..design import Design
from ..replicates import Replicated
from ..sampling import Linearised, Sample

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
    """Sums by group and sampling unit, of some slots of a table.

    Attributes
    ----------
    group, unit : ndarray of int64, shape (cells,)
        The group in the table, and the unit in the sample, of each cell.
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

    group: Ints
    unit: Ints
    slots: Ints
    population: Floats
    numerator: Floats
    denominator: Floats
    is_centred: bool = False

    def moved(self, to: Ints) -> Cells:
        """Return the cells of the groups at their new places; those at -1 are left out."""
        group = to[self.group]
        if (group >= 0).all():
            return replace(self, group=group)
        return self.of_cells(group >= 0, group)

    def of_cells(self, keep: Bools, group: Ints) -> Cells:
        """Return the cells to keep, which lie in these groups."""
        return replace(
            self,
            group=group[keep],
            unit=self.unit[keep],
            population=self.population[keep],
            numerator=self.numerator[keep],
            denominator=self.denominator[keep],
        )

    def used(self) -> Cells:
        """Return the cells that hold a row of positive weight of some slot."""
        keep = np.asarray((self.population > 0).any(axis=1))
        return self if keep.all() else self.of_cells(keep, self.group)

    def at_slots(self, place: Ints) -> Cells:
        """Return the same cells, their slots at new places in a table."""
        return replace(self, slots=place[self.slots])


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
    sample = replace(sample, rows=None)  # which holds the columns of the file
    n_groups, width = figures.estimate.shape
    known = np.isfinite(figures.estimate)
    rows, units, values = [], [], []
    for cells, first in figures.cells:
        for i, slot in enumerate(cells.slots.tolist()):
            mask = (cells.population[:, i] > 0) & known[first + cells.group, slot]
            used = slice(None) if mask.all() else mask
            group = (first + cells.group)[used]
            rows.append(group * width + slot)
            units.append(cells.unit[used])
            values.append(parts_of(figures, cells, i, slot, group, used))
    return Linearised.of_estimates(
        sample,
        n_groups * width,
        np.concatenate(rows) if rows else np.zeros(0, np.int64),
        np.concatenate(units) if units else np.zeros(0, np.int64),
        np.concatenate(values) if values else np.zeros(0),
    )


def parts_of(
    figures: Figures, cells: Cells, i: int, slot: int, group: Ints, used: Bools | slice
) -> Floats:
    """Return the parts of one slot's figures in the cells used."""
    above = cells.numerator[used, i]
    if figures.is_total[slot]:
        return np.asarray(above)
    below = figures.denominator[:, slot]
    if figures.known_denominator:
        return np.asarray(above / below[group])
    ratio = figures.estimate[:, slot]
    if cells.is_centred:
        sums = np.bincount(group, above, len(below)).astype(np.float64)
        ratio = np.divide(sums, below, out=sums, where=below != 0)
    return np.asarray((above - ratio[group] * cells.denominator[used, i]) / below[group])


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
