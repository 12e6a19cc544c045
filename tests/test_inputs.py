"""Any frame in, typed columns without copies, labels back.

Source of truth: the labels put into each frame, and tests/oracles/cells.py for what is counted.
"""

import datetime
import decimal
import subprocess
import sys
import textwrap
import unicodedata
import warnings

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pytest

from oracles.cells import cells
from povertycore import _core, errors
from povertycore.inputs import Frame

pa = pytest.importorskip("pyarrow")
pl = pytest.importorskip("polars")

DISTRICT = ["Bình Gia", "Chi Lăng", "Bình Gia", "Đình Lập", "Chi Lăng", "Bình Gia", "Cao Lộc"]
CODE = ["01", "10", "01", "02", "10", "01", "1"]  # admin codes: leading zeros, "01" is not "1"
YEAR = [2021, 2021, 2022, 2022, 2021, 2022, 2022]
POOR = [1, 0, 1, 1, 0, 0, 1]
WEIGHT = [1.0, 2.5, 0.0, 4.0, 1.5, 3.0, 2.0]
PARTLY = [True, None, False, True, None, True, True]

DATA = {"district": DISTRICT, "code": CODE, "year": YEAR, "poor": POOR, "weight": WEIGHT}


def pandas_frame(**changes):
    return pd.DataFrame(DATA | {"partly": pd.array(PARTLY, dtype="boolean")} | changes)


def arrow_table():
    table = pa.table(DATA | {"partly": PARTLY})
    return pa.concat_tables([table.slice(0, 3), table.slice(3, 0), table.slice(3)])


def with_categories(frame, dtype):
    return frame.assign(district=frame["district"].astype(dtype))


ORDERED = pd.CategoricalDtype(["Cao Lộc", "Đình Lập", "Bình Gia", "Chi Lăng", "Hữu Lũng"], True)

FRAMES = {
    "pandas": pandas_frame,
    "pandas, objects": lambda: pandas_frame().astype({"district": object, "code": object}),
    "pandas, python text": lambda: pandas_frame().astype(
        {"district": pd.StringDtype("python"), "code": pd.StringDtype("python")}
    ),
    "pandas, nullable": lambda: pandas_frame().convert_dtypes(),
    "pandas, Arrow-backed": lambda: pandas_frame().convert_dtypes(dtype_backend="pyarrow"),
    "pandas, categorical": lambda: with_categories(pandas_frame(), "category"),
    "pandas, ordered": lambda: with_categories(pandas_frame(), ORDERED),
    "pandas, Arrow dictionary": lambda: arrow_table().to_pandas(types_mapper=pd.ArrowDtype),
    "pandas, odd index": lambda: pandas_frame().set_index(pd.Index([5, 5, 1, 0, 9, 9, 2])),
    "Polars": lambda: pl.DataFrame(DATA | {"partly": PARTLY}),
    "Polars, chunks": lambda: pl.concat(
        [pl.DataFrame(DATA | {"partly": PARTLY})[:2], pl.DataFrame(DATA | {"partly": PARTLY})[2:]],
        rechunk=False,
    ),
    "Polars, categorical": lambda: pl.DataFrame(DATA | {"partly": PARTLY}).with_columns(
        pl.col("district").cast(pl.Categorical)
    ),
    "Polars, Enum": lambda: pl.DataFrame(DATA | {"partly": PARTLY}).with_columns(
        pl.col("district").cast(pl.Enum(list(ORDERED.categories)))
    ),
    "Polars, lazy": lambda: pl.DataFrame(DATA | {"partly": PARTLY}).lazy(),
    "PyArrow": arrow_table,
    "PyArrow, dictionaries by chunk": lambda: arrow_table().set_column(
        0,
        "district",
        pa.chunked_array(
            [pa.array(DISTRICT[:3]).dictionary_encode(), pa.array(DISTRICT[3:]).dictionary_encode()]
        ),
    ),
    "PyArrow batch": lambda: arrow_table().combine_chunks().to_batches()[0],
    "PyArrow views": lambda: arrow_table().set_column(
        0, "district", pa.chunked_array([pa.array(DISTRICT, pa.string_view())])
    ),
    "narwhals": lambda: nw.from_native(pandas_frame()),
    "mapping of arrays": lambda: {
        name: np.array(values) for name, values in (DATA | {"partly": PARTLY}).items()
    },
    "mapping of lists": lambda: DATA | {"partly": PARTLY},
    "mapping of many kinds": lambda: {
        "district": pl.Series(DISTRICT),
        "code": pa.array(CODE),
        "year": pd.Series(YEAR, dtype="Int16"),
        "poor": np.ma.MaskedArray(POOR, [False] * 7),
        "weight": np.array(WEIGHT, ">f8"),
        "partly": pd.array(PARTLY),
    },
}


