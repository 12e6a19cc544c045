"""What counts as deprived, and how much: dimensions, indicators, weights and cut-offs.

Weights and cut-offs are exact fractions. A score is a sum of weights, an integer over their common
denominator, and is compared with a cut-off as such: twelve equal indicators and a cut-off of 1/2
keep every household with exactly six deprivations.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import unicodedata
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from html import escape
from math import ceil, lcm
from types import MappingProxyType
from typing import Any

import numpy as np

from .. import _core
from ..errors import (
    CutoffWarning,
    DuplicateNameError,
    LimitError,
    OptionError,
    listing,
    unknown_option,
)
from ..inputs import Frame
from .fraction import as_fraction, subset_sums
from .indicator import Indicator, indicator_of
from .tables import option_error

__all__ = ["Indicator", "Spec", "as_fraction"]

MOST_INDICATORS = 64
NEAR = Fraction(1, 200)
DEFAULT = "default"
MARK = "†"

Weights = tuple[Fraction, ...]


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Spec:
    """Dimensions, their indicators, weights and cut-offs of a multidimensional measure.

    Parameters
    ----------
    dimensions : mapping of str to list
        Dimension to its indicators. An indicator is the name of a column that holds 1 (deprived),
        0 or missing; an `Indicator`, for a rule on a raw column; or a mapping with its words.
    weights : mapping, optional
        Of every dimension, shared equally by its indicators; or of every indicator. Each is exact:
        "1/6", a Fraction, an integer, or a float near a fraction. By default every dimension weighs
        alike, and within it every indicator.
    name, version : str, optional
        What it is called.
    k : fraction or list, optional
        The cut-offs that are used where none is asked for; above 0 and at most 1.
    schemes : mapping of str to mapping, optional
        More weightings by name, each as `weights`. Beside `weights`, which are called "default",
        or in place of them.
    source, note : str, optional
        Where it comes from; what its figures are not.
    relative : bool, optional
        Scale the weights so that they sum to 1; else another sum is an error.

    Attributes
    ----------
    indicators : tuple of Indicator
        In the order of the dimensions. `ids` are their names.
    dimensions : mapping of str to tuple of str
        The ids of each dimension's indicators.
    weights : tuple of Fraction
        Of the first scheme, in the order of the indicators.
    schemes : mapping of str to tuple of Fraction
        All weightings.
    k : tuple of Fraction or None
        The cut-offs.
    digest : str
        Tells specifications apart that give different answers.

    Raises
    ------
    OptionError
        There is no indicator; weights do not sum to 1, are negative, incomplete, or name what is
        not there; a cut-off is out of range.
    DuplicateNameError
        An indicator or a scheme stands twice.
    LimitError
        There are more than 64 indicators.

    Notes
    -----
    Nested equal weights are the usual choice [1]_. A float is read as the fraction with the
    smallest denominator up to 1,000 within 1e-9 of it, else as its shortest decimal.

    References
    ----------
    .. [1] Alkire, S. and Foster, J. (2011). Counting and multidimensional poverty measurement.
       Journal of Public Economics 95(7-8), 476-487.

    Examples
    --------
    Two dimensions weigh 1/2 each; the first has two indicators.

    >>> pc.Spec({"health": ["ill", "hungry"], "school": ["absent"]}, k="1/2")
    Spec: 3 indicators in 2 dimensions, k = 1/2
    dimension  indicator  weight
    health     ill           1/4
    health     hungry        1/4
    school     absent        1/2

    Rules read raw columns; other weights are given by dimension or by indicator.

    >>> spec = pc.Spec(
    ...     {
    ...         "housing": [pc.Indicator("crowded", "area", below=8, unit="m2 per person")],
    ...         "water": [{"id": "water", "column": "source", "in": ["river", "pond"]}],
    ...     },
    ...     weights={"housing": "1/3", "water": "2/3"},
    ... )
    >>> hh = pd.DataFrame({"area": [5.0, 8.0, None], "source": ["river", "tap", "pond"]})
    >>> pc.multidim(hh, spec, k="2/3").to_frame()[["measure", "estimate", "n_obs"]]
      measure  estimate  n_obs
    0       H       0.5      2
    1       A       1.0      2
    2      M0       0.5      2
    """

    name: str
    version: str
    source: str
    note: str
    indicators: tuple[Indicator, ...]
    k: tuple[Fraction, ...] | None
    _schemes: dict[str, Weights] = field()

    def __init__(
        self,
        dimensions: Mapping[str, Iterable[Any]],
        weights: Mapping[str, Any] | None = None,
        *,
        name: str = "",
        version: str = "",
        k: Any = None,
        schemes: Mapping[str, Any] | None = None,
        source: str = "",
        note: str = "",
        relative: bool = False,
    ) -> None:
        put = object.__setattr__
        words = {"name": name, "version": version, "source": source, "note": note}
        for word, text in words.items():
            if not isinstance(text, str):
                raise option_error(word, f"{word} must be text, found {text!r}")
            put(self, word, unicodedata.normalize("NFC", text))
        put(self, "indicators", indicators_of(dimensions))
        put(self, "_schemes", self._schemes_of(weights, schemes, relative))
        put(self, "k", None if k is None else cutoffs_of_spec(k))

    def _schemes_of(
        self, weights: Any, schemes: Mapping[str, Any] | None, relative: bool
    ) -> dict[str, Weights]:
        """Read all weightings."""
        if schemes is not None and not isinstance(schemes, Mapping):
            raise option_error(
                "schemes", f"schemes maps names to weights, found {type(schemes).__name__}"
            )
        given = list((schemes or {}).items())
        if weights is not None or not given:
            given.insert(0, (DEFAULT, weights))
        found: dict[str, Weights] = {}
        for name, values in given:
            label = unicodedata.normalize("NFC", str(name))
            if label in found:
                raise DuplicateNameError(f"the scheme {label!r} stands twice")
            found[label] = weights_of(self, values, relative, label)
        return found

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The names of the indicators."""
        return tuple(indicator.id for indicator in self.indicators)

    @property
    def dimensions(self) -> Mapping[str, tuple[str, ...]]:
        """The names of each dimension's indicators."""
        found: dict[str, tuple[str, ...]] = {}
        for one in self.indicators:
            found[one.dimension] = (*found.get(one.dimension, ()), one.id)
        return MappingProxyType(found)

    @property
    def schemes(self) -> Mapping[str, Weights]:
        """All weightings by name, in the order of the indicators."""
        return MappingProxyType(self._schemes)

    @property
    def weights(self) -> Weights:
        """The weights of the first scheme."""
        return next(iter(self._schemes.values()))

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns read from a frame of households."""
        return tuple(dict.fromkeys(one.household_column for one in self.indicators))

    @cached_property
    def digest(self) -> str:
        """Tells specifications apart: equal where all answers are, in their order, too.

        Names, sources and wordings are not part of it; indicators, columns, rules, weights, names
        of schemes and cut-offs are.
        """
        content = {
            "indicators": [[one.dimension, *one.canonical()] for one in self.indicators],
            "schemes": [[name, list(map(str, ws))] for name, ws in self._schemes.items()],
            "k": None if self.k is None else list(map(str, self.k)),
        }
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def of_scheme(self, scheme: str | None = None) -> Weights:
        """Return the weights of a scheme, by default the first."""
        if scheme is None:
            return self.weights
        if scheme not in self._schemes:
            raise unknown_option("scheme", scheme, self._schemes)
        return self._schemes[scheme]

    def integer_weights(self, scheme: str | None = None) -> tuple[tuple[int, ...], int]:
        """Return the weights as numerators over their least common denominator.

        Parameters
        ----------
        scheme : str, optional
            By default the first.

        Returns
        -------
        tuple of int, int
            One numerator per indicator, and the denominator, which is their sum.

        Examples
        --------
        >>> pc.Spec({"health": ["ill", "hungry"], "school": ["absent"]}).integer_weights()
        ((1, 1, 2), 4)
        """
        weights = self.of_scheme(scheme)
        denominator = lcm(*(weight.denominator for weight in weights))
        return tuple(int(weight * denominator) for weight in weights), denominator

    def columns(self, data: Any) -> list[_core.Column]:
        """Return the indicators' columns of 0, 1 or missing, rules evaluated.

        Parameters
        ----------
        data : DataFrame or mapping of str to array_like
            One row per household.

        Returns
        -------
        list of _core.Column
            One per indicator. A column without a rule is the data's own, and not copied.

        Raises
        ------
        ColumnNotFoundError
            A column is not in `data`.
        DTypeError
            A column holds text where numbers are needed, or the reverse.
        """
        frame = Frame.of(data, self.needed)
        return [indicator.column_of(frame) for indicator in self.indicators]

    def attainable(self, scheme: str | None = None) -> tuple[Fraction, ...]:
        """Return all scores a household can have, from 0 to 1.

        Parameters
        ----------
        scheme : str, optional
            By default the first.

        Returns
        -------
        tuple of Fraction
            Ascending, each once.

        Raises
        ------
        LimitError
            There are more than a million.

        Examples
        --------
        >>> [str(score) for score in pc.Spec({"a": ["x", "y"], "b": ["z"]}).attainable()]
        ['0', '1/4', '1/2', '3/4', '1']
        """
        numerators, denominator = self.integer_weights(scheme)
        sums = subset_sums(numerators, denominator)
        if sums is None:
            raise LimitError(
                "the weights have more than a million attainable scores; give the cut-offs k"
            )
        return tuple(Fraction(int(one), denominator) for one in sums)

    def cutoff(self, k: Any, scheme: str | None = None) -> Fraction:
        """Read a cut-off exactly, and warn if it lies beside an attainable score.

        Parameters
        ----------
        k : str, Fraction, int or float
            Above 0, at most 1.
        scheme : str, optional
            The weights; by default the first.

        Returns
        -------
        Fraction
            The cut-off. A household whose score is at least that is poor.

        Raises
        ------
        OptionError
            It is no number, or out of range.

        Warns
        -----
        CutoffWarning
            It is within 0.005 of an attainable score, but not equal to it.

        Examples
        --------
        >>> pc.Spec({"a": ["x"], "b": ["y"], "c": ["z"]}).cutoff(1 / 3)
        Fraction(1, 3)
        """
        cutoff = cutoff_of(k)
        numerators, denominator = self.integer_weights(scheme)
        sums = subset_sums(numerators, denominator)
        if sums is not None:
            name = next(iter(self._schemes)) if scheme is None else scheme
            whose = "" if len(self._schemes) == 1 else f" of scheme {name!r}"
            warn_if_near(cutoff, sums, denominator, whose)
        return cutoff

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Spec:
        """Make a specification from a mapping, as `to_dict` gives it.

        Parameters
        ----------
        content : mapping
            "dimensions", and as wanted "weights", "schemes", "k", "name", "version", "source",
            "note", "relative"; each as the parameter of that name.

        Returns
        -------
        Spec
            The specification.

        Raises
        ------
        FileFormatError
            A key is missing or unknown.

        Examples
        --------
        >>> pc.Spec.from_dict({"dimensions": {"health": ["ill"]}, "k": "1"}).weights
        (Fraction(1, 1),)
        """
        from .spec_file import spec_from

        return spec_from(content, "the specification")

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], **changes: Any) -> Spec:
        r"""Read a specification from a TOML, JSON, CSV or Excel file.

        Parameters
        ----------
        path : str or path
            A file that ends in .toml, .json, .csv or .xlsx.
        **changes
            Words of the specification in place of the file's, as ``k="1/3"``: a table has no
            place for them.

        Returns
        -------
        Spec
            The specification.

        Raises
        ------
        FileFormatError
            There is no such file, or it does not hold a specification; the message says what is
            missing.

        Notes
        -----
        TOML and JSON hold the words of `from_dict`. A table has a row per indicator, and columns
        `dimension` and `indicator`; as wanted `column`, `weight`, `dimension_weight`, ``weight:``
        and the name of another scheme, and the words of `Indicator`. Values of a list are separated
        by a semicolon; what is a number is read as one, except in quotes.

        Examples
        --------
        >>> from pathlib import Path
        >>> text = "dimension,indicator,weight,below\nhousing,area,1/3,8\nschool,absent,2/3,"
        >>> _ = Path("mine.csv").write_text(text, encoding="utf-8")
        >>> pc.Spec.from_file("mine.csv", k="1/3")
        Spec mine: 2 indicators in 2 dimensions, k = 1/3
        dimension  indicator  weight  deprived when
        housing    area          1/3  area < 8
        school     absent        2/3  absent
        """
        from .spec_file import read_file

        return read_file(path, changes)

    def to_dict(self) -> dict[str, Any]:
        """Return the specification as plain lists, texts and mappings.

        Returns
        -------
        dict
            What `from_dict` takes; fractions are text, as "1/6".
        """
        dimensions: dict[str, list[Any]] = {}
        for one in self.indicators:
            content = one.to_dict()
            dimensions.setdefault(one.dimension, []).append(
                one.id if len(content) == 1 else content
            )
        words = ("name", "version", "source", "note")
        out: dict[str, Any] = {word: getattr(self, word) for word in words if getattr(self, word)}
        if self.k is not None:
            out["k"] = list(map(str, self.k))
        out["dimensions"] = dimensions
        out["schemes"] = {
            name: dict(zip(self.ids, map(str, weights), strict=True))
            for name, weights in self._schemes.items()
        }
        return out

    def to_file(self, path: str | os.PathLike[str]) -> None:
        """Write a TOML, JSON, CSV or Excel file that `from_file` reads.

        Parameters
        ----------
        path : str or path
            Its ending says the kind. A table has no place for `k`, `name` and the like.

        Raises
        ------
        FileFormatError
            The ending is none of .toml, .json, .csv, .xlsx.
        """
        from .spec_file import write_file

        write_file(self, path)

    def unverified(self) -> tuple[Indicator, ...]:
        """Return the indicators that, or whose wordings, were not read in a source."""
        return tuple(one for one in self.indicators if not (one.verified and one.wording_verified))

    def about(self) -> dict[str, Any]:
        """Return what results say of their specification."""
        words = ("name", "version", "source", "note")
        out: dict[str, Any] = {word: getattr(self, word) for word in words if getattr(self, word)}
        names = [one.id for one in self.indicators if not one.verified]
        wordings = [one.id for one in self.indicators if not one.wording_verified]
        lists = {"unverified": names, "unverified_wordings": wordings}
        return out | {word: ids for word, ids in lists.items() if ids}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Spec):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return text_table(self)

    def _repr_html_(self) -> str:
        return html_table(self)


# --- indicators and weights -----------------------------------------------------------------------


def indicators_of(dimensions: Any) -> tuple[Indicator, ...]:
    """Read the indicators of all dimensions."""
    if not isinstance(dimensions, Mapping):
        raise option_error(
            "dimensions",
            "dimensions maps each dimension to a list of indicators, as {'health': ['ill']}; found"
            f" {type(dimensions).__name__}",
        )
    found: list[Indicator] = []
    labels: set[str] = set()
    for name, members in dimensions.items():
        label = unicodedata.normalize("NFC", str(name))
        if label in labels:
            raise DuplicateNameError(f"the dimension {label!r} stands twice")
        labels.add(label)
        if isinstance(members, str | Indicator | Mapping) or not isinstance(members, Iterable):
            raise option_error(
                "dimensions",
                f"dimension {label!r} is a list of indicators, found {type(members).__name__}",
            )
        inside = [indicator_of(one, label) for one in members]
        if not inside:
            raise option_error("dimensions", f"dimension {label!r} has no indicator")
        found += inside
    check_indicators(found)
    return tuple(found)


def check_indicators(found: Sequence[Indicator]) -> None:
    """Check that there are indicators, not too many, each once."""
    if not found:
        raise option_error("dimensions", "there is no dimension; give at least one indicator")
    if len(found) > MOST_INDICATORS:
        raise LimitError(f"there are {len(found)} indicators; at most {MOST_INDICATORS} are taken")
    places: dict[str, str] = {}
    for one in found:
        if one.id in places:
            raise DuplicateNameError(
                f"the indicator {one.id!r} stands twice, in dimensions {places[one.id]!r} and"
                f" {one.dimension!r}"
            )
        places[one.id] = one.dimension


def weights_of(spec: Spec, given: Any, relative: bool, scheme: str) -> Weights:
    """Return the weight of each indicator, which sum to 1."""
    dimensions = spec.dimensions
    if given is None:
        given = {name: Fraction(1, len(dimensions)) for name in dimensions}
    if not isinstance(given, Mapping):
        raise option_error(
            "weights",
            "weights maps every dimension or every indicator to its weight; found"
            f" {type(given).__name__}",
        )
    read = {unicodedata.normalize("NFC", str(name)): weight for name, weight in given.items()}
    by_dimension = is_by_dimension(spec, read)
    exact = {name: weight_of(name, weight) for name, weight in read.items()}
    if by_dimension:
        weights = tuple(
            exact[one.dimension] / len(dimensions[one.dimension]) for one in spec.indicators
        )
    else:
        weights = tuple(exact[name] for name in spec.ids)
    total = sum(weights, Fraction(0))
    if relative and total > 0:
        return tuple(weight / total for weight in weights)
    if total != 1:
        place = "" if scheme == DEFAULT else f" of scheme {scheme!r}"
        raise option_error(
            "weights",
            f"the weights{place} sum to {total}{decimal_of(total)}; they must sum to 1"
            + ("" if relative else " (relative=True scales them)"),
        )
    return weights


def is_by_dimension(spec: Spec, given: Mapping[str, Any]) -> bool:
    """Say whether weights name the dimensions; else they name the indicators."""
    names = {"dimensions": list(spec.dimensions), "indicators": list(spec.ids)}
    dimensions, indicators = (set(given) == set(known) for known in names.values())
    if dimensions and indicators and any(one.id != one.dimension for one in spec.indicators):
        raise option_error(
            "weights", "dimensions and indicators have the same names; it is not clear whose the"
            " weights are"
        )  # fmt: skip
    if dimensions or indicators:
        return dimensions
    known = names["dimensions"] + names["indicators"]
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=3)
            hint = f"did you mean {listing(close, last=' or ')}?" if close else (
                f"there are {listing(dict.fromkeys(known))}"
            )  # fmt: skip
            raise option_error(
                "weights", f"there is no dimension or indicator {name!r} to weigh; {hint}"
            )
    kind = max(names, key=lambda kind: len(set(names[kind]) & set(given)))
    lacking = [name for name in names[kind] if name not in given]
    if not lacking:
        raise option_error(
            "weights", "weights name dimensions as well as indicators; name either all dimensions"
            " or all indicators"
        )  # fmt: skip
    raise option_error("weights", f"the weights lack the {kind} {listing(lacking)}")


def weight_of(name: str, value: Any) -> Fraction:
    """Read one weight."""
    try:
        weight = as_fraction(value)
    except OptionError as error:
        raise option_error("weights", f"the weight of {name!r}: {error}") from None
    if weight < 0:
        raise option_error("weights", f"the weight of {name!r} is negative ({weight})")
    return weight


def decimal_of(value: Fraction) -> str:
    """Write a fraction also as a decimal, unless it is whole."""
    return "" if value.denominator == 1 else f" ({float(value):.6g})"


# --- cut-offs -------------------------------------------------------------------------------------


def cutoffs_of_spec(k: Any) -> tuple[Fraction, ...]:
    """Read the cut-offs of a specification."""
    listed = list(k) if isinstance(k, Iterable) and not isinstance(k, str) else [k]
    if not listed:
        raise option_error("k", "k is an empty list; give at least one cut-off")
    return tuple(dict.fromkeys(map(cutoff_of, listed)))


def cutoff_of(k: Any) -> Fraction:
    """Read one cut-off."""
    try:
        cutoff = as_fraction(k)
    except OptionError as error:
        raise option_error("k", f"k: {error}") from None
    if not 0 < cutoff <= 1:
        hint = "; it is a share of the weights: 1/3, not 33 or a number of indicators"
        raise option_error(
            "k",
            f"k must be above 0 and at most 1, found {cutoff}{decimal_of(cutoff)}"
            + (hint if cutoff > 1 else ""),
        )
    return cutoff


def warn_if_near(cutoff: Fraction, sums: Any, denominator: int, whose: str) -> None:
    """Warn if a cut-off misses an attainable score by little."""
    place = int(np.searchsorted(sums, ceil(cutoff * denominator)))
    near = [Fraction(int(one), denominator) for one in sums[max(place - 1, 0) : place + 1]]
    if cutoff in near:
        return
    score = min(near, key=lambda score: abs(score - cutoff))
    if abs(score - cutoff) <= NEAR:
        warnings.warn(
            f"the cut-off {cutoff}{decimal_of(cutoff)} lies beside the attainable score"
            f" {score}{decimal_of(score)}{whose}; write k='{score}' if that is meant",
            CutoffWarning,
            stacklevel=3,
        )


# --- showing --------------------------------------------------------------------------------------


def heading(spec: Spec) -> str:
    """Write what a specification is called, how large it is, and its cut-offs."""
    called = " ".join(word for word in ("Spec", spec.name, spec.version) if word)
    n, m = len(spec.ids), len(spec.dimensions)
    text = f"{called}: {n} indicator{'s' * (n != 1)} in {m} dimension{'s' * (m != 1)}"
    return text if spec.k is None else f"{text}, k = {', '.join(map(str, spec.k))}"


def shown_columns(spec: Spec) -> dict[str, list[str]]:
    """Return the columns of the table that is shown."""
    marks = ["" if one.verified else f" {MARK}" for one in spec.indicators]
    columns = {
        "dimension": [one.dimension for one in spec.indicators],
        "indicator": [one.id + mark for one, mark in zip(spec.indicators, marks, strict=True)],
    }
    alone = list(spec.schemes) == [DEFAULT]
    for name, weights in spec.schemes.items():
        columns["weight" if alone else name] = list(map(str, weights))
    if any(one.description() != one.id for one in spec.indicators):
        columns["deprived when"] = [one.description() for one in spec.indicators]
    return columns


def footnotes(spec: Spec) -> list[str]:
    """Return what stands below the table."""
    names = sum(not one.verified for one in spec.indicators)
    wordings = sum(not one.wording_verified for one in spec.indicators)
    notes = [f"{MARK} not verified"] if names else []
    if wordings:
        notes.append(f"{MARK} the wording of {wordings} is not verified: see .unverified()")
    notes += [spec.note] if spec.note else []
    return notes + ([f"Source: {spec.source}"] if spec.source else [])


def text_table(spec: Spec) -> str:
    """Write a specification as a table of text."""
    columns = shown_columns(spec)
    numbers = set(columns) - {"dimension", "indicator", "deprived when"}
    widths = {name: max(map(len, [name, *cells])) for name, cells in columns.items()}
    rows = [list(columns), *map(list, zip(*columns.values(), strict=True))]
    lines = [
        "  ".join(
            cell.rjust(widths[name]) if name in numbers else cell.ljust(widths[name])
            for name, cell in zip(columns, row, strict=True)
        ).rstrip()
        for row in rows
    ]
    return "\n".join([heading(spec), *lines, *footnotes(spec)])


def html_table(spec: Spec) -> str:
    """Write a specification as an HTML table, with the wording of each indicator."""
    columns = shown_columns(spec)
    words = [
        (one.wording_en, "" if one.wording_verified else f" {MARK}") for one in spec.indicators
    ]
    if any(text for text, _ in words):
        columns["in words"] = [text + mark for text, mark in words]
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "\n".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
        for row in zip(*columns.values(), strict=True)
    )
    notes = "".join(f"<p>{escape(note)}</p>" for note in footnotes(spec))
    return (
        f"<p>{escape(heading(spec))}</p>\n<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n"
        f"</tbody></table>{notes}"
    )
