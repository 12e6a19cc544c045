"""Figures of a table in every replicate: of replicates made by PSU, and of columns of weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from .. import _core
from ..design import Design
from ..errors import DesignError
from ..inputs import Frame
from ..replicates import Replicated, deviations, made_replicates, scales_of
from ..sampling import Linearised, Sample, design_error
from .precision import Cells, Figures

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MORE_SUMS = 16  # than replicates, into which rows are mixed to find the rank of their weights
SMALLEST_SINGULAR = 1e-7  # of the largest: below it two replicate weights are alike


# ---- made by PSU --------------------------------------------------------------------------------


def made(sample: Sample, figures: Figures, parts: Linearised) -> Replicated:
    """Return the figures in the replicates that the design asks to make.

    Totals by PSU times the factors of the replicates give the totals of each, and their ratio is
    the figure. `parts` are the linearised figures, which count PSUs and degrees of freedom.
    """
    asked = sample.design.replicates
    if asked is None:
        raise DesignError("the design has no replicates")
    factors = made_replicates(sample)
    n_groups, width = figures.estimate.shape
    slots = slots_of(figures)
    deviation, lacks = [np.zeros(0)] * width, np.zeros((n_groups, width), dtype=np.int64)
    for slot in range(width):
        above, below, held = (
            by_psu(sample, slots[slot], n_groups, word)
            for word in ("numerator", "denominator", "population")
        )
        theta, whole = ratios(figures, slot, factors.totals, above, below)
        counts = factors.in_period(held > 0)
        lacks[:, slot] = np.isnan(theta).sum(axis=1)
        deviation[slot] = factors.by_label(
            deviations(theta, whole, factors.scale, asked.mse, counts)
        )
    by_row = np.stack(deviation, axis=1).reshape(n_groups * width, -1)
    by_row[~np.isfinite(figures.estimate.ravel()) | parts.is_alone()] = np.nan
    return Replicated(
        by_row,
        factors.most_df,
        parts,
        given_df=asked.df is not None,
        lacks=lacks.ravel(),
        ignores_fpc=factors.ignores_fpc,
    )


def slots_of(figures: Figures) -> dict[int, list[tuple[Cells, int, int]]]:
    """Return the cells of each slot: with their column in them, and the group they start at."""
    found: dict[int, list[tuple[Cells, int, int]]] = {
        slot: [] for slot in range(figures.estimate.shape[1])
    }
    for cells, first in figures.cells:
        for i, slot in enumerate(cells.slots.tolist()):
            found[slot].append((cells, i, first))
    return found


def by_psu(
    sample: Sample, cells: Sequence[tuple[Cells, int, int]], n_groups: int, word: str
) -> Floats:
    """Return the totals of one slot, shape (groups, n_psu)."""
    totals = np.zeros(n_groups * sample.n_psu)
    for part, i, first in cells:
        at = (first + part.group_of_cell) * sample.n_psu + sample.psu_of_unit[part.unit]
        totals += np.bincount(at, getattr(part, word)[:, i], len(totals))
    return totals.reshape(n_groups, sample.n_psu)


def ratios(
    figures: Figures,
    slot: int,
    totals: Callable[[Floats], Floats],
    above: Floats,
    below: Floats,
) -> tuple[Floats, Floats]:
    """Return the figures of a slot in each replicate, and in the full sample.

    What is centred is so in both, which changes no deviation.
    """
    numerator, whole = totals(above), above.sum(axis=1)
    if figures.is_total[slot]:
        return numerator, whole
    if figures.known_denominator:
        known = figures.denominator[:, slot]
        return quotient(numerator, known[:, None]), quotient(whole, known)
    return quotient(numerator, totals(below)), quotient(whole, below.sum(axis=1))


def quotient(above: Floats, below: Floats) -> Floats:
    """Return above / below; NaN where nothing is below, up to the rounding of sums."""
    least = 1e-12 * np.abs(below).max(initial=0.0)
    out = np.full(np.broadcast_shapes(above.shape, below.shape), np.nan)
    return np.asarray(np.divide(above, below, out=out, where=np.abs(below) > least))


# ---- columns of weights -------------------------------------------------------------------------


def weight_columns(frame: Frame, design: Design) -> tuple[str, ...]:
    """Return the names of the columns of replicate weights, none if the design names none."""
    asked = design.replicates
    if asked is None:
        return ()
    if asked.weights is None:
        if design.strata is None and design.psu is None:
            raise design_error(
                "replicates",
                "replicates are made from strata= and psu= (psu='row' for a sample of rows); name"
                " them, or columns of replicate weights",
            )
        return ()
    if design.weight is None:
        raise design_error("weight", "replicate weights need weight=, that of the full sample")
    scales_of(asked, len(asked.weights))  # refuses a kind that lacks its factors
    return tuple(asked.weights)


def from_columns(
    frame: Frame, design: Design, again: Sequence[Floats], estimate: Floats
) -> Replicated:
    """Return estimates with their covariance, from those under each column of replicate weights."""
    asked = design.replicates
    if asked is None or asked.weights is None:
        raise DesignError("the design names no columns of replicate weights")
    theta = np.column_stack(again)
    found = deviations(theta, estimate, scales_of(asked, len(again)), asked.mse)
    lacks = np.isnan(theta).sum(axis=1)
    given = asked.df if asked.df is not None else design.df
    if isinstance(given, int | float):
        return Replicated(found, float(given), given_df=True, lacks=lacks)
    return Replicated(found, float(rank_of(frame, asked.weights) - 1), lacks=lacks)


def figures_of(sums: Mapping[str, Floats], is_total: npt.NDArray[np.bool_]) -> Floats:
    """Return the figures, (groups, slots), of sums under one column: totals, or their ratios."""
    return np.where(is_total, sums["numerator"], quotient(sums["numerator"], sums["denominator"]))


def rank_of(frame: Frame, weights: Sequence[str]) -> int:
    """Return the rank of the matrix of replicate weights, rows by replicates.

    The rows are mixed, with random weights, into a few more sums than there are replicates: these
    have the same rank. They are dealt in turn, to a prime number of sums, so that no order of the
    rows keeps any away from the others.
    """
    n_sums = len(weights) + MORE_SUMS
    while any(n_sums % d == 0 for d in range(2, int(n_sums**0.5) + 1)):
        n_sums += 1
    bucket = np.arange(frame.n, dtype=np.int64) % n_sums
    mixing = np.random.default_rng(frame.n).random(frame.n) + 0.5
    raw = _core.total(
        frame.n,
        [_core.column_array(bucket, name="bucket")],
        weight=_core.column_array(mixing, name="mixing"),
        values=[frame.measured(name).column for name in weights],
    )
    singular = np.linalg.svd(raw["sums"], compute_uv=False)
    return int((singular > SMALLEST_SINGULAR * singular.max(initial=0.0)).sum())
