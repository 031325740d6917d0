"""Whatever the engine says becomes a sentence for the student and a command for the admin."""

import docker.errors
import pytest
import requests

from cohorthub.spawning import troubles


def api_error(status: int, text: str, kind: type = docker.errors.APIError) -> Exception:
    response = requests.Response()
    response.status_code = status
    error: Exception = kind(f"{status} error", response=response, explanation=text)
    return error


@pytest.mark.parametrize(
    ("error", "reason", "command"),
    [
        (
            requests.exceptions.ConnectionError("refused"),
            "engine-absent",
            "systemctl status docker",
        ),
        (requests.exceptions.ReadTimeout("60 s"), "engine-absent", "docker info"),
        (docker.errors.DockerException("no socket"), "engine-absent", "docker info"),
        (
            api_error(404, "No such image: sha256:1", docker.errors.ImageNotFound),
            "image-missing",
            "make image",
        ),
        (api_error(500, "write /x: no space left on device"), "disk-full", "docker system df"),
        (api_error(500, "OCI runtime: cannot allocate memory"), "out-of-memory", "free -h"),
        (
            api_error(409, 'Conflict. The container name "/x-ada" is already in use'),
            "name-taken",
            "docker inspect x-ada",
        ),
        (api_error(404, "network x-students not found"), "network-missing", "make run"),
        (
            api_error(500, 'could not select device driver "" with capabilities: [[gpu]]'),
            "gpu-runtime-missing",
            "nvidia-ctk",
        ),
        (api_error(500, "something new"), "engine-error", "docker events"),
    ],
)
def test_each_cause_is_recognised(error: Exception, reason: str, command: str) -> None:
    trouble = troubles.from_engine(
        error, name="x-ada", image="sha256:1", network="x-students", memory="4G"
    )
    assert trouble.reason == reason
    assert command in trouble.admin
    # The student reads what to do, and nothing of the machinery.
    assert any(word in trouble.student for word in ("Try", "try", "Tell", "tell", "Wait", "Click"))
    for word in ("docker", "sha256", "OCI", "x-students"):
        assert word not in trouble.student
    shown = trouble.exception()
    assert str(shown.reason) == reason
    assert trouble.student in str(shown.log_message)
    assert trouble.admin in str(shown.log_message)
