"""The one result object: a frozen record around one tidy table.

Every verb returns an `Estimates`. It keeps arrays, and builds a pandas, Polars or Arrow table
when asked. Key columns come first in their own dtype, then what was measured, then the columns
common to all results. It is a record, not a calculator: the difference of two estimates needs
their joint covariance, so `a - b` is not defined and `povertycore.change` is.
"""

from __future__ import annotations

import copy
import difflib
import os
import secrets
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from .covariance import as_rows, contrast, cov_of
from .errors import (
    DTypeError,
    DuplicateNameError,
    LabelWarning,
    LengthError,
    LimitError,
    MissingValueError,
    OptionError,
    ValueRangeError,
    listing,
    missing_extra,
    unknown_column,
    unknown_option,
)

if TYPE_CHECKING:
    from .present.plot import Plotter
    from .sampling import Joint

__all__ = ["Estimates", "concat"]

TOTAL = "(total)"
NUMBERS = ("estimate", "se", "ci_low", "ci_high", "cv", "df", "deff")
COUNTS = ("n_obs", "n_missing", "n_psu")
SIZES = ("numerator", "denominator", "population")
LABELS = ("unit", "standard", "note")
COMMON = NUMBERS + COUNTS + SIZES + LABELS
# Columns in the unit of the estimate: they turn into percent together.
IN_UNIT_OF_ESTIMATE = ("start", "end", "estimate", "se", "ci_low", "ci_high")
# The keys of one-way tables stand in the order asked, the whole first; all others are sorted.
ONE_WAY = ("over", "level")
PROPORTIONS = (
    *("rate", "share", "headcount", "censored_headcount", "H", "A", "M0", "contribution"),
    *("union", "intersection", "vulnerable", "severe", "population_share", "subgroup_contribution"),
)
UNITS = ("households", "persons")
MAX_COV_ROWS = 5_000


