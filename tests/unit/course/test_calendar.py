"""The calendar is one that every reader understands, and the same course gives the same bytes."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohorthub.course import Course
from cohorthub.course.calendar import course_calendar
from cohorthub.course.links import session_link

HUB = "https://hub.example.org"


def properties(text: str) -> list[tuple[str, str]]:
    """The calendar's lines, unfolded (RFC 5545, 3.1) and split into name and value."""
    assert text.endswith("\r\n")
    lines = text.split("\r\n")[:-1]
    assert not any("\n" in line or "\r" in line for line in lines)
    assert all(len(line.encode()) <= 75 for line in lines)
    unfolded = re.sub(r"\r\n[ \t]", "", text).split("\r\n")[:-1]
    pairs = [line.split(":", 1) for line in unfolded]
    return [(name, value) for name, value in pairs]


def unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] in "nN" else m[1], value)


def events(text: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    event: dict[str, str] | None = None
    for name, value in properties(text):
        if (name, value) == ("BEGIN", "VEVENT"):
            assert event is None
            event = {}
        elif (name, value) == ("END", "VEVENT"):
            assert event is not None
            assert event["UID"] not in found
            found[event["UID"]] = event
            event = None
        elif event is not None:
            assert name not in event
            event[name] = value
    return found


def test_the_frame_is_a_calendar(real: Course) -> None:
    lines = properties(course_calendar(real))
    assert lines[:2] == [("BEGIN", "VCALENDAR"), ("VERSION", "2.0")]
    assert lines[-1] == ("END", "VCALENDAR")
    assert "PRODID" in dict(lines)


def test_every_session_and_the_deadline_are_events(real: Course) -> None:
    found = events(course_calendar(real))
    assert list(found) == [
        *(f"{session.slug}.2025@deep-learning.cohorthub" for session in real.sessions),
        "deadline.2025@deep-learning.cohorthub",
    ]
    for event in found.values():
        assert "SUMMARY" in event
        assert re.fullmatch(r"\d{8}T\d{6}Z", event["DTSTAMP"])


def test_a_lecture_is_at_its_instant(sample_course: Course) -> None:
    found = events(course_calendar(sample_course))
    event = found["day01-morning.2026@sample.cohorthub"]
    assert event["DTSTART"] == "20261026T090000Z"
    assert event["DTEND"] == "20261026T120000Z"
    assert event["SUMMARY"] == "Day 1 morning: Introduction"


def test_summer_time_is_counted(sample_text: str, course_from: Callable[[str], Course]) -> None:
    old = "date: 2026-10-26\n    weekday: Monday"
    course = course_from(sample_text.replace(old, "date: 2026-10-23"))
    event = events(course_calendar(course))["day01-morning.2026@sample.cohorthub"]
    assert event["DTSTART"] == "20261023T080000Z"


def test_an_additional_session_fills_its_day_without_blocking_it(sample_course: Course) -> None:
    event = events(course_calendar(sample_course))["day02-additional.2026@sample.cohorthub"]
    assert event["DTSTART;VALUE=DATE"] == "20261028"
    assert event["DTEND;VALUE=DATE"] == "20261029"
    assert event["TRANSP"] == "TRANSPARENT"
    assert event["SUMMARY"].endswith("(not taught)")


def test_the_coursework_s_release_and_deadline(sample_course: Course) -> None:
    found = events(course_calendar(sample_course))
    assert found["day03-afternoon.2026@sample.cohorthub"]["DTSTART"] == "20261029T140000Z"
    assert "DTEND" not in found["day03-afternoon.2026@sample.cohorthub"]
    assert found["deadline.2026@sample.cohorthub"]["DTSTART"] == "20261030T180000Z"


def test_texts_are_escaped(real: Course) -> None:
    event = events(course_calendar(real))["day01-morning.2025@deep-learning.cohorthub"]
    assert event["SUMMARY"] == r"Day 1 morning: Intro\, the hub\, and FFNs"


def test_a_note_becomes_the_description(real: Course) -> None:
    event = events(course_calendar(real))["day14-morning.2025@deep-learning.cohorthub"]
    assert event["DESCRIPTION"] == "Q&A and review session before coursework"


def test_links_are_there_when_the_hub_is_known(real: Course) -> None:
    assert "URL:" not in course_calendar(real)
    found = events(course_calendar(real, address=HUB))
    session = real.session("day01-morning")
    url = found["day01-morning.2025@deep-learning.cohorthub"]["URL"]
    assert url == session_link(real, session, "codealong", HUB)
    assert "URL" not in found["day15-all-day.2025@deep-learning.cohorthub"]


def test_the_same_course_gives_the_same_bytes(real: Course) -> None:
    assert course_calendar(real, address=HUB) == course_calendar(real, address=HUB)


def test_an_event_keeps_its_identity_when_it_moves(
    sample_text: str, course_from: Callable[[str], Course]
) -> None:
    before = events(course_calendar(course_from(sample_text)))
    text = sample_text.replace("title: More", "title: Less").replace("2026-10-28", "2026-10-27")
    moved = course_from(text.replace("weekday: Wednesday", "weekday: Tuesday"))
    after = events(course_calendar(moved))
    uid = "day02-morning.2026@sample.cohorthub"
    assert list(before) == list(after)
    assert before[uid]["DTSTART"] != after[uid]["DTSTART"]


def test_the_stamp_tells_a_newer_version(sample_course: Course) -> None:
    revised = datetime(2026, 10, 1, 12, tzinfo=UTC)
    found = events(course_calendar(sample_course, revised=revised))
    assert {event["DTSTAMP"] for event in found.values()} == {"20261001T120000Z"}
    with pytest.raises(ValueError, match="aware"):
        course_calendar(sample_course, revised=datetime(2026, 10, 1))


@given(title=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200))
def test_any_title_survives_escaping_and_folding(real: Course, title: str) -> None:
    course = real.model_copy(update={"title": title})
    assert unescaped(dict(properties(course_calendar(course)))["X-WR-CALNAME"]) == title
