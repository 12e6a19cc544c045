"""Administrative units and how they changed: which became which, when, and by what share.

A unit is named by its code, and a code means something on a date only: after a reorganisation it
may stand for another territory, and names come back on other places. So units are compared in one
*vintage*, the units as they stood on a day, and a crosswalk says what its units were on another.

A change is a set of links on a date. A unit that has links passes into the units that they point
to; one that takes others up and goes on under its code has a link to itself; without a link from
itself a code is new on that date, and without any link a unit stays as it is. Where one unit passes
into several, the people or the area of each part say what share of it goes where; where it passes
into one, all of it does. Backwards the same figures share a merged unit among its parts.
"""

from __future__ import annotations

import datetime
import difflib
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import (
    DuplicateNameError,
    FileFormatError,
    MissingValueError,
    OptionError,
    ValueRangeError,
    listing,
    unknown_option,
)
from ..inputs import Frame

__all__ = ["Crosswalk", "Link", "Unit", "crosswalk", "day_of"]

SHIPPED = ("vn-provinces", "lang-son-2024")
WEIGHTS = ("population", "area")

THOUSANDS = re.compile(r"[0-9]{1,3}(\.[0-9]{3})+")  # as 8.527 people are written in Viet Nam

Shares = dict[str, dict[str, Fraction]]  # of each code that changes: what it becomes, adding to 1


