"""Tables of profiles: cells of (group, deprived, missing), kept sorted, added up and merged.

With d indicators of 0/1 or missing, a row is one of at most 3^d profiles. Its profile is two bit
masks: bit j of `deprived` says that it is deprived in indicator j, bit j of `missing` that this is
not known (the bit of `deprived` is then 0). A cell is what the rows of one group and profile add up
to.

The cells of a table are always sorted by group, then by mask, and no two are the same. Whatever is
summed over cells runs in this order, so a sum does not depend on how a table came about: from one
pass, from parts that were added, from a file, or from a table of more groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from .cells import added_by_group, starts_of
from .tables import Table, added, in_order, sorted_groups

MASK = np.uint64
MOST_PLACES = 4  # per cell: up to so many, cells are joined without being sorted


@dataclass(frozen=True, eq=False)
class ProfileTable:
    """The cells of one table, and the groups that they belong to."""

    groups: Table  # levels, codes and sums "n" of the groups, in the order of the result
    group: np.ndarray  # (cells,) int64, which of the groups
    deprived: np.ndarray  # (cells,) uint64, bit j: deprived in indicator j
    missing: np.ndarray  # (cells,) uint64, bit j: indicator j is missing
    n: np.ndarray  # (cells,) int64, rows
    weight: np.ndarray  # (cells,) float64, sum of weights
    gaps: Mapping[float, np.ndarray] = field(default_factory=dict)  # alpha -> (cells, indicators)
    # Of a sample, where they are needed:
    n_positive: np.ndarray | None = None  # (cells,) int64, rows of positive weight; None: all
    replicates: np.ndarray | None = None  # (cells, replicates) sums of replicate weights

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return self.groups.n_groups

    @property
    def rows(self) -> np.ndarray:
        """Rows of each group: those of its cells."""
        rows: np.ndarray = self.groups.sums["n"][:, 0]
        return rows

    @cached_property
    def starts(self) -> np.ndarray:
        """Where the cells of each group start, and where the last end."""
        return starts_of(self.group, self.n_groups)

    @cached_property
    def population(self) -> np.ndarray:
        """Sum of weights of each group."""
        return added_by_group(self.starts, self.weight)

    @cached_property
    def has_missing(self) -> bool:
        """Whether some indicator of some cell is missing."""
        is_one = self.missing.strides == (0,)  # one number stands for all
        return bool((self.missing[:1] if is_one else self.missing).any())

    def starting(self, starts: np.ndarray) -> ProfileTable:
        """Return the table, told where the cells of each group start, so that none need look."""
        self.__dict__["starts"] = starts
        return self


def bit(mask: np.ndarray, j: int) -> np.ndarray:
    """Return whether bit j is set."""
    is_set: np.ndarray = (mask & MASK(1 << j)) != 0
    return is_set


def only_bits(mask: np.ndarray, kept: Sequence[int]) -> np.ndarray:
    """Return masks of some of the bits, which move together."""
    out = np.zeros(len(mask), dtype=MASK)
    for place, j in enumerate(kept):
        out |= bit(mask, j).astype(MASK) << MASK(place)
    return out


# --- cells in order ---------------------------------------------------------------------------


def arranged(table: ProfileTable, groups: Table, group: np.ndarray) -> ProfileTable:
    """Move the cells into groups; sort them, and join those that are then the same."""
    code = cell_codes(group, table.deprived, table.missing)
    if code is not None and (code[1:] > code[:-1]).all():
        return replace(table, groups=groups, group=group)
    if code is not None and int(code.max()) < MOST_PLACES * len(code):
        return joined_by_place(table, groups, group, code.astype(np.int64))
    order, starts = cell_order(group, table.deprived, table.missing, code)

    def joined(values: np.ndarray) -> np.ndarray:
        values = values[order]
        if len(starts) == len(values):
            return values
        return np.add.reduceat(values, starts, axis=0, dtype=values.dtype)

    return joined_cells(table, groups, group, order[starts], joined)


def joined_by_place(
    table: ProfileTable, groups: Table, group: np.ndarray, code: np.ndarray
) -> ProfileTable:
    """Join cells by their codes, which are so few that each has a place of its own."""
    n_places = int(code.max()) + 1
    first = np.full(n_places, -1, dtype=np.int64)
    first[code[::-1]] = np.arange(len(code))[::-1]
    used = first >= 0

    def joined(values: np.ndarray) -> np.ndarray:
        if values.ndim == 1:
            return np.bincount(code, values, n_places)[used].astype(values.dtype)
        columns = [np.bincount(code, column, n_places)[used] for column in values.T]
        return np.column_stack(columns) if columns else np.zeros((int(used.sum()), 0))

    return joined_cells(table, groups, group, first[used], joined)


def joined_cells(
    table: ProfileTable,
    groups: Table,
    group: np.ndarray,
    first: np.ndarray,
    joined: Callable[[np.ndarray], np.ndarray],
) -> ProfileTable:
    """Return the distinct cells, the first of each standing at `first`, their columns joined."""
    return ProfileTable(
        groups,
        group[first],
        table.deprived[first],
        table.missing[first],
        joined(table.n),
        joined(table.weight),
        {alpha: joined(sums) for alpha, sums in table.gaps.items()},
        None if table.n_positive is None else joined(table.n_positive),
        None if table.replicates is None else joined(table.replicates),
    )


def cell_order(
    group: np.ndarray, deprived: np.ndarray, missing: np.ndarray, code: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the order that sorts cells, and where the distinct ones start in it."""
    if code is not None:
        order = np.argsort(code, kind="stable")
        columns = [code[order]]
    else:
        order = np.lexsort((missing, deprived, group))
        columns = [column[order] for column in (group, deprived, missing)]
    differs = [column[1:] != column[:-1] for column in columns]
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = np.logical_or.reduce(differs)
    return order, np.flatnonzero(is_first)


