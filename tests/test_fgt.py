"""Monetary poverty by group: headcount, gap, severity, Watts, Clark-Hemming-Ulph, shortfalls.

Source of truth: arithmetic in the comments, and tests/oracles/fgt.py, exact fractions and decimals
of 60 digits row by row. Standard errors: tests/test_fgt_reference.py.
"""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

import povertycore as pc
from oracles.fgt import poverty
from povertycore import errors

NAN = math.nan
ALL = (
    *("headcount", "gap", "severity", "watts", "chu", "income_gap_ratio"),
    *("n_poor", "total_shortfall", "mean_shortfall", "mean_shortfall_per_poor"),
)


@pytest.fixture
def hh():
    """Line 2: in the north gaps of 3/4, 1/2 (twice), 0; in the south 1/4 (three times)."""
    return pd.DataFrame(
        {
            "region": ["north", "north", "north", "south"],
            "income": [0.5, 1.0, 2.0, 1.5],
            "w": [1.0, 2.0, 1.0, 3.0],
            "members": [4, 1, 2, 5],
        }
    )


WEIGHT = pc.Design(weight="w", row="person")


def figures(est, measure, column="estimate"):
    return est.select(measure=measure)[column].tolist()


# --- worked example -------------------------------------------------------------------------------


def test_headcount_gap_and_severity_on_paper(hh):
    est = pc.fgt(hh, "income", line=2, by="region", design=WEIGHT)
    # north: 1 + 2 of 4 are poor; gaps 3/4 + 2 x 1/2 = 7/4; squares 9/16 + 2 x 1/4 = 17/16
    assert figures(est, "headcount") == [3 / 4, 1.0]
    assert figures(est, "gap") == [7 / 16, 1 / 4]
    assert figures(est, "severity") == [17 / 64, 1 / 16]
    assert figures(est, "gap", "numerator") == [7 / 4, 3 / 4]
    assert figures(est, "gap", "denominator") == [4.0, 3.0]
    assert figures(est, "gap", "population") == [4.0, 3.0]
    assert set(est["unit"]) == {"persons"}


def test_a_real_alpha_is_a_power_of_the_gap(hh):
    est = pc.fgt(hh, "income", line=2, alpha=[0.5, 3], design=WEIGHT)
    # gaps 3/4, 1/2 twice, 1/4 three times, of 7
    halves = (math.sqrt(3 / 4) + 2 * math.sqrt(1 / 2) + 3 * math.sqrt(1 / 4)) / 7
    cubes = (27 / 64 + 2 / 8 + 3 / 64) / 7
    assert est["estimate"].tolist() == pytest.approx([halves, cubes], rel=1e-15)
    assert est["measure"].tolist() == ["fgt", "fgt"]
    assert est["alpha"].tolist() == [0.5, 3.0]


def test_watts_is_the_mean_logarithm_of_line_over_income(hh):
    (found,) = pc.fgt(hh, "income", line=2, measures="watts", design=WEIGHT)["estimate"]
    assert found == pytest.approx((math.log(4) + 2 * math.log(2) + 3 * math.log(4 / 3)) / 7)


def test_chu_with_b_of_a_half_on_paper(hh):
    est = pc.fgt(hh, "income", line=2, measures="chu", b=[0.5, 1], by="region", design=WEIGHT)
    # north: 2 (1 - sqrt(1/4)) + 2 x 2 (1 - sqrt(1/2)), of 4; with b = 1 it is the gap
    assert est["estimate"].tolist() == pytest.approx(
        [(1 + 4 - 4 * math.sqrt(0.5)) / 4, 7 / 16, 2 - 2 * math.sqrt(3 / 4), 1 / 4]
    )
    assert est["alpha"].tolist() == [0.5, 1.0, 0.5, 1.0]


def test_shortfalls_and_the_income_gap_ratio_on_paper(hh):
    est = pc.fgt(hh, "income", line=2, measures=list(ALL), by="region", design=WEIGHT)
    # north: the poor lack 1.5 and twice 1; the gaps of the 3 poor add up to 7/4
    assert figures(est, "n_poor") == [3.0, 3.0]
    assert figures(est, "total_shortfall") == [3.5, 1.5]
    assert figures(est, "mean_shortfall") == [3.5 / 4, 0.5]
    assert figures(est, "mean_shortfall_per_poor") == [3.5 / 3, 0.5]
    assert figures(est, "income_gap_ratio") == [7 / 12, 1 / 4]
    assert est.select(measure=["n_poor", "total_shortfall"])["numerator"].isna().all()
    assert figures(est, "income_gap_ratio", "denominator") == [3.0, 3.0]


