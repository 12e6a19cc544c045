r"""What figures of targeting are made of: sums by class and by who receives, and functions of them.

One pass a benefit and grouping crosses the groups of the result with the class of a row (poor or
not, a class, a quantile) and with whether it receives. From these cells come sums over some classes
and receivers: of weights, and of amounts. A figure is a ratio of two such sums, T1/T2, or a ratio
of ratios (T1/T2)/(T3/T4), whose part in a sampling unit is, relative to the figure,

.. math:: t_1/T_1 - t_2/T_2 - t_3/T_3 + t_4/T_4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from ..inputs import Key
from .precision import Cells
from .tables import Arrangement, Table, added, arrange, levels_of, sorted_groups
from .tally import Request, call_core, weightless

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Sums of a component, over the rows that belong to it: their number and weight, and the weighted
# sums of an amount and of its square (of the number of rows: the weight again). `lost` rows are
# those of the group that may belong to it, for something of them is missing.
WORDS = ("n_obs", "n_positive", "population", "numerator", "denominator", "lost")
COUNT, AMOUNT, THIN = "count", "amount", "thin"


@dataclass(frozen=True)
class Grouping:
    """A way to split the rows: into poor and others, by classes or by quantiles."""

    name: str  # "" is poor and not poor, where the result names no group
    key: Key
    labels: tuple[Any, ...]
    poor: tuple[int, ...] = ()  # the labels that are poor


@dataclass(frozen=True)
class Benefit:
    """A benefit: who receives it, how much, and which amount is thin."""

    name: str
    key: Key
    amount: _core.Column | None = None
    is_thin: _core.Column | None = None


@dataclass(frozen=True)
class Place:
    """Where a component stands: it belongs to a benefit, grouping, label, receiving or not."""

    kind: str
    benefit: int
    grouping: int
    label: int
    receives: bool


# ---- one pass ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pass:
    """The cells of a pass over keys of the result and some more, whose labels are codes."""

    request: Request
    raw: Mapping[str, Any]
    again: Mapping[str, Any] | None  # the same with rows of zero weight counted
    arrangement: Arrangement
    codes: tuple[Ints, ...]  # of the further keys in each cell, -1 is missing
    n_keys: int

    @classmethod
    def over(
        cls,
        request: Request,
        keys: Sequence[Key],
        more: Sequence[tuple[Key, Sequence[Any]]],
        amounts: Sequence[_core.Column] = (),
    ) -> Pass:
        """Cross the keys of the result with more keys, whose labels are given."""
        words: dict[str, Any] = {}
        if amounts:
            squares = [(j, j, -1) for j in range(len(amounts))]
            zeros = [0.0] * len(amounts)
            words = {"values": amounts, "made": _core.product_scores(amounts, zeros, squares)}
        crossed = [*keys, *(key for key, _ in more)]
        raw = call_core(request, crossed, keep_missing=True, **words)
        if not request.keep_missing:
            if any(missing.any() for missing in raw["key_missing"][: len(keys)]):
                call_core(request, keys, keep_missing=False)  # raises, and names the first row
        counting = weightless(request, raw)
        return cls(
            request,
            raw,
            None if counting is None else call_core(counting, crossed, keep_missing=True, **words),
            arrange(raw, keys),
            tuple(
                codes_of(key, labels, raw["key_values"][i], raw["key_missing"][i])
                for i, (key, labels) in enumerate(more, start=len(keys))
            ),
            len(crossed),
        )

    def rows_by_group(self) -> Ints:
        """Return the rows in the domain, by group of the result."""
        return np.asarray(self.arrangement.gather(self.raw["n"]))

    def counted(self) -> dict[str, Floats]:
        """Return the sums of each cell, of rows."""
        n, weight = self.raw["n"], self.raw["weight"]
        zeros = 0 if self.again is None else self.again["weight"]
        return dict(zip(WORDS[:-1], (n, n - zeros, weight, weight, weight), strict=True))

    def summed(self, j: int) -> dict[str, Floats]:
        """Return the sums of each cell, of rows with the amount number j."""
        raw, n_amounts = self.raw, len(self.raw["score_n"])
        n, weight = raw["score_n"][j], raw["score_weight"][j]
        zeros = 0 if self.again is None else self.again["score_weight"][j]
        sums = (raw["sums"][j], raw["sums"][n_amounts + j])
        return dict(zip(WORDS[:-1], (n, n - zeros, weight, *sums), strict=True))

    def column(
        self,
        sums: Mapping[str, Floats],
        inside: npt.NDArray[np.bool_],
        known: npt.NDArray[np.bool_],
    ) -> Column:
        """Return the sums over the cells inside; rows of others than the cells known are lost."""
        lost = self.raw["n"] - np.where(known, sums["n_obs"], 0)
        by_word = {word: np.where(inside, sums[word], 0) for word in WORDS[:-1]} | {"lost": lost}
        return Column(by_word)


@dataclass(frozen=True)
class Column:
    """The sums of one component in each cell of a pass."""

    by_word: Mapping[str, Floats]


def codes_of(
    key: Key, labels: Sequence[Any], values: npt.NDArray[Any], missing: npt.NDArray[Any]
) -> Ints:
    """Return the place of each cell's label among those given; -1 is missing."""
    found, code = levels_of(key, np.asarray(values), np.asarray(missing, dtype=bool))
    place = {label: i for i, label in enumerate(labels)}
    of_level = np.array([place.get(plain(label), -1) for label in found], dtype=np.int64)
    return of_level[code] if len(of_level) else np.full(len(code), -1)


