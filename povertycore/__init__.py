"""Poverty figures from household registers and surveys: how many, at what rate, what changed."""

try:
    from . import _core as _core
except ImportError as error:
    raise ImportError(
        "povertycore is not installed: its C core has not been compiled here. In the folder of the"
        " sources run: pip install -e '.[plot,excel]'"
    ) from error

from . import datasets, errors
from .design import Design, Replicates
from .dynamics import change, chronic, histories, movements, moves, spells, target, transitions
from .estimates import Estimates, concat
from .joining import join
from .measures import (
    Indicator,
    Packed,
    Profiles,
    Spec,
    collapse,
    fgt,
    mean,
    multidim,
    pack,
    profiles,
    rate,
    ratio,
    spec,
    total,
)
from .standards import Standard, classify, standard

__version__ = "0.1.0"

__all__ = [
    "Design",
    "Estimates",
    "Indicator",
    "Packed",
    "Profiles",
    "Replicates",
    "Spec",
    "Standard",
    "__version__",
    "change",
    "chronic",
    "classify",
    "collapse",
    "concat",
    "datasets",
    "errors",
    "fgt",
    "histories",
    "join",
    "mean",
    "movements",
    "moves",
    "multidim",
    "pack",
    "profiles",
    "rate",
    "ratio",
    "spec",
    "spells",
    "standard",
    "target",
    "total",
    "transitions",
]


def __dir__() -> list[str]:
    """Return the public names, for completion: the folders behind them are no part of it."""
    return sorted(__all__)
