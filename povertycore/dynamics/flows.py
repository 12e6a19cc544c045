"""Households by group, pair of periods, state before and state after: what transitions are made of.

Plain counts come from the core in one go. Where weights, a domain or a sample are asked for, each
row of the earlier period is given the state that its household has in the later one, and the rows
are totalled as those of any measure: the matched households are a domain of the earlier design.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .. import _core
from ..design import Design
from ..errors import ComparabilityError, DesignError, OptionError
from ..inputs import Key
from ..measures.tables import added, arrange
from ..measures.tally import Request, call_core, listed, resolve, standard_of, weightless
from ..sampling import Linearised, Sample
from ..structure import is_sample
from ..waves import is_waves, stacked
from .panel import Groups, Panel, States, Waves, find_groups, find_states, read_waves, state_numbers

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Asked:
    """The words of a call that all verbs about households over time share."""

    verb: str
    id: Any
    time: str
    by: Any
    where: Any
    design: Design
    count: str | None
    standard: Any
    across_standards: bool
    missing_groups: str

    @property
    def is_plain(self) -> bool:
        """Whether rows are counted as they are: no weight, size, domain or sample."""
        return (
            self.where is None
            and self.design.weight is None
            and self.design.size_column(self.count) is None
            and not is_sample(self.design)
            and self.design.replicates is None
        )

    @property
    def unit(self) -> str:
        """What is counted."""
        return self.design.unit(self.count)

    def columns(self, *more: Any) -> list[str]:
        """Return the names of all columns that are needed."""
        words = [self.id, self.by, self.where, self.standard, *more]
        names = [name for word in words for name in listed(word) if isinstance(name, str)]
        return [*dict.fromkeys([*names, *self.design.columns()])]


def asked_for(
    verb: str,
    *,
    id: Any,
    time: str,
    by: Any = None,
    where: Any = None,
    design: Design | None = None,
    weight: str | None = None,
    count: str | None = None,
    standard: Any = None,
    across_standards: bool = False,
    missing_groups: str = "error",
) -> Asked:
    """Check the words of a call."""
    design = Design() if design is None else design
    if not isinstance(time, str):
        raise OptionError(f"time takes the name of the period, found {type(time).__name__}")
    if design.period not in (None, time):
        raise DesignError(
            f"the design's period is {design.period!r} and time is {time!r}; they are one column"
        )
    design = replace(design, period=time, weight=weight or design.weight)
    if missing_groups not in ("error", "keep"):
        raise OptionError("missing_groups must be 'error' or 'keep'")
    return Asked(
        verb, id, time, by, where, design, count, standard, across_standards, missing_groups
    )


@dataclass(frozen=True)
class SampleCells:
    """The cells of a sample: the flow and the unit of each, and its sum of weights."""

    sample: Sample
    flow: Ints  # flat place in the grid
    unit: Ints
    weight: Floats

    def totals(self, n_flows: int) -> Linearised:
        """Return the total of each flow by sampling unit."""
        return Linearised.of_cells(self.sample, n_flows, self.flow, self.unit, self.weight)


@dataclass(frozen=True)
class Flows:
    """Rows and weights by group, pair of periods, state before and state after.

    The last two places of both states are those of a missing state, and of a household that is
    absent in that period.
    """

    waves: Waves
    states: States
    names: tuple[str, ...]  # of the groups' keys
    levels: tuple[Any, ...]
    codes: tuple[Ints, ...]
    n: Ints  # (groups, pairs, states + 2, states + 2)
    weight: Floats  # the same
    unit: str
    standards: Sequence[str | None]  # of each pair
    notes: Sequence[str]  # of each pair
    meta: Mapping[str, Any]
    cells: SampleCells | None = None
    request: Request | None = None  # of rows that are weighed
    n_positive: Ints | None = None  # as n: rows of a sample that weigh something
    again: Sequence[Floats] = ()  # the weights under each column of replicate weights

    @property
    def is_plain(self) -> bool:
        """Whether the weights are the numbers of rows."""
        return self.n_positive is None and bool((self.weight == self.n).all())

    @property
    def n_flows(self) -> int:
        """Number of flows of a group and pair of periods."""
        return int(self.n.shape[2]) ** 2

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return int(self.n.shape[0])


def flows_of(data: Any, state: str, asked: Asked) -> Flows:
    """Match the households of each two periods and add up where they went."""
    columns = asked.columns(state)
    if not asked.is_plain and is_waves(data):
        data = stacked(data, asked.design, columns)
    waves = read_waves(data, asked.time, columns, asked.verb)
    states = find_states(waves.frames, state, with_gaps=asked.is_plain)
    panel = Panel.of(waves, asked.id)
    if asked.is_plain:
        return counted_flows(asked, panel, states)
    return weighted_flows(asked, panel, states)


def standards_of(asked: Asked, waves: Waves) -> tuple[list[str | None], list[str]]:
    """Return the standard of each pair of periods, and what a note says of two."""
    found = [asked.standard if asked.standard is None else word for word in ids_of(asked, waves)]
    standards: list[str | None] = []
    notes: list[str] = []
    for one, other in zip(found[:-1], found[1:], strict=True):
        words = " and ".join("none stated" if word is None else word for word in (one, other))
        if one != other and not asked.across_standards:
            raise ComparabilityError(
                f"two periods stand under different standards: {words}; across_standards=True"
                " compares them all the same"
            )
        standards.append(one if one == other else None)
        notes.append("" if one == other else f"across standards: {words}")
    return standards, notes


def ids_of(asked: Asked, waves: Waves) -> list[str | None]:
    """Return the id of the standard of each period."""
    standard = standard_of(waves.waves[0].frame, asked.standard)
    if not isinstance(standard, Key):
        return [standard] * len(waves.waves)
    if waves.is_long:
        assert waves.period is not None
        keys = [waves.waves[0].frame.key(asked.standard).column, _core.column_array(waves.period)]
        raw = _core.total(waves.waves[0].frame.n, keys, keep_missing=True)
        labels = standard.labels(raw["key_values"][0], raw["key_missing"][0])
        pairs = zip(labels, raw["key_values"][1].tolist(), strict=True)
        by_wave: dict[int, set[Any]] = {}
        for label, wave in pairs:
            by_wave.setdefault(wave, set()).add(None if pd.isna(label) else str(label))
    else:
        by_wave = {}
        for number, wave in enumerate(waves.waves):
            key = wave.frame.key(asked.standard)
            raw = _core.total(wave.frame.n, [key.column], keep_missing=True)
            labels = key.labels(raw["key_values"][0], raw["key_missing"][0])
            by_wave[number] = {None if pd.isna(label) else str(label) for label in labels}
    for number, ids in by_wave.items():
        if len(ids) > 1:
            raise ComparabilityError(
                f"period {waves.words()[number]} holds rows of more than one standard (column"
                f" {asked.standard!r}); moves are counted under one standard a period"
            )
    return [next(iter(by_wave.get(number, {None}))) for number in range(len(waves.waves))]


def meta_of(asked: Asked, waves: Waves, where_missing: int = 0) -> dict[str, Any]:
    """Return what a result tells of its call."""
    return {
        "rows_read": sum(frame.n for frame in waves.frames),
        "where": asked.where if asked.where is None or isinstance(asked.where, str) else "(array)",
        "where_missing": where_missing,
        "unit": asked.unit,
        "design": repr(asked.design),
        "time": asked.time,
        "standard": asked.standard if isinstance(asked.standard, str) else None,
        "across_standards": asked.across_standards,
    }


# --- plain counts ---------------------------------------------------------------------------------


def counted_flows(asked: Asked, panel: Panel, states: States) -> Flows:
    """Let the core match and count."""
    waves = panel.waves
    groups = find_groups(waves.frames, asked.by, asked.missing_groups == "keep")
    width = len(states) + 1
    n = np.zeros((groups.n_groups, waves.n_pairs, width + 1, width + 1), dtype=np.int64)
    for pair in range(waves.n_pairs):
        if groups.n_groups == 0:
            break
        found = panel.counted(pair, groups, states)
        n[:, pair, :width, :width] = found["moves"].reshape(-1, width, width)
        n[:, pair, :width, width] = found["left"]
        n[:, pair, width, :width] = found["came"]
    standards, notes = standards_of(asked, waves)
    codes, n = without_empty(groups, n)
    states, n = without_unseen(states, n)
    return Flows(
        waves=waves,
        states=states,
        names=groups.names,
        levels=groups.levels,
        codes=codes,
        n=n,
        weight=n.astype(np.float64),
        unit=asked.unit,
        standards=standards,
        notes=notes,
        meta=meta_of(asked, waves),
    )


def without_empty(groups: Groups, n: Ints) -> tuple[tuple[Ints, ...], Ints]:
    """Leave out groups that no household is in: numbers between those of the data."""
    if not groups.names:
        return (), n
    seen = n.any(axis=(1, 2, 3))
    if seen.all():
        return groups.codes, n
    return tuple(code[seen] for code in groups.codes), n[seen]


def without_unseen(states: States, n: Ints) -> tuple[States, Ints]:
    """Leave out states that no household is in, unless they are categories."""
    seen = np.asarray(n.any(axis=(0, 1, 3)) | n.any(axis=(0, 1, 2)))
    seen[-2:] = True  # missing and absent
    if states.is_fixed or seen.all():
        return states, n
    return states.of(seen[:-2]), n[:, :, seen][..., seen]


# --- weights, domains and samples -----------------------------------------------------------------


@dataclass(frozen=True)
class Extra:
    """A column of ours, as a pass over the rows takes it."""

    column: _core.Column


def request_of(asked: Asked, waves: Waves) -> Request:
    """Find the columns of a call in the long frame."""
    return resolve(
        asked.verb,
        waves.waves[0].frame,
        (),
        "flags",
        by=asked.by,
        over=None,
        where=asked.where,
        design=asked.design,
        count=asked.count,
        standard=None,
        missing_groups=asked.missing_groups,
        observed=True,
        totals=None,
    )


def weighted_flows(asked: Asked, panel: Panel, states: States) -> Flows:
    """Give each row its partner's state, and total the rows."""
    waves = panel.waves
    assert waves.period is not None
    request = request_of(asked, waves)
    missing, absent, beyond = len(states), len(states) + 1, len(states) + 2
    state = np.append(state_numbers(states, 0), missing)
    state[state < 0] = missing
    after, before = panel.following
    to = np.where(after >= 0, state[after], absent)
    to[waves.period == len(waves.waves) - 1] = beyond
    is_new = (before < 0) & (waves.period > 0)
    sizes = (len(waves.waves), absent + 1, beyond + 1, 2)  # one key: a pass is fastest with few
    number = ((waves.period * sizes[1] + state[:-1]) * sizes[2] + to) * sizes[3] + is_new
    where_to = Extra(_core.column_array(number.astype(np.int32)))
    keys: list[Any] = [*request.by, where_to]
    raw = call_core(request, keys, keep_missing=request.keep_missing)
    grid = Grid(request, sizes, waves.n_pairs)
    arrangement = arrange(raw, request.by)
    flow, cell = grid.flows(raw)
    n = grid.added(raw, raw["n"])
    n_positive = None
    if request.has_errors:
        counting = weightless(request, raw)
        again = None if counting is None else call_core(counting, keys, keep_missing=True)
        n_positive = n if again is None else n - grid.added(again, again["weight"])
    replicates = [replace(request, weight=each, replicates=()) for each in request.replicates]
    under = (call_core(each, keys, keep_missing=True) for each in replicates)
    standards, notes = standards_of(asked, waves)
    return Flows(
        waves=waves,
        states=states,
        names=tuple(key.name for key in request.by),
        levels=arrangement.levels,
        codes=arrangement.codes,
        n=n,
        weight=grid.added(raw, raw["weight"]),
        unit=asked.unit,
        standards=standards,
        notes=notes,
        meta=meta_of(asked, waves, raw["where_missing"]),
        cells=cells_of(request, raw, flow, cell),
        request=request,
        n_positive=n_positive,
        again=[grid.added(each, each["weight"]) for each in under],
    )


