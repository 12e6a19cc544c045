"""Multidimensional poverty after Alkire and Foster, from profiles alone.

With score c_i = sum_j w_j g_ij and cut-off k a unit is poor where c_i >= k. Over the units of a
group, each with its weight:

    H   share of the poor                       headcount_j           share deprived in j
    A   mean score of the poor                  censored_headcount_j  share poor and deprived in j
    M0  H A, the mean of censored scores        contribution_j        w_j censored_headcount_j / M0

Everything is made of a few sums by group (`sums_of`), which add up over groups; a measure is a
quotient of two of them (`MEASURES`). Scores are summed as integers, so that with integer weights
numerators and denominators are exact and a quotient is rounded once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ..design import Design
from ..errors import LimitError, unknown_option
from ..estimates import Estimates
from .profile_table import ProfileTable, bit
from .profiles import Profiles, profiles
from .scores import (
    FIGURES,
    GAP_UNKNOWN,
    NOBODY_POOR,
    NOT_BOUNDED,
    NOTHING,
    Sample,
    Scheme,
    Scores,
    checked_rule,
    difference_of_products,
    known_counts,
    laid_out,
    note_of,
    quotient,
    sample_of,
    scheme_of,
    scores_of,
)
from .spec import Spec, as_fraction
from .tally import (
    Table,
    added,
    listed,
    option_error,
    sorted_groups,
    totals_of,
    with_totals,
    with_unseen,
)

DEFAULT = ("H", "A", "M0")
MOST_CUTOFFS = 100  # attainable scores that are taken as cut-offs unasked
BANDS = {"vulnerable": (Fraction(1, 5), Fraction(1, 3)), "severe": (Fraction(1, 2), None)}
CENSORED = {"censored_headcount", "contribution", "contribution_absolute"}
BOUNDED = ("H", "M0", "n_poor", "headcount", "censored_headcount", "union", "intersection")
POWER = re.compile(r"M(\d+(?:\.\d+)?)")


def multidim(
    data: Any,
    spec: Any,
    *,
    k: Any = None,
    measures: str | Sequence[str] | None = None,
    by: str | list[str] | None = None,
    over: str | list[str] | None = None,
    where: Any = None,
    design: Design | None = None,
    count: str | None = None,
    missing: str = "drop",
    schemes: str | Sequence[str] | None = None,
    bands: Mapping[str, tuple[Any, Any]] | None = None,
    standard: Any = None,
    missing_groups: str = "error",
    observed: bool = True,
    totals: str | list[str] | None = None,
) -> Estimates:
    r"""Compute multidimensional poverty (Alkire-Foster) by group, for every cut-off at once.

    Parameters
    ----------
    data : DataFrame or mapping of str to array_like
        One row per household or person: pandas, Polars, PyArrow, or what narwhals reads.
    spec : Spec, Standard or Packed
        The indicators (0/1 or missing, or rules on columns), their dimensions and weights; or what
        `povertycore.pack` made of the rows.
    k : fraction, or list, optional
        Cut-offs above 0 and up to 1, as "1/3", Fraction or a float near one; a score equal to the
        cut-off is poor. By default the spec's own, else all attainable scores if at most 100.
    measures : str or list of str, optional
        Of H, A, M0 (the default), n_poor, variance (of the scores among the poor), headcount
        (uncensored), censored_headcount, contribution, contribution_absolute,
        subgroup_contribution, population_share, union, intersection, vulnerable, severe, and with
        indicators that are amounts M1, M2 or any power, as "M0.5"; or "all" but the last.
    by : str or list of str, optional
        Columns that are crossed to define the groups.
    over : str or list of str, optional
        Columns that each give a table of their own, after the whole. Not together with `by`.
    where : str or array_like, optional
        Boolean column: the domain. A missing value is outside, and counted in `.meta`.
    design : Design, optional
        Weight, household size and what a row is. With a size persons are counted, each with the
        deprivations of its household.
    count : {"households", "persons"}, optional
        What is counted, in place of what the design says.
    missing : {"drop", "not_deprived", "deprived", "reweight", "reweight_rows", "bounds"}, optional
        What to do about missing indicators; see Notes.
    schemes : str or list of str, optional
        Names of the spec's weightings; all of them by default.
    bands : mapping of str to (from, to), optional
        More bands of the score, as measures of that name: closed below and open above, but a
        band up to 1 holds 1.
    standard : str or Standard, optional
        The standard that the indicators follow: an id, a Standard, or the name of a column of ids.
    missing_groups : {"error", "keep"}, optional
        What to do about a missing label in `by` or `over`.
    observed : bool, optional
        False adds the combinations and categories that the data do not hold.
    totals : str or list of str, optional
        Keys of text in `by`: adds, per combination of the other keys, a row ``(total)``. Shares
        of population and contributions of groups then are of that row, otherwise of the whole.

    Returns
    -------
    Estimates
        One row per group, scheme, k, dimension, indicator and measure. What does not depend on
        one of these has it missing (`k` NaN) and comes before what does. `population` is the
        retained sample; where nobody is poor, H and M0 are 0 and A and contributions NaN.
        `.meta["missing"]` tells how much of each indicator is missing and how much is retained.

    Raises
    ------
    ColumnNotFoundError
        A named column is not in `data`.
    ValueRangeError
        An indicator is neither 0 nor 1; a weight or size is negative or not finite.
    OptionError
        A measure, scheme or rule is not one of those there are; k is needed.

    Notes
    -----
    .. math:: c_i = \sum_j w_j g_{ij}, \quad H = \sum_i \omega_i [c_i \ge k] / \sum_i \omega_i,
       \quad M_0 = \sum_i \omega_i c_i [c_i \ge k] / \sum_i \omega_i = H A

    Weights and cut-offs are fractions and scores are compared as integers. Rules for missing
    indicators: `drop` keeps complete rows, for every measure; `not_deprived` and `deprived` fill
    in; `reweight` gives the weight of an indicator that a whole group lacks to the others of its
    dimension, and drops rows that lack another; `reweight_rows` does so for each row, dropping
    those that lack a whole dimension; `bounds` gives H_lower and H_upper, and so on, what the
    measure is if nobody, or everybody, were deprived where it is not known.

    References
    ----------
    .. [1] Alkire, S. and Foster, J. (2011). Counting and multidimensional poverty measurement.
       Journal of Public Economics 95(7-8), 476-487.

    Examples
    --------
    Four persons and four indicators of equal weight: the scores are 0, 1/2, 1 and 1/4.

    >>> rows = {"a": [0, 0, 1, 0], "b": [0, 1, 1, 1], "c": [0, 0, 1, 0], "d": [0, 1, 1, 0]}
    >>> spec = pc.Spec({name: [name] for name in "abcd"})
    >>> est = pc.multidim(rows, spec, k=["1/4", "1/2"])
    >>> est.pivot("k", "measure")
    measure     H         A      M0
    k
    0.25     0.75  0.583333  0.4375
    0.50     0.50  0.750000  0.3750
    """
    names = [] if measures is None else listed(measures)
    alphas = sorted({float(power[1]) for power in map(POWER.fullmatch, names) if power} - {0.0})
    if design is not None:
        design.require_register("multidim")
    found = profiles(
        data,
        spec,
        by=by,
        over=over,
        where=where,
        design=design,
        count=count,
        standard=standard,
        missing_groups=missing_groups,
        alphas=alphas,
    )
    return from_profiles(
        found,
        k=k,
        measures=measures,
        missing=missing,
        schemes=schemes,
        bands=bands,
        observed=observed,
        totals=totals,
    )


# --- resolve ----------------------------------------------------------------------------------

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
        powers = map(POWER.fullmatch, self.measures)
        return sorted({float(power[1]) for power in powers if power} - {0.0})


def from_profiles(
    found: Profiles,
    *,
    k: Any = None,
    measures: Any = None,
    missing: str = "drop",
    schemes: Any = None,
    weights: Any = None,
    indicators: Any = None,
    bands: Any = None,
    totals: Any = None,
    observed: bool = True,
) -> Estimates:
    """Compute the measures of `multidim` from profiles."""
    if indicators is not None:
        found = found.only(indicators)
    if weights is not None:
        found = replace(found, spec=reweighted_spec(found.spec, weights))
    bands = bands_of(bands)
    ask = Ask(
        spec=found.spec,
        schemes=schemes_of(found.spec, schemes, k),
        measures=measures_of(measures, bands),
        bands=bands,
        missing=checked_rule(missing, ("bounds",)),
        totals=totals_of(totals, found.by),
        by=found.by,
        observed=bool(observed),
    )
    for alpha in ask.alphas:
        if alpha not in found.tables[0].gaps:
            raise option_error(
                "measures",
                f"M{alpha:g} needs the gaps of amounts: pc.profiles(..., alphas=[{alpha:g}])",
            )
    return wrap(found, ask, [answered(table, ask) for table in found.tables])


def reweighted_spec(spec: Spec, weights: Any) -> Spec:
    """Return a specification of the same indicators with other weights."""
    dimensions: dict[str, list[Any]] = {name: [] for name in spec.dimensions}
    for indicator in spec.indicators:
        dimensions[indicator.dimension].append(indicator)
    return Spec(
        dimensions,
        weights,
        name=spec.name,
        version=spec.version,
        k=spec.k,
        source=spec.source,
        note=spec.note,
    )


def schemes_of(spec: Spec, schemes: Any, k: Any) -> tuple[Scheme, ...]:
    """Return the weightings asked for, each with its cut-offs."""
    names = list(spec.schemes) if schemes is None else listed(schemes)
    for name in names:
        if name not in spec.schemes:
            raise unknown_option("schemes", name, spec.schemes)
    return tuple(scheme_of(spec, name, cutoffs_of(spec, name, k)) for name in dict.fromkeys(names))


def cutoffs_of(spec: Spec, scheme: str, k: Any) -> tuple[Fraction, ...]:
    """Return the cut-offs asked for, else the spec's own, else all that make a difference."""
    if k is None and spec.k is None:
        return attainable_cutoffs(spec, scheme)
    given = listed(spec.k if k is None else k)
    if not given:
        raise option_error("k", "k is an empty list; give at least one cut-off")
    return tuple(dict.fromkeys(spec.cutoff(value, scheme) for value in given))


