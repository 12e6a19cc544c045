"""What a change is made of.

Source of truth: arithmetic in the comments; tests/oracles/decompose.py; and
tests/reference/decompose_reference.json, made by weighted sums in base R.
"""

import json
import math
import re
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import povertycore as pc
from oracles import decompose as oracle
from povertycore import errors
from povertycore.replicates import Replicated

FOLDER = Path(__file__).parent / "reference"
CASES = {
    case["id"]: case
    for case in json.loads((FOLDER / "decompose_reference.json").read_text("utf-8"))["cases"]
}
BY_GROWTH = [name for name in CASES if "datt_ravallion" in name]
BY_GROUPS = [name for name in CASES if "ravallion_huppi" in name]


@cache
def panel():
    return pd.read_csv(FOLDER / "synth_panel.csv")


SAMPLE = pc.Design(weight="weight", size="hhsize", strata="stratum", psu="psu", period="year",
                   lonely="certainty")  # fmt: skip
REGISTER = pc.Design(weight="weight", size="hhsize")


def figures(est, **labels):
    """Estimates by measure, of some rows."""
    chosen = est.select(**labels) if labels else est
    return dict(zip(chosen["measure"], chosen["estimate"], strict=True))


def rates(rows, keys=("year",)):
    """Rates of counts."""
    frame = pd.DataFrame(rows, columns=[*keys, "poor", "all"])
    return pc.Estimates.from_table(frame, list(keys), numerator="poor", denominator="all")


def survey(seed=7, growth=1.1, spread=0.9):
    """Two waves of 8 PSUs in two strata; welfare grows and its spread shrinks."""
    draws = np.random.default_rng(seed)
    rows = []
    for h in range(2):
        for c in range(4):
            level = draws.normal(0, 0.2)
            for t in (0, 1):
                for _ in range(25):
                    y = np.exp(7 + level + 0.5 * (spread if t else 1) * draws.normal())
                    weight = float(draws.uniform(1, 3))
                    rows.append((2020 + t, "ab"[c % 2], h, 10 * h + c, weight,
                                 y * (growth if t else 1)))  # fmt: skip
    names = ["year", "place", "stratum", "psu", "weight", "income"]
    return pd.DataFrame(rows, columns=names)


WAVES = pc.Design(weight="weight", strata="stratum", psu="psu", period="year", row="person")


def plain_rows(frame):
    """Rows as the oracle takes them."""
    return [(r.year, r.place, (r.stratum, r.psu), r.weight, r.income) for r in frame.itertuples()]


# --- worked example -------------------------------------------------------------------------------


def test_lang_son_fell_by_312_points_in_a_hundred_through_fewer_poor():
    est = rates([(2021, 23_511, 192_705), (2022, 17_497, 196_150)])
    found = figures(pc.decompose(est, time="year", into="counts"))
    assert [round(100 * value, 2) for value in found.values()] == [-3.28, -3.12, -0.16]
    assert found["numerator_effect"] == pytest.approx(float(Fraction(17_497 - 23_511, 192_705)))
    by_households = 17_497 * (Fraction(1, 196_150) - Fraction(1, 192_705))
    assert found["denominator_effect"] == pytest.approx(float(by_households))


def test_other_orders_of_counts_are_named():
    est = rates([(2021, 20, 100), (2022, 15, 150)])
    # First households: 20/150 - 20/100 = -1/15, then the poor: -5/150 = -1/30.
    last = figures(pc.decompose(est, time="year", into="counts", method="denominator_first"))
    assert list(last.values()) == pytest.approx([-0.1, -1 / 30, -1 / 15])
    # First the poor: -5/100, then households 15/150 - 15/100 = -1/20; the means of both.
    mean = figures(pc.decompose(est, time="year", into="counts", method="shapley"))
    assert list(mean.values()) == pytest.approx([-0.1, -1 / 24, -7 / 120])


def test_groups_on_paper():
    # a: 100 households at 0.5, then 50 at 0.4; b: 100 at 0.1, then 150 at 0.1.
    est = rates([("a", 1, 50, 100), ("a", 2, 20, 50), ("b", 1, 10, 100), ("b", 2, 15, 150)],
                ["place", "year"])  # fmt: skip
    result = pc.decompose(est, time="year", into="groups", across="place")
    assert list(figures(result, place="a").values()) == pytest.approx([-0.15, -0.05, -0.125, 0.025])
    assert list(figures(result, place="b").values()) == pytest.approx([0.025, 0, 0.025, 0])
    # 60/200 to 35/200: -0.125 = -0.05 - 0.1 + 0.025.
    whole = figures(result, place="(total)")
    assert list(whole.values()) == pytest.approx([-0.125, -0.05, -0.1, 0.025])
    assert result["place"].tolist() == ["a"] * 4 + ["b"] * 4 + ["(total)"] * 4
    mean = pc.decompose(est, time="year", into="groups", across="place", method="shapley")
    # Mean share of a 3/8 x -0.1; mean rates 0.45, 0.1 x shifts -1/4, 1/4.
    assert list(figures(mean, place="(total)").values()) == pytest.approx(
        [-0.125, -0.0375, -0.0875]
    )


