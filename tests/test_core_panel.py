"""How the compiled module takes the sides of a panel: maps, numbers of values, periods.

What it answers is compared with a dictionary in `fuzz/random_panels.py`.
"""

import numpy as np
import pytest

from povertycore import _core, errors

IDS, STATES = np.array([4, 1, 3]), np.array([0, 1, 2], np.int8)


def side(count=3, states=None, groups=(), period=None):
    """Three households with a state each."""
    ids = [_core.column_array(IDS)]
    return len(IDS), ids, groups, (_core.column_array(STATES), 0, count, 1, states), period


def moved(first, second):
    return _core.panel_count(first, second, 1, 3)["moves"].reshape(4, 4)


def test_a_map_renames_states():
    turned = np.array([2, 1, 0], np.uint32)
    assert np.argwhere(moved(side(), side(states=turned))).tolist() == [[0, 2], [1, 1], [2, 0]]


def unaligned(values):
    """The same array at an odd address."""
    memory = np.zeros(4 * len(values) + 1, np.uint8)
    array = memory[1:].view(np.uint32)
    array[:] = values
    return array


@pytest.mark.parametrize(
    "states",
    [
        unaligned([2, 1, 0]),
        np.array([2, 1, 0], np.dtype(np.uint32).newbyteorder()),
        np.array([2, 9, 1, 9, 0], np.uint32)[::2],
        np.array([2, 1, 0], np.int32),
        np.array([2, 1], np.uint32),
        np.array([[2, 1, 0]], np.uint32),
        [2, 1, 0],
    ],
)
def test_a_map_of_another_form_is_refused(states):
    with pytest.raises(errors.DTypeError, match="state has a map"):
        moved(side(states=states), side())


@pytest.mark.parametrize("count", [-1, 2**32 + 3, 2**62])
def test_a_number_of_values_out_of_range_is_refused_and_not_cut(count):
    with pytest.raises(errors.LimitError, match="state has a number of values"):
        moved(side(count=count), side())
    group = (_core.column_array(STATES), 0, 3, count, None)
    with pytest.raises(errors.LimitError, match="key_to has a number of values"):
        moved(side(), side(groups=(group,)))


@pytest.mark.parametrize("period", [[_core.column_array(STATES), 1], 1, "2020"])
def test_a_period_is_a_column_and_a_value(period):
    with pytest.raises(errors.DTypeError, match="period is no tuple"):
        moved(side(), side(period=period))