def attainable_cutoffs(spec: Spec, scheme: str) -> tuple[Fraction, ...]:
    """Return all scores above 0, unless they are too many to be asked for unsaid."""
    try:
        cutoffs = tuple(score for score in spec.attainable(scheme) if score > 0)
    except LimitError:
        many = "over a million"
    else:
        if len(cutoffs) <= MOST_CUTOFFS:
            return cutoffs
        many = str(len(cutoffs))
    raise option_error(
        "k",
        f"k is required: there are {many} attainable scores (scheme {scheme!r}), and without k at"
        f" most {MOST_CUTOFFS} are taken",
    )


def bands_of(bands: Mapping[str, tuple[Any, Any]] | None) -> dict[str, Band]:
    """Return the bands of the score; one up to 1 has no end."""
    out: dict[str, Band] = dict(BANDS)
    for name, limits in (bands or {}).items():
        if name in MEASURES or POWER.fullmatch(name):
            raise option_error("bands", f"a band cannot be named {name!r}, as a measure is")
        low, high = (as_fraction(limit) for limit in limits)
        if not 0 <= low < high <= 1:
            raise option_error(
                "bands", f"band {name!r} must go up and lie within 0 and 1, found {low} to {high}"
            )
        out[name] = (low, None if high == 1 else high)
    return out


