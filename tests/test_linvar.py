"""Parts by sampling unit in the compiled module: sorted, combined, variances, covariances, counts.

Source of truth: the same sums over dense matrices, written out below.
"""

import gc

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import povertycore as pc
from povertycore import _core, errors


def made(seed, n_rows=7, strata=(3, 1, 4, 2), shared=False):
    """Cells of a random sample, in no order, some twice; and the stage that they belong to."""
    rng = np.random.default_rng(seed)
    n_units = sum(strata)
    n_cells = 3 * n_rows
    row, unit = rng.integers(0, n_rows, n_cells), rng.integers(0, n_units, n_cells)
    value = rng.normal(size=n_cells) * 10.0 ** rng.integers(-3, 3, n_cells)
    stratum = np.repeat(np.arange(len(strata)), strata)
    first = np.concatenate([[0], np.cumsum(strata)])
    label = rng.permutation(n_units) // 2 if shared else None
    n_labels = n_units if label is None else int(label.max()) + 1
    stage = (stratum, first, label, n_labels, rng.random(len(strata)))
    return (row, unit, value), stage


def dense(cells, n_rows, n_units):
    z = np.zeros((n_rows, n_units))
    np.add.at(z, cells[:2], cells[2])
    return z


def by_label(cells, n_rows, stage):
    """x of the textbook: centred parts times roots, added up by label."""
    stratum, _, label, n_labels, factor = stage
    z = dense(cells, n_rows, len(stratum))
    x = np.zeros((n_rows, n_labels))
    for row in range(n_rows):
        for h in np.unique(stratum[cells[1][cells[0] == row]]):
            units = np.flatnonzero(stratum == h)
            part = np.sqrt(factor[h]) * (z[row, units] - z[row, units].mean())
            np.add.at(x[row], units if label is None else label[units], part)
    return x


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_variances_and_covariances_are_those_of_dense_matrices(seed, shared):
    cells, stage = made(seed, shared=shared)
    parts = _core.linvar_sort(7, 10, *cells)
    x = by_label(cells, 7, stage)
    scale = np.abs(x @ x.T).max()
    np.testing.assert_allclose(_core.linvar_cov(parts, stage), x @ x.T, atol=1e-12 * scale)
    np.testing.assert_allclose(
        _core.linvar_variance(parts, stage), (x * x).sum(axis=1), atol=1e-12 * scale
    )


def test_sorted_cells_hold_each_unit_of_a_row_once():
    (row, unit, value), _ = made(1)
    start, units, values = _core.linvar_sort(7, 10, row, unit, value)
    z = dense((row, unit, value), 7, 10)
    for i in range(7):
        here = slice(start[i], start[i + 1])
        assert (np.diff(units[here]) > 0).all()
        assert set(units[here]) == set(unit[row == i])
        np.testing.assert_allclose(values[here], z[i, units[here]], rtol=1e-12)


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_parts_are_made_of_sums_by_group_and_unit(seed, in_order):
    rng = np.random.default_rng(seed)
    n_rows, n_units, expected, sources = 9, 12, np.zeros((9, 12)), []
    used = np.zeros((9, 12), dtype=bool)
    free = rng.permutation(n_rows)
    for i in range(3):
        n = rng.integers(0, n_units, 3)
        start = np.concatenate([[0], np.cumsum(n)])
        unit = np.concatenate([np.sort(rng.permutation(n_units)[:k]) for k in n]).astype(np.int64)
        row = free[3 * i : 3 * i + 3].copy() if in_order else rng.integers(-1, n_rows, 3)
        row[0] = -1 if i == 1 else row[0]
        weight = rng.integers(0, 3, len(unit)).astype(float)
        above, below = rng.normal(size=(2, len(unit)))
        ratio, divisor = rng.normal(size=3), rng.uniform(1, 2, 3)
        kind = [(below, ratio, divisor), (None, None, divisor), (None, None, None)][i]
        sources.append((start, unit, row, weight, above, *kind))
        for g in range(3):
            here = slice(start[g], start[g + 1])
            part = above[here]
            if kind[0] is not None:
                part = part - ratio[g] * below[here]
            if kind[2] is not None:
                part = part / divisor[g]
            if row[g] >= 0:
                keep = weight[here] > 0
                np.add.at(expected[row[g]], unit[here][keep], part[keep])
                used[row[g], unit[here][keep]] = True
    start, unit, value = _core.linvar_parts(n_rows, n_units, sources)
    of = np.repeat(np.arange(n_rows), np.diff(start))
    found = np.zeros((n_rows, n_units))
    found[of, unit] = value
    assert len(unit) == used.sum()
    assert used[of, unit].all()
    np.testing.assert_allclose(found, expected, atol=1e-13)
    stratum = np.arange(n_units) // 4
    stage = (stratum, np.arange(4) * 4, None, n_units, rng.random(3))
    parts = start, unit, value
    figures = _core.linvar_figures(n_rows, sources, stage)
    np.testing.assert_array_equal(figures[0], _core.linvar_variance(parts, stage))
    np.testing.assert_array_equal(figures[1:], _core.linvar_count(parts, stage, False))


