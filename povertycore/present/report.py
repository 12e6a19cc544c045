"""The report of a province's poverty review: tables, chart and paragraph from one register.

Every figure comes from `pc.rate`, `pc.total`, `pc.change` and `pc.target`. Here they are laid out
for people, in tables whose cells still hold fractions and counts; percent is put on by whoever
prints them.
"""

from __future__ import annotations

import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from povertycore.datasets import LANG_SON_PLAN, lang_son_register
from povertycore.dynamics import change, target
from povertycore.errors import (
    ComparabilityError,
    OptionError,
    ValueRangeError,
    listing,
)
from povertycore.estimates import Estimates
from povertycore.measures import rate, total
from povertycore.present import text
from povertycore.present.text import Facts, Figures, Place, word
from povertycore.quality.columns import Note, thousands
from povertycore.quality.register import Register, population_table, register

__all__ = ["OWN_FILES", "Report", "Table", "Written", "report"]

COUNTED = ("poor", "near_poor", "poor_or_near")
N_RANKED = 10  # communes listed with the largest and with the smallest reduction
N_CHARTED = 15  # bars of a chart that cannot show every place

NUMBERS_OF_ALL = ("population", "minority_population")  # columns of the table of all households

OWN_FILES = (
    "poverty_report.txt",
    "poverty_report.xlsx",
    "poverty_chart.png",
    "poverty_province.csv",
    "poverty_districts.csv",
    "poverty_communes.csv",
)

SOURCE = Note(
    "synthetic register of povertycore with the published totals of Lạng Sơn",
    "danh sách hộ mô phỏng của povertycore theo số liệu tổng hợp đã công bố của Lạng Sơn",
)
SYNTHETIC = Note(
    "SYNTHETIC DATA: households and communes are invented; the totals are the published ones, but "
    "the number of near-poor households of 2022 is invented too.",
    "SỐ LIỆU MÔ PHỎNG: hộ và xã được tạo ra; số liệu tổng hợp là số đã công bố, riêng số hộ cận "
    "nghèo năm 2022 cũng là số tạo ra.",
)
NOT_COMPARED = Note(
    "{0} and {1} stand under different standards ({2}, {3}); no change is shown between them.",
    "Năm {0} và năm {1} theo hai chuẩn nghèo khác nhau ({2}, {3}); không tính tăng, giảm.",
)
NO_SUCH_TABLE = Note(
    "The table of all households does not tell {} apart; there is no table of them.",
    "Bảng tổng số hộ không chi tiết theo {}; không có bảng này.",
)
NO_CHANGE = Note(
    "Communes without a change, in one of the two years only or without households: {}.",
    "Số xã không tính được tăng, giảm (chỉ có số liệu của một năm hoặc không có hộ): {}.",
)
SOME_YEARS_ONLY = Note(
    "Ethnic minority households are known in some of the years only; their figures are left out.",
    "Chỉ một số năm có cột hộ dân tộc thiểu số nên không có số liệu này.",
)


@dataclass(frozen=True)
class Table:
    """A table for people: a frame with numbers, and what its columns and rows are.

    Attributes
    ----------
    name : str
        Its name in file names: province, districts, communes, ...
    title, heading : str
        Its short name, and the line above it.
    frame : pandas.DataFrame
        The cells: text, counts, and fractions for rates and their changes.
    kinds : dict of str to str
        What each column holds, as `povertycore.present.text.show` takes it; "row" and
        "row_change" where that depends on the row.
    labels, groups : dict of str to str
        The heading of each column, and the heading above several.
    row_kinds : tuple, optional
        For each row what "row" and "row_change" columns hold.
    n_keys : int
        How many columns at the left name the row.
    totals : tuple of int
        Rows that are totals.
    row_names : tuple of str
        The name of each row in every language, where the rows are figures.
    """

    name: str
    title: str
    heading: str
    frame: Any
    kinds: dict[str, str]
    labels: dict[str, str]
    groups: dict[str, str] = field(default_factory=dict)
    row_kinds: tuple[tuple[str, str], ...] | None = None
    n_keys: int = 1
    totals: tuple[int, ...] = ()
    row_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Written:
    """What `Report.write` wrote, and what it could not for want of an extra."""

    folder: Path
    files: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Report:
    """The report: estimates, tables, paragraph and notes; printed, or written to a folder.

    Attributes
    ----------
    lang : str
        "en" or "vi".
    years : tuple of int
        The years reported.
    pair : tuple of int or None
        The years between which changes are shown, None without a change.
    estimates : dict of str to Estimates
        What the tables were made of: province, districts, communes, changes, targets.
    tables : tuple of Table
        Province; districts, if there are any; communes, if there are any; the communes with the
        largest and the smallest reduction.
    facts : Facts
        The figures of the paragraph.
    paragraph : str
        The paragraph.
    footnotes, notes : tuple of str
        Unit, standard and source; how the file was read, and what was left out.
    """

    lang: str
    years: tuple[int, ...]
    pair: tuple[int, int] | None
    estimates: dict[str, Estimates]
    tables: tuple[Table, ...]
    facts: Facts
    paragraph: str
    footnotes: tuple[str, ...]
    notes: tuple[str, ...]

    def table(self, name: str) -> Table:
        """Return a table by its name."""
        return next(table for table in self.tables if table.name == name)

    def __str__(self) -> str:
        """Return the report as it is printed: province, districts or communes, paragraph, notes."""
        names = [table.name for table in self.tables]
        by_place = "districts" if "districts" in names else "communes"
        shown = [
            table
            for table in self.tables
            if table.name not in ("districts", "communes") or table.name == by_place
        ]
        parts = [
            f"{table.heading}\n{text.plain_table(table, self.lang, columns=_on_screen(table))}"
            for table in shown
        ]
        parts.append(self.paragraph)
        parts.append("\n".join([*self.footnotes, *self.notes]))
        return "\n\n".join(parts) + "\n"

    def __repr__(self) -> str:
        return str(self)

    def chart(self) -> Any:
        """Draw the chart: rates by district, and the communes that changed most and least.

        Returns
        -------
        matplotlib.figure.Figure
            A figure that belongs to no window.
        """
        return _chart(self)

    def write(self, out: str | os.PathLike[str]) -> Written:
        """Write tables (CSV, Excel), chart and text to a folder.

        The files are made in a folder beside it and moved there when all are complete. Only files
        that a report writes are replaced; others in the folder stay. If anything fails, the folder
        is as it was.

        Parameters
        ----------
        out : str or path
            The folder; it is made if it does not exist.

        Returns
        -------
        Written
            The files, and the pip line for each that needs an extra which is not installed.
        """
        return _write(self, Path(out))


