"""Confidence intervals: many at once, by five methods.

Sources of truth: svyciprop of R's survey 4.5 (tests/reference); the definitions written out in
decimals of 30 digits in oracles/intervals.py; arithmetic in comments.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

import povertycore as pc
from oracles import intervals as oracle
from povertycore.intervals import REASONS, intervals, t_quantile

FOLDER = Path(__file__).parent / "reference"
METHODS = ("logit", "beta", "wilson", "likelihood", "plain")
FOR_PROPORTIONS = METHODS[:-1]
NAMES_IN_R = {"mean": "plain", "xlogit": "logit"}  # our names for those of svyciprop
# n_eff = 0.2 x 0.8 / 0.04^2 = 100.
FIFTH = {"estimate": 0.2, "se": 0.04, "df": 30, "n_obs": 150, "is_proportion": True}


def ends(**words):
    low, high, _ = intervals(**{**FIFTH, **words})
    return low.tolist() + high.tolist()


def some(n=3, **words):
    """Estimates of `n` rows; a fifth each, unless said otherwise."""
    columns = {"estimate": 0.2, "se": 0.04, "df": 30.0, "n_obs": 150, "measure": "rate"} | words
    return pc.Estimates({"place": np.arange(n)}, measure_keys={"variable": "poor"},
                        unit="persons", verb="rate", **columns)  # fmt: skip


# --- worked examples ---------------------------------------------------------------------------


def test_plain_interval_is_the_estimate_and_t_standard_errors():
    # t(30) at 97.5 % is 2.0423 in every table: 0.2 -+ 0.0817.
    assert ends(method="plain") == pytest.approx([0.118309, 0.281691], abs=1e-6)


def test_normal_quantiles_where_the_degrees_of_freedom_are_infinite():
    assert ends(df=np.inf, method="plain") == pytest.approx([0.1216014, 0.2783986], abs=1e-7)


def test_logit_interval_is_plain_on_the_logit_scale():
    # logit(0.2) = -1.3863; 0.04/0.16 = 1/4; -1.3863 -+ 2.0423/4 = -1.8969, -0.8757.
    assert ends() == pytest.approx([0.130464, 0.294064], abs=1e-6)


def test_wilson_interval_of_a_simple_random_sample_is_the_textbook_one():
    # 20 of 100 with z = 1.96: (0.1334, 0.2888), Newcombe (1998).
    found = ends(df=np.inf, method="wilson")
    assert found == pytest.approx([0.1334, 0.2888], abs=1e-4)


def test_beta_interval_of_a_simple_random_sample_is_that_of_clopper_and_pearson():
    # 20 of 100, printed in many tables: (0.1267, 0.2918). n_eff is adjusted by t(n - 1)/t(df).
    assert ends(df=99, n_obs=100, method="beta") == pytest.approx([0.1267, 0.2918], abs=1e-4)


def test_nobody_of_ten_rows_has_the_exact_upper_end():
    found = ends(estimate=[0, 1], se=np.nan, df=8, n_obs=10)
    end = 1 - 0.025**0.1
    assert found == pytest.approx([0, 1 - end, end, 1], abs=1e-15)


# --- R and the oracle --------------------------------------------------------------------------


REFERENCE = json.loads((FOLDER / "interval_reference.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", REFERENCE["cases"], ids=lambda case: case["id"])
def test_intervals_of_a_proportion_are_those_of_r(case):
    word = case["id"].rpartition("_")[2]
    method = NAMES_IN_R.get(word, word)
    found = intervals(case["estimate"], case["se"], case["df"], case["rows"], True, method=method)
    assert [*found.low, *found.high] == pytest.approx(case["ci"], rel=1e-12, abs=0)


@cache
def rates_of_years():
    """The poverty rates of the panel, from its rows."""
    hh = pd.read_csv(FOLDER / "synth_panel.csv")
    hh["poor"] = np.where(hh["cons"].notna(), hh["cons"] < hh["line"], np.nan)
    design = pc.Design(weight="weight", size="hhsize", strata="stratum", psu="psu", period="year",
                       lonely="certainty")  # fmt: skip
    return pc.rate(hh, "poor", by="year", design=design)


@pytest.mark.parametrize("case", REFERENCE["cases"], ids=lambda case: case["id"])
def test_intervals_of_rates_computed_from_rows_are_those_of_r(case):
    word = case["id"].rpartition("_")[2]
    est = rates_of_years().interval(method=NAMES_IN_R.get(word, word))
    row = est.select(year=int(case["id"].split("/")[1])).to_frame().iloc[0]
    assert [row["ci_low"], row["ci_high"]] == pytest.approx(case["ci"], rel=1e-10, abs=0)
    assert (row["df"], row["n_obs"]) == (case["df"], case["rows"])


CASES = [
    # p, se, df, n, level
    (0.2, 0.04, 30, 150, 0.95),
    (0.43, 0.0208, 67, 1230, 0.95),
    (0.43, 0.0208, 67.5, 1230, 0.99),
    (0.0123, 0.0121, 1, 60, 0.9),
    (0.9987, 0.0011, 5, 900, 0.95),
    (1e-7, 3e-8, 200, 10**6, 0.95),
    (0.5, 0.2, 2, 12, 0.5),
    (0.25, 0.001, 1000, 200_000, 0.999),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", CASES)
def test_intervals_are_those_of_the_definition(method, case):
    p, se, df, n, level = case
    found = intervals(p, se, df, n, True, level, method)
    expected = getattr(oracle, method)(p, se, df, n, level)
    for end, exact in zip((found.low[0], found.high[0]), expected, strict=True):
        # Relative to the end's distance from the estimate, and near 0 or 1 to that distance.
        scale = min(abs(float(exact) - p), abs(float(exact)), abs(1 - float(exact)) or 1)
        assert abs(end - float(exact)) <= 1e-9 * scale + 4e-16


@pytest.mark.parametrize("p", [0, 1])
@pytest.mark.parametrize("n", [1, 7, 250])
def test_interval_of_rows_that_are_all_alike_is_that_of_the_definition(p, n):
    found = intervals(p, np.nan, 12, n, True)
    expected = [float(end) for end in oracle.clopper_pearson(p, n, 0.95)]
    assert [found.low[0], found.high[0]] == pytest.approx(expected, rel=1e-13, abs=0)


@pytest.mark.parametrize("level", [0.5, 0.9999])
def test_quantiles_of_t_are_those_of_the_definition(level):
    degrees = [1, 1.5, 10, 1000]
    expected = [float(oracle.in_decimals(oracle.t_of)(df, level)) for df in degrees]
    assert t_quantile(np.array(degrees), level) == pytest.approx(expected, rel=1e-10, abs=0)


# --- properties --------------------------------------------------------------------------------

PROPORTIONS = st.floats(1e-6, 1 - 1e-6)
# Standard errors as a share of the largest one that p(1 - p) allows.
SHARES = st.floats(1e-4, 1)
DEGREES = st.floats(1, 1e4)


@given(PROPORTIONS, SHARES, DEGREES, st.integers(2, 10**6))
def test_intervals_of_proportions_hold_the_estimate_and_lie_in_0_1(p, share, df, n):
    for method in FOR_PROPORTIONS:
        found = intervals(p, share * np.sqrt(p * (1 - p)), df, n, True, method=method)
        assert 0 <= found.low[0] <= p <= found.high[0] <= 1
        assert found.low[0] < found.high[0]


@given(PROPORTIONS, SHARES, DEGREES, st.integers(2, 10**6))
def test_interval_of_the_other_answer_is_the_mirror_image(p, share, df, n):
    se = share * np.sqrt(p * (1 - p))
    for method in METHODS:
        yes, no = (intervals(x, se, df, n, True, method=method) for x in (p, 1 - p))
        assert yes.low == pytest.approx(1 - no.high, rel=1e-6, abs=1e-13)


@given(PROPORTIONS, SHARES, DEGREES, st.integers(2, 10**6))
def test_a_higher_level_has_a_wider_interval(p, share, df, n):
    se = share * np.sqrt(p * (1 - p))
    for method in METHODS:
        narrow, wide = (intervals(p, se, df, n, True, level, method) for level in (0.8, 0.95))
        assert wide.low <= narrow.low
        assert wide.high >= narrow.high


def test_rows_do_not_touch_each_other():
    columns = ([0.2, 0.0, 5.5, 0.7, 0.3], [0.04, np.nan, 0.5, 0.02, 0.1], [30, 30, 30, 0, np.nan],
               [150, 20, 150, 9, 4], [True, True, False, True, True])  # fmt: skip
    together = intervals(*columns)
    alone = [intervals(*row) for row in zip(*columns, strict=True)]
    for name in ("low", "high", "reason"):
        expected = np.concatenate([getattr(row, name) for row in alone])
        np.testing.assert_array_equal(getattr(together, name), expected)


# --- edges -------------------------------------------------------------------------------------


def test_what_is_no_proportion_is_plain_under_every_method():
    for method in (None, *METHODS):
        assert ends(estimate=5.0, is_proportion=False, method=method) == pytest.approx(
            [4.918309, 5.081691], abs=1e-6
        )


def test_a_proportion_outside_0_1_is_plain():
    assert ends(estimate=[-0.1, 1.2]) == pytest.approx(
        [-0.181691, 1.118309, -0.018309, 1.281691], abs=1e-6
    )


def test_a_census_has_an_interval_of_no_length():
    for method in METHODS:
        assert ends(estimate=[0, 0.2, 1], se=0, method=method) == [0, 0.2, 1] * 2


def test_a_register_has_no_interval_and_no_reason():
    found = intervals([0.0, 0.2, 1.0], np.nan, np.nan, 100, True)
    assert np.isnan([found.low, found.high]).all()
    assert [REASONS[i] for i in found.reason] == ["", "", ""]


def test_fewer_than_one_degree_of_freedom_gives_no_interval_and_says_so():
    found = intervals([0.0, 0.2, 0.2, 3.0], [np.nan, 0.1, 0.1, 0.1], [0, 0.5, 1, -2], 10,
                      [True, True, True, False])  # fmt: skip
    assert np.isnan(found.low).tolist() == [True, True, False, True]
    assert [bool(REASONS[i]) for i in found.reason] == [True, True, False, True]
    assert "degree of freedom" in REASONS[found.reason[0]]


def test_no_variation_at_0_or_1_says_so_and_has_one_interval_for_all_methods():
    for method in (None, *METHODS):
        found = intervals([0.0, 1.0], np.nan, 20, 40, True, method=method)
        assert [found.low[0], found.high[1]] == [0, 1]
        assert found.high[0] == pytest.approx(1 - 0.025 ** (1 / 40), rel=1e-13)
        assert all("Korn-Graubard" in REASONS[i] for i in found.reason)


def test_a_missing_standard_error_between_0_and_1_gives_no_interval():
    assert np.isnan(ends(se=np.nan)).all()
    assert np.isnan(ends(estimate=np.nan)).all()


def test_beta_needs_two_rows():
    assert np.isnan(ends(n_obs=1, method="beta")).all()


def test_no_rows_give_no_intervals():
    found = intervals([], [], [], [], [])
    assert (len(found.low), len(found.high), len(found.reason)) == (0, 0, 0)


def test_very_wide_standard_errors_end_at_0_and_1_without_a_warning():
    for method in FOR_PROPORTIONS:
        low, high = ends(se=0.4, df=1, level=0.9999, method=method)
        assert 0 <= low < 1e-3
        assert 0.95 < high <= 1


# --- of a result -------------------------------------------------------------------------------


def test_interval_of_a_result_replaces_both_ends_and_nothing_else():
    est = some(estimate=[0.2, 0.0, 0.3], se=[0.04, np.nan, 0.02])
    found = est.interval(0.9, "wilson")
    expected = intervals(est["estimate"], est["se"], 30, 150, True, 0.9, "wilson")
    np.testing.assert_array_equal(found["ci_low"], expected.low)
    np.testing.assert_array_equal(found["ci_high"], expected.high)
    kept = [name for name in est.column_names if name not in ("ci_low", "ci_high")]
    assert found.column_names == est.column_names
    for name in kept:
        assert found[name].equals(est[name])
    assert (found.meta["level"], found.meta["interval"]) == (0.9, "wilson")


def test_default_method_is_logit_for_proportions_and_plain_for_the_rest():
    assert some().interval()["ci_low"][0] == pytest.approx(ends()[0], rel=1e-15)
    amounts = some(estimate=1500.0, measure="mean").interval()
    assert amounts["ci_high"][0] == pytest.approx(1500.0816908, abs=1e-6)
    assert amounts.meta["interval"] == "plain"


def test_a_verb_can_say_which_rows_are_proportions():
    est = some(measure="gap", proportion=[True, False, True])
    low = est.interval()["ci_low"].to_list()
    assert low[0] == low[2] == pytest.approx(0.130464, abs=1e-6)
    assert low[1] == pytest.approx(0.118309, abs=1e-6)
    assert est.select(place=1).interval()["ci_low"][0] == low[1]
    assert pc.concat([est.select(place=1), est.select(place=0)]).interval()["ci_low"].to_list() == [
        low[0], low[1]]  # fmt: skip


# --- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, np.nan, "0.95", True, None])
def test_a_level_lies_between_0_and_1(level):
    with pytest.raises(pc.errors.OptionError, match="level must lie between 0 and 1"):
        some().interval(level)


def test_an_unknown_method_lists_the_methods():
    with pytest.raises(pc.errors.OptionError, match="'wilson', 'likelihood' or 'plain'.*'wald'"):
        some().interval(method="wald")


def test_a_method_for_proportions_needs_one():
    with pytest.raises(pc.errors.OptionError, match="'beta' is for proportions"):
        some(measure="mean").interval(method="beta")
    assert some(measure="mean").interval(method="plain").meta["interval"] == "plain"
