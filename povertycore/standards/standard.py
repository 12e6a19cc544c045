"""A poverty standard as data: lines, rules, indicators, validity dates and where each was read.

A standard is a TOML file. Reading it checks it (unknown keys, repeated ids, lines that are not
positive, dates that overlap, names that point nowhere, households that no rule reaches) and gives
a frozen record. Nothing about a particular standard is written in Python: the Vietnamese ones and
a province's own file go the same way.

Every element says whether it is verified and from which source. A known but unverified element is
used, and marked wherever it shows; an element whose value is not known is absent from the file.
"""

from __future__ import annotations

import datetime
import difflib
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from povertycore.errors import StandardError, unknown_option

if TYPE_CHECKING:
    from povertycore.measures.spec import Spec

__all__ = ["INCOME_UNITS", "Standard", "standard"]

AREAS = ("rural", "urban")

# VND per person and month that one unit of the data stands for; exact, so that lines are compared
# exactly in any of them.
INCOME_UNITS: Mapping[str, Fraction] = {
    "VND/month": Fraction(1),
    "thousand VND/month": Fraction(1000),
    "VND/year": Fraction(1, 12),
    "thousand VND/year": Fraction(1000, 12),
}

MARK = "†"

# A bound of a rule: the end of its key in the file, and how it reads.
BOUNDS = {"at_most": "<=", "below": "<", "above": ">", "at_least": ">="}


# ---- the elements --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What every element carries: whether it was read, where, and what to know about it."""

    verified: bool
    source: tuple[str, ...]
    note: str = ""

    @property
    def title(self) -> str:
        """Name the element in words."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class LegalText(Evidence):
    """A decree, decision or circular."""

    id: str
    en: str
    vi: str

    @property
    def title(self) -> str:
        """Name the element in words."""
        return f"legal text {self.id!r}"


@dataclass(frozen=True, kw_only=True)
class Validity(Evidence):
    """A span of dates, both included, in which the standard holds by a legal text."""

    start: datetime.date
    end: datetime.date
    legal: str

    @property
    def title(self) -> str:
        """Name the element in words."""
        return f"validity {self.start} to {self.end}"


@dataclass(frozen=True, kw_only=True)
class Baseline(Evidence):
    """A year before the validity that was reviewed under the standard as well."""

    year: int

    @property
    def title(self) -> str:
        """Name the element in words."""
        return f"baseline year {self.year}"


@dataclass(frozen=True, kw_only=True)
class ClassName(Evidence):
    """A class of households."""

    id: str
    en: str
    vi: str

    @property
    def title(self) -> str:
        """Name the element in words."""
        return f"class {self.id!r}"


@dataclass(frozen=True, kw_only=True)
class Line(Evidence):
    """An amount of income, or a score, for each area."""

    id: str
    en: str
    vi: str
    rural: Fraction
    urban: Fraction

    @property
    def title(self) -> str:
        """Name the element in words."""
        return f"line {self.id!r}"


@dataclass(frozen=True, kw_only=True)
class ScoreScale(Evidence):
    """How many points of B2 one deprivation counts."""

    points_per_deprivation: int

    @property
    def title(self) -> str:
        """Name the element in words."""
        return "points per deprivation"


class Bound(NamedTuple):
    """One side of a rule's band: the amount stands in `relation` to the line."""

    relation: str
    line: str

    @property
    def takes_below(self) -> bool:
        """Whether the band lies below the line."""
        return self.relation in ("<=", "<")

    @property
    def cuts_strictly(self) -> bool:
        """Whether an amount exactly at the line lies above the cut."""
        return self.relation in ("<", ">=")

    def holds(self, amount: Fraction, line: Fraction) -> bool:
        """Whether the amount lies in the band."""
        is_below = amount < line if self.cuts_strictly else amount <= line
        return is_below == self.takes_below


