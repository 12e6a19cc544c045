"""Profiles in a file: an `.npz` archive of arrays, beside one JSON text that says what they are.

Nothing in it is pickled, so that reading a file runs no code, and any NumPy can open it. The JSON
text `about` holds the format's name and version, the specification and its digest, the keys and
what `Profiles` knows of the call. Table t has the arrays `t/group`, `t/deprived`, `t/missing`,
`t/n`, `t/weight` (one entry per cell), `t/gaps/<alpha>`, of some samples `t/n_positive` and
`t/replicates`, `t/sums/<word>` (one row per group) and, per key j, `t/key/j` (the level of each
group) and the labels of its levels.
"""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..design import Design, Replicates
from ..errors import ComparabilityError, DTypeError, FileFormatError
from ..inputs import text_array
from .profile_table import ProfileTable, arranged
from .profiles import Profiles
from .spec import Spec
from .tables import Table

FORMAT = "povertycore profiles"
VERSION = 2
CELLS = {"group": "i8", "deprived": "u8", "missing": "u8", "n": "i8", "weight": "f8"}
MORE = {"n_positive": "i8", "replicates": "f8"}  # of some samples

Arrays = dict[str, np.ndarray]


def save(profiles: Profiles, path: str | Path) -> None:
    """Write profiles; see `Profiles.save`."""
    arrays: Arrays = {}
    tables = [described_table(table, f"{t}", arrays) for t, table in enumerate(profiles.by_psu)]
    about = {
        "format": FORMAT,
        "version": VERSION,
        "spec": profiles.spec.to_dict(),
        "digest": profiles.spec.digest,
        "by": profiles.by,
        "over": profiles.over,
        "unit": profiles.unit,
        "standard": profiles.standard,
        "standard_key": profiles.standard_key,
        "design": dataclasses.asdict(profiles.design),
        "sampling": profiles.sampling,
        "replicate_rank": profiles.replicate_rank,
        "meta": profiles.meta,
        "tables": tables,
    }
    text = np.frombuffer(json.dumps(about, ensure_ascii=False).encode(), dtype=np.uint8)
    with open(path, "wb") as file:
        np.savez_compressed(file, about=text, **arrays)  # type: ignore[arg-type]


def load(path: str | Path, spec: Spec | None) -> Profiles:
    """Read profiles; see `Profiles.load`."""
    arrays, about = read(path)
    own = Spec.from_dict(about["spec"])
    if own.digest != about["digest"]:
        raise FileFormatError(
            "the specification in the file does not have the digest that stands beside it: the"
            " file was changed, or written by another version of povertycore"
        )
    if spec is not None and spec.digest != own.digest:
        raise ComparabilityError("the profiles in the file follow another specification")
    return Profiles(
        spec=own if spec is None else spec,
        by=tuple(about["by"]),
        over=None if about["over"] is None else tuple(about["over"]),
        unit=about["unit"],
        standard=about["standard"],
        standard_key=about["standard_key"],
        design=design_from(about["design"]),
        sampling=tuple(about["sampling"]),
        by_psu=tuple(
            table_from(description, f"{t}", arrays) for t, description in enumerate(about["tables"])
        ),
        replicate_rank=about["replicate_rank"],
        _meta=about["meta"],
    )


def design_from(words: Mapping[str, Any]) -> Design:
    """Make a design of its words."""
    try:
        replicates = words["replicates"]
        made = None if replicates is None else Replicates(**replicates)
        return Design(**{**words, "replicates": made})
    except (KeyError, TypeError, ValueError):
        raise FileFormatError("the design in the file is not one") from None