@dataclass(frozen=True, kw_only=True)
class Link:
    """One unit before a change, and one it passed into, with the people and area of that part.

    Attributes
    ----------
    date : datetime.date
        First day of the new units.
    before, after : str
        Codes.
    population, area : Fraction or None
        Of the part of `before` that is now in `after`; None where it is not known.
    verified : bool
        Whether it was checked against the legal text.
    source : str
        Where it was read.
    """

    date: datetime.date
    before: str
    after: str
    population: Fraction | None = None
    area: Fraction | None = None
    verified: bool = False
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A unit: its code, its name, and the days from which and up to which it has both."""

    code: str
    name: str
    start: datetime.date | None = None
    end: datetime.date | None = None

    def is_valid(self, day: datetime.date) -> bool:
        """Say whether the code has this name on a day."""
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)


@dataclass(frozen=True, repr=False)
class Crosswalk:
    """How the units of one level changed, as `crosswalk` reads it.

    Attributes
    ----------
    id : str
        Its name.
    level : str
        What the units are: "province", "commune".
    links : tuple of Link
        By date.
    units : tuple of Unit
        Names of codes; complete where `is_complete`.
    is_complete : bool
        Every unit of the level is in `units`, so that another code is a mistake.
    note : str
        What to know about it.
    """

    id: str
    level: str
    links: tuple[Link, ...]
    units: tuple[Unit, ...] = ()
    is_complete: bool = False
    note: str = ""

    def __repr__(self) -> str:
        """Return a line on what it holds."""
        days = [str(day) for day in self.dates()]
        span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}" if days else "no date"
        mark = "" if all(link.verified for link in self.links) else ", not verified"
        return f"Crosswalk({self.id!r}, {self.level}: {len(self.links)} links, {span}{mark})"

    def dates(self) -> list[datetime.date]:
        """Return the days of changes."""
        return sorted({link.date for link in self.links})

    def name_of(self, code: str, day: Any) -> str:
        """Return the name of a code on a day; empty where it is not known.

        Examples
        --------
        The code 24 was Bắc Giang, and is Bắc Ninh since the merger.

        >>> walk = pc.crosswalk("vn-provinces")
        >>> walk.name_of("24", "2025-06-30"), walk.name_of("24", "2025-07-01")
        ('Bắc Giang', 'Bắc Ninh')
        """
        on = day_of(day, "day")
        names = [unit.name for unit in self.units if unit.code == code and unit.is_valid(on)]
        return names[0] if names else ""

    def code_of(self, name: str, day: Any) -> str:
        """Return the code that a name had on a day; the name alone is no key.

        Raises
        ------
        OptionError
            No unit, or several, had this name on that day.

        Examples
        --------
        >>> walk = pc.crosswalk("vn-provinces")
        >>> walk.code_of("Tây Ninh", "2025-06-30"), walk.code_of("Tây Ninh", "2025-07-01")
        ('72', '80')
        """
        on, wanted = day_of(day, "day"), unicodedata.normalize("NFC", name)
        codes = [unit.code for unit in self.units if unit.name == wanted and unit.is_valid(on)]
        if len(codes) == 1:
            return codes[0]
        names = {unit.name for unit in self.units if unit.is_valid(on)}
        close = difflib.get_close_matches(wanted, names, n=3)
        hint = f"; did you mean {listing(close, last=' or ')}?" if close and not codes else ""
        what = f"{len(codes)} units were" if codes else f"no {self.level} was"
        error = OptionError(f"{what} named {name!r} on {on}{hint}")
        error.argument = "name"
        raise error

    def shares(self, start: Any, end: Any, weight: str = "population") -> Shares:
        """Return what each code of one vintage is in another.

        Parameters
        ----------
        start, end : date or str
            The two vintages, as days; `end` may be the earlier.
        weight : {"population", "area"}, optional
            By what a unit is shared among several.

        Returns
        -------
        dict of dict of Fraction
            Of each code that changes: codes and shares that add up to 1. Other codes stay.

        Raises
        ------
        MissingValueError
            A unit is shared among several, and the weight of a part is not known.

        Examples
        --------
        Of the 8,997 people of Đại Đồng 8,527 went to Thất Khê, with 18.61 of 27.61 km2.

        >>> walk = pc.crosswalk("lang-son-2024")
        >>> for weight in ("population", "area"):
        ...     parts = walk.shares("2024-11-30", "2024-12-01", weight)["LS-dai-dong"]
        ...     print({code: round(float(share), 4) for code, share in parts.items()})
        {'LS-doi-can': 0.0522, 'LS-that-khe': 0.9478}
        {'LS-doi-can': 0.326, 'LS-that-khe': 0.674}
        """
        if weight not in WEIGHTS:
            raise unknown_option("weight", weight, WEIGHTS)
        first, last = day_of(start, "start"), day_of(end, "end")
        found: Shares = {}
        if first <= last:
            for date in self.dates():
                if first < date <= last:
                    found = chained(found, self._forward(date, weight))
        else:
            for date in reversed(self.dates()):
                if last < date <= first:
                    found = chained(found, self._backward(date, weight))
        return {code: parts for code, parts in found.items() if parts != {code: 1}}

    def changes(self, start: Any, end: Any) -> pd.DataFrame:
        """List the changes between two vintages, a row per link.

        Parameters
        ----------
        start, end : date or str
            The two vintages, as days, in either order.

        Returns
        -------
        DataFrame
            `date`, `kind` ("merged", "split", "split and merged", "renamed", "unchanged"), `from`,
            `name_from`, `to`, `name_to`, `population_share` and `area_share` of the old unit (NaN
            where not known), `verified` and `source`.

        Examples
        --------
        >>> walk = pc.crosswalk("lang-son-2024")
        >>> walk.changes("2024-11-30", "2024-12-01")[["kind", "name_from", "name_to"]]
                       kind   name_from     name_to
        0  split and merged   Đại Đồng     Đội Cấn
        1  split and merged   Đại Đồng    Thất Khê
        2            merged    Đội Cấn     Đội Cấn
        3            merged Khánh Long  Khánh Long
        4            merged   Thất Khê    Thất Khê
        5            merged  Vĩnh Tiến  Khánh Long
        """
        first, last = sorted([day_of(start, "start"), day_of(end, "end")])
        rows = [self._described(link) for link in self.links if first < link.date <= last]
        columns = ["date", "kind", "from", "name_from", "to", "name_to", "population_share"]
        columns += ["area_share", "verified", "source"]
        return pd.DataFrame(rows, columns=columns)

    def is_in_use(self, code: str, day: datetime.date) -> bool:
        """Say whether a code stands for a unit on a day, as far as is known."""
        if self.is_complete:
            return any(unit.code == code and unit.is_valid(day) for unit in self.units)
        before = {link.date for link in self.links if link.before == code}
        after = {link.date for link in self.links if link.after == code}
        past = [date for date in before | after if date <= day]
        if past:
            return max(past) in after
        return not after or min(before | after) in before

    def check_code(self, code: Any, day: datetime.date, column: str, row: int) -> None:
        """Refuse a label that is no code of a unit on this day."""
        if not isinstance(code, str):
            what = "is no text; a code is text, with its leading zeros"
            raise at_row(ValueRangeError(f"{column}[{row}] {what}"), column, row)
        if self.is_in_use(code, day):
            return
        named = [unit.code for unit in self.units if unit.name == code and unit.is_valid(day)]
        why = f"is {code!r}, which is no code of a {self.level} on {day}"
        if named:
            why = f"is the name {code!r}, and a name is no key; the code on {day} is {named[0]!r}"
        elif any(code in (link.before, link.after) for link in self.links):
            why += "; is the vintage right?"
        raise at_row(ValueRangeError(f"{column}[{row}] {why}"), column, row)

    # ---- inside ---------------------------------------------------------------------------------

    def _at(self, date: datetime.date) -> list[Link]:
        """Return the links of a change."""
        return [link for link in self.links if link.date == date]

    def _forward(self, date: datetime.date, weight: str) -> Shares:
        """Return what each code becomes by a change."""
        return shared(self._at(date), "before", "after", weight)

    def _backward(self, date: datetime.date, weight: str) -> Shares:
        """Return what each code was before a change."""
        return shared(self._at(date), "after", "before", weight)

    def _described(self, link: Link) -> list[Any]:
        """Return a link as a row of `changes`."""
        links = self._at(link.date)
        is_split = sum(other.before == link.before for other in links) > 1
        is_merged = sum(other.after == link.after for other in links) > 1
        kind = " and ".join(
            word for word, does in (("split", is_split), ("merged", is_merged)) if does
        )
        if not kind:
            kind = "unchanged" if link.before == link.after else "renamed"
        parts = []
        for weight in WEIGHTS:
            try:
                parts.append(float(self._forward(link.date, weight)[link.before][link.after]))
            except MissingValueError:
                parts.append(float("nan"))
        names = (
            self.name_of(link.before, link.date - datetime.timedelta(days=1)),
            self.name_of(link.after, link.date),
        )
        row = [link.date, kind, link.before, names[0], link.after, names[1]]
        return [*row, *parts, link.verified, link.source]


def shared(links: Iterable[Link], of: str, into: str, weight: str) -> Shares:
    """Share each unit among those it is linked with."""
    by_code: dict[str, list[Link]] = {}
    for link in links:
        by_code.setdefault(getattr(link, of), []).append(link)
    found: Shares = {}
    for code, parts in by_code.items():
        sizes = [getattr(link, weight) for link in parts]
        if len(parts) == 1:
            sizes = [Fraction(1)]
        for link, size in zip(parts, sizes, strict=True):
            if size is None:
                raise MissingValueError(
                    f"{code!r} is shared among {len(parts)} units on {link.date}, and the {weight}"
                    f" of the part {link.before!r} to {link.after!r} is not known; add it to the"
                    " table of changes, or name another weight"
                )
        whole = sum(sizes)
        if not whole:
            raise ValueRangeError(f"the parts of {code!r} have no {weight}")
        found[code] = {
            getattr(link, into): size / whole
            for link, size in sorted(
                zip(parts, sizes, strict=True), key=lambda pair: getattr(pair[0], into)
            )
        }
    return found


def chained(first: Shares, then: Shares) -> Shares:
    """Return one change after another."""
    found = dict(then)
    for code, parts in first.items():
        whole: dict[str, Fraction] = {}
        for middle, share in parts.items():
            for last, part in then.get(middle, {middle: Fraction(1)}).items():
                whole[last] = whole.get(last, Fraction(0)) + share * part
        found[code] = dict(sorted(whole.items()))
    return found


# ---- reading -------------------------------------------------------------------------------------


def crosswalk(table: Any, level: str = "unit") -> Crosswalk:
    """Read how administrative units changed.

    Parameters
    ----------
    table : str, path, DataFrame or mapping
        - "vn-provinces": the 63 provinces of Viet Nam, and the 34 of July 2025;
        - "lang-son-2024": two changes of communes of Lạng Sơn in December 2024, one of which split
          a commune, with stand-ins for the codes;
        - a TOML file as these two (see `povertycore/units`), or a CSV file or frame of links:
          columns `date`, `from`, `to`, and if known `population` and `area` of the part,
          `name_from`, `name_to`, `verified` and `source`. A unit that takes others up and keeps
          its code has a link to itself.
    level : str, optional
        What the units of a table of links are.

    Returns
    -------
    Crosswalk
        With `.shares(...)` and `.changes(...)`; `pc.rebase` applies it.

    Raises
    ------
    OptionError
        There is no table of that name.
    FileFormatError
        A file lacks a column, or holds a word that is not known.
    ValueRangeError
        A date is none, a code is no text, or a population or area is negative.
    DuplicateNameError
        Two links join the same units on one date.

    Notes
    -----
    What is shipped was typed from secondary lists and stays marked as not verified until it has
    been checked against the resolutions. A name alone is never a key: the names of old districts
    came back as names of communes.

    Examples
    --------
    >>> walk = pc.crosswalk({"date": ["2024-12-01"], "from": ["01"], "to": ["02"]})
    >>> walk.shares("2024-01-01", "2025-01-01")
    {'01': {'02': Fraction(1, 1)}}
    >>> walk = pc.crosswalk("vn-provinces")
    >>> walk
    Crosswalk('vn-provinces', province: 52 links, 2025-07-01, not verified)
    >>> len(walk.shares("2025-06-30", "2025-07-01"))  # 63 - 34 codes are gone
    29
    """
    if isinstance(table, Crosswalk):
        return table
    if isinstance(table, str) and table in SHIPPED:
        with (files(__package__) / f"{table}.toml").open("rb") as lines:
            return from_toml(tomllib.load(lines), table)
    if isinstance(table, str | Path):
        path = Path(table)
        if not path.suffix:
            raise unknown_option("table", str(table), SHIPPED)
        if path.suffix == ".toml":
            return from_toml(tomllib.loads(path.read_text(encoding="utf-8")), path.stem)
        if path.suffix == ".csv":
            frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
            return from_links(Frame.of(frame), path.stem, level)
        raise FileFormatError(f"a crosswalk is a .toml or a .csv file, found {path.suffix!r}")
    return from_links(Frame.of(table), "(table)", level)


WORDS = ("id", "level", "is_complete", "note", "source", "verified", "change", "unit")


def from_toml(content: Mapping[str, Any], name: str) -> Crosswalk:
    """Read the content of a TOML file."""
    check_words(content, WORDS, name)
    links = []
    for change in content.get("change", []):
        check_words(change, ("date", "legal", "source", "verified", "links", "note"), name)
        for link in change.get("links", []):
            check_words(link, ("from", "to", *WEIGHTS), name)
            links.append(
                Link(
                    date=day_of(change.get("date"), "date"),
                    before=code_of(link.get("from"), "from"),
                    after=code_of(link.get("to"), "to"),
                    population=size_of(link.get("population"), "population"),
                    area=size_of(link.get("area"), "area"),
                    verified=bool(change.get("verified", False)),
                    source=str(change.get("legal", change.get("source", ""))),
                )
            )
    units = []
    for unit in content.get("unit", []):
        check_words(unit, ("code", "name", "start", "end"), name)
        units.append(
            Unit(
                code=code_of(unit.get("code"), "code"),
                name=unicodedata.normalize("NFC", unit.get("name", "")),
                start=day_of(unit["start"], "start") if "start" in unit else None,
                end=day_of(unit["end"], "end") if "end" in unit else None,
            )
        )
    return checked(
        Crosswalk(
            id=str(content.get("id", name)),
            level=str(content.get("level", "unit")),
            links=tuple(links),
            units=tuple(units),
            is_complete=bool(content.get("is_complete", False)),
            note=str(content.get("note", "")),
        )
    )


def check_words(content: Mapping[str, Any], words: Iterable[str], name: str) -> None:
    """Refuse a word that a file may not hold."""
    for word in content:
        if word not in words:
            raise FileFormatError(
                f"the crosswalk {name!r} holds {word!r}; {', '.join(words)} are known"
            )


def from_links(frame: Frame, name: str, level: str) -> Crosswalk:
    """Read a table of links."""
    for needed in ("date", "from", "to"):
        if needed not in frame.names:
            raise FileFormatError(f"the crosswalk {name!r} lacks the column {needed!r}")
    columns = {
        word: frame.array(word).tolist() if word in frame.names else [None] * frame.n
        for word in (
            *("date", "from", "to", "population", "area", "name_from", "name_to", "verified"),
            "source",
        )
    }
    links, units = [], []
    for row in range(frame.n):
        at = {word: values[row] for word, values in columns.items()}
        date = day_of(at["date"], f"date[{row}]")
        before, after = (code_of(at[word], f"{word}[{row}]") for word in ("from", "to"))
        links.append(
            Link(
                date=date,
                before=before,
                after=after,
                population=size_of(at["population"], f"population[{row}]"),
                area=size_of(at["area"], f"area[{row}]"),
                verified=str(at["verified"]).lower() in ("true", "1", "1.0"),
                source="" if at["source"] is None else str(at["source"]),
            )
        )
        units += [
            Unit(code=code, name=unicodedata.normalize("NFC", str(at[word])), **span)
            for code, word, span in (
                (before, "name_from", {"end": date - datetime.timedelta(days=1)}),
                (after, "name_to", {"start": date}),
            )
            if at[word]
        ]
    return checked(Crosswalk(name, level, tuple(links), tuple(dict.fromkeys(units))))


def checked(walk: Crosswalk) -> Crosswalk:
    """Return a crosswalk with its links by date; two alike are an error."""
    seen: set[tuple[Any, ...]] = set()
    for link in walk.links:
        key = (link.date, link.before, link.after)
        if key in seen:
            raise DuplicateNameError(
                f"two links join {link.before!r} and {link.after!r} on {link.date}"
            )
        seen.add(key)
    for code, spans in overlapping(walk.units):
        raise DuplicateNameError(f"the code {code!r} names two units at one time: {spans}")
    links = sorted(walk.links, key=lambda link: (link.date, link.before, link.after))
    return Crosswalk(**{**walk.__dict__, "links": tuple(links)})


def overlapping(units: Iterable[Unit]) -> Iterator[tuple[str, str]]:
    """Yield codes that name two units at one time."""
    by_code: dict[str, list[Unit]] = {}
    for unit in units:
        for other in by_code.get(unit.code, []):
            starts = [u.start or datetime.date.min for u in (unit, other)]
            ends = [u.end or datetime.date.max for u in (unit, other)]
            if unit.name != other.name and max(starts) <= min(ends):
                yield unit.code, f"{other.name} and {unit.name}"
        by_code.setdefault(unit.code, []).append(unit)


def day_of(value: Any, argument: str) -> datetime.date:
    """Return a day: of a date, a moment, or text as 2025-07-01."""
    if isinstance(value, datetime.datetime | pd.Timestamp):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    if isinstance(value, str):
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            pass
    error = ValueRangeError(f"{argument} is {value!r}; a day as '2025-07-01' or a date is expected")
    error.argument = argument.partition("[")[0]
    raise error


def code_of(value: Any, where: str) -> str:
    """Return a code: text, with its leading zeros."""
    if not isinstance(value, str) or not value or value != value.strip():
        raise ValueRangeError(f"{where} is {value!r}; a code is text, with its leading zeros")
    return unicodedata.normalize("NFC", value)


def size_of(value: Any, where: str) -> Fraction | None:
    """Return a population or area, None where it is not known."""
    if value is None or value == "" or value != value:
        return None
    if where.startswith("population") and isinstance(value, str) and THOUSANDS.fullmatch(value):
        raise ValueRangeError(
            f"{where} is {value!r}; people are whole: write thousands without a point"
        )
    try:
        size = Fraction(str(value))
    except ValueError:
        raise ValueRangeError(f"{where} is {value!r}; a number >= 0 is expected") from None
    if size < 0:
        raise ValueRangeError(f"{where} is {value!r}; a number >= 0 is expected")
    return size


def at_row(error: ValueRangeError, column: str, row: int) -> ValueRangeError:
    """Attach to an error that it is about a row of a column."""
    error.argument, error.column, error.row = "unit", column, row
    return error