def test_combinations_are_products_of_matrices():
    cells, _ = made(2)
    parts = _core.linvar_sort(7, 10, *cells)
    weights = np.array([[1, 0, 0, -2, 0, 0, 0], [0] * 7, [0.5] * 7])
    row, column = (np.ascontiguousarray(index) for index in np.nonzero(weights))
    first = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=3))])
    start, unit, value = _core.linvar_combine(parts, 10, first, column, weights[row, column])
    found = np.zeros((3, 10))
    found[np.repeat(np.arange(3), np.diff(start)), unit] = value
    np.testing.assert_allclose(found, weights @ dense(cells, 7, 10), rtol=1e-12, atol=1e-12)


def test_counts_are_of_labels_and_of_strata_that_share_none():
    cells, stage = made(3, shared=True)
    parts = _core.linvar_sort(7, 10, *cells)
    labels, strata = _core.linvar_count(parts, stage, False)
    for i in range(7):
        units = np.unique(cells[1][cells[0] == i])
        assert labels[i] == len(set(stage[2][units]))
        assert strata[i] <= len(set(stage[0][units]))


def source(row=0, below=None, divisor=None):
    """One cell of weight 1."""
    start, unit, one = np.array([0, 1]), np.array([0]), np.ones(1)
    return start, unit, np.array([row]), one, one, below, None, divisor


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda p, s: _core.linvar_sort(7, 10, [0], [0], [1.0]), errors.DTypeError, "row is not"),
        (
            lambda p, s: _core.linvar_sort(1, 1, np.array([0]), np.array([0, 0]), np.ones(1)),
            errors.LengthError,
            "unit",
        ),
        (
            lambda p, s: _core.linvar_sort(2**63 - 1, 1, p[1], p[1], p[2]),
            errors.LimitError,
            "n_rows",
        ),
        (
            lambda p, s: _core.linvar_sort(9, 2**63 - 1, p[1], p[1], p[2]),
            errors.LimitError,
            "n_units",
        ),
        (
            lambda p, s: _core.linvar_combine(p, 2**62, p[0], p[1], p[2]),
            errors.LimitError,
            "n_units",
        ),
        (lambda p, s: _core.linvar_sort(-1, 1, p[1], p[1], p[2]), errors.LengthError, "n_rows"),
        (
            lambda p, s: _core.linvar_sort(1, 1, np.array([1]), np.array([0]), np.ones(1)),
            errors.GroupCodeError,
            r"row\[0\]",
        ),
        (lambda p, s: _core.linvar_variance((*p[:2], p[2][:-1]), s), errors.LengthError, "value"),
        (lambda p, s: _core.linvar_cov(p, (*s[:4], s[4][:-1])), errors.LengthError, "first"),
        (lambda p, s: _core.linvar_cov(list(p), s), TypeError, "tuples"),
        (lambda p, s: _core.linvar_parts(1, 1, [p]), TypeError, "eight arrays"),
        (
            lambda p, s: _core.linvar_parts(1, 1, [source(divisor=np.ones(2))]),
            errors.LengthError,
            "divisor",
        ),
        (lambda p, s: _core.linvar_parts(1, 1, [source(below=[1.0])]), errors.DTypeError, "below"),
        (
            lambda p, s: _core.linvar_parts(1, 1, [source(row=1)]),
            errors.GroupCodeError,
            r"row\[0\]",
        ),
        (
            lambda p, s: _core.linvar_count((p[0] + 1, *p[1:]), s, True),
            errors.GroupCodeError,
            "points outside its range",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_named(call, error, message):
    cells, stage = made(4)
    with pytest.raises(error, match=message):
        call(_core.linvar_sort(7, 10, *cells), stage)


# ---- units of rows, totals by unit --------------------------------------------------------------


KINDS = {
    "near": lambda codes: codes.astype(np.int32),
    "far": lambda codes: codes.astype(np.int64) * 10**9 - 5,
    "unsigned": lambda codes: 2**64 - 1 - codes.astype(np.uint64),
    "real": lambda codes: codes / 4,
    "text": lambda codes: pa.array([f"PSU {code % 7} of {code // 7}" for code in codes]),
}


def column(kind, codes):
    """A key column of some kind, from small codes."""
    made = KINDS[kind](codes)
    return _core.column_arrow(made) if kind == "text" else _core.column_array(made)


def codes_behind(kind, codes, values):
    """The codes behind the values that the core gives: of real numbers and text these are rows."""
    if kind in ("real", "text"):
        return codes[values]
    known = KINDS[kind](np.unique(codes)).astype(np.uint64).view(np.int64)
    place = {value: code for value, code in zip(known.tolist(), np.unique(codes), strict=True)}
    return np.array([place[value] for value in values.tolist()])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("own", ["near", "far", "real", "text"])
def test_totals_by_unit_are_those_of_pandas(kind, own):
    rng = np.random.default_rng(6)
    n = 4000
    stratum, psu, district = (rng.integers(0, most, n) for most in (5, 30, 8))
    weight = np.where(rng.random(n) < 0.2, 0.0, rng.random(n))
    poor = rng.integers(0, 2, n)
    keys = [column("near", stratum), column(kind, psu)]
    values = _core.total(n, keys)["key_values"]
    number = rng.permutation(len(values[0]))  # of each combination: any numbering will do
    units = _core.units_column(keys, values, number, len(number), "ea")
    assert (units.type, units.n, units.is_complete) == ("made", n, False)
    whole = _core.total(n, [units])  # as a key like others: its values are the numbers
    assert sorted(whole["key_values"][0]) == list(range(len(number)))

    combination = 30 * values[0] + codes_behind(kind, psu, values[1])
    unit = pd.Series(30 * stratum + psu).map(dict(zip(combination, number, strict=True)))
    rows = pd.DataFrame({"d": district, "u": unit, "w": weight, "wy": weight * poor, "n": 1})
    groups = rows.groupby("d")[["n", "w", "wy"]].sum()
    cells = rows.groupby(["d", "u"])[["w", "wy"]].sum().query("w > 0")

    found = _core.total(
        n,
        [column(own, district)],
        weight=_core.column_array(weight),
        flags=[_core.column_array(poor)],
        unit=units,
    )
    place = codes_behind(own, district, found["key_values"][0])
    assert sorted(place) == list(range(8))
    np.testing.assert_array_equal(found["n"], groups["n"].loc[place])
    np.testing.assert_allclose(found["weight"], groups["w"].loc[place], rtol=1e-12)
    np.testing.assert_allclose(found["sums"][0], groups["wy"].loc[place], rtol=1e-12)
    start = found["cell_start"]
    index = pd.MultiIndex.from_arrays([np.repeat(place, np.diff(start)), found["cell_unit"]])
    assert sorted(index) == sorted(cells.index)
    for g in range(8):
        assert (np.diff(found["cell_unit"][start[g] : start[g + 1]]) > 0).all()
    np.testing.assert_allclose(found["cell_weight"][0], cells["w"].loc[index], rtol=1e-12)
    np.testing.assert_allclose(found["cell_sums"][0], cells["wy"].loc[index], rtol=1e-12)


def test_a_unit_column_keeps_its_keys_alive():
    units = _core.units_column(
        [_core.column_array(np.arange(1000) % 3)], [np.arange(3)], np.arange(3), 3
    )
    gc.collect()
    found = _core.total(1000, [units])
    assert found["n"].tolist() == [334, 333, 333]
    assert repr(units) == "<Column '': made, 1000 rows>"
    assert (units.n_chunks, units.addresses) == (0, [])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"keys": [1]}, errors.DTypeError, "not a Column"),
        ({"keys": []}, errors.LengthError, "as many as the keys"),
        ({"values": [np.arange(2)]}, errors.LengthError, "another length"),
        ({"values": [np.arange(3.0)]}, errors.DTypeError, "int64"),
        ({"unit": np.array([0, 1, 3])}, errors.GroupCodeError, r"unit\[2\]"),
        (
            {"unit": np.array([0, 1, 2]), "values": [np.array([0, 1, 1])]},
            errors.GroupCodeError,
            "another one for the same keys",
        ),
        ({"n_units": 2**31}, errors.LimitError, "2\\^31"),
    ],
)
def test_units_that_make_no_sense_are_refused(change, error, message):
    words = {
        "keys": [_core.column_array(np.arange(3))],
        "values": [np.arange(3)],
        "unit": np.arange(3),
        "n_units": 3,
    }
    _core.units_column(**words)
    with pytest.raises(error, match=message):
        _core.units_column(**words | change)


