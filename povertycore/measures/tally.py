"""What rate, total, mean and ratio share: resolve a request, total it by cell, wrap the result.

A request names what is measured and its tables: the crossed `by` columns make one table, `over`
makes one for the whole and one per column. A table has a group per combination of key labels and a
slot per variable (each category is a slot of its own). Everything in it is additive over groups:
groups whose labels turn out to be equal, and totals over a key, are sums of small tables. Only
`_core.total` sees rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import metadata
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from .. import _core
from ..design import Design
from ..errors import (
    ComparabilityError,
    DTypeError,
    DuplicateNameError,
    LimitError,
    OptionError,
    unknown_option,
)
from ..estimates import COMMON, TOTAL, Estimates
from ..inputs import Frame, Key, label_order
from ..intervals import REASONS as INTERVAL_REASONS, intervals
from ..replicates import Replicated
from ..sampling import Linearised, Sample, sample_of
from ..waves import is_waves, stacked
from . import replicated
from .precision import REASONS, Cells, Figures, linearised, precision_of

MOST_GROUPS = 10_000_000  # of a crossing with unseen combinations; beyond it the result is no table

SUMS = ("n_obs", "population", "numerator", "denominator")  # of each group and slot
# Of a sample, too: first and second moments. Of what is 0/1 they are the numerator.
# What slots of other kinds have in their place, when tables are put side by side.
SIDE_BY_SIDE = {word: word for word in SUMS} | {
    "centred": "numerator",
    "square": "numerator",
    "n_positive": "n_obs",
}
MOMENTS = {"values": ("centred", "square"), "pairs": ("square", "cross", "square_below")}

NOTES = (
    "",
    "no rows in the domain",
    "combination not in the data",
    "every value is missing",
    "every weight is zero",
    "the denominator is zero",
    "covers measured rows only",
    "no rows: none of the population",
    "a sum is too large for a number",
    "nobody is poor",
)
(
    NOTHING,
    NO_ROWS,
    NOT_SEEN,
    ALL_MISSING,
    ALL_ZERO,
    ZERO_DENOMINATOR,
    MEASURED_ONLY,
    NOBODY_LISTED,
    TOO_LARGE,
    NOBODY_POOR,
) = range(len(NOTES))


# --- resolve -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Variable:
    """One thing measured: a column, two for a ratio, none for a count of units, or a category."""

    name: str
    columns: tuple[_core.Column, ...] = ()
    category: Key | None = None


@dataclass(frozen=True)
class Request:
    """A call, with its names resolved to columns."""

    verb: str
    frame: Frame
    variables: tuple[Variable, ...]
    scores: str  # the argument of `_core.total` that takes the plain variables
    by: tuple[Key, ...]
    over: tuple[Key, ...] | None
    where: _core.Column | None
    domain: str | None  # the name of `where`
    weight: _core.Column | None
    size: _core.Column | None
    unit: str
    standard: str | Key | None
    keep_missing: bool
    observed: bool
    totals: tuple[int, ...]  # positions in `by`
    design: Design
    sample: Sample | None = None  # None: a register
    maker: Callable[[Request, Sequence[Key]], Table] | None = None  # of tables of its own kind
    replicates: tuple[_core.Column, ...] = ()  # columns of replicate weights

    @property
    def sample_keys(self) -> tuple[Key, ...]:
        """What a pass crosses with its own keys, after them."""
        return () if self.sample is None else self.sample.keys


def frame_of(data: Any, design: Design | None, *words: Any) -> Frame:
    """Read the data; of a lazy frame only the columns that are named."""
    columns = [] if design is None else design.columns()
    columns = [*columns, *(name for word in words for name in listed(word))]
    return Frame.of(stacked(data, design, columns) if is_waves(data) else data, columns)


def resolve(
    verb: str,
    frame: Frame,
    variables: Sequence[Variable],
    scores: str,
    *,
    by: Any,
    over: Any,
    where: Any,
    design: Design | None,
    count: str | None,
    standard: Any,
    missing_groups: str,
    observed: bool,
    totals: Any,
) -> Request:
    """Check the words of a call and find its columns."""
    design = Design() if design is None else design
    if by is not None and over is not None:
        raise option_error("over", "by and over cannot be used together: by crosses, over does not")
    if missing_groups not in ("error", "keep"):
        raise unknown_option("missing_groups", missing_groups, ["error", "keep"])
    unit = design.unit(count)
    has_category = any(variable.category is not None for variable in variables)
    by_keys = keys_of(frame, by, has_category)
    size = design.size_column(count)
    return Request(
        verb=verb,
        frame=frame,
        variables=distinct(variables),
        scores=scores,
        by=by_keys,
        over=None if over is None else keys_of(frame, over, has_category),
        where=number_column(frame, "where", where),
        domain=where if where is None or isinstance(where, str) else "(array)",
        weight=number_column(frame, "weight", design.weight),
        size=number_column(frame, "size", size),
        unit=unit,
        standard=standard_of(frame, standard),
        keep_missing=missing_groups == "keep",
        observed=bool(observed),
        totals=totals_of(totals, [key.name for key in by_keys]),
        design=design,
        sample=sample_of(frame, design),
        replicates=tuple(
            column
            for name in replicated.weight_columns(frame, design)
            if (column := number_column(frame, "replicates", name)) is not None
        ),
    )


def number_column(frame: Frame, argument: str, column: Any) -> _core.Column | None:
    """Find a column of numbers; the codes of categories are none, nor are dates."""
    if column is None:
        return None
    measured = frame.measured(column)
    if measured.is_flag or measured.column.type.startswith("float"):
        return measured.column
    what = "text or categories" if measured.is_categorical else "dates or durations"
    error = DTypeError(f"{argument} holds {what}, not numbers (column {measured.name!r})")
    error.argument, error.column = argument, measured.name
    raise error


def option_error(argument: str, message: str) -> OptionError:
    """Return the error for an argument, with its name attached."""
    error = OptionError(message)
    error.argument = argument
    return error


def listed(value: Any) -> list[Any]:
    """Return a list of columns: a list or tuple is one already, anything else is one column."""
    return list(value) if isinstance(value, list | tuple) else [value]


def keys_of(frame: Frame, names: Any, has_category: bool) -> tuple[Key, ...]:
    """Find the key columns; a name that the result needs, or that repeats, is an error."""
    if names is None:
        return ()
    taken = {"variable", "measure", *COMMON} | ({"category"} if has_category else set())
    keys = tuple(frame.key(name) for name in listed(names))
    seen: set[str] = set()
    for key in keys:
        if not key.name:
            raise option_error("by", "a key given as an array needs a name: that of its Series")
        if key.name in taken:
            raise DuplicateNameError(
                f"the key {key.name!r} is named like a column of the result; rename it"
            )
        if key.name in seen:
            raise DuplicateNameError(f"the key {key.name!r} is named twice")
        seen.add(key.name)
    return keys


def distinct(variables: Sequence[Variable]) -> tuple[Variable, ...]:
    """Return the variables; two of one name could not be told apart in the result."""
    seen: set[str] = set()
    for variable in variables:
        if variable.name in seen:
            raise DuplicateNameError(
                f"the variable {variable.name!r} is named twice; columns given as arrays are told"
                " apart by the name of their Series"
            )
        seen.add(variable.name)
    return tuple(variables)


def measured_variables(frame: Frame, columns: Any) -> tuple[Variable, ...]:
    """Find the measured columns; text and categoricals are measured by category."""
    variables = []
    if not listed(columns):
        raise option_error("columns", "columns is an empty list; name what is measured")
    for column in listed(columns):
        measured = frame.measured(column)
        if measured.is_categorical:
            variables.append(Variable(measured.name, category=measured))
        elif measured.is_flag or measured.column.type.startswith("float"):
            variables.append(Variable(measured.name, (measured.column,)))
        else:
            raise not_measured(measured.name, "holds dates or durations, which are not added up")
    return tuple(variables)


def numbers_only(verb: str, variables: Iterable[Variable]) -> None:
    """Refuse categories where only a number makes sense."""
    for variable in variables:
        if variable.category is not None:
            raise not_measured(variable.name, f"holds text or categories; {verb} needs numbers")


def not_measured(name: str, why: str) -> DTypeError:
    """Return the error for a column that cannot be measured."""
    error = DTypeError(f"column {name!r} {why}")
    error.column = name
    return error


def standard_of(frame: Frame, standard: Any) -> str | Key | None:
    """Read `standard=`: a column of ids where the frame has one of that name, else an id."""
    if standard is None:
        return None
    if isinstance(standard, str):
        return frame.key(standard) if standard in frame.names else standard
    name = getattr(standard, "id", None)
    if isinstance(name, str):
        return name
    raise option_error("standard", "standard must be an id, a Standard or the name of a column")


def totals_of(totals: Any, names: Sequence[str]) -> tuple[int, ...]:
    """Find the positions in `by`, of these names, of the keys that get a total."""
    if totals is None:
        return ()
    if not names:
        raise option_error("totals", "totals names keys of by, and there are none")
    for name in listed(totals):
        if name not in names:
            raise unknown_option("totals", name, names)
    return tuple(position for position, name in enumerate(names) if name in listed(totals))


# --- compute -----------------------------------------------------------------------------------


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


def compute(request: Request, complete: Callable[[Table], Table] | None = None) -> list[Table]:
    """Total every table of the request; `complete` stands in for adding unseen combinations.

    The first table carries those under each column of replicate weights.
    """
    tables = compute_once(request, complete)
    if not request.replicates:
        return tables
    plain = replace(request, replicates=(), standard=None)
    again = [compute_once(replace(plain, weight=each), complete) for each in request.replicates]
    return [replace(tables[0], replicates=tuple(again)), *tables[1:]]


def compute_once(request: Request, complete: Callable[[Table], Table] | None = None) -> list[Table]:
    """Total every table of the request under the weight of the full sample."""
    if request.over is not None:
        one_way = [tabulate(request, keys) for keys in [(), *((key,) for key in request.over)]]
        return one_way if request.observed else [with_unseen(table) for table in one_way]
    table = tabulate(request, request.by)
    if complete is not None:
        table = complete(table)
    elif not request.observed:
        table = with_unseen(table)
    if request.totals:
        table = with_totals(table, request.totals, [key.name for key in request.by])
    return [seen_only(table) if request.observed else table]


def tabulate(request: Request, keys: Sequence[Key]) -> Table:
    """Total the variables by the crossed keys."""
    if request.maker is not None:
        return with_standard(request, keys, request.maker(request, keys))
    tables = []
    is_plain = [variable.category is None for variable in request.variables]
    if any(is_plain) or not is_plain:
        tables.append(plain_table(request, keys))
    for j, variable in enumerate(request.variables):
        if variable.category is not None:
            tables.append(category_table(request, keys, j, variable.category, first=not tables))
    return with_standard(request, keys, side_by_side(tables))


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


class HasColumn(Protocol):
    """A key, for the pass over the rows."""

    @property
    def column(self) -> _core.Column:
        """Its values."""


def call_core(
    request: Request, keys: Sequence[HasColumn], *, keep_missing: bool, **scores: Any
) -> Mapping[str, Any]:
    """Make the one pass over the rows."""
    return _core.total(
        request.frame.n,
        [key.column for key in (*keys, *request.sample_keys)],
        weight=request.weight,
        size=request.size,
        where=request.where,
        keep_missing=keep_missing,
        **scores,
    )


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


def plain_table(request: Request, keys: Sequence[Key]) -> Table:
    """Total the flags, values or pairs of a request, or count its units, in one pass."""
    plain = [j for j, variable in enumerate(request.variables) if variable.category is None]
    columns = [
        columns if request.scores == "pairs" else columns[0]
        for columns in (request.variables[j].columns for j in plain)
    ]
    scores: dict[str, Any] = {request.scores: columns} if plain else {}
    made = moments_of(request, columns)
    if made is not None:
        scores["made"] = made
    raw = call_core(request, keys, keep_missing=request.keep_missing, **scores)
    arrangement = arrange(raw, keys)
    n = arrangement.gather(raw["n"])
    by_word = sums_by_word(request, raw, len(plain))
    sums = {word: arrangement.gather(values) for word, values in by_word.items()}
    table = table_of(
        arrangement,
        n,
        [sums.pop(word) for word in SUMS],
        np.array(plain or [0]),
        where_missing=raw["where_missing"],
        cells=cells_of(request, raw, len(keys), arrangement.group, by_word),
    )
    counting = weightless(request, raw)
    if counting is not None:
        again = call_core(counting, keys, keep_missing=request.keep_missing, **scores)
        n_zero = arrange(again, keys).gather(sums_by_word(request, again, len(plain))["population"])
        sums["n_positive"] = table.sums["n_obs"] - n_zero
    return replace(table, sums=table.sums | sums)


def weightless(request: Request, raw: Mapping[str, Any]) -> Request | None:
    """Return the request whose sums of weights count rows that weigh nothing; None: there are none.

    They bring nothing to a sum, but a design effect compares with samples of rows that do.
    """
    if request.sample is None or not raw["zero_weights"]:
        return None
    weight = np.ones(request.frame.n)
    for name in (request.design.weight, request.design.size if request.size else None):
        if name is not None:
            weight = weight * np.asarray(request.frame.array(name), dtype=np.float64)
    indicator = _core.column_array((weight == 0).astype(np.float64), name="weight")
    return replace(request, weight=indicator, size=None)


def sums_by_word(
    request: Request, raw: Mapping[str, Any], n_plain: int
) -> dict[str, npt.NDArray[Any]]:
    """Name the sums of a pass: SUMS, and of a sample the second moments; (slots, cells) each."""
    if not n_plain:
        weight = raw["weight"][None, :]
        units = dict(zip(SUMS, (raw["n"][None, :], weight, weight, weight), strict=True))
        return units
    n_sums = 2 * n_plain if request.scores == "pairs" else n_plain
    above, weight = raw["sums"][:n_sums], raw["score_weight"]
    below = weight
    if request.scores == "pairs":
        above, below = above[0::2], above[1::2]
    named = dict(zip(SUMS, (raw["score_n"], weight, above, below), strict=True))
    words = MOMENTS.get(request.scores, ())
    more = raw["sums"][n_sums:] if request.sample is not None else ()
    return named | {word: more[i :: len(words)] for i, word in enumerate(words) if len(more)}


def moments_of(request: Request, columns: Sequence[Any]) -> _core.Scores | None:
    """Return the scores whose sums are the second moments of a sample, by score: see MOMENTS.

    Values are taken from their mean, so that incomes far from 0 keep their variance.
    """
    if request.sample is None or not columns:
        return None
    if request.scores == "values":
        means = call_core(replace(request, sample=None), (), keep_missing=False, values=columns)
        weight = np.maximum(means["score_weight"][:, 0], np.finfo(np.float64).tiny)
        centres = np.nan_to_num(means["sums"][:, 0] / weight, posinf=0.0, neginf=0.0)
        products = [(j, k, -1) for j in range(len(columns)) for k in (-1, j)]
        return _core.product_scores(columns, centres.tolist(), products)
    if request.scores == "pairs":
        parts = [part for pair in columns for part in pair]
        products = [
            product
            for j in range(0, len(parts), 2)
            for product in ((j, j, j + 1), (j, j + 1, -1), (j + 1, j + 1, j))
        ]
        return _core.product_scores(parts, [0.0] * len(parts), products)
    return None


def cells_of(
    request: Request,
    raw: Mapping[str, Any],
    n_keys: int,
    group: np.ndarray,
    sums: Mapping[str, npt.NDArray[Any]],
) -> tuple[Cells, ...]:
    """Return the cells of a pass over a sample, by group and sampling unit."""
    if request.sample is None:
        return ()
    above = sums["centred"] if request.verb == "mean" and "centred" in sums else sums["numerator"]
    cells = Cells(
        group=group,
        unit=request.sample.units(raw, n_keys),
        slots=np.arange(len(above)),
        population=sums["population"].T,
        numerator=above.T,
        denominator=sums["denominator"].T,
        is_centred=above is not sums["numerator"],
    )
    return (cells.used(),)


def category_table(
    request: Request, keys: Sequence[Key], j: int, column: Key, *, first: bool
) -> Table:
    """Total the categories of a variable: a slot each, of the rows whose category is known."""
    spread = spread_by(request, keys, column, check_missing=first)
    counting = weightless(request, {"zero_weights": spread.zero_weights})
    shape = spread.weight.shape
    n_obs = np.broadcast_to(spread.n.sum(axis=1, keepdims=True), shape)
    population = np.broadcast_to(spread.weight.sum(axis=1, keepdims=True), shape)
    table = table_of(
        spread.arrangement,
        spread.n.sum(axis=1) + spread.n_missing,
        (n_obs, population, spread.weight, population),
        np.full(shape[1], j),
        category=np.arange(shape[1]),
        categories={j: spread.labels},
        where_missing=spread.where_missing,
        cells=spread.cells,
    )
    if counting is None:
        return table
    zero = spread_by(counting, keys, column, check_missing=False).weight.sum(axis=1, keepdims=True)
    return replace(table, sums=table.sums | {"n_positive": n_obs - zero})


@dataclass(frozen=True)
class Spread:
    """Rows and weight by group and label of one more column."""

    arrangement: Arrangement
    labels: Any  # of the columns below, in order
    n: np.ndarray  # (groups, labels) rows in the domain
    weight: np.ndarray  # (groups, labels)
    seen: np.ndarray  # (groups, labels) whether the cell is in the data
    n_missing: np.ndarray  # (groups,) rows in the domain whose label is missing
    missing_seen: np.ndarray  # (groups,)
    where_missing: int
    zero_weights: int
    cells: tuple[Cells, ...]


def spread_by(request: Request, keys: Sequence[Key], column: Key, *, check_missing: bool) -> Spread:
    """Total the keys crossed with one more column, whose missing labels are kept apart."""
    raw = call_core(request, [*keys, column], keep_missing=True)
    if check_missing and not request.keep_missing:
        if any(missing.any() for missing in raw["key_missing"][: len(keys)]):
            call_core(request, keys, keep_missing=False)  # raises, and names the first row
    arrangement = arrange(raw, keys)
    missing = np.asarray(raw["key_missing"][len(keys)], dtype=bool)
    present = ~missing
    values = np.asarray(raw["key_values"][len(keys)])
    labels, code = levels_of(column, values[present], missing[present])
    cell = arrangement.group[present] * len(labels) + code
    shape = (arrangement.n_groups, len(labels))

    def by_cell(values: np.ndarray) -> np.ndarray:
        return added(cell, shape[0] * shape[1], values[present]).reshape(shape)

    def by_group(values: np.ndarray) -> np.ndarray:
        return added(arrangement.group[missing], shape[0], values[missing])

    seen = np.ones(len(missing), dtype=np.int64)
    return Spread(
        arrangement=arrangement,
        labels=labels,
        n=by_cell(raw["n"]),
        weight=by_cell(raw["weight"]),
        seen=by_cell(seen),
        n_missing=by_group(raw["n"]),
        missing_seen=by_group(seen),
        where_missing=raw["where_missing"],
        zero_weights=raw["zero_weights"],
        cells=category_cells(request, raw, arrangement.group, present, code, len(labels)),
    )


def category_cells(
    request: Request,
    raw: Mapping[str, Any],
    group: np.ndarray,
    present: np.ndarray,
    code: np.ndarray,
    n_labels: int,
) -> tuple[Cells, ...]:
    """Return the cells of the categories of a sample: a column each, of all whose label is known.

    `raw` is crossed by keys, the label and the sample; `code` has the label of the cells present.
    """
    if request.sample is None:
        return ()
    n_keys = len(raw["key_values"]) - len(request.sample_keys)
    unit = request.sample.units(raw, n_keys)[present]
    (group, unit), cell = sorted_groups([group[present], unit])
    weight = added(cell * n_labels + code, len(group) * n_labels, raw["weight"][present])
    numerator = weight.reshape(len(group), n_labels)
    population = np.broadcast_to(numerator.sum(axis=1, keepdims=True), numerator.shape)
    slots = np.arange(n_labels)
    return (Cells(group, unit, slots, population, numerator, population).used(),)


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
    return in_order(key.labels(values, missing))


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
    code, distinct = pd.factorize(pd.Series(labels), use_na_sentinel=False)
    uniques = distinct.array
    order = np.asarray(label_order(uniques))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return uniques.take(order), rank[code]


def sorted_groups(codes: Sequence[np.ndarray]) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Return the distinct combinations of codes in order, and the place of each given one."""
    order = np.lexsort(codes[::-1])
    in_order = [code[order] for code in codes]
    first = np.ones(len(order), dtype=bool)
    first[1:] = np.logical_or.reduce([code[1:] != code[:-1] for code in in_order])
    group = np.empty(len(order), dtype=np.int64)
    group[order] = np.cumsum(first) - 1
    return tuple(code[first] for code in in_order), group


