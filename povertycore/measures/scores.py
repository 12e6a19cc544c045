"""What all measures from profiles share: the sample, its scores, quotients, rows of the result.

A score is the sum of the weights of a profile's deprivations, c = sum_j w_j g_j. Weights are
fractions with a common denominator D, so D c is an integer, and "c >= k" is "D c >= ceil(D k)":
an exact comparison, in 64 bits where D fits 62 and in Python's integers otherwise.

Reweighting gives the weight of an indicator that is not there to the others of its dimension, in
proportion: with n_j the numerators, N the sum over the dimension and P over those of it that are
there, the weight is (n_j / D) (N / P). All such weights have the denominator D L, with L a common
multiple of the values that P takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import gcd, lcm
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..errors import unknown_option
from ..estimates import Estimates
from ..fields import text_as_labels
from .cells import Sums, added_by_group, cell_sums, starts_of
from .results import joined_notes, one_standard_each
from .tables import Table, option_error, sorted_groups

if TYPE_CHECKING:
    from .profile_table import ProfileTable
    from .profiles import Profiles
    from .spec import Spec

RULES = ("drop", "not_deprived", "deprived", "reweight", "reweight_rows")
FITS = 2**62  # scores below it are compared as int64
EXACT = 2**53  # integers up to it are exact in float64
LOOKUP_BITS = 16  # up to so many indicators every mask has a place of its own


# --- the sample -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Sample:
    """The cells that a rule keeps, with the deprivations that it reads into them.

    Cells are in the order of the table, by group and mask; each points to one of the profiles,
    which are few.
    """

    table: ProfileTable
    is_whole: bool  # all cells of the table are kept
    n_indicators: int
    group: np.ndarray  # (cells,) ascending
    n: np.ndarray  # (cells,) rows
    n_positive: np.ndarray | None  # (cells,) rows of positive weight; None: all
    weight: np.ndarray  # (cells,)
    mask: np.ndarray  # (cells,) bit j: deprived
    gaps: Mapping[float, np.ndarray]
    profile: np.ndarray  # (cells,) which of the profiles below
    deprived: np.ndarray  # (profiles,) uint64
    lost: np.ndarray | None  # (profiles,) uint64, bit j: its weight goes to others; None: never

    @cached_property
    def starts(self) -> np.ndarray:
        """Where the cells of each group start, and where the last end."""
        whole = self.table.starts
        return whole if self.is_whole else starts_of(self.group, self.table.n_groups)

    @cached_property
    def rows(self) -> np.ndarray:
        """Rows of each group."""
        return self.table.rows if self.is_whole else self.by_group(self.n)

    @cached_property
    def population(self) -> np.ndarray:
        """Sum of weights of each group."""
        return self.table.population if self.is_whole else self.by_group(self.weight)

    def by_group(self, values: np.ndarray) -> np.ndarray:
        """Add values of the cells by group."""
        return added_by_group(self.starts, values)

    def sums(
        self, factors: Iterable[np.ndarray], n_by_bit: int = 0, values: np.ndarray | None = None
    ) -> Sums:
        """Add up weights times each factor, a number per profile, by group.

        Of the first `n_by_bit` factors also by indicator, over the cells that are deprived in it.
        `values` of the cells stand for the weights.
        """
        is_number = self.lost is None and self.n_indicators <= LOOKUP_BITS
        return cell_sums(
            self.starts,
            self.profile,
            self.weight if values is None else values,
            factors,
            len(self.deprived),
            n_by_bit=n_by_bit,
            n_bits=self.n_indicators,
            mask=None if is_number else self.deprived,
        )


def sample_of(
    table: ProfileTable, spec: Spec, rule: str, absent: np.ndarray | None = None
) -> Sample:
    """Apply a rule for missing indicators.

    `absent` has the mask of what counts as missing in a whole group, where the groups of the table
    are not those that are meant.
    """
    deprived, missing, lost = table.deprived, table.missing, None
    keep: Any = slice(None)
    if table.has_missing:
        if rule == "drop":
            keep = missing == 0
        elif rule == "deprived":
            deprived = deprived | missing
        elif rule == "reweight":
            if absent is None:
                absent = absent_in_group(table, len(spec.ids))
            lost = absent[table.group]
            keep = ((missing & ~lost) == 0) & ~dimension_lost(lost, spec)
        elif rule == "reweight_rows":
            lost = missing
            keep = ~dimension_lost(lost, spec)
    if lost is not None:
        lost = lost[keep]
    mask = deprived[keep]
    profile, distinct, distinct_lost = profiles_of(mask, lost, len(spec.ids))
    return Sample(
        table=table,
        is_whole=isinstance(keep, slice),
        n_indicators=len(spec.ids),
        group=table.group[keep],
        n=table.n[keep],
        n_positive=None if table.n_positive is None else table.n_positive[keep],
        weight=table.weight[keep],
        mask=mask,
        gaps={alpha: sums[keep] for alpha, sums in table.gaps.items()},
        profile=profile,
        deprived=distinct,
        lost=distinct_lost,
    )


def absent_in_group(table: ProfileTable, n_indicators: int) -> np.ndarray:
    """Return per group of the result the mask of the indicators that are missing in every row."""
    everything = np.uint64(2**n_indicators - 1)
    present = np.zeros(table.n_groups, dtype=np.uint64)
    first, end = table.starts[:-1], table.starts[1:]
    if (has_cells := first < end).any():
        known = everything & ~table.missing
        present[has_cells] = np.bitwise_or.reduceat(known, first[has_cells])
    return everything & ~present


def dimension_lost(lost: np.ndarray, spec: Spec) -> np.ndarray:
    """Return whether some dimension has no indicator left."""
    out = np.zeros(len(lost), dtype=bool)
    for members in dimension_masks(spec):
        out |= (lost & members) == members
    return out


def dimension_masks(spec: Spec) -> list[np.uint64]:
    """Return per dimension the mask of its indicators."""
    place = {name: j for j, name in enumerate(spec.ids)}
    return [
        np.uint64(sum(1 << place[name] for name in members)) for members in spec.dimensions.values()
    ]


def profiles_of(
    mask: np.ndarray, lost: np.ndarray | None, n_indicators: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return the profile of each cell, and what each profile is deprived of and has lost."""
    if lost is None and n_indicators <= LOOKUP_BITS:
        return mask, np.arange(2**n_indicators, dtype=np.uint64), None
    if lost is None:
        distinct, profile = np.unique(mask, return_inverse=True)
        return profile, distinct, None
    (distinct, distinct_lost), profile = sorted_groups([mask, lost])
    return profile, distinct, distinct_lost


