"""The table that a terminal and a notebook show of an `Estimates`.

What all rows share (what was measured, unit, standard) stands in the heading; columns that are
empty throughout are left out; rates carry their percent sign; notes become footnotes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..fields import OWN_IN_UNIT
from .number import MISSING, count, display, display_kind, kinds_of_rows, number, percent

if TYPE_CHECKING:
    from ..estimates import Estimates

__all__ = ["heading", "html_table", "text_table"]

TEXT_ROWS = 40
HTML_ROWS = 60
MAX_LABEL = 48
TOTAL = "(total)"
# Said in the heading where all rows share them.
IN_HEADING = ("variable", "of", "measure", "unit", "standard")
IN_UNIT = ("estimate", "ci_low", "ci_high")
# Measures that are neither rates nor amounts: a year has no thousands separator.
AS_WORDS: dict[str, Callable[[float], str]] = {
    "on_track": lambda value: "yes" if value else "no",
    "reach_year": lambda value: f"{value:.1f}",
}
SIZES = ("numerator", "denominator", "population")
# What a flag hides, or marks: the figure, and what would give it away.
FLAGGED = (*IN_UNIT, "se", "cv", "numerator")
SIGNS = {"unreliable": "({})", "suppressed": "*"}


@dataclass(frozen=True)
class ShownColumn:
    """One column as text."""

    header: str
    cells: list[str]
    is_number: bool
    is_key: bool


@dataclass(frozen=True)
class ShownTable:
    """What is shown, before it is laid out."""

    heading: str
    columns: list[ShownColumn]
    is_total: list[bool]
    marks: list[str]  # the number of each row's footnote, or nothing
    notes: list[str]  # footnotes of rows, in the order of their numbers
    remarks: list[str]  # footnotes of the whole table
    n_hidden: int


def text_table(est: Estimates, max_rows: int = TEXT_ROWS) -> str:
    """Return the table as aligned text.

    Parameters
    ----------
    est : Estimates
        Any result.
    max_rows : int, default 40
        Rows shown; the rest is counted.

    Returns
    -------
    str
        Heading, columns, rows and footnotes, without a final line break.

    Examples
    --------
    >>> est = pc.Estimates.from_table({"year": [2021, 2022], "poor": [23511, 17497],
    ...     "all": [192705, 196150]}, "year", numerator="poor", denominator="all",
    ...     standard="vn-2022")
    >>> print(text_table(est))
    rate · households · standard vn-2022 · 2 rows
    year  estimate  numerator  denominator  population
    2021   12.20 %     23,511      192,705     192,705
    2022    8.92 %     17,497      196,150     196,150
    """
    shown = shown_table(est, max_rows)
    lines = [shown.heading]
    blocks = [
        aligned([column.header, *column.cells], right=column.is_number) for column in shown.columns
    ]
    if shown.notes:
        blocks.append(["", *(f"[{mark}]" if mark else "" for mark in shown.marks)])
    lines += ["  ".join(cells).rstrip() for cells in zip(*blocks, strict=True)]
    if shown.n_hidden:
        lines.append(more_rows("...", shown.n_hidden))
    lines += [f"[{i}] {note}" for i, note in enumerate(shown.notes, start=1)]
    lines += [f"* {remark}" for remark in shown.remarks]
    return "\n".join(lines)


def html_table(est: Estimates, max_rows: int = HTML_ROWS) -> str:
    """Return the table as HTML that reads well in light and dark notebooks.

    Parameters
    ----------
    est : Estimates
        Any result.
    max_rows : int, default 60
        Rows shown; the rest is counted.

    Returns
    -------
    str
        One `div`; every label is escaped, and there are no scripts.
    """
    shown = shown_table(est, max_rows)
    head = "".join(
        f'<th scope="col"{CLASSES[column.is_number]}>{escape(column.header)}</th>'
        for column in shown.columns
    ) + ("<th></th>" if shown.notes else "")
    rows = "".join(html_row(shown, i) for i in range(len(shown.is_total)))
    if shown.n_hidden:
        span = len(shown.columns) + 1
        rows += f'<tr class="more"><td colspan="{span}">{more_rows("…", shown.n_hidden)}</td></tr>'
    notes = [f"<sup>{i}</sup> {escape(note)}" for i, note in enumerate(shown.notes, start=1)]
    notes += [escape(remark) for remark in shown.remarks]
    foot = "".join(f"<div>{note}</div>" for note in notes)
    return (
        f'<div class="pc-estimates"><style>{CSS}</style><table>'
        f"<caption>{escape(shown.heading)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        + (f'<div class="notes">{foot}</div>' if foot else "")
        + "</div>"
    )


def heading(est: Estimates) -> str:
    """Return one line that says what all rows share.

    Parameters
    ----------
    est : Estimates
        Any result.

    Returns
    -------
    str
        Measure, domain, unit, standard and number of rows.

    Examples
    --------
    >>> est = pc.Estimates.from_table({"year": [2022], "rate": [0.0892]}, "year",
    ...                               estimate="rate", variable="poor")
    >>> heading(est)
    'rate of poor · households · 1 row'
    """
    measure, of = shared(est, "measure"), shared(est, "of")
    what = (measure or est.verb).replace("_", " ")
    if of:
        what += f" of {of.replace('_', ' ')}"
    if variable := shared(est, "variable"):
        what += f" of {variable}"
    what += _domain_in_words(est._meta)
    units = distinct(est, "unit")
    standards = distinct(est, "standard")
    rows = f"{len(est):,} row" + ("" if len(est) == 1 else "s")
    parts = [what, " and ".join(units)]
    if standards:
        parts.append(f"standard{'s' if len(standards) > 1 else ''} {', '.join(standards)}")
    return printable(" · ".join(part for part in [*parts, rows] if part))


def _domain_in_words(meta: dict[str, Any]) -> str:
    """Say of which rows the figures are; joined results may be of several domains."""
    domains = {part.get("where") for part in meta.get("parts", ())}
    if len(domains) > 1:
        return " in several domains"
    return f" where {meta['where']}" if meta.get("where") else ""


# ---- what is shown ---------------------------------------------------------------------------


def shown_table(est: Estimates, max_rows: int) -> ShownTable:
    """Return the columns, cells and footnotes that are shown of the first rows."""
    top = est._take(np.arange(min(len(est), max_rows)))
    names = [name for name in est.column_names if is_shown(est, name)]
    notes, marks = footnotes([printable(str(note)) for note in top["note"]])
    keys = [top[name].astype(object).tolist() for name in est.key_names]
    return ShownTable(
        heading=heading(est),
        columns=[shown_column(top, name) for name in names],
        is_total=[TOTAL in labels for labels in zip(*keys, strict=True)] or [False] * len(top),
        marks=marks,
        notes=notes,
        remarks=remarks(est),
        n_hidden=len(est) - len(top),
    )


def is_shown(est: Estimates, name: str) -> bool:
    """Say whether a column has something to say that the heading does not."""
    column = est[name]
    if name == "note":
        return False
    if name in IN_HEADING and name not in est.key_names:
        missing_somewhere = bool(column.isna().any()) and not column.isna().all()
        return len(distinct(est, name)) > 1 or missing_somewhere
    if name in ("flag", "reason") and name in est.own_names:
        return bool((column != "").any())
    if name == "n_missing":
        return bool((column.fillna(0) > 0).any())
    return name in (*est.key_names, "estimate") or bool(column.notna().any())


def shown_column(est: Estimates, name: str) -> ShownColumn:
    """Return a column as text: numbers as their kind is shown, labels as they are."""
    values = est[name].astype(object).tolist()
    header = printable(name)
    is_key = name in est.key_names
    if is_key or name in est.measure_key_names or name in IN_HEADING:
        cells = [label(value, "(missing)" if is_key else "") for value in values]
        return ShownColumn(header, cells, pd.api.types.is_numeric_dtype(est[name]), is_key)
    if not pd.api.types.is_numeric_dtype(est[name]):
        return ShownColumn(header, [label(value, "") for value in values], False, is_key)
    cells = numbers_as_text(est, name, values)
    if name in FLAGGED:
        cells = flagged(est, name, cells)
    return ShownColumn(header, cells, True, is_key)


def signs_of(est: Estimates) -> dict[str, str]:
    """Return the sign of each flag; {} in it stands for the number."""
    return {**SIGNS, **est._meta.get("flags", {}).get("signs", {})}


def flagged(est: Estimates, name: str, cells: list[str]) -> list[str]:
    """Put a sign in the place of what is suppressed, and one beside an unreliable estimate."""
    if "flag" not in est.own_names:
        return cells
    signs = {flag: sign for flag, sign in signs_of(est).items()
             if flag == "suppressed" or name == "estimate"}  # fmt: skip
    return [
        signs[flag].format(cell) if flag in signs and cell != MISSING else cell
        for flag, cell in zip(est["flag"], cells, strict=True)
    ]


def legend(est: Estimates) -> list[str]:
    """Return what the signs of flags mean, and whose rules they are."""
    if "flag" not in est.own_names:
        return []
    present = set(est["flag"])
    signs = {flag: sign.format("…") for flag, sign in signs_of(est).items() if flag in present}
    words = est._meta.get("flags", {})
    meaning = ", ".join(f"{sign} {flag}" for flag, sign in signs.items())
    if not words:
        return [meaning] if meaning else []
    rules = f"flags by preset {words['preset']!r}: {words['source']}"
    if words["limits"] != words["own_limits"]:
        rules += "; with other limits"
    elif not words["verified"]:
        rules += "; limits not verified"
    return [f"{meaning}; {rules}" if meaning else f"no {rules}"]


def numbers_as_text(est: Estimates, name: str, values: list[float]) -> list[str]:
    """Return a column of numbers as text."""
    if name in ("n_obs", "n_missing", "n_psu"):
        return [count(value) for value in values]
    if name in SIZES:
        digits = 0 if is_whole(values) else fitting_digits(values)
        return [number(value, digits) for value in values]
    if name == "cv":
        return [percent(value, 1) for value in values]
    if name in ("start", "end") and "of" in est.measure_key_names:
        kinds = [display_kind(str(of)) for of in est["of"]]
    elif name in (*IN_UNIT, "se", *OWN_IN_UNIT):
        kinds = kinds_of_rows(est).tolist()
        if name == "se":  # an error of a percentage is a number of points
            kinds = ["points" if kind == "percent" else kind for kind in kinds]
    else:
        digits = 0 if is_whole(values) else 4 if name == "p_value" else fitting_digits(values)
        return [number(value, digits) for value in values]
    measures = est["measure"].tolist()
    numbers = [
        value
        for value, kind, measure in zip(values, kinds, measures, strict=True)
        if kind == "number" and measure not in AS_WORDS
    ]
    digits = fitting_digits(numbers)
    return [
        AS_WORDS[measure](value)
        if measure in AS_WORDS and np.isfinite(value)
        else display(value, kind, digits if kind == "number" else None)
        for value, kind, measure in zip(values, kinds, measures, strict=True)
    ]


def fitting_digits(values: Iterable[float]) -> int:
    """Return the digits after the point that a column needs: four where all lie below 1."""
    largest = max((abs(value) for value in values if np.isfinite(value)), default=0.0)
    return 4 if largest < 1 else 2


def is_whole(values: Iterable[float]) -> bool:
    """Say whether all known numbers are whole."""
    return all(float(value).is_integer() for value in values if np.isfinite(value))


def label(value: Any, missing: str) -> str:
    """Return a label as text on one line, cut where it is very long."""
    if pd.isna(value):
        return missing
    if isinstance(value, float):
        text = f"{value:g}"
    elif isinstance(value, pd.Timestamp) and value == value.normalize():
        text = value.date().isoformat()
    else:
        text = printable(str(value))
    return text if width(text) <= MAX_LABEL else cut(text)


def cut(text: str) -> str:
    """Return the beginning of a text that is too wide."""
    while width(text) >= MAX_LABEL:
        text = text[:-1]
    return text + "…"


def printable(text: str) -> str:
    """Return a text without line breaks and control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def footnotes(notes: list[str]) -> tuple[list[str], list[str]]:
    """Return the different notes, and for each row the number of its own."""
    different = list(dict.fromkeys(note for note in notes if note))
    numbers = {note: str(i) for i, note in enumerate(different, start=1)}
    return different, [numbers.get(note, "") for note in notes]


