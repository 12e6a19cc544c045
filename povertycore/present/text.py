"""Sentences and plain tables: the figures of a report in English or Vietnamese.

Nothing is computed here. A change of a rate is always said to be in percentage points (điểm phần
trăm) and a relative change to be relative, which Vietnamese texts often print alike as "%".
"""

from __future__ import annotations

import math
import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from povertycore.errors import unknown_option
from povertycore.present import number

if TYPE_CHECKING:
    from povertycore.present.report import Table

__all__ = [
    "LANGUAGES",
    "Facts",
    "Figures",
    "Place",
    "check_language",
    "in_points",
    "narrative",
    "plain_table",
    "show",
    "word",
]

LANGUAGES = ("en", "vi")
GAP = "  "  # between two columns of a plain table
KINDS = ("text", "count", "percent", "points", "points_in_words", "fall", "change", "relative",
         "fulfilment")  # fmt: skip
HEADING_WIDTH = 10  # a longer heading is broken between words, unless its column is wider

WORDS: dict[str, tuple[str, str]] = {
    "households": ("Households", "Tổng số hộ"),
    "poor": ("Poor households", "Hộ nghèo"),
    "poor_rate": ("Poverty rate", "Tỷ lệ hộ nghèo"),
    "near_poor": ("Near-poor households", "Hộ cận nghèo"),
    "near_poor_rate": ("Near-poor rate", "Tỷ lệ hộ cận nghèo"),
    "poor_or_near": ("Poor and near-poor", "Hộ nghèo và cận nghèo"),
    "poor_or_near_rate": ("Poor and near-poor rate", "Tỷ lệ nghèo đa chiều"),
    "minority_households": ("Ethnic minority households", "Hộ dân tộc thiểu số"),
    "minority_poor": ("Poor minority households", "Hộ nghèo dân tộc thiểu số"),
    "minority_share": ("Minority share of the poor", "Tỷ trọng hộ DTTS trong hộ nghèo"),
    "minority_rate": ("Poverty rate of minorities", "Tỷ lệ hộ nghèo trong hộ DTTS"),
    "planned": ("Planned fall, points", "Kế hoạch giảm, điểm %"),
    "achieved": ("Achieved fall, points", "Mức giảm đạt được, điểm %"),
    "fulfilment": ("Plan fulfilment", "Tỷ lệ hoàn thành kế hoạch"),
    "difference": ("Change", "Tăng, giảm"),
    "relative": ("Relative change", "Tăng, giảm tương đối"),
    "relative_rate": ("Relative change of the rate", "Tăng, giảm tương đối của tỷ lệ"),
    "points": ("Change, points", "Tăng, giảm (điểm %)"),
    "change_households": ("Change, households", "Tăng, giảm (hộ)"),
    "figure": ("Figure", "Chỉ tiêu"),
    "district_code": ("District code", "Mã huyện"),
    "district": ("District", "Huyện"),
    "commune_code": ("Commune code", "Mã xã"),
    "commune": ("Commune", "Xã"),
    "total": ("Total", "Toàn tỉnh"),
    "province_title": ("Province", "Toàn tỉnh"),
    "district_title": ("By district", "Theo huyện"),
    "commune_title": ("By commune", "Theo xã"),
    "largest_title": ("Largest reduction", "Giảm nhiều nhất"),
    "smallest_title": ("Smallest reduction", "Giảm ít nhất hoặc tăng"),
    "largest_heading": (
        "Communes with the largest reduction of the poverty rate",
        "Các xã có tỷ lệ hộ nghèo giảm nhiều nhất",
    ),
    "smallest_heading": (
        "Communes with the smallest reduction of the poverty rate, or a rise",
        "Các xã có tỷ lệ hộ nghèo giảm ít nhất hoặc tăng",
    ),
    "change_title": (
        "Change, communes with largest and smallest reduction",
        "Tăng, giảm ở các xã giảm nhiều nhất và ít nhất",
    ),
    "notes_title": ("Notes", "Ghi chú"),
    "province": ("the province", "toàn tỉnh"),
    "standard": ("Standard", "Chuẩn nghèo"),
    "no_standard": ("not stated", "không nêu"),
    "unit": ("Unit: households", "Đơn vị: hộ"),
    "source": ("Source", "Nguồn"),
    "points_unit": ("percentage points", "điểm phần trăm"),
}