class Estimates:
    """Estimates with their keys, counts, unit and standard: what every verb returns.

    Frozen. All arrays have one length, the number of rows; a scalar stands for every row. The
    verbs construct it; for figures from a printed table use `Estimates.from_table`.

    Parameters
    ----------
    keys : mapping of str to array_like
        The key columns in order, kept in their own dtype.
    measure_keys : mapping of str to array_like
        What was measured, before `measure`: `variable`, and `category`, `line`, `k`, ...
    measure : str or array_like of str
        The measure of each row, as "rate".
    own : mapping of str to array_like, optional
        The verb's own columns, between `measure` and the common ones.
    estimate : array_like of float
        Fractions for rates, never percent.
    se, ci_low, ci_high : array_like of float, optional
        Standard error and interval, in the unit of the estimate; NaN where there is none.
    cv, df, deff : array_like of float, optional
        Coefficient of variation, degrees of freedom, design effect.
    n_obs, n_missing, n_psu : array_like of int, optional
        Rows used, rows left out because the measured value is missing, PSUs; NaN is unknown.
    numerator, denominator, population : array_like of float, optional
        Weighted sums; `population` is the sum of weights of the rows used.
    unit : str or array_like of str
        What is counted: "households" or "persons".
    standard : str or array_like of str, optional
        Id of the poverty standard; missing where it was not stated.
    note : str or array_like of str, optional
        Why a figure is missing, or how it must be read.
    proportion : bool or array_like of bool, optional
        Which estimates are proportions, and have the intervals of proportions; by default as the
        measure says.
    joint : Joint, optional
        The covariance of the rows: what they are made of, by sampling unit.
    verb : str
        The function that made this, as "rate".
    meta : dict, optional
        Versions, design words, rows read and left out, `footnotes` for display.

    Examples
    --------
    >>> est = pc.Estimates({"year": [2021, 2022]}, measure_keys={"variable": "poor"},
    ...                    measure="rate", estimate=[0.25, 0.20], numerator=[5, 4],
    ...                    denominator=20, unit="households", verb="rate")
    >>> len(est)
    2
    >>> est["estimate"].to_list()
    [0.25, 0.2]
    """

    _columns: dict[str, Any]
    _key_names: tuple[str, ...]
    _measure_key_names: tuple[str, ...]
    _own_names: tuple[str, ...]
    _verb: str
    _meta: dict[str, Any]
    _sample: npt.NDArray[np.int64]
    _source: pd.Categorical
    _proportion: npt.NDArray[np.bool_]
    _joints: tuple[Joint | None, ...]  # by number in _sample
    _place: npt.NDArray[np.int64]  # of each row in its joint

    def __init__(
        self,
        keys: Mapping[str, Any],
        *,
        measure_keys: Mapping[str, Any],
        measure: Any,
        own: Mapping[str, Any] | None = None,
        estimate: Any,
        se: Any = np.nan,
        ci_low: Any = np.nan,
        ci_high: Any = np.nan,
        cv: Any = np.nan,
        df: Any = np.nan,
        deff: Any = np.nan,
        n_obs: Any = np.nan,
        n_missing: Any = np.nan,
        n_psu: Any = np.nan,
        numerator: Any = np.nan,
        denominator: Any = np.nan,
        population: Any = np.nan,
        unit: Any,
        standard: Any = None,
        note: Any = "",
        proportion: Any = None,
        joint: Joint | None = None,
        verb: str,
        meta: Mapping[str, Any] | None = None,
    ) -> None:
        own = own or {}
        _check_names(keys, measure_keys, own)
        numbers = dict(zip(NUMBERS, (estimate, se, ci_low, ci_high, cv, df, deff), strict=True))
        counts = dict(zip(COUNTS, (n_obs, n_missing, n_psu), strict=True))
        sizes = dict(zip(SIZES, (numerator, denominator, population), strict=True))
        labels = dict(zip(LABELS, (unit, standard, note), strict=True))
        n = _common_length(
            {**keys, **measure_keys, "measure": measure, **own, **numbers, **counts, **sizes,
             **labels}
        )  # fmt: skip
        columns = {name: _own_dtype(values, n) for name, values in keys.items()}
        columns |= {name: _text_as_labels(values, n) for name, values in measure_keys.items()}
        columns["measure"] = _labels(measure, n)
        columns |= {name: _text_as_labels(values, n) for name, values in own.items()}
        columns |= {name: _floats(values, n) for name, values in numbers.items()}
        columns |= {name: _counts(values, n) for name, values in counts.items()}
        columns |= {name: _floats(values, n) for name, values in sizes.items()}
        columns |= {name: _labels(values, n) for name, values in labels.items()}
        if proportion is None:
            proportion = _is_among(columns["measure"], PROPORTIONS)
        self._set(
            _columns=columns,
            _key_names=tuple(keys),
            _measure_key_names=tuple(measure_keys),
            _own_names=tuple(own),
            _verb=verb,
            _meta=dict(meta or {}),
            _sample=np.zeros(n, dtype=np.int64),
            _source=_labels(None, n),
            _proportion=np.array(np.broadcast_to(proportion, n), dtype=bool),
            _joints=(joint,),
            _place=np.arange(n),
        )

    # ---- what it is -------------------------------------------------------------------------

    @property
    def key_names(self) -> tuple[str, ...]:
        """Names of the key columns, in order."""
        return self._key_names

    @property
    def measure_key_names(self) -> tuple[str, ...]:
        """Names of the columns that say what was measured, without `measure`."""
        return self._measure_key_names

    @property
    def own_names(self) -> tuple[str, ...]:
        """Names of the verb's own columns."""
        return self._own_names

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of all columns, in the order of `to_frame`."""
        return tuple(self._columns)

    @property
    def verb(self) -> str:
        """Name of the function that made this."""
        return self._verb

    @property
    def meta(self) -> dict[str, Any]:
        """A plain dictionary: design words, versions, rows read and left out, source."""
        return copy.deepcopy(self._meta)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._sample)

    def __getitem__(self, name: str) -> pd.Series:
        """Return one column as a pandas Series."""
        if not isinstance(name, str):
            raise TypeError(
                f"an Estimates gives one column by its name, found {type(name).__name__}; "
                "use .select(...) for rows, or use .to_frame()"
            )
        if name not in self._columns:
            raise unknown_column(name, self._columns)
        column = self._columns[name]
        return pd.Series(column, name=name, dtype=column.dtype, copy=True)

    def sources(self) -> pd.Series:
        """Return where each row comes from; missing for what was computed from microdata.

        Returns
        -------
        pandas.Series
            Categorical of text, one entry per row. Rows of different sources are not compared
            unless the caller says so.
        """
        return pd.Series(self._source, name="source", copy=True)

    # ---- covariance -------------------------------------------------------------------------

    @property
    def cov(self) -> npt.NDArray[np.float64]:
        """Joint covariance of the estimates, float64 (rows, rows) in row order.

        NaN where there is no standard error, or where the covariance is not known; 0 between
        rows of independent files joined by `povertycore.concat`.

        Raises
        ------
        LimitError
            There are more than 5,000 rows.
        """
        n = len(self)
        if n > MAX_COV_ROWS:
            raise LimitError(
                f"the covariance of {n:,} rows would have {n * n:,} entries; above "
                f"{MAX_COV_ROWS:,} rows use .contrast(...), .cov_of(rows) or pc.change"
            )
        return cov_of(self, np.arange(n))

    def cov_of(self, rows: Any) -> npt.NDArray[np.float64]:
        """Return the joint covariance of a few rows.

        Parameters
        ----------
        rows : array_like of int or bool
            Positions of the rows, or a mask of all.

        Returns
        -------
        ndarray of float64, shape (rows, rows)
            As `cov`, in the order given.
        """
        return cov_of(self, as_rows(rows, len(self)))

    def contrast(self, weights: Any, across_standards: bool = False) -> Estimates:
        """Combine rows linearly, with the standard errors that their covariance gives.

        Parameters
        ----------
        weights : mapping or array_like
            One contrast as a mapping from rows to weights, a row being named by the labels of its
            keys (and, where these leave several, of its measure keys); several as a mapping from
            names to such mappings; or a matrix, shape (contrasts, rows).
        across_standards : bool, default False
            Combine figures under different standards.

        Returns
        -------
        Estimates
            One row per contrast, with `t` and the two-sided `p_value` on `df` degrees of freedom.
            ``.meta["wald"]`` tests that all are 0: `f`, `df1`, `df2`, `p_value`.

        Raises
        ------
        OptionError
            No row, or several, have the labels given.
        LengthError
            A matrix has not one column per row.
        ComparabilityError
            The rows count different units, or stand under different standards.

        Notes
        -----
        Of q independent contrasts c with covariance V, W = c' V^-1 c is tested as
        W/q x (df - q + 1)/df on F(q, df - q + 1).

        Examples
        --------
        Two strata of two PSUs each; the rates are 1/4 and 3/4, the difference has variance
        1/16 + 1/16.

        >>> table = {"region": ["n"] * 4 + ["s"] * 4, "ea": [1, 1, 2, 2, 3, 3, 4, 4],
        ...          "poor": [0, 0, 0, 1, 1, 1, 1, 0]}
        >>> design = pc.Design(strata="region", psu="ea")
        >>> est = pc.rate(table, "poor", by="region", design=design)
        >>> table = est.contrast({"s": 1, "n": -1}).to_frame()
        >>> table[["contrast", "estimate", "se", "df"]]
          contrast  estimate        se   df
        0  (s) - (n)       0.5  0.353553  2.0
        """
        return contrast(self, weights, across_standards)

    def interval(self, level: float = 0.95, method: str | None = None) -> Estimates:
        """Return the rows with confidence intervals of another level or method.

        Parameters
        ----------
        level : float, default 0.95
            Confidence level, between 0 and 1.
        method : {"logit", "beta", "wilson", "likelihood", "plain"}, optional
            For proportions, by default logit; all other estimates have plain intervals. The
            formulas stand in `povertycore.intervals`.

        Returns
        -------
        Estimates
            The same rows; `ci_low` and `ci_high` are new.

        Raises
        ------
        OptionError
            The level is not between 0 and 1; the method is not one of those listed, or is for
            proportions and there is none.
        """
        from .intervals import with_intervals

        return with_intervals(self, level, method)

    def flag(self, preset: str = "dhs", /, **limits: Any) -> Estimates:
        """Mark figures that are too uncertain to publish, or to publish without a warning.

        Parameters
        ----------
        preset : {"dhs", "nchs", "statcan", "eclac"}, default "dhs"
            Whose rules; they stand, with their sources, in `povertycore.reliability`.
        **limits : float
            Limits of the preset in place of its own.

        Returns
        -------
        Estimates
            The same rows with columns `flag` ("", unreliable, suppressed) and `reason`. The
            numbers stay; tables and workbooks show the sign in their place or beside them.

        Raises
        ------
        OptionError
            There is no such preset, or it has no such limit.
        """
        from .reliability import with_flags

        return with_flags(self, preset, limits)

    # ---- rows -------------------------------------------------------------------------------

    def select(self, /, **labels: Any) -> Estimates:
        """Keep the rows with these labels, with their covariance.

        Parameters
        ----------
        **labels : label or list of labels
            By name of a key or measure key, `measure`, `unit` or `standard`; None stands for a
            missing label.

        Returns
        -------
        Estimates
            The rows in their order.

        Raises
        ------
        ColumnNotFoundError
            There is no such key.
        OptionError
            No row has this label.

        Examples
        --------
        >>> est = pc.Estimates.from_table({"year": [2021, 2022], "rate": [0.122, 0.0892]},
        ...                               "year", estimate="rate")
        >>> est.select(year=2022)["estimate"].to_list()
        [0.0892]
        """
        keep = np.ones(len(self), dtype=bool)
        selectable = (*self._key_names, *self._measure_key_names, "measure", "unit", "standard")
        for name, wanted in labels.items():
            if name not in selectable:
                raise unknown_column(name, selectable)
            keep &= _has_label(name, self._columns[name], wanted)
        return self._take(np.flatnonzero(keep))

    def pivot(
        self,
        index: str | Sequence[str],
        columns: str | Sequence[str] | None = None,
        values: str = "estimate",
        percent: bool = False,
    ) -> pd.DataFrame:
        """Spread one column of the table over rows and columns.

        Parameters
        ----------
        index : str or list of str
            Columns whose labels become the rows.
        columns : str or list of str, optional
            Columns whose labels become the columns; without it there is one, named `values`.
        values : str, default "estimate"
            The column that fills the cells.
        percent : bool, default False
            Multiply rates by 100, and end the name of each column in `_percent`.

        Returns
        -------
        pandas.DataFrame
            Labels in the order of the rows: keys ascending, `(total)` last. NaN where the table
            has no row.

        Raises
        ------
        DuplicateNameError
            Several rows fall into one cell; the message names what they differ in.

        Examples
        --------
        >>> table = {"place": ["A", "A", "B"], "year": [2021, 2022, 2022],
        ...          "rate": [0.25, 0.2, 0.125]}
        >>> est = pc.Estimates.from_table(table, ["place", "year"], estimate="rate")
        >>> est.pivot("place", "year", percent=True)
        year   2021_percent  2022_percent
        place
        A              25.0          20.0
        B               NaN          12.5
        """
        index, columns = _names(index), _names(columns)
        if not index:
            raise OptionError("index must name at least one column, found none")
        for name in (*index, *columns, values):
            if name not in self._columns:
                raise unknown_column(name, self._columns)
        self._check_one_row_per_cell(index, columns)
        filled = self._columns[values]
        if percent:
            self._check_all_fractions([values])
            filled = _shifted(filled, 2)
        rows, row_of = self._distinct(index)
        cols, col_of = self._distinct(columns)
        column_axis = _column_axis(cols, values, percent)
        cells = _spread(filled, row_of, col_of, (len(rows), len(column_axis)))
        return pd.DataFrame(cells, index=_row_axis(rows), columns=column_axis)

    def pipe(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return `function(self, *args, **kwargs)`, so that steps read from left to right."""
        return function(self, *args, **kwargs)

    # ---- other forms ------------------------------------------------------------------------

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a new pandas frame with a RangeIndex.

        Returns
        -------
        pandas.DataFrame
            Keys, measure keys, `measure`, the verb's own columns, the common columns. Rates are
            fractions. The counts are int64, or float64 with NaN where one is unknown.
        """
        return _frame(self._columns, len(self))

    def to_polars(self) -> Any:
        """Return the table as a Polars frame; labels as Enum, a missing number as null.

        Returns
        -------
        polars.DataFrame
            The columns of `to_frame`; the counts are always Int64.
        """
        try:
            import polars
        except ImportError:
            raise missing_extra("polars", "polars") from None
        return polars.DataFrame(
            [_polars_series(polars, name, self._columns[name]) for name in self._columns]
        )

    def to_arrow(self) -> Any:
        """Return the table as a PyArrow table; labels as dictionaries, a missing number as null.

        Returns
        -------
        pyarrow.Table
            The columns of `to_frame`; the counts are always int64.
        """
        try:
            import pyarrow
        except ImportError:
            raise missing_extra("pyarrow", "arrow") from None
        table = pyarrow.Table.from_pandas(self.to_frame(), preserve_index=False)
        for name in COUNTS:
            position = table.column_names.index(name)
            table = table.set_column(position, name, table[name].cast(pyarrow.int64()))
        return table.replace_schema_metadata(None)

    def to_csv(self, path: str | os.PathLike[str], percent: bool = False) -> None:
        """Write the table as CSV that a spreadsheet opens with its letters right.

        UTF-8 with a byte-order mark. The file appears only when it is complete.

        Parameters
        ----------
        path : str or path
            Where to write; an existing file is replaced.
        percent : bool, default False
            Multiply rates, and what is in their unit, by 100, and end the names of these
            columns in `_percent`.
        """
        frame = self.to_frame()
        if percent:
            names = [name for name in IN_UNIT_OF_ESTIMATE if name in frame.columns]
            self._check_all_fractions(names)
            for name in names:
                frame[name] = _shifted(self._columns[name], 2)
            frame = frame.rename(columns={name: f"{name}_percent" for name in names})
        target = Path(path)
        beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        try:
            frame.to_csv(beside, index=False, encoding="utf-8-sig", lineterminator="\n")
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)

    def to_excel(self, path: str | os.PathLike[str], **options: Any) -> Any:
        """Write the table as an Excel file with percent formats; see `present.excel`."""
        from .present.excel import write_estimates

        return write_estimates(self, path, **options)

    @property
    def plot(self) -> Plotter:
        """Charts of the table, as `est.plot.line(ax=ax)`; see `present.plot`."""
        from .present.plot import Plotter

        return Plotter(self)

    def __repr__(self) -> str:
        from .present.table import text_table

        return text_table(self)

    def _repr_html_(self) -> str:
        from .present.table import html_table

        return html_table(self)

    # ---- figures without microdata ----------------------------------------------------------

    @classmethod
    def from_table(
        cls,
        frame: Any,
        keys: str | Sequence[str],
        *,
        estimate: str | None = None,
        measure: str = "rate",
        percent: bool = False,
        numerator: str | None = None,
        denominator: str | None = None,
        se: str | None = None,
        unit: str = "households",
        standard: Any = None,
        source: str | None = None,
        variable: str = "",
    ) -> Estimates:
        """Make an `Estimates` from published figures, so that the same verbs serve them.

        Parameters
        ----------
        frame : DataFrame or mapping of str to array_like
            One row per figure.
        keys : str or list of str
            Columns that name the figure: place, year. A column `variable` or `category` among
            them says what was measured.
        estimate : str, optional
            Column of the figures. Without it the rate is numerator / denominator.
        measure : str, default "rate"
            What the figures are; a rate lies in 0..1.
        percent : bool, default False
            The columns `estimate` and `se` are in percent, and are divided by 100.
        numerator, denominator : str, optional
            Columns of counts.
        se : str, optional
            Column of standard errors, in the unit of `estimate`.
        unit : {"households", "persons"}, default "households"
            What was counted.
        standard : str or Standard, optional
            A column of ids of poverty standards, else one id (or Standard) for all rows.
        source : str, optional
            A column of sources, else one source for all rows. Different sources do not compare
            without being told to.
        variable : str, default ""
            What was measured, where no column says it.

        Returns
        -------
        Estimates
            Keys ascending, `(total)` last.

        Raises
        ------
        ValueRangeError
            A rate is outside 0..1, a numerator above its denominator, a count or standard error
            negative, or a figure infinite.
        DuplicateNameError
            Two rows have the same keys.

        Examples
        --------
        The published 12.20 and 8.92 percent of households:

        >>> table = {"year": [2021, 2022], "poor": [23511, 17497], "all": [192705, 196150]}
        >>> est = pc.Estimates.from_table(table, "year", numerator="poor", denominator="all")
        >>> est["estimate"].round(4).to_list()
        [0.122, 0.0892]
        """
        if unit not in UNITS:
            raise unknown_option("unit", unit, UNITS)
        table = _PrintedTable(frame)
        key_columns = {name: table.labels(name) for name in _names(keys)}
        what = {"variable": variable}
        what |= {name: key_columns.pop(name) for name in ("variable", "category")
                 if name in key_columns}  # fmt: skip
        if estimate is None and (numerator is None or denominator is None):
            raise OptionError("from_table needs estimate=, or numerator= and denominator=")
        if percent and measure == "total":
            raise OptionError("percent=True is for rates; a total is not in percent")
        above = table.counts(numerator)
        below = table.counts(denominator)
        _check_parts(above, below, measure, numerator)
        if estimate is None:
            figures = _ratio(above, below)
        else:
            figures = table.figures(estimate, percent)
            _check_proportions(figures, measure, estimate, percent)
        errors = table.errors(se, percent)
        sources = table.column_or_word(source)
        made = cls(
            key_columns,
            measure_keys=what,
            measure=measure,
            estimate=figures,
            se=errors,
            cv=_ratio(errors, figures),
            numerator=above,
            denominator=below,
            population=below,
            unit=unit,
            standard=table.column_or_word(getattr(standard, "id", standard)),
            note=np.where(np.isnan(figures), "no figure in the table", ""),
            verb=measure if measure in ("rate", "total", "mean", "ratio") else "from_table",
            meta={"source": _one_or_list(sources), "rows_read": table.n},
        )
        made._set(_source=_labels(sources, table.n))
        made._check_one_row_per_key()
        return made._take(made._contract_order())

    # ---- frozen -----------------------------------------------------------------------------

    __array_ufunc__ = None  # NumPy then leaves operators to this class, which refuses them
    __iter__ = None

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)
        for column in self._columns.values():
            if isinstance(column, np.ndarray):
                column.flags.writeable = False

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._set(**state)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"an Estimates is frozen, {name!r} cannot be set; use .to_frame()")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"an Estimates is frozen, {name!r} cannot be deleted")

    def __copy__(self) -> Estimates:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Estimates:
        return self

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(f"'Estimates' object has no attribute {name!r}")
        if name in self._columns:
            hint = f"use est[{name!r}] for this column, or use .to_frame()"
        else:
            hint = "use .to_frame() for a pandas frame"
        raise AttributeError(f"an Estimates has no attribute {name!r}; {hint}")

    # ---- rows, inside -----------------------------------------------------------------------

    def _take(self, rows: npt.NDArray[np.intp]) -> Estimates:
        """Return these rows, with all that belongs to them."""
        taken = object.__new__(type(self))
        taken._set(
            **{
                **self.__dict__,
                "_columns": {name: column[rows] for name, column in self._columns.items()},
                "_sample": self._sample[rows],
                "_source": self._source[rows],
                "_proportion": self._proportion[rows],
                "_place": self._place[rows],
            }
        )
        return taken

    def _rows_with(self, name: str, label: Any) -> npt.NDArray[np.bool_]:
        """Return which rows have a label."""
        return _has_label(name, self._columns[name], label)

    def _with(
        self,
        columns: Mapping[str, Any],
        own: Mapping[str, Any] | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> Estimates:
        """Return the rows with other common columns, and more of the verb's own."""
        own = own or {}
        changed = {**self._columns, **columns}
        at = list(changed).index(COMMON[0])
        in_order = [*list(changed)[:at], *own, *list(changed)[at:]]
        both = {**changed, **{name: _text_as_labels(own[name], len(self)) for name in own}}
        made = object.__new__(type(self))
        made._set(
            **{
                **self.__dict__,
                "_columns": {name: both[name] for name in dict.fromkeys(in_order)},
                "_own_names": tuple(dict.fromkeys([*self._own_names, *own])),
                "_meta": {**self._meta, **(meta or {})},
            }
        )
        return made

    def _with_joint(self, joint: Joint, place: npt.NDArray[np.int64]) -> Estimates:
        """Return the rows as rows of one sample, each at its place in the joint."""
        made = object.__new__(type(self))
        one_sample = np.zeros(len(self), dtype=np.int64)
        made._set(**{**self.__dict__, "_joints": (joint,), "_sample": one_sample, "_place": place})
        return made

    def _ranks(self, name: str, outer: Sequence[str] = ()) -> npt.NDArray[np.intp]:
        """Return the place of each row's label among the labels of a column.

        Within the one-way tables that an outer column `over` tells apart, each has its own order.
        """
        if name not in self._key_names:  # as met, a missing label too
            return np.asarray(pd.factorize(self._columns[name], use_na_sentinel=False)[0])
        ranks = _ranks(self._columns[name], sort=name not in ONE_WAY)
        if name == "level" and "over" in outer:
            pair = self._ranks("over") * (ranks.max(initial=0) + 1) + ranks
            return np.asarray(pd.factorize(pair)[0])
        return ranks

    def _contract_order(self) -> npt.NDArray[np.intp]:
        """Return the positions that sort the rows by their keys, ties as they stand."""
        if not self._key_names:
            return np.arange(len(self))
        ranks = [self._ranks(name, self._key_names[:i]) for i, name in enumerate(self._key_names)]
        return np.lexsort(ranks[::-1])

    def _distinct(self, names: Sequence[str]) -> tuple[pd.DataFrame, npt.NDArray[np.intp]]:
        """Return the distinct labels of some columns in order, and where each row's stand."""
        if not names:
            return pd.DataFrame(), np.zeros(len(self), dtype=np.intp)
        place = np.zeros(len(self), dtype=np.intp)
        first = place[:1]
        for i, name in enumerate(names):
            ranks = self._ranks(name, names[:i])
            pair = place * (ranks.max(initial=0) + 1) + ranks
            _, first, place = np.unique(pair, return_index=True, return_inverse=True)
        labels = {name: self._columns[name][first] for name in names}
        return _frame(labels, len(first)), place

    def _check_one_row_per_key(self) -> None:
        names = [*self._key_names, *self._measure_key_names, "measure"]
        _, place = self._distinct(names)
        again = pd.Series(place).duplicated().to_numpy()
        if again.any():
            row = int(np.argmax(again))
            error = DuplicateNameError(
                f"row {row} has the same keys as row {int(np.argmax(place == place[row]))}; "
                f"keys {listing(self._key_names)} must name one row each"
            )
            error.argument, error.row = "keys", row
            raise error

    def _check_one_row_per_cell(self, index: Sequence[str], columns: Sequence[str]) -> None:
        _, place = self._distinct([*index, *columns])
        if not pd.Series(place).duplicated().any():
            return
        others = [*self._key_names, *self._measure_key_names, "measure"]
        varying = [
            name
            for name in others
            if name not in (*index, *columns) and len(np.unique(self._ranks(name))) > 1
        ]
        found = f"; they differ in {listing(varying)}: name it in columns=, or use .select(...)"
        raise DuplicateNameError(
            f"several rows fall into one cell{found if varying else ': their keys are the same'}"
        )

    def _check_all_fractions(self, names: Sequence[str]) -> None:
        """Percent is for fractions: a table of counts must not be multiplied by 100."""
        from .present.number import kinds_of_rows

        kinds = kinds_of_rows(self)
        wrong = np.flatnonzero(~np.isin(kinds, ("percent", "points")))
        foreign = [name for name in names if name not in IN_UNIT_OF_ESTIMATE]
        if len(wrong) or foreign:
            what = (
                f"column {foreign[0]!r} is none"
                if foreign
                else f"measure {self._columns['measure'][wrong[0]]!r} (row {wrong[0]}) is none"
            )
            raise OptionError(f"percent=True is for rates and differences of rates; {what}")