def added(group: np.ndarray, n_groups: int, values: np.ndarray) -> np.ndarray:
    """Add values (first axis) into groups, in the order given."""
    out = np.zeros((n_groups, *values.shape[1:]), dtype=values.dtype)
    if len(group) == n_groups and np.bincount(group, minlength=n_groups).all():
        out[group] = values  # each group has one: no need to add
    else:
        np.add.at(out, group, values)
    return out


def with_standard(request: Request, keys: Sequence[Key], table: Table) -> Table:
    """Count the rows under each standard, where the standards are a column."""
    if not isinstance(request.standard, Key):
        return table
    spread = spread_by(replace(request, sample=None), keys, request.standard, check_missing=False)
    sums = {
        "standard": np.column_stack([spread.n, spread.n_missing]),
        "standard_seen": np.column_stack([spread.seen, spread.missing_seen]),
    }
    return replace(table, sums=table.sums | sums, standards=np.asarray(spread.labels, dtype=object))


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


# --- wrap --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slots:
    """What the slots of a table are, where a verb gives measures of several kinds."""

    measure: Sequence[str]  # (slots,)
    keys: Mapping[str, Any]  # measure keys behind `variable`: (slots,) numbers, or texts in a list
    is_total: np.ndarray  # bool (slots,): the estimate is the numerator
    is_share: np.ndarray  # bool (groups, slots): the estimate is a proportion
    notes: tuple[np.ndarray, Sequence[str]]  # more notes: (groups, slots) numbers, their texts