def test_growth_on_paper():
    # Incomes 1 and 3 become 2 and 4 and 6; the line is 2.5: poor 1/2, then 1/3.
    people = {"year": [1, 1, 2, 2, 2], "income": [1.0, 3.0, 2.0, 4.0, 6.0]}
    result = pc.decompose(people, time="year", into="growth", welfare="income", line=2.5)
    # Means 2 and 4. The first incomes at mean 4: 2, 6: 1/2 poor; the last at mean 2: 1, 2, 3: 2/3.
    # So growth is the mean of 0 and -1/3, redistribution that of 1/6 and -1/6.
    assert list(figures(result).values()) == pytest.approx([-1 / 6, -1 / 6, 0], abs=1e-15)
    first = pc.decompose(
        people, time="year", into="growth", welfare="income", line=2.5, method="first"
    )
    assert list(figures(first).values()) == pytest.approx([-1 / 6, 0, 1 / 6, -1 / 3], abs=1e-15)
    last = pc.decompose(
        people, time="year", into="growth", welfare="income", line=2.5, method="last"
    )
    assert list(figures(last).values()) == pytest.approx([-1 / 6, -1 / 3, -1 / 6, 1 / 3], abs=1e-15)


def test_line_that_rises_with_incomes_changes_no_poverty_over_the_line():
    people = {"year": [1, 1, 2, 2], "income": [1.0, 3.0, 2.0, 6.0]}
    words = {"time": "year", "into": "growth", "welfare": "income", "line": {1: 2.0, 2: 4.0}}
    real = figures(pc.decompose(people, **words, alpha=1))
    assert list(real.values()) == pytest.approx([0, 0, 0], abs=1e-15)
    # Apart: twice the incomes, and twice the line. At the old line 2 growth takes the gap 1/4 to 0.
    apart = figures(pc.decompose(people, **words, alpha=1, line_effect=True))
    assert apart["redistribution_effect"] == pytest.approx(0, abs=1e-15)
    assert apart["growth_effect"] == pytest.approx(-apart["line_effect"])
    # Mean of 0 - 1/4 (line first unchanged) and 1/4 - 5/8 (line first raised: gaps 3/4, 1/4).
    assert apart["growth_effect"] == pytest.approx((-1 / 4 + (1 / 4 - 1 / 2)) / 2)


# --- reference ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BY_GROWTH)
def test_growth_is_that_of_base_r(name):
    start, end, alpha = map(int, re.search(r"_(\d+)_(\d+)_fgt(\d)", name).groups())
    data = panel()[panel()["year"].isin([start, end])]
    wanted = dict(zip(CASES[name]["keys"], CASES[name]["estimate"], strict=True))
    words = {"time": "year", "into": "growth", "welfare": "cons", "line": 1300, "alpha": alpha,
             "design": REGISTER, "count": "persons"}  # fmt: skip
    first = figures(pc.decompose(data, **words, method="first"))
    mean = figures(pc.decompose(data, **words))
    for ours, theirs in (
        (first["difference"], "dP"),
        (first["growth_effect"], "growth_base"),
        (first["redistribution_effect"], "redist_base"),
        (first["residual"], "residual_base"),
        (mean["growth_effect"], "growth_shapley"),
        (mean["redistribution_effect"], "redist_shapley"),
    ):
        assert ours == pytest.approx(wanted[theirs], abs=1e-9 * wanted["P0"])


@pytest.mark.parametrize("name", BY_GROUPS)
def test_groups_are_those_of_base_r(name):
    start, end, alpha, across = re.search(r"_(\d+)_(\d+)_fgt(\d)_(\w+)", name).groups()
    data = panel()[panel()["year"].isin([int(start), int(end)])]
    wanted = dict(zip(CASES[name]["keys"], CASES[name]["estimate"], strict=True))
    result = pc.decompose(data, time="year", into="groups", across=across, welfare="cons",
                          line=1300, alpha=int(alpha), design=SAMPLE, count="persons")  # fmt: skip
    whole = list(figures(result, **{across: "(total)"}).values())
    theirs = [wanted[key] for key in ("dP", "intra", "shift", "interaction")]
    assert whole == pytest.approx(theirs, abs=1e-10)
    for label in result[across].unique():
        if label != "(total)":
            within = figures(result, **{across: label})["within_effect"]
            assert within == pytest.approx(wanted[f"intra_{label}"], abs=1e-10)


# --- oracle ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0, 1, 2, 2.5])
@pytest.mark.parametrize("method", ["shapley", "first", "last"])
def test_growth_is_that_of_the_oracle(alpha, method):
    data = survey()
    result = pc.decompose(data, time="year", into="growth", welfare="income", line=1000,
                          alpha=alpha, method=method,
                          design=pc.Design(weight="weight"))  # fmt: skip
    wanted = oracle.growth(plain_rows(data), 1000, alpha, method)
    assert result["estimate"].tolist() == pytest.approx(wanted, rel=1e-9, abs=1e-12)


