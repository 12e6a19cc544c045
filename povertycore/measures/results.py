"""From tables to the one result: a row per group and slot, its notes, how precise it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any

import numpy as np
import pandas as pd

from ..errors import (
    ComparabilityError,
)
from ..estimates import Estimates
from ..fields import TOTAL, coded_text, from_valid_codes, text_type
from ..inputs import Key
from ..intervals import REASONS as INTERVAL_REASONS, intervals
from ..replicates import Replicated
from ..sampling import Linearised
from . import replicated
from .precision import REASONS, Figures, linearised, precision_of
from .tables import Grouped, Table
from .tally import Request

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
    estimate, note = (estimator or ESTIMATORS[request.verb])(counts, n, seen)
    slots = one_kind(request, estimate.shape) if describe is None else describe(counts)
    is_known = describe is None and estimator is not None
    again = [
        replicated.figures_of(joined_sums(each), slots.is_total).ravel()
        for each in first.replicates
    ]
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
    used, place = np.unique(number, return_inverse=True)
    words = [
        "; ".join(filter(None, (texts[i] for (_, texts), i in zip(parts, one, strict=True))))
        for one in np.column_stack(np.unravel_index(used, sizes)).tolist()
    ]
    return coded_text(place, words)


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
    code = np.tile(table.variable, n_groups)
    columns = {"variable": from_valid_codes(code, text_type(tuple(names)))}
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
    return coded_text(np.tile(np.arange(len(labels)), n_groups), labels)


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
