"""Robustness: how the ranking of groups depends on weights and cut-off.

Source of truth: arithmetic in comments; tests/oracles/robustness.py, pair by pair in fractions.
"""

import math
import sys
import types
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings, strategies as st

import povertycore as pc
from oracles import robustness as oracle
from povertycore import errors
from povertycore.measures import rankings, robustness as module, weightings

F = Fraction
TABLES = ("summary", "weightings", "groups", "pairs", "indicators")


@pytest.fixture
def three_regions():
    """Deprived in a, in b: A 1 and 1 of 4 (apart), B 2 and 0, C 2 and 2 (together)."""
    return pd.DataFrame(
        {
            "region": list("AAAABBBBCCCC"),
            "a": [1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0],
            "b": [0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0],
        }
    )


@pytest.fixture
def spec():
    return pc.Spec({"first": ["a"], "second": ["b"]}, k="1/2")


def row_of(frame, **labels):
    for name, label in labels.items():
        column = frame[name]
        frame = frame[column.isna() if label is None else column == label]
    (row,) = frame.to_dict("records")
    return row


# --- worked example -------------------------------------------------------------------------------


def test_ranks_and_correlations_of_three_regions(three_regions, spec):
    # At k = 1/2 and weights (1/2, 1/2): H is 2/4 everywhere; M0 is 1/4, 1/4, 1/2.
    # Weights (1, 0): M0 is 1/4, 1/2, 1/2. Weights (0, 1): 1/4, 0, 1/2.
    found = pc.profiles(three_regions, spec, by="region").robustness(step="1/2", measures="M0")
    assert found.baseline == ("default", F(1, 2))
    assert (found.n_groups, found.n_weightings) == (3, 4)
    groups = found.to_frame("groups").set_index("region")
    assert groups["baseline"].tolist() == [0.25, 0.25, 0.5]
    assert groups["rank"].tolist() == [2.5, 2.5, 1.0]
    assert groups["estimate_min"].tolist() == [0.25, 0.0, 0.5]
    assert groups["estimate_max"].tolist() == [0.25, 0.5, 0.5]
    assert groups["rank_min"].tolist() == [2.0, 1.5, 1.0]
    assert groups["rank_max"].tolist() == [3.0, 3.0, 1.5]
    weightings = found.to_frame("weightings").set_index("weighting")
    assert weightings["kind"].tolist() == ["baseline", "grid", "grid", "grid"]
    assert weightings["weight_a"].tolist() == [0.5, 0.0, 0.5, 1.0]
    # Baseline: C above A and above B. With (1, 0) the pairs B, A and C, A differ, the second alike:
    # tau-b = 1 / sqrt(2 x 2). With (0, 1) all three differ, two alike: 2 / sqrt(2 x 3).
    taus = weightings["kendall_min"].to_numpy()
    np.testing.assert_allclose(taus, [1, 2 / math.sqrt(6), 1, 1 / 2], rtol=1e-12)
    # Ranks (2.5, 2.5, 1) beside (3, 1.5, 1.5): 0.75 / 1.5. Beside (2, 3, 1): 1.5 / sqrt(1.5 x 2).
    rhos = weightings["spearman_min"].to_numpy()
    np.testing.assert_allclose(rhos, [1, 1.5 / math.sqrt(3), 1, 1 / 2], rtol=1e-12)
    assert (weightings["holds_min"] == 1).all()  # C is never less poor, though once as poor as B


