"""Results of several files under one covariance, and files of several periods read as one.

Source of truth: the same rows in one file.
"""

import numpy as np
import pandas as pd
import pytest

import povertycore as pc
from povertycore import errors

WORDS = {"weight": "w", "strata": "h", "psu": "ea", "lonely": "certainty"}
ONE_WAVE = pc.Design(**WORDS)
WAVES = pc.Design(**WORDS, period="year")


def rotating():
    """Three waves of two strata; half the PSUs of a wave are in the next one; one lonely PSU."""
    rng = np.random.default_rng(3)
    rows = [
        {"year": year, "h": h, "ea": ea, "w": 1.0 + h,
         "poor": float(rng.random() < 0.2 + 0.02 * ea),
         "region": "north" if ea % 2 else "south", "income": float(rng.integers(500, 3000))}
        for year, first in ((2018, 0), (2020, 4), (2022, 8))
        for h, n in ((1, 8), (2, 8), (3, 1))
        for ea in range(first, first + n)
        for _ in range(4)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def files_of(data):
    return {year: wave.drop(columns="year") for year, wave in data.groupby("year")}


def parts_of(data, by="year", design=ONE_WAVE):
    return [pc.rate(wave, "poor", by=by, design=design) for _, wave in data.groupby("year")]


def same(found, expected, rtol=1e-12):
    assert len(found) == len(expected)
    for name in ("estimate", "se", "df", "n_psu", "ci_low", "ci_high"):
        np.testing.assert_allclose(found[name], expected[name], rtol=rtol)


# --- join ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["year", ["year", "region"]])
def test_joined_files_covary_as_the_waves_of_one_file(by):
    data = rotating()
    together = pc.rate(data, "poor", by=by, design=WAVES)
    joined = pc.join(*parts_of(data, by))
    same(joined, together)
    np.testing.assert_allclose(joined.cov, together.cov, rtol=1e-10, atol=1e-17)


def test_changes_of_joined_files_are_those_of_one_file():
    data = rotating()
    together = pc.change(pc.rate(data, "poor", by="year", design=WAVES), "year")
    joined = pc.change(pc.join(*parts_of(data)), "year")
    same(joined, together)
    assert joined["note"].to_list() == together["note"].to_list() == ["8 PSUs in both"] * 2
    apart = pc.change(pc.concat(parts_of(data)), "year")
    assert (apart["se"] != together["se"]).all()


def test_files_that_name_their_period_are_joined_too():
    data = rotating()
    joined = pc.join(*parts_of(data, design=WAVES))
    together = pc.rate(data, "poor", by="year", design=WAVES)
    np.testing.assert_allclose(joined.cov, together.cov, rtol=1e-10, atol=1e-17)


@pytest.mark.parametrize("lonely", ["average", "adjust"])
def test_rules_for_lonely_psus_are_kept(lonely):
    data = rotating()
    words = WORDS | {"lonely": lonely}
    joined = pc.join(*parts_of(data, design=pc.Design(**words)))
    together = pc.rate(data, "poor", by="year", design=pc.Design(**words, period="year"))
    np.testing.assert_allclose(joined.cov, together.cov, rtol=1e-10, atol=1e-17)


def test_two_results_of_one_file_have_the_covariance_of_their_rows():
    data = rotating()
    data = data[data["year"] == 2018]
    both = pc.rate(data, "poor", by="region", design=ONE_WAVE)
    joined = pc.join(both.select(region="north"), both.select(region="south"))
    np.testing.assert_allclose(joined.cov, both.cov, rtol=1e-12)
    same(joined.contrast({"north": 1, "south": -1}), both.contrast({"north": 1, "south": -1}))
    inside = {region: data["region"] == region for region in ("north", "south")}
    passes = [pc.rate(data, "poor", by=["year", "region"], where=rows, design=WAVES)
              .select(region=region) for region, rows in inside.items()]  # fmt: skip
    again = pc.join(*passes)
    north, south = (2018, "north"), (2018, "south")
    same(again.contrast({north: 1, south: -1}), both.contrast({"north": 1, "south": -1}))


def test_rows_that_are_psus_have_nothing_in_common_between_files():
    data = rotating()
    design = pc.Design(weight="w", psu="row")
    joined = pc.join(*parts_of(data, design=design))
    off_diagonal = joined.cov[~np.eye(3, dtype=bool)]
    assert (off_diagonal == 0).all()


def test_columns_of_replicate_weights_go_together_one_by_one():
    data = rotating()
    rng = np.random.default_rng(0)
    factors = rng.random((30, 100)) + 0.5
    columns = {f"r{j}": data["w"] * factor[data["ea"] + 20 * data["h"]]
               for j, factor in enumerate(factors)}  # fmt: skip
    data = data.assign(**columns)
    replicates = pc.Replicates(weights=list(columns), kind="bootstrap")
    design = pc.Design(weight="w", replicates=replicates)
    joined = pc.join(*parts_of(data, design=design))
    together = pc.rate(data, "poor", by="year", design=design)
    np.testing.assert_allclose(joined.cov, together.cov, rtol=1e-12)


def test_text_and_category_labels_match():
    data = rotating().assign(ea=lambda hh: hh["ea"].map("ea{:02}".format))
    parts = parts_of(data)
    first = data[data["year"] == 2018]
    first = first.assign(ea=first["ea"].astype("category"))
    parts[0] = pc.rate(first, "poor", by="year", design=ONE_WAVE)
    together = pc.rate(data, "poor", by="year", design=WAVES)
    np.testing.assert_allclose(pc.join(*parts).cov, together.cov, rtol=1e-10, atol=1e-17)


# --- errors of join ------------------------------------------------------------------------------


def test_join_refuses_what_has_no_sample():
    data = rotating()
    register = [pc.rate(wave, "poor", by="year") for _, wave in data.groupby("year")]
    with pytest.raises(errors.OptionError, match="result 0 is of a register.*concat joins"):
        pc.join(*register)
    with pytest.raises(errors.OptionError, match="two results or more, found 1"):
        pc.join(parts_of(data)[0])


def test_join_refuses_results_without_their_period():
    data = rotating()
    with pytest.raises(errors.DuplicateNameError, match="same keys"):
        pc.join(*parts_of(data, by="region"))


def test_join_refuses_different_designs_and_types_of_labels():
    data = rotating()
    first, second, _ = parts_of(data)
    other = pc.rate(data[data["year"] == 2020], "poor", by="year",
                    design=pc.Design(weight="w", psu="ea"))  # fmt: skip
    with pytest.raises(errors.DesignError, match="result 1 has another design than result 0"):
        pc.join(first, other)
    text = data[data["year"] == 2020].assign(ea=lambda hh: hh["ea"].astype(str))
    with pytest.raises(errors.DesignError, match="psu .*'ea'.* text in one file and numbers"):
        pc.join(first, pc.rate(text, "poor", by="year", design=ONE_WAVE))
    assert len(pc.join(first, second)) == 2


def test_join_refuses_two_parts_of_one_stratum():
    data = rotating()
    wave = data[data["year"] == 2018]
    halves = [pc.rate(wave[wave["region"] == region], "poor", by=["year", "region"], design=WAVES)
              for region in ("north", "south")]  # fmt: skip
    with pytest.raises(errors.DesignError, match="different PSUs of one stratum in one period"):
        pc.join(*halves)


def test_join_refuses_replicates_that_are_made():
    design = pc.Design(**WORDS, replicates=pc.Replicates(kind="jkn"))
    with pytest.raises(errors.DesignError, match="mapping from period to file"):
        pc.join(*parts_of(rotating(), design=design))


# --- a mapping from period to frame --------------------------------------------------------------


def test_a_mapping_from_period_to_frame_is_one_long_frame():
    data = rotating()
    together = pc.rate(data, "poor", by=["year", "region"], design=WAVES)
    mapped = pc.rate(files_of(data), "poor", by=["year", "region"], design=WAVES)
    same(mapped, together)
    assert mapped["year"].to_list() == together["year"].to_list()


@pytest.mark.parametrize("library", ["polars", "pyarrow", "lazy", "mapping"])
def test_frames_of_any_library_may_stand_in_the_mapping(library):
    data = rotating()
    pl = pytest.importorskip("polars")
    pa = pytest.importorskip("pyarrow")
    make = {"polars": pl.from_pandas,
            "pyarrow": lambda hh: pa.Table.from_pandas(hh, preserve_index=False),
            "lazy": lambda hh: pl.from_pandas(hh).lazy(),
            "mapping": lambda hh: hh.to_dict("list")}[library]  # fmt: skip
    files = {year: make(wave) for year, wave in files_of(data).items()}
    mapped = pc.mean(files, "income", by="year", design=WAVES)
    same(mapped, pc.mean(data, "income", by="year", design=WAVES))


def test_frames_may_hold_their_period_and_different_types_and_categories():
    data = rotating()
    files = {year: wave for year, wave in data.groupby("year")}
    files[2020] = files[2020].assign(w=files[2020]["w"].astype("int64"))
    for year, labels in (
        (2018, ["north", "south"]),
        (2020, ["south", "north"]),
        (2022, ["north", "south"]),
    ):
        files[year] = files[year].assign(region=pd.Categorical(files[year]["region"], labels))
    mapped = pc.rate(files, "region", by="year", design=WAVES)
    assert mapped["category"].to_list()[:2] == ["north", "south"]
    np.testing.assert_allclose(
        mapped["se"], pc.rate(data, "region", by="year", design=WAVES)["se"], rtol=1e-12
    )


def test_a_mapping_needs_the_name_of_the_period():
    with pytest.raises(errors.DesignError, match=r"needs Design\(period=...\)"):
        pc.rate(files_of(rotating()), "poor", by="region")


def test_a_frame_holds_rows_of_its_own_period_only():
    files = {year: wave for year, wave in rotating().groupby("year")}
    files[2022] = files[2020]
    with pytest.raises(errors.DesignError, match="period 2022 holds rows of 2020"):
        pc.rate(files, "poor", by="year", design=WAVES)


def test_frames_are_of_one_library():
    pl = pytest.importorskip("polars")
    files = files_of(rotating())
    files[2022] = pl.from_pandas(files[2022])
    with pytest.raises(errors.DTypeError, match="pandas and polars"):
        pc.rate(files, "poor", by="year", design=WAVES)
