"""Poverty over several periods: years poor, ever poor, spells, persistence; chronic and transient.

All figures are of households seen in every period, with the weight, size, group and design of the
first one: a domain of its design.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from ..design import Design
from ..errors import DTypeError, OptionError, ValueRangeError, unknown_option
from ..estimates import Estimates
from ..inputs import Frame
from ..measures.results import Counts, Slots, wrap as wrapped
from ..measures.tally import Variable, compute, listed
from .balanced import complete_rows, poor_in, poor_states, read_panel
from .flows import Asked, asked_for, request_of, standards_of
from .panel import Panel, Waves, find_states

MEASURES = (
    "ever_poor",
    "always_poor",
    "years_poor",
    "mean_years_poor",
    "persistence",
    "spells",
    "spell_length",
)
CHRONIC = ("squared_gap", "chronic", "transient", "chronic_share")
SHARES = ("ever_poor", "always_poor", "years_poor", "persistence")

Floats = npt.NDArray[np.float64]
Part = tuple[str, float, Floats, Floats]  # measure, years, numerator, denominator


def spells(
    data: Any,
    state: str,
    *,
    id: str | list[str],
    time: str,
    poor: str | Sequence[str] | None = None,
    by: str | list[str] | None = None,
    where: Any = None,
    design: Design | None = None,
    weight: str | None = None,
    count: str | None = None,
    standard: Any = None,
    across_standards: bool = False,
    measures: str | Sequence[str] = MEASURES,
    missing_groups: str = "error",
) -> Estimates:
    r"""Compute how many periods households were poor, in how many spells, and how it persists.

    Parameters
    ----------
    data, state, id, time, by, where, design, weight, count, standard, across_standards, \
