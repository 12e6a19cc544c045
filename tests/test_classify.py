"""A household has the class that the text of the standard gives it, exactly at the lines too."""

import datetime
import sys
import unicodedata
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

import povertycore as pc
from oracles.classify import by_income, by_scores
from povertycore.errors import (
    ColumnNotFoundError,
    DTypeError,
    MissingValueError,
    OptionError,
    StandardError,
    StandardWarning,
    ValueRangeError,
)
from povertycore.standards.standard import INCOME_UNITS

MODULE = sys.modules["povertycore.standards.classify"]  # as a name it is the function
UNITS = list(INCOME_UNITS)
STANDARDS = {name: pc.standard(name) for name in ("vn-2011", "vn-2016", "vn-2022", "vn-2027")}
INDICATORS = {"vn-2016": 10, "vn-2022": 12, "vn-2027": 12}
LINES = {  # thousand VND a month, typed from the texts
    "vn-2011": [400, 500, 520, 650],
    "vn-2016": [700, 900, 1000, 1300, 1500, 1950],
    "vn-2022": [1500, 2000, 2250, 3000],
    "vn-2027": [2200, 2800],
}
IN_UNIT = {  # how many of the unit make a thousand VND a month
    "VND/month": 1000,
    "thousand VND/month": 1,
    "VND/year": 12_000,
    "thousand VND/year": 12,
}


def quietly(*args, **kwargs):
    """Classify without warnings, which tests of their own look at."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StandardWarning)
        return pc.classify(*args, **kwargs)


def classes(values):
    """Class of each row as text, None where missing."""
    return [None if pd.isna(value) else str(value) for value in values]


def income_way(std, incomes, counts, areas, unit="thousand VND/month"):
    """Classify arrays by income and a count."""
    data = {"y": incomes, "d": counts, "a": areas}
    count = {} if std == "vn-2011" else {"count": "d"}
    return classes(quietly(data, STANDARDS[std], income="y", income_unit=unit, area="a", **count))


# ---- worked examples -----------------------------------------------------------------------------


def test_2022_is_poor_at_or_below_the_line_with_three_deprivations():
    # rural line 1,500, urban 2,000; average up to 2,250 and 3,000 (thousand VND a month)
    found = income_way(
        "vn-2022",
        [1500, 1500, 1501, 2250, 2251, 2000, 2000, 2001, 3001],
        [3, 2, 12, 0, 0, 3, 2, 12, 0],
        ["rural"] * 5 + ["urban"] * 4,
    )
    assert found == [
        *("poor", "near_poor", "average", "average", "other"),
        *("poor", "near_poor", "average", "other"),
    ]


def test_2016_is_poor_by_income_alone_below_the_first_line():
    # rural: poor to 700; to 1,000 poor with 3 of 10, else near-poor; average to 1,500
    found = income_way(
        "vn-2016",
        [700, 701, 701, 1000, 1000, 1001, 1500, 1501],
        [0, 3, 2, 3, 2, 10, 0, 0],
        ["rural"] * 8,
    )
    assert found == [
        *("poor", "poor", "near_poor", "poor", "near_poor"),
        *("average", "average", "other"),
    ]


def test_2011_goes_by_income_alone():
    found = income_way(
        "vn-2011",
        [400, 401, 520, 521, 500, 650, 651],
        [0] * 7,
        ["rural"] * 4 + ["urban"] * 3,
    )
    assert found == ["poor", "near_poor", "near_poor", "other", "poor", "near_poor", "other"]


def test_2027_has_no_average_class():
    result = quietly(
        {"y": [2200, 2200, 2201, 2800], "d": [3, 2, 3, 3], "a": ["rural"] * 3 + ["urban"]},
        "vn-2027",
        income="y",
        income_unit="thousand VND/month",
        area="a",
        count="d",
    )
    assert classes(result) == ["poor", "near_poor", "other", "poor"]
    assert list(result.categories) == ["poor", "near_poor", "other"]


def test_scores_are_compared_with_140_rural_and_175_urban():
    result = pc.classify(
        {
            "b1": [140, 140, 141, 175, 175, 176],
            "b2": [30, 20, 120, 30, 20, 30],
            "a": ["rural"] * 3 + ["urban"] * 3,
        },
        "vn-2022",
        b1="b1",
        b2="b2",
        area="a",
    )
    assert classes(result) == ["poor", "near_poor", "other"] * 2
    assert list(result.categories) == ["poor", "near_poor", "other"]
    assert result.ordered


def test_a_local_standard_with_yearly_lines_needs_no_area():
    # Ho Chi Minh City: 36 and 46 million a year; 46 / 12 is no round number of VND a month
    with pytest.warns(StandardWarning, match="example-hcmc-2021: rule 'poor' by income"):
        result = pc.classify(
            {"y": [36_000_000, 36_000_001, 46_000_000, 46_000_001]},
            "example-hcmc-2021",
            income="y",
            income_unit="VND/year",
        )
    assert classes(result) == ["poor", "near_poor", "near_poor", "other"]
    # 3,833,333 VND a month are below a twelfth of 46 million, 3,833,334 above
    monthly = quietly(
        {"y": [3_000_000, 3_000_001, 3_833_333, 3_833_334]},
        "example-hcmc-2021",
        income="y",
        income_unit="VND/month",
    )
    assert classes(monthly) == ["poor", "near_poor", "near_poor", "other"]


def local_standard(folder, *rules):
    """Write a standard with the lines 36 and 46 million a year and rules of one's own."""
    file = Path(pc.__file__).with_name("standards") / "example-hcmc-2021.toml"
    head, rest = file.read_text(encoding="utf-8").split("[[rules.income]]", 1)
    sources = rest[rest.index("[sources]") :]
    ending = 'verified = true\nsource = "package"\n\n'
    tables = [f"[[rules.income]]\n{rule}\n{ending}" for rule in rules]
    path = folder / "local.toml"
    path.write_text(head + "".join(tables) + sources, encoding="utf-8")
    return pc.standard(path)


