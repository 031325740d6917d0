"""Publishing into real git repositories, through the real course."""

import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cohorthub.course import Course, Session
from cohorthub.course.schedule import releases
from cohorthub.materials.publish import PublishReport, ReleaseError, plan, publish_due
from tests.support.releases import (
    assert_nothing_leaks,
    content,
    everything,
    git,
    marker,
    notebook,
    publish,
    real_course,
)

LONG_AFTER = datetime(2099, 1, 1, tzinfo=UTC)
ONE_SECOND = timedelta(seconds=1)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return tmp_path / "state" / "release" / "course.git"


@pytest.fixture(scope="module")
def course() -> Course:
    return real_course()


@pytest.fixture(scope="module")
def small(course: Course) -> Course:
    """The first two days of the course."""
    return course.model_copy(update={"days": course.days[:2]})


def slugs(sessions: tuple[Session, ...]) -> set[str]:
    return {session.slug for session in sessions if session.files}


def tree(repository: Path, commit: str = "release") -> dict[str, str]:
    lines = git(repository, "ls-tree", "-r", commit).splitlines()
    return {line.split("\t")[1]: line.split()[2] for line in lines}


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder, to see that nothing at all was touched."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


# --- what is out, and when ------------------------------------------------------------------


def test_each_session_is_out_from_its_instant_and_in_no_object_before(
    repository: Path, course: Course
) -> None:
    released: set[str] = set()
    files: dict[str, str] = {}
    for release in releases(course):
        instant = release.at.astimezone(UTC)
        before = publish(repository, course, instant - ONE_SECOND)
        assert not before.commits
        assert_nothing_leaks(repository, course, released)
        report = publish(repository, course, instant)
        assert set(report.published) == slugs(release.sessions)
        released |= slugs(release.sessions)
        if not report.commits:  # a release of sessions without notebooks
            continue
        assert_nothing_leaks(repository, course, released)
        now = tree(repository)
        assert files.items() <= now.items(), "a file that was out has changed or gone"
        wanted = {p for s in release.sessions for p in s.files.values()}
        assert now.keys() - files.keys() - {"README.md"} == wanted
        files = now
    assert released == slugs(course.sessions)
    assert len(released) > 20
    for session in course.sessions:
        for path, data in content(session).items():
            assert git(repository, "show", f"release:{path}").encode() == data


def test_history_is_one_line_with_a_commit_for_each_release(
    repository: Path, course: Course
) -> None:
    publish(repository, course, LONG_AFTER)
    history = git(repository, "log", "--reverse", "--format=%P|%ct|%an|%cn|%s", "release")
    commits = [line.split("|") for line in history.splitlines()]
    with_notebooks = [r for r in releases(course) if slugs(r.sessions)]
    assert len(commits) == len(with_notebooks)
    for (parents, date, author, committer, subject), release in zip(
        commits, with_notebooks, strict=True
    ):
        assert len(parents.split()) <= 1
        assert int(date) == int(release.at.timestamp())
        assert author == committer == course.title
        assert subject == "Release " + ", ".join(s.slug for s in release.sessions if s.files)
    assert git(repository, "for-each-ref", "--format=%(refname)").split() == ["refs/heads/release"]
    assert git(repository, "symbolic-ref", "HEAD").strip() == "refs/heads/release"
    git(repository, "fsck", "--strict", "--full")


def test_catching_up_gives_the_very_commits_of_publishing_in_time(
    tmp_path: Path, course: Course
) -> None:
    late = publish(tmp_path / "late.git", course, LONG_AFTER)
    in_time: PublishReport | None = None
    for release in releases(course):
        in_time = publish(tmp_path / "in-time.git", course, release.at + timedelta(minutes=7))
    assert in_time is not None
    assert late.head == in_time.head == git(tmp_path / "late.git", "rev-parse", "release").strip()


