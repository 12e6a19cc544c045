"""The class of each household under a standard: by income and deprivations, or by scores B1, B2.

With y the income per person (or B1), L the lines of the standard in the household's area and d its
number of deprivations, a rule holds when y lies in the rule's band and d in its range; the first
rule that holds gives the class. What is hard is "at or below": a household exactly at the line has
the class that the law says, whatever the unit and type of the column. So a line is never turned
into the data's unit in floating point. It is an exact fraction there, and stands for the largest
number of the column's own type that is not above it: for a number y of that type, y <= L holds
exactly when y <= that number (and y < L when y <= the largest number below L).

Rows are taken in blocks, so that beside the result only the columns' own memory is touched.
"""

from __future__ import annotations

import datetime
import math
import os
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from povertycore.errors import (
    DTypeError,
    MissingValueError,
    OptionError,
    PovertyCoreError,
    StandardError,
    StandardWarning,
    ValueRangeError,
    listing,
    unknown_option,
)
from povertycore.inputs import Frame

from .standard import AREAS, INCOME_UNITS, Rule, Standard, at_the_line, standard

__all__ = ["classify"]

Array: TypeAlias = np.ndarray[Any, Any]
# The rows of a block that stand under one standard: positions in order, or a whole block.
Rows: TypeAlias = slice | Array

BLOCK = 65_536  # rows; one block of every column stays in the processor's cache
MISSING = -1

# A median income outside these multiples of the poor line is not seen in any register or survey:
# more probably the unit is another one.
PLAUSIBLE = (Fraction(1, 5), Fraction(15))
LEAST_INCOMES = 10
MOST_INCOMES = 100_000


def classify(
    data: Any,
    std: Standard | str | os.PathLike[str] | Mapping[int, Any],
    *,
    income: Any = None,
    income_unit: str | None = None,
    area: Any = None,
    area_values: Mapping[Any, str] | None = None,
    deprivations: Sequence[str] | Mapping[str, Any] | None = None,
    count: Any = None,
    b1: Any = None,
    b2: Any = None,
    time: Any = None,
) -> Any:
    """Give each household its class: by income and deprivations, or by the scores B1 and B2.

    Parameters
    ----------
    data : DataFrame or mapping of str to array_like
        One row per household. Every column is named; no name is assumed.
    std : Standard, str, path, or mapping of int to these
        The standard, or which one holds in which year (then `time` is needed).
    income : str, optional
        Column with the income per person. Goes with `income_unit`, and with `deprivations` or
        `count` where the standard counts them.
    income_unit : {'VND/month', 'thousand VND/month', 'VND/year', 'thousand VND/year'}, optional
        Unit of `income`, per person; required with it.
    area : str, optional
        Column that holds 'rural' and 'urban'; needed where the lines differ between them.
    area_values : mapping, optional
        What other codes stand for, as ``{1: 'urban', 2: 'rural'}``.
    deprivations : list of str or mapping of str to str, optional
        The standard's whole set of indicators, columns of 0/1 or bool: a list of columns that are
        named like the indicators, or a mapping from indicator to column.
    count : str, optional
        Column with the number of deprivations, instead of `deprivations`.
    b1, b2 : str, optional
        Columns with the income score, and with the deprivation score (a multiple of 10).
    time : str, optional
        Column with the year: the standard's dates are checked, and `std` may be a mapping.

    Returns
    -------
    Series or array
        Ordered categorical of shape (n_obs,), in the order of the rows, from the poorest class: the
        frame's own kind of column, with its index for pandas. Missing where the income, the score,
        the count or the area is missing.

    Raises
    ------
    OptionError
        Both ways are given, or neither, or one is incomplete, or an option is not known.
    StandardError
        The standard lacks what the request needs, or no standard is given for a year.
    ValueRangeError, MissingValueError, DTypeError
        A value cannot stand in its column; the message names the column and the first row.

    Warns
    -----
    StandardWarning
        The standard is used outside its dates; the incomes look like another unit; or an element
        that is not verified decided the class of a row. The elements are named, once.

    Notes
    -----
    Comparison is exact in every unit and type: 1500.0 thousand VND a month are 1,500,000 VND a
    month and 18,000,000 VND a year, at the line and not above it. A number that is the result of
    a division in floating point may lie beside the line, and is compared as it stands.

    References
    ----------
    .. [1] Decree 07/2021/NĐ-CP, Article 3 clause 2; Circular 07/2021/TT-BLĐTBXH (B1, B2).

    Examples
    --------
    Three rural households: at the line with three deprivations, at the line with two, above it.

    >>> hh = pd.DataFrame({"income": [1500, 1500, 1501], "missed": [3, 2, 12],
    ...                    "area": ["rural", "rural", "rural"]})
    >>> pc.classify(hh, "vn-2022", income="income", income_unit="thousand VND/month",
    ...             count="missed", area="area").tolist()
    ['poor', 'near_poor', 'average']

    The same by scores: the line is 140 points in rural areas, a deprivation counts 10.

    >>> scores = {"b1": [140, 140, 141], "b2": [30, 20, 120], "area": ["rural"] * 3}
    >>> list(pc.classify(scores, "vn-2022", b1="b1", b2="b2", area="area"))
    ['poor', 'near_poor', 'other']
    """
    procedure = procedure_of(income, income_unit, deprivations, count, b1, b2)
    request = Request(procedure, income_unit, area is not None)
    table = standards_by_year(std, time)
    check_request(request, table, deprivations, count, area_values)
    frame = Frame.of(data, [income, area, count, b1, b2, time, *column_names(deprivations)])
    columns = Columns(
        n=frame.n,
        amount=amount_column(frame, request, income if request.by_income else b1),
        areas=None if area is None else area_codes(frame, area, area_values),
        counter=counter_of(frame, request, table, deprivations, count, b2),
    )
    choice = years_of(frame, time, table)
    classes = joined_classes(table.standards, request.procedure)
    dtype = columns.amount.values.dtype
    decisions = [Decision.of(one, request, classes, dtype) for one in table.standards]
    codes = class_codes(columns, choice, decisions)
    warn_of_years(choice, table)
    warn_of_unit(columns, choice, table, request)
    warn_of_doubts(decisions)
    values = pd.Categorical.from_codes(codes, categories=list(classes), ordered=True)
    return frame.like(values, "status")


