"""Random calls of the parts of `povertycore._core` that take plain arrays, beside definitions.

    python random_arrays.py SEED N_CALLS

A call draws series of points (`trend_line`, `trend_sen`, `trend_kendall`), or cells of a sample
(`linvar_sort` and what comes after it), or key columns (`distinct`). Figures are small, or far from
0, or years in the billions. Sometimes an array is of another form, which must be refused, or an
index points anywhere. Prints how often each thing occurred, as JSON. Run as random_calls.py.
"""

import collections
import json
import math
import random
import sys
from fractions import Fraction

import numpy as np

from fuzz.random_calls import INTEGERS, gaps, measured, outcome, strided, unaligned
from oracles import trend
from povertycore import _core, errors

EPSILON = 2.0**-52
CORRECTIONS = ["none", "hamed_rao", "yue_wang", "pre_whitening", "trend_free_pre_whitening"]


def near(found, exact, room):
    """Whether a figure is the exact one, but for rounding of things of this size."""
    return abs(Fraction(float(found)) - Fraction(exact)) <= Fraction(64 * EPSILON * float(room))


# ------------------------------------------------------------------------------ another form


def foreign(rng, array):
    """Another form of an array, which the core does not take."""
    ways = [
        lambda: array.astype(array.dtype.newbyteorder()),
        lambda: array.astype(np.float32 if array.dtype == np.float64 else np.float64),
        lambda: array[:, None],
        lambda: array.tolist(),
        lambda: None,
    ]
    if len(array) > 1:
        ways += [lambda: strided(rng, array), lambda: unaligned(rng, array)]
    return rng.choice(ways)()


def astray(rng, array):
    """A copy with an index, or a figure, that is anything."""
    array = array.copy()
    odd = [-1, 0, 1, len(array), 2**31, 2**32, -(2**63), 2**63 - 1]
    if array.dtype == np.float64:
        odd = [math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, 1.7e308, -1.7e308]
    if len(array):
        array[rng.randrange(len(array))] = rng.choice(odd)
    return array


def spoil(rng, function, arrays, rest, seen):
    """Call with one array in another form, and with one that says something else."""
    k = rng.randrange(len(arrays))
    wrong = list(arrays)
    wrong[k] = foreign(rng, arrays[k])
    if isinstance(wrong[k], np.ndarray) or wrong[k] is not None:
        _, error = outcome(function, *rest(wrong))
        assert type(error) is errors.DTypeError, (function, wrong[k], error)
        seen["form refused"] += 1
    wrong[k] = astray(rng, arrays[k])
    _, error = outcome(function, *rest(wrong))
    seen["astray read" if error is None else f"astray {type(error).__name__}"] += 1
    wrong[k] = np.concatenate([arrays[k], arrays[k][:1]]) if len(arrays[k]) else np.ones(3)
    outcome(function, *rest(wrong))


# ------------------------------------------------------------------------------------ series


def draw_series(rng):
    """Times and values of one series."""
    n = rng.choice([0, 1, 2, 3, 4, 5, 8, 13])
    first, step = rng.choice([(0, 1), (2015, 1), (2_000_000_000, 1), (1e9, 0.25), (-3, 0.5)])
    times = sorted(rng.sample(range(3 * n), n))
    centre, width = rng.choice([(0, 1), (0.1, 1e-3), (1e9, 1), (-1e6, 10), (0, 1e-9)])
    values = [centre + width * rng.gauss(0, 1) for _ in range(n)]
    if rng.random() < 0.3:
        values = [float(rng.randrange(4)) for _ in range(n)]
    return [float(first + step * t) for t in times], values


