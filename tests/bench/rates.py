"""Time weighted rates by group: povertycore beside pandas, Polars, DuckDB and NumPy.

One command makes the data, runs every contestant on it and prints seconds and ratios:

    python tests/bench/rates.py                       # 28 million rows: about ten minutes
    python tests/bench/rates.py --rows 2_000_000      # a quick look

What is timed is the public call, from a frame that lies in memory to a result per group. Each
rival is written as its own users would, in the fastest of the forms that were tried:

- Polars    lazy group_by().agg((x * w).sum() / w.sum()), its default engine
- DuckDB    SQL, once over an Arrow table and once over a table of its own; the faster one counts
- pandas    columns multiplied by the weight, one groupby().sum(), one division; and, as most people
            write it, column by column
- NumPy     bincount per column (for integer and category codes only)

Before every timed call, ours and the rivals', 4 GiB of memory are touched and freed: on a virtual
machine the first touch of memory that the host has taken back costs seconds, and would be paid by
whoever happens to come first. Contestants take turns within each round, in rotating order. All
results are compared; a difference above 1e-9 ends the run with an error.
"""

import argparse
import ctypes
import gc
import os
import statistics
import sys
import time
from dataclasses import dataclass, field

N_COLUMNS = 12
TOLERANCE = 1e-9
GIB = 2**30

KEYS = {
    "a": "int32 codes, 200 groups",
    "b": "int32 codes, 11,000 groups, unsorted",
    "c": "int32 codes, 11,000 groups, clustered",
    "d": "category, 200 groups",
    "e": "text, 200 groups",
}

# (key, number of columns) -> how many times as fast as the faster of Polars and DuckDB we aim to be
AIMS = {("a", 12): 4.0, ("b", 12): 3.5, ("a", 1): 3.0, ("d", 1): 3.0, ("e", 1): 1.3}
PANDAS_AIM = {("a", 12): 60.0}
MEMORY_AIM_MIB = 64


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=28_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keys", default="abcde", help="letters of the keys: " + str(KEYS))
    parser.add_argument("--columns", type=int, nargs="+", default=[1, N_COLUMNS])
    parser.add_argument("--warm-gib", type=float, default=4.0)
    parser.add_argument(
        "--without", nargs="*", default=[], help="contestants to leave out, e.g. pandas NumPy"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.keys) - set(KEYS):
        parser.error(f"unknown keys {sorted(unknown)}; there are {sorted(KEYS)}")
    if max(arguments.columns) > N_COLUMNS:
        parser.error(f"at most {N_COLUMNS} columns")
    if arguments.rows < 1_000_000:
        parser.error("fewer than a million rows leave groups empty, and time only the calls")
    return arguments


# ---------------------------------------------------------------------------------------- data


@dataclass
class Rows:
    """The rows of one key, once in the form of each contestant, sharing buffers where they can."""

    key: str
    columns: list
    pandas: object
    arrow: object
    polars: object
    duckdb: object
    codes: object  # NumPy codes for bincount, or None for text
    n_groups: int


def group_codes(key, n_rows, rng):
    import numpy as np

    n_groups = 11_000 if key in "bc" else 200
    if key != "c":
        return rng.integers(0, n_groups, n_rows, dtype=np.int32), n_groups
    # Communes of unequal size, each in one stretch of rows, in no order of their codes.
    sizes = rng.multinomial(n_rows, rng.dirichlet(np.full(n_groups, 4.0)))
    return np.repeat(rng.permutation(n_groups).astype(np.int32), sizes), n_groups


