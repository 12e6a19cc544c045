"""Charts of estimates: lines over time, bars, and changes; matplotlib, only when one is drawn.

The axis of a rate is in percent, that of a change of rates in percentage points. A line breaks
where the poverty standard changes, because the figures on both sides do not compare. The colours
are told apart with every kind of colour vision, and never alone say what something is: each line
and bar carries its name. The letters of Vietnamese are in matplotlib's own font (DejaVu Sans).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from povertycore.dynamics.periods import as_word, in_years
from povertycore.errors import (
    ColumnNotFoundError,
    OptionError,
    ValueRangeError,
    listing,
    missing_extra,
    unknown_column,
    unknown_option,
)
from povertycore.present import number
from povertycore.present.table import signs_of

if TYPE_CHECKING:
    from povertycore.estimates import Estimates

__all__ = ["Plotter"]

# Okabe and Ito (2008), Color Universal Design; the yellow is left out, too pale for lines.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#B8B8B8"
FALL, RISE, LEVEL = "#0072B2", "#D55E00", "#7F7F7F"
# From the earliest period to the latest, light to dark: also in grey print.
PERIODS = {
    1: ("#0072B2",),
    2: ("#A9CBE6", "#0072B2"),
    3: ("#CFE2F1", "#7DB1DA", "#0072B2"),
    4: ("#CFE2F1", "#9CC4E4", "#4E94CB", "#00508A"),
}
MAX_NAMED_LINES = len(COLOURS)
TIME_NAMES = ("year", "time", "period", "quarter", "month")
INCHES_PER_BAR = 0.27

AXIS_WORDS = {
    "percent": {"en": "", "vi": ""},  # each tick has its sign
    "points": {"en": "percentage points", "vi": "điểm phần trăm"},
    "count": {"en": "number of {unit}", "vi": "số {unit}"},
    "number": {"en": "", "vi": ""},
}
UNIT_WORDS = {
    "households": {"en": "households", "vi": "hộ"},
    "persons": {"en": "persons", "vi": "người"},
}
BREAK_WORDS = {"en": "standard changes", "vi": "đổi chuẩn nghèo"}
UNSTATED = {"en": "not stated", "vi": "không nêu"}


class Plotter:
    """Charts of one `Estimates`; it is what `est.plot` returns.

    Parameters
    ----------
    est : Estimates
        The estimates. Rows without a figure are left out of the chart.
    """

    def __init__(self, est: Estimates) -> None:
        self._est = est

    def __call__(self, **options: Any) -> Any:
        """Draw the chart that fits: changes, lines over several periods, else bars."""
        if self._est.verb == "change":
            return self.change(**options)
        time = self._time(None, needed=False)
        if time is not None and self._est[time].nunique() > 1:
            return self.line(**options)
        return self.bar(**options)

    def line(
        self,
        *,
        time: str | None = None,
        ax: Any = None,
        lang: str = "en",
        highlight: Any = None,
        title: str | None = None,
    ) -> Any:
        """Draw one line per place, or whatever the rows differ in, over time.

        Parameters
        ----------
        time : str, optional
            The key that holds the periods; found by its name (year, ...) if not said.
        ax : matplotlib Axes, optional
            Where to draw; a new chart if not said.
        lang : {"en", "vi"}, optional
            Language of axis and number format.
        highlight : label or list of labels, optional
            The lines to draw in colour and with their names; the others are grey. All, if there
            are at most seven lines.
        title : str, optional
            Title of the chart.

        Returns
        -------
        matplotlib Axes
            A line ends where the standard changes and starts anew after it, with a mark between;
            a shade is the confidence interval where there is one.
        """
        _check_language(lang)
        period = self._time(time) or ""
        frame = self._frame()
        kind = self._one_kind()
        position, ticks = _positions(frame[period])
        frame = frame.assign(**{"(x)": position, "(line)": self._names(frame, (period,))})
        ax = _axes(ax, (7.5, 4.5))
        names = list(dict.fromkeys(frame["(line)"]))
        chosen = _chosen(names, highlight)
        ends = []
        breaks: dict[float, tuple[str, str]] = {}
        for name in sorted(names, key=lambda name: name in chosen):
            rows = frame[frame["(line)"] == name].sort_values("(x)")
            colour = COLOURS[chosen.index(name) % len(COLOURS)] if name in chosen else GREY
            breaks |= _draw_line(ax, rows, colour, in_front=name in chosen, lang=lang)
            drawn = rows[rows["estimate"].notna()]
            if name in chosen and len(drawn):
                ends.append((name, drawn["(x)"].iloc[-1], drawn["estimate"].iloc[-1], colour))
        ax.set_xticks(list(ticks), list(ticks.values()))
        ax.margins(x=0.03)
        _value_axis(ax.yaxis, kind, lang, self._unit())
        if kind != "points":
            ax.set_ylim(bottom=0 if not (frame["estimate"] < 0).any() else None)
        _finish(ax, title, grid="y")
        _mark_breaks(ax, breaks, lang)
        if len(names) > 1:
            _name_ends(ax, ends)
        return ax

    def bar(
        self,
        *,
        time: str | None = None,
        ax: Any = None,
        lang: str = "en",
        sort: bool = False,
        rows: Sequence[int] | None = None,
        title: str | None = None,
    ) -> Any:
        """Draw one bar per row, side by side for up to four periods.

        Parameters
        ----------
        time : str, optional
            The key that holds the periods; found by its name (year, ...) if not said.
        ax : matplotlib Axes, optional
            Where to draw; a new chart if not said.
        lang : {"en", "vi"}, optional
            Language of axis and number format.
        sort : bool, optional
            Put the largest (of the last period) on top, instead of the order of the rows.
        rows : sequence of int, optional
            Positions of the rows to draw; all if not said.
        title : str, optional
            Title of the chart.

        Returns
        -------
        matplotlib Axes
            Horizontal bars, the first row on top, each with its figure; a thin line is the
            confidence interval where there is one.
        """
        _check_language(lang)
        time = self._time(time, needed=False)
        frame = self._frame(rows)
        kind = self._one_kind()
        names = self._names(frame, () if time is None else (time,))
        frame = frame.assign(**{"(name)": names})
        periods = [None] if time is None else sorted(frame[time].unique())
        if len(periods) > max(PERIODS):
            raise OptionError(
                f"bars stand side by side for up to {max(PERIODS)} periods, found "
                f"{len(periods)}; use .line(), or .select({time}=[...])"
            )
        order = list(dict.fromkeys(frame["(name)"]))
        if sort:
            last = frame if time is None else frame[frame[time] == periods[-1]]
            value = dict(zip(last["(name)"], last["estimate"], strict=True))
            order.sort(key=lambda name: -np.nan_to_num(value.get(name, np.nan), nan=-np.inf))
        ax = _axes(
            ax, (7.0, 1.3 + INCHES_PER_BAR * max(len(order), 3) * max(1, len(periods) * 0.8))
        )
        height = 0.8 / len(periods)
        place = {name: row for row, name in enumerate(order)}
        for number_of, period in enumerate(periods):
            here = frame if period is None else frame[frame[time] == period]
            y = np.array([place[name] for name in here["(name)"]], dtype=float)
            y += (number_of - (len(periods) - 1) / 2) * height
            ax.barh(
                y,
                here["estimate"],
                height=height * 0.92,
                zorder=2,
                color=PERIODS[len(periods)][number_of],
                label=None if period is None else str(period),
            )
            _intervals(ax, here, y)
            _figures(ax, here, y, kind, lang)
        ax.set_yticks(range(len(order)), order)
        ax.set_ylim(len(order) - 0.4, -0.6)
        _value_axis(ax.xaxis, kind, lang, self._unit())
        ax.margins(x=0.12)
        if not (frame["estimate"] < 0).any():
            nothing = not (frame["estimate"] > 0).any()
            ax.set_xlim(0, (0.01 if kind == "percent" else 1) if nothing else None)
        _finish(ax, title, grid="x")
        if len(periods) > 1:
            ax.legend(loc="lower right", frameon=False, fontsize=9)
        return ax

    def change(
        self,
        *,
        ax: Any = None,
        lang: str = "en",
        sort: bool = True,
        rows: Sequence[int] | None = None,
        title: str | None = None,
    ) -> Any:
        """Draw falls to the left and rises to the right of zero.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new chart if not said.
        lang : {"en", "vi"}, optional
            Language of axis and number format.
        sort : bool, optional
            Put the largest fall on top.
        rows : sequence of int, optional
            Positions of the rows to draw; all if not said.
        title : str, optional
            Title of the chart.

        Returns
        -------
        matplotlib Axes
            Horizontal bars with their figures: falls blue, rises orange.
        """
        _check_language(lang)
        frame = self._frame(rows)
        kind = self._one_kind()
        time = [name for name in frame.columns if name.endswith(("_from", "_to"))]
        several = [name for name in time if frame[name].nunique() > 1]
        frame = frame.assign(**{"(name)": self._names(frame, tuple(set(time) - set(several)))})
        frame = frame[frame["estimate"].notna()]
        if sort:
            frame = frame.sort_values("estimate", kind="stable")
        ax = _axes(ax, (7.0, 1.3 + INCHES_PER_BAR * max(len(frame), 3)))
        y = np.arange(len(frame), dtype=float)
        colours = [
            FALL if value < 0 else RISE if value > 0 else LEVEL for value in frame["estimate"]
        ]
        ax.barh(y, frame["estimate"], height=0.74, color=colours, zorder=2)
        _intervals(ax, frame, y)
        _figures(ax, frame, y, kind, lang, signed=True)
        ax.axvline(0, color="#404040", linewidth=0.8, zorder=3)
        ax.set_yticks(y, list(frame["(name)"]))
        ax.set_ylim(max(len(frame), 1) - 0.4, -0.6)
        _value_axis(ax.xaxis, kind, lang, self._unit())
        ax.margins(x=0.16)
        if not (frame["estimate"] != 0).any():  # nothing changed: room on both sides of zero
            ax.set_xlim(*(np.array([-1, 1]) * (0.01 if kind in ("points", "percent") else 1)))
        _finish(ax, title, grid="x")
        return ax

    # ---- what is drawn ------------------------------------------------------------------------

    def _frame(self, rows: Sequence[int] | None = None) -> Any:
        frame = self._est.to_frame()
        if "flag" in self._est.own_names:
            hidden = frame["flag"] == "suppressed"
            frame.loc[hidden, ["estimate", "ci_low", "ci_high"]] = np.nan
            frame["(sign)"] = frame["flag"].map(signs_of(self._est))
        return frame if rows is None else frame.iloc[list(rows)]

    def _one_kind(self) -> str:
        kinds = sorted(set(number.kinds_of_rows(self._est)))
        if len(kinds) > 1:
            raise OptionError(
                f"one axis cannot hold {listing(kinds, last=' and ')}; choose with "
                ".select(measure=...)"
            )
        return str(kinds[0]) if kinds else "number"

    def _unit(self) -> str:
        units = self._est["unit"].dropna().unique()
        return str(units[0]) if len(units) == 1 else ""

    def _time(self, time: str | None, needed: bool = True) -> str | None:
        keys = self._est.key_names
        if time is not None:
            if time not in keys:
                raise unknown_column(time, keys)
            return time
        found = [name for name in TIME_NAMES if name in keys]
        if not found and needed:
            raise ColumnNotFoundError(
                "a line runs over time; name the key that holds the periods, "
                f"time=...; the keys are {listing(keys)}"
            )
        return found[0] if found else None

    def _names(self, frame: Any, leave_out: Sequence[str]) -> list[str]:
        """Name each row by what tells it from the others: codes only where names do not."""
        est = self._est
        names = [
            *est.key_names,
            *est.measure_key_names,
            "measure",
            *[name for name in est.own_names if name.endswith(("_from", "_to"))],
        ]
        names = [name for name in names if name not in leave_out and frame[name].nunique() > 1]
        telling = [
            name
            for name in names
            if not name.endswith("_code") or f"{name.removesuffix('_code')}" not in names
        ]
        if not names:
            return ["" for _ in range(len(frame))]
        used = telling
        # A commune is known by its name; the district is added only where two have one name.
        for name in reversed(telling):
            if frame[name].nunique() == len(frame.drop_duplicates(names)):
                used = [name]
                break
        labels = frame[used].astype(object).where(frame[used].notna(), "")
        return [
            ", ".join(str(part) for part in reversed(row) if part != "")
            for row in labels.itertuples(index=False)
        ]


def _check_language(lang: str) -> None:
    if lang not in ("en", "vi"):
        raise unknown_option("lang", lang, ("en", "vi"))


def _axes(ax: Any, size: tuple[float, float]) -> Any:
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError:
        raise missing_extra("matplotlib", "plot") from None
    _, ax = pyplot.subplots(figsize=size, layout="constrained")
    return ax


def _positions(periods: Any) -> tuple[Any, dict[float, str]]:
    """Return where periods stand on the axis, in real time, and their tick labels."""
    labels = list(periods.unique())
    places = [in_years(label) for label in labels]
    if any(place is None for place in places):
        raise ValueRangeError(
            f"{periods.name} holds a label that is no period; a line needs years, Periods or dates"
        )
    place_of = {label: float(place) for label, place in zip(labels, places, strict=True) if place}
    ticks = {place: as_word(label) for label, place in sorted(place_of.items(), key=lambda x: x[1])}
    return periods.map(place_of).astype(float).to_numpy(), ticks


def _chosen(names: list[str], highlight: Any) -> list[str]:
    if highlight is None:
        return names if len(names) <= MAX_NAMED_LINES else []
    wanted = [highlight] if isinstance(highlight, str) else list(highlight)
    for name in wanted:
        if name not in names:
            raise unknown_option("highlight", name, names)
    return wanted


def _draw_line(
    ax: Any, rows: Any, colour: str, *, in_front: bool, lang: str
) -> dict[float, tuple[str, str]]:
    """Draw a line piece by piece of one standard; return the breaks: place, both standards."""
    x, y = rows["(x)"].to_numpy(), rows["estimate"].to_numpy()
    standards = [UNSTATED[lang] if pd.isna(name) else str(name) for name in rows["standard"]]
    cuts = [i for i in range(1, len(x)) if standards[i] != standards[i - 1]]
    style = {
        "color": colour,
        "linewidth": 2.0 if in_front else 0.8,
        "zorder": 3 if in_front else 2,
        "marker": "o" if in_front else None,
        "markersize": 4,
    }
    for start, stop in zip([0, *cuts], [*cuts, len(x)], strict=True):
        ax.plot(x[start:stop], y[start:stop], **style)
        if not in_front and stop - start == 1:  # a piece of one point would not be seen
            ax.plot(x[start:stop], y[start:stop], color=colour, marker=".", markersize=3, zorder=2)
        piece = rows.iloc[start:stop]
        if in_front and piece["ci_low"].notna().any():
            ax.fill_between(
                piece["(x)"],
                piece["ci_low"],
                piece["ci_high"],
                color=colour,
                alpha=0.15,
                linewidth=0,
            )
    return {(x[i - 1] + x[i]) / 2: (standards[i - 1], standards[i]) for i in cuts}


def _mark_breaks(ax: Any, breaks: dict[float, tuple[str, str]], lang: str) -> None:
    for place, (before, after) in breaks.items():
        ax.axvline(place, color="#404040", linestyle=(0, (4, 3)), linewidth=1, zorder=1)
        ax.annotate(
            f"{BREAK_WORDS[lang]}\n{before} | {after}",
            (place, 1),
            (0, 3),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8,
            color="#404040",
        )


def _name_ends(ax: Any, ends: list[tuple[str, float, float, str]]) -> None:
    """Write the name of each line at its end, moved apart where names would overlap."""
    if not ends:
        return
    low, high = ax.get_ylim()
    line = 0.055 * (high - low)
    ends = sorted(ends, key=lambda end: end[2])
    heights: list[float] = []
    for _, _, value, _ in ends:
        heights.append(value if not heights else max(value, heights[-1] + line))
    excess = max(0.0, heights[-1] - high + line / 2)
    for (name, place, _, colour), height in zip(ends, heights, strict=True):
        ax.annotate(
            name,
            (place, height - excess),
            (8, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=colour,
            annotation_clip=False,
        )


def _intervals(ax: Any, rows: Any, y: Any) -> None:
    known = rows["ci_low"].notna().to_numpy() & rows["ci_high"].notna().to_numpy()
    if known.any():
        ax.hlines(
            np.asarray(y)[known],
            rows["ci_low"][known],
            rows["ci_high"][known],
            color="#404040",
            linewidth=1,
            zorder=4,
        )


def _figures(ax: Any, rows: Any, y: Any, kind: str, lang: str, *, signed: bool = False) -> None:
    """Write each bar's figure at its end."""
    known_high = rows["ci_high"].fillna(rows["estimate"]).to_numpy()
    known_low = rows["ci_low"].fillna(rows["estimate"]).to_numpy()
    signs = rows["(sign)"] if "(sign)" in rows else [None] * len(rows)
    for place, value, low, high, sign in zip(
        y, rows["estimate"], known_low, known_high, signs, strict=True
    ):
        text = "" if np.isnan(value) else _figure(value, kind, lang, signed)
        if isinstance(sign, str):  # a flag: in place of what is suppressed, else around the figure
            text = sign.format(text)
            low, high = np.nan_to_num(low), np.nan_to_num(high)
        if not text:
            continue
        left = signed and value < 0
        ax.annotate(
            text,
            (low if left else high, place),
            (-3 if left else 3, 0),
            textcoords="offset points",
            va="center",
            ha="right" if left else "left",
            fontsize=8,
            color="#202020",
            zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8},
        )


