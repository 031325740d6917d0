"""Runs ``git http-backend``, one process for a request.

The program is a CGI script (RFC 3875) which speaks git's smart HTTP (gitprotocol-http(5)). What
git answers is passed on as it comes, at the pace of the reader: no pack is ever held in memory.
"""

import asyncio
import contextlib
import os
import re
import signal
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cohorthub.materials.release_repository import REF, git_process_environment

#: The longest request that is accepted, in bytes, packed as well as unpacked. A request to read is
#: a list of commit ids, never a pack: a clone's has a few hundred bytes.
MAX_REQUEST = 1 << 20
_CHUNK = 1 << 16
_HEAD_LIMIT = 1 << 14
_STDERR_KEPT = 2000

#: The serving git's configuration: one visible branch, nothing to write, one processor for a pack.
_SERVING = (
    ("http.receivepack", "false"),
    ("http.getanyfile", "false"),
    ("transfer.hideRefs", "refs"),
    ("transfer.hideRefs", f"!{REF}"),
    ("pack.threads", "1"),
)

#: The headers of git's answer that are passed on.
_HEADERS = {"content-type", "cache-control", "expires", "pragma"}


@dataclass(frozen=True)
class GitRequest:
    """A request that has been let in."""

    reader: str
    method: str
    path: str
    """Below the repository: ``info/refs`` or ``git-upload-pack``."""
    query: str
    content_type: str
    protocol: str
    """The header Git-Protocol; empty for the original protocol."""
    body: bytes


class GitFailed(Exception):
    """git gave no answer, or ended badly in the middle of one; the message is for the log."""


class RequestTooLong(Exception):
    """The request is longer than any honest one."""


class BadEncoding(Exception):
    """The request's body is not encoded as it says."""


Head = Callable[[Mapping[str, str]], None]
Send = Callable[[bytes], Awaitable[None]]


def decoded(body: bytes, encoding: str) -> bytes:
    """A request's body without its Content-Encoding, which git's own clients set to gzip.

    Raises ``RequestTooLong`` before more than ``MAX_REQUEST`` bytes were unpacked, and
    ``BadEncoding`` for another encoding or broken data.
    """
    if encoding in {"", "identity"}:
        plain = body
    elif encoding in {"gzip", "x-gzip"}:
        stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            plain = stream.decompress(body, MAX_REQUEST + 1)
        except zlib.error as exc:
            raise BadEncoding(str(exc)) from exc
        if len(plain) <= MAX_REQUEST and not stream.eof:
            raise BadEncoding("the data ends too early")
    else:
        raise BadEncoding(f"unknown encoding {encoding!r}")
    if len(plain) > MAX_REQUEST:
        raise RequestTooLong
    return plain


class GitBackend:
    """Lets git answer requests about one repository.

    An answer may stand still (git silent, or its reader not reading) for ``idle_seconds`` and last
    ``total_seconds``.
    """

    def __init__(
        self, repository: Path, *, idle_seconds: float = 30.0, total_seconds: float = 300.0
    ) -> None:
        self.repository = repository
        self._idle_seconds = idle_seconds
        self._total_seconds = total_seconds

    async def answer(self, request: GitRequest, head: Head, send: Send) -> None:
        """Runs git for one request: ``head`` takes the answer's headers, ``send`` its body.

        Raises ``GitFailed``. Whether it returns, raises or is cancelled, git and its children are
        gone afterwards.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *("git", "http-backend"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._environment(request),
                cwd="/",
                limit=_HEAD_LIMIT,
                start_new_session=True,
            )
        except OSError as exc:
            raise GitFailed(
                f"git cannot be run: {exc}. Run `apt-get install git`; look at the number of "
                "processes with `systemctl status cohorthub`."
            ) from exc
        said = bytearray()
        helpers = [
            asyncio.create_task(_feed(process, request.body)),
            asyncio.create_task(_listen(process, said)),
        ]
        try:
            async with asyncio.timeout(self._total_seconds):
                await self._pass_on(process, head, send)
                status = await process.wait()
                await helpers[1]
        except TimeoutError as exc:
            raise GitFailed(f"the answer stood still or took too long; {_words(said)}") from exc
        finally:
            await _end(process, helpers)
        if status:
            raise GitFailed(f"git http-backend ended with status {status}; {_words(said)}")

    async def _pass_on(self, process: asyncio.subprocess.Process, head: Head, send: Send) -> None:
        assert process.stdout is not None
        try:
            async with asyncio.timeout(self._idle_seconds):
                lines = await process.stdout.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as exc:
            raise GitFailed("git http-backend gave no headers") from exc
        head(_headers(lines))
        while True:
            async with asyncio.timeout(self._idle_seconds):
                chunk = await process.stdout.read(_CHUNK)
                if not chunk:
                    return
                await send(chunk)

    def _environment(self, request: GitRequest) -> dict[str, str]:
        environment = git_process_environment(_SERVING)
        environment.update(
            GATEWAY_INTERFACE="CGI/1.1",
            SERVER_PROTOCOL="HTTP/1.1",
            GIT_PROJECT_ROOT=str(self.repository.parent),
            GIT_HTTP_EXPORT_ALL="1",
            PATH_INFO=f"/{self.repository.name}/{request.path}",
            REQUEST_METHOD=request.method,
            QUERY_STRING=request.query,
            CONTENT_TYPE=request.content_type,
            CONTENT_LENGTH=str(len(request.body)),
            REMOTE_USER=request.reader,
            REMOTE_ADDR="",
        )
        # The one form that git's own clients send; anything else could only confuse it.
        if re.fullmatch(r"version=[0-2]", request.protocol):
            environment["GIT_PROTOCOL"] = request.protocol
        return environment


def _headers(lines: bytes) -> dict[str, str]:
    """The headers of a CGI answer, where its status says that it is one."""
    found = {}
    for line in lines.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            found[name.strip().lower()] = value.strip()
    status = found.get("status", "200 OK")
    if not status.startswith("200"):
        raise GitFailed(f"git http-backend answered {status}")
    return {name: value for name, value in found.items() if name in _HEADERS}


async def _feed(process: asyncio.subprocess.Process, body: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(ConnectionError):
        process.stdin.write(body)
        await process.stdin.drain()
        process.stdin.close()
        await process.stdin.wait_closed()


async def _listen(process: asyncio.subprocess.Process, said: bytearray) -> None:
    """Reads all that git complains of, and keeps the last of it."""
    assert process.stderr is not None
    while chunk := await process.stderr.read(_CHUNK):
        said += chunk
        del said[:-_STDERR_KEPT]


def _words(said: bytearray) -> str:
    text = " ".join(said.decode(errors="replace").split())
    return f"it said: {text}" if text else "it said nothing"


async def _end(process: asyncio.subprocess.Process, helpers: list["asyncio.Task[None]"]) -> None:
    # git http-backend starts git upload-pack, which starts git pack-objects: all one group. The
    # group outlives its leader, so it is signalled even when the leader has ended by itself.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    # What is left in the pipes is thrown away: only at their end does asyncio close them.
    assert process.stdout is not None
    await asyncio.gather(_drop(process.stdout), *helpers, return_exceptions=True)
    await process.wait()


async def _drop(stream: asyncio.StreamReader) -> None:
    while await stream.read(_CHUNK):
        pass
