"""At one time: rates, totals, means and ratios, and many deprivations at once."""

from .multidim import multidim
from .packing import Packed, pack
from .profiles import Profiles, profiles
from .rate import rate
from .spec import Spec
from .total import mean, ratio, total

__all__ = [
    "Packed",
    "Profiles",
    "Spec",
    "mean",
    "multidim",
    "pack",
    "profiles",
    "rate",
    "ratio",
    "total",
]
