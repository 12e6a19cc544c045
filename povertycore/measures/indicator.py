"""One indicator of deprivation: a column of 0, 1 or missing, or a rule on a raw column."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

from .. import _core
from ..errors import OptionError, unknown_option
from ..inputs import Frame
from .fraction import as_fraction
from .rules import Rule, flags, rule_of

__all__ = ["Indicator", "indicator_of"]

LEVELS = ("household", "member")
# The first is what holds if nothing is said.
MEMBER_OPTIONS = {
    "collapse": ("any", "all", "share"),
    "unknown": ("undecided", "left_out"),
    "nobody": ("not_deprived", "deprived", "missing"),
}
SHARES = ("more_than", "at_least")
# What makes a rule, by its name in Python; files write "in", which Python keeps for itself.
RULE_WORDS = ("below", "at_or_below", "above", "at_or_above", "equals", "isin")
WORDS = ("unit", "label_en", "label_vi", "wording_en", "wording_vi", "source", "note")
EVIDENCE = ("verified", "wording_verified")
CHANGED_IN_FILES = {"in": "isin"}


@dataclass(frozen=True)
class Among:
    """Which members an indicator is about: those for whom a column holds 1, or meets a rule."""

    column: str
    rule: Rule | None = None

    def canonical(self) -> list[Any]:
        """Return what decides who is meant, written the same for the same decision."""
        column = unicodedata.normalize("NFC", self.column)
        return [column, None if self.rule is None else self.rule.canonical()]

    def content(self) -> Any:
        """Return what a file writes."""
        if self.rule is None:
            return self.column
        return {"column": self.column} | self.rule.content()


@dataclass(frozen=True)
class Indicator:
    """An indicator of deprivation.

    Parameters
    ----------
    id : str
        Its name in results.
    column : str, optional
        The column it is read from; by default the one named as the indicator. Without a rule the
        column holds 1 (deprived), 0 or missing.
    below, at_or_below, above, at_or_above : float, optional
        A rule: the household is deprived where the amount lies below the limit, and so on. One
        bound from above and one from below may stand together. Text has no order.
    equals : str, float or bool, optional
        A rule: deprived where the column has this value.
    isin : list of str or float, optional
        A rule: deprived where the column has one of these values. In files, `in`.
    unit : str, optional
        The unit of the amounts, for readers.
    level : {"household", "member"}, optional
        Whose column it is. One of members is collapsed to households by `povertycore.collapse`.
    collapse : {"any", "all", "share"}, optional
        When a household is deprived by its members: if any of them is (default), all of them are,
        or a share of them is.
    more_than, at_least : fraction, optional
        The share, for `collapse="share"`: one of the two.
    among : str or mapping, optional
        Which members count: a column of 0/1, or a rule on a column, as ``{"column": "age",
        "at_or_above": 6, "below": 16}``. All by default.
    unknown : {"undecided", "left_out"}, optional
        What to do about members whose column is missing. They leave the answer missing where it
        depends on them, or do not count.
    nobody : {"not_deprived", "deprived", "missing"}, optional
        The answer where a household has no member whom the indicator is about.
    dimension : str, optional
        Set by the specification that the indicator is part of.
    label_en, label_vi : str, optional
        Its name in words.
    wording_en, wording_vi : str, optional
        When a household is deprived, in words.
    source, note : str, optional
        Where it was read; what to know about it.
    verified, wording_verified : bool, optional
        Whether it, and its wording, was read there.

    Raises
    ------
    OptionError
        A word contradicts another, or is not known.

    Notes
    -----
    A missing value is missing under any rule. Text is compared in Unicode form NFC. A rule on
    numbers needs a column of numbers, one on text a column of text or categories. A limit is read
    in the column's own type: an amount typed as the limit equals it, in float32 too.

    Examples
    --------
    >>> pc.Indicator("crowded", "area_per_person", below=8, unit="m2")
    Indicator('crowded': area_per_person < 8 m2)
    >>> pc.Indicator("water", "water_source", isin=["river", "pond"]).limit is None
    True
    """

    id: str
    column: str = ""
    below: Any = field(default=None, kw_only=True)
    at_or_below: Any = field(default=None, kw_only=True)
    above: Any = field(default=None, kw_only=True)
    at_or_above: Any = field(default=None, kw_only=True)
    equals: Any = field(default=None, kw_only=True)
    isin: Any = field(default=None, kw_only=True)
    unit: str = field(default="", kw_only=True)
    level: str = field(default="household", kw_only=True)
    collapse: str = field(default="", kw_only=True)
    more_than: Any = field(default=None, kw_only=True)
    at_least: Any = field(default=None, kw_only=True)
    among: Any = field(default=None, kw_only=True)
    unknown: str = field(default="", kw_only=True)
    nobody: str = field(default="", kw_only=True)
    dimension: str = field(default="", kw_only=True)
    label_en: str = field(default="", kw_only=True)
    label_vi: str = field(default="", kw_only=True)
    wording_en: str = field(default="", kw_only=True)
    wording_vi: str = field(default="", kw_only=True)
    source: str = field(default="", kw_only=True)
    note: str = field(default="", kw_only=True)
    verified: bool = field(default=True, kw_only=True)
    wording_verified: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        check_words(self)
        put = object.__setattr__
        put(self, "column", self.column or self.id)
        for name in ("id", "dimension", *WORDS):
            put(self, name, unicodedata.normalize("NFC", getattr(self, name)))
        if self.isin is not None and not isinstance(self.isin, str | bytes):
            put(self, "isin", tuple(self.isin))
        _ = self.rule  # a wrong rule is found when the indicator is made
        put(self, "among", among_of(self.id, self.among))
        for name in SHARES:
            if getattr(self, name) is not None:
                put(self, name, as_fraction(getattr(self, name)))
        check_members(self)
        for name, options in MEMBER_OPTIONS.items() if self.level == "member" else ():
            put(self, name, getattr(self, name) or options[0])

    @cached_property
    def rule(self) -> Rule | None:
        """The rule on the column, None where the column says itself who is deprived."""
        return rule_of(self.id, {word: getattr(self, word) for word in RULE_WORDS})

    @property
    def limit(self) -> float | None:
        """The limit of a rule `below` or `at_or_below` alone, else None.

        The gap of a deprived household is (limit - amount) / limit.
        """
        rule = self.rule
        return None if rule is None or self.level == "member" else rule.limit

    @property
    def shares(self) -> tuple[Fraction | None, Fraction | None]:
        """The share that is to be passed, and the one that is to be reached."""
        return self.more_than, self.at_least

    @property
    def household_column(self) -> str:
        """The column read from a frame of households; of members, the one `collapse` makes."""
        return self.id if self.level == "member" else self.column

    def column_of(self, frame: Frame) -> _core.Column:
        """Return the indicator's column of a frame of households: 0, 1 or missing."""
        rule = None if self.level == "member" else self.rule
        return flags(frame, self.household_column, rule)

    def to_dict(self) -> dict[str, Any]:
        """Return the indicator as a file writes it: what differs from the default."""
        out: dict[str, Any] = {"id": self.id}
        if self.column != self.id:
            out["column"] = self.column
        if self.rule is not None:
            out |= self.rule.content()
        if self.level == "member":
            out |= {"level": "member", "collapse": self.collapse}
            for name in ("unknown", "nobody"):
                if getattr(self, name) != MEMBER_OPTIONS[name][0]:
                    out[name] = getattr(self, name)
        out |= {
            name: str(getattr(self, name)) for name in SHARES if getattr(self, name) is not None
        }
        if self.among is not None:
            out["among"] = self.among.content()
        out |= {name: getattr(self, name) for name in WORDS if getattr(self, name)}
        return out | {name: False for name in EVIDENCE if not getattr(self, name)}

    def canonical(self) -> list[Any]:
        """Return what decides who is deprived, written the same for the same decision."""
        form = unicodedata.normalize("NFC", self.column)
        out: list[Any] = [self.id, form, self.rule.canonical() if self.rule else None]
        if self.level == "member":
            shares = [None if share is None else str(share) for share in self.shares]
            whom = None if self.among is None else self.among.canonical()
            out += [self.collapse, shares, whom, self.unknown, self.nobody]
        return out

    def description(self) -> str:
        """Write the rule in symbols."""
        text = f"{self.column}" + (f" {self.rule}" if self.rule else "")
        text += f" {self.unit}" if self.unit else ""
        if self.level == "member":
            share = f" > {self.more_than}" if self.more_than is not None else ""
            share += f" >= {self.at_least}" if self.at_least is not None else ""
            text = f"{self.collapse}{share} of members: {text}"
            if self.among is not None:
                text += f", among {self.among.column} {self.among.rule or ''}".rstrip()
        return text

    def __repr__(self) -> str:
        return f"Indicator({self.id!r}: {self.description()})"


