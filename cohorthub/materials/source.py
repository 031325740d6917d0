"""One session's source: a jupytext ``py:percent`` file with solution markers.

A code cell holds any number of solution blocks, at any indentation:

    # === solution: what the student has to do here, as a sentence ===
    …complete statements…
    # === end ===

In the solutions notebook the two marker lines vanish; in the template the block becomes a
stub that raises ``NotImplementedError`` with the sentence. Nothing else differs between the
two. The format is described for authors in docs/authors.md.
"""

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jupytext
import nbformat

from cohorthub.problems import ConfigurationError, Problem, closest, show

CODE_TAGS = ("exercise", "check", "slow")
MARKDOWN_TAGS = ("hint",)

_CELL_LINE = re.compile(r"#\s*%%(\s|\[|$)")
_MARKER_LIKE = re.compile(r"#\s*={3,}\s*\w")
_MARKER = re.compile(r"#\s*={3,}\s*(?P<word>\w+)\s*(?::\s*(?P<todo>.*?)\s*)?={3,}")
_CELL_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
_MARKER_FORM = "`# === solution: what to do ===` or `# === end ===` on a line of its own"

_OPTIONS_FORM = 'options such as `id="my-id"` or `tags=["check"]`, complete and in this form'
_CELLS_FORM = "cells that begin with `# %%` or `# %% [markdown]`, and no text outside them"
_FORMAT = "py:percent"


@dataclass(frozen=True)
class Solution:
    """One solution block: the code between two markers, without them.

    ``line`` is the opening marker's line in the source file, ``indent`` its indentation.
    """

    line: int
    indent: str
    todo: str
    code: tuple[str, ...]


@dataclass(frozen=True)
class SourceCell:
    """One cell as its author wrote it.

    ``number`` counts from 1, ``line`` is the file's line of the cell's first line of text.
    ``parts`` are plain lines and solution blocks in order; markdown has plain lines only.
    """

    number: int
    line: int
    kind: Literal["markdown", "code"]
    parts: tuple[str | Solution, ...]
    tags: tuple[str, ...]
    explicit_id: str | None

    @property
    def solutions(self) -> tuple[Solution, ...]:
        """The cell's solution blocks, none in most cells."""
        return tuple(part for part in self.parts if isinstance(part, Solution))

    @property
    def plain_lines(self) -> tuple[str, ...]:
        """The lines that stand outside every solution block."""
        return tuple(part for part in self.parts if isinstance(part, str))


