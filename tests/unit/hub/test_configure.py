"""Each configure function sets its own topic on a bare configuration, with no hub running."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.spawner import SpawnException
from traitlets.config import Config

from cohorthub.course import load_course
from cohorthub.hub.addresses import configure_addresses, configure_proxy, configure_state
from cohorthub.hub.backend import Backend, choose_kind, prepare_backend
from cohorthub.hub.pages import configure_pages
from cohorthub.hub.people import configure_roles, configure_sign_in
from cohorthub.hub.services import configure_services
from cohorthub.hub.spawner import configure_spawner, profile_chooser
from cohorthub.problems import ConfigurationError
from cohorthub.settings import Settings, load_settings
from cohorthub.spawning.container import ContainerSpawner
from cohorthub.spawning.local import LocalSpawner
from cohorthub.spawning.network import StudentNetwork
from cohorthub.spawning.paced import PacedSpawner

ROOT = Path(__file__).resolve().parents[3]
COURSE = load_course(ROOT / "materials/course.yml")
LOCAL = Backend("local", "127.0.0.1")
NETWORK = StudentNetwork("x-students", "172.30.0.1", "172.30.0.0/16", "chub-1")
DOCKER = Backend("docker", "172.30.0.1", "sha256:" + "a" * 64, NETWORK)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(root=tmp_path)


@pytest.fixture(autouse=True)
def fresh_line() -> Any:
    yield
    PacedSpawner.line = None


def test_the_composition_root_is_short_and_has_no_logic() -> None:
    lines = (ROOT / "jupyterhub_config.py").read_text().splitlines()
    assert len(lines) < 60
    assert not any(line.lstrip().startswith(("if ", "for ", "def ", "while ")) for line in lines)


def test_the_hub_listens_where_servers_reach_it_and_the_proxy_is_not_its_child(
    settings: Settings,
) -> None:
    c = Config()
    configure_addresses(c, settings, DOCKER)
    configure_proxy(c, settings)
    assert c.JupyterHub.hub_bind_url == "http://172.30.0.1:8081"
    assert c.JupyterHub.bind_url == "http://127.0.0.1:8000"
    assert c.ConfigurableHTTPProxy.should_start is False
    assert len(c.ConfigurableHTTPProxy.auth_token) == 64


@pytest.mark.parametrize("keep", [True, False])
def test_servers_outlive_the_hub_unless_told_otherwise(settings: Settings, keep: bool) -> None:
    c = Config()
    configure_state(c, settings.model_copy(update={"keep_servers": keep}))
    assert c.JupyterHub.cleanup_servers is not keep
    assert c.JupyterHub.cleanup_proxy is False
    assert len(c.JupyterHub.cookie_secret) == 32


def test_sign_in_generates_passwords_once(settings: Settings) -> None:
    c, again = Config(), Config()
    configure_sign_in(c, settings)
    configure_sign_in(again, settings)
    shared = c.SharedPasswordAuthenticator
    assert shared.user_password == again.SharedPasswordAuthenticator.user_password
    assert len(shared.user_password) >= 8
    assert len(shared.admin_password) >= 32
    assert c.Authenticator.admin_users == {"admin"}


def test_roles_name_only_services_that_exist(settings: Settings) -> None:
    for backend in (LOCAL, DOCKER):
        c = Config()
        configure_roles(c, backend)
        configure_services(c, settings, backend, COURSE)
        services = {service["name"] for service in c.JupyterHub.services}
        named = {name for role in c.JupyterHub.load_roles for name in role.get("services", [])}
        assert named <= services
        assert ("janitor" in services) is (backend is DOCKER)


def test_a_servers_token_may_read_releases_and_little_else(settings: Settings) -> None:
    c = Config()
    configure_roles(c, LOCAL)
    scopes = {role["name"]: role["scopes"] for role in c.JupyterHub.load_roles}
    assert set(scopes["server"]) == {
        "users:activity!user",
        "access:servers!server",
        "access:services!service=release",
    }


def test_the_release_service_listens_for_the_proxy_and_for_servers(settings: Settings) -> None:
    c = Config()
    configure_services(c, settings, DOCKER, COURSE)
    bind = c.JupyterHub.services[0]["environment"]["COHORTHUB_RELEASE_BIND"]
    assert bind == "127.0.0.1:8082 172.30.0.1:8082"
    c = Config()
    configure_services(c, settings, LOCAL, COURSE)
    assert c.JupyterHub.services[0]["environment"]["COHORTHUB_RELEASE_BIND"] == "127.0.0.1:8082"


def test_containers(settings: Settings) -> None:
    c = Config()
    configure_spawner(c, settings, DOCKER, COURSE, ROOT)
    assert c.JupyterHub.spawner_class is ContainerSpawner
    spawner = c.ContainerSpawner
    assert spawner.image == DOCKER.image
    assert spawner.pull_policy == "skip"
    assert spawner.volumes == {"cohorthub-home-{username}": "/home/student"}
    assert spawner.read_only_volumes == {str(settings.data): "/data"}
    # The line decides how many start at once, not a limit that refuses.
    assert c.JupyterHub.concurrent_spawn_limit == 0
    assert c.Spawner.start_timeout > settings.start.timeout
    values = spawner.environment
    assert not any("token" in str(value).lower() for value in values.values())


def test_local_servers_get_nothing_of_the_hubs_environment(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET_OF_THE_HUB", "x")
    c = Config()
    configure_spawner(c, settings, LOCAL, COURSE, ROOT)
    assert c.JupyterHub.spawner_class is LocalSpawner
    assert "A_SECRET_OF_THE_HUB" not in c.LocalSpawner.env_keep
    assert "PATH" not in c.LocalSpawner.env_keep
    assert str(settings.student_env) in c.LocalSpawner.cmd[0]


def test_a_bad_choice_does_not_stick(settings: Settings) -> None:
    committed = []
    spawner = SimpleNamespace(
        orm_spawner=SimpleNamespace(user_options={"profile": "gone"}),
        db=SimpleNamespace(commit=lambda: committed.append(True)),
    )
    with pytest.raises(SpawnException):
        profile_chooser(settings)(spawner, {"profile": "gone"})
    assert spawner.orm_spawner.user_options == {}
    assert committed


def test_pages_know_the_course(settings: Settings) -> None:
    c = Config()
    configure_pages(c, settings, COURSE)
    assert c.JupyterHub.template_vars["course_title"] == COURSE.title
    assert Path(c.JupyterHub.template_paths[0], "spawn_pending.html").is_file()


def test_without_an_engine_auto_is_local_and_docker_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine.sock")
    assert choose_kind(settings) == "local"
    assert prepare_backend(settings, ROOT) == LOCAL
    asked = settings.model_copy(update={"spawner": "docker"})
    with pytest.raises(ConfigurationError, match="systemctl start docker"):
        choose_kind(asked)
