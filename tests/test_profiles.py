"""Deprivation profiles: counted in one pass, added up, kept in files, asked for joint deprivations.

Source of truth: profiles counted in the tests row by row; one pass over all rows, for merging;
tests/oracles/multidim.py, for pairs.
"""

import itertools
import json
import math
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, strategies as st

import povertycore as pc
from oracles import multidim as oracle
from povertycore import errors
from povertycore.measures.profile_table import arranged

DIMENSIONS = {"health": ["ill", "hungry"], "school": ["absent"], "home": ["water"]}
NAMES = [name for members in DIMENSIONS.values() for name in members]


@pytest.fixture
def spec():
    return pc.Spec(DIMENSIONS)


@pytest.fixture
def hh():
    return pd.DataFrame(
        {
            "place": ["B", "A", "A", "A"],
            "ill": [1, 0, 1, 0],
            "hungry": [0, 0, 1, 0],
            "absent": pd.array([0, 1, None, 1], dtype="Int8"),
            "water": [0, 0, 1, 0],
            "members": [5, 2, 3, 4],
        }
    )


# --- worked example -------------------------------------------------------------------------------


def test_rows_of_one_group_and_profile_are_one_cell(hh, spec):
    frame = pc.profiles(hh, spec, by="place", design=pc.Design(size="members")).to_frame()
    assert frame.columns.tolist() == ["place", *NAMES, "n_obs", "population"]
    assert frame["place"].tolist() == ["A", "A", "B"]
    assert frame["ill"].tolist() == [0, 1, 1]
    assert frame["absent"].isna().tolist() == [False, True, False]
    assert frame["n_obs"].tolist() == [2, 1, 1]
    assert frame["population"].tolist() == [6.0, 3.0, 5.0]


def test_over_has_a_table_of_the_whole_and_one_per_key(hh, spec):
    prof = pc.profiles(hh, spec, over=["place", "ill"])
    assert len(prof) == 3 + 3 + 3
    est = prof.multidim(k="1/3", measures="H", missing="not_deprived").to_frame()
    assert est["over"].tolist() == ["(total)", "place", "place", "ill", "ill"]
    assert est["level"].tolist() == ["(total)", "A", "B", "0", "1"]


def test_repr_tells_what_is_counted(hh, spec):
    text = repr(pc.profiles(hh, spec, by="place"))
    assert text == ("<Profiles: 4 indicators, by=['place'], 2 groups, 3 cells, 4 rows, households>")


def test_profiles_answer_as_the_rows_do(hh, spec):
    design = pc.Design(size="members")
    words = {"k": ["1/3", "1/2"], "measures": "all", "missing": "reweight_rows"}
    rows = pc.multidim(hh, spec, by="place", design=design, **words)
    prof = pc.profiles(hh, spec, by="place", design=design)
    assert prof.multidim(**words).to_frame().equals(rows.to_frame())


def test_missing_report_counts_rows_and_weights(hh, spec):
    prof = pc.profiles(hh, spec, by="place", design=pc.Design(size="members"))
    report = prof.missing_report()
    columns = ["place", "dimension", "indicator", "n_obs", "n_missing"]
    assert report.columns.tolist() == [*columns, "retained", "retained_weighted"]
    sample = report[report["indicator"].isna()]
    assert sample["place"].tolist() == ["A", "B"]
    assert sample["n_obs"].tolist() == [2, 1]
    assert sample["retained"].tolist() == [2 / 3, 1]
    assert sample["retained_weighted"].tolist() == [6 / 9, 1]
    absent = report[report["indicator"] == "absent"]
    assert absent["n_missing"].tolist() == [1, 0]
    assert absent["dimension"].tolist() == ["school", "school"]
    ill = report[report["indicator"] == "ill"]
    assert ill["retained"].tolist() == [1, 1]
    for rule in ("deprived", "bounds"):
        assert prof.missing_report(rule)["n_missing"].tolist()[0] == 0


