"""Random calls of `_core.total` for profiles, of `pack`, `cell_sums` and `af`; see random_calls.py.

    python random_profiles.py SEED N_CALLS

Indicators stand in a column each, in one column drawn as numbers, or in what `_core.pack` made of
them. Tables and dealt rows both occur: the combinations of 14 and 16 indicators leave no room for
tables of many groups. Prints how often each thing occurred, as JSON.
"""

import collections
import json
import math
import random
import sys

import numpy as np
import pyarrow as pa

from fuzz.random_calls import (
    BIG_ROWS,
    FAULTS,
    INTEGERS,
    ROWS_OF_A_BLOCK,
    Call,
    Drawn,
    Writer,
    arrow_column,
    check_error,
    faulty,
    gaps,
    indicator,
    labels_of,
    numpy_column,
    outcome,
)
from oracles.cells import is_missing, profiles
from povertycore import _core, errors

MOST_FLAGS = 16
CELLS = ("cell_start", "cell_mask", "cell_n", "cell_weight")
THREADS = (0, 1, 2, 7)


def same_bits(one, other):
    return all(one[name].tobytes() == other[name].tobytes() for name in CELLS)


def n_bits(dtype):
    """Indicators that an integer type has room for."""
    return np.iinfo(dtype).bits - (np.dtype(dtype).kind == "i")


