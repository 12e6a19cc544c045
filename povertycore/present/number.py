"""Numbers as people read them: 8.92 %, -3.28 points, 23,511; in Vietnamese 8,92 % and 23.511.

Results hold fractions; percent exists only here. A number is rounded half away from zero on the
shortest decimal that stands for it, as on paper: 0.13215 is 13.22 percent, although the double
lies below.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Context, Decimal
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import unknown_option

if TYPE_CHECKING:
    from ..estimates import Estimates

__all__ = ["count", "display", "display_kind", "number", "percent", "points"]

MISSING = "–"
MAX_DIGITS = 400  # the largest double has 309 before its point
KINDS = ("percent", "points", "count", "number")
LANGUAGES = ("en", "vi")
SEPARATORS = {"en": str.maketrans("", ""), "vi": str.maketrans(",.", ".,")}
POINTS = {"en": "points", "vi": "điểm %"}

PERCENT_MEASURES = frozenset(
    "rate share headcount censored_headcount H A contribution gap income_gap_ratio "
    "exit_rate entry_rate union intersection vulnerable severe population_share "
    "subgroup_contribution joint redundancy coverage undercoverage leakage leakage_amount "
    "incidence incidence_amount overlap programmes programmes_of_poor share_thin "
    "ever_poor always_poor years_poor persistence chronic_share".split()
)
COUNT_MEASURES = frozenset(
    "total count n_poor start end escaped escaped_to_near_poor escaped_above other_decrease "
    "became_poor_from_near_poor became_poor became_near_poor_from_poor fell_back new "
    "other_increase".split()
)
# Ratios of two like figures: percent whatever they are figures of.
RELATIVE_MEASURES = frozenset(
    "relative_change annual_relative_change fulfilment share_backwards share_reached share_of_top "
    "sigma sigma_corrected within between".split()
)
# In the unit of what they change, which for a rate is percentage points.
DIFFERENCE_MEASURES = frozenset(
    "difference annual_difference slope net planned achieved remaining required_pace reduction "
    "contribution_absolute sd_start sd_end sd_reduction sd_start_corrected sd_end_corrected "
    "sd_reduction_corrected iqr_start iqr_end iqr_reduction "
    "beta_intercept "
    "numerator_effect denominator_effect within_effect between_effect interaction_effect "
    "growth_effect redistribution_effect line_effect residual "
    "incidence_effect intensity_effect indicator_effect".split()
)
# In the unit of what they describe.
LEVEL_MEASURES = frozenset("level".split())


def display_kind(measure: str, of: str | None = None) -> str:
    """Return how figures of a measure are shown.

    Parameters
    ----------
    measure : str
        The measure, as "rate" or "difference".
    of : str, optional
        The measure that it is a change, slope or fulfilment of.

    Returns
    -------
    {"percent", "points", "count", "number"}
        Differences of percentages are points; differences of counts are counts.

    Examples
    --------
    >>> display_kind("rate"), display_kind("difference", "rate"), display_kind("total")
    ('percent', 'points', 'count')
    """
    measure = measure.removesuffix("_lower").removesuffix("_upper")  # bounds of a measure
    if measure in RELATIVE_MEASURES:
        return "percent"
    if measure in DIFFERENCE_MEASURES:
        whole = display_kind(of) if of else "percent"
        return "points" if whole == "percent" else whole
    if measure in LEVEL_MEASURES and of:
        return display_kind(of)
    if measure in PERCENT_MEASURES:
        return "percent"
    return "count" if measure in COUNT_MEASURES else "number"


def kinds_of_rows(est: Estimates) -> npt.NDArray[Any]:
    """Return the display kind of the estimate in each row.

    Parameters
    ----------
    est : Estimates
        Any result.

    Returns
    -------
    numpy.ndarray
        Text of `display_kind`, one entry per row.
    """
    measures = est["measure"].to_list()
    bases = est["of"].to_list() if "of" in est.measure_key_names else [None] * len(est)
    named = [base if isinstance(base, str) else None for base in bases]
    pairs = list(zip(measures, named, strict=True))
    kinds = {pair: display_kind(*pair) for pair in set(pairs)}
    return np.array([kinds[pair] for pair in pairs], dtype=object)


def rounded(x: float, digits: int, shift: int = 0) -> Decimal:
    """Return x times 10**shift, rounded half away from zero on its shortest decimal.

    Parameters
    ----------
    x : float
        A finite number.
    digits : int
        Digits after the point.
    shift : int, default 0
        Places to move the decimal point first; 2 makes a fraction percent.

    Returns
    -------
    decimal.Decimal
        Never a negative zero.

    Examples
    --------
    >>> rounded(0.13215, 2, shift=2), rounded(-0.5, 0)
    (Decimal('13.22'), Decimal('-1'))
    """
    wide = Context(prec=MAX_DIGITS, rounding=ROUND_HALF_UP)  # not the caller's, which may be short
    exact = Decimal(int(x)) if isinstance(x, Integral) else Decimal(repr(float(x)))
    result = wide.quantize(wide.scaleb(exact, shift), Decimal((0, (1,), -digits)))
    return abs(result) if result.is_zero() else result


def percent(x: float, digits: int = 2, lang: str = "en") -> str:
    """Return a fraction as percent with its sign.

    Parameters
    ----------
    x : float
        A fraction.
    digits : int, default 2
        Digits after the point.
    lang : {"en", "vi"}, default "en"
        Language of the separators.

    Returns
    -------
    str
        "–" where x is NaN.

    Examples
    --------
    >>> percent(17497 / 196150), percent(17497 / 196150, lang="vi")
    ('8.92 %', '8,92 %')
    """
    return _written(x, digits, lang, shift=2, unit=" %")


def points(x: float, digits: int = 2, lang: str = "en") -> str:
    """Return a difference of two fractions in percentage points.

    Parameters
    ----------
    x : float
        A difference of fractions.
    digits : int, default 2
        Digits after the point.
    lang : {"en", "vi"}, default "en"
        Language.

    Returns
    -------
    str
        "–" where x is NaN.

    Examples
    --------
    >>> change = 17497 / 196150 - 23511 / 192705
    >>> points(change), points(change, lang="vi")
    ('-3.28 points', '-3,28 điểm %')
    """
    return _written(x, digits, lang, shift=2, unit=" " + POINTS.get(lang, ""))


def count(x: float, lang: str = "en") -> str:
    """Return a whole number with its thousands separated.

    Parameters
    ----------
    x : float
        A count or a weighted sum.
    lang : {"en", "vi"}, default "en"
        Language of the separators.

    Returns
    -------
    str
        "–" where x is NaN.

    Examples
    --------
    >>> count(23511), count(23511, lang="vi")
    ('23,511', '23.511')
    """
    return _written(x, 0, lang)


def number(x: float, digits: int = 2, lang: str = "en") -> str:
    """Return a number with its thousands separated.

    Parameters
    ----------
    x : float
        Any number.
    digits : int, default 2
        Digits after the point.
    lang : {"en", "vi"}, default "en"
        Language of the separators.

    Returns
    -------
    str
        "–" where x is NaN.

    Examples
    --------
    >>> number(1520.345), number(1520.345, lang="vi")
    ('1,520.35', '1.520,35')
    """
    return _written(x, digits, lang)


def display(x: float, kind: str, digits: int | None = None, lang: str = "en") -> str:
    """Return a number as its kind is shown.

    Parameters
    ----------
    x : float
        The number; fractions for "percent" and "points".
    kind : {"percent", "points", "count", "number"}
        As `display_kind` gives it.
    digits : int, optional
        Digits after the point; 2, or none for a count.
    lang : {"en", "vi"}, default "en"
        Language.

    Returns
    -------
    str
        "–" where x is NaN.

    Examples
    --------
    >>> display(0.122, "percent", digits=1)
    '12.2 %'
    """
    if kind not in KINDS:
        raise unknown_option("kind", kind, KINDS)
    if kind == "count":
        return count(x, lang)
    write = {"percent": percent, "points": points, "number": number}[kind]
    return write(x, 2 if digits is None else digits, lang)


def _written(x: float, digits: int, lang: str, shift: int = 0, unit: str = "") -> str:
    if lang not in LANGUAGES:
        raise unknown_option("lang", lang, LANGUAGES)
    if x is None or math.isnan(x):
        return MISSING
    if math.isinf(x):
        return ("∞" if x > 0 else "-∞") + unit
    text = f"{rounded(x, digits, shift):,f}"
    return text.translate(SEPARATORS[lang]) + unit
