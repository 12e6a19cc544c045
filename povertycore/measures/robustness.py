"""Robustness: what the ranking of groups owes to the weights and the cut-off.

One ranking is the baseline: of the groups by H or M0 under one weighting and one cut-off. It is
compared with the ranking under every other weighting and cut-off asked for. For two groups a and b
with a poorer in the baseline, a comparison holds where a is not less poor than b. With S0 the pairs
that differ in the baseline, S those that differ in the other ranking, C those that differ in both
in the same direction and D in opposite directions,

    Kendall's tau-b = (C - D) / sqrt(S S0),    share of comparisons that hold = 1 - D / S0,

and Spearman's coefficient is the correlation of the ranks, equal values sharing their mean rank.
One group dominates another where the curve of the measure over all cut-offs is nowhere above.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from ..errors import ComparabilityError, missing_extra, unknown_option
from .multidim import cutoffs_of
from .profiles import Profiles, some_of_spec
from .rankings import (
    STATISTICS,
    Board,
    Kept,
    Range,
    Reference,
    blocks_of,
    board_of,
    compared,
    dominates,
    reference_of,
)
from .scores import Scheme, checked_rule, scheme_of
from .spec import Spec
from .tables import option_error
from .tally import listed
from .weightings import MOST_WEIGHTINGS, Weighting, drawn, grid_of, of_the_spec, too_many

MEASURES = ("H", "M0")
TABLES = ("summary", "weightings", "groups", "pairs", "indicators")
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
    baseline_scheme = weightings[0].scheme
    values = board.measured(baseline_scheme, ask.baseline, ask.measures)
    reference = reference_of(board, values, ask.measures)
    kept = all_compared(board, ask, reference, weightings, progress)
    return finished(found, ask, board, reference, weightings, kept, missing)


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


# --- compute ----------------------------------------------------------------------------------


def all_compared(
    board: Board,
    ask: Ask,
    reference: Reference,
    weightings: Sequence[Weighting],
    progress: bool | None,
) -> Kept:
    """Compare the rankings under all weightings with the baseline's."""
    schemes = [weighting.scheme for weighting in weightings]
    blocks = blocks_of(board, len(schemes), len(ask.cutoffs or (0,)))
    parts = (
        compared(board, reference, schemes[block], ask.cutoffs)
        for block in with_progress(blocks, len(schemes), progress)
    )
    return reduce(Kept.joined, parts)


def with_progress(blocks: Iterable[slice], total: int, wanted: bool | None) -> Iterator[slice]:
    """Hand the blocks on, with a progress bar where one is wanted or it takes long."""
    bar, done, start = None, 0, time.monotonic()
    patience = {None: PATIENCE, True: 0.0, False: np.inf}[wanted]
    try:
        for block in blocks:
            yield block
            done = block.stop
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
            raise missing_extra("tqdm", "notebook") from None
        return None
    return tqdm(total=total, unit=" weightings")


# --- wrap -------------------------------------------------------------------------------------


def finished(
    found: Profiles,
    ask: Ask,
    board: Board,
    reference: Reference,
    weightings: Sequence[Weighting],
    kept: Kept,
    missing: str,
) -> Robustness:
    """Lay out what was kept."""
    scheme = weightings[0].scheme
    return Robustness(
        baseline=(scheme.name, ask.baseline),
        n_groups=board.n_groups,
        n_weightings=len(weightings),
        _tables={
            "summary": summary_table(ask, reference, kept),
            "weightings": weightings_table(ask, weightings, kept),
            "groups": groups_table(ask, board, reference, kept, len(weightings)),
            "indicators": indicators_table(found, ask, board, reference, missing),
        },
        _pairs=Pairs(
            labels=board.labels,
            measures=ask.measures,
            value=reference.value,
            differs=reference.above,
            holds=1 - kept.turned / len(weightings),
            dominates=dominates(board, reference, scheme),
        ),
        _meta=found.meta,
    )


def cutoff_column(ask: Ask) -> np.ndarray:
    """Return the cut-off of each slot; NaN for all together."""
    return np.array([np.nan] if ask.cutoffs is None else [float(k) for k in ask.cutoffs])


def measure_column(ask: Ask, times: int) -> pd.Categorical:
    """Return the measures, so many times after each other."""
    codes = np.tile(np.arange(len(ask.measures)), times)
    return pd.Categorical.from_codes(codes, list(ask.measures))


def statistic_columns(found: Range) -> dict[str, np.ndarray]:
    """Return the least and the mean of each statistic of a range whose last axis they are."""
    columns = {}
    for s, name in enumerate(STATISTICS):
        columns[f"{name}_min"] = found.lowest[..., s].ravel()
        columns[f"{name}_mean"] = found.mean[..., s].ravel()
    return columns


def by_slot(values: np.ndarray) -> np.ndarray:
    """Return (measures, slots ...) as (slots, measures ...)."""
    return values.swapaxes(0, 1)


