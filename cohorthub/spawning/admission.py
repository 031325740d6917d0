"""The line in which server starts wait for their turn.

A class clicks its link within a few seconds. If all servers start together on a small machine,
each gets a sliver of a core, every one of them misses its deadline, and nobody gets in. So starts
are admitted in order of arrival, only as many at once as the machine bears:

* never more than one a core (or what the administrator set);
* fewer while starts turn out slow: the limit follows *additive increase, multiplicative decrease*
  (D.-M. Chiu and R. Jain, "Analysis of the increase and decrease algorithms for congestion
  avoidance in computer networks", 1989), with a start that used up more than half of its allowed
  time, or failed by time-out, as the sign of congestion.

Durations of finished starts give the estimate that a waiting student sees.

The module knows neither JupyterHub nor Docker; one line belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

#: Weight of the newest duration in the running mean (exponentially weighted moving average).
_NEWEST_WEIGHT = 0.3
#: Seconds that a start is assumed to take before the first one was measured.
_FIRST_GUESS = 4.0
#: Good starts in a row after which one more is admitted at once.
_GOOD_RUN = 4


def cores() -> int:
    """Return the processor cores that this process may use, at least 1."""
    return max(1, len(os.sched_getaffinity(0)))


class LineFull(Exception):
    """Raised when the line holds as many waiting starts as it may."""


class LeftLine(Exception):
    """Raised in a wait whose turn was given back before it came."""


@dataclass(eq=False)
class Turn:
    """One start's place: waiting, then admitted, then over. Made by :meth:`StartLine.join`."""

    key: str
    _line: StartLine
    _admitted: asyncio.Event = field(default_factory=asyncio.Event)
    _began: float | None = None
    _over: bool = False

    @property
    def admitted(self) -> bool:
        """Whether the turn has come."""
        return self._began is not None

    @property
    def over(self) -> bool:
        """Whether the turn was given back."""
        return self._over

    @property
    def position(self) -> int:
        """Place in line, 1 for the next to be admitted; 0 when admitted or over."""
        return self._line.position(self)

    @property
    def estimate(self) -> float:
        """Seconds until the turn comes, from the durations measured so far; 0 when admitted."""
        return self._line.estimate(self)

    async def wait(self) -> None:
        """Wait until the turn comes. Cancelling the wait leaves the line.

        Raises :class:`LeftLine` when the turn is given back meanwhile.
        """
        try:
            await self._admitted.wait()
        except asyncio.CancelledError:
            self.done(ok=None)
            raise
        if self._began is None:
            raise LeftLine(self.key)

    def done(self, *, ok: bool | None) -> None:
        """Give the turn back; calling it again changes nothing.

        ``ok`` is True for a start that succeeded, False for one that ran out of time, None for one
        that says nothing about the machine's pace (refused, cancelled, wrong image).
        """
        self._line._done(self, ok=ok)


class StartLine:
    """A first-come-first-served line with a limit that adapts to how long starts take.

    ``most`` bounds the starts at once (0: one a core); ``allowed`` is the seconds that one start
    may take; ``line_limit`` bounds those waiting. ``clock`` returns seconds from a monotonic clock.
    """

    def __init__(
        self,
        most: int = 0,
        allowed: float = 90.0,
        line_limit: int = 1000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.most = most or cores()
        self.limit = self.most
        self._allowed = allowed
        self._line_limit = line_limit
        self._clock = clock
        self._waiting: list[Turn] = []
        self._running: set[Turn] = set()
        self._mean: float | None = None
        self._good = 0

    @property
    def waiting(self) -> int:
        """Number of starts that wait."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """Number of starts that were admitted and are not over."""
        return len(self._running)

    @property
    def mean_seconds(self) -> float:
        """Running mean of the seconds a start takes, as measured; a first guess before any."""
        return _FIRST_GUESS if self._mean is None else self._mean

    def join(self, key: str) -> Turn:
        """Join the line's end. Raises :class:`LineFull` when nobody more may wait."""
        if len(self._waiting) >= self._line_limit:
            raise LineFull(f"{len(self._waiting)} starts are waiting already")
        turn = Turn(key, self)
        self._waiting.append(turn)
        self._admit()
        return turn

    def position(self, turn: Turn) -> int:
        """Return the place in line of ``turn``: see :attr:`Turn.position`."""
        return self._waiting.index(turn) + 1 if turn in self._waiting else 0

    def estimate(self, turn: Turn) -> float:
        """Return the seconds until ``turn`` is admitted: see :attr:`Turn.estimate`."""
        place = self.position(turn)
        # Every mean/limit seconds one start ends and the next is admitted.
        return place * self.mean_seconds / self.limit

    def _admit(self) -> None:
        while self._waiting and len(self._running) < self.limit:
            turn = self._waiting.pop(0)
            turn._began = self._clock()
            self._running.add(turn)
            turn._admitted.set()

    def _done(self, turn: Turn, *, ok: bool | None) -> None:
        if turn._over:
            return
        turn._over = True
        if turn in self._waiting:
            self._waiting.remove(turn)
            turn._admitted.set()
        elif turn in self._running:
            self._running.discard(turn)
            assert turn._began is not None
            if ok is not None:
                self._learn(self._clock() - turn._began, ok=ok)
        self._admit()

    def _learn(self, seconds: float, *, ok: bool) -> None:
        if self._mean is None:
            self._mean = seconds
        else:
            self._mean += _NEWEST_WEIGHT * (seconds - self._mean)
        if not ok or seconds > self._allowed / 2:
            self.limit = max(1, self.limit // 2)
            self._good = 0
            return
        self._good += 1
        if self._good >= _GOOD_RUN and self.limit < self.most:
            self.limit += 1
            self._good = 0
