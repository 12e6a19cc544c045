"""The measures: each is columns of the result, made of sums by group.

A slot is one of such columns: a scheme, a cut-off and a place, where the places are the whole, the
dimensions and the indicators.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from .multidim_sums import POWER, Ask, Sums
from .scores import NOTHING, difference_of_products, note_of, quotient
from .spec import Spec
from .tables import Table, added, sorted_groups


@dataclass(frozen=True, eq=False)
class Parts:
    """The sums that a figure is made of, groups x slots: they add up over sampling units.

    A ratio is above / below and a total above. A share is above over that of a larger group, and
    below is above. A variance is (above - centre^2 / below) / below.
    """

    kind: str  # ratio, total, share, variance
    above: np.ndarray
    below: np.ndarray
    centre: np.ndarray | None = None
    # Sums of above^2, above x below and below^2 over rows; None: both are sums of 0 and 1.
    moments: tuple[Any, Any, Any] | None = None
    # Rows of positive weight and population that a share is of; None: those of the block.
    rows: tuple[np.ndarray, np.ndarray] | None = None


@dataclass(frozen=True, eq=False)
class Block:
    """The figures of one measure: groups x slots; a slot is a scheme, cut-off and place."""

    measure: str
    scheme: np.ndarray  # (slots,) -1: does not depend on it
    cut: np.ndarray  # (slots,) place among `Ask.cuts`, -1: does not depend on it
    place: np.ndarray  # (slots,) place among `places`: the whole, dimensions, indicators
    estimate: np.ndarray
    numerator: np.ndarray
    denominator: np.ndarray
    n_obs: np.ndarray
    population: np.ndarray
    note: np.ndarray
    n_positive: np.ndarray  # rows of positive weight
    parts: Parts


def places(spec: Spec) -> tuple[np.ndarray, np.ndarray]:
    """Return the dimension and indicator of each place, -1 where missing.

    The whole comes first, then each dimension and after it its indicators.
    """
    dimension, indicator = [-1], [-1]
    for d, members in enumerate(spec.dimensions.values()):
        dimension += [d] * (1 + len(members))
        indicator += [-1, *(spec.ids.index(name) for name in members)]
    return np.array(dimension), np.array(indicator)


def place_of_indicators(spec: Spec) -> np.ndarray:
    """Return the place of each indicator."""
    _, indicator = places(spec)
    return np.argsort(indicator, kind="stable")[-len(spec.ids) :]


def place_of_dimensions(spec: Spec) -> np.ndarray:
    """Return the place of each dimension."""
    dimension, indicator = places(spec)
    return np.flatnonzero((indicator < 0) & (dimension >= 0))


def slots_of_cuts(ask: Ask, place: np.ndarray) -> dict[str, np.ndarray]:
    """Return slots for each cut-off and place."""
    scheme = np.array([s for s, _ in ask.cuts])
    return {
        "scheme": np.repeat(scheme, len(place)),
        "cut": np.repeat(np.arange(len(scheme)), len(place)),
        "place": np.tile(place, len(scheme)),
    }


def slots_without_cut(scheme: Any, place: Any) -> dict[str, np.ndarray]:
    """Return slots that no cut-off applies to."""
    return {"scheme": np.array(scheme), "cut": np.full(len(scheme), -1), "place": np.array(place)}


WHOLE = np.zeros(1, dtype=np.int64)


def block(
    sums: Sums,
    measure: str,
    slots: Mapping[str, np.ndarray],
    estimate: np.ndarray,
    numerator: Any = np.nan,
    denominator: Any = np.nan,
    *,
    nobody: Any = False,
    known: bool = False,
    parts: Parts | None = None,
) -> Block:
    """Make the columns of a measure: NaN with a note where a group has nothing to measure.

    `nobody` says where no poor are the reason; with `known` the rows used are those that know the
    indicator. Without `parts` the figure is the ratio of its numerator and denominator.
    """
    shape = estimate.shape
    width = shape[1] // sums["known"].shape[1] if known else shape[1]
    n_obs = repeated(sums["known_n"] if known else sums["n_obs"], width)
    population = repeated(sums["known"] if known else sums["population"], width)
    n_positive = repeated(sums["known_positive"] if known else sums["n_positive"], width)
    note = note_of(sums.table, n_obs, population, nobody)
    numerator, denominator = (np.broadcast_to(part, shape) for part in (numerator, denominator))
    is_known = note == NOTHING
    return Block(
        measure,
        **slots,
        estimate=estimate if is_known.all() else np.where(is_known, estimate, np.nan),
        numerator=numerator,
        denominator=denominator,
        n_obs=n_obs,
        population=population,
        note=note,
        n_positive=n_positive,
        parts=parts or Parts("ratio", numerator, denominator),
    )


def repeated(values: np.ndarray, width: int) -> np.ndarray:
    """Return columns `width` times beside each other, without a copy where they are one."""
    n_groups, n = values.shape
    return np.broadcast_to(values[:, None], (n_groups, width, n)).reshape(n_groups, width * n)


def by_cut(sums: Sums, ask: Ask) -> np.ndarray:
    """Return the unit of the scores of each cut-off."""
    return sums.unit[[s for s, _ in ask.cuts]]


def headcount_ratio(sums: Sums, ask: Ask) -> list[Block]:
    """Return H, the share of the poor."""
    poor, population = sums["poor"], sums["population"]
    estimate = quotient(poor, population)
    return [block(sums, "H", slots_of_cuts(ask, WHOLE), estimate, poor, population)]


def intensity(sums: Sums, ask: Ask) -> list[Block]:
    """Return A, the mean score of the poor."""
    unit, poor = by_cut(sums, ask), sums["poor"]
    estimate, score = quotient(sums["score"], poor * unit), sums["score"] / unit
    slots = slots_of_cuts(ask, WHOLE)
    parts = Parts("ratio", score, poor, moments=of_squares(sums, ask, score, poor))
    return [block(sums, "A", slots, estimate, score, poor, nobody=poor == 0, parts=parts)]


def adjusted_headcount(sums: Sums, ask: Ask) -> list[Block]:
    """Return M0, the mean of the scores, those of the others than the poor taken as 0."""
    unit = by_cut(sums, ask)
    estimate, score = quotient(sums["score"], sums["population"] * unit), sums["score"] / unit
    population = np.broadcast_to(sums["population"], score.shape)
    slots = slots_of_cuts(ask, WHOLE)
    parts = Parts("ratio", score, population, moments=of_squares(sums, ask, score, population))
    return [block(sums, "M0", slots, estimate, score, population, parts=parts)]


def of_squares(sums: Sums, ask: Ask, cross: Any, below: Any) -> tuple[Any, Any, Any] | None:
    """Return the moments of a ratio whose numerator is the score of the poor."""
    if "score_square" not in sums.table.sums:
        return None
    return sums["score_square"] / by_cut(sums, ask) ** 2, cross, below


UNKNOWN = (np.nan, np.nan, np.nan)  # moments that sums by cell do not tell


def number_of_poor(sums: Sums, ask: Ask) -> list[Block]:
    """Return n_poor, the weight of the poor."""
    poor = sums["poor"]
    parts = Parts("total", poor, np.broadcast_to(sums["population"], poor.shape))
    return [block(sums, "n_poor", slots_of_cuts(ask, WHOLE), poor, parts=parts)]


def variance(sums: Sums, ask: Ask) -> list[Block]:
    """Return variance, that of the scores c = k + d among the poor.

    It is that of d: (W sum w d^2 - (sum w d)^2) / W^2.
    """
    poor, unit = sums["poor"], by_cut(sums, ask)
    spread = difference_of_products(poor, sums["square"], sums["above"], sums["above"])
    estimate = quotient(np.maximum(spread, 0.0), (poor * unit) ** 2)
    slots = slots_of_cuts(ask, WHOLE)
    square, centre = sums["square"] / unit**2, sums["above"] / unit
    parts = Parts("variance", square, poor, centre, moments=UNKNOWN)
    return [block(sums, "variance", slots, estimate, nobody=poor == 0, parts=parts)]


def share_of(word: str, sums: Sums, ask: Ask) -> list[Block]:
    """Return union, intersection, the share deprived in any, or in all, of the indicators."""
    population = sums["population"]
    slots = slots_without_cut([-1], [0])
    return [block(sums, word, slots, quotient(sums[word], population), sums[word], population)]


def band_share(name: str, sums: Sums, ask: Ask) -> list[Block]:
    """Return the share with a score within a band."""
    inside, population = sums[f"band {name}"], sums["population"]
    n_schemes = len(ask.schemes)
    slots = slots_without_cut(range(n_schemes), [0] * n_schemes)
    return [block(sums, name, slots, quotient(inside, population), inside, population)]


def uncensored(sums: Sums, ask: Ask) -> list[Block]:
    """Return headcount, the share deprived in each indicator, poor or not."""
    place = place_of_indicators(ask.spec)
    slots = slots_without_cut([-1] * len(place), place)
    deprived, known = sums["deprived"], sums["known"]
    estimate = quotient(deprived, known)
    return [block(sums, "headcount", slots, estimate, deprived, known, known=True)]


def censored(sums: Sums, ask: Ask) -> list[Block]:
    """Return censored_headcount, the share poor and deprived in each indicator."""
    both = flat(sums["censored"])
    known = repeated(sums["known"], len(ask.cuts))
    slots = slots_of_cuts(ask, place_of_indicators(ask.spec))
    estimate = quotient(both, known)
    return [block(sums, "censored_headcount", slots, estimate, both, known, known=True)]


def flat(values: np.ndarray) -> np.ndarray:
    """Return groups x cuts x places as groups x slots."""
    return values.reshape(len(values), math.prod(values.shape[1:]))


def score_shares(sums: Sums, ask: Ask) -> tuple[np.ndarray, np.ndarray]:
    """Return what each dimension and each indicator adds to the scores of the poor."""
    n = len(ask.spec.dimensions)
    return sums["part"][..., :n], sums["part"][..., n:]


def contributions(sums: Sums, ask: Ask) -> list[Block]:
    """Return contribution, what a dimension or indicator adds to M0, as a share of it."""
    total, unit = sums["score"][..., None], by_cut(sums, ask)[:, None]
    square, cross = part_moments(sums, ask)
    below = None if square is None else sums["score_square"][..., None] / unit**2
    blocks = []
    for d, (shares, place) in enumerate(
        zip(score_shares(sums, ask), both_places(ask.spec), strict=True)
    ):
        whole = np.broadcast_to(total, shares.shape)
        above, beneath, moments = flat(shares / unit), flat(whole / unit), None
        if square is not None and cross is not None and below is not None:
            everywhere = np.broadcast_to(below, shares.shape)
            moments = (flat(square[d]), flat(cross[d]), flat(everywhere))
        blocks.append(
            block(
                sums,
                "contribution",
                slots_of_cuts(ask, place),
                flat(quotient(shares, whole)),
                above,
                beneath,
                nobody=flat(whole == 0),
                parts=Parts("ratio", above, beneath, moments=moments),
            )
        )
    return blocks


def absolute_contributions(sums: Sums, ask: Ask) -> list[Block]:
    """Return contribution_absolute, what a dimension or indicator adds to M0."""
    unit, population = by_cut(sums, ask)[:, None], sums["population"][..., None]
    square, _ = part_moments(sums, ask)
    blocks = []
    for d, (shares, place) in enumerate(
        zip(score_shares(sums, ask), both_places(ask.spec), strict=True)
    ):
        above, below = flat(shares / unit), flat(np.broadcast_to(population, shares.shape))
        moments = None if square is None else (flat(square[d]), above, below)
        blocks.append(
            block(
                sums,
                "contribution_absolute",
                slots_of_cuts(ask, place),
                flat(quotient(shares, population * unit)),
                above,
                below,
                parts=Parts("ratio", above, below, moments=moments),
            )
        )
    return blocks


def part_moments(sums: Sums, ask: Ask) -> tuple[list[np.ndarray] | None, list[np.ndarray] | None]:
    """Return the sums of p^2 and p c, p being what a dimension, or an indicator, adds to c."""
    if "part_square" not in sums.table.sums:
        return None, None
    unit, n = by_cut(sums, ask)[:, None], len(ask.spec.dimensions)
    square, cross = sums["part_square"] / unit**2, sums["part_score"] / unit**2
    return [square[..., :n], square[..., n:]], [cross[..., :n], cross[..., n:]]


def both_places(spec: Spec) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of the dimensions and of the indicators."""
    return place_of_dimensions(spec), place_of_indicators(spec)


