"""Refuses a pair of notebooks that gives a solution away or holds a cell that is no Python.

The canary looks at the finished text and not at how it was built, so that a fault of the
build is caught as well as an author's slip.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from cohorthub.materials.source import SourceCell, syntax_fault
from cohorthub.problems import Problem, show

_MARKER_LEFT = re.compile(r"#\s*={3,}\s*(solution|end)\b", re.IGNORECASE)
_TELLTALE = 12
"""Lines shorter than this many characters, spaces aside, (`return z`) tell nothing alone."""


def pair_problems(
    source: Path,
    cells: Sequence[SourceCell],
    *,
    template: Sequence[str],
    solutions: Sequence[str],
) -> list[Problem]:
    """What is wrong with the texts of a built pair, cell by cell beside their source.

    A template may not hold a marker, nor the whole of a solution block anywhere (also not
    in an example, a hint or a stub's sentence), nor a single telling line of one that the
    source does not itself show outside its blocks. Every code cell of both must compile.
    """
    problems: list[Problem] = []

    def refuse(line: int, cell: SourceCell, found: str, expected: str) -> None:
        problems.append(Problem(f"{source}:{line}", f"cell {cell.number}", found, expected))

    for name, texts in (("template", template), ("solutions", solutions)):
        for cell, text in zip(cells, texts, strict=True):
            if _MARKER_LEFT.search(text):
                refuse(cell.line, cell, f"a marker left in the {name}", "no marker")
            fault = syntax_fault(text) if cell.kind == "code" else None
            if fault is not None:
                refuse(cell.line, cell, f"no Python in the {name}: {fault[1]}", "valid Python")
    shown = [_squeeze(line) for cell in cells for line in _lines(cell.plain_lines)]
    written = [[_squeeze(line) for line in _code_lines(text.split("\n"))] for text in template]
    for cell in cells:
        for solution in cell.solutions:
            block = [_squeeze(line) for line in _code_lines(solution.code)]
            given_away = set()
            for other, lines in zip(cells, written, strict=True):
                if _holds(lines, block):
                    given_away.add(other.number)
                    refuse(
                        solution.line,
                        cell,
                        f"this solution word for word in cell {other.number} "
                        f"(line {other.line}) of the template",
                        "a solution that stands nowhere else",
                    )
            for line in block:
                if len(line) < _TELLTALE or any(line in text for text in shown):
                    continue
                for other, lines in zip(cells, written, strict=True):
                    if other.number not in given_away and any(line in text for text in lines):
                        refuse(
                            solution.line,
                            cell,
                            f"its line {show(line)} in cell {other.number} of the template",
                            "no line of a solution in the template",
                        )
    return problems


def _lines(texts: Iterable[str]) -> Iterable[str]:
    for text in texts:
        yield from text.split("\n")


def _code_lines(lines: Iterable[str]) -> list[str]:
    """Lines that say something: no blank ones, no comments."""
    return [line for line in lines if line.strip() and not line.strip().startswith("#")]


def _squeeze(line: str) -> str:
    """The line with no white space at all: `z = w*x` and `z=w * x` are the same answer."""
    return "".join(line.split())


def _holds(lines: Sequence[str], block: Sequence[str]) -> bool:
    """Whether the block stands in the lines as a run. A single line counts only when it is
    long enough to tell something, and then also inside a longer line."""
    if not block:
        return False
    if len(block) == 1:
        return len(block[0]) >= _TELLTALE and any(block[0] in line for line in lines)
    last = len(lines) - len(block)
    return any(list(lines[at : at + len(block)]) == list(block) for at in range(last + 1))
