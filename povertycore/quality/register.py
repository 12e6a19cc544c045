"""A household register, ready to be counted: which column is what, read and checked.

Registers differ in their headings and in how they write a class or a yes. Here each column gets
its role, every value is turned into what the role holds, and what cannot be turned is an error
that names column and row. Nothing is guessed silently: every reading that someone could have
meant otherwise is written into the notes.
"""

from __future__ import annotations

import difflib
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from povertycore.errors import (
    ColumnNotFoundError,
    DTypeError,
    MissingValueError,
    OptionError,
    StandardError,
    StandardWarning,
    ValueRangeError,
    listing,
    unknown_option,
)
from povertycore.standards.classify import classify
from povertycore.standards.standard import Standard, standard as read_standard

__all__ = ["CLASSES", "ROLES", "Note", "Register", "choose", "population_table", "register"]

# role: the headings under which it is found unless the caller names another
ROLES: dict[str, tuple[str, ...]] = {
    "year": ("year",),
    "id": ("hhid", "id"),
    "district_code": ("district_code",),
    "district": ("district",),
    "commune_code": ("commune_code",),
    "commune": ("commune",),
    "area": ("area",),
    "class": ("status", "class"),
    "poor": ("poor",),
    "near_poor": ("near_poor",),
    "b1": ("b1",),
    "b2": ("b2",),
    "income": ("income",),
    "ethnic_minority": ("ethnic_minority",),
    "ethnicity": ("ethnicity",),
    "standard": ("standard",),
}
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
CLASSES = ("poor", "near_poor", "average", "other")
OFFICIAL_DIGITS = {"district_code": 3, "commune_code": 5}

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
AREA_WORDS = {
    "rural": "rural",
    "nông thôn": "rural",
    "urban": "urban",
    "thành thị": "urban",
    "đô thị": "urban",
}
YES = {"1", "true", "yes", "y", "có", "x"}
NO = {"0", "false", "no", "n", "không"}
MAJORITY = "kinh"


class Note(NamedTuple):
    """One thing that a reader of the figures should know, in English and in Vietnamese."""

    en: str
    vi: str


