"""Movements: the official accounting of poor and near-poor households between two reviews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..design import Design
from ..errors import (
    DesignError,
    InternalError,
    MissingValueError,
    OptionError,
    ValueRangeError,
    unknown_option,
)
from ..estimates import Estimates
from ..inputs import Frame
from ..measures.tally import number_column
from ..structure import is_sample
from .flows import Asked, asked_for, meta_of, standards_of
from .panel import (
    Digit,
    Groups,
    Panel,
    States,
    find_groups,
    find_states,
    numbers_of,
    read_waves,
    state_numbers,
)

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

N_COLUMNS = 9
START, TO_OTHER, ABOVE, LESS, FROM_OTHER, BACK, NEW, MORE, END = range(N_COLUMNS)
MEASURES = {
    "poor": (
        *("start", "escaped_to_near_poor", "escaped_above", "other_decrease"),
        *("became_poor_from_near_poor", "fell_back", "new", "other_increase", "end"),
    ),
    "near_poor": (
        *("start", "became_poor", "escaped_above", "other_decrease"),
        *("became_near_poor_from_poor", "fell_back", "new", "other_increase", "end"),
    ),
}
SIGNS = np.array([1, -1, -1, -1, 1, 1, 1, 1, -1])  # 9 = 1-2-3-4+5+6+7+8
SHORT_HISTORY = 1


def movements(
    data: Any,
    state: str,
    *,
    id: str | list[str],
    time: str,
    by: str | list[str] | None = None,
    poor: str = "poor",
    near_poor: str = "near_poor",
    history: int = 1,
    poor_before: str | None = None,
    near_poor_before: str | None = None,
    design: Design | None = None,
    count: str | None = None,
    standard: Any = None,
    across_standards: bool = False,
    missing_groups: str = "error",
) -> Estimates:
    r"""Account for poor and near-poor households from one review to the next, in nine columns.

    Parameters
    ----------
    data, state, id, time, standard, across_standards, missing_groups
        As in `transitions`. Periods before a pair are its history.
    by : str or list of str, optional
        The units whose registers these are, as communes: read in each period, so that a household
        that moves leaves one register and comes into another.
    poor, near_poor : str, optional
        The states of poor and of near-poor households.
    history : int, default 1
        How many years before the start are looked through for households that fell back.
    poor_before, near_poor_before : str, optional
        Columns of 0/1 of the later period that say who was poor, or near-poor, within the history,
        in place of periods in the data.
    design : Design, optional
        What a row is and its size; no weights or samples: registers are complete.
    count : {"households", "persons"}, optional
        What is counted, in place of what the design says.

    Returns
    -------
    Estimates
        Nine rows per group, pair of periods and status (poor, near_poor), numbered by `column`:
        1 start; 2 escaped_to_near_poor (of the near-poor: became_poor); 3 escaped_above;
        4 other_decrease; 5 became_poor_from_near_poor (became_near_poor_from_poor); 6 fell_back;
        7 new; 8 other_increase; 9 end. `n_obs` counts households.

    Raises
    ------
    ValueRangeError
        A household stands twice in a period, or there is one period only.
    DesignError
        The design has weights, strata or PSUs.
    OptionError
        The column of states lacks one of the two. Where it lacks `"poor"` or `"near_poor"` only,
        and its categories do not list what may be, nobody is in it: the note says so.

    Notes
    -----
    9 = 1 - 2 - 3 - 4 + 5 + 6 + 7 + 8 for every group, and it is checked. Who is not in the unit's
    register at the start is an other increase (8); then who was near-poor at the start (5); then
    who was poor within the history but neither at the start, fell back (6); all others are new (7).
    Who leaves the unit or the register is an other decrease (4), as is one whose state is missing
    at the end; one whose state was missing at the start is an other increase. Where the history is
    shorter than stated, and no column of it is given, `fell_back` is NaN with a note, and `new`
    holds both.

    Of persons, those who leave are counted with the size at the start, those who enter with that at
    the end; where a household stays, the change of its size goes to (4) or (8).

    Examples
    --------
    One poor household escapes to the near-poor, one stays, one is new.

    >>> a = {"hh": [1, 2, 3], "status": ["poor", "poor", "other"]}
    >>> b = {"hh": [1, 2, 3], "status": ["near_poor", "poor", "poor"]}
    >>> found = pc.movements({2021: a, 2022: b}, "status", id="hh", time="year")
    >>> found.select(status="poor").to_frame()[["column", "measure", "estimate"]]
       column                     measure  estimate
    0       1                       start       2.0
    1       2        escaped_to_near_poor       1.0
    2       3               escaped_above       0.0
    3       4              other_decrease       0.0
    4       5  became_poor_from_near_poor       0.0
    5       6                   fell_back       NaN
    6       7                         new       1.0
    7       8              other_increase       0.0
    8       9                         end       2.0
    """
    if isinstance(history, bool) or not isinstance(history, int) or history < 1:
        raise OptionError(f"history must be a whole number of years >= 1, found {history!r}")
    asked = asked_for(
        "movements",
        id=id,
        time=time,
        by=by,
        design=design,
        count=count,
        standard=standard,
        across_standards=across_standards,
        missing_groups=missing_groups,
    )
    is_drawn = is_sample(asked.design) or asked.design.replicates is not None
    if asked.design.weight is not None or is_drawn:
        raise DesignError("movements are of registers: the design may not have weights or a sample")
    columns = asked.columns(state, poor_before, near_poor_before)
    panel = Panel.of(read_waves(data, time, columns, "movements"), id)
    book = Book.of(panel, asked, state, (poor, near_poor), history, (poor_before, near_poor_before))
    return wrap(book, [book.account(pair) for pair in range(panel.waves.n_pairs)])


# --- the books ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Register:
    """One frame, its rows numbered: state, group, size."""

    frame: Frame
    state: Ints  # -1 where missing
    group: Ints
    size: Ints | npt.NDArray[np.float64]


@dataclass(frozen=True)
class Account:
    """One pair of periods: units and households by group, status and column."""

    units: npt.NDArray[np.float64]  # (groups, statuses, columns)
    households: Ints
    short: Bools  # (statuses,): the history is shorter than stated


@dataclass(frozen=True)
class Book:
    """All periods of the registers, and how they are accounted for."""

    panel: Panel
    asked: Asked
    states: States
    groups: Groups
    status: tuple[int, int]  # numbers of the states poor, near_poor
    history: int
    before: tuple[str | None, str | None]
    lacking: str = ""  # what to say of a state that no household is in

    @classmethod
    def of(
        cls,
        panel: Panel,
        asked: Asked,
        state: str,
        status: tuple[str, str],
        history: int,
        before: tuple[str | None, str | None],
    ) -> Book:
        """Find the numbers of states and groups."""
        frames = panel.waves.frames
        states = find_states(frames, state)
        if status[0] == status[1]:
            raise OptionError("poor and near_poor are two different states")
        lacking = lacking_states(states, status)
        numbers = tuple(
            states.labels.index(label) if label in states.labels else len(states)
            for label in status
        )
        groups = find_groups(frames, asked.by, asked.missing_groups == "keep")
        return cls(panel, asked, states, groups, (numbers[0], numbers[1]), history, before, lacking)

    @cached_property
    def registers(self) -> tuple[Register, ...]:
        """All frames, their rows numbered."""
        size = self.asked.design.size_column(self.asked.count)
        return tuple(
            Register(
                frame,
                state_numbers(self.states, k),
                group_numbers(frame, self.groups.digits[k]),
                np.ones(frame.n, np.int64) if size is None else sizes_of(frame, size),
            )
            for k, frame in enumerate(self.panel.waves.frames)
        )

    def register(self, wave: int) -> Register:
        """Return the frame of a wave."""
        return self.registers[self.panel.waves.number_of(wave)]

    def is_of(self, wave: int) -> Bools:
        """Return which rows of its frame belong to a wave."""
        period = self.panel.waves.period
        if period is None:
            return np.ones(self.panel.waves.waves[wave].frame.n, dtype=bool)
        return np.asarray(period == wave)

    def account(self, pair: int) -> Account:
        """Account for the households from one period to the next."""
        after, before = self.panel.matched(pair, pair + 1)
        units = np.zeros((self.groups.n_groups, 2, N_COLUMNS))
        households = np.zeros(units.shape, dtype=np.int64)
        short = np.zeros(2, dtype=bool)
        for k in range(2):
            entries, short[k] = self.entries(pair, k, after, before)
            for group, column, amount, rows in entries:
                place = group * N_COLUMNS + column
                n_cells = self.groups.n_groups * N_COLUMNS
                units[:, k] += np.bincount(place, amount, n_cells).reshape(-1, N_COLUMNS)
                households[:, k] += np.bincount(place[rows], minlength=n_cells).reshape(
                    -1, N_COLUMNS
                )
        check_identity(units)
        return Account(units, households, short)

    def entries(
        self, pair: int, k: int, after: Ints, before: Ints
    ) -> tuple[list[tuple[Ints, Ints, Any, Bools]], bool]:
        """Return (group, column, units, counts as a household) of one status."""
        own, other = self.status[k], self.status[1 - k]
        start, end = self.register(pair), self.register(pair + 1)
        left = np.flatnonzero(self.is_of(pair) & (start.state == own))
        came = np.flatnonzero(self.is_of(pair + 1) & (end.state == own))
        state_after = partner_state(left, after, start, end)
        state_before = partner_state(came, before, end, start)
        stays, stayed = state_after == own, state_before == own
        leaving = np.select(
            [state_after == other, state_after >= 0], [TO_OTHER, ABOVE], default=LESS
        )
        entering = np.select([state_before == other, state_before >= 0], [FROM_OTHER, NEW], MORE)
        is_new = entering == NEW
        fell_back, is_short = self.fell_back(pair, k, came[is_new])
        entering[np.flatnonzero(is_new)[fell_back]] = BACK
        change = end.size[after[left[stays]]] - start.size[left[stays]]
        everyone = [np.ones(len(rows), dtype=bool) for rows in (left, came)]
        entries = [
            (start.group[left], np.full(len(left), START), start.size[left], everyone[0]),
            (end.group[came], np.full(len(came), END), end.size[came], everyone[1]),
            (
                start.group[left[~stays]],
                leaving[~stays],
                start.size[left[~stays]],
                everyone[0][~stays],
            ),
            (
                end.group[came[~stayed]],
                entering[~stayed],
                end.size[came[~stayed]],
                everyone[1][~stayed],
            ),
            (
                start.group[left[stays]],
                np.where(change < 0, LESS, MORE),
                np.abs(change),
                np.zeros(len(change), dtype=bool),
            ),
        ]
        return entries, is_short

    def fell_back(self, pair: int, k: int, rows: Ints) -> tuple[Bools, bool]:
        """Return which rows were in the status within the history; and whether it is too short."""
        name = self.before[k]
        if name is not None:
            argument = ("poor_before", "near_poor_before")[k]
            return flags_of(self.register(pair + 1).frame, name, argument)[rows], False
        years = self.panel.waves.years
        wanted = years[pair] - self.history
        waves = [wave for wave in range(pair) if years[wave] >= wanted]
        found = np.zeros(len(rows), dtype=bool)
        if not waves or years[waves[0]] > wanted:
            return found, True
        for wave in waves:
            _, earlier = self.panel.matched(wave, pair + 1)
            partner = earlier[rows]
            state = self.register(wave).state
            found |= (partner >= 0) & (state[partner] == self.status[k])
        return found, False


def lacking_states(states: States, status: tuple[str, str]) -> str:
    """Refuse a state that is not there; say of a usual one that no household is in it.

    A slip of spelling would count the near-poor among all others.
    """
    words = {"poor": status[0], "near_poor": status[1]}
    missing = [word for word in words if words[word] not in states.labels]
    for word in missing:
        if states.is_fixed or words[word] != word or len(missing) > 1:
            raise unknown_option(word, words[word], states.labels)
    return "; ".join(f"no household is {words[word]!r}" for word in missing)


def partner_state(rows: Ints, partner: Ints, own: Register, other: Register) -> Ints:
    """Return the state of each row's household in the other period, if it is in the same unit.

    -1 where it is not, or where the state is missing.
    """
    at = partner[rows]
    if len(other.state) == 0:
        return np.full(len(rows), -1, dtype=np.int64)
    same = (at >= 0) & (other.group[at] == own.group[rows])
    return np.where(same, other.state[at], -1)


def group_numbers(frame: Frame, digits: Sequence[Digit]) -> Ints:
    """Return the number of each row's group."""
    group = np.zeros(frame.n, dtype=np.int64)
    for k, digit in enumerate(digits):
        number = numbers_of(digit)
        if (number < 0).any():
            row = int((number < 0).argmax())
            error = MissingValueError(f"by[{row}] is missing (column {digit[0].name!r})")
            error.argument, error.column, error.row = "by", digit[0].name, row
            raise error
        group += digit[3] * number
        assert k < len(digits)
    return group


