"""How unevenly units change: spread, laggards, convergence, mobility, and what chance explains."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..errors import (
    DuplicateNameError,
    MissingValueError,
    OptionError,
    listing,
    unknown_column,
    unknown_option,
)
from ..estimates import Estimates
from ..fields import PROPORTIONS, TOTAL, listed_names
from ..inputs import Frame
from ..intervals import intervals
from .change import change, pairs_of, spans_in_order
from .periods import Panel, panel_of, places_of
from .spread import Floats, Ints, Noise, independent_noise, sampling_noise
from .target import target
from .uneven import Course, figures_of

WEIGHTINGS = ("none", "population")
WHAT = ("summary", "units")
MOVES = ("linked", "became_poor", "escaped")


def convergence(
    est: Estimates,
    time: str,
    across: str | Sequence[str],
    within: str | None = None,
    *,
    what: str = "summary",
    base: Any = None,
    weighting: str | Sequence[str] = WEIGHTINGS,
    plan: Any = None,
    kind: str = "points_per_year",
    top: float = 0.1,
    controls: Any = None,
    chance: str | None = None,
    moves: Any = None,
    limits: float = 0.998,
    across_standards: bool = False,
    independent: bool = False,
) -> Estimates:
    r"""Describe how unevenly units, as communes, change from one period to another.

    Parameters
    ----------
    est : Estimates
        Estimates of single periods, with the period and the units among its keys. Keys that are
        neither `time`, `across` nor `within` separate results; rows ``(total)`` of units are left
        out.
    time : str
        The key that holds the period.
    across : str or list of str
        The keys that together name a unit.
    within : str, optional
        A key of text whose groups hold the units, as districts do communes: each group has its own
        rows, and all units together the rows ``(total)``.
    what : {"summary", "units"}, optional
        Figures of the spread, or one row per unit.
    base : {"previous", "first"} or period, optional
        Which periods are compared, as in `change`; without it the first and the last.
    weighting : {"none", "population"} or list, optional
        Units count alike, or by their population: that of the start, and for spreads at the end
        that of the end.
    plan, kind : optional
        The fall planned for the units, as in `target`.
    top : float or int, optional
        Which units are the top: a share of all, or a number of them.
    controls : DataFrame or mapping, optional
        A table of key columns and columns of numbers, by which convergence is conditional too.
    chance : {"binomial"}, optional
        For registers, whose figures have no sampling error: small units swing by chance, with the
        variance p(1 - p)/n.
    moves : DataFrame or mapping, optional
        With ``chance="binomial"``: a table of key columns and `linked`, `became_poor` and
        `escaped`, the households found in both periods and those of them that moved.
    limits : float, optional
        Probability that the funnel limits leave inside by chance.
    across_standards, independent : bool, optional
        As in `change`.

    Returns
    -------
    Estimates
        Per group, pair of periods and `weighting`, of the measure `of`, the rows

        - `sd_start`, `sd_end`, `cv_start`, ..., `iqr_start`, ..., `gini_start`, ...: spread of the
          levels; `sd_reduction`, `cv_reduction`, ...: of the reductions, start - end;
        - `share_backwards`: units whose figure rose; `share_reached`: that met the plan;
        - `share_of_top`: how much of the sum of reductions the top units brought;
        - `beta`: slope of the change on the start, with `beta_intercept` and `beta_r2`; with
          `within` or `controls` also `beta_conditional`, within the groups and at equal controls;
        - `sigma`: sd_end/sd_start - 1; both are negative where units come closer;
        - `rank_correlation`: of starts with ends, 1 where no unit passed another;
        - `within`, `between`: shares of the variance of reductions, where `within` is given.

        `n_obs` is the number of units. With standard errors in `est`, or `chance`, further rows
        `..._corrected` have sd, cv, beta and sigma free of what chance adds. ``what="units"`` has
        a row per unit: `start`, `end`, `reduction` (also the estimate, with its standard error),
        and 0/1 `backwards`, `reached` and `outlying`: outside `funnel_low` to `funnel_high`;
        `rank_start` and `rank_end` (1 is the highest).

    Raises
    ------
    ColumnNotFoundError
        `time`, `across` or `within` is no key of `est`.
    OptionError
        An option is not one of those listed, or does not fit what is measured.
    ValueRangeError
        There are fewer than two periods; otherwise as in `change` and `target`.

    Notes
    -----
    With weights w that sum to 1, variances are :math:`n/(n-1) \sum_i w_i (p_i - \bar p)^2`, so that
    units counted alike have the sample variance. A quantile is the smallest figure that the share
    reaches, halfway to the next where it is reached exactly; Gini coefficients go by trapezoids.
    IQR and Gini are raw. Populations as weights are taken as fixed.

    Errors of variance V0 at the start, V1 at the end and covariance C01 widen the levels and pull
    beta down: Var(p0) loses the mean of V0, Var(p1 - p0) that of V0 + V1 - 2 C01, and
    Cov(p1 - p0, p0) gains that of V0 - C01; where units covary, the mean covariance between them
    is added back. A corrected variance below 0 is 0, and noted. The standard error of a corrected
    beta is that of the mean of x (y - beta x) + V0 - C01 + beta V0 over the units, x and y being
    starts and changes from their means; it is of lines through other such units, as that of beta
    is. (Fuller 1987, Measurement Error Models, ch. 1 and 3.) The binomial V stand alone, or with
    `moves` give the change the variance (became_poor + escaped)/n^2 - change^2/n of the n linked
    households.

    Funnel limits lie around the reduction of all the unit's group, z standard errors of the unit's
    own away. Where nothing in a unit varied, the group's figures stand in for its own.
    (Spiegelhalter 2005, Statistics in Medicine 24, 1185-1202.)

    Examples
    --------
    Three communes fall from 10, 20 and 30 percent to 8, 12 and 16: by 2, 8 and 14 points. The line
    through (10, -2), (20, -8), (30, -14) has slope -0.6.

    >>> table = {"commune": list("abc") * 2, "year": [2021] * 3 + [2022] * 3,
    ...          "rate": [0.10, 0.20, 0.30, 0.08, 0.12, 0.16]}
    >>> est = pc.Estimates.from_table(table, ["commune", "year"], estimate="rate")
    >>> found = pc.convergence(est, time="year", across="commune", weighting="none")
    >>> wanted = ["sd_start", "sd_end", "beta", "sigma", "rank_correlation"]
    >>> found.select(measure=wanted).to_frame()[["measure", "estimate"]].round(6)
                measure  estimate
    0          sd_start      0.10
    1            sd_end      0.04
    2              beta     -0.60
    3             sigma     -0.60
    4  rank_correlation      1.00
    """
    asked = Asked(
        time,
        tuple(listed_names(across)),
        within,
        checked_weightings(weighting),
        plan,
        kind,
        checked_top(top),
        chance,
        checked_limits(limits),
        independent,
    )
    if what not in WHAT:
        raise unknown_option("what", what, WHAT)
    spans = spans_of(est, asked, base, across_standards)
    spans = with_plan(spans, asked, across_standards)
    spans = with_chance(spans, asked, moves)
    if what == "units":
        return units_table(spans, asked)
    return summary_table(spans, asked, control_columns(spans, controls))


# ---- resolve -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """The words of a call."""

    time: str
    across: tuple[str, ...]
    within: str | None
    weightings: tuple[str, ...]
    plan: Any
    kind: str
    top: float
    chance: str | None
    limits: float
    independent: bool


def checked_weightings(weighting: str | Sequence[str]) -> tuple[str, ...]:
    """Return the weightings as asked; an unknown one is an error."""
    wanted = tuple(dict.fromkeys(listed_names(weighting)))
    for word in wanted:
        if word not in WEIGHTINGS:
            raise unknown_option("weighting", word, WEIGHTINGS)
    return wanted


def wrong(argument: str, message: str) -> OptionError:
    """Return the error for an argument, with its name attached."""
    error = OptionError(message)
    error.argument = argument
    return error


def checked_top(top: float) -> float:
    """Return the share or the number of top units."""
    is_number = isinstance(top, Real) and not isinstance(top, bool)
    is_count = is_number and isinstance(top, int | np.integer)
    if not is_number or not (top >= 1 if is_count else 0 < top < 1):
        raise wrong("top", f"top must be a share between 0 and 1, or a count, found {top!r}")
    return int(top) if is_count else float(top)


def checked_limits(limits: float) -> float:
    """Return the probability inside the funnel limits."""
    if not isinstance(limits, Real) or isinstance(limits, bool) or not 0 < limits < 1:
        raise wrong("limits", f"limits must be a probability between 0 and 1, found {limits!r}")
    return float(limits)


@dataclass(frozen=True)
class Spans:
    """Units at both ends of pairs of periods: one entry per row of `change`."""

    est: Estimates  # without totals, of the periods compared
    panel: Panel
    change: Estimates
    series: Ints
    pair: Ints
    pairs: tuple[tuple[int, int], ...]
    start_row: Ints  # of `est`, -1: none
    end_row: Ints
    reached: Floats  # 1, 0, NaN: not known
    noise: tuple[Floats, Floats, Floats] | None = None  # of chance: start, end, both

    def of(self, name: str, rows: Ints) -> Floats:
        """Return a column of `est` at some of its rows; NaN where there is none."""
        return np.asarray(np.append(self.est[name].to_numpy(dtype=np.float64), np.nan)[rows])

    @property
    def start(self) -> Floats:
        """The first figure of each span."""
        return np.asarray(self.change["start"])

    @property
    def end(self) -> Floats:
        """The last figure of each span."""
        return np.asarray(self.change["end"])

    @property
    def reduction(self) -> Floats:
        """The fall of each span."""
        return np.asarray(0.0 - self.change["estimate"].to_numpy())

    @property
    def has_errors(self) -> bool:
        """Whether figures have errors of any kind."""
        return self.noise is not None or bool(self.est["se"].notna().any())


def spans_of(est: Estimates, asked: Asked, base: Any, across_standards: bool) -> Spans:
    """Lay the units out from period to period."""
    if not isinstance(est, Estimates):
        raise TypeError(f"convergence needs an Estimates, found {type(est).__name__}")
    check_keys(est, asked)
    is_unit = np.ones(len(est), dtype=bool)
    for name in (*asked.across, *([asked.within] if asked.within else [])):
        is_unit &= (est[name].astype(object) != TOTAL).to_numpy()
    est = est._take(np.flatnonzero(is_unit))
    panel = panel_of(est, asked.time, "convergence")
    if base is None:
        ends = [0, len(panel.years) - 1]
        est = est._take(np.sort(panel.row[:, ends][panel.row[:, ends] >= 0]))
        panel, base = panel_of(est, asked.time, "convergence"), "first"
    pairs = np.array(pairs_of(panel, base), dtype=np.int64).reshape(-1, 2)
    moved = change(
        est, asked.time, base=base, across_standards=across_standards, independent=asked.independent
    )
    series, pair = spans_in_order(panel, len(pairs))
    return Spans(
        est=est,
        panel=panel,
        change=moved,
        series=series,
        pair=pair,
        pairs=tuple((int(a), int(b)) for a, b in pairs),
        start_row=panel.row[series, pairs[pair, 0]],
        end_row=panel.row[series, pairs[pair, 1]],
        reached=np.full(len(series), np.nan),
    )


def check_keys(est: Estimates, asked: Asked) -> None:
    """Refuse names that are no keys, or that name two things."""
    named = [asked.time, *asked.across, *([asked.within] if asked.within else [])]
    for name in named:
        if name not in est.key_names:
            raise unknown_column(name, est.key_names)
    if not asked.across:
        raise wrong("across", "across names no key; which units are compared?")
    if len(set(named)) < len(named):
        raise wrong("across", "time, across and within must be different keys")
    if asked.within is not None:
        labels = est[asked.within].astype(object)
        if not labels.map(lambda label: isinstance(label, str)).all():
            raise wrong(
                "within",
                f"within needs a key of text, for its rows {TOTAL}; {asked.within!r} is not one",
            )


def with_plan(spans: Spans, asked: Asked, across_standards: bool) -> Spans:
    """Say of each span whether it met its plan, by the exact comparison of `target`."""
    if asked.plan is None:
        return spans
    reached = np.full(len(spans.series), np.nan)
    n_series = len(spans.panel.row)
    for number, pair in enumerate(spans.pairs):
        ends = sorted(pair)
        rows = np.sort(spans.panel.row[:, ends][spans.panel.row[:, ends] >= 0])
        series_of_row = np.full(len(spans.est), -1)
        for end in ends:
            has = spans.panel.row[:, end] >= 0
            series_of_row[spans.panel.row[has, end]] = np.flatnonzero(has)
        part = spans.est._take(rows)
        found = target(part, asked.time, asked.plan, asked.kind, across_standards=across_standards)
        panel = panel_of(part, asked.time, "convergence")
        order = np.lexsort((panel.figure, panel.group))
        is_met = np.full(n_series, np.nan)
        met = found["estimate"].to_numpy()[(found["measure"] == "on_track").to_numpy()]
        is_met[series_of_row[rows[panel.some_row[order]]]] = met
        here = spans.pair == number
        reached[here] = is_met[spans.series[here]]
    return replaced(spans, reached=reached)


def replaced(spans: Spans, **more: Any) -> Spans:
    """Return the spans with more known of them."""
    return Spans(**{**spans.__dict__, **more})


def with_chance(spans: Spans, asked: Asked, moves: Any) -> Spans:
    """Give the units of a register the variances that chance brings."""
    if asked.chance is None:
        if moves is not None:
            raise wrong("moves", "moves go with chance='binomial'")
        return spans
    if asked.chance != "binomial":
        raise unknown_option("chance", asked.chance, ["binomial"])
    if spans.est["se"].notna().any():
        raise wrong("chance", "chance is for registers; these estimates have standard errors")
    if not all(measure in PROPORTIONS for measure in spans.est["measure"].unique()):
        raise wrong("chance", "chance='binomial' is for rates")
    variances = []
    for rows, level in ((spans.start_row, spans.start), (spans.end_row, spans.end)):
        n = spans.of("n_obs", rows)
        n = np.where(np.isnan(n), spans.of("denominator", rows), n)
        with np.errstate(invalid="ignore", divide="ignore"):
            variances.append(np.where(n > 0, level * (1 - level) / n, np.nan))
    start, end = variances
    both = np.zeros(len(start))
    if moves is not None:
        both = (start + end - variance_of_moves(spans, moves)) / 2
    return replaced(spans, noise=(start, end, both))


def variance_of_moves(spans: Spans, moves: Any) -> Floats:
    """Return the variance of each change that the moves of linked households bring."""
    if len(spans.pairs) > 1:
        raise wrong("moves", "moves are of one pair of periods, and there are several")
    linked, new, gone = columns_by_key(spans, moves, "moves", MOVES).T
    with np.errstate(invalid="ignore", divide="ignore"):
        fall = (new - gone) / linked
        return np.asarray((new + gone) / linked**2 - fall**2 / linked)


def control_columns(spans: Spans, controls: Any) -> Floats | None:
    """Return the controls of each span."""
    if controls is None:
        return None
    table = Frame.of(controls)
    names = [name for name in table.names if name not in spans.panel.keys]
    if not names:
        raise wrong("controls", "the table of controls has no column beside the keys")
    return columns_by_key(spans, table, "controls", names)


def columns_by_key(spans: Spans, table: Any, argument: str, names: Sequence[str]) -> Floats:
    """Look the units up in a table of key columns and columns of numbers; NaN where none is."""
    frame = Frame.of(table)
    keys = [name for name in spans.panel.keys if name in frame.names]
    for name in names:
        if name not in frame.names:
            raise unknown_column(name, frame.names)
    if not keys:
        raise wrong(
            argument, f"the table {argument}= needs key columns: {listing(spans.panel.keys)}"
        )
    values = np.column_stack([np.asarray(frame.array(name), np.float64) for name in names])
    index = pd.MultiIndex.from_arrays([frame.array(name) for name in keys])
    if index.has_duplicates:
        row = int(np.argmax(index.duplicated()))
        raise DuplicateNameError(f"row {row} of the table {argument}= repeats the keys of another")
    units = pd.MultiIndex.from_arrays(
        [spans.change[name].astype(object).to_numpy() for name in keys]
    )
    place = index.get_indexer(units)
    if len(place) and (place < 0).all():
        raise MissingValueError(f"the table {argument}= has no row for any unit")
    return np.asarray(np.vstack([values, np.full(len(names), np.nan)])[place])


# ---- blocks of units -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """The units of one group and pair of periods: entries of the spans."""

    at: Ints  # those with both figures
    n_missing: int
    some: int  # an entry that carries the labels
    is_total: bool  # of all groups of `within`
    group: Ints  # of `within`, of each unit


def blocks_of(spans: Spans, asked: Asked) -> Iterator[Block]:
    """Yield the groups in the order of the keys: those of `within`, then all together."""
    moved, names = spans.change, [name for name in spans.panel.keys if name not in asked.across]
    outer_names = [name for name in names if name != asked.within]
    rows = np.arange(len(moved))
    figure = places_of(moved, [*moved.measure_key_names, "measure"], rows)
    outer = places_of(moved, outer_names, rows)
    inner = places_of(moved, [asked.within], rows) if asked.within else np.zeros_like(outer)
    number = (outer * len(spans.pairs) + spans.pair) * (figure.max(initial=0) + 1) + figure
    known = np.isfinite(spans.start) & np.isfinite(spans.end)
    for block in (number * (inner.max(initial=0) + 1) + inner, number):
        is_total = block is number and asked.within is not None
        order = np.argsort(block, kind="stable")
        for at in np.split(order, np.flatnonzero(np.diff(block[order])) + 1):
            if len(at):
                used = at[known[at]]
                yield Block(used, len(at) - len(used), int(at[0]), is_total, inner[used])
        if asked.within is None:
            return


def noise_of(spans: Spans, at: Ints, asked: Asked) -> tuple[Noise | None, str]:
    """Return the errors of some units' figures, and why they are not known."""
    if spans.noise is not None:
        start, end, both = (column[at] for column in spans.noise)
        if np.isnan(start + end + both).any():
            return None, "the number of households behind a unit is not known"
        return independent_noise(start, end, both), ""
    rows = np.concatenate([spans.start_row[at], spans.end_row[at]])
    se, df = spans.of("se", rows), spans.of("df", rows)
    rate = spans.of("estimate", rows)
    alike = np.isnan(se) & ((rate == 0) | (rate == 1)) & spans.est._proportion[rows]
    lacks = (np.isnan(se) & ~alike) | (df < 1)
    if lacks.any():
        n = int(lacks.reshape(2, -1).any(axis=0).sum())
        return None, f"{n} of {len(at)} units have no standard error"
    words = f"{n_of(alike)} at 0 or 1 taken as certain" if alike.any() else ""
    filled = spans.est["se"].to_numpy(copy=True)
    filled[rows[alike]] = 0.0
    if all(spans.est._joints[k] is None for k in np.unique(spans.est._sample[rows])):
        if not asked.independent:
            return None, "the covariance is not known, and independent=True takes it as 0"
        start, end = (filled[rows] ** 2).reshape(2, -1)
        return independent_noise(start, end, np.zeros(len(at))), words
    est = spans.est._with({"se": filled})
    return sampling_noise(est, spans.start_row[at], spans.end_row[at]), words


