r"""What a sample's standard errors rest on: its strata and PSUs, and estimates spread over them.

A `Sample` holds the structure of a design in one file: which PSUs there are, in which stratum and
period, and which fraction of each stratum was drawn. A `Linearised` holds the part of each
estimate that each sampling unit brings, z; and everything that is asked of estimates from one
sample, variances, covariances, contrasts, changes, is linear algebra on its rows:

.. math:: V = \sum_h (1 - f_h) \frac{n_h}{n_h - 1} \sum_{c \in h} (z_c - \bar z_h)(z_c - \bar z_h)'

over the strata h of every period, with n_h all PSUs of the stratum in its period. Between two
periods p and q, the product of the centred parts, each times the root of its own factor, is
summed over the PSUs that both hold. So V is a sum of squares of

.. math:: x_c = \sqrt{(1 - f_h) n_h / (n_h - 1)} (z_c - \bar z_h)

added up by PSU, and never indefinite. (Cochran 1977, Sampling Techniques, ch. 11; Binder 1983,
International Statistical Review 51, 279-292; two stages: Bellhouse 1985.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from . import _core
from .design import Design
from .errors import DesignError
from .inputs import Key

__all__ = ["Joint", "Linearised", "Sample"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Joint(Protocol):
    """Estimates with their covariance: what an `Estimates` keeps, one row for each of its own."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def take(self, rows: Ints) -> Joint:
        """Return these rows."""

    def combined(self, start: Ints, rows: Ints, weights: Floats) -> Joint:
        """Return linear combinations of rows: i uses the entries start[i] to start[i + 1]."""

    def variance(self) -> Floats:
        """Return the variance of each row; NaN where there is none."""

    def cov(self, rows: Ints | None = None) -> Floats:
        """Return the covariance of all, or of these, rows."""

    def df(self) -> Floats:
        """Return the degrees of freedom of each row."""

    def n_psu(self) -> Ints:
        """Return the number of PSUs that each row uses."""

    def shared_psus(self, a: Ints, b: Ints) -> Ints:
        """Return the number of PSUs that row a[i] and row b[i] have in common."""


# ---- the structure of a sample ------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class SecondStage:
    """The second-stage units of a sample, by PSU.

    Attributes
    ----------
    psu : ndarray of int64, shape (n_ssu,)
        The PSU (in its period) of each; ascending.
    label : ndarray of int64, shape (n_ssu,)
        Which units of different periods are one.
    fraction : ndarray of float64, shape (n_psu,)
        Fraction of the units of each PSU that was drawn.
    """

    psu: Ints
    label: Ints
    fraction: Floats

    def stage(self, drawn: Floats) -> _core.Stage:
        """Return this stage as the core takes it; `drawn` is the fraction of the first stage.

        The factor is f (1 - f2) m/(m - 1) for m units in the PSU, 0 for one.
        """
        m = np.bincount(self.psu, minlength=len(self.fraction))
        factor = np.where(m > 1, drawn * (1 - self.fraction) * m / np.maximum(m - 1, 1), 0.0)
        first = np.concatenate([[0], np.cumsum(m)])
        n_labels = int(self.label.max(initial=-1)) + 1
        label = self.label if n_labels < len(self.label) else None
        return self.psu, first, label, n_labels, factor


@dataclass(frozen=True)
class UnitKey:
    """The unit of each row, as a key of a pass."""

    column: _core.Column


