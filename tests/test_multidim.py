"""Multidimensional poverty: every cut-off, weighting, group and rule for missing values.

Source of truth: published worked examples as exact fractions, and tests/oracles/multidim.py, the
definitions row by row in fractions.
"""

import itertools
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

import povertycore as pc
from oracles import multidim as oracle
from povertycore import errors
from povertycore.measures import cells

F = Fraction


def value(est, measure, k=None, dimension=None, indicator=None, **keys):
    """The one estimate of a measure."""
    frame = est.to_frame()
    keep = frame["measure"] == measure
    keep &= frame["k"].isna() if k is None else frame["k"] == float(F(k))
    for name, label in {"dimension": dimension, "indicator": indicator, **keys}.items():
        keep &= frame[name].isna() if label is None else frame[name] == label
    (found,) = frame.loc[keep, "estimate"].tolist()
    return found


def by_indicator(est, measure, k=None):
    """The estimates of a measure, one per indicator in order."""
    frame = est.to_frame()
    keep = (frame["measure"] == measure) & frame["indicator"].notna()
    keep &= frame["k"].isna() if k is None else frame["k"] == float(F(k))
    return frame.loc[keep, "estimate"].tolist()


def exactly(fractions):
    """Fractions as the doubles nearest to them."""
    return [float(F(fraction)) for fraction in fractions]


# --- worked example: four persons, four dimensions (Alkire and Foster 2011) -----------------------


@pytest.fixture
def four_persons():
    return pd.DataFrame(
        {"a": [0, 0, 1, 0], "b": [0, 1, 1, 1], "c": [0, 0, 1, 0], "d": [0, 1, 1, 0]}
    )


@pytest.fixture
def four_dimensions():
    return pc.Spec({name: [name] for name in "abcd"})


@pytest.mark.parametrize(
    ("k", "h", "a", "m0", "censored", "contributions"),
    [
        ("1/4", "3/4", "7/12", "7/16", "1/4 3/4 1/4 1/2", "1/7 3/7 1/7 2/7"),
        ("1/2", "1/2", "3/4", "3/8", "1/4 1/2 1/4 1/2", "1/6 1/3 1/6 1/3"),
        ("3/4", "1/4", "1", "1/4", "1/4 1/4 1/4 1/4", "1/4 1/4 1/4 1/4"),
        ("1", "1/4", "1", "1/4", "1/4 1/4 1/4 1/4", "1/4 1/4 1/4 1/4"),
    ],
)
def test_four_persons_at_every_cutoff(
    four_persons, four_dimensions, k, h, a, m0, censored, contributions
):
    est = pc.multidim(four_persons, four_dimensions, k=k, measures="all")
    assert [value(est, name, k) for name in ("H", "A", "M0")] == exactly([h, a, m0])
    assert by_indicator(est, "headcount") == exactly(["1/4", "3/4", "1/4", "1/2"])
    assert by_indicator(est, "censored_headcount", k) == exactly(censored.split())
    assert by_indicator(est, "contribution", k) == exactly(contributions.split())


def test_all_cutoffs_at_once_are_those_one_by_one(four_persons, four_dimensions):
    cutoffs = ["1/4", "1/2", "3/4", "1"]
    together = pc.multidim(four_persons, four_dimensions, k=cutoffs, measures="all")
    for k in cutoffs:
        alone = pc.multidim(four_persons, four_dimensions, k=k, measures="all")
        for measure in ("H", "A", "M0", "variance"):
            assert value(together, measure, k) == value(alone, measure, k)
        assert by_indicator(together, "contribution", k) == by_indicator(alone, "contribution", k)


def test_weights_of_indicators(four_persons):
    # weights 2, 1, 1/2, 1/2 of 4: the scores are 0, 3/8, 1 and 1/4
    weights = {"a": "1/2", "b": "1/4", "c": "1/8", "d": "1/8"}
    spec = pc.Spec({name: [name] for name in "abcd"}, weights=weights)
    est = pc.multidim(four_persons, spec, k="1/2", measures="all")
    assert [value(est, name, "1/2") for name in ("H", "A", "M0")] == exactly(["1/4", "1", "1/4"])
    assert by_indicator(est, "censored_headcount", "1/2") == exactly(["1/4"] * 4)
    assert by_indicator(est, "contribution", "1/2") == exactly(["1/2", "1/4", "1/8", "1/8"])


def test_five_persons_in_two_regions():
    rows = pd.DataFrame([list(map(int, row)) for row in "1010 0100 0111 1000 1010".split()])
    rows.columns = list("abcd")
    rows["region"] = pd.Categorical(["North", "North", "South", "South", "South"])
    spec = pc.Spec({name: [name] for name in "abcd"})
    est = pc.multidim(rows, spec, k="1/2", measures="all", over="region")
    whole = {"over": "(total)", "level": "(total)"}
    assert value(est, "H", "1/2", **whole) == 3 / 5
    assert value(est, "A", "1/2", **whole) == 7 / 12
    assert value(est, "M0", "1/2", **whole) == 0.35
    frame = est.to_frame()
    national = frame[frame["over"] == "(total)"]
    of_indicators = national[national["indicator"].notna()].pivot(
        index="indicator", columns="measure", values="estimate"
    )
    assert of_indicators["headcount"].tolist() == [0.6, 0.4, 0.6, 0.2]
    assert of_indicators["censored_headcount"].tolist() == [0.4, 0.2, 0.6, 0.2]
    assert of_indicators["contribution"].tolist() == exactly(["2/7", "1/7", "3/7", "1/7"])
    for region, m0, share in (("North", "1/4", "2/5"), ("South", "5/12", "3/5")):
        keys = {"over": "region", "level": region}
        assert value(est, "M0", "1/2", **keys) == float(F(m0))
        assert value(est, "population_share", **keys) == float(F(share))
        # share of population x M0 of the group / M0 of the whole
        part = F(share) * F(m0) / F(7, 20)
        assert value(est, "subgroup_contribution", "1/2", **keys) == float(part)


