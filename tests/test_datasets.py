"""The data that come with the package: the synthetic register of Lạng Sơn, the published tables.

Source of truth: the published review results of Lạng Sơn, 2021 and 2022, and the rule of Decree
07/2021/NĐ-CP, Article 3, both written out below.
"""

import unicodedata

import numpy as np
import pandas as pd
import pytest

import povertycore as pc

SEEDS = (0, 1, 20_211)

DISTRICTS = [
    "thành phố Lạng Sơn",
    "Tràng Định",
    "Bình Gia",
    "Văn Lãng",
    "Cao Lộc",
    "Văn Quan",
    "Bắc Sơn",
    "Hữu Lũng",
    "Chi Lăng",
    "Lộc Bình",
    "Đình Lập",
]
INDICATORS = [
    "employment",
    "dependants",
    "nutrition",
    "health_insurance",
    "adult_education",
    "school_attendance",
    "housing_quality",
    "housing_area",
    "water",
    "toilet",
    "telecommunication",
    "information_assets",
]
CAUSES = ["land", "capital", "labour", "tools", "knowledge", "skill", "illness", "other"]
SUPPORT = ["credit", "housing", "health", "education", "vocational", "production"]
COLUMNS = [
    *["year", "hhid", "district_code", "district", "commune_code", "commune"],
    *["village_code", "village", "area", "ethnicity", "ethnic_minority", "head_sex", "hhsize"],
    *["income", "b1", "b2", *INDICATORS, "status", "poor", "near_poor", "poor_before"],
    *[f"cause_{name}" for name in CAUSES],
    *[f"support_{name}" for name in SUPPORT],
    "standard",
]
# Of the same household in both years.
LASTING = ["ethnicity", "ethnic_minority", "head_sex", "poor_before"]


@pytest.fixture(scope="module", params=SEEDS)
def register(request):
    return pc.datasets.lang_son_register(request.param)


@pytest.fixture(scope="module")
def both(register):
    """One row per household that is in either year; columns of both, with suffixes."""
    parts = [register[register["year"] == year] for year in (2021, 2022)]
    return parts[0].merge(parts[1], on="hhid", how="outer", suffixes=("_2021", "_2022"))


# ---- worked example: the published figures ------------------------------------------------------


@pytest.mark.parametrize(
    ("year", "households", "poor", "near_poor", "minority", "minority_poor"),
    [
        (2021, 192_705, 23_511, 23_247, 157_019, 22_333),
        (2022, 196_150, 17_497, 22_036, 159_826, 16_664),
    ],
)
def test_register_has_the_published_totals(
    register, year, households, poor, near_poor, minority, minority_poor
):
    hh = register[register["year"] == year]
    assert len(hh) == households
    assert hh["poor"].sum() == poor
    assert hh["near_poor"].sum() == near_poor
    assert hh["ethnic_minority"].sum() == minority
    assert (hh["poor"] & hh["ethnic_minority"]).sum() == minority_poor


def test_printed_percentages_come_out_of_the_register(register):
    # 23,511 / 192,705 = 12.2005 %; 17,497 / 196,150 = 8.9202 %; 22,333 / 157,019 = 14.2231 %;
    # 16,664 / 159,826 = 10.4263 %; 23,247 / 192,705 = 12.0635 %; 22,333 / 23,511 = 94.9896 %.
    year = register.groupby("year")
    assert (100 * year["poor"].mean()).round(2).tolist() == [12.20, 8.92]
    assert round(100 * year["near_poor"].mean()[2021], 2) == 12.06
    within = register[register["ethnic_minority"]].groupby("year")["poor"].mean()
    assert (100 * within).round(2).tolist() == [14.22, 10.43]
    assert round(100 * (within[2021] - within[2022]), 2) == 3.80
    share = register[register["poor"]].groupby("year")["ethnic_minority"].mean()
    assert (100 * share).round(2).tolist() == [94.99, 95.24]