def measures_of(measures: Any, bands: Mapping[str, Band]) -> tuple[str, ...]:
    """Return the measures asked for; bands of the caller's own are asked for by naming them."""
    own = [name for name in bands if name not in BANDS]
    options = [*MEASURES, *bands]
    if measures is None:
        return (*DEFAULT, *own)
    names = options if measures == "all" else listed(measures)
    for name in names:
        if name not in options and not POWER.fullmatch(str(name)):
            raise unknown_option("measures", name, [*options, "M1", "M2", "all"])
    return tuple(dict.fromkeys([*names, *own]))


# --- compute ----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Sums:
    """The sums of one table by group of the result, and the unit of its scores by scheme."""

    table: Table
    unit: np.ndarray  # (schemes,) sums of scores are in 1/unit
    weights: np.ndarray | None  # (schemes, indicators) in 1/unit; None where they vary by row

    def __getitem__(self, word: str) -> np.ndarray:
        """Return sums of a kind, groups first."""
        return self.table.sums[word]


def sums_of(table: ProfileTable, ask: Ask, rule: str) -> Sums:
    """Add up a table by group, under a rule for missing indicators."""
    sample = sample_of(table, ask.spec, rule)
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
    out = {"n_obs": n_obs, "population": population}
    if "headcount" in ask.measures:
        out["deprived"] = by_indicator(sample, weight, n_indicators)
    if "union" in ask.measures:
        out["union"] = columns(weight, [sample.mask != 0])
    if "intersection" in ask.measures:
        all_there = (sample.mask != 0) & ((sample.mask | lost) == everything)
        out["intersection"] = columns(weight, [all_there])
    if sample.lost is None:
        shape = (len(n_obs), n_indicators)
        known_n, known = (np.broadcast_to(sums, shape) for sums in (n_obs, population))
        return out | {"known_n": known_n, "known": known}
    there = [~bit(lost, j) for j in range(n_indicators)]
    return out | {"known_n": columns(sample.n, there), "known": columns(weight, there)}


