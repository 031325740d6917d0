"""The smoke tests pass in the real container, under a student's limits, whatever the user id."""

import pytest

from tests.images.conftest import COURSE
from tests.support.docker import Containers

#: Building the image on a machine that has nothing yet takes minutes.
pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]

MOUNTS = {
    str(COURSE / "smoke"): {"bind": "/smoke", "mode": "ro"},
    str(COURSE / "requirements.lock"): {"bind": "/smoke-lock/requirements.lock", "mode": "ro"},
}
SMOKE = ["python", "-m", "pytest", "-p", "no:cacheprovider", "-q", "--color=no"]


@pytest.mark.parametrize("user", ["1000:1000", "23456:23456"], ids=["student", "arbitrary-id"])
def test_image_passes_its_smoke_tests_on_an_empty_home_volume(
    image: str, containers: Containers, user: str
) -> None:
    home = {containers.volume(): {"bind": "/home/student", "mode": "rw"}}
    ran = containers.run(
        image, [*SMOKE, "/smoke"], timeout=600, user=user, volumes={**MOUNTS, **home}
    )
    assert ran.status == 0, ran.output
    assert " passed" in ran.output


@pytest.mark.parametrize(
    ("broken", "caught"),
    [
        ({"shm_size": "8m"}, "test_data_loader_hands_over_batches_through_shared_memory"),
        ({"cap_drop": [], "security_opt": []}, "test_process_is_an_ordinary_user"),
        ({"user": "0:0"}, "test_nothing_outside_home_and_tmp_can_be_written"),
        ({"environment": {"API_TOKEN": "x"}}, "test_no_secret_and_no_cache_is_left"),
    ],
)
def test_smoke_tests_notice_a_broken_container(
    image: str, containers: Containers, broken: dict[str, object], caught: str
) -> None:
    command = [*SMOKE, "/smoke", "-k", caught]
    ran = containers.run(image, command, timeout=200, volumes=MOUNTS, **broken)
    assert ran.status == 1, ran.output
    assert f"FAILED ../../smoke/test_{_file_of(caught)}.py::{caught}" in ran.output


def _file_of(test: str) -> str:
    folder = COURSE / "smoke"
    (file,) = [f for f in folder.glob("test_*.py") if f"def {test}(" in f.read_text()]
    return file.stem.removeprefix("test_")
