"""The result object: one tidy table, frozen, not a calculator.

Source of truth: the columns, types, rows and order that every result promises, written out below.
"""

import copy
import csv
import pickle
import time
import unicodedata
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

import povertycore as pc
from povertycore.fields import COMMON

COLUMNS = [
    *["estimate", "se", "ci_low", "ci_high", "cv", "df", "deff"],
    *["n_obs", "n_missing", "n_psu"],
    *["numerator", "denominator", "population"],
    *["unit", "standard", "note"],
]
THREE = {
    "estimate": [0.1, 0.2, 0.3],
    "n_obs": 1,
    "numerator": np.nan,
    "denominator": np.nan,
}
DISTRICTS = ["Tràng Định", "Bình Gia", "Bắc Sơn"]  # in the order of their codes


def rates(**changed):
    """Rates of three districts in two years: 1/4, 1/5, 1/8, 1/10, 1/2, 2/5."""
    columns = {
        "keys": {
            "district": pd.Categorical(np.repeat(DISTRICTS, 2), categories=DISTRICTS),
            "year": np.tile([2021, 2022], 3),
        },
        "measure_keys": {"variable": "poor"},
        "measure": "rate",
        "estimate": [0.25, 0.20, 0.125, 0.10, 0.5, 0.4],
        "n_obs": [40, 40, 80, 80, 20, 20],
        "numerator": [10, 8, 10, 8, 10, 8],
        "denominator": [40, 40, 80, 80, 20, 20],
        "unit": "households",
        "verb": "rate",
    }
    columns |= changed
    return pc.Estimates(columns.pop("keys"), **columns)


def printed(**changed):
    """Two districts as printed in percent, with standard errors of 1 and 2 points."""
    table = {"place": ["A", "B"], "rate": [12.2, 8.92], "se": [1.0, 2.0]}
    options = {"estimate": "rate", "se": "se", "percent": True} | changed
    return pc.Estimates.from_table(table, "place", **options)


def is_text(dtype):
    return isinstance(dtype, pd.StringDtype) or dtype.kind == "O"


# ---- worked example ---------------------------------------------------------------------------


def test_the_frame_has_keys_then_measure_then_common_columns():
    frame = rates(own={"lag": 1.0}).to_frame()
    assert list(frame.columns) == ["district", "year", "variable", "measure", "lag", *COLUMNS]
    assert frame.loc[1, "estimate"] == 8 / 40
    assert isinstance(frame.index, pd.RangeIndex)
    assert frame.attrs == {}


def test_names_of_columns_are_known_without_the_frame():
    est = rates(own={"lag": 1.0})
    assert est.key_names == ("district", "year")
    assert est.measure_key_names == ("variable",)
    assert est.own_names == ("lag",)
    assert est.column_names == tuple(est.to_frame().columns)
    assert est.verb == "rate"


def test_a_pivot_shows_districts_by_year():
    wide = rates().pivot("district", "year")
    assert wide.index.tolist() == DISTRICTS
    assert wide.columns.tolist() == [2021, 2022]
    assert wide.to_numpy().tolist() == [[0.25, 0.20], [0.125, 0.10], [0.5, 0.4]]
    assert wide.loc["Bình Gia", 2022] == 0.10


def test_a_selection_keeps_the_rows_in_order():
    some = rates().select(year=2022, district=["Bắc Sơn", "Tràng Định"])
    assert some["district"].tolist() == ["Tràng Định", "Bắc Sơn"]
    assert some["estimate"].tolist() == [0.20, 0.4]


def test_printed_counts_give_the_published_rates():
    # 23,511 / 192,705 = 0.12200... and 17,497 / 196,150 = 0.08920...
    table = {"year": [2021, 2022], "poor": [23_511, 17_497], "all": [192_705, 196_150]}
    est = pc.Estimates.from_table(table, "year", numerator="poor", denominator="all")
    assert est["estimate"].tolist() == [23_511 / 192_705, 17_497 / 196_150]
    assert est["population"].tolist() == [192_705, 196_150]
    assert est["measure"].tolist() == ["rate", "rate"]


def test_printed_percent_becomes_the_nearest_fraction():
    assert printed()["estimate"].tolist() == [0.122, 0.0892]
    assert printed()["se"].tolist() == [0.01, 0.02]


def test_two_files_join_with_keys_ascending():
    files = [rates().select(year=year) for year in (2022, 2021)]
    joined = pc.concat(files)
    pd.testing.assert_frame_equal(joined.to_frame(), rates().to_frame())


# ---- types ------------------------------------------------------------------------------------


def test_common_columns_have_their_types():
    dtypes = rates(n_missing=0, n_psu=[1, 2, np.nan, 4, 5, 6]).to_frame().dtypes
    assert list(COMMON) == COLUMNS
    for name in ["estimate", "se", "ci_low", "ci_high", "cv", "df", "deff"]:
        assert dtypes[name] == np.float64
    for name in ["numerator", "denominator", "population"]:
        assert dtypes[name] == np.float64
    assert dtypes["n_obs"] == np.int64
    assert dtypes["n_missing"] == np.int64
    assert dtypes["n_psu"] == np.float64, "one is unknown"
    for name in ["variable", "measure", "unit", "standard", "note"]:
        assert isinstance(dtypes[name], pd.CategoricalDtype)
        assert is_text(dtypes[name].categories.dtype)


