"""Monetary poverty: who is poor by an income, how far below the line, and how unequally so.

A pass adds up scores of rows (`_core.fgt_scores`); every measure is a sum of scores over the people
measured, over another sum, or by itself:

=======================  =========================  =======================
measure                  score                      divided by
=======================  =========================  =======================
headcount, gap,          g^0, g, g^2, g^alpha       people measured
severity, fgt
watts                    ln(z/y)                    people measured
chu                      (1 - (y/z)^b)/b            people measured
income_gap_ratio         g                          the poor
n_poor                   1                          nothing
total_shortfall          z - y                      nothing
mean_shortfall           z - y                      people measured
mean_shortfall_per_poor  z - y                      the poor
=======================  =========================  =======================

with y the welfare, z the line, g = (z - y)/z, all scores 0 for who is not poor.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from numbers import Real
from typing import Any, NamedTuple
from unicodedata import normalize

import numpy as np
import pandas as pd

from .. import _core
from ..design import Design
from ..errors import (
    DuplicateNameError,
    MissingValueError,
    ValueRangeError,
    unknown_option,
)
from ..estimates import Estimates
from ..inputs import Frame, Key
from .precision import Cells
from .results import (
    NOBODY_POOR,
    ZERO_DENOMINATOR,
    Counts,
    Slots,
    quotient,
    sum_of_weighted,
    wrap,
)
from .tables import (
    SUMS,
    Table,
    arrange,
    option_error,
    table_of,
)
from .tally import (
    Request,
    Variable,
    call_core,
    cells_by_slot,
    compute,
    count_is_needed,
    frame_of,
    listed,
    number_column,
    resolve,
    weightless,
)

POOR = ("below", "at_or_below")
RULES = ("drop", "skip", "floor")
NEED_RULES = ("watts", "chu")
POWERS = {"headcount": 0.0, "gap": 1.0, "severity": 2.0}
TOTALS = ("n_poor", "total_shortfall")
PER_POOR = ("income_gap_ratio", "mean_shortfall_per_poor")
MEASURES = (
    *POWERS,
    "fgt",
    "watts",
    "chu",
    "income_gap_ratio",
    *TOTALS,
    "mean_shortfall",
    "mean_shortfall_per_poor",
)


def fgt(
    data: Any,
    welfare: Any,
    *,
    line: Any,
    alpha: float | Sequence[float] | None = None,
    measures: str | Sequence[str] | None = None,
    b: float | Sequence[float] = 0.5,
    by: str | list[str] | None = None,
    over: str | list[str] | None = None,
    where: Any = None,
    design: Design | None = None,
    count: str | None = None,
    poor: str = "below",
    nonpositive: Any = None,
    standard: Any = None,
    missing_groups: str = "error",
    observed: bool = True,
    totals: str | list[str] | None = None,
) -> Estimates:
    r"""Compute monetary poverty by group: headcount, gap, severity and other measures of incomes.

    Parameters
    ----------
    data : DataFrame or mapping of str to array_like
        One row per household or person: pandas, Polars, PyArrow, or what narwhals reads.
    welfare : str or array_like
        Column with income or consumption; currency per person and period, shape (n_obs,). A
        missing value takes the row out and is counted.
    line : float, str, array_like, mapping, or list of these
        Poverty line in the currency of `welfare`, above 0: a number; the name of a column, or an
        array of n rows, with a line per household; a mapping from label to number, for the labels
        of the one column of `by` or `over`, or ``{column: {label: number}}``; or a list of lines. A
        missing line takes the row out.
    alpha : float or list of float, optional
        0 headcount, 1 gap, 2 severity; any number >= 0. By default 0, 1 and 2, or with `measures`
        none.
    measures : str or list of str, optional
        "headcount", "gap", "severity", "watts", "chu", "income_gap_ratio", "n_poor",
        "total_shortfall", "mean_shortfall" (per person or household counted) and
        "mean_shortfall_per_poor"; those of `alpha` come first.
    b : float or list of float, optional
        The parameter of "chu", 0 < b <= 1.
    by, over, where, design, standard, missing_groups, observed, totals
        As in `rate`.
    count : {"households", "persons"}, optional
        What is counted, in place of what the design says. Required for "total_shortfall" with a
        `size` in the design: an amount per household is never multiplied by its members unasked.
    poor : {"below", "at_or_below"}, optional
        Whether who is exactly at the line is poor; the numbers are compared as they stand.
    nonpositive : {"drop", "skip"}, tuple or mapping, optional
        What "watts" does with incomes <= 0, and "chu" with incomes < 0, for which they are not
        defined: by default an error. "drop" leaves them out and counts them as missing; "skip"
        gives them the score 0 and keeps them in the denominator, as the World Bank does;
        ``("floor", 1.5)`` counts every income below 1.5 as 1.5. A mapping gives a rule by measure,
        as ``{"watts": "drop", "chu": "skip"}``. All other measures take negative incomes as they
        are: their gap is above 1. The note says how many there were.

    Returns
    -------
    Estimates
        One row per group, line and measure; `line` is the number, or where some line is none a
        text: the number, the name of the column, or "by" and the column of the labels. `alpha` also
        holds the b of "chu". `estimate` is dimensionless, for "n_poor" in `unit`, for
        shortfalls in the currency of `welfare`. `numerator` and `denominator` are NaN for "n_poor"
        and "total_shortfall"; `population` is the sum of weights of the rows measured.

    Raises
    ------
    ColumnNotFoundError
        A named column is not in `data`.
    ValueRangeError
        A line is not above 0 or not finite; welfare is infinite, or not positive where it must be
        and `nonpositive` does not say what to do; `alpha` or `b` is out of range; a weight is
        negative or not finite.
    OptionError
        There is no such measure or rule; `count` is required and not given.

    Notes
    -----
    .. math:: P_\alpha = \sum_i w_i \, [y_i < z_i] \, ((z_i - y_i)/z_i)^\alpha / \sum_i w_i

    .. math:: W = \sum_i w_i [y_i < z_i] \ln(z_i/y_i) / \sum_i w_i, \quad
              C_b = \sum_i w_i [y_i < z_i] (1 - (y_i/z_i)^b) / (b \sum_i w_i)

    over the rows of the group and domain whose welfare and line are known. Where nobody is poor the
    income-gap ratio and the shortfall per poor are NaN, and a note says so. Standard errors are
    those of means, ratios and totals, by linearisation. Headcounts, and powers of the gap where no
    income is negative, have intervals of proportions.

    References
    ----------
    .. [1] Foster, J., Greer, J. and Thorbecke, E. (1984). A class of decomposable poverty measures.
       Econometrica 52(3), 761-766.
    .. [2] Watts, H. W. (1968). An economic definition of poverty. In D. P. Moynihan (ed.), On
       Understanding Poverty, 316-329. Basic Books.
    .. [3] Clark, S., Hemming, R. and Ulph, D. (1981). On indices for the measurement of poverty.
       Economic Journal 91(362), 515-526.

    Examples
    --------
    The line is 2 a day. In the north three persons have 0.5, 1 and 2, and the second counts twice:
    the poor are 3 of 4, and their gaps 0.75 and twice 0.5 add up to 1.75.

    >>> people = {"region": ["north"] * 3 + ["south"], "income": [0.5, 1.0, 2.0, 1.5],
    ...           "weight": [1, 2, 1, 3]}
    >>> est = pc.fgt(people, "income", line=2, alpha=[0, 1], by="region",
    ...              design=pc.Design(weight="weight", row="person"))
    >>> est.to_frame()[["region", "line", "measure", "estimate", "numerator", "denominator"]]
      region  line    measure  estimate  numerator  denominator
    0  north   2.0  headcount    0.7500       3.00          4.0
    1  north   2.0        gap    0.4375       1.75          4.0
    2  south   2.0  headcount    1.0000       3.00          3.0
    3  south   2.0        gap    0.2500       0.75          3.0
    """
    if poor not in POOR:
        raise unknown_option("poor", poor, POOR)
    wanted = wanted_measures(measures, alpha, b)
    if count_is_needed(design, count) and any(one.measure == "total_shortfall" for one in wanted):
        raise option_error(
            "count",
            "the design has a size: say count='households' or count='persons' for total_shortfall;"
            " an amount per household is never multiplied by its members unasked",
        )
    frame = frame_of(data, design, welfare, by, over, where, standard, *columns_of(line))
    measured = welfare_of(frame, welfare)
    plan = Plan(
        welfare=measured.columns[0],
        lines=lines_of(frame, line, by or over),
        wanted=wanted,
        rules=rules_of(nonpositive, wanted),
        poor=poor,
    )
    request = resolve(
        "fgt",
        frame,
        (measured,),
        "made",
        by=by,
        over=over,
        where=where,
        design=design,
        count=count,
        standard=standard,
        missing_groups=missing_groups,
        observed=observed,
        totals=totals,
    )
    request = replace(request, maker=partial(poverty_table, plan))
    return wrap(request, tables_of(request), plan.figures, plan.describe)


# --- resolve -----------------------------------------------------------------------------------


class Wanted(NamedTuple):
    """A measure, and its alpha or b."""

    measure: str
    parameter: float = math.nan


class Rule(NamedTuple):
    """What becomes of incomes for which a measure is not defined."""

    word: str | None = None
    floor: float = 0.0


NO_RULE = Rule()


@dataclass(frozen=True)
class Line:
    """A poverty line: what the result calls it, and its value in every row."""

    label: float | str
    column: _core.Column


def wanted_measures(measures: Any, alpha: Any, b: Any) -> tuple[Wanted, ...]:
    """Return the measures in the order of the result."""
    if alpha is None and measures is None:
        alpha = (0, 1, 2)
    wanted = [power(a) for a in ([] if alpha is None else numbers("alpha", alpha))]
    for measure in [] if measures is None else listed(measures):
        if measure not in MEASURES:
            raise unknown_option("measures", measure, MEASURES)
        if measure == "chu":
            wanted += [Wanted("chu", parameter) for parameter in numbers("b", b)]
        elif measure == "fgt":
            wanted += [power(a) for a in (POWERS.values() if alpha is None else ())]
        else:
            wanted.append(Wanted(measure, POWERS.get(measure, math.nan)))
    if not wanted:
        raise option_error("measures", "neither alpha nor measures names what is measured")
    return tuple({(one.measure, str(one.parameter)): one for one in wanted}.values())


def power(alpha: float) -> Wanted:
    """Return the measure of a power of the gap, by its own name where it has one."""
    names = {number: name for name, number in POWERS.items()}
    return Wanted(names.get(alpha, "fgt"), alpha)


def numbers(argument: str, values: Any) -> list[float]:
    """Return the values of alpha, or of b, each in its range."""
    values = values.tolist() if isinstance(values, np.ndarray) else values
    found = []
    for value in listed(values):
        is_real = isinstance(value, Real) and not isinstance(value, bool)
        number = float(value) if is_real else math.nan
        if not (
            math.isfinite(number) and (number >= 0 if argument == "alpha" else 0 < number <= 1)
        ):
            expected = "a finite number >= 0" if argument == "alpha" else "above 0 and at most 1"
            raise range_error(argument, f"{argument} must be {expected}, found {value!r}")
        found.append(number)
    return found


def range_error(argument: str, message: str) -> ValueRangeError:
    """Return the error for an argument out of its range, with its name attached."""
    error = ValueRangeError(message)
    error.argument = argument
    return error


def rules_of(nonpositive: Any, wanted: Iterable[Wanted]) -> dict[str, Rule]:
    """Return the rule for incomes that are not positive, of each measure that needs one."""
    by_measure = isinstance(nonpositive, Mapping)
    for measure in nonpositive if by_measure else ():
        if measure not in NEED_RULES:
            raise unknown_option("nonpositive", measure, NEED_RULES)
    given = nonpositive if by_measure else dict.fromkeys(NEED_RULES, nonpositive)
    asked = {one.measure for one in wanted}
    rules = {  # a rule that nothing asks for is read all the same, by the laxer limits
        measure: rule_of(given.get(measure), measure if measure in asked else "chu")
        for measure in NEED_RULES
    }
    return {measure: rule for measure, rule in rules.items() if measure in asked}


def rule_of(given: Any, measure: str) -> Rule:
    """Read one rule."""
    if given is None:
        return NO_RULE
    word, *floor = given if isinstance(given, list | tuple) else (given,)
    if word not in RULES:
        raise unknown_option("nonpositive", word, RULES)
    if (word == "floor") != (len(floor) == 1):
        raise option_error(
            "nonpositive", "a floor comes with its value, as nonpositive=('floor', 1.5)"
        )
    if word != "floor":
        return Rule(word)
    value = amount("nonpositive", floor[0], or_zero=measure == "chu")
    return Rule(word, value)


def amount(argument: str, value: Any, *, or_zero: bool = False) -> float:
    """Return an amount of currency, finite and above 0."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise option_error(argument, f"{argument} must be a number, found {type(value).__name__}")
    number = float(value)
    if not (math.isfinite(number) and (number > 0 or (or_zero and number == 0))):
        raise range_error(argument, f"{argument} must be finite and above 0, found {value!r}")
    return number