missing_groups
        As in `transitions`; `by` and `where` are those of the first period.
    poor : str or list of str, optional
        The states that count as poor; by default 1 of a column of 0/1, or ``"poor"``.
    measures : str or list of str, optional
        Of those below; all by default.

    Returns
    -------
    Estimates
        Per group, of the households seen in every period:

        - `ever_poor`, `always_poor`: shares poor in at least one, or in all, periods;
        - `years_poor`: share poor in exactly that many periods (column `years`);
        - `mean_years_poor`: mean number of periods poor;
        - `persistence`: of the poor of a period, the share poor in the next one, over all pairs of
          consecutive periods together;
        - `spells`: mean number of spells, runs of periods poor; `spell_length`: periods poor per
          spell, those cut off at either end included.

    Raises
    ------
    ValueRangeError
        A household stands twice in a period, or there is one period only.
    OptionError
        `poor` is needed, or names no state.

    Notes
    -----
    Weights, sizes and the design are those of the first period. A household whose state is missing
    in any period is left out and counted in `n_missing`. In a sample the households seen in every
    period are a domain of the first period's design.

    Examples
    --------
    Three households in three years: never poor, poor once, poor twice in two spells.

    >>> table = {"hh": [1, 2, 3] * 3, "year": [2020] * 3 + [2021] * 3 + [2022] * 3,
    ...          "poor": [0, 1, 1, 0, 0, 0, 0, 0, 1]}
    >>> found = pc.spells(table, "poor", id="hh", time="year")
    >>> found.select(measure=["ever_poor", "years_poor", "spells"]).to_frame()[
    ...     ["measure", "years", "estimate", "numerator"]]
          measure  years  estimate  numerator
    0   ever_poor    NaN  0.666667        2.0
    1  years_poor    0.0  0.333333        1.0
    2  years_poor    1.0  0.333333        1.0
    3  years_poor    2.0  0.333333        1.0
    4  years_poor    3.0  0.000000        0.0
    5      spells    NaN  1.000000        3.0
    """
    wanted = known_words(measures, MEASURES)
    asked = asked_for(
        "spells",
        id=id,
        time=time,
        by=by,
        where=where,
        design=design,
        weight=weight,
        count=count,
        standard=standard,
        across_standards=across_standards,
        missing_groups=missing_groups,
    )
    panel = read_panel(data, asked, state)
    states = find_states(panel.waves.frames, state)
    history = poor_in(panel, states, poor_states(states, poor))
    parts = [part for measure in wanted for part in PARTS[measure](history)]
    return figures(asked, panel, state, parts)


def chronic(
    data: Any,
    welfare: str,
    line: Any,
    *,
    id: str | list[str],
    time: str,
    by: str | list[str] | None = None,
    where: Any = None,
    design: Design | None = None,
    weight: str | None = None,
    count: str | None = None,
    standard: Any = None,
    across_standards: bool = False,
    measures: str | Sequence[str] = CHRONIC,
    missing_groups: str = "error",
) -> Estimates:
    r"""Divide squared poverty gaps into chronic and transient poverty (Jalan and Ravallion).

    Parameters
    ----------
    data, id, time, by, where, design, weight, count, standard, across_standards, missing_groups
        As in `transitions`; `by` and `where` are those of the first period.
    welfare : str
        Column of the welfare measure.
    line : float, str or mapping
        The poverty line: a number, a column, or a number per period.
    measures : {"squared_gap", "chronic", "transient", "chronic_share"} or list, optional
        What to compute; all by default.

    Returns
    -------
    Estimates
        Per group, of the households seen in every period: `squared_gap`, its mean over the
        periods; `chronic`, that of mean welfare; `transient`, the difference; `chronic_share`,
        chronic over the squared gap.

    Raises
    ------
    ValueRangeError
        A line is not above 0, a household stands twice in a period, or there is one period only.
    MissingValueError
        An id or a period is missing.

    Notes
    -----
    With r_it = y_it / z_it and the gap g(r) = max(0, 1 - r), household i has
    squared_gap_i = (1/T) sum_t g(r_it)^2, chronic_i = g((1/T) sum_t r_it)^2 and transient_i the
    difference; the figures are their means, weighted as the first period's rows. Missing welfare in
    any period leaves the household out. (Jalan and Ravallion 1998, Journal of Comparative Economics
    26, 338-357.)

    Examples
    --------
    One household at half the line and then at the line, another at half of it twice:
    squared gap (1/8 + 1/4)/2, chronic (1/16 + 1/4)/2.

    >>> table = {"hh": [1, 2, 1, 2], "year": [2020, 2020, 2021, 2021], "y": [50, 50, 100, 50]}
    >>> pc.chronic(table, "y", 100, id="hh", time="year")["estimate"].tolist()
    [0.1875, 0.15625, 0.03125, 0.8333333333333334]
    """
    wanted = known_words(measures, CHRONIC)
    asked = asked_for(
        "chronic",
        id=id,
        time=time,
        by=by,
        where=where,
        design=design,
        weight=weight,
        count=count,
        standard=standard,
        across_standards=across_standards,
        missing_groups=missing_groups,
    )
    panel = read_panel(data, asked, welfare, line)
    ratio = relative_welfare(panel.waves, welfare, line)[complete_rows(panel)]
    total = np.mean(np.maximum(0.0, 1 - ratio) ** 2, axis=1)
    total[np.isnan(ratio).any(axis=1)] = np.nan
    lasting = np.maximum(0.0, 1 - ratio.mean(axis=1)) ** 2
    one = np.ones(len(total))
    parts: dict[str, Part] = {
        "squared_gap": ("squared_gap", np.nan, total, one),
        "chronic": ("chronic", np.nan, lasting, one),
        "transient": ("transient", np.nan, total - lasting, one),
        "chronic_share": ("chronic_share", np.nan, lasting, total),
    }
    return figures(asked, panel, welfare, [parts[word] for word in wanted])


def known_words(measures: Any, options: Sequence[str]) -> list[str]:
    """Return the measures asked for, in their order."""
    wanted = list(dict.fromkeys(listed(measures)))
    for measure in wanted:
        if measure not in options:
            raise unknown_option("measures", measure, options)
    return wanted


# --- parts of the figures ------------------------------------------------------------------------


def share_part(measure: str, holds: npt.NDArray[np.bool_], years: Floats, number: float) -> Part:
    """Return the share of the households for which something holds, where years are known."""
    part = np.where(np.isnan(years), np.nan, holds.astype(np.float64))
    return measure, number, part, np.ones(len(years))


PARTS: Mapping[str, Any] = {
    "ever_poor": lambda h: [share_part("ever_poor", h.years > 0, h.years, np.nan)],
    "always_poor": lambda h: [share_part("always_poor", h.years == h.n_periods, h.years, np.nan)],
    "years_poor": lambda h: [
        share_part("years_poor", h.years == n, h.years, float(n)) for n in range(h.n_periods + 1)
    ],
    "mean_years_poor": lambda h: [("mean_years_poor", np.nan, h.years, np.ones(len(h.years)))],
    "persistence": lambda h: [
        (
            "persistence",
            np.nan,
            (h.poor[:, :-1] * h.poor[:, 1:]).sum(axis=1),
            h.poor[:, :-1].sum(axis=1),
        )
    ],
    "spells": lambda h: [("spells", np.nan, h.starts, np.ones(len(h.years)))],
    "spell_length": lambda h: [("spell_length", np.nan, h.years, h.starts)],
}


def relative_welfare(waves: Waves, welfare: str, line: Any) -> Floats:
    """Return welfare over the line, of each row of the long frame."""
    frame = waves.waves[0].frame
    value = numbers(frame, welfare)
    if isinstance(line, Mapping):
        by_word = {str(label): amount(z) for label, z in line.items()}
        for word, label in zip(waves.words(), waves.labels, strict=True):
            if str(label) not in by_word and word not in by_word:
                raise OptionError(f"line has no entry for period {word}")
        lines = np.array(
            [
                by_word.get(str(label), by_word.get(word, np.nan))
                for word, label in zip(waves.words(), waves.labels, strict=True)
            ]
        )
        z = lines[waves.period]
    else:
        z = numbers(frame, line) if isinstance(line, str) else np.full(frame.n, amount(line))
    bad = ~(z > 0) & ~np.isnan(z) | np.isinf(z)
    if bad.any():
        row = int(bad.argmax())
        error = ValueRangeError(f"line[{row}] is not above 0 and finite; a poverty line is")
        error.argument, error.row = "line", row
        raise error
    return np.asarray(value / z)


def amount(line: Any) -> float:
    """Return a line as a number."""
    if not isinstance(line, Real) or isinstance(line, bool):
        error = OptionError(
            f"line must be a number, the name of a column, or a number per period, found {line!r}"
        )
        error.argument = "line"
        raise error
    return float(line)


def numbers(frame: Frame, name: str) -> Floats:
    """Return a column of numbers, NaN where missing."""
    key = frame.key(name)
    if key.is_categorical:
        raise DTypeError(f"column {name!r} holds text or categories, not numbers")
    return np.asarray(key.plain(), dtype=np.float64)


# --- figures --------------------------------------------------------------------------------------


def figures(asked: Asked, panel: Panel, name: str, parts: Sequence[Part]) -> Estimates:
    """Total the parts of the first period's rows, and divide."""
    waves, rows = panel.waves, complete_rows(panel)[:, 0]
    frame = waves.waves[0].frame
    standards, notes = standards_of(asked, waves)
    inside = np.zeros(frame.n, dtype=bool)
    inside[rows] = True
    request = request_of(asked, waves)
    if asked.where is not None:
        inside &= np.nan_to_num(np.asarray(frame.array(asked.where), dtype=np.float64)) == 1
    request = replace(
        request,
        scores="pairs",
        where=_core.column_array(inside),
        standard=standards[0] if len(set(standards)) == 1 else None,
        variables=tuple(
            Variable(
                f"{measure} {years}", (spread(above, rows, frame.n), spread(below, rows, frame.n))
            )
            for measure, years, above, below in parts
        ),
    )
    tables = compute(request)
    one = replace(tables[0], variable=np.zeros(len(parts), dtype=np.int64))
    text = "; ".join(dict.fromkeys([seen_note(waves, rows), *filter(None, notes)]))

    def describe(counts: Counts) -> Slots:
        shape = counts["n_obs"].shape
        is_share = np.array([measure in SHARES for measure, *_ in parts])
        return Slots(
            measure=[measure for measure, *_ in parts],
            keys={"years": np.array([years for _, years, *_ in parts])},
            is_total=np.zeros(shape[1], dtype=bool),
            is_share=np.broadcast_to(is_share, shape),
            notes=(np.zeros(shape, np.int64), [text]),
        )

    named = replace(request, variables=(Variable(name),), verb="ratio")
    est = wrapped(named, [one], describe=describe)
    return renamed(est, asked)


def renamed(est: Estimates, asked: Asked) -> Estimates:
    """Return the result under the name of its verb."""
    object.__setattr__(est, "_verb", asked.verb)
    return est


def seen_note(waves: Waves, rows: np.ndarray) -> str:
    """Say how many of the first period's households were seen in every period."""
    assert waves.period is not None
    n = int((waves.period == 0).sum())
    return f"{len(rows)} of {n} rows of {waves.words()[0]} are in all {len(waves.waves)} periods"


def spread(values: Floats, rows: np.ndarray, n: int) -> _core.Column:
    """Return values of some rows as a column of all."""
    column = np.full(n, np.nan)
    column[rows] = values
    return _core.column_array(column)