def test_pairs_worked_on_paper(spec):
    # of 8 persons 4 are ill, 4 hungry, 3 both: V = (3/8 - 1/4)/(1/4) = 1/2, R0 = 3/4
    rows = {
        "ill": [1, 1, 1, 1, 0, 0, 0, 0],
        "hungry": [1, 1, 1, 0, 1, 0, 0, 0],
        "absent": [1, 1, 1, 1, 1, 1, 1, 1],
        "water": [0, 0, 0, 0, 0, 0, 0, 0],
    }
    frame = pc.profiles(rows, spec).pairs().to_frame()
    first = frame.iloc[:3]
    assert first["indicator"].tolist() == ["ill"] * 3
    assert first["other"].tolist() == ["hungry"] * 3
    assert first["measure"].tolist() == ["joint", "cramers_v", "redundancy"]
    assert first["estimate"].tolist() == [3 / 8, 1 / 2, 3 / 4]
    everybody = frame[(frame["indicator"] == "ill") & (frame["other"] == "absent")]
    assert everybody["estimate"].iloc[[0, 2]].tolist() == [1 / 2, 1]
    assert math.isnan(everybody["estimate"].iloc[1])
    assert len(frame) == 3 * 6


def test_a_pair_without_an_association_says_why(spec):
    rows = {"ill": [1, 0], "hungry": [1, 1], "absent": [0, 0], "water": [0, 0]}
    frame = pc.profiles(rows, spec).pairs().to_frame().set_index(["indicator", "other", "measure"])
    everybody, nobody = (
        f"{whom} is deprived in one of the two" for whom in ("everybody", "nobody")
    )
    assert frame.loc[("ill", "hungry"), "note"].tolist() == ["", everybody, ""]
    assert frame.loc[("ill", "absent"), "note"].tolist() == ["", nobody, nobody]
    assert frame.loc[("hungry", "absent"), "note"].tolist() == ["", nobody, nobody]
    assert frame["estimate"].isna().equals(frame["note"] != "")


def test_most_frequent_combinations(spec):
    rows = {
        "ill": [1, 1, 1, 0, 0, 1],
        "hungry": [1, 1, 1, 0, 0, 0],
        "absent": [0, 0, 0, 0, 0, 1],
        "water": [0, 0, 0, 0, 0, 0],
    }
    prof = pc.profiles(rows, spec)
    frame = prof.combinations(n=2).to_frame()
    assert frame["combination"].tolist() == ["ill + hungry", "ill + absent"]
    assert frame["n_deprived"].tolist() == [2, 2]
    assert frame["estimate"].tolist() == [3 / 6, 1 / 6]
    assert prof.combinations(at_least=0)["combination"].tolist()[1] == ""


def test_overlaps_are_shares_by_number_of_deprivations(hh, spec):
    est = pc.profiles(hh, spec, by="place").overlaps(missing="not_deprived")
    frame = est.to_frame()
    assert frame["n_deprived"].tolist() == [0, 1, 2, 3, 4] * 2
    assert frame["estimate"].tolist() == [0, 2 / 3, 0, 1 / 3, 0] + [0, 1, 0, 0, 0]


# --- oracle ---------------------------------------------------------------------------------------

row_of = st.fixed_dictionaries(
    {name: st.sampled_from([0, 1, None]) for name in NAMES}
    | {
        "place": st.sampled_from(["A", "B", "Đ", None]),
        "year": st.sampled_from([2021, 2022]),
        "w": st.sampled_from([0.0, 0.25, 1.0, 2.5]),
        "members": st.integers(0, 6),
        "domain": st.booleans(),
    }
)


def frame_of(rows):
    frame = pd.DataFrame(rows, columns=[*NAMES, "place", "year", "w", "members", "domain"])
    frame[NAMES] = frame[NAMES].astype("Int8")
    dtype = pd.CategoricalDtype(["B", "A", "Đ"])
    return frame.astype({"place": dtype, "members": "int64", "w": "float64"})


@given(st.lists(row_of, min_size=1, max_size=40))
def test_cells_are_those_counted_row_by_row(rows):
    n, weight = Counter(), Counter()
    for row in rows:
        if row["domain"]:
            cell = (row["place"], row["year"], *(row[name] for name in NAMES))
            n[cell] += 1
            weight[cell] += row["w"] * row["members"]
    frame = pc.profiles(
        frame_of(rows),
        pc.Spec(DIMENSIONS),
        by=["place", "year"],
        where="domain",
        design=pc.Design(weight="w", size="members"),
        missing_groups="keep",
    ).to_frame()
    cells = frame.astype(object).where(frame.notna(), None)
    found = {tuple(row[:-2]): tuple(row[-2:]) for row in cells.itertuples(index=False, name=None)}
    assert len(found) == len(frame)
    assert found == {cell: (n[cell], weight[cell]) for cell in n}