def test_a_comparison_that_turns_round_once_does_not_always_hold(three_regions, spec):
    # H under weights (0, 1) at k = 1/2: A 1/4, B 0, C 1/2; under (1/10, 9/10) the same; under
    # (1, 0): A 1/4, B 1/2, C 1/2.
    schemes = {"mostly_a": {"a": "9/10", "b": "1/10"}, "mostly_b": {"a": "1/10", "b": "9/10"}}
    spec = pc.Spec({"first": ["a"], "second": ["b"]}, k="1/2", schemes=schemes)
    found = pc.profiles(three_regions, spec, by="region").robustness(measures="H")
    assert found.baseline[0] == "mostly_a"
    assert found.to_frame("groups")["rank"].tolist() == [3.0, 1.5, 1.5]
    summary = row_of(found.to_frame())
    assert summary["holds_min"] == 0.5
    assert summary["holds_mean"] == 0.75
    assert summary["holds_always"] == 0.5
    pairs = found.to_frame("pairs")
    assert pairs[["region", "region_other"]].to_numpy().tolist() == [["B", "A"], ["C", "A"]]
    assert pairs["holds"].tolist() == [0.5, 1.0]


def test_dominance_is_over_all_cutoffs_under_the_weights_of_the_baseline(three_regions, spec):
    # H of A, B, C is 1/2 at k = 1/2; at k = 1 it is 0, 0, 1/2. With k = 1 as the baseline C is
    # above both, and so it is, or as poor, at 1/2.
    prof = pc.profiles(three_regions, spec, by="region")
    pairs = prof.robustness(k=1, baseline=1, measures="H").to_frame("pairs")
    assert pairs[["region", "region_other"]].to_numpy().tolist() == [["C", "A"], ["C", "B"]]
    assert pairs["dominates"].tolist() == [True, True]
    three_regions.loc[3, "a"] = 1  # another one of A is now poor, at 1/2 only
    prof = pc.profiles(three_regions, spec, by="region")
    pairs = prof.robustness(k=1, baseline=1, measures="H").to_frame("pairs")
    assert pairs["dominates"].tolist() == [False, True]


def test_without_an_indicator_its_weight_goes_to_its_dimension(three_regions):
    three_regions["c"] = [0, 0, 1, 1] * 3
    spec = pc.Spec({"first": ["a", "c"], "second": ["b"]}, k="1/2")
    prof = pc.profiles(three_regions, spec, by="region")
    found = prof.robustness()
    baseline = prof.multidim(k="1/2", measures=["H", "M0"])
    for left_out in "abc":
        alone = prof.only([name for name in "abc" if name != left_out])
        other = alone.multidim(k="1/2", measures=["H", "M0"])
        for measure in ("H", "M0"):
            values = [est.select(measure=measure)["estimate"] for est in (baseline, other)]
            row = row_of(found.to_frame("indicators"), indicator=left_out, measure=measure)
            check(row["spearman"], oracle.spearman_squared(*map(list, values)))


def test_the_only_indicator_is_not_left_out():
    rows = {"g": ["A", "B"], "a": [0, 1]}
    prof = pc.profiles(rows, pc.Spec({"first": ["a"]}), by="g")
    assert len(prof.robustness().to_frame("indicators")) == 0


# --- oracle ---------------------------------------------------------------------------------------


def check(value, squared):
    """A coefficient beside its exact square with its sign."""
    if squared is None:
        assert math.isnan(value)
    else:
        assert value == pytest.approx(math.copysign(math.sqrt(abs(squared)), squared), abs=1e-12)


NAMES = ("a", "b", "c", "d")
DIMENSIONS = {"first": ["a", "b"], "second": ["c"], "third": ["d"]}
INDICATOR_ROW = st.tuples(*[st.integers(0, 1)] * 4, st.integers(0, 3))
GROUPS = st.lists(st.lists(INDICATOR_ROW, min_size=1, max_size=6), min_size=2, max_size=6)


def made(groups):
    frame = pd.DataFrame([row for rows in groups for row in rows], columns=[*NAMES, "w"])
    frame["g"] = [g for g, rows in enumerate(groups) for _ in rows]
    return frame


