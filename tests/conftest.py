"""Fixtures that several rooms share, and the rule that nothing is skipped in silence."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from cohorthub.hub.backend import make_course_image
from cohorthub.settings import load_settings
from cohorthub.spawning.engine import Engine, engine_answers
from tests.support.hub import PREFIX, ROOT, sweep


def pytest_configure() -> None:
    """Let no setting of whoever runs the suite reach the hubs that it starts."""
    for name in [name for name in os.environ if name.startswith("COHORTHUB_")]:
        if name != "COHORTHUB_STUDENT_PYTHON":
            del os.environ[name]


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Return the real engine; a suite that cannot reach one fails."""
    assert engine_answers(), "No Docker engine answers. Run: systemctl start docker (or make test)"
    # Found in a moment where `make test` built it; built here after a change to its folder.
    make_course_image(load_settings(root=ROOT), ROOT, print)
    yield Engine()
    sweep(PREFIX)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Turn a skip into a failure where everything is required."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if os.environ.get("REQUIRE_ALL") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and here every test is required"
