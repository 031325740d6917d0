"""Links that open a file of the release repository in the student's own server.

One click goes through three servers and a browser, and each of them decodes something:

1. JupyterHub's ``/hub/user-redirect/git-pull?…`` parses the query and writes it anew, so each
   value arrives decoded once and encoded again; nothing is lost and nothing is added.
2. nbgitpuller 1.3.0 takes ``repo``, ``branch``, ``targetpath`` and ``urlpath`` from the query
   (decoded once), pulls into ``targetpath``, and then sends the browser to its base address
   with ``urlpath`` appended *as it is*. There ``urlpath`` is a piece of a URL, no file name.
   Without ``targetpath`` it pulls into the last part of ``repo``, with its ``.git``.
3. JupyterLab's server decodes the path behind ``lab/tree/`` once and opens that file.

So the path is percent-encoded once as part of a URL (for 3), and the result once more as a
value of the query (for 1 and 2). A ``%`` in a file name is ``%2525`` in the link; spaces,
parentheses, ``#``, ``?``, ``&`` and ``+`` survive in the same way, and no character is left that
Markdown or HTML would read as its own.
"""

import re
from collections.abc import Callable
from difflib import get_close_matches
from urllib.parse import quote, unquote, urlencode, urlsplit

from cohorthub.course.facts import FormerRepositories, Variant
from cohorthub.course.model import Course, CourseError, Session

BRANCH = "release"
"""The only branch of the release repository."""

TABLE_START = "<!-- timetable:start -->"
TABLE_END = "<!-- timetable:end -->"

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class LinkError(ValueError):
    """An address or a path that no working link can be made of; the message says why."""


def repository_address(course: Course, address: str) -> str:
    """Where students' servers pull the release repository from, on the hub at ``address``."""
    return f"{_checked_address(address)}/services/release/{course.slug}.git"


def session_link(course: Course, session: Session, variant: str, address: str) -> str:
    """The link to one of a session's notebooks, on the hub at ``address``.

    Raises ``CourseError`` where the session has no such notebook, ``LinkError`` for an address
    that is none.
    """
    return path_link(course, session.file(variant), address)


def path_link(course: Course, path: str, address: str) -> str:
    """The link to any path of the release repository, on the hub at ``address``.

    ``address`` is the hub's public address, with its base path if it has one. ``path`` is the
    plain path, nothing encoded in it. Raises ``LinkError`` for a path that leaves the
    repository, or that JupyterLab cannot open.
    """
    file = f"{course.slug}/{_checked_path(path)}"
    if "/tree/" in file:
        # Its server removes every "/tree/" of the address, not only the first.
        raise LinkError(f"JupyterLab cannot open '{path}': rename its folder 'tree'.")
    query = urlencode(
        {
            "repo": repository_address(course, address),
            "branch": BRANCH,
            "targetpath": course.slug,
            "urlpath": "lab/tree/" + quote(file, safe="/"),
        },
        quote_via=quote,
        safe="",
    )
    return f"{_checked_address(address)}/hub/user-redirect/git-pull?{query}"


def _checked_address(address: str) -> str:
    parts = urlsplit(address)
    whole = parts.scheme in ("http", "https") and parts.netloc and not parts.query
    if not whole or parts.fragment or re.search(r"[\s<>()\"'|\\]", address):
        raise LinkError(f"'{address}' is no hub's address; one looks like https://hub.example.org.")
    return address.rstrip("/")


def _checked_path(path: str) -> str:
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise LinkError(f"'{path}' is no path inside the release repository.")
    if re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", path):
        raise LinkError(f"{path!r} has a character that no link can carry.")
    return path


# --- former paths ---------------------------------------------------------------------------


