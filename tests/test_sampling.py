"""Standard errors of rates, totals, means and ratios of a sample, and the covariance between them.

Source of truth: arithmetic in comments; `oracles/survey.py`, the sums over strata in fractions.
"""

import unicodedata
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

import povertycore as pc
from oracles import survey

POINT, SPREAD = 1e-12, 1e-10


def near(found, exact, rel, scale=0.0):
    """Whether a number is the exact one, relative to it or to the scale of what it is made of."""
    exact = float(exact)
    return abs(found - exact) <= rel * max(abs(exact), float(scale))


# ---- worked example -----------------------------------------------------------------------------

# Two strata of two areas each; of two households an area, all weights 1.
#   poor: north 1,0 | 1,1    south 0,0 | 1,0    rate 4/8
#   z = (poor - 1/2)/8 by area: north 0, 1/8; south -1/8, 0
#   V = 2 (1/16)^2 + 2 (1/16)^2 from the north, the same from the south, each times 2/1: 1/32
EIGHT = {
    "stratum": ["north"] * 4 + ["south"] * 4,
    "area": [1, 1, 2, 2, 1, 1, 2, 2],
    "poor": [1, 0, 1, 1, 0, 0, 1, 0],
}
TWO_STRATA = pc.Design(strata="stratum", psu="area")


def test_standard_error_of_a_rate_on_paper():
    (row,) = pc.rate(EIGHT, "poor", design=TWO_STRATA).to_frame().to_dict("records")
    assert row["estimate"] == 0.5
    assert near(row["se"] ** 2, Fraction(1, 32), 1e-15)
    assert (row["df"], row["n_psu"], row["cv"]) == (2, 4, row["se"] / 0.5)
    assert row["ci_low"] < 0.5 < row["ci_high"]


def test_areas_are_numbered_anew_in_each_stratum_unless_nesting_is_off():
    anew = pc.rate(EIGHT, "poor", design=TWO_STRATA)
    names = [f"{s}{a}" for s, a in zip(EIGHT["stratum"], EIGHT["area"], strict=True)]
    own = pc.rate(
        {**EIGHT, "area": names}, "poor", design=pc.Design(strata="stratum", psu="area", nest=False)
    )
    assert anew["se"].tolist() == own["se"].tolist()
    with pytest.raises(pc.errors.DesignError, match=r"PSU of row 4 .* another stratum") as caught:
        pc.rate(EIGHT, "poor", design=pc.Design(strata="stratum", psu="area", nest=False))
    assert (caught.value.argument, caught.value.row) == ("psu", 4)


def test_without_psu_each_row_is_one_and_a_simple_sample_has_its_textbook_error():
    # SRS without replacement, n = 4 of N = 16: V = (1 - 1/4) p (1 - p)/(n - 1), p = 1/4
    table = {"poor": [1, 0, 0, 0], "n": [16] * 4}
    (row,) = (
        pc.rate(table, "poor", design=pc.Design(psu="row", fpc="n")).to_frame().to_dict("records")
    )
    assert near(row["se"] ** 2, Fraction(3, 4) * Fraction(3, 16) / 3, 1e-15)
    assert (row["df"], row["n_psu"]) == (3, 4)
    strata = pc.rate({**table, "s": [1] * 4}, "poor", design=pc.Design(strata="s", fpc="n"))
    assert strata["se"].tolist() == [row["se"]]


# Two periods with one area in common. z are the parts of the totals; each period has 2 areas.
#   2020: areas 1, 2 with 3 and 5: V = 2 (1 + 1) = 4;   2021: areas 2, 3 with 1 and 7: V = 2 (9 + 9)
#   together: area 2 has x = sqrt(2) in the first and -3 sqrt(2) in the second: covariance -6
ROTATING = {"year": [2020, 2020, 2021, 2021], "area": [1, 2, 2, 3], "y": [3, 5, 1, 7]}


def test_covariance_of_two_periods_on_paper():
    design = pc.Design(psu="area", period="year")
    est = pc.total(ROTATING, "y", by="year", design=design)
    np.testing.assert_allclose(est.cov, [[4, -6], [-6, 36]], rtol=1e-14)
    found = est.contrast({2021: 1, 2020: -1}).to_frame().iloc[0]
    assert near(found["se"] ** 2, 4 + 36 + 12, 1e-14)
    assert (found["df"], found["n_psu"]) == (2, 3)  # three areas; the stratum once
    apart = pc.total(
        ROTATING, "y", by="year", design=pc.Design(psu="area", period="year", waves="independent")
    )
    np.testing.assert_allclose(apart.cov, [[4, 0], [0, 36]], rtol=1e-14)
    assert apart.contrast({2021: 1, 2020: -1})["df"].tolist() == [2]  # four areas, two strata


# Two stages: 2 of 4 areas; of their 4 and 2 households 2 and 1 are in the sample. Totals of areas:
#   (2, 4) and (3, ): z = 6 and 3. V1 = (1 - 1/2) 2 ((6 - 4.5)^2 + (3 - 4.5)^2) = 4.5;
#   second stage of area 1: 1/2 (1 - 2/4) 2 ((2 - 3)^2 + (4 - 3)^2) = 1; area 2 is complete
STAGES = {"area": [1, 1, 2], "hh": [1, 2, 1], "n1": [4] * 3, "n2": [4, 4, 1], "y": [2, 4, 3]}


