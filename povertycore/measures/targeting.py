"""Targeting: whether support reaches the poor, how much of it, and how programmes overlap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from .. import _core
from ..design import Design
from ..errors import DTypeError, MissingValueError, PovertyCoreError, ValueRangeError
from ..estimates import Estimates
from ..inputs import Frame, Key
from .benefits import (
    AMOUNT,
    COUNT,
    THIN,
    Benefit,
    Figure,
    Floats,
    Grouping,
    Ints,
    Place,
    Sum,
    benefit_columns,
    beside,
    figures_table,
    plain,
    quotient,
    together_columns,
)
from .results import NO_ROWS, NOT_SEEN, NOTHING, TOO_LARGE, Counts, Slots, wrap
from .tables import Table, levels_of, option_error
from .tally import (
    Request,
    Variable,
    compute,
    count_is_needed,
    frame_of,
    listed,
    number_column,
    resolve,
)

MOST_TOGETHER = 12  # benefits whose overlap is counted: all combinations of them may be cells
CUTS = "the cuts are taken as fixed"
SAME = 1e-12  # two shares of weight that differ by less are one


def targeting(
    data: Any,
    benefit: Any,
    poor: Any,
    *,
    amount: Any = None,
    thin: float | None = None,
    poor_label: Any = "poor",
    classes: Any = None,
    welfare: Any = None,
    quantiles: int | Sequence[float] = 5,
    quantiles_by: str | list[str] | None = None,
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
    r"""Measure how well benefits reach the poor.

    Parameters
    ----------
    data : DataFrame or mapping of str to array_like
        One row per household or person; or a mapping from period to such a frame, as in `rate`.
    benefit : str, array_like or list
        Columns of 0/1 or bool: who receives. Missing values take the row out of that benefit.
    poor : str or array_like
        A column of 0/1 or bool; or of text or categories, of which `poor_label` is poor and all
        are classes of their own.
    amount : str, array_like or list, optional
        Columns of the amounts received, one for each benefit; 0 where none is.
    thin : float, optional
        An amount below which support is thin.
    poor_label : label or list, default "poor"
        Which classes are poor, where `poor` holds classes.
    classes : str or array_like, optional
        A column of classes, where `poor` is 0/1.
    welfare : str or array_like, optional
        A column of numbers, before or after the transfer as the question is, by which the rows
        are split into quantile groups.
    quantiles : int or list of float, default 5
        How many groups; or the shares at which they are cut, as [0.4] for the lowest 40 percent.
    quantiles_by : str or list of str, optional
        Columns within which the groups are formed; by default the period of the design.
    by, over, where, design, count, standard, missing_groups, observed, totals
        As in `rate`. With a `size` in the design amounts require `count`, as in `total`.

    Returns
    -------
    Estimates
        `variable` is the benefit; `grouping` and `group` say of whom a figure is, if not of all.
        Rows of a benefit:

        - `coverage` of the poor, `undercoverage` = 1 - coverage, `leakage`: receivers who are not
          poor, as a share of receivers; `cgh`, the Coady-Grosh-Hoddinott index: the poor's share
          of receivers over their share of the population, above 1 where the poor are favoured;
        - with amounts `leakage_amount` and `cgh_amount` of the sum paid; `support_per_unit`,
          `support_per_poor` and `support_per_receiver`; `concentration` among receivers, 0 where
          all receive the same and near 1 where few receive nearly all; `share_thin`, receivers
          of less than `thin`;
        - of each class and quantile `coverage`, `incidence` (its share of receivers), `cgh`, and
          with amounts `incidence_amount` and `cgh_amount`;
        - of several benefits `overlap`: the share of its receivers who also receive the one in
          `group`. Last, without a variable, `programmes` and `programmes_of_poor`: the shares of
          all, and of the poor, who receive as many benefits as `group` says.

        Standard errors of a sample as in `rate`.

    Raises
    ------
    ValueRangeError
        A benefit or `poor` holds something else than 0 and 1; an amount is negative, or above 0 in
        a row that receives nothing.
    OptionError
        `poor_label` is no class, `count` is needed, or an option does not go with the others.
    ColumnNotFoundError
        A named column is not in `data`; otherwise as in `rate`.

    Notes
    -----
    With b who receives, p the poor and u the weights,

    .. math::

        \text{coverage} = \frac{\sum u b p}{\sum u p}, \quad
        \text{leakage} = \frac{\sum u b (1 - p)}{\sum u b}, \quad
        \text{CGH} = \frac{\sum u b p / \sum u b}{\sum u p / \sum u},

    over the rows in which both are known, and by amount with the amount a in place of b.
    Concentration is :math:`1 - (\sum u a)^2 / (\sum u b \sum u a^2)` over receivers: 1 less the
    share of them who could have had the same sum and sum of squares in equal parts.

    A quantile group holds the rows up to the smallest welfare at which its share of all weight, of
    all rows in the file whatever `where` says, is reached; those of one welfare are in one group.
    Standard errors take these cuts as fixed. Those of `cgh` and `concentration` are linearised,
    also where replicates are made from strata and PSUs. (Coady, Grosh and Hoddinott 2004, Targeting
    of Transfers in Developing Countries, ch. 2.)

    Examples
    --------
    Two of four poor households receive support, and one of six others: coverage 2/4, leakage 1/3,
    CGH (2/3)/(4/10).

    >>> households = {"poor": [1] * 4 + [0] * 6, "support": [1, 1, 0, 0, 1, 0, 0, 0, 0, 0]}
    >>> found = pc.targeting(households, "support", "poor").to_frame()
    >>> found[["variable", "measure", "estimate", "numerator", "denominator"]].round(3)
      variable        measure  estimate  numerator  denominator
    0  support       coverage     0.500      2.000          4.0
    1  support  undercoverage     0.500      2.000          4.0
    2  support        leakage     0.333      1.000          3.0
    3  support            cgh     1.667      0.667          0.4
    """
    words = (benefit, poor, amount, classes, welfare, quantiles_by, by, over, where, standard)
    frame = frame_of(data, design, *words)
    if amount is not None and count_is_needed(design, count):
        raise option_error(
            "count",
            "the design has a size: say count='households' or count='persons' for amounts; an"
            " amount per household is never multiplied by its members unasked",
        )
    benefits = benefits_of(frame, benefit, amount, thin)
    names = [one.name for one in benefits] + ([""] if len(benefits) > 1 else [])
    request = resolve(
        "targeting",
        frame,
        [Variable(name) for name in names],
        "flags",
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
    groupings = [*groupings_of(request, poor, poor_label, classes)]
    if welfare is not None:
        groupings.append(quantile_groups(request, welfare, quantiles, quantiles_by))
    check_keys(request)
    plan = Plan(tuple(benefits), tuple(groupings), request.has_errors)
    tables = compute(replace(request, maker=partial(components, plan)))
    figures = plan.figures()
    finished = [figures_table(figures, table) for table in tables]
    return wrap(request, finished, estimated, plan.describe)


# --- resolve -----------------------------------------------------------------------------------


def wrong(kind: type[PovertyCoreError], argument: str, column: str, what: str) -> PovertyCoreError:
    """Return the error for a column, with the argument's name attached."""
    error = kind(f"column {column!r} {what}")
    error.argument, error.column = argument, column
    return error


