"""Moves of the same households from state to state.

Source of truth: arithmetic in comments, and tests/oracles/panel.py, which matches in a dictionary.
"""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

import povertycore as pc
from oracles.panel import ABSENT, rates, transition_weights

STATES = ["poor", "near_poor", "other"]


def two_registers(n=400, seed=1, n_communes=6):
    """Two registers with leavers, newcomers, moves between communes, and missing states."""
    rng = np.random.default_rng(seed)
    frames = []
    for year in (2021, 2022):
        ids = rng.permutation(int(n * 1.3))[:n]
        states = rng.choice([*STATES, None], n, p=[0.3, 0.2, 0.45, 0.05])
        frames.append(
            pd.DataFrame(
                {
                    "hh": ids.astype(np.int64) + 10_000_000_000,
                    "status": pd.Categorical(states, STATES, ordered=True),
                    "commune": rng.integers(100, 100 + n_communes, n).astype(np.int32),
                    "w": rng.choice([1.0, 2.0, 0.5], n),
                    "size": rng.integers(1, 7, n),
                    "year": np.full(n, year),
                }
            )
        )
    return frames


def as_periods(frames, weight=None):
    """The registers as the oracle takes them."""
    return [
        {
            row.hh: {
                "state": row.status if isinstance(row.status, str) else None,
                "commune": row.commune,
                "weight": 1 if weight is None else getattr(row, weight),
            }
            for row in frame.itertuples()
        }
        for frame in frames
    ]


def expect_oracle(est, weights, by=None, states=STATES):
    """Compare a result with the oracle's weights; every row is looked at."""
    table = est.to_frame()
    n_checked = 0
    known = {}
    for row in table.itertuples():
        group = None if by is None else getattr(row, by)
        one, other = (None if pd.isna(s) else s for s in (row.status_from, row.status_to))
        if row.measure == "count":
            expected = float(weights[group, one, other])
        else:
            if group not in known:
                known[group] = rates(weights, group, states)
            expected = known[group][row.measure, one, other]
            expected = np.nan if expected is None else float(expected)
        assert row.estimate == pytest.approx(expected, rel=1e-12, abs=1e-15, nan_ok=True)
        n_checked += 1
    assert n_checked == len(table) > 0


# --- worked example -------------------------------------------------------------------------------


def test_three_households_on_paper():
    # 1 escapes, 2 stays poor, 3 is lost, 4 stays out, 5 is new and poor.
    a = {"hh": [1, 2, 3, 4], "poor": [1, 1, 1, 0]}
    b = {"hh": [5, 4, 2, 1], "poor": [1, 0, 1, 0]}
    est = pc.transitions({2021: a, 2022: b}, "poor", id="hh", time="year")
    table = est.to_frame().set_index(["measure", "poor_from", "poor_to"])["estimate"]
    assert table["count", "1", "0"] == 1
    assert table["count", "1", "absent"] == 1
    assert table["count", "absent", "1"] == 1
    assert table["rate", "1", "0"] == 0.5  # of the matched poor, 1 and 2
    exits = est.select(measure="exit_rate", poor_from="1").to_frame()
    assert exits["estimate"].tolist() == [0.5]
    assert exits["poor_to"].isna().all()
    entries = est.select(measure="entry_rate", poor_to="1").to_frame()
    assert entries[["estimate", "denominator"]].values.tolist() == [[0.0, 1.0]]
    # of three matched, two poor before and one after
    assert est.select(measure="net", poor_to="1")["estimate"][0] == pytest.approx(-1 / 3)
    assert est["note"][0] == "75.0 % of the households of 2021 matched"


def test_columns_and_rows_are_those_of_the_contract():
    a, b = two_registers()
    est = pc.transitions({2021: a, 2022: b}, "status", id="hh", time="year", by="commune")
    names = list(est.to_frame().columns)
    assert names[:6] == [
        *("commune", "year_from", "year_to", "status_from", "status_to", "measure")
    ]
    assert len(est) == 6 * (4 * 4 - 1 + 9 + 3 + 3 + 3)
    assert est["status_from"].cat.categories.tolist() == [*STATES, "absent"]
    assert est["status_from"].cat.ordered
    assert est["commune"].dtype == np.int32
    assert est["se"].isna().all()
    assert set(est["unit"]) == {"households"}


