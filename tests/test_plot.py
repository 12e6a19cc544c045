"""Charts: what is drawn, where the line breaks, and what the axes say.

Source of truth: the figures put in, read back from the chart's own artists. No screen is needed.
"""

import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import povertycore as pc
from povertycore.errors import ColumnNotFoundError, OptionError, ValueRangeError
from povertycore.present.plot import COLOURS, FALL, GREY, RISE


@pytest.fixture(autouse=True)
def close_charts():
    assert matplotlib.get_backend().lower() == "agg"
    yield
    plt.close("all")


def make_rates(
    places=("Tràng Định", "Bình Gia"), years=(2021, 2022), standard="vn-2022", **columns
):
    rows = [(place, year, (10 + 7 * i - j) / 100) for i, place in enumerate(places)
            for j, year in enumerate(years)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["place", "year", "rate"]).assign(**columns)
    return pc.Estimates.from_table(table, ["place", "year"], estimate="rate", standard=standard)


def drawn(ax):
    """The pieces of line of a chart that have a colour other than grey: [(x, y)]."""
    return [
        (line.get_xdata().tolist(), line.get_ydata().tolist())
        for line in ax.get_lines()
        if line.get_color() in COLOURS and len(line.get_xdata())
    ]


def texts(ax):
    ax.figure.canvas.draw()
    written = [text.get_text() for text in ax.texts]
    ticks = [tick.get_text() for axis in (ax.xaxis, ax.yaxis) for tick in axis.get_ticklabels()]
    return written, ticks


# ---- worked example ---------------------------------------------------------------------------


def test_line_draws_each_place_over_the_years():
    ax = make_rates().plot.line()
    # Places are sorted by code point: Bình Gia (17, 16 %), then Tràng Định (10, 9 %).
    assert drawn(ax) == [([2021, 2022], [0.17, 0.16]), ([2021, 2022], [0.1, 0.09])]
    written, ticks = texts(ax)
    assert sorted(written) == ["Bình Gia", "Tràng Định"]
    assert "2021" in ticks
    assert "10 %" in ticks


def test_line_breaks_where_the_standard_changes():
    years = (2019, 2020, 2021, 2022, 2023)
    standard = ["vn-2016"] * 3 + ["vn-2022"] * 2
    est = make_rates(("A",), years, standard="std", std=standard)
    ax = est.plot.line()
    assert [x for x, _ in drawn(ax)] == [[2019, 2020, 2021], [2022, 2023]]
    assert "vn-2016 | vn-2022" in texts(ax)[0][0]
    marks = [line.get_xdata()[0] for line in ax.get_lines() if line.get_color() not in COLOURS]
    assert marks == [2021.5]


def test_line_breaks_between_a_stated_and_an_unstated_standard():
    est = make_rates(("A",), (2021, 2022), standard="std", std=[None, "vn-2022"])
    ax = est.plot.line()
    assert [x for x, _ in drawn(ax)] == [[2021], [2022]]
    assert "not stated | vn-2022" in texts(ax)[0][0]


