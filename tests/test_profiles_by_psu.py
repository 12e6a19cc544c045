"""Profiles of a sample: cells by group, stratum and PSU, which standard errors are made of.

Source of truth: cells counted in the tests row by row; the same rows as a register.
"""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

import povertycore as pc
from povertycore import errors

DIMENSIONS = {"health": ["ill", "hungry"], "school": ["absent"], "home": ["water"]}
NAMES = [name for members in DIMENSIONS.values() for name in members]
INFERENCE = ["se", "ci_low", "ci_high", "cv", "df", "deff", "n_psu"]
SAMPLE = pc.Design(size="members", strata="stratum", psu="psu", lonely="certainty")
REGISTER = pc.Design(size="members")

row_of = st.fixed_dictionaries(
    {name: st.sampled_from([0, 1, None]) for name in NAMES}
    | {
        "place": st.sampled_from(["A", "B"]),
        "area": st.sampled_from(["rural", "urban"]),
        "stratum": st.sampled_from([1, 2]),
        "psu": st.sampled_from(["a", "b", "c"]),
        "members": st.integers(0, 6),
        "domain": st.booleans(),
    }
)
rows_of = st.lists(row_of, min_size=1, max_size=40)


def frame_of(rows):
    columns = ["place", "area", "stratum", "psu", "members", "domain"]
    frame = pd.DataFrame(rows, columns=[*NAMES, *columns])
    frame[NAMES] = frame[NAMES].astype("Int8")
    return frame


@pytest.fixture
def spec():
    return pc.Spec(DIMENSIONS)


@pytest.fixture
def sample():
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({name: rng.integers(0, 2, 400) for name in NAMES})
    frame["place"] = rng.choice(["A", "B", "Đ"], 400)
    frame["area"] = rng.choice(["rural", "urban"], 400)
    frame["stratum"] = rng.integers(1, 4, 400)
    frame["psu"] = rng.integers(1, 6, 400)
    frame["members"] = rng.integers(1, 6, 400)
    frame["year"] = rng.choice([2020, 2022], 400)
    return frame


def labels(table):
    """The labels of each group's keys."""
    groups = table.groups
    columns = [levels.take(code) for levels, code in zip(groups.levels, groups.codes, strict=True)]
    return list(zip(*(list(column) for column in columns), strict=True))


# --- worked example -------------------------------------------------------------------------------


def test_cells_are_kept_by_stratum_and_psu():
    # PSU 7 occurs in both strata: with strata it is two PSUs
    rows = {"ill": [1, 1, 0, 1], "stratum": [1, 1, 1, 2], "psu": [7, 7, 8, 7]}
    design = pc.Design(strata="stratum", psu="psu")
    prof = pc.profiles(rows, pc.Spec({"health": ["ill"]}), design=design)
    assert prof.sampling == ("stratum", "psu")
    (table,) = prof.by_psu
    assert labels(table) == [(1, 7), (1, 8), (2, 7)]
    assert table.n.tolist() == [2, 1, 1]
    assert table.deprived.tolist() == [1, 0, 1]
    assert prof.to_frame().to_numpy().tolist() == [[0, 1, 1], [1, 3, 3]]
    assert repr(prof) == (
        "<Profiles: 1 indicators, by=[], by stratum, psu too, 1 groups, 2 cells, 4 rows,"
        " households>"
    )


# --- oracle ---------------------------------------------------------------------------------------


@given(rows_of)
def test_cells_are_those_counted_row_by_row(rows):
    n, weight, seen = Counter(), Counter(), set()
    for row in rows:
        group = (row["place"], row["stratum"], row["psu"])
        seen.add(group)
        if row["domain"]:
            cell = (group, *(row[name] for name in NAMES))
            n[cell] += 1
            weight[cell] += row["members"]
    prof = pc.profiles(
        frame_of(rows), pc.Spec(DIMENSIONS), by="place", where="domain", design=SAMPLE
    )
    (table,) = prof.by_psu
    groups = labels(table)
    assert groups == sorted(seen)  # a PSU without rows in the domain stays
    found = {}
    for i in range(len(table.n)):
        bits = [
            None if int(table.missing[i]) >> j & 1 else int(table.deprived[i]) >> j & 1
            for j in range(len(NAMES))
        ]
        found[groups[table.group[i]], *bits] = (table.n[i], table.weight[i])
    assert len(found) == len(table.n)
    assert found == {cell: (n[cell], weight[cell]) for cell in n}


# --- properties -----------------------------------------------------------------------------------


@given(rows=rows_of, missing=st.sampled_from(["drop", "reweight", "reweight_rows", "bounds"]))
def test_points_are_those_of_a_register(rows, missing):
    frame, spec = frame_of(rows), pc.Spec(DIMENSIONS)
    asked = {"k": ["1/3", "1/2"], "measures": "all", "missing": missing}
    for words in ({"by": ["place", "area"]}, {"over": ["place", "area"]}, {}):
        words = {"where": "domain", **words}
        found = pc.profiles(frame, spec, design=SAMPLE, **words)
        expected = pc.profiles(frame, spec, design=REGISTER, **words)
        pd.testing.assert_frame_equal(found.to_frame(), expected.to_frame(), check_exact=True)
        one, other = (part.multidim(**asked).to_frame() for part in (found, expected))
        points = [name for name in other.columns if name not in (*INFERENCE, "note")]
        pd.testing.assert_frame_equal(one[points], other[points])
        pd.testing.assert_frame_equal(found.missing_report(), expected.missing_report())


