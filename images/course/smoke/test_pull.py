"""nbgitpuller brings the release repository's notebooks and keeps a student's own work."""

import os
import subprocess
from pathlib import Path

import pytest


def git(*arguments, cwd):
    identity = ["-c", "user.name=Author", "-c", "user.email=author@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def author(tmp_path):
    """Return a work tree whose commits on `release` can be pulled."""
    tree = tmp_path / "author"
    tree.mkdir()
    git("init", "--initial-branch=release", cwd=tree)
    publish(tree, "day.ipynb", "first\n")
    return tree


def publish(tree, name, text):
    (tree / name).write_text(text)
    git("add", "--all", cwd=tree)
    git("commit", "--message", name, cwd=tree)


def pull(author, home):
    subprocess.run(
        ["gitpuller", f"file://{author}", "release", "course"],
        cwd=home,
        check=True,
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
    )
    return Path(home, "course")


def test_pulling_twice_keeps_edits_and_brings_what_is_new(author, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    course = pull(author, home)
    assert (course / "day.ipynb").read_text() == "first\n"

    (course / "day.ipynb").write_text("first\nmy answer\n")
    publish(author, "next.ipynb", "second\n")
    pull(author, home)
    assert (course / "day.ipynb").read_text() == "first\nmy answer\n"
    assert (course / "next.ipynb").read_text() == "second\n"


def test_deleted_notebook_comes_back(author, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    course = pull(author, home)
    (course / "day.ipynb").unlink()
    pull(author, home)
    assert (course / "day.ipynb").read_text() == "first\n"
