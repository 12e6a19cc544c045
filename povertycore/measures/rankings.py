"""Rankings of groups under many weightings and cut-offs, reduced as they are made.

With X[p, g] the weight of profile p in group g, the measures of all groups under a weighting are
sums of rows of X. Rankings are compared with that of the baseline one by one, in C, and only what
is asked of them all is kept: no table of the measures is held.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from .. import _core
from ..errors import ComparabilityError, LimitError
from .profile_table import bit
from .profiles import Profiles
from .scores import EXACT, Sample, Scheme, Scores, numerator_of, sample_of, scores_of
from .spec import Spec

STATISTICS = ("spearman", "kendall", "holds")
SAME = 2.0**-40  # values that differ by no more are equal
MOST_GROUPS = 1_000  # every pair of them is compared
SCORES_AT_ONCE = 2**20  # of profiles under several weightings
RANKINGS_AT_ONCE = 2**16  # whose statistics are held before they are reduced
MOST_AT_ONCE = 128  # weightings between two looks at the clock


# --- the groups and their measures ------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Board:
    """The weights of a sample as profiles x groups."""

    spec: Spec
    sample: Sample
    labels: pd.DataFrame  # of the groups
    profile: np.ndarray  # those of the sample's profiles that occur
    weight: np.ndarray  # (profiles, groups)
    population: np.ndarray  # (groups,)
    kept: np.ndarray  # (groups,) which of the profiles' groups they are

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.population)

    @cached_property
    def share(self) -> np.ndarray:
        """The shares of the profiles in the population of each group, (profiles, groups)."""
        share: np.ndarray = self.weight / self.population
        return share

    @cached_property
    def deprived(self) -> np.ndarray:
        """Return 1.0 where a profile is deprived, (indicators, profiles)."""
        masks = self.sample.deprived[self.profile]
        return np.stack([bit(masks, j) for j in range(len(self.spec.ids))]).astype(np.float64)

    def scores(self, scheme: Scheme) -> Scores:
        """Score the profiles that occur."""
        scores = scores_of(self.sample, scheme, self.spec)
        return replace(scores, exact=scores.exact[self.profile])

    def scored(
        self, schemes: Sequence[Scheme], cutoffs: Sequence[Fraction] | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return scores as integers and as fractions, and the least that reach the cut-offs.

        Each has a row per scheme. Where the exact integers are too large, their ranks stand for
        them.
        """
        if self.sample.lost is None and max(scheme.denominator for scheme in schemes) <= EXACT:
            weights = np.array([scheme.numerators for scheme in schemes], dtype=np.float64)
            # Not @: a BLAS keeps its threads awake for a while, on the processors of the core.
            exact = np.einsum("wi,ip->wp", weights, self.deprived)
            unit = np.array([[scheme.denominator] for scheme in schemes])
            value, order = exact / unit, exact.astype(np.int64)
            denominators = [scheme.denominator for scheme in schemes]
            least = None if cutoffs is None else numerators_of(cutoffs, denominators)
            return order, value, least
        rows = [one_scored(self.scores(scheme), cutoffs) for scheme in schemes]
        order, value, least = (np.stack(parts) for parts in zip(*rows, strict=True))
        return order, value, None if cutoffs is None else least

    def measured(self, scheme: Scheme, cutoff: Fraction, measures: Sequence[str]) -> np.ndarray:
        """Return the measures at a cut-off, (measures, groups)."""
        scores = self.scores(scheme)
        poor = scores.at_least(cutoff).astype(np.float64)
        factors = {"H": (poor, 1.0), "M0": (poor * scores.value, scores.unit)}
        values = [factors[name][0] @ self.weight / factors[name][1] for name in measures]
        figures: np.ndarray = np.stack(values) / self.population
        return figures


def numerators_of(cutoffs: Sequence[Fraction], denominators: Sequence[int]) -> np.ndarray:
    """Return the least scores that reach cut-offs, in units of each denominator."""
    return np.array(
        [[numerator_of(cutoff, denominator) for cutoff in cutoffs] for denominator in denominators],
        dtype=np.int64,
    )