def assert_same(found, expected):
    """Two profiles have the same cells in the same PSUs."""
    assert found.sampling == expected.sampling
    for one, other in zip(found.by_psu, expected.by_psu, strict=True):
        assert labels(one) == labels(other)
        for word in ("group", "deprived", "missing", "n", "weight"):
            assert getattr(one, word).tolist() == getattr(other, word).tolist()


def test_parts_added_up_are_one_pass(sample, spec):
    for words in ({"by": "place"}, {"over": ["place", "area"]}):
        parts = [pc.profiles(sample[j::3], spec, design=SAMPLE, **words) for j in range(3)]
        assert_same(sum(parts), pc.profiles(sample, spec, design=SAMPLE, **words))


def test_groups_of_fewer_keys_and_some_indicators_keep_their_psus(sample, spec):
    prof = pc.profiles(sample, spec, by=["place", "area"], design=SAMPLE)
    for words in ({"by": "area"}, {"by": ["area", "place"]}, {}, {"over": ["area", "place"]}):
        assert_same(prof.regroup(**words), pc.profiles(sample, spec, design=SAMPLE, **words))
    fewer = pc.Spec({"health": ["ill"], "home": ["water"]})
    alone = pc.profiles(sample, fewer, by=["place", "area"], design=SAMPLE)
    assert_same(prof.only(["ill", "water"]), alone)


def test_a_file_keeps_the_psus(tmp_path, sample, spec):
    prof = pc.profiles(sample, spec, over=["place", "area"], design=SAMPLE)
    prof.save(tmp_path / "profiles.npz")
    again = pc.Profiles.load(tmp_path / "profiles.npz", spec)
    assert_same(again, prof)
    assert_same(again + prof, prof + prof)


def test_packed_rows_are_counted_by_psu_too(sample, spec):
    packed = pc.pack(sample, spec)
    found = pc.profiles(sample.drop(columns=NAMES), packed, by="place", design=SAMPLE)
    assert_same(found, pc.profiles(sample, spec, by="place", design=SAMPLE))


def test_samples_of_several_periods_are_kept_apart(sample, spec):
    design = pc.Design(strata="stratum", psu="psu", period="year")
    prof = pc.profiles(sample, spec, by="place", design=design)
    assert prof.sampling == ("year", "stratum", "psu")
    expected = sample[["place", "year", "stratum", "psu"]].drop_duplicates()
    assert labels(prof.by_psu[0]) == sorted(expected.itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ({"psu": "row"}, ["(row)"]),
        ({"strata": "stratum"}, ["stratum", "(row)"]),
        ({"psu": "psu", "strata": "stratum", "fpc": "n"}, ["stratum", "psu", "n"]),
        ({"psu": "psu", "ssu": "area"}, ["psu"]),  # with replacement the first stage is enough
        ({"psu": "psu", "ssu": "area", "fpc": "n", "fpc2": "m"}, ["psu", "area", "n", "m"]),
    ],
)
def test_what_else_tells_of_a_unit_is_kept(sample, spec, words, names):
    sample["n"], sample["m"] = 50, 7
    prof = pc.profiles(sample, spec, by="place", design=pc.Design(**words))
    assert prof.sampling == tuple(names)
    columns = [name for name in names if name != "(row)"]
    if "(row)" in names:
        expected = {row: tuple(label) for row, label in enumerate(sample[columns].to_numpy())}
        found = {label[-1]: label[1:-1] for label in labels(prof.by_psu[0])}
        assert found == expected
    else:
        distinct = sample[["place", *columns]].drop_duplicates()
        assert labels(prof.by_psu[0]) == sorted(distinct.itertuples(index=False, name=None))


def test_what_is_the_same_in_every_psu_needs_no_pass_of_its_own(sample, spec, monkeypatch):
    sample["district"] = sample["stratum"].map({1: "x", 2: "y", 3: "x"})
    from povertycore import _core

    passes, total = [], _core.total
    monkeypatch.setattr(
        _core, "total", lambda *a, **k: passes.append("profile" in k) or total(*a, **k)
    )
    prof = pc.profiles(sample, spec, over=["stratum", "district"], design=SAMPLE)
    assert sum(passes) == 1
    expected = sample[["district", "stratum", "psu"]].drop_duplicates()
    assert labels(prof.by_psu[2]) == sorted(expected.itertuples(index=False, name=None))


# --- edges ----------------------------------------------------------------------------------------


def test_a_key_may_be_the_stratum(sample, spec):
    prof = pc.profiles(sample, spec, by="stratum", design=SAMPLE)
    register = pc.profiles(sample, spec, by="stratum", design=REGISTER)
    assert prof.to_frame().equals(register.to_frame())


def test_a_sample_without_rows_has_no_psus(sample, spec):
    prof = pc.profiles(sample[:0], spec, design=SAMPLE)
    assert len(prof) == 0
    assert prof.by_psu[0].n_groups == 0
    assert prof.multidim(k=1)["estimate"].isna().all()


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing_groups", ["error", "keep"])
@pytest.mark.parametrize("column", ["stratum", "psu"])
def test_a_missing_stratum_or_psu_is_an_error(sample, spec, column, missing_groups):
    sample[column] = sample[column].astype("Int64").mask(sample.index == 5)
    with pytest.raises(errors.MissingValueError, match=column) as raised:
        pc.profiles(sample, spec, by="place", design=SAMPLE, missing_groups=missing_groups)
    assert (raised.value.column, raised.value.row) == (column, 5)


def test_profiles_of_a_sample_and_of_a_register_are_not_added(sample, spec):
    with pytest.raises(errors.ComparabilityError, match="sampling"):
        pc.profiles(sample, spec, design=SAMPLE) + pc.profiles(sample, spec, design=REGISTER)
