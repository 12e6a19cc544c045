"""Robustness: what the ranking of groups owes to the weights and the cut-off.

One ranking is the baseline: of the groups by H or M0 under one weighting and one cut-off. It is
compared with the ranking under every other weighting and cut-off asked for. For two groups a and b
with a poorer in the baseline, a comparison holds where a is not less poor than b. With S0 the pairs
that differ in the baseline, S those that differ in the other ranking, C those that differ in both
in the same direction and D in opposite directions,

    Kendall's tau-b = (C - D) / sqrt(S S0),    share of comparisons that hold = 1 - D / S0,

and Spearman's coefficient is the correlation of the ranks, equal values sharing their mean rank.
One group dominates another where the curve of the measure over all cut-offs is nowhere above.

With X[p, g] the weight of profile p in group g, the measures of all groups under a weighting are
sums of rows of X. The figures of a weighting are reduced to these statistics before those of the
next are made, so that the table of all measures is never held.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from importlib import import_module
from itertools import combinations
from math import comb, lcm
from typing import Any

import numpy as np
import pandas as pd

from ..errors import ComparabilityError, LimitError, unknown_option
from .multidim import cutoffs_of, reweighted_spec
from .profile_table import bit
from .profiles import Profiles, some_of_spec
from .scores import (
    EXACT,
    Sample,
    Scheme,
    Scores,
    checked_rule,
    sample_of,
    scheme_of,
    scores_of,
)
from .spec import Spec, as_fraction
from .tally import listed, option_error

MEASURES = ("H", "M0")
TABLES = ("summary", "weightings", "groups", "pairs", "indicators")
STATISTICS = ("spearman", "kendall", "holds")
DRAWN = 10**6  # drawn weights are multiples of 1/DRAWN
SAME = 2.0**40  # values are compared as multiples of 1/SAME: what differs by less is equal
MOST_GROUPS = 1_000  # every pair of them is compared
MOST_WEIGHTINGS = 1_000_000
ROWS_AT_ONCE = 256  # rankings that are made before they are compared
PATIENCE = 2.0  # seconds before a progress bar is shown unasked


# --- the result -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Robustness:
    """How rankings under other weights and cut-offs compare with a baseline.

    What `Profiles.robustness` returns: a frozen record of five tables, see `to_frame`.

    Attributes
    ----------
    baseline : tuple of str and Fraction
        The weighting and the cut-off of the ranking that others are compared with.
    n_groups : int
        Groups that are ranked: those with a measured population.
    n_weightings : int
        Weightings, the baseline's among them.
    """

    baseline: tuple[str, Fraction]
    n_groups: int
    n_weightings: int
    _tables: Mapping[str, pd.DataFrame]
    _pairs: Pairs
    _meta: Mapping[str, Any]

    @property
    def meta(self) -> dict[str, Any]:
        """A plain dictionary: how the weightings were made, and what the profiles tell."""
        return dict(self._meta)

    def __repr__(self) -> str:
        """Say what was compared, without the labels of the groups."""
        scheme, k = self.baseline
        return (
            f"<Robustness: {self.n_groups:,} groups, {self.n_weightings:,} weightings,"
            f" baseline {scheme!r} at k = {k}>"
        )

    def _repr_html_(self) -> str:
        """Show the summary."""
        html: str = self._tables["summary"].to_html(index=False, float_format="{:.3f}".format)
        return html

    def to_frame(self, table: str = "summary") -> pd.DataFrame:
        """Return one of the tables as a new pandas frame.

        Parameters
        ----------
        table : {"summary", "weightings", "groups", "pairs", "indicators"}, optional
            See Notes.

        Returns
        -------
        pandas.DataFrame
            The table.

        Notes
        -----
        *summary*: per cut-off and measure, over all weightings: the least and the mean Spearman
        and Kendall correlation with the baseline and share of its comparisons that hold, and
        `holds_always`, the share that holds under every weighting. The last rows, with `k` missing,
        take all cut-offs together.

        *weightings*: per weighting and measure the weights and the same, over the cut-offs.

        *groups*: per group, cut-off and measure the value and rank in the baseline (1 is the
        poorest), the range of values and ranks over all weightings, and the mean rank (not of all
        cut-offs together).

        *pairs*: per measure and pair that differs in the baseline, the poorer first: `holds`, the
        share of weightings under which that holds at every cut-off asked for; `dominates`,
        whether it does at every cut-off there is under the baseline's weights.

        *indicators*: per indicator and measure the same statistics at the baseline's cut-off when
        the indicator is left out, its weight going to the others of its dimension (of a dimension
        left out, to the other dimensions), as if it were not in the specification.
        """
        if table not in TABLES:
            raise unknown_option("table", table, TABLES)
        if table == "pairs":
            return self._pairs.frame()
        return self._tables[table].copy()


@dataclass(frozen=True, eq=False)
class Pairs:
    """What is kept of every pair of groups, groups x groups; a frame of it is made when asked."""

    labels: pd.DataFrame
    measures: tuple[str, ...]
    value: np.ndarray  # (measures, groups) in the baseline
    differs: np.ndarray  # (measures, groups, groups) bool: the first is poorer in the baseline
    holds: np.ndarray  # (measures, groups, groups) share of weightings
    dominates: np.ndarray  # (measures, groups, groups) bool

    def frame(self) -> pd.DataFrame:
        """Return one row per measure and pair."""
        measure, first, other = np.nonzero(self.differs)
        columns = {name: self.labels[name].array[first] for name in self.labels}
        columns |= {f"{name}_other": self.labels[name].array[other] for name in self.labels}
        return pd.DataFrame(
            columns
            | {
                "measure": pd.Categorical.from_codes(measure, list(self.measures)),
                "baseline": self.value[measure, first],
                "baseline_other": self.value[measure, other],
                "holds": self.holds[measure, first, other],
                "dominates": self.dominates[measure, first, other],
            }
        )


def robustness(
    found: Profiles,
    *,
    k: Any = None,
    baseline: Any = None,
    weights: Mapping[str, Any] | None = None,
    step: Any = None,
    draws: int | None = None,
    alpha: float = 1.0,
    rng: Any = 0,
    vary: str = "dimensions",
    measures: str | Sequence[str] = MEASURES,
    missing: str = "drop",
    progress: bool | None = None,
) -> Robustness:
    r"""Compare the ranking of groups with those under other weights and cut-offs.

    Parameters
    ----------
    found : Profiles
        What `povertycore.profiles` returned with `by`.
    k : fraction, list, or "all", optional
        Cut-offs; "all" takes, under each weighting, every score above 0 that a row has. By default
        the spec's own, else all attainable if at most 100.
    baseline : fraction, optional
        Cut-off of the baseline, whose weights are the spec's first scheme. By default the spec's
        first cut-off, else the first of `k`.
    weights : mapping, optional
        Named weightings, each as `povertycore.Spec` takes it. The spec's own other schemes are
        always among the weightings.
    step : fraction, optional
        Adds every weighting whose weights are multiples of this, such as "1/10"; 0 is one.
    draws : int, optional
        Adds so many weightings drawn from a Dirichlet distribution, rounded to millionths.
    alpha : float, default 1.0
        Its concentration: 1 is uniform over all weightings, larger values are closer to equal
        weights.
    rng : int or numpy.random.Generator, default 0
        Seed or source of the draws.
    vary : {"dimensions", "indicators"}, optional
        What `step` and `draws` weigh. The weight of a dimension is divided among its indicators in
        the proportions of the baseline.
    measures : {"H", "M0"} or list of these, optional
        Measures that rank the groups.
    missing : str, default "drop"
        What to do about missing indicators, as in `povertycore.multidim`, but for bounds.
    progress : bool, optional
        Show a progress bar; by default after two seconds, where tqdm is installed.

    Returns
    -------
    Robustness
        Tables of rank correlations, comparisons that hold, dominance, and what leaving out an
        indicator does.

    Raises
    ------
    OptionError
        A word is not one of those there are; `step` does not divide 1; a baseline is needed.
    ComparabilityError
        The profiles are by `over`, or of fewer than two groups.
    LimitError
        There are more than 1,000 groups, or more than a million weightings.

    Notes
    -----
    Values that differ by less than 1e-12 are equal. Statistics that are not defined (at a cut-off
    where all groups are equal) do not count in the least and the mean.

    References
    ----------
    .. [1] Alkire, S. et al. (2015). Multidimensional poverty measurement and analysis. Oxford
       University Press, chapter 8.

    Examples
    --------
    In the north more are ill, in the south more children do not go to school: which is poorer is
    the weights' decision. With step 1/2 these are (0, 1), (1/2, 1/2) and (1, 0).

    >>> rows = {"region": list("NNNNSSSS"), "ill": [1, 1, 1, 0, 1, 1, 0, 0]}
    >>> rows |= {"absent": [1, 0, 0, 0, 1, 1, 0, 0]}
    >>> spec = pc.Spec({"health": ["ill"], "school": ["absent"]}, k="1/2")
    >>> found = pc.profiles(rows, spec, by="region").robustness(step="1/2", measures="H")
    >>> found.to_frame("groups")[["region", "baseline", "rank", "rank_min", "rank_max"]]
      region  baseline  rank  rank_min  rank_max
    0      N      0.75   1.0       1.0       2.0
    1      S      0.50   2.0       1.0       2.0
    >>> found.to_frame()[["k", "measure", "kendall_min", "holds_mean", "holds_always"]]
         k measure  kendall_min  holds_mean  holds_always
    0  0.5       H         -1.0        0.75           0.0
    """
    ask = resolved(found, k, baseline, measures, missing)
    weightings = [
        *of_the_spec(found.spec, weights),
        *grid_of(found.spec, step, vary),
        *drawn(found.spec, draws, alpha, rng, vary),
    ]
    if len(weightings) > MOST_WEIGHTINGS:
        raise too_many(len(weightings))
    board = board_of(found, missing)
    references = references_of(board, ask, weightings[0].scheme)
    tally = Tally(board, ask, references)
    for block in with_progress(blocks_of(weightings, ask), len(weightings), progress):
        tally.add(block)
    return finished(found, ask, board, references, weightings, tally, missing)


# --- resolve ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ask:
    """What is asked, resolved."""

    spec: Spec
    cutoffs: tuple[Fraction, ...] | None  # None: every score under each weighting
    baseline: Fraction
    measures: tuple[str, ...]


def resolved(found: Profiles, k: Any, baseline: Any, measures: Any, missing: str) -> Ask:
    """Check the words of a call."""
    if found.over is not None:
        raise ComparabilityError(
            "groups of several one-way tables are not compared with each other; make the profiles"
            " with by= instead of over="
        )
    checked_rule(missing)
    names = listed(measures)
    for name in names:
        if name not in MEASURES:
            raise unknown_option("measures", name, MEASURES)
    spec, scheme = found.spec, next(iter(found.spec.schemes))
    every = isinstance(k, str) and k == "all"
    cutoffs = None if every else cutoffs_of(spec, scheme, k)
    if baseline is None:
        first = [*(spec.k or ()), *(cutoffs or ())][:1]
        if not first:
            raise option_error("baseline", "baseline, a cut-off, is required where k is 'all'")
        baseline = first[0]
    chosen = spec.cutoff(baseline, scheme)
    return Ask(spec, cutoffs, chosen, tuple(dict.fromkeys(names)))


@dataclass(frozen=True)
class Weighting:
    """A weighting, its name being that of its scheme, and where it comes from."""

    kind: str  # baseline, scheme, given, grid, draw
    scheme: Scheme


def of_the_spec(spec: Spec, weights: Mapping[str, Any] | None) -> list[Weighting]:
    """Return the spec's own schemes, the baseline first, and those given."""
    first, *others = (scheme_of(spec, name, ()) for name in spec.schemes)
    given = []
    for name, values in (weights or {}).items():
        if not isinstance(values, Mapping):
            raise option_error(
                "weights",
                f"weights maps names to weightings, as {{'equal': {{'health': '1/2', ...}}}};"
                f" found {type(values).__name__} under {name!r}",
            )
        other = reweighted_spec(spec, values)
        given.append(replace(scheme_of(other, next(iter(other.schemes)), ()), name=str(name)))
    return [
        Weighting("baseline", first),
        *(Weighting("scheme", scheme) for scheme in others),
        *(Weighting("given", scheme) for scheme in given),
    ]


