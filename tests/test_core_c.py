"""The C core without Python: every tests/c/test_*.c, built and run under the sanitizers.

Each file runs under the address and undefined-behaviour sanitizers, with leaks reported. Files
named *_threads.c run under the thread sanitizer too. The core is compiled once per sanitizer.
"""

import os
import platform
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "csrc" / "core"
C_TESTS = ROOT / "tests" / "c"

WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wshadow",
    "-Wstrict-prototypes",
    "-Werror",
]
FLAGS = ["-std=c11", "-O1", "-g", "-ffp-contract=off", "-fno-omit-frame-pointer", "-pthread"]
SANITIZERS = {
    "address": ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    "thread": ["-fsanitize=thread"],
}
# allocator_may_return_null: as outside the sanitizers, a request no machine can meet gives NULL
SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "allocator_may_return_null=1",
}
# Said by older sanitizers where the kernel spreads addresses wider than they know.
TOO_RANDOM_ADDRESSES = "unexpected memory mapping"


def find_compiler():
    """Path of the C compiler; a machine without one cannot vouch for the core."""
    name = os.environ.get("CC", "gcc")
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"the C core is tested with {name!r}, which is not installed")
    return path


def run_checked(command, what):
    """Run a command; fail with its whole output."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        shown = " ".join(map(str, command))
        pytest.fail(f"{what}\n{shown}\n{done.stdout}{done.stderr}", pytrace=False)


class Builder:
    """Compiles the core once per sanitizer, and links C tests with it."""

    def __init__(self, folder):
        self.folder = folder
        self.compiler = find_compiler()
        self.objects = {}

    def command(self, sanitizer):
        """Compiler with the flags of every build under this sanitizer."""
        return [self.compiler, *FLAGS, *WARNINGS, *SANITIZERS[sanitizer], f"-I{CORE}"]

    def core_objects(self, sanitizer):
        """Object files of all of csrc/core."""
        if sanitizer not in self.objects:
            folder = self.folder / sanitizer
            folder.mkdir(exist_ok=True)
            with ThreadPoolExecutor(2) as pool:
                self.objects[sanitizer] = list(
                    pool.map(
                        lambda source: self.compile_one(source, folder, sanitizer),
                        sorted(CORE.glob("*.c")),
                    )
                )
        return self.objects[sanitizer]

    def compile_one(self, source, folder, sanitizer):
        """Object file of one source file."""
        compiled = folder / f"{source.stem}.o"
        command = [*self.command(sanitizer), "-c", source, "-o", compiled]
        run_checked(command, f"{source.name} does not compile without warnings")
        return compiled

    def program(self, source, sanitizer):
        """Executable of one C test."""
        program = self.folder / f"{source.stem}-{sanitizer}"
        objects = self.core_objects(sanitizer)
        command = [*self.command(sanitizer), f"-I{C_TESTS}", source, *objects, "-lm", "-o", program]
        run_checked(command, f"{source.name} does not build")
        return program


@pytest.fixture(scope="session")
def builder(tmp_path_factory):
    """Builder of this test session."""
    return Builder(tmp_path_factory.mktemp("core"))


def run_sanitized(program):
    """Run a sanitized program; again at fixed addresses where the sanitizer needs them."""
    environment = {**os.environ, **SANITIZER_ENVIRONMENT}
    for name in ("POVERTYCORE_SIMD", "POVERTYCORE_NUM_THREADS", "LD_PRELOAD"):
        environment.pop(name, None)
    command = [str(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    if TOO_RANDOM_ADDRESSES in done.stderr and shutil.which("setarch"):
        command = ["setarch", platform.machine(), "-R", str(program)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    return done


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
def test_every_claim_of_the_c_test_holds(source, sanitizer, builder):
    done = run_sanitized(builder.program(source, sanitizer))
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
def test_the_harness_finds(fault, builder, tmp_path):
    sanitizer, statement, complaint = FAULTS[fault]
    source = tmp_path / f"{fault.replace(' ', '_')}.c"
    source.write_text(FAULTY_TEST % statement, encoding="utf-8")
    done = run_sanitized(builder.program(source, sanitizer))
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
