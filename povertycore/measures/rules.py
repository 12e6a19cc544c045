"""Rules on raw columns: which rows are deprived, evaluated column by column.

A rule is a band of amounts (`below`, `at_or_below`, `above`, `at_or_above`, one bound on each
side) or a list of values (`equals`, `isin`). It is evaluated by the library that holds the column,
over the whole column, and gives one byte a row; a missing value stays missing. Nothing else is
copied.

Amounts are compared in the column's own type: a limit of 0.7 on a float32 column is the float32
nearest to 0.7, so that an amount typed as the limit equals it. On whole numbers a limit is
rounded to the whole number that draws the same boundary, which is exact.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .. import _core
from ..errors import DTypeError, OptionError
from ..inputs import MASKED_DTYPES, Frame, Key, is_arrow_array, masked_parts

__all__ = ["Rule", "flags", "rule_of"]

Values = NDArray[Any]
Hits = tuple[NDArray[np.bool_], NDArray[np.bool_] | None]  # deprived; missing, None if nowhere

UPPER = ("below", "at_or_below")
LOWER = ("above", "at_or_above")
BANDS = (*UPPER, *LOWER)
SIGNS = {"below": "<", "at_or_below": "<=", "above": ">", "at_or_above": ">="}
ROWS_AT_ONCE = 2**20
MANY_VALUES = 8  # beyond, one search in the list is faster than a comparison per value


@dataclass(frozen=True)
class Rule:
    """When a value of a raw column counts.

    Attributes
    ----------
    bounds : tuple of (str, int or float)
        Relations as "below", and their limits; all hold.
    values : tuple of str, int or float, or None
        The values that count, in place of bounds; text in NFC.
    """

    bounds: tuple[tuple[str, int | float], ...] = ()
    values: tuple[str | int | float, ...] | None = None

    @property
    def limit(self) -> float | None:
        """The amount below which a gap opens: of a rule with one upper bound only."""
        if len(self.bounds) == 1 and self.bounds[0][0] in UPPER:
            return float(self.bounds[0][1])
        return None

    @property
    def compares_text(self) -> bool:
        """Whether the values are text."""
        return bool(self.values) and isinstance(self.values[0], str)  # type: ignore[index]

    def content(self) -> dict[str, Any]:
        """Return the rule as the keys of a file."""
        if self.values is None:
            return dict(self.bounds)
        return {"equals": self.values[0]} if len(self.values) == 1 else {"in": list(self.values)}

    def canonical(self) -> list[Any]:
        """Return the rule such that two that count the same values are written the same."""
        if self.values is not None:
            return ["in", sorted(map(plain_text, self.values))]
        return [[relation, plain_text(limit)] for relation, limit in sorted(self.bounds)]

    def __str__(self) -> str:
        if self.values is None:
            return " and ".join(f"{SIGNS[relation]} {limit:g}" for relation, limit in self.bounds)
        shown = ", ".join(str(value) for value in self.values)
        return f"= {shown}" if len(self.values) == 1 else f"in {shown}"


def plain_text(value: str | int | float) -> str:
    """Write a value such that equal ones are written the same: 5 and 5.0, not '5'."""
    return repr(value) if isinstance(value, str) else str(Fraction(value))


# --- reading a rule -------------------------------------------------------------------------------


def rule_of(name: str, given: Mapping[str, Any]) -> Rule | None:
    """Return the rule that options describe, None where none is given.

    Parameters
    ----------
    name : str
        Of the indicator, for messages.
    given : mapping
        `below`, `at_or_below`, `above`, `at_or_above`, `equals`, `isin`; None is not given.

    Returns
    -------
    Rule or None
        The rule.

    Raises
    ------
    OptionError
        A limit is no number, two bounds contradict each other, a list is empty or mixes text and
        numbers.

    Examples
    --------
    >>> print(rule_of("age", {"at_or_above": 6, "below": 16}))
    < 16 and >= 6
    """
    bounds = [(word, number_of(name, word, given[word])) for word in BANDS if is_given(given, word)]
    lists = [word for word in ("equals", "isin") if is_given(given, word)]
    if len(lists) + bool(bounds) > 1:
        words = [*(word for word, _ in bounds), *lists]
        fail(name, f"has {' and '.join(words)}; a rule is a band of amounts or a list of values")
    if bounds:
        return Rule(band_of(name, bounds))
    if not lists:
        return None
    listed = given[lists[0]]
    if lists[0] == "equals":
        listed = [listed]
    elif isinstance(listed, str | bytes) or not isinstance(listed, Iterable):
        fail(name, f"needs a list of values in 'in', found {type(listed).__name__}")
    return Rule(values=values_of(name, listed))


def is_given(given: Mapping[str, Any], word: str) -> bool:
    """Say whether an option is there."""
    return given.get(word) is not None


def fail(name: str, what: str) -> None:
    """Raise, naming the indicator."""
    raise OptionError(f"indicator {name!r} {what}")


def number_of(name: str, word: str, value: Any) -> int | float:
    """Return a limit as an integer or a float."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction | Decimal):
        fail(name, f"needs a number in {word!r}, found {value!r}")
    if not isinstance(value, Fraction) and not math.isfinite(value):
        fail(name, f"needs a finite number in {word!r}, found {value!r}")
    return int(value) if value == int(value) else float(value)


