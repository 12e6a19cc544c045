"""Deprivations together: pairs of indicators, whole combinations, how many at once.

All from profiles. Without a cut-off everybody's deprivations count, with one those of the poor.
Shares are of the measured population: the complete rows, or all where missing values are filled in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations as subsets
from typing import Any

import numpy as np
import pandas as pd

from ..errors import unknown_option
from ..estimates import Estimates
from .cells import Sums
from .profile_table import ProfileTable, bit
from .profiles import Profiles
from .scores import (
    ALL_DEPRIVED,
    FIGURES,
    NOBODY_DEPRIVED,
    NOTHING,
    Sample,
    Scheme,
    difference_of_products,
    laid_out,
    note_of,
    quotient,
    sample_of,
    scheme_of,
    scores_of,
)
from .tables import Table, option_error
from .tally import listed

RULES = ("drop", "not_deprived", "deprived")


def pairs(
    found: Profiles,
    *,
    measures: str | Sequence[str] = ("joint", "cramers_v", "redundancy"),
    k: Any = None,
    scheme: str | None = None,
    missing: str = "drop",
) -> Estimates:
    r"""Compute for every pair of indicators how often they are joint, and how they associate.

    Parameters
    ----------
    found : Profiles
        What `povertycore.profiles` returned.
    measures : str or list of str, optional
        Of joint, cramers_v and redundancy; all by default.
    k : fraction, optional
        Counts the deprivations of the poor only, at this cut-off.
    scheme : str, optional
        The weighting that the cut-off is applied to; by default the first.
    missing : {"drop", "not_deprived", "deprived"}, optional
        What to do about missing indicators.

    Returns
    -------
    Estimates
        One row per group, pair (`indicator`, `other`) and measure.

    Notes
    -----
    With :math:`p_{11}` the share deprived in both, :math:`p_{1.}` and :math:`p_{.1}` in each,

    .. math:: V = (p_{11} - p_{1.} p_{.1}) / \sqrt{p_{1.} p_{.1} (1 - p_{1.}) (1 - p_{.1})},
       \quad R^0 = p_{11} / \min(p_{1.}, p_{.1}).

    Cramer's V carries the sign of the association here. Both are NaN where nobody is deprived in
    one of the two, and V also where everybody is.

    References
    ----------
    .. [1] Alkire, S. et al. (2015). Multidimensional poverty measurement and analysis. Oxford
       University Press, section 7.3.

    Examples
    --------
    Of four households one is ill, one has no school, one both.

    >>> spec = pc.Spec({"health": ["ill"], "school": ["absent"]})
    >>> prof = pc.profiles({"ill": [1, 0, 1, 0], "absent": [0, 1, 1, 0]}, spec)
    >>> prof.pairs().to_frame()[["indicator", "other", "measure", "estimate"]]
      indicator   other     measure  estimate
    0       ill  absent       joint      0.25
    1       ill  absent   cramers_v      0.00
    2       ill  absent  redundancy      0.50
    """
    names = listed(measures)
    for name in names:
        if name not in PAIRS:
            raise unknown_option("measures", name, PAIRS)
    ids = list(found.spec.ids)
    both = list(subsets(range(len(ids)), 2))
    first, second = ([pair[side] for pair in both] for side in (0, 1))
    figures = []
    for part in parts_of(found, k, scheme, missing):
        deprived = part.sample.deprived
        sums, by_bit = part.totals([bit(deprived, j) for j in range(len(ids))], len(ids))
        joint, one, other = by_bit[:, first, second], sums[:, first], sums[:, second]
        by_measure = [
            part.figures(*PAIRS[name](joint, one, other, part.population)) for name in names
        ]
        figures.append(
            {word: side_by_side([each[word] for each in by_measure]) for word in FIGURES}
        )
    width = len(names)
    return joined(
        found,
        figures,
        {
            "indicator": pd.Categorical.from_codes(np.repeat(first, width), ids),
            "other": pd.Categorical.from_codes(np.repeat(second, width), ids),
        },
        np.tile(names, len(both)),
    )


def joint_share(
    joint: np.ndarray, one: np.ndarray, other: np.ndarray, population: np.ndarray
) -> Figure:
    """Return the share deprived in both."""
    return quotient(joint, population), joint, population, NOTHING


def cramers_v(
    joint: np.ndarray, one: np.ndarray, other: np.ndarray, population: np.ndarray
) -> Figure:
    """Return Cramer's V, with the sign of the association."""
    apart = difference_of_products(joint, np.broadcast_to(population, joint.shape), one, other)
    spread = np.sqrt(one * (population - one)) * np.sqrt(other * (population - other))
    nobody, everybody = np.minimum(one, other) == 0, np.maximum(one, other) == population
    why = np.select([nobody, everybody], [NOBODY_DEPRIVED, ALL_DEPRIVED], NOTHING)
    return quotient(apart, spread), np.nan, np.nan, why


