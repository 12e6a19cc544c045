"""Totals, means and ratios of columns, and counts of units.

Source of truth: arithmetic in the comments, and tests/oracles/total.py, exact fractions row by row.
"""

import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

import povertycore as pc
from oracles.total import means, ratios, totals
from povertycore import errors

VERBS = {
    "total": lambda data, **words: pc.total(data, "aid", **words),
    "mean": lambda data, **words: pc.mean(data, "aid", **words),
    "ratio": lambda data, **words: pc.ratio(data, "aid", "income", **words),
}
ORACLES = {
    "total": lambda rows, **words: totals(rows, "aid", **words),
    "mean": lambda rows, **words: means(rows, "aid", **words),
    "ratio": lambda rows, **words: ratios(rows, "aid", "income", **words),
}


@pytest.fixture
def hh():
    return pd.DataFrame(
        {
            "commune": ["01", "01", "02"],
            "poor": [1, 0, 1],
            "aid": [5.0, 7.0, np.nan],
            "income": [10.0, 30.0, 8.0],
            "size": [2, 4, 3],
            "w": [1.0, 2.0, 1.0],
            "status": ["poor", "other", "poor"],
        }
    )


# --- worked example -------------------------------------------------------------------------------


def test_total_is_the_weighted_sum(hh):
    # 01: 1 x 5 + 2 x 7; 02: not known
    est = pc.total(hh, "aid", by="commune", design=pc.Design(weight="w"))
    assert est["estimate"].tolist()[0] == 19.0
    assert math.isnan(est["estimate"].tolist()[1])
    assert est["measure"].tolist() == ["total", "total"]
    assert est["variable"].tolist() == ["aid", "aid"]
    assert est["numerator"].isna().all()


def test_mean_is_the_weighted_sum_over_the_weights(hh):
    est = pc.mean(hh, ["aid", "income"], by="commune", design=pc.Design(weight="w"))
    # 01: 19/3 and (10 + 60)/3; 02: not known and 8
    assert est["estimate"].tolist() == pytest.approx([19 / 3, 70 / 3, math.nan, 8], nan_ok=True)
    assert est["numerator"].tolist() == [19.0, 70.0, 0.0, 8.0]
    assert est["denominator"].tolist() == [3.0, 3.0, 0.0, 1.0]


def test_ratio_is_the_quotient_of_two_totals(hh):
    est = pc.ratio(hh, "aid", "income", design=pc.Design(weight="w"))
    # (5 + 14)/(10 + 60): the row without aid is out of both
    assert est["estimate"].tolist() == [19 / 70]
    assert est["numerator"].tolist() == [19.0]
    assert est["denominator"].tolist() == [70.0]
    assert est["population"].tolist() == [3.0]
    assert (est["n_obs"].item(), est["n_missing"].item()) == (2, 1)
    assert est["variable"].tolist() == ["aid/income"]


def test_total_without_a_column_counts_the_units(hh):
    est = pc.total(hh, by="commune", design=pc.Design(weight="w"))
    assert est["estimate"].tolist() == [3.0, 1.0]
    assert est["variable"].tolist() == ["", ""]
    assert est["n_obs"].tolist() == [2, 1]
    assert est["unit"].tolist() == ["households"] * 2


def test_persons_are_counted_where_the_design_has_a_size(hh):
    design = pc.Design(weight="w", size="size")
    est = pc.total(hh, by="commune", design=design)
    assert est["estimate"].tolist() == [1 * 2 + 2 * 4, 3.0]
    assert est["unit"].tolist() == ["persons"] * 2
    assert pc.total(hh, "poor", design=design)["estimate"].tolist() == [2.0 + 3.0]
    households = pc.total(hh, "poor", design=design, count="households")
    assert households["estimate"].tolist() == [2.0]
    assert households["unit"].tolist() == ["households"]


