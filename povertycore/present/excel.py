"""Excel files: tables that can be printed and counted on, written with xlsxwriter.

Rates are stored as fractions and shown in percent, so that a cell can be counted with. A change of
rates has no percent sign: it is stored and shown in percentage points. Text is always written as
text: a code keeps its leading zeros, and a name that begins with "=" is no formula.
"""

from __future__ import annotations

import datetime
import os
import re
import secrets
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from povertycore.errors import LimitError, OptionError, missing_extra, unknown_option
from povertycore.fields import OWN_IN_UNIT
from povertycore.present import number
from povertycore.present.table import FLAGGED, legend, signs_of

if TYPE_CHECKING:
    from povertycore.estimates import Estimates
    from povertycore.present.report import Table

__all__ = ["write_estimates", "write_tables"]

ROWS_OF_A_SHEET = 1_048_576
NAME_OF_A_SHEET = 31
WIDEST, NARROWEST = 42, 7
A3, A4 = 8, 9  # as Excel numbers its papers
WIDE_TABLE = 14  # columns; more are printed on A3
FONT = "Arial"

FORMATS = {
    "count": "#,##0",
    "change": "+#,##0;-#,##0;0",
    "percent": "0.00%",
    "relative": "+0.00%;-0.00%;0.00%",
    "fulfilment": "0%",
    "points": "+0.00;-0.00;0.00",
    "fall": "0.00",
    "points_in_words": '+0.00" points";-0.00" points";0.00" points"',
    "points_in_words_vi": '+0.00" điểm %";-0.00" điểm %";0.00" điểm %"',
    "number": "#,##0.00",
    "weight": "#,##0.##",
    "period": "0",
    "date": "yyyy-mm-dd",
    "text": "@",
}
MISSING = "–"
AROUND = "|"  # between a kind of figure and the sign of a flag

# Columns of an Estimates in the unit of the estimate, and the others that are no counts.
IN_UNIT_OF_ESTIMATE = ("estimate", "se", "ci_low", "ci_high", *OWN_IN_UNIT)
COUNTED = ("n_obs", "n_missing", "n_psu")
SIZES = ("numerator", "denominator", "population")
PLAIN_NUMBERS = ("df", "deff", "p_value")


