"""A household register, ready to be counted: columns found, values read, households checked.

Nothing is guessed silently: every reading that someone could have meant otherwise is written into
the notes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from povertycore.errors import MissingValueError
from povertycore.quality.classes import (
    Standards,
    classify_households,
    indicators_of,
    standards_of,
)
from povertycore.quality.columns import (
    ROLES,
    Columns,
    Note,
    check_numbers,
    choose,
    distinct,
    first_row,
    flag,
    missing_role,
    numeric,
    plain,
    thousands,
    told_roles,
    value_error,
    words_of,
)

__all__ = ["Register", "population_table", "register"]

POPULATION_ROLES = (
    "year",
    "district_code",
    "district",
    "commune_code",
    "commune",
    "population",
    "minority_population",
)
PLACES = ("district_code", "district", "commune_code", "commune")
OFFICIAL_DIGITS = {"district_code": 3, "commune_code": 5}
DECIMAL = re.compile(r"\d+[.,]\d+")
MAJORITY = "kinh"
# More places than a province has, with fewer households in each than any list of them has: such a
# column holds ids, names or incomes, and is not printed.
MANY_PLACES, FEW_HOUSEHOLDS = 1000, 20


@dataclass(frozen=True)
class Register:
    """A register under one set of names, checked.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row per household and year: `year` (int), the place columns there are, `poor`,
        `near_poor` and `poor_or_near` (bool, or float with NaN where the class is missing), and
        where known `ethnic_minority` and `standard`.
    places : tuple of str
        Those of district_code, district, commune_code and commune that the register has.
    source : str
        Where the classes come from: "class", "poor", "scores" or "income".
    notes : tuple of Note
        What was read how, and what could not be checked.
    standards : dict of str to Note
        The names of the standards stated, by their ids.
    """

    frame: Any
    places: tuple[str, ...]
    source: str
    notes: tuple[Note, ...] = ()
    standards: dict[str, Note] = field(default_factory=dict)

    @property
    def years(self) -> tuple[int, ...]:
        """The years of the register, in order."""
        return tuple(int(year) for year in np.unique(self.frame["year"]))


def register(
    data: Any,
    *,
    columns: Mapping[str, str] | None = None,
    year: int | None = None,
    standard: Any = None,
    classes: Mapping[str, str] | None = None,
    areas: Mapping[str, str] | None = None,
    digits: Mapping[str, int] | None = None,
    numbers: str | None = None,
    income_unit: str | None = None,
    headings: Sequence[str] | None = None,
) -> Register:
    """Read a household register into one set of names, and check it.

    Parameters
    ----------
    data : pandas.DataFrame
        One row per household and year.
    columns : mapping of str to str, optional
        Role to heading; see `ROLES` and `VIETNAMESE` for the headings that need no naming.
        Indicators are roles under their ids in the standard.
    year : int, optional
        The year of the whole table, where it has no such column.
    standard : str, Standard or mapping of int to either, optional
        The poverty standard, or that of each year. The column `standard` where not given.
        Needed to classify, and to compare given classes with scores.
    classes : mapping of str to str, optional
        What a value of the class column means, where it is not written as usual: to "poor",
        "near_poor", "average" or "other".
    areas : mapping of str to str, optional
        The same for `area`, to "rural" or "urban".
    digits : mapping of str to int, optional
        Code column to its number of digits: zeros lost in front are put back. 0 says that the
        codes are the user's own and of any length.
    numbers : {"en", "vi"}, optional
        How numbers kept as text are written: 1,234.5 or 1.234,5. Where not said, text is read only
        if it can be meant in one way.
    income_unit : str, optional
        Unit of `income`, as `classify` takes it; needed to classify by income.
    headings : sequence of str, optional
        All headings of the file, where `data` holds only the columns used: for messages.

    Returns
    -------
    Register
        The checked register. A class column is taken as given; else poor and near_poor; else the
        scores b1 and b2, else income and indicators are classified.

    Raises
    ------
    ColumnNotFoundError
        A column that is needed is not there; the message lists names that come close.
    ValueRangeError, DTypeError, MissingValueError, OptionError, StandardError
        A value cannot be read as its column's role demands, codes have lost their leading zeros,
        or a household stands twice in a year.

    Examples
    --------
    >>> table = pd.DataFrame({"year": [2022, 2022], "commune": ["A", "B"],
    ...                       "status": ["hộ nghèo", "hộ khác"]})
    >>> register(table).frame["poor"].tolist()
    [True, False]
    """
    check_numbers(numbers)
    data = _as_pandas(data)
    names = [str(name) for name in data.columns]
    roles = choose(names, columns, more=indicators_of(standard))
    taken = told_roles(roles, columns)
    table = Columns(data, roles, list(headings or names), numbers, [taken] if taken else [])
    frame = pd.DataFrame({"year": _years(table, year)})
    for place in PLACES:
        if place in roles:
            frame[place] = _place(table, place, digits or {})
            _check_place(table, place, frame[place].cat.categories)
    places = tuple(place for place in PLACES if place in roles)
    if not places:
        raise missing_role(("commune", "district"), "to count by place", table.names)
    _check_households(table, frame["year"])
    stated = standards_of(table, frame["year"], standard)
    source, classified = classify_households(
        table, frame["year"], stated, classes, areas, income_unit
    )
    _add_classes(frame, classified, table.notes)
    _add_minority(table, frame)
    if stated is not None:
        frame["standard"] = pd.Categorical(stated.ids)
        _check_validity(stated, table.notes)
    standards = {} if stated is None else stated.names()
    return Register(frame, places, source, tuple(table.notes), standards)


def _check_validity(stated: Standards, notes: list[Note]) -> None:
    """Note the years in which their standard does not hold."""
    known = stated.names()
    for year in np.unique(stated.years):
        name = str(stated.ids[int((stated.years == year).argmax())])
        if name in known and not stated.find(name).holds_in(int(year)):
            notes.append(
                Note(
                    f"The standard {name} does not hold in {year}.",
                    f"Chuẩn nghèo {name} không áp dụng cho năm {year}.",
                )
            )


def _as_pandas(data: Any) -> Any:
    if isinstance(data, pd.DataFrame):
        return data.reset_index(drop=True)
    if isinstance(data, Mapping):
        return pd.DataFrame(dict(data))
    import narwhals.stable.v2 as nw

    frame = nw.from_native(data)
    frame = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    return frame.to_pandas()


def _years(table: Columns, year: int | None) -> Any:
    if "year" not in table:
        if year is None:
            raise missing_role(("year",), "to tell the years apart", table.names)
        return np.full(len(table.data), int(year), dtype=np.int64)
    values = numeric(table, "year")
    wrong = ~((values == np.floor(values)) & (values >= 1900) & (values <= 2200))
    if wrong.any():
        row = int(wrong.argmax())
        what = "is missing" if np.isnan(values[row]) else "is not a year"
        raise value_error(table, "year", row, what, "whole years as 2022 were expected")
    years = values.astype(np.int64)
    if year is not None and (years != year).any():
        row = int((years != year).argmax())
        raise value_error(
            table, "year", row, f"is {years[row]}", f"the file was given as that of {year}"
        )
    return years


def _place(table: Columns, role: str, digits: Mapping[str, int]) -> Any:
    """Return a code or name as categorical text; a column of the user's own order keeps it."""
    column = table.column(role)
    codes, words = words_of(column)
    if (codes < 0).any():
        row = int((codes < 0).argmax())
        error = MissingValueError(
            f"{role}[{row}] is missing (column {table.heading(role)!r}); "
            "every household belongs to a place"
        )
        error.argument, error.column, error.row = role, table.heading(role), row
        raise error
    is_code = role.endswith("_code") or all(word.isdigit() for word in words)
    if is_code:
        words = _with_zeros(table, role, codes, words, digits)
    if isinstance(column.dtype, pd.CategoricalDtype):
        word_of = dict(zip(distinct(column)[1], words, strict=True))
        order = list(
            dict.fromkeys(word_of[value] for value in column.cat.categories if value in word_of)
        )
    else:
        order = sorted(set(words))
    ranks = {word: rank for rank, word in enumerate(order)}
    return pd.Categorical.from_codes(
        np.array([ranks[word] for word in words])[codes], categories=order
    )