@pytest.fixture
def households():
    return pd.DataFrame(
        {
            "members": [4, 7, 5, 4],
            "malnourished": [0, 0, 1, 0],
            "child_died": [1, 1, 0, 1],
            "no_school": [0, 1, 0, 1],
            "not_enrolled": [0, 1, 0, 0],
            "no_electricity": [0, 1, 1, 1],
            "no_water": [0, 0, 1, 0],
            "no_sanitation": [0, 1, 1, 0],
            "dirt_floor": [0, 0, 0, 0],
            "dirty_fuel": [1, 1, 1, 1],
            "few_assets": [0, 1, 0, 1],
        }
    )


@pytest.fixture
def nested():
    return pc.Spec(
        {
            "health": ["malnourished", "child_died"],
            "education": ["no_school", "not_enrolled"],
            "living": [
                "no_electricity",
                "no_water",
                "no_sanitation",
                "dirt_floor",
                "dirty_fuel",
                "few_assets",
            ],
        }
    )


def test_household_sizes_as_weights_and_a_tie(households, nested):
    design = pc.Design(size="members")
    est = pc.multidim(households, nested, k=["1/3", "1/2", "1/5"], measures="all", design=design)
    assert set(est["unit"]) == {"persons"}
    thirds = [value(est, name, "1/3") for name in ("H", "A", "M0", "variance")]
    assert thirds == exactly(["4/5", "9/16", "9/20", "149/6912"])
    assert by_indicator(est, "contribution", "1/3") == exactly(
        "5/54 11/54 11/54 7/54 8/81 5/162 2/27 0 8/81 11/162".split()
    )
    halves = [value(est, name, "1/2") for name in ("H", "A", "M0")]  # the fourth ties at 1/2
    assert halves == exactly(["11/20", "127/198", "127/360"])
    fifths = [value(est, name, "1/5") for name in ("H", "A", "M0")]
    assert fifths == exactly(["1", "89/180", "89/180"])


def test_households_are_counted_where_asked(households, nested):
    design = pc.Design(size="members")
    est = pc.multidim(households, nested, k="1/3", design=design, count="households")
    assert [value(est, name, "1/3") for name in ("H", "M0")] == exactly(["3/4", "29/72"])
    assert set(est["unit"]) == {"households"}


def test_exactly_six_of_twelve_deprivations_are_half_of_them():
    # added up as doubles, twelve times 1/12 falls below 1/2 or below 1
    names = [f"i{j:02d}" for j in range(12)]
    rows = np.array(list(itertools.product([0, 1], repeat=12)), dtype=np.int8)
    six = rows[rows.sum(axis=1) == 6]
    assert len(six) == 924
    spec = pc.Spec({name: [name] for name in names})
    est = pc.multidim(dict(zip(names, six.T, strict=True)), spec, k="1/2")
    assert value(est, "H", "1/2") == 1
    everything = pc.multidim(
        dict(zip(names, rows.T, strict=True)), spec, k="1/2", measures=["n_poor", "H"]
    )
    assert value(everything, "n_poor", "1/2") == (4096 + 924) / 2


@pytest.mark.parametrize("order", list(itertools.permutations("abc")))
def test_ties_are_exact_in_any_order_of_the_indicators(order):
    weights = {"a": "1/7", "b": "2/7", "c": "4/7"}
    spec = pc.Spec(
        {name: [name] for name in order}, weights={name: weights[name] for name in order}
    )
    rows = {name: [int(bits >> j & 1) for bits in range(8)] for j, name in enumerate("abc")}
    cutoffs = [F(score, 7) for score in range(1, 8)]
    est = pc.multidim(rows, spec, k=cutoffs, measures="H")
    assert [value(est, "H", k) for k in cutoffs] == exactly(F(8 - 7 * k, 8) for k in cutoffs)


def test_a_cutoff_given_as_a_float_is_the_fraction_near_it(households, nested):
    exact = pc.multidim(households, nested, k="1/3")
    assert pc.multidim(households, nested, k=1 / 3).to_frame().equals(exact.to_frame())


# --- oracle ---------------------------------------------------------------------------------------

DIMENSIONS = {
    "health": ["ill", "hungry"],
    "school": ["absent"],
    "home": ["water", "toilet", "roof"],
}
NAMES = [name for members in DIMENSIONS.values() for name in members]
RULES = ["drop", "not_deprived", "deprived", "reweight", "reweight_rows"]

row_of = st.fixed_dictionaries(
    {name: st.sampled_from([0, 1, 1, 0, None]) for name in NAMES}
    | {
        "place": st.sampled_from(["A", "B", "C"]),
        "w": st.sampled_from([0.0, 0.25, 1.0, 2.5]),  # sums of these are exact in float64
        "members": st.integers(0, 6),
        "domain": st.booleans(),
    }
)
weights_of = st.lists(st.integers(1, 9), min_size=len(NAMES), max_size=len(NAMES)).map(
    lambda parts: {name: F(part, sum(parts)) for name, part in zip(NAMES, parts, strict=True)}
)


@given(
    names=st.permutations(NAMES),
    weights=weights_of,
    rows=st.lists(st.integers(0, 2 ** len(NAMES) - 1), min_size=1, max_size=12),
)
def test_a_score_equal_to_the_cutoff_is_poor_at_every_cutoff(names, weights, rows):
    # the rows' own scores are the cut-offs: each ties with at least one row
    spec = pc.Spec({name: [name] for name in names}, weights=weights)
    columns = {name: [row >> j & 1 for row in rows] for j, name in enumerate(NAMES)}
    scores = [sum((weights[n] for n in NAMES if columns[n][i]), F(0)) for i in range(len(rows))]
    cutoffs = sorted({score for score in scores if score > 0})
    if not cutoffs:
        return
    est = pc.multidim(columns, spec, k=cutoffs, measures="n_poor")
    expected = [sum(score >= k for score in scores) for k in cutoffs]
    assert est["estimate"].tolist() == expected