def band_of(name: str, bounds: list[tuple[str, int | float]]) -> tuple[tuple[str, Any], ...]:
    """Check that there is one bound on each side, and something between them."""
    for side in (UPPER, LOWER):
        if sum(word in side for word, _ in bounds) > 1:
            fail(name, f"has {side[0]} and {side[1]}; one bound on a side is enough")
    if len(bounds) == 2:
        (high, top), (low, bottom) = bounds
        touch = high == "at_or_below" and low == "at_or_above"
        if top < bottom or (top == bottom and not touch):
            fail(name, f"has a band that holds nothing: {high} {top} and {low} {bottom}")
    return tuple(bounds)


def values_of(name: str, listed: Iterable[Any]) -> tuple[str | int | float, ...]:
    """Return values without repetition, all text (in NFC) or all numbers."""
    values: list[str | int | float] = []
    for value in listed:
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, str):
            values.append(unicodedata.normalize("NFC", value))
        elif isinstance(value, bool):
            values.append(int(value))
        else:
            values.append(number_of(name, "in", value))
    if not values:
        fail(name, "has an empty list of values; nobody would be deprived")
    if len({isinstance(value, str) for value in values}) == 2:
        fail(name, "mixes text and numbers in its list of values; a column holds one or the other")
    return tuple(dict.fromkeys(values))


# --- columns of 0, 1 or missing -------------------------------------------------------------------


def flags(frame: Frame, column: str, rule: Rule | None) -> _core.Column:
    """Return a column of 0, 1 or missing: as it is, or by a rule.

    Parameters
    ----------
    frame : Frame
        The data.
    column : str
        Name of the column.
    rule : Rule or None
        When a row is deprived; None for a column that says so itself.

    Returns
    -------
    _core.Column
        Of a rule one byte a row, with a mask where values are missing. Whether a column without a
        rule holds 0 and 1 only is found by who reads it.

    Raises
    ------
    ColumnNotFoundError
        There is no such column.
    DTypeError
        The column holds text or dates where numbers are needed, or the reverse.
    """
    name = column_named(frame, column)
    key = frame.key(name)
    if rule is None:
        return as_it_is(key)
    if key.codes is not None:
        deprived, missing = hits_of_codes(key, key.codes(), rule)
    elif key.is_categorical:
        deprived, missing = hits_of_text(frame.native(name), rule, key.name)
    else:
        deprived, missing = hits_of_numbers(*numbers_of(key, frame.native(name)), rule, key.name)
    return _core.column_array(deprived, missing, key.name)


def column_named(frame: Frame, column: str) -> Any:
    """Return the name under which the frame has a column: the same, or equal in NFC."""
    if column in frame.names:
        return column
    form = unicodedata.normalize("NFC", column)
    same = [
        name
        for name in frame.names
        if isinstance(name, str) and unicodedata.normalize("NFC", name) == form
    ]
    return same[0] if len(same) == 1 else column


