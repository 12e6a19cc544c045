"""Plan fulfilment.

Source of truth: the published figures of Lạng Sơn, arithmetic in the comments, and
tests/oracles/target.py in exact fractions.
"""

import math
import unicodedata
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import assume, given, strategies as st

import povertycore as pc
from oracles.target import target
from povertycore import errors

MEASURES = ["planned", "achieved", "fulfilment", "remaining", "required_pace", "on_track"]


def rates(rows, keys=("district", "year"), **words):
    """Rates of counts: rows of labels, a numerator and a denominator."""
    frame = pd.DataFrame(rows, columns=[*keys, "poor", "all"])
    return pc.Estimates.from_table(frame, list(keys), numerator="poor", denominator="all", **words)


def figures(est, **labels):
    """The figures of one group by measure; of reach_year both."""
    chosen = est.select(**labels) if labels else est
    values = dict(zip(chosen["measure"], chosen["estimate"], strict=True))
    values["reach_year"] = chosen.select(measure="reach_year")["estimate"].tolist()
    return values


@pytest.fixture
def lang_son():
    return rates([(2021, 23_511, 192_705), (2022, 17_497, 196_150)], ["year"])


@pytest.fixture
def districts():
    # A: 25 to 20 percent, B: 10 to 9, C: 10 to 12
    rows = [("A", 2021, 25, 100), ("A", 2022, 20, 100), ("B", 2021, 10, 100), ("B", 2022, 9, 100)]
    return rates([*rows, ("C", 2021, 10, 100), ("C", 2022, 12, 100)])


# --- worked example -------------------------------------------------------------------------------


def test_lang_son_fulfilled_109_percent_of_its_plan(lang_son):
    found = figures(pc.target(lang_son, time="year", plan=0.03))
    assert found["planned"] == 0.03
    assert round(found["achieved"] * 100, 2) == 3.28
    assert round(found["fulfilment"] * 100) == 109
    assert found["remaining"] == 0.0
    assert found["on_track"] == 1.0
    assert math.isnan(found["required_pace"])


def test_columns_stand_in_the_order_of_the_contract(districts):
    frame = pc.target(districts, time="year", plan=0.03).to_frame()
    assert frame.columns.tolist()[:7] == [
        *("district", "year_from", "year_to", "variable", "kind", "of", "measure"),
    ]
    assert frame["district"].tolist() == ["A"] * 8 + ["B"] * 8 + ["C"] * 8
    assert frame["measure"].tolist()[:8] == [*MEASURES, "reach_year", "reach_year"]
    assert set(frame["year_from"]) == {2021}
    assert set(frame["year_to"]) == {2022}
    assert set(frame["kind"]) == {"points_per_year"}
    assert set(frame["of"]) == {"rate"}
    assert frame["se"].isna().all()


def test_points_per_year_are_multiplied_by_the_years():
    est = rates([(2020, 40, 100), (2024, 30, 100)], ["year"])
    # planned 4 x 2 points, achieved 10
    found = figures(pc.target(est, time="year", plan=0.02))
    assert (found["planned"], found["achieved"], found["fulfilment"]) == (0.08, 0.1, 1.25)


def test_what_remains_until_the_year_of_the_plan():
    est = rates([(2021, 40, 100), (2023, 36, 100)], ["year"])
    # by 2025: 4 x 3 = 12 points, achieved 4, remaining 8 in two years; planned by now 6
    found = figures(pc.target(est, time="year", plan=0.03, by_year=2025))
    assert found["planned"] == 0.06
    assert found["fulfilment"] == float(Fraction(4, 6))
    assert found["remaining"] == 0.08
    assert found["required_pace"] == 0.04
    assert found["on_track"] == 0.0
    # 40 - 12 = 28 percent is met after 12/4 x 2 years at the same fall, or at 0.9 every two years
    even, relative = found["reach_year"]
    assert even == 2027.0
    assert relative == pytest.approx(2021 + 2 * math.log(0.7) / math.log(0.9), rel=1e-15)


def test_each_assumption_is_named_in_the_note(districts):
    frame = pc.target(districts.select(district="A"), time="year", plan=0.1).to_frame()
    assert frame["note"].tolist()[-2:] == [
        "assuming the same fall each year",
        "assuming the same relative fall each year",
    ]


def test_a_level_is_fulfilled_by_what_was_covered_of_the_way():
    est = rates([(2020, 30, 100), (2022, 20, 100)], ["year"])
    # from 30 down to 10: 20 points planned, 10 achieved
    found = figures(pc.target(est, time="year", plan=0.1, kind="level", by_year=2024))
    assert (found["planned"], found["achieved"], found["fulfilment"]) == (0.2, 0.1, 0.5)
    assert (found["remaining"], found["required_pace"], found["on_track"]) == (0.1, 0.05, 1.0)
    assert found["reach_year"][0] == 2024.0


