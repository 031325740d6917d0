"""The service as a process: listening, streaming, readers who leave or stall, stopping."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import requests

from cohorthub.materials.release_repository import Identity, ReleaseRepository
from cohorthub.services.release.backend import GitBackend, GitFailed, GitRequest
from cohorthub.services.release.configuration import Address
from cohorthub.services.release.serving import CannotListen, _judge
from tests.support.hub import free_ports
from tests.support.releases import ROOT, git
from tests.support.waiting import wait_until
from tests.unit.services.conftest import (
    PREFIX,
    PUBLIC,
    FakeHub,
    Service,
    command_lines,
    run_git,
)

BIG = 24 << 20


def add_big_file(repository: Path, size: int = BIG) -> None:
    """Make the pack of a clone much larger than all buffers between git and its reader."""
    store = ReleaseRepository(repository)
    head = store.head()
    with store.writing() as writer:
        writer.start_from(head)
        writer.put("big.bin", os.urandom(size))
        author = Identity("A", "a@example.invalid")
        commit = writer.commit(head, "Big\n", author, 4_000_000_000, "+0000")
        writer.advance(head, commit)


def fetch_request(repository: Path) -> bytes:
    """The body of a clone's request, in protocol version 2."""

    def line(text: str) -> bytes:
        return f"{len(text) + 5:04x}{text}\n".encode()

    head = git(repository, "rev-parse", "release").strip()
    return (
        line("command=fetch")
        + b"0001"
        + line("no-progress")
        + line(f"want {head}")
        + line("done")
        + b"0000"
    )


