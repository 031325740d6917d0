"""From a student's server, only two doors answer; other students' servers and the host do not."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from cohorthub.spawning.engine import Engine
from tests.support.container import container_of, run_inside
from tests.support.hub import Hub, at_once, free_ports, host_address
from tests.support.waiting import wait_until

pytestmark = pytest.mark.docker

PROBE = """
python - <<'END'
import socket, sys
try:
    socket.create_connection(({host!r}, {port}), timeout=3).close()
    print("answers")
except OSError as exc:
    print("refused", exc)
END
"""


@pytest.fixture(scope="module")
def two(hub: Hub) -> Iterator[Hub]:
    students = [hub.student("eve"), hub.student("bob")]
    at_once([student.start for student in students], 120)
    yield hub
    at_once([student.stop for student in students], 120)


def reaches(hub: Hub, host: str, port: int) -> bool:
    status, said = run_inside(hub, "eve", PROBE.format(host=host, port=port))
    assert status == 0, said
    return said.startswith("answers")


def address(hub: Hub, name: str) -> str:
    networks = container_of(hub, name)["NetworkSettings"]["Networks"]
    return str(networks[hub.network().name]["IPAddress"])


def test_the_hub_api_and_the_release_repository_answer(two: Hub) -> None:
    gateway = two.network().gateway
    assert reaches(two, gateway, two.settings.hub_port)
    assert reaches(two, gateway, two.settings.release_port)


def test_another_students_server_does_not(two: Hub) -> None:
    assert reaches(two, address(two, "eve"), 8888)
    assert not reaches(two, address(two, "bob"), 8888)


def test_no_other_port_of_the_host_answers(two: Hub) -> None:
    port = free_ports(1)[0]
    server = http.server.ThreadingHTTPServer(
        ("0.0.0.0", port), http.server.SimpleHTTPRequestHandler
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        gateway = two.network().gateway
        assert not reaches(two, gateway, port)
        # By another of the host's addresses neither.
        bridge = host_address()
        assert answers_here(bridge, port)
        assert not reaches(two, bridge, port)
    finally:
        server.shutdown()
        server.server_close()


def test_nothing_outside_answers(two: Hub) -> None:
    # A real server outside the students' network, which this machine itself reaches.
    client = Engine().client
    outside = client.create_container(
        container_of(two, "eve")["Image"],
        name=f"{two.settings.docker.prefix}-outside",
        command=["python", "-m", "http.server", "8888"],
        host_config=client.create_host_config(network_mode="bridge"),
    )
    client.start(outside["Id"])
    try:
        networks = client.inspect_container(outside["Id"])["NetworkSettings"]["Networks"]
        host = networks["bridge"]["IPAddress"]
        wait_until(lambda: answers_here(host, 8888), 20, "the server outside")
        assert not reaches(two, host, 8888)
    finally:
        client.remove_container(outside["Id"], force=True)


def answers_here(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def test_a_student_cannot_open_another_students_server(two: Hub) -> None:
    eve = two.student("eve")
    eve.enter()
    assert eve.server("api/contents").status_code == 200
    answer = eve.http.get(f"{two.url}/user/bob/api/contents", timeout=20)
    assert answer.status_code in {403, 404}
    assert eve.api("GET", "/users/bob").status_code in {403, 404}
    assert eve.api("DELETE", "/users/bob/server").status_code in {403, 404}