def frame_of(rows):
    frame = pd.DataFrame(rows, columns=[*NAMES, "place", "w", "members", "domain"])
    frame[NAMES] = frame[NAMES].astype("Int8")
    return frame.astype({"place": pd.CategoricalDtype(["A", "B", "C"]), "members": "int64"})


def spec_with(weights):
    return pc.Spec(DIMENSIONS, weights=weights)


@given(
    rows=st.lists(row_of, min_size=1, max_size=30),
    weights=weights_of,
    cutoffs=st.lists(st.fractions(F(1, 100), 1), min_size=1, max_size=3, unique=True),
    missing=st.sampled_from(RULES),
)
@pytest.mark.filterwarnings("ignore:.*attainable")
def test_measures_are_those_of_the_oracle(rows, weights, cutoffs, missing):
    est = pc.multidim(
        frame_of(rows),
        spec_with(weights),
        k=cutoffs,
        measures="all",
        by="place",
        where="domain",
        missing=missing,
        design=pc.Design(weight="w", size="members"),
    )
    figures = {
        (row.place, row.measure, none(row.k), none(row.dimension), none(row.indicator)): row
        for row in est.to_frame().itertuples()
    }
    assert len(figures) == len(est)
    for place in {row["place"] for row in rows}:
        group = [row for row in rows if row["place"] == place and row["domain"]]
        for k in cutoffs:
            expected = oracle.measures(
                group, DIMENSIONS, weights, k, missing=missing, weight="w", size="members"
            )
            for (measure, dimension, indicator), figure in expected.items():
                free = measure in ("headcount", "union", "intersection", "vulnerable", "severe")
                found = figures[place, measure, None if free else float(k), dimension, indicator]
                assert close(found.estimate, figure), (measure, dimension, indicator)
                assert (found.note == "") == (figure is not None)
        n_retained = oracle.n_retained(group, DIMENSIONS, weights, missing)
        whole = figures[place, "H", float(cutoffs[0]), None, None]
        assert whole.n_obs == n_retained
        assert whole.n_missing == len(group) - n_retained


def none(label):
    return None if pd.isna(label) else label


def close(found, expected, rel=1e-12):
    if expected is None:
        return math.isnan(found)
    return math.isclose(found, expected, rel_tol=rel, abs_tol=1e-15)


@given(
    rows=st.lists(row_of, min_size=1, max_size=30), weights=weights_of, k=st.fractions(F(1, 9), 1)
)
@pytest.mark.filterwarnings("ignore:.*attainable")
def test_integer_weights_give_the_nearest_doubles(rows, weights, k):
    est = pc.multidim(
        frame_of(rows),
        spec_with(weights),
        k=k,
        measures="all",
        missing="not_deprived",
        design=pc.Design(size="members"),
    )
    expected = oracle.measures(rows, DIMENSIONS, weights, k, missing="not_deprived", size="members")
    for (measure, dimension, indicator), figure in expected.items():
        free = measure in ("headcount", "union", "intersection", "vulnerable", "severe")
        found = value(est, measure, None if free else k, dimension, indicator)
        if figure is None:
            assert math.isnan(found)
        elif measure == "variance":
            assert found == pytest.approx(float(figure), rel=1e-15, abs=1e-30)
        else:
            assert found == float(figure), measure


@given(
    rows=st.lists(row_of, min_size=1, max_size=20), weights=weights_of, k=st.fractions(F(1, 9), 1)
)
@pytest.mark.filterwarnings("ignore:.*attainable")
def test_bounds_hold_whatever_the_missing_values_are(rows, weights, k):
    est = pc.multidim(frame_of(rows), spec_with(weights), k=k, measures="all", missing="bounds")
    low, high = (
        oracle.measures(rows, DIMENSIONS, weights, k, missing=rule)
        for rule in ("not_deprived", "deprived")
    )
    for measure in ("H", "M0", "n_poor"):
        assert close(value(est, f"{measure}_lower", k), low[measure, None, None])
        assert close(value(est, f"{measure}_upper", k), high[measure, None, None])
    for measure in ("headcount", "censored_headcount"):
        for dimension, members in DIMENSIONS.items():
            for name in members:
                at = None if measure == "headcount" else k
                key = (measure, dimension, name)
                assert close(value(est, f"{measure}_lower", at, dimension, name), low[key])
                assert close(value(est, f"{measure}_upper", at, dimension, name), high[key])
    frame = est.to_frame()
    unbounded = frame[frame["measure"].isin(["A", "variance", "contribution"])]
    assert len(unbounded) == 2 + len(NAMES) + len(DIMENSIONS)
    assert unbounded["estimate"].isna().all()
    assert (unbounded["note"] == "not bounded by what is missing").all()
    filled = [{**row, "ill": row["ill"] or 0, "roof": row["roof"] or 0} for row in rows]
    one = oracle.measures(filled, DIMENSIONS, weights, k, missing="deprived")
    assert value(est, "M0_lower", k) <= float(one["M0", None, None]) <= value(est, "M0_upper", k)


# --- properties -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def register():
    """2,000 households with correlated deprivations, some missing, and broken weights."""
    rng = np.random.default_rng(11)
    hardship = rng.normal(size=2_000)
    frame = pd.DataFrame(
        {name: (hardship + rng.normal(size=2_000) > 0.5).astype(float) for name in NAMES}
    )
    for name in NAMES:
        frame.loc[rng.random(2_000) < 0.02, name] = np.nan
    frame["place"] = pd.Categorical(rng.choice(list("ABCD"), 2_000))
    frame["area"] = rng.choice(["rural", "urban"], 2_000)
    frame["w"] = rng.uniform(0.5, 3.0, 2_000)
    frame["members"] = rng.integers(1, 8, 2_000)
    return frame


@pytest.fixture
def equal():
    return pc.Spec(DIMENSIONS)


