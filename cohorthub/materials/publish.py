"""Publishing: what is due is appended to the release repository, and nothing else ever is.

The repository is an export. A session's notebooks are built and written only once its release
instant has come, so what is not out yet is in no object, ref or history of the repository. What
is out stays: no path is renamed or deleted, and the branch only grows. Which sessions are out is
recorded in the commits themselves, so publishing needs no state beside the repository and catches
up by itself after a pause.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from cohorthub.course import Course, Session
from cohorthub.course.clock import as_utc
from cohorthub.course.schedule import Release, next_release, releases
from cohorthub.materials.release_readme import README, student_readme
from cohorthub.materials.release_repository import (
    RELEASED_TRAILER,
    Identity,
    ReleaseError,
    ReleaseRepository,
    Writer,
    blob_id,
)

__all__ = [
    "Change",
    "Commit",
    "Failure",
    "PublishReport",
    "ReleaseError",
    "plan",
    "publish_due",
]

Content = Callable[[Session], Mapping[str, bytes]]
"""Builds a session's files: by path in the release repository, their bytes.

Only ever called for a session that is due.
"""

_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_FIX_TRAILER = "Fixed-Path"


@dataclass(frozen=True)
class Commit:
    """A commit that was made, or, with no ``id``, one that would be made."""

    id: str | None
    moment: datetime
    """The release instant, or for a fix the moment of publishing; aware, in the course's zone."""
    sessions: tuple[str, ...]
    """The sessions that it releases; none for a fix."""
    paths: tuple[str, ...]
    """The files that it adds, or for a fix replaces."""


@dataclass(frozen=True)
class Change:
    """A session that is out and whose sources now give other files than students have.

    ``session`` is None for the README at the repository's root.
    """

    session: str | None
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Failure:
    """A session that is due, or out, and cannot be built; ``reason`` tells its author why."""

    session: str
    reason: str


@dataclass(frozen=True)
class PublishReport:
    """What a publish did, or a plan would do."""

    repository: Path
    head: str | None
    """The branch's newest commit afterwards; None before the first release."""
    commits: tuple[Commit, ...]
    changed: tuple[Change, ...]
    """Sessions left as students have them although their sources have changed."""
    missing: tuple[str, ...]
    """Sessions that are due and have no source yet."""
    failed: tuple[Failure, ...]
    next_release: Release | None

    @property
    def published(self) -> tuple[str, ...]:
        """The sessions that this publish released, in the order of their release."""
        return tuple(slug for commit in self.commits for slug in commit.sessions)

    @property
    def fixed(self) -> tuple[str, ...]:
        """The paths that this publish replaced."""
        return tuple(
            path for commit in self.commits if not commit.sessions for path in commit.paths
        )

    @property
    def summary(self) -> str:
        """The report in plain sentences, one a line."""
        return "\n".join(self._sentences())

    def _sentences(self) -> Iterator[str]:
        planned = any(commit.id is None for commit in self.commits)
        if self.published:
            yield f"{'To release' if planned else 'Released'}: {', '.join(self.published)}."
        if self.fixed:
            yield f"{'To fix' if planned else 'Fixed'}: {', '.join(self.fixed)}."
        if not self.commits:
            yield "Nothing new is due."
        for change in self.changed:
            yield (
                f"{change.session or README} has changed since it was released, and was left as "
                f"students have it: {', '.join(change.paths)}."
            )
        if self.missing:
            yield f"Due, but not written yet: {', '.join(self.missing)}."
        for failure in self.failed:
            yield f"Could not be built and was left alone: {failure.session}: {failure.reason}"
        if self.next_release:
            names = ", ".join(s.slug for s in self.next_release.sessions if s.files)
            if names:
                yield f"Next: {names} at {self.next_release.at:%a %d %b %Y %H:%M %Z}."


def publish_due(
    repository: Path,
    course: Course,
    content: Content,
    at: datetime,
    *,
    available: Callable[[Session], bool],
    amend: bool = False,
) -> PublishReport:
    """Appends to the repository what is due at ``at``, one commit for each release instant.

    The repository is made where it is missing. ``available`` says whether a session's source is
    written; a due session without one is reported and released by a later publish. A session
    that fails to build, for whatever reason, is reported and holds no other back.

    The files of a released session are never replaced, only reported as changed, unless ``amend``
    is given: then one more commit, dated ``at``, brings them up to date.

    Run twice, or by two processes at once, it does nothing the second time; killed, it leaves the
    branch as it was or complete. Raises ``ValueError`` for a naive ``at`` and ``ReleaseError``
    when the repository cannot be written.
    """
    as_utc(at)
    store = ReleaseRepository(repository)
    with store.writing() as writer:
        work = _Work.of(store, course, content, at, available, amend)
        done = _append(store, writer, course, work, at)
        writer.pack()
    return done


def plan(
    repository: Path,
    course: Course,
    content: Content,
    at: datetime,
    *,
    available: Callable[[Session], bool],
    amend: bool = False,
) -> PublishReport:
    """What ``publish_due`` would do with the same arguments; writes nothing, not even a folder.

    Builds what is due, so that a session that would fail is already seen. Raises as
    ``publish_due`` does.
    """
    as_utc(at)
    store = ReleaseRepository(repository)
    return _Work.of(store, course, content, at, available, amend).report(store)


@dataclass(frozen=True)
class _Step:
    """One commit to make: a release, or the fix when it releases nothing."""

    at: datetime
    sessions: tuple[Session, ...]
    files: Mapping[str, bytes]


