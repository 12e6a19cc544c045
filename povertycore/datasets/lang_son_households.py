"""The households of the synthetic Lạng Sơn register and their states in 2021 and 2022.

The published figures fix how many households of each group are poor in each year. Two tables of
moves, one for ethnic minority and one for Kinh households, carry the groups from 2021 to 2022;
which household makes which move is drawn.

Draws are made by order sampling: each household gets the key u / weight, u uniform, and the n
smallest keys are taken. That meets every total exactly, and it uses only random numbers,
products and quotients, so a seed gives the same register on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from povertycore.datasets.lang_son_places import (
    KINH,
    N_COMMUNES,
    N_VILLAGES,
    Flags,
    Ints,
    Numbers,
    Places,
)

__all__ = ["ABSENT", "NEAR_POOR", "OTHER", "POOR", "Households", "draw_households", "pick"]

POOR, NEAR_POOR, OTHER, ABSENT = range(4)

# Households by state in 2021 (rows) and in 2022 (columns): poor, near-poor, other, absent.
# Published sums: all households 192,705 and 196,150, of them poor 23,511 and 17,497; near-poor
# 23,247 in 2021; minority households 157,019 and 159,826, of them poor 22,333 and 16,664. Every
# single cell is invented, and so is the sum of the near-poor of 2022, 22,036.
MINORITY_MOVES = np.array(
    [
        [14_153, 5_230, 2_640, 310],
        [1_080, 13_216, 6_450, 240],
        [1_251, 1_206, 109_893, 1_350],
        [180, 170, 4_357, 0],
    ]
)
KINH_MOVES = np.array(
    [
        [710, 226, 214, 28],
        [52, 1_759, 420, 30],
        [58, 199, 31_638, 352],
        [13, 30, 1_005, 0],
    ]
)
# Households that stay in the register but go to another place of the province.
MINORITY_MOVED, KINH_MOVED = 700, 200

# Among the communes with most poor some are set back and some lag behind.
UNEVEN_COMMUNES, SETBACK_COMMUNES, LAGGING_COMMUNES = 120, 14, 50

# Shares of households of 1, 2, ... 10 members.
SIZE_MINORITY = (0.045, 0.09, 0.17, 0.31, 0.205, 0.11, 0.04, 0.018, 0.008, 0.004)
SIZE_KINH = (0.09, 0.16, 0.22, 0.30, 0.145, 0.06, 0.017, 0.005, 0.002, 0.001)

# How likely a household is to be poor, by members (0 to 11) and by ethnicity.
SIZE_NEED = np.array([0, 0.9, 0.85, 0.8, 0.85, 1.05, 1.25, 1.5, 1.7, 1.8, 1.9, 2.0])
ETHNICITY_NEED = np.array([1.0, 1.1, 1.0, 1.8, 1.3, 0.7, 2.6])
URBAN_NEED = 0.22


class Households:
    """Every household that is in the register in 2021 or 2022; those of 2021 come first.

    Attributes
    ----------
    ethnicity : ndarray of int, shape (n,)
        Position in `ETHNICITIES`.
    minority, female, poor_before : ndarray of bool, shape (n,)
        Not Kinh; head is a woman; on the list of poor households in a year before 2021.
    village, size, state : ndarray of int, shape (2, n)
        Position of the village, members, and POOR, NEAR_POOR, OTHER or ABSENT, in both years.
    """

    ethnicity: Ints
    minority: Flags
    female: Flags
    poor_before: Flags
    village: Ints
    size: Ints
    state: Ints

    def __len__(self) -> int:
        return len(self.ethnicity)


def draw_households(stream: np.random.Generator, places: Places) -> Households:
    """Draw the households: where they live, who they are, what they are in both years."""
    homes = Households()
    _settle(homes, stream, places)
    _form(homes, stream)
    need = _need(homes, stream, places)
    homes.state = np.full((2, len(homes)), ABSENT)
    _set_states_2021(homes, stream, need)
    _set_states_2022(homes, stream, places, need)
    _move_home(homes, stream)
    homes.poor_before = stream.random(len(homes)) < _listed_before(homes.state)
    return homes


def pick(u: Numbers, shares: Sequence[float]) -> Ints:
    """Turn uniform numbers into positions 0, 1, ... that have the given shares.

    >>> pick(np.array([0.0, 0.1, 0.2, 0.9]), [0.2, 0.3, 0.5])
    array([0, 0, 1, 2])
    """
    return np.searchsorted(np.cumsum(shares)[:-1], u, side="right")


def _settle(homes: Households, stream: np.random.Generator, places: Places) -> None:
    """Draw villages and ethnicity. Who joins in 2022 resembles a household that is there."""
    village = np.repeat(np.arange(N_VILLAGES), places.households)
    district = places.commune_district[places.village_commune]
    tilt = places.kinh[district] * (0.3 + 1.4 * stream.random(N_VILLAGES))
    kinh = _draw(stream, int(KINH_MOVES[:ABSENT].sum()), tilt[village])
    ethnicity = _minority_of(stream, places.minorities[district], village)
    ethnicity[kinh] = KINH
    groups = ((~kinh, MINORITY_MOVES), (kinh, KINH_MOVES))
    like = np.concatenate(
        [_any_of(stream, np.flatnonzero(g), int(moves[ABSENT].sum())) for g, moves in groups]
    )
    homes.ethnicity = np.concatenate([ethnicity, ethnicity[like]])
    homes.minority = homes.ethnicity != KINH
    homes.village = np.tile(np.concatenate([village, village[like]]), (2, 1))


def _minority_of(stream: np.random.Generator, shares: Numbers, village: Ints) -> Ints:
    """Draw ethnicity within the minority: three in four as their village, else the district."""
    cuts = np.cumsum(shares, axis=1)[:, :-1]
    of_village = stream.random(N_VILLAGES)[village]
    as_village = stream.random(len(village)) < 0.75
    u = np.where(as_village, of_village, stream.random(len(village)))
    ethnicity = np.zeros(len(village), dtype=np.int64)
    for cut in cuts.T:
        ethnicity += u >= cut[village]
    return ethnicity


def _form(homes: Households, stream: np.random.Generator) -> None:
    """Draw members in both years, and the head's sex: more often female if few members."""
    u = stream.random(len(homes))
    size = np.where(homes.minority, pick(u, SIZE_MINORITY), pick(u, SIZE_KINH)) + 1
    step = pick(stream.random(len(homes)), (0.04, 0.90, 0.06)) - 1
    homes.size = np.stack([size, np.clip(size + step, 1, len(SIZE_NEED) - 1)])
    female = np.where(size <= 2, 0.38, 0.16) * np.where(homes.minority, 0.97, 1.3)
    homes.female = stream.random(len(homes)) < female