def subgroup_contribution(sums: Sums, ask: Ask) -> list[Block]:
    """Return subgroup_contribution, what a group adds to M0, as a share of it."""
    whole, unit = of_reference(sums, ask, sums["score"]), by_cut(sums, ask)
    above, moments = sums["score"] / unit, None
    if "score_square" in sums.table.sums:
        square = sums["score_square"] / unit**2
        moments = (square, square, of_reference(sums, ask, square))
    return [
        block(
            sums,
            "subgroup_contribution",
            slots_of_cuts(ask, WHOLE),
            quotient(sums["score"], whole),
            above,
            whole / unit,
            nobody=whole == 0,
            parts=Parts("share", above, above, moments=moments, rows=rows_shared(sums, ask)),
        )
    ]


def population_share(sums: Sums, ask: Ask) -> list[Block]:
    """Return population_share, the group's share of the measured population."""
    population = sums["population"]
    whole = of_reference(sums, ask, population)
    estimate = quotient(population, whole)
    slots = slots_without_cut([-1], [0])
    parts = Parts(
        "share",
        population,
        population,
        moments=(population, population, whole),
        rows=rows_shared(sums, ask),
    )
    return [block(sums, "population_share", slots, estimate, population, whole, parts=parts)]


def rows_shared(sums: Sums, ask: Ask) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of positive weight, and their weight, that a group's share is of."""
    n_positive, population = sums["n_positive"], sums["population"]
    return of_reference(sums, ask, n_positive), of_reference(sums, ask, population)