def remarks(est: Estimates) -> list[str]:
    """Return the footnotes of the whole table: those in `.meta`, and the source."""
    meta = est.meta
    sources = distinct_of(est.sources())
    found = [printable(str(note)) for note in meta.get("footnotes", ())]
    found += [printable(line) for line in legend(est)]
    return found + ([printable(f"Source: {', '.join(sources)}")] if sources else [])


def shared(est: Estimates, name: str) -> str:
    """Return the label that all rows share, else nothing."""
    labels = distinct(est, name) if name in est.column_names else []
    return labels[0] if len(labels) == 1 and not est[name].isna().any() else ""


def distinct(est: Estimates, name: str) -> list[str]:
    """Return the different labels of a column."""
    return distinct_of(est[name])


def distinct_of(column: pd.Series) -> list[str]:
    """Return the different labels of a column, without missing ones."""
    return [str(value) for value in column.dropna().unique()]


def more_rows(dots: str, n: int) -> str:
    """Return the line that counts the rows not shown."""
    return f"{dots} {n:,} more row{'' if n == 1 else 's'}"


# ---- layout ----------------------------------------------------------------------------------


def width(text: str) -> int:
    """Return how many places a text takes in a terminal.

    Parameters
    ----------
    text : str
        Any text; combining marks take no place, wide letters two.

    Returns
    -------
    int
        Places.

    Examples
    --------
    >>> import unicodedata
    >>> width("Bình Gia"), width(unicodedata.normalize("NFD", "Bình Gia")), width("中")
    (8, 8, 2)
    """
    return sum(map(places, text))