def test_growth_redistribution_and_line_are_those_of_all_six_orders():
    data = survey()
    result = pc.decompose(data, time="year", into="growth", welfare="income",
                          line={2020: 1000, 2021: 1200}, alpha=1, line_effect=True,
                          design=pc.Design(weight="weight"))  # fmt: skip
    wanted = oracle.growth_and_line(plain_rows(data), [1000, 1200], 1)
    assert result["estimate"].tolist()[1:] == pytest.approx(wanted, rel=1e-9)


def test_growth_by_group_is_that_of_each_group_alone():
    data = survey()
    words = {"time": "year", "into": "growth", "welfare": "income", "line": 1000, "alpha": 1}
    both = pc.decompose(data, **words, by="place")
    for place in "ab":
        alone = pc.decompose(data[data["place"] == place], **words)
        ours = both.select(place=place)["estimate"].tolist()
        assert ours == pytest.approx(alone["estimate"].tolist())


# --- standard errors ------------------------------------------------------------------------------


def test_errors_of_growth_go_through_the_means_and_are_those_of_moving_each_psu():
    data = survey()
    for words, figure in (
        ({"line": 1000}, lambda rows: oracle.growth(rows, 1000, 1, "shapley")),
        (
            {"line": {2020: 1000, 2021: 1200}, "line_effect": True},
            lambda rows: [0, *oracle.growth_and_line(rows, [1000, 1200], 1)],
        ),
    ):
        result = pc.decompose(data, time="year", into="growth", welfare="income", alpha=1,
                              design=WAVES, **words)  # fmt: skip
        wanted = np.sqrt(oracle.linearised(plain_rows(data), figure))
        assert result["se"].tolist()[1:] == pytest.approx(wanted[1:].tolist(), rel=1e-6)
        assert (result["df"] == 6).all()  # 8 PSUs in both years, in 2 strata
        assert result["n_psu"].tolist() == [8] * len(result)


def test_error_of_the_whole_is_that_of_the_change():
    data = survey()
    est = pc.fgt(data, "income", line=1000, alpha=[1], by="year", design=WAVES)
    change = pc.change(est, time="year")["se"].item()
    growth = pc.decompose(data, time="year", into="growth", welfare="income", line=1000, alpha=1,
                          design=WAVES)  # fmt: skip
    groups = pc.decompose(data, time="year", into="groups", across="place", welfare="income",
                          line=1000, alpha=1, design=WAVES)  # fmt: skip
    counts = pc.decompose(data, time="year", into="counts", welfare="income", line=1000, alpha=1,
                          design=WAVES)  # fmt: skip
    assert growth["se"][0] == pytest.approx(change, rel=1e-12)
    assert groups.select(place="(total)")["se"].iloc[0] == pytest.approx(change, rel=1e-12)
    assert counts["se"][0] == pytest.approx(change, rel=1e-12)


def test_parts_covary_so_that_their_sum_has_the_error_of_the_whole():
    data = survey()
    words = {"time": "year", "welfare": "income", "line": 1000, "alpha": 1, "design": WAVES}
    for more in ({"into": "growth"}, {"into": "counts"}, {"into": "groups", "across": "place"}):
        result = pc.decompose(data, **words, **more)
        if "across" in more:
            result = result.select(place="(total)")
        cov = result.cov
        assert cov[1:, 1:].sum() == pytest.approx(cov[0, 0], rel=1e-9)


def test_errors_of_groups_and_counts_are_those_of_moving_each_psu():
    data = survey()
    data["poor"] = (data["income"] < 1000).astype(int)

    def parts(rows):
        sizes = {}
        for t, g, _, w, y in rows:
            above, below = sizes.get((t, g), (0, 0))
            sizes[t, g] = (above + w * (y < 1000), below + w)
        figures = {
            g: tuple((sizes[t, g][1], sizes[t, g][0] / sizes[t, g][1]) for t in (2020, 2021))
            for g in "ab"
        }
        whole = oracle.groups(figures, "interaction")[1]
        p0, p1 = (sum(sizes[t, g][0] for g in "ab") for t in (2020, 2021))
        n0, n1 = (sum(sizes[t, g][1] for g in "ab") for t in (2020, 2021))
        return [*whole, (p1 - p0) / n0, p1 * (1 / n1 - 1 / n0)]

    wanted = np.sqrt(oracle.linearised(plain_rows(data), parts))
    groups = pc.decompose(data, "poor", time="year", into="groups", across="place", design=WAVES)
    ours = groups.select(place="(total)")["se"].tolist()[1:]
    counts = pc.decompose(data, "poor", time="year", into="counts", design=WAVES)
    ours += counts["se"].tolist()[1:]
    assert ours == pytest.approx(wanted.tolist(), rel=1e-6)


def test_headcount_has_the_errors_of_a_bootstrap_that_a_seed_repeats():
    data = survey()
    words = {"time": "year", "into": "growth", "welfare": "income", "line": 1000, "design": WAVES}
    one = pc.decompose(data, **words, replicates=300, rng=1)
    two = pc.decompose(data, **words, replicates=300, rng=1)
    other = pc.decompose(data, **words, replicates=300, rng=2)
    assert one["se"].tolist() == two["se"].tolist()
    assert one["se"].tolist() != other["se"].tolist()
    assert one["note"].tolist() == ["errors by bootstrap"] * 3
    est = pc.fgt(data, "income", line=1000, alpha=[0], by="year", design=WAVES)
    assert one["se"][0] == pytest.approx(pc.change(est, time="year")["se"].item(), rel=0.15)


