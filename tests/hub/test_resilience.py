"""The hub may stop, crash and come back: students' servers keep running, nothing is left over."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cohorthub.services.janitor.sweep import YOUNG_SECONDS, sweep
from cohorthub.spawning.engine import Engine
from cohorthub.spawning.network import LABEL
from tests.support.container import container_of, run_inside
from tests.support.hub import PREFIX, Hub, running_hub
from tests.support.waiting import wait_until

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def own(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    docker = {"prefix": f"{PREFIX}-res-{os.getpid()}", "stop_seconds": 20}
    with running_hub(tmp_path_factory.mktemp("own"), "docker", docker=docker) as hub:
        yield hub


@pytest.mark.parametrize("end", ["in order", "by a crash"])
def test_a_server_outlives_the_hub(own: Hub, end: str) -> None:
    student = own.student("ada")
    if not student.ready():
        student.start()
    student.enter()
    before = container_of(own, "ada")
    run_inside(own, "ada", "echo $$ > /tmp/still-here")
    if end == "in order":
        own.stop_hub()
    else:
        own.kill_hub()
    # The proxy is not the hub's child: the student goes on working without it.
    assert student.server("api/status").status_code == 200
    own.start_hub()
    assert wait_until(student.ready, 30, "the hub to know the server again")
    after = container_of(own, "ada")
    assert (after["Id"], after["State"]["StartedAt"]) == (
        before["Id"],
        before["State"]["StartedAt"],
    )
    assert student.server("api/status").status_code == 200
    assert run_inside(own, "ada", "cat /tmp/still-here")[0] == 0


def test_a_server_that_hangs_in_its_stop_blocks_nobody(own: Hub) -> None:
    slow, quick = own.student("slow"), own.student("quick")
    slow.start()
    # The server stands still and hears no signal: the engine waits its whole time for the stop.
    assert run_inside(own, "slow", "pkill -STOP -f 'course-serve[r]'")[0] == 0
    assert slow.api("DELETE", "/users/slow/server").status_code == 202
    quick.start()
    # With the engine's requests in one queue, the quick start would have waited for the slow stop.
    assert slow.model().get("pending") == "stop"
    wait_until(lambda: not slow.model().get("pending"), 60, "the slow stop")
    with pytest.raises(Exception, match="No such container"):
        container_of(own, "slow")
    quick.stop()


def test_the_janitor_removes_what_belongs_to_nobody_and_nothing_else(own: Hub) -> None:
    student = own.student("keeper")
    student.start()
    prefix = own.settings.docker.prefix
    client = Engine().client
    image = container_of(own, "keeper")["Image"]
    lost = client.create_container(
        image,
        name=f"{prefix}-lost",
        command=["sleep", "300"],
        labels={LABEL: prefix, "org.cohorthub.user": "lost", "org.cohorthub.server": ""},
    )
    client.start(lost["Id"])
    other = client.create_container(
        image, name=f"{prefix}-unlabelled", command=["sleep", "300"], labels={LABEL: "another-hub"}
    )
    admin = own.admin()
    token = admin.api("POST", "/users/admin/tokens", json={"note": "test"}).json()["token"]

    from cohorthub.services.janitor.__main__ import active_servers

    def active() -> set[tuple[str, str]]:
        return set(active_servers(f"{own.url}/hub/api", token))

    assert ("keeper", "") in active()
    # A young container may be of a start that is not on record yet.
    assert sweep(Engine(), prefix, active) == []
    later = time.time() + YOUNG_SECONDS + 1
    assert sweep(Engine(), prefix, active, now=lambda: later) == [f"{prefix}-lost"]
    assert container_of(own, "keeper")["State"]["Running"]
    assert client.inspect_container(other["Id"])
    # Without the hub's word nothing is removed.
    with pytest.raises(ConnectionError):
        sweep(Engine(), prefix, _no_word, now=lambda: later)
    client.remove_container(other["Id"], force=True)
    student.stop()


def _no_word() -> set[tuple[str, str]]:
    raise ConnectionError("the hub does not answer")


def test_the_hub_runs_the_janitor_with_no_more_rights_than_it_needs(own: Hub) -> None:
    admin = own.admin()
    services = admin.api("GET", "/services").json()
    assert set(services) == {"release", "janitor"}
    assert services["janitor"]["roles"] == ["janitor"]
    assert not services["janitor"]["admin"]


def test_folder_of_state_is_private(own: Hub) -> None:
    secrets = Path(own.settings.state_dir) / "secrets"
    assert all(oct(file.stat().st_mode)[-3:] == "600" for file in secrets.iterdir())


def test_a_paused_container_is_stopped_all_the_same(own: Hub) -> None:
    student = own.student("paused")
    student.start()
    Engine().client.pause(f"{own.settings.docker.prefix}-paused")
    student.stop()
    with pytest.raises(Exception, match="No such container"):
        container_of(own, "paused")
