"""The service's HTTP side: which addresses there are, who gets in, and what the log says."""

import asyncio
import http
import json
import logging
import re
import time
from collections.abc import Mapping
from typing import Any

import tornado.iostream
import tornado.web

from cohorthub.materials.release_repository import ReleaseError, ReleaseRepository
from cohorthub.services.release.access import Door, Refusal
from cohorthub.services.release.backend import (
    BadEncoding,
    GitBackend,
    GitFailed,
    GitRequest,
    RequestTooLong,
    decoded,
)
from cohorthub.services.release.line import Line, LineFull

_HEAD_SECONDS = 2.0
#: What the log says of a reader who left before an answer; no such status is ever sent.
_NOBODY_THERE = 499
_UPLOAD_PACK = "git-upload-pack"

access_log = logging.getLogger("release.access")
log = logging.getLogger("release")

_BROKEN = Refusal(
    500,
    "The course's notebooks cannot be read at the moment. Nothing of yours is lost: tell your "
    "teacher, and click the link again later.",
)
_READ_ONLY = Refusal(
    403,
    "Nothing can be pushed here: these notebooks only come out. Your own work stays in your own "
    "folder.",
)


class Application(tornado.web.Application):
    """The service's addresses, all below ``prefix``; everything else is 404."""

    def __init__(self, prefix: str, backend: GitBackend, door: Door, line: Line) -> None:
        self.backend = backend
        self.door = door
        self.line = line
        self.head = HeadLookup(ReleaseRepository(backend.repository))
        base = re.escape(prefix)
        repository = base + re.escape(backend.repository.name)
        super().__init__(
            [
                (base, Front),
                (f"{base}health", Health),
                (f"{repository}/info/refs", Refs),
                (f"{repository}/git-upload-pack", UploadPack),
                (f"{repository}/git-receive-pack", ReceivePack),
            ],
            default_handler_class=Nothing,
            log_function=log_request,
        )


class HeadLookup:
    """The branch's newest commit, looked up at most once in two seconds, however many ask."""

    def __init__(self, repository: ReleaseRepository) -> None:
        self._repository = repository
        self._lock = asyncio.Lock()
        self._known: str | None = None
        self._until = 0.0

    async def commit(self) -> str | None:
        """The commit's id; None before the first release. Raises ``ReleaseError``."""
        async with self._lock:
            if time.monotonic() >= self._until:
                self._known = await asyncio.to_thread(self._repository.head)
                self._until = time.monotonic() + _HEAD_SECONDS
            return self._known