def test_second_stage_adds_its_variance_on_paper():
    design = pc.Design(psu="area", ssu="hh", fpc="n1", fpc2="n2")
    est = pc.total(STAGES, "y", design=design)
    assert near(est["se"][0] ** 2, 5.5, 1e-15)
    assert (est["df"][0], est["n_psu"][0]) == (1, 2)
    by_row = pc.Design(psu="area", ssu="row", fpc="n1", fpc2="n2")
    assert pc.total(STAGES, "y", design=by_row)["se"].tolist() == est["se"].tolist()
    without = pc.total(STAGES, "y", design=pc.Design(psu="area", ssu="hh", fpc="n1"))
    assert near(without["se"][0] ** 2, 4.5, 1e-15)  # the second stage is then complete


# ---- oracle -------------------------------------------------------------------------------------


def sample(seed, *, periods=1, fpc=None, second=False):
    """Rows of a random sample: strata of one to five areas, unmeasured and weightless rows."""
    rng = np.random.default_rng(seed)
    rows, known = [], {}
    n_strata = int(rng.integers(2, 5))
    for period in range(2000, 2000 + periods):
        for stratum in range(n_strata):
            old = known.get(stratum, [])
            kept = [area for area in old if rng.random() < 0.6]
            n = int(rng.integers(1, 6))
            areas = (kept + [a for a in range(20) if a not in old])[:n]  # re-used across strata
            known[stratum] = areas
            if fpc == "count":
                size = n + int(rng.integers(0, 6))
            elif fpc == "fraction":
                size = float(rng.choice([0.125, 0.3, 1.0]))
            else:
                size = None
            for area in areas:
                units = range(int(rng.integers(2, 4)))
                size2 = len(units) + int(rng.integers(0, 4))
                places = rng.choice(["a", "b", "c"], size=2)
                for unit in units:
                    for _ in range(int(rng.integers(1, 4))):
                        rows.append(
                            {
                                "period": period,
                                "stratum": stratum,
                                "psu": area,
                                "ssu": unit,
                                "fpc": size,
                                "fpc2": size2,
                                "weight": float(
                                    rng.choice([0.0, 0.5, 1.7, 3.25, rng.random() * 9 + 2])
                                ),
                                "place": str(rng.choice(places)),
                                "poor": None if rng.random() < 0.1 else int(rng.random() < 0.4),
                                "income": None if rng.random() < 0.1 else float(rng.normal(50, 20)),
                                "size": float(rng.integers(1, 7)),
                                "kind": None if rng.random() < 0.1 else str(rng.choice(["x", "y"])),
                                "inside": bool(rng.random() < 0.8),
                            }
                        )
    return rows if second else [{**row, "ssu": None, "fpc2": None} for row in rows]


def frame_of(rows):
    table = pd.DataFrame(rows)
    return table.astype({"poor": float, "income": float})


def design_of(rows, **words):
    names = {"weight": "weight", "strata": "stratum", "psu": "psu"}
    if rows[0]["fpc"] is not None:
        names["fpc"] = "fpc"
    if rows[0]["ssu"] is not None:
        names |= {"ssu": "ssu", "fpc2": "fpc2"}
    return pc.Design(**names, **words)


VERBS = {
    "rate": (lambda t, **w: pc.rate(t, "poor", **w), lambda row: row["poor"], survey.one),
    "mean": (lambda t, **w: pc.mean(t, "income", **w), lambda row: row["income"], survey.one),
    "ratio": (
        lambda t, **w: pc.ratio(t, "income", "size", **w),
        lambda row: row["income"],
        lambda row: row["size"],
    ),
    "total": (lambda t, **w: pc.total(t, "income", **w), lambda row: row["income"], None),
}


def figures(rows, verb, domain):
    """What the oracle says of one domain; None where nothing is measured there."""
    _, above, below = VERBS[verb]
    if not any(survey.is_used(row, above, below or survey.one, domain) for row in rows):
        return None
    if below is None:
        return survey.total(rows, above, domain)
    return survey.ratio(rows, above, below, domain)


def in_place(place, period=None):
    def domain(row):
        here = period is None or row["period"] == period
        return here and row["inside"] and row["place"] == place

    return domain


CASES = [
    (seed, periods, fpc, second, verb)
    for seed, (periods, fpc, second) in enumerate(
        [(1, None, False), (1, "count", False), (1, "fraction", False), (1, "count", True)] * 3
        + [(3, None, False), (2, "count", False), (2, "fraction", False), (2, "count", True)] * 2
    )
    for verb in VERBS
]


