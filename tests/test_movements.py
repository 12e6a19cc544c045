"""The official accounting of movements, and the lists of the households that moved.

Source of truth: registers on paper in comments, and tests/oracles/panel.py.
"""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import povertycore as pc
from oracles.panel import movement

STATES = ["poor", "near_poor", "other"]


def registers(years=(2020, 2021, 2022), n=500, seed=1):
    """Registers with moves between communes and states, and missing states."""
    rng = np.random.default_rng(seed)
    frames = {}
    for year in years:
        frames[year] = pd.DataFrame(
            {
                "hh": rng.permutation(int(n * 1.2))[:n],
                "status": pd.Categorical(rng.choice([*STATES, None], n, p=[0.3, 0.3, 0.35, 0.05]),
                                         STATES),
                "commune": rng.choice(["00001", "00002", "00003"], n, p=[0.6, 0.3, 0.1]),
                "size": rng.integers(1, 8, n),
            }
        )  # fmt: skip
    return frames


def as_period(frame, size=False):
    """A register as the oracle takes it."""
    return {
        row.hh: {
            "state": row.status if isinstance(row.status, str) else None,
            "unit": row.commune,
            "size": row.size if size else 1,
        }
        for row in frame.rename(columns={"size": "members"}).assign(size=frame["size"]).itertuples()
    }


# --- worked example -------------------------------------------------------------------------------


def test_nine_columns_on_paper():
    # 1 near-poor, 2 above the line, 3 lost, 4 unknown; 5 was near-poor, 6 was poor in 2020, 7 is
    # new in poverty, 8 was not in the register; 9 stays poor.
    before = {"hh": [6], "status": ["poor"]}
    a = {"hh": [1, 2, 3, 4, 5, 6, 7, 9],
         "status": ["poor"] * 4 + ["near_poor", "other", "other", "poor"]}  # fmt: skip
    b = {"hh": [9, 8, 7, 6, 5, 4, 2, 1],
         "status": ["poor"] * 5 + [None, "other", "near_poor"]}  # fmt: skip
    est = pc.movements({2020: before, 2021: a, 2022: b}, "status", id="hh", time="year")
    poor = est.select(year_to=2022, status="poor").to_frame()
    assert poor["estimate"].tolist() == [5, 1, 1, 2, 1, 1, 1, 1, 5]
    assert poor["column"].tolist() == list(range(1, 10))
    assert (
        poor["measure"].tolist()
        == (
            "start escaped_to_near_poor escaped_above other_decrease became_poor_from_near_poor"
            " fell_back new other_increase end"
        ).split()
    )
    near = est.select(year_to=2022, status="near_poor").to_frame()
    assert near["estimate"].tolist() == [1, 1, 0, 0, 1, 0, 0, 0, 1]
    assert near["measure"].tolist()[1] == "became_poor"
    assert near["measure"].tolist()[4] == "became_near_poor_from_poor"


def test_columns_are_those_of_the_contract():
    est = pc.movements(registers(), "status", id="hh", time="year", by="commune")
    names = list(est.to_frame().columns)
    assert names[:6] == ["commune", "year_from", "year_to", "status", "column", "measure"]
    assert len(est) == 3 * 2 * 2 * 9
    assert set(est["unit"]) == {"households"}


# --- oracle ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [False, True])
@pytest.mark.parametrize("is_long", [False, True])
def test_movements_are_those_of_a_dictionary(size, is_long):
    frames = registers()
    design = pc.Design(size="size") if size else None
    data = pd.concat([f.assign(year=y) for y, f in frames.items()]) if is_long else frames
    est = pc.movements(data, "status", id="hh", time="year", by="commune", design=design)
    periods = {year: as_period(frame, size) for year, frame in frames.items()}
    others = {"poor": "near_poor", "near_poor": "poor"}
    n_back = 0
    for status, other in others.items():
        book = movement(periods[2021], periods[2022], [periods[2020]], status, other)
        for row in est.select(year_to=2022, status=status).to_frame().itertuples():
            assert row.estimate == book[row.commune, row.column]
            n_back += book[row.commune, 6]
    assert n_back > 0


# --- properties -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [None, "size"])
@pytest.mark.parametrize("seed", range(3))
def test_the_identity_holds_for_every_commune(size, seed):
    design = None if size is None else pc.Design(size=size)
    frames = registers(seed=seed)
    est = pc.movements(frames, "status", id="hh", time="year", by="commune", design=design)
    table = est.to_frame().fillna({"estimate": 0})
    sign = table["column"].map({1: 1, 2: -1, 3: -1, 4: -1, 5: 1, 6: 1, 7: 1, 8: 1, 9: -1})
    keys = ["commune", "year_to", "status"]
    sums = (table["estimate"] * sign).groupby([table[key] for key in keys], observed=True).sum()
    assert len(sums) == 12
    assert (sums == 0).all()
    for column, year in ((1, "year_from"), (9, "year_to")):
        for row in table[table["column"] == column].itertuples():
            frame = frames[getattr(row, year)]
            here = frame[(frame["commune"] == row.commune) & (frame["status"] == row.status)]
            assert row.estimate == (len(here) if size is None else here["size"].sum())