# ---- what is asked -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """Which way leads to the classes."""

    procedure: str
    income_unit: str | None
    has_area: bool

    @property
    def by_income(self) -> bool:
        """Whether classes follow from income and deprivations."""
        return self.procedure == "income"

    @property
    def argument(self) -> str:
        """The argument that holds the amount compared with the lines."""
        return "income" if self.by_income else "b1"

    def in_data_unit(self, amount: Fraction, std: Standard) -> Fraction:
        """Turn a line of the standard exactly into the unit of the data."""
        if self.income_unit is None:
            return amount
        return amount * INCOME_UNITS[std.income_unit] / INCOME_UNITS[self.income_unit]


@dataclass(frozen=True)
class StandardTable:
    """The standards asked for, and which of them holds in which year (None: one for all)."""

    standards: tuple[Standard, ...]
    by_year: Mapping[int, int] | None

    @property
    def ids(self) -> str:
        """The ids in words."""
        return listing([std.id for std in self.standards], last=" and ")


def option_error(argument: str, message: str) -> OptionError:
    """Return an OptionError that knows its argument."""
    error = OptionError(message)
    error.argument = argument
    return error


def procedure_of(
    income: Any, income_unit: str | None, deprivations: Any, count: Any, b1: Any, b2: Any
) -> str:
    """Return "income" or "scores", whichever the arguments name; both or neither is an error."""
    one = {
        "income": income,
        "income_unit": income_unit,
        "deprivations": deprivations,
        "count": count,
    }
    other = {"b1": b1, "b2": b2}
    given = [name for name, value in (one | other).items() if value is not None]
    way = "give income= and income_unit= with deprivations= or count=, or give b1= and b2="
    if not given:
        raise option_error("income", f"nothing to classify by: {way}")
    if not set(given).isdisjoint(one) and not set(given).isdisjoint(other):
        raise option_error(
            given[-1], f"income and scores are two ways to a class: {way}; found {', '.join(given)}"
        )
    if b1 is None and b2 is None:
        check_income(income, income_unit, deprivations, count)
        return "income"
    if b1 is None or b2 is None:
        lacking = "b1" if b1 is None else "b2"
        raise option_error(lacking, f"{lacking} is missing; scores are b1= and b2= together")
    return "scores"


def check_income(income: Any, income_unit: str | None, deprivations: Any, count: Any) -> None:
    """Check the arguments of the way by income."""
    if income is None:
        raise option_error("income", "income is missing; name the column with income=")
    if income_unit is None:
        raise option_error(
            "income_unit",
            f"income_unit is missing; it must be {listing(INCOME_UNITS, last=' or ')}, per person",
        )
    if income_unit not in INCOME_UNITS:
        raise unknown_option("income_unit", income_unit, INCOME_UNITS)
    if deprivations is not None and count is not None:
        raise option_error("count", "deprivations and count say the same; give one of them")