@dataclass(frozen=True, kw_only=True)
class Rule(Evidence):
    """One rule of a procedure: when every condition holds, the household has the class."""

    class_id: str
    procedure: str
    bounds: tuple[Bound, ...]
    deprivations_at_least: int | None = None
    deprivations_below: int | None = None
    bounds_verified: bool = True
    bounds_source: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Name the element in words."""
        return f"rule {self.class_id!r} by {self.procedure}: {self.conditions}"

    @property
    def conditions(self) -> str:
        """Write the conditions."""
        word = "income" if self.procedure == "income" else "B1"
        parts = [f"{word} {bound.relation} {bound.line}" for bound in self.bounds]
        if self.deprivations_at_least is not None:
            parts.append(f"deprivations >= {self.deprivations_at_least}")
        if self.deprivations_below is not None:
            parts.append(f"deprivations < {self.deprivations_below}")
        return " and ".join(parts) or "all that are left"

    @property
    def counts_deprivations(self) -> bool:
        """Whether the number of deprivations is among the conditions."""
        return self.deprivations_at_least is not None or self.deprivations_below is not None


@dataclass(frozen=True, kw_only=True)
class Dimension(Evidence):
    """A dimension of deprivation."""

    id: str
    en: str
    vi: str

    @property
    def title(self) -> str:
        """Name the element in words."""
        return f"dimension {self.id!r}"


@dataclass(frozen=True, kw_only=True)
class Wording(Evidence):
    """When a household is deprived in an indicator."""

    en: str
    vi: str
    indicator: str

    @property
    def title(self) -> str:
        """Name the element in words."""
        return f"wording of indicator {self.indicator!r}"


@dataclass(frozen=True, kw_only=True)
class Indicator(Evidence):
    """An indicator of deprivation; its mark is that of its name and its place in the list."""

    id: str
    dimension: str
    en: str
    vi: str
    wording: Wording | None = None

    @property
    def title(self) -> str:
        """Name the element in words."""
        return f"indicator {self.id!r}"


class Source(NamedTuple):
    """Where elements were read."""

    id: str
    text: str


class Unverified(NamedTuple):
    """An element that is used although it is not verified."""

    element: str
    sources: tuple[str, ...]
    note: str


# ---- the standard --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, repr=False)
class Standard:
    """A dated poverty standard, read from a file by `pc.standard`.

    Attributes
    ----------
    id : str
        The name by which estimates carry it, as "vn-2022".
    name, name_vi : str
        Its name in English and Vietnamese.
    classes : tuple of str
        The classes from the poorest, as ("poor", "near_poor", "average", "other").
    class_names : tuple of ClassName
        The same with their names in English and Vietnamese.
    valid_from, valid_to : datetime.date
        The first and the last day on which it holds.
    baseline_years : tuple of int
        Years reviewed under it beside the standard of the time; they count as valid.
    legal, validity : tuple
        The legal texts, and which of them makes it hold when.
    income_unit : str
        The unit of the lines, per person.
    lines, score_lines : tuple of Line
        Income lines and lines of the score B1 by area: `.rural`, `.urban`, exact fractions.
    income_rules, score_rules : tuple of Rule
        The rules in the order in which they are tried.
    dimensions, indicators : tuple
        Dimensions, and indicators with `.id`, `.dimension`, `.en`, `.vi`, `.wording`.
    sources : tuple of Source
        What the elements' `source` names stand for.

    Examples
    --------
    >>> std = pc.standard("vn-2022")
    >>> std.classes
    ('poor', 'near_poor', 'average', 'other')
    >>> int(std.line("poor_line").rural), int(std.line("poor_line").urban)
    (1500000, 2000000)
    >>> std.holds_in(2021), std.holds_in(2020)
    (True, False)
    """

    id: str
    name: str
    name_vi: str
    notes: tuple[str, ...]
    legal: tuple[LegalText, ...]
    validity: tuple[Validity, ...]
    baselines: tuple[Baseline, ...]
    class_names: tuple[ClassName, ...]
    income_unit: str
    lines: tuple[Line, ...]
    score_lines: tuple[Line, ...]
    score_scale: ScoreScale | None
    income_rules: tuple[Rule, ...]
    score_rules: tuple[Rule, ...]
    dimensions: tuple[Dimension, ...]
    indicators: tuple[Indicator, ...]
    sources: tuple[Source, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """The ids of the classes from the poorest."""
        return tuple(name.id for name in self.class_names)

    @property
    def indicator_ids(self) -> tuple[str, ...]:
        """The ids of the indicators in the order of the standard."""
        return tuple(indicator.id for indicator in self.indicators)

    @property
    def valid_from(self) -> datetime.date:
        """The first day on which the standard holds."""
        return min(span.start for span in self.validity)

    @property
    def valid_to(self) -> datetime.date:
        """The last day on which the standard holds."""
        return max(span.end for span in self.validity)

    @property
    def baseline_years(self) -> tuple[int, ...]:
        """Years reviewed under it beside the standard of the time."""
        return tuple(baseline.year for baseline in self.baselines)

    def holds_in(self, year: int) -> bool:
        """Whether the standard holds on some day of the year, or the year is a baseline."""
        return year in self.baseline_years or any(
            span.start.year <= year <= span.end.year for span in self.validity
        )

    def line(self, name: str) -> Line:
        """Return an income line or a score line by its id."""
        for line in (*self.lines, *self.score_lines):
            if line.id == name:
                return line
        known = ", ".join(repr(line.id) for line in (*self.lines, *self.score_lines))
        raise StandardError(f"standard {self.id!r} has no line {name!r}; it has {known}")

    def rules(self, procedure: str) -> tuple[Rule, ...]:
        """Return the rules of a procedure, "income" or "scores".

        Raises
        ------
        StandardError
            The file has no such rules: how this standard classifies that way is not known.
        """
        rules = self.income_rules if procedure == "income" else self.score_rules
        if not rules:
            lacking = "income rules" if procedure == "income" else "score lines (B1, B2)"
            raise StandardError(f"standard {self.id!r} has no {lacking}")
        return rules

    def spec(self) -> Spec:
        """Return the deprivations that the standard counts as a specification.

        Every indicator weighs alike, as the law counts; the cut-off is the number of deprivations
        by which the rules tell the poorest class (3/12 = 1/4 in "vn-2022").

        Returns
        -------
        Spec
            Its columns are named as the indicators, and hold 1 (deprived), 0 or missing.

        Raises
        ------
        StandardError
            The standard has no indicators.

        Notes
        -----
        H from it counts deprivations only. It has no income test, and is not the official poverty
        rate: that is the rate of the class "poor" of `povertycore.classify`.

        Examples
        --------
        >>> spec = pc.standard("vn-2022").spec()
        >>> str(spec.k[0]), str(spec.weights[0]), len(spec.ids)
        ('1/4', '1/12', 12)
        """
        from ..measures.spec_file import spec_of_standard

        return spec_of_standard(self)

    def source(self, name: str) -> str:
        """Return the full text of a source."""
        return next(source.text for source in self.sources if source.id == name)

    def elements(self) -> Iterator[Evidence]:
        """Yield every element that carries evidence, in the order of the file."""
        yield from self.legal
        yield from self.validity
        yield from self.baselines
        yield from self.class_names
        yield from self.lines
        yield from self.income_rules
        if self.score_scale is not None:
            yield self.score_scale
        yield from self.score_lines
        yield from self.score_rules
        yield from self.dimensions
        for indicator in self.indicators:
            yield indicator
            if indicator.wording is not None:
                yield indicator.wording

    def unverified(self) -> tuple[Unverified, ...]:
        """List the elements that are used although they are not verified.

        Returns
        -------
        tuple of Unverified
            Each with `element` (in words), `sources` (full texts) and `note`.

        Examples
        --------
        >>> for element in pc.standard("vn-2011").unverified():
        ...     print(element.element)
        class 'near_poor'
        line 'near_poor_line'
        rule 'near_poor' by income: income > poor_line and income <= near_poor_line
        """
        return tuple(
            Unverified(title, tuple(self.source(name) for name in source), element.note)
            for element in self.elements()
            for title, source in doubts(element)
        )

    def __repr__(self) -> str:
        return "\n".join(text_lines(self))

    def _repr_html_(self) -> str:
        return html_page(self)


def at_the_line(rule: Rule) -> str:
    """Name the doubt whether a household exactly at a line of the rule belongs."""
    return f"rule {rule.class_id!r} by {rule.procedure}, exactly at its lines"


def doubts(element: Evidence) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the titles and sources of what is not verified in an element."""
    if not element.verified:
        yield element.title, element.source
    if isinstance(element, Rule) and not element.bounds_verified:
        yield at_the_line(element), element.bounds_source