def welfare_of(frame: Frame, welfare: Any) -> Variable:
    """Find the one column of incomes."""
    if isinstance(welfare, list | tuple):
        raise option_error("welfare", "welfare is one column, or an array of one number per row")
    column = number_column(frame, "welfare", welfare)
    if column is None:
        raise option_error("welfare", "welfare must name a column")
    return Variable(column.name, (column,))


def columns_of(line: Any) -> Iterable[Any]:
    """Name the columns that a line needs."""
    for one in listed(line):
        yield from one if isinstance(one, Mapping) else [one]


def lines_of(frame: Frame, line: Any, groups: Any) -> tuple[Line, ...]:
    """Read the lines; two of one name could not be told apart in the result."""
    lines = tuple(line_of(frame, one, groups) for one in listed(line))
    if not lines:
        raise option_error("line", "line is an empty list; name at least one")
    labels = [one.label for one in lines]
    for label in labels:
        if labels.count(label) > 1:
            raise DuplicateNameError(f"the line {label!r} is given twice")
    return lines


def line_of(frame: Frame, line: Any, groups: Any) -> Line:
    """Read one line: a number, a column, or a number by label."""
    if isinstance(line, Mapping):
        return line_by_label(frame, line, groups)
    if isinstance(line, Real):
        value = amount("line", line)
        return Line(value, constant(frame, value))
    column = number_column(frame, "line", line)
    if column is None:
        raise option_error("line", "line must be a number above 0, a column, or a mapping")
    return Line(column.name or "(array)", column)