def redundancy(
    joint: np.ndarray, one: np.ndarray, other: np.ndarray, population: np.ndarray
) -> Figure:
    """Return the joint share over the smaller of the two: 1 if one of them implies the other."""
    least = np.minimum(one, other)
    why = np.where(least == 0, NOBODY_DEPRIVED, NOTHING)
    return quotient(joint, least), joint, least, why


Figure = tuple[np.ndarray, Any, Any, Any]  # estimate, numerator, denominator, note: groups x slots
PAIRS = {"joint": joint_share, "cramers_v": cramers_v, "redundancy": redundancy}


def combinations(
    found: Profiles,
    *,
    n: int = 10,
    at_least: int = 1,
    k: Any = None,
    scheme: str | None = None,
    missing: str = "drop",
) -> Estimates:
    """List the most frequent combinations of deprivations, and the share of each group in them.

    Parameters
    ----------
    found : Profiles
        What `povertycore.profiles` returned.
    n : int, default 10
        How many combinations to list: those with the largest weight in all groups together.
    at_least : int, default 1
        The least number of deprivations; 0 lists also those without any.
    k, scheme, missing
        As in `pairs`.

    Returns
    -------
    Estimates
        One row per group and combination: `combination`, the indicators joined by " + ", and
        `n_deprived`, how many they are. Shares are of the whole measured population of the group.

    Examples
    --------
    >>> spec = pc.Spec({"health": ["ill"], "school": ["absent"]})
    >>> prof = pc.profiles({"ill": [1, 1, 1, 0], "absent": [0, 1, 1, 0]}, spec)
    >>> prof.combinations().to_frame()[["combination", "n_deprived", "estimate"]]
        combination  n_deprived  estimate
    0  ill + absent           2      0.50
    1           ill           1      0.25
    """
    for argument, value, least in (("n", n, 1), ("at_least", at_least, 0)):
        if not isinstance(value, int | np.integer) or value < least:
            message = f"{argument} must be a whole number >= {least}, found {value!r}"
            raise option_error(argument, message)
    parts = parts_of(found, k, scheme, missing)
    masks = most_frequent(parts[0], n, at_least)

    figures = [
        part.figures(*part.shares([part.sample.deprived == mask for mask in masks]))
        for part in parts
    ]
    members = [[j for j in range(len(found.spec.ids)) if int(mask) >> j & 1] for mask in masks]
    words = [" + ".join(found.spec.ids[j] for j in inside) for inside in members]
    return joined(
        found,
        figures,
        {
            "combination": pd.Categorical(words, categories=words),
            "n_deprived": np.array([len(inside) for inside in members], dtype=np.int64),
        },
        np.full(len(masks), "share"),
    )


def overlaps(
    found: Profiles, *, k: Any = None, scheme: str | None = None, missing: str = "drop"
) -> Estimates:
    """Compute the share of each group that has 0, 1, 2, ... deprivations at once.

    Parameters
    ----------
    found : Profiles
        What `povertycore.profiles` returned.
    k, scheme, missing
        As in `pairs`; with a cut-off the shares are those of the poor in the whole, and do not
        add up to 1.

    Returns
    -------
    Estimates
        One row per group and number of deprivations, `n_deprived`.

    Examples
    --------
    >>> spec = pc.Spec({"health": ["ill"], "school": ["absent"]})
    >>> prof = pc.profiles({"ill": [1, 1, 1, 0], "absent": [0, 1, 1, 0]}, spec)
    >>> prof.overlaps()["estimate"].tolist()
    [0.25, 0.25, 0.5]
    """
    sizes = np.arange(len(found.spec.ids) + 1)
    figures = []
    for part in parts_of(found, k, scheme, missing):
        count = np.bitwise_count(part.sample.deprived)
        figures.append(part.figures(*part.shares([count == size for size in sizes])))
    return joined(found, figures, {"n_deprived": sizes}, np.full(len(sizes), "share"))


