"""Poverty figures from household registers and surveys: how many, at what rate, what changed."""

try:
    from . import _core as _core
except ImportError as error:
    raise ImportError(
        "povertycore is not installed: its C core has not been compiled here. In the folder of the"
        " sources run: pip install -e '.[plot,excel]'"
    ) from error

from . import datasets, errors, units
from .design import Design, Replicates
from .dynamics import change, convergence, decompose, goals, target, trend
from .estimates import Estimates
from .joining import concat, join
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
    targeting,
    total,
)
from .standards import Standard, classify, standard
from .units import crosswalk, rebase

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
    "classify",
    "collapse",
    "concat",
    "convergence",
    "crosswalk",
    "datasets",
    "decompose",
    "errors",
    "fgt",
    "goals",
    "join",
    "mean",
    "multidim",
    "pack",
    "profiles",
    "rate",
    "ratio",
    "rebase",
    "spec",
    "standard",
    "target",
    "targeting",
    "total",
    "trend",
    "units",
]


def __dir__() -> list[str]:
    """Return the public names, for completion: the folders behind them are no part of it."""
    return sorted(__all__)