def check_language(lang: str) -> str:
    """Return the language, or raise the error that lists those there are."""
    if lang not in LANGUAGES:
        raise unknown_option("lang", lang, LANGUAGES)
    return lang


def word(name: str, lang: str) -> str:
    """Return a heading in the language.

    Examples
    --------
    >>> word("poor_rate", "vi")
    'Tỷ lệ hộ nghèo'
    """
    return WORDS[name][LANGUAGES.index(check_language(lang))]


def _percent(value: float, lang: str, digits: int = 2) -> str:
    """Return a share as a running text prints it, without a space before the sign."""
    return number.percent(value, digits, lang).replace(" %", "%")


def _points(value: float, lang: str, digits: int = 2) -> str:
    return f"{in_points(abs(value), lang, digits)} {word('points_unit', lang)}"


def in_points(value: float, lang: str, digits: int = 2) -> str:
    """Return a difference of fractions in percentage points, without the word.

    Examples
    --------
    >>> in_points(-0.0328, "vi")
    '-3,28'
    """
    return number.percent(value, digits, lang).removesuffix(" %")


def show(value: Any, kind: str, lang: str) -> str:
    """Return one cell of a table as text.

    Parameters
    ----------
    value : object
        The value; rates, shares and changes of them as fractions.
    kind : str
        What it is: "text" (a name), "count" (of households), "percent" (a rate), "points" (a change
        of a rate; "points_in_words" where the column holds other changes too), "fall" (planned, in
        points), "change" (in households), "relative" (change), "fulfilment" (share of the plan).
    lang : {"en", "vi"}
        The language of the number format.

    Returns
    -------
    str
        As 12.20 %, -3.28, -3.28 points, -6,014, +0.41 %.

    Examples
    --------
    >>> show(-0.0328, "points", "vi"), show(23511, "count", "vi"), show(120, "change", "en")
    ('-3,28', '23.511', '+120')
    """
    if kind == "text":
        return "" if value is None or value != value else str(value)
    if value is None or math.isnan(value):
        return "–"
    if kind == "count":
        return number.count(value, lang)
    if kind == "percent":
        return number.percent(value, 2, lang)
    if kind == "fulfilment":
        return number.percent(value, 0, lang)
    if kind == "points":
        return _signed(in_points(value, lang))
    if kind == "points_in_words":
        return _signed(number.points(value, 2, lang))
    if kind == "fall":
        return in_points(value, lang)
    if kind == "change":
        return _signed(number.count(value, lang))
    if kind == "relative":
        return _signed(number.percent(value, 2, lang))
    raise unknown_option("kind", kind, KINDS)


def _signed(shown: str) -> str:
    has_value = any(digit in shown for digit in "123456789")
    return f"+{shown}" if has_value and not shown.startswith(("-", "\N{MINUS SIGN}")) else shown


def _width(text: str) -> int:
    """Return the places a text takes on a screen: accents that stand alone take none."""
    return sum(1 for letter in text if not unicodedata.combining(letter))


def plain_table(table: Table, lang: str, *, columns: Sequence[str] | None = None) -> str:
    """Return a table as aligned text.

    Parameters
    ----------
    table : Table
        The table, see `povertycore.present.report.Table`.
    lang : {"en", "vi"}
        The language of the numbers.
    columns : sequence of str, optional
        The columns to show; all if not said.

    Returns
    -------
    str
        Headings (a long one in several lines), a rule, and one line per row; numbers to the right.
    """
    names = list(table.frame.columns) if columns is None else list(columns)
    kinds = [table.kinds[name] for name in names]
    cells = [
        [
            show(value, cell_kind(kind, table.row_kinds, row), lang)
            for value, kind in zip(values, kinds, strict=True)
        ]
        for row, values in enumerate(table.frame[names].itertuples(index=False))
    ]
    headings = [table.labels[name] for name in names]
    widths = [
        max(
            [_width(line[place]) for line in cells]
            + [_width(part) for part in headings[place].split()]
            + [min(_width(headings[place]), HEADING_WIDTH)]
        )
        for place in range(len(names))
    ]
    lines = [
        [part[row] if row < len(part) else "" for part in _wrapped(headings, widths)]
        for row in range(max(len(part) for part in _wrapped(headings, widths)))
    ]
    rows = [_line(line, widths, kinds) for line in [*lines, *cells]]
    top = _group_line([table.groups.get(name, "") for name in names], widths)
    rule = "-" * (sum(widths) + len(GAP) * (len(widths) - 1))
    return "\n".join([*([top] if top else []), *rows[: len(lines)], rule, *rows[len(lines) :]])


