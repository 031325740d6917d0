"""Builds a session's notebooks from its one source: the template and the solutions.

The same source always gives the same bytes: cell ids come from explicit ids or from the
cell's text, nothing has run, and metadata is the minimum. The two notebooks differ only
where a solution block stands (see ``source``); ``check`` refuses a template in which
anything of a solution is left.
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import nbformat

from cohorthub.course import Course, Session
from cohorthub.materials.check import pair_problems
from cohorthub.materials.source import Solution, SourceCell, read_source
from cohorthub.problems import ConfigurationError, Problem, closest, show

SOLUTIONS = "solutions"
"""The variant with the solutions in; every other variant of a session is a template."""

_PLACEHOLDER = re.compile(r"\{\{\s*([a-z]+\.[a-z]+)\s*\}\}")
_KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


@dataclass(frozen=True)
class Built:
    """One notebook that ``build_all`` made: whose it is and where it lies."""

    session: str
    variant: str
    path: Path
    sha256: str
    cells: int


def build_session(
    source: Path, session: Session, *, course: Course | None = None
) -> dict[str, bytes]:
    """The notebooks of one session, by variant, as the bytes of valid nbformat 4.5 files.

    Raises ``ConfigurationError`` with everything wrong in the source, and when a template
    would hold a marker or the text of a solution. ``course`` names the course in the
    metadata and fills the placeholders ``{{course.slug}}`` and ``{{course.title}}``.
    """
    cells = read_source(source)
    facts = _facts(session, course)
    problems = [*_order_problems(source, cells), *_placeholder_problems(source, cells, facts)]
    if problems:
        raise ConfigurationError(problems)
    texts = {
        with_solutions: [_text(cell, with_solutions=with_solutions, facts=facts) for cell in cells]
        for with_solutions in (False, True)
    }
    problems = pair_problems(source, cells, template=texts[False], solutions=texts[True])
    if problems:
        raise ConfigurationError(problems)
    metadata = {"session": session.slug}
    if course is not None:
        metadata["course"] = course.slug
    ids = _cell_ids(session.slug, cells)
    return {
        variant: _notebook(
            cells, ids, texts[variant == SOLUTIONS], {**metadata, "variant": variant}
        )
        for variant in session.files
    }


def build_all(course: Course, sources_dir: Path, out_dir: Path) -> list[Built]:
    """Builds every session that has a source below ``sources_dir`` into ``out_dir``.

    Sessions without a source yet are passed over. Nothing is written unless everything
    builds; each file is replaced atomically and one with the same bytes is left untouched.
    Raises ``ConfigurationError`` with the problems of all sources, a source that no session
    of the course claims among them.
    """
    problems: list[Problem] = []
    made: list[tuple[str, str, Path, bytes]] = []
    claimed: set[Path] = set()
    for session in course.sessions:
        source = sources_dir / session.source
        claimed.add(source)
        if not source.exists():
            continue
        try:
            notebooks = build_session(source, session, course=course)
        except ConfigurationError as exc:
            problems += exc.problems
            continue
        for name, file in session.files.items():
            made.append((session.slug, name, out_dir / file, notebooks[name]))
    wanted = [str(path.relative_to(sources_dir)) for path in claimed]
    for stray in sorted(set(sources_dir.rglob("*.py")) - claimed):
        below = str(stray.relative_to(sources_dir))
        near = closest(below, wanted)
        problems.append(
            Problem(
                str(stray),
                "",
                "a source that no session of the course has",
                f"a session's source such as {near}" if near else "a session's source",
            )
        )
    if problems:
        raise ConfigurationError(problems)
    built = []
    for slug, variant, path, content in made:
        if not path.is_file() or path.read_bytes() != content:
            _write_atomically(path, content)
        digest = hashlib.sha256(content).hexdigest()
        built.append(Built(slug, variant, path, digest, len(json.loads(content)["cells"])))
    return built


def stub(solution: Solution) -> list[str]:
    """The lines that stand in the template where the solution was: valid Python that raises
    ``NotImplementedError`` with the block's sentence, at the block's indentation."""
    message = json.dumps(solution.todo, ensure_ascii=False)
    one_line = f"{solution.indent}raise NotImplementedError({message})"
    lines = [f"{solution.indent}# Your turn: put your code in place of this line and the next."]
    if len(one_line) <= 100:
        return [*lines, one_line]
    return [
        *lines[:-1],
        f"{solution.indent}# Your turn: put your code in place of these four lines.",
        f"{solution.indent}raise NotImplementedError(",
        f"{solution.indent}    {message}",
        f"{solution.indent})",
    ]


def _text(cell: SourceCell, *, with_solutions: bool, facts: Mapping[str, str]) -> str:
    if cell.kind == "markdown":
        text = _PLACEHOLDER.sub(lambda match: facts[match[1]], "\n".join(cell.plain_lines))
        if "hint" in cell.tags:
            text = f"<details><summary>Hint</summary>\n\n{text}\n\n</details>"
        return text
    lines: list[str] = []
    for part in cell.parts:
        if isinstance(part, str):
            lines.append(part)
        else:
            lines += part.code if with_solutions else stub(part)
    return "\n".join(lines).strip("\n")


def _notebook(
    cells: tuple[SourceCell, ...], ids: list[str], texts: list[str], metadata: Mapping[str, str]
) -> bytes:
    built = []
    for cell, cell_id, text in zip(cells, ids, texts, strict=True):
        tags = list(cell.tags)
        if cell.solutions and "exercise" not in tags:
            tags.append("exercise")
        made: dict[str, object] = {
            "cell_type": cell.kind,
            "id": cell_id,
            "metadata": {"tags": tags} if tags else {},
            "source": text.splitlines(keepends=True),
        }
        if cell.kind == "code":
            made |= {"execution_count": None, "outputs": []}
        built.append(made)
    notebook = {
        "cells": built,
        "metadata": {
            "kernelspec": _KERNELSPEC,
            "language_info": {"name": "python"},
            "cohorthub": dict(metadata),
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    nbformat.validate(notebook)
    # As Jupyter itself writes a notebook, so that saving one unchanged changes no line.
    return (json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _cell_ids(session: str, cells: tuple[SourceCell, ...]) -> list[str]:
    """An id a cell, the same in both notebooks. One derived from the text stays when cells
    are added or moved elsewhere, so that a later release merges with a student's edits."""
    ids: list[str] = []
    taken = {cell.explicit_id for cell in cells if cell.explicit_id is not None}
    for cell in cells:
        if cell.explicit_id is not None:
            ids.append(cell.explicit_id)
            continue
        text = "\n".join(
            part if isinstance(part, str) else "\n".join(part.code) for part in cell.parts
        )
        repeat = 0
        while True:
            material = f"{session}\0{cell.kind}\0{text}\0{repeat}".encode()
            cell_id = f"{cell.kind[:2]}-{hashlib.sha256(material).hexdigest()[:12]}"
            if cell_id not in taken:
                break
            repeat += 1
        taken.add(cell_id)
        ids.append(cell_id)
    return ids