def _number(count: int, lang: str) -> str:
    return f"{count:,}" if lang == "en" else f"{count:,}".replace(",", ".")


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
    """

    frame: Any
    places: tuple[str, ...]
    source: str
    notes: tuple[Note, ...] = ()

    @property
    def years(self) -> tuple[int, ...]:
        """The years of the register, in order."""
        return tuple(int(year) for year in np.unique(self.frame["year"]))


def choose(
    names: Sequence[str], columns: Mapping[str, str] | None = None, more: Iterable[str] = ()
) -> dict[str, str]:
    """Return the heading that plays each role, of those that a table has.

    Parameters
    ----------
    names : sequence of str
        The headings of the table.
    columns : mapping of str to str, optional
        Role to heading, for headings that are named otherwise; an empty heading says that the
        table's column of that name is not to be used.
    more : iterable of str, optional
        Further roles, as the indicators of a standard or `population`, found under their own name.

    Returns
    -------
    dict
        Role to heading, for the roles the table fills.

    Examples
    --------
    >>> choose(["year", "Xã", "status"], {"commune": "Xã"})
    {'year': 'year', 'commune': 'Xã', 'class': 'status'}
    """
    headings = {_plain(name): name for name in names}
    defaults = {**ROLES, **{name: (name,) for name in more}}
    asked = dict(columns or {})
    for role in asked:
        if role not in defaults:
            raise unknown_option("the role of a column", role, defaults)
    chosen = {}
    for role, usual in defaults.items():
        if role in asked:
            if not asked[role]:
                continue
            if _plain(asked[role]) not in headings:
                raise _not_found(asked[role], role, names)
            chosen[role] = headings[_plain(asked[role])]
        else:
            found = [headings[name] for name in usual if name in headings]
            chosen.update({role: found[0]} if found else {})
    return chosen


def _plain(name: object) -> str:
    return unicodedata.normalize("NFC", str(name)).strip()


def _bare(name: object) -> str:
    """Return a heading in small letters without accents, to find what comes close."""
    parts = unicodedata.normalize("NFD", str(name).casefold().replace("đ", "d"))
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def _not_found(name: str, role: str, names: Sequence[str]) -> ColumnNotFoundError:
    bare: dict[str, str] = {_bare(heading): str(heading) for heading in reversed(names)}
    close = difflib.get_close_matches(_bare(name), list(bare), n=3, cutoff=0.6)
    hint = (
        f"did you mean {listing([bare[match] for match in close], last=' or ')}?"
        if close
        else f"there are {listing(list(names))}"
    )
    error = ColumnNotFoundError(f"there is no column {name!r} for {role}; {hint}")
    error.column = name
    return error


def register(
    data: Any,
    *,
    columns: Mapping[str, str] | None = None,
    year: int | None = None,
    standard: Any = None,
    classes: Mapping[str, str] | None = None,
    areas: Mapping[str, str] | None = None,
    digits: Mapping[str, int] | None = None,
    numbers: str = "en",
    income_unit: str | None = None,
    headings: Sequence[str] | None = None,
) -> Register:
    """Read a household register into one set of names, and check it.

    Parameters
    ----------
    data : pandas.DataFrame
        One row per household and year.
    columns : mapping of str to str, optional
        Role to heading; see `ROLES` for the headings that need no naming. Indicators are roles
        under their ids in the standard.
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
        How numbers kept as text are written: 1,234.5 or 1.234,5.
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
    if numbers not in ("en", "vi"):
        raise unknown_option("numbers", numbers, ("en", "vi"))
    data = _as_pandas(data)
    names = [str(name) for name in data.columns]
    roles = choose(names, columns, more=_indicators(standard))
    table = _Table(data, roles, list(headings or names), numbers, [])
    frame = pd.DataFrame({"year": _years(table, year)})
    for place in PLACES:
        if place in roles:
            frame[place] = _place(table, place, digits or {})
    places = tuple(place for place in PLACES if place in roles)
    if not places:
        raise _missing_role(("commune", "district"), "to count by place", table.names)
    _check_households(table, frame["year"])
    stated = _standards(table, frame["year"], standard)
    source, classified = _classified(table, frame["year"], stated, classes, areas, income_unit)
    _add_classes(frame, classified, table.notes)
    _add_minority(table, frame)
    if stated is not None:
        frame["standard"] = pd.Categorical(stated.ids)
    return Register(frame, places, source, tuple(table.notes))


def _as_pandas(data: Any) -> Any:
    if isinstance(data, pd.DataFrame):
        return data.reset_index(drop=True)
    if isinstance(data, Mapping):
        return pd.DataFrame(dict(data))
    import narwhals.stable.v2 as nw

    frame = nw.from_native(data)
    frame = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    return frame.to_pandas()


@dataclass(frozen=True)
class _Table:
    """The table as it came, with the heading of each role."""

    data: Any
    roles: dict[str, str]
    names: list[str]
    numbers: str
    notes: list[Note]

    def __contains__(self, role: str) -> bool:
        return role in self.roles

    def column(self, role: str) -> Any:
        return self.data[self.roles[role]]

    def heading(self, role: str) -> str:
        return self.roles[role]


def _missing_role(roles: Sequence[str], purpose: str, names: Sequence[str]) -> ColumnNotFoundError:
    """Return the error for roles of which one is needed, with headings that come close to any."""
    usual = [heading for role in roles for heading in ROLES.get(role, (role,))]
    bare = {_bare(heading): heading for heading in reversed(list(names))}
    close = [
        bare[match]
        for heading in usual
        for match in difflib.get_close_matches(_bare(heading), list(bare), n=2, cutoff=0.6)
    ]
    shown = (
        f"close to it: {listing(dict.fromkeys(close))}"
        if close
        else f"the columns are {listing(list(names))}"
    )
    error = ColumnNotFoundError(
        f"there is no column {listing(dict.fromkeys(usual), last=' or ')} {purpose}; {shown}; "
        f"name yours with --column {roles[0]}=NAME"
    )
    error.column = roles[0]
    return error


