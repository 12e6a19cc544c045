"""Figures and registers of one vintage of units, as figures of another."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from ..errors import (
    ComparabilityError,
    MissingValueError,
    OptionError,
    unknown_column,
)
from ..estimates import Estimates
from ..fields import TOTAL
from ..inputs import Frame
from ..waves import is_waves
from .crosswalk import Crosswalk, Shares, crosswalk, day_of

__all__ = ["rebase"]

Vintages = dict[Any, datetime.date]  # by label of the period; of None where there is one


def rebase(
    data: Any,
    changes: Any,
    *,
    unit: str,
    vintage: Any,
    to: Any,
    time: str | None = None,
    weight: str = "population",
    weight_column: str = "weight",
) -> Any:
    """Bring counts, or a register, into one vintage of administrative units.

    Parameters
    ----------
    data : Estimates or DataFrame
        Rates, means or totals of a register or of a printed table with its counts, the unit being
        one of their keys; or a register itself: pandas, Polars, PyArrow or a mapping of arrays; or
        a mapping from period to such a register.
    changes : Crosswalk, str, path, DataFrame or mapping
        How the units changed, as `crosswalk` reads it.
    unit : str
        The key, or the column, of codes. A name is never a key.
    vintage : date, str or mapping
        In which units the data are: those of this day; or of a day for each period.
    to : date or str
        The units wanted: those of this day, as "2025-07-01".
    time : str, optional
        The key, or the column, of the period, where `vintage` is a mapping.
    weight : {"population", "area"}, optional
        By what a unit that was split is shared among its parts.
    weight_column : str, optional
        Of a register: the column by which rows of a split unit are weighed; it is made where there
        is none.

    Returns
    -------
    Estimates, DataFrame or mapping
        Of estimates: their counts in the new units, added up and divided anew. A figure that holds
        a share of a split unit says so in its note, and `.meta["vintage"]` names the day, the
        crosswalk, its weight, and the codes that were `split` and `merged`. Of a register: its
        rows with new codes; a row of a split unit stands once for each part, its weight being the
        part's share. The column `<unit>_vintage` names the day.

    Raises
    ------
    ValueRangeError
        A label is no code of a unit in its vintage; it is told where a name stands for a code.
    MissingValueError
        A code is missing, or what a split is weighed by is not known.
    OptionError
        Estimates have no counts, or have standard errors: a survey is rebased by its rows. Parts of
        a new unit lie in several groups of a key that holds the units, as districts do communes.
    ComparabilityError
        Units that become one stand under different standards.

    Notes
    -----
    Sharing by population takes the households of a unit to be alike wherever they live in it. It
    changes no total. The weight matters: of Đại Đồng in Lạng Sơn 95 percent of the people went to
    Thất Khê, with 67 percent of the area.

    Examples
    --------
    Poor households of 2023, in the communes of December 2024: Đại Đồng is shared 8,527 to 470.

    >>> table = {"commune": ["LS-dai-dong", "LS-that-khe", "LS-doi-can"], "year": [2023] * 3,
    ...          "poor": [180, 40, 60], "all": [1800, 800, 500]}
    >>> est = pc.Estimates.from_table(table, ["commune", "year"], numerator="poor",
    ...                               denominator="all")
    >>> found = pc.rebase(est, "lang-son-2024", unit="commune", vintage="2023-12-31",
    ...                   to="2024-12-01")
    >>> found.to_frame()[["commune", "numerator", "denominator", "estimate"]].round(3)
            commune  numerator  denominator  estimate
    0    LS-doi-can     69.403      594.031     0.117
    1  LS-that-khe    210.597     2505.969     0.084
    """
    walk = crosswalk(changes)
    target = day_of(to, "to")
    if is_waves(data):
        return {
            period: rebased_rows(
                frame, walk, unit, day_in(vintage, period), target, None, weight, weight_column
            )
            for period, frame in data.items()
        }
    if isinstance(data, Estimates):
        return rebased_estimates(data, walk, unit, vintage, target, time, weight)
    return rebased_rows(data, walk, unit, vintage, target, time, weight, weight_column)


def day_in(vintage: Any, period: Any) -> Any:
    """Return the vintage of one of several files."""
    if not isinstance(vintage, Mapping):
        return vintage
    if period not in vintage:
        raise option_error("vintage", f"vintage has no day for {period!r}")
    return vintage[period]


def vintages_of(vintage: Any, labels: Any, time: str | None) -> tuple[Vintages, list[Any]]:
    """Return the day of each period, and the period of each row."""
    if not isinstance(vintage, Mapping):
        return {None: day_of(vintage, "vintage")}, [None] * len(labels)
    if time is None:
        raise option_error("time", "a vintage for each period needs time=, the name of the period")
    days = {plain(label): day_of(day, f"vintage[{label!r}]") for label, day in vintage.items()}
    periods = [plain(label) for label in labels]
    for label in dict.fromkeys(periods):
        if label not in days and not (isinstance(label, str) and label == TOTAL):
            raise option_error("vintage", f"vintage has no day for {time} {label!r}")
    return days, periods


def option_error(argument: str, message: str) -> OptionError:
    """Return the error for an argument, with its name attached."""
    error = OptionError(message)
    error.argument = argument
    return error


def plain(label: Any) -> Any:
    """Return a label as Python compares it."""
    return label.item() if isinstance(label, np.generic) else label


class Ways:
    """What the codes of each vintage are in the one wanted; each code is checked once."""

    def __init__(self, walk: Crosswalk, days: Vintages, to: datetime.date, weight: str) -> None:
        self.walk, self.days = walk, days
        self.shares: dict[datetime.date, Shares] = {
            day: walk.shares(day, to, weight) for day in days.values()
        }
        self.checked: set[tuple[Any, Any]] = set()

    def of(self, code: Any, period: Any, column: str, row: int) -> dict[str, Fraction]:
        """Return the codes that one is now, and the share of each."""
        if pd.isna(code):
            raise MissingValueError(f"{column}[{row}] is missing; every row needs a code")
        if code == TOTAL:
            return {TOTAL: Fraction(1)}
        day = self.days[period]
        if (code, day) not in self.checked:
            self.walk.check_code(code, day, column, row)
            self.checked.add((code, day))
        return self.shares[day].get(code, {code: Fraction(1)})


# ---- estimates -----------------------------------------------------------------------------------

SUMMED = ("numerator", "denominator", "population")


def rebased_estimates(
    est: Estimates,
    walk: Crosswalk,
    unit: str,
    vintage: Any,
    to: datetime.date,
    time: str | None,
    weight: str,
) -> Estimates:
    """Add the counts of estimates up by their new units."""
    for name in (unit, *([time] if time else [])):
        if name not in est.key_names:
            raise unknown_column(name, est.key_names)
    check_countable(est)
    labels = est[time].tolist() if time else [None] * len(est)
    days, periods = vintages_of(vintage, labels, time)
    ways = Ways(walk, days, to, weight)
    codes = est[unit].astype(object).tolist()
    parts = [
        ways.of(code, period, unit, row)
        for row, (code, period) in enumerate(zip(codes, periods, strict=True))
    ]
    row = np.repeat(np.arange(len(est)), [len(part) for part in parts])
    code = [new for part in parts for new in part]
    share = [size for part in parts for size in part.values()]
    others = [name for name in (*est.key_names, *est.measure_key_names, "measure") if name != unit]
    check_nesting(est, unit, codes, row, code)
    place = group_numbers(est, others, row, code)
    return summed(
        est, unit, row, code, share, place, told(ways, walk, to, unit, weight, parts, codes)
    )


def check_countable(est: Estimates) -> None:
    """Refuse estimates that are not made of counts."""
    if "of" in est.measure_key_names:
        raise option_error("data", f"a result of {est.verb} is not rebased; rebase what it is of")
    if est["se"].notna().any():
        raise option_error(
            "data",
            "these estimates have standard errors, which counts in new units would not; rebase"
            " the rows of the survey and estimate again",
        )
    is_total = (est["measure"] == "total").to_numpy()
    known = est["estimate"].notna().to_numpy()
    lacks = known & ~is_total & (est["numerator"].isna() | est["denominator"].isna()).to_numpy()
    if lacks.any():
        row = int(np.argmax(lacks))
        raise option_error(
            "data", f"row {row} has no numerator and denominator; only counts can be added up"
        )


def check_nesting(est: Estimates, unit: str, codes: list[Any], row: Any, code: list[str]) -> None:
    """Refuse keys that held the old units, and hold the new ones no more."""
    for name in est.key_names:
        labels = est[name].array
        if name == unit or pd.api.types.is_numeric_dtype(labels.dtype):
            continue
        before = pd.DataFrame({"code": codes, "label": pd.factorize(labels)[0]})
        before = before[before["code"] != TOTAL]
        after = pd.DataFrame({"code": code, "label": pd.factorize(labels)[0][row]})
        after = after[after["code"] != TOTAL]
        n_before, n_after = (x.groupby("code")["label"].nunique() for x in (before, after))
        several = n_after[n_after > 1]
        if len(several) and (n_before <= 1).all():
            raise option_error(
                "data",
                f"the parts of {several.index[0]!r} lie in several groups of {name!r}, which held"
                f" the units before; leave {name!r} out of the keys",
            )


def group_numbers(est: Estimates, others: list[str], row: Any, code: list[str]) -> Any:
    """Return which rows of the result the parts belong to, in the order of their first part."""
    place = pd.factorize(np.array(code, dtype=object))[0].astype(np.int64)
    for name in others:
        rank = pd.factorize(est[name].array, use_na_sentinel=False)[0][row]
        place = np.unique(place * (rank.max(initial=0) + 1) + rank, return_inverse=True)[1]
    return place


def told(
    ways: Ways,
    walk: Crosswalk,
    to: datetime.date,
    unit: str,
    weight: str,
    parts: list[dict[str, Fraction]],
    codes: list[Any],
) -> dict[str, Any]:
    """Return what the result tells of its vintage."""
    split = {code for code, part in zip(codes, parts, strict=True) if len(part) > 1}
    sources: dict[str, set[str]] = {}
    for code, part in zip(codes, parts, strict=True):
        for new in part:
            sources.setdefault(new, set()).add(code)
    days = list(ways.days.values())
    used = [
        link for link in walk.links if any(min(day, to) < link.date <= max(day, to) for day in days)
    ]
    vintage = {
        "unit": unit,
        "date": str(to),
        "crosswalk": walk.id,
        "weight": weight,
        "verified": all(link.verified for link in used),
        "split": sorted(split),
        "merged": sorted(new for new, old in sources.items() if len(old) > 1),
    }
    more: dict[str, Any] = {"vintage": vintage}
    if not vintage["verified"]:
        more["footnotes"] = [f"units as of {to}: the changes of {walk.id} are not verified"]
    return more


def summed(
    est: Estimates,
    unit: str,
    row: Any,
    code: list[str],
    share: list[Fraction],
    place: Any,
    meta: dict[str, Any],
) -> Estimates:
    """Return the sums of the parts, one row per new unit and whatever else names a row."""
    first = np.unique(place, return_index=True)[1]
    some, n = row[first], len(first)
    for name in ("unit", "standard"):
        check_alike(est, name, row, place, first, code)
    is_total = (est["measure"] == "total").to_numpy()[some]
    size = np.array([float(part) for part in share])
    names = (*SUMMED, "estimate")
    sums = {name: added(est, name, row, share, place, n) for name in names}
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.where(sums["denominator"] > 0, sums["numerator"] / sums["denominator"], np.nan)
    estimate = np.where(is_total, sums["estimate"], rate)
    counts = [
        np.bincount(place, np.where(size == 1, est[name].to_numpy(np.float64)[row], np.nan), n)
        for name in ("n_obs", "n_missing")
    ]
    notes = joined_notes(est, row, code, share, place, n, unit)
    keys = {name: est[name].array.take(some) for name in est.key_names}
    keys[unit] = pd.Series([code[i] for i in first], dtype=text_dtype(est[unit])).array
    before = est.meta
    footnotes = [*before.get("footnotes", ()), *meta.get("footnotes", ())]
    made = Estimates(
        keys,
        measure_keys={name: est[name].array.take(some) for name in est.measure_key_names},
        measure=est["measure"].array.take(some),
        estimate=estimate,
        numerator=np.where(is_total, np.nan, sums["numerator"]),
        denominator=np.where(is_total, np.nan, sums["denominator"]),
        population=sums["population"],
        n_obs=counts[0],
        n_missing=counts[1],
        unit=est["unit"].array.take(some),
        standard=est["standard"].array.take(some),
        note=np.array(notes, dtype=object),
        proportion=est._proportion[some],
        verb=est.verb,
        meta=before | meta | ({"footnotes": footnotes} if footnotes else {}),
    )
    made._set(_source=est._source[some])
    return made._take(made._contract_order())


def text_dtype(column: pd.Series) -> Any:
    """Return the type of a column of codes; new codes are no categories of the old ones."""
    return None if isinstance(column.dtype, pd.CategoricalDtype) else column.dtype


def added(est: Estimates, name: str, row: Any, share: list[Fraction], place: Any, n: int) -> Any:
    """Add a column up by shares, exactly; NaN where a part is not known."""
    values = est[name].to_numpy(dtype=np.float64)
    whole: list[Fraction | None] = [Fraction(0)] * n
    for i, size, to in zip(row.tolist(), share, place.tolist(), strict=True):
        before, value = whole[to], values[i]
        unknown = before is None or not np.isfinite(value)
        whole[to] = None if unknown or before is None else before + Fraction(value) * size
    return np.array([np.nan if total is None else float(total) for total in whole])


def check_alike(
    est: Estimates, name: str, row: Any, place: Any, first: Any, code: list[str]
) -> None:
    """Refuse to add up what counts other units, or stands under another standard."""
    labels = np.asarray(est[name].array.codes)[row]
    different = labels != labels[first][place]
    if different.any():
        i = int(np.argmax(different))
        raise ComparabilityError(
            f"row {row[i]} has another {name} than other parts of {code[i]!r}, which would be one"
        )


def joined_notes(
    est: Estimates,
    row: Any,
    code: list[str],
    share: list[Fraction],
    place: Any,
    n: int,
    unit: str,
) -> list[str]:
    """Say which figures hold a share of a split unit, and what the parts' own notes say."""
    own, codes = est["note"].astype(object).tolist(), est[unit].astype(object).tolist()
    words: list[dict[str, None]] = [{} for _ in range(n)]
    for i, size, to in zip(row.tolist(), share, place.tolist(), strict=True):
        if size != 1:
            words[to][f"with {float(size):.4g} of {codes[i]}"] = None
        if own[i]:
            words[to][own[i]] = None
    return ["; ".join(each) for each in words]