def test_columns_are_those_promised_in_their_order(register):
    assert register.columns.tolist() == COLUMNS
    assert isinstance(register.index, pd.RangeIndex)
    assert register.attrs == {}
    assert not register.isna().any(axis=None)


def test_docstring_says_that_the_register_is_synthetic_and_what_is_invented():
    words = " ".join(pc.datasets.lang_son_register.__doc__.split())
    assert words.startswith("Make a synthetic household register")
    assert "Names and codes of communes and villages" in words
    assert "The 22,036 near-poor of 2022 are invented" in words


def test_plan_of_the_province_is_three_points_a_year_as_a_fraction():
    assert pc.datasets.LANG_SON_PLAN == 0.03


# ---- oracle: the rule of the decree, household by household -------------------------------------


def decree_class(area, income, n_deprived):
    """Decree 07/2021, Article 3 clause 2; income in thousand VND per person per month."""
    line = {"rural": 1_500, "urban": 2_000}[area]
    if income <= line and n_deprived >= 3:
        return "poor"
    if income <= line and n_deprived < 3:
        return "near_poor"
    return "other"


def test_every_class_is_the_decrees_of_its_income_and_indicators(register):
    n_deprived = register[INDICATORS].sum(axis=1)
    rows = zip(register["area"].tolist(), register["income"].tolist(), n_deprived, strict=True)
    expected = [decree_class(*row) for row in rows]
    assert set(expected) == {"poor", "near_poor", "other"}
    assert register["status"].tolist() == expected


def test_classify_gives_the_status_by_scores(register):
    status = pc.classify(register, "vn-2022", b1="b1", b2="b2", area="area", time="year")
    assert list(status.cat.categories) == ["poor", "near_poor", "other"]
    assert (status == register["status"]).all()


@pytest.mark.filterwarnings("ignore::povertycore.errors.StandardWarning")
def test_classify_gives_the_same_poor_and_near_poor_by_income(register):
    status = pc.classify(
        register,
        "vn-2022",
        income="income",
        income_unit="thousand VND/month",
        area="area",
        deprivations=INDICATORS,
        time="year",
    )
    assert list(status.cat.categories) == ["poor", "near_poor", "average", "other"]
    assert (status == "average").any()
    assert ((status == "poor") == register["poor"]).all()
    assert ((status == "near_poor") == register["near_poor"]).all()


# ---- properties ---------------------------------------------------------------------------------


def test_indicators_are_those_of_the_standard():
    assert list(pc.standard("vn-2022").indicator_ids) == INDICATORS


def test_class_columns_agree(register):
    assert register["status"].cat.ordered
    assert register["status"].cat.categories.tolist() == ["poor", "near_poor", "other"]
    assert (register["poor"] == (register["status"] == "poor")).all()
    assert (register["near_poor"] == (register["status"] == "near_poor")).all()


def test_income_and_b1_fall_on_the_same_side_of_their_lines(register):
    urban = register["area"] == "urban"
    income_line, score_line = np.where(urban, 2_000, 1_500), np.where(urban, 175, 140)
    by_income, by_score = register["income"] <= income_line, register["b1"] <= score_line
    assert (by_income == by_score).all()
    assert by_income.any()
    assert not by_income.all()


def test_b2_is_ten_points_per_deprived_indicator(register):
    assert (register["b2"] == 10 * register[INDICATORS].sum(axis=1)).all()
    assert (register[INDICATORS].sum() > 0).all()


def test_some_households_stand_exactly_at_each_limit(register):
    urban = register["area"] == "urban"
    for part, income, score in ((urban, 2_000, 175), (~urban, 1_500, 140)):
        assert ((register["income"] == income) & register["poor"] & part).any()
        assert ((register["b1"] == score) & register["poor"] & part).any()
    assert ((register["b2"] == 30) & register["poor"]).any()
    assert ((register["b2"] == 20) & register["near_poor"]).any()
    assert ((register["b2"] >= 30) & (register["status"] == "other")).any()