def _wrapped(headings: Sequence[str], widths: Sequence[int]) -> list[list[str]]:
    return [
        textwrap.wrap(heading, width, break_long_words=False) or [""]
        for heading, width in zip(headings, widths, strict=True)
    ]


def _line(cells: Sequence[str], widths: Sequence[int], kinds: Sequence[str]) -> str:
    padded = [
        text + " " * (width - _width(text))
        if kind == "text"
        else " " * (width - _width(text)) + text
        for text, width, kind in zip(cells, widths, kinds, strict=True)
    ]
    return GAP.join(padded).rstrip()


def _group_line(groups: Sequence[str], widths: Sequence[int]) -> str:
    """Return the line above the headings: each group's name over the middle of its columns."""
    parts, place = [], 0
    while place < len(groups):
        stop = place + 1
        while stop < len(groups) and groups[stop] == groups[place]:
            stop += 1
        width = sum(widths[place:stop]) + len(GAP) * (stop - place - 1)
        name = groups[place]
        parts.append(f" {name} ".center(width, "-") if name else " " * width)
        place = stop
    return GAP.join(parts).rstrip()


def cell_kind(kind: str, row_kinds: Sequence[tuple[str, str]] | None, row: int) -> str:
    """Return what a cell holds; in a table of figures each row has its own kind."""
    if row_kinds is None or kind not in ("row", "row_change"):
        return kind
    return row_kinds[row][0 if kind == "row" else 1]


# ---- the paragraph ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Figures:
    """The figures of one year; rates and shares are fractions, NaN where not known."""

    year: object
    households: float
    poor: float
    poor_rate: float
    near_poor: float
    near_poor_rate: float
    poor_or_near: float
    poor_or_near_rate: float
    minority_poor: float = math.nan
    minority_share: float = math.nan
    minority_rate: float = math.nan


@dataclass(frozen=True)
class Place:
    """A place and the change of its poverty rate, as a fraction: negative is a fall."""

    name: str
    difference: float


@dataclass(frozen=True)
class Facts:
    """All that the paragraph says: the figures of a year, and the changes since an earlier one.

    `changes` holds the differences under the names of `Figures`, and `relative` that of the
    poverty rate; both come from `pc.change`. Without `before` no change is told.
    """

    place: str
    now: Figures
    before: Figures | None = None
    changes: dict[str, float] | None = None
    relative: float = math.nan
    plan: float | None = None
    fulfilment: float = math.nan
    n_places: int = 0
    n_backwards: int = 0
    largest: Place | None = None
    smallest: Place | None = None
    synthetic: bool = False


