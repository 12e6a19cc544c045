"""Series over three or more periods, cut into segments: what a trend is fitted to.

A piece is one segment of one series: the figures of one group, between two breaks. Pieces are laid
out below each other, the points of each in order of time, as `_core.trend_line` takes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..errors import ComparabilityError, OptionError
from .periods import Panel, add_note, check_same, find_different, in_years, not_comparable, word_of

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FEWEST = 3  # periods that make a trend


@dataclass(frozen=True)
class Pieces:
    """Segments of series, and their points.

    Attributes
    ----------
    panel : Panel
        The series.
    series, segment : ndarray of int64, shape (pieces,)
        Of each piece; segments are counted from 0.
    start : ndarray of int64, shape (pieces + 1,)
        Where the points of each piece start.
    row, period : ndarray of int64, shape (points,)
        Row of the estimates, and number of the period, of each point.
    notes : list of str
        What is to be said of each piece.
    mixed : ndarray of bool, shape (pieces,)
        Which pieces hold figures under several standards.
    """

    panel: Panel
    series: Ints
    segment: Ints
    start: Ints
    row: Ints
    period: Ints
    notes: list[str]
    mixed: Bools

    def __len__(self) -> int:
        """Return the number of pieces."""
        return len(self.series)

    @cached_property
    def n(self) -> Ints:
        """Number of points of each piece."""
        return np.diff(self.start)

    @cached_property
    def piece(self) -> Ints:
        """The piece of each point."""
        return np.repeat(np.arange(len(self)), self.n)

    @cached_property
    def time(self) -> Floats:
        """Years from the first period of all to each point."""
        first = self.panel.years[0]
        return np.array([float(year - first) for year in self.panel.years])[self.period]

    @cached_property
    def value(self) -> Floats:
        """The figure of each point."""
        return np.asarray(self.panel.estimate[self.row])

    @cached_property
    def first_time(self) -> Floats:
        """Time of the first point of each piece, NaN where there is none."""
        return np.append(self.time, np.nan)[np.where(self.n > 0, self.start[:-1], len(self.time))]

    def column(self, name: str) -> Floats:
        """Return a column of numbers of the estimates at each point."""
        return np.asarray(self.panel.est[name].to_numpy(dtype=np.float64)[self.row])

    def sums(self, values: npt.ArrayLike) -> Floats:
        """Return the sum of numbers at the points, over each piece."""
        weights = np.asarray(values, np.float64)
        return np.asarray(np.bincount(self.piece, weights, len(self)), np.float64)

    def any(self, at_points: Bools) -> Bools:
        """Return which pieces have a point that is marked."""
        return np.bincount(self.piece[at_points], minlength=len(self)) > 0

    def of(self, keep: Bools) -> Pieces:
        """Return the same pieces with some of their points only."""
        if keep.all():
            return self
        n = np.bincount(self.piece[keep], minlength=len(self))
        start = np.concatenate([[0], np.cumsum(n)])
        return replace(self, start=start, row=self.row[keep], period=self.period[keep])

    def words(self, at_points: Bools) -> dict[int, str]:
        """Write the periods of the points that are marked, piece by piece."""
        words = self.panel.words()
        found: dict[int, list[str]] = {}
        for i in np.flatnonzero(at_points).tolist():
            found.setdefault(int(self.piece[i]), []).append(words[self.period[i]])
        return {piece: ", ".join(periods) for piece, periods in found.items()}


def breaks_of(panel: Panel, breaks: Any) -> Any:
    """Return the years from which on a new segment starts; "standard" as it is."""
    if breaks is None or (isinstance(breaks, str) and breaks == "standard"):
        return breaks or ()
    is_one = isinstance(breaks, str) or not isinstance(breaks, Sequence | np.ndarray | pd.Index)
    years: list[Fraction] = []
    for label in [breaks] if is_one else list(breaks):
        year = in_years(label)
        if year is None or not panel.years[0] < year <= panel.years[-1]:
            words = panel.words()
            error = OptionError(
                f"breaks must be 'standard', or periods after {words[0]} and up to {words[-1]} at"
                f" which a new segment starts, found {label!r}"
            )
            error.argument = "breaks"
            raise error
        years.append(year)
    return sorted(set(years))


def pieces_of(panel: Panel, breaks: Any, across_standards: bool) -> Pieces:
    """Cut the series of a panel into pieces that are comparable in themselves."""
    order = np.lexsort((panel.figure, panel.group))
    row = panel.row[order]
    known = (row >= 0) & np.isfinite(np.append(panel.estimate, np.nan)[row])
    segment = segments_of(panel, row, known, breaks)
    n_segments = int(segment.max(initial=0)) + 1
    number = np.arange(len(order))[:, None] * n_segments + segment
    pieces, of_cell = np.unique(number, return_inverse=True)
    series, segment_of = np.divmod(pieces, n_segments)
    group, figure = panel.group[order][series], panel.figure[order][series]
    sorting = np.lexsort((figure, segment_of, group))
    place = np.empty(len(pieces), dtype=np.int64)
    place[sorting] = np.arange(len(pieces))
    of_cell = place[of_cell.reshape(row.shape)]
    cell = np.flatnonzero(known)
    cell = cell[np.argsort(of_cell.ravel()[cell], kind="stable")]
    n = np.bincount(of_cell.ravel()[cell], minlength=len(pieces))
    made = Pieces(
        panel=panel,
        series=order[series[sorting]],
        segment=segment_of[sorting],
        start=np.concatenate([[0], np.cumsum(n)]),
        row=row.ravel()[cell],
        period=cell % row.shape[1],
        notes=[""] * len(pieces),
        mixed=np.zeros(len(pieces), dtype=bool),
    )
    add_notes_of_cells(made, row, known, of_cell)
    return compared(made, across_standards)


def segments_of(panel: Panel, row: Ints, known: Bools, breaks: Any) -> Ints:
    """Return the segment of each period, (series, periods)."""
    if not isinstance(breaks, str):
        segment = np.array([sum(year >= at for at in breaks) for year in panel.years], np.int64)
        return np.broadcast_to(segment, row.shape)
    code = np.append(np.asarray(panel.est["standard"].array.codes, np.int64), -1)[row]
    # A period without a figure goes with the one before it, or the first that there is.
    last = np.maximum.accumulate(np.where(known, np.arange(row.shape[1]), -1), axis=1)
    last = np.where(last < 0, known.argmax(axis=1)[:, None], last)
    code = np.take_along_axis(code, last, axis=1)
    changes = np.diff(code, axis=1) != 0
    return np.concatenate([np.zeros((len(row), 1), np.int64), np.cumsum(changes, axis=1)], axis=1)


def add_notes_of_cells(pieces: Pieces, row: Ints, known: Bools, of_cell: Ints) -> None:
    """Note the periods that a piece lacks, and what the figures' own notes say."""
    words, own = pieces.panel.words(), pieces.panel.est["note"].astype(object).to_numpy()
    has_note = np.append(own != "", False)
    lacking: dict[int, list[str]] = {}
    for i, t in np.argwhere(~known | has_note[row]).tolist():
        piece = int(of_cell[i, t])
        if row[i, t] >= 0 and own[row[i, t]]:
            add_note(pieces.notes, piece, f"{words[t]}: {own[row[i, t]]}")
        else:
            lacking.setdefault(piece, []).append(words[t])
    for piece, periods in lacking.items():
        add_note(pieces.notes, piece, f"no figure for {', '.join(periods)}")


