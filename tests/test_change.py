"""Change between periods.

Source of truth: the published figures of Lạng Sơn, arithmetic in the comments, and
tests/oracles/change.py in exact fractions.
"""

import datetime
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

import povertycore as pc
from oracles.change import MEASURES, changes
from povertycore import errors

ALL = list(MEASURES)


def table(rows, keys="year", **words):
    """Figures of a printed table: rows of labels and a rate."""
    keys = [keys] if isinstance(keys, str) else keys
    frame = pd.DataFrame(rows, columns=[*keys, "rate"])
    return pc.Estimates.from_table(frame, keys, estimate="rate", **words)


def counts(rows, keys="year", **words):
    """Rates of counts: rows of labels, a numerator and a denominator."""
    keys = [keys] if isinstance(keys, str) else keys
    frame = pd.DataFrame(rows, columns=[*keys, "poor", "all"])
    return pc.Estimates.from_table(frame, keys, numerator="poor", denominator="all", **words)


@pytest.fixture
def lang_son():
    return counts([(2021, 23_511, 192_705), (2022, 17_497, 196_150)])


@pytest.fixture
def districts():
    # A falls from 1/4 to 1/5 in two years, B rises from 1/10 to 1/5, C has no 2022
    rows = [("A", 2020, 0.25), ("A", 2022, 0.2), ("B", 2020, 0.1), ("B", 2022, 0.2)]
    return table([*rows, ("C", 2020, 0.5)], ["district", "year"])


# --- worked example -------------------------------------------------------------------------------


def test_lang_son_fell_by_3_28_points(lang_son):
    est = pc.change(lang_son, time="year", measures=["difference", "relative_change"])
    difference, relative = est["estimate"]
    assert difference == float(Fraction(17_497, 196_150) - Fraction(23_511, 192_705))
    assert round(difference * 100, 2) == -3.28
    assert round(relative * 100, 1) == -26.9  # 8.9202/12.2005 - 1


def test_printed_percentages_are_subtracted_as_decimals():
    est = pc.change(table([(2021, 0.1220), (2022, 0.0892)]), time="year")
    assert est["estimate"].tolist() == [-0.0328]  # not -0.032799999999999996


def test_households_fell_by_6014(lang_son):
    hh = {"year": [2021] * 23_511 + [2022] * 17_497}
    est = pc.change(pc.total(hh, by="year"), time="year")
    assert est["estimate"].tolist() == [-6014.0]
    assert est["of"].tolist() == ["total"]


def test_the_four_measures_by_hand(districts):
    est = pc.change(districts.select(district="A"), time="year", measures=ALL)
    expected = [-0.05, -0.2, -0.025, math.sqrt(0.8) - 1]
    assert est["estimate"].tolist() == pytest.approx(expected, rel=1e-15)
    assert est["measure"].tolist() == ALL


def test_columns_stand_in_the_order_of_the_contract(districts):
    frame = pc.change(districts, time="year").to_frame()
    assert frame.columns.tolist()[:9] == [
        *("district", "year_from", "year_to", "variable", "of", "measure"),
        *("start", "end", "p_value"),
    ]
    assert frame["year_from"].tolist() == [2020] * 3
    assert frame["year_to"].tolist() == [2022] * 3
    assert frame["start"].tolist() == [0.25, 0.1, 0.5]
    assert frame["end"].tolist()[:2] == [0.2, 0.2]
    assert set(frame["of"]) == {"rate"}
    for word in ("se", "p_value", "numerator", "denominator"):
        assert frame[word].isna().all()


def test_counts_are_sums_over_both_periods():
    hh = {"year": [2021, 2021, 2022, 2022, 2022], "poor": [1, 0, 1, np.nan, 0]}
    est = pc.change(pc.rate(hh, "poor", by="year"), time="year")
    assert est["n_obs"].tolist() == [4]
    assert est["n_missing"].tolist() == [1]
    assert est["population"].tolist() == [4.0]
    assert est["estimate"].tolist() == [0.0]


