"""What transitions, movements, moves and spells share: the same household in several periods.

The data are one long frame with a column of periods, or one frame a period. Each period is a
`Wave`: a frame, and in a long one the code of the period. Ids of two waves are matched in the core;
labels of groups and states are numbered once for all waves, so that the core counts numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .. import _core
from ..errors import (
    DTypeError,
    DuplicateNameError,
    LimitError,
    MissingValueError,
    OptionError,
    PovertyCoreError,
    ValueRangeError,
)
from ..inputs import Frame, Key
from ..measures.tables import in_order, sorted_groups
from ..waves import is_waves
from .periods import as_word, in_years

ABSENT = "absent"
MOST_DIRECT_GROUPS = 2**18  # numbered by their keys' own values; more are numbered as they come
MOST_STATES = 100

Ints = npt.NDArray[np.int64]
Digit = tuple[_core.Column, int, int, int, npt.NDArray[np.uint32] | None]


# --- waves ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wave:
    """One period: its frame, and where that holds several periods, which rows are its own."""

    label: Any
    frame: Frame
    period: tuple[_core.Column, int] | None = None


@dataclass(frozen=True)
class Waves:
    """All periods in order of time."""

    time: str
    labels: Any  # of the periods, in the dtype of the column
    years: tuple[Fraction, ...]
    waves: tuple[Wave, ...]
    period: npt.NDArray[np.int64] | None  # of each row of a long frame; None: one frame a period

    @property
    def frames(self) -> list[Frame]:
        """The distinct frames."""
        return [self.waves[0].frame] if self.is_long else [wave.frame for wave in self.waves]

    @property
    def is_long(self) -> bool:
        """Whether one frame holds all periods."""
        return self.period is not None

    @property
    def n_pairs(self) -> int:
        """Number of pairs of consecutive periods."""
        return len(self.waves) - 1

    def words(self) -> list[str]:
        """Write the periods, for notes and messages."""
        return [as_word(label) for label in self.labels]

    def number_of(self, wave: int) -> int:
        """Return which of the frames holds a wave."""
        return 0 if self.is_long else wave


def read_waves(data: Any, time: str, columns: Sequence[Any], verb: str) -> Waves:
    """Read one long frame, or one frame a period; two periods are needed."""
    names = [name for name in columns if isinstance(name, str)]
    waves = (
        waves_of_mapping(data, time, names) if is_waves(data) else waves_of_long(data, time, names)
    )
    if len(waves.waves) < 2:
        raise ValueRangeError(f"{verb} needs two periods or more, found {len(waves.waves)}")
    return waves


def waves_of_mapping(data: Mapping[Any, Any], time: str, names: Sequence[str]) -> Waves:
    """Read a mapping from period to frame."""
    labels, years, order = ordered_periods(pd.Series(list(data)).array, time)
    values = list(data.values())
    waves = []
    for label, place in zip(labels, order.tolist(), strict=True):
        frame = Frame.of(values[place], [time, *names])
        if time in frame.names:
            check_period(frame, time, label)
        waves.append(Wave(label, frame))
    return Waves(time, labels, years, tuple(waves), None)


def check_period(frame: Frame, time: str, label: Any) -> None:
    """Refuse a frame that holds rows of another period than its own."""
    key = frame.key(time)
    raw = _core.total(frame.n, [key.column])
    found = key.labels(raw["key_values"][0], raw["key_missing"][0])
    for other in pd.Series(found).tolist():
        if in_years(other) != in_years(label):
            raise ValueRangeError(
                f"the frame of period {label!r} holds rows of {other!r} (column {time!r})"
            )


def waves_of_long(data: Any, time: str, names: Sequence[str]) -> Waves:
    """Read one frame with a column of periods."""
    frame = Frame.of(data, [time, *names])
    key = frame.key(time)
    coded = _core.panel_codes(frame.n, [key.column], keep_missing=True)
    if coded["key_missing"].any():
        missing = np.flatnonzero(coded["key_missing"][0])
        row = int(np.flatnonzero(np.isin(coded["codes"], missing))[0])
        error = MissingValueError(f"{time}[{row}] is missing; every row needs a period")
        error.argument, error.column, error.row = "time", time, row
        raise error
    found = key.labels(coded["key_values"][0], coded["key_missing"][0])
    if len(found) == 0:
        return Waves(time, found, (), (), np.zeros(0, np.int64))
    labels, years, order = ordered_periods(found, time)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    column = _core.column_array(coded["codes"], None, time)
    waves = [
        Wave(label, frame, (column, code))
        for label, code in zip(labels, order.tolist(), strict=True)
    ]
    return Waves(time, labels, years, tuple(waves), rank[coded["codes"]])


def ordered_periods(labels: Any, time: str) -> tuple[Any, tuple[Fraction, ...], Ints]:
    """Return periods in order of time, their years, and the old place of each."""
    years = []
    for label in labels:
        year = in_years(label)
        if year is None:
            raise ValueRangeError(
                f"{label!r} is not a period (column {time!r}); a period is a year (a number or four"
                " digits), a pandas Period or a date"
            )
        years.append(year)
    if len(set(years)) < len(years):
        raise DuplicateNameError(f"{time!r} holds two labels for one period")
    order = np.array(sorted(range(len(years)), key=years.__getitem__), dtype=np.int64)
    return labels.take(order), tuple(years[place] for place in order), order


# --- numbers for labels ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Groups:
    """The groups of all waves: labels by key, and how the core finds a row's group."""

    names: tuple[str, ...]
    levels: tuple[Any, ...]  # per key: its labels in order
    codes: tuple[Ints, ...]  # per key: the level of each group
    n_groups: int
    digits: tuple[tuple[Digit, ...], ...]  # per frame


