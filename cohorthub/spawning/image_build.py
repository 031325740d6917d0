"""The steps of a build, by the engine's API: locked environment and the small layers over it.

The API, not the `docker` command: it is what the spawner speaks too, so both see the same engine,
and it builds alike whichever command-line client, with or without buildx, is installed. Each step
is found again by a label that holds the hash of what went in, so nothing is made twice.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

import docker
import docker.errors
import requests.exceptions
from docker.types import Mount

from cohorthub.spawning.image_source import (
    ImageError,
    ImageSource,
    context_archive,
    context_files,
    digest,
)
from cohorthub.spawning.wheelhouse import wheelhouse_size

Progress = Callable[[str], None]

REPOSITORY = "cohorthub"
NAME_LABEL = "org.cohorthub.image"
INPUTS_LABEL = "org.cohorthub.inputs"
LOCK_LABEL = "org.cohorthub.lock"
JUPYTERHUB_LABEL = "org.cohorthub.jupyterhub"

#: Where the locked environment stands in every image.
PREFIX = "/opt/course"
#: Seconds for one answer of the engine: making a layer of 6 GB permanent takes it a minute.
_TIMEOUT = 3600
#: Bytes on the engine's disk for each byte of wheels: unpacked twice over while it makes the layer.
_ROOM = 4.5


@contextlib.contextmanager
def engine() -> Iterator[docker.DockerClient]:
    """Yield a client of the engine that ``DOCKER_HOST`` and its kin name.

    Everything the engine says inside the block that is an error becomes an `ImageError`.
    """
    client: docker.DockerClient | None = None
    try:
        client = docker.from_env(timeout=_TIMEOUT)
        client.ping()
        yield client
    except (docker.errors.DockerException, requests.exceptions.RequestException) as exc:
        raise ImageError(explain(exc)) from exc
    finally:
        if client is not None:
            client.close()


def explain(exc: Exception) -> str:
    """Return what an error of the engine means, with the command that shows or mends the cause."""
    text = str(exc)
    low = text.lower()
    if "no space left on device" in low:
        return f"The engine's disk is full ({text}). Run: docker system df; docker image prune"
    if "permission denied" in low:
        return (
            "The container engine does not let this user in. Run as root, or: "
            'sudo usermod -aG docker "$USER"; then sign in anew'
        )
    if isinstance(exc, docker.errors.APIError):
        return f"The container engine refused: {text}. Run: docker info; journalctl -u docker"
    return (
        f"No container engine answers ({text}). Run: docker info; where none is installed: "
        "sudo apt-get install docker.io"
    )


def find_labelled(client: docker.DockerClient, name: str, inputs: str) -> str | None:
    """Return the id of the newest image ``name`` that was made from ``inputs``, or None.

    Only an image with a tag counts: what an interrupted build leaves has none, but still bears the
    labels of the image that it stands on.
    """
    found = client.api.images(
        name=f"{REPOSITORY}/{name}",
        filters={"label": [f"{NAME_LABEL}={name}", f"{INPUTS_LABEL}={inputs}"]},
    )
    newest = max(found, key=lambda image: int(image["Created"]), default=None)
    return str(newest["Id"]) if newest else None


def ensure_environment(
    client: docker.DockerClient,
    source: ImageSource,
    base: str,
    wheelhouse: Path,
    progress: Progress = print,
) -> str:
    """Return the id of ``base`` with the image's locked packages installed as one layer.

    A container without network installs them from ``wheelhouse``, which it sees read-only, and its
    changes are made permanent. A build instruction could not: the classic builder mounts nothing,
    and copying 3 GB of wheels would leave them in a layer. Raises `ImageError`.
    """
    assert source.lock is not None
    lock, script = source.lock.read_bytes(), source.install_script.read_bytes()
    inputs = digest([_content(client, base), lock, script])
    name = f"{source.name}-environment"
    if found := find_labelled(client, name, inputs):
        return found
    _check_room(client, source, wheelhouse)
    progress(f"Environment: installing {len(source.packages)} locked packages")
    container_name = f"{REPOSITORY}-build-{source.name}"
    _remove(client, container_name)
    container = client.containers.create(
        base,
        ["sh", "/tmp/environment/install.sh", PREFIX, "/tmp/environment/lock", "/mnt"],  # noqa: S108
        name=container_name,
        user="root",
        working_dir="/",
        network_mode="none",
        # A mount, not a volume: a volume's place would be declared in the image for ever.
        mounts=[Mount("/mnt", str(wheelhouse.resolve()), type="bind", read_only=True)],
    )
    try:
        container.put_archive("/tmp", _environment_files(lock, script))  # noqa: S108
        container.start()
        for line in _lines(container.logs(stream=True, follow=True)):
            if line.startswith("Installing collected"):
                progress("  Unpacking")
        status = int(container.wait()["StatusCode"])
        if status:
            # Read again: a log that is followed may end before its last line.
            tail = list(_lines([container.logs(tail=20)]))
            raise ImageError(
                f"The locked packages did not install (status {status}): {_last_words(tail)} "
                f"Run: make lock; then make image. The log's end:\n" + "\n".join(tail)
            )
        progress("Environment: making the layer permanent (about a minute)")
        labels = {NAME_LABEL: name, INPUTS_LABEL: inputs, LOCK_LABEL: source.lock_hash}
        changes = [f"LABEL {key}={value}" for key, value in labels.items()]
        image = container.commit(changes=[*changes, 'CMD ["/bin/bash"]'])
    finally:
        _remove(client, container_name)
    assert image.id is not None
    named(client, name, image.id)
    return image.id


def _content(client: docker.DockerClient, image_id: str) -> bytes:
    """Return what an image is, its labels and date left out: equal content needs no new layers."""
    attrs = client.images.get(image_id).attrs
    config = {key: attrs["Config"].get(key) for key in ("Env", "WorkingDir", "User")}
    return json.dumps([attrs["RootFS"]["Layers"], config], sort_keys=True).encode()


def _environment_files(lock: bytes, script: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "environment")
        root.mkdir()
        (root / "lock").write_bytes(lock)
        (root / "install.sh").write_bytes(script)
        return context_archive(context_files(Path(folder)))


def _last_words(tail: list[str]) -> str:
    errors = [line for line in tail if line.startswith("ERROR")] or tail[-1:]
    return errors[-1] if errors else "it said nothing."


def _check_room(client: docker.DockerClient, source: ImageSource, wheelhouse: Path) -> None:
    """Refuse before minutes of work what the engine's disk cannot hold (a local engine's only)."""
    root = Path(str(client.info().get("DockerRootDir", "")))
    needed = int(wheelhouse_size(source.packages, wheelhouse) * _ROOM)
    try:
        free = shutil.disk_usage(root).free
    except OSError:
        return
    if free < needed:
        raise ImageError(
            f"The environment needs {needed / 1e9:.0f} GB on the engine's disk while it is built, "
            f"{root} has {free / 1e9:.0f} GB. Run: docker system df; docker image prune"
        )


def build(
    client: docker.DockerClient,
    folder: Path,
    *,
    name: str,
    arguments: Mapping[str, str],
    labels: Mapping[str, str],
    cached: bool = True,
    progress: Progress = print,
) -> str:
    """Build ``folder``'s Dockerfile, labelled as ``name``; return the image's id.

    Raises `ImageError`.
    """
    messages = client.api.build(
        fileobj=io.BytesIO(context_archive(context_files(folder))),
        custom_context=True,
        buildargs=dict(arguments),
        labels={NAME_LABEL: name, **labels},
        nocache=not cached,
        rm=True,
        forcerm=True,
        decode=True,
    )
    built = ""
    tail: deque[str] = deque(maxlen=20)
    for message in messages:
        if "error" in message:
            raise ImageError(_build_failed(folder, arguments, str(message["error"]), tail))
        built = message.get("aux", {}).get("ID", built)
        for line in str(message.get("stream", "")).splitlines():
            if line.strip():
                tail.append(line)
            if line.startswith("Step "):
                progress("  " + shorten(line, 100, placeholder=" …"))
    assert built, "the engine ended a build without an error and without an image"
    return str(built)


def _build_failed(folder: Path, arguments: Mapping[str, str], error: str, tail: deque[str]) -> str:
    if "no space left on device" in error.lower():
        return explain(OSError(error))
    parent = next(iter(arguments.values()))
    return (
        f"{folder}/Dockerfile did not build: {error}. To look around where it began, "
        f"run: docker run --rm -it {parent} bash. The log's end:\n" + "\n".join(tail)
    )


def named(client: docker.DockerClient, name: str, image_id: str) -> str:
    """Tag an image with its own id, so that a build may stand on exactly it.

    BuildKit takes no bare id in FROM, and any other tag could have moved.
    """
    tag = image_id.removeprefix("sha256:")[:20]
    client.images.get(image_id).tag(f"{REPOSITORY}/{name}", tag)
    return f"{REPOSITORY}/{name}:{tag}"


def build_on(
    client: docker.DockerClient, source: ImageSource, parent: str, progress: Progress = print
) -> str:
    """Build the image's own small layers on ``parent`` (an id); return the image's id."""
    parent_name = f"{source.name}-environment" if source.lock else "base"
    return build(
        client,
        source.folder,
        name=source.name,
        arguments={"BASE": named(client, parent_name, parent)},
        labels={
            INPUTS_LABEL: source.inputs,
            LOCK_LABEL: source.lock_hash,
            JUPYTERHUB_LABEL: source.locked_version("jupyterhub"),
        },
        progress=progress,
    )


def _remove(client: docker.DockerClient, container: str) -> None:
    with contextlib.suppress(docker.errors.NotFound):
        client.containers.get(container).remove(force=True)


def _lines(chunks: Any) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace").rstrip() for line in whole)
    if rest:
        yield rest.decode(errors="replace").rstrip()