def standards_by_year(std: Any, time: Any) -> StandardTable:
    """Read the standard, or the mapping from year to standard."""
    if not isinstance(std, Mapping):
        return StandardTable((standard(std),), None)
    if time is None:
        raise option_error(
            "time", "std maps years to standards; name the column of years with time="
        )
    if not std:
        raise StandardError("std is a mapping without a year")
    found = {year_of(year): standard(one) for year, one in std.items()}
    distinct = tuple(dict.fromkeys(found.values()))
    return StandardTable(distinct, {year: distinct.index(one) for year, one in found.items()})


def check_request(
    request: Request, table: StandardTable, deprivations: Any, count: Any, area_values: Any
) -> None:
    """Check that standards and arguments fit together."""
    counting = [std for std in table.standards if counts_deprivations(std, request.procedure)]
    given = deprivations is not None or count is not None
    if request.by_income and counting and not given:
        raise option_error(
            "deprivations", f"standard {counting[0].id!r} needs deprivations= or count="
        )
    if given and not counting:
        name = "count" if deprivations is None else "deprivations"
        raise option_error(name, f"{table.ids} goes by income alone; leave {name}= out")
    if area_values is not None and not request.has_area:
        raise option_error("area_values", "area_values needs area=, the column it speaks of")
    for std in table.standards:
        if not request.has_area and differs_by_area(std, request.procedure):
            raise option_error(
                "area", f"the lines of {std.id!r} differ between rural and urban; name area="
            )


def counts_deprivations(std: Standard, procedure: str) -> bool:
    """Whether some rule counts deprivations."""
    return any(rule.counts_deprivations for rule in std.rules(procedure))


def differs_by_area(std: Standard, procedure: str) -> bool:
    """Whether a line that some rule names differs between rural and urban."""
    lines = [std.line(bound.line) for rule in std.rules(procedure) for bound in rule.bounds]
    return any(line.rural != line.urban for line in lines)


def joined_classes(standards: Sequence[Standard], procedure: str) -> tuple[str, ...]:
    """Return the classes that a procedure can give, from the poorest, in one order for all."""
    orders = []
    for std in standards:
        reached = {rule.class_id for rule in std.rules(procedure)}
        orders.append([name for name in std.classes if name in reached])
    joined: list[str] = []
    while any(orders):
        heads = [order[0] for order in orders if order]
        free = [name for name in heads if not any(name in order[1:] for order in orders)]
        if not free:
            raise StandardError(
                f"the standards order their classes differently: {listing(dict.fromkeys(heads))}"
            )
        joined.append(free[0])
        orders = [[name for name in order if name != free[0]] for order in orders]
    return tuple(joined)


# ---- columns -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NamedArray:
    """One column with the words for messages about it."""

    argument: str
    column: str
    values: Array

    def fault(
        self, kind: type[PovertyCoreError], row: int, problem: str, rule: str
    ) -> PovertyCoreError:
        """Return the error about one row."""
        error = kind(f"{self.argument}[{row}] {problem} (column {self.column!r}); {rule}")
        error.argument, error.column, error.row = self.argument, self.column, row
        return error

    def first_fault(
        self, kind: type[PovertyCoreError], rows: Rows, wrong: Array, problem: str, rule: str
    ) -> None:
        """Raise about the first row that is wrong, if one is."""
        if wrong.any():
            raise self.fault(kind, row_number(rows, int(wrong.argmax())), problem, rule)


Counter: TypeAlias = Callable[[Standard, Rows], Array]


@dataclass(frozen=True)
class Columns:
    """What the classes follow from."""

    n: int
    amount: NamedArray
    areas: Array | None
    counter: IndicatorCounter | CountCounter | ScoreCounter | None


def row_number(rows: Rows, position: int) -> int:
    """Return the row of the frame at a position within some rows."""
    return int(rows.start) + position if isinstance(rows, slice) else int(rows[position])


def blocks(n: int) -> Iterator[slice]:
    """Yield the blocks of n rows."""
    for start in range(0, n, BLOCK):
        yield slice(start, min(start + BLOCK, n))