def resolve_former_path(course: Course, old: str) -> tuple[Session, Variant]:
    """The session and the notebook that a former link or path stands for.

    ``old`` is an address of a former repository, opened directly or through another site
    (``https://…/OWNER/REPOSITORY/blob/BRANCH/PATH``, encoded or not), or a path with or without
    the repository's name before it. Raises ``CourseError`` for anything else.
    """
    table = {file.path: (s, file.variant) for s in course.sessions for file in s.former}
    candidates = _former_candidates(course.former, old)
    for candidate in candidates:
        if candidate in table:
            return table[candidate]
    near = get_close_matches(candidates[-1], table, n=1)
    hint = f" The closest one is '{near[0]}'." if near else ""
    raise CourseError(f"'{old}' is no former notebook of this course.{hint}")


def _former_candidates(former: FormerRepositories | None, old: str) -> list[str]:
    """The paths inside a former repository that a text may mean, as it is and decoded."""
    web = re.match(r"https?://", old.strip(), re.IGNORECASE)
    path = urlsplit(old.strip()).path if web else old.strip()
    candidates = []
    for text in (path, unquote(path)):
        parts = text.strip("/").split("/")
        if former is not None:
            parts = _inside_repository(former, parts)
        candidates.append("/".join(parts))
    return candidates


def _inside_repository(former: FormerRepositories, parts: list[str]) -> list[str]:
    for position, part in enumerate(parts):
        if part in former.repositories:
            parts = parts[position + 1 :]
            if parts and parts[0] in ("blob", "raw", "tree"):
                return parts[2:]
            return parts[1:] if parts and parts[0] == former.branch else parts
    return parts


# --- the table of the README ----------------------------------------------------------------


def readme_table(course: Course, address: str, available: Callable[[Session], bool]) -> str:
    """The timetable in Markdown, with a link to every notebook, on the hub at ``address``.

    A session for which ``available`` is false (its notebooks are not written yet) shows a dash.
    """
    rows = [
        "| Session | Date <br> Time | Codealong/Exercises | Solutions |",
        "|---|---|---|---|",
    ]
    for session in course.sessions:
        links: dict[Variant, str] = {}
        if available(session):
            for variant in session.variants:
                links[variant] = f"[{variant}]({session_link(course, session, variant, address)})"
        solutions = links.pop("solutions", "—")
        first = " ".join(links.values()) or "—"
        rows.append(f"| {_name(session)} | {_when(course, session)} | {first} | {solutions} |")
    return "\n".join(rows)


def _name(session: Session) -> str:
    part = "*additional*" if session.part == "additional" else session.part.replace("-", " ")
    title = re.sub(r"([\\`*_\[\]<>|~#])", r"\\\1", session.title)
    return f"Day{session.day:02d} {part} - **{title}**"


def _when(course: Course, session: Session) -> str:
    day = f"{_MONTHS[session.date.month - 1]} {session.date.day}"
    if session.slug == course.coursework.work_session:
        deadline = course.coursework.deadline
        on = (
            ""
            if deadline.date() == session.date
            else f"{_MONTHS[deadline.month - 1]} {deadline.day} "
        )
        return f"{day} <br> ***deadline {on}{deadline:%H:%M}***"
    if session.starts is None:
        return f"{day} <br> not taught"
    ends = "" if session.ends is None else f"-{session.ends:%H:%M}"
    return f"{day} <br> {session.starts:%H:%M}{ends}"


def replace_table(text: str, table: str) -> str:
    """The text with the block between its two timetable markers swapped for ``table``.

    Raises ``ValueError`` unless each marker stands there once and the start before the end.
    """
    for marker in (TABLE_START, TABLE_END):
        if (count := text.count(marker)) != 1:
            raise ValueError(f"The text has the marker {marker} {count} times; it needs it once.")
    before, rest = text.split(TABLE_START)
    if TABLE_END not in rest:
        raise ValueError(f"The text has {TABLE_END} before {TABLE_START}; swap the two.")
    _, after = rest.split(TABLE_END)
    return f"{before}{TABLE_START}\n\n{table.strip()}\n\n{TABLE_END}{after}"
