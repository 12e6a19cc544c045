"""Any frame as typed columns, and the labels of its keys back.

Each column is taken alone, by the shortest route that its library offers, and is not copied:

=====================================  =========================================================
pandas, NumPy types                    strided array (a column of a block has a stride)
pandas, nullable types                 values and byte mask
pandas, categorical                    codes; -1 is missing
pandas, Arrow-backed (also `str`)      Arrow stream
pandas, text without pyarrow; objects  codes from the Python objects: slower, the GIL is held
Polars, PyArrow                        Arrow stream; dictionaries and categories by their codes
mapping of arrays                      as the arrays are
anything else narwhals reads           one column at a time through pandas
=====================================  =========================================================

One column is converted, never the frame, where its type has no counterpart in C: NumPy arrays in
foreign byte order, decimals, half floats, fixed-width NumPy text. Dates and periods are read as
their integers. A lazy frame is collected once, with the columns that are needed.

A key knows how to turn what the core found (integer values, or rows that hold a text) into labels
in the column's own type. Text is normalised to NFC, on the distinct labels only.
"""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from povertycore import _core
from povertycore.errors import (
    DTypeError,
    DuplicateNameError,
    LabelWarning,
    LengthError,
    unknown_column,
)

NOT_A_TIME = np.iinfo(np.int64).min  # how NumPy and pandas write a missing date, period or duration
MASKED_DTYPES = (
    pd.BooleanDtype,
    pd.Float32Dtype,
    pd.Float64Dtype,
    pd.Int8Dtype,
    pd.Int16Dtype,
    pd.Int32Dtype,
    pd.Int64Dtype,
    pd.UInt8Dtype,
    pd.UInt16Dtype,
    pd.UInt32Dtype,
    pd.UInt64Dtype,
)
HAS_STR_DTYPE = int(pd.__version__.split(".")[0]) >= 3

Values = NDArray[np.int64]
Missing = NDArray[np.bool_]
Decoder = Callable[[Values, Missing], Any]


# --- what a column is read into -------------------------------------------------------------------


@dataclass
class Key:
    """One column as the core reads it, and the way back to its labels.

    Attributes
    ----------
    name : str
        Name of the column; empty for an array without one.
    column : _core.Column
        A view of the values, or of the codes that stand for them.
    is_flag : bool
        Bool or integer: may hold 0/1.
    is_categorical : bool
        Text or categories.
    categories : pandas.Index or None
        The fixed list of categories (pandas, Polars Enum, ordered Arrow dictionaries), in NFC.
    codes : callable or None
        Of categories, and of text read from Python objects: gives the code of each row, below 0
        where missing.
    """

    name: str
    column: _core.Column
    decode: Decoder = field(repr=False)
    plain: Callable[[], NDArray[Any]] = field(repr=False)
    is_flag: bool = False
    is_categorical: bool = False
    categories: pd.Index | None = None
    codes: Callable[[], NDArray[Any]] | None = field(default=None, repr=False)

    def labels(self, values: Values, missing: Missing) -> Any:
        """Return the labels of key values as `_core.total` gives them, in the column's own type.

        Labels that differ only in Unicode form come back equal, and a warning names the column.
        """
        return self.decode(np.asarray(values, np.int64), np.asarray(missing, bool))

    def order(self, labels: Any) -> NDArray[np.intp]:
        """Return the positions that sort labels; missing ones come last.

        Categories go by their list, text by code point, all else by value.
        """
        return label_order(labels)


Measured = Key  # what `measured` returns: the same record, read for its numbers


def label_order(labels: Any) -> NDArray[np.intp]:
    """Return the positions that sort labels of any type; missing ones come last."""
    if isinstance(getattr(labels, "dtype", None), pd.CategoricalDtype):
        codes = np.asarray(pd.Categorical(labels).codes, np.int64)
        last = len(labels.dtype.categories)
        return np.argsort(np.where(codes < 0, last, codes), kind="stable")
    labels = pd.Series(labels).array
    absent = np.asarray(pd.isna(labels), bool)
    present = np.flatnonzero(~absent)
    return np.concatenate([present[sorting(labels[present])], np.flatnonzero(absent)])


def sorting(labels: Any) -> NDArray[np.intp]:
    """Return the positions that sort labels, none of them missing."""
    try:
        if is_text_or_objects(labels) or isinstance(labels.dtype, pd.ArrowDtype):
            return np.argsort(np.asarray(labels, dtype=object), kind="stable")
        return np.asarray(labels.argsort(kind="stable"), np.intp)
    except TypeError:  # objects of several types
        return np.argsort(np.array([str(label) for label in labels], dtype=object), kind="stable")