def test_every_kind_of_condition_means_what_it_says(tmp_path):
    # poor: below 36 with 1 or 2 deprivations; near-poor: from 36 up to below 46; else other
    std = local_standard(
        tmp_path,
        'class = "near_poor"\nincome_at_least = "poor_line"\nincome_below = "near_poor_line"',
        'class = "poor"\nincome_below = "poor_line"\n'
        "deprivations_at_least = 1\ndeprivations_below = 3",
        'class = "other"',
    )
    data = {
        "y": [35_999_999, 35_999_999, 35_999_999, 35_999_999, 36_000_000, 45_999_999, 46_000_000],
        "d": [0, 1, 2, 3, 1, 1, 1],
    }
    for dtype in (np.int64, np.float64):
        result = pc.classify(
            data | {"y": np.array(data["y"], dtype)},
            std,
            income="y",
            income_unit="VND/year",
            count="d",
        )
        assert classes(result) == [
            *("other", "poor", "poor", "other"),
            *("near_poor", "near_poor", "other"),
        ]


# ---- oracle --------------------------------------------------------------------------------------


def around_the_lines(std, unit, dtype):
    """Every line in the unit, its neighbours in the type, and incomes between the lines."""
    values = []
    for line in LINES[std]:
        there = dtype(line * IN_UNIT[unit])
        if np.dtype(dtype).kind == "f":
            values += [np.nextafter(there, dtype(0)), there, np.nextafter(there, dtype(np.inf))]
        else:
            values += [there - 1, there, there + 1]
    spread = np.random.default_rng(1).uniform(0, 2 * max(LINES[std]) * IN_UNIT[unit], 40)
    return np.array([*values, *spread.astype(dtype), dtype(0)], dtype=dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int32, np.uint64])
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("std", STANDARDS)
def test_every_class_by_income_is_that_of_the_text(std, unit, dtype):
    incomes = np.repeat(around_the_lines(std, unit, dtype), 10)
    counts = np.resize(np.arange(5), len(incomes))
    areas = np.where(np.arange(len(incomes)) % 10 < 5, "rural", "urban")
    expected = [
        by_income(std, y.item(), unit, area, d)
        for y, area, d in zip(incomes, areas, counts, strict=True)
    ]
    assert income_way(std, incomes, counts, areas, unit) == expected
    assert set(expected) == set(STANDARDS[std].classes)


@given(
    st.lists(
        st.tuples(
            st.one_of(st.integers(0, 400), st.floats(0, 400)),
            st.integers(0, 12),
            st.sampled_from(["rural", "urban"]),
        ),
        max_size=40,
    )
)
def test_every_class_by_scores_is_that_of_the_circular(rows):
    data = {
        "b1": np.array([b1 for b1, _, _ in rows], dtype=float),
        "b2": np.array([10 * d for _, d, _ in rows], dtype=np.int64),
        "a": np.array([area for _, _, area in rows], dtype=object),
    }
    expected = [by_scores(float(b1), 10 * d, area) for b1, d, area in rows]
    assert classes(pc.classify(data, STANDARDS["vn-2022"], b1="b1", b2="b2", area="a")) == expected


