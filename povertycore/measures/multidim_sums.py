"""Sums by group that all multidimensional measures are made of.

What is added up is the weight of each cell times a number that its profile has: 1 where it is poor,
its score, or nothing. All sums of a group are added in one order (`cells`), so that those that are
equal by definition, as of the poor at the least cut-off and of all who are deprived in anything,
are equal to the last bit, whatever else is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from .profile_table import ProfileTable, bit
from .scores import Sample, Scheme, Scores, sample_of, scores_of
from .spec import Spec
from .tables import Table, with_totals, with_unseen

POWER = re.compile(r"M(\d+(?:\.\d+)?)")
CONTRIBUTIONS = {"contribution", "contribution_absolute"}

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
    return Sums(totalled, np.array([score.unit for score in scores]))


def plain_sums(sample: Sample, ask: Ask) -> dict[str, np.ndarray]:
    """Add up what does not depend on cut-offs."""
    n_obs, population = sample.rows[:, None], sample.population[:, None]
    positive, n_positive = sample.n_positive, n_obs
    if positive is not None:
        n_positive = sample.by_group(positive)[:, None]
    out = {"n_obs": n_obs, "population": population, "n_positive": n_positive}
    if "headcount" in ask.measures:
        _, by_indicator = sample.sums([np.ones(len(sample.deprived))], n_by_bit=1)
        out["deprived"] = by_indicator[:, 0]
    out |= sums_by_word(sample, who_is_in(sample, ask))
    return out | known_sums(sample, out)


def known_sums(sample: Sample, whole: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Add up rows and weights by indicator, where its weight does not go to others."""
    words = {"known_n": "n_obs", "known_positive": "n_positive", "known": "population"}
    if sample.lost is None:
        shape = (sample.table.n_groups, sample.n_indicators)
        return {word: np.broadcast_to(whole[of], shape) for word, of in words.items()}
    there = [~bit(sample.lost, j) for j in range(sample.n_indicators)]
    positive = sample.n if sample.n_positive is None else sample.n_positive
    n, n_positive = (
        sample.sums(there, values=rows)[0].astype(np.int64) for rows in (sample.n, positive)
    )
    return {"known_n": n, "known_positive": n_positive, "known": sample.sums(there)[0]}


Factors = dict[str, list[np.ndarray]]  # by word: one or more, each of the profiles


def sums_by_word(sample: Sample, factors: Factors) -> dict[str, np.ndarray]:
    """Add up weights times factors, groups x factors of each word."""
    sums, _ = sample.sums(factor for each in factors.values() for factor in each)
    ends = np.cumsum([len(each) for each in factors.values()])
    return dict(zip(factors, np.split(sums, ends[:-1], axis=1), strict=True)) if factors else {}


def who_is_in(sample: Sample, ask: Ask) -> Factors:
    """Return which profiles have any deprivation, and all."""
    everything = np.uint64(2**sample.n_indicators - 1)
    lost = np.uint64(0) if sample.lost is None else sample.lost
    factors: Factors = {}
    if "union" in ask.measures:
        factors["union"] = [sample.deprived != 0]
    if "intersection" in ask.measures:
        factors["intersection"] = [(sample.deprived | lost) == everything]
    return factors


def within_bands(scores: Sequence[Scores], ask: Ask) -> Factors:
    """Return which profiles have a score within a band, for each scheme."""
    factors: Factors = {}
    for name in ask.bands_asked:
        low, high = ask.bands[name]
        within = [score.at_least(low) for score in scores]
        if high is not None:
            within = [
                one & ~score.at_least(high) for one, score in zip(within, scores, strict=True)
            ]
        factors[f"band {name}"] = within
    return factors


