"""Sums over the cells of profile tables, at the level of the compiled module.

Source of truth: arithmetic in comments; exactly rounded sums over a loop. The order of addition is
claimed in c/test_pc_cell_threads.c.
"""

import math

import numpy as np
import pytest

from ctrl_c import seconds_to_answer
from povertycore import _core, errors

column = _core.column_array


def made(seed, n_groups=7, n_profiles=64, n_bits=6):
    """Cells of groups, some without any, with factors of 0, 1 and other numbers."""
    rng = np.random.default_rng(seed)
    n = rng.integers(0, n_profiles + 1, n_groups) * (np.arange(n_groups) % 3 > 0)
    start = np.concatenate([[0], np.cumsum(n)])
    profile = np.concatenate([np.sort(rng.permutation(n_profiles)[:k]) for k in n])
    weight = rng.uniform(0.5, 3.0, len(profile)) * (rng.random(len(profile)) < 0.9)
    factor = np.stack(
        [rng.integers(0, 2, n_profiles), np.ones(n_profiles), rng.random(n_profiles) - 0.3]
    )
    mask = rng.integers(0, 2**n_bits, n_profiles, dtype=np.uint64)
    return start, profile.astype(np.int64), weight, factor, mask


# --- worked example -------------------------------------------------------------------------------


def test_two_groups_on_paper():
    # Of group 0 weight 2 has no deprivation, 3 the first, 1 both; of group 1 all 4 the second.
    # Poor are those with both; the scores are how many there are.
    start = np.array([0, 3, 4])
    profile, weight = column(np.array([0, 1, 3, 2], np.uint32)), column(np.array([2.0, 3, 1, 4]))
    factor = np.array([[0.0, 0, 0, 1], [1, 1, 1, 1], [0, 1, 1, 2]])
    sums, by_bit = _core.cell_sums(start, profile, weight, factor, n_by_bit=2, n_bits=2)
    assert sums.tolist() == [[1, 6, 5], [0, 4, 4]]
    assert by_bit.tolist() == [[[1, 1], [4, 1]], [[0, 0], [0, 4]]]


# --- oracle ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint32, np.int64, np.uint64])
@pytest.mark.parametrize("n_bits", [0, 1, 4, 6, 12, 33, 64])
def test_sums_are_those_of_a_loop(dtype, n_bits):
    start, profile, weight, factor, mask = made(n_bits, n_bits=n_bits)
    assert (start[1:] == start[:-1]).any()
    assert len(profile) > 60
    cells = column(profile.astype(dtype)), column(weight)
    sums, by_bit = _core.cell_sums(start, *cells, factor, n_by_bit=2, n_bits=n_bits, mask=mask)
    assert sums.shape == (7, 3)
    assert by_bit.shape == (7, 2, n_bits)
    for g, (first, end) in enumerate(zip(start, start[1:], strict=False)):
        terms = [
            [weight[i] * row[profile[i]] for i in range(first, end)] for row in factor.tolist()
        ]
        scale = sum(map(abs, terms[2]))
        for f, tolerance in enumerate([0.0, 0.0, 1e-15 * scale]):
            assert sums[g, f] == pytest.approx(math.fsum(terms[f]), rel=1e-15, abs=tolerance)
        for f, j in np.ndindex(2, n_bits):
            has_bit = [int(mask[p]) >> j & 1 for p in profile[first:end]]
            expected = math.fsum(x for x, bit in zip(terms[f], has_bit, strict=True) if bit)
            assert by_bit[g, f, j] == pytest.approx(expected, rel=1e-15)


# --- properties -----------------------------------------------------------------------------------


def test_any_number_of_threads_gives_the_same_bits():
    rng = np.random.default_rng(1)
    start = np.linspace(0, 400_000, 301).astype(np.int64)
    cells = column(rng.integers(0, 4096, 400_000, np.int32)), column(rng.random(400_000))
    factor = rng.random((3, 4096))
    one, *others = (
        _core.cell_sums(start, *cells, factor, n_by_bit=1, n_bits=12, n_threads=n)
        for n in (1, 2, 7)
    )
    for other in others:
        assert [part.tobytes() for part in other] == [part.tobytes() for part in one]


def test_a_sum_does_not_depend_on_what_else_is_asked():
    start, profile, weight, factor, _ = made(5)
    cells = column(profile), column(weight)
    sums, by_bit = _core.cell_sums(start, *cells, factor, n_by_bit=3, n_bits=6)
    for f in range(3):
        alone, bits = _core.cell_sums(start, *cells, factor[f : f + 1], n_by_bit=1, n_bits=6)
        np.testing.assert_array_equal(alone[:, 0], sums[:, f])
        np.testing.assert_array_equal(bits[:, 0], by_bit[:, f])


def test_all_of_a_group_are_a_share_of_exactly_one_and_nobody_is_more():
    start, profile, weight, factor, mask = made(6)
    everybody = np.uint64(1)
    sums, by_bit = _core.cell_sums(
        start,
        column(profile),
        column(weight),
        factor[:2],
        n_by_bit=2,
        n_bits=6,
        mask=mask | everybody,
    )
    np.testing.assert_array_equal(by_bit[:, :, 0], sums)
    assert (by_bit <= sums[:, :, None]).all()
    assert (sums[:, 0] <= sums[:, 1]).all()