def one_kind(request: Request, shape: tuple[int, ...]) -> Slots:
    """Describe the slots of a verb that gives one measure of all its variables."""
    return Slots(
        measure=[request.verb] * shape[1],
        keys={},
        is_total=np.full(shape[1], request.verb == "total"),
        is_share=np.full(shape, request.verb == "rate"),
        notes=(np.zeros(shape, np.int64), [""]),
    )


def wrap(
    request: Request,
    tables: Sequence[Table],
    estimator: Estimator | None = None,
    describe: Callable[[Counts], Slots] | None = None,
) -> Estimates:
    """Lay the tables out as one row per group and slot.

    Without `describe` all slots are of one kind, and an estimator divides by a known population.
    """
    first = tables[0]
    width = len(first.variable)
    counts = joined_sums(tables)
    n = np.broadcast_to(counts["n"], counts["n_obs"].shape)
    n_missing = n - counts["n_obs"]
    seen = np.concatenate([table.seen for table in tables])
    estimator_of = estimator or ESTIMATORS[request.verb]
    estimate, note = estimator_of(counts, n, seen)
    again = [estimator_of(joined_sums(each), n, seen)[0].ravel() for each in first.replicates]
    slots = one_kind(request, estimate.shape) if describe is None else describe(counts)
    is_known = describe is None and estimator is not None
    return Estimates(
        key_columns(request, tables, width),
        measure_keys=variable_columns(request, first, len(seen)) | slot_columns(slots, len(seen)),
        measure=slot_labels(slots.measure, len(seen)),
        estimate=estimate.ravel(),
        n_obs=counts["n_obs"].ravel(),
        n_missing=n_missing.ravel(),
        numerator=np.where(slots.is_total, np.nan, counts["numerator"]).ravel(),
        denominator=np.where(slots.is_total, np.nan, counts["denominator"]).ravel(),
        population=counts["population"].ravel(),
        unit=request.unit,
        standard=standard_column(request, tables, width),
        verb=request.verb,
        meta=meta_of(request, first),
        proportion=slots.is_share.ravel(),
        **precision_columns(request, tables, counts, estimate, note, slots, is_known, again),
    )


