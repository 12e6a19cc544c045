"""Excel files, read back with openpyxl.

Source of truth: the cells written out below.
"""

import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

import povertycore as pc
from povertycore.errors import LimitError, OptionError
from povertycore.present import excel
from povertycore.present.excel import write_tables
from povertycore.present.report import report

openpyxl = pytest.importorskip("openpyxl")


def make_rates():
    table = {
        "commune_code": ["05983", "05983", "=1+1", "=1+1"],
        "year": [2021, 2022, 2021, 2022],
        "poor": [5, 4, 2, 3],
        "all": [40, 40, 10, 10],
    }
    return pc.Estimates.from_table(
        table, ["commune_code", "year"], numerator="poor", denominator="all", standard="vn-2022",
        source="review",
    )  # fmt: skip


def written(est, tmp_path, **options):
    est.to_excel(tmp_path / "out.xlsx", **options)
    return openpyxl.load_workbook(tmp_path / "out.xlsx")


def cells(sheet):
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


# ---- worked example ---------------------------------------------------------------------------


def test_rates_are_stored_as_fractions_and_shown_in_percent(tmp_path):
    sheet = written(make_rates(), tmp_path)["estimates"]
    rows = cells(sheet)
    # `variable` was not stated, and is left out like everything empty throughout
    assert rows[0][:4] == ["commune_code", "year", "measure", "estimate"]
    assert rows[1][:4] == ["05983", 2021, "rate", 0.125]
    assert rows[4][:4] == ["=1+1", 2022, "rate", 0.3]
    assert sheet["D2"].number_format == "0.00%"
    by_name = dict(zip(rows[0], rows[1], strict=True))
    assert (by_name["numerator"], by_name["denominator"]) == (5, 40)
    assert "se" not in by_name


def test_changes_are_stored_and_shown_in_points(tmp_path):
    sheet = written(pc.change(make_rates(), "year"), tmp_path)["estimates"]
    header = [cell.value for cell in sheet[1]]
    cell = sheet.cell(2, header.index("estimate") + 1)
    assert cell.value == pytest.approx(-2.5)
    assert cell.number_format == '+0.00" points";-0.00" points";0.00" points"'
    start = sheet.cell(2, header.index("start") + 1)
    assert (start.value, start.number_format) == (0.125, "0.00%")


def test_lines_below_tell_unit_standard_source_and_footnotes(tmp_path):
    sheet = written(make_rates(), tmp_path, footnotes=["SYNTHETIC"])["estimates"]
    below = [row[0] for row in cells(sheet)[6:]]
    assert below == ["Unit: households", "Standard: vn-2022", "Source: review", "SYNTHETIC"]


def test_workbook_of_a_report_has_a_sheet_per_table(tmp_path):
    made = report(lang="vi")
    write_tables(
        tmp_path / "report.xlsx", made.tables, footnotes=made.footnotes, notes_title="Ghi chú",
        notes=[made.paragraph],
    )  # fmt: skip
    book = openpyxl.load_workbook(tmp_path / "report.xlsx")
    assert book.sheetnames == ["Toàn tỉnh", "Theo huyện", "Theo xã", "Giảm nhiều nhất",
                               "Giảm ít nhất hoặc tăng", "Ghi chú"]  # fmt: skip
    districts = book["Theo huyện"]
    total = [cell for cell in districts[16]]
    assert [cell.value for cell in total[:4]] == ["", "Toàn tỉnh", 192705, 23511]
    assert total[3].font.bold
    assert total[3].number_format == "#,##0"
    assert total[4].number_format == "0.00%"
    assert districts.freeze_panes == "C5"
    assert any("MÔ PHỎNG" in str(row[0]) for row in cells(districts))
    codes = [row[2] for row in cells(book["Theo xã"])[4:204]]
    assert all(isinstance(code, str) and code.startswith("0") and len(code) == 5 for code in codes)
    assert book["Ghi chú"]["A3"].value == made.paragraph


# ---- properties -------------------------------------------------------------------------------


