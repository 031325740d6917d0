"""The judges of a run find what is wrong with it; each verdict is on a notebook really run."""

from pathlib import Path

import pytest

from cohorthub.materials.build import build_session
from cohorthub.materials.execute import (
    RunError,
    faults_of_attempts,
    faults_of_solutions,
    faults_of_template,
    run_notebook,
    stub_then_solution,
)
from tests.support.sessions import a_session
from tests.support.student import COURSEKIT, student_python

GOOD = """\
# %%
import os
import coursekit as ck

print(os.environ["COURSE_SMOKE"], os.environ.get("SECRET"))

# %% id="double"
def double(x):
    # === solution: Return twice x. ===
    return x + x
    # === end ===

# %% tags=["check"]
with ck.checking("Exercise 1"):
    ck.expect_close(double(2), 4, "Twice 2 is 4.")

# %% id="number"
# === solution: Give the number 7 the name seven. ===
seven = 3 + 4
# === end ===

# %% tags=["check"]
with ck.checking("Exercise 2"):
    ck.expect(seven == 7, "It is not 7.")
"""

pytestmark = pytest.mark.notebooks


def pair_of(tmp_path: Path, source: str) -> tuple[bytes, bytes]:
    path = tmp_path / "morning.py"
    path.write_text(source, encoding="utf-8")
    built = build_session(path, a_session())
    return built["codealong"], built["solutions"]


def run(notebook: bytes, **options: bool):  # type: ignore[no-untyped-def]
    return run_notebook(notebook, student_python(), coursekit=COURSEKIT, **options)


def test_a_good_session_has_no_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "of the caller")
    template, solutions = pair_of(tmp_path, GOOD)
    whole = run(solutions)
    assert faults_of_solutions(whole) == []
    assert [cell.count for cell in whole.cells] == [1, 2, 3, 4, 5]
    assert b"1 None" in whole.notebook

    stubs = run(template, smoke=False)
    assert faults_of_template(stubs) == []
    assert b"0 None" in stubs.notebook
    first = stubs.first_error
    assert first is not None
    assert (first.error, first.message) == ("NotImplementedError", "Return twice x.")
    last = stubs.cells[-1]
    assert last.error == "CheckFailed"
    assert last.message.startswith("Exercise 2: there is no `seven` yet.")

    attempts = run(stub_then_solution(template, solutions))
    assert faults_of_attempts(attempts) == []
    assert [cell.id.startswith("attempt-") for cell in attempts.cells] == [
        *[False, True, True, False, False],
        *[True, True, False, False],
    ]


def test_faults_are_found(tmp_path: Path) -> None:
    lax = GOOD.replace("ck.expect_close(double(2), 4,", "ck.expect_close(4, 4,")
    wrong = lax.replace("seven = 3 + 4", "seven = 3 + 5")
    template, solutions = pair_of(tmp_path, wrong)

    whole = run(solutions)
    (fault,) = faults_of_solutions(whole)
    assert "stopped with CheckFailed: Exercise 2: It is not 7." in fault

    (fault,) = faults_of_template(run(template))
    assert "passes with the stub" in fault

    faults = faults_of_attempts(run(stub_then_solution(template, solutions)))
    assert len(faults) == 2
    assert "passes with the stub" in faults[0]
    assert "with its solution" in faults[1]


def test_a_template_that_stops_elsewhere_is_a_fault(tmp_path: Path) -> None:
    template, _ = pair_of(tmp_path, GOOD.replace("import os\n", "import os, nonsense\n"))
    faults = faults_of_template(run(template))
    assert "stopped with ModuleNotFoundError: No module named 'nonsense'" in faults[0]


def test_a_runner_that_does_not_run_says_so(tmp_path: Path) -> None:
    _, solutions = pair_of(tmp_path, GOOD)
    with pytest.raises(RunError, match="exited"):
        run_notebook(solutions, Path("/bin/false"), coursekit=COURSEKIT)
