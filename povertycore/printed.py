"""Tables of printed figures, checked as they are read."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .errors import (
    DTypeError,
    LabelWarning,
    MissingValueError,
    ValueRangeError,
    unknown_column,
)
from .fields import PROPORTIONS, as_floats, is_categorical, shifted


def one_or_list(words: Any) -> Any:
    """Return the one word that all rows share, else the list of different ones."""
    if words is None or isinstance(words, str):
        return words
    different = list(dict.fromkeys(words))
    return different[0] if len(different) == 1 else different


class PrintedTable:
    """The columns of a printed table, checked as they are read."""

    def __init__(self, frame: Any) -> None:
        self._frame = as_pandas(frame)
        self.n = len(self._frame)

    def _column(self, name: str) -> pd.Series:
        if name not in self._frame.columns:
            raise unknown_column(name, self._frame.columns)
        return self._frame[name]

    def labels(self, name: str) -> Any:
        """Return a key column in its own dtype; text in NFC."""
        column = self._column(name)
        missing = column.isna().to_numpy()
        if missing.any():
            raise error_at(
                MissingValueError, name, missing, "is missing", "every row needs its keys"
            )
        return composed_labels(name, column).array

    def numbers(self, name: str | None) -> npt.NDArray[np.float64]:
        """Return a column of numbers; NaN throughout where none is named."""
        if name is None:
            return np.full(self.n, np.nan)
        column = self._column(name)
        if pd.api.types.infer_dtype(column, skipna=True) == "decimal":
            column = column.astype(np.float64)
        if not pd.api.types.is_numeric_dtype(column):
            error = DTypeError(f"column {name!r} must hold numbers, found {column.dtype}")
            error.column = name
            raise error
        return as_floats(column, self.n)

    def counts(self, name: str | None) -> npt.NDArray[np.float64]:
        """Return a column of counts, finite and >= 0 where known."""
        counts = self.numbers(name)
        wrong = (counts < 0) | np.isinf(counts)
        if wrong.any():
            raise error_at(
                ValueRangeError, name, wrong, "is negative or infinite", "counts are >= 0"
            )
        return counts

    def figures(self, name: str | None, percent: bool) -> npt.NDArray[np.float64]:
        """Return a column of figures, finite where known; percent as fractions."""
        numbers = self.numbers(name)
        if np.isinf(numbers).any():
            raise error_at(
                ValueRangeError, name, np.isinf(numbers), "is infinite", "figures are finite"
            )
        return shifted(numbers, -2) if percent else numbers

    def errors(self, name: str | None, percent: bool) -> npt.NDArray[np.float64]:
        """Return a column of standard errors, in the unit of the figures."""
        errors = self.figures(name, percent)
        if (errors < 0).any():
            raise error_at(
                ValueRangeError, name, errors < 0, "is negative", "standard errors are >= 0"
            )
        return errors

    def column_or_word(self, value: str | None) -> Any:
        """Return a column if there is one of this name, else the word for every row."""
        if value is None or value not in self._frame.columns:
            return value
        return self._column(value).astype(object).where(self._column(value).notna(), None)


def as_pandas(frame: Any) -> pd.DataFrame:
    """Return any frame as pandas; printed tables are small."""
    if isinstance(frame, pd.DataFrame):
        return frame
    if isinstance(frame, Mapping):
        return pd.DataFrame(dict(frame))
    import narwhals.stable.v2 as nw

    try:
        table = nw.from_native(frame)
    except TypeError:
        raise DTypeError(
            f"a table must be a data frame or a mapping of columns, found {type(frame).__name__}"
        ) from None
    if isinstance(table, nw.LazyFrame):
        table = table.collect()
    return pd.DataFrame({name: plain_column(nw, table[name]) for name in table.columns})


def plain_column(nw: Any, column: Any) -> Any:
    """Return one column of any frame as pandas holds it."""
    if column.dtype == nw.Enum:
        return pd.Categorical(column.to_list(), categories=list(column.dtype.categories))
    return column.to_numpy() if column.dtype.is_numeric() else pd.Series(column.to_list())


def composed_labels(name: str, column: pd.Series) -> pd.Series:
    """Return text labels in NFC, with a warning where they were not."""
    is_category = is_categorical(column)
    labels = column.cat.categories if is_category else column
    if pd.api.types.infer_dtype(labels) != "string":
        return column
    composed = [unicodedata.normalize("NFC", label) for label in labels]
    if composed == list(labels):
        return column
    warnings.warn(
        f"labels of column {name!r} were not in NFC; they are composed in the result",
        LabelWarning,
        stacklevel=5,
    )
    if is_category and len(set(composed)) == len(composed):
        return column.cat.rename_categories(composed)
    return column.astype(object).map(dict(zip(labels, composed, strict=True)))


def check_proportions(
    figures: npt.NDArray[np.float64], measure: str, name: str, percent: bool
) -> None:
    """Refuse a proportion outside 0..1."""
    outside = (figures < 0) | (figures > 1)
    if measure not in PROPORTIONS or not outside.any():
        return
    if percent:
        raise error_at(
            ValueRangeError, name, outside, "is outside 0..100", f"a {measure} in percent"
        )
    raise error_at(
        ValueRangeError,
        name,
        outside,
        "is outside 0..1",
        f"a {measure} is a fraction; pass percent=True if the column is in percent",
    )


def check_parts(
    above: npt.NDArray[np.float64], below: npt.NDArray[np.float64], measure: str, name: str | None
) -> None:
    """Refuse a part that is above its whole."""
    if measure in PROPORTIONS and (above > below).any():
        raise error_at(
            ValueRangeError, name, above > below, "is above its denominator", "it is a part of it"
        )


def error_at(
    kind: type[Any], name: str | None, wrong: npt.NDArray[np.bool_], fault: str, expected: str
) -> Any:
    """Return an error that names the column and its first wrong row."""
    row = int(np.argmax(wrong))
    error = kind(f"{name}[{row}] {fault}; {expected}")
    error.column, error.row = name, row
    return error
