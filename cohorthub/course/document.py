"""The shape of ``course.yml``: what a teacher writes, key by key.

Only the shape is here. What must agree between keys is in ``checks``; what the rest of the
product works with, dates and paths worked out, is in ``model``.
"""

from datetime import datetime, time
from zoneinfo import ZoneInfo

from pydantic import Field

from cohorthub.course.clock import days_earlier
from cohorthub.course.facts import (
    TAUGHT,
    Book,
    CalendarDate,
    Fact,
    FormerRepositories,
    Kind,
    Line,
    Link,
    Outcome,
    Part,
    PrimerList,
    Recap,
    RepositoryPath,
    Slug,
    Team,
    Topic,
    UsualHours,
    Variant,
    WallMoment,
    WallTime,
    Weekday,
)


class FormerFiles(Fact):
    """Where a session's notebooks were before, by what they are."""

    codealong: RepositoryPath | None = Field(None, description="the former codealong notebook")
    exercises: RepositoryPath | None = Field(None, description="the former exercises notebook")
    template: RepositoryPath | None = Field(None, description="the former coursework template")
    solutions: RepositoryPath | None = Field(None, description="the former solutions notebook")

    def given(self) -> dict[Variant, str]:
        """The paths that are given, by variant."""
        paths: dict[Variant, str | None] = {
            "codealong": self.codealong,
            "exercises": self.exercises,
            "template": self.template,
            "solutions": self.solutions,
        }
        return {variant: path for variant, path in paths.items() if path is not None}


class SessionEntry(Fact):
    """A session as it is written."""

    part: Part = Field(description="the part of the day")
    kind: Kind = Field(description="what happens in the session, which decides its notebooks")
    title: Line = Field(description="the title that students read")
    former_title: Line | None = Field(None, description="the title on the former course page")
    note: Line | None = Field(None, description="a remark shown beside the title")
    starts: WallTime | None = Field(None, description="when it starts, if not at the usual hour")
    ends: WallTime | None = Field(None, description="when it ends, if not at the usual hour")
    release: WallMoment | None = Field(None, description="when its notebooks come out instead")
    former: FormerFiles = Field(FormerFiles(), description="where its notebooks were before")

    @property
    def taught(self) -> bool:
        """Whether somebody teaches."""
        return self.kind in TAUGHT

    def clock(self, hours: UsualHours) -> tuple[time | None, time | None]:
        """The start and the end: its own, or for a taught session its part's usual hours.

        Either may be unknown; a session that is not taught has only what it states itself.
        """
        usual = {"morning": hours.morning, "afternoon": hours.afternoon}.get(self.part)
        if not self.taught or usual is None:
            return self.starts, self.ends
        return self.starts or usual.starts, self.ends or usual.ends


class DayEntry(Fact):
    """A day as it is written."""

    number: int = Field(ge=1, le=99, description="the day's number in the course")
    date: CalendarDate = Field(description="the day's date")
    weekday: Weekday | None = Field(None, description="the date's weekday, to catch a slip")
    slug: Slug = Field(description="the day's subject as a part of folder names and links")
    assessed: bool = Field(True, description="whether the coursework covers the day")
    sessions: tuple[SessionEntry, ...] = Field(min_length=1, description="the day's sessions")

    @property
    def folder(self) -> str:
        """The name of the day's folder, in the sources and in the release repository."""
        return f"day{self.number:02d}-{self.slug}"

    def session_slug(self, entry: SessionEntry) -> str:
        """The name that one of the day's sessions goes by in links and commands."""
        return f"day{self.number:02d}-{entry.part}"

    def at(self, clock: time) -> datetime:
        """A time of this day on the wall clock."""
        return datetime.combine(self.date, clock)


class ReleaseRule(Fact):
    """When notebooks come out."""

    days_before: int = Field(ge=0, le=60, description="calendar days before the session starts")


class CourseworkEntry(Fact):
    """The coursework as it is written."""

    title: Line = Field(description="the coursework's title")
    release_session: Slug = Field(description="the session at whose start the template comes out")
    work_session: Slug | None = Field(None, description="the session that is left for the work")
    release: WallMoment = Field(description="when the template comes out")
    deadline: WallMoment = Field(description="until when it is handed in")


class CourseDocument(Fact):
    """The whole file."""

    slug: Slug = Field(description="the release repository's name and the students' folder")
    title: Line = Field(description="the course's title")
    timezone: ZoneInfo = Field(description="the zone of every date and time in the file")
    framework: Link = Field(description="the machine-learning framework that is used")
    objectives: str = Field(min_length=1, description="what the course is for, in paragraphs")
    topics: tuple[Topic, ...] = Field(min_length=1, description="the subjects, by number")
    hours: UsualHours = Field(description="the usual hours of a day")
    free_afternoons: tuple[Weekday, ...] = Field((), description="weekdays without an afternoon")
    release: ReleaseRule = Field(description="when notebooks come out")
    coursework: CourseworkEntry = Field(description="the coursework")
    recaps: tuple[Recap, ...] = Field((), description="the recaps with their quizzes")
    former: FormerRepositories | None = Field(None, description="where the notebooks used to be")
    days: tuple[DayEntry, ...] = Field(min_length=1, description="the days, in order")
    primer: tuple[PrimerList, ...] = Field((), description="videos to prepare with")
    bibliography: tuple[Book, ...] = Field((), description="books")
    outcomes: tuple[Outcome, ...] = Field((), description="the learning outcomes")
    team: Team = Field(description="who teaches")

    def first_start(self, day: DayEntry) -> datetime | None:
        """When the day's first session starts, on the wall clock; None where none has a time."""
        starts = [entry.clock(self.hours)[0] for entry in day.sessions]
        return min((day.at(clock) for clock in starts if clock is not None), default=None)

    def release_of(self, day: DayEntry, entry: SessionEntry) -> datetime | None:
        """When a session's notebooks come out, on the wall clock.

        The moment the session states; for the coursework its own minute; else the rule's
        calendar days before the session starts, or, for one without a start, before the first
        of its day. None where nothing of this is known.
        """
        if entry.release is not None:
            return entry.release
        if entry.kind in ("coursework-release", "coursework"):
            return self.coursework.release
        own = entry.clock(self.hours)[0]
        start = self.first_start(day) if own is None else day.at(own)
        return None if start is None else days_earlier(start, self.release.days_before)

    def entries(self) -> dict[str, tuple[DayEntry, SessionEntry]]:
        """Every session with its day, by slug, in order."""
        return {
            day.session_slug(entry): (day, entry) for day in self.days for entry in day.sessions
        }
