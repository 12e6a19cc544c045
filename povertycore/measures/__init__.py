"""At one time: rates, totals, means and ratios, and many deprivations at once."""

from .multidim import multidim
from .profiles import Profiles, profiles
from .rate import rate
from .spec import Spec
from .total import mean, ratio, total

__all__ = ["Profiles", "Spec", "mean", "multidim", "profiles", "rate", "ratio", "total"]