def concat(estimates: Iterable[Estimates]) -> Estimates:
    """Join results of independent files; the covariance between them is 0.

    Parameters
    ----------
    estimates : iterable of Estimates
        Made by the same verb, with the same columns.

    Returns
    -------
    Estimates
        All rows, keys ascending.

    Raises
    ------
    OptionError
        The parts come from different verbs or have different columns.

    Examples
    --------
    >>> files = [{"year": [2021], "rate": [0.122]}, {"year": [2022], "rate": [0.0892]}]
    >>> parts = [pc.Estimates.from_table(file, "year", estimate="rate") for file in files]
    >>> pc.concat(parts)["year"].to_list()
    [2021, 2022]
    """
    parts = list(estimates)
    if not parts:
        raise OptionError("concat needs at least one Estimates, found none")
    for position, part in enumerate(parts):
        if not isinstance(part, Estimates):
            raise DTypeError(f"part {position} must be an Estimates, found {type(part).__name__}")
        _check_same_columns(parts[0], part, position)
    joined = object.__new__(Estimates)
    starts = np.cumsum([0] + [len(part._joints) for part in parts[:-1]])
    samples = [part._sample + start for part, start in zip(parts, starts, strict=True)]
    joined._set(
        **{
            **parts[0].__dict__,
            "_columns": {
                name: _joined(name, [part._columns[name] for part in parts])
                for name in parts[0]._columns
            },
            "_meta": _joined_meta([part._meta for part in parts]),
            "_sample": np.concatenate(samples),
            "_joints": tuple(joint for part in parts for joint in part._joints),
            "_place": np.concatenate([part._place for part in parts]),
            "_source": _joined_labels([part._source for part in parts]),
            "_proportion": np.concatenate([part._proportion for part in parts]),
        }
    )
    return joined._take(joined._contract_order())


