"""From wall clocks to instants."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohorthub.course.clock import WallClockError, as_utc, days_earlier, instant

ZONES = ["Europe/London", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]


def test_the_skipped_hour_has_no_instant() -> None:
    with pytest.raises(WallClockError, match="2026-03-29 01:30 is skipped in Europe/London"):
        instant(datetime(2026, 3, 29, 1, 30), ZoneInfo("Europe/London"))


def test_the_repeated_hour_has_two() -> None:
    with pytest.raises(WallClockError, match="2026-10-25 01:30 comes twice in Europe/London"):
        instant(datetime(2026, 10, 25, 1, 30), ZoneInfo("Europe/London"))


def test_the_edges_of_both_hours_are_certain() -> None:
    london = ZoneInfo("Europe/London")
    assert as_utc(instant(datetime(2026, 3, 29, 0, 59), london)).hour == 0
    assert as_utc(instant(datetime(2026, 3, 29, 2, 0), london)).hour == 1
    assert as_utc(instant(datetime(2026, 10, 25, 0, 59), london)).day == 24
    assert as_utc(instant(datetime(2026, 10, 25, 2, 0), london)).hour == 2


def test_a_day_that_a_zone_never_had_has_no_instant() -> None:
    with pytest.raises(WallClockError, match="is skipped in Pacific/Apia"):
        instant(datetime(2011, 12, 30, 12, 0), ZoneInfo("Pacific/Apia"))


def test_two_days_over_the_change_are_forty_nine_hours() -> None:
    london = ZoneInfo("Europe/London")
    start = datetime(2026, 10, 26, 9)
    apart = as_utc(instant(start, london)) - as_utc(instant(days_earlier(start, 2), london))
    assert apart == timedelta(hours=49)


@given(wall=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), zone=st.sampled_from(ZONES))
def test_an_instant_shows_the_wall_clock_it_was_made_from(wall: datetime, zone: str) -> None:
    try:
        found = instant(wall, ZoneInfo(zone))
    except WallClockError:
        return
    assert found.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wall
    assert as_utc(found) == found


@given(wall=st.datetimes(datetime(2000, 3, 1), datetime(2100, 1, 1)), days=st.integers(0, 60))
def test_days_earlier_keeps_the_clock_and_counts_the_calendar(wall: datetime, days: int) -> None:
    earlier = days_earlier(wall, days)
    assert earlier.time() == wall.time()
    assert date.toordinal(wall) - date.toordinal(earlier) == days


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone; pass an aware datetime"):
        as_utc(datetime(2026, 1, 1))


def test_a_wall_clock_with_a_zone_is_refused() -> None:
    for function in (lambda w: instant(w, ZoneInfo("UTC")), lambda w: days_earlier(w, 1)):
        with pytest.raises(ValueError, match="carries no time zone"):
            function(datetime(2026, 1, 1, tzinfo=UTC))
