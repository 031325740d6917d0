"""The course as an iCalendar file (RFC 5545), to import or to subscribe to.

The same course gives the same bytes. Times are written in UTC, so that no reader needs a
definition of the zone; whole days are dates.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from cohorthub.course.clock import as_utc
from cohorthub.course.links import session_link
from cohorthub.course.model import Course, Session

_FOLD_AT = 75  # octets a line, without its line break (RFC 5545, 3.1)


def course_calendar(
    course: Course, *, address: str | None = None, revised: datetime | None = None
) -> str:
    """The calendar's text, with the line breaks that the format wants (CRLF).

    Every session is an event, and the coursework's deadline is one more; a session that nobody
    teaches fills its day without blocking it. With the hub's ``address``, an event carries the
    link to the notebook to work in. ``revised`` (aware; the first session's release, if none is
    given) is the stamp by which readers tell a newer version. A session's event keeps its
    identity when its date, time or title changes.
    """
    stamp = _utc(course.sessions[0].released_at if revised is None else revised)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:-//cohorthub//{_text(course.slug)}//EN",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{_text(course.title)}",
        f"X-WR-TIMEZONE:{course.timezone.key}",
    ]
    for session in course.sessions:
        lines += _event(course, session.slug, stamp, _session_lines(course, session, address))
    lines += _event(course, "deadline", stamp, _deadline_lines(course))
    lines.append("END:VCALENDAR")
    return "".join(f"{part}\r\n" for line in lines for part in _folded(line))


def _event(course: Course, name: str, stamp: str, properties: Iterator[str]) -> list[str]:
    # The year tells this course's events from those of the same course in another year.
    uid = f"{name}.{course.days[0].date.year}@{course.slug}.cohorthub"
    return ["BEGIN:VEVENT", f"UID:{uid}", f"DTSTAMP:{stamp}", *properties, "END:VEVENT"]


def _session_lines(course: Course, session: Session, address: str | None) -> Iterator[str]:
    if session.starts is None:
        yield f"DTSTART;VALUE=DATE:{_day(session.date)}"
        yield f"DTEND;VALUE=DATE:{_day(session.date + timedelta(days=1))}"
        yield "TRANSP:TRANSPARENT"
    else:
        yield f"DTSTART:{_utc(session.starts)}"
        if session.ends is not None:
            yield f"DTEND:{_utc(session.ends)}"
    part = session.part.replace("-", " ")
    summary = f"Day {session.day} {part}: {session.title}"
    if session.kind == "additional":
        summary += " (not taught)"
    yield f"SUMMARY:{_text(summary)}"
    if session.note is not None:
        yield f"DESCRIPTION:{_text(session.note)}"
    if address is not None and session.variants:
        yield f"URL:{session_link(course, session, session.variants[0], address)}"
    yield f"CATEGORIES:{_text(session.kind)}"


def _deadline_lines(course: Course) -> Iterator[str]:
    yield f"DTSTART:{_utc(course.coursework.deadline)}"
    yield f"SUMMARY:{_text(f'{course.coursework.title}: deadline')}"
    yield "CATEGORIES:deadline"


def _utc(moment: datetime) -> str:
    return as_utc(moment).strftime("%Y%m%dT%H%M%SZ")


def _day(day: date) -> str:
    return day.strftime("%Y%m%d")


def _text(value: str) -> str:
    """A value of the type TEXT (RFC 5545, 3.3.11)."""
    escaped = re.sub(r"([\\;,])", r"\\\1", value)
    return re.sub(r"\r\n|\r|\n", r"\\n", escaped)


def _folded(line: str) -> Iterator[str]:
    """The line in pieces of at most 75 octets, each after the first behind a space.

    No piece ends inside a character.
    """
    piece, size = "", 0
    for character in line:
        width = len(character.encode())
        if size + width > _FOLD_AT:
            yield piece
            piece, size = " ", 1
        piece, size = piece + character, size + width
    yield piece
