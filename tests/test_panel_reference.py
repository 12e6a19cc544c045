"""Transitions, years poor and chronic poverty of a sample are those of R.

Source of truth: tests/reference/panel_reference.json, made by survey 4.5 on
tests/reference/synth_panel.csv.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import povertycore as pc

FOLDER = Path(__file__).parent / "reference"
REFERENCE = json.loads((FOLDER / "panel_reference.json").read_text(encoding="utf-8"))
CASES = {case["id"]: case for case in REFERENCE["cases"]}
PAIRS = [case for case in CASES if "/panel/" in case]
CLOSE = 1e-9
DESIGN = pc.Design(weight="weight", size="hhsize", strata="stratum", psu="psu", lonely="certainty")
WORDS = {"id": "hhid", "time": "year", "design": DESIGN}


@cache
def panel():
    hh = pd.read_csv(FOLDER / "synth_panel.csv")
    poor = (hh["cons"] < hh["line"]).astype("Int8")
    return hh.assign(poor=poor.mask(hh["cons"].isna()))


def expect(est, case):
    assert np.allclose(est["estimate"], case["estimate"], rtol=CLOSE, atol=0)
    assert np.allclose(est["se"], case["se"], rtol=CLOSE, atol=0)
    if "vcov" in case:
        scale = np.outer(case["se"], case["se"])
        assert (np.abs(est.cov - case["vcov"]) <= CLOSE * scale).all()


def test_every_case_is_looked_at():
    assert len(PAIRS) == 9
    assert len(CASES) == REFERENCE["n_cases"] == 11


@pytest.mark.parametrize("name", [name for name in PAIRS if "joint" not in name])
@pytest.mark.parametrize("as_waves", [False, True])
def test_entry_and_exit_rates(name, as_waves):
    _, _, years, measure = name.split("/")
    hh, years = panel(), [int(year) for year in years.split("_")]
    waves = {year: hh[hh["year"] == year] for year in years}
    data = waves if as_waves else pd.concat(waves.values())
    est = pc.transitions(data, "poor", **WORDS)
    states = {"entry_rate": {"poor_to": "1"}, "exit_rate": {"poor_from": "1"}}[measure]
    expect(est.select(measure=measure, **states), CASES[name])


@pytest.mark.parametrize("name", [name for name in PAIRS if "joint" in name])
def test_shares_of_both_states_together(name):
    hh, years = panel(), [int(year) for year in name.split("/")[2].split("_")]
    est = pc.transitions(hh[hh["year"].isin(years)], "poor", measures="count", **WORDS)
    known = est.select(poor_from=["0", "1"], poor_to=["0", "1"])
    share = known["estimate"] / known["estimate"].sum()
    assert np.allclose(share, CASES[name]["estimate"], rtol=CLOSE, atol=0)


def test_consecutive_pairs_of_one_file_are_those_of_two():
    est = pc.transitions(panel(), "poor", measures="exit_rate", **WORDS)
    for years in ("2020_2021", "2021_2022"):
        own = est.select(poor_from="1", year_from=int(years[:4]))
        expect(own, CASES[f"synth/panel/{years}/exit_rate"])


def test_years_poor():
    est = pc.spells(panel(), "poor", measures="years_poor", **WORDS)
    expect(est, CASES["synth/panel3/years_poor"])


def test_chronic_and_transient_poverty():
    measures = ["squared_gap", "chronic", "transient"]
    est = pc.chronic(panel(), "cons", "line", measures=measures, **WORDS)
    expect(est, CASES["synth/panel3/jalan_ravallion"])