@contextmanager
def _workbook(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Open a workbook that appears under its name only when it is complete."""
    try:
        import xlsxwriter
    except ImportError:
        raise missing_extra("xlsxwriter", "excel") from None
    target = Path(path)
    if target.suffix.lower() != ".xlsx":
        raise OptionError(f"an Excel file ends in .xlsx, found {target.name!r}")
    beside = target.with_name(f".{target.stem}.{secrets.token_hex(4)}.part.xlsx")
    options = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    try:
        book = xlsxwriter.Workbook(beside, options)
        try:
            yield book
        finally:
            book.close()
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def write_estimates(
    est: Estimates,
    path: str | os.PathLike[str],
    *,
    sheet: str = "estimates",
    title: str | None = None,
    footnotes: Sequence[str] = (),
) -> None:
    """Write an `Estimates` as an Excel file.

    Parameters
    ----------
    est : Estimates
        The estimates; columns that are empty throughout are left out.
    path : str or path
        Where to write; ends in .xlsx, an existing file is replaced.
    sheet : str, optional
        Name of the sheet.
    title : str, optional
        A line above the table.
    footnotes : sequence of str, optional
        Lines below the table, after those on unit, standard and source.

    Raises
    ------
    ImportError
        xlsxwriter is not installed; the message has the pip line.
    LimitError
        There are more rows than a sheet can hold.

    Notes
    -----
    Rates are stored as fractions and shown as 8.92%. A difference of rates is stored in
    percentage points and shown as -3.28 points. Nothing in the file is a formula.

    Examples
    --------
    >>> est = pc.Estimates.from_table({"year": [2021, 2022], "rate": [0.122, 0.0892]}, "year",
    ...                               estimate="rate")
    >>> est.to_excel("rates.xlsx")
    """
    frame = est.to_frame()
    kinds = list(number.kinds_of_rows(est))
    always = (*est.key_names, "measure", "estimate", "unit")
    names = [name for name in frame.columns if name in always or _is_told(frame[name])]
    keys = [name for name in names if name in est.key_names]
    if len(frame) + 10 > ROWS_OF_A_SHEET:
        raise LimitError(
            f"a sheet holds {ROWS_OF_A_SHEET:,} rows, the table has {len(frame):,}; "
            "use .to_csv(...) or .select(...)"
        )
    columns = [_estimates_column(frame[name], name, kinds) for name in names]
    if "flag" in est.own_names:
        columns = [_flagged(est, name, cells) for name, cells in zip(names, columns, strict=True)]
    totals = [
        row
        for row in range(len(frame))
        if any(str(frame[name].iloc[row]) == "(total)" for name in keys)
    ]
    lines = [*_facts(est), *footnotes]
    with _workbook(path) as book:
        styles = _Styles(book)
        page = _Page(book, styles, sheet)
        page.table(title, [], names, [], columns, n_keys=len(keys), totals=totals)
        page.footnotes(lines)


def _is_told(column: Any) -> bool:
    """Whether a column says anything: a figure, or a text that is not empty."""
    return bool((column.notna() & (column.astype(object) != "")).any())


def _estimates_column(values: Any, name: str, kinds: Sequence[str]) -> list[tuple[Any, str]]:
    """Return a column as cells: value and format."""
    if name in IN_UNIT_OF_ESTIMATE:
        ends = name in ("start", "end")
        return [
            _figure_cell(value, "percent" if ends and kind == "points" else kind)
            for value, kind in zip(values, kinds, strict=True)
        ]
    if name in COUNTED:
        return [(value, "count") for value in values]
    if name in SIZES:
        return [
            (value, "weight" if value == value and value != np.floor(value) else "count")
            for value in values
        ]
    if name == "cv":
        return [(value, "percent") for value in values]
    if name in PLAIN_NUMBERS:
        return [(value, "number") for value in values]
    return [(value, _label_format(value)) for value in values]


def _flagged(est: Estimates, name: str, cells: list[tuple[Any, str]]) -> list[tuple[Any, str]]:
    """Put a sign in the place of what is suppressed, and one in the format of an estimate."""
    if name not in FLAGGED:
        return cells
    signs = signs_of(est)
    marked = []
    for (value, kind), flag in zip(cells, est["flag"], strict=True):
        if flag == "suppressed" and value == value:
            marked.append((signs[flag], kind))
        elif flag == "unreliable" and name == "estimate" and value == value:
            marked.append((value, f"{kind}{AROUND}{signs[flag]}"))
        else:
            marked.append((value, kind))
    return marked


def _number_format(kind: str) -> str:
    """Return the format of a kind of figure, with a sign around it where one follows the kind."""
    kind, _, sign = kind.partition(AROUND)
    plain = FORMATS.get(kind, "General")
    if not sign:
        return plain
    before, after = (f'"{part}"' if part else "" for part in sign.split("{}"))
    return ";".join(f"{before}{part}{after}" for part in plain.split(";"))


def _figure_cell(value: float, kind: str) -> tuple[Any, str]:
    if kind == "points":
        return value * 100, "points_in_words"
    return value, {"percent": "percent", "count": "count"}.get(kind, "number")


def _label_format(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "text"
    if isinstance(value, int | np.integer):
        return "period"
    if isinstance(value, float | np.floating):
        return "period" if value == value and float(value).is_integer() else "number"
    if isinstance(value, datetime.date):
        return "date"
    return "text"


def _facts(est: Estimates) -> list[str]:
    """Return what a reader must know of the figures: unit, standard, source, footnotes."""
    units = [str(unit) for unit in est["unit"].dropna().unique()]
    standards = [str(name) for name in est["standard"].dropna().unique()]
    meta = est.meta
    source = meta.get("source")
    lines = [f"Unit: {', '.join(units)}"] if units else []
    lines.append(f"Standard: {', '.join(standards) if standards else 'not stated'}")
    if source:
        listed = [source] if isinstance(source, str) else list(source)
        lines.append(f"Source: {'; '.join(str(name) for name in listed)}")
    return [*lines, *[str(line) for line in meta.get("footnotes", ())], *legend(est)]


def write_tables(
    path: str | os.PathLike[str],
    tables: Sequence[Table],
    *,
    lang: str = "en",
    footnotes: Sequence[str] = (),
    notes_title: str = "Notes",
    notes: Sequence[str] = (),
) -> None:
    """Write the tables of a report as one workbook, a sheet each, and a sheet of notes.

    Parameters
    ----------
    path : str or path
        Where to write; ends in .xlsx, an existing file is replaced.
    tables : sequence of Table
        See `povertycore.present.report.Table`.
    lang : {"en", "vi"}, optional
        The language of the word for points. Excel itself chooses the signs between digits.
    footnotes : sequence of str, optional
        Lines below every table: unit, standard, source.
    notes_title : str, optional
        Name of the sheet of notes.
    notes : sequence of str, optional
        Its lines.
    """
    with _workbook(path) as book:
        styles = _Styles(book)
        for table in tables:
            page = _Page(book, styles, table.title)
            names = list(table.frame.columns)
            columns = [_table_column(table, name, lang) for name in names]
            groups = [table.groups.get(name, "") for name in names]
            page.table(
                table.heading,
                groups,
                [table.labels[name] for name in names],
                [table.kinds[name] for name in names],
                columns,
                n_keys=table.n_keys,
                totals=table.totals,
            )
            page.footnotes(footnotes)
        if notes:
            page = _Page(book, styles, notes_title)
            page.lines(notes_title, notes)


def _table_column(table: Table, name: str, lang: str) -> list[tuple[Any, str]]:
    kind = table.kinds[name]
    cells = []
    for row, value in enumerate(table.frame[name]):
        here = kind
        if kind in ("row", "row_change") and table.row_kinds is not None:
            here = table.row_kinds[row][0 if kind == "row" else 1]
        if here in ("points", "fall", "points_in_words") and not isinstance(value, str):
            value = value * 100
        if here == "points_in_words" and lang == "vi":
            here = "points_in_words_vi"
        cells.append((value, here))
    return cells


class _Styles:
    """The formats of a workbook, made once each."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._made: dict[tuple[tuple[str, Any], ...], Any] = {}

    def get(self, **properties: Any) -> Any:
        key = tuple(sorted(properties.items()))
        if key not in self._made:
            base = {"font_name": FONT, "font_size": 10, "valign": "vcenter"}
            self._made[key] = self._book.add_format({**base, **properties})
        return self._made[key]

    def heading(self, **more: Any) -> Any:
        return self.get(
            bold=True,
            bg_color="#DCE9F5",
            border=1,
            border_color="#8FA9C4",
            text_wrap=True,
            align="center",
            **more,
        )

    def cell(self, kind: str, total: bool) -> Any:
        properties: dict[str, Any] = {
            "num_format": _number_format(kind),
            "bottom": 1,
            "bottom_color": "#D9D9D9",
        }
        # Numbers end and text begins a little apart, so that neighbours do not run together.
        properties |= {"align": "left", "indent": 1} if kind == "text" else {"align": "right"}
        if total:
            properties |= {"bold": True, "bg_color": "#F2F2F2", "top": 1, "top_color": "#404040"}
        return self.get(**properties)


class _Page:
    """One sheet, filled from the top."""

    def __init__(self, book: Any, styles: _Styles, name: str) -> None:
        self.sheet = book.add_worksheet(
            _sheet_name(name, [page.name for page in book.worksheets()])
        )
        self.styles = styles
        self.row = self.head = 0
        self.sheet.hide_gridlines(2)
        self.sheet.set_landscape()
        self.sheet.set_paper(A4)
        self.sheet.fit_to_pages(1, 0)
        self.sheet.set_footer("&L&A&R&P/&N")

    def table(
        self,
        title: str | None,
        groups: Sequence[str],
        names: Sequence[str],
        kinds: Sequence[str],
        columns: Sequence[Sequence[tuple[Any, str]]],
        *,
        n_keys: int,
        totals: Sequence[int],
    ) -> None:
        """Write title, headings in one or two rows, and the cells; headings stay in view."""
        if title:
            self.sheet.write_string(0, 0, title, self.styles.get(bold=True, font_size=13))
            self.row = 2
        first = self.row
        if any(groups):
            self._groups(groups, names)
            self.row += 1
        for place, name in enumerate(names):
            if any(groups) and not groups[place]:
                self.sheet.merge_range(first, place, self.row, place, "", self.styles.heading())
                self.sheet.write_string(first, place, name, self.styles.heading())
            else:
                self.sheet.write_string(self.row, place, name, self.styles.heading())
        self.head = self.row
        self.row += 1
        self.sheet.freeze_panes(self.row, n_keys)
        self.sheet.repeat_rows(first, self.row - 1)
        n_rows = len(columns[0]) if columns else 0
        for place, cells in enumerate(columns):
            for row, (value, kind) in enumerate(cells):
                self._cell(self.row + row, place, value, kind, row in totals)
        if n_rows > 1 and not any(groups):
            self.sheet.autofilter(self.row - 1, 0, self.row + n_rows - 1, len(names) - 1)
        self.row += n_rows
        self._widths(names, columns)
        if len(names) > WIDE_TABLE:
            self.sheet.set_paper(A3)

    def _groups(self, groups: Sequence[str], names: Sequence[str]) -> None:
        start = 0
        while start < len(names):
            stop = start
            while stop + 1 < len(names) and groups[stop + 1] == groups[start]:
                stop += 1
            if groups[start] and stop > start:
                self.sheet.merge_range(self.row, start, self.row, stop, "", self.styles.heading())
            if groups[start]:
                self.sheet.write_string(self.row, start, groups[start], self.styles.heading())
            start = stop + 1

    def _cell(self, row: int, place: int, value: Any, kind: str, total: bool) -> None:
        style = self.styles.cell(kind, total)
        if isinstance(value, str):
            self.sheet.write_string(row, place, _clean(value), style)
        elif pd.isna(value):
            missing = "" if kind == "text" else MISSING
            self.sheet.write_string(row, place, missing, self.styles.cell(kind, total))
        elif isinstance(value, bool | np.bool_):
            self.sheet.write_boolean(row, place, bool(value), style)
        elif isinstance(value, datetime.date):
            self.sheet.write_datetime(row, place, value, style)
        elif isinstance(value, int | float | np.number) and np.isfinite(value):
            self.sheet.write_number(row, place, float(value), style)
        else:
            self.sheet.write_string(row, place, _clean(str(value)), style)

    def _widths(self, names: Sequence[str], columns: Sequence[Sequence[tuple[Any, str]]]) -> None:
        """Make columns as wide as their cells, and the headings as high as they then need."""
        lines = 1
        for place, (name, cells) in enumerate(zip(names, columns, strict=True)):
            # A heading may break between words, a cell may not.
            longest_word = max((len(part) for part in name.split()), default=0)
            longest = max((len(_shown(value, kind)) for value, kind in cells), default=0)
            width = min(max(longest, longest_word, NARROWEST), WIDEST)
            self.sheet.set_column(place, place, width + 1.8)
            lines = max(lines, len(textwrap.wrap(name, width)))
        self.sheet.set_row(self.head, 4 + 13.5 * lines)

    def footnotes(self, lines: Sequence[str]) -> None:
        """Write small lines below the table."""
        self.row += 1
        style = self.styles.get(font_size=9, font_color="#404040")
        for line in lines:
            self.sheet.write_string(self.row, 0, _clean(line), style)
            self.row += 1

    def lines(self, title: str, lines: Sequence[str]) -> None:
        """Write lines of text as the whole page."""
        self.sheet.set_column(0, 0, 110)
        self.sheet.write_string(0, 0, title, self.styles.get(bold=True, font_size=13))
        style = self.styles.get(text_wrap=True, valign="top")
        for row, line in enumerate(lines, start=2):
            self.sheet.write_string(row, 0, _clean(line), style)
            self.sheet.set_row(row, 14 * len(textwrap.wrap(line, 115)) + 3)


def _clean(text: str) -> str:
    """Return text without the control characters that make a workbook unreadable."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", unicodedata.normalize("NFC", text))


def _shown(value: Any, kind: str) -> str:
    kind, _, sign = kind.partition(AROUND)
    if sign:
        return sign.format(_shown(value, kind))
    if isinstance(value, str) or kind == "text":
        return "" if value is None or value != value else str(value)
    if value is None or value != value:
        return MISSING
    if kind in ("percent", "relative", "fulfilment"):
        return f"{value:+.2%}"
    if kind in ("points", "fall"):
        return f"{value:+.2f}"
    if kind.startswith("points_in_words"):
        return f"{value:+.2f} points"
    if kind in ("count", "change"):
        return f"{value:,.0f}"
    return f"{value:,.2f}" if kind in ("number", "weight") else str(value)


def _sheet_name(name: str, taken: Sequence[str]) -> str:
    """Return a name that Excel takes: short, without its signs, and not used yet."""
    plain = re.sub(r"[\[\]:*?/\\]", " ", _clean(name)).strip("' ")[:NAME_OF_A_SHEET]
    if not plain:
        raise unknown_option("sheet", name, ["a name of letters"])
    lower = {other.casefold() for other in taken}
    unique, count = plain, 2
    while unique.casefold() in lower:
        unique = f"{plain[: NAME_OF_A_SHEET - 4]} ({count})"
        count += 1
    return unique