def test_a_relative_plan_is_a_fraction_of_the_first_figure():
    est = rates([(2020, 40, 100), (2022, 30, 100)], ["year"])
    found = figures(pc.target(est, time="year", plan=0.2, kind="relative"))
    assert (found["planned"], found["achieved"], found["fulfilment"]) == (0.08, 0.1, 1.25)


def test_a_plan_in_numbers_counts_the_poor(lang_son):
    est = pc.target(lang_son, time="year", plan=6000, kind="count")
    found = figures(est)
    assert (found["planned"], found["achieved"]) == (6000, 6014)
    assert found["fulfilment"] == 6014 / 6000
    assert set(est["of"]) == {"total"}
    hh = {"year": [2021] * 23_511 + [2022] * 17_497}
    of_totals = pc.target(pc.total(hh, by="year"), time="year", plan=6000, kind="count")
    assert of_totals["estimate"].equals(est["estimate"])


def test_the_first_period_is_compared_with_the_last():
    est = rates([(2020, 40, 100), (2021, 50, 100), (2022, 30, 100)], ["year"])
    found = pc.target(est, time="year", plan=0.05)
    assert (found["year_from"].iloc[0], found["year_to"].iloc[0]) == (2020, 2022)
    assert figures(found)["fulfilment"] == 1.0


# --- plans of several forms -----------------------------------------------------------------------


def assert_plans(est, **planned):
    for district, plan in planned.items():
        assert figures(est, district=district)["planned"] == plan


def test_a_plan_per_group_by_label(districts):
    est = pc.target(districts, time="year", plan={"A": 0.03, "B": 0.01, "C": 0.02})
    assert_plans(est, A=0.03, B=0.01, C=0.02)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, dict])
def test_a_plan_per_group_by_table(districts, frame):
    plan = frame({"district": ["C", "A", "B"], "plan": [0.02, 0.03, 0.01]})
    assert_plans(pc.target(districts, time="year", plan=plan), A=0.03, B=0.01, C=0.02)


def test_a_plan_by_several_keys():
    rows = [("A", area, year, 10, 100) for area in ("rural", "urban") for year in (2021, 2022)]
    est = rates(rows, ["district", "area", "year"])
    by_label = {("A", "rural"): 0.02, ("A", "urban"): 0.01}
    found = pc.target(est, time="year", plan=by_label)
    assert figures(found, area="urban")["planned"] == 0.01
    by_area = pd.DataFrame({"area": ["urban", "rural"], "plan": [0.01, 0.02]})
    assert pc.target(est, time="year", plan=by_area)["estimate"].equals(found["estimate"])


def test_a_plan_by_variable():
    hh = {"year": [2021, 2022] * 2, "poor": [1, 0, 1, 1], "near_poor": [0, 0, 0, 1]}
    est = pc.rate(hh, ["poor", "near_poor"], by="year")
    plan = {"variable": ["poor", "near_poor"], "plan": [0.5, 0.1]}
    found = pc.target(est, time="year", plan=plan)
    assert figures(found, variable="poor")["planned"] == 0.5
    assert figures(found, variable="near_poor")["planned"] == 0.1


def test_labels_of_plans_are_compared_in_nfc():
    est = rates([("Bình Gia", 2021, 10, 100), ("Bình Gia", 2022, 9, 100)])
    plan = {unicodedata.normalize("NFD", "Bình Gia"): 0.01}
    assert figures(pc.target(est, time="year", plan=plan))["fulfilment"] == 1.0


def test_a_group_without_a_plan_keeps_its_rows_and_says_so(districts):
    est = pc.target(districts, time="year", plan={"A": 0.03})
    found = figures(est, district="B")
    assert math.isnan(found["planned"])
    assert found["achieved"] == 0.01
    assert math.isnan(found["fulfilment"])
    assert "no plan for this group" in est.select(district="B", measure="fulfilment")["note"].item()


def test_a_plan_per_class_of_area(districts):
    classes = {"A": "poor_district", "B": "other", "C": "other"}
    plan = {"poor_district": 0.04, "other": 0.01}
    found = pc.target(districts, time="year", plan=plan, classes=classes)
    assert_plans(found, A=0.04, B=0.01, C=0.01)
    by_series = pc.target(districts, time="year", plan=plan, classes=pd.Series(classes))
    assert by_series["estimate"].equals(found["estimate"])
    lacking = pc.target(districts, time="year", plan={"other": 0.01}, classes={"B": "other"})
    assert "no plan for this group" in lacking.select(district="A")["note"].iloc[0]