@dataclass(frozen=True, eq=False)
class Sample:
    """The sampling units of one file, by period and stratum.

    A PSU here is a PSU in one period; `label` says which of them are the same PSU in another.
    Strata too are counted anew in every period.

    Attributes
    ----------
    stratum : ndarray of int64, shape (n_psu,)
        The stratum of each PSU; ascending.
    label : ndarray of int64, shape (n_psu,)
        Which PSUs of different periods are one.
    period : ndarray of int64, shape (n_strata,)
        The period of each stratum.
    fraction : ndarray of float64, shape (n_strata,)
        Fraction of the stratum's PSUs that was drawn; 0 is with replacement.
    design : Design
        The rules: `lonely`, `lonely_domain`, `df`.
    second : SecondStage or None
        Units of the second stage, where their variance counts.
    names : mapping of str to array
        Labels of each PSU, as they stand in the file: "period", "strata", "psu", those that there
        are. For joining two files of one design.
    rows : Column or None
        The unit of each row of the file; None where the file is not at hand.
    """

    stratum: Ints
    label: Ints
    period: Ints
    fraction: Floats
    design: Design
    second: SecondStage | None = None
    names: Mapping[str, Any] = field(default_factory=dict)
    rows: _core.Column | None = None

    @property
    def keys(self) -> tuple[UnitKey, ...]:
        """What a pass over the rows crosses with its own keys, after them: the unit."""
        return () if self.rows is None else (UnitKey(self.rows),)

    def units(self, raw: Mapping[str, Any], n_own_keys: int) -> Ints:
        """Return the unit of each cell of a pass; its own keys came before that of the sample."""
        if self.rows is None:
            return np.zeros(raw["n_groups"], np.int64)
        return np.asarray(raw["key_values"][n_own_keys])

    @property
    def n_psu(self) -> int:
        """Number of PSUs, each counted in every period."""
        return len(self.stratum)

    @property
    def n_units(self) -> int:
        """Number of units that totals are split by: PSUs, or those of the second stage."""
        return self.n_psu if self.second is None else len(self.second.psu)

    @property
    def n_strata(self) -> int:
        """Number of strata, each counted in every period."""
        return len(self.fraction)

    @cached_property
    def psu_of_unit(self) -> Ints:
        """The PSU of each unit."""
        return np.arange(self.n_psu) if self.second is None else self.second.psu

    @cached_property
    def n_in_stratum(self) -> Ints:
        """Number of PSUs of each stratum."""
        return np.bincount(self.stratum, minlength=self.n_strata)

    @cached_property
    def first(self) -> Ints:
        """Where the PSUs of each stratum start, and the end."""
        return np.concatenate([[0], np.cumsum(self.n_in_stratum)])

    @cached_property
    def is_shared(self) -> bool:
        """Whether a PSU is in several periods."""
        return bool(np.bincount(self.label).max(initial=0) > 1)

    @cached_property
    def stages(self) -> tuple[_core.Stage, ...]:
        """The stages as the core takes them; a label is given where units are shared."""
        label = self.label if self.is_shared else None
        first = (self.stratum, self.first, label, int(self.label.max(initial=-1)) + 1, self.factor)
        return (first,) if self.second is None else (first, self.second.stage(self.drawn_fraction))

    @property
    def drawn_fraction(self) -> Floats:
        """The fraction of its stratum's PSUs that were drawn, of each PSU."""
        return np.asarray(self.fraction[self.stratum])

    @cached_property
    def has_plain_rules(self) -> bool:
        """Whether variances are sums over strata of PSUs none of which is lonely in any sense."""
        plain = self.second is None and self.design.lonely_domain not in ("average", "adjust")
        return plain and not self.is_lonely.any()

    @cached_property
    def is_lonely(self) -> Bools:
        """Which strata have one PSU, not being drawn completely."""
        return np.asarray((self.n_in_stratum == 1) & (self.fraction < 1))

    @cached_property
    def is_complete(self) -> Bools:
        """Which strata were drawn completely, on the second stage too."""
        complete = np.asarray(self.fraction >= 1)
        if self.second is not None:
            complete &= np.minimum.reduceat(self.second.fraction, self.first[:-1]) >= 1
        return complete

    @cached_property
    def factor(self) -> Floats:
        """The factor (1 - f) n/(n - 1) of each stratum; 0 for those with one PSU."""
        n = self.n_in_stratum
        return np.where(n > 1, (1 - self.fraction) * n / np.maximum(n - 1, 1), 0.0)


# ---- estimates spread over the units of a sample -----------------------------------------------


