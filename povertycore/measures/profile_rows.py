"""From rows to tables of profiles: the pass over the masks, and those over gaps of amounts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import _core
from ..errors import LimitError
from ..inputs import Frame, Key
from .cells import added_by_group
from .packing import Packed
from .profile_table import MASK, ProfileTable, arranged
from .spec import Indicator, Spec
from .tables import Arrangement, Table, added, arrange, option_error
from .tally import HasColumn, Request, call_core, listed, with_standard

MOST_COMBINED = 16  # indicators whose combinations the core counts in a table
GAPS_AT_ONCE = 2**22  # gaps, of 8 bytes each, that are held while they are added

Masks = Packed | Sequence[_core.Column]  # packed rows, or a column per indicator


@dataclass(frozen=True)
class Layout:
    """What a pass over the rows is crossed by, and the groups that its cells belong to."""

    keys: tuple[HasColumn, ...]  # of the pass
    labels: tuple[Key, ...]  # those that make the groups; more, where some follow from others
    place: Callable[[Mapping[str, Any]], Arrangement]


def plain_layout(keys: Sequence[Key]) -> Layout:
    """Return the layout in which the groups are those of the keys."""
    return Layout(tuple(keys), tuple(keys), lambda raw: arrange(raw, keys))


def tabulate(request: Request, layout: Layout, raw: Mapping[str, Any]) -> ProfileTable:
    """Make the table of what a pass counted."""
    arrangement = layout.place(raw)
    n = added(arrangement.group, arrangement.n_groups, rows_by_group(raw))
    nothing = np.zeros(0, dtype=np.int64)
    groups = Table(
        levels=arrangement.levels,
        codes=arrangement.codes,
        seen=np.ones(arrangement.n_groups, dtype=bool),
        sums={"n": n[:, None]},
        variable=nothing,
        category=nothing,
        n_rows=int(n.sum()),
        where_missing=raw["where_missing"],
    )
    names = ("group", "deprived", "missing", "n", "weight")
    cells = ProfileTable(
        with_standard(request, layout.labels, groups), *(raw[f"cell_{name}"] for name in names)
    )
    if keeps_order(arrangement.group) and "cell_start" in raw:
        return cells.starting(raw["cell_start"])  # as they came
    return arranged(cells, cells.groups, arrangement.group[cells.group])


def with_positive(
    table: ProfileTable, request: Request, layout: Layout, masks: Masks, raw: Mapping[str, Any]
) -> ProfileTable:
    """Count the rows of positive weight in each cell, if some that were counted have none."""
    if not raw["zero_weights"]:
        return table
    weight = np.ones(request.frame.n)
    for name in (request.design.weight, request.design.size if request.size else None):
        if name is not None:
            weight = weight * np.asarray(request.frame.array(name), dtype=np.float64)
    indicator = _core.column_array((weight == 0).astype(np.float64), name="weight")
    again = counted(replace(request, weight=indicator, size=None), layout.keys, masks)
    zero = tabulate(replace(request, standard=None), layout, again)
    return replace(table, n_positive=table.n - zero.weight.astype(np.int64))


def rows_by_group(raw: Mapping[str, Any]) -> np.ndarray:
    """Return the number of rows in each group of the pass."""
    if "cell_start" not in raw:
        return np.bincount(raw["cell_group"], raw["cell_n"], minlength=raw["n_groups"]).astype(
            np.int64
        )
    return added_by_group(raw["cell_start"], raw["cell_n"])


def keeps_order(group: np.ndarray) -> bool:
    """Whether each group of the pass is the group of the result with the same number."""
    return bool((group == np.arange(len(group))).all())


def counted(request: Request, keys: Sequence[HasColumn], masks: Masks) -> Mapping[str, Any]:
    """Make the pass over the rows.

    Where nothing can be missing, the core has a kernel for all combinations of up to 16 indicators.
    Else, or where those of all groups are too many, the masks are keys beside the others.
    """
    width = len(masks.spec.ids) if isinstance(masks, Packed) else len(masks)
    may_combine = width <= MOST_COMBINED
    if isinstance(masks, Packed):
        deprived, missing = masks.columns
    else:
        if may_combine and all(column.is_complete for column in masks):
            with suppress(LimitError):
                return combined(call_profile(request, keys, flags=masks))
        bits, unknown = _core.pack(request.frame.n, masks)
        deprived = _core.column_array(bits)
        missing = None if unknown is None else _core.column_array(unknown)
    if may_combine and missing is None:
        with suppress(LimitError):
            return combined(call_profile(request, keys, packed=deprived, n_packed=width))
    return counted_by_keys(request, keys, [deprived, missing])


def call_profile(request: Request, keys: Sequence[HasColumn], **masks: Any) -> Mapping[str, Any]:
    """Count all combinations in one pass."""
    return call_core(request, keys, keep_missing=request.keep_missing, profile=True, **masks)


def combined(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the cells of combinations as those of masks without anything missing."""
    group = np.repeat(np.arange(raw["n_groups"], dtype=np.int32), np.diff(raw["cell_start"]))
    return dict(raw) | {
        "cell_group": group,
        "cell_deprived": raw["cell_mask"],
        "cell_missing": np.broadcast_to(MASK(0), len(group)),
    }