def is_text_or_objects(labels: Any) -> bool:
    """Say whether labels are text, or Python objects that may be."""
    return isinstance(labels.dtype, pd.StringDtype) or pd.api.types.is_object_dtype(labels.dtype)


def type_error(name: str, what: str, row: int | None = None) -> DTypeError:
    """Return the error for a column that cannot be read."""
    place = "column" if row is None else f"column[{row}]"
    error = DTypeError(f"{place} {what} (column {name!r})" if name else f"{place} {what}")
    error.argument, error.column, error.row = "column", name or None, row
    return error


# --- labels ---------------------------------------------------------------------------------------


def text_array(labels: Iterable[Any]) -> Any:
    """Return text as pandas keeps it: `str`, or objects before pandas 3."""
    if HAS_STR_DTYPE:
        return pd.array(list(labels), dtype="str")
    return object_array(list(labels))


def object_array(values: list[Any]) -> NDArray[Any]:
    """Return a list as an array of objects, whatever is in it."""
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def normalised(labels: Iterable[Any], name: str) -> list[Any]:
    """Return labels with text in NFC; a warning names the column if that changed anything."""
    labels = list(labels)
    changed = [
        isinstance(label, str) and not unicodedata.is_normalized("NFC", label) for label in labels
    ]
    if not any(changed):
        return labels
    warnings.warn(
        f"{sum(changed)} labels of column {name!r} were not in Unicode form NFC; they were brought"
        " into it, and labels that are then equal are one",
        LabelWarning,
        stacklevel=4,
    )
    return [
        unicodedata.normalize("NFC", label) if change else label
        for label, change in zip(labels, changed, strict=True)
    ]


def text_decoder(name: str, fetch: Callable[[Values], Iterable[Any]]) -> Decoder:
    """Labels of a text column, fetched at the rows that hold them."""

    def decode(rows: Values, missing: Missing) -> Any:
        labels = np.full(len(rows), None, dtype=object)
        labels[~missing] = normalised(fetch(rows[~missing]), name)
        return text_array(labels)

    return decode


def list_decoder(name: str, labels: Any) -> Decoder:
    """Labels of codes into a list without an order of its own: they come back as plain labels."""

    def decode(codes: Values, missing: Missing) -> Any:
        chosen = pd.Series(labels).array.take(codes[~missing])
        if is_text_or_objects(chosen):
            out = np.full(len(codes), None, dtype=object)
            out[~missing] = normalised(chosen, name)
            return text_array(out)
        known = pd.Series(chosen, index=np.flatnonzero(~missing))
        return known.reindex(range(len(codes))).array

    return decode


def category_decoder(name: str, categories: pd.Index, ordered: bool) -> tuple[Decoder, pd.Index]:
    """Labels of codes into a fixed list of categories, and the list in NFC."""
    wanted = pd.Index(categories)
    place = np.arange(len(wanted))
    labels = list(wanted)
    unified = normalised(labels, name)
    if unified != labels:
        place, wanted = pd.factorize(object_array(unified))
        wanted = pd.Index(text_array(wanted))
    dtype = pd.CategoricalDtype(wanted, ordered)

    def decode(codes: Values, missing: Missing) -> Any:
        out = np.full(len(codes), -1, np.int64)
        out[~missing] = place[codes[~missing]]
        return pd.Categorical.from_codes(out, dtype=dtype)

    return decode, wanted


def number_decoder(dtype: np.dtype[Any], nullable: bool = False) -> Decoder:
    """Labels of integers and bools: the values, in their own type."""

    def decode(values: Values, missing: Missing) -> Any:
        own = (values.view(np.uint64) if dtype == np.uint64 else values).astype(dtype)
        if not nullable and not missing.any():
            return own
        masked = pd.arrays.BooleanArray if dtype.kind == "b" else pd.arrays.IntegerArray
        return masked(own, missing.copy())

    return decode


def float_decoder(
    fetch: Callable[[Values], Any], dtype: np.dtype[Any], nullable: bool = False
) -> Decoder:
    """Labels of floats, fetched at the rows that hold them."""

    def decode(rows: Values, missing: Missing) -> Any:
        out = np.full(len(rows), np.nan, dtype)
        out[~missing] = fetch(rows[~missing])
        return pd.arrays.FloatingArray(out, missing.copy()) if nullable else out

    return decode


