"""Release repositories for tests: contents that can be told apart, and a look at every object."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from cohorthub.course import Course, Session, load_course
from cohorthub.materials.publish import PublishReport, publish_due

ROOT = Path(__file__).resolve().parents[2]


def real_course() -> Course:
    return load_course(ROOT / "materials" / "course.yml")


def marker(session: Session) -> str:
    """A word that stands in the notebooks of one session and nowhere else."""
    return f"only-in-{session.slug}-"


def content(session: Session) -> Mapping[str, bytes]:
    """Stand-ins for a session's notebooks: the same at each build, different for each file."""
    return {path: notebook(f"{marker(session)}{path}") for path in session.files.values()}


def notebook(text: str) -> bytes:
    cell = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": [f"{text}\n", "end"]}
    document = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(document, indent=1) + "\n").encode()


def publish(
    repository: Path, course: Course, at: datetime, *, amend: bool = False
) -> PublishReport:
    """Publish the stand-ins of every session that has notebooks."""
    return publish_due(repository, course, content, at, available=lambda session: True, amend=amend)


def git(repository: Path, *arguments: str) -> str:
    """Run a person's git on a repository; fails the test when git does."""
    done = subprocess.run(
        ["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def everything(repository: Path) -> bytes:
    """Every object of the repository, reachable or not, unpacked, with its refs' names."""
    refs = git(repository, "for-each-ref").encode()
    objects = subprocess.run(
        ["git", "-C", str(repository), "cat-file", "--batch-all-objects", "--batch"],
        capture_output=True,
        check=True,
    ).stdout
    return refs + objects


def assert_nothing_leaks(repository: Path, course: Course, released: set[str]) -> None:
    """Every session that is not released is in no object: neither its text nor its files' names."""
    seen = everything(repository)
    for session in course.sessions:
        if session.slug in released or not session.files:
            continue
        assert marker(session).encode() not in seen, f"the text of {session.slug} is in an object"
        assert session.slug.encode() not in seen, f"the name of {session.slug} is in an object"
        for path in session.files.values():
            name = Path(path).name.encode()
            assert name not in seen, f"{path} is in an object"