def named_array(frame: Frame, argument: str, column: Any, rule: str) -> NamedArray:
    """Take one column that must hold numbers."""
    found = NamedArray(
        argument, column if isinstance(column, str) else argument, frame.array(column)
    )
    if found.values.dtype.kind not in "iufb":
        error = DTypeError(f"{argument} holds no numbers (column {found.column!r}); {rule}")
        error.argument, error.column = argument, found.column
        raise error
    return found


def amount_column(frame: Frame, request: Request, column: Any) -> NamedArray:
    """Take the income, or the score B1."""
    rule = "incomes are finite numbers" if request.by_income else "scores are finite numbers"
    found = named_array(frame, request.argument, column, rule)
    if found.values.dtype.kind == "b":
        error = DTypeError(f"{found.argument} is true or false (column {found.column!r}); {rule}")
        error.argument, error.column = found.argument, found.column
        raise error
    for rows in blocks(frame.n):
        if found.values.dtype.kind == "f":
            found.first_fault(
                ValueRangeError, rows, np.isinf(found.values[rows]), "is infinite", rule
            )
    return found


def area_codes(frame: Frame, area: Any, area_values: Mapping[Any, str] | None) -> Array:
    """Return 0 for rural, 1 for urban, -1 where the area is missing."""
    given = area_values if area_values is not None else {name: name for name in AREAS}
    wanted = {composed(label): name for label, name in given.items()}
    for name in wanted.values():
        if name not in AREAS:
            raise unknown_option("a value of area_values", name, AREAS)
    column = NamedArray("area", area if isinstance(area, str) else "area", frame.array(area))
    codes = np.empty(frame.n, np.int8)
    unlisted = -2
    for rows in blocks(frame.n):
        positions, labels = pd.factorize(column.values[rows])
        names = [wanted.get(composed(label)) for label in labels]
        known = [unlisted if name is None else AREAS.index(name) for name in names]
        codes[rows] = np.array([*known, MISSING], np.int8)[positions]
        column.first_fault(
            ValueRangeError,
            rows,
            codes[rows] == unlisted,
            "is not listed" if area_values is not None else "is neither 'rural' nor 'urban'",
            f"area_values lists {listing(wanted)}"
            if area_values is not None
            else "name other codes in area_values, as {1: 'urban', 2: 'rural'}",
        )
    return codes


def composed(label: Any) -> Any:
    """Return a label in NFC, in which labels are compared."""
    return unicodedata.normalize("NFC", label) if isinstance(label, str) else label


def counter_of(
    frame: Frame, request: Request, table: StandardTable, deprivations: Any, count: Any, b2: Any
) -> IndicatorCounter | CountCounter | ScoreCounter | None:
    """Return what counts deprivations."""
    if not request.by_income:
        return ScoreCounter(named_array(frame, "b2", b2, "B2 is a multiple of 10"))
    if count is not None:
        return CountCounter(named_array(frame, "count", count, "a count is a whole number"))
    if deprivations is not None:
        columns = indicator_columns(deprivations, table)
        return IndicatorCounter(
            {name: named_array(frame, name, c, INDICATOR_RULE) for name, c in columns.items()}
        )
    return None


def column_names(deprivations: Any) -> list[Any]:
    """Return the columns that `deprivations` names, whether a list or a mapping."""
    if isinstance(deprivations, Mapping):
        return list(deprivations.values())
    return list(deprivations) if isinstance(deprivations, Iterable) else []


def indicator_columns(deprivations: Any, table: StandardTable) -> dict[str, Any]:
    """Return the column of each indicator, in the order of the standards."""
    if isinstance(deprivations, str) or not isinstance(deprivations, Iterable):
        raise option_error("deprivations", "deprivations is a list of columns, or a mapping")
    given = (
        dict(deprivations)
        if isinstance(deprivations, Mapping)
        else {name: name for name in deprivations}
    )
    wanted: list[str] = []
    for std in table.standards:
        if not counts_deprivations(std, "income"):
            continue
        if not std.indicators:
            raise StandardError(f"standard {std.id!r} has no indicators; give count=")
        wanted += [name for name in std.indicator_ids if name not in wanted]
    lacking = [name for name in wanted if name not in given]
    foreign = [name for name in given if name not in wanted]
    if lacking or foreign:
        parts = [f"lacks {listing(lacking)}"] if lacking else []
        parts += [f"has {listing(foreign)}, which it does not know"] if foreign else []
        raise option_error(
            "deprivations",
            f"deprivations must be the whole set of indicators of {table.ids}: it "
            f"{' and '.join(parts)}; columns with other names are given as a mapping "
            "{indicator: column}",
        )
    return {name: given[name] for name in wanted}


