"""Containers, volumes and images of the tests: run under a student's limits, never left behind.

Everything is labelled with the process that made it. What a crashed run left is removed by the
next one; what a run at the same moment still needs is not touched.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import docker
import docker.errors
import psutil
import pytest
import requests.exceptions
from docker.models.containers import Container

from tests.support.waiting import wait_until

LABEL = "org.cohorthub.test"
PREFIX = "cohorthub-test-"

#: How a student's container is run: `Containers.run` adds them; a test may override any.
STUDENT_LIMITS: Mapping[str, Any] = {
    "user": "1000:1000",
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "mem_limit": "2g",
    "memswap_limit": "2g",
    "pids_limit": 512,
    "shm_size": "1g",
    "init": True,
    "network_mode": "none",
}


def engine_or_fail() -> docker.DockerClient:
    """Return a client of the engine. Without one the test fails: it is never skipped."""
    client: docker.DockerClient | None = None
    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except (docker.errors.DockerException, requests.exceptions.RequestException) as exc:
        if client is not None:
            client.close()
        pytest.fail(f"This test needs a Docker engine, and none answers ({exc}). Run: docker info")
    return client


def owner() -> str:
    """Return what this process labels its things with."""
    return f"{os.getpid()}-{psutil.Process().create_time():.2f}"


def _gone(label: str) -> bool:
    pid, _, started = label.partition("-")
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" != started
    except (ValueError, psutil.NoSuchProcess):
        return True


@dataclass(frozen=True)
class Ran:
    """How a container's command ended, and all that it printed."""

    status: int
    output: str


class Containers:
    """Makes containers and volumes for tests and removes every one of them.

    A context manager: leaving it removes what it made, entering it removes what dead runs left.
    """

    def __init__(self, client: docker.DockerClient) -> None:
        self.client = client

    def __enter__(self) -> Self:
        self.sweep()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.sweep(mine=True)

    def sweep(self, *, mine: bool = False) -> None:
        """Remove what belongs to no living process, and with ``mine`` what is this one's."""
        filters = {"label": LABEL}

        def doomed(labels: Mapping[str, str] | None) -> bool:
            label = (labels or {}).get(LABEL, "")
            return _gone(label) or (mine and label == owner())

        for container in self.client.containers.list(
            all=True, filters=filters, ignore_removed=True
        ):
            if doomed(container.labels):
                with contextlib.suppress(docker.errors.NotFound):
                    container.remove(force=True, v=True)
        for volume in self.client.volumes.list(filters=filters):
            if doomed(volume.attrs.get("Labels")):
                with contextlib.suppress(docker.errors.NotFound):
                    volume.remove(force=True)
        for _ in range(3):  # what stands on another image goes first, so it takes some rounds
            for image in self.client.images.list(filters=filters):
                if doomed(image.labels):
                    with contextlib.suppress(docker.errors.APIError):
                        self.client.images.remove(image.id, force=True)

    def name(self, what: str = "") -> str:
        """Return a name for a container or volume that nothing else has."""
        return f"{PREFIX}{what}{'-' if what else ''}{uuid.uuid4().hex[:10]}"

    def volume(self) -> str:
        """Return the name of a new empty volume."""
        name = self.name("volume")
        self.client.volumes.create(name, labels={LABEL: owner()})
        return name

    def start(self, image: str, command: list[str] | None = None, **options: Any) -> Container:
        """Start a container under `STUDENT_LIMITS` and return it, running."""
        merged = {**STUDENT_LIMITS, **options}
        labels = {**merged.pop("labels", {}), LABEL: owner()}
        return self.client.containers.run(
            image, command, detach=True, name=self.name(), labels=labels, **merged
        )

    def run(self, image: str, command: list[str], *, timeout: float = 60, **options: Any) -> Ran:
        """Run ``command`` to its end and remove the container.

        Raises AssertionError with the output so far when it takes longer than ``timeout`` seconds.
        """
        container = self.start(image, command, **options)
        try:
            wait_until(
                lambda: _ended(container),
                timeout,
                f"{' '.join(command)[:80]} to end",
            )
            return Ran(int(container.attrs["State"]["ExitCode"]), _output(container))
        finally:
            container.remove(force=True, v=True)


def _ended(container: Container) -> bool:
    container.reload()
    return container.status == "exited"


def _output(container: Container) -> str:
    return str(container.logs().decode(errors="replace"))


@contextlib.contextmanager
def scratch_images(client: docker.DockerClient, name: str) -> Iterator[None]:
    """Remove, at the end, each image whose label says that it is ``name`` or made on its way."""
    try:
        yield
    finally:
        # What stands on another image, as an interrupted build leaves it, goes first.
        for part in (name, f"{name}-environment", name, f"{name}-environment"):
            for image in client.images.list(filters={"label": f"org.cohorthub.image={part}"}):
                with contextlib.suppress(docker.errors.APIError):
                    client.images.remove(image.id, force=True)