def check_line(times, values, weights, found):
    """Slope, level, squares and coefficients of one series."""
    slope, level, squares, of_slope, of_level = found
    if len(times) < 2:
        assert np.isnan([slope, level, squares, *of_slope, *of_level]).all()
        return
    exact_slope, exact_level, exact_squares, parts = trend.line(times, values, weights)
    w = weights or [1.0] * len(times)
    size, span = max(map(abs, values)), times[-1] - times[0]
    mean = np.average(np.subtract(times, times[0]), weights=w)
    steep = sum(w) * span / np.dot(w, (np.subtract(times, times[0]) - mean) ** 2)
    spread = max(values) - min(values) + EPSILON * size
    assert near(slope, exact_slope, steep * spread), (
        times,
        values,
        weights,
        slope,
        float(exact_slope),
    )
    assert near(level, exact_level, size + steep * span * spread)
    room = sum(w) * (spread**2 + EPSILON * size**2) * (1 + (steep * span) ** 2)
    assert near(squares, exact_squares, room), (squares, float(exact_squares))
    assert squares >= 0
    for k, part in enumerate(parts):
        assert near(of_slope[k], part, steep)
    total = sum(a * Fraction(b) for a, b in zip(map(Fraction, of_level), values, strict=True))
    assert near(float(total), exact_level, (1 + steep * span) * size * len(times))


def check_kendall(times, values, correction, z, found, seen):
    """Score, ties, variance and factor of one series."""
    n_used, score, n_tied, variance, factor = found
    if len(times) < 3:
        assert (n_used, score, n_tied) == (0, 0, 0)
        assert np.isnan([variance, factor]).all()
        return
    if correction == "none":
        assert (n_used, score, factor) == (len(times), trend.score(values), 1)
        assert variance == float(trend.variance(values))
        pairs = [values.count(value) - 1 for value in values]
        assert n_tied == sum(pairs) // 2
        return
    right = trend.corrected(times, values, correction, z)
    assert n_used == len(times) - ("whitening" in correction)
    if right is None:
        seen["by rounding"] += 1
        return
    assert score == right[0]
    assert abs(factor - float(right[1])) <= 1e-6 * max(1, abs(float(right[1])))
    seen["corrected"] += 1


def call_trend(rng, seen):
    """Several series at once, each beside its own oracle."""
    drawn = [draw_series(rng) for _ in range(rng.choice([0, 1, 2, 5]))]
    start = np.cumsum([0] + [len(times) for times, _ in drawn])
    time = np.array([t for times, _ in drawn for t in times], float)
    value = np.array([y for _, values in drawn for y in values], float)
    weight = None
    if rng.random() < 0.5:
        weight = np.array([rng.choice([1.0, 0.25, 1e-3, 7.0]) for _ in time], float)
    z, correction = rng.choice([0.0, 1.0, 1.959963984540054]), rng.choice(CORRECTIONS)
    lines = _core.trend_line(start, time, value, weight)
    sens = _core.trend_sen(start, time, value, z)
    tests = _core.trend_kendall(start, time, value, correction, z)
    for i, (times, values) in enumerate(drawn):
        own = slice(start[i], start[i + 1])
        weights = None if weight is None else weight[own].tolist()
        check_line(
            times,
            values,
            weights,
            [x[i] for x in lines[:3]] + [x[own] for x in lines[3:]],
        )
        check_kendall(times, values, correction, z, [x[i].item() for x in tests], seen)
        slope, level, low, high = (x[i] for x in sens)
        if len(times) < 2:
            assert np.isnan([slope, level, low, high]).all()
            continue
        assert (slope, low, high) == trend.sen(times, values, z)
        middle = trend.median(times) - times[0]
        assert level == trend.median(values) - slope * middle
    seen["series"] += len(drawn)
    arrays = [start, time, value]
    spoil(rng, _core.trend_line, arrays, lambda changed: changed, seen)
    spoil(rng, _core.trend_sen, arrays, lambda changed: [*changed, z], seen)
    spoil(rng, _core.trend_kendall, arrays, lambda changed: [*changed, correction, z], seen)


# ----------------------------------------------------------------------------------- samples