def test_m0_is_h_times_a_for_every_cutoff_and_group(register, equal):
    est = pc.multidim(register, equal, by="place", design=pc.Design(weight="w"))
    wide = est.to_frame().pivot(index=["place", "k"], columns="measure", values="estimate")
    poor = wide[wide["H"] > 0]
    assert len(poor) > 40
    np.testing.assert_allclose(poor["H"] * poor["A"], poor["M0"], rtol=1e-12)


@pytest.mark.parametrize("missing", RULES)
def test_contributions_add_to_one_and_absolute_ones_to_m0(register, equal, missing):
    est = pc.multidim(
        register,
        equal,
        measures=["M0", "contribution", "contribution_absolute"],
        by="place",
        missing=missing,
        design=pc.Design(weight="w"),
    )
    frame = est.to_frame()
    m0 = frame[frame["measure"] == "M0"].set_index(["place", "k"])["estimate"]
    rows = frame[frame["measure"] != "M0"]
    for of_what in (rows[rows["indicator"].notna()], rows[rows["indicator"].isna()]):
        sums = of_what.groupby(["place", "k", "measure"], observed=True)["estimate"].sum().unstack()
        np.testing.assert_allclose(sums["contribution"][m0 > 0], 1, rtol=1e-12)
        np.testing.assert_allclose(sums["contribution_absolute"], m0, rtol=1e-12)


def test_groups_weighted_by_population_share_give_the_whole(register, equal):
    design = pc.Design(weight="w", size="members")
    names = ["H", "M0", "population_share", "subgroup_contribution"]
    est = pc.multidim(
        register, equal, k=["1/3", "1/2"], measures=names, over="place", design=design
    )
    frame = est.to_frame()
    groups = frame[frame["over"] == "place"]
    share = groups[groups["measure"] == "population_share"].set_index("level")["estimate"]
    assert share.sum() == pytest.approx(1, rel=1e-12)
    for k in ("1/3", "1/2"):
        at_k = groups[groups["k"] == float(F(k))].pivot(
            index="level", columns="measure", values="estimate"
        )
        assert at_k["subgroup_contribution"].sum() == pytest.approx(1, rel=1e-12)
        for measure in ("H", "M0"):
            whole = value(est, measure, k, over="(total)", level="(total)")
            assert (share * at_k[measure]).sum() == pytest.approx(whole, rel=1e-12)


def test_censored_headcounts_at_union_are_the_uncensored(register, equal):
    least = min(weight for weight in equal.weights)
    names = ["headcount", "censored_headcount", "H", "union"]
    est = pc.multidim(register, equal, k=least, measures=names, design=pc.Design(size="members"))
    assert by_indicator(est, "censored_headcount", least) == by_indicator(est, "headcount")
    assert value(est, "H", least) == value(est, "union")
    est = pc.multidim(register, equal, k=least, measures=names, design=pc.Design(weight="w"))
    assert by_indicator(est, "censored_headcount", least) == by_indicator(est, "headcount")
    assert value(est, "H", least) == value(est, "union")


def test_a_share_of_all_is_exactly_one_however_weights_are_broken(register):
    alike = register.assign(sure=1.0).drop(columns=NAMES[1:]).assign(ill=register["ill"].fillna(0))
    spec = pc.Spec({"alone": ["ill", "sure"]}, weights={"ill": "1/3", "sure": "2/3"})
    names = ["H", "headcount", "censored_headcount", "contribution", "union"]
    words = {"k": "2/3", "measures": names, "by": ["place", "area"]}
    frame = pc.multidim(alike, spec, design=pc.Design(weight="w"), **words).to_frame()
    assert frame["estimate"].max() == 1
    whole = frame[frame["measure"].isin(["H", "union"]) | (frame["indicator"] == "sure")]
    whole = whole[whole["measure"] != "contribution"]
    only = frame[(frame["measure"] == "contribution") & frame["indicator"].isna()]
    assert len(whole) == 8 * 4
    assert set(whole["estimate"]) == set(only["estimate"]) == {1.0}


def test_the_only_indicator_of_a_dimension_brings_what_the_dimension_does(register, equal):
    words = {"measures": ["contribution", "contribution_absolute"], "by": ["place", "area"]}
    frame = pc.multidim(register, equal, design=pc.Design(weight="w"), **words).to_frame()
    school = frame[frame["dimension"] == "school"]
    whole = school[school["indicator"].isna()]["estimate"]
    assert len(whole) > 100
    assert whole.tolist() == school[school["indicator"] == "absent"]["estimate"].tolist()


def test_a_figure_does_not_depend_on_what_else_is_asked(register, equal):
    words = {"by": ["place", "area"], "design": pc.Design(weight="w")}
    everything = pc.multidim(register, equal, measures="all", **words).to_frame()
    for k in everything["k"].dropna().unique()[::3]:
        for measure in ("H", "M0", "contribution"):
            alone = pc.multidim(register, equal, k=k, measures=measure, **words).to_frame()
            rows = everything[(everything["k"] == k) & (everything["measure"] == measure)]
            assert alone["estimate"].tolist() == rows["estimate"].tolist()


def test_h_at_the_highest_cutoff_is_the_intersection(register, equal):
    est = pc.multidim(register, equal, k=1, measures=["H", "intersection"])
    assert value(est, "H", 1) == value(est, "intersection") > 0


def test_raising_the_cutoff_never_raises_h_or_m0(register, equal):
    est = pc.multidim(register, equal, design=pc.Design(weight="w"))
    wide = est.to_frame().pivot(index="k", columns="measure", values="estimate")
    assert len(wide) > 10
    assert (wide[["H", "M0"]].diff().dropna() <= 1e-15).all().all()
    assert (wide["A"].diff().dropna() >= -1e-15).all()


def test_integer_weights_are_repeated_rows(register, equal):
    design = pc.Design(size="members")
    weighted = pc.multidim(register, equal, measures="all", by="place", design=design)
    repeated = pc.multidim(
        register.loc[register.index.repeat(register["members"])], equal, measures="all", by="place"
    )
    columns = ["place", "k", "dimension", "indicator", "measure", "estimate", "population"]
    pd.testing.assert_frame_equal(
        weighted.to_frame()[columns], repeated.to_frame()[columns], check_exact=True
    )