def of_reference(sums: Sums, ask: Ask, values: np.ndarray) -> np.ndarray:
    """Return the sum that a group is a share of: its row of totals where there is one, else all."""
    if not ask.totals:
        return np.broadcast_to(values.sum(axis=0), values.shape)
    group, single = references(sums.table, ask)
    n_larger = int(group.max(initial=0)) + 1
    return np.asarray(added(group[single], n_larger, values[single])[group])


def references(table: Table, ask: Ask) -> tuple[np.ndarray, np.ndarray]:
    """Return which larger group each group is a share of, and which are no rows of totals."""
    group = np.zeros(table.n_groups, dtype=np.int64)
    if not ask.totals:
        return group, np.ones(table.n_groups, dtype=bool)
    last = [table.codes[j] == len(table.levels[j]) - 1 for j in ask.totals]
    others = [code for j, code in enumerate(table.codes) if j not in ask.totals]
    if others:
        _, group = sorted_groups(others)
    return group, ~np.logical_or.reduce(last)


def gap_measure(alpha: float, sums: Sums, ask: Ask) -> list[Block]:
    """M1, M2, ...: the mean of the weighted gaps of the poor, to a power."""
    unit, population = by_cut(sums, ask), sums["population"]
    gaps = sums[f"gap {alpha!r}"]
    estimate, above = quotient(gaps, population * unit), gaps / unit
    slots = slots_of_cuts(ask, WHOLE)
    parts = Parts("ratio", above, np.broadcast_to(population, above.shape), moments=UNKNOWN)
    return [block(sums, f"M{alpha:g}", slots, estimate, above, population, parts=parts)]


Measure = Callable[[Sums, Ask], list[Block]]
MEASURES: dict[str, Measure] = {
    "H": headcount_ratio,
    "A": intensity,
    "M0": adjusted_headcount,
    "n_poor": number_of_poor,
    "variance": variance,
    "headcount": uncensored,
    "censored_headcount": censored,
    "contribution": contributions,
    "contribution_absolute": absolute_contributions,
    "subgroup_contribution": subgroup_contribution,
    "population_share": population_share,
    "union": partial(share_of, "union"),
    "intersection": partial(share_of, "intersection"),
}


def blocks_of(name: str, sums: Sums, ask: Ask) -> list[Block]:
    """Return the columns of a measure by its name."""
    if name in ask.bands:
        return band_share(name, sums, ask)
    power = POWER.fullmatch(name)
    if power and float(power[1]):
        return [replace(one, measure=name) for one in gap_measure(float(power[1]), sums, ask)]
    return MEASURES["M0" if power else name](sums, ask)
