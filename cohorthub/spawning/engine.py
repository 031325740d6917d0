"""Connections to the container engine.

docker-py's client keeps one pool of HTTP connections that is not promised to be safe between
threads, so every thread gets a client of its own. Requests that end servers have threads of their
own as well: an engine waits several seconds for a server's clean stop, and must not keep anybody
from starting meanwhile.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import docker
import docker.errors
import requests.exceptions
from docker.constants import MINIMUM_DOCKER_API_VERSION
from docker.utils import kwargs_from_env

#: Threads for requests that answer at once, and for those that end servers.
_QUICK_THREADS = 8
_ENDING_THREADS = 32
_ENDING = frozenset({"stop", "kill", "remove_container"})


class Engine:
    """A container engine, as ``DOCKER_HOST`` and its kin name it.

    ``timeout`` is the seconds after which a request without an answer fails.
    """

    def __init__(self, timeout: int = 60) -> None:
        self.timeout = timeout
        self._local = threading.local()
        self._version: str | None = None
        self._quick = ThreadPoolExecutor(_QUICK_THREADS, thread_name_prefix="engine")
        self._ending = ThreadPoolExecutor(_ENDING_THREADS, thread_name_prefix="engine-ending")

    @property
    def client(self) -> docker.APIClient:
        """This thread's client. Raises :class:`docker.errors.DockerException` without an engine."""
        client: docker.APIClient | None = getattr(self._local, "client", None)
        if client is None:
            # Asking for the version costs a request; later threads reuse the first one's answer.
            client = docker.APIClient(
                version=self._version or "auto", timeout=self.timeout, **kwargs_from_env()
            )
            self._version = client.api_version
            self._local.client = client
        return client

    def executor(self, method: str) -> ThreadPoolExecutor:
        """Return the threads on which the client's ``method`` is called."""
        return self._ending if method in _ENDING else self._quick

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call the client's ``method`` in this thread."""
        return getattr(self.client, method)(*args, **kwargs)


def engine_answers(timeout: int = 5) -> bool:
    """Return whether a container engine answers within ``timeout`` seconds."""
    # A named version, because asking for the engine's own opens a connection that a failing
    # constructor leaves behind; every engine answers a ping.
    client = docker.APIClient(
        version=MINIMUM_DOCKER_API_VERSION, timeout=timeout, **kwargs_from_env()
    )
    try:
        return bool(client.ping())
    except (docker.errors.DockerException, requests.exceptions.RequestException):
        return False
    finally:
        client.close()
