"""Runs built notebooks in the student environment, as a student would, and judges the run.

Three runs say whether a session is fit to be released:

- the solutions run whole, each cell once and in order, with no error;
- the template, run with errors allowed, stops first at a stub, and none of its self-checks
  passes;
- in between, each exercise is tried as a stub and then as a solution: the stub may raise
  nothing but ``NotImplementedError``, the self-check below must fail then and pass after.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

Cell = dict[str, Any]

STUB_ERROR = "NotImplementedError"


class RunError(Exception):
    """A notebook that could not be run at all; the message holds what the runner said."""


@dataclass(frozen=True)
class CellRun:
    """What became of one code cell: ``count`` is its execution count (None: never ran),
    ``error`` the exception's name and ``message`` its text (both empty: no error)."""

    id: str
    tags: tuple[str, ...]
    count: int | None
    seconds: float
    error: str
    message: str


@dataclass(frozen=True)
class NotebookRun:
    """A notebook with its outputs, and what became of its code cells in order."""

    notebook: bytes
    cells: tuple[CellRun, ...]

    @property
    def seconds(self) -> float:
        """The time that the kernel was busy with the cells, without its start."""
        return sum(cell.seconds for cell in self.cells)

    @property
    def first_error(self) -> CellRun | None:
        """The first cell that ended in an error."""
        return next((cell for cell in self.cells if cell.error), None)


def run_notebook(
    notebook: bytes,
    python: Path,
    *,
    coursekit: Path,
    smoke: bool = True,
    data: Path | None = None,
    threads: int = 2,
    timeout: float = 600,
) -> NotebookRun:
    """Runs every code cell of the notebook in one kernel of ``python``, errors allowed.

    ``coursekit`` is the folder that holds the package of that name. The kernel's home and
    working folder are new and empty, ``data`` is the course's data (None: there is none),
    ``smoke`` asks for few epochs. Raises ``RunError`` when the runner itself fails or takes
    more than ``timeout`` seconds for one cell.
    """
    with tempfile.TemporaryDirectory(prefix="cohorthub-notebook-") as folder:
        home = Path(folder)
        source, result = home / "notebook.ipynb", home / "result.ipynb"
        source.write_bytes(notebook)
        command = [
            *(str(python), "-m", "nbconvert", "--to", "notebook", "--execute"),
            *("--allow-errors", f"--ExecutePreprocessor.timeout={timeout:.0f}"),
            *("--output", result.name, str(source)),
        ]
        done = subprocess.run(
            command,
            cwd=home,
            env=_environment(home, coursekit, data, smoke=smoke, threads=threads),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RunError(f"{' '.join(command)} exited {done.returncode}:\n{done.stderr}")
        content = result.read_bytes()
    return NotebookRun(content, tuple(_cell_run(cell) for cell in _code_cells(content)))


def stub_then_solution(template: bytes, solutions: bytes) -> bytes:
    """A notebook that runs the solutions, each exercise preceded by an attempt as a stub.

    For every run of exercise cells and the checks below them it holds the stubs, the checks,
    the solutions and the checks again. Attempts carry ``attempt-`` before their ids.
    """
    sequence: list[Cell] = []
    group: list[tuple[Cell, Cell]] = []

    def flush() -> None:
        if any("check" in _tags(full) for _, full in group):
            for stub, _ in group:
                sequence.append({**stub, "id": f"attempt-{stub['id']}"})
        sequence.extend(full for _, full in group)
        group.clear()

    for stub, full in zip(_code_cells(template), _code_cells(solutions), strict=True):
        tags = _tags(full)
        starts_anew = "exercise" in tags and any("check" in _tags(f) for _, f in group)
        if starts_anew or not tags & {"exercise", "check"}:
            flush()
        if tags & {"exercise", "check"}:
            group.append((stub, full))
        else:
            sequence.append(full)
    flush()
    return json.dumps({**json.loads(solutions), "cells": sequence}).encode()


def faults_of_solutions(run: NotebookRun) -> list[str]:
    """Why the run of a solutions notebook is not good, as sentences; empty when it is."""
    faults = [
        f"cell {cell.id} stopped with {cell.error}: {cell.message}"
        for cell in run.cells
        if cell.error
    ]
    for position, cell in enumerate(run.cells, 1):
        if cell.count != position:
            faults.append(f"cell {cell.id} has the execution count {cell.count}, not {position}")
    if run.seconds <= 0:
        faults.append("no time passed: no cell has really run")
    return faults


def faults_of_template(run: NotebookRun) -> list[str]:
    """Why the run of a template is not good: its first error must be a stub's, and none of
    its self-checks may pass. Cells below the first stub may fail for want of it."""
    faults = []
    first = run.first_error
    exercises = any("exercise" in cell.tags for cell in run.cells)
    if exercises and first is None:
        faults.append("the template runs through: no stub stops it")
    if first is not None and first.error != STUB_ERROR:
        faults.append(f"cell {first.id} stopped with {first.error}: {first.message}")
    for cell in run.cells:
        if "check" in cell.tags and not cell.error:
            faults.append(f"the self-check {cell.id} passes with the stub")
    return faults


def faults_of_attempts(run: NotebookRun) -> list[str]:
    """Why the run of ``stub_then_solution`` is not good, exercise by exercise."""
    faults = []
    for cell in run.cells:
        attempt, check = cell.id.startswith("attempt-"), "check" in cell.tags
        if not attempt and cell.error:
            faults.append(f"with its solution, {cell.id} stopped with {cell.error}: {cell.message}")
        elif attempt and check and not cell.error:
            faults.append(f"the self-check {cell.id} passes with the stub")
        elif attempt and not check and cell.error not in ("", STUB_ERROR):
            faults.append(f"the stub {cell.id} stopped with {cell.error}: {cell.message}")
    return faults


def _environment(
    home: Path, coursekit: Path, data: Path | None, *, smoke: bool, threads: int
) -> Mapping[str, str]:
    """Nothing of the caller's environment but what finds programs and the locale."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "IPYTHONDIR": str(home / ".ipython"),
        "JUPYTER_CONFIG_DIR": str(home / ".jupyter"),
        "JUPYTER_DATA_DIR": str(home / ".local"),
        "JUPYTER_RUNTIME_DIR": str(home / ".runtime"),
        "MPLCONFIGDIR": str(home / ".matplotlib"),
        "PYTHONPATH": str(coursekit),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COURSE_DATA": str(data) if data is not None else str(home / "no-data"),
        "COURSE_SMOKE": "1" if smoke else "0",
        "OMP_NUM_THREADS": str(threads),
    }


def _code_cells(notebook: bytes) -> list[Cell]:
    return [cell for cell in json.loads(notebook)["cells"] if cell["cell_type"] == "code"]


def _tags(cell: Cell) -> set[str]:
    return set(cell["metadata"].get("tags", []))


def _cell_run(cell: Cell) -> CellRun:
    times = cell["metadata"].get("execution", {})
    begun, ended = times.get("iopub.status.busy"), times.get("iopub.status.idle")
    seconds = 0.0
    if begun and ended:
        seconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()
    error = next((out for out in cell["outputs"] if out["output_type"] == "error"), None)
    return CellRun(
        cell["id"],
        tuple(cell["metadata"].get("tags", [])),
        cell["execution_count"],
        seconds,
        error["ename"] if error else "",
        error["evalue"] if error else "",
    )
