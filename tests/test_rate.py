"""Rates by group.

Source of truth: arithmetic in the comments, and tests/oracles/rate.py, exact fractions row by row.
"""

import math
import unicodedata

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

import povertycore as pc
from oracles.rate import rates
from povertycore import errors

# Two districts and two years; the last row is outside nothing, its class is not known.
#            district  year  poor  w    size  status
HOUSEHOLDS = [
    ("Bình Gia", 2021, 1, 1.0, 4, "poor"),
    ("Bình Gia", 2021, 0, 3.0, 2, "other"),
    ("Bình Gia", 2022, 0, 2.0, 5, "near_poor"),
    ("Cao Lộc", 2021, 1, 1.0, 1, "poor"),
    ("Cao Lộc", 2022, None, 1.0, 3, None),
]
COLUMNS = ("district", "year", "poor", "w", "size", "status")


def as_rows(households=HOUSEHOLDS):
    return [dict(zip(COLUMNS, household, strict=True)) for household in households]


def as_frame(households=HOUSEHOLDS):
    frame = pd.DataFrame(list(households), columns=list(COLUMNS))
    return frame.astype({"poor": "float64", "year": "int64", "w": "float64", "size": "int64"})


def key_of(row, by):
    category = row.get("category")
    return (
        tuple(row[key] for key in by),
        row["variable"],
        None if category is None or pd.isna(category) else category,
    )


def assert_equal(est, expected, by, exact=True):
    """Compare a result with the oracle's, figure by figure."""
    found = {key_of(row, by): row for row in est.to_frame().to_dict("records")}
    assert found.keys() == expected.keys()
    for key, figures in expected.items():
        for word, value in figures.items():
            want = math.nan if value is None else float(value)
            assert found[key][word] == pytest.approx(
                want, rel=0 if exact else 1e-12, abs=0, nan_ok=True
            ), (key, word)


@pytest.fixture
def hh():
    return as_frame()


# --- worked example -------------------------------------------------------------------------------


def test_rate_is_the_share_of_the_weight_that_is_marked(hh):
    # Bình Gia: 1/(1 + 3 + 2); Cao Lộc: the row without an answer is out, 1/1
    est = pc.rate(hh, "poor", by="district", design=pc.Design(weight="w"))
    assert est["estimate"].tolist() == [1 / 6, 1.0]
    assert est["numerator"].tolist() == [1.0, 1.0]
    assert est["denominator"].tolist() == [6.0, 1.0]
    assert est["population"].tolist() == [6.0, 1.0]
    assert est["n_obs"].tolist() == [3, 1]
    assert est["n_missing"].tolist() == [0, 1]
    assert est["unit"].tolist() == ["households"] * 2


def test_rate_of_persons_weighs_with_the_members(hh):
    # Bình Gia: 1 x 4/(1 x 4 + 3 x 2 + 2 x 5) = 4/20
    est = pc.rate(hh, "poor", by="district", design=pc.Design(weight="w", size="size"))
    assert est["estimate"].tolist() == [0.2, 1.0]
    assert est["unit"].tolist() == ["persons"] * 2


def test_count_overrides_what_the_design_counts(hh):
    design = pc.Design(weight="w", size="size")
    est = pc.rate(hh, "poor", by="district", design=design, count="households")
    assert est["estimate"].tolist() == [1 / 6, 1.0]
    assert set(est["unit"]) == {"households"}


def test_columns_stand_in_the_order_of_the_contract(hh):
    frame = pc.rate(hh, "poor", by=["district", "year"]).to_frame()
    assert frame.columns.tolist()[:4] == ["district", "year", "variable", "measure"]
    assert frame.columns.tolist()[4:] == [
        *("estimate", "se", "ci_low", "ci_high", "cv", "df", "deff"),
        *("n_obs", "n_missing", "n_psu", "numerator", "denominator", "population"),
        *("unit", "standard", "note"),
    ]
    assert frame["district"].tolist() == ["Bình Gia"] * 2 + ["Cao Lộc"] * 2
    assert frame["year"].tolist() == [2021, 2022, 2021, 2022]
    assert frame["year"].dtype == hh["year"].dtype
    assert frame["se"].isna().all()


def test_categorical_gives_a_row_per_category_also_where_nobody_is(hh):
    dtype = pd.CategoricalDtype(["poor", "near_poor", "average", "other"], ordered=True)
    frame = pc.rate(hh.astype({"status": dtype}), "status", by="district").to_frame()
    assert frame.columns.tolist()[:4] == ["district", "variable", "category", "measure"]
    assert frame["category"].dtype == dtype
    assert frame["category"].tolist() == list(dtype.categories) * 2
    # Bình Gia has one household of each class but average, Cao Lộc one poor and one unknown
    assert frame["estimate"].tolist() == [1 / 3, 1 / 3, 0, 1 / 3, 1, 0, 0, 0]
    assert frame["n_obs"].tolist() == [3] * 4 + [1] * 4
    assert frame["n_missing"].tolist() == [0] * 4 + [1] * 4


