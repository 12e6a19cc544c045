"""From members to households: whether any of them is deprived, all are, or a share of them.

A file of members has one row per person and names the household of each. Each indicator becomes
one byte a row; members are counted by household in one pass of the core, and counts are compared as
integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .. import _core
from ..errors import DuplicateNameError
from ..inputs import Frame, Key
from .indicator import Among, Indicator
from .rules import Rule, flags
from .spec import Spec
from .tables import Arrangement, arrange, option_error
from .tally import keys_of, listed

__all__ = ["collapse"]

Counts = NDArray[np.int64]
Answers = tuple[NDArray[np.bool_], NDArray[np.bool_]]  # deprived; not known


def collapse(members: Any, spec: Spec, *, id: str | list[str]) -> Any:
    """Answer a specification's indicators of members, one row per household.

    Parameters
    ----------
    members : DataFrame or mapping of str to array_like
        One row per member: pandas, Polars, PyArrow, or what narwhals reads.
    spec : Spec
        The specification. Its indicators with ``level="member"`` are answered, the others are
        passed over.
    id : str or list of str
        The column that names a member's household, or the columns that do so together, as a
        cluster and a number in it.

    Returns
    -------
    DataFrame, Table or dict
        Of the library of `members`: the columns of `id`, and one column per indicator, named as it
        is, of 1 (deprived), 0 or missing; one row per household, in the order of `id`. Merged into
        a file of households it is what `povertycore.multidim` reads.

    Raises
    ------
    ColumnNotFoundError
        A column is not in `members`.
    OptionError
        No indicator is of members, or the specification is none.
    MissingValueError
        The household of a member is missing.
    ValueRangeError
        A column without a rule is neither 0 nor 1.

    Notes
    -----
    Let a household have n members whom the indicator is about (`among`; by default all), of whom d
    are known to be deprived and u are not known.

    =================  =====================  ========================================
    collapse           deprived               not deprived
    =================  =====================  ========================================
    any                d >= 1                 d + u = 0
    all                d = n                  d + u < n
    share, more_than   d / n > share          (d + u) / n <= share
    share, at_least    d / n >= share         (d + u) / n < share
    =================  =====================  ========================================

    Otherwise the answer is missing: it depends on members who are not known (`unknown` =
    "undecided"). With `unknown="left_out"` they do not count, n being the others, and the answer is
    missing only where nobody is known. A household without such members is not deprived, or as the
    indicator's `nobody` says. A member for whom `among` is missing is not among them.

    Examples
    --------
    In household 1 nobody has finished six years of school. In household 2 one has; the child whose
    attendance is not known leaves that answer open.

    >>> people = pd.DataFrame({
    ...     "hhid": [1, 1, 2, 2],
    ...     "age": [40, 9, 41, 10],
    ...     "years": [4, 3, 6, None],
    ...     "attends": [None, 1, None, None],
    ... })
    >>> child = {"column": "age", "at_or_above": 6, "below": 15}
    >>> spec = pc.Spec({"education": [
    ...     pc.Indicator("schooling", "years", below=6, level="member", collapse="all"),
    ...     pc.Indicator("attendance", "attends", equals=0, level="member", among=child),
    ... ]})
    >>> pc.collapse(people, spec, id="hhid")
       hhid  schooling  attendance
    0     1          1           0
    1     2          0        <NA>
    """
    indicators = members_of(spec)
    names = listed(id)
    frame = Frame.of(members, columns_of(indicators, names))
    keys = keys_of(frame, names, False)
    if not keys:
        raise option_error("id", "id is an empty list; name the column of the household")
    groups, counts = counted(frame, keys, indicators)
    answers = {one.id: answered(one, *counts[one.id]) for one in indicators}
    labels = [
        levels.take(codes) if hasattr(levels, "take") else np.asarray(levels)[codes]
        for levels, codes in zip(groups.levels, groups.codes, strict=True)
    ]
    ids = dict(zip([str(key.name) for key in keys], labels, strict=True))
    for name in answers:
        if name in ids:
            raise DuplicateNameError(f"the indicator {name!r} is named like a column of id")
    return table_like(frame, ids, answers)


def members_of(spec: Any) -> list[Indicator]:
    """Return the indicators that are of members."""
    if not isinstance(spec, Spec):
        raise option_error("spec", f"spec must be a Spec, found {type(spec).__name__}")
    found = [one for one in spec.indicators if one.level == "member"]
    if not found:
        raise option_error("spec", "no indicator of the specification has level='member'")
    return found


def columns_of(indicators: Sequence[Indicator], names: Sequence[Any]) -> list[Any]:
    """Return the columns that are read."""
    whom = [one.among.column for one in indicators if one.among is not None]
    return [*names, *(one.column for one in indicators), *whom]


def counted(
    frame: Frame, keys: Sequence[Key], indicators: Sequence[Indicator]
) -> tuple[Arrangement, dict[str, tuple[Counts, Counts, Counts]]]:
    """Count, per household, the members each indicator is about, those known, those deprived."""
    whom: dict[Among | None, NDArray[np.bool_]] = {}
    for one in indicators:
        if one.among is not None and one.among not in whom:
            hit, missing = of_rows(frame, one.among.column, one.among.rule)
            whom[one.among] = hit if missing is None else hit & ~missing
    columns = [_core.column_array(about) for about in whom.values()]
    for one in indicators:
        hit, missing = of_rows(frame, one.column, one.rule)
        if one.among is not None:
            outside = ~whom[one.among]
            missing = outside if missing is None else missing | outside
        columns.append(_core.column_array(hit, missing))
    raw = _core.total(frame.n, [key.column for key in keys], flags=columns)
    groups = arrange(raw, keys)
    n, known = groups.gather(raw["n"]), groups.gather(raw["score_n"])
    true = groups.gather(raw["sums"]).astype(np.int64)
    place = {among: j for j, among in enumerate(whom)}
    return groups, {
        one.id: (n if one.among is None else true[:, place[one.among]], known[:, j], true[:, j])
        for j, one in enumerate(indicators, start=len(whom))
    }


def of_rows(
    frame: Frame, column: str, rule: Rule | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_] | None]:
    """Return what a column or a rule says of each member, and of whom it says nothing."""
    said, unsaid = _core.pack(frame.n, [flags(frame, column, rule)])
    return said.view(np.bool_), None if unsaid is None else unsaid.view(np.bool_)


def answered(indicator: Indicator, n: Counts, known: Counts, deprived: Counts) -> Answers:
    """Say which households are deprived, and of which it is not known."""
    nobody = n == 0
    all_unknown = (known == 0) & ~nobody
    if indicator.unknown == "left_out":
        n = known
    most = deprived + (n - known)
    least_is, most_is = (reaches(indicator, count, n) for count in (deprived, most))
    missing = ~least_is & most_is
    if indicator.unknown == "left_out":
        missing |= all_unknown
    missing[nobody] = indicator.nobody == "missing"
    least_is[nobody] = indicator.nobody == "deprived"
    return least_is & ~missing, missing


def reaches(indicator: Indicator, count: Counts, n: Counts) -> NDArray[np.bool_]:
    """Say whether so many deprived of n make a household deprived."""
    if indicator.collapse == "any":
        return np.asarray(count > 0)
    if indicator.collapse == "all":
        return np.asarray(count == n)
    share: Fraction = indicator.more_than if indicator.more_than is not None else indicator.at_least
    compare = np.greater if indicator.more_than is not None else np.greater_equal
    return np.asarray(compare(count * share.denominator, n * share.numerator), bool)


# --- the table of households ----------------------------------------------------------------------


def table_like(frame: Frame, ids: Mapping[str, Any], answers: Mapping[str, Answers]) -> Any:
    """Return ids and answers as a table of the frame's own library."""
    if frame.kind == "polars":
        return polars_table(frame, ids, answers)
    if frame.kind == "pyarrow":
        return arrow_table(frame, ids, answers)
    if frame.kind == "mapping":
        return dict(ids) | {name: masked(*answer) for name, answer in answers.items()}
    return pd.DataFrame(dict(ids) | {name: nullable(*answer) for name, answer in answers.items()})


