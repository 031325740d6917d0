"""A student's git against the real service: what arrives, and where the token does not."""

import concurrent.futures
import os
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cohorthub.course.schedule import releases
from cohorthub.materials.publish import publish_due
from tests.support.releases import ROOT, content, git, marker, publish
from tests.support.waiting import wait_until
from tests.unit.services.conftest import COURSE, PUBLIC, FakeHub, Service, run_git

NOW = releases(COURSE)[3].at
MORNING = "day01-intro-ffns/day01-morning-codealong.ipynb"
STUDENT_PYTHON = Path(
    os.environ.get("COHORTHUB_STUDENT_PYTHON") or ROOT / ".venv" / "student" / "bin" / "python"
)

Student = Callable[..., dict[str, str]]
Clone = ("clone", "--depth", "1", "--branch", "release", "--", PUBLIC)


def working_tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def published_tree(repository: Path) -> dict[str, bytes]:
    names = git(repository, "ls-tree", "-r", "--name-only", "release").splitlines()
    return {name: git(repository, "show", f"release:{name}").encode() for name in names}


@pytest.mark.parametrize("version", [0, 1, 2])
def test_clone_by_the_public_address(service: Service, student: Student, version: int) -> None:
    ada = student(service)
    done = run_git(ada, "-c", f"protocol.version={version}", *Clone, "dl")
    assert done.returncode == 0, done.stderr
    folder = Path(ada["HOME"], "dl")
    assert working_tree(folder) == published_tree(service.repository)
    assert git(folder, "remote", "get-url", "origin").strip() == PUBLIC


