"""From members to households.

Source of truth: households written out by hand; for random ones every way in which the members
that are not known may be, tried in oracles/spec.py.
"""

from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

import povertycore as pc
from oracles import spec as oracle
from povertycore import errors

CHILD = {"column": "age", "at_or_above": 6, "below": 15}
INDICATORS = [
    pc.Indicator("schooling", "years", below=6, level="member", collapse="all"),
    pc.Indicator("attendance", "attends", equals=0, level="member", among=CHILD),
    pc.Indicator("sick", level="member", collapse="share", more_than="1/2"),
]
SPEC = pc.Spec({"education": INDICATORS[:2], "health": [INDICATORS[2]], "home": ["dark"]})
PEOPLE = {
    "hhid": ["02", "02", "01", "02", "01", "03"],
    "age": [40, 9, 41, 12, 10, 30],
    "years": [4, 3, 6, None, None, None],
    "attends": [None, 1, None, 0, None, None],
    "sick": [1, 0, 1, None, 1, 0],
}
# 01: one has six years; its only child is not known; both are sick.
# 02: those known have under six years, one is not known; a child does not attend; of three one is
#     sick, and one is not known.
# 03: its member is not known; there is no child; the member is not sick.
EXPECTED = {
    "hhid": ["01", "02", "03"],
    "schooling": [0, None, None],
    "attendance": [None, 1, 0],
    "sick": [1, None, 0],
}


def as_lists(table):
    """Return a table of any library as lists, None where missing."""
    if isinstance(table, pl.DataFrame):
        return table.to_dict(as_series=False)
    if isinstance(table, pa.Table):
        return table.to_pydict()
    frame = pd.DataFrame({name: pd.Series(values) for name, values in table.items()})
    return {
        name: [None if pd.isna(value) else value for value in column.tolist()]
        for name, column in frame.items()
    }


def frames():
    """The members as every library keeps them."""
    yield pd.DataFrame(PEOPLE)
    yield pd.DataFrame(PEOPLE).convert_dtypes()
    yield pl.DataFrame(PEOPLE)
    yield pl.DataFrame(PEOPLE).lazy()
    yield pa.table(PEOPLE)
    yield PEOPLE


# --- worked example -------------------------------------------------------------------------------


def test_members_written_out_by_hand():
    for people in frames():
        assert as_lists(pc.collapse(people, SPEC, id="hhid")) == EXPECTED


def test_the_result_is_of_the_library_of_the_members():
    kinds = [type(pc.collapse(people, SPEC, id="hhid")) for people in frames()]
    assert kinds == [pd.DataFrame, pd.DataFrame, pl.DataFrame, pl.DataFrame, pa.Table, dict]
    found = pc.collapse(pd.DataFrame(PEOPLE), SPEC, id="hhid")
    assert str(found["schooling"].dtype) == "Int8"
    assert found["hhid"].dtype == pd.DataFrame(PEOPLE)["hhid"].dtype


def test_merged_into_households_it_is_what_multidim_reads():
    households = pd.DataFrame({"hhid": ["01", "02", "03", "04"], "dark": [1, 0, 1, 1]})
    answers = pc.collapse(pd.DataFrame(PEOPLE), SPEC, id="hhid")
    merged = households.merge(answers, on="hhid", how="left")
    assert SPEC.needed == ("schooling", "attendance", "sick", "dark")
    found = pc.profiles(merged, SPEC).multidim(k="1/3", measures="headcount", missing="deprived")
    frame = found.to_frame().dropna(subset="indicator").set_index("indicator")
    # missing counts as deprived here: two answers and household 04 of schooling, and so on
    assert frame["numerator"].to_dict() == {
        "schooling": 3.0, "attendance": 3.0, "sick": 3.0, "dark": 3.0
    }  # fmt: skip


# --- oracle ---------------------------------------------------------------------------------------

WAYS = [
    {"collapse": "any"},
    {"collapse": "all"},
    *({"collapse": "share", "more_than": share} for share in ("0", "1/3", "1/2")),
    *({"collapse": "share", "at_least": share} for share in ("1/3", "1/2", "1")),
]
NOBODY = {"not_deprived": False, "deprived": True, "missing": None}


@settings(max_examples=120)
@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.sampled_from([0, 1, None]), st.sampled_from([0, 1, None])),
        min_size=1,
        max_size=14,
    ),
    st.sampled_from(WAYS),
    st.sampled_from(["undecided", "left_out"]),
    st.sampled_from(list(NOBODY)),
    st.booleans(),
)
def test_answers_are_those_of_every_way_the_unknown_may_be(members, way, unknown, nobody, some):
    among = "about" if some else None
    indicator = pc.Indicator(
        "x", level="member", **way, unknown=unknown, nobody=nobody, among=among
    )
    names, flags, about = zip(*members, strict=True)
    people = pd.DataFrame({"hh": names}).assign(
        x=pd.array(flags, dtype="Int8"), about=pd.array(about, dtype="Int8")
    )
    found = as_lists(pc.collapse(people, pc.Spec({"d": [indicator]}), id="hh"))
    share = way.get("more_than", way.get("at_least"))
    expected = [
        oracle.household(
            [flag for hh, flag, one in members if hh == name and (one == 1 or not some)],
            way["collapse"],
            None if share is None else Fraction(share),
            "more_than" in way,
            unknown,
            NOBODY[nobody],
        )
        for name in sorted(set(names))
    ]
    assert found["hh"] == sorted(set(names))
    assert found["x"] == expected


