"""``coursekit`` is tested where torch is: ``inside`` runs in the student environment."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.student import COURSEKIT, student_python

INSIDE = sorted((Path(__file__).parent / "inside").glob("cases_*.py"))


def test_there_are_cases() -> None:
    assert INSIDE


@pytest.mark.notebooks
@pytest.mark.parametrize("cases", INSIDE, ids=lambda path: path.stem)
def test_inside(cases: Path, tmp_path: Path) -> None:
    command = [
        *(str(student_python()), "-m", "pytest", "-q", "-W", "error", "--noconftest"),
        *("-c", os.devnull, "--rootdir", str(cases.parent), "-p", "no:cacheprovider"),
        *("--basetemp", str(tmp_path / "inside"), str(cases)),
    ]
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment = {
        **kept,
        "HOME": str(tmp_path),
        "MPLCONFIGDIR": str(tmp_path / "matplotlib"),
        "MPLBACKEND": "agg",
        "PYTHONPATH": str(COURSEKIT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "2",
    }
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\d+ passed in ", done.stdout, re.MULTILINE), done.stdout