# --- oracle ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("by", [None, "commune"])
def test_counts_and_rates_are_those_of_a_dictionary(seed, by):
    frames = two_registers(seed=seed)
    weights = transition_weights(*as_periods(frames), by)
    assert any(key[1] is None for key in weights)
    assert any(key[1] == ABSENT for key in weights)
    est = pc.transitions(dict(zip((2021, 2022), frames, strict=True)), "status", id="hh",
                         time="year", by=by)  # fmt: skip
    expect_oracle(est, weights, by)


@pytest.mark.parametrize("by", [None, "commune"])
def test_weights_are_those_of_the_earlier_period(by):
    frames = two_registers(seed=4)
    weights = transition_weights(*as_periods(frames, "w"), by)
    for data in (dict(zip((2021, 2022), frames, strict=True)), pd.concat(frames)):
        est = pc.transitions(
            data, "status", id="hh", time="year", by=by, design=pc.Design(weight="w")
        )
        expect_oracle(est, weights, by)
        other = pc.transitions(data, "status", id="hh", time="year", by=by, weight="w")
        assert np.array_equal(other["estimate"], est["estimate"], equal_nan=True)


def test_persons_are_counted_by_size_at_the_start():
    frames = two_registers(seed=5)
    weights = transition_weights(*as_periods(frames, "size"))
    design = pc.Design(size="size")
    est = pc.transitions(pd.concat(frames), "status", id="hh", time="year", design=design)
    expect_oracle(est, weights)
    assert set(est["unit"]) == {"persons"}
    plain = pc.transitions(
        pd.concat(frames), "status", id="hh", time="year", design=design, count="households"
    )
    expect_oracle(plain, transition_weights(*as_periods(frames)))


def test_a_domain_is_that_of_the_earlier_period():
    frames = two_registers(seed=6)
    for frame in frames:
        frame["urban"] = (frame["hh"] % 3 == 0) ^ (frame["year"] == 2022)
    inside = [frame[frame["urban"]] for frame in frames]
    everyone = as_periods(frames)
    weights = transition_weights(as_periods(inside)[0], everyone[1])
    est = pc.transitions(pd.concat(frames), "status", id="hh", time="year", where="urban",
                         measures=["rate", "exit_rate"])  # fmt: skip
    expect_oracle(est, weights)