def test_the_computers_settings_and_the_callers_variables_do_not_matter(
    tmp_path: Path, small: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = publish(tmp_path / "one.git", small, LONG_AFTER).head
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("reference-transaction", "post-update", "pre-commit"):
        (hooks / name).write_text("#!/bin/sh\nexit 1\n")
        (hooks / name).chmod(0o755)
    (tmp_path / ".gitconfig").write_text(
        f"[core]\n\thooksPath = {hooks}\n\tautocrlf = true\n[commit]\n\tgpgSign = true\n"
        "[i18n]\n\tcommitEncoding = latin1\n[init]\n\tdefaultObjectFormat = sha256\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "elsewhere.index"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "elsewhere.objects"))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody Else")
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.hooksPath")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(hooks))
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    assert publish(tmp_path / "two.git", small, LONG_AFTER).head == expected
    assert not (tmp_path / "elsewhere.git").exists()


def test_a_second_run_touches_nothing(repository: Path, small: Course) -> None:
    first = publish(repository, small, LONG_AFTER)
    before = snapshot(repository.parent)
    second = publish(repository, small, LONG_AFTER)
    assert not second.commits
    assert second.head == first.head
    assert second.summary == "Nothing new is due."
    assert snapshot(repository.parent) == before


def test_before_the_first_release_there_is_an_empty_repository(
    repository: Path, small: Course
) -> None:
    report = publish(repository, small, releases(small)[0].at - ONE_SECOND)
    assert report.head is None
    assert report.next_release == releases(small)[0]
    assert "Next: day01-morning at " in report.summary
    assert everything(repository) == b""


@pytest.mark.parametrize("function", [publish_due, plan])
def test_a_moment_without_a_zone_is_refused(
    repository: Path, small: Course, function: object
) -> None:
    naive = datetime(2099, 1, 1)
    with pytest.raises(ValueError, match="has no time zone"):
        function(repository, small, content, naive, available=lambda s: True)  # type: ignore[operator]
    assert not repository.parent.exists()


def test_content_is_only_built_for_what_is_due(repository: Path, course: Course) -> None:
    asked: list[str] = []

    def watched(session: Session) -> Mapping[str, bytes]:
        asked.append(session.slug)
        return content(session)

    at = releases(course)[2].at
    publish_due(repository, course, watched, at, available=lambda s: True)
    assert set(asked) == {s.slug for r in releases(course)[:3] for s in r.sessions if s.files}


# --- what stays -----------------------------------------------------------------------------


def changed_content(session: Session) -> Mapping[str, bytes]:
    files = dict(content(session))
    if session.slug == "day01-morning":
        files[session.file("solutions")] = notebook("mended")
        files["day01-intro-ffns/figures/neuron.svg"] = b"<svg/>"
    return files


def test_a_change_of_something_released_is_reported_and_not_published(
    repository: Path, small: Course
) -> None:
    before = publish(repository, small, LONG_AFTER)
    report = publish_due(repository, small, changed_content, LONG_AFTER, available=lambda s: True)
    assert report.head == before.head
    assert [change.session for change in report.changed] == ["day01-morning"]
    assert report.changed[0].paths == (
        "day01-intro-ffns/day01-morning-solutions.ipynb",
        "day01-intro-ffns/figures/neuron.svg",
    )
    assert "day01-morning has changed since it was released" in report.summary
    assert b"mended" not in everything(repository)


def test_amend_appends_the_change_as_one_commit(repository: Path, small: Course) -> None:
    before = publish(repository, small, LONG_AFTER)
    old = tree(repository)
    report = publish_due(
        repository, small, changed_content, LONG_AFTER, available=lambda s: True, amend=True
    )
    assert len(report.commits) == 1
    assert report.changed == ()
    assert report.published == ()
    assert len(report.fixed) == 2
    assert git(repository, "rev-parse", "release^").strip() == before.head
    assert old.keys() - {"README.md"} <= tree(repository).keys()
    assert "mended" in git(
        repository, "show", "release:day01-intro-ffns/day01-morning-solutions.ipynb"
    )
    again = publish_due(
        repository, small, changed_content, LONG_AFTER, available=lambda s: True, amend=True
    )
    assert not again.commits


def test_a_file_that_its_session_no_longer_makes_stays(repository: Path, small: Course) -> None:
    publish_due(repository, small, changed_content, LONG_AFTER, available=lambda s: True)
    report = publish(repository, small, LONG_AFTER, amend=True)
    assert "day01-intro-ffns/figures/neuron.svg" in tree(repository)
    assert report.fixed == ("day01-intro-ffns/day01-morning-solutions.ipynb",)


def test_what_is_out_stays_out_when_its_release_is_put_off(repository: Path, small: Course) -> None:
    head = publish(repository, small, LONG_AFTER).head
    report = publish(repository, small, releases(small)[0].at - timedelta(days=30))
    assert report.head == head
    assert not report.commits


def test_the_readme_comes_with_the_first_release_and_names_the_course(
    repository: Path, small: Course
) -> None:
    publish(repository, small, releases(small)[0].at)
    text = git(repository, "show", "release:README.md")
    assert small.title in text
    assert f"`{small.slug}`" in text
    renamed = small.model_copy(update={"title": "Another Title"})
    report = publish(repository, renamed, LONG_AFTER)
    assert [(c.session, c.paths) for c in report.changed] == [(None, ("README.md",))]
    assert small.title in git(repository, "show", "release:README.md")
    publish(repository, renamed, LONG_AFTER, amend=True)
    assert "Another Title" in git(repository, "show", "release:README.md")


def test_a_clone_can_neither_rewrite_nor_delete_nor_push_over_the_branch(
    repository: Path, small: Course, tmp_path: Path
) -> None:
    publish(repository, small, LONG_AFTER)
    head = git(repository, "rev-parse", "release")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repository), str(clone))
    git(clone, "reset", "-q", "--hard", "HEAD~1")
    for refspec in ("+HEAD:release", ":release"):
        done = subprocess.run(
            ["git", "-C", str(clone), "push", "origin", refspec], capture_output=True, check=False
        )
        assert done.returncode != 0
    assert git(repository, "rev-parse", "release") == head


