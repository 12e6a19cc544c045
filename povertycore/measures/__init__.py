"""At one time: rates, totals, means and ratios."""

from .rate import rate
from .total import mean, ratio, total

__all__ = ["mean", "rate", "ratio", "total"]
