"""Sentences and plain tables in English and Vietnamese.

Source of truth: the sentences and lines written out below.
"""

import math
from dataclasses import replace

import pandas as pd
import pytest

from povertycore.errors import OptionError
from povertycore.present.report import Table
from povertycore.present.text import Facts, Figures, Place, narrative, plain_table, show, word

# The published figures; near-poor and the number of minority households are the register's.
THEN = Figures(2021, 192705, 23511, 23511 / 192705, 23247, 23247 / 192705, 46758, 46758 / 192705,
               22333, 22333 / 23511, 22333 / 157019)  # fmt: skip
NOW = Figures(2022, 196150, 17497, 17497 / 196150, 22036, 22036 / 196150, 39533, 39533 / 196150,
              16664, 16664 / 17497, 16664 / 159826)  # fmt: skip
CHANGES = {
    "poor": -6014.0,
    "poor_rate": NOW.poor_rate - THEN.poor_rate,
    "poor_or_near_rate": NOW.poor_or_near_rate - THEN.poor_or_near_rate,
    "minority_rate": NOW.minority_rate - THEN.minority_rate,
}
FACTS = Facts("Lạng Sơn", NOW, THEN, CHANGES, NOW.poor_rate / THEN.poor_rate - 1, 0.03, 1.0934,
              200, 17, Place("Nam Tiến (Bình Gia)", -0.2807),
              Place("Hòa Mai (Đình Lập)", 0.0865))  # fmt: skip


# ---- worked example ---------------------------------------------------------------------------


def test_english_paragraph():
    assert narrative(FACTS) == (
        "In 2022 Lạng Sơn had 17,497 poor households, 8.92% of its 196,150 households. Since 2021 "
        "(23,511 poor households, 12.20%) the poverty rate fell by 3.28 percentage points (a "
        "relative fall of 26.89%), 109% of the plan of 3.0 percentage points a year; the number "
        "of poor households fell by 6,014. With the 22,036 near-poor households (11.23%), 39,533 "
        "households were poor or near-poor, a multidimensional poverty rate of 20.15% (2021: "
        "24.26%); it fell by 4.11 percentage points. 16,664 of the poor households were of ethnic "
        "minorities, 95.24% of the poor (2021: 94.99%); among minority households the poverty rate "
        "was 10.43%, and fell by 3.80 percentage points from 14.22%. Between communes the change "
        "was uneven: the rate fell by 28.07 percentage points in Nam Tiến (Bình Gia) and rose by "
        "8.65 percentage points in Hòa Mai (Đình Lập); it rose in 17 of 200 communes."
    )


def test_vietnamese_paragraph():
    assert narrative(FACTS, "vi") == (
        "Năm 2022, Lạng Sơn có 17.497 hộ nghèo, chiếm 8,92% trong tổng số 196.150 hộ. So với năm "
        "2021 (23.511 hộ nghèo, 12,20%), tỷ lệ hộ nghèo giảm 3,28 điểm phần trăm (giảm tương đối "
        "26,89%), đạt 109% kế hoạch giảm 3,0 điểm phần trăm mỗi năm; số hộ nghèo giảm 6.014 hộ. "
        "Số hộ cận nghèo là 22.036 hộ (11,23%); tổng số hộ nghèo và hộ cận nghèo là "
        "39.533 hộ, tỷ lệ nghèo đa chiều 20,15%, giảm 4,11 điểm phần trăm so với năm 2021 "
        "(24,26%). Hộ nghèo dân tộc thiểu số là 16.664 hộ, chiếm 95,24% trong tổng số hộ nghèo "
        "(năm 2021: 94,99%); tỷ lệ hộ nghèo trong các hộ dân tộc thiểu số là 10,43%, giảm 3,80 "
        "điểm phần trăm so với năm 2021 (14,22%). Mức thay đổi giữa các xã không đồng đều: tỷ lệ "
        "hộ nghèo giảm 28,07 điểm phần trăm ở Nam Tiến (Bình Gia) và tăng 8,65 điểm phần trăm ở "
        "Hòa Mai (Đình Lập); 17 trong tổng số 200 xã có tỷ lệ hộ nghèo tăng."
    )