def test_no_cell_is_a_formula_or_a_link(tmp_path):
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "https://example.org", "{=1}", "05983"]
    est = pc.Estimates.from_table({"place": names, "rate": [0.1] * 7}, "place", estimate="rate")
    book = written(est, tmp_path, title="=2+2", footnotes=["=3+3"])
    sheet = book["estimates"]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
    assert sorted(sheet.cell(row, 1).value for row in range(4, 11)) == sorted(names)
    with zipfile.ZipFile(tmp_path / "out.xlsx") as archive:
        inside = archive.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in inside
    assert b"hyperlink" not in inside


def test_headings_stay_in_view_and_columns_fit(tmp_path):
    name = "xã có tên rất dài " + "a" * 60
    est = pc.Estimates.from_table({"place": [name], "rate": [0.1]}, "place", estimate="rate")
    sheet = written(est, tmp_path)["estimates"]
    assert sheet.freeze_panes == "B2"
    assert sheet["A1"].font.bold
    assert 10 < sheet.column_dimensions["A"].width < 50
    assert sheet.column_dimensions["C"].width >= len("estimate")


def test_written_numbers_are_the_estimates_to_the_bit(tmp_path):
    generator = np.random.default_rng(3)
    values = generator.random(50)
    table = {"place": [f"{i:05d}" for i in range(50)], "rate": values}
    est = pc.Estimates.from_table(table, "place", estimate="rate")
    sheet = written(est, tmp_path)["estimates"]
    stored = [sheet.cell(row, 3).value for row in range(2, 52)]
    assert stored == pytest.approx(values, rel=1e-15)


# ---- edges ------------------------------------------------------------------------------------


def test_missing_figures_are_a_dash(tmp_path):
    table = {"place": ["A", "B"], "rate": [0.1, np.nan]}
    est = pc.Estimates.from_table(table, "place", estimate="rate")
    assert written(est, tmp_path)["estimates"]["C3"].value == "–"


def test_total_rows_are_bold(tmp_path):
    hh = {"district": ["A", "B"], "poor": [1, 0]}
    sheet = written(pc.rate(hh, "poor", by="district", totals="district"), tmp_path)["estimates"]
    assert sheet["A4"].value == "(total)"
    assert (sheet["A4"].font.bold, sheet["A3"].font.bold) == (True, False)


def test_dates_and_no_rows(tmp_path):
    table = {"day": pd.to_datetime(["2021-09-01"]), "rate": [0.1]}
    est = pc.Estimates.from_table(table, "day", estimate="rate")
    assert str(written(est, tmp_path)["estimates"]["A2"].value) == "2021-09-01 00:00:00"
    none = {"place": np.array([], dtype=str), "poor": np.array([], dtype=bool)}
    empty = pc.rate(none, "poor", by="place")
    assert cells(written(empty, tmp_path)["estimates"])[0][0] == "place"


def test_control_characters_do_not_break_the_file(tmp_path):
    est = pc.Estimates.from_table({"place": ["A\x07B"], "rate": [0.1]}, "place", estimate="rate")
    assert written(est, tmp_path)["estimates"]["A2"].value == "AB"


def test_sheet_names_are_made_fit(tmp_path):
    book = written(make_rates(), tmp_path, sheet="2021/2022: " + "x" * 40)
    assert book.sheetnames == ["2021 2022  " + "x" * 20]


# ---- errors -----------------------------------------------------------------------------------


def test_failure_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "out.xlsx"
    path.write_text("old")

    def broken(*arguments):
        raise RuntimeError("stopped")

    monkeypatch.setattr(excel._Page, "footnotes", broken)
    with pytest.raises(RuntimeError):
        make_rates().to_excel(path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.xlsx"]


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(OptionError, match="ends in .xlsx, found 'out.xls'"):
        make_rates().to_excel(tmp_path / "out.xls")


def test_more_rows_than_a_sheet_holds_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(excel, "ROWS_OF_A_SHEET", 12)
    with pytest.raises(LimitError, match=r"a sheet holds 12 rows, the table has 4; use .to_csv"):
        make_rates().to_excel(tmp_path / "out.xlsx")


def test_without_xlsxwriter_the_pip_line_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(ImportError, match=r"pip install 'povertycore\[excel\]'"):
        make_rates().to_excel(tmp_path / "out.xlsx")
