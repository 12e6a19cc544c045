"""The C core without Python: every tests/c/test_*.c, built and run under the sanitizers.

Each file runs under the address and undefined-behaviour sanitizers, with leaks reported. Files
named *_threads.c run under the thread sanitizer too.
"""

import subprocess
from pathlib import Path

import pytest

from c_builds import C_TESTS, find_compiler, run_sanitized, session_builder


def c_tests():
    """Pairs of C test and sanitizer to run."""
    pairs = []
    for source in sorted(C_TESTS.glob("test_*.c")):
        pairs.append((source, "address"))
        if source.stem.endswith("_threads"):
            pairs.append((source, "thread"))
    return pairs


def pair_name(value):
    """Test id of one half of a pair."""
    return value.stem if isinstance(value, Path) else value


@pytest.mark.parametrize(("source", "sanitizer"), c_tests(), ids=pair_name)
def test_every_claim_of_the_c_test_holds(source, sanitizer):
    done = run_sanitized([session_builder().program(source, sanitizer)])
    report = f"{done.stdout}{done.stderr}"
    assert done.returncode == 0, report
    assert " passed, 0 failed" in done.stdout, report


FAULTS = {
    "a broken claim": ("address", "EXPECT(1 + 1 == 3);", "FAILED claim"),
    "a read behind the last byte": (
        "address",
        "char *block = pc_alloc(&ctx.memory, size, 1); EXPECT(block[size] == 0);",
        "heap-buffer-overflow",
    ),
    "a read behind the last byte of a big block": (
        "address",
        "char *block = pc_alloc(&ctx.memory, 5000 * size, 1000); EXPECT(block[5000000 * size]);",
        "heap-buffer-overflow",
    ),
    "a leak": ("address", "EXPECT(pc_alloc(&ctx.memory, size, 8) != NULL);", "LeakSanitizer"),
    "an overflowing integer": (
        "address",
        "volatile int64_t sum = INT64_MAX; sum = sum + size; EXPECT(sum < 0);",
        "signed integer overflow",
    ),
    "a race": ("thread", "pc_parallel_run(&ctx, 2, 50, race, &size);", "data race"),
}
FAULTY_TEST = """
#include "pc_parallel.h"
#include "pc_test.h"

static pc_status race(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    volatile int64_t *shared = arg;
    (void)worker; (void)task; (void)err;
    for (int k = 0; k < 100000; k++) *shared = *shared + 1;
    return PC_OK;
}

static volatile pc_task_fn used = race;

static void claim(void)
{
    pc_context ctx;
    pc_context_init(&ctx);
    int64_t size = 1;
    (void)size; (void)used;
    %s
}

int main(void)
{
    static const pc_claim claims[] = {CLAIM(claim)};
    return pc_test_run(claims, 1);
}
"""


@pytest.mark.parametrize("fault", FAULTS)
def test_the_harness_finds(fault, tmp_path):
    sanitizer, statement, complaint = FAULTS[fault]
    source = tmp_path / f"{fault.replace(' ', '_')}.c"
    source.write_text(FAULTY_TEST % statement, encoding="utf-8")
    done = run_sanitized([session_builder().program(source, sanitizer)])
    assert done.returncode != 0
    assert complaint in done.stdout + done.stderr


def test_there_are_c_tests_for_both_sanitizers():
    found = [sanitizer for _, sanitizer in c_tests()]
    assert found.count("address") >= 5
    assert found.count("thread") >= 2


def test_a_missing_compiler_is_a_failure_and_not_a_skip(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(pytest.fail.Exception, match="'no-such-compiler', which is not installed"):
        find_compiler()


NEEDS_FIXED_ADDRESSES = """#!/bin/sh
grep -q 00040000 /proc/self/personality && exit 0
echo "FATAL: ThreadSanitizer: unexpected memory mapping 0x5f" >&2
exit 66
"""


def test_a_sanitizer_that_cannot_bear_random_addresses_gets_fixed_ones(tmp_path):
    program = tmp_path / "program"
    program.write_text(NEEDS_FIXED_ADDRESSES, encoding="utf-8")
    program.chmod(0o755)
    if subprocess.run(["setarch", "-R", "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine does not let a process ask for fixed addresses")
    assert run_sanitized([program]).returncode == 0