def test_order_of_rows_is_irrelevant():
    frames = registers()
    shuffled = {y: f.sample(frac=1, random_state=y) for y, f in frames.items()}
    words = {"id": "hh", "time": "year", "by": "commune"}
    one = pc.movements(frames, "status", **words)
    other = pc.movements(shuffled, "status", **words)
    assert np.array_equal(one["estimate"], other["estimate"], equal_nan=True)


def test_within_the_whole_nobody_moves_between_communes():
    frames = registers()
    whole = pc.movements(frames, "status", id="hh", time="year").select(status="poor")
    communes = pc.movements(frames, "status", id="hh", time="year", by="commune")
    for column in (1, 9):
        parts = communes.select(status="poor", column=column, year_to=2022)["estimate"].sum()
        assert whole.select(column=column, year_to=2022)["estimate"][0] == parts
    moved = communes.select(status="poor", column=8, year_to=2022)["estimate"].sum()
    assert whole.select(column=8, year_to=2022)["estimate"][0] < moved


# --- edges ----------------------------------------------------------------------------------------


def test_a_short_history_leaves_those_who_fell_back_among_the_new():
    frames = registers()
    long = pc.movements(frames, "status", id="hh", time="year").select(year_to=2022)
    del frames[2020]
    short = pc.movements(frames, "status", id="hh", time="year")
    back = short.select(status="poor", column=6)
    assert np.isnan(back["estimate"][0])
    assert back["note"][0] == "no history of 1 year before 2021"
    new = short.select(status="poor", column=7)
    assert "with those who fell back" in new["note"][0]
    both = long.select(status="poor", column=[6, 7])["estimate"].sum()
    assert new["estimate"][0] == both
    longer = pc.movements(registers(), "status", id="hh", time="year", history=2)
    assert np.isnan(longer.select(status="poor", column=6, year_to=2022)["estimate"][0])


def test_a_column_of_the_past_stands_for_the_history():
    frames = registers()
    expected = pc.movements(frames, "status", id="hh", time="year").select(year_to=2022)
    was = frames[2020].set_index("hh")["status"]
    end = frames[2022]
    frames[2022] = end.assign(
        was=end["hh"].map(was == "poor").fillna(False).astype(bool),
        near=end["hh"].map(was == "near_poor").fillna(False).astype(bool),
    )
    del frames[2020]
    found = pc.movements(frames, "status", id="hh", time="year", poor_before="was",
                         near_poor_before="near")  # fmt: skip
    assert found["estimate"].tolist() == expected["estimate"].tolist()


# --- errors ---------------------------------------------------------------------------------------


def test_what_movements_cannot_account_for_is_refused():
    frames = registers()
    words = {"id": "hh", "time": "year"}
    with pytest.raises(pc.errors.DesignError, match="registers"):
        pc.movements(frames, "status", design=pc.Design(weight="size"), **words)
    with pytest.raises(pc.errors.OptionError, match="history"):
        pc.movements(frames, "status", history=0, **words)
    with pytest.raises(pc.errors.OptionError, match="two different"):
        pc.movements(frames, "status", poor="poor", near_poor="poor", **words)
    with pytest.raises(pc.errors.OptionError, match="poor must be"):
        pc.movements(
            {y: f.astype({"status": object}) for y, f in frames.items()},
            "status",
            poor="nghèo",
            near_poor="cận nghèo",
            **words,
        )


# --- lists ----------------------------------------------------------------------------------------


def test_every_household_is_listed_once_with_its_move():
    a = pd.DataFrame({"hh": ["a", "b", "c", "d"], "s": ["poor", "poor", "other", None]})
    b = pd.DataFrame({"hh": ["d", "e", "c", "b"], "s": ["poor", "poor", "other", "other"]})
    table = pc.moves({2021: a, 2022: b}, "s", id="hh", time="year")
    assert table["hh"].tolist() == ["a", "b", "c", "d", "e"]
    assert table["move"].tolist() == ["left", "changed", "stayed", "unknown", "came"]
    assert table["row_from"].tolist() == [0, 1, 2, 3, -1]
    assert table["row_to"].tolist() == [-1, 3, 2, 0, 1]
    assert list(table.columns) == [
        *("hh", "year_from", "year_to", "s_from", "s_to", "move", "row_from", "row_to")
    ]