def precision_columns(
    request: Request,
    tables: Sequence[Table],
    counts: Counts,
    estimate: np.ndarray,
    note: np.ndarray,
    slots: Slots,
    is_known: bool,
    again: Sequence[np.ndarray],
) -> dict[str, Any]:
    """Return standard errors and what goes with them, and the notes; of a register only notes.

    `again` has the estimates under each column of replicate weights.
    """
    if request.sample is None and not again:
        return {"note": joined_notes((note, NOTES), slots.notes)}
    firsts = np.cumsum([0, *(table.n_groups for table in tables)])
    figures = Figures(
        estimate,
        counts["denominator"],
        [
            (cells, int(first))
            for table, first in zip(tables, firsts, strict=False)
            for cells in table.cells
        ],
        is_total=slots.is_total,
        known_denominator=is_known,
    )
    is_share = slots.is_share.ravel()
    joint: Linearised | Replicated
    if request.sample is None:
        joint = replicated.from_columns(request.frame, request.design, again, estimate.ravel())
    else:
        joint = linearised(request.sample, figures)
        if request.design.replicates is not None:
            joint = replicated.made(request.sample, figures, joint)
    found = precision_of(request.design, joint, figures, is_share, counts)
    ends = intervals(estimate.ravel(), found.se, found.df, counts["n_obs"].ravel(), is_share)
    with np.errstate(invalid="ignore", divide="ignore"):
        cv = found.se / np.abs(estimate.ravel())
    return {
        "se": found.se,
        "ci_low": ends.low,
        "ci_high": ends.high,
        "cv": np.where(estimate.ravel() == 0, np.nan, cv),
        "df": found.df,
        "deff": found.deff,
        "n_psu": found.n_psu,
        "note": joined_notes(
            (note, NOTES), slots.notes, (found.reason, REASONS), (ends.reason, INTERVAL_REASONS)
        ),
        "joint": found.joint,
    }