def moment_decoder(dtype: Any) -> Decoder:
    """Labels of dates and durations: integers in a unit; `dtype` is NumPy's or pandas' own."""

    def decode(values: Values, missing: Missing) -> Any:
        values = np.where(missing, NOT_A_TIME, values)
        if isinstance(dtype, pd.PeriodDtype):
            return pd.PeriodIndex.from_ordinals(values, freq=dtype.freq).array
        if isinstance(dtype, pd.DatetimeTZDtype):
            moments = pd.DatetimeIndex(values.view(f"M8[{dtype.unit}]"))
            return moments.tz_localize("UTC").tz_convert(dtype.tz).array
        index = pd.DatetimeIndex if dtype.kind == "M" else pd.TimedeltaIndex
        return index(values.view(dtype)).array

    return decode


# --- NumPy ----------------------------------------------------------------------------------------


def from_numpy(values: NDArray[Any], name: str) -> Key:
    """Read a one-dimensional array."""
    mask = None
    if isinstance(values, np.ma.MaskedArray):
        mask = None if values.mask is np.ma.nomask else np.ma.getmaskarray(values)
        values = values.data
    if values.ndim != 1:
        raise type_error(name, f"has {values.ndim} dimensions; a column has one")
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    kind = values.dtype.kind
    if kind in "biuf":
        return from_numbers(values, mask, name)
    if kind in "Mm":
        return from_moments(values if mask is None else values.copy(), mask, name)
    if kind in "UTO":
        objects = values.astype(object, copy=False)
        if mask is not None:
            objects = np.where(mask, np.array(None), objects)
        return from_objects(objects, name)
    raise type_error(name, f"has the type {values.dtype}, which is not read")


def from_numbers(
    values: NDArray[Any], mask: NDArray[Any] | None, name: str, nullable: bool = False
) -> Key:
    """Read numbers and bools, with a byte mask where some may be missing."""
    if values.dtype.kind == "f" and values.dtype.itemsize not in (4, 8):
        values = values.astype(np.float32 if values.dtype.itemsize == 2 else np.float64)
    column = _core.column_array(values, mask, name)
    is_float = values.dtype.kind == "f"
    return Key(
        name,
        column,
        decode=float_decoder(values.__getitem__, values.dtype, nullable)
        if is_float
        else number_decoder(values.dtype, nullable),
        plain=lambda: plain_numbers(values, mask),
        is_flag=not is_float,
    )


def plain_numbers(values: NDArray[Any], mask: NDArray[Any] | None) -> NDArray[Any]:
    """Return numbers as they are, or as float64 with NaN where some are missing."""
    if mask is None or not mask.any():
        return values
    return np.where(mask, np.nan, values.astype(np.float64))


def from_moments(values: NDArray[Any], mask: NDArray[Any] | None, name: str) -> Key:
    """Read dates and durations as their integers."""
    if mask is not None:
        values[mask] = "NaT"
    column = _core.column_array(values.view(np.int64), None, name, NOT_A_TIME)
    return Key(name, column, decode=moment_decoder(values.dtype), plain=lambda: values)


def from_objects(values: NDArray[Any], name: str) -> Key:
    """Read Python objects: text by codes; numbers and dates as pandas understands them."""
    try:
        codes, first_rows = _core.encode_objects(values)
    except DTypeError as error:
        return from_mixed_objects(values, name, error.row)
    if len(first_rows) == 0 and len(values) > 0:  # all missing: of no type in particular
        return from_numbers(np.broadcast_to(np.float64("nan"), len(values)), None, name)
    decode = text_decoder(name, lambda found: values[first_rows[found]])
    return Key(
        name,
        _core.column_array(codes, None, name, -1),
        decode=decode,
        plain=lambda: np.where(codes < 0, np.array(None), values),
        is_categorical=True,
        codes=lambda: codes,
    )


def from_mixed_objects(values: NDArray[Any], name: str, row: int | None) -> Key:
    """Read objects that are not text, such as True, False and None."""
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind == "decimal":
        return from_numpy(pd.Series(values).astype(np.float64).to_numpy(), name)
    if kind in ("boolean", "integer", "floating", "mixed-integer-float"):
        return from_pandas(pd.array(values), name)
    if kind in ("date", "datetime", "datetime64", "period", "timedelta", "timedelta64"):
        read = pd.to_datetime if kind == "date" else pd.array
        return from_pandas(pd.Series(read(values)).array, name)
    raise type_error(name, "is neither text nor missing; a column of objects holds text", row)


# --- pandas ---------------------------------------------------------------------------------------


