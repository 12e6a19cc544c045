"""Goals of programmes, as data.

Source of truth: the ranges printed in the sources that the file names, typed below.
"""

from fractions import Fraction

import pytest

import povertycore as pc
from povertycore import errors
from povertycore.dynamics.goals import read_file
from povertycore.dynamics.target import KINDS


def test_the_programme_of_2021_to_2025_promises_what_was_printed():
    found = pc.goals("vn-2021-2025")
    ranges = {name: (goal.plan, goal.plan_to) for name, goal in found.items()}
    assert ranges == {
        "national": (Fraction(1, 100), Fraction(15, 1000)),
        "minority": (Fraction(3, 100), None),
        "poor_district": (Fraction(4, 100), Fraction(5, 100)),
    }
    assert pc.goals("lang-son-2021-2025")["province"].plan == Fraction(3, 100)


def test_every_goal_says_where_it_was_read_and_none_is_taken_as_verified():
    for programme in read_file():
        for goal in pc.goals(programme["id"]).values():
            assert goal.source
            assert not goal.verified
            assert str(goal).endswith(", not verified")
            assert goal.kind in KINDS
            assert 0 < goal.plan < 1
            assert goal.plan_to is None or goal.plan_to > goal.plan
            assert goal.first_year < goal.last_year
            assert goal.en
            assert goal.vi


def test_an_unknown_programme_lists_those_there_are():
    with pytest.raises(errors.OptionError, match="vn-2021-2025"):
        pc.goals("vn-2021")
