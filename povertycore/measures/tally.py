"""What rate, total, mean and ratio share: resolve a request, and total it by cell.

A request names what is measured and its tables: the crossed `by` columns make one table, `over`
makes one for the whole and one per column. Only `_core.total` sees rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .. import _core
from ..design import Design, design_of
from ..errors import (
    DTypeError,
    DuplicateNameError,
    unknown_option,
)
from ..fields import COMMON
from ..inputs import Frame, Key
from ..sampling import Sample, UnitKey
from ..structure import sample_of
from ..waves import is_waves, stacked
from . import replicated
from .precision import Cells
from .tables import (
    MOMENTS,
    SUMS,
    Arrangement,
    Table,
    added,
    arrange,
    levels_of,
    option_error,
    seen_only,
    side_by_side,
    sorted_groups,
    table_of,
    with_totals,
    with_unseen,
)

BATCH = 32  # columns of replicate weights that are multiplied in one pass
DOMAINS = 32  # groups that a PSU lies in, as a guess


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
    def has_errors(self) -> bool:
        """Whether the estimates have standard errors: of a sample, or by replicate weights."""
        return self.sample is not None or bool(self.replicates)

    @property
    def sample_keys(self) -> tuple[UnitKey, ...]:
        """What a pass crosses with its own keys, after them."""
        return () if self.sample is None else self.sample.keys


def frame_of(data: Any, design: Design | None, *words: Any) -> Frame:
    """Read the data; of a lazy frame only the columns that are named."""
    design = design_of(design)
    columns = [*design.columns(), *(name for word in words for name in listed(word))]
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
    design = design_of(design)
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


def count_is_needed(design: Design | None, count: str | None) -> bool:
    """Say whether amounts would be multiplied by the members of the household unasked."""
    return design is not None and design.size is not None and count is None


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


def compute(request: Request, complete: Callable[[Table], Table] | None = None) -> list[Table]:
    """Total every table of the request; `complete` stands in for adding unseen combinations.

    The first table carries those under each column of replicate weights.
    """
    one_way = request.over is not None
    crossed = [(), *((key,) for key in request.over or ())] if one_way else [request.by]
    tables = [tabulate(request, keys) for keys in crossed]
    done = [completed(request, table, complete) for table in tables]
    if not request.replicates:
        return done
    if complete is not None:
        raise option_error("population", "population is for registers, not for replicate weights")
    again: list[list[Table]] = [[] for _ in request.replicates]
    for keys, table in zip(crossed, tables, strict=True):
        for into, other in zip(again, under_replicates(request, keys, table), strict=True):
            into.append(completed(request, other, None))
    return [replace(done[0], replicates=tuple(again)), *done[1:]]


def completed(request: Request, table: Table, complete: Callable[[Table], Table] | None) -> Table:
    """Return a table with unseen combinations and totals, or without what is not in the data."""
    if complete is not None:
        table = complete(table)
    elif not request.observed:
        table = with_unseen(table)
    if request.over is not None:
        return table
    if request.totals:
        table = with_totals(table, request.totals, [key.name for key in request.by])
    return seen_only(table) if request.observed else table


def under_replicates(request: Request, keys: Sequence[Key], table: Table) -> list[Table]:
    """Total the variables again under each column of replicate weights.

    Flags, values and pairs are multiplied by many columns in one pass; what is made otherwise takes
    a pass for each.
    """
    plain = replace(request, replicates=(), standard=None)
    has_category = any(variable.category is not None for variable in request.variables)
    if request.maker is not None or has_category or not request.variables:
        return [tabulate(replace(plain, weight=each), keys) for each in request.replicates]
    found = []
    for first in range(0, len(request.replicates), BATCH):
        weights = request.replicates[first : first + BATCH]
        for weight in weights:  # refuses what is missing, negative or infinite
            _core.total(request.frame.n, [], weight=weight)
        for sums in multiplied(plain, keys, weights):
            found.append(replace(table, sums=sums, cells=()))
    return found


def multiplied(
    request: Request, keys: Sequence[Key], weights: Sequence[_core.Column]
) -> list[dict[str, np.ndarray]]:
    """Total the variables under several columns of weights, in one pass or one for each flag."""
    columns = [column for variable in request.variables for column in variable.columns]
    if request.scores == "flags" and all(is_whole(column) for column in columns):
        return multiplied_by_flag(request, keys, weights, columns)
    n, step = len(weights), 2 if request.scores == "pairs" else 1
    at = range(n, n + len(columns), step)
    # A part of a pair is known where the other one is; a denominator where the variable is.
    above = [(r, v, v + 1 if step == 2 else -1) for r in range(n) for v in at]
    below = [(r, v + 1, v) if step == 2 else (r, -1, v) for r in range(n) for v in at]
    made = _core.product_scores([*weights, *columns], [0.0] * (n + len(columns)), above + below)
    unweighted = replace(request, weight=None)
    raw = call_core(unweighted, keys, keep_missing=request.keep_missing, made=made)
    sums = arrange(raw, keys).gather(raw["sums"])
    numerators, denominators = np.hsplit(sums, 2)
    slots = [slice(r * len(at), (r + 1) * len(at)) for r in range(n)]
    return [
        {"numerator": numerators[:, each], "denominator": denominators[:, each]} for each in slots
    ]


@dataclass(frozen=True)
class Flag:
    """A 0/1 column as a key."""

    column: _core.Column


def is_whole(column: _core.Column) -> bool:
    """Say whether a column holds integers or booleans, whose values the core gives as keys."""
    return column.type in ("bool", "bits") or column.type.startswith(("int", "uint"))


def multiplied_by_flag(
    request: Request,
    keys: Sequence[Key],
    weights: Sequence[_core.Column],
    flags: Sequence[_core.Column],
) -> list[dict[str, np.ndarray]]:
    """Total several columns of weights by whether a flag is 1: the fastest way."""
    above, below = [], []
    unweighted = replace(request, weight=None)
    for flag in flags:
        raw = call_core(unweighted, [*keys, Flag(flag)], keep_missing=True, values=weights)
        arrangement = arrange(raw, keys)
        is_one = np.asarray(raw["key_values"][len(keys)]) == 1
        is_known = ~np.asarray(raw["key_missing"][len(keys)], dtype=bool)
        above.append(arrangement.gather(raw["sums"] * (is_one & is_known)))
        below.append(arrangement.gather(raw["sums"] * is_known))
    return [
        {
            "numerator": np.column_stack([sums[:, r] for sums in above]),
            "denominator": np.column_stack([sums[:, r] for sums in below]),
        }
        for r in range(len(weights))
    ]


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


class HasColumn(Protocol):
    """A key, for the pass over the rows."""

    @property
    def column(self) -> _core.Column:
        """Its values."""


def call_core(
    request: Request,
    keys: Sequence[HasColumn],
    *,
    keep_missing: bool,
    by_unit: bool = False,
    **scores: Any,
) -> Mapping[str, Any]:
    """Make the one pass over the rows.

    Of a sample a group is one of the keys and a unit; or with `by_unit` one of the keys, with its
    cells, one for each unit, beside it.
    """
    crossed = [key.column for key in keys]
    unit = None if request.sample is None else request.sample.rows
    if unit is not None and not by_unit:
        crossed.append(unit)
    return _core.total(
        request.frame.n,
        crossed,
        unit=unit if by_unit else None,
        weight=request.weight,
        size=request.size,
        where=request.where,
        keep_missing=keep_missing,
        expected_groups=expected_cells(request, len(keys)),
        **scores,
    )


def expected_cells(request: Request, n_keys: int) -> int:
    """Guess how many cells there are of a sample, so that the first rows need not be counted."""
    if request.sample is None:
        return 0
    return request.sample.n_units * (DOMAINS if n_keys else 1)


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
    raw = call_core(request, keys, keep_missing=request.keep_missing, by_unit=True, **scores)
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
        cells=cells_of(request, raw, arrangement.group, len(plain)),
    )
    counting = weightless(request, raw)
    if counting is not None:
        counting = replace(counting, sample=None)
        again = call_core(counting, keys, keep_missing=request.keep_missing, **scores)
        n_zero = arrange(again, keys).gather(sums_by_word(request, again, len(plain))["population"])
        sums["n_positive"] = table.sums["n_obs"] - n_zero
    return replace(table, sums=table.sums | sums)


def weightless(request: Request, raw: Mapping[str, Any]) -> Request | None:
    """Return the request whose sums of weights count rows that weigh nothing; None: there are none.

    They bring nothing to a sum, but a design effect compares with samples of rows that do.
    """
    if not request.has_errors or not raw["zero_weights"]:
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
    more = raw["sums"][n_sums:] if request.has_errors else ()
    return named | {word: more[i :: len(words)] for i, word in enumerate(words) if len(more)}


def moments_of(request: Request, columns: Sequence[Any]) -> _core.Scores | None:
    """Return the scores whose sums are the second moments of a sample, by score: see MOMENTS.

    Values are taken from their mean, so that incomes far from 0 keep their variance.
    """
    if not request.has_errors or not columns:
        return None
    if request.scores == "values":
        plain = replace(request, sample=None, replicates=())
        means = call_core(plain, (), keep_missing=False, values=columns)
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
    request: Request, raw: Mapping[str, Any], group: np.ndarray, n_plain: int
) -> tuple[Cells, ...]:
    """Return the cells of a pass over a sample by unit; `group` is the place of each group."""
    if request.sample is None:
        return ()
    weight, sums = raw["cell_weight"], raw["cell_sums"]
    above, below = weight, weight
    if n_plain and request.scores == "pairs":
        above, below = sums[: 2 * n_plain : 2], sums[1 : 2 * n_plain : 2]
    elif n_plain:
        above = sums[:n_plain]
        below = weight = np.broadcast_to(weight, above.shape)
    is_centred = request.verb == "mean" and len(sums) > n_plain
    if is_centred:
        above = sums[n_plain :: len(MOMENTS["values"])]
    return (cells_by_slot(raw, group, weight, above, below, is_centred=is_centred),)


def cells_by_slot(
    raw: Mapping[str, Any],
    group: np.ndarray,
    population: np.ndarray,
    numerator: np.ndarray,
    denominator: np.ndarray,
    *,
    is_centred: bool = False,
) -> Cells:
    """Return the cells of a pass by unit, whose sums lie slot by slot, shape (slots, cells)."""
    return Cells(
        start=raw["cell_start"],
        group=group,
        unit=raw["cell_unit"],
        slots=np.arange(len(numerator)),
        population=population.T,
        numerator=numerator.T,
        denominator=denominator.T,
        is_centred=is_centred,
    )


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
    return (Cells.of(group, unit, slots, population, numerator, population),)


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