def scored_sums(sample: Sample, scores: Sequence[Scores], ask: Ask) -> dict[str, np.ndarray]:
    """Add up the poor, their scores and their deprivations, for each scheme and cut-off."""
    asked = [(scores[s], cutoff) for s, cutoff in ask.cuts]
    by_indicator = "censored_headcount" in ask.measures
    widths = of_the_poor(sample, ask)

    def factors() -> Iterator[np.ndarray]:
        for word in widths:
            for score, cutoff in asked:
                poor = score.at_least(cutoff)
                for values in values_of(word, sample, score, cutoff, ask.spec):
                    yield np.where(poor, values, 0.0)

    sums, censored = sample.sums(factors(), len(asked) if by_indicator else 0)
    out: dict[str, np.ndarray] = {}
    first = 0
    for word, width in widths.items():
        of_word = sums[:, first : first + len(asked) * (width or 1)]
        out[word] = of_word if width is None else of_word.reshape(len(sums), len(asked), width)
        first += of_word.shape[1]
    if by_indicator:
        out["censored"] = censored
    for alpha in ask.alphas:
        out[f"gap {alpha!r}"] = gaps_of_poor(sample, scores, ask, alpha)
    return out | sums_by_word(sample, within_bands(scores, ask))


def of_the_poor(sample: Sample, ask: Ask) -> dict[str, int | None]:
    """Return what is added up over the poor, and how many numbers it is where it is several."""
    widths: dict[str, int | None] = {"poor": None, "score": None}
    if "variance" in ask.measures:
        widths |= {"above": None, "square": None}
    if ask.moments:
        widths["score_square"] = None
    if CONTRIBUTIONS & set(ask.measures):
        n_parts = len(ask.spec.dimensions) + sample.n_indicators
        words = ["part", "part_square", "part_score"] if ask.moments else ["part"]
        widths |= dict.fromkeys(words, n_parts)
    return widths


def values_of(
    word: str, sample: Sample, score: Scores, cutoff: Fraction, spec: Spec
) -> list[np.ndarray]:
    """Return what each profile, if it is poor, adds to sums of a kind."""
    if word == "poor":
        return [np.ones(len(score.value))]
    if word == "score":
        return [score.value]
    if word == "score_square":
        return [score.value**2]
    if word in ("above", "square"):
        above = score.value - score.as_value(cutoff)  # small: less is lost in their squares
        return [above if word == "above" else above**2]
    parts = parts_of_scores(sample, score, spec)
    if word == "part":
        return parts
    return [part**2 if word == "part_square" else part * score.value for part in parts]


def parts_of_scores(sample: Sample, score: Scores, spec: Spec) -> list[np.ndarray]:
    """Return what each dimension, and then each indicator, adds to the score of a profile."""
    indicators = {
        name: np.where(bit(sample.deprived, j), score.numerators[..., j], 0.0)
        for j, name in enumerate(spec.ids)
    }
    dimensions = [
        np.sum([indicators[name] for name in members], axis=0)
        for members in spec.dimensions.values()
    ]
    return [*dimensions, *indicators.values()]


def gaps_of_poor(sample: Sample, scores: Sequence[Scores], ask: Ask, alpha: float) -> np.ndarray:
    """Add up the weighted gaps of the poor to a power, groups x cut-offs."""
    columns = [np.zeros((sample.table.n_groups, 0))]
    for score, scheme in zip(scores, ask.schemes, strict=True):
        poor = (score.at_least(cutoff) for cutoff in scheme.cutoffs)
        sums, _ = sample.sums(poor, values=weighted_gaps(sample, score, alpha))
        columns.append(sums)
    return np.hstack(columns)


def weighted_gaps(sample: Sample, score: Scores, alpha: float) -> np.ndarray:
    """Return the gaps of each cell to a power, each indicator's with its weight."""
    sums = np.zeros(len(sample.group))
    for j in range(sample.gaps[alpha].shape[1]):
        own = score.numerators[j] if sample.lost is None else score.numerators[sample.profile, j]
        sums += sample.gaps[alpha][:, j] * own
    return sums
