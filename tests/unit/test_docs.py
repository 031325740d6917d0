"""The documentation is a contract: every command, setting, failure and proof, and no dead link."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from cohorthub.cli.app import app
from cohorthub.cli.documents import settings_reference, stale_documents
from cohorthub.settings import load_settings, reference
from cohorthub.spawning import troubles

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ADMIN = (ROOT / "docs/admin.md").read_text()
STUDENTS = (ROOT / "docs/students.md").read_text()
THREATS = (ROOT / "docs/threat-model.md").read_text()

#: What raises or logs a failure for the administrator. ``log.error`` and ``log.warning`` count too.
FAILURES = {"ImageError", "ReleaseError", "StartFailed", "CannotListen"}
#: Functions whose answer is the text of such a failure.
EXPLAINERS = {"explain", "_explain", "_bootstrap_failed", "_build_failed"}


def commands(group: typer.Typer, before: str = "cohorthub") -> Iterator[str]:
    for command in group.registered_commands:
        name = command.name or command.callback.__name__.replace("_", "-")
        yield f"{before} {name}"
    for inner in group.registered_groups:
        yield from commands(inner.typer_instance, f"{before} {inner.name}")


def rows(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the tables' rows in the section below ``heading``."""
    level = heading.split(" ")[0]
    section = page.split(f"\n{heading}\n", 1)[1]
    section = re.split(rf"\n#{{1,{len(level)}}} ", section, maxsplit=1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if not set("".join(row)) <= set("- ")]


def says(text: str, phrase: str) -> bool:
    """Tell whether ``phrase``, in which "…" stands for anything, is in ``text``."""
    rest = text.replace("`", "")
    for part in phrase.replace("`", "").split("…"):
        if part.strip():
            _, found, rest = rest.partition(part.strip())
            if not found:
                return False
    return True


def literal(node: ast.AST) -> str:
    """Return the text of a string expression, with "…" for what is put into it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%[sd]", "…", node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(literal(part) or "…" for part in node.values)
    if isinstance(node, ast.BinOp):
        return literal(node.left) + literal(node.right)
    return ""


def sources() -> list[tuple[Path, ast.Module]]:
    paths = sorted((ROOT / "cohorthub").rglob("*.py"))
    return [(path.relative_to(ROOT), ast.parse(path.read_text())) for path in paths]


def failures() -> Iterator[tuple[str, str]]:
    """Yield the place and the text of everything that the code reports to an administrator."""
    for path, tree in sources():
        for node in ast.walk(tree):
            found: list[ast.expr | None] = []
            if isinstance(node, ast.Call) and node.args:
                function = node.func
                name = getattr(function, "id", "") or getattr(function, "attr", "")
                logs = isinstance(function, ast.Attribute) and name in {"warning", "error"}
                if name in FAILURES or logs:
                    found.append(node.args[0])
            elif isinstance(node, ast.FunctionDef) and node.name in EXPLAINERS:
                found += [item.value for item in ast.walk(node) if isinstance(item, ast.Return)]
            for value in found:
                text = literal(value) if value else ""
                # Nothing but a place for another sentence: that sentence is looked at itself.
                if len(re.sub(r"[^a-z]", "", text)) > 10:
                    yield f"{path}:{node.lineno}", text


def all_troubles() -> list[troubles.Trouble]:
    found = []
    for name, function in inspect.getmembers(troubles, inspect.isfunction):
        signature = inspect.signature(function)
        if name != "from_engine" and signature.return_annotation == "Trouble":
            values = [
                90.0 if p.annotation == "float" else "X" for p in signature.parameters.values()
            ]
            found.append(function(*values))
    return found


WRONG = "## When something is wrong"
NOT_STARTED = "### A server does not start"


@pytest.mark.parametrize("command", sorted(commands(app)))
def test_every_command_is_documented(command: str) -> None:
    assert any(re.search(rf"`{command}\b", page.read_text()) for page in PAGES)


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
    told = {row[0].strip("`") for row in rows(ADMIN, NOT_STARTED)} - {"reason"}
    assert told == reasons


@pytest.mark.parametrize("trouble", all_troubles(), ids=lambda trouble: trouble.reason)
def test_every_failed_start_is_explained_to_student_and_admin(trouble: troubles.Trouble) -> None:
    log_lines = {row[0].strip("`"): row[1] for row in rows(ADMIN, NOT_STARTED)}
    assert says(trouble.admin, log_lines[trouble.reason])
    sentences = [row[0] for row in rows(STUDENTS, "## When a server does not start")]
    assert [phrase for phrase in sentences if says(trouble.student, phrase)]


def phrases() -> set[str]:
    """Return what the admin's tables quote from logs and messages."""
    told = {row[1] if row[0].startswith("`") else row[0] for row in rows(ADMIN, WRONG)}
    heads = {"the log says", "it says", "what to run"}
    # The form of all problems of a configuration; their texts have tests of their own.
    return told - heads - {"found an unknown key, or any other `KEY: found …, expected …`"}


def test_every_failure_that_the_code_reports_is_in_a_table_of_the_admins() -> None:
    told = phrases()
    reported = list(failures())
    assert len(reported) > 40
    missing = [item for item in reported if not any(says(item[1], phrase) for phrase in told)]
    assert not missing


def test_every_phrase_of_the_admins_tables_is_one_of_the_code() -> None:
    texts = {literal(node) for _, tree in sources() for node in ast.walk(tree)}
    texts = {text for text in texts if len(text) > 15} | {(ROOT / "tools/setup").read_text()}
    assert not {phrase for phrase in phrases() if not any(says(text, phrase) for text in texts)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_relative_link_is_dead(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(#[^)]*)?\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        file = page.parent / target if target else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}
            assert anchor[1:] in slugs, f"{page.name} links to {target}{anchor}"


def test_files_that_the_documentation_names_exist() -> None:
    for page in PAGES:
        for path in re.findall(
            r"`((?:tests|cohorthub|images|materials|tools|requirements|proxy)/[\w/.-]+)",
            page.read_text(),
        ):
            if not path.startswith("materials/days/"):  # examples
                assert (ROOT / path).exists(), f"{page.name} names {path}"


def test_every_proof_of_the_threat_model_is_a_test() -> None:
    proofs = re.findall(r"`([\w/]+\.py)::(\w+)`", THREATS)
    assert len(proofs) > 20
    for path, name in proofs:
        assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE), name
    for heading in ("## With containers: what stops whom", "## In both modes: tokens and releases"):
        for row in rows(THREATS, heading)[1:]:
            assert "::test_" in row[2], f"no proof: {row[0]}"


def test_generated_pages_are_up_to_date() -> None:
    # The defaults, whatever this checkout's own hub.yml says.
    settings = load_settings(root=ROOT)
    assert stale_documents(ROOT, settings) == [], "run: make docs"


def test_every_target_of_make_is_explained() -> None:
    targets = re.findall(r"^([a-z-]+):(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert len(targets) > 8
    assert all("## " in rest for _, rest in targets)