def benefits_of(frame: Frame, benefit: Any, amount: Any, thin: float | None) -> list[Benefit]:
    """Read who receives what, and how much."""
    columns = listed(benefit)
    amounts = [None] * len(columns) if amount is None else listed(amount)
    if not columns:
        raise option_error("benefit", "benefit is an empty list; name who receives")
    if len(columns) > MOST_TOGETHER:
        raise option_error("benefit", f"at most {MOST_TOGETHER} benefits are measured in one call")
    if len(amounts) != len(columns):
        raise option_error(
            "amount", f"amount has {len(amounts)} columns; expected {len(columns)}, one a benefit"
        )
    if thin is not None:
        if amount is None:
            raise option_error("thin", "thin is an amount, and needs amount=")
        if not isinstance(thin, Real) or isinstance(thin, bool) or not thin > 0:
            raise option_error("thin", f"thin must be an amount above 0, found {thin!r}")
    found = []
    for column, paid in zip(columns, amounts, strict=True):
        key = frame.key(column)
        check_flags(frame, key, "benefit")
        column_paid = None if paid is None else number_column(frame, "amount", paid)
        is_thin = None
        if column_paid is not None:
            values = np.asarray(frame.array(paid), dtype=np.float64)
            receives = np.asarray(frame.array(column), dtype=np.float64)
            check_amounts(values, receives, column_paid.name, key.name)
            if thin is not None:
                flags = np.where(np.isnan(values), np.nan, values < thin)
                is_thin = _core.column_array(flags, None, "thin")
        found.append(Benefit(key.name, key, column_paid, is_thin))
    return found