def test_bootstrap_of_a_gap_has_the_errors_of_its_linearisation():
    # Just below 1 the bootstrap is used, at 1 the derivative: the index hardly differs.
    data = survey()
    words = {"time": "year", "into": "growth", "welfare": "income", "line": 1000, "design": WAVES}
    straight = pc.decompose(data, **words, alpha=1)
    boot = pc.decompose(data, **words, alpha=1 - 1e-9, replicates=800)
    assert boot["se"].tolist() == pytest.approx(straight["se"].tolist(), rel=0.1)


def test_a_jackknife_that_the_design_makes_is_near_the_linearisation():
    data = survey()
    words = {"time": "year", "welfare": "income", "line": 1000, "alpha": 1}
    made = pc.Design(weight="weight", strata="stratum", psu="psu", period="year", row="person",
                     replicates=pc.Replicates(kind="jkn"))  # fmt: skip
    for more in ({"into": "growth"}, {"into": "counts"}, {"into": "groups", "across": "place"}):
        straight = pc.decompose(data, **words, **more, design=WAVES)
        again = pc.decompose(data, **words, **more, design=made)
        assert again["estimate"].tolist() == pytest.approx(straight["estimate"].tolist())
        assert again["se"].tolist() == pytest.approx(straight["se"].tolist(), rel=0.25)


def test_columns_of_replicate_weights_give_the_errors_of_a_headcount():
    # Leaving out one PSU of each stratum in turn, by hand, as columns.
    data = survey()
    names = []
    for h in (0, 1):
        for c in sorted(data.loc[data["stratum"] == h, "psu"].unique()):
            factor = np.where(data["stratum"] == h, np.where(data["psu"] == c, 0, 4 / 3), 1)
            names.append(f"r{c}")
            data[names[-1]] = data["weight"] * factor
    columns = pc.Design(
        weight="weight",
        row="person",
        replicates=pc.Replicates(weights=names, kind="jkn", rscales=[3 / 4] * 8),
    )
    result = pc.decompose(data, time="year", into="growth", welfare="income", line=1000,
                          design=columns)  # fmt: skip
    rows = plain_rows(data)

    def again(name):
        return oracle.growth(
            [(t, g, c, w, y) for (t, g, c, _, y), w in zip(rows, data[name], strict=True) if w > 0],
            1000, 0, "shapley")  # fmt: skip

    theta = np.array([again(name) for name in names])
    wanted = np.sqrt(3 / 4 * ((theta - theta.mean(axis=0)) ** 2).sum(axis=0))
    assert result["se"].tolist() == pytest.approx(wanted.tolist(), rel=1e-9)
    assert (result["df"] == 7).all()


def test_bootstrap_of_periods_that_share_some_psus_is_near_the_linearisation():
    # 24 PSUs a year, of which 12 are in both; PSUs are poor or not, so that sharing them matters.
    draws = np.random.default_rng(2)
    level = draws.normal(0, 0.4, 36)
    rows = [
        (2020 + t, c % 2, c, 7 + level[c] + 0.05 * t + 0.4 * draws.normal())
        for t in (0, 1)
        for c in range(12 * t, 12 * t + 24)
        for _ in range(20)
    ]
    data = pd.DataFrame(rows, columns=["year", "stratum", "psu", "income"])
    data["income"] = np.exp(data["income"])
    design = pc.Design(strata="stratum", psu="psu", period="year", row="person")
    words = {"time": "year", "into": "growth", "welfare": "income", "line": 1000, "design": design}
    straight = pc.decompose(data, **words, alpha=1)
    boot = pc.decompose(data, **words, alpha=1 - 1e-9, replicates=1500)
    assert boot["se"].tolist() == pytest.approx(straight["se"].tolist(), rel=0.12)
    assert boot["n_psu"].tolist() == [36] * 3


def test_a_psu_alone_in_its_rotation_is_drawn_with_others():
    data = survey()
    data.loc[(data["year"] == 2021) & (data["psu"] == 3), "psu"] = 99
    result = pc.decompose(data, time="year", into="growth", welfare="income", line=1000,
                          design=WAVES)  # fmt: skip
    assert (result["se"] > 0).all()


def test_a_domain_in_a_lonely_stratum_takes_no_error_from_the_whole():
    data = panel()[panel()["year"].isin([2020, 2022])]
    result = pc.decompose(data, time="year", into="groups", across="region", welfare="cons",
                          line=1300, design=SAMPLE, count="persons")  # fmt: skip
    islands, whole = result.select(region="Islands"), result.select(region="(total)")
    assert islands["se"].isna().all()
    est = pc.fgt(data, "cons", line=1300, alpha=[0], by="year", design=SAMPLE, count="persons")
    assert whole["se"].iloc[0] == pytest.approx(pc.change(est, "year")["se"].item(), rel=1e-12)