@settings(max_examples=40)
@given(
    groups=GROUPS,
    cutoffs=st.one_of(st.just("all"), st.just(["1/2"]), st.just(["1/6", "1/3", "2/3", "1"])),
    seed=st.integers(0, 2**16),
    vary=st.sampled_from(["dimensions", "indicators"]),
)
def test_all_tables_are_those_of_the_oracle(groups, cutoffs, seed, vary):
    assume(all(any(row[-1] for row in rows) for rows in groups))
    spec = pc.Spec(DIMENSIONS, k="1/3")
    prof = pc.profiles(made(groups), spec, by="g", design=pc.Design(weight="w"))
    found = prof.robustness(k=cutoffs, draws=2, step=1, rng=seed, vary=vary)

    weightings = found.to_frame("weightings")
    drawn = weightings[weightings["measure"] == "H"][[f"weight_{name}" for name in NAMES]]
    # Those drawn, and those of the grid, are multiples of 1/(2 x 10^6).
    exact = [tuple(F(round(w * 2 * 10**6), 2 * 10**6) for w in row) for row in drawn.to_numpy()]
    exact[0] = (F(1, 6), F(1, 6), F(1, 3), F(1, 3))
    assert all(sum(weights) == 1 for weights in exact)
    for measure in ("H", "M0"):
        baseline = [oracle.measure(measure, rows, exact[0], F(1, 3)) for rows in groups]
        everything = []
        for number, weights in enumerate(exact):
            asked = (
                oracle.scores_above_0(groups, weights)
                if cutoffs == "all"
                else [F(k) for k in cutoffs]
            )
            rankings = [
                [oracle.measure(measure, rows, weights, k) for rows in groups] for k in asked
            ]
            row = weightings[weightings["measure"] == measure].iloc[number]
            for name, function in (
                ("spearman", oracle.spearman_squared),
                ("kendall", oracle.kendall_squared),
            ):
                known = [function(baseline, values) for values in rankings]
                known = [value for value in known if value is not None]
                check(row[f"{name}_min"], min(known, default=None))
            shares = [oracle.share_that_hold(baseline, [values]) for values in rankings]
            if not shares or shares[0] is None:
                assert math.isnan(row["holds_mean"])
            else:
                assert row["holds_min"] == pytest.approx(float(min(shares)), abs=1e-12)
                assert row["holds_mean"] == pytest.approx(float(sum(shares) / len(shares)))
            everything.append(rankings)
        flat = [values for rankings in everything for values in rankings]
        total = found.to_frame()[lambda table, m=measure: table["measure"] == m].iloc[-1]
        always = oracle.share_that_hold(baseline, flat)
        assert (math.isnan(total["holds_always"]) if always is None
                else total["holds_always"] == pytest.approx(float(always)))  # fmt: skip

        pairs = found.to_frame("pairs")[lambda table, m=measure: table["measure"] == m]
        expected = oracle.comparisons(baseline)
        assert list(zip(pairs["g"], pairs["g_other"], strict=True)) == expected
        for (i, j), holds, dominates in zip(
            expected, pairs["holds"], pairs["dominates"], strict=True
        ):
            times = sum(all(v[i] >= v[j] for v in rankings) for rankings in everything)
            assert holds == pytest.approx(times / len(exact))
            assert dominates == oracle.dominates(measure, groups, i, j, exact[0])

        table = found.to_frame("groups")[lambda table, m=measure: table["measure"] == m]
        ranks = np.array([[float(r) for r in oracle.ranks(values)] for values in flat])
        by_group = table.groupby("g")
        assert by_group["rank_min"].min().tolist() == ranks.min(axis=0).tolist()
        assert by_group["rank_max"].max().tolist() == ranks.max(axis=0).tolist()
        assert table.drop_duplicates("g")["rank"].tolist() == list(
            map(float, oracle.ranks(baseline))
        )