def cell_codes(group: np.ndarray, deprived: np.ndarray, missing: np.ndarray) -> np.ndarray | None:
    """Return one integer per cell that sorts as the cells do, None if 63 bits are too few."""
    if not len(group):
        return np.zeros(0, dtype=np.int64)
    widths = [int(column.max()).bit_length() for column in (group, deprived, missing)]
    if sum(widths) > 63:
        return None
    shift = MASK(widths[1] + widths[2])
    code: np.ndarray = group.astype(MASK) << shift | deprived << MASK(widths[2]) | missing
    return code


def some_indicators(table: ProfileTable, kept: Sequence[int]) -> ProfileTable:
    """Keep some of the bits of each mask."""
    fewer = replace(
        table,
        deprived=only_bits(table.deprived, kept),
        missing=only_bits(table.missing, kept),
        gaps={alpha: sums[:, kept] for alpha, sums in table.gaps.items()},
    )
    return arranged(fewer, fewer.groups, fewer.group)


def fewer_keys(table: ProfileTable, kept: Sequence[int]) -> ProfileTable:
    """Keep some of the keys; the groups that are then the same are joined."""
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
    return arranged(table, joined, place[table.group])


# --- two tables into one ----------------------------------------------------------------------


def merged(first: ProfileTable, second: ProfileTable) -> ProfileTable:
    """Add two tables of the same keys, matching groups by their labels."""
    groups, place = merged_groups(first.groups, second.groups)

    def both(name: str) -> np.ndarray:
        return np.concatenate([getattr(first, name), getattr(second, name)])

    together = ProfileTable(
        groups,
        np.concatenate([place[first.group], place[first.n_groups :][second.group]]),
        both("deprived"),
        both("missing"),
        both("n"),
        both("weight"),
        {alpha: np.concatenate([sums, second.gaps[alpha]]) for alpha, sums in first.gaps.items()},
        positive_of_both(first, second),
        None if first.replicates is None else both("replicates"),
    )
    return arranged(together, groups, together.group)


def positive_of_both(first: ProfileTable, second: ProfileTable) -> np.ndarray | None:
    """Return the rows of positive weight in the cells of one table, then of the other."""
    if first.n_positive is None and second.n_positive is None:
        return None
    return np.concatenate(
        [table.n if table.n_positive is None else table.n_positive for table in (first, second)]
    )


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
