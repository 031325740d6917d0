"""``cohorthub run`` with local processes: what `make run` does where no engine answers."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests
import yaml
from playwright.sync_api import sync_playwright

from tests.support.browser import (
    launch,
    notebook_is_rendered,
    outputs_of,
    run_all_cells,
    sign_in,
)
from tests.support.hub import ROOT, free_ports
from tests.support.waiting import wait_until

pytestmark = pytest.mark.embedded


class Run:
    """One ``cohorthub run`` in a terminal of its own."""

    def __init__(self, folder: Path, port: int, extra: dict[str, object]) -> None:
        self.output = folder / "terminal.txt"
        document = {
            "address": f"http://127.0.0.1:{port}",
            "port": port,
            "state_dir": str(folder / "state"),
            "spawner": "local",
            "environment": {"COURSE_SMOKE": "1"},
            **extra,
        }
        file = folder / "hub.yml"
        file.write_text(yaml.safe_dump(document))
        self.began = time.monotonic()
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cohorthub", "run"],
                cwd=ROOT,
                env={**os.environ, "COHORTHUB_CONFIG": str(file), "COLUMNS": "200"},
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def wait_for_link(self, seconds: float) -> str:
        def look() -> str:
            assert self.process.poll() is None, self.text
            found = re.search(r"^http\S+/hub/user-redirect/\S+$", self.text, re.MULTILINE)
            return found[0] if found else ""

        return wait_until(look, seconds, "the Day 1 link")

    def password(self) -> str:
        found = re.search(r"Password:\s+(\S+)", self.text)
        assert found, self.text
        return found[1]

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def interrupt(self, seconds: float = 60) -> int:
        """Press Ctrl-C: the signal reaches the whole foreground group, as from a terminal."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(seconds)


@pytest.fixture
def ports() -> dict[str, int]:
    names = ("port", "proxy_api_port", "hub_port", "release_port")
    return dict(zip(names, free_ports(4), strict=True))


@pytest.fixture
def start(tmp_path: Path, ports: dict[str, int]) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def begin(**extra: object) -> Run:
        run = Run(tmp_path, ports["port"], {**ports, **extra})
        runs.append(run)
        return run

    yield begin
    for run in runs:
        if run.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                run.interrupt()


def listening(port: int) -> set[str]:
    """Return the addresses on which any process listens on ``port``."""
    return {
        connection.laddr.ip
        for connection in psutil.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    }


def test_the_whole_way_and_no_process_left(
    start: Callable[..., Run], ports: dict[str, int]
) -> None:
    run = start()
    link = run.wait_for_link(60)
    # On this machine alone, every port of it.
    for name, port in ports.items():
        assert listening(port) == {"127.0.0.1"}, name
    anonymous = requests.get(
        f"http://127.0.0.1:{ports['port']}/services/release/deep-learning.git/info/refs",
        params={"service": "git-upload-pack"},
        timeout=10,
    )
    assert anonymous.status_code == 401

    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_context(viewport={"width": 1366, "height": 850}).new_page()
        sign_in(page, f"http://127.0.0.1:{ports['port']}", "ada", run.password())
        page.goto(link.replace("codealong", "solutions"))
        notebook_is_rendered(page, 90)
        notebook = run_all_cells(page, 240)
        assert not outputs_of(notebook, "error")
        browser.close()
    home = run.output.parent / "state/homes/ada"
    assert (home / "deep-learning/day01-intro-ffns/day01-morning-solutions.ipynb").is_file()
    (home / "note.txt").write_text("kept")
    # The kernel and the server run; Ctrl-C must end them too, not only the hub.
    family = run.descendants()
    assert any("ipykernel" in " ".join(process.cmdline()) for process in family)
    assert run.password() not in (run.output.parent / "state/logs/hub.log").read_text()

    assert run.interrupt() == 0
    assert not [process for process in family if process.is_running()]
    for port in ports.values():
        assert not listening(port)

    # The second time: quick, the same password, the earlier work.
    again = start()
    before = run.password
    again.wait_for_link(20)
    took = time.monotonic() - again.began
    assert took < 20, f"the second start took {took:.1f} s"
    assert again.password() == before()
    assert (home / "note.txt").read_text() == "kept"
    assert again.interrupt() == 0


def test_a_taken_port_and_a_second_hub_are_refused_with_a_sentence(
    start: Callable[..., Run], ports: dict[str, int]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports["hub_port"]))
        other.listen()
        refused = start()
        assert refused.process.wait(30) == 1
        assert f"Port {ports['hub_port']} is taken" in refused.text
        assert "COHORTHUB_HUB_PORT=" in refused.text
    first = start()
    first.wait_for_link(60)
    second_text = subprocess.run(
        [sys.executable, "-m", "cohorthub", "run"],
        cwd=ROOT,
        env={**os.environ, "COHORTHUB_CONFIG": str(first.output.parent / "hub.yml")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second_text.returncode == 1
    assert "running from" in second_text.stderr
    assert first.process.poll() is None
    assert first.interrupt() == 0


def test_bad_settings_start_nothing(start: Callable[..., Run], ports: dict[str, int]) -> None:
    run = start(prot=1, log_level="LOUD")
    assert run.process.wait(30) == 1
    assert "hub.yml" in run.text
    assert "prot: found an unknown key, expected 'port'" in run.text
    assert "log_level: found 'LOUD'" in run.text
    assert "Traceback" not in run.text
    assert not (run.output.parent / "state").exists()


def test_a_hub_that_dies_is_told_and_nothing_stays(
    start: Callable[..., Run], ports: dict[str, int]
) -> None:
    run = start()
    run.wait_for_link(60)
    family = run.descendants()
    hub = next(p for p in family if "jupyterhub" in " ".join(p.cmdline()))
    hub.kill()
    assert run.process.wait(60) == 1
    assert "The hub ended by itself" in run.text
    assert not [process for process in family if process.is_running()]
