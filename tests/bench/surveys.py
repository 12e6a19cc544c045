"""Time estimates of a survey with standard errors: povertycore beside NumPy, Polars, svy and R.

One command makes a survey of a million rows, 100 strata, 2,000 PSUs and 50 domains that cross them
(rows in no order), runs every contestant on it and prints seconds and ratios:

    python tests/bench/surveys.py
    python tests/bench/surveys.py --cases rate fgt --without svy R     # a quick look

Cases, each from a frame that lies in memory to an estimate and its standard error per domain:

- rate        one 0/1 column
- nested      the same by 50 regions of two strata each, which no PSU crosses
- fgt         headcount, gap and severity of an income
- multidim    H, A and M0 of 12 indicators at three cut-offs, 22 domains
- bootstrap   the rate with 1,000 Rao-Wu replicates

Rivals are written as their own users would, in the fastest of the forms that were tried:

- NumPy       bincount by PSU and domain, linearised totals, sums over strata; for the bootstrap,
              factors by PSU times totals by PSU. It is told that PSUs are numbered 0 to 1,999 by
              stratum, 20 in each: povertycore finds that out in the timed call.
- Polars      group_by PSU and domain, then the same
- svy         `Sample.estimation.mean(by=)`, the sample made beforehand, scores columns already
- R survey    svyby(svymean), design and scores made beforehand, in a process of its own that times
              itself (`surveys.R`); needs Rscript with survey

svy and R make replicates of all rows: with a million of them 1,000 would need 8 GB, so that they
make fewer, and seconds are told for those. Machinery and warming of memory are those of `rates.py`.
All results are compared to 1e-9, bootstraps to what chance leaves.
"""

import argparse
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from rates import GIB, Contestant, aim, compare, processor, refuse_slow_build, take_turns

N_STRATA, PSUS_IN_STRATUM, N_DOMAINS, N_DOMAINS_OF_INDEX = 100, 20, 50, 22
N_PSUS = N_STRATA * PSUS_IN_STRATUM
N_INDICATORS, N_DIMENSIONS = 12, 4
CUTOFFS = ("1/4", "1/3", "1/2")
LINE = 1.0
N_REPLICATES = 1000
N_FEW = 50  # replicates that svy and R make of all rows
CHANCE = 0.15  # relative, between two bootstraps of 1,000: four times sqrt(1/2000), and less of 50

CASES = ("rate", "nested", "fgt", "multidim", "bootstrap")
DOMAINS = {"nested": ("region", N_DOMAINS), "multidim": ("province", N_DOMAINS_OF_INDEX)}
# (case, rival) -> how many times as fast as it we aim to be
AIMS = {("rate", "NumPy"): 1.0, ("rate", "svy"): 80.0, ("rate", "R survey"): 300.0}
WITHOUT_SE = "povertycore, no SE"
TIMES_WITHOUT_SE, MOST_MS = 2.5, 8.0  # a rate takes at most one of these


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--slow-rounds", type=int, default=2, help="of svy and R")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--warm-gib", type=float, default=1.0)
    parser.add_argument("--without", nargs="*", default=[], help="e.g. svy R Polars")
    return parser.parse_args()


# ---------------------------------------------------------------------------------------- data


def survey(n_rows, rng):
    """Columns of a sample: strata and PSUs, three sets of domains, incomes, indicators."""
    import numpy as np

    psu = rng.integers(0, N_PSUS, n_rows, dtype=np.int32)
    level = rng.normal(0.5, 0.3, N_PSUS)
    income = np.exp(level[psu] + rng.normal(0, 0.6, n_rows))
    columns = {
        "stratum": psu // PSUS_IN_STRATUM,
        "region": psu // PSUS_IN_STRATUM * N_DOMAINS // N_STRATA,
        "psu": psu,
        "domain": rng.integers(0, N_DOMAINS, n_rows, dtype=np.int32),
        "province": rng.integers(0, N_DOMAINS_OF_INDEX, n_rows, dtype=np.int32),
        "weight": rng.uniform(0.5, 3.0, n_rows),
        "income": income,
        "poor": (income < LINE).astype(np.int8),
    }
    for j in range(N_INDICATORS):
        columns[f"x{j + 1}"] = (rng.random(n_rows) < 0.1 + 0.03 * j).astype(np.int8)
    return columns