def totals(data, by, poor="poor", weight="weight"):
    """Count, through the frame's columns: {labels: (n, poor households used, weight of poor)}."""
    frame = Frame.of(data)
    keys = [frame.key(name) for name in by]
    raw = _core.total(
        frame.n,
        [key.column for key in keys],
        weight=frame.measured(weight).column,
        flags=[frame.measured(poor).column],
    )
    labels = [
        key.labels(values, missing)
        for key, values, missing in zip(keys, raw["key_values"], raw["key_missing"], strict=True)
    ]
    assert all(len(column) == raw["n_groups"] for column in labels)
    numbers = zip(raw["n"], raw["score_n"][0], raw["sums"][0], strict=True)
    return dict(zip(zip(*map(list, labels), strict=True), numbers, strict=True))


def expected(columns, flag):
    """Count the same rows literally."""
    found, _ = cells(7, columns, weight=WEIGHT, flags=[flag])
    return {k: (c["n"], c["score_n"][0], c["sums"][0]) for k, c in found.items()}


# --- worked example -------------------------------------------------------------------------------


def test_rows_of_a_frame_are_counted_under_their_own_labels():
    # Bình Gia: rows 0, 2, 5 with weights 1, 0, 3, of them poor 0 and 2: weight 1.
    found = totals(pandas_frame(), ["district"])
    assert found[("Bình Gia",)] == (3, 3, 1.0)
    assert set(found) == {("Bình Gia",), ("Chi Lăng",), ("Đình Lập",), ("Cao Lộc",)}


# --- oracle ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FRAMES)
def test_every_kind_of_frame_gives_the_same_totals(kind):
    data = FRAMES[kind]()
    assert totals(data, ["district", "year"]) == expected([DISTRICT, YEAR], POOR)
    assert totals(data, ["code"], poor="partly") == expected([CODE], PARTLY)


@pytest.mark.parametrize("kind", FRAMES)
def test_every_kind_of_frame_gives_plain_arrays(kind):
    frame = Frame.of(FRAMES[kind]())
    assert frame.n == 7
    assert set(frame.names) == {*DATA, "partly"}
    assert frame.array("district").tolist() == DISTRICT
    assert frame.array("district").dtype == object
    assert frame.array("code").tolist() == CODE
    assert frame.array("year").dtype.kind in "iu"
    assert frame.array("year").tolist() == YEAR
    assert frame.array("weight").tolist() == WEIGHT
    np.testing.assert_array_equal(frame.array("partly"), [1.0, np.nan, 0.0, 1.0, np.nan, 1.0, 1.0])


@pytest.mark.parametrize("kind", FRAMES)
def test_every_kind_of_frame_tells_text_from_numbers(kind):
    frame = Frame.of(FRAMES[kind]())
    assert frame.measured("district").is_categorical
    assert frame.measured("code").is_categorical
    assert not frame.measured("weight").is_categorical
    assert [frame.measured(x).is_flag for x in ("poor", "partly", "weight", "code")] == [
        True,
        True,
        False,
        False,
    ]


NUMBER_TYPES = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


@pytest.mark.parametrize("dtype", [*NUMBER_TYPES, "float32", "float64", "bool"])
def test_keys_of_numbers_come_back_in_their_own_type(dtype):
    values = np.array([0, 1, 1, 0, 1, 0, 0], dtype)
    frame = Frame.of({"weight": WEIGHT, "poor": POOR, "key": values})
    key = frame.key("key")
    raw = _core.total(7, [key.column])
    labels = key.labels(raw["key_values"][0], raw["key_missing"][0])
    assert labels.dtype == np.dtype(dtype)
    assert sorted(labels.tolist()) == [0, 1]


