"""The columns of a result: arrays and labels, their order, rows by label, wide tables."""

from __future__ import annotations

import copy
import difflib
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .errors import (
    DTypeError,
    LengthError,
    OptionError,
    listing,
)

TOTAL = "(total)"
NUMBERS = ("estimate", "se", "ci_low", "ci_high", "cv", "df", "deff")
COUNTS = ("n_obs", "n_missing", "n_psu")
SIZES = ("numerator", "denominator", "population")
LABELS = ("unit", "standard", "note")
COMMON = NUMBERS + COUNTS + SIZES + LABELS
# Columns of verbs in the unit of the estimate, or of what it is a change of.
OWN_IN_UNIT = ("start", "end", "reduction", "funnel_low", "funnel_high")
PROPORTIONS = (
    *("rate", "share", "headcount", "censored_headcount", "H", "A", "M0", "contribution"),
    *("union", "intersection", "vulnerable", "severe", "population_share", "subgroup_contribution"),
)


def common_length(columns: Mapping[str, Any]) -> int:
    """Return the one length of all columns that are not scalars; 1 if all are."""
    lengths = {name: len(values) for name, values in columns.items() if not is_scalar(values)}
    first = next(iter(lengths), "")
    for name, length in lengths.items():
        if length != lengths[first]:
            error = LengthError(
                f"column {name!r} has {length} rows; expected {lengths[first]} as in column "
                f"{first!r}"
            )
            error.column = name
            raise error
    return lengths.get(first, 1)


def is_scalar(values: Any) -> bool:
    """Say whether one value stands for every row."""
    return values is None or isinstance(values, str) or np.ndim(values) == 0


def own_dtype(values: Any, n: int) -> Any:
    """Return a copy of a column as the array that pandas holds, in its own dtype."""
    if isinstance(values, pd.arrays.NumpyExtensionArray):
        values = values.to_numpy()
    if is_array_of_numbers(values) or isinstance(values, pd.Categorical):
        return values.copy()
    column = pd.Series([values] * n if is_scalar(values) else values)
    if isinstance(column.dtype, np.dtype):
        return column.to_numpy(copy=True)
    return column.array.copy()


def is_array_of_numbers(values: Any) -> bool:
    """Say whether a column is a plain array already."""
    return isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "biuf"


def as_frame(columns: Mapping[str, Any], n: int) -> pd.DataFrame:
    """Return a new frame; a column of objects stays one, where pandas would make it text."""
    kept = {
        name: pd.Series(column, dtype=object) if column.dtype == object else column
        for name, column in columns.items()
    }
    return pd.DataFrame(kept, index=pd.RangeIndex(n), copy=True)


def is_among(labels: pd.Categorical, words: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Return which rows have one of the words as label."""
    named = np.append(np.isin(np.asarray(labels.categories, dtype=object), words), False)
    return np.asarray(named[labels.codes])


def is_categorical(values: Any) -> bool:
    """Say whether a column holds categories."""
    return isinstance(getattr(values, "dtype", None), pd.CategoricalDtype)


def as_labels(values: Any, n: int) -> pd.Categorical:
    """Return text as codes and categories, in order of appearance."""
    if values is None or isinstance(values, str):
        categories = () if values is None else (values,)
        return labelled(np.full(n, len(categories) - 1, dtype=np.int8), categories)
    if is_categorical(values):
        return (values if isinstance(values, pd.Categorical) else pd.Series(values).array).copy()
    codes, categories = pd.factorize(np.asarray(values, dtype=object))
    return pd.Categorical.from_codes(codes, categories=text_index(list(categories)))


def coded_text(codes: npt.NDArray[Any], texts: Sequence[str | None]) -> pd.Categorical:
    """Return labels from codes and texts, in order of appearance; some may be equal, or missing."""
    distinct = [text for text in dict.fromkeys(texts) if text is not None]
    place = {text: i for i, text in enumerate(distinct)}
    of_text = np.array([-1 if text is None else place[text] for text in texts], dtype=np.int64)
    return labelled(of_text[codes], distinct)


def labelled(codes: npt.NDArray[Any], labels: Sequence[str]) -> pd.Categorical:
    """Return text from codes, -1 for a missing one, and labels that results have often."""
    return pd.Categorical.from_codes(codes, dtype=label_dtype(tuple(labels)), validate=False)


@lru_cache(maxsize=256)
def label_dtype(labels: tuple[str, ...]) -> pd.CategoricalDtype:
    """Return the type of labels: making one takes as long as thousands of rows."""
    return pd.CategoricalDtype(text_index(list(labels)))


def text_index(labels: list[str]) -> pd.Index:
    """Return an index in the text dtype of pandas, which it infers from text, not from nothing."""
    return pd.Index(labels) if labels else pd.Index([""])[:0]


def text_as_labels(values: Any, n: int) -> Any:
    """Return a column of the verb: text as labels, all else in its own dtype."""
    if values is None or isinstance(values, str | pd.Categorical):
        return as_labels(values, n)
    array = own_dtype(values, n)
    is_text = pd.api.types.infer_dtype(array, skipna=True) == "string"
    return as_labels(array, n) if is_text else array


def as_floats(values: Any, n: int) -> npt.NDArray[np.float64]:
    """Return numbers as float64, NaN where one is unknown; one number for all rows is kept once."""
    if is_scalar(values):
        return np.broadcast_to(np.float64(np.nan if values is None else values), n)
    if is_array_of_numbers(values):
        return np.array(values, dtype=np.float64)
    numbers = pd.Series(values).to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    return np.asarray(numbers)


def as_counts(values: Any, n: int) -> npt.NDArray[Any]:
    """Return counts as int64, or as float64 with NaN where one is unknown."""
    if np.asarray(values).dtype.kind in "iu":
        return np.array(np.broadcast_to(values, n), dtype=np.int64)
    numbers = as_floats(values, n)
    unknown = np.isnan(as_floats(values, 1)).any() if is_scalar(values) else np.isnan(numbers).any()
    return numbers if unknown else numbers.astype(np.int64)


def ratio_of(above: Any, below: Any) -> npt.NDArray[np.float64]:
    """Return above / below; NaN where below is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below == 0, np.nan, above / below)


