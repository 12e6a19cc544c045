"""Gaps of amounts below their limits: M1, M2 and other powers.

Source of truth: the published worked example as fractions, and tests/oracles/multidim.py, the
definition row by row in fractions.
"""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

import povertycore as pc
from oracles import multidim as oracle
from povertycore import errors
from povertycore.measures import profile_rows

F = Fraction


def value(est, measure, **keys):
    """The one estimate of a measure."""
    frame = est.to_frame()
    keep = frame["measure"] == measure
    for name, label in keys.items():
        keep &= frame[name] == label
    (found,) = frame.loc[keep, "estimate"].tolist()
    return found


# --- worked example: four persons, four dimensions (Alkire and Foster 2011) -----------------------

AMOUNTS = pd.DataFrame(
    {
        "a": [13.1, 15.2, 12.5, 20.0],
        "b": [14.0, 7.0, 10.0, 11.0],
        "c": [4.0, 5.0, 1.0, 3.0],
        "d": [1.0, 0.0, 0.0, 1.0],
    }
)
LIMITS = {"a": 13, "b": 12, "c": 3, "d": 1}


def amounts_spec(weights=None, dimensions=None):
    dimensions = dimensions or {name: [name] for name in LIMITS}
    return pc.Spec(
        {
            dimension: [{"id": name, "column": name, "below": LIMITS[name]} for name in members]
            for dimension, members in dimensions.items()
        },
        weights=weights,
    )


@pytest.mark.parametrize(
    ("k", "weights", "m1", "m2"),
    [
        ("1/4", None, "263/1248", "32297/194688"),
        ("1/2", None, "171/832", "21475/129792"),
        ("3/4", None, "73/624", "4483/48672"),
        ("1", None, "73/624", "4483/48672"),
        ("1/2", {"a": "1/2", "b": "1/4", "c": "1/8", "d": "1/8"}, "7/104", "509/10816"),
    ],
)
def test_gaps_of_amounts(k, weights, m1, m2):
    est = pc.multidim(AMOUNTS, amounts_spec(weights), k=k, measures=["M0", "M1", "M2"])
    assert value(est, "M1") == pytest.approx(float(F(m1)), rel=4e-16)
    assert value(est, "M2") == pytest.approx(float(F(m2)), rel=4e-16)


# --- oracle ---------------------------------------------------------------------------------------


amounts_row = st.fixed_dictionaries(
    {name: st.sampled_from([-1.0, 0.0, 0.5, 1, 3, 12, 12.75, 13.0, 20.0, None]) for name in LIMITS}
    | {"w": st.sampled_from([0.25, 1.0, 2.5]), "place": st.sampled_from(["A", "B"])}
)


@given(
    rows=st.lists(amounts_row, min_size=1, max_size=20),
    k=st.sampled_from(["1/4", "1/2", "1"]),
    missing=st.sampled_from(["drop", "not_deprived", "reweight", "reweight_rows"]),
)
def test_gaps_are_those_of_the_oracle(rows, k, missing):
    frame = pd.DataFrame(rows).astype(dict.fromkeys(LIMITS, "float64"))
    alphas = (1, 0.5, 3)
    dimensions = {"x": ["a", "b"], "y": ["c", "d"]}
    est = pc.multidim(
        frame,
        amounts_spec(dimensions=dimensions),
        k=k,
        measures=[f"M{alpha}" for alpha in alphas],
        by="place",
        missing=missing,
        design=pc.Design(weight="w"),
    )
    weights = dict.fromkeys(LIMITS, F(1, 4))
    for place in {row["place"] for row in rows}:
        group = [row for row in rows if row["place"] == place]
        for alpha in alphas:
            expected = oracle.gap_measure(
                group, LIMITS, dimensions, weights, F(k), alpha, missing=missing, weight="w"
            )
            found = value(est, f"M{alpha}", place=place)
            if expected is None:
                assert math.isnan(found)
            else:
                assert math.isclose(found, expected, rel_tol=1e-12, abs_tol=1e-15), (place, alpha)


def test_being_deprived_does_not_tell_by_how_much():
    frame = AMOUNTS.copy()
    frame.loc[0, "a"] = np.nan
    asked = {"k": "1/4", "measures": ["H", "M1"]}
    for missing, why in (
        ("deprived", "the gap of a missing value is not known"),
        ("bounds", "not bounded by what is missing"),
    ):
        est = pc.multidim(frame, amounts_spec(), missing=missing, **asked).to_frame()
        row = est.set_index("measure").loc["M1"]
        assert math.isnan(row["estimate"])
        assert row["note"] == why
    complete = pc.multidim(AMOUNTS, amounts_spec(), missing="deprived", **asked)
    assert value(complete, "M1") == pytest.approx(float(F("263/1248")), rel=4e-16)


@pytest.mark.parametrize("kind", ["float32", "int64", "Int16", "Float64"])
def test_amounts_of_any_type_have_gaps(kind):
    # 8 at the limit and 2 below a limit of 8: the gap is 3/4
    rows = pd.DataFrame({"x": pd.array([8, 2, 11, 8], dtype=kind)})
    spec = pc.Spec({"x": [pc.Indicator("x", at_or_below=8)]})
    est = pc.multidim(rows, spec, k=1, measures=["H", "M1", "M2"])
    assert est["estimate"].tolist() == [3 / 4, 3 / 16, 9 / 64]