def n_of(which: npt.NDArray[np.bool_]) -> str:
    """Write how many figures there are."""
    n = int(which.sum())
    return f"{n} figure{'' if n == 1 else 's'}"


# ---- the summary ---------------------------------------------------------------------------------


def summary_table(spans: Spans, asked: Asked, controls: Floats | None) -> Estimates:
    """Measure every block under every weighting."""
    populations = [spans.of("population", rows) for rows in (spans.start_row, spans.end_row)]
    parts = []
    for block in blocks_of(spans, asked):
        at = block.at
        noise, why = noise_of(spans, at, asked) if spans.has_errors else (None, "")
        for word in asked.weightings:
            is_weighted = word == "population"
            alike = np.ones(len(at))
            weights = [p[at] if is_weighted else alike for p in populations]
            course = Course(
                start=spans.start[at],
                end=spans.end[at],
                reduction=spans.reduction[at],
                weight=weights[0],
                end_weight=weights[1],
                reached=spans.reached[at],
                group=block.group,
                controls=None if controls is None else controls[at],
                top=asked.top,
                has_groups=block.is_total,
                is_weighted=is_weighted,
                with_errors=spans.has_errors,
                noise=noise,
                why=why,
            )
            population = float(populations[0][at].sum()) if len(at) else math.nan
            parts.append(Part(block, word, population, figures_of(course).rows))
    return wrap(spans, asked, parts)