INDICATOR_RULE = "an indicator is 0 or 1, true or false, in every row"


@dataclass(frozen=True)
class IndicatorCounter:
    """Counts the indicators in which a household is deprived."""

    columns: Mapping[str, NamedArray]

    def counts(self, std: Standard, rows: Rows) -> Array:
        """Return the number of deprivations of each row."""
        deprived = [self.columns[name].values[rows] for name in std.indicator_ids]
        counts = np.zeros(deprived[0].shape, np.int16)
        wrong = np.zeros(deprived[0].shape, bool)
        for values in deprived:
            if values.dtype.kind != "b":
                wrong |= (values != 0) & (values != 1)
        if wrong.any():
            self.fail(std, rows, int(wrong.argmax()))
        for values in deprived:
            counts += values.astype(np.int8, copy=False) if values.dtype.kind == "f" else values
        return counts

    def fail(self, std: Standard, rows: Rows, position: int) -> None:
        """Raise about the first indicator that is wrong in a row."""
        for name in std.indicator_ids:
            column = self.columns[name]
            value = column.values[rows][position]
            row = row_number(rows, position)
            if np.isnan(value):
                raise column.fault(
                    MissingValueError, row, "is missing", f"{INDICATOR_RULE}; or give count="
                )
            if value not in (0, 1):
                raise column.fault(ValueRangeError, row, "is neither 0 nor 1", INDICATOR_RULE)

    def doubtful(self, std: Standard, rows: Rows) -> Iterator[tuple[str, Array]]:
        """Yield the unverified indicators, and where a household is deprived in them."""
        for indicator in std.indicators:
            if not indicator.verified:
                yield indicator.title, self.columns[indicator.id].values[rows] == 1


@dataclass(frozen=True)
class CountCounter:
    """Takes the number of deprivations from a column."""

    column: NamedArray

    def counts(self, std: Standard, rows: Rows) -> Array:
        """Return the number of deprivations of each row, -1 where it is missing."""
        most = len(std.indicators) or None
        return whole_numbers(
            self.column,
            rows,
            1,
            most,
            "is no number of indicators",
            f"a count is a whole number from 0{f' to {most}' if most else ''}",
        )

    def doubtful(self, std: Standard, rows: Rows) -> Iterator[tuple[str, Array]]:
        """Yield nothing: a count does not tell its indicators apart."""
        yield from ()


@dataclass(frozen=True)
class ScoreCounter:
    """Takes the number of deprivations from the score B2."""

    column: NamedArray

    def counts(self, std: Standard, rows: Rows) -> Array:
        """Return the number of deprivations of each row, -1 where the score is missing."""
        if std.score_scale is None or not std.indicators:
            raise StandardError(f"standard {std.id!r} has no indicators that B2 could count")
        points = std.score_scale.points_per_deprivation
        most = len(std.indicators)
        return whole_numbers(
            self.column,
            rows,
            points,
            most,
            "is no score of deprivations",
            f"B2 is a multiple of {points} from 0 to {points * most}",
        )

    def doubtful(self, std: Standard, rows: Rows) -> Iterator[tuple[str, Array]]:
        """Yield nothing: a score does not tell its indicators apart."""
        yield from ()


def whole_numbers(
    column: NamedArray, rows: Rows, points: int, most: int | None, problem: str, rule: str
) -> Array:
    """Return values / points where that is a whole number from 0 to `most`, -1 where missing."""
    values = column.values[rows]
    if values.dtype.kind == "b":
        values = values.view(np.uint8)
    top = (np.iinfo(np.int16).max if most is None else most) * points
    is_float = values.dtype.kind == "f"
    with np.errstate(invalid="ignore"):  # NaN and infinity leave no remainder
        remainders = np.fmod(values, points) if is_float else values % points
    missing = np.isnan(values) if is_float else np.zeros(values.shape, bool)
    wrong = ~((values >= 0) & (values <= top) & (remainders == 0) | missing)
    column.first_fault(ValueRangeError, rows, wrong, problem, rule)
    numbers = np.where(missing, MISSING * points, values) / points if is_float else values // points
    return numbers.astype(np.int16)


# ---- years ---------------------------------------------------------------------------------------