def by_indicator(sample: Sample, weight: np.ndarray, n_indicators: int) -> np.ndarray:
    """Add up weights by group and indicator that the cell is deprived in."""
    out = np.empty((sample.table.n_groups, n_indicators))
    for j in range(n_indicators):
        out[:, j] = sample.by_group(np.where(bit(sample.mask, j), weight, 0.0))
    return out


def scored_sums(sample: Sample, scores: Sequence[Scores], ask: Ask) -> dict[str, np.ndarray]:
    """Add up the poor, their scores and their deprivations, for each scheme and cut-off.

    Every sum runs over all cells of a group, with 0 for those that do not count, so that sums which
    are equal by definition are so to the last bit, whatever else is asked.
    """
    n_groups, n_indicators = sample.table.n_groups, len(ask.spec.ids)
    shape = (n_groups, len(ask.cuts))
    words = ["poor", "score", "square", *(f"gap {alpha!r}" for alpha in ask.alphas)]
    out = {word: np.zeros(shape) for word in words}
    out |= bands_of_scores(sample, scores, ask)
    if CENSORED & set(ask.measures):
        out["censored"] = np.zeros((*shape, n_indicators))
        if sample.lost is not None:
            out["shares"] = np.zeros((*shape, n_indicators))
    for t, (s, cutoff) in enumerate(ask.cuts):
        score = scores[s]
        poor = score.at_least(cutoff)[sample.profile]
        weight = np.where(poor, sample.weight, 0.0)
        value = score.value[sample.profile]
        out["poor"][:, t] = sample.by_group(weight)
        out["score"][:, t] = sample.by_group(weight * value)
        if "variance" in ask.measures:
            out["square"][:, t] = sample.by_group(weight * value**2)
        if "censored" in out:
            out["censored"][:, t] = by_indicator(sample, weight, n_indicators)
        if "shares" in out:
            for j in range(n_indicators):
                own = weight * score.numerators[sample.profile, j]
                out["shares"][:, t, j] = sample.by_group(np.where(bit(sample.mask, j), own, 0.0))
        for alpha in ask.alphas:
            out[f"gap {alpha!r}"][:, t] = sample.by_group(
                np.where(poor, weighted_gaps(sample, score, alpha), 0.0)
            )
    return out


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


# --- measures: each is columns of the result, made of sums ---------------------------------------


@dataclass(frozen=True, eq=False)
class Block:
    """The figures of one measure: groups x slots; a slot is a scheme, cut-off and place."""

    measure: str
    scheme: np.ndarray  # (slots,) -1: does not depend on it
    cut: np.ndarray  # (slots,) place among `Ask.cuts`, -1: does not depend on it
    place: np.ndarray  # (slots,) place among `places`: the whole, dimensions, indicators
    estimate: np.ndarray
    numerator: np.ndarray
    denominator: np.ndarray
    n_obs: np.ndarray
    population: np.ndarray
    note: np.ndarray