def test_persons_weigh_with_the_members(hh):
    est = pc.fgt(hh, "income", line=2, alpha=1, design=pc.Design(weight="w", size="members"))
    # members 4 x 1, 1 x 2, 2 x 1, 5 x 3 = 23; gaps 3/4 x 4 + 1/2 x 2 + 1/4 x 15
    assert est["estimate"].tolist() == [(3 + 1 + 15 / 4) / 23]
    assert est["unit"].tolist() == ["persons"]
    households = pc.fgt(
        hh, "income", line=2, alpha=0, count="households", design=pc.Design(size="members")
    )
    assert households["estimate"].tolist() == [3 / 4]


def test_columns_and_rows_stand_in_the_order_of_the_contract(hh):
    frame = pc.fgt(hh, "income", line=[1.5, 1], alpha=[1, 0], by="region").to_frame()
    assert frame.columns.tolist()[:5] == ["region", "variable", "line", "alpha", "measure"]
    assert frame.columns.tolist()[5:] == [
        *("estimate", "se", "ci_low", "ci_high", "cv", "df", "deff"),
        *("n_obs", "n_missing", "n_psu", "numerator", "denominator", "population"),
        *("unit", "standard", "note"),
    ]
    assert frame["line"].tolist() == [1.5, 1.5, 1.0, 1.0] * 2
    assert frame["measure"].tolist() == ["gap", "headcount"] * 4
    assert frame["line"].dtype == frame["alpha"].dtype == np.float64
    assert (frame["se"].isna() & (frame["note"] == "")).all()


def test_those_of_alpha_come_before_other_measures(hh):
    est = pc.fgt(hh, "income", line=2, alpha=[2, 0], measures=["n_poor", "gap"])
    assert est["measure"].tolist() == ["severity", "headcount", "n_poor", "gap"]
    est = pc.fgt(hh, "income", line=2, measures=["gap", "fgt"])
    assert est["measure"].tolist() == ["gap", "headcount", "severity"]


def test_a_line_may_be_a_column_a_number_by_label_or_an_array(hh):
    hh["z"] = [2.0, 1.0, 4.0, 1.5]
    by_row = pc.fgt(hh, "income", line="z", alpha=1, by="region")
    # north: 3/4, 0 (at its line), 1/2; south: 0
    assert by_row["estimate"].tolist() == [5 / 12, 0.0]
    assert by_row["line"].tolist() == ["z", "z"]
    as_array = pc.fgt(hh, "income", line=hh["z"].to_numpy(), alpha=1, by="region")
    assert as_array["estimate"].tolist() == [5 / 12, 0.0]
    by_label = pc.fgt(hh, "income", line={"north": 1, "south": 3}, alpha=1, by="region")
    assert by_label["estimate"].tolist() == [1 / 6, 1 / 2]
    assert by_label["line"].tolist() == ["by region"] * 2
    named = pc.fgt(hh, "income", line={"region": {"north": 1, "south": 3}}, alpha=1)
    assert named["estimate"].tolist() == [(1 / 2 + 1 / 2) / 4]


def test_numbers_and_columns_mix_as_lines(hh):
    hh["z"] = 2.0
    est = pc.fgt(hh, "income", line=[1.25, "z"], alpha=0)
    assert est["line"].tolist() == ["1.25", "z"]
    assert est["estimate"].tolist() == [0.5, 0.75]


def test_who_is_exactly_at_the_line_is_poor_only_by_the_other_rule(hh):
    below = pc.fgt(hh, "income", line=2, measures=list(ALL), design=WEIGHT)
    at = pc.fgt(hh, "income", line=2, measures=list(ALL), design=WEIGHT, poor="at_or_below")
    assert figures(below, "headcount") == [6 / 7]
    assert figures(at, "headcount") == [1.0]
    assert figures(at, "n_poor") == [7.0]
    # who lacks nothing adds to no other measure but those that are shared among the poor
    for measure in ("gap", "severity", "watts", "chu", "total_shortfall", "mean_shortfall"):
        assert figures(at, measure) == figures(below, measure), measure
    assert figures(at, "income_gap_ratio") == [(7 / 4 + 3 / 4) / 7]