def test_the_generator_makes_ties_reversals_and_undefined_correlations():
    rng = np.random.default_rng(1)
    seen = set()
    for _ in range(40):
        groups = [
            [(*map(int, rng.integers(0, 2, 4)), 1) for _ in range(rng.integers(1, 5))]
            for _ in range(4)
        ]
        spec = pc.Spec(DIMENSIONS, k="1/3")
        summary = pc.profiles(made(groups), spec, by="g").robustness(k="all", draws=3).to_frame()
        seen |= {
            ("ties", bool((summary["spearman_min"] != summary["kendall_min"]).any())),
            ("reversed", bool((summary["holds_always"] < 1).any())),
            ("undefined", bool(summary["spearman_min"].isna().any())),
        }
    assert {("ties", True), ("reversed", True), ("reversed", False)} <= seen


# --- properties -----------------------------------------------------------------------------------


@pytest.fixture
def many():
    rng = np.random.default_rng(3)
    n = 4_000
    ill = rng.normal(size=n)
    frame = pd.DataFrame({name: (ill + rng.normal(size=n) > 1).astype(int) for name in NAMES})
    frame["g"] = rng.integers(0, 12, n)
    frame["w"] = rng.integers(1, 9, n)
    return frame


def same_tables(first, second):
    for table in TABLES:
        pd.testing.assert_frame_equal(first.to_frame(table), second.to_frame(table))


@pytest.fixture
def nested():
    return pc.Spec(DIMENSIONS, k=["1/3", "1/2"])


def test_scaling_weights_and_splitting_rows_change_nothing(many, nested):
    words = {"draws": 20, "step": "1/3"}
    design = pc.Design(weight="w")
    one = pc.profiles(many, nested, by="g", design=design)
    other = pc.profiles(many.assign(w=many["w"] * 4), nested, by="g", design=design)
    same_tables(one.robustness(**words), other.robustness(**words))
    parts = [
        pc.profiles(part, nested, by="g", design=design) for part in (many[:1500], many[1500:])
    ]
    same_tables(one.robustness(**words), sum(parts).robustness(**words))


def test_values_are_those_of_multidim(many, nested):
    prof = pc.profiles(many, nested, by="g", design=pc.Design(weight="w"))
    groups = prof.robustness().to_frame("groups")
    est = prof.multidim(measures=["H", "M0"], k=["1/3", "1/2"]).to_frame()
    merged = groups.merge(est, on=["g", "k", "measure"], validate="1:1")
    assert len(merged) == len(groups) == 12 * 2 * 2
    np.testing.assert_allclose(merged["estimate_min"], merged["estimate"], rtol=1e-14)
    np.testing.assert_allclose(merged["estimate_max"], merged["estimate"], rtol=1e-14)


def test_cutoffs_come_back_in_the_order_asked(many, nested):
    prof = pc.profiles(many, nested, by="g")
    words = {"draws": 10, "baseline": "1/3"}
    one, other = (prof.robustness(k=k, **words) for k in (["1/6", "1/3", "1"], ["1", "1/6", "1/3"]))
    for table, keys in (("summary", ["k", "measure"]), ("groups", ["g", "k", "measure"])):
        frames = [found.to_frame(table).set_index(keys).sort_index() for found in (one, other)]
        pd.testing.assert_frame_equal(*frames)
    assert other.to_frame()["k"].iloc[:6].tolist() == [1, 1, 1 / 6, 1 / 6, 1 / 3, 1 / 3]


def test_the_baseline_lies_in_the_range_of_all_weightings(many, nested):
    many["w"] = np.random.default_rng(4).uniform(0.5, 3, len(many))
    prof = pc.profiles(many, nested, by="g", design=pc.Design(weight="w"))
    groups = prof.robustness(draws=30)
    table = groups.to_frame("groups").query("k == k.min()")  # 1/3, the baseline's
    assert (table["estimate_min"] <= table["baseline"]).all()
    assert (table["baseline"] <= table["estimate_max"]).all()
    assert (table["rank_min"] <= table["rank"]).all()
    assert (table["rank"] <= table["rank_max"]).all()


