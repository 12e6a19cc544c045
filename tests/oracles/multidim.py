"""Alkire-Foster measures, read literally off their definitions: row by row, in exact fractions.

A row is a dictionary; an indicator in it is 0, 1 or None (missing). Weights of indicators are
fractions that sum to 1, one per indicator name; `dimensions` maps a dimension to its indicators.
Every function takes the rows of one group.
"""

from fractions import Fraction


def count(row, weight=None, size=None):
    """What a row counts: weight times members."""
    members = 1 if size is None else row[size]
    return Fraction(1 if weight is None else row[weight]) * Fraction(members)


def treated(rows, dimensions, weights, missing):
    """The rows that a rule for missing indicators keeps, as (row, deprivations, weights).

    Deprivations are {indicator: 0 or 1}; an indicator whose weight went to others is not in them.
    """
    names = [name for members in dimensions.values() for name in members]
    present = {name for name in names if any(row[name] is not None for row in rows)}
    kept = []
    for row in rows:
        known = [name for name in names if row[name] is not None]
        if missing == "drop":
            if len(known) < len(names):
                continue
            use = names
        elif missing in ("not_deprived", "deprived"):
            use = names
        elif missing == "reweight":
            use = [name for name in names if name in present]
            if any(row[name] is None for name in use):
                continue
        elif missing == "reweight_rows":
            use = known
        fill = 1 if missing == "deprived" else 0
        if any(not set(members) & set(use) for members in dimensions.values()):
            continue
        own = {}
        for members in dimensions.values():
            there = [name for name in members if name in use]
            whole = sum(weights[name] for name in members)
            for name in there:
                own[name] = weights[name] * whole / sum(weights[other] for other in there)
        kept.append((row, {name: fill if row[name] is None else row[name] for name in use}, own))
    return kept


def score(deprived, own):
    return sum((own[name] for name in deprived if deprived[name]), Fraction(0))


def divided(numerator, denominator):
    return numerator / denominator if denominator else None


def measures(rows, dimensions, weights, k, *, missing="drop", weight=None, size=None):
    """All measures of one group at one cut-off, as {(measure, dimension, indicator): value}."""
    names = [name for members in dimensions.values() for name in members]
    kept = treated(rows, dimensions, weights, missing)
    counted = [(count(row, weight, size), deprived, own) for row, deprived, own in kept]
    population = sum((w for w, _, _ in counted), Fraction(0))
    poor = [(w, deprived, own) for w, deprived, own in counted if score(deprived, own) >= k]
    w_poor = sum((w for w, _, _ in poor), Fraction(0))
    censored = sum((w * score(deprived, own) for w, deprived, own in poor), Fraction(0))
    out = {
        ("H", None, None): divided(w_poor, population),
        ("A", None, None): divided(censored, w_poor),
        ("M0", None, None): divided(censored, population),
        ("n_poor", None, None): w_poor if population else None,
    }
    if w_poor:
        mean = censored / w_poor
        out["variance", None, None] = (
            sum(w * (score(deprived, own) - mean) ** 2 for w, deprived, own in poor) / w_poor
        )
    else:
        out["variance", None, None] = None
    some = sum((w for w, deprived, _ in counted if any(deprived.values())), Fraction(0))
    every = sum((w for w, deprived, _ in counted if all(deprived.values())), Fraction(0))
    out["union", None, None] = divided(some, population)
    out["intersection", None, None] = divided(every, population)
    scores = [(w, score(deprived, own)) for w, deprived, own in counted]
    vulnerable = sum((w for w, c in scores if Fraction(1, 5) <= c < Fraction(1, 3)), Fraction(0))
    severe = sum((w for w, c in scores if c >= Fraction(1, 2)), Fraction(0))
    out["vulnerable", None, None] = divided(vulnerable, population)
    out["severe", None, None] = divided(severe, population)
    for dimension, members in dimensions.items():
        of_dimension = Fraction(0)
        for name in members:
            known = sum((w for w, deprived, _ in counted if name in deprived), Fraction(0))
            raw = sum((w for w, deprived, _ in counted if deprived.get(name)), Fraction(0))
            both = sum((w for w, deprived, _ in poor if deprived.get(name)), Fraction(0))
            adds = sum(
                (w * own[name] for w, deprived, own in poor if deprived.get(name)), Fraction(0)
            )
            out["headcount", dimension, name] = divided(raw, known)
            out["censored_headcount", dimension, name] = divided(both, known)
            out["contribution", dimension, name] = divided(adds, censored)
            out["contribution_absolute", dimension, name] = divided(adds, population)
            of_dimension += adds
        out["contribution", dimension, None] = divided(of_dimension, censored)
        out["contribution_absolute", dimension, None] = divided(of_dimension, population)
    assert set(names) == {name for _, _, name in out if name}
    return out


def n_retained(rows, dimensions, weights, missing):
    return len(treated(rows, dimensions, weights, missing))


def gap_measure(rows, limits, dimensions, weights, k, alpha, *, missing="drop", weight=None):
    """M_alpha of amounts (or None), deprived strictly below their limits; alpha is above 0.

    Exact for whole alphas; other powers are of floats.
    """

    def gap(row, name):
        return (Fraction(limits[name]) - Fraction(row[name])) / Fraction(limits[name])

    flags = [
        row
        | {name: None if row[name] is None else int(row[name] < limits[name]) for name in limits}
        for row in rows
    ]
    amounts = {id(flag): row for flag, row in zip(flags, rows, strict=True)}
    total = population = Fraction(0)
    for flag, deprived, own in treated(flags, dimensions, weights, missing):
        w = count(flag, weight)
        population += w
        if score(deprived, own) >= k:
            row = amounts[id(flag)]
            poor = [name for name in deprived if deprived[name]]
            total += w * sum((own[name] * gap(row, name) ** alpha for name in poor), Fraction(0))
    return divided(total, population)


def pair(rows, one, other, weight=None, size=None):
    """Share deprived in both, Cramer's V squared with its sign, redundancy; of complete rows."""
    counted = [(count(row, weight, size), row[one], row[other]) for row in rows]
    population = sum((w for w, _, _ in counted), Fraction(0))
    both = sum((w for w, a, b in counted if a and b), Fraction(0)) / population
    first = sum((w for w, a, _ in counted if a), Fraction(0)) / population
    second = sum((w for w, _, b in counted if b), Fraction(0)) / population
    apart = both - first * second
    spread = first * second * (1 - first) * (1 - second)
    v_squared = (1 if apart >= 0 else -1) * apart**2 / spread if spread else None
    return both, v_squared, divided(both, min(first, second))