@dataclass(frozen=True)
class Part:
    """The figures of a block under one weighting."""

    block: Block
    weighting: str
    population: float
    rows: list[dict[str, Any]]


def wrap(spans: Spans, asked: Asked, parts: Sequence[Part]) -> Estimates:
    """Lay the figures out as one row per block, weighting and measure."""
    moved = spans.change
    rows = [row for part in parts for row in part.rows]
    length = [len(part.rows) for part in parts]

    def each(values: Sequence[Any]) -> Any:
        return np.repeat(np.array(values), length)

    def column(name: str, default: Any = math.nan) -> list[Any]:
        return [row.get(name, default) for row in rows]

    some = each([part.block.some for part in parts])
    is_total = each([part.block.is_total for part in parts])
    keys = {
        name: with_total(moved[name], some, is_total)
        if name == asked.within
        else moved[name].array.take(some)
        for name in moved.key_names
        if name not in asked.across
    }
    what = {name: moved[name].array.take(some) for name in moved.measure_key_names}
    of, weighting = what.pop("of"), each([part.weighting for part in parts]).astype(object)
    estimate, se, df = (np.array(column(name), np.float64) for name in ("estimate", "se", "df"))
    low, high, _ = intervals(estimate, se, df, 0, False)
    cv = np.divide(se, np.abs(estimate), out=np.full(len(se), np.nan), where=estimate != 0)
    n_units = each([len(part.block.at) for part in parts])
    made = Estimates(
        keys,
        measure_keys=what | {"weighting": weighting, "of": of},
        measure=np.array(column("measure"), dtype=object),
        estimate=estimate,
        se=se,
        ci_low=low,
        ci_high=high,
        cv=cv,
        df=df,
        n_obs=[row.get("n_obs", n) for row, n in zip(rows, n_units.tolist(), strict=True)],
        n_missing=each([part.block.n_missing for part in parts]),
        numerator=column("numerator"),
        denominator=column("denominator"),
        population=each([part.population for part in parts]),
        unit=moved["unit"].array.take(some),
        standard=moved["standard"].array.take(some),
        note=np.array(column("note", ""), dtype=object),
        proportion=False,
        verb="convergence",
        meta=meta_of(spans, asked),
    )
    return made._take(made._contract_order())


