"""What change and target share: the periods of a result, and its rows as series over them.

A series is what one figure does over time: one combination of the keys without the period, the
measure keys and the measure. Figures are compared as exact fractions: a rate of counts as
count/count, a printed figure as its decimal, so that 12.20 - 8.92 is 3.28 and a commune exactly at
its plan has reached it.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from ..errors import (
    ComparabilityError,
    DuplicateNameError,
    MissingValueError,
    OptionError,
    PovertyCoreError,
    ValueRangeError,
    unknown_column,
)
from ..estimates import Estimates
from ..fields import TOTAL

DAYS_PER_YEAR = Fraction(1461, 4)
MICROSECONDS_PER_DAY = 86_400 * 10**6
PERIODS_PER_YEAR = {"Y": 1, "A": 1, "Q": 4, "M": 12}


def in_years(label: Any) -> Fraction | None:
    """Return the place of a period on the axis of years, None if it is not a period.

    Years (numbers, or text of four digits) stand for themselves; annual, quarterly and monthly
    pandas Periods count in whole steps; dates, and Periods of other lengths by their first moment,
    in years of 365.25 days.
    """
    if isinstance(label, bool | np.bool_):
        return None
    if isinstance(label, int | np.integer):
        return Fraction(int(label))
    if isinstance(label, float | np.floating):
        return decimal(float(label)) if math.isfinite(label) else None
    if isinstance(label, str):
        return Fraction(int(label)) if re.fullmatch("[0-9]{4}", label) else None
    if isinstance(label, pd.Period):
        steps = PERIODS_PER_YEAR.get(label.freqstr.lstrip("0123456789")[:1])
        if steps is not None and label.freqstr.lstrip("0123456789")[:2] not in ("MS", "ME"):
            return 1970 + Fraction(label.ordinal, steps)
        return in_years(label.start_time)
    if isinstance(label, datetime.date | np.datetime64):
        moment = pd.Timestamp(label).asm8.astype("M8[us]").astype(np.int64)
        return 1970 + Fraction(int(moment), MICROSECONDS_PER_DAY) / DAYS_PER_YEAR
    return None


def decimal(x: float) -> Fraction:
    """Return the shortest decimal that reads as this float, as a fraction."""
    return Fraction(repr(x))


def as_word(label: Any) -> str:
    """Write a period for a note: 2021, 2021.5, 2021-09-01."""
    if isinstance(label, float | np.floating) and label == int(label):
        return str(int(label))
    if isinstance(label, pd.Timestamp) and label == label.normalize():
        return str(label.date())
    return str(label)


@dataclass(frozen=True)
class Panel:
    """Rows of an Estimates laid out as series by period."""

    est: Estimates
    time: str
    labels: Any  # of the periods, in order of time, in the dtype of the key
    years: tuple[Fraction, ...]
    row: np.ndarray  # (series, periods) row of `est`, -1 = none
    some_row: np.ndarray  # (series,) a row that carries the series' labels
    group: np.ndarray  # (series,) order of the keys without the period
    figure: np.ndarray  # (series,) order of what is measured
    estimate: np.ndarray  # per row of `est`, and so the next two
    numerator: np.ndarray
    denominator: np.ndarray

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys without the period."""
        return tuple(name for name in self.est.key_names if name != self.time)

    def words(self) -> list[str]:
        """Write the periods, for notes and messages."""
        return [as_word(label) for label in self.labels]

    def exact(self, row: int) -> Fraction | None:
        """Return a figure as a fraction, None where there is none."""
        if row < 0:
            return None
        return exact_value(
            float(self.estimate[row]), float(self.numerator[row]), float(self.denominator[row])
        )


