"""The parts of a change: of counts, groups, growth, incidence and indicators, with their errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..design import Design
from ..errors import OptionError, unknown_column
from ..estimates import Estimates
from ..fields import TOTAL
from ..inputs import Frame
from ..measures import fgt, rate, total
from .effects import (
    Combine,
    Dual,
    Effects,
    blank_as_nothing,
    of_counts,
    of_groups,
    of_intensity,
    of_joint,
    of_rows,
    one_by_one,
    precision_of,
    shapley,
)
from .growth import Question, line_values, stacked, states_of
from .periods import add_note, places_of
from .spans import Blocks, Spans, Task, spans_of

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

OF_COUNTS = ("numerator_effect", "denominator_effect")
OF_GROUPS = ("within_effect", "between_effect", "interaction_effect")
OF_GROWTH = ("growth_effect", "redistribution_effect", "line_effect")
OF_INTENSITY = ("incidence_effect", "intensity_effect")
OF_INDICATORS = ("indicator_effect",)
NO_SIZES = "no standard error: sizes have errors too, which needs the data"
ONLY_ONCE = "in one of the two periods only: all of it is a shift between groups"


@dataclass(frozen=True)
class Source:
    """Estimates of single periods, and the joint of them and of the sizes below them.

    The joint has a row for each estimate and then, from len(est) on, one for the size of each, at
    `size` of it; `blank` says which estimates lie in lonely strata only, and bring no error to a
    whole.
    """

    est: Estimates
    joint: Any
    size: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    blank: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))

    def has_none(self, spans: Spans) -> npt.NDArray[np.bool_]:
        """Return which spans have no error of their own."""
        lacks = lacking_own(self.est, spans)
        blank = np.append(self.blank, False)
        return np.asarray(lacks | blank[spans.ends.start] | blank[spans.ends.end])

    def wholes_without(self, blocks: Blocks) -> npt.NDArray[np.bool_]:
        """Return which wholes have no error: at one end no group has one, and all are alike.

        Where nobody is poor in any group, nobody is in the whole: that is no certainty of it.
        """
        spans, block, n = blocks.spans, blocks.block, len(blocks)
        errors, lonely = self.est["se"].to_numpy(dtype=np.float64), np.append(self.blank, False)
        found = np.zeros(n, dtype=bool)
        rows_of_ends = (spans.ends.start, spans.ends.end)
        for rows, level in zip(rows_of_ends, spans.figures("estimate"), strict=True):
            known = np.isfinite(level)
            low, high = np.full(n, np.inf), np.full(n, -np.inf)
            np.minimum.at(low, block[known], level[known])
            np.maximum.at(high, block[known], level[known])
            has_error = known & ~np.isnan(np.append(errors, np.nan)[rows])
            n_with, n_in_samples = (
                np.bincount(block[which], minlength=n)
                for which in (has_error, known & ~lonely[rows])
            )
            found |= (n_with == 0) & ((low == high) | (n_in_samples == 0))
        return found


def lacking_own(est: Estimates, spans: Spans) -> npt.NDArray[np.bool_]:
    """Return which spans have an end that is known without a standard error.

    Such are rates of 0 and 1 in which nothing varied: that they have no error is no certainty.
    """
    lacks = np.append((est["estimate"].notna() & est["se"].isna()).to_numpy(), False)
    return np.asarray(lacks[spans.ends.start] | lacks[spans.ends.end])


def measured_source(
    frame: Frame,
    column: Any,
    welfare: Any,
    line: Any,
    alpha: float,
    poor: str,
    keys: list[str],
    words: Mapping[str, Any],
) -> Source:
    """Measure rows by group and period, and their sizes with the same errors."""
    if (column is None) == (welfare is None):
        raise OptionError("rows need a 0/1 column, or welfare= and line=, and not both")
    if column is not None:
        est = rate(frame, column, by=keys, **words)
        known = ~pd.isna(frame.array(column))
    else:
        lines = line_values(frame, line)
        est = fgt(frame, welfare, line=line, alpha=alpha, by=keys, poor=poor, **words)
        known = ~np.isnan(np.asarray(frame.array(welfare), np.float64)) & ~np.isnan(lines)
    if est._joints[0] is None:
        return Source(est, None)
    words = {**words, "count": size_count(words)}
    sizes = total(frame, known.astype(np.int8), by=keys, **words)
    joint, blank = blank_as_nothing(stacked(est, sizes))
    width = len(est) // max(len(sizes), 1)
    return Source(est, joint, len(est) + np.arange(len(est)) // width, blank[: len(est)])


def size_count(words: Mapping[str, Any]) -> str | None:
    """Return what is counted, said out loud."""
    design = words["design"] or Design()
    return words["count"] or str(design.unit())


def counts_of(spans: Spans) -> tuple[Floats, Floats, Floats, Floats]:
    """Return numerators and denominators at both ends; they must be known."""
    above, below = spans.figures("numerator"), spans.figures("denominator")
    if len(spans.series) and np.isnan(above).all():
        raise OptionError("this needs the counts behind the estimates: numerators and denominators")
    return (*above, *below)


def by_counts(task: Task, source: Source) -> Estimates:
    """Decompose rates by their counts."""
    spans = spans_of(task, source.est)
    values = counts_of(spans)
    parts = of_counts(*values, task.method)
    whole = values[1] / values[3] - values[0] / values[2]
    effects = Effects(np.column_stack([whole, *parts]).ravel())
    combine = None
    if source.joint is not None:
        combine = of_joint(source.joint)
        rate0, rate1, all0, all1 = Dual.variables(*spans.figures("estimate"), *values[2:])
        duals = of_counts(rate0 * all0, rate1 * all1, all0, all1, task.method)
        at = ends_in_joint(source, spans)
        for j, dual in enumerate([rate1 - rate0, *duals]):
            row = np.arange(len(whole)) * (len(parts) + 1) + j
            for k, of in enumerate(at):
                effects.add(row, of, dual.slope[:, k])
        alone = np.flatnonzero(source.has_none(spans))
        effects.without = (alone[:, None] * (len(parts) + 1) + np.arange(len(parts) + 1)).ravel()
    notes = lacking_errors(source, spans)
    return wrap(task, spans, ["difference", *OF_COUNTS], effects, combine, notes)


def ends_in_joint(source: Source, spans: Spans) -> list[Ints]:
    """Return where both estimates and both sizes stand in the joint; -1 where there is none."""
    size = np.append(source.size, -1)
    start, end = spans.ends.start, spans.ends.end
    return [start, end, size[start], size[end]]


def lacking_errors(source: Source, spans: Spans) -> list[str]:
    """Return the notes of the spans; of estimates of a sample, why they have no errors."""
    notes = list(spans.ends.notes)
    if source.joint is None and (source.est["se"] > 0).any():
        for i in range(len(notes)):
            add_note(notes, i, NO_SIZES)
    return notes


def by_groups(task: Task, source: Source, across: str) -> Estimates:
    """Decompose figures into change within groups and shifts between them."""
    if across not in source.est.key_names or across == task.time:
        raise unknown_column(across, [k for k in source.est.key_names if k != task.time])
    est = source.est
    is_total = np.asarray(est[across].astype(object) == TOTAL)
    if is_total.any():  # a total is no group beside its parts
        source = Source(est.select(**{across: pd.unique(est[across][~is_total]).tolist()}), None)
    blocks = Blocks.of(spans_of(task, source.est), across)
    spans = blocks.spans
    rate0, rate1 = spans.figures("estimate")
    all0, all1 = sizes_of(spans)
    once = np.isnan(rate0) ^ np.isnan(rate1)
    rate0, rate1 = np.where(np.isnan(rate0), rate1, rate0), np.where(np.isnan(rate1), rate0, rate1)
    sum0, sum1 = blocks.sums(all0), blocks.sums(all1)
    share0, share1 = all0 / sum0[blocks.block], all1 / sum1[blocks.block]
    p0, p1, s0, s1 = Dual.variables(rate0, rate1, share0, share1)
    parts = of_groups(p0, p1, s0, s1, task.method)
    names = ["difference", *OF_GROUPS[: len(parts)]]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    every = [whole, *parts]
    notes = lacking_errors(source, spans)
    for i in np.flatnonzero(once).tolist():
        add_note(notes, i, ONLY_ONCE)
    effects = Effects(blocks.interleaved([blocks.with_sums(dual.value) for dual in every]))
    combine = None
    if source.joint is not None:
        joint, of_sums = with_block_sums(source, spans, blocks)
        combine = of_joint(joint)
        alone = np.concatenate(
            [
                blocks.row[source.has_none(spans)],
                blocks.total_row[source.wholes_without(blocks)],
            ]
        )
        effects.without = (alone[:, None] * len(every) + np.arange(len(every))).ravel()
        at = ends_in_joint(source, spans)
        at[0], at[1] = np.where(at[0] < 0, at[1], at[0]), np.where(at[1] < 0, at[0], at[1])
        for j, dual in enumerate(every):
            add_group_terms(effects, blocks, j, len(every), dual, at, of_sums,
                            (share0, share1), (sum0, sum1))  # fmt: skip
    return wrap(task, blocks.with_totals(), names, effects, combine, blocks.notes(notes), across)


def sizes_of(spans: Spans) -> tuple[Floats, Floats]:
    """Return the sizes of groups at both ends, what their figures are divided by; 0 where none is.

    Only then is the whole a mean of its groups: totals and quantiles are not.
    """
    sizes, rates = spans.figures("denominator"), spans.figures("estimate")
    for below, known in zip(sizes, map(np.isfinite, rates), strict=True):
        if np.isnan(below[known]).any():
            raise OptionError("this needs figures with denominators, as rates and means have them")
    first, last = (np.where(np.isnan(r), 0.0, n) for n, r in zip(sizes, rates, strict=True))
    return first, last


def with_block_sums(source: Source, spans: Spans, blocks: Blocks) -> tuple[Any, list[Ints]]:
    """Return the joint with the size of each block at both ends, and where these stand."""
    at = ends_in_joint(source, spans)[2:]
    n = len(blocks)
    row = np.concatenate([blocks.block, n + blocks.block])
    of = np.concatenate(at)
    keep = of >= 0
    row, of = row[keep], of[keep]
    order = np.argsort(row, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=2 * n))])
    sums = source.joint.combined(start, of[order], np.ones(len(of)))
    offset = len(source.joint)
    return source.joint.joined([sums]), [offset + np.arange(n), offset + n + np.arange(n)]


def add_group_terms(
    effects: Effects,
    blocks: Blocks,
    j: int,
    n_measures: int,
    dual: Dual,
    at: list[Ints],
    of_sums: list[Ints],
    shares: tuple[Floats, Floats],
    sums: tuple[Floats, Floats],
) -> None:
    """Let the part of each group, and of all, move with rates, sizes and the sizes of all.

    A share is a size over that of all: ds = (dN - s dT)/T.
    """
    row = blocks.row * n_measures + j
    of_total = blocks.total_row * n_measures + j
    for side in (0, 1):
        below = sums[side][blocks.block]
        by_rate, by_share = dual.slope[:, side], dual.slope[:, 2 + side] / below
        by_whole = -by_share * shares[side]
        for where, of, weight in (
            (row, at[side], by_rate),
            (row, at[2 + side], by_share),
            (row, of_sums[side][blocks.block], by_whole),
        ):
            effects.add(where, of, weight)
        effects.add(of_total[blocks.block], at[side], by_rate)
        effects.add(of_total[blocks.block], at[2 + side], by_share)
        effects.add(of_total, of_sums[side], blocks.sums(by_whole))


def by_intensity(task: Task, source: Source) -> Estimates:
    """Decompose M0 into incidence and intensity."""
    spans = spans_of(task, source.est)
    h, a = pairs_of_measures(spans, "H", "A")
    part = spans.of(h)
    h0, h1 = part.figures("estimate")
    a0, a1 = spans.of(a).figures("estimate")
    # Where nobody is poor there is no intensity; any will do, for M0 = 0.
    a0, a1 = np.where((h0 == 0) & np.isnan(a0), a1, a0), np.where((h1 == 0) & np.isnan(a1), a0, a1)
    duals = of_intensity(*Dual.variables(h0, h1, a0, a1))
    every = [duals[0] + duals[1], *duals]
    effects = Effects(np.column_stack([h1 * a1 - h0 * a0, *(d.value for d in duals)]).ravel())
    ends, other = part.ends, spans.of(a).ends
    for j, dual in enumerate(every):
        row = np.arange(len(h)) * len(every) + j
        for k, of in enumerate((ends.start, ends.end, other.start, other.end)):
            effects.add(row, of, dual.slope[:, k])
    names = ["difference", *OF_INTENSITY]
    combine = of_rows(source.est)
    return wrap(task, part, names, effects, combine, list(ends.notes), of="M0")


def pairs_of_measures(spans: Spans, one: str, other: str) -> tuple[Ints, Ints]:
    """Return the spans of two measures that are alike in all else."""
    panel = spans.panel
    alike = places_of(panel.est, panel.est.measure_key_names, panel.some_row)
    place = np.column_stack([panel.group, alike])[spans.series]
    label = panel.est["measure"].array.take(panel.some_row[spans.series])
    found: dict[tuple[int, ...], dict[str, int]] = {}
    for i, (key, name) in enumerate(zip(place.tolist(), label, strict=True)):
        if name in (one, other):
            found.setdefault((*key, int(spans.pair[i])), {})[name] = i
    both = [pair for pair in found.values() if len(pair) == 2]
    if not both:
        raise OptionError(f"this needs estimates of {one} and {other}, as multidim gives them")
    return np.array([p[one] for p in both]), np.array([p[other] for p in both])


def by_indicators(task: Task, source: Source, weights: Mapping[Any, Any] | None) -> Estimates:
    """Decompose M0 into indicators: weight times change of the censored headcount."""
    if "indicator" not in source.est.measure_key_names:
        raise OptionError("into='indicators' needs censored headcounts, as multidim gives them")
    spans = spans_of(task, source.est)
    some = spans.panel.some_row[spans.series]
    measure = source.est["measure"].astype(object).to_numpy()[some]
    indicator = source.est["indicator"].astype(object).to_numpy()[some]
    wanted = "contribution_absolute" if weights is None else "censored_headcount"
    chosen = np.flatnonzero((measure == wanted) & ~pd.isna(indicator))
    if not len(chosen):
        hint = "; or pass weights= for censored headcounts" if weights is None else ""
        raise OptionError(
            f"this needs estimates of {wanted} by indicator, measures={wanted!r} of multidim{hint}"
        )
    part = spans.of(chosen)
    weight = np.ones(len(chosen))
    if weights is not None:
        for label in pd.unique(indicator[chosen]):
            if label not in weights:
                raise OptionError(f"weights has none for the indicator {label!r}")
        weight = np.array([float(weights[label]) for label in indicator[chosen]])
    start, end = part.figures("estimate")
    effects = Effects(weight * (end - start))
    row = np.arange(len(chosen))
    effects.add(row, part.ends.end, weight)
    effects.add(row, part.ends.start, -weight)
    combine = of_rows(source.est)
    return wrap(task, part, list(OF_INDICATORS), effects, combine, list(part.ends.notes), of="M0")


def by_growth(
    task: Task, question: Question, standard: Any, replicates: int, rng: int
) -> Estimates:
    """Decompose monetary poverty into growth, redistribution and the line."""
    est = question.index(question.shown_line, [question.alpha], standard)
    spans = spans_of(task, est)
    names, every = growth_parts(3 if question.line_apart else 2, task.method)
    wanted = list(dict.fromkeys(full_state(state) for weights in every for state in weights))
    notes, k = list(spans.ends.notes), len(every)
    effects = Effects(np.full(len(spans.series) * k, np.nan))
    joints: list[Any] = []
    offset = 0
    for pair in np.unique(spans.pair).tolist():
        at = np.flatnonzero(spans.pair == pair)
        places = np.column_stack([spans.ends.start[at], spans.ends.end[at]])
        found = states_of(question, places, wanted, replicates, rng)
        for j, weights in enumerate(every):
            value = np.zeros(len(at))
            for state, weight in weights.items():
                full = full_state(state)
                value = value + weight * found.value[full]
                if found.joint is not None:
                    effects.add(at * k + j, offset + found.place[full], np.full(len(at), weight))
            effects.value[at * k + j] = value
        for i in at.tolist() if found.note else ():
            add_note(notes, i, found.note)
        if found.joint is not None:
            joints.append(found.joint)
            offset += len(found.joint)
    alone = np.flatnonzero(lacking_own(est, spans))
    effects.without = (alone[:, None] * k + np.arange(k)).ravel()
    combine = of_joint(joints[0].joined(joints[1:])) if joints else None
    return wrap(task, spans, names, effects, combine, notes)


def growth_parts(
    n_factors: int, method: str
) -> tuple[list[str], list[dict[tuple[int, ...], float]]]:
    """Return the measures of growth, and the weights of states in each."""
    whole = {(1,) * n_factors: 1.0, (0,) * n_factors: -1.0}
    names = ["difference", *OF_GROWTH[:n_factors]]
    if method == "shapley":
        return names, [whole, *shapley(n_factors)]
    parts = one_by_one(n_factors, 0 if method == "first" else 1)
    rest = dict(whole)
    for state, weight in ((s, w) for part in parts for s, w in part.items()):
        rest[state] = rest.get(state, 0.0) - weight
    return [*names, "residual"], [whole, *parts, rest]


def full_state(state: tuple[int, ...]) -> tuple[int, int, int]:
    """Return a state with its line; where it is none of the parts, rows keep their own."""
    return (state[0], state[1], state[2] if len(state) == 3 else state[1])


# --- wrap --------------------------------------------------------------------------------------


def wrap(
    task: Task,
    spans: Spans,
    names: list[str],
    effects: Effects,
    combine: Combine | None,
    notes: list[str],
    across: str | None = None,
    of: str | None = None,
) -> Estimates:
    """Lay the parts out as one row per span and measure."""
    panel, k = spans.panel, len(names)
    est = panel.est
    rows = np.repeat(np.arange(len(spans.series)), k)
    some = panel.some_row[spans.series][rows]
    keys = {name: est[name].array.take(some) for name in panel.keys}
    if across is not None:
        is_total = (spans.ends.start < 0) & (spans.ends.end < 0)
        labels = np.array(list(est[across].array.take(some)), dtype=object)
        labels[is_total[rows]] = TOTAL
        keys[across] = labels
    keys[f"{panel.time}_from"] = panel.labels.take(spans.first[rows])
    keys[f"{panel.time}_to"] = panel.labels.take(spans.last[rows])
    what = {name: est[name].array.take(some) for name in est.measure_key_names}
    what["method"] = np.full(len(rows), task.method, dtype=object)
    what["of"] = est["measure"].array.take(some) if of is None else np.full(len(rows), of, object)
    precision = precision_of(effects, combine)
    reasons = precision.pop("reason")
    found = [notes[i] for i in rows.tolist()]
    for i, why in enumerate(reasons):
        if why:
            add_note(found, i, why)
    return Estimates(
        keys,
        measure_keys=what,
        measure=pd.Categorical.from_codes(np.tile(np.arange(k), len(spans.series)), names),
        own={"p_value": precision.pop("p_value")},
        estimate=effects.value,
        note=np.array(found, dtype=object),
        verb="decompose",
        meta=est.meta | {"time": panel.time} | dict(task.asked),
        **precision,
        **{name: pd.Series(column).array.take(rows) for name, column in spans.ends.common.items()},
    )
