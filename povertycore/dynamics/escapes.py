"""Escapes: the movements of registers as figures of single periods, for a plan to be held against.

The net fall of the poor hides that some escaped while others became poor. A plan to lift so many
households out of poverty is about the first. Their figure at the start is the number of poor, and
each later one is that less all escapes since: it falls by just as many as escaped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..errors import OptionError, ValueRangeError, unknown_column, unknown_option
from ..estimates import Estimates
from .periods import as_word, periods_of, places_of

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Columns of the accounting. Who falls from near-poor to poor has not escaped.
ESCAPES = {"poor": (2, 3), "near_poor": (3,)}
START, END = 1, 9
FIGURES = {"net": "total", "escaped": "escaped"}


def falls_of(est: Estimates, time: str, moves: str) -> Estimates:
    """Return movements as figures per period, whose fall is the net one or the escapes.

    Parameters
    ----------
    est : Estimates
        The result of `movements`.
    time : str
        The period's name; the movements have it with ``_from`` and ``_to``.
    moves : {"net", "escaped"}
        What the figures fall by.

    Returns
    -------
    Estimates
        A row per group, status and period.
    """
    books = Books.of(est, time)
    start, end = books.cells((START,)), books.cells((END,))
    if moves == "net":
        figures = np.column_stack([start[:, 0], end])
    else:
        is_poor = (books.status == "poor")[:, None]
        gone = np.where(is_poor, *(books.cells(columns) for columns in ESCAPES.values()))
        figures = np.column_stack([start[:, 0], start[:, :1] - np.cumsum(gone, axis=1)])
    return books.as_figures(figures, FIGURES[moves])


@dataclass(frozen=True)
class Books:
    """The rows of an accounting laid out as series by pair of periods."""

    est: Estimates
    time: str
    keys: tuple[str, ...]  # the groups
    labels: pd.Series  # of the periods, one more than there are pairs
    series: Ints  # of each row, and so the next
    pair: Ints
    some_row: Ints  # (series,) a row that carries the series' labels

    @classmethod
    def of(cls, est: Estimates, time: str) -> Books:
        """Lay the rows out; the pairs must follow each other."""
        ends = (f"{time}_from", f"{time}_to")
        for name in ends:
            if name not in est.key_names:
                raise unknown_column(name, est.key_names)
        keys = tuple(name for name in est.key_names if name not in ends)
        first, from_years, pair = periods_of(est[ends[0]], ends[0])
        last, to_years, other = periods_of(est[ends[1]], ends[1])
        if from_years[1:] != to_years[:-1] or (pair != other).any():
            raise ValueRangeError(
                "target needs movements whose periods follow each other; found some from"
                f" {', '.join(map(as_word, first))} to {', '.join(map(as_word, last))}"
            )
        labels = pd.concat([pd.Series(first), pd.Series(last[-1:])], ignore_index=True)
        series = places_of(est, [*keys, "status"], np.arange(len(est)))
        _, some_row = np.unique(series, return_index=True)
        return cls(est, time, keys, labels, series, pair, some_row)

    @property
    def status(self) -> npt.NDArray[np.object_]:
        """The status of each series."""
        return np.asarray(self.est["status"].astype(object))[self.some_row]

    def cells(self, columns: tuple[int, ...], name: str = "estimate") -> Floats:
        """Return the sum of some columns by series and pair; NaN where one is not there."""
        total = np.zeros((len(self.some_row), len(self.labels) - 1))
        number, values = self.est["column"].to_numpy(), self.est[name].to_numpy(np.float64)
        for column in columns:
            found = np.full(total.shape, np.nan)
            rows = np.flatnonzero(number == column)
            found[self.series[rows], self.pair[rows]] = values[rows]
            total += found
        return total

    def as_figures(self, figures: Floats, measure: str) -> Estimates:
        """Return figures by series and period as estimates of their own."""
        n_periods = figures.shape[1]
        rows = np.repeat(self.some_row, n_periods)
        keys = {name: self.est[name].array.take(rows) for name in self.keys}
        period = np.tile(np.arange(n_periods), len(self.some_row))
        n_obs, population = (
            np.column_stack([self.cells((START,), name)[:, 0], self.cells((END,), name)]).ravel()
            for name in ("n_obs", "estimate")
        )
        return Estimates(
            {**keys, self.time: self.labels.array.take(period)},
            measure_keys={"status": self.est["status"].array.take(rows)},
            measure=measure,
            estimate=figures.ravel(),
            n_obs=n_obs,
            numerator=figures.ravel(),
            denominator=1.0,
            population=population,
            unit=self.est["unit"].array.take(rows),
            standard=self.est["standard"].array.take(rows),
            note=self.est["note"].array.take(rows),
            verb="movements",
            meta=self.est.meta,
        )


def check_moves(est: Estimates, moves: str, kind: str) -> bool:
    """Say whether estimates are an accounting; refuse escapes of others, or planned otherwise."""
    if moves not in FIGURES:
        raise unknown_option("moves", moves, tuple(FIGURES))
    is_books = isinstance(est, Estimates) and est.verb == "movements"
    if moves == "net":
        return is_books
    if not is_books:
        raise wrong("moves", "moves='escaped' needs the result of pc.movements")
    if kind not in ("count", "relative"):
        raise wrong(
            "kind",
            f"kind={kind!r} is of a net fall; escapes are planned as 'count' or as 'relative'",
        )
    return True


def wrong(argument: str, message: str) -> OptionError:
    """Return the error for an option, with its name attached."""
    error = OptionError(message)
    error.argument = argument
    return error
