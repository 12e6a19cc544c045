"""Estimates of a sample, their standard errors and covariances beside R's survey and convey.

Source of truth: tests/reference/synth_reference.json and small_reference.json, made by survey 4.5
and convey 1.0.1. The columns that R derived from synth_panel.csv are derived here anew.
"""

import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import povertycore as pc

FOLDER = Path(__file__).parent / "reference"


def read(name):
    return json.loads((FOLDER / f"{name}_reference.json").read_text(encoding="utf-8"))


SYNTH, SMALL = read("synth"), read("small")
CASES = {case["id"]: case for case in SYNTH["cases"]}
SMALL_CASES = {case["id"]: case for case in SMALL["cases"]}
CLOSE = 1e-10  # of the larger of the value and its inputs: the files have 14 digits
PERSONS = {"weight": "weight", "size": "hhsize", "strata": "stratum", "psu": "psu"}


def design(lonely="certainty", fpc=None, **words):
    return pc.Design(
        **PERSONS, **({"period": "year"} | words), lonely=lonely, fpc="npsu_frame" if fpc else None
    )


CERTAINTY = design()


@cache
def panel():
    """The panel, with R's derived columns: missing where consumption is."""
    hh = pd.read_csv(FOLDER / "synth_panel.csv")
    known = hh["cons"].notna()

    def where_known(values):
        return np.where(known, values, np.nan)

    hh["poor"] = where_known(hh["cons"] < hh["line"])
    hh["gap"] = hh["poor"] * (hh["line"] - hh["cons"]) / hh["line"]
    hh["gap2"] = hh["gap"] ** 2
    hh["watts"] = hh["poor"] * np.log(hh["line"] / hh["cons"])
    hh["ext"] = where_known(hh["cons"] < 0.6 * hh["line"])
    for b in (25, 50):
        normal = (hh["cons"] / hh["line"]) ** (b / 100)
        hh[f"chu{b}"] = hh["poor"] * (1 - normal) / (b / 100)
    hh["sf"] = hh["poor"] * (hh["line"] - hh["cons"])
    return hh


@cache
def waves(*years):
    """Households of the first year, with their poverty and gap in each; missing where not seen."""
    hh = panel()
    wide = hh[hh["year"] == years[0]].set_index("hhid")
    for t, year in enumerate(years):
        of_year = hh[hh["year"] == year].set_index("hhid")
        wide = wide.join(of_year[["poor", "gap"]].add_suffix(f"_{t}"))
    seen = wide[[f"poor_{t}" for t in range(len(years))]].notna().all(axis=1)
    return wide.assign(seen=seen).reset_index(drop=True)


class Found:
    """What we find for a case, in its order; parts of it that a case does not have are None."""

    def __init__(self, est, rows=None):
        rows = np.arange(len(est)) if rows is None else np.asarray(rows)
        self.estimate, self.se, self.df, self.deff = (
            est[name].to_numpy()[rows] for name in ("estimate", "se", "df", "deff")
        )
        self.cov = est.cov_of(rows)


def in_order_of(case, est, words):
    """The rows of a result in the order of the keys of a case; `words` writes the key of a row."""
    place = {words(row): i for i, row in est.to_frame().iterrows()}
    return Found(est, [place[key] for key in case["keys"]])


# --- each kind of case: what its id says, and what we find -------------------------------------


def fgt(year, lonely, fpc):
    def found(case):
        here = panel()["year"] == year
        return Found(pc.mean(panel(), case["keys"], where=here, design=design(lonely, fpc)))

    return found


def of_complete_rows(year, lonely, fpc):
    def found(case):
        data = panel()[(panel()["year"] == year) & panel()["cons"].notna()]
        return Found(pc.mean(data, case["keys"], design=design(lonely, fpc, period=None)))

    return found


def in_groups(year, lonely, fpc, by):
    def found(case):
        names = list(dict.fromkeys(key.split(":")[1] for key in case["keys"]))
        here = panel()["year"] == year
        est = pc.mean(panel(), names, by=by, where=here, design=design(lonely, fpc))
        return in_order_of(case, est, lambda row: f"{row[by]}:{row['variable']}")

    return found


