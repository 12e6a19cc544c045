"""Time trends of many series at once, beside a loop of NumPy's polyfit over some of them.

python tests/bench/trends.py [GROUPS] [YEARS]
"""

import sys
import time

import numpy as np
import pandas as pd

import povertycore as pc
from povertycore import _core

METHODS = ("ols", "apc", "theil_sen", "mann_kendall")
ROUNDS = 3
FEW = 2_000  # series that the loop goes through


def seconds(call):
    """The best of a few rounds."""
    found = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def main(n_groups=100_000, n_years=10):
    """Print seconds by method."""
    if not _core.info()["optimized"]:
        sys.exit("povertycore was built for debugging; its speed says nothing")
    years = np.arange(2010, 2010 + n_years)
    poor = np.random.default_rng(1).integers(1, 99, n_groups * n_years)
    table = pd.DataFrame({"commune": np.repeat(np.arange(n_groups), n_years),
                          "year": np.tile(years, n_groups), "poor": poor, "all": 100})  # fmt: skip
    est = pc.Estimates.from_table(table, ["commune", "year"], numerator="poor", denominator="all")
    for method in METHODS:
        taken = seconds(lambda method=method: pc.trend(est, time="year", method=method))
        print(f"{method:14} {taken:.3f} s for {n_groups:,} series of {n_years} years")
    some = (poor / 100).reshape(n_groups, n_years)[:FEW]
    loop = seconds(lambda: [np.polyfit(years - 2010, row, 1) for row in some])
    print(f"numpy.polyfit  {loop * n_groups / len(some):.3f} s, from {len(some):,} of them")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