def check_amounts(values: Floats, receives: Floats, amount: str, benefit: str) -> None:
    """Refuse amounts below 0, and amounts of who does not receive."""
    for bad, what in (
        (values < 0, "is negative; amounts must be >= 0"),
        ((values > 0) & (receives == 0), f"is above 0 in a row that {benefit!r} says gets nothing"),
    ):
        if bad.any():
            row = int(np.argmax(bad))
            error = ValueRangeError(f"{amount or 'amount'}[{row}] {what}")
            error.argument, error.column, error.row = "amount", amount or None, row
            raise error


def check_flags(frame: Frame, key: Key, argument: str) -> None:
    """Refuse a column that is neither 0/1 nor bool."""
    if key.is_categorical:
        raise wrong(DTypeError, argument, key.name, "holds text or categories; 0/1 is expected")
    if not (key.is_flag or key.column.type.startswith("float")):
        raise wrong(DTypeError, argument, key.name, "holds dates or durations; 0/1 is expected")
    for label in labels_of(frame, key):
        if plain(label) not in (0, 1):
            raise wrong(
                ValueRangeError,
                argument,
                key.name,
                "holds something else than 0 and 1"
                + ("; how much is received is told by amount=" if argument == "benefit" else ""),
            )


def labels_of(frame: Frame, key: Key) -> list[Any]:
    """Return the labels of a column, in order, without the missing one."""
    raw = _core.total(frame.n, [key.column], keep_missing=True)
    found, _ = levels_of(key, raw["key_values"][0], np.asarray(raw["key_missing"][0], dtype=bool))
    return [plain(label) for label in found if not pd.isna(label)]


def groupings_of(request: Request, poor: Any, poor_label: Any, classes: Any) -> Iterator[Grouping]:
    """Read who is poor, and the classes."""
    frame = request.frame
    key = frame.key(poor)
    if key.is_categorical:
        if classes is not None:
            raise option_error("classes", "classes are those of poor, which holds classes itself")
        labels = labels_of(frame, key)
        wanted = listed(poor_label)
        for label in wanted:
            if label not in labels:
                known = ", ".join(repr(other) for other in labels)
                raise option_error("poor_label", f"no row is {label!r}; the classes are {known}")
        poor_ones = tuple(i for i, label in enumerate(labels) if label in wanted)
        yield Grouping("", key, tuple(labels), poor_ones)
        yield Grouping(key.name or "class", key, tuple(labels))
        return
    check_flags(frame, key, "poor")
    yield Grouping("", key, (0, 1), (1,))
    if classes is not None:
        key = frame.key(classes)
        yield Grouping(key.name or "class", key, tuple(labels_of(frame, key)))


def check_keys(request: Request) -> None:
    """Refuse keys that are named like columns of the result."""
    for key in (*request.by, *(request.over or ())):
        if key.name in ("grouping", "group"):
            raise option_error(
                "by", f"the key {key.name!r} is named like a column of the result; rename it"
            )