# ---- reading -------------------------------------------------------------------------------------


def standard(source: str | os.PathLike[str] | Standard) -> Standard:
    """Read a poverty standard: one that is shipped, or a file of yours.

    Parameters
    ----------
    source : str, path or Standard
        "vn-2011", "vn-2016", "vn-2022", "vn-2027", or the path of a TOML file. A local standard
        is a file like the shipped "example-hcmc-2021": copy it and change it.

    Returns
    -------
    Standard
        A frozen record.

    Raises
    ------
    StandardError
        The id is not known, or the file is wrong; the message names the element.

    Examples
    --------
    Who is poor from 2022 to 2026: at or below the line and deprived three times or more.

    >>> pc.standard("vn-2022")
    Standard vn-2022: National multidimensional poverty standard 2022-2025
    valid 2022-01-01 to 2026-12-31; baseline 2021
    lines, VND/month per person
      poor_line          1,500,000 rural      2,000,000 urban
      average_line       2,250,000 rural      3,000,000 urban
    score lines, B1
      b1_line                  140 rural            175 urban
    by income
      poor       income <= poor_line and deprivations >= 3
      near_poor  income <= poor_line and deprivations < 3
      average    income > poor_line and income <= average_line †
      other      income > average_line
    by scores
      poor       B1 <= b1_line and deprivations >= 3
      near_poor  B1 <= b1_line and deprivations < 3
      other      B1 > b1_line
    12 indicators in 6 dimensions
    † not verified: 13 elements, listed by .unverified()
    """
    if isinstance(source, Standard):
        return source
    path = find_file(source)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StandardError(f"{path.name} is not a TOML file: {error}") from None
    return read_standard(Table(content, path.name))