class Sample:
    """Cells of a random sample in any order, and the stage that they belong to."""

    def __init__(self, rng):
        strata = [rng.choice([1, 2, 3, 6]) for _ in range(rng.choice([1, 2, 4]))]
        self.n_units, self.n_rows = sum(strata), rng.choice([0, 1, 3, 6])
        n_cells = rng.choice([0, 1, 4, 20, 60]) if self.n_rows else 0
        n_kinds = rng.choice([1, 2]) * self.n_units  # with parts that are centred already, or not
        cells = [(rng.randrange(self.n_rows), rng.randrange(n_kinds)) for _ in range(n_cells)]
        if rng.random() < 0.3:
            cells.sort()
        centre = rng.choice([0, 0, 1e9])
        self.row = np.array([row for row, _ in cells], np.int64)
        self.unit = np.array([unit for _, unit in cells], np.int64)
        self.value = np.array([centre + rng.gauss(0, 1) for _ in cells], float)
        self.stratum = np.repeat(np.arange(len(strata)), strata)
        self.first = np.concatenate([[0], np.cumsum(strata)])
        self.factor = np.array([rng.choice([0.0, 0.5, 1.0, 2.0]) for _ in strata])
        self.label, self.n_labels = None, 0
        if rng.random() < 0.6:
            self.n_labels = self.n_units + 1
            labels = [rng.randrange(self.n_labels) for _ in range(self.n_units)]
            self.label = np.array(labels, np.int64)
        self.stage = self.stratum, self.first, self.label, self.n_labels, self.factor

    def dense(self):
        """Exact sums of the cells, (rows, units twice)."""
        z = [[Fraction(0)] * (2 * self.n_units) for _ in range(self.n_rows)]
        for row, unit, value in zip(self.row, self.unit, self.value, strict=True):
            z[row][unit] += Fraction(float(value))
        return z

    def used(self, row):
        """Units that a row has a part in, of those to be centred."""
        return sorted({int(u) for u in self.unit[self.row == row] if u < self.n_units})

    def label_of(self, unit):
        """Label of a unit."""
        return unit if self.label is None else int(self.label[unit])

    def by_label(self, z, row):
        """x of a row by label, from the definition; roots to 60 bits more than a double has."""
        x = collections.defaultdict(Fraction)
        for h in {int(self.stratum[u]) for u in self.used(row)}:
            units = np.flatnonzero(self.stratum == h).tolist()
            mean = sum(z[row][u] for u in units) / len(units)
            for u in units:
                x[self.label_of(u)] += root(self.factor[h]) * (z[row][u] - mean)
        for u in range(self.n_units):
            x[self.label_of(u)] += z[row][u + self.n_units]
        return x

    def counts(self, row, all_units):
        """Labels of the units, and strata that share none of them, by joining them pair by pair."""
        units = self.used(row)
        if all_units:
            units = [u for u in range(self.n_units) if self.stratum[u] in self.stratum[units]]
        parts = [{("h", int(self.stratum[u])), ("l", self.label_of(u))} for u in units]
        labels = {self.label_of(u) for u in units}
        joined = []
        for part in parts:
            apart = [other for other in joined if not other & part]
            joined = [*apart, part.union(*(other for other in joined if other & part))]
        return len(labels), len(joined)


def root(factor):
    """The square root of a factor, as good as exact."""
    return Fraction(math.isqrt(int(Fraction(factor) * 4**120)), 2**120)


def call_sample(rng, seen):
    """Sort, add up, combine, count."""
    s = Sample(rng)
    sort = [s.row, s.unit, s.value]
    parts = _core.linvar_sort(s.n_rows, 2 * s.n_units, *sort)
    z, size = s.dense(), float(np.abs(s.value).max(initial=0))
    check_parts(parts, z, s.row, s.unit, size * (1 + len(s.row)))
    x = [s.by_label(z, row) for row in range(s.n_rows)]
    variance, cov = _core.linvar_variance(parts, s.stage), _core.linvar_cov(parts, s.stage)
    lengths = [sum(abs(float(part)) for part in own.values()) + 1e-300 for own in x]
    for a in range(s.n_rows):
        for b in range(s.n_rows):
            exact = sum(x[a][label] * x[b][label] for label in x[a])
            room = (lengths[a] + size) * (lengths[b] + size * EPSILON)
            room = max(room, (lengths[b] + size) * (lengths[a] + size * EPSILON)) * (1 + len(s.row))
            assert near(cov[a, b], exact, room), (float(exact), cov[a, b])
            assert a != b or near(variance[a], exact, room)
    assert (cov == cov.T).all()
    for all_units in (False, True):
        found = _core.linvar_count(parts, s.stage, all_units)
        right = [s.counts(row, all_units) for row in range(s.n_rows)]
        assert list(zip(*(n.tolist() for n in found), strict=True)) == right
    combine_rows(rng, s, parts, z, size)
    seen["samples"] += 1
    seen["labels shared"] += s.label is not None
    spoil(rng, _core.linvar_sort, sort, lambda a: [s.n_rows, 2 * s.n_units, *a], seen)
    arrays = [*parts, s.stratum, s.first, s.factor] + [s.label] * (s.label is not None)
    for function in (_core.linvar_variance, _core.linvar_cov):
        spoil(rng, function, arrays, lambda a: as_stage(s, a), seen)
    spoil(rng, _core.linvar_count, arrays, lambda a: [*as_stage(s, a), True], seen)


