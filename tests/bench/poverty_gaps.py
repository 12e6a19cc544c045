"""Time FGT measures 0, 1 and 2 with a poverty line for every household.

    python tests/bench/poverty_gaps.py                       # 28 million rows by 200 groups

Everybody starts from a frame in memory: welfare, line and weight as float64, an int32 code. Polars
answers by both of its engines and in two ways of writing: the fastest counts. Machinery and manners
are those of `rates.py`.
"""

import argparse
import os
import sys

from rates import (
    GIB,
    Contestant,
    aim,
    compare,
    make_rows,
    processor,
    refuse_slow_build,
    take_turns,
)

AIM = 3.5  # times as fast as the faster of Polars and DuckDB
ALPHAS = [0, 1, 2]


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=28_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warm-gib", type=float, default=2.0)
    return parser.parse_args()


def households(n_rows, rng):
    return {
        "w": rng.uniform(0.5, 3.0, n_rows),
        "welfare": rng.lognormal(0.0, 0.6, n_rows),
        "line": rng.uniform(0.5, 1.5, n_rows),
    }


def ours(rows):
    """Yield povertycore, from both kinds of frame."""
    import povertycore as pc

    design = pc.Design(weight="w")

    def read(est):
        frame = est.to_frame()
        wide = frame["estimate"].to_numpy().reshape(-1, len(ALPHAS))
        return frame["key"].to_numpy()[:: len(ALPHAS)], wide

    for kind, frame in (("pandas", rows.pandas), ("Polars", rows.polars)):
        yield Contestant(
            f"povertycore ({kind})",
            lambda frame=frame: pc.fgt(
                frame, "welfare", line="line", alpha=ALPHAS, by="key", design=design
            ),
            read,
        )


def with_polars(rows):
    """Yield Polars: sums of masked columns, and sums of filtered ones; in memory and streaming."""
    import polars as pl

    weight, welfare, line = pl.col("w"), pl.col("welfare"), pl.col("line")
    is_poor, gap = welfare < line, (line - welfare) / line
    masked = (
        rows.polars.lazy()
        .with_columns(p=pl.when(is_poor).then(weight).otherwise(0.0), g=gap)
        .group_by("key")
        .agg(
            (pl.col("p").sum() / weight.sum()).alias("0"),
            ((pl.col("p") * pl.col("g")).sum() / weight.sum()).alias("1"),
            ((pl.col("p") * pl.col("g") * pl.col("g")).sum() / weight.sum()).alias("2"),
        )
    )
    filtered = (
        rows.polars.lazy()
        .group_by("key")
        .agg(
            (weight.filter(is_poor).sum() / weight.sum()).alias("0"),
            ((weight * gap).filter(is_poor).sum() / weight.sum()).alias("1"),
            ((weight * gap * gap).filter(is_poor).sum() / weight.sum()).alias("2"),
        )
    )

    def read(frame):
        return frame["key"].to_numpy(), frame.select("0", "1", "2").to_numpy()

    for how, query in (("masked", masked), ("filtered", filtered)):
        for engine in ("in-memory", "streaming"):
            yield Contestant(
                f"Polars ({how}, {engine})",
                lambda query=query, engine=engine: query.collect(engine=engine),
                read,
            )


def with_duckdb(rows):
    import numpy as np

    poor = "case when welfare < line then w else 0 end"
    gap = "(line - welfare) / line"
    query = (
        f"select key, sum({poor}) / sum(w) as a, sum({poor} * {gap}) / sum(w) as b,"
        f" sum({poor} * ({gap}) * ({gap})) / sum(w) as c from own_rows group by key"
    )
    return Contestant(
        "DuckDB",
        lambda: rows.duckdb.execute(query).fetchnumpy(),
        lambda found: (
            np.asarray(found["key"]),
            np.column_stack([found[name] for name in "abc"]),
        ),
    )


def main():
    arguments = read_arguments()
    os.environ["POVERTYCORE_NUM_THREADS"] = str(arguments.threads)
    os.environ["POLARS_MAX_THREADS"] = str(arguments.threads)
    import numpy as np

    from povertycore import _core

    refuse_slow_build(_core.info())
    rng = np.random.default_rng(20261124)
    rows = make_rows("a", households(arguments.rows, rng), rng)
    group = [*ours(rows), *with_polars(rows), with_duckdb(rows)]
    print(f"{arguments.rows:,} rows, {rows.n_groups} groups, {processor()}")
    compare(group)
    take_turns(group, arguments.rounds, int(arguments.warm_gib * GIB))
    own = group[0]
    for c in group:
        print(f"{c.name:28}{c.best:9.4f}{c.median:9.4f}{c.best / own.best:8.2f}")
    rivals = [c for c in group if not c.name.startswith("povertycore")]
    fastest = min(rivals, key=lambda c: c.best)
    print(f"{own.name}: {aim(fastest.best / own.best, AIM)} times as fast as {fastest.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