def year_of(label: Any) -> int:
    """Return the year that a label names.

    Examples
    --------
    >>> year_of(2022), year_of("2022"), year_of(2022.0), year_of(pd.Period("2022-03", "M"))
    (2022, 2022, 2022, 2022)
    """
    if isinstance(label, np.datetime64):
        label = pd.Timestamp(label)
    if isinstance(label, datetime.date | pd.Period):
        return int(label.year)
    if isinstance(label, str) and len(label) == 4 and label.isdecimal():
        return int(label)
    number = isinstance(label, int | float | np.integer | np.floating)
    if number and not isinstance(label, bool) and float(label).is_integer():
        return int(label)
    raise ValueRangeError(f"{label!r} is not a year")


@dataclass
class YearChoice:
    """Which standard each row stands under (None: the only one), and the rows of each year."""

    positions: Array | None
    rows_by_year: dict[int, int]


def years_of(frame: Frame, time: Any, table: StandardTable) -> YearChoice:
    """Read the years: find each row's standard and count the rows of every year."""
    if time is None:
        return YearChoice(None, {})
    column = NamedArray("time", time if isinstance(time, str) else "time", frame.array(time))
    several = table.by_year is not None and len(table.standards) > 1
    positions = np.empty(frame.n, np.int16) if several else None
    counted: dict[int, int] = {}
    for rows in blocks(frame.n):
        places, labels = pd.factorize(column.values[rows])
        column.first_fault(
            MissingValueError, rows, places == MISSING, "is missing", "every row needs a year"
        )
        years = read_years(column, rows, places, labels)
        for year, number in zip(years, np.bincount(places, minlength=len(years)), strict=True):
            counted[year] = counted.get(year, 0) + int(number)
        found = [standard_of(year, table) for year in years]
        if positions is not None:
            positions[rows] = np.array(found, np.int16)[places]
    return YearChoice(positions, counted)


def read_years(column: NamedArray, rows: slice, places: Array, labels: Iterable[Any]) -> list[int]:
    """Return the years that labels name; the first row that names none is an error."""
    years = []
    for place, label in enumerate(labels):
        try:
            years.append(year_of(label))
        except ValueRangeError:
            rule = "a year is a whole number, four digits of text, a date or a period"
            column.first_fault(ValueRangeError, rows, places == place, "is not a year", rule)
    return years


def standard_of(year: int, table: StandardTable) -> int:
    """Return the position of the standard of a year."""
    if table.by_year is None:
        return 0
    if year not in table.by_year:
        raise StandardError(
            f"std names no standard for {year}; it names one for {listing(sorted(table.by_year))}"
        )
    return table.by_year[year]


# ---- the lines in the data's own numbers ---------------------------------------------------------


def largest_at_most(line: Fraction, dtype: np.dtype[Any], *, strictly: bool) -> Any:
    """Return the largest number of a type that is <= line (< line if strictly).

    Examples
    --------
    A third lies between two doubles; the largest not above it is the one below.

    >>> bool(largest_at_most(Fraction(1, 3), np.dtype("f8"), strictly=False) == 1 / 3)
    True
    >>> int(largest_at_most(Fraction(1500), np.dtype("i4"), strictly=True))
    1499
    """
    if dtype.kind in "iu":
        whole = math.ceil(line) - 1 if strictly else math.floor(line)
        limits = np.iinfo(dtype)
        return dtype.type(min(max(whole, int(limits.min)), int(limits.max)))
    with np.errstate(over="ignore"):
        number = dtype.type(float(line))
    while is_beyond(number, line, strictly):
        number = np.nextafter(number, dtype.type(-np.inf))
    return number


def is_beyond(number: Any, line: Fraction, strictly: bool) -> bool:
    """Whether a floating number lies above the line, or on it if strictly."""
    if np.isinf(number):
        return True
    exact = Fraction(float(number))
    return exact >= line if strictly else exact > line


# ---- deciding ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cut:
    """The numbers up to which an amount lies below a line, by area."""

    rural: Any
    urban: Any

    def below(self, amounts: Array, areas: Array | None) -> Array:
        """Whether each amount lies below the cut; false where it is missing."""
        if self.rural == self.urban or areas is None:
            return np.asarray(amounts <= self.rural)
        return np.asarray(amounts <= np.stack([self.rural, self.urban])[areas])


# A side of a cut: its number, and whether the rows lie below it.
Side: TypeAlias = tuple[int, bool]


@dataclass(frozen=True)
class Doubt:
    """Something not verified, and where it decides: among the rows that a rule could take."""

    title: str
    sides: tuple[Side, ...]


