"""Flags of figures that are too uncertain to publish.

Source of truth: the limits written out below, as the presets' sources have them; arithmetic in
comments.
"""

import re

import numpy as np
import pytest
from hypothesis import given, strategies as st

import povertycore as pc
from povertycore.errors import OptionError
from povertycore.intervals import intervals
from povertycore.reliability import PRESETS


def some(**words):
    """Rates of five places, unless said otherwise: 20 %, se 2 points, of 400 rows."""
    columns = {"estimate": 0.2, "se": 0.02, "df": 30.0, "n_obs": 400, "measure": "rate"} | words
    columns |= {"cv": np.asarray(columns["se"]) / columns["estimate"]} if "cv" not in words else {}
    n = max(np.size(value) for value in columns.values())
    return pc.Estimates({"place": list("abcdefgh"[:n])}, measure_keys={"variable": "poor"},
                        unit="households", verb="rate", **columns)  # fmt: skip


def flags(est, preset, **limits):
    return est.flag(preset, **limits)["flag"].to_list()


def reasons(est, preset, **limits):
    return est.flag(preset, **limits)["reason"].to_list()


# --- worked examples: each preset at its limits ------------------------------------------------


def test_dhs_suppresses_below_25_cases_and_doubts_below_50():
    est = some(n_obs=[0, 24, 25, 49, 50])
    assert flags(est, "dhs") == ["suppressed"] * 2 + ["unreliable"] * 2 + [""]
    assert reasons(est, "dhs") == ["fewer than 25 cases"] * 2 + ["fewer than 50 cases"] * 2 + [""]


def test_statcan_has_bands_of_the_coefficient_of_variation():
    est = some(estimate=1.0, measure="mean", se=[0.1, 0.165, 0.166, 0.333, 0.334])
    assert flags(est, "statcan") == ["", "", "unreliable", "unreliable", "suppressed"]
    assert reasons(est, "statcan")[2:] == ["cv above 16.5%"] * 2 + ["cv above 33.3%"]
    assert flags(some(n_obs=[9, 10]), "statcan") == ["suppressed", ""]


def test_nchs_asks_for_30_cases_and_an_effective_size_of_30():
    # p(1 - p)/se^2 = 0.16/0.0064 = 25 and 0.16/0.0016 = 100.
    est = some(n_obs=[29, 400, 400], se=[0.04, 0.08, 0.04])
    assert flags(est, "nchs") == ["suppressed", "suppressed", ""]
    assert reasons(est, "nchs")[0] == "fewer than 30 cases; effective sample size below 30"
    assert reasons(est, "nchs")[1].startswith("effective sample size below 30")


def test_nchs_suppresses_intervals_of_30_points_or_wider():
    # n_eff = 0.25/0.0064 = 39; the interval is about 4.2 x 0.08 wide.
    est = some(estimate=0.5, se=[0.08, 0.06])
    assert flags(est, "nchs") == ["suppressed", ""]
    assert reasons(est, "nchs")[0] == "interval of 30% or wider"


def test_nchs_judges_intervals_of_middle_width_by_the_estimate_and_its_complement():
    # 2 % with se 1 point: some 4.6 points wide, shown. 3 % with se 1.5: 6.5, above 130 % of 3 %.
    est = some(estimate=[0.02, 0.03, 0.97, 0.2], se=[0.01, 0.015, 0.015, 0.02])
    low, high, _ = intervals(est["estimate"], est["se"], 30, 400, True, method="beta")
    assert ((high - low)[1:3] > 0.05).all()
    assert (high - low)[1] > 1.3 * 0.03
    assert flags(est, "nchs") == ["suppressed" if high[0] - low[0] > 0.05 else "",
                                  "suppressed", "unreliable", ""]  # fmt: skip
    assert reasons(est, "nchs")[1:3] == ["interval wider than 130% of the estimate",
                                         "interval wider than 130% of the complement"]  # fmt: skip


def test_nchs_asks_a_statistician_about_few_degrees_of_freedom_and_about_0_and_1():
    est = some(estimate=[0.2, 0.2, 0, 1], se=[0.02, 0.02, np.nan, np.nan], df=[7, 8, 30, 30], cv=0)
    assert flags(est, "nchs") == ["unreliable", "", "unreliable", "unreliable"]
    assert reasons(est, "nchs")[0] == "fewer than 8 degrees of freedom"
    assert reasons(est, "nchs")[2:] == ["estimate of 0 or 100 %"] * 2


