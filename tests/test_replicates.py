"""Variances by replicates, given as columns or made from strata and PSUs.

Sources of truth: R's survey 4.5 with the factors that it used (tests/reference);
oracles/replicates.py, every estimate again under every weighting in fractions; theorems: for a
total the jackknife and balanced half-samples give the linearised variance.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

import povertycore as pc
from oracles import replicates as oracle
from povertycore.errors import DesignError, OptionError
from povertycore.inputs import Frame
from povertycore.replicates import hadamard, made_replicates
from povertycore.structure import sample_of

FOLDER = Path(__file__).parent / "reference"
REFERENCE = json.loads((FOLDER / "replicate_reference.json").read_text(encoding="utf-8"))
CASES = {case["id"]: case for case in REFERENCE["cases"]}
KINDS = {"BRR": "brr", "Fay": "fay", "JKn": "jkn", "psu_subbootstrap": "bootstrap",
         "psu_JKn": "jkn"}  # fmt: skip


@cache
def panel():
    """Year 2021 of the panel as R had it: consumption known, without the stratum of one PSU."""
    hh = pd.read_csv(FOLDER / "synth_panel.csv")
    hh = hh[(hh["year"] == 2021) & hh["cons"].notna() & (hh["stratum"] < 9)]
    poor = (hh["cons"] < hh["line"]).astype(float)
    gap = poor * (hh["line"] - hh["cons"]) / hh["line"]
    watts = poor * np.log(hh["line"] / hh["cons"])
    half = hh["stratum"] * 10 + hh["psu"] % 100 % 2
    return hh.assign(poor=poor, gap=gap, gap2=gap**2, watts=watts, half=half)


def unit_of(kind):
    return "psu" if kind.startswith("psu_") else "half"


def with_columns(kind):
    """The panel with R's replicate weights as columns, and the design that names them."""
    used = CASES[f"synth_rep/{kind}/fgt"]["design"]
    factors = np.array(used["factor_matrix"], dtype=float)
    place = {unit: i for i, unit in enumerate(used["factor_unit"])}
    hh = panel()
    row = hh[unit_of(kind)].map(place)
    columns = {f"r{j}": hh["weight"] * factor[row] for j, factor in enumerate(factors.T)}
    words = {"fay": 0.3} if kind == "Fay" else {}
    words |= {"rscales": used["rscales"]} if kind == "JKn" else {}
    replicates = pc.Replicates(weights=list(columns), kind=KINDS[kind], **words)
    return hh.assign(**columns), pc.Design(weight="weight", size="hhsize", replicates=replicates)


def made(kind):
    return panel(), pc.Design(weight="weight", size="hhsize", strata="stratum", psu=unit_of(kind),
                              replicates=pc.Replicates(kind=KINDS[kind]))  # fmt: skip


def found(case, data, design):
    """Estimates and standard errors of a case, in its order."""
    what = case["id"].rpartition("/")[2]
    if what == "ratio":
        return pc.ratio(data, "gap", "poor", design=design, count="persons")
    if what == "by_region":
        return pc.rate(data, "poor", by="region", design=design)
    return pc.mean(data, case["keys"], design=design, count="persons")


# --- R -----------------------------------------------------------------------------------------


def checked(case, est, rel=1e-12):
    assert est["estimate"].to_list() == pytest.approx(case["estimate"], rel=rel)
    assert est["se"].to_list() == pytest.approx(case["se"], rel=rel)
    if "vcov" in case:
        np.testing.assert_allclose(est.cov, case["vcov"], rtol=rel, atol=rel * est.cov.max())


@pytest.mark.parametrize("name", [name for name in CASES if "psu_JKn" not in name])
def test_columns_of_replicate_weights_give_what_they_give_in_r(name):
    data, design = with_columns(name.split("/")[1])
    checked(CASES[name], found(CASES[name], data, design))


@pytest.mark.parametrize("name", [name for name in CASES if "JKn" in name])
def test_the_jackknife_is_made_as_r_makes_it(name):
    checked(CASES[name], found(CASES[name], *made(name.split("/")[1])))