def _write_atomically(path: Path, content: bytes) -> None:
    """Puts the content at the path at once: a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".building-", delete=False) as draft:
        drafted = Path(draft.name)
        try:
            draft.write(content)
            draft.flush()
            drafted.chmod(0o644)
            drafted.replace(path)
        except BaseException:
            drafted.unlink(missing_ok=True)
            raise


def _facts(session: Session, course: Course | None) -> dict[str, str]:
    facts = {
        "session.title": session.title,
        "session.day": str(session.day),
        "session.part": session.part,
        "session.folder": session.folder,
        "session.solutions": PurePosixPath(session.files.get("solutions", "")).name,
    }
    if course is not None:
        facts |= {"course.slug": course.slug, "course.title": course.title}
    return {name: fact for name, fact in facts.items() if fact}


def _placeholder_problems(
    source: Path, cells: tuple[SourceCell, ...], facts: Mapping[str, str]
) -> list[Problem]:
    known = ", ".join(f"{{{{{name}}}}}" for name in facts)
    return [
        Problem(
            f"{source}:{cell.line + offset}",
            f"cell {cell.number}",
            f"the placeholder {show(match[0])}",
            f"one of {known}",
        )
        for cell in cells
        if cell.kind == "markdown"
        for offset, line in enumerate("\n".join(cell.plain_lines).split("\n"), 1)
        for match in _PLACEHOLDER.finditer(line)
        if match[1] not in facts
    ]


def _order_problems(source: Path, cells: tuple[SourceCell, ...]) -> list[Problem]:
    """A check tests the exercise right above it, so that it fails for that stub's sake."""
    problems = []
    checkable = False
    for cell in cells:
        if cell.kind == "markdown":
            continue
        if "check" in cell.tags and not checkable:
            problems.append(
                Problem(
                    f"{source}:{cell.line}",
                    f"cell {cell.number}",
                    "a check with no exercise right above it",
                    "the check directly below its exercise (markdown may stand between)",
                )
            )
        checkable = bool(cell.solutions) or (checkable and "check" in cell.tags)
    return problems