def domains_of(case):
    """Name and number of the domains of a case."""
    return DOMAINS.get(case, ("domain", N_DOMAINS))


def indicators():
    """Names of the indicators, by dimension."""
    each = N_INDICATORS // N_DIMENSIONS
    return {f"d{d + 1}": [f"x{d * each + j + 1}" for j in range(each)] for d in range(N_DIMENSIONS)}


# --------------------------------------------------------------------------------- contestants


@dataclass
class Timed(Contestant):
    """A contestant that tells processor time too, of all threads: more, on a busy machine."""

    cpu_seconds: list = field(default_factory=list)

    def __post_init__(self):
        call = self.call

        def timed():
            begin = time.process_time()
            result = call()
            self.cpu_seconds.append(time.process_time() - begin)
            return result

        self.call = timed

    @property
    def cpu(self):
        return min(self.cpu_seconds)


# ---------------------------------------------------------------------------------------- ours


def read_ours(estimates, *slots):
    """Domains, and estimates beside standard errors, with a column for each value of the slots."""
    import numpy as np

    table = estimates.to_frame()
    wide = [
        table.pivot(index=table.columns[0], columns=list(slots), values=name)
        for name in ("estimate", "se")
    ]
    return wide[0].index.astype(str).to_numpy(), np.hstack([part.to_numpy() for part in wide])


def ours(case, frames):
    """The public call of a case, on each kind of frame."""
    import povertycore as pc

    words = {"weight": "weight", "strata": "stratum", "psu": "psu"}
    design = pc.Design(**words)
    made = pc.Replicates(kind="bootstrap", n=N_REPLICATES)
    replicated = pc.Design(**words, replicates=made)
    calls = {
        "rate": (
            lambda frame: pc.rate(frame, "poor", by="domain", design=design),
            ("variable",),
        ),
        "nested": (
            lambda frame: pc.rate(frame, "poor", by="region", design=design),
            ("variable",),
        ),
        "fgt": (
            lambda frame: pc.fgt(frame, "income", line=LINE, by="domain", design=design),
            ("alpha", "measure"),
        ),
        "multidim": (
            lambda frame: pc.multidim(
                frame, pc.Spec(indicators()), k=list(CUTOFFS), by="province", design=design
            ),
            ("k", "measure"),
        ),
        "bootstrap": (
            lambda frame: pc.rate(frame, "poor", by="domain", design=replicated),
            ("variable",),
        ),
    }
    call, slots = calls[case]
    return [
        Timed(
            f"povertycore ({kind})",
            lambda frame=frame: call(frame),
            lambda estimates: read_ours(estimates, *slots),
        )
        for kind, frame in frames.items()
    ]


def ours_without_se(case, frames):
    """The same rates of a register: the time that standard errors are compared with."""
    import povertycore as pc

    design = pc.Design(weight="weight")
    by = domains_of(case)[0]
    if case != "fgt":
        call = lambda: pc.rate(frames["pandas"], "poor", by=by, design=design)  # noqa: E731
    else:
        call = lambda: pc.fgt(  # noqa: E731
            frames["pandas"], "income", line=LINE, by=by, design=design
        )
    return Timed(WITHOUT_SE, call, None)


# --------------------------------------------------------------------------------------- NumPy


def by_psu_and_domain(columns, domain, n_domains, scores):
    """Sums of weights, and of weighted scores, in each PSU and domain."""
    import numpy as np

    cell = columns["psu"] * n_domains + columns[domain]
    size = N_PSUS * n_domains

    def sums(values):
        return np.bincount(cell, weights=values, minlength=size).reshape(N_PSUS, n_domains)

    weight = columns["weight"]
    return sums(weight), [sums(score * weight) for score in scores]


def root_of_variance(z):
    """Standard errors of domains from their linearised totals by PSU, shape (PSUs, domains)."""
    import numpy as np

    z = z.reshape(N_STRATA, PSUS_IN_STRATUM, -1)
    squares = ((z - z.mean(axis=1, keepdims=True)) ** 2).sum(axis=(0, 1))
    return np.sqrt(squares * PSUS_IN_STRATUM / (PSUS_IN_STRATUM - 1))


