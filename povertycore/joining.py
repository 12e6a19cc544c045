"""Results of several files together: independent ones, or waves of one design.

Waves are put under one covariance, in which PSUs are matched by their labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .errors import DesignError, DTypeError, OptionError
from .estimates import Estimates
from .fields import joined_categories, joined_column, joined_meta
from .replicates import Replicated
from .sampling import Linearised, Sample

__all__ = ["concat", "join"]

Ints = npt.NDArray[np.int64]


def concat(estimates: Iterable[Estimates]) -> Estimates:
    """Join results of independent files; the covariance between them is 0.

    Parameters
    ----------
    estimates : iterable of Estimates
        Made by the same verb, with the same columns.

    Returns
    -------
    Estimates
        All rows, keys ascending.

    Raises
    ------
    OptionError
        The parts come from different verbs or have different columns.

    Examples
    --------
    >>> files = [{"year": [2021], "rate": [0.122]}, {"year": [2022], "rate": [0.0892]}]
    >>> parts = [pc.Estimates.from_table(file, "year", estimate="rate") for file in files]
    >>> pc.concat(parts)["year"].to_list()
    [2021, 2022]
    """
    parts = list(estimates)
    if not parts:
        raise OptionError("concat needs at least one Estimates, found none")
    for position, part in enumerate(parts):
        if not isinstance(part, Estimates):
            raise DTypeError(f"part {position} must be an Estimates, found {type(part).__name__}")
        check_same_columns(parts[0], part, position)
    joined = object.__new__(Estimates)
    starts = np.cumsum([0] + [len(part._joints) for part in parts[:-1]])
    samples = [part._sample + start for part, start in zip(parts, starts, strict=True)]
    joined._set(
        **{
            **parts[0].__dict__,
            "_columns": {
                name: joined_column(name, [part._columns[name] for part in parts])
                for name in parts[0]._columns
            },
            "_meta": joined_meta([part._meta for part in parts]),
            "_sample": np.concatenate(samples),
            "_joints": tuple(joint for part in parts for joint in part._joints),
            "_place": np.concatenate([part._place for part in parts]),
            "_source": joined_categories([part._source for part in parts]),
            "_proportion": np.concatenate([part._proportion for part in parts]),
        }
    )
    return joined._take(joined._contract_order())


def check_same_columns(first: Estimates, part: Estimates, position: int) -> None:
    """Refuse parts of another verb, or with other keys."""
    if part.verb != first.verb:
        raise OptionError(
            f"part {position} comes from {part.verb!r}; expected {first.verb!r} as part 0"
        )
    for kind in ("key_names", "measure_key_names", "own_names"):
        names, expected = getattr(part, kind), getattr(first, kind)
        if names != expected:
            raise OptionError(
                f"part {position} has {kind.replace('_', ' ')} {names}; expected {expected} as "
                "part 0"
            )


def join(*estimates: Estimates) -> Estimates:
    """Join results of files of one design, one a wave, with the covariance of their shared PSUs.

    Parameters
    ----------
    *estimates : Estimates
        Made by the same verb, with the same columns and the same design; the period is one of
        their keys. PSUs of different files are one if their stratum and PSU have the same labels
        (their PSU alone with `nest=False`).

    Returns
    -------
    Estimates
        All rows, keys ascending. `povertycore.change` then knows their covariance.

    Raises
    ------
    OptionError
        A result is not of a sample, or the verbs or columns differ.
    DesignError
        The designs differ, or PSU labels are text in one file and numbers in another; two files
        hold different PSUs of one stratum in one period; the design is one that cannot be joined.
    DuplicateNameError
        Two results have a row of the same keys: the period is not among them.

    Notes
    -----
    The files are treated as waves of one sample: a PSU that is in two of them adds the product of
    its centred parts, each times the root of its own stratum's factor. Results by columns of
    replicate weights go together replicate by replicate, which holds where they were drawn
    together. `povertycore.concat` takes files as independent.

    Examples
    --------
    >>> first = {"year": [2021] * 4, "ea": [1, 2, 3, 4], "poor": [1, 0, 1, 1]}
    >>> second = {"year": [2022] * 4, "ea": [1, 2, 3, 4], "poor": [1, 0, 0, 1]}
    >>> parts = [pc.rate(wave, "poor", by="year", design=pc.Design(psu="ea"))
    ...          for wave in (first, second)]
    >>> pc.change(pc.join(*parts), time="year")["note"].tolist()
    ['4 PSUs in both']
    """
    if len(estimates) < 2:
        raise OptionError(f"join needs two results or more, found {len(estimates)}")
    together = concat(estimates)
    together._check_one_row_per_key()
    joints = together._joints
    for position, part in enumerate(estimates):
        if any(joint is None for joint in part._joints):
            raise OptionError(
                f"result {position} is of a register or a printed table; join is for samples, and"
                " concat joins the rest"
            )
    offsets = np.cumsum([0, *(len(joint) for joint in joints if joint is not None)])
    place = together._place + offsets[together._sample]
    joint: Any = joined(joints)
    return together._with_joint(joint, place)


def joined(joints: Sequence[Any]) -> Linearised | Replicated:
    """Return the rows of several samples below each other, as rows of one sample."""
    parts = [joint for joint in joints if isinstance(joint, Linearised)]
    if len(parts) == len(joints):
        distinct, of_part = distinct_samples([part.sample for part in parts])
        if len(distinct) == 1:
            same = [replace(part.made(), sample=distinct[0]) for part in parts]
            return same[0].joined(same[1:])
        sample = joined_samples(distinct)
        before = np.cumsum([0, *(one.n_psu for one in distinct)])
        moved = [
            moved_to(sample, part, int(before[i])) for part, i in zip(parts, of_part, strict=True)
        ]
        return moved[0].joined(moved[1:])
    columns = [joint for joint in joints if isinstance(joint, Replicated) and joint.parts is None]
    if len(columns) < len(joints):
        raise DesignError(
            "replicates that are made cannot be joined; put the files in a mapping from period to"
            " file, or leave replicates= out"
        )
    numbers = {part.deviation.shape[1] for part in columns}
    if len(numbers) > 1:
        raise DesignError(
            f"the files have {' and '.join(map(str, sorted(numbers)))} columns of replicate"
            " weights; replicates go together one by one"
        )
    least = min(part.most_df for part in columns)
    return replace(columns[0], most_df=least).joined(columns[1:])


def distinct_samples(samples: Sequence[Sample]) -> tuple[list[Sample], list[int]]:
    """Return the samples that are not the same, and which of them each one is."""
    distinct: list[Sample] = []
    of_part = []
    for sample in samples:
        found = [i for i, other in enumerate(distinct) if are_same(sample, other)]
        of_part.append(found[0] if found else len(distinct))
        if not found:
            distinct.append(sample)
    return distinct, of_part


def are_same(a: Sample, b: Sample) -> bool:
    """Say whether two samples are one: of one result, or of the same PSUs in the same periods."""
    if a is b:
        return True
    if a.design != b.design or "period" not in a.names or "psu" not in a.names:
        return False
    if a.second is not None or b.second is not None or a.n_psu != b.n_psu:
        return False
    numbers = all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("stratum", "label", "period", "fraction")
    )
    names = all(
        np.array_equal(np.asarray(a.names[word], object), np.asarray(b.names[word], object))
        for word in a.names
    )
    return numbers and names and a.design.psu != "row"


def joined_samples(samples: Sequence[Sample]) -> Sample:
    """Return several samples as periods of one."""
    first = samples[0]
    for position, sample in enumerate(samples):
        if sample.design != first.design:
            raise DesignError(
                f"result {position} has another design than result 0: {sample.design!r} and"
                f" {first.design!r}; join is for files of one design"
            )
        if sample.second is not None:
            raise DesignError(
                "results of a two-stage design with fpc2 cannot be joined; put the files in a"
                " mapping from period to file"
            )
    check_common_periods(samples)
    n_strata = np.cumsum([0, *(sample.n_strata for sample in samples)])
    n_periods = np.cumsum([0, *(int(s.period.max(initial=-1)) + 1 for s in samples)])
    return Sample(
        stratum=np.concatenate([s.stratum + by for s, by in zip(samples, n_strata, strict=False)]),
        label=joined_labels(samples),
        period=np.concatenate([s.period + by for s, by in zip(samples, n_periods, strict=False)]),
        fraction=np.concatenate([s.fraction for s in samples]),
        design=first.design,
        names={
            word: np.concatenate([np.asarray(s.names[word], dtype=object) for s in samples])
            for word in first.names
        },
    )


def joined_labels(samples: Sequence[Sample]) -> Ints:
    """Return which PSUs of all samples are one: those of one label, or each its own."""
    design = samples[0].design
    if design.psu in (None, "row"):  # rows of different files have nothing in common
        offsets = np.cumsum([0, *(int(s.label.max(initial=-1)) + 1 for s in samples)])
        return np.concatenate([s.label + by for s, by in zip(samples, offsets, strict=False)])
    words = ["strata", "psu"] if design.nest else ["psu"]
    if design.waves == "independent":
        words.insert(0, "period")
    words = [word for word in words if word in samples[0].names]
    columns = pd.DataFrame({word: labels_of(samples, word) for word in words})
    groups = columns.groupby(words, sort=False, dropna=False).ngroup()
    return np.asarray(groups.to_numpy(dtype=np.int64))


def labels_of(samples: Sequence[Sample], word: str) -> pd.Series:
    """Return the labels of all samples below each other; they must be of one type."""
    columns = [pd.Series(np.asarray(sample.names[word])) for sample in samples]
    types = {pd.api.types.is_numeric_dtype(column) for column in columns}
    if len(types) > 1:
        name = getattr(samples[0].design, word)
        raise DesignError(
            f"labels of {word} (column {name!r}) are text in one file and numbers in another; make"
            " them the same, so that equal PSUs have equal labels"
        )
    return pd.concat(columns, ignore_index=True)


def check_common_periods(samples: Sequence[Sample]) -> None:
    """Refuse files that hold different PSUs of the same stratum in the same period."""
    words = [word for word in ("period", "strata", "psu") if word in samples[0].names]
    if samples[0].design.psu in (None, "row") or "period" not in words:
        return
    table = pd.DataFrame({word: labels_of(samples, word) for word in words})
    table["file"] = np.repeat(np.arange(len(samples)), [sample.n_psu for sample in samples])
    strata = [word for word in words if word != "psu"]
    in_files = table.groupby([*strata, "psu"], dropna=False)["file"].transform("nunique")
    of_stratum = table.groupby(strata, dropna=False)["file"].transform("nunique")
    if (in_files != of_stratum).any():
        raise DesignError(
            "two files hold different PSUs of one stratum in one period: they are parts of one"
            " sample; put them in one file"
        )


def moved_to(sample: Sample, part: Linearised, before: int) -> Linearised:
    """Return rows as rows of the joined sample, in which `before` PSUs stand before theirs."""
    own, unit = part.sample.n_units, part.unit
    # What was centred already stands behind the units.
    moved = np.where(unit < own, unit + before, unit - own + sample.n_units + before)
    return replace(part.made(), sample=sample, unit=moved)
