"""Histories: which periods households were poor in, as deprivation profiles over the periods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ..design import Design
from ..measures.profiles import Profiles, profiles
from ..measures.spec import Spec
from ..measures.tally import listed
from .balanced import complete_rows, poor_in, poor_states, read_panel
from .flows import asked_for, standards_of
from .panel import find_states, taken


def histories(
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
    missing_groups: str = "error",
) -> Profiles:
    """Count the histories of the households seen in every period: poor in which of them.

    Parameters
    ----------
    data, state, id, time, by, where, design, weight, count, standard, across_standards, \
missing_groups
        As in `transitions`; `by` and `where` are those of the first period.
    poor : str or list of str, optional
        The states that count as poor, as in `spells`.

    Returns
    -------
    Profiles
        One indicator per period, named by the state and the period, as ``"poor_2021"``; a period
        in which the state is missing is a missing indicator. All that profiles answer can be
        asked: shares poor in k periods or more, pairs of periods, combinations.

    Raises
    ------
    ValueRangeError
        A household stands twice in a period, or there is one period only.
    OptionError
        `poor` is needed, or names no state.

    Examples
    --------
    Of three households one is poor twice in three years: half of them or more.

    >>> table = {"hh": [1, 2, 3] * 3, "year": [2020] * 3 + [2021] * 3 + [2022] * 3,
    ...          "poor": [0, 1, 1, 0, 0, 0, 0, 0, 1]}
    >>> found = pc.histories(table, "poor", id="hh", time="year")
    >>> found.multidim(k="1/2", measures="H")["estimate"].tolist()
    [0.3333333333333333]
    """
    asked = asked_for(
        "histories",
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
    waves = panel.waves
    assert waves.period is not None
    states = find_states(waves.frames, state)
    history = poor_in(panel, states, poor_states(states, poor), keep_partial=True)
    first = np.flatnonzero(waves.period == 0)
    place = np.searchsorted(first, complete_rows(panel)[:, 0])
    names = [f"{state}_{word}" for word in waves.words()]
    frame = waves.waves[0].frame
    used = [name for name in [*listed(by), *asked.design.columns()] if isinstance(name, str)]
    rows: dict[str, Any] = {
        name: taken(frame, name, first).array
        for name in dict.fromkeys(used)
        if name in frame.names and name not in names
    }
    for name, values in zip(names, history.poor.T, strict=True):
        column = np.full(len(first), np.nan)
        column[place] = values
        rows[name] = column
    inside = np.zeros(len(first), dtype=bool)
    inside[place] = True
    if where is not None:
        domain = np.asarray(frame.array(where), dtype=np.float64)[first]
        inside &= np.nan_to_num(domain) == 1
    standards, _ = standards_of(asked, waves)
    return profiles(
        pd.DataFrame(rows),
        Spec({state: names}),
        by=by,
        where=inside,
        design=replace(asked.design, period=time if time in rows else None),
        count=count,
        standard=standards[0] if len(set(standards)) == 1 else None,
        missing_groups=missing_groups,
    )