def test_over_totals_where_and_standards_work_as_in_rate(hh):
    est = pc.fgt(hh, "income", line=2, alpha=0, over="region", standard="vn-2022")
    assert est["level"].tolist() == ["(total)", "north", "south"]
    assert est["estimate"].tolist() == [3 / 4, 2 / 3, 1.0]
    assert est["standard"].tolist() == ["vn-2022"] * 3
    totals = pc.fgt(hh, "income", line=2, alpha=1, by="region", totals="region", design=WEIGHT)
    assert totals["region"].tolist() == ["north", "south", "(total)"]
    assert totals["estimate"].tolist() == [7 / 16, 1 / 4, 10 / 28]
    inside = pc.fgt(hh, "income", line=2, alpha=0, by="region", where=hh["w"] > 1)
    assert inside["estimate"].tolist() == [1.0, 1.0]
    assert inside["n_obs"].tolist() == [1, 1]


# --- incomes that are not positive ----------------------------------------------------------------


@pytest.fixture
def odd():
    """Line 2: a negative income, a zero one, a poor one, one above the line, one missing."""
    return pd.DataFrame({"income": [-1.0, 0.0, 1.0, 3.0, NAN]})


def test_negative_incomes_count_as_they_are_and_are_counted(odd):
    est = pc.fgt(odd, "income", line=2)
    # gaps 3/2, 1, 1/2, 0
    assert est["estimate"].tolist() == [3 / 4, 3 / 4, (9 / 4 + 1 + 1 / 4) / 4]
    note = "1 row with negative welfare: gap above 1"
    assert est["note"].tolist() == ["", note, note]
    assert est["n_missing"].tolist() == [1, 1, 1]
    assert est.meta["n_negative"] == 1


def test_a_gap_is_a_proportion_only_where_no_income_is_negative(odd):
    odd["side"] = [1, 2, 1, 2, 2]
    odd["psu"] = [1, 1, 2, 2, 3]
    est = pc.fgt(odd, "income", line=2, by="side", design=pc.Design(psu="psu"))
    # an interval of a proportion stays within 0 and 1; the plain one of side 1 does not
    gaps = est.select(measure="gap")
    assert gaps["ci_low"].iloc[0] < 0
    assert 0 < gaps["ci_low"].iloc[1]
    assert gaps["ci_high"].iloc[1] < 1


def test_each_group_notes_its_own_incomes(odd):
    odd["side"] = [1, 1, 2, 3, 3]
    est = pc.fgt(odd, "income", line=2, by="side", alpha=1, measures="watts", nonpositive="drop")
    assert figures(est, "gap", "note") == ["1 row with negative welfare: gap above 1", "", ""]
    assert figures(est, "watts", "n_missing") == [2, 0, 1]
    notes = figures(est, "watts", "note")
    assert notes[0].endswith("2 rows with zero or negative welfare left out")
    assert notes[1:] == ["", ""]


@pytest.mark.parametrize("measure", ["watts", "chu"])
def test_watts_and_chu_refuse_incomes_they_are_not_defined_for(odd, measure):
    with pytest.raises(errors.ValueRangeError, match="nonpositive= says") as caught:
        pc.fgt(odd[::-1], "income", line=2, measures=measure)
    assert caught.value.row == {"watts": 3, "chu": 4}[measure]
    assert caught.value.column == "income"


def test_chu_is_defined_at_zero(odd):
    (found,) = pc.fgt(odd[1:], "income", line=2, measures="chu")["estimate"]
    # the incomes 0, 1 and 3 have the scores 2, twice 1 - sqrt(1/2), and 0
    assert found == pytest.approx((2 + 2 - 2 * math.sqrt(0.5)) / 3)


def test_drop_leaves_them_out_and_counts_them_as_missing(odd):
    est = pc.fgt(odd, "income", line=2, alpha=0, measures=["watts", "chu"], nonpositive="drop")
    assert est["n_obs"].tolist() == [4, 2, 3]
    assert est["n_missing"].tolist() == [1, 3, 2]
    assert est["population"].tolist() == [4.0, 2.0, 3.0]
    assert est["estimate"].tolist()[1] == pytest.approx(math.log(2) / 2)
    assert est["note"].tolist() == [
        "",
        "2 rows with zero or negative welfare left out",
        "1 row with negative welfare left out",
    ]


def test_skip_keeps_their_weight_in_the_denominator(odd):
    est = pc.fgt(odd, "income", line=2, measures="watts", nonpositive={"watts": "skip"})
    assert est["estimate"].tolist() == pytest.approx([math.log(2) / 4])
    assert est["n_obs"].tolist() == [4]
    assert est["note"].tolist() == ["2 rows with zero or negative welfare scored 0"]
    assert est.meta["nonpositive"] == {"watts": "skip"}