# --- properties -----------------------------------------------------------------------------------


def test_the_order_of_members_changes_nothing():
    people = pd.DataFrame(PEOPLE)
    shuffled = people.sample(frac=1, random_state=1)
    found, other = (pc.collapse(frame, SPEC, id="hhid") for frame in (people, shuffled))
    pd.testing.assert_frame_equal(found, other)


def test_a_household_may_be_named_by_two_columns():
    people = pd.DataFrame({"cluster": [1, 1, 1, 2], "number": [7, 7, 8, 7], "x": [0, 1, 0, 1]})
    spec = pc.Spec({"d": [pc.Indicator("x", level="member")]})
    found = pc.collapse(people, spec, id=["cluster", "number"])
    assert as_lists(found) == {"cluster": [1, 1, 2], "number": [7, 8, 7], "x": [1, 0, 1]}


def test_answers_without_gaps_are_plain_integers():
    spec = pc.Spec({"d": [pc.Indicator("x", level="member")]})
    people = pd.DataFrame({"hh": [1, 1, 2], "x": [0, 1, 0]})
    assert pc.collapse(people, spec, id="hh")["x"].dtype == np.int8


def test_ids_keep_their_type():
    spec = pc.Spec({"d": [pc.Indicator("x", level="member")]})
    ids = pd.Categorical(["b", "a", "b"], categories=["b", "c", "a"], ordered=True)
    found = pc.collapse(pd.DataFrame({"hh": ids, "x": [0, 1, 0]}), spec, id="hh")
    assert found["hh"].tolist() == ["b", "a"]
    assert found["hh"].dtype == ids.dtype
    series = pl.Series("hh", ["b", "a", "b"], dtype=pl.Categorical)
    found = pc.collapse(pl.DataFrame({"hh": series, "x": [0, 1, 0]}), spec, id="hh")
    assert dict(found.schema) == {"hh": pl.Categorical, "x": pl.Int8}
    table = pa.table({"hh": pa.array([2, 1, 2], pa.uint16()), "x": pa.array([0, 1, 0])})
    assert pc.collapse(table, spec, id="hh").schema.field("hh").type == pa.uint16()


# --- edges ----------------------------------------------------------------------------------------


def test_no_members():
    people = pd.DataFrame({"hh": pd.Series([], dtype=np.int64), "x": pd.Series([], dtype=np.int8)})
    found = pc.collapse(people, pc.Spec({"d": [pc.Indicator("x", level="member")]}), id="hh")
    assert as_lists(found) == {"hh": [], "x": []}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("nobody", "answer"), [("not_deprived", 0), ("deprived", 1), ("missing", None)]
)
def test_a_household_without_such_members_is_as_the_indicator_says(way, nobody, answer):
    child = pc.Indicator("x", level="member", among="child", nobody=nobody, **way)
    people = {"hh": [1, 1, 2], "x": [1, 0, 1], "child": [0, None, 1]}
    found = as_lists(pc.collapse(people, pc.Spec({"d": [child]}), id="hh"))
    assert found["x"] == [answer, 1]


# --- errors ---------------------------------------------------------------------------------------


def test_a_specification_without_members_is_refused():
    with pytest.raises(errors.OptionError, match="level='member'"):
        pc.collapse(PEOPLE, pc.Spec({"d": ["x"]}), id="hhid")
    with pytest.raises(errors.OptionError, match="spec must be a Spec, found str"):
        pc.collapse(PEOPLE, "wb-mpm", id="hhid")


def test_a_member_without_a_household_is_named():
    people = {**PEOPLE, "hhid": ["02", None, "01", "02", "01", "03"]}
    with pytest.raises(errors.MissingValueError) as raised:
        pc.collapse(people, SPEC, id="hhid")
    assert raised.value.row == 1
    assert "'hhid'" in str(raised.value)


def test_columns_that_are_not_there_are_named():
    for gone in ("hhid", "age", "years"):
        people = {name: values for name, values in PEOPLE.items() if name != gone}
        with pytest.raises(errors.ColumnNotFoundError, match=repr(gone)):
            pc.collapse(people, SPEC, id="hhid")


@pytest.mark.parametrize("value", [2, 0.5])
def test_a_value_that_is_not_0_or_1_is_named(value):
    people = {**PEOPLE, "sick": [1, 0, 1, value, 1, 0]}
    with pytest.raises(errors.ValueRangeError) as raised:
        pc.collapse(people, SPEC, id="hhid")
    assert raised.value.row == 3


def test_an_indicator_named_as_the_household_is_refused():
    spec = pc.Spec({"d": [pc.Indicator("hhid", "sick", level="member")]})
    with pytest.raises(errors.DuplicateNameError, match="'hhid'"):
        pc.collapse(PEOPLE, spec, id="hhid")
