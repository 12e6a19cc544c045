"""Profiles of a sample: cells crossed with its sampling units, and the sample found in them again.

The keys of a table of a sample are its own and then those of the design: period, stratum, PSU, and
what else tells of a unit. They stand there as labels, so that tables of parts of a sample are added
and kept in files like others. A pass over the rows is crossed with as few keys as tell the units
apart; what is the same for all rows of a unit, as its stratum or its region, follows from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from .. import _core
from ..design import Design
from ..errors import DesignError, listing
from ..inputs import Frame, Key
from ..sampling import Sample
from ..structure import is_sample, sample_of, stage_keys
from .profile_rows import Layout
from .profile_table import ProfileTable
from .tables import Arrangement, levels_of, sorted_groups
from .tally import HasColumn, Request, call_core

ROW = "(row)"  # the name of the key where each row is a PSU

Labels = tuple[Any, np.ndarray]  # the labels of a key in order, and the place of each unit's


def design_columns(design: Design) -> dict[str, str]:
    """Return the columns of a design that tell of a unit, by word; none of a register."""
    if not is_sample(design):
        return {}
    words = ["period", "strata", "psu"]
    if design.fpc2 is not None:
        words.append("ssu")
    names = {word: getattr(design, word) for word in (*words, "fpc", "fpc2")}
    if names["psu"] in (None, "row"):
        names["psu"] = ROW
    return {word: name for word, name in names.items() if name is not None}


# ---- from rows -----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Units:
    """The sampling units of a file, and what the design's columns hold of each."""

    sample: Sample
    keys: tuple[Key, ...]
    labels: tuple[Labels, ...]  # per key


def units_of(frame: Frame, design: Design) -> Units | None:
    """Find the units of a sample, None for a register; see `sampling.sample_of` for errors."""
    sample = sample_of(frame, design)
    if sample is None:
        return None
    stages = stage_keys(frame, design)
    keys = tuple(
        stages[word] if word in stages else frame.key(name)
        for word, name in design_columns(design).items()
    )
    crossed = [*(key.column for key in keys), *(key.column for key in sample.keys)]
    raw = _core.total(frame.n, crossed)
    unit = sample.units(raw, len(keys))
    return Units(
        sample, keys, tuple(labels_by_unit(raw, j, key, unit) for j, key in enumerate(keys))
    )


def labels_by_unit(raw: Mapping[str, Any], j: int, key: Key, unit: np.ndarray) -> Labels:
    """Return what a pass says of each unit by its j-th key; it has one group for each unit."""
    levels, code = levels_of(key, raw["key_values"][j], raw["key_missing"][j])
    by_unit = np.empty(len(unit), dtype=np.int64)
    by_unit[unit] = code
    return levels, by_unit


def sample_layout(request: Request, keys: Sequence[Key], units: Units) -> Layout:
    """Return the layout of a table by these keys and by unit."""
    fixed = [fixed_by_unit(request, key, units.sample) for key in keys]
    own = [key for key, labels in zip(keys, fixed, strict=True) if labels is None]
    crossed: tuple[HasColumn, ...] = (*own, *units.sample.keys)

    def place(raw: Mapping[str, Any]) -> Arrangement:
        values = raw["key_values"][: len(crossed)]
        unit = units.sample.units({"key_values": values, "n_groups": raw["n_groups"]}, len(own))
        numbered = iter(range(len(own)))
        found = []
        for key, labels in zip(keys, fixed, strict=True):
            if labels is None:
                j = next(numbered)
                found.append(levels_of(key, values[j], raw["key_missing"][j]))
            else:
                found.append((labels[0], labels[1][unit]))
        found += [(levels, code[unit]) for levels, code in units.labels]
        codes, group = sorted_groups([code for _, code in found])
        return Arrangement(tuple(levels for levels, _ in found), codes, group, len(codes[0]))

    return Layout(crossed, (*keys, *units.keys), place)


def fixed_by_unit(request: Request, key: Key, sample: Sample) -> Labels | None:
    """Return the label that all rows of a unit have, None if those of some unit differ."""
    raw = call_core(request, [key, *sample.keys], keep_missing=request.keep_missing)
    if raw["n_groups"] != sample.n_units:
        return None
    return labels_by_unit(raw, 0, key, sample.units(raw, 1))


