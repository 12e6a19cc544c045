"""The classes of one household, written out from the texts of the standards, in exact fractions.

Nothing is read from the package: lines, rules and units are typed here a second time, one `if`
after the other, in the words of the decisions and decrees.
"""

from fractions import Fraction

VND_PER_MONTH = {
    "VND/month": Fraction(1),
    "thousand VND/month": Fraction(1000),
    "VND/year": Fraction(1, 12),
    "thousand VND/year": Fraction(1000, 12),
}


def by_income(standard, amount, unit, area, deprivations):
    """Class by income per person (a number in `unit`) and number of deprivations."""
    income = Fraction(amount) * VND_PER_MONTH[unit]
    return {"vn-2011": of_2011, "vn-2016": of_2016, "vn-2022": of_2022, "vn-2027": of_2027}[
        standard
    ](income, area, deprivations)


def of_2011(income, area, deprivations):
    """Decision 09/2011: income alone."""
    if income <= (400_000 if area == "rural" else 500_000):
        return "poor"
    if income <= (520_000 if area == "rural" else 650_000):
        return "near_poor"
    return "other"


def of_2016(income, area, deprivations):
    """Decision 59/2015, Article 2: income alone, or income and three of ten."""
    if area == "rural":
        first, second, average = 700_000, 1_000_000, 1_500_000
    else:
        first, second, average = 900_000, 1_300_000, 1_950_000
    if income <= first:
        return "poor"
    if income <= second:
        return "poor" if deprivations >= 3 else "near_poor"
    return "average" if income <= average else "other"


def of_2022(income, area, deprivations):
    """Decree 07/2021, Article 3: income and three of twelve."""
    line, average = (1_500_000, 2_250_000) if area == "rural" else (2_000_000, 3_000_000)
    if income <= line:
        return "poor" if deprivations >= 3 else "near_poor"
    return "average" if income <= average else "other"


def of_2027(income, area, deprivations):
    """Decree 351/2025: income and three of twelve, no average class."""
    if income <= (2_200_000 if area == "rural" else 2_800_000):
        return "poor" if deprivations >= 3 else "near_poor"
    return "other"


def by_scores(b1, b2, area):
    """Class by the scores of Circular 07/2021: 140 and 175 points; 10 points a deprivation."""
    if Fraction(b1) > (140 if area == "rural" else 175):
        return "other"
    return "poor" if Fraction(b2) >= 30 else "near_poor"
