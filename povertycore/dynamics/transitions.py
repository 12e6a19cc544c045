"""Transitions: how many households went from which state to which, and at which rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..design import Design
from ..errors import unknown_option
from ..estimates import Estimates
from ..intervals import REASONS as INTERVAL_REASONS, intervals
from ..measures.precision import ALONE, ENDLESS, LEFT_OUT, REASONS
from ..measures.results import joined_notes
from ..measures.tally import listed
from ..replicates import Replicated
from ..sampling import Linearised
from .flows import Flows, asked_for, flows_of
from .repeats import by_psu, by_weights

MEASURES = ("count", "rate", "exit_rate", "entry_rate", "net")
EMPTY, NOBODY_MATCHED = 1, 2
NOTES = ("", "nobody who is matched is in this state before", "no household is in both periods")

Floats = npt.NDArray[np.float64]


def transitions(
    data: Any,
    state: str,
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
    measures: str | Sequence[str] = MEASURES,
    missing_groups: str = "error",
) -> Estimates:
    r"""Count the moves of the same households from state to state, and their rates.

    Parameters
    ----------
    data : DataFrame, or mapping from period to DataFrame
        One row per household and period, in one long frame, or one frame a period as registers
        come: ``{2021: a, 2022: b}``. Three periods give the two consecutive pairs.
    state : str
        Column of the state: text, categories, or whole numbers such as 0/1. A household whose state
        is missing in a period is left out of the rates, and counted in `n_missing`.
    id : str or list of str
        Column, or columns together, that tell households apart: integers or text. An id stands
        once in a period.
    time : str
        Column of the period; with one frame a period its name in the result.
    by : str or list of str, optional
        Columns that are crossed to define the groups: those of the earlier period, and for
        households that came, those of the later one.
    where : str or array_like, optional
        Boolean column: the domain, in the earlier period.
    design : Design, optional
        Weight, size, strata and PSUs, or replicates, of the earlier period. Without it each
        household counts once.
    weight : str, optional
        A longitudinal weight in place of the design's.
    count : {"households", "persons"}, optional
        What is counted, in place of what the design says.
    standard : str or Standard, optional
        The standard that the state follows: an id, a Standard, or the name of a column of ids.
    across_standards : bool, optional
        Compare states under different standards, and note it.
    measures : {"count", "rate", "exit_rate", "entry_rate", "net"} or list, optional
        What to compute; all by default.
    missing_groups : {"error", "keep"}, optional
        What to do about a missing label in `by`.

    Returns
    -------
    Estimates
        Per group and pair of periods, with the states before and after (the name of `state` with
        `_from` and `_to`):

        - `count`: households of every move; households seen once are those from or to `absent`;
        - `rate`: the share of those in the state before that are in the state after; the rates of
          one state before sum to one;
        - `exit_rate`: the share of those in the state before that left it; `entry_rate`: the share
          of those not in the state before that entered it; `net`: the share in the state after,
          less that before.

        The note tells the share of the earlier period's households that were matched.

    Raises
    ------
    ValueRangeError
        A household stands twice in a period; a label is not a period; there is one period only.
    MissingValueError
        An id, a period or a group's label is missing.
    ComparabilityError
        Two periods stand under different standards.

    Notes
    -----
    With N_ij the weight of matched households in state i before and j after, the rate is
    N_ij / sum_k N_ik, the exit rate 1 - N_ii / sum_k N_ik, the entry rate
    sum_{i != j} N_ij / sum_{i != j, k} N_ik. Weight, size, group and design are those of the
    earlier period, or a longitudinal weight; nothing is reweighted for attrition. In a sample the
    matched households are a domain of the earlier period's design, and all rates are linearised, or
    counted anew in every replicate.

    Examples
    --------
    Of three poor households one escapes, one stays poor and one is not found again.

    >>> a = {"hh": [1, 2, 3, 4], "status": ["poor", "poor", "poor", "other"]}
    >>> b = {"hh": [4, 2, 1, 5], "status": ["other", "poor", "other", "poor"]}
    >>> moves = pc.transitions({2021: a, 2022: b}, "status", id="hh", time="year")
    >>> table = moves.select(measure="rate").to_frame()
    >>> table[["status_from", "status_to", "estimate", "numerator", "denominator"]]
      status_from status_to  estimate  numerator  denominator
    0       other     other       1.0        1.0          1.0
    1       other      poor       0.0        0.0          1.0
    2        poor     other       0.5        1.0          2.0
    3        poor      poor       0.5        1.0          2.0
    """
    wanted = checked_measures(measures)
    asked = asked_for(
        "transitions",
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
    flows = flows_of(data, state, asked)
    return wrap(flows, [BLOCKS[measure](flows) for measure in wanted], wanted)


def checked_measures(measures: Any) -> list[str]:
    """Return the measures asked for, in their order."""
    wanted = list(dict.fromkeys(listed(measures)))
    for measure in wanted:
        if measure not in MEASURES:
            raise unknown_option("measures", measure, MEASURES)
    return wanted


# --- compute --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """The rows of one measure: a ratio of sums of flows, or a sum of them.

    Attributes
    ----------
    before, after : ndarray of int64, shape (rows,)
        The states of each row, -1 where it has none.
    above, below : ndarray of bool, shape (rows, flows)
        The flows that are added up; below None: the sum above is the figure. Flows above may count
        negatively.
    """

    before: np.ndarray
    after: np.ndarray
    above: np.ndarray
    below: np.ndarray | None
    missing: np.ndarray  # (rows, all flows) what is left out because a state is missing


def size_of(flows: Flows) -> tuple[int, int]:
    """Return the number of states, and of places of a state."""
    return len(flows.states), len(flows.states) + 2


def flow_numbers(flows: Flows) -> tuple[np.ndarray, np.ndarray]:
    """Return the places before and after of every flow, in the order of the grid."""
    _, width = size_of(flows)
    before, after = np.divmod(np.arange(width * width), width)
    return before, after


def count_block(flows: Flows) -> Block:
    """Describe the counts of every move, of those who left and of those who came."""
    n_states, width = size_of(flows)
    places = [*range(n_states), width - 1]
    rows = [(i, j) for i in places for j in places if i < n_states or j < n_states]
    before, after = (np.array(part, dtype=np.int64) for part in zip(*rows, strict=True))
    i, j = flow_numbers(flows)
    above = (i == before[:, None]) & (j == after[:, None])
    either = (i == n_states) | (j == n_states)
    seen_twice = (i < width - 1) & (j < width - 1)
    alike = (np.minimum(before, after)[:, None] < width - 1) & (
        ((i == width - 1) == (before[:, None] == width - 1))
        & ((j == width - 1) == (after[:, None] == width - 1))
    )
    left_out = either & (
        alike | (seen_twice & (before < n_states)[:, None] & (after < n_states)[:, None])
    )
    return Block(before, after, above, None, left_out)


def rate_block(flows: Flows) -> Block:
    """Describe the rates of every move among those in the state before."""
    n_states, _ = size_of(flows)
    before, after = np.divmod(np.arange(n_states * n_states), n_states)
    i, j = flow_numbers(flows)
    known = (i < n_states) & (j < n_states)
    above = known & (i == before[:, None]) & (j == after[:, None])
    below = known & (i == before[:, None])
    return Block(before, after, above, below, (i == before[:, None]) & (j == n_states))


def exit_block(flows: Flows) -> Block:
    """Describe the share of those in a state that left it."""
    n_states, _ = size_of(flows)
    state = np.arange(n_states)
    i, j = flow_numbers(flows)
    below = (i < n_states) & (j < n_states) & (i == state[:, None])
    missing = (i == state[:, None]) & (j == n_states)
    return Block(state, np.full(n_states, -1), below & (j != state[:, None]), below, missing)


def entry_block(flows: Flows) -> Block:
    """Describe the share of those not in a state that entered it."""
    n_states, width = size_of(flows)
    state = np.arange(n_states)
    i, j = flow_numbers(flows)
    below = (i < n_states) & (j < n_states) & (i != state[:, None])
    missing = np.tile(either_missing(flows), (n_states, 1)) & (i != state[:, None])
    return Block(np.full(n_states, -1), state, below & (j == state[:, None]), below, missing)


def net_block(flows: Flows) -> Block:
    """Describe the change of the share in a state."""
    n_states, _ = size_of(flows)
    state = np.arange(n_states)
    i, j = flow_numbers(flows)
    known = np.tile((i < n_states) & (j < n_states), (n_states, 1))
    above = known * ((j == state[:, None]).astype(np.int8) - (i == state[:, None]).astype(np.int8))
    missing = np.tile(either_missing(flows), (n_states, 1))
    return Block(np.full(n_states, -1), state, above, known, missing)


def either_missing(flows: Flows) -> np.ndarray:
    """Return which flows are of households in both periods with a state that is missing."""
    n_states, width = size_of(flows)
    i, j = flow_numbers(flows)
    return np.asarray(((i == n_states) | (j == n_states)) & (i < width - 1) & (j < width - 1))


BLOCKS = {
    "count": count_block,
    "rate": rate_block,
    "exit_rate": exit_block,
    "entry_rate": entry_block,
    "net": net_block,
}


@dataclass(frozen=True)
class Figures:
    """The figures of some blocks side by side: (groups x pairs, rows)."""

    estimate: Floats
    numerator: Floats
    denominator: Floats
    n_obs: np.ndarray
    n_missing: np.ndarray
    population: Floats
    note: np.ndarray


def figures_of(flows: Flows, blocks: Sequence[Block]) -> Figures:
    """Add up the flows of every row."""
    weight = flows.weight.reshape(-1, flows.n.shape[2] ** 2)
    n = weight if flows.is_plain else flows.n.reshape(weight.shape).astype(np.float64)
    parts = [figures_of_block(block, n, weight) for block in blocks]
    return Figures(
        *(np.hstack([getattr(part, name) for part in parts]) for name in Figures.__annotations__)
    )


def figures_of_block(block: Block, n: Floats, weight: Floats) -> Figures:
    """Add up the flows of the rows of one measure; counts are exact below 2^53."""
    above = weight @ block.above.T.astype(np.float64)
    n_missing = n @ block.missing.T.astype(np.float64)
    note = np.zeros(above.shape, dtype=np.int8)
    if block.below is None:
        n_obs = above if n is weight else n @ block.above.T.astype(np.float64)
        nothing = np.full(above.shape, np.nan)
        return Figures(above, nothing, nothing, n_obs, n_missing, above, note)
    parts, part = np.unique(block.below, axis=0, return_inverse=True)  # rows of one state share it
    below = (weight @ parts.T.astype(np.float64))[:, part.ravel()]
    n_obs = below if n is weight else n @ block.below.T.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        estimate = above / below
    empty = below <= 0
    estimate[empty] = np.nan
    note[empty] = NOBODY_MATCHED if (block.before < 0).all() else EMPTY
    return Figures(estimate, above, below, n_obs, n_missing, below, note)


# --- precision ------------------------------------------------------------------------------------


def precision_columns(
    flows: Flows, blocks: Sequence[Block], figures: Figures, notes: list[Any], is_share: np.ndarray
) -> dict[str, Any]:
    """Return standard errors and what goes with them; of a register nothing but the notes."""
    if flows.n_positive is None:
        return {"note": joined_notes(*notes)}
    n_cells = figures.estimate.shape[0]
    joint = joint_of(flows, blocks, figures)
    variance = joint.variance()
    estimate = figures.estimate.ravel()
    share = np.tile(is_share, n_cells)
    unvarying = share & ((estimate == 0) | (estimate == 1)) & ~joint.is_complete()
    variance[unvarying | np.isnan(estimate)] = np.nan
    se = np.sqrt(variance)
    df = np.where(np.isnan(estimate), np.nan, joint.df())
    ends = intervals(estimate, se, df, figures.n_obs.ravel(), share)
    with np.errstate(invalid="ignore", divide="ignore"):
        cv = np.where(estimate == 0, np.nan, se / np.abs(estimate))
    return {
        "se": se,
        "ci_low": ends.low,
        "ci_high": ends.high,
        "cv": cv,
        "df": df,
        "deff": variance / simple_variance(flows, blocks, figures),
        "n_psu": joint.n_psu(),
        "joint": joint,
        "note": joined_notes(
            *notes, (reasons_of(joint, estimate), REASONS), (ends.reason, INTERVAL_REASONS)
        ),
    }


def joint_of(flows: Flows, blocks: Sequence[Block], figures: Figures) -> Linearised | Replicated:
    """Return the figures with their covariance: linearised, or by replicates."""
    n_flows, estimate = flows.n_flows, figures.estimate.ravel()

    def of_flows(weight: Floats) -> Floats:
        parts = [figures_of_block(block, weight, weight).estimate for block in blocks]
        return np.hstack(parts)

    if flows.cells is None:
        return by_weights(flows, of_flows, estimate)
    totals = flows.cells.totals(len(figures.estimate) * n_flows)
    linear = totals.linearise(*combinations(blocks, figures, n_flows))
    if flows.cells.sample.design.replicates is None:
        return linear
    uses = np.vstack([b.above != 0 if b.below is None else b.below for b in blocks])
    return by_psu(flows, of_flows, estimate, uses, linear)


def reasons_of(joint: Linearised | Replicated, estimate: Floats) -> np.ndarray:
    """Return the number of what a note should say of the errors of each figure."""
    reason = np.zeros(len(estimate), dtype=np.int64)
    if isinstance(joint, Replicated):
        reason[:] = ENDLESS if joint.ignores_fpc else 0
        reason[joint.lacks > 0] = LEFT_OUT
    reason[joint.is_alone()] = ALONE
    reason[np.isnan(estimate)] = 0
    return reason


def simple_variance(flows: Flows, blocks: Sequence[Block], figures: Figures) -> Floats:
    """Return the variance of a simple random sample of as many rows; NaN of counts, and if none.

    A household that enters a state counts 1, one that leaves it -1 in `net`: so squares of scores
    add up to all flows above.
    """
    assert flows.n_positive is not None
    weight = flows.weight.reshape(-1, flows.n_flows)
    n_positive = flows.n_positive.reshape(weight.shape).astype(np.float64)
    columns = []
    for block in blocks:
        if block.below is None:
            columns.append(np.full((len(weight), len(block.before)), np.nan))
            continue
        square = weight @ np.abs(block.above.T.astype(np.float64))
        below = weight @ block.below.T.astype(np.float64)
        n = n_positive @ block.below.T.astype(np.float64)
        above = weight @ block.above.T.astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = (square / below - (above / below) ** 2) / (n - 1)
            if flows.request is not None and flows.request.design.deff != "replace":
                found = found * (1 - n / below)
        columns.append(np.where((n > 1) & (found > 0), found, np.nan))
    return np.hstack(columns).ravel()


def combinations(
    blocks: Sequence[Block], figures: Figures, n_flows: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return every figure as a linear combination of flows: (start, rows, weights)."""
    above = np.vstack([block.above for block in blocks]).astype(np.float64)
    is_ratio = np.repeat(
        [block.below is not None for block in blocks], [len(b.before) for b in blocks]
    )
    below = np.vstack([b.above if b.below is None else b.below for b in blocks])
    row, flow = np.nonzero(below)
    n_cells = figures.estimate.shape[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        derivative = (above[row, flow] - figures.estimate[:, row]) / figures.denominator[:, row]
    weights = np.where(is_ratio[row], derivative, above[row, flow])
    weights[np.isnan(weights)] = 0.0
    starts = np.concatenate(
        [[0], np.cumsum(np.tile(np.bincount(row, minlength=len(above)), n_cells))]
    )
    rows = np.arange(n_cells)[:, None] * n_flows + flow
    return starts, rows.ravel(), weights.ravel()


# --- wrap -----------------------------------------------------------------------------------------


def wrap(flows: Flows, blocks: Sequence[Block], measures: Sequence[str]) -> Estimates:
    """Lay the figures out as one row per group, pair of periods, measure and states."""
    figures = figures_of(flows, blocks)
    sizes = [len(block.before) for block in blocks]
    measure = pd.Categorical.from_codes(np.repeat(np.arange(len(sizes)), sizes), list(measures))
    width, n_pairs = sum(sizes), flows.waves.n_pairs
    n_cells = flows.n_groups * n_pairs
    is_share = np.isin(np.asarray(measure), ("rate", "exit_rate", "entry_rate"))
    pair = np.repeat(np.tile(np.arange(n_pairs), flows.n_groups), width)
    notes = [matched_notes(flows, width), (figures.note, NOTES), (pair, list(flows.notes))]
    keys = {
        name: levels.take(np.repeat(codes, n_pairs * width))
        for name, levels, codes in zip(flows.names, flows.levels, flows.codes, strict=True)
    }
    time = flows.waves.time
    keys[f"{time}_from"] = flows.waves.labels.take(pair)
    keys[f"{time}_to"] = flows.waves.labels.take(pair + 1)
    states = {
        f"{flows.states.name}_{side}": state_column(flows, blocks, side, n_cells)
        for side in ("from", "to")
    }
    return Estimates(
        keys,
        measure_keys=states,
        measure=pd.Categorical.from_codes(np.tile(measure.codes, n_cells), measure.categories),
        estimate=figures.estimate.ravel(),
        n_obs=figures.n_obs.ravel(),
        n_missing=figures.n_missing.ravel(),
        numerator=figures.numerator.ravel(),
        denominator=figures.denominator.ravel(),
        population=figures.population.ravel(),
        unit=flows.unit,
        standard=np.array(flows.standards, dtype=object)[pair],
        verb="transitions",
        meta=flows.meta,
        proportion=np.tile(is_share, n_cells),
        **precision_columns(flows, blocks, figures, notes, is_share),
    )


def state_column(flows: Flows, blocks: Sequence[Block], side: str, n_cells: int) -> pd.Categorical:
    """Return the state before or after of every row."""
    n_states, width = size_of(flows)
    code = np.concatenate([block.before if side == "from" else block.after for block in blocks])
    code = np.where(code == width - 1, n_states, code)
    return pd.Categorical.from_codes(np.tile(code, n_cells), dtype=flows.states.dtype)


def matched_notes(flows: Flows, width: int) -> tuple[np.ndarray, list[str]]:
    """Return the share of the earlier period's weight that was matched, in tenths of a percent."""
    start = flows.weight[:, :, :-1, :]
    total, matched = start.sum(axis=(2, 3)), start[..., :-1].sum(axis=(2, 3))
    share = np.zeros(total.shape)
    np.divide(matched, total, out=share, where=total > 0)
    permille = np.where(total > 0, np.floor(share * 1000 + 1e-9).astype(np.int64) + 1, 0)
    words = flows.waves.words()
    texts = [
        text
        for pair in range(flows.waves.n_pairs)
        for text in (
            f"no {flows.unit} in {words[pair]}",
            *(
                f"{tenths / 10:.1f} % of the {flows.unit} of {words[pair]} matched"
                for tenths in range(1001)
            ),
        )
    ]
    number = permille + np.arange(flows.waves.n_pairs) * 1002
    return np.repeat(number.ravel(), width).reshape(-1, width), texts