pair_row = st.fixed_dictionaries(
    {name: st.integers(0, 1) for name in NAMES} | {"w": st.sampled_from([0.25, 1.0, 2.5])}
)


@given(st.lists(pair_row, min_size=1, max_size=30))
def test_pairs_are_those_of_the_oracle(rows):
    design = pc.Design(weight="w")
    frame = pc.profiles(pd.DataFrame(rows), pc.Spec(DIMENSIONS), design=design).pairs().to_frame()
    found = iter(frame["estimate"])
    for one, other in itertools.combinations(NAMES, 2):
        joint, v_squared, redundancy = oracle.pair(rows, one, other, weight="w")
        assert next(found) == pytest.approx(float(joint), rel=1e-12)
        v = next(found)
        if v_squared is None:
            assert math.isnan(v)
        else:
            assert v * abs(v) == pytest.approx(float(v_squared), rel=1e-12, abs=1e-15)
        r0 = next(found)
        assert math.isnan(r0) if redundancy is None else math.isclose(r0, redundancy)


@given(rows=st.lists(pair_row, min_size=1, max_size=30), k=st.sampled_from(["1/6", "1/3", "2/3"]))
def test_pairs_at_a_cutoff_are_those_of_the_poor(rows, k):
    weights = {"ill": "1/6", "hungry": "1/6", "absent": "1/3", "water": "1/3"}
    design = pc.Design(weight="w")

    def censored(row):
        score = sum(Fraction(weights[name]) for name in NAMES if row[name])
        return row if score >= Fraction(k) else row | dict.fromkeys(NAMES, 0)

    prof = pc.profiles(pd.DataFrame(rows), pc.Spec(DIMENSIONS), by=None, design=design)
    poor = pd.DataFrame([censored(row) for row in rows])
    expected = pc.profiles(poor, pc.Spec(DIMENSIONS), design=design)
    np.testing.assert_allclose(
        prof.pairs(k=k)["estimate"], expected.pairs()["estimate"], rtol=1e-12, atol=1e-15
    )
    n_poor = [row["w"] for row in rows if any(censored(row)[name] for name in NAMES)]
    share = prof.overlaps(k=k)["estimate"][1:].sum()
    assert share == pytest.approx(sum(n_poor) / sum(row["w"] for row in rows), rel=1e-12)


# --- properties: adding up ------------------------------------------------------------------------


@given(rows=st.lists(st.tuples(row_of, st.integers(0, 3)), min_size=2, max_size=40))
def test_parts_added_up_are_one_pass_bit_for_bit(rows):
    # any split of the rows: each row goes to one of four parts, of which some may be empty
    frame = frame_of([row for row, _ in rows])
    part = np.array([part for _, part in rows])
    spec = pc.Spec(DIMENSIONS)
    words = {
        "by": ["place", "year"],
        "where": "domain",
        "design": pc.Design(size="members"),
        "missing_groups": "keep",
    }
    parts = [pc.profiles(frame[part == one], spec, **words) for one in range(4)]
    whole = pc.profiles(frame, spec, **words)
    together = sum(parts)
    pd.testing.assert_frame_equal(together.to_frame(), whole.to_frame(), check_exact=True)
    for missing in ("drop", "reweight", "bounds"):
        asked = {"k": ["1/3", "1/2"], "measures": "all", "missing": missing}
        pd.testing.assert_frame_equal(
            together.multidim(**asked).to_frame(),
            whole.multidim(**asked).to_frame(),
            check_exact=True,
        )
    assert together.meta == whole.meta


