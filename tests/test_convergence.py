"""How unevenly units change.

Source of truth: arithmetic in the comments, tests/oracles/convergence.py in exact fractions, and
tests/reference/uneven_reference.json, made by R.
"""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings, strategies as st

import povertycore as pc
from oracles import convergence as oracle
from povertycore import errors
from povertycore.present.number import display_kind

REFERENCE = Path(__file__).parent / "reference"
CASES = {
    case["id"]: case
    for case in json.loads((REFERENCE / "uneven_reference.json").read_text(encoding="utf-8"))[
        "cases"
    ]
}
SPREADS = ["sd_start", "sd_end", "cv_start", "cv_end", "iqr_start", "iqr_end", "gini_start"]
SPREADS += ["gini_end", "sd_reduction", "cv_reduction", "iqr_reduction", "gini_reduction"]
SUMMARY = [*SPREADS, "share_backwards", "share_reached", "share_of_top", "beta", "beta_intercept"]
SUMMARY += ["beta_r2", "sigma", "rank_correlation"]


def counts(rows, keys=("commune", "year"), **words):
    """Rates of counts: rows of labels, a numerator and a denominator."""
    frame = pd.DataFrame(rows, columns=[*keys, "poor", "all"])
    return pc.Estimates.from_table(frame, list(keys), numerator="poor", denominator="all", **words)


def two_years(start, end, all_start=None, all_end=None, district=None, **words):
    """Units named a, b, c ..., with counts of the poor in 2021 and 2022, of 100 each or as told."""
    rows = []
    for year, poor, of in ((2021, start, all_start), (2022, end, all_end)):
        for i, x in enumerate(poor):
            place = (f"c{i:03d}",) if district is None else (district[i], f"c{i:03d}")
            rows.append((*place, year, x, 100 if of is None else of[i]))
    keys = ("commune", "year") if district is None else ("district", "commune", "year")
    return counts(rows, keys, **words)


def summary(est, weighting="none", **words):
    """The figures of one block, by measure."""
    words = {"across": "commune"} | words
    found = pc.convergence(est, time="year", weighting=weighting, **words)
    return dict(zip(found["measure"], found["estimate"], strict=True))


def notes(est, **words):
    words = {"across": "commune", "weighting": "none"} | words
    found = pc.convergence(est, time="year", **words)
    return dict(zip(found["measure"], found["note"], strict=True))


def units(est, **words):
    words = {"across": "commune"} | words
    return pc.convergence(est, time="year", what="units", **words).to_frame()


@pytest.fixture
def three():
    # 10, 20, 30 of 100 fall to 8, 12, 16: by 2, 8 and 14 points
    return two_years([10, 20, 30], [8, 12, 16])


# --- worked example -------------------------------------------------------------------------------


def test_three_communes_by_hand(three):
    found = summary(three)
    close = {"rel": 1e-13}
    assert found["sd_start"] == pytest.approx(0.10, **close)  # ((10-20)^2 + (30-20)^2)/2 = 100
    assert found["sd_end"] == pytest.approx(0.04, **close)
    assert found["cv_start"] == pytest.approx(0.5, **close)
    assert found["sd_reduction"] == pytest.approx(0.06, **close)
    assert found["iqr_start"] == pytest.approx(0.20, **close)  # the third reached at 1/4 is 10
    assert found["gini_start"] == pytest.approx(2 / 9, **close)  # (10+20+10)*2/9/20/2
    assert found["gini_reduction"] == pytest.approx(1 / 3, **close)  # (6+12+6)*2/9/8/2
    assert found["beta"] == pytest.approx(-0.6, **close)
    assert found["beta_intercept"] == pytest.approx(0.04, **close)  # -2 = 4 - 0.6 x 10
    assert found["beta_r2"] == pytest.approx(1, **close)
    assert found["sigma"] == pytest.approx(-0.6, **close)
    assert found["rank_correlation"] == pytest.approx(1, **close)
    assert found["share_backwards"] == 0
    assert found["share_of_top"] == pytest.approx(14 / 24, **close)  # a tenth of three is one


def test_population_weighs_larger_communes_more():
    # 100 and 300 households: mean (10 + 3 x 20)/4 = 17.5, variance 2 x (56.25 + 3 x 6.25)/4 = 37.5
    found = summary(two_years([10, 60], [10, 30], [100, 300], [100, 300]), "population")
    assert found["sd_start"] ** 2 == pytest.approx(37.5e-4, rel=1e-13)
    assert found["share_of_top"] == pytest.approx(1)
    assert found["cv_start"] == pytest.approx(37.5**0.5 / 17.5, rel=1e-13)