@given(
    st.sampled_from(sorted(STANDARDS)),
    st.sampled_from(UNITS),
    st.floats(0, 10_000_000),
    st.integers(0, 10),
    st.sampled_from(["rural", "urban"]),
)
def test_any_income_has_the_class_of_the_text(std, unit, income, count, area):
    expected = by_income(std, income, unit, area, count)
    assert income_way(std, [income], [count], [area], unit) == [expected]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("strict", [False, True])
def test_a_line_that_no_number_of_the_type_meets_is_compared_exactly(tmp_path, dtype, strict):
    # 46,000 thousand VND a year are 3,833 1/3 thousand a month; 36,000 are 3,000
    word = "income_below" if strict else "income_at_most"
    std = local_standard(
        tmp_path,
        f'class = "poor"\n{word} = "poor_line"',
        f'class = "near_poor"\n{word} = "near_poor_line"',
        'class = "other"',
    )
    incomes = []
    for line in (3000, 46_000 / 12):
        there = dtype(line)
        incomes += [np.nextafter(there, dtype(0)), there, np.nextafter(there, dtype(np.inf))]
    expected = []
    for income in incomes:
        exact = Fraction(float(income))
        below = [exact < line if strict else exact <= line for line in (3000, Fraction(46_000, 12))]
        expected.append("poor" if below[0] else "near_poor" if below[1] else "other")
    result = pc.classify(
        {"y": np.array(incomes, dtype)}, std, income="y", income_unit="thousand VND/month"
    )
    assert classes(result) == expected
    assert set(expected) == {"poor", "near_poor", "other"}


def test_a_type_too_small_for_the_line_lies_below_it():
    # half floats end at 65,504, and the line is 1,500,000
    incomes = np.array([0, 65_504], dtype=np.float16)
    assert income_way("vn-2022", incomes, [3, 2], ["rural"] * 2, "VND/month") == [
        "poor",
        "near_poor",
    ]


# ---- properties ----------------------------------------------------------------------------------


@given(
    st.sampled_from(sorted(STANDARDS)),
    st.lists(st.floats(0, 5000), min_size=2, max_size=50),
    st.integers(0, 10),
    st.sampled_from(["rural", "urban"]),
)
def test_raising_the_income_never_makes_poorer(std, incomes, count, area):
    ordered = sorted(incomes)
    found = income_way(std, ordered, [count] * len(ordered), [area] * len(ordered))
    ranks = [STANDARDS[std].classes.index(name) for name in found]
    assert ranks == sorted(ranks)


@given(st.sampled_from(sorted(STANDARDS)), st.floats(0, 5000), st.sampled_from(["rural", "urban"]))
def test_one_more_deprivation_never_makes_better_off(std, income, area):
    most = INDICATORS.get(std, 0)
    found = income_way(std, [income] * (most + 1), list(range(most + 1)), [area] * (most + 1))
    ranks = [STANDARDS[std].classes.index(name) for name in found]
    assert ranks == sorted(ranks, reverse=True)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int16, np.uint16])
def test_at_the_line_is_poor_and_one_unit_in_the_last_place_above_is_not(dtype):
    line = dtype(1500)
    above = np.nextafter(line, dtype(np.inf)) if np.dtype(dtype).kind == "f" else line + dtype(1)
    incomes = np.array([line, above], dtype=dtype)
    assert income_way("vn-2022", incomes, [3, 3], ["rural"] * 2) == ["poor", "average"]


def test_the_line_is_the_same_in_all_four_units():
    at_the_line = {
        "VND/month": 1_500_000,
        "thousand VND/month": 1500.0,
        "VND/year": 18_000_000,
        "thousand VND/year": 18_000.0,
    }
    for unit, income in at_the_line.items():
        found = income_way("vn-2022", [income, income + 1], [3, 3], ["rural"] * 2, unit)
        assert found == ["poor", "average"], unit


def test_a_narrow_type_that_cannot_hold_the_line_is_compared_rightly():
    # int8 ends at 127 and the line is 1,500: every income is below it
    incomes = np.array([-128, 0, 127], dtype=np.int8)
    assert income_way("vn-2022", incomes, [3, 0, 3], ["rural"] * 3) == ["poor", "near_poor", "poor"]