def test_flags_and_categories_mix_in_the_order_asked(hh):
    frame = pc.rate(hh, ["status", "poor"], by="year").to_frame()
    assert frame["variable"].tolist() == ["status"] * 3 + ["poor"] + ["status"] * 3 + ["poor"]
    assert frame["category"].astype(object).tolist()[:3] == ["near_poor", "other", "poor"]
    assert frame["category"].isna().tolist() == [False, False, False, True] * 2


def test_composition_of_the_poor_is_a_rate_within_where(hh):
    hh["minority"] = [True, False, True, False, True]
    hh["is_poor"] = hh["poor"] == 1
    est = pc.rate(hh, "minority", where="is_poor")
    assert est["estimate"].tolist() == [0.5]
    assert est["n_obs"].tolist() == [2]


def test_over_gives_the_whole_and_a_table_per_column(hh):
    frame = pc.rate(hh, "poor", over=["year", "district"]).to_frame()
    assert frame.columns.tolist()[:4] == ["over", "level", "variable", "measure"]
    assert frame["over"].tolist() == ["(total)", "year", "year", "district", "district"]
    assert frame["level"].tolist() == ["(total)", "2021", "2022", "Bình Gia", "Cao Lộc"]
    assert frame["estimate"].tolist() == [2 / 4, 2 / 3, 0, 1 / 3, 1]


def test_totals_are_the_last_row_of_their_key(hh):
    frame = pc.rate(hh, "poor", by=["district", "year"], totals="district").to_frame()
    assert frame["district"].tolist()[-2:] == ["(total)", "(total)"]
    assert frame["year"].tolist()[-2:] == [2021, 2022]
    assert frame["estimate"].tolist()[-2:] == [2 / 3, 0.0]
    assert frame["n_missing"].tolist()[-2:] == [0, 1]


def test_totals_of_several_keys_are_taken_together(hh):
    hh["village"] = ["a", "b", "a", "c", "c"]
    est = pc.rate(hh, "poor", by=["district", "village", "year"], totals=["district", "village"])
    last = est.to_frame().tail(2)
    assert last["village"].tolist() == ["(total)", "(total)"]
    assert last["numerator"].tolist() == [2.0, 0.0]


def test_total_of_a_categorical_key_is_its_last_category(hh):
    dtype = pd.CategoricalDtype(["Cao Lộc", "Bình Gia"])
    est = pc.rate(hh.astype({"district": dtype}), "poor", by="district", totals="district")
    assert est["district"].tolist() == ["Cao Lộc", "Bình Gia", "(total)"]
    assert est["district"].cat.categories.tolist() == ["Cao Lộc", "Bình Gia", "(total)"]


def test_lists_of_reviewed_households_take_their_denominators_from_a_table(hh):
    # of 10 households in Bình Gia one is poor, of 4 in Cao Lộc one
    table = {"district": ["Cao Lộc", "Bình Gia"], "population": [4, 10]}
    listed = hh[hh["poor"].notna()]
    est = pc.rate(listed, "poor", by="district", population=table, totals="district")
    assert est["estimate"].tolist() == [0.1, 0.25, 2 / 14]
    assert est["denominator"].tolist() == [10.0, 4.0, 14.0]
    assert est["population"].tolist() == [3.0, 1.0, 4.0]


def test_groups_of_the_population_without_a_listed_household_are_added_on_request(hh):
    table = pd.DataFrame({"district": ["Cao Lộc", "Bình Gia", "Bắc Sơn"], "population": [4, 10, 6]})
    listed = hh[hh["poor"].notna()]
    seen = pc.rate(listed, "poor", by="district", population=table)
    assert seen["district"].tolist() == ["Bình Gia", "Cao Lộc"]
    est = pc.rate(
        listed, "poor", by="district", population=table, totals="district", observed=False
    )
    assert est["district"].tolist() == ["Bình Gia", "Bắc Sơn", "Cao Lộc", "(total)"]
    assert est["estimate"].tolist() == [0.1, 0.0, 0.25, 2 / 20]
    assert est["n_obs"].tolist() == [3, 0, 1, 4]
    assert est["note"].tolist() == ["", "no rows: none of the population", "", ""]


def test_a_total_has_the_whole_population_also_of_groups_without_a_listed_household(hh):
    # nobody is listed in Bắc Sơn, which has no row, but whose households are of the province
    table = pd.DataFrame({"district": ["Cao Lộc", "Bình Gia", "Bắc Sơn"], "population": [4, 10, 6]})
    listed = hh[hh["poor"].notna()]
    est = pc.rate(listed, "poor", by="district", population=table, totals="district")
    assert est["district"].tolist() == ["Bình Gia", "Cao Lộc", "(total)"]
    assert est["estimate"].tolist() == [0.1, 0.25, 2 / 20]
    assert est["denominator"].tolist() == [10.0, 4.0, 20.0]