@dataclass(frozen=True, eq=False)
class Linearised:
    """Parts of estimates by sampling unit: a sparse matrix, one row per estimate.

    A row holds the units with a measured row of positive weight in the estimate's domain, also
    where their part comes to 0: PSUs and degrees of freedom are counted from them.

    Attributes
    ----------
    sample : Sample
        The units.
    start : ndarray of int64, shape (rows + 1,)
        Where the entries of each row start.
    unit : ndarray of int64, shape (entries,)
        The units of each row, ascending. From `sample.n_units` on it is a PSU again whose part
        has been centred already (lonely PSUs).
    value : ndarray of float64, shape (entries,)
        What the unit brings.

    Examples
    --------
    One stratum of two PSUs, without replacement from four; the estimate is the sum of 3 and 5:
    V = (1 - 2/4) x 2/1 x ((3 - 4)^2 + (5 - 4)^2).

    >>> from povertycore.inputs import Frame
    >>> from povertycore.sampling import Linearised
    >>> from povertycore.structure import sample_of
    >>> table = {"ea": [1, 2], "n": [4, 4]}
    >>> sample = sample_of(Frame.of(table), pc.Design(psu="ea", fpc="n"))
    >>> total = Linearised.of_cells(sample, 1, row=[0, 0], unit=[0, 1], value=[3.0, 5.0])
    >>> total.variance()
    array([2.])
    """

    sample: Sample
    start: Ints
    unit: Ints
    value: Floats

    @classmethod
    def of_cells(
        cls,
        sample: Sample,
        n_rows: int,
        row: npt.ArrayLike,
        unit: npt.ArrayLike,
        value: npt.ArrayLike,
    ) -> Linearised:
        """Sort cells by row and unit, adding up those of the same row and unit in their order."""
        parts = _core.linvar_sort(n_rows, 2 * sample.n_units, whole(row), whole(unit), real(value))
        return cls(sample, *parts)

    @classmethod
    def of_sources(cls, sample: Sample, n_rows: int, sources: Sequence[_core.Source]) -> Linearised:
        """Make the parts of estimates of sums by unit, and apply the rules of `linearise`."""
        if sample.has_plain_rules:
            return Deferred(sample, n_rows, sources)
        parts = _core.linvar_parts(n_rows, 2 * sample.n_units, sources)
        return cls(sample, *parts)._with_lonely_rules()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.start) - 1

    def made(self) -> Linearised:
        """Return the rows with their parts at hand."""
        return self

    def take(self, rows: Ints) -> Linearised:
        """Return these rows."""
        rows = np.asarray(rows, np.int64)
        return self.combined(np.arange(len(rows) + 1), rows, np.ones(len(rows)))

    def combined(self, start: Ints, rows: Ints, weights: Floats) -> Linearised:
        """Return linear combinations: row i is the sum of weights[k] x rows[k] from start[i] on."""
        parts = _core.linvar_combine(
            self._parts, self.sample.n_units, whole(start), whole(rows), real(weights)
        )
        return Linearised(self.sample, *parts)

    def joined(self, others: Sequence[Linearised]) -> Linearised:
        """Return the rows of several below each other; all are of one sample."""
        parts = [self, *others]
        shift = np.cumsum([0, *(len(part.unit) for part in parts[:-1])])
        starts = [part.start[:-1] + by for part, by in zip(parts, shift, strict=True)]
        return Linearised(
            self.sample,
            np.concatenate([*starts, [sum(len(part.unit) for part in parts)]]),
            np.concatenate([part.unit for part in parts]),
            np.concatenate([part.value for part in parts]),
        )

    def variance(self) -> Floats:
        """Return the variance of each row; NaN where a part is not known."""
        return added(_core.linvar_variance(*stage) for stage in self._by_stage())

    def cov(self, rows: Ints | None = None) -> Floats:
        """Return the covariance of all rows, or of these."""
        chosen = self if rows is None else self.take(rows)
        return added(_core.linvar_cov(*stage) for stage in chosen._by_stage())

    def linearise(self, start: Ints, rows: Ints, weights: Floats) -> Linearised:
        """Return estimates, the rows being totals and the weights the derivatives by them.

        Like `combined`, and then what belongs to the domain of an estimate: the rules for lonely
        PSUs, and NaN where a domain has rows in lonely strata only.
        """
        return self.combined(start, rows, weights)._with_lonely_rules()

    def df(self) -> Floats:
        """Return the degrees of freedom of each row: PSUs minus strata, or the design's number.

        PSUs are counted once, in however many periods they are; a stratum once per period in
        which it shares none.
        """
        if isinstance(self.sample.design.df, int | float):
            return np.full(len(self), float(self.sample.design.df))
        n_psu, n_strata = self._counts
        if self.sample.design.df == "strata":
            n_psu, n_strata = _core.linvar_count(self._by_psu, self.sample.stages[0], True)
        return (n_psu - n_strata).astype(np.float64)

    def n_psu(self) -> Ints:
        """Return the number of PSUs that hold a row of each estimate, each counted once."""
        return self._counts[0]

    def shared_psus(self, a: Ints, b: Ints) -> Ints:
        """Return the number of PSUs that row a[i] and row b[i] have in common."""
        together = self.combined(
            2 * np.arange(len(a) + 1), np.column_stack([a, b]).ravel(), np.ones(2 * len(a))
        )
        n = self.n_psu()
        return n[a] + n[b] - together.n_psu()

    def is_alone(self) -> Bools:
        """Return which rows have no variance under any rule: all their strata are lonely."""
        return self._only_in(self.sample.is_lonely)

    def is_complete(self) -> Bools:
        """Return which rows lie in strata only that were drawn completely."""
        return self._only_in(self.sample.is_complete)

    # ---- inside ---------------------------------------------------------------------------------

    @property
    def _parts(self) -> _core.Parts:
        """The rows as the core takes them."""
        return self.start, self.unit, self.value

    @cached_property
    def _by_psu(self) -> _core.Parts:
        """The rows by PSU, where units are those of the second stage."""
        sample = self.sample
        if sample.second is None:
            return self._parts
        own = self.unit < sample.n_units
        psu = np.where(own, 0, self.unit - sample.n_units + sample.n_psu)
        psu[own] = sample.second.psu[self.unit[own]]
        return _core.linvar_sort(len(self), 2 * sample.n_psu, self._rows, psu, self.value)

    def _by_stage(self) -> Iterator[tuple[_core.Parts, _core.Stage]]:
        """Yield the rows by the units of each stage."""
        yield self._by_psu, self.sample.stages[0]
        if self.sample.second is None:
            return
        own = self.unit < self.sample.n_units
        start = np.concatenate([[0], np.cumsum(np.bincount(self._rows[own], minlength=len(self)))])
        yield (whole(start), self.unit[own], self.value[own]), self.sample.stages[1]

    @property
    def _rows(self) -> Ints:
        """The row of each entry."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    def _psus(self) -> tuple[Ints, Ints]:
        """Return (row, PSU) of every PSU that holds a row of an estimate, each once."""
        own = self.unit < self.sample.n_units
        row, psu = self._rows[own], self.sample.psu_of_unit[self.unit[own]]
        return distinct_pairs(row, psu)

    def _pair_of_entry(self, in_row: Ints, stratum: Ints) -> Ints:
        """Return the place of each entry's (row, stratum) among these pairs, which are sorted."""
        n = self.sample.n_strata
        of_entry = self.sample.stratum[self.sample.psu_of_unit][self.unit]
        return np.searchsorted(in_row * n + stratum, self._rows * n + of_entry)

    def _part_of_psu(self, row: Ints, psu: Ints) -> Floats:
        """Return the part of PSUs in rows; 0 where they hold no row of the estimate."""
        n = self.sample.n_psu
        entry = self._rows * n + self.sample.psu_of_unit[self.unit]
        found, place = np.unique(entry, return_inverse=True)
        parts = np.append(np.bincount(place, self.value, len(found)), 0.0)
        at = np.searchsorted(found, row * n + psu)
        at[at == len(found)] = 0
        hit = np.append(found, -1)[at] == row * n + psu if len(found) else np.zeros(len(row), bool)
        return np.where(hit, parts[at], 0.0)

    def _touched(self) -> tuple[Ints, Ints]:
        """Return (row, stratum) of every stratum that holds a row of an estimate, each once."""
        row, psu = self._psus()
        return distinct_pairs(row, self.sample.stratum[psu])

    def _only_in(self, strata: Bools) -> Bools:
        """Return which rows have entries in these strata only, and some."""
        if not strata.any():
            return np.zeros(len(self), dtype=bool)
        row, stratum = self._touched()
        n = np.bincount(row, minlength=len(self))
        inside = np.bincount(row[strata[stratum]], minlength=len(self))
        return np.asarray((n > 0) & (inside == n))

    @cached_property
    def _counts(self) -> tuple[Ints, Ints]:
        """The numbers of PSUs and of strata that each row uses."""
        return _core.linvar_count(self._by_psu, self.sample.stages[0], False)

    def _all_of_strata(self, row: Ints, stratum: Ints) -> tuple[Ints, Ints]:
        """Return (row, PSU) of all PSUs of these strata."""
        n = self.sample.n_in_stratum[stratum]
        first = self.sample.first[stratum]
        return np.repeat(row, n), np.repeat(first - np.cumsum(n) + n, n) + np.arange(n.sum())

    def _with_lonely_rules(self) -> Linearised:
        """Apply the rules for lonely PSUs, which depend on the domain of an estimate."""
        words = {self.sample.design.lonely_domain}
        if self.sample.is_lonely.any():
            words.add(self.sample.design.lonely)
        result = self
        if words & {"average", "adjust"}:
            result = lonely_rules(self)
        alone = self.is_alone()
        if not alone.any():
            return result
        return replace(result, value=np.where(alone[result._rows], np.nan, result.value))


