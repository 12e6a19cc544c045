"""Types of the compiled module."""

from collections.abc import Sequence
from typing import Any, TypedDict, final

import numpy as np
from numpy.typing import NDArray

class Totals(TypedDict):
    """What `total` returns; G groups in no order that means something.

    The cells are there only with profile, or with unit, n to sums not with profile.
    """

    n_groups: int
    key_values: list[NDArray[np.int64]]
    key_missing: list[NDArray[np.bool_]]
    n: NDArray[np.int64]
    weight: NDArray[np.float64]
    score_n: NDArray[np.int64]
    score_weight: NDArray[np.float64]
    sums: NDArray[np.float64]
    cell_start: NDArray[np.int64]
    cell_mask: NDArray[np.uint32]
    cell_n: NDArray[np.int64]
    cell_weight: NDArray[np.float64]
    cell_unit: NDArray[np.int64]
    cell_sums: NDArray[np.float64]
    where_missing: int
    zero_weights: int
    peak_bytes: int

class Rankings(TypedDict):
    """What `af` returns; M measures, S slots, G groups."""

    rank: NDArray[np.float64]
    level: NDArray[np.int64]
    least: NDArray[np.float64]
    total: NDArray[np.float64]
    n: NDArray[np.int64]
    slot_least: NDArray[np.float64]
    slot_total: NDArray[np.float64]
    slot_n: NDArray[np.int64]
    rank_least: NDArray[np.float64]
    rank_most: NDArray[np.float64]
    rank_total: NDArray[np.float64]
    value_least: NDArray[np.float64]
    value_most: NDArray[np.float64]
    turned: NDArray[np.int32]
    ever: NDArray[np.uint64]

class Moves(TypedDict):
    """What `panel_count` returns; G groups, S states, the one after the last means missing."""

    moves: NDArray[np.int64]
    left: NDArray[np.int64]
    came: NDArray[np.int64]
    peak_bytes: int