def test_a_total_of_a_year_that_nobody_is_listed_in_is_not_added(hh):
    table = {"district": ["Cao Lộc", "Bình Gia"] * 2, "year": [2021, 2021, 2020, 2020]}
    table |= {"population": [4, 10, 5, 5]}
    listed = hh[hh["poor"].notna()].assign(year=2021)
    words = {"by": ["district", "year"], "population": table, "totals": "district"}
    est = pc.rate(listed, "poor", **words)
    assert est["year"].tolist() == [2021] * 3
    assert est["denominator"].tolist() == [10.0, 4.0, 14.0]
    more = pc.rate(listed, "poor", **words, observed=False)
    assert len(more) == 6


# --- oracle ---------------------------------------------------------------------------------------

household = st.fixed_dictionaries(
    {
        "district": st.sampled_from(["A", "B", "C"]),
        "year": st.sampled_from([2021, 2022]),
        "poor": st.sampled_from([0, 1, None]),
        "deprived": st.sampled_from([0, 1, 1]),
        "status": st.sampled_from(["poor", "near_poor", "other", None]),
        "urban": st.booleans(),
        "w": st.sampled_from([0.0, 0.25, 1.0, 2.5]),  # sums of these are exact in float64
        "size": st.integers(0, 6),
    }
)


def frame_of(rows):
    frame = pd.DataFrame(rows, columns=list(household.mapping) if not rows else None)
    return frame.astype({"poor": "float64", "status": "str" if pd.__version__ >= "3" else object})


@given(st.lists(household, min_size=1, max_size=30))
def test_rates_agree_with_the_oracle(rows):
    columns, by = ["status", "poor", "deprived"], ["district", "year"]
    if all(row["status"] is None for row in rows):
        columns = ["poor", "deprived"]
    design = pc.Design(weight="w", size="size")
    est = pc.rate(frame_of(rows), columns, by=by, where="urban", design=design)
    assert_equal(est, rates(rows, columns, by, "urban", "w", "size"), by)


def test_the_generator_makes_empty_and_full_groups():
    seen = set()

    @given(st.lists(household, min_size=1, max_size=30))
    def look(rows):
        table = rates(rows, ["poor"], ["district"], "urban", "w", "size")
        for figures in table.values():
            seen.add("empty" if figures["n_obs"] == 0 else "filled")
            seen.add("undefined" if figures["estimate"] is None else "defined")
            seen.update({0: "none", 1: "all"}.get(figures["estimate"], "some") for _ in [0])

    look()
    assert seen >= {"empty", "filled", "undefined", "defined", "none", "all", "some"}


@given(st.lists(household, min_size=1, max_size=20))
def test_over_is_the_table_of_each_column(rows):
    frame = frame_of(rows)
    whole = pc.rate(frame, "poor", over=["district", "year"], where="urban").to_frame()
    parts = [pc.rate(frame, "poor", by=by, where="urban") for by in (None, "district", "year")]
    expected = [value for part in parts for value in part["estimate"]]
    assert whole["estimate"].tolist() == pytest.approx(expected, nan_ok=True, rel=0)