@dataclass(frozen=True)
class States:
    """The states of all waves: labels, and how the core finds a row's state."""

    name: str
    labels: tuple[str, ...]
    dtype: pd.CategoricalDtype  # of the labels and `absent`
    digits: tuple[Digit, ...]  # per frame
    given: Any = None  # the labels as the input has them

    def __len__(self) -> int:
        """Return the number of states."""
        return len(self.labels)

    @property
    def is_fixed(self) -> bool:
        """Whether the states are a list of categories, which all stand in a result."""
        return isinstance(self.given, pd.Categorical)

    def of(self, seen: npt.NDArray[np.bool_]) -> States:
        """Return these states only; where rows lie is not said of them any more."""
        texts = tuple(label for label, is_seen in zip(self.labels, seen, strict=True) if is_seen)
        dtype = pd.CategoricalDtype([*texts, ABSENT], self.dtype.ordered)
        return States(self.name, texts, dtype, (), self.given)


def is_plain_integer(key: Key) -> bool:
    """Say whether a key's values are the numbers that the core reads, and order them."""
    kind = key.column.type
    return key.is_flag and not key.is_categorical and kind not in ("uint64", "float32", "float64")


def find_groups(frames: Sequence[Frame], by: Any, keep_missing: bool) -> Groups:
    """Give the groups of all frames numbers: by the values of their keys, or as they come."""
    names = tuple(named(by))
    keys = [[frame.key(name) for name in names] for frame in frames]
    if not names:
        return Groups((), (), (), 1, tuple(() for _ in frames))
    direct = None if keep_missing else direct_levels(keys)
    if direct is not None:
        return direct_groups(names, direct)
    return dense_groups(frames, names, keys, keep_missing)


def named(by: Any) -> list[str]:
    """Return the names of the groups' keys."""
    names = [] if by is None else list(by) if isinstance(by, list | tuple) else [by]
    for name in names:
        if not isinstance(name, str):
            raise OptionError("by takes names of columns here: it is read in every period")
    if len(set(names)) < len(names):
        raise DuplicateNameError("by names a key twice")
    return names


Level = tuple[Any, list[Digit]]  # labels in order; per frame the digit, its scale still open


def direct_levels(keys: Sequence[Sequence[Key]]) -> list[Level] | None:
    """Return labels and digits of keys whose values number them; None: there are others."""
    found: list[Level] = []
    n_groups = 1
    for same in zip(*keys, strict=True):
        level = direct_level(same)
        if level is None:
            return None
        n_groups *= max(len(level[0]), 1)
        if n_groups > MOST_DIRECT_GROUPS:
            return None
        found.append(level)
    return found


def direct_level(keys: Sequence[Key]) -> Level | None:
    """Return labels and digits of one key; None where its values do not number them."""
    if all(is_plain_integer(key) for key in keys):
        low, high = _core.panel_range([key.column for key in keys])
        low, count = (low, high - low + 1) if high >= low else (0, 0)
        if count > MOST_DIRECT_GROUPS:
            return None
        values = np.arange(low, low + count, dtype=np.int64)
        widest = max(keys, key=lambda key: len(key.column.type) * 100 + ord(key.column.type[0]))
        labels = widest.labels(values, np.zeros(count, bool))
        return labels, [(key.column, low, count, 1, None) for key in keys]
    if all(key.categories is not None for key in keys):
        return category_level(keys)
    return None


