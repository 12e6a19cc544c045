"""The package's imports only go down, extras are imported where they are used, names are unique.

Source of truth: the floors below. A module imports, when it is itself imported, only modules of a
lower floor; what a method needs from a higher floor it imports inside the function.
"""

import ast
from collections import Counter
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = PROJECT / "povertycore"

# Lowest first. A name stands for the module and everything below it, the longest name wins.
FLOORS = [
    ["errors", "_core"],
    ["inputs", "design", "fields"],
    ["printed"],
    ["sampling", "waves"],
    ["structure"],
    ["covariance", "replicates"],
    ["estimates", "intervals", "standards.standard"],
    ["reliability", "joining"],
    ["standards.classify"],
    ["standards"],
    ["datasets.lang_son_places"],
    ["datasets.lang_son_households"],
    ["datasets.lang_son"],
    ["units.crosswalk"],
    ["datasets", "units"],
    ["measures.precision"],
    ["measures.replicated"],
    ["measures.tables", "measures.cells"],
    ["measures.tally"],
    ["measures.results", "measures.benefits"],
    ["measures.fraction", "measures.rules"],
    ["measures.indicator"],
    ["measures.spec"],
    ["measures.spec_file", "measures.collapse", "measures.scores"],
    ["measures.packing", "measures.profile_table"],
    ["measures.profile_rows"],
    ["measures.profile_sample"],
    ["measures.profiles"],
    ["measures.multidim_sums"],
    ["measures.multidim_measures"],
    ["measures.multidim_precision"],
    ["measures.multidim"],
    ["measures.weightings", "measures.rankings", "measures.total"],
    ["measures"],
    ["quality.columns"],
    ["quality.classes"],
    ["quality"],
    ["dynamics.periods", "dynamics.delta", "dynamics.spread", "dynamics.goals"],
    ["dynamics.series", "dynamics.effects", "dynamics.growth"],
    ["dynamics.course", "dynamics.escapes"],
    ["dynamics.change", "dynamics.target", "dynamics.uneven"],
    ["dynamics.spans"],
    ["dynamics.fits", "dynamics.parts"],
    ["dynamics.panel"],
    ["dynamics.flows"],
    ["dynamics.balanced", "dynamics.repeats"],
    ["dynamics"],
    ["present.number"],
    ["present.table"],
    ["present.text", "present.plot", "present.excel", "present.forms"],
    ["present"],
    ["scale"],
    ["__init__"],
    ["__main__"],
]

# What only an extra brings, or what is slow to import, must not be needed by `import povertycore`.
ON_FIRST_USE = {
    "matplotlib",
    "xlsxwriter",
    "openpyxl",
    "pyarrow",
    "polars",
    "duckdb",
    "dask",
    "pyreadstat",
    "IPython",
    "scipy",
}


def module_name(path, package):
    """Dotted name inside the package: `measures.rate`; a folder's `__init__` is the folder."""
    parts = list(path.relative_to(package).with_suffix("").parts)
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    return ".".join(parts)


