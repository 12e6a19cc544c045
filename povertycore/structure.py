"""Reading a sample from a file: its strata and PSUs, what was drawn of them, and a summary.

The distinct combinations of period, stratum, PSU and second-stage unit are found in one pass over
the rows and numbered in the order of their labels. Rows are looked at again only to say where
something is wrong, and for a summary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from . import _core
from .design import Design
from .errors import DesignError, listing
from .inputs import Frame, Key
from .sampling import (
    Codes,
    Sample,
    SecondStage,
    combined_codes,
    design_error,
    distinct_combinations,
)

__all__ = ["sample_of"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

STAGES = ("period", "strata", "psu", "ssu")


def label_codes(columns: Sequence[Ints]) -> Ints:
    """Return one number for each combination of codes, dense."""
    sizes = [int(column.max(initial=0)) + 1 for column in columns]
    number = combined_codes(columns, sizes)
    if (number[1:] > number[:-1]).all():
        return np.arange(len(number))
    return np.asarray(pd.factorize(number)[0], dtype=np.int64)


def subsets(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the subsets of words, the smallest first and the last words before the others."""
    for n in range(1, len(words) + 1):
        for chosen in combinations(reversed(words), n):
            yield chosen[::-1]


def firsts(number: Ints) -> tuple[Ints, Ints]:
    """Return the distinct numbers of an ascending column, and where each stands first."""
    first = np.ones(len(number), dtype=bool)
    first[1:] = number[1:] != number[:-1]
    return number[first], np.flatnonzero(first)


def is_sample(design: Design) -> bool:
    """Say whether a design names strata or PSUs: estimates then have standard errors."""
    return any(getattr(design, name) is not None for name in ("strata", "psu"))


def sample_of(frame: Frame, design: Design) -> Sample | None:
    """Find the strata and PSUs of a file, in one pass; None for a register.

    Raises
    ------
    DesignError
        A stratum has one PSU under `lonely="error"`; a PSU is in two strata with nesting off; an
        fpc varies within a stratum, mixes counts and fractions, or is below the sample.
    MissingValueError
        A stratum, PSU or fpc is missing.
    """
    if not is_sample(design):
        return None
    return structure_of(frame, design).sample()


def structure_of(frame: Frame, design: Design) -> Structure:
    """Find the distinct combinations of period, stratum, PSU and second-stage unit of a file."""
    keys = stage_keys(frame, design)
    columns = [key.column for key in keys.values()]
    found = _core.distinct(frame.n, columns)
    if found is None:
        found = _core.total(frame.n, columns)["key_values"]
    values = dict(zip(keys, found, strict=True))
    codes = {word: Codes.of(key, values[word]) for word, key in keys.items()}
    return Structure(frame, design, keys, codes, values)


def stage_keys(frame: Frame, design: Design) -> dict[str, Key]:
    """Return the key columns of the stages that matter, by word."""
    names: dict[str, Any] = {word: getattr(design, word) for word in STAGES}
    if design.fpc2 is None:
        names["ssu"] = None  # with replacement, or drawn completely, from the second stage on
    for word in ("psu", "ssu"):
        if names[word] == "row" or (word == "psu" and names[word] is None):
            names[word] = pd.Series(np.arange(frame.n), name="row")
    return {word: frame.key(name) for word, name in names.items() if name is not None}


