"""A link opens the very file it was made for, whatever its name."""

from collections.abc import Callable
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tornado.escape import url_unescape
from tornado.httputil import parse_qs_bytes, url_concat

from cohorthub.course import Course, CourseError
from cohorthub.course.links import (
    LinkError,
    path_link,
    repository_address,
    resolve_former_path,
    session_link,
)

HUB = "https://hub.example.org"


def argument(query: str, name: str) -> str:
    """What a tornado handler's get_argument answers: decoded once, stripped."""
    return parse_qs_bytes(query)[name][0].decode().strip()


def opened(link: str) -> dict[str, str]:
    """Follows a link as the hub, nbgitpuller, the browser and JupyterLab's server do."""
    hub = urlsplit(link)
    # JupyterHub: the query is parsed and written anew, and carried through login and spawn as
    # the `next` of another query.
    user_url = url_concat("/user/ada/git-pull", parse_qsl(hub.query))
    spawn_url = url_concat("/hub/spawn/ada", {"next": user_url})
    login_url = url_concat("/hub/login", {"next": spawn_url})
    spawn_url = argument(urlsplit(login_url).query, "next")
    user_url = argument(urlsplit(spawn_url).query, "next")
    # nbgitpuller: each value goes through a quoted attribute of its page.
    query = urlsplit(user_url).query
    through_page = jinja2.Environment(autoescape=True).from_string("{{ v | urlencode }}")
    names = ("repo", "branch", "targetpath", "urlpath")
    values = {name: unquote(through_page.render(v=argument(query, name))) for name in names}
    # The browser takes what is before "?" and "#" as the path, the server decodes that once.
    lab = urlsplit("https://hub.example.org/user/ada/" + values["urlpath"])
    assert not lab.query
    assert not lab.fragment
    tree = url_unescape(lab.path, plus=False).removeprefix("/user/ada/lab")
    assert tree.startswith("/tree/")
    return {
        "hub": f"{hub.scheme}://{hub.netloc}{hub.path}",
        "repo": values["repo"],
        "branch": values["branch"],
        "folder": values["targetpath"],
        "file": tree.replace("/tree/", ""),
    }


def test_a_session_link_pulls_the_release_and_opens_the_notebook(sample_course: Course) -> None:
    link = session_link(sample_course, sample_course.session("day01-morning"), "codealong", HUB)
    assert opened(link) == {
        "hub": "https://hub.example.org/hub/user-redirect/git-pull",
        "repo": "https://hub.example.org/services/release/sample.git",
        "branch": "release",
        "folder": "sample",
        "file": "sample/day01-intro/day01-morning-codealong.ipynb",
    }


@pytest.mark.parametrize(
    "path",
    [
        "Day04-CNNs(1)/Day04-CNNs(1)_morning_codealong.ipynb",
        "with space/and more .ipynb",
        " leading and trailing ",
        "50%.ipynb",
        "50%25.ipynb",
        "a%2Fb.ipynb",
        "what?.ipynb",
        "#1.ipynb",
        "a&b=c;d+e.ipynb",
        "ünïcödé/日本/😀.ipynb",
        "quote'\"<b>.ipynb",
        "a|b[c]{d}^`.ipynb",
        "back\\slash.ipynb",
        "colon:a/b:c.ipynb",
        "tree.ipynb",
        "trees/tree.ipynb",
        "-/~/*.ipynb",
        ".hidden/..x/x...ipynb",
    ],
)
def test_a_path_with_any_character_arrives(path: str, sample_course: Course) -> None:
    assert opened(path_link(sample_course, path, HUB))["file"] == f"sample/{path}"


PARTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1
).filter(lambda part: part not in (".", "..", "tree"))


@given(parts=st.lists(PARTS, min_size=1, max_size=4))
def test_any_path_arrives(real: Course, parts: list[str]) -> None:
    path = "/".join(parts)
    link = path_link(real, path, HUB)
    assert opened(link)["file"] == f"{real.slug}/{path}"
    # Nothing is left that ends a Markdown link, an attribute or a table cell.
    assert link.isascii()
    assert not set(link) & set(" ()[]<>|\"'`\\*")


