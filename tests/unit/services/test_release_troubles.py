"""The release service when the hub or the repository is in trouble."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable

import pytest
import requests
from jupyterhub.httpclient import JupyterHubHTTPClient

from cohorthub.services.release.access import Door, Refusal
from tests.unit.services.conftest import SCOPE, FakeHub, Service


def test_a_broken_hub_is_no_reason_to_let_anyone_in_or_to_blame_the_student(
    service: Service, hub: FakeHub
) -> None:
    token = hub.token("ada")
    hub.status = 500
    answer = service.refs(auth=("", token))
    assert answer.status_code == 503
    assert "Wait a minute" in answer.text
    assert answer.headers["Retry-After"] == "60"
    assert "systemctl status" in service.log
    hub.status = None
    assert service.refs(auth=("", token)).status_code == 200


def test_a_hub_that_is_gone(service: Service, hub: FakeHub) -> None:
    token = hub.token("ada")
    hub.close()
    assert service.refs(auth=("", token)).status_code == 503
    assert token not in service.log


def test_a_silent_hub_keeps_nobody_else_waiting(service: Service, hub: FakeHub) -> None:
    known = hub.token("bob")
    assert service.refs(auth=("", known)).status_code == 200
    hub.silent.set()
    answers: list[int] = []
    asking = threading.Thread(
        target=lambda: answers.append(service.refs(auth=("", hub.token("ada"))).status_code)
    )
    asking.start()
    started = time.monotonic()
    assert service.refs(auth=("", known)).status_code == 200
    assert requests.get(f"{service.base}health", timeout=20).status_code == 200
    assert time.monotonic() - started < 3
    asking.join(30)
    assert answers == [503]


@pytest.fixture
async def no_client_left() -> AsyncIterator[None]:
    yield
    await JupyterHubHTTPClient.loop_instance().close()


@pytest.mark.usefixtures("no_client_left")
async def test_the_wait_for_the_hub_is_bounded(hub: FakeHub) -> None:
    hub.silent.set()
    door = Door(hub.url, "service", SCOPE, seconds=0.3)
    with pytest.raises(Refusal) as refusal:
        await door.reader({"Authorization": f"token {hub.token('ada')}"})
    assert refusal.value.status == 503


@pytest.mark.usefixtures("no_client_left")
async def test_a_hundred_and_fifty_ask_at_once(hub: FakeHub) -> None:
    door = Door(hub.url, "service", SCOPE)
    tokens = {f"s{n}": hub.token(f"s{n}") for n in range(150)}
    names = await asyncio.gather(
        *(door.reader({"Authorization": f"token {token}"}) for token in tokens.values())
    )
    assert names == list(tokens)


def test_a_missing_repository_is_explained_on_both_sides(
    start_service: Callable[..., Service], hub: FakeHub
) -> None:
    service = start_service()
    service.repository.rename(service.repository.with_suffix(".away"))
    answer = service.refs(auth=("", hub.token("ada")))
    assert answer.status_code == 500
    assert "tell your teacher" in answer.text
    assert str(service.repository) not in answer.text
    assert "`cohorthub materials publish`" in service.log