@given(st.lists(st.lists(st.booleans(), min_size=12, max_size=12), min_size=1, max_size=20))
def test_indicators_and_their_count_say_the_same(rows):
    ids = list(STANDARDS["vn-2022"].indicator_ids)
    frame = pd.DataFrame(rows, columns=ids)
    frame["d"] = frame[ids].sum(axis=1)
    frame["y"], frame["a"] = 1500, "rural"
    words = {"income": "y", "income_unit": "thousand VND/month", "area": "a"}
    one = pc.classify(frame, STANDARDS["vn-2022"], deprivations=ids[::-1], **words)
    assert classes(one) == classes(pc.classify(frame, STANDARDS["vn-2022"], count="d", **words))


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 12), st.sampled_from(["rural", "urban"])),
        min_size=1,
        max_size=30,
    )
)
def test_both_ways_find_the_same_poor_and_near_poor(rows):
    std = STANDARDS["vn-2022"]
    # one fact, written twice: the income at or above the line, and the score that stands for it
    line = {"rural": (1_500_000, 140), "urban": (2_000_000, 175)}
    data = {
        "y": [line[area][0] + above for above, _, area in rows],
        "b1": [line[area][1] + above for above, _, area in rows],
        "d": [d for _, d, _ in rows],
        "b2": [10 * d for _, d, _ in rows],
        "a": [area for _, _, area in rows],
    }
    by_y = classes(
        pc.classify(
            data, STANDARDS["vn-2022"], income="y", income_unit="VND/month", area="a", count="d"
        )
    )
    by_b = classes(pc.classify(data, std, b1="b1", b2="b2", area="a"))
    assert [name if name != "average" else "other" for name in by_y] == by_b


def test_both_ways_find_the_same_poor_and_near_poor_on_the_sample():
    sample = pc.datasets.lang_son_register()
    std = pc.standard("vn-2022")
    by_y = quietly(
        sample,
        std,
        income="income",
        income_unit="thousand VND/month",
        area="area",
        deprivations=list(std.indicator_ids),
        time="year",
    )
    by_b = pc.classify(sample, std, b1="b1", b2="b2", area="area", time="year")
    for name in ("poor", "near_poor"):
        assert (by_y == name).sum() > 0
        assert ((by_y == name) == (by_b == name)).all()


def test_blocks_do_not_show(monkeypatch):
    rng = np.random.default_rng(3)
    data = {
        "b1": rng.integers(100, 220, 500),
        "b2": 10 * rng.integers(0, 13, 500),
        "a": rng.choice(["rural", "urban"], 500),
        "t": rng.choice([2022, 2023], 500),
    }
    words = {"b1": "b1", "b2": "b2", "area": "a", "time": "t"}
    whole = classes(pc.classify(data, STANDARDS["vn-2022"], **words))
    monkeypatch.setattr(MODULE, "BLOCK", 7)
    assert classes(pc.classify(data, STANDARDS["vn-2022"], **words)) == whole
    data["b2"][350] = 5
    with pytest.raises(ValueRangeError, match=r"b2\[350\]"):
        pc.classify(data, STANDARDS["vn-2022"], **words)


def test_blocks_do_not_show_where_each_year_has_its_standard(monkeypatch):
    rng = np.random.default_rng(4)
    data = {
        "y": rng.integers(300, 4000, 300),
        "d": rng.integers(0, 11, 300),
        "a": rng.choice(["rural", "urban"], 300),
        "t": rng.choice([2011, 2016, 2022, 2027], 300),
    }
    expected = [
        by_income(f"vn-{t}", y.item(), "thousand VND/month", a, d)
        for y, d, a, t in zip(*data.values(), strict=True)
    ]
    by_year = {int(name[3:]): std for name, std in STANDARDS.items()}
    words = {"income": "y", "income_unit": "thousand VND/month", "area": "a", "count": "d"}
    for block in (7, 1000):
        monkeypatch.setattr(MODULE, "BLOCK", block)
        assert classes(quietly(data, by_year, time="t", **words)) == expected


# ---- the kind of the result ----------------------------------------------------------------------


SCORES = {"b1": [140, 176, 139], "b2": [30, 0, 20], "a": ["rural", "urban", "rural"]}
SCORE_WORDS = {"b1": "b1", "b2": "b2", "area": "a"}
EXPECTED = ["poor", "other", "near_poor"]


def test_pandas_gets_a_series_with_its_index_in_its_row_order():
    frame = pd.DataFrame(SCORES, index=["x", "x", "w"])
    before = frame.copy(deep=True)
    result = pc.classify(frame, "vn-2022", **SCORE_WORDS)
    assert list(result.index) == ["x", "x", "w"]
    assert result.tolist() == EXPECTED
    assert (result <= "near_poor").tolist() == [True, False, True]
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("kind", ["polars", "lazy", "pyarrow", "mapping"])
def test_other_frames_get_their_own_kind(kind):
    made = {"polars": pl.DataFrame, "lazy": pl.LazyFrame, "pyarrow": pa.table, "mapping": dict}
    result = pc.classify(made[kind](SCORES), "vn-2022", **SCORE_WORDS)
    wanted = {
        "polars": pl.Series,
        "lazy": pl.Series,
        "pyarrow": pa.Array,
        "mapping": pd.Categorical,
    }
    assert isinstance(result, wanted[kind])
    assert (result.to_pylist() if kind == "pyarrow" else list(result)) == EXPECTED


