"""Who is poor in a register: its class column as given, else by its scores, else by its income.

Where a register has a class column and scores too, the class stands, and the households whose
scores say otherwise are counted.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from povertycore.errors import OptionError, StandardError, StandardWarning, listing
from povertycore.quality.columns import (
    VALUES_SHOWN,
    Columns,
    Note,
    flag,
    lookup,
    meaning,
    missing_role,
    numeric,
    thousands,
    value_error,
    words_of,
)
from povertycore.standards.classify import classify
from povertycore.standards.standard import Standard, standard as read_standard

CLASSES = ("poor", "near_poor", "average", "other")
CLASS_WORDS = {
    "poor": "poor",
    "poor household": "poor",
    "hộ nghèo": "poor",
    "nghèo": "poor",
    "near poor": "near_poor",
    "near-poor": "near_poor",
    "near-poor household": "near_poor",
    "hộ cận nghèo": "near_poor",
    "cận nghèo": "near_poor",
    "average": "average",
    "mức sống trung bình": "average",
    "hộ có mức sống trung bình": "average",
    "other": "other",
    "not poor": "other",
    "khác": "other",
    "hộ khác": "other",
    "không nghèo": "other",
    "hộ không nghèo": "other",
}
CLASS_NAMES_VI = {
    "poor": "hộ nghèo",
    "near_poor": "hộ cận nghèo",
    "average": "mức sống trung bình",
    "other": "hộ khác",
}
CLASS_NUMBERS = {str(number): name for number, name in enumerate(CLASSES, start=1)}
SCORED = "vn-2022"  # the standard whose review works with the scores B1 and B2
AREA_WORDS = {
    "rural": "rural",
    "nông thôn": "rural",
    "urban": "urban",
    "thành thị": "urban",
    "đô thị": "urban",
}


@dataclass(frozen=True)
class Standards:
    """The id of the standard of each row, and the standards behind the ids."""

    ids: Any
    years: Any
    given: dict[str, Standard]

    def find(self, name: str) -> Standard:
        """Return a standard by its id: one that was given, else one that comes with the package."""
        return self.given[name] if name in self.given else read_standard(name)

    def names(self) -> dict[str, Note]:
        """Return the names of the standards in use, by id; one known by its id only has none."""
        found = {}
        for name in sorted(set(self.ids)):
            try:
                std = self.find(name)
            except StandardError:
                continue
            found[name] = Note(std.name, std.name_vi)
        return found

    def in_use(self) -> list[Standard]:
        """Return the standards that some row stands under."""
        return [self.find(name) for name in sorted(set(self.ids))]

    def of_year(self, year: int) -> Standard:
        """Return the standard of a year that has rows."""
        return self.find(self.ids[int((self.years == year).argmax())])


def indicators_of(standard: Any) -> tuple[str, ...]:
    """Return the ids of the indicators of a standard, or of those of several years."""
    ids: dict[str, None] = {}
    for std in _given_standards(standard):
        ids.update(dict.fromkeys(std.indicator_ids))
    return tuple(ids)


def _given_standards(standard: Any) -> list[Standard]:
    if standard is None:
        return []
    given = list(standard.values()) if isinstance(standard, Mapping) else [standard]
    return [read_standard(value) for value in given]


def standards_of(table: Columns, years: Any, standard: Any) -> Standards | None:
    """Return the standard of each row, or None where no one says it."""
    years = np.asarray(years)
    given = {std.id: std for std in _given_standards(standard)}
    if standard is None:
        if "standard" not in table:
            return None
        codes, words = words_of(table.column("standard"))
        if (codes < 0).any():
            raise value_error(
                table,
                "standard",
                int((codes < 0).argmax()),
                "is missing",
                "the id of a standard was expected",
            )
        if len(words) > VALUES_SHOWN:  # a column of something else, maybe of names
            raise value_error(
                table,
                "standard",
                0,
                f"is one of {thousands(len(words), 'en')} different values",
                "one standard for each year was expected",
            )
        ids = lookup(codes, words, None)
        first = {int(year): ids[int((years == year).argmax())] for year in np.unique(years)}
        other = ids != np.array([first[int(year)] for year in years], dtype=object)
        if other.any():
            row = int(other.argmax())
            raise value_error(
                table,
                "standard",
                row,
                f"is {ids[row]!r}",
                f"all households of {years[row]} were expected to stand under one "
                f"standard, {first[int(years[row])]!r}; a second review of a year "
                "goes into a file of its own",
            )
    elif isinstance(standard, Mapping):
        by_year = {int(year): read_standard(value).id for year, value in standard.items()}
        absent = [int(year) for year in np.unique(years) if int(year) not in by_year]
        if absent:
            raise OptionError(f"no standard is given for {listing(absent)}")
        ids = np.array([by_year[int(year)] for year in years], dtype=object)
    else:
        ids = np.full(len(years), read_standard(standard).id, dtype=object)
    return Standards(ids, years, given)


def classify_households(
    table: Columns,
    years: Any,
    stated: Standards | None,
    classes: Mapping[str, str] | None,
    areas: Mapping[str, str] | None,
    income_unit: str | None,
) -> tuple[str, Any]:
    """Return where the classes come from, and each household's class (None where missing)."""
    if "class" in table:
        given = _given_class(table, classes)
    elif "poor" in table:
        given = _from_flags(table)
    elif "b1" in table and "b2" in table:
        everyone = np.ones(len(years), dtype=bool)
        return "scores", _by_scores(table, years, _needed(stated), areas, everyone)
    elif "income" in table:
        return "income", _by_income(table, years, _needed(stated), areas, income_unit)
    else:
        raise missing_role(("class", "poor", "b1", "income"), "to tell who is poor", table.names)
    if "b1" in table and "b2" in table:
        _compare_with_scores(table, years, stated, areas, given)
    return ("class" if "class" in table else "poor"), given


