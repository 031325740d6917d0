"""A kernel runs cells, draws, and finds what a notebook of the course needs."""

import os
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient


@pytest.fixture
def run_cells(tmp_path):
    """Return a function that runs cells in a new kernel and returns them with their outputs."""

    def run(*sources):
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in sources]
        )
        NotebookClient(
            notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
        ).execute()
        return notebook.cells

    return run


def test_the_one_kernel_is_python3():
    assert list(KernelSpecManager().find_kernel_specs()) == ["python3"]


def test_kernel_runs_a_cell_with_the_courses_python(run_cells):
    (cell,) = run_cells("import sys, torch; print(sys.prefix, torch.ones(2).sum().item())")
    assert cell.outputs[0].text.split() == ["/opt/course", "2.0"]


def test_figure_appears_below_its_cell(run_cells):
    (cell,) = run_cells(
        "import matplotlib.pyplot as plt\nplt.plot([1, 4, 9])\nplt.title('Σ loss')\nplt.show()"
    )
    assert "image/png" in cell.outputs[0].data
    assert not [output for output in cell.outputs if output.get("name") == "stderr"]


def test_error_stops_the_notebook_and_names_its_line(run_cells):
    with pytest.raises(Exception, match="ZeroDivisionError"):
        run_cells("a = 1", "a / 0")


def test_widget_shows(run_cells):
    (cell,) = run_cells("from tqdm.auto import tqdm\nfor _ in tqdm(range(3)): pass")
    assert "application/vnd.jupyter.widget-view+json" in cell.outputs[0].data


def test_fonts_are_there():
    found = subprocess.run(
        ["find", "/usr/share/fonts", "-name", "DejaVuSans.ttf"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip()


def test_data_folder_and_home_are_where_the_course_says():
    assert os.environ["COURSE_DATA"] == "/data"
    assert Path("/data").is_dir()
    assert not os.access("/data", os.W_OK)
    assert os.environ["HOME"] == "/home/student"


def test_terminal_finds_the_courses_commands():
    shell = [
        os.environ["SHELL"],
        "-lc",
        "command -v python git less nano ps git-credential-cohorthub",
    ]
    lines = subprocess.run(shell, capture_output=True, text=True, check=True).stdout.split()
    assert lines[0] == "/opt/course/bin/python"
    assert lines[-1] == "/opt/course/bin/git-credential-cohorthub"
    assert os.access(shutil.which("git-credential-cohorthub"), os.X_OK)
