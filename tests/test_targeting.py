"""Targeting of benefits.

Source of truth: arithmetic in the comments; tests/oracles/targeting.py with the sums over strata of
tests/oracles/survey.py, in fractions; tests/reference/uneven_reference.json, made by R.
"""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import povertycore as pc
from oracles import survey, targeting as oracle
from povertycore import errors
from povertycore.present.number import display_kind

REFERENCE = Path(__file__).parent / "reference"
CASES = {
    case["id"]: case
    for case in json.loads((REFERENCE / "uneven_reference.json").read_text(encoding="utf-8"))[
        "cases"
    ]
}


@pytest.fixture
def ten():
    # 4 poor, of whom 2 receive 100 and 300; of 6 others one receives 200
    return {
        "poor": [1] * 4 + [0] * 6,
        "support": [1, 1, 0, 0, 1, 0, 0, 0, 0, 0],
        "paid": [100, 300, 0, 0, 200, 0, 0, 0, 0, 0],
        "income": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
        "kind": list("aabbbbcccc"),
    }


def by_measure(est, **select):
    est = est.select(**select) if select else est
    return dict(zip(est["measure"], est["estimate"], strict=True))


# --- worked example -------------------------------------------------------------------------------


def test_ten_households_by_hand(ten):
    found = by_measure(pc.targeting(ten, "support", "poor", amount="paid", thin=150))
    assert found == pytest.approx(
        {
            "coverage": 2 / 4,
            "undercoverage": 2 / 4,
            "leakage": 1 / 3,
            "cgh": (2 / 3) / (4 / 10),
            "leakage_amount": 200 / 600,
            "cgh_amount": (400 / 600) / (4 / 10),
            "support_per_unit": 60,
            "support_per_poor": 100,
            "support_per_receiver": 200,
            "concentration": 1 - 600**2 / (3 * 140_000),  # squares 1, 9 and 4 times 10,000
            "share_thin": 1 / 3,
        },
        rel=1e-14,
    )


def test_classes_by_hand(ten):
    est = pc.targeting(ten, "support", "poor", classes="kind", amount="paid")
    frame = est.to_frame()
    frame = frame[frame["grouping"] == "kind"].pivot(
        index="group", columns="measure", values="estimate"
    )
    assert frame["coverage"].tolist() == [1, 1 / 4, 0]
    assert frame["incidence"].tolist() == pytest.approx([2 / 3, 1 / 3, 0])
    assert frame["cgh"].tolist() == pytest.approx([(2 / 3) / 0.2, (1 / 3) / 0.4, 0])
    assert frame["incidence_amount"].tolist() == pytest.approx([4 / 6, 2 / 6, 0])
    assert frame["cgh_amount"].tolist() == pytest.approx([(4 / 6) / 0.2, (2 / 6) / 0.4, 0])


def test_quantile_groups_by_hand(ten):
    # fifths of ten households are the incomes 1-2, 3-4, ...
    est = pc.targeting(ten, "support", "poor", welfare="income")
    frame = est.to_frame()
    coverage = frame[(frame["grouping"] == "quantile") & (frame["measure"] == "coverage")]
    assert coverage["group"].tolist() == ["1", "2", "3", "4", "5"]
    assert coverage["estimate"].tolist() == [1, 0, 0.5, 0, 0]
    # the lowest 40 percent, as an index of their own: (2/3)/0.4
    est = pc.targeting(ten, "support", "poor", welfare="income", quantiles=[0.4])
    lowest = est.select(grouping="quantile", group="1", measure="cgh")
    assert lowest["estimate"].tolist() == pytest.approx([(2 / 3) / 0.4])