def quantile_groups(
    request: Request, welfare: Any, quantiles: int | Sequence[float], within: Any
) -> Grouping:
    """Split the rows into groups by their welfare."""
    frame, design = request.frame, request.design
    shares = cut_shares(quantiles)
    number_column(frame, "welfare", welfare)  # refuses what is no number
    values = np.asarray(frame.array(welfare), dtype=np.float64)
    weight = np.ones(frame.n)
    for name in (design.weight, design.size if request.size is not None else None):
        if name is not None:
            weight = weight * np.asarray(frame.array(name), dtype=np.float64)
    if within is None and design.period is not None:
        within = design.period
    cell = np.zeros(frame.n, dtype=np.int64)
    for name in [] if within is None else listed(within):
        code = pd.factorize(frame.array(name))[0]
        if (code < 0).any():
            raise wrong(MissingValueError, "quantiles_by", str(name), "has missing labels")
        cell = np.unique(cell * (code.max(initial=0) + 1) + code, return_inverse=True)[1]
    group = group_of(values, weight, cell, shares)
    is_missing = np.isnan(group)
    codes = np.where(is_missing, 0, group).astype(np.int16)
    key = frame.key(pd.Series(pd.arrays.IntegerArray(codes, is_missing), name="quantile"))
    return Grouping("quantile", key, tuple(range(1, len(shares) + 2)))


def cut_shares(quantiles: int | Sequence[float]) -> list[float]:
    """Return the shares of the population at which groups are cut."""
    if isinstance(quantiles, int | np.integer) and not isinstance(quantiles, bool):
        if quantiles < 2:
            raise option_error("quantiles", f"quantiles must be 2 or more, found {quantiles}")
        return [k / int(quantiles) for k in range(1, int(quantiles))]
    shares = [float(share) for share in listed(quantiles)]
    rising = [0.0, *shares, 1.0]
    if not shares or any(not a < b for a, b in zip(rising, rising[1:], strict=False)):
        raise option_error("quantiles", "quantiles must be a number, or rising shares within 0..1")
    return shares


def group_of(values: Floats, weight: Floats, cell: Ints, shares: Sequence[float]) -> Floats:
    """Return the quantile group of each row, from 1; NaN where welfare is missing."""
    group = np.full(len(values), np.nan)
    rows = np.flatnonzero(~np.isnan(values))
    rows = rows[np.lexsort((values[rows], cell[rows]))]
    for at in np.split(rows, np.flatnonzero(np.diff(cell[rows])) + 1):
        if not len(at):
            continue
        reached = np.cumsum(weight[at])
        place = np.searchsorted(reached, (np.array(shares) - SAME) * reached[-1])
        cuts = values[at][np.minimum(place, len(at) - 1)]
        group[at] = 1 + np.searchsorted(cuts, values[at], side="left")
    return group


# --- compute -----------------------------------------------------------------------------------


def components(plan: Plan, request: Request, keys: Sequence[Key]) -> Table:
    """Total everything that the figures are made of."""
    tables = [
        benefit_columns(request, keys, j, benefit, g, grouping)[0]
        for j, benefit in enumerate(plan.benefits)
        for g, grouping in enumerate(plan.groupings)
    ]
    if len(plan.benefits) > 1:
        tables.append(together_columns(request, keys, plan.benefits, plan.groupings[0]))
    return beside(tables)


