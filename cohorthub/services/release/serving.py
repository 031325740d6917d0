"""Listening on every address, and stopping in order."""

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
from collections.abc import Sequence

import tornado.httpserver
from jupyterhub.httpclient import JupyterHubHTTPClient

from cohorthub.services.release.access import Door
from cohorthub.services.release.application import Application
from cohorthub.services.release.backend import MAX_REQUEST, GitBackend
from cohorthub.services.release.configuration import Address, Configuration
from cohorthub.services.release.line import Line

#: Seconds that a stopped service waits for the answers it is giving; the hub allows ten.
_GRACE_SECONDS = 5.0
#: Seconds for the end of the answers that are cut off then.
_CUT_SECONDS = 2.0
_SETTLE_SECONDS = 0.05
#: Seconds that a port may stay taken: the service before this one may still be stopping.
_TAKEN_SECONDS = 15.0
_LOOK_SECONDS = 1.0
#: Connections that may arrive in one moment; each click makes a handful.
_BACKLOG = 1024

log = logging.getLogger("release")


class CannotListen(Exception):
    """An address cannot be used; the message names the command that shows why."""


async def serve(configuration: Configuration) -> None:
    """Serves until SIGTERM or SIGINT, or until the process that started this one is gone.

    Raises ``CannotListen``.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    door = Door(
        configuration.hub_api_url, configuration.hub_api_token, configuration.required_scope
    )
    # A pack keeps one processor busy; twice as many hide what each waits for.
    line = Line(2 * (os.cpu_count() or 1), per_reader=2, limit=2000, seconds=120)
    application = Application(
        configuration.prefix, GitBackend(configuration.repository), door, line
    )
    server = tornado.httpserver.HTTPServer(
        application,
        max_body_size=MAX_REQUEST,
        max_header_size=1 << 14,
        body_timeout=30,
        idle_connection_timeout=60,
    )
    listening = asyncio.create_task(_listen(server, configuration.addresses))
    listening.add_done_callback(lambda task: stopping.set() if _has_failed(task) else None)
    watching = asyncio.create_task(_until_orphaned(stopping))
    try:
        await stopping.wait()
        log.info("Stopping.")
    finally:
        for task in (listening, watching):
            task.cancel()
        ended = await asyncio.gather(listening, watching, return_exceptions=True)
        server.stop()
        await _drain(line, _GRACE_SECONDS)
        # What is still being answered is cut off here, and its git ended.
        await server.close_all_connections()
        await _drain(line, _CUT_SECONDS)
        await JupyterHubHTTPClient.loop_instance().close()
    if isinstance(ended[0], CannotListen):
        raise ended[0]


def _has_failed(task: "asyncio.Task[None]") -> bool:
    return not task.cancelled() and task.exception() is not None


async def _until_orphaned(stopping: asyncio.Event) -> None:
    """Stops the service when its parent is gone: a hub that crashed starts another service."""
    parent = os.getppid()
    while not stopping.is_set():
        await asyncio.sleep(_LOOK_SECONDS)
        if os.getppid() != parent:
            log.warning("The process that started this service is gone.")
            stopping.set()


async def _drain(line: Line, seconds: float) -> None:
    """Waits for the answers that are being given, but no longer than ``seconds``."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await line.empty()
    # asyncio closes the pipes of an ended process in the turns that follow.
    await asyncio.sleep(_SETTLE_SECONDS)


async def _listen(server: tornado.httpserver.HTTPServer, addresses: Sequence[Address]) -> None:
    """Listens on every address, also on those that this machine gets only later.

    The students' network may be made after the service has started, and its gateway's address
    with it.
    """
    left = list(addresses)
    started = asyncio.get_running_loop().time()
    told: set[Address] = set()
    while True:
        for address in list(left):
            try:
                server.add_socket(_bound(address))
            except OSError as exc:
                waited = asyncio.get_running_loop().time() - started
                _judge(address, exc, waited, first=address not in told)
                told.add(address)
            else:
                left.remove(address)
                log.info("Listening on %s.", address)
        if not left:
            return
        await asyncio.sleep(_LOOK_SECONDS)


def _bound(address: Address) -> socket.socket:
    """A socket that listens, or none at all: a failed attempt leaves nothing open."""
    listener = socket.socket(socket.AF_INET6 if ":" in address.ip else socket.AF_INET)
    try:
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if listener.family == socket.AF_INET6:
            # Only what was asked for: the same port may be wanted at an IPv4 address too.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _judge(address: Address, exc: OSError, waited: float, *, first: bool) -> None:
    """Raises ``CannotListen`` unless waiting may help, and says once what is waited for."""
    who = f"`ss -ltnp 'sport = :{address.port}'`"
    if exc.errno == errno.EADDRNOTAVAIL:
        sentence = f"This machine has no address {address.ip} yet; `ip address` lists what it has."
    elif exc.errno == errno.EADDRINUSE and waited < _TAKEN_SECONDS:
        sentence = f"{address} is taken; {who} shows by whom."
    elif exc.errno == errno.EADDRINUSE:
        raise CannotListen(f"{address} is taken by another process; {who} shows which.") from exc
    else:
        raise CannotListen(
            f"{address} cannot be listened on: {exc.strerror}. Choose another address in hub.yml "
            "and see `cohorthub settings --explain`."
        ) from exc
    if first:
        log.warning("%s Trying again until it works.", sentence)