class ProfileCall(Call):
    """One random call for a profile, and what it should give."""

    def __init__(self, rng, seen):
        self.rng = rng
        self.seen = seen
        self.n = rng.choice([0, 1, 2, 7, 63, 64, 65, 200, 300])
        if rng.random() < 0.03:
            self.n = rng.choice([ROWS_OF_A_BLOCK, ROWS_OF_A_BLOCK + 1, 3 * ROWS_OF_A_BLOCK - 1])
        self.n_flags = self.draw_n_flags()
        self.keep_missing = rng.random() < 0.5
        self.expected_errors = {}
        self.keys = [self.draw_key(f"key{k}") for k in range(rng.choice([0, 1, 1, 2, 3]))]
        self.one = {role: self.draw_amount(role) for role in ("weight", "size")}
        self.one["where"] = self.draw_where()
        self.is_packed = rng.random() < 0.5
        if self.is_packed:
            self.packed, self.flags = self.draw_packed()
        else:
            self.packed, self.flags = None, self.draw_flags()
        if rng.random() < 0.05:
            self.spoil_whole_column()

    def draw_n_flags(self):
        """As many as have a cell for each of the groups that n rows may have."""
        if self.n > 300:
            return self.rng.randint(0, 6)
        return self.rng.choice([0, 1, 2, 3, 6, 7, 8, 9, 12, 14] + [16, 16] * (self.n <= 65))

    def draw_flags(self):
        """Indicators; a gap in one is an error, as is any value but 0 and 1."""
        drawn = [indicator(self.rng, self.n, "flag", self.seen, None) for _ in range(self.n_flags)]
        return [self.with_fault(flag, "indicator") for flag in drawn]

    def draw_packed(self):
        """A column of combinations, and what they say of each indicator."""
        n_masks = 2**self.n_flags
        dtype = self.rng.choice([dtype for dtype in INTEGERS if n_bits(dtype) >= self.n_flags])
        pool = [self.rng.randrange(n_masks) for _ in range(5)]
        drawn = [self.rng.choice([*pool, self.rng.randrange(n_masks)]) for _ in range(self.n)]
        array = np.array(drawn, dtype)
        missing = [False] * self.n if self.rng.random() < 0.5 else None
        if self.n and self.rng.random() < 0.1:
            row = self.rng.randrange(self.n)
            if missing is not None:
                missing[row] = True
            elif n_bits(dtype) > self.n_flags:
                array[row] = self.rng.choice([n_masks, np.iinfo(dtype).max])
            elif np.dtype(dtype).kind == "i":
                array[row] = -1
        if self.rng.random() < 0.3:
            gone = missing or [False] * self.n
            drawn = [None if g else x for x, g in zip(array.tolist(), gone, strict=True)]
            kind = pa.from_numpy_dtype(dtype)
            values, column = arrow_column(self.rng, drawn, kind, "packed", self.seen)
        else:
            values, column = numpy_column(self.rng, array, missing, "packed", self.seen)
        bad = (i for i, x in enumerate(values) if is_missing(x) or not 0 <= x < n_masks)
        first = next(bad, None)
        if first is not None:
            self.expect(first, errors.ValueRangeError)
        bits = [[(x or 0) >> j & 1 for x in values] for j in range(self.n_flags)]
        return column, [Drawn(flag, None, "bit") for flag in bits]

    def run(self):
        """Make the call with several numbers of threads, and check what it gives."""
        arguments = {role: drawn and drawn.column for role, drawn in self.one.items()}
        arguments |= {"keep_missing": self.keep_missing, "profile": True}
        if self.is_packed:
            arguments |= {"packed": self.packed, "n_packed": self.n_flags}
        else:
            arguments |= {"flags": [drawn.column for drawn in self.flags]}
        keys = [drawn.column for drawn in self.keys]
        results = [
            outcome(_core.total, self.n, keys, n_threads=n_threads, **arguments)
            for n_threads in self.rng.sample(THREADS, 2)
        ]
        for found, error in results:
            if error is not None:
                check_error(error, self.expected_errors)
                self.seen[f"profile {type(error).__name__}"] += 1
            else:
                assert not self.expected_errors, f"no error, expected {self.expected_errors}"
                self.check_profiles(found)
                assert same_bits(found, results[0][0])
                self.seen["profile equal"] += 1
        if results[0][1] is None and not self.is_packed:
            self.check_packed_is_the_same(keys, arguments, results[0][0])

    def check_packed_is_the_same(self, keys, arguments, found):
        """What `_core.pack` makes of the indicators gives the same bits."""
        deprived, missing = _core.pack(self.n, arguments.pop("flags"), n_threads=2)
        assert missing is None
        packed = _core.column_array(deprived, name="packed")
        again = _core.total(self.n, keys, packed=packed, n_packed=self.n_flags, **arguments)
        assert same_bits(found, again)
        self.seen["profile packed by us"] += 1

    def check_profiles(self, found):
        def meant(drawn):
            return None if drawn is None else drawn.values

        expected, where_missing = profiles(
            self.n,
            [drawn.values for drawn in self.keys],
            [drawn.values for drawn in self.flags],
            **{role: meant(drawn) for role, drawn in self.one.items()},
        )
        assert found["where_missing"] == where_missing
        assert found["n_groups"] == len(expected)
        groups = {labels_of(found, self.keys, g): g for g in range(found["n_groups"])}
        assert groups.keys() == expected.keys()
        for labels, cells in expected.items():
            start, end = found["cell_start"][groups[labels] : groups[labels] + 2]
            assert found["cell_mask"][start:end].tolist() == sorted(cells)
            for c in range(start, end):
                n, weight = cells[found["cell_mask"][c]]
                assert found["cell_n"][c] == n
                assert math.isclose(found["cell_weight"][c], weight, rel_tol=1e-13)
        if self.n_flags >= 14 and len(expected) > 1:
            self.seen["profile of many cells"] += 1


# ----------------------------------------------------------------------------- packing


def call_pack(rng, seen):
    """Up to 64 columns, some with gaps; a value that is neither 0 nor 1 is named with its row."""
    n = rng.choice([0, 1, 7, 64, 300, ROWS_OF_A_BLOCK + 1])
    n_columns = rng.choice([0, 1, 7, 8, 9, 16, 17, 33, 64]) if n <= 300 else rng.choice([3, 9])
    drawn, bad_rows = [], []
    for _ in range(n_columns):
        column = indicator(rng, n, "indicator", seen, gaps(rng, n))
        if n and rng.random() < 0.02:
            bad, _ = rng.choice(FAULTS["flag"])
            column = faulty(rng, column, rng.randrange(n), bad, "indicator", seen)
            bad_rows += [i for i, x in enumerate(column.values) if x == bad]
        drawn.append(column)
    arguments = {"n_threads": rng.choice(THREADS)}
    found, error = outcome(_core.pack, n, [column.column for column in drawn], **arguments)
    if bad_rows:
        assert type(error) is errors.ValueRangeError, repr(error)
        assert error.row == min(bad_rows), repr(error)
        seen["pack refused"] += 1
        return
    assert error is None, repr(error)
    deprived, missing = found
    for i in range(n):
        row = [column.values[i] for column in drawn]
        ones = sum(1 << j for j, x in enumerate(row) if not is_missing(x) and x)
        absent = sum(1 << j for j, x in enumerate(row) if is_missing(x))
        assert int(deprived[i]) == ones
        assert (0 if missing is None else int(missing[i])) == absent
    assert missing is None or missing.any()
    seen["packed"] += 1