def sizes_of(frame: Frame, name: str) -> Any:
    """Return the sizes of a register's households, checked."""
    number_column(frame, "size", name)  # refuses what is no number
    size = np.asarray(frame.array(name), dtype=np.float64)
    bad = ~((size >= 0) & np.isfinite(size))
    if bad.any():
        row = int(bad.argmax())
        kind = MissingValueError if np.isnan(size[row]) else ValueRangeError
        error = kind(f"size[{row}] is missing, negative or infinite (column {name!r})")
        error.argument, error.column, error.row = "size", name, row
        raise error
    return size


def flags_of(frame: Frame, name: str, argument: str) -> Bools:
    """Return a column of 0/1 as bools; what is missing is 0."""
    number_column(frame, argument, name)  # refuses what is no number
    flag = np.nan_to_num(np.asarray(frame.array(name), dtype=np.float64))
    bad = (flag != 0) & (flag != 1)
    if bad.any():
        row = int(bad.argmax())
        error = ValueRangeError(f"{argument}[{row}] is neither 0 nor 1 (column {name!r})")
        error.argument, error.column, error.row = argument, name, row
        raise error
    return np.asarray(flag == 1)


def check_identity(units: npt.NDArray[np.float64]) -> None:
    """Check that 9 = 1-2-3-4+5+6+7+8 in every group."""
    scale = units.max(axis=2, initial=1.0)
    if (np.abs(units @ SIGNS) > 1e-9 * scale).any():
        raise InternalError("the movements of a group do not add up to its end")