def constant(frame: Frame, value: float) -> _core.Column:
    """Return a column with one value in every row, which takes no memory."""
    return _core.column_array(np.broadcast_to(np.float64(value), frame.n), None, "line")


def line_by_label(frame: Frame, line: Mapping[Any, Any], groups: Any) -> Line:
    """Read a line that depends on the label of a column."""
    names = [] if groups is None else listed(groups)
    if any(isinstance(value, Mapping) for value in line.values()):
        names = list(line)
        line = next(iter(line.values()))
    if len(names) != 1 or not isinstance(line, Mapping):
        raise option_error(
            "line", "a line by label needs one column, as line={'region': {'North': 1500}}"
        )
    amounts = {plain_label(label): amount("line", value) for label, value in line.items()}
    code, labels = pd.factorize(frame.array(names[0]))
    for label in labels:
        if plain_label(label) not in amounts:
            error = MissingValueError(f"line has no amount for {names[0]} {label!r}")
            error.argument = "line"
            raise error
    by_code = np.array([*(amounts[plain_label(label)] for label in labels), np.nan])
    name = str(getattr(names[0], "name", names[0]))
    return Line(f"by {name}", _core.column_array(by_code[code], None, f"by {name}"))


def plain_label(label: Any) -> Any:
    """Return a label as Python compares it, text in NFC."""
    return normalize("NFC", label) if isinstance(label, str) else label


