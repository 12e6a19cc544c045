"""Time transitions of households between two registers: povertycore beside Polars.

    python tests/bench/matching.py                     # 10 million ids, 28 million by communes
    python tests/bench/matching.py --rows 1_000_000 --communes-rows 2_800_000

What is timed is the public call on a mapping of two frames in memory, from frames to the result:
every count and rate of moves between three states. Polars joins and counts: join on the id (inner),
group_by both states, len; with its default engine, the faster of the two tried. It neither counts
those who left or came, nor checks that an id stands once. Contestants take turns within each round;
counts of matched households are compared.

Sorted ids come ascending in both frames, random ones in different orders; a tenth of the households
of either side is not in the other. Text ids are twelve characters long.
"""

import argparse
import gc
import os
import statistics
import time

AIMS = {"sorted": 12.0, "random": 3.0, "text": 2.5}
STATES = ["poor", "near_poor", "other"]
COMMUNES = 11_000


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--communes-rows", type=int, default=28_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--kinds", nargs="*", default=[*AIMS, "communes"])
    return parser.parse_args()


def make_sides(n, kind, rng):
    """Ids and states of two registers."""
    import numpy as np

    first = np.arange(n, dtype=np.int64) * 3
    second = np.where(rng.random(n) < 0.1, first + 1, first)
    if kind != "sorted":
        first, second = rng.permutation(first), rng.permutation(second)
    states = [rng.choice(3, n, p=[0.1, 0.1, 0.8]).astype(np.int8) for _ in range(2)]
    return (first, second), states


def make_frames(n, kind, rng):
    """Give two pandas and two Polars frames with the same buffers where they can share."""
    import numpy as np
    import pandas as pd
    import polars as pl

    ids, states = make_sides(n, "random" if kind == "communes" else kind, rng)
    ours, theirs = [], []
    commune = np.sort(rng.integers(0, COMMUNES, n)).astype(np.int32)
    for own, state in zip(ids, states, strict=True):
        id_column = pl.Series("hh", own)
        if kind == "text":
            id_column = id_column.cast(pl.String).str.zfill(12)
        frame = {
            "hh": id_column,
            "status": pl.Series(np.array(STATES)[state]).cast(pl.Enum(STATES)),
        }
        if kind == "communes":
            frame["commune"] = pl.Series(commune)
        theirs.append(pl.DataFrame(frame))
        given = own if kind != "text" else None
        columns = {} if given is None else {"hh": given}
        columns["status"] = pd.Categorical.from_codes(state, STATES, ordered=True)
        if kind == "communes":
            columns["commune"] = commune
        ours.append(theirs[-1] if kind == "text" else pd.DataFrame(columns, copy=False))
    return ours, theirs


def run_ours(ours, kind):
    import povertycore as pc

    by = "commune" if kind == "communes" else None
    return pc.transitions(dict(zip((2021, 2022), ours, strict=True)), "status", id="hh",
                          time="year", by=by)  # fmt: skip


def run_polars(theirs, kind):
    import polars as pl

    a, b = (frame.lazy() for frame in theirs)
    keys = ["commune"] if kind == "communes" else []
    b = b.select("hh", pl.col("status").alias("status_to"))
    joined = a.join(b, on="hh", how="inner")
    return joined.group_by([*keys, "status", "status_to"]).len().collect()


def check(est, table):
    """Compare the numbers of matched households."""
    counts = est.select(measure="count", status_from=STATES, status_to=STATES)
    if int(counts["estimate"].sum()) != int(table["len"].sum()):
        raise SystemExit("the counts differ")


def main():
    arguments = read_arguments()
    os.environ["POVERTYCORE_NUM_THREADS"] = str(arguments.threads)
    os.environ["POLARS_MAX_THREADS"] = str(arguments.threads)
    import numpy as np

    rng = np.random.default_rng(1)
    print(f"{'ids':>10} {'rows':>12} {'ours':>8} {'Polars':>8} {'ratio':>6} {'aim':>6}   seconds")
    for kind in arguments.kinds:
        n = arguments.communes_rows if kind == "communes" else arguments.rows
        ours, theirs = make_frames(n, kind, rng)
        seconds = {"ours": [], "Polars": []}
        for round_number in range(arguments.rounds):
            gc.collect()
            began = time.perf_counter()
            est = run_ours(ours, kind)
            seconds["ours"].append(time.perf_counter() - began)
            if kind == "communes" and round_number > 0:
                continue
            began = time.perf_counter()
            table = run_polars(theirs, kind)
            seconds["Polars"].append(time.perf_counter() - began)
            check(est, table)
        own, other = (min(seconds[name]) for name in seconds)
        aim = f"{AIMS[kind]:.1f}" if kind in AIMS else "< 1 s"
        median = statistics.median(seconds["ours"])
        print(
            f"{kind:>10} {n:>12,} {own:8.3f} {other:8.3f} {other / own:6.1f} {aim:>6}"
            f"   median {median:.3f}"
        )
        del ours, theirs


if __name__ == "__main__":
    main()
