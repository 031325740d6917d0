"""Secrets that the hub makes for itself: generated once, kept in the state folder, never logged."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

#: Letters that are hard to confuse when a password is typed from a terminal.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def secret_file(state_dir: Path, name: str, *, make: str | None = None) -> str:
    """Return the secret called ``name``, generated on first use.

    The file is readable by its owner only. ``make`` replaces the generated value on first use.
    """
    folder = state_dir / "secrets"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    path = folder / name
    if not path.exists():
        handle, draft = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write((make or secrets.token_hex(32)) + "\n")
        # A link appears whole or not at all, and never in another's place: of two processes that
        # start together, one makes the secret and both read it.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        Path(draft).unlink()
    text = path.read_text(encoding="ascii").strip()
    if not text:
        raise RuntimeError(f"{path} is empty. Run: rm {path}; then start the hub again")
    return text


def typed_password(groups: int = 3, letters: int = 4) -> str:
    """Return a random password that a person can type: groups of letters and digits."""
    return "-".join(
        "".join(secrets.choice(_ALPHABET) for _ in range(letters)) for _ in range(groups)
    )