def test_floor_lifts_every_income_below_it(odd):
    odd.loc[5] = 0.125
    est = pc.fgt(odd, "income", line=2, measures="watts", nonpositive=("floor", 0.25))
    # three incomes are taken as 1/4
    assert est["estimate"].tolist() == pytest.approx([(3 * math.log(8) + math.log(2)) / 5])
    assert est["note"].tolist() == ["3 rows with welfare below 0.25, taken as 0.25"]
    rules = {"chu": ("floor", 0), "watts": ("floor", 1)}
    zero = pc.fgt(odd, "income", line=2, measures="chu", nonpositive=rules)
    assert zero["note"].tolist() == ["1 row with welfare below 0, taken as 0"]


def test_an_income_outside_the_domain_or_without_a_line_is_not_refused(odd):
    inside = pc.fgt(odd, "income", line=2, measures="watts", where=odd["income"] > 0)
    assert inside["estimate"].tolist() == pytest.approx([math.log(2) / 2])
    line = np.where(odd["income"] > 0, 2.0, NAN)
    assert pc.fgt(odd, "income", line=line, measures="watts")["n_obs"].tolist() == [2]


# --- oracle ---------------------------------------------------------------------------------------

AMOUNTS = st.one_of(
    st.none(),
    st.sampled_from([0.0, -3.0, 1.0, 2.0, 0.1, 1e-9, 1999.9999999999998, 2000.0]),
    st.floats(min_value=-1e4, max_value=1e4, width=32),
)
HOUSEHOLDS = st.lists(
    st.fixed_dictionaries(
        {
            "place": st.sampled_from("ab"),
            "income": AMOUNTS,
            "z": st.one_of(st.none(), st.sampled_from([1.0, 2.0, 2000.0, 0.1])),
            "inside": st.booleans(),
            "w": st.sampled_from([0.0, 0.1, 1.0, 2.5]),
            "members": st.integers(1, 5),
        }
    ),
    min_size=1,
    max_size=12,
)
CHOICES = st.tuples(
    st.sampled_from([(m, None) for m in ALL] + [("fgt", a) for a in (0.5, 1.75, 3.0)]),
    st.sampled_from(["z", 2.0, 0.1]),
    st.sampled_from(["below", "at_or_below"]),
    st.sampled_from(["drop", "skip", "floor"]),
)
occurred = {"poor": 0, "not poor": 0, "negative": 0, "empty": 0, "at line": 0}


def note_what_occurred(rows, line):
    for row in rows:
        z = row["z"] if line == "z" else line
        if None in (row["income"], z):
            continue
        occurred["poor" if row["income"] < z else "not poor"] += 1
        occurred["negative"] += row["income"] < 0
        occurred["at line"] += row["income"] == z
    occurred["empty"] += not any(row["inside"] for row in rows)


@given(HOUSEHOLDS, CHOICES)
@settings(max_examples=250)
def test_every_measure_equals_the_oracle(rows, choice):
    (measure, parameter), line, poor, rule = choice
    note_what_occurred(rows, line)
    parameter = 0.25 if measure == "chu" else parameter
    words = {"alpha": parameter} if measure == "fgt" else {"measures": measure, "b": 0.25}
    frame = pd.DataFrame(rows).astype({"income": float, "z": float})
    est = pc.fgt(
        frame,
        "income",
        line=line,
        by="place",
        where="inside",
        design=pc.Design(weight="w", size="members"),
        count="persons",
        poor=poor,
        nonpositive=("floor", 0.5) if rule == "floor" else rule,
        **words,
    ).to_frame()
    expected = poverty(
        rows,
        *("income", line, measure, parameter),
        by=["place"],
        where="inside",
        weight="w",
        size="members",
        poor=poor,
        rule=rule,
        floor=0.5,
    )
    assert est["place"].tolist() == sorted(place for (place,) in expected)
    for row in est.to_dict("records"):
        cell = expected[row["place"],]
        assert row["n_obs"] == cell["n_obs"]
        assert row["n_missing"] == cell["n_missing"]
        assert row["population"] == pytest.approx(float(cell["population"]), rel=1e-12)
        if cell["estimate"] is None:
            assert math.isnan(row["estimate"])
        else:
            assert row["estimate"] == pytest.approx(float(cell["estimate"]), rel=1e-12, abs=1e-300)