def listed_names(names: str | Sequence[str] | None) -> list[str]:
    """Return names as a list: one name, several or none."""
    if names is None:
        return []
    return [names] if isinstance(names, str) else list(names)


def label_ranks(column: Any, *, sort: bool) -> npt.NDArray[np.intp]:
    """Return the place of each label: ascending or as met; missing, then `(total)`, last."""
    codes, labels = pd.factorize(column)
    n = len(labels)
    place = np.arange(n + 1, dtype=np.intp)
    if sort:
        place[ascending(labels)] = np.arange(n)
        listed = labels.tolist()
        if TOTAL in listed:
            place[listed.index(TOTAL)] = n + 1
    return np.asarray(place[codes])  # code -1, a missing label, is the last place


def ascending(labels: Any) -> npt.NDArray[np.intp]:
    """Return the positions that sort distinct labels: categories in their order, else by value."""
    if is_categorical(labels):
        return np.argsort(labels.codes)
    try:
        return np.asarray(pd.Index(labels).argsort())
    except TypeError:  # labels of several types have no order of their own
        return np.argsort([str(label) for label in labels], kind="stable")


def has_label(name: str, column: Any, wanted: Any) -> npt.NDArray[np.bool_]:
    """Return which rows have one of the wanted labels; each label must have a row."""
    codes, labels = pd.factorize(column)
    index = pd.Index(labels.astype(object) if is_categorical(labels) else labels)
    if isinstance(wanted, str) or not pd.api.types.is_list_like(wanted):
        wanted = [wanted]
    found = [code_of(name, label, index, has_missing=-1 in codes) for label in wanted]
    return np.isin(codes, np.concatenate([*found, np.empty(0, dtype=np.intp)]))


def code_of(name: str, label: Any, index: pd.Index, *, has_missing: bool) -> npt.NDArray[np.intp]:
    """Return the codes that a label stands for; a date may stand for several."""
    if pd.api.types.is_scalar(label) and pd.isna(label) and has_missing:
        return np.array([-1])
    if isinstance(label, str):
        label = unicodedata.normalize("NFC", label)
    try:
        # get_loc of a date may give a slice: "2021" names all dates of that year.
        return np.atleast_1d(np.arange(len(index))[index.get_loc(label)])
    except (KeyError, TypeError, ValueError, pd.errors.InvalidIndexError):
        raise unknown_label(name, label, index) from None


def unknown_label(name: str, label: Any, index: pd.Index) -> OptionError:
    """Return the error for a label that no row has, naming those that come close."""
    by_text = {str(other): other for other in index.tolist()}
    close = [by_text[text] for text in difflib.get_close_matches(str(label), by_text, n=3)]
    if close:
        hint = f"did you mean {listing(close, last=' or ')}?"
    else:
        hint = f"there are {listing(by_text.values())}" if by_text else "there are none"
    error = OptionError(f"no row has {name} {label!r}; {hint}")
    error.argument = name
    return error


