"""The table that a terminal and a notebook show.

Source of truth: what every display promises: percent with its sign, differences in points, the
columns empty throughout left out, labels escaped, Vietnamese letters aligned.
"""

import re
import unicodedata
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

import povertycore as pc
from povertycore.present.table import heading, html_table, text_table, width

PLACES = ["Tràng Định", "Bắc Sơn", "(total)"]


def rates(**changed):
    """The rates of two districts and their total: 1/4, nobody there, 1/8."""
    columns = {
        "keys": {"district": pd.Categorical(PLACES, categories=PLACES)},
        "measure_keys": {"variable": "poor"},
        "measure": "rate",
        "estimate": [0.25, np.nan, 0.125],
        "n_obs": [4000, 0, 8000],
        "n_missing": 0,
        "numerator": [1000, 0, 1000],
        "denominator": [4000, 0, 8000],
        "note": ["", "no rows", ""],
        "unit": "households",
        "standard": "vn-2022",
        "verb": "rate",
    }
    columns |= changed
    return pc.Estimates(columns.pop("keys"), **columns)


def many(n):
    return pc.Estimates(
        {"i": np.arange(n)},
        measure_keys={"variable": ""},
        measure="rate",
        estimate=np.full(n, 0.5),
        unit="persons",
        verb="rate",
    )


