"""Sums by group that all multidimensional measures are made of.

Every sum runs over all cells of a group in the order of their masks, with 0 for those that do not
count. Sums that are equal by definition, as those of the poor at the least cut-off and of all who
are deprived in anything, are then equal to the last bit, whatever else is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from .profile_table import ProfileTable, bit
from .scores import Sample, Scheme, Scores, sample_of, scores_of
from .spec import Spec
from .tables import Table, with_totals, with_unseen

POWER = re.compile(r"M(\d+(?:\.\d+)?)")
CENSORED = {"censored_headcount", "contribution", "contribution_absolute"}

Band = tuple[Fraction, Fraction | None]


@dataclass(frozen=True)
class Ask:
    """What is asked of profiles, resolved."""

    spec: Spec
    schemes: tuple[Scheme, ...]
    measures: tuple[str, ...]
    bands: Mapping[str, Band]
    missing: str
    totals: tuple[int, ...]
    by: tuple[str, ...]
    observed: bool
    moments: bool = False  # sums of squares too, which design effects need

    @property
    def cuts(self) -> list[tuple[int, Fraction]]:
        """Return all pairs of scheme and cut-off, in the order of the result."""
        return [(s, cut) for s, scheme in enumerate(self.schemes) for cut in scheme.cutoffs]

    @property
    def bands_asked(self) -> list[str]:
        """Return the bands among the measures."""
        return [name for name in self.measures if name in self.bands]

    @property
    def alphas(self) -> list[float]:
        """Return the powers above 0 among the measures."""
        return powers_of(self.measures)


def powers_of(measures: Sequence[str]) -> list[float]:
    """Return the powers of gaps among measures: of M1, M2, M0.5 ..., not of M0."""
    powers = (POWER.fullmatch(str(measure)) for measure in measures)
    return sorted({float(power[1]) for power in powers if power} - {0.0})


@dataclass(frozen=True, eq=False)
class Sums:
    """The sums of one table by group of the result, and the unit of its scores by scheme."""

    table: Table
    unit: np.ndarray  # (schemes,) sums of scores are in 1/unit
    weights: np.ndarray | None  # (schemes, indicators) in 1/unit; None where they vary by row

    def __getitem__(self, word: str) -> np.ndarray:
        """Return sums of a kind, groups first."""
        return self.table.sums[word]


def sums_of(table: ProfileTable, ask: Ask, rule: str, absent: np.ndarray | None = None) -> Sums:
    """Add up a table by group, under a rule for missing indicators; `absent` as in `sample_of`."""
    sample = sample_of(table, ask.spec, rule, absent)
    scores = [scores_of(sample, scheme, ask.spec) for scheme in ask.schemes]
    sums = plain_sums(sample, ask) | scored_sums(sample, scores, ask)
    totalled = replace(table.groups, sums=table.groups.sums | sums)
    if not ask.observed:
        totalled = with_unseen(totalled)
    if ask.totals:
        totalled = with_totals(totalled, ask.totals, ask.by)
    return Sums(
        totalled,
        np.array([score.unit for score in scores]),
        None if sample.lost is not None else np.array([score.numerators for score in scores]),
    )


def plain_sums(sample: Sample, ask: Ask) -> dict[str, np.ndarray]:
    """Add up what does not depend on scores."""
    n_indicators = len(ask.spec.ids)
    everything = np.uint64(2**n_indicators - 1)
    lost = np.zeros(1, np.uint64) if sample.lost is None else sample.lost[sample.profile]

    def columns(values: np.ndarray, counts: Sequence[np.ndarray]) -> np.ndarray:
        return np.column_stack([sample.by_group(np.where(one, values, 0)) for one in counts])

    weight = sample.weight
    n_obs, population = sample.by_group(sample.n)[:, None], sample.by_group(weight)[:, None]
    positive, n_positive = sample.n_positive, n_obs
    if positive is not None:
        n_positive = sample.by_group(positive)[:, None]
    out = {"n_obs": n_obs, "population": population, "n_positive": n_positive}
    if "headcount" in ask.measures:
        out["deprived"] = by_indicator(sample, weight, n_indicators)
    if "union" in ask.measures:
        out["union"] = columns(weight, [sample.mask != 0])
    if "intersection" in ask.measures:
        all_there = (sample.mask | lost) == everything
        out["intersection"] = columns(weight, [all_there])
    if sample.lost is None:
        shape = (len(n_obs), n_indicators)
        known = {"known_n": n_obs, "known_positive": n_positive, "known": population}
        return out | {word: np.broadcast_to(sums, shape) for word, sums in known.items()}
    there = [~bit(lost, j) for j in range(n_indicators)]
    known_n = columns(sample.n, there)
    return out | {
        "known_n": known_n,
        "known_positive": known_n if positive is None else columns(positive, there),
        "known": columns(weight, there),
    }


def by_indicator(sample: Sample, weight: np.ndarray, n_indicators: int) -> np.ndarray:
    """Add up weights by group and indicator that the cell is deprived in."""
    return sample.totals(
        weight, n_indicators, lambda mask: (bit(mask, j) for j in range(n_indicators))
    )


def scored_sums(sample: Sample, scores: Sequence[Scores], ask: Ask) -> dict[str, np.ndarray]:
    """Add up the poor, their scores and their deprivations, for each scheme and cut-off."""
    n_groups, n_indicators = sample.table.n_groups, len(ask.spec.ids)
    shape = (n_groups, len(ask.cuts))
    words = ["poor", "score", "above", "square", *(f"gap {alpha!r}" for alpha in ask.alphas)]
    out = {word: np.zeros(shape) for word in words}
    out |= bands_of_scores(sample, scores, ask)
    if CENSORED & set(ask.measures):
        out["censored"] = np.zeros((*shape, n_indicators))
        if sample.lost is not None:
            out["shares"] = np.zeros((*shape, n_indicators))
    if ask.moments:
        out["score_square"] = np.zeros(shape)
        if CENSORED & set(ask.measures):
            width = len(ask.spec.dimensions) + n_indicators
            out["part_square"], out["part_score"] = np.zeros((2, *shape, width))
    for t, (s, cutoff) in enumerate(ask.cuts):
        score = scores[s]
        poor = score.at_least(cutoff)[sample.profile]
        weight = np.where(poor, sample.weight, 0.0)
        value = score.value[sample.profile]
        out["poor"][:, t] = sample.by_group(weight)
        out["score"][:, t] = sample.by_group(weight * value)
        if "variance" in ask.measures:
            above = value - score.as_value(cutoff)  # small numbers: less is lost in their squares
            out["above"][:, t] = sample.by_group(weight * above)
            out["square"][:, t] = sample.by_group(weight * above**2)
        if "censored" in out:
            out["censored"][:, t] = by_indicator(sample, weight, n_indicators)
        if "shares" in out:
            for j in range(n_indicators):
                own = weight * score.numerators[sample.profile, j]
                out["shares"][:, t, j] = sample.by_group(np.where(bit(sample.mask, j), own, 0.0))
        if ask.moments:
            out["score_square"][:, t] = sample.by_group(weight * value**2)
        if "part_square" in out:
            for place, part in enumerate(parts_of_scores(sample, score, ask.spec)):
                out["part_square"][:, t, place] = sample.by_group(weight * part**2)
                out["part_score"][:, t, place] = sample.by_group(weight * part * value)
        for alpha in ask.alphas:
            out[f"gap {alpha!r}"][:, t] = sample.by_group(
                np.where(poor, weighted_gaps(sample, score, alpha), 0.0)
            )
    return out


def parts_of_scores(sample: Sample, score: Scores, spec: Spec) -> list[np.ndarray]:
    """Return what each dimension, and then each indicator, adds to the score of a cell."""
    indicators = {}
    for j, name in enumerate(spec.ids):
        own = score.numerators[j] if sample.lost is None else score.numerators[sample.profile, j]
        indicators[name] = np.where(bit(sample.mask, j), own, 0.0)
    dimensions = [
        np.sum([indicators[name] for name in members], axis=0)
        for members in spec.dimensions.values()
    ]
    return [*dimensions, *indicators.values()]


def weighted_gaps(sample: Sample, score: Scores, alpha: float) -> np.ndarray:
    """Return the gaps of each cell to a power, each indicator's with its weight."""
    sums = np.zeros(len(sample.group))
    for j in range(sample.gaps[alpha].shape[1]):
        own = score.numerators[j] if sample.lost is None else score.numerators[sample.profile, j]
        sums += sample.gaps[alpha][:, j] * own
    return sums


def bands_of_scores(sample: Sample, scores: Sequence[Scores], ask: Ask) -> dict[str, np.ndarray]:
    """Add up those with a score within a band, for each scheme."""
    out = {}
    for name in ask.bands_asked:
        low, high = ask.bands[name]
        columns = []
        for score in scores:
            within = score.at_least(low)
            if high is not None:
                within &= ~score.at_least(high)
            columns.append(sample.by_group(np.where(within[sample.profile], sample.weight, 0.0)))
        out[f"band {name}"] = np.column_stack(columns)
    return out