@pytest.mark.parametrize("dtype", ["category", "str", "object", "string"])
def test_area_may_be_any_kind_of_text(dtype):
    frame = pd.DataFrame(SCORES).astype({"a": dtype})
    assert pc.classify(frame, "vn-2022", **SCORE_WORDS).tolist() == EXPECTED


@pytest.mark.parametrize("codes", [[2, 1, 2], [2.0, 1.0, 2.0], np.array([2, 1, 2], np.int8)])
def test_area_codes_are_read_by_their_mapping(codes):
    data = SCORES | {"a": codes}
    result = pc.classify(data, "vn-2022", area_values={1: "urban", 2: "rural"}, **SCORE_WORDS)
    assert list(result) == EXPECTED


def test_indicators_of_another_name_are_given_as_a_mapping():
    ids = STANDARDS["vn-2022"].indicator_ids
    data = {f"I{j}": [j < 3, j < 2] for j in range(12)} | {"y": [1500, 1500], "a": ["rural"] * 2}
    result = pc.classify(
        data,
        "vn-2022",
        income="y",
        income_unit="thousand VND/month",
        area="a",
        deprivations={name: f"I{j}" for j, name in enumerate(ids)},
    )
    assert list(result) == ["poor", "near_poor"]


# ---- edges ---------------------------------------------------------------------------------------


def test_no_rows_give_no_classes_but_the_categories():
    empty = pd.DataFrame({"b1": [], "b2": [], "a": pd.Series([], dtype="str"), "t": []})
    result = pc.classify(empty, "vn-2022", time="t", **SCORE_WORDS)
    assert len(result) == 0
    assert list(result.cat.categories) == ["poor", "near_poor", "other"]


