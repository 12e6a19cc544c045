"""Deprivation profiles: how many households or persons of each group have which deprivations.

One pass over the rows adds each weight to its cell, (group, deprived, missing). Whatever is asked
of the indicators together is then a sum over cells: every cut-off, weighting, treatment of missing
values and subset of indicators, without the rows. See `profile_table` for what a cell is.

Under a design with PSUs the cells are those of (group, stratum, PSU, deprived, missing), which is
what standard errors are made of; points are answered from the groups alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import _core
from ..design import Design, design_of
from ..errors import ComparabilityError, DuplicateNameError, ValueRangeError, unknown_option
from ..estimates import Estimates
from ..inputs import Frame, Key
from .packing import Packed, check_rows, packed_rows, spec_of
from .profile_rows import (
    Masks,
    checked_alphas,
    counted,
    plain_layout,
    tabulate,
    with_gaps,
    with_positive,
    with_replicates,
)
from .profile_sample import (
    ROW,
    Sampled,
    Units,
    design_columns,
    sample_layout,
    sampled,
    units_of,
)
from .profile_table import ProfileTable, bit, fewer_keys, merged, some_indicators
from .replicated import rank_of, weight_columns
from .results import crossed_columns, one_way_columns, versions
from .spec import Indicator, Spec
from .tables import Table, option_error
from .tally import Request, frame_of, number_column, resolve


@dataclass(frozen=True, eq=False, repr=False)
class Profiles:
    """The weight of every combination of deprivations, by group: what `profiles` returns.

    Frozen and small. Answers every cut-off, weighting, subset of indicators and rule for missing
    values without the rows. Profiles of two parts of a file, or of two files, are added with `+`.

    Attributes
    ----------
    spec : Spec
        The indicators, their dimensions and weights.
    by : tuple of str
        Names of the crossed keys.
    over : tuple of str or None
        Names of the keys with a table each, after that of the whole.
    unit : {"households", "persons"}
        What is counted.
    standard : str or None
        The standard that the indicators follow.
    meta : dict
        Rows read and left out, design, versions.

    Examples
    --------
    >>> spec = pc.Spec({"health": ["ill"], "school": ["absent"]})
    >>> prof = pc.profiles({"ill": [1, 1, 0, 1], "absent": [0, 1, 0, 0]}, spec)
    >>> prof.to_frame()
       ill  absent  n_obs  population
    0    0       0      1         1.0
    1    1       0      2         2.0
    2    1       1      1         1.0
    """

    spec: Spec
    by: tuple[str, ...]
    over: tuple[str, ...] | None
    unit: str
    standard: str | None
    standard_key: str | None  # name of the column of ids, where standards are a column
    design: Design
    sampling: tuple[str, ...]  # names of the design's keys: period, stratum, PSU and what else
    by_psu: tuple[ProfileTable, ...]  # tables crossed with the keys of `sampling`, which come last
    replicate_rank: int | None  # of columns of replicate weights, where they are given
    _meta: Mapping[str, Any]

    # ---- what it is -------------------------------------------------------------------------

    @cached_property
    def tables(self) -> tuple[ProfileTable, ...]:
        """The cells by group: one table; with `over` that of the whole and one per key."""
        if not self.sampling:
            return self.by_psu
        return tuple(
            fewer_keys(table, range(n)) for table, n in zip(self.by_psu, self.n_keys, strict=True)
        )

    @property
    def n_keys(self) -> list[int]:
        """How many keys each table has beside those of the design."""
        return [len(self.by)] if self.over is None else [0, *([1] * len(self.over))]

    @cached_property
    def sampled(self) -> Sampled:
        """The sample that the cells are by; raises where it has no variance."""
        return sampled(self.by_psu[0], self.n_keys[0], self.design)

    @property
    def meta(self) -> dict[str, Any]:
        """A plain dictionary: rows read and left out, design, versions."""
        return dict(self._meta)

    def __len__(self) -> int:
        """Return the number of cells: combinations of group and profile that occur."""
        return sum(len(table.n) for table in self.tables)

    def __repr__(self) -> str:
        """Say what is counted, without the labels of the groups."""
        keys = f"over={list(self.over)}" if self.over is not None else f"by={list(self.by)}"
        if self.sampling:
            keys += f", by {', '.join(self.sampling)} too"
        groups = sum(table.groups.n_groups for table in self.tables)
        name = f" of {self.spec.name}" if self.spec.name else ""
        return (
            f"<Profiles{name}: {len(self.spec.ids)} indicators, {keys}, {groups:,} groups,"
            f" {len(self):,} cells, {self._meta['rows_read']:,} rows, {self.unit}>"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the cells as a new pandas frame.

        Returns
        -------
        pandas.DataFrame
            The keys (or `over` and `level`), one Int8 column of 0/1 or missing per indicator,
            `n_obs` (rows) and `population` (sum of weights); by group, then by mask.
        """
        keys = list(self.by) if self.over is None else ["over", "level"]
        taken = {*keys, "n_obs", "population"}
        for name in self.spec.ids:
            if name in taken:
                raise DuplicateNameError(f"the indicator {name!r} is named like another column")
        tables = self.tables
        starts = np.cumsum([0, *(table.groups.n_groups for table in tables)])
        rows = np.concatenate(
            [table.group + start for table, start in zip(tables, starts, strict=False)]
        )
        deprived, missing, n, weight = (
            np.concatenate([getattr(table, name) for table in tables])
            for name in ("deprived", "missing", "n", "weight")
        )
        columns = {name: labels.take(rows) for name, labels in self.labels(1).items()}
        for j, name in enumerate(self.spec.ids):
            columns[name] = pd.arrays.IntegerArray(
                bit(deprived, j).astype(np.int8), bit(missing, j)
            )
        return pd.DataFrame(columns | {"n_obs": n, "population": weight})

    def labels(self, width: int) -> dict[str, Any]:
        """Return the key columns of all tables, each group's labels `width` times."""
        return self.labels_of([table.groups for table in self.tables], width)

    def labels_of(self, groups: Sequence[Table], width: int) -> dict[str, Any]:
        """Return the key columns of tables with these keys, each group's labels `width` times."""
        if self.over is None:
            return crossed_columns(self.by, groups[0], width)
        return one_way_columns(self.over, groups, width)

    # ---- adding up --------------------------------------------------------------------------

    def __add__(self, other: Any) -> Profiles:
        """Add the profiles of other rows under the same specification and keys."""
        if isinstance(other, int) and other == 0:  # so that sum() works
            return self
        if not isinstance(other, Profiles):
            return NotImplemented
        check_mergeable(self, other)
        tables = [
            merged(one, rows_after(two, self))
            for one, two in zip(self.by_psu, other.by_psu, strict=True)
        ]
        ranks = [part.replicate_rank for part in (self, other) if part.replicate_rank is not None]
        return replace(
            self,
            by_psu=tuple(tables),
            replicate_rank=max(ranks, default=None),
            _meta=merged_meta(self._meta, other._meta),
        )

    __radd__ = __add__

    # ---- files ------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write the profiles to a file; see `load`.

        Parameters
        ----------
        path : str or Path
            File to write, NumPy's `.npz`: arrays and a JSON text, no pickled objects.
        """
        from .profile_file import save

        save(self, path)

    @classmethod
    def load(cls, path: str | Path, spec: Spec | None = None) -> Profiles:
        """Read profiles that `save` wrote.

        Parameters
        ----------
        path : str or Path
            File to read.
        spec : Spec, optional
            What the profiles are expected to follow.

        Returns
        -------
        Profiles
            As it was saved.

        Raises
        ------
        FileFormatError
            The file is not of this kind, or of a later version.
        ComparabilityError
            The profiles follow another specification than `spec`.
        """
        from .profile_file import load

        return load(path, spec)

    # ---- questions --------------------------------------------------------------------------

    def multidim(self, **words: Any) -> Estimates:
        """Compute multidimensional poverty from the profiles; see `povertycore.multidim`.

        Parameters
        ----------
        **words
            `k`, `measures`, `missing`, `schemes`, `bands`, `totals`, `observed` as in
            `povertycore.multidim`. Also `weights`, a mapping as `povertycore.Spec` takes it, in
            place of the specification's, and `indicators`, those that stay, as in `only`.

        Returns
        -------
        Estimates
            As `povertycore.multidim`.
        """
        from .multidim import from_profiles

        return from_profiles(self, **words)

    def regroup(
        self, *, by: str | Sequence[str] | None = None, over: str | Sequence[str] | None = None
    ) -> Profiles:
        """Add the groups up to those of fewer keys.

        Parameters
        ----------
        by : str or list of str, optional
            Which of the crossed keys stay; none gives the whole.
        over : str or list of str, optional
            Which of the crossed keys get a table each, after that of the whole.

        Returns
        -------
        Profiles
            As `povertycore.profiles` with these keys would give it from the rows.

        Examples
        --------
        >>> rows = {"area": ["rural", "urban"], "year": [2021, 2022], "ill": [1, 0]}
        >>> prof = pc.profiles(rows, pc.Spec({"health": ["ill"]}), by=["area", "year"])
        >>> prof.regroup(over=["area", "year"]).multidim(k=1, measures="H").pivot("over", "level")
        level    (total)  rural  urban  2021  2022
        over
        (total)      0.5    NaN    NaN   NaN   NaN
        area         NaN    1.0    0.0   NaN   NaN
        year         NaN    NaN    NaN   1.0   0.0
        """
        if by is not None and over is not None:
            raise option_error("over", "by and over cannot be used together")
        argument, names = ("by", by) if over is None else ("over", over)
        names = [] if names is None else [names] if isinstance(names, str) else list(names)
        for name in names:
            if self.over is not None or name not in self.by:
                raise unknown_option(argument, name, self.by)
        position = [self.by.index(name) for name in names]
        last = range(len(self.by), len(self.by) + len(self.sampling))
        if over is None:
            table = fewer_keys(self.by_psu[0], [*position, *last])
            return replace(self, by=tuple(names), over=None, by_psu=(table,))
        one_way = [[], *([j] for j in position)]
        tables = tuple(fewer_keys(self.by_psu[0], [*keys, *last]) for keys in one_way)
        return replace(self, by=(), over=tuple(names), by_psu=tables)

    def only(self, indicators: str | Sequence[str]) -> Profiles:
        """Keep some of the indicators, as if there were no others.

        Parameters
        ----------
        indicators : str or list of str
            Ids of the indicators that stay, in any order.

        Returns
        -------
        Profiles
            In every scheme the weight of those left out goes to the others of their dimension,
            in proportion, and that of a dimension left out to the other dimensions.

        Examples
        --------
        >>> spec = pc.Spec({"health": ["ill", "hungry"], "school": ["absent"]})
        >>> prof = pc.profiles({"ill": [1, 0], "hungry": [0, 1], "absent": [1, 1]}, spec)
        >>> prof.only(["ill", "absent"]).multidim(k=1, measures="H")["estimate"].tolist()
        [0.5]
        """
        wanted = [indicators] if isinstance(indicators, str) else list(indicators)
        for name in wanted:
            if name not in self.spec.ids:
                raise unknown_option("indicators", name, self.spec.ids)
        kept = [j for j, name in enumerate(self.spec.ids) if name in wanted]
        if len(kept) == len(self.spec.ids):
            return self
        if not kept:
            raise option_error("indicators", "indicators is an empty list; name those that stay")
        tables = tuple(some_indicators(table, kept) for table in self.by_psu)
        return replace(self, spec=some_of_spec(self.spec, kept), by_psu=tables)

    def missing_report(self, missing: str = "drop") -> pd.DataFrame:
        """Count what is known of each indicator, and the sample that a rule retains.

        Parameters
        ----------
        missing : str, default "drop"
            The rule for missing indicators, as in `povertycore.multidim`.

        Returns
        -------
        pandas.DataFrame
            Per group a row of the retained sample (`dimension` and `indicator` missing) and one
            per indicator: `n_obs` and `n_missing`, rows; `retained` and `retained_weighted`,
            the shares of rows and of weights.
        """
        from .scores import missing_report

        return missing_report(self, missing)

    def pairs(self, **words: Any) -> Estimates:
        """Compare every pair of indicators; see `povertycore.measures.joint.pairs`."""
        from .joint import pairs

        return pairs(self, **words)

    def combinations(self, **words: Any) -> Estimates:
        """List the most frequent profiles; see `povertycore.measures.joint.combinations`."""
        from .joint import combinations

        return combinations(self, **words)

    def overlaps(self, **words: Any) -> Estimates:
        """Count deprivations at once; see `povertycore.measures.joint.overlaps`."""
        from .joint import overlaps

        return overlaps(self, **words)

    def robustness(self, **words: Any) -> Any:
        """Vary weights and cut-offs; see `povertycore.measures.robustness.robustness`."""
        from .robustness import robustness

        return robustness(self, **words)


# --- from rows --------------------------------------------------------------------------------


def profiles(
    data: Any,
    spec: Any,
    *,
    by: str | list[str] | None = None,
    over: str | list[str] | None = None,
    where: Any = None,
    design: Design | None = None,
    count: str | None = None,
    standard: Any = None,
    missing_groups: str = "error",
    alphas: Sequence[float] = (),
) -> Profiles:
    """Count the deprivation profiles of each group, in one pass over the rows.

    Parameters
    ----------
    data : DataFrame or mapping of str to array_like
        One row per household or person: pandas, Polars, PyArrow, or what narwhals reads.
    spec : Spec, Standard or Packed
        The indicators: columns of 0/1 or missing, or rules on other columns; or what
        `povertycore.pack` made of the rows.
    by : str or list of str, optional
        Columns that are crossed to define the groups.
    over : str or list of str, optional
        Columns that each give a table of their own, after the whole. Not together with `by`.
    where : str or array_like, optional
        Boolean column: the domain. A missing value is outside, and counted in `.meta`.
    design : Design, optional
        Weight, household size and what a row is. With a size the household's profile counts for
        each member. Of a sample the cells are kept by stratum and PSU too, in `by_psu`: its
        answers then have standard errors.
    count : {"households", "persons"}, optional
        What is counted, in place of what the design says.
    standard : str or Standard, optional
        The standard that the indicators follow: an id, or the name of a column of ids. By default
        the one given as `spec`, if it is a Standard.
    missing_groups : {"error", "keep"}, optional
        What to do about a missing label in `by` or `over`.
    alphas : sequence of float, optional
        Powers above 0 of which sums of gaps are kept, for M1, M2 and the like: all indicators must
        then be rules on amounts.

    Returns
    -------
    Profiles
        The weight of every combination of deprivations and missing indicators that occurs, by
        group.

    Raises
    ------
    ColumnNotFoundError
        A named column is not in `data`.
    ValueRangeError
        An indicator is neither 0 nor 1; a weight or size is negative or not finite.
    MissingValueError
        A weight, a size or a group's label is missing.

    Examples
    --------
    Of three households in the north one has both deprivations.

    >>> rows = {"region": ["N", "N", "N", "S"], "ill": [1, 0, 0, 1], "absent": [1, 0, 0, 0]}
    >>> prof = pc.profiles(rows, pc.Spec({"health": ["ill"], "school": ["absent"]}), by="region")
    >>> prof
    <Profiles: 2 indicators, by=['region'], 2 groups, 3 cells, 4 rows, households>
    >>> prof.multidim(k="1/2").pivot("region", "measure")
    measure         H    A        M0
    region
    N        0.333333  1.0  0.333333
    S        1.000000  0.5  0.500000
    """
    design = design_of(design)
    lonely = "certainty" if design.lonely == "error" else design.lonely  # not yet: parts are added
    return counted_profiles(
        data,
        spec,
        design,
        replace(design, lonely=lonely),
        {"by": by, "over": over, "where": where, "count": count, "standard": standard}
        | {"missing_groups": missing_groups},
        alphas,
    )


def counted_profiles(
    data: Any,
    spec: Any,
    design: Design,
    checked: Design,
    words: Mapping[str, Any],
    alphas: Sequence[float],
) -> Profiles:
    """Count the profiles; `checked` is the design whose sample the rows must be."""
    packed = spec if isinstance(spec, Packed) else None
    given, spec = spec, spec_of(spec)
    if words["standard"] is None and not isinstance(given, Spec | Packed):
        words = {**words, "standard": given}  # the standard whose specification it is
    powers = checked_alphas(spec, alphas)
    columns = list(spec.needed) if packed is None or powers else []
    named = [words[word] for word in ("by", "over", "where", "standard")]
    frame = frame_of(data, design, columns, *named)
    request = resolve(
        "profiles",
        frame,
        (),
        "flags",
        design=Design(weight=design.weight, size=design.size, row=design.row),
        observed=True,
        totals=None,
        **words,
    )
    units = units_of(frame, checked)
    weights = replicate_columns(frame, design)
    tables = tables_of(request, units, packed, spec, powers, weights)
    return Profiles(
        spec=spec,
        by=tuple(key.name for key in request.by),
        over=None if request.over is None else tuple(key.name for key in request.over),
        unit=request.unit,
        standard=None if isinstance(request.standard, Key) else request.standard,
        standard_key=request.standard.name if isinstance(request.standard, Key) else None,
        design=design,
        sampling=tuple(design_columns(design).values()),
        by_psu=tables,
        replicate_rank=rank_of_replicates(frame, design),
        _meta={
            "rows_read": frame.n,
            "rows_outside": frame.n - tables[0].groups.n_rows,
            "where_missing": tables[0].groups.where_missing,
            "unit": request.unit,
            "design": repr(design),
            "versions": versions(),
        },
    )


def replicate_columns(frame: Frame, design: Design) -> list[_core.Column]:
    """Return the columns of replicate weights, none if the design names none."""
    columns = []
    for name in weight_columns(frame, design):
        column = number_column(frame, "replicates", name)
        values = np.asarray(frame.array(name), dtype=np.float64)
        wrong = ~(values >= 0) | np.isinf(values)
        if wrong.any():
            row = int(wrong.argmax())
            error = ValueRangeError(
                f"replicate weights must be finite and at least 0, found {values[row]} in row {row}"
                f" (column {name!r})"
            )
            error.argument, error.column, error.row = "replicates", name, row
            raise error
        if column is not None:
            columns.append(column)
    return columns


def rank_of_replicates(frame: Frame, design: Design) -> int | None:
    """Return the rank of the columns of replicate weights, None if there are none."""
    names = weight_columns(frame, design)
    return rank_of(frame, names) if names else None


def tables_of(
    request: Request,
    units: Units | None,
    packed: Packed | None,
    spec: Spec,
    powers: Sequence[float],
    weights: Sequence[_core.Column],
) -> tuple[ProfileTable, ...]:
    """Count each table of a request; where rows are passed over again, they are packed first.

    Tables of a sample whose keys follow from the unit are all made of one pass.
    """
    by_table = [request.by]
    if request.over is not None:
        by_table = [(), *((key,) for key in request.over)]
    if packed is not None:
        check_rows(packed, request.frame)
    elif len(by_table) > 1 or powers or weights:
        packed = packed_rows(request.frame, spec)
    masks: Masks = packed if packed is not None else list(spec.columns(request.frame))
    passes: dict[tuple[_core.Column, ...], Mapping[str, Any]] = {}
    tables = []
    for keys in by_table:
        layout = plain_layout(keys) if units is None else sample_layout(request, keys, units)
        crossed = tuple(key.column for key in layout.keys)
        if crossed not in passes:
            passes[crossed] = counted(request, layout.keys, masks)
        table = tabulate(request, layout, passes[crossed])
        if units is not None or weights:
            table = with_positive(table, request, layout, masks, passes[crossed])
        if packed is not None and powers:
            table = with_gaps(table, request, layout, packed, powers)
        if packed is not None and weights:
            table = with_replicates(table, request, layout, packed, weights)
        tables.append(table)
    return tuple(tables)


# --- from profiles to profiles ---


def some_of_spec(spec: Spec, kept: Sequence[int]) -> Spec:
    """Return the specification of some of the indicators."""
    chosen = [spec.indicators[j] for j in kept]
    dimensions: dict[str, list[Indicator]] = {}
    for indicator in chosen:
        dimensions.setdefault(indicator.dimension, []).append(indicator)
    schemes = {}
    for name, weights in spec.schemes.items():
        given = dict(zip(spec.ids, weights, strict=True))
        moved: dict[str, Fraction] = {}
        for dimension, members in dimensions.items():
            whole = sum(given[name] for name in spec.dimensions[dimension])
            left = sum(given[indicator.id] for indicator in members)
            if left:
                moved |= {one.id: given[one.id] * whole / left for one in members}
            else:
                moved |= {one.id: Fraction(0) for one in members}
        total = sum(moved.values())
        if not total:
            raise option_error(
                "indicators", f"the indicators that stay have no weight in the scheme {name!r}"
            )
        schemes[name] = {one: weight / total for one, weight in moved.items()}
    return Spec(
        dimensions,
        name=spec.name,
        version=spec.version,
        k=spec.k,
        schemes=schemes,
        source=spec.source,
        note=spec.note,
    )


def check_mergeable(first: Profiles, second: Profiles) -> None:
    """Refuse to add profiles that do not count the same things."""
    if first.spec.digest != second.spec.digest:
        raise ComparabilityError("the profiles follow different specifications")
    for name in ("by", "over", "unit", "standard", "standard_key", "sampling"):
        mine, theirs = getattr(first, name), getattr(second, name)
        if mine != theirs:
            raise ComparabilityError(
                f"profiles with {name} {mine!r} and {theirs!r} are not added: they count different"
                " things"
            )
    rules = [
        replace(one.design, weight=None, size=None, row="household") for one in (first, second)
    ]
    if rules[0] != rules[1]:
        raise ComparabilityError(
            f"profiles of the designs {first.design} and {second.design} are not added: their"
            " samples follow different rules"
        )
    alphas = [sorted(profiles.by_psu[0].gaps) for profiles in (first, second)]
    if alphas[0] != alphas[1]:
        raise ComparabilityError(
            f"profiles with gaps to the powers {alphas[0]} and {alphas[1]} are not added"
        )


def rows_after(table: ProfileTable, first: Profiles) -> ProfileTable:
    """Return a table whose rows, where each is a PSU, are numbered after those read before."""
    if ROW not in first.sampling:
        return table
    at = len(table.groups.levels) - len(first.sampling) + first.sampling.index(ROW)
    levels = list(table.groups.levels)
    levels[at] = levels[at] + first._meta["rows_read"]
    return replace(table, groups=replace(table.groups, levels=tuple(levels)))


def merged_meta(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Add the counts of two metas; what differs otherwise is listed."""
    counts = ("rows_read", "rows_outside", "where_missing")
    meta = dict(first) | {word: first[word] + second[word] for word in counts}
    if first["design"] != second["design"]:
        meta["design"] = f"{first['design']}; {second['design']}"
    return meta
