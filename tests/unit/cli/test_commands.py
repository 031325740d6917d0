"""The commands, as they are typed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).resolve().parents[3]


def cohorthub(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cohorthub", *words],
        env={**os.environ, "COLUMNS": "200", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def target(link: str) -> str:
    return parse_qs(urlsplit(link).query)["urlpath"][0]


def test_links_of_a_session() -> None:
    done = cohorthub("links", "day01-morning", COHORTHUB_ADDRESS="https://hub.example.org")
    assert done.returncode == 0, done.stderr
    links = [line for line in done.stdout.splitlines() if line.startswith("http")]
    assert len(links) == 2
    assert all(
        link.startswith("https://hub.example.org/hub/user-redirect/git-pull?") for link in links
    )
    assert target(links[0]).endswith("/day01-morning-codealong.ipynb")


def test_an_unknown_session_is_answered_with_the_closest_one() -> None:
    done = cohorthub("links", "day01-mornin")
    assert done.returncode == 1
    assert "day01-morning" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_old_path_leads_to_the_new_place() -> None:
    old = "Day04-CNNs(1)/Day04-CNNs(1)_morning_codealong.ipynb"
    done = cohorthub("links", "--path", old)
    assert done.returncode == 0, done.stderr
    assert target(done.stdout.strip()).endswith("/day04-morning-codealong.ipynb")


def test_any_other_path_becomes_a_link() -> None:
    done = cohorthub("links", "--path", "my folder (1)/a b.ipynb")
    assert "a%20b.ipynb" in target(done.stdout.strip())


def test_settings_are_explained_and_checked() -> None:
    done = cohorthub("settings", "--explain")
    assert done.returncode == 0, done.stderr
    assert "docker.prefix" in done.stdout
    bad = cohorthub("settings", COHORTHUB_PORT="many")
    assert bad.returncode == 1
    assert "environment: COHORTHUB_PORT: found 'many', expected a whole number" in bad.stderr


def test_what_would_be_out_at_a_time() -> None:
    before = cohorthub("materials", "publish", "--at", "2025-11-22T08:59", "--dry-run")
    after = cohorthub("materials", "publish", "--at", "2025-11-22T09:00", "--dry-run")
    assert "day01-morning" not in before.stdout
    assert "day01-morning: out" in after.stdout
    future = cohorthub("materials", "publish", "--at", "2999-01-01T00:00")
    assert future.returncode != 0
    assert "dry-run" in future.stderr


def test_the_course_is_checked() -> None:
    assert "15 days" in cohorthub("course", "check").stdout
    wrong = cohorthub("course", "check", COHORTHUB_COURSE_FILE="nowhere.yml")
    assert wrong.returncode == 1
    assert "nowhere.yml" in wrong.stderr


def test_help_lists_every_group() -> None:
    said = cohorthub("--help").stdout
    assert all(word in said for word in ("run", "links", "image", "materials", "settings"))