@pytest.mark.parametrize("cutoffs", ["all", ["1/3", "1/2"]])
def test_weights_beyond_62_bits_are_compared_as_they_are(many, cutoffs):
    # Weights 1/4 but for parts of 10^30 that no double and no 64-bit integer holds: the order of
    # the sums of two is that of the small parts.
    tiny = F(1, 10**30)
    weights = dict(zip(NAMES, [F(1, 4) + tiny, F(1, 4) - tiny, F(1, 4) + 2 * tiny,
                               F(1, 4) - 2 * tiny], strict=True))  # fmt: skip
    spec = pc.Spec(DIMENSIONS, weights, k="1/3")
    many = many[:300]
    found = pc.profiles(many, spec, by="g").robustness(k=cutoffs)
    groups = [many.loc[many["g"] == g, [*NAMES]].assign(w=1).to_numpy().tolist() for g in range(12)]
    exact = tuple(weights.values())
    asked = oracle.scores_above_0(groups, exact) if cutoffs == "all" else [F(k) for k in cutoffs]
    assert cutoffs != "all" or len(asked) == 14  # (a, b) and (c, d) both sum to 1/2
    for measure in ("H", "M0"):
        row = row_of(found.to_frame("weightings"), measure=measure)
        baseline = [oracle.measure(measure, rows, exact, F(1, 3)) for rows in groups]
        rankings = [[oracle.measure(measure, rows, exact, k) for rows in groups] for k in asked]
        check(row["kendall_min"], min(oracle.kendall_squared(baseline, one) for one in rankings))
        shares = [oracle.share_that_hold(baseline, [one]) for one in rankings]
        assert row["holds_mean"] == pytest.approx(float(sum(shares) / len(shares)), abs=1e-12)


def test_a_grid_holds_every_weighting_of_its_step(many, nested):
    frame = pc.profiles(many, nested, by="g").robustness(step="1/4").to_frame("weightings")
    grid = frame[(frame["kind"] == "grid") & (frame["measure"] == "H")]
    points = {tuple(row) for row in grid[["weight_a", "weight_c", "weight_d"]].to_numpy()}
    expected = {(i / 8, j / 4, (4 - i - j) / 4) for i in range(5) for j in range(5) if i + j <= 4}
    assert points == expected  # the weight of the first dimension is halved
    assert len(grid) == len(expected) == 15


@pytest.mark.parametrize("vary", ["dimensions", "indicators"])
def test_draws_are_millionths_that_sum_to_one_and_repeat(vary):
    spec = pc.Spec({f"d{j}": [f"x{j}"] for j in range(7)})
    drawn = weightings.drawn(spec, 200, 0.1, 5, vary)
    assert {sum(one.scheme.numerators) for one in drawn} == {10**6}
    assert {one.scheme.denominator for one in drawn} == {10**6}
    assert min(min(one.scheme.numerators) for one in drawn) >= 0
    assert drawn == weightings.drawn(spec, 200, 0.1, np.random.default_rng(5), vary)
    assert drawn != weightings.drawn(spec, 200, 0.1, 6, vary)


def test_rounded_parts_are_as_near_as_they_can_be():
    fractions = np.array([[0.26, 0.26, 0.48], [1 / 3, 1 / 3, 1 / 3]])
    assert weightings.rounded(fractions, 10).tolist() == [[3, 2, 5], [4, 3, 3]]


def test_large_alpha_stays_near_equal_weights(many, nested):
    prof = pc.profiles(many, nested, by="g")
    spread = {
        alpha: prof.robustness(draws=50, alpha=alpha).to_frame("weightings")["weight_d"].std()
        for alpha in (1, 100)
    }
    assert spread[100] < spread[1] / 5


def test_missing_indicators_follow_the_rule(many, nested):
    many["d"] = pd.array(np.where(np.arange(len(many)) % 5, many["d"], -1), dtype="Int8")
    many.loc[many["d"] == -1, "d"] = pd.NA
    prof = pc.profiles(many, nested, by="g")
    for rule in ("drop", "not_deprived", "deprived"):
        groups = prof.robustness(missing=rule).to_frame("groups")
        est = prof.multidim(measures=["H", "M0"], missing=rule).to_frame()
        merged = groups.merge(est, on=["g", "k", "measure"], validate="1:1")
        np.testing.assert_allclose(merged["estimate_min"], merged["estimate"], rtol=1e-14)


