"""The command line: `python -m povertycore report` makes the report of a poverty review."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tomllib
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from povertycore.errors import (
    ColumnNotFoundError,
    FileFormatError,
    OptionError,
    PovertyCoreError,
    PovertyCoreWarning,
    listing,
    unknown_option,
)
from povertycore.present.report import Report, joined, report
from povertycore.quality.columns import ROLES, choose, plain
from povertycore.quality.files import has_headings_in_rows, read_table, sheets_of
from povertycore.quality.register import POPULATION_ROLES, Register, register
from povertycore.standards.standard import standard as read_standard

PROGRAM = "python -m povertycore"
DONE, WRONG, STOPPED = 0, 2, 130
OUT = "poverty-report"
YEAR_AND_FILE = re.compile(r"(\d{4})=(.+)", re.DOTALL)

DESCRIPTION = """\
Make the report of a poverty review from a household register: figures of the province, a table by
district (by commune where there are no districts), the communes with the largest and the smallest
reduction, and a paragraph. Tables (CSV, Excel) and a chart are written to a folder.

Without FILE the embedded synthetic register of Lạng Sơn, 2021 and 2022, is used, with the
province's plan of 3.0 points a year.
"""

EXAMPLES = f"""\
files
  CSV (UTF-8), Parquet, Excel (.xlsx) or Stata (.dta): one long file, or one file a year. One row
  per household and year. Codes are read as text, so that leading zeros survive.

columns
  Used under these names or their Vietnamese ones (Năm, Mã hộ, Huyện, Mã xã, Xã, Phân loại, Điểm B1,
  Dân tộc, ...; the report says which were taken), or under those that --column gives:
    year                          needed, unless every file is given as YEAR=FILE or with --year
    district_code, district, commune_code, commune      any of them, at least one
    status or class               taken as given: poor, near_poor, average, other, their Vietnamese
                                  names (hộ nghèo, hộ cận nghèo, ...), or 1, 2, 3, 4
    poor, near_poor               0/1, where there is no class
    b1, b2, area                  scores: households are classified by them where there is no class,
                                  else the differences from the class are counted
    income, area, the indicators of the standard      where there are no scores either
    ethnic_minority or ethnicity  for the figures of minorities
    hhid or id                    to find households entered twice
    standard                      or --standard
  In the file of --population: year and places as above, population (Số hộ) and, where known,
  minority_population. An error names a row as r[0], the first, and as a spreadsheet numbers it.

a map, the same as a file (--map)
  [columns]
  district = "Huyện"
  commune = "Xã"
  class = "Kết luận"
  [classes]
  "Hộ nghèo A" = "poor"
  [areas]
  "2" = "rural"

examples
  {PROGRAM} report
  {PROGRAM} report "danh sách.xlsx" --year 2022 --lang vi
  {PROGRAM} report register.parquet --plan 3.0 --place "Lạng Sơn" --lang vi
  {PROGRAM} report 2021=review2021.xlsx 2022=review2022.xlsx --sheet "Danh sách" --map columns.toml
  {PROGRAM} report list2022.csv --year 2022 --population households.csv --column class="Phân loại"
  {PROGRAM} report scores.csv --standard vn-2022 --column b1="Điểm B1" --column b2="Điểm B2" \\
      --area 1=urban --area 2=rural

exit codes
  0    the report is made (also where an extra is missing: its pip line is printed)
  2    an argument or a file is wrong: one sentence on stderr says what; nothing is written
  130  stopped with Ctrl-C
"""

MAP_KEYS: dict[str, type] = {
    "columns": dict,
    "classes": dict,
    "areas": dict,
    "digits": dict,
    "numbers": str,
    "income_unit": str,
    "standard": str,
    "sheet": str,
    "header_row": int,
    "place": str,
    "source": str,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        The arguments after the program's name; those of this process if not said.

    Returns
    -------
    int
        0 done, 2 wrong argument or file, 130 stopped.
    """
    _let_every_letter_through()
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return WRONG
    try:
        return _report(options)
    except (PovertyCoreError, ImportError) as fault:
        return _refuse(str(fault))
    except MemoryError:
        return _refuse("there is not enough memory for this register")
    except OSError as fault:
        where = f" {fault.filename!r}" if fault.filename else ""
        return _refuse(f"cannot read or write{where}: {fault.strerror or fault}")
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return STOPPED


