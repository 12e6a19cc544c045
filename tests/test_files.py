"""Tables read from files of every kind, and what is said of files that cannot be read.

Source of truth: the rows put into the files.
"""

import gzip
import sys

import pandas as pd
import pytest

from povertycore.errors import DuplicateNameError, FileFormatError
from povertycore.quality.files import read_table, sheets_of

TABLE = pd.DataFrame(
    {"commune_code": ["05983", "10001"], "poor": [1, 0], "x": [1.5, None], "Tên_xã": ["Tày", "Nà"]}
)


def as_text(frame):
    return [["" if pd.isna(value) else str(value) for value in row] for row in frame.to_numpy()]


# ---- worked example ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "encoding", "separator"),
    [("a.csv", "utf-8", ","), ("b.csv", "utf-8-sig", ";"), ("c.csv", "utf-16", ";"),
     ("d.tsv", "utf-8", "\t"), ("e.txt", "utf-8", "|"), ("f.csv.gz", "utf-8", ",")],
)  # fmt: skip
def test_text_files_are_read_as_text_whatever_their_separator(tmp_path, name, encoding, separator):
    TABLE.to_csv(tmp_path / name, index=False, encoding=encoding, sep=separator)
    read = read_table(tmp_path / name)
    assert list(read) == list(TABLE)
    assert as_text(read) == [["05983", "1", "1.5", "Tày"], ["10001", "0", "", "Nà"]]


@pytest.mark.parametrize("name", ["a.parquet", "a.xlsx", "a.dta"])
def test_other_files_keep_their_types(tmp_path, name):
    path = tmp_path / name
    if name.endswith("parquet"):
        TABLE.to_parquet(path)
    elif name.endswith("xlsx"):
        TABLE.to_excel(path, index=False)
    else:
        plain = {name: TABLE[name].astype(object) for name in ("commune_code", "Tên_xã")}
        TABLE.assign(**plain).to_stata(path, write_index=False, version=118)
    read = read_table(path)
    assert read.iloc[:, 0].tolist() == ["05983", "10001"]
    assert read["poor"].tolist() == [1, 0]
    assert read["x"].isna().tolist() == [False, True]
    assert read.iloc[:, 3].tolist() == ["Tày", "Nà"]


def test_only_the_columns_kept_are_read(tmp_path):
    TABLE.to_csv(tmp_path / "a.csv", index=False)
    seen = []

    def keep(names):
        seen.extend(names)
        return ["poor", "commune_code"]

    assert list(read_table(tmp_path / "a.csv", keep=keep)) == ["poor", "commune_code"]
    assert seen == list(TABLE)


def test_sheets_are_chosen_by_name(tmp_path):
    path = tmp_path / "a.xlsx"
    with pd.ExcelWriter(path) as book:
        TABLE.to_excel(book, sheet_name="Một", index=False)
        TABLE.iloc[:1].to_excel(book, sheet_name="Hai", index=False)
    assert sheets_of(path) == ["Một", "Hai"]
    assert len(read_table(path)) == 2
    assert len(read_table(path, sheet="Hai")) == 1
    with pytest.raises(FileFormatError, match="no sheet 'Ba'; its sheets are 'Một', 'Hai'"):
        read_table(path, sheet="Ba")


def test_stata_value_labels_stand_for_their_codes(tmp_path):
    path = tmp_path / "a.dta"
    status = pd.Categorical(["poor", "other"], categories=["poor", "other"])
    pd.DataFrame({"status": status}).to_stata(path, write_index=False)
    assert read_table(path)["status"].astype(str).tolist() == ["poor", "other"]


# ---- edges ------------------------------------------------------------------------------------


def test_quoted_separators_and_blank_headings(tmp_path):
    (tmp_path / "a.csv").write_text('name , n,\n"a, b",1,\n', encoding="utf-8")
    read = read_table(tmp_path / "a.csv", keep=lambda names: ["name", "n"])
    assert read.to_numpy().tolist() == [["a, b", "1"]]


