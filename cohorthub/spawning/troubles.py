"""What can keep a server from starting: a sentence for the student, a command for the admin.

The student's sentence says what to do next and names no machinery; the administrator's line goes
to the log and names the command that shows or mends the cause.
"""

from __future__ import annotations

from dataclasses import dataclass

import docker.errors
import requests.exceptions
from jupyterhub.spawner import SpawnException

_SAFE = "Your files are safe."
_TELL = "If it happens again, tell a teacher"


@dataclass(frozen=True)
class Trouble:
    """One cause: ``reason`` labels the metric, ``student`` and ``admin`` are sentences."""

    reason: str
    student: str
    admin: str
    status: int = 503

    def exception(self) -> SpawnException:
        """Return the exception with which the hub shows the one and logs the other."""
        return SpawnException(
            self.student,
            reason=self.reason,
            log_message=f"{self.student} | {self.admin}",
            status_code=self.status,
        )


def engine_absent(detail: str) -> Trouble:
    """The container engine does not answer."""
    return Trouble(
        "engine-absent",
        "The machine that runs the course's servers does not answer at the moment. "
        f"{_SAFE} Try again in a few minutes. {_TELL} that the container engine is away.",
        f"No answer from the container engine ({detail}). "
        "Run: systemctl status docker; docker info",
    )


def image_missing(image: str) -> Trouble:
    """The image that servers start from is not on this machine."""
    return Trouble(
        "image-missing",
        "The course's software is not installed on the server machine yet. "
        f"{_SAFE} Tell a teacher that the course image is missing; then click the link again.",
        f"The image {image} is not on this machine. Run: make image; then restart the hub",
    )


def out_of_memory(name: str, limit: str) -> Trouble:
    """The server was ended, or could not begin, for want of memory."""
    return Trouble(
        "out-of-memory",
        "There was not enough memory to start your server. "
        f"{_SAFE} Wait a minute and click the link again. {_TELL} that memory is short.",
        f"{name} found no memory (its limit is {limit}). Run: free -h; docker stats --no-stream",
    )


def disk_full(detail: str) -> Trouble:
    """The engine's disk has no space left."""
    return Trouble(
        "disk-full",
        "The server machine's disk is full, so no new server can start. "
        f"{_SAFE} Tell a teacher that the disk is full, and try again once they have made room.",
        f"No space left for the container engine ({detail}). Run: df -h; docker system df",
    )


def name_taken(name: str) -> Trouble:
    """A container that is not the hub's own has the name that the server needs."""
    return Trouble(
        "name-taken",
        "Something else on the server machine has your server's place. "
        f"{_SAFE} Tell a teacher that your server's name is taken; they can free it in a minute.",
        f"The name {name} belongs to a container that this hub did not make. "
        f"Run: docker inspect {name}; then docker rename or docker rm -f {name}",
    )


def network_missing(network: str) -> Trouble:
    """The students' network is gone."""
    return Trouble(
        "network-missing",
        "Your server could not be connected. "
        f"{_SAFE} Tell a teacher that the students' network is missing; then click the link again.",
        f"The network {network} is missing. Restart the hub, which makes it: "
        "systemctl restart cohorthub, or make run",
    )


def device_driver_missing() -> Trouble:
    """The engine has no runtime for GPUs."""
    return Trouble(
        "gpu-runtime-missing",
        "The server machine cannot hand out its GPUs at the moment. "
        f"{_SAFE} Choose a CPU server for now, and tell a teacher that the GPU runtime is missing.",
        "The engine knows no GPU runtime. Run: nvidia-ctk runtime configure; "
        "systemctl restart docker",
    )


def too_slow(seconds: float, name: str) -> Trouble:
    """The server did not answer in the time that one start may take."""
    return Trouble(
        "timeout",
        f"Your server did not answer within {seconds:.0f} seconds. "
        f"{_SAFE} Click the link again. {_TELL} that your server is too slow to start.",
        f"{name} did not answer in {seconds:.0f} s. Run: docker logs {name} (or see the hub's log "
        "above); uptime",
    )


def ended_early(name: str, how: str, last_words: str) -> Trouble:
    """The server ended before it answered."""
    return Trouble(
        "ended-early",
        "Your server stopped while it was starting. "
        f"{_SAFE} Click the link again. {_TELL} that your server ends while starting.",
        f"{name} ended while starting ({how}). Its last words: {last_words or 'none'}",
    )


def line_full() -> Trouble:
    """The line of waiting starts is as long as it may be."""
    return Trouble(
        "line-full",
        "Very many people are starting their servers right now. "
        "Wait a minute and click the link again.",
        "The line of starts is full. Setting: start.line_limit",
        status=429,
    )


def left_line() -> Trouble:
    """The student gave their place in line back."""
    return Trouble(
        "left-line",
        "You left the line. Click the day's link whenever you want to start your server.",
        "A start was taken back while it waited.",
        status=409,
    )


def other(name: str, detail: str) -> Trouble:
    """Anything that none of the above describes."""
    return Trouble(
        "engine-error",
        "Your server could not be started. "
        f"{_SAFE} Click the link again. {_TELL} the time and that your server does not start.",
        f"{name} could not be started ({detail}). Run: docker events --since 10m; "
        "journalctl -u docker",
    )


def from_engine(exc: BaseException, *, name: str, image: str, network: str, memory: str) -> Trouble:
    """Recognise what the engine said.

    ``name``, ``image``, ``network`` and ``memory`` (a size) are what the start asked for.
    """
    if isinstance(exc, requests.exceptions.ReadTimeout):
        return engine_absent("a request timed out")
    if isinstance(exc, requests.exceptions.ConnectionError):
        return engine_absent("the connection was refused or cut")
    text = str(exc)
    low = text.lower()
    if isinstance(exc, docker.errors.ImageNotFound) or "no such image" in low:
        return image_missing(image)
    if isinstance(exc, docker.errors.APIError):
        status = exc.response.status_code if exc.response is not None else 0
        if "no space left on device" in low:
            return disk_full(text)
        if "cannot allocate memory" in low or "out of memory" in low:
            return out_of_memory(name, memory)
        if "could not select device driver" in low:
            return device_driver_missing()
        if status == 409 and "already in use" in low:
            return name_taken(name)
        if "network" in low and "not found" in low:
            return network_missing(network)
    elif isinstance(exc, docker.errors.DockerException):
        return engine_absent(text)
    return other(name, text)