@dataclass(frozen=True)
class Grid:
    """How the cells of a pass over weighed rows lie in the grid of flows.

    The key after those of the groups is a number made of the period, the state, the state in the
    next period (beyond the last: none is) and whether the household was absent before; `sizes` are
    those of its digits.
    """

    request: Request
    sizes: tuple[int, int, int, int]
    n_pairs: int

    def flows(self, raw: Mapping[str, Any]) -> tuple[Ints, Ints]:
        """Return the flows that the cells of a pass add to, and which cells these are."""
        n_keys = len(self.request.by)
        group = arrange(raw, self.request.by).group
        period, own, to, is_new = np.unravel_index(raw["key_values"][n_keys], self.sizes)
        starts, ends = np.flatnonzero(to != self.sizes[2] - 1), np.flatnonzero(is_new)
        shape = self.shape(raw)
        absent = np.full(len(ends), shape[2] - 1)
        flow = np.concatenate(
            [
                np.ravel_multi_index(parts, shape)
                for parts in (
                    (group[starts], period[starts], own[starts], to[starts]),
                    (group[ends], period[ends] - 1, absent, own[ends]),
                )
            ]
        )
        return flow, np.concatenate([starts, ends])

    def shape(self, raw: Mapping[str, Any]) -> tuple[int, int, int, int]:
        """Return the shape of the grid: groups, pairs of periods, states before and after."""
        n_groups = arrange(raw, self.request.by).n_groups
        return n_groups, self.n_pairs, self.sizes[1], self.sizes[1]

    def added(self, raw: Mapping[str, Any], values: npt.NDArray[Any]) -> Any:
        """Add values of the cells of a pass up by flow."""
        flow, cell = self.flows(raw)
        shape = self.shape(raw)
        return added(flow, int(np.prod(shape)), values[cell]).reshape(shape)


def cells_of(
    request: Request, raw: Mapping[str, Any], flow: Ints, cell: Ints
) -> SampleCells | None:
    """Return the cells of a sample that hold a row of positive weight."""
    if request.sample is None:
        return None
    unit = request.sample.units(raw, len(request.by) + 1)[cell]
    weight = raw["weight"][cell]
    used = weight > 0
    return SampleCells(request.sample, flow[used], unit[used], weight[used])