def test_reweighted_rows_have_the_values_of_multidim(many):
    many["b"] = pd.array(np.where(np.arange(len(many)) % 5, many["b"], -1), dtype="Int8")
    many.loc[many["b"] == -1, "b"] = pd.NA
    spec = pc.Spec({"first": ["a", "b"], "second": ["c", "d"]}, k="1/2")
    prof = pc.profiles(many, spec, by="g")
    found = prof.robustness(
        missing="reweight_rows", weights={"other": {"first": "1/3", "second": "2/3"}}
    )
    groups = found.to_frame("groups")
    base = prof.multidim(measures=["H", "M0"], missing="reweight_rows")["estimate"]
    np.testing.assert_allclose(groups["baseline"], base, rtol=1e-14)
    other = prof.multidim(
        measures=["H", "M0"], missing="reweight_rows", weights={"first": "1/3", "second": "2/3"}
    )["estimate"]
    np.testing.assert_allclose(
        groups[["estimate_min", "estimate_max"]].sum(axis=1), base + other, rtol=1e-14
    )


def test_values_equal_but_for_rounding_are_tied():
    # 0.1 + 0.2 and 0.3 of a population of 1: as doubles they differ in the last bit.
    rows = {"g": list("AAABB"), "a": [1, 1, 0, 1, 0], "b": [0, 0, 0, 0, 0]}
    rows["w"] = [0.1, 0.2, 0.7, 0.3, 0.7]
    spec = pc.Spec({"first": ["a"], "second": ["b"]}, k="1/2")
    found = pc.profiles(rows, spec, by="g", design=pc.Design(weight="w")).robustness()
    assert found.to_frame("groups")["rank"].tolist() == [1.5] * 4


# --- edges ----------------------------------------------------------------------------------------


def test_groups_that_are_all_alike_have_no_correlation(spec):
    rows = {"g": list("AABB"), "a": [1, 0, 1, 0], "b": [0, 0, 0, 0]}
    found = pc.profiles(rows, spec, by="g").robustness(step="1/2")
    summary = found.to_frame()
    assert summary.drop(columns=["k", "measure"]).isna().all(axis=None)
    assert len(found.to_frame("pairs")) == 0


def test_where_nobody_is_deprived_no_ranking_has_a_range(spec):
    rows = {"g": list("AABB"), "a": [0] * 4, "b": [0] * 4}
    found = pc.profiles(rows, spec, by="g").robustness(k="all", draws=2)
    groups = found.to_frame("groups")
    assert groups["baseline"].tolist() == [0.0] * 4
    assert groups.filter(regex="_(min|mean|max)$").isna().all(axis=None)
    assert found.to_frame().drop(columns=["k", "measure"]).isna().all(axis=None)


def test_a_group_without_a_measured_population_is_not_ranked(three_regions, spec):
    where = three_regions["region"] != "A"
    found = pc.profiles(three_regions, spec, by="region", where=where).robustness()
    assert found.n_groups == 2
    assert found.to_frame("groups")["region"].unique().tolist() == ["B", "C"]


def test_the_result_is_a_record(three_regions, spec):
    found = pc.profiles(three_regions, spec, by="region").robustness()
    assert repr(found) == "<Robustness: 3 groups, 1 weightings, baseline 'default' at k = 1/2>"
    assert "spearman_min" in found._repr_html_()
    own = found.to_frame()
    own["k"] = 7
    assert found.to_frame()["k"].tolist() == [0.5, 0.5]
    assert found.meta["rows_read"] == 12
    with pytest.raises(AttributeError):
        found.n_groups = 4


