"""The documentation is a contract: it has every command, setting and trouble, and no dead link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from cohorthub.cli.app import app
from cohorthub.cli.documents import settings_reference, stale_documents
from cohorthub.settings import load_settings, reference

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ADMIN = (ROOT / "docs/admin.md").read_text()


def commands(group: typer.Typer, before: str = "cohorthub") -> Iterator[str]:
    for command in group.registered_commands:
        name = command.name or command.callback.__name__.replace("_", "-")
        yield f"{before} {name}"
    for inner in group.registered_groups:
        yield from commands(inner.typer_instance, f"{before} {inner.name}")


@pytest.mark.parametrize("command", sorted(commands(app)))
def test_every_command_is_documented(command: str) -> None:
    assert any(command in page.read_text() for page in PAGES)


def test_every_setting_is_documented_and_has_a_meaning() -> None:
    text = settings_reference()
    assert (ROOT / "docs/settings.md").read_text() == text
    for key, _variable, _kind, _default, meaning in reference():
        assert f"| `{key}` |" in text
        assert meaning


def test_every_reason_of_a_failed_start_is_in_the_admins_table() -> None:
    reasons: set[str] = set()
    for name in ("troubles.py", "profiles.py"):
        source = (ROOT / "cohorthub/spawning" / name).read_text()
        reasons |= set(re.findall(r'(?:Trouble\(\s*|reason=)"([a-z-]+)"', source))
    assert len(reasons) > 10
    missing = {reason for reason in reasons if f"| `{reason}` |" not in ADMIN}
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_relative_link_is_dead(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_files_that_the_documentation_names_exist() -> None:
    for page in PAGES:
        for path in re.findall(
            r"`((?:tests|cohorthub|images|materials)/[\w/.-]+)`", page.read_text()
        ):
            if not path.startswith("materials/days/"):  # examples
                assert (ROOT / path).exists(), f"{page.name} names {path}"


def test_generated_pages_are_up_to_date(tmp_path: Path) -> None:
    # The defaults, whatever this checkout's own hub.yml says.
    settings = load_settings(root=ROOT)
    assert stale_documents(ROOT, settings) == [], "run: make docs"


def test_every_target_of_make_is_explained() -> None:
    targets = re.findall(r"^([a-z-]+):(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert len(targets) > 8
    assert all("## " in rest for _, rest in targets)