def grid_of(spec: Spec, step: Any, vary: str) -> list[Weighting]:
    """Return all weightings whose weights are multiples of a step."""
    if step is None:
        return []
    fraction = as_fraction(step)
    if fraction <= 0 or fraction.numerator != 1:
        raise option_error("step", f"step must divide 1, as 1/10 does; found {fraction}")
    parts, n = fraction.denominator, len(shares_of(spec, vary)[0])
    if comb(parts + n - 1, n - 1) > MOST_WEIGHTINGS:
        raise too_many(comb(parts + n - 1, n - 1))
    # n parts that sum to a whole are what lies between n - 1 bars among as many places.
    bars = combinations(range(parts + n - 1), n - 1)
    points = (np.diff([-1, *places, parts + n - 1]) - 1 for places in bars)
    return spread_out(spec, vary, points, parts, "grid")


def too_many(n: int) -> LimitError:
    """Return the error for more weightings than are taken."""
    return LimitError(
        f"{n:,} weightings are more than {MOST_WEIGHTINGS:,}; take a larger step or fewer draws"
    )


def drawn(spec: Spec, draws: int | None, alpha: float, rng: Any, vary: str) -> list[Weighting]:
    """Return weightings drawn from a Dirichlet distribution."""
    if draws is None:
        return []
    if draws < 1:
        raise option_error("draws", f"draws must be at least 1, found {draws!r}")
    if not 0 < alpha < np.inf:
        raise option_error("alpha", f"alpha must be above 0 and finite, found {alpha!r}")
    if draws > MOST_WEIGHTINGS:
        raise too_many(draws)
    n = len(shares_of(spec, vary)[0])
    fractions = np.random.default_rng(rng).dirichlet(np.full(n, float(alpha)), draws)
    return spread_out(spec, vary, rounded(fractions, DRAWN), DRAWN, "draw")


