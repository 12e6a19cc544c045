"""Specifications: what counts as deprived, and how much.

Source of truth: arithmetic in comments; the tables of OPHI and the World Bank as printed; the
definitions row by row in oracles/spec.py.
"""

import copy
import json
import math
import pickle
import unicodedata
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

import povertycore as pc
from oracles import spec as oracle
from povertycore import _core, errors
from povertycore.measures.spec import as_fraction

F = Fraction
DIMENSIONS = {"health": ["ill", "hungry"], "school": ["absent"]}


@pytest.fixture
def spec():
    return pc.Spec(DIMENSIONS, k="1/2")


def column_answers(column):
    """Return each row of a core column as True, False or None."""
    row = _core.column_array(np.arange(column.n))
    raw = _core.total(column.n, [row], flags=[column])
    order = np.argsort(raw["key_values"][0])
    pairs = zip(raw["score_n"][0][order], raw["sums"][0][order], strict=True)
    return [bool(total) if n else None for n, total in pairs]


def answers(data, indicator):
    """Return what an indicator says of each row of a frame."""
    (column,) = pc.Spec({"dimension": [indicator]}).columns(data)
    return column_answers(column)


def python_words(rule):
    """Return a rule of a file as arguments of Indicator."""
    return {"isin" if word == "in" else word: value for word, value in rule.items()}


# --- worked examples ------------------------------------------------------------------------------


def test_nested_equal_weights_by_default(spec):
    # two dimensions of 1/2; the first is shared by two indicators
    assert spec.weights == (F(1, 4), F(1, 4), F(1, 2))
    assert spec.ids == ("ill", "hungry", "absent")
    assert dict(spec.dimensions) == {"health": ("ill", "hungry"), "school": ("absent",)}
    assert spec.integer_weights() == ((1, 1, 2), 4)
    assert spec.attainable() == (0, F(1, 4), F(1, 2), F(3, 4), 1)
    assert spec.k == (F(1, 2),)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"health": "1/3", "school": "2/3"}, (F(1, 6), F(1, 6), F(2, 3))),
        ({"health": 1 / 3, "school": 2 / 3}, (F(1, 6), F(1, 6), F(2, 3))),
        ({"ill": 0.5, "hungry": "0.3", "absent": F(1, 5)}, (F(1, 2), F(3, 10), F(1, 5))),
        ({"ill": 1, "hungry": 0, "absent": 0}, (1, 0, 0)),
    ],
)
def test_weights_are_given_by_dimension_or_by_indicator(weights, expected):
    assert pc.Spec(DIMENSIONS, weights).weights == expected


def test_relative_weights_are_scaled():
    spec = pc.Spec(DIMENSIONS, {"ill": 2, "hungry": 1, "absent": 1}, relative=True)
    assert spec.weights == (F(1, 2), F(1, 4), F(1, 4))


def test_several_schemes_stand_side_by_side():
    spec = pc.Spec(
        DIMENSIONS, {"health": "1/4", "school": "3/4"}, schemes={"equal": None, "ill": {
            "ill": 1, "hungry": 0, "absent": 0}}
    )  # fmt: skip
    assert list(spec.schemes) == ["default", "equal", "ill"]
    assert spec.weights == spec.schemes["default"] == (F(1, 8), F(1, 8), F(3, 4))
    assert spec.schemes["equal"] == (F(1, 4), F(1, 4), F(1, 2))
    assert spec.attainable("ill") == (0, 1)
    alone = pc.Spec(DIMENSIONS, schemes={"equal": None})
    assert list(alone.schemes) == ["equal"]
    assert alone.weights == (F(1, 4), F(1, 4), F(1, 2))


def test_rules_say_who_is_deprived():
    hh = {"area": [7.9, 8.0, None], "water": ["river", "tap", "pond"], "meals": [3, 1, 2]}
    spec = pc.Spec(
        {
            "housing": [pc.Indicator("crowded", "area", below=8, unit="m2 per person")],
            "water": [{"id": "unsafe", "column": "water", "in": ["river", "pond"]}],
            "food": [pc.Indicator("hungry", "meals", at_or_below=2)],
        }
    )
    found = [column_answers(column) for column in spec.columns(pd.DataFrame(hh))]
    assert found == [[True, False, None], [True, False, True], [False, True, True]]
    assert [one.limit for one in spec.indicators] == [8.0, None, 2.0]
    assert spec.needed == ("area", "water", "meals")


def test_a_limit_is_that_of_a_single_bound_from_above():
    assert pc.Indicator("a", below=3).limit == 3.0
    assert pc.Indicator("a", at_or_below=F(5, 2)).limit == 2.5
    assert pc.Indicator("a", above=3).limit is None
    assert pc.Indicator("a", at_or_above=1, below=3).limit is None
    assert pc.Indicator("a", equals=3).limit is None
    assert pc.Indicator("a").limit is None
    assert pc.Indicator("a", below=3, level="member").limit is None