def category_level(keys: Sequence[Key]) -> Level:
    """Return labels and digits of categories: those of all frames in order of appearance."""
    lists = [category_list(key) for key in keys]
    dtype = lists[0].dtype
    if any(labels.dtype != dtype for labels in lists):
        check_one_kind([pd.Series(labels) for labels in lists], keys[0].name)
        known = dict.fromkeys(label for labels in lists for label in labels.categories)
        dtype = pd.CategoricalDtype(list(known))
    labels = pd.Categorical.from_codes(np.arange(len(dtype.categories)), dtype=dtype)
    digits: list[Digit] = []
    for key, own in zip(keys, lists, strict=True):
        places = dtype.categories.get_indexer(own.categories.take(own.codes))
        if (places == np.arange(len(own))).all():
            digits.append((key.column, 0, len(dtype.categories), 1, None))
        else:
            digits.append((key.column, 0, len(own), 1, as_map(places)))
    return labels, digits


def category_list(key: Key) -> Any:
    """Return the label of each code that a column of fixed categories holds."""
    n = max(_core.panel_range([key.column])[1] + 1, 0)
    return key.labels(np.arange(n), np.zeros(n, bool))


def as_map(places: npt.ArrayLike) -> npt.NDArray[np.uint32]:
    """Return places as the core takes them."""
    return np.ascontiguousarray(places, dtype=np.uint32)


def direct_groups(names: tuple[str, ...], found: Sequence[Level]) -> Groups:
    """Give groups numbers by the digits of their keys, the first key the highest."""
    sizes = [len(labels) for labels, _ in found]
    n_groups = int(np.prod(sizes, dtype=np.int64))
    codes = (
        np.unravel_index(np.arange(n_groups), sizes)
        if n_groups
        else [np.zeros(0, int)] * len(sizes)
    )
    scales = [int(np.prod(sizes[k + 1 :], dtype=np.int64)) for k in range(len(sizes))]
    digits = tuple(
        tuple((*digit[:3], scale, digit[4]) for digit, scale in zip(same, scales, strict=True))
        for same in zip(*(digits for _, digits in found), strict=True)
    )
    levels = tuple(labels for labels, _ in found)
    return Groups(names, levels, tuple(np.asarray(c, np.int64) for c in codes), n_groups, digits)


def dense_groups(
    frames: Sequence[Frame], names: tuple[str, ...], keys: Sequence[Sequence[Key]], keep: bool
) -> Groups:
    """Give groups numbers as the frames hold them, and find those whose labels are equal."""
    raws = []
    for frame, own in zip(frames, keys, strict=True):
        raw = _core.panel_codes(frame.n, [key.column for key in own], keep_missing=True)
        if not keep and raw["key_missing"].any():
            _core.total(frame.n, [key.column for key in own])  # raises, and names the first row
        raws.append(raw)
    levels, columns = [], []
    for k in range(len(names)):
        labels = [
            pd.Series(own[k].labels(raw["key_values"][k], raw["key_missing"][k]))
            for own, raw in zip(keys, raws, strict=True)
        ]
        level, code = in_order(joined_labels(labels, names[k]))
        levels.append(level)
        columns.append(code)
    codes, group = sorted_groups(columns)
    ends = np.cumsum([raw["key_values"].shape[1] for raw in raws])
    digits = tuple(
        ((_core.column_array(raw["codes"], None, names[0]), 0, len(place), 1, as_map(place)),)
        for raw, place in zip(raws, np.split(group, ends[:-1]), strict=True)
    )
    return Groups(names, tuple(levels), codes, len(codes[0]), digits)


def joined_labels(labels: Sequence[pd.Series], name: str) -> Any:
    """Return labels of several frames below each other; categories are those of all."""
    if len(labels) == 1:
        return labels[0].array
    check_one_kind(labels, name)
    if all(isinstance(part.dtype, pd.CategoricalDtype) for part in labels):
        return pd.api.types.union_categoricals(labels, ignore_order=True)
    parts = [part for part in labels if len(part)] or list(labels[:1])
    return pd.concat(parts, ignore_index=True).array


def check_one_kind(labels: Sequence[pd.Series], name: str) -> None:
    """Refuse labels that are text in one period and numbers in another: "01" never meets 1."""
    known = [part.dropna() for part in labels]
    dtypes = [part.cat.categories.dtype if is_category(part) else part.dtype for part in known]
    kinds = {
        pd.api.types.is_numeric_dtype(dtype)
        for part, dtype in zip(known, dtypes, strict=True)
        if len(part)
    }
    if len(kinds) > 1:
        error = DTypeError(
            f"column {name!r} holds numbers in one period and text in another; make them the same,"
            " so that equal labels are equal"
        )
        error.column = name
        raise error