def test_known_counts_are_whole_numbers_however_they_are_given():
    for given_as in [[40.0] * 6, pd.Series([40] * 6, dtype="Int64"), 40, 40.0, np.uint8(40)]:
        assert rates(n_obs=given_as).to_frame()["n_obs"].dtype == np.int64
    unknown = rates(n_obs=pd.Series([40, None] * 3, dtype="Int64")).to_frame()["n_obs"]
    assert unknown.dtype == np.float64
    assert unknown.isna().tolist() == [False, True] * 3


def test_note_is_empty_text_and_standard_missing_where_nothing_was_said():
    frame = rates().to_frame()
    assert (frame["note"] == "").all()
    assert frame["standard"].isna().all()


@pytest.mark.parametrize(
    "keys",
    [
        pd.Categorical(["b", "a"], categories=["b", "a", "z"], ordered=True),
        np.array([1, 2], dtype=np.int16),
        np.array([True, False]),
        pd.array([1, 2], dtype="Int64"),
        pd.to_datetime(["2021-01-01", "2022-01-01"]),
        pd.PeriodIndex(["2021", "2022"], freq="Y"),
        pd.Series(["01", "02"]),
        pd.Series(["01", "02"], dtype=object),
        pd.array(["01", "02"], dtype="string"),
    ],
    ids=lambda keys: str(keys.dtype),
)
def test_keys_keep_their_own_dtype(keys):
    est = rates(keys={"key": keys}, estimate=[1, 0], n_obs=1, numerator=np.nan, denominator=np.nan)
    column = est.to_frame()["key"]
    assert column.dtype == keys.dtype
    assert column.tolist() == list(keys)


def test_list_of_text_is_the_text_that_pandas_makes_of_it():
    est = rates(keys={"code": ["01"] * 6})
    assert est["code"].dtype == pd.Series(["01"]).dtype


def test_a_table_without_keys_has_one_row():
    est = pc.Estimates(
        {}, measure_keys={"variable": ""}, measure="total", estimate=3, unit="persons", verb="total"
    )
    assert len(est) == 1
    assert est.to_frame().loc[0, "estimate"] == 3.0


def test_a_mapping_of_measure_keys_takes_missing_labels():
    est = rates(measure_keys={"variable": "poor", "category": ["a", None] * 3})
    assert est["category"].isna().tolist() == [False, True] * 3
    assert isinstance(est["category"].dtype, pd.CategoricalDtype)


def test_a_frame_of_132_000_rows_is_built_in_milliseconds():
    n = 132_000
    est = pc.Estimates(
        {"commune": pd.Series([f"{i:06d}" for i in range(n)])},
        measure_keys={"variable": "poor"},
        measure="rate",
        estimate=np.linspace(0, 1, n),
        unit="households",
        verb="rate",
    )
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        frame = est.to_frame()
        seconds.append(time.perf_counter() - start)
    assert len(frame) == n
    assert min(seconds) < 0.1, "a few milliseconds; the limit leaves room for a busy machine"


# ---- frozen, and not a calculator -------------------------------------------------------------


def test_nothing_done_to_the_frame_reaches_the_estimates():
    est = rates()
    frame = est.to_frame()
    frame.loc[0, "estimate"] = 9.0
    frame.loc[0, "district"] = "Bắc Sơn"
    column = est["estimate"]
    column.iloc[0] = 9.0
    est.meta["source"] = "changed"
    pd.testing.assert_frame_equal(est.to_frame(), rates().to_frame())
    assert est.meta == {}


def test_nothing_done_to_the_input_reaches_the_estimates():
    values, years = np.array([0.1, 0.2]), np.array([2021, 2022])
    counts = {"n_obs": 1, "numerator": np.nan, "denominator": np.nan}
    est = rates(keys={"year": years}, estimate=values, **counts)
    values[:], years[:] = 0.9, 1999
    assert est["estimate"].tolist() == [0.1, 0.2]
    assert est["year"].tolist() == [2021, 2022]


def test_attributes_cannot_be_set_or_deleted():
    est = rates()
    with pytest.raises(AttributeError, match="frozen"):
        est.verb = "total"
    with pytest.raises(AttributeError, match="frozen"):
        del est._verb


@pytest.mark.parametrize(
    "calculate",
    [
        lambda est: est - est,
        lambda est: est * 100,
        lambda est: 1 - est,
        lambda est: np.float64(1) - est,
        lambda est: np.ones(6) * est,
        lambda est: est["estimate"] / est,
        lambda est: est < 0.5,
        lambda est: -est,
        abs,
        float,
        round,
    ],
)
def test_no_operator_is_defined(calculate):
    with pytest.raises(TypeError, match=r"not a calculator.*pc\.change"):
        calculate(rates())


@pytest.mark.parametrize("name", ["groupby", "loc", "iloc", "head", "merge", "columns", "shape"])
def test_a_frame_attribute_names_the_way_to_the_frame(name):
    with pytest.raises(AttributeError, match=r"use \.to_frame\(\)"):
        getattr(rates(), name)


