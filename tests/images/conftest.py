"""The image of this checkout, found or built once a session, and containers that clean up."""

import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from cohorthub.spawning.image_source import ImageSource
from cohorthub.spawning.images import build_image
from tests.support.docker import Containers, engine_or_fail

ROOT = Path(__file__).parents[2]
COURSE = ROOT / "images" / "course"
WHEELHOUSE = ROOT / ".cache" / "wheelhouse"


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """The engine. Fails, and never skips, where none answers."""
    client = engine_or_fail()
    yield client
    client.close()


@pytest.fixture(scope="session")
def containers(engine: docker.DockerClient) -> Iterator[Containers]:
    with Containers(engine) as containers:
        yield containers


@pytest.fixture(scope="session")
def source() -> ImageSource:
    """What the image is made from, as it was when the session began."""
    source = ImageSource(COURSE)
    assert source.inputs
    return source


@pytest.fixture(scope="session")
def image(engine: docker.DockerClient, source: ImageSource) -> str:
    """The id of the students' image, built from this checkout."""
    return build_image(COURSE, wheelhouse=WHEELHOUSE, python=Path(sys.executable))