@pytest.mark.parametrize("name", ["synth_rep/BRR/by_region", "synth_rep/Fay/by_region"])
def test_balanced_half_samples_of_two_strata_are_those_of_r(name):
    # Of two strata the balance is complete, whichever Hadamard matrix was used.
    kind = name.split("/")[1]
    words = {"fay": 0.3} if kind == "Fay" else {}
    replicates = pc.Replicates(kind=KINDS[kind], **words)
    design = pc.Design(weight="weight", size="hhsize", strata="stratum", psu="half",
                       replicates=replicates)  # fmt: skip
    checked(CASES[name], found(CASES[name], panel(), design), rel=1e-11)


def test_half_samples_of_a_textbook_are_those_of_r():
    # Levy and Lemeshow's ambulances: survivors over cardiac arrests, three strata of two.
    data = {"esa": [1, 1, 2, 2, 3, 3], "ambulance": [1, 2, 1, 2, 1, 2],
            "arrests": [120, 78, 185, 228, 670, 530],
            "alive": [25, 24, 30, 49, 80, 70]}  # fmt: skip
    design = pc.Design(strata="esa", psu="ambulance", replicates=pc.Replicates(kind="brr"))
    (se,) = pc.ratio(data, "alive", "arrests", design=design)["se"]
    assert se == pytest.approx(0.0094184006699185, rel=1e-12)


def test_every_case_is_here_or_left_out_with_a_reason():
    left_out = [name for group in REFERENCE["left_out"] for name in group["ids"]]
    assert len(CASES) + len(left_out) == 32
    assert all(group["why"] for group in REFERENCE["left_out"])


# --- the oracle --------------------------------------------------------------------------------


def file_of(rows):
    return pd.DataFrame(rows)


SMALL = [
    {"h": h, "psu": c, "w": w, "y": y, "x": x, "dom": dom}
    for h, c, w, y, x, dom in [
        ("a", 1, 1.5, 3, 4, 1), ("a", 1, 2, 0, 1, 1), ("a", 2, 1, 5, 7, 1), ("a", 3, 2.5, 1, 2, 0),
        ("a", 3, 1, 2, 2, 1), ("b", 1, 3, 4, 8, 1), ("b", 2, 2, 6, 5, 1), ("b", 2, 1, 1, 9, 0),
    ]
]  # fmt: skip


@pytest.mark.parametrize("mse", [False, True])
def test_jackknife_of_a_ratio_is_the_ratio_again_and_again(mse):
    factors, scales = oracle.jackknife(SMALL)
    design = pc.Design(weight="w", strata="h", psu="psu",
                       replicates=pc.Replicates(kind="jkn", mse=mse))  # fmt: skip
    (se,) = pc.ratio(file_of(SMALL), "y", "x", design=design)["se"]
    assert se == pytest.approx(oracle.variance(SMALL, factors, scales, mse) ** 0.5, rel=1e-12)


def test_jackknife_of_a_domain_keeps_the_psus_outside_it():
    factors, scales = oracle.jackknife(SMALL)
    inside = [row for row in SMALL if row["dom"]]
    design = pc.Design(weight="w", strata="h", psu="psu", replicates=pc.Replicates(kind="jkn"))
    (se,) = pc.ratio(file_of(SMALL), "y", "x", where="dom", design=design)["se"]
    assert se == pytest.approx(oracle.variance(inside, factors, scales) ** 0.5, rel=1e-12)


def test_jackknife_carries_the_finite_population():
    factors, scales = oracle.jackknife(SMALL, fraction="1/4")
    data = file_of(SMALL).assign(f=0.25)
    design = pc.Design(weight="w", strata="h", psu="psu", fpc="f",
                       replicates=pc.Replicates(kind="jkn"))  # fmt: skip
    (se,) = pc.ratio(data, "y", "x", design=design)["se"]
    assert se == pytest.approx(oracle.variance(SMALL, factors, scales) ** 0.5, rel=1e-12)