def test_total_of_categories_counts_the_units_of_each(hh):
    frame = pc.total(hh, "status", by="commune").to_frame()
    assert frame["category"].tolist() == ["other", "poor"] * 2
    assert frame["estimate"].tolist() == [1.0, 1.0, 0.0, 1.0]


def test_total_covers_measured_rows_and_says_so(hh):
    est = pc.total(hh, ["aid", "income"])
    assert est["estimate"].tolist() == [12.0, 48.0]
    assert est["note"].tolist() == ["covers measured rows only", ""]
    assert est["n_missing"].tolist() == [1, 0]


def test_mean_over_persons_gives_each_the_value_of_the_household(hh):
    # (10 x 2 + 30 x 4 + 8 x 3)/(2 + 4 + 3)
    est = pc.mean(hh, "income", design=pc.Design(size="size"))
    assert est["estimate"].tolist() == [164 / 9]
    assert est["unit"].tolist() == ["persons"]


def test_totals_over_a_key_are_sums(hh):
    est = pc.total(hh, "income", by="commune", totals="commune")
    assert est["commune"].tolist() == ["01", "02", "(total)"]
    assert est["estimate"].tolist() == [40.0, 8.0, 48.0]


# --- oracle ---------------------------------------------------------------------------------------

household = st.fixed_dictionaries(
    {
        "commune": st.sampled_from(["01", "02", "03"]),
        "aid": st.sampled_from([0.0, 1.5, -2.0, 1e6, None]),
        "income": st.sampled_from([0.0, 1.5, 3.0, None]),
        "urban": st.booleans(),
        "w": st.sampled_from([0.0, 0.25, 1.0, 2.5]),  # sums of these are exact in float64
        "size": st.integers(0, 6),
    }
)


def frame_of(rows):
    return pd.DataFrame(rows).astype({"aid": "float64", "income": "float64"})


def assert_equal(est, expected):
    found = {(row["commune"],): row for row in est.to_frame().to_dict("records")}
    assert found.keys() == expected.keys()
    for key, figures in expected.items():
        for word, value in figures.items():
            want = math.nan if value is None else float(value)
            assert found[key][word] == pytest.approx(want, rel=1e-15, abs=0, nan_ok=True), (
                key,
                word,
            )


@pytest.mark.parametrize("verb", VERBS)
@given(rows=st.lists(household, min_size=1, max_size=30))
def test_measures_agree_with_the_oracle(verb, rows):
    est = VERBS[verb](
        frame_of(rows),
        by="commune",
        where="urban",
        design=pc.Design(weight="w", size="size"),
        count="persons",
    )
    expected = ORACLES[verb](rows, by=["commune"], where="urban", weight="w", size="size")
    assert_equal(est, expected)


@given(st.lists(household, min_size=1, max_size=20))
def test_counts_of_units_agree_with_the_oracle(rows):
    est = pc.total(frame_of(rows), by="commune", design=pc.Design(weight="w", size="size"))
    assert_equal(est, totals(rows, None, ["commune"], None, "w", "size"))


def test_the_generator_makes_undefined_ratios_and_empty_groups():
    seen = set()

    @given(st.lists(household, min_size=1, max_size=30))
    def look(rows):
        for figures in ratios(rows, "aid", "income", ["commune"], "urban", "w").values():
            if figures["n_obs"] == 0:
                seen.add("empty")
            elif figures["estimate"] is None:
                seen.add("zero" if figures["population"] else "weightless")
            else:
                seen.add("negative" if figures["estimate"] < 0 else "defined")

    look()
    assert seen == {"empty", "zero", "weightless", "negative", "defined"}