@pytest.mark.parametrize(("seed", "periods", "fpc", "second", "verb"), CASES)
def test_estimates_and_covariance_are_those_of_exact_sums(seed, periods, fpc, second, verb):
    rows = sample(seed, periods=periods, fpc=fpc, second=second)
    design = design_of(rows, lonely="certainty", period="period" if periods > 1 else None)
    by = ["period", "place"] if periods > 1 else ["place"]
    est = VERBS[verb][0](frame_of(rows), by=by, where="inside", design=design)
    found = est.to_frame()
    expected = []
    for _, row in found.iterrows():
        period = row["period"] if periods > 1 else None
        expected.append(figures(rows, verb, in_place(row["place"], period)))
    scale = max(abs(e[0]) for e in expected if e)
    for i, (one, (_, row)) in enumerate(zip(expected, found.iterrows(), strict=True)):
        if one is None:
            assert np.isnan(row["estimate"])
            assert np.isnan(row["se"])
            continue
        estimate, z, used = one
        assert near(row["estimate"], estimate, POINT, scale)
        assert row["n_psu"] == survey.n_psu(rows, used)
        assert row["df"] == survey.df(rows, used)
        variance = survey.cov(rows, z, z, two_stage=second)
        alone = survey.strata_of(rows, used) <= survey.lonely_strata(rows)
        if alone or (verb == "rate" and variance == 0 and row["estimate"] in (0, 1)):
            assert np.isnan(row["se"]) or row["se"] == 0
            continue
        assert near(row["se"] ** 2, variance, 2 * SPREAD, Fraction(1e-12) * estimate**2)
        for j in range(i):
            if expected[j] is None or np.isnan(est.cov[i, j]):
                continue
            covariance = survey.cov(rows, z, expected[j][1], two_stage=second)
            size = row["se"] * found["se"][j]
            nothing = 1e-12 * abs(float(estimate * expected[j][0]))
            apart = abs(est.cov[i, j] - float(covariance))
            assert apart <= max(2 * SPREAD * max(abs(covariance), size), nothing)
        simple = survey.simple_variance(rows, z, used) if sum(used) > 1 else 0
        if simple > 0:
            assert near(row["deff"], variance / simple, 1e-9, 1e-6)


def test_samples_of_the_oracle_have_what_is_hard():
    rows = [row for seed in range(20) for row in sample(seed, periods=2, fpc="fraction")]
    assert any(row["weight"] == 0 for row in rows)
    assert any(row["poor"] is None for row in rows)
    seen = {"lonely": 0, "complete": 0, "without": 0, "again": 0, "shared": 0, "lost": 0}
    for seed in range(20):
        rows = sample(seed, periods=2, fpc="fraction")
        psus = survey.psus(rows)
        seen["lonely"] += bool(survey.lonely_strata(rows))
        seen["complete"] += any(survey.fraction_of(rows, key) == 1 for key in psus)
        of_b = {survey.unit_key(row)[:3] for row in rows if row["place"] == "b"}
        seen["without"] += len(of_b) < sum(map(len, psus.values()))
        seen["again"] += bool(psus[2000, 0] & psus[2000, 1])
        seen["shared"] += bool(psus[2000, 0] & psus[2001, 0])
        seen["lost"] += bool(psus[2000, 0] - psus[2001, 0])
    assert min(seen.values()) >= 3, seen


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("lonely", ["average", "adjust"])
def test_lonely_psus_are_averaged_or_adjusted_as_their_definition_says(seed, lonely):
    rows = sample(seed, fpc="count" if seed % 2 else None)
    rows += [
        {**row, "stratum": 9, "psu": 1} for row in rows if (row["stratum"], row["psu"]) == (0, 0)
    ]
    assert (2000, 9) in psus_alone(rows) or seed % 2
    design = design_of(rows, lonely=lonely)
    for verb in VERBS:
        est = VERBS[verb][0](frame_of(rows), by="place", where="inside", design=design)
        one = {place: figures(rows, verb, in_place(place)) for place in est["place"]}
        factor = {p: survey.average_factor(rows, used) for p, (_, _, used) in one.items()}
        for i, a in enumerate(est["place"]):
            for j, b in enumerate(est["place"]):
                if np.isnan(est["se"][[i, j]]).any():
                    continue
                covariance = survey.cov(rows, one[a][1], one[b][1])
                if lonely == "average":
                    covariance *= survey.root(factor[a] * factor[b])
                else:
                    covariance += survey.adjustment(rows, one[a][1], one[b][1])
                assert near(est.cov[i, j], covariance, 2 * SPREAD, est["se"][i] * est["se"][j])


def psus_alone(rows):
    return survey.lonely_strata(rows)


@pytest.mark.parametrize("seed", range(4))
def test_contrast_over_periods_is_that_of_exact_sums(seed):
    rows = sample(seed, periods=3)
    design = design_of(rows, lonely="certainty", period="period")
    est = pc.mean(frame_of(rows), "income", by="period", design=design)
    one = [survey.ratio(rows, lambda r: r["income"], domain=lambda r, t=t: r["period"] == t)
           for t in est["period"]]  # fmt: skip
    weights = [Fraction(1), Fraction(-3, 2), Fraction(1, 2)]
    z = [sum(w * part for w, part in zip(weights, parts, strict=True))
         for parts in zip(*(o[1] for o in one), strict=True)]  # fmt: skip
    used = [any(uses) for uses in zip(*(o[2] for o in one), strict=True)]
    found = est.contrast([[float(w) for w in weights]]).to_frame().iloc[0]
    assert near(found["se"] ** 2, survey.cov(rows, z, z), 2 * SPREAD)
    assert found["df"] == survey.df(rows, used)
    assert found["n_psu"] == survey.n_psu(rows, used)