def _not_a_calculator(self: Estimates, *others: Any) -> NoReturn:
    """Refuse an operator: what it gives would have lost its covariance, unit and standard."""
    raise TypeError(
        "an Estimates is a record, not a calculator: a change needs the joint covariance of its "
        "rows, use pc.change(est, time=...); for bare numbers use est['estimate']"
    )


for _operator in (
    "add sub mul matmul truediv floordiv mod divmod pow and or xor lshift rshift radd rsub rmul "
    "rmatmul rtruediv rfloordiv rmod rdivmod rpow rand ror rxor rlshift rrshift lt le gt ge neg "
    "pos abs invert float int round"
).split():
    setattr(Estimates, f"__{_operator}__", _not_a_calculator)


# ---- columns ---------------------------------------------------------------------------------


def _check_names(
    keys: Mapping[str, Any], measure_keys: Mapping[str, Any], own: Mapping[str, Any]
) -> None:
    """Refuse a key that is named like a result column."""
    taken = {*measure_keys, "measure", *own, *COMMON}
    for name in keys:
        if name in taken:
            error = DuplicateNameError(
                f"key {name!r} is named like a result column; rename it in the data"
            )
            error.argument, error.column = "by", name
            raise error


def _common_length(columns: Mapping[str, Any]) -> int:
    """Return the one length of all columns that are not scalars; 1 if all are."""
    lengths = {name: len(values) for name, values in columns.items() if not _is_scalar(values)}
    first = next(iter(lengths), "")
    for name, length in lengths.items():
        if length != lengths[first]:
            error = LengthError(
                f"column {name!r} has {length} rows; expected {lengths[first]} as in column "
                f"{first!r}"
            )
            error.column = name
            raise error
    return lengths.get(first, 1)


