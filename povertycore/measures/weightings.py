"""Weightings to compare: a specification's own, those of a grid, and those drawn at random."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from math import comb, lcm
from typing import Any

import numpy as np

from ..errors import LimitError, unknown_option
from .multidim import reweighted_spec
from .scores import Scheme, scheme_of
from .spec import Spec, as_fraction
from .tables import option_error

DRAWN = 10**6  # drawn weights are multiples of 1/DRAWN
MOST_WEIGHTINGS = 1_000_000


@dataclass(frozen=True)
class Weighting:
    """A weighting, its name being that of its scheme, and where it comes from."""

    kind: str  # baseline, scheme, given, grid, draw
    scheme: Scheme


def of_the_spec(spec: Spec, weights: Mapping[str, Any] | None) -> list[Weighting]:
    """Return the spec's own schemes, the baseline first, and those given."""
    first, *others = (scheme_of(spec, name, ()) for name in spec.schemes)
    given = []
    for name, values in (weights or {}).items():
        if not isinstance(values, Mapping):
            raise option_error(
                "weights",
                f"weights maps names to weightings, as {{'equal': {{'health': '1/2', ...}}}};"
                f" found {type(values).__name__} under {name!r}",
            )
        other = reweighted_spec(spec, values)
        given.append(replace(scheme_of(other, next(iter(other.schemes)), ()), name=str(name)))
    return [
        Weighting("baseline", first),
        *(Weighting("scheme", scheme) for scheme in others),
        *(Weighting("given", scheme) for scheme in given),
    ]


def grid_of(spec: Spec, step: Any, vary: str) -> list[Weighting]:
    """Return all weightings whose weights are multiples of a step."""
    if step is None:
        return []
    fraction = as_fraction(step)
    if fraction <= 0 or fraction.numerator != 1:
        raise option_error("step", f"step must divide 1, as 1/10 does; found {fraction}")
    parts, n = fraction.denominator, len(shares_of(spec, vary)[0])
    if comb(parts + n - 1, n - 1) > MOST_WEIGHTINGS:
        raise too_many(comb(parts + n - 1, n - 1))
    # n parts that sum to a whole are what lies between n - 1 bars among as many places.
    bars = combinations(range(parts + n - 1), n - 1)
    points = (np.diff([-1, *places, parts + n - 1]) - 1 for places in bars)
    return spread_out(spec, vary, points, parts, "grid")


def too_many(n: int) -> LimitError:
    """Return the error for more weightings than are taken."""
    return LimitError(
        f"{n:,} weightings are more than {MOST_WEIGHTINGS:,}; take a larger step or fewer draws"
    )


def drawn(spec: Spec, draws: int | None, alpha: float, rng: Any, vary: str) -> list[Weighting]:
    """Return weightings drawn from a Dirichlet distribution."""
    if draws is None:
        return []
    if draws < 1:
        raise option_error("draws", f"draws must be at least 1, found {draws!r}")
    if not 0 < alpha < np.inf:
        raise option_error("alpha", f"alpha must be above 0 and finite, found {alpha!r}")
    if draws > MOST_WEIGHTINGS:
        raise too_many(draws)
    n = len(shares_of(spec, vary)[0])
    fractions = np.random.default_rng(rng).dirichlet(np.full(n, float(alpha)), draws)
    return spread_out(spec, vary, rounded(fractions, DRAWN), DRAWN, "draw")


def rounded(fractions: np.ndarray, parts: int) -> np.ndarray:
    """Round fractions that sum to 1 to parts of a whole, the largest remainders up."""
    exact = fractions * parts
    whole = np.floor(exact).astype(np.int64)
    rank = np.argsort(np.argsort(whole - exact, axis=1, kind="stable"), axis=1, kind="stable")
    short = parts - whole.sum(axis=1, keepdims=True)
    parts_of_each: np.ndarray = whole + (rank < short)
    return parts_of_each


def shares_of(spec: Spec, vary: str) -> tuple[list[list[int]], list[Fraction]]:
    """Return the places of the indicators that vary together, and the share of each in them."""
    if vary == "indicators":
        n = len(spec.ids)
        return [[j] for j in range(n)], [Fraction(1)] * n
    if vary != "dimensions":
        raise unknown_option("vary", vary, ["dimensions", "indicators"])
    place = {name: j for j, name in enumerate(spec.ids)}
    members = [[place[name] for name in names] for names in spec.dimensions.values()]
    weights = spec.schemes[next(iter(spec.schemes))]
    shares = [Fraction(0)] * len(place)
    for inside in members:
        whole = sum(weights[j] for j in inside)
        for j in inside:
            shares[j] = weights[j] / whole if whole else Fraction(1, len(inside))
    return members, shares


def spread_out(
    spec: Spec, vary: str, points: Iterable[np.ndarray], parts: int, kind: str
) -> list[Weighting]:
    """Divide the weight of what varies, in parts of a whole, among the indicators."""
    members, shares = shares_of(spec, vary)
    common = lcm(*(share.denominator for share in shares))
    factor = [int(share * common) for share in shares]
    of_indicator = [0] * len(factor)
    for d, inside in enumerate(members):
        for j in inside:
            of_indicator[j] = d
    return [
        Weighting(
            kind,
            Scheme(
                f"{kind} {number}",
                tuple(int(point[d]) * f for d, f in zip(of_indicator, factor, strict=True)),
                parts * common,
                (),
            ),
        )
        for number, point in enumerate(points, 1)
    ]
