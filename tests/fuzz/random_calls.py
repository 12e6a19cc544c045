"""Random calls of `povertycore._core`, compared with the literal oracle.

    python random_calls.py SEED N_CALLS

A call draws columns by role, gives each some way to lie in memory, and sometimes hides a fault in
one. Without a fault the result must equal the oracle's; with one the call must raise a documented
exception that names the smallest bad row. Prints how often each thing occurred, as JSON.

Run under the address sanitizer by tests/test_sanitized_extension.py. Needs the folders of
`povertycore` and `oracles` on the path.
"""

import collections
import json
import math
import random
import sys
import threading

import numpy as np
import pyarrow as pa

from oracles.cells import cells, is_missing
from povertycore import _core, errors

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
FLOATS = ["float32", "float64"]
TEXTS = ["", "a", "Lạng Sơn", "x" * 12, "x" * 13, "x" * 12 + "y", "Cao Bằng, xã Đàm Thủy"]
TEXTS += ["nul\0", "nul", "01", "1", "z" * 300]
BIG_ROWS = 600_000  # more than one run of rows, so several threads and lanes
ROWS_OF_A_BLOCK = 2048


def outcome(function, *args, **kwargs):
    """What a call returns, and the documented exception it raises; one of the two is None."""
    try:
        return function(*args, **kwargs), None
    except errors.PovertyCoreError as error:
        return None, error


class Drawn:
    """One random column: what it means, and the _core.Column that should say so."""

    def __init__(self, values, column, kind):
        self.values = values  # a list; None is missing
        self.column = column
        self.kind = kind


# ------------------------------------------------------------------ ways to lie in memory


def contiguous(rng, array):
    return array


def strided(rng, array):
    wide = np.zeros(len(array) * 3 + 1, array.dtype)
    wide[1::3] = array
    return wide[1::3]


def backwards(rng, array):
    return array[::-1].copy()[::-1]


def unaligned(rng, array):
    size = array.dtype.itemsize
    room = np.zeros(len(array) * size + 1, np.uint8)
    view = room[1:].view(array.dtype)
    view[:] = array
    return view


def read_only(rng, array):
    array = array.copy()
    array.flags.writeable = False
    return array


def field(rng, array):
    records = np.zeros(len(array), [("before", "u1"), ("it", array.dtype), ("after", "S2")])
    records["it"] = array
    return records["it"]


def constant(rng, array):
    one = array[:1].copy() if len(array) else np.zeros(1, array.dtype)
    return np.broadcast_to(one, array.shape)


LAYOUTS = [contiguous, strided, backwards, unaligned, read_only, field, constant]


def numpy_column(rng, array, missing, name, seen):
    """Column of an array in some layout; missing rows by a mask, which may be strided too."""
    layout = rng.choice(LAYOUTS)
    array = layout(rng, array)
    seen[f"layout {layout.__name__}"] += 1
    if missing is None:
        return array.tolist(), _core.column_array(array, name=name)
    mask_layout = rng.choice(LAYOUTS)
    mask = mask_layout(rng, np.array(missing, rng.choice(["bool", "uint8"])))
    seen[f"mask {mask_layout.__name__}"] += 1
    values = [None if gone else x for x, gone in zip(array.tolist(), mask.tolist(), strict=True)]
    return values, _core.column_array(array, mask, name)


def arrow_column(rng, values, kind, name, seen):
    """Column of an Arrow chunked array: empty chunks, slices that start inside a byte, nulls."""
    chunks = []
    start = 0
    while start < len(values):
        stop = start + rng.choice([0, 1, 3, 64, len(values)])
        padding = [values[0]] * rng.choice([0, 0, 1, 5, 9])
        chunk = pa.array(padding + values[start:stop], kind)
        chunks.append(chunk[len(padding) :])
        start = stop
    chunked = pa.chunked_array(chunks, kind)
    seen["arrow"] += 1
    if len(chunks) > 1:
        seen["arrow in chunks"] += 1
    source = pa.table({name: chunked}) if rng.random() < 0.3 else chunked
    column = _core.column_arrow(source, name)
    return [as_read(value) for value in chunked.to_pylist()], column


def as_read(value):
    """A value as the core reads it: a day is its number."""
    return (value - EPOCH).days if isinstance(value, type(EPOCH)) else value