def test_a_commune_exactly_at_its_plan_has_reached_it():
    # 0.1220 - 0.0920 is 0.03 as decimals and below it as floats
    rows = {"commune": ["a", "b"] * 2, "year": [2021, 2021, 2022, 2022]}
    rows["rate"] = [0.1220, 0.1220, 0.0920, 0.0921]
    est = pc.Estimates.from_table(rows, ["commune", "year"], estimate="rate")
    frame = units(est, plan=0.03)
    assert frame["reached"].tolist() == [1.0, 0.0]
    assert summary(est, plan=0.03)["share_reached"] == 0.5


def test_plans_may_differ_by_commune(three):
    frame = units(three, plan={"c000": 0.02, "c001": 0.09}, kind="points_per_year")
    assert frame["reached"].tolist()[:2] == [1.0, 0.0]
    assert np.isnan(frame["reached"][2])
    found = pc.convergence(three, "year", "commune", plan={"c000": 0.02, "c001": 0.09})
    row = found.select(weighting="none", measure="share_reached").to_frame().iloc[0]
    assert (row["estimate"], row["n_obs"], row["note"]) == (0.5, 2, "of the units with a plan")


def test_units_by_hand(three):
    frame = units(three)
    assert frame["reduction"].tolist() == [0.02, 0.08, 0.14]
    assert frame["estimate"].tolist() == [0.02, 0.08, 0.14]
    assert frame["backwards"].tolist() == [0.0, 0.0, 0.0]
    assert frame["rank_start"].tolist() == [3.0, 2.0, 1.0]
    assert frame["outlying"].isna().all()
    found = pc.convergence(three, "year", "commune", what="units")
    assert "chance='binomial'" in found.meta["footnotes"][0]


def test_within_and_between_districts_by_hand():
    # reductions 1, 3 in A, 5, 7 in B: squares 9+1+1+9 = 20 about 4, within 1+1+1+1 = 4
    est = two_years([11, 13, 15, 17], [10, 10, 10, 10], district="AABB")
    found = pc.convergence(est, "year", "commune", "district", weighting="none")
    total = found.select(district="(total)")
    by_measure = dict(zip(total["measure"], total["estimate"], strict=True))
    assert by_measure["within"] == pytest.approx(0.2, rel=1e-13)
    assert by_measure["between"] == pytest.approx(0.8, rel=1e-13)
    # inside each district the change is -(start - 10): slope -1
    assert by_measure["beta_conditional"] == pytest.approx(-1, rel=1e-13)
    assert list(dict.fromkeys(found["district"])) == ["A", "B", "(total)"]
    assert "within" not in found.select(district="A")["measure"].tolist()


def test_columns_stand_in_the_order_of_the_contract():
    est = two_years([11, 13, 15, 17], [10, 10, 10, 10], district="AABB")
    frame = pc.convergence(est, "year", "commune", "district").to_frame()
    first = ["district", "year_from", "year_to", "variable", "weighting", "of", "measure"]
    assert frame.columns[:8].tolist() == [*first, "estimate"]
    in_district = frame[(frame["district"] == "A") & (frame["weighting"] == "none")]
    assert in_district["measure"].tolist() == SUMMARY
    assert frame["weighting"].unique().tolist() == ["none", "population"]
    frame = units(est, within="district")
    first = ["district", "commune", "year_from", "year_to", "variable", "of", "measure", "start"]
    own = ["end", "reduction", "backwards", "reached", "outlying", "funnel_low", "funnel_high"]
    assert frame.columns[:18].tolist() == [*first, *own, "rank_start", "rank_end", "estimate"]


# --- R --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def psus():
    hh = pd.read_csv(REFERENCE / "synth_panel.csv")
    hh["poor"] = np.where(hh["cons"].notna(), hh["cons"] < hh["line"], np.nan)
    hh = hh[hh["year"].isin([2020, 2022])]
    design = pc.Design(weight="weight", size="hhsize")
    return pc.rate(hh, "poor", by=["psu", "year"], design=design)


def test_beta_convergence_of_psus_is_that_of_r(psus):
    case = CASES["synth/convergence/beta_abs_psu"]
    found = pc.convergence(psus, "year", "psu", weighting="none")
    line = found.select(measure=["beta_intercept", "beta"]).to_frame().set_index("measure")
    line = line.loc[["beta_intercept", "beta"]]
    assert line["estimate"].tolist() == pytest.approx(case["estimate"], rel=1e-9)
    assert line["se"].tolist() == pytest.approx(case["se"], rel=1e-9)
    assert found.select(measure="beta_r2")["estimate"][0] == pytest.approx(case["r2"], rel=1e-9)
    assert found["n_obs"].iloc[0] == case["note"]


def test_sigma_convergence_of_psus_is_that_of_r(psus):
    case = CASES["synth/convergence/sigma_psu"]
    found = summary(psus, across="psu")
    mine = [found[name] for name in ("sd_start", "sd_end", "cv_start", "cv_end")]
    assert mine == pytest.approx(case["estimate"], rel=1e-9)
    assert found["sigma"] == pytest.approx(mine[1] / mine[0] - 1, rel=1e-12)