def test_parts_with_broken_weights_agree_to_rounding(spec):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({name: rng.integers(0, 2, 3_000) for name in NAMES})
    frame["w"] = rng.uniform(0, 2, 3_000)
    frame["place"] = rng.integers(0, 5, 3_000)
    words = {"over": "place", "design": pc.Design(weight="w")}
    whole = pc.profiles(frame, spec, **words).multidim(measures="all")
    parts = [pc.profiles(frame.iloc[start::3], spec, **words) for start in range(3)]
    together = sum(parts).multidim(measures="all")
    np.testing.assert_allclose(together["estimate"], whole["estimate"], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("weights", ["whole", "broken"])
def test_any_number_of_threads_gives_the_same_bits(spec, monkeypatch, weights):
    rng = np.random.default_rng(12)
    n = 600_000  # enough for several threads, and more than one lane
    frame = pd.DataFrame({name: rng.integers(0, 2, n, dtype=np.int8) for name in NAMES})
    frame["absent"] = pd.arrays.IntegerArray(frame["absent"].to_numpy(), rng.random(n) < 0.1)
    frame["w"] = rng.integers(0, 9, n) if weights == "whole" else rng.uniform(0, 2, n)
    frame["place"] = rng.integers(0, 40, n)
    words = {"by": "place", "design": pc.Design(weight="w")}
    found = []
    for threads in ("1", "2", "7"):
        monkeypatch.setenv("POVERTYCORE_NUM_THREADS", threads)
        packed = pc.pack(frame, spec)
        for of_what in (spec, packed):
            prof = pc.profiles(frame, of_what, **words)
            found.append((prof.to_frame(), prof.multidim(measures="all").to_frame()))
    for cells, figures in found[1:]:
        pd.testing.assert_frame_equal(cells, found[0][0], check_exact=True)
        pd.testing.assert_frame_equal(figures, found[0][1], check_exact=True)
    if weights == "whole":  # exact sums: parts of any split are the same to the last bit, too
        part = rng.integers(0, 3, n)
        together = sum(pc.profiles(frame[part == one], spec, **words) for one in range(3))
        pd.testing.assert_frame_equal(together.to_frame(), found[0][0], check_exact=True)


def test_sums_run_in_the_order_of_the_masks_however_cells_came(spec):
    rng = np.random.default_rng(13)
    frame = pd.DataFrame({name: rng.integers(0, 2, 900).astype(float) for name in NAMES})
    frame.loc[::9, "water"] = np.nan
    frame["w"] = rng.uniform(0, 2, 900)
    frame["place"] = rng.integers(0, 5, 900)
    prof = pc.profiles(frame, spec, by="place", design=pc.Design(weight="w"))
    (table,) = prof.tables
    shuffled = rng.permutation(len(table.n))
    columns = ("group", "deprived", "missing", "n", "weight")
    moved = replace(table, **{word: getattr(table, word)[shuffled] for word in columns})
    again = replace(prof, by_psu=(arranged(moved, moved.groups, moved.group),))
    asked = {"measures": "all", "missing": "reweight_rows"}
    pd.testing.assert_frame_equal(
        again.multidim(**asked).to_frame(), prof.multidim(**asked).to_frame(), check_exact=True
    )


def test_labels_are_matched_in_the_order_of_their_kind(spec):
    rows = {name: [1, 0] for name in NAMES}
    first = pd.DataFrame(rows | {"place": ["Đ", "A"]})
    second = pd.DataFrame(rows | {"place": ["B", "A"]})
    added = pc.profiles(first, spec, by="place") + pc.profiles(second, spec, by="place")
    assert added.multidim(k=1, measures="n_poor").to_frame()["place"].tolist() == ["A", "B", "Đ"]
    as_categories = [
        pc.profiles(part.astype({"place": "category"}), spec, by="place")
        for part in (first, second)
    ]
    labels = sum(as_categories).multidim(k=1, measures="n_poor").to_frame()["place"]
    assert labels.tolist() == ["A", "Đ", "B"]  # the categories of the first come first
    assert labels.cat.categories.tolist() == ["A", "Đ", "B"]


def test_standards_of_parts_are_kept_apart(spec):
    rows = {name: [1, 0] for name in NAMES}
    first = pd.DataFrame(rows | {"year": 2021, "std": "vn-2016"})
    second = pd.DataFrame(rows | {"year": 2022, "std": "vn-2022"})
    one, other = (pc.profiles(part, spec, by="year", standard="std") for part in (first, second))
    assert (one + other).multidim(k=1, measures="H")["standard"].tolist() == ["vn-2016", "vn-2022"]


def test_kinds_of_frames_give_the_same_profiles(spec):
    rng = np.random.default_rng(9)
    columns = {name: rng.integers(0, 2, 60).astype(np.int8) for name in NAMES}
    columns["place"] = np.array(["A", "B", "C"])[rng.integers(0, 3, 60)]
    expected = pc.profiles(pd.DataFrame(columns), spec, by="place").to_frame()
    for data in (columns, pl.DataFrame(columns), pl.DataFrame(columns).lazy()):
        found = pc.profiles(data, spec, by="place").to_frame()
        pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_groups_added_up_are_those_of_fewer_keys(spec):
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({name: rng.integers(0, 2, 300) for name in NAMES})
    frame["place"] = rng.choice(["A", "B", "Đ"], 300)
    frame["year"] = rng.integers(2020, 2023, 300)
    frame["size"] = rng.integers(1, 6, 300)
    design = pc.Design(size="size")
    prof = pc.profiles(frame, spec, by=["place", "year"], design=design)
    for words in (
        {"by": "year"},
        {"by": ["year", "place"]},
        {},
        {"over": "place"},
        {"over": ["year", "place"]},
    ):
        found, expected = prof.regroup(**words), pc.profiles(frame, spec, design=design, **words)
        pd.testing.assert_frame_equal(found.to_frame(), expected.to_frame(), check_exact=True)
        asked = {"k": ["1/3", "1/2"], "measures": "all"}
        pd.testing.assert_frame_equal(
            found.multidim(**asked).to_frame(), expected.multidim(**asked).to_frame()
        )
        assert found.meta == expected.meta


def test_some_indicators_are_as_if_there_were_no_others(spec):
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({name: rng.integers(0, 2, 300).astype(float) for name in NAMES})
    frame.loc[::7, "hungry"] = np.nan
    frame["place"] = rng.integers(0, 3, 300)
    prof = pc.profiles(frame, spec, by="place")
    fewer = pc.Spec({"health": ["ill"], "home": ["water"]})
    alone = pc.profiles(frame, fewer, by="place")
    some = prof.only(["water", "ill"])
    pd.testing.assert_frame_equal(some.to_frame(), alone.to_frame(), check_exact=True)
    asked = {"k": ["1/2", 1], "measures": "all"}
    expected = alone.multidim(**asked).to_frame().drop(columns="scheme")
    for est in (some.multidim(**asked), prof.multidim(indicators=["ill", "water"], **asked)):
        found = est.to_frame().drop(columns="scheme")
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
    moved = prof.only(["ill", "absent"]).spec  # 1/3 and 1/3 of 2/3, school keeps as much as health
    assert list(moved.weights) == [Fraction(1, 2)] * 2
    moved = prof.only(["ill", "absent", "water"]).spec
    assert list(moved.weights) == [Fraction(1, 3)] * 3


def test_other_weights_are_asked_of_the_same_profiles(hh, spec):
    prof = pc.profiles(hh, spec, by="place")
    for weights in (
        {"health": "1/2", "school": "1/4", "home": "1/4"},
        {"ill": "1/8", "hungry": "1/8", "absent": "1/4", "water": "1/2"},
    ):
        asked = {"k": ["1/4", "1/2"], "measures": "all"}
        found = prof.multidim(weights=weights, **asked).to_frame()
        expected = pc.multidim(hh, pc.Spec(DIMENSIONS, weights), by="place", **asked).to_frame()
        pd.testing.assert_frame_equal(found, expected, check_exact=True)


# --- properties: files ----------------------------------------------------------------------------

LABELS = {
    "text": ["B", "A", "Đ", "A"],
    "text with a missing one": ["B", None, "Đ", "B"],
    "integers": np.array([3, 1, 2, 1], dtype=np.int16),
    "nullable integers": pd.array([3, None, 2, 3], dtype="Int32"),
    "floats": [0.5, 2.5, np.nan, 0.5],
    "bools": [True, False, True, True],
    "categories": pd.Categorical(["b", "a", None, "b"], categories=["b", "c", "a"], ordered=True),
    "categories of numbers": pd.Categorical([2, 1, 2, 2], categories=[2, 1]),
    "dates": pd.to_datetime(["2022-01-01", None, "2021-01-01", "2022-01-01"]),
    "dates with a zone": pd.to_datetime(["2022-01-01"] * 4).tz_localize("Asia/Ho_Chi_Minh"),
    "periods": pd.PeriodIndex(["2022", "2021", "2022", "2022"], freq="Y"),
}


@pytest.mark.parametrize("name", LABELS)
def test_a_file_gives_back_what_was_saved(tmp_path, spec, name):
    rows = pd.DataFrame({column: [1, 0, 1, 1] for column in NAMES} | {"key": LABELS[name]})
    prof = pc.profiles(rows, spec, by="key", missing_groups="keep", where=[True, True, True, False])
    prof.save(tmp_path / "profiles.npz")
    again = pc.Profiles.load(tmp_path / "profiles.npz", spec)
    pd.testing.assert_frame_equal(again.to_frame(), prof.to_frame(), check_exact=True)
    assert again.meta == prof.meta
    asked = {"k": "1/3", "measures": "all"}
    pd.testing.assert_frame_equal(
        again.multidim(**asked).to_frame(), prof.multidim(**asked).to_frame(), check_exact=True
    )
    assert len(again + prof) == len(prof)


def test_a_file_keeps_one_way_tables_and_standards(tmp_path, hh, spec):
    hh["std"] = "vn-2022"
    prof = pc.profiles(hh, spec, over=["place", "ill"], standard="std")
    prof.save(tmp_path / "profiles.npz")
    again = pc.Profiles.load(tmp_path / "profiles.npz")
    assert again.over == ("place", "ill")
    asked = {"k": "1/3", "missing": "deprived"}
    assert again.multidim(**asked).to_frame().equals(prof.multidim(**asked).to_frame())


# --- edges ----------------------------------------------------------------------------------------


def test_a_frame_without_rows_has_no_cells(spec):
    prof = pc.profiles({name: np.zeros(0, np.int8) for name in NAMES}, spec)
    assert len(prof) == 0
    assert prof.to_frame().columns.tolist() == [*NAMES, "n_obs", "population"]
    assert prof.missing_report()["retained"].isna().all()
    assert prof.pairs()["estimate"].isna().all()
    assert len(prof.combinations()) == 0


def test_profiles_are_frozen(hh, spec):
    prof = pc.profiles(hh, spec)
    with pytest.raises(AttributeError):
        prof.unit = "persons"
    prof.meta["rows_read"] = 0
    assert prof.meta["rows_read"] == 4


# --- errors ---------------------------------------------------------------------------------------


def test_profiles_of_other_things_are_not_added(hh, spec):
    prof = pc.profiles(hh, spec, by="place")
    other = pc.Spec({"health": ["hungry", "ill"], "school": ["absent"], "home": ["water"]})
    for wrong, message in (
        (pc.profiles(hh, other, by="place"), "different specifications"),
        (pc.profiles(hh, spec), "with by"),
        (pc.profiles(hh, spec, over="place"), "with by"),
        (pc.profiles(hh, spec, by="place", design=pc.Design(size="members")), "with unit"),
        (pc.profiles(hh, spec, by="place", standard="vn-2022"), "with standard"),
    ):
        with pytest.raises(errors.ComparabilityError, match=message):
            prof + wrong
    with pytest.raises(TypeError):
        prof + 1


def test_a_file_of_another_specification_is_refused(tmp_path, hh, spec):
    pc.profiles(hh, spec).save(tmp_path / "profiles.npz")
    other = pc.Spec(DIMENSIONS, weights={"health": "1/2", "school": "1/4", "home": "1/4"})
    with pytest.raises(errors.ComparabilityError, match="another specification"):
        pc.Profiles.load(tmp_path / "profiles.npz", other)


def rewritten(path, **changes):
    """Write the archive again with another `about`."""
    with np.load(path) as archive:
        arrays = dict(archive)
    about = json.loads(arrays.pop("about").tobytes()) | changes
    text = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    np.savez(path, about=text, **arrays)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "something"}, "something else"),
        ({"version": 99}, "version 99"),
        ({"digest": "0"}, "digest"),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path, hh, spec, changes, message):
    path = tmp_path / "profiles.npz"
    pc.profiles(hh, spec).save(path)
    rewritten(path, **changes)
    with pytest.raises(errors.FileFormatError, match=message):
        pc.Profiles.load(path)


