"""From the click on a day link to the rendered notebook, as a browser sees it."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field

from playwright.sync_api import Browser, Page

from benchmarks.contenders import Contender
from cohorthub.course.links import session_link
from cohorthub.hub.people import user_password
from tests.support.browser import notebook_is_rendered, sign_in


@dataclass
class Clicks:
    """Seconds of each click: ``cold`` starts a server, ``warm`` finds it running."""

    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)

    @property
    def cold_median(self) -> float:
        return statistics.median(self.cold)

    @property
    def warm_median(self) -> float:
        return statistics.median(self.warm)


def measure_clicks(contender: Contender, browser: Browser, times: int) -> Clicks:
    """Click the first session's link ``times`` times cold and as often warm.

    A cold click is a signed-in student's first: no server, an empty home, a browser that has seen
    the hub's sign-in page and nothing of JupyterLab. A warm one is the same student's second
    click, in the same browser.
    """
    hub = contender.hub
    assert hub is not None
    session = next(iter(hub.course.sessions))
    variant = next(iter(session.files))
    link = session_link(hub.course, session, variant, hub.settings.address)
    clicks = Clicks()
    for number in range(times):
        name = f"click{number:02d}"
        context = browser.new_context()
        page = context.new_page()
        sign_in(page, hub.url, name, user_password(hub.settings), then="/hub/home")
        clicks.cold.append(_click(page, link))
        clicks.warm.append(_click(page, link))
        context.close()
        contender.api("DELETE", f"/users/{name}/server")
        _gone(contender, name)
    return clicks


def _click(page: Page, link: str) -> float:
    began = time.monotonic()
    page.goto(link, wait_until="commit")
    notebook_is_rendered(page, seconds=90)
    return time.monotonic() - began


def _gone(contender: Contender, name: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        model = contender.api("GET", f"/users/{name}").json()
        if not model.get("server") and not model.get("pending"):
            return
        time.sleep(0.1)
    raise RuntimeError(f"{name}'s server would not stop")