def test_fetch_brings_what_was_published_since(
    start_service: Callable[..., Service], student: Student
) -> None:
    service = start_service(NOW)
    ada = student(service)
    assert run_git(ada, *Clone, "dl").returncode == 0
    folder = Path(ada["HOME"], "dl")
    later = releases(COURSE)[4]
    paths = [path for session in later.sessions for path in session.files.values()]
    assert not any((folder / path).exists() for path in paths)
    publish(service.repository, COURSE, later.at)
    done = run_git(ada, "pull", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert working_tree(folder) == published_tree(service.repository)
    assert all((folder / path).exists() for path in paths)


def test_a_whole_class_clones_at_once(service: Service, student: Student) -> None:
    expected = published_tree(service.repository)
    people = [student(service, f"student{number:02d}") for number in range(20)]
    with concurrent.futures.ThreadPoolExecutor(len(people)) as pool:
        clones = pool.map(lambda person: run_git(person, *Clone, "dl"), people)
    for done in clones:
        assert done.returncode == 0, done.stderr
    for person in people:
        assert working_tree(Path(person["HOME"], "dl")) == expected


def test_the_token_is_in_no_file_no_command_line_and_no_log(
    service: Service, student: Student
) -> None:
    ada = student(service)
    token = ada["JUPYTERHUB_API_TOKEN"]
    seen: set[bytes] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(file.read_bytes())
                except OSError:
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    # A student who keeps passwords for other places must not get this one kept.
    Path(ada["HOME"], ".gitconfig").write_text("[credential]\n\thelper = store\n")
    ada |= {"GIT_TRACE": "1", "GIT_CURL_VERBOSE": "1"}
    try:
        for number in range(3):
            done = run_git(ada, *Clone, f"dl{number}")
            assert done.returncode == 0, done.stderr
            assert token not in done.stdout + done.stderr
    finally:
        stop.set()
        watcher.join()
    assert any(b"http-backend" in line for line in seen), "the watcher saw nothing of the service"
    assert any(b"remote-http" in line for line in seen), "the watcher saw nothing of the clone"
    assert not any(token.encode() in line for line in seen)
    for path in Path(ada["HOME"]).rglob("*"):
        assert not path.is_file() or token.encode() not in path.read_bytes(), path
    assert not Path(ada["HOME"], ".git-credentials").exists()
    assert token not in service.log
    assert "the-services-own-token" not in service.log
    wait_until(lambda: service.lines("ada POST"), 5, "a line in the log")


def test_without_the_token_there_is_nothing(service: Service, student: Student) -> None:
    nobody = student(service) | {"JUPYTERHUB_API_TOKEN": ""}
    done = run_git(nobody, *Clone, "dl")
    assert done.returncode != 0
    assert not Path(nobody["HOME"], "dl").exists()


def test_a_refused_token_is_explained_to_the_student(
    service: Service, student: Student, hub: FakeHub
) -> None:
    done = run_git(student(service, token="no-longer-valid"), *Clone, "dl")
    assert done.returncode != 0
    assert "start it again, and click the link again" in done.stderr
    done = run_git(student(service, "bob", token=hub.token("bob", ["self"])), *Clone, "dl")
    assert done.returncode != 0
    assert "This server may not read the course's notebooks" in done.stderr


def test_nothing_can_be_pushed(service: Service, student: Student) -> None:
    ada = student(service)
    run_git(ada, *Clone, "dl")
    folder = Path(ada["HOME"], "dl")
    head = git(service.repository, "rev-parse", "release")
    (folder / "mine.txt").write_text("mine")
    git(folder, "add", "mine.txt")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@b.invalid", "commit", "-qm", "mine")
    done = run_git(ada, "push", "origin", "HEAD:release", cwd=folder)
    assert done.returncode != 0
    assert "Nothing can be pushed here" in done.stderr
    assert git(service.repository, "rev-parse", "release") == head


def test_only_the_release_branch_is_shown(service: Service, student: Student) -> None:
    git(service.repository, "update-ref", "refs/heads/draft", "release")
    git(service.repository, "update-ref", "refs/tags/hidden", "release")
    for version in (0, 2):
        done = run_git(student(service), "-c", f"protocol.version={version}", "ls-remote", PUBLIC)
        assert done.returncode == 0, done.stderr
        names = {line.split()[1] for line in done.stdout.splitlines()}
        assert names == {"HEAD", "refs/heads/release"}


def test_the_repository_may_belong_to_another_user(service: Service, student: Student) -> None:
    if os.geteuid() == 0:  # only root may give files away
        for path in (service.repository, *service.repository.rglob("*")):
            os.chown(path, 12345, 12345)
    done = run_git(student(service), *Clone, "dl")
    assert done.returncode == 0, done.stderr


def test_the_students_other_repositories_are_not_touched(
    service: Service, student: Student, tmp_path: Path
) -> None:
    """Neither their helpers nor their addresses change; our helper keeps out of them."""
    ada = student(service)
    helper = tmp_path / "own-helper"
    helper.write_text('#!/bin/sh\necho "$1" >> "$0.log"\nprintf "username=u\\npassword=p\\n"\n')
    helper.chmod(0o755)
    Path(ada["HOME"], ".gitconfig").write_text(f"[credential]\n\thelper = {helper}\n")
    done = subprocess.run(
        ["git", "credential", "fill"],
        input="protocol=https\nhost=git.example.invalid\npath=x.git\n\n",
        env=ada,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "password=p\n" in done.stdout
    assert ada["JUPYTERHUB_API_TOKEN"] not in done.stdout
    assert run_git(ada, *Clone, "dl").returncode == 0
    assert (tmp_path / "own-helper.log").read_text() == "get\n"


# --- by nbgitpuller, as a click does --------------------------------------------------------


def click(person: dict[str, str]) -> None:
    """Do what nbgitpuller does when its link is clicked."""
    assert STUDENT_PYTHON.exists(), "The student environment is missing. Run: make setup"
    done = subprocess.run(
        [str(STUDENT_PYTHON), "-m", "nbgitpuller.pull", PUBLIC, "release", COURSE.slug],
        env=person,
        cwd=person["HOME"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert person["JUPYTERHUB_API_TOKEN"] not in done.stdout + done.stderr


@pytest.mark.notebooks
def test_a_students_clicks_through_the_course(
    start_service: Callable[..., Service], student: Student
) -> None:
    service = start_service(NOW)
    ada = student(service)
    folder = Path(ada["HOME"], COURSE.slug)
    original = content(COURSE.session("day01-morning"))[MORNING].decode()

    click(ada)
    assert working_tree(folder) == published_tree(service.repository)

    # An edit is kept, and so is a file of the student's own.
    edited = original.replace("end", "my answer")
    (folder / MORNING).write_text(edited)
    (folder / "notes.txt").write_text("mine")
    click(ada)
    assert (folder / MORNING).read_text() == edited

    # What came out meanwhile arrives beside it.
    later = releases(COURSE)[4]
    publish(service.repository, COURSE, later.at)
    click(ada)
    for session in later.sessions:
        for path in session.files.values():
            assert marker(session) in (folder / path).read_text()
    assert (folder / MORNING).read_text() == edited
    assert (folder / "notes.txt").read_text() == "mine"

    # A notebook that is deleted, or renamed to keep what was done, comes back as it was.
    kept = folder / "day01-intro-ffns" / "my-own.ipynb"
    (folder / MORNING).rename(kept)
    click(ada)
    assert (folder / MORNING).read_text() == original
    assert kept.read_text() == edited

    # A teacher's fix arrives where the student has changed nothing, and only there.
    (folder / MORNING).write_text(edited)
    other = COURSE.session("day01-morning").file("solutions")
    publish_due(
        service.repository,
        COURSE,
        lambda s: {p: data.replace(b"end", b"fixed") for p, data in content(s).items()},
        later.at,
        available=lambda s: True,
        amend=True,
    )
    click(ada)
    assert "fixed" in (folder / other).read_text()
    assert (folder / MORNING).read_text() == edited


@pytest.mark.notebooks
def test_the_first_click_after_the_end_of_the_course(
    start_service: Callable[..., Service], student: Student
) -> None:
    service = start_service(datetime(2099, 1, 1, tzinfo=UTC))
    ada = student(service)
    click(ada)
    folder = Path(ada["HOME"], COURSE.slug)
    assert working_tree(folder) == published_tree(service.repository)