def test_a_group_without_a_period_keeps_its_row_and_names_the_period(districts):
    frame = pc.change(districts, time="year").to_frame()
    assert frame["district"].tolist() == ["A", "B", "C"]
    assert math.isnan(frame["estimate"].tolist()[2])
    assert frame["note"].tolist() == ["", "", "no figure for 2022"]


def test_base_says_what_each_period_is_compared_with():
    est = table([(2016, 0.4), (2018, 0.3), (2022, 0.1)])

    def spans(**words):
        frame = pc.change(est, time="year", measures="annual_difference", **words).to_frame()
        return list(zip(frame["year_from"], frame["year_to"], frame["estimate"], strict=True))

    assert spans() == [(2016, 2018, -0.05), (2018, 2022, -0.05)]
    assert spans(base="first") == [(2016, 2018, -0.05), (2016, 2022, -0.05)]
    assert spans(base=2018) == [(2018, 2016, -0.05), (2018, 2022, -0.05)]


def test_pairs_of_periods_follow_the_group_and_variables_the_pair():
    hh = pd.DataFrame(
        {
            "year": [2020, 2021, 2022] * 2,
            "district": ["A"] * 3 + ["B"] * 3,
            "poor": [1, 0, 1, 0, 0, 1],
            "near_poor": [0, 1, 0, 1, 0, 0],
        }
    )
    est = pc.rate(hh, ["poor", "near_poor"], by=["year", "district"])
    frame = pc.change(est, time="year").to_frame()
    assert frame["district"].tolist() == ["A"] * 4 + ["B"] * 4
    assert frame["year_from"].tolist() == [2020, 2020, 2021, 2021] * 2
    assert frame["variable"].tolist() == ["poor", "near_poor"] * 4
    assert frame["estimate"].tolist() == [-1, 1, 1, -1, 0, -1, 1, 0]


def test_totals_change_like_any_group_and_stay_last():
    hh = {"year": [1, 1, 2, 2], "place": ["b", "a", "a", "b"], "poor": [1, 1, 0, 1]}
    est = pc.rate(hh, "poor", by=["place", "year"], totals="place")
    frame = pc.change(est, time="year").to_frame()
    assert frame["place"].tolist() == ["a", "b", "(total)"]
    assert frame["estimate"].tolist() == [-1.0, 0.0, -0.5]


def test_categories_change_one_by_one():
    hh = {"year": [1, 1, 2, 2], "status": ["poor", "other", "other", "other"]}
    frame = pc.change(pc.rate(hh, "status", by="year"), time="year").to_frame()
    assert frame["category"].tolist() == ["other", "poor"]
    assert frame["estimate"].tolist() == [0.5, -0.5]


# --- oracle ---------------------------------------------------------------------------------------


@st.composite
def counts_by_period(draw):
    years = draw(st.lists(st.integers(2000, 2030), min_size=2, max_size=4, unique=True))
    biggest = draw(st.sampled_from([5, 200, 10**9, 2**40]))  # beyond 2^53 products must be exact
    figures = {}
    for group in ["A", "B", "C"]:
        for year in years:
            if (group, year) == ("A", years[0]) or draw(st.integers(0, 4)):
                total = draw(st.integers(1, biggest))
                figures[(group, year)] = (draw(st.integers(0, total)), total)
    return figures


@given(counts_by_period())
def test_changes_of_rates_of_counts_are_exact(figures):
    est = counts([(*key, *pair) for key, pair in figures.items()], ["group", "year"])
    periods = sorted({year for _, year in figures})
    if len(periods) < 2:
        return
    exact = {key: Fraction(*pair) for key, pair in figures.items()}
    pairs = list(zip(periods[:-1], periods[1:], strict=True))
    expected = changes(exact, pairs, {year: Fraction(year) for year in periods})
    frame = pc.change(est, time="year", measures=ALL).to_frame()
    assert len(frame) == len(expected)
    for row in frame.to_dict("records"):
        value = expected[(row["group"], row["year_from"], row["year_to"], row["measure"])]
        if value is None:
            assert math.isnan(row["estimate"])
            assert row["note"] != ""
        elif row["measure"] == "annual_relative_change":
            assert row["estimate"] == pytest.approx(value, rel=1e-12, abs=1e-15)
        else:
            assert row["estimate"] == float(value)


