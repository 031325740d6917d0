"""The two hubs that are measured, behind one small interface."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from cohorthub.hub.processes import Child, node_program, wait_for
from cohorthub.spawning.images import find_image, inputs_hash
from tests.support.hub import ROOT, Hub, free_ports, host_address, running_hub, sweep


@dataclass
class Contender:
    """A running hub and a token that may do everything to its servers."""

    name: str
    url: str
    token: str
    pid: int
    hub: Hub | None = None

    def api(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        return requests.request(
            method,
            f"{self.url}/hub/api{path}",
            headers={"Authorization": f"token {self.token}"},
            timeout=120,
            **kwargs,
        )


def course_image() -> str:
    """Return the image that both use."""
    image = find_image("course", inputs_hash(ROOT / "images/course"))
    assert image, "run: make image"
    return image


@contextlib.contextmanager
def ours(folder: Path) -> Iterator[Contender]:
    """Run this project's hub with its default settings."""
    # Small limits, so that thirty idle servers fit; they change nothing about a start.
    profiles = {"cpu": {"memory": "2G", "cpus": 2}}
    with running_hub(folder, "docker", profiles=profiles, docker={"prefix": "chbench-ours"}) as hub:
        admin = hub.admin()
        answer = admin.api("POST", f"/users/{admin.name}/tokens", json={"note": "bench"})
        yield Contender(
            "this hub", hub.url, answer.json()["token"], hub.hub_process.process.pid, hub
        )


@contextlib.contextmanager
def plain(folder: Path) -> Iterator[Contender]:
    """Run JupyterHub with DockerSpawner's default settings."""
    folder.mkdir(parents=True, exist_ok=True)
    port = _three_ports()
    token = secrets.token_hex(16)
    script = ROOT / "proxy/node_modules/configurable-http-proxy/bin/configurable-http-proxy"
    env = {
        **os.environ,
        "BENCH_FOLDER": str(folder),
        "BENCH_PORT": str(port),
        "BENCH_HUB_IP": host_address(),
        "BENCH_PROXY": f"{node_program()} {script}",
        "BENCH_IMAGE": course_image(),
        "BENCH_TOKEN": token,
    }
    command = [
        sys.executable,
        "-m",
        "jupyterhub",
        "-f",
        str(Path(__file__).parent / "plain_config.py"),
    ]
    child = Child("plain hub", command, folder / "hub.log", env, folder)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{url}/hub/health", child, 60)
        yield Contender("plain DockerSpawner", url, token, child.process.pid)
    finally:
        child.stop(60)
        sweep("chbench-plain")
        subprocess.run(["pkill", "-f", str(folder)], check=False)


def _three_ports() -> int:
    for _ in range(50):
        port = free_ports(1)[0]
        if port < 65000 and len({*free_ports(1), port, port + 1, port + 2}) == 4:
            return port
    raise RuntimeError("no free ports")