def places(letter: str) -> int:
    """Return how many places one letter takes."""
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in ("W", "F") else 1


def aligned(cells: Sequence[str], right: bool) -> list[str]:
    """Return cells filled up to one width."""
    widest = max(map(width, cells), default=0)
    blanks = [" " * (widest - width(cell)) for cell in cells]
    if right:
        return [blank + cell for blank, cell in zip(blanks, cells, strict=True)]
    return [cell + blank for blank, cell in zip(blanks, cells, strict=True)]


def html_row(shown: ShownTable, i: int) -> str:
    """Return one row; keys that repeat those of the row above are dimmed."""
    cells = []
    repeats = i > 0
    for column in shown.columns:
        repeats = repeats and column.is_key and column.cells[i] == column.cells[i - 1]
        text = escape(column.cells[i])
        if column.cells[i] == MISSING:
            text = f'<span class="none">{MISSING}</span>'
        elif repeats:
            text = f'<span class="again">{text}</span>'
        tag = 'th scope="row"' if column.is_key else "td"
        cells.append(f"<{tag}{CLASSES[column.is_number]}>{text}</{tag[:2]}>")
    if shown.notes:
        cells.append(f"<td><sup>{shown.marks[i]}</sup></td>" if shown.marks[i] else "<td></td>")
    total = ' class="total"' if shown.is_total[i] else ""
    return f"<tr{total}>{''.join(cells)}</tr>"