# --- properties: no copies, no changes ------------------------------------------------------------


def address(array):
    return array.__array_interface__["data"][0]


def test_pandas_columns_are_read_where_they_lie():
    block = np.arange(24.0).reshape(6, 4)
    frame = pd.DataFrame(block, columns=list("abcd"), copy=False)
    column = Frame.of(frame).measured("c").column
    assert column.addresses == [address(frame["c"].to_numpy())]
    assert address(block) <= column.addresses[0] < address(block) + block.nbytes
    nullable = pd.DataFrame({"a": pd.array([1, None, 3], dtype="Int8")})
    assert Frame.of(nullable).measured("a").column.addresses == [address(nullable["a"].array._data)]
    codes = pd.DataFrame({"a": pd.Categorical(["x", "y", None])})
    assert Frame.of(codes).key("a").column.addresses == [address(codes["a"].array.codes)]
    dates = pd.DataFrame({"a": pd.to_datetime(["2021-01-01", "2022-01-01"])})
    assert Frame.of(dates).key("a").column.addresses == [address(dates["a"].to_numpy())]


def test_arrow_backed_pandas_columns_are_read_where_they_lie():
    frame = pd.DataFrame({"a": pd.array([1, 2, None], dtype="int32[pyarrow]")})
    chunk = frame["a"].array.__arrow_array__().chunk(0)
    assert Frame.of(frame).measured("a").column.addresses == [chunk.buffers()[1].address]
    text = pd.DataFrame({"a": pd.array(["x", "y"], dtype=pd.StringDtype("pyarrow"))})
    chunk = text["a"].array.__arrow_array__().chunk(0)
    assert Frame.of(text).key("a").column.addresses == [chunk.buffers()[1].address]


def test_polars_and_pyarrow_columns_are_read_where_they_lie():
    series = pl.Series("a", [1.0, 2.0, 3.0])
    frame = pl.concat([series.to_frame(), series.to_frame()], rechunk=False)
    starts = [address(part.to_numpy(allow_copy=False)) for part in frame["a"].get_chunks()]
    assert Frame.of(frame).measured("a").column.addresses == starts
    table = arrow_table()
    starts = [c.buffers()[1].address + 8 * c.offset for c in table["weight"].chunks]
    assert Frame.of(table).measured("weight").column.addresses == starts


def test_numpy_arrays_are_read_where_they_lie():
    strided = np.arange(20, dtype=np.int16)[::-2]
    assert Frame.of({"a": strided}).measured("a").column.addresses == [address(strided)]
    constant = np.broadcast_to(np.float64(1), 10**12)  # would not fit if it were copied
    assert Frame.of({"a": constant}).measured("a").column.n == 10**12


def test_frames_are_not_changed():
    for make in (pandas_frame, FRAMES["pandas, ordered"], FRAMES["pandas, nullable"]):
        frame, before = make(), make()
        totals(frame, ["district", "code", "year"])
        Frame.of(frame).array("partly")
        pd.testing.assert_frame_equal(frame, before)


def test_a_lazy_frame_is_collected_once_with_the_columns_asked_for():
    collected = []

    def spy(frame):
        collected.append(frame.columns)
        return frame

    lazy = pl.DataFrame(DATA).lazy().map_batches(spy, validate_output_schema=False)
    schema = pl.DataFrame(DATA).lazy()
    frame = Frame.of(schema, columns=["poor", "district", "nothing", np.arange(7), None])
    assert frame.names == ["district", "poor"]
    assert Frame.of(schema, columns=[]).n == 7
    frame = Frame.of(lazy)
    frame.key("district"), frame.measured("poor"), frame.array("year")
    assert len(collected) == 1


def test_the_same_column_is_read_once():
    frame = Frame.of({"a": np.array(["x", "y"] * 3, dtype=object)})
    assert frame.key("a") is frame.measured("a")
    assert Frame.of(frame) is frame


