"""Moves: the households one by one, with their state in both periods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..inputs import Frame, arrow_column, is_text_or_objects, polars_column
from .panel import Panel, Waves, find_states, read_waves, state_numbers, taken

MOVES = ("stayed", "changed", "unknown", "left", "came")
STAYED, CHANGED, UNKNOWN, LEFT, CAME = range(len(MOVES))

Ints = npt.NDArray[np.int64]


def moves(data: Any, state: str, *, id: str | list[str], time: str) -> Any:
    """List the households with their state in both of two consecutive periods, row by row.

    Parameters
    ----------
    data : DataFrame, or mapping from period to DataFrame
        As in `transitions`.
    state : str
        Column of the state.
    id : str or list of str
        Column, or columns together, that tell households apart.
    time : str
        Column of the period; with one frame a period its name in the result.

    Returns
    -------
    DataFrame
        Of the input's kind (a mapping of arrays gives one): a row per household and pair of
        periods. The ids; the period, the state and the row, each with `_from` and `_to`; and
        `move`: stayed or changed (in both periods, states known), unknown (in both), left or came
        (in one). Rows are positions in the period's frame, or in the long one; -1 where the
        household is not there, and its state is missing. Households of the earlier period come
        first, in its order, then those that came.

    Raises
    ------
    ValueRangeError
        A household stands twice in a period, or there is one period only.

    Examples
    --------
    >>> a = pd.DataFrame({"hh": ["a", "b"], "status": ["poor", "poor"]})
    >>> b = pd.DataFrame({"hh": ["b", "c"], "status": ["other", "poor"]})
    >>> pc.moves({2021: a, 2022: b}, "status", id="hh", time="year")
      hh  year_from  year_to status_from status_to     move  row_from  row_to
    0  a       2021     2022        poor       NaN     left         0      -1
    1  b       2021     2022        poor     other  changed         1       0
    2  c       2021     2022         NaN      poor     came        -1       1
    """
    names = list(id) if isinstance(id, list | tuple) else [id]
    waves = read_waves(data, time, [*names, state], "moves")
    panel = Panel.of(waves, id)
    states = find_states(waves.frames, state)
    number = [state_numbers(states, k) for k in range(len(waves.frames))]
    rows = [rows_of_pair(panel, pair) for pair in range(waves.n_pairs)]
    before, after, pair = (np.concatenate(part) for part in zip(*rows, strict=True))
    columns = id_values(waves, names, rows)
    columns[f"{time}_from"] = waves.labels.take(pair)
    columns[f"{time}_to"] = waves.labels.take(pair + 1)
    codes = [
        np.concatenate(
            [at(number[waves.number_of(p + side)], rows[p][side]) for p in range(len(rows))]
        )
        for side in (0, 1)
    ]
    dtype = pd.CategoricalDtype(list(states.labels), states.dtype.ordered)
    for code, side in zip(codes, ("from", "to"), strict=True):
        columns[f"{state}_{side}"] = pd.Categorical.from_codes(code, dtype=dtype)
    known = (codes[0] >= 0) & (codes[1] >= 0)
    kind = np.select(
        [before < 0, after < 0, ~known, codes[0] == codes[1]],
        [CAME, LEFT, UNKNOWN, STAYED],
        CHANGED,
    )
    columns["move"] = pd.Categorical.from_codes(kind, list(MOVES))
    columns["row_from"], columns["row_to"] = before, after
    return frame_like(waves.waves[0].frame, columns)


def rows_of_pair(panel: Panel, pair: int) -> tuple[Ints, Ints, Ints]:
    """Return (row before, row after, pair) of every household of a pair of periods."""
    later, earlier = panel.matched(pair, pair + 1)
    period = panel.waves.period
    start = np.arange(len(later)) if period is None else np.flatnonzero(period == pair)
    here = np.arange(len(earlier)) if period is None else np.flatnonzero(period == pair + 1)
    came = here[earlier[here] < 0]
    before = np.concatenate([start, np.full(len(came), -1)])
    after = np.concatenate([later[start], came])
    return before, after, np.full(len(before), pair)


def at(values: Ints, rows: Ints) -> Ints:
    """Return the values at rows, -1 where there is no row."""
    return np.where(rows >= 0, np.append(values, -1)[rows], -1)


def id_values(
    waves: Waves, names: Sequence[str], rows: Sequence[tuple[Ints, Ints, Ints]]
) -> dict[str, Any]:
    """Return the columns of the ids: of the earlier row, or the later one of those that came."""
    columns = {}
    for name in names:
        parts = []
        for before, after, pair in rows:
            first = int(pair[0]) if len(pair) else 0
            is_new = before < 0
            parts.append(taken(waves.waves[first].frame, name, before[~is_new]))
            parts.append(taken(waves.waves[first + 1].frame, name, after[is_new]))
        parts = [part for part in parts if len(part)] or parts[:1]
        columns[name] = pd.concat(parts, ignore_index=True).array
    return columns


def frame_like(frame: Frame, columns: dict[str, Any]) -> Any:
    """Return columns as a frame of the kind of another one."""
    if frame.kind == "polars":
        import polars as pl

        return pl.DataFrame(
            [polars_column(plain(column), name) for name, column in columns.items()]
        )
    if frame.kind == "pyarrow":
        import pyarrow as pa

        return pa.table({name: arrow_column(plain(column)) for name, column in columns.items()})
    if frame.kind == "mapping":
        return {
            name: column if isinstance(column, pd.Categorical) else np.asarray(column)
            for name, column in columns.items()
        }
    return pd.DataFrame(columns)


def plain(column: Any) -> Any:
    """Return a column as the libraries' own constructors take it: text as objects."""
    if isinstance(column, pd.Categorical):
        return column
    if is_text_or_objects(pd.Series(column)):
        return np.asarray(pd.Series(column).astype(object), dtype=object)
    return np.asarray(column)
