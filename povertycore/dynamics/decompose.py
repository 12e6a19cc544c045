"""What a change is made of: counts, groups, growth and redistribution, incidence and intensity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..design import Design
from ..errors import OptionError, unknown_option
from ..estimates import Estimates
from ..inputs import Frame
from ..measures.tally import frame_of
from .growth import line_argument, question_of
from .parts import (
    Source,
    by_counts,
    by_groups,
    by_growth,
    by_indicators,
    by_intensity,
    measured_source,
)
from .spans import Task

# What a change is taken apart into: the methods, the default first.
INTO = {
    "counts": ("numerator_first", "denominator_first", "shapley"),
    "groups": ("interaction", "shapley"),
    "growth": ("shapley", "first", "last"),
    "intensity": ("shapley",),
    "indicators": ("shapley",),
}


def decompose(
    data: Any,
    column: Any = None,
    *,
    time: str,
    into: str,
    method: str | None = None,
    across: str | None = None,
    base: Any = "previous",
    welfare: Any = None,
    line: Any = None,
    alpha: float = 0,
    poor: str = "below",
    line_effect: bool = False,
    weights: Mapping[Any, Any] | None = None,
    by: str | Sequence[str] | None = None,
    where: Any = None,
    design: Design | None = None,
    count: str | None = None,
    standard: Any = None,
    across_standards: bool = False,
    replicates: int = 200,
    rng: int = 0,
) -> Estimates:
    r"""Take a change between periods apart into what it is made of; the parts add up to it.

    Parameters
    ----------
    data : Estimates, DataFrame or mapping
        Estimates of single periods with the period as one of their keys; or the rows themselves,
        one frame or one per period. Standard errors of "counts" and "groups" need the rows, because
        the sizes of groups have errors too; "growth" always does.
    column : str, optional
        With rows, for "counts" and "groups": the 0/1 column whose rate changes. Instead of it,
        `welfare` and `line` say how poverty is measured.
    time : str
        The key, or column, of the period.
    into : {"counts", "groups", "growth", "intensity", "indicators"}
        A rate into its numerator (fewer poor) and its denominator (more households); a rate, mean
        or poverty index into change within the groups of `across` and shifts between them; monetary
        poverty into growth and redistribution; M0 into incidence and intensity; M0 into indicators.
    method : str, optional
        How parts are told apart. "counts": "numerator_first" (default), "denominator_first",
        "shapley". "groups": "interaction" (at shares and rates of the start; default), "shapley".
        "growth": "shapley" (default), "first" or "last" (the other parts as in that period, with a
        residual).
    across : str, optional
        For "groups": the key, or column, of the groups.
    base : {"previous", "first"} or period, optional
        What each period is compared with.
    welfare, line, alpha, poor : optional
        As in `fgt`; one line, one alpha. A mapping for `line` is by label of `time`, or
        ``{column: {label: number}}``.
    line_effect : bool, optional
        For "growth": take a change of the line as a third part, growth being that of welfare as it
        stands. By default welfare is measured in lines, y/z, which is growth over the line's.
    weights : mapping, optional
        For "indicators": the weight of each indicator. Without it from the contributions.
    by, where, design, count, standard : optional
        For rows, as in `rate`.
    across_standards : bool, optional
        Compare figures under different standards, or from different sources, and note it.
    replicates, rng : int, optional
        Size and seed of the bootstrap of PSUs, for "growth" with alpha below 1.

    Returns
    -------
    Estimates
        One row per group, pair of periods and measure: `difference`, the change, and its parts
        `numerator_effect`, `denominator_effect`; `within_effect`, `between_effect`,
        `interaction_effect`, for each group of `across` and for all as `(total)`; `growth_effect`,
        `redistribution_effect`, `line_effect`, `residual`; `incidence_effect`, `intensity_effect`;
        `indicator_effect`. All in the unit of the estimate; falls are negative. `p_value` is
        two-sided, of no effect.

    Raises
    ------
    OptionError
        A word is not one of those listed, or what a decomposition needs is not there.
    ComparabilityError
        Two figures stand under different standards or sources.

    Notes
    -----
    With P poor of N households: (P1 - P0)/N0 and P1 (1/N1 - 1/N0). With shares s and rates p of
    groups g: sum s0 (p1 - p0), sum (s1 - s0) p0 and sum (s1 - s0)(p1 - p0) [1]_. A group in one
    period only counts as a shift. With P(m, L) the index at mean m and Lorenz curve L, growth is
    P(m1, L0) - P(m0, L0) and redistribution P(m0, L1) - P(m0, L0) at the first period, what is left
    the residual [2]_; Shapley's value is the mean over all orders, which leaves none, also with the
    line as third part [3]_. M0 = H A: mean A times the change of H, and mean H times that of A.

    Standard errors are by linearisation, sizes of groups and means of welfare included. For alpha
    below 1 growth and redistribution have those of a Rao-Wu bootstrap of PSUs, or of the design's
    own columns of replicate weights; PSUs that are in one period only and those in both are drawn
    apart.

    References
    ----------
    .. [1] Ravallion, M. and Huppi, M. (1991). Measuring changes in poverty. World Bank Economic
       Review 5(1), 57-82.
    .. [2] Datt, G. and Ravallion, M. (1992). Growth and redistribution components of changes in
       poverty measures. Journal of Development Economics 38(2), 275-295.
    .. [3] Kolenikov, S. and Shorrocks, A. (2005). A decomposition analysis of regional poverty in
       Russia. Review of Development Economics 9(1), 25-46.

    Examples
    --------
    Lạng Sơn 2021 to 2022: of -3.28 points 3.12 come from fewer poor, 0.16 from more households.

    >>> table = {"year": [2021, 2022], "poor": [23511, 17497], "all": [192705, 196150]}
    >>> est = pc.Estimates.from_table(table, "year", numerator="poor", denominator="all")
    >>> parts = pc.decompose(est, time="year", into="counts")
    >>> parts["measure"].tolist()
    ['difference', 'numerator_effect', 'denominator_effect']
    >>> parts["estimate"].round(4).tolist()
    [-0.0328, -0.0312, -0.0016]
    """
    if into not in INTO:
        raise unknown_option("into", into, tuple(INTO))
    chosen = INTO[into][0] if method is None else method
    if chosen not in INTO[into]:
        raise unknown_option("method", chosen, INTO[into])
    if (into == "groups") != (across is not None):
        raise OptionError("into='groups' goes with across=, the key of the groups, and only that")
    line = line_argument(line, time)
    words = {"where": where, "design": design, "count": count}
    asked = {
        "into": into,
        "method": chosen,
        "base": str(base),
        "across_standards": across_standards,
    }
    task = Task(time, chosen, base, across_standards, asked)
    if into == "growth":
        names = tuple(listed(by))
        frame = rows_of(data, design, welfare, line, [*names, time], where, standard)
        question = question_of(
            frame, welfare, line, alpha, poor, (*names, time), line_effect, words
        )
        return by_growth(task, question, standard, replicates, rng)
    if isinstance(data, Estimates):
        source = Source(data, None)
    else:
        keys = [*listed(by), *([across] if across else []), time]
        frame = rows_of(data, design, column, welfare, line, keys, where, standard)
        source = measured_source(
            frame, column, welfare, line, alpha, poor, keys, words | {"standard": standard}
        )
    if into == "counts":
        return by_counts(task, source)
    if into == "groups":
        return by_groups(task, source, str(across))
    if into == "intensity":
        return by_intensity(task, source)
    return by_indicators(task, source, weights)


def listed(names: str | Sequence[str] | None) -> list[str]:
    """Return names as a list."""
    if names is None:
        return []
    return [names] if isinstance(names, str) else list(names)


def rows_of(data: Any, design: Design | None, *words: Any) -> Frame:
    """Read rows; estimates are none."""
    if isinstance(data, Estimates):
        raise OptionError("into='growth' needs the rows, with welfare= and line=, not estimates")
    flat = [name for word in words for name in (word if isinstance(word, list) else [word])]
    named = [name for word in flat for name in (word if isinstance(word, Mapping) else [word])]
    return frame_of(data, design, *named)
