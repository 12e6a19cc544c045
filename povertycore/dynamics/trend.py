"""Trend over three or more periods: lines, annual percentage change, and tests by ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..errors import OptionError, unknown_option
from ..estimates import Estimates
from ..intervals import FEW_DF, REASONS, intervals
from .delta import joint_of
from .fits import (
    CORRECTIONS,
    ERRORS,
    FITTERS,
    Fit,
    Options,
    finish_gls,
    p_values,
    sampling_variance,
)
from .periods import Panel, add_note, panel_of
from .series import FEWEST, Pieces, breaks_of, pieces_of

METHODS = {
    "ols": ("slope", "level"),
    "wls": ("slope", "level"),
    "gls": ("slope", "level", "lack_of_fit"),
    "theil_sen": ("slope", "level"),
    "mann_kendall": ("s", "tau", "tau_b", "z"),
    "apc": ("annual_relative_change",),
}
NEED_ERRORS = ("wls", "gls")
RANKS = ("theil_sen", "mann_kendall")  # have no standard errors
NOT_TESTED = ("level", "lack_of_fit")  # that a level is 0 is no question
TOO_FEW = "fewer than three periods: no trend"
NOT_KNOWN = "no standard error: the covariance is not known, and independent=True takes it as 0"


def trend(
    est: Estimates,
    time: str,
    method: str | Sequence[str] = "ols",
    se: str | None = None,
    breaks: Any = None,
    correction: str = "hamed_rao",
    lags: int = 2,
    across_standards: bool = False,
    independent: bool = False,
) -> Estimates:
    r"""Fit a trend to estimates of three or more periods, by group.

    Parameters
    ----------
    est : Estimates
        Estimates of single periods, with the period as one of its keys.
    time : str
        The key that holds the period: years (numbers or text of four digits), pandas Periods or
        dates. Distances in time are those between the periods, which need not be equal.
    method : {"ols", "wls", "gls", "theil_sen", "mann_kendall", "apc"} or list, optional
        Least squares; weighted by one over the sampling variances; with their joint covariance;
        the median of all slopes; the test for a monotone trend; or the annual percentage change,
        a line through the logarithms.
    se : {"sampling", "residual", "hac"}, optional
        Standard errors of lines: from the sampling errors of the figures, what a design gives; from
        what the figures differ from the line, on n - 2 degrees of freedom; or the same, allowing
        for autocorrelation up to `lags` (Newey and West). By default "sampling" where the figures
        have standard errors, else "residual". "gls" always has those of sampling.
    breaks : "standard", period or list, optional
        Where a new segment starts, level and slope both free: at each change of standard; or at the
        periods named, each being the first of its segment.
    correction : {"hamed_rao", "none", "yue_wang", "pre_whitening", \
"trend_free_pre_whitening"}, optional
        What "mann_kendall" does about autocorrelation.
    lags : int, optional
        For ``se="hac"``: how many periods apart figures are taken to be correlated.
    across_standards : bool, optional
        Fit one trend to figures under different standards, or from different sources, and note it.
    independent : bool, optional
        Take figures of a printed table as independent, so that their trends have sampling errors.

    Returns
    -------
    Estimates
        One row per group, segment, method and measure; `of` is the measure that has the trend,
        `n_periods` the figures used. "ols", "wls", "gls", "theil_sen": `slope`, per year, in the
        unit of the estimate, negative when it falls, and `level`, the line at `year_from`. "gls"
        also: `lack_of_fit`, an F whose small `p_value` says that it is no line. "mann_kendall":
        `s`, `tau` (tau-a), `tau_b`, `z`, with one `p_value`. "apc": `annual_relative_change`.
        `p_value` is two-sided, of no trend. Sen's interval is of 95 percent. Under three periods:
        NaN and a note.

    Raises
    ------
    ColumnNotFoundError
        `time` is not a key of `est`.
    OptionError
        There is no such method, error or correction; a break is no period; sampling errors are
        needed and there are none.
    ComparabilityError
        One segment holds figures under different standards or sources, or of different units.

    Notes
    -----
    Least squares is linear in the figures y, b = c'y. Its sampling variance is c'Vc with the joint
    covariance V of the figures, for "ols" and "wls" too, so PSUs that return every year are
    accounted for. "gls" takes c = (X'V^-1 X)^-1 X'V^-1 and tests r'V^-1 r on n - 2 contrasts. The
    annual percentage change is exp(b) - 1 for a line through log y, by the delta method; a figure
    of 0 has no logarithm: NaN and a note.

    The level of Sen's line is median y - slope x median t, t from `year_from` on. Its interval are
    the slopes of rank (N - 1.96 sd(S))/2 and (N + 1.96 sd(S))/2 of N; under five periods there are
    none such. Mann and
    Kendall's S has variance (n(n - 1)(2n + 5) - sum t(t - 1)(2t + 5))/18 with ties of t values,
    z = (S - sign S)/sd. Up to 10 periods without ties and without a correction at work p is exact,
    and the note says so. Hamed and Rao multiply the variance by

    .. math:: 1 + \frac{2}{n(n - 1)(n - 2)} \Big|\sum_k (n - k)(n - k - 1)(n - k - 2) r_k\Big|

    over the lags k whose autocorrelation r of the ranks of the residuals around Sen's line is
    significant at 5 percent; the size of the sum counts, so that figures that swing never make the
    test surer. For autocorrelation periods count as they follow each other, also where one is
    missing. [1]_ [2]_ [3]_

    References
    ----------
    .. [1] Sen, P. K. (1968). Estimates of the regression coefficient based on Kendall's tau.
       Journal of the American Statistical Association 63(324), 1379-1389.
    .. [2] Hamed, K. H. and Rao, A. R. (1998). A modified Mann-Kendall trend test for autocorrelated
       data. Journal of Hydrology 204(1-4), 182-196.
    .. [3] Newey, W. K. and West, K. D. (1987). A simple, positive semi-definite,
       heteroskedasticity and autocorrelation consistent covariance matrix. Econometrica 55(3).

    Examples
    --------
    Rates of 12, 10, 9 and 5 percent: the years are -3/2, -1/2, 1/2, 3/2 from their mean, so the
    slope is (-18 - 5 + 4.5 + 7.5)/5 = -2.2 points a year, from 12.3 percent on the line in 2019.

    >>> table = {"year": [2019, 2020, 2021, 2022], "rate": [0.12, 0.10, 0.09, 0.05]}
    >>> est = pc.Estimates.from_table(table, "year", estimate="rate")
    >>> result = pc.trend(est, time="year")
    >>> result.to_frame()[["year_from", "year_to", "measure", "estimate"]].round(4)
       year_from  year_to measure  estimate
    0       2019     2022   slope    -0.022
    1       2019     2022   level     0.123

    All six pairs fall; of 24 orders one falls, and one rises, throughout: p = 2/24.

    >>> test = pc.trend(est, time="year", method="mann_kendall").select(measure="s")
    >>> test["estimate"].item(), round(test["p_value"].item(), 4)
    (-6.0, 0.0833)
    """
    methods = checked_methods(method)
    if correction not in CORRECTIONS:
        raise unknown_option("correction", correction, CORRECTIONS)
    panel = panel_of(est, time, "trend")
    errors = kind_of_errors(est, se, methods, independent)
    options = Options(errors, correction, checked_lags(lags), independent)
    pieces = pieces_of(panel, breaks_of(panel, breaks), across_standards)
    fits = [finished(FITTERS[name](pieces, options), name, options) for name in methods]
    asked = {
        "method": methods,
        "se": errors,
        "breaks": str(breaks),
        "correction": correction,
        "lags": lags,
        "across_standards": across_standards,
        "independent": independent,
    }
    return wrap(pieces, methods, fits, options, asked)


# --- resolve -----------------------------------------------------------------------------------


def checked_methods(method: str | Sequence[str]) -> list[str]:
    """Return the methods as a list; an unknown one is an error."""
    listed = [method] if isinstance(method, str) else list(method)
    for name in listed:
        if name not in METHODS:
            raise unknown_option("method", name, tuple(METHODS))
    return list(dict.fromkeys(listed))


def checked_lags(lags: int) -> int:
    """Refuse what is not a number of periods."""
    if isinstance(lags, bool) or not isinstance(lags, int) or lags < 0:
        raise option_error("lags", f"lags must be a whole number, 0 or more, found {lags!r}")
    return lags


def option_error(argument: str, message: str) -> OptionError:
    """Return the error for an option, with its name attached."""
    error = OptionError(message)
    error.argument = argument
    return error


def kind_of_errors(
    est: Estimates, se: str | None, methods: Sequence[str], independent: bool
) -> str:
    """Return which standard errors lines have, and refuse those that cannot be."""
    if se is not None and se not in ERRORS:
        raise unknown_option("se", se, ERRORS)
    any_errors = bool((est["se"] > 0).any())
    if not any_errors:
        for name in methods:
            if name in NEED_ERRORS:
                raise option_error(
                    "method", f"method {name!r} weighs by standard errors, and there are none"
                )
        if se == "sampling":
            raise option_error("se", "se='sampling' needs standard errors, and there are none")
    is_joint = any(joint is not None for joint in est._joints)
    if se is None:
        return "sampling" if any_errors and (is_joint or independent) else "residual"
    return se


# --- compute -----------------------------------------------------------------------------------


def finished(fit: Fit, method: str, options: Options) -> Fit:
    """Blank what has fewer than three periods, and give the rest its errors and tests."""
    few = fit.pieces.n < FEWEST
    for column in (fit.values, fit.se, fit.df, fit.low, fit.high, fit.p_value):
        column[few] = np.nan
    fit.note(dict.fromkeys(np.flatnonzero(few).tolist(), TOO_FEW))
    n_measures = fit.values.shape[1]
    fit.n_psu = np.full(fit.values.shape, np.nan)
    for j, part in enumerate(fit.coefficients):
        if part is not None:
            add_sampling_errors(fit, j, part, options)
    if method == "gls":
        finish_gls(fit)
    for j in range(n_measures):
        if METHODS[method][j] not in NOT_TESTED and method not in RANKS:
            fit.p_value[:, j] = p_values(fit.values[:, j], fit.se[:, j], fit.df[:, j])
    return fit


def add_sampling_errors(fit: Fit, j: int, part: np.ndarray, options: Options) -> None:
    """Give one measure of a fit the sampling errors of its combination of figures."""
    pieces = fit.pieces
    usable = np.isfinite(fit.values[:, j])
    missing = np.isnan(pieces.column("se"))
    lacking = pieces.any(missing) & usable
    at = usable[pieces.piece]
    start = np.concatenate([[0], np.cumsum(np.where(usable, pieces.n, 0))])
    variance, df, n_psu = sampling_variance(
        pieces, start, np.flatnonzero(at), part[at], options.independent
    )
    fit.se[:, j] = np.where(usable, np.sqrt(variance), np.nan)
    fit.df[:, j] = np.where(np.isnan(fit.se[:, j]), np.nan, df)
    fit.n_psu[:, j] = np.where(usable, n_psu, np.nan)
    fit.terms[j] = (usable, part)
    if j > 0:
        return
    words = pieces.words(missing & lacking[pieces.piece])
    fit.note({i: f"no standard error for {text}: none of the trend" for i, text in words.items()})
    unknown = np.flatnonzero(usable & ~lacking & np.isnan(fit.se[:, j])).tolist()
    fit.note(dict.fromkeys(unknown, NOT_KNOWN))


# --- wrap --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layout:
    """Where the figures of the fits stand in the result: piece by piece, fit by fit."""

    n_pieces: int
    sizes: tuple[int, ...]  # measures of each fit

    @property
    def width(self) -> int:
        """Rows of one piece."""
        return sum(self.sizes)

    def rows(self, columns: list[np.ndarray]) -> np.ndarray:
        """Return the columns of each fit, (pieces, measures), as one row each."""
        return np.concatenate(columns, axis=1).ravel()

    def repeated(self, columns: list[np.ndarray]) -> np.ndarray:
        """Return a column of each fit, (pieces,), at all of its rows."""
        wide = [np.repeat(column[:, None], size, axis=1) for column, size in
                zip(columns, self.sizes, strict=True)]  # fmt: skip
        return self.rows(wide)


def wrap(
    pieces: Pieces, methods: list[str], fits: list[Fit], options: Options, asked: dict[str, Any]
) -> Estimates:
    """Lay the fits out as one row per piece, method and measure."""
    panel, est = pieces.panel, pieces.panel.est
    layout = Layout(len(pieces), tuple(fit.values.shape[1] for fit in fits))
    piece = np.repeat(np.arange(len(pieces)), layout.width)
    some = panel.some_row[pieces.series][piece]
    names = [(name, word) for name in methods for word in METHODS[name]]
    words = list(dict.fromkeys(word for _, word in names))
    column = np.tile(np.arange(len(names)), len(pieces))
    first, last = ends_of_pieces(pieces)
    keys = {name: est[name].array.take(some) for name in panel.keys}
    keys[f"{panel.time}_from"] = panel.labels.take(first[piece])
    keys[f"{panel.time}_to"] = panel.labels.take(last[piece])
    keys["segment"] = pieces.segment[piece] + 1
    what = {name: est[name].array.take(some) for name in est.measure_key_names}
    what["n_periods"] = layout.repeated([fit.pieces.n for fit in fits])
    method = pd.Categorical.from_codes([methods.index(name) for name, _ in names], methods)
    what["method"] = method.take(column)
    what["of"] = est["measure"].array.take(some)
    measure = pd.Categorical.from_codes([words.index(word) for _, word in names], words)
    precision = precision_columns(layout, fits, panel)
    notes = notes_of(layout, pieces, fits, precision.pop("reason"))
    return Estimates(
        keys,
        measure_keys=what,
        measure=measure.take(column),
        own={"p_value": layout.rows([fit.p_value for fit in fits])},
        note=notes,
        verb="trend",
        meta=est.meta | {"time": panel.time} | asked,
        **precision,
        **common_columns(layout, pieces, fits, piece),
    )


def ends_of_pieces(pieces: Pieces) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and last period of each piece; of one without figures, those of all."""
    empty = pieces.n == 0
    period = np.append(pieces.period, 0)
    first = np.where(empty, 0, period[np.where(empty, -1, pieces.start[:-1])])
    last = np.where(empty, len(pieces.panel.years) - 1, period[pieces.start[1:] - 1])
    return first, last


def precision_columns(layout: Layout, fits: list[Fit], panel: Panel) -> dict[str, Any]:
    """Return estimates with their errors and intervals, and why an interval is missing."""
    estimate = layout.rows([fit.values for fit in fits])
    se, df = layout.rows([fit.se for fit in fits]), layout.rows([fit.df for fit in fits])
    low, high, reason = intervals(estimate, se, df, 0, False)
    own = layout.rows([fit.low for fit in fits])
    low = np.where(np.isnan(own), low, own)
    high = np.where(np.isnan(own), high, layout.rows([fit.high for fit in fits]))
    cv = np.full(len(se), np.nan)
    np.divide(se, np.abs(estimate), out=cv, where=estimate != 0)
    return {
        "estimate": estimate,
        "se": se,
        "ci_low": low,
        "ci_high": high,
        "cv": cv,
        "df": df,
        "n_psu": layout.rows([fit.n_psu for fit in fits]),
        "joint": joint_of_fits(layout, fits, panel),
        "reason": reason,
    }


def joint_of_fits(layout: Layout, fits: list[Fit], panel: Panel) -> Any:
    """Return all rows as combinations of the figures, those without sampling errors empty."""
    row, at, weight = [], [], []
    offset = 0
    for fit, size in zip(fits, layout.sizes, strict=True):
        for j, (usable, part) in fit.terms.items():
            keep = usable[fit.pieces.piece]
            row.append(fit.pieces.piece[keep] * layout.width + offset + j)
            at.append(fit.pieces.row[keep])
            weight.append(part[keep])
        offset += size
    if not row or not sum(map(len, row)):
        return None
    of, rows, weights = np.concatenate(row), np.concatenate(at), np.concatenate(weight)
    order = np.argsort(of, kind="stable")
    n = np.bincount(of, minlength=layout.n_pieces * layout.width)
    start = np.concatenate([[0], np.cumsum(n)])
    return joint_of(panel.est, start, rows[order], weights[order])


def notes_of(layout: Layout, pieces: Pieces, fits: list[Fit], reason: np.ndarray) -> np.ndarray:
    """Put together what is to be said of a piece, of its fit, and of an interval."""
    columns = []
    for fit in fits:
        own = list(pieces.notes)
        for i, texts in fit.notes.items():
            for text in texts:
                add_note(own, i, text)
        columns.append(np.array(own, dtype=object))
    notes = layout.repeated(columns)
    for i in np.flatnonzero(reason == FEW_DF).tolist():
        notes[i] = f"{notes[i]}; {REASONS[FEW_DF]}" if notes[i] else REASONS[FEW_DF]
    return notes


def common_columns(
    layout: Layout, pieces: Pieces, fits: list[Fit], piece: np.ndarray
) -> dict[str, Any]:
    """Add up the counts of the figures used, and carry unit and standard along."""
    est = pieces.panel.est
    standard = est["standard"].array
    some = pieces.panel.some_row[pieces.series]
    shown = np.where(pieces.n > 0, np.append(pieces.row, 0)[pieces.start[:-1]], some)
    code = np.where(pieces.mixed, -1, standard.codes[shown])
    sums = {
        name: layout.repeated([fit.pieces.sums(fit.pieces.column(name)) for fit in fits])
        for name in ("n_obs", "n_missing", "population")
    }
    return sums | {
        "unit": est["unit"].array.take(some[piece]),
        "standard": pd.Categorical.from_codes(code[piece], dtype=standard.dtype),
    }