class Deferred(Linearised):
    """Rows whose parts are made of sums by unit when they are asked for: for their covariances.

    What every result tells, variances and numbers of PSUs and strata, needs the parts of one row at
    a time. No rule for lonely PSUs applies to them.
    """

    _n_rows: int
    _sources: Sequence[_core.Source]

    def __init__(self, sample: Sample, n_rows: int, sources: Sequence[_core.Source]) -> None:
        values = {"sample": sample, "_n_rows": n_rows, "_sources": sources}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._n_rows

    @cached_property
    def _parts(self) -> _core.Parts:
        """The rows as the core takes them."""
        return _core.linvar_parts(self._n_rows, 2 * self.sample.n_units, self._sources)

    @cached_property
    def _figures(self) -> tuple[Floats, Ints, Ints]:
        """The variance of each row, and the numbers of its PSUs and strata."""
        return _core.linvar_figures(self._n_rows, self._sources, self.sample.stages[0])

    def made(self) -> Linearised:
        """Return the rows with their parts at hand."""
        return Linearised(self.sample, *self._parts)

    @property
    def start(self) -> Ints:
        """Where the entries of each row start."""
        return self._parts[0]

    @property
    def unit(self) -> Ints:
        """The units of each row."""
        return self._parts[1]

    @property
    def value(self) -> Floats:
        """What each unit brings."""
        return self._parts[2]

    def variance(self) -> Floats:
        """Return the variance of each row; NaN where a part is not known."""
        return self._figures[0].copy()

    @property
    def _counts(self) -> tuple[Ints, Ints]:
        """The numbers of PSUs and of strata that each row uses."""
        return self._figures[1:]