def test_an_amount_at_its_limit_has_no_gap_in_the_columns_own_type():
    # 0.7 is below 0.7 if one is float32 and the other float64; the poor household's gap is y's
    rows = {"x": np.array([0.7], dtype=np.float32), "y": np.array([0.5])}
    spec = pc.Spec({name: [pc.Indicator(name, below=0.7 if name == "x" else 1)] for name in "xy"})
    est = pc.multidim(rows, spec, k="1/2", measures=["H", "M1"])
    assert est["estimate"].tolist() == [1, 1 / 4]


# --- properties -----------------------------------------------------------------------------------


@pytest.fixture
def amounts():
    rng = np.random.default_rng(21)
    frame = pd.DataFrame({name: rng.integers(0, 2 * z, 500) for name, z in LIMITS.items()})
    frame = frame.astype("Float64").mask(rng.random((500, 4)) < 0.05)
    return frame.assign(w=rng.integers(1, 9, 500), place=rng.choice(["B", "A", "Đ"], 500))


def test_gaps_are_kept_where_profiles_are_added_or_saved(tmp_path, amounts):
    words = {"design": pc.Design(weight="w"), "alphas": [1, 0.5]}
    asked = {"k": ["1/4", "1/2"], "measures": ["M1", "M0.5"], "missing": "not_deprived"}
    spec = amounts_spec()
    whole = pc.profiles(amounts, spec, by="place", **words)
    expected = whole.multidim(**asked).to_frame()
    together = sum(pc.profiles(amounts[j::3], spec, by="place", **words) for j in range(3))
    found = together.multidim(**asked).to_frame()
    np.testing.assert_allclose(found["estimate"], expected["estimate"], rtol=1e-12)
    whole.save(tmp_path / "profiles.npz")
    again = pc.Profiles.load(tmp_path / "profiles.npz", spec)
    pd.testing.assert_frame_equal(again.multidim(**asked).to_frame(), expected, check_exact=True)
    regrouped = whole.regroup().multidim(**asked)["estimate"]
    np.testing.assert_allclose(
        regrouped, pc.profiles(amounts, spec, **words).multidim(**asked)["estimate"], rtol=1e-12
    )
    fewer = pc.Spec({name: spec.indicators[j : j + 1] for j, name in [(0, "a"), (2, "c")]})
    np.testing.assert_allclose(
        whole.only(["a", "c"]).multidim(**asked)["estimate"],
        pc.profiles(amounts, fewer, by="place", **words).multidim(**asked)["estimate"],
        rtol=1e-12,
    )
    with pytest.raises(errors.ComparabilityError, match="gaps to the powers"):
        whole + pc.profiles(amounts, spec, by="place", design=pc.Design(weight="w"))


def test_columns_of_gaps_made_a_few_at_a_time_give_the_same_sums(amounts, monkeypatch):
    words = {"by": "place", "alphas": [1, 2]}
    (expected,) = pc.profiles(amounts, amounts_spec(), **words).tables
    for at_once in (1, 1_500):
        monkeypatch.setattr(profile_rows, "GAPS_AT_ONCE", at_once)
        (found,) = pc.profiles(amounts, amounts_spec(), **words).tables
        for alpha in (1, 2):
            assert found.gaps[alpha].tolist() == expected.gaps[alpha].tolist()


def test_packed_rows_have_gaps_of_the_columns(amounts):
    asked = {"k": "1/4", "measures": ["H", "M1"], "over": "place"}
    packed = pc.pack(amounts, amounts_spec())
    found = pc.multidim(amounts, packed, **asked)
    assert found.to_frame().equals(pc.multidim(amounts, amounts_spec(), **asked).to_frame())


# --- errors ---------------------------------------------------------------------------------------


def test_a_power_has_one_name_however_it_is_written():
    asked = ["M0", "M00", "M0.0", "M1", "M1.0", "M01", "M0.50", "M10"]
    est = pc.multidim(AMOUNTS, amounts_spec(), k="1/2", measures=asked)
    assert est["measure"].tolist() == ["M0", "M1", "M0.5", "M10"]


def test_gaps_need_amounts():
    for spec in (
        pc.Spec({"x": ["x"]}),
        pc.Spec({"x": [pc.Indicator("x", isin=[0, 1])]}),
        pc.Spec({"x": [pc.Indicator("x", below=0)]}),
    ):
        with pytest.raises(errors.OptionError, match="gaps need") as raised:
            pc.multidim({"x": [0, 1]}, spec, k=1, measures="M1")
        assert raised.value.argument == "alphas"


def test_profiles_without_gaps_say_how_to_keep_them():
    prof = pc.profiles(AMOUNTS, amounts_spec(), alphas=[1])
    assert value(prof.multidim(k="1/2", measures="M1"), "M1") == pytest.approx(171 / 832)
    with pytest.raises(errors.OptionError, match=r"alphas=\[2\]"):
        prof.multidim(k="1/2", measures="M2")