def test_the_oracle_saw_every_kind_of_income():
    assert all(n > 10 for n in occurred.values()), occurred


def test_close_to_the_line_and_to_zero_watts_and_chu_keep_their_figures():
    income = 2000.0 * (1 - 2.0**-40)
    tiny = 5e-324  # 2000 over it is no number any more, its logarithm is
    for rows in ([{"income": income}], [{"income": tiny}], [{"income": income}, {"income": tiny}]):
        est = pc.fgt(pd.DataFrame(rows), "income", line=2000, measures=["watts", "chu"], b=1e-3)
        for measure, parameter in (("watts", None), ("chu", 1e-3)):
            cells = poverty(rows, "income", 2000, measure, parameter)
            exact = float(cells[()]["estimate"])
            assert figures(est, measure) == pytest.approx([exact], rel=1e-12)


# --- properties -----------------------------------------------------------------------------------


def sample(n=5000, seed=1):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "region": rng.integers(0, 7, n),
            "income": np.exp(rng.normal(7, 0.8, n)),
            "z": rng.uniform(500, 1500, n),
            "w": rng.integers(1, 9, n).astype(float),
        }
    )


def test_income_and_line_in_another_currency_change_no_ratio():
    hh = sample()
    words = {"by": "region", "design": WEIGHT, "measures": [m for m in ALL if "short" not in m]}
    here = pc.fgt(hh, "income", line="z", **words)["estimate"]
    hh[["income", "z"]] *= 4096.0  # a power of two changes no digit
    there = pc.fgt(hh, "income", line="z", **words)["estimate"]
    assert here.tolist() == there.tolist()
    hh[["income", "z"]] *= 23000.0
    assert pc.fgt(hh, "income", line="z", **words)["estimate"].tolist() == pytest.approx(
        here.tolist(), rel=1e-12
    )


def test_indices_of_groups_weighted_by_their_people_add_up():
    hh = sample()
    words = {"line": "z", "alpha": [0, 1, 2, 0.5], "measures": ["watts", "chu"], "design": WEIGHT}
    whole = pc.fgt(hh, "income", **words)
    parts = pc.fgt(hh, "income", by="region", **words).to_frame()
    for row in whole.to_frame().to_dict("records"):
        mine = parts[(parts["measure"] == row["measure"]) & parts["alpha"].eq(row["alpha"])]
        if math.isnan(row["alpha"]):
            mine = parts[parts["measure"] == row["measure"]]
        share = mine["population"] / row["population"]
        assert (share * mine["estimate"]).sum() == pytest.approx(row["estimate"], rel=1e-12)
        assert len(mine) == 7


def test_higher_powers_and_lower_lines_give_less_poverty():
    hh = sample()
    est = pc.fgt(hh, "income", line=[1500, 1000, 700], alpha=[0, 0.5, 1, 2, 3], by="region")
    table = est["estimate"].to_numpy().reshape(7, 3, 5)
    assert (np.diff(table, axis=2) < 0).all()
    assert (np.diff(table, axis=1) < 0).all()


def test_a_transfer_from_a_poor_person_to_a_poorer_one_lowers_severity_but_not_the_gap():
    income = np.array([100.0, 300.0, 2000.0])
    after = income + [50, -50, 0]
    gap, severity = (
        [pc.fgt({"y": y}, "y", line=512, alpha=a)["estimate"].item() for y in (income, after)]
        for a in (1, 2)
    )
    assert gap[0] == gap[1]
    assert severity[1] < severity[0]


def test_integer_weights_are_repeated_rows_and_zero_weights_are_absent():
    hh = sample(500)
    hh.loc[:50, "w"] = 0.0
    words = {"line": "z", "measures": list(ALL), "by": "region"}
    weighted = pc.fgt(hh, "income", design=pc.Design(weight="w"), **words)
    repeated = pc.fgt(hh.loc[hh.index.repeat(hh["w"].astype(int))], "income", **words)
    assert weighted["estimate"].tolist() == pytest.approx(repeated["estimate"].tolist(), rel=1e-12)


def test_order_of_rows_and_scale_of_weights_change_no_ratio():
    hh = sample()
    words = {"line": "z", "measures": ["gap", "watts", "income_gap_ratio"], "by": "region"}
    here = pc.fgt(hh, "income", design=WEIGHT, **words)["estimate"].tolist()
    again = pc.fgt(hh.sample(frac=1, random_state=2), "income", design=WEIGHT, **words)
    assert again["estimate"].tolist() == pytest.approx(here, rel=1e-12)
    hh["w"] *= 1024.0
    assert pc.fgt(hh, "income", design=WEIGHT, **words)["estimate"].tolist() == here


