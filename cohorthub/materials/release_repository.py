"""The release repository on disk: a bare git repository with one branch that only grows.

Everything is done by git's own plumbing commands, run with an environment in which no
configuration of a person or of the system, no hook and no variable of the caller has a say. A
writer makes objects first and moves the branch last, by one compare-and-swap, so a process that
is killed at any moment leaves the branch as it was or as it should be.
"""

import fcntl
import hashlib
import logging
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BRANCH = "release"
REF = f"refs/heads/{BRANCH}"

#: A trailer of the commit that released a session; the record of what is out.
RELEASED_TRAILER = "Released-Session"

_NO_OBJECT = "0" * 40
_GIT_SECONDS = 60.0
_LOCK_SECONDS = 120.0
_LOCK_POLL = 0.05
#: A lock file of git's own that is older than this, while nobody publishes, is a dead process's.
_STALE_SECONDS = 10.0

#: What the repository's own configuration must say, whoever looks at it.
_SETTINGS = {
    "receive.denynonfastforwards": "true",
    "receive.denydeletes": "true",
    "http.receivepack": "false",
    "http.getanyfile": "false",
    "gc.auto": "0",
}

#: What git must do when it writes here: survive a power cut, and wait a moment for a busy branch.
_WRITING = (("core.fsync", "all"), ("core.filesRefLockTimeout", "2000"))

log = logging.getLogger(__name__)


class ReleaseError(Exception):
    """The release repository could not be read or written.

    The message is made of whole sentences and names the command to run.
    """


@dataclass(frozen=True)
class Identity:
    """Who a commit is by."""

    name: str
    email: str


def blob_id(content: bytes) -> str:
    """The id that git gives to a file of this content, without writing it anywhere."""
    # git's own naming scheme, not a protection of anything.
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def git_process_environment(settings: Sequence[tuple[str, str]] = ()) -> dict[str, str]:
    """The whole environment for a git process that works on a release repository.

    Nothing is inherited but PATH. Neither a person's nor the system's configuration is read, no
    hook runs, and the repository may belong to another user than the process. ``settings`` adds
    configuration for this process.
    """
    everything = [
        # Any folder, because the serving git enters the repository and then compares ".". Nothing
        # but the one repository that the caller names can be reached by the process anyway.
        ("safe.directory", "*"),
        ("core.hooksPath", os.devnull),
        ("gc.auto", "0"),
        ("maintenance.auto", "false"),
        *settings,
    ]
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": str(len(everything)),
    }
    for position, (key, value) in enumerate(everything):
        environment[f"GIT_CONFIG_KEY_{position}"] = key
        environment[f"GIT_CONFIG_VALUE_{position}"] = value
    return environment


