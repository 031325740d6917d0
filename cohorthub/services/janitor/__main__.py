"""The janitor's process: started by the hub, which gives it a token to list active servers."""

from __future__ import annotations

import logging
import os
import signal
import threading
import urllib.parse
from collections.abc import Collection
from typing import Any

import docker.errors
import requests

from cohorthub.services.janitor.sweep import sweep
from cohorthub.spawning.engine import Engine

#: Seconds between two sweeps, and before the first: a starting hub is still finding its servers.
EVERY_SECONDS = 60
_PAGE = 200

log = logging.getLogger("janitor")


def active_servers(api_url: str, token: str) -> Collection[tuple[str, str]]:
    """Ask the hub for every active (ready or pending) server, as (user, server) pairs.

    Raises :class:`requests.RequestException` when the hub does not answer.
    """
    pairs: set[tuple[str, str]] = set()
    offset: int | None = 0
    while offset is not None:
        query = urllib.parse.urlencode({"state": "active", "offset": offset, "limit": _PAGE})
        response = requests.get(
            f"{api_url}/users?{query}",
            headers={
                "Authorization": f"token {token}",
                "Accept": "application/jupyterhub-pagination+json",
            },
            timeout=20,
        )
        response.raise_for_status()
        body: dict[str, Any] = response.json()
        for user in body["items"]:
            # A server that waits in line is active and has no entry under "servers" yet.
            pairs.add((user["name"], ""))
            pairs.update((user["name"], name) for name in user.get("servers", {}))
        following = body["_pagination"]["next"]
        offset = following["offset"] if following else None
    return pairs


def main() -> None:
    """Sweep until told to stop."""
    logging.basicConfig(level=logging.INFO, format="[janitor] %(levelname)s %(message)s")
    api_url = os.environ["JUPYTERHUB_API_URL"]
    token = os.environ["JUPYTERHUB_API_TOKEN"]
    label = os.environ["COHORTHUB_JANITOR_LABEL"]
    engine = Engine()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(EVERY_SECONDS):
        try:
            for name in sweep(engine, label, lambda: active_servers(api_url, token)):
                log.warning("Removed %s, which belonged to no active server", name)
        except (docker.errors.DockerException, requests.RequestException) as exc:
            log.warning("No sweep this time: %s. Run: docker info", exc)


if __name__ == "__main__":
    main()