def test_goals_of_a_programme_are_plans_by_class(districts):
    classes = {"A": "poor_district", "B": "national", "C": "minority"}
    promised = pc.goals("vn-2021-2025")
    found = pc.target(districts, time="year", plan=promised, classes=classes)
    assert_plans(found, A=0.04, B=0.01, C=0.03)
    assert found.meta["footnotes"] == [
        f"plan: vn-2021-2025 {name}, not verified"
        for name in ("national", "minority", "poor_district")
    ]
    one = pc.target(districts, time="year", plan=promised["national"])
    assert figures(one, district="B")["fulfilment"] == 1.0
    assert one.meta["plan"] == "vn-2021-2025 national, not verified"


# --- years of reaching it -------------------------------------------------------------------------


def test_each_assumption_has_its_year():
    est = rates([(2021, 40, 100), (2022, 38, 100), (2023, 33, 100)], ["year"])
    names = ["same_fall", "same_relative_fall", "planned_fall", "line"]
    result = pc.target(est, time="year", plan=0.05, by_year=2025, assumptions=names)
    even, relative, planned, line = figures(result)["reach_year"]
    # Down to 40 - 20 = 20 percent. 7 points in two years: 2021 + 2 x 20/7.
    assert even == float(2021 + Fraction(40, 7))
    assert relative == pytest.approx(2021 + 2 * math.log(0.5) / math.log(33 / 40))
    # 13 points are left, at 5 a year from 2023 on.
    assert planned == float(2023 + Fraction(13, 5))
    # The line falls by 3.5 a year from 40.5: 20.5/3.5 years.
    assert line == pytest.approx(2021 + 20.5 / 3.5)
    assert result["note"].tolist()[-4:] == [
        "assuming the same fall each year",
        "assuming the same relative fall each year",
        "assuming the planned fall each year from the last period on",
        "assuming the line through all periods",
    ]


def test_a_line_of_two_periods_and_one_that_rises_reach_nothing(districts):
    two = pc.target(districts, time="year", plan=0.03, assumptions="line")
    assert two.select(measure="reach_year")["note"].str.contains("needs three periods").all()
    est = rates([(2021, 30, 100), (2022, 32, 100), (2023, 34, 100)], ["year"])
    up = pc.target(est, time="year", plan=0.01, assumptions=["line", "planned_fall"])
    line, planned = figures(up)["reach_year"]
    assert math.isnan(line)
    assert "the line does not fall" in up["note"].iloc[-2]
    assert planned == 2029.0  # down to 28 percent, six points from 34, at one a year from 2023 on


def test_what_is_reached_needs_no_planned_fall():
    est = rates([(2021, 30, 100), (2023, 20, 100)], ["year"])
    found = figures(pc.target(est, time="year", plan=0.02, assumptions="planned_fall"))
    assert found["reach_year"] == [float(2021 + Fraction(8, 10))]


# --- printed figures ------------------------------------------------------------------------------


def test_printed_figures_are_compared_as_they_are_printed():
    # 12.204 and 8.9249 percent differ by 3.2791 points; printed 12.20 and 8.92, by 3.28.
    est = rates([(2021, 12_204, 100_000), (2022, 89_249, 1_000_000)], ["year"])
    plain, printed = (
        figures(pc.target(est, time="year", plan=0.0328, printed=digits)) for digits in (None, 2)
    )
    assert (plain["on_track"], printed["on_track"]) == (0.0, 1.0)
    assert printed["fulfilment"] == 1.0
    assert printed["achieved"] == 0.0328


def test_printed_numbers_have_their_own_digits():
    est = pc.Estimates.from_table({"year": [1, 2], "x": [10.44, 7.45]}, "year", estimate="x",
                                  measure="mean")  # fmt: skip
    found = figures(pc.target(est, time="year", plan=7.5, kind="level", printed=1))
    assert found["achieved"] == 2.9  # 10.4 - 7.5: half away from zero
    assert found["fulfilment"] == 1.0


# --- standard errors ------------------------------------------------------------------------------

DESIGN = pc.Design(psu="psu", period="year")


@pytest.fixture(scope="module")
def waves():
    """A rate of two years in ten PSUs that both hold."""
    draws = np.random.default_rng(8)
    base = draws.uniform(0.3, 0.6, 10)
    rows = [
        (year, c, int(poor))
        for t, year in enumerate((2021, 2023))
        for c in range(10)
        for poor in draws.random(30) < base[c] - 0.1 * t
    ]
    frame = pd.DataFrame(rows, columns=["year", "psu", "poor"])
    return pc.rate(frame, "poor", by="year", design=DESIGN)


def test_the_fall_has_the_error_of_the_change(waves):
    result = pc.target(waves, time="year", plan=0.03, by_year=2025)
    change = pc.change(waves, time="year")
    achieved = result.select(measure="achieved")
    assert achieved["se"].item() == pytest.approx(change["se"].item())
    assert achieved["ci_low"].item() == pytest.approx(-change["ci_high"].item())
    # planned 6 points: fulfilment is the fall over 0.06
    assert result.select(measure="fulfilment")["se"].item() == pytest.approx(
        change["se"].item() / 0.06
    )
    assert result.select(measure=["planned", "on_track"])["se"].isna().all()