def _let_every_letter_through() -> None:
    """Print "?" for a letter that the terminal cannot show, instead of failing on it."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def _refuse(message: str) -> int:
    print(f"povertycore: {' '.join(message.split())}", file=sys.stderr)
    return WRONG


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(_refuse(f"{message}; {self.prog} --help shows what there is"))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        description="Poverty figures from household registers.",
        epilog=f"{PROGRAM} report makes the report of an embedded register; "
        f"{PROGRAM} report --help shows how it reads yours.",
    )
    commands = parser.add_subparsers(dest="command", metavar="report")
    made = commands.add_parser(
        "report",
        help="the report of a poverty review",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = made.add_argument
    add(
        "files",
        nargs="*",
        metavar="FILE",
        help="a register of one or several years, or YEAR=FILE for each year",
    )
    add(
        "--population",
        metavar="FILE",
        help="numbers of all households by place and year (column population), for a FILE that "
        "lists only the reviewed ones",
    )
    add(
        "--year",
        action="append",
        default=[],
        metavar="YEAR[,YEAR]",
        help="the years to report; or the year of a FILE that does not say it",
    )
    add(
        "--standard",
        action="append",
        default=[],
        metavar="ID",
        help="the poverty standard, as vn-2022 or your own standard.toml; or by year, as "
        "2021=vn-2016,2022=vn-2022",
    )
    add(
        "--plan",
        type=_plan,
        metavar="POINTS",
        help="planned fall of the poverty rate a year in percentage points, as 3.0",
    )
    add("--map", metavar="FILE.toml", help="columns and values as a file; see below")
    add(
        "--column",
        action="append",
        default=[],
        metavar="COLUMN=NAME",
        help="a column that has another name in the file, as commune='Xã'; NAME empty: not used",
    )
    add(
        "--class",
        dest="classes",
        action="append",
        default=[],
        metavar="VALUE=CLASS",
        help="what a value of the class column means: poor, near_poor, average or other",
    )
    add(
        "--area",
        action="append",
        default=[],
        metavar="VALUE=AREA",
        help="what a value of the area column means: rural or urban",
    )
    add(
        "--digits",
        action="append",
        default=[],
        metavar="COLUMN=N",
        help="put lost leading zeros back, as commune_code=5; 0: the codes are of any length",
    )
    add("--numbers", choices=("en", "vi"), help="numbers kept as text: 1,234.5 or 1.234,5")
    add(
        "--income-unit",
        metavar="UNIT",
        help="'thousand VND/month', 'VND/month', 'thousand VND/year' or 'VND/year', per person",
    )
    add("--sheet", metavar="NAME", help="the sheet of Excel files; the first if not said")
    add(
        "--header-row",
        type=_row,
        metavar="N",
        help="the row of the headings of FILE, where titles stand above them; 1 is the first",
    )
    add("--place", metavar="NAME", help="the name of the province")
    add("--source", metavar="TEXT", help="where the register comes from, for the footnotes")
    add("--lang", choices=("en", "vi"), default="en", help="language of the report")
    add(
        "--out",
        metavar="DIR",
        default=OUT,
        help=f"the folder to write to ({OUT}); files in it that are not of a report are kept",
    )
    return parser


def _row(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,3}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a row, as 1")
    return int(text)


def _plan(text: str) -> float:
    try:
        points = float(text.replace(",", "."))
    except ValueError:
        points = float("nan")
    if not 0 < points <= 100:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of percentage points above 0 and up to 100, as 3.0"
        )
    return float(f"{points!r}e-2") if "e" not in repr(points) else points / 100


def _report(options: argparse.Namespace) -> int:
    settings = _settings(options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = _made(options, settings)
        _print(str(made))
        written = made.write(options.out)
    for message in dict.fromkeys(
        str(warning.message) for warning in caught if _is_for_people(warning)
    ):
        print(f"note: {message}", file=sys.stderr)
    _print(f"{written.folder}{os.sep}: {', '.join(written.files)}")
    for line in written.missing:
        print(f"not written: {line}", file=sys.stderr)
    return DONE


def _print(lines: str) -> None:
    """Print; the files are written all the same where no one reads on, as in `report | head`."""
    try:
        print(lines, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_for_people(warning: warnings.WarningMessage) -> bool:
    return issubclass(warning.category, PovertyCoreWarning)


def _made(options: argparse.Namespace, settings: Mapping[str, Any]) -> Report:
    words = {
        "plan": options.plan,
        "lang": options.lang,
        "place": settings["place"],
        "source": settings["source"],
    }
    years = settings["years"]
    if not options.files:
        unused = [
            name for name in ("population", "map", "sheet", "header_row") if getattr(options, name)
        ]
        if unused or settings["reading"] or settings["standard"] is not None:
            raise OptionError("the embedded register needs no reading; name a FILE")
        return report(years=years or None, **words)
    data, years = _registers(options.files, years, settings)
    if words["source"] is None:
        words["source"] = ", ".join(Path(_path_of(name)).name for name in options.files)
    if options.population:
        words |= _population(options.population, settings)
    return report(data, years=years or None, **words)


def _population(path: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Read the table of all households, and say how its columns are to be read."""
    sheet = settings["sheet"] if settings["sheet"] in sheets_of(path) else None
    table = read_table(path, sheet=sheet)
    names = [str(name) for name in table.columns]
    # Places may be named otherwise than in the register; then their own names are looked for.
    columns = {
        role: name
        for role, name in settings["columns"].items()
        if role in POPULATION_ROLES and (name in names or role not in ROLES)
    }
    reading = {key: settings["reading"][key] for key in ("digits", "numbers")
               if key in settings["reading"]}  # fmt: skip
    return {"population": table, "columns": columns, **reading}


