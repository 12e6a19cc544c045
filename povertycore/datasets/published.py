"""Published poverty figures of Viet Nam as long tables, printed slips kept and noted."""

from __future__ import annotations

import csv
from importlib.resources import files

import pandas as pd

from povertycore.errors import unknown_option

__all__ = ["PUBLISHED", "published"]

PUBLISHED = ("lang_son", "national", "regions", "gso_provinces")


def published(name: str) -> pd.DataFrame:
    """Read a table of published poverty figures.

    Figures stand as they were printed, also where the printed one is wrong; `note` then says
    so. Rates are fractions.

    Parameters
    ----------
    name : {"lang_son", "national", "regions", "gso_provinces"}
        - "lang_son": yearly review of Lạng Sơn province, 2015-2025;
        - "national": yearly review, whole country, 2015-2025;
        - "regions": yearly review, six regions, 2022-2024;
        - "gso_provinces": rates that the General Statistics Office estimates from its survey,
          country, six regions and 63 provinces, 2016-2023.

    Returns
    -------
    pandas.DataFrame
        One row per figure: `place` (categorical in printed order), `level` (country, region,
        province), `year` (int), `standard` (id: vn-2016 or vn-2022), `measure`, `value`
        (fraction or count), `source`, `status` (final, preliminary, derived, unverified),
        `note` (empty, or what is wrong with the printed figure).

    Raises
    ------
    OptionError
        There is no table of that name.

    Notes
    -----
    Measures of the reviews count households: `poor`, `near_poor`, `poor_or_near_poor` and their
    `..._rate` among all households; `minority_...` among ethnic minority households,
    `minority_share_of_poor` among the poor; `..._change` against the year before, in households
    or as a difference of fractions. `survey_poor_rate` is another measure: a survey estimate,
    with sampling error, that does not agree with the review's `poor_rate`.

    2021 was reviewed under both standards: from 2021 to 2022 compare within vn-2022 only.
    "derived" figures are computed from published ones, "unverified" ones were not found in a
    source. The regions' `poor_or_near_poor` add up to the country's in 2022-2024; their
    rates do not lead to the country's rate.

    Examples
    --------
    >>> table = pc.datasets.published("lang_son")
    >>> rates = table[(table["measure"] == "poor_rate") & (table["standard"] == "vn-2022")]
    >>> rates[["year", "value", "status"]].reset_index(drop=True)
       year   value status
    0  2021  0.1220  final
    1  2022  0.0892  final
    2  2024  0.0336  final
    3  2025  0.0232  final
    """
    if name not in PUBLISHED:
        raise unknown_option("name", name, PUBLISHED)
    with (files(__package__) / f"published_{name}.csv").open(encoding="utf-8") as lines:
        header, *rows = csv.reader(lines)
    table = pd.DataFrame(rows, columns=header)
    place = pd.Categorical(table["place"], categories=table["place"].unique())
    return table.assign(place=place).astype({"year": "int64", "value": "float64"})
