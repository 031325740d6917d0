"""How students' servers are started."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyterhub.spawner import Spawner

from cohorthub.course import Course
from cohorthub.course.links import repository_address
from cohorthub.hub.backend import Backend
from cohorthub.services.release.git_environment import git_environment
from cohorthub.settings import Settings
from cohorthub.spawning.admission import StartLine
from cohorthub.spawning.container import HOME, ContainerSpawner
from cohorthub.spawning.engine import Engine
from cohorthub.spawning.local import LocalSpawner
from cohorthub.spawning.paced import PacedSpawner
from cohorthub.spawning.profiles import apply_profile, chosen_profile, options_form

IMAGE_BIN = "/opt/course/bin"


def configure_spawner(
    c: Any, settings: Settings, backend: Backend, course: Course, root: Path
) -> None:
    """Set the spawner of the backend, the line of starts and the limits of each kind of server."""
    PacedSpawner.line = StartLine(
        settings.start.at_once, settings.start.timeout, settings.start.line_limit
    )
    PacedSpawner.allowed_seconds = settings.start.timeout
    # The line decides how many start; the hub's own limit would refuse a class instead.
    c.JupyterHub.concurrent_spawn_limit = 0
    c.Spawner.consecutive_failure_limit = 0
    # Our own time limit speaks first, with a sentence; these are the net below it.
    c.Spawner.start_timeout = settings.start.timeout + 30
    c.Spawner.http_timeout = settings.start.timeout
    c.Spawner.default_url = "/lab"
    c.Spawner.options_form = options_form(settings.profiles, settings.default_profile)
    c.Spawner.apply_user_options = profile_chooser(settings)
    settings.data.mkdir(parents=True, exist_ok=True)
    if backend.kind == "docker":
        _configure_containers(c, settings, backend, course)
    else:
        _configure_processes(c, settings, backend, course, root)


def profile_chooser(settings: Settings) -> Callable[[Spawner, dict[str, Any]], None]:
    """Return the function that turns a student's choice into limits."""

    def choose(spawner: Spawner, options: dict[str, Any]) -> None:
        try:
            name = chosen_profile(options, settings.profiles) or settings.default_profile
        except Exception:
            # The hub keeps a start's options for the next one: a bad choice must not stick.
            spawner.orm_spawner.user_options = {}
            spawner.db.commit()
            raise
        apply_profile(spawner, name, settings.profiles[name])

    return choose


def release_urls(settings: Settings, backend: Backend, course: Course) -> tuple[str, str]:
    """Return the release repository's address for browsers' links, and for students' servers."""
    inside = f"http://{backend.hub_ip}:{settings.release_port}"
    return repository_address(course, settings.address), repository_address(course, inside)


def _configure_containers(c: Any, settings: Settings, backend: Backend, course: Course) -> None:
    assert backend.network is not None
    docker = settings.docker
    ContainerSpawner.engine = Engine(docker.engine_timeout)
    c.JupyterHub.spawner_class = ContainerSpawner
    c.ContainerSpawner.image = backend.image
    # The image is an id on this machine; looking for it at each start would cost a request.
    c.ContainerSpawner.pull_policy = "skip"
    c.ContainerSpawner.cmd = ["course-server"]
    c.ContainerSpawner.prefix = docker.prefix
    c.ContainerSpawner.hub_label = docker.prefix
    c.ContainerSpawner.network_name = backend.network.name
    c.ContainerSpawner.use_internal_ip = True
    c.ContainerSpawner.remove = True
    c.ContainerSpawner.stop_seconds = docker.stop_seconds
    c.ContainerSpawner.container_user = f"{docker.uid}:{docker.uid}"
    c.ContainerSpawner.notebook_dir = HOME
    c.ContainerSpawner.volumes = {f"{docker.prefix}-home-{{username}}": HOME}
    c.ContainerSpawner.read_only_volumes = {str(settings.data): "/data"}
    c.ContainerSpawner.environment = {
        # JupyterLab writes the server's token there: not into the home, which is kept.
        "JUPYTER_RUNTIME_DIR": "/tmp/jupyter-runtime",  # noqa: S108  (the container's own)
        **student_environment(
            settings,
            backend,
            course,
            helper=f"{IMAGE_BIN}/git-credential-cohorthub",
            data="/data",
        ),
    }


def _configure_processes(
    c: Any, settings: Settings, backend: Backend, course: Course, root: Path
) -> None:
    image = root / "images" / "course"
    c.JupyterHub.spawner_class = LocalSpawner
    c.LocalSpawner.cmd = [
        str(settings.student_env / "bin" / "python"),
        str(image / "bin" / "course-server"),
    ]
    c.LocalSpawner.homes = str(settings.state_dir / "homes")
    c.LocalSpawner.logs = str(settings.state_dir / "logs")
    c.LocalSpawner.ip = "127.0.0.1"
    # Nothing of the hub's own environment: no secret, no setting, no other Python.
    c.LocalSpawner.env_keep = ["LANG", "LC_ALL", "TZ"]
    bins = [settings.student_env / "bin", image / "bin"]
    c.LocalSpawner.environment = {
        **student_environment(
            settings,
            backend,
            course,
            helper=str(image / "bin" / "git-credential-cohorthub"),
            data=str(settings.data),
        ),
        "PATH": os.pathsep.join([*map(str, bins), "/usr/local/bin:/usr/bin:/bin"]),
        "VIRTUAL_ENV": str(settings.student_env),
        "JUPYTER_CONFIG_PATH": str(image / "etc" / "jupyter"),
        "JUPYTER_PATH": str(image / "share" / "jupyter"),
        # As in the image: a kernel in a student's home cannot take the course's place.
        "JUPYTER_PREFER_ENV_PATH": "1",
        # coursekit
        "PYTHONPATH": str(image),
    }


def student_environment(
    settings: Settings, backend: Backend, course: Course, *, helper: str, data: str
) -> dict[str, str]:
    """Return the environment of every student's server.

    It tells git how to reach the release repository, and with which helper to prove who asks; the
    proof itself, the server's token, is added by JupyterHub at each start and stands nowhere else.
    """
    public, internal = release_urls(settings, backend, course)
    return {
        **git_environment(public, internal, helper),
        "COURSE_DATA": data,
        "COURSE_TIMEZONE": str(course.timezone),
        **settings.environment,
    }
