"""Targeting, read literally off its definitions: sums over rows in exact fractions.

A row is a dictionary as in `oracles.survey`, with `poor` (1, 0 or None), `class`, `receives` and
`amount` (each by benefit). A figure is (estimate, z of each row, used rows); the estimate is None
where there is nothing below, z are the linear parts w (t1/T1 - t2/T2 - t3/T3 + t4/T4) F.
"""

from fractions import Fraction

from oracles.survey import exact


def weighted(rows, score):
    """The parts w t of a sum, 0 where t is None."""
    scores = [score(row) for row in rows]
    return [
        Fraction(0) if t is None else exact(row["weight"]) * exact(t)
        for row, t in zip(rows, scores, strict=True)
    ]


def share(rows, above, below):
    """Sum of w above over sum of w below; both scores are None outside."""
    t1, t2 = weighted(rows, above), weighted(rows, below)
    used = [below(row) is not None and row["weight"] > 0 for row in rows]
    if not sum(t2):
        return None, [0] * len(rows), used
    estimate = sum(t1) / sum(t2)
    return estimate, [(a - estimate * b) / sum(t2) for a, b in zip(t1, t2, strict=True)], used


def index(rows, part, whole, part_of_all, all_of_all):
    """A share of benefits over a share of the population."""
    sums = [weighted(rows, score) for score in (part, whole, part_of_all, all_of_all)]
    used = [all_of_all(row) is not None and row["weight"] > 0 for row in rows]
    t1, t2, t3, t4 = map(sum, sums)
    if not t2 or not t3:
        return None, [0] * len(rows), used
    estimate = (t1 / t2) / (t3 / t4)
    # the derivative by t1 is F/t1, also where t1 is 0
    by_t1 = t4 / (t2 * t3)
    z = [
        a * by_t1 - estimate * (b / t2 + c / t3 - d / t4) for a, b, c, d in zip(*sums, strict=True)
    ]
    return estimate, z, used


def when(condition, score):
    """A score of the rows that meet a condition, None for others."""
    return lambda row: score(row) if condition(row) else None


def one(_row):
    return 1


def figures(rows, benefit, thin=None):
    """All figures of one benefit: {(measure, class or None): figure}."""

    def receives(row):
        return row["receives"][benefit]

    def amount(row):
        return row["amount"][benefit]

    def known(row):
        return row["poor"] is not None and receives(row) is not None

    def paid(row):
        return known(row) and amount(row) is not None

    def is_poor(row):
        return known(row) and row["poor"] == 1

    def is_receiver(row):
        return known(row) and receives(row) == 1

    def gets(row):
        return receives(row)

    def poor(row):
        return row["poor"]

    found = {
        "coverage": share(rows, when(is_poor, gets), when(is_poor, one)),
        "undercoverage": share(rows, when(is_poor, lambda r: 1 - gets(r)), when(is_poor, one)),
        "leakage": share(rows, when(is_receiver, lambda r: 1 - poor(r)), when(is_receiver, one)),
        "cgh": index(
            rows,
            when(known, lambda r: gets(r) * poor(r)),
            when(known, gets),
            when(known, poor),
            when(known, one),
        ),
        "leakage_amount": share(
            rows, when(paid, lambda r: amount(r) * (1 - poor(r))), when(paid, amount)
        ),
        "cgh_amount": index(
            rows,
            when(paid, lambda r: amount(r) * poor(r)),
            when(paid, amount),
            when(paid, poor),
            when(paid, one),
        ),
        "support_per_unit": share(rows, when(paid, amount), when(paid, one)),
    }

    def paid_poor(row):
        return paid(row) and row["poor"] == 1

    def paid_receiver(row):
        return paid(row) and receives(row) == 1

    found["support_per_poor"] = share(rows, when(paid_poor, amount), when(paid_poor, one))
    found["support_per_receiver"] = share(
        rows, when(paid_receiver, amount), when(paid_receiver, one)
    )
    estimate, z, used = index(  # (A/B)/(Q/A)
        rows,
        when(paid_receiver, amount),
        when(paid_receiver, one),
        when(paid_receiver, lambda r: amount(r) ** 2),
        when(paid_receiver, amount),
    )
    used = [paid_receiver(row) and row["weight"] > 0 for row in rows]
    complement = None if estimate is None else 1 - estimate
    found["concentration"] = complement, [-part for part in z], used
    if thin is not None:
        found["share_thin"] = share(
            rows,
            when(paid_receiver, lambda r: int(amount(r) < thin)),
            when(paid_receiver, one),
        )
    table = {(measure, None): figure for measure, figure in found.items()}
    for label in sorted({row["class"] for row in rows if row["class"] is not None}):
        table |= figures_of_class(rows, benefit, label)
    return table


def figures_of_class(rows, benefit, label):
    """The figures of one class."""

    def known(row):
        return row["class"] is not None and row["receives"][benefit] is not None

    def paid(row):
        return known(row) and row["amount"][benefit] is not None

    def inside(row):
        return int(row["class"] == label)

    def gets(row):
        return row["receives"][benefit]

    def amount(row):
        return row["amount"][benefit]

    def of_class(row):
        return known(row) and inside(row) == 1

    def receiver(row):
        return known(row) and gets(row) == 1

    return {
        ("coverage", label): share(rows, when(of_class, gets), when(of_class, one)),
        ("incidence", label): share(rows, when(receiver, inside), when(receiver, one)),
        ("cgh", label): index(
            rows,
            when(known, lambda r: gets(r) * inside(r)),
            when(known, gets),
            when(known, inside),
            when(known, one),
        ),
        ("incidence_amount", label): share(
            rows, when(paid, lambda r: amount(r) * inside(r)), when(paid, amount)
        ),
        ("cgh_amount", label): index(
            rows,
            when(paid, lambda r: amount(r) * inside(r)),
            when(paid, amount),
            when(paid, inside),
            when(paid, one),
        ),
    }


def together(rows, names):
    """Overlaps {(first, second): share}, and {k: share} of all, and of the poor, by number."""
    pairs = {}
    for first in names:
        for second in names:
            if first != second:

                def both_known(row, a=first, b=second):
                    return None not in (row["receives"][a], row["receives"][b])

                def gets_first(row, a=first, known=both_known):
                    return known(row) and row["receives"][a] == 1

                pairs[first, second] = share(
                    rows, when(gets_first, lambda r, b=second: r["receives"][b]),
                    when(gets_first, one),
                )  # fmt: skip

    def all_known(row):
        return None not in row["receives"].values()

    def number(row):
        return sum(row["receives"].values())

    def poor_known(row):
        return all_known(row) and row["poor"] == 1

    counts, of_poor = {}, {}
    for k in range(len(names) + 1):
        is_k = lambda row, k=k: int(number(row) == k)  # noqa: E731
        counts[k] = share(rows, when(all_known, is_k), when(all_known, one))
        of_poor[k] = share(rows, when(poor_known, is_k), when(poor_known, one))
    return pairs, counts, of_poor


def quantile_groups(values, weights, n):
    """The group of each value: one more than the cuts below it; cut k is reached by k/n."""
    known = sorted((v, w) for v, w in zip(values, weights, strict=True) if v is not None)
    total, cuts = sum(w for _, w in known), []
    for k in range(1, n):
        reached = 0
        for value, weight in known:
            reached += weight
            if reached >= Fraction(k, n) * total:
                cuts.append(value)
                break
    return [None if v is None else 1 + sum(cut < v for cut in cuts) for v in values]
