r"""Standard errors of multidimensional measures, from the sums of profiles by sampling unit.

Every measure is made of sums that add up over units (`Parts`), so what a unit brings to it is known
from those of the unit alone. With R the measure, X its numerator and Y its denominator, a unit of
sums x and y brings

    H, A, M0, headcounts, contributions ...   (x - R y) / Y
    subgroup_contribution, population_share   the same, y and Y of the larger group that it is of
    n_poor                                    x
    variance                                  (sum of w (c - A)^2 - R y) / Y, over the poor

and a PSU without poor counts as one of zeros. A weighting, a cut-off and a rule for missing values
are the same numbers in every sample. (Woodruff 1971, Journal of the American Statistical
Association 66, 411-414; Alkire et al. 2015, Multidimensional Poverty Measurement and Analysis, ch.
8.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..intervals import REASONS as INTERVAL_REASONS, intervals
from ..replicates import Replicated, deviations, made_replicates, scales_of
from ..sampling import Linearised, Sample
from . import replicated
from .multidim_measures import Block, references
from .multidim_sums import POWER, Ask
from .precision import REASONS, Cells, Figures, linearised, precision_of
from .profile_sample import combination
from .profile_table import ProfileTable
from .profiles import Profiles
from .scores import absent_in_group, quotient
from .tables import Table, added, sorted_groups

NOT_PROPORTIONS = ("n_poor", "variance")
GAP_REASONS = ("", "gaps are not kept by replicate: no standard error")

Notes = Sequence[tuple[np.ndarray, Sequence[str]]]


@dataclass(frozen=True, eq=False)
class Answer:
    """The columns of all measures of one table."""

    table: Table
    blocks: list[Block]


Answering = Callable[[ProfileTable, Ask, "np.ndarray | None"], Answer]


@dataclass(frozen=True, eq=False)
class Layer:
    """The blocks of all tables below each other, their slots in the order of the result."""

    answers: Sequence[Answer]
    order: np.ndarray

    def columns(self, pick: Callable[[Block], Any]) -> np.ndarray:
        """Return something of each block, shape (groups, slots)."""
        return np.concatenate([self.of_table(answer, pick) for answer in self.answers])

    def of_table(self, answer: Answer, pick: Callable[[Block], Any]) -> np.ndarray:
        """Return something of each block of one table, shape (groups, slots), slot by slot."""
        place = np.empty(len(self.order), dtype=np.int64)
        place[self.order] = np.arange(len(self.order))
        found = [np.asarray(pick(one)) for one in answer.blocks]
        out = np.empty((len(place), answer.table.n_groups), dtype=np.result_type(*found))
        first = 0
        for one, values in zip(answer.blocks, found, strict=True):
            width = one.estimate.shape[1]
            out[place[first : first + width]] = values.T
            first += width
        return out.T

    def slots(self, pick: Callable[[Block], Any]) -> np.ndarray:
        """Return something of each slot, shape (slots,)."""
        blocks = self.answers[0].blocks
        found = np.concatenate([np.full(one.estimate.shape[1], pick(one)) for one in blocks])
        return np.asarray(found[self.order])


def is_sample(found: Profiles) -> bool:
    """Say whether answers have standard errors."""
    return bool(found.sampling) or found.replicate_rank is not None


def precision(
    found: Profiles, ask: Ask, answers: Sequence[Answer], order: np.ndarray, answering: Answering
) -> tuple[dict[str, Any], Notes]:
    """Return the columns of standard errors and what notes they add; `answers` with moments.

    `answering` computes the measures of another table: of the groups by unit, or under replicate
    weights.
    """
    layer = Layer(answers, order)
    proportion = ~np.isin(layer.slots(lambda one: plain_name(one.measure)), NOT_PROPORTIONS)
    if not is_sample(found):
        n_groups = sum(answer.table.n_groups for answer in answers)
        return {"proportion": np.tile(proportion, n_groups)}, ()
    estimate = layer.columns(lambda one: one.estimate)
    is_proportion = np.broadcast_to(proportion, estimate.shape)
    kind = layer.slots(lambda one: one.parts.kind)
    below = layer.columns(lambda one: one.parts.below)
    whole = layer.columns(lambda one: one.denominator)
    cells, centres = cells_of(found, ask, layer, answering)
    figures = Figures(
        estimate, np.where(kind == "share", whole, below), cells, is_total=kind == "total"
    )
    if found.sampling:
        joint, lacking = joint_of_units(found, figures, replace(figures, cells=centres))
    else:
        joint, lacking = joint_of_columns(found, ask, layer, estimate, answering)
    shares = is_proportion & ~is_own_reference(ask, layer, kind)
    sums = counts_of(layer, figures, kind)
    result = precision_of(found.design, joint, figures, shares.ravel(), sums)
    n_obs = layer.columns(lambda one: one.n_obs).ravel()
    ends = intervals(estimate.ravel(), result.se, result.df, n_obs, is_proportion.ravel())
    with np.errstate(invalid="ignore", divide="ignore"):
        cv = result.se / np.abs(estimate.ravel())
    columns = {
        "se": result.se,
        "ci_low": ends.low,
        "ci_high": ends.high,
        "cv": np.where(estimate.ravel() == 0, np.nan, cv),
        "df": result.df,
        "deff": result.deff,
        "n_psu": result.n_psu,
        "proportion": is_proportion.ravel(),
        "joint": result.joint,
    }
    notes = [(result.reason, REASONS), (ends.reason, INTERVAL_REASONS)]
    return columns, [*notes, (lacking, GAP_REASONS)]


def plain_name(measure: str) -> str:
    """Return the name of a measure, without that of a bound."""
    return measure.removesuffix("_lower").removesuffix("_upper")


def joint_of_units(
    found: Profiles, figures: Figures, centres: Figures
) -> tuple[Linearised | Replicated, np.ndarray]:
    """Return the figures with their covariance, and which have none for want of gaps: none."""
    sample, nothing = found.sampled.sample, np.zeros(figures.estimate.shape, dtype=np.int8)
    parts = linearised(sample, figures)
    if found.design.replicates is None:
        return parts, nothing
    joint = replicated.made(sample, figures, parts)
    variances_again(sample, joint, figures, centres)
    return joint, nothing


def variances_again(sample: Sample, joint: Replicated, figures: Figures, centres: Figures) -> None:
    """Take the squares of variances around the mean of each replicate: put them into the joint."""
    asked, factors = sample.design.replicates, made_replicates(sample)
    n_groups, width = figures.estimate.shape
    squares, around = replicated.slots_of(figures), replicated.slots_of(centres)
    for slot in (slot for slot in range(width) if around[slot]):
        above, below, held = (
            replicated.by_psu(sample, squares[slot], n_groups, word)
            for word in ("numerator", "denominator", "population")
        )
        centre = replicated.by_psu(sample, around[slot], n_groups, "numerator")
        theta, whole = replicated.ratios(figures, slot, factors.totals, above, below)
        theta -= replicated.quotient(factors.totals(centre), factors.totals(below)) ** 2
        mse = asked is not None and asked.mse
        away = deviations(theta, whole, factors.scale, mse, factors.in_period(held > 0))
        rows = np.arange(n_groups) * width + slot
        known = ~np.isnan(joint.deviation[rows]).any(axis=1)
        joint.deviation[rows[known]] = factors.by_label(away)[known]


def joint_of_columns(
    found: Profiles, ask: Ask, layer: Layer, estimate: np.ndarray, answering: Answering
) -> tuple[Replicated, np.ndarray]:
    """Return the figures with their covariance, and which have none for want of gaps."""
    power = [POWER.fullmatch(name) for name in layer.slots(lambda one: one.measure)]
    lacking = np.zeros(estimate.shape, dtype=np.int8)
    lacking[:, [one is not None and float(one[1]) > 0 for one in power]] = 1
    lacking[np.isnan(estimate)] = 0
    joint = under_columns(found, ask, layer, estimate, answering)
    joint.deviation[lacking.ravel() > 0] = np.nan
    return joint, lacking


def under_columns(
    found: Profiles, ask: Ask, layer: Layer, estimate: np.ndarray, answering: Answering
) -> Replicated:
    """Return the estimates under each column of replicate weights."""
    asked = found.design.replicates
    n = len(asked.weights) if asked is not None and asked.weights is not None else 0
    theta = np.empty((estimate.size, n))
    plain = replace(ask, moments=False)
    for r in range(n):
        again = [
            answering(replace(table, weight=table.replicates[:, r]), plain, None)
            for table in found.tables
            if table.replicates is not None
        ]
        theta[:, r] = Layer(again, layer.order).columns(lambda one: one.estimate).ravel()
    scales = scales_of(asked, n) if asked is not None else np.ones(0)
    found_away = deviations(theta, estimate.ravel(), scales, asked is not None and asked.mse)
    lacks = np.where(np.isnan(estimate.ravel()), 0, np.isnan(theta).sum(axis=1))
    if asked is not None and asked.df is not None:
        return Replicated(found_away, float(asked.df), given_df=True, lacks=lacks)
    return Replicated(found_away, float((found.replicate_rank or 1) - 1), lacks=lacks)


# ---- cells by group and unit ---------------------------------------------------------------------


Placed = list[tuple[Cells, int]]  # and the group that each one's first group is


def cells_of(
    found: Profiles, ask: Ask, layer: Layer, answering: Answering
) -> tuple[Placed, Placed]:
    """Return the sums by group and unit of all figures; then those that variances are around."""
    plain = replace(ask, observed=True, moments=False)
    cells: Placed = []
    centres: Placed = []
    first, base = 0, None
    tables = zip(found.by_psu, found.n_keys, layer.answers, strict=True) if found.sampling else ()
    for table, n_keys, answer in tables:
        codes, levels = table.groups.codes[n_keys:], table.groups.levels[n_keys:]
        may_share = found.over is not None and ask.missing != "reweight"
        if base is not None and may_share and table.n_groups == base.table.n_groups:
            # Each unit lies in one group: its sums are those of the whole.
            unit = found.sampled.units(codes, levels)
            by_unit = base.of_rows(base.rows_of(unit), table.groups)
        else:
            absent = absent_in_groups(table, n_keys, len(ask.spec.ids))
            by_unit = sums_by_unit(found, layer, answering(table, plain, absent), n_keys)
        base = by_unit if base is None and n_keys == 0 else base
        group = place_of(by_unit.table, answer.table, n_keys)
        parts, around = parts_of(ask, layer, answer, by_unit, group)
        cells += [(part, first) for part in parts]
        centres += [(part, first) for part in around]
        first += answer.table.n_groups
    return cells, centres


@dataclass(frozen=True, eq=False)
class ByUnit:
    """The sums of figures by group and unit, shape (groups, slots)."""

    table: Table
    unit: np.ndarray
    above: np.ndarray
    below: np.ndarray
    centre: np.ndarray
    population: np.ndarray

    def rows_of(self, unit: np.ndarray) -> np.ndarray:
        """Return the row of each unit, where there is one of each."""
        row = np.empty(len(self.unit), dtype=np.int64)
        row[self.unit] = np.arange(len(self.unit))
        return np.asarray(row[unit])

    def of_rows(self, rows: np.ndarray, table: Table) -> ByUnit:
        """Return these rows, which are the groups of another table."""
        columns = (self.unit, self.above, self.below, self.centre, self.population)
        return ByUnit(table, *(column[rows] for column in columns))


def sums_by_unit(found: Profiles, layer: Layer, answer: Answer, n_keys: int) -> ByUnit:
    """Return what the measures are made of in each group and unit."""
    groups = answer.table
    return ByUnit(
        groups,
        found.sampled.units(groups.codes[n_keys:], groups.levels[n_keys:]),
        layer.of_table(answer, lambda one: one.parts.above),
        layer.of_table(answer, lambda one: one.parts.below),
        layer.of_table(answer, centre_of),
        layer.of_table(answer, lambda one: one.population),
    )


def centre_of(one: Block) -> Any:
    """Return the sum whose mean the squares are around, 0 where there is none."""
    return 0.0 if one.parts.centre is None else one.parts.centre


def place_of(groups: Table, among: Table, n_keys: int) -> np.ndarray:
    """Return which group of the result each group by unit belongs to."""
    if not n_keys:
        return np.zeros(groups.n_groups, dtype=np.int64)
    known = combination(among.codes, among.levels)
    return np.searchsorted(known, combination(groups.codes[:n_keys], groups.levels[:n_keys]))


def absent_in_groups(table: ProfileTable, n_keys: int, n_indicators: int) -> np.ndarray:
    """Return per group by unit what is missing in every row of its group in the result."""
    absent = absent_in_group(table, n_indicators)
    if not n_keys:
        return np.full(table.n_groups, np.bitwise_and.reduce(absent, initial=~np.uint64(0)))
    _, group = sorted_groups(table.groups.codes[:n_keys])
    whole = np.full(int(group.max(initial=-1)) + 1, ~np.uint64(0))
    np.bitwise_and.at(whole, group, absent)
    return np.asarray(whole[group])


def parts_of(
    ask: Ask, layer: Layer, answer: Answer, by_unit: ByUnit, group: np.ndarray
) -> tuple[list[Cells], list[Cells]]:
    """Return the cells of the figures of one table, and of what variances are around.

    `group` is that of the result for each group by unit.
    """
    kind = layer.slots(lambda one: one.parts.kind)
    cells, around = [], []
    plain, shared = np.flatnonzero(~np.isin(kind, ("share", "variance"))), kind == "share"
    if len(plain):
        population, above, below = (
            at_slots(part, plain) for part in (by_unit.population, by_unit.above, by_unit.below)
        )
        cells.append(Cells.of(group, by_unit.unit, plain, population, above, below))
    varying = np.flatnonzero(kind == "variance")
    if len(varying):
        squares, centre = around_mean(layer, answer, by_unit, group, varying)
        population, below = by_unit.population[:, varying], by_unit.below[:, varying]
        cells.append(Cells.of(group, by_unit.unit, varying, population, squares, below))
        around.append(Cells.of(group, by_unit.unit, varying, population, centre, below))
    if shared.any():
        cells.append(shares_of_larger(answer.table, ask, np.flatnonzero(shared), by_unit, group))
    return cells, around


def at_slots(values: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """Return columns that lie slot by slot, as they do."""
    whole = len(slots) == values.shape[1]
    return values if whole else np.asarray(values.T[slots].T)


def around_mean(
    layer: Layer, answer: Answer, by_unit: ByUnit, group: np.ndarray, slots: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return sums of w (d - m)^2 and w (d - m) over the poor of each unit, m the group's mean."""
    poor = layer.of_table(answer, lambda one: one.parts.below)[:, slots]
    mean = quotient(layer.of_table(answer, centre_of)[:, slots], poor)[group]
    above, below, centre = (
        part[:, slots] for part in (by_unit.above, by_unit.below, by_unit.centre)
    )
    return above + mean * (mean * below - 2 * centre), centre - mean * below


