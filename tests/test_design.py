"""What a row stands for, and how rows were sampled.

Source of truth: the rules on units (with a size persons are counted, otherwise rows) and on which
words of a design need each other, written out below.
"""

import dataclasses
import pickle
import re

import pytest
from hypothesis import given, strategies as st

import povertycore as pc
from povertycore.errors import DesignError, OptionError

COLUMNS = ["weight", "size", "strata", "psu", "ssu", "fpc", "fpc2", "period"]

# ---- worked example ---------------------------------------------------------------------------


def test_a_full_design_keeps_its_words():
    design = pc.Design(
        weight="w",
        size="hhsize",
        strata="stratum",
        psu="ea",
        ssu="hh",
        fpc="n_ea",
        fpc2="n_hh",
        period="year",
        lonely="average",
        lonely_domain="adjust",
        df="strata",
        waves="independent",
        nest=False,
    )
    assert [getattr(design, name) for name in COLUMNS] == [
        *["w", "hhsize", "stratum", "ea", "hh", "n_ea", "n_hh", "year"]
    ]
    assert (design.lonely, design.lonely_domain) == ("average", "adjust")
    assert (design.df, design.waves, design.nest) == ("strata", "independent", False)


def test_nothing_said_is_a_register_of_households():
    design = pc.Design()
    assert all(getattr(design, name) is None for name in [*COLUMNS, "df", "waves", "replicates"])
    assert (design.row, design.lonely, design.nest) == ("household", "error", True)


def test_repr_shows_only_what_was_said():
    assert repr(pc.Design()) == "Design()"
    assert repr(pc.Design(weight="w", nest=False)) == "Design(weight='w', nest=False)"


# ---- what is counted --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("design", "count", "unit", "size"),
    [
        (pc.Design(), None, "households", None),
        (pc.Design(), "households", "households", None),
        (pc.Design(row="person"), None, "persons", None),
        (pc.Design(row="person"), "persons", "persons", None),
        (pc.Design(size="hhsize"), None, "persons", "hhsize"),
        (pc.Design(size="hhsize"), "persons", "persons", "hhsize"),
        (pc.Design(size="hhsize"), "households", "households", None),
    ],
)
def test_persons_are_counted_by_size_and_rows_without(design, count, unit, size):
    assert design.unit(count) == unit
    assert design.size_column(count) == size


@pytest.mark.parametrize(
    ("design", "count", "message"),
    [
        (pc.Design(), "persons", r"count='persons' needs Design\(size="),
        (pc.Design(row="person"), "households", "needs rows that are households"),
    ],
)
def test_what_rows_cannot_count_is_refused(design, count, message):
    with pytest.raises(DesignError, match=message):
        design.unit(count)


def test_an_unknown_count_names_the_options():
    with pytest.raises(OptionError, match="count must be 'households' or 'persons', found 'hh'"):
        pc.Design().unit("hh")


# ---- properties -------------------------------------------------------------------------------

NAMES = st.none() | st.sampled_from(["a", "b", "c"])


@given(weight=NAMES, size=NAMES, strata=NAMES, psu=NAMES, period=NAMES, nest=st.booleans())
def test_equal_words_are_equal_designs(**words):
    one, other = pc.Design(**words), pc.Design(**words)
    assert one == other
    assert hash(one) == hash(other)
    assert pickle.loads(pickle.dumps(one)) == one
    assert eval(repr(one), {"Design": pc.Design}) == one
    assert (one != pc.Design(**words | {"weight": "other"})) == (words["weight"] != "other")


def test_replicates_are_equal_and_hashed_by_their_words():
    listed = pc.Replicates(weights=["r1", "r2"], kind="jkn", rscales=[0.5, 1])
    again = pc.Replicates(weights=("r1", "r2"), kind="jkn", rscales=(0.5, 1.0))
    assert listed == again
    assert hash(pc.Design(replicates=listed)) == hash(pc.Design(replicates=again))


def test_designs_and_replicates_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        pc.Design().weight = "w"
    with pytest.raises(dataclasses.FrozenInstanceError):
        pc.Replicates(kind="jk1").df = 3