def test_parts_of_a_group_in_which_nothing_varied_have_no_error_as_its_change_has_none():
    data = survey()
    data["poor"] = ((data["income"] < 1000) & (data["place"] == "b")).astype(int)
    est = pc.rate(data, "poor", by=["place", "year"], design=WAVES)
    assert pc.change(est, "year").select(place="a")["se"].isna().all()
    counts = pc.decompose(data, "poor", time="year", into="counts", by="place", design=WAVES)
    groups = pc.decompose(data, "poor", time="year", into="groups", across="place", design=WAVES)
    for result in (counts, groups):
        assert result.select(place="a")["se"].isna().all()
        assert result.select(place="a")["p_value"].isna().all()
        assert (result.select(place="b")["se"] > 0).all()
    assert (groups.select(place="(total)")["se"] > 0).all()


def test_a_whole_in_which_nobody_is_poor_at_one_end_has_no_error_of_its_change():
    data = survey()
    data["poor"] = ((data["income"] < 1000) & (data["year"] == 2020)).astype(int)
    result = pc.decompose(data, "poor", time="year", into="groups", across="place", design=WAVES)
    assert result.select(place="(total)", measure="difference")["estimate"].item() < -0.1
    assert result["se"].isna().all()
    assert result["ci_low"].isna().all()


@pytest.mark.parametrize("alpha", [0, 1])
def test_growth_where_nobody_is_poor_has_no_error(alpha):
    result = pc.decompose(survey(), time="year", into="growth", welfare="income", line=1e-9,
                          alpha=alpha, design=WAVES, replicates=10)  # fmt: skip
    assert (result["estimate"] == 0).all()
    assert result["se"].isna().all()


def test_estimates_of_a_sample_have_parts_without_errors_and_say_why():
    data = survey()
    data["poor"] = (data["income"] < 1000).astype(int)
    est = pc.rate(data, "poor", by=["place", "year"], design=WAVES)
    result = pc.decompose(est, time="year", into="groups", across="place")
    assert result["se"].isna().all()
    assert result["note"].str.contains("needs the data").sum() == 8
    rows = pc.decompose(data, "poor", time="year", into="groups", across="place", design=WAVES)
    assert result["estimate"].tolist() == pytest.approx(rows["estimate"].tolist())


# --- multidimensional -----------------------------------------------------------------------------


def multidimensional(joint=None):
    """H, A and M0, and two indicators of weights 2/3 and 1/3, in two years."""
    rows = []
    for year, h, a, c in ((2020, 0.5, 0.6, (0.35, 0.2)), (2022, 0.4, 0.5, (0.2, 0.2))):
        rows += [(year, None, "H", h), (year, None, "A", a), (year, None, "M0", h * a)]
        rows += [
            (year, n, "censored_headcount", x) for n, x in zip(("school", "water"), c, strict=True)
        ]
        rows += [
            (year, n, "contribution_absolute", w * x)
            for n, w, x in zip(("school", "water"), (2 / 3, 1 / 3), c, strict=True)
        ]
    frame = pd.DataFrame(rows, columns=["year", "indicator", "measure", "x"])
    return pc.Estimates(
        {"year": frame["year"].to_numpy()},
        measure_keys={
            "scheme": "equal",
            "k": 1 / 3,
            "dimension": pd.Categorical([None] * len(frame), categories=["d"]),
            "indicator": pd.Categorical(frame["indicator"], categories=["school", "water"]),
        },
        measure=frame["measure"].tolist(),
        estimate=frame["x"].to_numpy(),
        se=np.nan if joint is None else np.sqrt(joint.variance()),
        df=np.nan if joint is None else joint.df(),
        unit="persons",
        joint=joint,
        verb="multidim",
    )


def test_adjusted_headcount_falls_by_incidence_and_by_intensity():
    # M0 0.30 to 0.20; mean A 0.55 x -0.1, mean H 0.45 x -0.1.
    found = figures(pc.decompose(multidimensional(), time="year", into="intensity"))
    assert list(found.values()) == pytest.approx([-0.1, -0.055, -0.045])


def test_adjusted_headcount_falls_by_indicator():
    # 2/3 x (0.2 - 0.35) = -0.1; the other does not change.
    est = multidimensional()
    weights = {"school": Fraction(2, 3), "water": Fraction(1, 3)}
    for words in ({}, {"weights": weights}):
        result = pc.decompose(est, time="year", into="indicators", **words)
        assert result["indicator"].tolist() == ["school", "water"]
        assert result["estimate"].tolist() == pytest.approx([-0.1, 0.0])
        assert result["of"].tolist() == ["M0", "M0"]


def test_errors_of_incidence_and_intensity_are_by_the_delta_method():
    deviation = np.random.default_rng(3).normal(0, 0.01, (14, 40))
    joint = Replicated(deviation, most_df=30.0)
    est = multidimensional(joint)
    result = pc.decompose(est, time="year", into="intensity")
    cov = joint.cov()
    h0, a0, h1, a1 = 0, 1, 7, 8
    gradient = np.zeros((3, 14))
    gradient[1, [h0, h1, a0, a1]] = [-0.55, 0.55, -0.05, -0.05]
    gradient[2, [h0, h1, a0, a1]] = [-0.05, -0.05, -0.45, 0.45]
    gradient[0] = gradient[1] + gradient[2]
    assert result["se"].tolist() == pytest.approx(np.sqrt(np.diag(gradient @ cov @ gradient.T)))
    assert result["df"].tolist() == [30.0] * 3
    by_indicator = pc.decompose(est, time="year", into="indicators")
    pair = deviation[12] - deviation[5]  # contribution of school, 2022 and 2020
    assert by_indicator["se"][0] == pytest.approx(math.sqrt(pair @ pair))


