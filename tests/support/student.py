"""The student environment's Python, for what has to run where torch is."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COURSEKIT = ROOT / "images" / "course"
"""The folder that holds the package ``coursekit``."""


def student_python() -> Path:
    """The interpreter of the student environment; fails, and never skips, where it is absent."""
    chosen = os.environ.get("COHORTHUB_STUDENT_PYTHON")
    python = Path(chosen) if chosen else ROOT / ".venv" / "student" / "bin" / "python"
    assert python.is_file(), (
        f"There is no student environment at {python}. Run: tools/setup student "
        "(or set COHORTHUB_STUDENT_PYTHON)"
    )
    return python
