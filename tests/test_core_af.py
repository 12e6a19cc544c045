"""Rankings of groups under many weightings, at the level of the compiled module.

Source of truth: arithmetic in comments; NumPy's comparison of all pairs. The exact oracle in
fractions stands in test_robustness.py and tests/c/test_pc_af_threads.c.
"""

import numpy as np
import pytest

from ctrl_c import seconds_to_answer
from povertycore import _core, errors

BOTH = ("H", "M0")


def made(n_profiles, n_groups, n, seed):
    """Shares, a baseline, scores and their values, with ties of all of them."""
    rng = np.random.default_rng(seed)
    weight = rng.integers(0, 6, (n_profiles, n_groups)) * (rng.random((n_profiles, 1)) < 0.8)
    share = weight / np.maximum(weight.sum(axis=0), 1)
    score = rng.integers(0, 50, (n, n_profiles))
    return share, rng.integers(0, n_groups, (2, n_groups)) / n_groups, BOTH, score, score / 50


# --- worked example -------------------------------------------------------------------------------


def test_two_groups_change_places_at_the_lower_cutoff():
    # Of A 1/2 have both deprivations, of B 3/4 have the first only. At score 2 A is above B, 1/2
    # and 0; at score 1 B is, 3/4 and 1/2. By M0 at score 1: A 1/2 x 1, B 3/4 x 1/2.
    share = np.array([[0.5, 0.0], [0.0, 0.75]])
    baseline = np.array([[0.5, 0.0], [0.5, 0.0]])
    found = _core.af(share, baseline, BOTH, np.array([[2, 1]]), np.array([[1.0, 0.5]]))
    assert found["rank"].tolist() == [[1, 2], [1, 2]]
    assert found["n"].tolist() == [[[2, 2, 2], [2, 2, 2]]]
    assert found["least"].tolist() == [[[-1, -1, 0], [1, 1, 1]]]
    assert found["total"].tolist() == [[[0, 0, 1], [2, 2, 2]]]
    assert found["turned"].tolist() == [[[0, 1], [0, 0]], [[0, 0], [0, 0]]]
    assert found["rank_least"].tolist() == [[[1, 1]], [[1, 2]]]
    assert found["value_most"].tolist() == [[[0.5, 0.75]], [[0.5, 0.375]]]


# --- oracle ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_groups", [2, 5, 63, 130, 300])
def test_comparisons_that_turned_are_those_of_all_pairs(n_groups):
    share, baseline, measures, score, value = made(70, n_groups, 3, n_groups)
    found = _core.af(share, baseline, measures, score, value)
    for m in range(2):
        expected = np.zeros((n_groups, n_groups), dtype=int)
        above = baseline[m][:, None] > baseline[m]
        for w in range(3):
            turned = np.zeros_like(above)
            for cutoff in set(score[w].tolist()) - {0}:
                poor = (score[w] >= cutoff) * (value[w] if m else 1.0)
                figure = poor @ share
                turned |= above & (figure < figure[:, None] - 1e-9).T
            expected += turned
        assert found["turned"][m].tolist() == expected.tolist()
        bits = np.bitwise_count(found["ever"][m]).sum()
        assert bits == np.count_nonzero(expected)


# --- properties -----------------------------------------------------------------------------------


@pytest.mark.parametrize("cutoffs", [None, [40, 25, 10]])
def test_any_number_of_threads_gives_the_same_bits(cutoffs):
    arguments = made(300, 90, 60, 1)
    if cutoffs is not None:
        arguments = (*arguments, np.tile(cutoffs, (60, 1)))
    one, *others = (_core.af(*arguments, n_threads=n) for n in (1, 2, 7))
    for other in others:
        for word, values in one.items():
            np.testing.assert_array_equal(values, other[word], err_msg=word)


def test_measures_are_independent_of_each_other():
    share, baseline, measures, score, value = made(60, 9, 4, 2)
    both = _core.af(share, baseline, measures, score, value)
    for m, name in enumerate(measures):
        alone = _core.af(share, baseline[m : m + 1], (name,), score, value)
        np.testing.assert_array_equal(alone["turned"][0], both["turned"][m])
        np.testing.assert_array_equal(alone["total"][:, 0], both["total"][:, m])


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "argument"),
    [
        ({0: np.zeros((4, 3), dtype=np.float32)}, errors.DTypeError, "share"),
        ({0: np.zeros(12)}, errors.DTypeError, "share"),
        ({0: [[0.0] * 3] * 4}, errors.DTypeError, "share"),
        ({0: np.zeros((8, 3))[::2]}, errors.DTypeError, "share"),
        ({0: np.full((4, 3), np.nan)}, errors.ValueRangeError, "share"),
        ({0: np.zeros((4, 1)), 1: np.zeros((2, 1))}, errors.LimitError, "share"),
        ({1: np.zeros((1, 3))}, errors.LengthError, "baseline"),
        ({2: ("H", "H")}, errors.ValueRangeError, "measures"),
        ({2: ("H", "A")}, errors.ValueRangeError, "measures"),
        ({2: ()}, errors.ValueRangeError, "measures"),
        ({3: np.zeros((2, 4))}, errors.DTypeError, "score"),
        ({3: np.full((2, 4), -1)}, errors.ValueRangeError, "score"),
        ({4: np.zeros((2, 5))}, errors.LengthError, "value"),
        ({4: np.full((2, 4), np.nan)}, errors.ValueRangeError, "value"),
        ({4: np.full((2, 4), 1.5)}, errors.ValueRangeError, "value"),
        ({5: np.zeros((3, 1), dtype=np.int64)}, errors.LengthError, "cutoff"),
        ({5: np.zeros((2, 0), dtype=np.int64)}, errors.LengthError, "cutoff"),
        ({5: np.array([[1, 2], [2, 1]])}, errors.ValueRangeError, "cutoff"),
    ],
)
def test_wrong_arguments_are_named(change, error, argument):
    score = np.arange(8).reshape(2, 4)
    given = [np.full((4, 3), 0.1), np.zeros((2, 3)), BOTH, score, score / 8, None]
    for place, value in change.items():
        given[place] = value
    with pytest.raises(error) as caught:
        _core.af(*given)
    assert caught.value.argument == argument


# --- interrupt ------------------------------------------------------------------------------------

PREPARATION = """
import numpy as np
from povertycore import _core

rng = np.random.default_rng(0)
share = rng.random((4_000, 400)) / 4_000
score = rng.integers(0, 10**6, (1_000, 4_000))
value = score / 10**6
"""


@pytest.mark.parametrize("n_threads", [1, 2])
def test_ctrl_c_is_answered_within_a_quarter_of_a_second(n_threads):
    call = f"""_core.af(
        share, rng.random((2, 400)), ("H", "M0"), score, value, n_threads={n_threads}
    )"""
    assert seconds_to_answer(PREPARATION, call) < 0.25