# --- labels ---------------------------------------------------------------------------------------


def labels_of(data, name, keep_missing=True):
    """Labels in the order of the result, and the rows under each."""
    frame = Frame.of(data)
    key = frame.key(name)
    raw = _core.total(frame.n, [key.column], keep_missing=keep_missing)
    labels = key.labels(raw["key_values"][0], raw["key_missing"][0])
    order = key.order(labels)
    return pd.Series(labels).array[order], raw["n"][order]


def test_codes_keep_their_leading_zeros():
    for kind in FRAMES:
        labels, n = labels_of(FRAMES[kind](), "code")
        assert list(labels) == ["01", "02", "1", "10"], kind
        assert n.tolist() == [3, 1, 1, 2], kind


def test_text_comes_back_as_text_of_pandas_and_sorts_by_code_point():
    for kind in (
        "pandas",
        "pandas, objects",
        "pandas, nullable",
        "Polars",
        "PyArrow",
        "Polars, categorical",
        "PyArrow, dictionaries by chunk",
        "mapping of arrays",
    ):
        labels, _ = labels_of(FRAMES[kind](), "district")
        assert list(labels) == sorted(set(DISTRICT)), kind
        assert pd.Series(labels).dtype == pd.Series(text_in_pandas()).dtype, kind


def text_in_pandas():
    return pd.array(["a"], dtype="str") if int(pd.__version__[0]) >= 3 else np.array(["a"], object)


def test_categories_keep_their_order_and_those_nobody_has():
    for kind in ("pandas, ordered", "Polars, Enum"):
        labels, n = labels_of(FRAMES[kind](), "district")
        assert list(labels) == ["Cao Lộc", "Đình Lập", "Bình Gia", "Chi Lăng"], kind
        assert n.tolist() == [1, 1, 3, 2], kind
        assert list(labels.dtype.categories) == list(ORDERED.categories), kind
        assert labels.dtype.ordered, kind
        categories = Frame.of(FRAMES[kind]()).measured("district").categories
        assert list(categories) == list(ORDERED.categories), kind


def test_an_ordered_arrow_dictionary_is_a_list_of_categories():
    codes = pa.array([1, 0, None, 1], pa.int8())
    column = pa.DictionaryArray.from_arrays(codes, pa.array(["b", "a", "c"]), ordered=True)
    labels, n = labels_of({"x": column}, "x")
    assert labels.dtype == pd.CategoricalDtype(pd.Index(["b", "a", "c"]), ordered=True)
    assert list(labels[:2]) == ["b", "a"]
    assert n.tolist() == [1, 2, 1]


def test_an_arrow_dictionary_with_a_missing_entry_has_missing_rows():
    codes = pa.array([1, 0, None, 1], pa.int8())
    column = pa.DictionaryArray.from_arrays(codes, pa.array(["b", None]))
    labels, n = labels_of({"x": column}, "x")
    assert labels[0] == "b"
    assert pd.isna(labels[1])
    assert n.tolist() == [1, 3]


def test_an_arrow_dictionary_of_numbers_has_labels_that_are_numbers():
    labels, n = labels_of({"x": pa.array([30, 10, 30]).dictionary_encode()}, "x")
    assert labels.tolist() == [10, 30]
    labels, n = labels_of({"x": pa.array([30, None, 10, 30]).dictionary_encode()}, "x")
    assert labels[:2].tolist() == [10, 30]
    assert pd.isna(labels[2])
    assert n.tolist() == [1, 2, 1]


def test_numpy_text_of_either_kind_is_text():
    for dtype in ("U5", np.dtypes.StringDType(), np.dtypes.StringDType(na_object=None)):
        labels, n = labels_of({"x": np.array(["02", "01", "02"], dtype)}, "x")
        assert list(labels) == ["01", "02"]
        assert n.tolist() == [1, 2]
    gaps = np.array(["b", None, "a"], np.dtypes.StringDType(na_object=None))
    labels, n = labels_of({"x": gaps}, "x")
    assert list(labels[:2]) == ["a", "b"]
    assert pd.isna(labels[2])