def places(spec: Spec) -> tuple[np.ndarray, np.ndarray]:
    """Return the dimension and indicator of each place, -1 where missing.

    The whole comes first, then each dimension and after it its indicators.
    """
    dimension, indicator = [-1], [-1]
    for d, members in enumerate(spec.dimensions.values()):
        dimension += [d] * (1 + len(members))
        indicator += [-1, *(spec.ids.index(name) for name in members)]
    return np.array(dimension), np.array(indicator)


def place_of_indicators(spec: Spec) -> np.ndarray:
    """Return the place of each indicator."""
    _, indicator = places(spec)
    return np.argsort(indicator, kind="stable")[-len(spec.ids) :]


def place_of_dimensions(spec: Spec) -> np.ndarray:
    """Return the place of each dimension."""
    dimension, indicator = places(spec)
    return np.flatnonzero((indicator < 0) & (dimension >= 0))


def slots_of_cuts(ask: Ask, place: np.ndarray) -> dict[str, np.ndarray]:
    """Return slots for each cut-off and place."""
    scheme = np.array([s for s, _ in ask.cuts])
    return {
        "scheme": np.repeat(scheme, len(place)),
        "cut": np.repeat(np.arange(len(scheme)), len(place)),
        "place": np.tile(place, len(scheme)),
    }


def slots_without_cut(scheme: Any, place: Any) -> dict[str, np.ndarray]:
    """Return slots that no cut-off applies to."""
    return {"scheme": np.array(scheme), "cut": np.full(len(scheme), -1), "place": np.array(place)}


WHOLE = np.zeros(1, dtype=np.int64)


def block(
    sums: Sums,
    measure: str,
    slots: Mapping[str, np.ndarray],
    estimate: np.ndarray,
    numerator: Any = np.nan,
    denominator: Any = np.nan,
    *,
    nobody: Any = False,
    known: bool = False,
) -> Block:
    """Make the columns of a measure: NaN with a note where a group has nothing to measure.

    `nobody` says where no poor are the reason; with `known` the rows used are those that know the
    indicator.
    """
    shape = estimate.shape
    width = shape[1] // sums["known"].shape[1] if known else shape[1]
    n_obs = np.tile(sums["known_n"] if known else sums["n_obs"], width)
    population = np.tile(sums["known"] if known else sums["population"], width)
    note = note_of(sums.table, n_obs, population, nobody)
    return Block(
        measure,
        **slots,
        estimate=np.where(note == NOTHING, estimate, np.nan),
        numerator=np.broadcast_to(numerator, shape),
        denominator=np.broadcast_to(denominator, shape),
        n_obs=n_obs,
        population=population,
        note=note,
    )


def by_cut(sums: Sums, ask: Ask) -> np.ndarray:
    """Return the unit of the scores of each cut-off."""
    return sums.unit[[s for s, _ in ask.cuts]]


def headcount_ratio(sums: Sums, ask: Ask) -> list[Block]:
    """Return H, the share of the poor."""
    poor, population = sums["poor"], sums["population"]
    estimate = quotient(poor, population)
    return [block(sums, "H", slots_of_cuts(ask, WHOLE), estimate, poor, population)]


def intensity(sums: Sums, ask: Ask) -> list[Block]:
    """Return A, the mean score of the poor."""
    unit, poor = by_cut(sums, ask), sums["poor"]
    estimate = quotient(sums["score"], poor * unit)
    slots = slots_of_cuts(ask, WHOLE)
    return [block(sums, "A", slots, estimate, sums["score"] / unit, poor, nobody=poor == 0)]


def adjusted_headcount(sums: Sums, ask: Ask) -> list[Block]:
    """Return M0, the mean of the scores, those of the others than the poor taken as 0."""
    unit, population = by_cut(sums, ask), sums["population"]
    estimate = quotient(sums["score"], population * unit)
    slots = slots_of_cuts(ask, WHOLE)
    return [block(sums, "M0", slots, estimate, sums["score"] / unit, population)]