def test_order_of_rows_and_scale_of_weights_change_nothing(register, equal):
    shuffled = register.sample(frac=1, random_state=3).assign(w=lambda rows: rows["w"] * 8)
    design = pc.Design(weight="w")
    one, other = (
        pc.multidim(rows, equal, measures=["H", "A", "M0", "variance"], by="place", design=design)
        for rows in (register, shuffled)
    )
    np.testing.assert_allclose(one["estimate"], other["estimate"], rtol=1e-12)
    equal_scores = one.to_frame().query("k == 1 and measure == 'variance'")["estimate"]
    assert equal_scores.tolist() == [0] * 4


def test_cutoffs_are_added_up_a_few_at_a_time_to_the_same_bits(register, equal, monkeypatch):
    asked = {"measures": "all", "by": ["place", "area"], "design": pc.Design(weight="w")}
    at_once = pc.multidim(register, equal, **asked).to_frame()
    for most in (1, 300, 1_000):  # factors of 64 profiles
        monkeypatch.setattr(cells, "FACTORS_AT_ONCE", most)
        in_pieces = pc.multidim(register, equal, **asked).to_frame()
        pd.testing.assert_frame_equal(in_pieces, at_once, check_exact=True)


def test_order_of_dimensions_changes_no_figure(register, equal):
    backwards = {name: DIMENSIONS[name][::-1] for name in reversed(DIMENSIONS)}
    design = pc.Design(size="members")
    one, other = (
        pc.multidim(register, spec, measures="all", design=design).to_frame()
        for spec in (equal, pc.Spec(backwards))
    )
    keys = ["k", "dimension", "indicator", "measure"]
    one, other = (
        frame.astype({"dimension": object, "indicator": object}).set_index(keys)["estimate"]
        for frame in (one, other)
    )
    assert one.sort_index().tolist() == other.reindex(one.index).sort_index().tolist()


def test_reweighting_takes_the_weight_of_an_indicator_that_a_group_lacks(equal):
    # B does not ask for the toilet: water and roof then weigh 1/6 each instead of 1/9
    rows = pd.DataFrame(
        {name: [0, 0, 0, 0] for name in NAMES}
        | {"water": [1, 0, 1, 0], "toilet": [1, 0, None, None], "place": list("AABB")}
    )
    names = ["M0", "headcount", "contribution"]
    est = pc.multidim(rows, equal, k="1/9", measures=names, by="place", missing="reweight")
    assert value(est, "M0", "1/9", place="A") == float(F(2, 9) / 2)
    assert value(est, "M0", "1/9", place="B") == float(F(1, 6) / 2)
    lacking = est.to_frame().query("place == 'B' and indicator == 'toilet'").set_index("measure")
    assert math.isnan(lacking.loc["headcount", "estimate"])
    assert lacking.loc["headcount", "note"] == "missing in the whole group"
    assert lacking.loc["contribution", "estimate"] == 0
    dropped = pc.multidim(rows, equal, k="1/9", by="place").to_frame().query("place == 'B'")
    assert dropped["estimate"].isna().all()
    assert set(dropped["note"]) == {"no row has the indicators it needs"}


