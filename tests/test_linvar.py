"""Parts by sampling unit in the compiled module: sorted, combined, variances, covariances, counts.

Source of truth: the same sums over dense matrices, written out below.
"""

import numpy as np
import pandas as pd
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
    coded = _core.column_array(np.arange(4), missing_code=-1)
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


def test_strata_far_apart_are_found_too():
    table = {"s": [0, 0, 2**50, 2**50], "ea": [1, 2, 1, 2], "poor": [1, 0, 1, 1]}
    est = pc.rate(table, "poor", design=pc.Design(strata="s", psu="ea"))
    near = pc.rate({**table, "s": [0, 0, 1, 1]}, "poor", design=pc.Design(strata="s", psu="ea"))
    assert est["se"].tolist() == near["se"].tolist()