def test_a_column_is_no_attribute():
    with pytest.raises(AttributeError, match=r"use est\['estimate'\]"):
        _ = rates().estimate


def test_it_is_not_a_sequence_of_rows():
    with pytest.raises(TypeError, match="not iterable"):
        list(rates())
    with pytest.raises(TypeError, match=r"one column by its name, found list.*to_frame"):
        rates()[["estimate", "se"]]


def test_it_is_equal_and_hashed_by_identity():
    one, other = rates(), rates()
    assert one == one
    assert one != other
    assert len({one, other}) == 2


def test_pickling_keeps_everything():
    est = pc.concat([printed(source="a"), printed(source="b")])
    again = pickle.loads(pickle.dumps(est))
    pd.testing.assert_frame_equal(again.to_frame(), est.to_frame())
    pd.testing.assert_series_equal(again.sources(), est.sources())
    np.testing.assert_array_equal(again.cov, est.cov)
    assert again.meta == est.meta
    with pytest.raises(ValueError, match="read-only"):
        again._columns["estimate"][0] = 1


def test_a_copy_of_what_never_changes_is_itself():
    est = rates()
    assert copy.copy(est) is est
    assert copy.deepcopy(est) is est


def test_pipe_calls_with_the_estimates_first():
    assert rates().pipe(lambda est, name, *, row: est[name][row], "estimate", row=1) == 0.20


# ---- select -----------------------------------------------------------------------------------


def test_a_selection_keeps_its_covariance():
    both = pc.concat([printed(source="a"), printed(source="b")])
    rows = [1, 3]
    np.testing.assert_array_equal(both._take(np.array(rows)).cov, both.cov[np.ix_(rows, rows)])
    np.testing.assert_array_equal(printed().select(place="B").cov, [[0.02**2]])


def test_a_label_is_found_in_either_form_of_its_letters():
    decomposed = unicodedata.normalize("NFD", "Bình Gia")
    assert decomposed != "Bình Gia"
    assert rates().select(district=decomposed)["district"].unique().tolist() == ["Bình Gia"]


def test_a_missing_label_can_be_selected():
    est = rates(measure_keys={"variable": "poor", "category": ["a", None] * 3})
    assert len(est.select(category=None)) == 3
    assert len(est.select(category=["a", np.nan])) == 6


def test_fractions_and_dates_are_selected_as_given():
    counts = {"n_obs": 1, "numerator": np.nan, "denominator": np.nan, "estimate": [0.1, 0.2]}
    k = rates(keys={}, measure_keys={"variable": "poor", "k": [1 / 4, 1 / 3]}, **counts)
    assert k.select(k=1 / 3)["estimate"].tolist() == [0.2]
    dates = rates(keys={"date": pd.to_datetime(["2021-10-01", "2022-10-01"])}, **counts)
    assert dates.select(date="2022-10-01")["estimate"].tolist() == [0.2]
    assert dates.select(date=pd.Timestamp("2021-10-01"))["estimate"].tolist() == [0.1]


def test_selecting_an_empty_list_gives_no_rows():
    none = rates().select(year=[])
    assert len(none) == 0
    assert none.to_frame()["n_obs"].dtype == np.int64


def test_selecting_nothing_in_particular_keeps_all():
    assert len(rates().select()) == 6


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"distric": "Bình Gia"}, "there is no column 'distric'; did you mean 'district'?"),
        ({"estimate": 0.2}, "there is no column 'estimate'"),
    ],
)
def test_an_unknown_key_names_those_that_come_close(labels, message):
    with pytest.raises(pc.errors.ColumnNotFoundError, match=message):
        rates().select(**labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"district": "Bình Già"}, "no row has district 'Bình Già'; did you mean 'Bình Gia'?"),
        ({"year": [2021, 1999]}, "no row has year 1999; there are 2021, 2022"),
        ({"year": "2021"}, "no row has year '2021'; did you mean 2021"),
        ({"year": None}, "no row has year None"),
        ({"variable": [["poor"]]}, r"no row has variable \['poor'\]"),
    ],
)
def test_an_unknown_label_names_those_that_come_close(labels, message):
    with pytest.raises(pc.errors.OptionError, match=message):
        rates().select(**labels)


def test_a_category_without_rows_is_unknown():
    with pytest.raises(pc.errors.OptionError, match="no row has district 'Bắc Sơn'"):
        rates().select(district="Bình Gia").select(district="Bắc Sơn")


# ---- pivot ------------------------------------------------------------------------------------


def test_percent_moves_the_point_and_names_the_columns():
    wide = rates(estimate=[0.1422, 0.07, 0.29, 0.57, 1.0, 0.0]).pivot(
        "district", "year", percent=True
    )
    assert wide.columns.tolist() == ["2021_percent", "2022_percent"]
    assert wide.to_numpy().tolist() == [[14.22, 7.0], [29.0, 57.0], [100.0, 0.0]]


def test_a_pivot_without_columns_names_its_values():
    est = rates().select(year=2022)
    assert est.pivot("district").columns.tolist() == ["estimate"]
    assert est.pivot("district", percent=True).columns.tolist() == ["estimate_percent"]