def find_file(source: str | os.PathLike[str]) -> Path:
    """Return the file of a shipped id, or of a path."""
    folder = Path(__file__).parent
    if isinstance(source, str) and not source.endswith(".toml") and Path(source).name == source:
        path = folder / f"{source}.toml"
        if path.is_file():
            return path
        shipped = ", ".join(repr(file.stem) for file in sorted(folder.glob("*.toml")))
        raise StandardError(
            f"there is no standard {source!r}; there are {shipped}; "
            "a file of yours is given by its path, ending in .toml"
        )
    if not isinstance(source, str | os.PathLike):
        raise StandardError(f"a standard is an id or a path, found {type(source).__name__}")
    path = Path(source)
    if not path.is_file():
        raise StandardError(f"there is no file {path.name!r} of a standard")
    return path


_REQUIRED: Any = object()
_KINDS: Mapping[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    Decimal: "a number",
    datetime.date: "a date like 2022-01-01",
    list: "a list",
    dict: "a table",
}


class Table:
    """One table of a file: keys are taken out, and what nobody asked for is an error."""

    def __init__(self, content: object, where: str) -> None:
        self.where = where
        if not isinstance(content, dict):
            self.fail("must be a table")
        self._content: dict[str, Any] = dict(content)
        self._asked: set[str] = set()

    def fail(self, what: str) -> NoReturn:
        """Raise, naming the place."""
        raise StandardError(f"{self.where}: {what}")

    def has(self, key: str) -> bool:
        """Whether the key is there and not yet taken."""
        self._asked.add(key)
        return key in self._content

    def take(self, key: str, kind: type, default: Any = _REQUIRED) -> Any:
        """Take a value of one kind out of the table."""
        if not self.has(key):
            if default is _REQUIRED:
                self.fail(f"{key!r} is missing")
            return default
        value = self._content.pop(key)
        wanted = (int, Decimal) if kind is Decimal else kind
        if (
            not isinstance(value, wanted)
            or isinstance(value, bool) is not (kind is bool)
            or isinstance(value, datetime.datetime)
        ):
            self.fail(f"{key!r} must be {_KINDS[kind]}")
        if isinstance(value, str) and not value.strip() and default is _REQUIRED:
            self.fail(f"{key!r} is empty")
        return value

    def names(self, key: str, default: Any = _REQUIRED) -> tuple[str, ...]:
        """Take a list of texts, or one text."""
        if self.has(key) and isinstance(self._content[key], str):
            return (self.take(key, str),)
        values = self.take(key, list, default)
        if not all(isinstance(value, str) and value for value in values):
            self.fail(f"{key!r} must be a list of texts")
        return tuple(values)

    def table(self, key: str) -> Table | None:
        """Take a table within the table, if it is there."""
        content = self.take(key, dict, None)
        return None if content is None else Table(content, f"{self.where}, {key}")

    def tables(self, key: str) -> list[Table]:
        """Take a list of tables, each placed by its id or number."""
        found = []
        for number, content in enumerate(self.take(key, list, []), start=1):
            name = content.get("id") if isinstance(content, dict) else None
            label = f"{key} {name!r}" if isinstance(name, str) else f"{key}, number {number}"
            found.append(Table(content, f"{self.where}, {label}"))
        return found

    def done(self) -> None:
        """Raise if a key is left that nobody asked for."""
        for key in self._content:
            close = difflib.get_close_matches(key, self._asked, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            self.fail(f"unknown key {key!r}{hint}")


def evidence(table: Table) -> dict[str, Any]:
    """Take what every element carries, and close the table."""
    found = {
        "verified": table.take("verified", bool),
        "source": table.names("source"),
        "note": table.take("note", str, ""),
    }
    if not found["source"]:
        table.fail("'source' is empty; an element says where it was read")
    table.done()
    return found


def names(table: Table) -> dict[str, Any]:
    """Take the id and the two names."""
    return {key: table.take(key, str) for key in ("id", "en", "vi")}


def read_validity(table: Table) -> Validity:
    """Read a span of validity."""
    start = table.take("from", datetime.date)
    end = table.take("to", datetime.date)
    if end < start:
        table.fail(f"'to' ({end}) lies before 'from' ({start})")
    return Validity(start=start, end=end, legal=table.take("legal", str), **evidence(table))


def read_line(table: Table) -> Line:
    """Read a line; `amount` stands for both areas."""
    words = names(table)
    keys = ("amount", "amount") if table.has("amount") else AREAS
    found = {key: table.take(key, Decimal) for key in dict.fromkeys(keys)}
    for key, amount in found.items():
        if not Decimal(amount).is_finite() or amount <= 0:
            table.fail(f"{key!r} is not greater than 0")
    rural, urban = (Fraction(found[key]) for key in keys)
    return Line(**words, rural=rural, urban=urban, **evidence(table))


def read_rule(table: Table, procedure: str) -> Rule:
    """Read a rule; its bounds are keys like income_at_most, which hold the id of a line."""
    word = "income" if procedure == "income" else "score"
    bounds = tuple(
        Bound(relation, table.take(f"{word}_{end}", str))
        for end, relation in reversed(BOUNDS.items())
        if table.has(f"{word}_{end}")
    )
    counts = {
        key: table.take(key, int, None) for key in ("deprivations_at_least", "deprivations_below")
    }
    for key, count in counts.items():
        if count is not None and count < 0:
            table.fail(f"{key!r} is negative")
    bounds_verified = table.take("bounds_verified", bool, True)
    return Rule(
        class_id=table.take("class", str),
        procedure=procedure,
        bounds=bounds,
        bounds_verified=bounds_verified,
        bounds_source=table.names("bounds_source", () if bounds_verified else _REQUIRED),
        **counts,
        **evidence(table),
    )


def read_indicator(table: Table) -> Indicator:
    """Read an indicator with its wording, if that is known."""
    words = names(table)
    dimension = table.take("dimension", str)
    inner = table.table("wording")
    wording = None
    if inner is not None:
        texts = {key: inner.take(key, str) for key in ("en", "vi")}
        wording = Wording(**texts, indicator=words["id"], **evidence(inner))
    return Indicator(**words, dimension=dimension, wording=wording, **evidence(table))


def read_scale(table: Table | None) -> ScoreScale | None:
    """Read the points per deprivation, if the standard has scores."""
    if table is None:
        return None
    points = table.take("points_per_deprivation", int)
    if points <= 0:
        table.fail("'points_per_deprivation' is not greater than 0")
    return ScoreScale(points_per_deprivation=points, **evidence(table))


def read_unit(table: Table | None) -> str:
    """Read the unit of the income lines."""
    if table is None:
        return "VND/month"
    unit: str = table.take("unit", str)
    if unit not in INCOME_UNITS:
        table.fail(str(unknown_option("unit", unit, INCOME_UNITS)))
    table.done()
    return unit


def read_sources(table: Table | None) -> tuple[Source, ...]:
    """Read what the names of sources stand for."""
    if table is None:
        return ()
    keys = list(table._content)
    return tuple(Source(key, table.take(key, str)) for key in keys)


def read_standard(file: Table) -> Standard:
    """Read a whole file and check that its parts fit together."""
    rules = file.table("rules") or Table({}, file.where)
    found = Standard(
        id=file.take("id", str),
        name=file.take("en", str),
        name_vi=file.take("vi", str),
        notes=file.names("notes", ()),
        legal=tuple(LegalText(**names(t), **evidence(t)) for t in file.tables("legal")),
        validity=tuple(read_validity(t) for t in file.tables("validity")),
        baselines=tuple(
            Baseline(year=t.take("year", int), **evidence(t)) for t in file.tables("baseline")
        ),
        class_names=tuple(ClassName(**names(t), **evidence(t)) for t in file.tables("classes")),
        income_unit=read_unit(file.table("income")),
        lines=tuple(read_line(t) for t in file.tables("lines")),
        score_lines=tuple(read_line(t) for t in file.tables("score_lines")),
        score_scale=read_scale(file.table("scores")),
        income_rules=tuple(read_rule(t, "income") for t in rules.tables("income")),
        score_rules=tuple(read_rule(t, "scores") for t in rules.tables("scores")),
        dimensions=tuple(Dimension(**names(t), **evidence(t)) for t in file.tables("dimensions")),
        indicators=tuple(read_indicator(t) for t in file.tables("indicators")),
        sources=read_sources(file.table("sources")),
    )
    rules.done()
    file.done()
    check_presence(found, file)
    check_names(found, file)
    check_dates(found, file)
    check_rules(found, file)
    return found


def check_presence(std: Standard, file: Table) -> None:
    """Check that nothing is absent that every standard has."""
    if not std.legal:
        file.fail("no legal text; a standard names the text it rests on in [[legal]]")
    if not std.validity:
        file.fail("no [[validity]]; a standard says from when to when it holds")
    if not std.class_names:
        file.fail("no [[classes]]")
    if not std.income_rules and not std.score_rules:
        file.fail("no rules; write [[rules.income]] or [[rules.scores]]")
    if std.score_rules and std.score_scale is None:
        file.fail("[[rules.scores]] need the table [scores] with points_per_deprivation")


def check_names(std: Standard, file: Table) -> None:
    """Check that ids stand once, and that every name points to something."""
    lines = [line.id for line in (*std.lines, *std.score_lines)]
    once(file, "legal text", (text.id for text in std.legal))
    once(file, "class", std.classes)
    once(file, "line", lines)
    once(file, "dimension", (dimension.id for dimension in std.dimensions))
    once(file, "indicator", std.indicator_ids)
    once(file, "baseline year", std.baseline_years)
    for span in std.validity:
        point(file, span, "legal text", span.legal, (text.id for text in std.legal))
    for indicator in std.indicators:
        known = [dimension.id for dimension in std.dimensions]
        point(file, indicator, "dimension", indicator.dimension, known)
    for rules, own in ((std.income_rules, std.lines), (std.score_rules, std.score_lines)):
        for rule in rules:
            point(file, rule, "class", rule.class_id, std.classes)
            for bound in rule.bounds:
                point(file, rule, "line", bound.line, (line.id for line in own))
    sources = [source.id for source in std.sources]
    for element in std.elements():
        also = element.bounds_source if isinstance(element, Rule) else ()
        for name in (*element.source, *also):
            point(file, element, "source", name, sources)


def once(file: Table, what: str, ids: Iterable[object]) -> None:
    """Check that no id stands twice."""
    seen: set[object] = set()
    for name in ids:
        if name in seen:
            file.fail(f"{what} {name!r} stands twice")
        seen.add(name)


def point(file: Table, element: Evidence, what: str, name: str, known: Iterable[str]) -> None:
    """Check that a name points to something."""
    options = list(known)
    if name not in options:
        close = difflib.get_close_matches(name, options, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        file.fail(f"{element.title} names the {what} {name!r}, which is not there{hint}")


def check_dates(std: Standard, file: Table) -> None:
    """Check that spans of validity do not overlap, and baselines lie outside of them."""
    spans = sorted(std.validity, key=lambda span: span.start)
    for earlier, later in pairwise(spans):
        if later.start <= earlier.end:
            file.fail(f"{earlier.title} and {later.title} overlap")
    for year in std.baseline_years:
        if any(span.start.year <= year <= span.end.year for span in spans):
            file.fail(f"baseline year {year} lies within the validity")


def check_rules(std: Standard, file: Table) -> None:
    """Check that a procedure's rules give every household a class."""
    for procedure in ("income", "scores"):
        rules = std.income_rules if procedure == "income" else std.score_rules
        if not rules:
            continue
        for area in AREAS:
            for amount in telling_amounts(std, rules, area):
                for count in range(count_limit(std, rules) + 1):
                    if class_of(std, procedure, area, amount, count) is None:
                        file.fail(
                            f"no rule by {procedure} covers a household ({area}) "
                            f"at {float(amount):,.10g} with {count} deprivations"
                        )


def telling_amounts(std: Standard, rules: Iterable[Rule], area: str) -> list[Fraction]:
    """Return amounts at, between and beyond the lines of rules: no other amount tells more."""
    used = {getattr(std.line(b.line), area) for rule in rules for b in rule.bounds}
    edges = sorted({Fraction(0), *used})
    between = [(low + high) / 2 for low, high in pairwise(edges)]
    return sorted([*edges, *between, edges[-1] + 1])


def count_limit(std: Standard, rules: Iterable[Rule]) -> int:
    """Return the largest number of deprivations that can matter."""
    named = [
        limit
        for rule in rules
        for limit in (rule.deprivations_at_least, rule.deprivations_below)
        if limit is not None
    ]
    return len(std.indicators) or max(named, default=0)


def class_of(std: Standard, procedure: str, area: str, amount: Fraction, count: int) -> str | None:
    """Return the class of one household, or None where no rule holds."""
    for rule in std.rules(procedure):
        if (
            all(b.holds(amount, getattr(std.line(b.line), area)) for b in rule.bounds)
            and (rule.deprivations_at_least is None or count >= rule.deprivations_at_least)
            and (rule.deprivations_below is None or count < rule.deprivations_below)
        ):
            return rule.class_id
    return None


# ---- showing -------------------------------------------------------------------------------------


def mark(element: Evidence) -> str:
    """Return the sign of an element that is not wholly verified, or nothing."""
    return f" {MARK}" if any(True for _ in doubts(element)) else ""


def amount_text(amount: Fraction) -> str:
    """Write an amount with separators of thousands."""
    whole = amount.denominator == 1
    return f"{amount.numerator:,}" if whole else f"{float(amount):,.2f}"


def line_text(line: Line) -> str:
    """Write the amounts of a line by area, or the one for both."""
    if line.rural == line.urban:
        return f"{amount_text(line.rural):>11} everywhere"
    return f"{amount_text(line.rural):>11} rural {amount_text(line.urban):>14} urban"


def dates_text(std: Standard) -> str:
    """Write when the standard holds."""
    baseline = ", ".join(str(year) for year in std.baseline_years)
    ending = f"; baseline {baseline}" if baseline else ""
    sign = f" {MARK}" if any(mark(one) for one in (*std.validity, *std.baselines)) else ""
    return f"valid {std.valid_from} to {std.valid_to}{ending}{sign}"


def text_lines(std: Standard) -> Iterator[str]:
    """Yield the lines of a standard's text form."""
    yield f"Standard {std.id}: {std.name}"
    yield dates_text(std)
    for title, lines in (
        (f"lines, {std.income_unit} per person", std.lines),
        ("score lines, B1", std.score_lines),
    ):
        if lines:
            yield title
        for line in lines:
            yield f"  {line.id:<16} {line_text(line)}{mark(line)}"
    for title, rules in (("by income", std.income_rules), ("by scores", std.score_rules)):
        if rules:
            yield title
        for rule in rules:
            yield f"  {rule.class_id:<10} {rule.conditions}{mark(rule)}"
    if std.indicators:
        yield f"{len(std.indicators)} indicators in {len(std.dimensions)} dimensions"
    number = len(std.unverified())
    if number:
        yield f"{MARK} not verified: {number} elements, listed by .unverified()"


def html_page(std: Standard) -> str:
    """Write a standard as tables, unverified elements marked, with the sources below."""
    cited = list(dict.fromkeys(name for e in std.elements() for name in cited_by(e)))
    known = {name.id: name for name in std.class_names}
    number = {name: position for position, name in enumerate(cited, start=1)}

    def cell(text: str, element: Evidence | None = None) -> str:
        if element is None:
            return f"<td>{escape(text)}</td>"
        notes = ",".join(str(number[name]) for name in cited_by(element))
        hint = f' title="{escape(element.note, quote=True)}"' if element.note else ""
        return f"<td{hint}>{escape(text)}{mark(element)} <sup>{notes}</sup></td>"

    parts = [
        f"<p><strong>{escape(std.name)}</strong> ({escape(std.id)})<br>{escape(std.name_vi)}<br>"
        f"{escape(dates_text(std))}</p>",
        html_table(
            ["legal text", "văn bản"], [[cell(text.en, text), cell(text.vi)] for text in std.legal]
        ),
        html_table(
            [f"line ({std.income_unit} per person; scores in points)", "rural", "urban"],
            [
                [cell(line.en, line), cell(amount_text(line.rural)), cell(amount_text(line.urban))]
                for line in (*std.lines, *std.score_lines)
            ],
        ),
        html_table(
            ["procedure", "class", "when"],
            [
                [
                    cell(rule.procedure),
                    cell(rule.class_id, known[rule.class_id]),
                    cell(rule.conditions, rule),
                ]
                for rule in (*std.income_rules, *std.score_rules)
            ],
        ),
        html_table(
            ["dimension", "indicator", "chỉ số", "deprived when"],
            [indicator_cells(std, indicator, cell) for indicator in std.indicators],
        ),
        html_footnotes(std, cited),
    ]
    return "\n".join(part for part in parts if part)


def cited_by(element: Evidence) -> tuple[str, ...]:
    """Return the sources that an element names."""
    also = element.bounds_source if isinstance(element, Rule) else ()
    return tuple(dict.fromkeys((*element.source, *also)))


def indicator_cells(std: Standard, indicator: Indicator, cell: Any) -> list[str]:
    """Return the cells of an indicator's row."""
    dimension = next(d for d in std.dimensions if d.id == indicator.dimension)
    wording = indicator.wording
    last = cell("not known") if wording is None else cell(wording.en, wording)
    return [
        cell(dimension.en, dimension),
        cell(indicator.en, indicator),
        cell(indicator.vi),
        last,
    ]


def html_table(head: list[str], rows: list[list[str]]) -> str:
    """Write an HTML table, nothing where there are no rows."""
    if not rows:
        return ""
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>\n{body}\n</tbody></table>"


def html_footnotes(std: Standard, cited: list[str]) -> str:
    """Write what the mark means, the notes and the sources."""
    marked = (
        f"<p>{MARK} not verified in a source that states the law</p>" if std.unverified() else ""
    )
    notes = "".join(f"<p>{escape(note)}</p>" for note in std.notes)
    items = "".join(f"<li>{escape(std.source(name))}</li>" for name in cited)
    return f"{marked}{notes}<ol>{items}</ol>"