def _path_of(argument: str) -> str:
    """Return the path of FILE or YEAR=FILE."""
    named = YEAR_AND_FILE.fullmatch(argument)
    return named[2] if named else argument


def _registers(
    files: Sequence[str], years: Sequence[int], settings: Mapping[str, Any]
) -> tuple[Register, Sequence[int]]:
    """Read every file; return the joined register, and the years to report of it."""
    named = [YEAR_AND_FILE.fullmatch(name) for name in files]
    if any(named) and not all(named):
        raise OptionError("either every file is given as YEAR=FILE, or one FILE with all years")
    if all(named):
        of_year = [(int(match[1]), match[2]) for match in named if match]
        given = [year for year, _ in of_year]
        if len(set(given)) < len(given):
            raise OptionError("a year is given twice; one file a year was expected")
        return joined([_register(path, year, settings) for year, path in sorted(of_year)]), years
    if len(files) > 1:
        raise OptionError("several files need their years, as 2021=A.csv 2022=B.csv")
    only = years[0] if len(years) == 1 else None
    return _register(files[0], only, settings, may_say_year=True), years


def _register(
    path: str, year: int | None, settings: Mapping[str, Any], *, may_say_year: bool = False
) -> Register:
    """Read and check one file; what is wrong with it is said with its name."""
    reading = dict(settings["reading"])
    indicators = tuple(
        dict.fromkeys(name for std in settings["standards"] for name in std.indicator_ids)
    )
    headings: list[str] = []
    roles: dict[str, str] = {}

    def keep(found: list[str]) -> list[str]:
        headings.extend(found)
        named = reading.get("columns", {})
        if year is not None and plain(named.get("year", "")) not in map(plain, found):
            # The year is known; a map that serves other files too may name a column for it.
            reading["columns"] = {role: name for role, name in named.items() if role != "year"}
        roles.update(choose(found, reading.get("columns"), more=indicators))
        return list(dict.fromkeys(roles.values()))

    sheet, table = settings["sheet"], None
    try:
        table = read_table(path, sheet=sheet, header_row=settings["header_row"], keep=keep)
        told = None if "year" in roles and may_say_year else year
        return register(
            table, year=told, standard=settings["standard"], headings=headings, **reading
        )
    except PovertyCoreError as fault:
        message, name = str(fault), Path(path).name
        if isinstance(fault, ColumnNotFoundError) and sheet is None and len(sheets_of(path)) > 1:
            message += (
                f"; read was the first sheet, the sheets are {listing(sheets_of(path))}; choose "
                "with --sheet NAME"
            )
        if isinstance(fault, ColumnNotFoundError) and _has_titles(path, headings):
            message += (
                "; not every column has a heading: if they stand in a lower row, say --header-row N"
            )
        if table is not None:
            message += _place_in_file(path, table, getattr(fault, "row", None))
        raise FileFormatError(message if name in message else f"{name}: {message}") from fault


def _has_titles(path: str, headings: Sequence[str]) -> bool:
    """Whether the first row looks like a title: one heading, or cells without."""
    return has_headings_in_rows(path) and (len(headings) == 1 or "" in headings)