def _figure(value: float, kind: str, lang: str, signed: bool) -> str:
    if kind == "points":
        text = number.percent(value, 2, lang).removesuffix(" %")
    else:
        text = number.display(value, kind, lang=lang)
    return f"+{text}" if signed and value > 0 else text


def _value_axis(axis: Any, kind: str, lang: str, unit: str) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    digits = 2

    def tick(value: float, _: Any) -> str:
        # The fewest decimals that tell the ticks apart.
        marks = axis.get_majorticklocs()
        step = abs(marks[1] - marks[0]) if len(marks) > 1 else 1.0
        scale = 100 if kind in ("percent", "points") else 1
        places = next(
            (
                d
                for d in range(digits)
                if abs(step * scale * 10**d - round(step * scale * 10**d)) < 1e-6
            ),
            digits,
        )
        if kind == "percent":
            return number.percent(value, places, lang)
        if kind == "points":
            return number.percent(value, places, lang).removesuffix(" %")
        return number.number(value, places, lang)

    axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(tick))
    label = AXIS_WORDS[kind][lang]
    axis.set_label_text(label.format(unit=UNIT_WORDS.get(unit, {}).get(lang, unit)), fontsize=9)


def _finish(ax: Any, title: str | None, grid: str) -> None:
    ax.grid(True, axis=grid, color="#E3E3E3", linewidth=0.8, zorder=0)
    ax.set_axisbelow(True)
    for side in ("top", "right", *(("left",) if grid == "x" else ())):
        ax.spines[side].set_visible(False)
    ax.tick_params(labelsize=9, length=0)
    if title:
        ax.set_title(title, fontsize=11, loc="left", pad=26 if grid == "y" else 10)
