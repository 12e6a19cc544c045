"""Multidimensional poverty after Alkire and Foster, from profiles alone.

With score c_i = sum_j w_j g_ij and cut-off k a unit is poor where c_i >= k. Over the units of a
group, each with its weight:

    H   share of the poor                       headcount_j           share deprived in j
    A   mean score of the poor                  censored_headcount_j  share poor and deprived in j
    M0  H A, the mean of censored scores        contribution_j        w_j censored_headcount_j / M0

Everything is made of a few sums by group (`multidim_sums`), which add up over groups; a measure is
a quotient of two of them (`multidim_measures`). Scores are summed as integers, so that with integer
weights numerators and denominators are exact and a quotient is rounded once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from ..design import Design, design_of
from ..errors import LimitError, unknown_option
from ..estimates import Estimates
from ..fields import labelled
from .multidim_measures import MEASURES, Block, blocks_of, places
from .multidim_precision import Answer, is_sample, precision
from .multidim_sums import POWER, Ask, Band, powers_of, sums_of
from .profile_table import ProfileTable
from .profiles import Profiles, counted_profiles
from .scores import (
    FIGURES,
    GAP_UNKNOWN,
    NOBODY_POOR,
    NOT_BOUNDED,
    NOTHING,
    Scheme,
    checked_rule,
    known_counts,
    laid_out,
    scheme_of,
)
from .spec import Spec, as_fraction
from .tables import option_error
from .tally import totals_of

DEFAULT = ("H", "A", "M0")
MOST_CUTOFFS = 100  # attainable scores that are taken as cut-offs unasked
BANDS = {"vulnerable": (Fraction(1, 5), Fraction(1, 3)), "severe": (Fraction(1, 2), None)}
BOUNDED = ("H", "M0", "n_poor", "headcount", "censored_headcount", "union", "intersection")


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
        Weight, household size and what a row is; strata, PSUs, replicates. With a size persons are
        counted, each with the deprivations of its household. A sample gives standard errors.
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
        By default the one given as `spec`, if it is a Standard.
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
        Of a sample every row has `se`, `ci_low`, `ci_high`, `df`, `deff`, `n_psu`, and all rows
        their covariance: over groups, measures, cut-offs and schemes.

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

    Standard errors are linearised: with PSU totals x of a measure's numerator and y of its
    denominator Y, the PSU brings (x - R y)/Y to the measure R; contributions of groups and shares
    of population are ratios to the larger group, and the variance among the poor that of
    (c - A)^2. All but that variance and `n_poor` are proportions, with logit intervals. Weights
    and cut-offs are taken as fixed. Under replicates the measures are computed again in each;
    columns of replicate weights give none to M1, M2 and the like. The variance, and these, have no
    design effect.

    References
    ----------
    .. [1] Alkire, S. and Foster, J. (2011). Counting and multidimensional poverty measurement.
       Journal of Public Economics 95(7-8), 476-487.
    .. [2] Alkire, S. et al. (2015). Multidimensional Poverty Measurement and Analysis. Oxford
       University Press, ch. 8.

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

    The first two persons are one PSU, the others another; one in each is poor at 1/2, with the
    scores 1/2 and 1. So A is 3/4, of the parts (1/2 - 3/4)/2 and (1 - 3/4)/2: V = 2 x 2/64.

    >>> sampled = rows | {"ea": [1, 1, 2, 2]}
    >>> est = pc.multidim(sampled, spec, k="1/2", measures="A", design=pc.Design(psu="ea"))
    >>> est["se"].tolist()
    [0.25]
    """
    design = design_of(design)
    found = counted_profiles(
        data,
        spec,
        design,
        design,
        {"by": by, "over": over, "where": where, "count": count, "standard": standard}
        | {"missing_groups": missing_groups},
        powers_of([] if measures is None else some("measures", measures)),
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
        moments=is_sample(found),
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
    names = list(spec.schemes) if schemes is None else some("schemes", schemes)
    for name in names:
        if name not in spec.schemes:
            raise unknown_option("schemes", name, spec.schemes)
    return tuple(scheme_of(spec, name, cutoffs_of(spec, name, k)) for name in dict.fromkeys(names))


def cutoffs_of(spec: Spec, scheme: str, k: Any) -> tuple[Fraction, ...]:
    """Return the cut-offs asked for, else the spec's own, else all that make a difference."""
    if k is None and spec.k is None:
        return attainable_cutoffs(spec, scheme)
    given = some("k", spec.k if k is None else k)
    return tuple(dict.fromkeys(spec.cutoff(value, scheme) for value in given))


def some(argument: str, value: Any) -> list[Any]:
    """Return a list of what is asked for: at least one thing."""
    is_list = isinstance(value, Iterable) and not isinstance(value, str)
    if is_list and not len(given := list(value)):
        raise option_error(argument, f"{argument} is an empty list; leave it out for the default")
    return given if is_list else [value]


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
    if bands is not None and not isinstance(bands, Mapping):
        raise option_error("bands", "bands maps names to (from, to), as {'near': ('1/5', '1/3')}")
    for name, limits in (bands or {}).items():
        if name in MEASURES or POWER.fullmatch(str(name)):
            raise option_error("bands", f"a band cannot be named {name!r}, as a measure is")
        if not isinstance(limits, list | tuple) or len(limits) != 2:
            raise option_error("bands", f"band {name!r} must be (from, to), found {limits!r}")
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
    asked = some("measures", measures)
    names = [one for name in asked for one in (options if name == "all" else [name])]
    for name in names:
        if name not in options and not POWER.fullmatch(str(name)):
            raise unknown_option("measures", name, [*options, "M1", "M2", "all"])
    return tuple(dict.fromkeys(map(plain_power, [*names, *own])))


def plain_power(name: str) -> str:
    """Write a measure of gaps such that the same power has the same name: M1.0 as M1."""
    if not (power := POWER.fullmatch(name)):
        return name
    whole, _, part = power[1].partition(".")
    return ".".join(filter(None, ["M" + (whole.lstrip("0") or "0"), part.rstrip("0")]))


# --- compute ----------------------------------------------------------------------------------


def answered(table: ProfileTable, ask: Ask, absent: np.ndarray | None = None) -> Answer:
    """Compute the measures of one table; `absent` as in `scores.sample_of`."""
    if ask.missing == "bounds":
        return bounded(table, ask)
    sums = sums_of(table, ask, ask.missing, absent)
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
    slots = slots_of(order, first)

    def figures(word: str) -> np.ndarray:
        kind = np.result_type(*(getattr(one, word) for one in first))
        tables = [np.empty((each.table.n_groups, len(order)), kind) for each in answers]
        for out, each in zip(tables, answers, strict=True):
            for one, at in zip(each.blocks, slots, strict=True):
                out[:, at] = getattr(one, word)
        return tables[0] if len(tables) == 1 else np.concatenate(tables)

    def labels(codes: np.ndarray, categories: Sequence[str]) -> pd.Categorical:
        return labelled(codes[order].astype(np.int16), categories)

    columns, notes = precision(found, ask, answers, order, answered)
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
        precision=columns,
        notes=notes,
    )


def slots_of(order: np.ndarray, blocks: Sequence[Block]) -> list[Any]:
    """Return where the slots of each block stand in the result: a slice, if they are in a row."""
    ends = np.cumsum([len(one.cut) for one in blocks])
    found = np.split(np.argsort(order), ends[:-1])
    return [
        slice(at[0], at[-1] + 1) if len(at) and (np.diff(at) == 1).all() else at for at in found
    ]


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