def test_eclac_asks_for_cases_degrees_of_freedom_and_precision():
    # log cv of 20 %: se/(0.2 x log 5) = se/0.322; 17.5 % of it is 0.0563.
    est = some(n_obs=[99, 100, 400, 400], df=[30, 30, 8, 9], se=[0.02, 0.02, 0.02, 0.03])
    assert flags(est, "eclac") == ["suppressed", "", "suppressed", ""]
    assert reasons(est, "eclac")[2] == "fewer than 9 degrees of freedom"
    est = some(estimate=0.5, se=0.0, df=[9], n_obs=100)
    assert flags(est, "eclac") == [""]
    assert flags(some(se=[0.056, 0.057]), "eclac", effective_cases=0) == ["", "unreliable"]
    # Of 90 % the complement counts: se/(0.1 x log 10) = se/0.230; 17.5 % of it is 0.0403.
    high = some(estimate=0.9, se=[0.040, 0.041])
    assert flags(high, "eclac", effective_cases=0) == ["", "unreliable"]
    amounts = some(estimate=10.0, measure="mean", se=[2.0, 2.1])
    assert flags(amounts, "eclac") == ["", "unreliable"]
    assert reasons(amounts, "eclac")[1] == "cv above 20.0%"


# --- properties --------------------------------------------------------------------------------

SHARES = st.floats(0, 1, allow_subnormal=False)


@pytest.mark.parametrize("preset", PRESETS)
def test_no_figure_is_changed_and_none_is_flagged_without_a_reason(preset):
    @given(SHARES, st.floats(0, 0.5, allow_subnormal=False), st.floats(0, 200),
           st.integers(1, 500))  # fmt: skip
    def check(p, se, df, n):
        est = some(estimate=p, se=se if 0 < p < 1 else np.nan, df=df, n_obs=n,
                   cv=se / p if p > 1e-9 else np.nan)  # fmt: skip
        found = est.flag(preset)
        for name in est.column_names:
            assert found[name].equals(est[name])
        assert (found["flag"] == "").equals((found["reason"] == "").rename("flag"))

    check()


@given(st.lists(st.integers(0, 100), min_size=1, max_size=8))
def test_more_cases_never_have_a_worse_flag(cases):
    order = ["suppressed", "unreliable", ""]
    found = flags(some(n_obs=sorted(cases)), "dhs")
    assert found == sorted(found, key=order.index)


def test_flags_go_with_their_rows():
    est = some(n_obs=[20, 30, 400]).flag("dhs")
    assert est.select(place=["b", "c"])["flag"].to_list() == ["unreliable", ""]
    both = pc.concat([est.select(place="c"), est.select(place="a")])
    assert both["flag"].to_list() == ["suppressed", ""]


def test_flagging_again_replaces_the_flags():
    est = some(n_obs=[20, 400], se=[0.02, 0.1]).flag("dhs").flag("statcan")
    assert est["flag"].to_list() == ["", "suppressed"]
    assert est.column_names.count("flag") == 1
    assert est.meta["flags"]["preset"] == "statcan"


def test_columns_stand_between_the_measure_and_the_common_ones():
    names = some().flag("dhs").column_names
    assert names[names.index("measure") : names.index("estimate") + 1] == (
        "measure", "flag", "reason", "estimate")  # fmt: skip


# --- edges -------------------------------------------------------------------------------------


def test_a_row_without_a_figure_has_no_flag():
    assert flags(some(estimate=[np.nan, 0.2], n_obs=[0, 400]), "dhs") == ["", ""]


def test_a_figure_without_a_standard_error_is_doubted_by_rules_that_need_one():
    est = some(se=[np.nan, 0.02], df=[0, 30], n_obs=400)
    assert flags(est, "statcan") == ["unreliable", ""]
    assert reasons(est, "statcan")[0] == "no standard error"


def test_limits_can_be_replaced_and_are_told():
    est = some(n_obs=[29, 30]).flag("dhs", cases=30, few_cases=30)
    assert est["flag"].to_list() == ["suppressed", ""]
    assert est.meta["flags"]["limits"] == {"cases": 30, "few_cases": 30}


# --- display -----------------------------------------------------------------------------------