def number_of_poor(sums: Sums, ask: Ask) -> list[Block]:
    """Return n_poor, the weight of the poor."""
    return [block(sums, "n_poor", slots_of_cuts(ask, WHOLE), sums["poor"])]


def variance(sums: Sums, ask: Ask) -> list[Block]:
    """Return variance, that of the scores among the poor, (W sum w c^2 - (sum w c)^2) / W^2."""
    poor = sums["poor"]
    spread = difference_of_products(poor, sums["square"], sums["score"], sums["score"])
    estimate = quotient(np.maximum(spread, 0.0), (poor * by_cut(sums, ask)) ** 2)
    return [block(sums, "variance", slots_of_cuts(ask, WHOLE), estimate, nobody=poor == 0)]


def share_of(word: str, sums: Sums, ask: Ask) -> list[Block]:
    """Return union, intersection, the share deprived in any, or in all, of the indicators."""
    population = sums["population"]
    slots = slots_without_cut([-1], [0])
    return [block(sums, word, slots, quotient(sums[word], population), sums[word], population)]


def band_share(name: str, sums: Sums, ask: Ask) -> list[Block]:
    """Return the share with a score within a band."""
    inside, population = sums[f"band {name}"], sums["population"]
    n_schemes = len(ask.schemes)
    slots = slots_without_cut(range(n_schemes), [0] * n_schemes)
    return [block(sums, name, slots, quotient(inside, population), inside, population)]


def uncensored(sums: Sums, ask: Ask) -> list[Block]:
    """Return headcount, the share deprived in each indicator, poor or not."""
    place = place_of_indicators(ask.spec)
    slots = slots_without_cut([-1] * len(place), place)
    deprived, known = sums["deprived"], sums["known"]
    estimate = quotient(deprived, known)
    return [block(sums, "headcount", slots, estimate, deprived, known, known=True)]


def censored(sums: Sums, ask: Ask) -> list[Block]:
    """Return censored_headcount, the share poor and deprived in each indicator."""
    both = flat(sums["censored"])
    known = np.tile(sums["known"], len(ask.cuts))
    slots = slots_of_cuts(ask, place_of_indicators(ask.spec))
    estimate = quotient(both, known)
    return [block(sums, "censored_headcount", slots, estimate, both, known, known=True)]


def flat(values: np.ndarray) -> np.ndarray:
    """Return groups x cuts x places as groups x slots."""
    return values.reshape(len(values), -1)


def score_shares(sums: Sums, ask: Ask) -> tuple[np.ndarray, np.ndarray]:
    """Return what each dimension and each indicator adds to the scores of the poor."""
    if sums.weights is None:
        indicators = sums["shares"]
    else:
        indicators = sums["censored"] * sums.weights[[s for s, _ in ask.cuts]]
    members = [
        [ask.spec.ids.index(name) for name in names] for names in ask.spec.dimensions.values()
    ]
    dimensions = np.stack([indicators[..., inside].sum(axis=-1) for inside in members], axis=-1)
    return dimensions, indicators


def contributions(sums: Sums, ask: Ask) -> list[Block]:
    """Return contribution, what a dimension or indicator adds to M0, as a share of it."""
    total, unit = sums["score"][..., None], by_cut(sums, ask)[:, None]
    blocks = []
    for shares, place in zip(score_shares(sums, ask), both_places(ask.spec), strict=True):
        whole = np.broadcast_to(total, shares.shape)
        blocks.append(
            block(
                sums,
                "contribution",
                slots_of_cuts(ask, place),
                flat(quotient(shares, whole)),
                flat(shares / unit),
                flat(whole / unit),
                nobody=flat(whole == 0),
            )
        )
    return blocks


def absolute_contributions(sums: Sums, ask: Ask) -> list[Block]:
    """Return contribution_absolute, what a dimension or indicator adds to M0."""
    unit, population = by_cut(sums, ask)[:, None], sums["population"][..., None]
    blocks = []
    for shares, place in zip(score_shares(sums, ask), both_places(ask.spec), strict=True):
        blocks.append(
            block(
                sums,
                "contribution_absolute",
                slots_of_cuts(ask, place),
                flat(quotient(shares, population * unit)),
                flat(shares / unit),
                flat(np.broadcast_to(population, shares.shape)),
            )
        )
    return blocks