def test_province_has_its_eleven_districts_200_communes_and_1676_villages(register):
    for _, hh in register.groupby("year"):
        assert hh["district"].nunique() == hh["district_code"].nunique() == 11
        assert hh["commune"].nunique() == hh["commune_code"].nunique() == 200
        assert hh["village"].nunique() == hh["village_code"].nunique() == 1_676
    assert register["district"].cat.categories.tolist() == DISTRICTS


def test_codes_are_text_and_nest(register):
    places = register[["district_code", "commune_code", "village_code"]].drop_duplicates()
    assert all(isinstance(code, str) for code in places["commune_code"])
    assert places["commune_code"].str.fullmatch(r"0\d{4}").all()
    assert places["village_code"].str.fullmatch(r"0\d{9}").all()
    assert (places["village_code"].str[:5] == places["commune_code"]).all()
    assert len(places) == 1_676
    assert len(places[["district_code", "commune_code"]].drop_duplicates()) == 200


@pytest.mark.parametrize("place", ["district", "commune", "village"])
def test_names_are_categories_in_code_order_and_nfc(register, place):
    pairs = register[[f"{place}_code", place]].drop_duplicates().sort_values(f"{place}_code")
    names = register[place].cat.categories.tolist()
    assert pairs[place].tolist() == names
    assert [unicodedata.normalize("NFC", name) for name in names] == names


def test_area_belongs_to_the_commune_and_wards_and_townships_are_urban(register):
    areas = register[["commune_code", "area"]].drop_duplicates()
    assert areas["area"].value_counts().to_dict() == {"rural": 181, "urban": 19}
    assert 0.2 < (register["area"] == "urban").mean() < 0.25


def test_rows_are_ordered_by_year_village_and_household(register):
    ordered = register[["year", "village_code", "hhid"]].sort_values(
        ["year", "village_code", "hhid"], kind="stable"
    )
    assert ordered.index.equals(register.index)


def test_household_ids_are_text_and_occur_once_a_year(register):
    assert register["hhid"].str.fullmatch(r"0\d{8}").all()
    assert not register.duplicated(["year", "hhid"]).any()


def test_a_household_that_stays_keeps_what_does_not_change(both):
    stays = both.dropna(subset=["year_2021", "year_2022"])
    for column in LASTING:
        assert (stays[f"{column}_2021"].astype(str) == stays[f"{column}_2022"].astype(str)).all()
    assert 0.85 < (stays["hhsize_2021"] == stays["hhsize_2022"]).mean() < 0.99


def test_households_leave_join_and_move_between_communes(both):
    assert both["year_2022"].isna().sum() == 2_310
    assert both["year_2021"].isna().sum() == 5_755
    stays = both.dropna(subset=["year_2021", "year_2022"])
    moved = (stays["commune_code_2021"] != stays["commune_code_2022"]).sum()
    assert 850 < moved <= 900


def test_start_less_exits_plus_entries_is_the_end_in_every_commune(both):
    for state in ("poor", "near_poor"):
        at = {}
        for year in (2021, 2022):
            in_state = both["status" + f"_{year}"] == state
            at[year] = both[f"commune_code_{year}"].where(in_state)
        stay = at[2021] == at[2022]
        start, end = at[2021].value_counts(), at[2022].value_counts()
        out, entered = at[2021][~stay].value_counts(), at[2022][~stay].value_counts()
        balance = start.sub(out, fill_value=0).add(entered, fill_value=0)
        balance, end = balance.align(end, fill_value=0)
        assert (balance == end).all()
        assert out.sum() > 1_000
        assert entered.sum() > 1_000


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        ("poor", "near_poor", 5_456),
        ("poor", "other", 2_854),
        ("poor", "absent", 338),
        ("near_poor", "poor", 1_132),
        ("near_poor", "other", 6_870),
        ("other", "poor", 1_309),
        ("other", "near_poor", 1_405),
        ("absent", "poor", 193),
    ],
)
def test_every_kind_of_move_occurs(both, before, after, count):
    states = [both[f"status_{year}"].astype(object).fillna("absent") for year in (2021, 2022)]
    assert ((states[0] == before) & (states[1] == after)).sum() == count