def test_global_mpi_is_that_of_the_printed_table():
    spec = pc.spec("global-mpi-2018")
    printed = {
        "nutrition": F(1, 6), "child_mortality": F(1, 6),
        "years_of_schooling": F(1, 6), "school_attendance": F(1, 6),
        "cooking_fuel": F(1, 18), "sanitation": F(1, 18), "drinking_water": F(1, 18),
        "electricity": F(1, 18), "housing": F(1, 18), "assets": F(1, 18),
    }  # fmt: skip
    assert dict(zip(spec.ids, spec.weights, strict=True)) == printed
    assert list(spec.dimensions) == ["health", "education", "living_standards"]
    assert spec.k == (F(1, 3),)
    assert "2018" in spec.source
    assert spec.unverified() == ()


def test_world_bank_measure_is_that_of_the_printed_table():
    spec = pc.spec("wb-mpm")
    printed = {
        "monetary": F(1, 3), "enrolment": F(1, 6), "attainment": F(1, 6),
        "drinking_water": F(1, 9), "sanitation": F(1, 9), "electricity": F(1, 9),
    }  # fmt: skip
    assert dict(zip(spec.ids, spec.weights, strict=True)) == printed
    assert spec.k == (F(1, 3),)
    # whoever is poor by income is poor by the measure
    assert spec.weights[0] >= spec.k[0]
    assert "worldbank.org" in spec.source


@pytest.mark.parametrize(
    ("name", "n", "k"),
    [("vn-2016", 10, F(3, 10)), ("vn-2022", 12, F(1, 4)), ("vn-2027", 12, F(1, 4))],
)
def test_a_standard_counts_every_indicator_alike(name, n, k):
    std = pc.standard(name)
    spec = std.spec()
    assert spec == pc.spec(name) == pc.spec(std)
    assert spec.weights == (F(1, n),) * n
    assert sorted(spec.ids) == sorted(std.indicator_ids)
    assert spec.k == (k,)
    assert "no income test" in spec.note
    assert "not the official" in spec.note
    assert "no income test" in pc.standard(name).spec.__doc__
    for one, own in zip(sorted(spec.indicators, key=lambda one: one.id), sorted(
        std.indicators, key=lambda one: one.id), strict=True):  # fmt: skip
        assert (one.id, one.dimension, one.label_vi) == (own.id, own.dimension, own.vi)
        assert one.verified == own.verified
        assert one.wording_vi == ("" if own.wording is None else own.wording.vi)
        assert one.wording_verified == (own.wording is None or own.wording.verified)


# --- oracle ---------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(
    st.fractions(0, 1, max_denominator=1000)
    | st.integers(0, 10**9).map(lambda n: F(n, 10**9))
    | st.floats(0, 1)
)
def test_a_float_is_read_as_the_simplest_fraction_near_it(value):
    number = float(value)
    near = oracle.simplest_fraction(number)
    assert as_fraction(number) == (F(repr(number)) if near is None else near)


def test_fractions_of_every_kind():
    assert as_fraction("1/6") == as_fraction(F(1, 6)) == as_fraction(1 / 6) == F(1, 6)
    assert as_fraction(0.33) == as_fraction("0.33") == F(33, 100)
    assert as_fraction(np.float64(0.125)) == F(1, 8)
    assert as_fraction(np.int8(1)) == as_fraction(1) == 1
    assert as_fraction(0.123456) == F(123456, 10**6)
    # just within and just beyond 1e-9 of 1/3
    assert as_fraction(0.3333333333) == F(1, 3)
    assert as_fraction(0.33333333) == F(33333333, 10**8)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=8).filter(any))
def test_attainable_scores_are_the_sums_of_weights(parts):
    ids = [f"x{j}" for j in range(len(parts))]
    spec = pc.Spec({"all": ids}, dict(zip(ids, parts, strict=True)), relative=True)
    assert list(spec.attainable()) == oracle.attainable(spec.weights)


def test_attainable_scores_of_a_denominator_beyond_any_table():
    parts = {"a": F(1, 10**12 + 39), "b": F(1, 3), "c": F(2, 3) - F(1, 10**12 + 39)}
    spec = pc.Spec({"all": list(parts)}, parts)
    assert list(spec.attainable()) == oracle.attainable(spec.weights)


