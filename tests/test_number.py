"""Numbers as people read them: percent, points, counts, in English and Vietnamese.

Source of truth: the printed figures of Lạng Sơn (23,511 poor households of 192,705, 12.20 %;
17,497 of 196,150, 8.92 %; -3.28 points; 22,333 of 157,019, 14.22 %), and rounding half away from
zero on the decimals that are written.
"""

import decimal
import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

import povertycore as pc
from povertycore.errors import OptionError
from povertycore.present.number import (
    count,
    display,
    display_kind,
    kinds_of_rows,
    number,
    percent,
    points,
    rounded,
)

# ---- worked example ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("poor", "households", "english", "vietnamese"),
    [
        (23_511, 192_705, "12.20 %", "12,20 %"),
        (17_497, 196_150, "8.92 %", "8,92 %"),
        (22_333, 157_019, "14.22 %", "14,22 %"),
    ],
)
def test_rates_print_as_published(poor, households, english, vietnamese):
    assert percent(poor / households) == english
    assert percent(poor / households, lang="vi") == vietnamese


def test_a_difference_of_rates_is_in_points():
    change = 17_497 / 196_150 - 23_511 / 192_705
    assert points(change) == "-3.28 points"
    assert points(change, lang="vi") == "-3,28 điểm %"


def test_counts_have_their_thousands_separated():
    assert count(23_511) == "23,511"
    assert count(1_234_567.5, lang="vi") == "1.234.568"
    assert count(999) == "999"


def test_other_numbers_swap_point_and_comma_in_vietnamese():
    assert number(1_520.345, 2) == "1,520.35"
    assert number(1_520.345, 1, "vi") == "1.520,3"


@pytest.mark.parametrize(
    ("kind", "english", "vietnamese"),
    [
        ("percent", "12.35 %", "12,35 %"),
        ("points", "12.35 points", "12,35 điểm %"),
        ("count", "0", "0"),
        ("number", "0.12", "0,12"),
    ],
)
def test_display_writes_each_kind(kind, english, vietnamese):
    assert display(0.12345, kind) == english
    assert display(0.12345, kind, lang="vi") == vietnamese


# ---- rounding ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fraction", "printed"),
    [
        (0.12345, "12.35 %"),
        (0.13215, "13.22 %"),  # the double lies below 0.13215
        (0.00005, "0.01 %"),
        (-0.00005, "-0.01 %"),
        (0.10125, "10.13 %"),  # half to even would give 10.12
        (1e-7, "0.00 %"),
        (1.0, "100.00 %"),
        (1.093, "109.30 %"),
    ],
)
def test_a_half_rounds_away_from_zero_on_the_written_decimals(fraction, printed):
    assert percent(fraction) == printed


def test_what_rounds_to_zero_has_no_sign():
    assert points(-1e-9) == "0.00 points"
    assert count(-0.4) == "0"


def test_digits_are_as_asked():
    assert percent(0.122, digits=0) == "12 %"
    assert percent(0.122, digits=4) == "12.2000 %"


@given(st.integers(-(10**6), 10**6), st.integers(0, 5))
def test_a_half_on_paper_always_rounds_away_from_zero(n, digits):
    # n.5 in the last digit: as fractions most of these have doubles just below or above.
    half = decimal.Decimal(f"{n}.5")
    away = n + 1 if n >= 0 else n - 1
    fraction = float(half.scaleb(-digits - 2))
    assert rounded(fraction, digits, shift=2) == decimal.Decimal(away).scaleb(-digits)


@given(st.integers(-(2**53), 2**53), st.sampled_from(["en", "vi"]))
def test_counts_keep_every_digit(n, lang):
    separator = {"en": ",", "vi": "."}[lang]
    assert int(count(n, lang).replace(separator, "")) == n
    assert count(float(n), lang) == count(n, lang)
    assert count(np.int64(n), lang) == count(n, lang)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_is_written_in_full(x):
    written = number(x, 2).replace(",", "")
    assert math.isclose(float(written), x, rel_tol=1e-9, abs_tol=0.0050001)
    assert "e" not in written.lower()


# ---- edges ------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [percent, points, count, number])
def test_nothing_known_is_a_dash(write):
    assert write(math.nan) == "–"
    assert write(np.float64("nan")) == "–"


def test_infinity_is_written():
    assert number(math.inf) == "∞"
    assert percent(-math.inf) == "-∞ %"


# ---- which kind -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measure", "of", "kind"),
    [
        ("rate", None, "percent"),
        ("H", None, "percent"),
        ("headcount", None, "percent"),
        ("M0", None, "number"),
        ("mean", None, "number"),
        ("ratio", None, "number"),
        ("total", None, "count"),
        ("difference", "rate", "points"),
        ("annual_difference", "rate", "points"),
        ("difference", "total", "count"),
        ("difference", "mean", "number"),
        ("relative_change", "rate", "percent"),
        ("relative_change", "total", "percent"),
        ("annual_relative_change", "mean", "percent"),
        ("planned", "rate", "points"),
        ("achieved", "total", "count"),
        ("fulfilment", "rate", "percent"),
        ("on_track", "rate", "number"),
        ("reach_year", "rate", "number"),
        ("slope", "rate", "points"),
        ("level", "rate", "percent"),
        ("exit_rate", None, "percent"),
        ("unheard_of", None, "number"),
    ],
)
def test_differences_of_percentages_are_points_and_shares_are_percent(measure, of, kind):
    assert display_kind(measure, of) == kind


def test_each_row_has_its_own_kind():
    est = pc.Estimates(
        {"year_to": [2022] * 3},
        measure_keys={"variable": "poor", "of": ["rate", "total", "rate"]},
        measure=["difference", "difference", "relative_change"],
        estimate=[-0.0328, -6014, -0.27],
        unit="households",
        verb="change",
    )
    assert kinds_of_rows(est).tolist() == ["points", "count", "percent"]


# ---- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [percent, points, count, number])
def test_an_unknown_language_names_the_options(write):
    with pytest.raises(OptionError, match="lang must be 'en' or 'vi', found 'fr'"):
        write(0.5, lang="fr")


def test_an_unknown_kind_names_the_options():
    with pytest.raises(OptionError, match="kind must be 'percent', 'points', 'count' or 'number'"):
        display(0.5, "permille")