def _need(homes: Households, stream: np.random.Generator, places: Places) -> Numbers:
    """Say how likely each household is to be poor, relative to the others."""
    commune = places.need[places.commune_district] * (0.4 + 1.2 * stream.random(N_COMMUNES))
    commune *= np.where(places.urban, URBAN_NEED, 1.0)
    village = commune[places.village_commune] * (0.6 + 0.8 * stream.random(N_VILLAGES))
    head = np.where(homes.female, 1.15, 1.0) * ETHNICITY_NEED[homes.ethnicity]
    need: Numbers = village[homes.village[0]] * head * SIZE_NEED[homes.size[0]]
    return need


def _set_states_2021(homes: Households, stream: np.random.Generator, need: Numbers) -> None:
    n_start = len(homes) - int(MINORITY_MOVES[ABSENT].sum() + KINH_MOVES[ABSENT].sum())
    for group, moves in _groups(homes):
        rows = np.flatnonzero(group[:n_start])
        weights = [need[rows], 0.25 + need[rows]]
        homes.state[0, rows] = _deal(stream, moves[:ABSENT].sum(axis=1), weights)


def _set_states_2022(
    homes: Households, stream: np.random.Generator, places: Places, need: Numbers
) -> None:
    """Carry the states of 2021 to 2022 by the tables of moves, unevenly between communes."""
    commune = places.village_commune[homes.village[0]]
    n_poor = np.bincount(commune[homes.state[0] == POOR], minlength=N_COMMUNES)
    escape, relapse = _uneven(stream, places, n_poor)
    even, easy, hard = np.ones(len(homes)), escape[commune], relapse[commune] * need
    # The states of 2022 in the order in which they are dealt; the last takes who remains.
    plans = {
        POOR: ({ABSENT: even, OTHER: easy, NEAR_POOR: easy}, POOR),
        NEAR_POOR: ({ABSENT: even, POOR: hard, OTHER: easy}, NEAR_POOR),
        OTHER: ({ABSENT: even, POOR: hard, NEAR_POOR: hard}, OTHER),
        ABSENT: ({POOR: hard, NEAR_POOR: hard}, OTHER),
    }
    for group, moves in _groups(homes):
        for before, (weights, rest) in plans.items():
            rows = np.flatnonzero(group & (homes.state[0] == before))
            to = np.array([*weights, rest])
            part = _deal(stream, moves[before, to], [w[rows] for w in weights.values()])
            homes.state[1, rows] = to[part]