TEXTS = ["a", "b", None, "nước", unicodedata.normalize("NFD", "nước"), "c"]
WHOLE = [1, 2, None, 120, -5, 0]
REAL = [0.5, None, 2.0, -1.25, 7.0]
FLAGS = [True, False, None]
CASES = [
    *((TEXTS, rule) for rule in [{"equals": "nước"}, {"in": ["a", "zz"]}, {"in": ["zz"]}]),
    *(
        (WHOLE, rule)
        for rule in [
            {"below": 2}, {"at_or_below": 2}, {"above": 2}, {"at_or_above": 2},
            {"below": 2.5}, {"at_or_below": 2.5}, {"above": 1.5}, {"at_or_above": 1.5},
            {"below": 10**12}, {"above": 10**12}, {"below": -(10**12)}, {"at_or_above": -(10**12)},
            {"at_or_above": 0, "below": 2}, {"equals": 1}, {"equals": 1.5},
            {"in": [1, 120, 10**12]}, {"in": list(range(0, 400, 3))},
        ]
    ),
    *(
        (REAL, rule)
        for rule in [
            {"below": 2}, {"at_or_below": 2}, {"above": 0.5}, {"equals": 7},
            {"in": [0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]},
        ]
    ),
    *((FLAGS, rule) for rule in [{"equals": True}, {"equals": 0}, {"below": 1}]),
]  # fmt: skip


def text_frames(values):
    """The same texts as every library keeps them."""
    array = pa.array(values, pa.string())
    chunks = pa.chunked_array([array[:2], array[2:]])
    labels = [value for value in dict.fromkeys(values) if value is not None]
    yield pd.DataFrame({"x": pd.Series(values, dtype=object)})
    yield pd.DataFrame({"x": pd.Series(values, dtype="str")})
    yield pd.DataFrame({"x": pd.array(values, dtype="string[python]")})
    yield pd.DataFrame({"x": pd.Categorical(values)})
    yield pd.DataFrame({"x": pd.array(values, dtype=pd.ArrowDtype(pa.string()))})
    yield {"x": values}
    yield pl.DataFrame({"x": values})
    yield pl.DataFrame({"x": pl.Series(values, dtype=pl.Categorical)})
    yield pl.DataFrame({"x": pl.Series(values, dtype=pl.Enum([*labels, "never"]))})
    for kind in (pa.string(), pa.large_string(), pa.string_view()):
        yield pa.table({"x": chunks.cast(kind)})
    yield pa.table({"x": chunks.dictionary_encode()})


def number_frames(values):
    """The same numbers as every library keeps them."""
    kind = type(next(value for value in values if value is not None))
    arrow = {int: pa.int32(), float: pa.float64(), bool: pa.bool_()}[kind]
    masked = {int: "Int8", float: "Float64", bool: "boolean"}[kind]
    gaps = np.array([value is None for value in values])
    filled = np.array([kind(0) if value is None else value for value in values])
    chunks = pa.chunked_array([pa.array(values[:2], arrow), pa.array(values[2:], arrow)])
    yield pd.DataFrame({"x": pd.array(values, dtype=masked)})
    yield pd.DataFrame({"x": pd.Series(values, dtype=object)})
    yield pd.DataFrame({"x": pd.array(values, dtype=pd.ArrowDtype(arrow))})
    yield pd.DataFrame({"x": pd.Categorical(values)})
    yield {"x": values}
    yield {"x": np.ma.MaskedArray(filled, gaps)}
    yield pl.DataFrame({"x": pl.Series(values, strict=False)})
    yield pl.DataFrame({"x": pl.Series(values, strict=False)}).lazy()
    yield pa.table({"x": chunks})
    if kind is not bool:
        floats = [math.nan if value is None else value for value in values]
        yield pd.DataFrame({"x": floats})
        yield {"x": np.array(floats, np.float32)[::-1][::-1]}
        yield pl.DataFrame({"x": pl.Series(floats, dtype=pl.Float64)})
        yield pa.table({"x": pa.array(values, pa.float64()).cast(pa.decimal128(12, 3))})


@pytest.mark.filterwarnings("ignore::povertycore.errors.LabelWarning")
@pytest.mark.parametrize(("values", "rule"), CASES)
def test_a_rule_says_the_same_of_every_kind_of_column(values, rule):
    expected = [oracle.holds(value, rule) for value in values]
    assert None in expected
    indicator = pc.Indicator("i", "x", **python_words(rule))
    frames = text_frames if isinstance(values[0], str) else number_frames
    for data in frames(values):
        assert answers(data, indicator) == expected


def test_a_rule_on_whole_numbers_beyond_the_floats_is_exact():
    big = 2**53
    for missing in (False, True):
        values = [big, big + 1, big + 2, *([None] if missing else [])]
        for data in ({"x": pd.array(values, dtype="Int64")}, pl.DataFrame({"x": values})):
            found = answers(data, pc.Indicator("i", "x", equals=big + 1))
            assert found[:3] == [False, True, False]
            found = answers(data, pc.Indicator("i", "x", at_or_below=big + 1))
            assert found[:3] == [True, True, False]


