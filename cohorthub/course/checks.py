"""What must agree between the keys of ``course.yml``.

Each check walks the whole document and yields every disagreement it finds, at the key where
the teacher would put it right.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise

from pydantic import model_validator

from cohorthub.course.clock import WallClockError, instant
from cohorthub.course.document import CourseDocument, DayEntry, SessionEntry
from cohorthub.course.facts import VARIANTS, WEEKDAYS, Kind
from cohorthub.problems import CrossCheckError, Finding, Location, closest


def _sessions(
    document: CourseDocument,
) -> Iterator[tuple[Location, DayEntry, SessionEntry]]:
    for d, day in enumerate(document.days):
        for s, entry in enumerate(day.sessions):
            yield ("days", d, "sessions", s), day, entry


def _days(document: CourseDocument) -> Iterator[Finding]:
    slugs: dict[str, int] = {}
    for d, day in enumerate(document.days):
        loc: Location = ("days", d)
        if day.number != d + 1:
            yield Finding((*loc, "number"), str(day.number), f"{d + 1}: days count from 1, no gaps")
        weekday = WEEKDAYS[day.date.weekday()]
        if day.weekday is not None and day.weekday != weekday:
            yield Finding(
                (*loc, "weekday"), day.weekday, f"{weekday}, which {day.date.isoformat()} is"
            )
        if day.slug in slugs:
            wanted = f"a slug of its own; day {slugs[day.slug]} has this one"
            yield Finding((*loc, "slug"), f"'{day.slug}'", wanted)
        slugs.setdefault(day.slug, day.number)
    for d, (before, after) in enumerate(pairwise(document.days), start=1):
        if after.date <= before.date:
            wanted = f"a date after {before.date.isoformat()}, the day before it in the file"
            yield Finding(("days", d, "date"), after.date.isoformat(), wanted)


def _parts(document: CourseDocument) -> Iterator[Finding]:
    for d, day in enumerate(document.days):
        seen: set[str] = set()
        for s, entry in enumerate(day.sessions):
            loc: Location = ("days", d, "sessions", s)
            if entry.part in seen:
                yield Finding((*loc, "part"), entry.part, "each part of a day at most once")
            seen.add(entry.part)
            if (entry.part == "additional") != (entry.kind == "additional"):
                wanted = "part and kind both 'additional', or neither"
                yield Finding((*loc, "kind"), entry.kind, wanted)
            if entry.taught and entry.part == "afternoon" and _is_free(document, day):
                weekday = WEEKDAYS[day.date.weekday()]
                wanted = f"no taught session: {weekday} afternoons are free (free_afternoons)"
                yield Finding((*loc, "part"), entry.part, wanted)


def _is_free(document: CourseDocument, day: DayEntry) -> bool:
    return WEEKDAYS[day.date.weekday()] in document.free_afternoons


def _hours(document: CourseDocument) -> Iterator[Finding]:
    usual = (("morning", document.hours.morning), ("afternoon", document.hours.afternoon))
    for name, hours in usual:
        if hours.ends <= hours.starts:
            wanted = f"a time after {hours.starts:%H:%M}, when the {name} starts"
            yield Finding(("hours", name, "ends"), f"{hours.ends:%H:%M}", wanted)
    morning, afternoon = document.hours.morning, document.hours.afternoon
    if afternoon.starts < morning.ends:
        wanted = f"{morning.ends:%H:%M} or later, when the morning ends"
        yield Finding(("hours", "afternoon", "starts"), f"{afternoon.starts:%H:%M}", wanted)


def _times(document: CourseDocument) -> Iterator[Finding]:
    for loc, _, entry in _sessions(document):
        starts, ends = entry.clock(document.hours)
        if entry.kind in ("additional", "coursework") and (entry.starts or entry.ends):
            key = "starts" if entry.starts else "ends"
            yield Finding((*loc, key), "a time", f"no time: kind '{entry.kind}' has none")
        elif entry.kind == "coursework-release" and starts is None:
            yield Finding((*loc, "starts"), "nothing", "the time at which the coursework comes out")
        elif entry.taught and (starts is None or ends is None):
            key = "starts" if starts is None else "ends"
            wanted = f"a time: '{entry.part}' has no usual hours"
            yield Finding((*loc, key), "nothing", wanted)
        if starts is not None and ends is not None and ends <= starts:
            wanted = f"a time after {starts:%H:%M}, when the session starts"
            yield Finding((*loc, "ends" if entry.ends else "starts"), f"{ends:%H:%M}", wanted)
    yield from _order_within_days(document)


def _order_within_days(document: CourseDocument) -> Iterator[Finding]:
    for d, day in enumerate(document.days):
        last_end = None
        for s, entry in enumerate(day.sessions):
            starts, ends = entry.clock(document.hours)
            if starts is None:
                continue
            if last_end is not None and starts < last_end:
                wanted = f"{last_end:%H:%M} or later, when the session before it ends"
                yield Finding(("days", d, "sessions", s), f"a start at {starts:%H:%M}", wanted)
            last_end = ends or starts


def _instants(document: CourseDocument) -> Iterator[Finding]:
    """Every time must name one instant in the course's zone."""

    def check(loc: Location, wall: datetime | None) -> Iterator[Finding]:
        if wall is None:
            return
        try:
            instant(wall, document.timezone)
        except WallClockError as exc:
            yield Finding(loc, f"{wall:%Y-%m-%d %H:%M}", str(exc))

    for loc, day, entry in _sessions(document):
        starts, ends = entry.clock(document.hours)
        yield from check((*loc, "starts"), None if starts is None else day.at(starts))
        yield from check((*loc, "ends"), None if ends is None else day.at(ends))
        if entry.kind not in ("coursework-release", "coursework") or entry.release:
            yield from check((*loc, "release"), document.release_of(day, entry))
    yield from check(("coursework", "release"), document.coursework.release)
    yield from check(("coursework", "deadline"), document.coursework.deadline)


