"""One source becomes two notebooks that differ in the solutions only."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohorthub.course import Kind, load_course
from cohorthub.materials.build import build_all, build_session, stub
from cohorthub.materials.source import Solution
from cohorthub.problems import ConfigurationError
from tests.support.sessions import a_session
from tests.support.student import ROOT

SOURCE = """\
# ---
# jupyter:
#   kernelspec:
#     name: python3
# ---

# %% [markdown]
# # {{session.title}}
#
# In `{{session.folder}}`; afterwards look into `{{ session.solutions }}`.

# %%
import math

# %% id="area" tags=["slow"]
class Circle:
    def __init__(self, radius):
        self.radius = radius

    def area(self):
        # === solution: Return the area of the circle, "pi" times the radius squared. ===
        squared = self.radius**2
        return math.pi * squared
        # === end ===

    def halves(self):
        for part in range(2):
            # === solution: Yield half of the area. ===
            yield self.area() / 2
            # === end ===

# %% [markdown] tags=["hint"]
# The number is `math.pi`.

# %% tags=["check"]
assert round(Circle(1).area(), 3) == 3.142

# %% id="whole-cell"
# === solution: Make a list of three circles, and give the list the name circles. ===
circles = [Circle(radius) for radius in (1, 2, 3)]
# === end ===
print(len(circles))
"""


def built(tmp_path: Path, source: str = SOURCE, kind: Kind = "lecture") -> dict[str, Any]:
    path = tmp_path / "morning.py"
    path.write_text(source, encoding="utf-8")
    return {name: json.loads(text) for name, text in build_session(path, a_session(kind)).items()}


def texts(notebook: dict[str, Any]) -> dict[str, str]:
    return {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"]}


def test_the_solutions_hold_the_code_and_the_template_a_stub_in_its_place(tmp_path: Path) -> None:
    pair = built(tmp_path)
    assert set(pair) == {"codealong", "solutions"}
    assert texts(pair["solutions"])["area"].split("\n")[4:] == [
        "    def area(self):",
        "        squared = self.radius**2",
        "        return math.pi * squared",
        "",
        "    def halves(self):",
        "        for part in range(2):",
        "            yield self.area() / 2",
    ]
    assert texts(pair["codealong"])["area"].split("\n")[4:] == [
        "    def area(self):",
        "        # Your turn: put your code in place of this line and the next.",
        "        raise NotImplementedError("
        '"Return the area of the circle, \\"pi\\" times the radius squared.")',
        "",
        "    def halves(self):",
        "        for part in range(2):",
        "            # Your turn: put your code in place of this line and the next.",
        '            raise NotImplementedError("Yield half of the area.")',
    ]


def test_a_stub_runs_and_says_what_to_do(tmp_path: Path) -> None:
    template = texts(built(tmp_path)["codealong"])
    names: dict[str, Any] = {}
    exec("import math\n" + template["area"], names)
    circle = names["Circle"](2)
    with pytest.raises(NotImplementedError, match=r"^Return the area of the circle, \"pi\" times"):
        circle.area()
    with pytest.raises(NotImplementedError, match=r"^Yield half of the area\.$"):
        circle.halves()
    with pytest.raises(
        NotImplementedError, match=r"^Make a list of three circles.*name circles\.$"
    ):
        exec(template["whole-cell"], names)


def test_the_solutions_run(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    for cell in built(tmp_path)["solutions"]["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert sum(names["circles"][0].halves()) == pytest.approx(3.14159, abs=1e-4)


def test_everything_but_the_solutions_is_the_same_in_both(tmp_path: Path) -> None:
    pair = built(tmp_path)
    for ours, theirs in zip(pair["codealong"]["cells"], pair["solutions"]["cells"], strict=True):
        assert ours["id"] == theirs["id"]
        assert ours["metadata"] == theirs["metadata"]
        if "exercise" not in ours["metadata"].get("tags", []):
            assert ours == theirs


def test_placeholders_hints_and_tags(tmp_path: Path) -> None:
    cells = built(tmp_path)["codealong"]["cells"]
    assert "".join(cells[0]["source"]) == (
        "# Circles & more\n\nIn `day03-circles`; afterwards look into "
        "`day03-morning-solutions.ipynb`."
    )
    hint = "".join(cells[3]["source"])
    assert hint.startswith("<details><summary>Hint</summary>\n\nThe number")
    assert hint.endswith("\n\n</details>")
    assert [cell["metadata"].get("tags") for cell in cells] == [
        None,
        None,
        ["slow", "exercise"],
        ["hint"],
        ["check"],
        ["exercise"],
    ]


def test_both_are_valid_clean_and_minimal_notebooks(tmp_path: Path) -> None:
    path = tmp_path / "morning.py"
    path.write_text(SOURCE, encoding="utf-8")
    for variant, content in build_session(path, a_session()).items():
        notebook = nbformat.reads(content.decode(), as_version=4)
        nbformat.validate(notebook)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        assert nbformat.writes(notebook) + "\n" == content.decode()
        assert set(notebook.metadata) == {"kernelspec", "language_info", "cohorthub"}
        assert notebook.metadata.kernelspec.name == "python3"
        assert notebook.metadata.cohorthub == {"session": "day03-morning", "variant": variant}
        for cell in notebook.cells:
            if cell.cell_type == "code":
                assert (cell.execution_count, cell.outputs) == (None, [])
                ast.parse(cell.source)


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    path, copy = tmp_path / "morning.py", tmp_path / "elsewhere" / "other.py"
    copy.parent.mkdir()
    path.write_text(SOURCE, encoding="utf-8")
    copy.write_text(SOURCE, encoding="utf-8")
    assert build_session(path, a_session()) == build_session(copy, a_session())


def test_ids_stay_when_cells_are_added_elsewhere(tmp_path: Path) -> None:
    before = built(tmp_path)["solutions"]["cells"]
    longer = SOURCE.replace("# %%\nimport math", "# %%\nimport re\n\n# %%\nimport math")
    after = built(tmp_path, longer)["solutions"]["cells"]
    assert [c["id"] for c in after if c["source"] != ["import re"]] == [c["id"] for c in before]


def test_cells_of_the_same_text_have_ids_of_their_own(tmp_path: Path) -> None:
    cells = built(tmp_path, "# %%\nx = 1\n\n# %%\nx = 1\n\n# %%\nx = 1\n")["solutions"]["cells"]
    assert len({cell["id"] for cell in cells}) == 3


def test_coursework_has_a_template_and_no_solutions(tmp_path: Path) -> None:
    pair = built(tmp_path, SOURCE.replace("{{ session.solutions }}", "."), "coursework-release")
    assert set(pair) == {"template"}
    assert "math.pi *" not in json.dumps(pair)


@given(
    todo=st.text(min_size=1).filter(lambda text: text.strip()),
    indent=st.sampled_from(["", "    ", "        "]),
)
def test_a_stub_is_python_whatever_its_sentence(todo: str, indent: str) -> None:
    lines = stub(Solution(1, indent, todo, ("pass",)))
    depth = len(indent) // 4
    code = "".join(f"{'    ' * level}if True:\n" for level in range(depth)) + "\n".join(lines)
    with pytest.raises(NotImplementedError) as raised:
        exec(code)
    assert str(raised.value) == todo


# --- the canary ------------------------------------------------------------------------------


def leaks(tmp_path: Path, addition: str) -> list[str]:
    path = tmp_path / "morning.py"
    path.write_text(SOURCE + addition, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        build_session(path, a_session())
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize(
    "addition",
    [
        "\n# %%\nsquared = self.radius**2\nreturn_ = 1\nyield_ = [Circle(radius)"
        " for radius in (1, 2, 3)]\ncircles = [Circle(radius) for radius in (1,2,3)]\n",
        "\n# %% [markdown]\n# Write `circles = [Circle(radius) for radius in (1, 2, 3)]`.\n",
        '\n# %% id="z"\n# === solution: circles = [Circle(radius) for radius in (1, 2, 3)] ===\n'
        "z = 1\n# === end ===\n",
    ],
    ids=["in code, spaced otherwise", "in markdown", "in a stub's sentence"],
)
def test_a_solution_shown_elsewhere_is_refused(tmp_path: Path, addition: str) -> None:
    (problem,) = leaks(tmp_path, addition)
    path = tmp_path / "morning.py"
    line = SOURCE[: SOURCE.index("# === solution: Make a list")].count("\n") + 1
    assert problem.startswith(f"{path}:{line}: cell 6: found this solution word for word in cell 7")


def test_a_line_of_a_solution_is_refused_even_if_the_build_had_put_it_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leaky(solution: Solution) -> list[str]:
        return [*stub(solution), *solution.code[:1]]

    monkeypatch.setattr("cohorthub.materials.build.stub", leaky)
    problems = leaks(tmp_path, "")
    assert any("its line 'squared=self.radius**2' in cell 3" in problem for problem in problems)


def test_a_marker_left_by_the_build_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cohorthub.materials.build.stub", lambda s: [s.indent + "# === end ==="])
    problems = leaks(tmp_path, "")
    assert any("found a marker left in the template" in problem for problem in problems)
    assert any("found no Python in the template" in problem for problem in problems)


def test_lines_that_the_source_shows_anyway_are_allowed(tmp_path: Path) -> None:
    shown = '\n# %%\nexample = 1\nlong_enough_name = 2\n\n# %% id="z"\n# === solution: Do it. ===\n'
    shown += "long_enough_name = 2\nanother_name = 3\n# === end ===\n"
    assert "another_name" in json.dumps(built(tmp_path, SOURCE + shown)["solutions"])


# --- the whole course ------------------------------------------------------------------------


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "days"
    (folder / "day01-intro-ffns").mkdir(parents=True)
    for part in ("morning", "afternoon"):
        (folder / "day01-intro-ffns" / f"{part}.py").write_text(SOURCE, encoding="utf-8")
    return folder


def test_build_all_writes_what_has_a_source(tmp_path: Path, sources: Path) -> None:
    course, out = load_course(ROOT / "materials" / "course.yml"), tmp_path / "out"
    made = build_all(course, sources, out)
    assert [(item.session, item.variant) for item in made] == [
        ("day01-morning", "codealong"),
        ("day01-morning", "solutions"),
        ("day01-afternoon", "exercises"),
        ("day01-afternoon", "solutions"),
    ]
    assert sorted(made_file.path for made_file in made) == sorted(out.rglob("*.*"))
    notebook = json.loads(made[0].path.read_text(encoding="utf-8"))
    assert notebook["metadata"]["cohorthub"]["course"] == course.slug
    assert made[0].cells == 6
    assert re.fullmatch("[0-9a-f]{64}", made[0].sha256)


def test_build_all_leaves_an_unchanged_file_untouched(tmp_path: Path, sources: Path) -> None:
    course, out = load_course(ROOT / "materials" / "course.yml"), tmp_path / "out"
    first = build_all(course, sources, out)
    stamps = [item.path.stat().st_mtime_ns for item in first]
    assert build_all(course, sources, out) == first
    assert [item.path.stat().st_mtime_ns for item in first] == stamps


def test_build_all_writes_nothing_when_one_source_is_broken(tmp_path: Path, sources: Path) -> None:
    broken = sources / "day01-intro-ffns" / "afternoon.py"
    broken.write_text("# %%\nx = (\n", encoding="utf-8")
    stray = sources / "day01-intro-ffns" / "mornin.py"
    stray.write_text(SOURCE, encoding="utf-8")
    course, out = load_course(ROOT / "materials" / "course.yml"), tmp_path / "out"
    with pytest.raises(ConfigurationError) as refused:
        build_all(course, sources, out)
    wheres = [problem.where for problem in refused.value.problems]
    assert wheres == [f"{broken}:2", str(stray)]
    assert "day01-intro-ffns/morning.py" in refused.value.problems[1].expected
    assert not out.exists()
