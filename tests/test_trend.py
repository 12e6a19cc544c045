"""Trends over three or more periods.

Source of truth: arithmetic in the comments; tests/oracles/trend.py, in exact fractions; and
tests/reference/trend_reference.json, made by pyMannKendall, scipy and statsmodels.
"""

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings, strategies as st

import povertycore as pc
from oracles import trend as oracle
from povertycore import _core, errors

FOLDER = Path(__file__).parent / "reference"
CASES = {
    case["id"]: case
    for case in json.loads((FOLDER / "trend_reference.json").read_text(encoding="utf-8"))["cases"]
}
CORRECTIONS = {
    "none": "original_test",
    "hamed_rao": "hamed_rao_modification_test",
    "yue_wang": "yue_wang_modification_test",
    "pre_whitening": "pre_whitening_modification_test",
    "trend_free_pre_whitening": "trend_free_pre_whitening_modification_test",
}
# pyMannKendall takes Sen's line, whose slope is per unit of time, off the values by their position:
# where a value is missing, another line than the one it has found.
NOT_TO_BE_MATCHED = {("trend/missing11", "yue_wang")}


def series(values, first=2000, **columns):
    """Estimates of one series, a value a year."""
    frame = {"year": np.arange(first, first + len(values)), "x": values} | columns
    words = {name: name for name in columns if name in ("se", "standard")}
    return pc.Estimates.from_table(frame, "year", estimate="x", measure="mean", **words)


def figures(est):
    """Estimates by measure."""
    return dict(zip(est["measure"], est["estimate"], strict=True))


def column(est, name, measure="slope"):
    """One number of one measure."""
    return est.select(measure=measure)[name].item()


def survey(years=(2019, 2020, 2021, 2022), n_psu=12, seed=5):
    """Four waves of one set of PSUs, a rate that falls and PSUs that stay poorer than others."""
    draws = np.random.default_rng(seed)
    rows = []
    base = draws.uniform(0.2, 0.6, n_psu)
    for t, year in enumerate(years):
        for c in range(n_psu):
            poor = draws.random(15) < base[c] - 0.03 * t
            rows += [(year, c % 3, c, int(p), 1.0 + c % 2) for p in poor]
    return pd.DataFrame(rows, columns=["year", "stratum", "psu", "poor", "weight"])


DESIGN = {"weight": "weight", "strata": "stratum", "psu": "psu", "period": "year"}


@pytest.fixture(scope="module")
def waves():
    return pc.rate(survey(), "poor", by="year", design=pc.Design(**DESIGN))


# --- worked example -------------------------------------------------------------------------------


def test_line_through_four_rates_is_that_on_paper():
    # Years -3/2, -1/2, 1/2, 3/2 from their mean: (-18 - 5 + 4.5 + 7.5)/5 = -2.2; mean 9, so 12.3.
    # Left: -0.3, -0.1, 1.1, -0.7: squares 1.8 on 2 degrees of freedom; 1.8/2/5 = 0.18.
    result = pc.trend(series([12.0, 10.0, 9.0, 5.0]), time="year")
    assert figures(result) == {"slope": pytest.approx(-2.2), "level": pytest.approx(12.3)}
    assert column(result, "se") == pytest.approx(math.sqrt(0.18))
    assert column(result, "df") == 2
    t = 2.2 / math.sqrt(0.18)  # P(|T| > t) on 2 degrees of freedom is 1 - t/sqrt(2 + t^2)
    assert column(result, "p_value") == pytest.approx(1 - t / math.sqrt(2 + t * t))


def test_mann_kendall_of_four_falling_rates_is_exact():
    result = pc.trend(series([12.0, 10.0, 9.0, 5.0]), time="year", method="mann_kendall")
    # S = -6; variance 4 x 3 x 13/18 = 26/3; z = -5/sqrt(26/3); 2 of 24 orders are so extreme.
    assert figures(result) == {
        "s": -6.0,
        "tau": -1.0,
        "tau_b": -1.0,
        "z": pytest.approx(-5 / math.sqrt(26 / 3)),
    }
    assert result["p_value"].tolist() == [2 / 24] * 4
    assert result["note"].tolist() == ["exact p"] * 4