class Structure:
    """The distinct combinations of period, stratum, PSU and SSU of a file, being numbered.

    A combination of labels is a unit, in their order; several of values may have the same labels.
    """

    def __init__(
        self,
        frame: Frame,
        design: Design,
        keys: Mapping[str, Key],
        codes: Mapping[str, Codes],
        values: Mapping[str, Ints],
    ) -> None:
        self.frame, self.design, self.keys, self.codes = frame, design, keys, codes
        self.values = values
        cells = {word: codes[word].of_values(of_cell) for word, of_cell in values.items()}
        combinations, self.unit = distinct_combinations(list(cells.values()))
        labels = dict(zip(cells, combinations, strict=True))
        self.n_units = len(combinations[0])
        nothing = np.zeros(self.n_units, dtype=np.int64)
        self.period, self.strata, self.psu, self.ssu = (
            labels.get(word, nothing) for word in STAGES
        )

    def sample(self) -> Sample:
        """Return the sample, its design checked."""
        size = {word: len(self.codes[word]) if word in self.codes else 1 for word in STAGES}
        in_stratum = self.period * size["strata"] + self.strata
        in_psu = combined_codes([in_stratum, self.psu], [0, size["psu"]])
        (strata, at_stratum), (psus, at_psu) = (firsts(number) for number in (in_stratum, in_psu))
        stratum = np.searchsorted(strata, in_stratum[at_psu])
        sample = Sample(
            stratum=stratum,
            label=self.labels(at_psu),
            period=self.period[at_stratum],
            fraction=self.fractions(strata, np.bincount(stratum, minlength=len(strata))),
            design=self.design,
            second=self.second_stage(psus, in_psu),
            names={
                word: self.codes[word].labels.take(codes[at_psu])
                for word, codes in zip(STAGES, (self.period, self.strata, self.psu), strict=False)
                if word in self.codes
            },
            rows=self.rows(),
        )
        self.check(sample)
        return sample

    def labels(self, at_psu: Ints) -> Ints:
        """Return which PSUs of different periods are one; each stands at a cell.

        They are numbered within their stratum, unless nesting is off.
        """
        return label_codes([part[at_psu] for part in self.apart()])

    def apart(self, *more: Ints) -> list[Ints]:
        """Return the columns that tell PSUs apart over all periods, and what is added to them."""
        columns = [self.psu, *more]
        if self.design.nest:
            columns.insert(0, self.strata)
        if self.design.waves == "independent":
            columns.insert(0, self.period)
        return columns

    def rows(self) -> _core.Column:
        """Return the unit of each row, from the fewest columns that tell the units apart."""
        columns = dict(zip(STAGES, (self.period, self.strata, self.psu, self.ssu), strict=True))
        for chosen in subsets([word for word in STAGES if word in self.keys]):
            sizes = [len(self.codes[word]) for word in chosen]
            number = np.sort(combined_codes([columns[word] for word in chosen], sizes))
            if (number[1:] > number[:-1]).all():
                break
        return _core.units_column(
            [self.keys[word].column for word in chosen],
            [self.values[word] for word in chosen],
            self.unit,
            self.n_units,
            self.keys[chosen[-1]].name,
        )

    def fractions(self, strata: Ints, n: Ints) -> Floats:
        """Return the fraction of each stratum's PSUs that was drawn."""
        if self.design.fpc is None:
            return np.zeros(len(strata))
        words = [word for word in ("period", "strata") if word in self.keys]
        return self.drawn("fpc", words, strata, n, "stratum")

    def second_stage(self, psus: Ints, in_psu: Ints) -> SecondStage | None:
        """Return the units of the second stage, where their number in the population is given."""
        if self.design.fpc2 is None:
            return None
        psu = np.searchsorted(psus, in_psu)
        label = label_codes(self.apart(self.ssu))
        words = [word for word in ("period", "strata", "psu") if word in self.keys]
        fraction = self.drawn("fpc2", words, psus, np.bincount(psu, minlength=len(psus)), "PSU")
        return SecondStage(psu, label, fraction)

    def drawn(self, word: str, words: Sequence[str], known: Ints, n: Ints, what: str) -> Floats:
        """Read an fpc, which is one number in each of the known combinations of words."""
        name = getattr(self.design, word)
        key = self.frame.key(name)
        keys = [self.keys[other] for other in words]
        raw = _core.total(self.frame.n, [*(other.column for other in keys), key.column])
        codes = [
            self.codes[other].of_values(values)
            for other, values in zip(words, raw["key_values"], strict=False)
        ]
        sizes = [len(self.codes[other]) for other in words]
        place = np.zeros(raw["n_groups"], np.int64)
        if words:
            place = np.searchsorted(known, combined_codes(codes, sizes))
        numbers = np.asarray(
            key.labels(raw["key_values"][-1], raw["key_missing"][-1]), dtype=np.float64
        )
        fraction = np.zeros(len(known))
        fraction[place] = numbers
        varies = fraction[place] != numbers
        wrong = ~(numbers > 0) | np.isinf(numbers)
        is_count = bool((numbers > 1).any())
        if varies.any():
            raise design_error(word, f"{word} (column {name!r}) varies within a {what}")
        if wrong.any() or (is_count and (numbers < 1).any()):
            raise design_error(
                word,
                f"{word} (column {name!r}) must hold counts of at least 1, or fractions above 0 and"
                " at most 1, and not both",
            )
        if not is_count:
            return fraction
        if (fraction < n).any():
            worst = int(np.argmax(n - fraction))
            raise design_error(
                word,
                f"{word} (column {name!r}) is {fraction[worst]:g} in a {what} with {n[worst]} units"
                " in the sample; it counts those of the population, or is their sampled fraction",
            )
        return n / fraction

    def check(self, sample: Sample) -> None:
        """Refuse lonely PSUs under `lonely="error"`, and a PSU in two strata with nesting off."""
        if not self.design.nest:
            pairs = combined_codes([sample.period[sample.stratum], sample.label], [0, sample.n_psu])
            if len(np.unique(pairs)) < len(pairs):
                self.refuse_two_strata()
        if self.design.lonely != "error":
            return
        if sample.is_lonely.any():
            raise lonely_error(self.rows_with_one("strata", "psu"), "stratum", "PSU")
        if sample.second is not None:
            n = np.bincount(sample.second.psu, minlength=sample.n_psu)
            sampled = (sample.second.fraction < 1) & (sample.fraction[sample.stratum] > 0)
            if ((n == 1) & sampled).any():
                raise lonely_error(self.rows_with_one("psu", "ssu"), "PSU", "second-stage unit")

    def columns(self, words: Sequence[str]) -> pd.DataFrame:
        """Return columns of the design row by row: only to say where something is wrong."""
        return pd.DataFrame(
            {word: self.keys[word].plain() for word in words if word in self.keys},
            index=pd.RangeIndex(self.frame.n),
        )

    def rows_with_one(self, outer: str, inner: str) -> list[int]:
        """Return the first row of every outer unit that has one inner unit in the sample."""
        words = STAGES[: STAGES.index(inner)]
        table = self.columns([*words, inner])
        by = [word for word in words if word in table]
        if not by:
            return [0]
        groups = table.groupby(by, sort=False, observed=True)[inner]
        one = groups.transform("nunique") == 1
        return np.flatnonzero(one & ~table.duplicated(by)).tolist()

    def lonely_rows(self, period: pd.Series) -> pd.Series:
        """Return, by period, the first rows of the strata that have one PSU, not being complete."""
        rows = np.array(self.rows_with_one("strata", "psu"), dtype=np.int64)
        if self.design.fpc is not None and len(rows):
            drawn = np.asarray(self.frame.array(self.design.fpc), dtype=np.float64)
            rows = rows[drawn[rows] != 1]
        return pd.Series(rows).groupby(period.to_numpy()[rows]).agg(list)

    def refuse_two_strata(self) -> None:
        """Raise the error that names the first row of a PSU in a second stratum."""
        table = self.columns(["period", "strata", "psu"])
        by = [word for word in ("period", "psu") if word in table]
        first = table.groupby(by, sort=False, observed=True)["strata"].transform("first")
        row = int(np.flatnonzero(table["strata"] != first)[0])
        error = design_error(
            "psu",
            f"the PSU of row {row} (column {self.design.psu!r}) is in another stratum in an earlier"
            " row; with nest=False a PSU code stands for one PSU in the whole sample",
        )
        error.row = row
        raise error