def test_two_programmes_by_hand(ten):
    ten["loan"] = [1, 0, 1, 0, 0, 1, 0, 0, 0, 0]
    est = pc.targeting(ten, ["support", "loan"], "poor")
    overlap = est.select(measure="overlap").to_frame()
    # one household has both, of three with support and three with a loan
    assert overlap[["variable", "group"]].values.tolist() == [["support", "loan"],
                                                              ["loan", "support"]]  # fmt: skip
    assert overlap["estimate"].tolist() == pytest.approx([1 / 3, 1 / 3])
    assert est.select(measure="programmes")["estimate"].tolist() == [0.5, 0.4, 0.1]
    assert est.select(measure="programmes_of_poor")["estimate"].tolist() == [0.25, 0.5, 0.25]
    assert est.select(measure="programmes")["group"].tolist() == ["0", "1", "2"]


def test_a_column_of_classes_names_the_poor_and_the_classes():
    status = pd.Categorical(
        ["poor", "near_poor", "other", "poor"], categories=["poor", "near_poor", "other"]
    )
    table = pd.DataFrame({"status": status, "card": [1, 1, 0, 0]})
    est = pc.targeting(table, "card", "status")
    assert est.select(measure="coverage", group=None)["estimate"].tolist() == [0.5]
    of_classes = est.select(grouping="status", measure="coverage")
    assert of_classes["group"].tolist() == ["poor", "near_poor", "other"]
    assert of_classes["estimate"].tolist() == [0.5, 1, 0]
    both = pc.targeting(table, "card", "status", poor_label=["poor", "near_poor"])
    assert both.select(measure="coverage", group=None)["estimate"].tolist() == pytest.approx(
        [2 / 3]
    )


def test_columns_stand_in_the_order_of_the_contract(ten):
    ten["area"] = list("uuuuurrrrr")
    frame = pc.targeting(ten, "support", "poor", by="area").to_frame()
    first = ["area", "variable", "grouping", "group", "measure", "estimate", "se"]
    assert frame.columns[:7].tolist() == first
    assert frame["measure"].tolist() == ["coverage", "undercoverage", "leakage", "cgh"] * 2


# --- R --------------------------------------------------------------------------------------------


def test_coverage_and_leakage_are_those_of_r():
    case = CASES["synth/targeting/2021"]
    hh = pd.read_csv(REFERENCE / "synth_panel.csv")
    hh["poor"] = np.where(hh["cons"].notna(), hh["cons"] < hh["line"], np.nan)
    hh["gets"] = (hh["income"] < 1200).astype(int)  # a missing income counts as none, as in R
    design = pc.Design(
        weight="weight", size="hhsize", strata="stratum", psu="psu", period="year",
        lonely="certainty",
    )  # fmt: skip
    est = pc.targeting(hh, "gets", "poor", where=hh["year"] == 2021, design=design)
    est = est.select(measure=case["keys"])
    assert est["estimate"].tolist() == pytest.approx(case["estimate"], rel=1e-9)
    assert est["se"].tolist() == pytest.approx(case["se"], rel=1e-9)


# --- oracle ---------------------------------------------------------------------------------------


