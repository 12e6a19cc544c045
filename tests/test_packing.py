"""Rows packed into bit masks: asked again, they answer as their columns do.

Source of truth: masks made in the tests bit by bit; the answers from the columns.
"""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

import povertycore as pc
from povertycore import errors

DIMENSIONS = {"health": ["ill", "hungry"], "school": ["absent"], "home": ["water"]}
NAMES = [name for members in DIMENSIONS.values() for name in members]


@pytest.fixture
def spec():
    return pc.Spec(DIMENSIONS)


@pytest.fixture
def hh():
    return pd.DataFrame(
        {
            "place": ["B", "A", "A", "A"],
            "ill": [1, 0, 1, 0],
            "hungry": [0, 0, 1, 0],
            "absent": pd.array([0, 1, None, 1], dtype="Int8"),
            "water": [0.0, np.nan, 1.0, 0.0],
            "members": [5, 2, 3, 4],
        }
    )


# --- worked example -------------------------------------------------------------------------------


def test_bit_j_of_a_mask_is_indicator_j(hh, spec):
    packed = pc.pack(hh, spec)
    assert packed.deprived.tolist() == [0b0001, 0b0100, 0b1011, 0b0100]
    assert packed.missing.tolist() == [0, 0b1000, 0b0100, 0]
    assert packed.n_missing == {"ill": 0, "hungry": 0, "absent": 1, "water": 1}
    assert (packed.n, len(packed), packed.spec) == (4, 4, spec)
    assert repr(packed) == "<Packed: 4 indicators, 4 rows, 2 bytes a row>"


def test_what_is_complete_has_no_mask_of_missing_values(hh, spec):
    packed = pc.pack(hh.fillna(0), spec)
    assert packed.missing is None
    assert packed.n_missing == dict.fromkeys(NAMES, 0)
    assert repr(packed) == "<Packed: 4 indicators, 4 rows, 1 byte a row>"


# --- oracle ---------------------------------------------------------------------------------------

row_of = st.fixed_dictionaries(
    {name: st.sampled_from([0, 1, None]) for name in NAMES}
    | {
        "place": st.sampled_from(["A", "B", "C"]),
        "year": st.sampled_from([2021, 2022]),
        "w": st.sampled_from([0.0, 0.25, 1.0, 2.5]),
        "members": st.integers(0, 6),
        "domain": st.booleans(),
    }
)


def frame_of(rows):
    frame = pd.DataFrame(rows, columns=[*NAMES, "place", "year", "w", "members", "domain"])
    frame[NAMES] = frame[NAMES].astype("Int8")
    return frame.astype({"place": "category", "members": "int64", "w": "float64"})


@given(rows=st.lists(row_of, min_size=1, max_size=30), missing=st.sampled_from(["drop", "bounds"]))
def test_packed_rows_answer_as_the_columns_do(rows, missing):
    frame, spec = frame_of(rows), pc.Spec(DIMENSIONS)
    packed = pc.pack(frame, spec)
    without = frame.drop(columns=NAMES)  # they are not read again
    for words in (
        {"by": ["place", "year"], "where": "domain"},
        {"over": ["place", "year"], "design": pc.Design(weight="w", size="members")},
        {"design": pc.Design(size="members"), "where": "domain", "count": "households"},
    ):
        asked = {"k": ["1/3", "1/2"], "measures": "all", "missing": missing} | words
        found = pc.multidim(without, packed, **asked)
        expected = pc.multidim(frame, spec, **asked)
        pd.testing.assert_frame_equal(found.to_frame(), expected.to_frame(), check_exact=True)
        assert found.meta == expected.meta


# --- properties -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_indicators", "dtype"),
    [(1, "uint8"), (8, "uint8"), (9, "uint16"), (16, "uint16"), (17, "uint32"), (32, "uint32")]
    + [(33, "uint64"), (64, "uint64")],
)
def test_masks_are_as_narrow_as_the_indicators_fit(n_indicators, dtype):
    rng = np.random.default_rng(n_indicators)
    values = rng.integers(0, 2, (n_indicators, 70)).astype(np.int8)
    names = [f"i{j}" for j in range(n_indicators)]
    packed = pc.pack(dict(zip(names, values, strict=True)), pc.Spec({"all": names}))
    assert packed.deprived.dtype == dtype
    expected = [sum(int(bit) << j for j, bit in enumerate(row)) for row in values.T]
    assert packed.deprived.tolist() == expected


def test_kinds_of_frames_are_packed_alike(hh, spec):
    expected = pc.pack(hh, spec)
    columns = {name: hh[name].astype("Int8") for name in NAMES}
    table = pa.table({name: pa.array(column) for name, column in columns.items()})
    flags = {name: column.astype("boolean") for name, column in columns.items()}
    for data in (
        table,
        pl.from_arrow(table),
        pl.from_arrow(table).lazy(),
        pd.DataFrame(flags),
        pa.table({name: pa.array(column) for name, column in flags.items()}),
        hh.astype(dict.fromkeys(NAMES, "Float64")),
    ):
        found = pc.pack(data, spec)
        assert found.deprived.tolist() == expected.deprived.tolist()
        assert found.missing.tolist() == expected.missing.tolist()


def test_a_standard_gives_its_own_specification():
    standard = pc.standard("vn-2022")
    names = standard.spec().ids
    packed = pc.pack({name: [0, 1] for name in names}, standard)
    assert packed.deprived.tolist() == [0, 2 ** len(names) - 1]


# --- edges ----------------------------------------------------------------------------------------


def test_a_frame_without_rows_is_packed(spec):
    packed = pc.pack({name: np.zeros(0, np.int8) for name in NAMES}, spec)
    assert (packed.n, packed.missing) == (0, None)
    assert len(pc.profiles({"place": np.zeros(0, np.int8)}, packed, by="place")) == 0


def test_packed_rows_are_frozen(hh, spec):
    packed = pc.pack(hh, spec)
    with pytest.raises(AttributeError):
        packed.n = 5
    with pytest.raises(ValueError, match="read-only"):
        packed.deprived[0] = 0
    hh["ill"] = 0
    assert packed.deprived.tolist() == [1, 4, 11, 4]


# --- errors ---------------------------------------------------------------------------------------


def test_packed_rows_of_another_frame_are_refused(hh, spec):
    packed = pc.pack(hh, spec)
    with pytest.raises(errors.LengthError, match="4 packed rows and data 3") as raised:
        pc.multidim(hh.iloc[:3], packed, k=1)
    assert raised.value.argument == "spec"


@pytest.mark.parametrize("value", [2, -1, 0.5, np.inf])
def test_a_value_that_is_not_0_or_1_is_named_with_its_row(hh, spec, value):
    hh["hungry"] = [0, 1, value, value]
    with pytest.raises(errors.ValueRangeError, match="'hungry'") as raised:
        pc.pack(hh, spec)
    assert (raised.value.column, raised.value.row) == ("hungry", 2)


def test_text_is_no_indicator(hh, spec):
    with pytest.raises(errors.DTypeError, match="'ill'"):
        pc.pack(hh.assign(ill=["yes", "no", "no", "no"]), spec)
