"""Monetary poverty and its standard errors beside R's survey and convey, and the World Bank's code.

Source of truth: tests/reference/fgt_reference.json, made by survey 4.5, convey 1.0.1 and wbpip on
tests/reference/synth_panel.csv.
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
REFERENCE = json.loads((FOLDER / "fgt_reference.json").read_text(encoding="utf-8"))
CASES = {case["id"]: case for case in REFERENCE["cases"]}
CLOSE = 1e-9  # of the larger of the value and its inputs: the file has 14 digits
MEASURES = {  # the reference's word: ours, its alpha or b, and the line
    "poor": ("headcount", 0.0, "line"),
    "gap": ("gap", 1.0, "line"),
    "gap2": ("severity", 2.0, "line"),
    "watts": ("watts", None, "line"),
    "ext": ("headcount", 0.0, "deep"),
    "chu25": ("chu", 0.25, "line"),
    "chu50": ("chu", 0.5, "line"),
    "sf": ("total_shortfall", None, "line"),
    "n_poor": ("n_poor", None, "line"),
    "igr": ("income_gap_ratio", None, "line"),
    "headcount": ("headcount", 0.0, "line"),
    "poverty_gap": ("gap", 1.0, "line"),
    "poverty_severity": ("severity", 2.0, "line"),
}


@cache
def panel():
    hh = pd.read_csv(FOLDER / "synth_panel.csv")
    hh["deep"] = 0.6 * hh["line"]  # the line of the extremely poor
    return hh


def design_of(name):
    """The design that the id of a case says."""
    lonely = re.search("certainty|average|adjust", name)
    return pc.Design(
        weight="weight",
        size=None if "hhweights" in name else "hhsize",
        strata="stratum",
        psu="psu",
        fpc="npsu_frame" if "/fpc" in name else None,
        period="year",
        lonely=lonely.group() if lonely else "certainty",
    )


def table_of(name, line):
    """Every measure of the reference at once, in one pass, at a line and at the deeper one."""
    year = int(re.search(r"\d{4}", name).group())
    data = panel()
    if re.search("rows_dropped|/cv_|_pip/", name):
        data = data[data["cons"].notna()]
    return pc.fgt(
        data,
        "cons",
        line=[line, "deep"],
        by=name.rsplit("by_", 1)[1] if "by_" in name else None,
        where=data["year"] == year,
        design=design_of(name),
        count="households" if "hhweights" in name else "persons",
        alpha=[0, 1, 2],
        measures=["watts", "chu", "n_poor", "total_shortfall", "income_gap_ratio"],
        b=[0.25, 0.5],
    )


def keys_of(case):
    """What each number of a case is: a word of the reference, after the label of a group if any."""
    name = case["id"]
    if name.endswith("income_gap_ratio"):
        return ["igr"]
    if name.endswith("totals"):
        return ["n_poor", "sf"]
    if "/cv_" in name:
        return [{"fgt0": "poor", "fgt1": "gap", "fgt2": "gap2"}.get(name[14:18], "watts")]
    return case.get("keys", ["poor", "gap", "gap2"][: len(case["estimate"])])


def found(case):
    """Our rows for a case: (estimates, rows)."""
    name = case["id"]
    number = re.search(r"(?:abs|pov_)(\d+)", name)
    line = "line" if number is None else float(number.group(1))
    est = table_of(name, line)
    return est, np.array([row_of(est, *key.rpartition(":")[::2], line) for key in keys_of(case)])


def row_of(est, group, word, line):
    measure, parameter, own_line = MEASURES[word]
    line = own_line if own_line == "deep" else line
    here = (est["measure"] == measure) & (
        est["line"] == (line if isinstance(line, str) else f"{line:g}")
    )
    if parameter is not None:
        here &= est["alpha"] == parameter
    if group:
        here &= est[est.key_names[0]].astype(str) == group
    (row,) = np.flatnonzero(here)
    return row


def is_matched(case):
    """Which numbers are to be matched: the Islands are a lonely stratum, where R prints 0 or NA."""
    return np.array(["Islands" not in key for key in keys_of(case)])


def assert_close(found, expected, scale):
    scale = np.maximum(np.abs(expected), scale)
    assert (np.abs(found - expected) <= CLOSE * scale).all(), (found - expected) / scale


@pytest.mark.parametrize("name", CASES)
def test_points_agree_with_other_software(name):
    est, rows = found(CASES[name])
    # Fractions are of the size of 1; a total is its own scale.
    scale = 0.0 if name.endswith("totals") else 1.0
    assert_close(est["estimate"].to_numpy()[rows], np.array(CASES[name]["estimate"]), scale)


@pytest.mark.parametrize("name", [name for name in CASES if "se" in CASES[name]])
def test_standard_errors_agree_with_r(name):
    case = CASES[name]
    est, rows = found(case)
    matched = is_matched(case)
    expected = np.array(case["se"], dtype=float)[matched]
    assert_close(est["se"].to_numpy()[rows[matched]], expected, 0.0)


@pytest.mark.parametrize("name", [name for name in CASES if "vcov" in CASES[name]])
def test_covariances_between_measures_and_lines_agree_with_r(name):
    est, rows = found(CASES[name])
    expected = np.array(CASES[name]["vcov"])
    sizes = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert_close(est.cov_of(rows), expected, sizes)


@pytest.mark.parametrize("name", [name for name in CASES if "deff" in CASES[name]])
def test_design_effects_agree_with_r(name):
    est, rows = found(CASES[name])
    assert_close(est["deff"].to_numpy()[rows], np.array(CASES[name]["deff"]), 0.0)


def test_the_islands_lie_in_a_lonely_stratum_and_have_no_standard_error():
    est = table_of("synth/2021/certainty/by_region", "line")
    islands = est.select(region="Islands")
    assert islands["se"].isna().all()
    assert islands["note"].astype(str).str.contains("one PSU").all()
    assert est.select(region="North")["se"].notna().all()


def test_every_kind_of_case_is_there():
    assert len(CASES) == REFERENCE["n_cases"] == 129
    for kind in ("certainty", "average", "adjust", "fpc", "cv_watts", "deff", "hhweights", "_pip"):
        assert sum(kind in name for name in CASES) >= 3, kind