def joined_notes(*parts: tuple[np.ndarray, Sequence[str]]) -> pd.Categorical:
    """Write several numbers of notes as one text each."""
    sizes = [len(texts) for _, texts in parts]
    number = np.ravel_multi_index([codes.ravel().astype(np.int64) for codes, _ in parts], sizes)
    place, used = pd.factorize(number, sort=True)  # few numbers: faster than sorting all
    words = [
        "; ".join(filter(None, (texts[i] for (_, texts), i in zip(parts, one, strict=True))))
        for one in np.column_stack(np.unravel_index(used, sizes)).tolist()
    ]
    text, code = pd.factorize(np.array(words, dtype=object))
    return pd.Categorical.from_codes(text[place], code)


def joined_sums(tables: Sequence[Table]) -> dict[str, np.ndarray]:
    """Put the sums of several tables under each other."""
    if len(tables) == 1:
        return tables[0].sums
    words = [word for word in tables[0].sums if not word.startswith("standard")]
    return {word: np.concatenate([table.sums[word] for table in tables]) for word in words}


def quotient(counts: Counts, n: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return numerator / denominator, and the number of each one's note."""
    denominator = counts["denominator"]
    estimate = np.full(denominator.shape, np.nan)
    with np.errstate(invalid="ignore"):  # infinity over infinity is said in the note
        np.divide(counts["numerator"], denominator, out=estimate, where=denominator != 0)
    note = np.where(denominator == 0, ZERO_DENOMINATOR, NOTHING).astype(np.int8)
    return without_empty(estimate, note, counts, n, seen)


def sum_of_weighted(
    counts: Counts, n: np.ndarray, seen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the numerator, and the number of each one's note."""
    note = np.where(counts["n_obs"] < n, MEASURED_ONLY, NOTHING).astype(np.int8)
    return without_empty(counts["numerator"].astype(np.float64), note, counts, n, seen)


def without_empty(
    estimate: np.ndarray, note: np.ndarray, counts: Counts, n: np.ndarray, seen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Put NaN where a group has nothing to measure, and note why."""
    for empty, why in (
        (~np.isfinite(estimate) & (note != ZERO_DENOMINATOR), TOO_LARGE),
        (counts["population"] == 0, ALL_ZERO),
        (counts["n_obs"] == 0, ALL_MISSING),
        (n == 0, NO_ROWS),
        (np.broadcast_to(~seen[:, None], n.shape), NOT_SEEN),
    ):
        estimate[empty] = np.nan
        note[empty] = why
    return estimate, note


Counts = Mapping[str, np.ndarray]  # the sums of all tables by word, each groups x slots
Estimator = Callable[[Counts, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
ESTIMATORS: dict[str, Estimator] = {
    "rate": quotient,
    "mean": quotient,
    "ratio": quotient,
    "total": sum_of_weighted,
}


def key_columns(request: Request, tables: Sequence[Table], width: int) -> dict[str, Any]:
    """Return the key columns of the result, one label per row."""
    if request.over is None:
        return crossed_columns([key.name for key in request.by], tables[0], width)
    return one_way_columns([key.name for key in request.over], tables, width)


def crossed_columns(names: Sequence[str], table: Grouped, width: int) -> dict[str, Any]:
    """Return the labels of crossed keys, each group's `width` times."""
    return {
        name: levels.take(np.repeat(codes, width))
        for name, levels, codes in zip(names, table.levels, table.codes, strict=True)
    }


def one_way_columns(names: Sequence[str], tables: Sequence[Grouped], width: int) -> dict[str, Any]:
    """Return the columns `over` and `level` of the whole and of one table per key."""
    over: list[str] = [TOTAL]
    level: list[str | None] = [TOTAL]
    for name, table in zip(names, tables[1:], strict=True):
        labels = as_text(table.levels[0].take(table.codes[0]))
        over += [name] * len(labels)
        level += labels
    return {
        "over": pd.Series(over).array.take(np.repeat(np.arange(len(over)), width)),
        "level": pd.Series(level).array.take(np.repeat(np.arange(len(level)), width)),
    }


def as_text(labels: Any) -> list[str | None]:
    """Write labels of any type as text; a missing label stays missing."""
    return [None if pd.isna(label) else str(label) for label in labels]


def variable_columns(request: Request, table: Table, n_groups: int) -> dict[str, Any]:
    """Return the columns `variable` and, where a variable has categories, `category`."""
    names = [variable.name for variable in request.variables] or [""]
    columns = {"variable": pd.Categorical.from_codes(np.tile(table.variable, n_groups), names)}
    if table.categories:
        dtype = category_dtype(list(table.categories.values()))
        code = np.full(len(table.variable), -1)
        for j, labels in table.categories.items():
            slots = table.variable == j
            places = dtype.categories.get_indexer(pd.Index(labels))
            code[slots] = places[table.category[slots]]
        columns["category"] = pd.Categorical.from_codes(np.tile(code, n_groups), dtype=dtype)
    return columns


def slot_labels(labels: Sequence[str], n_groups: int) -> pd.Categorical:
    """Return the texts of slots, once per group."""
    code, texts = pd.factorize(np.array(labels, dtype=object))
    return pd.Categorical.from_codes(np.tile(code, n_groups), texts)


def slot_columns(slots: Slots, n_groups: int) -> dict[str, Any]:
    """Return the measure keys of slots, once per group."""
    return {
        name: (
            np.tile(values, n_groups)
            if isinstance(values, np.ndarray)
            else slot_labels(values, n_groups)
        )
        for name, values in slots.keys.items()
    }


def category_dtype(parts: Sequence[Any]) -> pd.CategoricalDtype:
    """Return the type of the column `category`: the input's own, or the union of several."""
    dtypes = [
        labels.dtype if isinstance(labels, pd.Categorical) else pd.CategoricalDtype(labels)
        for labels in parts
    ]
    if all(dtype == dtypes[0] for dtype in dtypes):
        return dtypes[0]
    categories = dict.fromkeys(label for dtype in dtypes for label in dtype.categories)
    return pd.CategoricalDtype(list(categories))


def standard_column(request: Request, tables: Sequence[Table], width: int) -> Any:
    """Return the id of the standard of each row: one for all, or the one id of the row's group."""
    if not isinstance(request.standard, Key):
        return request.standard
    return one_standard_each(request.standard.name, tables, width)


def one_standard_each(name: str, tables: Sequence[Table], width: int) -> np.ndarray:
    """Return the id of each group's standard, `width` times; a group under two is an error."""
    columns = []
    for table in tables:
        inside: np.ndarray = table.sums["standard"] > 0
        seen: np.ndarray = table.sums["standard_seen"] > 0
        mixed = inside.sum(axis=1) > 1
        if mixed.any():
            raise ComparabilityError(
                f"group {int(mixed.argmax())} of the result holds rows of more than one standard"
                f" (column {name!r}); each row of a result stands under one"
            )
        # A group without rows in the domain still stands under the standard of its rows outside.
        known = np.where(np.any(inside, axis=1, keepdims=True), inside, seen)
        ids = np.array([*table.standards, None], dtype=object)
        one = known.sum(axis=1) == 1
        columns.append(np.where(one, ids[known.argmax(axis=1)], None))
    return np.repeat(np.concatenate(columns), width)


def meta_of(request: Request, table: Table) -> dict[str, Any]:
    """Return what the result tells of its call."""
    return {
        "rows_read": request.frame.n,
        "rows_outside": request.frame.n - table.n_rows,
        "where": request.domain,
        "where_missing": int(table.where_missing),
        "unit": request.unit,
        "design": repr(request.design),
        "standard": (
            request.standard.name if isinstance(request.standard, Key) else request.standard
        ),
        "versions": versions(),
        **table.meta,
    }


@cache
def versions() -> dict[str, str]:
    """Return the versions of what computed the result."""
    try:
        own = metadata.version("povertycore")
    except metadata.PackageNotFoundError:
        own = "not installed"
    return {"povertycore": own, "numpy": np.__version__, "pandas": pd.__version__}