# --- compute -----------------------------------------------------------------------------------

Spec = tuple[str, int, float, str, float, bool, bool]  # a score, as `_core.fgt_scores` takes it


def score(
    kind: str, line: int, parameter: float = 0.0, rule: Rule | None = None, squared: bool = False
) -> Spec:
    """Describe a score whose weighted sum is wanted."""
    word, floor = NO_RULE if rule is None else rule
    undefined = {None: "refuse", "floor": "floor"}.get(word, "zero")
    return (kind, line, parameter, undefined, floor, False, squared)


def rows_that_are(kind: str, line: int, parameter: float = 0.0) -> Spec:
    """Describe the number of rows of a kind."""
    return (kind, line, parameter, "refuse", 0.0, True, False)


@dataclass(frozen=True)
class Slot:
    """A measure at a line: the score above, the one below (None: people measured), its square."""

    measure: str
    line: int
    parameter: float
    above: Spec
    below: Spec | None = None
    square: Spec | None = None
    rule: Rule = NO_RULE
    odd: Spec | None = None  # the number of rows that a note speaks of
    left_out: Spec | None = None  # the weight of those, where they are left out

    @property
    def specs(self) -> list[Spec]:
        """All scores that a register needs."""
        return [spec for spec in (self.above, self.below, self.odd, self.left_out) if spec]

    @property
    def note(self) -> str:
        """What a note says of the odd rows."""
        if self.measure not in NEED_RULES:
            return "with negative welfare: gap above 1"
        zero = "zero or negative" if self.measure == "watts" else "negative"
        if self.rule.word == "floor":
            return f"with welfare below {self.rule.floor:g}, taken as {self.rule.floor:g}"
        return f"with {zero} welfare {'left out' if self.rule.word == 'drop' else 'scored 0'}"