EPOCH = pa.scalar(0, pa.date32()).as_py()


# ------------------------------------------------------------------------- columns by role


def numbers(rng, n, dtype, low, high):
    """n values of a dtype between low and high, both possible."""
    if np.dtype(dtype).kind == "f":
        drawn = np.array([rng.uniform(low, high) for _ in range(n)], dtype)
        whole = [rng.random() < 0.3 for _ in range(n)]
        return np.where(whole, np.floor(drawn), drawn).astype(dtype)
    info = np.iinfo(dtype)
    low = max(low, info.min)
    high = max(low, min(high, info.max))
    return np.array([rng.randint(low, high) for _ in range(n)], dtype)


def gaps(rng, n):
    """Which rows are missing; None: the column has no way to say it."""
    if rng.random() < 0.5:
        return None
    share = rng.choice([0.0, 0.05, 0.5, 1.0])
    return [rng.random() < share for _ in range(n)]


def measured(rng, n, name, seen, low, high, missing=None, dtypes=(*INTEGERS, *FLOATS)):
    """A numeric column in some dtype and some place."""
    dtype = rng.choice(dtypes)
    array = numbers(rng, n, dtype, low, high)
    if rng.random() < 0.3:
        gone = missing or [False] * n
        values = [None if g else x for x, g in zip(array.tolist(), gone, strict=True)]
        return Drawn(*arrow_column(rng, values, pa.from_numpy_dtype(dtype), name, seen), dtype)
    if missing is not None and dtype in FLOATS and rng.random() < 0.5:
        array[np.array(missing, bool)] = np.nan
        missing = None
    return Drawn(*numpy_column(rng, array, missing, name, seen), dtype)


def indicator(rng, n, name, seen, missing):
    """A 0/1 column: numbers, bool, or Arrow bits."""
    way = rng.random()
    if way < 0.4:
        return measured(rng, n, name, seen, 0, 1, missing, dtypes=INTEGERS)
    array = np.array([rng.random() < 0.4 for _ in range(n)], bool)
    if way < 0.7:
        return Drawn(*numpy_column(rng, array, missing, name, seen), "bool")
    gone = missing or [False] * n
    values = [None if g else x for x, g in zip(array.tolist(), gone, strict=True)]
    return Drawn(*arrow_column(rng, values, pa.bool_(), name, seen), "bits")


def key(rng, n, name, seen, missing):
    """A key: integers near each other or far apart, floats, text, bool, dates."""
    way = rng.choice(["near", "far", "code", "float", "text", "bool", "date"])
    seen[f"key {way}"] += 1
    if way == "near":
        low = rng.choice([0, -3, 100])
        return measured(rng, n, name, seen, low, low + rng.choice([0, 5, 40]), missing, INTEGERS)
    if way == "far":
        return measured(rng, n, name, seen, -(2**63), 2**64 - 1, missing, INTEGERS)
    if way == "bool":
        return indicator(rng, n, name, seen, missing)
    gone = missing or [False] * n
    if way == "code":
        dtype = rng.choice(INTEGERS[:4])
        array = numbers(rng, n, dtype, 0, 9)
        array[np.array(gone, bool)] = -1
        values = [None if x == -1 else x for x in array.tolist()]
        return Drawn(values, _core.column_array(array, name=name, missing_code=-1), "code")
    if way == "date":
        days = [None if g else rng.randint(-5, 20000) for g in gone]
        return Drawn(*arrow_column(rng, days, pa.date32(), name, seen), "int32")
    if way == "float":
        dtype = rng.choice(FLOATS)
        pool = [0.0, -0.0, 1.5, -1.5, 0.1, math.inf, np.finfo(dtype).max, np.finfo(dtype).tiny]
        array = np.array([np.nan if g else rng.choice(pool) for g in gone], dtype)
        return Drawn(*numpy_column(rng, array, None, name, seen), "float")
    kinds = [pa.string(), pa.large_string()] + [pa.string_view()] * hasattr(pa, "string_view")
    values = [None if g else rng.choice(TEXTS) for g in gone]
    kind = rng.choice(kinds)
    seen[f"text {kind}"] += 1
    return Drawn(*arrow_column(rng, values, kind, name, seen), "text")


# ---------------------------------------------------------------------------------- faults