@dataclass(frozen=True)
class Plan:
    """What a call measures, and where its components stand."""

    benefits: tuple[Benefit, ...]
    groupings: tuple[Grouping, ...]
    has_errors: bool

    def places(self) -> list[Place]:
        """Return the components in their order: as `benefit_columns` has them."""
        return [
            Place(kind, j, g, label, receives)
            for j, benefit in enumerate(self.benefits)
            for g, grouping in enumerate(self.groupings)
            for kind in kinds_of(benefit)
            for label in range(len(grouping.labels))
            for receives in (True, False)
        ]

    def figures(self) -> list[Figure]:
        """Return the figures in the order of the result."""
        places = self.places()
        n = len(self.benefits)
        found = []
        for j, benefit in enumerate(self.benefits):
            for g, grouping in enumerate(self.groupings):
                parts = Parts(tuple(places), j, g, benefit)
                found += of_poor(parts, grouping) if g == 0 else of_groups(parts, grouping)
            if n > 1:
                found += self.overlaps(j, len(places))
        return [*found, *self.numbers(len(places))] if n > 1 else found

    def overlaps(self, j: int, start: int) -> list[Figure]:
        """Return the figures of who also receives other benefits."""
        n = len(self.benefits)
        pairs = [(a, b) for a in range(n) for b in range(n) if a != b]
        found = []
        for i, (a, b) in enumerate(pairs):
            if a == j:
                both, first = Sum((start + 2 * i,)), Sum((start + 2 * i + 1,))
                name = self.benefits[b].name
                empty = "nobody receives it"
                found.append(Figure("overlap", j, "programme", name, both, first, empty=empty))
        return found

    def numbers(self, start: int) -> list[Figure]:
        """Return the figures of how many benefits are received."""
        n = len(self.benefits)
        found = []
        for measure, empty in (("programmes", ""), ("programmes_of_poor", "nobody is poor")):
            first = start + 2 * n * (n - 1) + (n + 1 if measure == "programmes_of_poor" else 0)
            whole = Sum(tuple(range(first, first + n + 1)))
            for k in range(n + 1):
                part = Sum((first + k,))
                found.append(Figure(measure, n, "number", str(k), part, whole, empty=empty))
        return found

    def describe(self, counts: Counts) -> Slots:
        """Say what the slots are, and why figures are missing or how they must be read."""
        figures = self.figures()
        texts = {"": 0}
        number = np.zeros(counts["n_obs"].shape, dtype=np.int64)
        is_empty = (counts["denominator"] == 0) | np.isnan(counts["numerator"])
        is_empty &= counts["rows"] > 0
        for i, figure in enumerate(figures):
            if figure.empty:
                number[is_empty[:, i], i] = texts.setdefault(figure.empty, len(texts))
            if figure.grouping == "quantile" and self.has_errors:
                number[~is_empty[:, i], i] = texts.setdefault(CUTS, len(texts))
        return Slots(
            measure=[figure.measure for figure in figures],
            keys={
                "grouping": [figure.grouping for figure in figures],
                "group": [figure.group for figure in figures],
            },
            is_total=np.zeros(len(figures), dtype=bool),
            is_share=np.broadcast_to(
                np.array([figure.is_share for figure in figures]), number.shape
            ),
            notes=(number, list(texts)),
        )


def kinds_of(benefit: Benefit) -> list[str]:
    """Return the kinds of components of a benefit."""
    amounts = [benefit.amount is not None, benefit.is_thin is not None]
    return [COUNT, *(kind for kind, has in zip((AMOUNT, THIN), amounts, strict=True) if has)]


@dataclass(frozen=True)
class Parts:
    """The components of one benefit under one grouping."""

    places: tuple[Place, ...]
    benefit: int
    grouping: int
    what: Benefit

    def slots(
        self, kind: str, labels: Sequence[int] | None = None, receives: bool | None = None
    ) -> tuple[int, ...]:
        """Return the components of a kind, of some labels, of receivers or others."""
        return tuple(
            i
            for i, place in enumerate(self.places)
            if (place.kind, place.benefit, place.grouping) == (kind, self.benefit, self.grouping)
            and (labels is None or place.label in labels)
            and (receives is None or place.receives == receives)
        )

    def figure(self, measure: str, above: Sum, below: Sum, **more: Any) -> Figure:
        """Return a figure of this benefit."""
        words = {"grouping": None, "group": None} | more
        return Figure(measure, self.benefit, above=above, below=below, **words)

    def index(self, measure: str, labels: Sequence[int], **more: Any) -> Figure:
        """Return a group's share of receivers, or of the sum paid, over that of the population."""
        is_amount = measure == "cgh_amount"
        kind, word = (AMOUNT, "numerator") if is_amount else (COUNT, "population")
        does = None if is_amount else True
        return self.figure(
            measure,
            Sum(self.slots(kind, labels, does), word),
            Sum(self.slots(kind, None, does), word),
            second_above=Sum(self.slots(kind, labels)),
            second_below=Sum(self.slots(kind)),
            is_share=False,
            **({"empty": "nobody receives it, or the group is empty"} | more),
        )

    def of_sum(self, measure: str, labels: Sequence[int], **more: Any) -> Figure:
        """Return a group's share of the sum paid."""
        part, whole = self.slots(AMOUNT, labels), self.slots(AMOUNT)
        return self.figure(
            measure,
            Sum(part, "numerator"),
            Sum(whole, "numerator"),
            square=Sum(part, "denominator"),
            square_below=Sum(whole, "denominator"),
            **({"empty": "nothing is paid"} | more),
        )

    def per(self, measure: str, slots: tuple[int, ...], empty: str) -> Figure:
        """Return the mean amount of the rows of some components."""
        mean = Sum(slots, "numerator"), Sum(slots)
        square = Sum(slots, "denominator")
        return self.figure(measure, *mean, square=square, is_share=False, empty=empty)


