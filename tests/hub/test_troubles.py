"""When a server cannot start: a sentence on the student's page, a command in the hub's log."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cohorthub.hub.backend import find_course_image
from cohorthub.spawning.container import SERVER_LABEL, USER_LABEL
from cohorthub.spawning.engine import Engine
from cohorthub.spawning.network import LABEL
from tests.support.container import container_of
from tests.support.hub import PREFIX, ROOT, Hub, running_hub
from tests.support.waiting import wait_until

pytestmark = pytest.mark.docker

#: The default bridge of the second engine.
BRIDGE = "chtest0"


def last_admin_line(hub: Hub, text: str) -> str:
    return wait_until(
        lambda: next((line for line in reversed(hub.log.splitlines()) if text in line), ""),
        20,
        f"a log line with {text!r}",
    )


def test_a_strangers_container_with_the_name_is_left_alone(hub: Hub, engine: Engine) -> None:
    name = f"{hub.settings.docker.prefix}-nemo"
    image = container_image(hub)
    stranger = engine.client.create_container(image, name=name, command=["sleep", "60"])
    try:
        said = hub.student("nemo").failure()
        assert "your server's name is taken" in said
        assert f"docker inspect {name}" in last_admin_line(hub, "did not make")
        assert engine.client.inspect_container(stranger["Id"])
    finally:
        engine.client.remove_container(stranger["Id"], force=True)
    student = hub.student("nemo")
    student.start()
    student.stop()


def test_what_a_crash_left_behind_is_removed_with_force(hub: Hub, engine: Engine) -> None:
    name = f"{hub.settings.docker.prefix}-zoe"
    prefix = hub.settings.docker.prefix
    left = engine.client.create_container(
        container_image(hub),
        name=name,
        # It ignores the polite signal, as a server that hangs would.
        command=["sh", "-c", "trap '' TERM; while :; do sleep 1; done"],
        labels={LABEL: prefix, USER_LABEL: "zoe", SERVER_LABEL: ""},
    )
    engine.client.start(left["Id"])
    student = hub.student("zoe")
    student.start()
    assert container_of(hub, "zoe")["Id"] != left["Id"]
    student.stop()


def test_a_missing_image(engine: Engine, tmp_path: Path) -> None:
    missing = "sha256:" + "0" * 64
    options = {"prefix": f"{PREFIX}-img-{os.getpid()}", "image": missing}
    with running_hub(tmp_path, "docker", docker=options) as hub:
        said = hub.student("ada").failure()
        assert "the course image is missing" in said
        assert missing not in said
        assert "make image" in last_admin_line(hub, "is not on this machine")


def test_too_little_memory(engine: Engine, tmp_path: Path) -> None:
    options = {"prefix": f"{PREFIX}-mem-{os.getpid()}"}
    profiles = {"cpu": {"memory": "24M", "cpus": 2}}
    with running_hub(tmp_path, "docker", docker=options, profiles=profiles) as hub:
        said = hub.student("ada").failure(120)
        assert "not enough memory" in said
        assert "docker stats" in last_admin_line(hub, "found no memory")


@pytest.fixture
def private_engine(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PrivateEngine]:
    """A second real engine, on a small disk of its own, which can be stopped and filled up."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1200m", "tmpfs", disk], check=True)
    private = PrivateEngine(tmp_path, disk)
    subprocess.run(["ip", "link", "delete", BRIDGE], check=False, capture_output=True)
    subprocess.run(["ip", "link", "add", "name", BRIDGE, "type", "bridge"], check=True)
    subprocess.run(["ip", "addr", "add", "10.213.77.1/24", "dev", BRIDGE], check=True)
    try:
        private.start()
        # The base image is enough: no server of this engine ever gets as far as its command.
        base = next(
            image["Id"] for image in engine.client.images("cohorthub/debian") if image["RepoTags"]
        )
        with subprocess.Popen(["docker", "save", base], stdout=subprocess.PIPE) as save:
            private.docker("load", stdin=save.stdout)
        private.image = base
        monkeypatch.setenv("DOCKER_HOST", private.address)
        yield private
    finally:
        private.stop()
        subprocess.run(["ip", "link", "delete", BRIDGE], check=True)
        subprocess.run(["umount", "--lazy", disk], check=True)


class PrivateEngine:
    def __init__(self, folder: Path, disk: Path) -> None:
        self.folder = folder
        self.disk = disk
        self.address = f"unix://{folder / 'engine.sock'}"
        self.image = ""
        self._process: subprocess.Popen[bytes] | None = None

    def docker(self, *words: str, **kwargs: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["docker", "-H", self.address, *words], capture_output=True, check=True, **kwargs
        )

    def start(self) -> None:
        with (self.folder / "engine.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    "dockerd",
                    *("--host", self.address),
                    *("--data-root", str(self.disk), "--exec-root", str(self.folder / "exec")),
                    *("--pidfile", str(self.folder / "engine.pid")),
                    # A bridge of its own. With none at all, it would take the main engine's away.
                    *("--bridge", BRIDGE, "--iptables=false", "--ip6tables=false"),
                    # This driver copies: a container needs room for the whole image.
                    *("--storage-driver", "vfs"),
                ],
                stdout=log,
                stderr=log,
            )
        wait_until(self.answers, 60, "the private engine")

    def answers(self) -> bool:
        command = ["docker", "-H", self.address, "version"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process = None

    def fill_disk(self) -> None:
        with contextlib.suppress(OSError), (self.disk / "filler").open("wb") as filler:
            while True:
                filler.write(b"x" * (1 << 20))
                filler.flush()


def test_a_full_disk_and_an_absent_engine(private_engine: PrivateEngine, tmp_path: Path) -> None:
    options = {"prefix": f"{PREFIX}-own-{os.getpid()}", "image": private_engine.image}
    with running_hub(tmp_path / "hub", "docker", docker=options) as hub:
        student = hub.student("ada")
        private_engine.fill_disk()
        said = student.failure()
        assert "disk is full" in said
        assert "docker system df" in last_admin_line(hub, "No space left")
        (private_engine.disk / "filler").unlink()

        private_engine.stop()
        said = student.failure(120)
        assert "does not answer at the moment" in said
        assert "systemctl status docker" in last_admin_line(hub, "No answer from the container")
        private_engine.start()


def container_image(hub: Hub) -> str:
    image = find_course_image(hub.settings, ROOT)
    assert image
    return image