def test_annual_percentage_change_of_a_rate_that_halves_is_minus_fifty_percent():
    result = pc.trend(series([0.4, 0.2, 0.1, 0.05]), time="year", method="apc")
    assert column(result, "estimate", "annual_relative_change") == pytest.approx(-0.5)


def test_segments_have_their_own_level_and_slope():
    # 10, 9, 8 falls by 1; from 2003 on 14, 12, 10 falls by 2.
    est = series([10.0, 9.0, 8.0, 14.0, 12.0, 10.0])
    frame = pc.trend(est, time="year", breaks=[2003]).to_frame()
    assert frame["segment"].tolist() == [1, 1, 2, 2]
    assert frame["year_from"].tolist() == [2000, 2000, 2003, 2003]
    assert frame["year_to"].tolist() == [2002, 2002, 2005, 2005]
    assert frame["estimate"].tolist() == pytest.approx([-1, 10, -2, 14])
    assert frame["n_periods"].tolist() == [3] * 4


def test_weighted_line_leans_on_the_surer_figures():
    # Weights 1/se^2 = 1, 4, 1: as if the second figure were there four times.
    est = series([1.0, 5.0, 3.0], se=[1.0, 0.5, 1.0])
    found = pc.trend(est, time="year", method="wls", independent=True)
    slope, level, _, parts = oracle.line([0, 1, 2], [1, 5, 3], [1, 4, 1])
    assert figures(found) == {"slope": float(slope), "level": pytest.approx(float(level))}
    own = [1, Fraction(1, 4), 1]
    variance = sum(part**2 * v for part, v in zip(parts, own, strict=True))
    assert column(found, "se") == pytest.approx(math.sqrt(variance))
    assert column(found, "df") == math.inf


# --- reference ------------------------------------------------------------------------------------


def values_of(case):
    return [math.nan if x is None else x for x in CASES[case]["series"]]