class Codes(TypedDict):
    """What `panel_codes` returns; K keys, C codes."""

    codes: NDArray[np.uint32]
    key_values: NDArray[np.int64]
    key_missing: NDArray[np.bool_]

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
        text32, text64, text_view (Arrow string, large_string, string_view), made (see
        `units_column`).
        """
    @property
    def n(self) -> int:
        """Number of rows."""
    @property
    def is_complete(self) -> bool:
        """Whether its type says that no row is missing: no float, no mask or bitmap of validity."""
    @property
    def n_chunks(self) -> int:
        """Number of pieces the rows lie in."""
    @property
    def addresses(self) -> list[int]:
        """Address of each piece's first element: a test compares it with the input's."""
    def __len__(self) -> int: ...

@final
class Scores:
    """Scores that a kernel makes of columns, block by block; immutable. len: how many."""

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
    made: Scores | None = None,
    keep_missing: bool = False,
    profile: bool = False,
    packed: Column | None = None,
    n_packed: int = 0,
    expected_groups: int = 0,
    n_threads: int = 0,
    unit: Column | None = None,
) -> Totals:
    """Weighted totals by cell, in one pass over n rows, the GIL released.

    Per group (combination of keys seen, also outside `where`; without keys one group):

    - key_values: one array per key; of an integer the value (of uint64 its bits as int64), of text
      and floats the first row that has it. key_missing: True where the key is missing; without
      keep_missing a missing key is a MissingValueError.
    - n, weight: rows inside `where` and their sum of weight * size.
    - score_n, score_weight (scores, G): rows used by each flag, value and pair, and their weight.
    - sums (flags + values + 2 * pairs + made, G): sum of weight * size * x, then the sums of the
      made scores.

    With profile, the flags (at most 16, none missing) are indicators taken together, and instead of
    n, weight, scores and sums there are the cells that occur, by group and combination of flags:

    - cell_start (G + 1): the first cell of each group; cell_mask (bit j: flag j), cell_n,
      cell_weight. More groups than have room in a table of 96 MiB, and whose keys do not number
      them, are a LimitError.

    With unit, a column of `units_column`, each group has its sums, and beside them its cells, one
    for each unit with weight in it, by group and unit.

    - cell_start (G + 1): the first cell of each group; cell_unit. cell_n, with made scores only:
      rows inside `where`.
    - cell_weight (scores, C): as score_weight; one row for all scores where none can be missing.
      cell_sums: as sums.

    packed has the flags in one column instead: n_packed of them, as `pack` returns them.

    where_missing: rows whose `where` is missing; they count as outside. zero_weights: rows inside
    whose weight * size is 0. expected_groups, if above 0, saves counting those of the first rows:
    it sets how the rows are dealt, and so the last bits. peak_bytes: memory taken beyond the inputs
    and the result. Errors are those of `povertycore.errors`, with `.argument`, `.column` and
    `.row`, the smallest bad row.
    """

def pack(
    n: int, indicators: Sequence[Column], *, n_threads: int = 0
) -> tuple[NDArray[np.unsignedinteger[Any]], NDArray[np.unsignedinteger[Any]] | None]:
    """Masks of n rows, bit j from the j-th of at most 64 columns of 0/1, the GIL released.

    The second masks say what is missing, where the bit of the first is 0; None where nothing is.
    Both have the smallest unsigned type that holds the bits.
    """

def cell_sums(
    start: NDArray[np.int64],
    profile: Column,
    weight: Column,
    factor: NDArray[np.float64],
    *,
    n_by_bit: int = 0,
    n_bits: int = 0,
    mask: NDArray[np.uint64] | None = None,
    n_threads: int = 0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Add up the cells of a profile table by group, the GIL released.

    start (G + 1): the first cell of each group, and the end. profile: integers, the number of each
    cell's profile; weight: what it counts. factor (F, profiles), in C order: a number per profile,
    0 takes a cell out whatever its weight. mask (profiles): the bits of each profile, by default
    those of its number.

    Returns the sums of weight * factor, (G, F), and of the first n_by_bit factors those over the
    cells whose profile has bit j, (G, n_by_bit, n_bits). All sums of a group are added in one
    order: over the same cells they are the same bits. A profile outside its range, or a start that
    goes down, is a GroupCodeError.
    """

def af(
    share: NDArray[np.float64],
    baseline: NDArray[np.float64],
    measures: tuple[str, ...],
    score: NDArray[np.int64],
    value: NDArray[np.float64],
    cutoff: NDArray[np.int64] | None = None,
    *,
    n_threads: int = 0,
) -> Rankings:
    """Rankings of groups by H and M0 under many weightings, beside a baseline, the GIL released.

    share (profiles, G): share of each profile in the population of each group. baseline (M, G): the
    values that other rankings are compared with. measures: of "H" and "M0". score (W, profiles):
    integers in the order of the scores under each weighting, equal where those are; value the same
    as fractions. cutoff (W, cut-offs): least scores, descending; None takes every score above 0.
    All in C order. A slot is a cut-off, or all of them together where there are none.

    - rank, level (M, G): mean rank in the baseline, 1 the highest; levels from 0, equal groups have
      one.
    - least, total, n (W, M, 3): over the cut-offs, of Spearman's coefficient, Kendall's tau-b and
      the share of the baseline's comparisons that hold; n counts where they are defined, least is
      infinite where n is 0. slot_least, slot_total, slot_n (M, S, 3): the same over the weightings.
    - rank_least, rank_most, value_least, value_most (M, S, G): over the weightings. rank_total: sum
      of the ranks, with cut-offs only.
    - turned (M, G, G): weightings under which the first group, higher in the baseline, is lower
      than the second at some cut-off. ever (M, S, words): bit a * G + b says so of some weighting
      at the slot.

    Values that differ by 2^-40 or less are equal.
    """