# Aligned in place, for viewers that drop style sheets.
CLASSES = {True: ' class="number" style="text-align: right"', False: ' style="text-align: left"'}

# Colours are those of the page, thinned out: they fit light and dark.
CSS = """
.pc-estimates { overflow-x: auto; }
.pc-estimates table { border-collapse: collapse; border: 0; margin: 0.4em 0; width: auto;
  table-layout: auto; font-size: 0.92em; }
.pc-estimates caption { caption-side: top; text-align: left; padding: 0 0.7em 0.5em;
  font-weight: 600; color: inherit; white-space: nowrap; }
.pc-estimates th, .pc-estimates td { padding: 0.26em 0.7em; border: 0; white-space: nowrap;
  font-weight: 400; vertical-align: baseline; max-width: none; }
.pc-estimates thead th { font-weight: 600; opacity: 0.72; font-size: 0.92em;
  border-top: 2px solid rgba(128, 128, 128, 0.75);
  border-bottom: 1px solid rgba(128, 128, 128, 0.6); }
.pc-estimates tbody tr { border-bottom: 1px solid rgba(128, 128, 128, 0.16); }
.pc-estimates tbody { border-bottom: 2px solid rgba(128, 128, 128, 0.75); }
.pc-estimates .number { font-variant-numeric: tabular-nums; }
.pc-estimates .again { opacity: 0.4; }
.pc-estimates .none, .pc-estimates .more td { opacity: 0.55; }
.pc-estimates .more td { text-align: left; font-style: italic; }
.pc-estimates tr.total th, .pc-estimates tr.total td { font-weight: 600;
  background: rgba(128, 128, 128, 0.12); }
.pc-estimates sup { font-size: 0.75em; line-height: 0; }
.pc-estimates .notes { font-size: 0.85em; opacity: 0.8; padding: 0 0.75em;
  margin-bottom: 0.8em; line-height: 1.5; }
"""
