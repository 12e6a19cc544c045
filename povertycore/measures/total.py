"""Totals, means and ratios of columns, and counts of units."""

from __future__ import annotations

from typing import Any

from .. import _core
from ..design import Design
from ..errors import OptionError, ValueRangeError
from ..estimates import Estimates
from ..inputs import Frame
from .results import (
    wrap,
)
from .tables import (
    Table,
    option_error,
)
from .tally import (
    Request,
    Variable,
    compute,
    count_is_needed,
    frame_of,
    listed,
    measured_variables,
    numbers_only,
    resolve,
)


def total(
    data: Any,
    columns: Any = None,
    *,
    by: str | list[str] | None = None,
    over: str | list[str] | None = None,
    where: Any = None,
    design: Design | None = None,
    count: str | None = None,
    standard: Any = None,
    missing_groups: str = "error",
    observed: bool = True,
    totals: str | list[str] | None = None,
) -> Estimates:
    """Add up a column by group, or count the households or persons.

    Parameters
    ----------
    data : DataFrame or mapping of str to array_like
        One row per household or person: pandas, Polars, PyArrow, or what narwhals reads.
    columns : str, array_like or list, optional
        Columns of numbers, 0/1 or bool; or of text or categories, which give the number of units
        in each category. Without it the units themselves are counted.
    by, over, where, design, standard, missing_groups, observed, totals
        As in `rate`.
    count : {"households", "persons"}, optional
        What is counted, in place of what the design says. Required with a `size` in the design
        for columns that are not 0/1: an amount per household is never multiplied by its members
        unasked.

    Returns
    -------
    Estimates
        One row per group and column: `estimate`, the sum of weight times value, in the unit of
        the column (in `unit` for 0/1 columns, categories and counts). `numerator` and
        `denominator` are NaN. Standard errors of a sample as in `rate`, with plain intervals.

    Raises
    ------
    OptionError
        `count` is required and not given; otherwise as in `rate`.
    ValueRangeError
        A value is infinite; otherwise as in `rate`.

    Notes
    -----
    A total covers the rows whose value is known; where some are not, its note says so.

    Examples
    --------
    >>> households = {"commune": ["01", "01", "02"], "aid": [5.0, 7.0, 1.5]}
    >>> pc.total(households, "aid", by="commune").to_frame()[["commune", "variable", "estimate"]]
      commune variable  estimate
    0      01      aid      12.0
    1      02      aid       1.5

    >>> pc.total(households, by="commune").to_frame()[["commune", "estimate", "unit"]]
      commune  estimate        unit
    0      01       2.0  households
    1      02       1.0  households
    """
    frame = frame_of(data, design, columns, by, over, where, standard)
    variables = () if columns is None else measured_variables(frame, columns)
    request = resolve(
        "total",
        frame,
        variables,
        "flags" if count_is_needed(design, count) else "values",
        by=by,
        over=over,
        where=where,
        design=design,
        count=count,
        standard=standard,
        missing_groups=missing_groups,
        observed=observed,
        totals=totals,
    )
    return wrap(request, compute_or_ask(request))


def mean(
    data: Any,
    columns: Any,
    *,
    by: str | list[str] | None = None,
    over: str | list[str] | None = None,
    where: Any = None,
    design: Design | None = None,
    count: str | None = None,
    standard: Any = None,
    missing_groups: str = "error",
    observed: bool = True,
    totals: str | list[str] | None = None,
) -> Estimates:
    """Compute the mean of a column by group.

    Parameters
    ----------
    data : DataFrame or mapping of str to array_like
        One row per household or person: pandas, Polars, PyArrow, or what narwhals reads.
    columns : str, array_like or list
        Columns of numbers. Missing values take the row out of that column's mean.
    by, over, where, design, count, standard, missing_groups, observed, totals
        As in `rate`. With a `size` in the design the mean is over persons, each with the value of
        the household.

    Returns
    -------
    Estimates
        One row per group and column: `estimate`, in the unit of the column, is `numerator` (sum
        of weight times value) over `denominator` (sum of weights). Standard errors of a sample as
        in `rate`, with plain intervals.

    Raises
    ------
    DTypeError
        A column holds text or categories; otherwise as in `rate`.

    Examples
    --------
    Two households of one and three members: per household (2 + 4)/2, per person (2 + 3 x 4)/4.

    >>> households = {"income": [2.0, 4.0], "members": [1, 3]}
    >>> pc.mean(households, "income")["estimate"].tolist()
    [3.0]
    >>> pc.mean(households, "income", design=pc.Design(size="members"))["estimate"].tolist()
    [3.5]
    """
    frame = frame_of(data, design, columns, by, over, where, standard)
    variables = measured_variables(frame, columns)
    numbers_only("mean", variables)
    request = resolve(
        "mean",
        frame,
        variables,
        "values",
        by=by,
        over=over,
        where=where,
        design=design,
        count=count,
        standard=standard,
        missing_groups=missing_groups,
        observed=observed,
        totals=totals,
    )
    return wrap(request, compute(request))