class ReleaseRepository:
    """Reads the release repository at ``path``, which need not exist yet.

    Every method raises ``ReleaseError`` when git is missing, fails, or takes longer than
    ``timeout`` seconds.
    """

    def __init__(self, path: Path, *, timeout: float = _GIT_SECONDS) -> None:
        self.path = path.absolute()
        self.timeout = timeout
        self._held: tuple[int, ...] = ()

    def head(self) -> str | None:
        """The newest commit's id; None before the first release or the repository's making."""
        if not self.path.exists():
            return None
        if not _is_complete(self.path):
            raise ReleaseError(
                f"{self.path} is no bare git repository, and nothing in it was touched. Look into "
                f"it with `ls -la {self.path}`; when it is not needed, remove it with "
                f"`rm -r {self.path}` and run `cohorthub materials publish`."
            )
        found = self.git("for-each-ref", "--format=%(objectname)", REF).strip()
        if not found and (self.path / REF).exists():
            raise ReleaseError(
                f"The branch {BRANCH} of {self.path} is damaged: the file {REF} names no commit. "
                f"See what is left with `git -C {self.path} fsck --lost-found`, put the newest "
                "commit's id into that file, then run `cohorthub materials publish` again."
            )
        return found or None

    def files(self, commit: str | None) -> dict[str, str]:
        """The blob id of each file of a commit, by path; nothing when there is no commit."""
        if commit is None:
            return {}
        listing = self.git("ls-tree", "-r", "-z", "--format=%(objectname) %(path)", commit)
        entries = (entry.split(" ", 1) for entry in listing.split("\0") if entry)
        return {path: blob for blob, path in entries}

    def sessions(self, commit: str | None) -> set[str]:
        """The slugs of the sessions that were released up to a commit."""
        if commit is None:
            return set()
        trailers = f"%(trailers:key={RELEASED_TRAILER},valueonly)"
        return set(self.git("log", f"--format={trailers}", commit).split())

    def moment(self, commit: str) -> int:
        """A commit's date, in seconds since 1970 UTC."""
        return int(self.git("log", "-1", "--format=%ct", commit))

    @contextmanager
    def writing(self) -> Iterator["Writer"]:
        """Makes the repository where it is missing, and holds it as its only writer.

        The lock is the kernel's, and git processes started by the writer share it: it ends with
        the last of them, so the next writer never meets a git process of a killed one.
        """
        lock_path = self.path.with_name(f"{self.path.name}.lock")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as exc:
            raise _refused(self.path, exc) from exc
        try:
            _take(handle, self.path, lock_path)
            self._held = (handle,)
            self._prepare()
            index = self.path / "publish-index"
            try:
                yield Writer(self, index)
            finally:
                index.unlink(missing_ok=True)
        except OSError as exc:
            raise _refused(self.path, exc) from exc
        finally:
            self._held = ()
            os.close(handle)

    def git(
        self,
        *arguments: str,
        stdin: bytes = b"",
        extra: Mapping[str, str] | None = None,
    ) -> str:
        """Runs one git command on the repository and returns what it printed."""
        environment = git_process_environment(_WRITING)
        environment["GIT_DIR"] = str(self.path)
        environment.update(extra or {})
        try:
            done = subprocess.run(
                ["git", *arguments],
                input=stdin,
                capture_output=True,
                env=environment,
                timeout=self.timeout,
                pass_fds=self._held,
                check=False,
            )
        except FileNotFoundError:
            raise ReleaseError(
                "git is not installed. Run `apt-get install git`, then the same command again."
            ) from None
        except subprocess.TimeoutExpired:
            raise ReleaseError(
                f"`git {arguments[0]}` took longer than {self.timeout:.0f} s in {self.path} and "
                f"was ended. Look at the disk with `df -h {self.path.parent}`, then run the same "
                "command again."
            ) from None
        if done.returncode:
            raise _failed(self.path, arguments, done.stderr.decode(errors="replace"))
        return done.stdout.decode()

    def _prepare(self) -> None:
        half_made = not self.path.exists() or _is_half_made(self.path)
        if not half_made:
            self.head()  # refuses what is no repository
        self._remove_stale_locks()
        if half_made:
            self._initialize()
        current = self._configuration()
        if current.get("core.bare") != "true":
            self._initialize()
        for key, value in _SETTINGS.items():
            if current.get(key) != value:
                self.git("config", "--local", key, value)
        if self.git("symbolic-ref", "HEAD").strip() != REF:
            self.git("symbolic-ref", "HEAD", REF)

    def _configuration(self) -> dict[str, str]:
        entries = self.git("config", "--local", "--list", "-z").split("\0")
        return {key: value for key, _, value in (entry.partition("\n") for entry in entries)}

    def _initialize(self) -> None:
        # An empty template: no sample hooks, no description, nothing but what git needs.
        self.git(
            *("init", "--quiet", "--bare", "--template=", "--object-format=sha1"),
            *(f"--initial-branch={BRANCH}", str(self.path)),
        )

    def _remove_stale_locks(self) -> None:
        """Removes lock files that a killed git left; waits for the young ones, which may live."""
        deadline = time.monotonic() + 2 * _STALE_SECONDS
        while locks := [*self.path.glob("*.lock"), *(self.path / "refs").rglob("*.lock")]:
            for lock in locks:
                try:
                    if time.time() - lock.stat().st_mtime > _STALE_SECONDS:
                        log.warning("Removing %s, which a killed git left behind.", lock)
                        lock.unlink()
                except FileNotFoundError:
                    continue
            if time.monotonic() > deadline:
                raise ReleaseError(
                    f"Another git command holds {locks[0]}. When it has ended, run "
                    "`cohorthub materials publish` again."
                )
            time.sleep(_LOCK_POLL)


