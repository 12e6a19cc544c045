"""Changes taken apart literally; a row is (period, group, cluster, weight, welfare)."""

from itertools import permutations
from math import factorial


def index(rows, line, alpha, scale=1):
    """The FGT index of rows whose welfare is multiplied by a number."""
    weight = sum(w for _, _, _, w, _ in rows)
    poor = sum(
        w * (1 if alpha == 0 else (1 - scale * y / line) ** alpha)
        for _, _, _, w, y in rows
        if scale * y < line
    )
    return poor / weight


def mean(rows):
    return sum(w * y for _, _, _, w, y in rows) / sum(w for _, _, _, w, _ in rows)


def poverty(rows, lines, alpha, of_mean, of_rows, of_line):
    """Poverty at the mean of one period, with the rows of another, at the line of a third."""
    start = [[r for r in rows if r[0] == t] for t in sorted({r[0] for r in rows})]
    scale = mean(start[of_mean]) / mean(start[of_rows])
    return index(start[of_rows], lines[of_line], alpha, scale)


def growth(rows, line, alpha, method):
    """Growth and redistribution at one line, and what is left."""
    p = {(a, b): poverty(rows, [line, line], alpha, a, b, 0) for a in (0, 1) for b in (0, 1)}
    whole = p[1, 1] - p[0, 0]
    by_first = (p[1, 0] - p[0, 0], p[0, 1] - p[0, 0])
    by_last = (p[1, 1] - p[0, 1], p[1, 1] - p[1, 0])
    if method == "shapley":
        return [whole, *((a + b) / 2 for a, b in zip(by_first, by_last, strict=True))]
    parts = by_first if method == "first" else by_last
    return [whole, *parts, whole - sum(parts)]


def growth_and_line(rows, lines, alpha):
    """Growth, redistribution and line: the mean over the six orders of changing them."""
    parts = [0, 0, 0]
    for order in permutations(range(3)):
        state = [0, 0, 0]
        for factor in order:
            before = poverty(rows, lines, alpha, *state)
            state[factor] = 1
            parts[factor] += poverty(rows, lines, alpha, *state) - before
    return [part / factorial(3) for part in parts]


def groups(figures, method):
    """Of each group (size, rate) at start and end: within, between, interaction; and of all."""
    n0 = sum(a for (a, _), _ in figures.values())
    n1 = sum(a for _, (a, _) in figures.values())
    found = {}
    for name, ((a0, p0), (a1, p1)) in figures.items():
        s0, s1 = a0 / n0, a1 / n1
        if method == "interaction":
            found[name] = [s0 * (p1 - p0), (s1 - s0) * p0, (s1 - s0) * (p1 - p0)]
        else:
            found[name] = [(s0 + s1) / 2 * (p1 - p0), (s1 - s0) * (p0 + p1) / 2]
    return found, [sum(part) for part in zip(*found.values(), strict=True)]


def linearised(rows, figure, step=1e-6):
    """Variances of several figures: how each moves when one cluster weighs a little more.

    Clusters are pairs of stratum and number; periods share them. With replacement.
    """
    strata = {}
    for _, _, (h, c), _, _ in rows:
        strata.setdefault(h, set()).add(c)
    variance = [0.0] * len(figure(rows))
    for h, clusters in strata.items():
        n = len(clusters)
        parts = []
        for moved in sorted(clusters):
            up, down = (
                figure(
                    [
                        (t, g, (k, c), w * (1 + sign * step) if (k, c) == (h, moved) else w, y)
                        for t, g, (k, c), w, y in rows
                    ]
                )
                for sign in (1, -1)
            )
            parts.append([(u - d) / (2 * step) for u, d in zip(up, down, strict=True)])
        for j in range(len(variance)):
            centre = sum(part[j] for part in parts) / n
            variance[j] += n / (n - 1) * sum((part[j] - centre) ** 2 for part in parts)
    return variance