def mean_and_error(above, below):
    """A ratio of two totals, with its standard error, by domain."""
    total = below.sum(axis=0)
    estimate = above.sum(axis=0) / total
    return estimate, root_of_variance((above - estimate * below) / total)


def fgt_scores(income):
    import numpy as np

    gap = np.maximum(1 - income / LINE, 0.0)
    return [income < LINE, gap, gap * gap]


def numpy_means(case, columns, scores):
    weights, totals = by_psu_and_domain(columns, *domains_of(case), scores())
    estimates, errors = zip(*(mean_and_error(total, weights) for total in totals), strict=True)
    return [*estimates, *errors]


def numpy_multidim(columns):
    """H, A and M0 of each cut-off, with standard errors; scores are counted in twelfths."""
    score = sum(columns[f"x{j + 1}"] for j in range(N_INDICATORS))
    scores = []
    for cutoff in CUTOFFS:
        poor = score >= math.ceil(Fraction(cutoff) * N_INDICATORS)
        scores += [poor, score / N_INDICATORS * poor]
    weights, totals = by_psu_and_domain(columns, *domains_of("multidim"), scores)
    found = []
    for poor, censored in zip(totals[::2], totals[1::2], strict=True):
        pairs = (poor, weights), (censored, poor), (censored, weights)
        found += [mean_and_error(*pair) for pair in pairs]
    estimates, errors = zip(*found, strict=True)
    return [*estimates, *errors]


def numpy_bootstrap(columns):
    import numpy as np

    rng = np.random.default_rng(0)
    weights, (totals,) = by_psu_and_domain(columns, *domains_of("bootstrap"), [columns["poor"]])
    n = PSUS_IN_STRATUM
    equal = np.full(n, 1 / n)
    times = rng.multinomial(n - 1, equal, size=(N_REPLICATES, N_STRATA))
    factors = times.reshape(N_REPLICATES, N_PSUS) * (n / (n - 1))
    replicates = (factors @ totals) / (factors @ weights)
    return [totals.sum(axis=0) / weights.sum(axis=0), replicates.std(axis=0)]


def with_numpy(case, columns):
    import numpy as np

    calls = {
        "rate": lambda: numpy_means(case, columns, lambda: [columns["poor"]]),
        "nested": lambda: numpy_means(case, columns, lambda: [columns["poor"]]),
        "fgt": lambda: numpy_means(case, columns, lambda: fgt_scores(columns["income"])),
        "multidim": lambda: numpy_multidim(columns),
        "bootstrap": lambda: numpy_bootstrap(columns),
    }
    labels = np.arange(domains_of(case)[1]).astype(str)
    return Timed("NumPy", calls[case], lambda found: (labels, np.column_stack(found)))


# -------------------------------------------------------------------------------------- Polars


def with_polars(case, frame):
    """Means of scores in expressions; None for what Polars has no short form of."""
    import polars as pl

    gap = pl.max_horizontal(1 - pl.col("income") / LINE, 0.0)
    scores = {
        "rate": {"s0": pl.col("poor")},
        "nested": {"s0": pl.col("poor")},
        "fgt": {"s0": (pl.col("income") < LINE).cast(pl.Float64), "s1": gap, "s2": gap * gap},
    }.get(case)
    if scores is None:
        return None
    weight, names, domain = pl.col("weight"), list(scores), domains_of(case)[0]

    def call():
        cells = (
            frame.lazy()
            .group_by("stratum", "psu", domain)
            .agg(weight.sum(), *((score * weight).sum().alias(s) for s, score in scores.items()))
            .collect()
        )
        n_psus = cells.lazy().group_by("stratum").agg(n=pl.col("psu").n_unique())
        totals = [pl.col(s).sum().alias(f"t{s}") for s in names]
        whole = cells.lazy().group_by(domain).agg(*totals, total=weight.sum())
        mean = {s: pl.col(f"t{s}") / pl.col("total") for s in names}
        z = {s: (pl.col(s) - mean[s] * weight) / pl.col("total") for s in names}
        n = pl.col("n").first()
        spread = [
            (n / (n - 1) * ((z[s] ** 2).sum() - z[s].sum() ** 2 / n)).alias(f"v{s}") for s in names
        ]
        variances = (
            cells.lazy()
            .join(whole, on=domain)
            .join(n_psus, on="stratum")
            .group_by(domain, "stratum")
            .agg(*(mean[s].first().alias(f"e{s}") for s in names), *spread)
            .group_by(domain)
            .agg(
                *(pl.col(f"e{s}").first() for s in names),
                *(pl.col(f"v{s}").sum().sqrt() for s in names),
            )
        )
        return variances.collect()

    def read(found):
        columns = [f"e{s}" for s in names] + [f"v{s}" for s in names]
        return found[domain].cast(pl.String).to_numpy(), found.select(columns).to_numpy()

    return Timed("Polars", call, read)