def one_scored(
    scores: Scores, cutoffs: Sequence[Fraction] | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what `Board.scored` does, for one scheme; ranks of scores count 0 as 0."""
    least = [numerator_of(cutoff, scores.denominator) for cutoff in cutoffs or ()]
    value = scores.value / scores.unit
    if scores.exact.dtype != object:
        return scores.exact, value, np.array(least, dtype=np.int64)
    distinct = sorted({0, *scores.exact.tolist()})
    place = {score: number for number, score in enumerate(distinct)}
    order = np.array([place[score] for score in scores.exact.tolist()], dtype=np.int64)
    return order, value, np.searchsorted(np.array(distinct, dtype=object), least)


def board_of(found: Profiles, missing: str, kept: np.ndarray | None = None) -> Board:
    """Lay the weights of groups, else of those with a measured population, out as a matrix."""
    (table,) = found.tables
    sample = sample_of(table, found.spec, missing)
    n_all = table.groups.n_groups
    population = sample.by_group(sample.weight)
    if kept is None:
        kept = rankable(population)
    counted = sample.weight > 0
    occurs = np.zeros(len(sample.deprived), dtype=bool)
    occurs[sample.profile[counted]] = True
    profile = np.flatnonzero(occurs)
    row = (np.cumsum(occurs) - 1)[sample.profile[counted]]
    place = row * n_all + sample.group[counted]
    weight = np.bincount(place, sample.weight[counted], minlength=len(profile) * n_all)
    return Board(
        spec=found.spec,
        sample=sample,
        labels=pd.DataFrame(found.labels(1)).iloc[kept].reset_index(drop=True),
        profile=profile,
        weight=np.ascontiguousarray(weight.reshape(len(profile), n_all)[:, kept]),
        population=population[kept],
        kept=kept,
    )


def rankable(population: np.ndarray) -> np.ndarray:
    """Return the groups with a measured population, if there are some and not too many."""
    kept = np.flatnonzero(population > 0)
    if len(kept) < 2:
        raise ComparabilityError(
            f"there is nothing to rank: {len(kept)} group(s) with a measured population; name the"
            " groups with by="
        )
    if len(kept) > MOST_GROUPS:
        raise LimitError(
            f"{len(kept):,} groups are more than {MOST_GROUPS:,}, and all pairs of them are"
            " compared; use fewer keys, .regroup(by=...)"
        )
    return kept


# --- statistics -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Range:
    """The least and the mean of statistics as they come; those not defined do not count."""

    least: np.ndarray
    total: np.ndarray
    n: np.ndarray

    def joined(self, other: Range) -> Range:
        """Take in the values of another."""
        return Range(
            np.minimum(self.least, other.least), self.total + other.total, self.n + other.n
        )

    def along(self, axis: int) -> Range:
        """Take the values along an axis together."""
        return Range(self.least.min(axis=axis), self.total.sum(axis=axis), self.n.sum(axis=axis))

    @property
    def lowest(self) -> np.ndarray:
        """The least, NaN where there was nothing."""
        return np.where(self.n > 0, self.least, np.nan)

    @property
    def mean(self) -> np.ndarray:
        """The mean, NaN where there was nothing."""
        out = np.full(self.total.shape, np.nan)
        np.divide(self.total, self.n, out=out, where=self.n > 0)
        return out


@dataclass(frozen=True, eq=False)
class Reference:
    """The ranking that others are compared with, by each measure."""

    measures: tuple[str, ...]
    value: np.ndarray  # (measures, groups)
    rank: np.ndarray  # (measures, groups) 1 is the poorest
    level: np.ndarray  # (measures, groups) 0 is the poorest; equal groups have one

    @cached_property
    def above(self) -> np.ndarray:
        """Whether the first is poorer than the second, (measures, groups, groups)."""
        above: np.ndarray = self.level[:, :, None] < self.level[:, None, :]
        return above

    @cached_property
    def n_pairs(self) -> np.ndarray:
        """Pairs that differ, (measures,)."""
        n_pairs: np.ndarray = np.count_nonzero(self.above, axis=(1, 2))
        return n_pairs

    def share_unturned(self, n_turned: np.ndarray) -> np.ndarray:
        """Return the share of comparisons that hold, of the pairs that turned round.

        (measures, ...), NaN without a comparison.
        """
        out = np.full(n_turned.shape, np.nan)
        for m, n_pairs in enumerate(self.n_pairs):
            if n_pairs:
                out[m] = 1 - n_turned[m] / n_pairs
        return out


# --- many rankings ----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Kept:
    """What is kept of the rankings under some weightings.

    A slot is a cut-off, or all of them together where every score is one.
    """

    of_weighting: Range  # (weightings, measures, statistics)
    of_slot: Range  # (measures, slots, statistics)
    rank_least: np.ndarray  # (measures, slots, groups), as all below
    rank_most: np.ndarray
    rank_total: np.ndarray
    value_least: np.ndarray
    value_most: np.ndarray
    turned: np.ndarray  # (measures, groups, groups) weightings in which the poorer was less poor
    ever: np.ndarray  # (measures, slots, words) bits: pairs that turned in some weighting

    def joined(self, other: Kept) -> Kept:
        """Take in more weightings."""
        words = ("least", "total", "n")
        own, its = self.of_weighting, other.of_weighting
        return Kept(
            Range(*(np.concatenate([getattr(own, word), getattr(its, word)]) for word in words)),
            self.of_slot.joined(other.of_slot),
            np.minimum(self.rank_least, other.rank_least),
            np.maximum(self.rank_most, other.rank_most),
            self.rank_total + other.rank_total,
            np.minimum(self.value_least, other.value_least),
            np.maximum(self.value_most, other.value_most),
            self.turned + other.turned,
            self.ever | other.ever,
        )

    @property
    def n_turned(self) -> np.ndarray:
        """Pairs that turned round, (measures, slots)."""
        n_turned: np.ndarray = np.bitwise_count(self.ever).sum(axis=-1)
        return n_turned

    @property
    def n_ever_turned(self) -> np.ndarray:
        """Pairs that turned round at some cut-off, (measures,)."""
        n_turned: np.ndarray = np.count_nonzero(self.turned, axis=(1, 2))
        return n_turned


def reference_of(board: Board, values: np.ndarray, measures: Sequence[str]) -> Reference:
    """Rank the groups by their values in the baseline."""
    nothing = np.zeros((0, len(board.profile)))
    raw = ranked(board, values, measures, (nothing.astype(np.int64), nothing, None))
    return Reference(tuple(measures), values, raw["rank"], raw["level"])


def ranked(
    board: Board,
    values: np.ndarray,
    measures: Sequence[str],
    scored: tuple[np.ndarray, np.ndarray, np.ndarray | None],
) -> Mapping[str, Any]:
    """Rank the groups under the weightings of these scores."""
    score, value, least = scored
    return _core.af(board.share, np.ascontiguousarray(values), tuple(measures), score, value, least)


def compared(
    board: Board,
    reference: Reference,
    schemes: Sequence[Scheme],
    cutoffs: Sequence[Fraction] | None,
) -> Kept:
    """Compare the rankings under weightings, at cut-offs or at every score, with the reference."""
    highest_first = sorted(cutoffs or (), reverse=True)
    scored = board.scored(schemes, highest_first or None)
    raw = ranked(board, reference.value, reference.measures, scored)
    slot = [highest_first.index(cutoff) for cutoff in cutoffs or ()] or [0]
    return Kept(
        Range(raw["least"], raw["total"], raw["n"]),
        Range(raw["slot_least"][:, slot], raw["slot_total"][:, slot], raw["slot_n"][:, slot]),
        raw["rank_least"][:, slot],
        raw["rank_most"][:, slot],
        raw["rank_total"][:, slot],
        as_reference(raw["value_least"][:, slot], reference),
        as_reference(raw["value_most"][:, slot], reference),
        raw["turned"],
        raw["ever"][:, slot],
    )


def as_reference(values: np.ndarray, reference: Reference) -> np.ndarray:
    """Return values, (measures, slots, groups), those equal to the reference's being them."""
    same = reference.value[:, None]
    near: np.ndarray = np.where(np.abs(values - same) <= SAME, same, values)
    return near


def dominates(board: Board, reference: Reference, scheme: Scheme) -> np.ndarray:
    """Whether the first of two groups is less poor at no cut-off, (measures, groups, groups).

    Of pairs of which the first is poorer in the reference.
    """
    kept = compared(board, reference, [scheme], None)
    never: np.ndarray = reference.above & (kept.turned == 0)
    return never


def blocks_of(board: Board, n_weightings: int, n_slots: int) -> Iterator[slice]:
    """Cut weightings up."""
    by_scores = SCORES_AT_ONCE // max(len(board.profile), 1)
    width = max(min(MOST_AT_ONCE, by_scores, RANKINGS_AT_ONCE // n_slots), 1)
    for start in range(0, n_weightings, width):
        yield slice(start, min(start + width, n_weightings))
