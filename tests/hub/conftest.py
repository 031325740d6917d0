"""One hub with containers for this room's tests; those that break things make their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cohorthub.spawning.engine import Engine
from tests.support.hub import Hub, running_hub

#: Two kinds of server with limits that are easy to see from inside.
PROFILES = {
    "cpu": {"memory": "1G", "cpus": 1.5, "pids": 300, "shm": "256M"},
    "small": {"title": "Small", "memory": "512M", "cpus": 0.5, "pids": 200, "shm": "64M"},
}


@pytest.fixture(scope="module")
def hub(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with running_hub(tmp_path_factory.mktemp("hub"), "docker", profiles=PROFILES) as running:
        yield running