def faulty(rng, drawn, row, bad, name, seen):
    """The same column with `bad` in one row."""
    values = [math.nan if is_missing(x) else float(x) for x in drawn.values]
    values[row] = bad
    column = numpy_column(rng, np.array(values), None, name, seen)
    return Drawn([None if is_missing(x) else x for x in column[0]], column[1], "float64")


FAULTS = {
    "weight": [(-1.0, errors.ValueRangeError), (math.inf, errors.ValueRangeError)]
    + [(math.nan, errors.MissingValueError)],
    "size": [(-0.5, errors.ValueRangeError), (math.nan, errors.MissingValueError)],
    "where": [(2.0, errors.ValueRangeError), (0.5, errors.ValueRangeError)],
    "flag": [(-1.0, errors.ValueRangeError), (0.1, errors.ValueRangeError)]
    + [(math.inf, errors.ValueRangeError)],
    "indicator": [(2.0, errors.ValueRangeError), (math.nan, errors.ValueRangeError)],
    "value": [(math.inf, errors.ValueRangeError), (-math.inf, errors.ValueRangeError)],
    "pair": [(math.inf, errors.ValueRangeError)],
}


class Call:
    """One random call of _core.total, and what it should give."""

    def __init__(self, rng, seen):
        self.rng = rng
        self.seen = seen
        self.n = rng.choice([0, 1, 2, 7, 63, 64, 65, 200, 300])
        if rng.random() < 0.03:
            self.n = rng.choice([ROWS_OF_A_BLOCK, ROWS_OF_A_BLOCK + 1, 3 * ROWS_OF_A_BLOCK - 1])
        self.keep_missing = rng.random() < 0.5
        self.expected_errors = {}  # {row: classes}; row None: the whole column
        self.keys = [self.draw_key(f"key{k}") for k in range(rng.choice([0, 1, 1, 2, 3]))]
        self.one = {role: self.draw_amount(role) for role in ("weight", "size")}
        self.one["where"] = self.draw_where()
        self.flags = self.draw_many("flag", 14)
        self.values = self.draw_many("value", 3) if rng.random() < 0.6 else []
        parts = self.draw_many("pair", 2) if rng.random() < 0.5 else []
        self.pairs = [(part, self.draw_score("pair")) for part in parts]
        if rng.random() < 0.1:
            self.spoil_whole_column()

    def expect(self, row, error):
        self.expected_errors.setdefault(row, set()).add(error)

    def expect_missing_key(self, drawn):
        """Without keep_missing the first missing label is an error."""
        row = next((i for i, x in enumerate(drawn.values) if is_missing(x)), None)
        if row is not None:
            self.expect(row, errors.MissingValueError)

    def draw_key(self, name):
        missing = gaps(self.rng, self.n)
        if not self.keep_missing and self.rng.random() < 0.9:
            missing = None
        drawn = key(self.rng, self.n, name, self.seen, missing)
        if not self.keep_missing:
            self.expect_missing_key(drawn)
        return drawn

    def with_fault(self, drawn, role):
        """Sometimes spoil one row."""
        if self.n == 0 or self.rng.random() > 0.03:
            return drawn
        bad, error = self.rng.choice(FAULTS[role])
        row = self.rng.randrange(self.n)
        spoilt = faulty(self.rng, drawn, row, bad, role, self.seen)
        first = next((i for i, x in enumerate(spoilt.values) if is_bad(x, bad)), None)
        if first is not None:  # the layout `constant` repeats the first row, maybe a good one
            self.expect(first, error)
        return spoilt

    def draw_amount(self, role):
        if self.rng.random() < 0.4:
            return None
        high = self.rng.choice([1, 10, 1000])
        return self.with_fault(measured(self.rng, self.n, role, self.seen, 0, high), role)

    def draw_where(self):
        if self.rng.random() < 0.5:
            return None
        drawn = indicator(self.rng, self.n, "where", self.seen, gaps(self.rng, self.n))
        return self.with_fault(drawn, "where")

    def draw_score(self, role):
        missing = gaps(self.rng, self.n)
        if role == "flag":
            drawn = indicator(self.rng, self.n, role, self.seen, missing)
        else:
            drawn = measured(self.rng, self.n, role, self.seen, -(10**6), 10**6, missing)
        return self.with_fault(drawn, role)

    def draw_many(self, role, most):
        return [self.draw_score(role) for _ in range(self.rng.randint(0, most))]

    def spoil_whole_column(self):
        """A column of another length, or of text where a number must stand."""
        n = self.n + self.rng.choice([-1, 1]) if self.n else 1
        if self.rng.random() < 0.5:
            self.one["weight"] = measured(self.rng, n, "weight", self.seen, 0, 1)
            self.expect(None, errors.LengthError)
        else:
            text = arrow_column(self.rng, ["1"] * self.n, pa.string(), "size", self.seen)
            self.one["size"] = Drawn(*text, "text")
            self.expect(None, errors.DTypeError)

    def run(self):
        """Make the call and check what it gives."""
        arguments = {role: drawn and drawn.column for role, drawn in self.one.items()}
        arguments |= {"flags": [drawn.column for drawn in self.flags]}
        arguments |= {"values": [drawn.column for drawn in self.values]}
        arguments |= {"pairs": [(a.column, b.column) for a, b in self.pairs]}
        arguments |= {"keep_missing": self.keep_missing, "n_threads": self.rng.choice([0, 1, 2, 7])}
        keys = [drawn.column for drawn in self.keys]
        found, error = outcome(_core.total, self.n, keys, **arguments)
        expected_errors = self.expected_errors
        if error is not None:
            check_error(error, expected_errors)
            self.seen[type(error).__name__] += 1
        else:
            assert not expected_errors, f"no error, expected {expected_errors}"
            self.check_result(found)
            self.seen["equal"] += 1

    def check_result(self, found):
        def meant(drawn):
            return None if drawn is None else drawn.values

        expected, where_missing = cells(
            self.n,
            [drawn.values for drawn in self.keys],
            **{role: meant(drawn) for role, drawn in self.one.items()},
            flags=[drawn.values for drawn in self.flags],
            values=[drawn.values for drawn in self.values],
            pairs=[(a.values, b.values) for a, b in self.pairs],
        )
        check_totals(found, expected, where_missing, self.keys, self.largest_sums())

    def largest_sums(self):
        """For each sum, what its terms add up to without their signs: the scale of its error."""
        most = math.prod(
            max((abs(x) for x in drawn.values), default=0)
            for role, drawn in self.one.items()
            if drawn is not None and role != "where"
        )
        columns = [*self.flags, *self.values, *(part for pair in self.pairs for part in pair)]
        return [most * sum(abs(x) for x in drawn.values if not is_missing(x)) for drawn in columns]