def is_number(key: Key) -> bool:
    """Say whether a column holds numbers or bools; dates are integers only inside."""
    return key.is_flag or key.column.type.startswith("float")


def as_it_is(key: Key) -> _core.Column:
    """Return a column that should hold 0, 1 or missing."""
    if key.is_categorical or not is_number(key):
        raise column_error(
            key.name,
            f"holds {'text' if key.is_categorical else 'dates'}, not 0 and 1; give the indicator"
            " a rule, as equals='no'",
        )
    return key.column


def column_error(name: str, what: str) -> DTypeError:
    """Return the error for a column of the wrong type."""
    error = DTypeError(f"column {name!r} {what}")
    error.column = name
    return error


# --- numbers --------------------------------------------------------------------------------------


def numbers_of(key: Key, native: Any) -> tuple[Values, NDArray[np.bool_] | None]:
    """Return the values of a column of numbers, and which are missing beside those that are NaN."""
    if not is_number(key):
        raise column_error(key.name, "holds dates; a rule compares numbers or text")
    native = own_array(native)
    dtype = getattr(native, "dtype", None)
    if isinstance(dtype, MASKED_DTYPES):
        return masked_parts(native)
    if isinstance(dtype, pd.ArrowDtype):
        native = native.__arrow_array__()
    series = narwhals_series(native)
    if series is None or not (series.dtype.is_integer() or series.dtype == nw.Boolean):
        return np.asarray(key.plain()), None
    if series.null_count() == 0:
        return np.asarray(series.to_numpy()), None
    nothing = False if series.dtype == nw.Boolean else 0
    missing = np.asarray(series.is_null().to_numpy())
    return np.asarray(series.fill_null(nothing).to_numpy()), missing


def own_array(native: Any) -> Any:
    """Return the array of pandas behind a Series or a list; another column as it is."""
    if nw.dependencies.is_narwhals_series(native):
        own = native.to_native()
        known = nw.dependencies.is_polars_series(own) or is_arrow_array(own)
        native = own if known else native.to_pandas()
    if isinstance(native, list | tuple | range):
        native = pd.Series(native)
    return native.array if isinstance(native, pd.Series | pd.Index) else native


def narwhals_series(native: Any) -> Any:
    """Return a Polars or PyArrow column as narwhals has it, None for another."""
    if is_arrow_array(native):
        import pyarrow as pa

        native = native if isinstance(native, pa.ChunkedArray) else pa.chunked_array([native])
    elif not nw.dependencies.is_polars_series(native):
        return None
    return nw.from_native(native, series_only=True)


def hits_of_numbers(
    values: Values, missing: NDArray[np.bool_] | None, rule: Rule, name: str
) -> Hits:
    """Evaluate a rule on numbers."""
    if values.dtype.kind == "f":
        unknown = np.isnan(values)
        if missing is not None:
            unknown |= missing
        missing = unknown if unknown.any() else None
    if rule.compares_text:
        if len(values) and (missing is None or not missing.all()):
            raise column_error(name, f"holds numbers; the rule compares text ({rule})")
        return np.zeros(len(values), bool), missing  # nothing in it: of no type in particular
    if rule.values is not None:
        hit = among(values, rule.values)
    else:
        parts = [beyond(values, relation, limit) for relation, limit in rule.bounds]
        hit = parts[0] if len(parts) == 1 else parts[0] & parts[1]
    if missing is not None:
        hit &= ~missing
    return hit, missing


def beyond(values: Values, relation: str, limit: int | float) -> NDArray[np.bool_]:
    """Compare a column of numbers with a limit."""
    if values.dtype.kind == "b":
        values = values.view(np.uint8)
    if values.dtype.kind == "f":
        return compared(values, relation, values.dtype.type(limit))
    # x < z is x <= ceil(z) - 1 and x >= z is x >= ceil(z), and so on, for whole x
    whole = math.floor(limit) if relation in ("at_or_below", "above") else math.ceil(limit)
    info = np.iinfo(values.dtype)
    if not info.min <= whole <= info.max:
        holds = (whole > info.max) == (relation in UPPER)
        return np.full(len(values), holds)
    return compared(values, relation, values.dtype.type(whole))