def test_p_is_of_a_fall_short_of_the_plan(waves):
    from scipy.special import stdtr

    change = pc.change(waves, time="year")
    fall, se, df = -change["estimate"].item(), change["se"].item(), change["df"].item()
    for plan in (fall / 4, fall / 2, fall):
        result = pc.target(waves, time="year", plan=plan, by_year=2025)
        for measure in ("fulfilment", "on_track"):  # by 2023 an even pace brings what is planned
            p = result.select(measure=measure)["p_value"].item()
            assert p == pytest.approx(stdtr(df, -(fall - 2 * plan) / se), rel=1e-6)
    exactly = pc.target(waves, time="year", plan=fall / 2)
    assert exactly.select(measure="fulfilment")["p_value"].item() == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "plan"), [("points_per_year", 0.04), ("level", 0.2), ("relative", 0.6)]
)
def test_errors_are_those_of_the_delta_method(waves, kind, plan):
    words = {"time": "year", "plan": plan, "kind": kind, "by_year": 2026,
             "assumptions": ["same_fall", "same_relative_fall", "planned_fall"]}  # fmt: skip
    result = pc.target(waves, **words)
    p, cov, step = waves["estimate"].to_numpy(), waves.cov, 1e-6

    def again(move):
        table = {"year": [2021, 2023], "rate": p + move}
        est = pc.Estimates.from_table(table, "year", estimate="rate")
        return pc.target(est, **words)["estimate"].to_numpy()

    gradient = np.column_stack(
        [(again(step * side) - again(-step * side)) / (2 * step) for side in np.eye(2)]
    )
    wanted = np.sqrt(np.einsum("ij,jk,ik->i", gradient, cov, gradient))
    has_error = ~result["se"].isna().to_numpy()
    assert result["se"].to_numpy()[has_error] == pytest.approx(wanted[has_error], rel=1e-4)
    names = set(result["measure"][has_error])
    assert {"achieved", "fulfilment", "remaining", "required_pace", "reach_year"} <= names
    assert ("planned" in names) == (kind != "points_per_year")


def test_totals_have_errors_and_numbers_behind_rates_have_none():
    draws = np.random.default_rng(1)
    frame = pd.DataFrame({"year": np.repeat([2021, 2022], 200), "psu": np.tile(range(10), 40),
                          "poor": draws.integers(0, 2, 400)})  # fmt: skip
    totals = pc.total(frame, "poor", by="year", design=DESIGN)
    found = pc.target(totals, time="year", plan=5, kind="count").select(measure="achieved")
    assert found["se"].item() == pytest.approx(pc.change(totals, time="year")["se"].item())
    rates_of = pc.rate(frame, "poor", by="year", design=DESIGN)
    assert pc.target(rates_of, time="year", plan=5, kind="count")["se"].isna().all()


def test_printed_errors_count_when_taken_as_independent():
    table = {"year": [2021, 2022], "rate": [0.10, 0.06], "se": [0.004, 0.003]}
    est = pc.Estimates.from_table(table, "year", estimate="rate", se="se")
    assert pc.target(est, time="year", plan=0.03)["se"].isna().all()
    found = pc.target(est, time="year", plan=0.03, independent=True)
    assert found.select(measure="achieved")["se"].item() == pytest.approx(0.005)
    # 4 points against 3, two standard errors above: P(Z < -2).
    p = found.select(measure="on_track")["p_value"].item()
    assert p == pytest.approx(0.5 * math.erfc(2 / math.sqrt(2)))


def test_a_register_has_neither_errors_nor_p(districts):
    result = pc.target(districts, time="year", plan=0.03)
    assert result["se"].isna().all()
    assert result["p_value"].isna().all()


# --- oracle ---------------------------------------------------------------------------------------


@given(
    kind=st.sampled_from(["points_per_year", "level", "relative", "count"]),
    base=st.integers(1, 60),
    last=st.integers(0, 60),
    households=st.integers(60, 1000),
    plan=st.sampled_from(["0.01", "0.03", "0.125", "0.5", "1"]),
    years=st.integers(1, 5),
    more=st.sampled_from([None, -1, 0, 1, 4]),
)
def test_targets_agree_with_the_oracle(kind, base, last, households, plan, years, more):
    horizon = None if more is None else years + more
    assume(horizon is None or horizon > 0)
    est = rates([(2020, base, households), (2020 + years, last, households)], ["year"])
    scale = 1 if kind == "count" else households
    number = 10 * Fraction(plan) if kind == "count" else Fraction(plan)
    expected = target(kind, number, Fraction(base, scale), Fraction(last, scale), years, horizon)
    found = figures(
        pc.target(
            est,
            time="year",
            plan=float(number),
            kind=kind,
            by_year=None if horizon is None else 2020 + horizon,
        )
    )
    for measure, value in expected.items():
        if value is None:
            assert math.isnan(found[measure]), measure
        else:
            assert found[measure] == float(value), measure