def test_pivoted_labels_are_in_order_even_where_the_first_row_lacks_one():
    est = pc.Estimates.from_table(
        {"place": ["A", "B", "B"], "year": [2022, 2021, 2022], "rate": [0.1, 0.2, 0.3]},
        ["place", "year"],
        estimate="rate",
    )
    wide = est.pivot("place", "year")
    assert wide.columns.tolist() == [2021, 2022]
    assert np.isnan(wide.loc["A", 2021])
    assert est.pivot("year", "place").index.tolist() == [2021, 2022]


def test_the_total_comes_last_and_one_way_tables_as_asked():
    est = pc.Estimates.from_table(
        {"place": ["(total)", "Đình Lập", "Bắc Sơn", "Chi Lăng"], "rate": [0.1, 0.2, 0.3, 0.4]},
        "place",
        estimate="rate",
    )
    by_code_point = ["Bắc Sơn", "Chi Lăng", "Đình Lập", "(total)"]
    assert est.pivot("place").index.tolist() == by_code_point
    over = rates(
        keys={
            "over": ["(total)", "sex", "sex", "area", "area", "area"],
            "level": ["(total)", "men", "women", "urban", "rural", "other"],
        }
    )
    assert over.pivot(["over", "level"]).index.tolist()[:4] == [
        ("(total)", "(total)"),
        ("sex", "men"),
        ("sex", "women"),
        ("area", "urban"),
    ]


def test_the_total_comes_after_a_missing_label_as_in_the_rows():
    hh = {"place": ["b", "a", None], "poor": [1, 0, 1]}
    est = pc.rate(hh, "poor", by="place", missing_groups="keep", totals="place")
    for places in (est["place"], pc.concat([est])["place"], est.pivot("place").index):
        places = list(places)
        assert places[:2] == ["a", "b"]
        assert pd.isna(places[2])
        assert places[3] == "(total)"


def test_a_dimension_comes_before_its_indicators_as_in_the_rows():
    hh = {"ill": [1, 0], "hungry": [1, 1], "absent": [0, 1]}
    spec = pc.Spec({"health": ["ill", "hungry"], "school": ["absent"]})
    est = pc.multidim(hh, spec, k="1/2", measures=["H", "contribution"])
    wide = est.pivot(["dimension", "indicator"], "measure")
    assert [tuple(label for label in labels if pd.notna(label)) for labels in wide.index] == [
        (),
        ("health",),
        ("health", "ill"),
        ("health", "hungry"),
        ("school",),
        ("school", "absent"),
    ]
    assert np.isnan(wide["contribution"].iloc[0])


def test_levels_keep_the_order_of_their_own_table():
    # y stands before x among the codes, and after it among the letters
    hh = pd.DataFrame({"code": pd.Categorical(["x", "y"], ["y", "x"]), "letter": ["x", "y"]})
    est = pc.rate(hh, np.array([1, 0]), over=["code", "letter"])
    levels = ["(total)", "y", "x", "x", "y"]
    assert est["level"].tolist() == levels
    assert pc.concat([est])["level"].tolist() == levels
    assert [level for _, level in est.pivot(["over", "level"]).index] == levels
    assert [level for _, level in est.pivot("measure", ["over", "level"]).columns] == levels


def test_several_keys_make_a_multi_index():
    est = rates(measure_keys={"variable": ["poor"] * 6, "line": [1.5] * 6})
    wide = est.pivot(["district", "line"], ["variable", "year"])
    assert wide.index.names == ["district", "line"]
    assert wide.columns.tolist() == [("poor", 2021), ("poor", 2022)]


def test_counts_stay_whole_numbers_where_every_cell_is_filled():
    assert (rates().pivot("district", "year", "n_obs").dtypes == np.int64).all()
    holes = rates()._take(np.arange(5)).pivot("district", "year", "n_obs")
    assert (holes.dtypes == np.float64).all()
    assert holes.isna().to_numpy().sum() == 1


def test_a_pivot_of_text_is_filled_with_text():
    wide = (
        rates(note=["", "a", "", "", "", "b"])._take(np.arange(5)).pivot("district", "year", "note")
    )
    assert wide.loc["Tràng Định", 2022] == "a"
    assert pd.isna(wide.loc["Bắc Sơn", 2022])


def test_a_column_can_be_added_to_a_pivot():
    wide = rates(
        keys={"year": [2021, 2022], "area": pd.Categorical(["urban", "rural"])},
        **{"estimate": [0.1, 0.2], "n_obs": 1, "numerator": np.nan, "denominator": np.nan},
    ).pivot("year", "area")
    wide["gap"] = wide["rural"] - wide["urban"]
    assert wide.columns.tolist() == ["rural", "urban", "gap"]


def test_several_rows_in_one_cell_are_refused():
    with pytest.raises(pc.errors.DuplicateNameError, match=r"they differ in 'year'.*select"):
        rates().pivot("district")


def test_percent_of_what_is_not_a_fraction_is_refused():
    totals = rates(measure=["rate", "total"] * 3)
    with pytest.raises(pc.errors.OptionError, match=r"percent=True .* measure 'total' \(row 1\)"):
        totals.pivot("district", "year", percent=True)
    with pytest.raises(pc.errors.OptionError, match="column 'n_obs' is none"):
        rates().pivot("district", "year", "n_obs", percent=True)


