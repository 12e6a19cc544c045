"""How the rows were sampled and what they stand for.

A `Design` names columns and rules; it holds no data. One design serves many files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from numbers import Real
from typing import TYPE_CHECKING, Any

from .errors import DesignError, OptionError, unknown_option

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Design", "Replicates"]

COUNTS = ("households", "persons")
WORDS: dict[str, tuple[str | None, ...]] = {
    "row": ("household", "person"),
    "lonely": ("error", "certainty", "average", "adjust"),
    "lonely_domain": (None, "certainty", "average", "adjust"),
    "deff": (None, "replace"),
    "waves": (None, "independent"),
}
REPLICATE_KINDS = ("jk1", "jkn", "brr", "fay", "bootstrap", "successive_difference", "other")
COLUMNS = ("weight", "size", "strata", "psu", "ssu", "fpc", "fpc2", "period")
# What makes a file a sample: with one of these, estimates have standard errors.
SAMPLING = ("strata", "psu", "ssu", "fpc", "fpc2", "replicates")


class _Described:
    """A record whose repr shows only what was said."""

    def __repr__(self) -> str:
        said = (
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)  # type: ignore[arg-type]
            if getattr(self, field.name) != field.default
        )
        return f"{type(self).__name__}({', '.join(said)})"


@dataclass(frozen=True, kw_only=True, repr=False)
class Replicates(_Described):
    """Replicate weights: columns of the data, or a recipe to make them.

    Parameters
    ----------
    weights : sequence of str, optional
        Columns of replicate weights. Without it the weights are made from the design's strata
        and PSUs.
    kind : {"jk1", "jkn", "brr", "fay", "bootstrap", "successive_difference", "other"}
        How the replicates were, or will be, formed.
    n : int, optional
        How many to make; only for a bootstrap without `weights`.
    fay : float, optional
        Fay's factor, between 0 and 1; only for kind "fay".
    scale : float, optional
        Factor of the sum of squared deviations; needed for kind "other".
    rscales : sequence of float, optional
        One factor per replicate.
    mse : bool, default False
        Centre on the estimate from the full sample instead of the mean of the replicates.
    df : int or float, optional
        Degrees of freedom; otherwise the rank of the replicate weights minus 1.
    rng : int, default 0
        Seed of a bootstrap that is made.

    Raises
    ------
    OptionError
        An argument has a value that it does not take.
    DesignError
        Two arguments contradict each other.

    Examples
    --------
    >>> pc.Replicates(weights=["r1", "r2"], kind="brr")
    Replicates(weights=('r1', 'r2'), kind='brr')
    """

    weights: Sequence[str] | None = None
    kind: str
    n: int | None = None
    fay: float | None = None
    scale: float | None = None
    rscales: Sequence[float] | None = None
    mse: bool = False
    df: float | None = None
    rng: int = 0

    def __post_init__(self) -> None:
        if self.kind not in REPLICATE_KINDS:
            raise unknown_option("kind", self.kind, REPLICATE_KINDS)
        if self.weights is not None:
            object.__setattr__(self, "weights", _column_names("weights", self.weights))
        if self.rscales is not None:
            object.__setattr__(self, "rscales", _factors(self.rscales))
        _check_flag("mse", self.mse)
        for name in ("scale", "df"):
            if getattr(self, name) is not None:
                _check_positive(name, getattr(self, name))
        _check_whole("rng", self.rng, least=0)
        self._check_kind()
        self._check_number()

    def _check_kind(self) -> None:
        if (self.kind == "fay") != (self.fay is not None):
            raise DesignError("fay= belongs to kind='fay', and kind='fay' needs it")
        if self.fay is not None and not (_is_number(self.fay) and 0 < self.fay < 1):
            raise _option("fay", "a number between 0 and 1", self.fay)
        if self.kind == "other" and self.scale is None:
            raise DesignError("kind='other' needs scale=")
        if self.kind in ("other", "successive_difference") and self.weights is None:
            raise DesignError(f"replicates of kind {self.kind!r} are not made; name weights=")

    def _check_number(self) -> None:
        to_be_drawn = self.kind == "bootstrap" and self.weights is None
        if to_be_drawn != (self.n is not None):
            raise DesignError("n= belongs to a bootstrap without weights=, which needs it")
        if self.n is not None:
            _check_whole("n", self.n, least=2)
        if self.weights is None and self.rscales is not None:
            raise DesignError("rscales= needs weights=")
        if self.weights is not None and self.rscales is not None:
            if len(self.rscales) != len(self.weights):
                raise DesignError(
                    f"rscales has {len(self.rscales)} factors; expected {len(self.weights)}, one "
                    "per column of weights"
                )


@dataclass(frozen=True, kw_only=True, repr=False)
class Design(_Described):
    r"""What a row stands for, and how rows were sampled; names columns and holds no data.

    Without `strata`, `psu` or `replicates` the data is a register: all units are there, and
    estimates carry no sampling error.

    Parameters
    ----------
    weight : str, optional
        Column of how many population units the row stands for; finite, >= 0. Without it each
        row counts once.
    size : str, optional
        Column of the number of household members. Persons are then counted: weight x size.
    row : {"household", "person"}, default "household"
        What a row is.
    strata : str, optional
        Column of the strata of the first stage. Without `psu` each row is a PSU.
    psu : str, optional
        Column of the primary sampling units; "row" if each row is one.
    ssu : str, optional
        Column of the second-stage units, "row" if each row is one; needs `psu`. It matters where
        `fpc2` is given: otherwise PSUs are drawn with replacement, or were observed completely.
    fpc : str, optional
        Column of the PSUs in the population of the stratum, or of the fraction sampled (all at
        most 1). Without it PSUs are drawn with replacement.
    fpc2 : str, optional
        The same for the second-stage units of the PSU; needs `fpc`.
    period : str, optional
        Column that separates samples of different periods: strata, fractions and lonely PSUs are
        those of a period, and PSUs that are in several are matched by their label.
    lonely : {"error", "certainty", "average", "adjust"}, default "error"
        What to do with a stratum that has one PSU in the sample and was not drawn completely:
        raise, add nothing, multiply the variance by strata over strata with a variance, or take
        the PSU's part from the mean of all PSUs of the period. A second-stage unit alone in its
        PSU raises under "error", and adds nothing under the other words.
    lonely_domain : {"certainty", "average", "adjust"}, optional
        The same for a stratum left with one PSU by a domain only; by default, and with
        "certainty", its other PSUs count as zeros.
    df : {"strata"} or float, optional
        Degrees of freedom: "strata" counts all PSUs of the strata that hold a row of the
        domain; by default only PSUs that hold one are counted. Or their number.
    deff : {"replace"}, optional
        Design effects beside a simple random sample with replacement; by default without.
    waves : {"independent"}, optional
        Equal PSU codes in two periods are different PSUs; needs `period`.
    nest : bool, default True
        PSU codes are numbered anew within each stratum.
    replicates : Replicates, optional
        Replicate weights.

    Raises
    ------
    OptionError
        An argument has a value that it does not take.
    DesignError
        Two arguments contradict each other.

    Notes
    -----
    With z the linearised parts of an estimate by PSU, n PSUs in the sample of stratum h and f the
    fraction drawn [1]_,

    .. math:: V = \sum_h (1 - f_h) \frac{n_h}{n_h - 1} \sum_{c \in h} (z_c - \bar z_h)^2

    PSUs without a row of the domain count, as zeros.

    References
    ----------
    .. [1] Cochran, W. G. (1977). Sampling Techniques, 3rd ed. Wiley, ch. 11.

    Examples
    --------
    >>> design = pc.Design(weight="w", size="hhsize", strata="stratum", psu="ea")
    >>> design
    Design(weight='w', size='hhsize', strata='stratum', psu='ea')
    >>> design.unit(), design.unit(count="households")
    ('persons', 'households')
    """

    weight: str | None = None
    size: str | None = None
    row: str = "household"
    strata: str | None = None
    psu: str | None = None
    ssu: str | None = None
    fpc: str | None = None
    fpc2: str | None = None
    period: str | None = None
    lonely: str = "error"
    lonely_domain: str | None = None
    df: str | float | None = None
    deff: str | None = None
    waves: str | None = None
    nest: bool = True
    replicates: Replicates | None = None

    def __post_init__(self) -> None:
        for name in COLUMNS:
            if getattr(self, name) is not None:
                _check_column_name(name, getattr(self, name))
        for name, options in WORDS.items():
            if getattr(self, name) not in options:
                raise unknown_option(name, getattr(self, name), options)
        _check_flag("nest", self.nest)
        if self.df is not None and self.df != "strata":
            _check_positive("df", self.df, other="'strata' or ")
        self._check_stages()
        self._check_replicates()

    def _check_stages(self) -> None:
        if self.fpc is not None and self.strata is None and self.psu is None:
            raise DesignError("fpc= needs strata= or psu= (psu='row' for a sample of rows)")
        if self.fpc2 is not None and self.fpc is None:
            raise DesignError("fpc2= needs fpc=")
        if self.fpc2 is not None and self.ssu is None:
            raise DesignError("fpc2= needs ssu=")
        if self.ssu is not None and self.psu in (None, "row"):
            raise DesignError("ssu= needs psu=, the column of the units it lies in")
        if self.waves is not None and self.period is None:
            raise DesignError("waves= needs period=")

    def _check_replicates(self) -> None:
        if self.replicates is None:
            return
        if not isinstance(self.replicates, Replicates):
            raise _option("replicates", "a Replicates", self.replicates)
        sampled = [name for name in SAMPLING[:-1] if getattr(self, name) is not None]
        if self.replicates.weights is not None and sampled:
            raise DesignError(
                f"replicate weights already carry the design; leave {_words(sampled)} out"
            )

    def unit(self, count: str | None = None) -> str:
        """Return what is counted: "households" or "persons".

        Parameters
        ----------
        count : {"households", "persons"}, optional
            Overrides the design.

        Returns
        -------
        str
            With `size` persons, otherwise what a row is.

        Raises
        ------
        DesignError
            The rows cannot be counted so: persons need `size`, or rows that are persons.
        """
        if count is None:
            return "persons" if self.size is not None else f"{self.row}s"
        if count not in COUNTS:
            raise unknown_option("count", count, COUNTS)
        if count == "persons" and self.row == "household" and self.size is None:
            raise DesignError("count='persons' needs Design(size=...), the column of members")
        if count == "households" and self.row == "person":
            raise DesignError("count='households' needs rows that are households, not persons")
        return count

    def size_column(self, count: str | None = None) -> str | None:
        """Return the column that multiplies the weight when `count` is counted, if any.

        Parameters
        ----------
        count : {"households", "persons"}, optional
            Overrides the design.

        Returns
        -------
        str or None
            `size` where persons are counted.
        """
        return self.size if self.unit(count) == "persons" else None

    def summary(self, data: Any) -> pd.DataFrame:
        """Describe a file under this design: strata, PSUs, weights.

        Parameters
        ----------
        data : DataFrame or mapping of str to array_like
            The file, as the measures take it.

        Returns
        -------
        DataFrame
            One row per period: `n_obs` rows; of a sample `n_strata`, `n_psu`, the fewest and most
            PSUs of a stratum, the smallest and largest sampled fraction, `df` (PSUs minus strata)
            and `lonely_rows`, the position of the first row of each stratum with one PSU; range
            and sum of the weights (without household size), and `kish_effect`.

        Notes
        -----
        Kish's effect of unequal weights is n sum w^2 / (sum w)^2, of the n rows with a positive
        weight [1]_. Lonely PSUs are listed, never an error.

        References
        ----------
        .. [1] Kish, L. (1965). Survey Sampling. Wiley, 11.7.

        Examples
        --------
        Weights 1, 1, 2: the effect is 3 (1 + 1 + 4)/16.

        >>> table = {"region": ["n", "n", "s"], "ea": [1, 2, 1], "w": [1, 1, 2]}
        >>> summary = pc.Design(weight="w", strata="region", psu="ea").summary(table)
        >>> summary[["n_obs", "n_strata", "n_psu", "df", "lonely_rows", "kish_effect"]]
           n_obs  n_strata  n_psu  df lonely_rows  kish_effect
        0      3         2      3   1         [2]        1.125
        """
        from .structure import summary_of

        return summary_of(data, self)

    def columns(self) -> list[str]:
        """Return the names of all columns that the design uses.

        Returns
        -------
        list of str
            In the order of the arguments; replicate weights last.
        """
        named = [getattr(self, name) for name in COLUMNS]
        if self.replicates is not None and self.replicates.weights is not None:
            named += self.replicates.weights
        return [name for name in named if name is not None and name != "row"]


def _words(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _option(argument: str, expected: str, found: Any) -> OptionError:
    error = OptionError(f"{argument} must be {expected}, found {found!r}")
    error.argument = argument
    return error


def _check_column_name(argument: str, name: Any) -> None:
    if not isinstance(name, str) or not name:
        found = "an empty text" if name == "" else type(name).__name__
        error = OptionError(f"{argument} must be the name of a column, found {found}")
        error.argument = argument
        raise error


def _column_names(argument: str, names: Any) -> tuple[str, ...]:
    if isinstance(names, str) or not isinstance(names, Sequence) or not names:
        raise _option(argument, "a list of column names", names)
    for name in names:
        _check_column_name(argument, name)
    if len(set(names)) < len(names):
        raise DesignError(f"{argument} names a column twice")
    return tuple(names)


def _factors(factors: Any) -> tuple[float, ...]:
    for factor in factors:
        if not _is_number(factor) or factor < 0:
            raise _option("rscales", "numbers >= 0", factor)
    return tuple(float(factor) for factor in factors)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _check_positive(argument: str, value: Any, other: str = "") -> None:
    if not _is_number(value) or value <= 0:
        raise _option(argument, f"{other}a number above 0", value)


def _check_whole(argument: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise _option(argument, f"a whole number >= {least}", value)


def _check_flag(argument: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise _option(argument, "True or False", value)


def design_of(design: Any) -> Design:
    """Return a design; without one every row counts once."""
    if design is None:
        return Design()
    if not isinstance(design, Design):
        error = OptionError(
            f"design must be a Design, as pc.Design(weight='w'), found {type(design).__name__}"
        )
        error.argument = "design"
        raise error
    return design