@pytest.mark.parametrize(
    ("address", "repo"),
    [
        ("https://hub.example.org/", "https://hub.example.org/services/release/sample.git"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/services/release/sample.git"),
        ("http://[::1]:8000", "http://[::1]:8000/services/release/sample.git"),
        ("https://example.org/jupyter/", "https://example.org/jupyter/services/release/sample.git"),
    ],
)
def test_the_address_may_have_a_port_or_a_base_path(
    address: str, repo: str, sample_course: Course
) -> None:
    assert repository_address(sample_course, address) == repo
    link = path_link(sample_course, "a.ipynb", address)
    assert link.startswith(f"{address.rstrip('/')}/hub/user-redirect/git-pull?")
    assert opened(link)["repo"] == repo


@pytest.mark.parametrize(
    "address", ["", "hub.example.org", "ftp://hub.example.org", "https://", "https://a b.org"]
)
def test_an_address_that_is_none_is_refused(address: str, sample_course: Course) -> None:
    with pytest.raises(LinkError, match=r"is no hub's address; one looks like https://"):
        path_link(sample_course, "a.ipynb", address)


@pytest.mark.parametrize("path", ["", "/", "/etc/passwd", "a//b", "../a", "a/../b", "./a", "a/"])
def test_a_path_that_leaves_the_repository_is_refused(path: str, sample_course: Course) -> None:
    with pytest.raises(LinkError, match="is no path inside the release repository"):
        path_link(sample_course, path, HUB)


@pytest.mark.parametrize("path", ["a\nb", "a\x00b", "a\x7f", "\ud800"])
def test_a_character_that_no_link_carries_is_refused(path: str, sample_course: Course) -> None:
    with pytest.raises(LinkError, match="has a character that no link can carry"):
        path_link(sample_course, path, HUB)


def test_a_folder_that_jupyterlab_drops_from_the_path_is_refused(sample_course: Course) -> None:
    link = path_link(sample_course, "trie/x.ipynb", HUB).replace("trie", "tree")
    assert opened(link)["file"] == "samplex.ipynb"
    with pytest.raises(LinkError, match="rename its folder 'tree'"):
        path_link(sample_course, "tree/x.ipynb", HUB)


def test_a_notebook_that_the_session_has_not_has_no_link(sample_course: Course) -> None:
    with pytest.raises(CourseError, match="has no 'template' notebook"):
        session_link(sample_course, sample_course.session("day01-morning"), "template", HUB)


class TestFormerPaths:
    """Links of the former course page find their session."""

    FORMS: tuple[Callable[[str, str], str], ...] = (
        lambda repo, path: path,
        lambda repo, path: f"/{path}",
        lambda repo, path: f"{repo}/{path}",
        lambda repo, path: f"https://github.com/ese-ada-lovelace-2025/{repo}/blob/master/{path}",
        lambda repo, path: (
            f"http://colab.research.google.com/github/ese-ada-lovelace-2025/{repo}/blob/master/{path}"
        ),
        lambda repo, path: (
            f"https://raw.githubusercontent.com/ese-ada-lovelace-2025/{repo}/master/{path}"
        ),
        lambda repo, path: (
            f"https://github.com/ese-ada-lovelace-2025/{repo}/raw/master/{path}?raw=true#L1"
        ),
    )

    @pytest.mark.parametrize("repository", ["DL_Module_2025", "DL_Module_2025_Teaching"])
    def test_every_former_notebook_in_every_form(self, real: Course, repository: str) -> None:
        for session in real.sessions:
            for file in session.former:
                for form in self.FORMS:
                    for path in (file.path, urlencode({"": file.path})[1:].replace("%2F", "/")):
                        found = resolve_former_path(real, form(repository, path))
                        assert found == (session, file.variant)

    @pytest.mark.parametrize(
        ("old", "slug", "variant"),
        [
            (
                "Day04-CNNs(1)/Day04-CNNs(1)_morning_codealong.ipynb",
                "day04-morning",
                "codealong",
            ),
            (
                "Day02-DL_concepts_and_PyTorch/Day02-DL_concepts_additional_solutions.ipynb",
                "day03-additional",
                "solutions",
            ),
        ],
    )
    def test_the_page_s_odd_paths(self, real: Course, old: str, slug: str, variant: str) -> None:
        session, found = resolve_former_path(real, old)
        assert (session.slug, found) == (slug, variant)

    def test_a_path_with_spaces_and_a_percent_sign(self, sample_course: Course) -> None:
        for old in ("Day01(a)/morning 100%.ipynb", "Day01(a)/morning%20100%25.ipynb"):
            session, variant = resolve_former_path(sample_course, old)
            assert (session.slug, variant) == ("day01-morning", "solutions")

    @pytest.mark.parametrize(
        "old", ["", "https://example.org/", "README.md", "https://github.com/somebody/Old_Course"]
    )
    def test_anything_else_is_no_former_notebook(self, sample_course: Course, old: str) -> None:
        with pytest.raises(CourseError, match="is no former notebook of this course"):
            resolve_former_path(sample_course, old)

    def test_a_slip_is_answered_with_the_closest(self, sample_course: Course) -> None:
        with pytest.raises(CourseError, match=r"closest one is 'Day01\(a\)/morning code.ipynb'"):
            resolve_former_path(sample_course, "Day01(a)/morning kode.ipynb")

    def test_a_course_without_former_notebooks_has_none(
        self, sample_text: str, course_from: Callable[[str], Course]
    ) -> None:
        start, end = sample_text.index("former:\n  repositories"), sample_text.index("days:\n")
        text = sample_text[:start] + sample_text[end:]
        start, end = text.index("        former:"), text.index("      - {part: afternoon, kind: ex")
        course = course_from(text[:start] + text[end:])
        with pytest.raises(CourseError, match="no former notebook"):
            resolve_former_path(course, "Day01(a)/morning code.ipynb")