def report(
    data: Any = None,
    *,
    population: Any = None,
    years: Sequence[int] | None = None,
    standard: Any = None,
    plan: float | None = None,
    lang: str = "en",
    place: str | None = None,
    source: str | None = None,
    **reading: Any,
) -> Report:
    """Make the report of a poverty review from a household register.

    Parameters
    ----------
    data : DataFrame, mapping of int to DataFrame, or Register, optional
        One row per household and year, or one table per year. Without it the embedded synthetic
        register of Lạng Sơn and its plan of 3.0 points a year.
    population : DataFrame, optional
        Numbers of all households by place and year (column `population`), for a register that
        lists only the reviewed ones.
    years : sequence of int, optional
        The years to report; all if not said.
    standard : str, Standard or mapping of int to either, optional
        The poverty standard of the classes; the column `standard` where not given.
    plan : float, optional
        The fall of the poverty rate planned for a year, a fraction: 3 points are 0.03.
    lang : {"en", "vi"}, optional
        Language of the tables and the paragraph.
    place : str, optional
        Name of the province.
    source : str, optional
        Where the register comes from, for the footnotes.
    **reading
        How the table is to be read; see `povertycore.quality.register.register`.

    Returns
    -------
    Report
        Print it, or `.write(folder)`.

    Raises
    ------
    ValueRangeError
        Every household of a year is poor or near-poor and no `population` is given.
    ColumnNotFoundError, DTypeError, MissingValueError, OptionError, StandardError
        The table cannot be read as a register; the message says where.

    Examples
    --------
    Of 4 households one is poor in 2021, none in 2022.

    >>> from povertycore.present.report import report
    >>> hh = pd.DataFrame({"year": [2021] * 4 + [2022] * 4, "commune": ["A", "A", "B", "B"] * 2,
    ...                    "status": ["poor", "near_poor"] + ["other"] * 6})
    >>> report(hh).paragraph.split(". ")[0]
    'In 2022 the province had 0 poor households, 0.00% of its 4 households'
    """
    text.check_language(lang)
    synthetic = data is None
    if synthetic:
        if population is not None:
            raise OptionError(
                "the embedded register holds all households; population goes with "
                "a register of your own"
            )
        data, place = lang_son_register(), place or "Lạng Sơn"
        source = source or _told(SOURCE, lang)
        plan = LANG_SON_PLAN if plan is None else plan
    columns = reading.pop("columns", None) or {}
    own = {role: name for role, name in columns.items() if role not in NUMBERS_OF_ALL}
    reg = _read(data, standard, {**reading, "columns": own})
    frame = _of_years(reg.frame, years)
    chosen = tuple(int(year) for year in np.unique(frame["year"]))
    table = (
        None
        if population is None
        else population_table(
            population,
            columns=columns,
            years=chosen,
            digits=reading.get("digits"),
            numbers=reading.get("numbers"),
        )
    )
    _refuse_a_list(frame, chosen, table)
    if table is not None:
        table = _with_places(table, frame, reg.places)
    figures = _Figures(frame, reg.places, table)
    return _Builder(
        figures,
        chosen,
        plan,
        lang,
        place or word("province", lang),
        source,
        [_told(note, lang) for note in reg.notes],
        {name: _told(both, lang) for name, both in reg.standards.items()},
        synthetic,
    ).build()


def _told(note: Sequence[str], lang: str) -> str:
    """Return a note, or another pair of English and Vietnamese, in one language."""
    return note[text.LANGUAGES.index(lang)]