def test_of_those_who_become_poor_some_fell_back_and_some_are_new(both):
    entered = both[(both["status_2021"] == "other") & (both["status_2022"] == "poor")]
    assert 0.25 < entered["poor_before_2022"].astype(bool).mean() < 0.5


def test_reduction_is_uneven_between_communes(register):
    rate = register.pivot_table("poor", "commune_code", "year", observed=True)
    fall = rate[2021] - rate[2022]
    assert 5 <= (fall < 0).sum() <= 40
    assert 50 <= (fall < pc.datasets.LANG_SON_PLAN).sum() <= 150
    assert fall.std() > 0.02
    assert fall.abs().max() < 0.4


def test_poverty_is_where_it_is_expected(register):
    poor = register["poor"]
    minority = poor.groupby(register["ethnic_minority"]).mean()
    assert minority[True] > 3 * minority[False]
    district = poor.groupby(register["district"], observed=True).mean()
    assert set(district.nlargest(2).index) == {"Bình Gia", "Văn Quan"}
    assert district.idxmin() == "thành phố Lạng Sơn"
    area = poor.groupby(register["area"], observed=True).mean()
    assert area["rural"] > 3 * area["urban"]


def test_households_look_like_the_provinces(register):
    assert register["hhsize"].mean() == pytest.approx(4.09, abs=0.05)
    size = register.groupby("ethnic_minority")["hhsize"].mean()
    assert size[True] > size[False] + 0.4
    assert (register["head_sex"] == "female").mean() == pytest.approx(0.20, abs=0.02)
    ethnicity = register["ethnicity"]
    assert ethnicity.cat.categories.tolist() == "Tày,Nùng,Kinh,Dao,Sán Chay,Hoa,Mông".split(",")
    assert (ethnicity.value_counts() > 500).all()
    assert ((ethnicity != "Kinh") == register["ethnic_minority"]).all()


def test_one_person_households_have_no_child_deprivations(register):
    alone = register[register["hhsize"] == 1]
    assert len(alone) > 1_000
    assert not alone[["nutrition", "school_attendance"]].any(axis=None)


def test_causes_are_named_for_poor_and_near_poor_households_only(register):
    cause = register[[f"cause_{name}" for name in CAUSES]]
    listed = register["status"] != "other"
    assert (cause.any(axis=1) == listed).all()
    assert (cause[listed].sum() > 1_000).all()
    assert (cause.sum(axis=1) > 1).any()


def test_support_is_thin_and_reaches_others_only_as_the_loans_of_the_escaped(register, both):
    support = register[[f"support_{name}" for name in SUPPORT]]
    other = register["status"] == "other"
    assert (support >= 0).all(axis=None)
    shares = (support[~other] > 0).mean()
    assert shares.between(0.005, 0.3).all()
    reached = other & (support > 0).any(axis=1)
    assert not support[other].drop(columns="support_credit").any(axis=None)
    assert set(register.loc[reached, "year"]) == {2022}
    escaped = both["status_2021"].isin(["poor", "near_poor"])
    assert register.loc[reached, "hhid"].isin(both.loc[escaped, "hhid"]).all()


def test_every_row_stands_under_the_standard_of_2022(register):
    assert (register["standard"] == "vn-2022").all()


# ---- determinism --------------------------------------------------------------------------------


def test_default_seed_is_zero_and_a_seed_gives_the_same_register():
    first = pc.datasets.lang_son_register()
    assert first.equals(pc.datasets.lang_son_register(0))
    generator = np.random.Generator(np.random.PCG64(0))
    assert first.equals(pc.datasets.lang_son_register(generator))


