"""Build the one compiled module, `povertycore._core`, and list what the source archive carries.

Everything else is in pyproject.toml.
"""

import sysconfig
from os import environ
from pathlib import Path

import numpy
from setuptools import Extension, setup
from setuptools.command.sdist import sdist

CORE = [
    "pc_af",
    "pc_af_avx2",
    "pc_af_order",
    "pc_cell",
    "pc_cell_avx2",
    "pc_column",
    "pc_column_avx2",
    "pc_context",
    "pc_cpu",
    "pc_deal",
    "pc_dictionary",
    "pc_distinct",
    "pc_fgt",
    "pc_fgt_avx2",
    "pc_group",
    "pc_linvar",
    "pc_mapping",
    "pc_memory",
    "pc_pack",
    "pc_panel",
    "pc_panel_deal",
    "pc_panel_ids",
    "pc_panel_merge",
    "pc_parallel",
    "pc_status",
    "pc_sum",
    "pc_sum_avx2",
    "pc_record",
    "pc_score",
    "pc_total",
    "pc_total_finish",
    "pc_total_join",
    "pc_total_rows",
    "pc_total_units",
    "pc_trend",
    "pc_units",
]
BINDING = [
    "py_argument",
    "py_af",
    "py_array",
    "py_arrow",
    "py_cell",
    "py_column",
    "py_distinct",
    "py_error",
    "py_fgt",
    "py_group",
    "py_host",
    "py_linvar",
    "py_module",
    "py_pack",
    "py_panel",
    "py_score",
    "py_total",
    "py_trend",
    "py_units",
]

# No -march: one build runs on every processor of its kind; the AVX2 loops are chosen at run time.
# -ffp-contract=off: no fused multiply-add, so that every build adds the same bits.
FLAGS = ["-std=c11", "-O3", "-ffp-contract=off", "-fvisibility=hidden", "-pthread"]

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wstrict-prototypes"]


def development_flags() -> list[str]:
    """Warnings as errors; the headers of Python and NumPy are not ours to judge."""
    foreign = [sysconfig.get_paths()["include"], numpy.get_include()]
    return [*WARNINGS, "-Werror", *(f"-isystem{path}" for path in foreign)]


def sources(folder: str, names: list[str]) -> list[str]:
    """Paths of C files, as setuptools wants them."""
    return [f"csrc/{folder}/{name}.c" for name in names]


def headers() -> list[str]:
    """Every header: a change in one rebuilds the module."""
    root = Path(__file__).resolve().parent
    return sorted(str(path.relative_to(root)) for path in root.glob("csrc/*/*.h"))


class SourceArchive(sdist):
    """All that the build, the tests and a reader need: the archive stands alone as a clone does."""

    def make_distribution(self) -> None:
        """Take the folders whole, less what is made from them."""
        for folder in ("csrc", "povertycore", "tests", "notebooks", ".ci"):
            self.filelist.graft(folder)
        for name in ("CHANGELOG.md", ".clang-format", ".gitignore"):
            self.filelist.include(name)
        for made in ("*.py[cod]", "*.so", "*.o", ".ipynb_checkpoints/*"):
            self.filelist.global_exclude(made)
        self.filelist.sort()
        self.filelist.remove_duplicates()
        super().make_distribution()


development = environ.get("POVERTYCORE_DEV") == "1"

setup(
    cmdclass={"sdist": SourceArchive},
    ext_modules=[
        Extension(
            "povertycore._core",
            sources=sources("core", CORE) + sources("binding", BINDING),
            depends=headers(),
            include_dirs=["csrc/core", "csrc/binding", numpy.get_include()],
            extra_compile_args=FLAGS + (development_flags() if development else []),
            extra_link_args=["-pthread"],
        )
    ],
)