def plain(label: Any) -> Any:
    """Return a label as Python compares it."""
    return label.item() if isinstance(label, np.generic) else label


def table_of_columns(found: Pass, columns: Sequence[Column]) -> Table:
    """Add the columns up by group of the result, and of a sample by sampling unit."""
    arrangement = found.arrangement
    sums = {
        word: arrangement.gather(np.stack([column.by_word[word] for column in columns]))
        for word in WORDS
    }
    rows = found.rows_by_group()
    return Table(
        levels=arrangement.levels,
        codes=arrangement.codes,
        seen=np.ones(arrangement.n_groups, dtype=bool),
        sums={"n": rows[:, None]} | sums,
        variable=np.zeros(len(columns), np.int64),
        category=np.full(len(columns), -1),
        n_rows=int(rows.sum()),
        where_missing=found.raw["where_missing"],
        cells=cells_of_columns(found, columns),
    )


def cells_of_columns(found: Pass, columns: Sequence[Column]) -> tuple[Cells, ...]:
    """Return the cells by group and sampling unit, a column for each component."""
    sample = found.request.sample
    if sample is None:
        return ()
    unit = sample.units(found.raw, found.n_keys)
    (group, unit), cell = sorted_groups([found.arrangement.group, unit])

    def gathered(word: str) -> Floats:
        values = np.stack([column.by_word[word] for column in columns], axis=1)
        return np.asarray(added(cell, len(group), values.astype(np.float64)))

    words = ("population", "numerator", "denominator")
    sums = (gathered(word) for word in words)
    return (Cells.of(group, unit, np.arange(len(columns)), *sums),)


def beside(tables: Sequence[Table]) -> Table:
    """Put the slots of tables of the same groups beside each other."""
    if len(tables) == 1:
        return tables[0]
    first, width = tables[0], [len(table.variable) for table in tables]
    start = np.cumsum([0, *width])
    cells = [
        cells.at_slots(np.arange(at, at + n))
        for table, at, n in zip(tables, start, width, strict=False)
        for cells in table.cells
    ]
    sums = {word: np.hstack([table.sums[word] for table in tables]) for word in WORDS}
    return replace(
        first,
        sums={"n": first.sums["n"]} | sums,
        variable=np.zeros(start[-1], np.int64),
        category=np.full(start[-1], -1),
        cells=tuple(cells),
    )


# ---- components ----------------------------------------------------------------------------------


