"""The line before git: order, bounds, and nobody who takes more than a share."""

import asyncio

import pytest

from cohorthub.services.release.line import Line, LineFull


class Visits:
    """Readers who take a place each, and leave it when they are told to."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.served: list[str] = []
        self.peak = 0
        self._ends: dict[str, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def come(self, name: str, reader: str = "") -> "asyncio.Task[None]":
        self._ends[name] = asyncio.Event()
        task = asyncio.create_task(self._visit(name, reader or name))
        self._tasks.append(task)
        await settle()
        return task

    async def leave(self, name: str) -> None:
        self._ends[name].set()
        await settle()

    async def _visit(self, name: str, reader: str) -> None:
        async with self.line.place(reader):
            self.served.append(name)
            self.peak = max(self.peak, self.line.serving)
            await self._ends[name].wait()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def line(slots: int = 2, per_reader: int = 2, limit: int = 100, seconds: float = 10) -> Line:
    return Line(slots, per_reader=per_reader, limit=limit, seconds=seconds)


async def test_first_come_first_served() -> None:
    visits = Visits(line())
    names = [f"s{n}" for n in range(6)]
    for name in names:
        await visits.come(name)
    assert visits.served == ["s0", "s1"]
    assert (visits.line.serving, visits.line.waiting) == (2, 4)
    for name in ("s1", "s0", "s2", "s3", "s4", "s5"):
        await visits.leave(name)
    assert visits.served == names
    assert visits.peak == 2
    assert (visits.line.serving, visits.line.waiting) == (0, 0)


async def test_who_holds_enough_is_passed_over() -> None:
    visits = Visits(line(slots=3))
    for number in range(4):
        await visits.come(f"greedy{number}", "greedy")
    await visits.come("ada")
    assert visits.served == ["greedy0", "greedy1", "ada"]
    await visits.leave("greedy0")
    assert visits.served[-1] == "greedy2"
    for name in ("greedy1", "greedy2", "greedy3", "ada"):
        await visits.leave(name)
    assert visits.line.serving == 0


async def test_a_full_line_turns_away() -> None:
    visits = Visits(line(slots=1, limit=1))
    await visits.come("a")
    await visits.come("b")
    with pytest.raises(LineFull, match="1 requests wait already"):
        await (await visits.come("c"))
    await visits.leave("a")
    assert visits.served == ["a", "b"]
    await visits.leave("b")


async def test_a_wait_is_bounded() -> None:
    visits = Visits(line(slots=1, seconds=0.05))
    await visits.come("a")
    with pytest.raises(LineFull, match="in vain"):
        await (await visits.come("b"))
    assert visits.line.waiting == 0
    await visits.leave("a")
    assert visits.line.serving == 0


async def test_who_leaves_the_line_makes_room() -> None:
    visits = Visits(line(slots=1))
    await visits.come("a")
    gone = await visits.come("b")
    await visits.come("c")
    gone.cancel()
    await settle()
    await visits.leave("a")
    assert visits.served == ["a", "c"]
    await visits.leave("c")
    assert (visits.line.serving, visits.line.waiting) == (0, 0)


async def test_a_place_given_to_someone_who_just_left_goes_on() -> None:
    visits = Visits(line(slots=1))
    await visits.come("a")
    gone = await visits.come("b")
    await visits.come("c")
    # In one turn of the loop: the place becomes free and is given to b, who is leaving.
    visits._ends["a"].set()
    await asyncio.sleep(0)
    gone.cancel()
    await settle()
    assert visits.served[-1] == "c"
    await visits.leave("c")
    assert visits.line.serving == 0


async def test_an_error_gives_the_place_back() -> None:
    one = line(slots=1)
    with pytest.raises(ZeroDivisionError):
        async with one.place("a"):
            raise ZeroDivisionError
    assert one.serving == 0


async def test_a_timeout_inside_is_not_taken_for_a_full_line() -> None:
    with pytest.raises(TimeoutError):
        async with line().place("a"):
            raise TimeoutError


async def test_waiting_until_the_line_is_empty() -> None:
    one = line(slots=1)
    await asyncio.wait_for(one.empty(), 1)
    visits = Visits(one)
    await visits.come("a")
    await visits.come("b")
    over = asyncio.create_task(one.empty())
    for name in ("a", "b"):
        await settle()
        assert not over.done()
        await visits.leave(name)
    await asyncio.wait_for(over, 1)