def test_drawn_bootstrap_comes_near_the_mean_over_all_draws():
    factors, scales = oracle.all_bootstraps(SMALL)
    expected = oracle.variance(SMALL, factors, scales) ** 0.5
    design = pc.Design(weight="w", strata="h", psu="psu",
                       replicates=pc.Replicates(kind="bootstrap", n=20_000))  # fmt: skip
    (se,) = pc.ratio(file_of(SMALL), "y", "x", design=design)["se"]
    assert se == pytest.approx(expected, rel=0.02)


def test_bootstrap_draws_n_minus_1_of_n_and_keeps_their_mean_factor_1():
    design = pc.Design(strata="h", psu="psu", replicates=pc.Replicates(kind="bootstrap", n=500))
    factors = made_replicates(sample_of(Frame.of(file_of(SMALL)), design)).factors
    # Stratum a has PSUs 0 to 2: factors are multiples of 3/2 and add up to 3; b likewise 2 and 2.
    assert set(np.unique(factors[:3])) == {0, 1.5, 3}
    assert set(np.unique(factors[3:])) == {0, 2}
    np.testing.assert_allclose(factors[:3].sum(axis=0), 3, rtol=1e-15)
    np.testing.assert_allclose(factors[3:].sum(axis=0), 2, rtol=1e-15)


# --- theorems and properties -------------------------------------------------------------------

TWO_EACH = [
    {"h": h, "psu": c, "w": 1.0 + h / 7, "y": float((5 * h + 3 * c + h * c) % 11)}
    for h in range(6)
    for c in (1, 2)
    for _ in range(3)
]


@pytest.mark.parametrize("words", [{"kind": "jkn"}, {"kind": "brr"}, {"kind": "fay", "fay": 0.4}])
def test_of_a_total_replicates_give_the_linearised_variance(words):
    data = file_of(TWO_EACH)
    sampled = {"weight": "w", "strata": "h", "psu": "psu"}
    linearised = pc.total(data, "y", design=pc.Design(**sampled))
    by_replicates = pc.total(data, "y", design=pc.Design(**sampled,
                             replicates=pc.Replicates(**words)))  # fmt: skip
    for name in ("estimate", "se", "df", "n_psu", "deff"):
        np.testing.assert_allclose(by_replicates[name], linearised[name], rtol=1e-12)


@pytest.mark.parametrize(
    ("kind", "words"), [("jkn", {}), ("brr", {}), ("bootstrap", {"n": 60}), ("bootstrap", {"n": 5})]
)
def test_degrees_of_freedom_are_the_rank_of_the_weights_less_1(kind, words):
    data = file_of(TWO_EACH)
    design = pc.Design(weight="w", strata="h", psu="psu",
                       replicates=pc.Replicates(kind=kind, **words))  # fmt: skip
    sample = sample_of(Frame.of(data), design)
    replicates = made_replicates(sample)
    matrix = replicates.totals(np.eye(sample.n_psu))
    rank = np.linalg.matrix_rank(matrix)
    assert replicates.most_df == rank - 1
    assert pc.mean(data, "y", design=design)["df"].to_list() == [rank - 1]
    columns = {f"r{j}": data["w"] * factor[np.repeat(np.arange(12), 3)]
               for j, factor in enumerate(matrix.T)}  # fmt: skip
    scales = {"rscales": replicates.scale.tolist(), "scale": 1.0}
    given_columns = pc.Replicates(weights=list(columns), kind=kind, **scales)
    by_columns = pc.mean(data.assign(**columns), "y",
                         design=pc.Design(weight="w", replicates=given_columns))  # fmt: skip
    by_factors = pc.mean(data, "y", design=design)
    for name in ("estimate", "se", "df"):
        np.testing.assert_allclose(by_columns[name], by_factors[name], rtol=1e-11)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 9)), min_size=12, max_size=12))