def test_a_pivot_names_columns_that_are_not_there():
    with pytest.raises(pc.errors.ColumnNotFoundError, match="did you mean 'district'"):
        rates().pivot("distrct", "year")
    with pytest.raises(pc.errors.OptionError, match="index must name at least one column"):
        rates().pivot([])


# ---- other forms ------------------------------------------------------------------------------


def test_csv_opens_with_its_letters_and_leading_zeros_of_text(tmp_path):
    path = tmp_path / "rates.csv"
    rates().to_csv(path)
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfdistrict,year,variable,measure,estimate,se")
    assert b"\r" not in raw
    again = pd.read_csv(path, encoding="utf-8-sig")
    assert again["district"].tolist() == np.repeat(DISTRICTS, 2).tolist()
    assert again["estimate"].tolist() == rates()["estimate"].tolist()
    assert [file.name for file in tmp_path.iterdir()] == ["rates.csv"]


def test_csv_in_percent_says_so_in_each_name(tmp_path):
    path = tmp_path / "rates.csv"
    printed().to_csv(path, percent=True)
    frame = pd.read_csv(path)
    assert frame["estimate_percent"].tolist() == [12.2, 8.92]
    assert frame["se_percent"].tolist() == [1.0, 2.0]
    assert "estimate" not in frame
    assert frame["cv"].round(4).tolist() == [0.082, 0.2242], "of no unit, so not in percent"


def test_a_csv_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "rates.csv"
    path.write_text("old")

    def half_written(frame, target, **options):
        target.write_text("half")
        raise OSError("no space")

    monkeypatch.setattr(pd.DataFrame, "to_csv", half_written)
    with pytest.raises(OSError, match="no space"):
        rates().to_csv(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_csv_of_counts_in_percent_is_refused_before_writing(tmp_path):
    with pytest.raises(pc.errors.OptionError, match="measure 'total'"):
        rates(measure="total").to_csv(tmp_path / "x.csv", percent=True)
    assert list(tmp_path.iterdir()) == []


def test_polars_has_the_same_columns_with_null_for_nothing():
    polars = pytest.importorskip("polars")
    frame = rates(n_psu=[1, 2, np.nan, 4, 5, 6]).to_polars()
    assert frame.columns == rates().to_frame().columns.tolist()
    assert frame["district"].dtype == polars.Enum(DISTRICTS)
    assert frame["district"].to_list() == np.repeat(DISTRICTS, 2).tolist()
    assert frame["estimate"].to_list() == rates()["estimate"].tolist()
    assert frame["n_psu"].dtype == polars.Int64
    assert frame["n_psu"].to_list() == [1, 2, None, 4, 5, 6]
    assert frame["se"].null_count() == 6
    assert frame["standard"].null_count() == 6


@pytest.mark.parametrize(
    ("keys", "values"),
    [
        (pd.Series(["01", "02"]), ["01", "02"]),
        (pd.PeriodIndex(["2021", "2022"], freq="Y"), ["2021", "2022"]),
        (pd.Categorical([7, 8]), [7, 8]),
        (pd.array([1, None], dtype="Int64"), [1, None]),
        (np.array([True, False]), [True, False]),
    ],
)
def test_polars_takes_keys_of_every_type(keys, values):
    pytest.importorskip("polars")
    counts = {"n_obs": 1, "numerator": np.nan, "denominator": np.nan, "estimate": [0.1, 0.2]}
    assert rates(keys={"key": keys}, **counts).to_polars()["key"].to_list() == values


def test_arrow_has_the_same_columns_with_null_for_nothing():
    pyarrow = pytest.importorskip("pyarrow")
    table = rates(n_psu=[1, 2, np.nan, 4, 5, 6]).to_arrow()
    assert table.column_names == rates().to_frame().columns.tolist()
    assert pyarrow.types.is_dictionary(table["district"].type)
    assert table["district"].to_pylist() == np.repeat(DISTRICTS, 2).tolist()
    assert table["n_psu"].type == pyarrow.int64()
    assert table["n_psu"].to_pylist() == [1, 2, None, 4, 5, 6]
    assert table["se"].null_count == 6


@pytest.mark.parametrize(("method", "package"), [("to_polars", "polars"), ("to_arrow", "pyarrow")])
def test_a_missing_extra_names_the_pip_line(monkeypatch, method, package):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(ImportError, match=r"pip install 'povertycore\["):
        getattr(rates(), method)()


# ---- covariance and concat --------------------------------------------------------------------


def test_without_standard_errors_the_covariance_is_missing():
    cov = rates().cov
    assert cov.shape == (6, 6)
    assert cov.dtype == np.float64
    assert np.isnan(cov).all()


def test_independent_files_have_covariance_zero():
    cov = pc.concat([printed(), printed(se=None)]).cov
    # Rows are A, A, B, B: the first of each pair has a standard error, the second has none.
    assert cov[0, 0] == 0.01**2
    assert np.isnan(cov[0, 2]), "of one file, and not printed"
    assert np.isnan(cov[0, 1]), "no standard error"
    both = pc.concat([printed(), pc.concat([printed(), printed()])]).cov
    assert both[0, 1] == both[0, 2] == both[1, 2] == 0.0


def test_the_covariance_of_many_rows_names_other_ways():
    many = pc.Estimates(
        {"i": np.arange(5_001)},
        measure_keys={"variable": ""},
        measure="rate",
        estimate=0.5,
        unit="households",
        verb="rate",
    )
    with pytest.raises(pc.errors.LimitError, match=r"\.contrast.*\.cov_of\(rows\).*pc\.change"):
        _ = many.cov
    assert many._take(np.arange(5_000)).cov.shape == (5_000, 5_000)


def test_joined_categories_keep_their_order_and_gain_new_ones():
    north = rates()
    south = rates(
        keys={
            "district": pd.Categorical(["Cà Mau", "Bắc Sơn"], categories=["Cà Mau", "Bắc Sơn"]),
            "year": [2021, 2023],
        },
        **{"estimate": [0.1, 0.2], "n_obs": 1, "numerator": np.nan, "denominator": np.nan},
    )
    joined = pc.concat([north, south])
    assert joined["district"].cat.categories.tolist() == [*DISTRICTS, "Cà Mau"]
    assert joined.pivot("district", "year").loc["Bắc Sơn", 2023] == 0.2
    assert len(joined) == 8


def test_the_total_stays_the_last_of_joined_categories():
    parts = [
        pc.rate(pd.DataFrame({"g": pd.Categorical([g]), "p": [1]}), "p", by="g", totals="g")
        for g in "xy"
    ]
    joined = pc.concat(parts)["g"]
    assert joined.cat.categories.tolist() == ["x", "y", "(total)"]


def test_joined_meta_keeps_what_is_alike_and_each_part():
    parts = [rates(meta={"version": "1", "rows_read": n, "footnotes": ["x"]}) for n in (3, 4)]
    meta = pc.concat(parts).meta
    assert meta["version"] == "1"
    assert "rows_read" not in meta
    assert [part["rows_read"] for part in meta["parts"]] == [3, 4]
    assert meta["footnotes"] == ["x"]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (rates(verb="mean"), "part 1 comes from 'mean'; expected 'rate'"),
        (rates(keys={"year": np.arange(6)}), r"part 1 has key names \('year',\)"),
        (rates(own={"lag": 1}), r"part 1 has own names \('lag',\)"),
        (
            rates(measure_keys={"variable": "", "k": 0.5}),
            r"part 1 has measure key names \('variable', 'k'\)",
        ),
    ],
)
def test_results_of_different_shape_do_not_join(other, message):
    with pytest.raises(pc.errors.OptionError, match=message):
        pc.concat([rates(), other])


