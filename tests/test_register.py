"""A register read into one set of names: values of every spelling, and what cannot be read.

Source of truth: the values written out below.
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from povertycore.errors import (
    ColumnNotFoundError,
    DTypeError,
    MissingValueError,
    OptionError,
    PovertyCoreError,
    StandardError,
    ValueRangeError,
)
from povertycore.quality.columns import choose
from povertycore.quality.register import population_table, register


def table(n=4, **columns):
    base = {
        "year": [2022] * n,
        "hhid": [f"h{i}" for i in range(n)],
        "commune": ["A"] * n,
        "status": (["poor", "near_poor", "average", "other"] * n)[:n],
    }
    frame = pd.DataFrame({**base, **columns})
    return frame.drop(columns=[name for name, values in columns.items() if values is None])


def flags(name, values):
    return register(table(len(values), **{name: values})).frame[name].tolist()


# ---- worked example ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "classes",
    [
        ["poor", "near_poor", "average", "other"],
        ["Hộ nghèo", "hộ cận nghèo", "Hộ có mức sống trung bình", "Hộ không nghèo"],
        ["NGHÈO", " Cận  nghèo ", "Mức sống trung bình", "khác"],
        [1, 2, 3, 4],
        [1.0, 2.0, 3.0, 4.0],
        ["1", "2", "3", "4"],
        ["Nghe\u0300o", "near-poor", "other", "other"],
    ],
)
def test_classes_are_read_however_they_are_written(classes):
    # The last begins with "Nghèo" with its accent apart, as some keyboards write it.
    frame = register(table(status=list(classes))).frame
    assert frame["poor"].tolist() == [True, False, False, False]
    assert frame["near_poor"].tolist() == [False, True, False, False]
    assert frame["poor_or_near"].tolist() == [True, True, False, False]


def test_vietnamese_headings_are_known_by_their_words_and_noted():
    names = {"year": "NĂM", "hhid": "Mã hộ", "commune": "Xã/Phường", "status": "Phân loại hộ",
             "b1": "Điểm B1"}  # fmt: skip
    made = register(table(b1=[150] * 4).rename(columns=names))
    assert made.places == ("commune",)
    assert made.frame["poor"].tolist() == [True, False, False, False]
    note = made.notes[0]
    assert "'NĂM' = year, 'Mã hộ' = id, 'Xã/Phường' = commune" in note.en
    assert note.vi.startswith("Các cột được nhận theo tên: 'NĂM' = year")


def test_heading_named_for_one_role_plays_no_other():
    frame = table().rename(columns={"status": "Hộ nghèo"})  # by its words the role `poor`
    assert choose(list(frame), {"class": "Hộ nghèo"})["class"] == "Hộ nghèo"
    assert "poor" not in choose(list(frame), {"class": "Hộ nghèo"})
    assert choose(list(frame))["poor"] == "Hộ nghèo"


@pytest.mark.parametrize("role", ["id", "hhid"])
def test_role_goes_by_each_of_its_headings(role):
    assert choose(["hhid", "Mã"], {role: "Mã"})["id"] == "Mã"


def test_own_classes_are_mapped():
    made = register(table(status=["A", "B", "C", "hộ nghèo"]),
                    classes={"A": "poor", "B": "near_poor", "C": "other"})  # fmt: skip
    assert made.frame["poor"].tolist() == [True, False, False, True]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ([1, 0, 1, 0], [True, False, True, False]),
        ([True, False, True, False], [True, False, True, False]),
        (["Có", "không", "CÓ", "Không"], [True, False, True, False]),
        (["x", None, "X", ""], [True, False, True, False]),
        (["yes", "no", "1", "0"], [True, False, True, False]),
        ([1.0, 0.0, np.nan, 1.0], [1.0, 0.0, None, 1.0]),
        (pd.array([1, 0, None, 1], dtype="Int8"), [1.0, 0.0, None, 1.0]),
    ],
)
def test_yes_and_no_are_read_however_they_are_written(written, read):
    found = flags("ethnic_minority", written)
    assert [None if value != value else value for value in found] == read


def test_ethnicity_tells_minorities_where_no_column_does():
    made = register(table(ethnicity=["Kinh", "Tày", "kinh", "Hoa"]))
    assert made.frame["ethnic_minority"].tolist() == [False, True, False, True]
    told = [note for note in made.notes if "not Kinh" in note.en]
    assert "không phải dân tộc Kinh" in told[0].vi


def test_numbers_as_text_are_read_in_the_way_asked():
    frame = table(status=None, b1=["140,0", "140", "141", "1.140"], b2=["30", "20,0", "0", "0"],
                  area=["rural"] * 4)  # fmt: skip
    made = register(frame, standard="vn-2022", numbers="vi")
    assert made.frame["poor"].tolist() == [True, False, False, False]
    assert made.frame["near_poor"].tolist() == [False, True, False, False]
    assert made.source == "scores"


@pytest.mark.parametrize("codes", [[983, 5983, 10001, 5986], ["983", "5983", "10001", "5986"]])
def test_zeros_are_put_back_to_the_digits_asked(codes):
    made = register(table(commune_code=codes), digits={"commune_code": 5})
    assert made.frame["commune_code"].tolist() == ["00983", "05983", "10001", "05986"]
    own = register(table(commune_code=codes), digits={"commune_code": 0})
    assert own.frame["commune_code"].tolist() == ["983", "5983", "10001", "5986"]


def test_full_numeric_codes_become_text():
    made = register(table(commune_code=[10001, 10002, 10003, 10004]))
    assert made.frame["commune_code"].tolist() == ["10001", "10002", "10003", "10004"]


# ---- properties -------------------------------------------------------------------------------


def test_order_of_a_categorical_is_kept_and_unused_categories_are_not():
    commune = pd.Categorical(["B", "A", "B", "A"], categories=["C", "B", "A"])
    made = register(table(commune=commune)).frame["commune"]
    assert made.cat.categories.tolist() == ["B", "A"]
    assert made.tolist() == ["B", "A", "B", "A"]


def test_data_are_not_changed():
    frame = table(ethnic_minority=[1, 0, 1, 0])
    before = frame.copy(deep=True)
    register(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_index_plays_no_part():
    frame = table().set_index(pd.Index([9, 9, 3, 1]))
    assert register(frame).frame["poor"].tolist() == [True, False, False, False]


@given(st.lists(st.sampled_from(["poor", "hộ nghèo", "1", "cận nghèo", "khác", None]), min_size=1))
def test_every_household_gets_one_class_or_none(written):
    seen = set(written)
    frame = table(len(written), status=written)
    try:
        made = register(frame).frame
    except ValueRangeError:
        assert "1" in seen  # numbers are read only where every class is one
        return
    together = made[["poor", "near_poor"]].astype(float).sum(axis=1, skipna=False)
    assert together.isna().tolist() == [value is None for value in written]
    assert set(together.dropna()) <= {0.0, 1.0}
    assert np.array_equal(together, made["poor_or_near"].astype(float), equal_nan=True)


def test_messages_show_no_id_and_no_income():
    secret = "079185001234"
    wrong = [
        table(hhid=[secret, secret, "b", "c"]),
        table(hhid=[secret, None, "b", "c"]),
        table(status=None, income=[secret + "x", "1", "2", "3"], area=["rural"] * 4,
              standard=["vn-2011"] * 4),
    ]  # fmt: skip
    for frame in wrong:
        with pytest.raises(PovertyCoreError) as raised:
            register(frame, income_unit="VND/month")
        assert secret not in str(raised.value)


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("class", "one of 60 different values without a known meaning"),
        ("area", "one of 60 different values without a known meaning"),
        ("standard", "one of 60 different values"),
        ("commune", "one of 60 different values in 60 rows.*tells households apart, not places"),
    ],
)
def test_column_of_names_taken_for_another_shows_no_name(monkeypatch, role, expected):
    monkeypatch.setattr("povertycore.quality.register.MANY_PLACES", 50)
    n = 60
    frame = table(n, name=[f"Nông Văn {i}" for i in range(n)], area=["rural"] * n, b1=[150] * n,
                  b2=[30] * n)  # fmt: skip
    if role == "area":
        frame = frame.drop(columns="status")
    with pytest.raises(ValueRangeError, match=expected) as raised:
        register(frame, columns={role: "name"}, standard="vn-2022" if role == "area" else None)
    assert "Nông" not in str(raised.value)


def test_places_with_few_households_are_places():
    n = 1200  # a commune each, as in a short list: more than any province has communes
    frame = table(n * 20, commune=[f"Xã {i % n}" for i in range(n * 20)])
    assert len(register(frame).frame["commune"].cat.categories) == n


# ---- edges ------------------------------------------------------------------------------------


def test_missing_id_column_is_noted():
    assert any("no household id" in note.en for note in register(table(hhid=None)).notes)


def test_same_id_in_two_years_is_one_household():
    frame = pd.concat([table(), table(year=[2021] * 4)])
    assert register(frame).years == (2021, 2022)


def test_second_classes_column_is_not_used_when_told():
    frame = table(status=["other"] * 4, poor=[1, 0, 0, 0], near_poor=[0, 1, 0, 0])
    assert register(frame).source == "class"
    assert register(frame, columns={"class": ""}).frame["poor"].sum() == 1


def test_average_by_income_is_no_difference_from_the_scores():
    frame = table(b1=[140, 140, 150, 150], b2=[30, 20, 30, 0], area=["rural"] * 4,
                  standard=["vn-2022"] * 4)  # fmt: skip
    assert any("0 have another class" in note.en for note in register(frame).notes)


def test_standard_without_score_lines_is_not_compared():
    frame = table(year=[2018] * 4, b1=[1] * 4, b2=[10] * 4, area=["rural"] * 4)
    notes = register(frame, standard="vn-2016").notes
    assert any("not compared with the scores: the standard has no" in note.en for note in notes)
    assert not any("Of 0 households" in note.en for note in notes)
    mixed = table(year=[2018, 2018, 2022, 2022], b1=[1] * 4, b2=[10] * 4, area=["rural"] * 4)
    notes = register(mixed, standard={2018: "vn-2016", 2022: "vn-2022"}).notes
    assert any("only where the standard has score lines: vn-2022" in note.en for note in notes)


def test_standard_outside_its_years_is_noted():
    note = "The standard vn-2016 does not hold in 2022."
    assert note in [note.en for note in register(table(), standard="vn-2016").notes]
    unknown = register(table(standard=["ours"] * 4))  # of a standard known by its id only
    for made in (register(table(), standard="vn-2022"), unknown):
        assert not any("does not hold" in note.en for note in made.notes)
    assert unknown.standards == {}


def test_unverified_elements_that_decide_become_notes():
    frame = table(status=None, year=[2012] * 4, income=[400, 500, 600, 700], area=["rural"] * 4)
    made = register(frame, standard="vn-2011", income_unit="thousand VND/month")
    assert made.frame["poor"].tolist() == [True, False, False, False]
    assert any("not verified" in note.en for note in made.notes)


def test_population_table_of_one_year_needs_no_year():
    frame = pd.DataFrame({"commune": ["A"], "population": ["1.234"]})
    made = population_table(frame, years=[2022], numbers="vi")
    assert made.to_dict("list") == {"year": [2022], "commune": ["A"], "population": [1234.0]}


# ---- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "error", "expected"),
    [
        ({"commune": None}, ColumnNotFoundError, "no column 'commune' or 'district'"),
        ({"year": None}, ColumnNotFoundError, "no column 'year'"),
        ({"status": None}, ColumnNotFoundError, "to tell who is poor"),
        ({"year": [2022, 2022, 22, 2022]}, ValueRangeError, r"year\[2\] is not a year"),
        ({"year": [2022, None, 2022, 2022]}, ValueRangeError, r"year\[1\] is missing"),
        ({"status": ["poor", "rich", "other", "other"]}, ValueRangeError, r"class\[1\] is 'rich'"),
        ({"status": [1, 2, 5, 4]}, ValueRangeError, r"class\[0\] is '1'"),
        ({"commune": ["A", " ", "A", "A"]}, MissingValueError, r"commune\[1\] is missing"),
        ({"hhid": ["a", "b", None, "c"]}, ValueRangeError, r"id\[2\] is missing"),
        ({"hhid": ["a", "b", "c", "b"]}, ValueRangeError,
         r"id\[3\] occurs twice in 2022, first in row 1"),
        ({"ethnic_minority": [1, 0, 2, 0]}, ValueRangeError, r"ethnic_minority\[2\] is neither"),
        ({"commune_code": [5983, 10001, 10002, 10003]}, ValueRangeError,
         r"commune_code\[0\] has 4 digits"),
        ({"commune_code": ["10001", "5983", "10002", "10003"]}, ValueRangeError,
         r"commune_code\[1\] has 4 digits"),
        ({"commune_code": ["5983.0"] * 4}, ValueRangeError,
         r"commune_code\[0\] has a decimal point"),
        ({"commune": ["5983"] * 4}, ValueRangeError, r"commune\[0\] has 4 digits"),
        ({"district_code": [78] * 4}, ValueRangeError, r"district_code\[0\] has 2 digits"),
        ({"status": None, "poor": [1, 0, 0, 0]}, ColumnNotFoundError, "near_poor"),
        ({"status": None, "poor": [1, 0, 0, 0], "near_poor": [1, 0, 0, 0]}, ValueRangeError,
         r"near_poor\[0\] is yes for a poor household"),
        ({"standard": ["vn-2022", "vn-2016", "vn-2022", "vn-2022"]}, ValueRangeError,
         r"standard\[1\] is 'vn-2016'"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_with_column_and_row(columns, error, expected):
    with pytest.raises(error, match=expected):
        register(table(**columns))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1.234,5", "Vietnamese way of writing.*--numbers vi"),
        ("140,0", "Vietnamese way"),
        ("1,234.5", "with separators"),
        ("1,234", "with separators"),
        ("1.500", "may mean one and a half or fifteen hundred"),
        ("many", "a number was expected"),
        ("inf", "a number was expected"),
        ("1_000", "a number was expected"),
    ],
)
def test_numbers_that_are_text_are_told_apart(written, expected):
    frame = table(status=None, b1=["140", "140", written, "150"], b2=[30] * 4, area=["rural"] * 4)
    with pytest.raises(DTypeError, match=expected) as raised:
        register(frame, standard="vn-2022")
    assert "b1[2]" in str(raised.value)
    assert raised.value.row == 2


def test_classifying_needs_a_standard_a_unit_an_area_and_every_indicator():
    scores = table(status=None, b1=[1] * 4, b2=[30] * 4)
    with pytest.raises(StandardError, match="--standard vn-2022"):
        register(scores)
    with pytest.raises(ColumnNotFoundError, match="'area'"):
        register(scores, standard="vn-2022")
    income = table(status=None, income=[1] * 4, area=["rural"] * 4)
    with pytest.raises(OptionError, match="--income-unit"):
        register(income, standard="vn-2022")
    with pytest.raises(ColumnNotFoundError, match="to count deprivations"):
        register(income, standard="vn-2022", income_unit="VND/month")


def test_area_codes_need_their_meaning():
    frame = table(status=None, b1=[150] * 4, b2=[30] * 4, area=[1, 2, 2, 1])
    with pytest.raises(ValueRangeError, match=r"area\[0\] is '1'.*--area"):
        register(frame, standard="vn-2022")
    made = register(frame, standard="vn-2022", areas={"1": "urban", "2": "rural"})
    assert made.frame["poor"].tolist() == [True, False, False, True]  # 150 is below 175, above 140


def test_heading_that_is_not_there_lists_close_ones_without_minding_accents():
    with pytest.raises(ColumnNotFoundError, match="did you mean 'Xã'"):
        choose(["Xã", "Huyện"], {"commune": "Xa"})
    with pytest.raises(OptionError, match="role of a column must be"):
        choose(["Xã"], {"xa": "Xã"})


def test_year_of_the_file_must_be_its_own():
    with pytest.raises(ValueRangeError, match=r"year\[0\] is 2022.*given as that of 2021"):
        register(table(), year=2021)


def test_population_table_is_checked():
    with pytest.raises(ColumnNotFoundError, match="'population'"):
        population_table(pd.DataFrame({"commune": ["A"], "n": [1]}), years=[2022])
    with pytest.raises(ValueRangeError, match=r"population\[1\] is negative or missing"):
        population_table(pd.DataFrame({"commune": ["A", "B"], "population": [1, -1]}), years=[2022])
    with pytest.raises(ColumnNotFoundError, match="'year'"):
        population_table(pd.DataFrame({"commune": ["A"], "population": [1]}), years=[2021, 2022])
