"""What every test shares: deterministic examples, charts without a screen, doctest names."""

import os

os.environ.setdefault("MPLBACKEND", "Agg")
# Kernels started by the notebook tests inherit this: no debugger files, no warning about them.
os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings

# Deterministic: a run that fails here fails everywhere. No deadline: machines differ, and how
# fast the package is belongs to the benchmark.
settings.register_profile(
    "povertycore",
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("povertycore")


@pytest.fixture(autouse=True)
def doctest_names(request, monkeypatch):
    """Give every docstring and README example `pc`, `pd`, `np` and an empty working folder."""
    if not isinstance(request.node, pytest.DoctestItem):
        return
    import povertycore as pc

    monkeypatch.chdir(request.getfixturevalue("tmp_path"))
    names = request.getfixturevalue("doctest_namespace")
    names.update(pc=pc, pd=pd, np=np)