def test_an_amount_typed_as_the_limit_equals_it_in_float32():
    data = {"x": np.array([0.7, 0.1], np.float32)}
    assert answers(data, pc.Indicator("i", "x", below=0.7)) == [False, True]
    assert answers(data, pc.Indicator("i", "x", at_or_below=0.1)) == [False, True]


# --- properties -----------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.data())
def test_weights_sum_to_1_exactly(data):
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=6))
    names = iter(f"x{j}" for j in range(64))
    spec = pc.Spec({f"d{d}": [next(names) for _ in range(n)] for d, n in enumerate(sizes)})
    assert sum(spec.weights) == 1
    numerators, denominator = spec.integer_weights()
    assert sum(numerators) == denominator
    assert math.gcd(*numerators) == 1


FULL = pc.Spec(
    {
        "nhà ở": [
            pc.Indicator("crowded", "area", below=8.5, unit="m2", label_vi="diện tích"),
            pc.Indicator("wall", equals="3", source="a 'source'; \"quoted\"\n\\"),
        ],
        "people": [
            pc.Indicator(
                "school", "years", at_or_below=5, level="member", collapse="share",
                more_than="1/2", unknown="left_out", nobody="missing", among="adult",
            ),
            pc.Indicator("water", isin=[1, 2, 9], verified=False, wording_en="no, none; never"),
            pc.Indicator("roof", isin=["thatch; leaf", "01", "tôn"]),
        ],
    },
    {"nhà ở": "1/3", "people": "2/3"},
    name="all words", version="2", k=["1/3", "1/2"], source="here", note="not official",
    schemes={"equal": None},
)  # fmt: skip


@pytest.mark.parametrize("ending", ["toml", "json", "csv", "xlsx"])
def test_a_file_gives_the_same_specification_back(tmp_path, ending):
    path = tmp_path / f"all words.{ending}"
    FULL.to_file(path)
    words = {} if ending in ("toml", "json") else {
        "version": "2", "k": ["1/3", "1/2"], "source": "here", "note": "not official"
    }  # fmt: skip
    found = pc.Spec.from_file(path, **words)
    assert found == FULL
    assert found.digest == FULL.digest
    assert found.indicators == FULL.indicators


@pytest.mark.parametrize("name", ["global-mpi-2018", "wb-mpm", "vn-2022"])
@pytest.mark.parametrize("ending", ["toml", "json"])
def test_what_is_shipped_goes_to_a_file_and_back(tmp_path, name, ending):
    pc.spec(name).to_file(tmp_path / f"mine.{ending}")
    assert pc.spec(tmp_path / f"mine.{ending}") == pc.spec(name)


def test_a_mapping_gives_the_same_specification_back():
    content = json.loads(json.dumps(FULL.to_dict()))
    assert pc.Spec.from_dict(content) == FULL
    assert pickle.loads(pickle.dumps(FULL)) == FULL == copy.deepcopy(FULL)
    assert hash(pc.Spec.from_dict(content)) == hash(FULL)


def base(**changes):
    """A specification, and one with something else."""
    words = {
        "dimensions": {"a": [pc.Indicator("x", "col", isin=[1, 2]), "y"], "b": ["z"]},
        "weights": {"a": "1/2", "b": "1/2"},
        "k": "1/2",
    }
    return pc.Spec(**{**words, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other", "version": "3", "source": "a book", "note": "a note"},
        {"weights": {"x": 0.25, "y": "1/4", "z": F(1, 2)}},
        {"weights": None, "schemes": {"default": {"a": 1 / 2, "b": "0.5"}}},
        {"k": [0.5]},
        {"dimensions": {"a": [pc.Indicator("x", "col", isin=[2, 1.0, 2]), "y"], "b": ["z"]}},
        {
            "dimensions": {
                "a": [pc.Indicator("x", "col", isin=[1, 2], unit="m", label_en="l", verified=False),
                      "y"],
                "b": [pc.Indicator("z", wording_vi="w", source="s", note="n")],
            }
        },
    ],
)  # fmt: skip
def test_the_digest_stays_where_no_answer_changes(changes):
    assert base(**changes).digest == base().digest


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": {"a": "1/3", "b": "2/3"}},
        {"weights": None, "schemes": {"other": None}},
        {"schemes": {"other": None}},
        {"k": None},
        {"k": "1/3"},
        {"dimensions": {"A": [pc.Indicator("x", "col", isin=[1, 2]), "y"], "b": ["z"]},
         "weights": None},
        {"k": ["1/2", "1/3"]},
        {"dimensions": {"a": ["y", pc.Indicator("x", "col", isin=[1, 2])], "b": ["z"]}},
        {"dimensions": {"a": [pc.Indicator("x", "col", isin=[1, 3]), "y"], "b": ["z"]}},
        {"dimensions": {"a": [pc.Indicator("x", "col", isin=["1", "2"]), "y"], "b": ["z"]}},
        {"dimensions": {"a": [pc.Indicator("x", "col"), "y"], "b": ["z"]}},
        {"dimensions": {"a": [pc.Indicator("x", "other", isin=[1, 2]), "y"], "b": ["z"]}},
        {"dimensions": {"a": [pc.Indicator("x", "col", below=2), "y"], "b": ["z"]}},
        {"dimensions": {"a": [pc.Indicator("x", "col", at_or_below=2), "y"], "b": ["z"]}},
        {
            "dimensions": {
                "a": [pc.Indicator("x", "col", isin=[1, 2], level="member"), "y"], "b": ["z"]
            }
        },
        {
            "dimensions": {
                "a": [
                    pc.Indicator("x", "col", isin=[1, 2], level="member", nobody="missing"), "y"
                ],
                "b": ["z"],
            }
        },
    ],
)  # fmt: skip
def test_the_digest_changes_where_an_answer_may(changes):
    assert base(**changes).digest != base().digest