def test_bars_stand_side_by_side_for_two_years_with_their_figures():
    ax = make_rates().plot.bar()
    widths = [[bar.get_width() for bar in bars] for bars in ax.containers]
    assert widths == [[0.17, 0.1], [0.16, 0.09]]
    written, ticks = texts(ax)
    assert sorted(written) == sorted(["17.00 %", "10.00 %", "16.00 %", "9.00 %"])
    assert ticks[-2:] == ["Bình Gia", "Tràng Định"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["2021", "2022"]


def test_change_draws_falls_blue_and_rises_orange_with_the_largest_fall_on_top():
    table = {"place": ["A", "A", "B", "B", "C", "C"], "year": [2021, 2022] * 3,
             "rate": [0.20, 0.21, 0.30, 0.20, 0.1, 0.1]}  # fmt: skip
    est = pc.change(pc.Estimates.from_table(table, ["place", "year"], estimate="rate"), "year")
    ax = est.plot.change()
    bars = ax.containers[0]
    assert [round(bar.get_width(), 12) for bar in bars] == [-0.1, 0, 0.01]
    colours = [matplotlib.colors.to_hex(bar.get_facecolor()).upper() for bar in bars]
    assert (colours[0], colours[2]) == (FALL, RISE)
    written, ticks = texts(ax)
    assert written == ["-10.00", "0.00", "+1.00"]
    assert ticks[-3:] == ["B", "C", "A"]
    assert ax.get_xlabel() == "percentage points"
    assert ax.yaxis_inverted()


def test_vietnamese_axis_has_comma_and_words():
    est = pc.change(make_rates(), "year")
    ax = est.plot.change(lang="vi")
    assert ax.get_xlabel() == "điểm phần trăm"
    assert texts(ax)[0] == ["-1,00", "-1,00"]
    with_percent = texts(make_rates().plot.bar(lang="vi"))[0]
    assert "17,00 %" in with_percent


# ---- properties -------------------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
def test_every_vietnamese_letter_has_a_shape(tmp_path):
    letters = "àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđĐ"
    ax = make_rates((letters, "B")).plot.bar(title=letters)
    ax.figure.savefig(tmp_path / "letters.png")  # a missing shape is a warning


def test_more_than_seven_lines_are_grey_but_those_highlighted():
    places = tuple(f"xã {i}" for i in range(9))
    ax = make_rates(places).plot.line(highlight="xã 3")
    assert len([line for line in ax.get_lines() if line.get_color() == GREY]) == 8
    assert len(drawn(ax)) == 1
    assert texts(ax)[0] == ["xã 3"]
    assert drawn(make_rates(places).plot.line()) == []


def test_names_at_line_ends_do_not_overlap():
    table = pd.DataFrame({"place": list("ABCDEF") * 2, "year": [2021] * 6 + [2022] * 6,
                          "rate": [0.1 + i / 10000 for i in range(12)]})  # fmt: skip
    ax = pc.Estimates.from_table(table, ["place", "year"], estimate="rate").plot.line()
    ax.figure.canvas.draw()
    boxes = sorted((text.get_window_extent() for text in ax.texts), key=lambda box: box.y0)
    assert len(boxes) == 6
    assert all(low.y1 <= high.y0 + 1 for low, high in zip(boxes, boxes[1:], strict=False))


def test_given_axes_are_drawn_on_and_returned():
    figure, (left, right) = plt.subplots(1, 2)
    assert make_rates().plot.bar(ax=left) is left
    assert make_rates().plot.line(ax=right) is right
    assert plt.get_fignums() == [figure.number]


def test_calling_draws_the_chart_that_fits():
    assert drawn(make_rates().plot())
    assert make_rates(years=(2022,)).plot().containers
    assert pc.change(make_rates(), "year").plot().containers


def test_years_stand_in_real_time():
    ax = make_rates(("A",), (2016, 2018, 2021)).plot.line()
    assert drawn(ax)[0][0] == [2016, 2018, 2021]
    dates = pd.to_datetime(["2021-01-01", "2021-07-02"])
    table = pd.DataFrame({"period": dates, "rate": [0.2, 0.1]})
    est = pc.Estimates.from_table(table, "period", estimate="rate")
    x = drawn(est.plot.line())[0][0]
    assert x == pytest.approx([2021, 2021.5], abs=0.01)


# ---- edges ------------------------------------------------------------------------------------


def test_intervals_are_drawn_where_there_are_some():
    est = pc.Estimates(
        {"year": [2021, 2022]}, measure_keys={"variable": "poor"}, measure="rate",
        estimate=[0.2, 0.1], ci_low=[0.15, np.nan], ci_high=[0.25, np.nan], unit="households",
        verb="rate",
    )  # fmt: skip
    ax = est.plot.line()
    assert len(ax.collections) == 1
    assert len(est.plot.bar().collections) == 1
    assert len(make_rates().plot.line().collections) == 0


def test_missing_figure_leaves_a_gap_and_no_text():
    table = {"place": ["A", "A", "B"], "year": [2021, 2022, 2022], "rate": [0.2, np.nan, 0.1]}
    est = pc.Estimates.from_table(table, ["place", "year"], estimate="rate")
    assert sorted(texts(est.plot.bar())[0]) == ["10.00 %", "20.00 %"]
    changed = pc.change(est, "year").plot.change()
    assert len(changed.containers[0]) == 0


def test_counts_have_no_percent():
    hh = {"commune": ["A", "A", "B"], "poor": [1, 0, 1]}
    ax = pc.total(hh, "poor", by="commune").plot.bar()
    assert texts(ax)[0] == ["1", "1"]
    assert ax.get_xlabel() == "number of households"


def test_communes_of_one_name_are_told_apart_by_their_district():
    hh = {"district": ["X", "Y", "X"], "commune": ["A", "A", "B"], "poor": [1, 0, 1]}
    ticks = texts(pc.rate(hh, "poor", by=["district", "commune"]).plot.bar())[1]
    assert ticks[-3:] == ["A, X", "B, X", "A, Y"]


def test_one_row_and_chosen_rows():
    assert len(make_rates(("A",), (2022,)).plot.bar().containers[0]) == 1
    moved = pc.change(make_rates(tuple("ABCD")), "year")
    assert len(moved.plot.change(rows=[0, 3]).containers[0]) == 2


def test_charts_without_any_change_or_any_poor_have_an_axis():
    table = {"place": ["A", "A"], "year": [2021, 2022], "rate": [0.0, 0.0]}
    est = pc.Estimates.from_table(table, ["place", "year"], estimate="rate")
    assert est.plot.bar().get_xlim() == (0, 0.01)
    assert pc.change(est, "year").plot.change().get_xlim() == (-0.01, 0.01)
    assert est.plot.line().get_ylim()[0] == 0


# ---- errors -----------------------------------------------------------------------------------


def test_line_needs_a_time():
    est = pc.Estimates.from_table({"place": ["A"], "rate": [0.1]}, "place", estimate="rate")
    with pytest.raises(ColumnNotFoundError, match="name the key that holds the periods"):
        est.plot.line()
    with pytest.raises(ColumnNotFoundError, match="no column 'yaer'"):
        make_rates().plot.line(time="yaer")


def test_one_axis_does_not_hold_two_kinds():
    est = pc.change(make_rates(), "year", ["difference", "relative_change"])
    with pytest.raises(OptionError, match="one axis cannot hold 'percent' and 'points'"):
        est.plot.change()


def test_line_needs_periods():
    table = {"year": ["2021a", "2022"], "rate": [0.1, 0.2]}
    est = pc.Estimates.from_table(table, "year", estimate="rate")
    with pytest.raises(ValueRangeError, match="no period"):
        est.plot.line()


def test_unknown_words_list_those_there_are():
    with pytest.raises(OptionError, match="lang must be 'en' or 'vi'"):
        make_rates().plot.line(lang="fr")
    with pytest.raises(OptionError, match="highlight must be"):
        make_rates().plot.line(highlight="Bình")
    with pytest.raises(OptionError, match="up to 4 periods"):
        make_rates(years=tuple(range(2016, 2022))).plot.bar()


def test_without_matplotlib_the_pip_line_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'povertycore\[plot\]'"):
        make_rates().plot.bar()
