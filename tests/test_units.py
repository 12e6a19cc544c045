"""Administrative units from one vintage to another.

Source of truth: arithmetic in the comments; tests/oracles/units.py in exact fractions; for what is
shipped, counts that the resolutions made known (63 provinces, 34 since July 2025).
"""

import datetime
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

import povertycore as pc
from oracles import units as oracle
from povertycore import errors

BEFORE, AFTER = "2024-11-30", "2024-12-01"
DAI_DONG = {"LS-that-khe": Fraction(8527, 8997), "LS-doi-can": Fraction(470, 8997)}


def counts(rows, **words):
    """Rates of counts: commune, year, poor, all."""
    frame = pd.DataFrame(rows, columns=["commune", "year", "poor", "all"])
    keys = ["commune", "year"]
    return pc.Estimates.from_table(frame, keys, numerator="poor", denominator="all", **words)


@pytest.fixture
def three():
    return counts(
        [
            ("LS-dai-dong", 2023, 180, 1800),
            ("LS-that-khe", 2023, 40, 800),
            ("LS-doi-can", 2023, 60, 500),
        ]
    )


def walk_of(rows, **words):
    columns = ["date", "from", "to", "population", "area"]
    return pc.crosswalk(pd.DataFrame(rows, columns=columns[: len(rows[0])]), **words)


def rebased(est, changes="lang-son-2024", **words):
    words = {"unit": "commune", "vintage": BEFORE, "to": AFTER} | words
    return pc.rebase(est, changes, **words)


# --- worked example -------------------------------------------------------------------------------


def test_dai_dong_is_shared_by_people(three):
    found = rebased(three).to_frame()
    assert found["commune"].tolist() == ["LS-doi-can", "LS-that-khe"]
    # 60 + 180 x 470/8997, 40 + 180 x 8527/8997
    poor = [60 + Fraction(180 * 470, 8997), 40 + Fraction(180 * 8527, 8997)]
    everyone = [500 + Fraction(1800 * 470, 8997), 800 + Fraction(1800 * 8527, 8997)]
    assert found["numerator"].tolist() == [float(x) for x in poor]
    assert found["denominator"].tolist() == [float(x) for x in everyone]
    assert found["estimate"].tolist() == pytest.approx(
        [float(p / n) for p, n in zip(poor, everyone, strict=True)], rel=1e-15
    )
    assert found["note"].tolist() == ["with 0.05224 of LS-dai-dong", "with 0.9478 of LS-dai-dong"]


def test_the_choice_of_weight_changes_the_result_a_lot(three):
    by_area = rebased(three, weight="area").to_frame().set_index("commune")
    # 18.61 of 27.61 km2
    assert by_area.loc["LS-that-khe", "numerator"] == pytest.approx(40 + 180 * 18.61 / 27.61)
    by_people = rebased(three).to_frame().set_index("commune")
    assert by_people.loc["LS-that-khe", "numerator"] - by_area.loc["LS-that-khe", "numerator"] > 49


def test_a_merged_unit_is_the_sum_of_its_parts():
    est = counts([("LS-vinh-tien", 2023, 10, 100), ("LS-khanh-long", 2023, 30, 200)])
    found = rebased(est)
    assert found.to_frame()[["commune", "numerator", "denominator"]].values.tolist() == [
        ["LS-khanh-long", 40.0, 300.0]
    ]
    assert found["estimate"].tolist() == [40 / 300]
    assert found["note"].tolist() == [""]


def test_each_year_is_brought_from_its_own_vintage_before_comparing():
    rows = [("LS-vinh-tien", 2023, 10, 100), ("LS-khanh-long", 2023, 30, 200)]
    est = counts([*rows, ("LS-khanh-long", 2024, 33, 300)])
    found = rebased(est, vintage={2023: "2023-12-31", 2024: "2024-12-31"}, time="year")
    change = pc.change(found, time="year")
    assert change["estimate"].tolist() == [float(Fraction(33, 300) - Fraction(40, 300))]
    assert change.meta["vintage"]["date"] == AFTER
    whole = pc.convergence(found, time="year", across="commune")
    assert whole["n_obs"].iloc[0] == 1


