"""Time deprivation profiles: the table of (group, profile), one cut-off, and 1,000 weightings.

One command makes the data, runs every contestant on it and prints seconds and ratios:

    python tests/bench/profiles.py                       # 28 million rows: about half an hour
    python tests/bench/profiles.py --rows 2_000_000      # a quick look

Twelve int8 indicators, a float64 weight and an int32 code; two data sets: independent indicators
with rates of 0.10 to 0.32, and indicators with a common factor and rates of 0.40 to 0.01. The
questions, each answered from a frame in memory by the call that a user would write:

- table     weight and count of every combination of group and 12 indicators. Polars and DuckDB
            group by all columns, or by the group and a mask made of them: the faster one counts.
            NumPy makes the mask and counts with bincount
- one       H, M0 and 12 censored headcounts by group at one cut-off, weights equal: everybody else
            passes over the rows for these 14 figures; povertycore makes the table and asks it. The
            loops over rows in C (one_cutoff.c) are compiled here, and run on as many threads: one
            makes the same figures, the other the 12 uncensored headcounts too, as the table has
            them. The aims are of the table alone, which answers every cut-off
- pack      the 12 columns of each row as one mask, and nothing else
- again     the table once more, from masks that were kept
- weights   without the rows: 1,000 random weightings, H and M0 of 200 groups at every attainable
            cut-off, reduced to rank correlations and comparisons that hold
- survey    all measures, three cut-offs, 23 groups of 371,700 rows

The streaming read bandwidth of the machine is measured in the same run. Memory is warmed,
contestants take turns and results are compared as in `rates.py`, whose machinery this is. pandas,
which is slow, is timed once.
"""

import argparse
import atexit
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import NormalDist

from rates import (
    GIB,
    KEYS as ALL_KEYS,
    Contestant,
    aim,
    compare,
    make_rows,
    processor,
    refuse_slow_build,
    take_turns,
    warm_memory,
)

N_INDICATORS = 12
NAMES = [f"x{j + 1}" for j in range(N_INDICATORS)]
CUTOFF = 4  # of 12 deprivations
KEYS = {key: ALL_KEYS[key] for key in "abc"}
DATA = {
    "independent": "independent, rates 0.10 to 0.32",
    "factor": "one factor, rates 0.40 to 0.01",
}
# Of a row, what each question has to read.
BYTES = {"table": N_INDICATORS + 12, "one": N_INDICATORS + 12, "pack": N_INDICATORS, "again": 14}

# (key, question) -> rival -> how many times as fast we aim to be
AIMS = {
    ("a", "table"): {"Polars": 7.5},
    ("b", "table"): {"Polars": 8.0},
    ("a", "one"): {"Polars": 5.0, "C loop": 4.5},
    ("b", "one"): {"Polars": 3.0, "C loop": 2.2},
}
PACKING_AIM = 0.6  # of the read bandwidth
TABLE = "povertycore, the table"
QUESTIONS = ["table", "one", "pack", "again", "weights", "survey"]
OF_ROWS = QUESTIONS[:4]
WEIGHTS_AIM = 2.0  # seconds
SURVEY_AIM = 0.1  # seconds


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=28_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keys", default="abc", help="letters of the keys: " + str(KEYS))
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=list(DATA))
    parser.add_argument("--questions", nargs="+", default=QUESTIONS, choices=QUESTIONS)
    parser.add_argument("--weightings", type=int, default=1_000)
    parser.add_argument("--warm-gib", type=float, default=4.0)
    parser.add_argument(
        "--without", nargs="*", default=[], help="contestants to leave out, e.g. pandas NumPy"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.keys) - set(KEYS):
        parser.error(f"unknown keys {sorted(unknown)}; there are {sorted(KEYS)}")
    if arguments.rows < 1_000_000:
        parser.error("fewer than a million rows leave groups empty, and time only the calls")
    return arguments


# ---------------------------------------------------------------------------------------- data


def measured_columns(kind, n_rows, rng):
    """Return a float64 weight and twelve int8 indicators."""
    import numpy as np

    columns = {"w": rng.uniform(0.5, 3.0, n_rows)}
    if kind == "independent":
        for j, name in enumerate(NAMES):
            columns[name] = (rng.random(n_rows, dtype=np.float32) < 0.10 + 0.02 * j).astype(np.int8)
        return columns
    factor = rng.standard_normal(n_rows, dtype=np.float32)
    for name, rate in zip(NAMES, np.geomspace(0.40, 0.01, N_INDICATORS), strict=True):
        own = rng.standard_normal(n_rows, dtype=np.float32)
        limit = np.float32(NormalDist().inv_cdf(1 - rate) * 2**0.5)
        columns[name] = (factor + own > limit).astype(np.int8)
    return columns