class Bar:
    """What tqdm would show."""

    made: list = []

    def __init__(self, total, unit):
        self.total, self.n, self.closed = total, 0, False
        Bar.made.append(self)

    def update(self, n):
        self.n += n

    def close(self):
        self.closed = True


@pytest.fixture
def tqdm(monkeypatch):
    monkeypatch.setattr(Bar, "made", [])
    monkeypatch.setitem(sys.modules, "tqdm", types.ModuleType("tqdm"))
    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=Bar))
    return Bar


def test_a_progress_bar_shows_only_when_it_takes_long(tqdm, monkeypatch, many, nested):
    prof = pc.profiles(many, nested, by="g")
    prof.robustness(draws=300)
    assert tqdm.made == []
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    prof.robustness(draws=300)
    (bar,) = tqdm.made
    assert (bar.total, bar.n, bar.closed) == (301, 301, True)
    prof.robustness(draws=300, progress=False)
    assert len(tqdm.made) == 1


def test_without_tqdm_there_is_no_bar_unless_asked_for(monkeypatch, many, nested):
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    prof = pc.profiles(many, nested, by="g")
    prof.robustness(draws=300)
    with pytest.raises(ImportError, match=r"pip install 'povertycore\[notebook\]'"):
        prof.robustness(draws=300, progress=True)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"measures": "A"}, errors.OptionError, "measures must be 'H' or 'M0'"),
        ({"step": "2/5"}, errors.OptionError, "step must divide 1"),
        ({"step": 0}, errors.OptionError, "step must divide 1"),
        ({"draws": 0}, errors.OptionError, "draws must be at least 1"),
        ({"draws": 5, "alpha": 0}, errors.OptionError, "alpha must be above 0"),
        ({"draws": 2_000_000}, errors.LimitError, "2,000,000 weightings"),
        ({"step": "1/2000"}, errors.LimitError, "weightings are more than 1,000,000"),
        ({"draws": 5, "vary": "schemes"}, errors.OptionError, "vary"),
        ({"missing": "bounds"}, errors.OptionError, "missing"),
        ({"weights": {"a": "1/2"}}, errors.OptionError, "weights maps names to weightings"),
        ({"k": []}, errors.OptionError, "k is an empty list"),
    ],
)
def test_wrong_words_are_named(many, nested, words, error, message):
    with pytest.raises(error, match=message):
        pc.profiles(many, nested, by="g").robustness(**words)


def test_every_cutoff_needs_a_baseline_where_the_spec_has_none(many):
    prof = pc.profiles(many, pc.Spec(DIMENSIONS), by="g")
    with pytest.raises(errors.OptionError, match="baseline"):
        prof.robustness(k="all")
    assert prof.robustness(k="all", baseline="1/2").baseline == ("default", F(1, 2))


def test_every_cutoff_together_has_no_mean_rank(many, nested):
    found = pc.profiles(many, nested, by="g").robustness(k="all", baseline="1/3", draws=2)
    groups = found.to_frame("groups")
    assert groups["rank_mean"].isna().all()
    assert groups["k"].isna().all()
    assert (groups["rank_min"] <= groups["rank_max"]).all()


def test_one_way_tables_and_single_groups_are_not_ranked(many, nested):
    with pytest.raises(errors.ComparabilityError, match="by= instead of over="):
        pc.profiles(many, nested, over="g").robustness()
    with pytest.raises(errors.ComparabilityError, match="nothing to rank: 1 group"):
        pc.profiles(many, nested).robustness()


def test_too_many_groups_are_refused(nested, monkeypatch, many):
    monkeypatch.setattr(rankings, "MOST_GROUPS", 11)
    with pytest.raises(errors.LimitError, match="12 groups are more than 11"):
        pc.profiles(many, nested, by="g").robustness()


def test_an_unknown_table_is_named(three_regions, spec):
    found = pc.profiles(three_regions, spec, by="region").robustness()
    with pytest.raises(errors.OptionError, match="pairs"):
        found.to_frame("pair")
