"""A synthetic two-wave survey drawn from the synthetic register of Lạng Sơn.

Enumeration areas (the register's villages) are drawn in five strata with probabilities proportional
to their households in 2021; a third of them are visited in 2021, a third in both years and a third
in 2022. So half of a wave's areas are in the other one too.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from povertycore.datasets.lang_son import INDICATORS, _stream, lang_son_register
from povertycore.datasets.lang_son_places import Flags, Ints, Numbers

__all__ = ["lang_son_survey"]

YEARS = (2021, 2022)
AREAS_OF_WAVE, HOUSEHOLDS_OF_AREA = 10, 15  # drawn in each stratum, and in each area
# Where the rural households of each district are sampled; urban ones are one stratum.
RURAL_STRATA = {
    "north": ("Tràng Định", "Văn Lãng"),
    "west": ("Bình Gia", "Văn Quan", "Bắc Sơn"),
    "south": ("Hữu Lũng", "Chi Lăng"),
    "east": ("thành phố Lạng Sơn", "Cao Lộc", "Lộc Bình", "Đình Lập"),
}
URBAN = "urban"
COLUMNS = (
    *("year", "hhid", "stratum", "ea", "weight", "district", "area", "ethnicity"),
    *("ethnic_minority", "head_sex", "hhsize", "income", "b1", "b2", *INDICATORS),
    *("status", "poor", "near_poor", "standard"),
)


def lang_son_survey(rng: int | np.random.Generator = 0) -> pd.DataFrame:
    """Draw a synthetic survey of Lạng Sơn province, with a wave in 2021 and one in 2022.

    The data are **synthetic**: they are a sample of `lang_son_register`, which invents every
    household. So the truth is known: 12.20 and 8.92 percent of the households of the province are
    poor.

    Parameters
    ----------
    rng : int or numpy.random.Generator, optional
        Seed, or the generator to draw from, of register and sample. Default 0.

    Returns
    -------
    pandas.DataFrame
        One row per household and wave, 750 in each, ordered by year, stratum, area and household.
        Columns:

        - `year` (int); `hhid` (text), the same in both waves where a household is in both;
        - `stratum` (categorical): rural north, west, south, east, and urban;
        - `ea` (text): the enumeration area, the same code in both waves; 10 in each stratum and
          wave, of which 5 are in both;
        - `weight`: households of the province that the row stands for;
        - `district`, `area`, `ethnicity`, `ethnic_minority`, `head_sex`, `hhsize`, `income`, `b1`,
          `b2`, the 12 indicators, `status`, `poor`, `near_poor` and `standard` as in
          `lang_son_register`.

    Raises
    ------
    OptionError
        `rng` is neither a whole number >= 0 nor a Generator.

    Notes
    -----
    Areas are drawn systematically from a list in random order, with probabilities proportional to
    their households in 2021, and split at random into those of the first wave, of both and of the
    second. In an area 15 households are drawn with equal probability; in the second wave those of
    the first are kept as long as they live there. The weight is

        households of the stratum in 2021 / (10 x those of the area in 2021)
        x households of the area in the year / 15.

    Examples
    --------
    >>> survey = pc.datasets.lang_son_survey()
    >>> design = pc.Design(weight="weight", strata="stratum", psu="ea", period="year")
    >>> est = pc.rate(survey, "poor", by="year", design=design)
    >>> est["n_obs"].tolist(), est["n_psu"].tolist(), est["df"].tolist()
    ([750, 750], [50, 50], [45.0, 45.0])
    """
    stream = _stream(rng)
    hh = lang_son_register(stream)
    village, codes = pd.factorize(hh["village_code"])
    stratum = _strata(hh)
    first = (hh["year"] == YEARS[0]).to_numpy()
    size = np.array([np.bincount(village[hh["year"] == year], minlength=len(codes))
                     for year in YEARS])  # fmt: skip
    of_village = np.zeros(len(codes), dtype=np.int64)
    of_village[village[first]] = stratum[first]
    waves = _areas(stream, of_village, size[0])
    order = stream.random(len(hh["hhid"].unique()))[pd.factorize(hh["hhid"])[0]]
    total = np.bincount(of_village, size[0])
    share = total[of_village] / (AREAS_OF_WAVE * size[0])
    parts = []
    for t, year in enumerate(YEARS):
        rows = _households(waves[t], village, order, (hh["year"] == year).to_numpy())
        weight = share[village[rows]] * (size[t][village[rows]] / HOUSEHOLDS_OF_AREA)
        part = hh.iloc[rows].assign(
            stratum=pd.Categorical.from_codes(of_village[village[rows]], [*RURAL_STRATA, URBAN]),
            ea=hh["village_code"].iloc[rows],
            weight=weight,
        )
        parts.append(part.sort_values(["stratum", "ea", "hhid"]))
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def _strata(hh: pd.DataFrame) -> Ints:
    """Return the stratum of each row, by area and district."""
    of_district = {
        district: number
        for number, districts in enumerate(RURAL_STRATA.values())
        for district in districts
    }
    rural = hh["district"].astype(object).map(of_district).to_numpy(dtype=np.int64)
    return np.where(hh["area"] == URBAN, len(RURAL_STRATA), rural)


def _areas(stream: np.random.Generator, stratum: Ints, size: Ints) -> tuple[Flags, Flags]:
    """Draw the areas of each wave: half of one wave's are in the other."""
    waves = np.zeros((2, len(stratum)), dtype=bool)
    half = AREAS_OF_WAVE // 2
    for h in range(len(RURAL_STRATA) + 1):
        listed = stream.permutation(np.flatnonzero(stratum == h))
        drawn = stream.permutation(_systematic(stream, listed, size[listed], 3 * half))
        waves[0, drawn[: 2 * half]] = True
        waves[1, drawn[half:]] = True
    return waves[0], waves[1]


def _systematic(stream: np.random.Generator, listed: Ints, size: Ints, n: int) -> Ints:
    """Draw n areas at equal steps along the list of their households, from a random start."""
    ends = np.cumsum(size)
    steps = (stream.random() + np.arange(n)) * (ends[-1] / n)
    return np.asarray(listed[np.searchsorted(ends, steps, side="right")])


def _households(areas: Flags, village: Ints, order: Numbers, of_year: Flags) -> Ints:
    """Return the rows of the first households of each area, in the order drawn for them."""
    rows = np.flatnonzero(areas[village] & of_year)
    rows = rows[np.lexsort([order[rows], village[rows]])]
    starts = np.flatnonzero(np.diff(village[rows], prepend=-1))
    place = np.arange(len(rows)) - np.repeat(starts, np.diff([*starts, len(rows)]))
    return rows[place < HOUSEHOLDS_OF_AREA]
