"""Rates, read literally off their definition: rows are dictionaries, sums are exact fractions.

None is missing. A result is {(labels of the keys, variable, category): figures}; the category of a
0/1 column is None. Figures: n_obs, n_missing, numerator, denominator, estimate (None if undefined).
"""

from fractions import Fraction


def rates(rows, columns, by=(), where=None, weight=None, size=None):
    """Rates of 0/1 columns and of columns of text."""
    table = {}
    for labels in dict.fromkeys(tuple(row[key] for key in by) for row in rows):
        group = [row for row in rows if tuple(row[key] for key in by) == labels]
        domain = [row for row in group if where is None or row[where]]
        for column in columns:
            for category in categories_of(rows, column):
                table[(labels, column, category)] = one_rate(domain, column, category, weight, size)
    return table


def categories_of(rows, column):
    known = {row[column] for row in rows if row[column] is not None}
    return sorted(known) if any(isinstance(value, str) for value in known) else [None]


def one_rate(domain, column, category, weight, size):
    measured = [row for row in domain if row[column] is not None]
    marked = [
        row for row in measured if (row[column] if category is None else row[column] == category)
    ]
    numerator = sum(count(row, weight, size) for row in marked)
    denominator = sum(count(row, weight, size) for row in measured)
    return {
        "n_obs": len(measured),
        "n_missing": len(domain) - len(measured),
        "numerator": numerator,
        "denominator": denominator,
        "estimate": numerator / denominator if denominator else None,
    }


def count(row, weight, size):
    """What a row counts: weight times members."""
    members = 1 if size is None else row[size]
    return Fraction(1 if weight is None else row[weight]) * Fraction(members)