def masked(deprived: NDArray[np.bool_], missing: NDArray[np.bool_]) -> NDArray[Any]:
    """Return answers as an array, masked where some are missing."""
    values = deprived.astype(np.int8)
    return np.ma.MaskedArray(values, missing) if missing.any() else values


def nullable(deprived: NDArray[np.bool_], missing: NDArray[np.bool_]) -> Any:
    """Return answers as pandas has them: Int8 where some are missing."""
    values = deprived.astype(np.int8)
    return pd.arrays.IntegerArray(values, missing) if missing.any() else values


def polars_table(frame: Frame, ids: Mapping[str, Any], answers: Mapping[str, Answers]) -> Any:
    """Return a Polars frame; ids keep their type."""
    import polars as pl

    columns = [
        pl.Series(name, plain(labels), dtype=frame.native(name).dtype)
        for name, labels in ids.items()
    ]
    for name, (deprived, missing) in answers.items():
        both = pl.DataFrame({"answer": deprived.astype(np.int8), "missing": missing})
        answer = both.select(pl.when(~pl.col("missing")).then(pl.col("answer")))
        columns.append(answer.to_series().rename(name))
    return pl.DataFrame(columns)


def arrow_table(frame: Frame, ids: Mapping[str, Any], answers: Mapping[str, Answers]) -> Any:
    """Return a PyArrow table; ids keep their type."""
    import pyarrow as pa

    columns = {
        name: pa.array(plain(labels), type=frame.native(name).type) for name, labels in ids.items()
    }
    for name, (deprived, missing) in answers.items():
        columns[name] = pa.array(deprived.astype(np.int8), mask=missing)
    return pa.table(columns)


def plain(labels: Any) -> Any:
    """Return labels such that any library reads them: numbers as an array, else a list."""
    kind = getattr(getattr(labels, "dtype", None), "kind", "O")
    return np.asarray(labels) if kind in "iufbmM" else list(labels)
