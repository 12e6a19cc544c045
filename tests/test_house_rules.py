"""Our linter: rules of the house that no general tool knows.

A rule is a function of the project's root that lists complaints. Each is run on the project, where
it must be silent, and on a small made-up tree that breaks it, where it must complain. What general
tools know (commented-out code in Python) is left to them.
"""

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# The floors of csrc/core, lowest first. Includes go down; on the ground floor also sideways.
FLOORS = {
    "ground": ["pc_status", "pc_context", "pc_mapping", "pc_memory", "pc_parallel", "pc_cpu"]
    + ["pc_column", "pc_dictionary", "pc_two_sum"],
    "loops": ["pc_distinct", "pc_group", "pc_record", "pc_score", "pc_sort", "pc_sum", "pc_units"],
    "tables": ["pc_deal"],
    "scores": ["pc_fgt", "pc_pack"],
    "totals": ["pc_total", "pc_cell", "pc_af"],
    "orders": ["pc_quantile", "pc_inequality"],
    "links": ["pc_panel"],
    "sampling": ["pc_linvar", "pc_replicate"],
    "series": ["pc_trend"],
}
FLOOR_OF = {concept: floor for floor, concepts in FLOORS.items() for concept in concepts}
LEVEL = {floor: level for level, floor in enumerate(FLOORS)}

STANDARD_HEADERS = set(
    "assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal"
    " stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath"
    " time uchar wchar wctype".split()
)

# --------------------------------------------------------------------------------- reading


C_ENDINGS = {".c", ".h"}


def c_files(root, *folders):
    """C sources and headers below the folders."""
    return sorted(
        path
        for folder in folders
        for path in (root / folder).glob("**/*")
        if path.suffix in C_ENDINGS
    )


PICTURE = re.compile(r'("image/png": )"[^"]*"')


def text_of(path):
    """Content of a source file; a notebook's pictures, whose letters mean nothing, are left out."""
    text = path.read_text(encoding="utf-8")
    return PICTURE.sub(r'\1""', text) if path.suffix == ".ipynb" else text


C_COMMENT = r"/\*.*?\*/|//[^\n]*"
C_LITERAL = r'"(?:\\.|[^"\\\n])*"' + r"|'(?:\\.|[^'\\\n])*'"


def blanked(match):
    """Replace a comment by its line breaks, a literal by an empty one."""
    text = match.group()
    return text[0] * 2 if text[0] in "\"'" else " " + "\n" * text.count("\n")


def c_code(text):
    """C without comments and without what stands in literals; lines keep their numbers."""
    return re.sub(f"{C_COMMENT}|{C_LITERAL}", blanked, text, flags=re.DOTALL)


def c_comments(text):
    """Yield (line, text) of each comment."""
    for match in re.finditer(f"{C_COMMENT}|{C_LITERAL}", text, flags=re.DOTALL):
        if match.group().startswith("/"):
            yield line_of(text, match.start()), match.group()


def line_of(text, position):
    """1-based line of a position in a text."""
    return text.count("\n", 0, position) + 1


def found(pattern, path, text, complaint):
    """Complaints, one for each place of the text where the pattern matches."""
    return [
        f"{path.name}:{line_of(text, match.start())}: {match.group().strip()} {complaint}"
        for match in re.finditer(pattern, text, flags=re.MULTILINE)
    ]


def concept_of(stem):
    """The concept a file of csrc/core belongs to: pc_sum_avx2 is part of pc_sum; None: of none."""
    parts = stem.split("_")
    names = ["_".join(parts[:k]) for k in range(len(parts), 1, -1)]
    return next((name for name in names if name in FLOOR_OF), None)


def speaks_to_the_machine(path):
    """Whether the file may use POSIX and compiler extensions."""
    return path.stem in ("pc_parallel", "pc_mapping", "pc_memory", "pc_cpu") or "avx2" in path.stem


# ----------------------------------------------------------------------------------- rules


