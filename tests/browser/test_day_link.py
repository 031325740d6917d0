"""The main job, as a student does it: sign in, click the day's link, run the notebook."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from cohorthub.course.links import path_link, session_link
from cohorthub.hub.people import user_password
from tests.support.browser import notebook_is_rendered, outputs_of, run_all_cells, sign_in
from tests.support.container import run_inside
from tests.support.hub import ROOT, Hub, add_to_release
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.docker]

#: Where the README's picture is renewed from the test that shows the same thing.
SCREENSHOTS = os.environ.get("SCREENSHOTS", "")


def link(hub: Hub, slug: str, variant: str) -> str:
    return session_link(hub.course, hub.course.session(slug), variant, hub.settings.address)


def enter(browser: Browser, hub: Hub, name: str) -> Page:
    page = browser.new_context(viewport={"width": 1366, "height": 850}).new_page()
    sign_in(page, hub.url, name, user_password(hub.settings))
    return page


def test_from_the_link_to_a_trained_network(browser: Browser, hub: Hub) -> None:
    page = browser.new_context(viewport={"width": 1366, "height": 850}).new_page()
    # A student who is not signed in clicks the link first.
    page.goto(link(hub, "day01-morning", "solutions"))
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password:").fill(user_password(hub.settings))
    page.get_by_role("button", name="Sign in").click()
    notebook_is_rendered(page, 120)
    expect(page.get_by_role("heading", name="Day 1, morning").first).to_be_visible()

    notebook = run_all_cells(page, seconds=280)
    assert not outputs_of(notebook, "error")
    # It trained: figures were drawn, and the printed accuracy is that of a network that learned.
    figures = [
        output
        for output in outputs_of(notebook, "display_data")
        if "<img" in output["data"].get("text/html", "") or "image/png" in output["data"]
    ]
    assert len(figures) >= 5
    assert page.locator(".jp-OutputArea-output img").count() >= 1, "no figure is in the page"
    if SCREENSHOTS:
        figure = page.locator(".jp-OutputArea-output img").last
        figure.scroll_into_view_if_needed()
        expect(figure).to_be_in_viewport(ratio=0.9)
        page.wait_for_timeout(1500)  # the notebook draws its cells as they come into view
        page.screenshot(path=str(Path(SCREENSHOTS) / "day01.png"))
    page.context.close()


def test_a_template_says_what_to_do(browser: Browser, hub: Hub) -> None:
    page = enter(browser, hub, "ada")
    page.goto(link(hub, "day01-morning", "codealong"))
    notebook_is_rendered(page, 120)
    notebook = run_all_cells(page, seconds=120)
    errors = outputs_of(notebook, "error")
    assert [error["ename"] for error in errors] == ["NotImplementedError"]
    expect(page.get_by_text("NotImplementedError").last).to_be_attached()
    page.context.close()


def test_clicking_again_keeps_edits_and_brings_back_what_was_deleted(
    browser: Browser, hub: Hub
) -> None:
    page = enter(browser, hub, "grace")
    page.goto(link(hub, "day01-morning", "codealong"))
    notebook_is_rendered(page, 120)
    folder = f"~/{hub.course.slug}"
    session = hub.course.session("day01-morning")
    codealong, solutions = (f"{folder}/{path}" for path in session.files.values())
    edit = "import json, os, sys; p = os.path.expanduser(sys.argv[1]); n = json.load(open(p)); "
    edit += "n['cells'][0]['source'] = ['# mine']; json.dump(n, open(p, 'w'))"
    assert run_inside(hub, "grace", f'python -c "{edit}" {codealong}')[0] == 0
    assert run_inside(hub, "grace", f"rm {solutions}")[0] == 0

    page.goto(link(hub, "day01-morning", "solutions"))
    notebook_is_rendered(page, 60)
    assert run_inside(hub, "grace", f"grep -c '# mine' {codealong}")[1].strip() == "1"
    assert run_inside(hub, "grace", f"grep -c 'mine' {solutions}")[1].strip() == "0"
    expect(page.get_by_role("heading", name="Day 1, morning").first).to_be_visible()
    page.context.close()


def test_no_token_stays_in_the_clone(browser: Browser, hub: Hub) -> None:
    page = enter(browser, hub, "grace")
    page.goto(link(hub, "day01-afternoon", "exercises"))
    notebook_is_rendered(page, 120)
    _, token = run_inside(hub, "grace", 'printf %s "$JUPYTERHUB_API_TOKEN"')
    assert len(token) > 20
    # The server's own runtime folder is the container's, and goes with it.
    status, said = run_inside(hub, "grace", f"grep -rl {token} ~ /opt/course/etc; true")
    assert (status, said.strip()) == (0, "")
    assert token not in page.url
    assert token not in hub.log
    _, config = run_inside(hub, "grace", f"cat ~/{hub.course.slug}/.git/config")
    assert f"url = {hub.url}/services/release/{hub.course.slug}.git" in config
    page.context.close()


def test_a_path_with_spaces_and_parentheses_opens(browser: Browser, hub: Hub) -> None:
    path = "Day04-CNNs(1)/a notebook (1) & more.ipynb"
    source = ROOT / "tests/browser/odd_path.ipynb"
    add_to_release(hub, {path: source.read_bytes()})
    page = enter(browser, hub, "alan")
    page.goto(path_link(hub.course, path, hub.settings.address))
    notebook_is_rendered(page, 120)
    expect(page.get_by_role("heading", name="An odd path, opened")).to_be_visible()
    page.context.close()


def test_two_students_at_once_cannot_open_each_others_server(browser: Browser, hub: Hub) -> None:
    pages = {name: enter(browser, hub, name) for name in ("eve", "bob")}
    for page in pages.values():
        page.goto(link(hub, "day01-morning", "codealong"), wait_until="commit")
    for page in pages.values():
        notebook_is_rendered(page, 120)
    own = pages["eve"].url
    assert "/user/eve/" in own
    answer = pages["eve"].goto(own.replace("/user/eve/", "/user/bob/"))
    assert answer is not None
    assert answer.status in {403, 404}
    expect(pages["eve"].locator(".jp-Notebook")).to_have_count(0)
    for page in pages.values():
        page.context.close()


def test_the_hubs_pages_by_keyboard_on_a_phone_in_the_dark(browser: Browser, hub: Hub) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = context.new_page()
    page.goto(f"{hub.url}/hub/login?next=/hub/home")
    expect(page.get_by_text(hub.course.title)).to_be_visible()
    # The name's field has the focus; nothing but the keyboard from here on.
    page.keyboard.type("kay")
    page.keyboard.press("Tab")
    page.keyboard.type(user_password(hub.settings))
    page.keyboard.press("Enter")
    page.wait_for_url("**/hub/home")
    start = page.get_by_role("button", name="Start My Server")
    expect(start).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390, f"the page is {width} pixels wide on a phone of 390"
    start.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/user/kay/**", timeout=90_000)
    context.close()


def test_the_notebook_does_not_wait_for_the_workspace_to_be_saved(
    browser: Browser, hub: Hub
) -> None:
    page = enter(browser, hub, "joan")
    seen: list[str] = []

    def watch(request: Request) -> None:
        if request.method == "PUT" and "/workspaces/" in request.url:
            seen.append("workspace saved")
        elif "type=notebook&content=1" in request.url:
            seen.append("notebook opened")

    page.on("request", watch)
    page.goto(link(hub, "day01-morning", "codealong"))
    notebook_is_rendered(page, 120)
    wait_until(lambda: page.wait_for_timeout(100) or len(set(seen)) == 2, 20, f"both: {seen}")
    assert seen[0] == "notebook opened"
    # And nothing but the notebook is open.
    expect(page.locator("#jp-main-dock-panel .lm-TabBar-tab")).to_have_count(1)
    page.context.close()


def test_a_link_to_a_file_that_is_not_there_still_ends_in_a_usable_lab(
    browser: Browser, hub: Hub
) -> None:
    page = enter(browser, hub, "vera")
    page.goto(path_link(hub.course, "nowhere/missing.ipynb", hub.settings.address))
    # JupyterLab says so, and offers its launcher.
    expect(page.get_by_text("missing.ipynb").first).to_be_visible(timeout=90_000)
    expect(page.get_by_role("tab", name="Launcher")).to_be_visible(timeout=30_000)
    page.context.close()