def rounded(fractions: np.ndarray, parts: int) -> np.ndarray:
    """Round fractions that sum to 1 to parts of a whole, the largest remainders up."""
    exact = fractions * parts
    whole = np.floor(exact).astype(np.int64)
    rank = np.argsort(np.argsort(whole - exact, axis=1, kind="stable"), axis=1, kind="stable")
    short = parts - whole.sum(axis=1, keepdims=True)
    parts_of_each: np.ndarray = whole + (rank < short)
    return parts_of_each


def shares_of(spec: Spec, vary: str) -> tuple[list[list[int]], list[Fraction]]:
    """Return the places of the indicators that vary together, and the share of each in them."""
    if vary == "indicators":
        n = len(spec.ids)
        return [[j] for j in range(n)], [Fraction(1)] * n
    if vary != "dimensions":
        raise unknown_option("vary", vary, ["dimensions", "indicators"])
    place = {name: j for j, name in enumerate(spec.ids)}
    members = [[place[name] for name in names] for names in spec.dimensions.values()]
    weights = spec.schemes[next(iter(spec.schemes))]
    shares = [Fraction(0)] * len(place)
    for inside in members:
        whole = sum(weights[j] for j in inside)
        for j in inside:
            shares[j] = weights[j] / whole if whole else Fraction(1, len(inside))
    return members, shares


