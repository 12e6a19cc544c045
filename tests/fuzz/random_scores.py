"""Random scores that `povertycore._core` makes of columns, added up, beside definitions by row.

    python random_scores.py SEED N_CALLS

A call draws incomes, lines and scores of them (`fgt_scores`), or columns and products of these
(`product_scores`), in any type and place, and adds them up by group (`total`). Some incomes are
exactly at the line, 0, -0.0, negative, infinite or missing. The bits must be the same for any
number of threads; those of all calls are put together in a digest, which must not depend on the
processor either. Prints how often each thing occurred, as JSON.
"""

import collections
import hashlib
import json
import math
import random
import sys
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np

from fuzz.random_calls import FLOATS, INTEGERS, gaps, measured, numpy_column, outcome
from povertycore import _core, errors

PARAMETERS = {
    "power": [0.0, 0.5, 1.0, 2.0, 3.0, 0.25],
    "chu": [1.0, 0.5, 0.1],
    "below": [0.0, 50.0, -3.0],
}
KINDS = ["power", "power", "power", "watts", "chu", "shortfall", "below"]
RARE = ["missing", "not_positive", "negative"]


def drawn_reals(rng, n, name, seen, special):
    """A column of amounts; what it holds, None where missing."""
    if rng.random() < 0.3:
        gone = gaps(rng, n) if rng.random() < 0.5 else None
        drawn = measured(rng, n, name, seen, 1, 100, gone, (*INTEGERS, *FLOATS))
    else:
        array = np.array([rng.choice([rng.uniform(0.5, 150), 100.0, 60.0]) for _ in range(n)])
        for i in range(n):
            if rng.random() < 0.05:
                array[i] = rng.choice(special)
        values, column = numpy_column(
            rng, array, gaps(rng, n) if rng.random() < 0.3 else None, name, seen
        )
        drawn = collections.namedtuple("Drawn", "values column")(values, column)
    return [None if x is None or math.isnan(x) else x for x in drawn.values], drawn.column


# -------------------------------------------------------------------------- what a score is


def log_ratio(y, z):
    with localcontext(prec=50):
        return (Decimal(z) / Decimal(y)).ln()


def power(base, exponent):
    """base ** exponent of a base >= 0; 0 ** 0 is 1."""
    if exponent == int(exponent):
        return base ** int(exponent)
    with localcontext(prec=50):
        number = Decimal(base.numerator) / Decimal(base.denominator)
        return Fraction(number ** Decimal(exponent)) if base else Fraction(0)


def score_of(spec, y, z, at_or_below):
    """The score of a row, exact or nearly; None where it is not defined."""
    kind, _, parameter, undefined, floor, _, is_squared = spec
    if kind == "missing":
        return int(y is None or z is None)
    if y is None or z is None:
        return 0
    if kind in ("below", "not_positive", "negative"):
        return int(
            y < parameter if kind == "below" else y <= 0 if kind == "not_positive" else y < 0
        )
    if kind in ("watts", "chu"):
        y = floor if undefined == "floor" and y < floor else y
        if y <= 0 if kind == "watts" else y < 0:
            return None if undefined == "refuse" else 0
    is_poor = y <= z if at_or_below else y < z
    if not is_poor:
        return 0
    gap = (Fraction(z) - Fraction(y)) / Fraction(z)
    if kind == "power":
        found = power(gap, parameter)
    elif kind == "shortfall":
        found = Fraction(z) - Fraction(y)
    elif kind == "watts":
        found = Fraction(log_ratio(y, z))
    else:
        found = (1 - power(1 - gap, parameter)) / Fraction(parameter)
    return found * found if is_squared else found


def draw_spec(rng, n_lines):
    kind = rng.choice(KINDS)
    floor = rng.choice([0.5, 2.0])
    return (
        kind,
        rng.randrange(n_lines),
        rng.choice(PARAMETERS.get(kind, [0.0])),
        rng.choice(["refuse", "zero", "zero", "floor"]),
        floor,
        rng.random() < 0.2,
        rng.random() < 0.3,
    )


def draw_fgt(rng, n, seen):
    """Scores of incomes: the Scores, score by row, and who must be refused: (argument, row)."""
    special = [0.0, -0.0, -5.0, 1e-300, 1e9] + [math.inf, -math.inf] * (rng.random() < 0.1)
    ys, welfare = drawn_reals(rng, n, "welfare", seen, special)
    line_special = [1e-3, 1e9] + [0.0, -1.0, math.inf] * (rng.random() < 0.1)
    lines = [drawn_reals(rng, n, "line", seen, line_special) for _ in range(rng.choice([1, 1, 2]))]
    specs = [draw_spec(rng, len(lines)) for _ in range(rng.choice([0, 1, 3, 6]))]
    specs += [
        (kind, rng.randrange(len(lines)), 0.0, "zero", 0.0, rng.random() < 0.5, False)
        for kind in rng.sample(RARE, rng.randrange(4))
    ]
    at_or_below = rng.random() < 0.5
    made = _core.fgt_scores(welfare, [column for _, column in lines], specs, at_or_below)
    bad = {i for i, y in enumerate(ys) if y is not None and math.isinf(y)}
    bad = {("welfare", i) for i in bad}
    for zs, _ in lines:
        bad |= {("line", i) for i, z in enumerate(zs) if z is not None and not 0 < z < math.inf}
    scores = []
    for spec in specs:
        zs = lines[spec[1]][0]
        scores.append(
            [
                None
                if ("welfare", i) in bad or ("line", i) in bad
                else score_of(spec, y, z, at_or_below)
                for i, (y, z) in enumerate(zip(ys, zs, strict=True))
            ]
        )
    return made, scores, bad if specs else set(), [spec[5] for spec in specs]