def test_gap_is_headcount_times_income_gap_ratio_and_the_shortfall_its_amount():
    hh = sample()
    est = pc.fgt(hh, "income", line=1000, measures=list(ALL), by="region", design=WEIGHT)
    by = {measure: est.select(measure=measure)["estimate"].to_numpy() for measure in ALL}
    people = est.select(measure="gap")["population"].to_numpy()
    assert by["headcount"] * by["income_gap_ratio"] == pytest.approx(by["gap"], rel=1e-12)
    assert by["gap"] * 1000 * people == pytest.approx(by["total_shortfall"], rel=1e-12)
    assert by["n_poor"] == pytest.approx(by["headcount"] * people, rel=1e-12)
    per_poor = by["total_shortfall"] / by["n_poor"]
    assert by["mean_shortfall_per_poor"] == pytest.approx(per_poor, rel=1e-12)


def test_many_rows_drift_by_no_more_than_the_contract(monkeypatch):
    # three million times 0.1: a plain sum would be off by 1e-10
    n = 3_000_000
    weight = np.broadcast_to(np.float64(0.1), n)
    income = np.broadcast_to(np.float64(2 / 3), n)
    found = []
    for threads in ("1", "2", "7"):
        monkeypatch.setenv("POVERTYCORE_NUM_THREADS", threads)
        est = pc.fgt(
            {"y": income, "w": weight}, "y", line=1, alpha=[0, 1, 2], design=pc.Design(weight="w")
        )
        found.append((est["estimate"].tolist(), est["numerator"].tolist()))
    assert found[0] == found[1] == found[2]
    gap = 1 - Fraction(2 / 3)
    assert found[0][0] == pytest.approx([1.0, float(gap), float(gap**2)], rel=1e-12)
    assert found[0][1][0] == pytest.approx(float(n * Fraction(0.1)), rel=1e-12)


# --- standard errors ------------------------------------------------------------------------------


def test_a_measure_of_a_sample_is_the_mean_of_its_scores():
    hh = sample(600)
    hh["stratum"], hh["psu"] = hh.index % 3, hh.index % 30
    hh["gap"] = np.maximum(1 - hh["income"] / hh["z"], 0)
    hh.loc[::11, "w"] = 0.0  # of no weight: only the number of rows tells of them
    design = pc.Design(weight="w", strata="stratum", psu="psu")
    mean = pc.mean(hh, "gap", by="region", design=design)
    est = pc.fgt(hh, "income", line="z", alpha=1, by="region", design=design)
    for column in ("estimate", "se", "df", "deff", "n_psu"):
        assert est[column].tolist() == pytest.approx(mean[column].tolist(), rel=1e-10), column
    # every measure has one, all jointly
    whole = pc.fgt(hh, "income", line="z", measures=list(ALL), design=design)
    assert (whole["se"] > 0).all()
    assert whole["deff"].notna().all()
    assert np.linalg.eigvalsh(whole.cov / np.outer(whole["se"], whole["se"])).min() > -1e-10


def test_deff_of_totals_and_ratios_is_that_of_their_verbs():
    hh = sample(600)
    hh["stratum"], hh["psu"] = hh.index % 3, hh.index % 30
    hh["poor"] = (hh["income"] < hh["z"]).astype(float)
    hh["short"] = hh["poor"] * (hh["z"] - hh["income"])
    design = pc.Design(weight="w", strata="stratum", psu="psu")
    words = {"by": "region", "design": design}
    per_poor = pc.ratio(hh, "short", "poor", **words)
    total = pc.total(hh, "short", **words)
    measures = ["mean_shortfall_per_poor", "total_shortfall"]
    est = pc.fgt(hh, "income", line="z", measures=measures, **words)
    for measure, other in zip(measures, (per_poor, total), strict=True):
        for column in ("estimate", "se", "df", "deff"):
            mine = est.select(measure=measure)[column].tolist()
            assert mine == pytest.approx(other[column].tolist(), rel=1e-9), (measure, column)


# --- edges ----------------------------------------------------------------------------------------


def test_nobody_poor_gives_zeros_and_no_ratio():
    est = pc.fgt({"income": [5.0, 6.0]}, "income", line=2, measures=list(ALL))
    assert figures(est, "headcount") == figures(est, "watts") == figures(est, "n_poor") == [0.0]
    for measure in ("income_gap_ratio", "mean_shortfall_per_poor"):
        assert math.isnan(figures(est, measure)[0])
        assert figures(est, measure, "note") == ["nobody is poor"]


