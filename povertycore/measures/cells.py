"""Sums over cells by group: of weights, times a number for each profile.

A cell has a group, a profile and a weight; cells stand in the order of their groups. All sums of a
group are added in one order, with 0 for the cells that do not count: sums over the same cells are
equal to the last bit, whatever else is asked, and one over fewer cells is never larger.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from .. import _core

FACTORS_AT_ONCE = 2**22  # of 8 bytes each, that are held while the cells are passed over

Sums = tuple[np.ndarray, np.ndarray]  # groups x factors; groups x factors by bit x bits


def starts_of(group: np.ndarray, n_groups: int) -> np.ndarray:
    """Return where the cells of each group start among ascending codes, and where the last end."""
    codes = np.arange(n_groups + 1, dtype=group.dtype)
    return np.searchsorted(group, codes).astype(np.int64, copy=False)


def cell_sums(
    starts: np.ndarray,
    profile: np.ndarray,
    weight: np.ndarray,
    factors: Iterable[np.ndarray],
    n_profiles: int,
    *,
    n_by_bit: int = 0,
    n_bits: int = 0,
    mask: np.ndarray | None = None,
) -> Sums:
    """Add up the weights of the cells times each factor, a number per profile.

    Of the first `n_by_bit` factors also by bit: over the cells whose profile has it. `mask` has the
    bits of the profiles, where they are not those of their numbers.
    """
    cells = _core.column_array(profile), _core.column_array(weight)
    n_groups = len(starts) - 1
    sums, by_bit = [np.zeros((n_groups, 0))], [np.zeros((n_groups, 0, n_bits))]
    for some in held_at_once(factors, n_profiles):
        n_left = n_by_bit - sum(part.shape[1] for part in by_bit)
        one, other = _core.cell_sums(
            starts, *cells, some, n_by_bit=min(n_left, len(some)), n_bits=n_bits, mask=mask
        )
        sums.append(one)
        by_bit.append(other)
    return joined(sums), joined(by_bit)


def held_at_once(factors: Iterable[np.ndarray], n_profiles: int) -> Iterator[np.ndarray]:
    """Lay factors out below each other, as many at a time as may be held."""
    rest = iter(factors)
    while some := list(islice(rest, max(FACTORS_AT_ONCE // max(n_profiles, 1), 1))):
        matrix = np.empty((len(some), n_profiles))
        for place, factor in enumerate(some):
            matrix[place] = factor
        yield matrix


def joined(parts: list[np.ndarray]) -> np.ndarray:
    """Put sums beside each other; the first part is empty."""
    return parts[1] if len(parts) == 2 else np.concatenate(parts, axis=1)


def added_by_group(starts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Add values of the cells by group; whole numbers, below 2^53, give whole numbers."""
    no_profile = np.broadcast_to(np.uint8(0), len(values))
    sums, _ = cell_sums(starts, no_profile, values, [np.ones(1)], 1)
    return sums[:, 0].astype(values.dtype, copy=False)