def ratio(
    data: Any,
    numerator: Any,
    denominator: Any,
    *,
    by: str | list[str] | None = None,
    over: str | list[str] | None = None,
    where: Any = None,
    design: Design | None = None,
    count: str | None = None,
    standard: Any = None,
    missing_groups: str = "error",
    observed: bool = True,
    totals: str | list[str] | None = None,
) -> Estimates:
    """Compute the ratio of the totals of two columns by group.

    Parameters
    ----------
    data : DataFrame or mapping of str to array_like
        One row per household or person: pandas, Polars, PyArrow, or what narwhals reads.
    numerator, denominator : str or array_like
        Columns of numbers, 0/1 or bool. A missing part takes the row out.
    by, over, where, design, standard, missing_groups, observed, totals
        As in `rate`.
    count : {"households", "persons"}, optional
        What is counted, as in `total`: required with a `size` in the design for columns that are
        not 0/1.

    Returns
    -------
    Estimates
        One row per group: `variable` is "numerator/denominator"; `estimate` is the sum of weight
        times numerator over the sum of weight times denominator, which are in the columns of
        these names; `population` is the sum of weights of the rows used. Standard errors of a
        sample as in `rate`, with plain intervals.

    Raises
    ------
    OptionError
        `count` is required and not given; otherwise as in `rate`.
    DTypeError
        A column holds text or categories.

    Notes
    -----
    The ratio of the totals is not the mean of the ratios: here (1 + 6)/(4 + 8), not the mean of
    1/4 and 6/8.

    Examples
    --------
    >>> households = {"aid": [1.0, 6.0], "income": [4.0, 8.0]}
    >>> est = pc.ratio(households, "aid", "income")
    >>> est["variable"].tolist(), est["numerator"].tolist(), est["denominator"].tolist()
    (['aid/income'], [7.0], [12.0])
    """
    if len(listed(numerator)) != 1 or len(listed(denominator)) != 1:
        raise option_error("numerator", "a ratio has one column above and one below")
    frame = frame_of(data, design, numerator, denominator, by, over, where, standard)
    parts = (*measured_variables(frame, numerator), *measured_variables(frame, denominator))
    numbers_only("ratio", parts)
    name = "/".join(part.name for part in parts)
    columns = tuple(part.columns[0] for part in parts)
    if count_is_needed(design, count):
        ask_unless_flags(frame, columns)
    request = resolve(
        "ratio",
        frame,
        (Variable(name, columns),),
        "pairs",
        by=by,
        over=over,
        where=where,
        design=design,
        count=count,
        standard=standard,
        missing_groups=missing_groups,
        observed=observed,
        totals=totals,
    )
    return wrap(request, compute(request))


def compute_or_ask(request: Request) -> list[Table]:
    """Total the columns; where they are read as 0/1 and are not, ask for `count`."""
    try:
        return compute(request)
    except ValueRangeError as error:
        if error.argument == "flag":
            raise count_error(request.verb, error) from None
        raise


def ask_unless_flags(frame: Frame, columns: tuple[_core.Column, ...]) -> None:
    """Ask for `count` if a column is not 0/1."""
    try:
        _core.total(frame.n, [], flags=columns)
    except ValueRangeError as error:
        raise count_error("ratio", error) from None


def count_error(verb: str, found: ValueRangeError) -> OptionError:
    """Return the error that asks what is counted."""
    error = OptionError(
        f"the design has a size and column {found.column!r} is not 0/1 (row {found.row}): say"
        f" count='households' or count='persons' in {verb}; an amount per household is never"
        " multiplied by its members unasked"
    )
    error.argument, error.column, error.row = "count", found.column, found.row
    return error