def test_a_missing_income_count_area_or_score_has_no_class():
    data = {
        "y": [np.nan, 1500, 1500, 1500],
        "d": [3, np.nan, 3, 3],
        "a": ["rural", "rural", None, "rural"],
    }
    assert income_way("vn-2022", data["y"], data["d"], data["a"]) == [None, None, None, "poor"]
    scores = {"b1": [np.nan, 140.0, 140.0], "b2": [30.0, np.nan, 30.0], "a": ["rural"] * 3}
    assert classes(pc.classify(scores, "vn-2022", **SCORE_WORDS)) == [None, None, "poor"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_codes_of_areas_are_compared_in_nfc(form):
    # typed on one machine and exported on another: the same words in two Unicode forms
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    data = {"b1": [150, 150], "b2": [30, 30]}
    data["a"] = [unicodedata.normalize(form, area) for area in ("Thành thị", "Nông thôn")]
    words = {"Thành thị": "urban", "Nông thôn": "rural"}
    area_values = {unicodedata.normalize(other, word): area for word, area in words.items()}
    found = pc.classify(data, "vn-2022", **SCORE_WORDS, area_values=area_values)
    assert classes(found) == ["poor", "other"]


def test_all_missing_is_all_missing():
    assert income_way("vn-2022", [np.nan] * 20, [0] * 20, ["rural"] * 20) == [None] * 20


def test_a_negative_income_lies_below_every_line():
    assert income_way("vn-2022", [-5.0], [3], ["urban"]) == ["poor"]


def test_each_year_stands_under_its_standard():
    data = {"y": [800, 800, 2100], "d": [2, 2, 3], "a": ["rural"] * 3, "t": [2021, 2022, 2027]}
    result = quietly(
        data,
        {2021: "vn-2016", 2022: "vn-2022", 2027: pc.standard("vn-2027")},
        income="y",
        income_unit="thousand VND/month",
        area="a",
        count="d",
        time="t",
    )
    assert classes(result) == ["near_poor", "near_poor", "poor"]
    assert list(result.categories) == ["poor", "near_poor", "average", "other"]


def test_indicators_of_a_year_are_those_of_its_standard():
    # 2021 under the ten of 2016, 2022 under the twelve of 2022: columns of the other year are empty
    old, new = (STANDARDS[name].indicator_ids for name in ("vn-2016", "vn-2022"))
    frame = pd.DataFrame({name: [np.nan, np.nan] for name in dict.fromkeys((*old, *new))})
    frame.loc[0, list(old)] = 0
    frame.loc[1, list(new)] = 1
    frame = frame.assign(y=800, a="rural", t=[2021, 2022])
    result = quietly(
        frame,
        {2021: "vn-2016", 2022: "vn-2022"},
        income="y",
        area="a",
        time="t",
        income_unit="thousand VND/month",
        deprivations=list(frame.columns[:-3]),
    )
    assert classes(result) == ["near_poor", "poor"]


@pytest.mark.parametrize(
    "years",
    [
        [2022, 2026, 2021],
        ["2022", "2026", "2021"],
        pd.PeriodIndex(["2022", "2026", "2021"], freq="Y"),
        pd.to_datetime(["2022-10-01", "2026-12-31", "2021-01-01"]),
        [2022.0, 2026.0, 2021.0],
        np.array([datetime.date(2022, 1, 1)] * 3, dtype=object),
    ],
)
def test_years_within_the_validity_and_the_baseline_pass(years):
    result = pc.classify(SCORES | {"t": years}, "vn-2022", time="t", **SCORE_WORDS)
    assert list(result) == EXPECTED


# ---- warnings ------------------------------------------------------------------------------------


def test_a_year_outside_the_validity_warns():
    data = SCORES | {"t": [2022, 2027, 2019]}
    with pytest.warns(StandardWarning, match=r"2022-01-01 to 2026-12-31 \(baseline 2021\)") as seen:
        pc.classify(data, "vn-2022", time="t", **SCORE_WORDS)
    assert len(seen) == 1
    assert "is used for 2019, 2027" in str(seen[0].message)
    assert seen[0].filename == __file__


def test_elements_not_verified_that_decided_a_row_are_named_once():
    data = {"y": [400] * 3 + [500] * 4 + [900] * 5, "a": ["rural"] * 12}
    with pytest.warns(StandardWarning, match="not verified") as seen:
        pc.classify(data, "vn-2011", income="y", income_unit="thousand VND/month", area="a")
    assert len(seen) == 1
    assert "line 'near_poor_line'" in str(seen[0].message)
    assert "rule 'near_poor' by income" in str(seen[0].message)


def test_elements_not_verified_that_decided_no_row_are_not_named():
    data = {"y": [400] * 12, "a": ["rural"] * 12}  # all poor: the near-poor line was not asked
    pc.classify(data, "vn-2011", income="y", income_unit="thousand VND/month", area="a")


def test_a_line_not_verified_decides_those_above_it_too():
    data = {"y": [900] * 12, "a": ["rural"] * 12}  # other, because above the near-poor line
    with pytest.warns(StandardWarning, match="line 'near_poor_line'") as seen:
        pc.classify(data, "vn-2011", income="y", income_unit="thousand VND/month", area="a")
    assert "rule 'near_poor'" not in str(seen[0].message)


@pytest.mark.parametrize(("income", "warns"), [(2249.5, 0), (2250, 1), (2250.5, 0), (1500, 0)])
def test_whether_the_average_class_includes_its_line_is_doubted_at_the_line_only(income, warns):
    data = {"y": [income], "d": [0], "a": ["rural"]}
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        pc.classify(
            data, "vn-2022", income="y", income_unit="thousand VND/month", area="a", count="d"
        )
    assert len(seen) == warns
    assert all("exactly at its lines" in str(one.message) for one in seen)


def test_an_indicator_not_verified_is_named_where_it_was_counted():
    ids = STANDARDS["vn-2027"].indicator_ids
    words = {
        "income": "y",
        "income_unit": "thousand VND/month",
        "area": "a",
        "deprivations": list(ids),
    }
    none = {name: [0] for name in ids} | {"y": [2200], "a": ["rural"]}
    pc.classify(none, "vn-2027", **words)
    pc.classify(none | {"waste_treatment": [1], "y": [2201]}, "vn-2027", **words)
    with pytest.warns(StandardWarning, match="vn-2027: indicator 'waste_treatment'"):
        pc.classify(none | {"waste_treatment": [1]}, "vn-2027", **words)


@pytest.mark.parametrize(
    ("taken", "meant"),
    [
        ("VND/month", "thousand VND/month"),
        ("thousand VND/month", "VND/month"),
        ("thousand VND/month", "thousand VND/year"),
    ],
)
def test_incomes_of_another_size_are_reported(taken, meant):
    incomes = np.linspace(800, 8000, 99) * IN_UNIT[meant]
    data = {"y": incomes, "d": np.zeros(99, int), "a": ["rural"] * 99}
    words = {"income": "y", "count": "d", "area": "a"}
    with pytest.warns(StandardWarning, match="does not look like") as seen:
        pc.classify(data, "vn-2022", income_unit=taken, **words)
    assert len(seen) == 1
    assert repr(meant) in str(seen[0].message)
    pc.classify(data, "vn-2022", income_unit=meant, **words)


# ---- errors --------------------------------------------------------------------------------------

INCOMES = {"y": [1500, 1600], "d": [3, 0], "a": ["rural", "urban"], "b1": [1, 1], "b2": [0, 0]}
INCOME_WORDS = {"income": "y", "income_unit": "thousand VND/month", "area": "a", "count": "d"}


@pytest.mark.parametrize(
    ("words", "argument", "message"),
    [
        ({}, "income", "nothing to classify by"),
        (INCOME_WORDS | {"b1": "b1", "b2": "b2"}, "b2", "two ways to a class"),
        ({"b1": "b1", "b2": "b2", "count": "d"}, None, "two ways to a class"),
        ({"income_unit": "VND/month", "b1": "b1"}, None, "two ways to a class"),
        ({"b1": "b1", "area": "a"}, "b2", "b2 is missing"),
        ({"b2": "b2", "area": "a"}, "b1", "b1 is missing"),
        ({"count": "d", "area": "a"}, "income", "income is missing"),
        (INCOME_WORDS | {"income_unit": None}, "income_unit", "income_unit is missing; it must be"),
        (INCOME_WORDS | {"income_unit": "VND"}, "income_unit", "'VND/month', 'thousand VND/month'"),
        (INCOME_WORDS | {"deprivations": ["d"]}, "count", "say the same"),
        (INCOME_WORDS | {"count": None}, "deprivations", "needs deprivations= or count="),
        (INCOME_WORDS | {"area": None}, "area", "differ between rural and urban"),
        (INCOME_WORDS | {"area": None, "area_values": {1: "rural"}}, "area_values", "needs area="),
        (
            INCOME_WORDS | {"area_values": {1: "town"}},
            "a value of area_values",
            "'rural' or 'urban'",
        ),
        (INCOME_WORDS | {"count": None, "deprivations": "d"}, "deprivations", "is a list"),
        (INCOME_WORDS | {"count": None, "deprivations": ["water"]}, "deprivations", "it lacks"),
    ],
)
def test_arguments_that_do_not_fit_are_errors(words, argument, message):
    with pytest.raises(OptionError, match=message) as caught:
        pc.classify(INCOMES, "vn-2022", **words)
    if argument is not None:
        assert caught.value.argument == argument


def test_a_set_of_indicators_with_a_foreign_column_is_an_error():
    ids = [*STANDARDS["vn-2022"].indicator_ids[:-1], "d"]
    with pytest.raises(OptionError, match=r"lacks 'information_assets' and has 'd'"):
        pc.classify(INCOMES, "vn-2022", **INCOME_WORDS | {"count": None, "deprivations": ids})


def test_a_count_for_a_standard_by_income_alone_is_an_error():
    with pytest.raises(OptionError, match="'vn-2011' goes by income alone; leave count= out"):
        pc.classify(INCOMES, "vn-2011", **INCOME_WORDS)


@pytest.mark.parametrize("std", ["vn-2011", "vn-2016", "vn-2027"])
def test_standards_without_score_lines_refuse_scores(std):
    with pytest.raises(StandardError, match=f"'{std}' has no score lines"):
        pc.classify(INCOMES, std, b1="b1", b2="b2", area="a")


def test_a_mapping_of_standards_needs_the_years():
    with pytest.raises(OptionError, match="name the column of years with time="):
        pc.classify(INCOMES, {2022: "vn-2022"}, **INCOME_WORDS)
    with pytest.raises(StandardError, match="without a year"):
        pc.classify(INCOMES, {}, time="a", **INCOME_WORDS)


def test_a_year_without_a_standard_is_an_error():
    data = INCOMES | {"t": [2022, 2028]}
    with pytest.raises(StandardError, match="no standard for 2028; it names one for 2022"):
        pc.classify(data, {2022: "vn-2022"}, time="t", **INCOME_WORDS)


def test_standards_with_contrary_orders_of_classes_are_an_error(tmp_path):
    file = Path(pc.__file__).with_name("standards") / "example-hcmc-2021.toml"
    text = file.read_text(encoding="utf-8")
    swapped = text.replace('id = "poor"', 'id = "?"').replace('id = "near_poor"', 'id = "poor"')
    (tmp_path / "swapped.toml").write_text(
        swapped.replace('id = "?"', 'id = "near_poor"'), encoding="utf-8"
    )
    standards = {2021: "example-hcmc-2021", 2022: str(tmp_path / "swapped.toml")}
    with pytest.raises(StandardError, match="order their classes differently"):
        pc.classify(
            {"y": [1], "t": [2021]}, standards, income="y", income_unit="VND/year", time="t"
        )


@pytest.mark.parametrize(
    ("column", "values", "kind", "message"),
    [
        ("y", [1500, np.inf], ValueRangeError, r"income\[1\] is infinite \(column 'y'\)"),
        ("y", [-np.inf, 1], ValueRangeError, r"income\[0\] is infinite"),
        ("y", ["a", "b"], DTypeError, r"income holds no numbers \(column 'y'\)"),
        ("y", [True, False], DTypeError, r"income is true or false"),
        ("d", [3, 13], ValueRangeError, r"count\[1\] .*whole number from 0 to 12"),
        ("d", [-1, 3], ValueRangeError, r"count\[0\]"),
        ("d", [3, 2.5], ValueRangeError, r"count\[1\]"),
        ("d", [3, np.inf], ValueRangeError, r"count\[1\]"),
        ("d", ["3", "2"], DTypeError, r"count holds no numbers"),
        ("a", ["rural", "Rural"], ValueRangeError, r"area\[1\] is neither 'rural' nor 'urban'"),
        ("a", [1, 2], ValueRangeError, r"area\[0\] .*name other codes in area_values"),
        ("t", [2022, np.nan], MissingValueError, r"time\[1\] is missing"),
        ("t", ["2022", "2023p"], ValueRangeError, r"time\[1\] is not a year \(column 't'\)"),
        ("t", [2022, 2022.5], ValueRangeError, r"time\[1\] is not a year"),
    ],
)
def test_values_that_cannot_stand_are_errors_with_their_row(column, values, kind, message):
    data = INCOMES | {"t": [2022, 2022], column: values}
    with pytest.raises(kind, match=message) as caught:
        pc.classify(data, "vn-2022", time="t", **INCOME_WORDS)
    if "[" in message:
        assert caught.value.column == column
        assert isinstance(caught.value.row, int)


@pytest.mark.parametrize("bad", [5, 125, 130, -10, 10.5, np.inf])
def test_b2_is_a_multiple_of_10_up_to_ten_times_the_indicators(bad):
    data = SCORES | {"b2": [30, 120, bad]}
    rule = r"b2\[2\] .* \(column 'b2'\); B2 is a multiple of 10 from 0 to 120"
    with pytest.raises(ValueRangeError, match=rule) as caught:
        pc.classify(data, "vn-2022", **SCORE_WORDS)
    assert (caught.value.argument, caught.value.column, caught.value.row) == ("b2", "b2", 2)


def test_an_unlisted_area_code_is_an_error_with_its_row():
    data = SCORES | {"a": [1, 2, 3]}
    with pytest.raises(ValueRangeError, match=r"area\[2\] is not listed .* lists 1, 2"):
        pc.classify(data, "vn-2022", area_values={1: "urban", 2: "rural"}, **SCORE_WORDS)


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        ([0, 2], ValueRangeError, r"water\[1\] is neither 0 nor 1"),
        ([0, -1], ValueRangeError, r"water\[1\] is neither 0 nor 1"),
        ([0.5, 0], ValueRangeError, r"water\[0\] is neither 0 nor 1"),
        ([0, np.nan], MissingValueError, r"water\[1\] is missing .* give count="),
        (["no", "yes"], DTypeError, r"water holds no numbers"),
    ],
)
def test_an_indicator_that_is_not_0_or_1_is_an_error_with_its_row(values, kind, message):
    ids = STANDARDS["vn-2022"].indicator_ids
    data = INCOMES | {name: [0, 1] for name in ids} | {"water": values}
    with pytest.raises(kind, match=message):
        pc.classify(data, "vn-2022", **INCOME_WORDS | {"count": None, "deprivations": list(ids)})


def test_an_unknown_column_is_named_with_its_neighbours():
    frame = pd.DataFrame(SCORES).rename(columns={"b1": "score"})
    with pytest.raises(ColumnNotFoundError, match="no column 'scores'; did you mean 'score'"):
        pc.classify(frame, "vn-2022", b1="scores", b2="b2", area="a")


def test_no_message_prints_an_income():
    data = INCOMES | {"y": [123_456_789.5, np.inf]}
    with pytest.raises(ValueRangeError) as caught:
        pc.classify(data, "vn-2022", **INCOME_WORDS)
    assert "inf;" not in str(caught.value)
    assert "123" not in str(caught.value)