class Writer:
    """Appends commits to the branch; made by ``ReleaseRepository.writing``.

    Nothing that it writes can be seen on the branch before ``advance``.
    """

    def __init__(self, repository: ReleaseRepository, index: Path) -> None:
        self.repository = repository
        self._index = {"GIT_INDEX_FILE": str(index)}

    def start_from(self, commit: str | None) -> None:
        """Takes a commit's files as those of the next one; None takes no file."""
        self.repository.git("read-tree", commit or "--empty", extra=self._index)

    def put(self, path: str, content: bytes) -> str:
        """Writes a file for the next commit, and returns its blob id."""
        blob = self.repository.git("hash-object", "-w", "--stdin", stdin=content).strip()
        # Without --replace git refuses to put a file where a folder is, and the other way round.
        entry = f"100644,{blob},{path}"
        self.repository.git("update-index", "--add", "--cacheinfo", entry, extra=self._index)
        return blob

    def commit(
        self, parent: str | None, message: str, author: Identity, moment: int, offset: str
    ) -> str:
        """Writes a commit of the files put so far and returns its id.

        ``moment`` is in seconds since 1970 UTC, ``offset`` the zone's such as ``+0100``. The same
        arguments on the same files always give the same id.
        """
        tree = self.repository.git("write-tree", extra=self._index).strip()
        date = f"{moment} {offset}"
        who = {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_NAME": author.name,
            "GIT_COMMITTER_EMAIL": author.email,
            "GIT_COMMITTER_DATE": date,
        }
        parents = ("-p", parent) if parent else ()
        return self.repository.git(
            "commit-tree", tree, *parents, "-F", "-", stdin=message.encode(), extra=who
        ).strip()

    def advance(self, old: str | None, new: str) -> None:
        """Moves the branch from ``old`` to ``new``.

        Raises ``ReleaseError`` when it is no longer at ``old``, or when a file would be gone.
        """
        if old:
            gone = self.repository.git(
                *("diff-tree", "-r", "--no-renames", "--diff-filter=D", "--name-only", old, new)
            )
            if gone:
                raise ReleaseError(
                    f"Nothing was published: {gone.splitlines()[0]} is out and would have been "
                    f"removed. Look for damage with `git -C {self.repository.path} fsck`."
                )
        self.repository.git("update-ref", "--no-deref", REF, new, old or _NO_OBJECT)

    def pack(self) -> None:
        """Packs what is on the branch, unless it is packed: a clone then costs a tenth.

        A failure is only logged: what is released is released.
        """
        head = self.repository.head()
        loose = head and self.repository.path / "objects" / head[:2] / head[2:]
        if not loose or not loose.exists():
            return
        try:
            self.repository.git("repack", "-a", "-d", "-q")
        except ReleaseError as exc:
            log.warning("The release repository was left unpacked. %s", exc)


def _is_complete(path: Path) -> bool:
    return all((path / name).is_file() for name in ("HEAD", "config")) and all(
        (path / name).is_dir() for name in ("objects", "refs")
    )


def _is_half_made(path: Path) -> bool:
    """Whether a folder is empty, or as far as a killed ``git init`` came: no content in it yet."""
    if not path.is_dir() or _is_complete(path):
        return False
    made_by_init = {"HEAD", "branches", "config", "info", "objects", "refs"}
    return all(entry.name.removesuffix(".lock") in made_by_init for entry in path.iterdir()) and (
        not any(
            entry.is_file() for part in ("objects", "refs") for entry in path.glob(f"{part}/**/*")
        )
    )


def _take(handle: int, path: Path, lock_path: Path) -> None:
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise ReleaseError(
                    f"Another publish has held {path} for {_LOCK_SECONDS:.0f} s. See which with "
                    f"`fuser -v {lock_path}`; when it has ended, run `cohorthub materials publish` "
                    "again."
                ) from None
            time.sleep(_LOCK_POLL)


def _refused(path: Path, exc: OSError) -> ReleaseError:
    reason = (exc.strerror or str(exc)).lower()
    where = exc.filename or path
    if isinstance(exc, PermissionError):
        remedy = (
            f"Give {path.parent} to the hub's user with `chown -R "
            f"{os.geteuid()}:{os.getegid()} {path.parent}`"
        )
    else:
        remedy = f"Look at the disk with `df -h {path.parent}` and `ls -la {path.parent}`"
    return ReleaseError(
        f"The release repository could not be written: {where}: {reason}. {remedy}, then run "
        "`cohorthub materials publish` again."
    )


def _failed(path: Path, arguments: tuple[str, ...], stderr: str) -> ReleaseError:
    said = " ".join(re.sub(r"^(fatal|error): ", "", line) for line in stderr.splitlines()).strip()
    free = shutil.disk_usage(path).free if path.exists() else 1
    if "ermission denied" in stderr:
        remedy = f"Give it to the hub's user with `chown -R {os.geteuid()}:{os.getegid()} {path}`"
    elif "No space left" in stderr or free == 0:
        remedy = f"Make room (`df -h {path}`)"
    elif arguments[0] == "update-ref" and "but expected" in stderr:
        remedy = "Somebody else moved the branch meanwhile, so nothing was published"
    else:
        remedy = f"Look for damage with `git -C {path} fsck`"
    return ReleaseError(
        f"`git {arguments[0]}` failed in {path}: {said or 'it gave no reason'}. {remedy}, then run "
        "`cohorthub materials publish` again."
    )