def _place_in_file(path: str, table: Any, row: int | None) -> str:
    """Say where in the file a row stands, as a spreadsheet numbers its rows."""
    if row is None or not has_headings_in_rows(path):
        return ""
    return f" (row {int(table.index[row]) + 2} of the file)"


# ---- options ----------------------------------------------------------------------------------


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """Join the map and the options; an option goes before the map."""
    stored = _map(options.map) if options.map else {}
    reading: dict[str, Any] = {}
    for name, given in (
        ("columns", _assigned("--column", options.column)),
        ("classes", _assigned("--class", options.classes)),
        ("areas", _assigned("--area", options.area)),
        ("digits", _digits(_assigned("--digits", options.digits))),
    ):
        both = {**stored.get(name, {}), **given}
        if both:
            reading[name] = both
    columns = reading.pop("columns", {})
    own = {role: name for role, name in columns.items()
           if role in ROLES or role not in POPULATION_ROLES}  # fmt: skip
    if own:
        reading["columns"] = own
    for name in ("numbers", "income_unit"):
        value = getattr(options, name) or stored.get(name)
        if value:
            reading[name] = value
    std = _standard(options.standard or ([stored["standard"]] if "standard" in stored else []))
    standards = list(std.values()) if isinstance(std, dict) else [] if std is None else [std]
    return {
        "reading": reading,
        "columns": columns,
        "standard": std,
        "standards": standards,
        "years": _years(options.year),
        "sheet": options.sheet or stored.get("sheet"),
        "header_row": options.header_row or stored.get("header_row"),
        "place": options.place or stored.get("place"),
        "source": options.source or stored.get("source"),
    }


def _map(path: str) -> dict[str, Any]:
    try:
        with Path(path).open("rb") as file:
            stored = tomllib.load(file)
    except FileNotFoundError:
        raise FileFormatError(f"the map {path!r} does not exist") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise FileFormatError(f"the map {Path(path).name} is not TOML: {fault}") from fault
    for key, value in stored.items():
        if key not in MAP_KEYS:
            raise unknown_option(f"a key of {Path(path).name}", key, MAP_KEYS)
        if not isinstance(value, MAP_KEYS[key]):
            what = {dict: "a table", int: "a whole number"}.get(MAP_KEYS[key], "text")
            raise FileFormatError(f"{key} in {Path(path).name} must be {what}")
    for key in ("columns", "classes", "areas"):
        stored[key] = {name: str(value) for name, value in stored.get(key, {}).items()}
    stored["digits"] = _digits(
        {name: str(value) for name, value in stored.get("digits", {}).items()}
    )
    return stored


def _assigned(option: str, given: Sequence[str]) -> dict[str, str]:
    """Read A=B; the last "=" divides, so that a value may hold one; for columns the first."""
    found = {}
    for text in given:
        left, sign, right = text.partition("=") if option == "--column" else text.rpartition("=")
        if not sign or not left:
            raise OptionError(f"{option} {text!r} must be of the form A=B")
        found[left.strip()] = right.strip()
    return found


def _digits(given: Mapping[str, str]) -> dict[str, int]:
    for name, value in given.items():
        if not value.isdigit():
            raise OptionError(f"--digits {name}={value} must be a whole number")
        if name not in ROLES:
            raise unknown_option("the column of --digits", name, ROLES)
    return {name: int(value) for name, value in given.items()}


def _years(given: Sequence[str]) -> list[int]:
    years = [part.strip() for text in given for part in text.split(",") if part.strip()]
    for year in years:
        if not re.fullmatch(r"\d{4}", year):
            raise OptionError(f"--year {year!r} is not a year of four digits")
    return sorted({int(year) for year in years})


def _standard(given: Sequence[str]) -> Any:
    """Read one standard for all years, or one for each: YEAR=ID,YEAR=ID."""
    parts = [part.strip() for text in given for part in text.split(",") if part.strip()]
    if not parts:
        return None
    named = [YEAR_AND_FILE.fullmatch(part) for part in parts]
    if all(named):
        return {int(match[1]): read_standard(match[2]) for match in named if match}
    if len(parts) > 1:
        raise OptionError("several standards need their years, as 2021=vn-2016,2022=vn-2022")
    return read_standard(parts[0])


if __name__ == "__main__":
    sys.exit(main())