def shares_of_larger(
    table: Table,
    ask: Ask,
    slots: np.ndarray,
    by_unit: ByUnit,
    group: np.ndarray,
) -> Cells:
    """Return the cells of shares: each group has those of the larger group that it is a share of.

    There the numerator is the group's own, 0 in units where it has no rows.
    """
    unit, population = by_unit.unit, by_unit.population[:, slots]
    above = by_unit.above[:, slots]
    larger, single = references(table, ask)
    n_units = int(unit.max(initial=-1)) + 1
    inside = np.flatnonzero(single[group])
    number = larger[group[inside]] * n_units + unit[inside]
    (number,), place = sorted_groups([number])
    weight = added(place, len(number), population[inside])
    below = added(place, len(number), above[inside])
    of = number // n_units if n_units else number
    start = np.searchsorted(of, np.arange(int(larger.max(initial=-1)) + 2))
    n = (start[1:] - start[:-1])[larger]
    entry = np.repeat(start[:-1][larger] - (np.cumsum(n) - n), n) + np.arange(n.sum())
    own = np.repeat(np.arange(len(larger)), n)
    at = number[entry] - of[entry] * n_units
    numerator = np.zeros((len(entry), len(slots)))
    there = np.argsort(group * n_units + unit, kind="stable")
    key = (group * n_units + unit)[there]
    if len(key):
        found = np.minimum(np.searchsorted(key, own * n_units + at), len(key) - 1)
        hit = key[found] == own * n_units + at
        numerator[hit] = above[there[found[hit]]]
    return Cells.of(own, at, slots, weight[entry], numerator, below[entry])