def check_words(indicator: Indicator) -> None:
    """Check that names are texts, and options among those there are."""
    for name in ("id", "column", "dimension", *WORDS):
        value = getattr(indicator, name)
        if not isinstance(value, str):
            raise OptionError(f"an indicator's {name} is text, found {value!r}")
    if not indicator.id.strip():
        raise OptionError("an indicator has no id")
    if indicator.level not in LEVELS:
        raise unknown_option(f"level of indicator {indicator.id!r}", indicator.level, LEVELS)
    for name, options in MEMBER_OPTIONS.items():
        value = getattr(indicator, name)
        if value and value not in options:
            raise unknown_option(f"{name} of indicator {indicator.id!r}", value, options)
    for name in EVIDENCE:
        if not isinstance(getattr(indicator, name), bool):
            raise OptionError(
                f"{name} of indicator {indicator.id!r} is True or False,"
                f" found {getattr(indicator, name)!r}"
            )


def check_members(indicator: Indicator) -> None:
    """Check what concerns members only."""
    shares = [share for share in indicator.shares if share is not None]
    name = f"indicator {indicator.id!r}"
    if indicator.level == "household":
        said = [word for word in MEMBER_OPTIONS if getattr(indicator, word)]
        if said or shares or indicator.among is not None:
            raise OptionError(
                f"{name} says how members are collapsed, but is of households; write level='member'"
            )
        return
    if indicator.collapse == "share" and len(shares) != 1:
        raise OptionError(f"{name} collapses by a share: give one of more_than and at_least")
    if indicator.collapse != "share" and shares:
        raise OptionError(f"{name} names a share; write collapse='share'")
    for share in shares:
        if not 0 <= share <= 1 or indicator.at_least == 0 or indicator.more_than == 1:
            raise OptionError(f"{name} has a share of {share}, which decides nothing")