def spread_out(
    spec: Spec, vary: str, points: Iterable[np.ndarray], parts: int, kind: str
) -> list[Weighting]:
    """Divide the weight of what varies, in parts of a whole, among the indicators."""
    members, shares = shares_of(spec, vary)
    common = lcm(*(share.denominator for share in shares))
    factor = [int(share * common) for share in shares]
    of_indicator = [0] * len(factor)
    for d, inside in enumerate(members):
        for j in inside:
            of_indicator[j] = d
    return [
        Weighting(
            kind,
            Scheme(
                f"{kind} {number}",
                tuple(int(point[d]) * f for d, f in zip(of_indicator, factor, strict=True)),
                parts * common,
                (),
            ),
        )
        for number, point in enumerate(points, 1)
    ]


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

    def scores(self, schemes: Sequence[Scheme]) -> list[Scores]:
        """Score the profiles that occur, under each scheme."""
        if self.sample.lost is None and max(scheme.denominator for scheme in schemes) <= EXACT:
            weights = np.array([scheme.numerators for scheme in schemes], dtype=np.float64)
            return [
                Scores(exact, scheme.denominator, numerators)
                for exact, scheme, numerators in zip(
                    weights @ self.deprived, schemes, weights, strict=True
                )
            ]
        scores = [scores_of(self.sample, scheme, self.spec) for scheme in schemes]
        return [replace(one, exact=one.exact[self.profile]) for one in scores]

    @cached_property
    def deprived(self) -> np.ndarray:
        """Return 1.0 where a profile is deprived, (indicators, profiles)."""
        masks = self.sample.deprived[self.profile]
        return np.stack([bit(masks, j) for j in range(len(self.spec.ids))]).astype(np.float64)

    def at_cutoffs(
        self, schemes: Sequence[Scheme], cutoffs: Sequence[Fraction], measures: Sequence[str]
    ) -> np.ndarray:
        """Return the measures, (schemes, cut-offs, measures, groups)."""
        factors = np.zeros((len(schemes), len(cutoffs), len(measures), len(self.profile)))
        units = np.ones((len(schemes), 1, len(measures), 1))
        for s, scores in enumerate(self.scores(schemes)):
            for c, cutoff in enumerate(cutoffs):
                poor = scores.at_least(cutoff)
                for m, name in enumerate(measures):
                    factors[s, c, m] = poor * scores.value if name == "M0" else poor
                    units[s, 0, m] = scores.unit if name == "M0" else 1.0
        sums = factors.reshape(-1, len(self.profile)) @ self.weight
        values: np.ndarray = sums.reshape(*factors.shape[:-1], -1) / (units * self.population)
        return values

    def at_every_cutoff(self, scheme: Scheme, measure: str) -> np.ndarray:
        """Return a measure at every cut-off that is a score of a row, the highest first."""
        (scores,) = self.scores([scheme])
        order = np.argsort(scores.exact, kind="stable")[::-1]
        exact = scores.exact[order]
        last = np.append(exact[1:] != exact[:-1], True) & (exact > 0)
        weight, unit = self.weight[order], 1.0
        if measure == "M0":
            weight, unit = weight * scores.value[order, None], scores.unit
        values: np.ndarray = np.cumsum(weight, axis=0)[last] / (unit * self.population)
        return values


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


