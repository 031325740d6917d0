"""Secrets: made once, readable by their owner alone."""

import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cohorthub.hub.secrets import secret_file, typed_password


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = secret_file(tmp_path, "token")
    assert secret_file(tmp_path, "token") == first
    assert re.fullmatch("[0-9a-f]{64}", first)
    assert stat.S_IMODE((tmp_path / "secrets" / "token").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_two_that_start_together_use_the_same_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        seen = set(pool.map(lambda _: len(secret_file(tmp_path, "token")), range(8)))
    assert seen == {64}


def test_an_empty_secret_is_refused_with_the_command_to_run(tmp_path: Path) -> None:
    secret_file(tmp_path, "token")
    (tmp_path / "secrets" / "token").write_text("")
    with pytest.raises(RuntimeError, match=r"rm .*token"):
        secret_file(tmp_path, "token")


def test_passwords_are_typed_easily_and_differ() -> None:
    made = {typed_password() for _ in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch(r"[a-hj-km-np-z2-9]{4}(-[a-hj-km-np-z2-9]{4}){2}", p) for p in made)