def specification():
    import povertycore as pc

    return pc.Spec({name: [name] for name in NAMES}, k="1/3")


# ------------------------------------------------------------------------------------- the table


def mask_in_polars():
    """Return the expression of a mask of the 12 columns."""
    import polars as pl

    return pl.sum_horizontal(pl.col(name).cast(pl.Int16) * 2**j for j, name in enumerate(NAMES))


def cells_of_profiles(found):
    """Return key, mask, count and weight of the cells of Profiles."""
    import numpy as np

    (table,) = found.tables
    labels = np.asarray(table.groups.levels[0])[table.groups.codes[0]]
    return labels[table.group], table.deprived.astype(np.int64), table.n, table.weight


def cells_of_masks(found):
    """Return the same of a frame with these columns."""
    import numpy as np

    key, packed, n, weight = (np.asarray(found[name]) for name in ("key", "mask", "n", "w"))
    return key, packed.astype(np.int64), n, weight


def cells_of_bincount(found):
    """Return the same of counts and weights by place."""
    import numpy as np

    (place,) = np.nonzero(found[0])
    mask = place & ((1 << N_INDICATORS) - 1)
    return place >> N_INDICATORS, mask, found[0][place], found[1][place]


def tables(rows):
    """Yield who makes the table of weight and count by group and profile."""
    import numpy as np
    import polars as pl

    import povertycore as pc

    spec, design = specification(), pc.Design(weight="w")
    bits = 1 << np.arange(N_INDICATORS)

    for kind, frame in (("pandas", rows.pandas), ("Polars", rows.polars)):
        yield Contestant(
            f"povertycore ({kind})",
            lambda frame=frame: pc.profiles(frame, spec, by="key", design=design),
            cells_of_profiles,
        )

    sums = [pl.col("w").sum(), pl.len().alias("n")]
    mask = mask_in_polars()

    def of_columns(found):
        key, n, weight = (np.asarray(found[name]) for name in ("key", "n", "w"))
        return key, np.column_stack([np.asarray(found[name]) for name in NAMES]) @ bits, n, weight

    lazy = rows.polars.lazy()
    yield Contestant(
        "Polars (columns)", lambda: lazy.group_by("key", *NAMES).agg(sums).collect(), of_columns
    )
    yield Contestant(
        "Polars (mask)",
        lambda: lazy.group_by("key", mask.alias("mask")).agg(sums).collect(),
        cells_of_masks,
    )

    packed = " + ".join(f"{bit} * {name}::int" for name, bit in zip(NAMES, bits, strict=True))
    for label, what in (("columns", ", ".join(NAMES)), ("mask", f"{packed} as mask")):
        by = ", ".join(NAMES) if label == "columns" else "mask"
        query = f"select key, {what}, sum(w) as w, count(*) as n from own_rows group by key, {by}"
        yield Contestant(
            f"DuckDB ({label})",
            lambda query=query: rows.duckdb.execute(query).fetchnumpy(),
            of_columns if label == "columns" else cells_of_masks,
        )

    frame = rows.pandas
    weight, columns = frame["w"].to_numpy(), [frame[name].to_numpy() for name in NAMES]

    def with_numpy():
        place = rows.codes << N_INDICATORS
        for j, column in enumerate(columns):
            place |= column.astype(np.int32) << j
        size = rows.n_groups << N_INDICATORS
        return np.bincount(place, minlength=size), np.bincount(place, weight, minlength=size)

    yield Contestant("NumPy", with_numpy, cells_of_bincount)
    yield Contestant(
        "pandas",
        lambda: frame.groupby(["key", *NAMES], sort=False)["w"].agg(["sum", "size"]).reset_index(),
        lambda found: (
            found["key"].to_numpy(),
            found[NAMES].to_numpy() @ bits,
            found["size"].to_numpy(),
            found["sum"].to_numpy(),
        ),
    )