def _is_scalar(values: Any) -> bool:
    return values is None or isinstance(values, str) or np.ndim(values) == 0


def _own_dtype(values: Any, n: int) -> Any:
    """Return a copy of a column as the array that pandas holds, in its own dtype."""
    column = pd.Series([values] * n if _is_scalar(values) else values)
    if isinstance(column.dtype, np.dtype):
        return column.to_numpy(copy=True)
    return column.array.copy()


def _frame(columns: Mapping[str, Any], n: int) -> pd.DataFrame:
    """Return a new frame; a column of objects stays one, where pandas would make it text."""
    kept = {
        name: pd.Series(column, dtype=object) if column.dtype == object else column
        for name, column in columns.items()
    }
    return pd.DataFrame(kept, index=pd.RangeIndex(n), copy=True)


def _is_among(labels: pd.Categorical, words: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Return which rows have one of the words as label."""
    named = np.append(np.isin(np.asarray(labels.categories, dtype=object), words), False)
    return np.asarray(named[labels.codes])


def _is_categorical(values: Any) -> bool:
    return isinstance(getattr(values, "dtype", None), pd.CategoricalDtype)


def _labels(values: Any, n: int) -> pd.Categorical:
    """Return text as codes and categories, in order of appearance."""
    if values is None or isinstance(values, str):
        categories = [] if values is None else [values]
        return pd.Categorical.from_codes(
            np.full(n, len(categories) - 1, dtype=np.int8), categories=_text_index(categories)
        )
    if _is_categorical(values):
        return pd.Series(values).array.copy()
    codes, categories = pd.factorize(np.asarray(values, dtype=object))
    return pd.Categorical.from_codes(codes, categories=_text_index(list(categories)))


def _text_index(labels: list[str]) -> pd.Index:
    """Return an index in the text dtype of pandas, which it infers from text, not from nothing."""
    return pd.Index(labels) if labels else pd.Index([""])[:0]


def _text_as_labels(values: Any, n: int) -> Any:
    """Return a column of the verb: text as labels, all else in its own dtype."""
    if values is None or isinstance(values, str):
        return _labels(values, n)
    array = _own_dtype(values, n)
    is_text = pd.api.types.infer_dtype(array, skipna=True) == "string"
    return _labels(array, n) if is_text else array


def _floats(values: Any, n: int) -> npt.NDArray[np.float64]:
    if _is_scalar(values):
        return np.full(n, np.nan if values is None else values, dtype=np.float64)
    numbers = pd.Series(values).to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    return np.asarray(numbers)


def _counts(values: Any, n: int) -> npt.NDArray[Any]:
    """Return counts as int64, or as float64 with NaN where one is unknown."""
    if np.asarray(values).dtype.kind in "iu":
        return np.array(np.broadcast_to(values, n), dtype=np.int64)
    numbers = _floats(values, n)
    unknown = np.isnan(_floats(values, 1)).any() if _is_scalar(values) else np.isnan(numbers).any()
    return numbers if unknown else numbers.astype(np.int64)


def _ratio(above: Any, below: Any) -> npt.NDArray[np.float64]:
    """Return above / below; NaN where below is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below == 0, np.nan, above / below)