class Handler(tornado.web.RequestHandler):
    """What all answers have in common: plain sentences, counted bytes, no word about a token."""

    application: Application
    reader = "-"
    sent = 0

    def set_default_headers(self) -> None:
        """Say as little as possible about the server, and let nobody guess at types."""
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")

    def write(self, chunk: str | bytes | dict[str, Any]) -> None:
        """Count what is sent, for the log."""
        if not isinstance(chunk, dict):
            self.sent += len(chunk.encode() if isinstance(chunk, str) else chunk)
        super().write(chunk)

    def say(self, status: int, sentence: str) -> None:
        """Answer with one sentence; git shows it to its user as coming from the remote side."""
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        if status == 401:
            self.set_header("WWW-Authenticate", 'Basic realm="cohorthub release", charset="UTF-8"')
        if status == 503:
            self.set_header("Retry-After", "60")
        self.finish(f"{sentence}\n")

    def refuse(self, refusal: Refusal) -> None:
        """Answer a request that is not served."""
        if refusal.log:
            log.warning("%s", refusal.log)
        self.say(refusal.status, refusal.sentence)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer an error in the plain form of all other answers."""
        if status_code >= 500:
            self.say(status_code, _BROKEN.sentence)
        else:
            self.say(status_code, f"{http.HTTPStatus(status_code).phrase}.")

    def log_exception(self, *args: Any) -> None:
        """Log a fault of the service, without the request: its headers hold a token."""
        error = args[1]
        if not isinstance(error, tornado.web.HTTPError):
            log.error("%s %s failed", self.request.method, self.request.path, exc_info=error)


class Front(Handler):
    """For a person who looks here with a browser."""

    def get(self) -> None:
        """Say where the notebooks are."""
        self.say(
            200, "This is where the course's notebooks come from. To get one, use its day's link."
        )


class Nothing(Handler):
    """Every address that does not exist."""

    def prepare(self) -> None:
        """Answer before any method is looked at."""
        self.say(404, "There is nothing at this address. To get a notebook, use its day's link.")


class Health(Handler):
    """For the hub, and for whoever looks after it."""

    async def get(self) -> None:
        """Say which commit is out and how busy the service is."""
        line = self.application.line
        try:
            head = await self.application.head.commit()
        except ReleaseError as exc:
            log.error("%s", exc)
            self.set_status(503)
            body: Mapping[str, Any] = {"error": "The release repository cannot be read."}
        else:
            body = {"head": head, "serving": line.serving, "waiting": line.waiting}
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps({"repository": self.application.backend.repository.name, **body}))


class ReceivePack(Handler):
    """Where git would push to."""

    def prepare(self) -> None:
        """Refuse whoever it is."""
        self.refuse(_READ_ONLY)


class GitHandler(Handler):
    """A request that git answers, for a reader who has shown a token."""

    _work: "asyncio.Task[None] | None" = None

    async def serve(self, method: str, path: str, query: str = "") -> None:
        """Let the reader in, wait for a place, and pass git's answer on."""
        self._work = asyncio.create_task(self._serve(method, path, query))
        try:
            await self._work
        except (asyncio.CancelledError, tornado.iostream.StreamClosedError):
            # The reader has gone, or the service stops.
            self._drop()
        except Refusal as refusal:
            self.refuse(refusal)

    async def _serve(self, method: str, path: str, query: str) -> None:
        self.reader = await self.application.door.reader(self.request.headers)
        try:
            body = decoded(
                self.request.body, self.request.headers.get("Content-Encoding", "").strip().lower()
            )
        except RequestTooLong:
            raise Refusal(413, "This request is longer than any of git's own.") from None
        except BadEncoding:
            raise Refusal(400, "This request is not encoded as it says.") from None
        request = GitRequest(
            self.reader,
            method,
            path,
            query,
            self.request.headers.get("Content-Type", ""),
            self.request.headers.get("Git-Protocol", ""),
            body,
        )
        try:
            async with self.application.line.place(self.reader):
                await self.application.backend.answer(request, self._head, self._send)
        except LineFull as exc:
            raise Refusal(
                503,
                "Very many fetch the course's notebooks right now. Wait a minute, then click the "
                "link again.",
                log=f"A request was turned away: {exc}. {self.application.line.slots} are served "
                "at once; `top` shows what keeps the machine busy.",
            ) from None
        except GitFailed as exc:
            repository = self.application.backend.repository
            log.error(
                "git could not serve %s: %s. Look for damage with `git -C %s fsck`; "
                "`cohorthub materials publish` makes a missing repository.",
                *(repository, exc, repository),
            )
            if not self._headers_written:
                raise Refusal(_BROKEN.status, _BROKEN.sentence) from None
            # A cut connection is the only way left to say that this answer is not whole.
            self._drop()
            return
        self.finish()

    def _head(self, headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            self.set_header(name, value)

    async def _send(self, chunk: bytes) -> None:
        self.write(chunk)
        await self.flush()

    def _drop(self) -> None:
        """End the connection, whatever was sent on it: nothing that could be taken for an end."""
        if not self._headers_written:
            self.set_status(_NOBODY_THERE, "client closed the connection")
        self.detach().close()
        self.application.log_request(self)

    def on_connection_close(self) -> None:
        """Stop git when its reader has gone."""
        if self._work is not None:
            self._work.cancel()

    def compute_etag(self) -> str | None:
        """No answer of git's is ever the same page as before."""
        return None


class Refs(GitHandler):
    """What is out: the first request of every clone and fetch."""

    async def get(self) -> None:
        """Serve smart readers only; git's oldest protocol would read files by their path."""
        service = self.request.query
        if service == "service=git-receive-pack":
            self.refuse(_READ_ONLY)
        elif service == f"service={_UPLOAD_PACK}":
            await self.serve("GET", "info/refs", service)
        else:
            self.refuse(Refusal(404, "Only git's smart protocol is spoken here: update your git."))


class UploadPack(GitHandler):
    """The notebooks themselves."""

    async def post(self) -> None:
        """Serve a clone or a fetch."""
        if self.request.headers.get("Content-Type") != "application/x-git-upload-pack-request":
            self.refuse(Refusal(415, "Only git can ask for this."))
            return
        await self.serve("POST", _UPLOAD_PACK)


def log_request(handler: tornado.web.RequestHandler) -> None:
    """One line a request: who, what, status, milliseconds, bytes. No query and no header.

    Tornado hands over handlers of its own only for requests that reach none of ours.
    """
    reader = getattr(handler, "reader", "-")
    access_log.info(
        "%s %s %s %d %.0f ms %d bytes",
        _shown(reader),
        handler.request.method,
        _shown(handler.request.path),
        handler.get_status(),
        1000 * handler.request.request_time(),
        getattr(handler, "sent", 0),
    )


def _shown(text: str, longest: int = 200) -> str:
    """Text from outside as it may stand in a log: one word on one line, and not too long."""
    plain = "".join(c if c.isascii() and c.isprintable() and c != " " else "?" for c in text)
    return plain if len(plain) <= longest else f"{plain[:longest]}…"