KINDS = {
    "pandas": lambda frame: frame,
    "pandas, index of text": lambda frame: frame.set_axis(list("vwxyz"), axis=0),
    "polars": lambda frame: pl.from_pandas(frame, nan_to_null=True),
    "polars, lazy": lambda frame: pl.from_pandas(frame, nan_to_null=True).lazy(),
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "mapping": lambda frame: {name: frame[name].to_numpy() for name in frame},
    "pandas, nullable": lambda frame: frame.astype({"poor": "Int8", "year": "Int16"}),
    "pandas, categorical keys": lambda frame: frame.astype({"district": "category"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_frame_gives_the_same_table(hh, kind):
    arguments = {"by": ["district", "year"], "totals": "district", "where": hh["w"].to_numpy() < 3}
    design = pc.Design(weight="w", size="size")
    expected = pc.rate(hh, ["poor", "status"], design=design, **arguments).to_frame()
    found = pc.rate(KINDS[kind](hh), ["poor", "status"], design=design, **arguments).to_frame()
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, check_categorical=False)


@pytest.mark.parametrize(
    "column",
    [
        np.array([1, 0, 0, 1, 0], dtype="int8"),
        np.array([True, False, False, True, False]),
        pd.Series([1, 0, 0, 1, 0], index=[9, 8, 7, 6, 5]),
        pl.Series([1, 0, 0, 1, 0]),
        pa.array([True, False, False, True, False]),
    ],
    ids=["int8", "bool", "Series", "polars", "pyarrow"],
)
def test_an_array_stands_for_a_column_by_position(hh, column):
    est = pc.rate(hh, column, by="district")
    assert est["estimate"].tolist() == [1 / 3, 1 / 2]


# --- properties -----------------------------------------------------------------------------------


@given(st.lists(household, min_size=1, max_size=20), st.sampled_from([0.5, 2.0, 1024.0]))
def test_weights_rescaled_change_no_rate(rows, factor):
    frame = frame_of(rows)
    design = pc.Design(weight="w")
    expected = pc.rate(frame, "poor", by="district", design=design)["estimate"]
    found = pc.rate(frame.assign(w=frame["w"] * factor), "poor", by="district", design=design)
    assert found["estimate"].tolist() == pytest.approx(expected.tolist(), rel=1e-12, nan_ok=True)


@given(st.lists(household, min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_rows_reordered_change_nothing(rows, random):
    design = pc.Design(weight="w", size="size")
    expected = pc.rate(frame_of(rows), ["poor", "status"], by="district", design=design)
    shuffled = random.sample(rows, len(rows))
    found = pc.rate(frame_of(shuffled), ["poor", "status"], by="district", design=design)
    pd.testing.assert_frame_equal(found.to_frame(), expected.to_frame())


@given(st.lists(household, min_size=1, max_size=15))
def test_a_row_split_in_two_halves_of_its_weight_changes_no_rate(rows):
    halves = [row | {"w": row["w"] / 2} for row in rows for _ in range(2)]
    design = pc.Design(weight="w")
    expected = pc.rate(frame_of(rows), "poor", by="district", design=design)
    found = pc.rate(frame_of(halves), "poor", by="district", design=design)
    for word in ("estimate", "numerator", "denominator"):
        assert found[word].equals(expected[word])


@given(st.lists(household, min_size=1, max_size=15))
def test_an_integer_weight_is_that_many_rows(rows):
    weighted = [row | {"w": float(row["size"] + 1)} for row in rows]
    repeated = [row for row in rows for _ in range(row["size"] + 1)]
    expected = pc.rate(frame_of(repeated), "poor", by="district")
    found = pc.rate(frame_of(weighted), "poor", by="district", design=pc.Design(weight="w"))
    for word in ("estimate", "numerator", "denominator", "population"):
        assert found[word].equals(expected[word])


def test_zero_weight_row_does_not_move_the_rate(hh):
    design = pc.Design(weight="w")
    more = pd.concat([hh, hh.iloc[:1].assign(w=0.0)])
    found = pc.rate(more, "poor", by="district", design=design)
    expected = pc.rate(hh, "poor", by="district", design=design)
    assert found["estimate"].equals(expected["estimate"])
    assert found["n_obs"].tolist() == [4, 1]


@given(st.lists(household, min_size=1, max_size=20))
def test_groups_add_up_to_the_whole(rows):
    frame, design = frame_of(rows), pc.Design(weight="w", size="size")
    parts = pc.rate(frame, "poor", by=["district", "year"], where="urban", design=design)
    whole = pc.rate(frame, "poor", where="urban", design=design)
    for word in ("numerator", "denominator", "population", "n_obs", "n_missing"):
        assert parts[word].sum() == whole[word].item()


@given(st.lists(household, min_size=1, max_size=20))
def test_totals_are_the_table_without_the_key(rows):
    frame, design = frame_of(rows), pc.Design(weight="w")
    with_totals = pc.rate(
        frame, ["poor", "status"], by=["district", "year"], totals="district", design=design
    )
    found = with_totals.select(district="(total)").to_frame().drop(columns="district")
    expected = pc.rate(frame, ["poor", "status"], by="year", design=design).to_frame()
    pd.testing.assert_frame_equal(found, expected, check_categorical=False)


@given(st.lists(household, min_size=1, max_size=20))
def test_shares_of_the_categories_sum_to_one(rows):
    est = pc.rate(frame_of(rows), "deprived", by="district")  # never missing: no empty group
    assert est["estimate"].notna().all()
    text = [row | {"status": row["status"] or "other"} for row in rows]
    shares = pc.rate(frame_of(text), "status", by="district").to_frame()
    assert shares.groupby("district")["estimate"].sum().tolist() == pytest.approx(
        [1.0] * shares["district"].nunique(), rel=1e-12
    )


# --- edges ----------------------------------------------------------------------------------------


def test_no_rows_give_a_table_without_groups(hh):
    est = pc.rate(hh.iloc[:0], ["poor"], by=["district", "year"])
    assert len(est) == 0
    assert est.to_frame()["year"].dtype == hh["year"].dtype


def test_the_whole_of_no_rows_is_missing_and_says_so(hh):
    frame = pc.rate(hh.iloc[:0], "poor").to_frame()
    assert frame["estimate"].isna().tolist() == [True]
    assert frame["n_obs"].tolist() == [0]
    assert frame["note"].tolist() == ["no rows in the domain"]


def test_one_row_is_enough(hh):
    assert pc.rate(hh.iloc[:1], "poor")["estimate"].tolist() == [1.0]


def test_a_group_emptied_by_the_domain_keeps_its_row(hh):
    frame = pc.rate(hh, "poor", by="district", where=hh["district"] == "Cao Lộc").to_frame()
    assert frame["estimate"].isna().tolist() == [True, False]
    assert frame["n_obs"].tolist() == [0, 1]
    assert frame["note"].tolist() == ["no rows in the domain", ""]


def test_all_missing_is_missing_and_says_so(hh):
    frame = pc.rate(hh, "poor", by=["district", "year"]).to_frame()
    assert np.isnan(frame["estimate"].tolist()[-1])
    assert frame["note"].tolist()[-1] == "every value is missing"
    assert frame["n_missing"].tolist()[-1] == 1


def test_weights_of_zero_throughout_give_no_rate_and_say_so(hh):
    frame = pc.rate(hh.assign(w=0.0), "poor", by="district", design=pc.Design(weight="w"))
    assert frame["estimate"].isna().all()
    assert set(frame["note"]) == {"every weight is zero"}


@pytest.mark.parametrize("verb", [pc.rate, pc.mean, pc.total])
def test_sums_beyond_the_largest_float_give_no_figure_and_say_so(verb):
    hh = {"poor": [1, 0, 1], "w": [1e308] * 3}
    est = verb(hh, "poor", design=pc.Design(weight="w"))
    assert est["estimate"].isna().all()
    assert est["note"].tolist() == ["a sum is too large for a number"]


def test_a_missing_domain_value_is_outside_and_counted(hh):
    where = pd.array([True, None, True, False, None], dtype="boolean")
    est = pc.rate(hh, "poor", where=where)
    assert est["n_obs"].tolist() == [2]
    assert est.meta["where_missing"] == 2


def test_unseen_combinations_are_added_on_request(hh):
    seen = hh.iloc[:4]
    assert len(pc.rate(seen, "poor", by=["district", "year"])) == 3
    frame = pc.rate(seen, "poor", by=["district", "year"], observed=False).to_frame()
    assert frame["district"].tolist() == ["Bình Gia", "Bình Gia", "Cao Lộc", "Cao Lộc"]
    assert frame["note"].tolist() == ["", "", "", "combination not in the data"]
    assert np.isnan(frame["estimate"].tolist()[-1])
    assert frame["n_obs"].tolist() == [2, 1, 1, 0]


def test_unused_categories_of_a_key_are_added_on_request(hh):
    dtype = pd.CategoricalDtype(["Cao Lộc", "Văn Quan", "Bình Gia"])
    hh = hh.astype({"district": dtype})
    assert pc.rate(hh, "poor", by="district")["district"].tolist() == ["Cao Lộc", "Bình Gia"]
    every = pc.rate(hh, "poor", by="district", observed=False)
    assert every["district"].tolist() == ["Cao Lộc", "Văn Quan", "Bình Gia"]
    assert every["district"].dtype == dtype


def test_over_adds_unused_categories_on_request(hh):
    hh = hh.astype({"district": pd.CategoricalDtype(["Cao Lộc", "Văn Quan", "Bình Gia"])})
    est = pc.rate(hh, "poor", over="district", observed=False)
    assert est["level"].tolist() == ["(total)", "Cao Lộc", "Văn Quan", "Bình Gia"]
    assert est["n_obs"].tolist() == [4, 1, 0, 3]


def test_groups_without_a_label_are_kept_on_request_and_come_last(hh):
    hh.loc[0, "district"] = None
    est = pc.rate(hh, "poor", by="district", missing_groups="keep", totals="district")
    assert est["district"].isna().tolist() == [False, False, True, False]
    assert est["district"].tolist()[-1] == "(total)"
    assert est["estimate"].tolist() == [0.0, 1.0, 1.0, 2 / 4]
    over = pc.rate(hh, "poor", over="district", missing_groups="keep")
    assert over["level"].isna().tolist() == [False, False, False, True]


def test_labels_equal_in_nfc_are_one_group(hh):
    hh["district"] = [unicodedata.normalize("NFD", "Bình Gia")] + hh["district"].tolist()[1:]
    with pytest.warns(errors.LabelWarning, match="district"):
        est = pc.rate(hh, "poor", by="district")
    assert est["district"].tolist() == ["Bình Gia", "Cao Lộc"]
    assert est["estimate"].tolist() == [1 / 3, 1.0]


@pytest.mark.parametrize(
    ("labels", "order"),
    [
        (["b", "a", "B", "Đ", "é"], ["B", "a", "b", "é", "Đ"]),
        ([10, 9, 8, 11, -1], [-1, 8, 9, 10, 11]),
        ([0.5, -0.5, 2.0, 1.0, 9.0], [-0.5, 0.5, 1.0, 2.0, 9.0]),
        ([True, False, True, False, True], [False, True]),
        (pd.Categorical(list("cabcb"), categories=list("cba")), ["c", "b", "a"]),
        (
            pd.PeriodIndex(["2022", "2021", "2023", "2020", "2019"], freq="Y"),
            list(pd.PeriodIndex(["2019", "2020", "2021", "2022", "2023"], freq="Y")),
        ),
    ],
    ids=["text", "int", "float", "bool", "categorical", "period"],
)
def test_groups_ascend_in_the_order_of_their_type(hh, labels, order):
    hh["key"] = labels
    est = pc.rate(hh, "poor", by="key")
    assert est["key"].tolist() == order
    assert est["key"].dtype == hh["key"].dtype


def test_codes_keep_their_leading_zeros(hh):
    hh["code"] = ["00017", "00017", "00005", "00005", "00005"]
    assert pc.rate(hh, "poor", by="code")["code"].tolist() == ["00005", "00017"]


def test_two_categoricals_share_the_column_of_categories(hh):
    hh["area"] = pd.Categorical(["rural"] * 3 + ["urban"] * 2)
    frame = pc.rate(hh, ["status", "area"]).to_frame()
    assert frame["category"].tolist() == ["near_poor", "other", "poor", "rural", "urban"]
    assert frame["estimate"].tolist() == [1 / 4, 1 / 4, 2 / 4, 3 / 5, 2 / 5]


def test_an_enum_keeps_its_categories_in_order(hh):
    classes = pl.Enum(["poor", "near_poor", "average", "other"])
    frame = pl.from_pandas(hh, nan_to_null=True).with_columns(pl.col("status").cast(classes))
    est = pc.rate(frame, "status")
    assert est["category"].tolist() == ["poor", "near_poor", "average", "other"]
    assert est["category"].cat.ordered
    assert est["estimate"].tolist() == [2 / 4, 1 / 4, 0, 1 / 4]


def test_categories_equal_in_nfc_are_one(hh):
    nfd, nfc = (unicodedata.normalize(form, "nghèo") for form in ("NFD", "NFC"))
    hh["status"] = [nfd, nfc, "khác", nfc, None]
    with pytest.warns(errors.LabelWarning, match="status"):
        est = pc.rate(hh, "status")
    assert est["category"].tolist() == ["khác", nfc]
    assert est["estimate"].tolist() == [1 / 4, 3 / 4]
    assert est["n_missing"].tolist() == [1, 1]


def test_unused_categories_of_keys_without_rows_are_added_on_request(hh):
    none = hh.iloc[:0].astype({"district": pd.CategoricalDtype(["Cao Lộc", "Văn Quan"])})
    est = pc.rate(none, "poor", by="district", observed=False)
    assert est["district"].tolist() == ["Cao Lộc", "Văn Quan"]
    assert set(est["note"]) == {"combination not in the data"}


def test_populations_of_new_categories_come_before_missing_labels(hh):
    dtype = pd.CategoricalDtype(["Cao Lộc", "Bình Gia"])
    hh = hh.astype({"district": dtype}).assign(poor=1)
    hh.loc[0, "district"] = None
    table = {
        "district": ["Bắc Sơn", None, "Bình Gia", "Cao Lộc"],
        "population": [5, 10, 4, 8],
    }
    est = pc.rate(
        hh, "poor", by="district", population=table, observed=False, missing_groups="keep"
    )
    assert est["district"].astype(object).tolist()[:3] == ["Cao Lộc", "Bình Gia", "Bắc Sơn"]
    assert est["district"].isna().tolist() == [False, False, False, True]
    assert est["estimate"].tolist() == [2 / 8, 2 / 4, 0.0, 1 / 10]


def test_a_population_equal_to_its_weights_but_for_rounding_is_a_rate_of_one():
    # 0.1 + 0.1 + 0.1 is 0.30000000000000004
    hh = {"place": ["A"] * 3, "poor": [1, 1, 1], "w": [0.1, 0.1, 0.1]}
    table = {"place": ["A"], "population": [0.3]}
    est = pc.rate(hh, "poor", by="place", design=pc.Design(weight="w"), population=table)
    assert est["estimate"].tolist() == [1.0]


def test_shares_of_a_population_keep_what_is_missing_apart(hh):
    table = {"district": ["Bình Gia", "Cao Lộc"], "population": [10, 4]}
    frame = pc.rate(hh, "poor", by=["district"], population=table).to_frame()
    assert frame["note"].tolist() == ["", "covers measured rows only"]
    unknown = pc.rate(hh.assign(poor=np.nan), "poor", by="district", population=table)
    assert unknown["estimate"].isna().all()
    assert set(unknown["note"]) == {"every value is missing"}


def test_the_result_tells_what_was_read_and_how(hh):
    design = pc.Design(weight="w")
    meta = pc.rate(hh, "poor", by="district", where=hh["year"] == 2021, design=design).meta
    assert (meta["rows_read"], meta["rows_outside"], meta["where_missing"]) == (5, 2, 0)
    assert (meta["unit"], meta["design"]) == ("households", "Design(weight='w')")
    assert meta["versions"]["pandas"] == pd.__version__


def test_the_data_are_not_changed(hh):
    before = hh.copy(deep=True)
    pc.rate(hh, ["poor", "status"], by=["district", "year"], totals="district", observed=False)
    pd.testing.assert_frame_equal(hh, before)


# --- standards ------------------------------------------------------------------------------------


def test_a_standard_is_named_by_its_id_or_itself(hh):
    by_id = pc.rate(hh, "poor", standard="vn-2022")
    by_record = pc.rate(hh, "poor", standard=pc.standard("vn-2022"))
    assert by_id["standard"].tolist() == by_record["standard"].tolist() == ["vn-2022"]


def test_a_column_of_standards_gives_each_row_its_own(hh):
    hh["std"] = np.where(hh["year"] == 2021, "vn-2016", "vn-2022")
    est = pc.rate(hh, "poor", by=["year", "district"], standard="std", where=hh["w"] < 2)
    assert est["standard"].tolist() == ["vn-2016"] * 2 + ["vn-2022"] * 2
    assert est["n_obs"].tolist() == [1, 1, 0, 0]


def test_a_result_row_under_two_standards_is_an_error(hh):
    hh["std"] = np.where(hh["year"] == 2021, "vn-2016", "vn-2022")
    with pytest.raises(errors.ComparabilityError, match="std"):
        pc.rate(hh, "poor", by="district", standard="std")
    one = pc.rate(hh, "poor", by="district", standard="std", where=hh["year"] == 2021)
    assert one["standard"].tolist() == ["vn-2016", "vn-2016"]
    with pytest.raises(errors.ComparabilityError):
        pc.rate(hh, "poor", over="district", standard="std")


def test_a_total_over_rows_of_one_standard_stands_under_it(hh):
    hh["std"] = np.where(hh["year"] == 2021, "vn-2016", "vn-2022")
    est = pc.rate(hh, "poor", by=["district", "year"], standard="std", totals="district")
    assert est["standard"].tolist()[-2:] == ["vn-2016", "vn-2022"]


# --- errors ---------------------------------------------------------------------------------------


def test_an_amount_is_told_what_takes_it():
    with pytest.raises(
        errors.ValueRangeError, match=r"income\[1\] is neither; .* pc\.mean"
    ) as raised:
        pc.rate({"income": [1.0, 2710.5]}, "income")
    assert (raised.value.column, raised.value.row) == ("income", 1)
    assert "2710" not in str(raised.value)


def test_a_number_other_than_0_and_1_is_an_error_with_its_row(hh):
    hh["poor"] = [1, 0, 2, 1, 0]
    with pytest.raises(errors.ValueRangeError, match=r"poor") as caught:
        pc.rate(hh, "poor", by="district")
    assert (caught.value.column, caught.value.row) == ("poor", 2)


@pytest.mark.parametrize("bad", [-1.0, np.inf])
def test_a_weight_that_is_none_is_an_error_with_its_row(hh, bad):
    hh.loc[3, "w"] = bad
    with pytest.raises(errors.ValueRangeError, match=r"weight\[3\]") as caught:
        pc.rate(hh, "poor", design=pc.Design(weight="w"))
    assert (caught.value.argument, caught.value.column) == ("weight", "w")


def test_a_missing_weight_or_size_is_an_error(hh):
    hh["w"] = [1, 1, np.nan, 1, 1]
    with pytest.raises(errors.MissingValueError, match=r"weight\[2\]"):
        pc.rate(hh, "poor", design=pc.Design(weight="w"))
    with pytest.raises(errors.MissingValueError, match=r"size\[2\]"):
        pc.rate(hh, "poor", design=pc.Design(size="w"))


@pytest.mark.parametrize("columns", ["poor", "status", ["status", "poor"]])
@pytest.mark.parametrize("word", ["by", "over"])
def test_a_missing_label_is_an_error_unless_it_is_kept(hh, columns, word):
    hh.loc[1, "district"] = None
    with pytest.raises(errors.MissingValueError) as caught:
        pc.rate(hh, columns, **{word: "district"})
    assert (caught.value.column, caught.value.row) == ("district", 1)


@pytest.mark.parametrize(
    "arguments",
    [
        {"columns": "por"},
        {"columns": "poor", "by": "distric"},
        {"columns": "poor", "over": "distric"},
        {"columns": "poor", "where": "distric"},
        {"columns": "poor", "design": pc.Design(weight="weight")},
    ],
)
def test_an_unknown_column_is_an_error(hh, arguments):
    with pytest.raises(errors.ColumnNotFoundError):
        pc.rate(hh, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"by": "district", "over": "year"}, "by and over"),
        ({"missing_groups": "drop"}, "missing_groups must be"),
        ({"count": "people"}, "count must be"),
        ({"by": "district", "totals": "year"}, "totals must be"),
        ({"by": "year", "totals": "year"}, "totals needs a key of text"),
        ({"over": "district", "totals": "district"}, "totals names keys of by"),
        ({"standard": 2022}, "standard must be"),
        ({"over": "district", "population": {"population": [1]}}, "population"),
    ],
)
def test_an_unknown_option_is_an_error(hh, arguments, message):
    with pytest.raises(errors.OptionError, match=message):
        pc.rate(hh, "poor", **arguments)


@pytest.mark.parametrize("name", ["estimate", "measure", "variable", "unit", "note"])
def test_a_key_named_like_a_result_column_is_an_error(hh, name):
    with pytest.raises(errors.DuplicateNameError, match=name):
        pc.rate(hh.rename(columns={"district": name}), "poor", by=name)


def test_the_key_category_is_free_unless_there_are_categories(hh):
    hh = hh.rename(columns={"district": "category"})
    assert len(pc.rate(hh, "poor", by="category")) == 2
    with pytest.raises(errors.DuplicateNameError, match="category"):
        pc.rate(hh, "status", by="category")


def test_names_that_stand_twice_are_errors(hh):
    with pytest.raises(errors.DuplicateNameError, match="named twice"):
        pc.rate(hh, ["poor", "poor"])
    with pytest.raises(errors.DuplicateNameError, match="named twice"):
        pc.rate(hh, "poor", by=["year", "year"])


@pytest.mark.parametrize("verb", [pc.rate, pc.total, pc.mean])
def test_an_empty_list_of_columns_is_an_error(hh, verb):
    with pytest.raises(errors.OptionError, match="empty"):
        verb(hh, [])


def test_dates_have_no_rate(hh):
    hh["day"] = pd.to_datetime("2022-09-01")
    with pytest.raises(errors.DTypeError, match="day"):
        pc.rate(hh, "day")


def test_a_key_without_a_name_is_an_error(hh):
    with pytest.raises(errors.OptionError, match="needs a name"):
        pc.rate(hh, "poor", by=hh["district"].to_numpy())
    named = pc.rate(hh, "poor", by=hh["district"].rename("place"))
    assert named.key_names == ("place",)


@pytest.mark.parametrize("bad", ["status", np.array([0, 1, 2, 1, 0])])
def test_a_domain_is_a_boolean(hh, bad):
    with pytest.raises((errors.DTypeError, errors.ValueRangeError)):
        pc.rate(hh, "poor", where=bad)


TWO = ["no", "yes", "no", "yes", "no"]


@pytest.mark.parametrize("argument", ["where", "weight", "size"])
@pytest.mark.parametrize(
    "column",
    [
        pd.Categorical(TWO),  # its codes are 0 and 1
        pd.Categorical([3, 1, 3, 1, 3]),  # as Stata's labelled numbers come
        pa.array(TWO).dictionary_encode(),
        pl.Series(TWO, dtype=pl.Enum(["no", "yes"])),
        pd.to_datetime(["2021-01-01"] * 5),
    ],
    ids=["text", "numbers", "Arrow", "Enum", "dates"],
)
def test_codes_of_categories_are_no_numbers(argument, column):
    hh = {"poor": [1, 0, 1, 0, 0], "c": column}
    words = {"where": "c"} if argument == "where" else {"design": pc.Design(**{argument: "c"})}
    with pytest.raises(errors.DTypeError, match=f"{argument} .*not .*column 'c'") as caught:
        pc.rate(hh, "poor", **words)
    assert (caught.value.argument, caught.value.column) == (argument, "c")


def test_a_weight_of_text_is_an_error(hh):
    with pytest.raises(errors.DTypeError):
        pc.rate(hh, "poor", design=pc.Design(weight="status"))


def test_an_array_of_another_length_is_an_error(hh):
    with pytest.raises(errors.LengthError):
        pc.rate(hh, np.array([1, 0]))
    with pytest.raises(errors.LengthError):
        pc.rate(hh, "poor", where=np.array([True]))


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        ({"district": ["Bình Gia"], "population": [10]}, errors.MissingValueError, "Cao Lộc"),
        (
            {"district": ["Bình Gia", "Cao Lộc"], "population": [10, 0.5]},
            errors.ValueRangeError,
            r"population\[1\] is 0.5, below the 1 counted",
        ),
        (
            {"district": ["Bình Gia", "Cao Lộc"], "population": [10, -1]},
            errors.ValueRangeError,
            r"population\[1\] is negative",
        ),
        (
            {"district": ["Bình Gia", "Cao Lộc"], "population": [np.nan, 1]},
            errors.MissingValueError,
            r"population\[0\] is missing",
        ),
        (
            {"district": ["Bình Gia"] * 2, "population": [10, 10]},
            errors.DuplicateNameError,
            "row 1",
        ),
        ({"district": ["Bình Gia"]}, errors.ColumnNotFoundError, "population"),
        ({"population": [10]}, errors.ColumnNotFoundError, "district"),
    ],
)
def test_a_faulty_table_of_populations_is_an_error(hh, table, error, message):
    listed = hh[hh["poor"].notna()]
    with pytest.raises(error, match=message):
        pc.rate(listed, "poor", by="district", population=table)