def test_the_generator_makes_gaps_zeros_and_large_counts():
    seen = set()

    @given(counts_by_period())
    def look(figures):
        years = {year for _, year in figures}
        seen.update("gap" for group in "ABC" if {y for g, y in figures if g == group} < years)
        seen.update("zero" for poor, _ in figures.values() if poor == 0)
        seen.update("large" for _, total in figures.values() if total > 2**30)
        if len(years) > 2:
            seen.add("many")

    look()
    assert seen == {"gap", "zero", "large", "many"}


# --- properties -----------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 100), min_size=3, max_size=6))
def test_changes_add_up_over_consecutive_periods(poor):
    est = counts([(2000 + i, x, 100) for i, x in enumerate(poor)])
    steps = pc.change(est, time="year")["estimate"]
    whole = pc.change(est, time="year", base="first")["estimate"]
    assert steps.sum() == pytest.approx(whole.iloc[-1], abs=1e-15)


@given(st.lists(st.integers(1, 100), min_size=2, max_size=5))
def test_annual_growth_compounds_to_the_relative_change(poor):
    est = counts([(2000 + 3 * i, x, 100) for i, x in enumerate(poor)])
    wide = pc.change(est, time="year", measures=ALL)
    annual = wide.select(measure="annual_relative_change")["estimate"].to_numpy()
    relative = wide.select(measure="relative_change")["estimate"].to_numpy()
    assert (1 + annual) ** 3 - 1 == pytest.approx(relative, rel=1e-12, abs=1e-14)


def test_the_same_growth_every_year_is_recovered():
    est = table([(2010, 0.8), (2011, 0.4), (2014, 0.05)])
    found = pc.change(est, time="year", measures="annual_relative_change")["estimate"]
    assert found.tolist() == pytest.approx([-0.5, -0.5], rel=1e-15)


def test_weighted_rates_change_like_counted_ones():
    hh = {"year": [1, 1, 2, 2], "poor": [1, 0, 0, 1], "w": [0.5, 1.5, 0.1, 0.3]}
    est = pc.rate(hh, "poor", by="year", design=pc.Design(weight="w"))
    found = pc.change(est, time="year", measures=ALL)["estimate"].tolist()
    assert found == pytest.approx([0.5, 2.0, 0.5, 2.0], rel=1e-15)


# --- periods --------------------------------------------------------------------------------------

PERIODS = {
    "int": ([2020, 2022], 2),
    "float": ([2020.0, 2022.5], 2.5),
    "text": (["2020", "2022"], 2),
    "categorical": (pd.Categorical([2020, 2022]), 2),
    "annual Period": (pd.PeriodIndex(["2020", "2022"], freq="Y"), 2),
    "fiscal Period": (pd.PeriodIndex(["2020", "2022"], freq="Y-JUN"), 2),
    "quarterly Period": (pd.PeriodIndex(["2020Q1", "2020Q4"], freq="Q"), 0.75),
    "monthly Period": (pd.PeriodIndex(["2020-01", "2020-07"], freq="M"), 0.5),
    "daily Period": (pd.PeriodIndex(["2020-01-01", "2024-01-01"], freq="D"), 4),
    "datetime64": (pd.to_datetime(["2020-01-01", "2024-01-01"]), 4),
    "date": ([datetime.date(2020, 9, 1), datetime.date(2021, 9, 1)], 365 / 365.25),
    "beyond nanoseconds": (np.array(["2000-01-01", "2400-01-01"], "M8[s]"), 146_097 / 365.25),
}


@pytest.mark.parametrize("kind", PERIODS)
def test_periods_sort_by_time_and_come_back_as_given(kind):
    labels, years = PERIODS[kind]
    backwards = pd.Series(labels).iloc[::-1].reset_index(drop=True)
    est = pc.rate({"when": backwards, "poor": [0, 1]}, "poor", by="when")
    frame = pc.change(est, time="when", measures=["difference", "annual_difference"]).to_frame()
    assert frame["estimate"].tolist() == pytest.approx([-1, -1 / years], rel=1e-15)
    assert frame["when_from"].dtype == est["when"].dtype
    assert [frame["when_from"].iloc[0], frame["when_to"].iloc[0]] == list(est["when"])


