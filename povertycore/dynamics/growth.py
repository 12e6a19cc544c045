r"""Growth and redistribution: a change of monetary poverty by mean, distribution and line.

Poverty depends on welfare over the line, x = y/z. At the mean of period a, the rows of period b
have all their x multiplied by f = mean_a/mean_b, or their lines divided by it: so each state of the
decomposition is an FGT index of the rows of one period at other lines.

A state moves with the index at lines as they are and, through f, with both means. For alpha >= 1
its derivative by log f is

.. math:: -\alpha \sum_i w_i (1 - x_i)^{\alpha - 1} x_i = -\alpha (P_{\alpha - 1} - P_\alpha)

over the poor, and the index is linearised. A headcount has no derivative without a density: its
errors come from a bootstrap of PSUs that goes through the means each time.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .. import _core
from ..design import Design
from ..errors import MissingValueError, OptionError
from ..estimates import Estimates
from ..inputs import Frame
from ..measures import fgt, mean
from ..measures.tables import arrange
from ..replicates import Replicated, deviations, scales_of, times_drawn
from ..sampling import Linearised, Sample
from ..structure import sample_of

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Of which period the mean, the distribution and the line are: 0 the start, 1 the end.
State = tuple[int, int, int]


@dataclass(frozen=True)
class Question:
    """What is decomposed: an FGT index of one welfare column at a line."""

    frame: Frame
    welfare: Floats
    line: Floats
    alpha: float
    poor: str
    keys: tuple[str, ...]  # of groups, and the period last
    shown_line: Any  # as `fgt` takes it
    cell: Ints  # of each row: its group and period, as results number them
    line_apart: bool  # the line is a part of its own; else welfare is measured in lines
    design: Design
    where: Any
    count: str | None

    def index(self, line: Any, alphas: Sequence[float], standard: Any = None) -> Estimates:
        """Return poverty at other lines, by group and period."""
        found: Estimates = fgt(
            self.frame,
            self.welfare,
            line=line,
            alpha=list(alphas),
            by=list(self.keys),
            poor=self.poor,
            where=self.where,
            design=self.design,
            count=self.count,
            standard=standard,
        )
        return found

    def means(self) -> Estimates:
        """Return the means that grow, by group and period."""
        found: Estimates = mean(
            self.frame,
            self.grows,
            by=list(self.keys),
            where=self.where,
            design=self.design,
            count=self.count or self.design.unit(),
        )
        return found

    @property
    def grows(self) -> Floats:
        """Welfare, in lines where these are no part of their own."""
        return self.welfare if self.line_apart else self.welfare / self.line

    def line_of_state(self, state: State, places: Ints, level: Floats) -> Floats:
        """Return the line of each row for one state of all groups; NaN in other cells.

        `places` are the cells of start and end, (groups, 2); `level` the mean of each cell.
        """
        a, b, c = state
        there = np.asarray((places >= 0).all(axis=1))
        of_mean, of_rows, of_line = (places[there, side] for side in (a, b, c))
        n_cells = len(level)
        factor, own = np.full((2, n_cells), np.nan)
        factor[of_rows] = 1.0 if a == b else level[of_rows] / level[of_mean]
        if not self.line_apart:
            return np.asarray(self.line * factor[self.cell])
        own[of_rows] = self.lines[of_line]
        return np.asarray((own * factor)[self.cell])

    @property
    def lines(self) -> Floats:
        """Return the one line of each cell."""
        n_cells = int(self.cell.max(initial=0)) + 1
        low, high = np.full(n_cells, np.inf), np.full(n_cells, -np.inf)
        known = np.isfinite(self.line)
        np.minimum.at(low, self.cell[known], self.line[known])
        np.maximum.at(high, self.cell[known], self.line[known])
        if (high > low).any():
            raise OptionError(
                "line_effect=True needs one line per group and period; lines differ within one"
            )
        return np.where(np.isfinite(low), low, np.nan)


def question_of(
    frame: Frame,
    welfare: Any,
    line: Any,
    alpha: float,
    poor: str,
    keys: tuple[str, ...],
    line_apart: bool,
    words: Mapping[str, Any],
) -> Question:
    """Read welfare and line as plain columns; a row that lacks one is missing."""
    if isinstance(alpha, bool) or not isinstance(alpha, Real) or not alpha >= 0:
        raise OptionError(f"alpha must be one number, 0 or more, found {alpha!r}")
    y = np.asarray(frame.array(welfare), dtype=np.float64)
    z = line_values(frame, line)
    known = ~np.isnan(y) & ~np.isnan(z)
    return Question(
        frame=frame,
        welfare=np.where(known, y, np.nan),
        line=np.where(known, z, np.nan),
        alpha=float(alpha),
        poor=poor,
        keys=keys,
        shown_line=line,
        cell=cells_of_rows(frame, keys),
        line_apart=line_apart,
        design=words["design"] or Design(),
        where=words["where"],
        count=words["count"],
    )


def line_argument(line: Any, time: str) -> Any:
    """Return a line as `fgt` takes it: a mapping without a column is by label of the period."""
    if isinstance(line, list | tuple):
        raise OptionError("line is one line here: a number, a column, or a number by label")
    if not isinstance(line, Mapping) or any(isinstance(v, Mapping) for v in line.values()):
        return line
    return {time: line}


def line_values(frame: Frame, line: Any) -> Floats:
    """Return the line of each row: a number, a column, or by label of a column."""
    if isinstance(line, Real) and not isinstance(line, bool):
        return np.full(frame.n, float(line))
    if not isinstance(line, Mapping):
        return np.asarray(frame.array(line), dtype=np.float64)
    name, amounts = next(iter(line.items()))
    code, labels = pd.factorize(frame.array(name))
    plain = {plain_label(label): float(value) for label, value in amounts.items()}
    for label in labels:
        if plain_label(label) not in plain:
            error = MissingValueError(f"line has no amount for {name} {label!r}")
            error.argument = "line"
            raise error
    return np.asarray(np.append([plain[plain_label(label)] for label in labels], np.nan)[code])


def plain_label(label: Any) -> Any:
    """Return a label as Python compares it, text in NFC."""
    if isinstance(label, str):
        return unicodedata.normalize("NFC", label)
    return label.item() if isinstance(label, np.generic) else label


def cells_of_rows(frame: Frame, keys: Sequence[str]) -> Ints:
    """Return the group and period of each row, numbered as the rows of a result."""
    columns = [frame.key(name) for name in keys]
    row = _core.column_array(np.arange(frame.n, dtype=np.int64), name="row")
    raw = _core.total(frame.n, [*(key.column for key in columns), row])
    cell = np.empty(frame.n, dtype=np.int64)
    cell[raw["key_values"][-1]] = arrange(raw, columns).group
    return cell


# ---- states -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class States:
    """Poverty in each state, group by group, with its errors."""

    value: dict[State, Floats]  # (groups,)
    place: dict[State, Ints]  # of each in the joint
    joint: Any  # a Joint, or None
    note: str = ""


def states_of(
    q: Question, places: Ints, wanted: Sequence[State], replicates: int, rng: int
) -> States:
    """Return poverty in each state, between the cells of start and end, (groups, 2)."""
    means = q.means()
    level = means["estimate"].to_numpy()
    alphas = [q.alpha - 1, q.alpha] if q.alpha >= 1 else [q.alpha]
    n = len(places)
    there = np.asarray((places >= 0).all(axis=1))
    value: dict[State, Floats] = {}
    place = {state: i * n + np.arange(n) for i, state in enumerate(wanted)}
    joints: list[Any] = []
    for state in wanted:
        est = q.index(q.line_of_state(state, places, level), alphas)
        index = est["estimate"].to_numpy().reshape(-1, len(alphas))
        value[state] = np.where(there, index[places[:, state[1]], -1], np.nan)
        if est._joints[0] is not None:
            slope = index_slope(index, q.alpha) if q.alpha >= 1 else None
            joints.append(moved(est, means, places[:, list(state[:2])], there, slope, level))
    if not joints:
        return States(value, place, None)
    joint = joints[0].joined(joints[1:])
    if q.alpha >= 1:
        return States(value, place, joint)
    joint = by_bootstrap(q, places, wanted, value, joint, replicates, rng)
    return States(value, place, joint, "errors by bootstrap")


def stacked(*results: Estimates) -> Any:
    """Return the rows of results of one sample below each other, with their covariance."""
    joints: list[Any] = [est._joints[0] for est in results]
    rows = [joint.take(est._place) for joint, est in zip(joints, results, strict=True)]
    return rows[0].joined(rows[1:])


def index_slope(index: Floats, alpha: float) -> Floats:
    """Return the derivative of the index by the logarithm of what multiplies welfare."""
    return np.asarray(-alpha * (index[:, 0] - index[:, 1]))


def moved(
    est: Estimates,
    means: Estimates,
    sides: Ints,
    there: npt.NDArray[np.bool_],
    slope: Floats | None,
    level: Floats,
) -> Any:
    """Return the index of each group as a row of a joint; `sides`: cells of its mean and its rows.

    Without a slope the means do not count.
    """
    width = len(est) // len(means)
    both = stacked(est, means)
    of_mean, of_rows = sides[there].T
    group = np.flatnonzero(there)
    rows, at, weight = [group], [of_rows * width + width - 1], [np.ones(len(group))]
    if slope is not None:
        is_moved = of_mean != of_rows
        for cells, sign in ((of_mean, 1.0), (of_rows, -1.0)):
            rows.append(group[is_moved])
            at.append(len(est) + cells[is_moved])
            weight.append((sign * slope[of_rows] / level[cells])[is_moved])
    row = np.concatenate(rows)
    order = np.argsort(row, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(there)))])
    return both.combined(start, np.concatenate(at)[order], np.concatenate(weight)[order])


# ---- bootstrap ----------------------------------------------------------------------------------


def by_bootstrap(
    q: Question,
    places: Ints,
    wanted: Sequence[State],
    value: Mapping[State, Floats],
    joint: Any,
    replicates: int,
    rng: int,
) -> Replicated:
    """Return all states in each replicate, means taken anew; `joint` counts PSUs."""
    weights, scale, most_df, mse = replicate_weights(q, replicates, rng)
    again: dict[State, list[Floats]] = {state: [] for state in wanted}
    lines = q.lines if q.line_apart else None
    for weight in weights:
        anew = states_again(q, places, wanted, weight, lines)
        for state in wanted:
            again[state].append(anew[state])
    theta = np.concatenate([np.column_stack(again[state]) for state in wanted])
    whole = np.concatenate([value[state] for state in wanted])
    found = deviations(theta, whole, scale, mse)
    found[~np.isfinite(whole)] = np.nan
    parts = joint if isinstance(joint, Linearised) else None
    lacks = np.isnan(theta).sum(axis=1)
    return Replicated(found, most_df, parts, lacks=lacks)


def replicate_weights(
    q: Question, replicates: int, rng: int
) -> tuple[Iterator[Floats], Floats, float, bool]:
    """Return the weights of each replicate, scales, degrees of freedom, and what is the centre.

    Columns of replicate weights are used as they are; otherwise a bootstrap is made.
    """
    base = base_weights(q)
    asked = q.design.replicates
    if asked is not None and asked.weights is not None:
        names = list(asked.weights)
        size = 1.0 if q.design.weight is None else column(q, q.design.weight)
        with np.errstate(invalid="ignore", divide="ignore"):
            rest = np.where(size > 0, base / size, 0.0)
        each = (column(q, name) * rest for name in names)
        df = asked.df if asked.df is not None else len(names) - 1
        return each, scales_of(asked, len(names)), float(df), asked.mse
    if asked is not None and asked.kind == "bootstrap":
        replicates, rng = asked.n or replicates, asked.rng
    sample = sample_of(q.frame, replace(q.design, replicates=None))
    assert sample is not None
    row = _core.column_array(np.arange(q.frame.n, dtype=np.int64), name="row")
    raw = _core.total(q.frame.n, [row, *(key.column for key in sample.keys)])
    psu = np.empty(q.frame.n, dtype=np.int64)
    psu[raw["key_values"][0]] = sample.psu_of_unit[sample.units(raw, 1)]
    factors, df = drawn_again(sample, replicates, np.random.default_rng(rng))
    scale = np.full(replicates, 1 / (replicates - 1))
    return (base * factors[psu, r] for r in range(replicates)), scale, df, False


def drawn_again(sample: Sample, n: int, rng: np.random.Generator) -> tuple[Floats, float]:
    """Return the factor of each PSU in each bootstrap replicate, and degrees of freedom.

    Rao and Wu: n - 1 of n PSUs with replacement, one drawn k times weighing k n/(n - 1). A PSU
    weighs the same in all its periods. Where periods share some PSUs only, those that go, stay and
    come are drawn from apart: each group is a sample of its stratum by itself.
    """
    group = rotation_groups(sample)
    by_label = np.ones((len(group), n))
    df = 0
    for g in np.unique(group).tolist():
        labels = np.flatnonzero(group == g)
        size = len(labels)
        if size > 1:
            by_label[labels] = times_drawn(rng, size, n).T * (size / (size - 1))
            df += size - 1
    return by_label[sample.label], float(min(df, n - 1))


def rotation_groups(sample: Sample) -> Ints:
    """Return the group of each PSU label: those in the same strata of the same periods.

    One alone goes with the largest group that it shares a stratum with.
    """
    strata: list[list[int]] = [[] for _ in range(int(sample.label.max(initial=-1)) + 1)]
    for label, h in zip(sample.label.tolist(), sample.stratum.tolist(), strict=True):
        strata[label].append(h)
    keys = [tuple(sorted(of_label)) for of_label in strata]
    names = list(dict.fromkeys(keys))
    size = {key: keys.count(key) for key in names}
    number = {key: i for i, key in enumerate(names)}
    for key in names:
        others = [other for other in names if other != key and set(other) & set(key)]
        if size[key] == 1 and others:
            number[key] = number[max(others, key=size.__getitem__)]
    return np.array([number[key] for key in keys], dtype=np.int64)


def column(q: Question, name: str) -> Floats:
    """Return a column as numbers."""
    return np.asarray(q.frame.array(name), dtype=np.float64)


def base_weights(q: Question) -> Floats:
    """Return weight times size in the domain, 0 outside and where welfare is missing."""
    weight = np.ones(q.frame.n)
    for name in (q.design.weight, q.design.size_column(q.count)):
        if name is not None:
            weight = weight * column(q, name)
    inside = np.ones(q.frame.n, dtype=bool)
    if q.where is not None:
        inside = np.asarray(q.frame.array(q.where), dtype=np.float64) == 1
    return np.where(inside & ~np.isnan(q.welfare), weight, 0.0)


def states_again(
    q: Question, places: Ints, wanted: Sequence[State], weight: Floats, lines: Floats | None
) -> dict[State, Floats]:
    """Return poverty in each state under other weights."""
    n_cells = int(q.cell.max(initial=0)) + 1
    used = weight > 0
    cell, w = q.cell[used], weight[used]
    y, z, grows = q.welfare[used], q.line[used], q.grows[used]
    total = np.bincount(cell, w, n_cells)
    there = np.asarray((places >= 0).all(axis=1))
    found = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        level = np.bincount(cell, w * grows, n_cells) / total
        for state in wanted:
            of_mean, of_rows, of_line = (places[there, side] for side in state)
            factor, own = np.full((2, n_cells), np.nan)
            factor[of_rows] = level[of_rows] / level[of_mean]
            if lines is not None:
                own[of_rows] = lines[of_line]
            line = (z if lines is None else own[cell]) * factor[cell]
            is_poor = y <= line if q.poor == "at_or_below" else y < line
            score = np.where(is_poor, np.where(is_poor, 1 - y / line, 0.0) ** q.alpha, 0.0)
            index = np.bincount(cell, w * score, n_cells) / total
            found[state] = np.full(len(places), np.nan)
            found[state][there] = index[of_rows]
    return found