def in_cells(year, lonely, fpc):
    def found(case):
        here = panel()["year"] == year
        words = {"where": here, "design": design(lonely, fpc)}
        est = pc.rate(panel(), "poor", by=["region", "urban"], **words)
        return in_order_of(case, est, lambda row: f"{row['region']}.{row['urban']}")

    return found


def totals(year, lonely, fpc):
    def found(case):
        here = panel()["year"] == year
        words = {"where": here, "design": design(lonely, fpc), "count": "persons"}
        return Found(pc.total(panel(), case["keys"], **words))

    return found


def income_gap_ratio(year, lonely, fpc):
    def found(case):
        here = panel()["year"] == year
        words = {"where": here, "design": design(lonely, fpc), "count": "persons"}
        return Found(pc.ratio(panel(), "gap", "poor", **words))

    return found


def of_households(year):
    def found(case):
        words = {name: column for name, column in PERSONS.items() if name != "size"}
        households = pc.Design(**words, period="year", lonely="certainty")
        here = panel()["year"] == year
        return Found(pc.mean(panel(), case["keys"], where=here, design=households))

    return found


def below_1300(year, alpha):
    def found(case):
        hh = panel()[(panel()["year"] == year) & panel()["cons"].notna()]
        score = (hh["cons"] < 1300) * ((1300 - hh["cons"]) / 1300) ** alpha
        return Found(pc.mean(hh, score.rename("score"), design=design(period=None)))

    return found


def by_year(name, *, fpc=None, **words):
    def found(case):
        return Found(pc.mean(panel(), name, by="year", design=design(fpc=fpc, **words)))

    return found


def by_year_and_region(fpc):
    def found(case):
        est = pc.rate(panel(), "poor", by=["year", "region"], design=design(fpc=fpc))
        return in_order_of(case, est, lambda row: f"{row['year']}.{row['region']}")

    return found


def contrast(weights, fpc):
    def found(case):
        est = pc.rate(panel(), "poor", by="year", design=design(fpc=fpc))
        return Found(est.contrast([float(w) for w in weights.split("_")]))

    return found


def joint(*years):
    def found(case):
        wide = waves(*years)
        states = ["poor_0", "poor_1"]
        text = wide[states].fillna(9).astype(int).astype(str).agg("".join, axis=1)
        text = text.where(wide["seen"]).rename("states")
        words = {"where": "seen", "design": design(period=None)}
        return Found(pc.rate(wide, text, **words))

    return found


def moved(first, last, *, from_poor):
    def found(case):
        wide = waves(first, last)
        here = wide["seen"] & (wide["poor_0"] == from_poor)
        moves = (wide["poor_1"] != from_poor).rename("moved")
        return Found(pc.rate(wide, moves, where=here, design=design(period=None)))

    return found


def mean_change(*years):
    def found(case):
        wide = waves(*years)
        columns = [(wide[f"{n}_1"] - wide[f"{n}_0"]).rename(n) for n in ("poor", "gap")]
        return Found(pc.mean(wide, columns, where="seen", design=design(period=None)))

    return found


def years_poor(case):
    wide = waves(2020, 2021, 2022)
    n = (wide["poor_0"] + wide["poor_1"] + wide["poor_2"]).fillna(9).astype(int).astype(str)
    words = {"where": "seen", "design": design(period=None)}
    return Found(pc.rate(wide, n.where(wide["seen"]).rename("n"), **words))


def at_other_lines(case):
    hh = panel()
    lines = [800, 1000, 1200, 1400, 1600, 2000]
    below = [
        pd.Series(np.where(hh["cons"].notna(), hh["cons"] < z, np.nan), name=str(z)) for z in lines
    ]
    est = pc.rate(hh, below, by="year", design=CERTAINTY)
    return Found(est, np.flatnonzero(est["year"].isin([2020, 2022])))