@pytest.mark.parametrize("missing", ["reweight", "reweight_rows"])
def test_reweighting_many_groups_is_reweighting_each(equal, missing):
    rng = np.random.default_rng(4)
    rows = pd.DataFrame({name: rng.integers(0, 2, 12_000).astype(float) for name in NAMES})
    for name in ("toilet", "hungry"):
        rows.loc[rng.random(12_000) < 0.2, name] = np.nan
    rows["place"] = rng.integers(0, 200, 12_000)
    rows.loc[rows["place"] % 7 == 0, "roof"] = np.nan
    words = {"measures": "all", "by": "place", "missing": missing, "k": ["1/3", "1/2"]}
    together = pc.multidim(rows, equal, **words).to_frame()
    assert len(pc.profiles(rows, equal, by="place")) > 8_000
    parts = [
        pc.multidim(part, equal, **words).to_frame()
        for _, part in rows.groupby(rows["place"] // 10)
    ]
    shares = together["measure"].isin(["population_share", "subgroup_contribution"]).to_numpy()
    one_by_one = pd.concat(parts, ignore_index=True)
    pd.testing.assert_series_equal(
        together["estimate"][~shares], one_by_one["estimate"][~shares], check_exact=True
    )


def test_reweighting_rows_drops_those_that_lack_a_dimension(equal):
    rows = pd.DataFrame({name: [1.0, 0.0, 1.0] for name in NAMES})
    rows.loc[0, "toilet"] = np.nan
    rows.loc[2, "absent"] = np.nan  # all of the dimension school
    names = ["H", "intersection"]
    est = pc.multidim(rows, equal, k=1, measures=names, missing="reweight_rows")
    assert value(est, "H", 1) == value(est, "intersection") == 1 / 2  # all that are asked
    assert (est["n_obs"].iloc[0], est["n_missing"].iloc[0]) == (2, 1)


def test_bands_of_ones_own_are_closed_below_and_open_above():
    # scores 0, 1/4, 1/2, 3/4, 1
    rows = {name: [int(i > j) for i in range(5)] for j, name in enumerate("abcd")}
    spec = pc.Spec({name: [name] for name in "abcd"})
    bands = {"middle": ("1/4", "3/4"), "top": ("3/4", 1)}
    est = pc.multidim(rows, spec, k="1/2", measures=["H", "severe"], bands=bands)
    assert value(est, "middle") == 2 / 5
    assert value(est, "top") == 2 / 5
    assert value(est, "severe") == 3 / 5


# --- the table ------------------------------------------------------------------------------------


def test_rows_go_from_the_general_to_the_particular(four_persons, four_dimensions):
    est = pc.multidim(
        four_persons,
        four_dimensions,
        k=["1/2", "1/4"],
        measures=["contribution", "H", "headcount", "vulnerable"],
    )
    frame = est.to_frame()
    assert frame.columns[:5].tolist() == ["scheme", "k", "dimension", "indicator", "measure"]
    rows = frame[["scheme", "k", "dimension", "indicator", "measure"]].astype(object)
    rows = rows.where(rows.notna(), None).itertuples(index=False, name=None)
    name = next(iter(four_dimensions.schemes))
    expected = [(None, None, d, d, "headcount") for d in "abcd"]
    expected += [(name, None, None, None, "vulnerable")]
    for k in (0.5, 0.25):
        expected += [(name, k, None, None, "H")]
        for d in "abcd":
            expected += [(name, k, d, None, "contribution"), (name, k, d, d, "contribution")]
    assert list(rows) == expected


def test_h_a_and_m0_at_every_attainable_score_are_the_default(four_persons, four_dimensions):
    frame = pc.multidim(four_persons, four_dimensions).to_frame()
    assert frame["k"].drop_duplicates().tolist() == [0.25, 0.5, 0.75, 1.0]
    assert frame["measure"].tolist() == ["H", "A", "M0"] * 4


def test_all_measures_may_stand_in_a_list(four_persons, four_dimensions):
    asked = (pc.multidim(four_persons, four_dimensions, measures=m) for m in ("all", ["all", "H"]))
    first, second = (est.to_frame() for est in asked)
    assert first.equals(second)


@pytest.mark.parametrize(
    "k", [["1/2", "3/4"], ("1/2", 0.75), np.array([0.5, 0.75]), {0.5: 1, 0.75: 2}]
)
def test_cutoffs_may_come_in_any_list(four_persons, four_dimensions, k):
    frame = pc.multidim(four_persons, four_dimensions, k=k, measures="H").to_frame()
    assert frame["k"].tolist() == [0.5, 0.75]


def test_the_specs_own_cutoffs_come_first(four_persons):
    spec = pc.Spec({name: [name] for name in "abcd"}, k=["3/4", "1/2"])
    frame = pc.multidim(four_persons, spec, measures="H").to_frame()
    assert frame["k"].tolist() == [0.75, 0.5]


def test_numerator_over_denominator_is_the_estimate(register, equal):
    names = ["H", "A", "M0", "headcount", "censored_headcount", "contribution", "union", "severe"]
    frame = pc.multidim(register, equal, k="1/3", measures=names).to_frame()
    np.testing.assert_allclose(frame["numerator"] / frame["denominator"], frame["estimate"])


def test_several_schemes_in_one_result(four_persons):
    spec = pc.Spec(
        {name: [name] for name in "abcd"},
        schemes={
            "equal": dict.fromkeys("abcd", "1/4"),
            "first": {"a": "1/2", "b": "1/4", "c": "1/8", "d": "1/8"},
        },
    )
    est = pc.multidim(four_persons, spec, k="1/2", schemes=["first", "equal"])
    frame = est.to_frame()
    assert frame["scheme"].tolist() == ["first"] * 3 + ["equal"] * 3
    assert value(est, "H", "1/2", scheme="first") == 1 / 4
    assert value(est, "H", "1/2", scheme="equal") == 1 / 2
    only = pc.multidim(four_persons, spec, k="1/2", schemes="equal")
    assert set(only["scheme"]) == {"equal"}


def test_totals_are_rows_of_their_own_and_shares_are_of_them(register, equal):
    names = ["H", "population_share", "subgroup_contribution"]
    est = pc.multidim(
        register, equal, k="1/3", measures=names, by=["area", "place"], totals="place"
    )
    whole = pc.multidim(register, equal, k="1/3", by="area")
    for area in ("rural", "urban"):
        keys = {"area": area, "place": "(total)"}
        assert value(est, "H", "1/3", **keys) == value(whole, "H", "1/3", area=area)
        assert value(est, "population_share", **keys) == 1
        shares = est.to_frame().query("area == @area and place != '(total)'")
        for measure in names[1:]:
            part = shares.loc[shares["measure"] == measure, "estimate"]
            assert part.sum() == pytest.approx(1, rel=1e-12)


def test_unseen_combinations_are_added_where_asked(four_persons, four_dimensions):
    four_persons["x"] = pd.Categorical(list("ABAB"), categories=list("ABC"))
    est = pc.multidim(four_persons, four_dimensions, k="1/2", by="x", observed=False)
    row = est.to_frame().query("x == 'C'")
    assert row["estimate"].isna().all()
    assert set(row["note"]) == {"combination not in the data"}


def test_meta_tells_what_was_asked_and_what_is_missing(register, equal):
    est = pc.multidim(register, equal, k="1/3", design=pc.Design(weight="w"))
    meta = est.meta
    assert meta["rows_read"] == 2_000
    name = next(iter(equal.schemes))
    assert meta["k"] == {name: ["1/3"]}
    assert meta["schemes"][name]["ill"] == "1/6"
    complete = register[NAMES].notna().all(axis=1)
    assert meta["missing"]["rule"] == "drop"
    assert meta["missing"]["sample"]["retained"] == complete.mean()
    weighted = register.loc[complete, "w"].sum() / register["w"].sum()
    assert meta["missing"]["sample"]["retained_weighted"] == pytest.approx(weighted, rel=1e-12)
    assert meta["missing"]["indicators"]["ill"]["n_missing"] == register["ill"].isna().sum()


def test_standard_fills_its_column(four_persons, four_dimensions):
    est = pc.multidim(four_persons, four_dimensions, k="1/2", standard="vn-2022")
    assert set(est["standard"]) == {"vn-2022"}
    four_persons["std"] = ["vn-2016", "vn-2016", "vn-2022", "vn-2022"]
    four_persons["x"] = pd.Categorical(list("AABB"))
    est = pc.multidim(four_persons, four_dimensions, k="1/2", measures="H", by="x", standard="std")
    assert est["standard"].tolist() == ["vn-2016", "vn-2022"]
    with pytest.raises(errors.ComparabilityError, match="more than one standard"):
        pc.multidim(four_persons, four_dimensions, k="1/2", standard="std")


def test_a_standard_as_specification_is_the_standard_of_the_figures():
    standard = pc.standard("vn-2022")
    ids = standard.spec().ids
    rows = {name: [int(j < 3), 0] for j, name in enumerate(ids)}  # three of twelve are 1/4
    est = pc.multidim(rows, standard, measures="H")
    assert est["estimate"].tolist() == [1 / 2]
    assert est["k"].tolist() == [1 / 4]
    assert set(est["standard"]) == {"vn-2022"}
    assert "not the official poverty rate" in est.meta["spec"]["note"]
    assert set(pc.multidim(rows, standard.spec())["standard"].isna()) == {True}


# --- edges ----------------------------------------------------------------------------------------


def test_where_nobody_is_poor_h_and_m0_are_0_and_the_rest_unknown(four_dimensions):
    rows = {name: [0, 0] for name in "abcd"}
    frame = pc.multidim(rows, four_dimensions, k="1/2", measures="all").to_frame()
    zero = ["H", "M0", "n_poor", "headcount", "censored_headcount", "union", "intersection"]
    zero += ["contribution_absolute", "vulnerable", "severe"]
    assert (frame.loc[frame["measure"].isin(zero), "estimate"] == 0).all()
    unknown = frame[
        frame["measure"].isin(["A", "variance", "contribution", "subgroup_contribution"])
    ]
    assert len(unknown) == 3 + 8
    assert unknown["estimate"].isna().all()
    assert set(unknown["note"]) == {"nobody is poor"}


def test_a_group_outside_the_domain_keeps_its_rows(four_persons, four_dimensions):
    four_persons["x"] = pd.Categorical(list("AABB"))
    four_persons["in"] = [True, True, False, False]
    est = pc.multidim(four_persons, four_dimensions, k="1/2", measures="all", by="x", where="in")
    gone = est.to_frame().query("x == 'B'")
    assert gone["estimate"].isna().all()
    assert (gone["n_obs"] == 0).all()
    assert set(gone["note"]) == {"no rows in the domain"}
    assert est.meta["rows_outside"] == 2


def test_no_rows_and_zero_weights_are_not_errors(four_dimensions):
    nothing = pc.multidim({name: np.zeros(0, np.int8) for name in "abcd"}, four_dimensions, k=1)
    assert nothing["estimate"].isna().all()
    assert set(nothing["note"]) == {"no rows in the domain"}
    empty = {name: np.zeros(0, np.int8) for name in "abcdx"}
    for words in ({"by": "x"}, {"over": "x"}, {"by": ["x", "a"], "totals": None}):
        none = pc.multidim(empty, four_dimensions, k=1, measures="all", **words)
        assert none["estimate"].isna().all()
        joint = pc.profiles(empty, four_dimensions, over="x")
        assert joint.pairs()["estimate"].isna().all()
    rows = {name: [1, 0] for name in "abcd"} | {"w": [0.0, 0.0]}
    weightless = pc.multidim(rows, four_dimensions, k=1, design=pc.Design(weight="w"))
    assert weightless["estimate"].isna().all()
    assert set(weightless["note"]) == {"every weight is zero"}


def test_scores_whose_denominator_is_huge_are_compared_exactly():
    big = 10**19 + 51  # above 2^62: the numerators do not fit 64 bits
    weights = {"a": F(1, 3), "b": F(big // 3, big), "c": F(2, 3) - F(big // 3, big)}
    spec = pc.Spec({name: [name] for name in "abc"}, weights=weights)
    rows = {"a": [1, 0, 1], "b": [0, 1, 1], "c": [0, 0, 0]}
    k = F(1, 3)  # b alone falls short of a third by less than 1e-19
    assert k - F(1, 10**18) < weights["b"] < k
    est = pc.multidim(rows, spec, k="1/3", measures=["H", "A", "contribution"])
    assert value(est, "H", "1/3") == 2 / 3
    assert value(est, "A", "1/3") == pytest.approx(float((F(1, 3) + F(1, 3) + weights["b"]) / 2))


def test_variance_keeps_its_digits_where_nearly_all_scores_are_equal():
    # scores 1 and 11/12; the squares of the sums are above 2^53
    names = [f"i{j}" for j in range(12)]
    rows = {name: [1, 1] for name in names} | {"i0": [1, 0], "w": [300_000_001, 7]}
    spec = pc.Spec({name: [name] for name in names})
    est = pc.multidim(rows, spec, k="1/2", measures="variance", design=pc.Design(weight="w"))
    share = F(7, 300_000_008)
    expected = F(1, 144) * share * (1 - share)
    assert value(est, "variance", "1/2") == pytest.approx(float(expected), rel=1e-15, abs=0)


@pytest.mark.parametrize("missing", [*RULES, "bounds"])
def test_where_everything_is_missing_there_are_no_figures(missing):
    rows = pd.DataFrame({name: pd.array([None, None], dtype="Int8") for name in NAMES})
    frame = pc.multidim(rows, pc.Spec(DIMENSIONS), k="1/2", measures="all", missing=missing)
    found = frame.to_frame().set_index("measure")["estimate"]
    if missing in ("drop", "reweight", "reweight_rows"):
        assert found.isna().all()
        assert set(frame["n_obs"]) == {0}
        assert set(frame["n_missing"]) == {2}
    elif missing == "bounds":
        assert (found["H_lower"], found["H_upper"], found["M0_upper"]) == (0, 1, 1)
    else:
        assert found["H"] == (missing == "deprived")


def test_one_row_is_enough(four_dimensions):
    frame = pc.multidim({name: [1] for name in "abcd"}, four_dimensions, k=1, measures="all")
    found = frame.to_frame().set_index("measure")["estimate"]
    assert (found["H"], found["A"], found["M0"], found["variance"]) == (1, 1, 1, 0)
    assert found["contribution"].tolist() == [0.25] * 8


def test_categories_that_nobody_has_have_rows_where_asked(four_persons, four_dimensions):
    four_persons["x"] = pd.Categorical(list("ABAB"), categories=list("CBA"))
    words = {"k": "1/2", "measures": "all", "by": "x"}
    seen = pc.multidim(four_persons, four_dimensions, **words).to_frame()
    assert seen["x"].drop_duplicates().tolist() == ["B", "A"]
    every = pc.multidim(four_persons, four_dimensions, observed=False, **words).to_frame()
    assert every["x"].drop_duplicates().tolist() == ["C", "B", "A"]
    assert every[every["x"] != "C"]["estimate"].tolist() == pytest.approx(
        seen["estimate"].tolist(), nan_ok=True
    )


@pytest.mark.parametrize("missing", RULES)
def test_sixty_four_indicators_of_which_some_are_missing(missing):
    names = [f"i{j:02d}" for j in range(64)]
    dimensions = {f"d{d}": names[d * 8 : d * 8 + 8] for d in range(8)}
    rng = np.random.default_rng(3)
    values = rng.integers(0, 2, (64, 40)).astype(float)
    values[rng.random((64, 40)) < 0.004] = np.nan
    rows = [
        {name: None if np.isnan(x) else int(x) for name, x in zip(names, column, strict=True)}
        for column in values.T
    ]
    weights = dict.fromkeys(names, F(1, 64))
    spec = pc.Spec(dimensions)
    frame = pd.DataFrame(dict(zip(names, values, strict=True)))
    est = pc.multidim(frame, spec, k="1/2", measures=["H", "M0", "contribution"], missing=missing)
    expected = oracle.measures(rows, dimensions, weights, F(1, 2), missing=missing)
    assert 0 < expected["H", None, None] < 1
    for (measure, dimension, indicator), figure in expected.items():
        if measure in ("H", "M0", "contribution"):
            assert close(value(est, measure, "1/2", dimension, indicator), figure)


def test_sixty_four_indicators():
    names = [f"i{j}" for j in range(64)]
    rng = np.random.default_rng(5)
    values = rng.integers(0, 2, (64, 50)).astype(np.int8)
    values[:, 0] = 1
    spec = pc.Spec({name: [name] for name in names})
    est = pc.multidim(dict(zip(names, values, strict=True)), spec, k=["1/2", 1], measures="H")
    shares = [(values.sum(axis=0) >= 32).mean(), (values.sum(axis=0) == 64).mean()]
    assert est["estimate"].tolist() == shares


@pytest.mark.parametrize("kind", ["bool", "int8", "Int64", "boolean", "float32", "float64"])
def test_indicators_of_any_type(four_persons, four_dimensions, kind):
    expected = pc.multidim(four_persons, four_dimensions, k="1/2").to_frame()
    found = pc.multidim(four_persons.astype(kind), four_dimensions, k="1/2").to_frame()
    assert found.equals(expected)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "argument", "message"),
    [
        ({"measures": ["H", "M"]}, "measures", "'M0'"),
        ({"measures": "m0"}, "measures", "did you mean 'M0'"),
        ({"measures": "censored"}, "measures", "did you mean 'censored_headcount'"),
        ({"missing": "skip"}, "missing", "'reweight_rows'"),
        ({"k": 33}, "k", "found 33; it is a share of the weights: 1/3"),
        ({"k": 0}, "k", "found 0$"),
        ({"schemes": "first"}, "schemes", "found 'first'"),
        ({"k": []}, "k", "empty list"),
        ({"measures": []}, "measures", "empty list"),
        ({"schemes": []}, "schemes", "empty list"),
        ({"bands": {"odd": "1/2"}}, "bands", "must be"),
        ({"bands": ["odd"]}, "bands", "maps names"),
        ({"bands": {"H": (0, 1)}}, "bands", "cannot be named 'H'"),
        ({"bands": {"odd": ("1/2", "1/3")}}, "bands", "must go up"),
        ({"by": "x", "over": "x"}, "over", "cannot be used together"),
        ({"totals": "x"}, "totals", "there are none"),
    ],
)
def test_options_that_do_not_exist_are_named(
    four_persons, four_dimensions, words, argument, message
):
    four_persons["x"] = pd.Categorical(list("AABB"))
    with pytest.raises(errors.OptionError, match=message) as raised:
        pc.multidim(four_persons, four_dimensions, **{"k": "1/2", **words})
    assert raised.value.argument == argument


def test_many_attainable_scores_ask_for_k():
    names = [f"i{j}" for j in range(8)]
    weights = {name: F(2**j, 255) for j, name in enumerate(names)}
    spec = pc.Spec({name: [name] for name in names}, weights=weights)
    rows = {name: [0, 1] for name in names}
    with pytest.raises(errors.OptionError, match="k is required: there are 255"):
        pc.multidim(rows, spec)


def test_a_value_that_is_not_0_or_1_is_named_with_its_row(four_dimensions):
    rows = {"a": [0, 0, 2], "b": [0, 1, 1], "c": [0, 0, 1], "d": [0, 1, 1]}
    with pytest.raises(errors.ValueRangeError, match=r"\[2\].*'a'"):
        pc.multidim(rows, four_dimensions, k="1/2")


def test_an_unknown_indicator_column_names_those_that_come_close(four_dimensions):
    with pytest.raises(errors.ColumnNotFoundError, match="'d'"):
        pc.multidim({"a": [1], "b": [1], "c": [1], "dd": [1]}, four_dimensions, k="1/2")


def test_a_key_named_like_a_column_of_the_result_is_refused(four_persons, four_dimensions):
    four_persons["k"] = [1, 1, 2, 2]
    with pytest.raises(errors.DuplicateNameError, match="'k'"):
        pc.multidim(four_persons, four_dimensions, k="1/2", by="k")
