"""Rates: the share of the households or persons that a 0/1 column marks, or of each category."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from unicodedata import normalize

import numpy as np
import pandas as pd

from ..design import Design
from ..errors import DuplicateNameError, MissingValueError, PovertyCoreError, ValueRangeError
from ..estimates import Estimates
from ..inputs import Frame, Key
from .results import (
    ALL_MISSING,
    ALL_ZERO,
    MEASURED_ONLY,
    NOBODY_LISTED,
    NOTHING,
    ZERO_DENOMINATOR,
    Counts,
    wrap,
)
from .tables import (
    Table,
    option_error,
    with_groups,
)
from .tally import Request, compute, frame_of, measured_variables, resolve


def rate(
    data: Any,
    columns: Any,
    *,
    by: str | list[str] | None = None,
    over: str | list[str] | None = None,
    where: Any = None,
    design: Design | None = None,
    count: str | None = None,
    standard: Any = None,
    population: Any = None,
    missing_groups: str = "error",
    observed: bool = True,
    totals: str | list[str] | None = None,
) -> Estimates:
    r"""Compute the share of households or persons that a column marks, by group.

    Parameters
    ----------
    data : DataFrame or mapping of str to array_like
        One row per household or person: pandas, Polars, PyArrow, or what narwhals reads.
        Also a mapping from period to such a frame, one file a wave: their columns that the call
        names are copied below each other.
    columns : str, array_like or list
        Columns of 0/1 or bool; or of text or categories, which give a row per category, also of
        those that nobody is in. A name, an array or Series of n rows, or a list of them. Missing
        values take the row out of that column's rate and are counted.
    by : str or list of str, optional
        Columns that are crossed to define the groups.
    over : str or list of str, optional
        Columns that each give a table of their own, after the whole. Not together with `by`.
    where : str or array_like, optional
        Boolean column: the domain. A missing value is outside, and counted in `.meta`.
    design : Design, optional
        Weight, household size and what a row is; strata and PSUs, or replicates, of a sample.
        Without it each row counts once.
    count : {"households", "persons"}, optional
        What is counted, in place of what the design says.
    standard : str or Standard, optional
        The standard that the column follows: an id, a Standard, or the name of a column of ids.
    population : DataFrame or mapping, optional
        For lists that hold only reviewed households: a table of the `by` columns and a column
        `population`, the denominators. `observed=False` adds its groups that hold no rows; a
        total counts their population either way.
    missing_groups : {"error", "keep"}, optional
        What to do about a missing label in `by` or `over`.
    observed : bool, optional
        False adds the combinations and categories that the data do not hold.
    totals : str or list of str, optional
        Keys of text in `by`: adds, per combination of the other keys, a row ``(total)``.

    Returns
    -------
    Estimates
        One row per group and column, or per group and category: `estimate` in [0, 1];
        `n_obs` and `n_missing`, rows used and rows left out; `numerator`, `denominator` and
        `population`, sums of weights, in `unit`. Of a sample `se`, `ci_low` and `ci_high` (logit
        intervals of 95 percent), `cv`, `df`, `deff` and `n_psu`, the PSUs with a row used.

    Raises
    ------
    ColumnNotFoundError
        A named column is not in `data`.
    ValueRangeError
        A column of numbers holds something else than 0 and 1; a weight or size is negative or not
        finite; `population` is below its numerator, or lacks a group.
    MissingValueError
        A weight, a size or a group's label is missing.
    OptionError
        `by` and `over` are used together, or an option is not one of those listed.
    DesignError
        The design does not fit the data: a stratum has one PSU under ``lonely="error"``, a PSU is
        in two strata with nesting off, an fpc varies within a stratum or is below the sample.

    Notes
    -----
    .. math:: \hat p = \sum_i w_i y_i / \sum_i w_i

    over the rows of the group and domain whose y is known. A group without such rows keeps its
    row, with NaN and a note. Variances are linearised: see `Design`. A rate of 0 or 1 has no
    standard error, but an interval of as many rows. The design effect compares with a simple
    random sample of as many rows of positive weight, drawn without replacement.

    Examples
    --------
    Of four households in the north one is poor, of two in the south one.

    >>> households = {"region": ["north"] * 4 + ["south"] * 2, "poor": [1, 0, 0, 0, 1, 0]}
    >>> table = pc.rate(households, "poor", by="region").to_frame()
    >>> table[["region", "estimate", "numerator", "denominator", "unit"]]
      region  estimate  numerator  denominator        unit
    0  north      0.25        1.0          4.0  households
    1  south      0.50        1.0          2.0  households
    """
    frame = frame_of(data, design, columns, by, over, where, standard)
    request = resolve(
        "rate",
        frame,
        measured_variables(frame, columns),
        "flags",
        by=by,
        over=over,
        where=where,
        design=design,
        count=count,
        standard=standard,
        missing_groups=missing_groups,
        observed=observed,
        totals=totals,
    )
    if population is None:
        return wrap(request, shares(request))
    if over is not None:
        raise option_error("population", "population gives the denominators of by, not of over")
    complete = partial(with_population, Frame.of(population), request)
    return wrap(request, shares(request, complete), share_of_population)


def shares(request: Request, *complete: Any) -> list[Table]:
    """Total the columns; one that holds amounts is told what takes it."""
    try:
        return compute(request, *complete)
    except ValueRangeError as error:
        if error.argument == "flag":
            error.args = (
                f"a rate is of a column of 0 and 1, and {error.column or 'column'}[{error.row}] "
                "is neither; the mean of an amount is pc.mean",
            )
        raise


# --- lists that hold only reviewed households: the denominators come from a second frame ---------

ROUNDING = 1e-12  # a sum of weights may be above a population of the same households by so much


def with_population(frame: Frame, request: Request, table: Table) -> Table:
    """Take the denominators from a second frame."""
    population = checked_population(frame)
    listed = rows_by_group(frame, request.by)
    if not request.observed or request.totals:  # a total is of the whole population
        known = set(group_labels(table))
        table = with_listed(request, table, [group for group in listed if group not in known])
    groups = group_labels(table)
    for group in groups:
        if group not in listed:
            raise at_row(
                MissingValueError(f"population has no row for {group_words(request, group)}"), None
            )
    row = np.array([listed[group] for group in groups], dtype=np.int64)
    denominator = np.broadcast_to(population[row][:, None], table.sums["numerator"].shape)
    above = table.sums["numerator"] > denominator * (1 + ROUNDING)
    if above.any():
        g, slot = np.argwhere(above)[0]
        message = (
            f"population[{row[g]}] is {denominator[g, slot]:g}, below the"
            f" {table.sums['numerator'][g, slot]:g} counted for {group_words(request, groups[g])}"
        )
        raise at_row(ValueRangeError(message), int(row[g]))
    denominator = np.maximum(denominator, table.sums["numerator"])
    return replace(table, sums=table.sums | {"denominator": denominator})


def checked_population(frame: Frame) -> np.ndarray:
    """Return the populations as numbers, each finite and not negative."""
    population = np.asarray(frame.array("population"), dtype=np.float64)
    for bad, kind, words in (
        (np.isnan(population), MissingValueError, "missing"),
        (~(population >= 0) | np.isinf(population), ValueRangeError, "negative or infinite"),
    ):
        if bad.any():
            row = int(bad.argmax())
            raise at_row(
                kind(f"population[{row}] is {words}; populations must be finite and >= 0"), row
            )
    return population


def rows_by_group(frame: Frame, by: Sequence[Key]) -> dict[tuple[Any, ...], int]:
    """Return the row of each group in the table of populations; each has one."""
    columns = [plain_labels(frame.array(key.name)) for key in by]
    rows: dict[tuple[Any, ...], int] = {}
    for row, group in enumerate(zip(*columns, strict=True) if columns else [()] * frame.n):
        if group in rows:
            raise at_row(
                DuplicateNameError(
                    f"row {row} of population has the same group as row {rows[group]}"
                ),
                row,
            )
        rows[group] = row
    return rows


def at_row(error: PovertyCoreError, row: int | None) -> PovertyCoreError:
    """Attach to an error that it is about a row of the table of populations."""
    error.argument, error.row = "population", row
    return error


def with_listed(request: Request, table: Table, groups: Sequence[tuple[Any, ...]]) -> Table:
    """Add groups, by their labels, in which no row is listed."""
    levels, codes, new_codes = [], [], []
    for j, key in enumerate(request.by):
        known = {label: code for code, label in enumerate(plain_labels(table.levels[j]))}
        new = list(dict.fromkeys(group[j] for group in groups if group[j] not in known))
        known |= {label: len(known) + i for i, label in enumerate(new)}
        extended, rank = with_labels(key, table.levels[j], new)
        levels.append(extended)
        codes.append(rank[table.codes[j]])
        new_codes.append(rank[np.array([known[group[j]] for group in groups], dtype=np.int64)])
    n = len(groups)
    nothing = {
        word: np.zeros((n, *values.shape[1:]), values.dtype) for word, values in table.sums.items()
    }
    table = replace(table, levels=tuple(levels), codes=tuple(codes))
    return with_groups(table, new_codes, np.zeros(n, dtype=bool), nothing)


def with_labels(key: Key, levels: Any, new: Sequence[Any]) -> tuple[Any, np.ndarray]:
    """Add labels to the levels of a key; return them in order, and the new place of each."""
    if isinstance(levels, pd.Categorical):
        categories = [*levels.categories, *new]
        dtype = pd.CategoricalDtype(categories, ordered=levels.ordered)
        has_missing = (levels.codes < 0).any()
        codes = [*range(len(categories)), *([-1] if has_missing else [])]
        rank = np.arange(len(levels) + len(new))
        if has_missing:  # the missing label stays the last
            rank[len(levels) - 1 :] = np.roll(rank[len(levels) - 1 :], 1)
        return pd.Categorical.from_codes(codes, dtype=dtype), rank
    extended = pd.concat([pd.Series(levels), pd.Series(list(new), dtype=levels.dtype)]).array
    order = np.asarray(key.order(extended))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return extended.take(order), rank


def plain_labels(labels: Any) -> list[Any]:
    """Return labels as Python compares them: text in NFC, None where missing."""
    return [
        None if pd.isna(label) else normalize("NFC", label) if isinstance(label, str) else label
        for label in pd.Series(labels).astype(object).tolist()
    ]


def group_labels(table: Table) -> list[tuple[Any, ...]]:
    """Return the labels of each group."""
    if not table.levels:
        return [()] * table.n_groups
    columns = []
    for levels, codes in zip(table.levels, table.codes, strict=True):
        labels = plain_labels(levels)
        columns.append([labels[code] for code in codes.tolist()])
    return list(zip(*columns, strict=True))


def group_words(request: Request, group: Sequence[Any]) -> str:
    """Name a group of the result in a message."""
    words = ", ".join(f"{key.name} {label!r}" for key, label in zip(request.by, group, strict=True))
    return words or "the whole"


def share_of_population(
    counts: Counts, n: np.ndarray, seen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return shares of a known population: a group in which no row is listed has 0."""
    n_obs, denominator = counts["n_obs"], counts["denominator"]
    estimate = np.full(n_obs.shape, np.nan)
    np.divide(counts["numerator"], denominator, out=estimate, where=denominator != 0)
    note = np.where(n_obs < n, MEASURED_ONLY, NOTHING).astype(np.int8)
    note[n == 0] = NOBODY_LISTED
    note[denominator == 0] = ZERO_DENOMINATOR
    for empty, why in (
        ((n_obs > 0) & (counts["population"] == 0), ALL_ZERO),
        ((n_obs == 0) & (n > 0), ALL_MISSING),
    ):
        estimate[empty] = np.nan
        note[empty] = why
    return estimate, note
