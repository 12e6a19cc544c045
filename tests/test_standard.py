"""A standard file says what the law says, what of it is verified, and is checked when it is read.

Source of truth: the texts of the standards as quoted in the files' own sources, typed here again.
"""

import dataclasses
import datetime
import pickle
from fractions import Fraction
from pathlib import Path

import pytest

import povertycore as pc
from povertycore.errors import StandardError

FOLDER = Path(pc.__file__).with_name("standards")
SHIPPED = ["vn-2011", "vn-2016", "vn-2022", "vn-2027", "example-hcmc-2021"]

SMALL = """
id = "small"
en = "A small standard"
vi = "Một chuẩn nhỏ"

[[legal]]
id = "decision-1"
en = "Decision 1"
vi = "Quyết định số 1"
verified = true
source = "gazette"

[[validity]]
from = 2023-07-01
to = 2025-06-30
legal = "decision-1"
verified = true
source = "gazette"

[[classes]]
id = "poor"
en = "poor"
vi = "nghèo"
verified = true
source = "gazette"

[[classes]]
id = "other"
en = "other"
vi = "khác"
verified = true
source = "gazette"

[[lines]]
id = "line"
en = "line"
vi = "chuẩn"
rural = 10
urban = 12.5
verified = true
source = "gazette"

[[rules.income]]
class = "poor"
income_below = "line"
deprivations_at_least = 1
verified = true
source = "gazette"

[[rules.income]]
class = "other"
verified = true
source = "gazette"

[[dimensions]]
id = "housing"
en = "housing"
vi = "nhà ở"
verified = true
source = "gazette"

[[indicators]]
id = "roof"
dimension = "housing"
en = "roof"
vi = "mái"
verified = true
source = "gazette"

[sources]
gazette = "The <official> gazette"
"""


