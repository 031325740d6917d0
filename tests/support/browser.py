"""Driving a real Chromium through the hub, by role and label as a person would."""

from __future__ import annotations

import re
import shutil
from typing import Any

from playwright.sync_api import Browser, Page, Playwright, expect

from tests.support.waiting import wait_until

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


def sign_in(page: Page, url: str, name: str, password: str, then: str = "") -> None:
    """Sign in on the hub's page, and go on to the page ``then``.

    Without one, the hub starts the student's server at once.
    """
    page.goto(f"{url}/hub/login" + (f"?next={then}" if then else ""))
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password:").fill(password)
    page.get_by_role("button", name="Sign in").click()
    # Signing in ends on another page than the form, whichever it is.
    page.wait_for_url(re.compile(r"^(?!.*/hub/login).*$"), wait_until="commit")


def notebook_is_rendered(page: Page, seconds: float = 60) -> None:
    """Wait until JupyterLab shows a notebook's cells."""
    cell = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").first
    expect(cell).to_be_visible(timeout=seconds * 1000)


def run_all_cells(page: Page, seconds: float) -> dict[str, Any]:
    """Choose *Run All Cells* in the menu, as a student does; return the notebook as it was saved.

    Waits until every code cell has run, or one has failed, which ends the run.
    """
    # Until the notebook has a kernel, JupyterLab takes the order and runs nothing.
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=90_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    found = re.match(r"(https?://[^/]+/user/[^/]+)/lab/(?:[^/]*/)?tree/([^?#]+)", page.url)
    assert found, page.url
    contents = f"{found[1]}/api/contents/{found[2]}?type=notebook&content=1"

    problems: list[str] = []

    def saved() -> dict[str, Any] | None:
        # What is on the disk counts: off-screen cells are not in the page.
        page.keyboard.press("Control+s")
        answer = page.request.get(contents)
        if not answer.ok:
            problems.append(f"{answer.status} {answer.text()[:300]}")
            return None
        notebook = dict(answer.json()["content"])
        cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        failed = any(outputs_of(notebook, "error"))
        return notebook if failed or all(cell["execution_count"] for cell in cells) else None

    return wait_until(saved, seconds, f"all cells to have run {problems}", every=1.0)


def outputs_of(notebook: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Return a notebook's outputs of one type (``error``, ``stream``, ``display_data`` …)."""
    return [
        output
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if output["output_type"] == kind
    ]
