"""Tables kept in files: CSV, Parquet, Excel and Stata files become pandas frames.

A text file holds no types, so every column of it comes back as text: only what is known to be a
number is turned into one, by whoever knows it. Codes with leading zeros survive that way. The
other formats keep the types they store.
"""

from __future__ import annotations

import csv
import struct
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from povertycore.errors import DuplicateNameError, FileFormatError, listing, missing_extra

__all__ = ["FORMATS", "has_headings_in_rows", "read_table", "sheets_of"]

FORMATS: dict[str, tuple[str, ...]] = {
    "CSV": (".csv", ".tsv", ".txt", ".csv.gz"),
    "Parquet": (".parquet", ".pq"),
    "Excel": (".xlsx", ".xlsm"),
    "Stata": (".dta",),
}

# Enough for the headings of any register, and for a fair look at its encoding.
BYTES_LOOKED_AT = 1 << 16
DELIMITERS = (",", ";", "\t", "|")
ROWS_AT_A_TIME = 200_000

Keep = Callable[[list[str]], Sequence[str]]


def read_table(
    path: str | Path,
    *,
    sheet: str | None = None,
    header_row: int | None = None,
    keep: Keep | None = None,
) -> Any:
    r"""Read one table from a file, its kind known by the ending of its name.

    Parameters
    ----------
    path : str or Path
        A .csv, .tsv, .txt, .csv.gz, .parquet, .pq, .xlsx, .xlsm or .dta file. Text files are
        UTF-8 (or UTF-16 with its mark), separated by comma, semicolon, tab or bar.
    sheet : str, optional
        The sheet of an Excel file; its first sheet if not said.
    header_row : int, optional
        The row of the headings in a sheet or text file, 1 the first, where titles stand above.
    keep : callable, optional
        Given the list of column names, returns those to read; all if not said.

    Returns
    -------
    pandas.DataFrame
        One row per row of the table, without those empty throughout; its index counts the rows of
        a text file or sheet, 0 the second. Names are without surrounding blanks. Columns of a text
        file are text, with an empty cell missing.

    Raises
    ------
    FileFormatError
        There is no such file, its kind is unknown, it cannot be read, or it has no such sheet.
    DuplicateNameError
        A column to be read occurs more than once.
    ImportError
        The library for this kind of file is not installed; the message has the pip line.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("register.csv").write_text("commune_code;poor\n05983;1\n", encoding="utf-8")
    >>> read_table("register.csv")["commune_code"].tolist()
    ['05983']
    """
    path = Path(path)
    kind = _kind(path)
    if sheet is not None and kind != "Excel":
        raise FileFormatError(
            f"{path.name} is a {kind} file and has no sheets; leave out the sheet"
        )
    if header_row is not None and not has_headings_in_rows(path):
        raise FileFormatError(
            f"{path.name} is a {kind} file and keeps its headings apart; leave out the header row"
        )
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise FileFormatError(f"the file {str(path)!r} {what}")
    if path.stat().st_size == 0:
        raise FileFormatError(f"{path.name} is empty")
    if kind == "CSV":
        return _read_csv(path, header_row, keep)
    if kind == "Parquet":
        return _read_parquet(path, keep)
    if kind == "Excel":
        return _read_excel(path, sheet, header_row or 1, keep)
    return _read_stata(path, keep)


def sheets_of(path: str | Path) -> list[str]:
    """Return the names of the sheets of an Excel file, none of another file.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    list of str
        In the order of the file.
    """
    if _kind(Path(path)) != "Excel":
        return []
    with pd.ExcelFile(path, engine="openpyxl") as book:
        return [str(name) for name in book.sheet_names]


def has_headings_in_rows(path: str | Path) -> bool:
    """Whether the headings of a file are its first row, as in a text file or a sheet."""
    return _kind(Path(path)) in ("CSV", "Excel")


def _kind(path: Path) -> str:
    name = path.name.lower()
    for kind, endings in FORMATS.items():
        if name.endswith(endings):
            return kind
    if name.endswith(".xls"):
        raise FileFormatError(f"{path.name} is an old Excel file; save it as .xlsx")
    known = ", ".join(ending for endings in FORMATS.values() for ending in endings)
    raise FileFormatError(f"the kind of {path.name} is not known by its name; read are {known}")


def _clean(names: Sequence[object]) -> list[str]:
    return [str(name).strip() for name in names]


def _kept(names: list[str], keep: Keep | None) -> list[str]:
    """Return the columns to read, none of which may occur twice."""
    wanted = list(names if keep is None else keep(names))
    twice = sorted({name for name in wanted if names.count(name) > 1})
    if twice:
        raise DuplicateNameError(f"the column {listing(twice)} occurs more than once in the file")
    return wanted


def _unreadable(path: Path, kind: str, fault: BaseException) -> FileFormatError:
    lines = str(fault).strip().splitlines()
    reason = lines[0] if lines else type(fault).__name__
    return FileFormatError(f"{path.name} cannot be read as {kind}: {reason}")