@dataclass(frozen=True)
class Step:
    """A rule over cuts, and what about it is not verified."""

    code: int
    sides: tuple[Side, ...]
    at_least: int | None
    below: int | None
    doubts: tuple[Doubt, ...]

    @property
    def counts_deprivations(self) -> bool:
        """Whether the rule counts deprivations."""
        return self.at_least is not None or self.below is not None

    def in_range(self, rows: Array, counts: Array | None) -> Array:
        """Return those rows whose number of deprivations fits the rule."""
        fitting = rows.copy()
        if self.at_least is not None and counts is not None:
            fitting &= counts >= self.at_least
        if self.below is not None and counts is not None:
            fitting &= counts < self.below
        return fitting


def step_of(
    rule: Rule, std: Standard, classes: Sequence[str], cuts: Mapping[tuple[str, bool], int]
) -> Step:
    """Turn a rule into a step over cuts."""
    sides = tuple((cuts[b.line, b.cuts_strictly], b.takes_below) for b in rule.bounds)
    doubts = [] if rule.verified else [Doubt(rule.title, sides)]
    for position, bound in enumerate(rule.bounds):
        others = sides[:position] + sides[position + 1 :]
        line = std.line(bound.line)
        if not line.verified:
            doubts.append(Doubt(line.title, others))
        if not rule.bounds_verified:
            exactly_there = ((cuts[line.id, False], True), (cuts[line.id, True], False))
            doubts.append(Doubt(at_the_line(rule), others + exactly_there))
    return Step(
        code=classes.index(rule.class_id),
        sides=sides,
        at_least=rule.deprivations_at_least,
        below=rule.deprivations_below,
        doubts=tuple(doubts),
    )


def cuts_of(rules: Iterable[Rule]) -> dict[tuple[str, bool], int]:
    """Return a number for each cut of rules: a line, and whether an amount at it lies above."""
    found: dict[tuple[str, bool], int] = {}
    for rule in rules:
        for bound in rule.bounds:
            needed = (bound.cuts_strictly,) if rule.bounds_verified else (False, True)
            for strictly in needed:
                found.setdefault((bound.line, strictly), len(found))
    return found


@dataclass
class Decision:
    """The rules of one standard, made ready for columns of one type."""

    std: Standard
    cuts: list[Cut]
    steps: list[Step]
    decided: dict[str, None] = field(default_factory=dict)  # titles, in the order of meeting

    @classmethod
    def of(
        cls, std: Standard, request: Request, classes: Sequence[str], dtype: np.dtype[Any]
    ) -> Decision:
        """Turn the lines into numbers of the data, and the rules into steps over them."""
        rules = std.rules(request.procedure)
        numbers = cuts_of(rules)
        cuts = []
        for name, strictly in numbers:
            line = std.line(name)
            amounts = [request.in_data_unit(a, std) for a in (line.rural, line.urban)]
            cuts.append(Cut(*(largest_at_most(a, dtype, strictly=strictly) for a in amounts)))
        return cls(std, cuts, [step_of(rule, std, classes, numbers) for rule in rules])

    def codes(self, columns: Columns, rows: Rows) -> Array:
        """Return the class code of each row, -1 where an input is missing."""
        amounts = columns.amount.values[rows]
        areas = None if columns.areas is None else columns.areas[rows]
        counts = None
        if columns.counter is not None and any(step.counts_deprivations for step in self.steps):
            counts = columns.counter.counts(self.std, rows)
        below = [cut.below(amounts, areas) for cut in self.cuts]
        codes = np.full(amounts.shape, MISSING, np.int8)
        waiting = known_rows(amounts, areas, counts)
        by_count = np.zeros(amounts.shape, bool)
        for step in self.steps:
            fitting = step.in_range(waiting, counts)
            holds = on_sides(fitting, step.sides, below)
            np.putmask(codes, holds, step.code)
            waiting &= ~holds
            if step.counts_deprivations:
                by_count |= holds
            self.note_doubts(step, fitting, below)
        if counts is not None and columns.counter is not None:
            self.note_indicators(columns.counter.doubtful(self.std, rows), by_count)
        return codes

    def note_doubts(self, step: Step, rows: Array, below: list[Array]) -> None:
        """Note what is not verified about a rule, if it decided some of the rows."""
        for doubt in step.doubts:
            if doubt.title not in self.decided and on_sides(rows, doubt.sides, below).any():
                self.decided[doubt.title] = None

    def note_indicators(self, doubtful: Iterable[tuple[str, Array]], by_count: Array) -> None:
        """Note the indicators not verified that were counted where the count decided."""
        for title, deprived in doubtful:
            if title not in self.decided and (deprived & by_count).any():
                self.decided[title] = None