@pytest.mark.parametrize(
    ("value", "kind", "en", "vi"),
    [
        (23511, "count", "23,511", "23.511"),
        (0.1220, "percent", "12.20 %", "12,20 %"),
        (-0.0328, "points", "-3.28", "-3,28"),
        (0.0328, "points", "+3.28", "+3,28"),
        (0.00001, "points", "0.00", "0,00"),
        (-0.0328, "points_in_words", "-3.28 points", "-3,28 điểm %"),
        (0.03, "fall", "3.00", "3,00"),
        (-6014, "change", "-6,014", "-6.014"),
        (0, "change", "0", "0"),
        (1.0933, "fulfilment", "109 %", "109 %"),
        (-0.26889, "relative", "-26.89 %", "-26,89 %"),
        (math.nan, "count", "–", "–"),
        (None, "text", "", ""),
        ("Tràng Định", "text", "Tràng Định", "Tràng Định"),
    ],
)
def test_cells_are_shown_as_people_read_them(value, kind, en, vi):
    assert (show(value, kind, "en"), show(value, kind, "vi")) == (en, vi)


def make_table(**more):
    frame = pd.DataFrame({"place": ["Tràng Định", "A"], "n": [1488, 20], "rate": [0.1023, 0.5]})
    return Table(
        "t", "t", "t", frame, {"place": "text", "n": "count", "rate": "percent"},
        {"place": "District", "n": "Poor households", "rate": "Poverty rate"}, **more,
    )  # fmt: skip


def test_plain_table_is_aligned_and_breaks_long_headings():
    assert plain_table(make_table(groups={"n": "2022", "rate": "2022"}), "en").splitlines() == [
        "            -------- 2022 --------",
        "District          Poor     Poverty",
        "            households        rate",
        "----------------------------------",
        "Tràng Định       1,488     10.23 %",
        "A                   20     50.00 %",
    ]


# ---- properties -------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "vi"])
def test_a_rise_is_called_a_rise_and_nothing_a_change(lang):
    rose = replace(FACTS, changes={**CHANGES, "poor_rate": 0.0328, "poor": 6014.0})
    none = replace(FACTS, changes={**CHANGES, "poor_rate": 0.00001, "poor": 0.0})
    words = {"en": ("rose by 3.28 percentage points", "rose by 6,014", "did not change"),
             "vi": ("tăng 3,28 điểm phần trăm", "tăng 6.014 hộ", "không thay đổi"),
             }[lang]  # fmt: skip
    assert [part for part in words[:2] if part not in narrative(rose, lang)] == []
    assert words[2] in narrative(none, lang)


@pytest.mark.parametrize("lang", ["en", "vi"])
def test_points_and_percent_are_never_mixed(lang):
    told = narrative(FACTS, lang)
    for moved in ("3.28", "3,28", "4.11", "4,11", "3.80", "3,80"):
        assert f"{moved}%" not in told


def test_accents_that_stand_alone_take_no_room():
    import unicodedata

    composed = plain_table(make_table(), "en")
    frame = make_table().frame
    frame["place"] = [unicodedata.normalize("NFD", name) for name in frame["place"]]
    apart = plain_table(replace(make_table(), frame=frame), "en")
    assert unicodedata.normalize("NFC", apart) == composed


# ---- edges ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "vi"])
def test_one_year_tells_no_change(lang):
    told = narrative(Facts("Lạng Sơn", NOW, plan=0.03), lang)
    for part in ("2021", "fell", "giảm", "plan", "kế hoạch"):
        assert part not in told


@pytest.mark.parametrize("lang", ["en", "vi"])
def test_what_is_not_known_is_not_told(lang):
    bare = replace(NOW, minority_share=math.nan, minority_poor=math.nan, minority_rate=math.nan)
    told = narrative(replace(FACTS, now=bare, plan=None, relative=math.nan), lang)
    for part in ("nan", "–", "minorit", "thiểu số", "plan", "kế hoạch", "relative", "tương đối"):
        assert part not in told


@pytest.mark.parametrize("lang", ["en", "vi"])
def test_synthetic_data_say_so(lang):
    assert {"en": "synthetic", "vi": "mô phỏng"}[lang] in narrative(
        replace(FACTS, synthetic=True), lang
    )


def test_table_without_rows_has_headings():
    table = make_table()
    assert plain_table(replace(table, frame=table.frame.iloc[:0]), "en").startswith("District")


# ---- errors -----------------------------------------------------------------------------------


def test_unknown_language_lists_those_there_are():
    with pytest.raises(OptionError, match="lang must be 'en' or 'vi', found 'fr'"):
        narrative(FACTS, "fr")
    with pytest.raises(OptionError, match="lang"):
        word("poor", "fr")


def test_unknown_kind_of_cell_is_an_error():
    with pytest.raises(OptionError, match="kind must be"):
        show(1.0, "rate", "en")