def _needed(stated: Standards | None) -> Standards:
    if stated is None:
        raise StandardError(
            "the file has no class column, and the households can be classified "
            "only under a standard; say which, as --standard vn-2022"
        )
    return stated


def _given_class(table: Columns, classes: Mapping[str, str] | None) -> Any:
    codes, words = words_of(table.column("class"))
    if not classes and words and set(words) - {""} <= set(CLASS_NUMBERS):
        table.notes.append(
            Note(
                "The classes 1, 2, 3 and 4 were read as poor, near-poor, average and other; "
                "--class 1=... says otherwise.",
                "Các mã phân loại 1, 2, 3, 4 được hiểu là nghèo, cận nghèo, mức sống trung bình, "
                "khác; có thể khai báo lại bằng --class 1=...",
            )
        )
        return lookup(codes, [CLASS_NUMBERS.get(word) for word in words], None)
    return meaning(table, "class", CLASS_WORDS, classes, "--class", CLASSES)


def _from_flags(table: Columns) -> Any:
    poor = np.asarray(flag(table, "poor"), dtype=np.float64)
    if "near_poor" not in table:
        raise missing_role(("near_poor", "class"), "beside that of poor households", table.names)
    near = np.asarray(flag(table, "near_poor"), dtype=np.float64)
    both = (poor == 1) & (near == 1)
    if both.any():
        raise value_error(
            table,
            "near_poor",
            int(both.argmax()),
            "is yes for a poor household",
            "a household is poor or near-poor, not both",
        )
    unknown = np.isnan(poor) | np.isnan(near)
    result = np.full(len(poor), "other", dtype=object)
    result[near == 1], result[poor == 1], result[unknown] = "near_poor", "poor", None
    return result


def _areas(table: Columns, areas: Mapping[str, str] | None) -> Any:
    if "area" not in table:
        raise missing_role(("area",), "to choose the line, rural or urban", table.names)
    return meaning(table, "area", AREA_WORDS, areas, "--area", ("rural", "urban"))


def _classify(
    table: Columns,
    columns: dict[str, Any],
    years: Any,
    standards: Standards,
    rows: Any,
    **words: Any,
) -> Any:
    """Classify some rows, each under the standard of its year; the others have no class."""
    here = {name: values[rows] for name, values in columns.items()}
    frame = pd.DataFrame({**here, "year": np.asarray(years)[rows]})
    of_year = {int(year): standards.of_year(int(year)) for year in np.unique(frame["year"])}
    result = np.full(len(rows), None, dtype=object)
    if of_year:
        found = _noted(table, lambda: classify(frame, of_year, area="area", time="year", **words))
        result[rows] = np.asarray(found.astype(object).where(found.notna(), None))
    return result


def _by_scores(
    table: Columns, years: Any, standards: Standards, areas: Mapping[str, str] | None, rows: Any
) -> Any:
    columns = {
        "b1": numeric(table, "b1"),
        "b2": numeric(table, "b2"),
        "area": _areas(table, areas),
    }
    return _classify(table, columns, years, standards, rows, b1="b1", b2="b2")


