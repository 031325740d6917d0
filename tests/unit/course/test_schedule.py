"""What comes out when."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cohorthub.course import Course
from cohorthub.course.clock import as_utc
from cohorthub.course.schedule import is_released, next_release, released, releases, today
from cohorthub.problems import ConfigurationError

LONDON = ZoneInfo("Europe/London")


def slugs(course: Course, at: datetime) -> list[str]:
    return [session.slug for session in released(course, at)]


def test_a_session_is_out_from_its_very_minute(sample_course: Course) -> None:
    minute = datetime(2026, 10, 24, 9, tzinfo=LONDON)
    assert slugs(sample_course, minute - timedelta(seconds=1)) == []
    assert slugs(sample_course, minute) == ["day01-morning"]


def test_the_wall_clock_counts_when_the_clocks_go_back(sample_course: Course) -> None:
    # 09:00 on 24 October is summer time: 49 hours before 09:00 on the 26th.
    assert as_utc(sample_course.session("day01-morning").released_at) == datetime(
        2026, 10, 24, 8, tzinfo=UTC
    )


def test_a_zone_of_another_country_asks_for_the_same_instant(sample_course: Course) -> None:
    tokyo = datetime(2026, 10, 24, 17, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert slugs(sample_course, tokyo) == ["day01-morning"]
    assert slugs(sample_course, tokyo - timedelta(minutes=1)) == []


def test_the_repeated_hour_is_told_apart(
    sample_text: str, course_from: Callable[[str], Course]
) -> None:
    course = course_from(
        sample_text.replace("title: Introduction", 'title: I\n        release: "2026-10-25 00:59"')
    )
    session = course.session("day01-morning")
    assert not is_released(session, datetime(2026, 10, 25, 0, 58, tzinfo=LONDON))
    for fold in (0, 1):
        assert is_released(session, datetime(2026, 10, 25, 1, 30, tzinfo=LONDON, fold=fold))


def test_the_skipped_hour_is_compared_as_an_instant(
    sample_text: str, course_from: Callable[[str], Course]
) -> None:
    course = course_from(
        sample_text.replace("title: Introduction", 'title: I\n        release: "2026-03-29 02:15"')
    )
    # 01:30 on this night is the name of 02:30 in summer time, and so is after 02:15.
    at = datetime(2026, 3, 29, 1, 30, tzinfo=LONDON)
    assert is_released(course.session("day01-morning"), at)


def test_releases_are_grouped_and_in_order(sample_course: Course) -> None:
    grouped = [
        (f"{r.at:%m-%d %H:%M}", [s.slug for s in r.sessions]) for r in releases(sample_course)
    ]
    assert grouped == [
        ("10-24 09:00", ["day01-morning"]),
        ("10-24 14:00", ["day01-afternoon"]),
        ("10-26 09:00", ["day02-morning", "day02-additional"]),
        ("10-27 09:00", ["day03-morning"]),
        ("10-29 14:00", ["day03-afternoon", "day04-all-day"]),
    ]


def test_the_next_release_is_later_than_now(sample_course: Course) -> None:
    at = datetime(2026, 10, 24, 9, tzinfo=LONDON)
    before, after = next_release(sample_course, at - timedelta(1)), next_release(sample_course, at)
    assert before is not None
    assert before.at == at
    assert after is not None
    assert [session.slug for session in after.sessions] == ["day01-afternoon"]
    assert next_release(sample_course, datetime(2026, 10, 29, 14, tzinfo=LONDON)) is None


def test_today_is_the_date_of_the_course_zone(sample_course: Course) -> None:
    day = today(sample_course, datetime(2026, 10, 25, 22, tzinfo=ZoneInfo("America/New_York")))
    assert day is not None
    assert day.number == 1
    assert today(sample_course, datetime(2026, 10, 27, 12, tzinfo=LONDON)) is None


@pytest.mark.parametrize("ask", [released, next_release, today])
def test_a_moment_without_a_zone_is_refused(
    ask: Callable[[Course, datetime], object], sample_course: Course
) -> None:
    with pytest.raises(ValueError, match="aware"):
        ask(sample_course, datetime(2026, 10, 24, 9))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    first=st.dates(date(2024, 1, 1), date(2030, 1, 1)),
    starts=st.times(time(0, 5), time(11, 0)).map(lambda t: t.replace(second=0, microsecond=0)),
    zone=st.sampled_from(["Europe/London", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    days_before=st.integers(0, 10),
)
def test_nothing_is_out_before_its_calendar_days(
    sample_text: str,
    course_from: Callable[[str], Course],
    first: date,
    starts: time,
    zone: str,
    days_before: int,
) -> None:
    text = sample_text.replace("free_afternoons: [Wednesday]\n", "")
    text = text.replace("    weekday: Monday\n", "").replace("    weekday: Wednesday\n", "")
    for old, days in (("26", 0), ("28", 2), ("29", 3), ("30", 4)):
        text = text.replace(f"2026-10-{old}", (first + timedelta(days)).isoformat())
    text = text.replace('starts: "09:00"', f'starts: "{starts:%H:%M}"')
    text = text.replace("Europe/London", zone).replace("before: 2", f"before: {days_before}")
    refusals: list[str] = []
    try:
        course = course_from(text)
    except ConfigurationError as exc:
        refusals = [str(problem) for problem in exc.problems]
    if refusals:
        # The only reason there is: a night on which the clocks change.
        assert all("comes twice" in reason or "is skipped" in reason for reason in refusals)
        return
    for session in course.sessions:
        if session.kind in ("coursework-release", "coursework"):
            assert session.released_at == course.coursework.released_at
            continue
        day = course.day(session.day)
        start = session.starts or min(s.starts for s in day.sessions if s.starts)
        assert session.released_at.time() == start.time()
        assert (start.date() - session.released_at.date()).days == days_before
        elapsed = as_utc(start) - as_utc(session.released_at)
        assert abs(elapsed - timedelta(days_before)) <= timedelta(hours=1)
        assert not is_released(session, as_utc(session.released_at) - timedelta(seconds=1))
        assert is_released(session, as_utc(session.released_at))
    assert [r.at for r in releases(course)] == sorted(
        {as_utc(s.released_at) for s in course.sessions}
    )
