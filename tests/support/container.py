"""Looking into a student's container."""

from __future__ import annotations

from typing import Any

from cohorthub.spawning.engine import Engine
from tests.support.hub import Hub


def container_of(hub: Hub, name: str) -> dict[str, Any]:
    """Return what the engine says of a student's container."""
    return dict(Engine().client.inspect_container(f"{hub.settings.docker.prefix}-{name}"))


def run_inside(hub: Hub, name: str, script: str, user: str = "") -> tuple[int, str]:
    """Run a shell script in a student's container; return its status and output."""
    client = Engine().client
    job = client.exec_create(
        f"{hub.settings.docker.prefix}-{name}", ["sh", "-c", script], user=user
    )
    output = client.exec_start(job["Id"])
    return client.exec_inspect(job["Id"])["ExitCode"], output.decode(errors="replace")
