"""The hub's own services: the release repository, and the janitor of lost containers."""

from __future__ import annotations

import sys
from typing import Any

from cohorthub.course import Course
from cohorthub.hub.backend import Backend
from cohorthub.settings import Settings


def configure_services(c: Any, settings: Settings, backend: Backend, course: Course) -> None:
    """Let the hub run its services as processes of their own."""
    # 127.0.0.1 for the proxy, the network's gateway for students' containers.
    addresses = dict.fromkeys(["127.0.0.1", backend.hub_ip])
    services = [
        {
            "name": "release",
            "url": f"http://127.0.0.1:{settings.release_port}",
            "command": [sys.executable, "-m", "cohorthub.services.release"],
            "environment": {
                "COHORTHUB_RELEASE_REPOSITORY": str(settings.release_dir / f"{course.slug}.git"),
                "COHORTHUB_RELEASE_BIND": " ".join(
                    f"{address}:{settings.release_port}" for address in addresses
                ),
            },
            "display": False,
        }
    ]
    if backend.kind == "docker":
        services.append(
            {
                "name": "janitor",
                "command": [sys.executable, "-m", "cohorthub.services.janitor"],
                "environment": {"COHORTHUB_JANITOR_LABEL": settings.docker.prefix},
                "display": False,
            }
        )
    c.JupyterHub.services = services