@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("case", CASES)
def test_mann_kendall_is_that_of_other_software(case, correction):
    found = pc.trend(series(values_of(case)), "year", method="mann_kendall", correction=correction)
    wanted, ours = CASES[case]["results"][CORRECTIONS[correction]], figures(found)
    assert ours["s"] == wanted["s"]
    assert ours["tau"] == pytest.approx(wanted["Tau"], rel=1e-12)
    if (case, correction) in NOT_TO_BE_MATCHED:
        assert ours["z"] != pytest.approx(wanted["z"], rel=0.1)
        return
    assert ours["z"] == pytest.approx(wanted["z"], rel=1e-9)
    p = found["p_value"][0]
    if "exact p" in found["note"][0]:  # the software has the normal approximation only
        p = math.erfc(abs(ours["z"]) / math.sqrt(2))
    assert p == pytest.approx(wanted["p"], abs=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_lines_are_those_of_other_software(case):
    est, wanted = series(values_of(case)), CASES[case]["results"]
    sen = pc.trend(est, "year", method="theil_sen")
    of_sen = wanted["scipy_theilslopes_95"]
    names = ("estimate", "ci_low", "ci_high")
    for name, word in zip(names, ("slope", "low", "high"), strict=True):
        assert column(sen, name) == pytest.approx(of_sen[word], rel=1e-9, abs=1e-12)
    assert column(sen, "estimate", "level") == pytest.approx(of_sen["intercept"], rel=1e-9)
    ols, of_ols = pc.trend(est, "year"), wanted["scipy_linregress"]
    assert column(ols, "estimate") == pytest.approx(of_ols["slope"], rel=1e-9)
    assert column(ols, "estimate", "level") == pytest.approx(of_ols["intercept"], rel=1e-9)
    assert column(ols, "se") == pytest.approx(of_ols["stderr"], rel=1e-9)
    assert column(ols, "se", "level") == pytest.approx(of_ols["intercept_stderr"], rel=1e-9)
    assert column(ols, "p_value") == pytest.approx(of_ols["p"], abs=1e-12)
    hac, of_hac = pc.trend(est, "year", se="hac"), wanted["statsmodels_OLS_HAC_maxlags2"]["bse"]
    assert column(hac, "se", "level") == pytest.approx(of_hac[0], rel=1e-9, abs=1e-12)
    assert column(hac, "se") == pytest.approx(of_hac[1], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("case", sorted(set(CASES) - {"trend/flat9"}))
def test_tau_b_is_that_of_scipy(case):
    found = pc.trend(series(values_of(case)), "year", method="mann_kendall", correction="none")
    wanted = CASES[case]["results"]["scipy_kendalltau_asymptotic"]["tau"]
    assert figures(found)["tau_b"] == pytest.approx(wanted, rel=1e-9)


# --- oracle ---------------------------------------------------------------------------------------

numbers = st.integers(-50, 50)


@given(st.lists(numbers, min_size=3, max_size=12), st.data())
def test_lines_are_the_exact_ones(values, data):
    times = sorted(data.draw(st.sets(numbers, min_size=len(values), max_size=len(values))))
    frame = {"year": [2000 + t for t in times], "x": [float(v) for v in values]}
    est = pc.Estimates.from_table(frame, "year", estimate="x", measure="mean")
    found = pc.trend(est, "year", method=["ols", "theil_sen"])
    slope, level, left, _ = oracle.line(times, values)
    ours = figures(found.select(method="ols"))
    assert ours["slope"] == pytest.approx(float(slope), rel=1e-12, abs=1e-12)
    assert ours["level"] == pytest.approx(float(level), rel=1e-12, abs=1e-10)
    spread = sum((t - Fraction(sum(times), len(times))) ** 2 for t in times)
    se = found.select(method="ols", measure="slope")["se"].item()
    assert se == pytest.approx(math.sqrt(left / (len(times) - 2) / spread), rel=1e-9, abs=1e-12)
    sen = found.select(method="theil_sen", measure="slope")
    wanted = oracle.sen(times, values)
    if len(values) < 5:  # least and largest slope enclose too little
        wanted = (wanted[0], math.nan, math.nan)
    assert sen["estimate"].item() == pytest.approx(wanted[0], abs=1e-13)
    assert (sen["ci_low"].item(), sen["ci_high"].item()) == pytest.approx(
        wanted[1:], abs=1e-13, nan_ok=True
    )


@given(st.lists(st.integers(0, 6), min_size=3, max_size=15))
def test_scores_and_their_variances_are_those_of_double_loops(values):
    found = pc.trend(series([float(v) for v in values]), "year", method="mann_kendall",
                     correction="none")  # fmt: skip
    s, variance = oracle.score(values), oracle.variance(values)
    ours = figures(found)
    assert ours["s"] == s
    pairs = len(values) * (len(values) - 1) // 2
    assert ours["tau"] == pytest.approx(s / pairs)
    if s:
        assert ours["z"] == pytest.approx((abs(s) - 1) / math.sqrt(variance) * np.sign(s))
    else:
        assert ours["z"] == 0


@pytest.mark.parametrize("n", [3, 4, 5, 6, 7])
def test_exact_p_is_the_share_of_all_orders(n):
    for last in range(n):
        values = [float(k) for k in range(n) if k != last] + [float(last)]
        found = pc.trend(series(values), "year", method="mann_kendall", correction="none")
        assert found["p_value"][0] == pytest.approx(oracle.exact_p(oracle.score(values), n))


# --- sampling errors ------------------------------------------------------------------------------


def test_slope_of_a_survey_is_a_contrast_of_its_years(waves):
    result = pc.trend(waves, "year")
    weights = {(year,): w for year, w in zip((2019, 2020, 2021, 2022), (-3, -1, 1, 3), strict=True)}
    contrast = waves.contrast({key: w / 10 for key, w in weights.items()})
    for name in ("estimate", "se", "df", "ci_low", "ci_high", "n_psu"):
        assert column(result, name) == pytest.approx(contrast[name].item())
    assert column(result, "p_value") == pytest.approx(contrast["p_value"].item())
    assert column(result, "se") ** 2 == pytest.approx(result.cov[0, 0])


def test_covariance_of_the_years_is_part_of_the_error(waves):
    # PSUs that stay poorer than others move all years alike, which takes error off the slope.
    joint = column(pc.trend(waves, "year"), "se")
    alone = math.sqrt(sum((w / 10) ** 2 * v for w, v in
                          zip((-3, -1, 1, 3), np.diag(waves.cov), strict=True)))  # fmt: skip
    assert joint < 0.95 * alone


def test_gls_is_the_best_line_of_the_joint_covariance(waves):
    result = pc.trend(waves, "year", method=["ols", "gls"])
    gls, ols = result.select(method="gls"), result.select(method="ols")
    x = np.column_stack([np.arange(4.0), np.ones(4)])
    inverse = np.linalg.inv(waves.cov)
    cov = np.linalg.inv(x.T @ inverse @ x)
    wanted = cov @ x.T @ inverse @ waves["estimate"]
    assert figures(gls)["slope"] == pytest.approx(wanted[0], rel=1e-9)
    assert figures(gls)["level"] == pytest.approx(wanted[1], rel=1e-9)
    assert column(gls, "se") == pytest.approx(math.sqrt(cov[0, 0]), rel=1e-9)
    assert column(gls, "se") <= column(ols, "se")
    rest = waves["estimate"] - x @ wanted
    df = column(gls, "df")
    f = rest @ inverse @ rest / 2 * (df - 1) / df  # two contrasts
    assert figures(gls)["lack_of_fit"] == pytest.approx(f, rel=1e-9)
    assert column(gls, "df", "lack_of_fit") == df - 1
    # P(F > f) on 2 and m degrees of freedom is (1 + 2 f/m)^(-m/2).
    m = df - 1
    assert column(gls, "p_value", "lack_of_fit") == pytest.approx((1 + 2 * f / m) ** (-m / 2))


def test_no_line_through_a_kink_is_told_by_the_lack_of_fit():
    est = series([1.0, 2.0, 3.0, 2.0, 1.0], se=[0.1] * 5)
    result = pc.trend(est, "year", method="gls", independent=True)
    # The mean is 9/5, squares left 2.8, each over 0.01: 280 on 3 degrees of freedom, F = 280/3.
    assert figures(result)["slope"] == pytest.approx(0, abs=1e-12)
    assert figures(result)["lack_of_fit"] == pytest.approx(280 / 3)
    assert column(result, "p_value", "lack_of_fit") < 1e-50


def test_error_of_the_annual_percentage_change_is_by_the_delta_method(waves):
    result = pc.trend(waves, "year", method="apc")
    p = waves["estimate"].to_numpy()
    slope = np.array([-3, -1, 1, 3]) / 10
    growth = math.exp(slope @ np.log(p))
    gradient = growth * slope / p
    assert result["estimate"].item() == pytest.approx(growth - 1)
    assert result["se"].item() == pytest.approx(math.sqrt(gradient @ waves.cov @ gradient))


def test_all_methods_at_once_are_each_alone(waves):
    names = ["ols", "wls", "gls", "theil_sen", "mann_kendall", "apc"]
    together = pc.trend(waves, "year", method=names).to_frame()
    alone = [pc.trend(waves, "year", method=name).to_frame() for name in names]
    apart = pd.concat(alone, ignore_index=True)
    numeric = together.select_dtypes("number").columns
    pd.testing.assert_frame_equal(together[numeric], apart[numeric], check_dtype=False)
    assert together["measure"].tolist() == apart["measure"].tolist()


def test_years_of_independent_files_have_no_covariance():
    data = survey()
    one_each = [
        pc.rate(part, "poor", by="year", design=pc.Design(**DESIGN))
        for _, part in data.groupby("year")
    ]
    est = pc.concat(one_each)
    result = pc.trend(est, "year", method=["ols", "gls"])
    variance = sum((w / 10) ** 2 * v for w, v in zip((-3, -1, 1, 3), est["se"] ** 2, strict=True))
    ols = result.select(method="ols")
    assert column(ols, "se") == pytest.approx(math.sqrt(variance))
    assert column(ols, "df") == est["df"].sum()
    joined = pc.join(*one_each)
    together = pc.rate(data, "poor", by="year", design=pc.Design(**DESIGN))
    again = pc.trend(joined, "year", method=["ols", "gls"])
    wanted = pc.trend(together, "year", method=["ols", "gls"])
    assert again["se"].tolist() == pytest.approx(wanted["se"].tolist(), nan_ok=True)


def test_replicates_give_the_error_of_the_trend_in_each_replicate():
    data = survey()
    made = pc.Design(**DESIGN, replicates=pc.Replicates(kind="jkn"))
    est = pc.rate(data, "poor", by="year", design=made)
    slope = np.array([-3, -1, 1, 3]) / 10
    result = pc.trend(est, "year")
    assert column(result, "se") == pytest.approx(math.sqrt(slope @ est.cov @ slope))
    linear = pc.trend(pc.rate(data, "poor", by="year", design=pc.Design(**DESIGN)), "year")
    assert column(result, "se") == pytest.approx(column(linear, "se"), rel=0.05)


def test_residual_errors_of_a_survey_are_those_of_a_register(waves):
    asked = pc.trend(waves, "year", se="residual")
    plain = pc.trend(series(waves["estimate"].tolist(), first=2019), "year")
    assert column(asked, "se") == pytest.approx(column(plain, "se"))


def test_printed_errors_are_used_when_taken_as_independent():
    est = series([4.0, 3.0, 2.0], se=[0.2, 0.1, 0.2])
    assert column(pc.trend(est, "year", independent=True), "se") == pytest.approx(math.sqrt(0.02))
    not_known = pc.trend(est, "year", se="sampling")
    assert math.isnan(column(not_known, "se"))
    assert "covariance is not known" in not_known["note"][0]
    assert column(pc.trend(est, "year"), "se") == pytest.approx(0, abs=1e-15)  # residual: no rest


# --- properties -----------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.floats(-1e6, 1e6), st.floats(-1e3, 1e3), st.integers(3, 30))
def test_a_perfect_line_is_recovered(level, slope, n):
    est = series([level + slope * t for t in range(n)])
    result = pc.trend(est, "year", method=["ols", "theil_sen"])
    scale = abs(level) + abs(slope) * n
    for name in ("ols", "theil_sen"):
        found = figures(result.select(method=name))
        assert found["slope"] == pytest.approx(slope, rel=1e-9, abs=1e-12 * scale)
        assert found["level"] == pytest.approx(level, rel=1e-9, abs=1e-12 * scale)
    assert column(result.select(method="ols"), "se") <= 1e-12 * scale


@settings(max_examples=30)
@given(st.integers(1, 9), st.integers(2, 40))
def test_autocorrelation_of_rounding_is_none(slope, n):
    # What is left of a perfect line is rounding: it corrects nothing.
    values = [0.1 * slope * t + 1 / 3 for t in range(n + 2)]
    plain = pc.trend(series(values), "year", method="mann_kendall", correction="none")
    for word in ("hamed_rao", "yue_wang"):
        corrected = pc.trend(series(values), "year", method="mann_kendall", correction=word)
        assert figures(corrected) == figures(plain)


@settings(max_examples=30)
@given(st.lists(st.floats(0.01, 0.99), min_size=5, max_size=12, unique=True))
def test_order_of_rows_groups_and_scale_do_not_matter(values):
    n = len(values)
    frame = pd.DataFrame({"year": np.arange(2000, 2000 + n), "x": values, "place": "a"})
    other = frame.assign(place="b", x=frame["x"] * 1024)
    both = pd.concat([frame, other]).sample(frac=1, random_state=n)
    methods = ["ols", "theil_sen", "mann_kendall"]
    words = {"estimate": "x", "measure": "mean"}
    alone = pc.trend(pc.Estimates.from_table(frame, ["place", "year"], **words), "year", methods)
    result = pc.trend(pc.Estimates.from_table(both, ["place", "year"], **words), "year", methods)
    a, b = result.select(place="a"), result.select(place="b")
    assert a["estimate"].tolist() == alone["estimate"].tolist()
    is_scaled = a["measure"].isin(["slope", "level"]).to_numpy()
    scale = np.where(is_scaled, 1024.0, 1.0)
    assert b["estimate"].tolist() == pytest.approx((a["estimate"] * scale).tolist())
    assert b["p_value"].dropna().tolist() == pytest.approx(a["p_value"].dropna().tolist())


@settings(max_examples=30)
@given(st.lists(numbers, min_size=4, max_size=10))
def test_turning_time_around_turns_the_sign(values):
    assume(len(set(values)) > 1)
    forth = pc.trend(series([float(v) for v in values]), "year", ["ols", "mann_kendall"])
    back = pc.trend(series([float(v) for v in values[::-1]]), "year", ["ols", "mann_kendall"])
    assert figures(forth)["slope"] == pytest.approx(-figures(back)["slope"], abs=1e-12)
    assert figures(forth)["s"] == -figures(back)["s"]


def test_distances_in_time_count():
    frame = {"year": [2010, 2011, 2015], "x": [10.0, 9.0, 5.0]}
    est = pc.Estimates.from_table(frame, "year", estimate="x", measure="mean")
    result = pc.trend(est, "year", method=["ols", "theil_sen"])
    assert result.select(measure="slope")["estimate"].tolist() == pytest.approx([-1, -1])


def test_a_long_series_keeps_no_table_of_all_pairs():
    n = 4_000  # eight million slopes, 64 MB if they were kept
    values = np.random.default_rng(4).random(n)
    start, times = np.array([0, n]), np.arange(n, dtype=np.float64)
    slope, _, low, high = _core.trend_sen(start, times, values, 1.96)
    _, score, _, variance, _ = _core.trend_kendall(start, times, values, "none", 1.96)
    slopes = np.concatenate([(values[k:] - values[:-k]) / k for k in range(1, n)])
    assert slope[0] == pytest.approx(np.median(slopes), rel=1e-15)
    assert score[0] == (slopes > 0).sum() - (slopes < 0).sum()
    ordered = np.sort(slopes)
    reach = 1.96 * math.sqrt(variance[0])
    assert low[0] == ordered[int(np.rint((len(slopes) - reach) / 2)) - 1]
    assert high[0] == ordered[int(np.rint((len(slopes) + reach) / 2))]


# --- edges ----------------------------------------------------------------------------------------


def test_under_five_periods_no_slopes_enclose_95_percent():
    # of the n! orders of chance two have all slopes on one side of 0: 1 - 2/24 = 92 percent
    for n in (3, 4, 5):
        found = pc.trend(series([3.0, 1.0, 4.0, 1.5, 5.0][:n]), "year", method="theil_sen")
        slope = found.select(measure="slope")
        assert slope["ci_low"].isna().item() == slope["ci_high"].isna().item() == (n < 5)
        assert ("fewer than five periods" in slope["note"].item()) == (n < 5)
        assert np.isfinite(slope["estimate"].item())


def test_under_three_periods_there_is_no_trend_but_a_note():
    for values in ([1.0, 2.0], [1.0, math.nan, 2.0], [math.nan, math.nan, 3.0]):
        result = pc.trend(series(values), "year", method=["ols", "theil_sen", "mann_kendall"])
        assert result["estimate"].isna().all()
        assert result["p_value"].isna().all()
        assert result["note"].str.contains("fewer than three periods").all()


def test_a_group_that_lacks_a_period_says_which():
    frame = pd.DataFrame({"place": list("aaaabbb"), "year": [1, 2, 3, 4, 1, 2, 4],
                          "x": [4.0, 3, 2, 1, 8, 6, 2]})  # fmt: skip
    frame["year"] += 2000
    est = pc.Estimates.from_table(frame, ["place", "year"], estimate="x", measure="mean")
    result = pc.trend(est, "year").select(measure="slope")
    assert result["estimate"].tolist() == pytest.approx([-1, -2])
    assert result["n_periods"].tolist() == [4, 3]
    assert result["note"].tolist() == ["", "no figure for 2003"]


def test_a_rate_of_zero_has_no_annual_percentage_change():
    result = pc.trend(series([0.2, 0.1, 0.0, 0.05]), "year", method="apc")
    assert math.isnan(result["estimate"].item())
    assert result["note"].item() == "no logarithm: 0 or below in 2002"


def test_weights_leave_out_figures_without_an_error_and_say_so():
    est = series([9.0, 4.0, 3.0, 2.0], se=[np.nan, 0.1, 0.2, 0.1])
    result = pc.trend(est, "year", method=["wls", "gls"], independent=True)
    assert result["n_periods"].tolist() == [3] * 5
    for name in ("wls", "gls"):
        found = figures(result.select(method=name))
        assert found["slope"] == pytest.approx(-1)
        assert found["level"] == pytest.approx(5)  # at the first year of all, which was left out
    assert (result["note"].str.contains("without a standard error above 0: 2000")).all()


def test_a_census_year_with_error_zero_has_a_line_by_ols():
    est = series([4.0, 3.0, 2.0], se=[0.0, 0.1, 0.1])
    assert column(pc.trend(est, "year", independent=True), "se") == pytest.approx(0.05)


def test_text_years_quarters_and_dates_are_periods():
    rates = [0.4, 0.3, 0.2]
    quarters = pd.period_range("2020Q1", periods=3, freq="Q")
    for labels, slope in ((["2020", "2021", "2022"], -0.1), (quarters, -0.4)):
        est = pc.Estimates.from_table({"t": labels, "x": rates}, "t", estimate="x")
        result = pc.trend(est, "t")
        assert column(result, "estimate") == pytest.approx(slope)
        assert result["t_from"][0] == labels[0]


# --- standards and errors -------------------------------------------------------------------------

OLD_AND_NEW = ["vn-2016"] * 3 + ["vn-2022"] * 3
KINKED = [0.10, 0.09, 0.08, 0.14, 0.12, 0.10]


def test_across_two_standards_there_is_no_trend_unless_it_breaks_there():
    est = series(KINKED, standard=OLD_AND_NEW)
    with pytest.raises(errors.ComparabilityError, match="breaks='standard' fits a trend to each"):
        pc.trend(est, "year")
    by_standard = pc.trend(est, "year", breaks="standard")
    assert by_standard.select(measure="slope")["estimate"].tolist() == pytest.approx([-0.01, -0.02])
    assert by_standard.select(measure="slope")["standard"].tolist() == ["vn-2016", "vn-2022"]
    named = pc.trend(est, "year", breaks=[2003])
    assert named["estimate"].tolist() == by_standard["estimate"].tolist()
    with pytest.raises(errors.ComparabilityError):
        pc.trend(est, "year", breaks=[2002])
    joined = pc.trend(est, "year", across_standards=True)
    assert joined["note"][0] == "across standards: vn-2016, vn-2022"
    assert joined["standard"].isna().all()


def test_each_group_breaks_at_its_own_change_of_standard():
    frame = pd.DataFrame({
        "place": ["a"] * 6 + ["b"] * 6,
        "year": [*range(2000, 2006)] * 2,
        "x": KINKED * 2,
        "standard": OLD_AND_NEW + ["vn-2016"] * 6,
    })  # fmt: skip
    est = pc.Estimates.from_table(frame, ["place", "year"], estimate="x", standard="standard")
    result = pc.trend(est, "year", breaks="standard").select(measure="slope")
    assert result["place"].tolist() == ["a", "a", "b"]
    assert result["n_periods"].tolist() == [3, 3, 6]


def test_a_period_without_a_figure_breaks_nothing():
    for lacking in (0, 1, 4):
        frame = pd.DataFrame({"place": "a", "year": range(2000, 2006), "x": KINKED,
                              "standard": OLD_AND_NEW}).drop(index=lacking)  # fmt: skip
        whole = pd.DataFrame({"place": "b", "year": range(2000, 2006), "x": KINKED,
                              "standard": OLD_AND_NEW})  # fmt: skip
        both = pd.concat([frame, whole])
        est = pc.Estimates.from_table(both, ["place", "year"], estimate="x", standard="standard")
        result = pc.trend(est, "year", breaks="standard").select(place="a", measure="slope")
        assert result["segment"].tolist() == [1, 2]
        assert result["n_periods"].tolist() == [3 - (lacking < 3), 3 - (lacking > 2)]
        assert result["note"].str.contains(f"no figure for {2000 + lacking}").sum() == 1


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        ({"method": "olss"}, errors.OptionError, "did you mean 'ols'|'ols'"),
        ({"se": "none"}, errors.OptionError, "sampling"),
        ({"se": "sampling"}, errors.OptionError, "there are none"),
        ({"method": "gls"}, errors.OptionError, "weighs by standard errors"),
        ({"method": "wls"}, errors.OptionError, "weighs by standard errors"),
        ({"correction": "hamed"}, errors.OptionError, "hamed_rao"),
        ({"breaks": 1999}, errors.OptionError, "breaks must be"),
        ({"breaks": "law"}, errors.OptionError, "breaks must be"),
        ({"lags": -1}, errors.OptionError, "lags must be"),
        ({"time": "years"}, errors.ColumnNotFoundError, "did you mean 'year'"),
    ],
)
def test_what_is_wrong_is_named(words, error, text):
    est = series([3.0, 2.0, 1.0])
    with pytest.raises(error, match=text):
        pc.trend(est, **({"time": "year"} | words))