def runs_at_import(tree):
    """Yield the nodes that are executed when the module is imported: not those in functions."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
            continue
        yield node
        waiting.extend(ast.iter_child_nodes(node))


def imported_modules(path, package):
    """Yield (line, full dotted module) of every import that runs when `path` is imported.

    `from a import b` yields `a.b` where that is a module of the package, else `a`.
    """
    here = [package.name, *path.relative_to(package).with_suffix("").parts]
    for node in runs_at_import(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level] if node.level else []
            source = [*base, *(node.module.split(".") if node.module else [])]
            for alias in node.names:
                target = package.parent.joinpath(*source, alias.name)
                is_module = target.with_suffix(".py").exists() or target.is_dir()
                is_compiled = alias.name == "_core"
                name = [alias.name] if is_module or is_compiled else []
                yield node.lineno, ".".join([*source, *name])


def floor_of(module):
    """Return the number of the floor of a module of the package, None if no floor names it."""
    best = None
    for number, names in enumerate(FLOORS):
        for name in names:
            if module == name or module.startswith(name + "."):
                if best is None or len(name) > len(best[1]):
                    best = (number, name)
    return None if best is None else best[0]


def faults_of_direction(package):
    """List the imports of the package that do not go down, and modules that no floor names."""
    faults = []
    for path in sorted(package.rglob("*.py")):
        module = module_name(path, package)
        own = floor_of(module)
        if own is None:
            faults.append(f"{module}: no floor names it")
            continue
        for line, target in imported_modules(path, package):
            if target.split(".")[0] != package.name:
                continue
            below = target.removeprefix(package.name).lstrip(".") or "__init__"
            if below == module or (path.name == "__init__.py" and below.startswith(module + ".")):
                continue  # a folder's __init__ hands on the words of its own modules
            floor = floor_of(below)
            if floor is None or floor >= own:
                faults.append(f"{module}:{line} imports {below}, which is not below it")
    return faults


def early_imports(package):
    """List the module-level imports of libraries that belong inside functions."""
    return [
        f"{module_name(path, package)}:{line} imports {target}"
        for path in sorted(package.rglob("*.py"))
        for line, target in imported_modules(path, package)
        if target.split(".")[0] in ON_FIRST_USE
    ]


def repeated_names(folder, endings):
    """List the file names that occur more than once below a folder."""
    names = Counter(
        path.name
        for path in folder.rglob("*")
        if path.suffix in endings and path.name != "__init__.py"
    )
    return sorted(name for name, times in names.items() if times > 1)


def write_package(folder, **sources):
    """Write a package named `povertycore`; `measures__rate="..."` is measures/rate.py."""
    package = folder / "povertycore"
    package.mkdir()
    (package / "__init__.py").touch()
    for name, source in sources.items():
        path = package.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return package


def test_imports_of_the_package_only_go_down():
    faults = faults_of_direction(PACKAGE)
    assert not faults, "\n".join(faults)


def test_importing_the_package_needs_no_extra():
    faults = early_imports(PACKAGE)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("folder", "endings"),
    [("csrc", {".c", ".h"}), ("povertycore", {".py"}), ("tests", {".py", ".c", ".h"})],
)
def test_file_names_are_unique(folder, endings):
    assert repeated_names(PROJECT / folder, endings) == []


@pytest.mark.parametrize(
    "source",
    [
        "from povertycore.measures.rate import rate",
        "from povertycore.measures import rate",
        "import povertycore.measures.rate",
        "from .measures import rate",
        "try:\n    from .measures.rate import rate\nexcept ImportError:\n    rate = None",
        "class Estimates:\n    from povertycore.measures import rate",
        "import povertycore",
        "from . import measures",
    ],
)
def test_an_import_that_goes_up_is_found(tmp_path, source):
    package = write_package(tmp_path, estimates=source, measures__rate="")
    faults = faults_of_direction(package)
    assert len(faults) == 1
    assert faults[0].startswith("estimates:")


def test_an_import_of_the_same_floor_is_found(tmp_path):
    package = write_package(tmp_path, inputs="from .design import Design", design="")
    assert faults_of_direction(package) == ["inputs:1 imports design, which is not below it"]


def test_a_module_without_a_floor_is_found(tmp_path):
    package = write_package(tmp_path, helpers="")
    assert faults_of_direction(package) == ["helpers: no floor names it"]


@pytest.mark.parametrize(
    "source",
    [
        "from povertycore import _core\nfrom povertycore.errors import LengthError",
        "def plot(self):\n    from .present.plot import Plotter\n    return Plotter(self)",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .present import plot",
        "import numpy as np\nimport pandas as pd",
    ],
)
def test_an_import_that_goes_down_or_waits_in_a_function_passes(tmp_path, source):
    package = write_package(tmp_path, estimates=source, errors="", present__plot="")
    assert faults_of_direction(package) == []
    assert early_imports(package) == []


def test_an_early_import_of_an_extra_is_found(tmp_path):
    package = write_package(tmp_path, present__plot="import matplotlib.pyplot as plt\n")
    assert early_imports(package) == ["present.plot:1 imports matplotlib.pyplot"]


def test_a_repeated_file_name_is_found(tmp_path):
    package = write_package(tmp_path, measures__rate="", dynamics__rate="")
    assert repeated_names(package, {".py"}) == ["rate.py"]