def test_totals_by_another_column_than_units_are_refused():
    key = _core.column_array(np.arange(3))
    with pytest.raises(errors.DTypeError, match="sampling units"):
        _core.total(3, [], unit=key)
    with pytest.raises(errors.DTypeError, match="not a Column"):
        _core.total(3, [], unit=1)


# ---- distinct combinations ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.int32, np.int64, np.uint64])
def test_distinct_combinations_are_those_of_pandas(kind):
    rng = np.random.default_rng(5)
    table = pd.DataFrame(
        {"a": rng.integers(0, 9, 5000), "b": rng.integers(3, 99, 5000)}, dtype=kind
    )
    columns = [_core.column_array(table[name].to_numpy()) for name in table]
    found = _core.distinct(5000, columns)
    expected = table.drop_duplicates().sort_values(["a", "b"]).to_numpy(dtype=np.int64)
    np.testing.assert_array_equal(np.column_stack(found), expected)


def test_distinct_leaves_other_keys_to_totals():
    whole = _core.column_array(np.arange(4))
    real = _core.column_array(np.arange(4.0))
    coded = _core.column_array(np.array([0, 1, -1, 2]), missing_code=-1)
    masked = _core.column_array(np.arange(4), mask=np.array([0, 0, 1, 0], dtype=np.uint8))
    far = _core.column_array(np.array([0, 2**40, 1, 2]))
    for other in (real, coded, masked, far):
        assert _core.distinct(4, [whole, other]) is None
    with pytest.raises(errors.LengthError):
        _core.distinct(5, [whole])


def test_more_rows_than_columns_can_have_are_refused():
    with pytest.raises(errors.LimitError, match="n is more rows"):
        _core.distinct(2**63 - 1, [])
    constant = np.lib.stride_tricks.as_strided(np.zeros(1, np.int8), (2**61,), (0,))
    with pytest.raises(errors.LimitError, match="too many rows"):
        _core.column_array(constant)


def test_distinct_takes_codes_none_of_which_is_missing():
    coded = _core.column_array(np.array([2, 0, 2, 1]), missing_code=-1)
    assert [values.tolist() for values in _core.distinct(4, [coded])] == [[0, 1, 2]]


def test_strata_far_apart_are_found_too():
    table = {"s": [0, 0, 2**50, 2**50], "ea": [1, 2, 1, 2], "poor": [1, 0, 1, 1]}
    est = pc.rate(table, "poor", design=pc.Design(strata="s", psu="ea"))
    near = pc.rate({**table, "s": [0, 0, 1, 1]}, "poor", design=pc.Design(strata="s", psu="ea"))
    assert est["se"].tolist() == near["se"].tolist()