def fgt_scores(
    welfare: Column,
    lines: Sequence[Column],
    scores: Sequence[tuple[str, int, float, str, float, bool, bool]],
    at_or_below: bool,
    /,
) -> Scores:
    """Poverty scores of each row, for `total(made=...)`.

    welfare: NaN = missing, never infinite. lines: > 0 and finite, or missing. Each score is (kind,
    number of its line, parameter, undefined, floor, is_count, is_squared):

    - kind: "power" (parameter alpha), "watts", "chu" (parameter b), "shortfall"; or 1 for rows
      whose welfare is "below" (the parameter), or that are "missing" (welfare or line),
      "not_positive", "negative" (welfare, the line known). The last three cost nothing where they
      stand last and nobody is such.
    - undefined: what watts (welfare <= 0) and chu (< 0) do with incomes they are not defined for:
      "refuse" (ValueRangeError, in the domain only), "zero" (score 0), or "floor": incomes below
      the floor count as the floor.
    - is_count: rows are added up, not their weights. is_squared: the square of the score.

    Poor is welfare < line, or with at_or_below <=. A bad welfare or line is a ValueRangeError with
    its row when the totals are made.
    """

def product_scores(
    columns: Sequence[Column],
    centres: Sequence[float],
    products: Sequence[tuple[int, int, int]],
    /,
) -> Scores:
    """Products of centred columns, for `total(made=...)`.

    Each product is (first, second, known), numbers of columns or -1: its sum is that of weight *
    size * (first - its centre) * (second - its centre), over the rows where first, second and known
    are not missing; second -1: first alone.
    """

def distinct(n: int, keys: Sequence[Column]) -> list[NDArray[np.int64]] | None:
    """Find the combinations of integer keys that occur, ascending: an array of values per key.

    None where a key is not of integers, has missing values, or where more than 2^26 combinations
    are possible: `total` then finds them.
    """

def units_column(
    keys: Sequence[Column],
    values: Sequence[NDArray[np.int64]],
    unit: NDArray[np.int64],
    n_units: int,
    name: str = "",
) -> Column:
    """View the sampling unit that the keys of each row stand for, a number, as a "made" column.

    values: an array per key, as `total` gives key_values; combination c of them is of unit[c], 0 to
    n_units - 1. A row with other values has no number, and is missing. As a key of `total` such a
    column is dense, whatever its own keys look like.
    """

# column, low, count, scale, map: value low + d is the digit map[d] (None: d), times scale
Digit = tuple[Column, int, int, int, NDArray[np.uint32] | None]
# n, ids, digits of the group, state, (period, value) that marks the rows of the side
Side = tuple[int, Sequence[Column], tuple[Digit, ...], Digit | None, tuple[Column, int] | None]

def panel_count(
    start: Side, end: Side, n_groups: int, n_states: int, n_threads: int = 0, /
) -> Moves:
    """Match the households of two periods and count, the GIL released.

    - moves (G, (S + 1) * (S + 1)): households in both, by group and state at the start, and state
      at the end. left, came (G, S + 1): those of the start, or the end, only.

    An id that stands twice is a ValueRangeError of `id_from` or `id_to` with the smallest row that
    repeats one; a missing id, or digit of a group (`key_from`, `key_to`), a MissingValueError. A
    state outside its digit is a missing one. Values of a uint64 digit or period are taken minus
    2^63. Memory: 16 bytes a row of both sides at most, 24 for text; nothing for single numbers in
    ascending order.
    """