def with_total(column: pd.Series, some: Ints, is_total: npt.NDArray[np.bool_]) -> Any:
    """Return the labels of groups, and of all together."""
    labels = column.astype(object).array.take(some)
    labels[is_total] = TOTAL
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return pd.Series(labels, dtype=column.dtype).array
    categories = [*column.cat.categories, TOTAL]
    return pd.Categorical(labels, categories=categories, ordered=column.cat.ordered)


def meta_of(spans: Spans, asked: Asked) -> Mapping[str, Any]:
    """Return what the result tells of its call."""
    return spans.change.meta | {
        "across": list(asked.across),
        "within": asked.within,
        "plan": float(asked.plan) if isinstance(asked.plan, Real) else asked.plan and "by group",
        "kind": asked.kind,
        "top": asked.top,
        "chance": asked.chance,
        "limits": asked.limits,
    }


# ---- one row per unit ----------------------------------------------------------------------------


def units_table(spans: Spans, asked: Asked) -> Estimates:
    """Return the reductions unit by unit."""
    moved, n = spans.change, len(spans.change)
    low, high, rank_start, rank_end = np.full((4, n), np.nan)
    blocks = [block for block in blocks_of(spans, asked) if not block.is_total]
    for block in blocks:
        at = block.at
        if not len(at):
            continue
        rank_start[at], rank_end[at] = descending(spans.start[at]), descending(spans.end[at])
        low[at], high[at] = funnel(spans, at, asked)
    reduction = spans.reduction
    known = np.isfinite(reduction)
    outside = np.where(np.isnan(low) | ~known, np.nan, (reduction < low) | (reduction > high))
    what = {name: moved[name].array for name in moved.measure_key_names}
    return Estimates(
        {name: moved[name].array for name in moved.key_names},
        measure_keys=what,
        measure="reduction",
        own={
            "start": spans.start,
            "end": spans.end,
            "reduction": reduction,
            "backwards": np.where(known, (reduction < 0).astype(np.float64), np.nan),
            "reached": np.where(known, spans.reached, np.nan),
            "outlying": outside,
            "funnel_low": low,
            "funnel_high": high,
            "rank_start": rank_start,
            "rank_end": rank_end,
        },
        estimate=reduction,
        **{name: moved[name].to_numpy() for name in ("se", "cv", "df", "n_psu")},
        ci_low=-moved["ci_high"].to_numpy(),
        ci_high=-moved["ci_low"].to_numpy(),
        **{name: moved[name].to_numpy() for name in ("n_obs", "n_missing", "population")},
        unit=moved["unit"].array,
        standard=moved["standard"].array,
        note=moved["note"].array,
        proportion=False,
        verb="convergence",
        meta=dict(meta_of(spans, asked)) | told_of_limits(spans),
    )