def test_the_generator_meets_every_outcome():
    seen = set()
    for kind, plan in [("points_per_year", "0.03"), ("level", "0.125"), ("level", "0.5")]:
        for base, last in [(30, 27), (30, 10), (10, 20)]:
            found = target(kind, Fraction(plan), Fraction(base, 100), Fraction(last, 100), 1, 2)
            seen.add("no fall planned" if found["fulfilment"] is None else "planned")
            seen.add("on track" if found["on_track"] else "behind")
            seen.add("done" if found["remaining"] == 0 else "open")
    assert seen == {"no fall planned", "planned", "on track", "behind", "done", "open"}


# --- properties -----------------------------------------------------------------------------------


@given(st.integers(1, 400), st.integers(401, 10**7), st.data())
def test_a_commune_exactly_at_its_plan_has_reached_it(points, households, data):
    # the plan is points/1000; the base and the last figure differ by exactly that
    households = households * 1000
    base = data.draw(st.integers(points * households // 1000, households))
    last = base - points * households // 1000
    est = rates([(2021, base, households), (2022, last, households)], ["year"])
    found = figures(pc.target(est, time="year", plan=points / 1000))
    assert found["fulfilment"] == 1.0
    assert found["on_track"] == 1.0
    assert found["remaining"] == 0.0
    assert found["reach_year"][0] == 2022.0


def test_floats_would_have_missed_the_plan():
    # 0.3 - 0.2 is 0.09999999999999998 in floats, below a plan of 0.1
    assert 0.3 - 0.2 < 0.1
    printed = pc.Estimates.from_table(
        {"year": [2021, 2022], "rate": [0.3, 0.2]}, "year", estimate="rate"
    )
    counted = rates([(2021, 3, 10), (2022, 2, 10)], ["year"])
    for est in (printed, counted):
        assert figures(pc.target(est, time="year", plan=0.1))["fulfilment"] == 1.0


@pytest.mark.parametrize("kind", ["points_per_year", "level", "relative"])
@given(st.integers(1, 12), st.integers(2, 13))
def test_a_third_is_a_third_also_as_a_float(kind, up, down):
    # the fall, and the level reached, are both up/down of 2 x down households; 5/6 as a float is
    # above 5/6, 1/3 below
    assume(up < down)
    base, last = {"points_per_year": (2 * up, 0), "level": (2 * down, 2 * up)}.get(
        kind, (2 * down, 2 * (down - up))
    )
    est = rates([(2021, base, 2 * down), (2022, last, 2 * down)], ["year"])
    found = figures(pc.target(est, time="year", plan=up / down, kind=kind, by_year=2022))
    assert found["fulfilment"] == 1.0
    assert found["on_track"] == 1.0
    assert found["remaining"] == 0.0


def test_a_decimal_near_a_third_is_that_decimal():
    est = rates([(2021, 1, 3), (2022, 0, 3)], ["year"])
    found = figures(pc.target(est, time="year", plan=0.3333))
    assert found["planned"] == 0.3333


def test_one_household_short_of_the_plan_is_not_reached():
    est = rates([(2021, 300_000, 10**6), (2022, 200_001, 10**6)], ["year"])
    found = figures(pc.target(est, time="year", plan=0.1))
    assert found["on_track"] == 0.0
    assert found["remaining"] == 1e-6
    assert found["fulfilment"] < 1


def test_register_and_table_give_the_same_target(districts):
    hh = [
        {"district": d, "year": y, "poor": i < poor}
        for d, y, poor in [("A", 2021, 25), ("A", 2022, 20), ("B", 2021, 10), ("B", 2022, 9)]
        for i in range(100)
    ]
    est = pc.rate(pd.DataFrame(hh), "poor", by=["district", "year"])
    found = pc.target(est, time="year", plan=0.03)
    expected = pc.target(districts.select(district=["A", "B"]), time="year", plan=0.03)
    assert found["estimate"].equals(expected["estimate"])


# --- edges ----------------------------------------------------------------------------------------


def test_a_base_that_meets_the_level_has_nothing_to_fulfil(districts):
    est = pc.target(districts, time="year", plan=0.15, kind="level")
    assert math.isnan(figures(est, district="B")["fulfilment"])
    note = est.select(district="B", measure="fulfilment")["note"].item()
    assert note == "the first period already meets the level"
    assert figures(est, district="B")["on_track"] == 1.0


def test_below_its_level_a_group_is_on_track_even_if_it_rises():
    # from 2 up to 4 percent: still at most 5, but half of the way up before half of the time
    est = rates([(2021, 2, 100), (2022, 4, 100)], ["year"])
    found = figures(pc.target(est, time="year", plan=0.05, kind="level", by_year=2023))
    assert (found["on_track"], found["remaining"], found["required_pace"]) == (1.0, 0.0, 0.0)
    assert found["reach_year"] == [2021.0, 2021.0]


def test_a_level_that_was_met_and_is_no_longer_is_not_reached():
    est = rates([(2021, 2, 100), (2022, 6, 100)], ["year"])
    found = figures(pc.target(est, time="year", plan=0.05, kind="level", by_year=2023))
    assert (found["on_track"], found["remaining"]) == (0.0, 0.01)
    assert np.isnan(found["reach_year"]).all()


def test_a_group_without_a_figure_has_no_number_of_poor():
    hh = {"year": [2021, 2021, 2022], "poor": [1, 0, np.nan]}
    est = pc.rate(hh, "poor", by="year")
    assert est["numerator"].tolist() == [1.0, 0.0]
    found = pc.target(est, time="year", plan=1, kind="count")
    assert found["estimate"].isna().all()
    assert all("2022: every value is missing" in note for note in found["note"])


def test_a_plan_finds_its_number_whether_whole_or_float():
    est = rates([(1, 2021, 25, 100), (1, 2022, 20, 100)], ["code", "year"])
    table = {"code": [1.0], "plan": [0.05]}
    assert figures(pc.target(est, time="year", plan=table))["fulfilment"] == 1.0


def test_a_plan_of_nothing_has_nothing_to_fulfil(districts):
    est = pc.target(districts, time="year", plan=0)
    assert math.isnan(figures(est, district="A")["fulfilment"])
    assert figures(est, district="A")["on_track"] == 1.0
    assert figures(est, district="C")["on_track"] == 0.0


def test_without_a_fall_the_plan_is_never_reached(districts):
    est = pc.target(districts, time="year", plan=0.03)
    found = figures(est, district="C")
    assert found["fulfilment"] == float(Fraction(-2, 3))
    assert np.isnan(found["reach_year"]).all()
    notes = est.select(district="C", measure="reach_year")["note"]
    assert all("not reached: there was no fall" in note for note in notes)


def test_a_relative_fall_never_comes_to_zero():
    est = rates([(2021, 10, 100), (2022, 5, 100)], ["year"])
    even, relative = figures(pc.target(est, time="year", plan=0, kind="level"))["reach_year"]
    assert even == 2023.0
    assert math.isnan(relative)


def test_a_group_without_a_period_keeps_its_rows_and_names_the_period(districts):
    rows = [("A", 2021, 25, 100), ("A", 2022, 20, 100), ("D", 2021, 10, 100)]
    est = pc.target(rates(rows), time="year", plan=0.03)
    lacking = est.select(district="D")
    assert len(lacking) == 8
    assert lacking["estimate"].isna().all()
    assert all("no figure for 2022" in note for note in lacking["note"])


def test_text_years_give_the_same_target(lang_son):
    frame = lang_son.to_frame().astype({"year": str})
    est = pc.Estimates.from_table(frame, "year", numerator="numerator", denominator="denominator")
    found = pc.target(est, time="year", plan=0.03, by_year="2025")
    expected = pc.target(lang_son, time="year", plan=0.03, by_year=2025)
    assert found["estimate"].equals(expected["estimate"])


def test_by_year_now_or_past_needs_no_pace_where_the_plan_is_met(districts):
    est = pc.target(districts, time="year", plan=0.03, by_year=2022)
    assert figures(est, district="A")["required_pace"] == 0.0
    assert math.isnan(figures(est, district="B")["required_pace"])


def test_nothing_is_planned_after_the_year_of_the_plan():
    # 3 points a year from 2021 to 2022 are 3; by 2024 it fell by 5: 5/3 of the plan
    est = rates([(2021, 100, 1000), (2024, 50, 1000)], ["year"])
    found = figures(pc.target(est, time="year", plan=0.03, by_year=2022))
    assert found["planned"] == 0.03
    assert found["fulfilment"] == float(Fraction(5, 3))
    assert (found["remaining"], found["on_track"]) == (0.0, 1.0)


# --- movements ------------------------------------------------------------------------------------

# Four reviews' letters per household: (p)oor, (n)ear-poor, (o)ther, - for not in the register.
LETTERS = {"p": "poor", "n": "near_poor", "o": "other"}
HOUSEHOLDS = {
    "A": ["ppp", "pnp", "poo", "p-p", "opo", "npn", "non", "-pn"],
    "B": ["ppo", "pnn", "oop"],
}


def reviews(households):
    """One register a year from letters by commune."""
    rows = [
        (2020 + t, f"{place}{i}", place, LETTERS[letters[t]])
        for place, lists in households.items()
        for i, letters in enumerate(lists)
        for t in range(len(letters))
        if letters[t] != "-"
    ]
    frame = pd.DataFrame(rows, columns=["year", "hh", "commune", "status"])
    return {year: rows for year, rows in frame.groupby("year")}


def accounts(households=HOUSEHOLDS, **words):
    return pc.movements(reviews(households), "status", id="hh", time="year", **words)


def test_escapes_of_a_register_are_held_against_the_plan():
    poor = accounts(by="commune").select(status="poor")
    est = pc.target(poor, time="year", plan=4, kind="count", by_year=2024, moves="escaped")
    # A: pnp and poo escape at once, then opo, npn and -pn; p-p left. B: pnn, then ppo.
    a, b = figures(est, commune="A"), figures(est, commune="B")
    assert (a["achieved"], a["fulfilment"], a["on_track"]) == (5, 1.25, 1.0)
    assert (b["achieved"], b["remaining"], b["required_pace"]) == (2, 2, 1.0)
    assert b["reach_year"][0] == 2024.0
    assert set(est["of"]) == {"escaped"}
    assert est["status"].unique().tolist() == ["poor"]
    assert set(est["year_from"]) | set(est["year_to"]) == {2020, 2022}


def test_the_net_fall_of_movements_is_that_of_the_totals():
    rows = pd.concat(reviews(HOUSEHOLDS).values())
    rows["is_poor"] = rows["status"] == "poor"
    totals = pc.total(rows, "is_poor", by=["commune", "year"])
    poor = accounts(by="commune").select(status="poor")
    for words in ({"plan": 2, "kind": "count"}, {"plan": 0.5, "kind": "relative"}):
        net = pc.target(poor, time="year", **words)
        assert net["estimate"].equals(pc.target(totals, time="year", **words)["estimate"])
        assert set(net["of"]) == {"total"}


def test_a_relative_plan_of_escapes_is_a_share_of_those_at_the_start():
    poor = accounts(by="commune").select(status="poor", commune="A")
    found = figures(pc.target(poor, time="year", plan=0.5, kind="relative", moves="escaped"))
    assert (found["planned"], found["achieved"], found["fulfilment"]) == (2, 5, 2.5)  # of 4 poor


def test_the_near_poor_escape_above_only():
    near = pc.target(accounts(), time="year", plan=1, kind="count", moves="escaped")
    # Of A: non; of pnp and npn one became poor. Nobody of B went above.
    assert figures(near, status="near_poor")["achieved"] == 1


def test_persons_who_escape_are_counted_at_their_size_of_the_start():
    registers = reviews({"A": ["po", "pp"]})
    for year, size in ((2020, 4), (2021, 3)):
        registers[year]["size"] = size
    design = pc.Design(size="size")
    moved = pc.movements(registers, "status", id="hh", time="year", design=design, count="persons")
    words = {"time": "year", "plan": 4, "kind": "count", "moves": "escaped"}
    found = pc.target(moved.select(status="poor"), **words)
    assert figures(found)["achieved"] == 4
    assert set(found["unit"]) == {"persons"}


@given(st.lists(st.text("pno-", min_size=3, max_size=3), min_size=1, max_size=25))
def test_the_net_fall_is_escapes_less_those_who_became_poor(letters):
    assume({"p", "n"} & set("".join(letters)))
    assume(all(any(h[t] != "-" for h in letters) for t in range(3)))
    poor = accounts({"A": letters}).select(status="poor")
    words = {"time": "year", "plan": 1, "kind": "count"}
    net, gross = (
        figures(pc.target(poor, moves=moves, **words))["achieved"] for moves in ("net", "escaped")
    )
    pairs = [h[t : t + 2] for h in letters for t in (0, 1)]
    assert gross == sum(pair in ("pn", "po") for pair in pairs)
    came = sum(pair[0] != "p" and pair[1] == "p" for pair in pairs)
    assert net == gross + sum(pair == "p-" for pair in pairs) - came


# --- errors ---------------------------------------------------------------------------------------


def test_escapes_need_movements_and_a_plan_in_households(districts):
    words = {"time": "year", "plan": 1, "moves": "escaped"}
    with pytest.raises(errors.OptionError, match=r"pc\.movements"):
        pc.target(districts, kind="count", **words)
    for kind in ("points_per_year", "level"):
        with pytest.raises(errors.OptionError, match="of a net fall") as caught:
            pc.target(accounts(), kind=kind, **words)
        assert caught.value.argument == "kind"
    with pytest.raises(errors.OptionError, match="'net'"):
        pc.target(districts, time="year", plan=1, moves="gross")


def test_movements_must_follow_each_other():
    gap = pc.concat([accounts({"A": ["po"]}), accounts({"A": ["ppo"]}).select(year_from=2021)])
    words = {"time": "year", "plan": 1, "kind": "count", "moves": "escaped"}
    assert figures(pc.target(gap, **words), status="poor")["achieved"] == 2
    moved = accounts({"A": ["pppo"]})
    with pytest.raises(errors.ValueRangeError, match="follow each other"):
        pc.target(moved.select(year_from=[2020, 2022]), **words)
    with pytest.raises(errors.ColumnNotFoundError, match="yaer_from"):
        pc.target(moved, **{**words, "time": "yaer"})


@pytest.mark.parametrize("kind", ["points_per_year", "level", "relative"])
def test_percent_for_a_fraction_is_an_error_that_says_so(lang_son, kind):
    with pytest.raises(errors.ValueRangeError, match=r"3 points = 0\.03") as caught:
        pc.target(lang_son, time="year", plan=3.0, kind=kind)
    assert caught.value.argument == "plan"


@pytest.mark.parametrize("plan", [-0.03, math.nan, math.inf, {"A": -0.01}, {"A": "0.03"}])
def test_a_plan_that_is_no_fall_is_an_error(districts, plan):
    with pytest.raises(errors.ValueRangeError, match="plan"):
        pc.target(districts, time="year", plan=plan)


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"kind": "points"}, errors.OptionError, "kind must be"),
        ({"assumptions": "soon"}, errors.OptionError, "same_fall"),
        ({"printed": -1}, errors.OptionError, "printed must be"),
        ({"classes": {"A": "x"}}, errors.OptionError, "mapping from class"),
        ({"plan": {"y": 0.01}, "classes": {"A": "x"}}, errors.OptionError, "class 'y'"),
        ({"plan": {"x": 0.01}, "classes": {"Z": "x"}}, errors.OptionError, "classes names"),
        ({"plan": pc.goals("vn-2026-2030")["minority"]}, errors.OptionError, "kind 'level'"),
        ({"time": "yaer"}, errors.ColumnNotFoundError, "did you mean 'year'"),
        ({"by_year": 2021}, errors.OptionError, "by_year must be"),
        ({"plan": None}, errors.ValueRangeError, "plan is None; a number"),
        ({"plan": "3"}, errors.ValueRangeError, "plan is '3'; a number"),
        ({"plan": [0.03]}, errors.ValueRangeError, r"plan is \[0.03\]; a number"),
        ({"by_year": "soon"}, errors.OptionError, "by_year must be"),
        ({"plan": {"D": 0.03}}, errors.OptionError, "'D'"),
        ({"plan": {"district": ["A"]}}, errors.ColumnNotFoundError, "plan"),
        ({"plan": {"commune": ["A"], "plan": [0.1]}}, errors.OptionError, "district"),
        (
            {"plan": {"district": ["A", "A"], "plan": [0.1, 0.2]}},
            errors.DuplicateNameError,
            "row 1",
        ),
    ],
)
def test_an_unknown_word_is_an_error(districts, words, error, message):
    with pytest.raises(error, match=message):
        pc.target(districts, **{"time": "year", "plan": 0.03, **words})


