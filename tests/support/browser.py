"""Driving a real Chromium through the hub, by role and label as a person would."""

from __future__ import annotations

import re
import shutil

from playwright.sync_api import Browser, Page, Playwright, expect

#: No background traffic of the browser's own, and no sandbox where the tests run as root.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


def launch(playwright: Playwright) -> Browser:
    """Start Debian's Chromium; fails, with the command to run, where it is missing."""
    program = shutil.which("chromium")
    assert program, "Chromium is missing. Run: apt-get install chromium"
    return playwright.chromium.launch(executable_path=program, args=ARGUMENTS)


def sign_in(page: Page, url: str, name: str, password: str) -> None:
    """Sign in on the hub's page."""
    page.goto(f"{url}/hub/login")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password:").fill(password)
    page.get_by_role("button", name="Sign in").click()
    # Signing in ends on another page than the form, whichever it is.
    page.wait_for_url(re.compile(r"^(?!.*/hub/login).*$"), wait_until="commit")


def notebook_is_rendered(page: Page, seconds: float = 60) -> None:
    """Wait until JupyterLab shows a notebook's cells."""
    cell = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").first
    expect(cell).to_be_visible(timeout=seconds * 1000)
