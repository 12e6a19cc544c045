"""What every test shares: deterministic examples, and quiet kernels for the notebooks."""

import os

from hypothesis import HealthCheck, settings

# Kernels started by the notebook tests inherit this: no debugger files, no warning about them.
os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")

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
