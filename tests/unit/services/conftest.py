"""The release service as a real process, beside a small server that speaks the hub's API."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from cohorthub.services.release.git_environment import git_environment
from tests.support.hub import free_ports
from tests.support.releases import ROOT, publish, real_course
from tests.support.waiting import wait_until

PREFIX = "/services/release/"
SCOPE = "access:services!service=release"
HELPER = ROOT / "images" / "course" / "bin" / "git-credential-cohorthub"
COURSE = real_course()
LONG_AFTER = datetime(2099, 1, 1, tzinfo=UTC)


class FakeHub:
    """Answers ``GET /hub/api/user`` as JupyterHub does: the token's owner, or 403."""

    def __init__(self) -> None:
        self.models: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.status: int | None = None
        """Answer everything with this status instead."""
        self.silent = threading.Event()
        """Set: take requests and do not answer them."""
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                token = self.headers.get("Authorization", "").removeprefix("token ")
                hub.asked.append(token)
                if hub.silent.is_set():
                    hub.done.wait(60)
                    return
                model = hub.models.get(token) if self.path == "/hub/api/user" else None
                self.send_response(hub.status or (200 if model else 403))
                body = json.dumps(model or {"status": 403, "message": "Forbidden"}).encode()
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Be quiet."""

        class Server(ThreadingHTTPServer):
            request_queue_size = 256

        self.done = threading.Event()
        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hub/api"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def token(self, owner: str, scopes: list[str] | None = None) -> str:
        """Give out a token."""
        token = f"token-of-{owner}-{len(self.models):02d}-{os.urandom(8).hex()}"
        chosen = [SCOPE] if scopes is None else scopes
        self.models[token] = {"kind": "user", "name": owner, "scopes": chosen}
        return token

    def close(self) -> None:
        self.done.set()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()


class Service:
    """A release service in a process of its own."""

    def __init__(self, folder: Path, hub: FakeHub, **environment: str) -> None:
        self.repository = folder / "release" / f"{COURSE.slug}.git"
        self.log_file = folder / "service.log"
        bind = environment.get("COHORTHUB_RELEASE_BIND") or " ".join(
            f"127.0.0.1:{port}" for port in free_ports(2)
        )
        self.ports = [int(address.rpartition(":")[2]) for address in bind.split()]
        self.port = self.ports[0]
        self.base = f"http://127.0.0.1:{self.port}{PREFIX}"
        self.url = f"{self.base}{COURSE.slug}.git"
        self.environment = {
            "PATH": os.environ["PATH"],
            "JUPYTERHUB_API_URL": hub.url,
            "JUPYTERHUB_API_TOKEN": "the-services-own-token",
            "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
            "JUPYTERHUB_SERVICE_NAME": "release",
            "COHORTHUB_RELEASE_REPOSITORY": str(self.repository),
            **environment,
            "COHORTHUB_RELEASE_BIND": bind,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "cohorthub.services.release"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        wait_until(self.answers, 30, "the release service")

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        try:
            return requests.get(f"{self.base}health", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def refs(self, **options: Any) -> requests.Response:
        """Ask for what every clone and fetch begins with."""
        address = f"{self.url}/info/refs?service=git-upload-pack"
        return requests.get(address, timeout=20, **options)

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def lines(self, sign: str) -> list[str]:
        """The lines of the log with ``sign`` in them."""
        return [line for line in self.log.splitlines() if sign in line]

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def git_processes(self) -> list[str]:
        """The command lines of everything that the service has started and that still runs."""
        assert self.process is not None
        return command_lines(self.process.pid)


def command_lines(ancestor: int) -> list[str]:
    """The command lines of a process's living descendants."""
    parents: dict[int, int] = {}
    lines: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            if stat[0] == "Z":
                continue
            parents[int(folder.name)] = int(stat[1])
            lines[int(folder.name)] = (
                (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            )
        except (FileNotFoundError, ProcessLookupError):
            continue

    def below(pid: int) -> bool:
        while pid in parents:
            pid = parents[pid]
            if pid == ancestor:
                return True
        return False

    return [line for pid, line in lines.items() if below(pid)]


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, datetime], None]:
    """Put a repository with what is out at a moment somewhere; each moment is published once."""
    made: dict[datetime, Path] = {}

    def put(repository: Path, at: datetime) -> None:
        if at not in made:
            made[at] = tmp_path_factory.mktemp("published") / "course.git"
            publish(made[at], COURSE, at)
        shutil.copytree(made[at], repository)

    return put


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    hub = FakeHub()
    yield hub
    hub.close()


@pytest.fixture
def start_service(
    tmp_path: Path, hub: FakeHub, published: Callable[[Path, datetime], None]
) -> Iterator[Callable[..., Service]]:
    """Start a service; each must end by itself, in order, without an error in its log."""
    with services(tmp_path, hub, published) as start:
        yield start


@pytest.fixture
def service(start_service: Callable[..., Service]) -> Service:
    return start_service()


@contextmanager
def services(
    folder: Path, hub: FakeHub, published: Callable[[Path, datetime], None]
) -> Iterator[Callable[..., Service]]:
    started: list[Service] = []

    def start(at: datetime = LONG_AFTER, **environment: str) -> Service:
        service = Service(folder, hub, **environment)
        published(service.repository, at)
        started.append(service)
        service.start()
        return service

    yield start
    for service in started:
        assert service.stop() == 0, service.log
        assert "Traceback" not in service.log, service.log


@pytest.fixture
def student(tmp_path: Path, hub: FakeHub) -> Callable[..., dict[str, str]]:
    """Make the environment of a student's server, as its spawner does, with a home of its own."""

    def make(service: Service, name: str = "ada", *, token: str | None = None) -> dict[str, str]:
        home = tmp_path / "homes" / name
        home.mkdir(parents=True, exist_ok=True)
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "GIT_TERMINAL_PROMPT": "0",
            "JUPYTERHUB_USER": name,
            "JUPYTERHUB_API_TOKEN": hub.token(name) if token is None else token,
            **git_environment(PUBLIC, service.url, str(HELPER)),
        }

    return make


#: The address in links, at which nothing answers: a student's git must use the internal one.
PUBLIC = f"https://hub.example.invalid{PREFIX}{COURSE.slug}.git"


def run_git(
    environment: dict[str, str], *arguments: str, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run git as a student's server would."""
    return subprocess.run(
        ["git", *arguments],
        env=environment,
        cwd=cwd or environment["HOME"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