def deprivations(seed=4):
    """Two waves of ten PSUs; deprivations that fall, and are commoner in some PSUs."""
    draws = np.random.default_rng(seed)
    frame = pd.DataFrame({"year": np.repeat([2020, 2022], 200)})
    frame["psu"] = np.tile(np.repeat(np.arange(10), 20), 2)
    frame["stratum"], frame["place"] = frame["psu"] % 2, np.where(frame["psu"] < 5, "a", "b")
    frame["weight"] = draws.uniform(1, 3, 400)
    often = 0.4 - 0.1 * (frame["year"] == 2022) + 0.2 * (frame["psu"] % 3 == 0)
    for name in ("school", "health", "water"):
        frame[name] = (draws.random(400) < often).astype(int)
    return frame


SPEC = pc.Spec({"person": ["school", "health"], "home": ["water"]})  # weights 1/4, 1/4, 1/2
OF_M0 = ["H", "A", "M0", "censored_headcount", "contribution_absolute"]


@pytest.mark.parametrize("design", [pc.Design(weight="weight"), WAVES], ids=["register", "sample"])
def test_what_multidim_returns_is_taken_apart(design):
    words = {"k": ["1/4", "1/2"], "measures": OF_M0, "by": ["place", "year"], "design": design}
    est = pc.multidim(deprivations(), SPEC, **words)
    whole = pc.change(est.select(measure="M0"), time="year")
    parts = pc.decompose(est, time="year", into="intensity")
    assert parts["measure"].tolist() == [
        *("difference", "incidence_effect", "intensity_effect"),
    ] * len(whole)
    table = parts["estimate"].to_numpy().reshape(-1, 3)
    assert table[:, 0] == pytest.approx(whole["estimate"].to_numpy())
    assert table[:, 1:].sum(axis=1) == pytest.approx(table[:, 0])
    h0, h1, a0, a1 = (
        est.select(measure=name, year=year)["estimate"].to_numpy()
        for name in "HA"
        for year in (2020, 2022)
    )
    assert table[:, 1] == pytest.approx((a0 + a1) / 2 * (h1 - h0))
    by_indicator = pc.decompose(est, time="year", into="indicators")
    sums = by_indicator["estimate"].to_numpy().reshape(-1, 3).sum(axis=1)
    assert sums == pytest.approx(whole["estimate"].to_numpy())
    weights = {"school": Fraction(1, 4), "health": Fraction(1, 4), "water": Fraction(1, 2)}
    weighted = pc.decompose(est, time="year", into="indicators", weights=weights)
    assert weighted["estimate"].tolist() == pytest.approx(by_indicator["estimate"].tolist())
    if design is WAVES:  # the whole has the error of the change, and so have its parts together
        se = parts["se"].to_numpy().reshape(-1, 3)
        assert se[:, 0] == pytest.approx(whole["se"].to_numpy())
        together = parts.cov.reshape(len(whole), 3, len(whole), 3)[:, 1:, :, 1:].sum(axis=(1, 3))
        assert np.sqrt(np.diag(together)) == pytest.approx(se[:, 0])
        assert weighted["se"].tolist() == pytest.approx(by_indicator["se"].tolist())
        assert (by_indicator["se"] > 0).all()
    else:
        assert parts["se"].isna().all()


def test_multidim_without_contributions_says_which_measure_is_needed():
    est = pc.multidim(deprivations(), SPEC, k="1/2", by="year")
    with pytest.raises(errors.OptionError, match="measures='contribution_absolute' of multidim"):
        pc.decompose(est, time="year", into="indicators")


def test_where_nobody_is_poor_there_is_no_intensity_but_the_parts_add_up():
    est = multidimensional()
    frame = est.to_frame()
    x = frame["estimate"].to_numpy().copy()
    x[[7, 8, 9]] = [0.0, np.nan, 0.0]
    gone = pc.Estimates(
        {"year": frame["year"]},
        measure_keys={name: frame[name] for name in ("scheme", "k", "dimension", "indicator")},
        measure=frame["measure"].tolist(),
        estimate=x,
        unit="persons",
        verb="multidim",
    )
    found = figures(pc.decompose(gone, time="year", into="intensity"))
    assert list(found.values()) == pytest.approx([-0.3, -0.3, 0.0])


# --- properties -----------------------------------------------------------------------------------

counts = st.tuples(st.integers(0, 50), st.integers(50, 90))