def call_refused_profile(rng, seen):
    """Profiles that cannot be."""
    n = rng.choice([0, 1, 9])
    mask, real, text = (
        _core.column_array(np.zeros(n, dtype), name="x") for dtype in ("int16", "float64", "bool")
    )
    text = _core.column_arrow(pa.array(["1"] * n, pa.string()), "x")
    long = _core.column_array(np.zeros(n + 1, "int16"), name="x")
    flags = [_core.column_array(np.zeros(n, "uint8"), name="x")] * (MOST_FLAGS + 1)
    refused = [
        ({"packed": mask, "n_packed": -1}, errors.LimitError),
        ({"packed": mask, "n_packed": -64}, errors.LimitError),
        ({"packed": mask, "n_packed": -(2**63)}, errors.LimitError),
        ({"packed": mask, "n_packed": MOST_FLAGS + 1}, errors.LimitError),
        ({"packed": mask, "n_packed": 64}, errors.LimitError),
        ({"packed": mask, "n_packed": 2**62}, errors.LimitError),
        ({"flags": flags}, errors.LimitError),
        ({"packed": mask, "n_packed": 1, "flags": flags[:1]}, errors.LengthError),
        ({"packed": mask, "n_packed": 1, "profile": False}, errors.LengthError),
        ({"packed": real, "n_packed": 1}, errors.DTypeError),
        ({"packed": text, "n_packed": 1}, errors.DTypeError),
        ({"packed": long, "n_packed": 1}, errors.LengthError),
        ({"flags": flags[:1], "values": [real]}, errors.LengthError),
        ({"flags": flags[:1], "pairs": [(real, real)]}, errors.LengthError),
    ]
    options, expected = rng.choice(refused)
    _, error = outcome(_core.total, n, [], **({"profile": True} | options))
    assert type(error) is expected, f"{options} gives {error!r}"
    seen["profile refused"] += 1


def call_cell_sums(rng, seen):
    """Cells of a few groups and profiles; starts and profiles that point outside are refused."""
    draws = np.random.default_rng(rng.randrange(2**32))
    n_bits = rng.choice([0, 1, 2, 5, 12, 16, 31, 32, 33, 63, 64])
    has_mask = n_bits > 16 or rng.random() < 0.5
    n_profiles = rng.choice([1, 3, 70]) if has_mask else 2**n_bits
    n_groups = rng.choice([0, 1, 2, 9])
    n_cells = draws.choice(
        [0, 1, 3, 4, 5, 100, 5000], n_groups, p=[0.3, 0.1, 0.1, 0.1, 0.1, 0.2, 0.1]
    )
    start = np.concatenate([[0], np.cumsum(n_cells)]).astype(np.int64)
    n = int(start[-1])
    profile = draws.integers(0, n_profiles, n)
    weight = draws.choice([0.0, 1.0, 0.25, 1e-9, 1e9], n)
    n_factors = rng.choice([0, 1, 2, 5])
    factor = draws.choice([0.0, 1.0, 0.5, 3.0], (n_factors, n_profiles))
    if n_factors:
        factor[0] = rng.choice([1.0, 0.0])
    mask = draws.integers(0, 2**64, n_profiles, np.uint64) if has_mask else None
    arguments = {"n_by_bit": rng.randint(0, n_factors), "n_bits": n_bits, "mask": mask}
    fault = rng.choice(["", "start", "profile"]) if n else ""
    if fault == "start":
        start[rng.randrange(n_groups + 1)] = rng.choice([-1, n + 1, -(2**63), 2**63 - 1])
    elif fault:
        profile[rng.randrange(n)] = rng.choice([-1, n_profiles, 2**32, -(2**63), 2**63 - 1])
    kinds = [kind for kind in INTEGERS if n == 0 or np.array_equal(profile.astype(kind), profile)]
    kind = rng.choice(kinds)
    profile, first = numpy_column(rng, profile.astype(kind), None, "profile", seen)
    weight, second = numpy_column(rng, weight, None, "weight", seen)
    found, error = outcome(
        _core.cell_sums, start, first, second, factor, n_threads=rng.choice(THREADS), **arguments
    )
    if not arguments["n_by_bit"] and (factor == 1).all():
        profile = [0] * n  # not read
    if fault == "start" or not all(0 <= p < n_profiles for p in profile):
        assert type(error) is errors.GroupCodeError, repr(error)
        assert error.argument == (fault or "profile"), repr(error)
        seen["cells refused"] += 1
        return
    assert error is None, repr(error)
    for g in range(n_groups):
        its = range(start[g], start[g + 1])
        for f in range(n_factors):
            terms = [weight[i] * factor[f, profile[i]] for i in its]
            assert math.isclose(found[0][g, f], math.fsum(terms), rel_tol=1e-13)
            for j in range(n_bits if f < arguments["n_by_bit"] else 0):
                bits = [int(profile[i] if mask is None else mask[profile[i]]) >> j & 1 for i in its]
                expected = math.fsum(x for x, bit in zip(terms, bits, strict=True) if bit)
                assert math.isclose(found[1][g, f, j], expected, rel_tol=1e-13)
    seen["cells added"] += 1


