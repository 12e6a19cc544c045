"""The compiled module: columns without copies, weighted totals, errors with their place, Ctrl-C.

Source of truth: tests/oracles/cells.py, a loop over rows with exact sums.
"""

import gc
import math
import sys
import threading
import time
import weakref
from collections import Counter

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from ctrl_c import seconds_to_answer
from oracles.cells import cells
from povertycore import _core, errors

POINT = 1e-12  # relative: how near a point must come to the exact sum


# --- helpers --------------------------------------------------------------------------------------


def labels_of(column, source, values, missing):
    """Turn what `total` says of a key into labels, by the rule in `_core.pyi`."""
    by_row = column.type.startswith(("float", "text"))
    return [
        None if gap else source[value] if by_row else int(value)
        for value, gap in zip(values.tolist(), missing.tolist(), strict=True)
    ]


def answer(n, keys, sources, **arguments):
    """Call `total`, and lay the result out as the oracle does."""
    raw = _core.total(n, keys, keep_missing=True, **arguments)
    labels = [
        labels_of(key, source, values, missing)
        for key, source, values, missing in zip(
            keys, sources, raw["key_values"], raw["key_missing"], strict=True
        )
    ]
    groups = list(zip(*labels, strict=True)) if keys else [()] * raw["n_groups"]
    assert len(set(groups)) == raw["n_groups"], "a group came twice"
    found = {
        group: {
            "n": raw["n"][g],
            "weight": raw["weight"][g],
            "score_n": raw["score_n"][:, g].tolist(),
            "score_weight": raw["score_weight"][:, g].tolist(),
            "sums": raw["sums"][:, g].tolist(),
        }
        for g, group in enumerate(groups)
    }
    return found, raw["where_missing"]


def assert_same(found, expected):
    assert found[1] == expected[1]
    assert set(found[0]) == set(expected[0])
    for group, cell in expected[0].items():
        for word, value in cell.items():
            assert found[0][group][word] == pytest.approx(value, rel=POINT, abs=1e-300), (
                group,
                word,
            )


def unaligned(values):
    room = np.zeros(values.nbytes + 1, np.uint8)
    room[1:] = values.view(np.uint8)
    return room[1:].view(values.dtype)


def read_only(values):
    values = values.copy()
    values.flags.writeable = False
    return values


def spread(values, step):
    room = np.zeros(abs(step) * len(values) + 1, values.dtype)
    out = room[:: abs(step)][: len(values)]
    out = out[::-1] if step < 0 else out
    out[:] = values
    return out


def in_records(values):
    records = np.zeros(len(values), np.dtype([("a", "u1"), ("x", values.dtype), ("b", "u1")]))
    records["x"] = values
    return records["x"]


def filled(values):
    return [0 if value is None else value for value in values]


def byte_mask(values):
    return np.array([value is None for value in values], bool)


def in_chunks(values, kind):
    """An Arrow column of several chunks, one empty, each with an offset into its buffers."""
    cut = len(values) // 3
    parts = [values[:cut], values[cut : 2 * cut], [], values[2 * cut :]]
    padded = [pa.array([1, *part, None, 0], pa.int64()).cast(kind) for part in parts]
    chunks = [chunk[1:-2] for chunk in padded]
    return pa.chunked_array(chunks, kind)


def of_dtype(dtype):
    return lambda values: _core.column_array(np.array(values, dtype), name=str(dtype))


def laid_out(layout, dtype=np.int32):
    return lambda values: _core.column_array(layout(np.array(values, dtype)))


INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
WHOLE = {  # from a list of 0, 1, 2 ... without missing values
    **{dtype: of_dtype(dtype) for dtype in [*INTEGERS, "float32", "float64"]},
    "long and long long": lambda v: _core.column_array(np.array(v, np.longlong)),
    "every third": laid_out(lambda v: spread(v, 3)),
    "backwards": laid_out(lambda v: spread(v, -1)),
    "backwards, every second": laid_out(lambda v: spread(v, -2), np.float64),
    "read-only": laid_out(read_only),
    "unaligned": laid_out(unaligned, np.float64),
    "field of records": laid_out(in_records, np.int16),
    "column of a matrix": laid_out(lambda v: np.column_stack([v, v + 1])[:, 0], np.float32),
}
WITH_MISSING = {  # the same, None = missing
    "bool mask": lambda v: _core.column_array(np.array(filled(v), np.int16), byte_mask(v)),
    "uint8 mask, any stride": lambda v: _core.column_array(
        spread(np.array(filled(v), np.int64), -2), spread(byte_mask(v).astype(np.uint8) * 7, 3)
    ),
    "masked float": lambda v: _core.column_array(np.array(filled(v), np.float32), byte_mask(v)),
    "NaN": lambda v: _core.column_array(np.array(v, np.float64)),
    "Arrow array": lambda v: _core.column_arrow(pa.array(v, pa.int32())),
    "Arrow chunks, sliced": lambda v: _core.column_arrow(in_chunks(v, pa.uint8())),
    "Arrow table of one column": lambda v: _core.column_arrow(
        pa.table({"x": in_chunks(v, pa.int64())}).slice(0, len(v))
    ),
    "Arrow batch, sliced": lambda v: _core.column_arrow(
        pa.record_batch({"x": pa.array([5, *v, 5], pa.float64())}).slice(1, len(v))
    ),
    "Polars": lambda v: _core.column_arrow(pl.Series(v, dtype=pl.Int16)),
    "Polars, sliced": lambda v: _core.column_arrow(pl.Series([9, *v], dtype=pl.Float32)[1:]),
    "Polars frame": lambda v: _core.column_arrow(pl.DataFrame({"x": v}, schema={"x": pl.UInt32})),
    "pandas frame": lambda v: _core.column_arrow(pd.DataFrame({"x": pd.array(v, dtype="Int64")})),
}
FLAGS_ONLY = {
    "bool": lambda v: _core.column_array(np.array(v, bool)),
    "bool, backwards": lambda v: _core.column_array(np.array(v[::-1], bool)[::-1]),
}


def three_way(values):
    return [None if x is None else x == 1 for x in values]


FLAGS_WITH_MISSING = {
    "Arrow bits": lambda v: _core.column_arrow(pa.array(three_way(v))),
    "Arrow bits, chunks": lambda v: _core.column_arrow(
        pa.chunked_array([[True] * 3, three_way(v)]).slice(3)
        if len(v)
        else pa.chunked_array([], pa.bool_())
    ),
    "Polars bool": lambda v: _core.column_arrow(
        pl.Series([True, *three_way(v)], dtype=pl.Boolean)[1:]
    ),
    "pandas boolean": lambda v: _core.column_array(
        np.array([x == 1 for x in v], bool), byte_mask(v)
    ),
}
NUMBERS = WHOLE | WITH_MISSING
FLAGS = NUMBERS | FLAGS_ONLY | FLAGS_WITH_MISSING

KEY = [2, 0, 2, 1, 0, 2, 2, 0, 1, 2, 1]
FLAG = [1, 0, 0, 1, 1, 0, 1, 1, 0, 1, 1]
VALUE = [3, 0, 7, 1, 5, 2, 2, 6, 4, 0, 1]
WEIGHT = [1, 2, 0, 4, 1, 3, 2, 1, 1, 0, 5]
GAPS = [2, 3, 7]  # rows that are made missing


def with_gaps(values, kind):
    if kind in WHOLE or kind in FLAGS_ONLY:
        return values
    return [None if i in GAPS else value for i, value in enumerate(values)]


# --- worked example -------------------------------------------------------------------------------


