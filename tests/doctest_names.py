"""Pytest plugin (loaded by pyproject.toml): what the examples in docstrings and README find.

A plugin and not part of conftest.py, because that one is not asked for modules outside tests/.
"""

import os

os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(autouse=True)
def doctest_names(request, monkeypatch):
    """Give every example `pc`, `pd`, `np` and an empty working folder."""
    if not isinstance(request.node, pytest.DoctestItem):
        return
    import povertycore as pc

    monkeypatch.chdir(request.getfixturevalue("tmp_path"))
    names = request.getfixturevalue("doctest_namespace")
    names.update(pc=pc, pd=pd, np=np)