# --- wrap -----------------------------------------------------------------------------------------


def wrap(book: Book, accounts: Sequence[Account]) -> Estimates:
    """Lay the books out as nine rows per group, pair of periods and status."""
    waves, groups = book.panel.waves, book.groups
    units = np.stack([account.units for account in accounts], axis=1)
    households = np.stack([account.households for account in accounts], axis=1)
    seen = seen_groups(book)
    units, households = units[seen], households[seen]
    n_groups, n_pairs = units.shape[:2]
    is_short = np.array([account.short for account in accounts])
    units[:, :, :, BACK][:, is_short] = np.nan
    shape = (n_groups, n_pairs, 2, N_COLUMNS)
    pair, status, column = (
        np.broadcast_to(np.arange(size).reshape(place), shape).ravel()
        for size, place in ((n_pairs, (-1, 1, 1)), (2, (-1, 1)), (N_COLUMNS, (-1,)))
    )
    standards, notes = standards_of(book.asked, waves)
    keys = {
        name: levels.take(np.repeat(codes[seen], n_pairs * 2 * N_COLUMNS))
        for name, levels, codes in zip(groups.names, groups.levels, groups.codes, strict=True)
    }
    keys[f"{waves.time}_from"] = waves.labels.take(pair)
    keys[f"{waves.time}_to"] = waves.labels.take(pair + 1)
    words = [word for name in MEASURES for word in MEASURES[name]]
    names = list(dict.fromkeys(words))
    number = np.array([names.index(word) for word in words])
    is_missing = is_short[pair, status] & np.isin(column, (BACK, NEW))
    estimate = units.ravel()
    meta: Mapping[str, Any] = meta_of(book.asked, waves) | {"history": book.history}
    return Estimates(
        keys,
        measure_keys={
            "status": pd.Categorical.from_codes(status, list(MEASURES)),
            "column": column + 1,
        },
        measure=pd.Categorical.from_codes(number[status * N_COLUMNS + column], names),
        estimate=estimate,
        n_obs=np.where(np.isnan(estimate), 0, households.ravel()),
        n_missing=0,
        population=estimate,
        unit=book.asked.unit,
        standard=np.array(standards, dtype=object)[pair],
        note=note_column(book, pair, column, is_missing, notes),
        verb="movements",
        meta=meta,
    )


def seen_groups(book: Book) -> Bools:
    """Return which groups a household is in: numbers between those of the data are left out."""
    if not book.groups.names:
        return np.ones(1, dtype=bool)
    seen = np.zeros(book.groups.n_groups, dtype=bool)
    for register in book.registers:
        seen[register.group] = True
    return seen


def note_column(
    book: Book, pair: Ints, column: Ints, is_missing: Bools, notes: Sequence[str]
) -> np.ndarray:
    """Say where the history is too short, and where standards differ."""
    words = book.panel.waves.words()
    notes = ["; ".join(filter(None, (note, book.lacking))) for note in notes]
    years = "year" if book.history == 1 else "years"
    texts = np.array(
        [
            [
                note,
                "; ".join(
                    filter(None, (f"no history of {book.history} {years} before {word}", note))
                ),
                "; ".join(filter(None, ("with those who fell back: history too short", note))),
            ]
            for word, note in zip(words[:-1], notes, strict=True)
        ],
        dtype=object,
    )
    kind = np.where(is_missing & (column == BACK), 1, np.where(is_missing, 2, 0))
    return texts[pair, kind]