def of_poor(parts: Parts, grouping: Grouping) -> list[Figure]:
    """Return the figures of all and of the poor."""
    poor = grouping.poor
    others = [i for i in range(len(grouping.labels)) if i not in poor]
    receivers = Sum(parts.slots(COUNT, None, True))
    of_poor = Sum(parts.slots(COUNT, poor))
    nobody = "nobody is poor"
    found = [
        parts.figure("coverage", Sum(parts.slots(COUNT, poor, True)), of_poor, empty=nobody),
        parts.figure("undercoverage", Sum(parts.slots(COUNT, poor, False)), of_poor, empty=nobody),
        parts.figure(
            "leakage",
            Sum(parts.slots(COUNT, others, True)),
            receivers,
            empty="nobody receives it",
        ),
        parts.index("cgh", poor, empty="nobody receives it, or nobody is poor"),
    ]
    if parts.what.amount is None:
        return found
    paid = parts.slots(AMOUNT, None, True)
    found += [
        parts.of_sum("leakage_amount", others),
        parts.index("cgh_amount", poor, empty="nothing is paid, or nobody is poor"),
        parts.per("support_per_unit", parts.slots(AMOUNT), ""),
        parts.per("support_per_poor", parts.slots(AMOUNT, poor), nobody),
        parts.per("support_per_receiver", paid, "nobody receives it"),
        parts.figure(
            "concentration",
            Sum(paid, "numerator"),
            Sum(paid),
            second_above=Sum(paid, "denominator"),
            second_below=Sum(paid, "numerator"),
            is_complement=True,
            is_share=False,
            empty="nothing is paid",
        ),
    ]
    if parts.what.is_thin is not None:
        thin = parts.slots(THIN, None, True)
        share = parts.figure(
            "share_thin", Sum(thin, "numerator"), Sum(thin), empty="nobody receives it"
        )
        found.append(share)
    return found


def of_groups(parts: Parts, grouping: Grouping) -> list[Figure]:
    """Return the figures of each class or quantile."""
    found = []
    for i, label in enumerate(grouping.labels):
        words = {"grouping": grouping.name, "group": str(label)}
        reached = Sum(parts.slots(COUNT, [i], True))
        whole, receivers = Sum(parts.slots(COUNT, [i])), Sum(parts.slots(COUNT, None, True))
        found += [
            parts.figure("coverage", reached, whole, empty="the group is empty", **words),
            parts.figure("incidence", reached, receivers, empty="nobody receives it", **words),
            parts.index("cgh", [i], **words),
        ]
        if parts.what.amount is not None:
            found += [
                parts.of_sum("incidence_amount", [i], **words),
                parts.index("cgh_amount", [i], **words),
            ]
    return found


# --- wrap --------------------------------------------------------------------------------------


def estimated(counts: Counts, n: Ints, seen: Any) -> tuple[Floats, Any]:
    """Return the figures, and the number of each one's note."""
    with np.errstate(invalid="ignore"):  # infinity over infinity is said in the note
        estimate = quotient(counts["numerator"], counts["denominator"])
    note = np.full(estimate.shape, NOTHING, dtype=np.int8)
    infinite = np.isinf(counts["numerator"]) | np.isinf(counts["denominator"])
    no_rows = np.broadcast_to(counts["rows"] == 0, estimate.shape)
    for empty, why in (
        (infinite, TOO_LARGE),
        (no_rows, NO_ROWS),
        (np.broadcast_to(~seen[:, None], estimate.shape), NOT_SEEN),
    ):
        estimate[empty] = np.nan
        note[empty] = why
    return estimate, note