# --- scores -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scheme:
    """A weighting as integers over a common denominator, and the cut-offs asked of it."""

    name: str
    numerators: tuple[int, ...]
    denominator: int
    cutoffs: tuple[Fraction, ...]


def scheme_of(spec: Spec, name: str, cutoffs: tuple[Fraction, ...]) -> Scheme:
    """Return one of the weightings of a specification."""
    numerators, denominator = spec.integer_weights(name)
    return Scheme(name, tuple(numerators), denominator, cutoffs)


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of the profiles of a sample under one scheme."""

    exact: np.ndarray  # (profiles,) int64, or Python integers where they do not fit
    denominator: int
    numerators: np.ndarray  # weights in the unit below: (indicators,) or (profiles, indicators)

    @property
    def unit(self) -> float:
        """What `value` and `numerators` are to be divided by."""
        return float(self.denominator) if self.denominator <= EXACT else 1.0

    @cached_property
    def value(self) -> np.ndarray:
        """The scores as float64, in integers as long as those are exact."""
        return as_floats(self.exact, self.denominator)

    def as_value(self, cutoff: Fraction) -> float:
        """Return the least score that reaches a cut-off, in the unit of `value`."""
        least = np.array([numerator_of(cutoff, self.denominator)], dtype=object)
        return float(as_floats(least, self.denominator)[0])

    def at_least(self, cutoff: Fraction) -> np.ndarray:
        """Return which profiles reach a cut-off."""
        return np.asarray(self.exact >= numerator_of(cutoff, self.denominator), dtype=bool)


def numerator_of(cutoff: Fraction, denominator: int) -> int:
    """Return the least integer score that reaches a cut-off."""
    return -((-cutoff.numerator * denominator) // cutoff.denominator)


def scores_of(sample: Sample, scheme: Scheme, spec: Spec) -> Scores:
    """Score the profiles of a sample."""
    if sample.lost is None:
        exact = summed(sample.deprived, as_integers(scheme.numerators, scheme.denominator))
        weights = as_floats(np.array(scheme.numerators, dtype=object), scheme.denominator)
        return Scores(exact, scheme.denominator, weights)
    (patterns,), pattern = sorted_groups([sample.lost])
    numerators, denominator = reweighted(patterns, scheme, spec)
    weights = as_integers(numerators, denominator)[pattern]
    return Scores(
        summed(sample.deprived, weights),
        denominator,
        as_floats(numerators, denominator)[pattern],
    )


def summed(deprived: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Add the weights of the deprivations of each profile."""
    out = np.zeros(len(deprived), dtype=weights.dtype)
    for j in range(weights.shape[-1]):
        out += (deprived >> np.uint64(j) & np.uint64(1)).astype(np.int64) * weights[..., j]
    return out


