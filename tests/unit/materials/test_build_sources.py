"""A source that cannot be built says where, what was found and what is expected."""

from pathlib import Path

import pytest

from cohorthub.materials.build import build_session
from cohorthub.problems import ConfigurationError
from tests.support.sessions import a_session

EXERCISE = '# %% id="one"\n# === solution: Do it. ===\nx = 1\n# === end ===\n\n'

BROKEN = {
    "no cells": ("", "", "", "no cells"),
    "text before the first cell": ("\nx = 1\n\n# %%\ny = 2\n", ":2", "", "'x = 1'"),
    "text below the header": (
        "# ---\n# a: 1\n# ---\n\n# Text\n\n# %%\ny = 2\n",
        ":5",
        "",
        "'# Text'",
    ),
    "a cell inside a cell": (
        '# %% [markdown]\n"""\nText\n\n# %%\nx\n"""\n',
        ":1",
        "",
        "2 lines `# %%` but",
    ),
    "a raw cell": ("# %% [raw]\n# text\n", ":1", "cell 1", "a raw cell"),
    "an empty cell": ("# %%\nx = 1\n\n# %%\n\n# %%\ny = 2\n", ":4", "cell 2", "an empty cell"),
    "no Python": ("# %%\nx = 1\ny = = 2\n", ":3", "cell 1", "invalid syntax: 'y = = 2'"),
    "a magic": ("# %%\nx = 1\n%pylab\n", ":3", "cell 1", "invalid syntax: '%pylab'"),
    "a shell command": ("# %%\n!pip install x\n", ":2", "cell 1", "invalid syntax"),
    "a warning of Python": ('# %%\nx = "\\d"\n', ":2", "cell 1", "invalid escape sequence"),
    "a return outside": ("# %%\nreturn 1\n", ":2", "cell 1", "'return' outside function"),
    "no end": (
        '# %% id="a"\nx = 1\n# === solution: Do it. ===\ny = 2\n',
        ":3",
        "cell 1",
        "a solution that has no end",
    ),
    "no start": ("# %%\nx = 1\n# === end ===\n", ":3", "cell 1", "an end with no solution"),
    "nested": (
        '# %% id="a"\n# === solution: Do it. ===\n# === solution: Do it. ===\nx = 1\n',
        ":3",
        "cell 1",
        "a solution inside a solution",
    ),
    "no sentence": (
        '# %% id="a"\n# === solution ===\nx = 1\n# === end ===\n',
        ":2",
        "cell 1",
        "a solution with no sentence",
    ),
    "a misspelt marker": (
        EXERCISE + '# %% id="a"\n# === soluton: Do it. ===\nx = 1\n',
        ":7",
        "cell 2",
        "'# === soluton: Do it. ==='",
    ),
    "an unfinished marker": (
        '# %% id="a"\nx = 1\n# === solution: Do it.\ny = 1\n',
        ":3",
        "cell 1",
        "'# === solution: Do it.'",
    ),
    "a marker after code": (
        '# %% id="a"\nx = 1  # === solution: Do it. ===\ny = 1\n',
        ":2",
        "cell 1",
        "'x = 1  # === solution: Do it. ==='",
    ),
    "a marker in a string": (
        '# %% id="a"\nx = """\n# === solution: Do it. ===\ny\n# === end ===\n"""\n',
        ":3",
        "cell 1",
        "'# === solution: Do it. ==='",
    ),
    "a marker in markdown": (
        "# %% [markdown]\n# Text\n#\n# # === solution: Do it. ===\n",
        ":4",
        "cell 1",
        "in markdown",
    ),
    "half a statement": (
        '# %% id="a"\nif True:\n    x = 1\n# === solution: Do it. ===\n'
        "else:\n    x = 2\n# === end ===\n",
        ":4",
        "cell 1",
        "no run of complete statements",
    ),
    "comments alone": (
        '# %% id="a"\n# === solution: Do it. ===\n# nothing\n# === end ===\n',
        ":2",
        "cell 1",
        "no run of complete statements",
    ),
    "an end in another column": (
        '# %% id="a"\ndef f():\n    # === solution: Do it. ===\n    return 1\n# === end ===\n',
        ":5",
        "cell 1",
        "an end indented otherwise",
    ),
    "a marker in another column": (
        '# %% id="a"\ndef f():\n  # === solution: Do it. ===\n    return 1\n  # === end ===\n',
        ":3",
        "cell 1",
        "not in the column of its code",
    ),
    "an exercise without an id": (
        "# %%\n# === solution: Do it. ===\nx = 1\n# === end ===\n",
        ":1",
        "cell 1",
        "an exercise without an id",
    ),
    "an id twice": (EXERCISE + EXERCISE, ":7", "cell 2", "id='one' a second time"),
    "an id in capitals": ('# %% id="One"\nx = 1\n', ":1", "cell 1", "id='One'"),
    "an unknown tag": ('# %% tags=["chek"]\nx = 1\n', ":1", "cell 1", "the tag 'chek'"),
    "solution-only markdown": (
        '# %% [markdown] tags=["solution"]\n# text\n',
        ":1",
        "cell 1",
        "the tag 'solution' in a markdown cell",
    ),
    "tags that are no list": ('# %% tags="check"\nx = 1\n', ":1", "cell 1", 'tags="check"'),
    "an unfinished option": ('# %% tags=["check"\nx = 1\n', ":1", "cell 1", "after `# %%`"),
    "an unknown option": ('# %% colour="red"\nx = 1\n', ":1", "cell 1", "the option 'colour'"),
    "an exercise with nothing to do": (
        '# %% id="a" tags=["exercise"]\nx = 1\n',
        ":1",
        "cell 1",
        "the tag 'exercise' but no solution block",
    ),
    "a check that is an exercise": (
        '# %% id="a" tags=["check"]\n# === solution: Do it. ===\nx = 1\n# === end ===\n',
        ":1",
        "cell 1",
        "a solution block in a check cell",
    ),
    "a check far from its exercise": (
        EXERCISE + '# %%\ny = 1\n\n# %% tags=["check"]\nassert x == 1\n',
        ":10",
        "cell 3",
        "a check with no exercise right above it",
    ),
    "an unknown placeholder": (
        "# %% [markdown]\n# Text\n# {{session.titel}}\n",
        ":3",
        "cell 1",
        "the placeholder '{{session.titel}}'",
    ),
}


@pytest.mark.parametrize(("source", "place", "cell", "found"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_source(tmp_path: Path, source: str, place: str, cell: str, found: str) -> None:
    path = tmp_path / "morning.py"
    path.write_text(source, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        build_session(path, a_session())
    problem = refused.value.problems[0]
    assert problem.where == f"{path}{place}"
    assert problem.key == cell
    assert found in problem.found
    assert problem.expected


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "morning.py"
    path.write_text('# %% tags=["chek"]\nx = 1\n\n# %%\ny = = 1\n\n# %% id="A"\nz = 1\n')
    with pytest.raises(ConfigurationError) as refused:
        build_session(path, a_session())
    assert [problem.where for problem in refused.value.problems] == [
        f"{path}:1",
        f"{path}:5",
        f"{path}:7",
    ]


def test_the_closest_tag_is_named(tmp_path: Path) -> None:
    path = tmp_path / "morning.py"
    path.write_text('# %% tags=["chek"]\nx = 1\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"expected 'check' \(the closest known tag\)"):
        build_session(path, a_session())


@pytest.mark.parametrize("content", [None, b"# %%\nx = '\xff'\n"], ids=["absent", "no UTF-8"])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "morning.py"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as refused:
        build_session(path, a_session())
    assert refused.value.problems[0].where == str(path)