# --- rankings ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Reference:
    """The baseline's ranking by one measure."""

    value: np.ndarray  # (groups,)
    rank: np.ndarray  # (groups,) 1 is the poorest
    above: np.ndarray  # (groups, groups) bool: the first is poorer than the second

    @cached_property
    def n_pairs(self) -> int:
        """Pairs that differ."""
        return int(np.count_nonzero(self.above))

    @cached_property
    def below(self) -> np.ndarray:
        """Whether the first is less poor than the second."""
        return np.ascontiguousarray(self.above.T)


def reference_of(value: np.ndarray) -> Reference:
    """Rank the groups by their values in the baseline."""
    level = comparable(value)
    return Reference(value, mean_ranks(level[None])[0], level[:, None] > level)


def references_of(board: Board, ask: Ask, scheme: Scheme) -> list[Reference]:
    """Return the baseline's ranking by each measure."""
    values = board.at_cutoffs([scheme], [ask.baseline], ask.measures)[0, 0]
    return [reference_of(value) for value in values]


def comparable(values: np.ndarray) -> np.ndarray:
    """Return values as whole multiples of a small unit, so that rounding makes no difference."""
    return np.rint(values * SAME)


def mean_ranks(levels: np.ndarray) -> np.ndarray:
    """Return the ranks within each row, the largest first; equal ones share their mean rank."""
    n = levels.shape[1]
    order = np.argsort(-levels, axis=1, kind="stable")
    ordered = np.take_along_axis(levels, order, axis=1)
    edge = np.ones((len(levels), n + 1), dtype=bool)
    edge[:, 1:-1] = ordered[:, 1:] != ordered[:, :-1]
    places = np.arange(n)
    first = np.maximum.accumulate(np.where(edge[:, :-1], places, 0), axis=1)
    last = np.where(edge[:, 1:], places, n)[:, ::-1]
    last = np.minimum.accumulate(last, axis=1)[:, ::-1]
    ranks = np.empty(levels.shape)
    np.put_along_axis(ranks, order, 1 + (first + last) / 2, axis=1)
    return ranks


@dataclass(frozen=True, eq=False)
class Turned:
    """How often the first of two groups was poorer than the second; grows with every ranking."""

    ever: np.ndarray  # (slots, groups, groups) bool, in some ranking of the slot
    times: np.ndarray  # (groups, groups) int32, weightings with such a ranking

    @classmethod
    def nothing(cls, n_slots: int, n_groups: int) -> Turned:
        """Start with no rankings."""
        shape = (n_groups, n_groups)
        return cls(np.zeros((n_slots, *shape), dtype=bool), np.zeros(shape, dtype=np.int32))


def compared(
    reference: Reference, values: np.ndarray, turned: Turned
) -> tuple[np.ndarray, np.ndarray]:
    """Compare rankings, weightings x cut-offs x groups, with the baseline's.

    Returns the statistics, (3, weightings, cut-offs), and the ranks.
    """
    levels = comparable(values)
    ranks = mean_ranks(levels.reshape(-1, levels.shape[-1])).reshape(levels.shape)
    same, opposite, differing = (np.zeros(levels.shape[:2]) for _ in range(3))
    one_slot = len(turned.ever) == 1
    for w, rows in enumerate(levels):
        some = np.zeros(reference.above.shape, dtype=bool)
        for c, level in enumerate(rows):
            above = level[:, None] > level
            same[w, c] = np.count_nonzero(above & reference.above)
            opposite[w, c] = np.count_nonzero(above & reference.below)
            differing[w, c] = np.count_nonzero(above)
            some |= above
            if not one_slot:
                turned.ever[c] |= above
        if one_slot:
            turned.ever[0] |= some
        turned.times[...] += some
    n_pairs = reference.n_pairs
    kendall = ratio(same - opposite, np.sqrt(differing * n_pairs))
    holds = 1 - ratio(opposite, np.full(opposite.shape, float(n_pairs)))
    return np.stack([correlation(ranks, reference.rank), kendall, holds]), ranks