def test_jackknife_of_rates_of_groups_agrees_with_the_oracle(rows):
    table = [{"h": i % 2, "psu": i // 4, "w": float(w), "y": y} for i, (y, w) in enumerate(rows)]
    factors, scales = oracle.jackknife(table)
    design = pc.Design(weight="w", strata="h", psu="psu", replicates=pc.Replicates(kind="jkn"))
    est = pc.rate(file_of(table), "y", design=design)
    expected = oracle.variance(table, factors, scales)
    if 0 < est["estimate"][0] < 1:
        assert est["se"][0] ** 2 == pytest.approx(expected, rel=1e-9, abs=1e-18)


def test_groups_and_categories_covary_as_their_difference_says():
    data, design = made("JKn")
    est = pc.rate(data.assign(kind=data["ethnic"]), "kind", by="urban", design=design)
    total = est.select(urban=1).cov
    # The shares of a group add up to 1: each row of their covariance adds up to 0.
    np.testing.assert_allclose(total.sum(axis=1), 0, atol=1e-15)
    difference = est.contrast(np.array([[1, 0, 0, -1, 0, 0]]))
    expected = est.cov[0, 0] + est.cov[3, 3] - 2 * est.cov[0, 3]
    assert difference["se"][0] ** 2 == pytest.approx(expected, rel=1e-12)


def test_order_of_rows_changes_nothing():
    design = pc.Design(weight="w", strata="h", psu="psu",
                       replicates=pc.Replicates(kind="bootstrap", n=30, rng=7))  # fmt: skip
    data = file_of(SMALL)
    there, back = (pc.mean(rows, "y", design=design)["se"][0] for rows in (data, data[::-1]))
    assert there == pytest.approx(back, rel=1e-14)
    other = pc.Design(weight="w", strata="h", psu="psu",
                      replicates=pc.Replicates(kind="bootstrap", n=30, rng=8))  # fmt: skip
    assert pc.mean(data, "y", design=other)["se"][0] != there


@pytest.mark.parametrize("least", range(1, 60))
def test_hadamard_matrices_are_orthogonal_and_begin_with_ones(least):
    matrix = hadamard(least)
    n = len(matrix)
    assert n >= least
    assert (matrix @ matrix.T == n * np.eye(n)).all()
    assert (matrix[0] == 1).all()


# --- waves -------------------------------------------------------------------------------------


def rotating(design_words, **replicates):
    """Two waves of two strata, half the PSUs shared."""
    rng = np.random.default_rng(5)
    rows = [
        {
            "year": year,
            "h": h,
            "psu": c,
            "w": 1.0 + h + rng.random(),
            "y": float(rng.integers(0, 9) + c),
        }
        for year, first in ((2020, 0), (2022, 4))
        for h in (0, 1)
        for c in range(first, first + 8)
        for _ in range(3)
    ]
    words = {"weight": "w", "strata": "h", "psu": "psu", "period": "year"} | design_words
    if replicates:
        words["replicates"] = pc.Replicates(**replicates)
    return pd.DataFrame(rows), pc.Design(**words)


def test_jackknife_of_waves_has_the_covariance_of_shared_psus():
    data, design = rotating({}, kind="jkn")
    _, linearised = rotating({})
    by_jackknife, by_parts = (
        pc.change(pc.total(data, "y", by="year", design=one), "year")
        for one in (design, linearised)
    )
    for name in ("estimate", "se", "df", "n_psu", "p_value"):
        np.testing.assert_allclose(by_jackknife[name], by_parts[name], rtol=1e-10)
    assert by_jackknife["note"].to_list() == ["8 PSUs in both"]


def test_a_waves_errors_do_not_depend_on_the_other_wave():
    data, design = rotating({}, kind="jkn")
    both = pc.mean(data, "y", by="year", design=design)
    alone = pc.mean(data[data["year"] == 2022], "y", by="year", design=design)
    np.testing.assert_allclose(both.select(year=2022)["se"], alone["se"], rtol=1e-13)


def test_a_bootstrap_of_waves_that_share_some_psus_is_refused_and_not_silently_wrong():
    data, design = rotating({}, kind="bootstrap", n=50)
    with pytest.raises(DesignError, match="share all PSUs of a stratum or none.*kind='jkn'"):
        pc.mean(data, "y", by="year", design=design)
    _, apart = rotating({"waves": "independent"}, kind="bootstrap", n=50)
    est = pc.mean(data, "y", by="year", design=apart)
    assert est["se"].notna().all()


def test_a_bootstrap_of_the_same_psus_in_both_waves_has_their_covariance():
    data, _ = rotating({})
    first = data[data["year"] == 2020]
    same = pd.concat([first, first.assign(year=2022)])
    design = pc.Design(weight="w", strata="h", psu="psu", period="year",
                       replicates=pc.Replicates(kind="bootstrap", n=50))  # fmt: skip
    est = pc.change(pc.mean(same, "y", by="year", design=design), "year")
    assert est["se"][0] < 1e-14


# --- edges -------------------------------------------------------------------------------------


def test_a_stratum_with_one_psu_keeps_its_weight():
    data = pd.concat(
        [file_of(SMALL), pd.DataFrame([{"h": "c", "psu": 1, "w": 1.0, "y": 4, "x": 2}])]
    )
    rows = [*SMALL, {"h": "c", "psu": 1, "w": 1.0, "y": 4, "x": 2}]
    factors, scales = oracle.jackknife(rows)
    design = pc.Design(weight="w", strata="h", psu="psu", lonely="certainty",
                       replicates=pc.Replicates(kind="jkn"))  # fmt: skip
    (se,) = pc.ratio(data, "y", "x", design=design)["se"]
    assert se == pytest.approx(oracle.variance(rows, factors, scales) ** 0.5, rel=1e-12)


@pytest.mark.parametrize("words", [{"kind": "jkn"}, {"kind": "bootstrap", "n": 20}])
def test_a_domain_in_lonely_strata_only_has_no_standard_error(words):
    data = pd.concat([file_of(SMALL), pd.DataFrame([{"h": "c", "psu": 1, "w": 1.0, "y": 4}] * 2)])
    data.iloc[-1, data.columns.get_loc("y")] = 6
    design = pc.Design(weight="w", strata="h", psu="psu", lonely="certainty",
                       replicates=pc.Replicates(**words))  # fmt: skip
    est = pc.mean(data, "y", by="h", design=design)
    assert est["se"].isna().tolist() == [False, False, True]
    assert "every stratum of the domain has one PSU" in est["note"].to_list()[2]


def test_replicates_without_a_row_of_the_domain_are_left_out():
    # One PSU holds the domain: the replicate without it has no estimate; the others are alike.
    data = file_of(SMALL)
    design = pc.Design(weight="w", strata="h", psu="psu", replicates=pc.Replicates(kind="jkn"))
    est = pc.mean(data, "y", where=(data["h"] == "a") & (data["psu"] == 2), design=design)
    assert est["estimate"].to_list() == [5.0]
    assert est["df"].to_list() == [0]
    assert est["ci_low"].isna().all()


def test_amounts_near_a_billion_keep_their_variance():
    data = file_of(TWO_EACH)
    design = pc.Design(weight="w", strata="h", psu="psu", replicates=pc.Replicates(kind="jkn"))
    small = pc.mean(data, "y", design=design)
    large = pc.mean(data.assign(y=data["y"] + 2.0**30), "y", design=design)
    assert large["se"][0] == pytest.approx(small["se"][0], rel=1e-6)


def test_given_degrees_of_freedom_hold_for_every_row():
    data = file_of(SMALL)
    design = pc.Design(weight="w", strata="h", psu="psu",
                       replicates=pc.Replicates(kind="jkn", df=5))  # fmt: skip
    assert pc.mean(data, "y", by="h", design=design)["df"].to_list() == [5, 5]


# --- errors ------------------------------------------------------------------------------------


def test_half_samples_need_two_psus_in_each_stratum():
    design = pc.Design(weight="w", strata="h", psu="psu", replicates=pc.Replicates(kind="brr"))
    with pytest.raises(DesignError, match="'brr' needs two PSUs in each stratum; 1 of 2 strata"):
        pc.mean(file_of(SMALL), "y", design=design)


def test_one_stratum_jackknife_refuses_several():
    design = pc.Design(weight="w", strata="h", psu="psu", replicates=pc.Replicates(kind="jk1"))
    with pytest.raises(DesignError, match="'jk1' is for one stratum, found 2; say kind='jkn'"):
        pc.mean(file_of(SMALL), "y", design=design)


def test_columns_of_a_jackknife_need_their_factors():
    replicates = pc.Replicates(weights=["w", "x"], kind="jkn")
    with pytest.raises(DesignError, match="need rscales="):
        pc.mean(file_of(SMALL), "y", design=pc.Design(weight="w", replicates=replicates))


def test_columns_need_the_weight_of_the_full_sample():
    replicates = pc.Replicates(weights=["w", "x"], kind="brr")
    with pytest.raises(DesignError, match="need weight="):
        pc.mean(file_of(SMALL), "y", design=pc.Design(replicates=replicates))


def test_a_missing_or_negative_replicate_weight_is_named():
    data = file_of(SMALL).assign(r=1.0)
    design = pc.Design(weight="w", replicates=pc.Replicates(weights=["w", "r"], kind="brr"))
    for bad, kind in ((-1.0, pc.errors.ValueRangeError), (np.nan, pc.errors.MissingValueError)):
        data.loc[3, "r"] = bad
        with pytest.raises(kind, match=r"r\[3\]|'r'"):
            pc.mean(data, "y", design=design)
    with pytest.raises(pc.errors.ColumnNotFoundError, match="'q'"):
        pc.mean(data, "y", design=pc.Design(
            weight="w", replicates=pc.Replicates(weights=["w", "q"], kind="brr")))  # fmt: skip


def test_replicates_need_strata_or_psus_to_be_made_from():
    with pytest.raises((DesignError, OptionError), match="strata|psu"):
        pc.mean(file_of(SMALL), "y",
                design=pc.Design(weight="w", replicates=pc.Replicates(kind="jkn")))  # fmt: skip


# --- notes -------------------------------------------------------------------------------------


def note_of(data, where=None, sampled=None, **words):
    design = pc.Design(weight="w", strata="h", psu="psu", **(sampled or {}),
                       replicates=pc.Replicates(**words))  # fmt: skip
    return pc.mean(data, "y", where=where, design=design)["note"].to_list()


def test_replicates_that_ignore_a_finite_population_say_so():
    data = file_of(TWO_EACH).assign(f=0.25)
    for words in ({"kind": "bootstrap", "n": 20}, {"kind": "brr"}):
        (note,) = note_of(data, sampled={"fpc": "f"}, **words)
        assert "ignore that the population is finite" in note
        assert note_of(data, **words) == [""]
    assert note_of(data, sampled={"fpc": "f"}, kind="jkn") == [""]


def test_replicates_that_are_left_out_are_told_of():
    data = file_of(SMALL)
    inside = (data["h"] == "a") & (data["psu"] == 2)
    (note,) = note_of(data, where=inside, kind="jkn")
    assert "some replicates hold no row of the domain, and are left out" in note


def test_results_by_replicates_can_be_stored_and_read_again():
    import pickle

    data, design = made("JKn")
    est = pc.rate(data, "poor", by="region", design=design)
    again = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(again.cov, est.cov)
    sampled = pc.Design(weight="weight", strata="stratum", psu="half")
    est = pc.rate(data, "poor", by="region", design=sampled)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(est)).cov, est.cov)


