"""Spans of series from one period to another, and blocks of them that are a whole together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..estimates import Estimates
from .change import pairs_of, spans_in_order
from .periods import Ends, Panel, ends_of, panel_of, places_of

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """What is asked of every decomposition."""

    time: str
    method: str
    base: Any
    across_standards: bool
    asked: Mapping[str, Any]


@dataclass(frozen=True)
class Spans:
    """Series from one period to another."""

    panel: Panel
    series: Ints
    first: Ints
    last: Ints
    pair: Ints
    ends: Ends

    def figures(self, name: str) -> tuple[Floats, Floats]:
        """Return a column of numbers at both ends, NaN where there is none."""
        column = np.append(self.panel.est[name].to_numpy(dtype=np.float64), np.nan)
        return column[self.ends.start], column[self.ends.end]

    def of(self, keep: Ints) -> Spans:
        """Return some of the spans."""
        ends = Ends(
            self.ends.start[keep],
            self.ends.end[keep],
            {name: pd.Series(column).array.take(keep) for name, column in self.ends.common.items()},
            [self.ends.notes[i] for i in keep.tolist()],
        )
        return Spans(
            self.panel, self.series[keep], self.first[keep], self.last[keep], self.pair[keep], ends
        )


def spans_of(task: Task, est: Estimates) -> Spans:
    """Return all series between all pairs of periods that are compared."""
    panel = panel_of(est, task.time, "decompose")
    pairs = np.array(pairs_of(panel, task.base), dtype=np.int64).reshape(-1, 2)
    series, pair = spans_in_order(panel, len(pairs))
    first, last = pairs[pair, 0], pairs[pair, 1]
    ends = ends_of(panel, series, first, last, task.across_standards)
    return Spans(panel, series, first, last, pair, ends)


@dataclass(frozen=True)
class Blocks:
    """Spans of groups that together are a whole, block by block; each block has a total."""

    spans: Spans
    across: str
    block: Ints  # of each span, ascending
    first: Ints  # span of each block

    @classmethod
    def of(cls, spans: Spans, across: str) -> Blocks:
        """Sort spans by what they are a part of: all keys but `across`, the figure, the pair."""
        panel = spans.panel
        others = [name for name in panel.keys if name != across]
        whole = places_of(panel.est, others, panel.some_row)
        group = places_of(panel.est, [across], panel.some_row)
        series = spans.series
        order = np.lexsort((group[series], panel.figure[series], spans.pair, whole[series]))
        sorted_spans = spans.of(order)
        keys = np.column_stack(
            [whole[series], spans.pair, panel.figure[series]]
        )[order]  # fmt: skip
        new = np.ones(len(keys), dtype=bool)
        new[1:] = (keys[1:] != keys[:-1]).any(axis=1)
        return cls(sorted_spans, across, np.cumsum(new) - 1, np.flatnonzero(new))

    def __len__(self) -> int:
        """Return the number of blocks."""
        return len(self.first)

    def sums(self, values: Floats) -> Floats:
        """Return sums over each block."""
        return np.asarray(np.bincount(self.block, values, len(self)), np.float64)

    @property
    def row(self) -> Ints:
        """Where each span stands when every block is followed by its total."""
        return np.asarray(np.arange(len(self.block)) + self.block)

    @property
    def total_row(self) -> Ints:
        """Where the total of each block stands."""
        n = np.bincount(self.block, minlength=len(self))
        return np.asarray(np.cumsum(n + 1) - 1)

    def with_sums(self, values: Floats) -> Floats:
        """Return numbers of spans, and their sums as totals."""
        out = np.empty(len(values) + len(self))
        out[self.row], out[self.total_row] = values, self.sums(values)
        return out

    def interleaved(self, columns: list[Floats]) -> Floats:
        """Return columns of measures as one row each."""
        return np.column_stack(columns).ravel()

    def notes(self, notes: list[str]) -> list[str]:
        """Return notes of spans, and none for totals."""
        out = [""] * (len(notes) + len(self))
        for at, note in zip(self.row.tolist(), notes, strict=True):
            out[at] = note
        return out

    def with_totals(self) -> Spans:
        """Return the spans with one for each total, which carries the labels of its first group.

        Totals add up the counts of their groups; under several standards they state none.
        """
        source = np.empty(len(self.block) + len(self), dtype=np.int64)
        source[self.row], source[self.total_row] = np.arange(len(self.block)), self.first
        made = self.spans.of(source)
        common = dict(made.ends.common)
        for name in ("n_obs", "n_missing", "population"):
            common[name] = self.with_sums(np.asarray(self.spans.ends.common[name], np.float64))
        standard = common["standard"]
        own = np.asarray(self.spans.ends.common["standard"].codes)
        mixed = np.bincount(self.block[own != own[self.first][self.block]], minlength=len(self)) > 0
        codes = np.array(standard.codes)
        codes[self.total_row[mixed]] = -1
        common["standard"] = pd.Categorical.from_codes(codes, dtype=standard.dtype)
        nothing = np.full(len(self), -1)
        ends = Ends(made.ends.start.copy(), made.ends.end.copy(), common, made.ends.notes)
        ends.start[self.total_row], ends.end[self.total_row] = nothing, nothing
        return Spans(made.panel, made.series, made.first, made.last, made.pair, ends)
