"""The deprivations of every row as one bit mask, kept to be asked again.

Rules on columns are evaluated and the columns of indicators read once; two bytes a row for up to 16
indicators, twice that where some are missing. `profiles` and `multidim` take what `pack` returned
in place of a specification, for any keys, domain and design of the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .. import _core
from ..errors import LengthError
from ..inputs import Frame
from .spec import Spec
from .tables import option_error


@dataclass(frozen=True, eq=False, repr=False)
class Packed:
    """The masks of a frame's rows: what `pack` returns.

    Attributes
    ----------
    spec : Spec
        The indicators; bit j of a mask is the j-th of `spec.ids`.
    n : int
        Number of rows.
    deprived : numpy.ndarray
        Masks of what each row is deprived in; shape (n,), uint8, 16, 32 or 64; read-only.
    missing : numpy.ndarray or None
        Masks of what is missing, where the bit of `deprived` is 0; None if nothing is.

    Examples
    --------
    >>> spec = pc.Spec({"health": ["ill"], "school": ["absent"]})
    >>> packed = pc.pack({"ill": [1, 0, 1], "absent": [1, None, 0]}, spec)
    >>> packed
    <Packed: 2 indicators, 3 rows, 2 bytes a row>
    >>> packed.deprived.tolist(), packed.missing.tolist()
    ([3, 0, 1], [0, 2, 0])
    >>> packed.n_missing
    {'ill': 0, 'absent': 1}
    """

    spec: Spec
    n: int
    deprived: np.ndarray
    missing: np.ndarray | None

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.n

    def __repr__(self) -> str:
        """Say what is packed."""
        masks = [self.deprived] if self.missing is None else [self.deprived, self.missing]
        name = f" of {self.spec.name}" if self.spec.name else ""
        width = sum(mask.itemsize for mask in masks)
        return (
            f"<Packed{name}: {len(self.spec.ids)} indicators, {self.n:,} rows,"
            f" {width} byte{'s' * (width > 1)} a row>"
        )

    @cached_property
    def n_missing(self) -> dict[str, int]:
        """The number of rows in which each indicator is missing."""
        counts = np.zeros(len(self.spec.ids), dtype=np.int64)
        if self.missing is not None:
            raw = _core.total(self.n, [_core.column_array(self.missing)])
            patterns = raw["key_values"][0].view(np.uint64)
            for j in range(len(counts)):
                counts[j] = raw["n"][(patterns >> np.uint64(j) & np.uint64(1)) == 1].sum()
        return dict(zip(self.spec.ids, counts.tolist(), strict=True))

    @cached_property
    def columns(self) -> tuple[_core.Column, _core.Column | None]:
        """The masks as the core reads them."""
        missing = None if self.missing is None else _core.column_array(self.missing)
        return _core.column_array(self.deprived), missing


def pack(data: Any, spec: Any) -> Packed:
    """Read the indicators of every row into bit masks, to be asked again without the columns.

    Parameters
    ----------
    data : DataFrame or mapping of str to array_like
        One row per household or person: pandas, Polars, PyArrow, or what narwhals reads.
    spec : Spec or Standard
        The indicators: columns of 0/1 or missing, or rules on other columns.

    Returns
    -------
    Packed
        Stands where `profiles` and `multidim` take a specification, of any frame with these rows
        in this order: its columns of indicators are not read again, and need not be there.

    Raises
    ------
    ColumnNotFoundError
        A column of an indicator is not in `data`.
    ValueRangeError
        An indicator is neither 0 nor 1; the error names the column and the row.

    Examples
    --------
    >>> rows = {"region": ["N", "N", "S"], "ill": [1, 0, 1], "absent": [1, 0, 0]}
    >>> packed = pc.pack(rows, pc.Spec({"health": ["ill"], "school": ["absent"]}))
    >>> by_region = pc.multidim({"region": rows["region"]}, packed, k="1/2", by="region")
    >>> by_region.pivot("region", "measure")
    measure    H    A   M0
    region
    N        0.5  1.0  0.5
    S        1.0  0.5  0.5
    """
    spec = spec_of(spec)
    return packed_rows(Frame.of(data, spec.needed), spec)


def packed_rows(frame: Frame, spec: Spec) -> Packed:
    """Pack the rows of a frame."""
    deprived, missing = _core.pack(frame.n, spec.columns(frame))
    for masks in (deprived, missing):
        if masks is not None:
            masks.flags.writeable = False
    return Packed(spec, frame.n, deprived, missing)


def spec_of(spec: Any) -> Spec:
    """Return a Spec; a standard gives its own, packed rows theirs."""
    if isinstance(spec, Spec):
        return spec
    if isinstance(spec, Packed):
        return spec.spec
    if callable(getattr(spec, "spec", None)):
        own: Spec = spec.spec()
        return own
    hint = ""
    if isinstance(spec, str):
        hint = f"; pc.spec({spec!r}) reads one by its id or from a file"
    elif isinstance(spec, Mapping):
        hint = "; pc.Spec(...) makes one of a mapping from dimensions to indicators"
    raise option_error(
        "spec",
        f"spec must be a Spec, a Standard or Packed rows, found {type(spec).__name__}{hint}",
    )


def check_rows(packed: Packed, frame: Frame) -> None:
    """Refuse packed rows of another frame, as far as their number tells."""
    if packed.n != frame.n:
        error = LengthError(
            f"spec holds {packed.n} packed rows and data {frame.n}; rows are packed anew when a"
            " frame changes"
        )
        error.argument = "spec"
        raise error
