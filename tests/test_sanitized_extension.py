"""The compiled module under the address and undefined-behaviour sanitizers.

A child process makes random calls (tests/fuzz) with a module that was built for this; results are
compared with the oracle in tests/oracles/cells.py, and of random matches of two periods with a
dictionary (tests/fuzz/random_panels.py).
"""

import json
import os
import sys

import pytest

from c_builds import ROOT, run_sanitized, session_builder

N_CALLS = 500  # with each kind of loops
FUZZ = ROOT / "tests" / "fuzz"

# What must have occurred in the calls of one kind: the generator proves that it generated.
OCCURRED = {
    "equal": 150,
    "ValueRangeError": 20,
    "MissingValueError": 5,
    "LengthError": 5,
    "DTypeError": 5,
    "layout strided": 50,
    "layout backwards": 50,
    "layout unaligned": 50,
    "layout read_only": 50,
    "layout field": 50,
    "layout constant": 50,
    "mask strided": 20,
    "mask backwards": 20,
    "mask constant": 20,
    "arrow in chunks": 100,
    "key near": 20,
    "key far": 20,
    "key code": 20,
    "key float": 20,
    "key text": 20,
    "key bool": 20,
    "key date": 20,
    "text string": 5,
    "text large_string": 5,
    "objects encoded": 5,
    "objects refused": 1,
    "array refused": 5,
    "arrow refused": 5,
    "damaged text refused": 5,
    "damaged text read": 1,
    "many rows": 1,
    "written and read": 1,
    "written and refused": 1,
}


N_PROFILES = 400
OCCURRED_IN_PROFILES = {
    "profile equal": 200,
    "profile ValueRangeError": 30,
    "profile MissingValueError": 2,
    "profile packed by us": 40,
    "profile of many cells": 5,
    "packed": 10,
    "pack refused": 2,
    "profile refused": 10,
    "ranked": 5,
    "ranking refused": 5,
    "cells added": 5,
    "cells refused": 3,
    "cells written and read": 1,
    "cells written and refused": 1,
    "many rows": 1,
    "written and read": 1,
    "written and refused": 1,
}


def run_sanitized_python(arguments, **variables):
    """Run Python with the sanitized module on its path."""
    builder = session_builder()
    return run_sanitized(
        [sys.executable, "-P", *map(str, arguments)],  # not what lies in the working folder
        PYTHONPATH=os.pathsep.join([str(builder.extension), str(ROOT / "tests")]),
        PYTHONMALLOC="malloc",  # each object its own block, with guards around it
        LD_PRELOAD=f"{builder.library('libasan.so')} {builder.library('libubsan.so')}",
        ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1",  # Python leaves some
        **variables,
    )


def check_calls(source, seed, n_calls, simd, occurred):
    """Make the calls of one source; each thing that should occur in them must have."""
    done = run_sanitized_python([FUZZ / source, seed, n_calls], POVERTYCORE_SIMD=simd)
    assert done.returncode == 0, done.stderr[-10_000:]
    seen = json.loads(done.stdout)
    assert seen["calls"] == n_calls
    assert not {what: seen.get(what, 0) for what, n in occurred.items() if seen.get(what, 0) < n}


@pytest.mark.parametrize(("simd", "seed"), [("", 1), ("portable", 2)])
def test_random_calls_equal_the_oracle_or_raise_a_documented_error(simd, seed):
    check_calls("random_calls.py", seed, N_CALLS, simd, OCCURRED)


@pytest.mark.parametrize(("simd", "seed"), [("", 1), ("portable", 2)])
def test_random_profiles_equal_the_oracle_or_raise_a_documented_error(simd, seed):
    check_calls("random_profiles.py", seed, N_PROFILES, simd, OCCURRED_IN_PROFILES)


RANDOM_PANELS = ROOT / "tests" / "fuzz" / "random_panels.py"
PANELS_OCCURRED = {"equal": 200, "matched": 100, "ValueRangeError": 10, "MissingValueError": 10} | {
    kind: 5 for kind in ("integer", "far", "float", "short text", "long text", "period")
}