def both_places(spec: Spec) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of the dimensions and of the indicators."""
    return place_of_dimensions(spec), place_of_indicators(spec)


def subgroup_contribution(sums: Sums, ask: Ask) -> list[Block]:
    """Return subgroup_contribution, what a group adds to M0, as a share of it."""
    whole, unit = of_reference(sums, ask, sums["score"]), by_cut(sums, ask)
    return [
        block(
            sums,
            "subgroup_contribution",
            slots_of_cuts(ask, WHOLE),
            quotient(sums["score"], whole),
            sums["score"] / unit,
            whole / unit,
            nobody=whole == 0,
        )
    ]


def population_share(sums: Sums, ask: Ask) -> list[Block]:
    """Return population_share, the group's share of the measured population."""
    population = sums["population"]
    whole = of_reference(sums, ask, population)
    estimate = quotient(population, whole)
    slots = slots_without_cut([-1], [0])
    return [block(sums, "population_share", slots, estimate, population, whole)]


def of_reference(sums: Sums, ask: Ask, values: np.ndarray) -> np.ndarray:
    """Return the sum that a group is a share of: its row of totals where there is one, else all."""
    table = sums.table
    if not ask.totals:
        return np.broadcast_to(values.sum(axis=0), values.shape)
    last = [table.codes[j] == len(table.levels[j]) - 1 for j in ask.totals]
    single = ~np.logical_or.reduce(last)
    others = [code for j, code in enumerate(table.codes) if j not in ask.totals]
    group = np.zeros(table.n_groups, dtype=np.int64)
    if others:
        _, group = sorted_groups(others)
    return added(group[single], int(group.max(initial=0)) + 1, values[single])[group]


def gap_measure(alpha: float, sums: Sums, ask: Ask) -> list[Block]:
    """M1, M2, ...: the mean of the weighted gaps of the poor, to a power."""
    unit, population = by_cut(sums, ask), sums["population"]
    gaps = sums[f"gap {alpha!r}"]
    estimate = quotient(gaps, population * unit)
    slots = slots_of_cuts(ask, WHOLE)
    return [block(sums, f"M{alpha:g}", slots, estimate, gaps / unit, population)]


Measure = Callable[[Sums, Ask], list[Block]]
MEASURES: dict[str, Measure] = {
    "H": headcount_ratio,
    "A": intensity,
    "M0": adjusted_headcount,
    "n_poor": number_of_poor,
    "variance": variance,
    "headcount": uncensored,
    "censored_headcount": censored,
    "contribution": contributions,
    "contribution_absolute": absolute_contributions,
    "subgroup_contribution": subgroup_contribution,
    "population_share": population_share,
    "union": partial(share_of, "union"),
    "intersection": partial(share_of, "intersection"),
}


def blocks_of(name: str, sums: Sums, ask: Ask) -> list[Block]:
    """Return the columns of a measure by its name."""
    if name in ask.bands:
        return band_share(name, sums, ask)
    power = POWER.fullmatch(name)
    if power and float(power[1]):
        return [replace(one, measure=name) for one in gap_measure(float(power[1]), sums, ask)]
    return MEASURES["M0" if power else name](sums, ask)


# --- from table to table ------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Answer:
    """The columns of all measures of one table."""

    table: Table
    blocks: list[Block]


def answered(table: ProfileTable, ask: Ask) -> Answer:
    """Compute the measures of one table."""
    if ask.missing == "bounds":
        return bounded(table, ask)
    sums = sums_of(table, ask, ask.missing)
    blocks = [block for name in ask.measures for block in blocks_of(name, sums, ask)]
    if ask.missing == "deprived" and table.missing.any():
        blocks = [unknown_gap(block) for block in blocks]
    return Answer(sums.table, blocks)


def unknown_gap(one: Block) -> Block:
    """Take away a measure of gaps: being deprived does not tell by how much."""
    power = POWER.fullmatch(one.measure)
    if not power or not float(power[1]):
        return one
    return without_figures(one, GAP_UNKNOWN)