def test_lists_count_what_transitions_count():
    frames = registers()
    listed = pc.moves(frames, "status", id="hh", time="year")
    est = pc.transitions(frames, "status", id="hh", time="year", measures="count")
    for row in est.to_frame().itertuples():
        here = listed[listed["year_to"] == row.year_to]
        for side in ("from", "to"):
            state = getattr(row, f"status_{side}")
            own = here[f"status_{side}"]
            here = here[
                (here[f"row_{side}"] < 0) if state == "absent" else (own.astype(object) == state)
            ]
        assert len(here) == row.estimate


@pytest.mark.parametrize("kind", ["polars", "pyarrow", "mapping", "pandas"])
@pytest.mark.parametrize("is_long", [False, True])
def test_lists_come_as_the_kind_of_the_input(kind, is_long):
    frames = {y: f.astype({"status": object}) for y, f in registers().items()}
    make = {
        "pandas": lambda f: f,
        "polars": pl.from_pandas,
        "pyarrow": lambda f: pa.Table.from_pandas(f, preserve_index=False),
        "mapping": lambda f: {name: f[name].to_numpy() for name in f},
    }[kind]
    data = {y: make(f) for y, f in frames.items()}
    expected = pc.moves(frames, "status", id="hh", time="year")
    if is_long:
        whole = pd.concat([f.assign(year=y) for y, f in frames.items()], ignore_index=True)
        data = make(whole)
        expected = pc.moves(whole, "status", id="hh", time="year")
    found = pc.moves(data, "status", id="hh", time="year")
    if kind == "mapping":
        assert isinstance(found, dict)
        found = pd.DataFrame(found)
    else:
        assert type(found) is type(make(frames[2020]))
        found = found if kind == "pandas" else found.to_pandas()
    assert len(found) > 1000
    for name in expected:
        one, other = (
            t[name].astype(object).where(t[name].notna(), None) for t in (found, expected)
        )
        assert one.tolist() == other.tolist()


def test_a_slip_in_the_name_of_a_state_is_no_register_without_it():
    # counted as others, the near-poor to whom a poor household escaped would be above
    frames = {
        year: frame.assign(status=frame["status"].astype(str).replace("near_poor", "near-poor"))
        for year, frame in registers().items()
    }
    with pytest.raises(pc.errors.OptionError, match="did you mean|near_poor must be"):
        pc.movements(frames, "status", id="hh", time="year", near_poor="near_por")
    fixed = pd.CategoricalDtype(["poor", "near-poor", "other"])
    typed = {year: frame.astype({"status": fixed}) for year, frame in frames.items()}
    with pytest.raises(pc.errors.OptionError, match="near_poor must be"):
        pc.movements(typed, "status", id="hh", time="year")
    found = pc.movements(frames, "status", id="hh", time="year")
    assert found["note"].str.contains("no household is 'near_poor'").all()


def test_codes_of_communes_are_of_one_kind_in_all_periods():
    frames = registers()
    frames[2021] = frames[2021].assign(commune="01")
    frames[2020] = frames[2020].assign(commune="01")
    frames[2022] = frames[2022].assign(commune=1)
    with pytest.raises(pc.errors.DTypeError, match="'commune' holds numbers in one period"):
        pc.movements(frames, "status", id="hh", time="year", by="commune")
    as_categories = {y: f.astype({"commune": "category"}) for y, f in frames.items()}
    with pytest.raises(pc.errors.DTypeError, match="'commune' holds numbers in one period"):
        pc.movements(as_categories, "status", id="hh", time="year", by="commune")


@pytest.mark.parametrize("argument", ["poor_before", "near_poor_before"])
def test_a_column_of_the_past_that_is_none_is_named(argument):
    words = {"id": "hh", "time": "year", argument: "was"}
    text = {year: frame.assign(was="x") for year, frame in registers().items()}
    with pytest.raises(pc.errors.DTypeError, match=rf"^{argument} holds text"):
        pc.movements(text, "status", **words)
    twos = {year: frame.assign(was=2) for year, frame in registers().items()}
    with pytest.raises(pc.errors.ValueRangeError, match=rf"^{argument}\[0\] is neither 0 nor 1"):
        pc.movements(twos, "status", **words)


def test_sizes_that_are_text_are_named():
    frames = {year: frame.assign(size="4") for year, frame in registers().items()}
    with pytest.raises(pc.errors.DTypeError, match="size holds text"):
        pc.movements(frames, "status", id="hh", time="year", design=pc.Design(size="size"))