def benefit_columns(
    request: Request, keys: Sequence[Key], j: int, benefit: Benefit, g: int, grouping: Grouping
) -> tuple[Table, list[Place]]:
    """Total a benefit by the labels of a grouping, receivers and others."""
    amounts = [column for column in (benefit.amount, benefit.is_thin) if column is not None]
    more = [(grouping.key, grouping.labels), (benefit.key, (0, 1))]
    found = Pass.over(request, keys, more, amounts)
    label, receives = found.codes
    known = (label >= 0) & (receives >= 0)
    kinds = [(COUNT, found.counted())]
    kinds += [(kind, found.summed(i)) for i, kind in enumerate((AMOUNT, THIN)[: len(amounts)])]
    columns, places = [], []
    for kind, sums in kinds:
        for i in range(len(grouping.labels)):
            for does in (True, False):
                inside = known & (label == i) & (receives == does)
                columns.append(found.column(sums, inside, known))
                places.append(Place(kind, j, g, i, does))
    return table_of_columns(found, columns), places


def together_columns(
    request: Request, keys: Sequence[Key], benefits: Sequence[Benefit], poor: Grouping
) -> Table:
    """Total pairs of benefits, and the numbers of benefits received; see `n_together`."""
    more = [(poor.key, poor.labels), *((benefit.key, (0, 1)) for benefit in benefits)]
    found = Pass.over(request, keys, more)
    is_poor = np.isin(found.codes[0], poor.poor) & (found.codes[0] >= 0)
    receives = found.codes[1:]
    sums, columns = found.counted(), []
    for j, first in enumerate(receives):
        for k, second in enumerate(receives):
            if j != k:
                known = (first >= 0) & (second >= 0)
                columns += [
                    found.column(sums, known & (first == 1) & (second == 1), known),
                    found.column(sums, known & (first == 1), known),
                ]
    known = np.logical_and.reduce([code >= 0 for code in receives])
    number = np.sum([code == 1 for code in receives], axis=0)
    for k in range(len(receives) + 1):
        columns.append(found.column(sums, known & (number == k), known))
    known = known & (found.codes[0] >= 0)
    for k in range(len(receives) + 1):
        columns.append(found.column(sums, known & is_poor & (number == k), known))
    return table_of_columns(found, columns)


# ---- figures -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sum:
    """A sum over components: of one of their words."""

    slots: tuple[int, ...]
    word: str = "population"

    def of(self, values: Mapping[str, Floats]) -> Floats:
        """Return the sum, from arrays by word whose last axis is that of the components."""
        return np.asarray(values[self.word][..., list(self.slots)].sum(axis=-1), np.float64)


@dataclass(frozen=True)
class Figure:
    """One figure of the result: T1/T2, or (T1/T2)/(T3/T4), or 1 less that."""

    measure: str
    variable: int
    grouping: str | None
    group: str | None
    above: Sum
    below: Sum
    second_above: Sum | None = None
    second_below: Sum | None = None
    is_complement: bool = False  # 1 - (T1/T2)/(T3/T4)
    square: Sum | None = None  # of the scores above, for the design effect
    square_below: Sum | None = None
    is_share: bool = True
    empty: str = ""  # what it means that there is nothing below

    @property
    def rows(self) -> tuple[int, ...]:
        """The components whose rows are used."""
        used = [self.below.slots]
        if self.second_below is not None:
            used.append(self.second_below.slots)
        return tuple(dict.fromkeys(slot for slots in used for slot in slots))


def figures_table(figures: Sequence[Figure], table: Table) -> Table:
    """Make the figures of a table of components."""
    sums: dict[str, list[npt.NDArray[Any]]] = {}
    for figure in figures:
        for word, values in sums_of(figure, table.sums).items():
            sums.setdefault(word, []).append(values)
    parts = joined(table.cells) if table.cells else None
    kept = {word: values for word, values in table.sums.items() if word.startswith("standard")}
    return replace(
        table,
        sums=kept
        | {"rows": table.sums["n"]}
        | {word: np.stack(columns, axis=1) for word, columns in sums.items()},
        variable=np.array([figure.variable for figure in figures]),
        category=np.full(len(figures), -1),
        cells=()
        if parts is None
        else tuple(cells_of_figure(i, figure, table, parts) for i, figure in enumerate(figures)),
        replicates=tuple(
            [figures_table(figures, other) for other in each] for each in table.replicates
        ),
    )