@pytest.mark.parametrize(
    "labels",
    [["2023p", "2022"], ["23", "22"], [True, False], ["2023-01", "2022-01"], [np.inf, 2022.0]],
    ids=["preliminary", "two digits", "bool", "month as text", "infinite"],
)
def test_what_is_no_period_is_an_error(labels):
    est = pc.rate({"when": labels, "poor": [0, 1]}, "poor", by="when")
    with pytest.raises(errors.ValueRangeError, match="not a period") as caught:
        pc.change(est, time="when")
    assert caught.value.column == "when"


def test_the_total_of_text_years_is_no_period():
    hh = {"year": ["2021", "2022"], "poor": [1, 0]}
    est = pc.rate(hh, "poor", by="year", totals="year")
    assert pc.change(est, time="year")["estimate"].tolist() == [-1.0]


def test_columns_of_replicate_weights_give_the_error_of_the_change_in_each():
    rng = np.random.default_rng(2)
    factors = rng.integers(0, 3, (6, 8))
    hh = pd.DataFrame({"year": np.repeat([2021, 2022], 48), "psu": np.tile(np.arange(6), 16)})
    hh["poor"] = rng.integers(0, 2, 96)
    hh["weight"] = rng.integers(1, 4, 96)
    names = [f"r{i}" for i in range(8)]
    hh[names] = factors[hh["psu"]] * hh[["weight"]].to_numpy()
    again = pc.Replicates(weights=names, kind="bootstrap")
    design = pc.Design(weight="weight", replicates=again)
    found = pc.change(pc.rate(hh, "poor", by="year", design=design), time="year")
    under = []
    for name in names:
        rate = (hh[name] * hh["poor"]).groupby(hh["year"]).sum() / hh.groupby("year")[name].sum()
        under.append(rate[2022] - rate[2021])
    assert found["se"].item() == pytest.approx(np.std(under, ddof=1), rel=1e-10)
    assert found["note"].item() == ""  # how many PSUs both have is not known


# --- edges ----------------------------------------------------------------------------------------


def test_from_zero_there_is_no_relative_change():
    est = pc.change(counts([(2021, 0, 10), (2022, 1, 10)]), time="year", measures=ALL)
    frame = est.to_frame()
    assert frame["estimate"].isna().tolist() == [False, True, False, True]
    assert frame["note"].tolist() == ["", "the start is 0"] * 2


def test_from_below_zero_there_is_no_relative_change():
    # from -2 to -1 is a rise; -1/-2 - 1 would call it a fall by half
    for end in (-1.0, 1.0):
        frame = {"year": [2020, 2022], "debt": [-2.0, end]}
        means = pc.Estimates.from_table(frame, "year", estimate="debt", measure="mean")
        est = pc.change(means, time="year", measures=ALL)
        assert est["estimate"].tolist()[::2] == [end + 2, (end + 2) / 2]
        assert est["estimate"].isna().tolist() == [False, True, False, True]
        assert est["note"].tolist() == ["", "the start is negative"] * 2


def test_down_to_zero_is_all_of_it():
    est = pc.change(counts([(2020, 1, 10), (2022, 0, 10)]), time="year", measures=ALL)
    assert est["estimate"].tolist() == [-0.1, -1.0, -0.05, -1.0]


def test_figures_of_different_signs_have_no_annual_growth():
    hh = {"year": [2020, 2022], "income": [1.0, -2.0]}
    est = pc.change(pc.mean(hh, "income", by="year"), time="year", measures=ALL)
    assert est["estimate"].isna().tolist() == [False, False, False, True]
    assert est["note"].tolist()[3] == "start and end have different signs"


def test_a_missing_figure_hands_its_note_on():
    hh = {"year": [2021, 2022, 2022], "poor": [1.0, np.nan, np.nan]}
    est = pc.change(pc.rate(hh, "poor", by="year"), time="year")
    assert est["estimate"].isna().all()
    assert est["note"].tolist() == ["2022: every value is missing"]