@pytest.mark.parametrize("nest", [True, False])
@pytest.mark.parametrize("verb", VERBS)
def test_domains_over_several_periods_are_those_of_exact_sums(verb, nest):
    rows = sample(31, periods=3, fpc="fraction")
    if not nest:  # PSUs of their own names, which may change their stratum between periods
        rows = [{**r, "psu": 30 * (r["stratum"] + r["period"] // 2002) + r["psu"]} for r in rows]
        rows = [{**r, "stratum": r["psu"] // 30 - r["period"] // 2002} for r in rows]
    design = design_of(rows, lonely="certainty", period="period", nest=nest)
    est = VERBS[verb][0](frame_of(rows), by="place", where="inside", design=design)
    one = [figures(rows, verb, in_place(place)) for place in est["place"]]
    for i, (estimate, z, used) in enumerate(one):
        assert near(est["estimate"][i], estimate, POINT)
        assert est["df"][i] == survey.df(rows, used, nest=nest)
        assert est["n_psu"][i] == survey.n_psu(rows, used, nest=nest)
        for j in range(3):
            covariance = survey.cov(rows, z, one[j][1], nest=nest)
            assert near(est.cov[i, j], covariance, 2 * SPREAD, est["se"][i] * est["se"][j])


@pytest.mark.parametrize("seed", range(4))
def test_degrees_of_freedom_by_strata_count_all_psus_of_the_strata_touched(seed):
    rows = sample(seed, periods=2)
    design = design_of(rows, lonely="certainty", period="period", df="strata")
    est = pc.rate(frame_of(rows), "poor", by="place", where="inside", design=design)
    for place, df in zip(est["place"], est["df"], strict=True):
        used = figures(rows, "rate", in_place(place))[2]
        assert df == survey.df(rows, used, all_psus=True)
    given = pc.rate(frame_of(rows), "poor", design=design_of(rows, lonely="certainty", df=12.5))
    assert given["df"].tolist() == [12.5]


@pytest.mark.parametrize("seed", range(4))
def test_rates_of_categories_are_rates_of_their_marks(seed):
    rows = sample(seed)
    design = design_of(rows, lonely="certainty")
    est = pc.rate(frame_of(rows), "kind", by="place", design=design)
    expected = {}
    for place, kind in zip(est["place"], est["category"], strict=True):
        expected[place, kind] = survey.ratio(
            rows,
            lambda r, kind=kind: None if r["kind"] is None else int(r["kind"] == kind),
            domain=lambda r, place=place: r["place"] == place,
        )
    keys = list(expected)
    for i, a in enumerate(keys):
        estimate, z, used = expected[a]
        assert near(est["estimate"][i], estimate, POINT)
        assert est["df"][i] == survey.df(rows, used)
        for j, b in enumerate(keys):
            if np.isnan(est["se"][[i, j]]).any():  # nobody, or everybody, is in the category
                continue
            covariance = survey.cov(rows, z, expected[b][1])
            assert near(est.cov[i, j], covariance, 2 * SPREAD, est["se"][i] * est["se"][j])


# ---- properties ---------------------------------------------------------------------------------


def many(seed=7, **words):
    rows = sample(seed, **words)
    while survey.lonely_strata(rows):
        seed += 100
        rows = sample(seed, **words)
    return rows


def columns_of(est):
    return est.to_frame()[["estimate", "se", "df", "n_psu"]].to_numpy()


def rates(rows, **words):
    return pc.rate(frame_of(rows), "poor", by="place", design=design_of(rows, **words))


def test_an_out_of_domain_row_still_counts_its_psu():
    # of the three areas one has no row inside; without its row the stratum would have two
    table = {"area": [1, 2, 3], "poor": [1.0, 0.0, 1.0], "inside": [1, 1, 0]}
    design = pc.Design(psu="area")
    whole = pc.rate(table, "poor", where="inside", design=design)
    cut = {name: values[:2] for name, values in table.items()}
    # z = 1/4, -1/4, 0: 3/2 (1/16 + 1/16) against 2 (1/16 + 1/16)
    assert near(whole["se"][0] ** 2, Fraction(3, 16), 1e-15)
    assert near(pc.rate(cut, "poor", design=design)["se"][0] ** 2, Fraction(1, 4), 1e-15)


def test_weightless_rows_change_nothing_but_their_count():
    rows = many()
    more = rows + [{**row, "weight": 0.0, "poor": 1} for row in rows[:9]]
    np.testing.assert_allclose(columns_of(rates(more)), columns_of(rates(rows)), rtol=1e-12)
    np.testing.assert_allclose(rates(more)["deff"], rates(rows)["deff"], rtol=1e-10)


def test_weights_of_another_scale_change_no_rate_nor_its_error():
    rows = many()
    scaled = [{**row, "weight": 1000 * row["weight"]} for row in rows]
    np.testing.assert_allclose(columns_of(rates(scaled)), columns_of(rates(rows)), rtol=1e-12)


def test_a_row_split_inside_its_psu_changes_no_estimate_and_no_error():
    rows = many()
    split = [{**row, "weight": row["weight"] / 2} for row in rows for _ in range(2)]
    np.testing.assert_allclose(columns_of(rates(split)), columns_of(rates(rows)), rtol=1e-12)


def test_every_row_twice_in_its_psu_keeps_the_error_of_a_rate():
    rows = many()
    np.testing.assert_allclose(columns_of(rates(rows * 2)), columns_of(rates(rows)), rtol=1e-12)


def test_order_and_names_of_rows_psus_and_strata_do_not_matter():
    rows = many()
    shuffled = [rows[i] for i in np.random.default_rng(1).permutation(len(rows))]
    np.testing.assert_allclose(columns_of(rates(shuffled)), columns_of(rates(rows)), rtol=1e-12)
    named = [
        {**row, "stratum": f"s{9 - row['stratum']}", "psu": f"ea {row['psu'] * 7 % 23}"}
        for row in rows
    ]
    np.testing.assert_allclose(columns_of(rates(named)), columns_of(rates(rows)), rtol=1e-12)


def test_a_full_census_has_no_variance():
    rows = [{**row, "fpc": 1.0} for row in many(fpc="fraction")]
    assert rates(rows)["se"].tolist() == [0.0] * len(rates(rows))


def test_a_wave_has_the_same_errors_with_and_without_the_others():
    rows = sample(3, periods=3)
    words = {"lonely": "average", "period": "period"}
    design = design_of(rows, **words)
    whole = pc.rate(frame_of(rows), "poor", by=["period", "place"], design=design)
    for period in (2000, 2001, 2002):
        alone = frame_of([row for row in rows if row["period"] == period])
        one = pc.rate(alone, "poor", by=["period", "place"], design=design)
        np.testing.assert_allclose(
            columns_of(whole.select(period=period)), columns_of(one), rtol=1e-12
        )


def test_waves_that_share_no_psu_have_covariance_exactly_0():
    rows = sample(3, periods=2)
    renamed = [{**row, "psu": row["psu"] + 100 * (row["period"] == 2001)} for row in rows]
    design = design_of(rows, lonely="certainty", period="period")
    assert pc.rate(frame_of(rows), "poor", by="period", design=design).cov[0, 1] != 0
    apart = pc.rate(frame_of(renamed), "poor", by="period", design=design).cov
    assert apart[0, 1] == apart[1, 0] == 0


def test_covariance_is_never_indefinite():
    for seed in range(8):
        rows = sample(seed, periods=3, fpc="count")
        design = design_of(rows, lonely="certainty", period="period")
        cov = pc.total(frame_of(rows), "income", by=["period", "place"], design=design).cov
        assert np.linalg.eigvalsh(cov).min() > -1e-9 * np.abs(cov).max()


def test_incomes_near_a_billion_keep_their_variance():
    rows = many()
    near_zero = [{**row, "income": float(row["psu"] % 3)} for row in rows]
    far = [{**row, "income": 1e9 + row["income"]} for row in near_zero]
    low, high = (
        pc.mean(frame_of(table), "income", by="place", design=design_of(rows))
        for table in (near_zero, far)
    )
    np.testing.assert_allclose(high["se"], low["se"], rtol=1e-10)
    np.testing.assert_allclose(high["deff"], low["deff"], rtol=1e-10)
    np.testing.assert_allclose(high["estimate"], low["estimate"] + 1e9, rtol=1e-15)


def test_parts_add_up_to_the_whole_and_so_do_their_covariances():
    rows = many()
    design = design_of(rows)
    words = {"by": "place", "totals": "place", "design": design}
    est = pc.total(frame_of(rows), "income", **words)
    parts = est.cov[:3, :3]
    assert near(est["se"][3] ** 2, parts.sum(), 1e-12)
    np.testing.assert_allclose(est.cov[3, :3], parts.sum(axis=0), rtol=1e-10)
    whole = pc.total(frame_of(rows), "income", design=design)
    assert near(est["se"][3], whole["se"][0], 1e-13)


def test_one_way_tables_covary_with_the_whole():
    rows = many()
    est = pc.total(frame_of(rows), "income", over=["place", "stratum"], design=design_of(rows))
    frame = est.to_frame()
    of_place = np.flatnonzero(frame["over"] == "place")
    np.testing.assert_allclose(est.cov[0, of_place].sum(), est.cov[0, 0], rtol=1e-10)
    of_stratum = np.flatnonzero(frame["over"] == "stratum")
    within = est.cov[np.ix_(of_stratum, of_stratum)]
    assert (within[~np.eye(len(within), dtype=bool)] == 0).all()  # strata are independent


def test_two_measures_of_different_rows_covary():
    rows = many()
    words = {"design": design_of(rows)}
    both = pc.mean(frame_of(rows), ["income", "size"], **words)
    z = [survey.ratio(rows, lambda r, n=n: r[n])[1] for n in ("income", "size")]
    assert near(both.cov[0, 1], survey.cov(rows, *z), SPREAD, both["se"].prod())


# ---- what follows from the covariance -----------------------------------------------------------


def test_selected_rows_keep_their_covariance():
    est = pc.total(frame_of(many()), "income", by=["place", "stratum"], design=design_of(many()))
    some = est.select(place="b")
    rows = np.flatnonzero(est["place"] == "b")
    np.testing.assert_array_equal(some.cov, est.cov_of(rows))
    np.testing.assert_allclose(some.cov, est.cov[np.ix_(rows, rows)], rtol=1e-14)
    mask = (est["place"] == "b").to_numpy()
    np.testing.assert_array_equal(est.cov_of(mask), some.cov)


def test_files_that_are_joined_are_independent():
    rows = many()
    design = design_of(rows)
    first = pc.rate(frame_of(rows).assign(year=1), "poor", by="year", design=design)
    second = pc.rate(frame_of(rows).assign(year=2), "poor", by="year", design=design)
    both = pc.concat([first, second])
    assert both.cov[0, 1] == 0
    found = both.contrast({2: 1, 1: -1}).to_frame().iloc[0]
    assert near(found["se"] ** 2, 2 * first["se"][0] ** 2, 1e-14)
    assert found["df"] == first["df"][0] + second["df"][0]


def test_contrast_names_rows_by_their_keys():
    rows = many()
    est = pc.rate(frame_of(rows), "poor", by=["place", "stratum"], design=design_of(rows))
    one = est.contrast({("a", 0): 1, ("b", 0): -1})
    i, j = (np.flatnonzero((est["place"] == p) & (est["stratum"] == 0))[0] for p in "ab")
    weights = np.zeros(len(est))
    weights[[i, j]] = 1, -1
    assert one["contrast"].tolist() == ["(a, 0) - (b, 0)"]
    assert one["se"].tolist() == est.contrast(weights)["se"].tolist()
    assert one["estimate"][0] == est["estimate"][i] - est["estimate"][j]
    named = est.contrast({"gap": {("a", 0): 1, ("b", 0): -1}, "level": {("a", 0): 0.5}})
    assert named["contrast"].tolist() == ["gap", "level"]
    assert named["se"][0] == one["se"][0]


def test_wald_test_of_one_contrast_is_the_square_of_t():
    rows = many()
    est = pc.rate(frame_of(rows), "poor", by="place", design=design_of(rows))
    one = est.contrast({"a": 1, "b": -1})
    wald = one.meta["wald"]
    assert near(wald["f"], one["t"][0] ** 2, 1e-12)
    assert (wald["df1"], wald["df2"]) == (1, one["df"][0])
    assert near(wald["p_value"], one["p_value"][0], 1e-10)
    twice = est.contrast([[1, -1, 0], [2, -2, 0]]).meta["wald"]  # says one thing twice
    assert twice["df1"] == 1
    assert near(twice["f"], wald["f"], 1e-9)


# ---- edges --------------------------------------------------------------------------------------


def test_a_register_has_no_sampling_error():
    (row,) = pc.rate(EIGHT, "poor").to_frame().to_dict("records")
    assert np.isnan(
        [row[name] for name in ("se", "ci_low", "ci_high", "cv", "df", "deff", "n_psu")]
    ).all()
    with_period = pc.rate({**EIGHT, "year": [1] * 8}, "poor", design=pc.Design(period="year"))
    assert np.isnan(with_period["se"][0])


def test_a_rate_of_0_or_1_has_no_standard_error_but_an_interval():
    table = {**EIGHT, "poor": [0] * 8}
    (row,) = pc.rate(table, "poor", design=TWO_STRATA).to_frame().to_dict("records")
    assert (row["estimate"], row["ci_low"]) == (0, 0)
    assert np.isnan(row["se"])
    assert 0 < row["ci_high"] < 1
    assert "all rows are alike" in row["note"]
    complete = pc.Design(strata="stratum", psu="area", fpc="f")
    full = pc.rate({**table, "f": [1.0] * 8}, "poor", design=complete)
    assert full["se"].tolist() == [0.0]


def test_a_domain_in_lonely_strata_only_has_no_standard_error_under_any_word():
    table = {"s": [1, 1, 2], "area": [1, 2, 3], "poor": [1.0, 0.0, 1.0], "isle": ["n", "n", "y"]}
    for lonely in ("certainty", "average", "adjust"):
        design = pc.Design(strata="s", psu="area", lonely=lonely)
        est = pc.total(table, "poor", by="isle", design=design)
        assert np.isnan(est["se"][1])
        assert "one PSU" in est["note"][1]
        assert np.isnan(est.cov[1]).all()
        assert not np.isnan(est["se"][0])


def test_a_stratum_left_with_one_psu_by_a_domain_is_not_lonely():
    # the stratum has areas 1 and 2, the domain only rows of 1: z = 1, 0 and V = 2 (1/4 + 1/4)
    table = {"area": [1, 2], "y": [1.0, 5.0], "d": [1, 0]}
    est = pc.total(table, "y", where="d", design=pc.Design(psu="area"))
    assert near(est["se"][0] ** 2, 1, 1e-15)


def test_a_group_without_measured_rows_has_no_error_and_no_degrees_of_freedom():
    table = {**EIGHT, "poor": [np.nan] * 4 + [0, 0, 1, 0]}
    est = pc.rate(table, "poor", by="stratum", design=TWO_STRATA)
    assert np.isnan([est["se"][0], est["df"][0]]).all()
    assert est["n_psu"].tolist() == [0, 2]
    assert est["note"].tolist() == ["every value is missing", ""]


def test_known_populations_carry_no_error():
    population = {"stratum": ["north", "south"], "population": [10.0, 20.0]}
    est = pc.rate(EIGHT, "poor", by="stratum", design=TWO_STRATA, population=population)
    counts = pc.total(EIGHT, "poor", by="stratum", design=TWO_STRATA)
    np.testing.assert_allclose(est["se"], counts["se"] / [10, 20], rtol=1e-14)


def test_as_many_as_the_known_population_is_no_certainty():
    population = {"stratum": ["north", "south"], "population": [3.0, 1.0]}
    est = pc.rate(EIGHT, "poor", by="stratum", design=TWO_STRATA, population=population)
    assert est["estimate"].tolist() == [1, 1]
    # of each stratum the areas hold 1 and 2, or 0 and 1, poor: V = 2 (1/4 + 1/4) = 1
    assert est["se"].tolist() == [1 / 3, 1]


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow", "text", "category", "float"])
def test_strata_and_psus_of_any_type_are_found(kind):
    table = pd.DataFrame(EIGHT)
    if kind == "polars":
        table = pytest.importorskip("polars").from_pandas(table)
    elif kind == "arrow":
        table = pytest.importorskip("pyarrow").Table.from_pandas(table)
    elif kind == "text":
        table = table.assign(area=table["area"].astype(str).astype(object))
    elif kind == "category":
        table = table.astype({"stratum": "category", "area": "category"})
    elif kind == "float":
        table = table.assign(area=table["area"] / 4)
    est = pc.rate(table, "poor", design=TWO_STRATA)
    assert est["se"].tolist() == pc.rate(EIGHT, "poor", design=TWO_STRATA)["se"].tolist()


@pytest.mark.filterwarnings("ignore:.*Unicode")
def test_psus_whose_labels_differ_in_unicode_form_only_are_one():
    rng = np.random.default_rng(2)
    area = rng.integers(0, 12, 300)
    table = {"s": area // 4, "poor": rng.integers(0, 2, 300), "place": rng.integers(0, 3, 300)}
    names = [f"xã {code}" for code in area]
    forms = ["NFC" if i % 2 else "NFD" for i in range(300)]
    mixed = [unicodedata.normalize(*pair) for pair in zip(forms, names, strict=True)]
    assert len(set(mixed)) == 24
    design = pc.Design(strata="s", psu="area")
    found, expected = (
        pc.rate({**table, "area": np.array(labels, object)}, "poor", by="place", design=design)
        for labels in (mixed, names)
    )
    np.testing.assert_array_equal(columns_of(found), columns_of(expected))


KINDS_OF_CODES = {
    "in order": lambda code: code,
    "in no order": lambda code: (code * 389 + 5) % 1201,
    "far apart": lambda code: code * 10**8,
    "text": lambda code: np.array([f"EA {one % 31} of {one // 31}" for one in code], object),
    "categories": lambda code: pd.Categorical([f"EA {one}" for one in code]),
    "real": lambda code: code / 8,
}


@pytest.mark.parametrize("kind", KINDS_OF_CODES)
@pytest.mark.parametrize("verb", ["rate", "mean", "total"])
def test_codes_of_psus_and_domains_change_nothing(kind, verb):
    """Enough rows and cells for several lanes, threads and tables of their own."""
    rng = np.random.default_rng(8)
    n = 320_000
    psu, place = rng.integers(0, 1200, n), rng.integers(0, 30, n)
    psu[place == 7] = 600  # a place of one PSU, which has others in its stratum
    table = pd.DataFrame(
        {
            "s": psu // 40,
            "psu": psu,
            "place": place,
            "w": np.where(rng.random(n) < 0.05, 0.0, rng.random(n)),
            "poor": rng.random(n) < 0.05 + 0.02 * place,
            "inside": (rng.random(n) < 0.9) & (place != 3),
        }
    )
    words = {"by": "place", "where": "inside"}
    words["design"] = pc.Design(weight="w", strata="s", psu="psu")
    names = ["estimate", "se", "df", "deff", "n_obs", "n_psu", "population", "note"]
    plain = getattr(pc, verb)(table, "poor", **words)
    expected = plain.to_frame()[names]
    coded = table.assign(psu=KINDS_OF_CODES[kind](psu))
    found = getattr(pc, verb)(coded, "poor", **words)
    pd.testing.assert_frame_equal(found.to_frame()[names], expected, rtol=1e-11)
    np.testing.assert_allclose(found.cov, plain.cov, rtol=1e-9, atol=1e-18)
    # the same figures of a register, and variances as the textbook has them
    register = getattr(pc, verb)(
        table, "poor", by="place", where="inside", design=pc.Design(weight="w")
    )
    np.testing.assert_allclose(found["estimate"], register["estimate"], rtol=1e-13)
    np.testing.assert_array_equal(found["n_obs"], register["n_obs"])
    for g in (0, 3, 7, 29):
        row = table.query(f"place == {g} and inside and w > 0")
        above, below = (
            np.bincount(row["psu"], values, 1200).reshape(30, 40)
            for values in (row["w"] * row["poor"], row["w"])
        )
        z = above if verb == "total" else np.zeros((30, 40))
        if verb != "total" and len(row):
            z = (above - above.sum() / below.sum() * below) / below.sum()
        squares = ((z - z.mean(axis=1, keepdims=True)) ** 2).sum() * 40 / 39
        se = found["se"][g]
        assert np.isnan(se) if not len(row) else near(se, np.sqrt(squares), SPREAD)
        assert found["n_psu"][g] == (below > 0).sum()


def test_counts_of_units_have_the_error_of_their_weights():
    # weights 1, 3 | 2, 2 of two areas: totals 4 and 4; of the first rows only: 1 and 2
    table = {"area": [1, 1, 2, 2], "w": [1.0, 3.0, 2.0, 2.0], "first": ["y", "n", "y", "n"]}
    design = pc.Design(weight="w", psu="area")
    assert pc.total(table, design=design)["se"].tolist() == [0.0]
    assert pc.total(table, by="first", design=design)["se"].tolist() == [1.0, 1.0]


def test_a_group_of_missing_labels_has_its_own_error():
    table = pd.DataFrame({**EIGHT, "place": ["a", None] * 4})
    words = {"by": "place", "design": TWO_STRATA, "missing_groups": "keep"}
    kept = pc.rate(table, "poor", **words)
    named = pc.rate(table.fillna({"place": "b"}), "poor", **words)
    assert kept["se"].tolist() == named["se"].tolist()
    assert len(kept) == 2


def test_a_second_stage_unit_alone_in_its_psu_is_named_or_adds_nothing():
    table = {**STAGES, "n2": [4, 4, 3]}
    words = {"psu": "area", "ssu": "hh", "fpc": "n1", "fpc2": "n2"}
    with pytest.raises(pc.errors.DesignError, match="PSU has one second-stage unit .* row 2"):
        pc.total(table, "y", design=pc.Design(**words))
    est = pc.total(table, "y", design=pc.Design(**words, lonely="certainty"))
    assert near(est["se"][0] ** 2, 5.5, 1e-15)


def test_a_lazy_frame_is_read_with_the_columns_of_the_design():
    polars = pytest.importorskip("polars")
    lazy = polars.LazyFrame(EIGHT)
    assert pc.rate(lazy, "poor", design=TWO_STRATA)["se"].tolist() == [
        pc.rate(EIGHT, "poor", design=TWO_STRATA)["se"][0]
    ]


def test_many_small_domains_keep_their_errors_and_few_of_their_covariances_are_asked():
    rng = np.random.default_rng(4)
    n = 40_000
    area = rng.integers(0, 6000, n)
    table = pd.DataFrame({"area": area, "s": area // 60, "poor": rng.random(n) < 0.3})
    est = pc.total(table, by="area", design=pc.Design(strata="s", psu="area"))
    assert len(est) > 5000
    with pytest.raises(pc.errors.LimitError, match="cov_of"):
        _ = est.cov
    # an area has covariances within its stratum only: rows 0 and 1 share one, row 5000 does not
    part = est.cov_of([0, 1, 5000])
    assert part[0, 2] == part[1, 2] == 0
    np.testing.assert_allclose(np.sqrt(np.diag(part)), est["se"][[0, 1, 5000]], rtol=1e-12)


# ---- errors -------------------------------------------------------------------------------------


def test_lonely_psus_are_listed_by_position():
    table = {"s": [1, 1, 2, 3, 3, 4], "area": [1, 2, 1, 1, 2, 1], "poor": [1, 0, 1, 0, 1, 0]}
    with pytest.raises(
        pc.errors.DesignError, match="2 strata have one PSU .* row 2 and 5"
    ) as caught:
        pc.rate(table, "poor", design=pc.Design(strata="s", psu="area"))
    assert (caught.value.argument, caught.value.row) == ("lonely", 2)


@pytest.mark.parametrize(
    ("fpc", "message"),
    [
        ([1.5] * 8, "is 1.5 in a stratum with 2 units"),
        ([4, 4, 4, 5] * 2, "varies within a stratum"),
        ([4] * 4 + [0.5] * 4, "not both"),
        ([0.0] * 8, "above 0"),
        ([np.inf] * 8, "above 0"),
    ],
)
def test_an_fpc_that_cannot_be_is_named(fpc, message):
    table = {**EIGHT, "n": np.array(fpc, dtype=float)}
    with pytest.raises(pc.errors.DesignError, match=message) as caught:
        pc.rate(table, "poor", design=pc.Design(strata="stratum", psu="area", fpc="n"))
    assert caught.value.argument == "fpc"


@pytest.mark.parametrize("name", ["stratum", "area"])
def test_a_missing_stratum_or_psu_is_an_error(name):
    table = pd.DataFrame(EIGHT).astype(object)
    table.loc[3, name] = None
    with pytest.raises(pc.errors.MissingValueError, match=rf"\[3\] is missing \(column '{name}'\)"):
        pc.rate(table.astype({"poor": int}), "poor", design=TWO_STRATA)


def test_contrasts_that_mean_nothing_are_refused():
    est = pc.rate(EIGHT, "poor", by="stratum", design=TWO_STRATA)
    with pytest.raises(pc.errors.OptionError, match="did you mean 'north'"):
        est.contrast({"norht": 1})
    with pytest.raises(pc.errors.LengthError, match="3 weights; expected 2"):
        est.contrast([1, -1, 0])
    two = pc.rate(
        {**EIGHT, "more": EIGHT["poor"]}, ["poor", "more"], by="stratum", design=TWO_STRATA
    )
    with pytest.raises(pc.errors.OptionError, match="2 rows have the keys"):
        two.contrast({"north": 1})
    assert two.contrast({("north", "poor"): 1, ("north", "more"): -1})["se"].tolist() == [0.0]
    printed = pc.Estimates.from_table(
        {"year": [1, 2], "rate": [0.1, 0.2], "se": [0.01, 0.01]}, "year", estimate="rate", se="se"
    )
    assert np.isnan(printed.contrast({1: 1, 2: -1})["se"][0])
    assert near(printed.contrast({1: 3})["se"][0], 0.03, 1e-15)
    mixed = pc.concat(
        [pc.rate(EIGHT, "poor", by="stratum", design=TWO_STRATA, standard=name) for name in "ab"]
    )
    with pytest.raises(pc.errors.ComparabilityError, match="a, b"):
        mixed.contrast([1, -1, 0, 0])
    assert len(mixed.contrast([1, -1, 0, 0], across_standards=True)) == 1
