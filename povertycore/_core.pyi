"""Types of the compiled module."""

from collections.abc import Sequence
from typing import Any, TypedDict, final

import numpy as np
from numpy.typing import NDArray

class Totals(TypedDict):
    """What `total` returns; G groups in no order that means something.

    The cells are there only with profile, n to sums only without.
    """

    n_groups: int
    key_values: list[NDArray[np.int64]]
    key_missing: list[NDArray[np.bool_]]
    n: NDArray[np.int64]
    weight: NDArray[np.float64]
    score_n: NDArray[np.int64]
    score_weight: NDArray[np.float64]
    sums: NDArray[np.float64]
    cell_group: NDArray[np.int64]
    cell_mask: NDArray[np.uint64]
    cell_n: NDArray[np.int64]
    cell_weight: NDArray[np.float64]
    where_missing: int
    peak_bytes: int

@final
class Column:
    """An immutable view of one column; it keeps the owner of the memory alive."""

    @property
    def name(self) -> str:
        """Name of the column, for messages."""
    @property
    def type(self) -> str:
        """Type in memory.

        One of bool, int8 .. int64, uint8 .. uint64, float32, float64, bits (Arrow boolean),
        text32, text64, text_view (Arrow string, large_string, string_view).
        """
    @property
    def n(self) -> int:
        """Number of rows."""
    @property
    def n_chunks(self) -> int:
        """Number of pieces the rows lie in."""
    @property
    def addresses(self) -> list[int]:
        """Address of each piece's first element: a test compares it with the input's."""
    def __len__(self) -> int: ...

def column_array(
    values: NDArray[Any],
    mask: NDArray[Any] | None = None,
    name: str = "",
    missing_code: int | None = None,
) -> Column:
    """View a one-dimensional array of bool, integers, float32 or float64, without a copy.

    Any stride will do (0, negative, not a multiple of the element), and read-only or unaligned
    memory. mask: shape (n,), one byte a row, not 0 = missing. missing_code: for key columns of
    signed integers, a value that means missing (-1 in pandas codes, the least int64 in dates); no
    pass over the rows looks for it. Foreign byte order is a DTypeError.
    """

def column_arrow(obj: object, name: str = "") -> Column:
    """View an Arrow column without a copy.

    obj has `__arrow_c_stream__` or `__arrow_c_array__`: a plain column, or a table of one column;
    bool, integers, float, double, string, large_string, string_view, null; dates, times, timestamps
    and durations as their integers. Dictionary-encoded columns are a DTypeError.
    """

def encode_objects(
    values: NDArray[np.object_],
) -> tuple[NDArray[np.int32] | NDArray[np.int64], NDArray[np.int64]]:
    """Codes of an object array of str, None, NaN or NA.

    Returns the code of each row (in order of first appearance, -1 = missing) and the first row of
    each code. Any other object is a DTypeError with its row. The GIL is held.
    """

def total(
    n: int,
    keys: Sequence[Column],
    *,
    weight: Column | None = None,
    size: Column | None = None,
    where: Column | None = None,
    flags: Sequence[Column] = (),
    values: Sequence[Column] = (),
    pairs: Sequence[tuple[Column, Column]] = (),
    keep_missing: bool = False,
    profile: bool = False,
    n_threads: int = 0,
) -> Totals:
    """Weighted totals by cell, in one pass over n rows, the GIL released.

    Per group (combination of keys seen, also outside `where`; without keys one group):

    - key_values: one array per key; of an integer the value (of uint64 its bits as int64), of text
      and floats the first row that has it. key_missing: True where the key is missing; without
      keep_missing a missing key is a MissingValueError.
    - n, weight: rows inside `where` and their sum of weight * size.
    - score_n, score_weight (scores, G): rows used by each flag, value and pair, and their weight.
    - sums (flags + values + 2 * pairs, G): sum of weight * size * x.

    With profile, the flags (at most 16, none missing) are indicators taken together, and instead of
    n, weight, scores and sums there are the cells that occur, by group and combination of flags:

    - cell_group, cell_mask (bit j: flag j), cell_n, cell_weight. A table that would take more than
      96 MiB is a LimitError.

    where_missing: rows whose `where` is missing; they count as outside. peak_bytes: memory taken
    beyond the inputs and the result. Errors are those of `povertycore.errors`, with `.argument`,
    `.column` and `.row`, the smallest bad row.
    """

def info() -> dict[str, Any]:
    """Say what this machine and this build offer.

    {"simd": "avx2" or "portable", "threads": int, "optimized": bool}; not optimized means built for
    debugging or with a sanitizer.
    """