def sample(seed, n=90):
    """Rows of a sample with everything missing now and then, and the same as a frame."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        gets = {name: int(rng.random() < p) for name, p in (("card", 0.4), ("loan", 0.25))}
        paid = {name: int(rng.integers(0, 9)) * 10 * got for name, got in gets.items()}
        row = {
            "period": 0,
            "stratum": int(i % 3),
            "psu": int(i % 12),
            "weight": int(rng.integers(0, 4)),
            "poor": int(rng.random() < 0.35),
            "class": "abc"[int(rng.integers(0, 3))],
            "receives": gets,
            "amount": paid,
        }
        for where, name in ((row, "poor"), (row, "class"), (gets, "card"), (paid, "loan")):
            if rng.random() < 0.08:
                where[name] = None
        rows.append(row)
    table = pd.DataFrame({name: [row[name] for row in rows] for name in
                          ("stratum", "psu", "weight", "poor", "class")})  # fmt: skip
    for name in ("card", "loan"):
        table[name] = [row["receives"][name] for row in rows]
        table[f"paid_{name}"] = [row["amount"][name] for row in rows]
    return rows, table


DESIGN = pc.Design(weight="weight", strata="stratum", psu="psu")
AMOUNTS = ["paid_card", "paid_loan"]


@pytest.mark.parametrize("seed", range(4))
def test_figures_and_their_standard_errors_are_those_of_the_oracle(seed):
    rows, table = sample(seed)
    est = pc.targeting(
        table, ["card", "loan"], "poor", amount=AMOUNTS, thin=30, classes="class", design=DESIGN
    )
    expected = {}
    for name in ("card", "loan"):
        for (measure, label), figure in oracle.figures(rows, name, thin=30).items():
            expected[name, measure, label] = figure
    pairs, counts, of_poor = oracle.together(rows, ["card", "loan"])
    expected |= {(a, "overlap", b): figure for (a, b), figure in pairs.items()}
    for measure, table_of in (("programmes", counts), ("programmes_of_poor", of_poor)):
        expected |= {("", measure, str(k)): figure for k, figure in table_of.items()}
    frame = est.to_frame()
    assert len(frame) == len(expected)
    for row in frame.to_dict("records"):
        label = None if pd.isna(row["group"]) else row["group"]
        estimate, z, used = expected[row["variable"], row["measure"], label]
        assert row["estimate"] == pytest.approx(float(estimate), rel=1e-12), row
        variance = float(survey.cov(rows, z, z))
        if not variance and estimate in (0, 1) and "cgh" not in row["measure"]:
            assert np.isnan(row["se"])
            continue
        assert row["se"] == pytest.approx(variance**0.5, rel=1e-10), row
        assert row["n_psu"] == survey.n_psu(rows, used), row
        assert row["df"] == survey.df(rows, used), row
        if row["measure"] not in ("cgh", "cgh_amount", "concentration"):
            simple = survey.simple_variance(rows, z, used)
            assert row["deff"] == pytest.approx(variance / float(simple), rel=1e-9), row


def test_quantile_groups_are_those_of_the_oracle():
    rng = np.random.default_rng(8)
    income = [None if x == 3 else int(x) for x in rng.integers(0, 12, 60)]
    weight = [int(w) for w in rng.integers(1, 5, 60)]
    group = oracle.quantile_groups(income, [Fraction(w) for w in weight], 4)
    table = pd.DataFrame({"income": income, "weight": weight, "poor": 1, "card": [1, 0] * 30})
    table["group"] = group
    assert len({*group}) == 5
    est = pc.targeting(
        table, "card", "poor", welfare="income", quantiles=4, design=pc.Design(weight="weight")
    )
    mine = est.select(grouping="quantile", measure="coverage")["estimate"].tolist()
    inside = table[table["group"].notna()]
    by_group = [
        np.average(part["card"], weights=part["weight"]) for _, part in inside.groupby("group")
    ]
    assert mine == pytest.approx(by_group)


# --- properties -----------------------------------------------------------------------------------


def test_parts_add_up():
    _, table = sample(11, 400)
    est = pc.targeting(table, "card", "class", poor_label="a", amount="paid_card", design=DESIGN)
    whole = by_measure(est, group=None)
    classes = est.select(grouping="class")
    assert whole["coverage"] + whole["undercoverage"] == pytest.approx(1)
    for measure in ("incidence", "incidence_amount"):
        assert classes.select(measure=measure)["estimate"].sum() == pytest.approx(1)
    of_poor = by_measure(classes, group="a")
    assert of_poor["coverage"] == pytest.approx(whole["coverage"])
    assert of_poor["incidence"] == pytest.approx(1 - whole["leakage"])
    assert of_poor["cgh"] == pytest.approx(whole["cgh"])
    two = pc.targeting(table, ["card", "loan"], "poor")
    for measure in ("programmes", "programmes_of_poor"):
        assert two.select(measure=measure)["estimate"].sum() == pytest.approx(1)


def test_equal_support_is_not_concentrated_and_units_of_money_do_not_matter(ten):
    ten["alike"] = [50 * x for x in ten["support"]]
    ten["dong"] = [25_000 * x for x in ten["paid"]]
    alike = by_measure(pc.targeting(ten, "support", "poor", amount="alike"))
    assert alike["concentration"] == pytest.approx(0, abs=1e-15)
    assert alike["leakage_amount"] == pytest.approx(alike["leakage"])
    dong = by_measure(pc.targeting(ten, "support", "poor", amount="dong"))
    paid = by_measure(pc.targeting(ten, "support", "poor", amount="paid"))
    assert dong["concentration"] == pytest.approx(paid["concentration"])
    assert dong["cgh_amount"] == pytest.approx(paid["cgh_amount"])
    assert dong["support_per_poor"] == pytest.approx(25_000 * paid["support_per_poor"])


def test_groups_totals_and_domains_are_those_of_their_rows():
    _, table = sample(12, 300)
    table["area"] = np.where(np.arange(300) % 5 < 3, "rural", "urban")
    words = {"amount": AMOUNTS, "classes": "class", "design": DESIGN}
    benefits = ["card", "loan"]
    est = pc.targeting(table, benefits, "poor", by="area", totals="area", **words)
    whole = pc.targeting(table, benefits, "poor", **words)
    rural = pc.targeting(table, benefits, "poor", where=table["area"] == "rural", **words)
    for label, other in (("(total)", whole), ("rural", rural)):
        part = est.select(area=label)
        for name in ("estimate", "se", "df", "deff", "n_obs", "n_missing", "numerator"):
            mine, theirs = part[name].to_numpy(), other[name].to_numpy()
            assert mine == pytest.approx(theirs, rel=1e-9, nan_ok=True), (label, name)
    over = pc.targeting(table, benefits, "poor", over="area", **words)
    mine = over.select(over="area", level="rural")["se"].to_numpy()
    assert mine == pytest.approx(rural["se"].to_numpy(), rel=1e-9, nan_ok=True)


def test_libraries_and_the_order_of_rows_change_nothing():
    _, table = sample(13, 120)
    table["card"] = table["card"].astype("Int64")
    words = {"amount": "paid_card", "classes": "class", "design": DESIGN}
    plain = pc.targeting(table, "card", "poor", **words).to_frame()
    shuffled = table.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(plain, pc.targeting(shuffled, "card", "poor", **words).to_frame())
    frame = pl.from_pandas(table)
    pd.testing.assert_frame_equal(plain, pc.targeting(frame, "card", "poor", **words).to_frame())


def test_replicates_agree_with_linearisation():
    _, table = sample(14, 400)
    words = {"amount": AMOUNTS, "classes": "class"}
    linear = pc.targeting(table, ["card", "loan"], "poor", design=DESIGN, **words)
    jackknife = pc.Design(
        weight="weight", strata="stratum", psu="psu", replicates=pc.Replicates(kind="jkn")
    )
    made = pc.targeting(table, ["card", "loan"], "poor", design=jackknife, **words)
    assert made["se"].to_numpy() == pytest.approx(linear["se"].to_numpy(), rel=0.25, nan_ok=True)
    assert np.median(np.abs(made["se"] / linear["se"] - 1)) < 0.05


def test_columns_of_replicate_weights_weigh_every_figure_again():
    _, table = sample(15, 200)
    rng = np.random.default_rng(2)
    names = [f"w{r}" for r in range(6)]
    for name in names:
        table[name] = table["weight"] * rng.integers(0, 3, len(table))
    design = pc.Design(weight="weight", replicates=pc.Replicates(kind="bootstrap", weights=names))
    est = pc.targeting(table, "card", "poor", design=design)
    again = [
        pc.targeting(table, "card", "poor", design=pc.Design(weight=name))["estimate"]
        for name in names
    ]
    theta = np.column_stack(again)
    variance = ((theta - theta.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) / 5
    assert est["se"].to_numpy() == pytest.approx(np.sqrt(variance), rel=1e-9)


# --- edges ----------------------------------------------------------------------------------------


def test_nobody_poor_and_nobody_receiving_are_said():
    table = {"poor": [0, 0, 1], "card": [0, 1, 0], "place": ["a", "a", "b"]}
    frame = pc.targeting(table, "card", "poor", by="place").to_frame()
    missing = frame["estimate"].isna().tolist()
    assert missing == [True, True, False, True, False, False, True, True]
    notes = frame["note"].tolist()
    assert notes[0] == notes[1] == "nobody is poor"
    assert notes[6] == "nobody receives it"
    assert notes[7] == "nobody receives it, or nobody is poor"


def test_an_empty_domain_keeps_its_rows():
    table = {"poor": [0, 1], "card": [0, 1], "out": [False, False]}
    frame = pc.targeting(table, "card", "poor", where="out").to_frame()
    assert frame["estimate"].isna().all()
    assert frame["note"].unique().tolist() == ["no rows in the domain"]


def test_missing_values_take_the_row_out_of_that_benefit_and_are_counted():
    table = {"poor": [1, 1, None, 0], "card": [1, None, 1, 1], "loan": [1, 0, 0, 1]}
    frame = pc.targeting(table, ["card", "loan"], "poor").to_frame()
    coverage = frame[frame["measure"] == "coverage"]
    assert coverage["estimate"].tolist() == [1.0, 0.5]
    assert coverage["n_obs"].tolist() == [1, 2]
    assert coverage["n_missing"].tolist() == [2, 1]
    leakage = frame[frame["measure"] == "leakage"]
    assert leakage["estimate"].tolist() == [0.5, 0.5]


def test_all_alike_in_a_file_without_the_poor_or_others():
    assert by_measure(pc.targeting({"poor": [1, 1], "card": [1, 0]}, "card", "poor")) == (
        pytest.approx({"coverage": 0.5, "undercoverage": 0.5, "leakage": 0, "cgh": 1})
    )
    frame = pc.targeting({"poor": np.zeros(0), "card": np.zeros(0)}, "card", "poor").to_frame()
    assert frame["estimate"].isna().all()


def test_quantiles_are_formed_within_each_period():
    # incomes of the second year are ten times those of the first
    table = pd.DataFrame({"year": [1] * 4 + [2] * 4, "income": [1, 2, 3, 4, 10, 20, 30, 40]})
    table["poor"], table["card"] = 1, [1, 1, 0, 0] * 2
    design = pc.Design(period="year")
    words = {"welfare": "income", "quantiles": 2, "by": "year"}
    est = pc.targeting(table, "card", "poor", design=design, **words)
    lowest = est.select(grouping="quantile", group="1", measure="coverage")
    assert lowest["estimate"].tolist() == [1.0, 1.0]
    est = pc.targeting(table, "card", "poor", **words)  # over both years
    lowest = est.select(grouping="quantile", group="1", measure="coverage")
    assert lowest["estimate"].tolist()[0] == 0.5
    est = pc.targeting(table, "card", "poor", quantiles_by="year", **words)
    lowest = est.select(grouping="quantile", group="1", measure="coverage")
    assert lowest["estimate"].tolist() == [1.0, 1.0]


def test_the_cuts_are_said_to_be_fixed_where_there_are_standard_errors():
    _, table = sample(16)
    table["income"] = np.arange(len(table)) % 17
    est = pc.targeting(table, "card", "poor", welfare="income", design=DESIGN)
    notes = est.select(grouping="quantile")["note"]
    assert notes.str.contains("the cuts are taken as fixed").all()


def test_persons_are_counted_where_the_call_says_so():
    table = {"poor": [1, 1], "card": [1, 0], "members": [3, 1], "paid": [6.0, 0.0]}
    design = pc.Design(size="members")
    est = pc.targeting(table, "card", "poor", design=design)
    assert by_measure(est)["coverage"] == 0.75
    est = pc.targeting(table, "card", "poor", amount="paid", design=design, count="households")
    assert by_measure(est)["support_per_poor"] == 3


def test_shares_are_shown_in_percent_and_indices_as_numbers():
    assert {display_kind(m) for m in ("coverage", "leakage_amount", "overlap")} == {"percent"}
    assert display_kind("difference", "coverage") == "points"
    assert {display_kind(m) for m in ("cgh", "support_per_poor")} == {"number"}


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "kind", "argument"),
    [
        ({"benefit": "paid"}, errors.ValueRangeError, "benefit"),
        ({"benefit": "kind"}, errors.DTypeError, "benefit"),
        ({"benefit": []}, errors.OptionError, "benefit"),
        ({"poor": "income"}, errors.ValueRangeError, "poor"),
        ({"poor": "kind"}, errors.OptionError, "poor_label"),
        ({"poor": "kind", "poor_label": "a", "classes": "kind"}, errors.OptionError, "classes"),
        ({"amount": ["paid", "paid"]}, errors.OptionError, "amount"),
        ({"thin": 10}, errors.OptionError, "thin"),
        ({"amount": "paid", "thin": 0}, errors.OptionError, "thin"),
        ({"amount": "kind"}, errors.DTypeError, "amount"),
        ({"welfare": "income", "quantiles": 1}, errors.OptionError, "quantiles"),
        ({"welfare": "income", "quantiles": [0.5, 0.2]}, errors.OptionError, "quantiles"),
        ({"welfare": "kind"}, errors.DTypeError, "welfare"),
        ({"over": "kind", "by": "kind"}, errors.OptionError, "over"),
    ],
)
def test_what_does_not_fit_is_refused(ten, words, kind, argument):
    with pytest.raises(kind) as found:
        pc.targeting(ten, **({"benefit": "support", "poor": "poor"} | words))
    assert found.value.argument == argument


def test_an_amount_that_contradicts_is_told_with_its_row(ten):
    ten["paid"] = [100, 300, 0, 5, 200, 0, 0, 0, 0, 0]
    with pytest.raises(errors.ValueRangeError, match="row that 'support' says") as found:
        pc.targeting(ten, "support", "poor", amount="paid")
    assert found.value.row == 3
    ten["paid"] = [100, -300, 0, 0, 200, 0, 0, 0, 0, 0]
    with pytest.raises(errors.ValueRangeError, match=r"paid\[1\] is negative"):
        pc.targeting(ten, "support", "poor", amount="paid")


def test_an_amount_is_never_multiplied_by_members_unasked():
    table = {"poor": [1, 1], "card": [1, 0], "members": [3, 1], "paid": [6.0, 0.0]}
    with pytest.raises(errors.OptionError, match="count="):
        pc.targeting(table, "card", "poor", amount="paid", design=pc.Design(size="members"))


def test_a_missing_column_and_a_missing_group_are_named(ten):
    with pytest.raises(errors.ColumnNotFoundError, match="suport"):
        pc.targeting(ten, "suport", "poor")
    ten["area"] = ["u", None, *["r"] * 8]
    with pytest.raises(errors.MissingValueError):
        pc.targeting(ten, "support", "poor", by="area")
    kept = pc.targeting(ten, "support", "poor", by="area", missing_groups="keep")
    assert kept["area"].isna().sum() == 4


def test_a_key_named_like_a_column_of_the_result_is_refused(ten):
    ten["group"] = list("uuuuurrrrr")
    with pytest.raises(errors.OptionError, match="rename"):
        pc.targeting(ten, "support", "poor", by="group")