def check_error(error, expected_errors):
    """The error is about the smallest bad row, or about a column as a whole."""
    said = f"{error!r}, expected {expected_errors}"
    assert expected_errors, said
    row = None if None in expected_errors else min(expected_errors)
    assert error.row == row, said
    assert type(error) in expected_errors[row], said
    assert error.argument, said


def is_bad(value, bad):
    return is_missing(value) if math.isnan(bad) else value == bad


def labels_of(found, keys, g):
    """Labels of a group as the oracle writes them."""
    labels = []
    for k, drawn in enumerate(keys):
        value = int(found["key_values"][k][g])
        if found["key_missing"][k][g]:
            labels.append(None)
        elif drawn.kind in ("text", "float"):
            labels.append(drawn.values[value])
            assert drawn.values.index(drawn.values[value]) == value, "not the first row"
        else:
            labels.append(value % 2**64 if drawn.kind == "uint64" else value)
    return tuple(labels)


def check_totals(found, expected, where_missing, keys, scales):
    """Compare a result with the oracle's cells: counts exactly, sums to 1e-13 of their scale."""
    assert found["where_missing"] == where_missing
    assert found["n_groups"] == len(expected)
    groups = {labels_of(found, keys, g): g for g in range(found["n_groups"])}
    assert groups.keys() == expected.keys()
    for labels, cell in expected.items():
        g = groups[labels]
        assert found["n"][g] == cell["n"]
        assert found["score_n"][:, g].tolist() == cell["score_n"]
        assert math.isclose(found["weight"][g], cell["weight"], rel_tol=1e-13)
        assert np.allclose(found["score_weight"][:, g], cell["score_weight"], rtol=1e-13, atol=0)
        for sum_, exact, scale in zip(found["sums"][:, g], cell["sums"], scales, strict=True):
            assert abs(sum_ - exact) <= 1e-13 * scale, (sum_, exact, scale)