@given(st.lists(st.tuples(counts, counts), min_size=1, max_size=6))
@settings(max_examples=40)
def test_parts_add_up_to_the_change(figures_of):
    rows = [(f"g{i}", 2020 + t, *pair[t]) for i, pair in enumerate(figures_of) for t in (0, 1)]
    est = rates(rows, ["place", "year"])
    for method, n in (("interaction", 3), ("shapley", 2)):
        result = pc.decompose(est, time="year", into="groups", across="place", method=method)
        by_measure = result["estimate"].to_numpy().reshape(-1, n + 1)
        assert by_measure[:, 1:].sum(axis=1) == pytest.approx(by_measure[:, 0], abs=1e-14)
        assert by_measure[:-1].sum(axis=0) == pytest.approx(by_measure[-1], abs=1e-14)
        whole = [sum(pair[t][j] for pair in figures_of) for t in (0, 1) for j in (0, 1)]
        assert by_measure[-1, 0] == pytest.approx(whole[2] / whole[3] - whole[0] / whole[1])
        exact = {
            f"g{i}": tuple((Fraction(b), Fraction(a, b)) for a, b in pair)
            for i, pair in enumerate(figures_of)
        }
        wanted = [float(part) for part in oracle.groups(exact, method)[1]]
        assert by_measure[-1, 1:] == pytest.approx(wanted, abs=1e-14)
    for method in ("numerator_first", "denominator_first", "shapley"):
        parts = pc.decompose(est, time="year", into="counts", method=method)
        each = parts["estimate"].to_numpy().reshape(-1, 3)
        assert each[:, 1:].sum(axis=1) == pytest.approx(each[:, 0], abs=1e-15)


@pytest.mark.parametrize("method", ["shapley", "first", "last"])
@pytest.mark.parametrize("apart", [False, True])
def test_parts_of_growth_add_up(method, apart):
    result = pc.decompose(survey(), time="year", into="growth", welfare="income",
                          line={2020: 1000, 2021: 1100}, alpha=2, method=method,
                          line_effect=apart, by="place")  # fmt: skip
    for place in "ab":
        found = list(figures(result, place=place).values())
        assert sum(found[1:]) == pytest.approx(found[0], abs=1e-14)


def test_growth_alone_and_redistribution_alone_are_told_apart():
    data = survey()
    first = data[data["year"] == 2020]
    richer = pd.concat([first, first.assign(year=2021, income=first["income"] * 1.25)])
    words = {"time": "year", "into": "growth", "welfare": "income", "line": 1000, "alpha": 1}
    found = figures(pc.decompose(richer, **words))
    assert found["redistribution_effect"] == pytest.approx(0, abs=1e-15)
    mean = first["income"].mean()
    equal = pd.concat([first, first.assign(year=2021, income=(first["income"] + mean) / 2)])
    assert figures(pc.decompose(equal, **words))["growth_effect"] == pytest.approx(0, abs=1e-12)


def test_order_of_rows_and_kind_of_frame_do_not_matter():
    import polars as pl

    data = survey()
    words = {"time": "year", "into": "growth", "welfare": "income", "line": 1000, "alpha": 1,
             "design": WAVES}  # fmt: skip
    plain = pc.decompose(data, **words)
    shuffled = data.sample(frac=1, random_state=1)
    waves = {year: part.drop(columns="year") for year, part in data.groupby("year")}
    for other in (shuffled, pl.from_pandas(data), waves):
        result = pc.decompose(other, **words)
        assert result["estimate"].tolist() == pytest.approx(plain["estimate"].tolist(), abs=1e-14)
        assert result["se"].tolist() == pytest.approx(plain["se"].tolist())


# --- edges ----------------------------------------------------------------------------------------


def test_a_group_that_appears_is_a_shift_and_says_so():
    est = rates([("a", 1, 50, 100), ("a", 2, 40, 100), ("b", 2, 10, 100)], ["place", "year"])
    result = pc.decompose(est, time="year", into="groups", across="place")
    # 0.5 to 0.25: a falls by 0.1 at its share of 1; its share falls by 1/2 and b's rises by 1/2.
    assert list(figures(result, place="(total)").values()) == pytest.approx(
        [-0.25, -0.1, -0.2, 0.05]
    )
    assert figures(result, place="b")["between_effect"] == pytest.approx(0.05)
    assert result.select(place="b")["note"].str.contains("one of the two periods only").all()


def test_groups_that_are_numbers_have_a_total_too():
    est = rates([(7, 1, 5, 10), (7, 2, 4, 10), (8, 1, 2, 10), (8, 2, 1, 10)], ["code", "year"])
    result = pc.decompose(est, time="year", into="groups", across="code")
    assert result.select(measure="difference")["code"].tolist() == [7, 8, "(total)"]
    wide = result.pivot(index="code", columns="measure")
    assert wide.loc["(total)", "difference"] == pytest.approx(-0.1)


def test_a_total_among_the_groups_is_not_one_of_them():
    data = survey()
    data["poor"] = (data["income"] < 1000).astype(int)
    words = {"by": ["place", "year"], "design": pc.Design(weight="weight")}
    with_total = pc.rate(data, "poor", totals="place", **words)
    ours = pc.decompose(with_total, time="year", into="groups", across="place")
    plain = pc.decompose(pc.rate(data, "poor", **words), time="year", into="groups", across="place")
    assert ours["estimate"].tolist() == plain["estimate"].tolist()