def compare_tables(group):
    """Fail unless all contestants count the same rows and weights in the same cells."""
    import numpy as np

    first = None
    for contestant in group:
        key, mask, n, weight = contestant.read(contestant.call())
        place = (key.astype(np.int64) << N_INDICATORS) + mask
        order = np.argsort(place)
        cells = place[order], np.asarray(n)[order].astype(np.int64), np.asarray(weight)[order]
        if first is None:
            first = cells
            continue
        if not all(np.array_equal(*pair) for pair in zip(cells[:2], first[:2], strict=True)):
            sys.exit(f"{contestant.name} counts other rows than {group[0].name}")
        if not np.allclose(cells[2], first[2], rtol=1e-9, atol=0):
            sys.exit(f"{contestant.name} has other weights than {group[0].name}")
    return len(first[0])


# ----------------------------------------------------------------------------------- one cut-off


def answers(rows):
    """Yield who answers one cut-off: H, M0 and the censored headcounts."""
    import numpy as np
    import pandas as pd
    import polars as pl

    import povertycore as pc

    spec, design = specification(), pc.Design(weight="w")
    measures = ["H", "M0", "censored_headcount"]

    def of_estimates(est):
        frame = est.to_frame()
        wide = frame["estimate"].to_numpy().reshape(-1, 2 + N_INDICATORS)
        return frame["key"].to_numpy()[:: 2 + N_INDICATORS].astype(str), wide

    for kind, frame in (("pandas", rows.pandas), ("Polars", rows.polars)):
        yield Contestant(
            f"povertycore ({kind})",
            lambda frame=frame: pc.multidim(
                frame, spec, measures=measures, by="key", design=design
            ),
            of_estimates,
        )

    yield Contestant(
        TABLE,
        lambda: pc.profiles(rows.pandas, spec, by="key", design=design),
        lambda found: of_estimates(found.multidim(measures=measures)),
    )

    score = pl.sum_horizontal(pl.col(name).cast(pl.Int8) for name in NAMES)
    weight, poor = pl.col("w"), pl.col("score") >= CUTOFF
    poor_weight = pl.when(poor).then(weight).otherwise(0.0)
    figures = [
        (pl.col("p").sum() / weight.sum()).alias("H"),
        ((pl.col("p") * pl.col("score")).sum() / N_INDICATORS / weight.sum()).alias("M0"),
        *(((pl.col("p") * pl.col(name)).sum() / weight.sum()).alias(name) for name in NAMES),
    ]
    scored = rows.polars.lazy().with_columns(score=score).with_columns(p=poor_weight)

    def of_polars(frame):
        return frame["key"].cast(pl.String).to_numpy(), frame.select("H", "M0", *NAMES).to_numpy()

    yield Contestant("Polars", lambda: scored.group_by("key").agg(figures).collect(), of_polars)

    total = " + ".join(NAMES)
    columns = ", ".join(f"sum(p * {name}) / sum(w) as {name}" for name in NAMES)
    query = (
        f"select key, sum(p) / sum(w) as H, sum(p * score) / {N_INDICATORS} / sum(w) as M0,"
        f" {columns} from (select *, {total} as score,"
        f" case when {total} >= {CUTOFF} then w else 0 end as p from own_rows) group by key"
    )
    yield Contestant(
        "DuckDB",
        lambda: rows.duckdb.execute(query).fetchnumpy(),
        lambda found: (
            np.asarray(found["key"]).astype(str),
            np.column_stack([found[name] for name in ("H", "M0", *NAMES)]),
        ),
    )

    frame = rows.pandas
    weights, arrays = frame["w"].to_numpy(), [frame[name].to_numpy() for name in NAMES]
    labels = np.arange(rows.n_groups).astype(str)

    def with_numpy():
        scores = arrays[0].copy()
        for column in arrays[1:]:
            scores += column
        of_poor = np.where(scores >= CUTOFF, weights, 0.0)
        parts = [of_poor, of_poor * scores / N_INDICATORS, *(of_poor * x for x in arrays)]
        sums = [np.bincount(rows.codes, part, minlength=rows.n_groups) for part in parts]
        whole = np.bincount(rows.codes, weights, minlength=rows.n_groups)
        return np.column_stack(sums) / whole[:, None]

    yield Contestant("NumPy", with_numpy, lambda matrix: (labels, matrix))

    def with_pandas():
        scores = frame[NAMES].sum(axis=1)
        of_poor = frame["w"].where(scores >= CUTOFF, 0.0)
        parts = {"H": of_poor, "M0": of_poor * scores / N_INDICATORS}
        parts |= {name: of_poor * frame[name] for name in NAMES} | {"w": frame["w"]}
        sums = pd.DataFrame(parts).groupby(frame["key"], sort=False).sum()
        return sums.drop(columns="w").div(sums["w"], axis=0)

    def of_loop(matrix):
        return labels, matrix

    yield Contestant(
        "pandas", with_pandas, lambda found: (found.index.astype(str).to_numpy(), found.to_numpy())
    )
    add_rows = loops_in_c()
    yield Contestant(
        "C, censored only", run_in_c(rows, add_rows.add_rows, 3 + N_INDICATORS), of_loop
    )
    yield Contestant(
        "C loop", run_in_c(rows, add_rows.add_rows_wide, 3 + 2 * N_INDICATORS), of_loop
    )


