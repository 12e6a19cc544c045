"""Alkire-Foster measures of a sample: what each row brings to them, in exact fractions.

Rows are those of `survey` with indicators of 0, 1 or None. A measure is a ratio of two scores of a
row, so its linearised z is that of `survey.ratio`; a rule for missing indicators takes rows out of
the domain. The variance among the poor is the mean of (c - A)^2, with A known: its derivative by A
is 0.
"""

from fractions import Fraction

from oracles import survey
from oracles.multidim import score, treated


def everybody(_row):
    return True


def parts(rows, dimensions, weights, k, *, missing="drop", group=everybody, reference=everybody):
    """(estimate, z, used) of every measure of a group, as {(measure, dimension, indicator): ...}.

    `group` says which rows are in it, `reference` which are in the larger group that it is a share
    of. A measure without a figure is left out.
    """
    kept, own, flags = {}, {}, {}
    for inside in groups_of(rows, reference):
        for row, deprived, weight in treated(inside, dimensions, weights, missing):
            kept[id(row)] = score(deprived, weight)
            own[id(row)], flags[id(row)] = weight, deprived

    def c(row):
        return kept.get(id(row))

    def poor(row):
        return None if c(row) is None else int(c(row) >= k)

    def censored(row):
        return None if c(row) is None else c(row) * poor(row)

    def one(row):
        return None if c(row) is None else 1

    def flag(name, row):
        return flags[id(row)].get(name) if id(row) in flags else None

    def part(names, row):
        if c(row) is None:
            return None
        held = [name for name in names if flag(name, row)]
        return poor(row) * sum((own[id(row)][name] for name in held), Fraction(0))

    def both(name, row):
        return None if flag(name, row) is None else flag(name, row) * poor(row)

    def band(low, high, row):
        return None if c(row) is None else int(low <= c(row) and (high is None or c(row) < high))

    def within(above):
        return lambda row: None if above(row) is None else above(row) * int(group(row))

    out = {}

    def add(key, above, below=one, domain=group):
        used = [row for row in rows if survey.is_used(row, above, below, domain)]
        if any(below(row) for row in used):
            out[key] = survey.ratio(rows, above, below, domain)

    add(("H", None, None), poor)
    add(("A", None, None), censored, poor)
    add(("M0", None, None), censored)
    out["n_poor", None, None] = survey.total(rows, poor, group)
    add(("union", None, None), lambda row: None if c(row) is None else int(c(row) > 0))
    every = {id(row): int(all(flags[id(row)].values())) for row in rows if id(row) in flags}
    add(("intersection", None, None), lambda row: every.get(id(row)))
    add(("vulnerable", None, None), lambda row: band(Fraction(1, 5), Fraction(1, 3), row))
    add(("severe", None, None), lambda row: band(Fraction(1, 2), None, row))
    add(("population_share", None, None), within(one), one, reference)
    add(("subgroup_contribution", None, None), within(censored), censored, reference)
    for dimension, members in dimensions.items():
        for name in (None, *members):
            names = members if name is None else [name]
            key = (dimension, name)
            add(("contribution", *key), lambda row, n=names: part(n, row), censored)
            add(("contribution_absolute", *key), lambda row, n=names: part(n, row))
            if name is not None:
                add(("headcount", *key), lambda row, n=name: flag(n, row))
                add(("censored_headcount", *key), lambda row, n=name: both(n, row))
    if ("A", None, None) in out:
        mean = out["A", None, None][0]
        add(
            ("variance", None, None),
            lambda row: None if c(row) is None else poor(row) * (c(row) - mean) ** 2,
            poor,
        )
    return out


def groups_of(rows, reference):
    """The rows of a reference by group: `reweight` looks at each by itself."""
    found = {}
    for row in rows:
        if reference(row):
            found.setdefault(row.get("group"), []).append(row)
    return found.values()
