"""Specifications row by row: fractions, rules and members, as their definitions say.

A row's answer is True (deprived), False or None (missing). Rules are mappings as files have them.
"""

import unicodedata
from fractions import Fraction
from itertools import combinations, product


def simplest_fraction(value):
    """Return the fraction with the smallest denominator up to 1,000 within 1e-9, else None."""
    for denominator in range(1, 1001):
        numerator = round(Fraction(value) * denominator)
        near = Fraction(numerator, denominator)
        if abs(near - Fraction(value)) <= Fraction(1, 10**9):
            return near
    return None


def attainable(weights):
    """Return all sums of some of the weights, ascending."""
    return sorted(
        {
            sum(chosen, Fraction(0))
            for size in range(len(weights) + 1)
            for chosen in combinations(weights, size)
        }
    )


def is_missing(value):
    return value is None or value != value


def holds(value, rule):
    """Answer a rule for one value."""
    if is_missing(value):
        return None
    if "in" in rule or "equals" in rule:
        wanted = rule["in"] if "in" in rule else [rule["equals"]]
        if isinstance(value, str):
            forms = [unicodedata.normalize("NFC", text) for text in wanted]
            return unicodedata.normalize("NFC", value) in forms
        return any(Fraction(value) == Fraction(one) for one in wanted)
    answer = True
    for relation, limit in rule.items():
        amount, limit = Fraction(value), Fraction(limit)
        answer &= {
            "below": amount < limit,
            "at_or_below": amount <= limit,
            "above": amount > limit,
            "at_or_above": amount >= limit,
        }[relation]
    return answer


def decided(deprived, collapse, share, strictly):
    """Answer for a household whose members are all known."""
    if collapse == "any":
        return any(deprived)
    if collapse == "all":
        return all(deprived)
    found = Fraction(sum(deprived), len(deprived))
    return found > share if strictly else found >= share


def household(answers, collapse, share=None, strictly=True, unknown="undecided", nobody=False):
    """Answer for the members an indicator is about: where unknown ones decide, None.

    Every way in which the unknown members may be is tried.
    """
    if not answers:
        return nobody
    if unknown == "left_out":
        answers = [answer for answer in answers if answer is not None]
        if not answers:
            return None
    n_unknown = sum(answer is None for answer in answers)
    found = set()
    for guesses in product([False, True], repeat=n_unknown):
        guess = iter(guesses)
        full = [next(guess) if answer is None else answer for answer in answers]
        found.add(decided(full, collapse, share, strictly))
    return found.pop() if len(found) == 1 else None