def call_af(rng, seen):
    """Shares and scores that are no shares and scores: any outcome but a read outside."""
    draws = np.random.default_rng(rng.randrange(2**32))
    n_groups, n_profiles = rng.choice([2, 3, 9, 70, 300]), rng.choice([0, 1, 5, 40])
    n = rng.choice([0, 1, 4])
    share = draws.choice([0.0, 1.0, 0.5, 1e-300, 1e300], (n_profiles, n_groups))
    if n_profiles and rng.random() < 0.2:
        share[rng.randrange(n_profiles), 1] = rng.choice([-1.0, math.nan, math.inf])
    measures = rng.choice([("H",), ("M0",), ("H", "M0"), ("M0", "H")])
    baseline = draws.choice([0.0, 0.1, 1e300, -5.0], (len(measures), n_groups))
    least = -1 if rng.random() < 0.2 else 0
    score = draws.integers(least, rng.choice([2, 2**62]), (n, n_profiles))
    value = draws.choice([0.0, 1.0, 0.5, 1e-300], (n, n_profiles))
    wrong_value = value.size > 0 and rng.random() < 0.3
    if wrong_value:
        value.flat[rng.randrange(value.size)] = rng.choice([1.5, math.inf, math.nan, -1.0])
    descending = np.sort(draws.integers(-5, 2**40, (n, 3)))[:, ::-1].copy()
    cutoff = descending if rng.random() < 0.5 else None
    found, error = outcome(_core.af, share, baseline, measures, score, value, cutoff, n_threads=2)
    assert error is not None or not wrong_value
    if error is None:
        assert found["turned"].shape == (len(measures), n_groups, n_groups)
        seen["ranked"] += 1
    else:
        assert type(error) is errors.ValueRangeError, repr(error)
        seen["ranking refused"] += 1


# ----------------------------------------------------------------------------- many rows