def as_integers(numerators: Any, denominator: int) -> np.ndarray:
    """Return integers as int64 where all scores fit it, else as Python's."""
    return np.array(numerators, dtype=np.int64 if denominator < FITS else object)


def as_floats(numerators: np.ndarray, denominator: int) -> np.ndarray:
    """Return integers as float64 where all are exact in it, else divided by the denominator."""
    if denominator <= EXACT:
        return numerators.astype(np.float64)
    flat = [float(Fraction(int(value), denominator)) for value in numerators.ravel()]
    return np.array(flat).reshape(numerators.shape)


def reweighted(patterns: np.ndarray, scheme: Scheme, spec: Spec) -> tuple[np.ndarray, int]:
    """Return the weights under each pattern of lost indicators, as integers over one denominator.

    Of the numerators the greatest common divisor of the dimension is taken out first, which keeps
    the denominator small.
    """
    if not all(scheme.numerators):
        raise option_error(
            "missing",
            "reweighting needs a positive weight for every indicator; leave out those of weight 0"
            " with indicators=",
        )
    place = {name: j for j, name in enumerate(spec.ids)}
    members = [[place[name] for name in names] for names in spec.dimensions.values()]
    divisors = [gcd(*(scheme.numerators[j] for j in inside)) for inside in members]
    present = ~patterns
    left = [
        [
            sum(scheme.numerators[j] // divisor for j in inside if int(pattern) >> j & 1)
            for inside, divisor in zip(members, divisors, strict=True)
        ]
        for pattern in present
    ]
    common = lcm(*(value for row in left for value in row))
    numerators = np.zeros((len(patterns), len(place)), dtype=object)
    for row, pattern in enumerate(present):
        for inside, divisor, there in zip(members, divisors, left[row], strict=True):
            whole = sum(scheme.numerators[j] for j in inside)
            for j in inside:
                if int(pattern) >> j & 1:
                    share = scheme.numerators[j] // divisor
                    numerators[row, j] = share * whole * (common // there)
    return numerators, scheme.denominator * common


# --- what is missing --------------------------------------------------------------------------


def checked_rule(missing: str, more: tuple[str, ...] = ()) -> str:
    """Return a rule for missing indicators, if it is one."""
    options = (*RULES, *more)
    if missing not in options:
        raise unknown_option("missing", missing, options)
    return missing


def missing_report(profiles: Profiles, missing: str) -> pd.DataFrame:
    """Return `Profiles.missing_report`."""
    rule = checked_rule(missing, ("bounds",))
    rule = "not_deprived" if rule == "bounds" else rule  # both keep all rows
    counts = [known_counts(table, profiles.spec, rule) for table in profiles.tables]
    n, n_obs, weight, known = (np.concatenate(parts) for parts in zip(*counts, strict=True))
    spec = profiles.spec
    width = 1 + len(spec.ids)
    dimensions = list(spec.dimensions)
    of_indicator = [
        dimensions.index(name) for name, members in spec.dimensions.items() for _ in members
    ]
    return pd.DataFrame(
        profiles.labels(width)
        | {
            "dimension": pd.Categorical.from_codes(
                np.tile([-1, *of_indicator], len(n)), dimensions
            ),
            "indicator": pd.Categorical.from_codes(
                np.tile(np.arange(-1, len(spec.ids)), len(n)), list(spec.ids)
            ),
            "n_obs": n_obs.ravel(),
            "n_missing": (n[:, None] - n_obs).ravel(),
            "retained": share(n_obs, n).ravel(),
            "retained_weighted": share(known, weight).ravel(),
        }
    )


def known_counts(
    table: ProfileTable, spec: Spec, rule: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return rows; rows known; weight; weight known: of the sample first, then per indicator."""
    n, weight = table.rows[:, None], table.population[:, None]
    if not table.has_missing:
        n_obs, known = (np.repeat(part, 1 + len(spec.ids), axis=1) for part in (n, weight))
        return table.rows, n_obs, table.population, known
    kept = sample_of(table, spec, rule)
    n_known, known = (known_by_indicator(table, spec, part) for part in (table.n, table.weight))
    n_obs = np.column_stack([kept.rows, n_known.astype(np.int64)])
    return table.rows, n_obs, table.population, np.column_stack([kept.population, known])


def known_by_indicator(table: ProfileTable, spec: Spec, values: np.ndarray) -> np.ndarray:
    """Add up values of the cells in which each indicator is known, groups x indicators."""
    n_indicators = len(spec.ids)
    profile, missing, _ = profiles_of(table.missing, None, n_indicators)
    known = np.uint64(2**n_indicators - 1) & ~missing
    _, by_bit = cell_sums(
        table.starts,
        profile,
        values,
        [np.ones(len(missing))],
        len(missing),
        n_by_bit=1,
        n_bits=n_indicators,
        mask=known,
    )
    return by_bit[:, 0]


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole, NaN where there is nothing."""
    out = np.full(part.shape, np.nan)
    np.divide(part, whole[:, None], out=out, where=whole[:, None] > 0)
    return out


# --- figures ----------------------------------------------------------------------------------

FIGURES = ("estimate", "n_obs", "numerator", "denominator", "population", "note")

NOTES = (
    "",
    "no rows in the domain",
    "combination not in the data",
    "no row has the indicators it needs",
    "every weight is zero",
    "nobody is poor",
    "not bounded by what is missing",
    "missing in the whole group",
    "the gap of a missing value is not known",
    "nobody is deprived in one of the two",
    "everybody is deprived in one of the two",
)
(
    NOTHING,
    NO_ROWS,
    NOT_SEEN,
    NOT_SCORED,
    ALL_ZERO,
    NOBODY_POOR,
    NOT_BOUNDED,
    NOT_MEASURED,
    GAP_UNKNOWN,
    NOBODY_DEPRIVED,
    ALL_DEPRIVED,
) = range(len(NOTES))


def note_of(
    table: Table, n_obs: np.ndarray, population: np.ndarray, nobody: Any = False
) -> np.ndarray:
    """Return per group and slot the number of the note that says why there is no figure.

    `nobody` says where there would be one, if anybody were poor.
    """
    shape = n_obs.shape
    note = np.zeros(shape, dtype=np.int8)
    note[np.broadcast_to(nobody, shape)] = NOBODY_POOR
    for empty, why in (
        (population == 0, ALL_ZERO),
        (n_obs == 0, NOT_MEASURED),
        (table.sums["n_obs"] == 0, NOT_SCORED),
        (table.sums["n"] == 0, NO_ROWS),
        (~table.seen[:, None], NOT_SEEN),
    ):
        if empty.any():
            note[np.broadcast_to(empty, shape)] = why
    return note


def quotient(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Return numerator / denominator, NaN where the denominator is 0."""
    out = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=out, where=denominator != 0)
    return out


def difference_of_products(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray
) -> np.ndarray:
    """Return a b - c d; the products are kept with their rounding errors, so nothing cancels."""
    (ab, ab_rest), (cd, cd_rest) = exact_product(a, b), exact_product(c, d)
    difference: np.ndarray = (ab - cd) + (ab_rest - cd_rest)
    return difference


def exact_product(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rounded product and its error (Dekker 1971, Numer. Math. 18, 224-242)."""

    def halves(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scaled = x * 134217729.0  # 2^27 + 1
        high = scaled - (scaled - x)
        return high, x - high

    product = a * b
    (a_high, a_low), (b_high, b_low) = halves(a), halves(b)
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


# --- rows of the result -----------------------------------------------------------------------


def laid_out(
    found: Profiles,
    tables: Sequence[Table],
    *,
    verb: str,
    measure_keys: Mapping[str, Any],
    measure: Any,
    figures: Mapping[str, np.ndarray],
    meta: Mapping[str, Any],
    precision: Mapping[str, Any] | None = None,
    notes: Sequence[tuple[np.ndarray, Sequence[str]]] = (),
) -> Estimates:
    """Lay figures, groups x slots, out as one row per group and slot.

    `measure_keys` and `measure` have an entry per slot, `figures` are those of FIGURES. `precision`
    has the columns of standard errors, one entry per row, and `notes` what they add.
    """
    n = np.concatenate([table.sums["n"] for table in tables])
    n_groups, width = figures["estimate"].shape
    standard: Any = found.standard
    if found.standard_key is not None:
        standard = one_standard_each(found.standard_key, tables, width)
    rows: dict[str, Any] = {word: figures[word].ravel() for word in FIGURES}
    note = joined_notes((rows.pop("note"), NOTES), *notes)
    return Estimates(
        found.labels_of(tables, width),
        measure_keys={
            name: once_per_group(column, n_groups) for name, column in measure_keys.items()
        },
        measure=once_per_group(measure, n_groups),
        n_missing=np.repeat(n, width) - rows["n_obs"],
        unit=found.unit,
        standard=standard,
        note=note,
        verb=verb,
        meta=meta,
        **rows,
        **(precision or {}),
    )


def once_per_group(column: Any, n_groups: int) -> Any:
    """Return what each slot has, once for each group."""
    column = text_as_labels(column, len(column))
    if not isinstance(column, pd.Categorical):
        return np.tile(column, n_groups)
    codes = np.tile(column.codes, n_groups)
    return pd.Categorical.from_codes(codes, dtype=column.dtype, validate=False)
