"""The columns of a register: which heading plays which role, and its values in our words.

Registers differ in their headings and in how they write a number, a class or a yes. Nothing is
guessed: what cannot be read as its role demands is an error that names column and row. What costs
is done once for each distinct value.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from povertycore.errors import (
    ColumnNotFoundError,
    DTypeError,
    ValueRangeError,
    listing,
    unknown_option,
)

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
# the same for the headings of Vietnamese registers; small letters, without signs between the words
VIETNAMESE: dict[str, tuple[str, ...]] = {
    "year": ("năm",),
    "id": ("mã hộ", "mã số hộ"),
    "district_code": ("mã huyện",),
    "district": ("huyện", "tên huyện", "huyện thành phố", "quận huyện"),
    "commune_code": ("mã xã",),
    "commune": ("xã", "tên xã", "xã phường", "xã phường thị trấn"),
    "area": ("khu vực",),
    "class": ("phân loại", "phân loại hộ", "loại hộ", "kết luận", "kết quả rà soát"),
    "poor": ("hộ nghèo",),
    "near_poor": ("hộ cận nghèo",),
    "b1": ("điểm b1",),
    "b2": ("điểm b2",),
    "ethnic_minority": ("dân tộc thiểu số", "hộ dân tộc thiểu số", "dtts", "hộ dtts"),
    "ethnicity": ("dân tộc",),
    "standard": ("chuẩn nghèo",),
    "population": ("số hộ", "tổng số hộ"),
    "minority_population": ("số hộ dân tộc thiểu số", "số hộ dtts"),
}
VALUES_SHOWN = 20  # distinct values of a column of classes; one with more may hold names or ids
YES = {"1", "true", "yes", "y", "có", "x"}
NO = {"0", "false", "no", "n", "không"}


# Ways of writing a number: plainly, and with separators as in English and in Vietnamese. A comma
# before three last digits may be either, and is read only where the caller says which.
PLAIN = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
WRITTEN = {
    "en": re.compile(r"[-+]?(\d+|\d{1,3}(,\d{3})+)(\.\d*)?([eE][-+]?\d+)?"),
    "vi": re.compile(r"[-+]?(\d+|\d{1,3}(\.\d{3})+)(,\d*)?"),
}
DOTTED_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(\.\d{3})+")


class Note(NamedTuple):
    """One thing that a reader of the figures should know, in English and in Vietnamese."""

    en: str
    vi: str


def thousands(count: int, lang: str) -> str:
    """Return a whole number with its thousands parted."""
    return f"{count:,}" if lang == "en" else f"{count:,}".replace(",", ".")


@dataclass(frozen=True)
class Columns:
    """The table as it came, with the heading of each role."""

    data: Any
    roles: dict[str, str]
    names: list[str]
    numbers: str | None
    notes: list[Note]

    def __contains__(self, role: str) -> bool:
        return role in self.roles

    def column(self, role: str) -> Any:
        """Return the column that plays a role."""
        return self.data[self.roles[role]]

    def heading(self, role: str) -> str:
        """Return the heading of the column that plays a role."""
        return self.roles[role]


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
        table's column of that name is not to be used. A role goes by any of its own headings too:
        hhid is the role id, status the role class.
    more : iterable of str, optional
        Further roles, as the indicators of a standard or `population`, found under their own name.

    Returns
    -------
    dict
        Role to heading, for the roles the table fills. Headings that no one named are known by
        their words, whatever their capitals and the signs between them.

    Examples
    --------
    >>> choose(["Năm", "Tên xã", "Kết quả", "B1"], {"class": "Kết quả"})
    {'year': 'Năm', 'commune': 'Tên xã', 'class': 'Kết quả', 'b1': 'B1'}
    """
    headings = {plain(name): name for name in names}
    defaults = {**ROLES, **{name: (name,) for name in more}}
    role_of = {heading: role for role, usual in defaults.items() for heading in (*usual, role)}
    for role in columns or {}:
        if role not in role_of:
            raise unknown_option("the role of a column", role, role_of)
    asked = {role_of[role]: heading for role, heading in (columns or {}).items()}
    named = {plain(heading) for heading in asked.values()}
    by_words = {_words(name): name for name in reversed(names) if plain(name) not in named}
    chosen = {}
    for role, usual in defaults.items():
        if role in asked:
            if not asked[role]:
                continue
            if plain(asked[role]) not in headings:
                raise _not_found(asked[role], role, names)
            chosen[role] = headings[plain(asked[role])]
        else:
            found = [headings[name] for name in usual if name in headings] or [
                by_words[_words(name)]
                for name in (*usual, *VIETNAMESE.get(role, ()))
                if _words(name) in by_words
            ]
            chosen.update({role: found[0]} if found else {})
    return chosen