def make_rows(key, measured, rng):
    """Put one key beside the measured columns, for every contestant."""
    import duckdb
    import numpy as np
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    n_rows = len(measured["w"])
    codes, n_groups = group_codes(key, n_rows, rng)
    names = [f"{code:05d}" for code in range(n_groups)]  # as administrative codes are written

    if key == "d":
        arrow_key = pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names))
        pandas_key = pd.Categorical.from_codes(codes, names)
    elif key == "e":
        arrow_key = pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names))
        arrow_key = arrow_key.cast(pa.large_string())
        pandas_key = pd.array(arrow_key, dtype=pd.StringDtype("pyarrow", na_value=np.nan))
    else:
        arrow_key, pandas_key = pa.array(codes), codes

    arrow = pa.table({"key": arrow_key, **{name: pa.array(x) for name, x in measured.items()}})
    connection = duckdb.connect()
    connection.execute(f"set threads = {os.environ['POVERTYCORE_NUM_THREADS']}")
    connection.register("arrow_rows", arrow)
    kind = {"d": "enum(" + ", ".join(f"'{n}'" for n in names) + ")", "e": "varchar"}.get(key, "int")
    connection.execute(
        f"create table own_rows as select * replace (key::{kind} as key) from arrow_rows"
    )
    return Rows(
        key=key,
        columns=[name for name in measured if name != "w"],
        pandas=pd.DataFrame({"key": pandas_key, **measured}, copy=False),
        arrow=arrow,
        polars=pl.from_arrow(arrow),
        duckdb=connection,
        codes=None if key == "e" else codes,
        n_groups=n_groups,
    )


def measured_columns(n_rows, rng):
    """Return a float64 weight and twelve int8 columns of 0 and 1, each with its own rate."""
    import numpy as np

    columns = {"w": rng.uniform(0.5, 3.0, n_rows)}
    for j in range(N_COLUMNS):
        columns[f"x{j + 1}"] = (rng.random(n_rows) < 0.05 + 0.03 * j).astype(np.int8)
    return columns


# --------------------------------------------------------------------------------- contestants


@dataclass
class Contestant:
    name: str
    call: object  # no arguments -> the contestant's own result
    read: object  # that result -> (labels, matrix of groups x columns)
    seconds: list = field(default_factory=list)

    @property
    def best(self):
        return min(self.seconds)

    @property
    def median(self):
        return statistics.median(self.seconds)


def ours(rows, columns):
    """Yield the public call on each kind of frame."""
    import povertycore as pc

    design = pc.Design(weight="w")

    def read(estimates):
        table = estimates.to_frame().pivot(index="key", columns="variable", values="estimate")
        return table.index.astype(str).to_numpy(), table[columns].to_numpy()

    for kind, frame in (("pandas", rows.pandas), ("PyArrow", rows.arrow), ("Polars", rows.polars)):
        yield Contestant(
            f"povertycore ({kind})",
            lambda frame=frame: pc.rate(frame, columns, by="key", design=design),
            read,
        )


def with_polars(rows, columns):
    import polars as pl

    weight = pl.col("w")
    rates = [((pl.col(x) * weight).sum() / weight.sum()).alias(x) for x in columns]
    return Contestant(
        "Polars",
        lambda: rows.polars.lazy().group_by("key").agg(rates).collect(),
        lambda frame: (
            frame["key"].cast(pl.String).to_numpy(),
            frame.select(columns).to_numpy(),
        ),
    )


def with_duckdb(rows, columns, source):
    import numpy as np

    rates = ", ".join(f"sum({x} * w) / sum(w) as {x}" for x in columns)
    query = f"select key, {rates} from {source} group by key"
    return Contestant(
        {"arrow_rows": "DuckDB (Arrow)", "own_rows": "DuckDB (table)"}[source],
        lambda: rows.duckdb.execute(query).fetchnumpy(),
        lambda found: (
            np.asarray(found["key"]).astype(str),
            np.column_stack([found[x] for x in columns]),
        ),
    )


def with_pandas(rows, columns):
    def rates():
        frame = rows.pandas
        weighted = frame[columns].mul(frame["w"], axis=0)
        weighted["w"] = frame["w"]
        sums = weighted.groupby(frame["key"], sort=False, observed=True).sum()
        return sums[columns].div(sums["w"], axis=0)

    return Contestant(
        "pandas", rates, lambda frame: (frame.index.astype(str).to_numpy(), frame.to_numpy())
    )