# --- what is not ready ----------------------------------------------------------------------


def test_a_session_that_is_written_late_comes_late(repository: Path, small: Course) -> None:
    report = publish_due(
        repository,
        small,
        content,
        LONG_AFTER,
        available=lambda s: s.slug != "day01-morning",
    )
    assert report.missing == ("day01-morning",)
    assert "Due, but not written yet: day01-morning." in report.summary
    assert "day01-afternoon" in report.published
    late = publish(repository, small, LONG_AFTER)
    assert late.published == ("day01-morning",)
    dates = git(repository, "log", "--format=%ct", "release").split()
    assert dates == sorted(dates, reverse=True), "git's walks expect dates that never go back"


def test_a_session_that_fails_holds_no_other_back(repository: Path, small: Course) -> None:
    def broken(session: Session) -> Mapping[str, bytes]:
        if session.slug == "day01-morning":
            raise RuntimeError("morning.py:12: a marker is not closed")
        return content(session)

    report = publish_due(repository, small, broken, LONG_AFTER, available=lambda s: True)
    assert [(f.session, f.reason) for f in report.failed] == [
        ("day01-morning", "morning.py:12: a marker is not closed")
    ]
    assert "morning.py:12" in report.summary
    assert "day01-afternoon" in report.published
    assert marker(small.session("day01-morning")).encode() not in everything(repository)
    assert publish(repository, small, LONG_AFTER).published == ("day01-morning",)


@pytest.mark.parametrize(
    "path",
    [
        "../outside.ipynb",
        "/etc/passwd",
        "day01-intro-ffns/../x",
        ".git/config",
        "day01-intro-ffns/.git/hooks/x",
        "a//b",
        "a/",
        "",
        "with space.ipynb",
        "day(1).ipynb",
        "a\nb",
        "README.md",
    ],
)
def test_a_path_that_could_harm_is_refused(repository: Path, small: Course, path: str) -> None:
    def harmful(session: Session) -> Mapping[str, bytes]:
        return {**content(session), path: b"x"}

    report = publish_due(repository, small, harmful, LONG_AFTER, available=lambda s: True)
    assert not report.commits
    assert {f.session for f in report.failed} == slugs(small.sessions)
    assert repr(path) in report.failed[0].reason