def includes_that_go_up(root):
    """Includes in the core go down by the floors, or within one concept."""
    complaints = []
    for path in c_files(root, "csrc/core"):
        own = concept_of(path.stem)
        if own is None:
            complaints.append(f"{path.name}: no floor names its concept")
            continue
        for line, included in re.findall(r'(^#\s*include\s*"([^"]+)")', text_of(path), re.M):
            other = concept_of(Path(included).stem)
            below = other is not None and LEVEL[FLOOR_OF[other]] < LEVEL[FLOOR_OF[own]]
            on_the_ground = other is not None and FLOOR_OF[own] == FLOOR_OF[other] == "ground"
            if not (below or on_the_ground or other == own):
                complaints.append(f"{path.name}: {line} does not go down")
    return complaints


def python_in_the_core(root):
    """The core knows neither Python nor NumPy."""
    pattern = r'^#\s*include\s*[<"](Python\.h|numpy/|py_)|\bPy[A-Z_]\w+|\bnpy_\w+'
    return [
        complaint
        for path in c_files(root, "csrc/core")
        for complaint in found(pattern, path, without_comments(path), "has no place in the core")
    ]


def without_comments(path):
    """C without comments, literals kept: included names are literals."""
    pattern = f"{C_COMMENT}|{C_LITERAL}"
    keep_literals = lambda m: blanked(m) if m.group()[0] == "/" else m.group()  # noqa: E731
    return re.sub(pattern, keep_literals, text_of(path), flags=re.DOTALL)


def memory_taken_elsewhere(root):
    """Memory is taken and given back in pc_memory alone; mapped and unmapped in pc_mapping."""
    names = "malloc|calloc|realloc|free|aligned_alloc|posix_memalign|strdup|strndup"
    return [
        complaint
        for path in c_files(root, "csrc")
        if path.stem != "pc_memory"
        for complaint in found(
            rf"(?<![\w.>])({names})\s*\(", path, c_code(text_of(path)), "belongs into pc_memory.c"
        )
    ]


def machine_dependence(root):
    """POSIX headers and compiler extensions stay in the few files that speak to the machine."""
    complaints = []
    for path in c_files(root, "csrc/core"):
        if speaks_to_the_machine(path):
            continue
        code = c_code(text_of(path))
        extensions = r"__attribute__|__builtin_\w+|#\s*pragma\b|_Pragma\b|\b(__)?asm(__)?\b"
        extensions += r"|\b(__)?typeof(__)?\b|\b_\w+_SOURCE\b|\b__declspec\b"
        complaints += found(extensions, path, code, "is no C11; only a few files may use it")
        for match in re.finditer(r"^#\s*include\s*<(.+?)(\.h)?>", code, re.M):
            if match[1] not in STANDARD_HEADERS:
                line = line_of(code, match.start())
                complaints.append(f"{path.name}:{line}: <{match[1]}.h> is no header of C11")
    return complaints


def preprocessed(code):
    """C code without preprocessor lines; lines keep their numbers."""
    return re.sub(
        r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: "\n" * m.group().count("\n"), code, flags=re.M
    )


def outer_statements(code):
    """Yield (line, text) of each declaration outside all functions, bodies as {}."""
    depth = 0
    start, statement = 0, ""
    for position, character in enumerate(code):
        if character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                is_function = statement.rstrip().endswith(")")
                statement = "" if is_function else statement + "{}"
        elif depth == 0 and character == ";":
            yield line_of(code, start), statement.strip()
            statement = ""
        elif depth == 0:
            if not statement.strip():
                start = position
            statement += character


def is_constant(declaration):
    """Whether what is declared cannot change: const itself, not only what it points to."""
    declarator = declaration.split("=")[0]
    name = declarator.rsplit("*", 1)[-1] if "*" in declarator else declarator
    return re.search(r"\bconst\b", name) is not None


def is_variable(statement):
    """Whether a statement outside all functions declares a variable."""
    declarator = statement.split("=")[0]
    if re.match(r"(typedef|_Static_assert|extern)\b", statement):
        return False
    if re.fullmatch(r"(struct|union|enum)\s*\w*\s*(\{\})?", statement):
        return False
    return "(" not in declarator or "(*" in declarator


