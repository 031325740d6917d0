"""Publishing that is killed, run twice at once, or meets what a killed one has left."""

import fcntl
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from cohorthub.course.schedule import releases
from cohorthub.materials.release_repository import REF, Identity, ReleaseError, ReleaseRepository
from tests.support.releases import ROOT, assert_nothing_leaks, git, publish, real_course
from tests.support.waiting import wait_until

COURSE = real_course()
#: In the middle of the course: there is much to publish, and much that must not be.
NOW = releases(COURSE)[5].at
DUE = {s.slug for r in releases(COURSE)[:6] for s in r.sessions if s.files}

AUTHOR = Identity("Somebody", "somebody@example.invalid")

SCRIPT = """
import sys
from datetime import datetime
from pathlib import Path
from tests.support.releases import publish, real_course
print(publish(Path(sys.argv[1]), real_course(), datetime.fromisoformat(sys.argv[2])).head)
"""

#: Stands before the real git in PATH; counts the calls and, at one of them, ends the whole group
#: of processes as a power cut or an impatient administrator would.
KILLING_GIT = """\
#!/bin/sh
echo x >> "$0.calls"
if [ "$(wc -l < "$0.calls")" -eq {call} ]; then
    {before}
fi
exec {git} "$@"
"""


def start(
    repository: Path, at: datetime = NOW, path: str = "", **options: bool
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(repository), at.isoformat()],
        cwd=ROOT,
        env={**os.environ, "PATH": path or os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    )


def finish(process: subprocess.Popen[str], seconds: float = 60) -> str:
    out, err = process.communicate(timeout=seconds)
    assert process.returncode == 0, err
    return out.strip()


def kill_group(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)