def test_register_is_the_same_on_every_machine():
    # Recorded figures: the draws use no function whose last bit may differ between machines.
    hh = pc.datasets.lang_son_register()
    poor = hh[hh["poor"]].groupby(["year", "district"], observed=True).size().unstack("year")
    assert poor[2021].tolist() == [
        *[220, 2_196, 3_527, 1_456, 1_907, 3_305, 2_150, 2_591, 1_792, 3_031, 1_336]
    ]
    assert poor[2022].tolist() == [
        *[141, 1_488, 2_515, 1_043, 1_634, 2_192, 1_584, 1_943, 1_380, 2_473, 1_104]
    ]
    assert hh["income"].sum() == 1_081_877_440
    assert hh["b1"].sum() == 70_136_305
    assert hh["support_credit"].sum() == 564_830_000


def test_seed_changes_who_is_poor_but_not_the_places():
    one, two = (pc.datasets.lang_son_register(seed) for seed in (3, 4))
    codes = ["district_code", "district", "commune_code", "commune", "village_code", "village"]
    at_start = [hh.loc[hh["year"] == 2021, [*codes, "hhid", "area"]] for hh in (one, two)]
    assert at_start[0].equals(at_start[1])
    assert not one["poor"].equals(two["poor"])


@pytest.mark.parametrize("rng", [-1, 1.5, True, "0", None])
def test_rng_that_is_no_seed_is_refused(rng):
    with pytest.raises(pc.errors.OptionError, match="rng must be a whole number >= 0") as info:
        pc.datasets.lang_son_register(rng)
    assert info.value.argument == "rng"


# ---- published tables ---------------------------------------------------------------------------

NAMES = ("lang_son", "national", "regions", "gso_provinces")


@pytest.fixture(params=NAMES)
def table(request):
    return pc.datasets.published(request.param)


def figure(name, place=None, **key):
    table = pc.datasets.published(name)
    chosen = table if place is None else table[table["place"] == place]
    for column, value in key.items():
        chosen = chosen[chosen[column] == value]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_published_figures_stand_in_one_long_frame(table):
    assert table.columns.tolist() == [
        *["place", "level", "year", "standard", "measure", "value", "source", "status", "note"]
    ]
    assert table["value"].dtype == np.float64
    assert table["year"].dtype == np.int64
    assert set(table["level"]) <= {"country", "region", "province"}
    assert set(table["status"]) <= {"final", "preliminary", "derived", "unverified"}
    assert set(table["standard"]) <= {"vn-2016", "vn-2022"}
    assert not table.duplicated(["place", "year", "standard", "measure"]).any()
    assert not table.isna().any(axis=None)
    assert (table["source"] != "").all()


def test_rates_are_fractions_and_counts_are_whole(table):
    rate = table["measure"].str.contains("rate|share|fulfilment")
    assert (table.loc[rate, "value"].abs() < 1.1).all()
    assert (table.loc[rate & ~table["measure"].str.contains("ful"), "value"].abs() <= 1).all()
    assert (table.loc[~rate, "value"] % 1 == 0).all()


def test_every_survey_rate_is_the_printed_percentage():
    # Printed: Lạng Sơn 23.51 in 2016, 7.91 in 2022, 6.07 (preliminary) in 2023; country 9.15.
    key = {"measure": "survey_poor_rate"}
    assert figure("gso_provinces", "Lạng Sơn", year=2016, **key)["value"] == 0.2351
    assert figure("gso_provinces", "Lạng Sơn", year=2022, **key)["value"] == 0.0791
    assert figure("gso_provinces", "Lạng Sơn", year=2023, **key)["value"] == 0.0607
    assert figure("gso_provinces", "CẢ NƯỚC", year=2016, **key)["value"] == 0.0915