# ----------------------------------------------------------------------------------------- svy


def with_svy(case, frame):
    """The contestant, or a text that says why there is none."""
    import numpy as np
    import polars as pl

    try:
        import svy
    except ImportError:
        return "svy is not installed (pip install svy)"
    if case == "multidim":
        return "svy has no multidimensional measures"
    domain = domains_of(case)[0]
    scores = fgt_scores(frame["income"].to_numpy()) if case == "fgt" else []
    names = [f"g{alpha}" for alpha in range(len(scores))] or ["poor"]
    data = frame.select("stratum", "psu", domain, "weight", "poor").with_columns(
        pl.Series(name, np.asarray(score, dtype=float))
        for name, score in zip(names, scores, strict=False)
    )
    sample = svy.Sample(data, svy.Design(stratum="stratum", psu="psu", wgt="weight"))

    def bootstrap():
        made = sample.weighting.create_bs_wgts(n_reps=N_FEW, rstate=0)
        return [made.estimation.mean("poor", by=domain, method="replication")]

    def means():
        found = sample.estimation.mean(names, by=domain)
        return found if isinstance(found, list) else [found]

    def read(found):
        tables = [estimate.to_polars().sort(domain) for estimate in found]
        columns = [table[name].to_numpy() for name in ("est", "se") for table in tables]
        return tables[0][domain].cast(pl.String).to_numpy(), np.column_stack(columns)

    if case == "bootstrap":
        return Timed(f"svy ({N_FEW} replicates)", bootstrap, read)
    return Timed("svy", means, read)


# -------------------------------------------------------------------------------------- R survey


