"""The small facts of a course that stand in the file just as they are used."""

import re
from datetime import date, datetime, time
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

Part = Literal["morning", "afternoon", "all-day", "additional"]
Kind = Literal[
    "lecture",
    "exercises",
    "recap-quiz",
    "exercise-recap",
    "additional",
    "coursework-release",
    "coursework",
]
Variant = Literal["codealong", "exercises", "template", "solutions"]
Weekday = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

WEEKDAYS: tuple[Weekday, ...] = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)

VARIANTS: dict[Kind, tuple[Variant, ...]] = {
    "lecture": ("codealong", "solutions"),
    "exercises": ("exercises", "solutions"),
    "recap-quiz": ("codealong", "solutions"),
    "exercise-recap": ("exercises", "solutions"),
    "additional": ("exercises", "solutions"),
    "coursework-release": ("template",),
    "coursework": (),
}
"""The notebooks that a session of each kind gives to the students, the one to work in first."""

TAUGHT: frozenset[Kind] = frozenset({"lecture", "exercises", "recap-quiz", "exercise-recap"})
"""The kinds of session at which somebody teaches."""


def _slug(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", value):
        raise ValueError("lower-case letters, digits and single dashes, such as cnns-1")
    return value


def _one_line(value: str) -> str:
    if not value or value != value.strip() or not value.isprintable():
        raise ValueError("one line of text, with no space at its ends")
    return value


def _address(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+\.[^\s]+", value):
        raise ValueError("a web address such as https://example.org/page")
    return value


def _email(value: str) -> str:
    if not re.fullmatch(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>.]+", value):
        raise ValueError("an e-mail address such as name@example.org")
    return value


def _path(value: str) -> str:
    parts = value.split("/")
    if "\\" in value or not value.isprintable() or any(p in ("", ".", "..") for p in parts):
        raise ValueError("a path inside a repository, such as Day01/notebook.ipynb")
    return str(PurePosixPath(value))


# pydantic by itself takes a whole number for a date, a time or a moment, counting seconds: a
# forgotten colon would become a time of day shortly after midnight. Years start at 2000: a slip
# such as 0225 is none, and no arithmetic leaves the calendar.


def _date(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = value.isoformat()
    if isinstance(value, str) and re.fullmatch(r"2\d{3}-\d\d-\d\d", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError("a date such as 2025-11-24")


def _time(value: Any) -> time:
    if isinstance(value, time) and value.tzinfo is None:
        return value
    if isinstance(value, str) and re.fullmatch(r"\d\d:\d\d", value):
        try:
            return time.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError('a time of day such as "09:00"')


def _moment(value: Any) -> datetime:
    if isinstance(value, str) and re.fullmatch(r"2\d{3}-\d\d-\d\d \d\d:\d\d", value):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError('a moment on the course\'s own clock such as "2025-12-11 14:00"')


Slug = Annotated[str, AfterValidator(_slug)]
Line = Annotated[str, AfterValidator(_one_line)]
WebAddress = Annotated[str, AfterValidator(_address)]
EmailAddress = Annotated[str, AfterValidator(_email)]
RepositoryPath = Annotated[str, AfterValidator(_path)]
CalendarDate = Annotated[date, BeforeValidator(_date)]
WallTime = Annotated[time, BeforeValidator(_time)]
WallMoment = Annotated[datetime, BeforeValidator(_moment)]


class Fact(BaseModel):
    """A group of facts: never changed after it was read, and with no key unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Link(Fact):
    """A page elsewhere."""

    title: Line = Field(description="the link's text")
    url: WebAddress = Field(description="the page's address")


class Topic(Fact):
    """A subject of the course, under the number the course gives it; numbers may have gaps."""

    number: int = Field(ge=1, description="the topic's number")
    title: Line = Field(description="the topic's name")
    parts: tuple[Line, ...] = Field((), description="its sub-topics")
    note: Line | None = Field(None, description="a remark")
    assessed: bool = Field(True, description="whether the coursework covers it")


class PrimerList(Fact):
    """Videos to watch before the course; none of them is mandatory."""

    title: Line = Field(description="the list's heading")
    note: Line | None = Field(None, description="a remark")
    videos: tuple[Link, ...] = Field(min_length=1, description="the videos, in order")


class Book(Link):
    """A book to read beside the course; not mandatory."""

    authors: tuple[Line, ...] = Field(min_length=1, description="who wrote it")


class Outcome(Fact):
    """A learning outcome and the picture that stands for it."""

    text: Line = Field(description="the outcome")
    image: WebAddress = Field(description="the picture's address")
    source: Link = Field(description="where the picture is from")


class Person(Fact):
    """Somebody of the teaching team."""

    name: Line = Field(description="the full name")
    email: EmailAddress | None = Field(None, description="the e-mail address")


class Coordinator(Person):
    """Who answers for the course, with an address to write to."""

    email: EmailAddress = Field(description="the e-mail address")


class Team(Fact):
    """Who teaches the course."""

    coordinator: Coordinator = Field(description="the module's coordinator")
    members: tuple[Person, ...] = Field((), description="everybody else, in order")

    @property
    def people(self) -> tuple[Person, ...]:
        """The whole team, its coordinator first."""
        return (self.coordinator, *self.members)


class Hours(Fact):
    """The usual hours of a part of the day."""

    starts: WallTime = Field(description="when it starts")
    ends: WallTime = Field(description="when it ends")
    activity: Line = Field(description="what usually happens then")


class UsualHours(Fact):
    """The usual hours of the course."""

    morning: Hours = Field(description="the morning's hours")
    afternoon: Hours = Field(description="the afternoon's hours")


class FormerRepositories(Fact):
    """Where the notebooks used to be."""

    repositories: tuple[Line, ...] = Field(min_length=1, description="the repositories' names")
    branch: Line = Field(description="the branch that links named")


class Recap(Fact):
    """A recap and its quiz, which is not assessed."""

    number: int = Field(ge=1, description="the recap's number")
    theory: Slug = Field(description="the session with the recap of the theory and the quiz")
    exercises: Slug | None = Field(None, description="the session with the exercises' recap")