def panel_of(est: Estimates, time: str, verb: str) -> Panel:
    """Lay the rows of a result out as series by period; two periods are needed."""
    if not isinstance(est, Estimates):
        raise TypeError(f"{verb} needs an Estimates, found {type(est).__name__}")
    if "of" in est.measure_key_names:
        raise OptionError(f"{verb} needs estimates of single periods, found a result of {est.verb}")
    if time not in est.key_names:
        raise unknown_column(time, est.key_names)
    labels, years, period = periods_of(est[time], time)
    if len(years) < 2:
        raise ValueRangeError(f"{verb} needs two periods or more; key {time!r} holds {len(years)}")
    used = np.flatnonzero(period >= 0)
    keys = [name for name in est.key_names if name != time]
    group = places_of(est, keys, used)
    figure = places_of(est, [*est.measure_key_names, "measure"], used)
    n_figures = int(figure.max(initial=0)) + 1
    pairs, series = np.unique(group * n_figures + figure, return_inverse=True)
    row = np.full((len(pairs), len(years)), -1, dtype=np.int64)
    row[series, period[used]] = used
    if (row >= 0).sum() < len(used):
        raise DuplicateNameError(f"a group has two rows for one period of {time!r}")
    return Panel(
        est=est,
        time=time,
        labels=labels,
        years=years,
        row=row,
        some_row=row.max(axis=1),
        group=pairs // n_figures,
        figure=pairs % n_figures,
        estimate=est["estimate"].to_numpy(),
        numerator=est["numerator"].to_numpy(),
        denominator=est["denominator"].to_numpy(),
    )


def periods_of(column: pd.Series, time: str) -> tuple[Any, tuple[Fraction, ...], np.ndarray]:
    """Return the periods in order of time, their years, and each row's period (-1 = the total)."""
    code, labels = pd.factorize(column)
    if (code < 0).any():
        row = int(np.argmax(code < 0))
        raise at_row(
            MissingValueError(f"{time}[{row}] is missing; every row needs a period"), time, row
        )
    years: dict[int, Fraction] = {}
    for position, label in enumerate(labels):
        year = in_years(label)
        if year is not None:
            years[position] = year
        elif not (isinstance(label, str) and label == TOTAL):
            row = int(np.argmax(code == position))
            message = (
                f"{time}[{row}] is {label!r}, which is not a period; a period is a year (a number"
                " or four digits), a pandas Period or a date"
            )
            raise at_row(ValueRangeError(message), time, row)
    order = sorted(years, key=years.__getitem__)
    if len(set(years.values())) < len(order):
        raise DuplicateNameError(f"key {time!r} holds two labels for one period")
    rank = np.full(len(labels), -1, dtype=np.int64)
    rank[order] = np.arange(len(order))
    return labels.take(order), tuple(years[position] for position in order), rank[code]


def at_row(error: PovertyCoreError, time: str, row: int) -> PovertyCoreError:
    """Attach to an error that it is about a row of the key of periods."""
    error.argument, error.column, error.row = "time", time, row
    return error


def places_of(est: Estimates, names: Sequence[str], rows: np.ndarray) -> np.ndarray:
    """Return the place of each row among the distinct combinations of some columns."""
    place = np.zeros(len(rows), dtype=np.int64)
    for name in names:
        rank = est._ranks(name)[rows]
        both = place * (int(rank.max(initial=0)) + 1) + rank
        place = np.unique(both, return_inverse=True)[1].reshape(-1)
    return place


def exact_value(estimate: float, numerator: float, denominator: float) -> Fraction | None:
    """Return one estimate as a fraction: of its counts where they give it, else its decimal."""
    if not math.isfinite(estimate):
        return None
    if denominator > 0 and numerator / denominator == estimate:
        if numerator.is_integer() and denominator.is_integer():
            return Fraction(int(numerator), int(denominator))
        return Fraction(numerator) / Fraction(denominator)
    return decimal(estimate)


@dataclass(frozen=True)
class Ends:
    """The rows at both ends of some spans of time; -1 where a group lacks the period."""

    start: np.ndarray
    end: np.ndarray
    common: dict[str, Any]  # columns common to all results, made of both
    notes: list[str]


