"""The students' images: find the one that this checkout means, or build it.

An image is known by its id (``sha256:…``), which the spawner uses and never pulls. The label
``org.cohorthub.inputs`` says what it was made from; the tag ``cohorthub/<name>:<start of that>``
and the moving tag ``cohorthub/<name>:dev`` are for people. Adding an image is adding a folder below
``images/``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import docker
import docker.errors
from filelock import FileLock, Timeout

from cohorthub.spawning import image_base, image_build
from cohorthub.spawning.image_build import REPOSITORY, Progress, engine
from cohorthub.spawning.image_source import ImageError, ImageSource, inputs_hash
from cohorthub.spawning.wheelhouse import ensure_wheelhouse

__all__ = [
    "ImageError",
    "ImageFacts",
    "build_image",
    "ensure_wheelhouse",
    "find_image",
    "image_names",
    "inputs_hash",
    "inspect_image",
]

#: The tag that follows the newest build.
MOVING_TAG = "dev"


@dataclass(frozen=True)
class ImageFacts:
    """What an image says about itself; strings are empty where it was not built here."""

    id: str
    name: str
    inputs: str
    lock: str
    jupyterhub: str
    created: str
    size: int


def image_names(images: Path) -> tuple[str, ...]:
    """Return the names of the images whose folders are below ``images``, the base left out."""
    return tuple(
        sorted(
            file.parent.name for file in images.glob("*/Dockerfile") if file.parent.name != "base"
        )
    )


def find_image(name: str, inputs: str, *, client: docker.DockerClient | None = None) -> str | None:
    """Return the id of the newest image ``name`` made from ``inputs`` (see `inputs_hash`), or None.

    Raises `ImageError` when no engine answers.
    """
    if client is not None:
        return image_build.find_labelled(client, name, inputs)
    with engine() as own:
        return image_build.find_labelled(own, name, inputs)


def inspect_image(image: str) -> ImageFacts:
    """Return the facts of an image, by id, digest or tag; raises `ImageError` if it is missing."""
    with engine() as client:
        try:
            attrs = client.images.get(image).attrs
        except docker.errors.ImageNotFound as exc:
            raise ImageError(f"The image {image} is not on this machine. Run: make image") from exc
    labels = attrs["Config"].get("Labels") or {}
    return ImageFacts(
        id=attrs["Id"],
        name=labels.get(image_build.NAME_LABEL, ""),
        inputs=labels.get(image_build.INPUTS_LABEL, ""),
        lock=labels.get(image_build.LOCK_LABEL, ""),
        jupyterhub=labels.get(image_build.JUPYTERHUB_LABEL, ""),
        created=attrs["Created"],
        size=attrs["Size"],
    )


def build_image(
    folder: Path,
    *,
    wheelhouse: Path,
    python: Path,
    debian: str = "",
    mirror: str = "",
    refresh: bool = False,
    progress: Progress = print,
) -> str:
    """Return the id of the image of ``folder``, building whatever of it is not there yet.

    ``wheelhouse`` keeps the locked wheels, which ``python`` (any interpreter with pip) downloads.
    ``debian`` is a digest-pinned Debian reference; empty, the base is bootstrapped, from ``mirror``
    when one is given. ``refresh`` builds anew from Debian's newest packages. Lines for a person go
    to ``progress``. One build runs at a time. Raises `ImageError`.
    """
    source = ImageSource(folder, debian)
    wheelhouse.mkdir(parents=True, exist_ok=True)
    with engine() as client, _one_at_a_time(wheelhouse, progress):
        found = None if refresh else image_build.find_labelled(client, source.name, source.inputs)
        if found is None:
            parent = image_base.ensure_base(
                client, source, mirror=mirror, refresh=refresh, progress=progress
            )
            if source.lock:
                ensure_wheelhouse(source.lock, wheelhouse, python, progress)
                parent = image_build.ensure_environment(
                    client, source, parent, wheelhouse, progress
                )
            found = image_build.build_on(client, source, parent, progress)
        for tag in (source.inputs[:12], MOVING_TAG):
            client.images.get(found).tag(f"{REPOSITORY}/{source.name}", tag)
    return found


def _one_at_a_time(wheelhouse: Path, progress: Progress) -> FileLock:
    lock = FileLock(wheelhouse / ".build.lock")
    try:
        lock.acquire(timeout=0)
        lock.release()
    except Timeout:
        progress("Another build is running; waiting for it")
    return lock
