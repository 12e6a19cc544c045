"""Every notebook runs from top to bottom, and its stored outputs show no error.

Source of truth: the notebooks themselves; each asserts or shows its figures beside printed ones.
"""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

PROJECT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))


def outputs(notebook):
    for cell in notebook.cells:
        yield from cell.get("outputs", [])


def told(notebook):
    """All text that the outputs show."""
    parts = []
    for output in outputs(notebook):
        parts.append(output.get("text", ""))
        parts += [text for kind, text in output.get("data", {}).items() if kind == "text/plain"]
    return "\n".join(parts)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Run each notebook once, in an empty folder, by a kernel that finds this package."""
    made = {}
    paths = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))

    def run(path):
        if path not in made:
            notebook = nbformat.read(path, as_version=4)
            folder = tmp_path_factory.mktemp(path.stem)
            resources = {"metadata": {"path": str(folder)}}
            client = NotebookClient(
                notebook, timeout=600, kernel_name="python3", resources=resources
            )
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("PYTHONPATH", paths)
                patch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
                made[path] = client.execute(), folder
        return made[path]

    return run


def test_there_are_notebooks():
    assert [path.name for path in NOTEBOOKS][:1] == ["01_lang_son.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_from_top_to_bottom_without_a_word_on_stderr(executed, path):
    notebook, folder = executed(path)
    assert [output for output in outputs(notebook) if output.get("name") == "stderr"] == []
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_notebook_is_valid_and_has_the_outputs_of_a_run(executed, path):
    stored = nbformat.read(path, as_version=4)
    nbformat.validate(stored)
    kinds = [[output["output_type"] for output in cell.get("outputs", [])]
             for cell in stored.cells]  # fmt: skip
    assert kinds == [[output["output_type"] for output in cell.get("outputs", [])]
                     for cell in executed(path)[0].cells]  # fmt: skip
    assert [output for output in outputs(stored) if output["output_type"] == "error"] == []


def test_lang_son_notebook_shows_printed_and_computed_figures(executed):
    figures = ("23,511", "17,497", "12.20 %", "8.92 %", "-3.28 points", "-6,013", "-6,014",
               "109 %", "95.23 %", "95.24 %", "10.42 %", "10.43 %", "-3.15 points",
               "-3.80 points", "-3.12 points", "-0.16 points", "83.91 %", "164,577")  # fmt: skip
    path = NOTEBOOKS[0]
    for shown in (told(executed(path)[0]), told(nbformat.read(path, as_version=4))):
        assert [figure for figure in figures if figure not in shown] == []


def test_survey_notebook_shows_the_errors_of_levels_and_changes(executed):
    figures = ("1.44 points", "8.09 %", "13.91 %", "19 of 20 intervals hold the truth",
               "25 PSUs in both", "1.86 points", "2.03", "1.66", "[1.864579, 1.864579, 1.864579]",
               "fewer than 25 cases", "(46.70 %)", "bootstrap, 1,000 draws")  # fmt: skip
    path = next(path for path in NOTEBOOKS if path.stem == "03_survey")
    for shown in (told(executed(path)[0]), told(nbformat.read(path, as_version=4))):
        assert [figure for figure in figures if figure not in shown] == []


def test_change_notebook_shows_the_plan_the_parts_and_who_moved(executed):
    figures = ("-3.12 points", "-0.16 points", "109.34 %", "109.33 %", "-6,014", "5,456", "2,854",
               "1,132", "17,497", "64.14 %", "8310", "not verified", "6,013", "4,751")  # fmt: skip
    path = next(path for path in NOTEBOOKS if path.stem == "04_change_and_plan")
    for shown in (told(executed(path)[0]), told(nbformat.read(path, as_version=4))):
        assert [figure for figure in figures if figure not in shown] == []


def test_provinces_notebook_shows_trends_within_one_standard_and_names_the_source(executed):
    figures = ("General Statistics Office", "preliminary", "different standards",
               "across standards: vn-2016 and vn-2022", "-0.98 points", "-14.27 %",
               "fewer than three periods", "0.990", "29.55 %")  # fmt: skip
    path = next(path for path in NOTEBOOKS if path.stem == "05_sixty_three_provinces")
    for shown in (told(executed(path)[0]), told(nbformat.read(path, as_version=4))):
        assert [figure for figure in figures if figure not in shown] == []