def test_keys_of_different_type_do_not_join():
    text_years = rates(keys={"district": DISTRICTS * 2, "year": ["2021", "2022"] * 3})
    with pytest.raises(pc.errors.DTypeError, match="column 'year' has types"):
        pc.concat([rates(), text_years])


def test_only_estimates_join():
    with pytest.raises(pc.errors.DTypeError, match="part 1 must be an Estimates, found DataFrame"):
        pc.concat([rates(), rates().to_frame()])
    with pytest.raises(pc.errors.OptionError, match="at least one"):
        pc.concat([])


# ---- from_table -------------------------------------------------------------------------------


def as_polars(table):
    return pytest.importorskip("polars").DataFrame(table)


def as_lazy_polars(table):
    return pytest.importorskip("polars").LazyFrame(table)


def as_arrow(table):
    return pytest.importorskip("pyarrow").table(table)


@pytest.mark.parametrize("form", [dict, pd.DataFrame, as_polars, as_lazy_polars, as_arrow])
def test_any_kind_of_table_is_read(form):
    table = {"code": ["02", "01"], "year": [2022, 2021], "rate": [0.1, 0.2]}
    est = pc.Estimates.from_table(form(table), ["code", "year"], estimate="rate")
    assert est["code"].tolist() == ["01", "02"]
    assert est["year"].tolist() == [2021, 2022]
    assert est["year"].dtype == np.int64
    assert est["estimate"].tolist() == [0.2, 0.1]


def test_an_enum_keeps_its_order():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"place": ["A", "B"], "rate": [0.1, 0.2]}).with_columns(
        polars.col("place").cast(polars.Enum(["B", "A"]))
    )
    est = pc.Estimates.from_table(frame, "place", estimate="rate")
    assert est["place"].tolist() == ["B", "A"]


def test_standard_is_an_id_an_object_or_a_column():
    class Standard:
        id = "vn-2022"

    table = {"year": [2021, 2022], "rate": [0.1, 0.2], "rule": ["vn-2016", None]}
    make = pc.Estimates.from_table
    assert make(table, "year", estimate="rate", standard="vn-2016")["standard"][0] == "vn-2016"
    assert make(table, "year", estimate="rate", standard=Standard())["standard"][1] == "vn-2022"
    column = make(table, "year", estimate="rate", standard="rule")["standard"]
    assert column[0] == "vn-2016"
    assert pd.isna(column[1])


def test_the_source_is_remembered_by_table_and_by_row():
    est = printed(source="Decision 1")
    assert est.meta["source"] == "Decision 1"
    assert est.sources().tolist() == ["Decision 1"] * 2
    assert printed().sources().isna().all()
    joined = pc.concat([est, printed(source="Decision 2")])
    assert sorted(joined.sources()) == ["Decision 1"] * 2 + ["Decision 2"] * 2
    assert len(joined.select(place="A").sources()) == 2