def test_categories_that_are_numbers_stay_numbers():
    frame = pd.DataFrame({"x": pd.Categorical([30, 10, 30], categories=[30, 20, 10])})
    labels, n = labels_of(frame, "x")
    assert list(labels) == [30, 10]
    assert labels.dtype == frame["x"].dtype
    assert n.tolist() == [2, 1]


def test_polars_categories_of_other_columns_do_not_show():
    pl.Series(["one", "two", "three"], dtype=pl.Categorical)  # fills the pool that codes index
    frame = pl.DataFrame({"x": pl.Series(["q", "a", None, "q"], dtype=pl.Categorical)})
    labels, n = labels_of(frame, "x")
    assert list(labels[:2]) == ["a", "q"]
    assert n.tolist() == [1, 2, 1]


@pytest.mark.parametrize("kind", ["text", "objects", "categories", "Polars", "Enum", "dictionary"])
def test_labels_equal_in_nfc_come_back_equal_with_a_warning(kind):
    composed = "Tràng Định"
    decomposed = unicodedata.normalize("NFD", composed)
    assert composed != decomposed
    values = [composed, decomposed, "Văn Lãng", decomposed]
    data = {
        "text": pa.array(values),
        "objects": np.array(values, dtype=object),
        "categories": pd.Categorical(values, [decomposed, "Văn Lãng", composed]),
        "Polars": pl.Series(values, dtype=pl.Categorical),
        "Enum": pl.Series(values, dtype=pl.Enum([decomposed, "Văn Lãng", composed])),
        "dictionary": pa.array(values).dictionary_encode(),
    }[kind]
    with pytest.warns(errors.LabelWarning, match="'place'"):
        labels, n = labels_of({"place": data}, "place")
    joined = pd.Series(n).groupby(pd.Series(labels).astype(object)).sum()
    assert joined.to_dict() == {composed: 3, "Văn Lãng": 1}
    if kind in ("categories", "Enum"):
        assert list(labels.dtype.categories) == [composed, "Văn Lãng"]


def test_labels_in_nfc_give_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        labels_of(pandas_frame(), "district")


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (pd.to_datetime(["2022-05-01", "2021-05-01", None]), "datetime64"),
        (pd.to_datetime(["2022-05-01", "2021-05-01", None]).tz_localize("Asia/Ho_Chi_Minh"), "tz"),
        (pd.PeriodIndex(["2022", "2021", None], freq="Y"), "period"),
        (pd.to_timedelta(["2 days", "1 days", None]), "timedelta"),
        (np.array(["2022-05", "2021-05", "NaT"], "M8[M]"), "datetime64"),
        (np.array(["2022-05-01", "2021-05-01", "NaT"], ">M8[ns]"), "datetime64"),
        (pa.array([datetime.date(2022, 5, 1), datetime.date(2021, 5, 1), None]), "datetime64"),
        (pa.array([2, 1, None], pa.timestamp("us", "UTC")), "tz"),
        (pl.Series([datetime.date(2022, 5, 1), datetime.date(2021, 5, 1), None]), "datetime64"),
        (pl.Series([2, 1, None]).cast(pl.Datetime("ms", "Asia/Ho_Chi_Minh")), "tz"),
        (pl.Series([2, 1, None]).cast(pl.Duration("us")), "timedelta"),
        (pd.array([2, 1, None], dtype="Int64").astype("timestamp[us][pyarrow]"), "timestamp"),
        (np.array([datetime.date(2022, 5, 1), datetime.date(2021, 5, 1), None]), "datetime64"),
    ],
    ids=lambda v: (
        v
        if isinstance(v, str)
        else f"{type(v).__name__} {v.dtype}"
        if hasattr(v, "dtype")
        else f"{type(v).__name__} {v.type}"
    ),
)
def test_moments_sort_by_time_and_come_back_as_moments(values, dtype):
    labels, n = labels_of({"when": values}, "when")
    assert n.tolist() == [1, 1, 1]
    assert labels[0] < labels[1]
    assert pd.isna(labels[2])
    assert dtype in ("tz",) or str(labels.dtype).startswith(dtype)
    if isinstance(values, pd.Index):
        assert list(labels[:2]) == [values[1], values[0]]
        assert labels.dtype == values.dtype