@pytest.mark.parametrize("order", ["sorted", "cyclic", "mostly one"])
def test_rank_of_columns_is_found_whatever_the_order_of_rows(order):
    rng = np.random.default_rng(2)
    n_psu, n = 40, 4000
    psu = {"sorted": np.sort(rng.integers(0, n_psu, n)), "cyclic": np.arange(n) % n_psu,
           "mostly one": np.repeat(np.arange(n_psu), [n - 39, *[1] * 39])}[order]  # fmt: skip
    factors = rng.integers(0, 3, (30, n_psu)).astype(float)
    factors[25:] = factors[:5] + factors[5:10]  # five columns are sums of others
    columns = {f"r{j}": 2.0 * factor[psu] for j, factor in enumerate(factors)}
    data = pd.DataFrame({"w": 1.0, "y": rng.random(n), **columns})
    replicates = pc.Replicates(weights=list(columns), kind="bootstrap")
    est = pc.mean(data, "y", design=pc.Design(weight="w", replicates=replicates))
    assert est["df"].to_list() == [np.linalg.matrix_rank(factors) - 1] == [24]


def test_design_effects_by_columns_are_those_of_the_same_factors():
    data = file_of(TWO_EACH).assign(share=lambda hh: hh["y"] / 11)
    sampled = {"weight": "w", "strata": "h", "psu": "psu"}
    design = pc.Design(**sampled, replicates=pc.Replicates(kind="jkn"))
    replicates = made_replicates(sample_of(Frame.of(data), design))
    matrix = replicates.totals(np.eye(12))
    columns = {f"r{j}": data["w"] * factor[np.repeat(np.arange(12), 3)]
               for j, factor in enumerate(matrix.T)}  # fmt: skip
    given_columns = pc.Replicates(weights=list(columns), kind="jkn",
                                  rscales=replicates.scale.tolist())  # fmt: skip
    by_columns = pc.Design(weight="w", replicates=given_columns)
    data = data.assign(**columns)
    for measure in (
        lambda design: pc.mean(data, ["share", "y"], design=design),
        lambda design: pc.total(data, "y", design=design),
        lambda design: pc.ratio(data, "share", "w", design=design),
        lambda design: pc.rate(data, data["y"] > 4, design=design),
        lambda design: pc.fgt(data, "y", line=6.5, alpha=[0, 1, 2], design=design),
    ):
        found, expected = measure(by_columns), measure(design)
        for name in ("estimate", "se", "deff", "n_obs"):
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-10)
    here = (data["h"] == 0) & (data["psu"] == 1)
    for where in (here, data["h"] < 2):
        # Without its PSU a domain has a total of 0, and no mean.
        one, other = (pc.total(data, "y", where=where, design=d) for d in (by_columns, design))
        np.testing.assert_allclose(one["se"], other["se"], rtol=1e-10)