def open_stalled(service: Service, token: str) -> socket.socket:
    """Ask for the pack and read next to nothing of it."""
    body = fetch_request(service.repository)
    reader = socket.create_connection(("127.0.0.1", service.port), timeout=30)
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
    path = f"{PREFIX}{service.repository.name}/git-upload-pack"
    reader.sendall(
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: token {token}\r\n"
        "Content-Type: application/x-git-upload-pack-request\r\nGit-Protocol: version=2\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    assert reader.recv(200).startswith(b"HTTP/1.1 200")
    return reader


def peak_memory(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert match
    return int(match[1]) << 10


def test_a_pack_passes_through_without_being_held(
    service: Service, hub: FakeHub, student: Callable[..., dict[str, str]]
) -> None:
    add_big_file(service.repository)
    assert service.process is not None
    service.refs(auth=("", hub.token("ada")))
    before = peak_memory(service.process.pid)
    ada = student(service)
    for number in range(2):
        done = run_git(ada, "clone", "-q", "--", PUBLIC, f"dl{number}")
        assert done.returncode == 0, done.stderr
    assert Path(ada["HOME"], "dl1", "big.bin").stat().st_size == BIG
    assert peak_memory(service.process.pid) - before < BIG / 4
    wait_until(lambda: not service.git_processes(), 5, "the end of every git")
    assert re.search(rf"ada POST \S+ 200 \d+ ms {BIG // 10**7}\d{{7}} bytes", service.log)


def test_git_ends_when_its_reader_leaves(service: Service, hub: FakeHub) -> None:
    add_big_file(service.repository)
    reader = open_stalled(service, hub.token("ada"))
    wait_until(service.git_processes, 5, "git at work")
    reader.close()
    wait_until(lambda: not service.git_processes(), 5, "the end of every git")
    wait_until(lambda: "ada POST" in service.log, 5, "a line in the log")
    assert service.refs(auth=("", hub.token("bob"))).status_code == 200


def test_who_stalls_keeps_nobody_else_waiting(service: Service, hub: FakeHub) -> None:
    add_big_file(service.repository)
    token = hub.token("mallory")
    stalled = [open_stalled(service, token) for _ in range(2)]
    waiting = socket.create_connection(("127.0.0.1", service.port), timeout=1)
    waiting.sendall(
        f"GET {PREFIX}{service.repository.name}/info/refs?service=git-upload-pack HTTP/1.1\r\n"
        f"Host: x\r\nAuthorization: token {token}\r\n\r\n".encode()
    )
    assert service.refs(auth=("", hub.token("ada"))).status_code == 200
    health = requests.get(f"{service.base}health", timeout=10).json()
    assert (health["serving"], health["waiting"]) == (2, 1)
    with pytest.raises(TimeoutError):
        waiting.recv(1)
    stalled[0].close()
    waiting.settimeout(10)
    assert waiting.recv(100).startswith(b"HTTP/1.1 200")
    waiting.close()
    stalled[1].close()


def request_for(repository: Path) -> GitRequest:
    return GitRequest(
        "ada",
        "POST",
        "git-upload-pack",
        "",
        "application/x-git-upload-pack-request",
        "version=2",
        fetch_request(repository),
    )


async def test_an_answer_that_stands_still_is_given_up(service: Service) -> None:
    add_big_file(service.repository)
    backend = GitBackend(service.repository, idle_seconds=0.5)

    async def never(chunk: bytes) -> None:
        await asyncio.Event().wait()

    started = time.monotonic()
    with pytest.raises(GitFailed, match="stood still"):
        await backend.answer(request_for(service.repository), lambda head: None, never)
    assert time.monotonic() - started < 5
    assert not [line for line in command_lines(os.getpid()) if "upload-pack" in line]


async def test_a_cancelled_answer_leaves_no_process(service: Service) -> None:
    add_big_file(service.repository)
    sent = asyncio.Event()

    async def stop_after_the_first(chunk: bytes) -> None:
        sent.set()
        await asyncio.Event().wait()

    backend = GitBackend(service.repository)
    task = asyncio.create_task(
        backend.answer(request_for(service.repository), lambda head: None, stop_after_the_first)
    )
    await asyncio.wait_for(sent.wait(), 10)
    assert [line for line in command_lines(os.getpid()) if "upload-pack" in line]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not [line for line in command_lines(os.getpid()) if "upload-pack" in line]


async def test_a_git_that_fails_is_told_to_the_log(tmp_path: Path, service: Service) -> None:
    request = request_for(service.repository)
    heads: list[Mapping[str, str]] = []

    async def ignore(chunk: bytes) -> None:
        """Nobody reads this."""

    with pytest.raises(GitFailed, match="404"):
        await GitBackend(tmp_path / "missing.git").answer(request, heads.append, ignore)
    assert not heads


# --- stopping -------------------------------------------------------------------------------


def test_an_answer_is_finished_before_the_end(service: Service, hub: FakeHub) -> None:
    add_big_file(service.repository)
    assert service.process is not None
    with requests.post(
        f"{service.url}/git-upload-pack",
        data=fetch_request(service.repository),
        headers={
            "Content-Type": "application/x-git-upload-pack-request",
            "Git-Protocol": "version=2",
        },
        auth=("", hub.token("ada")),
        stream=True,
        timeout=20,
    ) as answer:
        chunks = answer.iter_content(1 << 16)
        got = len(next(chunks))
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "Stopping." in service.log, 5, "the stop")
        got += sum(len(chunk) for chunk in chunks)
    assert got > BIG
    assert service.stop() == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{service.base}health", timeout=5)


def test_a_stalled_reader_does_not_hold_up_the_end(service: Service, hub: FakeHub) -> None:
    add_big_file(service.repository)
    reader = open_stalled(service, hub.token("ada"))
    started = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - started < 9, "the hub allows ten seconds"
    reader.close()
    groups = {match for match in Path("/proc").glob("[0-9]*/environ") if _serves(match, service)}
    assert not groups, "a git of the service is left"


def _serves(environ: Path, service: Service) -> bool:
    try:
        return f"GIT_PROJECT_ROOT={service.repository.parent}".encode() in environ.read_bytes()
    except OSError:
        return False


def test_an_interrupt_stops_it_too(service: Service) -> None:
    assert service.process is not None
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(10) == 0


def test_it_ends_with_the_process_that_started_it(
    tmp_path: Path, hub: FakeHub, published: Callable[..., None]
) -> None:
    service = Service(tmp_path, hub)
    with service.log_file.open("ab") as log:
        parent = subprocess.Popen(
            ["sh", "-c", '"$0" -m cohorthub.services.release & wait', sys.executable],
            cwd=ROOT,
            env=service.environment,
            stdout=log,
            stderr=log,
        )
    service.process = parent
    wait_until(service.answers, 30, "the release service")
    parent.kill()
    parent.wait(10)
    wait_until(lambda: "Stopping." in service.log, 10, "the orphan's end")


# --- listening ------------------------------------------------------------------------------


def test_it_listens_on_every_address(service: Service) -> None:
    for port in service.ports:
        answer = requests.get(f"http://127.0.0.1:{port}{PREFIX}health", timeout=10)
        assert answer.status_code == 200


def test_an_address_that_comes_later_keeps_nothing_waiting(
    start_service: Callable[..., Service],
) -> None:
    (port,) = free_ports(1)
    # An address of the documentation's own range, which no machine has.
    service = start_service(COHORTHUB_RELEASE_BIND=f"127.0.0.1:{port} 203.0.113.7:{port}")
    assert "This machine has no address 203.0.113.7 yet" in service.log


def test_a_port_is_waited_for_while_the_service_before_ends(
    start_service: Callable[..., Service],
) -> None:
    (free,) = free_ports(1)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        service = start_service(COHORTHUB_RELEASE_BIND=f"127.0.0.1:{free} 127.0.0.1:{port}")
        wait_until(lambda: f"127.0.0.1:{port} is taken" in service.log, 5, "the warning")
    wait_until(lambda: f"Listening on 127.0.0.1:{port}." in service.log, 10, "the second address")
    answer = requests.get(f"http://127.0.0.1:{port}{PREFIX}health", timeout=10)
    assert answer.status_code == 200


def test_a_taken_port_is_given_up_with_a_command() -> None:
    taken = OSError(98, "Address already in use")
    address = Address("127.0.0.1", 8090)
    _judge(address, taken, 1.0, first=True)
    with pytest.raises(CannotListen, match=r"`ss -ltnp 'sport = :8090'`"):
        _judge(address, taken, 60.0, first=False)
    with pytest.raises(CannotListen, match=r"hub\.yml"):
        _judge(address, PermissionError(13, "Permission denied"), 0.0, first=True)


def test_a_bad_environment_is_refused_with_all_that_is_wrong(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cohorthub.services.release"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "COHORTHUB_RELEASE_BIND": "localhost:http"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    for key in (
        "COHORTHUB_RELEASE_REPOSITORY",
        "COHORTHUB_RELEASE_BIND",
        "JUPYTERHUB_API_URL",
        "JUPYTERHUB_API_TOKEN",
    ):
        assert f"environment: {key}: found " in done.stderr
    assert "Traceback" not in done.stderr