def shifted(numbers: npt.NDArray[np.float64], places: int) -> npt.NDArray[np.float64]:
    """Move the decimal point: 0.1422 gives 14.22, where 0.1422 * 100 gives 14.219999999999999."""
    return np.array(
        [float(Decimal(repr(number)).scaleb(places)) for number in numbers.tolist()],
        dtype=np.float64,
    )


def spread_cells(
    column: Any, row_of: npt.NDArray[np.intp], col_of: npt.NDArray[np.intp], shape: tuple[int, int]
) -> npt.NDArray[Any]:
    """Return the cells of a wide table; NaN (None for text) where no row falls."""
    values = np.asarray(column)
    full = len(values) == shape[0] * shape[1]
    if values.dtype.kind not in "iuf":
        values = values.astype(object)
    elif not full:
        values = values.astype(np.float64)
    empty = None if values.dtype == object else 0 if full else np.nan
    cells = np.full(shape, empty, dtype=values.dtype)
    cells[row_of, col_of] = values
    return cells


def rows_axis(labels: pd.DataFrame) -> pd.Index:
    """Return the row labels of a wide table."""
    if labels.shape[1] == 1:
        return pd.Index(labels.iloc[:, 0])
    return pd.MultiIndex.from_frame(labels)


def columns_axis(labels: pd.DataFrame, values: str, percent: bool) -> pd.Index:
    """Return the column labels as plain values, so that a reader can add columns of his own."""
    suffix = "_percent" if percent else ""
    if labels.empty:
        return pd.Index([values + suffix])
    plain = [labels[name].tolist() for name in labels.columns]
    if percent:
        plain[-1] = [f"{label}{suffix}" for label in plain[-1]]
    if len(plain) == 1:
        return pd.Index(plain[0], name=labels.columns[0])
    return pd.MultiIndex.from_arrays(plain, names=labels.columns)


def polars_series(polars: Any, name: str, column: Any) -> Any:
    """Return a column as a Polars Series, without the way through pyarrow."""
    if is_categorical(column) and pd.api.types.infer_dtype(column.categories) == "string":
        values = [label if isinstance(label, str) else None for label in column]
        return polars.Series(name, values, dtype=polars.Enum(column.categories.tolist()))
    if isinstance(column, np.ndarray) and column.dtype.kind == "f":
        series = polars.Series(name, np.ascontiguousarray(column)).fill_nan(None)
        return series.cast(polars.Int64) if name in COUNTS else series
    if isinstance(column, np.ndarray) and column.dtype != object:
        return polars.Series(name, column)
    values = [None if pd.isna(value) else value for value in column]
    if isinstance(next(iter(values), None), pd.Period | pd.Interval):
        values = [None if value is None else str(value) for value in values]
    return polars.Series(name, values)


def joined_column(name: str, columns: list[Any]) -> Any:
    """Return the parts of one column below each other."""
    if all(is_categorical(column) for column in columns):
        return joined_categories(columns)
    plain = [column.astype(object) if is_categorical(column) else column for column in columns]
    numeric = {pd.api.types.is_numeric_dtype(column) for column in plain}
    if len(numeric) > 1:
        types = listing([str(column.dtype) for column in plain], last=" and ")
        raise DTypeError(f"column {name!r} has types {types} in the parts; make them the same")
    if any(is_categorical(column) for column in columns):
        return own_dtype([label for column in plain for label in column], 0)
    return own_dtype(pd.concat([pd.Series(column) for column in plain], ignore_index=True), 0)


def joined_categories(parts: list[pd.Categorical]) -> pd.Categorical:
    """Return the labels of all parts; categories in the first part's order, then the new ones."""
    if all(part.dtype == parts[0].dtype for part in parts):
        codes = np.concatenate([part.codes for part in parts])
        return pd.Categorical.from_codes(codes, dtype=parts[0].dtype)
    labels = list(dict.fromkeys(label for part in parts for label in part.categories))
    if TOTAL in labels:  # it stays the last also of categories that are joined
        labels = [label for label in labels if label != TOTAL] + [TOTAL]
    index = text_index(labels)
    moved = [np.append(index.get_indexer(part.categories), -1)[part.codes] for part in parts]
    return pd.Categorical.from_codes(np.concatenate(moved), categories=index)


def joined_meta(metas: list[dict[str, Any]]) -> dict[str, Any]:
    """Keep what all parts say alike; put the footnotes together; keep each part as it was."""
    alike = {
        name: value
        for name, value in metas[0].items()
        if all(name in meta and meta[name] == value for meta in metas)
    }
    footnotes = dict.fromkeys(note for meta in metas for note in meta.get("footnotes", ()))
    joined = {**alike, "parts": copy.deepcopy(metas)}
    return {**joined, "footnotes": list(footnotes)} if footnotes else joined
