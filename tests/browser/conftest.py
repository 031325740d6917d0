"""A real Chromium, and one hub with containers for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from cohorthub.spawning.engine import Engine
from tests.support.browser import launch
from tests.support.hub import Hub, running_hub


# Not for the whole session: while it lives, its event loop counts as running, and every later test
# of a coroutine fails.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def hub(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    profiles = {"cpu": {"memory": "3G", "cpus": 2, "shm": "512M"}}
    # The notebooks' short form: the same cells, fewer epochs.
    environment = {"COURSE_SMOKE": "1"}
    with running_hub(
        tmp_path_factory.mktemp("hub"), "docker", profiles=profiles, environment=environment
    ) as running:
        yield running
