"""Standard errors of changes, with the covariance of shared PSUs.

Sources of truth: contrasts of R's survey 4.5 (tests/reference); arithmetic in comments; the delta
method by differences of the function itself, on the covariance of the levels.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

import povertycore as pc
from povertycore import errors

FOLDER = Path(__file__).parent / "reference"
MEASURES = ["difference", "relative_change", "annual_difference", "annual_relative_change"]
WAVES = pc.Design(weight="w", strata="h", psu="ea", period="year")


def waves(rows, years=(2020, 2022)):
    """A file of two waves: stratum, PSU, wave (0 or 1) and the poor of ten households."""
    table = [
        {"year": years[wave], "h": h, "ea": ea, "w": 1.0, "poor": float(i < poor)}
        for h, ea, wave, poor in rows
        for i in range(10)
    ]
    return pd.DataFrame(table)


# One stratum; PSUs 1 and 2 in both waves, 3 in the first, 4 in the second.
HALF_SHARED = [("a", 1, 0, 2), ("a", 2, 0, 4), ("a", 3, 0, 6),
               ("a", 1, 1, 1), ("a", 2, 1, 3), ("a", 4, 1, 2)]  # fmt: skip


def change_of(data, design=WAVES, measures="difference", **words):
    return pc.change(pc.rate(data, "poor", by="year", design=design), "year", measures, **words)


def figure(est, name="se"):
    (value,) = est[name]
    return value


# --- worked example ----------------------------------------------------------------------------


def test_variance_of_a_difference_counts_the_shared_psus_only():
    # Parts of PSUs: (rate of the PSU - rate)/3. First wave 40 %: -.2, 0, .2; second: -.1, .1, 0.
    # V0 = 3/2 x (.04 + 0 + .04)/9 = 1/75; V1 = 3/2 x .02/9 = 1/300.
    # PSUs 1 and 2 are in both: C = 3/2 x (.2 x .1 + 0 x .1)/9 = 1/300.
    est = change_of(waves(HALF_SHARED))
    assert figure(est, "estimate") == pytest.approx(-0.2, rel=1e-15)
    assert figure(est) == pytest.approx(np.sqrt(1 / 75 + 1 / 300 - 2 / 300), rel=1e-14)
    # Four PSUs in all, in one stratum that both waves share.
    assert (figure(est, "df"), figure(est, "n_psu")) == (3, 4)
    assert figure(est, "note") == "2 PSUs in both"


def test_p_value_and_interval_are_those_of_t():
    est = change_of(waves(HALF_SHARED))
    # t = -0.2/0.1 = -2 on 3 degrees of freedom: p = 0.1393; t(97.5 %) = 3.1824.
    assert figure(est) == pytest.approx(0.1, rel=1e-14)
    assert figure(est, "p_value") == pytest.approx(0.139326, abs=1e-6)
    assert figure(est, "ci_low") == pytest.approx(-0.2 - 0.318245, abs=1e-6)
    assert figure(est, "ci_high") == pytest.approx(-0.2 + 0.318245, abs=1e-6)
    assert figure(est, "cv") == pytest.approx(0.5, rel=1e-14)


def test_waves_without_a_common_psu_do_not_covary():
    apart = [(h, ea + 100 * wave, wave, poor) for h, ea, wave, poor in HALF_SHARED]
    est = change_of(waves(apart))
    assert figure(est) == pytest.approx(np.sqrt(1 / 75 + 1 / 300), rel=1e-14)
    assert figure(est, "df") == 6 - 2  # a stratum counts once in each wave
    assert figure(est, "note") == "no PSU in both: covariance 0"
    renumbered = pc.Design(weight="w", strata="h", psu="ea", period="year", waves="independent")
    assert figure(change_of(waves(HALF_SHARED), renumbered)) == figure(est)


def test_delta_method_by_hand():
    # p0 = .4, p1 = .2, two years. Relative: g0 = -1.25, g1 = 2.5.
    est = change_of(waves(HALF_SHARED), measures=MEASURES)
    v0, v1, c = 1 / 75, 1 / 300, 1 / 300
    relative = np.sqrt(1.25**2 * v0 + 2.5**2 * v1 - 2 * 1.25 * 2.5 * c)
    slope = 0.5 / np.sqrt(0.5)  # of the root of p1/p0 = 1/2
    expected = [0.1, relative, 0.05, slope * relative]
    assert est["se"].to_list() == pytest.approx(expected, rel=1e-13)
    annual = est["estimate"].to_list()[3]
    assert annual == pytest.approx(np.sqrt(0.5) - 1, rel=1e-14)


# --- R -----------------------------------------------------------------------------------------


@cache
def panel():
    hh = pd.read_csv(FOLDER / "synth_panel.csv")
    hh["poor"] = np.where(hh["cons"].notna(), hh["cons"] < hh["line"], np.nan)
    return hh


def cases_of_r():
    reference = json.loads((FOLDER / "change_reference.json").read_text(encoding="utf-8"))
    return reference["cases"]


@pytest.mark.parametrize("case", cases_of_r(), ids=lambda case: case["id"])
def test_standard_errors_of_changes_are_those_of_r(case):
    design = pc.Design(weight="weight", size="hhsize", strata="stratum", psu="psu", period="year",
                       lonely="certainty", **case["design"])  # fmt: skip
    levels = pc.rate(panel(), "poor", by="year", design=design)
    est = pc.change(levels.select(year=case["years"]), "year")
    assert figure(est, "estimate") == pytest.approx(case["estimate"][0], rel=1e-9)
    assert figure(est) == pytest.approx(case["se"][0], rel=1e-9)


def test_waves_taken_as_independent_samples_add_their_variances_as_in_r():
    design = pc.Design(weight="weight", size="hhsize", strata="stratum", psu="psu", period="year",
                       lonely="certainty", waves="independent")  # fmt: skip
    levels = pc.rate(panel(), "poor", by="year", design=design)
    by_r = [0.020831334729073, 0.018353275101462, 0.018476277095692]
    assert levels["se"].to_list() == pytest.approx(by_r, rel=1e-9)
    est = pc.change(levels, "year", base="first")
    expected = [np.hypot(by_r[0], by_r[1]), np.hypot(by_r[0], by_r[2])]
    assert est["se"].to_list() == pytest.approx(expected, rel=1e-9)


# --- the delta method by differences -------------------------------------------------------------


def value_of(measure, p0, p1, years):
    ratio = p1 / p0
    return {
        "difference": p1 - p0,
        "relative_change": ratio - 1,
        "annual_difference": (p1 - p0) / years,
        "annual_relative_change": ratio ** (1 / years) - 1,
    }[measure]


@pytest.mark.parametrize("years", [(2020, 2022), (2015, 2022), (2020.5, 2021)])
@pytest.mark.parametrize("measure", MEASURES)
def test_standard_errors_are_those_of_the_delta_method(measure, years):
    data = waves(HALF_SHARED, years)
    levels = pc.rate(data, "poor", by="year", design=WAVES)
    found = figure(pc.change(levels, "year", measure))
    p, step = levels["estimate"].to_numpy(), 1e-6
    gap = years[1] - years[0]
    up, down = (
        [value_of(measure, *(p + sign * step * np.eye(2)[i]), gap) for i in range(2)]
        for sign in (1, -1)
    )
    slope = (np.array(up) - np.array(down)) / (2 * step)
    assert found == pytest.approx(np.sqrt(slope @ levels.cov @ slope), rel=1e-8)


# --- properties --------------------------------------------------------------------------------

POOR = st.lists(st.integers(1, 9), min_size=6, max_size=6)


@given(POOR)
def test_difference_is_the_contrast_of_both_years(poor):
    data = waves([(h, ea, wave, n) for (h, ea, wave, _), n in zip(HALF_SHARED, poor, strict=True)])
    levels = pc.rate(data, "poor", by="year", design=WAVES)
    by_change, by_contrast = pc.change(levels, "year"), levels.contrast({2022: 1, 2020: -1})
    for name in ("se", "df", "n_psu"):
        np.testing.assert_allclose(by_change[name], by_contrast[name], rtol=1e-12)


@given(POOR)
def test_change_back_has_the_same_standard_error(poor):
    data = waves([(h, ea, wave, n) for (h, ea, wave, _), n in zip(HALF_SHARED, poor, strict=True)])
    levels = pc.rate(data, "poor", by="year", design=WAVES)
    there, back = (pc.change(levels, "year", base=year) for year in (2020, 2022))
    assert figure(there, "estimate") == -figure(back, "estimate")
    for name in ("se", "p_value", "df"):
        assert figure(there, name) == pytest.approx(figure(back, name), rel=1e-12, nan_ok=True)


def test_every_group_has_the_covariance_of_its_own_psus():
    hh = panel()
    design = pc.Design(weight="weight", strata="stratum", psu="psu", period="year",
                       lonely="certainty")  # fmt: skip
    by_region = pc.change(pc.rate(hh, "poor", by=["region", "year"], design=design), "year")
    for region in ("North", "South"):
        inside = pc.rate(hh, "poor", by="year", where=hh["region"] == region, design=design)
        alone = pc.change(inside, "year")
        together = by_region.select(region=region)
        for name in ("estimate", "se", "df", "p_value", "n_psu"):
            # a difference of rates that are nearly equal keeps the rounding of the rates
            np.testing.assert_allclose(together[name], alone[name], rtol=1e-12, atol=1e-15)


def test_changes_of_groups_covary():
    design = pc.Design(weight="weight", strata="stratum", psu="psu", period="year",
                       lonely="certainty")  # fmt: skip
    levels = pc.rate(panel(), "poor", by=["urban", "year"], design=design)
    changes = pc.change(levels.select(year=[2020, 2021]), "year")
    weights = np.array([[-1, 1, 0, 0], [0, 0, -1, 1]])
    expected = weights @ levels.select(year=[2020, 2021]).cov @ weights.T
    np.testing.assert_allclose(changes.cov, expected, rtol=1e-10, atol=1e-18)


# --- edges -------------------------------------------------------------------------------------


def test_a_register_has_changes_without_standard_errors_and_without_a_word_on_them():
    est = pc.change(pc.rate(waves(HALF_SHARED), "poor", by="year"), "year")
    assert np.isnan([figure(est), figure(est, "p_value"), figure(est, "df")]).all()
    assert figure(est, "note") == ""


def test_a_period_without_a_standard_error_leaves_the_change_without():
    rows = [(h, ea, wave, 0 if wave else poor) for h, ea, wave, poor in HALF_SHARED]
    est = change_of(waves(rows), measures=["difference", "annual_relative_change"])
    assert est["se"].isna().all()
    assert est["estimate"].to_list() == pytest.approx([-0.4, -1])
    assert all(note.startswith("2022: ") for note in est["note"])


def test_three_periods_of_fractional_years_have_changes_from_each_base():
    rows = [*HALF_SHARED, ("a", 2, 2, 5), ("a", 4, 2, 4), ("a", 5, 2, 9)]
    data = waves(rows, (2018.25, 2020.75, 2021.0))
    previous = change_of(data, measures=MEASURES)
    assert previous["se"].notna().all()
    assert change_of(data, base="first")["note"].to_list() == ["2 PSUs in both", "1 PSU in both"]


def printed():
    table = {"year": [2020, 2022], "rate": [0.3, 0.2], "error": [0.03, 0.04]}
    return pc.Estimates.from_table(table, "year", estimate="rate", se="error")


def test_printed_figures_have_changes_with_standard_errors_only_where_they_are_independent():
    silent = pc.change(printed(), "year")
    assert np.isnan([figure(silent), figure(silent, "df"), figure(silent, "n_psu")]).all()
    assert "independent=True" in figure(silent, "note")
    est = pc.change(printed(), "year", independent=True)
    # sqrt(.03^2 + .04^2) = .05; -0.1/0.05 = -2, and 2 x Phi(-2) = 0.0455.
    assert figure(est) == pytest.approx(0.05, rel=1e-14)
    assert figure(est, "p_value") == pytest.approx(0.04550026, abs=1e-8)
    assert figure(est, "ci_low") == pytest.approx(-0.1 - 1.959964 * 0.05, abs=1e-7)
    assert figure(est, "note") == "taken as independent"
    assert est.meta["independent"] is True


def test_results_of_independent_files_do_not_covary():
    data = waves(HALF_SHARED)
    design = pc.Design(weight="w", strata="h", psu="ea")
    parts = [pc.rate(data[data["year"] == year], "poor", by="year", design=design)
             for year in (2020, 2022)]  # fmt: skip
    est = pc.change(pc.concat(parts), "year")
    assert figure(est) == pytest.approx(np.sqrt(1 / 75 + 1 / 300), rel=1e-14)
    assert figure(est, "note") == "independent samples"
    assert figure(est, "df") == 4


def test_independence_is_for_printed_figures_and_changes_nothing_else():
    est = change_of(waves(HALF_SHARED), independent=True)
    assert figure(est) == pytest.approx(0.1, rel=1e-14)


# --- errors ------------------------------------------------------------------------------------


def test_standards_are_not_crossed_silently():
    data = waves(HALF_SHARED).assign(
        std=lambda hh: np.where(hh["year"] < 2021, "vn-2016", "vn-2022")
    )
    levels = pc.rate(data, "poor", by="year", design=WAVES, standard="std")
    with pytest.raises(errors.ComparabilityError, match="different standards: vn-2016 and vn-2022"):
        pc.change(levels, "year")
    est = pc.change(levels, "year", across_standards=True)
    assert figure(est) == pytest.approx(0.1, rel=1e-14)
    assert figure(est, "note") == "across standards: vn-2016 and vn-2022; 2 PSUs in both"