def test_missing_keys_come_last_and_are_missing_in_their_own_type():
    for values in (
        pd.array([2, 1, None], dtype="Int16"),
        pd.array([True, False, None], dtype="boolean"),
        pd.array([2.5, 1.5, None], dtype="Float64"),
        pd.array([2, 1, None], dtype="int64[pyarrow]"),
        np.array([2.5, 1.5, np.nan]),
        pd.Categorical(["b", "a", None]),
        pd.array(["b", "a", None], dtype="string"),
        pl.Series([2, 1, None]),
        pa.array([True, False, None]),
    ):
        labels, n = labels_of({"x": values}, "x")
        assert n.tolist() == [1, 1, 1]
        assert pd.isna(labels).tolist() == [False, False, True]
        assert labels[0] < labels[1] if not hasattr(labels, "codes") else labels[0] == "a"


def test_intervals_group_like_categories():
    values = pd.arrays.IntervalArray.from_breaks([0, 1, 2]).take([1, 0, 1])
    labels, n = labels_of({"x": values}, "x")
    assert list(labels) == [pd.Interval(0, 1), pd.Interval(1, 2)]
    assert n.tolist() == [1, 2]


# --- edges ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FRAMES)
def test_a_frame_without_rows_has_no_groups(kind):
    data = FRAMES[kind]()
    if isinstance(data, dict):
        data = {name: values[:0] for name, values in data.items()}
    elif isinstance(data, pl.LazyFrame) or hasattr(data, "to_native"):
        data = data.head(0)
    else:
        data = data[:0]
    if kind == "mapping of lists":
        data["partly"] = np.array([], bool)
    frame = Frame.of(data)
    assert frame.n == 0
    assert totals(frame, ["district", "year"], poor="partly") == {}
    assert frame.array("district").tolist() == []


@pytest.mark.parametrize(
    "values",
    [
        np.array([None] * 3, dtype=object),
        np.full(3, np.nan),
        pd.array([None] * 3, dtype="Int64"),
        pd.array([None] * 3, dtype="str" if int(pd.__version__[0]) >= 3 else "string"),
        pd.Categorical([None] * 3),
        pl.Series([None] * 3),
        pl.Series([None] * 3, dtype=pl.String),
        pl.Series([None] * 3, dtype=pl.Categorical),
        pa.nulls(3),
        pa.array([None] * 3, pa.string()),
        pd.array([None] * 3, dtype=pd.ArrowDtype(pa.null())),
        pa.array([None] * 3, pa.string()).dictionary_encode(),
    ],
    ids=lambda v: f"{type(v).__name__} {getattr(v, 'dtype', getattr(v, 'type', ''))}",
)
def test_a_column_of_nothing_but_missing_values_is_one_missing_label(values):
    labels, n = labels_of({"x": values}, "x")
    assert pd.isna(labels).tolist() == [True]
    assert n.tolist() == [3]
    frame = Frame.of({"x": values})
    assert pd.isna(frame.array("x")).all()
    with pytest.raises(errors.MissingValueError) as caught:
        _core.total(3, [frame.key("x").column])
    assert (caught.value.column, caught.value.row) == ("x", 0)


HALVES = [decimal.Decimal("1.5"), decimal.Decimal("2.5")]


@pytest.mark.parametrize(
    "values",
    [
        np.array([1.5, 2.5], np.float16),
        np.array([1.5, 2.5], np.longdouble),
        np.array([1.5, 2.5], ">f4"),
        np.array(HALVES, dtype=object),
        np.array([1.5, 2.5], dtype=object),
        pa.array(HALVES),
        pa.array(np.array([1.5, 2.5], np.float16)),
        pl.Series(HALVES),
        pd.array(HALVES, dtype=pd.ArrowDtype(pa.decimal128(5, 1))),
        pd.arrays.SparseArray([1.5, 2.5]),
        pd.Index([1.5, 2.5]),
        memoryview(np.array([1.5, 2.5])),
    ],
    ids=lambda v: f"{type(v).__name__} {getattr(v, 'dtype', getattr(v, 'type', ''))}",
)
def test_numbers_without_a_counterpart_in_c_are_converted_one_column_at_a_time(values):
    if isinstance(values, memoryview):
        values = np.asarray(values)
    frame = Frame.of({"x": values})
    raw = _core.total(2, [], values=[frame.measured("x").column])
    assert raw["sums"].tolist() == [[4.0]]
    assert frame.array("x").tolist() == [1.5, 2.5]


