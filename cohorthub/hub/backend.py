"""How servers run on this machine: found out once, used by every other topic."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cohorthub.problems import ConfigurationError, Problem
from cohorthub.settings import Settings
from cohorthub.spawning.engine import Engine, engine_answers
from cohorthub.spawning.images import build_image, find_image, inputs_hash
from cohorthub.spawning.network import StudentNetwork, close_host, ensure_network

COURSE_IMAGE = "course"


@dataclass(frozen=True)
class Backend:
    """The backend and what it needs: the address for the hub, and for containers image and net."""

    kind: Literal["local", "docker"]
    hub_ip: str
    image: str = ""
    network: StudentNetwork | None = None


def choose_kind(settings: Settings) -> Literal["local", "docker"]:
    """Return the backend that the settings ask for; ``auto`` asks whether an engine answers.

    Raises :class:`~cohorthub.problems.ConfigurationError` when containers are asked for and no
    engine answers.
    """
    if settings.spawner == "local":
        return "local"
    if engine_answers():
        return "docker"
    if settings.spawner == "auto":
        return "local"
    raise ConfigurationError(
        [
            Problem(
                "container engine",
                "",
                "no answer",
                "a running Docker engine. Run: systemctl start docker (or choose local processes: "
                "SPAWNER=local make run)",
            )
        ],
        command="docker info",
    )


def image_folder(root: Path, name: str = COURSE_IMAGE) -> Path:
    """Return the folder that the image ``name`` is made from."""
    return root / "images" / name


def find_course_image(settings: Settings, root: Path, name: str = COURSE_IMAGE) -> str | None:
    """Return the id of the image that was built from this checkout, or None.

    Raises :class:`~cohorthub.spawning.images.ImageError` when no engine answers.
    """
    return find_image(name, inputs_hash(image_folder(root, name), settings.docker.debian))


def make_course_image(
    settings: Settings, root: Path, say: Callable[[str], None], name: str = COURSE_IMAGE
) -> str:
    """Return the image's id, building it first where it is missing; progress goes to ``say``.

    Raises :class:`~cohorthub.spawning.images.ImageError`.
    """
    return build_image(
        image_folder(root, name),
        wheelhouse=root / ".cache" / "wheelhouse",
        python=Path(sys.executable),
        debian=settings.docker.debian,
        progress=say,
    )


def prepare_backend(settings: Settings, root: Path) -> Backend:
    """Make what the backend needs and return it.

    For containers that is the students' network with its firewall rules, and the image, which must
    be there: a start never pulls. Raises :class:`~cohorthub.problems.ConfigurationError`.
    """
    if choose_kind(settings) == "local":
        return Backend("local", "127.0.0.1")
    engine = Engine(settings.docker.engine_timeout)
    image = settings.docker.image or find_course_image(settings, root)
    if not image:
        raise ConfigurationError(
            [
                Problem(
                    "container engine",
                    "docker.image",
                    "no course image built from this checkout",
                    "an image. Run: make image",
                )
            ],
            command="cohorthub image find",
        )
    network = ensure_network(engine, settings.docker.prefix, internet=settings.docker.internet)
    close_host(network, [settings.hub_port, settings.release_port])
    return Backend("docker", network.gateway, image, network)