# ----------------------------------------------------------------------------- other calls


class Word(str):
    """A subclass of str is a str."""


def call_encode_objects(rng, seen):
    """Object columns: equal texts in different objects, missing values, and what is no text."""
    n = rng.choice([0, 1, 5, 100, 3000])
    pool = [*TEXTS, Word("a"), "\ud800", None, math.nan]
    values = [rng.choice(pool) for _ in range(n)]
    fresh = ["".join(list(x)) if type(x) is str else x for x in values]
    bad_row = rng.randrange(n) if n and rng.random() < 0.2 else None
    if bad_row is not None:
        fresh[bad_row] = rng.choice([1, b"a", ("a",), 1.5])
    array = np.empty(n, object)
    array[:] = fresh
    array = rng.choice([contiguous, strided, backwards, read_only])(rng, array)
    found, error = outcome(_core.encode_objects, array)
    if bad_row is not None:
        assert type(error) is errors.DTypeError, repr(error)
        assert error.row == bad_row, repr(error)
        seen["objects refused"] += 1
        return
    codes, first_rows = found
    expected = {}
    for row, x in enumerate(values):
        if not is_missing(x):
            expected.setdefault(str(x), row)
    assert first_rows.tolist() == list(expected.values())
    code_of = {text: code for code, text in enumerate(expected)}
    assert codes.tolist() == [-1 if is_missing(x) else code_of[str(x)] for x in values]
    seen["objects encoded"] += 1


def call_refused_column(rng, seen):
    """Arrays that are no columns."""
    n = rng.choice([0, 1, 9])
    refused = [
        (np.zeros(n, ">f8"), {}),
        (np.zeros(n, ">i2"), {}),
        (np.zeros((n, 2)), {}),
        (np.zeros(n, "complex128"), {}),
        (np.zeros(n, "S3"), {}),
        (np.zeros(n, "datetime64[s]"), {}),
        (np.zeros(n, object), {}),
        (np.zeros(n, "float16"), {}),
        ([0.0] * n, {}),
        (None, {}),
        (np.zeros(n), {"mask": np.zeros(n, "int16")}),
        (np.zeros(n), {"mask": np.zeros(n + 1, "bool")}),
        (np.zeros(n), {"mask": [False] * n}),
    ]
    values, others = rng.choice(refused)
    _, error = outcome(_core.column_array, values, name="column", **others)
    assert isinstance(error, errors.DTypeError | errors.LengthError), repr(error)
    seen["array refused"] += 1


def call_refused_arrow(rng, seen):
    """Arrow data that are no column of ours."""
    dictionary = pa.array(["a", None, "b", "a"]).dictionary_encode()
    refused = [
        dictionary,
        pa.chunked_array([dictionary, dictionary]),
        pa.array([[1], [2, 3]]),
        pa.array([{"a": 1, "b": 2}]),
        pa.table({"a": [1], "b": [2]}),
        pa.table({}),
        pa.array([b"x"]),
        np.zeros(3),
        None,
    ]
    _, error = outcome(_core.column_arrow, rng.choice(refused), "column")
    assert isinstance(error, errors.DTypeError | errors.LengthError), repr(error)
    seen["arrow refused"] += 1


def call_many_rows(rng, seen):
    """Enough rows for several threads and lanes; columns simple enough for exact expectations."""
    n = BIG_ROWS
    keys = np.arange(n, dtype="int32") % 5
    flag = (np.arange(n) % 3 == 0).view("uint8")[::-1].copy()[::-1]
    value = np.arange(n, dtype="float32") % 100
    rows = sorted(rng.sample(range(n), 3))
    spoilt = value.copy()
    spoilt[rows] = np.inf
    key, flags, values, infinite = (
        [_core.column_array(x, name="x")] for x in (keys, flag, value, spoilt)
    )
    weight = _core.column_array(np.broadcast_to(np.array([0.1]), n), name="w")
    for n_threads in (1, 2, 7):
        options = {"weight": weight, "flags": flags, "n_threads": n_threads}
        found = _core.total(n, key, values=values, **options)
        order = np.argsort(found["key_values"][0])
        assert found["n"][order].tolist() == np.bincount(keys).tolist()
        for j, x in enumerate((flag, value)):
            exact = np.bincount(keys, x.astype("float64")) * 0.1
            assert np.allclose(found["sums"][j, order], exact, rtol=1e-13, atol=0)
        _, error = outcome(_core.total, n, key, values=infinite, **options)
        assert type(error) is errors.ValueRangeError, repr(error)
        assert error.row == rows[0], repr(error)
    seen["many rows"] += 1