def test_tables_of_every_kind_are_the_same_by_columns_and_by_factors():
    data, by_columns = with_columns("JKn")
    _, design = made("JKn")
    data = data.assign(size=np.where(data["hhsize"] > 4, "large", "small"))
    known = pd.Series((data["urban"] == 1).to_numpy(), dtype="boolean", name="known")
    known[::7] = pd.NA
    part = data["hhsize"].to_numpy() > 1
    for ask in (
        lambda d: pc.rate(data, ["poor", "female"], over=["region", "urban"], design=d),
        lambda d: pc.rate(data, ["poor", "size"], by="region", totals="region", design=d),
        lambda d: pc.rate(data, ["female", "urban", known], by="region", where=part, design=d),
        lambda d: pc.total(data, ["female", known], design=d),
        lambda d: pc.rate(data, "poor", by=["region", "size"], observed=False, design=d),
        lambda d: pc.mean(data, ["cons", "income"], by="region", design=d, count="households"),
        lambda d: pc.total(data, by="urban", design=d),
        lambda d: pc.ratio(data, "gap", "poor", by="region", totals="region", design=d,
                           count="persons"),
        lambda d: pc.fgt(data, "cons", line="line", alpha=[0, 1], by="region", design=d),
    ):  # fmt: skip
        found, expected = ask(by_columns), ask(design)
        assert len(found) == len(expected)
        for name in ("estimate", "se", "deff", "numerator", "denominator"):
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, err_msg=name)