def test_tables_show_signs_in_place_of_what_is_suppressed_and_beside_what_is_doubted():
    est = some(n_obs=[20, 30, 400], numerator=[4, 6, 80])
    text = repr(est.flag("dhs"))
    rows = [line for line in text.splitlines() if re.match("[abc] ", line)]
    assert " * " in rows[0]
    assert "20.00 %" not in rows[0]
    assert rows[0].split()[-1] != "4"
    assert "(20.00 %)" in rows[1]
    assert " 20.00 %" in rows[2]
    assert "fewer than 25 cases" in rows[0]
    assert "* (…) unreliable, * suppressed; flags by preset 'dhs': The DHS Program" in text
    assert "not verified" not in text


def test_html_shows_the_same_signs():
    html = some(n_obs=[20, 30, 400]).flag("dhs")._repr_html_()
    assert ">*</td>" in html
    assert "(20.00 %)" in html
    assert "flags by preset" in html


def test_a_table_says_where_limits_are_not_verified_or_not_the_presets_own():
    assert "limits not verified" in repr(some().flag("statcan"))
    assert "; with other limits" in repr(some().flag("statcan", cv=0.5))


def test_a_table_without_flagged_rows_has_no_columns_of_flags():
    text = repr(some().flag("dhs"))
    assert "reason" not in text
    assert "none by flags" not in text
    assert "no flags by preset 'dhs'" in text


def test_a_workbook_shows_the_same_signs(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    some(n_obs=[20, 30, 400]).flag("dhs").to_excel(tmp_path / "out.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx")["estimates"]
    names = [cell.value for cell in sheet[1]]
    column = names.index("estimate") + 1
    shown = [sheet.cell(row, column) for row in (2, 3, 4)]
    assert [cell.value for cell in shown] == ["*", 0.2, 0.2]
    assert [cell.number_format for cell in shown[1:]] == ['"("0.00%")"', "0.00%"]
    errors = [sheet.cell(row, names.index("se") + 1) for row in (2, 3)]
    assert [cell.value for cell in errors] == ["*", 0.02]
    assert "(" not in errors[1].number_format
    assert sheet.cell(2, names.index("reason") + 1).value == "fewer than 25 cases"
    texts = [cell.value for cell in sheet["A"] if isinstance(cell.value, str)]
    assert any("flags by preset 'dhs'" in text for text in texts)


# --- errors ------------------------------------------------------------------------------------


def test_an_unknown_preset_or_limit_lists_those_there_are():
    with pytest.raises(OptionError, match="'dhs', 'nchs', 'statcan' or 'eclac', found 'eurostat'"):
        some().flag("eurostat")
    with pytest.raises(OptionError, match="'cases' or 'few_cases', found 'cv'"):
        some().flag("dhs", cv=0.3)
    with pytest.raises(OptionError, match="cases must be a number >= 0, found 'many'"):
        some().flag("dhs", cases="many")


def test_rules_on_standard_errors_need_a_sample():
    register = some(se=np.nan, df=np.nan)
    with pytest.raises(OptionError, match="needs standard errors.*name strata, psu"):
        register.flag("statcan")
    assert flags(register, "dhs") == [""]


def test_rules_on_cases_need_the_number_of_rows():
    printed = pc.Estimates.from_table({"year": [2022], "rate": [0.1]}, "year", estimate="rate")
    with pytest.raises(OptionError, match="needs n_obs.*row 0"):
        printed.flag("dhs")


def test_nchs_is_for_proportions():
    with pytest.raises(OptionError, match="'nchs' is for proportions, and row 0 is none"):
        some(estimate=5.0, measure="mean").flag("nchs")


def test_changes_are_not_flagged():
    est = pc.Estimates({"year": [2021, 2022]}, measure_keys={"variable": "poor"}, measure="rate",
                       estimate=[0.2, 0.1], n_obs=40, unit="households", verb="rate")  # fmt: skip
    with pytest.raises(OptionError, match="single periods.*change"):
        pc.change(est, time="year").flag("dhs")


def test_every_preset_names_its_source():
    for preset in PRESETS.values():
        assert re.search(r"\w{4}", preset.source)
        assert set(preset.signs) == {"unreliable", "suppressed"}
        assert "{}" in preset.signs["unreliable"]


def test_a_chart_shows_no_bar_of_what_is_suppressed_and_signs_beside_the_rest():
    pytest.importorskip("matplotlib")
    import matplotlib.pyplot as plt

    ax = some(n_obs=[20, 30, 400]).flag("dhs").plot.bar()
    widths = [bar.get_width() for bar in ax.patches]
    assert np.isnan(widths[0])
    assert widths[1:] == [0.2, 0.2]
    assert [text.get_text() for text in ax.texts] == ["*", "(20.00 %)", "20.00 %"]
    plt.close("all")