def without_figures(one: Block, why: int) -> Block:
    """Take away the figures of a measure and note why."""
    nothing = np.full(one.estimate.shape, np.nan)
    note = np.where(np.isin(one.note, (NOTHING, NOBODY_POOR)), why, one.note).astype(np.int8)
    return replace(one, estimate=nothing, numerator=nothing, denominator=nothing, note=note)


def bounded(table: ProfileTable, ask: Ask) -> Answer:
    """Compute what each measure is at least and at most, where missing values bound it."""
    low, high = (sums_of(table, ask, rule) for rule in ("not_deprived", "deprived"))
    blocks = []
    for name in ask.measures:
        below = blocks_of(name, low, ask)
        if name in BOUNDED:
            blocks += [replace(one, measure=f"{name}_lower") for one in below]
            above = blocks_of(name, high, ask)
            blocks += [replace(one, measure=f"{name}_upper") for one in above]
        elif name == "population_share":
            blocks += below
        else:
            blocks += [without_figures(one, NOT_BOUNDED) for one in below]
    return Answer(low.table, blocks)


# --- wrap -------------------------------------------------------------------------------------


def wrap(found: Profiles, ask: Ask, answers: Sequence[Answer]) -> Estimates:
    """Lay the blocks out as one row per group, scheme, cut-off, place and measure."""
    first = answers[0].blocks
    names = list(dict.fromkeys(one.measure for one in first))
    measure = np.concatenate([np.full(len(one.cut), names.index(one.measure)) for one in first])
    scheme, cut, place = (
        np.concatenate([getattr(one, word) for one in first]) for word in ("scheme", "cut", "place")
    )
    order = np.lexsort((measure, place, cut, scheme))

    def figures(word: str) -> np.ndarray:
        tables = [np.hstack([getattr(one, word) for one in each.blocks]) for each in answers]
        return np.concatenate(tables)[:, order]

    def labels(codes: np.ndarray, categories: Sequence[str]) -> pd.Categorical:
        return pd.Categorical.from_codes(codes[order], list(categories))

    dimension, indicator = places(ask.spec)
    k = np.array([*(float(cutoff) for _, cutoff in ask.cuts), np.nan])
    return laid_out(
        found,
        [each.table for each in answers],
        verb="multidim",
        measure_keys={
            "scheme": labels(scheme, [one.name for one in ask.schemes]),
            "k": k[cut[order]],
            "dimension": labels(dimension[place], list(ask.spec.dimensions)),
            "indicator": labels(indicator[place], ask.spec.ids),
        },
        measure=labels(measure, names),
        figures={word: figures(word) for word in FIGURES},
        meta=meta_of(found, ask),
    )


def meta_of(found: Profiles, ask: Ask) -> dict[str, Any]:
    """Return what the result tells of its call."""
    return found.meta | {
        "spec": found.spec.about(),
        "schemes": {
            one.name: {
                name: str(Fraction(numerator, one.denominator))
                for name, numerator in zip(ask.spec.ids, one.numerators, strict=True)
            }
            for one in ask.schemes
        },
        "k": {one.name: [str(cutoff) for cutoff in one.cutoffs] for one in ask.schemes},
        "missing": missing_of(found, ask),
        "standard": found.standard if found.standard_key is None else found.standard_key,
    }


def missing_of(found: Profiles, ask: Ask) -> dict[str, Any]:
    """Return how much of each indicator is missing, and the sample that is retained."""
    rule = "not_deprived" if ask.missing == "bounds" else ask.missing
    counts = known_counts(found.tables[0], found.spec, rule)
    n, n_obs, weight, known = (part.sum(axis=0) for part in counts)

    def shares(j: int) -> dict[str, Any]:
        return {
            "n_obs": int(n_obs[j]),
            "n_missing": int(n - n_obs[j]),
            "retained": float(n_obs[j] / n) if n else None,
            "retained_weighted": float(known[j] / weight) if weight else None,
        }

    return {
        "rule": ask.missing,
        "sample": shares(0),
        "indicators": {name: shares(j + 1) for j, name in enumerate(found.spec.ids)},
    }
