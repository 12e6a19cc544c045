"""Units from one vintage to another, read literally: every household walked through the changes.

A change is (date, {code: {code: share}}); codes it does not name stay as they are. Dates are
integers. Counts are exact fractions.
"""

from fractions import Fraction


def walked(code, start, end, changes):
    """What a unit of `start` is at `end`, a later date: {code: share}."""
    parts = {code: Fraction(1)}
    for date, table in sorted(changes, key=lambda change: change[0]):
        if start < date <= end:
            moved = {}
            for at, share in parts.items():
                for to, part in table.get(at, {at: Fraction(1)}).items():
                    moved[to] = moved.get(to, Fraction(0)) + share * part
            parts = moved
    return parts


def rebased(counts, start, end, changes):
    """Counts by code, by the codes of the later date."""
    found = {}
    for code, count in counts.items():
        for to, share in walked(code, start, end, changes).items():
            found[to] = found.get(to, Fraction(0)) + count * share
    return found
