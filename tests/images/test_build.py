"""Builds with the real engine, of small images in a folder of their own."""

import contextlib
import shutil
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import docker
import pytest

from cohorthub.spawning.image_source import ImageError, ImageSource
from cohorthub.spawning.images import build_image, find_image, image_names
from tests.images.conftest import COURSE
from tests.support.docker import LABEL, Containers, owner, scratch_images
from tests.support.wheels import lock_entry, make_wheel

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]


@dataclass
class Small:
    """A small image's folder; ``said`` collects what its builds told a person."""

    folder: Path
    wheelhouse: Path
    said: list[str] = field(default_factory=list)

    def build(self) -> str:
        return build_image(
            self.folder,
            wheelhouse=self.wheelhouse,
            python=Path(sys.executable),
            progress=self.said.append,
        )

    @property
    def source(self) -> ImageSource:
        return ImageSource(self.folder)


@contextlib.contextmanager
def small_image(engine: docker.DockerClient, root: Path) -> Iterator[Small]:
    """Write an image folder on a base that is the real one; remove what is built from it."""
    real = find_image("base", ImageSource(COURSE).base_inputs)
    assert real is not None
    reference = f"cohorthub/base:{real.removeprefix('sha256:')[:20]}"
    base = root / "images" / "base"
    base.mkdir(parents=True)
    (base / "Dockerfile").write_text(
        f"ARG DEBIAN\nFROM {reference}\nLABEL {LABEL}={owner()}\nLABEL once={uuid.uuid4()}\n"
    )
    shutil.copy(COURSE.parent / "base" / "install-environment.sh", base)

    folder = root / "images" / f"test-{uuid.uuid4().hex[:10]}"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "hello").write_text("#!/bin/sh\necho hello\n")
    (folder / "bin" / "hello").chmod(0o700)
    (folder / "notes.txt").write_text("not part of the image\n")
    (folder / ".dockerignore").write_text("*\n!Dockerfile\n!bin\n")
    (folder / "Dockerfile").write_text(
        "ARG BASE\nFROM ${BASE}\nCOPY bin/ /usr/local/bin/\nUSER 1000:1000\n"
    )
    wheelhouse = root / "wheelhouse"
    wheelhouse.mkdir()
    (folder / "requirements.lock").write_text(lock_entry(make_wheel(wheelhouse, "tinypackage")))
    small = Small(folder, wheelhouse)
    base_inputs = small.source.base_inputs
    try:
        with scratch_images(engine, folder.name):
            yield small
    finally:
        while made := find_image("base", base_inputs):
            engine.images.remove(made, force=True)


@pytest.fixture
def small(engine: docker.DockerClient, image: str, tmp_path: Path) -> Iterator[Small]:
    """A small image of the test's own, not built yet."""
    with small_image(engine, tmp_path) as small:
        yield small


@pytest.fixture(scope="module")
def built(
    engine: docker.DockerClient, image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Small]:
    """One small image for all tests that only look at it."""
    with small_image(engine, tmp_path_factory.mktemp("built")) as small:
        small.build()
        yield small


@pytest.fixture
def built_id(built: Small) -> str:
    found = find_image(built.folder.name, built.source.inputs)
    assert found is not None
    return found


def test_new_folder_is_a_new_image(built: Small, built_id: str, containers: Containers) -> None:
    assert image_names(built.folder.parent) == (built.folder.name,)
    ran = containers.run(
        built_id, ["/opt/course/bin/python", "-c", "import tinypackage as t; print(t.VERSION)"]
    )
    assert (ran.status, ran.output) == (0, "1.0\n")


def test_second_build_finds_the_first(built: Small, built_id: str) -> None:
    built.said.clear()
    assert built.build() == built_id
    assert built.said == []


def test_students_can_use_what_a_strict_checkout_hides(
    built_id: str, containers: Containers
) -> None:
    # `hello` is 0700 in the checkout.
    assert containers.run(built_id, ["hello"]).output == "hello\n"


def test_build_leaves_no_container_and_nothing_of_its_own_in_the_image(
    built: Small, built_id: str, engine: docker.DockerClient, containers: Containers
) -> None:
    name = f"cohorthub-build-{built.folder.name}"
    assert not engine.containers.list(all=True, filters={"name": name}, ignore_removed=True)
    ran = containers.run(built_id, ["ls", "--almost-all", "/tmp", "/mnt", "/srv"])
    assert ran.output.split() == ["/mnt:", "/srv:", "/tmp:"]
    assert not engine.images.get(built_id).attrs["Config"]["Volumes"]


def test_change_of_a_file_keeps_the_environments_layer(
    small: Small, engine: docker.DockerClient, containers: Containers
) -> None:
    first = small.build()
    (small.folder / "bin" / "hello").write_text("#!/bin/sh\necho good day\n")
    second = small.build()
    layers = [engine.images.get(made).attrs["RootFS"]["Layers"] for made in (first, second)]
    assert layers[0][:-1] == layers[1][:-1]
    assert layers[0][-1] != layers[1][-1]
    assert containers.run(second, ["hello"]).output == "good day\n"


def test_failed_build_says_what_failed_and_is_not_taken_for_the_environment(
    small: Small, engine: docker.DockerClient
) -> None:
    dockerfile = small.folder / "Dockerfile"
    good = dockerfile.read_text()
    dockerfile.write_text(good + "RUN touch /tmp/stray && echo nothing works today && false\n")
    with pytest.raises(ImageError) as refused:
        small.build()
    assert "nothing works today" in str(refused.value)
    assert "run: docker run --rm -it cohorthub/" in str(refused.value)
    # The failed build stopped after COPY; the next one stands on the environment, not on that.
    dockerfile.write_text(good.replace("COPY bin/ /usr/local/bin/\n", ""))
    layers = engine.images.get(small.build()).attrs["RootFS"]["Layers"]
    base = engine.images.get(find_image("base", small.source.base_inputs)).attrs["RootFS"]
    assert len(layers) == len(base["Layers"]) + 1


def test_wheel_changed_after_the_lock_is_not_installed(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    tampered = make_wheel(small.wheelhouse, "tinypackage", body="VERSION = 'tampered'\n")
    shutil.copy(tampered, small.folder)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(small.folder))
    with pytest.raises(ImageError, match=r"not what .* says"):
        small.build()


def test_packages_that_do_not_fit_together_are_refused(small: Small) -> None:
    wheel = make_wheel(small.wheelhouse, "needy", requires="not-in-the-lock")
    with (small.folder / "requirements.lock").open("a") as lock:
        lock.write(lock_entry(wheel))
    with pytest.raises(ImageError, match="not-in-the-lock"):
        small.build()


def test_wheelhouse_that_the_engine_does_not_see_names_the_cause(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As an engine on another machine has it: the path is there, the wheels are not.
    elsewhere = small.wheelhouse.parent / "elsewhere"
    elsewhere.mkdir()
    resolve = Path.resolve
    monkeypatch.setattr(
        Path,
        "resolve",
        lambda self, *a: elsewhere if self == small.wheelhouse else resolve(self, *a),
    )
    with pytest.raises(ImageError, match="the engine does not see this machine's files"):
        small.build()


def test_environment_needs_room_on_the_engines_disk(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type(usage)(usage.total, usage.total, 0))
    with pytest.raises(ImageError, match="Run: docker system df"):
        small.build()
