"""Finding and removing lost containers."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from cohorthub.spawning.container import (
    SERVER_LABEL,
    USER_LABEL,
    containers_of,
    remove_container,
)
from cohorthub.spawning.engine import Engine

#: Seconds that a container is left alone after it was made: its start may not be on record yet.
YOUNG_SECONDS = 120


def lost_containers(
    containers: Collection[Mapping[str, Any]],
    active: Callable[[], Collection[tuple[str, str]]],
    now: float,
) -> list[Mapping[str, Any]]:
    """Return the containers that belong to no active server.

    ``containers`` is the engine's listing; ``active`` returns (user, server) pairs and is asked
    *after* the listing was taken: a container that was there before, and whose server is not
    active afterwards, is either lost or just being removed. ``now`` is seconds since the epoch.
    """
    old = [item for item in containers if now - item["Created"] > YOUNG_SECONDS]
    if not old:
        return []
    owners = set(active())
    return [
        item
        for item in old
        if (item["Labels"].get(USER_LABEL, ""), item["Labels"].get(SERVER_LABEL, "")) not in owners
    ]


def sweep(
    engine: Engine,
    label: str,
    active: Callable[[], Collection[tuple[str, str]]],
    now: Callable[[], float] = time.time,
) -> list[str]:
    """Remove the lost containers of the hub with this ``label``; return their names.

    Raises :class:`docker.errors.DockerException` without an engine, and whatever ``active`` raises:
    without the hub's word nothing is removed.
    """
    lost = lost_containers(containers_of(engine, label), active, now())
    return [item["Names"][0].lstrip("/") for item in lost if remove_container(engine, item)]