def forms_of(frames):
    """Give the same registers in many forms: (name, data, by)."""
    text = [
        f.assign(
            hh="xa" + f["hh"].astype(str),
            commune=f["commune"].astype(str).str.zfill(5),
            status=f["status"].astype(object),
        )
        for f in frames
    ]
    yield "numbers", dict(zip((2021, 2022), frames, strict=True))
    yield "long", pd.concat(frames)
    yield "shuffled long", pd.concat(frames).sample(frac=1, random_state=1)
    yield "text", dict(zip((2021, 2022), text, strict=True))
    yield "objects", {y: f.astype(object) for y, f in zip((2021, 2022), text, strict=True)}
    yield (
        "categories",
        {
            y: f.astype({"hh": "category", "commune": "category"})
            for y, f in zip((2021, 2022), text, strict=True)
        },
    )
    yield "polars", {y: pl.from_pandas(f) for y, f in zip((2021, 2022), text, strict=True)}
    yield (
        "polars categories",
        {
            y: pl.from_pandas(f).with_columns(pl.col("commune", "hh").cast(pl.Categorical))
            for y, f in zip((2021, 2022), text, strict=True)
        },
    )
    yield (
        "arrow",
        {
            y: pa.Table.from_pandas(f, preserve_index=False)
            for y, f in zip((2021, 2022), text, strict=True)
        },
    )
    yield "arrow long", pa.Table.from_pandas(pd.concat(text), preserve_index=False)
    yield (
        "two ids",
        {
            y: f.assign(a=f["hh"] // 100, b=(f["hh"] % 100).astype(np.int16))
            for y, f in zip((2021, 2022), frames, strict=True)
        },
    )
    yield (
        "ids of text and number",
        {
            y: f.assign(a=(f["hh"] // 100).astype(str), b=f["hh"] % 100)
            for y, f in zip((2021, 2022), frames, strict=True)
        },
    )


def test_every_form_of_the_data_gives_the_same_numbers():
    frames = two_registers(seed=7)
    expected = None
    for name, data in forms_of(frames):
        ids = ["a", "b"] if "ids" in name else "hh"
        est = pc.transitions(data, "status", id=ids, time="year", by="commune")
        table = est.to_frame()
        table["commune"] = table["commune"].astype(str).str.zfill(5)
        for side in ("status_from", "status_to"):
            table[side] = table[side].astype(object).where(table[side].notna(), None)
        table = table.sort_values(
            ["commune", "measure", "status_from", "status_to"], na_position="first"
        ).reset_index(drop=True)
        expected = table if expected is None else expected
        pd.testing.assert_frame_equal(table, expected, obj=name, check_dtype=False)


def test_three_periods_give_consecutive_pairs():
    a, b = two_registers(seed=8)
    c = two_registers(seed=9)[1].assign(year=2024)
    both = pc.transitions({2024: c, 2021: a, 2022: b}, "status", id="hh", time="year")
    pairs = both.to_frame()[["year_from", "year_to"]].drop_duplicates().values.tolist()
    assert pairs == [[2021, 2022], [2022, 2024]]
    alone = pc.transitions({2022: b, 2024: c}, "status", id="hh", time="year")
    assert np.array_equal(
        both.select(year_from=2022)["estimate"], alone["estimate"], equal_nan=True
    )


# --- properties -----------------------------------------------------------------------------------


@st.composite
def registers(draw):
    """Two small registers with any overlap."""
    frames = []
    for _ in range(2):
        ids = draw(st.lists(st.integers(-5, 20), unique=True, max_size=15))
        states = draw(st.lists(st.sampled_from([0, 1, 2]), min_size=len(ids), max_size=len(ids)))
        groups = draw(st.lists(st.sampled_from("xyz"), min_size=len(ids), max_size=len(ids)))
        frames.append(pd.DataFrame({"hh": np.array(ids, np.int64), "s": np.array(states, np.int8),
                                    "g": np.array(groups, object)}))  # fmt: skip
    return frames


@settings(max_examples=60, deadline=None)
@given(registers())
def test_rates_sum_to_one_and_counts_to_the_registers(frames):
    data = dict(zip((1, 2), frames, strict=True))
    if all(len(frame) == 0 for frame in frames):
        with pytest.raises(pc.errors.PovertyCoreError):
            pc.transitions(data, "s", id="hh", time="t", by="g")
        return
    table = pc.transitions(data, "s", id="hh", time="t", by="g").to_frame()
    counts = table[table["measure"] == "count"]
    for side, frame in zip(("s_from", "s_to"), frames, strict=True):
        assert counts.loc[counts[side] != "absent", "estimate"].sum() == len(frame)
    rate = table[table["measure"] == "rate"].dropna(subset="estimate")
    sums = rate.groupby(["g", "s_from"], observed=True)["estimate"].sum()
    assert np.allclose(sums, 1, rtol=0, atol=1e-12)
    exits = table[table["measure"] == "exit_rate"].set_index(["g", "s_from"])["estimate"]
    stays = table[(table["measure"] == "rate") & (table["s_from"] == table["s_to"])]
    stays = stays.set_index(["g", "s_from"])["estimate"]
    assert np.allclose((exits + stays).dropna(), 1, atol=1e-12)


def test_order_of_rows_and_of_ids_is_irrelevant():
    a, b = two_registers(seed=10)
    words = {"id": "hh", "time": "year", "by": "commune"}
    expected = pc.transitions({2021: a, 2022: b}, "status", **words)["estimate"]
    rng = np.random.default_rng(0)
    for one, other in (
        (a.sort_values("hh"), b.sort_values("hh")),
        (a.sample(frac=1, random_state=1), b.sample(frac=1, random_state=2)),
        (a.assign(hh=-a["hh"]), b.assign(hh=-b["hh"])),
        (a.assign(hh=a["hh"].astype("uint64")), b),
    ):
        found = pc.transitions({2021: one, 2022: other}, "status", **words)["estimate"]
        assert np.array_equal(found, expected, equal_nan=True)
    new = pd.Series(rng.permutation(10_000), dtype=np.int64)
    recoded = [f.assign(hh=new[f["hh"] - 10_000_000_000].to_numpy()) for f in (a, b)]
    found = pc.transitions({2021: recoded[0], 2022: recoded[1]}, "status", **words)["estimate"]
    assert np.array_equal(found, expected, equal_nan=True)


def test_groups_add_up_to_the_whole():
    a, b = two_registers(seed=11)
    words = {"id": "hh", "time": "year", "measures": "count"}
    by_commune = pc.transitions({2021: a, 2022: b}, "status", by="commune", **words).to_frame()
    whole = pc.transitions({2021: a, 2022: b}, "status", **words).to_frame()
    sums = by_commune.groupby(["status_from", "status_to"], observed=True)["estimate"].sum()
    expected = whole.set_index(["status_from", "status_to"])["estimate"]
    pd.testing.assert_series_equal(sums, expected, check_names=False)


def test_many_rows_take_all_threads_and_stay_the_same(monkeypatch):
    a, b = two_registers(n=300_000, seed=12, n_communes=700)
    found = []
    for n in ("1", "2", "7"):
        monkeypatch.setenv("POVERTYCORE_NUM_THREADS", n)
        est = pc.transitions({2021: a, 2022: b}, "status", id="hh", time="year", by="commune")
        found.append(est["estimate"].to_numpy())
    assert np.array_equal(found[0], found[1], equal_nan=True)
    assert np.array_equal(found[0], found[2], equal_nan=True)
    one = a.merge(b, on="hh", how="inner")
    table = pd.crosstab(one["status_x"], one["status_y"])
    est = pc.transitions({2021: a, 2022: b}, "status", id="hh", time="year", measures="count")
    counts = est.pivot("status_from", "status_to")
    for i in STATES:
        for j in STATES:
            assert counts.loc[i, j] == table.loc[i, j]


def test_a_sample_has_the_standard_error_of_a_ratio_in_the_matched_domain():
    rng = np.random.default_rng(3)
    n = 600
    first = pd.DataFrame(
        {
            "hh": np.arange(n),
            "poor": rng.integers(0, 2, n),
            "psu": np.arange(n) // 20,
            "stratum": np.arange(n) // 200,
            "w": rng.uniform(1, 2, n),
            "year": 2020,
        }
    )
    second = first[rng.random(n) < 0.8].assign(year=2021)
    second["poor"] = rng.integers(0, 2, len(second))
    design = pc.Design(weight="w", strata="stratum", psu="psu")
    est = pc.transitions(pd.concat([first, second]), "poor", id="hh", time="year", design=design)
    joined = first.merge(second[["hh", "poor"]], on="hh", how="left", suffixes=("", "_to"))
    joined["was"] = (joined["poor"] == 1) & joined["poor_to"].notna()
    joined["left"] = joined["was"] & (joined["poor_to"] == 0)
    expected = pc.rate(joined, "left", where="was", design=design)
    found = est.select(measure="exit_rate", poor_from="1")
    for column in ("estimate", "se", "df", "ci_low", "ci_high", "n_psu", "n_obs"):
        assert found[column][0] == pytest.approx(expected[column][0], rel=1e-12)
    rows = est.select(measure="rate", poor_from="1")
    assert rows.cov.sum() == pytest.approx(0, abs=1e-15)  # the rates sum to one
    count = est.select(measure="count", poor_from="1", poor_to="0")
    total = pc.total(joined, "left", design=design)
    assert count["se"][0] == pytest.approx(total["se"][0], rel=1e-12)


# --- edges ----------------------------------------------------------------------------------------


def test_nobody_matched_gives_missing_rates_and_a_note():
    a, b = {"hh": [1, 2], "s": ["x", "y"]}, {"hh": [3], "s": ["x"]}
    est = pc.transitions({2021: a, 2022: b}, "s", id="hh", time="year")
    assert est.select(measure=["rate", "exit_rate", "net"])["estimate"].isna().all()
    assert "no household is in both periods" in est.select(measure="net")["note"][0]
    assert est.select(measure="count")["estimate"].sum() == 3


def test_an_empty_later_period_loses_everybody():
    a = pd.DataFrame({"hh": [1, 2], "s": ["x", "y"]})
    est = pc.transitions({2021: a, 2022: a.iloc[:0]}, "s", id="hh", time="year")
    assert est.select(measure="count", s_to="absent")["estimate"].tolist() == [1, 1]


def test_a_missing_state_is_counted_and_left_out():
    a = pd.DataFrame({"hh": [1, 2, 3, 4], "s": ["x", "x", None, "x"]})
    b = pd.DataFrame({"hh": [1, 2, 3], "s": ["x", None, "x"]})
    est = pc.transitions({2021: a, 2022: b}, "s", id="hh", time="year")
    rate = est.select(measure="rate").to_frame()
    assert rate[["estimate", "n_obs", "n_missing"]].values.tolist() == [[1.0, 1, 1]]
    net = est.select(measure="net").to_frame()
    assert net[["n_obs", "n_missing"]].values.tolist() == [[1, 2]]


def test_a_frame_may_hold_its_own_period():
    a, b = two_registers()
    assert len(pc.transitions({2021: a, 2022: b}, "status", id="hh", time="year")) == 33
    with pytest.raises(pc.errors.ValueRangeError, match="holds rows of 2022"):
        pc.transitions({2021: b, 2022: a}, "status", id="hh", time="year")


def test_a_missing_group_is_kept_on_request():
    a = pd.DataFrame({"hh": [1, 2], "s": ["x", "x"], "g": ["k", None]})
    words = {"id": "hh", "time": "year", "by": "g", "measures": "count"}
    with pytest.raises(pc.errors.MissingValueError):
        pc.transitions({2021: a, 2022: a}, "s", **words)
    est = pc.transitions({2021: a, 2022: a}, "s", missing_groups="keep", **words)
    assert est["g"].isna().tolist() == [False] * 3 + [True] * 3


# --- errors ---------------------------------------------------------------------------------------


def registers_with(**changes):
    a = pd.DataFrame({"hh": [1, 2, 3], "s": ["x", "y", "x"], "g": [1, 1, 2]})
    return {2021: a, 2022: a.assign(**changes)}


@pytest.mark.parametrize("ids", [[5, 7, 5], ["5", "7", "5"]])
def test_an_id_that_stands_twice_is_named_by_period_and_row(ids):
    data = registers_with(hh=ids)
    if isinstance(ids[0], str):
        data[2021] = data[2021].astype({"hh": str})
    with pytest.raises(pc.errors.ValueRangeError, match=r"period 2022: id\[2\].*row 0") as caught:
        pc.transitions(data, "s", id="hh", time="year")
    assert caught.value.row == 2
    assert caught.value.argument == "id"
    assert "5" not in str(caught.value)


@pytest.mark.parametrize("ids", [[5.0, np.nan, 7.0], [5, None, 7], ["a", None, "b"]])
def test_a_missing_id_is_named_by_period_and_row(ids):
    dtype = "Int64" if ids[0] == 5 and ids[1] is None else None
    ids = pd.array(ids, dtype=dtype) if dtype else ids
    data = registers_with(hh=ids)
    if isinstance(ids[0], str | float):
        data[2021]["hh"] = data[2021]["hh"].astype(type(ids[0]))
    with pytest.raises(pc.errors.MissingValueError, match=r"period 2022: id\[1\] is missing"):
        pc.transitions(data, "s", id="hh", time="year")


@pytest.mark.parametrize(
    ("words", "error", "match"),
    [
        ({"id": "hhh"}, pc.errors.ColumnNotFoundError, "did you mean 'hh'"),
        ({"state": "t"}, pc.errors.ColumnNotFoundError, "no column 't'"),
        ({"measures": "rates"}, pc.errors.OptionError, "measures must be"),
        ({"time": 3}, pc.errors.OptionError, "name of the period"),
        ({"missing_groups": "drop"}, pc.errors.OptionError, "missing_groups"),
        ({"design": pc.Design(period="wave")}, pc.errors.DesignError, "one column"),
        ({"id": []}, pc.errors.OptionError, "id takes"),
        ({"by": ["g", "g"]}, pc.errors.DuplicateNameError, "twice"),
    ],
)
def test_a_wrong_word_is_named(words, error, match):
    words = {"state": "s", "id": "hh", "time": "year"} | words
    with pytest.raises(error, match=match):
        pc.transitions(registers_with(), words.pop("state"), **words)


def test_one_period_is_not_enough_and_labels_must_be_periods():
    a = registers_with()[2021]
    with pytest.raises(pc.errors.ValueRangeError, match="two periods or more"):
        pc.transitions({2021: a}, "s", id="hh", time="year")
    with pytest.raises(pc.errors.ValueRangeError, match="not a period"):
        pc.transitions({"first": a, "second": a}, "s", id="hh", time="year")
    long = pd.concat([a.assign(year=2021.0), a.assign(year=np.nan)])
    with pytest.raises(pc.errors.MissingValueError, match=r"year\[3\]"):
        pc.transitions(long, "s", id="hh", time="year")


def test_text_and_numbers_are_not_taken_for_one_id():
    with pytest.raises(pc.errors.DTypeError):
        pc.transitions(registers_with(hh=["1", "2", "3"]), "s", id="hh", time="year")


def test_two_standards_do_not_compare_unless_asked():
    data = {y: f.assign(std=f"vn-{y}") for y, f in registers_with().items()}
    words = {"id": "hh", "time": "year", "standard": "std"}
    with pytest.raises(pc.errors.ComparabilityError, match="vn-2021 and vn-2022"):
        pc.transitions(data, "s", **words)
    est = pc.transitions(data, "s", across_standards=True, **words)
    assert "across standards: vn-2021 and vn-2022" in est["note"][0]
    one = pc.transitions(registers_with(), "s", id="hh", time="year", standard="vn-2022")
    assert set(one["standard"]) == {"vn-2022"}


def test_a_flag_with_a_missing_value_is_still_a_state():
    # pandas makes floats of 0, 1 and a missing value
    a = {"hh": [1, 2, 3], "poor": [1.0, 0.0, np.nan]}
    b = {"hh": [1, 2, 3], "poor": [0, 1, 1]}
    found = pc.transitions({2021: a, 2022: b}, "poor", id="hh", time="year", measures="count")
    counts = found.to_frame().set_index(["poor_from", "poor_to"])
    assert counts["estimate"][("1", "0")] == counts["estimate"][("0", "1")] == 1
    assert counts["n_missing"][("1", "0")] == 1
    whole = pc.transitions({2021: a | {"poor": [1, 0, 1]}, 2022: b}, "poor", id="hh", time="year")
    assert found["poor_from"].dtype == whole["poor_from"].dtype
    spells = pc.spells({2021: a, 2022: b}, "poor", id="hh", time="year", measures="ever_poor")
    assert spells["numerator"].item() == 2.0
    assert spells["n_missing"].item() == 1
    with pytest.raises(pc.errors.DTypeError, match=r"poor\[1\] is no whole number"):
        pc.transitions({2021: a | {"poor": [1, 0.5, 0]}, 2022: b}, "poor", id="hh", time="year")


def test_a_period_without_any_state_is_missing_throughout():
    a = pd.DataFrame({"hh": [1, 2], "status": ["poor", "other"]})
    b = pd.DataFrame({"hh": [1, 2], "status": [np.nan, np.nan]})
    found = pc.transitions({2021: a, 2022: b}, "status", id="hh", time="year", measures="rate")
    assert found["estimate"].isna().all()
    assert found["n_missing"].tolist() == [1, 1, 1, 1]


def test_states_are_of_one_kind_in_all_periods():
    a = {"hh": [1, 2], "poor": [0, 1]}
    with pytest.raises(pc.errors.DTypeError, match="'poor' holds numbers in one period"):
        pc.transitions({2021: a, 2022: a | {"poor": ["0", "1"]}}, "poor", id="hh", time="year")


# --- replicates and design effects ----------------------------------------------------------------


def two_waves(seed=3):
    """Eight PSUs in two strata, twelve households each, in two years; a tenth are not found again.

    Ten columns of replicate weights multiply the weights of each PSU by 0, 1 or 2.
    """
    draws = np.random.default_rng(seed)
    factors = draws.integers(0, 3, (8, 10))
    rows = [
        {
            "year": year,
            "hh": 100 * psu + k,
            "stratum": psu // 4,
            "psu": psu,
            "weight": float(weight),
            "status": str(draws.choice(["near_poor", "other", "poor"])),
            **{f"r{i}": float(weight * factor) for i, factor in enumerate(factors[psu])},
        }
        for year in (2020, 2021)
        for psu in range(8)
        for k, weight in enumerate(draws.integers(1, 5, 12))
        if draws.random() < 0.9
    ]
    return pd.DataFrame(rows)


COLUMNS = [f"r{i}" for i in range(10)]
WORDS = {"id": "hh", "time": "year"}


def test_columns_of_replicate_weights_give_the_errors_of_counting_under_each():
    data = two_waves()
    again = pc.Replicates(weights=COLUMNS, kind="bootstrap")
    design = pc.Design(weight="weight", replicates=again)
    found = pc.transitions(data, "status", design=design, **WORDS)
    under = np.column_stack(
        [
            pc.transitions(data, "status", design=pc.Design(weight=name), **WORDS)["estimate"]
            for name in COLUMNS
        ]
    )
    expected = under.std(axis=1, ddof=1)
    assert found["se"].tolist() == pytest.approx(expected.tolist(), rel=1e-10)
    assert (found["df"] <= 7).all()  # no more than PSUs minus 1


def test_a_jackknife_that_is_made_leaves_out_one_psu_of_the_earlier_period_at_a_time():
    data = two_waves()
    sample = {"weight": "weight", "strata": "stratum", "psu": "psu"}
    design = pc.Design(**sample, replicates=pc.Replicates(kind="jkn", mse=True))
    measures = ["rate", "exit_rate", "entry_rate", "net"]
    found = pc.transitions(data, "status", design=design, measures=measures, **WORDS)
    variance = np.zeros(len(found))
    for psu in range(8):
        factor = np.where(data["psu"] == psu, 0, np.where(data["stratum"] == psu // 4, 4 / 3, 1))
        without = data.assign(weight=data["weight"] * factor)
        estimate = pc.transitions(without, "status", design=pc.Design(weight="weight"),
                                  measures=measures, **WORDS)["estimate"]  # fmt: skip
        variance += 3 / 4 * (estimate - found["estimate"]).to_numpy() ** 2
    assert found["se"].tolist() == pytest.approx(np.sqrt(variance).tolist(), rel=1e-9)
    linear = pc.transitions(data, "status", design=pc.Design(**sample), measures=measures, **WORDS)
    assert found["se"].tolist() == pytest.approx(linear["se"].tolist(), rel=0.25)
    assert found["df"].tolist() == linear["df"].tolist()


@pytest.mark.parametrize("deff", [None, "replace"])
def test_design_effects_are_those_of_rates_and_means_of_the_matched(deff):
    data = two_waves().assign(weight=lambda d: d["weight"].where(d["hh"] % 7 > 0, 0.0))
    design = pc.Design(weight="weight", strata="stratum", psu="psu", period="year", deff=deff)
    found = pc.transitions(data, "status", design=design, **WORDS)
    end = data[data["year"] == 2021].set_index("hh")["status"]
    linked = data.assign(to=data["hh"].map(end), is_early=data["year"] == 2020)
    for state in ("near_poor", "poor"):
        here, there = (linked[name] == state for name in ("status", "to"))
        rows = linked.assign(left=~there, net=there.astype(float) - here,
                             known=linked["to"].notna() & linked["is_early"])  # fmt: skip
        rows["of_state"] = rows["known"] & here
        left = pc.rate(rows, "left", by="year", where="of_state", design=design)
        net = pc.mean(rows, "net", by="year", where="known", design=design)
        for expected, labels in (
            (left, {"measure": "exit_rate", "status_from": state}),
            (net, {"measure": "net", "status_to": state}),
        ):
            ours, theirs = found.select(**labels), expected.select(year=2020)
            for name in ("estimate", "se", "df", "deff", "n_obs"):
                assert ours[name].item() == pytest.approx(theirs[name].item(), rel=1e-10), name
    assert found.select(measure="count")["deff"].isna().all()


def test_spells_and_histories_take_replicates_too():
    data = two_waves()
    again = pc.Replicates(weights=COLUMNS, kind="bootstrap")
    design = pc.Design(weight="weight", replicates=again)
    found = pc.spells(data, "status", design=design, measures=["ever_poor"], **WORDS)
    under = [
        pc.spells(data, "status", weight=name, measures=["ever_poor"], **WORDS)["estimate"].item()
        for name in COLUMNS
    ]
    assert found["se"].item() == pytest.approx(np.std(under, ddof=1), rel=1e-10)
    either = pc.histories(data, "status", design=design, **WORDS).multidim(k="1/2", measures="H")
    assert either["se"].item() == pytest.approx(found["se"].item(), rel=1e-10)


def test_movements_of_registers_have_no_replicates():
    again = pc.Replicates(weights=COLUMNS, kind="bootstrap")
    with pytest.raises(pc.errors.DesignError, match="movements are of registers"):
        pc.movements(two_waves(), "status", design=pc.Design(weight="weight", replicates=again),
                     **WORDS)  # fmt: skip
