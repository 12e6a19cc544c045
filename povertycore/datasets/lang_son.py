"""A synthetic household register of Lạng Sơn, 2021 and 2022, with the published totals.

`lang_son_places` lays out the province, `lang_son_households` draws who is in which state in
which year. Here incomes, scores, indicators, causes and support are drawn to fit, and the classes
of the output are read back from the scores by the rule of the standard.

Sources of the totals: ``published("lang_son")``.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from povertycore.datasets.lang_son_households import (
    ABSENT,
    NEAR_POOR,
    OTHER,
    POOR,
    Households,
    draw_households,
    pick,
)
from povertycore.datasets.lang_son_places import (
    ETHNICITIES,
    Flags,
    Ints,
    Numbers,
    Places,
    Texts,
    lang_son_places,
)
from povertycore.errors import OptionError
from povertycore.standards.classify import classify

__all__ = ["LANG_SON_PLAN", "lang_son_register"]

LANG_SON_PLAN = 0.03
"""Planned fall of the poverty rate a year, a fraction: 3 points or more on average to 2025.

Party resolution 47-NQ/TU of 09/09/2021 and plan 51/KH-UBND of 01/03/2024, Lạng Sơn province.
"""

STANDARD = "vn-2022"
YEARS = (2021, 2022)

# The lines of the standard, rural and urban: thousand VND per person per month, and points.
INCOME_LINE = np.array([1_500, 2_000])
SCORE_LINE = np.array([140, 175])

# Shares of households with 0, 1, 2, ... deprived indicators. Poor: three or more.
COUNT_POOR = (0, 0, 0, 0.40, 0.28, 0.17, 0.09, 0.04, 0.02)
COUNT_NEAR_POOR = (0.12, 0.36, 0.52)
COUNT_OTHER = (0.42, 0.30, 0.16, 0.08, 0.03, 0.01)

# How common each indicator is among those deprived of any: rural, urban.
INDICATORS = {
    "employment": (4.5, 5.0),
    "dependants": (3.5, 3.5),
    "nutrition": (1.6, 1.0),
    "health_insurance": (1.5, 3.0),
    "adult_education": (3.6, 2.6),
    "school_attendance": (0.5, 0.4),
    "housing_quality": (3.4, 2.4),
    "housing_area": (1.8, 2.2),
    "water": (2.4, 0.6),
    "toilet": (6.5, 1.6),
    "telecommunication": (4.2, 2.6),
    "information_assets": (2.4, 1.8),
}
CHILD_INDICATORS = ("nutrition", "school_attendance")

# Shares of the causes of poverty as the main one.
CAUSES = {
    "cause_land": 0.17,
    "cause_capital": 0.22,
    "cause_labour": 0.16,
    "cause_tools": 0.08,
    "cause_knowledge": 0.15,
    "cause_skill": 0.11,
    "cause_illness": 0.07,
    "cause_other": 0.04,
}
SECOND_CAUSE, THIRD_CAUSE = 0.40, 0.15

# Share of the poor who get it (half as many of the near-poor); least, largest amount and step.
SUPPORT = {
    "support_credit": (0.14, 20_000, 100_000, 5_000),
    "support_housing": (0.04, 20_000, 50_000, 10_000),
    "support_health": (0.30, 400, 3_200, 100),
    "support_education": (0.22, 300, 2_700, 150),
    "support_vocational": (0.02, 1_500, 6_000, 500),
    "support_production": (0.10, 5_000, 25_000, 1_000),
}


def lang_son_register(rng: int | np.random.Generator = 0) -> pd.DataFrame:
    """Make a synthetic household register of Lạng Sơn province for 2021 and 2022.

    The data are **synthetic**: no row describes a real household. Names and codes of communes
    and villages, who lives where, incomes, indicators, causes, support and every move between
    classes are invented. The province's totals are the published ones.

    Parameters
    ----------
    rng : int or numpy.random.Generator, optional
        Seed, or the generator to draw from. It changes who is poor and where, but no published
        total, and none of the places. Default 0.

    Returns
    -------
    pandas.DataFrame
        One row per household and year, 192,705 for 2021 and 196,150 for 2022, ordered by year,
        village code and household id. Columns:

        - `year` (int); `hhid` (text), the same in both years where the household stays;
        - `district_code`, `commune_code`, `village_code` (text) and `district`, `commune`,
          `village` (categorical, in code order): 11 districts, 200 communes, 1,676 villages;
        - `area` (rural, urban), `ethnicity` of the household, `ethnic_minority` (bool: not
          Kinh), `head_sex` (male, female), `hhsize` (members);
        - `income`, thousand VND per person per month; `b1`, the points that stand in for income
          in the review (lines: 140 rural, 175 urban); `b2`, 10 points per deprived indicator;
        - the 12 indicators of the standard vn-2022 under their ids (bool, True = deprived);
        - `status` (poor < near_poor < other), `poor`, `near_poor` (bool): the classes that
          ``pc.classify`` gives by the scores;
        - `poor_before` (bool): on the list of poor households in a year before 2021;
        - `cause_land`, `cause_capital`, `cause_labour`, `cause_tools`, `cause_knowledge`,
          `cause_skill`, `cause_illness`, `cause_other` (bool): of poor and near-poor households;
        - `support_credit`, `support_housing`, `support_health`, `support_education`,
          `support_vocational`, `support_production`: thousand VND in the year, 0 = none;
        - `standard` (text): vn-2022 in both years; 2021 was reviewed under it as the baseline.

    Raises
    ------
    OptionError
        `rng` is neither a whole number >= 0 nor a Generator.

    Notes
    -----
    For every `rng`: 23,511 poor (12.20 %) and 23,247 near-poor (12.06 %) of 192,705 households
    in 2021, 17,497 poor (8.92 %) of 196,150 in 2022. Of the 157,019 minority households of 2021
    22,333 are poor, of the 159,826 of 2022 16,664. The 22,036 near-poor of 2022 are invented: no
    published figure was found.

    2,310 households leave the register, 5,755 join it, some 900 move between communes. In some
    communes the rate rises. A household that has just escaped may still have its loan in 2022,
    as the credit rules allow; otherwise only poor and near-poor households get support.

    Examples
    --------
    >>> hh = pc.datasets.lang_son_register()
    >>> hh.groupby("year")["poor"].agg(["size", "sum"])
            size    sum
    year
    2021  192705  23511
    2022  196150  17497
    """
    stream = _stream(rng)
    places = lang_son_places()
    homes = draw_households(stream, places)
    latent = _Latent(stream, len(homes))
    parts = [_year(stream, places, homes, latent, t) for t in range(len(YEARS))]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return _frame(places, homes, columns)


def _stream(rng: int | np.random.Generator) -> np.random.Generator:
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, int | np.integer) and not isinstance(rng, bool) and rng >= 0:
        return np.random.Generator(np.random.PCG64(int(rng)))
    error = OptionError(
        f"rng must be a whole number >= 0 or a numpy.random.Generator, found {rng!r}"
    )
    error.argument = "rng"
    raise error


class _Latent:
    """What makes a household's two years resemble each other: uniform numbers of its own."""

    def __init__(self, stream: np.random.Generator, n: int) -> None:
        self.means = stream.random(n)
        self.cause = stream.random(n)
        self.indicators = stream.random((n, len(INDICATORS)))