# ---- registers -----------------------------------------------------------------------------------


def rebased_rows(
    data: Any,
    walk: Crosswalk,
    unit: str,
    vintage: Any,
    to: datetime.date,
    time: str | None,
    weight: str,
    weight_column: str,
) -> Any:
    """Return the rows of a register with the codes of another vintage."""
    frame = Frame.of(data)
    for name in (unit, *([time] if time else [])):
        if name not in frame.names:
            raise unknown_column(name, frame.names)
    code_of, codes = pd.factorize(frame.array(unit), use_na_sentinel=False)
    periods_of = np.zeros(frame.n, np.int64)
    labels: Any = [None]
    if time is not None:
        periods_of, labels = pd.factorize(frame.array(time), use_na_sentinel=False)
    days, periods = vintages_of(vintage, labels, time)
    ways = Ways(walk, days, to, weight)
    # Each pair of code and period once: registers are long.
    pair = code_of * max(len(labels), 1) + periods_of
    distinct, first, of_pair = np.unique(pair, return_index=True, return_inverse=True)
    parts = [
        ways.of(plain(codes[number // max(len(labels), 1)]), period, unit, int(row))
        for number, row, period in zip(
            distinct.tolist(),
            first.tolist(),
            (periods[number % max(len(labels), 1)] for number in distinct.tolist()),
            strict=True,
        )
    ]
    n_parts = np.array([len(part) for part in parts], dtype=np.int64)
    row = np.repeat(np.arange(frame.n), n_parts[of_pair])
    start = np.concatenate([[0], np.cumsum(n_parts)])
    within = np.arange(len(row)) - np.repeat(
        np.cumsum(n_parts[of_pair]) - n_parts[of_pair], n_parts[of_pair]
    )
    at = start[of_pair[row]] + within
    new = np.array([label for part in parts for label in part], dtype=object)[at]
    share = np.array([float(size) for part in parts for size in part.values()])[at]
    return with_codes(data, row, unit, new, share, weight_column, to)


def with_codes(
    data: Any, row: Any, unit: str, code: Any, share: Any, weight_column: str, to: datetime.date
) -> Any:
    """Return rows of a frame of any library with new codes, weights and the vintage."""
    native = pd.DataFrame(dict(data)) if isinstance(data, Mapping) else data
    if isinstance(native, pd.DataFrame):
        out = native.iloc[row].reset_index(drop=True)
        out[unit] = pd.Series(list(code), dtype=text_dtype(native[unit]), index=out.index)
        out[weight_column] = out[weight_column] * share if weight_column in out else share
        day = pd.Categorical.from_codes(np.zeros(len(out), np.int8), [str(to)])
        return out.assign(**{f"{unit}_vintage": day})
    found: Any = nw.from_native(native, eager_only=True)
    taken = found[row.tolist()]
    if weight_column in found.columns:
        share = np.asarray(taken[weight_column].to_numpy(), np.float64) * share
    columns = {unit: list(code), weight_column: share.tolist()}
    columns[f"{unit}_vintage"] = [str(to)] * len(row)
    made = [
        nw.new_series(name, values, backend=found.implementation)
        for name, values in columns.items()
    ]
    return taken.with_columns(*made).to_native()