def with_pandas_by_column(rows, columns):
    import pandas as pd

    def rates():
        frame = rows.pandas
        total = frame["w"].groupby(frame["key"], observed=True).sum()
        return pd.DataFrame(
            {
                x: (frame[x] * frame["w"]).groupby(frame["key"], observed=True).sum() / total
                for x in columns
            }
        )

    return Contestant(
        "pandas (by column)",
        rates,
        lambda frame: (frame.index.astype(str).to_numpy(), frame.to_numpy()),
    )


def with_numpy(rows, columns):
    import numpy as np

    frame = rows.pandas
    weight = frame["w"].to_numpy()
    arrays = [frame[x].to_numpy() for x in columns]
    groups = np.arange(rows.n_groups).astype(str)
    if rows.key == "d":
        groups = frame["key"].array.categories.to_numpy().astype(str)

    def rates():
        total = np.bincount(rows.codes, weights=weight, minlength=rows.n_groups)
        return np.column_stack(
            [
                np.bincount(rows.codes, weights=x * weight, minlength=rows.n_groups) / total
                for x in arrays
            ]
        )

    return Contestant("NumPy", rates, lambda matrix: (groups, matrix))


def contestants(rows, columns, without):
    found = [
        *ours(rows, columns),
        with_polars(rows, columns),
        with_duckdb(rows, columns, "arrow_rows"),
        with_duckdb(rows, columns, "own_rows"),
        with_pandas(rows, columns),
        with_pandas_by_column(rows, columns),
    ]
    if rows.codes is not None:
        found.append(with_numpy(rows, columns))
    return [c for c in found if c.name.split(" (")[0] not in without]


# ------------------------------------------------------------------------------------- running


def warm_memory(n_bytes):
    """Touch and free memory that the kernel maps anew, so that no timed call pays the host."""
    import numpy as np

    if n_bytes:
        buffer = np.empty(n_bytes, dtype=np.uint8)
        buffer[::4096] = 1


def take_turns(group, rounds, warm_bytes):
    """Time each contestant once per round, in rotating order, each after warmed memory."""
    for turn in range(rounds):
        start = turn % len(group)
        for contestant in group[start:] + group[:start]:
            gc.collect()
            warm_memory(warm_bytes)
            begin = time.perf_counter()
            result = contestant.call()
            contestant.seconds.append(time.perf_counter() - begin)
            del result


def compare(group):
    """Fail unless all contestants give the same rates for the same groups."""
    import numpy as np

    first = None
    for contestant in group:
        labels, matrix = contestant.read(contestant.call())
        order = np.argsort(labels.astype(str))
        labels, matrix = labels.astype(str)[order], np.asarray(matrix, dtype=float)[order]
        if first is None:
            first = (contestant.name, labels, matrix)
            continue
        if not np.array_equal(labels, first[1]):
            sys.exit(f"{contestant.name} and {first[0]} name different groups")
        if not np.allclose(matrix, first[2], rtol=TOLERANCE, atol=0):
            worst = np.max(np.abs(matrix - first[2]))
            sys.exit(f"{contestant.name} differs from {first[0]} by up to {worst:.1e}")


def resident_mib(word):
    """Return this process's resident size in MiB: "VmRSS" now, "VmHWM" at its highest."""
    with open("/proc/self/status", encoding="ascii") as file:
        (line,) = (line for line in file if line.startswith(word + ":"))
    return int(line.split()[1]) / 1024


def extra_memory_mib(call):
    """Return the highest resident size during the call less that before it, in MiB.

    Freed heap is given back to the system first, so that none of it hides what the call takes.
    """
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")  # the kernel forgets the highest size so far
    before = resident_mib("VmRSS")
    result = call()
    highest = resident_mib("VmHWM")
    del result
    return highest - before


# ------------------------------------------------------------------------------------ printing


def aim(value, wanted, digits=1):
    text = f"{value:.{digits}f}"
    return text if wanted is None else f"{text} (aim {wanted:g})"