def told_of_limits(spans: Spans) -> dict[str, Any]:
    """Say why no unit is judged, where none is."""
    if spans.has_errors:
        return {}
    why = "no unit is called outlying: the figures of a register need chance='binomial'"
    return {"footnotes": [*spans.change.meta.get("footnotes", ()), why]}


def descending(values: Floats) -> Floats:
    """Return ranks, 1 for the highest; equal values share the mean of theirs."""
    _, place, times = np.unique(-values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(times) - (times - 1) / 2)[place])


def funnel(spans: Spans, at: Ints, asked: Asked) -> tuple[Floats, Floats]:
    """Return the limits that chance sets to the reductions of units; NaN where none are known."""
    from scipy.special import ndtri

    if spans.noise is not None:
        start, end, both = (column[at] for column in spans.noise)
        variance = start + end - 2 * both
    else:
        variance = spans.change["se"].to_numpy()[at] ** 2
    weight = spans.of("population", spans.start_row[at])
    if np.isnan(weight).any() or not weight.sum() > 0:
        weight = np.ones(len(at))
    centre = float(np.average(spans.reduction[at], weights=weight))
    if spans.noise is not None:
        # What one household brings on average, for units in which nothing varied.
        n = spans.of("n_obs", spans.start_row[at])
        n = np.where(np.isnan(n), spans.of("denominator", spans.start_row[at]), n)
        with np.errstate(invalid="ignore", divide="ignore"):
            common = np.nansum(variance * n**2) / np.nansum(n)
            variance = np.where(variance > 0, variance, common / n)
    width = ndtri((1 + asked.limits) / 2) * np.sqrt(variance)
    return centre - width, centre + width
