"""The course as the rest of the product sees it: every date, name and path worked out."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from cohorthub.course.facts import (
    TAUGHT,
    VARIANTS,
    WEEKDAYS,
    Book,
    Fact,
    FormerRepositories,
    Kind,
    Link,
    Outcome,
    Part,
    PrimerList,
    Recap,
    Team,
    Topic,
    UsualHours,
    Variant,
    Weekday,
)
from cohorthub.problems import closest


class CourseError(LookupError):
    """Something that the course does not have; the message says what comes closest."""


class FormerFile(Fact):
    """A notebook's former path, relative to the root of any of the former repositories."""

    variant: Variant
    path: str


class Session(Fact):
    """One session, or a piece of work beside the taught ones.

    ``starts``, ``ends`` and ``released_at`` are aware, in the course's zone. Comparing two such
    datetimes compares wall clocks; ``schedule`` compares instants.
    """

    day: int
    """The day's number in the course."""
    date: date
    folder: str
    """The day's folder, in the sources and in the release repository: ``day01-intro-ffns``."""
    part: Part
    kind: Kind
    title: str
    former_title: str | None = None
    """The title on the former course page, where it differs."""
    note: str | None = None
    starts: datetime | None = None
    """None when nobody teaches (except that the release of the coursework has a start)."""
    ends: datetime | None = None
    released_at: datetime
    """From when on its notebooks are in the release repository."""
    former: tuple[FormerFile, ...] = ()

    @property
    def slug(self) -> str:
        """The name in links and commands: ``day01-morning``."""
        return f"day{self.day:02d}-{self.part}"

    @property
    def taught(self) -> bool:
        """Whether somebody teaches; ``starts`` and ``ends`` are then known."""
        return self.kind in TAUGHT

    @property
    def source(self) -> str:
        """The path of the notebook source below ``materials/days``, whether it exists or not."""
        return f"{self.folder}/{self.part}.py"

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The notebooks that students get, the one to work in first; none for working time."""
        return VARIANTS[self.kind]

    @property
    def files(self) -> Mapping[Variant, str]:
        """The path of each of its notebooks in the release repository."""
        return {v: f"{self.folder}/{self.slug}-{v}.ipynb" for v in self.variants}

    def file(self, variant: str) -> str:
        """The path of one of its notebooks. Raises ``CourseError`` if it has none such."""
        for known, path in self.files.items():
            if known == variant:
                return path
        had = " and ".join(self.variants) or "no notebook"
        raise CourseError(f"{self.slug} has no '{variant}' notebook; it has {had}.")


class Day(Fact):
    """A day of the course and its sessions, in order."""

    number: int
    date: date
    slug: str
    folder: str
    assessed: bool
    sessions: tuple[Session, ...]

    @property
    def weekday(self) -> Weekday:
        """The date's weekday, in English."""
        return WEEKDAYS[self.date.weekday()]


class Coursework(Fact):
    """The coursework; ``released_at`` and ``deadline`` are aware, in the course's zone."""

    title: str
    release_session: str
    """The slug of the session at whose start the template comes out."""
    work_session: str | None
    """The slug of the session that is left for the work."""
    released_at: datetime
    deadline: datetime


class Course(Fact):
    """The whole course, checked and worked out."""

    slug: str
    """The release repository's name, and of the folder that students get."""
    title: str
    timezone: ZoneInfo
    framework: Link
    objectives: str
    topics: tuple[Topic, ...]
    hours: UsualHours
    free_afternoons: tuple[Weekday, ...]
    days_before: int
    """How many calendar days before its start a session's notebooks come out."""
    coursework: Coursework
    recaps: tuple[Recap, ...]
    former: FormerRepositories | None
    days: tuple[Day, ...]
    primer: tuple[PrimerList, ...]
    bibliography: tuple[Book, ...]
    outcomes: tuple[Outcome, ...]
    team: Team

    @property
    def sessions(self) -> tuple[Session, ...]:
        """Every session of the course, in order."""
        return tuple(session for day in self.days for session in day.sessions)

    def session(self, slug: str) -> Session:
        """The session of that slug. Raises ``CourseError``, which names the closest slug."""
        by_slug = {session.slug: session for session in self.sessions}
        if slug in by_slug:
            return by_slug[slug]
        # "day1-morning" is as near to every other day as to the first; it means the first.
        padded = re.sub(r"^day-?(\d)-", r"day0\1-", slug.lower())
        near = padded if padded in by_slug else closest(slug, by_slug)
        hint = f"did you mean {near}?" if near else f"the sessions are {', '.join(by_slug)}."
        raise CourseError(f"The course has no session '{slug}'; {hint}")

    def day(self, number: int) -> Day:
        """The day of that number, counted from 1. Raises ``CourseError``."""
        if 1 <= number <= len(self.days):
            return self.days[number - 1]
        raise CourseError(f"The course has no day {number}; its days are 1 to {len(self.days)}.")