def memory_between_calls(root):
    """No variable that can change outlives a call: neither in a file nor in a function."""
    complaints = []
    for path in c_files(root, "csrc/core"):
        code = preprocessed(c_code(text_of(path)))
        outer = [item for item in outer_statements(code) if is_variable(item[1])]
        inner = [
            (line_of(code, match.start()), match.group().strip())
            for match in re.finditer(r"^[ \t]+static\b[^;{(]*[;={]", code, re.M)
        ]
        complaints += [
            f"{path.name}:{line}: {' '.join(statement.split())} can change between calls"
            for line, statement in outer + inner
            if not is_constant(statement)
        ]
    return complaints


def concepts_of(root):
    """Concepts that have a header in csrc/core."""
    headers = {path.stem for path in (root / "csrc/core").glob("*.h")}
    return sorted(concept for concept in FLOOR_OF if concept in headers)


def concepts_without_companions(root):
    """A concept has a C test; one above the tables, and pc_group, a binding and its stubs too."""
    complaints = []
    for concept in concepts_of(root):
        if not list((root / "tests/c").glob(f"test_{concept}*.c")):
            complaints.append(f"{concept}: no C test tests/c/test_{concept}*.c")
        if LEVEL[FLOOR_OF[concept]] > LEVEL["tables"] or concept == "pc_group":
            complaints += faults_of_binding(root, concept)
    return complaints


def faults_of_binding(root, concept):
    """What is missing of py_<concept>.c and of the stubs of its functions."""
    name = concept.removeprefix("pc_")
    binding = root / "csrc/binding" / f"py_{name}.c"
    stubs = root / "povertycore/_core.pyi"
    if not binding.exists():
        return [f"{concept}: no binding {binding.name}"]
    functions = re.findall(r"^PyObject \*py_(\w+)\(", text_of(binding), re.M)
    if not functions:
        return [f"{binding.name}: defines no function of the module"]
    stub = text_of(stubs) if stubs.exists() else ""
    return [
        f"{binding.name}: {function} has no stub in _core.pyi"
        for function in functions
        if not re.search(rf"^def {function}\(", stub, re.M)
    ]


def repeated_stems(root):
    """One stem, one place: below csrc, below povertycore, below tests. x.h and x.c are one."""
    complaints = []
    for folder in ("csrc", "povertycore", "tests"):
        places = defaultdict(set)
        for path in (root / folder).glob("**/*"):
            is_source = path.suffix in C_ENDINGS | {".py"}
            if is_source and path.stem not in ("__init__", "__main__", "conftest"):
                is_c = path.suffix in C_ENDINGS
                places[path.stem].add(path.with_suffix(".c" if is_c else ".py"))
        complaints += [
            f"{folder}: {stem} names {len(paths)} files"
            for stem, paths in sorted(places.items())
            if len(paths) > 1
        ]
    return complaints


def uncompiled_sources(root):
    """The extension is built of every C file there is."""
    setup = text_of(root / "setup.py")
    return [
        f"{path.name}: not in setup.py"
        for path in c_files(root, "csrc")
        if path.suffix == ".c" and f'"{path.stem}"' not in setup
    ]


# In a comment with stars an example is indented behind the star; code that was switched off is not.
LINE_OF_CODE = re.compile(
    r"""\s{0,3}(?=\S)(?:
        (?:return|goto|break|continue)\b[^.]*;          # leaves
      | [\w.>\[\]\s*-]+(?:[-+*/|&]|<<|>>)?=[^=].*;      # assigns
      | (?:\w+\s+)?\w+\(.*\);                           # calls, declares a function
      | (?:if|for|while|switch)\s*\(.*\)\s*\{?          # decides
      | \#\s*(?:include|define|if|ifdef|ifndef|endif)\b.*
      | [{}]
    )\s*""",
    re.VERBOSE,
)


def switched_off_c(root):
    """No commented-out C."""
    complaints = []
    for path in c_files(root, "csrc", "tests/c", "tests/fuzz"):
        text = text_of(path)
        for line, comment in c_comments(text):
            body = re.sub(r"^/\*+|\*/$|^//", "", comment)
            for number, part in enumerate(body.split("\n")):
                has_star = part.lstrip().startswith("*") and number > 0
                part = part.lstrip()[1:] if has_star else part.strip()
                if LINE_OF_CODE.fullmatch(part):
                    complaints.append(f"{path.name}:{line + number}: switched off: {part.strip()}")
        complaints += found(r"^\s*#\s*if\s+0\b", path, text, "switches code off")
    return complaints