def test_a_total_of_measured_rows_hands_its_note_on():
    hh = {"year": [2021, 2021, 2022], "aid": [1.0, np.nan, 4.0]}
    est = pc.change(pc.total(hh, "aid", by="year"), time="year")
    assert est["estimate"].tolist() == [3.0]
    assert est["note"].tolist() == ["2021: covers measured rows only"]


def test_no_rows_are_fewer_than_two_periods():
    est = pc.rate({"year": np.zeros(0, int), "poor": np.zeros(0, int)}, "poor", by="year")
    with pytest.raises(errors.ValueRangeError, match="two periods"):
        pc.change(est, time="year")


# --- comparability --------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", [["vn-2016", "vn-2022"], ["vn-2016", None]])
def test_two_standards_are_compared_only_when_told_to(pair):
    frame = {"year": [2021, 2022], "rate": [0.12, 0.09], "std": pair}
    est = pc.Estimates.from_table(frame, "year", estimate="rate", standard="std")
    with pytest.raises(errors.ComparabilityError, match="across_standards=True"):
        pc.change(est, time="year")
    told = pc.change(est, time="year", across_standards=True)
    assert told["estimate"].tolist() == [-0.03]
    assert told["standard"].isna().all()
    assert "across standards: vn-2016 and" in told["note"].item()


def test_one_standard_passes_and_stays():
    est = table([(2021, 0.12), (2022, 0.09)], standard="vn-2022")
    assert pc.change(est, time="year")["standard"].tolist() == ["vn-2022"]


def test_only_the_pairs_compared_must_share_a_standard():
    frame = {"year": [2020, 2021, 2022], "rate": [0.3, 0.2, 0.1], "std": ["a", "a", "b"]}
    est = pc.Estimates.from_table(frame, "year", estimate="rate", standard="std")
    assert len(pc.change(est.select(year=[2020, 2021]), time="year")) == 1
    told = pc.change(est, time="year", across_standards=True)
    assert told["note"].tolist() == ["", "across standards: a and b"]
    assert told["standard"].astype(object).where(told["standard"].notna(), None).tolist() == [
        "a",
        None,
    ]


def test_two_sources_are_compared_only_when_told_to():
    frame = {"year": [2021, 2022], "rate": [0.12, 0.09], "from": ["GSO", "MOLISA"]}
    est = pc.Estimates.from_table(frame, "year", estimate="rate", source="from")
    with pytest.raises(errors.ComparabilityError, match="sources"):
        pc.change(est, time="year")
    told = pc.change(est, time="year", across_standards=True)
    assert told["note"].tolist() == ["across sources: GSO and MOLISA"]


def test_households_are_never_compared_with_persons():
    parts = [
        table([(2021, 0.12)], unit="households"),
        table([(2022, 0.09)], unit="persons"),
    ]
    with pytest.raises(errors.ComparabilityError, match="households"):
        pc.change(pc.concat(parts), time="year", across_standards=True)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"time": "yaer"}, errors.ColumnNotFoundError, "did you mean 'year'"),
        ({"measures": "diff"}, errors.OptionError, "measures must be"),
        ({"base": "last"}, errors.OptionError, "2021, 2022"),
        ({"base": 1999}, errors.OptionError, "base must be"),
    ],
)
def test_an_unknown_word_is_an_error(lang_son, words, error, message):
    with pytest.raises(error, match=message):
        pc.change(lang_son, **{"time": "year", **words})


def test_one_period_is_an_error(lang_son):
    with pytest.raises(errors.ValueRangeError, match="two periods"):
        pc.change(lang_son.select(year=2021), time="year")


def test_a_period_without_a_label_is_an_error():
    hh = {"year": [2021.0, 2022.0, np.nan], "poor": [1, 0, 1]}
    est = pc.rate(hh, "poor", by="year", missing_groups="keep")
    with pytest.raises(errors.MissingValueError, match=r"year\[2\]"):
        pc.change(est, time="year")


def test_a_change_of_a_change_is_an_error(districts):
    est = pc.change(districts, time="year")
    with pytest.raises(errors.OptionError, match="single periods"):
        pc.change(est, time="year_from")


def test_a_frame_is_not_estimates(districts):
    with pytest.raises(TypeError, match="Estimates"):
        pc.change(districts.to_frame(), time="year")