def lonely_error(rows: Sequence[int], outer: str, inner: str) -> DesignError:
    """Return the error that lists strata with one PSU, by the position of their first row."""
    error = design_error(
        "lonely",
        f"{len(rows)} {'strata have' if len(rows) > 1 else outer + ' has'} one {inner} in the"
        f" sample, and no variance: {'those' if len(rows) > 1 else 'that'} of row"
        f" {listing(rows, last=' and ')}; say Design(lonely='certainty', 'average' or 'adjust')",
    )
    error.row = rows[0] if rows else None
    return error


# ---- a summary -----------------------------------------------------------------------------------


def summary_of(data: Any, design: Design) -> pd.DataFrame:
    """Describe a file under a design, period by period: see `Design.summary`."""
    frame = Frame.of(data, design.columns())
    certainty = replace(design, lonely="certainty", replicates=None)
    structure = structure_of(frame, certainty) if is_sample(design) else None
    weight = np.ones(frame.n)
    if design.weight is not None:
        weight = np.asarray(frame.array(design.weight), dtype=np.float64)
    period = "all" if design.period is None else frame.array(design.period)
    rows = pd.DataFrame({"period": period, "weight": weight}, index=pd.RangeIndex(frame.n))
    by_period = rows.groupby("period", sort=True, observed=True)["weight"]
    table = by_period.agg(n_obs="size", weight_min="min", weight_max="max", weight_sum="sum")
    square = (rows["weight"] ** 2).groupby(rows["period"], observed=True).sum()
    n_positive = (rows["weight"] > 0).groupby(rows["period"], observed=True).sum()
    table["kish_effect"] = n_positive * square / table["weight_sum"] ** 2
    table = table.reset_index()
    if structure is not None:
        table = with_strata(table, structure.sample(), structure.lonely_rows(rows["period"]))
    if design.period is None:
        return table.drop(columns="period")
    return table.rename(columns={"period": design.period})


def with_strata(table: pd.DataFrame, sample: Sample, lonely: pd.Series) -> pd.DataFrame:
    """Put counts of strata and PSUs before the weights; `lonely` has rows by period."""
    period = pd.factorize(sample.period)[0]
    n = sample.n_in_stratum
    strata = pd.DataFrame({"period": period, "n": n, "fraction": sample.fraction})
    grouped = strata.groupby("period")
    counts = pd.DataFrame(
        {
            "n_strata": grouped.size(),
            "n_psu": grouped["n"].sum(),
            "psu_per_stratum_min": grouped["n"].min(),
            "psu_per_stratum_max": grouped["n"].max(),
            "fraction_min": grouped["fraction"].min(),
            "fraction_max": grouped["fraction"].max(),
        }
    )
    counts["df"] = counts["n_psu"] - counts["n_strata"]
    counts["lonely_rows"] = [lonely.get(label, []) for label in table["period"]]
    first = ["period", "n_obs"]
    return pd.concat([table[first], counts, table.drop(columns=first)], axis=1)