def targeting(case):
    hh = panel()[panel()["year"] == 2021]
    benefit = (hh["income"] < 1200).rename("benefit")
    words = {"design": design(period=None)}
    known = hh["cons"].notna()
    coverage = pc.rate(hh, benefit, where=known & (hh["poor"] == 1), **words)
    none = pc.rate(hh, (~benefit).rename("none"), where=known & (hh["poor"] == 1), **words)
    leakage = pc.rate(hh, (hh["poor"] == 0).rename("not"), where=known & benefit, **words)
    parts = [Found(est) for est in (coverage, none, leakage)]
    found = parts[0]
    found.estimate = np.concatenate([part.estimate for part in parts])
    found.se = np.concatenate([part.se for part in parts])
    return found


def two_of_fgt(year):
    def found(case):
        here = panel()["year"] == year
        return Found(pc.mean(panel(), ["poor", "gap"], where=here, design=CERTAINTY))

    return found


HOW = r"synth/(\d{4})/(certainty|average|adjust)(/fpc)?/"
YEAR = r"synth/(\d{4})/"
KINDS = {
    HOW + "fgt": lambda y, *how: fgt(int(y), *how),
    HOW + "fgt_rows_dropped": lambda y, *how: of_complete_rows(int(y), *how),
    HOW + "totals": lambda y, *how: totals(int(y), *how),
    HOW + "income_gap_ratio": lambda y, *how: income_gap_ratio(int(y), *how),
    HOW + "by_(region|urban|ethnic|female)": lambda y, *how: in_groups(int(y), *how),
    HOW + "by_region_urban": lambda y, *how: in_cells(int(y), *how),
    YEAR + "hhweights": lambda y: of_households(int(y)),
    YEAR + "cv_fgt([012])_abs1300": lambda y, alpha: below_1300(int(y), int(alpha)),
    YEAR + "deff": lambda y: two_of_fgt(int(y)),
    r"synth/change/stacked_(poor|gap)(/fpc)?": lambda name, fpc: by_year(name, fpc=fpc),
    r"synth/change/independent_poor": lambda: by_year("poor", waves="independent"),
    r"synth/change/stacked_poor_region(/fpc)?": by_year_and_region,
    r"synth/change/contrast_([-_01]+)(/fpc)?": contrast,
    r"synth/panel/(\d{4})_(\d{4})/joint": lambda a, b: joint(int(a), int(b)),
    r"synth/panel/(\d{4})_(\d{4})/entry_rate": lambda a, b: moved(int(a), int(b), from_poor=0),
    r"synth/panel/(\d{4})_(\d{4})/exit_rate": lambda a, b: moved(int(a), int(b), from_poor=1),
    r"synth/panel/(\d{4})_(\d{4})/mean_change": lambda a, b: mean_change(int(a), int(b)),
    r"synth/panel3/years_poor": lambda: years_poor,
    r"synth/dominance/2020_2022": lambda: at_other_lines,
    r"synth/targeting/2021": lambda: targeting,
}


@cache
def found_for(name):
    """What we find for a case."""
    (kind,) = [
        make(*match.groups())
        for pattern, make in KINDS.items()
        if (match := re.fullmatch(pattern, name))
    ]
    return kind(CASES[name])


def lonely_only(case):
    """Rows in a stratum of one PSU only, the islands: R prints 0 or rounding noise as their SE."""
    keys = case.get("keys", [""] * len(case["estimate"]))
    return np.array(["Islands" in str(key) for key in keys])


def having(part):
    return [name for name, case in CASES.items() if case.get(part) is not None]


@pytest.mark.parametrize("name", CASES)
def test_points_agree_with_r(name):
    found, expected = found_for(name).estimate, np.array(CASES[name]["estimate"])
    assert found.shape == expected.shape
    # Inputs of fractions and their changes are of the size of 1; a total is its own scale.
    scale = np.maximum(np.abs(expected), 0.0 if name.endswith("totals") else 1.0)
    assert (np.abs(found - expected) <= CLOSE * scale).all(), (found - expected) / scale


@pytest.mark.parametrize("name", having("se"))
def test_standard_errors_agree_with_r(name):
    found, expected = found_for(name).se, np.array(CASES[name]["se"], dtype=float)
    alone = lonely_only(CASES[name])
    np.testing.assert_allclose(found[~alone], expected[~alone], rtol=CLOSE)
    assert np.isnan(found[alone]).all()


