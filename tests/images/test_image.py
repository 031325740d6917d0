"""The students' image, looked at from outside."""

import json

import docker
import pytest

from cohorthub.spawning.image_source import ImageSource
from cohorthub.spawning.images import find_image, inspect_image
from tests.support.docker import Containers

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]


def test_image_is_found_by_what_it_was_made_from(image: str, source: ImageSource) -> None:
    assert image.startswith("sha256:")
    assert find_image("course", source.inputs) == image
    assert find_image("course", "0" * 64) is None


def test_image_says_what_it_holds(image: str, source: ImageSource) -> None:
    facts = inspect_image(image)
    assert (facts.id, facts.name) == (image, "course")
    assert (facts.inputs, facts.lock) == (source.inputs, source.lock_hash)
    assert facts.jupyterhub == source.locked_version("jupyterhub") != ""


def test_moving_tag_points_at_the_image(image: str) -> None:
    assert inspect_image("cohorthub/course:dev").name == inspect_image(image).name


def test_image_runs_as_a_student_and_starts_the_server(
    engine: docker.DockerClient, image: str
) -> None:
    config = engine.images.get(image).attrs["Config"]
    assert config["User"] == "1000:1000"
    assert config["Cmd"] == ["course-server"]
    assert not config["Entrypoint"]
    assert config["WorkingDir"] == "/home/student"
    assert "PATH=/opt/course/bin:" in "\n".join(config["Env"])
    assert not config["Volumes"]


def test_change_of_the_small_layers_ships_next_to_nothing(
    engine: docker.DockerClient, image: str
) -> None:
    history = engine.images.get(image).history()
    sizes = [layer["Size"] for layer in history]
    environment = sizes.index(max(sizes))
    assert "install.sh" in history[environment]["CreatedBy"]
    assert sum(sizes[:environment]) < 5_000_000
    # Everything below is Debian; no wheel and no package archive stayed in a layer of its own.
    assert sum(sizes[environment + 1 :]) < 400_000_000


def test_history_holds_no_secret_and_no_address(engine: docker.DockerClient, image: str) -> None:
    told = json.dumps(engine.images.get(image).history()).lower()
    for word in ("password", "token", "http://", "https://"):
        assert word not in told


def test_home_volume_survives_the_container(image: str, containers: Containers) -> None:
    home = {containers.volume(): {"bind": "/home/student", "mode": "rw"}}
    wrote = containers.run(image, ["sh", "-c", "echo mine > ~/answer"], volumes=home)
    assert wrote.status == 0, wrote.output
    read = containers.run(image, ["sh", "-c", "cat ~/answer"], volumes=home)
    assert read.output == "mine\n"