def slot_of(wanted: Wanted, line: int, rules: Mapping[str, Rule]) -> Slot:
    """Describe a measure by its scores."""
    measure, parameter = wanted
    poor, gap = score("power", line, 0.0), score("power", line, 1.0)
    negative = rows_that_are("negative", line)
    common: dict[str, Any] = {"measure": measure, "line": line, "parameter": parameter}
    if measure in NEED_RULES:
        return defined_slot(common, rules[measure])
    if measure in (*POWERS, "fgt"):
        odd = negative if parameter > 0 else None
        above, square = score("power", line, parameter), score("power", line, 2 * parameter)
        return Slot(**common, above=above, square=square, odd=odd)
    if measure == "n_poor":
        return Slot(**common, above=poor, square=poor)
    if measure == "income_gap_ratio":
        square = score("power", line, 2.0)
        return Slot(**common, above=gap, below=poor, square=square, odd=negative)
    short, square = score("shortfall", line), score("shortfall", line, squared=True)
    if measure == "mean_shortfall_per_poor":
        return Slot(**common, above=short, below=poor, square=square, odd=negative)
    return Slot(**common, above=short, square=square, odd=negative)


def defined_slot(common: Mapping[str, Any], rule: Rule) -> Slot:
    """Describe a measure that is not defined for all incomes."""
    measure, line = common["measure"], common["line"]
    parameter = common["parameter"] if measure == "chu" else 0.0
    kind = "not_positive" if measure == "watts" else "negative"
    odd = rows_that_are(kind, line)
    if rule.word == "floor":
        odd = rows_that_are("below", line, rule.floor)
    return Slot(
        **common,
        above=score(measure, line, parameter, rule),
        square=score(measure, line, parameter, rule, squared=True),
        rule=rule,
        odd=None if rule.word is None else odd,
        left_out=score(kind, line) if rule.word == "drop" else None,
    )