def report(rows, columns, group, memory_mib):
    """Print one case and return its line for the summary.

    `memory_mib` is what each of our calls took beyond the rows, by contestant's name.
    """
    by_name = {contestant.name: contestant for contestant in group}
    own = by_name["povertycore (pandas)"]
    print(f"\n({rows.key}) {KEYS[rows.key]}; {len(columns)} column(s)")
    # The last two columns: best over our best, median over our median, ours from pandas.
    print(f"{'':24}{'best s':>9}{'median s':>10}{'x best':>8}{'x median':>10}")
    for contestant in group:
        print(
            f"{contestant.name:24}{contestant.best:9.4f}{contestant.median:10.4f}"
            f"{contestant.best / own.best:8.2f}{contestant.median / own.median:10.2f}"
        )

    case = (rows.key, len(columns))
    rivals = [c for name, c in by_name.items() if name.startswith(("Polars", "DuckDB"))]
    fastest = min(rivals, key=lambda c: c.best, default=None)
    if fastest is not None:
        for name, contestant in by_name.items():
            if name.startswith("povertycore"):
                ratio = aim(fastest.best / contestant.best, AIMS.get(case))
                print(f"{name}: {ratio} times as fast as {fastest.name}")
    for name, wanted in (("pandas", None), ("pandas (by column)", PANDAS_AIM.get(case))):
        if name in by_name:
            ratio = aim(by_name[name].best / own.best, wanted)
            print(f"{own.name}: {ratio} times as fast as {name}")
    for name, mib in memory_mib.items():
        print(f"{name}: extra memory {aim(mib, MEMORY_AIM_MIB)} MiB", flush=True)

    def cell(*names):
        times = [by_name[name].best for name in names if name in by_name]
        return f"{min(times):.3f}" if times else "–"

    ratio = f"{fastest.best / own.best:.1f}" if fastest is not None else "–"
    duckdb = cell("DuckDB (Arrow)", "DuckDB (table)")
    return (
        f"| {KEYS[rows.key]} | {len(columns)} | {cell(own.name)} | {cell('Polars')} | {duckdb} "
        f"| {cell('NumPy')} | {cell('pandas')} | {ratio} |"
    )


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return names[0] if names else "unknown processor"


def refuse_slow_build(info):
    """End the run for a core that was built for debugging or sanitized: its times say nothing."""
    if not info["optimized"]:
        sys.exit("this povertycore was not built with -O3; install it again without CFLAGS")


def main():
    arguments = read_arguments()
    # Read by each library when it is imported.
    os.environ["POVERTYCORE_NUM_THREADS"] = str(arguments.threads)
    os.environ["POLARS_MAX_THREADS"] = str(arguments.threads)

    import duckdb
    import numpy as np
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    import povertycore as pc
    from povertycore import _core

    refuse_slow_build(_core.info())
    versions = [("povertycore", pc), ("pandas", pd), ("Polars", pl), ("DuckDB", duckdb)]
    versions += [("NumPy", np), ("PyArrow", pa)]
    print(f"{arguments.rows:,} rows, {arguments.threads} threads, {arguments.rounds} rounds")
    print(", ".join(f"{name} {module.__version__}" for name, module in versions))
    print(f"{processor()}; core {_core.info()}")

    rng = np.random.default_rng(0)
    measured = measured_columns(arguments.rows, rng)
    summary = []
    for key in arguments.keys:
        rows = make_rows(key, measured, rng)
        for n_columns in arguments.columns:
            columns = rows.columns[:n_columns]
            group = contestants(rows, columns, arguments.without)
            compare(group)
            take_turns(group, arguments.rounds, int(arguments.warm_gib * GIB))
            memory_mib = {
                c.name: extra_memory_mib(c.call) for c in group if c.name.startswith("povertycore")
            }
            summary.append(report(rows, columns, group, memory_mib))
        rows.duckdb.close()
        del rows

    print("\nBest seconds; the last column is the faster of Polars and DuckDB over povertycore.\n")
    print("| key | columns | povertycore | Polars | DuckDB | NumPy | pandas | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    print("\n".join(summary))


if __name__ == "__main__":
    main()