# ---- from tables ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Sampled:
    """The sample that tables of profiles hold.

    Attributes
    ----------
    sample : Sample
        Its units.
    number : ndarray of int64
        The combination of codes of the design's keys that each unit has, ascending.
    unit : ndarray of int64
        The unit of each of these.
    """

    sample: Sample
    number: np.ndarray
    unit: np.ndarray

    def units(self, codes: Sequence[np.ndarray], levels: Sequence[Any]) -> np.ndarray:
        """Return the unit of each group of a table, from its codes of the design's keys."""
        place = np.searchsorted(self.number, combination(codes, levels))
        return np.asarray(self.unit[place])


def sampled(table: ProfileTable, n_keys: int, design: Design) -> Sampled:
    """Find the sample in a table; its own keys come before those of the design.

    Raises
    ------
    DesignError
        As `sampling.sample_of`; strata with one PSU are listed by their labels.
    """
    groups = table.groups
    levels, codes = groups.levels[n_keys:], groups.codes[n_keys:]
    distinct, _ = sorted_groups(codes)
    labels = {
        word: part.take(code)
        for word, part, code in zip(design_columns(design), levels, distinct, strict=True)
    }
    words = ("period", "strata", "psu", "ssu", "fpc", "fpc2")
    named: dict[str, Any] = {word: word if word in labels else None for word in words}
    frame = Frame.of(pd.DataFrame(labels))
    lonely = "certainty" if design.lonely == "error" else design.lonely
    sample = sample_of(frame, replace(design, weight=None, size=None, lonely=lonely, **named))
    if sample is None:
        raise DesignError("the design names neither strata nor PSUs")
    if design.lonely == "error":
        refuse_lonely(sample)
    row = frame.key(pd.Series(np.arange(frame.n), name="row"))
    raw = _core.total(frame.n, [row.column, *(key.column for key in sample.keys)])
    unit = np.empty(frame.n, dtype=np.int64)
    unit[raw["key_values"][0]] = sample.units(raw, 1)
    plain = replace(sample, design=design, rows=None)
    return Sampled(plain, combination(distinct, levels), unit)


def combination(codes: Sequence[np.ndarray], levels: Sequence[Any]) -> np.ndarray:
    """Return one number for each combination of codes, in their order."""
    sizes = [len(part) for part in levels]
    if np.prod(sizes, dtype=object) < 2**62:
        number = np.zeros(len(codes[0]), dtype=np.int64)
    else:
        number = np.zeros(len(codes[0]), dtype=object)
    for code, size in zip(codes, sizes, strict=True):
        number = number * size + code
    return number


def refuse_lonely(sample: Sample) -> None:
    """Raise the error that lists strata with one PSU, or PSUs with one unit, by their labels."""
    strata = np.flatnonzero(sample.is_lonely)
    if len(strata):
        raise lonely_error(sample, sample.first[strata], ("period", "strata"), "stratum", "PSU")
    if sample.second is None:
        return
    n = np.bincount(sample.second.psu, minlength=sample.n_psu)
    drawn = (sample.second.fraction < 1) & (sample.drawn_fraction > 0)
    psus = np.flatnonzero((n == 1) & drawn)
    if len(psus):
        words = ("period", "strata", "psu")
        raise lonely_error(sample, psus, words, "PSU", "second-stage unit")


def lonely_error(
    sample: Sample, psus: np.ndarray, words: Sequence[str], outer: str, inner: str
) -> DesignError:
    """Return the error that lists where these PSUs are, by the labels that there are."""
    labels = [list(sample.names[word].take(psus)) for word in words if word in sample.names]
    names = [", ".join(map(str, label)) for label in zip(*labels, strict=True)] or ["the only one"]
    plural = {"stratum": "strata", "PSU": "PSUs"}[outer]
    error = DesignError(
        f"{len(names)} {outer + ' has' if len(names) == 1 else plural + ' have'} one {inner} in the"
        f" sample, and no variance: {listing(names, last=' and ')}; say"
        " Design(lonely='certainty', 'average' or 'adjust')"
    )
    error.argument = "lonely"
    return error