def told_roles(roles: Mapping[str, str], columns: Mapping[str, str] | None) -> Note | None:
    """Return the note that names the columns taken by their words, None where there are none."""
    named = {plain(heading) for heading in (columns or {}).values()}
    taken = [
        f"{heading!r} = {role}"
        for role, heading in roles.items()
        if plain(heading).casefold() not in (role, *ROLES.get(role, ()))
        and plain(heading) not in named
    ]
    if not taken:
        return None
    return Note(
        f"Columns taken by their headings: {', '.join(taken)}; --column says otherwise.",
        f"Các cột được nhận theo tên: {', '.join(taken)}; có thể khai báo lại bằng --column.",
    )


def missing_role(roles: Sequence[str], purpose: str, names: Sequence[str]) -> ColumnNotFoundError:
    """Return the error for roles of which one is needed, with headings that come close to any."""
    usual = [heading for role in roles for heading in ROLES.get(role, (role,))]
    bare = {_bare(heading): heading for heading in reversed(list(names))}
    vietnamese = [heading for role in roles for heading in VIETNAMESE.get(role, ())]
    close = [
        bare[match]
        for heading in (*usual, *vietnamese)
        for match in difflib.get_close_matches(_bare(heading), list(bare), n=2, cutoff=0.6)
    ]
    shown = (
        f"close to it: {listing(dict.fromkeys(close))}"
        if close
        else f"the columns are {listing(list(names))}"
    )
    also = ", or give the year of the whole file with --year" if roles[0] == "year" else ""
    error = ColumnNotFoundError(
        f"there is no column {listing(dict.fromkeys(usual), last=' or ')} {purpose}; {shown}; "
        f"name yours with --column {roles[0]}=NAME{also}"
    )
    error.column = roles[0]
    return error


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


def plain(name: object) -> str:
    """Return a text in NFC without blanks around it."""
    return unicodedata.normalize("NFC", str(name)).strip()


def _words(name: object) -> str:
    """Return the words of a heading in small letters, without the signs between them."""
    return " ".join(re.findall(r"\w+", plain(name).casefold().replace("_", " ")))


def _bare(name: object) -> str:
    """Return a heading in small letters without accents, to find what comes close."""
    parts = unicodedata.normalize("NFD", str(name).casefold().replace("đ", "d"))
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def check_numbers(numbers: str | None) -> None:
    """Refuse a way of writing numbers that is not known."""
    if numbers is not None and numbers not in WRITTEN:
        raise unknown_option("numbers", numbers, WRITTEN)


def numeric(table: Columns, role: str) -> Any:
    """Return a column as float64 with NaN; text is read where it can be meant in one way only."""
    column = table.column(role)
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    codes, words = words_of(column)
    numbers = table.numbers
    if numbers is None and _may_be_thousands(words):
        raise _not_a_number(
            table, role, first_row(codes, ["." in word for word in words]), words, codes
        )
    read = [_as_number(word, numbers) for word in words]
    wrong = [
        number is None and word not in ("", ".") for number, word in zip(read, words, strict=True)
    ]
    if any(wrong):
        raise _not_a_number(table, role, first_row(codes, wrong), words, codes)
    return np.array([*(np.nan if number is None else number for number in read), np.nan])[codes]


def _may_be_thousands(words: Sequence[str]) -> bool:
    """Whether every dot could part thousands, as in 1.500: one and a half, or fifteen hundred."""
    with_dots = [word for word in words if "." in word.strip(".")]
    return bool(with_dots) and all(DOTTED_THOUSANDS.fullmatch(word) for word in with_dots)


def _as_number(word: str, numbers: str | None) -> float | None:
    """Return the number that a text is in one way of writing, None if it is none."""
    if not (PLAIN if numbers is None else WRITTEN[numbers]).fullmatch(word):
        return None
    if numbers == "vi":
        return float(word.replace(".", "").replace(",", "."))
    return float(word.replace(",", ""))


