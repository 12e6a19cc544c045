"""Specifications in files: TOML and JSON, or a table with a row per indicator (CSV, Excel)."""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import DuplicateNameError, FileFormatError, OptionError, PovertyCoreError
from ..standards import Standard
from .indicator import EVIDENCE, Indicator
from .rules import BANDS
from .spec import DEFAULT, Spec

__all__ = ["read_file", "spec", "spec_from", "spec_of_standard", "write_file"]

BUILT_IN = Path(__file__).parent / "specs"
KEYS = (
    "dimensions", "weights", "schemes", "k", "name", "version", "source", "note", "relative",
)  # fmt: skip
ENDINGS = (".toml", ".json", ".csv", ".xlsx")
OTHER_SCHEME = "weight:"
TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
# A number as a table has it: a code with a leading zero is text.
NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
ITEM = re.compile(r"""\s*("[^"]*"|'[^']*'|[^;]+)\s*(?:;|$)""")

STANDARD_NOTE = (
    "H counts deprivations only. It has no income test, and is not the official poverty rate;"
    " pc.classify gives the official classes."
)


def spec(source: str | os.PathLike[str] | Spec | Standard) -> Spec:
    """Return a specification: one that is shipped, a national standard's, or a file of yours.

    Parameters
    ----------
    source : str, path, Spec or Standard
        "global-mpi-2018", "wb-mpm", the id of a standard as "vn-2022", or the path of a .toml,
        .json, .csv or .xlsx file.

    Returns
    -------
    Spec
        The specification. `.source` says where it comes from, and `.unverified()` which of its
        indicators were not read there.

    Raises
    ------
    OptionError
        The name is not known.
    FileFormatError
        The file does not hold a specification.
    StandardError
        The standard has no indicators.

    Notes
    -----
    What is shipped says which indicators there are and how much they weigh; the columns hold 0, 1
    or missing, named as the indicators. Where yours are named otherwise, or are raw, take a
    specification to a file with `.to_file`, and add columns and rules.

    H from a standard's specification counts deprivations only. It has no income test, and is not
    the official poverty rate.

    Examples
    --------
    >>> mpi = pc.spec("global-mpi-2018")
    >>> str(mpi.k[0]), [str(weight) for weight in mpi.weights[3:6]]
    ('1/3', ['1/6', '1/18', '1/18'])
    """
    if isinstance(source, Spec):
        return source
    if isinstance(source, Standard):
        return spec_of_standard(source)
    if not isinstance(source, str | os.PathLike):
        raise OptionError(f"a specification is a name or a path, found {type(source).__name__}")
    if isinstance(source, str) and Path(source).name == source and not Path(source).suffix:
        return shipped(source)
    return read_file(source, {})


def shipped(name: str) -> Spec:
    """Return the specification of a name."""
    from ..standards import standard
    from ..standards.standard import find_file

    path = BUILT_IN / f"{name}.toml"
    if path.is_file():
        return read_file(path, {})
    known = [file.stem for file in sorted(BUILT_IN.glob("*.toml"))]
    try:
        find_file(name)
    except PovertyCoreError:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise OptionError(
            f"there is no specification {name!r}; {hint}there are {', '.join(map(repr, known))},"
            " the ids of standards with indicators as 'vn-2022', and files of yours by their path"
        ) from None
    return spec_of_standard(standard(name))


def spec_of_standard(standard: Standard) -> Spec:
    """Return the deprivations that a standard counts, every indicator alike, and how many it asks.

    The cut-off is the number of deprivations by which its rules tell the poorest class, as a share
    of its indicators.
    """
    from ..errors import StandardError

    if not standard.indicators:
        raise StandardError(f"standard {standard.id!r} has no indicators of deprivation")
    n = len(standard.indicators)
    counts = {
        rule.deprivations_at_least
        for rule in (*standard.income_rules, *standard.score_rules)
        if rule.class_id == standard.classes[0] and rule.deprivations_at_least
    }
    dimensions: dict[str, list[Any]] = {one.id: [] for one in standard.dimensions}
    for one in standard.indicators:
        wording = one.wording
        marked = [one] if wording is None else [one, wording]
        sources = dict.fromkeys(name for element in marked for name in element.source)
        content = {
            "id": one.id,
            "label_en": one.en,
            "label_vi": one.vi,
            "wording_en": "" if wording is None else wording.en,
            "wording_vi": "" if wording is None else wording.vi,
            "source": "; ".join(map(standard.source, sources)),
            "note": "; ".join(m.note for m in marked if m.note),
            "verified": one.verified,
            "wording_verified": wording is None or wording.verified,
        }
        dimensions[one.dimension].append(content)
    return Spec(
        {name: members for name, members in dimensions.items() if members},
        {one: f"1/{n}" for one in standard.indicator_ids},
        name=standard.id,
        k=f"{counts.pop()}/{n}" if len(counts) == 1 else None,
        source="; ".join(text.en for text in standard.legal),
        note=STANDARD_NOTE,
    )


