"""Tables of sums by group: how they are arranged, put side by side, and given totals.

A table has a group per combination of key labels and a slot per variable (each category is a slot
of its own). Everything in it is additive over groups: groups whose labels turn out to be equal, and
totals over a key, are sums of small tables; the cells of a sample move with their groups.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from ..errors import (
    DuplicateNameError,
    LimitError,
    OptionError,
)
from ..fields import TOTAL
from ..inputs import Key, label_order
from .precision import Cells

MOST_GROUPS = 10_000_000  # of a crossing with unseen combinations; beyond it the result is no table

MANY = 4096  # cells from which on it pays to look at their distinct values first

SUMS = ("n_obs", "population", "numerator", "denominator")  # of each group and slot

# Of a sample, too: first and second moments. Of what is 0/1 they are the numerator.
MOMENTS = {"values": ("centred", "square"), "pairs": ("square", "cross", "square_below")}

# What slots of other kinds have in their place, when tables are put side by side.
SIDE_BY_SIDE = {word: word for word in SUMS} | {
    "centred": "numerator",
    "square": "numerator",
    "n_positive": "n_obs",
}


def option_error(argument: str, message: str) -> OptionError:
    """Return the error for an argument, with its name attached."""
    error = OptionError(message)
    error.argument = argument
    return error


@dataclass(frozen=True)
class Arrangement:
    """The groups of one call of `_core.total`, in the order of the result."""

    levels: tuple[Any, ...]  # per key: its labels in order, a missing label last
    codes: tuple[np.ndarray, ...]  # per key: the level of each group
    group: np.ndarray  # of each group of the call: its place here; equal labels share one
    n_groups: int

    def gather(self, values: np.ndarray) -> np.ndarray:
        """Add up what the call returned, groups along the last axis, into groups x slots."""
        return added(self.group, self.n_groups, values.T)


class Grouped(Protocol):
    """A table of groups: the labels of its keys in order, and each group's place in them."""

    @property
    def levels(self) -> tuple[Any, ...]:
        """Per key: its labels in order, a missing label last."""

    @property
    def codes(self) -> tuple[np.ndarray, ...]:
        """Per key: the level of each group."""


@dataclass(frozen=True)
class Table:
    """Sums by group (first axis) and slot (second axis), in the order of the result."""

    levels: tuple[Any, ...]
    codes: tuple[np.ndarray, ...]
    seen: np.ndarray  # bool (groups,): the combination is in the data
    sums: dict[str, np.ndarray]  # n (groups, 1), and SUMS (groups, slots)
    variable: np.ndarray  # of each slot: its place among the variables
    category: np.ndarray  # of each slot: its place among the categories, -1 if there are none
    categories: dict[int, Any] = field(default_factory=dict)  # their labels, by variable
    standards: Any = None  # the ids behind the columns of the sums "standard" and "standard_seen"
    n_rows: int = 0  # in the domain
    where_missing: int = 0
    cells: tuple[Cells, ...] = ()  # of a sample: what the sums are sums of
    meta: Mapping[str, Any] = field(default_factory=dict)  # what more the result tells
    replicates: tuple[list[Table], ...] = ()  # all tables again, by column of replicate weights

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.seen)

    def moved_cells(self, to: np.ndarray) -> tuple[Cells, ...]:
        """Return the cells of the groups at their new places."""
        return tuple(cells.moved(to) for cells in self.cells)


def side_by_side(tables: Sequence[Table]) -> Table:
    """Put the slots of tables of the same groups beside each other, in the order of variables."""
    if len(tables) == 1:
        return tables[0]
    variable = np.concatenate([table.variable for table in tables])
    order = np.argsort(variable, kind="stable")
    words = dict.fromkeys(word for table in tables for word in table.sums if word in SIDE_BY_SIDE)
    sums = {
        word: np.hstack([table.sums.get(word, table.sums[other]) for table in tables])
        for word, other in ((word, SIDE_BY_SIDE[word]) for word in words)
    }
    return replace(
        tables[0],
        sums={"n": tables[0].sums["n"]} | {word: sums[word][:, order] for word in words},
        variable=variable[order],
        category=np.concatenate([table.category for table in tables])[order],
        categories={j: labels for table in tables for j, labels in table.categories.items()},
        cells=cells_side_by_side(tables, order),
    )