def ends_of(
    panel: Panel, series: np.ndarray, first: np.ndarray, last: np.ndarray, across_standards: bool
) -> Ends:
    """Put both ends of spans of time together, refusing those that do not compare."""
    start, end = panel.row[series, first], panel.row[series, last]
    both = (start >= 0) & (end >= 0)
    notes = [""] * len(series)
    add_notes_of_ends(panel, notes, (start, first), (end, last))
    check_same(panel, "unit", start, end, both)
    standard, source = panel.est["standard"].array, panel.est.sources().array
    mixed = find_different(panel, standard, start, end, both)
    for labels, what, different in (
        (standard, "standard", mixed),
        (source, "source", find_different(panel, source, start, end, both)),
    ):
        if different.any() and not across_standards:
            raise not_comparable(labels, what, start, end, different)
        note_comparability(notes, labels, what, start, end, different)
    some = panel.some_row[series]
    shown = np.where(end >= 0, end, np.where(start >= 0, start, some))
    codes = np.where(mixed, -1, np.append(standard.codes, -1)[shown])
    return Ends(
        start,
        end,
        {
            "n_obs": summed(panel.est, "n_obs", start, end),
            "n_missing": summed(panel.est, "n_missing", start, end),
            "population": summed(panel.est, "population", start, end),
            "unit": panel.est["unit"].array.take(some),
            "standard": pd.Categorical.from_codes(codes, dtype=standard.dtype),
        },
        notes,
    )


def add_notes_of_ends(panel: Panel, notes: list[str], *ends: tuple[np.ndarray, np.ndarray]) -> None:
    """Note for each span the periods that its group lacks, and what its figures' own notes say."""
    words, own = panel.words(), panel.est["note"].astype(object).to_numpy()
    has_note = np.isnan(panel.estimate) | (own != "")
    for rows, periods in ends:
        for i in np.flatnonzero((rows < 0) | np.append(has_note, False)[rows]).tolist():
            if rows[i] < 0:
                add_note(notes, i, f"no figure for {words[periods[i]]}")
            else:
                add_note(notes, i, f"{words[periods[i]]}: {own[rows[i]] or 'no figure'}")


def add_note(notes: list[str], i: int, words: str) -> None:
    """Append to a note."""
    notes[i] = f"{notes[i]}; {words}" if notes[i] else words


def find_different(
    panel: Panel, labels: Any, start: np.ndarray, end: np.ndarray, both: np.ndarray
) -> np.ndarray:
    """Return the spans whose two figures have different labels, one missing included."""
    known = np.isfinite(panel.estimate)
    code = np.asarray(labels.codes)
    different = np.zeros(len(start), dtype=bool)
    i = np.flatnonzero(both)
    different[i] = (code[start[i]] != code[end[i]]) & known[start[i]] & known[end[i]]
    return different


def check_same(
    panel: Panel, name: str, start: np.ndarray, end: np.ndarray, both: np.ndarray
) -> None:
    """Refuse to compare households with persons."""
    labels = panel.est[name].array
    different = find_different(panel, labels, start, end, both)
    if different.any():
        i = int(different.argmax())
        raise ComparabilityError(
            f"row {start[i]} counts {labels[start[i]]} and row {end[i]} {labels[end[i]]}; one unit"
            " is needed to compare them"
        )


def word_of(label: Any) -> str:
    """Write an id of a standard or a source."""
    return "none stated" if pd.isna(label) else str(label)


def not_comparable(
    labels: Any, what: str, start: np.ndarray, end: np.ndarray, different: np.ndarray
) -> ComparabilityError:
    """Return the error for figures under different standards or from different sources."""
    i = int(different.argmax())
    return ComparabilityError(
        f"rows {start[i]} and {end[i]} have different {what}s: {word_of(labels[start[i]])} and"
        f" {word_of(labels[end[i]])}; across_standards=True compares them all the same"
    )


def note_comparability(
    notes: list[str],
    labels: Any,
    what: str,
    start: np.ndarray,
    end: np.ndarray,
    different: np.ndarray,
) -> None:
    """Note that figures under different standards or from different sources are compared."""
    for i in np.flatnonzero(different).tolist():
        pair = f"{word_of(labels[start[i]])} and {word_of(labels[end[i]])}"
        add_note(notes, i, f"across {what}s: {pair}")


def summed(est: Estimates, name: str, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Add a column of counts over both ends; a period that a group lacks adds nothing."""
    values: np.ndarray = np.append(est[name].to_numpy(dtype=np.float64), 0.0)
    return np.asarray(values[start] + values[end])
