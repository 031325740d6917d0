"""A session that stands in no course file, for tests of what is done with one."""

from datetime import UTC, date, datetime

from cohorthub.course import Kind, Session


def a_session(kind: Kind = "lecture") -> Session:
    return Session(
        day=3,
        date=date(2025, 11, 26),
        folder="day03-circles",
        part="morning",
        kind=kind,
        title="Circles & more",
        released_at=datetime(2025, 11, 24, 9, tzinfo=UTC),
    )