def panel_match(
    start: Side, end: Side, n_threads: int = 0, /
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the other side: of each row of the start, and of the end; -1 where there is none.

    Digits and states are not read. Errors as of `panel_count`.
    """

def panel_range(columns: Sequence[Column], /) -> tuple[int, int]:
    """Smallest and largest value in columns of integers (of uint64: minus 2^63).

    The first is above the second where every value is missing. A value that means missing counts.
    """

def panel_codes(n: int, keys: Sequence[Column], *, keep_missing: bool = False) -> Codes:
    """Dense codes of n rows by their keys, and the keys of each code as `total` gives them."""

Parts = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]  # start, unit, value
# stratum and first unit, by unit and stratum; label by unit, None: each its own; how many; factor
Stage = tuple[
    NDArray[np.int64], NDArray[np.int64], NDArray[np.int64] | None, int, NDArray[np.float64]
]

def linvar_sort(
    n_rows: int,
    n_units: int,
    row: NDArray[np.int64],
    unit: NDArray[np.int64],
    value: NDArray[np.float64],
) -> Parts:
    """Sort cells into rows of parts: (start, unit, value), units ascending in a row.

    Cells of one row and unit are added up in their order. All arrays are contiguous.
    """

# start, unit, row, weight, above; below, ratio and divisor, or None
Source = tuple[
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64] | None,
    NDArray[np.float64] | None,
    NDArray[np.float64] | None,
]

def linvar_parts(n_rows: int, n_units: int, sources: Sequence[Source]) -> Parts:
    """Make the parts of figures from their sums by group and unit.

    A source has the cells of each group from start[g] to start[g + 1], with their unit, weight and
    sums, and the row that group g goes to, -1 for none. A cell of positive weight brings (above -
    ratio[g] x below) / divisor[g]. Cells of one row and unit are added up in their order.
    """

def linvar_figures(
    n_rows: int, sources: Sequence[Source], stage: Stage
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Tell the variance of each row of `linvar_parts`, and its numbers of labels and of strata.

    The same as `linvar_variance` and `linvar_count` of the parts, which are not made all at once.
    """

def linvar_combine(
    parts: Parts,
    n_units: int,
    first: NDArray[np.int64],
    row: NDArray[np.int64],
    weight: NDArray[np.float64],
) -> Parts:
    """Combine rows linearly: i sums weight[k] x row[k], k from first[i] to first[i + 1]."""

def linvar_variance(parts: Parts, stage: Stage) -> NDArray[np.float64]:
    """Give the variance of each row: squares of its parts, centred by stratum, times the factors.

    A unit of n_units or more is unit - n_units with a part that is centred already.
    """

def linvar_cov(parts: Parts, stage: Stage) -> NDArray[np.float64]:
    """Give the covariance of all rows; the products are of units with equal labels."""

def linvar_count(
    parts: Parts, stage: Stage, all_units: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the labels of the units that each row uses (or of all units of its strata), and strata.

    Strata that share such a label are counted as one.
    """

def trend_line(
    start: NDArray[np.int64],
    time: NDArray[np.float64],
    value: NDArray[np.float64],
    weight: NDArray[np.float64] | None = None,
    /,
) -> tuple[
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
]:
    """Fit a line to each series by (weighted) least squares.

    Series i has the points start[i] to start[i + 1], times ascending. Returns by series the slope,
    the level at its first time and the weighted sum of squares left; by point the coefficients of
    its value in the slope and in the level. All arrays are contiguous.
    """

def trend_sen(
    start: NDArray[np.int64],
    time: NDArray[np.float64],
    value: NDArray[np.float64],
    z: float,
    /,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Give Sen's slope of each series, the level at its first time, and the slope's interval."""

def trend_kendall(
    start: NDArray[np.int64],
    time: NDArray[np.float64],
    value: NDArray[np.float64],
    correction: str,
    z: float,
    /,
) -> tuple[
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.float64],
]:
    """Count each series' rises less its falls over all pairs: S of the Mann-Kendall test.

    correction is "none", "hamed_rao", "yue_wang", "pre_whitening" or
    "trend_free_pre_whitening". Returns the points used, S, the tied pairs, the variance of S and
    the factor that autocorrelation puts on it.
    """

def info() -> dict[str, Any]:
    """Say what this machine and this build offer.

    {"simd": "avx2" or "portable", "threads": int, "optimized": bool}; not optimized means built for
    debugging or with a sanitizer.
    """