def test_headings_without_rows(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n", encoding="utf-8")
    assert read_table(tmp_path / "a.csv").shape == (0, 2)


def test_text_that_looks_missing_is_text(tmp_path):
    (tmp_path / "a.csv").write_text("commune\nNA\nNaN\n", encoding="utf-8")
    assert read_table(tmp_path / "a.csv")["commune"].tolist() == ["NA", "NaN"]


def test_rows_empty_throughout_are_left_out_of_a_text_file(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n,\n,\n", encoding="utf-8")
    assert read_table(tmp_path / "a.csv").to_numpy().tolist() == [["1", "2"]]


def test_index_counts_the_rows_of_the_file_also_past_blank_ones(tmp_path):
    (tmp_path / "a.csv").write_text("\n\na;b\n1;2\n\n;\n3;4\n\n", encoding="utf-8-sig")
    frame = read_table(tmp_path / "a.csv")
    assert list(frame.index) == [2, 5]  # the rows 4 and 7 of the file
    assert frame.to_numpy().tolist() == [["1", "2"], ["3", "4"]]
    cells = pd.DataFrame([["a"], [1], [None], [2]])
    cells.to_excel(tmp_path / "a.xlsx", header=False, index=False)
    assert list(read_table(tmp_path / "a.xlsx").index) == [0, 2]


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_headings_below_titles_are_read_from_their_row(tmp_path, name):
    cells = pd.DataFrame([["DANH SÁCH", None], [None, None], ["a", "b"], [1, 2], [3, 4]])
    path = tmp_path / name
    if name.endswith(".csv"):
        path.write_text("DANH SÁCH\n\na;b\n1;2\n3;4\n", encoding="utf-8-sig")
    else:
        cells.to_excel(path, header=False, index=False)
    frame = read_table(path, header_row=3)
    assert frame.astype(int).to_dict("list") == {"a": [1, 3], "b": [2, 4]}
    assert list(frame.index) == [2, 3]  # the rows 4 and 5 of the file
    with pytest.raises(FileFormatError, match="has no row 9"):
        read_table(path, header_row=9)


def test_parquet_has_no_row_of_headings(tmp_path):
    with pytest.raises(FileFormatError, match="leave out the header row"):
        read_table(tmp_path / "a.parquet", header_row=2)


def test_rows_empty_throughout_are_left_out_of_a_sheet(tmp_path):
    pd.DataFrame({"a": ["x", None, "y"]}).to_excel(tmp_path / "a.xlsx", index=False)
    assert read_table(tmp_path / "a.xlsx")["a"].tolist() == ["x", "y"]


# ---- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", b"", "a.csv is empty"),
        ("a.csv", b"a,b\n1,2,3\n", "more cells than the 2 headings"),
        ("a.csv", b"a,b\n1,2\n1,2,3\n", "line 3"),
        ("a.csv", b"a,b\n\xff\xfa,2\n", "not UTF-8"),
        ("a.csv", b"PK\x03\x04\x00\x00\n", "not a text file"),
        ("a.csv.gz", b"not zipped", "cannot be read as CSV"),
        ("a.xlsx", b"nothing", "cannot be read as an Excel workbook"),
        ("a.parquet", b"nothing", "cannot be read as Parquet"),
        ("a.dta", b"nothing", "cannot be read as Stata"),
        ("a.xls", b"nothing", "save it as .xlsx"),
        ("a.pdf", b"nothing", "not known by its name; read are .csv"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_its_name(tmp_path, name, content, expected):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileFormatError, match=expected) as raised:
        read_table(tmp_path / name)
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_cut_off_archive_is_told(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 9999)[:60])
    with pytest.raises(FileFormatError, match="cannot be read as CSV"):
        read_table(tmp_path / "a.csv.gz")


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(FileFormatError, match="does not exist"):
        read_table(tmp_path / "a.csv")
    (tmp_path / "b.csv").mkdir()
    with pytest.raises(FileFormatError, match="is a folder"):
        read_table(tmp_path / "b.csv")


def test_a_heading_that_occurs_twice_is_an_error_only_where_it_is_used(tmp_path):
    (tmp_path / "a.csv").write_text("a,a,b\n1,2,3\n", encoding="utf-8")
    with pytest.raises(DuplicateNameError, match="'a' occurs more than once"):
        read_table(tmp_path / "a.csv")
    assert read_table(tmp_path / "a.csv", keep=lambda names: ["b"])["b"].tolist() == ["3"]


@pytest.mark.parametrize(
    ("module", "name", "extra"),
    [("pyarrow", "a.parquet", "arrow"), ("openpyxl", "a.xlsx", "excel")],
)
def test_a_missing_library_is_told_with_its_pip_line(tmp_path, monkeypatch, module, name, extra):
    (tmp_path / name).write_bytes(b"something")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"pip install 'povertycore\[{extra}\]'"):
        read_table(tmp_path / name)