def counted_by_keys(
    request: Request, keys: Sequence[HasColumn], masks: Sequence[_core.Column | None]
) -> Mapping[str, Any]:
    """Count by the keys and the masks; each cell is then a group."""
    columns = [AsKey(mask) for mask in masks if mask is not None]
    raw = call_core(request, [*keys, *columns], keep_missing=request.keep_missing)
    used = np.flatnonzero(raw["n"])
    parts = [values.view(MASK)[used] for values in raw["key_values"][len(keys) :]]
    return dict(raw) | {
        "cell_group": used,
        "cell_deprived": parts[0],
        "cell_missing": parts[1] if len(parts) == 2 else np.zeros(len(used), dtype=MASK),
        "cell_n": raw["n"][used],
        "cell_weight": raw["weight"][used],
    }


@dataclass(frozen=True)
class AsKey:
    """A column where `call_core` takes a key."""

    column: _core.Column


# --- gaps -------------------------------------------------------------------------------------


def with_gaps(
    table: ProfileTable,
    request: Request,
    layout: Layout,
    packed: Packed,
    alphas: Sequence[float],
) -> ProfileTable:
    """Add up the gaps of each cell, to each power and by indicator.

    The gap of an amount x below its limit z is (z - x) / z, that of any other 0. Columns of gaps
    are made a few at a time, and each few are one pass over the rows, by keys and masks.
    """
    shape = (len(table.group), len(packed.spec.ids))
    gaps = {alpha: np.zeros(shape) for alpha in alphas}
    for wanted in gaps_at_once(packed.spec, alphas, packed.n):
        columns = [gap_column(request.frame, indicator, alpha) for _, indicator, alpha in wanted]
        sums = sums_by_cell(table, request, layout, packed, columns)
        for column, (j, _, alpha) in enumerate(wanted):
            gaps[alpha][:, j] = sums[:, column]
    return replace(table, gaps=gaps)


def with_replicates(
    table: ProfileTable,
    request: Request,
    layout: Layout,
    packed: Packed,
    weights: Sequence[_core.Column],
) -> ProfileTable:
    """Add up columns of replicate weights in each cell."""
    plain = replace(request, weight=None)
    return replace(table, replicates=sums_by_cell(table, plain, layout, packed, weights))


def sums_by_cell(
    table: ProfileTable,
    request: Request,
    layout: Layout,
    packed: Packed,
    columns: Sequence[_core.Column],
) -> np.ndarray:
    """Add up columns by the cells of a table, shape (cells, columns), in one pass."""
    masks = [AsKey(column) for column in packed.columns if column is not None]
    n_keys = len(layout.keys)
    raw = call_core(
        request, [*layout.keys, *masks], keep_missing=request.keep_missing, values=columns
    )
    used = np.flatnonzero(raw["n"])
    values = [part.view(MASK)[used] for part in raw["key_values"][n_keys:]]
    cells = ProfileTable(
        table.groups,
        layout.place(raw).group[used],
        values[0],
        values[1] if len(values) == 2 else np.zeros(len(used), dtype=MASK),
        raw["n"][used],
        raw["weight"][used],
        {0.0: raw["sums"].T[used]},
    )
    return arranged(cells, table.groups, cells.group).gaps[0.0]


def gaps_at_once(
    spec: Spec, alphas: Sequence[float], n: int
) -> Iterator[list[tuple[int, Indicator, float]]]:
    """Divide the indicators and powers into lists whose columns are held together."""
    every = [
        (j, indicator, alpha) for j, indicator in enumerate(spec.indicators) for alpha in alphas
    ]
    width = max(GAPS_AT_ONCE // max(n, 1), 1)
    for start in range(0, len(every), width):
        yield every[start : start + width]


def gap_column(frame: Frame, indicator: Indicator, alpha: float) -> _core.Column:
    """Return the column of gaps of an indicator to a power; missing where the amount is."""
    amount = frame.array(indicator.column)
    limit = limit_of(indicator)
    if amount.dtype == np.float32:  # the rule compares in the column's own type
        limit = float(np.float32(limit))
    gap = (limit - amount.astype(np.float64, copy=False)) / limit
    np.maximum(gap, 0.0, out=gap)  # NaN stays
    if alpha != 1:
        gap **= alpha
    return _core.column_array(gap, None, indicator.column)


def limit_of(indicator: Indicator) -> float:
    """Return the amount below which an indicator is deprived."""
    limit = indicator.limit
    if limit is None:
        raise option_error(
            "alphas",
            f"gaps need amounts: the indicator {indicator.id!r} is not one below a limit",
        )
    if not limit > 0:
        raise option_error(
            "alphas", f"gaps need limits above 0: that of {indicator.id!r} is {limit:g}"
        )
    return limit


def checked_alphas(spec: Spec, alphas: Sequence[float]) -> tuple[float, ...]:
    """Return powers of gaps, if all indicators have gaps."""
    powers = tuple(dict.fromkeys(float(alpha) for alpha in listed(alphas)))
    for alpha in powers:
        if not 0 < alpha < np.inf:
            raise option_error("alphas", f"the powers of gaps must be above 0, found {alpha:g}")
    for indicator in spec.indicators if powers else ():
        limit_of(indicator)
    return powers