def test_a_source_stays_with_its_row_when_rows_are_sorted():
    table = {"year": [2022, 2021], "rate": [0.1, 0.2], "source": ["of 2022", "of 2021"]}
    est = pc.Estimates.from_table(table, "year", estimate="rate", source="source")
    assert est.sources().tolist() == ["of 2021", "of 2022"]
    assert est.select(year=2022).sources().tolist() == ["of 2022"]


def test_different_sources_do_not_compare_without_being_told():
    table = {"year": [2021, 2022], "rate": [0.122, 0.0892], "source": ["Decision 1", "Yearbook"]}
    est = pc.Estimates.from_table(table, "year", estimate="rate", source="source")
    assert est.meta["source"] == ["Decision 1", "Yearbook"]
    with pytest.raises(pc.errors.ComparabilityError):
        pc.change(est, time="year")
    assert len(pc.change(est, time="year", across_standards=True)) == 1


def test_variable_and_category_among_the_keys_say_what_was_measured():
    table = {"year": [2021, 2021], "variable": ["poor", "near_poor"], "rate": [0.122, 0.1206]}
    est = pc.Estimates.from_table(table, ["year", "variable"], estimate="rate")
    assert est.key_names == ("year",)
    assert est.measure_key_names == ("variable",)
    assert est["variable"].tolist() == ["poor", "near_poor"]
    assert printed(variable="poor")["variable"].tolist() == ["poor", "poor"]


def test_a_table_of_totals_may_hold_any_size():
    est = pc.Estimates.from_table(
        {"year": [2021], "poor": [23_511]}, "year", estimate="poor", measure="total"
    )
    assert est["estimate"].tolist() == [23_511.0]
    assert est.verb == "total"


def test_a_figure_that_is_not_printed_stays_missing_with_a_note():
    est = pc.Estimates.from_table(
        {"year": [2021, 2022], "rate": [0.1, np.nan]}, "year", estimate="rate"
    )
    assert est["note"].tolist() == ["", "no figure in the table"]


def test_no_households_give_no_rate():
    table = {"place": ["A"], "poor": [0], "all": [0]}
    est = pc.Estimates.from_table(table, "place", numerator="poor", denominator="all")
    assert np.isnan(est["estimate"][0])


def test_labels_are_composed_with_a_warning():
    name = unicodedata.normalize("NFD", "Bình Gia")
    with pytest.warns(pc.errors.LabelWarning, match="column 'place'"):
        est = pc.Estimates.from_table({"place": [name], "rate": [0.1]}, "place", estimate="rate")
    assert est["place"].tolist() == ["Bình Gia"]
    frame = pd.DataFrame({"place": pd.Categorical([name]), "rate": [0.1]})
    with pytest.warns(pc.errors.LabelWarning, match="column 'place'"):
        est = pc.Estimates.from_table(frame, "place", estimate="rate")
    assert est["place"].cat.categories.tolist() == ["Bình Gia"]


@pytest.mark.parametrize(
    ("table", "options", "kind", "message"),
    [
        (
            {"rate": [0.5, 12.2]},
            {"estimate": "rate"},
            "ValueRangeError",
            r"rate\[1\] is outside 0\.\.1; .* pass percent=True",
        ),
        (
            {"rate": [12.2, 122.0]},
            {"estimate": "rate", "percent": True},
            "ValueRangeError",
            r"rate\[1\] is outside 0\.\.100",
        ),
        (
            {"poor": [1, 3], "all": [2, 2]},
            {"numerator": "poor", "denominator": "all"},
            "ValueRangeError",
            r"poor\[1\] is above its denominator",
        ),
        (
            {"rate": [0.5, 0.5], "poor": [1, 3], "all": [2, 2]},
            {"estimate": "rate", "numerator": "poor", "denominator": "all"},
            "ValueRangeError",
            r"poor\[1\] is above its denominator",
        ),
        (
            {"income": [0.5, np.inf]},
            {"estimate": "income", "measure": "mean"},
            "ValueRangeError",
            r"income\[1\] is infinite",
        ),
        (
            {"rate": [0.1, 0.2], "se": [0.1, np.inf]},
            {"estimate": "rate", "se": "se"},
            "ValueRangeError",
            r"se\[1\] is infinite",
        ),
        (
            {"poor": [1, 3]},
            {"estimate": "poor", "measure": "total", "percent": True},
            "OptionError",
            "percent=True is for rates",
        ),
        (
            {"poor": [1, -3], "all": [2, 2]},
            {"numerator": "poor", "denominator": "all"},
            "ValueRangeError",
            r"poor\[1\] is negative",
        ),
        (
            {"rate": [0.1, 0.2], "se": [0.1, -0.1]},
            {"estimate": "rate", "se": "se"},
            "ValueRangeError",
            r"se\[1\] is negative",
        ),
        ({"rate": ["12,20", "x"]}, {"estimate": "rate"}, "DTypeError", "column 'rate' must hold"),
        ({"rate": [0.1, 0.2]}, {"estimate": "rat"}, "ColumnNotFoundError", "did you mean 'rate'"),
        ({"poor": [1, 2]}, {"numerator": "poor"}, "OptionError", "needs estimate=, or numerator="),
        (
            {"rate": [0.1, 0.2]},
            {"estimate": "rate", "unit": "people"},
            "OptionError",
            "unit must be 'households' or 'persons', found 'people'",
        ),
        (
            {"rate": [0.1, 0.2], "place": ["A", "A"]},
            {"estimate": "rate"},
            "DuplicateNameError",
            "row 1 has the same keys as row 0",
        ),
        (
            {"rate": [0.1, 0.2], "place": ["A", None]},
            {"estimate": "rate"},
            "MissingValueError",
            r"place\[1\] is missing",
        ),
    ],
)
def test_a_wrong_table_is_refused_with_its_row(table, options, kind, message):
    with pytest.raises(getattr(pc.errors, kind), match=message):
        pc.Estimates.from_table({"place": ["A", "B"], **table}, "place", **options)


