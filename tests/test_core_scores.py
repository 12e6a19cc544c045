"""Scores that the core makes of columns: how they are described, kept alive and refused.

Source of truth: arithmetic in the comments; what the scores are is claimed in test_fgt.py and
c/test_pc_score.c.
"""

import gc
import weakref

import numpy as np
import pytest

from povertycore import _core, errors

PLAIN = ("refuse", 0.0, False, False)


def column(values, name="y"):
    return _core.column_array(np.asarray(values, dtype=float), None, name)


def headcount(y, z, *, at_or_below=False):
    return _core.fgt_scores(
        column(y, "income"), [column(z, "line")], [("power", 0, 0.0, *PLAIN)], at_or_below
    )


def test_sums_of_made_scores_come_after_all_others():
    y = column([1.0, 2.0, 4.0])
    made = _core.fgt_scores(y, [column([3, 3, 3])], [("shortfall", 0, 0.0, *PLAIN)], False)
    flags = _core.column_array(np.array([1, 0, 1], np.int8))
    raw = _core.total(3, [], flags=[flags], values=[y], pairs=[(y, y)], made=made)
    # the flag is 1 twice; the values add up to 7, as do both parts of the pair; 2 + 1 are lacking
    assert raw["sums"][:, 0].tolist() == [2.0, 7.0, 7.0, 7.0, 3.0]
    assert raw["score_n"][:, 0].tolist() == [3, 3, 3]


def test_products_of_centred_columns_keep_the_variance_of_large_numbers():
    a = column(1e9 + np.array([1.0, 2.0, 3.0]))
    b = column([2.0, np.nan, 4.0])
    products = [(0, -1, -1), (0, 0, -1), (0, 1, -1), (0, -1, 1)]
    made = _core.product_scores([a, b], [1e9 + 2, 3.0], products)
    raw = _core.total(3, [], made=made)
    # -1, 0, 1 by themselves, squared, times -1, nothing, 1, and where b is known
    assert raw["sums"][:, 0].tolist() == [0.0, 2.0, 2.0, 0.0]
    assert (len(made), repr(made)) == (4, "<Scores: 4 of 2 columns>")


def test_scores_keep_their_columns_alive():
    values = np.array([1.0, 5.0])
    alive = weakref.ref(values)
    made = _core.fgt_scores(
        _core.column_array(values), [column([2.0, 2.0])], [("power", 0, 0.0, *PLAIN)], False
    )
    del values
    gc.collect()
    assert alive() is not None
    assert _core.total(2, [], made=made)["sums"].tolist() == [[1.0]]
    del made
    gc.collect()
    assert alive() is None


def test_weightless_rows_of_the_domain_are_counted():
    weight = column([0.0, 1.0, 0.0, 0.0])
    where = _core.column_array(np.array([1, 1, 0, 1], np.int8))
    raw = _core.total(4, [], weight=weight, where=where)
    assert raw["zero_weights"] == 2
    size = column([1.0, 0.0, 1.0, 1.0])
    assert _core.total(4, [], weight=weight, size=size)["zero_weights"] == 4
    assert _core.total(4, [])["zero_weights"] == 0


def test_expected_groups_change_no_more_than_the_last_bits():
    rng = np.random.default_rng(1)
    key = _core.column_array(rng.integers(0, 50, 10_000))
    y, weight = column(rng.normal(size=10_000)), column(rng.random(10_000))
    plain = _core.total(10_000, [key], weight=weight, values=[y])
    for expected in (1, 50, 100_000):
        raw = _core.total(10_000, [key], weight=weight, values=[y], expected_groups=expected)
        order = np.argsort(raw["key_values"][0])
        of_plain = np.argsort(plain["key_values"][0])
        found, wanted = raw["sums"][0][order], plain["sums"][0][of_plain]
        assert found == pytest.approx(wanted, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("score", "error"),
    [
        (("power", 0, 0.0), errors.DTypeError),
        (["power", 0, 0.0, *PLAIN], errors.DTypeError),
        (("sen", 0, 0.0, *PLAIN), errors.ValueRangeError),
        (("watts", 0, 0.0, "ignore", 0.0, False, False), errors.ValueRangeError),
    ],
)
def test_a_score_that_is_not_one_is_refused(score, error):
    with pytest.raises(error) as caught:
        _core.fgt_scores(column([1.0]), [column([2.0])], [score], False)
    assert caught.value.argument == "score"


@pytest.mark.parametrize(
    "score",
    [
        ("power", 1, 0.0, *PLAIN),
        ("power", 0, -1.0, *PLAIN),
        ("chu", 0, 2.0, *PLAIN),
        ("watts", 0, 0.0, "floor", 0.0, False, False),
    ],
)
def test_a_parameter_out_of_range_is_refused_when_totals_are_made(score):
    made = _core.fgt_scores(column([1.0]), [column([2.0])], [score], False)
    with pytest.raises(errors.ValueRangeError) as caught:
        _core.total(1, [], made=made)
    assert caught.value.argument == "score"


def test_what_is_no_column_or_no_scores_is_refused():
    y = column([1.0])
    for welfare, lines in ((1.0, [y]), (y, [1.0]), (y, y)):
        with pytest.raises((errors.DTypeError, TypeError)):
            _core.fgt_scores(welfare, lines, [], False)
    with pytest.raises(errors.DTypeError, match="made is not a Scores"):
        _core.total(1, [], made=y)
    with pytest.raises(errors.DTypeError):
        _core.product_scores([y], [0.0], [(0, 0)])
    with pytest.raises(errors.LengthError):
        _core.product_scores([y], [], [])
    with pytest.raises(errors.ValueRangeError):
        _core.product_scores([y], [np.inf], [])
    with pytest.raises(errors.ValueRangeError):
        _core.total(1, [], made=_core.product_scores([y], [0.0], [(1, -1, -1)]))
    with pytest.raises(TypeError):
        type(headcount([1.0], [2.0]))()


def test_an_error_names_the_column_at_fault():
    aid = column([1.0, np.inf], "aid")
    cases = [
        (headcount([1.0, np.inf], [2.0, 2.0]), "welfare", "income"),
        (headcount([1.0, 1.0], [2.0, 0.0]), "line", "line"),
        (_core.product_scores([aid], [0.0], [(0, -1, -1)]), "product", "aid"),
    ]
    for made, argument, name in cases:
        with pytest.raises(errors.ValueRangeError) as caught:
            _core.total(2, [], made=made)
        assert (caught.value.argument, caught.value.column) == (argument, name)
        assert caught.value.row == 1
    with pytest.raises(errors.LengthError) as caught:
        _core.total(3, [], made=headcount([1.0] * 3, [2.0]))
    assert (caught.value.argument, caught.value.column) == ("line", "line")


def test_who_is_at_the_line_is_poor_by_one_rule_only():
    for at_or_below, expected in ((False, 1.0), (True, 2.0)):
        made = headcount([1.0, 2.0, 3.0], [2.0] * 3, at_or_below=at_or_below)
        assert _core.total(3, [], made=made)["sums"].tolist() == [[expected]]


def test_no_scores_at_all_give_no_sums():
    made = _core.fgt_scores(column([1.0]), [], [], False)
    raw = _core.total(1, [], made=made)
    assert raw["sums"].shape == (0, 1)
    assert raw["n"].tolist() == [1]
