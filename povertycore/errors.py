"""Every error and warning of the package.

Each class is a `PovertyCoreError` and also the built-in error that fits, so a caller may catch
either. A message says what is wrong, where, what was expected and what was found. Rows are
0-based positions. The value of an id, a name or an income is never printed.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "ColumnNotFoundError",
    "ComparabilityError",
    "ComparabilityWarning",
    "CutoffWarning",
    "DTypeError",
    "DesignError",
    "DuplicateNameError",
    "FileFormatError",
    "GroupCodeError",
    "InternalError",
    "LabelWarning",
    "LengthError",
    "LimitError",
    "MissingValueError",
    "OptionError",
    "OutOfMemoryError",
    "PovertyCoreError",
    "PovertyCoreWarning",
    "StandardError",
    "StandardWarning",
    "ValueRangeError",
    "missing_extra",
    "unknown_column",
    "unknown_option",
]

MAX_NAMES_SHOWN = 12


class PovertyCoreError(Exception):
    """Base of every error of the package.

    Attributes
    ----------
    argument : str or None
        The argument that is wrong, where one is.
    column : str or None
        The name of the column that is wrong, where one is.
    row : int or None
        The 0-based position of the first wrong row, where one is.
    """

    argument: str | None = None
    column: str | None = None
    row: int | None = None


class LengthError(PovertyCoreError, ValueError):
    """Columns that belong together have different numbers of rows."""


class ValueRangeError(PovertyCoreError, ValueError):
    """A value lies outside what its column may hold."""


class MissingValueError(PovertyCoreError, ValueError):
    """A value is missing where every row needs one."""


class GroupCodeError(PovertyCoreError, ValueError):
    """A group code points outside the groups."""


class DTypeError(PovertyCoreError, TypeError):
    """A column has a type that cannot be read."""


class LimitError(PovertyCoreError, ValueError):
    """The request is larger than what can be done this way."""


class OutOfMemoryError(PovertyCoreError, MemoryError):
    """The computer has not enough memory for the request."""


class InternalError(PovertyCoreError, RuntimeError):
    """Something that cannot happen has happened: an error of the package itself."""


class ColumnNotFoundError(PovertyCoreError, KeyError):
    """A named column or key does not exist."""

    def __str__(self) -> str:
        """Return the plain message; KeyError would quote it."""
        return str(self.args[0]) if self.args else ""


class OptionError(PovertyCoreError, ValueError):
    """An argument has a value that it does not take."""


class DuplicateNameError(PovertyCoreError, ValueError):
    """A name stands twice, or is taken by a result column."""


class ComparabilityError(PovertyCoreError, ValueError):
    """Figures under different standards, or from different sources, would be compared."""


class StandardError(PovertyCoreError, ValueError):
    """A poverty standard is wrong, or lacks what the request needs."""


class DesignError(PovertyCoreError, ValueError):
    """A sampling design contradicts itself or its data."""


class FileFormatError(PovertyCoreError, ValueError):
    """A file does not hold what it should."""


class PovertyCoreWarning(UserWarning):
    """Base of every warning of the package."""


class LabelWarning(PovertyCoreWarning):
    """Labels were changed or joined so that equal names are equal."""


class StandardWarning(PovertyCoreWarning):
    """A standard is used outside its validity, or with elements not verified."""


class ComparabilityWarning(PovertyCoreWarning):
    """Figures stand side by side that should be compared with care."""


class CutoffWarning(PovertyCoreWarning):
    """A cut-off lies beside a score that it may have been meant to be."""


def unknown_column(name: object, names: Iterable[object]) -> ColumnNotFoundError:
    """Return the error for a column that does not exist, naming those that come close.

    Parameters
    ----------
    name : object
        The name asked for.
    names : iterable
        The names there are.

    Returns
    -------
    ColumnNotFoundError
        To be raised by the caller; `column` is the name asked for.

    Examples
    --------
    >>> print(unknown_column("distric", ["district", "year"]))
    there is no column 'distric'; did you mean 'district'?
    """
    existing = [str(other) for other in names]
    close = difflib.get_close_matches(str(name), existing, n=3, cutoff=0.6)
    if close:
        hint = f"did you mean {listing(close, last=' or ')}?"
    elif existing:
        hint = f"there are {listing(existing)}"
    else:
        hint = "there are none"
    error = ColumnNotFoundError(f"there is no column {str(name)!r}; {hint}")
    error.column = str(name)
    return error


def unknown_option(argument: str, value: object, options: Iterable[object]) -> OptionError:
    """Return the error for an argument whose value is not one of its options.

    Parameters
    ----------
    argument : str
        The name of the argument.
    value : object
        The value found.
    options : iterable
        The values it takes. Where they are too many to be listed, those that come close are named.

    Returns
    -------
    OptionError
        To be raised by the caller; `argument` is the name of the argument.

    Examples
    --------
    >>> print(unknown_option("row", "house", ["household", "person"]))
    row must be 'household' or 'person', found 'house'
    """
    existing = list(options)
    message = f"{argument} must be {listing(existing, last=' or ')}, found {value!r}"
    close: list[str] = []
    if len(existing) > MAX_NAMES_SHOWN:  # the one that was meant may be among those not listed
        close = difflib.get_close_matches(str(value), map(str, existing), n=3, cutoff=0.5)
    error = OptionError(
        message + (f"; did you mean {listing(close, last=' or ')}?" if close else "")
    )
    error.argument = argument
    return error


def missing_extra(package: str, extra: str) -> ImportError:
    """Return the error for a package of an extra that is not installed.

    Parameters
    ----------
    package : str
        The package that could not be imported.
    extra : str
        The extra of povertycore that brings it.

    Returns
    -------
    ImportError
        To be raised by the caller; its message ends with the pip line.

    Examples
    --------
    >>> print(missing_extra("matplotlib", "plot"))
    this needs matplotlib, which is not installed; run: pip install 'povertycore[plot]'
    """
    return ImportError(
        f"this needs {package}, which is not installed; run: pip install 'povertycore[{extra}]'",
        name=package,
    )


def listing(values: Iterable[object], last: str = ", ") -> str:
    """Write values one after the other, cut after a dozen, with `last` before the last one.

    Parameters
    ----------
    values : iterable
        What to list.
    last : str, default ", "
        What stands before the last value, as " or ".

    Returns
    -------
    str
        The values as Python writes them.

    Examples
    --------
    >>> listing(["a", "b", "c"], last=" or ")
    "'a', 'b' or 'c'"
    """
    shown = [repr(value) for value in values]
    if len(shown) > MAX_NAMES_SHOWN:
        rest = len(shown) - MAX_NAMES_SHOWN
        return ", ".join(shown[:MAX_NAMES_SHOWN]) + f" and {rest} more"
    if len(shown) < 2:
        return "".join(shown)
    return ", ".join(shown[:-1]) + last + shown[-1]