def test_results_say_in_which_vintage_they_are(three):
    vintage = rebased(three).meta["vintage"]
    assert vintage == {
        "unit": "commune",
        "date": "2024-12-01",
        "crosswalk": "lang-son-2024",
        "weight": "population",
        "verified": False,
        "split": ["LS-dai-dong"],
        "merged": ["LS-doi-can", "LS-that-khe"],
    }
    assert "not verified" in rebased(three).meta["footnotes"][0]
    assert "not verified" in repr(rebased(three))


def test_split_and_merged_units_are_listed():
    table = pc.crosswalk("lang-son-2024").changes(BEFORE, AFTER)
    rows = table.set_index(["from", "to"])
    assert rows.loc[("LS-dai-dong", "LS-doi-can"), "kind"] == "split and merged"
    assert rows.loc[("LS-vinh-tien", "LS-khanh-long"), "kind"] == "merged"
    assert rows.loc[("LS-dai-dong", "LS-doi-can"), "area_share"] == pytest.approx(9 / 27.61)
    assert rows.loc[("LS-vinh-tien", "LS-khanh-long"), "population_share"] == 1
    assert not table["verified"].any()
    assert pc.crosswalk("lang-son-2024").changes("2025-01-01", "2026-01-01").empty
    split = walk_of([("2020-01-01", "a", "b", 1), ("2020-01-01", "a", "c", 3)])
    assert split.changes("2019-01-01", "2021-01-01")["kind"].tolist() == ["split"] * 2
    renamed = walk_of([("2020-01-01", "a", "b")])
    assert renamed.changes("2019-01-01", "2021-01-01")["kind"].tolist() == ["renamed"]


# --- what is shipped ------------------------------------------------------------------------------


def test_sixty_three_provinces_become_thirty_four():
    walk = pc.crosswalk("vn-provinces")
    before, after = (
        {unit.code for unit in walk.units if unit.is_valid(datetime.date.fromisoformat(day))}
        for day in ("2025-06-30", "2025-07-01")
    )
    assert (len(before), len(after)) == (63, 34)
    shares = walk.shares("2025-06-30", "2025-07-01")
    now = {to for code in before for to in shares.get(code, {code: 1})}
    assert now == after
    merged = {link.after for link in walk.links}
    assert len(merged) == 23
    assert all(sum(link.after == code for link in walk.links) > 1 for code in merged)
    assert not any(link.verified for link in walk.links)
    assert walk.name_of("20", "2025-06-30") == walk.name_of("20", "2026-01-01") == "Lạng Sơn"


def test_a_code_that_comes_back_is_another_province():
    walk = pc.crosswalk("vn-provinces")
    assert walk.name_of("44", "2025-06-30") == "Quảng Bình"
    assert walk.name_of("44", "2025-07-01") == "Quảng Trị"
    rows = {"province": ["44", "45", "20"], "year": [2023] * 3, "poor": [1, 2, 3], "all": [10] * 3}
    est = pc.Estimates.from_table(rows, ["province", "year"], numerator="poor", denominator="all")
    found = pc.rebase(est, walk, unit="province", vintage="2023-12-31", to="2025-07-01")
    assert found["province"].tolist() == ["20", "44"]
    assert found["numerator"].tolist() == [3.0, 3.0]


def test_every_printed_province_has_a_code():
    walk, codes, lacking = pc.crosswalk("vn-provinces"), set(), []
    table = pc.datasets.published("gso_provinces")
    for name in table.loc[table["level"] == "province", "place"].unique():
        try:
            codes.add(walk.code_of(name.replace("TP. ", "Thành phố "), "2023-12-31"))
        except errors.OptionError as error:
            lacking.append((name, str(error)))
    assert len(codes) == 62
    assert [name for name, _ in lacking] == ["Thừa Thiên-Huế"]  # with a hyphen
    assert "did you mean 'Thừa Thiên Huế'" in lacking[0][1]


# --- oracle ---------------------------------------------------------------------------------------

