"""Deprivation profiles: how many households or persons of each group have which deprivations.

With d indicators of 0/1 or missing, a row is one of at most 3^d profiles. Its profile is two bit
masks: bit j of `deprived` says that it is deprived in indicator j, bit j of `missing` that this is
not known (the bit of `deprived` is then 0). One pass over the rows adds each weight to its cell,
(group, deprived, missing). Whatever is asked of the indicators together is then a sum over cells:
every cut-off, weighting, treatment of missing values and subset of indicators, without the rows.

A table keeps its cells as the pass returned them, sorted by the groups of the pass and by mask;
`place` says which group of the result each of those is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import _core
from ..design import Design
from ..errors import ComparabilityError, DuplicateNameError, unknown_option
from ..estimates import Estimates
from ..inputs import Frame, Key
from .spec import Indicator, Spec
from .tally import (
    Request,
    Table,
    added,
    arrange,
    call_core,
    crossed_columns,
    frame_of,
    in_order,
    one_way_columns,
    option_error,
    resolve,
    sorted_groups,
    versions,
    with_standard,
)

MASK = np.uint64


@dataclass(frozen=True, eq=False)
class ProfileTable:
    """The cells of one table, and the groups of the result that they belong to."""

    groups: Table  # levels, codes and sums "n" of the groups of the result, in its order
    place: np.ndarray  # (groups of the pass,) which group of the result each is
    group: np.ndarray  # (cells,) int64, group of the pass; cells are sorted by it, then by mask
    deprived: np.ndarray  # (cells,) uint64, bit j: deprived in indicator j
    missing: np.ndarray  # (cells,) uint64, bit j: indicator j is missing
    n: np.ndarray  # (cells,) int64, rows
    weight: np.ndarray  # (cells,) float64, sum of weights
    gaps: Mapping[float, np.ndarray] = field(default_factory=dict)  # alpha -> (cells, indicators)

    def gather(self, values: np.ndarray) -> np.ndarray:
        """Add what was summed by group of the pass (first axis) into the groups of the result."""
        return added(self.place, self.groups.n_groups, values)

    def of_group(self) -> np.ndarray:
        """Return the group of the result of each cell."""
        group: np.ndarray = self.place[self.group]
        return group


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
    tables: tuple[ProfileTable, ...]  # one; with `over` the whole and one per key
    _meta: Mapping[str, Any]

    # ---- what it is -------------------------------------------------------------------------

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
        tables = [in_mask_order(table) for table in self.tables]
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
        tables = [merged(*pair) for pair in zip(self.tables, other.tables, strict=True)]
        return replace(self, tables=tuple(tables), _meta=merged_meta(self._meta, other._meta))

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
            `k`, `measures`, `missing`, `schemes`, `weights`, `indicators`, `bands`, `totals`,
            `observed` as in `povertycore.multidim`.

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
        if over is None:
            table = fewer_keys(self.tables[0], position)
            return replace(self, by=tuple(names), over=None, tables=(table,))
        one_way = [[], *([j] for j in position)]
        tables = tuple(fewer_keys(self.tables[0], keys) for keys in one_way)
        return replace(self, by=(), over=tuple(names), tables=tables)

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
        tables = tuple(some_indicators(table, kept) for table in self.tables)
        return replace(self, spec=some_of_spec(self.spec, kept), tables=tables)

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
    spec : Spec or Standard
        The indicators: columns of 0/1 or missing, or rules on other columns.
    by : str or list of str, optional
        Columns that are crossed to define the groups.
    over : str or list of str, optional
        Columns that each give a table of their own, after the whole. Not together with `by`.
    where : str or array_like, optional
        Boolean column: the domain. A missing value is outside, and counted in `.meta`.
    design : Design, optional
        Weight, household size and what a row is. With a size the household's profile counts for
        each member.
    count : {"households", "persons"}, optional
        What is counted, in place of what the design says.
    standard : str or Standard, optional
        The standard that the indicators follow: an id, or the name of a column of ids.
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
    spec = spec_of(spec)
    columns = [indicator.column for indicator in spec.indicators]
    frame = frame_of(data, design, columns, by, over, where, standard)
    request = resolve(
        "profiles",
        frame,
        (),
        "flags",
        by=by,
        over=over,
        where=where,
        design=design,
        count=count,
        standard=standard,
        missing_groups=missing_groups,
        observed=True,
        totals=None,
    )
    indicators = list(spec.columns(frame))
    gaps = gap_columns(frame, spec, alphas)
    by_table = [request.by]
    if request.over is not None:
        by_table = [(), *((key,) for key in request.over)]
    tables = tuple(tabulate(request, keys, indicators, gaps) for keys in by_table)
    return Profiles(
        spec=spec,
        by=tuple(key.name for key in request.by),
        over=None if request.over is None else tuple(key.name for key in request.over),
        unit=request.unit,
        standard=None if isinstance(request.standard, Key) else request.standard,
        standard_key=request.standard.name if isinstance(request.standard, Key) else None,
        tables=tables,
        _meta={
            "rows_read": frame.n,
            "rows_outside": frame.n - tables[0].groups.n_rows,
            "where_missing": tables[0].groups.where_missing,
            "unit": request.unit,
            "design": repr(request.design),
            "versions": versions(),
        },
    )


def spec_of(spec: Any) -> Spec:
    """Return a Spec; a standard gives its own."""
    if isinstance(spec, Spec):
        return spec
    if callable(getattr(spec, "spec", None)):
        return spec.spec()
    raise option_error("spec", f"spec must be a Spec or a Standard, found {type(spec).__name__}")


Gaps = Mapping[float, Sequence[_core.Column]]


def gap_columns(frame: Frame, spec: Spec, alphas: Sequence[float]) -> Gaps:
    """Return per power the columns of gaps to that power, one per indicator.

    The gap of an amount x below its limit z is (z - x) / z, that of any other 0.
    """
    columns: dict[float, list[_core.Column]] = {float(alpha): [] for alpha in alphas}
    for alpha in columns:
        if not 0 < alpha < np.inf:
            raise option_error("alphas", f"the powers of gaps must be above 0, found {alpha:g}")
    for indicator in spec.indicators if columns else ():
        limit = limit_of(indicator)
        amount = np.asarray(frame.array(indicator.column), dtype=np.float64)
        gap = np.where(amount < limit, (limit - amount) / limit, 0.0)
        gap[np.isnan(amount)] = np.nan
        for alpha, list_of in columns.items():
            list_of.append(_core.column_array(gap**alpha, None, indicator.column))
    return columns


def limit_of(indicator: Indicator) -> float:
    """Return the amount below which an indicator is deprived."""
    raise NotImplementedError


def tabulate(
    request: Request, keys: Sequence[Key], indicators: Sequence[_core.Column], gaps: Gaps
) -> ProfileTable:
    """Count the profiles by the crossed keys."""
    cells = cells_with_gaps if gaps else cells_of
    raw, rest = cells(request, keys, indicators, gaps)
    arrangement = arrange(raw, keys)
    by_group = np.bincount(rest["group"], rest["n"], minlength=raw["n_groups"])
    n = added(arrangement.group, arrangement.n_groups, by_group.astype(np.int64))
    nothing = np.zeros(0, dtype=np.int64)
    groups = Table(
        levels=arrangement.levels,
        codes=arrangement.codes,
        seen=np.ones(arrangement.n_groups, dtype=bool),
        sums={"n": n[:, None]},
        variable=nothing,
        category=nothing,
        n_rows=int(n.sum()),
        where_missing=raw["where_missing"],
    )
    return ProfileTable(with_standard(request, keys, groups), arrangement.group, **rest)


Cells = tuple[Mapping[str, Any], dict[str, Any]]  # groups as _core.total has them; columns of cells


def cells_of(
    request: Request, keys: Sequence[Key], indicators: Sequence[_core.Column], gaps: Gaps
) -> Cells:
    """Make the one pass over the rows."""
    if not hasattr(_core, "profile"):
        return cells_with_gaps(request, keys, indicators, gaps)
    raw = _core.profile(
        request.frame.n,
        [key.column for key in keys],
        indicators,
        weight=request.weight,
        size=request.size,
        where=request.where,
        keep_missing=request.keep_missing,
    )
    names = ("group", "deprived", "missing", "n", "weight")
    return raw, {name: raw[f"cell_{name}"] for name in names}


def cells_with_gaps(
    request: Request, keys: Sequence[Key], indicators: Sequence[_core.Column], gaps: Gaps
) -> Cells:
    """Total the gaps by keys and indicators: each cell is a group of that pass."""
    raw = call_core(
        request,
        [*keys, *(AsKey(column) for column in indicators)],
        keep_missing=True,
        values=[column for columns in gaps.values() for column in columns],
    )
    n_keys, width = len(keys), len(indicators)
    if not request.keep_missing and any(part.any() for part in raw["key_missing"][:n_keys]):
        call_core(request, keys, keep_missing=False)  # raises, and names the first row
    deprived, missing = (np.zeros(raw["n_groups"], dtype=MASK) for _ in range(2))
    for j in range(width):
        unknown = raw["key_missing"][n_keys + j]
        flag = np.where(unknown, 0, raw["key_values"][n_keys + j])
        deprived |= flag.astype(MASK) << MASK(j)
        missing |= unknown.astype(MASK) << MASK(j)
    used = np.flatnonzero(raw["n"])
    sums = raw["sums"].T[used]
    return raw, {
        "group": used,
        "deprived": deprived[used],
        "missing": missing[used],
        "n": raw["n"][used],
        "weight": raw["weight"][used],
        "gaps": {alpha: sums[:, a * width : (a + 1) * width] for a, alpha in enumerate(gaps)},
    }


@dataclass(frozen=True)
class AsKey:
    """An indicator where `call_core` takes a key."""

    column: _core.Column


# --- from cells -------------------------------------------------------------------------------


def bit(mask: np.ndarray, j: int) -> np.ndarray:
    """Return whether bit j is set."""
    is_set: np.ndarray = (mask & MASK(1 << j)) != 0
    return is_set


def in_mask_order(table: ProfileTable) -> ProfileTable:
    """Sort the cells by group of the result and mask; cells that are then the same are joined."""
    group = table.of_group()
    (group, deprived, missing), cell = sorted_groups([group, table.deprived, table.missing])
    n_cells = len(group)
    return replace(
        table,
        place=np.arange(table.groups.n_groups),
        group=group,
        deprived=deprived,
        missing=missing,
        n=added(cell, n_cells, table.n),
        weight=added(cell, n_cells, table.weight),
        gaps={alpha: added(cell, n_cells, sums) for alpha, sums in table.gaps.items()},
    )


def some_indicators(table: ProfileTable, kept: Sequence[int]) -> ProfileTable:
    """Keep some of the bits of each mask; cells that are then the same are joined."""

    def packed(mask: np.ndarray) -> np.ndarray:
        out = np.zeros(len(mask), dtype=MASK)
        for place, j in enumerate(kept):
            out |= bit(mask, j).astype(MASK) << MASK(place)
        return out

    fewer = replace(
        table,
        deprived=packed(table.deprived),
        missing=packed(table.missing),
        gaps={alpha: sums[:, kept] for alpha, sums in table.gaps.items()},
    )
    return in_mask_order(fewer)


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
    return Spec(dimensions, name=spec.name, version=spec.version, k=spec.k, schemes=schemes)


def fewer_keys(table: ProfileTable, kept: Sequence[int]) -> ProfileTable:
    """Keep some of the keys; the groups that are then the same are joined, the cells stay."""
    groups = table.groups
    if kept:
        codes, place = sorted_groups([groups.codes[j] for j in kept])
    else:
        codes, place = (), np.zeros(groups.n_groups, dtype=np.int64)
    n_groups = len(codes[0]) if kept else 1
    joined = replace(
        groups,
        levels=tuple(groups.levels[j] for j in kept),
        codes=codes,
        seen=np.ones(n_groups, dtype=bool),
        sums={word: added(place, n_groups, values) for word, values in groups.sums.items()},
    )
    return replace(table, groups=joined, place=place[table.place])


def check_mergeable(first: Profiles, second: Profiles) -> None:
    """Refuse to add profiles that do not count the same things."""
    if first.spec.digest != second.spec.digest:
        raise ComparabilityError("the profiles follow different specifications")
    for name in ("by", "over", "unit", "standard", "standard_key"):
        mine, theirs = getattr(first, name), getattr(second, name)
        if mine != theirs:
            raise ComparabilityError(
                f"profiles with {name} {mine!r} and {theirs!r} are not added: they count different"
                " things"
            )
    alphas = [sorted(profiles.tables[0].gaps) for profiles in (first, second)]
    if alphas[0] != alphas[1]:
        raise ComparabilityError(
            f"profiles with gaps to the powers {alphas[0]} and {alphas[1]} are not added"
        )


def merged(first: ProfileTable, second: ProfileTable) -> ProfileTable:
    """Add two tables of the same keys, matching groups by their labels."""
    groups, place = merged_groups(first.groups, second.groups)
    n_first = first.groups.n_groups

    def both(name: str) -> np.ndarray:
        return np.concatenate([getattr(first, name), getattr(second, name)])

    together = ProfileTable(
        groups,
        place,
        np.concatenate([first.of_group(), second.of_group() + n_first]),
        both("deprived"),
        both("missing"),
        both("n"),
        both("weight"),
        {alpha: np.concatenate([sums, second.gaps[alpha]]) for alpha, sums in first.gaps.items()},
    )
    return in_mask_order(together)


def merged_groups(first: Table, second: Table) -> tuple[Table, np.ndarray]:
    """Return the groups of both, in order, and the place of each group of the two in them."""
    found = [
        in_order(joined_labels(*pair))
        for pair in zip(labels_by_key(first), labels_by_key(second), strict=True)
    ]
    if found:
        codes, place = sorted_groups([code for _, code in found])
        n_groups = len(codes[0])
    else:
        codes, place, n_groups = (), np.zeros(2, dtype=np.int64), 1
    first, second = under_the_same_standards(first, second)
    sums = {
        word: added(place, n_groups, np.concatenate([values, second.sums[word]]))
        for word, values in first.sums.items()
    }
    groups = replace(
        first,
        levels=tuple(labels for labels, _ in found),
        codes=codes,
        seen=np.ones(n_groups, dtype=bool),
        sums=sums,
        n_rows=first.n_rows + second.n_rows,
        where_missing=first.where_missing + second.where_missing,
    )
    return groups, place


def labels_by_key(table: Table) -> list[Any]:
    """Return the label of each group, per key."""
    return [levels.take(codes) for levels, codes in zip(table.levels, table.codes, strict=True)]


def joined_labels(first: Any, second: Any) -> Any:
    """Return the labels of one after those of the other; new categories come last."""
    if all(isinstance(labels, pd.Categorical) for labels in (first, second)):
        categories = dict.fromkeys([*first.categories, *second.categories])
        dtype = pd.CategoricalDtype(list(categories), ordered=first.ordered and second.ordered)
        first, second = (
            pd.Categorical(labels.astype(object), dtype=dtype) for labels in (first, second)
        )
        return pd.Categorical.from_codes([*first.codes, *second.codes], dtype=dtype)
    return pd.concat([pd.Series(first), pd.Series(second)], ignore_index=True).array


def under_the_same_standards(first: Table, second: Table) -> tuple[Table, Table]:
    """Give both tables the same list of standards."""
    if first.standards is None:
        return first, second
    ids = list(dict.fromkeys([*first.standards, *second.standards]))

    def spread(table: Table, word: str) -> np.ndarray:
        counts = np.zeros((table.n_groups, len(ids) + 1), dtype=np.int64)
        places = [*(ids.index(name) for name in table.standards), len(ids)]
        counts[:, places] = table.sums[word]
        return counts

    return tuple(  # type: ignore[return-value]
        replace(
            table,
            standards=np.array(ids, dtype=object),
            sums=table.sums | {word: spread(table, word) for word in ("standard", "standard_seen")},
        )
        for table in (first, second)
    )


def merged_meta(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Add the counts of two metas; what differs otherwise is listed."""
    counts = ("rows_read", "rows_outside", "where_missing")
    meta = dict(first) | {word: first[word] + second[word] for word in counts}
    if first["design"] != second["design"]:
        meta["design"] = f"{first['design']}; {second['design']}"
    return meta