# --- the cells that count -----------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Part:
    """The cells of one table, and which count: everybody's, or those of the poor."""

    sample: Sample
    counts: np.ndarray  # of the profiles: 1.0, or 0.0 for those that do not count
    table: Table
    population: np.ndarray  # (groups, 1), of the whole sample

    def totals(self, which: Iterable[np.ndarray], n_by_bit: int = 0) -> Sums:
        """Add up the weights of some of the profiles by group; see `Sample.sums`."""
        return self.sample.sums((np.where(one, self.counts, 0.0) for one in which), n_by_bit)

    def shares(self, which: Iterable[np.ndarray]) -> Figure:
        """Return the shares of some of the profiles in the population."""
        totals, _ = self.totals(which)
        return quotient(totals, self.population), totals, self.population, NOTHING

    def figures(
        self, estimate: np.ndarray, numerator: Any, denominator: Any, why: Any
    ) -> dict[str, Any]:
        """Return the columns of the result; `why` is the note where a group is not empty."""
        shape = estimate.shape
        n_obs = np.broadcast_to(self.table.sums["n_obs"], shape)
        population = np.broadcast_to(self.population, shape)
        empty = note_of(self.table, n_obs, population)
        note = np.where(empty == NOTHING, why, empty).astype(np.int8)
        return {
            "estimate": np.where(note == NOTHING, estimate, np.nan),
            "n_obs": n_obs,
            "numerator": np.broadcast_to(numerator, shape),
            "denominator": np.broadcast_to(denominator, shape),
            "population": population,
            "note": note,
        }


def parts_of(found: Profiles, k: Any, scheme: str | None, missing: str) -> list[Part]:
    """Return the cells that count, of each table."""
    if missing not in RULES:
        raise unknown_option("missing", missing, RULES)
    name = next(iter(found.spec.schemes)) if scheme is None else scheme
    if name not in found.spec.schemes:
        raise unknown_option("scheme", name, found.spec.schemes)
    cutoffs = () if k is None else (found.spec.cutoff(k, name),)
    weighting = scheme_of(found.spec, name, cutoffs)
    return [part_of(table, found, weighting, missing) for table in found.tables]


def part_of(table: ProfileTable, found: Profiles, scheme: Scheme, missing: str) -> Part:
    """Return the cells of a table that count."""
    sample = sample_of(table, found.spec, missing)
    counts = np.ones(len(sample.deprived))
    for cutoff in scheme.cutoffs:
        counts *= scores_of(sample, scheme, found.spec).at_least(cutoff)
    return Part(
        sample,
        counts,
        replace(table.groups, sums=table.groups.sums | {"n_obs": sample.rows[:, None]}),
        sample.population[:, None],
    )


def most_frequent(part: Part, n: int, at_least: int) -> np.ndarray:
    """Return the masks with the largest weight over all groups; ties by mask."""
    sample = part.sample
    profile = sample.profile.astype(np.intp)
    weight = np.bincount(profile, sample.weight, minlength=len(sample.deprived)) * part.counts
    counts = (weight > 0) & (np.bitwise_count(sample.deprived) >= at_least)
    masks: np.ndarray = sample.deprived[counts]
    return masks[np.argsort(-weight[counts], kind="stable")][:n]


def side_by_side(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Return columns of several measures with those of one slot beside each other."""
    return np.stack(columns, axis=-1).reshape(len(columns[0]), len(columns) * columns[0].shape[1])


def joined(
    found: Profiles,
    figures: Sequence[Mapping[str, np.ndarray]],
    measure_keys: Mapping[str, Any],
    measure: Any,
) -> Estimates:
    """Lay the figures of all tables out."""
    return laid_out(
        found,
        [table.groups for table in found.tables],
        verb="joint",
        measure_keys=measure_keys,
        measure=measure,
        figures={word: np.concatenate([each[word] for each in figures]) for word in FIGURES},
        meta=found.meta,
    )