# --- edges ----------------------------------------------------------------------------------------


def test_weights_may_be_whole_numbers_or_one_for_all():
    start, profile, _, factor, _ = made(7)
    whole = np.arange(len(profile))
    one, _ = _core.cell_sums(start, column(profile), column(whole), factor)
    other, _ = _core.cell_sums(start, column(profile), column(whole.astype(float)), factor)
    np.testing.assert_array_equal(one, other)
    same = np.broadcast_to(np.float64(1), len(profile))
    n, _ = _core.cell_sums(start, column(profile), column(same), np.ones((1, 64)))
    assert n[:, 0].tolist() == np.diff(start).tolist()


def test_no_groups_no_cells_no_factors():
    nothing = column(np.zeros(0, np.int32)), column(np.zeros(0))
    sums, by_bit = _core.cell_sums(np.zeros(1, np.int64), *nothing, np.ones((2, 4)), n_bits=3)
    assert (sums.shape, by_bit.shape) == ((0, 2), (0, 0, 3))
    sums, by_bit = _core.cell_sums(np.zeros(4, np.int64), *nothing, np.ones((0, 0)))
    assert (sums.shape, by_bit.shape) == ((3, 0), (3, 0, 0))
    sums, _ = _core.cell_sums(np.zeros(4, np.int64), *nothing, np.ones((1, 0)))
    assert sums.tolist() == [[0.0]] * 3


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "argument"),
    [
        ({"start": np.array([0, 2, 1, 3])}, errors.GroupCodeError, "start"),
        ({"start": np.array([0, 2, 3, 4])}, errors.GroupCodeError, "start"),
        ({"start": np.array([-1, 2, 3, 3])}, errors.GroupCodeError, "start"),
        ({"start": np.array([0, 2, 3], np.int32)}, errors.DTypeError, "start"),
        ({"start": np.zeros(0, np.int64)}, errors.LengthError, "start"),
        ({"profile": column(np.array([0, 4, 0]))}, errors.GroupCodeError, "profile"),
        ({"profile": column(np.array([0, 0, -1], np.int32))}, errors.GroupCodeError, "profile"),
        ({"profile": column(np.zeros(3))}, errors.DTypeError, "profile"),
        ({"profile": None}, errors.DTypeError, "profile"),
        ({"weight": column(np.zeros(4))}, errors.LengthError, "weight"),
        ({"weight": np.zeros(3)}, errors.DTypeError, "weight"),
        ({"factor": np.zeros(4)}, errors.DTypeError, "factor"),
        ({"factor": np.zeros((1, 4), np.float32)}, errors.DTypeError, "factor"),
        ({"factor": np.zeros((4, 1)).T}, None, ""),
        ({"factor": np.zeros((1, 8))[:, ::2]}, errors.DTypeError, "factor"),
        ({"n_by_bit": 2}, errors.LimitError, "n_by_bit"),
        ({"n_by_bit": -1}, errors.LimitError, "n_by_bit"),
        ({"n_bits": 65}, errors.LimitError, "n_bits"),
        ({"n_bits": -1}, errors.LimitError, "n_bits"),
        ({"mask": np.zeros(3, np.uint64)}, errors.LengthError, "mask"),
        ({"mask": np.zeros(4, np.int32)}, errors.DTypeError, "mask"),
    ],
)
def test_wrong_arguments_are_named(change, error, argument):
    given = {
        "start": np.array([0, 2, 3, 3]),
        "profile": column(np.zeros(3, np.uint32)),
        "weight": column(np.zeros(3)),
        "factor": np.zeros((1, 4)),
        **change,
    }
    if error is None:
        _core.cell_sums(**given)
        return
    with pytest.raises(error) as caught:
        _core.cell_sums(**given)
    assert caught.value.argument == argument


def test_the_first_profile_outside_its_range_is_named():
    profile = np.zeros(9_000, np.int64)
    profile[[5_000, 7_000]] = 4
    with pytest.raises(errors.GroupCodeError) as caught:
        _core.cell_sums(
            np.array([0, 9_000]), column(profile), column(np.ones(9_000)), np.zeros((1, 4))
        )
    assert caught.value.row == 5_000


# --- interrupt ------------------------------------------------------------------------------------

PREPARATION = """
import numpy as np
from povertycore import _core

n = 3_000_000
start = np.arange({n_groups} + 1) * (n // {n_groups})
cells = _core.column_array(np.zeros(n, np.uint32)), _core.column_array(np.ones(n))
"""


@pytest.mark.parametrize(("n_groups", "n_threads"), [(1, 1), (1_000, 2)])
def test_ctrl_c_is_answered_within_a_quarter_of_a_second(n_groups, n_threads):
    call = f"""_core.cell_sums(
        start, *cells, np.full((300, 4), 0.5), n_by_bit=300, n_bits=64, n_threads={n_threads}
    )"""
    assert seconds_to_answer(PREPARATION.format(n_groups=n_groups), call) < 0.25
