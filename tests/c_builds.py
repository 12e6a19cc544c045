"""Builds of our C under the sanitizers: C tests, and the Python extension.

What one test session compiles once is kept for all its tests; it lives in a temporary folder.
"""

import atexit
import functools
import os
import platform
import shutil
import subprocess
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "csrc" / "core"
BINDING = ROOT / "csrc" / "binding"
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
FLAGS = ["-std=c11", "-O1", "-g", "-fPIC", "-pthread", "-ffp-contract=off"]
FLAGS += ["-fno-omit-frame-pointer"]
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
TOO_RANDOM_ADDRESSES = [
    "unexpected memory mapping",
    "Shadow memory range interleaves with an existing memory mapping",
]


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
    """Compiles the core once per sanitizer, and links C tests or the extension with it."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.compiler = find_compiler()
        self.objects = {}

    def compile_all(self, sources, name, flags):
        """Object files of several sources."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)

        def compile_one(source):
            compiled = folder / f"{source.stem}.o"
            command = [self.compiler, *FLAGS, *flags, f"-I{CORE}", "-c", source, "-o", compiled]
            run_checked(command, f"{source.name} does not compile without warnings")
            return compiled

        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(compile_one, sources))

    def core_objects(self, sanitizer):
        """Object files of all of csrc/core."""
        if sanitizer not in self.objects:
            self.objects[sanitizer] = self.compile_all(
                sorted(CORE.glob("*.c")), sanitizer, [*WARNINGS, *SANITIZERS[sanitizer]]
            )
        return self.objects[sanitizer]

    def program(self, source, sanitizer):
        """Executable of one C test."""
        program = self.folder / f"{source.stem}-{sanitizer}"
        command = [self.compiler, *FLAGS, *WARNINGS, *SANITIZERS[sanitizer]]
        command += [f"-I{CORE}", f"-I{C_TESTS}", source, *self.core_objects(sanitizer)]
        run_checked([*command, "-lm", "-o", program], f"{source.name} does not build")
        return program

    @functools.cached_property
    def extension(self):
        """Folder to put on the path: `povertycore` with _core under the sanitizers and errors."""
        package = self.folder / "extension" / "povertycore"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        shutil.copy(ROOT / "povertycore" / "errors.py", package)
        foreign = [sysconfig.get_paths()["include"], np.get_include()]
        flags = [*(f"-isystem{path}" for path in foreign), *SANITIZERS["address"]]
        binding = self.compile_all(sorted(BINDING.glob("*.c")), "binding", flags)
        command = [self.compiler, "-shared", "-pthread", *SANITIZERS["address"], *binding]
        command += [*self.core_objects("address"), "-lm"]
        command += ["-o", package / f"_core{sysconfig.get_config_var('EXT_SUFFIX')}"]
        run_checked(command, "the extension does not link")
        return package.parent

    def library(self, name):
        """Path of one of the compiler's own libraries."""
        command = [self.compiler, f"-print-file-name={name}"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@functools.cache
def session_builder():
    """Builder of this test session."""
    folder = tempfile.TemporaryDirectory(prefix="povertycore-")
    atexit.register(folder.cleanup)
    return Builder(folder.name)


def run_sanitized(command, **variables):
    """Run a sanitized command; again at fixed addresses where the sanitizer needs them.

    Variables are added to the environment.
    """
    environment = {**os.environ, **SANITIZER_ENVIRONMENT}
    for name in ("POVERTYCORE_SIMD", "POVERTYCORE_NUM_THREADS", "LD_PRELOAD"):
        environment.pop(name, None)
    options = {"capture_output": True, "text": True, "timeout": 300}
    options["env"] = environment | variables
    done = subprocess.run(command, **options)
    if done.returncode != 0 and any(words in done.stderr for words in TOO_RANDOM_ADDRESSES):
        fixed = ["setarch", platform.machine(), "-R"]
        if shutil.which("setarch"):
            done = subprocess.run([*fixed, *command], **options)
    return done
