"""Wall clocks and instants: from what a teacher writes to a moment in time.

Course times are wall-clock times of the course's zone. An instant is made from one only where
that is certain: a wall-clock time that summer time skips or repeats is refused.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


class WallClockError(ValueError):
    """A wall-clock time that names no instant, or two; the message says which and why."""


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The aware datetime, in ``zone``, at which its clocks show the naive ``wall``.

    Raises ``WallClockError`` for a time that the clocks skip or show twice.
    """
    if wall.tzinfo is not None:
        raise ValueError("a wall-clock time carries no time zone")
    first = wall.replace(tzinfo=zone, fold=0)
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall:
        raise WallClockError(
            f"a time that exists: {wall:%Y-%m-%d %H:%M} is skipped in {zone.key}, "
            "where the clocks go forward over it"
        )
    if first.utcoffset() != wall.replace(tzinfo=zone, fold=1).utcoffset():
        raise WallClockError(
            f"a time that comes once: {wall:%Y-%m-%d %H:%M} comes twice in {zone.key}, "
            "where the clocks go back over it"
        )
    return first


def days_earlier(wall: datetime, days: int) -> datetime:
    """The same wall-clock time so many calendar days earlier, however long those days were."""
    if wall.tzinfo is not None:
        raise ValueError("a wall-clock time carries no time zone")
    return wall - timedelta(days=days)


def as_utc(at: datetime) -> datetime:
    """An aware moment in UTC, where comparing and subtracting mean what they say.

    Two datetimes of one zone are compared by their wall clocks, which is wrong in the hour
    that autumn repeats. Raises ``ValueError`` for a naive datetime: its zone is anyone's guess.
    """
    if at.utcoffset() is None:
        raise ValueError(f"{at!r} has no time zone; pass an aware datetime")
    return at.astimezone(UTC)