def test_totals_of_five_households_in_two_districts():
    # District 7: households 0, 2, 4, weights 1, 3, 5; district 3: households 1, 3, weights 2, 4.
    # Poor are 0, 1, 4: in district 7 weight 1 + 5 = 6 of 9, in district 3 weight 2 of 6.
    district = _core.column_array(np.array([7, 3, 7, 3, 7]))
    weight = _core.column_array(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    poor = _core.column_array(np.array([True, True, False, False, True]))
    totals = _core.total(5, [district], weight=weight, flags=[poor])
    order = np.argsort(totals["key_values"][0])
    assert totals["n_groups"] == 2
    assert totals["key_values"][0][order].tolist() == [3, 7]
    assert totals["n"][order].tolist() == [2, 3]
    assert totals["weight"][order].tolist() == [6.0, 9.0]
    assert totals["sums"][0, order].tolist() == [2.0, 6.0]


def test_codes_of_objects_count_up_in_order_of_first_appearance():
    values = np.array(["Tày", None, "Nùng", float("nan"), "Tày", pd.NA, "Kinh"], dtype=object)
    codes, first_rows = _core.encode_objects(values)
    assert codes.tolist() == [0, -1, 1, -1, 0, -1, 2]
    assert first_rows.tolist() == [0, 2, 6]


# --- oracle: every kind of column in every role ---------------------------------------------------


@pytest.mark.parametrize("kind", NUMBERS)
def test_a_key_of_any_kind_gives_the_groups_of_the_oracle(kind):
    source = with_gaps(KEY, kind)
    flag = _core.column_array(np.array(FLAG, np.int8))
    found = answer(11, [NUMBERS[kind](source)], [source], flags=[flag])
    assert_same(found, cells(11, [source], flags=[FLAG]))


@pytest.mark.parametrize("kind", FLAGS)
def test_a_flag_of_any_kind_gives_the_sums_of_the_oracle(kind):
    source = with_gaps(FLAG, kind)
    weight = _core.column_array(np.array(WEIGHT, np.float64))
    key = _core.column_array(np.array(KEY))
    found = answer(11, [key], [KEY], flags=[FLAGS[kind](source)], weight=weight)
    assert_same(found, cells(11, [KEY], flags=[source], weight=WEIGHT))


@pytest.mark.parametrize("kind", NUMBERS)
def test_a_value_and_a_pair_of_any_kind_give_the_sums_of_the_oracle(kind):
    source = with_gaps(VALUE, kind)
    column = NUMBERS[kind](source)
    weight = _core.column_array(np.array(WEIGHT, np.float32))
    key = _core.column_array(np.array(KEY))
    found = answer(11, [key], [KEY], values=[column], pairs=[(column, weight)], weight=weight)
    expected = cells(11, [KEY], values=[source], pairs=[(source, WEIGHT)], weight=WEIGHT)
    assert_same(found, expected)


@pytest.mark.parametrize("kind", WHOLE)
def test_weights_and_sizes_of_any_kind_multiply(kind):
    column = WHOLE[kind](WEIGHT)
    size = WHOLE[kind](VALUE)
    key = _core.column_array(np.array(KEY))
    found = answer(11, [key], [KEY], weight=column, size=size)
    assert_same(found, cells(11, [KEY], weight=WEIGHT, size=VALUE))


@pytest.mark.parametrize("kind", FLAGS)
def test_rows_outside_the_domain_stay_as_groups_and_a_missing_domain_is_outside(kind):
    source = with_gaps(FLAG, kind)
    key = _core.column_array(np.array(KEY))
    flag = _core.column_array(np.array(FLAG, bool))
    found = answer(11, [key], [KEY], flags=[flag], where=FLAGS[kind](source))
    assert_same(found, cells(11, [KEY], flags=[FLAG], where=source))


TEXT = ["Lạng Sơn", "", "a much longer label than fits a view", "Lạng Sơn", None, "a", "\0", ""]


@pytest.mark.parametrize(
    "make",
    [
        lambda v: pa.array(v, pa.string()),
        lambda v: pa.array(v, pa.large_string()),
        lambda v: pa.array(v, pa.string_view()),
        lambda v: pa.array(["x", *v, "y"], pa.string())[1:-1],
        lambda v: pa.chunked_array([["z", *v[:3]], [None, *v[3:]]], pa.string()).slice(1, 3),
        lambda v: pa.chunked_array([v[:2], [], v[2:]], pa.large_string()),
        lambda v: pl.Series(v),
        lambda v: pl.Series(["x" * 40, *v, "y" * 40])[1:-1],
        lambda v: pd.DataFrame({"x": pd.array(v, dtype="str")}),
    ],
    ids=["32", "64", "view", "sliced", "sliced chunks", "chunks", "Polars", "Polars cut", "pandas"],
)
def test_text_keys_group_by_their_bytes(make):
    data = make(TEXT)
    source = (
        data["x"].tolist()
        if isinstance(data, pd.DataFrame)
        else data.to_list()
        if isinstance(data, pl.Series)
        else data.to_pylist()
    )
    source = [value if isinstance(value, str) else None for value in source]
    column = _core.column_arrow(data)
    assert column.type.startswith("text")
    found = answer(len(source), [column], [source])
    assert_same(found, cells(len(source), [source]))


cell_numbers = st.one_of(st.none(), st.integers(0, 3))


@settings(max_examples=150)
@given(
    rows=st.lists(
        st.tuples(
            cell_numbers,
            cell_numbers,
            st.one_of(st.none(), st.integers(0, 1)),
            st.integers(0, 9),
            st.one_of(st.none(), st.integers(0, 1)),
            cell_numbers,
        ),
        max_size=40,
    ),
    kinds=st.tuples(*[st.sampled_from(sorted(WITH_MISSING))] * 4),
    flag_kinds=st.tuples(*[st.sampled_from(sorted(WITH_MISSING | FLAGS_WITH_MISSING))] * 2),
    weight_kind=st.sampled_from(sorted(WHOLE)),
)
def test_random_calls_give_the_totals_of_the_oracle(rows, kinds, flag_kinds, weight_kind):
    first, second, flag, weight, where, value = (
        [list(column) for column in zip(*rows, strict=True)] if rows else [[]] * 6
    )
    value_column = WITH_MISSING[kinds[2]](value)
    found = answer(
        len(rows),
        [WITH_MISSING[kinds[0]](first), WITH_MISSING[kinds[1]](second)],
        [first, second],
        flags=[(WITH_MISSING | FLAGS_WITH_MISSING)[flag_kinds[0]](flag)],
        where=(WITH_MISSING | FLAGS_WITH_MISSING)[flag_kinds[1]](where),
        weight=WHOLE[weight_kind](weight),
        values=[value_column],
        pairs=[(value_column, WITH_MISSING[kinds[3]](second))],
    )
    expected = cells(
        len(rows),
        [first, second],
        flags=[flag],
        where=where,
        weight=weight,
        values=[value],
        pairs=[(value, second)],
    )
    assert_same(found, expected)


def many_rows(n=700_000, n_groups=300, seed=5):
    rng = np.random.default_rng(seed)
    key = rng.integers(0, n_groups, n)
    return key, rng.random(n) * 50, rng.random(n) < 0.3, rng.normal(0, 1e6, n)


def test_many_rows_give_the_totals_of_numpy():
    key, weight, flag, value = many_rows()
    raw = _core.total(
        len(key),
        [_core.column_array(key)],
        weight=_core.column_array(weight),
        flags=[_core.column_array(flag)],
        values=[_core.column_array(value)],
    )
    order = np.argsort(raw["key_values"][0])
    by_group = [np.flatnonzero(key == g) for g in range(300)]
    exact = [math.fsum(weight[rows][flag[rows]]) for rows in by_group]
    np.testing.assert_allclose(raw["sums"][0, order], exact, rtol=POINT)
    size = [math.fsum(np.abs(weight[rows] * value[rows])) for rows in by_group]
    exact = np.array([math.fsum(weight[rows] * value[rows]) for rows in by_group])
    assert np.all(np.abs(raw["sums"][1, order] - exact) <= POINT * np.array(size))


# --- properties -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_groups", [3, 20_000])
def test_any_number_of_threads_gives_the_same_bits(n_groups):
    key, weight, flag, value = many_rows(1_500_000, n_groups)
    key_column, weight_column = _core.column_array(key), _core.column_array(weight)
    results = [
        _core.total(
            len(key),
            [key_column],
            weight=weight_column,
            flags=[_core.column_array(flag)] * 3,
            values=[_core.column_array(value)],
            n_threads=n_threads,
        )
        for n_threads in (1, 2, 7)
    ]
    for other in results[1:]:
        for word in ("n", "weight", "score_n", "score_weight", "sums"):
            assert other[word].tobytes() == results[0][word].tobytes(), word
        assert other["key_values"][0].tobytes() == results[0]["key_values"][0].tobytes()


def test_inputs_are_not_changed():
    key, weight, flag, value = many_rows(300_000)
    before = [array.tobytes() for array in (key, weight, flag, value)]
    _core.total(
        len(key),
        [_core.column_array(key)],
        weight=_core.column_array(weight),
        flags=[_core.column_array(flag)],
        values=[_core.column_array(value)],
    )
    assert [array.tobytes() for array in (key, weight, flag, value)] == before


def test_columns_look_at_the_memory_of_their_input():
    array = np.arange(10.0)[::-2]
    assert _core.column_array(array).addresses == [array.__array_interface__["data"][0]]
    arrow = pa.chunked_array([pa.array(range(8)), pa.array(range(5))[2:]])
    addresses = [chunk.buffers()[1].address + 8 * chunk.offset for chunk in arrow.chunks]
    assert _core.column_arrow(arrow).addresses == addresses
    series = pl.Series([1.0, 2.0])
    assert _core.column_arrow(series).addresses == [
        series.to_numpy(allow_copy=False).__array_interface__["data"][0]
    ]


def test_text_compared_by_objects_groups_like_text_in_buffers():
    rng = np.random.default_rng(1)
    labels = [f"xã {k}" * (k % 4) for k in range(50)] + ["\ud800", "é", "e\u0301", "𠀀"]
    values = np.array([labels[k] for k in rng.integers(0, 54, 5000)], dtype=object)
    values[rng.random(5000) < 0.1] = None
    codes, first_rows = _core.encode_objects(values)
    expected = {}
    for value, code in zip(values, codes, strict=True):
        assert expected.setdefault(value, code) == code
    assert expected[None] == -1
    assert len(first_rows) == len(expected) - 1
    assert all(expected[values[row]] == code for code, row in enumerate(first_rows))
    # No object is shared between rows: the texts decide, not the addresses.
    copies = np.array([None if v is None else "".join([*v]) for v in values], dtype=object)
    np.testing.assert_array_equal(_core.encode_objects(copies[::-1])[0][::-1] >= 0, codes >= 0)
    np.testing.assert_array_equal(_core.encode_objects(copies)[0], codes)


# --- edges ----------------------------------------------------------------------------------------


def test_no_rows_give_no_groups_and_without_keys_one_empty_group():
    empty = _core.column_array(np.zeros(0))
    assert _core.total(0, [empty])["n_groups"] == 0
    assert _core.total(0, [empty], flags=[empty], values=[empty])["sums"].shape == (2, 0)
    whole = _core.total(0, [], flags=[empty])
    assert whole["n_groups"] == 1
    assert whole["n"].tolist() == [0]
    assert whole["sums"].tolist() == [[0.0]]


@pytest.mark.parametrize(
    "empty",
    [
        pa.array([], pa.string()),
        pa.array([], pa.string_view()),
        pa.chunked_array([], pa.large_string()),
        pa.chunked_array([], pa.bool_()),
        pa.table({"x": pa.array([], pa.int8())}),
        pl.Series([], dtype=pl.String),
        pl.DataFrame({"x": []}, schema={"x": pl.Boolean}),
    ],
    ids=str,
)
def test_empty_arrow_columns_are_columns_of_no_rows(empty):
    column = _core.column_arrow(empty)
    assert column.n == 0
    assert _core.total(0, [column])["n_groups"] == 0


def test_a_column_without_any_value_is_one_missing_group():
    for nothing in (pa.nulls(4), pl.Series([None] * 4), pa.array([None] * 4, pa.string())):
        raw = _core.total(4, [_core.column_arrow(nothing)], keep_missing=True)
        assert raw["n_groups"] == 1
        assert raw["key_missing"][0].tolist() == [True]
        assert raw["n"].tolist() == [4]


def test_a_stride_of_zero_is_a_constant():
    one = _core.column_array(np.broadcast_to(np.float32(0.5), 1000))
    raw = _core.total(1000, [_core.column_array(np.broadcast_to(np.int8(-3), 1000))], weight=one)
    assert raw["key_values"][0].tolist() == [-3]
    assert raw["weight"].tolist() == [500.0]


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_keys_at_the_ends_of_their_type_stay_themselves(dtype):
    info = np.iinfo(dtype)
    key = np.array([info.max, info.min, 0, info.max, info.max - 1], dtype)
    raw = _core.total(5, [_core.column_array(key)])
    found = dict(zip(raw["key_values"][0].view(dtype).tolist(), raw["n"].tolist(), strict=True))
    assert found == Counter(key.tolist())


def test_two_keys_far_apart_stay_two_keys():
    a = np.array([2**62, -(2**62), 2**62, 0])
    b = np.array([-(2**62), 2**62, -(2**62), 1])
    raw = _core.total(4, [_core.column_array(a), _core.column_array(b)])
    found = {
        (x, y): n
        for x, y, n in zip(*(v.tolist() for v in raw["key_values"]), raw["n"].tolist(), strict=True)
    }
    assert found == {(2**62, -(2**62)): 2, (-(2**62), 2**62): 1, (0, 1): 1}


def test_minus_zero_is_zero_and_all_nan_are_missing():
    key = np.array([0.0, -0.0, np.nan, -np.nan, 1.5])
    raw = _core.total(5, [_core.column_array(key)], keep_missing=True)
    found = labels_of(
        _core.column_array(key), key.tolist(), raw["key_values"][0], raw["key_missing"][0]
    )
    assert dict(zip(found, raw["n"].tolist(), strict=True)) == {0.0: 2, None: 2, 1.5: 1}


def test_a_missing_code_is_a_missing_group():
    key = np.array([0, -1, 1, -1], np.int8)
    raw = _core.total(4, [_core.column_array(key, missing_code=-1)], keep_missing=True)
    found = dict(
        zip(
            zip(raw["key_values"][0].tolist(), raw["key_missing"][0].tolist(), strict=True),
            raw["n"].tolist(),
            strict=True,
        )
    )
    assert found == {(0, False): 1, (0, True): 2, (1, False): 1}


def test_dates_are_read_as_their_integers():
    days = pa.array([10, 20, None], pa.date32())
    assert _core.column_arrow(days).type == "int32"
    zoned = pa.array([10, 20, None], pa.timestamp("us", "Asia/Ho_Chi_Minh"))
    raw = _core.total(3, [_core.column_arrow(zoned)], keep_missing=True)
    assert sorted(raw["key_values"][0].tolist()) == [0, 10, 20]


def test_more_rows_than_a_32_bit_number_can_count():
    n = 2**31 + 7
    weight = _core.column_array(np.broadcast_to(np.float64(0.5), n))
    flag = _core.column_array(np.broadcast_to(np.int8(1), n))
    raw = _core.total(n, [], weight=weight, flags=[flag])
    assert raw["n"].tolist() == [n]
    assert raw["score_n"].tolist() == [[n]]
    assert raw["sums"].tolist() == [[n / 2]]


def test_a_column_keeps_its_array_alive_and_lets_it_go():
    array, mask = np.arange(10), np.zeros(10, bool)
    watched = [weakref.ref(array), weakref.ref(mask)]
    column = _core.column_array(array, mask)
    del array, mask
    assert _core.total(10, [column])["n_groups"] == 10
    assert all(ref() is not None for ref in watched)
    del column
    gc.collect()
    assert all(ref() is None for ref in watched)


def test_columns_and_calls_leak_nothing():
    def once():
        arrow = pa.chunked_array([pa.array(["a", "b", None] * 500), pa.array(["c"] * 700)])
        columns = [
            _core.column_arrow(arrow, "text"),
            _core.column_array(np.arange(2200), np.zeros(2200, bool), "key"),
        ]
        weight = _core.column_array(np.ones(2200))
        _core.total(2200, columns, weight=weight, values=[weight], keep_missing=True)
        _core.encode_objects(np.array(["a", "b", None, "c" * 100], dtype=object))
        for call in (
            lambda: _core.total(2200, columns),
            lambda: _core.total(2200, [], weight=_core.column_array(np.full(2200, -1.0))),
            lambda: _core.column_arrow(pa.table({"a": [1], "b": [2]})),
            lambda: _core.column_arrow(arrow.dictionary_encode()),
            lambda: _core.encode_objects(np.array(["a", 1], dtype=object)),
        ):
            with pytest.raises(errors.PovertyCoreError):
                call()

    def growth():
        before = pa.total_allocated_bytes(), sys.getallocatedblocks()
        for _ in range(50):
            once()
        gc.collect()
        assert pa.total_allocated_bytes() == before[0]
        return sys.getallocatedblocks() - before[1]

    once()
    # Python and PyArrow fill caches of their own in the first rounds; a leak grows in every round.
    assert min(growth() for _ in range(4)) < 25, "about one object leaks per call"


def test_texts_met_by_the_encoder_keep_their_reference_count():
    text = "a label " * 3 + str(time.time())
    values = np.array([text] * 100 + [None], dtype=object)
    before = sys.getrefcount(text)
    _core.encode_objects(values)
    assert sys.getrefcount(text) == before


def test_the_gil_is_free_while_rows_are_added():
    n = 30_000_000
    column = _core.column_array(np.broadcast_to(np.float64(1.0), n))
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    watcher = threading.Thread(target=tick)
    watcher.start()
    start = time.perf_counter()
    _core.total(n, [], values=[column] * 4, n_threads=1)
    stop = time.perf_counter()
    done.set()
    watcher.join()
    assert sum(start < tick < stop for tick in ticks) >= 3


# --- errors ---------------------------------------------------------------------------------------


def error_of(call):
    with pytest.raises(errors.PovertyCoreError) as caught:
        call()
    error = caught.value
    return type(error), error.argument, error.column, error.row


FIVE = _core.column_array(np.arange(5), name="five")


@pytest.mark.parametrize(
    ("word", "bad", "kind"),
    [
        ("weight", -1.0, errors.ValueRangeError),
        ("weight", np.inf, errors.ValueRangeError),
        ("weight", np.nan, errors.MissingValueError),
        ("size", -1.0, errors.ValueRangeError),
        ("size", np.nan, errors.MissingValueError),
        ("where", 2.0, errors.ValueRangeError),
    ],
)
def test_a_bad_number_is_named_by_argument_column_and_row(word, bad, kind):
    column = _core.column_array(np.array([1.0, 0.0, 1.0, bad, bad]), name="w")
    assert error_of(lambda: _core.total(5, [FIVE], **{word: column})) == (kind, word, "w", 3)


@pytest.mark.parametrize(
    ("argument", "word", "bad"),
    [("flags", "flag", 2.0), ("flags", "flag", 0.5), ("values", "value", -np.inf)],
)
def test_a_bad_score_is_named_by_its_own_column(argument, word, bad):
    good = _core.column_array(np.ones(5), name="good")
    column = _core.column_array(np.array([1.0, bad, 1.0, 1.0, 1.0]), name="bad")
    found = error_of(lambda: _core.total(5, [FIVE], **{argument: [good, column, good]}))
    assert found == (errors.ValueRangeError, word, "bad", 1)


def test_a_bad_part_of_a_pair_is_named():
    good = _core.column_array(np.ones(5), name="good")
    column = _core.column_array(np.array([1.0, 1.0, 1.0, 1.0, np.inf]), name="bad")
    found = error_of(lambda: _core.total(5, [FIVE], pairs=[(good, good), (good, column)]))
    assert found == (errors.ValueRangeError, "pair", "bad", 4)


def test_the_message_says_what_where_and_what_was_expected():
    column = _core.column_array(np.array([1.0, -3.5]), name="w")
    with pytest.raises(errors.ValueRangeError) as caught:
        _core.total(2, [], weight=column)
    assert str(caught.value).startswith("weight[1] is negative (column 'w'); ")
    assert "3.5" not in str(caught.value), "the value of a row is private"


@pytest.mark.parametrize("n_threads", [1, 2, 7])
def test_the_first_bad_row_is_the_smallest_whichever_thread_met_it(n_threads):
    weight = np.ones(3_000_000)
    weight[[1_000_001, 2_900_000]] = -1.0
    column = _core.column_array(weight, name="w")
    found = error_of(lambda: _core.total(len(weight), [], weight=column, n_threads=n_threads))
    assert found == (errors.ValueRangeError, "weight", "w", 1_000_001)


@pytest.mark.parametrize(
    "key",
    [
        _core.column_array(np.array([1, 2, 3]), np.array([False, True, True]), "k"),
        _core.column_array(np.array([1.0, np.nan, np.nan]), None, "k"),
        _core.column_arrow(pa.array([1, None, None]), "k"),
        _core.column_arrow(pa.array(["a", None, None]), "k"),
        _core.column_array(np.array([0, -1, -1]), None, "k", -1),
    ],
    ids=["mask", "NaN", "bitmap", "text", "code"],
)
def test_a_missing_key_is_an_error_with_its_first_row(key):
    first = _core.column_array(np.arange(3), name="first")
    found = error_of(lambda: _core.total(3, [first, key]))
    assert found == (errors.MissingValueError, "key", "k", 1)


@pytest.mark.parametrize(("row", "named"), [(2, "second"), (3, "second"), (1, "w")])
def test_a_missing_code_of_any_key_is_named_before_later_faults(row, named):
    weight = np.ones(5)
    weight[row] = -1.0
    keys = [
        _core.column_array(np.array([0, 1, 1, 0, -1]), None, "first", -1),
        _core.column_array(np.array([0, 1, -1, -1, 0]), None, "second", -1),
    ]
    found = error_of(lambda: _core.total(5, keys, weight=_core.column_array(weight, name="w")))
    assert (found[2], found[3]) == (named, min(row, 2))
    assert error_of(lambda: _core.total(5, keys)) == (errors.MissingValueError, "key", "second", 2)


def test_columns_of_other_lengths_are_refused():
    short = _core.column_array(np.arange(4), name="short")
    for call in (
        lambda: _core.total(5, [short]),
        lambda: _core.total(5, [FIVE], weight=short),
        lambda: _core.total(5, [FIVE], flags=[short]),
        lambda: _core.total(5, [FIVE], pairs=[(FIVE, short)]),
        lambda: _core.total(3, [short]),
    ):
        assert error_of(call)[:3:2] == (errors.LengthError, "short")
    assert error_of(lambda: _core.total(-1, []))[0] is errors.LengthError


def test_text_is_no_number():
    text = _core.column_arrow(pa.array(["1"] * 5), "t")
    for call in (
        lambda: _core.total(5, [], weight=text),
        lambda: _core.total(5, [], where=text),
        lambda: _core.total(5, [], flags=[text]),
        lambda: _core.total(5, [], values=[text]),
    ):
        assert error_of(call)[0] is errors.DTypeError


@pytest.mark.parametrize(
    "values",
    [
        np.arange(3).astype(">i4"),
        np.arange(3.0).astype(">f8"),
        np.zeros((3, 1)),
        np.array(1.0),
        np.zeros(3, np.float16),
        np.zeros(3, np.longdouble),
        np.zeros(3, complex),
        np.array(["a"]),
        np.array(["a"], dtype=object),
        np.zeros(3, "M8[D]"),
        [1, 2, 3],
        None,
    ],
    ids=lambda v: f"{getattr(v, 'dtype', type(v))}",
)
def test_arrays_that_are_not_read_are_refused_by_type(values):
    found = error_of(lambda: _core.column_array(values, name="x"))
    assert found == (errors.DTypeError, "values", "x", None)


def test_a_mask_is_one_byte_a_row():
    values = np.arange(3)
    for mask in (np.zeros(3), np.zeros(3, np.int32), [False] * 3):
        assert error_of(lambda m=mask: _core.column_array(values, m))[0] is errors.DTypeError
    with pytest.raises(errors.LengthError):
        _core.column_array(values, np.zeros(4, bool))


@pytest.mark.parametrize(
    "data",
    [
        pa.array(["a"]).dictionary_encode(),
        pa.table({"a": [1], "b": [2]}),
        pa.table({}),
        pa.array([[1]]),
        pa.array([b"x"]),
        pa.array(np.zeros(1, np.float16)),
        pa.array([{"a": {"b": 1}}]),
        pl.Series([[1]]),
        pd.DataFrame({"a": pd.Categorical(["x"])}),
        {"a": 1},
        None,
    ],
    ids=lambda v: str(getattr(v, "type", getattr(v, "dtype", type(v).__name__)))[:30],
)
def test_arrow_data_that_are_not_read_are_refused_by_type(data):
    found = error_of(lambda: _core.column_arrow(data, "x"))
    assert found == (errors.DTypeError, "column", "x", None)


def test_an_error_of_the_producer_comes_through():
    class Broken:
        def __arrow_c_stream__(self, requested_schema=None):
            raise RuntimeError("no stream today")

    with pytest.raises(RuntimeError, match="no stream today"):
        _core.column_arrow(Broken())

    class Odd:
        def __arrow_c_stream__(self, requested_schema=None):
            return "not a capsule"

    with pytest.raises((ValueError, TypeError)):
        _core.column_arrow(Odd())


@pytest.mark.parametrize("odd", [1, 1.5, True, b"a", ["a"], pd.Timestamp(0)], ids=repr)
def test_objects_that_are_not_text_are_refused_with_their_row(odd):
    values = np.empty(4, dtype=object)
    values[:] = ["a", None, "b", "c"]
    values[2] = odd
    found = error_of(lambda: _core.encode_objects(values))
    assert found == (errors.DTypeError, "values", None, 2)


def test_columns_are_made_by_functions_only():
    with pytest.raises(TypeError):
        _core.Column()
    with pytest.raises(AttributeError):
        FIVE.name = "six"
    assert error_of(lambda: _core.total(5, [np.arange(5)]))[0] is errors.DTypeError
    assert error_of(lambda: _core.total(5, [], pairs=[FIVE]))[0] is errors.DTypeError


# --- interrupt ------------------------------------------------------------------------------------

ARANGE = "np.arange({}, dtype=np.uint64)"

PREPARATION = """
import numpy as np
from povertycore import _core

n = 100_000_000
column = _core.column_array(np.broadcast_to(np.float64(1.5), n))
objects = np.broadcast_to(np.array("text", dtype=object), 4 * n)


def hashed(numbers):  # ids of which the panel's hash is these numbers, so that all meet in a slot
    for _ in range(2):
        numbers = numbers * np.uint64(pow(0xD6E8FEB86659FD93, -1, 2**64))
        numbers ^= numbers >> np.uint64(32)
    return numbers.view(np.int64)


ids = {ids}
side = len(ids), [_core.column_array(ids)], (), None, None
"""

AFTERWARDS = """
assert _core.total(10, [], values=[_core.column_array(np.ones(10))])["n"].tolist() == [10]
"""


@pytest.mark.parametrize(
    ("call", "ids"),
    [
        ("_core.total(n, [column], values=[column] * 24, n_threads=1)", "np.zeros(0)"),
        ("_core.total(n, [column], values=[column] * 24, n_threads=2)", "np.zeros(0)"),
        ("_core.encode_objects(objects)", "np.zeros(0)"),
        ("_core.panel_match(side, side, 1)", f"{ARANGE.format(12_000_000)} * np.uint64(2**61 - 1)"),
        ("_core.panel_match(side, side, 1)", f"hashed({ARANGE.format(60_000)})"),
    ],
    ids=["one thread", "two threads", "objects", "households", "households of one hash"],
)
def test_ctrl_c_ends_a_long_call_within_a_quarter_of_a_second(call, ids):
    assert seconds_to_answer(PREPARATION.format(ids=ids), call, AFTERWARDS) < 0.25


# --------------------------------------------------------------------------- memory that is kept


def test_a_large_result_stays_as_it_is_while_anything_looks_at_it():
    """Blocks of 2 MiB and more go from call to call: never while an array or a view has them."""
    n = 3_000_000  # masks of 6 MB
    rng = np.random.default_rng(5)

    def masks(columns):
        packed, _ = _core.pack(n, [_core.column_array(column) for column in columns])
        return packed

    ones = [rng.integers(0, 2, n, dtype=np.int8) for _ in range(9)]
    first = masks(ones)
    expected = sum(column.astype(np.uint16) << j for j, column in enumerate(ones))
    view = first[10:-10:3]
    address = first.__array_interface__["data"][0]
    del first
    gc.collect()
    others = [masks([np.ones(n, np.int8)] * 9) for _ in range(4)]
    assert np.array_equal(view, expected[10:-10:3])
    assert all((other == 2**9 - 1).all() for other in others)
    addresses = {other.__array_interface__["data"][0] for other in others}
    assert len(addresses) == 4
    assert address not in addresses
    del view, others
    gc.collect()
    again = masks(ones)
    assert again.flags.writeable
    assert again.__array_interface__["data"][0] in addresses | {address}
    assert np.array_equal(again, expected)