def test_every_change_of_members_changes_the_digest():
    ways = [
        {},
        {"collapse": "all"},
        {"collapse": "share", "more_than": "1/2"},
        {"collapse": "share", "at_least": "1/2"},
        {"unknown": "left_out"},
        {"nobody": "deprived"},
        {"among": "adult"},
        {"among": {"column": "adult", "equals": 2}},
        {"among": {"column": "age", "below": 16}},
    ]
    specs = [pc.Spec({"d": [pc.Indicator("x", equals=0, level="member", **way)]}) for way in ways]
    assert len({spec.digest for spec in specs}) == len(ways)


def test_a_column_without_a_rule_is_not_copied():
    flag = np.array([0, 1, 1], np.int8)
    (column,) = pc.Spec({"d": ["x"]}).columns({"x": flag})
    assert column.addresses == [flag.__array_interface__["data"][0]]


def test_rules_leave_the_frame_as_it_is():
    hh = pd.DataFrame({"x": pd.array([1, None, 3], dtype="Int8")})
    before = hh.copy(deep=True)
    answers(hh, pc.Indicator("i", "x", below=2))
    pd.testing.assert_frame_equal(hh, before)


def test_a_specification_does_not_change():
    spec = pc.Spec(DIMENSIONS)
    with pytest.raises(AttributeError):
        spec.k = (F(1, 2),)
    with pytest.raises(TypeError):
        spec.schemes["other"] = spec.weights


# --- edges ----------------------------------------------------------------------------------------


def test_sixty_four_indicators_are_taken():
    spec = pc.Spec({"all": [f"x{j}" for j in range(64)]})
    assert spec.integer_weights() == ((1,) * 64, 64)
    assert len(spec.attainable()) == 65
    with pytest.raises(errors.LimitError, match="65 indicators; at most 64"):
        pc.Spec({"all": [f"x{j}" for j in range(65)]})


PRIMES = [p for p in range(2, 114) if all(p % q for q in range(2, p))]


@pytest.mark.parametrize(
    "parts", [[F(p) ** 3 for p in PRIMES], [F(p) ** 3 + F(1, p) for p in PRIMES]]
)
def test_scores_too_many_to_list_are_refused_and_cut_offs_are_not(parts):
    ids = [f"x{j}" for j in range(len(parts))]
    spec = pc.Spec({"all": ids}, dict(zip(ids, parts, strict=True)), relative=True)
    with pytest.raises(errors.LimitError, match="more than a million"):
        spec.attainable()
    assert spec.cutoff("1/3") == F(1, 3)


@pytest.mark.parametrize(
    ("k", "near"), [(0.33, "1/3"), (0.335, "1/3"), ("0.67", "2/3"), (0.996, "1")]
)
def test_a_cut_off_beside_an_attainable_score_warns_and_names_both(k, near):
    spec = pc.Spec({name: [name] for name in "abc"})
    with pytest.warns(errors.CutoffWarning) as caught:
        assert spec.cutoff(k) == as_fraction(k)
    message = str(caught[0].message)
    assert str(as_fraction(k)) in message
    assert f"k='{near}'" in message


@pytest.mark.parametrize("k", ["1/3", 1 / 3, 0.3333333333, 0.32, 0.339, 0.5, 1, "0.25"])
def test_a_cut_off_at_or_far_from_a_score_passes(k):
    assert pc.Spec({name: [name] for name in "abc"}).cutoff(k) == as_fraction(k)


def test_exactly_0_005_away_is_beside():
    spec = pc.Spec({name: [name] for name in "ab"})
    with pytest.warns(errors.CutoffWarning):
        spec.cutoff("0.495")
    assert spec.cutoff("0.4949") == F(4949, 10000)