def test_objects_of_bools_and_numbers_are_read_as_pandas_understands_them():
    frame = Frame.of({"flag": np.array([True, None, False], dtype=object), "n": [1, 2, None]})
    assert frame.measured("flag").is_flag
    raw = _core.total(3, [], flags=[frame.measured("flag").column])
    assert raw["score_n"].tolist() == [[2]]
    assert frame.array("n").tolist()[:2] == [1.0, 2.0]


def test_masked_numpy_arrays_keep_their_gaps():
    frame = Frame.of({"x": np.ma.MaskedArray([1, 2, 3], [False, True, False])})
    raw = _core.total(3, [], values=[frame.measured("x").column])
    assert raw["score_n"].tolist() == [[2]]
    assert raw["sums"].tolist() == [[4.0]]
    np.testing.assert_array_equal(frame.array("x"), [1.0, np.nan, 3.0])


def test_huge_unsigned_codes_stay_themselves():
    values = np.array([2**64 - 1, 2**63, 2**64 - 1], np.uint64)
    labels, n = labels_of({"x": values}, "x")
    assert labels.tolist() == [2**63, 2**64 - 1]
    assert n.tolist() == [1, 2]


def test_a_column_may_be_given_as_an_array_by_position():
    frame = Frame.of(pandas_frame().set_index(pd.Index([5, 5, 1, 0, 9, 9, 2])))
    given = pd.Series(POOR, name="my flag", index=range(100, 107))
    measured = frame.measured(given)
    assert measured.name == "my flag"
    assert frame.measured(np.array(POOR)).name == ""
    assert frame.array(given).tolist() == POOR
    assert frame.key(pl.Series("d", DISTRICT)).is_categorical


def test_columns_may_be_named_by_other_things_than_text():
    frame = Frame.of(pd.DataFrame({2021: [1, 0], 2022: [1, 1]}))
    assert frame.measured(2021).name == "2021"
    assert frame.array(2022).tolist() == [1, 1]


@pytest.mark.parametrize("kind", ["pandas", "Polars", "PyArrow", "mapping of arrays"])
def test_a_new_column_is_of_the_frames_own_kind(kind):
    frame = Frame.of(FRAMES[kind]())
    status = pd.Categorical(["poor", "other", None] * 2 + ["poor"], ["poor", "near", "other"], True)
    made = frame.like(status, "status")
    back = Frame.of({"status": made})
    assert list(back.measured("status").categories) == ["poor", "near", "other"]
    assert back.array("status").tolist() == ["poor", "other", None] * 2 + ["poor"]
    numbers = frame.like(np.arange(7.0), "x")
    kinds = {"pandas": pd.Series, "Polars": pl.Series, "PyArrow": pa.Array}
    assert isinstance(numbers, kinds.get(kind, np.ndarray))
    assert Frame.of({"x": numbers}).array("x").tolist() == list(range(7))
    text = frame.like(np.array(["a", None] * 3 + ["b"], dtype=object), "t")
    assert Frame.of({"t": text}).array("t").tolist() == ["a", None] * 3 + ["b"]


def test_a_new_pandas_column_has_the_frames_index():
    data = FRAMES["pandas, odd index"]()
    made = Frame.of(data).like(np.arange(7), "x")
    assert made.index.equals(data.index)
    assert made.name == "x"


# --- without extras -------------------------------------------------------------------------------