def test_every_word_is_given_by_name():
    with pytest.raises(TypeError):
        pc.Design("w")
    with pytest.raises(TypeError):
        pc.Replicates(["r1"])


def test_a_list_given_is_not_the_list_kept():
    names = ["r1", "r2"]
    replicates = pc.Replicates(weights=names, kind="brr")
    names.append("r3")
    assert replicates.weights == ("r1", "r2")


# ---- the summary of a file ----------------------------------------------------------------------

# 2020: strata 1 (areas 1, 2) and 2 (area 1); 2021: stratum 1 (areas 1, 3, 4), stratum 2 is complete
TWO_YEARS = {
    "year": [2020, 2020, 2020, 2021, 2021, 2021, 2021],
    "stratum": [1, 1, 2, 1, 1, 1, 2],
    "area": [1, 2, 1, 1, 3, 4, 1],
    "n": [4, 4, 5, 6, 6, 6, 1],
    "w": [1.0, 2.0, 0.0, 1.0, 1.0, 1.0, 1.0],
}


def test_summary_counts_strata_and_psus_by_period():
    design = pc.Design(weight="w", strata="stratum", psu="area", period="year", fpc="n")
    summary = design.summary(TWO_YEARS)
    assert summary["year"].tolist() == [2020, 2021]
    assert summary["n_obs"].tolist() == [3, 4]
    assert summary["n_strata"].tolist() == [2, 2]
    assert summary["n_psu"].tolist() == [3, 4]
    assert summary["df"].tolist() == [1, 2]
    assert summary["psu_per_stratum_min"].tolist() == [1, 1]
    assert summary["psu_per_stratum_max"].tolist() == [2, 3]
    assert summary["fraction_min"].tolist() == [1 / 5, 1 / 2]
    assert summary["fraction_max"].tolist() == [1 / 2, 1]


def test_summary_lists_lonely_psus_and_says_how_unequal_the_weights_are():
    design = pc.Design(weight="w", strata="stratum", psu="area", period="year", fpc="n")
    summary = design.summary(TWO_YEARS)
    assert summary["lonely_rows"].tolist() == [[2], []]
    assert summary["weight_min"].tolist() == [0, 1]
    assert summary["weight_max"].tolist() == [2, 1]
    assert summary["weight_sum"].tolist() == [3, 4]
    assert summary["kish_effect"].tolist() == [
        2 * 5 / 9,
        1,
    ]  # the row without weight is not counted


def test_summary_of_a_register_has_weights_only():
    summary = pc.Design().summary(TWO_YEARS)
    assert summary.columns.tolist() == [
        "n_obs", "weight_min", "weight_max", "weight_sum", "kish_effect"
    ]  # fmt: skip
    assert summary.to_numpy().tolist() == [[7, 1, 1, 7, 1]]


# ---- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize(
    ("value", "found"), [(["a"], "list"), (1, "int"), ("", "an empty text"), (b"w", "bytes")]
)
def test_a_column_is_given_by_its_name(name, value, found):
    message = f"{name} must be the name of a column, found {found}"
    with pytest.raises(OptionError, match=message) as caught:
        pc.Design(**{name: value})
    assert caught.value.argument == name


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"row": "house"}, "row must be 'household' or 'person', found 'house'"),
        ({"row": None}, "row must be 'household' or 'person', found None"),
        ({"lonely": "remove"}, "lonely must be 'error', 'certainty', 'average' or 'adjust'"),
        ({"lonely_domain": "error"}, "lonely_domain must be None, 'certainty'"),
        ({"waves": "matched", "period": "year"}, "waves must be None or 'independent'"),
        ({"nest": 1}, "nest must be True or False, found 1"),
        ({"df": "psu"}, "df must be 'strata' or a number above 0, found 'psu'"),
        ({"df": 0}, "df must be 'strata' or a number above 0, found 0"),
        ({"df": True}, "df must be"),
        ({"df": float("nan")}, "df must be"),
        ({"replicates": ["r1"]}, "replicates must be a Replicates"),
    ],
)
def test_an_unknown_word_names_the_options(words, message):
    with pytest.raises(OptionError, match=re.escape(message)) as caught:
        pc.Design(**words)
    assert caught.value.argument == next(iter(words))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"fpc": "n"}, "fpc= needs strata= or psu="),
        ({"psu": "ea", "ssu": "hh", "fpc2": "n"}, "fpc2= needs fpc="),
        ({"psu": "ea", "fpc": "n", "fpc2": "m"}, "fpc2= needs ssu="),
        ({"ssu": "hh"}, "ssu= needs psu="),
        ({"psu": "row", "ssu": "hh"}, "ssu= needs psu="),
        ({"waves": "independent"}, "waves= needs period="),
        (
            {"psu": "ea", "replicates": pc.Replicates(weights=["r"], kind="jk1")},
            "already carry the design; leave psu out",
        ),
    ],
)
def test_words_that_contradict_each_other_are_refused(words, message):
    with pytest.raises(DesignError, match=message):
        pc.Design(**words)