@dataclass
class _Work:
    """What there is to do from one state of the repository, worked out without writing."""

    head: str | None
    steps: list[_Step]
    changed: list[Change]
    missing: list[str]
    failed: list[Failure]
    next_release: Release | None

    @classmethod
    def of(
        cls,
        store: ReleaseRepository,
        course: Course,
        content: Content,
        at: datetime,
        available: Callable[[Session], bool],
        amend: bool,
    ) -> "_Work":
        head = store.head()
        out = store.sessions(head)
        tree = store.files(head)
        work = cls(head, [], [], [], [], next_release(course, at))
        fixes: dict[str, bytes] = {}
        for release in releases(course):
            if as_utc(release.at) > as_utc(at):
                break
            fresh: list[Session] = []
            files: dict[str, bytes] = {}
            for session in release.sessions:
                built = work._built(session, content, available, released=session.slug in out)
                if built is None:
                    continue
                differing = {p: data for p, data in built.items() if tree.get(p) != blob_id(data)}
                is_out = session.slug in out
                if clash := _clash(differing, tree, may_replace=is_out):
                    work.failed.append(Failure(session.slug, clash))
                elif is_out:
                    work._note_change(session.slug, differing, fixes)
                else:
                    fresh.append(session)
                    files |= built
                    tree |= {path: blob_id(data) for path, data in built.items()}
            if fresh:
                work.steps.append(_Step(release.at, tuple(fresh), files))
        work._add_readme(course, tree, fixes)
        if amend and fixes:
            work.steps.append(_Step(at.astimezone(course.timezone), (), fixes))
            work.changed.clear()
        return work

    def report(
        self, store: ReleaseRepository, ids: tuple[str, ...] = (), head: str | None = None
    ) -> PublishReport:
        """The report of this work, done up to the commits ``ids``, or only planned."""
        commits = tuple(
            Commit(
                ids[position] if ids else None,
                step.at,
                tuple(session.slug for session in step.sessions),
                tuple(sorted(step.files)),
            )
            for position, step in enumerate(self.steps)
        )
        return PublishReport(
            store.path,
            head or self.head,
            commits,
            tuple(self.changed),
            tuple(self.missing),
            tuple(self.failed),
            self.next_release,
        )

    def _built(
        self,
        session: Session,
        content: Content,
        available: Callable[[Session], bool],
        *,
        released: bool,
    ) -> Mapping[str, bytes] | None:
        if not session.files:
            return None
        if not available(session):
            if not released:
                self.missing.append(session.slug)
            return None
        try:
            built = dict(content(session))
        except Exception as exc:
            # Whatever an author broke in one session must not keep another from its students.
            self.failed.append(Failure(session.slug, str(exc) or type(exc).__name__))
            return None
        wrong = [path for path in built if not _PATH.fullmatch(path) or path == README]
        lacking = sorted(set(session.files.values()) - set(built))
        if wrong:
            reason = f"{wrong[0]!r} is no path for the release repository"
        elif lacking:
            reason = f"its build did not make {', '.join(lacking)}"
        else:
            return built
        self.failed.append(Failure(session.slug, f"{reason}; see `cohorthub materials build`."))
        return None

    def _note_change(
        self, slug: str, differing: Mapping[str, bytes], fixes: dict[str, bytes]
    ) -> None:
        if differing:
            self.changed.append(Change(slug, tuple(sorted(differing))))
            fixes |= differing

    def _add_readme(self, course: Course, tree: Mapping[str, str], fixes: dict[str, bytes]) -> None:
        """The README comes with the first release; later it is treated like any released file."""
        text = student_readme(course).encode()
        if tree.get(README) == blob_id(text):
            return
        if README in tree or self.head is not None:
            self.changed.append(Change(None, (README,)))
            fixes[README] = text
        elif self.steps:
            first = self.steps[0]
            self.steps[0] = _Step(first.at, first.sessions, {README: text, **first.files})


def _clash(new: Mapping[str, bytes], tree: Mapping[str, str], *, may_replace: bool) -> str | None:
    """Why these files cannot be put into the tree, or None.

    A release replaces no file, and nothing ever takes the place of a folder or is put into a file.
    """
    files = {*tree, *new}
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents}
    for path in new:
        if path in tree and not may_replace:
            return f"{path} is out already with other content; give the new file another name."
        above = [str(parent) for parent in PurePosixPath(path).parents if str(parent) in files]
        if above or path in folders:
            taken = above[0] if above else path
            return f"{taken} would be a file and a folder; give the new one another name."
    return None


def _append(
    store: ReleaseRepository, writer: Writer, course: Course, work: _Work, at: datetime
) -> PublishReport:
    if not work.steps:
        return work.report(store)
    author = Identity(course.title, f"{course.slug}@cohorthub.invalid")
    writer.start_from(work.head)
    head, ids = work.head, []
    # Git's own walks expect dates that never go back; a late session therefore takes its parent's.
    newest = store.moment(head) if head else 0
    for step in work.steps:
        for path, data in sorted(step.files.items()):
            writer.put(path, data)
        newest = max(newest, int(step.at.astimezone(UTC).timestamp()))
        head = writer.commit(head, _message(step), author, newest, f"{step.at:%z}")
        ids.append(head)
    assert head is not None
    writer.advance(work.head, head)
    return work.report(store, tuple(ids), head)


def _message(step: _Step) -> str:
    if not step.sessions:
        paths = sorted(step.files)
        trailers = "\n".join(f"{_FIX_TRAILER}: {path}" for path in paths)
        return f"Fix {', '.join(paths)}\n\n{trailers}\n"
    slugs = [session.slug for session in step.sessions]
    titles = "\n".join(f"{session.slug}: {session.title}" for session in step.sessions)
    trailers = "\n".join(f"{RELEASED_TRAILER}: {slug}" for slug in slugs)
    return f"Release {', '.join(slugs)}\n\n{titles}\n\n{trailers}\n"
