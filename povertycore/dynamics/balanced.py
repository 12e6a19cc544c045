"""Households seen in every period, and which periods they were poor in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import OptionError, unknown_option
from ..measures.tally import listed
from ..waves import is_waves, stacked
from .flows import Asked
from .panel import Panel, States, read_waves, state_numbers

POOR = "poor"

Floats = npt.NDArray[np.float64]


def read_panel(data: Any, asked: Asked, *more: Any) -> Panel:
    """Read the data as one long frame."""
    columns = asked.columns(*more)
    if is_waves(data):
        data = stacked(data, asked.design, columns)
    return Panel.of(read_waves(data, asked.time, columns, asked.verb), asked.id)


def complete_rows(panel: Panel) -> npt.NDArray[np.int64]:
    """Return the rows of the households seen in every period: (households, periods).

    They are in the order of the first period's rows.
    """
    assert panel.waves.period is not None
    after, _ = panel.following
    rows = [np.flatnonzero(panel.waves.period == 0)]
    for _ in range(panel.waves.n_pairs):
        rows.append(np.where(rows[-1] >= 0, after[rows[-1]], -1))
    found = np.column_stack(rows)
    return found[(found >= 0).all(axis=1)]


def poor_states(states: States, poor: Any) -> npt.NDArray[np.bool_]:
    """Return which states count as poor."""
    if poor is None:
        if set(states.labels) <= {"0", "1"} or set(states.labels) <= {"False", "True"}:
            return np.isin(states.labels, ("1", "True"))
        if POOR not in states.labels:
            raise OptionError(
                f"poor names the states of {states.name!r} that count as poor: it is no column"
                " of 0/1 and has no state 'poor'"
            )
        poor = POOR
    wanted = [str(label) for label in listed(poor)]
    for label in wanted:
        if label not in states.labels:
            raise unknown_option("poor", label, states.labels)
    return np.isin(states.labels, wanted)


@dataclass(frozen=True)
class History:
    """Of the households seen in every period: poor in which (1 or 0, NaN where not known)."""

    poor: Floats  # (households, periods)

    @property
    def years(self) -> Floats:
        """Periods poor."""
        return np.asarray(self.poor.sum(axis=1))

    @property
    def n_periods(self) -> int:
        """Number of periods."""
        return int(self.poor.shape[1])

    @property
    def starts(self) -> Floats:
        """Spells of each household."""
        begun = self.poor[:, 1:] * (1 - self.poor[:, :-1])
        return np.asarray(self.poor[:, 0] + begun.sum(axis=1))


def poor_in(
    panel: Panel,
    states: States,
    is_poor: npt.NDArray[np.bool_],
    *,
    keep_partial: bool = False,
) -> History:
    """Return the history of the households seen in every period.

    One that is not known in every period is not known at all, unless partial ones are kept.
    """
    values = np.append(is_poor.astype(np.float64), np.nan)
    poor = values[state_numbers(states, 0)]
    history = poor[complete_rows(panel)]
    if not keep_partial:
        history[np.isnan(history).any(axis=1)] = np.nan
    return History(history)