def _names(names: str | Sequence[str] | None) -> list[str]:
    if names is None:
        return []
    return [names] if isinstance(names, str) else list(names)


def _ranks(column: Any, *, sort: bool) -> npt.NDArray[np.intp]:
    """Return the place of each label: ascending or as met; missing, then `(total)`, last."""
    codes, labels = pd.factorize(column)
    n = len(labels)
    place = np.arange(n + 1, dtype=np.intp)
    if sort:
        place[_ascending(labels)] = np.arange(n)
        listed = labels.tolist()
        if TOTAL in listed:
            place[listed.index(TOTAL)] = n + 1
    return np.asarray(place[codes])  # code -1, a missing label, is the last place


def _ascending(labels: Any) -> npt.NDArray[np.intp]:
    """Return the positions that sort distinct labels: categories in their order, else by value."""
    if _is_categorical(labels):
        return np.argsort(labels.codes)
    try:
        return np.asarray(pd.Index(labels).argsort())
    except TypeError:  # labels of several types have no order of their own
        return np.argsort([str(label) for label in labels], kind="stable")


# ---- select ----------------------------------------------------------------------------------


def _has_label(name: str, column: Any, wanted: Any) -> npt.NDArray[np.bool_]:
    """Return which rows have one of the wanted labels; each label must have a row."""
    codes, labels = pd.factorize(column)
    index = pd.Index(labels.astype(object) if _is_categorical(labels) else labels)
    if isinstance(wanted, str) or not pd.api.types.is_list_like(wanted):
        wanted = [wanted]
    found = [_code_of(name, label, index, has_missing=-1 in codes) for label in wanted]
    return np.isin(codes, np.concatenate([*found, np.empty(0, dtype=np.intp)]))