def _not_a_number(
    table: Columns, role: str, row: int, words: Sequence[str], codes: Any
) -> DTypeError:
    word = words[codes[row]]
    place = f"{role}[{row}] is text (column {table.heading(role)!r})"
    if table.numbers is not None:
        hint = f"that --numbers {table.numbers} cannot read; a number was expected"
    elif DOTTED_THOUSANDS.fullmatch(word):
        hint = (
            "like '1.500', which may mean one and a half or fifteen hundred; say --numbers en or "
            "--numbers vi"
        )
    elif WRITTEN["en"].fullmatch(word):
        hint = "with separators, like '1,234.5'; a number was expected; say --numbers en"
    elif WRITTEN["vi"].fullmatch(word):
        hint = "in the Vietnamese way of writing, like '1.234,5'; say --numbers vi"
    else:
        hint = "; a number was expected"
    error = DTypeError(f"{place} {hint}".replace(" ;", ";"))
    error.argument, error.column, error.row = role, table.heading(role), row
    return error


def flag(table: Columns, role: str) -> Any:
    """Return yes and no as bool, or as float with NaN where some are missing."""
    codes, words = words_of(table.column(role))
    lower = [word.casefold() for word in words]
    if set(lower) - {""} == {"x"}:  # a form that is ticked: what is not ticked is a no
        return codes >= 0
    wrong = [word not in YES and word not in NO and word != "" for word in lower]
    if any(wrong):
        row = first_row(codes, wrong)
        raise value_error(
            table,
            role,
            row,
            "is neither yes nor no",
            "1 or 0, true or false, yes or no, có or không were expected",
        )
    values = np.array([*(1.0 if word in YES else 0.0 for word in lower), np.nan])[codes]
    return values == 1 if not np.isnan(values).any() else values


def meaning(
    table: Columns,
    role: str,
    usual: Mapping[str, str],
    own: Mapping[str, str] | None,
    option: str,
    targets: Sequence[str],
) -> Any:
    """Return the values of a column in our words, by the user's own list and then the usual one."""
    own = {plain(key).casefold(): value for key, value in (own or {}).items()}
    for value in own.values():
        if value not in targets:
            raise unknown_option(f"the meaning of a value of {role}", value, targets)
    codes, words = words_of(table.column(role))
    lower = [" ".join(word.casefold().replace("_", " ").split()) for word in words]
    found = [
        own.get(word.casefold(), usual.get(plain)) for word, plain in zip(words, lower, strict=True)
    ]
    wrong = [value is None and word != "" for value, word in zip(found, words, strict=True)]
    if any(wrong):
        row = first_row(codes, wrong)
        if len(words) > VALUES_SHOWN:
            raise _many_values(table, role, row, len(words), targets)
        raise value_error(
            table,
            role,
            row,
            f"is {words[codes[row]]!r}, whose meaning is not known",
            f"say what it means with {option} {words[codes[row]]!r}={targets[0]} (or "
            f"{', '.join(targets[1:])})",
        )
    return lookup(codes, found, None)


def _many_values(
    table: Columns, role: str, row: int, n: int, targets: Sequence[str]
) -> ValueRangeError:
    """Return the error for a column that tells households apart: its values are not shown."""
    return value_error(
        table,
        role,
        row,
        f"is one of {thousands(n, 'en')} different values without a known meaning",
        f"a column of {listing(targets, last=' or ')} was expected; name yours with "
        f"--column {role}=NAME",
    )


def words_of(column: Any) -> tuple[Any, list[str]]:
    """Return codes and the distinct values as plain text; 1.0 reads as 1, blank as missing."""
    codes, values = distinct(column)
    words = [_word(value) for value in values]
    blank = np.append(np.array([word == "" for word in words], dtype=bool), True)[codes]
    return np.where(blank, -1, codes), words


def _word(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "1" if value else "0"
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return plain(value)


def distinct(column: Any) -> tuple[Any, list[Any]]:
    """Return codes (-1 missing) and distinct values: what costs is done once per value."""
    codes, values = pd.factorize(column)
    return np.asarray(codes), list(values)


def first_row(codes: Any, wrong: Sequence[bool]) -> int:
    """Return the first row whose distinct value is wrong."""
    bad = np.append(np.asarray(wrong, dtype=bool), False)[codes]
    return int(bad.argmax())


def lookup(codes: Any, values: Sequence[Any], missing: Any) -> Any:
    """Return for each row what stands for its distinct value, or for a missing one."""
    return pd.array([*values, missing], dtype=object)[codes]


def value_error(table: Columns, role: str, row: int, what: str, expected: str) -> ValueRangeError:
    """Return the error for a value that its role does not take, with column and row."""
    error = ValueRangeError(f"{role}[{row}] {what} (column {table.heading(role)!r}); {expected}")
    error.argument, error.column, error.row = role, table.heading(role), row
    return error