def cells_side_by_side(tables: Sequence[Table], order: np.ndarray) -> tuple[Cells, ...]:
    """Return the cells of all tables; `order` has the old place of each slot."""
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    first, moved = 0, []
    for table in tables:
        moved += [cells.at_slots(place[first:]) for cells in table.cells]
        first += len(table.variable)
    return tuple(moved)


def table_of(
    arrangement: Arrangement,
    n: np.ndarray,
    sums: Sequence[np.ndarray],
    variable: np.ndarray,
    **more: Any,
) -> Table:
    """Make a table of groups that were all seen in the data; `sums` in the order of SUMS."""
    return Table(
        levels=arrangement.levels,
        codes=arrangement.codes,
        seen=np.ones(arrangement.n_groups, dtype=bool),
        sums={"n": n[:, None]} | dict(zip(SUMS, sums, strict=True)),
        variable=variable,
        category=more.pop("category", np.full(len(variable), -1)),
        n_rows=int(n.sum()),
        **more,
    )


def arrange(raw: Mapping[str, Any], keys: Sequence[Key]) -> Arrangement:
    """Sort the groups of a call by the labels of its first keys, joining those that are equal."""
    if not keys:
        n_groups = 1
        return Arrangement((), (), np.zeros(raw["n_groups"], np.int64), n_groups)
    found = [
        levels_of(key, raw["key_values"][j], raw["key_missing"][j]) for j, key in enumerate(keys)
    ]
    levels = tuple(labels for labels, _ in found)
    codes, group = sorted_groups([code for _, code in found])
    return Arrangement(levels, codes, group, len(codes[0]))


def levels_of(key: Key, values: np.ndarray, missing: np.ndarray) -> tuple[Any, np.ndarray]:
    """Return the labels of a key in order, a missing one last, and each group's place in them."""
    if len(values) < MANY:
        return in_order(key.labels(values, missing))
    # Many cells have few labels: these are made of the distinct values only.
    values = np.asarray(values)
    if missing.any():
        values = np.where(missing, other_than(values), values)
    place, distinct = pd.factorize(values)
    is_missing = np.zeros(len(distinct), dtype=bool)
    is_missing[place[missing]] = True
    levels, code = in_order(key.labels(distinct, is_missing))
    return levels, code[place]


def other_than(values: np.ndarray) -> int:
    """Return an integer that is not among the values."""
    most = int(values.max())
    return most + 1 if most < np.iinfo(np.int64).max else int(values.min()) - 1


def in_order(labels: Any) -> tuple[Any, np.ndarray]:
    """Return the distinct labels in order, a missing one last, and the place of each given one."""
    if isinstance(getattr(labels, "dtype", None), pd.CategoricalDtype):
        labels = pd.Categorical(labels)
        code = labels.codes.astype(np.int64)
        levels = list(range(len(labels.categories)))
        if (code < 0).any():
            code[code < 0] = len(levels)
            levels.append(-1)
        return pd.Categorical.from_codes(levels, dtype=labels.dtype), code
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "iu":
        found, code = np.unique(labels, return_inverse=True)
        return pd.arrays.NumpyExtensionArray(found), code
    code, distinct = pd.factorize(pd.Series(labels), use_na_sentinel=False)
    uniques = distinct.array
    order = np.asarray(label_order(uniques))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return uniques.take(order), rank[code]


def sorted_groups(codes: Sequence[np.ndarray]) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Return the distinct combinations of codes in order, and the place of each given one."""
    if len(codes[0]) >= MANY:
        sizes = [int(code.max()) + 1 for code in codes]
        if math.prod(sizes) <= 4 * len(codes[0]):
            return tabled_groups(codes, sizes)
    order = np.lexsort(codes[::-1])
    in_order = [code[order] for code in codes]
    first = np.ones(len(order), dtype=bool)
    first[1:] = np.logical_or.reduce([code[1:] != code[:-1] for code in in_order])
    group = np.empty(len(order), dtype=np.int64)
    group[order] = np.cumsum(first) - 1
    return tuple(code[first] for code in in_order), group


def tabled_groups(
    codes: Sequence[np.ndarray], sizes: Sequence[int]
) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Do what `sorted_groups` does, where a table of all combinations is small."""
    number = np.ravel_multi_index(tuple(codes), sizes)
    occurs = np.zeros(math.prod(sizes), dtype=bool)
    occurs[number] = True
    place = np.cumsum(occurs) - 1
    found = np.unravel_index(np.flatnonzero(occurs), sizes)
    same_types = (part.astype(code.dtype) for part, code in zip(found, codes, strict=True))
    return tuple(same_types), place[number]


