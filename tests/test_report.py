"""The report of a poverty review: library, command line and files.

Source of truth: the published figures of Lạng Sơn (embedded register), and a register of 80
households whose figures are counted on paper below.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import povertycore as pc
from povertycore.__main__ import main
from povertycore.errors import ComparabilityError, OptionError, ValueRangeError
from povertycore.present import report as report_module
from povertycore.present.report import OWN_FILES, report

PACKAGE_FOLDER = str(Path(pc.__file__).resolve().parents[1])

# commune: code, name, district code, district, and (households, poor, near-poor, poor minority,
# minority) of 2021 and of 2022. In all: 40 households a year; 10 poor (25 %), then 7 (17.5 %);
# 6 near-poor, then 8; minority households 20, then 20, of them poor 8 (40 %), then 6 (30 %).
PLACES = [
    ("05983", "Xã Một", "180", "Tràng Định", (20, 5, 4, 4, 10), (20, 3, 5, 2, 10)),
    ("05986", "Xã Hai", "180", "Tràng Định", (10, 2, 1, 2, 5), (10, 3, 2, 3, 5)),
    ("05989", "Xã Ba", "181", "Bình Gia", (10, 3, 1, 2, 5), (10, 1, 1, 1, 5)),
]


def small_register(years=(2021, 2022)):
    rows = []
    for code, commune, district_code, district, *counts in PLACES:
        for year, (n, poor, near, poor_minority, minority) in zip(
            (2021, 2022), counts, strict=True
        ):
            if year not in years:
                continue
            for i in range(n):
                status = "poor" if i < poor else "near_poor" if i < poor + near else "other"
                is_minority = i < poor_minority or poor <= i < poor + minority - poor_minority
                rows.append((year, f"{code}-{i:03d}", district_code, district, code, commune,
                             status, is_minority))  # fmt: skip
    names = ["year", "hhid", "district_code", "district", "commune_code", "commune", "status",
             "ethnic_minority"]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def small_population():
    rows = [
        (year, code, commune, district_code, district, counts[year - 2021][0])
        for code, commune, district_code, district, *counts in PLACES
        for year in (2021, 2022)
    ]
    names = ["year", "commune_code", "commune", "district_code", "district", "population"]
    return pd.DataFrame(rows, columns=names)


def write(frame, path):
    frame = frame.copy()
    if path.suffix == ".csv":
        frame.to_csv(path, index=False, encoding="utf-8-sig")
    elif path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    elif path.suffix == ".xlsx":
        frame.to_excel(path, index=False)
    else:
        text = {name: frame[name].astype(object) for name in frame if frame[name].dtype != "int64"}
        flags = {name: frame[name].astype(int) for name in frame if frame[name].dtype == bool}
        frame.assign(**{**text, **flags}).to_stata(path, write_index=False, version=118)
    return path


def figures(made, year):
    frame = made.table("province").frame
    return dict(zip(frame["figure"], frame[year], strict=True))


def run(arguments, folder):
    environment = {**os.environ, "PYTHONPATH": PACKAGE_FOLDER, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, "-m", "povertycore", *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def embedded():
    return report()


# ---- worked example ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "printed"),
    [
        ("en", ["23,511", "12.20 %", "17,497", "8.92 %", "16,664", "109 %", "-3.28", "-6,014",
                "94.99 %", "95.24 %", "14.22 %", "10.43 %", "8.92%", "synthetic"]),
        ("vi", ["23.511", "12,20 %", "17.497", "8,92 %", "16.664", "109 %", "-3,28", "-6.014",
                "94,99 %", "95,24 %", "14,22 %", "10,43 %", "8,92%", "mô phỏng"]),
    ],
)  # fmt: skip
def test_command_prints_the_published_figures_of_lang_son(tmp_path, lang, printed):
    done = run(["report", "--lang", lang, "--out", "made"], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [figure for figure in printed if figure not in done.stdout] == []
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == sorted(OWN_FILES)
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_paragraph_tells_the_published_figures(embedded):
    told = embedded.paragraph
    for figure in ("17,497 poor households, 8.92% of its 196,150", "23,511", "12.20%",
                   "fell by 3.28 percentage points", "fell by 6,014", "109% of the plan",
                   "16,664", "95.24%", "10.43%"):  # fmt: skip
        assert figure in told


def test_footnote_names_the_standard_once():
    made = report(small_register(), standard="vn-2022", lang="vi")
    assert made.footnotes[1] == "Chuẩn nghèo đa chiều quốc gia giai đoạn 2022-2025 (vn-2022)"


def test_small_register_gives_the_figures_counted_on_paper():
    made = report(small_register(), plan=0.05)
    then, now = figures(made, "2021"), figures(made, "2022")
    assert (then["Households"], then["Poor households"], then["Poverty rate"]) == (40, 10, 0.25)
    assert (now["Poor households"], now["Poverty rate"]) == (7, 0.175)
    assert (then["Near-poor households"], now["Near-poor households"]) == (6, 8)
    assert (then["Poor and near-poor rate"], now["Poor and near-poor rate"]) == (0.4, 0.375)
    assert (then["Ethnic minority households"], now["Ethnic minority households"]) == (20, 20)
    assert (then["Minority share of the poor"], then["Poverty rate of minorities"]) == (0.8, 0.4)
    assert now["Poverty rate of minorities"] == 0.3
    moved = figures(made, "2021-2022")
    assert (moved["Poor households"], moved["Poverty rate"]) == (-3, -0.075)
    assert figures(made, "2021-2022 relative")["Poor households"] == pytest.approx(-0.3, rel=1e-15)
    assert moved["Plan fulfilment"] == 1.5  # 7.5 points of 5


def test_districts_and_communes_are_told_by_name_with_their_total():
    made = report(small_register(), plan=0.05)
    districts = made.table("districts").frame
    assert districts["district"].tolist() == ["Tràng Định", "Bình Gia", "Total"]
    assert districts["2021 poor"].tolist() == [7, 3, 10]
    assert districts["2022 poor_rate"].tolist() == [0.2, 0.1, 0.175]  # 6 of 30, 1 of 10, 7 of 40
    assert districts["change_households"].tolist() == [-1, -2, -3]
    communes = made.table("communes").frame
    assert communes["commune_code"].tolist() == ["05983", "05986", "05989", ""]
    assert communes["points"].tolist() == [-0.1, 0.1, -0.2, -0.075]


def test_communes_are_ranked_from_the_largest_reduction():
    made = report(small_register())
    assert made.table("largest").frame["commune"].tolist() == ["Xã Ba"]
    assert made.table("smallest").frame["commune"].tolist() == ["Xã Hai"]
    assert "rose by 10.00 percentage points in Xã Hai (Tràng Định)" in made.paragraph
    assert "it rose in 1 of 3 communes" in made.paragraph


# ---- oracle -----------------------------------------------------------------------------------


def test_communes_of_the_embedded_register_are_those_of_a_literal_count(embedded):
    hh = pc.datasets.lang_son_register()
    count = {}
    for year, code, poor in zip(
        hh["year"].tolist(), hh["commune_code"].tolist(), hh["poor"].tolist(), strict=True
    ):
        n, k = count.get((year, code), (0, 0))
        count[year, code] = (n + 1, k + poor)
    table = embedded.table("communes").frame.iloc[:-1]
    assert len(table) == 200
    for year in (2021, 2022):
        expected = [count[year, code] for code in table["commune_code"]]
        assert table[f"{year} households"].tolist() == [n for n, _ in expected]
        assert table[f"{year} poor"].tolist() == [k for _, k in expected]
        assert table[f"{year} poor_rate"].tolist() == [k / n for n, k in expected]


# ---- properties -------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".parquet", ".dta"])
def test_every_kind_of_file_gives_the_same_report(here, capsys, ending):
    path = write(small_register(), here / f"register{ending}")
    assert main(["report", str(path), "--plan", "5", "--out", "made"]) == 0
    assert capsys.readouterr().out.startswith(str(report(small_register(), plan=0.05)))
    stored = pd.read_csv("made/poverty_communes.csv", dtype=str)
    assert stored["commune_code"].tolist()[:3] == ["05983", "05986", "05989"]


def test_one_file_a_year_gives_the_same_report_as_one_long_file(here, capsys):
    for year in (2021, 2022):
        write(small_register([year]).drop(columns="year"), here / f"{year}.csv")
    assert main(["report", "2022=2022.csv", "2021=2021.csv"]) == 0
    assert capsys.readouterr().out.startswith(str(report(small_register())))
    frames = {year: small_register([year]).drop(columns="year") for year in (2021, 2022)}
    assert str(report(frames)) == str(report(small_register()))


def test_order_of_rows_changes_nothing():
    hh = small_register()
    shuffled = hh.sample(frac=1, random_state=1)
    assert str(report(shuffled)) == str(report(hh))


def test_polars_and_mapping_give_the_same_report():
    polars = pytest.importorskip("polars")
    hh = small_register()
    columns = {name: hh[name].to_numpy() for name in hh}
    assert str(report(columns)) == str(report(hh))
    assert str(report(polars.DataFrame(hh.to_dict("list")))) == str(report(hh))


def test_parts_add_up_to_the_total(embedded):
    for name in ("districts", "communes"):
        frame = embedded.table(name).frame
        for column in ("2021 households", "2022 poor", "2022 near_poor", "change_households"):
            assert frame[column].iloc[:-1].sum() == frame[column].iloc[-1]


# ---- edges ------------------------------------------------------------------------------------


def test_one_year_shows_no_change():
    made = report(small_register([2022]), plan=0.03)
    assert made.pair is None
    shown = str(made)
    for told in ("Change", "fell", "rose", "plan", "reduction"):
        assert told not in shown
    assert "In 2022 the province had 7 poor households, 17.50% of its 40 households." in shown
    assert list(made.table("province").frame) == ["figure", "2022"]


def test_year_chooses_from_a_long_file(here, capsys):
    path = write(small_register(), here / "register.csv")
    assert main(["report", str(path), "--year", "2021"]) == 0
    out = capsys.readouterr().out
    assert "2022" not in out
    assert "25.00 %" in out


def test_year_says_which_year_a_file_is_of(here, capsys):
    path = write(small_register([2022]).drop(columns="year"), here / "register.csv")
    assert main(["report", str(path), "--year", "2022"]) == 0
    assert "17.50 %" in capsys.readouterr().out


def test_without_districts_the_table_is_by_commune():
    made = report(small_register().drop(columns=["district", "district_code"]))
    assert [table.name for table in made.tables] == ["province", "communes", "largest", "smallest"]
    assert "By commune" in str(made)
    assert "in Xã Hai;" in made.paragraph


def test_districts_alone_give_no_ranking():
    made = report(small_register().drop(columns=["commune", "commune_code"]))
    assert [table.name for table in made.tables] == ["province", "districts"]
    made.chart()


def test_commune_of_one_year_only_has_no_change_and_is_noted():
    hh = small_register()
    hh = hh[(hh["year"] == 2021) | (hh["commune"] != "Xã Ba")]
    made = report(hh)
    assert np.isnan(made.table("communes").frame["points"].iloc[2])
    assert any(note.startswith("Communes without a change") and note.endswith(": 1.")
               for note in made.notes)  # fmt: skip


def test_years_under_two_standards_are_not_compared():
    made = report(small_register(), standard={2021: "vn-2016", 2022: "vn-2022"})
    assert made.pair is None
    assert any("different standards (vn-2016, vn-2022)" in note for note in made.notes)
    assert made.footnotes[1] == (
        "Standard: 2021: National multidimensional poverty standard 2016-2020 (vn-2016); "
        "2022: National multidimensional poverty standard 2022-2025 (vn-2022)"
    )


def test_of_three_years_each_is_compared_with_the_one_before():
    third = small_register([2022]).assign(year=2024)
    made = report(pd.concat([small_register(), third]), plan=0.05)
    province = made.table("province").frame.set_index("figure")
    assert province.loc["Poor households", ["2021-2022", "2022-2024"]].tolist() == [-3, 0]
    assert province.loc["Plan fulfilment", "2022-2024"] == 0
    assert "the poverty rate did not change" in made.paragraph
    assert made.pair == (2022, 2024)


def test_list_of_reviewed_households_needs_all_households(here, capsys):
    reviewed = small_register().query("status != 'other'")
    with pytest.raises(ValueRangeError, match="every household of 2021 is poor or near-poor"):
        report(reviewed)
    made = report(reviewed, population=small_population())
    whole = report(small_register())
    for name in ("districts", "communes"):
        pd.testing.assert_frame_equal(made.table(name).frame, whole.table(name).frame)
    assert figures(made, "2022")["Poverty rate"] == 0.175
    path, table = here / "reviewed.csv", here / "population.csv"
    write(reviewed, path), write(small_population(), table)
    assert main(["report", str(path)]) == 2
    assert "--population" in capsys.readouterr().err
    assert main(["report", str(path), "--population", str(table)]) == 0
    assert "17.50 %" in capsys.readouterr().out


def test_table_of_all_households_by_commune_is_enough_for_districts():
    reviewed = small_register().query("status != 'other'")
    codes_only = small_population()[["year", "commune_code", "population"]]
    made = report(reviewed, population=codes_only)
    whole = report(small_register())
    pd.testing.assert_frame_equal(made.table("districts").frame, whole.table("districts").frame)


def test_table_of_all_households_by_district_gives_no_communes():
    reviewed = small_register().query("status != 'other'")
    by_district = small_population().groupby(["year", "district"])["population"].sum().reset_index()
    made = report(reviewed, population=by_district)
    assert [table.name for table in made.tables] == ["province", "districts"]
    assert made.table("districts").frame["2022 poor"].tolist() == [1, 6, 7]  # Bình Gia comes first
    assert any("does not tell communes apart" in note for note in made.notes)


def test_columns_of_the_table_of_all_households_are_named_too(here, capsys):
    reviewed = small_register().query("status != 'other'").rename(columns={"commune": "Xã"})
    write(reviewed, here / "list.csv")
    numbers = small_population().rename(columns={"commune": "Xã", "population": "Cả xã"})
    write(numbers, here / "all.xlsx")
    options = ["--column", "commune=Xã", "--column", "population=Cả xã"]
    assert main(["report", "list.csv", "--population", "all.xlsx", *options]) == 0
    assert "17.50 %" in capsys.readouterr().out
    named = {"commune": "Xã", "population": "Cả xã"}
    made = report(reviewed, population=numbers, columns=named)
    assert figures(made, "2022")["Poverty rate"] == 0.175
    assert main(["report", "list.csv", "--population", "all.xlsx", *options[:2]]) == 2
    assert "no column 'population'" in capsys.readouterr().err
    write(numbers.rename(columns={"Cả xã": "Tổng số hộ"}), here / "all.xlsx")
    assert main(["report", "list.csv", "--population", "all.xlsx"]) == 0  # known by its words


def test_local_standard_from_a_file(here, capsys):
    shipped = Path(pc.__file__).parent / "standards" / "example-hcmc-2021.toml"
    (here / "mine.toml").write_text(
        shipped.read_text(encoding="utf-8").replace("example-hcmc-2021", "mine"), encoding="utf-8"
    )
    path = write(small_register(), here / "register.csv")
    assert main(["report", str(path), "--standard", "mine.toml"]) == 0
    assert re.search(r"^Standard: .+ \(mine\)$", capsys.readouterr().out, re.MULTILINE)


def test_place_without_a_poor_household_counts_in_the_denominator():
    reviewed = small_register().query("status != 'other' and commune != 'Xã Ba'")
    made = report(reviewed, population=small_population())
    assert figures(made, "2022")["Households"] == 40
    communes = made.table("communes").frame
    assert communes["2022 households"].tolist() == [20, 10, 10, 40]
    assert communes["2022 poor_rate"].tolist()[2] == 0


def test_missing_class_is_left_out_and_noted():
    hh = small_register()
    hh.loc[0, "status"] = None  # poor in 2021
    made = report(hh)
    assert figures(made, "2021")["Poor households"] == 9
    assert figures(made, "2021")["Poverty rate"] == 9 / 39
    assert "Households without a class: 1; rates are of the others." in made.notes


# ---- classes ----------------------------------------------------------------------------------


def with_scores(hh, b1=130):
    score = {"poor": 30, "near_poor": 20, "other": 0}
    return hh.assign(
        b1=np.where(hh["status"] == "other", 150, b1),
        b2=hh["status"].map(score).astype(int),
        area="rural",
        standard="vn-2022",
    )


def test_scores_classify_where_there_is_no_class():
    hh = with_scores(small_register())
    made = report(hh.drop(columns="status"))
    assert figures(made, "2022")["Poor households"] == 7
    assert figures(made, "2022")["Near-poor households"] == 8


def test_given_class_stands_and_differences_from_the_scores_are_counted():
    hh = with_scores(small_register())
    hh.loc[hh["hhid"] == "05983-000", "b2"] = 20  # both years: near-poor by scores
    made = report(hh)
    assert figures(made, "2022")["Poor households"] == 7
    assert any("Of 80 households with scores, 2 have another class" in note and
               "2 poor given, near_poor by scores" in note for note in made.notes)  # fmt: skip
    vietnamese = report(hh, lang="vi")
    assert any("Trong 80 hộ có điểm, 2 hộ" in note for note in vietnamese.notes)


def test_scores_are_compared_also_where_no_standard_is_stated():
    hh = with_scores(small_register()).drop(columns="standard")
    hh.loc[hh["hhid"] == "05983-000", "b2"] = 20
    notes = report(hh).notes
    assert any("scores were read under vn-2022" in note for note in notes)
    assert any("2 have another class" in note for note in notes)
    earlier = hh[hh["year"] == 2021].assign(year=2019)
    assert any("the standard is not stated" in note for note in report(earlier).notes)


def test_households_without_scores_are_not_compared():
    hh = with_scores(small_register())
    hh["b1"] = hh["b1"].astype(float).where(hh["status"] != "other")
    hh["b2"] = hh["b2"].astype(float).where(hh["status"] != "other")
    assert any("Of 31 households with scores, 0" in note for note in report(hh).notes)


def test_income_and_indicators_classify_where_there_is_nothing_else():
    hh = small_register()
    std = pc.standard("vn-2022")
    flags = {name: False for name in std.indicator_ids}
    hh = hh.assign(income=np.where(hh["status"] == "other", 5000, 1500), area="nông thôn", **flags)
    for name in std.indicator_ids[:3]:
        hh[name] = hh["status"] == "poor"
    made = report(hh.drop(columns="status"), standard="vn-2022", income_unit="thousand VND/month")
    assert figures(made, "2022")["Poor households"] == 7
    assert figures(made, "2022")["Near-poor households"] == 8


def test_flags_poor_and_near_poor_stand_for_a_class():
    hh = small_register()
    flags = {"poor": (hh["status"] == "poor").astype(int), "near_poor": hh["status"] == "near_poor"}
    assert str(report(hh.drop(columns="status").assign(**flags))) == str(report(hh))


# ---- files ------------------------------------------------------------------------------------


def test_columns_and_values_are_mapped_by_options_and_by_a_map(here, capsys):
    words = {"poor": "Hộ nghèo", "near_poor": "Cận nghèo", "other": "Loại khác"}
    names = {"district": "Huyện", "commune": "Xã", "status": "Kết luận", "hhid": "Mã hộ",
             "year": "Năm", "ethnic_minority": "DTTS"}  # fmt: skip
    hh = small_register().drop(columns=["district_code", "commune_code"])
    flags = np.where(hh["ethnic_minority"], "Có", "Không")
    hh = hh.assign(status=hh["status"].map(words), ethnic_minority=flags).rename(columns=names)
    path = write(hh, here / "danh sách.csv")
    options = ["--column", "district=Huyện", "--column", "commune=Xã", "--column",
               "class=Kết luận", "--column", "id=Mã hộ", "--column", "year=Năm", "--column",
               "ethnic_minority=DTTS", "--class", "Loại khác=other"]  # fmt: skip
    assert main(["report", str(path), *options]) == 0
    by_options = capsys.readouterr().out
    (here / "map.toml").write_text(
        '[columns]\ndistrict = "Huyện"\ncommune = "Xã"\nclass = "Kết luận"\nid = "Mã hộ"\n'
        'year = "Năm"\nethnic_minority = "DTTS"\n[classes]\n"Loại khác" = "other"\n',
        encoding="utf-8",
    )
    assert main(["report", str(path), "--map", "map.toml"]) == 0
    assert capsys.readouterr().out == by_options
    assert "17.50 %" in by_options


def test_one_map_serves_files_with_and_without_the_year(here, capsys):
    (here / "map.toml").write_text('[columns]\nyear = "Năm"\nhhid = "Mã hộ"\n', encoding="utf-8")
    hh = small_register().rename(columns={"year": "Năm", "hhid": "Mã hộ"})
    long = write(hh, here / "both.csv")
    assert main(["report", str(long), "--map", "map.toml", "--source", "A"]) == 0
    expected = capsys.readouterr().out
    for year in (2021, 2022):
        write(hh[hh["Năm"] == year].drop(columns="Năm"), here / f"{year}.csv")
    parts = ["2021=2021.csv", "2022=2022.csv"]
    assert main(["report", *parts, "--map", "map.toml", "--source", "A"]) == 0
    assert capsys.readouterr().out == expected


def test_titles_above_the_headings_are_passed_over_on_request(here, capsys):
    path = here / "register.xlsx"
    with pd.ExcelWriter(path) as book:
        small_register().to_excel(book, index=False, startrow=3)
        pd.DataFrame(["DANH SÁCH HỘ NGHÈO"]).to_excel(book, header=False, index=False)
    assert main(["report", str(path)]) == 2
    assert "if they stand in a lower row, say --header-row N" in capsys.readouterr().err
    assert main(["report", str(path), "--header-row", "4"]) == 0
    by_option = capsys.readouterr().out
    assert by_option.startswith(str(report(small_register(), source="register.xlsx")))
    (here / "map.toml").write_text("header_row = 4\n")
    assert main(["report", str(path), "--map", "map.toml"]) == 0
    assert capsys.readouterr().out == by_option


def test_faulty_row_is_named_as_a_spreadsheet_numbers_it(here, capsys):
    hh = small_register()
    hh.loc[7, "status"] = "hộ gì"
    for name in ("a.csv", "a.xlsx"):
        assert main(["report", str(write(hh, here / name))]) == 2
        assert "class[7] is 'hộ gì'" in (message := capsys.readouterr().err)
        assert message.endswith("(row 9 of the file)\n")
    assert main(["report", str(write(hh, here / "a.parquet"))]) == 2
    assert "of the file)" not in capsys.readouterr().err


def test_sheet_is_chosen_by_name(here, capsys):
    path = here / "register.xlsx"
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"ghi chú": ["không"]}).to_excel(book, sheet_name="Bìa", index=False)
        small_register().to_excel(book, sheet_name="Danh sách", index=False)
    assert main(["report", str(path)]) == 2
    assert "the sheets are 'Bìa', 'Danh sách'" in capsys.readouterr().err
    assert main(["report", str(path), "--sheet", "Danh sach"]) == 2
    assert "its sheets are 'Bìa', 'Danh sách'" in capsys.readouterr().err
    assert main(["report", str(path), "--sheet", "Danh sách"]) == 0


def test_lost_zeros_are_put_back_on_request(here, capsys):
    hh = small_register().assign(commune_code=lambda x: x["commune_code"].astype(int))
    path = write(hh, here / "register.xlsx")
    assert main(["report", str(path)]) == 2
    message = capsys.readouterr().err
    assert "leading zeros were lost" in message
    assert "--digits commune_code=5" in message
    assert main(["report", str(path), "--digits", "commune_code=5"]) == 0
    assert capsys.readouterr().out.startswith(str(report(small_register())))


def test_written_folder_replaces_its_own_files_and_keeps_the_others(tmp_path):
    made = report(small_register())
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    (out / "poverty_communes.csv").write_text("old")
    (out / "poverty_districts.csv").write_text("of a register with districts")
    no_districts = report(small_register().drop(columns=["district", "district_code"]))
    written = no_districts.write(out)
    assert (out / "mine.txt").read_text() == "keep"
    assert not (out / "poverty_districts.csv").exists()
    assert (out / "poverty_communes.csv").read_text(encoding="utf-8-sig").startswith("commune")
    made.write(out)
    assert set(OWN_FILES) | {"mine.txt"} == {path.name for path in out.iterdir()}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert "poverty_districts.csv" not in written.files


@pytest.mark.parametrize("fails", ["_csv_of", "_chart", "_replace_own"])
def test_failure_leaves_the_folder_as_it_was(tmp_path, monkeypatch, fails):
    out = tmp_path / "out"
    out.mkdir()
    (out / "poverty_communes.csv").write_text("old")

    def broken(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report_module, fails, broken)
    with pytest.raises(OSError, match="No space"):
        report(small_register()).write(out)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in out.iterdir()] == ["poverty_communes.csv"]
    assert (out / "poverty_communes.csv").read_text() == "old"


def test_failure_while_moving_puts_the_old_files_back(tmp_path, monkeypatch):
    out = tmp_path / "out"
    made = report(small_register())
    made.write(out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    rename, calls = Path.rename, []

    def broken(self, target):
        calls.append(target)
        if len(calls) == len(OWN_FILES) + 3:  # all old files are away, two new ones in place
            raise PermissionError(13, "the file is open elsewhere")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(PermissionError):
        report(small_register([2022])).write(out)
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_without_extras_figures_and_csv_come_and_the_pip_lines(here, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    path = write(small_register(), here / "register.csv")
    assert main(["report", str(path), "--out", "made"]) == 0
    captured = capsys.readouterr()
    assert "17.50 %" in captured.out
    assert "pip install 'povertycore[excel]'" in captured.err
    assert "pip install 'povertycore[plot]'" in captured.err
    names = {path.name for path in Path("made").iterdir()}
    assert names == {name for name in OWN_FILES if name.endswith((".csv", ".txt"))}


def test_csv_holds_fractions_under_plain_headings(tmp_path):
    report(small_register(), plan=0.05).write(tmp_path / "out")
    raw = (tmp_path / "out" / "poverty_province.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    province = pd.read_csv(tmp_path / "out" / "poverty_province.csv", index_col="name")
    assert list(province) == ["figure", "unit", "2021", "2022", "2021_2022", "2021_2022_relative"]
    assert province.loc["poor_rate"].tolist()[:4] == ["Poverty rate", "fraction", 0.25, 0.175]
    assert raw.decode("utf-8-sig").splitlines()[2] == "poor,Poor households,households,10,7,-3,-0.3"
    districts = (tmp_path / "out" / "poverty_districts.csv").read_text("utf-8-sig").splitlines()
    assert districts[1].startswith("180,Tràng Định,30,7,0.2333")


def test_notes_of_one_year_say_which(here, capsys):
    hh = with_scores(small_register())
    hh.loc[0, "status"] = None  # in 2021
    for year in (2021, 2022):
        write(hh[hh["year"] == year], here / f"{year}.csv")
    assert main(["report", "2021=2021.csv", "2022=2022.csv"]) == 0
    notes = capsys.readouterr().out
    assert "\n2021: Households without a class: 1;" in notes
    assert "\n2021: Classes are taken as given. Of 39 households" in notes
    assert "\n2022: Classes are taken as given. Of 40 households" in notes


def test_report_is_written_also_where_no_one_reads_on(tmp_path):
    write(small_register(), tmp_path / "register.csv")
    read, written = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "povertycore", "report", "register.csv"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": PACKAGE_FOLDER}, stdout=written,
        stderr=subprocess.PIPE, timeout=120, check=False,
    )  # fmt: skip
    os.close(written)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "poverty-report" / "poverty_report.txt").exists()


def test_without_a_command_the_help_is_shown(capsys):
    assert main([]) == 2
    assert "report --help" in " ".join(capsys.readouterr().out.split())


# ---- errors -----------------------------------------------------------------------------------


def changed(**columns):
    return small_register().assign(**columns)


def numbers_as_text():
    hh = with_scores(small_register()).drop(columns="status")
    return hh.assign(b1=hh["b1"].map(lambda x: f"{x},5"))


WRONG = {
    "a missing column": (
        lambda: small_register().rename(columns={"commune": "comune", "commune_code": "ma",
                                                 "district": "x", "district_code": "y"}),
        [], "no column 'commune' or 'district' .*close to it: 'comune'"),
    "a column named wrong": (small_register, ["--column", "commune=comunne"],
                             "no column 'comunne' for commune; did you mean 'commune'"),
    "no year": (lambda: small_register().drop(columns="year"), [], "no column 'year'"),
    "no class": (lambda: small_register().drop(columns="status"), [],
                 "'status', 'class', 'poor'"),
    "lost zeros": (lambda: changed(commune_code=[code[1:] for code in
                                                 small_register()["commune_code"]]), [],
                   "commune_code\\[0\\] has 4 digits .*such codes have 5.*--digits commune_code=5"),
    "text numbers": (numbers_as_text, [], "'1.234,5'.*--numbers vi"),
    "an id twice in a year": (lambda: changed(hhid="05983-000"), [],
                              "id\\[1\\] occurs twice in 2021, first in row 0"),
    "an unknown class": (lambda: changed(status="hộ gì"), [],
                         "class\\[0\\] is 'hộ gì'.*--class"),
    "a class mapped to nothing": (small_register, ["--class", "x=rich"],
                                  "must be 'poor', 'near_poor', 'average' or 'other'"),
    "a year that is none": (lambda: changed(year="2021a"), [], "year\\[0\\] is text"),
    "a missing place": (lambda: changed(commune=[None] + ["A"] * 79), [],
                        "commune\\[0\\] is missing"),
    "an unknown standard": (small_register, ["--standard", "vn-2023"], "vn-2023"),
    "an unknown role": (small_register, ["--column", "comune=commune"], "'comune'"),
    "a year not there": (small_register, ["--year", "2020,2021"], "no households of 2020"),
    "a plan out of range": (small_register, ["--plan", "300"], "percentage points"),
    "an option that is none": (small_register, ["--plann", "3"], "unrecognized arguments"),
    "a sheet of a text file": (small_register, ["--sheet", "A"], "has no sheets"),
    "a standard missing for scores": (
        lambda: with_scores(small_register()).drop(columns=["status", "standard"]), [],
        "only under a standard"),
    "no rows": (lambda: small_register().iloc[:0], [], "no households"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_file_is_one_clear_sentence_and_writes_nothing(here, capsys, name):
    make, options, expected = WRONG[name]
    path = write(make(), here / "register.csv")
    try:
        code = main(["report", str(path), "--out", "made", *options])
    except SystemExit as left:  # argparse leaves this way
        code = left.code
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert captured.err.startswith("povertycore: ")
    assert captured.err.count("\n") == 1
    assert re.search(expected, captured.err), captured.err
    assert [entry.name for entry in here.iterdir()] == ["register.csv"]
    assert "05983-0" not in captured.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["no.csv"], "does not exist"),
        (["a.csv", "b.csv"], "several files need their years"),
        (["2021=a.csv", "b.csv"], "every file is given as YEAR=FILE"),
        (["2021=a.csv", "2021=b.csv"], "a year is given twice"),
        (["--population", "a.csv"], "embedded register"),
        (["a.csv", "--map", "no.toml"], "map 'no.toml' does not exist"),
        (["a.csv", "--digits", "commune_code=x"], "whole number"),
        (["a.csv", "--class", "poor"], "form A=B"),
        (["a.csv", "--year", "22"], "four digits"),
    ],
)
def test_wrong_arguments_are_one_clear_sentence(here, capsys, arguments, expected):
    assert main(["report", *arguments]) == 2
    captured = capsys.readouterr()
    assert expected in captured.err
    assert captured.err.count("\n") == 1
    assert list(here.iterdir()) == []


def test_wrong_map_is_told(here, capsys):
    path = write(small_register(), here / "register.csv")
    for content, expected in (("a = ", "not TOML"), ("colums = 1", "columns"),
                              ("columns = 1", "must be a table")):  # fmt: skip
        (here / "map.toml").write_text(content)
        assert main(["report", str(path), "--map", "map.toml"]) == 2
        assert expected in capsys.readouterr().err


def test_file_in_the_place_of_the_folder_is_not_touched(here, capsys):
    path = write(small_register(), here / "register.csv")
    (here / "made").write_text("mine")
    assert main(["report", str(path), "--out", "made"]) == 2
    assert "is a file" in capsys.readouterr().err
    assert (here / "made").read_text() == "mine"


def test_error_in_a_child_process_shows_no_traceback(tmp_path):
    (tmp_path / "broken.xlsx").write_bytes(b"not a workbook")
    done = run(["report", "broken.xlsx"], tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "cannot be read as an Excel workbook" in done.stderr


def test_help_has_examples_columns_and_exit_codes(capsys):
    with pytest.raises(SystemExit) as left:
        main(["report", "--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    for part in ("examples", "2021=review2021.xlsx", "columns", "exit codes", "--population"):
        assert part in shown


def test_letters_a_terminal_lacks_do_not_stop_the_report(tmp_path):
    write(small_register(), tmp_path / "register.csv")
    environment = {**os.environ, "PYTHONPATH": PACKAGE_FOLDER, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "povertycore", "report", "register.csv"],
        cwd=tmp_path, env=environment, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert b"17.50 %" in done.stdout


def test_standard_of_some_years_only_is_refused():
    first, second = (small_register([year]).drop(columns="year") for year in (2021, 2022))
    with pytest.raises(ComparabilityError, match="some of the years only"):
        report({2021: first.assign(standard="vn-2022"), 2022: second})


def test_place_columns_that_differ_between_years_are_refused():
    first, second = (small_register([year]).drop(columns="year") for year in (2021, 2022))
    with pytest.raises(OptionError, match="different place columns"):
        report({2021: first, 2022: second.drop(columns=["district", "district_code"])})
