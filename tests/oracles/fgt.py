"""Monetary poverty, read literally off its definitions: rows are dictionaries, one after the other.

Incomes, lines and weights are exact fractions; logarithms and real powers decimals of 60 digits.
None is missing. A result is {labels of the keys: figures}; see oracles/total.py.
"""

from decimal import Decimal, localcontext
from fractions import Fraction

from oracles.rate import count
from oracles.total import by_group, exact


def poverty(
    rows,
    welfare,
    line,
    measure,
    parameter=None,
    *,
    by=(),
    where=None,
    weight=None,
    size=None,
    poor="below",
    rule=None,
    floor=None,
):
    """A measure by group. line: a number or a column; parameter: alpha, or the b of chu."""

    def of_group(domain):
        known = [(row, *amounts(row, welfare, line)) for row in domain]
        known = [(row, y, z) for row, y, z in known if y is not None and z is not None]
        if rule == "drop":
            known = [(row, y, z) for row, y, z in known if is_defined(measure, y)]
        above = below = population = Fraction(0)
        for row, y, z in known:
            people = count(row, weight, size)
            is_poor = y < z if poor == "below" else y <= z
            population += people
            above += people * score(measure, parameter, y, z, is_poor, rule, floor)
            below += people * (is_poor if measure in PER_POOR else 1)
        estimate = above if measure in TOTALS else above / below if below else None
        return {
            "n_obs": len(known),
            "n_missing": len(domain) - len(known),
            "population": population,
            "numerator": above,
            "estimate": estimate if population else None,
        }

    return by_group(rows, by, where, of_group)


TOTALS = ("n_poor", "total_shortfall")
PER_POOR = ("income_gap_ratio", "mean_shortfall_per_poor")


def amounts(row, welfare, line):
    y = row[welfare]
    z = row[line] if isinstance(line, str) else line
    return (None if y is None else exact(y)), (None if z is None else exact(z))


def is_defined(measure, y):
    return y > 0 if measure == "watts" else y >= 0 if measure == "chu" else True


def score(measure, parameter, y, z, is_poor, rule, floor):
    if measure in ("watts", "chu"):
        return defined_score(measure, parameter, y, z, rule, floor)
    if not is_poor:
        return Fraction(0)
    if measure in ("n_poor", "headcount"):
        return Fraction(1)
    if "shortfall" in measure:
        return z - y
    alpha = {"gap": 1, "income_gap_ratio": 1, "severity": 2}.get(measure, parameter)
    return power((z - y) / z, alpha)


def defined_score(measure, parameter, y, z, rule, floor):
    if rule == "floor":
        y = max(y, exact(floor))
    if not is_defined(measure, y):
        assert rule == "skip", "an income for which the measure is not defined"
        return Fraction(0)
    if y >= z:
        return Fraction(0)
    if measure == "watts":
        with localcontext(prec=60):
            return Fraction((decimal(z) / decimal(y)).ln())
    return (1 - power(y / z, parameter)) / exact(parameter)


def power(base, exponent):
    if base == 0 or exponent == int(exponent):
        return base ** int(exponent) if base or exponent == 0 else Fraction(0)
    with localcontext(prec=60):
        return Fraction(decimal(base) ** Decimal(exponent))


def decimal(fraction):
    return Decimal(fraction.numerator) / Decimal(fraction.denominator)