def _by_income(
    table: Columns,
    years: Any,
    standards: Standards,
    areas: Mapping[str, str] | None,
    income_unit: str | None,
) -> Any:
    if income_unit is None:
        raise OptionError(
            "the unit of the income is not given; say --income-unit "
            "'thousand VND/month' (or VND/month, thousand VND/year, VND/year)"
        )
    ids = list(dict.fromkeys(name for std in standards.in_use() for name in std.indicator_ids))
    absent = [name for name in ids if name not in table]
    if absent:
        raise missing_role(absent, "to count deprivations", table.names)
    columns = {"income": numeric(table, "income"), "area": _areas(table, areas)}
    result = np.full(len(years), None, dtype=object)
    for std in standards.in_use():
        rows = np.asarray(standards.ids == std.id)
        flags = {name: flag(table, name) for name in std.indicator_ids}
        counted = {"deprivations": list(flags)} if flags else {}
        result[rows] = _classify(
            table,
            {**columns, **flags},
            years,
            standards,
            rows,
            income="income",
            income_unit=income_unit,
            **counted,
        )[rows]
    return result


def _noted(table: Columns, work: Callable[[], Any]) -> Any:
    """Do the work; what a standard warns about becomes a note of the report."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = work()
    for warning in caught:
        if issubclass(warning.category, StandardWarning):
            table.notes.append(Note(str(warning.message), str(warning.message)))
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    return result


def _compare_with_scores(
    table: Columns,
    years: Any,
    standards: Standards | None,
    areas: Mapping[str, str] | None,
    given: Any,
) -> None:
    """Count the households whose class is another one than their scores say."""
    if standards is None:
        standards = _scored(table, years)
    if standards is None or "area" not in table:
        lacks = (
            ("the standard is not stated", "không nêu chuẩn nghèo")
            if standards is None
            else ("there is no area column", "không có cột khu vực")
        )
        table.notes.append(
            Note(
                f"The given classes were not compared with the scores: {lacks[0]}.",
                f"Phân loại trong danh sách không được đối chiếu với điểm B1, B2: {lacks[1]}.",
            )
        )
        return
    with_lines = [std.id for std in standards.in_use() if std.score_lines]
    rows = np.isin(standards.ids, with_lines)
    if not rows.any():
        table.notes.append(
            Note(
                "The given classes were not compared with the scores: the standard has no score "
                "lines.",
                "Phân loại trong danh sách không được đối chiếu với điểm B1, B2: chuẩn nghèo không "
                "có ngưỡng điểm.",
            )
        )
        return
    if not rows.all():
        table.notes.append(
            Note(
                "The given classes were compared with the scores only where the standard has score "
                f"lines: {', '.join(with_lines)}.",
                "Phân loại chỉ được đối chiếu với điểm B1, B2 ở chuẩn nghèo có ngưỡng điểm: "
                f"{', '.join(with_lines)}.",
            )
        )
    by_scores = _by_scores(table, years, standards, areas, rows)
    compared = ~(pd.isna(by_scores) | pd.isna(given))
    # `average` is told by income only; by scores such a household is one of the others.
    mine = np.where(given == "average", "other", given)
    differs = compared & (mine != by_scores)
    table.notes.append(
        Note(
            *(_told_differences(mine, by_scores, compared, differs, lang) for lang in ("en", "vi"))
        )
    )


def _scored(table: Columns, years: Any) -> Standards | None:
    """Return the standard of the scores B1 and B2, where every year lies in its time."""
    std = read_standard(SCORED)
    years = np.asarray(years)
    if not all(std.holds_in(int(year)) for year in np.unique(years)):
        return None
    table.notes.append(
        Note(
            f"The standard is not stated; the scores were read under {SCORED}, which has B1 and B2 "
            "in these years.",
            f"Danh sách không nêu chuẩn nghèo; điểm B1, B2 được tính theo {SCORED}, chuẩn có các "
            "điểm này trong những năm đó.",
        )
    )
    return Standards(np.full(len(years), SCORED, dtype=object), years, {SCORED: std})


def _told_differences(given: Any, by_scores: Any, compared: Any, differs: Any, lang: str) -> str:
    n, n_other = (thousands(int(rows.sum()), lang) for rows in (compared, differs))
    if lang == "en":
        text = (
            f"Classes are taken as given. Of {n} households with scores, {n_other} have "
            "another class than b1 and b2 say"
        )
    else:
        text = (
            f"Phân loại lấy theo danh sách. Trong {n} hộ có điểm, {n_other} hộ có phân loại "
            "khác với kết quả tính theo B1 và B2"
        )
    if differs.any():
        words = "{0} given, {1} by scores" if lang == "en" else "{0} theo danh sách, {1} theo điểm"
        names = CLASS_NAMES_VI if lang == "vi" else {}
        pairs = pd.Series(
            [
                words.format(*(names.get(name, name) for name in pair))
                for pair in zip(given[differs], by_scores[differs], strict=True)
            ]
        ).value_counts()
        text += ": " + "; ".join(
            f"{thousands(count, lang)} {pair}" for pair, count in pairs.items()
        )
    return text + "."