def is_category(labels: pd.Series) -> bool:
    """Say whether labels are categories."""
    return isinstance(labels.dtype, pd.CategoricalDtype)


def find_states(frames: Sequence[Frame], name: str, *, with_gaps: bool = False) -> States:
    """Give the states of all frames numbers; what is missing has the number after the last.

    With gaps, integers between those of the data may be states too: no pass over the rows then.
    """
    if not isinstance(name, str):
        raise OptionError("state takes the name of a column: it is read in every period")
    keys = [state_key(frame, name) for frame in frames]
    level = direct_level(keys) if with_gaps or keys[0].categories is not None else None
    if level is None or len(level[0]) > MOST_STATES:
        level = dense_states(frames, name, keys)
    labels, digits = level
    if len(labels) > MOST_STATES:
        raise LimitError(
            f"column {name!r} holds {len(labels)} states; moves are counted between {MOST_STATES}"
            " at most"
        )
    if len(labels) == 0:
        raise ValueRangeError(f"column {name!r} holds no state: every value is missing")
    texts = tuple(str(label) for label in labels)
    if ABSENT in texts:
        raise DuplicateNameError(f"column {name!r} has a state {ABSENT!r} of its own")
    ordered = isinstance(labels, pd.Categorical) and labels.ordered
    dtype = pd.CategoricalDtype([*texts, ABSENT], bool(ordered))
    return States(name, texts, dtype, tuple(digits), labels)


def state_key(frame: Frame, name: str) -> Key:
    """Return a column of states; whole numbers that pandas keeps as floats, some missing, are such.

    A 0/1 column with one missing value is one of floats in pandas.
    """
    key = frame.key(name)
    if not key.column.type.startswith("float"):
        return key
    values = np.asarray(key.plain(), dtype=np.float64)
    missing = np.isnan(values)
    bad = ~missing & ~(np.abs(values) < 2**53) | (values != np.round(values)) & ~missing
    if bad.any():
        row = int(bad.argmax())
        error = DTypeError(
            f"{name}[{row}] is no whole number; states are text, categories or whole numbers"
        )
        error.argument, error.column, error.row = "state", name, row
        raise error
    codes = np.where(missing, 0, values).astype(np.int64)
    return frame.key(pd.Series(pd.arrays.IntegerArray(codes, missing), name=name))


def dense_states(frames: Sequence[Frame], name: str, keys: Sequence[Key]) -> Level:
    """Give states numbers by their labels, in order."""
    raws = [
        _core.panel_codes(frame.n, [key.column], keep_missing=True)
        for frame, key in zip(frames, keys, strict=True)
    ]
    known = [~raw["key_missing"][0] for raw in raws]
    labels = [
        pd.Series(key.labels(raw["key_values"][0][seen], raw["key_missing"][0][seen]))
        for key, raw, seen in zip(keys, raws, known, strict=True)
    ]
    level, code = in_order(joined_labels(labels, name))
    digits: list[Digit] = []
    for raw, seen, place in zip(
        raws, known, np.split(code, np.cumsum([len(part) for part in labels])[:-1]), strict=True
    ):
        places = np.full(len(seen), len(level))
        places[seen] = place
        column = _core.column_array(raw["codes"], None, name)
        digits.append((column, 0, len(places), 1, as_map(places)))
    return level, digits


# --- ids ------------------------------------------------------------------------------------------


def id_columns(frames: Sequence[Frame], ids: Any) -> list[list[_core.Column]]:
    """Return the columns of the ids of each frame, such that equal ids have equal values."""
    names = list(ids) if isinstance(ids, list | tuple) else [ids]
    if not names or not all(isinstance(name, str) for name in names):
        raise OptionError("id takes the name of a column, or a list of names")
    found: list[list[_core.Column]] = [[] for _ in frames]
    for name in names:
        keys = [frame.key(name) for frame in frames]
        for own, column in zip(found, comparable(keys), strict=True):
            own.append(column)
    return found