def test_replicates_may_be_made_from_strata_and_psus():
    made = pc.Replicates(kind="bootstrap", n=200, rng=1)
    assert pc.Design(strata="s", psu="ea", replicates=made).replicates.n == 200


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        ({"kind": "jack"}, OptionError, "kind must be 'jk1', 'jkn'"),
        ({"kind": "brr", "weights": "r1"}, OptionError, "weights must be a list of column names"),
        ({"kind": "brr", "weights": []}, OptionError, "weights must be a list of column names"),
        ({"kind": "brr", "weights": [1]}, OptionError, "weights must be the name of a column"),
        ({"kind": "brr", "weights": ["r", "r"]}, DesignError, "names a column twice"),
        ({"kind": "brr", "fay": 0.5}, DesignError, "fay= belongs to kind='fay'"),
        ({"kind": "fay"}, DesignError, "kind='fay' needs it"),
        ({"kind": "fay", "fay": 1.0}, OptionError, "fay must be a number between 0 and 1"),
        ({"kind": "other", "weights": ["r"]}, DesignError, "kind='other' needs scale="),
        ({"kind": "other", "scale": 1.0}, DesignError, "are not made; name weights="),
        ({"kind": "bootstrap"}, DesignError, "n= belongs to a bootstrap without weights="),
        ({"kind": "jkn", "n": 3}, DesignError, "n= belongs to a bootstrap"),
        ({"kind": "bootstrap", "n": 1}, OptionError, "n must be a whole number >= 2"),
        ({"kind": "jkn", "rscales": [1.0]}, DesignError, "rscales= needs weights="),
        (
            {"kind": "jkn", "weights": ["a", "b"], "rscales": [1.0]},
            DesignError,
            "rscales has 1 factors; expected 2",
        ),
        ({"kind": "jkn", "weights": ["a"], "rscales": [-1]}, OptionError, "rscales must be"),
        ({"kind": "jkn", "mse": 1}, OptionError, "mse must be True or False"),
        ({"kind": "jkn", "df": -1}, OptionError, "df must be a number above 0"),
        ({"kind": "jkn", "scale": 0}, OptionError, "scale must be a number above 0"),
        ({"kind": "jkn", "rng": -1}, OptionError, "rng must be a whole number >= 0"),
        ({"kind": "jkn", "rng": 1.5}, OptionError, "rng must be a whole number >= 0"),
    ],
)
def test_wrong_replicates_are_refused(words, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        pc.Replicates(**words)


@pytest.mark.parametrize("verb", ["rate", "total", "mean", "multidim", "profiles"])
def test_what_is_no_design_is_refused_by_every_verb(verb):
    spec = [pc.Spec({"health": ["ill"]})] if verb in ("multidim", "profiles") else ["ill"]
    with pytest.raises(OptionError, match=re.escape("pc.Design(weight='w'), found str")) as raised:
        getattr(pc, verb)({"ill": [1, 0], "w": [1, 2]}, *spec, design="w")
    assert raised.value.argument == "design"