def correlation(rows: np.ndarray, one: np.ndarray) -> np.ndarray:
    """Return the correlation of each row with one; NaN where either does not vary."""
    rows = rows - rows.mean(axis=-1, keepdims=True)
    one = one - one.mean()
    return ratio(rows @ one, np.sqrt((rows**2).sum(axis=-1) * (one @ one)))


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole, NaN where there is nothing."""
    out = np.full(part.shape, np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


@dataclass(frozen=True, eq=False)
class Range:
    """The least, the greatest and the mean of values as they come; NaN does not count."""

    least: np.ndarray
    greatest: np.ndarray
    total: np.ndarray
    n: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, axis: int) -> Range:
        """Reduce values along an axis."""
        known = ~np.isnan(values)
        return cls(
            np.where(known, values, np.inf).min(axis=axis, initial=np.inf),
            np.where(known, values, -np.inf).max(axis=axis, initial=-np.inf),
            np.where(known, values, 0.0).sum(axis=axis),
            known.sum(axis=axis),
        )

    def joined(self, other: Range | None) -> Range:
        """Take in the values of another."""
        if other is None:
            return self
        return Range(
            np.minimum(self.least, other.least),
            np.maximum(self.greatest, other.greatest),
            self.total + other.total,
            self.n + other.n,
        )

    def along(self, axis: int) -> Range:
        """Take the values along an axis together."""
        return Range(
            self.least.min(axis=axis),
            self.greatest.max(axis=axis),
            self.total.sum(axis=axis),
            self.n.sum(axis=axis),
        )

    @property
    def lowest(self) -> np.ndarray:
        """The least, NaN where there was nothing."""
        return np.where(self.n > 0, self.least, np.nan)

    @property
    def mean(self) -> np.ndarray:
        """The mean, NaN where there was nothing."""
        return ratio(self.total, self.n.astype(float))


def beside(ranges: Sequence[Range]) -> Range:
    """Put ranges beside each other along the second axis."""

    def columns(word: str) -> np.ndarray:
        parts = [getattr(one, word) for one in ranges]
        return np.hstack([part if part.ndim == 2 else part[:, None] for part in parts])

    return Range(*(columns(word) for word in ("least", "greatest", "total", "n")))


class Tally:
    """What is kept of the rankings under all weightings.

    A slot is a cut-off, or all of them together where every score is one.
    """

    def __init__(self, board: Board, ask: Ask, references: Sequence[Reference]) -> None:
        self.board, self.ask, self.references = board, ask, references
        self.n_slots = 1 if ask.cutoffs is None else len(ask.cutoffs)
        self.turned = [Turned.nothing(self.n_slots, board.n_groups) for _ in references]
        self.by_weighting: list[list[Range]] = [[] for _ in references]  # (3, weightings)
        self.by_slot: list[Range | None] = [None] * len(references)  # (3, slots)
        self.ranks: list[Range | None] = [None] * len(references)  # (slots, groups)
        self.values: list[Range | None] = [None] * len(references)  # (slots, groups)

    def add(self, block: Sequence[Weighting]) -> None:
        """Rank the groups under some more weightings."""
        schemes = [weighting.scheme for weighting in block]
        if self.ask.cutoffs is not None:
            values = self.board.at_cutoffs(schemes, self.ask.cutoffs, self.ask.measures)
            for m in range(len(self.references)):
                self.take(m, values[:, :, m])
            return
        for scheme in schemes:
            for m, name in enumerate(self.ask.measures):
                self.take(m, self.board.at_every_cutoff(scheme, name)[None])

    def take(self, m: int, values: np.ndarray) -> None:
        """Take in the rankings by a measure, weightings x cut-offs x groups."""
        statistics, ranks = compared(self.references[m], values, self.turned[m])
        self.by_weighting[m].append(Range.of(statistics, axis=2))
        if self.ask.cutoffs is None:  # weightings and cut-offs change places: one slot of all
            statistics, ranks, values = (
                np.swapaxes(part, -2 + skip, -1 + skip)
                for part, skip in ((statistics, 0), (ranks, -1), (values, -1))
            )
        self.by_slot[m] = Range.of(statistics, axis=1).joined(self.by_slot[m])
        self.ranks[m] = Range.of(ranks, axis=0).joined(self.ranks[m])
        self.values[m] = Range.of(values, axis=0).joined(self.values[m])


def blocks_of(weightings: Sequence[Weighting], ask: Ask) -> Iterator[Sequence[Weighting]]:
    """Cut the weightings up."""
    rows = 1 if ask.cutoffs is None else len(ask.cutoffs) * len(ask.measures)
    width = 1 if ask.cutoffs is None else max(ROWS_AT_ONCE // rows, 1)
    for start in range(0, len(weightings), width):
        yield weightings[start : start + width]


def with_progress(
    blocks: Iterable[Sequence[Weighting]], total: int, wanted: bool | None
) -> Iterator[Sequence[Weighting]]:
    """Hand the blocks on, with a progress bar where one is wanted or it takes long."""
    bar, done, start = None, 0, time.monotonic()
    patience = {None: PATIENCE, True: 0.0, False: np.inf}[wanted]
    try:
        for block in blocks:
            yield block
            done += len(block)
            if bar is None and done < total and time.monotonic() - start >= patience:
                bar, patience = progress_bar(total, wanted), np.inf
            if bar is not None:
                bar.update(done - bar.n)
    finally:
        if bar is not None:
            bar.close()


def progress_bar(total: int, wanted: bool | None) -> Any:
    """Return a bar of tqdm; without it none, unless one was asked for."""
    try:
        tqdm = import_module("tqdm.auto").tqdm
    except ImportError:
        if wanted:
            raise ImportError(
                "progress=True needs tqdm, which is not installed: pip install tqdm"
            ) from None
        return None
    return tqdm(total=total, unit=" weightings")


# --- wrap -------------------------------------------------------------------------------------


def finished(
    found: Profiles,
    ask: Ask,
    board: Board,
    references: Sequence[Reference],
    weightings: Sequence[Weighting],
    tally: Tally,
    missing: str,
) -> Robustness:
    """Lay out what was kept."""
    scheme = weightings[0].scheme
    return Robustness(
        baseline=(scheme.name, ask.baseline),
        n_groups=board.n_groups,
        n_weightings=len(weightings),
        _tables={
            "summary": summary_table(ask, tally),
            "weightings": weightings_table(ask, weightings, tally),
            "groups": groups_table(ask, board, tally),
            "indicators": indicators_table(found, ask, board, references, missing),
        },
        _pairs=pairs_of(ask, board, scheme, tally, len(weightings)),
        _meta=found.meta,
    )


def cutoff_column(ask: Ask) -> np.ndarray:
    """Return the cut-off of each slot; NaN for all together."""
    return np.array([np.nan] if ask.cutoffs is None else [float(k) for k in ask.cutoffs])


def measure_column(ask: Ask, times: int) -> pd.Categorical:
    """Return the measures, so many times after each other."""
    codes = np.tile(np.arange(len(ask.measures)), times)
    return pd.Categorical.from_codes(codes, list(ask.measures))


def together(ranges: Iterable[Range | None]) -> list[Range]:
    """Return the ranges, of which none is missing once a ranking was taken in."""
    return [one for one in ranges if one is not None]


def interleaved(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Return one column of those of the measures: their first entries, then their second ones."""
    return np.stack(columns, axis=-1).ravel()


