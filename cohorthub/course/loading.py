"""From the file to the course."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from cohorthub.course.checks import AgreedDocument
from cohorthub.course.clock import instant
from cohorthub.course.document import CourseDocument, DayEntry, SessionEntry
from cohorthub.course.model import Course, Coursework, Day, FormerFile, Session
from cohorthub.problems import ConfigurationError, load_yaml, problems_from_validation

CHECK_COMMAND = "cohorthub course check"


def load_course(path: Path) -> Course:
    """Reads, checks and works out the course.

    Raises ``ConfigurationError`` with everything that is wrong in the file, each with its line,
    and the command that checks again.
    """
    data, lines = load_yaml(path, command=CHECK_COMMAND)
    try:
        document = AgreedDocument.model_validate(data)
    except ValidationError as exc:
        problems = problems_from_validation(str(path), exc, model=CourseDocument, lines=lines)
        raise ConfigurationError(problems, command=CHECK_COMMAND) from None
    return _course(document)


def _course(document: AgreedDocument) -> Course:
    coursework, zone = document.coursework, document.timezone
    return Course(
        slug=document.slug,
        title=document.title,
        timezone=zone,
        framework=document.framework,
        objectives=document.objectives,
        topics=document.topics,
        hours=document.hours,
        free_afternoons=document.free_afternoons,
        days_before=document.release.days_before,
        coursework=Coursework(
            title=coursework.title,
            release_session=coursework.release_session,
            work_session=coursework.work_session,
            released_at=instant(coursework.release, zone),
            deadline=instant(coursework.deadline, zone),
        ),
        recaps=document.recaps,
        former=document.former,
        days=tuple(_day(document, day) for day in document.days),
        primer=document.primer,
        bibliography=document.bibliography,
        outcomes=document.outcomes,
        team=document.team,
    )


def _day(document: AgreedDocument, day: DayEntry) -> Day:
    return Day(
        number=day.number,
        date=day.date,
        slug=day.slug,
        folder=day.folder,
        assessed=day.assessed,
        sessions=tuple(_session(document, day, entry) for entry in day.sessions),
    )


def _session(document: AgreedDocument, day: DayEntry, entry: SessionEntry) -> Session:
    starts, ends = entry.clock(document.hours)
    release = document.release_of(day, entry)
    if release is None:
        raise AssertionError("a checked document knows when each session is released")
    return Session(
        day=day.number,
        date=day.date,
        folder=day.folder,
        part=entry.part,
        kind=entry.kind,
        title=entry.title,
        former_title=entry.former_title,
        note=entry.note,
        starts=_instant(None if starts is None else day.at(starts), document.timezone),
        ends=_instant(None if ends is None else day.at(ends), document.timezone),
        released_at=instant(release, document.timezone),
        former=tuple(FormerFile(variant=v, path=p) for v, p in entry.former.given().items()),
    )


def _instant(wall: datetime | None, zone: ZoneInfo) -> datetime | None:
    return None if wall is None else instant(wall, zone)