def text_of_buffers(offsets_or_views, letters, is_view):
    """An Arrow text column that looks into arrays of ours, so that they can be damaged."""
    n = len(offsets_or_views) - (0 if is_view else 1)
    kind = pa.string_view() if is_view else pa.string()
    buffers = [None, pa.py_buffer(offsets_or_views), pa.py_buffer(letters)]
    return _core.column_arrow(pa.Array.from_buffers(kind, n, buffers), "text")


def call_damaged_text(rng, seen):
    """Offsets and views that point anywhere: an error that names the row, never a read outside."""
    n = 200
    letters = np.frombuffer(rng.randbytes(4000), "uint8") % 26 + 97
    is_view = rng.random() < 0.5 and hasattr(pa, "string_view")
    if is_view:
        words = np.zeros((n, 4), "int32")
        words[:, 0] = 20
        words[:, 3] = np.arange(n) * 5
    else:
        words = np.arange(n + 1, dtype="int32") * 20
    column = text_of_buffers(words, letters, is_view)
    for _ in range(rng.randint(0, 3)):
        place = (rng.randrange(1, n), rng.choice([0, 2, 3])) if is_view else rng.randrange(1, n)
        words[place] = rng.choice([-1, -(2**31), 2**31 - 1, 4001, 3990, rng.randint(0, 4000)])
    found, error = outcome(_core.total, n, [column])
    if error is None:
        assert found["n"].sum() == n
        seen["damaged text read"] += 1
    else:
        assert type(error) in (errors.ValueRangeError, errors.LimitError), repr(error)
        assert 0 <= error.row < n, repr(error)
        seen["damaged text refused"] += 1


class Writer(threading.Thread):
    """Writes small numbers to random rows of arrays, a few at a time, until told to stop."""

    def __init__(self, seed, low):
        super().__init__()
        self.rows = np.random.default_rng(seed)
        self.low = low
        self.stop = threading.Event()
        self.arrays = []

    def run(self):
        while not self.stop.wait(0.001):
            for array in self.arrays:
                at = self.rows.integers(1, len(array) - 1, 20)
                array[at] = self.rows.integers(self.low, 2, 20).astype(array.dtype)


def call_while_written(rng, seen):
    """Another thread writes to the arrays while they are read: any outcome but a read outside."""
    n = BIG_ROWS // 2
    codes, amounts, flags = np.zeros(n, "int64"), np.ones(n), np.zeros(n, "uint8")
    offsets, letters = np.zeros(n + 1, "int32"), np.full(1000, 97, "uint8")
    offsets[-1] = len(letters)
    columns = [_core.column_array(x, name="x") for x in (codes, amounts, flags)]
    text = text_of_buffers(offsets, letters, False)
    for low in (0, 0, -3):
        for keys in ([columns[0]], [text], [text, columns[0]]):
            for options in ({}, {"weight": columns[1], "flags": columns[2:]}):
                codes[:], amounts[:], flags[:], offsets[1:-1] = 0, 1.0, 0, 0
                writer = Writer(rng.randrange(2**32), low)
                writer.arrays = [codes, offsets, amounts, flags]
                writer.start()
                _, error = outcome(_core.total, n, keys, keep_missing=True, **options)
                writer.stop.set()
                writer.join()
                seen["written and refused" if error else "written and read"] += 1


OTHER_CALLS = [call_damaged_text, call_encode_objects, call_refused_column, call_refused_arrow]


def run(seed, n_calls):
    """Make the calls and return how often each thing occurred."""
    seen = collections.Counter()
    for number in range(n_calls):
        rng = random.Random(f"{seed} {number}")
        try:
            if number % 5 == 4:
                rng.choice(OTHER_CALLS)(rng, seen)
            else:
                Call(rng, seen).run()
        except AssertionError as error:
            raise AssertionError(f"call {number} of seed {seed}: {error}") from error
        seen["calls"] += 1
    call_many_rows(random.Random(seed), seen)
    call_while_written(random.Random(seed), seen)
    return seen


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]))))
