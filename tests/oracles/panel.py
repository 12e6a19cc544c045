"""The same household in two periods, matched in a dictionary and counted one by one."""

from collections import Counter
from fractions import Fraction

ABSENT = "absent"


def paired(before, after):
    """Yield (household before, household after), None where it is absent.

    A period is a mapping from id to a dictionary of what is known of the household.
    """
    for who, start in before.items():
        yield start, after.get(who)
    for who, end in after.items():
        if who not in before:
            yield None, end


def transition_weights(before, after, by=None):
    """Return the weight of each (group, state before, state after): of the earlier period.

    A state that is missing is None. Households seen once go to, or come from, `ABSENT`; those that
    come have the group and the weight of the later period.
    """
    weights = Counter()
    for start, end in paired(before, after):
        own = end if start is None else start
        group = None if by is None else own[by]
        one = ABSENT if start is None else start["state"]
        other = ABSENT if end is None else end["state"]
        weights[group, one, other] += Fraction(own.get("weight", 1))
    return weights


def rates(weights, group, states):
    """Return rates, exit, entry and net rates of a group, None where there is nobody."""

    def n(ones, others):
        return sum(weights[group, i, j] for i in ones for j in others)

    def share(above, below):
        return above / below if below else None

    found = {}
    for i in states:
        for j in states:
            found["rate", i, j] = share(n([i], [j]), n([i], states))
        rest = [k for k in states if k != i]
        found["exit_rate", i, None] = share(n([i], rest), n([i], states))
        found["entry_rate", None, i] = share(n(rest, [i]), n(rest, states))
        found["net", None, i] = share(n(states, [i]) - n([i], states), n(states, states))
    return found


COLUMNS = "start to_other above less from_other back new more end".split()


def movement(before, after, history, own, other):
    """Return the nine columns of a status by unit: Counter of (unit, number of the column).

    `history` has the earlier periods. Persons: a household counts its `size`.
    """
    book = Counter()
    was = {who for period in history for who, one in period.items() if one["state"] == own}
    for who, start in before.items():
        if start["state"] != own:
            continue
        end = after.get(who)
        book[start["unit"], 1] += start["size"]
        if end is None or end["unit"] != start["unit"] or end["state"] is None:
            book[start["unit"], 4] += start["size"]
        elif end["state"] == own:
            book[start["unit"], 4] += max(start["size"] - end["size"], 0)
            book[start["unit"], 8] += max(end["size"] - start["size"], 0)
        else:
            book[start["unit"], 2 if end["state"] == other else 3] += start["size"]
    for who, end in after.items():
        if end["state"] != own:
            continue
        start = before.get(who)
        book[end["unit"], 9] += end["size"]
        if start is None or start["unit"] != end["unit"] or start["state"] is None:
            book[end["unit"], 8] += end["size"]
        elif start["state"] == other:
            book[end["unit"], 5] += end["size"]
        elif start["state"] != own:
            book[end["unit"], 6 if who in was else 7] += end["size"]
    return book


def histories(periods):
    """Yield (first household, list of its states) of the households seen in every period."""
    for who, first in periods[0].items():
        if all(who in period for period in periods):
            yield first, [period[who]["state"] for period in periods]


def n_spells(poor):
    """Count the runs of 1 in a list of 0 and 1."""
    return sum(1 for t, one in enumerate(poor) if one and (t == 0 or not poor[t - 1]))


def chronic_and_transient(ratios):
    """Return squared gap, chronic and transient part of one household's welfare over the line."""

    def gap(ratio):
        return max(0.0, 1.0 - ratio)

    total = sum(gap(r) ** 2 for r in ratios) / len(ratios)
    chronic = gap(sum(ratios) / len(ratios)) ** 2
    return total, chronic, total - chronic
