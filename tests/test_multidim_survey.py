"""Multidimensional poverty of a sample: standard errors, covariances, and what they stand on.

Source of truth: arithmetic in comments; `oracles/multidim_survey.py`; `pc.rate` of single columns.
"""

import itertools
import pickle
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest

import povertycore as pc
from oracles import multidim_survey, survey
from povertycore import errors

DIMENSIONS = {"health": ["ill", "hungry"], "home": ["water", "roof"]}
NAMES = [name for members in DIMENSIONS.values() for name in members]
INFERENCE = ["se", "ci_low", "ci_high", "cv", "df", "deff", "n_psu"]
RULES = ["drop", "not_deprived", "deprived", "reweight", "reweight_rows"]


def households(n=400, seed=5, *, missing=0.0, n_psu=5):
    """Four strata of PSUs that differ, three groups, weights that are quarters."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"stratum": rng.integers(0, 4, n), "psu": rng.integers(0, n_psu, n)})
    hard = 0.15 + 0.3 * rng.random((4, n_psu))[frame["stratum"], frame["psu"]]
    for name in NAMES:
        frame[name] = pd.array((rng.random(n) < hard).astype(int), dtype="Int64")
        if missing:
            frame[name] = frame[name].mask(rng.random(n) < missing)
    frame["group"] = rng.choice(["A", "B", "C"], n)
    frame["weight"] = rng.integers(5, 40, n) / 4
    frame["domain"] = rng.random(n) < 0.8
    return frame


@pytest.fixture
def sample():
    return households()


@pytest.fixture
def spec():
    return pc.Spec(DIMENSIONS)


SAMPLE = pc.Design(weight="weight", strata="stratum", psu="psu")


def weights_of(spec):
    return {
        indicator.id: weight
        for indicator, weight in zip(spec.indicators, spec.weights, strict=True)
    }


def rows_of(frame, period=0):
    """The rows as the oracle reads them."""
    table = frame.astype(object)
    table = table.where(table.notna(), None)
    rows = table.to_dict("records")
    for row in rows:
        row["period"] = row.get("year", period)
    return rows


def key_of(row):
    return tuple(None if pd.isna(row[word]) else row[word] for word in ("dimension", "indicator"))


def assert_precise(found, expected, columns=INFERENCE, rtol=1e-12):
    """Two tables have the same inference, up to rounding."""
    for column in columns:
        np.testing.assert_allclose(
            found[column].to_numpy(float), expected[column].to_numpy(float), rtol=rtol, atol=1e-14
        )


# --- worked example -------------------------------------------------------------------------------


def test_the_standard_error_of_h_and_a_by_hand():
    # two PSUs of two households; scores 0, 1 | 1/2, 1: with k = 1/2 the poor are 1 and 2 of 2
    rows = {"a": [0, 1, 1, 1], "b": [0, 1, 0, 1], "ea": [1, 1, 2, 2]}
    est = pc.multidim(
        rows, pc.Spec({"x": ["a"], "y": ["b"]}), k="1/2", design=pc.Design(psu="ea")
    ).to_frame()
    h, a, m0 = (est[est["measure"] == name].iloc[0] for name in ("H", "A", "M0"))
    # H = 3/4: z = (1 - 3/2)/4, (2 - 3/2)/4 = -1/8, 1/8; V = 2 (1/64 + 1/64)
    assert h["se"] == pytest.approx(np.sqrt(1 / 16))
    # A = 2.5/3: z = (1 - 5/6)/3, (1.5 - 10/6)/3 = 1/18, -1/18; V = 2 x 2/324
    assert a["se"] == pytest.approx(1 / 9)
    # M0 = 2.5/4: z = (1 - 5/4)/4, (3/2 - 5/4)/4 = -1/16, 1/16
    assert m0["se"] == pytest.approx(1 / 8)
    assert (h["df"], h["n_psu"]) == (1, 2)


# --- oracle ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", RULES)
def test_every_measure_has_the_standard_error_of_exact_linearisation(spec, missing):
    frame = households(150, missing=0.0 if missing == "drop" else 0.12, seed=11)
    if missing in ("drop", "reweight"):  # whole rows, and a group that lacks an indicator
        frame.loc[::7, "ill"] = pd.NA
    if missing == "reweight":
        frame[NAMES] = households(150, seed=11)[NAMES]
        frame.loc[frame["group"] == "B", "roof"] = pd.NA
    frame.loc[3, "weight"] = 0
    rows, weights, k = rows_of(frame), weights_of(spec), Fraction(1, 2)
    est = pc.multidim(
        frame, spec, k=k, measures="all", by="group", where="domain", missing=missing, design=SAMPLE
    )
    table, seen = est.to_frame(), 0
    z_by_row = {}
    for name in "ABC":
        expected = multidim_survey.parts(
            rows,
            DIMENSIONS,
            weights,
            k,
            missing=missing,
            group=lambda row, name=name: row["group"] == name and row["domain"],
            reference=lambda row: row["domain"],
        )
        for i, row in table[table["group"] == name].iterrows():
            key = (row["measure"], *key_of(row))
            if key not in expected:
                assert np.isnan(row["estimate"]), key
                assert np.isnan(row["se"]), key
                continue
            seen += 1
            estimate, z, used = expected[key]
            z_by_row[i] = z
            variance = survey.cov(rows, z, z)
            assert row["estimate"] == pytest.approx(float(estimate), rel=1e-12, abs=1e-14)
            if row["measure"] not in ("n_poor", "variance") and estimate in (0, 1):
                assert np.isnan(row["se"])
                continue
            assert row["se"] == pytest.approx(float(survey.root(variance)), rel=1e-10, abs=1e-14)
            assert row["df"] == survey.df(rows, used)
            assert row["n_psu"] == survey.n_psu(rows, used)
            simple = survey.simple_variance(rows, z, used)
            if row["measure"] == "variance" or not simple:
                assert np.isnan(row["deff"])
            else:
                assert row["deff"] == pytest.approx(float(variance / simple), rel=1e-9)
    assert seen >= 75
    chosen = sorted(z_by_row)[::7]
    cov = est.cov_of(chosen)
    for (a, i), (b, j) in itertools.combinations(enumerate(chosen), 2):
        expected = float(survey.cov(rows, z_by_row[i], z_by_row[j]))
        scale = np.sqrt(cov[a, a] * cov[b, b])
        if np.isfinite(scale):
            assert cov[a, b] == pytest.approx(expected, rel=1e-9, abs=1e-10 * scale)


# --- properties: as other measures ---------------------------------------------------------------

DESIGNS = {
    "one stage": {"strata": "stratum", "psu": "psu"},
    "rows": {"psu": "row"},
    "strata of rows": {"strata": "stratum"},
    "two stages": {"strata": "stratum", "psu": "psu", "ssu": "ssu", "fpc": "f", "fpc2": "f2"},
    "counts of strata": {"strata": "stratum", "psu": "psu", "df": "strata", "deff": "replace"},
    "average": {"strata": "stratum", "psu": "psu", "lonely": "average"},
    "adjust": {"strata": "stratum", "psu": "psu", "lonely": "adjust"},
    "certainty": {"strata": "stratum", "psu": "psu", "lonely": "certainty"},
    "domain": {"strata": "stratum", "psu": "psu", "lonely_domain": "adjust", "lonely": "certainty"},
    "jackknife": {
        "strata": "stratum", "psu": "psu", "replicates": pc.Replicates(kind="jkn"),
    },
    "bootstrap": {
        "strata": "stratum", "psu": "psu", "replicates": pc.Replicates(kind="bootstrap", n=30),
    },
    "columns": {"replicates": pc.Replicates(weights=["r1", "r2", "r3", "r4"], kind="brr")},
}  # fmt: skip


@pytest.mark.parametrize("name", DESIGNS)
def test_one_indicator_is_a_rate(sample, name):
    rng = np.random.default_rng(2)
    sample["ssu"] = rng.integers(0, 3, len(sample))
    sample["f"], sample["f2"] = 0.25, 9
    for j in range(1, 5):
        sample[f"r{j}"] = sample["weight"] * rng.choice([0.0, 2.0], len(sample))
    if "lonely" in DESIGNS[name]:
        sample = sample[(sample["stratum"] > 0) | (sample["psu"] == 2)]
    design = pc.Design(weight="weight", **DESIGNS[name])
    for words in ({"by": "group", "totals": "group"}, {"over": ["group", "stratum"]}, {}):
        words = {"where": "domain", "design": design, **words}
        h = pc.multidim(sample, pc.Spec({"x": ["ill"]}), k=1, measures="H", **words)
        rate = pc.rate(sample, "ill", **words)
        np.testing.assert_allclose(h["estimate"], rate["estimate"], rtol=1e-14)
        assert_precise(h.to_frame(), rate.to_frame(), rtol=1e-11)
        assert h["note"].tolist() == rate["note"].tolist()
        np.testing.assert_allclose(h.cov, rate.cov, rtol=1e-9, atol=1e-16)
    assert np.isfinite(h["se"]).all()


def test_headcounts_are_rates_of_their_columns(spec):
    sample = households(missing=0.1)
    for missing in ("reweight_rows", "not_deprived"):
        est = pc.multidim(
            sample, spec, k=1, measures="headcount", by="group", missing=missing, design=SAMPLE
        ).to_frame()
        for name, members in itertools.product(NAMES, [DIMENSIONS]):
            filled = sample.copy()
            (dimension,) = [sample[inside] for inside in members.values() if name in inside]
            others = [sample[inside].isna().all(axis=1) for inside in members.values()]
            filled["lost"] = np.logical_or.reduce(others)
            if missing == "not_deprived":
                filled[name] = filled[name].fillna(0)
                filled["lost"] = False
            filled.loc[filled["lost"].to_numpy(bool), name] = pd.NA
            rate = pc.rate(filled, name, by="group", design=SAMPLE).to_frame()
            assert len(dimension)
            assert_precise(est[est["indicator"] == name], rate, rtol=1e-10)


def test_n_poor_is_a_total(sample, spec):
    flagged = sample.assign(poor=(sample[NAMES].sum(axis=1) >= 2).astype(int))
    words = {"by": "group", "totals": "group", "design": SAMPLE}
    est = pc.multidim(sample, spec, k="1/2", measures="n_poor", **words).to_frame()
    total = pc.total(flagged, "poor", **words).to_frame()
    assert_precise(est, total, rtol=1e-11)


def test_population_shares_are_rates_of_the_group(sample, spec):
    est = pc.multidim(sample, spec, k=1, measures="population_share", by="group", design=SAMPLE)
    rate = pc.rate(sample, "group", design=SAMPLE)
    assert_precise(est.to_frame(), rate.to_frame(), rtol=1e-11)
    np.testing.assert_allclose(est.cov, rate.cov, rtol=1e-9, atol=1e-18)


def test_gaps_of_amounts_have_standard_errors(sample):
    rng = np.random.default_rng(4)
    sample["meals"] = rng.integers(0, 21, len(sample)).astype(float)
    spec = pc.Spec({"food": [pc.Indicator("meals", below=14)]})
    sample["gap"] = np.maximum((14 - sample["meals"]) / 14, 0)
    sample["gap2"] = sample["gap"] ** 2
    words = {"by": "group", "design": SAMPLE}
    est = pc.multidim(sample, spec, k=1, measures=["M1", "M2"], **words).to_frame()
    for measure, column in {"M1": "gap", "M2": "gap2"}.items():
        mean = pc.mean(sample, column, **words).to_frame()
        found = est[est["measure"] == measure]
        assert_precise(found, mean, columns=["se", "df", "n_psu"], rtol=1e-10)
    assert est["deff"].isna().all()


# --- properties: what adds up ---------------------------------------------------------------------


def test_contributions_that_sum_to_1_have_covariances_that_sum_to_0(sample, spec):
    est = pc.multidim(
        sample, spec, k=["1/4", "3/4"], measures="contribution", by="group", design=SAMPLE
    )
    table = est.to_frame()
    assert (table["se"] > 0).all()
    for level in ("indicator", "dimension"):
        is_level = table["indicator"].notna() == (level == "indicator")
        for _, rows in table[is_level].groupby(["group", "k"], observed=True):
            assert np.abs(est.cov[rows.index].sum(axis=0)).max() < 1e-17


def test_shares_of_groups_have_covariances_that_sum_to_0(sample, spec):
    measures = ["population_share", "subgroup_contribution"]
    est = pc.multidim(sample, spec, k="1/2", measures=measures, by="group", design=SAMPLE)
    table = est.to_frame()
    for measure in measures:
        rows = table.index[table["measure"] == measure]
        assert table.loc[rows, "estimate"].sum() == pytest.approx(1)
        assert np.abs(est.cov[rows].sum(axis=0)).max() < 1e-17


def test_m0_is_h_times_a_up_to_the_delta_method(sample, spec):
    est = pc.multidim(sample, spec, k="1/2", design=SAMPLE)
    h, a, _ = est["estimate"]
    cov = est.cov
    gradient = np.array([a, h])
    assert cov[2, 2] == pytest.approx(gradient @ cov[:2, :2] @ gradient, rel=1e-12)
    assert cov[2, :2] == pytest.approx(cov[:2, :2] @ gradient, rel=1e-12)


def test_a_share_of_itself_has_no_error(sample, spec):
    words = {"measures": ["population_share", "subgroup_contribution"], "design": SAMPLE, "k": 1}
    for est in (
        pc.multidim(sample, spec, **words),
        pc.multidim(sample, spec, by="group", totals="group", **words).select(group="(total)"),
    ):
        assert est["estimate"].tolist() == est["ci_low"].tolist() == [1, 1]
        assert est["se"].tolist() == [0, 0]


def test_over_is_each_table_by_itself(sample, spec):
    words = {"k": "1/2", "measures": "all", "design": SAMPLE, "where": "domain"}
    sample["area"] = np.where(sample["psu"] % 2, "odd", "even")  # the same in all of a PSU
    over = pc.multidim(sample, spec, over=["group", "area"], **words)
    for name in ("group", "area"):
        by = pc.multidim(sample, spec, by=name, **words)
        part = over.select(over=name)
        assert_precise(part.to_frame(), by.to_frame(), rtol=1e-13)
        np.testing.assert_allclose(part.cov, by.cov, rtol=1e-9, atol=1e-18)
    whole = pc.multidim(sample, spec, **words)
    assert_precise(over.select(over="(total)").to_frame(), whole.to_frame(), rtol=1e-13)


def test_over_is_each_table_by_itself_when_groups_lack_indicators(spec):
    sample = households()
    sample["area"] = np.where(sample["psu"] % 2, "odd", "even")
    sample.loc[sample["area"] == "odd", "roof"] = pd.NA
    words = {"k": "1/2", "missing": "reweight", "design": SAMPLE}
    over = pc.multidim(sample, spec, over=["area", "group"], **words)
    for name in ("group", "area"):
        by = pc.multidim(sample, spec, by=name, **words)
        assert_precise(over.select(over=name).to_frame(), by.to_frame(), rtol=1e-13)


def test_totals_are_the_rows_of_fewer_keys(sample, spec):
    words = {"k": "1/2", "measures": ["H", "A", "contribution"], "design": SAMPLE}
    sample["area"] = np.where(sample["psu"] % 2, "odd", "even")
    both = pc.multidim(sample, spec, by=["group", "area"], totals="group", **words)
    area = pc.multidim(sample, spec, by="area", **words)
    totals = both.select(group="(total)")
    assert_precise(totals.to_frame(), area.to_frame(), rtol=1e-12)
    np.testing.assert_allclose(totals.cov, area.cov, rtol=1e-9, atol=1e-18)


def test_an_absent_group_does_not_move_others_when_reweighted(spec):
    sample = households()
    sample.loc[sample["group"] == "B", "roof"] = pd.NA
    words = {"k": "1/2", "missing": "reweight", "by": "group", "design": SAMPLE}
    est = pc.multidim(sample, spec, **words).to_frame()
    fewer = pc.Spec({"health": DIMENSIONS["health"], "home": ["water"]})
    alone = pc.multidim(sample, fewer, k="1/2", by="group", design=SAMPLE).to_frame()
    is_b = est["group"] == "B"
    assert_precise(est[is_b], alone[alone["group"] == "B"], rtol=1e-12)


def test_bounds_have_the_errors_of_what_they_fill_in(spec):
    sample = households(missing=0.1)
    words = {"k": "1/2", "by": "group", "design": SAMPLE, "measures": ["H", "A", "M0"]}
    bounds = pc.multidim(sample, spec, missing="bounds", **words).to_frame()
    for side, rule in {"lower": "not_deprived", "upper": "deprived"}.items():
        filled = pc.multidim(sample, spec, missing=rule, **words).to_frame()
        for name in ("H", "M0"):
            assert_precise(
                bounds[bounds["measure"] == f"{name}_{side}"], filled[filled["measure"] == name]
            )
    assert bounds[bounds["measure"] == "A"]["se"].isna().all()


# --- properties: the sample -----------------------------------------------------------------------


def test_any_kind_of_frame_and_label_gives_the_same(sample, spec):
    words = {"k": "1/2", "measures": "all", "by": "group", "where": "domain", "design": SAMPLE}
    expected = pc.multidim(sample, spec, **words)
    named = sample.assign(
        stratum=sample["stratum"].map(dict(enumerate("đbac"))),
        psu=pd.Categorical.from_codes(sample["psu"], list("vwxyz")),
    )
    for frame in (named, pl.from_pandas(named), pl.from_pandas(named).lazy()):
        found = pc.multidim(frame, spec, **words)
        assert_precise(found.to_frame(), expected.to_frame(), rtol=1e-11)
    packed = pc.pack(sample, spec)
    found = pc.multidim(sample.drop(columns=NAMES), packed, **words)
    assert_precise(found.to_frame(), expected.to_frame(), rtol=1e-12)


def test_many_indicators_some_missing(sample):
    rng = np.random.default_rng(9)
    names = [f"i{j}" for j in range(20)]
    for name in names:
        sample[name] = pd.array(rng.integers(0, 2, len(sample)), dtype="Int8")
    sample.loc[::9, "i7"] = pd.NA
    spec = pc.Spec({"x": names})
    est = pc.multidim(sample, spec, k="1/2", measures=["H", "headcount"], by="group", design=SAMPLE)
    complete = sample[names].notna().all(axis=1)
    sample["poor"] = (sample[names].sum(axis=1) >= 10).astype(int)
    words = {"by": "group", "where": complete, "design": SAMPLE}
    table = est.to_frame()
    rate = pc.rate(sample, "poor", **words).to_frame()
    assert_precise(table[table["measure"] == "H"], rate, rtol=1e-10)
    rate = pc.rate(sample, "i3", **words).to_frame()
    assert_precise(table[table["indicator"] == "i3"], rate, rtol=1e-10)


def test_rows_outside_the_domain_still_count_their_psus(sample, spec):
    design = pc.Design(weight="weight", strata="stratum", psu="psu", lonely="certainty")
    words = {"k": "1/2", "design": design}
    sample["domain"] = (sample["psu"] < 2) & (sample["stratum"] < 2)
    inside = pc.multidim(sample, spec, where="domain", **words)
    dropped = pc.multidim(sample[sample["domain"]], spec, **words)
    assert inside["estimate"].tolist() == dropped["estimate"].tolist()
    assert (inside["se"] != dropped["se"]).all()
    assert inside["n_psu"].tolist() == dropped["n_psu"].tolist() == [4] * 3


def test_weights_may_be_scaled_and_rows_split_or_weigh_nothing(sample, spec):
    words = {"k": "1/2", "measures": "all", "by": "group", "design": SAMPLE}
    est = pc.multidim(sample, spec, **words).to_frame()
    is_share = ~est["measure"].isin(["n_poor"])
    scaled = pc.multidim(sample.assign(weight=sample["weight"] * 8), spec, **words).to_frame()
    assert_precise(est[is_share], scaled[is_share], columns=["se", "df", "n_psu"])
    halves = sample.assign(weight=sample["weight"] / 2)
    split = pc.multidim(pd.concat([halves, halves]), spec, **words).to_frame()
    assert_precise(est, split, columns=["se", "df", "n_psu"], rtol=1e-11)
    nothing = pd.concat([sample, sample[:50].assign(weight=0.0)])
    found = pc.multidim(nothing, spec, **words).to_frame()
    assert_precise(est, found, columns=["se", "df", "deff", "n_psu"], rtol=1e-11)


def test_merged_saved_and_regrouped_profiles_have_the_same_errors(tmp_path, spec):
    sample = households(missing=0.05)
    sample.loc[::40, "weight"] = 0
    designs = [
        SAMPLE,
        pc.Design(
            weight="weight", strata="stratum", psu="psu", replicates=pc.Replicates(kind="jkn")
        ),
        pc.Design(weight="weight", strata="stratum"),
    ]
    asked = {"k": "1/2", "measures": "all", "missing": "reweight_rows"}
    sample["half"] = np.arange(len(sample)) >= 170
    for design in designs:
        words = {"by": ["group", "half"], "design": design}
        whole = pc.profiles(sample, spec, **words)
        parts = [pc.profiles(part, spec, **words) for _, part in sample.groupby("half")]
        expected = whole.multidim(**asked).to_frame()
        merged = sum(parts)
        assert_precise(merged.multidim(**asked).to_frame(), expected, rtol=1e-11)
        merged.save(tmp_path / "profiles.npz")
        again = pc.Profiles.load(tmp_path / "profiles.npz", spec)
        assert_precise(again.multidim(**asked).to_frame(), expected, rtol=1e-11)
        fewer = again.regroup(by="group").multidim(**asked).to_frame()
        direct = pc.multidim(sample, spec, by="group", design=design, **asked).to_frame()
        assert_precise(fewer, direct, rtol=1e-11)


def test_columns_of_replicate_weights_are_kept_in_files_too(tmp_path, sample, spec):
    rng = np.random.default_rng(6)
    names = [f"r{j}" for j in range(6)]
    for name in names:
        sample[name] = sample["weight"] * rng.choice([0.0, 2.0], len(sample))
    design = pc.Design(weight="weight", replicates=pc.Replicates(weights=names, kind="brr"))
    prof = pc.profiles(sample, spec, by="group", design=design)
    prof.save(tmp_path / "profiles.npz")
    again = pc.Profiles.load(tmp_path / "profiles.npz").multidim(k="1/2", measures="all")
    direct = pc.multidim(sample, spec, k="1/2", measures="all", by="group", design=design)
    assert_precise(again.to_frame(), direct.to_frame())
    merged = sum(
        pc.profiles(part, spec, by="group", design=design) for part in (sample[:90], sample[90:])
    )
    assert_precise(
        merged.multidim(k="1/2", measures="all").to_frame(), direct.to_frame(), rtol=1e-10
    )
    poor = sample.assign(poor=(sample[NAMES].sum(axis=1) >= 2).astype(int))
    rate = pc.rate(poor, "poor", by="group", design=design).to_frame()
    found = direct.to_frame()
    assert_precise(found[found["measure"] == "H"], rate, rtol=1e-11)


def test_replicates_and_linearisation_agree_roughly(spec):
    sample = households(4000, seed=3, n_psu=12)
    words = {"k": "1/2", "measures": "all", "by": "group"}
    linear = pc.multidim(sample, spec, design=SAMPLE, **words)
    for replicates in (pc.Replicates(kind="jkn"), pc.Replicates(kind="bootstrap", n=600)):
        design = pc.Design(weight="weight", strata="stratum", psu="psu", replicates=replicates)
        ratio = pc.multidim(sample, spec, design=design, **words)["se"] / linear["se"]
        wide = 0.05 if replicates.kind == "jkn" else 0.2
        assert ratio.between(1 - wide, 1 + wide).all()


def test_a_jackknife_is_the_measure_again_without_each_psu(spec):
    sample = households(300, n_psu=3, missing=0.05)
    words = {"k": "1/2", "measures": "all", "by": "group", "missing": "reweight_rows"}
    design = pc.Design(
        weight="weight", strata="stratum", psu="psu", replicates=pc.Replicates(kind="jkn")
    )
    found = pc.multidim(sample, spec, design=design, **words)
    again = []
    for h, c in itertools.product(range(4), range(3)):
        factor = np.where(sample["stratum"] != h, 1, np.where(sample["psu"] == c, 0, 3 / 2))
        left = sample.assign(weight=sample["weight"] * factor)
        again.append(
            pc.multidim(left, spec, design=pc.Design(weight="weight"), **words)["estimate"]
        )
    away = np.array(again) - np.mean(again, axis=0)
    expected = np.sqrt(2 / 3 * (away**2).sum(axis=0))
    known = found["se"].notna()
    assert known.sum() > 85
    np.testing.assert_allclose(found["se"][known], expected[known], rtol=1e-9)
    np.testing.assert_allclose(
        found.cov[np.ix_(known, known)], 2 / 3 * (away.T @ away)[np.ix_(known, known)], atol=1e-13,
        rtol=1e-9,
    )  # fmt: skip


def test_waves_change_with_the_psus_that_they_share(spec):
    early, late = households(seed=1), households(seed=2)
    both = pd.concat([early.assign(year=2020), late.assign(year=2022)])
    design = pc.Design(weight="weight", strata="stratum", psu="psu", period="year")
    words = {"k": ["1/4", "1/2"], "by": ["group", "year"], "design": design}
    est = pc.multidim(both, spec, **words)
    alone = pc.multidim(early, spec, k=["1/4", "1/2"], by="group", design=SAMPLE)
    assert_precise(est.select(year=2020).to_frame(), alone.to_frame())
    change = pc.change(est, time="year").to_frame()
    table = est.to_frame()
    for _, row in change.iterrows():
        same = (table["group"] == row["group"]) & (table["k"] == row["k"])
        start, end = table.index[same & (table["measure"] == row["of"])]
        contrast = np.zeros(len(table))
        contrast[[start, end]] = -1, 1
        assert row["se"] ** 2 == pytest.approx(contrast @ est.cov @ contrast, rel=1e-9)
        assert est.cov[start, end] != 0
    renamed = both.assign(psu=both["psu"] + 100 * (both["year"] == 2022))
    other = pc.multidim(renamed, spec, **words)
    assert_precise(other.to_frame(), est.to_frame())
    years = (table["year"] == 2020).to_numpy()
    assert (other.cov[np.ix_(years, ~years)] == 0).all()


def test_a_file_for_each_wave_gives_the_same(spec):
    frames = {year: households(seed=year).assign(year=year) for year in (2020, 2022)}
    words = {"k": "1/2", "measures": "all"}
    design = pc.Design(weight="weight", strata="stratum", psu="psu", period="year")
    whole = pc.multidim(pd.concat(frames.values()), spec, by="year", design=design, **words)
    waves = {year: frame.drop(columns="year") for year, frame in frames.items()}
    mapped = pc.multidim(waves, spec, by="year", design=design, **words)
    np.testing.assert_array_equal(mapped.cov, whole.cov)
    parts = [
        pc.multidim(frame, spec, by="year", design=SAMPLE, **words) for frame in frames.values()
    ]
    joined = pc.join(*parts)
    # A share of the whole is of the other wave too in one file, and not in one file a wave.
    own = ~whole["measure"].isin(["population_share", "subgroup_contribution"]).to_numpy()
    np.testing.assert_allclose(
        joined.cov[np.ix_(own, own)], whole.cov[np.ix_(own, own)], rtol=1e-9, atol=1e-18
    )


def test_contrasts_of_cutoffs_and_measures(sample, spec):
    est = pc.multidim(sample, spec, k=["1/4", "1/2"], measures="H", by="group", design=SAMPLE)
    cov = est.cov
    found = est.contrast(np.array([[1, -1, 0, 0, 0, 0]])).to_frame()
    assert found["se"].item() ** 2 == pytest.approx(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])


def test_estimates_keep_their_covariance_when_stored(sample, spec):
    est = pc.multidim(sample, spec, k="1/2", by="group", design=SAMPLE)
    again = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(again.cov, est.cov)


def test_a_register_has_no_standard_error_and_no_second_pass(sample, spec, monkeypatch):
    from povertycore import _core

    passes = []
    total = _core.total
    monkeypatch.setattr(_core, "total", lambda *a, **k: passes.append(1) or total(*a, **k))
    est = pc.multidim(sample, spec, k="1/2", by="group", design=pc.Design(weight="weight"))
    for column in ("se", "ci_low", "df", "deff", "n_psu"):
        assert est[column].isna().all()
    assert len(passes) == 1


# --- edges ----------------------------------------------------------------------------------------


def test_a_share_of_0_or_1_has_no_standard_error_but_an_interval(sample, spec):
    sample[NAMES] = 0
    est = pc.multidim(sample, spec, k="1/2", measures=["H", "A", "contribution"], design=SAMPLE)
    table = est.to_frame()
    h, rest = table.iloc[0], table[table["measure"] != "H"]
    assert (h["estimate"], h["ci_low"]) == (0, 0)
    assert h["ci_high"] == pytest.approx(1 - 0.025 ** (1 / len(sample)))
    assert np.isnan(h["se"])
    assert "all rows are alike" in h["note"]
    assert rest[["estimate", "se", "ci_low", "df"]].isna().all(axis=None)
    assert set(rest["note"]) == {"nobody is poor"}


def test_groups_without_rows_stay_without_standard_errors(sample, spec):
    sample["group"] = pd.Categorical(sample["group"], categories=["A", "B", "C", "D"])
    sample["domain"] = sample["group"] != "B"
    est = pc.multidim(
        sample, spec, k="1/2", measures="all", by="group", where="domain", design=SAMPLE,
        observed=False,
    )  # fmt: skip
    table = est.to_frame()
    empty = table["group"].isin(["B", "D"]) & ~table["measure"].isin(["population_share"])
    assert table[empty]["se"].isna().all()
    assert np.isnan(est.cov[empty.to_numpy()]).all()
    full = table["group"].isin(["A", "C"]) & table["estimate"].between(0, 1, inclusive="neither")
    assert full.sum() > 50
    assert table[full]["se"].notna().all()


def test_a_domain_in_lonely_strata_only_has_no_standard_error(sample, spec):
    design = pc.Design(weight="weight", strata="stratum", psu="psu", lonely="average")
    sample = sample[(sample["stratum"] > 0) | (sample["psu"] == 2)]
    est = pc.multidim(sample, spec, k="1/2", by="stratum", design=design).to_frame()
    assert est[est["stratum"] == 0]["se"].isna().all()
    assert est[est["stratum"] > 0]["se"].notna().all()
    assert "every stratum of the domain has one PSU" in est["note"].iloc[0]


# --- errors ---------------------------------------------------------------------------------------


def test_lonely_psus_are_listed_by_row_or_by_label(sample, spec):
    sample = sample[(sample["stratum"] > 0) | (sample["psu"] == 2)].reset_index(drop=True)
    row = int(np.flatnonzero(sample["stratum"] == 0)[0])
    with pytest.raises(errors.DesignError, match=f"row {row}"):
        pc.multidim(sample, spec, k=1, design=SAMPLE)
    prof = pc.profiles(sample, spec, design=SAMPLE)  # parts may be added
    with pytest.raises(errors.DesignError, match="1 stratum has one PSU in the sample.*'0'"):
        prof.multidim(k=1)


def test_a_second_stage_of_one_unit_is_listed_too(sample, spec):
    sample["ssu"] = np.where(sample["psu"] == 3, 0, np.arange(len(sample)) % 4)
    sample["f"], sample["f2"] = 0.5, 0.5
    design = pc.Design(strata="stratum", psu="psu", ssu="ssu", fpc="f", fpc2="f2")
    prof = pc.profiles(sample, spec, design=design)
    with pytest.raises(errors.DesignError, match="4 PSUs have one second-stage unit.*'0, 3'"):
        prof.multidim(k=1)
    with pytest.raises(errors.DesignError, match="second-stage unit"):
        pc.multidim(sample, spec, k=1, design=design)


def test_profiles_of_different_rules_are_not_added(sample, spec):
    other = pc.Design(weight="weight", strata="stratum", psu="psu", df="strata")
    with pytest.raises(errors.ComparabilityError, match="different rules"):
        pc.profiles(sample, spec, design=SAMPLE) + pc.profiles(sample, spec, design=other)


def test_negative_replicate_weights_are_refused(sample, spec):
    sample["r1"], sample["r2"] = sample["weight"], -sample["weight"]
    design = pc.Design(weight="weight", replicates=pc.Replicates(weights=["r1", "r2"], kind="brr"))
    with pytest.raises(errors.ValueRangeError, match="row 0 .column 'r2'"):
        pc.multidim(sample, spec, k=1, design=design)