def _check_place(table: Columns, role: str, places: Sequence[str]) -> None:
    n, rows = len(places), len(table.data)
    if n > MANY_PLACES and rows < n * FEW_HOUSEHOLDS:
        raise value_error(
            table,
            role,
            0,
            f"is one of {thousands(n, 'en')} different values in {thousands(rows, 'en')} rows",
            "such a column tells households apart, not places",
        )


def _with_zeros(
    table: Columns, role: str, codes: Any, words: list[str], digits: Mapping[str, int]
) -> list[str]:
    role_of_code = role if role.endswith("_code") else f"{role}_code"
    asked = digits.get(role, digits.get(role_of_code))
    if asked is not None:
        return [word.zfill(asked) for word in words]
    broken = [DECIMAL.fullmatch(word) is not None for word in words]
    if any(broken):
        raise value_error(
            table,
            role,
            first_row(codes, broken),
            "has a decimal point",
            f"codes of {OFFICIAL_DIGITS[role_of_code]} digits were expected, kept as text "
            f"(--digits {role}=0 if the codes are your own)",
        )
    expected = OFFICIAL_DIGITS[role_of_code]
    short = [word.isdigit() and len(word) < expected for word in words]
    if any(short):
        row = first_row(codes, short)
        raise value_error(
            table,
            role,
            row,
            f"has {len(words[codes[row]])} digits",
            f"such codes have {expected}, so their leading zeros were lost (a spreadsheet does "
            f"this); keep the column as text, or put the zeros back with --digits "
            f"{role}={expected} (--digits {role}=0 if the codes are your own)",
        )
    return words