def test_a_misspelt_group_is_named_with_those_that_come_close():
    est = rates([("Bình Gia", 2021, 10, 100), ("Bình Gia", 2022, 9, 100)])
    with pytest.raises(errors.OptionError, match="did you mean 'Bình Gia'"):
        pc.target(est, time="year", plan={"Binh Gia": 0.01})


def test_a_code_as_text_is_not_the_number():
    est = rates([(1, 2021, 25, 100), (1, 2022, 20, 100)], ["code", "year"])
    with pytest.raises(errors.OptionError, match="'1', which the estimates lack"):
        pc.target(est, time="year", plan={"1": 0.05})


def test_a_mapping_needs_groups(lang_son):
    with pytest.raises(errors.OptionError, match="no groups"):
        pc.target(lang_son, time="year", plan={"A": 0.03})


def test_points_of_a_number_are_an_error():
    est = pc.total({"year": [2021, 2021, 2022]}, by="year")
    with pytest.raises(errors.OptionError, match="needs rates"):
        pc.target(est, time="year", plan=0.03)


def test_a_plan_in_numbers_needs_counts():
    est = pc.Estimates.from_table(
        {"year": [2021, 2022], "rate": [0.3, 0.2]}, "year", estimate="rate"
    )
    with pytest.raises(errors.OptionError, match="numerators"):
        pc.target(est, time="year", plan=100, kind="count")


def test_two_standards_are_compared_only_when_told_to():
    frame = {"year": [2021, 2022], "rate": [0.12, 0.09], "std": ["vn-2016", "vn-2022"]}
    est = pc.Estimates.from_table(frame, "year", estimate="rate", standard="std")
    with pytest.raises(errors.ComparabilityError):
        pc.target(est, time="year", plan=0.03)
    told = pc.target(est, time="year", plan=0.03, across_standards=True)
    assert all("across standards: vn-2016 and vn-2022" in note for note in told["note"])


def test_one_period_is_an_error(lang_son):
    with pytest.raises(errors.ValueRangeError, match="two periods"):
        pc.target(lang_son.select(year=2021), time="year", plan=0.03)