def as_stage(s, arrays):
    """Parts and stage of the arrays."""
    stratum, first, factor, *label = arrays[3:]
    return tuple(arrays[:3]), (stratum, first, label[0] if label else None, s.n_labels, factor)


def check_parts(parts, z, row, unit, room):
    """Rows of parts: each unit once, ascending, with the exact sum."""
    start, units, values = parts
    assert (start[0], start[-1], len(values)) == (0, len(units), len(units))
    for r in range(len(z)):
        own = slice(start[r], start[r + 1])
        assert units[own].tolist() == sorted(set(unit[row == r].tolist()))
        for u, value in zip(units[own], values[own], strict=True):
            assert near(value, z[r][u], room)


def combine_rows(rng, s, parts, z, size):
    """Linear combinations of rows, some of none."""
    terms = [rng.choice([0, 1, 3]) if s.n_rows else 0 for _ in range(rng.choice([0, 1, 3]))]
    first = np.cumsum([0, *terms])
    chosen = np.array([rng.randrange(s.n_rows) for _ in range(first[-1])], np.int64)
    weight = np.array([rng.choice([1.0, -1.0, 0.5]) for _ in chosen], float)
    made = _core.linvar_combine(parts, 2 * s.n_units, first, chosen, weight)
    sums, cells = [], [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    for i, n in enumerate(terms):
        own = range(first[i], first[i] + n)
        sums.append(
            [
                sum((Fraction(weight[k]) * z[chosen[k]][u] for k in own), Fraction(0))
                for u in range(2 * s.n_units)
            ]
        )
        cells += [(np.full(np.sum(s.row == chosen[k]), i), s.unit[s.row == chosen[k]]) for k in own]
    row, unit = (np.concatenate(both) for both in zip(*cells, strict=True))
    check_parts(made, sums, row, unit, size * 3 * (1 + len(s.row)))


# -------------------------------------------------------------------------------------- keys


def call_distinct(rng, seen):
    """Combinations of keys that occur."""
    n, n_keys = rng.choice([0, 1, 5, 300, 5000]), rng.choice([0, 1, 2, 3])
    high = rng.choice([1, 5, 100])
    keys = [
        measured(
            rng, n, "key", seen, 0, high, gaps(rng, n) if rng.random() < 0.1 else None, INTEGERS
        )
        for _ in range(n_keys)
    ]
    found = _core.distinct(n, [key.column for key in keys])
    if any(not key.column.is_complete for key in keys):
        has_gaps = any(value is None for key in keys for value in key.values)
        assert found is None if has_gaps else found is not None
        if found is None:
            seen["keys left to others"] += 1
            return
    rows = sorted(set(zip(*(key.values for key in keys), strict=True))) if keys else [()] * (n > 0)
    assert list(zip(*(x.tolist() for x in found), strict=True)) == (rows if keys else [])
    seen["keys"] += 1


def main(seed, n_calls):
    rng, seen = random.Random(seed), collections.Counter()
    calls = [call_trend, call_sample, call_distinct]
    for _ in range(n_calls):
        state = hash(rng.getstate())
        try:
            rng.choice(calls)(rng, seen)
        except BaseException:
            print(f"call {seen['calls']} of seed {seed}", state, file=sys.stderr)
            raise
        seen["calls"] += 1
    print(json.dumps({what: int(n) for what, n in seen.items()}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