def _read_csv(path: Path, header_row: int | None, keep: Keep | None) -> Any:
    encoding = _encoding(path)
    try:
        delimiter, above = _delimiter(path, encoding, header_row)
        # Blank lines are read, and left out below, so that the rows keep their places in the file.
        reading = {"sep": delimiter, "encoding": encoding, "dtype": str, "keep_default_na": False,
                   "skip_blank_lines": False}  # fmt: skip
        header = pd.read_csv(path, header=None, nrows=1, skiprows=above, **reading)
        names = _clean(header.iloc[0].tolist())
        wanted = _kept(names, keep)
        with warnings.catch_warnings():
            # A row longer than the headings would otherwise lose its last cells. Naming the
            # columns to pandas would hide this fault, so that they are taken piece by piece.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            with pd.read_csv(
                path,
                header=0,
                skiprows=above,
                na_values=[""],
                index_col=False,
                chunksize=ROWS_AT_A_TIME,
                **reading,
            ) as pieces:
                frame = pd.concat(
                    [piece.set_axis(names, axis=1)[wanted].dropna(how="all") for piece in pieces]
                )
                frame.index += above
    except UnicodeError as fault:
        raise FileFormatError(f"{path.name} is not UTF-8 text; save it as 'CSV UTF-8'") from fault
    except pd.errors.ParserWarning as fault:
        raise FileFormatError(
            f"the rows of {path.name} have more cells than the {len(names)} "
            f"headings; a cell that holds {delimiter!r} stands in quotes"
        ) from fault
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error, EOFError, OSError) as fault:
        raise _unreadable(path, "CSV", fault) from fault
    return frame


def _opened(path: Path) -> Any:
    if path.name.lower().endswith(".gz"):
        import gzip

        return gzip.open(path, "rb")
    return path.open("rb")


def _encoding(path: Path) -> str:
    try:
        with _opened(path) as file:
            start = file.read(4)
    except (OSError, EOFError) as fault:
        raise _unreadable(path, "CSV", fault) from fault
    return "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _delimiter(path: Path, encoding: str, header_row: int | None) -> tuple[str, int]:
    """Return the separator that occurs most in the headings, outside quotes.

    The second value counts the lines above the headings: blank ones, unless their row is said.
    """
    with _opened(path) as file:
        text = file.read(BYTES_LOOKED_AT).decode(encoding, errors="ignore")
    if "\x00" in text:
        raise csv.Error("it is not a text file")
    lines = text.removeprefix("\ufeff").splitlines()
    above = next((place for place, line in enumerate(lines) if line), 0)
    if header_row is not None:
        above = header_row - 1
        if above >= len(lines):
            raise csv.Error(f"it has no row {header_row}")
    unquoted = "".join(lines[above].split('"')[::2]) if lines else ""
    return max(DELIMITERS, key=unquoted.count), above


def _read_parquet(path: Path, keep: Keep | None) -> Any:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise missing_extra("pyarrow", "arrow") from None
    try:
        found = [str(name) for name in parquet.read_schema(path).names]
        wanted = _kept(found, keep)
        return parquet.read_table(path, columns=wanted).to_pandas(ignore_metadata=False)[wanted]
    except (pa.ArrowException, OSError) as fault:
        raise _unreadable(path, "Parquet", fault) from fault


def _read_excel(path: Path, sheet: str | None, header_row: int, keep: Keep | None) -> Any:
    try:
        import openpyxl  # noqa: F401  pandas asks for it by name
    except ImportError:
        raise missing_extra("openpyxl", "excel") from None
    from zipfile import BadZipFile

    try:
        # openpyxl warns about styles and validations it leaves out; no figure depends on them.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="openpyxl")
            with pd.ExcelFile(path, engine="openpyxl") as book:
                sheets = [str(name) for name in book.sheet_names]
                cells = pd.read_excel(
                    book,
                    sheet_name=_sheet(path, sheets, sheet),
                    header=None,
                    dtype=object,
                    keep_default_na=False,
                    na_values=[""],
                )
    except (BadZipFile, KeyError, OSError, EOFError) as fault:
        raise FileFormatError(
            f"{path.name} cannot be read as an Excel workbook (.xlsx); "
            "it may be damaged, protected, or of another kind"
        ) from fault
    if cells.empty:
        raise FileFormatError(f"the sheet of {path.name} is empty" + _other_sheets(sheets, sheet))
    if header_row > len(cells):
        raise FileFormatError(f"the sheet of {path.name} has no row {header_row}")
    names = _clean(["" if pd.isna(name) else name for name in cells.iloc[header_row - 1]])
    wanted = _kept(names, keep)
    frame = cells.iloc[header_row:].reset_index(drop=True).dropna(how="all")
    frame.index += header_row - 1
    frame.columns = names
    return frame[wanted].infer_objects()


def _sheet(path: Path, sheets: list[str], sheet: str | None) -> str:
    if sheet is None:
        return sheets[0]
    if sheet not in sheets:
        raise FileFormatError(
            f"{path.name} has no sheet {sheet!r}; its sheets are " + listing(sheets)
        )
    return sheet


def _other_sheets(sheets: list[str], sheet: str | None) -> str:
    return f"; its sheets are {listing(sheets)}" if sheet is None and len(sheets) > 1 else ""


def _read_stata(path: Path, keep: Keep | None) -> Any:
    def read(convert: bool) -> Any:
        with pd.read_stata(path, iterator=True) as reader:
            names = [str(name) for name in reader.variable_labels()]
            return reader.read(columns=_kept(names, keep), convert_categoricals=convert)

    try:
        try:
            return read(True)
        except ValueError as fault:
            if "Value labels" not in str(fault):
                raise
            return read(False)  # two values with one label: the values are told apart, not these
    except (DuplicateNameError, FileFormatError):
        raise
    except (ValueError, OSError, EOFError, struct.error) as fault:
        raise _unreadable(path, "Stata", fault) from fault