def _year(
    stream: np.random.Generator, places: Places, homes: Households, latent: _Latent, t: int
) -> dict[str, np.ndarray]:
    """Make the columns of one year, rows by village and household."""
    present = np.flatnonzero(homes.state[t] != ABSENT)
    row = present[np.argsort(homes.village[t, present], kind="stable")]
    village, state, size = homes.village[t, row], homes.state[t, row], homes.size[t, row]
    urban = places.urban[places.village_commune[village]].astype(np.int64)
    escaped = (homes.state[0, row] <= NEAR_POOR) & (state == OTHER)
    income = _income(latent.means[row], state, urban, escaped, t)
    return {
        "year": np.full(len(row), YEARS[t], dtype=np.int64),
        "household": row,
        "village": village,
        "urban": urban,
        "hhsize": size.astype(np.int16),
        "income": income,
        "b1": _b1(stream, income, urban),
        **_indicators(stream, latent.indicators[row], state, size, urban),
        **_causes(stream, latent.cause[row], state),
        **_support(stream, state, escaped),
    }


def _income(means: Numbers, state: Ints, urban: Ints, escaped: Flags, t: int) -> Numbers:
    """Set incomes, at or below the line exactly for poor and near-poor households.

    About one in a hundred of these stands at the line. Who has just escaped is close above it.
    """
    line = INCOME_LINE[urban]
    room = np.where(state == POOR, 0.58, 0.40)
    below = np.minimum(line * (1.005 - room * (1 - means)), line)
    u = np.where(escaped, 0.35 * means, means)
    above = line * (1.01 + 0.9 * u + 2.5 * u * u * u * u) * (1 + 0.05 * t)
    income = np.where(state == OTHER, np.maximum(above, line + 10), below)
    tens: Numbers = 10 * np.rint(income / 10)
    return tens


def _b1(stream: np.random.Generator, income: Numbers, urban: Ints) -> Ints:
    """Draw the income score, in fives: a rough stand-in for income, on its side of the line."""
    ratio, line = income / INCOME_LINE[urban], SCORE_LINE[urban]
    noise = 0.9 + 0.2 * stream.random(len(income))
    below = np.minimum(5 * np.rint(line * ratio * noise / 5), line)
    above = np.maximum(5 * np.rint(line * (1 + 0.35 * (ratio - 1) * noise) / 5), line + 5)
    score = np.where(ratio < 1, below, np.where(ratio == 1, line, above))
    return score.astype(np.int16)