def statistic_columns(ranges: Sequence[Range]) -> dict[str, np.ndarray]:
    """Return the least and the mean of each statistic, the measures beside each other."""
    columns = {}
    for s, name in enumerate(STATISTICS):
        columns[f"{name}_min"] = interleaved([one.lowest[s] for one in ranges])
        columns[f"{name}_mean"] = interleaved([one.mean[s] for one in ranges])
    return columns


def share_unturned(reference: Reference, turned: np.ndarray) -> float:
    """Return the share of the baseline's comparisons that never turned round."""
    against = np.count_nonzero(turned & reference.below)
    return 1 - against / reference.n_pairs if reference.n_pairs else np.nan


def summary_table(ask: Ask, tally: Tally) -> pd.DataFrame:
    """Return the statistics per cut-off and measure, and of all cut-offs together."""
    k = cutoff_column(ask)
    slots = together(tally.by_slot)
    ever = [turned.ever for turned in tally.turned]
    if len(k) > 1:
        k = np.append(k, np.nan)
        slots = [beside([one, one.along(1)]) for one in slots]
        ever = [np.concatenate([one, one.any(axis=0, keepdims=True)]) for one in ever]
    always = [
        np.array([share_unturned(reference, slot) for slot in one])
        for reference, one in zip(tally.references, ever, strict=True)
    ]
    return pd.DataFrame(
        {"k": np.repeat(k, len(ask.measures)), "measure": measure_column(ask, len(k))}
        | statistic_columns(slots)
        | {"holds_always": interleaved(always)}
    )


def weightings_table(ask: Ask, weightings: Sequence[Weighting], tally: Tally) -> pd.DataFrame:
    """Return the statistics per weighting and measure."""
    width, n = len(ask.measures), len(weightings)
    ranges = [beside(parts) for parts in tally.by_weighting]
    weights = np.array(
        [
            [numerator / one.scheme.denominator for numerator in one.scheme.numerators]
            for one in weightings
        ]
    )
    kinds = list(dict.fromkeys(one.kind for one in weightings))
    columns = {
        "weighting": np.repeat(np.array([one.scheme.name for one in weightings]), width),
        "kind": pd.Categorical(
            np.repeat(np.array([one.kind for one in weightings]), width), categories=kinds
        ),
        "measure": measure_column(ask, n),
    }
    columns |= statistic_columns(ranges)
    columns |= {
        f"weight_{name}": np.repeat(weights[:, j], width) for j, name in enumerate(ask.spec.ids)
    }
    return pd.DataFrame(columns)