CODES = ["a", "b", "c", "d"]
TABLES = st.lists(
    st.dictionaries(
        st.sampled_from(CODES),
        st.dictionaries(st.sampled_from(CODES), st.integers(1, 9), min_size=1, max_size=3),
        min_size=1,
        max_size=3,
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60)
@given(TABLES, st.dictionaries(st.sampled_from(CODES), st.integers(0, 50), min_size=1))
def test_any_chain_of_changes_is_that_of_the_oracle(tables, poor):
    changes, rows = [], []
    for year, table in enumerate(tables, start=2001):
        # every unit goes on under its code unless told else, so that no code is new
        whole = {code: table.get(code, {code: 1}) for code in CODES}
        day = f"{year}-01-01"
        rows += [
            (day, old, new, size) for old, parts in whole.items() for new, size in parts.items()
        ]
        shares = {
            old: {new: Fraction(size, sum(parts.values())) for new, size in parts.items()}
            for old, parts in whole.items()
        }
        changes.append((year, shares))
    est = counts([(code, 2000, x, 100) for code, x in poor.items()])
    found = rebased(est, walk_of(rows), vintage="2000-06-30", to="2010-01-01").to_frame()
    expected = oracle.rebased({c: Fraction(x) for c, x in poor.items()}, 2000, 2010, changes)
    mine = dict(zip(found["commune"], found["numerator"], strict=True))
    assert mine == {code: float(x) for code, x in expected.items()}
    # no household is lost or made
    assert found["denominator"].sum() == pytest.approx(100 * len(poor), rel=1e-12)


# --- properties -----------------------------------------------------------------------------------


def test_there_and_back_keeps_what_was_only_merged_if_the_parts_are_alike():
    rows = [("2020-01-01", "a", "c", 30, 1), ("2020-01-01", "b", "c", 10, 1)]
    walk = walk_of(rows)
    assert walk.shares("2021-01-01", "2019-01-01") == {
        "c": {"a": Fraction(3, 4), "b": Fraction(1, 4)}
    }
    est = counts([("a", 2019, 30, 300), ("b", 2019, 10, 100)])
    there = rebased(est, walk, vintage="2019-12-31", to="2020-06-30")
    back = rebased(there, walk, vintage="2020-06-30", to="2019-12-31")
    assert back["numerator"].tolist() == est["numerator"].tolist()
    assert back["estimate"].tolist() == est["estimate"].tolist()


def test_several_changes_are_undone_in_reverse():
    # a and b became c, then c and d became e: back, e is a:b:d as 1:2:3
    rows = [("2020-01-01", "a", "c", 1), ("2020-01-01", "b", "c", 2)]
    rows += [("2022-01-01", "c", "e", 3), ("2022-01-01", "d", "e", 3)]
    shares = walk_of(rows).shares("2023-01-01", "2019-01-01")["e"]
    assert shares == {"a": Fraction(1, 6), "b": Fraction(1, 3), "d": Fraction(1, 2)}
    assert walk_of(rows).shares("2019-01-01", "2023-01-01")["a"] == {"e": 1}


def test_how_many_rows_are_behind_a_share_is_not_known():
    hh = {"commune": ["LS-dai-dong", "LS-vinh-tien", "LS-khanh-long"], "poor": [1, 0, 1]}
    found = rebased(pc.rate(hh, "poor", by="commune")).to_frame().set_index("commune")
    assert found["n_obs"].isna().to_dict() == {
        "LS-doi-can": True, "LS-khanh-long": False, "LS-that-khe": True,
    }  # fmt: skip
    assert found.loc["LS-khanh-long", "n_obs"] == 2


def test_a_vintage_that_is_the_wanted_one_changes_nothing(three):
    found = rebased(three, to=BEFORE)
    pd.testing.assert_frame_equal(found.to_frame(), three.to_frame())
    assert found.meta["vintage"]["split"] == []
    assert found.meta["vintage"]["verified"]


def test_totals_and_means_are_rebased_as_what_they_are_made_of():
    hh = pd.DataFrame({"commune": ["LS-vinh-tien"] * 2 + ["LS-khanh-long"], "poor": [1, 0, 1]})
    hh["income"] = [1.0, 2.0, 6.0]
    est = rebased(pc.total(hh, "poor", by="commune"))
    assert est["estimate"].tolist() == [2.0]
    assert est["n_obs"].tolist() == [3]
    est = rebased(pc.mean(hh, "income", by="commune"))
    assert est["estimate"].tolist() == [3.0]
    assert pc.mean(hh, "income", by="commune").meta.get("vintage") is None


@pytest.mark.parametrize("make", [pd.DataFrame, dict, pl.DataFrame, pa.table])
def test_a_register_gives_what_its_counts_give(make):
    rng = np.random.default_rng(4)
    codes = np.array(["LS-dai-dong", "LS-that-khe", "LS-doi-can", "LS-elsewhere"])
    hh = {"commune": codes[rng.integers(0, 4, 200)].tolist(), "poor": rng.integers(0, 2, 200)}
    hh["year"] = [2023] * 200
    direct = rebased(pc.rate(hh, "poor", by=["commune", "year"]))
    rows = rebased(make(hh), vintage={2023: BEFORE}, time="year")
    assert isinstance(rows, make) if make not in (dict, pa.table) else True
    design = pc.Design(weight="weight")
    found = pc.rate(rows, "poor", by=["commune", "year"], design=design)
    assert found["commune"].tolist() == direct["commune"].tolist()
    for name in ("estimate", "numerator", "denominator"):
        assert found[name].tolist() == pytest.approx(direct[name].tolist(), rel=1e-12)
    names = rows.column_names if make is pa.table else rows.columns
    assert list(names) == ["commune", "poor", "year", "weight", "commune_vintage"]


def test_a_register_keeps_its_weights_and_its_own_rows():
    hh = pd.DataFrame({"commune": ["LS-dai-dong", "LS-khanh-long"], "w": [2.0, 3.0]}, index=[7, 7])
    before = hh.copy()
    rows = rebased(hh, weight_column="w")
    pd.testing.assert_frame_equal(hh, before)
    assert rows["commune"].tolist() == ["LS-doi-can", "LS-that-khe", "LS-khanh-long"]
    assert rows["w"].tolist() == pytest.approx([2 * 470 / 8997, 2 * 8527 / 8997, 3])
    assert rows["commune_vintage"].unique().tolist() == ["2024-12-01"]


# --- edges ----------------------------------------------------------------------------------------


def test_rows_of_totals_stay_totals():
    hh = pd.DataFrame({"commune": ["LS-vinh-tien", "LS-khanh-long"], "poor": [1, 0]})
    est = rebased(pc.rate(hh, "poor", by="commune", totals="commune"))
    assert est["commune"].tolist() == ["LS-khanh-long", "(total)"]
    assert est["estimate"].tolist() == [0.5, 0.5]


def test_a_group_without_figures_makes_the_new_one_unknown():
    est = counts([("LS-vinh-tien", 2023, None, 100), ("LS-khanh-long", 2023, 30, 200)])
    found = rebased(est)
    assert np.isnan(found["estimate"][0])
    assert "no figure" in found["note"][0]


def test_a_crosswalk_is_read_from_files(tmp_path):
    csv = tmp_path / "ours.csv"
    csv.write_text(
        "date,from,to,population,name_from,name_to,verified\n"
        "2020-01-01,01,03,10,Một,Ba,true\n2020-01-01,01,04,30,Một,Bốn,true\n",
        encoding="utf-8",
    )
    walk = pc.crosswalk(csv, level="commune")
    assert (walk.id, walk.level) == ("ours", "commune")
    assert walk.shares("2019-01-01", "2021-01-01") == {
        "01": {"03": Fraction(1, 4), "04": Fraction(3, 4)}
    }
    assert walk.name_of("03", "2020-01-01") == "Ba"
    assert walk.name_of("03", "2019-01-01") == ""
    assert walk.links[0].verified
    toml = tmp_path / "ours.toml"
    toml.write_text(
        'level = "commune"\n[[change]]\ndate = 2020-01-01\nlinks = [{from = "01", to = "03"}]\n',
        encoding="utf-8",
    )
    assert pc.crosswalk(str(toml)).shares("2019-01-01", "2021-01-01") == {"01": {"03": 1}}
    assert pc.crosswalk(walk) is walk


def test_one_file_a_year_is_brought_from_its_own_vintage():
    waves = {
        2023: {"commune": ["LS-vinh-tien", "LS-khanh-long"], "poor": [1, 0]},
        2024: {"commune": ["LS-khanh-long"], "poor": [1]},
    }
    days = {2023: "2023-12-31", 2024: "2024-12-31"}
    found = rebased(waves, vintage=days)
    design = pc.Design(period="year", weight="weight")
    est = pc.rate(found, "poor", by=["commune", "year"], design=design)
    assert est["commune"].tolist() == ["LS-khanh-long"] * 2
    assert est["estimate"].tolist() == [0.5, 1.0]
    with pytest.raises(errors.OptionError, match="no day for 2024"):
        rebased(waves, vintage={2023: "2023-12-31"})


# --- errors ---------------------------------------------------------------------------------------


def test_a_name_is_never_a_key():
    est = counts([("Đại Đồng", 2023, 1, 10)])
    walk = pc.crosswalk("vn-provinces")
    with pytest.raises(errors.ValueRangeError, match="a name is no key; the code on .* is '02'"):
        rebased(counts([("Hà Giang", 2023, 1, 10)]), walk, to="2025-07-01")
    # where the table does not know all units, an unknown code is one that did not change
    assert rebased(est)["commune"].tolist() == ["Đại Đồng"]


def test_a_code_outside_its_time_is_told():
    walk = pc.crosswalk("vn-provinces")
    with pytest.raises(errors.ValueRangeError, match="is the vintage right") as found:
        rebased(counts([("02", 2025, 1, 10)]), walk, vintage="2025-12-31", to="2025-12-31")
    assert (found.value.column, found.value.row) == ("commune", 0)
    with pytest.raises(errors.ValueRangeError, match="is the vintage right"):
        rebased(counts([("LS-vinh-tien", 2025, 1, 10)]), vintage=AFTER)
    new = walk_of([("2020-01-01", "a", "b")])
    with pytest.raises(errors.ValueRangeError, match="'b', which is no code"):
        rebased(counts([("b", 2019, 1, 10)]), new, vintage="2019-01-01", to="2021-01-01")


def test_a_split_without_its_weights_is_refused_and_the_link_named():
    walk = walk_of([("2020-01-01", "a", "b"), ("2020-01-01", "a", "c")])
    with pytest.raises(errors.MissingValueError, match="part 'a' to 'b' is not known"):
        rebased(counts([("a", 2019, 1, 10)]), walk, vintage="2019-01-01", to="2021-01-01")
    with pytest.raises(errors.MissingValueError, match="population of the part"):
        pc.crosswalk("vn-provinces").shares("2025-07-01", "2025-06-30")


def test_a_survey_is_rebased_by_its_rows():
    hh = {"commune": ["LS-vinh-tien", "LS-khanh-long"] * 4, "poor": [1, 0, 0, 1] * 2}
    hh["psu"] = [1, 2, 3, 4] * 2
    est = pc.rate(hh, "poor", by="commune", design=pc.Design(psu="psu"))
    with pytest.raises(errors.OptionError, match="rebase the rows of the survey"):
        rebased(est)
    rows = rebased(hh)
    found = pc.rate(rows, "poor", by="commune", design=pc.Design(psu="psu", weight="weight"))
    assert found["se"].notna().all()


def test_figures_without_counts_and_changes_are_refused():
    rows = {"commune": ["LS-doi-can"] * 2, "year": [2022, 2023], "rate": [0.1, 0.2]}
    est = pc.Estimates.from_table(rows, ["commune", "year"], estimate="rate")
    with pytest.raises(errors.OptionError, match="row 0 has no numerator"):
        rebased(est)
    with pytest.raises(errors.OptionError, match="a result of change"):
        rebased(pc.change(est, time="year"))


def test_a_district_that_no_longer_holds_the_new_communes_is_refused():
    rows = {"district": ["A", "B", "A"], "commune": ["a", "b", "c"], "year": [2019] * 3}
    rows |= {"poor": [1, 2, 3], "all": [10] * 3}
    keys = ["district", "commune", "year"]
    est = pc.Estimates.from_table(rows, keys, numerator="poor", denominator="all")
    words = {"vintage": "2019-12-31", "to": "2020-12-31"}
    across = walk_of([("2020-01-01", "a", "a"), ("2020-01-01", "b", "a")])
    with pytest.raises(errors.OptionError, match="leave 'district' out of the keys"):
        rebased(est, across, **words)
    inside = walk_of([("2020-01-01", "a", "a"), ("2020-01-01", "c", "a")])
    found = rebased(est, inside, **words)
    assert found["district"].tolist() == ["A", "B"]
    assert found["numerator"].tolist() == [4.0, 2.0]


def test_two_standards_do_not_become_one():
    frame = pd.DataFrame({"commune": ["LS-vinh-tien", "LS-khanh-long"], "year": [2021] * 2})
    frame = frame.assign(poor=[1, 2], all=[10, 10], ids=["vn-2016", "vn-2022"])
    est = pc.Estimates.from_table(
        frame, ["commune", "year"], numerator="poor", denominator="all", standard="ids"
    )
    with pytest.raises(errors.ComparabilityError, match="another standard"):
        rebased(est)


@pytest.mark.parametrize(
    ("words", "argument"),
    [
        ({"weight": "households"}, "weight"),
        ({"vintage": {2022: BEFORE}, "time": "year"}, "vintage"),
        ({"vintage": {2023: BEFORE}}, "time"),
        ({"to": "July 2025"}, "to"),
        ({"vintage": 2023}, "vintage"),
    ],
)
def test_an_option_that_does_not_fit_is_named(three, words, argument):
    with pytest.raises((errors.OptionError, errors.ValueRangeError)) as found:
        rebased(three, **words)
    assert found.value.argument == argument


@pytest.mark.parametrize(
    ("rows", "kind", "words"),
    [
        ([("2020-01-01", 1, "b")], errors.ValueRangeError, "leading zeros"),
        ([("2020-01-01", " a", "b")], errors.ValueRangeError, "leading zeros"),
        ([("1 July", "a", "b")], errors.ValueRangeError, r"date\[0\]"),
        ([("2020-01-01", "a", "b", -1)], errors.ValueRangeError, r"population\[0\]"),
        ([("2020-01-01", "a", "b", "many")], errors.ValueRangeError, r"population\[0\]"),
        ([("2020-01-01", "a", "b")] * 2, errors.DuplicateNameError, "two links"),
    ],
)
def test_a_wrong_table_is_told_where(rows, kind, words):
    with pytest.raises(kind, match=words):
        walk_of(rows)


def test_a_wrong_file_is_told(tmp_path):
    with pytest.raises(errors.OptionError, match="vn-provinces"):
        pc.crosswalk("vn-province")
    with pytest.raises(errors.FileFormatError, match="lacks the column 'to'"):
        pc.crosswalk({"date": ["2020-01-01"], "from": ["a"]})
    with pytest.raises(errors.FileFormatError, match=r"\.xlsx"):
        pc.crosswalk("units.xlsx")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('levels = "commune"\n', encoding="utf-8")
    with pytest.raises(errors.FileFormatError, match="'levels'"):
        pc.crosswalk(wrong)
    wrong.write_text(
        '[[unit]]\ncode = "1"\nname = "A"\n[[unit]]\ncode = "1"\nname = "B"\n', encoding="utf-8"
    )
    with pytest.raises(errors.DuplicateNameError, match="names two units"):
        pc.crosswalk(wrong)


def test_a_missing_code_and_a_missing_key_are_told(three):
    with pytest.raises(errors.ColumnNotFoundError, match="comune"):
        rebased(three, unit="comune")
    with pytest.raises(errors.MissingValueError, match=r"commune\[1\] is missing"):
        rebased({"commune": ["LS-doi-can", None]})
    with pytest.raises(errors.ValueRangeError, match="is no text"):
        rebased({"commune": [1, 2]})


def test_people_with_a_point_for_thousands_are_not_read_as_eight_and_a_half():
    # 8.527 and 470 people would share the unit 2 to 98
    links = {"date": ["2024-12-01"] * 2, "from": ["01", "01"], "to": ["02", "03"]}
    with pytest.raises(
        errors.ValueRangeError, match=r"population\[0\] is '8.527'; people are whole"
    ):
        pc.crosswalk({**links, "population": ["8.527", "470"]})
    walk = pc.crosswalk({**links, "population": ["8527", "470"], "area": ["1.234", "2"]})
    assert float(walk.shares("2024-01-01", "2025-01-01")["01"]["02"]) == pytest.approx(8527 / 8997)