def _indicators(
    stream: np.random.Generator, key: Numbers, state: Ints, size: Ints, urban: Ints
) -> dict[str, np.ndarray]:
    """Draw the 12 indicators: as many as the class asks for, those with the smallest keys."""
    u = stream.random(len(state))
    shares = {POOR: COUNT_POOR, NEAR_POOR: COUNT_NEAR_POOR, OTHER: COUNT_OTHER}
    count = np.choose(state, [pick(u, shares[s]) for s in (POOR, NEAR_POOR, OTHER)])
    weight = np.array(list(INDICATORS.values())).T
    key = key * (0.6 + 0.8 * stream.random(key.shape)) / weight[urban]
    childless = np.array([name in CHILD_INDICATORS for name in INDICATORS])
    key[(size == 1)[:, None] & childless] = np.inf
    last = np.take_along_axis(np.sort(key, axis=1), np.maximum(count - 1, 0)[:, None], axis=1)
    deprived = (key <= last) & (count > 0)[:, None]
    columns = {name: np.ascontiguousarray(deprived[:, j]) for j, name in enumerate(INDICATORS)}
    return {"b2": (10 * deprived.sum(axis=1)).astype(np.int16), **columns}


def _causes(stream: np.random.Generator, main: Numbers, state: Ints) -> dict[str, np.ndarray]:
    """Draw one main cause for each poor or near-poor household, and up to two more."""
    listed = np.flatnonzero(state <= NEAR_POOR)
    shares = list(CAUSES.values())
    cause = np.zeros((len(CAUSES), len(state)), dtype=bool)
    cause[pick(main[listed], shares), listed] = True
    for chance in (SECOND_CAUSE, THIRD_CAUSE):
        more = listed[stream.random(len(listed)) < chance]
        cause[pick(stream.random(len(more)), shares), more] = True
    return dict(zip(CAUSES, cause, strict=True))


def _support(stream: np.random.Generator, state: Ints, escaped: Flags) -> dict[str, np.ndarray]:
    """Draw the amounts of six kinds of support, thin over poor and near-poor households."""
    columns = {}
    for name, (share, least, most, step) in SUPPORT.items():
        chance = share * np.array([1.0, 0.5, 0.0])[state]
        if name == "support_credit":
            chance[escaped] = 0.5 * share
        given = np.flatnonzero(stream.random(len(state)) < chance)
        steps = np.floor(stream.random(len(given)) * ((most - least) // step + 1))
        columns[name] = np.zeros(len(state), dtype=np.int32)
        columns[name][given] = least + step * steps
    return columns


def _frame(places: Places, homes: Households, columns: dict[str, np.ndarray]) -> pd.DataFrame:
    """Put names, codes and classes to the columns, in the order of the docstring."""
    household, village = columns["household"], columns["village"]
    commune = places.village_commune[village]
    district = places.commune_district[commune]
    area = _names(["rural", "urban"], columns["urban"])
    frame = {
        "year": columns["year"],
        "hhid": _text(_ids(len(homes)), household),
        "district_code": _text(places.district_code, district),
        "district": _names(places.district, district),
        "commune_code": _text(places.commune_code, commune),
        "commune": _names(places.commune, commune),
        "village_code": _text(places.village_code, village),
        "village": _names(places.village, village),
        "area": area,
        "ethnicity": _names(ETHNICITIES, homes.ethnicity[household]),
        "ethnic_minority": homes.minority[household],
        "head_sex": _names(["male", "female"], homes.female[household]),
        **{name: columns[name] for name in ("hhsize", "income", "b1", "b2", *INDICATORS)},
        **_classes(area, columns),
        "poor_before": homes.poor_before[household],
        **{name: columns[name] for name in (*CAUSES, *SUPPORT)},
        "standard": _text([STANDARD], np.zeros(len(village), dtype=np.int64)),
    }
    return pd.DataFrame(frame, copy=False)


def _classes(area: pd.Categorical, columns: dict[str, np.ndarray]) -> dict[str, object]:
    """Read the classes back from the scores, as a province would."""
    scores = {"area": area, **{name: columns[name] for name in ("year", "b1", "b2")}}
    status = classify(scores, STANDARD, b1="b1", b2="b2", area="area", time="year")
    return {"status": status, "poor": status == "poor", "near_poor": status == "near_poor"}


def _ids(n: int) -> Texts:
    """Write household ids of nine digits: 020000001, 020000002, ..."""
    number = 20_000_000 + np.arange(1, n + 1)
    digits = number[:, None] // 10 ** np.arange(8, -1, -1) % 10
    return (digits + ord("0")).astype(np.uint32).view("<U9").ravel().astype(object)


def _text(labels: Texts | list[str], position: Ints) -> pd.api.extensions.ExtensionArray:
    return pd.Series(labels, dtype="str").array.take(position)


def _names(labels: Iterable[str], position: Ints) -> pd.Categorical:
    return pd.Categorical.from_codes(position.astype(np.int16), list(labels))