def false_git(folder: Path, call: int, before: str) -> str:
    """A PATH in which ``before`` happens at one call of git."""
    folder.mkdir()
    script = folder / "git"
    script.write_text(KILLING_GIT.format(call=call, before=before, git=shutil.which("git")))
    script.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def calls(folder: Path) -> int:
    return len((folder / "git.calls").read_text().splitlines())


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The one head that any publish at ``NOW`` must end with."""
    head = publish(tmp_path_factory.mktemp("expected") / "course.git", COURSE, NOW).head
    assert head is not None
    return head


def assert_whole(repository: Path, heads: set[str | None]) -> None:
    """The repository is sound, and its branch where it was or where it should be."""
    if not (repository / "refs").is_dir() or not (repository / "HEAD").is_file():
        return  # killed before git had made it
    assert ReleaseRepository(repository).head() in heads
    git(repository, "fsck", "--strict", "--full")
    assert_nothing_leaks(repository, COURSE, DUE)


def test_killed_at_each_call_of_git(tmp_path: Path, expected: str) -> None:
    """Nothing, something or everything is written; the next publish always completes it."""
    course_start = releases(COURSE)[0].at
    old = publish(tmp_path / "old.git", COURSE, course_start).head
    count = tmp_path / "count"
    shutil.copytree(tmp_path / "old.git", tmp_path / "count.git")
    finish(start(tmp_path / "count.git", path=false_git(count, 0, ":")))
    total = calls(count)
    assert total > 20
    seen = set()
    for call in sorted({*range(1, 8), *range(8, total - 6, 7), *range(total - 6, total + 1)}):
        repository = tmp_path / f"{call}.git"
        shutil.copytree(tmp_path / "old.git", repository)
        folder = tmp_path / f"bin{call}"
        process = start(
            repository, path=false_git(folder, call, "kill -9 0"), start_new_session=True
        )
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        assert calls(folder) == call
        seen.add(ReleaseRepository(repository).head())
        assert_whole(repository, {old, expected})
        assert publish(repository, COURSE, NOW).head == expected
    assert seen == {old, expected}, "the kills did not reach both sides of the branch's move"


def test_killed_while_the_repository_is_being_made(tmp_path: Path, expected: str) -> None:
    for call in range(1, 10):
        repository = tmp_path / f"{call}" / "course.git"
        path = false_git(tmp_path / f"bin{call}", call, "kill -9 0")
        start(repository, path=path, start_new_session=True).communicate(timeout=60)
        assert_whole(repository, {None})
        assert publish(repository, COURSE, NOW).head == expected


@pytest.mark.parametrize(
    "kept",
    [(), ("refs",), ("HEAD", "refs"), ("config", "HEAD", "refs"), ("objects",), ("config.lock",)],
)
def test_a_half_made_repository_is_completed(
    tmp_path: Path, expected: str, kept: tuple[str, ...]
) -> None:
    """``git init`` makes its files one by one, and may be killed between any two."""
    whole, half = tmp_path / "whole.git", tmp_path / "half.git"
    publish(whole, COURSE, releases(COURSE)[0].at.replace(year=2000))
    half.mkdir()
    for name in kept:
        if name.endswith(".lock"):
            (half / name).touch()
            os.utime(half / name, (0, 0))
        elif (whole / name).is_dir():
            shutil.copytree(whole / name, half / name)
        else:
            shutil.copy(whole / name, half / name)
    assert publish(half, COURSE, NOW).head == expected


def test_killed_at_any_moment(tmp_path: Path, expected: str) -> None:
    """Also in the middle of a git command, and again and again on what is left."""
    repository = tmp_path / "course.git"
    moments = random.Random(20251124)
    begun = time.monotonic()
    finish(start(tmp_path / "measured.git"))
    whole = time.monotonic() - begun
    killed = 0
    for _ in range(12):
        process = start(repository, start_new_session=True)
        try:
            process.communicate(timeout=moments.uniform(0.2, 0.95) * whole)
        except subprocess.TimeoutExpired:
            kill_group(process)
            killed += 1
        assert_whole(repository, {None, expected})
        if repository.exists() and ReleaseRepository(repository).head():
            shutil.rmtree(repository)
    assert killed
    assert publish(repository, COURSE, NOW).head == expected
    assert_whole(repository, {expected})


def test_several_at_once_publish_once(tmp_path: Path, expected: str) -> None:
    repository = tmp_path / "course.git"
    processes = [start(repository) for _ in range(4)]
    assert {finish(process) for process in processes} == {expected}
    commits = git(repository, "rev-list", "--count", "--all").strip()
    with_notebooks = [r for r in releases(COURSE)[:6] if any(s.files for s in r.sessions)]
    assert int(commits) == len(with_notebooks)
    git(repository, "fsck", "--strict", "--full")


def test_a_killed_publishers_git_is_waited_for(tmp_path: Path, expected: str) -> None:
    """The parent is killed alone: its git still moves the branch, and nobody writes meanwhile."""
    repository = tmp_path / "course.git"
    folder = tmp_path / "bin"
    slow = f'case "$*" in update-ref*) touch {tmp_path}/reached; sleep 1.5 ;; esac'
    path = false_git(folder, 0, ":")
    script = folder / "git"
    script.write_text(script.read_text().replace("exec ", f"{slow}\nexec "))
    process = start(repository, path=path)
    wait_until((tmp_path / "reached").exists, 30, "the move of the branch")
    process.kill()
    process.wait(10)
    with (tmp_path / "course.git.lock").open() as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    report = publish(repository, COURSE, NOW)
    assert report.head == expected
    assert not report.commits, "the orphan had done it all"
    process.communicate(timeout=10)


@pytest.mark.parametrize("name", ["refs/heads/release.lock", "config.lock", "packed-refs.lock"])
def test_a_lock_that_a_killed_git_left_is_removed(tmp_path: Path, expected: str, name: str) -> None:
    repository = tmp_path / "course.git"
    publish(repository, COURSE, releases(COURSE)[0].at)
    (repository / name).touch()
    hour_ago = time.time() - 3600
    os.utime(repository / name, (hour_ago, hour_ago))
    assert publish(repository, COURSE, NOW).head == expected
    assert not (repository / name).exists()


def test_a_lock_in_use_is_waited_for(tmp_path: Path, expected: str) -> None:
    repository = tmp_path / "course.git"
    publish(repository, COURSE, releases(COURSE)[0].at)
    lock = repository / "config.lock"
    lock.touch()
    process = start(repository)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2)
    lock.unlink()
    assert finish(process) == expected


def test_the_branch_moves_only_from_where_it_was_seen(tmp_path: Path) -> None:
    first = publish(tmp_path / "course.git", COURSE, releases(COURSE)[0].at).head
    second = publish(tmp_path / "course.git", COURSE, NOW).head
    assert first
    assert second
    store = ReleaseRepository(tmp_path / "course.git")
    with store.writing() as writer:
        writer.start_from(second)
        writer.put("new.txt", b"new")
        third = writer.commit(second, "m\n", AUTHOR, 2_000_000_000, "+0000")
        with pytest.raises(ReleaseError, match=r"nothing was published.*run `cohorthub"):
            writer.advance(first, third)
    assert git(store.path, "rev-parse", REF).strip() == second


def test_a_commit_that_would_lose_a_file_is_refused(tmp_path: Path) -> None:
    head = publish(tmp_path / "course.git", COURSE, NOW).head
    store = ReleaseRepository(tmp_path / "course.git")
    with store.writing() as writer:
        writer.start_from(None)
        writer.put("other.txt", b"x")
        lossy = writer.commit(head, "m\n", AUTHOR, 2_000_000_000, "+0000")
        with pytest.raises(ReleaseError, match="would have been removed"):
            writer.advance(head, lossy)
    assert store.head() == head


def test_a_git_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = publish(tmp_path / "course.git", COURSE, NOW).head
    monkeypatch.setenv("PATH", false_git(tmp_path / "bin", 1, "exec sleep 30"))
    store = ReleaseRepository(tmp_path / "course.git", timeout=0.3)
    with pytest.raises(ReleaseError, match=r"took longer than .* `df -h "):
        store.files(head)