def sums_of(figure: Figure, sums: Mapping[str, Floats]) -> dict[str, npt.NDArray[Any]]:
    """Return the words of a figure's slot, by group."""
    n_obs = Sum(figure.rows, "n_obs").of(sums)
    lost = sums["lost"][:, figure.rows[0]]
    above, below = figure.above.of(sums), figure.below.of(sums)
    words: dict[str, npt.NDArray[Any]] = {
        "n": (n_obs + lost).astype(np.int64),
        "n_obs": n_obs.astype(np.int64),
        "n_positive": Sum(figure.rows, "n_positive").of(sums),
        "population": Sum(figure.rows).of(sums),
    }
    if figure.second_above is None or figure.second_below is None:
        square = above if figure.square is None else figure.square.of(sums)
        under = below if figure.square_below is None else figure.square_below.of(sums)
        cross = square if figure.square_below is not None else above
        return words | {
            "numerator": above,
            "denominator": below,
            "square": square,
            "cross": cross,
            "square_below": under,
        }
    nothing = np.full(len(n_obs), np.nan)
    share = quotient(above, below)
    of_all = quotient(figure.second_above.of(sums), figure.second_below.of(sums))
    if figure.is_complement:
        share, of_all = 1 - quotient(share, of_all), np.where(np.isnan(of_all), np.nan, 1.0)
    moments = dict.fromkeys(("square", "cross", "square_below"), nothing)
    return words | {"numerator": share, "denominator": np.nan_to_num(of_all)} | moments


def quotient(above: Floats, below: Floats) -> Floats:
    """Return above / below; NaN where nothing is below."""
    out = np.full(np.shape(above), np.nan)
    return np.asarray(np.divide(above, below, out=out, where=below != 0))


def cells_of_figure(i: int, figure: Figure, table: Table, parts: Cells) -> Cells:
    """Return the cells of a figure: what it is a ratio of, or its linear part, in each unit."""
    values = {
        "population": parts.population,
        "numerator": parts.numerator,
        "denominator": parts.denominator,
    }
    group, held = parts.group_of_cell, Sum(figure.rows).of(values)
    above, below = figure.above.of(values), figure.below.of(values)
    if figure.second_above is not None and figure.second_below is not None:
        totals = [figure.above, figure.below, figure.second_above, figure.second_below]
        linear = np.zeros(len(held))
        for total, sign in zip(totals, (1, -1, -1, 1), strict=True):
            whole = total.of(table.sums)[group]
            linear += sign * np.nan_to_num(quotient(total.of(values), whole))
        # The unit's share of the rows used stands for the figure as it is; it drops out of the
        # linear part, and makes replicates of totals those of the figure, to first order.
        share = np.nan_to_num(quotient(held, Sum(figure.rows).of(table.sums)[group]))
        words = sums_of(figure, table.sums)
        over = np.nan_to_num(words["denominator"])[group]
        value = np.nan_to_num(quotient(words["numerator"], words["denominator"]))[group]
        slope = value - 1 if figure.is_complement else value
        above, below = over * (value * share + slope * linear), over * share
    columns = (held[:, None], above[:, None], below[:, None])
    return Cells(parts.start, parts.group, parts.unit, np.array([i]), *columns)


def joined(cells: Sequence[Cells]) -> Cells:
    """Return the cells of all passes as one, a column for each component."""
    if len(cells) == 1:
        return cells[0]
    width = max(int(part.slots.max()) for part in cells) + 1
    (group, unit), place = sorted_groups(
        [
            np.concatenate([part.group_of_cell for part in cells]),
            np.concatenate([part.unit for part in cells]),
        ]
    )
    population, numerator, denominator = np.zeros((3, len(group), width))
    start = 0
    for part in cells:
        at = np.ix_(place[start : start + len(part.unit)], part.slots)
        np.add.at(population, at, part.population)
        np.add.at(numerator, at, part.numerator)
        np.add.at(denominator, at, part.denominator)
        start += len(part.unit)
    return Cells.of(group, unit, np.arange(width), population, numerator, denominator)
