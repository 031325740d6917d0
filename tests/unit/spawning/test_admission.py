"""The line of starts: in order of arrival, bounded, adaptive, and never losing a place."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohorthub.spawning.admission import LeftLine, LineFull, StartLine


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def line(most: int = 2, allowed: float = 90.0, limit: int = 1000) -> tuple[StartLine, Clock]:
    clock = Clock()
    return StartLine(most, allowed, limit, clock), clock


def test_starts_are_admitted_in_order_of_arrival_and_no_more_than_the_limit() -> None:
    starts, _ = line(most=2)
    turns = [starts.join(str(number)) for number in range(5)]
    assert [turn.admitted for turn in turns] == [True, True, False, False, False]
    assert [turn.position for turn in turns] == [0, 0, 1, 2, 3]
    turns[1].done(ok=True)
    assert turns[2].admitted
    assert [turn.position for turn in turns[3:]] == [1, 2]


async def test_waiting_ends_with_the_turn() -> None:
    starts, _ = line(most=1)
    first, second = starts.join("a"), starts.join("b")
    await first.wait()
    waiting = asyncio.create_task(second.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    first.done(ok=True)
    await asyncio.wait_for(waiting, 1)


async def test_a_cancelled_wait_leaves_the_line() -> None:
    starts, _ = line(most=1)
    _first, second, third = (starts.join(name) for name in "abc")
    waiting = asyncio.create_task(second.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert third.position == 1


async def test_a_turn_given_back_while_waiting_ends_the_wait() -> None:
    starts, _ = line(most=1)
    starts.join("a")
    second = starts.join("b")
    waiting = asyncio.create_task(second.wait())
    await asyncio.sleep(0)
    second.done(ok=None)
    with pytest.raises(LeftLine):
        await asyncio.wait_for(waiting, 1)


def test_a_full_line_refuses() -> None:
    starts, _ = line(most=1, limit=2)
    for name in "abc":
        starts.join(name)
    with pytest.raises(LineFull):
        starts.join("d")


def test_the_estimate_follows_the_measured_durations() -> None:
    starts, clock = line(most=2)
    turns = [starts.join(str(number)) for number in range(6)]
    clock.now = 10.0
    turns[0].done(ok=True)
    assert starts.mean_seconds == 10.0
    assert turns[3].position == 1
    assert turns[3].estimate == pytest.approx(10.0 * 1 / 2)
    assert turns[5].estimate == pytest.approx(10.0 * 3 / 2)


def test_slow_and_failed_starts_halve_the_limit_and_good_ones_win_it_back() -> None:
    starts, clock = line(most=8, allowed=40.0)

    def one(seconds: float, ok: bool | None = True) -> None:
        turn = starts.join("x")
        clock.now += seconds
        turn.done(ok=ok)

    one(21.0)
    assert starts.limit == 4
    one(1.0, ok=False)
    assert starts.limit == 2
    for _ in range(3):
        one(30.0)
    assert starts.limit == 1
    for _ in range(4 * 7):
        one(2.0)
    assert starts.limit == 8
    for _ in range(20):
        one(2.0)
    assert starts.limit == 8


def test_a_start_that_says_nothing_about_the_pace_changes_nothing() -> None:
    starts, clock = line(most=4, allowed=10.0)
    turn = starts.join("x")
    clock.now = 100.0
    turn.done(ok=None)
    assert (starts.limit, starts.waiting, starts.running) == (4, 0, 0)


@given(
    st.lists(
        st.tuples(st.sampled_from(["join", "done", "fail", "leave"]), st.integers(0, 30)),
        max_size=80,
    ),
    st.integers(1, 4),
)
def test_no_place_is_ever_lost_or_given_twice(steps: list[tuple[str, int]], most: int) -> None:
    starts, clock = line(most=most, allowed=20.0)
    turns = []
    for what, number in steps:
        clock.now += number
        alive = [turn for turn in turns if not turn.over]
        if what == "join":
            turns.append(starts.join(str(len(turns))))
        elif alive:
            turn = alive[number % len(alive)]
            turn.done(ok={"done": True, "fail": False, "leave": None}[what])
            turn.done(ok=True)  # giving back twice changes nothing
        admitted = [turn for turn in turns if turn.admitted and not turn.over]
        waiting = [turn for turn in turns if not turn.admitted and not turn.over]
        assert starts.running == len(admitted) <= most
        assert starts.waiting == len(waiting)
        assert [turn.position for turn in waiting] == list(range(1, len(waiting) + 1))
        # Nobody waits while there is a free place.
        assert not waiting or len(admitted) >= starts.limit
        # First come, first served: whoever waits came after everybody who was ever admitted.
        ever = [turns.index(turn) for turn in turns if turn.admitted]
        assert not waiting or not ever or turns.index(waiting[0]) > max(ever)