# ---- design effects, proportions -----------------------------------------------------------------


def is_own_reference(ask: Ask, layer: Layer, kind: np.ndarray) -> np.ndarray:
    """Return which figures are shares of the group itself: 1 by definition, without an error."""
    alone = []
    for answer in layer.answers:
        larger, single = references(answer.table, ask)
        n = np.bincount(larger[single], minlength=int(larger.max(initial=-1)) + 1)
        alone.append(~single | (n[larger] == 1))
    return np.asarray(np.concatenate(alone)[:, None] & (kind == "share"))


def counts_of(layer: Layer, figures: Figures, kind: np.ndarray) -> dict[str, np.ndarray]:
    """Return the sums of the groups that design effects are made of."""
    above = layer.columns(lambda one: one.parts.above)

    def moment(i: int, default: np.ndarray) -> np.ndarray:
        found = layer.columns(
            lambda one: np.nan if one.parts.moments is None else one.parts.moments[i]
        )
        has = layer.slots(lambda one: one.parts.moments is not None)
        return np.where(has, found, default)

    def rows(i: int, own: Callable[[Block], Any]) -> np.ndarray:
        return layer.columns(lambda one: own(one) if one.parts.rows is None else one.parts.rows[i])

    return {
        "n_obs": layer.columns(lambda one: one.n_obs),
        "n_positive": rows(0, lambda one: one.n_positive),
        "population": rows(1, lambda one: one.population),
        "numerator": above,
        "denominator": figures.denominator,
        "square": moment(0, above),
        "cross": moment(1, above),
        "square_below": moment(2, figures.denominator),
    }
