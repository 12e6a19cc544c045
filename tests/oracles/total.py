"""Totals, means and ratios, read literally off their definitions; see oracles/rate.py."""

from oracles.rate import count


def totals(rows, column, by=(), where=None, weight=None, size=None):
    """{labels: figures} of one column of numbers; without a column of the units themselves."""
    return by_group(rows, by, where, lambda domain: one_total(domain, column, weight, size))


def means(rows, column, by=(), where=None, weight=None, size=None):
    return by_group(rows, by, where, lambda domain: one_mean(domain, column, weight, size))


def ratios(rows, numerator, denominator, by=(), where=None, weight=None, size=None):
    return by_group(
        rows, by, where, lambda domain: one_ratio(domain, numerator, denominator, weight, size)
    )


def by_group(rows, by, where, measure):
    table = {}
    for labels in dict.fromkeys(tuple(row[key] for key in by) for row in rows):
        group = [row for row in rows if tuple(row[key] for key in by) == labels]
        table[labels] = measure([row for row in group if where is None or row[where]])
    return table


def one_total(domain, column, weight, size):
    measured = [row for row in domain if column is None or row[column] is not None]
    population = sum(count(row, weight, size) for row in measured)
    value = sum(
        count(row, weight, size) * (1 if column is None else exact(row[column])) for row in measured
    )
    return figures(domain, measured, population, value if population else None)


def one_mean(domain, column, weight, size):
    measured = [row for row in domain if row[column] is not None]
    population = sum(count(row, weight, size) for row in measured)
    value = sum(count(row, weight, size) * exact(row[column]) for row in measured)
    return figures(domain, measured, population, value / population if population else None)


def one_ratio(domain, numerator, denominator, weight, size):
    measured = [row for row in domain if None not in (row[numerator], row[denominator])]
    population = sum(count(row, weight, size) for row in measured)
    above = sum(count(row, weight, size) * exact(row[numerator]) for row in measured)
    below = sum(count(row, weight, size) * exact(row[denominator]) for row in measured)
    value = above / below if population and below else None
    return figures(domain, measured, population, value)


def exact(value):
    return count({"value": value}, "value", None)


def figures(domain, measured, population, estimate):
    return {
        "n_obs": len(measured),
        "n_missing": len(domain) - len(measured),
        "population": population,
        "estimate": estimate,
    }