@pytest.mark.parametrize(
    ("array", "values"),
    [
        ("0/group", np.array([0, 0, 7])),
        ("0/group", np.array([0.0, 0.0, 1.0])),
        ("0/weight", np.array([1.0])),
        ("0/key/0", np.array([0, 9])),
        ("0/sums/n", np.array([[1], [2], [3]])),
        ("0/sums/n", np.array([[1], [3]])),  # of A there are three rows
        ("0/n", None),
    ],
)
def test_arrays_that_do_not_fit_each_other_are_refused(tmp_path, hh, spec, array, values):
    path = tmp_path / "profiles.npz"
    pc.profiles(hh, spec, by="place").save(path)
    with np.load(path) as archive:
        arrays = dict(archive)
    assert array in arrays
    arrays[array] = values
    np.savez(path, **{name: part for name, part in arrays.items() if part is not None})
    with pytest.raises(errors.FileFormatError, match="table 0 are not complete"):
        pc.Profiles.load(path)


def test_a_file_that_is_not_an_archive_is_refused(tmp_path):
    path = tmp_path / "profiles.npz"
    path.write_text("place,ill\nA,1\n", encoding="utf-8")
    with pytest.raises(errors.FileFormatError, match="does not hold profiles"):
        pc.Profiles.load(path)
    np.savez(path, ill=np.zeros(3))
    with pytest.raises(errors.FileFormatError, match="does not hold profiles"):
        pc.Profiles.load(path)
    with pytest.raises(FileNotFoundError):
        pc.Profiles.load(tmp_path / "nowhere.npz")