# --- reading --------------------------------------------------------------------------------------


def spec_from(content: Any, where: str) -> Spec:
    """Make a specification from the content of a file."""
    if not isinstance(content, Mapping):
        raise FileFormatError(f"{where} must be a table of keys, found {type(content).__name__}")
    for key in content:
        if key not in KEYS:
            close = difflib.get_close_matches(str(key), KEYS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(KEYS)}"
            raise FileFormatError(f"{where} has an unknown key {key!r}; {hint}")
    if "dimensions" not in content:
        raise FileFormatError(f"{where} lacks the key 'dimensions'")
    return Spec(**content)


def read_file(path: str | os.PathLike[str], changes: Mapping[str, Any]) -> Spec:
    """Read a specification from a file, its kind known by its ending."""
    path = Path(path)
    ending = ending_of(path)
    if not path.is_file():
        raise FileFormatError(f"the file {path.name!r} does not exist")
    try:
        content = READERS[ending](path)
        if not isinstance(content, Mapping):
            raise FileFormatError("it must hold a table of keys")
        return spec_from({**content, **changes}, "the specification")
    except PovertyCoreError as error:
        error.args = (f"{path.name}: {error}",)
        raise


def ending_of(path: Path) -> str:
    """Return the ending of a file's name, one of those that are known."""
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise FileFormatError(
            f"a specification is a file that ends in {', '.join(ENDINGS)}; found {path.name!r}"
        )
    return ending