def read(path: str | Path) -> tuple[Arrays, dict[str, Any]]:
    """Read the arrays of a file and what it says about itself."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = dict(archive)
        about = json.loads(arrays.pop("about").tobytes())
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError, AttributeError, TypeError):
        raise FileFormatError(
            "the file does not hold profiles: Profiles.save writes .npz"
        ) from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise FileFormatError("the file is an .npz archive of something else than profiles")
    if about["version"] != VERSION:
        raise FileFormatError(
            f"the file has version {about['version']} of the format; this povertycore reads"
            f" version {VERSION}"
        )
    return arrays, about


def described_table(table: ProfileTable, prefix: str, arrays: Arrays) -> dict[str, Any]:
    """Put the arrays of a table among the others, and return what they do not tell."""
    arrays |= {f"{prefix}/{name}": getattr(table, name) for name in CELLS}
    arrays |= {f"{prefix}/gaps/{alpha!r}": sums for alpha, sums in table.gaps.items()}
    more = {name: getattr(table, name) for name in MORE if getattr(table, name) is not None}
    arrays |= {f"{prefix}/{name}": values for name, values in more.items()}
    groups = table.groups
    arrays |= {f"{prefix}/sums/{word}": values for word, values in groups.sums.items()}
    arrays |= {f"{prefix}/key/{j}": codes for j, codes in enumerate(groups.codes)}
    return {
        "labels": [
            described_labels(levels, f"{prefix}/labels/{j}", arrays)
            for j, levels in enumerate(groups.levels)
        ],
        "gaps": list(table.gaps),
        "more": list(more),
        "sums": list(groups.sums),
        "standards": None if groups.standards is None else list(groups.standards),
        "n_groups": groups.n_groups,
        "n_rows": groups.n_rows,
        "where_missing": groups.where_missing,
    }


def table_from(about: Mapping[str, Any], prefix: str, arrays: Arrays) -> ProfileTable:
    """Make a table of its arrays and its description."""
    try:
        return table_of(about, prefix, arrays)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError):
        raise FileFormatError(f"the arrays of table {prefix} are not complete") from None


def table_of(about: Mapping[str, Any], prefix: str, arrays: Arrays) -> ProfileTable:
    """Make a table of its arrays and its description, which are there."""
    nothing = np.zeros(0, dtype=np.int64)
    n_groups = int(about["n_groups"])
    groups = Table(
        levels=tuple(
            labels_from(description, f"{prefix}/labels/{j}", arrays)
            for j, description in enumerate(about["labels"])
        ),
        codes=tuple(arrays[f"{prefix}/key/{j}"] for j in range(len(about["labels"]))),
        seen=np.ones(n_groups, dtype=bool),
        sums={word: arrays[f"{prefix}/sums/{word}"] for word in about["sums"]},
        variable=nothing,
        category=nothing,
        standards=(
            None if about["standards"] is None else np.array(about["standards"], dtype=object)
        ),
        n_rows=about["n_rows"],
        where_missing=about["where_missing"],
    )
    check_groups(groups)
    cells = {
        name: arrays[f"{prefix}/{name}"].astype(dtype, casting="safe")
        for name, dtype in CELLS.items()
    }
    gaps = {float(alpha): arrays[f"{prefix}/gaps/{alpha!r}"] for alpha in about["gaps"]}
    more = {
        name: arrays[f"{prefix}/{name}"].astype(MORE[name], casting="safe")
        for name in about["more"]
    }
    group = cells["group"]
    if len({len(values) for values in (*cells.values(), *gaps.values(), *more.values())}) != 1:
        raise ValueError
    if len(group) and not (0 <= group.min() and group.max() < n_groups):
        raise ValueError
    if (np.bincount(group, cells["n"], n_groups) != groups.sums["n"][:, 0]).any():
        raise ValueError
    return arranged(ProfileTable(groups, **cells, gaps=gaps, **more), groups, group)


def check_groups(groups: Table) -> None:
    """Check that there is a label for every group, and that all arrays have its length."""
    for levels, codes in zip(groups.levels, groups.codes, strict=True):
        if len(codes) != groups.n_groups:
            raise ValueError
        if len(codes) and not (0 <= codes.min() and codes.max() < len(levels)):
            raise ValueError
    if any(len(values) != groups.n_groups for values in groups.sums.values()):
        raise ValueError


# --- labels -----------------------------------------------------------------------------------


def described_labels(labels: Any, name: str, arrays: Arrays) -> dict[str, Any]:
    """Put labels of any type among the arrays, or into their description where they are text."""
    if isinstance(labels, pd.Categorical):
        arrays[f"{name}/codes"] = labels.codes.astype(np.int64)
        categories = described_labels(labels.categories.array, f"{name}/categories", arrays)
        return {"type": "category", "ordered": bool(labels.ordered), "categories": categories}
    labels = pd.Series(labels)
    missing = labels.isna().to_numpy()
    kind, stored = stored_labels(labels, missing)
    if kind == "text":
        return {"type": kind, "labels": stored}
    arrays[name] = stored
    arrays[f"{name}/missing"] = missing
    return {"type": kind, "dtype": str(labels.dtype)}


def stored_labels(labels: pd.Series, missing: np.ndarray) -> tuple[str, Any]:
    """Return how labels are stored, and the list of text or array of numbers that is."""
    dtype = labels.dtype
    known = labels[~missing]
    if all(isinstance(label, str) for label in known):
        return "text", [
            None if gone else label for label, gone in zip(labels, missing, strict=True)
        ]
    if isinstance(dtype, pd.PeriodDtype):
        return "period", labels.array.asi8
    if pd.api.types.is_datetime64_any_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype):
        return "moment", labels.array.asi8
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_numeric_dtype(dtype):
        numbers = labels.array if isinstance(dtype, np.dtype) else labels.fillna(0)
        plain = getattr(dtype, "numpy_dtype", dtype)
        return "number", np.asarray(numbers, dtype=plain)
    raise DTypeError(f"labels of the type {dtype} are not written to a file of profiles")


def labels_from(about: Mapping[str, Any], name: str, arrays: Arrays) -> Any:
    """Return labels in the type that they had."""
    kind = about["type"]
    if kind == "category":
        categories = labels_from(about["categories"], f"{name}/categories", arrays)
        codes = arrays[f"{name}/codes"]
        dtype = pd.CategoricalDtype(pd.Index(categories), ordered=about["ordered"])
        return pd.Categorical.from_codes(codes, dtype=dtype)
    if kind == "text":
        return text_array(about["labels"])
    values, missing = arrays[name], arrays[f"{name}/missing"]
    if kind in ("period", "moment"):
        dtype = pd.api.types.pandas_dtype(about["dtype"])
        if kind == "period":
            return pd.PeriodIndex.from_ordinals(values, freq=dtype.freq).array
        if isinstance(dtype, np.dtype):
            return pd.Series(values.view(dtype)).array
        return (
            pd.DatetimeIndex(values.view(f"M8[{dtype.unit}]"), tz="UTC").tz_convert(dtype.tz).array
        )
    labels = pd.Series(values).astype(about["dtype"])
    return labels.mask(missing).array if missing.any() else labels.array