def on_sides(rows: Array, sides: Iterable[Side], below: list[Array]) -> Array:
    """Return those rows that lie on the given sides of cuts."""
    inside = rows.copy()
    for cut, is_below in sides:
        inside &= below[cut] if is_below else ~below[cut]
    return inside


def known_rows(amounts: Array, areas: Array | None, counts: Array | None) -> Array:
    """Return the rows where nothing is missing."""
    known = ~np.isnan(amounts) if amounts.dtype.kind == "f" else np.ones(amounts.shape, bool)
    if areas is not None:
        known &= areas != MISSING
    if counts is not None:
        known &= counts != MISSING
    return known


def class_codes(columns: Columns, choice: YearChoice, decisions: Sequence[Decision]) -> Array:
    """Return the class code of every row, -1 where an input is missing."""
    codes = np.empty(columns.n, np.int8)
    for rows in blocks(columns.n):
        if choice.positions is None:
            codes[rows] = decisions[0].codes(columns, rows)
            continue
        positions = choice.positions[rows]
        for number, decision in enumerate(decisions):
            own = np.flatnonzero(positions == number) + rows.start
            if own.size:
                codes[own] = decision.codes(columns, own)
    return codes


# ---- warnings ------------------------------------------------------------------------------------


def warn(message: str) -> None:
    """Warn at the line that called `classify`."""
    warnings.warn(message, StandardWarning, stacklevel=4)


def warn_of_doubts(decisions: Iterable[Decision]) -> None:
    """Warn once, naming every element that decided a row without being verified."""
    parts = [f"{one.std.id}: {'; '.join(one.decided)}" for one in decisions if one.decided]
    if parts:
        warn(
            "elements of the standard that are not verified decided the class of rows: "
            f"{'; '.join(parts)} (sources in .unverified())"
        )


def warn_of_years(choice: YearChoice, table: StandardTable) -> None:
    """Warn once of the years in which a standard does not hold."""
    parts = []
    for number, std in enumerate(table.standards):
        outside = [
            str(year)
            for year in sorted(choice.rows_by_year)
            if standard_of(year, table) == number and not std.holds_in(year)
        ]
        if outside:
            parts.append(
                f"{std.id} holds from {std.valid_from} to {std.valid_to}"
                f"{baseline_words(std)} and is used for {', '.join(outside)}"
            )
    if parts:
        warn("; ".join(parts))


def baseline_words(std: Standard) -> str:
    """Write the baseline years, if there are any."""
    years = ", ".join(str(year) for year in std.baseline_years)
    return f" (baseline {years})" if years else ""


def warn_of_unit(
    columns: Columns, choice: YearChoice, table: StandardTable, request: Request
) -> None:
    """Warn if the median income would be plausible in another unit only."""
    if request.income_unit is None:
        return
    for number, std in enumerate(table.standards):
        median = median_amount(columns.amount.values, choice.positions, number)
        if median is None:
            continue
        line = std.line(next(b.line for rule in std.rules("income") for b in rule.bounds))
        multiple = median / request.in_data_unit((line.rural + line.urban) / 2, std)
        if is_plausible(multiple):
            continue
        size = INCOME_UNITS[request.income_unit]
        others = [
            unit for unit, other in INCOME_UNITS.items() if is_plausible(multiple * other / size)
        ]
        hint = f"; is it {listing(others, last=' or ')}?" if others else ""
        return warn(
            f"income does not look like {request.income_unit!r} per person (column "
            f"{columns.amount.column!r}): its median is {float(multiple):.3g} times the line "
            f"{line.id!r} of {std.id}{hint}"
        )


def is_plausible(multiple: Fraction) -> bool:
    """Whether a median income may be this multiple of the poor line."""
    return PLAUSIBLE[0] <= multiple <= PLAUSIBLE[1]


def median_amount(amounts: Array, positions: Array | None, number: int) -> Fraction | None:
    """Return the median of evenly spread rows of a standard, None if they are too few to tell."""
    step = max(1, len(amounts) // MOST_INCOMES)
    sample = amounts[::step]
    if positions is not None:
        sample = sample[positions[::step] == number]
    if sample.dtype.kind == "f":
        sample = sample[~np.isnan(sample)]
    if len(sample) < LEAST_INCOMES:
        return None
    return Fraction(float(np.median(sample.astype(np.float64))))
