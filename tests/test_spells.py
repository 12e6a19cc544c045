"""Years poor, spells, persistence; chronic and transient poverty.

Source of truth: arithmetic in comments, and tests/oracles/panel.py, household by household.
"""

import numpy as np
import pandas as pd
import pytest

import povertycore as pc
from oracles.panel import chronic_and_transient, histories, n_spells

YEARS = (2019, 2020, 2021, 2022)


def panel(n=300, seed=1):
    """A long panel with gaps, weights and missing values."""
    rng = np.random.default_rng(seed)
    frames = []
    for year in YEARS:
        there = np.flatnonzero(rng.random(n) < 0.9)
        poor = pd.array(rng.integers(0, 2, len(there)), dtype="Int8")
        poor[rng.random(len(there)) < 0.02] = pd.NA
        frames.append(
            pd.DataFrame(
                {
                    "hh": rng.permutation(there),
                    "year": year,
                    "poor": poor,
                    "y": rng.uniform(-10, 200, len(there)),
                    "z": rng.uniform(80, 120, len(there)),
                    "w": rng.uniform(1, 2, len(there)),
                    "region": rng.choice(["n", "s"], len(there)),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def periods_of(hh, value):
    """The panel as the oracle takes it."""
    return [
        {
            row.hh: {"state": value(row), "w": row.w, "region": row.region}
            for row in hh[hh["year"] == year].itertuples()
        }
        for year in YEARS
    ]


def weighted(pairs):
    """Mean of (weight, value)."""
    return sum(w * x for w, x in pairs) / sum(w for w, _ in pairs)


# --- worked example -------------------------------------------------------------------------------


def test_three_histories_on_paper():
    # 0 0 0, 1 0 0, 1 0 1: one, none and two spells ... persistence: none of 1 + 1 poor stayed poor
    table = {"hh": [1, 2, 3] * 3, "year": [2020] * 3 + [2021] * 3 + [2022] * 3,
             "poor": [0, 1, 1, 0, 0, 0, 0, 0, 1]}  # fmt: skip
    est = pc.spells(table, "poor", id="hh", time="year")
    found = est.to_frame().set_index("measure")["estimate"]
    assert found["ever_poor"] == pytest.approx(2 / 3)
    assert found["always_poor"] == 0
    assert found["years_poor"].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])
    assert found["mean_years_poor"] == 1
    assert found["persistence"] == 0
    assert found["spells"] == 1
    assert found["spell_length"] == 1
    assert est["note"][0].startswith("3 of 3 rows of 2020 are in all 3 periods")


def test_a_household_poor_once_and_one_poor_twice_on_paper():
    # ratios 1/2, 1 and 1/2, 1/2: squared gap (1/8 + 1/4)/2, chronic (1/16 + 1/4)/2
    table = {"hh": [1, 2, 1, 2], "year": [2020, 2020, 2021, 2021], "y": [50, 50, 100, 50]}
    est = pc.chronic(table, "y", 100, id="hh", time="year")
    assert est["estimate"].tolist() == pytest.approx([0.1875, 0.15625, 0.03125, 5 / 6])
    assert est["measure"].tolist() == ["squared_gap", "chronic", "transient", "chronic_share"]


# --- oracle ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_waves", [False, True])
def test_years_and_spells_are_those_of_each_history(as_waves):
    hh = panel()
    data = {y: hh[hh["year"] == y] for y in YEARS} if as_waves else hh
    design = pc.Design(weight="w")
    est = pc.spells(data, "poor", id="hh", time="year", by="region", design=design)
    periods = periods_of(hh, lambda row: None if row.poor is pd.NA else int(row.poor))
    everyone = list(histories(periods))
    n_missing = {"n": 0, "s": 0}
    by_region = {"n": [], "s": []}
    for first, states in everyone:
        if None in states:
            n_missing[first["region"]] += 1
        else:
            by_region[first["region"]].append((first["w"], states))
    assert sum(n_missing.values()) > 0
    for region, known in by_region.items():
        expected = {
            ("ever_poor", None): weighted([(w, any(s)) for w, s in known]),
            ("always_poor", None): weighted([(w, all(s)) for w, s in known]),
            ("mean_years_poor", None): weighted([(w, sum(s)) for w, s in known]),
            ("spells", None): weighted([(w, n_spells(s)) for w, s in known]),
            ("spell_length", None): sum(w * sum(s) for w, s in known)
            / sum(w * n_spells(s) for w, s in known),
            ("persistence", None): sum(w * sum(s[t] * s[t + 1] for t in range(3)) for w, s in known)
            / sum(w * sum(s[:3]) for w, s in known),
        } | {("years_poor", n): weighted([(w, sum(s) == n) for w, s in known]) for n in range(5)}
        rows = est.select(region=region).to_frame()
        assert len(rows) == len(expected)
        for row in rows.itertuples():
            years = None if np.isnan(row.years) else row.years
            assert row.estimate == pytest.approx(expected[row.measure, years], rel=1e-12)
            assert (row.n_obs, row.n_missing) == (len(known), n_missing[region])


@pytest.mark.parametrize("line", [100, "z", {2019: 90, 2020: 95, 2021: 100, 2022: 105}])
def test_chronic_and_transient_are_those_of_each_household(line):
    hh = panel(seed=2)

    def ratio(row):
        z = line[row.year] if isinstance(line, dict) else row.z if line == "z" else line
        return row.y / z

    est = pc.chronic(hh, "y", line, id="hh", time="year", design=pc.Design(weight="w"))
    parts = [
        (first["w"], chronic_and_transient(ratios))
        for first, ratios in histories(periods_of(hh, ratio))
    ]
    expected = [weighted([(w, part[k]) for w, part in parts]) for k in range(3)]
    expected.append(expected[1] / expected[0])
    assert est["estimate"].tolist() == pytest.approx(expected, rel=1e-12)


def test_histories_are_profiles_over_the_periods():
    hh = panel(seed=8)
    design = pc.Design(weight="w")
    found = pc.histories(hh, "poor", id="hh", time="year", by="region", design=design)
    twice = found.multidim(k="1/2", measures="H").to_frame().set_index("region")["estimate"]
    est = pc.spells(hh, "poor", id="hh", time="year", by="region", design=design)
    years = est.select(measure="years_poor").to_frame()
    expected = years[years["years"] >= 2].groupby("region")["estimate"].sum()
    for region in ("n", "s"):
        assert twice[region] == pytest.approx(expected[region], rel=1e-12)


# --- properties -----------------------------------------------------------------------------------


def test_shares_by_years_sum_to_one_and_chronic_and_transient_to_the_squared_gap():
    hh = panel(seed=3)
    est = pc.spells(hh, "poor", id="hh", time="year", by="region")
    years = est.select(measure="years_poor").to_frame()
    assert np.allclose(years.groupby("region")["estimate"].sum(), 1)
    total, lasting, passing = pc.chronic(hh, "y", "z", id="hh", time="year")["estimate"][:3]
    assert lasting + passing == pytest.approx(total)
    assert passing > 0


def test_order_of_rows_is_irrelevant():
    hh = panel(seed=4)
    est = pc.spells(hh, "poor", id="hh", time="year")
    other = pc.spells(hh.sample(frac=1, random_state=0), "poor", id="hh", time="year")
    assert np.array_equal(est["estimate"], other["estimate"])


def test_named_states_count_as_poor():
    hh = panel(seed=5)
    hh["status"] = hh["poor"].map({0: "other", 1: "poor"}).astype(object)
    hh.loc[::7, "status"] = "near_poor"
    poor = pc.spells(hh, "status", id="hh", time="year", measures="ever_poor")
    both = pc.spells(hh, "status", poor=["poor", "near_poor"], id="hh", time="year",
                     measures="ever_poor")  # fmt: skip
    assert 0 < poor["estimate"][0] < both["estimate"][0] <= 1


def test_a_domain_is_that_of_the_first_period():
    hh = panel(seed=6)
    hh["north"] = hh["region"] == "n"
    whole = pc.spells(hh, "poor", id="hh", time="year", by="region").select(region="n")
    part = pc.spells(hh, "poor", id="hh", time="year", where="north")
    assert part["estimate"].tolist() == whole["estimate"].tolist()


# --- edges and errors -----------------------------------------------------------------------------


def test_nobody_in_every_period_gives_missing_figures():
    table = {"hh": [1, 2], "year": [2020, 2021], "poor": [0, 1]}
    est = pc.spells(table, "poor", id="hh", time="year")
    assert est["estimate"].isna().all()
    assert est["note"][0].startswith("no rows in the domain")


def test_a_wrong_word_is_named():
    hh = panel(seed=7)
    words = {"id": "hh", "time": "year"}
    with pytest.raises(pc.errors.OptionError, match="measures must be"):
        pc.spells(hh, "poor", measures="years", **words)
    with pytest.raises(pc.errors.OptionError, match="count as poor"):
        pc.spells(hh, "region", **words)
    with pytest.raises(pc.errors.OptionError, match="poor must be"):
        pc.spells(hh, "region", poor="x", **words)
    with pytest.raises(pc.errors.ValueRangeError, match="line"):
        pc.chronic(hh, "y", 0, **words)
    with pytest.raises(pc.errors.OptionError, match="no entry for period 2020"):
        pc.chronic(hh, "y", {2019: 1}, **words)
    with pytest.raises(pc.errors.DTypeError, match="not numbers"):
        pc.chronic(hh, "region", 1, **words)


@pytest.mark.parametrize("line", [None, [100, 100], {2020: "a", 2021: 1}])
def test_a_line_that_is_none_is_named(line):
    table = {"hh": [1, 1], "year": [2020, 2021], "y": [50.0, 100.0]}
    with pytest.raises(pc.errors.OptionError, match="line must be a number, the name of a column"):
        pc.chronic(table, "y", line, id="hh", time="year")
