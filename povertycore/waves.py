"""One file a wave: a mapping from period to frame, read as one long frame with a period column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from .design import Design
from .errors import DesignError, DTypeError

__all__ = ["is_waves", "stacked"]


def is_waves(data: Any) -> bool:
    """Say whether the data are a mapping from period to frame, not from column to array.

    Parameters
    ----------
    data : object
        What a verb was given.

    Returns
    -------
    bool
        All values are frames.

    Examples
    --------
    >>> is_waves({2021: {"poor": [1, 0]}, 2022: {"poor": [0, 0]}})
    True
    >>> is_waves({"poor": [1, 0]})
    False
    """
    return isinstance(data, Mapping) and bool(data) and all(map(is_frame, data.values()))


def is_frame(value: Any) -> bool:
    """Say whether this is a table: of a library, or a mapping of arrays."""
    if isinstance(value, pd.DataFrame | Mapping):
        return True
    try:
        return isinstance(nw.from_native(value), nw.DataFrame | nw.LazyFrame)
    except TypeError:
        return False


def stacked(data: Mapping[Any, Any], design: Design | None, columns: Iterable[Any]) -> Any:
    """Return the frames of all periods below each other, with the columns that are asked for.

    Parameters
    ----------
    data : mapping from period to DataFrame
        Frames of one library. The column of the period is added where they lack it.
    design : Design
        Its `period` names the column.
    columns : iterable
        What will be asked for; what is no name of a column is passed over.

    Returns
    -------
    DataFrame
        Of the frames' library; a copy of these columns.

    Raises
    ------
    DesignError
        The design does not name the period, or a frame holds rows of another one than its own.
    DTypeError
        The frames are of different libraries.

    Examples
    --------
    >>> waves = {2021: {"poor": [1, 0]}, 2022: {"poor": [0, 0]}}
    >>> pc.rate(waves, "poor", by="year", design=pc.Design(period="year"))["estimate"].tolist()
    [0.5, 0.0]
    """
    if design is None or design.period is None:
        raise DesignError(
            "a mapping from period to frame needs Design(period=...), the name of the period"
        )
    period = design.period
    wanted = list(dict.fromkeys(name for name in columns if isinstance(name, str)))
    frames = [eager(frame, [period, *wanted]) for frame in data.values()]
    check_periods(data, frames, period)
    parts = [
        with_period(frame, [name for name in wanted if name != period], period, label)
        for label, frame in zip(data, frames, strict=True)
    ]
    kinds = {type(part) for part in parts}
    if len(kinds) > 1:
        names = " and ".join(sorted(f"{kind.__module__.partition('.')[0]}" for kind in kinds))
        raise DTypeError(f"the frames of the periods are of {names}; make them one kind")
    return below(parts)


def eager(frame: Any, wanted: Sequence[str]) -> Any:
    """Return a frame whose rows are there; a mapping of arrays as pandas."""
    if isinstance(frame, pd.DataFrame):
        return frame
    if isinstance(frame, Mapping):
        return pd.DataFrame({name: values for name, values in frame.items() if name in wanted})
    found: Any = nw.from_native(frame)
    if isinstance(found, nw.LazyFrame):
        there = [name for name in wanted if name in found.collect_schema().names()]
        found = found.select(there).collect()
    return found.to_native()


def check_periods(data: Mapping[Any, Any], frames: Sequence[Any], period: str) -> None:
    """Refuse a frame that holds rows of another period than its own."""
    for label, frame in zip(data, frames, strict=True):
        found: Any = nw.from_native(frame, eager_only=True)
        if period not in found.columns:
            continue
        others = [other for other in found[period].unique().to_list() if other != label]
        if others:
            raise DesignError(
                f"the frame of period {label!r} holds rows of {others[0]!r} (column {period!r})"
            )


def with_period(frame: Any, names: Sequence[str], period: str, label: Any) -> Any:
    """Return the columns of a frame that there are, and the one of its period."""
    found: Any = nw.from_native(frame, eager_only=True)
    there = [name for name in names if name in found.columns]
    if period in found.columns:
        return found.select([*there, period]).to_native()
    if isinstance(frame, pd.DataFrame):
        column = pd.Series([label] * len(frame), index=frame.index)
        return frame[there].assign(**{period: column})
    labels = nw.new_series(
        period, np.full(len(found), label).tolist(), backend=found.implementation
    )
    return found.select(there).with_columns(labels).to_native()


def below(parts: Sequence[Any]) -> Any:
    """Return frames of one library below each other; integers and floats may meet."""
    if isinstance(parts[0], pd.DataFrame):
        return pd.concat([with_common_categories(part, parts) for part in parts], ignore_index=True)
    if nw.dependencies.is_polars_dataframe(parts[0]):
        import polars as pl

        return pl.concat(parts, how="vertical_relaxed")
    if nw.dependencies.is_pyarrow_table(parts[0]):
        import pyarrow as pa

        return pa.concat_tables(parts, promote_options="permissive")
    frames: list[Any] = [nw.from_native(part, eager_only=True) for part in parts]
    return nw.concat(frames, how="vertical").to_native()


def with_common_categories(part: pd.DataFrame, parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return a pandas frame whose categories are those of all parts, in order of appearance."""
    changed = {}
    for name in part.columns:
        columns = [other[name] for other in parts if name in other.columns]
        if not all(isinstance(column.dtype, pd.CategoricalDtype) for column in columns):
            continue
        if all(column.dtype == columns[0].dtype for column in columns):
            continue
        labels = dict.fromkeys(label for column in columns for label in column.cat.categories)
        changed[name] = part[name].cat.set_categories(list(labels))
    return part.assign(**changed)