# --- oracle ---------------------------------------------------------------------------------------

PEOPLE = st.integers(1, 30).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
UNITS = st.lists(st.tuples(PEOPLE, PEOPLE), min_size=1, max_size=8)


def as_float(value):
    return np.nan if value is None else float(value)


def expected(start, end, w0, w1, top=0.1):
    n = len(start)
    fall = [x - y for x, y in zip(start, end, strict=True)]
    found = {}
    for side, values, w in (("start", start, w0), ("end", end, w1), ("reduction", fall, w0)):
        for name in ("sd", "cv", "iqr", "gini"):
            found[f"{name}_{side}"] = getattr(oracle, name)(values, w)
    found["share_backwards"] = sum(w for x, w in zip(fall, w0, strict=True) if x < 0) / sum(w0)
    found["share_of_top"] = oracle.share_of_top(start, end, w0, -(-n // 10))
    slope, intercept, r2 = oracle.beta(start, end, w0)
    found |= {"beta": slope, "beta_intercept": intercept, "beta_r2": r2}
    sds = found["sd_start"], found["sd_end"]
    found["sigma"] = sds[1] / sds[0] - 1 if sds[0] else None
    found["rank_correlation"] = oracle.rank_correlation(start, end, w0)
    return found


@settings(max_examples=40)
@given(UNITS, st.booleans())
def test_every_figure_is_that_of_the_oracle(people, is_weighted):
    start = [Fraction(a, n) for (a, n), _ in people]
    end = [Fraction(a, n) for _, (a, n) in people]
    w0 = [Fraction(n if is_weighted else 1) for (_, n), _ in people]
    w1 = [Fraction(n if is_weighted else 1) for _, (_, n) in people]
    est = two_years(
        *([pair[t][0] for pair in people] for t in (0, 1)),
        *([pair[t][1] for pair in people] for t in (0, 1)),
    )
    found = summary(est, "population" if is_weighted else "none")
    for name, value in expected(start, end, w0, w1).items():
        assert found[name] == pytest.approx(as_float(value), rel=1e-9, abs=1e-12, nan_ok=True), name


@settings(max_examples=40)
@given(UNITS, st.integers(0, 6))
def test_conditional_beta_and_parts_are_those_of_the_oracle(people, cut):
    groups = ["A" if i < cut else "B" for i in range(len(people))]
    start = [Fraction(a, n) for (a, n), _ in people]
    end = [Fraction(a, n) for _, (a, n) in people]
    weights = [Fraction(1)] * len(people)
    assume(any(oracle.demeaned(start, weights, groups)))
    assume(len({x - y for x, y in zip(start, end, strict=True)}) > 1)
    assume(len(people) - len(set(groups)) > 1)
    est = two_years(
        *([pair[t][0] for pair in people] for t in (0, 1)),
        *([pair[t][1] for pair in people] for t in (0, 1)),
        district=groups,
    )
    found = pc.convergence(est, "year", "commune", "district", weighting="none")
    found = found.select(district="(total)")
    by_measure = dict(zip(found["measure"], found["estimate"], strict=True))
    slope = oracle.beta_within(start, end, weights, groups)
    assert by_measure["beta_conditional"] == pytest.approx(float(slope), rel=1e-9, abs=1e-12)
    part = oracle.share_within(start, end, weights, groups)
    assert by_measure["within"] == pytest.approx(float(part), rel=1e-9, abs=1e-12)
    assert by_measure["within"] + by_measure["between"] == pytest.approx(1, rel=1e-12)


def diagonal(values):
    return [[v if i == j else 0 for j in range(len(values))] for i, v in enumerate(values)]


def test_binomial_errors_are_taken_out_as_in_the_oracle():
    start, end, n = [30, 40, 55, 20], [20, 35, 30, 25], [90, 120, 60, 200]
    est = two_years(start, end, n, n)
    p0 = [Fraction(x, m) for x, m in zip(start, n, strict=True)]
    p1 = [Fraction(x, m) for x, m in zip(end, n, strict=True)]
    v0, v1 = ([p * (1 - p) / m for p, m in zip(ps, n, strict=True)] for ps in (p0, p1))
    for weighting, weights in (("none", [Fraction(1)] * 4), ("population", n)):
        left = oracle.corrected(p0, p1, weights, *map(diagonal, (v0, v1, [0] * 4)))
        found = summary(est, weighting, chance="binomial")
        for name, value in zip(("start", "end", "reduction"), left[:3], strict=True):
            assert found[f"sd_{name}_corrected"] ** 2 == pytest.approx(float(value), rel=1e-12)
        assert found["beta_corrected"] == pytest.approx(float(left[3]), rel=1e-12)
        ratio = (float(left[1]) / float(left[0])) ** 0.5 - 1
        assert found["sigma_corrected"] == pytest.approx(ratio, rel=1e-12)
        mean = float(oracle.mean(p0, weights))
        assert found["cv_start_corrected"] == pytest.approx(float(left[0]) ** 0.5 / mean, rel=1e-12)


def test_the_end_is_corrected_under_the_weights_of_the_end():
    n0, n1 = [90, 120, 60, 200], [200, 50, 70, 90]
    end = [50, 20, 35, 10]
    est = two_years([30, 40, 25, 20], end, n0, n1)
    p1 = [Fraction(x, m) for x, m in zip(end, n1, strict=True)]
    v1 = diagonal([p * (1 - p) / m for p, m in zip(p1, n1, strict=True)])
    left = oracle.covariance(p1, p1, n1) - oracle.mean_of_errors(v1, n1)
    found = summary(est, "population", chance="binomial")
    assert found["sd_end_corrected"] ** 2 == pytest.approx(float(left), rel=1e-12)


def test_sampling_errors_are_taken_out_with_all_covariances():
    # units share PSUs, and both years have the same ones: every entry of the matrix counts
    rng = np.random.default_rng(5)
    n = 800
    hh = pd.DataFrame({"psu": rng.integers(0, 20, n), "commune": rng.integers(0, 4, n)})
    hh = pd.concat([hh.assign(year=year) for year in (2021, 2022)], ignore_index=True)
    rate = 0.1 + 0.02 * hh["psu"] - 0.05 * (hh["year"] == 2022) + 0.08 * hh["commune"]
    hh["poor"] = (rng.random(2 * n) < rate).astype(int)
    design = pc.Design(psu="psu", period="year")
    est = pc.rate(hh, "poor", by=["commune", "year"], design=design)
    cov, p = est.cov, est["estimate"].to_numpy()
    first, last = np.arange(0, 8, 2), np.arange(1, 8, 2)
    between = cov[np.ix_(first, last)]
    v0, v1 = cov[np.ix_(first, first)], cov[np.ix_(last, last)]
    assert np.abs(v0 - np.diag(np.diag(v0))).max() > 1e-5
    for weighting in ("none", "population"):
        weights = np.ones(4) if weighting == "none" else est["population"].to_numpy()[first]
        args = [[float(x) for x in column] for column in (p[first], p[last], weights)]
        left = oracle.corrected(*args, v0, v1, (between + between.T) / 2)
        found = summary(est, weighting)
        sizes = [found[f"sd_{side}_corrected"] ** 2 for side in ("start", "end", "reduction")]
        assert sizes == pytest.approx(list(left[:3]), rel=1e-9)
        assert found["beta_corrected"] == pytest.approx(left[3], rel=1e-9)
        assert found["sd_start_corrected"] < found["sd_start"]


@pytest.fixture(scope="module")
def surveyed():
    rng = np.random.default_rng(6)
    hh = pd.DataFrame({"psu": rng.integers(0, 60, 1200), "region": rng.integers(0, 5, 1200)})
    hh = pd.concat([hh.assign(year=year) for year in (2021, 2022)], ignore_index=True)
    hh["poor"] = (rng.random(2400) < 0.2 + 0.05 * hh["region"] - 0.04 * (hh["year"] == 2022)) * 1
    return pc.rate(hh, "poor", by=["region", "year"], design=pc.Design(psu="psu", period="year"))


def test_limits_of_a_survey_are_by_the_standard_error_of_each_change(surveyed):
    frame = units(surveyed, across="region", limits=0.95)
    change = pc.change(surveyed, time="year")
    assert frame["se"].tolist() == change["se"].tolist()
    assert frame["ci_low"].tolist() == (-change["ci_high"]).tolist()
    width = (frame["funnel_high"] - frame["funnel_low"]) / 2
    assert width.tolist() == pytest.approx((1.959963984540054 * change["se"]).tolist())
    population = surveyed.select(year=2021)["population"]
    centre = np.average(frame["reduction"], weights=population)
    assert ((frame["funnel_high"] + frame["funnel_low"]) / 2).tolist() == pytest.approx(
        [centre] * 5
    )
    assert frame["note"].str.contains("PSUs in both").all()


def test_what_is_not_corrected_says_so(surveyed, three):
    found = notes(surveyed, across="region")
    for measure in ("iqr_start", "gini_end", "iqr_reduction"):
        assert found[measure] == "raw: what chance adds is not taken out"
    assert notes(three)["iqr_start"] == ""


# --- properties -----------------------------------------------------------------------------------


@settings(max_examples=40)
@given(UNITS)
def test_equal_populations_weigh_as_nothing_does(people):
    start, end = ([pair[t][0] for pair in people] for t in (0, 1))
    est = two_years(start, end)
    plain, weighted = summary(est), summary(est, "population")
    for name, value in plain.items():
        assert weighted[name] == pytest.approx(value, rel=1e-9, abs=1e-12, nan_ok=True), name


def test_the_order_of_rows_changes_nothing(three):
    frame = three.to_frame().sample(frac=1, random_state=3)
    est = pc.Estimates.from_table(
        frame[["commune", "year", "numerator", "denominator"]],
        ["commune", "year"],
        numerator="numerator",
        denominator="denominator",
    )
    pd.testing.assert_frame_equal(
        pc.convergence(est, "year", "commune").to_frame(),
        pc.convergence(three, "year", "commune").to_frame(),
    )


def test_units_are_the_rows_that_the_summary_counts():
    est = pc.rate(pc.datasets.lang_son_register(), "poor", by=["district", "commune", "year"])
    words = {"within": "district", "plan": 0.03, "weighting": "none"}
    found = pc.convergence(est, "year", "commune", **words)
    frame = units(est, **{k: v for k, v in words.items() if k != "weighting"})
    share = found.select(measure="share_backwards").to_frame().set_index("district")["estimate"]
    by_district = frame.groupby("district", observed=True)["backwards"].mean()
    assert share["(total)"] == frame["backwards"].mean()
    assert share.drop("(total)").to_dict() == pytest.approx(by_district.to_dict())
    reached = found.select(measure="share_reached", district="(total)")["estimate"][0]
    assert reached == frame["reached"].mean()
    assert frame["reduction"].to_numpy() == pytest.approx(
        -pc.change(est, time="year")["estimate"].to_numpy()
    )


def test_the_mean_of_many_corrected_variances_is_the_true_one():
    # true rates spread with sd 5 points around 20 percent, households 60 each
    rng = np.random.default_rng(11)
    raw, corrected = [], []
    for _ in range(30):
        true = rng.normal(0.2, 0.05, 200).clip(0.01, 0.5)
        poor = [rng.binomial(60, p) for p in (true, true * 0.8)]
        found = summary(two_years(*poor, [60] * 200, [60] * 200), chance="binomial")
        raw.append(found["sd_start"] ** 2)
        corrected.append((found["sd_start_corrected"] ** 2, found["beta_corrected"]))
    variance, slope = np.mean(corrected, axis=0)
    assert np.mean(raw) > 1.8 * 0.05**2
    assert variance == pytest.approx(0.05**2, rel=0.06)
    assert slope == pytest.approx(-0.2, abs=0.03)


def test_the_error_of_a_corrected_slope_is_that_of_its_estimating_equation():
    start, end, n = [30, 40, 55, 20, 12], [20, 35, 30, 25, 9], [90, 120, 60, 200, 80]
    est = two_years(start, end, n, n)
    p0 = np.array(start) / n
    y = np.array(end) / n - p0
    v0 = p0 * (1 - p0) / n
    for weighting, w in (("none", np.full(5, 0.2)), ("population", np.array(n) / sum(n))):
        found = pc.convergence(est, "year", "commune", chance="binomial", weighting=weighting)
        row = found.select(measure="beta_corrected").to_frame().iloc[0]
        dx, dy = p0 - w @ p0, y - w @ y
        left = w @ dx**2 - (w @ v0 - w**2 @ v0)
        e = dx * (dy - row["estimate"] * dx) + v0 + row["estimate"] * v0
        e -= w @ e
        assert row["se"] == pytest.approx(np.sqrt(5 / 3 * np.sum((w * e) ** 2)) / left, rel=1e-9)
        assert row["df"] == 3
        assert row["ci_low"] < row["estimate"] < row["ci_high"]


def test_intervals_of_corrected_slopes_hold_the_true_one_where_raw_ones_do_not():
    # chance is as large as the spread of the true rates: the raw slope is far below -0.2
    rng = np.random.default_rng(17)
    inside = {"beta": [], "beta_corrected": []}
    for _ in range(150):
        true = rng.normal(0.3, 0.07, 80).clip(0.02, 0.6)
        poor = [rng.binomial(60, p) for p in (true, 0.8 * true + rng.normal(0, 0.02, 80))]
        est = two_years(*poor, [60] * 80, [60] * 80)
        found = pc.convergence(est, "year", "commune", chance="binomial", weighting="none")
        frame = found.to_frame().set_index("measure")
        for name, held in inside.items():
            held.append(frame.loc[name, "ci_low"] <= -0.2 <= frame.loc[name, "ci_high"])
    assert np.mean(inside["beta_corrected"]) == pytest.approx(0.95, abs=0.05)
    assert np.mean(inside["beta"]) < 0.5


def test_a_funnel_leaves_chance_inside_and_finds_what_is_not():
    rng = np.random.default_rng(3)
    n = rng.integers(30, 2000, 400)
    before, after = rng.binomial(n, 0.3), rng.binomial(n, 0.2)
    after[0] = round(0.05 * n[0] + 1) if n[0] > 500 else after[0]
    frame = units(two_years(before, after, n, n), chance="binomial", limits=0.95)
    assert 0.02 < frame["outlying"].mean() < 0.09
    strict = units(two_years(before, after, n, n), chance="binomial")
    assert strict["outlying"].sum() <= 4
    width = (strict["funnel_high"] - strict["funnel_low"]).to_numpy()
    assert np.corrcoef(width, 1 / np.sqrt(n))[0, 1] > 0.95
    far = n.copy()
    far[:] = 1000
    before, after = np.full(400, 300), np.full(400, 200)
    after[7] = 100
    frame = units(two_years(before, after, far, far), chance="binomial")
    assert np.flatnonzero(frame["outlying"] == 1).tolist() == [7]


def test_a_small_commune_may_swing_where_a_large_one_may_not():
    # a fall of 20 points: 10 households against 1,000; all others fall by 5
    start, end = [3, 300, *[200] * 10], [1, 100, *[150] * 10]
    n = [10, 1000, *[1000] * 10]
    frame = units(two_years(start, end, n, n), chance="binomial")
    assert frame["reduction"].tolist()[:2] == pytest.approx([0.2, 0.2])
    assert frame["outlying"].tolist()[:2] == [0.0, 1.0]


def test_a_commune_in_which_nothing_varied_is_judged_by_the_others():
    # nobody poor in 20 households, and nobody in 2,000, where all others fell by 10 points
    start, end = [0, 0, *[300] * 10], [0, 0, *[200] * 10]
    n = [20, 2000, *[1000] * 10]
    frame = units(two_years(start, end, n, n), chance="binomial")
    assert frame["outlying"].tolist()[:2] == [0.0, 1.0]


def test_linked_moves_narrow_the_funnel():
    # 1,000 linked households, 20 in and 70 out: variance 90/10^6 - 0.05^2/1000 = 87.5e-6
    est = two_years([200] * 3, [150] * 3, [1000] * 3, [1000] * 3)
    moves = {"commune": ["c000", "c001", "c002"], "linked": [1000] * 3}
    moves |= {"became_poor": [20] * 3, "escaped": [70] * 3}
    linked = units(est, chance="binomial", moves=moves, limits=0.95)
    width = (linked["funnel_high"] - linked["funnel_low"]).iloc[0] / 2
    assert width == pytest.approx(1.959963984540054 * np.sqrt(87.5e-6), rel=1e-12)
    alone = units(est, chance="binomial", limits=0.95)
    assert (alone["funnel_high"] > linked["funnel_high"]).all()


# --- edges ----------------------------------------------------------------------------------------


def test_a_unit_without_one_of_the_periods_is_counted_and_noted():
    est = counts([("a", 2021, 1, 4), ("a", 2022, 1, 5), ("b", 2021, 1, 2)])
    frame = pc.convergence(est, "year", "commune", weighting="none").to_frame()
    assert frame["n_obs"].tolist()[:3] == [1, 1, 1]
    assert frame["n_missing"].tolist()[:3] == [1, 1, 1]
    frame = units(est)
    assert np.isnan(frame["reduction"][1])
    assert np.isnan(frame["backwards"][1])
    assert frame["note"].tolist() == ["", "no figure for 2022"]


def test_one_unit_has_a_level_and_no_spread():
    found = summary(two_years([10], [8]))
    assert np.isnan(found["sd_start"])
    assert found["iqr_start"] == 0
    assert found["share_backwards"] == 0
    assert notes(two_years([10], [8]))["sd_start"] == "one unit has no spread"
    assert notes(two_years([10], [8]))["beta"] == "too few units for a line"


def test_without_any_whole_unit_every_figure_is_missing_and_says_why():
    est = counts([("a", 2021, 1, 4), ("b", 2022, 1, 5)])
    found = pc.convergence(est, "year", "commune", weighting="none")
    assert found["measure"].tolist() == SUMMARY
    assert found["estimate"].isna().all()
    assert found["note"].unique().tolist() == ["no unit has both periods"]


def test_units_alike_have_no_line_and_no_ranks():
    found = notes(two_years([10, 10, 10], [8, 8, 8]))
    assert found["beta"] == "all starts are alike"
    assert found["sigma"] == "no spread"
    assert found["rank_correlation"] == "a period has one rank"
    assert summary(two_years([10, 10, 10], [8, 8, 8]))["sd_start"] == 0


def test_where_nothing_fell_there_is_no_share_of_top_and_no_gini():
    est = two_years([10, 20], [12, 18])
    found, why = summary(est), notes(est)
    assert found["share_backwards"] == 0.5
    assert np.isnan(found["share_of_top"])
    assert why["share_of_top"] == "there was no reduction"
    assert why["gini_reduction"] == "no Gini of negative values"


def test_a_printed_table_without_counts_has_no_populations():
    rows = {"commune": ["a", "b"] * 2, "year": [2021, 2021, 2022, 2022]}
    est = pc.Estimates.from_table(
        rows | {"rate": [0.2, 0.1, 0.1, 0.1]}, ["commune", "year"], estimate="rate"
    )
    found = pc.convergence(est, "year", "commune", weighting="population")
    assert found["estimate"].isna().all()
    assert found["note"].unique().tolist() == ["the population of a unit is not known"]


def test_standard_errors_of_a_printed_table_need_the_word_independent():
    rows = {"commune": list("abc") * 2, "year": [2021] * 3 + [2022] * 3}
    rows |= {"rate": [0.1, 0.2, 0.4, 0.1, 0.2, 0.3], "se": [0.02] * 6}
    est = pc.Estimates.from_table(rows, ["commune", "year"], estimate="rate", se="se")
    assert np.isnan(summary(est)["sd_start_corrected"])
    assert "independent=True" in notes(est)["sd_start_corrected"]
    # the variance of 10, 20, 40 is 233.33; each loses 4
    found = summary(est, independent=True)["sd_start_corrected"]
    assert found**2 == pytest.approx((700 / 3 - 4) * 1e-4, rel=1e-12)


def test_chance_that_explains_everything_leaves_zero_and_a_note():
    est = two_years([5, 6, 7], [5, 6, 6], [20, 20, 20], [20, 20, 20])
    found, why = (f(est, chance="binomial") for f in (summary, notes))
    assert found["sd_start_corrected"] == 0
    assert why["sd_start_corrected"] == "chance explains all of the variance"
    assert np.isnan(found["beta_corrected"])
    assert why["sigma_corrected"] == "chance explains all of the variance"


def test_a_unit_without_a_standard_error_leaves_no_correction():
    hh = pd.DataFrame({"psu": [1, 2, 3, 4, 5, 6] * 4, "commune": [0, 0, 1, 1, 2, 2] * 4})
    hh["year"] = np.repeat([2021, 2022], 12)
    hh["poor"] = [1, 0, 1, 1, 0, 0] * 2 + [0, 0, 0, 1, 1, 0] * 2
    hh.loc[hh["commune"] == 2, "psu"] = 5
    est = pc.rate(hh, "poor", by=["commune", "year"], design=pc.Design(psu="psu", period="year"))
    why = notes(est)["sd_start_corrected"]
    assert why == "1 of 3 units have no standard error"


def test_totals_among_the_units_are_no_units():
    hh = pd.DataFrame({"commune": list("aabb") * 2, "year": [2021] * 4 + [2022] * 4})
    hh["poor"] = [1, 0, 1, 1, 0, 0, 1, 0]
    est = pc.rate(hh, "poor", by=["commune", "year"], totals="commune")
    assert summary(est)["share_of_top"] == pytest.approx(0.5)
    assert pc.convergence(est, "year", "commune")["n_obs"].iloc[0] == 2


def test_keys_that_are_not_named_separate_results():
    est = two_years([11, 13, 15, 17], [10, 10, 10, 10], district="AABB")
    found = pc.convergence(est, "year", "commune", weighting="none")
    assert found.select(measure="sd_start")["estimate"].tolist() == pytest.approx(
        [2**0.5 / 100] * 2
    )
    both = pc.convergence(est, "year", ["district", "commune"], weighting="none")
    assert both["n_obs"].iloc[0] == 4


def test_several_periods_compare_the_first_and_last_or_each_with_the_one_before():
    rows = [(c, y, p, 100) for y, ps in ((2020, (10, 30)), (2021, (9, 20)), (2022, (8, 10)))
            for c, p in zip("ab", ps, strict=True)]  # fmt: skip
    est = counts(rows)
    frame = pc.convergence(est, "year", "commune", weighting="none").to_frame()
    assert frame[["year_from", "year_to"]].drop_duplicates().values.tolist() == [[2020, 2022]]
    found = pc.convergence(est, "year", "commune", weighting="none", base="previous")
    sd = found.select(measure="sd_reduction").to_frame()
    assert sd[["year_from", "year_to"]].values.tolist() == [[2020, 2021], [2021, 2022]]
    assert sd["estimate"].tolist() == pytest.approx([0.09 / 2**0.5] * 2)
    frame = units(est, base="previous", plan=0.05)
    assert frame["reached"].tolist() == [0.0, 0.0, 1.0, 1.0]


def test_controls_take_out_what_explains_both():
    # the control is the start itself but for one unit: little is left to converge
    est = two_years([10, 20, 30, 40, 50], [8, 12, 16, 30, 20])
    controls = pd.DataFrame({"commune": [f"c{i:03d}" for i in range(5)]})
    controls["roads"] = [1.0, 2.0, 2.5, 4.0, 6.0]
    controls["twice"] = 2 * controls["roads"]  # says nothing new
    found = summary(est, controls=controls)
    x = np.column_stack([np.ones(5), controls["roads"], [0.1, 0.2, 0.3, 0.4, 0.5]])
    y = np.array([8, 12, 16, 30, 20]) / 100 - x[:, 2]
    assert found["beta_conditional"] == pytest.approx(np.linalg.lstsq(x, y)[0][2], rel=1e-9)
    found = notes(est, controls=controls[:4])
    assert found["beta_conditional"] == "1 of 5 units lack a control"


def test_the_top_may_be_a_number_of_units(three):
    assert summary(three, top=2)["share_of_top"] == pytest.approx(22 / 24)
    assert summary(three, top=99)["share_of_top"] == pytest.approx(1)


def test_spreads_are_shown_in_points_and_shares_in_percent():
    assert display_kind("sd_start", "rate") == "points"
    assert display_kind("sd_reduction", "rate") == "points"
    assert display_kind("share_of_top", "rate") == "percent"
    assert display_kind("beta", "rate") == "number"
    assert display_kind("sd_start", "total") == "count"


def test_reductions_and_limits_are_shown_in_points_and_written_in_percent(three, tmp_path):
    found = pc.convergence(three, "year", "commune", what="units", chance="binomial")
    row = next(line for line in repr(found).splitlines() if line.startswith("c000"))
    assert row.count("2.00 points") == 2  # the reduction, and as the estimate
    found.to_csv(tmp_path / "units.csv", percent=True)
    frame = pd.read_csv(tmp_path / "units.csv")
    assert frame["reduction_percent"].tolist() == [2, 8, 14]
    assert {"funnel_low_percent", "funnel_high_percent", "start_percent"} <= set(frame.columns)
    found.to_excel(tmp_path / "units.xlsx")


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "argument"),
    [
        ({"what": "unit"}, "what"),
        ({"weighting": "persons"}, "weighting"),
        ({"top": 0}, "top"),
        ({"top": 1.5}, "top"),
        ({"limits": 95}, "limits"),
        ({"chance": "poisson"}, "chance"),
        ({"moves": {"commune": ["c000"]}}, "moves"),
        ({"across": []}, "across"),
        ({"across": "year"}, "across"),
        ({"controls": {"roads": [1.0]}}, None),
    ],
)
def test_an_option_that_is_none_is_refused(three, words, argument):
    with pytest.raises(errors.OptionError) as found:
        pc.convergence(three, **({"time": "year", "across": "commune"} | words))
    if argument:
        assert found.value.argument == argument