def whole(numbers: npt.ArrayLike) -> Ints:
    """Return integers as the core takes them."""
    return np.ascontiguousarray(numbers, dtype=np.int64)


def real(numbers: npt.ArrayLike) -> Floats:
    """Return numbers as the core takes them."""
    return np.ascontiguousarray(numbers, dtype=np.float64)


def added(stages: Iterator[Floats]) -> Floats:
    """Return the sum of what the stages bring."""
    return reduce(np.add, stages)


def distinct_pairs(row: Ints, other: Ints) -> tuple[Ints, Ints]:
    """Return the distinct pairs of two columns in which equal pairs stand together."""
    first = np.ones(len(row), dtype=bool)
    first[1:] = (row[1:] != row[:-1]) | (other[1:] != other[:-1])
    return row[first], other[first]


# ---- lonely PSUs ---------------------------------------------------------------------------------


def lonely_rules(rows: Linearised) -> Linearised:
    """Return estimates whose lonely PSUs are averaged over or centred on the mean of all PSUs.

    Average: the variance is multiplied by the number of the domain's strata over the number of
    those with a variance. Adjust: a PSU's part is taken from the mean of all PSUs of its period.
    """
    sample, design = rows.sample, rows.sample.design
    row, psu = rows._psus()
    in_row, stratum = distinct_pairs(row, sample.stratum[psu])
    pairs, of_psu = (
        i * sample.n_strata + h for i, h in ((in_row, stratum), (row, sample.stratum[psu]))
    )
    pair = np.searchsorted(pairs, of_psu)
    one_in_domain = np.bincount(pair, minlength=len(in_row)) == 1
    one_in_domain &= sample.factor[stratum] > 0
    lonely = sample.is_lonely[stratum]
    averaged = lonely if design.lonely == "average" else np.zeros(len(lonely), dtype=bool)
    emptied = one_in_domain & (design.lonely_domain in ("average", "adjust"))
    if design.lonely_domain == "average":
        averaged = averaged | one_in_domain
    value = np.where(emptied[rows._pair_of_entry(in_row, stratum)], 0.0, rows.value)
    n = np.bincount(in_row, minlength=len(rows))
    n_varying = n - np.bincount(in_row[averaged], minlength=len(rows))
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.sqrt(np.where(n == 0, 1.0, np.where(n_varying == 0, np.nan, n / n_varying)))
    more = centred_on_all(rows, in_row, stratum, one_in_domain)
    if len(more[0]) == 0:
        return replace(rows, value=value * scale[rows._rows])
    row = np.concatenate([rows._rows, more[0]])
    unit, part = np.concatenate([rows.unit, more[1]]), np.concatenate([value, more[2]])
    return Linearised.of_cells(sample, len(rows), row, unit, part * scale[row])