def narrative(facts: Facts, lang: str = "en") -> str:
    """Tell the figures of a report in one paragraph.

    Parameters
    ----------
    facts : Facts
        The figures.
    lang : {"en", "vi"}, optional
        The language: English (12.20%; 23,511) or Vietnamese (12,20%; 23.511).

    Returns
    -------
    str
        The paragraph. Changes of rates are in percentage points; a rise is called a rise.

    Examples
    --------
    >>> now = Figures(2022, 196150, 17497, 17497 / 196150, 0, 0.0, 17497, 17497 / 196150)
    >>> narrative(Facts("Lạng Sơn", now)).split(". ")[0]
    'In 2022 Lạng Sơn had 17,497 poor households, 8.92% of its 196,150 households'
    """
    tell = _Vietnamese() if check_language(lang) == "vi" else _English()
    sentences = [
        tell.poor(facts),
        tell.multidimensional(facts),
        tell.minority(facts),
        tell.uneven(facts),
        tell.synthetic(facts),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _direction(shown: str, value: float) -> int:
    """Return -1, 0 or 1 for a fall, no change or a rise, as it is printed."""
    if not any(digit in shown for digit in "123456789"):
        return 0
    return -1 if value < 0 else 1


def _known(*values: float) -> bool:
    return not any(math.isnan(value) for value in values)


class _English:
    lang = "en"

    def moved(self, value: float) -> str:
        size = _points(value, "en")
        return {-1: f"fell by {size}", 0: "did not change", 1: f"rose by {size}"}[
            _direction(size, value)
        ]

    def poor(self, facts: Facts) -> str:
        now, before = facts.now, facts.before
        text = (
            f"In {now.year} {facts.place} had {number.count(now.poor, 'en')} poor households, "
            f"{_percent(now.poor_rate, 'en')} of its {number.count(now.households, 'en')} "
            "households."
        )
        if before is None or facts.changes is None:
            return text
        text += (
            f" Since {before.year} ({number.count(before.poor, 'en')} poor households, "
            f"{_percent(before.poor_rate, 'en')}) the poverty rate "
            f"{self.moved(facts.changes['poor_rate'])}"
        )
        if _known(facts.relative):
            size = _percent(abs(facts.relative), "en")
            moved = {-1: f"a relative fall of {size}", 0: "no relative change",
                     1: f"a relative rise of {size}"}  # fmt: skip
            text += f" ({moved[_direction(size, facts.relative)]})"
        if facts.plan is not None and _known(facts.fulfilment):
            text += (
                f", {_percent(facts.fulfilment, 'en', 0)} of the plan of "
                f"{_points(facts.plan, 'en', 1)} a year"
            )
        return text + f"; the number of poor households {self.counted(facts.changes['poor'])}."

    def counted(self, value: float) -> str:
        size = f"by {number.count(abs(value), 'en')}"
        return {-1: f"fell {size}", 0: "did not change", 1: f"rose {size}"}[_direction(size, value)]

    def multidimensional(self, facts: Facts) -> str:
        now = facts.now
        text = (
            f"With the {number.count(now.near_poor, 'en')} near-poor households "
            f"({_percent(now.near_poor_rate, 'en')}), {number.count(now.poor_or_near, 'en')} "
            "households were poor or near-poor, a multidimensional poverty rate of "
            f"{_percent(now.poor_or_near_rate, 'en')}"
        )
        if facts.before is not None and facts.changes is not None:
            text += (
                f" ({facts.before.year}: {_percent(facts.before.poor_or_near_rate, 'en')}); "
                f"it {self.moved(facts.changes['poor_or_near_rate'])}"
            )
        return text + "."

    def minority(self, facts: Facts) -> str:
        now, before = facts.now, facts.before
        if not _known(now.minority_share):
            return ""
        text = (
            f"{number.count(now.minority_poor, 'en')} of the poor households were of ethnic "
            f"minorities, {_percent(now.minority_share, 'en')} of the poor"
        )
        if before is not None and _known(before.minority_share):
            text += f" ({before.year}: {_percent(before.minority_share, 'en')})"
        if not _known(now.minority_rate):
            return text + "."
        text += (
            f"; among minority households the poverty rate was {_percent(now.minority_rate, 'en')}"
        )
        change = (facts.changes or {}).get("minority_rate", math.nan)
        if before is not None and _known(change, before.minority_rate):
            text += f", and {self.moved(change)} from {_percent(before.minority_rate, 'en')}"
        return text + "."

    def uneven(self, facts: Facts) -> str:
        if facts.largest is None or facts.smallest is None or facts.n_places < 2:
            return ""
        return (
            f"Between communes the change was uneven: the rate "
            f"{self.moved(facts.largest.difference)} in {facts.largest.name} and "
            f"{self.moved(facts.smallest.difference)} in {facts.smallest.name}; it rose in "
            f"{number.count(facts.n_backwards, 'en')} of "
            f"{number.count(facts.n_places, 'en')} communes."
        )

    def synthetic(self, facts: Facts) -> str:
        return (
            (
                "The register is synthetic: communes and households are invented, the totals of "
                "the poor are the published ones."
            )
            if facts.synthetic
            else ""
        )


class _Vietnamese:
    lang = "vi"

    def moved(self, value: float) -> str:
        size = _points(value, "vi")
        return {-1: f"giảm {size}", 0: "không thay đổi", 1: f"tăng {size}"}[_direction(size, value)]

    def counted(self, value: float) -> str:
        size = f"{number.count(abs(value), 'vi')} hộ"
        return {-1: f"giảm {size}", 0: "không thay đổi", 1: f"tăng {size}"}[_direction(size, value)]

    def poor(self, facts: Facts) -> str:
        now, before = facts.now, facts.before
        text = (
            f"Năm {now.year}, {facts.place} có {number.count(now.poor, 'vi')} hộ nghèo, chiếm "
            f"{_percent(now.poor_rate, 'vi')} trong tổng số "
            f"{number.count(now.households, 'vi')} hộ."
        )
        if before is None or facts.changes is None:
            return text
        text += (
            f" So với năm {before.year} ({number.count(before.poor, 'vi')} hộ nghèo, "
            f"{_percent(before.poor_rate, 'vi')}), tỷ lệ hộ nghèo "
            f"{self.moved(facts.changes['poor_rate'])}"
        )
        if _known(facts.relative):
            size = _percent(abs(facts.relative), "vi")
            moved = {-1: f"giảm tương đối {size}", 0: "không thay đổi tương đối",
                     1: f"tăng tương đối {size}"}  # fmt: skip
            text += f" ({moved[_direction(size, facts.relative)]})"
        if facts.plan is not None and _known(facts.fulfilment):
            text += (
                f", đạt {_percent(facts.fulfilment, 'vi', 0)} kế hoạch giảm "
                f"{_points(facts.plan, 'vi', 1)} mỗi năm"
            )
        return text + f"; số hộ nghèo {self.counted(facts.changes['poor'])}."

    def multidimensional(self, facts: Facts) -> str:
        now = facts.now
        text = (
            f"Số hộ cận nghèo là {number.count(now.near_poor, 'vi')} hộ "
            f"({_percent(now.near_poor_rate, 'vi')}); tổng số hộ nghèo và hộ cận nghèo là "
            f"{number.count(now.poor_or_near, 'vi')} hộ, tỷ lệ nghèo đa chiều "
            f"{_percent(now.poor_or_near_rate, 'vi')}"
        )
        if facts.before is not None and facts.changes is not None:
            text += (
                f", {self.moved(facts.changes['poor_or_near_rate'])} so với năm "
                f"{facts.before.year} ({_percent(facts.before.poor_or_near_rate, 'vi')})"
            )
        return text + "."

    def minority(self, facts: Facts) -> str:
        now, before = facts.now, facts.before
        if not _known(now.minority_share):
            return ""
        text = (
            f"Hộ nghèo dân tộc thiểu số là {number.count(now.minority_poor, 'vi')} hộ, chiếm "
            f"{_percent(now.minority_share, 'vi')} trong tổng số hộ nghèo"
        )
        if before is not None and _known(before.minority_share):
            text += f" (năm {before.year}: {_percent(before.minority_share, 'vi')})"
        if not _known(now.minority_rate):
            return text + "."
        text += (
            f"; tỷ lệ hộ nghèo trong các hộ dân tộc thiểu số là {_percent(now.minority_rate, 'vi')}"
        )
        change = (facts.changes or {}).get("minority_rate", math.nan)
        if before is not None and _known(change, before.minority_rate):
            text += (
                f", {self.moved(change)} so với năm {before.year} "
                f"({_percent(before.minority_rate, 'vi')})"
            )
        return text + "."

    def uneven(self, facts: Facts) -> str:
        if facts.largest is None or facts.smallest is None or facts.n_places < 2:
            return ""
        return (
            f"Mức thay đổi giữa các xã không đồng đều: tỷ lệ hộ nghèo "
            f"{self.moved(facts.largest.difference)} ở {facts.largest.name} và "
            f"{self.moved(facts.smallest.difference)} ở {facts.smallest.name}; "
            f"{number.count(facts.n_backwards, 'vi')} trong tổng số "
            f"{number.count(facts.n_places, 'vi')} xã có tỷ lệ hộ nghèo tăng."
        )

    def synthetic(self, facts: Facts) -> str:
        return (
            (
                "Số liệu của danh sách này là số liệu mô phỏng: xã và hộ được tạo ra, tổng số hộ "
                "nghèo là số đã công bố."
            )
            if facts.synthetic
            else ""
        )
