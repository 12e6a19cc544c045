"""Change between periods, read literally off its definition.

Figures are {(group, period): exact fraction}, None where there is none. A result is {(group, from,
to, measure): value}, None where it is undefined.
"""

MEASURES = ("difference", "relative_change", "annual_difference", "annual_relative_change")


def changes(figures, pairs, years):
    """`pairs` of periods; `years` gives each period its place on the axis of years."""
    table = {}
    for group in {group for group, _ in figures}:
        for start, end in pairs:
            p0, p1 = figures.get((group, start)), figures.get((group, end))
            for measure in MEASURES:
                value = change(measure, p0, p1, years[end] - years[start])
                table[(group, start, end, measure)] = value
    return table


def change(measure, p0, p1, time):
    if p0 is None or p1 is None:
        return None
    if measure == "difference":
        return p1 - p0
    if measure == "annual_difference":
        return (p1 - p0) / time
    if p0 == 0:
        return None
    if measure == "relative_change":
        return p1 / p0 - 1
    return float(p1 / p0) ** (1 / float(time)) - 1