@pytest.mark.parametrize(
    ("income", "weight", "note"),
    [
        ([], [], "no rows in the domain"),
        ([NAN, NAN], [1.0, 1.0], "every value is missing"),
        ([1.0, 5.0], [0.0, 0.0], "every weight is zero"),
    ],
)
def test_a_group_without_anything_to_measure_is_nan_with_a_note(income, weight, note):
    data = {"income": np.array(income, float), "w": np.array(weight, float)}
    est = pc.fgt(data, "income", line=2, measures=list(ALL), design=pc.Design(weight="w"))
    assert est["estimate"].isna().all()
    assert est["note"].tolist() == [note] * len(ALL)


def test_one_row_and_a_line_that_is_missing_in_another():
    est = pc.fgt({"income": [1.0, 1.0], "z": [2.0, NAN]}, "income", line="z")
    assert est["estimate"].tolist() == [1.0, 0.5, 0.25]
    assert (est["n_obs"].tolist(), est["n_missing"].tolist()) == ([1] * 3, [1] * 3)
    totals = pc.fgt({"income": [1.0, NAN]}, "income", line=2, measures="n_poor")
    assert totals["note"].tolist() == ["covers measured rows only"]


def test_totals_of_a_group_left_without_rows_and_unseen_combinations(hh):
    hh["year"] = [2021, 2021, 2022, 2021]
    est = pc.fgt(hh, "income", line=2, alpha=0, by=["region", "year"], observed=False)
    assert est["note"].tolist() == ["", "", "", "combination not in the data"]
    est = pc.fgt(hh, "income", line=2, alpha=0, by="region", where=hh["region"] == "north")
    assert est["note"].tolist() == ["", "no rows in the domain"]


def layouts():
    income, z = np.array([0.5, 1.0, 2.0, 1.5]), np.array([2.0, 2.0, 2.0, 4.0])
    strided = np.empty((4, 3))
    strided[:, 1] = income
    packed = np.zeros(4, dtype=[("flag", "i1"), ("income", "f8")])
    packed["income"] = income
    chunked = pa.chunked_array([income[:1], income[1:1], income[1:]])
    return {
        "big-endian": ({"income": income.astype(">f8"), "z": z.astype(">f8")}),
        "strided": ({"income": strided[:, 1], "z": z}),
        "backwards": ({"income": income[::-1].copy()[::-1], "z": z}),
        "unaligned": ({"income": packed["income"], "z": z}),
        "float32": ({"income": income.astype("f4"), "z": z.astype("f4")}),
        "integers for lines": ({"income": income, "z": z.astype("i2")}),
        "nullable": pd.DataFrame({"income": pd.array(income, "Float64"), "z": pd.array(z)}),
        "polars": pl.DataFrame({"income": income, "z": z}),
        "lazy": pl.LazyFrame({"income": income, "z": z}),
        "arrow chunks": pa.table({"income": chunked, "z": z}),
    }


@pytest.mark.parametrize("layout", layouts())
def test_any_layout_of_the_columns_gives_the_same(layout):
    est = pc.fgt(layouts()[layout], "income", line="z", alpha=[0, 1], measures="watts")
    # gaps 3/4, 1/2, 0, 5/8
    assert est["estimate"].tolist()[:2] == [3 / 4, (3 / 4 + 1 / 2 + 5 / 8) / 4]
    expected = (math.log(4) + math.log(2) + math.log(8 / 3)) / 4
    assert est["estimate"].tolist()[2] == pytest.approx(expected)


def test_missing_marked_in_an_arrow_column_takes_the_row_out():
    data = pa.table({"income": pa.array([1.0, None, 3.0]), "z": pa.array([2, 2, None])})
    est = pc.fgt(data, "income", line="z")
    assert est["estimate"].tolist() == [1.0, 0.5, 0.25]
    assert est["n_missing"].tolist() == [2, 2, 2]


def test_the_data_are_not_changed(hh):
    before = hh.copy()
    pc.fgt(hh, "income", line={"north": 1, "south": 3}, by="region", measures=list(ALL))
    pd.testing.assert_frame_equal(hh, before)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (0, "found 0"),
        (-1, "found -1"),
        (NAN, "found nan"),
        (math.inf, "found inf"),
        ([1.5, 0], "found 0"),
        ({"north": 1, "south": -2}, "found -2"),
    ],
)
def test_a_line_that_is_not_above_zero_is_refused(hh, line, words):
    with pytest.raises(errors.ValueRangeError, match=words) as caught:
        pc.fgt(hh, "income", line=line, by="region")
    assert caught.value.argument == "line"


