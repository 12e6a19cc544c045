"""Intervals hold the truth of a finite population as often as they say.

Source of truth: populations of `simulations/coverage.py`, counted completely. The long run, 10,000
samples of each design, is on record beside it; here it is short, with limits that are wider by
three standard errors of what 400 samples tell: sqrt(p (1 - p)/400) of a share, sqrt(2/400) of a
variance.
"""

import json
import math

import numpy as np
import pytest

from simulations import coverage

N_SAMPLES = 400
N_WRONG = 300
JUDGED = [name for name in coverage.DESIGNS if name not in coverage.TOLD]


def wider(n_samples):
    """The limits of the long run, wider by three standard errors of a run of so many samples."""
    shares = zip(coverage.COVERAGE, (-3, 3), strict=True)
    ratios = zip(coverage.VARIANCE_RATIO, (-3, 3), strict=True)
    return (
        [p + times * math.sqrt(p * (1 - p) / n_samples) for p, times in shares],
        [ratio * (1 + times * math.sqrt(2 / n_samples)) for ratio, times in ratios],
    )


@pytest.mark.parametrize("name", JUDGED)
def test_intervals_cover_and_variances_are_right(name):
    told = coverage.summaries(name, N_SAMPLES)
    limits = wider(N_SAMPLES)
    judged = {figure: t for figure, t in told.items() if coverage.is_judged(name, figure)}
    assert len(judged) >= 6
    assert {figure: t for figure, t in judged.items() if not coverage.is_within(t, *limits)} == {}


WRONG = [
    ("stratified", {"weight": None}, "rate 25%", "coverage", "too small"),
    ("clustered", {"psu": "row"}, "rate 25%", "variance_ratio", "too small"),
    (
        "two_stage",
        {"fpc": None, "fpc2": None, "ssu": None},
        "gap 50%",
        "variance_ratio",
        "too large",
    ),
    ("rotating", {"waves": "independent"}, "change of gap middle", "variance_ratio", "too large"),
]


@pytest.mark.parametrize(("name", "changes", "figure", "column", "what"), WRONG)
def test_a_design_that_is_told_wrongly_is_found(name, changes, figure, column, what):
    told = coverage.summaries(name, N_WRONG, **changes)[figure]
    limits = dict(zip(("coverage", "variance_ratio"), wider(N_WRONG), strict=True))
    low, high = limits[column]
    found = {"too small": told[column] < low, "too large": told[column] > high}
    assert found[what]


@pytest.mark.parametrize("name", JUDGED)
def test_a_sample_among_others_has_the_figures_of_a_file_of_its_own(name):
    plan = coverage.plan_of(name)
    file = plan.draw(np.random.default_rng(0), 3)
    together = plan.estimates(file, "sample", plan.design)
    for sample in range(3):
        own = {column: values[file["sample"] == sample] for column, values in file.items()}
        alone = plan.estimates(own, "sample", plan.design)
        for figure, estimates in alone.items():
            for column in coverage.COLUMNS:
                assert len(estimates) == 1
                np.testing.assert_allclose(
                    together[figure][column][sample], estimates[column][0], rtol=1e-10
                )


# ---- the run on record

RECORD = json.loads(coverage.RESULT.read_text(encoding="utf-8"))


def test_the_run_on_record_is_of_the_designs_and_seeds_of_the_script():
    assert RECORD["seeds"] == {name: list(plan[1:]) for name, plan in coverage.DESIGNS.items()}
    assert RECORD["samples"] >= 2000
    for name in coverage.DESIGNS:
        truth = {figure: told["truth"] for figure, told in RECORD["designs"][name].items()}
        assert truth == pytest.approx(coverage.plan_of(name).truth, rel=1e-12)


def test_the_run_on_record_is_within_the_limits():
    outside = [
        (name, figure)
        for name, figures in RECORD["designs"].items()
        for figure, told in figures.items()
        if coverage.is_judged(name, figure) and not coverage.is_within(told)
    ]
    assert outside == []


def test_rates_and_changes_on_record_span_what_they_should():
    truths = [told["truth"] for figures in RECORD["designs"].values() for told in figures.values()]
    rates = [
        told["truth"]
        for figures in RECORD["designs"].values()
        for figure, told in figures.items()
        if figure.startswith("rate")
    ]
    assert min(rates) < 0.105
    assert max(rates) > 0.495
    assert np.isfinite(truths).all()


@pytest.mark.parametrize("name", coverage.DESIGNS)
def test_misses_of_both_tails_are_what_is_not_covered(name):
    for told in RECORD["designs"][name].values():
        assert told["above"] + told["below"] == pytest.approx(1 - told["coverage"], abs=1e-12)