def compared(pieces: Pieces, across_standards: bool) -> Pieces:
    """Refuse pieces whose figures do not compare, or note that they are compared all the same."""
    panel = pieces.panel
    first = np.repeat(pieces.row[pieces.start[:-1][pieces.n > 0]], pieces.n[pieces.n > 0])
    all_points = np.ones(len(first), dtype=bool)
    check_same(panel, "unit", first, pieces.row, all_points)
    mixed = pieces.mixed
    for labels, what in (
        (panel.est["standard"].array, "standard"),
        (panel.est.sources().array, "source"),
    ):
        different = find_different(panel, labels, first, pieces.row, all_points)
        if different.any() and not across_standards:
            raise needs_a_break(
                not_comparable(labels, what, first, pieces.row, different),
                what,
                str(panel.words()[pieces.period[int(different.argmax())]]),
            )
        if what == "standard":
            mixed = pieces.any(different)
        for i in np.flatnonzero(pieces.any(different)).tolist():
            codes = labels.codes[pieces.row[pieces.start[i] : pieces.start[i + 1]]]
            names = [word_of(labels.categories[c] if c >= 0 else np.nan) for c in pd.unique(codes)]
            add_note(pieces.notes, i, f"across {what}s: {', '.join(names)}")
    return replace(pieces, mixed=mixed)


def needs_a_break(error: ComparabilityError, what: str, period: str) -> ComparabilityError:
    """Add to an error what else can be done than to compare all the same."""
    way = "breaks='standard'" if what == "standard" else f"breaks=[{period}]"
    error.args = (f"{error}, and {way} fits a trend to each",)
    return error