def added(group: np.ndarray, n_groups: int, values: np.ndarray) -> np.ndarray:
    """Add values (first axis) into groups, in the order given."""
    out = np.zeros((n_groups, *values.shape[1:]), dtype=values.dtype)
    if len(group) == n_groups and np.bincount(group, minlength=n_groups).all():
        out[group] = values  # each group has one: no need to add
    elif len(group) >= MANY and values.dtype != bool:  # counts below 2^53 are added exactly
        columns = values.reshape(len(group), -1)
        for j in range(columns.shape[1]):
            out.reshape(n_groups, -1)[:, j] = np.bincount(group, columns[:, j], n_groups)
    else:
        np.add.at(out, group, values)
    return out


def with_unseen(table: Table) -> Table:
    """Add a group, without rows, for every combination of the levels of the keys."""
    sizes = [len(levels) for levels in table.levels]
    n_groups = int(np.prod(sizes, dtype=object)) if sizes else table.n_groups
    if n_groups > MOST_GROUPS:
        raise LimitError(
            f"observed=False would give {n_groups} combinations of keys; at most {MOST_GROUPS}"
        )
    if not sizes or not n_groups:
        return table
    group = np.ravel_multi_index(table.codes, sizes)
    codes = np.unravel_index(np.arange(n_groups), sizes)
    return replace(
        table,
        codes=tuple(code.astype(np.int64) for code in codes),
        seen=added(group, n_groups, table.seen),
        sums={word: added(group, n_groups, values) for word, values in table.sums.items()},
        cells=table.moved_cells(group),
    )


def with_totals(table: Table, positions: Sequence[int], names: Sequence[str]) -> Table:
    """Add, per combination of the other keys, a group labelled as the total, the last in order."""
    levels, total_codes = list(table.levels), list(table.codes)
    for j in positions:
        total_codes[j] = np.full(table.n_groups, len(levels[j]))
        levels[j] = with_total_label(levels[j], names[j])
    codes, group = sorted_groups(total_codes)
    n_totals = len(codes[0])
    return with_groups(
        replace(table, levels=tuple(levels)),
        codes,
        added(group, n_totals, table.seen.astype(np.int64)) > 0,
        {word: added(group, n_totals, values) for word, values in table.sums.items()},
        table.moved_cells(group),
    )


def with_groups(
    table: Table,
    codes: Sequence[np.ndarray],
    seen: np.ndarray,
    sums: Mapping[str, np.ndarray],
    cells: Sequence[Cells] = (),
) -> Table:
    """Add groups that the table does not have, each in its place."""
    place, order = sorted_groups(
        [np.concatenate(pair) for pair in zip(table.codes, codes, strict=True)]
    )

    def joined(values: np.ndarray, more: np.ndarray) -> np.ndarray:
        return added(order, len(order), np.concatenate([values, more]))

    return replace(
        table,
        codes=place,
        seen=joined(table.seen, seen),
        sums={word: joined(values, sums[word]) for word, values in table.sums.items()},
        cells=(
            *table.moved_cells(order[: table.n_groups]),
            *(more.moved(order[table.n_groups :]) for more in cells),
        ),
    )


def seen_only(table: Table) -> Table:
    """Leave out groups that are not in the data: a population has them, for its totals."""
    if table.seen.all():
        return table
    return replace(
        table,
        codes=tuple(code[table.seen] for code in table.codes),
        seen=table.seen[table.seen],
        sums={word: values[table.seen] for word, values in table.sums.items()},
        cells=table.moved_cells(np.where(table.seen, np.cumsum(table.seen) - 1, -1)),
    )


def with_total_label(levels: Any, name: str) -> Any:
    """Append the label of the total to the levels of a text key."""
    is_categorical = isinstance(levels, pd.Categorical)
    labels = pd.Series(levels.categories if is_categorical else levels)
    known = labels.dropna()
    if not all(isinstance(label, str) for label in known):
        raise option_error("totals", f"totals needs a key of text; {name!r} is not one")
    if (known == TOTAL).any():
        raise DuplicateNameError(f"the key {name!r} has a label {TOTAL!r} of its own")
    if is_categorical:
        dtype = pd.CategoricalDtype([*levels.categories, TOTAL], ordered=levels.ordered)
        return pd.Categorical.from_codes([*levels.codes, len(levels.categories)], dtype=dtype)
    return pd.concat([labels, pd.Series([TOTAL], dtype=labels.dtype)]).array