def _code_of(name: str, label: Any, index: pd.Index, *, has_missing: bool) -> npt.NDArray[np.intp]:
    if pd.api.types.is_scalar(label) and pd.isna(label) and has_missing:
        return np.array([-1])
    if isinstance(label, str):
        label = unicodedata.normalize("NFC", label)
    try:
        # get_loc of a date may give a slice: "2021" names all dates of that year.
        return np.atleast_1d(np.arange(len(index))[index.get_loc(label)])
    except (KeyError, TypeError, ValueError, pd.errors.InvalidIndexError):
        raise _unknown_label(name, label, index) from None


def _unknown_label(name: str, label: Any, index: pd.Index) -> OptionError:
    by_text = {str(other): other for other in index.tolist()}
    close = [by_text[text] for text in difflib.get_close_matches(str(label), by_text, n=3)]
    if close:
        hint = f"did you mean {listing(close, last=' or ')}?"
    else:
        hint = f"there are {listing(by_text.values())}" if by_text else "there are none"
    error = OptionError(f"no row has {name} {label!r}; {hint}")
    error.argument = name
    return error


# ---- pivot and percent -----------------------------------------------------------------------


def _shifted(numbers: npt.NDArray[np.float64], places: int) -> npt.NDArray[np.float64]:
    """Move the decimal point: 0.1422 gives 14.22, where 0.1422 * 100 gives 14.219999999999999."""
    return np.array(
        [float(Decimal(repr(number)).scaleb(places)) for number in numbers.tolist()],
        dtype=np.float64,
    )


def _spread(
    column: Any, row_of: npt.NDArray[np.intp], col_of: npt.NDArray[np.intp], shape: tuple[int, int]
) -> npt.NDArray[Any]:
    """Return the cells of a wide table; NaN (None for text) where no row falls."""
    values = np.asarray(column)
    full = len(values) == shape[0] * shape[1]
    if values.dtype.kind not in "iuf":
        values = values.astype(object)
    elif not full:
        values = values.astype(np.float64)
    empty = None if values.dtype == object else 0 if full else np.nan
    cells = np.full(shape, empty, dtype=values.dtype)
    cells[row_of, col_of] = values
    return cells


def _row_axis(labels: pd.DataFrame) -> pd.Index:
    if labels.shape[1] == 1:
        return pd.Index(labels.iloc[:, 0])
    return pd.MultiIndex.from_frame(labels)


def _column_axis(labels: pd.DataFrame, values: str, percent: bool) -> pd.Index:
    """Return the column labels as plain values, so that a reader can add columns of his own."""
    suffix = "_percent" if percent else ""
    if labels.empty:
        return pd.Index([values + suffix])
    plain = [labels[name].tolist() for name in labels.columns]
    if percent:
        plain[-1] = [f"{label}{suffix}" for label in plain[-1]]
    if len(plain) == 1:
        return pd.Index(plain[0], name=labels.columns[0])
    return pd.MultiIndex.from_arrays(plain, names=labels.columns)


def _polars_series(polars: Any, name: str, column: Any) -> Any:
    """Return a column as a Polars Series, without the way through pyarrow."""
    if _is_categorical(column) and pd.api.types.infer_dtype(column.categories) == "string":
        values = [label if isinstance(label, str) else None for label in column]
        return polars.Series(name, values, dtype=polars.Enum(column.categories.tolist()))
    if isinstance(column, np.ndarray) and column.dtype.kind == "f":
        series = polars.Series(name, column).fill_nan(None)
        return series.cast(polars.Int64) if name in COUNTS else series
    if isinstance(column, np.ndarray) and column.dtype != object:
        return polars.Series(name, column)
    values = [None if pd.isna(value) else value for value in column]
    if isinstance(next(iter(values), None), pd.Period | pd.Interval):
        values = [None if value is None else str(value) for value in values]
    return polars.Series(name, values)


# ---- concat ----------------------------------------------------------------------------------


def _check_same_columns(first: Estimates, part: Estimates, position: int) -> None:
    if part.verb != first.verb:
        raise OptionError(
            f"part {position} comes from {part.verb!r}; expected {first.verb!r} as part 0"
        )
    for kind in ("key_names", "measure_key_names", "own_names"):
        names, expected = getattr(part, kind), getattr(first, kind)
        if names != expected:
            raise OptionError(
                f"part {position} has {kind.replace('_', ' ')} {names}; expected {expected} as "
                "part 0"
            )


def _joined(name: str, columns: list[Any]) -> Any:
    """Return the parts of one column below each other."""
    if all(_is_categorical(column) for column in columns):
        return _joined_labels(columns)
    plain = [column.astype(object) if _is_categorical(column) else column for column in columns]
    numeric = {pd.api.types.is_numeric_dtype(column) for column in plain}
    if len(numeric) > 1:
        types = listing([str(column.dtype) for column in plain], last=" and ")
        raise DTypeError(f"column {name!r} has types {types} in the parts; make them the same")
    if any(_is_categorical(column) for column in columns):
        return _own_dtype([label for column in plain for label in column], 0)
    return _own_dtype(pd.concat([pd.Series(column) for column in plain], ignore_index=True), 0)


def _joined_labels(parts: list[pd.Categorical]) -> pd.Categorical:
    """Return the labels of all parts; categories in the first part's order, then the new ones."""
    if all(part.dtype == parts[0].dtype for part in parts):
        codes = np.concatenate([part.codes for part in parts])
        return pd.Categorical.from_codes(codes, dtype=parts[0].dtype)
    labels = list(dict.fromkeys(label for part in parts for label in part.categories))
    if TOTAL in labels:  # it stays the last also of categories that are joined
        labels = [label for label in labels if label != TOTAL] + [TOTAL]
    index = _text_index(labels)
    moved = [np.append(index.get_indexer(part.categories), -1)[part.codes] for part in parts]
    return pd.Categorical.from_codes(np.concatenate(moved), categories=index)


