"""The course's own sessions: built, and run whole in the student environment."""

import ast
import json
import re

import pytest

from cohorthub.course import Session, load_course
from cohorthub.materials.build import SOLUTIONS, build_session
from cohorthub.materials.execute import (
    faults_of_attempts,
    faults_of_solutions,
    faults_of_template,
    run_notebook,
    stub_then_solution,
)
from cohorthub.materials.source import read_source
from tests.support.student import COURSEKIT, ROOT, student_python

COURSE = load_course(ROOT / "materials" / "course.yml")
DAYS = ROOT / "materials" / "days"
WRITTEN = [session for session in COURSE.sessions if (DAYS / session.source).exists()]

each_session = pytest.mark.parametrize("session", WRITTEN, ids=lambda session: session.slug)


def pair_of(session: Session) -> tuple[bytes, bytes]:
    """The template and the solutions."""
    built = build_session(DAYS / session.source, session, course=COURSE)
    (template,) = (content for variant, content in built.items() if variant != SOLUTIONS)
    return template, built[SOLUTIONS]


def code_of(notebook: bytes) -> list[str]:
    cells = json.loads(notebook)["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_the_first_day_is_written() -> None:
    assert {"day01-morning", "day01-afternoon"} <= {session.slug for session in WRITTEN}


@each_session
def test_every_code_cell_is_python(session: Session) -> None:
    for notebook in pair_of(session):
        for code in code_of(notebook):
            ast.parse(code)


@each_session
def test_no_template_holds_a_solution(session: Session) -> None:
    template, solutions = pair_of(session)
    blocks = [s for cell in read_source(DAYS / session.source) for s in cell.solutions]
    assert blocks
    text = "\n".join(code_of(template))
    assert text.count("raise NotImplementedError(") == len(blocks)
    for block in blocks:
        code = "\n".join(block.code)
        assert code in "\n".join(code_of(solutions))
        assert code not in text
    for notebook in (template, solutions):
        assert not re.search(r"#\s*={3}", notebook.decode())


@each_session
def test_every_exercise_is_followed_by_its_check(session: Session) -> None:
    tags = [cell["metadata"].get("tags", []) for cell in json.loads(pair_of(session)[0])["cells"]]
    assert sum("exercise" in t for t in tags) == sum("check" in t for t in tags) > 0


@each_session
def test_a_notebook_has_a_size_that_fits_a_session(session: Session) -> None:
    cells = json.loads(pair_of(session)[0])["cells"]
    assert 35 <= len(cells) <= 70


@each_session
def test_nothing_is_fetched_and_every_figure_has_words(session: Session) -> None:
    for code in code_of(pair_of(session)[1]):
        assert not re.search(r"^\s*[!%]|plt\.show|download|requests|urllib", code, re.MULTILINE)


@pytest.mark.notebooks
@each_session
def test_the_solutions_run_whole(session: Session) -> None:
    run = run_notebook(pair_of(session)[1], student_python(), coursekit=COURSEKIT)
    assert faults_of_solutions(run) == []
    assert run.seconds < 60
    images = re.findall(rb"<img [^>]*>", run.notebook)
    assert len(images) > 5
    assert all(re.search(rb'alt=\\"[^"\\]{20,}', image) for image in images)


@pytest.mark.notebooks
@each_session
def test_the_template_stops_at_a_stub(session: Session) -> None:
    run = run_notebook(pair_of(session)[0], student_python(), coursekit=COURSEKIT)
    assert faults_of_template(run) == []


@pytest.mark.notebooks
@each_session
def test_each_check_fails_with_the_stub_and_passes_with_the_solution(session: Session) -> None:
    sequence = stub_then_solution(*pair_of(session))
    run = run_notebook(sequence, student_python(), coursekit=COURSEKIT)
    assert faults_of_attempts(run) == []
    checks = [cell for cell in run.cells if "check" in cell.tags]
    assert sum(cell.id.startswith("attempt-") for cell in checks) == len(checks) / 2 > 0
