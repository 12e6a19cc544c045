"""At one time: rates, totals, means, ratios, monetary poverty, many deprivations, targeting."""

from .collapse import collapse
from .fgt import fgt
from .multidim import multidim
from .packing import Packed, pack
from .profiles import Profiles, profiles
from .rate import rate
from .spec import Indicator, Spec
from .spec_file import spec
from .targeting import targeting
from .total import mean, ratio, total

__all__ = [
    "Indicator",
    "Packed",
    "Profiles",
    "Spec",
    "collapse",
    "fgt",
    "mean",
    "multidim",
    "pack",
    "profiles",
    "rate",
    "ratio",
    "spec",
    "targeting",
    "total",
]