def among_of(name: str, given: Any) -> Among | None:
    """Read which members an indicator is about, None for all."""
    if given is None or isinstance(given, Among):
        return given
    if isinstance(given, str):
        return Among(given)
    if isinstance(given, Mapping):
        words = {CHANGED_IN_FILES.get(word, str(word)): value for word, value in given.items()}
        column = words.pop("column", None)
        if isinstance(column, str) and set(words) <= set(RULE_WORDS):
            return Among(column, rule_of(name, words))
    raise OptionError(
        f"indicator {name!r}: among is a column, or a mapping of 'column' and a rule as 'below';"
        f" found {given!r}"
    )


def indicator_of(given: Any, dimension: str) -> Indicator:
    """Return an indicator from a name, a mapping as files have it, or an indicator."""
    if isinstance(given, Indicator):
        return replace(given, dimension=dimension)
    if isinstance(given, str):
        return Indicator(given, dimension=dimension)
    if not isinstance(given, Mapping):
        raise OptionError(
            f"an indicator of dimension {dimension!r} is a column's name, an Indicator or a mapping"
            f" with 'id'; found {type(given).__name__}"
        )
    words = {CHANGED_IN_FILES.get(word, str(word)): value for word, value in given.items()}
    known = [one.name for one in fields(Indicator)]
    for word in words:
        if word not in known:
            options = ["in" if name == "isin" else name for name in known]
            raise unknown_option(f"a key of an indicator of {dimension!r}", word, options)
    if "id" not in words:
        words["id"] = words.get("column", "")
    return Indicator(**{**words, "dimension": dimension})
