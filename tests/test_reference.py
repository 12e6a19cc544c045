"""Rates, totals, means, ratios and their changes beside R's survey and convey.

Source of truth: tests/reference/synth_reference.json, made by survey 4.5 and convey 1.0.1 on
tests/reference/synth_panel.csv. The columns that R derived from the file are derived here anew.
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
REFERENCE = json.loads((FOLDER / "synth_reference.json").read_text(encoding="utf-8"))
CASES = {case["id"]: case for case in REFERENCE["cases"]}
PERSONS = pc.Design(weight="weight", size="hhsize")
HOUSEHOLDS = pc.Design(weight="weight")
CLOSE = 1e-10  # of the larger of the value and its inputs: the file has 14 digits


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


def waves(*years):
    """One row per household: its poverty and gap in each year, weight and size of the first."""
    hh = panel()
    wide = hh[hh["year"] == years[0]].set_index("hhid")[["weight", "hhsize"]]
    for t, year in enumerate(years):
        of_year = hh[hh["year"] == year].set_index("hhid")
        wide = wide.join(of_year[["poor", "gap"]].add_suffix(f"_{t}"))
    return wide.dropna().reset_index(drop=True)


def averages(names, data, **words):
    """Rates of what is 0/1, means of the rest, in the order of the names: groups within names."""
    return np.concatenate(
        [
            (pc.rate if name in ("poor", "ext") else pc.mean)(data, name, **words)["estimate"]
            for name in names
        ]
    )


# --- each kind of case: what its id says, and the points that we find --------------------------


def fgt(year, design=PERSONS):
    def found(case):
        return averages(case["keys"], panel(), where=panel()["year"] == year, design=design)

    return found


def of_complete_rows(year):
    def found(case):
        data = panel()[(panel()["year"] == year) & panel()["cons"].notna()]
        return averages(case["keys"], data, design=PERSONS)

    return found


def in_groups(year, by):
    def found(case):
        names = list(dict.fromkeys(key.split(":")[1] for key in case["keys"]))
        here = panel()["year"] == year
        return averages(names, panel(), by=by, where=here, design=PERSONS)

    return found


def in_cells(year):
    def found(case):
        here = panel()["year"] == year
        est = pc.rate(panel(), "poor", by=["region", "urban"], where=here, design=PERSONS)
        names = est["region"] + "." + est["urban"].astype(str)
        by_name = dict(zip(names, est["estimate"], strict=True))
        return [by_name[key] for key in case["keys"]]

    return found


def totals(year):
    def found(case):
        here = panel()["year"] == year
        est = pc.total(panel(), case["keys"], where=here, design=PERSONS, count="persons")
        return est["estimate"]

    return found


def income_gap_ratio(year):
    def found(case):
        here = panel()["year"] == year
        est = pc.ratio(panel(), "gap", "poor", where=here, design=PERSONS, count="persons")
        return est["estimate"]

    return found


def below_1300(year, alpha):
    def found(case):
        hh = panel()
        below = np.where(hh["cons"].notna(), hh["cons"] < 1300, np.nan)
        score = below if alpha == 0 else below * ((1300 - hh["cons"]) / 1300) ** alpha
        words = {"where": hh["year"] == year, "design": PERSONS}
        return (pc.mean if alpha else pc.rate)(hh, score, **words)["estimate"]

    return found


def by_year(name):
    return lambda case: averages([name], panel(), by="year", design=PERSONS)


def by_year_and_region(case):
    est = pc.rate(panel(), "poor", by=["year", "region"], design=PERSONS)
    by_name = dict(zip(zip(est["year"], est["region"], strict=True), est["estimate"], strict=True))
    return [by_name[int(key[:4]), key[5:]] for key in case["keys"]]


def change(first, last):
    def found(case):
        est = pc.rate(panel(), "poor", by="year", design=PERSONS).select(year=[first, last])
        return pc.change(est, time="year")["estimate"]

    return found


def joint(*years):
    def found(case):
        wide = waves(*years)
        states = wide["poor_0"].astype(int).astype(str) + wide["poor_1"].astype(int).astype(str)
        return pc.rate(wide.assign(states=states), "states", design=PERSONS)["estimate"]

    return found


def moved(first, last, *, from_poor):
    def found(case):
        wide = waves(first, last)
        here = wide["poor_0"] == from_poor
        return pc.rate(wide, wide["poor_1"] != from_poor, where=here, design=PERSONS)["estimate"]

    return found


def mean_change(*years):
    def found(case):
        wide = waves(*years)
        differences = [(wide[f"{name}_1"] - wide[f"{name}_0"]) for name in ("poor", "gap")]
        columns = [d.rename(name) for d, name in zip(differences, ("poor", "gap"), strict=True)]
        return pc.mean(wide, columns, design=PERSONS)["estimate"]

    return found


def years_poor(case):
    wide = waves(2020, 2021, 2022)
    n = (wide["poor_0"] + wide["poor_1"] + wide["poor_2"]).astype(int).astype(str)
    return pc.rate(wide.assign(n=n), "n", design=PERSONS)["estimate"]


def at_other_lines(case):
    hh = panel()
    lines = [800, 1000, 1200, 1400, 1600, 2000]
    below = [
        pd.Series(np.where(hh["cons"].notna(), hh["cons"] < z, np.nan), name=str(z)) for z in lines
    ]
    est = pc.rate(hh, below, by="year", design=PERSONS)
    return est.select(year=2020)["estimate"].tolist() + est.select(year=2022)["estimate"].tolist()


def targeting(case):
    hh = panel()[(panel()["year"] == 2021) & panel()["cons"].notna()]
    hh = hh.assign(benefit=hh["income"] < 1200)
    (coverage,) = pc.rate(hh, "benefit", where="poor", design=PERSONS)["estimate"]
    (leakage,) = pc.rate(hh, hh["poor"] == 0, where="benefit", design=PERSONS)["estimate"]
    return [coverage, 1 - coverage, leakage]


def two_of_fgt(year):
    return lambda case: averages(["poor", "gap"], panel()[panel()["year"] == year], design=PERSONS)


YEAR = r"synth/(\d{4})/"
KINDS = {
    YEAR + "certainty/fgt": lambda y: fgt(int(y)),
    YEAR + "certainty/fgt_rows_dropped": lambda y: of_complete_rows(int(y)),
    YEAR + "certainty/totals": lambda y: totals(int(y)),
    YEAR + "certainty/income_gap_ratio": lambda y: income_gap_ratio(int(y)),
    YEAR + "certainty/by_(region|urban|ethnic|female)": lambda y, by: in_groups(int(y), by),
    YEAR + "certainty/by_region_urban": lambda y: in_cells(int(y)),
    YEAR + "hhweights": lambda y: fgt(int(y), HOUSEHOLDS),
    YEAR + "cv_fgt([012])_abs1300": lambda y, alpha: below_1300(int(y), int(alpha)),
    YEAR + "deff": lambda y: two_of_fgt(int(y)),
    r"synth/change/stacked_(poor|gap)": by_year,
    r"synth/change/stacked_poor_region": lambda: by_year_and_region,
    r"synth/change/contrast_-1_1_0": lambda: change(2020, 2021),
    r"synth/change/contrast_0_-1_1": lambda: change(2021, 2022),
    r"synth/change/contrast_-1_0_1": lambda: change(2020, 2022),
    r"synth/panel/(\d{4})_(\d{4})/joint": lambda a, b: joint(int(a), int(b)),
    r"synth/panel/(\d{4})_(\d{4})/entry_rate": lambda a, b: moved(int(a), int(b), from_poor=0),
    r"synth/panel/(\d{4})_(\d{4})/exit_rate": lambda a, b: moved(int(a), int(b), from_poor=1),
    r"synth/panel/(\d{4})_(\d{4})/mean_change": lambda a, b: mean_change(int(a), int(b)),
    r"synth/panel3/years_poor": lambda: years_poor,
    r"synth/dominance/2020_2022": lambda: at_other_lines,
    r"synth/targeting/2021": lambda: targeting,
}


def points_of(name):
    """The points that we find for a case."""
    (kind,) = [
        make(*match.groups())
        for pattern, make in KINDS.items()
        if (match := re.fullmatch(pattern, name))
    ]
    return np.asarray(kind(CASES[name]))


@pytest.mark.parametrize("name", CASES)
def test_points_agree_with_r(name):
    found, expected = points_of(name), np.array(CASES[name]["estimate"])
    assert found.shape == expected.shape
    # Inputs of fractions and their changes are of the size of 1; a total is its own scale.
    scale = np.maximum(np.abs(expected), 0.0 if name.endswith("totals") else 1.0)
    assert (np.abs(found - expected) <= CLOSE * scale).all(), (found - expected) / scale


def test_every_case_is_here_or_left_out_with_a_reason():
    left_out = [name for group in REFERENCE["left_out"] for name in group["ids"]]
    assert len(set(left_out)) == len(left_out) == REFERENCE["n_left_out"]
    assert len(CASES) == REFERENCE["n_cases"]
    assert len(CASES) + len(left_out) == 298
    assert set(CASES).isdisjoint(left_out)
    assert all(group["why"] for group in REFERENCE["left_out"])
