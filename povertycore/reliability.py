"""Which figures are too uncertain to publish, by the rules of well-known surveys.

A rule marks a figure as `unreliable` (shown with a sign) or `suppressed` (shown as a sign only).
The table keeps the number, and says beside it why. Limits whose source was not at hand when they
were written down are marked as not verified, and tables say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .errors import OptionError, unknown_option
from .intervals import effective_size, intervals

if TYPE_CHECKING:
    from .estimates import Estimates

__all__ = ["PRESETS", "Preset", "with_flags"]

FLAGS = ("", "unreliable", "suppressed")
NONE, UNRELIABLE, SUPPRESSED = 0, 1, 2

Array = npt.NDArray[np.float64]
# What breaks a rule: the rows, the flag that they get, and why.
Breach = tuple[npt.NDArray[np.bool_], int, str]


@dataclass(frozen=True)
class Figures:
    """What rules look at; one entry per row."""

    estimate: Array
    se: Array
    cv: Array
    df: Array
    n_obs: Array
    proportion: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Preset:
    """A set of rules with its limits.

    Attributes
    ----------
    source : str
        Where the rules were published.
    verified : bool
        The limits were compared with the source.
    signs : mapping of str to str
        How figures of each flag are shown; {} stands for the number.
    limits : mapping of str to float
        The limits, by name.
    needs_errors : bool
        The rules look at standard errors.
    breaches : callable
        Returns which rows break which rule.
    """

    source: str
    verified: bool
    signs: Mapping[str, str]
    limits: Mapping[str, float]
    needs_errors: bool
    breaches: Callable[[Figures, Mapping[str, float]], list[Breach]]


def few_cases(figures: Figures, limits: Mapping[str, float]) -> list[Breach]:
    """Demographic and Health Surveys: the number of unweighted cases."""
    return [
        (figures.n_obs < limits["cases"], SUPPRESSED, f"fewer than {limits['cases']:g} cases"),
        (
            figures.n_obs < limits["few_cases"],
            UNRELIABLE,
            f"fewer than {limits['few_cases']:g} cases",
        ),
    ]


def wide_intervals(figures: Figures, limits: Mapping[str, float]) -> list[Breach]:
    """National Center for Health Statistics: sizes, and widths of Korn-Graubard intervals.

    An absolute width between `width_shown` and `width` is judged by the width relative to the
    estimate. If it is narrow relative to the estimate and not to its complement, the complement
    is what must not be shown. A proportion of 0 or 1, and few degrees of freedom, ask for a
    statistician's review: here that is `unreliable`.
    """
    p, n = figures.estimate, figures.n_obs
    one_value = (p == 0) | (p == 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.where(one_value & np.isnan(figures.se), n, effective_size(p, figures.se))
        ends = intervals(p, figures.se, figures.df, n, figures.proportion, method="beta")
        width = ends.high - ends.low
        in_between = (width > limits["width_shown"]) & (width < limits["width"])
        relative, of_rest = width / p, width / (1 - p)
    too_wide = f"interval wider than {limits['relative_width']:.0%} of "
    few = limits["cases"]
    return [
        (n < few, SUPPRESSED, f"fewer than {few:g} cases"),
        (np.minimum(size, n) < few, SUPPRESSED, f"effective sample size below {few:g}"),
        (width >= limits["width"], SUPPRESSED, f"interval of {limits['width']:.0%} or wider"),
        (
            in_between & (relative > limits["relative_width"]) & ~one_value,
            SUPPRESSED,
            too_wide + "the estimate",
        ),
        (
            in_between & (of_rest > limits["relative_width"]) & ~one_value,
            UNRELIABLE,
            too_wide + "the complement",
        ),
        (figures.df < limits["df"], UNRELIABLE, f"fewer than {limits['df']:g} degrees of freedom"),
        (one_value, UNRELIABLE, "estimate of 0 or 100 %"),
    ]


def large_cv(figures: Figures, limits: Mapping[str, float]) -> list[Breach]:
    """Statistics Canada: bands of the coefficient of variation."""
    return [
        (figures.n_obs < limits["cases"], SUPPRESSED, f"fewer than {limits['cases']:g} cases"),
        (figures.cv > limits["cv"], SUPPRESSED, f"cv above {limits['cv']:.1%}"),
        (figures.cv > limits["cv_shown"], UNRELIABLE, f"cv above {limits['cv_shown']:.1%}"),
    ]


def several_criteria(figures: Figures, limits: Mapping[str, float]) -> list[Breach]:
    """Economic Commission for Latin America and the Caribbean: sizes, then the precision."""
    p = figures.estimate
    inside = figures.proportion & (p > 0) & (p < 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.where(inside, effective_size(p, figures.se), np.inf)
        # Of the proportion or its complement, whichever is the smaller.
        small = np.minimum(p, 1 - p)
        log_cv = np.where(inside, figures.se / (-np.log(small) * small), 0.0)
    return [
        (figures.n_obs < limits["cases"], SUPPRESSED, f"fewer than {limits['cases']:g} cases"),
        (
            size < limits["effective_cases"],
            SUPPRESSED,
            f"effective sample size below {limits['effective_cases']:g}",
        ),
        (figures.df < limits["df"], SUPPRESSED, f"fewer than {limits['df']:g} degrees of freedom"),
        (
            ~figures.proportion & (figures.cv > limits["cv"]),
            UNRELIABLE,
            f"cv above {limits['cv']:.1%}",
        ),
        (log_cv > limits["log_cv"], UNRELIABLE, f"logarithmic cv above {limits['log_cv']:.1%}"),
    ]


PRESETS = {
    "dhs": Preset(
        source="The DHS Program: Croft et al. (2018), Guide to DHS Statistics",
        verified=True,
        signs={"unreliable": "({})", "suppressed": "*"},
        limits={"cases": 25, "few_cases": 50},
        needs_errors=False,
        breaches=few_cases,
    ),
    "nchs": Preset(
        source="Parker et al. (2017), National Center for Health Statistics data presentation "
        "standards for proportions, Vital and Health Statistics 2(175)",
        verified=False,
        signs={"unreliable": "{} †", "suppressed": "*"},
        limits={
            "cases": 30,
            "width_shown": 0.05,
            "width": 0.30,
            "relative_width": 1.30,
            "df": 8,
        },
        needs_errors=True,
        breaches=wide_intervals,
    ),
    "statcan": Preset(
        source="Statistics Canada, release guidelines of the Canadian Community Health Survey",
        verified=False,
        signs={"unreliable": "{} E", "suppressed": "F"},
        limits={"cases": 10, "cv_shown": 0.165, "cv": 0.333},
        needs_errors=True,
        breaches=large_cv,
    ),
    "eclac": Preset(
        source="ECLAC (2020), Criterios de calidad en la estimación de indicadores a partir de "
        "encuestas de hogares, Estudios Estadísticos 101",
        verified=False,
        signs={"unreliable": "({})", "suppressed": "*"},
        limits={"cases": 100, "effective_cases": 140, "df": 9, "cv": 0.20, "log_cv": 0.175},
        needs_errors=True,
        breaches=several_criteria,
    ),
}


def with_flags(est: Estimates, preset: str, limits: Mapping[str, float]) -> Estimates:
    """Return the estimates with columns `flag` and `reason`.

    Parameters
    ----------
    est : Estimates
        Estimates of single periods.
    preset : {"dhs", "nchs", "statcan", "eclac"}
        Whose rules.
    limits : mapping of str to float
        Limits in place of the preset's own.

    Returns
    -------
    Estimates
        The same rows and numbers. `flag` is "", unreliable or suppressed; `reason` names every
        limit that the row breaks. A row without a figure has no flag.

    Raises
    ------
    OptionError
        There is no such preset or limit; the preset needs standard errors, or proportions, and
        the table has none.

    Notes
    -----
    The limits, by preset, stand in `PRESETS`:

    - dhs: unweighted cases; below `cases` suppressed, below `few_cases` in parentheses.
    - nchs: for proportions only. Suppressed: cases or effective sample size below `cases`; a
      Korn-Graubard 95 % interval of `width` or wider, or wider than `relative_width` of the
      estimate where it is wider than `width_shown`.
    - statcan: coefficient of variation above `cv` suppressed, above `cv_shown` with a warning.
    - eclac: cases, effective cases, degrees of freedom; the coefficient of variation, for
      proportions that of their logarithm.

    Examples
    --------
    >>> est = pc.Estimates({"district": ["A", "B", "C"]}, measure_keys={"variable": "poor"},
    ...                    measure="rate", estimate=[0.2, 0.25, 0.3], n_obs=[20, 40, 400],
    ...                    unit="households", verb="rate")
    >>> flagged = est.flag("dhs")
    >>> flagged["flag"].to_list(), flagged["reason"].to_list()[:2]
    (['suppressed', 'unreliable', ''], ['fewer than 25 cases', 'fewer than 50 cases'])
    >>> flagged["estimate"].to_list()
    [0.2, 0.25, 0.3]
    """
    if preset not in PRESETS:
        raise unknown_option("preset", preset, PRESETS)
    rules = PRESETS[preset]
    figures = figures_of(est)
    check_figures(est, preset, rules, figures)
    level, reason = judged(figures, rules, checked_limits(preset, rules, limits))
    words = {
        "preset": preset,
        "source": rules.source,
        "verified": rules.verified,
        "signs": dict(rules.signs),
        "limits": {**rules.limits, **limits},
        "own_limits": dict(rules.limits),
    }
    flags = np.array(FLAGS, dtype=object)[level]
    return est._with({}, own={"flag": flags, "reason": reason}, meta={"flags": words})


def figures_of(est: Estimates) -> Figures:
    """Return what rules look at."""
    numbers = {
        name: est[name].to_numpy(dtype=np.float64)
        for name in ("estimate", "se", "cv", "df", "n_obs")
    }
    return Figures(**numbers, proportion=est._proportion)


def check_figures(est: Estimates, name: str, rules: Preset, figures: Figures) -> None:
    """Refuse a table that the rules have nothing to say of."""
    known = ~np.isnan(figures.estimate)
    if "of" in est.measure_key_names:
        raise OptionError(
            f"flags are for estimates of single periods, found a result of {est.verb}; flag "
            "those it was made of"
        )
    if np.isnan(figures.n_obs[known]).any():
        row = int(np.argmax(known & np.isnan(figures.n_obs)))
        raise OptionError(f"preset {name!r} needs n_obs, the rows used; it is unknown in row {row}")
    if rules.needs_errors and known.any() and np.isnan(figures.df[known]).all():
        raise OptionError(
            f"preset {name!r} needs standard errors, and no row has one: name strata, psu or "
            "replicates in the design"
        )
    if name == "nchs" and not figures.proportion[known].all():
        row = int(np.argmax(known & ~figures.proportion))
        raise OptionError(f"preset 'nchs' is for proportions, and row {row} is none")


def checked_limits(name: str, rules: Preset, limits: Mapping[str, Any]) -> dict[str, float]:
    """Return the limits of a preset with those that the caller replaces."""
    for word, value in limits.items():
        if word not in rules.limits:
            raise unknown_option(f"limits of preset {name!r}", word, rules.limits)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not value >= 0:
            raise OptionError(f"{word} must be a number >= 0, found {value!r}")
    return {**rules.limits, **limits}


def judged(
    figures: Figures, rules: Preset, limits: Mapping[str, float]
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.object_]]:
    """Return the level of each row's flag, and every reason that has a part in it."""
    known = ~np.isnan(figures.estimate)
    found = rules.breaches(figures, limits)
    if rules.needs_errors:
        constant = (figures.estimate == 0) | (figures.estimate == 1)
        unknown = np.isnan(figures.se) & ~(figures.proportion & constant)
        found.append((unknown, UNRELIABLE, "no standard error"))
    level = np.zeros(len(known), dtype=np.int8)
    for broken, flag, _ in found:
        level = np.maximum(level, np.where(broken & known, flag, NONE)).astype(np.int8)
    reasons: list[list[str]] = [[] for _ in known]
    for broken, flag, why in found:
        for row in np.flatnonzero(broken & known & (level == flag)).tolist():
            reasons[row].append(why)
    return level, np.array(["; ".join(words) for words in reasons], dtype=object)