def _uneven(stream: np.random.Generator, places: Places, n_poor: Ints) -> tuple[Numbers, Numbers]:
    """Draw ease of escape and risk of relapse by commune: some communes lag, some go back."""
    escape = places.progress[places.commune_district] * (0.6 + 0.8 * stream.random(N_COMMUNES))
    relapse = 0.5 + stream.random(N_COMMUNES)
    poorest = np.argsort(-n_poor, kind="stable")[:UNEVEN_COMMUNES]
    drawn = poorest[stream.permutation(UNEVEN_COMMUNES)]
    setback, lagging = np.split(drawn, [SETBACK_COMMUNES, SETBACK_COMMUNES + LAGGING_COMMUNES])[:2]
    escape[lagging] *= 0.4
    escape[setback] *= 0.12
    relapse[setback] *= 3.0
    return escape, relapse


def _move_home(homes: Households, stream: np.random.Generator) -> None:
    """Move some who stay in the register to the village of another household of their group."""
    stays = (homes.state != ABSENT).all(axis=0)
    for group, n in ((homes.minority, MINORITY_MOVED), (~homes.minority, KINH_MOVED)):
        rows = np.flatnonzero(stays & group)
        moving = rows[_draw(stream, n, np.ones(len(rows)))]
        homes.village[1, moving] = homes.village[0, _any_of(stream, rows, n)]


def _listed_before(state: Ints) -> Numbers:
    """Give the chance of having been poor before 2021: high for the poor, and for who is again."""
    share = np.array([0.78, 0.52, 0.06, 0.0])[state[0]]
    return np.where((state[0] == OTHER) & (state[1] == POOR), 0.36, share)


def _groups(homes: Households) -> Iterable[tuple[Flags, Ints]]:
    return ((homes.minority, MINORITY_MOVES), (~homes.minority, KINH_MOVES))


def _any_of(stream: np.random.Generator, rows: Ints, n: int) -> Ints:
    """Draw n of the rows, each time from all of them."""
    return rows[np.asarray(stream.random(n) * len(rows), dtype=np.int64)]


def _draw(stream: np.random.Generator, n: int, weight: Numbers) -> Flags:
    """Choose n rows, likelier where the weight is larger; True for the chosen."""
    chosen = np.zeros(len(weight), dtype=bool)
    if n > 0:
        chosen[np.argpartition(stream.random(len(weight)) / weight, n - 1)[:n]] = True
    return chosen


def _deal(stream: np.random.Generator, sizes: Ints, weights: Sequence[Numbers]) -> Ints:
    """Deal rows to parts 0, 1, ... of the given sizes in turn; the last part takes the rest."""
    part = np.full(int(sizes.sum()), len(sizes) - 1)
    left = np.arange(len(part))
    for k, weight in enumerate(weights):
        chosen = _draw(stream, int(sizes[k]), weight[left])
        part[left[chosen]] = k
        left = left[~chosen]
    return part