def _releases(document: CourseDocument) -> Iterator[Finding]:
    for loc, day, entry in _sessions(document):
        release = document.release_of(day, entry)
        if release is None:
            wanted = "a moment: no session of this day has a time to count back from"
            yield Finding((*loc, "release"), "nothing", wanted)
            continue
        if entry.release and entry.kind in ("coursework-release", "coursework"):
            wanted = "no release here: the coursework's own (coursework.release) counts"
            yield Finding((*loc, "release"), f"{release:%Y-%m-%d %H:%M}", wanted)
            continue
        own = entry.clock(document.hours)[0]
        start = document.first_start(day) if own is None else day.at(own)
        if entry.release and start is not None and release > start:
            wanted = f"{start:%Y-%m-%d %H:%M} or earlier, when the session starts"
            yield Finding((*loc, "release"), f"{release:%Y-%m-%d %H:%M}", wanted)


def _named(document: CourseDocument, loc: Location, slug: str, kind: Kind) -> Iterator[Finding]:
    entries = document.entries()
    if slug not in entries:
        near = closest(slug, entries)
        wanted = (
            f"a session of the course (perhaps '{near}')" if near else "a session of the course"
        )
        yield Finding(loc, f"'{slug}'", wanted)
    elif entries[slug][1].kind != kind:
        found = f"'{slug}', of the kind '{entries[slug][1].kind}'"
        yield Finding(loc, found, f"a session of the kind '{kind}'")


def _coursework(document: CourseDocument) -> Iterator[Finding]:
    coursework, entries = document.coursework, document.entries()
    release_loc: Location = ("coursework", "release")
    yield from _named(
        document,
        ("coursework", "release_session"),
        coursework.release_session,
        "coursework-release",
    )
    if coursework.work_session is not None:
        work_loc: Location = ("coursework", "work_session")
        yield from _named(document, work_loc, coursework.work_session, "coursework")
    if coursework.deadline <= coursework.release:
        wanted = f"a moment after the release, {coursework.release:%Y-%m-%d %H:%M}"
        found = f"{coursework.deadline:%Y-%m-%d %H:%M}"
        yield Finding(("coursework", "deadline"), found, wanted)
    if coursework.release_session in entries:
        day, entry = entries[coursework.release_session]
        starts = entry.clock(document.hours)[0]
        if starts is not None and day.at(starts) != coursework.release:
            wanted = f"{day.at(starts):%Y-%m-%d %H:%M}, when {coursework.release_session} starts"
            yield Finding(release_loc, f"{coursework.release:%Y-%m-%d %H:%M}", wanted)
    for loc, day, entry in _sessions(document):
        slug = day.session_slug(entry)
        if entry.kind == "coursework-release" and slug != coursework.release_session:
            wanted = f"one release of the coursework, {coursework.release_session}"
            yield Finding((*loc, "kind"), entry.kind, wanted)
        if entry.kind == "coursework" and day.date > coursework.deadline.date():
            wanted = f"no work after the deadline, {coursework.deadline:%Y-%m-%d %H:%M}"
            yield Finding((*loc, "kind"), entry.kind, wanted)


def _recaps(document: CourseDocument) -> Iterator[Finding]:
    for r, recap in enumerate(document.recaps):
        loc: Location = ("recaps", r)
        if recap.number != r + 1:
            yield Finding((*loc, "number"), str(recap.number), f"{r + 1}: recaps count from 1")
        yield from _named(document, (*loc, "theory"), recap.theory, "recap-quiz")
        if recap.exercises is not None:
            yield from _named(document, (*loc, "exercises"), recap.exercises, "exercise-recap")


def _topics(document: CourseDocument) -> Iterator[Finding]:
    for t, (before, after) in enumerate(pairwise(document.topics), start=1):
        if after.number <= before.number:
            wanted = f"a number above {before.number}, the topic before it (gaps are allowed)"
            yield Finding(("topics", t, "number"), str(after.number), wanted)


def _former(document: CourseDocument) -> Iterator[Finding]:
    owners: dict[str, str] = {}
    for loc, day, entry in _sessions(document):
        for variant, path in entry.former.given().items():
            place = (*loc, "former", variant)
            if variant not in VARIANTS[entry.kind]:
                wanted = f"only notebooks of the kind '{entry.kind}'"
                yield Finding(place, f"'{variant}'", wanted)
            if document.former is None:
                wanted = "the former repositories under the key 'former'"
                yield Finding(place, "a former path", wanted)
            if path in owners:
                wanted = f"a path of its own; {owners[path]} has this one"
                yield Finding(place, f"'{path}'", wanted)
            owners.setdefault(path, day.session_slug(entry))


_CHECKS: tuple[Callable[[CourseDocument], Iterator[Finding]], ...] = (
    _days,
    _parts,
    _hours,
    _times,
    _instants,
    _releases,
    _coursework,
    _recaps,
    _topics,
    _former,
)


class AgreedDocument(CourseDocument):
    """A document whose keys agree with each other."""

    @model_validator(mode="after")
    def _keys_agree(self) -> "AgreedDocument":
        findings = [finding for check in _CHECKS for finding in check(self)]
        if findings:
            raise CrossCheckError(findings)
        return self
