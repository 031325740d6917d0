"""The hub's own pages: the course's name on them, and sentences in place of jargon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cohorthub.course import Course
from cohorthub.settings import Settings

TEMPLATES = Path(__file__).parent / "templates"


def configure_pages(c: Any, settings: Settings, course: Course) -> None:
    """Use our templates where they exist, and tell them the course's name."""
    c.JupyterHub.template_paths = [str(TEMPLATES)]
    c.JupyterHub.template_vars = {
        "course_title": course.title,
        "shared_password": settings.sign_in == "shared-password",
    }
