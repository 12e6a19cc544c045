"""The synthetic survey of Lạng Sơn.

Source of truth: the synthetic register that it is drawn from, and the design of its docstring.
"""

from functools import cache

import numpy as np
import pandas as pd
import pytest

import povertycore as pc
from povertycore.errors import OptionError

DESIGN = pc.Design(weight="weight", strata="stratum", psu="ea", period="year")
STRATA = ["north", "west", "south", "east", "urban"]


@cache
def survey(seed=0):
    return pc.datasets.lang_son_survey(seed)


@cache
def register():
    """The register of seed 0: the survey's stream draws it first."""
    return pc.datasets.lang_son_register(0)


def test_rows_are_rows_of_the_register():
    columns = [name for name in survey().columns if name not in ("stratum", "ea", "weight")]
    found = survey().merge(register(), on=["year", "hhid"], suffixes=("", "_there"))
    assert len(found) == len(survey()) == 1500
    for name in columns[2:]:
        assert (found[name].astype(object) == found[f"{name}_there"].astype(object)).all(), name
    assert (found["ea"] == found["village_code"]).all()


def test_ten_areas_of_fifteen_households_in_each_stratum_and_wave():
    size = survey().groupby(["year", "stratum", "ea"], observed=True).size()
    assert (size == 15).all()
    areas = size.groupby(["year", "stratum"], observed=True).size()
    assert areas.tolist() == [10] * 10
    assert survey()["stratum"].cat.categories.to_list() == STRATA


def test_half_of_the_areas_are_in_both_waves():
    waves = survey().groupby("ea")["year"].agg(lambda years: years.nunique())
    stratum = survey().groupby("ea", observed=True)["stratum"].first()
    both = stratum[waves == 2].value_counts()
    assert both.to_dict() == dict.fromkeys(STRATA, 5)


def test_households_of_areas_in_both_waves_are_kept_as_long_as_they_live_there():
    first, second = (set(survey().query("year == @year")["hhid"]) for year in (2021, 2022))
    # 25 areas x 15 households = 375; a few move, die or leave the province.
    assert 320 <= len(first & second) <= 375


def test_weights_of_the_first_wave_add_up_to_the_households_of_each_stratum():
    first = register()[register()["year"] == 2021]
    urban = first["area"] == "urban"
    west = ~urban & first["district"].isin(["Bình Gia", "Văn Quan", "Bắc Sơn"])
    weights = survey().query("year == 2021").groupby("stratum", observed=True)["weight"].sum()
    assert weights["urban"] == pytest.approx(urban.sum(), rel=1e-12)
    assert weights["west"] == pytest.approx(west.sum(), rel=1e-12)
    assert weights.sum() == pytest.approx(192_705, rel=1e-12)
    second = survey().query("year == 2022")["weight"].sum()
    assert second == pytest.approx(196_150, rel=0.02)


def test_rates_over_several_seeds_come_near_the_truth():
    rates = [pc.rate(survey(seed), "poor", by="year", design=DESIGN) for seed in range(5)]
    found = np.array([est["estimate"] for est in rates])
    errors = np.array([est["se"] for est in rates])
    for t, truth in enumerate((23_511 / 192_705, 17_497 / 196_150)):
        # The mean of five has the root of a fifth of the mean variance.
        error = np.sqrt((errors[:, t] ** 2).mean() / 5)
        assert abs(found[:, t].mean() - truth) < 3 * error


def test_a_seed_gives_the_same_survey_and_another_seed_another_one():
    again = pc.datasets.lang_son_survey(np.random.Generator(np.random.PCG64(0)))
    pd.testing.assert_frame_equal(survey(), again)
    assert not survey()["hhid"].equals(survey(1)["hhid"])


@pytest.mark.parametrize("rng", [-1, 1.5, "0", None, True])
def test_a_wrong_seed_is_refused(rng):
    with pytest.raises(OptionError, match="rng must be a whole number"):
        pc.datasets.lang_son_survey(rng)


def test_the_docstring_says_that_the_data_are_synthetic():
    words = " ".join(pc.datasets.lang_son_survey.__doc__.split())
    assert "**synthetic**" in words
    assert "invents every household" in words
