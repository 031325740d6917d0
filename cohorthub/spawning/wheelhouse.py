"""The wheelhouse: every locked wheel, downloaded once on the host and checked by its hash.

Builds and the try-out install from it with no network, so the same bytes arrive everywhere. Wheels
are recognised by content, never by name: a file that a broken download left behind counts as
missing and is fetched again.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

from filelock import FileLock

from cohorthub.spawning.image_source import ImageError, LockedPackage, read_lock

Progress = Callable[[str], None]

#: What the images run on: Debian bookworm's Python and C library. The wheels are chosen for it
#: whatever Python downloads them.
_PYTHON = "3.11"
_GLIBC_MINOR = 36

#: Packages a run of pip: what is lost when the download is interrupted.
_BATCH = 10
_SHOWN = ("Collecting", "Downloading", "Using cached", "Processing", "ERROR", "WARNING")


def ensure_wheelhouse(
    lock: Path, wheelhouse: Path, python: Path, progress: Progress = print
) -> None:
    """Download into ``wheelhouse`` what ``lock`` names and is not there yet.

    ``python`` is any interpreter with pip. An interrupted download goes on where it was. Lines for
    a person go to ``progress``. Raises `ImageError`, for a wheel that is not what the lock says
    among others.
    """
    packages = read_lock(lock)
    try:
        wheelhouse.mkdir(parents=True, exist_ok=True)
        with FileLock(wheelhouse / ".lock"):
            missing = missing_packages(packages, wheelhouse)
            if not missing:
                return
            progress(f"Wheelhouse: {len(missing)} of {len(packages)} packages to download")
            for start in range(0, len(missing), _BATCH):
                batch = missing[start : start + _BATCH]
                _download(batch, lock, wheelhouse, python, progress)
                progress(f"Wheelhouse: {start + len(batch)} of {len(missing)} downloaded")
            left = missing_packages(packages, wheelhouse)
    except OSError as exc:
        raise ImageError(
            f"The wheelhouse {wheelhouse} cannot be written ({exc.strerror}). "
            f"Run: df -h {wheelhouse}"
        ) from exc
    if left:
        names = ", ".join(package.name for package in left)
        raise ImageError(
            f"pip downloaded no wheel of the lock for {names}. Run: make lock, and read its diff"
        )


def missing_packages(
    packages: Iterable[LockedPackage], wheelhouse: Path
) -> tuple[LockedPackage, ...]:
    """Return the packages of which no file in ``wheelhouse`` has one of the locked hashes."""
    present = _hashes(wheelhouse)
    return tuple(package for package in packages if not package.hashes & present)


def wheelhouse_size(packages: Iterable[LockedPackage], wheelhouse: Path) -> int:
    """Return the bytes of the wheels in ``wheelhouse`` that belong to ``packages``."""
    wanted = frozenset[str]().union(*(package.hashes for package in packages))
    known = _hashes_by_file(wheelhouse)
    return sum(
        (wheelhouse / name).stat().st_size for name, hash_ in known.items() if hash_ in wanted
    )


def _hashes(wheelhouse: Path) -> frozenset[str]:
    return frozenset(_hashes_by_file(wheelhouse).values())


def _hashes_by_file(wheelhouse: Path) -> dict[str, str]:
    """Return each wheel's SHA-256, remembered between runs by size and date: 3 GB take seconds."""
    record = wheelhouse / ".hashes.json"
    try:
        remembered = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        remembered = {}
    known = {}
    for wheel in sorted(wheelhouse.glob("*.whl")):
        stat = wheel.stat()
        stamp = [stat.st_size, stat.st_mtime_ns]
        entry = remembered.get(wheel.name)
        if entry is None or entry[:2] != stamp:
            with wheel.open("rb") as file:
                entry = [*stamp, hashlib.file_digest(file, "sha256").hexdigest()]
        known[wheel.name] = entry
    if known != remembered:
        fresh = record.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(known, indent=0), encoding="utf-8")
        fresh.replace(record)
    return {name: entry[2] for name, entry in known.items()}


def _platforms() -> list[str]:
    machine = platform.machine()
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(_GLIBC_MINOR, 4, -1)]
    return [*tags, f"manylinux2014_{machine}", f"manylinux2010_{machine}", f"linux_{machine}"]


def _download(
    packages: Iterable[LockedPackage],
    lock: Path,
    wheelhouse: Path,
    python: Path,
    progress: Progress,
) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as wanted:
        wanted.write("\n".join(package.text for package in packages) + "\n")
        wanted.flush()
        command = [
            *(str(python), "-m", "pip", "download", "--dest", str(wheelhouse)),
            *("--requirement", wanted.name, "--require-hashes", "--no-deps"),
            *("--only-binary", ":all:", "--python-version", _PYTHON, "--implementation", "cp"),
            *("--abi", f"cp{_PYTHON.replace('.', '')}", "--abi", "abi3", "--abi", "none"),
            *(part for tag in _platforms() for part in ("--platform", tag)),
            *("--progress-bar", "off", "--disable-pip-version-check"),
        ]
        try:
            code, tail = _run(command, progress)
        except OSError as exc:
            raise ImageError(
                f"{python} cannot be run ({exc.strerror}). Run: {python} -m pip --version"
            ) from exc
    if code:
        raise ImageError(_explain(tail, lock, wheelhouse, python))


def _run(command: list[str], progress: Progress) -> tuple[int, str]:
    """Run pip; return its exit status and its last lines."""
    tail: deque[str] = deque(maxlen=60)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                tail.append(line.rstrip())
                if line.strip().startswith(_SHOWN):
                    progress("  " + line.strip())
        except BaseException:
            process.terminate()
            raise
    return process.returncode, "\n".join(tail)


def _explain(tail: str, lock: Path, wheelhouse: Path, python: Path) -> str:
    """Turn pip's last lines into a sentence with a command."""
    low = tail.lower()
    if "do not match the hashes" in low:
        wrong = [line.strip() for line in tail.splitlines() if "Expected" in line or "Got" in line]
        return (
            f"A downloaded wheel is not what {lock} says ({'; '.join(wrong)}). The index serves "
            "another file, or something on the way changes it; nothing was installed. "
            f"Run: {python} -m pip cache purge; then try again"
        )
    if "no space left on device" in low:
        return f"The disk of {wheelhouse} is full. Run: df -h {wheelhouse} /tmp"
    if "no module named pip" in low:
        return f"{python} has no pip. Run: {python} -m ensurepip"
    if "no matching distribution" in low and "connection" not in low and "retrying" not in low:
        return f"{_error_line(tail)}. The lock is older than the index. Run: make lock"
    return (
        f"pip could not download the wheels: {_error_line(tail)}. "
        f"Run: {python} -m pip download --no-deps --dest {wheelhouse} pip"
    )


def _error_line(tail: str) -> str:
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    chosen = (errors or lines or ["no output"])[-1]
    return chosen.removeprefix("ERROR:").strip().rstrip(".")