@pytest.mark.parametrize("make", [dict, pd.DataFrame, as_polars])
def test_decimals_are_numbers(make):
    # DuckDB and Polars give decimals for 0.122; pandas keeps them as objects
    table = make({"place": ["A", "B"], "rate": [Decimal("0.122"), Decimal("0.0892")]})
    est = pc.Estimates.from_table(table, "place", estimate="rate")
    assert est["estimate"].tolist() == [0.122, 0.0892]


def test_what_is_no_table_is_refused():
    with pytest.raises(pc.errors.DTypeError, match="a table must be a data frame"):
        pc.Estimates.from_table(3, "place", estimate="rate")


# ---- errors of construction -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["estimate", "unit", "measure", "variable", "n_obs"])
def test_a_key_named_like_a_result_column_is_refused(name):
    with pytest.raises(pc.errors.DuplicateNameError, match=f"key '{name}' is named like a result"):
        rates(keys={name: np.arange(6)})


def test_columns_of_different_length_are_refused():
    with pytest.raises(pc.errors.LengthError, match="column 'estimate' has 2 rows; expected 6"):
        rates(estimate=[0.1, 0.2])


def test_an_unknown_column_names_those_that_come_close():
    with pytest.raises(pc.errors.ColumnNotFoundError, match="did you mean 'estimate'"):
        rates()["estimat"]


# ---- properties -------------------------------------------------------------------------------

LABELS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=4)


@st.composite
def tables(draw):
    """A table by place and year with every combination once, in any order of rows."""
    places = draw(st.lists(LABELS, min_size=1, max_size=5, unique=True))
    places = list(dict.fromkeys(unicodedata.normalize("NFC", place) for place in places))
    years = draw(st.lists(st.integers(1990, 2030), min_size=1, max_size=4, unique=True))
    rows = draw(st.permutations([(place, year) for place in places for year in years]))
    kept = rows[: draw(st.integers(1, len(rows)))]
    values = draw(
        st.lists(st.floats(0, 1, allow_nan=False), min_size=len(kept), max_size=len(kept))
    )
    return {
        "place": [place for place, _ in kept],
        "year": [year for _, year in kept],
        "rate": values,
    }


@given(tables())
def test_rows_come_sorted_whatever_their_order_in_the_table(table):
    est = pc.Estimates.from_table(table, ["place", "year"], estimate="rate")
    rows = list(zip(est["place"], est["year"], strict=True))
    wanted = sorted(
        zip(table["place"], table["year"], strict=True),
        key=lambda row: (row[0] == "(total)", row[0], row[1]),
    )
    assert rows == wanted


@given(tables())
def test_a_pivot_holds_every_figure_and_no_other(table):
    est = pc.Estimates.from_table(table, ["place", "year"], estimate="rate")
    wide = est.pivot("place", "year")
    assert wide.columns.tolist() == sorted(set(table["year"]))
    assert wide.notna().to_numpy().sum() == len(est)
    for place, year, value in zip(*table.values(), strict=True):
        assert wide.loc[[place], [year]].to_numpy()[0, 0] == value


@given(tables(), st.data())
def test_selections_by_year_join_to_the_whole(table, data):
    est = pc.Estimates.from_table(table, ["place", "year"], estimate="rate")
    years = data.draw(st.permutations(sorted(set(table["year"]))))
    joined = pc.concat([est.select(year=year) for year in years])
    pd.testing.assert_frame_equal(joined.to_frame(), est.to_frame())


@given(rate=st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_csv_gives_the_figures_back_to_the_last_bit(tmp_path_factory, rate):
    table = {"place": list(range(len(rate))), "rate": rate}
    path = tmp_path_factory.mktemp("csv") / "rates.csv"
    pc.Estimates.from_table(table, "place", estimate="rate").to_csv(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert [float(row["estimate"]) for row in csv.DictReader(file)] == rate


@given(st.lists(st.decimals(0, 100, places=2), min_size=1, max_size=5))
def test_percent_in_and_percent_out_is_the_printed_number(figures):
    table = {"place": list(range(len(figures))), "rate": [float(figure) for figure in figures]}
    est = pc.Estimates.from_table(table, "place", estimate="rate", percent=True)
    assert est.pivot("place", percent=True)["estimate_percent"].tolist() == table["rate"]