@dataclass(frozen=True)
class Plan:
    """What a call measures, and how its slots come from the sums of a pass."""

    welfare: _core.Column
    lines: tuple[Line, ...]
    wanted: tuple[Wanted, ...]
    rules: Mapping[str, Rule]
    poor: str

    @property
    def slots(self) -> list[Slot]:
        """Lines as asked, in each the measures as asked."""
        return [
            slot_of(wanted, line, self.rules)
            for line in range(len(self.lines))
            for wanted in self.wanted
        ]

    @property
    def is_total(self) -> np.ndarray:
        """Which slots are totals."""
        return np.array([slot.measure in TOTALS for slot in self.slots])

    def specs(self, with_squares: bool) -> list[Spec]:
        """All scores of a pass, each once; those that are rare last, where they cost nothing."""
        specs: dict[Spec, None] = {}
        for slot in self.slots:
            squares = [slot.square] if with_squares and slot.square else []
            specs |= dict.fromkeys([*slot.specs, *squares])
        for line in range(len(self.lines)):
            specs |= dict.fromkeys([score("missing", line), rows_that_are("missing", line)])
            specs |= dict.fromkeys([rows_that_are("negative", line)])
        return sorted(specs, key=lambda spec: spec[0] in ("missing", "not_positive", "negative"))

    def figures(
        self, counts: Counts, n: np.ndarray, seen: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the estimates, and the number of each one's note."""
        ratio, note = quotient(counts, n, seen)
        total, total_note = sum_of_weighted(counts, n, seen)
        per_poor = np.array([slot.measure in PER_POOR for slot in self.slots])
        note[(note == ZERO_DENOMINATOR) & per_poor] = NOBODY_POOR
        return np.where(self.is_total, total, ratio), np.where(self.is_total, total_note, note)

    def describe(self, counts: Counts) -> Slots:
        """Say what the slots are, and what more is to be noted."""
        slots = self.slots
        labels = [self.lines[slot.line].label for slot in slots]
        are_numbers = all(isinstance(label, float) for label in labels)
        is_power = np.array([slot.measure in (*POWERS, "fgt") for slot in slots])
        is_zero = np.array([slot.parameter == 0 for slot in slots])
        return Slots(
            measure=[slot.measure for slot in slots],
            keys={
                "line": (
                    np.array(labels) if are_numbers else [line_text(label) for label in labels]
                ),
                "alpha": np.array([slot.parameter for slot in slots]),
            },
            is_total=self.is_total,
            is_share=is_power & (is_zero | (counts["negative"] == 0)),
            notes=notes_of(slots, counts["odd"]),
        )


def line_text(label: float | str) -> str:
    """Write the label of a line that stands among names."""
    return label if isinstance(label, str) else f"{label:.15g}"


def notes_of(slots: Sequence[Slot], odd: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Write how many rows each figure treats in a way of its own."""
    texts = {"": 0}
    number = np.zeros(odd.shape, dtype=np.int64)
    for j, slot in enumerate(slots):
        for n in np.unique(odd[:, j]).tolist():
            if n > 0:
                text = f"{n:.0f} {'row' if n == 1 else 'rows'} {slot.note}"
                number[odd[:, j] == n, j] = texts.setdefault(text, len(texts))
    return number, list(texts)


def tables_of(request: Request) -> list[Table]:
    """Total the scores; where an income has none, say what can be done about it."""
    try:
        return compute(request)
    except ValueRangeError as error:
        if error.argument == "welfare" and "not defined" in str(error):
            error.args = (
                f"{error}; nonpositive= says what becomes of such rows: 'drop', 'skip' or"
                " ('floor', value)",
            )
        raise


def poverty_table(plan: Plan, request: Request, keys: Sequence[Key]) -> Table:
    """Total all scores by the crossed keys, in one pass, and make the slots of them."""
    specs = plan.specs(with_squares=request.has_errors)
    made = _core.fgt_scores(
        plan.welfare, [line.column for line in plan.lines], specs, plan.poor == "at_or_below"
    )
    raw = call_core(request, keys, keep_missing=request.keep_missing, by_unit=True, made=made)
    arrangement = arrange(raw, keys)
    by_word = sums_of_slots(plan, raw, dict(zip(specs, raw["sums"], strict=True)))
    if not request.has_errors:
        by_word = {word: by_word[word] for word in (*SUMS, "odd", "negative")}
    sums = {word: arrangement.gather(values) for word, values in by_word.items()}
    table = table_of(
        arrangement,
        arrangement.gather(raw["n"]),
        [sums.pop(word) for word in SUMS],
        np.zeros(len(plan.slots), dtype=np.int64),
        where_missing=raw["where_missing"],
        cells=cells_of(plan, request, raw, arrangement.group, specs),
    )
    counting = weightless(request, raw)
    if counting is not None:
        counting = replace(counting, sample=None)
        again = call_core(counting, keys, keep_missing=request.keep_missing, made=made)
        zeros = sums_of_slots(plan, again, dict(zip(specs, again["sums"], strict=True)))
        n_zero = arrange(again, keys).gather(zeros["population"])
        sums["n_positive"] = table.sums["n_obs"] - n_zero
    meta = {
        "poor": plan.poor,
        "n_negative": int(by_word["negative"].max(axis=0, initial=0).sum()),
        "nonpositive": {m: rule.word for m, rule in plan.rules.items() if rule.word is not None},
    }
    return replace(table, sums=table.sums | sums, meta=meta)


def cells_of(
    plan: Plan,
    request: Request,
    raw: Mapping[str, Any],
    group: np.ndarray,
    specs: Sequence[Spec],
) -> tuple[Cells, ...]:
    """Return the cells of a pass over a sample by unit; `group` is the place of each group."""
    if request.sample is None:
        return ()
    counts = {"n": raw["cell_n"], "weight": raw["cell_weight"][0]}
    sums = sums_of_slots(plan, counts, dict(zip(specs, raw["cell_sums"], strict=True)))
    words = (sums[word] for word in ("population", "numerator", "denominator"))
    return (cells_by_slot(raw, group, *words),)


def sums_of_slots(
    plan: Plan, raw: Mapping[str, Any], sums: Mapping[Spec, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return what each slot is made of, (slots, cells) by word."""
    nothing = np.zeros(len(raw["n"]))

    def of_spec(spec: Spec | None) -> np.ndarray:
        return nothing if spec is None else sums.get(spec, nothing)

    columns: dict[str, list[np.ndarray]] = {}
    for slot in plan.slots:
        n_obs = raw["n"] - sums[rows_that_are("missing", slot.line)].astype(np.int64)
        population = raw["weight"] - sums[score("missing", slot.line)]
        odd = of_spec(slot.odd)
        if slot.left_out is not None:
            n_obs = n_obs - odd.astype(np.int64)
            population = population - sums[slot.left_out]
        population = np.where(n_obs == 0, 0.0, np.maximum(population, 0.0))  # it is a difference
        above = sums[slot.above]
        if slot.measure == "headcount":  # rounded another way; a share must not be above 1
            above = np.minimum(above, population)
        below = population if slot.below is None else sums[slot.below]
        of_slot = {
            "n_obs": n_obs,
            "population": population,
            "numerator": above,
            "denominator": below,
            "square": of_spec(slot.square),
            "cross": above,  # who has a score above has 1 below
            "square_below": below,
            "odd": odd,
            "negative": sums[rows_that_are("negative", slot.line)],
        }
        for word, values in of_slot.items():
            columns.setdefault(word, []).append(values)
    return {word: np.stack(values) for word, values in columns.items()}