def test_labels_are_nfc_and_find_columns_in_another_form():
    label = unicodedata.normalize("NFD", "nước")
    spec = pc.Spec({label: [label]}, name=label, schemes={label: None})
    assert spec.ids == ("nước",)
    assert list(spec.dimensions) == list(spec.schemes) == ["nước"]
    for name in (label, "nước"):
        (column,) = spec.columns({name: [1, 0]})
        assert column_answers(column) == [True, False]
    assert spec.digest == pc.Spec({"nước": ["nước"]}, schemes={"nước": None}).digest


@pytest.mark.parametrize(
    "data",
    [
        {"x": [None, None]},
        {"x": np.array([math.nan, math.nan])},
        pl.DataFrame({"x": pl.Series([None, None], dtype=pl.String)}),
        pl.DataFrame({"x": pl.Series([None, None], dtype=pl.Null)}),
        pd.DataFrame({"x": pd.Categorical([None, None])}),
        pa.table({"x": pa.array([None, None], pa.string())}),
    ],
)
def test_a_column_of_missing_values_stays_missing_under_any_rule(data):
    assert answers(data, pc.Indicator("i", "x", equals="a")) == [None, None]


def test_no_rows():
    assert answers({"x": np.zeros(0)}, pc.Indicator("i", "x", below=1)) == []
    assert answers(pl.DataFrame({"x": pl.Series([], dtype=pl.String)}), pc.Indicator(
        "i", "x", equals="a")) == []  # fmt: skip


def test_text_codes_in_a_table_keep_their_zeros(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("dimension;indicator;equals;in\nd;a;01;\nd;b;1;\nd;c;;1;2\n".replace(
        "d;c;;1;2", 'd;c;;"1;2"'), encoding="utf-8")  # fmt: skip
    rules = [one.rule.values for one in pc.Spec.from_file(path).indicators]
    assert rules == [("01",), (1,), (1, 2)]


def test_a_table_with_weights_of_dimensions_and_schemes(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        "Dimension,Indicator,dimension_weight,weight:ours\n"
        "health,ill,1/3,0.333333333333\nhealth,hungry,1/3,1/3\nschool,absent,2/3,0.333333333333\n",
        encoding="utf-8",
    )
    spec = pc.Spec.from_file(path, k="1/3", name="mine")
    assert spec.weights == (F(1, 6), F(1, 6), F(2, 3))
    assert spec.schemes["ours"] == (F(1, 3),) * 3
    assert spec.k == (F(1, 3),)


def test_a_warning_names_the_scheme_where_there_are_several():
    spec = pc.Spec(DIMENSIONS, schemes={"a": None, "b": {"ill": 0.6, "hungry": 0.2, "absent": 0.2}})
    with pytest.warns(errors.CutoffWarning, match="score 3/5 .* of scheme 'b'"):
        assert spec.cutoff(0.601, "b") == F(601, 1000)
    assert spec.cutoff(0.601) == F(601, 1000)


def test_results_say_what_their_specification_is():
    ids = pc.spec("vn-2022").ids
    meta = pc.multidim({name: [1, 0] for name in ids}, pc.standard("vn-2022")).meta["spec"]
    assert meta["name"] == "vn-2022"
    assert "no income test" in meta["note"]
    assert "Decree 07/2021" in meta["source"]
    assert meta["unverified_wordings"] == list(ids)
    assert "unverified" not in meta


def test_what_people_see(spec):
    assert repr(spec) == (
        "Spec: 3 indicators in 2 dimensions, k = 1/2\n"
        "dimension  indicator  weight\n"
        "health     ill           1/4\n"
        "health     hungry        1/4\n"
        "school     absent        1/2"
    )
    html = FULL._repr_html_()
    assert "<td>area &lt; 8.5 m2</td>" in html
    assert "<td>water †</td>" in html
    assert "† not verified" in html
    assert "no, none; never" in html
    assert "share &gt; 1/2 of members: years &lt;= 5, among adult" in html
    assert "the wording of 12 is not verified" in repr(pc.spec("vn-2022"))


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"weights": {"health": "1/3", "school": "1/3"}}, errors.OptionError,
         r"sum to 2/3 \(0.666667\); they must sum to 1"),
        ({"weights": {"health": 1, "school": 1}}, errors.OptionError, "sum to 2; they must"),
        ({"weights": {"health": 0, "school": 0}, "relative": True}, errors.OptionError, "sum to 0"),
        ({"schemes": {"odd": {"health": 1, "school": 1}}}, errors.OptionError, "scheme 'odd'"),
        ({"weights": {"health": -1, "school": 2}}, errors.OptionError,
         r"weight of 'health' is negative \(-1\)"),
        ({"weights": {"heath": 0.5, "school": 0.5}}, errors.OptionError,
         "no dimension or indicator 'heath' to weigh; did you mean 'health'"),
        ({"weights": {"health": 1}}, errors.OptionError, "lack the dimensions 'school'"),
        ({"weights": {"ill": 1}}, errors.OptionError, "lack the indicators 'hungry', 'absent'"),
        ({"weights": {"health": "1/2", "school": "1/2", "ill": 0}}, errors.OptionError,
         "all dimensions or all indicators"),
        ({"weights": ["1/2", "1/2"]}, errors.OptionError, "maps every dimension"),
        ({"weights": {"health": "a third", "school": 1}}, errors.OptionError, "'a third' is no"),
        ({"weights": {"health": math.nan, "school": 1}}, errors.OptionError, "nan is no number"),
        ({"weights": {"health": True, "school": 1}}, errors.OptionError, "True is no number"),
        ({"schemes": [1]}, errors.OptionError, "schemes maps names"),
        ({"weights": {"health": 1, "school": 0}, "schemes": {"default": None}},
         errors.DuplicateNameError, "scheme 'default' stands twice"),
        ({"k": 0}, errors.OptionError, "above 0 and at most 1, found 0"),
        ({"k": [0.5, "3/2"]}, errors.OptionError, r"found 3/2 \(1.5\)"),
        ({"k": -0.1}, errors.OptionError, "above 0"),
        ({"k": "half"}, errors.OptionError, "'half' is no number"),
        ({"k": []}, errors.OptionError, "empty list"),
        ({"name": 3}, errors.OptionError, "name must be text"),
    ],
)  # fmt: skip
def test_wrong_words_are_named(words, error, message):
    with pytest.raises(error, match=message):
        pc.Spec(DIMENSIONS, **words)