def summary_table(ask: Ask, reference: Reference, kept: Kept) -> pd.DataFrame:
    """Return the statistics per cut-off and measure, and of all cut-offs together."""
    k, slots = cutoff_column(ask), kept.of_slot
    always = reference.share_unturned(kept.n_turned)
    if len(k) > 1:
        k, together = np.append(k, np.nan), slots.along(1)
        slots = Range(
            *(
                np.concatenate([getattr(slots, word), getattr(together, word)[:, None]], axis=1)
                for word in ("least", "total", "n")
            )
        )
        of_all = reference.share_unturned(kept.n_ever_turned)
        always = np.concatenate([always, of_all[:, None]], axis=1)
    turned = Range(by_slot(slots.least), by_slot(slots.total), by_slot(slots.n))
    return pd.DataFrame(
        {"k": np.repeat(k, len(ask.measures)), "measure": measure_column(ask, len(k))}
        | statistic_columns(turned)
        | {"holds_always": by_slot(always).ravel()}
    )


def weightings_table(ask: Ask, weightings: Sequence[Weighting], kept: Kept) -> pd.DataFrame:
    """Return the statistics per weighting and measure."""
    width, n = len(ask.measures), len(weightings)
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
    columns |= statistic_columns(kept.of_weighting)
    columns |= {
        f"weight_{name}": np.repeat(weights[:, j], width) for j, name in enumerate(ask.spec.ids)
    }
    return pd.DataFrame(columns)


def groups_table(
    ask: Ask, board: Board, reference: Reference, kept: Kept, n_weightings: int
) -> pd.DataFrame:
    """Return the range of values and ranks per group, slot and measure."""
    k, n, width = cutoff_column(ask), board.n_groups, len(ask.measures)
    times = len(k) * width
    none = kept.rank_most < 1  # no score above 0
    mean = kept.rank_total / n_weightings if ask.cutoffs is not None else np.nan

    def laid(values: np.ndarray) -> np.ndarray:
        """Return (measures, slots, groups) as a column by group, slot, measure."""
        return np.where(none, np.nan, values).transpose(2, 1, 0).ravel()

    def of_baseline(values: np.ndarray) -> np.ndarray:
        return np.broadcast_to(values[:, None], none.shape).transpose(2, 1, 0).ravel()

    return pd.DataFrame(
        {name: board.labels[name].array.repeat(times) for name in board.labels}
        | {
            "k": np.tile(np.repeat(k, width), n),
            "measure": measure_column(ask, n * len(k)),
            "baseline": of_baseline(reference.value),
            "estimate_min": laid(kept.value_least),
            "estimate_max": laid(kept.value_most),
            "rank": of_baseline(reference.rank),
            "rank_min": laid(kept.rank_least),
            "rank_mean": laid(np.broadcast_to(mean, none.shape)),
            "rank_max": laid(kept.rank_most),
        }
    )


def indicators_table(
    found: Profiles, ask: Ask, board: Board, reference: Reference, missing: str
) -> pd.DataFrame:
    """Return the statistics when each indicator is left out."""
    width = len(ask.measures)
    names, statistics = without_each(found, ask, board, reference, missing)
    indicator = np.repeat(np.array(names, dtype=object), width)
    return pd.DataFrame(
        {
            "indicator": pd.Categorical(indicator, categories=list(ask.spec.ids)),
            "k": float(ask.baseline),
            "measure": measure_column(ask, len(names)),
        }
        | {name: statistics[..., s].ravel() for s, name in enumerate(STATISTICS)}
    )


def without_each(
    found: Profiles, ask: Ask, board: Board, reference: Reference, missing: str
) -> tuple[list[str], np.ndarray]:
    """Return the indicators that can be left out, and (indicators, measures, statistics).

    Where nothing is missing, leaving an indicator out is giving it no weight.
    """
    ids, weights = ask.spec.ids, next(iter(ask.spec.schemes.values()))
    names = [name for name, weight in zip(ids, weights, strict=True) if weight < 1]
    if not names:
        return [], np.zeros((0, len(ask.measures), len(STATISTICS)))
    if not found.tables[0].missing.any():
        schemes = [without(ask.spec, name) for name in names]
        return names, compared(board, reference, schemes, [ask.baseline]).of_weighting.mean
    return names, np.stack(
        [without_rows_of(found, ask, board, reference, missing, name) for name in names]
    )


def without(spec: Spec, left_out: str) -> Scheme:
    """Return the first scheme with the weight of an indicator given to the others."""
    kept = [j for j, name in enumerate(spec.ids) if name != left_out]
    numerators, denominator = some_of_spec(spec, kept).integer_weights(next(iter(spec.schemes)))
    spread = dict(zip(kept, numerators, strict=True))
    return Scheme(left_out, tuple(spread.get(j, 0) for j in range(len(spec.ids))), denominator, ())


def without_rows_of(
    found: Profiles, ask: Ask, board: Board, reference: Reference, missing: str, left_out: str
) -> np.ndarray:
    """Return the statistics, (measures, statistics), of the sample of the other indicators."""
    other = found.only([name for name in ask.spec.ids if name != left_out])
    its = board_of(other, missing, board.kept)
    if not (its.population > 0).all():
        return np.full((len(ask.measures), len(STATISTICS)), np.nan)
    scheme = scheme_of(other.spec, next(iter(ask.spec.schemes)), ())
    mean: np.ndarray = compared(its, reference, [scheme], [ask.baseline]).of_weighting.mean[0]
    return mean