@pytest.mark.parametrize(("bad", "word"), [(0.0, "zero"), (-1.0, "negative"), (math.inf, "infin")])
def test_a_bad_line_or_welfare_is_named_with_its_row(hh, bad, word):
    hh["z"] = [2.0, 2.0, bad, bad]
    with pytest.raises(errors.ValueRangeError, match=rf"line\[2\] is {word}") as caught:
        pc.fgt(hh, "income", line=[2.0, "z"], where=hh["w"] > 100)
    assert (caught.value.row, caught.value.column) == (2, "z")
    if math.isinf(bad):
        with pytest.raises(errors.ValueRangeError, match=r"welfare\[2\] is infinite"):
            pc.fgt(hh, "z", line=2)


def test_a_label_without_a_line_is_an_error(hh):
    with pytest.raises(errors.MissingValueError, match="region 'south'"):
        pc.fgt(hh, "income", line={"north": 1}, by="region")
    with pytest.raises(errors.OptionError, match="by label needs one column"):
        pc.fgt(hh, "income", line={"north": 1, "south": 2})


@pytest.mark.parametrize(
    ("words", "error", "argument"),
    [
        ({"alpha": -1}, errors.ValueRangeError, "alpha"),
        ({"alpha": NAN}, errors.ValueRangeError, "alpha"),
        ({"alpha": True}, errors.ValueRangeError, "alpha"),
        ({"alpha": []}, errors.OptionError, "measures"),
        ({"measures": "chu", "b": 0}, errors.ValueRangeError, "b"),
        ({"measures": "chu", "b": 1.5}, errors.ValueRangeError, "b"),
        ({"measures": "sen"}, errors.OptionError, "measures"),
        ({"poor": "at"}, errors.OptionError, "poor"),
        ({"nonpositive": "ignore"}, errors.OptionError, "nonpositive"),
        ({"nonpositive": "floor"}, errors.OptionError, "nonpositive"),
        ({"nonpositive": ("floor", -1)}, errors.ValueRangeError, "nonpositive"),
        (
            {"nonpositive": ("floor", 0), "measures": "watts"},
            errors.ValueRangeError,
            "nonpositive",
        ),
        ({"nonpositive": {"gap": "drop"}}, errors.OptionError, "nonpositive"),
        ({"line": []}, errors.OptionError, "line"),
        ({"line": None}, errors.OptionError, "line"),
        ({"line": True}, errors.OptionError, "line"),
    ],
)
def test_an_unknown_word_or_a_number_out_of_range_is_named(hh, words, error, argument):
    with pytest.raises(error) as caught:
        pc.fgt(hh, "income", **{"line": 2} | words)
    assert caught.value.argument == argument


def test_columns_that_are_no_amounts_are_refused(hh):
    with pytest.raises(errors.DTypeError, match="region"):
        pc.fgt(hh, "region", line=2)
    with pytest.raises(errors.DTypeError, match="region"):
        pc.fgt(hh, "income", line="region")
    with pytest.raises(errors.ColumnNotFoundError):
        pc.fgt(hh, "income", line="zz")
    with pytest.raises(errors.OptionError, match="one column"):
        pc.fgt(hh, ["income", "w"], line=2)


def test_a_line_given_twice_and_a_key_named_line_are_refused(hh):
    with pytest.raises(errors.DuplicateNameError, match="twice"):
        pc.fgt(hh, "income", line=[2, 2.0])
    with pytest.raises(errors.DuplicateNameError, match="rename"):
        pc.fgt(hh.rename(columns={"region": "line"}), "income", line=2, by="line")


def test_a_total_shortfall_of_persons_must_be_asked_for(hh):
    design = pc.Design(size="members")
    with pytest.raises(errors.OptionError, match="count='households' or count='persons'") as caught:
        pc.fgt(hh, "income", line=2, measures="total_shortfall", design=design)
    assert caught.value.argument == "count"
    for count, expected in (("households", 3.0), ("persons", 4 * 1.5 + 1 + 5 * 0.5)):
        est = pc.fgt(hh, "income", line=2, measures="total_shortfall", design=design, count=count)
        assert est["estimate"].tolist() == [expected]