def _read(data: Any, standard: Any, reading: Mapping[str, Any]) -> Register:
    if isinstance(data, Register):
        return data
    if isinstance(data, Mapping) and data and all(isinstance(key, int) for key in data):
        parts = [
            register(part, year=year, standard=standard, **reading)
            for year, part in sorted(data.items())
        ]
        return joined(parts)
    return register(data, standard=standard, **reading)


def joined(parts: Sequence[Register]) -> Register:
    """Join the registers of several years.

    Parameters
    ----------
    parts : sequence of Register
        With the same place columns, and each year in one of them.

    Returns
    -------
    Register
        All rows; what only some of the parts have is left out and noted.
    """
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    years = [year for part in parts for year in part.years]
    twice = sorted({year for year in years if years.count(year) > 1})
    if twice:
        raise OptionError(f"more than one file holds {listing(twice)}")
    for part in parts[1:]:
        if part.places != first.places:
            raise OptionError(
                "the years have different place columns: "
                f"{', '.join(first.places)} in {first.years[0]}, {', '.join(part.places)} in "
                f"{part.years[0]}; to leave one out say --column NAME="
            )
    common = [
        name for name in first.frame.columns if all(name in part.frame.columns for part in parts)
    ]
    notes = _notes_of(parts)
    frame = pd.concat(
        [
            part.frame[common].astype(
                {name: object for name in (*first.places, "standard") if name in common}
            )
            for part in parts
        ],
        ignore_index=True,
    )
    for name in (*first.places, "standard"):
        if name in common:
            frame[name] = pd.Categorical(frame[name])
    if any("standard" in part.frame.columns for part in parts) and "standard" not in common:
        raise ComparabilityError(
            "the standard is stated for some of the years only; state it for "
            "all, as --standard 2021=vn-2016,2022=vn-2022"
        )
    if any("ethnic_minority" in part.frame for part in parts) and "ethnic_minority" not in common:
        notes.append(SOME_YEARS_ONLY)
    standards = {name: both for part in parts for name, both in part.standards.items()}
    return Register(frame, first.places, first.source, tuple(notes), standards)


def _notes_of(parts: Sequence[Register]) -> list[Note]:
    """Return the notes of several years: those of some years only say of which."""
    return list(
        dict.fromkeys(
            note
            if all(note in other.notes for other in parts) or str(part.years[0]) in note.en
            else Note(*(f"{listing(part.years)}: {told}" for told in note))
            for part in parts
            for note in part.notes
        )
    )


def _of_years(frame: Any, years: Sequence[int] | None) -> Any:
    present = [int(year) for year in np.unique(frame["year"])]
    if not present:
        raise ValueRangeError("the register has no households")
    if years is None:
        return frame
    absent = [year for year in years if year not in present]
    if absent:
        raise OptionError(
            f"the register has no households of {listing(absent)}; its years are {listing(present)}"
        )
    return frame[frame["year"].isin(list(years))].reset_index(drop=True)


def _refuse_a_list(frame: Any, years: Sequence[int], population: Any) -> None:
    """Refuse a list of reviewed households: its rates would be of the wrong households."""
    if population is not None:
        return
    for year in years:
        if bool((frame.loc[frame["year"] == year, "poor_or_near"] == 1).all()):
            raise ValueRangeError(
                f"every household of {year} is poor or near-poor: the file is a list of reviewed "
                "households, not a register of all, so that no rate follows from it; give the "
                "numbers of all households by place with --population FILE"
            )


def _with_places(population: Any, frame: Any, places: Sequence[str]) -> Any:
    """Add to the table of all households the place columns that its communes lack.

    A table by commune usually does not repeat the district. The register knows it; a commune that
    the register does not hold leaves the table as it is.
    """
    shared = [name for name in places if name in population]
    if len(shared) == len(places) or not any(name.startswith("commune") for name in shared):
        return population
    known = frame[list(places)].astype(str).drop_duplicates()
    by_name = population.assign(**{name: population[name].astype(str) for name in shared})
    if known.duplicated(shared).any() or not by_name[shared].merge(known, on=shared).shape[
        0
    ] == len(population):
        return population
    return by_name.merge(known, on=shared, how="left", sort=False)