KINDS = {
    "polars": lambda frame: pl.from_pandas(frame, nan_to_null=True),
    "polars, lazy": lambda frame: pl.from_pandas(frame, nan_to_null=True).lazy(),
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "mapping": lambda frame: {name: frame[name].to_numpy() for name in frame},
    "pandas, nullable": lambda frame: frame.convert_dtypes(),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("verb", VERBS)
def test_every_kind_of_frame_gives_the_same_table(hh, verb, kind):
    words = {"by": "commune", "design": pc.Design(weight="w"), "totals": "commune"}
    expected = VERBS[verb](hh, **words).to_frame()
    found = VERBS[verb](KINDS[kind](hh), **words).to_frame()
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


# --- properties -----------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
@given(rows=st.lists(household, min_size=1, max_size=15), random=st.randoms())
def test_rows_reordered_change_nothing(verb, rows, random):
    words = {"by": "commune", "design": pc.Design(weight="w")}
    expected = VERBS[verb](frame_of(rows), **words).to_frame()
    found = VERBS[verb](frame_of(random.sample(rows, len(rows))), **words).to_frame()
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize(("verb", "power"), [("total", 1), ("mean", 0), ("ratio", 0)])
@given(rows=st.lists(household, min_size=1, max_size=15), factor=st.sampled_from([0.5, 4.0]))
def test_weights_rescaled_scale_totals_only(verb, power, rows, factor):
    words = {"by": "commune", "design": pc.Design(weight="w")}
    frame = frame_of(rows)
    expected = VERBS[verb](frame, **words)["estimate"] * factor**power
    found = VERBS[verb](frame.assign(w=frame["w"] * factor), **words)["estimate"]
    assert found.equals(expected)


@pytest.mark.parametrize("verb", VERBS)
@given(rows=st.lists(household, min_size=1, max_size=15))
def test_an_integer_weight_is_that_many_rows(verb, rows):
    weighted = frame_of([row | {"w": float(row["size"] + 1)} for row in rows])
    repeated = frame_of([row for row in rows for _ in range(row["size"] + 1)])
    found = VERBS[verb](weighted, by="commune", design=pc.Design(weight="w"))
    expected = VERBS[verb](repeated, by="commune")
    for word in ("estimate", "population"):
        assert found[word].equals(expected[word])


@pytest.mark.parametrize("verb", VERBS)
def test_zero_weight_row_moves_nothing(hh, verb):
    words = {"by": "commune", "design": pc.Design(weight="w")}
    more = pd.concat([hh, hh.iloc[:1].assign(w=0.0, aid=1e9)])
    assert VERBS[verb](more, **words)["estimate"].equals(VERBS[verb](hh, **words)["estimate"])


@given(st.lists(household, min_size=1, max_size=20))
def test_totals_of_the_groups_add_up_to_the_whole(rows):
    frame = frame_of(rows)
    parts = pc.total(frame, "aid", by="commune")
    whole = pc.total(frame, "aid")
    assert parts["estimate"].sum() == (whole["estimate"].item() if whole["n_obs"].item() else 0)
    assert parts["population"].sum() == whole["population"].item()


def test_mean_of_a_flag_is_its_rate(hh):
    found = pc.mean(hh, "poor", by="commune")["estimate"]
    assert found.equals(pc.rate(hh, "poor", by="commune")["estimate"])


def test_millions_of_tenths_add_up(hh):
    n = 1_000_000
    est = pc.total({"x": np.full(n, 0.1)}, "x")
    assert est["estimate"].item() == pytest.approx(n * 0.1, rel=1e-15)


# --- edges ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_no_rows_give_no_groups_and_a_missing_whole(hh, verb):
    assert len(VERBS[verb](hh.iloc[:0], by="commune")) == 0
    whole = VERBS[verb](hh.iloc[:0])
    assert whole["estimate"].isna().tolist() == [True]
    assert whole["note"].tolist() == ["no rows in the domain"]


@pytest.mark.parametrize("verb", VERBS)
def test_all_missing_and_all_weightless_are_missing_and_say_so(hh, verb):
    est = VERBS[verb](hh.assign(aid=np.nan))
    assert est["estimate"].isna().all()
    assert est["note"].tolist() == ["every value is missing"]
    est = VERBS[verb](hh.assign(w=0.0), design=pc.Design(weight="w"))
    assert est["estimate"].isna().all()
    assert est["note"].tolist() == ["every weight is zero"]


def test_a_ratio_over_nothing_is_missing_and_says_so(hh):
    est = pc.ratio(hh.assign(income=0.0), "aid", "income")
    assert est["estimate"].isna().all()
    assert est["note"].tolist() == ["the denominator is zero"]


def test_one_row_is_enough(hh):
    one = hh.iloc[:1]
    assert [VERBS[verb](one)["estimate"].item() for verb in VERBS] == [5.0, 5.0, 0.5]


def test_a_group_emptied_by_the_domain_keeps_its_row(hh):
    est = pc.total(hh, by="commune", where="poor", observed=False)
    assert est["estimate"].tolist() == [1.0, 1.0]
    est = pc.total(hh, by="commune", where=hh["commune"] == "01")
    assert est["n_obs"].tolist() == [2, 0]
    assert math.isnan(est["estimate"].tolist()[1])


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["aid", ["poor", "income"], "size"])
def test_an_amount_is_never_multiplied_by_the_members_unasked(hh, column):
    design = pc.Design(size="size")
    with pytest.raises(errors.OptionError, match="count='households'") as caught:
        pc.total(hh, column, design=design)
    assert caught.value.argument == "count"
    assert len(pc.total(hh, column, design=design, count="households")) >= 1