def run_r(columns, rounds):
    """{case: Contestant} with its seconds, or a text that says why there is none."""
    import numpy as np

    rscript = shutil.which("Rscript")
    if rscript is None:
        return "Rscript is not installed (Debian: apt-get install r-cran-survey)"
    asked = [rscript, "-e", 'if (!requireNamespace("survey", quietly = TRUE)) quit(status = 1)']
    if subprocess.run(asked, capture_output=True, check=False).returncode:
        return "R has no package survey (Debian: apt-get install r-cran-survey)"
    scores = dict(zip(("g0", "g1", "g2"), fgt_scores(columns["income"]), strict=True))
    names = ("stratum", "psu", "domain", "weight", "poor")
    with tempfile.TemporaryDirectory() as folder:
        for name, column in {**{name: columns[name] for name in names}, **scores}.items():
            np.asarray(column, dtype=np.float64).tofile(Path(folder, name))
        given = [folder, len(columns["psu"]), rounds, N_FEW]
        script = Path(__file__).with_suffix(".R")
        done = subprocess.run(
            [rscript, str(script), *map(str, given)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            return f"R failed: {done.stderr.strip()[-300:]}"
        found = {}
        for case in ("rate", "fgt", "bootstrap"):
            table = np.loadtxt(Path(folder, f"{case}.csv"), delimiter=",", skiprows=1)
            name = "R survey" if case != "bootstrap" else f"R survey ({N_FEW} replicates)"
            result = table[:, 0].astype(int).astype(str), table[:, 1:]
            found[case] = Contestant(name, lambda result=result: result, lambda result: result)
    for line in done.stdout.splitlines():
        word, value = line.split()
        if word in found:
            found[word].seconds.append(float(value))
        else:
            print(f"R survey {value}")
    return found


# ------------------------------------------------------------------------------------- running


def compare_bootstraps(group):
    """Fail unless estimates are equal, and standard errors but for chance."""
    import numpy as np

    found = [(c.name, *c.read(c.call())) for c in group]
    first, _, expected = found[0]
    for name, _, matrix in found[1:]:
        few = str(N_FEW) in name
        if not np.allclose(matrix[:, 0], expected[:, 0], rtol=1e-9):
            sys.exit(f"{name} and {first} give different estimates")
        worst = np.max(np.abs(matrix[:, 1] / expected[:, 1] - 1))
        if worst > CHANCE * (3 if few else 1):
            sys.exit(f"standard errors of {name} and {first} differ by up to {worst:.0%}")


def refusal(contestant):
    """Why our call cannot be made yet, or None."""
    from povertycore.errors import DesignError

    try:
        _, matrix = contestant.read(contestant.call())
    except (AttributeError, DesignError, KeyError, NotImplementedError) as error:
        return f"{type(error).__name__}: {error}"
    return None if (matrix == matrix).all() else "it gives no standard errors"


def ask(case, columns, frames, found_by_r, arguments):
    """Time the contestants of one case, and print."""
    print(f"\n{case}")
    group = ours(case, frames)
    if why := refusal(group[0]):
        print(f"left out: povertycore's {case} of a survey is not there yet ({why})")
        return
    group.append(with_numpy(case, columns))
    group.append(with_polars(case, frames["Polars"]))
    slow = [with_svy(case, frames["Polars"]), found_by_r]
    slow[1] = slow[1].get(case) if isinstance(slow[1], dict) else slow[1]
    for absent in (why for why in slow if isinstance(why, str)):
        print(f"left out: {absent}")
    without = arguments.without
    group, slow = (
        [c for c in part if isinstance(c, Contestant) and c.name.split(" (")[0] not in without]
        for part in (group, slow)
    )
    (compare_bootstraps if case == "bootstrap" else compare)(group + slow)
    if case in ("rate", "nested", "fgt"):
        group.append(ours_without_se(case, frames))
    warm = int(arguments.warm_gib * GIB)
    take_turns(group, arguments.rounds, warm)
    if untimed := [c for c in slow if not c.seconds]:
        take_turns(untimed, arguments.slow_rounds, warm)
    report(case, group + slow)


def report(case, group):
    own = group[0]
    print(f"{'':28}{'best ms':>10}{'median ms':>11}{'cpu ms':>9}  x best")
    for c in group:
        times = aim(c.best / own.best, AIMS.get((case, c.name)), 2)
        cpu = f"{c.cpu * 1e3:.2f}" if isinstance(c, Timed) else "–"
        print(f"{c.name:28}{c.best * 1e3:10.2f}{c.median * 1e3:11.2f}{cpu:>9}  {times}")
    if case == "rate":
        (bare,) = (c for c in group if c.name == WITHOUT_SE)
        print(
            f"{own.name}: {own.best / bare.best:.2f} times the rates without standard errors "
            f"(at most {TIMES_WITHOUT_SE}) or {own.best * 1e3:.1f} ms (at most {MOST_MS:g})"
        )
    sys.stdout.flush()


def main():
    arguments = read_arguments()
    # Read by each library when it is imported.
    os.environ["POVERTYCORE_NUM_THREADS"] = str(arguments.threads)
    os.environ["POLARS_MAX_THREADS"] = str(arguments.threads)

    import numpy as np
    import pandas as pd
    import polars as pl

    import povertycore as pc
    from povertycore import _core

    refuse_slow_build(_core.info())
    versions = [("povertycore", pc), ("pandas", pd), ("Polars", pl), ("NumPy", np)]
    print(f"{arguments.rows:,} rows, {arguments.threads} threads, {arguments.rounds} rounds")
    print(", ".join(f"{name} {module.__version__}" for name, module in versions))
    print(f"{processor()}; core {_core.info()}")

    columns = survey(arguments.rows, np.random.default_rng(0))
    frames = {"pandas": pd.DataFrame(columns, copy=False), "Polars": pl.DataFrame(columns)}
    found_by_r = {}
    if not {"R", "R survey"} & set(arguments.without):
        found_by_r = run_r(columns, arguments.slow_rounds)
    for case in arguments.cases:
        ask(case, columns, frames, found_by_r, arguments)


if __name__ == "__main__":
    main()
