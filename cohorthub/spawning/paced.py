"""What every backend's spawner has in common: a turn in the line, and a wait for the answer.

JupyterHub gives a start ``start_timeout`` seconds from the call of ``start``, and the server's
first answer another ``http_timeout``. A place in line must cost neither, so the turn is awaited
before ``start`` (in ``run_pre_spawn_hook``, which no time limit covers) and is given back only
when the server has answered, so that the next start finds a free core.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from jupyterhub.spawner import Spawner
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from cohorthub.spawning import troubles
from cohorthub.spawning.admission import LeftLine, LineFull, StartLine, Turn

#: Seconds between two looks whether a starting server answers.
_ANSWER_POLL = 0.05
#: Seconds between two looks whether a starting server is still alive.
_ALIVE_POLL = 0.5
#: Seconds between two messages on the progress page.
_PROGRESS_POLL = 0.5


class PacedSpawner(Spawner):  # type: ignore[misc]
    """Mixin: starts wait in one line for all backends, and end when the server answers.

    A backend implements :meth:`start_server`, :meth:`why_ended` and :meth:`server_label`.
    """

    #: The hub's line; set by :func:`cohorthub.hub.spawner.configure_spawner`.
    line: ClassVar[StartLine | None] = None
    #: Seconds that one start may take from its turn to its answer.
    allowed_seconds: ClassVar[float] = 90.0

    _turn: Turn | None = None
    _stage: str = "asked"

    async def start_server(self) -> tuple[str, int]:
        """Start the server and return its address and port, without waiting for its answer."""
        raise NotImplementedError

    async def why_ended(self, status: Any) -> troubles.Trouble:
        """Explain why the server ended while it was starting (``status`` as ``poll`` gave it)."""
        raise NotImplementedError

    def server_label(self) -> str:
        """Return the server's name for the log."""
        raise NotImplementedError

    @classmethod
    def the_line(cls) -> StartLine:
        """Return the hub's line, made on first use where no configuration set one."""
        if PacedSpawner.line is None:
            PacedSpawner.line = StartLine()
        return PacedSpawner.line

    async def run_pre_spawn_hook(self) -> None:
        """Wait for this start's turn, after the administrator's own hook."""
        result = super().run_pre_spawn_hook()
        if asyncio.iscoroutine(result) or asyncio.isfuture(result):
            await result
        self._give_turn_back(ok=None)
        try:
            self._turn = self.the_line().join(self._log_name)
        except LineFull:
            raise troubles.line_full().exception() from None
        self._stage = "line"
        try:
            await self._turn.wait()
        except LeftLine:
            raise troubles.left_line().exception() from None

    async def start(self) -> str:
        """Start the server and return its address once it answers over HTTP.

        Raises :class:`jupyterhub.spawner.SpawnException` with a sentence for the student.
        """
        outcome: bool | None = None
        began = time.monotonic()
        try:
            async with asyncio.timeout(self.allowed_seconds):
                self._stage = "server"
                ip, port = await self.start_server()
                url = f"http://{ip}:{port}"
                self._stage = "answer"
                await self._answers(url + self.server.base_url + "api")
            outcome = True
            self.log.info("%s answered after %.2f s", self.server_label(), time.monotonic() - began)
            return url
        except TimeoutError:
            outcome = False
            raise troubles.too_slow(self.allowed_seconds, self.server_label()).exception() from None
        finally:
            self._give_turn_back(ok=outcome)

    def run_post_stop_hook(self) -> Any:
        """Give the turn back after an interrupted start too, then run the administrator's hook."""
        self._give_turn_back(ok=None)
        return super().run_post_stop_hook()

    async def stop(self, now: bool = False) -> None:
        """Stop the server, as the backend does."""
        await super().stop(now=now)

    async def poll(self) -> Any:
        """Return None while the server runs, as the backend sees it, else how it ended."""
        return await super().poll()

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Tell the place in line while waiting, then what the server is doing."""
        said: tuple[int, str] | None = None
        while True:
            now = self._progress_now()
            if now != said:
                said = now
                yield {"progress": now[0], "message": now[1]}
            await asyncio.sleep(_PROGRESS_POLL)

    def _progress_now(self) -> tuple[int, str]:
        turn = self._turn
        if self._stage == "line" and turn is not None and not turn.admitted:
            line = self.the_line()
            place, seconds = turn.position, turn.estimate
            together = "one server starts" if line.limit == 1 else f"{line.limit} servers start"
            return 5, (
                f"You are number {place} in line: {together} at a time, so that each starts well. "
                f"Your turn comes {_about(seconds)}."
            )
        if self._stage == "answer":
            return 60, "Your server is running; waiting for JupyterLab to answer."
        return 30, "It is your turn: your server is being made."

    async def _answers(self, url: str) -> None:
        client = AsyncHTTPClient()
        looked = time.monotonic()
        while True:
            try:
                response = await client.fetch(
                    url, raise_error=False, connect_timeout=1.0, request_timeout=5.0
                )
            except (OSError, HTTPClientError):
                pass  # nobody listens yet, or it was too busy to answer
            else:
                # 5xx: something listens, but the server is not ready.
                if response.code < 500:
                    return
            if time.monotonic() - looked > _ALIVE_POLL:
                looked = time.monotonic()
                status = await self.poll()
                if status is not None:
                    raise (await self.why_ended(status)).exception()
            await asyncio.sleep(_ANSWER_POLL)

    def _give_turn_back(self, *, ok: bool | None) -> None:
        if self._turn is not None:
            self._turn.done(ok=ok)
            self._turn = None


def _about(seconds: float) -> str:
    if seconds < 2:
        return "in a moment"
    if seconds < 90:
        return f"in about {round(seconds / 5) * 5 or 5} seconds"
    return f"in about {round(seconds / 60)} minutes"