def call_many_rows(rng, seen):
    """Several lanes and threads, by tables and dealt; exact expectations; the smallest bad row."""
    n = BIG_ROWS
    draws = np.random.default_rng(rng.randrange(2**32))
    for n_groups, n_flags in ((5, 3), (1500, 12), (60, 16)):
        group = draws.integers(0, n_groups, n, dtype="int32")
        mask = draws.integers(0, 2**n_flags, n, dtype="uint16")
        mask[mask % 7 < 4] = 0  # cells of more than 1,024 rows
        cell = group.astype("int64") << n_flags | mask
        rows = sorted(rng.sample(range(n), 3))
        spoilt = mask.astype("int32")
        spoilt[rows] = 2**n_flags
        key, packed, bad = (_core.column_array(x, name="x") for x in (group, mask, spoilt))
        weight = _core.column_array(np.broadcast_to(np.array([0.1]), n), name="w")
        options = {"profile": True, "n_packed": n_flags, "weight": weight}
        results = [
            _core.total(n, [key], packed=packed, n_threads=n_threads, **options)
            for n_threads in (1, 2, 7)
        ]
        found = results[0]
        assert all(same_bits(found, other) for other in results)
        group_of_cell = found["key_values"][0].repeat(np.diff(found["cell_start"]))
        at = group_of_cell << n_flags | found["cell_mask"]
        order = np.argsort(at)
        cells, counts = np.unique(cell, return_counts=True)
        assert at[order].tolist() == cells.tolist()
        assert found["cell_n"][order].tolist() == counts.tolist()
        assert np.allclose(found["cell_weight"][order], counts * 0.1, rtol=1.3e-13, atol=0)
        _, error = outcome(_core.total, n, [key], packed=bad, **options)
        assert type(error) is errors.ValueRangeError, repr(error)
        assert error.row == rows[0], repr(error)
    seen["many rows"] += 1


def call_while_written(rng, seen):
    """Another thread writes to keys, combinations and indicators while they are read."""
    n = BIG_ROWS // 2
    codes, masks, flags = np.zeros(n, "int32"), np.zeros(n, "int32"), np.zeros(n, "uint8")
    amounts = np.ones(n)
    code, mask, flag, amount = (
        _core.column_array(x, name="x") for x in (codes, masks, flags, amounts)
    )
    for low in (0, 0, -3):
        for n_groups, n_flags in ((3, 2), (60, 16)):
            for options in ({"packed": mask, "n_packed": n_flags}, {"flags": [flag] * n_flags}):
                codes[:], masks[:], flags[:], amounts[:] = 0, 0, 0, 1.0
                codes[:n_groups] = range(n_groups)
                writer = Writer(rng.randrange(2**32), low)
                writer.arrays = [codes, masks, flags, amounts]
                writer.start()
                options |= {"weight": amount, "keep_missing": low < 0, "profile": True}
                _, error = outcome(_core.total, n, [code], **options)
                writer.stop.set()
                writer.join()
                seen["written and refused" if error else "written and read"] += 1


def call_cells_while_written(rng, seen):
    """Another thread writes to starts, profiles, factors and masks while cells are added up."""
    n, n_groups = BIG_ROWS // 2, 60
    profiles, weights = np.zeros(n, "int32"), np.ones(n)
    start, mask = np.zeros(n_groups + 1, "int64"), np.zeros(16, "uint64")
    cells = [_core.column_array(x, name="x") for x in (profiles, weights)]
    for low in (0, 0, -3):
        profiles[:], weights[:], mask[:] = 0, 1.0, 0
        start[:] = np.linspace(0, n, n_groups + 1)
        writer = Writer(rng.randrange(2**32), low)
        writer.arrays = [profiles, weights] if low == 0 else [start, profiles, mask]
        writer.start()
        options = {"n_by_bit": 1, "n_bits": 40, "mask": mask, "n_threads": 2}
        for _ in range(20):
            _, error = outcome(_core.cell_sums, start, *cells, np.ones((2, 16)), **options)
            assert error is None or type(error) is errors.GroupCodeError, repr(error)
            seen["cells written and refused" if error else "cells written and read"] += 1
        writer.stop.set()
        writer.join()


OTHER_CALLS = [call_pack, call_refused_profile, call_af, call_cell_sums]


def run(seed, n_calls):
    """Make the calls and return how often each thing occurred."""
    seen = collections.Counter()
    for number in range(n_calls):
        rng = random.Random(f"{seed} {number}")
        try:
            if number % 3 == 2:
                rng.choice(OTHER_CALLS)(rng, seen)
            else:
                ProfileCall(rng, seen).run()
        except AssertionError as error:
            raise AssertionError(f"call {number} of seed {seed}: {error}") from error
        seen["calls"] += 1
    call_many_rows(random.Random(seed), seen)
    call_while_written(random.Random(seed), seen)
    call_cells_while_written(random.Random(seed), seen)
    return seen


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]))))
