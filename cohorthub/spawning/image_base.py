"""The base image: Debian pinned by its digest, or bootstrapped from its packages.

A registry gives the one; where none answers, `mmdebstrap` makes the other in twenty seconds. What
`images/base` adds is the same on both.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import docker
import docker.errors

from cohorthub.spawning.image_build import (
    INPUTS_LABEL,
    NAME_LABEL,
    REPOSITORY,
    Progress,
    build,
    find_labelled,
    named,
)
from cohorthub.spawning.image_source import SOURCE_DATE_EPOCH, ImageError, ImageSource, digest

_SUITE = "bookworm"


def ensure_base(
    client: docker.DockerClient,
    source: ImageSource,
    *,
    mirror: str = "",
    refresh: bool = False,
    progress: Progress = print,
) -> str:
    """Return the id of the base image, built if it is not there or ``refresh`` asks for it.

    ``refresh`` takes Debian's newest packages. ``mirror`` is the address of a Debian mirror, for
    the bootstrap alone. Raises `ImageError`.
    """
    inputs = source.base_inputs
    if not refresh and (found := find_labelled(client, "base", inputs)):
        return found
    if source.debian:
        debian = _pull(client, source.debian, progress)
    else:
        debian = _bootstrap(client, mirror=mirror, refresh=refresh, progress=progress)
    progress("Base: Debian's packages")
    base = build(
        client,
        source.base,
        name="base",
        arguments={"DEBIAN": named(client, "debian", debian)},
        labels={INPUTS_LABEL: inputs},
        cached=not refresh,
        progress=progress,
    )
    named(client, "base", base)
    return base


def _pull(client: docker.DockerClient, reference: str, progress: Progress) -> str:
    try:
        image = client.images.get(reference)
    except docker.errors.ImageNotFound:
        progress(f"Base: {reference}")
        try:
            image = client.images.pull(reference)
        except docker.errors.DockerException as exc:
            raise ImageError(
                f"No registry gave {reference} ({exc}). Run: docker pull {reference}; or leave the "
                "setting empty, and the base is bootstrapped from Debian's packages"
            ) from exc
    assert image.id is not None
    return image.id


def _bootstrap(
    client: docker.DockerClient, *, mirror: str, refresh: bool, progress: Progress
) -> str:
    """Make a minimal Debian from its packages; return the image's id."""
    inputs = digest([b"mmdebstrap minbase", _SUITE.encode()])
    if not refresh and (found := find_labelled(client, "debian", inputs)):
        return found
    progress(f"Base: bootstrapping Debian {_SUITE} (about 20 s)")
    with tempfile.TemporaryDirectory(prefix="cohorthub-") as folder:
        archive = Path(folder, "debian.tar")
        bootstrap_archive(archive, mirror)
        repository, tag = f"{REPOSITORY}/debian", _SUITE
        labels = [f"LABEL {NAME_LABEL}=debian {INPUTS_LABEL}={inputs}", 'CMD ["/bin/bash"]']
        with archive.open("rb") as file:
            client.api.import_image(file, repository=repository, tag=tag, changes=labels)
    return _id(client, f"{repository}:{tag}")


def bootstrap_archive(archive: Path, mirror: str = "") -> None:
    """Write a minimal Debian into the tar file ``archive``; raises `ImageError`."""
    if shutil.which("mmdebstrap") is None:
        raise ImageError(
            "mmdebstrap, which bootstraps the base image, is not installed. "
            "Run: sudo apt-get install mmdebstrap"
        )
    # What the tool takes over from this machine does not belong in an image.
    strays = 'rm -f "$1"/etc/resolv.conf "$1"/etc/hostname'
    command = ["mmdebstrap", "--variant=minbase", f"--customize-hook={strays}", _SUITE]
    run = subprocess.run(
        [*command, str(archive), *([mirror] if mirror else [])],
        env={**os.environ, "SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if run.returncode:
        raise ImageError(_bootstrap_failed(run.stderr))


def _bootstrap_failed(output: str) -> str:
    lines = [line for line in output.splitlines() if line.startswith("E:")] or ["no reason given"]
    if "no space left on device" in output.lower():
        return f"The disk is full: {lines[0]}. Run: df -h {tempfile.gettempdir()}"
    if os.geteuid() != 0:
        return (
            f"The base image could not be bootstrapped by an ordinary user ({lines[0]}). "
            "Run: sudo make image"
        )
    return (
        f"The base image could not be bootstrapped ({lines[0]}). "
        f"Run: mmdebstrap --variant=minbase {_SUITE} /dev/null"
    )


def _id(client: docker.DockerClient, reference: str) -> str:
    image_id = client.images.get(reference).id
    assert image_id is not None
    return image_id