@pytest.mark.parametrize(("simd", "seed"), [("", 1), ("portable", 2)])
def test_random_panels_equal_a_dictionary_or_raise_a_documented_error(simd, seed):
    done = run_sanitized_python([RANDOM_PANELS, seed, N_CALLS], POVERTYCORE_SIMD=simd)
    assert done.returncode == 0, done.stderr[-10_000:]
    seen = json.loads(done.stdout)
    assert seen["calls"] == N_CALLS
    assert {what: n for what, n in PANELS_OCCURRED.items() if seen.get(what, 0) < n} == {}


ARRAYS_OCCURRED = {
    "series": 200,
    "corrected": 50,
    "samples": 50,
    "labels shared": 20,
    "keys": 50,
    "form refused": 200,
    "astray read": 100,
    "astray ValueRangeError": 20,
    "astray GroupCodeError": 50,
}


@pytest.mark.parametrize(("threads", "seed"), [("1", 1), ("2", 2)])
def test_random_arrays_equal_the_definitions_or_raise_a_documented_error(threads, seed):
    random_arrays = FUZZ / "random_arrays.py"
    done = run_sanitized_python([random_arrays, seed, N_CALLS], POVERTYCORE_NUM_THREADS=threads)
    assert done.returncode == 0, done.stderr[-10_000:]
    seen = json.loads(done.stdout)
    assert seen["calls"] == N_CALLS
    assert {what: n for what, n in ARRAYS_OCCURRED.items() if seen.get(what, 0) < n} == {}


SCORES_OCCURRED = {"equal": 200, "fgt": 100, "products": 50, "refused": 10, "arrow in chunks": 10}


def test_random_scores_equal_the_definitions_with_the_same_bits_on_any_processor():
    digests = set()
    for simd in ("", "portable"):
        random_scores = FUZZ / "random_scores.py"
        done = run_sanitized_python([random_scores, 2, 300], POVERTYCORE_SIMD=simd)
        assert done.returncode == 0, done.stderr[-10_000:]
        seen = json.loads(done.stdout)
        digests.add(seen.pop("digest"))
        assert {what: n for what, n in SCORES_OCCURRED.items() if seen.get(what, 0) < n} == {}
    assert len(digests) == 1


CHANGES_MEANWHILE = """
import threading
import time
import numpy as np
from povertycore import _core, errors
N, ROWS = 2000, 40
start, unit, value = np.arange(ROWS + 1) * N, np.tile(np.arange(N), ROWS), np.ones(ROWS * N)
stratum, first, label = np.arange(N) // 50, np.arange(0, N + 1, 50), np.arange(N)
parts, stage = (start, unit, value), (stratum, first, label, N, np.ones(N // 50))
stops = threading.Event()


def change(array, own):
    while not stops.is_set():
        array[::7] = 2**40
        array[:] = own


for array in (unit, stratum, label, first, start):
    stops.clear()
    thread = threading.Thread(target=change, args=(array, array.copy()))
    thread.start()
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        for call in (_core.linvar_cov, _core.linvar_variance, _core.linvar_count):
            try:
                call(parts, stage, *[False] * (call is _core.linvar_count))
            except errors.GroupCodeError:
                pass
    stops.set()
    thread.join()
"""


def test_indexes_that_change_during_a_call_are_refused_or_read_as_they_were():
    done = run_sanitized_python(["-c", CHANGES_MEANWHILE])
    assert done.returncode == 0, done.stderr[-10_000:]


READS_OUTSIDE = """
import numpy as np
from povertycore import _core
four = np.zeros(4)
column = _core.column_array(np.lib.stride_tricks.as_strided(four, (100,), (8,)))
_core.total(100, [], values=[column])
"""


def test_a_read_outside_an_array_would_be_seen():
    done = run_sanitized_python(["-c", READS_OUTSIDE])
    assert done.returncode != 0
    assert "AddressSanitizer: heap-buffer-overflow" in done.stderr


def test_the_module_under_test_is_the_sanitized_one():
    shown = "import povertycore._core as c; print(c.__file__, c.info()['simd'])"
    done = run_sanitized_python(["-c", shown], POVERTYCORE_SIMD="portable")
    path, simd = done.stdout.split()
    assert path.startswith(str(session_builder().extension))
    assert simd == "portable"
