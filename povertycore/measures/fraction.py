"""Weights and cut-offs as exact fractions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Rational
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from ..inputs import object_array

__all__ = ["as_fraction", "subset_sums"]

MOST_PARTS = 1000
CLOSE = Fraction(1, 10**9)
MOST_SUMS = 2**20
MOST_BITS = 2**24


def as_fraction(value: Any) -> Fraction:
    """Read a weight or a cut-off as an exact fraction.

    Parameters
    ----------
    value : str, Fraction, int, float or Decimal
        Text as "1/6" or "0.25" is taken as written. A float is the fraction with the smallest
        denominator up to 1,000 within 1e-9 of it, else its shortest decimal.

    Returns
    -------
    Fraction
        The value.

    Raises
    ------
    OptionError
        It is no number, or not finite.

    Examples
    --------
    >>> as_fraction(1 / 3), as_fraction(0.33), as_fraction("1/6")
    (Fraction(1, 3), Fraction(33, 100), Fraction(1, 6))
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        raise no_number(value)
    if isinstance(value, Rational):
        return Fraction(value)
    if isinstance(value, str):
        try:
            return Fraction(value.strip().replace(" ", ""))
        except (ValueError, ZeroDivisionError):
            raise no_number(value) from None
    if not isinstance(value, float | Decimal) or not math.isfinite(value):
        raise no_number(value)
    near = Fraction(value).limit_denominator(MOST_PARTS)
    return near if abs(near - Fraction(value)) <= CLOSE else Fraction(repr_of(value))


def repr_of(value: float | Decimal) -> str:
    """Write a number with as few digits as tell it from others."""
    return repr(value) if isinstance(value, float) else str(value)


def no_number(value: object) -> OptionError:
    """Return the error for what is no number."""
    return OptionError(f"{value!r} is no number; write a fraction as '1/6', or a finite number")


def subset_sums(numerators: Sequence[int], denominator: int) -> NDArray[Any] | None:
    """Return all sums of some of the numerators, from the least; None if beyond a million.

    Sums up to 2^24 are the bits of one integer, which is shifted and joined once per numerator.
    """
    if denominator <= MOST_BITS:
        bits = 1
        for numerator in numerators:
            bits |= bits << numerator
        packed = np.frombuffer(bits.to_bytes(denominator // 8 + 1, "little"), np.uint8)
        sums = np.flatnonzero(np.unpackbits(packed, bitorder="little"))
        return sums if len(sums) <= MOST_SUMS else None
    found = {0}
    for numerator in numerators:
        found |= {earlier + numerator for earlier in found}
        if len(found) > MOST_SUMS:
            return None
    return object_array(sorted(found))