class Rows(HTMLParser):
    """The cells of an HTML table, row by row, and whether every tag is closed."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.open, self.tags = [], [], set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


# ---- worked example ---------------------------------------------------------------------------


def test_a_terminal_shows_an_aligned_table():
    assert repr(rates()).splitlines() == [
        "rate of poor · households · standard vn-2022 · 3 rows",
        "district    estimate  n_obs  numerator  denominator",
        "Tràng Định   25.00 %  4,000      1,000        4,000",
        "Bắc Sơn            –      0          0            0  [1]",
        "(total)      12.50 %  8,000      1,000        8,000",
        "[1] no rows",
    ]


def test_a_notebook_shows_the_same_cells():
    shown = Rows(rates()._repr_html_())
    assert shown.rows == [
        ["district", "estimate", "n_obs", "numerator", "denominator", ""],
        ["Tràng Định", "25.00 %", "4,000", "1,000", "4,000", ""],
        ["Bắc Sơn", "–", "0", "0", "0", "1"],
        ["(total)", "12.50 %", "8,000", "1,000", "8,000", ""],
    ]
    assert shown.open == []


def test_a_change_is_shown_in_points_between_two_rates():
    est = pc.Estimates(
        {"year_from": [2021], "year_to": [2022]},
        measure_keys={"variable": "poor", "of": "rate"},
        measure="difference",
        own={"start": [0.122], "end": [0.0892], "p_value": np.nan},
        estimate=[-0.0328],
        se=[0.002],
        unit="households",
        verb="change",
    )
    assert repr(est).splitlines() == [
        "difference of rate of poor · households · 1 row",
        "year_from  year_to    start     end      estimate           se",
        "     2021     2022  12.20 %  8.92 %  -3.28 points  0.20 points",
    ]


def test_different_measures_are_each_shown_as_their_kind():
    est = pc.Estimates(
        {},
        measure_keys={"variable": ["poor", "poor", "income"]},
        measure=["rate", "total", "mean"],
        estimate=[0.122, 23_511, 1_520.345],
        unit=["households", "households", "persons"],
        verb="rate",
    )
    assert repr(est).splitlines() == [
        "rate · households and persons · 3 rows",
        "variable  measure  estimate  unit",
        "poor      rate      12.20 %  households",
        "poor      total      23,511  households",
        "income    mean     1,520.35  persons",
    ]


def test_years_and_answers_are_not_written_as_amounts():
    est = pc.Estimates(
        {},
        measure_keys={"variable": "poor", "of": "rate"},
        measure=["fulfilment", "on_track", "on_track", "reach_year", "reach_year"],
        estimate=[1.093, 1, 0, 2025.25, np.nan],
        unit="households",
        verb="target",
    )
    cells = [row[-1] for row in Rows(est._repr_html_()).rows[1:]]
    assert cells == ["109.30 %", "yes", "no", "2025.2", "–"]


# ---- what is said and what is left out --------------------------------------------------------


def test_columns_empty_throughout_are_left_out():
    shown = repr(rates())
    for name in ["se", "ci_low", "deff", "n_psu", "population", "note", "n_missing", "category"]:
        assert name not in shown.splitlines()[1].split()
    assert "n_missing" in repr(rates(n_missing=[0, 3, 0]))
    assert "ci_low" in repr(rates(ci_low=[0.2, np.nan, 0.1]))


def test_the_estimate_is_shown_even_where_none_is_known():
    assert "estimate" in repr(rates(estimate=np.nan))


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({}, "rate of poor · households · standard vn-2022 · 3 rows"),
        ({"standard": None}, "rate of poor · households · 3 rows"),
        (
            {"standard": ["vn-2016", "vn-2022", None]},
            "rate of poor · households · standards vn-2016, vn-2022 · 3 rows",
        ),
        ({"measure_keys": {"variable": ""}}, "rate · households · standard vn-2022 · 3 rows"),
        (
            {"measure_keys": {"variable": "poor", "of": "rate"}, "measure": "relative_change"},
            "relative change of rate of poor · households · standard vn-2022 · 3 rows",
        ),
    ],
)
def test_the_heading_says_what_all_rows_share(changed, line):
    assert heading(rates(**changed)) == line


def test_the_heading_names_the_domain():
    hh = {"year": [2021, 2022], "poor": [1, 0], "rural": [1, 1]}
    inside = pc.rate(hh, "poor", by="year", where="rural")
    assert heading(inside) == "rate of poor where rural · households · 2 rows"
    assert heading(pc.change(inside, "year")).startswith("difference of rate of poor where rural ·")
    unnamed = pc.rate(hh, "poor", by="year", where=np.array([True, True]))
    assert heading(unnamed).startswith("rate of poor where (array) ·")
    both = pc.concat([inside, pc.rate(hh, "poor", by="year")])
    assert heading(both).startswith("rate of poor in several domains ·")
    assert heading(pc.concat([inside, inside.select(year=2021)])).startswith(
        "rate of poor where rural ·"
    )


def test_standards_are_a_column_where_rows_differ():
    assert "standard" in repr(rates(standard=["vn-2016", "vn-2022", None])).splitlines()[1]
    assert "standard" not in repr(rates()).splitlines()[1]


def test_equal_notes_share_a_number():
    shown = repr(rates(note=["b", "a", "b"])).splitlines()
    assert [line.split()[-1] for line in shown[2:5]] == ["[1]", "[2]", "[1]"]
    assert shown[5:] == ["[1] b", "[2] a"]


def test_footnotes_of_the_whole_and_the_source_stand_below():
    est = rates(meta={"footnotes": ["the urban line is not verified"]})
    assert repr(est).splitlines()[-1] == "* the urban line is not verified"
    assert "<div>the urban line is not verified</div>" in est._repr_html_()
    table = {"year": [2022], "rate": [0.0892]}
    sourced = pc.Estimates.from_table(table, "year", estimate="rate", source="Decision 1")
    assert repr(sourced).splitlines()[-1] == "* Source: Decision 1"


def test_only_the_first_rows_are_shown_and_the_rest_counted():
    assert text_table(many(11_000), max_rows=3).splitlines()[-2:] == [
        "2   50.00 %",
        "... 10,997 more rows",
    ]
    assert Rows(html_table(many(11_000), max_rows=3)).rows[-1] == ["… 10,997 more rows"]
    assert "... 1 more row\n" in text_table(many(4), max_rows=3) + "\n"
    assert "more row" not in text_table(many(3), max_rows=3)


def test_totals_are_emphasised_and_repeated_keys_dimmed():
    est = pc.Estimates(
        {"place": ["A", "A", "(total)"], "year": [2021, 2022, 2021]},
        measure_keys={"variable": "poor"},
        measure="rate",
        estimate=[0.1, 0.2, 0.3],
        unit="households",
        verb="rate",
    )
    html = est._repr_html_()
    assert html.count('<tr class="total">') == 1
    assert html.count('<span class="again">') == 1
    assert '<span class="again">A</span>' in html


def test_numbers_stand_right_and_labels_left():
    head = re.search(r"<thead>.*</thead>", rates()._repr_html_()).group()
    assert re.findall(r"text-align: (\w+)\"?>(\w+)<", head) == [
        ("left", "district"),
        ("right", "estimate"),
        ("right", "n_obs"),
        ("right", "numerator"),
        ("right", "denominator"),
    ]


# ---- edges ------------------------------------------------------------------------------------


def test_an_empty_table_shows_its_columns():
    assert repr(many(0)).splitlines() == ["rate · 0 rows", "i  estimate"]
    assert Rows(many(0)._repr_html_()).rows == [["i", "estimate"]]


def test_labels_cannot_break_the_page_or_the_line():
    label = "<script>alert('x')</script>\n&"
    est = rates(keys={label: [label, "b", "c"]}, note=[label, "", ""], meta={"footnotes": [label]})
    html = Rows(est._repr_html_())
    assert "script" not in html.tags
    assert html.rows[1][0] == "<script>alert('x')</script> &"
    assert len(repr(est).splitlines()) == 1 + 1 + 3 + 1 + 1


def test_a_very_long_label_is_cut():
    row = repr(rates(keys={"district": ["x" * 500, "b", "c"]})).splitlines()[2]
    assert row.split()[0] == "x" * 47 + "…"


def test_a_missing_key_and_a_missing_category_are_told_apart():
    est = rates(
        keys={"district": ["A", "B", None]},
        measure_keys={"variable": "poor", "category": [None, "x", "y"]},
    )
    rows = Rows(est._repr_html_()).rows
    assert rows[3][0] == "(missing)"
    assert rows[1][1] == ""


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        (pd.to_datetime(["2021-10-01"] * 3), "2021-10-01"),
        (pd.PeriodIndex(["2021"] * 3, freq="Y"), "2021"),
        ([True] * 3, "True"),
        ([12345] * 3, "12345"),
        ([0.25] * 3, "0.25"),
    ],
)
def test_keys_are_shown_as_they_are_written(keys, shown):
    est = rates(keys={"key": keys})
    assert Rows(est._repr_html_()).rows[1][0] == shown


def test_decomposed_and_wide_letters_are_aligned():
    decomposed = unicodedata.normalize("NFD", "Bình Gia")
    assert len(decomposed) == 9
    est = rates(keys={"place": [decomposed, "Bình Gia", "中央"]}, estimate=0.5, note="")
    starts = [line.split("50.00 %")[0] for line in repr(est).splitlines()[2:5]]
    assert starts == [f"{decomposed}   ", "Bình Gia   ", "中央       "]  # 8, 8 and 4 places wide


def test_the_error_of_a_percentage_is_in_points():
    assert "0.50 points" in repr(rates(se=[0.005, np.nan, 0.002]))


# ---- properties -------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=8), min_size=1, max_size=4))
def test_every_label_is_shown_on_one_line_and_gives_closed_html(labels):
    est = rates(
        keys={"label": labels},
        **{"estimate": 0.5, "n_obs": 1, "numerator": 1, "denominator": 2, "note": ""},
    )
    assert len(repr(est).split("\n")) == 2 + len(labels)
    assert len({width(line) for line in repr(est).split("\n")[1:]}) == 1
    shown = Rows(est._repr_html_())
    assert shown.open == []
    assert [row[0] for row in shown.rows[1:]] == [
        "".join(letter if letter.isprintable() else " " for letter in label) for label in labels
    ]
