"""What an image is made from: its folder, its lock, and one hash over all of it.

An image is a folder below ``images/`` with a ``Dockerfile``, a ``.dockerignore`` that lists what
the image is made of, and, when it has Python packages, a hash-locked ``requirements.lock``. Every
image stands on the folder ``base`` beside it. Nothing here asks the engine.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from docker.utils.build import exclude_paths

#: The date of every file that is sent to a build: any fixed one, so that no build carries its own.
SOURCE_DATE_EPOCH = 1735689600

INSTALL_SCRIPT = "install-environment.sh"
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^\s\\;]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class ImageError(Exception):
    """An image could not be made or found. The text says why and names a command to run."""


@dataclass(frozen=True)
class LockedPackage:
    """One package of a lock: ``text`` is its entry as it stands there, hashes included."""

    name: str
    version: str
    hashes: frozenset[str]
    text: str


def read_lock(lock: Path) -> tuple[LockedPackage, ...]:
    """Return the packages of a requirements file in which each is pinned and has its hashes.

    Raises `ImageError` for a file that cannot be read or an entry without pin or hash.
    """
    try:
        text = lock.read_text(encoding="utf-8")
    except OSError as exc:
        raise ImageError(f"{lock} cannot be read ({exc.strerror}). Run: make lock") from exc
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    packages = []
    for entry in re.split(r"(?<!\\)\n", "\n".join(lines)):
        if not entry.strip():
            continue
        pin = _PIN.match(entry.strip())
        hashes = frozenset(_HASH.findall(entry))
        if pin is None or not hashes:
            first = entry.strip().splitlines()[0]
            raise ImageError(f"{lock}: '{first}' has no exact version or no hash. Run: make lock")
        packages.append(LockedPackage(pin["name"], pin["version"], hashes, entry.strip()))
    return tuple(packages)


@dataclass(frozen=True)
class ContextFile:
    """One file of a build: its path in the context, where it is, and whether it is a program."""

    path: str
    source: Path

    @property
    def program(self) -> bool:
        """Whether its owner may execute it."""
        return bool(self.source.stat().st_mode & 0o100)


def context_files(folder: Path) -> tuple[ContextFile, ...]:
    """Return what the engine is sent for ``folder``, in order: the files `.dockerignore` leaves."""
    ignore = folder / ".dockerignore"
    lines = ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else []
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    kept = exclude_paths(str(folder), patterns) - {".dockerignore"}
    files = (ContextFile(Path(path).as_posix(), folder / path) for path in sorted(kept))
    return tuple(file for file in files if file.source.is_file())


def context_archive(files: Iterable[ContextFile]) -> bytes:
    """Return a tar archive of ``files`` that depends on their contents alone.

    Owner, date and mode of the checkout do not reach the image: a strict umask of the person who
    builds must not make files that students cannot read.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        made: set[str] = set()
        for file in files:
            for parent in reversed(Path(file.path).parents[:-1]):
                if parent.as_posix() not in made:
                    made.add(parent.as_posix())
                    archive.addfile(_member(parent.as_posix(), 0o755, tarfile.DIRTYPE))
            content = file.source.read_bytes()
            member = _member(file.path, 0o755 if file.program else 0o644, tarfile.REGTYPE)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _member(path: str, mode: int, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.type, member.mode, member.mtime = kind, mode, SOURCE_DATE_EPOCH
    return member


def digest(parts: Iterable[bytes]) -> str:
    """Return the SHA-256 of ``parts``, told apart from each other by their lengths."""
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big"))
        total.update(part)
    return total.hexdigest()


def _file_parts(files: Iterable[ContextFile]) -> Iterator[bytes]:
    for file in files:
        yield file.path.encode()
        yield b"program" if file.program else b"file"
        yield file.source.read_bytes()


@dataclass(frozen=True)
class ImageSource:
    """The folder of one image and the base it stands on.

    ``debian`` is the digest-pinned Debian reference the base is built from, or empty for the one
    that is bootstrapped.
    """

    folder: Path
    debian: str = ""

    def __post_init__(self) -> None:
        if not (self.folder / "Dockerfile").is_file():
            raise ImageError(f"{self.folder} has no Dockerfile. Run: ls {self.folder.parent}")
        if not _NAME.fullmatch(self.name):
            raise ImageError(
                f"{self.folder}: an image's folder is named in small letters, digits and hyphens. "
                f"Run: mv {self.folder} {self.folder.parent}/<name>"
            )
        if self.debian and not re.search(r"@sha256:[0-9a-f]{64}$", self.debian):
            raise ImageError(
                f"{self.debian}: the base must name a digest, as in "
                "debian:bookworm-slim@sha256:… Run: docker pull debian:bookworm-slim; "
                "docker images --digests debian"
            )

    @property
    def name(self) -> str:
        """The image's name: its folder's."""
        return self.folder.name

    @property
    def base(self) -> Path:
        """The folder of the base image."""
        return self.folder.parent / "base"

    @property
    def lock(self) -> Path | None:
        """The image's locked Python packages, when it has any."""
        lock = self.folder / "requirements.lock"
        return lock if lock.is_file() else None

    @property
    def install_script(self) -> Path:
        """What installs the locked packages inside the base image."""
        return self.base / INSTALL_SCRIPT

    @cached_property
    def packages(self) -> tuple[LockedPackage, ...]:
        """The locked packages; none without a lock."""
        return read_lock(self.lock) if self.lock else ()

    def locked_version(self, package: str) -> str:
        """Return the version that the lock pins ``package`` at, or an empty string."""
        return next((p.version for p in self.packages if p.name == package), "")

    @cached_property
    def base_inputs(self) -> str:
        """Hash of all that makes the base image."""
        return digest([self.debian.encode(), *_file_parts(context_files(self.base))])

    @cached_property
    def lock_hash(self) -> str:
        """SHA-256 of the lock file, or an empty string."""
        return hashlib.sha256(self.lock.read_bytes()).hexdigest() if self.lock else ""

    @cached_property
    def inputs(self) -> str:
        """Hash of all that makes the image: both folders' files, the lock, how it is installed."""
        parts = [self.base_inputs.encode(), *_file_parts(context_files(self.folder))]
        if self.lock:
            parts += [self.lock.read_bytes(), self.install_script.read_bytes()]
        return digest(parts)


def inputs_hash(image_dir: Path, debian: str = "") -> str:
    """Return the hash of everything that the image of ``image_dir`` is made from.

    The same hash means the same image up to Debian's own updates. Raises `ImageError`.
    """
    return ImageSource(image_dir, debian).inputs
