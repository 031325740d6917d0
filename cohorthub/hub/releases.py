"""Publishing what is due, with this hub's settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from cohorthub.course import Course, Session
from cohorthub.materials.build import build_session
from cohorthub.materials.publish import PublishReport, publish_due
from cohorthub.settings import Settings


def has_source(settings: Settings, session: Session) -> bool:
    """Return whether the session's notebook is written."""
    return bool(session.source) and (settings.materials_dir / str(session.source)).is_file()


def session_content(settings: Settings, course: Course, session: Session) -> Mapping[str, bytes]:
    """Build a session's notebooks and return them by their path in the release repository."""
    built = build_session(settings.materials_dir / str(session.source), session, course=course)
    return {path: built[variant] for variant, path in session.files.items()}


def publish(settings: Settings, course: Course, at: datetime, *, amend: bool) -> PublishReport:
    """Publish what is due at ``at`` into this hub's release repository."""
    return publish_due(
        settings.release_dir / f"{course.slug}.git",
        course,
        lambda session: session_content(settings, course, session),
        at,
        available=lambda session: has_source(settings, session),
        amend=amend,
    )


def publish_now(settings: Settings, course: Course) -> str:
    """Publish what is due now, with fixes to what is out already; return a sentence about it.

    For a try-out, where the author of a notebook and its only reader are one person.
    """
    return publish(settings, course, datetime.now(UTC), amend=True).summary