def test_a_key_that_is_none_is_named(three):
    with pytest.raises(errors.ColumnNotFoundError, match="commun"):
        pc.convergence(three, "year", "commun")


def test_within_needs_a_key_of_text():
    est = two_years([1, 2], [1, 2], district=[1, 1])
    with pytest.raises(errors.OptionError, match="key of text"):
        pc.convergence(est, "year", "commune", "district")


def test_chance_is_for_registers_and_for_rates():
    est = two_years([1, 2], [1, 2])
    sampled = {"commune": list("abab"), "year": [2021, 2021, 2022, 2022]}
    sampled |= {"rate": [0.1, 0.2, 0.1, 0.1], "se": [0.01] * 4}
    sampled = pc.Estimates.from_table(sampled, ["commune", "year"], estimate="rate", se="se")
    with pytest.raises(errors.OptionError, match="for registers"):
        pc.convergence(sampled, "year", "commune", chance="binomial")
    frame = est.to_frame()[["commune", "year", "numerator"]]
    number = pc.Estimates.from_table(
        frame, ["commune", "year"], estimate="numerator", measure="total"
    )
    with pytest.raises(errors.OptionError, match="for rates"):
        pc.convergence(number, "year", "commune", chance="binomial")


def test_two_standards_are_not_compared_unasked():
    est = two_years([1, 2], [1, 2]).to_frame()
    est["ids"] = np.where(est["year"] == 2021, "vn-2016", "vn-2022")
    est = pc.Estimates.from_table(
        est[["commune", "year", "numerator", "denominator", "ids"]],
        ["commune", "year"],
        numerator="numerator",
        denominator="denominator",
        standard="ids",
    )
    with pytest.raises(errors.ComparabilityError):
        pc.convergence(est, "year", "commune")
    assert len(pc.convergence(est, "year", "commune", across_standards=True))


def test_controls_that_know_no_unit_are_an_error(three):
    with pytest.raises(errors.MissingValueError, match="no row for any unit"):
        pc.convergence(three, "year", "commune", controls={"commune": ["x"], "roads": [1.0]})
    with pytest.raises(errors.DuplicateNameError, match="row 1"):
        pc.convergence(
            three, "year", "commune", controls={"commune": ["c000"] * 2, "roads": [1.0, 2.0]}
        )
