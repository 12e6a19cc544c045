"""Every error says what is wrong, where, what was expected and what was found.

Source of truth: the built-in error that fits each class, written out below.
"""

import pickle

import pytest

from povertycore import errors

BUILT_IN = {
    "LengthError": ValueError,
    "ValueRangeError": ValueError,
    "MissingValueError": ValueError,
    "GroupCodeError": ValueError,
    "DTypeError": TypeError,
    "LimitError": ValueError,
    "OutOfMemoryError": MemoryError,
    "InternalError": RuntimeError,
    "ColumnNotFoundError": KeyError,
    "OptionError": ValueError,
    "DuplicateNameError": ValueError,
    "ComparabilityError": ValueError,
    "StandardError": ValueError,
    "DesignError": ValueError,
    "FileFormatError": ValueError,
}
WARNINGS = ["LabelWarning", "StandardWarning", "ComparabilityWarning", "CutoffWarning"]

# ---- worked example ---------------------------------------------------------------------------


def test_an_unknown_column_names_those_that_come_close():
    error = errors.unknown_column("distric", ["year", "district", "district_code"])
    assert str(error) == "there is no column 'distric'; did you mean 'district' or 'district_code'?"
    assert error.column == "distric"


def test_an_unknown_option_names_the_options():
    error = errors.unknown_option("row", "house", ["household", "person"])
    assert str(error) == "row must be 'household' or 'person', found 'house'"
    assert error.argument == "row"


def test_a_missing_extra_names_the_pip_line():
    error = errors.missing_extra("matplotlib", "plot")
    assert isinstance(error, ImportError)
    assert str(error).endswith("run: pip install 'povertycore[plot]'")
    assert error.name == "matplotlib"


# ---- classes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "built_in"), BUILT_IN.items())
def test_each_error_is_ours_and_a_built_in(name, built_in):
    kind = getattr(errors, name)
    assert issubclass(kind, errors.PovertyCoreError)
    assert issubclass(kind, built_in)
    error = kind("weight[3] is negative")
    assert str(error) == "weight[3] is negative"
    assert (error.argument, error.column, error.row) == (None, None, None)


@pytest.mark.parametrize("name", WARNINGS)
def test_each_warning_is_ours(name):
    assert issubclass(getattr(errors, name), errors.PovertyCoreWarning)
    assert issubclass(errors.PovertyCoreWarning, UserWarning)


def test_every_class_is_listed_here():
    kinds = {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and name not in ("PovertyCoreError", "PovertyCoreWarning")
    }
    assert kinds - {"Iterable"} == {*BUILT_IN, *WARNINGS}


def test_an_error_keeps_its_place_when_it_comes_from_another_process():
    error = errors.unknown_column("x", ["y"])
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert again.column == "x"


# ---- edges ------------------------------------------------------------------------------------


def test_without_a_close_name_all_are_listed_but_not_hundreds():
    assert (
        str(errors.unknown_column("z", ["a", "b"])) == "there is no column 'z'; there are 'a', 'b'"
    )
    assert str(errors.unknown_column("z", [])) == "there is no column 'z'; there are none"
    many = str(errors.unknown_column("zzz", [f"column_{i}" for i in range(500)]))
    assert many.endswith("'column_11' and 488 more")


def test_names_that_are_no_text_are_listed_too():
    assert str(errors.unknown_column("2021", [2021, 2022])).endswith(
        "did you mean '2021' or '2022'?"
    )