def test_totals_are_no_mean_of_their_groups():
    data = survey()
    est = pc.total(data, "income", by=["place", "year"], count="households")
    with pytest.raises(errors.OptionError, match="denominators"):
        pc.decompose(est, time="year", into="groups", across="place")


def test_groups_within_groups_have_a_total_each():
    rows = [
        (d, c, y, poor, 10)
        for d, c, poors in (("A", "a", (5, 4)), ("A", "b", (3, 3)), ("B", "c", (2, 1)))
        for y, poor in zip((1, 2), poors, strict=True)
    ]
    est = rates(rows, ["district", "commune", "year"])
    result = pc.decompose(est, time="year", into="groups", across="commune")
    totals = result.select(commune="(total)", measure="difference")
    assert totals["district"].tolist() == ["A", "B"]
    assert totals["estimate"].tolist() == pytest.approx([-0.05, -0.1])
    assert totals["n_obs"].isna().all() or (totals["population"] == [40, 20]).all()


def test_a_group_without_a_period_keeps_its_row():
    est = rates([("a", 1, 50, 100), ("a", 2, 40, 100), ("b", 2, 10, 100)], ["place", "year"])
    result = pc.decompose(est, time="year", into="counts").select(place="b")
    assert result["estimate"].isna().all()
    assert result["note"].tolist() == ["no figure for 1"] * 3
    people = {"year": [1, 2, 2], "place": ["a", "a", "b"], "income": [1.0, 3.0, 2.0]}
    growth = pc.decompose(
        people, time="year", into="growth", welfare="income", line=2.5, by="place"
    )
    assert growth.select(place="b")["estimate"].isna().all()


def test_three_periods_give_consecutive_pairs_or_all_from_a_base():
    est = rates([(1, 50, 100), (2, 40, 100), (3, 20, 80)])
    each = pc.decompose(est, time="year", into="counts").select(measure="difference")
    assert each["estimate"].tolist() == pytest.approx([-0.1, -0.15])
    first = pc.decompose(est, time="year", into="counts", base="first")
    assert first.select(measure="difference")["estimate"].tolist() == pytest.approx([-0.1, -0.25])
    data = panel()
    words = {"time": "year", "into": "growth", "welfare": "cons", "line": 1300, "alpha": 1,
             "design": SAMPLE, "count": "persons"}  # fmt: skip
    pairs = pc.decompose(data, **words)
    two = pc.decompose(data[data["year"] != 2020], **words)
    last = pairs.select(year_from=2021)
    assert last["estimate"].tolist() == pytest.approx(two["estimate"].tolist())
    assert last["se"].tolist() == pytest.approx(two["se"].tolist(), rel=1e-9)


# --- errors ---------------------------------------------------------------------------------------

EST = [(1, 50, 100), (2, 40, 100)]


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        ({"into": "count"}, errors.OptionError, "counts"),
        ({"into": "counts", "method": "first"}, errors.OptionError, "numerator_first"),
        ({"into": "groups"}, errors.OptionError, "across="),
        ({"into": "counts", "across": "year"}, errors.OptionError, "across="),
        ({"into": "growth"}, errors.OptionError, "needs the rows"),
        ({"into": "intensity"}, errors.OptionError, "H and A"),
        ({"into": "indicators"}, errors.OptionError, "censored headcounts"),
        ({"into": "groups", "across": "place"}, errors.ColumnNotFoundError, "place"),
    ],
)
def test_what_is_wrong_is_named(words, error, text):
    with pytest.raises(error, match=text):
        pc.decompose(rates(EST), time="year", **words)


def test_rates_without_counts_cannot_be_taken_apart():
    est = pc.Estimates.from_table({"year": [1, 2], "x": [0.2, 0.1]}, "year", estimate="x")
    with pytest.raises(errors.OptionError, match="numerators and denominators"):
        pc.decompose(est, time="year", into="counts")


def test_rows_need_one_column_or_welfare_and_not_both():
    data = survey()
    with pytest.raises(errors.OptionError, match="0/1 column, or welfare"):
        pc.decompose(data, time="year", into="counts")
    with pytest.raises(errors.OptionError, match="one line per group and period"):
        pc.decompose(data.assign(z=np.arange(len(data)) + 1.0), time="year", into="growth",
                     welfare="income", line="z", line_effect=True)  # fmt: skip
    with pytest.raises(errors.MissingValueError, match="2021"):
        pc.decompose(data, time="year", into="growth", welfare="income", line={2020: 1000})
    with pytest.raises(errors.OptionError, match="none for the indicator 'water'"):
        pc.decompose(multidimensional(), time="year", into="indicators", weights={"school": 1})


def test_two_standards_do_not_compare_unless_asked_to():
    frame = {"year": [1, 2], "poor": [5, 4], "all": [10, 10], "s": ["vn-2016", "vn-2022"]}
    est = pc.Estimates.from_table(frame, "year", numerator="poor", denominator="all", standard="s")
    with pytest.raises(errors.ComparabilityError):
        pc.decompose(est, time="year", into="counts")
    result = pc.decompose(est, time="year", into="counts", across_standards=True)
    assert result["note"].str.contains("across standards").all()