def from_pandas(array: Any, name: str) -> Key:
    """Read a pandas extension array."""
    dtype = array.dtype
    if isinstance(array, pd.arrays.NumpyExtensionArray) or isinstance(dtype, np.dtype):
        return from_numpy(array.to_numpy(), name)
    if isinstance(dtype, pd.CategoricalDtype):
        return from_categorical(array, name)
    if isinstance(dtype, MASKED_DTYPES):
        return from_numbers(*masked_parts(array), name, nullable=True)
    if isinstance(dtype, pd.ArrowDtype):
        return from_arrow_pandas(array, name)
    if isinstance(dtype, pd.StringDtype):
        if dtype.storage == "python":
            return from_objects(np.asarray(array, dtype=object), name)
        return from_arrow(array.__arrow_array__(), name)
    if isinstance(dtype, pd.DatetimeTZDtype | pd.PeriodDtype):
        column = _core.column_array(array.asi8, None, name, NOT_A_TIME)
        return Key(name, column, decode=moment_decoder(dtype), plain=lambda: np.asarray(array))
    if isinstance(dtype, pd.SparseDtype):
        return from_numpy(np.asarray(array), name)
    return from_any_pandas(array, name)


def masked_parts(array: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return values and mask of a nullable array: the one place that knows where they lie."""
    values, mask = getattr(array, "_data", None), getattr(array, "_mask", None)
    if isinstance(values, np.ndarray) and isinstance(mask, np.ndarray):
        return values, mask
    mask = np.asarray(array.isna(), bool)
    return array.to_numpy(dtype=array.dtype.numpy_dtype, na_value=0), mask


def from_arrow_pandas(array: Any, name: str) -> Key:
    """Read Arrow-backed pandas through Arrow; numbers and dates come back Arrow-backed."""
    key = from_arrow(array.__arrow_array__(), name)
    if key.is_categorical or str(array.dtype.pyarrow_dtype) == "null":
        return key
    decode = key.decode

    def decode_as_given(values: Values, missing: Missing) -> Any:
        return pd.array(decode(values, missing), dtype=array.dtype)

    key.decode = decode_as_given
    return key


def from_categorical(array: Any, name: str) -> Key:
    """Read a pandas categorical by its codes."""
    codes = array.codes
    decode, categories = category_decoder(name, array.categories, bool(array.ordered))
    return Key(
        name,
        _core.column_array(codes, None, name, -1),
        decode=decode,
        plain=lambda: labels_at(array.categories, codes),
        is_categorical=True,
        categories=categories,
        codes=lambda: np.asarray(codes),
    )


def from_any_pandas(array: Any, name: str) -> Key:
    """Read what has no route of its own (intervals, others' types): pandas makes codes."""
    codes, labels = pd.factorize(array)
    return Key(
        name,
        _core.column_array(codes, None, name, -1),
        decode=list_decoder(name, labels),
        plain=lambda: np.asarray(array, dtype=object),
    )


def labels_at(categories: Any, codes: NDArray[Any]) -> NDArray[Any]:
    """Return the label of each row as an object; None where the code is negative."""
    labels = object_array([*categories, None])
    return labels.take(codes)


# --- Arrow ----------------------------------------------------------------------------------------


def from_arrow(column: Any, name: str) -> Key:
    """Read a PyArrow array, whole or in chunks."""
    import pyarrow as pa

    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return from_arrow(column.cast(kind.storage_type), name)
    if pa.types.is_dictionary(kind):
        return from_arrow_dictionary(column, name)
    if pa.types.is_decimal(kind):
        return from_arrow(column.cast(pa.float64()), name)
    if pa.types.is_float16(kind):
        return from_arrow(column.cast(pa.float32()), name)
    view = _core.column_arrow(column, name)
    if view.type.startswith("text"):
        return Key(
            name,
            view,
            decode=text_decoder(name, lambda rows: taken_arrow(column, rows)),
            plain=lambda: object_array(column.to_pylist()),
            is_categorical=True,
        )
    if pa.types.is_temporal(kind):
        return Key(name, view, decode=arrow_moments(kind), plain=lambda: plain_arrow(column))
    if view.type.startswith("float"):
        dtype = np.dtype(view.type)
        fetch = float_decoder(lambda rows: taken_arrow(column, rows), dtype)
        return Key(name, view, decode=fetch, plain=lambda: plain_arrow(column))
    dtype = np.dtype("bool" if view.type == "bits" else view.type)
    return Key(
        name,
        view,
        decode=number_decoder(dtype),
        plain=lambda: plain_arrow(column),
        is_flag=True,
    )


def taken_arrow(column: Any, rows: Values) -> NDArray[Any]:
    """Return the values at these rows, chunk by chunk: PyArrow's own take may join the chunks."""
    chunks = column.chunks if hasattr(column, "chunks") else [column]
    ends = np.cumsum([len(chunk) for chunk in chunks])
    home = np.searchsorted(ends, rows, side="right")
    out = np.empty(len(rows), dtype=object)
    for k in np.unique(home):
        here = np.flatnonzero(home == k)
        out[here] = object_array(chunk_values(chunks[k], rows[here] - (ends[k] - len(chunks[k]))))
    return out


def chunk_values(chunk: Any, rows: Values) -> list[Any]:
    """Return the values of one Arrow array at these rows."""
    import pyarrow as pa

    if "view" in str(chunk.type):  # take does not read views
        return [chunk[row].as_py() for row in rows.tolist()]
    return list(chunk.take(pa.array(rows)).to_pylist())


def plain_arrow(column: Any) -> NDArray[Any]:
    """Return an Arrow column of numbers or dates as one NumPy array."""
    import pyarrow as pa

    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan)
    if pa.types.is_boolean(column.type) and column.null_count:
        column = column.cast(pa.uint8())
    if pa.types.is_integer(column.type) and column.null_count:
        column = column.cast(pa.float64(), safe=False)
    return np.asarray(column.to_pandas(date_as_object=False))


def arrow_moments(kind: Any) -> Decoder:
    """Labels of Arrow dates and times, from their integers."""
    import pyarrow as pa

    def decode(values: Values, missing: Missing) -> Any:
        storage = np.int32 if kind.bit_width == 32 else np.int64
        array = pa.array(values.astype(storage), mask=missing).view(kind)
        return array.to_pandas(date_as_object=False).array

    return decode


def from_arrow_dictionary(column: Any, name: str) -> Key:
    """Read a dictionary-encoded Arrow column by its indices, into one dictionary for all chunks."""
    import pyarrow as pa

    kind = column.type
    chunked = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    unified = chunked.unify_dictionaries()
    labels = unified.chunk(0).dictionary if unified.num_chunks else pa.array([], kind.value_type)
    if labels.null_count:  # a code that means missing
        return from_arrow(column.cast(kind.value_type), name)
    indices = pa.chunked_array(
        [chunk.indices for chunk in unified.chunks],
        type=unified.chunk(0).indices.type if unified.num_chunks else kind.index_type,
    )
    return from_codes(indices, labels.to_pandas(), bool(kind.ordered), name)


def from_codes(codes: Any, labels: Any, ordered: bool, name: str) -> Key:
    """Read Arrow codes into a list of labels; a list with an order is one of fixed categories."""
    decode, categories = (
        category_decoder(name, pd.Index(labels), True)
        if ordered
        else (list_decoder(name, labels), None)
    )
    return Key(
        name,
        _core.column_arrow(codes, name),
        decode=decode,
        plain=lambda: labels_at(labels, plain_codes(codes)),
        is_categorical=True,
        categories=categories,
        codes=lambda: plain_codes(codes),
    )


def plain_codes(codes: Any) -> NDArray[np.int64]:
    """Return the codes of each row as one array, -1 where missing."""
    return np.asarray(codes.cast("int64").fill_null(-1).to_numpy(), np.int64)


# --- Polars ---------------------------------------------------------------------------------------


def from_polars(series: Any, name: str) -> Key:
    """Read a Polars series."""
    import polars as pl

    dtype = series.dtype
    if dtype == pl.Enum:
        return from_polars_enum(series, name)
    if dtype == pl.Categorical:
        return from_polars_categorical(series, name)
    if dtype == pl.Object:
        return from_objects(series.to_numpy(), name)
    if dtype == pl.Decimal:
        return from_polars(series.cast(pl.Float64), name)
    if str(dtype) in ("Float16", "Int128", "UInt128"):
        return from_polars(series.cast(pl.Float32 if str(dtype) == "Float16" else pl.Int64), name)
    if dtype.is_nested() or dtype == pl.Binary:
        raise type_error(name, f"has the type {dtype}, which is not read")
    view = _core.column_arrow(series.to_physical() if dtype.is_temporal() else series, name)
    if dtype == pl.String:
        return Key(
            name,
            view,
            decode=text_decoder(name, lambda rows: series.gather(rows).to_list()),
            plain=lambda: series.to_numpy().astype(object, copy=False),
            is_categorical=True,
        )
    if dtype.is_temporal():
        return Key(name, view, decode=polars_moments(dtype), plain=lambda: series.to_numpy())
    if dtype.is_float() or dtype == pl.Null:
        fetch = float_decoder(lambda rows: series.gather(rows).to_numpy(), np.dtype(view.type))
        return Key(name, view, decode=fetch, plain=lambda: plain_polars(series))
    own = np.dtype("bool" if view.type == "bits" else view.type)
    return Key(
        name,
        view,
        decode=number_decoder(own),
        plain=lambda: plain_polars(series),
        is_flag=True,
    )


def plain_polars(series: Any) -> NDArray[Any]:
    """Return a Polars series of numbers as one NumPy array."""
    import polars as pl

    if series.null_count() and not series.dtype.is_float():
        series = series.cast(pl.Float64)
    return np.asarray(series.to_numpy())


def polars_moments(dtype: Any) -> Decoder:
    """Labels of Polars dates and durations, from their integers."""
    import polars as pl

    if dtype == pl.Date:
        return moment_decoder(np.dtype("M8[D]"))
    if dtype == pl.Duration:
        return moment_decoder(np.dtype(f"m8[{dtype.time_unit}]"))
    if dtype == pl.Datetime and dtype.time_zone is None:
        return moment_decoder(np.dtype(f"M8[{dtype.time_unit}]"))
    if dtype == pl.Datetime:
        return moment_decoder(pd.DatetimeTZDtype(dtype.time_unit, dtype.time_zone))

    def decode(values: Values, missing: Missing) -> Any:
        times = pl.Series(values).cast(dtype).to_list()
        known = [None if gap else time for time, gap in zip(times, missing, strict=True)]
        return pd.Series(known, dtype=object).array

    return decode


def from_polars_enum(series: Any, name: str) -> Key:
    """Read a Polars Enum by its physical codes; its list of categories is fixed."""
    categories = pd.Index(text_array(series.dtype.categories.to_list()))
    decode, unified = category_decoder(name, categories, True)
    return Key(
        name,
        _core.column_arrow(series.to_physical(), name),
        decode=decode,
        plain=lambda: object_array(series.to_list()),
        is_categorical=True,
        categories=unified,
        codes=lambda: polars_codes(series),
    )


def from_polars_categorical(series: Any, name: str) -> Key:
    """Read a Polars Categorical by its codes, which index a pool shared with other columns."""

    def decode(codes: Values, missing: Missing) -> Any:
        labels = np.full(len(codes), None, dtype=object)
        labels[~missing] = normalised(pool_labels(series, codes[~missing]), name)
        return text_array(labels)

    return Key(
        name,
        _core.column_arrow(series.to_physical(), name),
        decode=decode,
        plain=lambda: object_array(series.to_list()),
        is_categorical=True,
        codes=lambda: polars_codes(series),
    )


def polars_codes(series: Any) -> NDArray[np.int64]:
    """Return the physical code of each row as one array, -1 where missing."""
    codes = series.to_physical().cast(int).fill_null(-1)
    return np.asarray(codes.to_numpy(), np.int64)


def pool_labels(series: Any, codes: Values) -> list[str]:
    """Return the texts that codes of a Polars Categorical stand for."""
    import polars as pl

    if hasattr(series.cat, "to"):  # Polars 2
        dtype = series.to_physical().dtype
        return list(pl.Series(codes, dtype=dtype).cat.to(series.dtype).cast(pl.String))
    distinct = series.drop_nulls().unique()
    places = distinct.to_physical().to_list()
    texts = dict(zip(places, distinct.cast(pl.String).to_list(), strict=True))
    return [texts[code] for code in codes.tolist()]


# --- frames ---------------------------------------------------------------------------------------


def read(values: Any, name: str) -> Key:
    """Read one column of any library."""
    if isinstance(values, np.ndarray):
        return from_numpy(values, name)
    if isinstance(values, pd.MultiIndex):
        raise type_error(name, "is a MultiIndex; a column has one level")
    if isinstance(values, pd.Series | pd.Index):
        values = values.array
    if isinstance(values, pd.api.extensions.ExtensionArray):
        return from_pandas(values, name)
    if nw.dependencies.is_narwhals_series(values):
        return read_native(values, name)
    if nw.dependencies.is_polars_series(values):
        return from_polars(values, name)
    if is_arrow_array(values):
        return from_arrow(values, name)
    if isinstance(values, list | tuple | range):
        return from_pandas(pd.Series(values).array, name)
    if hasattr(values, "__array__") and not isinstance(values, pd.DataFrame):
        return from_numpy(np.asarray(values), name)
    raise type_error(name, f"is a {type(values).__name__}, not a column")


def read_native(series: Any, name: str) -> Key:
    """Read a narwhals series: by its own library where we have a route, else through pandas."""
    native = series.to_native()
    known = isinstance(native, pd.Series) or nw.dependencies.is_polars_series(native)
    return read(native if known or is_arrow_array(native) else series.to_pandas(), name)


def is_narwhals_frame(data: Any) -> bool:
    """Say whether this is a frame that narwhals wraps already, eager or lazy."""
    return bool(
        nw.dependencies.is_narwhals_dataframe(data) or nw.dependencies.is_narwhals_lazyframe(data)
    )


def is_arrow_array(values: Any) -> bool:
    """Say whether this is a PyArrow column, without importing PyArrow."""
    pa = nw.dependencies.get_pyarrow()
    return pa is not None and isinstance(values, pa.Array | pa.ChunkedArray)


class Frame:
    """A table of any library, read column by column.

    Attributes
    ----------
    names : list of str
        The columns there are.
    n : int
        Number of rows.
    kind : {"pandas", "polars", "pyarrow", "narwhals", "mapping"}
        The library of the table.
    index : pandas.Index or None
        The row labels, of a pandas frame only.
    """

    def __init__(
        self,
        kind: str,
        names: Iterable[Any],
        n: int,
        fetch: Callable[[Any], Any],
        index: pd.Index | None = None,
    ) -> None:
        self.kind = kind
        self.names = list(names)
        self.n = n
        self.index = index
        self._fetch = fetch
        self._keys: dict[Any, Key] = {}

    @classmethod
    def of(cls, data: Any, columns: Iterable[Any] | None = None) -> Frame:
        """Read a frame of any library.

        Parameters
        ----------
        data : DataFrame, LazyFrame, Table, Frame or mapping of str to array_like
            pandas, Polars, PyArrow, anything narwhals reads, or a mapping of arrays.
        columns : iterable, optional
            What will be asked for. A lazy frame is collected with these columns only; without
            this, with all. Names it does not have, and things that are no names, are passed over.

        Returns
        -------
        Frame
            A view; nothing is copied.

        Raises
        ------
        DTypeError
            The data are no frame that can be read.
        LengthError
            The arrays of a mapping differ in length.

        Examples
        --------
        >>> frame = Frame.of({"district": ["A", "A", "B"], "poor": [1, 0, 1]})
        >>> frame.n, frame.names, frame.kind
        (3, ['district', 'poor'], 'mapping')
        >>> frame.key("district").labels([0, 2], [False, False]).tolist()
        ['A', 'B']
        """
        if isinstance(data, Frame):
            return data
        if isinstance(data, pd.DataFrame):
            return cls("pandas", data.columns, len(data), data.__getitem__, data.index)
        if is_narwhals_frame(data):
            return cls.of(data.to_native(), columns)
        if nw.dependencies.is_polars_dataframe(data):
            return cls("polars", data.columns, data.height, data.get_column)
        if nw.dependencies.is_pyarrow_table(data):
            return cls("pyarrow", data.column_names, data.num_rows, data.column)
        if isinstance(data, Mapping):
            return cls._of_mapping(data)
        return cls._of_any(data, columns)

    @classmethod
    def _of_mapping(cls, data: Mapping[Any, Any]) -> Frame:
        """Read a mapping of arrays of one length."""
        n = 0
        for position, (name, values) in enumerate(data.items()):
            if not hasattr(values, "__len__") or isinstance(values, str | bytes):
                raise type_error(str(name), f"is a {type(values).__name__}, not an array")
            if position == 0:
                n = len(values)
            elif len(values) != n:
                raise length_error(str(name), len(values), n)
        return cls("mapping", data.keys(), n, data.__getitem__)

    @classmethod
    def _of_any(cls, data: Any, columns: Iterable[Any] | None) -> Frame:
        """Read what narwhals recognises, or what speaks Arrow."""
        try:
            frame: Any = nw.from_native(data)
        except TypeError:
            return cls._of_stream(data)
        if isinstance(frame, nw.LazyFrame):
            names = frame.collect_schema().names()
            wanted = needed(names, columns)
            return cls.of(frame.select(wanted).collect().to_native())
        return cls("narwhals", frame.columns, len(frame), frame.get_column)

    @classmethod
    def _of_stream(cls, data: Any) -> Frame:
        """Read a record batch or a reader by its Arrow stream, with PyArrow or Polars."""
        if not hasattr(data, "__arrow_c_stream__") and not hasattr(data, "__arrow_c_array__"):
            raise DTypeError(
                f"data is a {type(data).__name__}; a pandas, Polars or PyArrow frame, another that"
                " narwhals reads, or a mapping of arrays was expected"
            )
        try:
            import pyarrow as pa
        except ImportError:
            import polars as pl

            return cls.of(pl.DataFrame(data))
        if isinstance(data, pa.RecordBatch):
            return cls.of(pa.Table.from_batches([data]))
        return cls.of(pa.table(data))

    def key(self, column: Any) -> Key:
        """Return a column to group by.

        Parameters
        ----------
        column : str or array_like of shape (n,)
            A name, or a column of n rows taken by position.

        Returns
        -------
        Key
            The column, and the way back to its labels.

        Raises
        ------
        ColumnNotFoundError
            There is no column of this name.
        LengthError
            An array has another number of rows than the frame.
        DTypeError
            The column is of a type that cannot be read.
        """
        if is_name(column):
            if column not in self._keys:
                self._keys[column] = read(self.native(column), str(column))
            return self._keys[column]
        name = getattr(column, "name", None)
        key = read(column, "" if name is None else str(name))
        if key.column.n != self.n:
            raise length_error(key.name, key.column.n, self.n)
        return key

    def measured(self, column: Any) -> Measured:
        """Return a column to measure; as `key`, which also tells text from numbers."""
        return self.key(column)

    def array(self, column: Any) -> NDArray[Any]:
        """Return one column as a plain array.

        Parameters
        ----------
        column : str or array_like of shape (n,)
            A name, or a column of n rows taken by position.

        Returns
        -------
        numpy.ndarray
            Bool; integers, as float64 with NaN where some are missing; text as objects, None where
            missing; the labels of categories, likewise; dates as datetime64.

        Examples
        --------
        >>> Frame.of({"poor": pd.array([True, None])}).array("poor")
        array([ 1., nan])
        """
        return self.key(column).plain()

    def like(self, values: Any, name: str) -> Any:
        """Return values as a column of the frame's own library, in the frame's row order.

        Parameters
        ----------
        values : array_like of shape (n,)
            Numbers, text or a pandas Categorical, whose order is kept (Enum in Polars, an ordered
            dictionary in Arrow).
        name : str
            Name of the new column.

        Returns
        -------
        Series, Array or numpy.ndarray
            A pandas Series with the frame's index, a Polars Series, a PyArrow array; for a mapping
            an array or a Categorical.
        """
        if self.kind == "polars":
            return polars_column(values, name)
        if self.kind == "pyarrow":
            return arrow_column(values)
        if self.kind == "mapping":
            return values if isinstance(values, pd.Categorical) else np.asarray(values)
        return pd.Series(values, index=self.index, name=name)

    def native(self, name: Any) -> Any:
        """Return a column as its library has it."""
        count = self.names.count(name)
        if count == 0:
            raise unknown_column(name, self.names)
        if count > 1:
            raise DuplicateNameError(f"{count} columns are named {str(name)!r}; it must be one")
        return self._fetch(name)


def is_name(column: Any) -> bool:
    """Say whether this names a column: text or another scalar, not a sequence of values."""
    return isinstance(column, str) or (
        not hasattr(column, "__len__") and not hasattr(column, "__array__")
    )


def needed(names: list[Any], columns: Iterable[Any] | None) -> list[Any]:
    """Return those names that are asked for, in their own order; one at least, to count rows."""
    if columns is None:
        return names
    asked = {column for column in columns if isinstance(column, str)}
    return [name for name in names if name in asked] or names[:1]


def length_error(name: str, found: int, expected: int) -> LengthError:
    """Return the error for a column of another length than the frame."""
    error = LengthError(f"column {name!r} has {found} rows; {expected} were expected")
    error.argument, error.column = "column", name
    return error


def polars_column(values: Any, name: str) -> Any:
    """Return values as a Polars series; categories become an Enum."""
    import polars as pl

    if isinstance(getattr(values, "dtype", None), pd.CategoricalDtype):
        values = pd.Categorical(values)
        labels = labels_at(values.categories, values.codes).tolist()
        return pl.Series(name, labels, dtype=pl.Enum([str(label) for label in values.categories]))
    values = np.asarray(values)
    return pl.Series(name, values.tolist() if values.dtype == object else values)


def arrow_column(values: Any) -> Any:
    """Return values as an Arrow array; categories become a dictionary."""
    import pyarrow as pa

    if isinstance(getattr(values, "dtype", None), pd.CategoricalDtype):
        values = pd.Categorical(values)
        codes = pa.array(values.codes, mask=values.codes < 0)
        labels = pa.array(list(values.categories))
        return pa.DictionaryArray.from_arrays(codes, labels, ordered=bool(values.ordered))
    return pa.array(np.asarray(values), from_pandas=True)