# ---- figures ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Figures:
    """The register, and the estimates that a report asks of it."""

    frame: Any
    places: tuple[str, ...]
    population: Any

    @property
    def standard(self) -> str | None:
        return "standard" if "standard" in self.frame else None

    @property
    def has_minority(self) -> bool:
        return "ethnic_minority" in self.frame

    def has(self, level: str) -> bool:
        """Whether the register tells the places of a level apart, "district" or "commune"."""
        return any(name.startswith(level) for name in self.places)

    def keys(self, level: str) -> list[str]:
        """Name the columns that tell the places of a level apart, none if there are none.

        With a table of all households these are the columns that it has too.
        """
        known = [name for name in self.places
                 if self.population is None or name in self.population]  # fmt: skip
        if not any(name.startswith(level) for name in known):
            return []
        return [name for name in known if level == "commune" or name.startswith(level)]

    @property
    def commune_keys(self) -> list[str]:
        return self.keys("commune")

    def rates(self, keys: Sequence[str]) -> Estimates:
        """Rates of poor, near-poor and both, by place and year."""
        by = [*keys, "year"]
        if self.population is None:
            return rate(self.frame, list(COUNTED), by=by, standard=self.standard)
        return rate(
            self.frame,
            list(COUNTED),
            by=by,
            standard=self.standard,
            observed=False,
            population=self.population_by(by, "population"),
        )

    def totals(self, keys: Sequence[str]) -> Estimates:
        """Numbers of poor, near-poor and both, by place and year."""
        return total(self.frame, list(COUNTED), by=[*keys, "year"], standard=self.standard)

    def households(self) -> Estimates:
        """Numbers of all households by year."""
        if self.population is None:
            return total(self.frame, by="year", standard=self.standard)
        return total(self.population, "population", by="year")

    def minority_share(self) -> Estimates:
        """Share of minority households among the poor, by year."""
        return rate(self.frame, "ethnic_minority", by="year", where="poor", standard=self.standard)

    def minority_rate(self) -> Estimates | None:
        """Poverty rate among minority households by year, where their number is known."""
        if self.population is None:
            return rate(
                self.frame, "poor", by="year", where="ethnic_minority", standard=self.standard
            )
        if "minority_population" not in self.population:
            return None
        return rate(
            self.frame,
            "poor",
            by="year",
            where="ethnic_minority",
            standard=self.standard,
            population=self.population_by(["year"], "minority_population"),
        )

    def population_by(self, by: Sequence[str], column: str) -> Any:
        """Add the numbers of all households up to the places asked."""
        added = total(self.population, column, by=list(by)).to_frame()
        return added[list(by)].assign(population=added["estimate"].to_numpy())


def _pairs(years: Sequence[int]) -> Iterator[tuple[int, int]]:
    return zip(years, years[1:], strict=False)