def test_one_period_is_no_trend():
    with pytest.raises(errors.ValueRangeError, match="two periods"):
        pc.trend(series([3.0]), "year")


@pytest.mark.parametrize("far", [2e3, 2e9, 2e15])
def test_times_far_from_zero_lose_nothing(far):
    start, times = np.array([0, 4]), np.array([0.0, 1.0, 3.0, 7.0])
    values, weights = np.array([0.31, 0.27, 0.28, 0.19]), np.array([1.0, 2.0, 0.5, 3.0])
    here = _core.trend_line(start, times, values, weights)
    there = _core.trend_line(start, far + times, values, weights)
    assert all((x == y).all() for x, y in zip(here, there, strict=True))
    slope, level, _, parts = oracle.line(far + times, values, weights)
    np.testing.assert_allclose(there[0], float(slope), rtol=1e-14)
    np.testing.assert_allclose(there[1], float(level), rtol=1e-14)
    np.testing.assert_allclose(there[3], [float(part) for part in parts], rtol=1e-14)


def test_points_of_no_series_are_in_no_line():
    times, values = np.arange(6.0), np.array([9.0, 9.0, 1.0, 3.0, 9.0, 9.0])
    slope, level, squares, of_slope, of_level = _core.trend_line(np.array([2, 4]), times, values)
    assert (slope[0], level[0], squares[0]) == (2, 1, 0)
    assert of_slope.tolist() == [0, 0, -1, 1, 0, 0]
    assert of_level.tolist() == [0, 0, 1, 0, 0, 0]


def test_the_core_names_the_point_that_is_wrong():
    start, times, values = np.array([0, 3]), np.array([0.0, 1.0, 1.0]), np.ones(3)
    with pytest.raises(errors.ValueRangeError, match=r"time\[2\]"):
        _core.trend_line(start, times, values)
    with pytest.raises(errors.ValueRangeError, match=r"value\[1\]"):
        _core.trend_sen(start, np.arange(3.0), np.array([1.0, np.nan, 1.0]), 1.96)
    with pytest.raises(errors.ValueRangeError, match=r"weight\[0\]"):
        _core.trend_line(start, np.arange(3.0), values, np.array([0.0, 1.0, 1.0]))
    with pytest.raises(errors.LengthError, match="another length"):
        _core.trend_line(start, np.arange(2.0), values)
    with pytest.raises(errors.DTypeError, match="int64"):
        _core.trend_sen(start.astype(np.int32), np.arange(3.0), values, 1.96)
    with pytest.raises(errors.ValueRangeError, match="correction"):
        _core.trend_kendall(start, np.arange(3.0), values, "some", 1.96)