def comparable(keys: Sequence[Key]) -> list[_core.Column]:
    """Return the columns of one id in several frames; codes of their own become common ones."""
    if len({key.is_categorical for key in keys}) > 1:
        raise DTypeError(f"the ids in column {keys[0].name!r} are text in one period only")
    if len(keys) == 1 or all(is_said_by_value(key) for key in keys):
        return [key.column for key in keys]
    raws = [_core.panel_codes(key.column.n, [key.column], keep_missing=True) for key in keys]
    labels = [
        pd.Series(key.labels(raw["key_values"][0], raw["key_missing"][0])).astype(object)
        for key, raw in zip(keys, raws, strict=True)
    ]
    code, _ = pd.factorize(pd.concat(labels, ignore_index=True))
    places = np.split(code.astype(np.int64), np.cumsum([len(part) for part in labels])[:-1])
    return [
        _core.column_array(place[raw["codes"]], None, key.name, -1)
        for key, raw, place in zip(keys, raws, places, strict=True)
    ]


def is_said_by_value(key: Key) -> bool:
    """Say whether the core reads the values of a key, not codes of a frame's own."""
    return key.column.type.startswith(("float", "text")) or (key.is_flag and not key.is_categorical)


# --- matching -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Panel:
    """The waves with the columns that tell households apart."""

    waves: Waves
    ids: list[list[_core.Column]]  # per frame

    @classmethod
    def of(cls, waves: Waves, ids: Any) -> Panel:
        """Find the columns of the ids."""
        return cls(waves, id_columns(waves.frames, ids))

    def side(self, wave: int, groups: Groups | None = None, states: States | None = None) -> Any:
        """Return a wave as the core takes it."""
        place = self.waves.number_of(wave)
        own = self.waves.waves[wave]
        return (
            own.frame.n,
            self.ids[place],
            () if groups is None else groups.digits[place],
            None if states is None else states.digits[place],
            own.period,
        )

    def counted(self, pair: int, groups: Groups, states: States) -> _core.Moves:
        """Count the moves from one period to the next."""
        with self.naming(pair):
            return _core.panel_count(
                self.side(pair, groups, states),
                self.side(pair + 1, groups, states),
                groups.n_groups,
                len(states),
            )

    def matched(self, first: int, second: int) -> tuple[Ints, Ints]:
        """Return the row of each household in the other of two waves, -1 where there is none."""
        with self.naming(first, second):
            return _core.panel_match(self.side(first), self.side(second))

    @contextmanager
    def naming(self, first: int, second: int | None = None) -> Iterator[None]:
        """Name the period in an error of the core about one of two sides."""
        try:
            yield
        except PovertyCoreError as error:
            role, _, side = str(error.argument).rpartition("_")
            if side not in ("from", "to"):
                raise
            later = first + 1 if second is None else second
            period = self.waves.words()[first if side == "from" else later]
            words = {"id": "id", "key": "by"}.get(role, role)
            error.args = (f"period {period}: {str(error).replace(str(error.argument), words, 1)}",)
            error.argument = words
            raise

    @cached_property
    def following(self) -> tuple[Ints, Ints]:
        """Of a long frame: the row of each household in the period after, and in the one before."""
        n = self.waves.waves[0].frame.n
        after, before = np.full((2, n), -1, dtype=np.int64)
        for pair in range(self.waves.n_pairs):
            later, earlier = self.matched(pair, pair + 1)
            np.copyto(after, later, where=later >= 0)
            np.copyto(before, earlier, where=earlier >= 0)
        return after, before


def taken(frame: Frame, name: str, rows: Ints) -> pd.Series:
    """Return the values of a column at these rows, as pandas has them."""
    column = frame.native(name)
    if isinstance(column, pd.Series):
        return column.iloc[rows]
    if frame.kind == "polars":
        return pd.Series(column.gather(rows).to_numpy())
    if frame.kind == "pyarrow":
        return pd.Series(column.take(rows).to_pandas())
    return pd.Series(frame.array(name)).iloc[rows]


def state_numbers(states: States, frame: int) -> Ints:
    """Return the state of each row of a frame, -1 where it is missing."""
    number = numbers_of(states.digits[frame])
    number[number >= len(states)] = -1
    return number


def numbers_of(digit: Digit) -> Ints:
    """Return the number of each row that a digit gives, -1 where it gives none."""
    column, low, count, _, places = digit
    raw = _core.panel_codes(column.n, [column], keep_missing=True)
    values, missing = raw["key_values"][0], raw["key_missing"][0]
    inside = ~missing & (values >= low) & (values < low + count)
    number = np.full(len(values), -1, dtype=np.int64)
    offset = values[inside] - low
    number[inside] = offset if places is None else places[offset]
    return number[raw["codes"]]