@pytest.mark.parametrize(
    "parts", [(["aid", "income"], "income"), ("aid", []), (["aid"], ["a", "b"])]
)
def test_a_ratio_has_two_parts(hh, parts):
    with pytest.raises(errors.OptionError, match="one column above and one below"):
        pc.ratio(hh, *parts)


def test_a_ratio_of_amounts_asks_what_is_counted(hh):
    design = pc.Design(size="size")
    with pytest.raises(errors.OptionError, match="count='households'"):
        pc.ratio(hh, "aid", "income", design=design)
    with pytest.raises(errors.OptionError, match="income"):
        pc.ratio(hh, "poor", "income", design=design)
    per_household = pc.ratio(hh, "aid", "income", design=design, count="households")
    assert per_household["estimate"].tolist() == [12 / 40]
    per_person = pc.ratio(hh, "aid", "income", design=design, count="persons")
    assert per_person["estimate"].tolist() == [(5 * 2 + 7 * 4) / (10 * 2 + 30 * 4)]


def test_a_ratio_of_flags_needs_no_count(hh):
    hh["minority"] = [True, True, False]
    est = pc.ratio(hh, "poor", "minority", design=pc.Design(size="size"))
    assert est["estimate"].tolist() == [5 / 6]


@pytest.mark.parametrize("call", [pc.mean, lambda hh, column: pc.ratio(hh, column, "income")])
def test_a_mean_of_text_is_an_error(hh, call):
    with pytest.raises(errors.DTypeError, match="status") as caught:
        call(hh, "status")
    assert caught.value.column == "status"


@pytest.mark.parametrize("verb", VERBS)
def test_an_infinite_value_is_an_error_with_its_row(hh, verb):
    hh["aid"] = [1.0, np.inf, 2.0]
    with pytest.raises(errors.ValueRangeError) as caught:
        VERBS[verb](hh)
    assert (caught.value.column, caught.value.row) == ("aid", 1)


@pytest.mark.parametrize("verb", VERBS)
def test_the_options_of_rate_hold_for_every_measure(hh, verb):
    with pytest.raises(errors.OptionError, match="by and over"):
        VERBS[verb](hh, by="commune", over="poor")
    with pytest.raises(errors.ColumnNotFoundError):
        VERBS[verb](hh, by="comune")
    est = VERBS[verb](hh, over="commune", standard="vn-2022")
    assert est["level"].tolist() == ["(total)", "01", "02"]
    assert set(est["standard"]) == {"vn-2022"}
