"""``make run``: the whole hub on this machine, from one terminal, until Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import docker.errors
from filelock import FileLock, Timeout
from rich.console import Console
from rich.panel import Panel

from cohorthub.course import Course, load_course
from cohorthub.course.links import session_link
from cohorthub.hub.backend import choose_kind, make_course_image, prepare_backend
from cohorthub.hub.people import admin_password, user_password
from cohorthub.hub.processes import (
    Child,
    StartFailed,
    adopt_orphans,
    end_descendants,
    hub_child,
    port_is_free,
    proxy_child,
    wait_for,
)
from cohorthub.hub.releases import publish_now
from cohorthub.materials.release_repository import ReleaseError
from cohorthub.settings import Settings
from cohorthub.spawning.container import containers_of, remove_container
from cohorthub.spawning.engine import Engine

_START_SECONDS = 60.0
#: Seconds that a stopping hub has to stop its students' servers.
_STOP_SECONDS = 60.0
_PUBLISH_EVERY = 60.0


class TryOut:
    """One run of the hub with everything it needs."""

    def __init__(self, settings: Settings, root: Path, console: Console) -> None:
        self.settings = settings
        self.root = root
        self.console = console
        self._children: list[Child] = []
        self._stop = threading.Event()
        self._kind = ""
        # A try-out ends with its terminal, and its servers with it, unless somebody said otherwise.
        self._ends_servers = "COHORTHUB_KEEP_SERVERS" not in os.environ

    def run(self) -> int:
        """Start everything, tell how to reach it, and wait for Ctrl-C; return the exit status.

        Raises :class:`StartFailed` or :class:`~cohorthub.problems.ConfigurationError` with
        sentences when something stands in the way.
        """
        state = self.settings.state_dir
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(state / "run.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise StartFailed(
                f"A hub is running from {state} already. Stop it with Ctrl-C in its terminal, or "
                "choose another folder: COHORTHUB_STATE_DIR=… make run"
            ) from None
        with lock, self._told_to_stop():
            adopt_orphans()
            try:
                course = load_course(self.settings.course_file)
                self._start(course)
                if not self._stop.is_set():
                    return self._wait(course)
            finally:
                self._end()
        return 0

    @contextlib.contextmanager
    def _told_to_stop(self) -> Iterator[None]:
        """Turn the first Ctrl-C into a clean stop; a second one ends the process at once."""

        def told(number: int, frame: FrameType | None) -> None:
            if self._stop.is_set():
                end_descendants(1.0)
                os._exit(130)
            self._stop.set()

        before = {n: signal.signal(n, told) for n in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _start(self, course: Course) -> None:
        settings = self.settings
        began = time.monotonic()
        self._check_ports()
        self._kind = choose_kind(settings)
        if self._kind == "docker" and not settings.docker.image:
            self._say("Course image", "looking for it, and building it if it is missing")
            make_course_image(settings, self.root, self._progress)
        backend = prepare_backend(settings, self.root)
        self._say("Released notebooks", publish_now(settings, course))
        self._watch(proxy_child(settings, backend.hub_ip))
        extra: dict[str, str] = {"COHORTHUB_SPAWNER": self._kind}
        if self._ends_servers:
            extra["COHORTHUB_KEEP_SERVERS"] = "false"
        hub = self._watch(hub_child(settings, self.root, extra))
        here = f"http://{settings.bind_ip}:{settings.port}"
        wait_for(f"{here}/hub/health", hub, _START_SECONDS)
        wait_for(f"{here}/services/release/health", hub, _START_SECONDS)
        self._say("Hub", f"answers after {time.monotonic() - began:.1f} s")
        self._welcome(course)

    def _check_ports(self) -> None:
        settings = self.settings
        for name in ("port", "proxy_api_port", "hub_port", "release_port"):
            port = getattr(settings, name)
            if not port_is_free("127.0.0.1", port):
                raise StartFailed(
                    f"Port {port} is taken by another program (ss -ltnp 'sport = :{port}' shows "
                    f"which). Choose another one: COHORTHUB_{name.upper()}={port + 10} make run"
                )

    def _welcome(self, course: Course) -> None:
        settings = self.settings
        first = next(iter(course.sessions))
        variant = next(iter(first.files))
        how = {
            "docker": "each server in a container of its own",
            "local": "servers are processes of this user (a try-out: students are not protected "
            "from each other)",
        }[self._kind]
        self.console.print(
            Panel(
                f"[bold]{settings.address}[/bold]   {how}\n\n"
                f"Student:       any name, for example [bold]ada[/bold]\n"
                f"Password:      [bold]{user_password(settings)}[/bold]\n"
                f"Administrator: [bold]{settings.admin_name}[/bold] / {admin_password(settings)}\n"
                f"Logs:          {settings.state_dir / 'logs'}\n\n"
                "Ctrl-C stops everything; students' files stay.",
                title=course.title,
                expand=False,
            )
        )
        # On a line of its own and never wrapped, so that a terminal can open it.
        self.console.print(f"{first.title}: click to begin Day {first.day}")
        link = session_link(course, first, variant, settings.address)
        self.console.print(link, soft_wrap=True, style="underline", highlight=False)

    def _wait(self, course: Course) -> int:
        published = time.monotonic()
        while not self._stop.wait(0.5):
            for child in self._children:
                if not child.running:
                    self.console.print(
                        f"[red]The {child.name} ended by itself.[/red] Its log, {child.log}, "
                        f"ends with:\n{child.last_words()}",
                        markup=True,
                    )
                    return 1
            if time.monotonic() - published > _PUBLISH_EVERY:
                published = time.monotonic()
                try:
                    publish_now(self.settings, course)
                except ReleaseError as exc:
                    # What is out stays out; the next try is a minute away.
                    self._progress(str(exc))
        return 0

    def _end(self) -> None:
        if self._children:
            self._say("Stopping", "servers, hub and proxy")
        # The hub first: it stops its servers and takes their routes from the proxy.
        for child in reversed(self._children):
            child.stop(_STOP_SECONDS)
        left = end_descendants()
        if left:
            self._say("Ended", f"{left} processes that were left")
        if self._kind == "docker" and self._ends_servers:
            self._remove_containers()
        if self._children:
            self._say("Stopped", "no process is left; files are kept")

    def _remove_containers(self) -> None:
        prefix = self.settings.docker.prefix
        try:
            engine = Engine()
            for item in containers_of(engine, prefix):
                remove_container(engine, item)
        except docker.errors.DockerException as exc:
            self._say("Not removed", f"the engine did not answer ({exc}). Run: docker ps")

    def _watch(self, child: Child) -> Child:
        self._children.append(child)
        return child

    def _progress(self, line: str) -> None:
        self.console.print(line, markup=False, soft_wrap=True)

    def _say(self, what: str, text: str) -> None:
        self.console.print(f"[bold]{what}[/bold]: {text}")
