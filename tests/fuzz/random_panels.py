"""Random calls of `povertycore._core.panel_count` and `panel_match`, beside a dictionary.

    python random_panels.py SEED N_CALLS

A call draws two sides of ids: integers of any type, reals, text in any Arrow form, several columns
together, lying in memory in any way; sometimes an id stands twice, or is missing, or rows of
another period lie between. Prints how often each thing occurred, as JSON. Run as random_calls.py.
"""

import collections
import json
import random
import sys

import numpy as np
import pyarrow as pa

from fuzz.random_calls import FLOATS, INTEGERS, arrow_column, measured, numpy_column, outcome
from oracles.cells import is_missing
from povertycore import _core, errors

N_STATES, N_GROUPS = 3, 4
WIDE_ENOUGH = [dtype for dtype in INTEGERS if not dtype.endswith("8")]
KINDS = ["integer", "far", "float", "short text", "long text"]


def id_values(rng, kind, numbers):
    """Write numbers as ids of a kind; the same number gives the same id."""
    if kind == "float":
        return [None if x is None else x / 4 for x in numbers]
    if kind == "far":
        return [None if x is None else x * 2**40 - 2**52 for x in numbers]
    if "text" in kind:
        word = "" if kind == "short text" else "xã Đàm Thủy, hộ số "
        return [None if x is None else f"{word}{x}" for x in numbers]
    return numbers


def id_column(rng, kind, numbers, seen):
    """A column of ids in some type and some place; what it holds, and the _core.Column."""
    values = id_values(rng, kind, numbers)
    gone = [x is None for x in values]
    if "text" in kind:
        kinds = [pa.string(), pa.large_string()] + [pa.string_view()] * hasattr(pa, "string_view")
        return arrow_column(rng, values, rng.choice(kinds), "id", seen)
    dtype = "int64" if kind == "far" else rng.choice(FLOATS if kind == "float" else WIDE_ENOUGH)
    array = np.array([0 if x is None else x for x in values], dtype)
    if rng.random() < 0.3:
        return arrow_column(rng, values, pa.from_numpy_dtype(dtype), "id", seen)
    if kind == "float" and any(gone):
        array[gone] = np.nan
        gone = [False] * len(gone)
    return numpy_column(rng, array, gone if any(gone) else None, "id", seen)


class Side:
    """One random side: ids of its rows, groups, states, and the tuple for the core."""

    def __init__(self, rng, seen, kinds, n):
        span = max(2 * n, 1)
        numbers = rng.sample(range(span), n) if n else []
        if rng.random() < 0.3:
            numbers.sort()
        if n > 1 and rng.random() < 0.15:
            numbers[rng.randrange(n)] = numbers[rng.randrange(n)]
        parts = [list(numbers)] if len(kinds) == 1 else [[x // 7 for x in numbers], []]
        if len(kinds) == 2:
            parts[1] = [x % 7 for x in numbers]
        if n and rng.random() < 0.1:
            rng.choice(parts)[rng.randrange(n)] = None
        columns = [id_column(rng, k, part, seen) for k, part in zip(kinds, parts, strict=True)]
        held = [values for values, _ in columns]
        self.ids = list(zip(*held, strict=True))
        self.n = n
        self.period, selection = [1] * n, None
        if rng.random() < 0.3:
            drawn = measured(rng, n, "period", seen, 1, 2, None, INTEGERS[:-1])
            self.period, selection = drawn.values, (drawn.column, 1)
            seen["period"] += 1
        state = measured(rng, n, "state", seen, -1, N_STATES, None, INTEGERS[:4])
        group = measured(rng, n, "group", seen, 0, N_GROUPS - 1, None, INTEGERS[:-1])
        self.states = [x if 0 <= x < N_STATES else N_STATES for x in state.values]
        self.groups = group.values
        self.tuple = (
            n,
            [column for _, column in columns],
            ((group.column, 0, N_GROUPS, 1, None),),
            (state.column, 0, N_STATES, 1, None),
            selection,
        )

    def rows(self):
        """Rows of the side."""
        return [i for i in range(self.n) if self.period[i] == 1]

    def missing(self):
        """The first row with a missing id; None: there is none."""
        return next((i for i in self.rows() if any(map(is_missing, self.ids[i]))), None)

    def repeated(self):
        """The first row that repeats an id, None: none does."""
        known = set()
        for i in self.rows():
            if self.ids[i] in known:
                return i
            known.add(self.ids[i])
        return None


def expected_fault(sides):
    """(class, role, row) of the error that there must be; None: none."""
    for side, role in zip(sides, ("id_from", "id_to"), strict=True):
        if side.missing() is not None:
            return errors.MissingValueError, role, side.missing()
    for side, role in zip(sides, ("id_from", "id_to"), strict=True):
        if side.repeated() is not None:
            return errors.ValueRangeError, role, side.repeated()
    return None


def expected_result(start, end):
    """Moves, left, came and both partners, from a dictionary."""
    moves = np.zeros((N_GROUPS, N_STATES + 1, N_STATES + 1), np.int64)
    left, came = np.zeros((2, N_GROUPS, N_STATES + 1), np.int64)
    to, back = [-1] * start.n, [-1] * end.n
    there = {end.ids[j]: j for j in end.rows()}
    for i in start.rows():
        j = there.get(start.ids[i])
        if j is None:
            left[start.groups[i], start.states[i]] += 1
        else:
            moves[start.groups[i], start.states[i], end.states[j]] += 1
            to[i], back[j] = j, i
    for j in end.rows():
        if back[j] < 0:
            came[end.groups[j], end.states[j]] += 1
    return moves, left, came, to, back


def one_call(rng, seen):
    """Draw two sides, and compare."""
    kinds = [rng.choice(KINDS) for _ in range(rng.choice([1, 1, 2]))]
    if len(kinds) == 1 and kinds[0] == "integer" and rng.random() < 0.5:
        seen["one integer"] += 1
    seen[" and ".join(sorted(kinds))] += 1
    sizes = [rng.choice([0, 1, 2, 50, 300]) for _ in range(2)]
    if rng.random() < 0.03:
        sizes = [rng.choice([2048, 2049, 5000]) for _ in range(2)]
    sides = [Side(rng, seen, kinds, n) for n in sizes]
    n_threads = rng.choice([0, 1, 2, 7])
    fault = expected_fault(sides)
    both = sides[0].tuple, sides[1].tuple
    found, error = outcome(_core.panel_count, *both, N_GROUPS, N_STATES, n_threads)
    partners, other = outcome(_core.panel_match, *both, n_threads)
    for one in (error, other):
        said = None if one is None else (type(one), one.argument, one.row)
        assert said == fault, (repr(one), fault)
    if error is not None:
        seen[type(error).__name__] += 1
        return
    moves, left, came, to, back = expected_result(*sides)
    assert (found["moves"].reshape(moves.shape) == moves).all()
    assert (found["left"] == left).all()
    assert (found["came"] == came).all()
    assert [partner.tolist() for partner in partners] == [to, back]
    seen["equal"] += 1
    seen["matched"] += moves.sum() > 0


def main(seed, n_calls):
    rng, seen = random.Random(seed), collections.Counter()
    for _ in range(n_calls):
        state = rng.getstate()
        try:
            one_call(rng, seen)
        except BaseException:
            print(f"call {seen['calls']} of seed {seed}", hash(state), file=sys.stderr)
            raise
        seen["calls"] += 1
    print(json.dumps({what: int(n) for what, n in seen.items()}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
