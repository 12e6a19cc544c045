"""Weighted totals by cell, read literally off their definition: one row after the other.

Columns are plain Python lists; None is missing, and so is a float NaN. Sums are exact
(`math.fsum`), so the only rounding is the last one.
"""

import math


def is_missing(value):
    return value is None or (isinstance(value, float) and math.isnan(value))


def cells(n, keys, *, weight=None, size=None, where=None, flags=(), values=(), pairs=()):
    """Return {labels: cell} and the number of rows whose `where` is missing.

    A cell is a dictionary: n, weight, score_n, score_weight, sums; scores are flags, then values,
    then pairs, and a pair has two sums. A missing label is None.
    """
    scores = [(x,) for x in flags] + [(y,) for y in values] + list(pairs)
    collected = {}
    where_missing = 0
    for i in range(n):
        labels = tuple(None if is_missing(key[i]) else key[i] for key in keys)
        cell = collected.setdefault(
            labels, {"weights": [], "used": [[] for _ in scores], "parts": [[] for _ in scores]}
        )
        if where is not None and is_missing(where[i]):
            where_missing += 1
            continue
        if where is not None and not where[i]:
            continue
        u = (1 if weight is None else weight[i]) * (1 if size is None else size[i])
        cell["weights"].append(u)
        for j, parts in enumerate(scores):
            if any(is_missing(part[i]) for part in parts):
                continue
            cell["used"][j].append(u)
            cell["parts"][j].append([u * part[i] for part in parts])
    if not keys and not collected:
        collected[()] = {"weights": [], "used": [[] for _ in scores], "parts": [[] for _ in scores]}
    return {labels: finished(cell, scores) for labels, cell in collected.items()}, where_missing


def finished(cell, scores):
    return {
        "n": len(cell["weights"]),
        "weight": math.fsum(cell["weights"]),
        "score_n": [len(used) for used in cell["used"]],
        "score_weight": [math.fsum(used) for used in cell["used"]],
        "sums": [
            math.fsum(row[part] for row in rows)
            for rows, parts in zip(cell["parts"], scores, strict=True)
            for part in range(len(parts))
        ],
    }


def profiles(n, keys, flags, *, weight=None, size=None, where=None):
    """Return {labels: {combination: (n, weight)}} and the number of rows whose `where` is missing.

    Bit j of a combination is flag j.
    """
    collected = {} if keys else {(): {}}
    where_missing = 0
    for i in range(n):
        labels = tuple(None if is_missing(key[i]) else key[i] for key in keys)
        group = collected.setdefault(labels, {})
        if where is not None and is_missing(where[i]):
            where_missing += 1
            continue
        if where is not None and not where[i]:
            continue
        combination = sum(1 << j for j, flag in enumerate(flags) if flag[i])
        u = (1 if weight is None else weight[i]) * (1 if size is None else size[i])
        group.setdefault(combination, []).append(u)
    return {
        labels: {mask: (len(us), math.fsum(us)) for mask, us in sorted(group.items())}
        for labels, group in collected.items()
    }, where_missing
