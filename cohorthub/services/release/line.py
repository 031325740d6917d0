"""A line of requests: a few are served at once, the others wait in the order of their arrival."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


class LineFull(Exception):
    """There is no place in the line, or none became free in time; the message is for the log."""


@dataclass(eq=False)
class _Ticket:
    reader: str
    called: asyncio.Event = field(default_factory=asyncio.Event)


class Line:
    """Gives out ``slots`` places, at most ``per_reader`` of them to one reader.

    A reader who holds that many is passed over until one is free, and keeps nobody else waiting.
    At most ``limit`` requests wait, each for at most ``seconds``.
    """

    def __init__(self, slots: int, *, per_reader: int, limit: int, seconds: float) -> None:
        self.slots = slots
        self.serving = 0
        self._per_reader = per_reader
        self._limit = limit
        self._seconds = seconds
        self._waiting: list[_Ticket] = []
        self._held: Counter[str] = Counter()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return len(self._waiting)

    async def empty(self) -> None:
        """Waits until nobody is served and nobody waits."""
        await self._empty.wait()

    @contextlib.asynccontextmanager
    async def place(self, reader: str) -> AsyncIterator[None]:
        """Holds a place for the time of a ``with`` block. Raises ``LineFull``."""
        if self.waiting >= self._limit:
            raise LineFull(f"{self.waiting} requests wait already")
        ticket = _Ticket(reader)
        self._waiting.append(ticket)
        self._empty.clear()
        self._call()
        try:
            try:
                async with asyncio.timeout(self._seconds):
                    await ticket.called.wait()
            except TimeoutError:
                raise LineFull(f"a request waited for {self._seconds:.0f} s in vain") from None
            yield
        finally:
            # A wait may be given up in the very moment in which its turn has come.
            if ticket in self._waiting:
                self._waiting.remove(ticket)
            else:
                self.serving -= 1
                self._held[reader] -= 1
                self._held += Counter()  # forgets readers who hold nothing
                self._call()
            if not self.serving and not self._waiting:
                self._empty.set()

    def _call(self) -> None:
        for ticket in list(self._waiting):
            if self.serving >= self.slots:
                return
            if self._held[ticket.reader] < self._per_reader:
                self._waiting.remove(ticket)
                self.serving += 1
                self._held[ticket.reader] += 1
                ticket.called.set()