# R scales each covariance under `average` as if both rows lay in the same strata (README).
@pytest.mark.parametrize("name", [name for name in having("vcov") if "region" not in name])
def test_covariances_agree_with_r(name):
    found, expected = found_for(name).cov, np.array(CASES[name]["vcov"])
    size = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert (np.abs(found - expected) <= 2 * CLOSE * size).all()


@pytest.mark.parametrize("name", [name for name in having("vcov") if "region" in name])
def test_covariances_of_domains_agree_with_r(name):
    keep = np.flatnonzero(~lonely_only(CASES[name]))
    found = found_for(name).cov[np.ix_(keep, keep)]
    expected = np.array(CASES[name]["vcov"])[np.ix_(keep, keep)]
    size = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert len(keep) == 12
    assert (np.abs(found - expected) <= 2 * CLOSE * size).all()


@pytest.mark.parametrize("name", having("df"))
def test_degrees_of_freedom_agree_with_r(name):
    assert found_for(name).df.tolist() == [CASES[name]["df"]] * len(CASES[name]["estimate"])


@pytest.mark.parametrize("name", having("deff"))
def test_design_effects_agree_with_r(name):
    np.testing.assert_allclose(found_for(name).deff, CASES[name]["deff"], rtol=CLOSE)


# --- designs of survey's documentation ---------------------------------------------------------

LONELY = {"remove": "certainty", "average": "average", "adjust": "adjust"}


def small_fpc(case, fpc, total):
    how = pc.Design(weight="weight", strata="stratid", psu="psuid", fpc="Nh" if fpc else None)
    return (pc.total if total else pc.mean)(case["rows"], "x", design=how)


def small_mu284(case, verb):
    # the weights follow from the two sampling fractions: 50/5 areas, n2/3 places in each
    rows = {**case["rows"], "w": 10 * np.array(case["rows"]["n2"]) / 3}
    how = pc.Design(weight="w", psu="id1", ssu="id2", fpc="n1", fpc2="n2")
    return getattr(pc, verb)(rows, "y1", design=how)


def small_domain(case, word, adjusts):
    how = pc.Design(
        weight="w", strata="s", psu="p", lonely_domain=LONELY[word] if adjusts == "TRUE" else None
    )
    return pc.mean(case["rows"], "y", where="dom", design=how)


SMALL_KINDS = {
    r"small/fpc/withfpc(/total)?": lambda case, total: small_fpc(case, True, total),
    r"small/fpc/nofpc(/total)?": lambda case, total: small_fpc(case, False, total),
    r"small/mu284/(total|mean)": small_mu284,
    r"small/scd/taylor_ratio": lambda case: pc.ratio(
        case["rows"], "alive", "arrests", design=pc.Design(strata="ESA", psu="ambulance")
    ),
    r"small/hospital/total": lambda case: pc.total(
        case["rows"],
        "births",
        design=pc.Design(weight="weighta", strata="oblevel", fpc="tothosp"),
    ),
    r"small/domain_lonely/(\w+)/adjust_domain_(TRUE|FALSE)": small_domain,
}


@pytest.mark.parametrize("name", SMALL_CASES)
def test_small_designs_agree_with_r(name):
    case = SMALL_CASES[name]
    ((make, words),) = [
        (make, match.groups())
        for pattern, make in SMALL_KINDS.items()
        if (match := re.fullmatch(pattern, name))
    ]
    est = make(case, *words)
    np.testing.assert_allclose(est["estimate"], case["estimate"], rtol=CLOSE)
    np.testing.assert_allclose(est["se"], case["se"], rtol=CLOSE)
    if "df" in case:
        assert est["df"].tolist() == [case["df"]]


# --- what is not here ----------------------------------------------------------------------------


@pytest.mark.parametrize(("file", "n"), [(SYNTH, 298), (SMALL, 23)])
def test_every_case_is_here_or_left_out_with_a_reason(file, n):
    here = [case["id"] for case in file["cases"]]
    left_out = [name for group in file["left_out"] for name in group["ids"]]
    assert len(set(left_out)) == len(left_out) == file["n_left_out"]
    assert len(set(here)) == len(here) == file["n_cases"]
    assert len(here) + len(left_out) == n
    assert set(here).isdisjoint(left_out)
    assert all(group["why"] for group in file["left_out"])