@pytest.mark.parametrize(
    ("dimensions", "error", "message"),
    [
        ({}, errors.OptionError, "there is no dimension"),
        ({"a": []}, errors.OptionError, "'a' has no indicator"),
        (["a"], errors.OptionError, "maps each dimension"),
        ({"a": "x"}, errors.OptionError, "'a' is a list of indicators, found str"),
        ({"a": [3]}, errors.OptionError, "found int"),
        ({"a": ["x"], "b": ["y", "x"]}, errors.DuplicateNameError,
         "'x' stands twice, in dimensions 'a' and 'b'"),
        ({"a": [{"id": "x", "bellow": 3}]}, errors.OptionError, "'below'"),
        ({"a": [{"below": 3}]}, errors.OptionError, "has no id"),
        ({"nước": ["x"], unicodedata.normalize("NFD", "nước"): ["y"]}, errors.DuplicateNameError,
         "dimension 'nước' stands twice"),
    ],
)  # fmt: skip
def test_wrong_dimensions_are_named(dimensions, error, message):
    with pytest.raises(error, match=message):
        pc.Spec(dimensions)


def test_weights_that_could_mean_two_things_are_refused():
    with pytest.raises(errors.OptionError, match="not clear whose"):
        pc.Spec({"a": ["b"], "b": ["a"]}, {"a": "1/3", "b": "2/3"})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"below": 3, "at_or_below": 3}, "one bound on a side"),
        ({"below": 3, "equals": 3}, "below and equals"),
        ({"equals": 3, "isin": [3]}, "equals and isin"),
        ({"below": 3, "above": 3}, "holds nothing"),
        ({"below": 3, "at_or_above": 4}, "holds nothing"),
        ({"below": "3"}, "a number in 'below', found '3'"),
        ({"below": math.inf}, "finite"),
        ({"isin": []}, "empty list"),
        ({"isin": "abc"}, "a list of values"),
        ({"isin": [1, "a"]}, "mixes text and numbers"),
        ({"level": "person"}, "'household' or 'member'"),
        ({"collapse": "all"}, "write level='member'"),
        ({"level": "member", "collapse": "most"}, "'any', 'all' or 'share'"),
        ({"level": "member", "collapse": "share"}, "one of more_than and at_least"),
        ({"level": "member", "more_than": 0.5}, "write collapse='share'"),
        ({"level": "member", "collapse": "share", "at_least": 0}, "decides nothing"),
        ({"level": "member", "collapse": "share", "more_than": 2}, "decides nothing"),
        ({"level": "member", "among": {"below": 3}}, "among is a column"),
        ({"level": "member", "among": {"column": "age", "older": 3}}, "among is a column"),
        ({"unit": 3}, "unit is text"),
        ({"verified": "no"}, "True or False"),
    ],
)
def test_wrong_indicators_are_named(words, message):
    with pytest.raises(errors.OptionError, match=message):
        pc.Indicator("x", **words)


def test_an_unknown_column_lists_close_names(spec):
    with pytest.raises(errors.ColumnNotFoundError, match="'absent'; did you mean 'absents'"):
        spec.columns({"ill": [1], "hungry": [0], "absents": [1]})


