"""The one result object: a frozen record around one tidy table.

Every verb returns an `Estimates`. It keeps arrays, and builds a pandas, Polars or Arrow table
when asked. Key columns come first in their own dtype, then what was measured, then the columns
common to all results. It is a record, not a calculator: the difference of two estimates needs
their joint covariance, so `a - b` is not defined and `povertycore.change` is.
"""

from __future__ import annotations

import copy
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from .covariance import as_rows, contrast, cov_of
from .errors import (
    DuplicateNameError,
    LimitError,
    OptionError,
    listing,
    missing_extra,
    unknown_column,
    unknown_option,
)
from .fields import (
    COMMON,
    COUNTS,
    LABELS,
    NUMBERS,
    OWN_IN_UNIT,
    PROPORTIONS,
    SIZES,
    as_counts,
    as_floats,
    as_frame,
    as_labels,
    columns_axis,
    common_length,
    has_label,
    is_among,
    label_ranks,
    listed_names,
    own_dtype,
    polars_series,
    ratio_of,
    rows_axis,
    shifted,
    spread_cells,
    text_as_labels,
)
from .printed import PrintedTable, check_parts, check_proportions, one_or_list

if TYPE_CHECKING:
    from .present.plot import Plotter
    from .sampling import Joint

__all__ = ["Estimates"]

# Columns in the unit of the estimate: they turn into percent together.
IN_UNIT_OF_ESTIMATE = (*OWN_IN_UNIT, "estimate", "se", "ci_low", "ci_high")
# The keys of one-way tables stand in the order asked, the whole first; all others are sorted.
ONE_WAY = ("over", "level")
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
        n = common_length(
            {**keys, **measure_keys, "measure": measure, **own, **numbers, **counts, **sizes,
             **labels}
        )  # fmt: skip
        columns = {name: own_dtype(values, n) for name, values in keys.items()}
        columns |= {name: text_as_labels(values, n) for name, values in measure_keys.items()}
        columns["measure"] = as_labels(measure, n)
        columns |= {name: text_as_labels(values, n) for name, values in own.items()}
        columns |= {name: as_floats(values, n) for name, values in numbers.items()}
        columns |= {name: as_counts(values, n) for name, values in counts.items()}
        columns |= {name: as_floats(values, n) for name, values in sizes.items()}
        columns |= {name: as_labels(values, n) for name, values in labels.items()}
        if proportion is None:
            proportion = is_among(columns["measure"], PROPORTIONS)
        self._set(
            _columns=columns,
            _key_names=tuple(keys),
            _measure_key_names=tuple(measure_keys),
            _own_names=tuple(own),
            _verb=verb,
            _meta=dict(meta or {}),
            _sample=np.zeros(n, dtype=np.int64),
            _source=as_labels(None, n),
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
            keep &= has_label(name, self._columns[name], wanted)
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
        index, columns = listed_names(index), listed_names(columns)
        if not index:
            raise OptionError("index must name at least one column, found none")
        for name in (*index, *columns, values):
            if name not in self._columns:
                raise unknown_column(name, self._columns)
        self._check_one_row_per_cell(index, columns)
        filled = self._columns[values]
        if percent:
            self._check_all_fractions([values])
            filled = shifted(filled, 2)
        rows, row_of = self._distinct(index)
        cols, col_of = self._distinct(columns)
        column_axis = columns_axis(cols, values, percent)
        cells = spread_cells(filled, row_of, col_of, (len(rows), len(column_axis)))
        return pd.DataFrame(cells, index=rows_axis(rows), columns=column_axis)

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
        return as_frame(self._columns, len(self))

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
            [polars_series(polars, name, self._columns[name]) for name in self._columns]
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
                frame[name] = shifted(self._columns[name], 2)
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
        table = PrintedTable(frame)
        key_columns = {name: table.labels(name) for name in listed_names(keys)}
        what = {"variable": variable}
        what |= {name: key_columns.pop(name) for name in ("variable", "category")
                 if name in key_columns}  # fmt: skip
        if estimate is None and (numerator is None or denominator is None):
            raise OptionError("from_table needs estimate=, or numerator= and denominator=")
        if percent and measure == "total":
            raise OptionError("percent=True is for rates; a total is not in percent")
        above = table.counts(numerator)
        below = table.counts(denominator)
        check_parts(above, below, measure, numerator)
        if estimate is None:
            figures = ratio_of(above, below)
        else:
            figures = table.figures(estimate, percent)
            check_proportions(figures, measure, estimate, percent)
        errors = table.errors(se, percent)
        sources = table.column_or_word(source)
        made = cls(
            key_columns,
            measure_keys=what,
            measure=measure,
            estimate=figures,
            se=errors,
            cv=ratio_of(errors, figures),
            numerator=above,
            denominator=below,
            population=below,
            unit=unit,
            standard=table.column_or_word(getattr(standard, "id", standard)),
            note=np.where(np.isnan(figures), "no figure in the table", ""),
            verb=measure if measure in ("rate", "total", "mean", "ratio") else "from_table",
            meta={"source": one_or_list(sources), "rows_read": table.n},
        )
        made._set(_source=as_labels(sources, table.n))
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
        return has_label(name, self._columns[name], label)

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
        both = {**changed, **{name: text_as_labels(own[name], len(self)) for name in own}}
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
        ranks = label_ranks(self._columns[name], sort=name not in ONE_WAY)
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
        return as_frame(labels, len(first)), place

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