def compared(values: Values, relation: str, limit: Any) -> NDArray[np.bool_]:
    """Compare values with a limit of their own type."""
    compare = {
        "below": np.less,
        "at_or_below": np.less_equal,
        "above": np.greater,
        "at_or_above": np.greater_equal,
    }[relation]
    return np.asarray(compare(values, limit), bool)


def among(values: Values, wanted: Iterable[Any]) -> NDArray[np.bool_]:
    """Say which numbers are in a list."""
    if values.dtype.kind == "b":
        values = values.view(np.uint8)
    own = values.dtype.type
    if values.dtype.kind == "f":
        listed = [own(value) for value in wanted]
    else:
        info = np.iinfo(values.dtype)
        listed = [own(v) for v in wanted if v == int(v) and info.min <= v <= info.max]
    if len(listed) > MANY_VALUES:
        return np.isin(values, np.array(listed, values.dtype))
    hit = np.zeros(len(values), bool)
    for value in listed:
        hit |= values == value
    return hit


# --- text and categories --------------------------------------------------------------------------


def hits_of_codes(key: Key, codes: Values, rule: Rule) -> Hits:
    """Evaluate a rule on the labels that occur, then look each row's code up."""
    n_codes = int(codes.max(initial=-1)) + 1
    seen = np.zeros(n_codes + 1, bool)  # the last place is where -1 points
    for part in blocks(len(codes)):
        seen[codes[part]] = True
    occurring = np.flatnonzero(seen[:-1])
    table = np.zeros(n_codes + 1, bool)
    labels = key.labels(occurring, np.zeros(len(occurring), bool))
    table[occurring] = hits_of_labels(labels, rule, key.name)
    hit = np.empty(len(codes), bool)
    for part in blocks(len(codes)):
        hit[part] = table[codes[part]]
    return hit, codes < 0 if seen[-1] else None


def blocks(n: int) -> Iterable[slice]:
    """Cut n rows in pieces: NumPy takes eight bytes a row to look codes up."""
    return (slice(start, start + ROWS_AT_ONCE) for start in range(0, n, ROWS_AT_ONCE))


def hits_of_labels(labels: Any, rule: Rule, name: str) -> NDArray[np.bool_]:
    """Evaluate a rule on distinct labels."""
    listed = list(labels)
    if not listed:
        return np.zeros(0, bool)
    if all(isinstance(label, str) for label in listed):
        check_text(rule, name)
        return np.array([label in (rule.values or ()) for label in listed], np.bool_)
    if all(isinstance(label, int | float | np.number | np.bool_) for label in listed):
        return hits_of_numbers(np.array(listed), None, rule, name)[0]
    raise column_error(name, "has categories that are neither text nor numbers")


def hits_of_text(native: Any, rule: Rule, name: str) -> Hits:
    """Evaluate a rule on text: the distinct texts are compared in NFC, the rows by the library."""
    check_text(rule, name)
    array = own_array(native)
    if isinstance(array, pd.api.extensions.ExtensionArray):
        array = array.__arrow_array__()
    if is_arrow_array(array) and "view" in str(array.type):
        array = array.cast("large_string")
    series = narwhals_series(array)
    found = [
        text
        for text in series.unique().to_list()
        if text is not None and unicodedata.normalize("NFC", text) in (rule.values or ())
    ]
    missing = np.asarray(series.is_null().to_numpy()) if series.null_count() else None
    if not found:
        return np.zeros(len(series), bool), missing
    if missing is not None:
        series = series.fill_null("")
    hit = np.array(series.is_in(found).to_numpy(), bool)
    return hit if missing is None else hit & ~missing, missing


def check_text(rule: Rule, name: str) -> None:
    """Refuse a rule on numbers where the column holds text."""
    if not rule.compares_text:
        raise column_error(name, f"holds text; the rule compares numbers ({rule})")