def read_source(path: Path) -> tuple[SourceCell, ...]:
    """The cells of the source at ``path``.

    Raises ``ConfigurationError`` with everything that is wrong in the file: each problem's
    ``where`` is ``path:line`` and its ``key`` the cell (``cell 12``).
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        problem = Problem(str(path), "", "no such file", "the session's source")
        raise ConfigurationError([problem]) from None
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(
            [Problem(str(path), "", str(exc), "a readable text file in UTF-8")]
        ) from None
    reader = _Reader(path)
    cells = tuple(reader.cells(text))
    reader.check_ids(cells)
    if reader.problems:
        raise ConfigurationError(reader.problems)
    return cells


class _Reader:
    """Reads one file and gathers its problems, so that an author sees them all at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []

    def refuse(self, line: int, number: int, found: str, expected: str) -> None:
        self.problems.append(Problem(f"{self.path}:{line}", f"cell {number}", found, expected))

    def cells(self, text: str) -> Iterator[SourceCell]:
        lines = text.splitlines()
        starts = [n for n, line in enumerate(lines, 1) if _CELL_LINE.match(line)]
        if not starts:
            self.problems.append(Problem(str(self.path), "", "no cells", _CELLS_FORM))
            return
        outside = self.first_line_outside(lines[: starts[0] - 1])
        if outside is not None:
            found = show(lines[outside - 1])
            self.problems.append(Problem(f"{self.path}:{outside}", "", found, _CELLS_FORM))
            return
        raw_cells = self.raw_cells(lines, starts)
        if raw_cells is None:
            return
        if len(raw_cells) != len(starts):
            found = f"{len(starts)} lines `# %%` but {len(raw_cells)} cells"
            self.problems.append(Problem(f"{self.path}:{starts[0]}", "", found, _CELLS_FORM))
            return
        for number, (start, raw) in enumerate(zip(starts, raw_cells, strict=True), 1):
            cell = self.cell(number, start, raw)
            if cell is not None:
                yield cell

    @staticmethod
    def first_line_outside(lines: list[str]) -> int | None:
        """The number of the first line of text above the cells, past the header that editors
        keep their settings in: `# ---` to `# ---` at the top."""
        written = [n for n, line in enumerate(lines, 1) if line.strip()]
        fences = [n for n in written if lines[n - 1].rstrip() == "# ---"]
        if len(fences) > 1 and fences[0] == written[0]:
            written = [n for n in written if n > fences[1]]
        return written[0] if written else None

    def raw_cells(self, lines: list[str], starts: list[int]) -> list[Any] | None:
        """The cells as jupytext reads them, or None when it refuses a cell's options."""
        try:
            return list(jupytext.reads("\n".join(lines[starts[0] - 1 :]), fmt=_FORMAT).cells)
        except nbformat.ValidationError:
            for number, start in enumerate(starts, 1):
                try:
                    jupytext.reads(f"{lines[start - 1]}\n1\n", fmt=_FORMAT)
                except nbformat.ValidationError:
                    self.refuse(start, number, show(lines[start - 1]), _OPTIONS_FORM)
            return None

    def cell(self, number: int, start: int, raw: Any) -> SourceCell | None:
        kind = raw.cell_type
        if kind not in ("markdown", "code"):
            self.refuse(start, number, f"a {kind} cell", "a code cell or a [markdown] cell")
            return None
        tags, explicit_id = self.metadata(number, start, kind, dict(raw.metadata))
        if not raw.source.strip():
            self.refuse(start, number, "an empty cell", "some text")
            return None
        if kind == "markdown":
            for offset, line in enumerate(raw.source.splitlines(), 1):
                if _MARKER_LIKE.match(line.strip()):
                    self.refuse(
                        start + offset,
                        number,
                        f"the marker {show(line.strip())} in markdown",
                        "markers in code cells only: markdown is the same in both notebooks",
                    )
            return SourceCell(number, start, "markdown", (raw.source,), tags, explicit_id)
        parts = self.code_parts(number, start, raw.source)
        if parts is None:
            return None
        cell = SourceCell(number, start + 1, "code", parts, tags, explicit_id)
        if cell.solutions and explicit_id is None:
            self.refuse(
                start,
                number,
                "an exercise without an id",
                'an id that stays when the text changes, such as `# %% id="weighted-sum"`',
            )
        if "exercise" in tags and not cell.solutions:
            self.refuse(start, number, "the tag 'exercise' but no solution block", _MARKER_FORM)
        if "check" in tags and cell.solutions:
            self.refuse(start, number, "a solution block in a check cell", "the check alone")
        return cell

    def metadata(
        self, number: int, start: int, kind: str, metadata: dict[str, Any]
    ) -> tuple[tuple[str, ...], str | None]:
        for internal in ("lines_to_next_cell", "cell_marker"):
            metadata.pop(internal, None)
        # What jupytext cannot read as options it takes for a title, or keeps under this name.
        unread = metadata.pop("incorrectly_encoded_metadata", "")
        title = f"{metadata.pop('title', '')}{unread}"
        if re.search(r"[=\[\]\"]", title):
            self.refuse(
                start,
                number,
                f"{show(title)} after `# %%`",
                _OPTIONS_FORM,
            )
        tags = metadata.pop("tags", [])
        allowed = CODE_TAGS if kind == "code" else MARKDOWN_TAGS
        for tag in tags:
            if tag not in allowed:
                near = closest(str(tag), allowed)
                known = f"'{near}' (the closest known tag)" if near else ", ".join(allowed)
                self.refuse(start, number, f"the tag {show(tag)} in a {kind} cell", known)
        cell_id = metadata.pop("id", None)
        if cell_id is not None and not _CELL_ID.fullmatch(str(cell_id)):
            self.refuse(
                start,
                number,
                f"id={show(cell_id)}",
                "at most 41 lower-case letters, digits and hyphens",
            )
        for key in metadata:
            self.refuse(start, number, f"the option {show(key)}", "only id and tags")
        return tuple(map(str, tags)), None if cell_id is None else str(cell_id)

    def code_parts(self, number: int, start: int, source: str) -> tuple[str | Solution, ...] | None:
        """The cell cut at its markers, or None when it cannot be read (problems say why)."""
        fault = syntax_fault(source)
        if fault is not None:
            offset, message = fault
            self.refuse(start + offset, number, message, "plain Python, with no % or ! commands")
            return None
        lines = source.splitlines()
        markers = self.markers(number, start, source)
        parts: list[str | Solution] = []
        opened: tuple[int, str, str] | None = None
        block: list[str] = []
        for position, line in enumerate(lines, 1):
            here = start + position
            word, todo = markers.get(position, ("", ""))
            if word == "solution":
                if opened is not None:
                    self.refuse(here, number, "a solution inside a solution", "`# === end ===`")
                    return None
                if not todo:
                    self.refuse(here, number, "a solution with no sentence", _MARKER_FORM)
                indent = line[: len(line) - len(line.lstrip())]
                opened, block = (here, indent, todo), []
            elif word == "end":
                if opened is None:
                    self.refuse(
                        here, number, "an end with no solution above", "`# === solution: … ===`"
                    )
                    return None
                self.check_block(number, here, line, opened, block)
                parts.append(Solution(*opened, tuple(block)))
                opened = None
            elif opened is not None:
                block.append(line)
            else:
                parts.append(line)
        if opened is not None:
            self.refuse(opened[0], number, "a solution that has no end", "`# === end ===`")
            return None
        return tuple(parts)

    def markers(self, number: int, start: int, source: str) -> dict[int, tuple[str, str]]:
        """Line in the cell → word and sentence of each marker. Only comments are markers:
        the same text inside a string is refused, since a stub there would raise nothing."""
        comments = {
            token.start[0]: token
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type == tokenize.COMMENT
        }
        found: dict[int, tuple[str, str]] = {}
        for position, line in enumerate(source.splitlines(), 1):
            comment = comments.get(position)
            text = comment.string if comment else line.strip()
            if not _MARKER_LIKE.match(text):
                continue
            match = _MARKER.fullmatch(text.rstrip())
            word = match["word"] if match else ""
            own_line = comment is not None and comment.string == line.strip()
            if match is None or word not in ("solution", "end") or not own_line:
                self.refuse(start + position, number, show(line.strip()), _MARKER_FORM)
                continue
            found[position] = (word, match["todo"] or "")
        return found

    def check_block(
        self,
        number: int,
        end_line: int,
        end_text: str,
        opened: tuple[int, str, str],
        block: list[str],
    ) -> None:
        line, indent, _ = opened
        if end_text[: len(end_text) - len(end_text.lstrip())] != indent:
            self.refuse(
                end_line, number, "an end indented otherwise than its solution", "the same column"
            )
        try:
            body = "\n".join(block)
            statements = ast.parse(f"if True:\n{body}" if indent else body).body
        except SyntaxError:
            statements = []
        if not statements:
            self.refuse(
                line,
                number,
                "a solution that is no run of complete statements",
                "whole statements between the markers, so that a stub can stand in their place",
            )
            return
        nested = statements[0].body[0] if isinstance(statements[0], ast.If) and indent else None
        if nested is not None and nested.col_offset != len(indent.encode()):
            self.refuse(
                line,
                number,
                "a marker that is not in the column of its code",
                "the marker indented like the first statement below it",
            )

    def check_ids(self, cells: tuple[SourceCell, ...]) -> None:
        seen: dict[str, int] = {}
        for cell in cells:
            if cell.explicit_id is None:
                continue
            if cell.explicit_id in seen:
                self.refuse(
                    cell.line,
                    cell.number,
                    f"id={show(cell.explicit_id)} a second time",
                    f"an id of its own (cell {seen[cell.explicit_id]} has it)",
                )
            seen[cell.explicit_id] = cell.number


def syntax_fault(code: str) -> tuple[int, str] | None:
    """The line (from 1) and message of the first thing Python would refuse, or None.

    Top-level ``await`` is allowed, as in a notebook; a SyntaxWarning counts as a fault.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SyntaxWarning)
            compile(code, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError) as exc:
        line = getattr(exc, "lineno", None) or 1
        text = getattr(exc, "text", None)
        shown = f": {show(text.strip())}" if text else ""
        return line, f"{getattr(exc, 'msg', None) or exc}{shown}"
    return None