def test_an_indicator_named_like_a_key_is_refused_only_in_the_frame(hh, spec):
    prof = pc.profiles(hh, spec, by="ill")
    assert len(prof.multidim(k="1/3")) == 6
    with pytest.raises(errors.DuplicateNameError, match="'ill'"):
        prof.to_frame()


@pytest.mark.parametrize(
    ("ask", "argument"),
    [
        (lambda prof: prof.pairs(measures="phi"), "measures"),
        (lambda prof: prof.pairs(missing="reweight"), "missing"),
        (lambda prof: prof.pairs(k="1/3", scheme="none"), "scheme"),
        (lambda prof: prof.combinations(n=0), "n"),
        (lambda prof: prof.combinations(n=2.5), "n"),
        (lambda prof: prof.combinations(at_least="ill"), "at_least"),
        (lambda prof: prof.missing_report("skip"), "missing"),
        (lambda prof: prof.regroup(by="place"), "by"),
        (lambda prof: prof.regroup(by="place", over="place"), "over"),
        (lambda prof: prof.only("sick"), "indicators"),
        (lambda prof: prof.only([]), "indicators"),
    ],
)
def test_options_that_do_not_exist_are_named(hh, spec, ask, argument):
    with pytest.raises(errors.OptionError) as raised:
        ask(pc.profiles(hh, spec))
    assert raised.value.argument == argument


def test_a_missing_label_is_an_error_unless_kept(hh, spec):
    hh["place"] = ["A", None, "B", "B"]
    with pytest.raises(errors.MissingValueError, match="place"):
        pc.profiles(hh, spec, by="place")
    assert pc.profiles(hh, spec, by="place", missing_groups="keep").tables[0].groups.n_groups == 3


def test_what_is_not_a_specification_is_refused(hh):
    with pytest.raises(errors.OptionError, match="a Spec, a Standard or Packed rows, found list"):
        pc.profiles(hh, ["ill"])
    with pytest.raises(errors.OptionError, match=r"found dict; pc\.Spec"):
        pc.profiles(hh, {"health": ["ill"]})
    with pytest.raises(errors.OptionError, match=r"found str; pc\.spec\('wb-mpm'\)"):
        pc.profiles(hh, "wb-mpm")


def test_fractions_of_the_joint_shares_add_up(hh, spec):
    # every household has one combination: with those without any the shares add to 1
    est = pc.profiles(hh, spec).combinations(n=100, at_least=0, missing="deprived")
    assert sum(map(Fraction, est["estimate"])) == 1