def written(folder, *changes, text=SMALL):
    """Write the small standard with changes (old, new), each of which must apply."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "small.toml"
    path.write_text(text, encoding="utf-8")
    return path


def amounts(std):
    """Lines of a standard by area, as whole numbers."""
    return {line.id: (int(line.rural), int(line.urban)) for line in (*std.lines, *std.score_lines)}


# ---- worked examples: what the laws say ----------------------------------------------------------


def test_the_lines_are_those_of_the_laws():
    assert amounts(pc.standard("vn-2011")) == {
        "poor_line": (400_000, 500_000),
        "near_poor_line": (520_000, 650_000),
    }
    assert amounts(pc.standard("vn-2016")) == {
        "poor_line": (700_000, 900_000),
        "upper_line": (1_000_000, 1_300_000),
        "average_line": (1_500_000, 1_950_000),
    }
    assert amounts(pc.standard("vn-2022")) == {
        "poor_line": (1_500_000, 2_000_000),
        "average_line": (2_250_000, 3_000_000),
        "b1_line": (140, 175),
    }
    assert amounts(pc.standard("vn-2027")) == {"poor_line": (2_200_000, 2_800_000)}
    assert amounts(pc.standard("example-hcmc-2021")) == {
        "poor_line": (36_000_000, 36_000_000),
        "near_poor_line": (46_000_000, 46_000_000),
    }
    assert pc.standard("example-hcmc-2021").income_unit == "VND/year"


@pytest.mark.parametrize(
    ("name", "first", "last", "baseline"),
    [
        ("vn-2011", 2011, 2015, ()),
        ("vn-2016", 2016, 2021, (2015,)),
        ("vn-2022", 2022, 2026, (2021,)),
        ("vn-2027", 2027, 2030, ()),
    ],
)
def test_the_dates_are_those_of_the_laws_with_their_extensions(name, first, last, baseline):
    std = pc.standard(name)
    assert std.valid_from == datetime.date(first, 1, 1)
    assert std.valid_to == datetime.date(last, 12, 31)
    assert std.baseline_years == baseline
    assert [year for year in range(2005, 2035) if std.holds_in(year)] == [
        *baseline,
        *range(first, last + 1),
    ]


def test_every_year_from_2011_to_2030_has_a_standard():
    standards = [pc.standard(name) for name in SHIPPED[:4]]
    for year in range(2011, 2031):
        holding = [std.id for std in standards if std.holds_in(year)]
        assert len(holding) == (2 if year in (2015, 2021) else 1), year


def test_2022_has_twelve_indicators_in_six_dimensions():
    std = pc.standard("vn-2022")
    assert std.indicator_ids == (
        *("employment", "dependants", "nutrition", "health_insurance"),
        *("adult_education", "school_attendance", "housing_quality", "housing_area"),
        *("water", "toilet", "telecommunication", "information_assets"),
    )
    assert [one.id for one in std.dimensions] == [
        *("employment", "health", "education", "housing", "water_sanitation", "information")
    ]
    assert [one.dimension for one in std.indicators] == [
        dimension.id for dimension in std.dimensions for _ in range(2)
    ]
    assert std.indicators[1].vi == "người phụ thuộc trong hộ gia đình"


def test_2027_has_twelve_indicators_but_not_the_same():
    old, new = (set(pc.standard(name).indicator_ids) for name in ("vn-2022", "vn-2027"))
    assert len(new) == 12
    assert old - new == {"information_assets"}
    assert new - old == {"waste_treatment"}


def test_2016_has_ten_indicators_in_five_dimensions():
    std = pc.standard("vn-2016")
    assert (len(std.indicators), len(std.dimensions)) == (10, 5)


def test_only_2022_has_score_lines():
    assert [name for name in SHIPPED if pc.standard(name).score_rules] == ["vn-2022"]
    assert pc.standard("vn-2022").score_scale.points_per_deprivation == 10
    with pytest.raises(StandardError, match="'vn-2027' has no score lines"):
        pc.standard("vn-2027").rules("scores")


# ---- what is verified ----------------------------------------------------------------------------


def test_what_is_known_from_memory_is_never_marked_as_verified():
    for name in SHIPPED:
        for element in pc.standard(name).elements():
            assert not (element.verified and "memory" in element.source), element.title


def test_every_element_names_a_source_with_its_full_text():
    for name in SHIPPED:
        std = pc.standard(name)
        for element in std.elements():
            assert element.source
            assert all(std.source(source) for source in element.source)


def test_every_source_is_used():
    for name in SHIPPED:
        std = pc.standard(name)
        used = {source for element in std.elements() for source in element.source}
        used |= {source for rule in std.income_rules for source in rule.bounds_source}
        assert {source.id for source in std.sources} == used, name


def test_thresholds_of_indicators_are_unverified_or_absent():
    for name in SHIPPED:
        for indicator in pc.standard(name).indicators:
            assert indicator.wording is None or not indicator.wording.verified
    assert all(one.wording is None for one in pc.standard("vn-2027").indicators)


def test_unverified_lists_titles_sources_and_notes():
    listed = {one.element: one for one in pc.standard("vn-2011").unverified()}
    assert list(listed) == [
        "class 'near_poor'",
        "line 'near_poor_line'",
        "rule 'near_poor' by income: income > poor_line and income <= near_poor_line",
    ]
    line = listed["line 'near_poor_line'"]
    assert line.sources == ("Known from memory; not found in a source that could be read",)
    assert line.note.startswith("130 % of the poor line")


@pytest.mark.parametrize(
    ("name", "number"),
    [("vn-2011", 3), ("vn-2016", 12), ("vn-2022", 13), ("vn-2027", 3), ("example-hcmc-2021", 2)],
)
def test_the_number_of_unverified_elements_is_known(name, number):
    # read the note in the file before you change a number here
    assert len(pc.standard(name).unverified()) == number


# ---- the record and how it shows -----------------------------------------------------------------


def test_a_standard_is_frozen_equal_hashable_and_pickles():
    std = pc.standard("vn-2022")
    with pytest.raises(dataclasses.FrozenInstanceError):
        std.id = "mine"
    assert std == pc.standard("vn-2022")
    assert hash(std) == hash(pc.standard(std))
    assert pickle.loads(pickle.dumps(std)) == std
    assert std != pc.standard("vn-2016")


def test_a_file_is_read_by_path_as_text_or_path(tmp_path):
    path = written(tmp_path)
    std = pc.standard(path)
    assert std == pc.standard(str(path))
    assert std.id == "small"
    assert std.line("line").urban == Fraction(25, 2)
    assert std.classes == ("poor", "other")
    assert std.indicators[0].wording is None


def test_validity_within_a_year_counts_for_the_year(tmp_path):
    std = pc.standard(written(tmp_path))
    assert [year for year in range(2020, 2030) if std.holds_in(year)] == [2023, 2024, 2025]


def test_text_marks_what_is_not_verified():
    text = repr(pc.standard("vn-2011"))
    assert "520,000 rural        650,000 urban †" in text
    assert "400,000 rural        500,000 urban\n" in text
    assert "not verified: 3 elements" in text
    assert "†" not in repr(pc.standard("vn-2011")).split("near_poor_line")[0]


def test_html_marks_what_is_not_verified_and_lists_the_sources():
    html = pc.standard("vn-2011")._repr_html_()
    assert "income line of near-poor households † <sup>" in html
    assert "<td>near_poor † <sup>" in html
    assert "income line of poor households <sup>" in html
    assert "<li>Known from memory; not found in a source that could be read</li>" in html
    html = pc.standard("vn-2022")._repr_html_()
    assert "người phụ thuộc trong hộ gia đình" in html
    assert html.count("†") == len(pc.standard("vn-2022").unverified()) + 1


def test_dates_that_are_not_verified_are_marked(tmp_path):
    doubtful = ('legal = "decision-1"\nverified = true', 'legal = "decision-1"\nverified = false')
    std = pc.standard(written(tmp_path, doubtful))
    assert "valid 2023-07-01 to 2025-06-30 †\n" in repr(std)
    assert "valid 2023-07-01 to 2025-06-30 †</p>" in std._repr_html_()


def test_html_is_escaped_and_says_what_is_not_known(tmp_path):
    html = pc.standard(written(tmp_path))._repr_html_()
    assert "The &lt;official&gt; gazette" in html
    assert "<td>not known</td>" in html
    assert "†" not in html


# Between two rules of the small standard: with `income_above` behind it, "at the line" is nobody's.
GAP = 'verified = true\nsource = "gazette"\n\n[[rules.income]]\nclass = "other"'


# ---- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('en = "A small', 'enn = "A small', "small.toml: 'en' is missing"),
        ("rural = 10", "rural = 10\nrurl = 3", "lines 'line': unknown key 'rurl'; did you mean"),
        ('id = "small"', 'id = "small"\nincom = 3', "unknown key 'incom'; did you mean 'income'"),
        ("rural = 10", "rural = 0", "lines 'line': 'rural' is not greater than 0"),
        ("rural = 10", "rural = -1.5", "lines 'line': 'rural' is not greater than 0"),
        ("rural = 10", "rural = nan", "'rural' is not greater than 0"),
        ("rural = 10", "rural = true", "'rural' must be a number"),
        ("rural = 10", 'rural = "10"', "'rural' must be a number"),
        ("rural = 10", "amount = 10", "unknown key 'urban'"),
        ("rural = 10\n", "", "'rural' is missing"),
        ("from = 2023-07-01", "from = 2026-07-01", "lies before 'from'"),
        ("from = 2023-07-01", 'from = "2023"', "'from' must be a date like 2022-01-01"),
        ("from = 2023-07-01", "from = 2023-07-01T00:00:00", "'from' must be a date"),
        ('legal = "decision-1"', 'legal = "decision-2"', "names the legal text 'decision-2'"),
        ('class = "poor"', 'class = "por"', "names the class 'por'.* did you mean 'poor'"),
        ('income_below = "line"', 'income_below = "lime"', "names the line 'lime'.* mean 'line'"),
        ('dimension = "housing"', 'dimension = "house"', "names the dimension 'house'"),
        ('source = "gazette"', 'source = "gazete"', "names the source 'gazete'.* mean 'gazette'"),
        ('source = "gazette"', "source = []", "'source' is empty"),
        ('source = "gazette"', "source = [1]", "'source' must be a list of texts"),
        ("verified = true\n", "", "legal 'decision-1': 'verified' is missing"),
        ("verified = true", 'verified = "yes"', "'verified' must be true or false"),
        ("deprivations_at_least = 1", "deprivations_at_least = -1", "is negative"),
        ("deprivations_at_least = 1", "deprivations_at_least = 1.5", "must be a whole number"),
        ('vi = "Một chuẩn nhỏ"', 'vi = " "', "'vi' is empty"),
        ('[[rules.income]]\nclass = "other"\nverified = true\nsource = "gazette"', "",
         r"no rule by income covers a household \(rural\) at 0 with 0 deprivations"),
        ('class = "other"', 'class = "other"\nincome_above = "line"\nbounds_verified = false',
         "'bounds_source' is missing"),
        ('deprivations_at_least = 1\n' + GAP, GAP + '\nincome_above = "line"',
         r"no rule by income covers a household \(rural\) at 10 with 0 deprivations"),
        ('class = "other"', 'class = "other"\nincome_at_least = "line"',
         r"no rule by income covers a household \(rural\) at 0 with 0 deprivations"),
        ("[[legal]]", "[legal]", "'legal' must be a list"),
        ("[sources]", "[source]", "unknown key 'source'; did you mean 'sources'"),
        ("[[legal]]", '[income]\nunit = "USD/day"\n[[legal]]', "small.toml, income: .*'VND/year'"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_an_error_that_names_the_place(tmp_path, old, new, message):
    with pytest.raises(StandardError, match=message) as caught:
        pc.standard(written(tmp_path, (old, new)))
    assert str(caught.value).startswith("small.toml")
    assert str(tmp_path) not in str(caught.value)


def again(table, text=SMALL):
    """Return one table of the small standard, to be written a second time."""
    start = text.index(table)
    return text[start : text.index("\n\n", start)] + "\n\n"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("[[legal]]", "legal text 'decision-1' stands twice"),
        ("[[classes]]", "class 'poor' stands twice"),
        ("[[lines]]", "line 'line' stands twice"),
        ("[[dimensions]]", "dimension 'housing' stands twice"),
        ("[[indicators]]", "indicator 'roof' stands twice"),
        ("[[validity]]", "validity 2023-07-01 to 2025-06-30 and validity .* overlap"),
    ],
)
def test_what_stands_twice_is_an_error(tmp_path, table, message):
    with pytest.raises(StandardError, match=message):
        pc.standard(written(tmp_path, (table, again(table) + table)))


def test_a_line_and_a_score_line_of_one_name_are_an_error(tmp_path):
    twin = again("[[lines]]").replace("[[lines]]", "[[score_lines]]")
    with pytest.raises(StandardError, match="line 'line' stands twice"):
        pc.standard(written(tmp_path, ("[[lines]]", twin + "[[lines]]")))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("[[legal]]", "no legal text"),
        ("[[validity]]", r"no \[\[validity\]\]"),
    ],
)
def test_what_every_standard_has_may_not_be_absent(tmp_path, table, message):
    with pytest.raises(StandardError, match=message):
        pc.standard(written(tmp_path, (again(table), "")))


def test_a_standard_without_rules_or_classes_is_an_error(tmp_path):
    text = SMALL
    for _ in range(2):
        text = text.replace(again("[[rules.income]]", text), "")
    with pytest.raises(StandardError, match="no rules"):
        pc.standard(written(tmp_path, text=text))
    for _ in range(2):
        text = text.replace(again("[[classes]]", text), "")
    with pytest.raises(StandardError, match=r"no \[\[classes\]\]"):
        pc.standard(written(tmp_path, text=text))


def test_score_rules_need_the_points_per_deprivation(tmp_path):
    rule = again("[[rules.income]]").replace("income_below", "score_below")
    rule = rule.replace("rules.income", "rules.scores")
    line = again("[[lines]]").replace("[[lines]]", "[[score_lines]]").replace('"line"', '"b1"')
    changes = [("[[dimensions]]", rule.replace('"line"', '"b1"') + line + "[[dimensions]]")]
    with pytest.raises(StandardError, match="need the table .scores. with points_per_deprivation"):
        pc.standard(written(tmp_path, *changes))
    scale = "[scores]\npoints_per_deprivation = 0\nverified = true\nsource = 'gazette'\n\n"
    with pytest.raises(StandardError, match="'points_per_deprivation' is not greater than 0"):
        pc.standard(written(tmp_path, ("[[dimensions]]", scale + "[[dimensions]]")))


def test_a_baseline_within_the_validity_is_an_error(tmp_path):
    baseline = "[[baseline]]\nyear = 2024\nverified = true\nsource = 'gazette'\n\n[[validity]]"
    with pytest.raises(StandardError, match="baseline year 2024 lies within the validity"):
        pc.standard(written(tmp_path, ("[[validity]]", baseline)))


def test_an_income_rule_may_not_name_a_score_line(tmp_path):
    scores = again("[[lines]]").replace("[[lines]]", "[[score_lines]]").replace('"line"', '"b1"', 1)
    changes = [("[[lines]]", scores + "[[lines]]"), ('below = "line"', 'below = "b1"')]
    with pytest.raises(StandardError, match="names the line 'b1', which is not there"):
        pc.standard(written(tmp_path, *changes))


def test_a_file_that_is_no_toml_is_an_error(tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text("id = [", encoding="utf-8")
    with pytest.raises(StandardError, match="broken.toml is not a TOML file"):
        pc.standard(path)
    path.write_bytes(b"id = '\xff'")
    with pytest.raises(StandardError, match="broken.toml is not a TOML file"):
        pc.standard(path)


def test_an_unknown_id_lists_the_shipped_ones():
    with pytest.raises(StandardError, match="no standard 'vn-2021'; there are .*'vn-2022'"):
        pc.standard("vn-2021")


def test_a_path_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(StandardError, match="there is no file 'mine.toml'"):
        pc.standard(tmp_path / "mine.toml")
    with pytest.raises(StandardError, match="an id or a path, found int"):
        pc.standard(2022)


def test_an_unknown_line_lists_the_lines():
    with pytest.raises(StandardError, match="no line 'poor'; it has 'poor_line', 'average_line'"):
        pc.standard("vn-2022").line("poor")


# ---- the example to copy -------------------------------------------------------------------------


def test_the_example_is_copied_changed_and_read(tmp_path):
    text = (FOLDER / "example-hcmc-2021.toml").read_text(encoding="utf-8")
    mine = text.replace('id = "example-hcmc-2021"', 'id = "mine-2026"')
    path = tmp_path / "mine.toml"
    path.write_text(mine.replace("36_000_000", "48_000_000"), encoding="utf-8")
    std = pc.standard(path)
    assert (std.id, std.line("poor_line").rural) == ("mine-2026", 48_000_000)
