"""What comes out when.

Every function takes the moment it answers for; none looks at the computer's clock. A moment is
an aware datetime of any zone, and a naive one is refused with ``ValueError``. Moments are
compared as instants, so the hour that autumn repeats is no trap.
"""

from dataclasses import dataclass
from datetime import datetime

from cohorthub.course.clock import as_utc
from cohorthub.course.model import Course, Day, Session


@dataclass(frozen=True)
class Release:
    """Sessions whose notebooks come out at the same instant, in the course's order.

    ``at`` is aware, in the course's zone.
    """

    at: datetime
    sessions: tuple[Session, ...]


def releases(course: Course) -> list[Release]:
    """Every release of the course, the earliest first."""
    by_instant: dict[datetime, list[Session]] = {}
    for session in course.sessions:
        by_instant.setdefault(as_utc(session.released_at), []).append(session)
    return [
        Release(at.astimezone(course.timezone), tuple(sessions))
        for at, sessions in sorted(by_instant.items(), key=lambda item: item[0])
    ]


def is_released(session: Session, at: datetime) -> bool:
    """Whether the session's notebooks are out at a moment; they are from their very minute."""
    return as_utc(session.released_at) <= as_utc(at)


def released(course: Course, at: datetime) -> list[Session]:
    """The sessions whose notebooks are out at a moment, in the course's order."""
    return [session for session in course.sessions if is_released(session, at)]


def next_release(course: Course, at: datetime) -> Release | None:
    """The first release after a moment; None when everything is out."""
    now = as_utc(at)
    return next((release for release in releases(course) if as_utc(release.at) > now), None)


def today(course: Course, at: datetime) -> Day | None:
    """The course's day on the date that its zone has at a moment; None on any other date."""
    local = as_utc(at).astimezone(course.timezone).date()
    return next((day for day in course.days if day.date == local), None)