def _joined_meta(metas: list[dict[str, Any]]) -> dict[str, Any]:
    """Keep what all parts say alike; put the footnotes together; keep each part as it was."""
    alike = {
        name: value
        for name, value in metas[0].items()
        if all(name in meta and meta[name] == value for meta in metas)
    }
    footnotes = dict.fromkeys(note for meta in metas for note in meta.get("footnotes", ()))
    joined = {**alike, "parts": copy.deepcopy(metas)}
    return {**joined, "footnotes": list(footnotes)} if footnotes else joined


# ---- printed tables --------------------------------------------------------------------------


def _one_or_list(words: Any) -> Any:
    """Return the one word that all rows share, else the list of different ones."""
    if words is None or isinstance(words, str):
        return words
    different = list(dict.fromkeys(words))
    return different[0] if len(different) == 1 else different


class _PrintedTable:
    """The columns of a printed table, checked as they are read."""

    def __init__(self, frame: Any) -> None:
        self._frame = _as_pandas(frame)
        self.n = len(self._frame)

    def _column(self, name: str) -> pd.Series:
        if name not in self._frame.columns:
            raise unknown_column(name, self._frame.columns)
        return self._frame[name]

    def labels(self, name: str) -> Any:
        """Return a key column in its own dtype; text in NFC."""
        column = self._column(name)
        missing = column.isna().to_numpy()
        if missing.any():
            raise _at(MissingValueError, name, missing, "is missing", "every row needs its keys")
        return _composed(name, column).array

    def numbers(self, name: str | None) -> npt.NDArray[np.float64]:
        """Return a column of numbers; NaN throughout where none is named."""
        if name is None:
            return np.full(self.n, np.nan)
        column = self._column(name)
        if pd.api.types.infer_dtype(column, skipna=True) == "decimal":
            column = column.astype(np.float64)
        if not pd.api.types.is_numeric_dtype(column):
            error = DTypeError(f"column {name!r} must hold numbers, found {column.dtype}")
            error.column = name
            raise error
        return _floats(column, self.n)

    def counts(self, name: str | None) -> npt.NDArray[np.float64]:
        """Return a column of counts, finite and >= 0 where known."""
        counts = self.numbers(name)
        wrong = (counts < 0) | np.isinf(counts)
        if wrong.any():
            raise _at(ValueRangeError, name, wrong, "is negative or infinite", "counts are >= 0")
        return counts

    def figures(self, name: str | None, percent: bool) -> npt.NDArray[np.float64]:
        """Return a column of figures, finite where known; percent as fractions."""
        numbers = self.numbers(name)
        if np.isinf(numbers).any():
            raise _at(ValueRangeError, name, np.isinf(numbers), "is infinite", "figures are finite")
        return _shifted(numbers, -2) if percent else numbers

    def errors(self, name: str | None, percent: bool) -> npt.NDArray[np.float64]:
        """Return a column of standard errors, in the unit of the figures."""
        errors = self.figures(name, percent)
        if (errors < 0).any():
            raise _at(ValueRangeError, name, errors < 0, "is negative", "standard errors are >= 0")
        return errors

    def column_or_word(self, value: str | None) -> Any:
        """Return a column if there is one of this name, else the word for every row."""
        if value is None or value not in self._frame.columns:
            return value
        return self._column(value).astype(object).where(self._column(value).notna(), None)


def _as_pandas(frame: Any) -> pd.DataFrame:
    """Return any frame as pandas; printed tables are small."""
    if isinstance(frame, pd.DataFrame):
        return frame
    if isinstance(frame, Mapping):
        return pd.DataFrame(dict(frame))
    import narwhals.stable.v2 as nw

    try:
        table = nw.from_native(frame)
    except TypeError:
        raise DTypeError(
            f"a table must be a data frame or a mapping of columns, found {type(frame).__name__}"
        ) from None
    if isinstance(table, nw.LazyFrame):
        table = table.collect()
    return pd.DataFrame({name: _plain_column(nw, table[name]) for name in table.columns})


def _plain_column(nw: Any, column: Any) -> Any:
    if column.dtype == nw.Enum:
        return pd.Categorical(column.to_list(), categories=list(column.dtype.categories))
    return column.to_numpy() if column.dtype.is_numeric() else pd.Series(column.to_list())


def _composed(name: str, column: pd.Series) -> pd.Series:
    """Return text labels in NFC, with a warning where they were not."""
    is_category = _is_categorical(column)
    labels = column.cat.categories if is_category else column
    if pd.api.types.infer_dtype(labels) != "string":
        return column
    composed = [unicodedata.normalize("NFC", label) for label in labels]
    if composed == list(labels):
        return column
    warnings.warn(
        f"labels of column {name!r} were not in NFC; they are composed in the result",
        LabelWarning,
        stacklevel=5,
    )
    if is_category and len(set(composed)) == len(composed):
        return column.cat.rename_categories(composed)
    return column.astype(object).map(dict(zip(labels, composed, strict=True)))


def _check_proportions(
    figures: npt.NDArray[np.float64], measure: str, name: str, percent: bool
) -> None:
    outside = (figures < 0) | (figures > 1)
    if measure not in PROPORTIONS or not outside.any():
        return
    if percent:
        raise _at(ValueRangeError, name, outside, "is outside 0..100", f"a {measure} in percent")
    raise _at(
        ValueRangeError,
        name,
        outside,
        "is outside 0..1",
        f"a {measure} is a fraction; pass percent=True if the column is in percent",
    )


def _check_parts(
    above: npt.NDArray[np.float64], below: npt.NDArray[np.float64], measure: str, name: str | None
) -> None:
    if measure in PROPORTIONS and (above > below).any():
        raise _at(
            ValueRangeError, name, above > below, "is above its denominator", "it is a part of it"
        )


def _at(
    kind: type[Any], name: str | None, wrong: npt.NDArray[np.bool_], fault: str, expected: str
) -> Any:
    """Return an error that names the column and its first wrong row."""
    row = int(np.argmax(wrong))
    error = kind(f"{name}[{row}] {fault}; {expected}")
    error.column, error.row = name, row
    return error
