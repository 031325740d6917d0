"""A student's server in a container of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

import docker.errors
import requests.exceptions
from dockerspawner import DockerSpawner
from traitlets import Int, Unicode

from cohorthub.spawning import troubles
from cohorthub.spawning.engine import Engine
from cohorthub.spawning.network import LABEL
from cohorthub.spawning.paced import PacedSpawner

USER_LABEL = "org.cohorthub.user"
SERVER_LABEL = "org.cohorthub.server"

#: Where a student's files are in the container; a named volume is mounted there.
HOME = "/home/student"
#: Characters of a failed server's output that go to the hub's log.
_LAST_WORDS = 2000
_ENGINE_ERRORS = (docker.errors.DockerException, requests.exceptions.RequestException)


def containers_of(engine: Engine, label: str) -> list[dict[str, Any]]:
    """Return the engine's listing of all containers, also ended ones, of the hub ``label``.

    Raises :class:`docker.errors.DockerException` without an engine.
    """
    listing = engine.client.containers(all=True, filters={"label": f"{LABEL}={label}"})
    return list(listing)


def remove_container(engine: Engine, container: Mapping[str, Any]) -> bool:
    """Remove a listed container with force, and say whether it was still there.

    Named volumes stay. Raises :class:`docker.errors.DockerException` when the engine refuses.
    """
    try:
        engine.client.remove_container(container["Id"], force=True, v=True)
    except docker.errors.NotFound:
        return False
    return True


class ContainerSpawner(PacedSpawner, DockerSpawner):  # type: ignore[misc]
    """Starts each server in a fresh, limited container; only the home volume outlives it.

    The image is an id or a digest and is never pulled at a start. A container that a crash left
    behind is removed with force before the next start; one with the same name that this hub did
    not make is left alone and reported.
    """

    #: The engine of all servers; set by configure_spawner.
    engine: ClassVar[Engine] = Engine()

    profile_name = Unicode("", help="The kind of server, from the settings' profiles.")
    pids_limit = Int(1024, help="Processes and threads at once.")
    shm_bytes = Int(1 << 30, help="Bytes of /dev/shm.")
    stop_seconds = Int(5, config=True, help="Seconds for a clean stop.")
    container_user = Unicode("1000:1000", config=True, help="User and group id in the container.")
    hub_label = Unicode("cohorthub", config=True, help="This hub's name in its labels.")

    @property
    def client(self) -> docker.APIClient:
        """This thread's client of the engine."""
        return self.engine.client

    def docker(self, method: str, *args: Any, **kwargs: Any) -> asyncio.Future[Any]:
        """Call the engine in a thread of its pool, and return the result's future."""
        executor = self.engine.executor(method)
        return asyncio.wrap_future(executor.submit(self._docker, method, *args, **kwargs))

    def server_label(self) -> str:
        """Return the container's name."""
        return str(self.object_name)

    async def start_server(self) -> tuple[str, int]:
        """Make the container anew and start it.

        Raises :class:`jupyterhub.spawner.SpawnException` with a sentence for the student.
        """
        try:
            await self._clear_the_place()
            ip, port = await DockerSpawner.start(self)
        except _ENGINE_ERRORS as exc:
            trouble = troubles.from_engine(
                exc,
                name=self.object_name,
                image=self.image,
                network=self.network_name,
                memory=f"{self.mem_limit} bytes",
            )
            await self._leave_nothing()
            raise trouble.exception() from exc
        return str(ip), int(port)

    async def _clear_the_place(self) -> None:
        left = await self.get_object()
        if left is None:
            return
        if left["Config"]["Labels"].get(LABEL) != self.hub_label:
            raise troubles.name_taken(self.object_name).exception()
        self.log.warning(
            "Removing container %s (%s), which an earlier stop or a crash left behind",
            self.object_name,
            left["State"]["Status"],
        )
        await self.remove_object()

    async def _leave_nothing(self) -> None:
        """Remove what a failed start made, so that the next one finds a clean place."""
        if not self.object_id:
            return
        try:
            await self.remove_object()
        except _ENGINE_ERRORS as exc:
            self.log.warning("Could not remove %s after a failed start: %s", self.object_name, exc)

    async def create_object(self) -> dict[str, Any]:
        """Make the container with this start's limits."""
        # Set here and not in the configuration: a profile's limits are known only now.
        self.extra_create_kwargs = {
            "user": self.container_user,
            "labels": {
                LABEL: self.hub_label,
                USER_LABEL: self.user.name,
                SERVER_LABEL: self.name,
            },
        }
        self.extra_host_config = {
            # Not the engine's auto-removal: a container that ended must still be there to say why.
            "auto_remove": False,
            "init": True,
            "shm_size": self.shm_bytes,
            "memswap_limit": self.mem_limit,
            "pids_limit": self.pids_limit,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "restart_policy": {"Name": "no"},
            "log_config": {
                "type": "json-file",
                "config": {"max-size": "5m", "max-file": "2"},
            },
        }
        return dict(await super().create_object())

    async def stop_object(self) -> None:
        """Ask for a clean stop; gone already is fine, and whatever is left is removed anyway."""
        try:
            await self.docker("stop", self.container_id, timeout=self.stop_seconds)
        except docker.errors.NotFound:
            self.log.debug("%s is gone already", self.object_name)
        except docker.errors.APIError as exc:
            # A paused container, for one, takes no signal; its forced removal comes next.
            self.log.warning("%s could not be stopped cleanly: %s", self.object_name, exc)

    async def remove_object(self) -> None:
        """Remove the container with force; named volumes stay."""
        try:
            await self.docker("remove_container", self.object_id, v=True, force=True)
        except docker.errors.NotFound:
            self.log.debug("%s is gone already", self.object_name)
        except docker.errors.APIError as exc:
            # 409: another removal of the same container is under way.
            if exc.status_code != 409:
                raise

    async def poll(self) -> Any:
        """Return None while the container runs, else how it ended.

        An engine that does not answer says nothing about its containers, which live on while it
        restarts, so it counts as 'still running'.
        """
        try:
            return await super().poll()
        except docker.errors.APIError:
            raise
        except _ENGINE_ERRORS as exc:
            self.log.warning(
                "%s", troubles.engine_absent(f"asked for {self.object_name}: {exc}").admin
            )
            return None

    async def why_ended(self, status: Any) -> troubles.Trouble:
        """Explain an early end from the container's state and its last output."""
        container = await self.get_object()
        if container is not None and container["State"].get("OOMKilled"):
            return troubles.out_of_memory(self.object_name, f"{self.mem_limit} bytes")
        words = ""
        if container is not None:
            raw = await self.docker("logs", self.container_id, tail=30)
            words = raw.decode(errors="replace")[-_LAST_WORDS:]
            if "no space left on device" in words.lower():
                return troubles.disk_full("the server said so")
        return troubles.ended_early(self.object_name, str(status), words)