def centred_on_all(
    rows: Linearised, in_row: Ints, stratum: Ints, one_in_domain: Bools
) -> tuple[Ints, Ints, Floats]:
    """Return the entries (row, unit, part) of the PSUs that are centred on the mean of all."""
    sample, design = rows.sample, rows.sample.design
    chosen: list[tuple[Ints, Ints]] = []
    if design.lonely == "adjust":
        row, period = distinct_pairs(in_row, sample.period[stratum])
        alone = np.flatnonzero(sample.is_lonely)
        i, j = np.nonzero(period[:, None] == sample.period[alone][None, :])
        chosen.append((row[i], alone[j]))
    if design.lonely_domain == "adjust":
        chosen.append((in_row[one_in_domain], stratum[one_in_domain]))
    if not chosen:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    row, stratum = (np.concatenate(part) for part in zip(*chosen, strict=True))
    row, psu = rows._all_of_strata(row, stratum)
    stratum = sample.stratum[psu]
    period = sample.period[stratum]
    n_periods = int(sample.period.max(initial=-1)) + 1
    sizes = np.bincount(sample.period[sample.stratum], minlength=n_periods)
    of_unit = sample.period[sample.stratum[sample.psu_of_unit]]
    sums = np.bincount(
        rows._rows * n_periods + of_unit[rows.unit], rows.value, len(rows) * n_periods
    )
    mean = sums[row * n_periods + period] / sizes[period]
    root = np.sqrt(np.where(sample.is_lonely, 1 - sample.fraction, sample.factor))[stratum]
    return row, sample.n_units + psu, root * (rows._part_of_psu(row, psu) - mean)


# ---- codes of labels -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Codes:
    """The labels of one key in order, and the code of each value that the core gives for it."""

    labels: Any
    values: Ints  # as the core gives them, ascending
    code: Ints  # of each

    @classmethod
    def of(cls, key: Key, values: Ints) -> Codes:
        """Sort the labels of a key; values whose labels are equal get one code."""
        is_new, is_sorted = steps([values])
        distinct = values[is_new] if is_sorted else np.sort(pd.unique(values))
        labels = key.labels(distinct, np.zeros(len(distinct), dtype=bool))
        if isinstance(labels, np.ndarray) and (labels[1:] > labels[:-1]).all():
            return cls(labels, distinct, np.arange(len(distinct)))
        code, uniques = pd.factorize(pd.Series(labels))
        uniques = pd.Series(uniques).array
        order = np.asarray(key.order(uniques))
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        return cls(uniques.take(order), distinct, rank[code])

    def __len__(self) -> int:
        """Return the number of codes."""
        return len(self.labels)

    def of_values(self, values: Ints) -> Ints:
        """Return the code of each value."""
        low = int(self.values[0]) if len(self.values) else 0
        span = int(self.values[-1]) - low + 1 if len(self.values) else 0
        if span <= 4 * len(values) + MOST_SPAN:
            table = np.zeros(span, dtype=np.int64)
            table[self.values - low] = self.code
            return np.asarray(table[values - low])
        return np.asarray(self.code[np.searchsorted(self.values, values)])


MOST_SPAN = 65_536  # of a table of codes that is made without thought


def distinct_combinations(columns: Sequence[Ints]) -> tuple[list[Ints], Ints]:
    """Return the distinct combinations of columns in order, and the place of each given one."""
    is_new, is_sorted = steps(columns)
    if is_sorted:
        return [column[is_new] for column in columns], np.cumsum(is_new) - 1
    order = np.lexsort(columns[::-1])
    ordered = [column[order] for column in columns]
    is_new, _ = steps(ordered)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.cumsum(is_new) - 1
    return [column[is_new] for column in ordered], place


def steps(columns: Sequence[Ints]) -> tuple[npt.NDArray[np.bool_], bool]:
    """Return where a combination differs from the one before, and whether they are in order."""
    is_new = np.zeros(len(columns[0]), dtype=bool)
    is_new[:1] = True
    is_sorted = True
    for column in columns:
        is_sorted &= not (~is_new[1:] & (column[1:] < column[:-1])).any()
        is_new[1:] |= column[1:] != column[:-1]
    return is_new, bool(is_sorted)


def combined_codes(codes: Sequence[Ints], sizes: Sequence[int]) -> Ints:
    """Return one number for each combination of codes, in their order."""
    number = np.zeros(len(codes[0]), dtype=np.int64)
    for code, size in zip(codes, sizes, strict=True):
        number = number * size + code
    return number


def design_error(argument: str, message: str) -> DesignError:
    """Return the error for a design that does not fit its data."""
    error = DesignError(message)
    error.argument = argument
    return error