def draw_products(rng, n, seen):
    """Products of centred columns, as draw_fgt."""
    special = [0.0, -7.0, 1e9] + [math.inf] * (rng.random() < 0.1)
    columns = [drawn_reals(rng, n, "product", seen, special) for _ in range(rng.choice([1, 2, 3]))]
    centres = [rng.choice([0.0, 50.0, -1e3]) for _ in columns]
    k = len(columns)
    products = [
        (rng.randrange(k), rng.randrange(-1, k), rng.randrange(-1, k))
        for _ in range(rng.choice([0, 1, 4]))
    ]
    made = _core.product_scores([column for _, column in columns], centres, products)
    scores, bad = [], set()
    for first, second, known in products:
        own = []
        for i in range(n):
            parts = [columns[c][0][i] for c in (first, second, known) if c >= 0]
            if any(x is not None and math.isinf(x) for x in parts):
                bad.add(("product", i))
                own.append(None)
            elif None in parts:
                own.append(0)
            else:
                x = Fraction(columns[first][0][i]) - Fraction(centres[first])
                y = (
                    Fraction(columns[second][0][i]) - Fraction(centres[second])
                    if second >= 0
                    else 1
                )
                own.append(x * y)
        scores.append(own)
    return made, scores, bad, [False] * len(products)


# --------------------------------------------------------------------------------- one call


def one_call(rng, seen, digest):
    """Draw scores, add them up by group, and compare."""
    n = rng.choice([0, 1, 7, 127, 128, 129, 300])
    draw = rng.choice([draw_fgt, draw_fgt, draw_products])
    made, scores, bad, are_counts = draw(rng, n, seen)
    weights = [rng.choice([0.0, 1.0, 0.5, 3.25]) for _ in range(n)] if rng.random() < 0.7 else None
    insides = [rng.random() < 0.7 for _ in range(n)] if rng.random() < 0.3 else None
    groups = [rng.randrange(3) for _ in range(n)]
    words = {"made": made}
    if weights is not None:
        words["weight"] = _core.column_array(np.array(weights, float))
    if insides is not None:
        words["where"] = _core.column_array(np.array(insides, bool))
    keys = [_core.column_array(np.array(groups, np.int64))]
    found, error = outcome(_core.total, n, keys, **words, n_threads=rng.choice([1, 2, 7]))
    inside = [True] * n if insides is None else insides
    refused = {("welfare", i) for own in scores for i in range(n) if own[i] is None and inside[i]}
    refused = {(argument, i) for argument, i in refused if ("line", i) not in bad} | bad
    if draw is draw_products:
        refused = bad
    if refused:
        assert type(error) is errors.ValueRangeError, (error, refused)
        assert (error.argument, error.row) in refused, (error, refused)
        seen["refused"] += 1
        digest.update(str(error).encode())
        return
    assert error is None, error
    for n_threads in (1, 2, 7):
        again = _core.total(n, keys, **words, n_threads=n_threads)
        for what in ("sums", "n", "weight"):
            assert again[what].tobytes() == found[what].tobytes()
        digest.update(found["sums"].tobytes())
    values = found["key_values"][0].tolist()
    for k, own in enumerate(scores):
        for g, value in enumerate(values):
            terms = [
                Fraction(1 if are_counts[k] or weights is None else weights[i]) * own[i]
                for i in range(n)
                if groups[i] == value and inside[i]
            ]
            room = Fraction(1e-11) * sum(map(abs, terms))
            there = Fraction(float(found["sums"][k, g]))
            assert abs(there - sum(terms)) <= room, (k, g, float(there), float(sum(terms)))
    seen["equal"] += 1
    seen[draw.__name__[5:]] += 1


def main(seed, n_calls):
    rng, seen, digest = random.Random(seed), collections.Counter(), hashlib.sha256()
    for _ in range(n_calls):
        state = hash(rng.getstate())
        try:
            one_call(rng, seen, digest)
        except BaseException:
            print(f"call {seen['calls']} of seed {seed}", state, file=sys.stderr)
            raise
        seen["calls"] += 1
    print(json.dumps({what: int(n) for what, n in seen.items()} | {"digest": digest.hexdigest()}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