def loops_in_c():
    """Compile one_cutoff.c."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    library = f"{folder}/one_cutoff.so"
    source = Path(__file__).with_name("one_cutoff.c")
    command = [os.environ.get("CC", "gcc"), "-O3", "-std=c11", "-shared", "-fPIC"]
    subprocess.run([*command, "-o", library, str(source)], check=True)
    loaded = ctypes.CDLL(library)
    for loop in (loaded.add_rows, loaded.add_rows_wide):
        loop.argtypes = [ctypes.c_int64] * 2 + [ctypes.c_void_p] * 4
    return loaded


def run_in_c(rows, add_rows, width):
    """Return the call of one of the loops, on as many threads as the others have."""
    import numpy as np

    frame, n_threads = rows.pandas, int(os.environ["POVERTYCORE_NUM_THREADS"])
    arrays = [frame[name].to_numpy() for name in NAMES]
    weight, codes = frame["w"].to_numpy(), rows.codes
    bounds = [len(frame) * part // n_threads for part in range(n_threads + 1)]

    def part(first, end):
        columns = (ctypes.c_void_p * N_INDICATORS)(*(array.ctypes.data for array in arrays))
        sums = np.zeros((rows.n_groups, width))
        add_rows(first, end, columns, weight.ctypes.data, codes.ctypes.data, sums.ctypes.data)
        return sums

    def call():
        with ThreadPoolExecutor(n_threads) as pool:
            sums = sum(pool.map(part, bounds[:-1], bounds[1:]))
        sums[:, 2] /= N_INDICATORS
        return sums[:, 1 : 3 + N_INDICATORS] / sums[:, :1]

    return call


# ----------------------------------------------------------------------------- masks of the rows


def packings(rows):
    """Yield who makes masks of the 12 columns."""
    import numpy as np

    import povertycore as pc
    from povertycore import _core

    spec = specification()
    arrays = [rows.pandas[name].to_numpy() for name in NAMES]
    columns = [_core.column_array(array) for array in arrays]
    for kind, frame in (("pandas", rows.pandas), ("Polars", rows.polars)):
        yield Contestant(
            f"povertycore ({kind})",
            lambda frame=frame: pc.pack(frame, spec),
            lambda found: found.deprived,
        )
    yield Contestant(
        "the kernel alone",
        lambda: _core.pack(len(rows.pandas), columns),
        lambda found: found[0],
    )
    mask = mask_in_polars()
    yield Contestant(
        "Polars",
        lambda: rows.polars.lazy().select(mask).collect(),
        lambda found: found.to_numpy().ravel(),
    )

    def with_numpy():
        mask = arrays[0].astype(np.uint16)
        for j, column in enumerate(arrays[1:], 1):
            mask |= column.astype(np.uint16) << j
        return mask

    yield Contestant("NumPy", with_numpy, lambda mask: mask)


def tables_again(rows):
    """Yield who makes the table from masks that were kept."""
    import numpy as np
    import polars as pl

    import povertycore as pc

    packed, design = pc.pack(rows.pandas, specification()), pc.Design(weight="w")
    without = {
        "pandas": rows.pandas[["key", "w"]],
        "Polars": rows.polars.select("key", "w"),
    }
    for kind, frame in without.items():
        yield Contestant(
            f"povertycore ({kind})",
            lambda frame=frame: pc.profiles(frame, packed, by="key", design=design),
            cells_of_profiles,
        )
    kept = rows.polars.select("key", "w", mask_in_polars().alias("mask")).lazy()
    sums = [pl.col("w").sum(), pl.len().alias("n")]
    yield Contestant(
        "Polars", lambda: kept.group_by("key", "mask").agg(sums).collect(), cells_of_masks
    )
    mask, weight = packed.deprived, rows.pandas["w"].to_numpy()
    size = rows.n_groups << N_INDICATORS

    def with_numpy():
        place = rows.codes << N_INDICATORS | mask
        return np.bincount(place, minlength=size), np.bincount(place, weight, minlength=size)

    yield Contestant("NumPy", with_numpy, cells_of_bincount)


def compare_masks(group):
    """Fail unless all contestants make the same masks."""
    import numpy as np

    first = group[0].read(group[0].call())
    for contestant in group[1:]:
        if not np.array_equal(contestant.read(contestant.call()), first):
            sys.exit(f"{contestant.name} has other masks than {group[0].name}")


# ------------------------------------------------------------------------------ without the rows


def time_robustness(found, n_weightings, warm_bytes):
    """Return the seconds that the robustness of profiles takes, at one cut-off and at all."""
    seconds = {}
    for k in ("1/3", "all"):
        words = {"k": k, "draws": n_weightings, "vary": "indicators", "progress": False}
        warm_memory(warm_bytes)
        begin = time.perf_counter()
        found.robustness(**words)
        seconds[k] = time.perf_counter() - begin
    return seconds


def time_survey(rng, rounds, warm_bytes):
    """Return the best seconds for all measures, three cut-offs, 23 groups of 371,700 rows."""
    import numpy as np
    import pandas as pd

    import povertycore as pc

    n_rows = 371_700
    frame = pd.DataFrame(measured_columns("factor", n_rows, rng))
    frame["area"] = pd.Categorical.from_codes(rng.integers(0, 2, n_rows), ["rural", "urban"])
    regions = [f"region {j:02d}" for j in range(20)]
    frame["region"] = pd.Categorical.from_codes(rng.integers(0, 20, n_rows), regions)
    seconds = []
    for _ in range(rounds):
        warm_memory(warm_bytes)
        begin = time.perf_counter()
        pc.multidim(
            frame,
            specification(),
            k=["1/5", "1/3", "1/2"],
            measures="all",
            over=["area", "region"],
            design=pc.Design(weight="w"),
        )
        seconds.append(time.perf_counter() - begin)
    return np.min(seconds)


def read_bandwidth(n_threads, n_bytes=GIB, rounds=7):
    """Return bytes per second that as many threads read from memory: memchr finds nothing."""
    import numpy as np

    memchr = ctypes.CDLL(None).memchr
    memchr.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
    memchr.restype = ctypes.c_void_p
    buffer = np.zeros(n_bytes, dtype=np.uint8)
    buffer[::4096] = 2  # each page is a page of its own
    part = n_bytes // n_threads
    starts = [buffer.ctypes.data + i * part for i in range(n_threads)]
    best = np.inf
    with ThreadPoolExecutor(n_threads) as pool:
        for _ in range(rounds):
            begin = time.perf_counter()
            list(pool.map(lambda start: memchr(start, 1, part), starts))
            best = min(best, time.perf_counter() - begin)
    return part * n_threads / best


# ------------------------------------------------------------------------------------- running


def ask_all(question, rows, without, rounds, warm_bytes):
    """Compare and time all contestants of a question; return them and the number of cells."""
    kinds = {"table": tables, "one": answers, "pack": packings, "again": tables_again}
    check = {"one": compare, "pack": compare_masks}.get(question, compare_tables)
    group = [c for c in kinds[question](rows) if c.name.split(" (")[0] not in without]
    n_cells = check(group)
    quick = [c for c in group if c.name != "pandas"]
    take_turns(quick, rounds, warm_bytes)
    if len(quick) < len(group):
        take_turns([c for c in group if c not in quick], 1, warm_bytes)
    return group, n_cells


def report(rows, kind, question, group, bandwidth, n_cells):
    """Print one case and return its line for the summary."""
    own = group[0]
    cells = f"; {n_cells:,} cells" if n_cells else ""
    print(f"\n{question}: {DATA[kind]}; ({rows.key}) {KEYS[rows.key]}{cells}")
    # The last two columns: best over our best, median over our median, ours from pandas.
    print(f"{'':24}{'best s':>9}{'median s':>10}{'x best':>8}{'x median':>10}")
    for one in group:
        print(
            f"{one.name:24}{one.best:9.4f}{one.median:10.4f}"
            f"{one.best / own.best:8.2f}{one.median / own.median:10.2f}"
        )
    n_bytes = len(rows.pandas) * BYTES[question]
    for one in group:
        if one.name.startswith(("povertycore", "the kernel")):
            speed = n_bytes / one.best
            share = aim(speed / bandwidth, PACKING_AIM if question == "pack" else None, 2)
            print(f"{one.name}: {speed / 1e9:.1f} GB/s, {share} of the read bandwidth")

    def best(word):
        return min((one.best for one in group if one.name.startswith(word)), default=None)

    wanted = AIMS.get((rows.key, question), {})
    rivals = {word: best(word) for word in ("Polars", "DuckDB", "NumPy", "pandas", "C loop")}
    judged = next((one for one in group if one.name == TABLE), own)
    for rival in ("Polars", "DuckDB", "C loop"):
        if rivals[rival] is not None:
            ratio = aim(rivals[rival] / judged.best, wanted.get(rival))
            print(f"{judged.name}: {ratio} times as fast as {rival}", flush=True)
    figures = " | ".join("–" if one is None else f"{one:.3f}" for one in rivals.values())
    ratio = "–" if rivals["Polars"] is None else f"{rivals['Polars'] / own.best:.1f}"
    return f"| {question} | {kind} | {KEYS[rows.key]} | {own.best:.3f} | {figures} | {ratio} |"


def report_weightings(rows, n_weightings, warm_bytes):
    """Time and print the robustness of profiles of 200 groups."""
    import povertycore as pc

    found = pc.profiles(rows.pandas, specification(), by="key", design=pc.Design(weight="w"))
    for k, seconds in time_robustness(found, n_weightings, warm_bytes).items():
        wanted = aim(seconds, WEIGHTS_AIM if k == "all" else None, 2)
        print(f"{n_weightings:,} weightings, k {k}, 200 groups: {wanted} s", flush=True)


def main():
    arguments = read_arguments()
    # Read by each library when it is imported.
    os.environ["POVERTYCORE_NUM_THREADS"] = str(arguments.threads)
    os.environ["POLARS_MAX_THREADS"] = str(arguments.threads)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(arguments.threads))

    import duckdb
    import numpy as np
    import pandas as pd
    import polars as pl

    import povertycore as pc
    from povertycore import _core

    refuse_slow_build(_core.info())
    versions = [("povertycore", pc), ("pandas", pd), ("Polars", pl), ("DuckDB", duckdb)]
    print(f"{arguments.rows:,} rows, {arguments.threads} threads, {arguments.rounds} rounds")
    print(", ".join(f"{name} {module.__version__}" for name, module in [*versions, ("NumPy", np)]))
    print(f"{processor()}; core {_core.info()}")
    bandwidth = read_bandwidth(arguments.threads)
    print(f"streaming read bandwidth {bandwidth / 1e9:.1f} GB/s")

    rng = np.random.default_rng(0)
    warm_bytes = int(arguments.warm_gib * GIB)
    summary = []
    for kind in arguments.data:
        measured = measured_columns(kind, arguments.rows, rng)
        for key in arguments.keys:
            rows = make_rows(key, measured, rng)
            for question in OF_ROWS:
                if question not in arguments.questions or (question == "pack" and key != "a"):
                    continue
                group, n_cells = ask_all(
                    question, rows, arguments.without, arguments.rounds, warm_bytes
                )
                summary.append(report(rows, kind, question, group, bandwidth, n_cells))
                del group
            if key == "a" and "weights" in arguments.questions:
                report_weightings(rows, arguments.weightings, warm_bytes)
            rows.duckdb.close()
            del rows

    if "survey" in arguments.questions:
        seconds = time_survey(rng, arguments.rounds, warm_bytes)
        print(f"all measures, 3 cut-offs, 23 groups, 371,700 rows: {aim(seconds, SURVEY_AIM, 3)} s")
    print("\nBest seconds; the last column is Polars over povertycore (pandas).\n")
    print("| question | data | key | povertycore | Polars | DuckDB | NumPy | pandas | C | ratio |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    print("\n".join(summary))


if __name__ == "__main__":
    main()