def test_a_build_without_the_promised_notebook_is_refused(repository: Path, small: Course) -> None:
    report = publish_due(repository, small, lambda s: {}, LONG_AFTER, available=lambda s: True)
    assert not report.commits
    assert "did not make day01-intro-ffns/day01-morning-codealong.ipynb" in report.failed[0].reason


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ({"shared/a.txt": b"1"}, {"shared/a.txt": b"2"}, "shared/a.txt is out already"),
        ({"shared": b"1"}, {"shared/a.txt": b"2"}, "shared would be a file and a folder"),
        ({"shared/a.txt": b"1"}, {"shared": b"2"}, "shared would be a file and a folder"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_session_cannot_take_the_place_of_anothers_file(
    repository: Path,
    small: Course,
    first: dict[str, bytes],
    second: dict[str, bytes],
    said: str,
    at_once: bool,
) -> None:
    extra = {"day01-morning": first, "day01-afternoon": second}

    def clashing(session: Session) -> Mapping[str, bytes]:
        return {**content(session), **extra.get(session.slug, {})}

    def run(at: datetime) -> PublishReport:
        return publish_due(repository, small, clashing, at, available=lambda s: True)

    if not at_once:
        run(small.session("day01-morning").released_at)
    report = run(LONG_AFTER)
    assert [f.session for f in report.failed] == ["day01-afternoon"]
    assert said in report.failed[0].reason
    (path, data) = next(iter(first.items()))
    assert git(repository, "show", f"release:{path}").encode() == data


def test_two_sessions_may_share_a_file_of_the_same_bytes(repository: Path, small: Course) -> None:
    def sharing(session: Session) -> Mapping[str, bytes]:
        return {**content(session), "shared/helper.py": b"x = 1\n"}

    report = publish_due(repository, small, sharing, LONG_AFTER, available=lambda s: True)
    assert not report.failed
    assert set(report.published) == slugs(small.sessions)


def test_a_plan_says_what_would_happen_and_writes_nothing(repository: Path, small: Course) -> None:
    def planned() -> PublishReport:
        return plan(repository, small, content, LONG_AFTER, available=lambda s: True)

    nothing_yet = planned()
    assert not repository.parent.exists()
    publish(repository, small, releases(small)[0].at)
    before = snapshot(repository.parent)
    report = planned()
    assert snapshot(repository.parent) == before
    assert all(commit.id is None for commit in report.commits)
    assert report.summary.startswith("To release: day01-afternoon")
    done = publish(repository, small, LONG_AFTER)
    assert done.published == report.published == nothing_yet.published[1:]
    assert [c.paths for c in done.commits] == [c.paths for c in report.commits]


# --- trouble --------------------------------------------------------------------------------


def test_a_folder_that_is_no_repository_is_left_alone(repository: Path, small: Course) -> None:
    repository.mkdir(parents=True)
    (repository / "thesis.txt").write_text("years of work")
    with pytest.raises(ReleaseError, match=r"no bare git repository.*`ls -la "):
        publish(repository, small, LONG_AFTER)
    assert snapshot(repository) == {"thesis.txt": b"years of work"}


def test_a_file_in_the_repositorys_place_is_left_alone(repository: Path, small: Course) -> None:
    repository.parent.mkdir(parents=True)
    repository.write_text("a file")
    with pytest.raises(ReleaseError, match="no bare git repository"):
        publish(repository, small, LONG_AFTER)
    assert repository.read_text() == "a file"


def test_missing_git_names_the_command(
    repository: Path, small: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ReleaseError, match="apt-get install git"):
        publish(repository, small, LONG_AFTER)


def test_a_damaged_branch_is_not_taken_for_an_empty_one(repository: Path, small: Course) -> None:
    publish(repository, small, LONG_AFTER)
    (repository / "refs/heads/release").write_text("")
    with pytest.raises(ReleaseError, match="fsck"):
        publish(repository, small, LONG_AFTER)


def test_a_missing_object_is_an_error_with_a_command(repository: Path, small: Course) -> None:
    publish(repository, small, LONG_AFTER)
    for pack in repository.glob("objects/pack/*"):
        pack.unlink()
    with pytest.raises(ReleaseError, match=r"failed in .*git -C .* fsck"):
        publish(repository, small, LONG_AFTER)


def test_a_parent_that_cannot_be_made_names_the_command(tmp_path: Path, small: Course) -> None:
    (tmp_path / "state").write_text("a file, not a folder")
    with pytest.raises(ReleaseError, match=r"could not be written.*`df -h "):
        publish(tmp_path / "state" / "release" / "course.git", small, LONG_AFTER)


def test_a_repository_of_another_user_is_published_to(repository: Path, small: Course) -> None:
    publish(repository, small, releases(small)[0].at)
    if os.geteuid() == 0:  # only root may give files away
        for path in (repository, *repository.rglob("*")):
            os.chown(path, 12345, 12345)
    assert publish(repository, small, LONG_AFTER).commits


def test_packed_after_a_publish(repository: Path, small: Course) -> None:
    publish(repository, small, LONG_AFTER)
    counts = git(repository, "count-objects", "-v")
    assert "count: 0\n" in counts
    assert "packs: 1\n" in counts


# --- whatever happens, in whatever order ----------------------------------------------------


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    steps=st.lists(
        st.tuples(
            st.integers(-1, 4),  # which release's instant, -1 before all
            st.sampled_from([-1, 0, 1]),  # seconds beside it
            st.booleans(),  # amend
            st.integers(0, 1),  # which edition of the sources
        ),
        min_size=1,
        max_size=5,
    )
)
def test_the_branch_only_grows(
    tmp_path_factory: pytest.TempPathFactory,
    small: Course,
    steps: list[tuple[int, int, bool, int]],
) -> None:
    repository = tmp_path_factory.mktemp("grows") / "course.git"
    instants = [release.at for release in releases(small)]
    due: set[str] = set()
    head: str | None = None
    files: dict[str, str] = {}
    for position, seconds, amend, edition in steps:
        at = instants[min(position, len(instants) - 1)] if position >= 0 else instants[0]
        at += timedelta(seconds=seconds) - (timedelta(days=9) if position < 0 else timedelta(0))

        def edited(session: Session, edition: int = edition) -> Mapping[str, bytes]:
            return {p: data + b"\n" * edition for p, data in content(session).items()}

        report = publish_due(repository, small, edited, at, available=lambda s: True, amend=amend)
        due |= {s.slug for s in small.sessions if s.files and s.released_at <= at}
        assert_nothing_leaks(repository, small, due)
        if report.head is None:
            assert head is None
            continue
        now = tree(repository)
        assert files.keys() <= now.keys()
        if not amend:
            assert files.items() <= now.items()
        if head is not None:
            git(repository, "merge-base", "--is-ancestor", head, report.head)
        head, files = report.head, now