def test_survey_table_has_the_country_six_regions_and_63_provinces_in_eight_years():
    table = pc.datasets.published("gso_provinces")
    assert table.groupby("year")["place"].nunique().to_dict() == dict.fromkeys(
        range(2016, 2024), 70
    )
    levels = table[["place", "level"]].drop_duplicates()["level"].value_counts()
    assert levels.to_dict() == {"province": 63, "region": 6, "country": 1}
    assert table["place"].cat.categories[0] == "CẢ NƯỚC"


def test_survey_table_changes_its_standard_in_2022_and_ends_preliminary():
    table = pc.datasets.published("gso_provinces")
    assert (table["standard"] == np.where(table["year"] <= 2021, "vn-2016", "vn-2022")).all()
    assert (table["status"] == np.where(table["year"] == 2023, "preliminary", "final")).all()


@pytest.mark.parametrize("year", [2022, 2023, 2024])
def test_regions_add_up_to_the_country(year):
    regions = pc.datasets.published("regions")
    regions = regions[(regions["year"] == year) & (regions["measure"] == "poor_or_near_poor")]
    country = figure("national", year=year, measure="poor_or_near_poor")
    assert len(regions) == 6
    assert regions["value"].sum() == country["value"]


def test_regions_are_named_as_in_the_survey_table():
    survey = pc.datasets.published("gso_provinces")
    names = survey.loc[survey["level"] == "region", "place"].astype(str)
    assert set(pc.datasets.published("regions")["place"]) == set(names)


@pytest.mark.parametrize(
    ("name", "key", "printed", "noted"),
    [
        ("regions", {"place": "Đồng bằng sông Hồng", "measure": "poor"}, 69_239, "69,329"),
        ("regions", {"place": "Tây Nguyên", "measure": "near_poor"}, 107_487, "107,606"),
        ("national", {"measure": "near_poor"}, 915_274, "915,393"),
        ("lang_son", {"measure": "poor_change"}, -6_013, "-6,014"),
        ("lang_son", {"measure": "minority_share_of_poor"}, 0.9523, "truncated"),
        ("lang_son", {"measure": "minority_poor_rate"}, 0.1042, "truncated"),
        ("lang_son", {"measure": "minority_poor_rate_change"}, -0.0315, "-3.80"),
    ],
)
def test_a_printed_slip_stands_as_printed_and_is_noted(name, key, printed, noted):
    row = figure(name, year=2022, **key)
    assert row["value"] == printed
    assert noted in row["note"]


@pytest.mark.parametrize("year", [2021, 2022])
def test_register_agrees_with_the_published_counts(year):
    hh = pc.datasets.lang_son_register()
    hh = hh[hh["year"] == year]
    counts = {
        "households": len(hh),
        "poor": hh["poor"].sum(),
        "minority_households": hh["ethnic_minority"].sum(),
        "minority_poor": (hh["ethnic_minority"] & hh["poor"]).sum(),
        "districts": hh["district_code"].nunique(),
        "communes": hh["commune_code"].nunique(),
        "villages": hh["village_code"].nunique(),
    }
    for measure, count in counts.items():
        assert figure("lang_son", year=year, measure=measure)["value"] == count


def test_2021_has_two_national_figures_one_per_standard():
    table = pc.datasets.published("national")
    rates = table[(table["year"] == 2021) & (table["measure"] == "poor_rate")]
    assert rates.set_index("standard")["status"].to_dict() == {
        "vn-2016": "final",
        "vn-2022": "unverified",
    }


def test_each_call_gives_a_table_of_its_own():
    table = pc.datasets.published("national")
    table["value"] = 0.0
    assert (pc.datasets.published("national")["value"] > 0).all()


def test_unknown_table_is_refused_and_the_names_are_listed():
    with pytest.raises(pc.errors.OptionError) as info:
        pc.datasets.published("provinces")
    assert all(name in str(info.value) for name in NAMES)
    assert info.value.argument == "name"
