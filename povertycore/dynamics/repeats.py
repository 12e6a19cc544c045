"""Transitions in every replicate: made by PSU, or by columns of replicate weights.

A figure of transitions is a sum of flows or a ratio of two such sums, so the flows in a replicate
give the figure in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..measures.replicated import from_columns
from ..replicates import Replicated, deviations, made_replicates
from ..sampling import Linearised
from .flows import Flows

Floats = npt.NDArray[np.float64]

ROUNDING = 1e-12  # a part of the whole that is left when all of it was taken away

# From flows, (cells, flows), the figures of each cell and row.
OfFlows = Callable[[Floats], Floats]


def by_weights(flows: Flows, figures_of: OfFlows, estimate: Floats) -> Replicated:
    """Return figures with their covariance, from the flows under each column of weights."""
    assert flows.request is not None
    again = [figures_of(weight.reshape(-1, flows.n_flows)).ravel() for weight in flows.again]
    return from_columns(flows.request.frame, flows.request.design, again, estimate)


def by_psu(
    flows: Flows,
    figures_of: OfFlows,
    estimate: Floats,
    uses: npt.NDArray[np.bool_],
    parts: Linearised,
) -> Replicated:
    """Return figures in the replicates that the design asks to make.

    Totals of each flow by PSU times the factors of the replicates are its totals in these. `uses`
    says which flows each row counts; `parts` are the linearised figures.
    """
    assert flows.cells is not None
    cells = flows.cells
    # The unit of each row of the file is not asked any more.
    sample = replace(cells.sample, rows=None)
    asked, factors = sample.design.replicates, made_replicates(sample)
    assert asked is not None
    n_cells = len(estimate) // len(uses)
    at = cells.flow * sample.n_psu + sample.psu_of_unit[cells.unit]
    n_totals = n_cells * flows.n_flows * sample.n_psu
    totals = np.bincount(at, cells.weight, n_totals).astype(np.float64)
    totals = totals.reshape(n_cells, flows.n_flows, sample.n_psu)
    found, lacks = [], []
    for cell, of_psu in enumerate(totals):
        again = factors.totals(of_psu)
        again[np.abs(again) <= ROUNDING * of_psu.sum(axis=1, keepdims=True)] = 0.0
        theta = figures_of(again.T).T
        held = uses.astype(np.float64) @ of_psu > 0
        whole = estimate[cell * len(uses) : (cell + 1) * len(uses)]
        own = deviations(theta, whole, factors.scale, asked.mse, factors.in_period(held))
        found.append(factors.by_label(own))
        lacks.append(np.isnan(theta).sum(axis=1))
    by_row = np.concatenate(found) if found else np.zeros((0, 0))
    by_row[~np.isfinite(estimate) | parts.is_alone()] = np.nan
    return Replicated(
        by_row,
        factors.most_df,
        parts,
        given_df=asked.df is not None,
        lacks=np.concatenate(lacks) if lacks else np.zeros(0, np.int64),
        ignores_fpc=factors.ignores_fpc,
    )