def test_an_unknown_scheme_lists_the_schemes(spec):
    with pytest.raises(errors.OptionError, match="scheme must be 'default', found 'other'"):
        spec.attainable("other")


@pytest.mark.parametrize("values", [[0, 1, 2], [0.0, 1.0, 0.5], [0, 1, -1]])
def test_a_value_that_is_not_0_or_1_is_named_with_its_row(values):
    spec = pc.Spec({"d": ["x"]})
    with pytest.raises(errors.ValueRangeError) as raised:
        pc.multidim({"x": values}, spec, k=1)
    assert raised.value.row == 2
    assert "'x'" in str(raised.value)


@pytest.mark.parametrize(
    ("values", "words", "message"),
    [
        (["yes", "no"], {}, "holds text, not 0 and 1; give the indicator a rule"),
        (["3", "4"], {"equals": 3}, "holds text; the rule compares numbers"),
        (["3", "4"], {"below": 4}, "holds text; the rule compares numbers"),
        ([3, 4], {"equals": "3"}, "holds numbers; the rule compares text"),
        (pd.Categorical(["a", "b"]), {"below": 4}, "holds text; the rule compares numbers"),
        (np.array(["2020-01-01"], "M8[D]"), {"below": 4}, "holds dates"),
        (np.array(["2020-01-01"], "M8[D]"), {}, "holds dates, not 0 and 1"),
    ],
)
def test_a_column_of_the_wrong_type_is_named(values, words, message):
    with pytest.raises(errors.DTypeError, match=message) as raised:
        answers({"x": values}, pc.Indicator("i", "x", **words))
    assert raised.value.column == "x"


def test_unknown_names_are_refused():
    with pytest.raises(errors.OptionError, match="did you mean 'global-mpi-2018'"):
        pc.spec("global-mpi-2019")
    with pytest.raises(errors.OptionError, match="a name or a path, found int"):
        pc.spec(3)
    with pytest.raises(errors.StandardError, match="'vn-2011' has no indicators"):
        pc.spec("vn-2011")


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("a.toml", "name = 3 x", errors.FileFormatError, r"a\.toml: it is not TOML"),
        ("a.toml", "name = 'x'", errors.FileFormatError, "lacks the key 'dimensions'"),
        ("a.toml", "[dimension]\na = ['x']", errors.FileFormatError,
         "unknown key 'dimension'; did you mean 'dimensions'"),
        ("a.toml", "[dimensions]\na = ['x', 'x']", errors.DuplicateNameError, r"a\.toml: .*'x'"),
        ("a.json", "[1]", errors.FileFormatError, "table of keys"),
        ("a.json", "{", errors.FileFormatError, "it is not JSON"),
        ("a.json", '{"dimensions": {"a": ["x"], "a": ["y"]}}', errors.DuplicateNameError,
         "'a' stands twice"),
        ("a.csv", "dimension,weight\na,1", errors.FileFormatError, "lacks the column 'indicator'"),
        ("a.csv", "dimension,indicator,wight\na,x,1", errors.FileFormatError,
         "unknown column 'wight'; did you mean 'weight'"),
        ("a.csv", "dimension,indicator\na,x\n,y", errors.FileFormatError, "row 3 lacks its dim"),
        ("a.csv", "dimension,indicator,weight\na,x,1/2\na,y,1/3", errors.OptionError, "sum to 5/6"),
        ("a.csv", "dimension,indicator,weight\na,x,1\na,y,", errors.OptionError,
         "lack the indicators 'y'"),
        ("a.csv", "dimension,indicator,dimension_weight\na,x,1/2\na,y,1", errors.FileFormatError,
         "'a' has two weights"),
        ("a.csv", "dimension,indicator,weight,dimension_weight\na,x,1,1", errors.FileFormatError,
         "keep one"),
        ("a.csv", "dimension,indicator,verified\na,x,perhaps", errors.FileFormatError,
         "row 2: 'verified' is true or false"),
        ("a.txt", "", errors.FileFormatError, "ends in .toml, .json, .csv, .xlsx"),
    ],
)  # fmt: skip
def test_wrong_files_are_named(tmp_path, name, text, error, message):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(error, match=message):
        pc.Spec.from_file(tmp_path / name)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(errors.FileFormatError, match=r"'none\.toml' does not exist"):
        pc.Spec.from_file(tmp_path / "none.toml")


def test_a_table_has_no_place_for_a_rule_on_members(tmp_path):
    child = pc.Indicator("x", level="member", among={"column": "age", "below": 16})
    with pytest.raises(errors.FileFormatError, match=r"write a \.toml or \.json file"):
        pc.Spec({"d": [child]}).to_file(tmp_path / "a.csv")