def groups_table(ask: Ask, board: Board, tally: Tally) -> pd.DataFrame:
    """Return the range of values and ranks per group, slot and measure."""
    k, n, width = cutoff_column(ask), board.n_groups, len(ask.measures)
    ranks, values = together(tally.ranks), together(tally.values)
    times = len(k) * width

    def laid(columns: Sequence[np.ndarray]) -> np.ndarray:
        """Return (slots, groups) per measure as a column by group, slot, measure."""
        return np.stack(columns, axis=-1).swapaxes(0, 1).ravel()

    def of_baseline(word: str) -> np.ndarray:
        columns = [getattr(reference, word) for reference in tally.references]
        return laid([np.broadcast_to(column, (len(k), n)) for column in columns])

    return pd.DataFrame(
        {name: board.labels[name].array.repeat(times) for name in board.labels}
        | {
            "k": np.tile(np.repeat(k, width), n),
            "measure": measure_column(ask, n * len(k)),
            "baseline": of_baseline("value"),
            "estimate_min": laid([one.least for one in values]),
            "estimate_max": laid([one.greatest for one in values]),
            "rank": of_baseline("rank"),
            "rank_min": laid([one.least for one in ranks]),
            "rank_mean": laid([one.mean if ask.cutoffs else one.mean * np.nan for one in ranks]),
            "rank_max": laid([one.greatest for one in ranks]),
        }
    )


def indicators_table(
    found: Profiles, ask: Ask, board: Board, references: Sequence[Reference], missing: str
) -> pd.DataFrame:
    """Return the statistics when each indicator is left out."""
    width = len(ask.measures)
    names, values = without_each(found, ask, board, missing)
    statistics = np.zeros((width, len(STATISTICS), len(names)))
    for m, reference in enumerate(references):
        turned = Turned.nothing(1, board.n_groups)
        statistics[m] = compared(reference, values[:, None, m], turned)[0][..., 0]
    indicator = np.repeat(np.array(names, dtype=object), width)
    return pd.DataFrame(
        {
            "indicator": pd.Categorical(indicator, categories=list(ask.spec.ids)),
            "k": float(ask.baseline),
            "measure": measure_column(ask, len(names)),
        }
        | {name: interleaved(list(statistics[:, s])) for s, name in enumerate(STATISTICS)}
    )


def without_each(
    found: Profiles, ask: Ask, board: Board, missing: str
) -> tuple[list[str], np.ndarray]:
    """Return the indicators that can be left out, and the measures (indicators, measures, groups).

    Where nothing is missing, leaving an indicator out is giving it no weight.
    """
    scheme, weights = next(iter(ask.spec.schemes.items()))
    ids = ask.spec.ids
    names = [name for name, weight in zip(ids, weights, strict=True) if weight < 1]
    values = np.zeros((len(names), len(ask.measures), board.n_groups))
    any_missing = found.tables[0].missing.any()
    for row, left_out in enumerate(names):
        kept = [j for j, name in enumerate(ids) if name != left_out]
        if any_missing:
            other = found.only([ids[j] for j in kept])
            its = board_of(other, missing, board.kept)
            weighting = scheme_of(other.spec, scheme, ())
        else:
            its = board
            numerators, denominator = some_of_spec(ask.spec, kept).integer_weights(scheme)
            spread = dict(zip(kept, numerators, strict=True))
            all_of = tuple(spread.get(j, 0) for j in range(len(ids)))
            weighting = Scheme(left_out, all_of, denominator, ())
        if (its.population > 0).all():
            values[row] = its.at_cutoffs([weighting], [ask.baseline], ask.measures)[0, 0]
        else:
            values[row] = np.nan
    return names, values


def pairs_of(ask: Ask, board: Board, scheme: Scheme, tally: Tally, n_weightings: int) -> Pairs:
    """Return what is kept of every pair of groups."""
    dominates = []
    for name in ask.measures:
        below = np.zeros((board.n_groups, board.n_groups), dtype=bool)
        for level in comparable(board.at_every_cutoff(scheme, name)):
            below |= level[:, None] < level
        dominates.append(~below)
    return Pairs(
        labels=board.labels,
        measures=ask.measures,
        value=np.stack([reference.value for reference in tally.references]),
        differs=np.stack([reference.above for reference in tally.references]),
        holds=np.stack([1 - turned.times.T / n_weightings for turned in tally.turned]),
        dominates=np.stack(dominates),
    )