# ---- values ---------------------------------------------------------------------------------


def _distinct(column: Any) -> tuple[Any, list[Any]]:
    """Return codes (-1 missing) and distinct values: what costs is done once per value."""
    codes, values = pd.factorize(column)
    return np.asarray(codes), list(values)


def _first_row(codes: Any, wrong: Sequence[bool]) -> int:
    bad = np.append(np.asarray(wrong, dtype=bool), False)[codes]
    return int(bad.argmax())


def _words(column: Any) -> tuple[Any, list[str]]:
    """Return codes and the distinct values as plain text; 1.0 reads as 1, blank as missing."""
    codes, values = _distinct(column)
    words = [_word(value) for value in values]
    blank = np.append(np.array([word == "" for word in words], dtype=bool), True)[codes]
    return np.where(blank, -1, codes), words


def _word(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "1" if value else "0"
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return _plain(value)


def _lookup(codes: Any, values: Sequence[Any], missing: Any) -> Any:
    return pd.array([*values, missing], dtype=object)[codes]


def _numeric(table: _Table, role: str) -> Any:
    """Return the column as float64 with NaN; text is read only where it is plainly a number."""
    column = table.column(role)
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    codes, words = _words(column)
    read, wrong = [], []
    for word in words:
        number = _as_number(word, table.numbers)
        read.append(np.nan if number is None else number)
        wrong.append(number is None and word not in ("", "."))
    if any(wrong):
        row = _first_row(codes, wrong)
        raise _not_a_number(table, role, row, words[codes[row]])
    return np.array([*read, np.nan])[codes]


def _as_number(word: str, numbers: str) -> float | None:
    if numbers == "vi":
        word = word.replace(".", "").replace(",", ".")
    try:
        number = float(word)
    except ValueError:
        return None
    # Python also reads 1_000 and "infinity"; a register writes neither.
    return number if np.isfinite(number) and "_" not in word else None


def _not_a_number(table: _Table, role: str, row: int, word: str) -> DTypeError:
    place = f"{role}[{row}] is text (column {table.heading(role)!r})"
    if _as_number(word, "vi") is not None:
        error = DTypeError(
            f"{place} that is a number only in the Vietnamese way of writing, like "
            "'1.234,5'; numbers were expected; say --numbers vi"
        )
    elif _as_number(word.replace(",", ""), "en") is not None:
        error = DTypeError(
            f"{place} with separators, like '1,234.5'; "
            "numbers were expected; store the column as numbers"
        )
    else:
        error = DTypeError(f"{place}; a number was expected")
    error.argument, error.column, error.row = role, table.heading(role), row
    return error


def _flag(table: _Table, role: str) -> Any:
    """Return yes and no as bool, or as float with NaN where some are missing."""
    codes, words = _words(table.column(role))
    lower = [word.casefold() for word in words]
    if set(lower) - {""} == {"x"}:  # a form that is ticked: what is not ticked is a no
        return codes >= 0
    wrong = [word not in YES and word not in NO and word != "" for word in lower]
    if any(wrong):
        row = _first_row(codes, wrong)
        raise _value_error(
            table,
            role,
            row,
            "is neither yes nor no",
            "1 or 0, true or false, yes or no, có or không were expected",
        )
    values = np.array([*(1.0 if word in YES else 0.0 for word in lower), np.nan])[codes]
    return values == 1 if not np.isnan(values).any() else values


def _value_error(table: _Table, role: str, row: int, what: str, expected: str) -> ValueRangeError:
    error = ValueRangeError(f"{role}[{row}] {what} (column {table.heading(role)!r}); {expected}")
    error.argument, error.column, error.row = role, table.heading(role), row
    return error


def _meaning(
    table: _Table,
    role: str,
    usual: Mapping[str, str],
    own: Mapping[str, str] | None,
    option: str,
    targets: Sequence[str],
) -> Any:
    """Return the values of a column in our words, by the user's own list and then the usual one."""
    own = {_plain(key).casefold(): value for key, value in (own or {}).items()}
    for value in own.values():
        if value not in targets:
            raise unknown_option(f"the meaning of a value of {role}", value, targets)
    codes, words = _words(table.column(role))
    lower = [" ".join(word.casefold().replace("_", " ").split()) for word in words]
    found = [
        own.get(word.casefold(), usual.get(plain)) for word, plain in zip(words, lower, strict=True)
    ]
    wrong = [value is None and word != "" for value, word in zip(found, words, strict=True)]
    if any(wrong):
        row = _first_row(codes, wrong)
        raise _value_error(
            table,
            role,
            row,
            f"is {words[codes[row]]!r}, whose meaning is not known",
            f"say what it means with {option} {words[codes[row]]!r}={targets[0]} (or "
            f"{', '.join(targets[1:])})",
        )
    return _lookup(codes, found, None)


# ---- roles ----------------------------------------------------------------------------------


def _years(table: _Table, year: int | None) -> Any:
    if "year" not in table:
        if year is None:
            raise _missing_role(("year",), "to tell the years apart", table.names)
        return np.full(len(table.data), int(year), dtype=np.int64)
    values = _numeric(table, "year")
    wrong = ~((values == np.floor(values)) & (values >= 1900) & (values <= 2200))
    if wrong.any():
        row = int(wrong.argmax())
        what = "is missing" if np.isnan(values[row]) else "is not a year"
        raise _value_error(table, "year", row, what, "whole years as 2022 were expected")
    years = values.astype(np.int64)
    if year is not None and (years != year).any():
        row = int((years != year).argmax())
        raise _value_error(
            table, "year", row, f"is {years[row]}", f"the file was given as that of {year}"
        )
    return years


def _place(table: _Table, role: str, digits: Mapping[str, int]) -> Any:
    """Return a code or name as categorical text; a column of the user's own order keeps it."""
    column = table.column(role)
    codes, words = _words(column)
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
        word_of = dict(zip(_distinct(column)[1], words, strict=True))
        order = list(
            dict.fromkeys(word_of[value] for value in column.cat.categories if value in word_of)
        )
    else:
        order = sorted(set(words))
    ranks = {word: rank for rank, word in enumerate(order)}
    return pd.Categorical.from_codes(
        np.array([ranks[word] for word in words])[codes], categories=order
    )


def _with_zeros(
    table: _Table, role: str, codes: Any, words: list[str], digits: Mapping[str, int]
) -> list[str]:
    role_of_code = role if role.endswith("_code") else f"{role}_code"
    asked = digits.get(role, digits.get(role_of_code))
    if asked is not None:
        return [word.zfill(asked) for word in words]
    expected = OFFICIAL_DIGITS[role_of_code]
    short = [word.isdigit() and len(word) < expected for word in words]
    if any(short):
        row = _first_row(codes, short)
        raise _value_error(
            table,
            role,
            row,
            f"has {len(words[codes[row]])} digits",
            f"such codes have {expected}, so their leading zeros were lost (a spreadsheet does "
            f"this); keep the column as text, or put the zeros back with --digits "
            f"{role}={expected} (--digits {role}=0 if the codes are your own)",
        )
    return words


def _check_households(table: _Table, years: Any) -> None:
    if "id" not in table:
        table.notes.append(
            Note(
                "There is no household id, so that households entered twice in a year could not be "
                "looked for.",
                "Không có mã hộ nên không kiểm tra được hộ bị nhập trùng trong năm.",
            )
        )
        return
    codes, _ = _distinct(table.column("id"))
    if (codes < 0).any():
        row = int((codes < 0).argmax())
        raise _value_error(table, "id", row, "is missing", "every household has an id")
    twice = pd.DataFrame({"year": years, "id": codes}).duplicated()
    if twice.any():
        row = int(twice.to_numpy().argmax())
        same = (codes == codes[row]) & (years.to_numpy() == years[row])
        raise _value_error(
            table,
            "id",
            row,
            f"occurs twice in {int(years[row])}, first in row "
            f"{int(same.argmax())} ({int(twice.sum())} such rows in all)",
            "a register has each household once a year",
        )


def _indicators(standard: Any) -> tuple[str, ...]:
    ids: dict[str, None] = {}
    for std in _given_standards(standard):
        ids.update(dict.fromkeys(std.indicator_ids))
    return tuple(ids)


def _given_standards(standard: Any) -> list[Standard]:
    if standard is None:
        return []
    given = list(standard.values()) if isinstance(standard, Mapping) else [standard]
    return [read_standard(value) for value in given]


@dataclass(frozen=True)
class _Standards:
    """The id of the standard of each row, and the standards behind the ids."""

    ids: Any
    years: Any
    given: dict[str, Standard]

    def find(self, name: str) -> Standard:
        return self.given[name] if name in self.given else read_standard(name)

    def in_use(self) -> list[Standard]:
        return [self.find(name) for name in sorted(set(self.ids))]

    def of_year(self, year: int) -> Standard:
        return self.find(self.ids[int((self.years == year).argmax())])


def _standards(table: _Table, years: Any, standard: Any) -> _Standards | None:
    """Return the standard of each row, or None where no one says it."""
    years = np.asarray(years)
    given = {std.id: std for std in _given_standards(standard)}
    if standard is None:
        if "standard" not in table:
            return None
        codes, words = _words(table.column("standard"))
        if (codes < 0).any():
            raise _value_error(
                table,
                "standard",
                int((codes < 0).argmax()),
                "is missing",
                "the id of a standard was expected",
            )
        ids = _lookup(codes, words, None)
        first = {int(year): ids[int((years == year).argmax())] for year in np.unique(years)}
        other = ids != np.array([first[int(year)] for year in years], dtype=object)
        if other.any():
            row = int(other.argmax())
            raise _value_error(
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
    return _Standards(ids, years, given)


def _classified(
    table: _Table,
    years: Any,
    stated: _Standards | None,
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
        raise _missing_role(("class", "poor", "b1", "income"), "to tell who is poor", table.names)
    if "b1" in table and "b2" in table:
        _compare_with_scores(table, years, stated, areas, given)
    return ("class" if "class" in table else "poor"), given


def _needed(stated: _Standards | None) -> _Standards:
    if stated is None:
        raise StandardError(
            "the file has no class column, and the households can be classified "
            "only under a standard; say which, as --standard vn-2022"
        )
    return stated


def _given_class(table: _Table, classes: Mapping[str, str] | None) -> Any:
    codes, words = _words(table.column("class"))
    if not classes and words and set(words) - {""} <= set(CLASS_NUMBERS):
        table.notes.append(
            Note(
                "The classes 1, 2, 3 and 4 were read as poor, near-poor, average and other; "
                "--class 1=... says otherwise.",
                "Các mã phân loại 1, 2, 3, 4 được hiểu là nghèo, cận nghèo, mức sống trung bình, "
                "khác; có thể khai báo lại bằng --class 1=...",
            )
        )
        return _lookup(codes, [CLASS_NUMBERS.get(word) for word in words], None)
    return _meaning(table, "class", CLASS_WORDS, classes, "--class", CLASSES)


def _from_flags(table: _Table) -> Any:
    poor = np.asarray(_flag(table, "poor"), dtype=np.float64)
    if "near_poor" not in table:
        raise _missing_role(("near_poor", "class"), "beside that of poor households", table.names)
    near = np.asarray(_flag(table, "near_poor"), dtype=np.float64)
    both = (poor == 1) & (near == 1)
    if both.any():
        raise _value_error(
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


def _areas(table: _Table, areas: Mapping[str, str] | None) -> Any:
    if "area" not in table:
        raise _missing_role(("area",), "to choose the line, rural or urban", table.names)
    return _meaning(table, "area", AREA_WORDS, areas, "--area", ("rural", "urban"))


def _classify(
    table: _Table,
    columns: dict[str, Any],
    years: Any,
    standards: _Standards,
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
    table: _Table, years: Any, standards: _Standards, areas: Mapping[str, str] | None, rows: Any
) -> Any:
    columns = {
        "b1": _numeric(table, "b1"),
        "b2": _numeric(table, "b2"),
        "area": _areas(table, areas),
    }
    return _classify(table, columns, years, standards, rows, b1="b1", b2="b2")


def _by_income(
    table: _Table,
    years: Any,
    standards: _Standards,
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
        raise _missing_role(absent, "to count deprivations", table.names)
    columns = {"income": _numeric(table, "income"), "area": _areas(table, areas)}
    result = np.full(len(years), None, dtype=object)
    for std in standards.in_use():
        rows = np.asarray(standards.ids == std.id)
        flags = {name: _flag(table, name) for name in std.indicator_ids}
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


def _noted(table: _Table, work: Callable[[], Any]) -> Any:
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
    table: _Table,
    years: Any,
    standards: _Standards | None,
    areas: Mapping[str, str] | None,
    given: Any,
) -> None:
    """Count the households whose class is another one than their scores say."""
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
    if not rows.all():
        table.notes.append(
            Note(
                "The given classes were compared with the scores only where the standard has score "
                f"lines: {', '.join(with_lines) or 'nowhere'}.",
                "Phân loại chỉ được đối chiếu với điểm B1, B2 ở chuẩn nghèo có ngưỡng điểm: "
                f"{', '.join(with_lines) or 'không có'}.",
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


def _told_differences(given: Any, by_scores: Any, compared: Any, differs: Any, lang: str) -> str:
    n, n_other = (_number(int(rows.sum()), lang) for rows in (compared, differs))
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
        text += ": " + "; ".join(f"{_number(count, lang)} {pair}" for pair, count in pairs.items())
    return text + "."


def _add_classes(frame: Any, classified: Any, notes: list[Note]) -> None:
    missing = pd.isna(classified)
    if missing.any():
        n = int(missing.sum())
        notes.append(
            Note(
                f"{_number(n, 'en')} households have no class; rates are of the others.",
                f"{_number(n, 'vi')} hộ không có phân loại; tỷ lệ tính trên các hộ còn lại.",
            )
        )
    for name, members in (
        ("poor", ("poor",)),
        ("near_poor", ("near_poor",)),
        ("poor_or_near", ("poor", "near_poor")),
    ):
        inside = np.isin(classified, members)
        frame[name] = np.where(missing, np.nan, inside) if missing.any() else inside


def _add_minority(table: _Table, frame: Any) -> None:
    if "ethnic_minority" in table:
        values = _flag(table, "ethnic_minority")
        heading = table.heading("ethnic_minority")
    elif "ethnicity" in table:
        heading = table.heading("ethnicity")
        codes, words = _words(table.column("ethnicity"))
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
                f"{_number(n, 'en')} households have no {heading!r}; minority figures are of the "
                "others.",
                f"{_number(n, 'vi')} hộ không có {heading!r}; số liệu dân tộc thiểu số tính trên "
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
    numbers: str = "en",
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
    named = {
        role: name
        for role, name in (columns or {}).items()
        if role in POPULATION_ROLES and _plain(name) in {_plain(other) for other in names}
    }
    roles = choose(names, named, more=POPULATION_ROLES[-2:])
    table = _Table(data, roles, names, numbers, [])
    if "population" not in table:
        raise _missing_role(("population",), "in the table of all households", names)
    only = years[0] if len(years) == 1 else None
    frame = pd.DataFrame({"year": _years(table, only if "year" not in table else None)})
    for place in PLACES:
        if place in table:
            frame[place] = _place(table, place, digits or {})
    for role in POPULATION_ROLES[-2:]:
        if role in table:
            frame[role] = _numeric(table, role)
            wrong = ~(frame[role] >= 0).to_numpy()
            if wrong.any():
                raise _value_error(
                    table,
                    role,
                    int(wrong.argmax()),
                    "is negative or missing",
                    "numbers of households were expected",
                )
    return frame