def text_of(path: Path) -> str:
    """Return the text of a file."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise FileFormatError("it is not UTF-8 text") from None


def read_toml(path: Path) -> Any:
    """Read a TOML file."""
    try:
        return tomllib.loads(text_of(path), parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise FileFormatError(f"it is not TOML: {error}") from None


def read_json(path: Path) -> Any:
    """Read a JSON file, in which no key stands twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for place, (name, _) in enumerate(pairs):
            if name in dict(pairs[:place]):
                raise DuplicateNameError(f"{name!r} stands twice")
        return dict(pairs)

    try:
        return json.loads(text_of(path), parse_float=Decimal, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise FileFormatError(f"it is not JSON: {error}") from None


# --- tables ---------------------------------------------------------------------------------------


def read_rows(path: Path) -> dict[str, Any]:
    """Read a table with a row per indicator."""
    from ..quality.files import read_table

    table = read_table(path)
    table.columns = [str(name).strip() for name in table.columns]
    heads = {name: name.lower() for name in table.columns if not name.startswith(OTHER_SCHEME)}
    table = table.rename(columns=heads | {"id": "indicator"})
    check_heads(list(table.columns))
    dimensions: dict[str, list[Any]] = {}
    weights: dict[str, dict[str, Any]] = {}
    shared: dict[str, Any] = {}
    for number, row in table.iterrows():
        cells = {name: cell for name, cell in row.items() if not is_empty(cell)}
        where = f"row {int(number) + 2}"
        for name in ("dimension", "indicator"):
            if name not in cells:
                raise FileFormatError(f"{where} lacks its {name}")
        dimension, one = str(cells.pop("dimension")).strip(), str(cells.pop("indicator")).strip()
        if "dimension_weight" in cells:
            weight = weight_cell(cells.pop("dimension_weight"))
            if shared.setdefault(dimension, weight) != weight:
                raise FileFormatError(f"{where}: dimension {dimension!r} has two weights")
        for name in [name for name in cells if name == "weight" or name.startswith(OTHER_SCHEME)]:
            scheme = name.removeprefix(OTHER_SCHEME).strip() if name != "weight" else DEFAULT
            weights.setdefault(scheme, {})[one] = weight_cell(cells.pop(name))
        words = {name: cell_of(name, cell, where) for name, cell in cells.items()}
        dimensions.setdefault(dimension, []).append({"id": one} | words)
    if shared:
        weights = {DEFAULT: shared, **weights} if DEFAULT not in weights else conflict()
    out: dict[str, Any] = {"name": path.stem, "dimensions": dimensions}
    return out | ({"schemes": weights} if weights else {})


def conflict() -> Any:
    """Refuse weights of dimensions beside weights of indicators."""
    raise FileFormatError("it has columns 'weight' and 'dimension_weight'; keep one")


def check_heads(names: list[str]) -> None:
    """Check that a table's columns are known, and those needed are there."""
    words = ["in" if one.name == "isin" else one.name for one in fields(Indicator)]
    known = ["dimension", "indicator", "weight", "dimension_weight", *words]
    for name in ("dimension", "indicator"):
        if name not in names:
            raise FileFormatError(f"it lacks the column {name!r}")
    for name in names:
        if name not in known and not name.startswith(OTHER_SCHEME):
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
            raise FileFormatError(f"it has an unknown column {name!r}; {hint}")
        if names.count(name) > 1:
            raise DuplicateNameError(f"the column {name!r} stands twice")


def is_empty(cell: Any) -> bool:
    """Say whether a cell holds nothing."""
    return bool(pd.isna(cell)) or (isinstance(cell, str) and not cell.strip())


def cell_of(name: str, cell: Any, where: str) -> Any:
    """Read a cell by what its column holds."""
    if name in BANDS:
        return value_cell(cell)
    if name == "equals":
        return value_cell(cell)
    if name == "in":
        if not isinstance(cell, str):
            return [value_cell(cell)]
        return [value_cell(item) for item in ITEM.findall(cell)]
    if name in ("more_than", "at_least"):
        return weight_cell(cell)
    if name in EVIDENCE:
        word = str(cell).strip().lower()
        if word not in TRUTH:
            raise FileFormatError(f"{where}: {name!r} is true or false, found {cell!r}")
        return TRUTH[word]
    return str(cell).strip()


def value_cell(cell: Any) -> Any:
    """Read a number where a cell holds one, else its text; quotes keep a number as text."""
    if not isinstance(cell, str):
        return cell
    text = cell.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    if not NUMBER.fullmatch(text):
        return text
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def weight_cell(cell: Any) -> Any:
    """Read a weight: a fraction as it stands, a decimal as a float, which may mean a fraction."""
    return value_cell(cell) if isinstance(cell, str) else cell


READERS: dict[str, Callable[[Path], Any]] = {
    ".toml": read_toml,
    ".json": read_json,
    ".csv": read_rows,
    ".xlsx": read_rows,
}


# --- writing --------------------------------------------------------------------------------------


def write_file(spec: Spec, path: str | os.PathLike[str]) -> None:
    """Write a specification to a file, its kind known by its ending."""
    path = Path(path)
    ending = ending_of(path)
    if ending == ".toml":
        path.write_text(toml_of(spec.to_dict()), encoding="utf-8")
    elif ending == ".json":
        text = json.dumps(spec.to_dict(), ensure_ascii=False, indent=2)
        path.write_text(text + "\n", encoding="utf-8")
    elif ending == ".csv":
        rows_of(spec).to_csv(path, index=False, encoding="utf-8")
    else:
        write_sheet(rows_of(spec), path)


def toml_of(content: Mapping[str, Any]) -> str:
    """Write a specification's content as TOML."""
    words = {key: value for key, value in content.items() if not isinstance(value, dict)}
    lines = [f"{key} = {toml_value(value)}" for key, value in words.items()]
    lines += ["", "[dimensions]"]
    for name, members in content["dimensions"].items():
        inside = "".join(f"    {toml_value(one)},\n" for one in members)
        lines.append(f"{toml_value(name)} = [\n{inside}]")
    for name, weights in content["schemes"].items():
        lines += ["", f"[schemes.{toml_value(name)}]"]
        lines += [f"{toml_value(one)} = {toml_value(weight)}" for one, weight in weights.items()]
    return "\n".join(lines) + "\n"


def toml_value(value: Any) -> str:
    """Write one value; a text of JSON is one of TOML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {toml_value(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def rows_of(spec: Spec) -> Any:
    """Return a table with a row per indicator."""
    rows = []
    for j, one in enumerate(spec.indicators):
        content = one.to_dict()
        row = {"dimension": one.dimension, "indicator": content.pop("id")}
        for name, weights in spec.schemes.items():
            row["weight" if name == DEFAULT else OTHER_SCHEME + name] = str(weights[j])
        if isinstance(content.get("among"), Mapping):
            raise FileFormatError(
                f"indicator {one.id!r} is about members by a rule, for which a table has no place;"
                " write a .toml or .json file"
            )
        if "in" in content:
            content["in"] = "; ".join(map(cell_for, content["in"]))
        if "equals" in content:
            content["equals"] = cell_for(content["equals"])
        rows.append(row | content)
    return pd.DataFrame(rows)


def cell_for(value: Any) -> str:
    """Write a value such that it is read back: text that looks like a number stands in quotes."""
    if not isinstance(value, str):
        return repr(value)
    plain = value == value.strip() and ";" not in value and value[:1] not in "'\""
    return value if plain and not NUMBER.fullmatch(value) else f'"{value}"'


def write_sheet(table: Any, path: Path) -> None:
    """Write a table as an Excel file."""
    from ..errors import missing_extra

    try:
        import openpyxl  # noqa: F401  pandas asks for it by name
    except ImportError:
        raise missing_extra("openpyxl", "excel") from None
    table.to_excel(path, index=False, engine="openpyxl")