def _check_households(table: Columns, years: Any) -> None:
    if "id" not in table:
        table.notes.append(
            Note(
                "There is no household id, so that households entered twice in a year could not be "
                "looked for.",
                "Không có mã hộ nên không kiểm tra được hộ bị nhập trùng trong năm.",
            )
        )
        return
    codes, _ = distinct(table.column("id"))
    if (codes < 0).any():
        row = int((codes < 0).argmax())
        raise value_error(table, "id", row, "is missing", "every household has an id")
    twice = pd.DataFrame({"year": years, "id": codes}).duplicated()
    if twice.any():
        row = int(twice.to_numpy().argmax())
        same = (codes == codes[row]) & (years.to_numpy() == years[row])
        raise value_error(
            table,
            "id",
            row,
            f"occurs twice in {int(years[row])}, first in row "
            f"{int(same.argmax())} ({int(twice.sum())} such rows in all)",
            "a register has each household once a year; if these ids are told apart only with the "
            "commune, leave them out with --column id=",
        )


def _add_classes(frame: Any, classified: Any, notes: list[Note]) -> None:
    missing = pd.isna(classified)
    if missing.any():
        n = int(missing.sum())
        notes.append(
            Note(
                f"Households without a class: {thousands(n, 'en')}; rates are of the others.",
                f"{thousands(n, 'vi')} hộ không có phân loại; tỷ lệ tính trên các hộ còn lại.",
            )
        )
    for name, members in (
        ("poor", ("poor",)),
        ("near_poor", ("near_poor",)),
        ("poor_or_near", ("poor", "near_poor")),
    ):
        inside = np.isin(classified, members)
        frame[name] = np.where(missing, np.nan, inside) if missing.any() else inside


def _add_minority(table: Columns, frame: Any) -> None:
    if "ethnic_minority" in table:
        values = flag(table, "ethnic_minority")
        heading = table.heading("ethnic_minority")
    elif "ethnicity" in table:
        heading = table.heading("ethnicity")
        codes, words = words_of(table.column("ethnicity"))
        if all(word.isdigit() for word in words):
            table.notes.append(
                Note(
                    f"{heading!r} holds numbers; who is of a minority was not read from it.",
                    f"Cột {heading!r} là số nên không xác định được hộ dân tộc thiểu số.",
                )
            )
            return
        minority = [float(word.casefold() != MAJORITY) for word in words]
        values = np.array([*minority, np.nan])[codes]
        values = values == 1 if not np.isnan(values).any() else values
        table.notes.append(
            Note(
                f"Ethnic minority households are those not Kinh in {heading!r}.",
                f"Hộ dân tộc thiểu số là hộ không phải dân tộc Kinh ở cột {heading!r}.",
            )
        )
    else:
        table.notes.append(
            Note(
                "There is no column of ethnic minority households; their figures are left out.",
                "Không có cột hộ dân tộc thiểu số nên không có số liệu này.",
            )
        )
        return
    if np.asarray(values).dtype != bool:
        n = int(np.isnan(values).sum())
        table.notes.append(
            Note(
                f"Households without {heading!r}: {thousands(n, 'en')}; minority figures are of "
                "the others.",
                f"{thousands(n, 'vi')} hộ không có {heading!r}; số liệu dân tộc thiểu số tính trên "
                "các hộ còn lại.",
            )
        )
    frame["ethnic_minority"] = values


def population_table(
    data: Any,
    *,
    columns: Mapping[str, str] | None = None,
    years: Sequence[int] = (),
    digits: Mapping[str, int] | None = None,
    numbers: str | None = None,
) -> Any:
    """Read the numbers of all households by place, for a file that lists only reviewed ones.

    Parameters
    ----------
    data : pandas.DataFrame
        One row per place and year: place columns as in the register, `population`, optionally
        `minority_population`; without `year` the numbers hold for the one year of the register.
    columns : mapping of str to str, optional
        Role to heading.
    years : sequence of int, optional
        The years of the register.
    digits : mapping of str to int, optional
        As in `register`.
    numbers : {"en", "vi"}, optional
        As in `register`.

    Returns
    -------
    pandas.DataFrame
        `year`, the place columns there are, `population`, `minority_population` if there is one.

    Examples
    --------
    >>> table = pd.DataFrame({"commune": ["A", "B"], "population": [100, 300]})
    >>> population_table(table, years=[2022])["population"].tolist()
    [100.0, 300.0]
    """
    data = _as_pandas(data)
    names = [str(name) for name in data.columns]
    own = [plain(name) for name in names]
    named = {
        role: name
        for role, name in (columns or {}).items()
        if role in POPULATION_ROLES and (role not in ROLES or plain(name) in own)
    }
    roles = choose(names, named, more=POPULATION_ROLES[-2:])
    table = Columns(data, roles, names, numbers, [])
    if "population" not in table:
        raise missing_role(("population",), "in the table of all households", names)
    only = years[0] if len(years) == 1 else None
    frame = pd.DataFrame({"year": _years(table, only if "year" not in table else None)})
    for place in PLACES:
        if place in table:
            frame[place] = _place(table, place, digits or {})
    for role in POPULATION_ROLES[-2:]:
        if role in table:
            frame[role] = numeric(table, role)
            wrong = ~(frame[role] >= 0).to_numpy()
            if wrong.any():
                raise value_error(
                    table,
                    role,
                    int(wrong.argmax()),
                    "is negative or missing",
                    "numbers of households were expected",
                )
    return frame
