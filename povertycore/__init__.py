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
from .dynamics import (
    change,
    chronic,
    convergence,
    decompose,
    goals,
    histories,
    movements,
    moves,
    spells,
    target,
    transitions,
    trend,
)
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
    "chronic",
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
    "rebase",
    "spec",
    "spells",
    "standard",
    "target",
    "targeting",
    "total",
    "transitions",
    "trend",
    "units",
]


def __dir__() -> list[str]:
    """Return the public names, for completion: the folders behind them are no part of it."""
    return sorted(__all__)