class _Builder:
    """Lays the figures out. One instance makes one report."""

    def __init__(
        self,
        figures: _Figures,
        years: tuple[int, ...],
        plan: float | None,
        lang: str,
        place: str,
        source: str | None,
        notes: Sequence[str],
        standards: Mapping[str, str],
        synthetic: bool,
    ) -> None:
        self.figures = figures
        self.years = years
        self.plan = plan
        self.lang = lang
        self.place = place
        self.source = source
        self.notes = list(notes)
        self.standards = standards
        self.synthetic = synthetic
        self.estimates: dict[str, Estimates] = {}
        self.pairs: list[tuple[int, int]] = []

    def build(self) -> Report:
        figures = self.figures
        province = self.estimates["province"] = figures.rates([])
        self.pairs = [pair for pair in _pairs(self.years) if self._compare(province, pair)]
        last = self.pairs[-1] if self.pairs and self.pairs[-1][1] == self.years[-1] else None
        tables = [self._province()]
        for level in ("district", "commune"):
            keys = figures.keys(level)
            if keys:
                tables.append(self._places(f"{level}s", keys, last))
            elif figures.has(level):
                name = {"en": f"{level}s", "vi": self._word(level).lower()}[self.lang]
                self.notes.append(_told(NO_SUCH_TABLE, self.lang).format(name))
        tables += self._ranking(last)
        facts = self._facts(last)
        return Report(
            self.lang,
            self.years,
            last,
            self.estimates,
            tuple(tables),
            facts,
            text.narrative(facts, self.lang),
            self._footnotes(),
            tuple(self.notes),
        )

    def _word(self, name: str) -> str:
        return word(name, self.lang)

    def _compare(self, est: Estimates, pair: tuple[int, int]) -> bool:
        """Whether two years compare; what does not is noted."""
        try:
            change(est.select(year=list(pair)), "year")
        except ComparabilityError:
            ids = [est.select(year=year)["standard"].iloc[0] for year in pair]
            self.notes.append(_told(NOT_COMPARED, self.lang).format(*pair, *ids))
            return False
        return True

    # ---- tables ---------------------------------------------------------------------------

    def _province(self) -> Table:
        rows = list(self._province_rows())
        year_names = [str(year) for year in self.years]
        change_names = [(f"{a}-{b}", f"{a}-{b} relative") for a, b in self.pairs]
        columns = ["figure", *year_names, *[name for both in change_names for name in both]]
        labels = {"figure": self._word("figure"), **{name: name for name in year_names}}
        kinds = {"figure": "text", **dict.fromkeys(year_names, "row")}
        several = len(self.pairs) > 1
        groups: dict[str, str] = {}
        for (a, b), (difference, relative) in zip(self.pairs, change_names, strict=True):
            kinds |= {difference: "row_change", relative: "relative"}
            labels |= {difference: self._word("difference"), relative: self._word("relative")}
            if several:
                groups |= dict.fromkeys((difference, relative), f"{a}-{b}")
        frame = pd.DataFrame(
            [{"id": row["id"], **{name: row.get(name, np.nan) for name in columns}} for row in rows]
        ).drop(columns="id")
        return Table(
            "province",
            self._word("province_title"),
            self._heading(""),
            frame,
            kinds,
            labels,
            groups,
            row_kinds=tuple(row["kinds"] for row in rows),
            row_names=tuple(row["id"] for row in rows),
        )

    def _province_rows(self) -> Iterator[dict[str, Any]]:
        figures = self.figures
        yield self._row("households", figures.households(), "count")
        province, totals = self.estimates["province"], figures.totals([])
        for name in COUNTED:
            yield self._row(name, totals.select(variable=name), "count")
            yield self._row(f"{name}_rate", province.select(variable=name), "percent")
        if figures.has_minority:
            yield from self._minority_rows()
        if self.plan is not None and self.pairs:
            yield from self._plan_rows(province.select(variable="poor"))

    def _minority_rows(self) -> Iterator[dict[str, Any]]:
        share = self.estimates["minority_share"] = self.figures.minority_share()
        within = self.figures.minority_rate()
        frame = self.figures.frame
        poor = total(
            frame, "ethnic_minority", by="year", where="poor", standard=self.figures.standard
        )
        if within is not None:
            self.estimates["minority_rate"] = within
        if self.figures.population is None:
            yield self._row(
                "minority_households",
                total(frame, "ethnic_minority", by="year", standard=self.figures.standard),
                "count",
            )
        yield self._row("minority_poor", poor, "count")
        yield self._row("minority_share", share, "percent")
        if within is not None:
            yield self._row("minority_rate", within, "percent")

    def _plan_rows(self, poor: Estimates) -> Iterator[dict[str, Any]]:
        rows = {"planned": ("fall", "fall"), "fulfilment": ("fulfilment", "fulfilment")}
        made: dict[str, dict[str, Any]] = {
            name: {"id": name, "figure": self._word(name), "kinds": kinds}
            for name, kinds in rows.items()
        }
        for pair in self.pairs:
            reached = target(poor.select(year=list(pair)), "year", plan=self.plan)
            self.estimates[f"target {pair[0]}-{pair[1]}"] = reached
            for name in rows:
                made[name][f"{pair[0]}-{pair[1]}"] = float(
                    reached.select(measure=name)["estimate"].iloc[0]
                )
        yield from made.values()

    def _row(self, name: str, est: Estimates, kind: str) -> dict[str, Any]:
        values = dict(zip(est["year"], est["estimate"], strict=True))
        row: dict[str, Any] = {
            "id": name,
            "figure": self._word(name),
            "kinds": (kind, "points_in_words" if kind == "percent" else "change"),
        }
        row |= {str(year): float(value) for year, value in values.items()}
        for pair in self.pairs:
            moved = change(est.select(year=list(pair)), "year", ["difference", "relative_change"])
            self.estimates[f"change {name} {pair[0]}-{pair[1]}"] = moved
            difference, relative = moved["estimate"]
            row |= {
                f"{pair[0]}-{pair[1]}": float(difference),
                f"{pair[0]}-{pair[1]} relative": float(relative),
            }
        return row

    def _places(self, name: str, keys: list[str], pair: tuple[int, int] | None) -> Table:
        """Lay out the places of one level, a row each, and the total."""
        est = self.estimates[name] = self.figures.rates(keys)
        wide = _wide(est, keys, self.years)
        whole = _wide(self.estimates["province"], [], self.years)
        if pair is not None:
            wide, whole = self._with_changes(name, keys, wide, whole, pair)
        named = wide[keys].astype(object).astype(str)
        frame = pd.concat([named, wide.drop(columns=keys)], axis=1)
        top = {key: "" for key in keys} | {keys[-1]: self._word("total")}
        frame = pd.concat([frame, pd.DataFrame([top | whole.iloc[0].to_dict()])], ignore_index=True)
        kinds, labels, groups = self._place_columns(frame, keys, pair)
        title = self._word(f"{name.removesuffix('s')}_title")
        return Table(
            name,
            title,
            self._heading(title),
            frame,
            kinds,
            labels,
            groups,
            n_keys=len(keys),
            totals=(len(frame) - 1,),
        )

    def _with_changes(
        self, name: str, keys: list[str], wide: Any, whole: Any, pair: tuple[int, int]
    ) -> tuple[Any, Any]:
        both = list(pair)
        rates = self.estimates[name].select(year=both, variable="poor")
        moved = change(rates, "year", ["difference", "relative_change"])
        counts = change(self.figures.totals(keys).select(year=both, variable="poor"), "year")
        self.estimates[f"change {name}"] = moved
        parts = {
            "points": moved.select(measure="difference"),
            "change_households": counts,
            "relative": moved.select(measure="relative_change"),
        }
        code = f"{pair[0]}-{pair[1]}"
        top = {
            "points": self.estimates[f"change poor_rate {code}"]["estimate"].iloc[0],
            "change_households": self.estimates[f"change poor {code}"]["estimate"].iloc[0],
            "relative": self.estimates[f"change poor_rate {code}"]["estimate"].iloc[1],
        }
        if self.plan is not None:
            reached = target(rates, "year", plan=self.plan)
            parts["fulfilment"] = reached.select(measure="fulfilment")
            top["fulfilment"] = (
                self.estimates[f"target {code}"].select(measure="fulfilment")["estimate"].iloc[0]
            )
        for column, est in parts.items():
            found = est.to_frame()[[*keys, "estimate"]].rename(columns={"estimate": column})
            wide = wide.merge(found, on=keys, how="left", sort=False)
        return wide, whole.assign(**top)

    def _place_columns(
        self, frame: Any, keys: Sequence[str], pair: tuple[int, int] | None
    ) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
        kinds = dict.fromkeys(keys, "text")
        labels = {key: self._word(key) for key in keys}
        groups = {}
        for year in self.years:
            for name in ("households", *[n for c in COUNTED for n in (c, f"{c}_rate")]):
                column = f"{year} {name}"
                kinds[column] = "percent" if name.endswith("_rate") else "count"
                labels[column] = self._word(name)
                groups[column] = str(year)
        for column, kind in (
            ("points", "points"),
            ("change_households", "change"),
            ("relative", "relative"),
            ("fulfilment", "fulfilment"),
        ):
            if column in frame:
                name = "relative_rate" if column == "relative" else column
                kinds[column], labels[column] = kind, self._word(name)
                groups[column] = f"{pair[0]}-{pair[1]}" if pair else ""
        return kinds, labels, groups

    def _ranking(self, pair: tuple[int, int] | None) -> list[Table]:
        """List the communes with the largest and the smallest reduction."""
        moved = self.estimates.get("change communes")
        if pair is None or moved is None:
            return []
        rows = moved.select(measure="difference")
        order = _order_of(rows)
        if len(order) < len(rows):
            without = thousands(len(rows) - len(order), self.lang)
            self.notes.append(_told(NO_CHANGE, self.lang).format(without))
        n = min(N_RANKED, len(order) // 2)
        if n == 0:
            return []
        places = _wide(self.estimates["communes"], self.figures.commune_keys, pair)
        frame = rows.to_frame()[[*self.figures.commune_keys, "start", "end", "estimate"]]
        counts = [f"{year} poor" for year in pair]
        frame = frame.merge(
            places[[*self.figures.commune_keys, *counts]],
            on=self.figures.commune_keys,
            how="left",
            sort=False,
        )
        made = []
        for name, taken in (("largest", order[:n]), ("smallest", order[::-1][:n])):
            part = frame.iloc[taken].reset_index(drop=True)
            part[self.figures.commune_keys] = part[self.figures.commune_keys].astype(str)
            made.append(self._ranked(name, part, pair))
        return made

    def _ranked(self, name: str, frame: Any, pair: tuple[int, int]) -> Table:
        keys = self.figures.commune_keys
        ends = dict(zip(("start", "end"), [f"{year} poor_rate" for year in pair], strict=True))
        frame = frame.rename(columns={**ends, "estimate": "points"})
        frame = frame[
            [
                *keys,
                *[f"{year} {what}" for year in pair for what in ("poor", "poor_rate")],
                "points",
            ]
        ]
        kinds = dict.fromkeys(keys, "text") | {"points": "points"}
        labels = {key: self._word(key) for key in keys} | {"points": self._word("points")}
        groups = {}
        for year in pair:
            for what, kind in (("poor", "count"), ("poor_rate", "percent")):
                kinds[f"{year} {what}"] = kind
                labels[f"{year} {what}"] = self._word(what)
                groups[f"{year} {what}"] = str(year)
        title, heading = self._word(f"{name}_title"), self._word(f"{name}_heading")
        return Table(
            name, title, self._heading(heading), frame, kinds, labels, groups, n_keys=len(keys)
        )

    def _heading(self, title: str) -> str:
        years = "-".join(str(year) for year in dict.fromkeys((self.years[0], self.years[-1])))
        place = self.place[:1].upper() + self.place[1:]
        return f"{place}, {years}" + (f": {title}" if title else "")

    # ---- words ----------------------------------------------------------------------------

    def _facts(self, pair: tuple[int, int] | None) -> Facts:
        now = self._figures_of(self.years[-1])
        if pair is None:
            return Facts(self.place, now, plan=self.plan, synthetic=self.synthetic)
        code = f"{pair[0]}-{pair[1]}"
        changes = {
            name.split()[1]: float(est["estimate"].iloc[0])
            for name, est in self.estimates.items()
            if name.startswith("change ") and name.endswith(f" {code}")
        }
        fulfilment = math.nan
        if self.plan is not None:
            fulfilment = float(
                self.estimates[f"target {code}"].select(measure="fulfilment")["estimate"].iloc[0]
            )
        return Facts(
            self.place,
            now,
            self._figures_of(pair[0]),
            changes,
            float(self.estimates[f"change poor_rate {code}"]["estimate"].iloc[1]),
            self.plan,
            fulfilment,
            *self._extremes(),
            synthetic=self.synthetic,
        )

    def _figures_of(self, year: int) -> Figures:
        est = self.estimates["province"].select(year=year)
        parts: dict[str, float] = {"households": float(est["denominator"].iloc[0])}
        for name in COUNTED:
            row = est.select(variable=name)
            parts |= {
                name: float(row["numerator"].iloc[0]),
                f"{name}_rate": float(row["estimate"].iloc[0]),
            }
        if "minority_share" in self.estimates:
            share = self.estimates["minority_share"].select(year=year)
            parts |= {
                "minority_share": float(share["estimate"].iloc[0]),
                "minority_poor": float(share["numerator"].iloc[0]),
            }
        if "minority_rate" in self.estimates:
            parts["minority_rate"] = float(
                self.estimates["minority_rate"].select(year=year)["estimate"].iloc[0]
            )
        return Figures(year=year, **parts)

    def _extremes(self) -> tuple[int, int, Place | None, Place | None]:
        """Return how many communes there are, in how many the rate rose, and the extreme two."""
        moved = self.estimates.get("change communes")
        if moved is None:
            return 0, 0, None, None
        rows = moved.select(measure="difference")
        order = _order_of(rows)
        if not len(order):
            return 0, 0, None, None
        frame = rows.to_frame()
        backwards = int((frame["estimate"] > 0).sum())
        return len(order), backwards, self._place(frame, order[0]), self._place(frame, order[-1])

    def _place(self, frame: Any, row: int) -> Place:
        here = frame.iloc[row]
        keys = self.figures.commune_keys
        name = str(here["commune" if "commune" in keys else "commune_code"])
        district = next((key for key in ("district", "district_code") if key in keys), None)
        if district is not None:
            name += f" ({here[district]})"
        return Place(name, float(here["estimate"]))

    def _standard(self, name: str | None) -> str:
        """Return a standard's name with its id, or the id of one that has no name."""
        if name is None:
            return self._word("no_standard")
        return f"{self.standards[name]} ({name})" if name in self.standards else name

    def _footnotes(self) -> tuple[str, ...]:
        est = self.estimates["province"].select(variable="poor")
        ids = {
            year: None if pd.isna(name) else str(name)
            for year, name in zip(est["year"], est["standard"], strict=True)
        }
        if len(set(ids.values())) == 1:
            name = self._standard(next(iter(ids.values())))
        else:
            name = "; ".join(f"{year}: {self._standard(one)}" for year, one in ids.items())
        label = self._word("standard")
        lines = [self._word("unit"), name if name.startswith(label) else f"{label}: {name}"]
        if self.source:
            lines.append(f"{self._word('source')}: {self.source}")
        if self.synthetic:
            lines.append(_told(SYNTHETIC, self.lang))
        return tuple(lines)


def _order_of(rows: Estimates) -> Any:
    """Return the positions of the known changes, the largest fall first."""
    values = rows["estimate"].to_numpy()
    order = np.argsort(values, kind="stable")
    return order[~np.isnan(values[order])]


def _wide(est: Estimates, keys: Sequence[str], years: Sequence[int]) -> Any:
    """Spread rates with their counts: a row per place, the columns of each year side by side."""
    frame = est.to_frame()
    by = list(keys)
    places = frame[by].drop_duplicates().reset_index(drop=True) if by else pd.DataFrame(index=[0])
    for year in years:
        for name in COUNTED:
            part = frame[(frame["year"] == year) & (frame["variable"] == name)]
            part = part[[*by, "denominator", "numerator", "estimate"]].rename(
                columns={
                    "denominator": f"{year} households",
                    "numerator": f"{year} {name}",
                    "estimate": f"{year} {name}_rate",
                }
            )
            if name != COUNTED[0]:
                part = part.drop(columns=f"{year} households")
            if by:
                places = places.merge(part, on=by, how="left", sort=False)
            else:
                places = pd.concat([places, part.reset_index(drop=True)], axis=1)
    return places


def _on_screen(table: Table) -> list[str]:
    """Return the columns that fit on a screen: names without codes, the rates of the poor."""
    names = list(table.frame.columns)
    if table.name == "province":
        return names
    keys = names[: table.n_keys]
    told = [
        key for key in keys if not (key.endswith("_code") and key.removesuffix("_code") in keys)
    ]
    years = sorted({name.split()[0] for name in names if name.endswith(" poor_rate")})[-2:]
    rates = [
        name
        for year in years
        for name in (f"{year} households", f"{year} poor", f"{year} poor_rate")
        if name in names
    ]
    if len(years) > 1:
        rates = [name for name in rates if not name.endswith("households")]
    changes = [
        name for name in ("points", "change_households", "relative", "fulfilment") if name in names
    ]
    return [*told, *rates, *changes]


# ---- chart ------------------------------------------------------------------------------------


def _chart(made: Report) -> Any:
    from povertycore.errors import missing_extra

    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise missing_extra("matplotlib", "plot") from None
    from povertycore.present.plot import Plotter

    level = "districts" if "districts" in made.estimates else "communes"
    years = list(made.pair or made.years[-1:])
    levels = made.estimates.get(level, made.estimates["province"])
    levels = levels.select(variable="poor", year=years)
    moved = made.estimates.get("change communes")
    n_bars = len(levels) // len(years)
    figure = Figure(
        figsize=(11.5 if moved is not None else 6.5, 2.2 + 0.3 * min(max(n_bars, 12), 22)),
        dpi=130,
        layout="constrained",
    )
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 2 if moved is not None else 1, squeeze=False)[0]
    Plotter(levels).bar(
        ax=axes[0],
        lang=made.lang,
        sort=True,
        rows=_highest(levels, years[-1]),
        title=f"{word('poor_rate', made.lang)}, "
        f"{made.table(level).title[:1].lower()}{made.table(level).title[1:]}"
        if level in made.estimates
        else word("poor_rate", made.lang),
    )
    if moved is not None:
        rows = moved.select(measure="difference")
        order = _order_of(rows)
        n = min(N_RANKED, len(order) // 2) or len(order)
        Plotter(rows).change(
            ax=axes[1],
            lang=made.lang,
            rows=[*order[:n], *order[-n:]],
            title=word("change_title", made.lang),
        )
    heading = made.table("province").heading
    figure.suptitle(heading, x=0.01, ha="left", fontsize=13, fontweight="bold")
    figure.supxlabel("\n".join(made.footnotes[1:]), x=0.01, ha="left", fontsize=8, color="#404040")
    return figure


def _highest(levels: Estimates, year: int) -> list[int]:
    """Return the rows of the places with the highest rates, all if they are few."""
    frame = levels.to_frame()
    keys = [name for name in levels.key_names if name != "year"]
    last = frame[frame["year"] == year].sort_values("estimate", ascending=False, kind="stable")
    chosen = last[keys].head(N_CHARTED) if keys else last[[]]
    if not keys or len(last) <= N_CHARTED:
        return list(range(len(frame)))
    marked = frame[keys].merge(chosen.assign(chosen=True), on=keys, how="left", sort=False)
    return [int(row) for row in np.flatnonzero(marked["chosen"].notna())]


# ---- files ------------------------------------------------------------------------------------


def _write(made: Report, out: Path) -> Written:
    if out.exists() and not out.is_dir():
        raise OptionError(f"{str(out)!r} is a file; a folder is needed to write the report to")
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.parent / f".{out.name}.{secrets.token_hex(4)}.part"
    beside.mkdir()
    try:
        files, missing = _fill(made, beside)
        if out.exists():
            _replace_own(beside, out, files)
        else:
            beside.rename(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Written(out, tuple(files), tuple(missing))


def _fill(made: Report, folder: Path) -> tuple[list[str], list[str]]:
    """Write every file into the new folder; return their names, and what an extra lacks."""
    files, missing = ["poverty_report.txt"], []
    (folder / files[0]).write_text(str(made), encoding="utf-8")
    for table in made.tables:
        name = f"poverty_{table.name}.csv"
        if name in OWN_FILES:
            _csv_of(table).to_csv(
                folder / name, index=False, encoding="utf-8-sig", lineterminator="\n"
            )
            files.append(name)
    try:
        from povertycore.present.excel import write_tables

        write_tables(
            folder / "poverty_report.xlsx",
            made.tables,
            lang=made.lang,
            footnotes=made.footnotes,
            notes_title=word("notes_title", made.lang),
            notes=[made.paragraph, *made.footnotes, *made.notes],
        )
        files.append("poverty_report.xlsx")
    except ImportError as fault:
        missing.append(f"poverty_report.xlsx: {fault}")
    try:
        made.chart().savefig(folder / "poverty_chart.png")
        files.append("poverty_chart.png")
    except ImportError as fault:
        missing.append(f"poverty_chart.png: {fault}")
    return files, missing


def _csv_of(table: Table) -> Any:
    """Return the cells under headings that a program can read: fractions and counts."""
    frame = pd.DataFrame({name: _whole(table, name) for name in table.frame})
    frame = frame.rename(columns=lambda name: str(name).replace(" ", "_").replace("-", "_"))
    if table.row_kinds is not None:
        frame.insert(0, "name", list(table.row_names))
        frame.insert(
            2,
            "unit",
            [
                {"percent": "fraction", "fall": "fraction", "fulfilment": "fraction"}.get(
                    kind, "households"
                )
                for kind, _ in table.row_kinds
            ],
        )
    return frame


def _whole(table: Table, name: str) -> Any:
    """Return a column with its counts as whole numbers: 23511, not 23511.0."""
    kinds = [
        text.cell_kind(table.kinds[name], table.row_kinds, row) for row in range(len(table.frame))
    ]
    return pd.Series(
        [
            int(value) if kind in ("count", "change") and float(value).is_integer() else value
            for value, kind in zip(table.frame[name], kinds, strict=True)
        ],
        dtype=object,
    )


def _replace_own(new: Path, out: Path, files: Sequence[str]) -> None:
    """Put the new files in the place of the old; put the old back if that fails."""
    old = new / "replaced"
    old.mkdir()
    moved: list[str] = []
    placed: list[str] = []
    try:
        for name in OWN_FILES:
            if (out / name).exists():
                (out / name).rename(old / name)
                moved.append(name)
        for name in files:
            (new / name).rename(out / name)
            placed.append(name)
    except OSError:
        for name in placed:
            (out / name).unlink(missing_ok=True)
        for name in moved:
            (old / name).rename(out / name)
        raise