def switched_off_python(root):
    """No commented-out Python."""
    folders = [root / name for name in ("povertycore", "tests", "setup.py")]
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--quiet"]
    command += ["--select", "ERA001", "--output-format", "concise"]
    done = subprocess.run(
        [*command, *(folder for folder in folders if folder.exists())],
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines() + done.stderr.splitlines()


FORBIDDEN_WORDS = {
    r"\b(TODO|FIXME|XXX)\b": "what is to be done belongs into an issue",
    r"(?<![\w.])/(home|work|root|Users)/\w": "a path of one machine",
    r"\b(pypi\.org|pythonhosted|registry\.npmjs|conda\.anaconda|extra-index-url|index-url)\b": (
        "a registry"
    ),
    r"(?i)\bthis session\b|\bsub-?agents?\b": "how it came to be",
    r"(?i)\bissues? #\d+": "a number that only one place knows",
}
TEXT_ENDINGS = set(
    ".c .h .py .pyi .md .toml .csv .json .ipynb .txt .cfg .yml .yaml .html .in .typed .R".split()
)
FOLDERS = ("csrc", "povertycore", "tests", "notebooks", ".ci")


def is_made_by_tools(folder):
    """Whether a folder, by its name, holds what tools leave behind."""
    return folder in ("__pycache__", "build") or folder.endswith("_cache")


def texts(root):
    """Text files of the project; not this one, which must name what it forbids."""
    candidates = [path for folder in FOLDERS for path in (root / folder).glob("**/*")]
    candidates += list(root.glob("*"))
    return sorted(
        path
        for path in candidates
        if path.is_file()
        and (path.suffix in TEXT_ENDINGS or path.suffix == "")
        and not any(is_made_by_tools(part) for part in path.relative_to(root).parts)
        and path.name != Path(__file__).name
    )


def forbidden_words(root):
    """Words that say more about a machine or a day than about the project."""
    complaints = []
    for path in texts(root):
        text = text_of(path)
        for pattern, reason in FORBIDDEN_WORDS.items():
            complaints += found(pattern, path, text, f"is {reason}")
    return complaints


def unchecked_allocations(root):
    """What pc_alloc gives is compared with NULL at once."""
    complaints = []
    for path in c_files(root, "csrc"):
        if path.stem == "pc_memory":
            continue
        code = c_code(text_of(path))
        statements = list(re.finditer(r"[^;{}]*[;{}]", code))
        for number, statement in enumerate(statements):
            if not re.search(r"\bpc_alloc(_zeroed)?\s*\(", statement.group()):
                continue
            if re.search(r"\breturn\b", statement.group()):
                continue  # the caller compares
            target = re.match(r"(?:[^=]*?)([\w.>\[\]\s-]+?)\s*=[^=]", statement.group(), re.S)
            name = re.sub(r"\s+", " ", target[1]).strip().split(" ")[-1] if target else ""
            if not name or not is_compared(name, code, statements, number):
                line = line_of(code, statement.end())
                complaints.append(f"{path.name}:{line}: {name or 'a block'} is not checked")
    return complaints


def is_compared(name, code, statements, number):
    """Whether `name` meets NULL within three lines after the run of allocations it is part of."""
    while number + 1 < len(statements) and "pc_alloc" in statements[number + 1].group():
        number += 1
    after = code[statements[number].end() :].split("\n")[:4]
    escaped = re.escape(name)
    return any(
        re.search(rf"(?<![\w.>]){escaped}\s*[!=]=\s*NULL|!\s*{escaped}(?![\w.\[-])", line)
        for line in after
    )


def leaving_macros(root):
    """No macro returns from, or jumps in, the function that uses it.

    One that writes whole functions, or one case for each column type, may.
    """
    pattern = r"^[ \t]*#[ \t]*define\b(?:[^\n]*\\\n)*[^\n]*"
    return [
        f"{path.name}:{line_of(code, macro.start())}: a macro hides a {word[0]}"
        for path in c_files(root, "csrc", "tests/c", "tests/fuzz")
        for code in [c_code(text_of(path))]
        for macro in re.finditer(pattern, code, re.M)
        if not re.search(r"\b(static|case)\b", macro.group())
        for word in re.finditer(r"\breturn\b|\bgoto\b", macro.group())
    ]


def dependent_oracles(root):
    """An oracle that imports the package would agree with its mistakes."""
    return [
        complaint
        for path in sorted((root / "tests/oracles").glob("**/*.py"))
        for complaint in found(
            r"^\s*(import|from)\s+povertycore\b.*", path, text_of(path), "in an oracle"
        )
    ]


RULES = [
    includes_that_go_up,
    python_in_the_core,
    memory_taken_elsewhere,
    machine_dependence,
    memory_between_calls,
    concepts_without_companions,
    repeated_stems,
    uncompiled_sources,
    switched_off_c,
    switched_off_python,
    forbidden_words,
    unchecked_allocations,
    leaving_macros,
    dependent_oracles,
]


@pytest.mark.parametrize("rule", RULES)
def test_the_project_keeps_the_rule(rule):
    assert rule(ROOT) == []


def test_the_rules_are_read_on_real_files():
    assert len(c_files(ROOT, "csrc/core")) > 10
    assert len(texts(ROOT)) > 40
    assert {"pc_total", "pc_group", "pc_memory"} <= set(concepts_of(ROOT))


# ------------------------------------------------ each rule complains about a tree that breaks it


def made_up_tree(root, files):
    """Write files given as {path: text} and return the root."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


TOTAL_H, TOTAL_C, STATUS_C = (
    "csrc/core/pc_total.h",
    "csrc/core/pc_total.c",
    "csrc/core/pc_status.c",
)
BINDING_C = "PyObject *py_total(PyObject *module)\n{\n}\n"
COMPANIONS = {
    TOTAL_H: "",
    "csrc/binding/py_total.c": BINDING_C,
    "povertycore/_core.pyi": "def total(n: int) -> dict: ...\n",
    "tests/c/test_pc_total_threads.c": "",
}

BROKEN = [
    (includes_that_go_up, {STATUS_C: '#include "pc_total.h"\n'}),
    (includes_that_go_up, {"csrc/core/pc_column.c": '#include "pc_group.h"\n'}),
    (includes_that_go_up, {TOTAL_H: '#include "pc_profile.h"\n'}),
    (includes_that_go_up, {"csrc/core/pc_sum_avx2.c": '#include "pc_group.h"\n'}),
    (includes_that_go_up, {TOTAL_C: '#include "py_total.h"\n'}),
    (includes_that_go_up, {"csrc/core/pc_new.c": ""}),
    (python_in_the_core, {TOTAL_C: "#include <Python.h>\n"}),
    (python_in_the_core, {TOTAL_C: "#  include <numpy/arrayobject.h>\n"}),
    (python_in_the_core, {TOTAL_C: "int f(PyObject *x);\n"}),
    (memory_taken_elsewhere, {TOTAL_C: "void f(void) { free(malloc(8)); }\n"}),
    (memory_taken_elsewhere, {"csrc/binding/py_total.c": "void *x = calloc (1, 8);\n"}),
    (machine_dependence, {TOTAL_C: "#include <pthread.h>\n"}),
    (machine_dependence, {TOTAL_C: "#include <sys/mman.h>\n"}),
    (machine_dependence, {TOTAL_C: "#define _GNU_SOURCE\n"}),
    (machine_dependence, {TOTAL_C: "#pragma GCC ivdep\n"}),
    (machine_dependence, {TOTAL_C: "int f(void) { return __builtin_ctz(2); }\n"}),
    (machine_dependence, {TOTAL_H: "void f(void) __attribute__((noinline));\n"}),
    (memory_between_calls, {TOTAL_C: "static int calls;\n"}),
    (memory_between_calls, {TOTAL_C: "int calls = 0;\n"}),
    (memory_between_calls, {TOTAL_C: "static const char *name;\n"}),
    (memory_between_calls, {TOTAL_C: "static double table[] = {1.0, 2.0};\n"}),
    (memory_between_calls, {TOTAL_C: "static void (*hook)(void) = 0;\n"}),
    (memory_between_calls, {TOTAL_C: "_Thread_local int64_t seen;\n"}),
    (memory_between_calls, {TOTAL_C: "void f(void)\n{\n    static int calls = 0;\n}\n"}),
    (memory_between_calls, {TOTAL_C: "void f(void) {}\nstruct s {int a;} one;\n"}),
    (concepts_without_companions, {**COMPANIONS, "csrc/binding/py_total.c": ""}),
    (concepts_without_companions, {**COMPANIONS, "povertycore/_core.pyi": "def info(): ...\n"}),
    (concepts_without_companions, {**COMPANIONS, "csrc/core/pc_group.h": ""}),
    (concepts_without_companions, {**COMPANIONS, "csrc/core/pc_sum.h": ""}),
    (concepts_without_companions, {TOTAL_H: "", "tests/c/test_pc_total.c": ""}),
    (repeated_stems, {"csrc/core/pc_total.c": "", "csrc/binding/pc_total.h": ""}),
    (repeated_stems, {"povertycore/measures/rate.py": "", "povertycore/dynamics/rate.py": ""}),
    (repeated_stems, {"tests/oracles/rate.py": "", "tests/fuzz/rate.py": ""}),
    (uncompiled_sources, {TOTAL_C: "", "setup.py": 'CORE = ["pc_group"]\n'}),
    (switched_off_c, {TOTAL_C: "// total += weight[i];\n"}),
    (switched_off_c, {TOTAL_C: "/* pc_free(memory, block); */\n"}),
    (switched_off_c, {TOTAL_C: "/*\n    if (n == 0) {\n        return 0;\n    }\n*/\n"}),
    (switched_off_c, {TOTAL_C: "#if 0\nint x;\n#endif\n"}),
    (switched_off_python, {"povertycore/rate.py": "# total = sum(weights)\n"}),
    (forbidden_words, {TOTAL_C: "/* TODO: faster */\n"}),
    (forbidden_words, {"README.md": "See " + "/home" + "/me/data.\n"}),
    (forbidden_words, {"povertycore/rate.py": 'PATH = "' + "/work" + '/main/data.csv"\n'}),
    (forbidden_words, {".ci/run": "pip install --extra" + "-index-url http://x povertycore\n"}),
    (forbidden_words, {"notebooks/one.ipynb": '{"text": "done in this' + ' session"}\n'}),
    (forbidden_words, {"CHANGELOG.md": "Rates, issue" + " #3\n"}),
    (unchecked_allocations, {TOTAL_C: "double *sum = pc_alloc(m, n, 8);\nsum[0] = 1;\n"}),
    (unchecked_allocations, {TOTAL_C: "state->sum = pc_alloc_zeroed(m, n, 8);\nuse(state);\n"}),
    (unchecked_allocations, {TOTAL_C: "f(pc_alloc(m, n, 8));\n"}),
    (unchecked_allocations, {TOTAL_C: "a = pc_alloc(m, n, 8);\nif (b == NULL) return 1;\n"}),
    (
        unchecked_allocations,
        {TOTAL_C: "a = pc_alloc(m, n, 8);\nx = 1;\ny = 2;\nz = 3;\nif (a == NULL) return 1;\n"},
    ),
    (leaving_macros, {TOTAL_C: "#define CHECK(x) \\\n    if (!(x)) \\\n        return 1\n"}),
    (leaving_macros, {TOTAL_C: "#define FAIL goto done\n"}),
    (dependent_oracles, {"tests/oracles/rate.py": "from povertycore.measures import rate\n"}),
    (dependent_oracles, {"tests/oracles/rate.py": "import povertycore as pc\n"}),
]


def name_of(value):
    """Test id: the rule's name."""
    return getattr(value, "__name__", None)


@pytest.mark.parametrize(("rule", "files"), BROKEN, ids=name_of)
def test_a_broken_rule_is_found(rule, files, tmp_path):
    assert rule(made_up_tree(tmp_path, files)) != []


def test_every_rule_was_seen_to_complain():
    assert {rule for rule, _ in BROKEN} == set(RULES)


KEPT = [
    (
        includes_that_go_up,
        {
            TOTAL_C: '#include "pc_total.h"\n#include "pc_sum.h"\n#include <math.h>\n',
            "csrc/core/pc_sum_avx2.c": '#include "pc_sum_loops.h"\n',
            STATUS_C: '#include "pc_memory.h"\n',
        },
    ),
    (python_in_the_core, {TOTAL_C: "/* No Python.h, no PyObject here. */\n"}),
    (
        memory_taken_elsewhere,
        {
            "csrc/core/pc_memory.c": "void f(void *x) { free(x); }\n",
            TOTAL_C: "/* free(x) */ void f(void) { pc_free(m, x); stream.free(x); }\n",
        },
    ),
    (
        machine_dependence,
        {
            "csrc/core/pc_parallel.c": "#define _POSIX_C_SOURCE 1\n#include <pthread.h>\n",
            "csrc/core/pc_sum_avx2.c": '#include <immintrin.h>\n#pragma GCC target("avx2")\n',
            TOTAL_C: '#include <math.h>\nstatic const char *const s = "#pragma";\n',
        },
    ),
    (
        memory_between_calls,
        {
            TOTAL_C: "static const int sizes[] = {1, 2};\nstatic const char *const name = 0;\n"
            "enum { A = 1, B };\ntypedef struct s { int a; } s;\nstruct t {\n    int b;\n};\n"
            "int f(int a);\nint f(int a)\n{\n    int changes = 0;\n"
            "    static const int fixed[] = {1};\n    return changes + fixed[0];\n}\n"
            '_Static_assert(sizeof(int) == 4, "x");\nstatic int (*const hook)(int) = f;\n'
            "#define LIST(X) \\\n    X(1) \\\n    X(2)\n"
        },
    ),
    (concepts_without_companions, COMPANIONS),
    (
        repeated_stems,
        {
            TOTAL_C: "",
            TOTAL_H: "",
            "povertycore/__init__.py": "",
            "povertycore/measures/__init__.py": "",
        },
    ),
    (uncompiled_sources, {TOTAL_C: "", TOTAL_H: "", "setup.py": 'CORE = ["pc_total"]\n'}),
    (
        switched_off_c,
        {
            TOTAL_C: "/* A block of n rows; the caller owns it.\n *\n *     use(block);\n *\n"
            " *   weight [n]  finite, >= 0;\n */\n/* rows left over; see above */\n"
            '#if defined(X)\nstatic const char *const s = "/* x = 1; */";\n#endif\n'
        },
    ),
    (switched_off_python, {"povertycore/rate.py": "# A sum of weights, not of rows.\n"}),
    (
        forbidden_words,
        {"README.md": "Framework/work/ and sub/home/x, an issue tracker, household/home\n"},
    ),
    (
        unchecked_allocations,
        {
            TOTAL_C: "double *sum = pc_alloc(m, n, 8);\nif (sum == NULL) goto done;\n"
            "state->a = pc_alloc(m, n,\n    8);\nstate->b = pc_alloc_zeroed(m, n, 8);\n\n"
            "if (state->a == NULL || state->b == NULL) return 1;\n"
            "x = pc_alloc(m, 1, 1);\nif (!x) return 1;\n"
            "void *f(void) { return pc_alloc(m, 1, 1); }\n"
        },
    ),
    (
        leaving_macros,
        {
            TOTAL_C: "#define SIZE 8\nint f(void) { return SIZE; }\n"
            "#define DEFINE(T) \\\n    static T f_##T(T x) \\\n    { return x; }\n"
        },
    ),
    (dependent_oracles, {"tests/oracles/rate.py": "import numpy as np\n"}),
]


@pytest.mark.parametrize(("rule", "files"), KEPT, ids=name_of)
def test_a_rule_that_is_kept_is_not_found(rule, files, tmp_path):
    assert rule(made_up_tree(tmp_path, files)) == []


def test_the_words_rule_reads_every_kind_of_text(tmp_path):
    for number, ending in enumerate(sorted(TEXT_ENDINGS)):
        made_up_tree(tmp_path, {f"tests/f{number}{ending}": f"see {os.sep}root{os.sep}x\n"})
    assert len(forbidden_words(tmp_path)) == len(TEXT_ENDINGS)