WITHOUT = """
import sys
for absent in {absent!r}:
    sys.modules[absent] = None
import numpy as np, pandas as pd
from povertycore import _core
from povertycore.inputs import Frame

frame = Frame.of(pd.DataFrame({{
    "text": ["b", "a", None], "object": np.array(["x", None, "y"], dtype=object),
    "category": pd.Categorical(["q", "p", None]), "nullable": pd.array([1, None, 3], dtype="Int8"),
    "float": [1.5, 2.5, np.nan], "date": pd.to_datetime(["2021-01-01", None, "2022-01-01"]),
}}))
for name in frame.names:
    key = frame.key(name)
    raw = _core.total(3, [key.column], keep_missing=True)
    labels = key.labels(raw["key_values"][0], raw["key_missing"][0])
    assert len(labels) == 3, name
    assert pd.isna(pd.Series(labels)).sum() == 1, name
    key.order(labels)
    assert pd.isna(frame.array(name)).sum() == 1, name
    assert len(frame.like(frame.array(name), name)) == 3
loaded = [name for name in ("pyarrow", "polars", "matplotlib") if sys.modules.get(name)]
print(loaded)
"""


@pytest.mark.parametrize("absent", [["pyarrow"], ["polars"], ["pyarrow", "polars"]], ids=str)
def test_pandas_frames_are_read_without_the_extras(absent):
    program = textwrap.dedent(WITHOUT).format(absent=absent)
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    if "pyarrow" in absent:
        assert child.stdout == "[]\n"


# --- errors ---------------------------------------------------------------------------------------


def test_an_unknown_column_lists_close_names():
    for kind in FRAMES:
        with pytest.raises(errors.ColumnNotFoundError, match="did you mean 'district'"):
            Frame.of(FRAMES[kind]()).key("distrikt")


def test_a_name_that_stands_twice_is_an_error():
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(errors.DuplicateNameError, match="'a'"):
        Frame.of(frame).key("a")


def test_columns_of_other_lengths_are_named():
    with pytest.raises(errors.LengthError, match="'b' has 2 rows; 3 were expected") as caught:
        Frame.of({"a": [1, 2, 3], "b": [1, 2]})
    assert caught.value.column == "b"
    with pytest.raises(errors.LengthError, match="has 2 rows; 7 were expected"):
        Frame.of(pandas_frame()).measured(np.arange(2))


@pytest.mark.parametrize(
    "data", [None, 3, "file.csv", [1, 2], np.zeros((2, 2)), {"a": 1}], ids=repr
)
def test_what_is_no_frame_is_refused(data):
    with pytest.raises(errors.DTypeError):
        Frame.of(data)


@pytest.mark.parametrize(
    "values",
    [
        np.array([b"x"]),
        np.array([1j]),
        np.zeros(1, "V4"),
        np.array([["a"]]),
        np.array([["a"], [1]], dtype=object)[:, 0].reshape(2),
        pa.array([[1]]),
        pa.array([b"x"]),
        pl.Series([[1]]),
        pl.Series([b"x"]),
        pd.MultiIndex.from_tuples([(1, 2)]),
        pd.array([b"x"], dtype=pd.ArrowDtype(pa.binary())),
    ],
    ids=lambda v: f"{type(v).__name__} {getattr(v, 'dtype', getattr(v, 'type', ''))}",
)
def test_columns_that_are_not_read_are_refused_by_name(values):
    with pytest.raises(errors.DTypeError, match="'x'") as caught:
        Frame.of({"x": values}).key("x")
    assert caught.value.column == "x"


def test_a_row_that_is_no_text_is_named_and_not_shown():
    values = np.array(["Nguyễn Văn A", None, 35.5, "x"], dtype=object)
    with pytest.raises(errors.DTypeError) as caught:
        Frame.of({"name": values}).key("name")
    assert (caught.value.column, caught.value.row) == ("name", 2)
    assert "Nguy" not in str(caught.value)
    assert "35" not in str(caught.value)


def test_a_missing_category_is_an_error_with_its_row():
    for kind in ("category", object, "string"):
        frame = Frame.of(pd.DataFrame({"x": pd.Series(["a", "b", None, "a"], dtype=kind)}))
        with pytest.raises(errors.MissingValueError) as caught:
            _core.total(4, [frame.key("x").column])
        assert (caught.value.column, caught.value.row) == ("x", 2), kind
