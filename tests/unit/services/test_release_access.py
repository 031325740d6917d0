"""Who gets in, by plain HTTP requests to the real service; and all that is refused."""

import base64
import gzip
import http.client
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
import requests

from cohorthub.services.release.access import token_of
from cohorthub.services.release.backend import MAX_REQUEST
from tests.support.releases import git
from tests.support.waiting import wait_until
from tests.unit.services.conftest import COURSE, PREFIX, SCOPE, FakeHub, Service, services

NAME = f"{COURSE.slug}.git"
LS_REFS = b"0014command=ls-refs\n0000"
PACK_REQUEST = {"Content-Type": "application/x-git-upload-pack-request"}
V2 = {"Git-Protocol": "version=2"}


def upload_pack(
    service: Service, body: bytes, token: str, headers: dict[str, str]
) -> requests.Response:
    return requests.post(
        f"{service.url}/git-upload-pack",
        data=body,
        headers={**PACK_REQUEST, **V2, **headers},
        auth=("", token),
        timeout=20,
    )


def raw(service: Service, method: str, path: str, token: str = "") -> tuple[int, str]:
    """A request whose path no client library has tidied."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
    try:
        headers = {"Authorization": f"token {token}"} if token else {}
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def hub() -> Iterator[FakeHub]:
    hub = FakeHub()
    yield hub
    hub.close()


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory,
    hub: FakeHub,
    published: Callable[[Path, datetime], None],
) -> Iterator[Service]:
    """One service for all these requests: none of them changes anything."""
    with services(tmp_path_factory.mktemp("service"), hub, published) as start:
        yield start()


# --- tokens ---------------------------------------------------------------------------------


def test_anonymous_is_asked_for_a_password(service: Service) -> None:
    answer = service.refs()
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Basic realm="')
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "Open the day's link" in answer.text


@pytest.mark.parametrize("user", ["", "ada", "somebody-else", "token"])
def test_the_password_is_the_token_and_the_user_name_means_nothing(
    service: Service, hub: FakeHub, user: str
) -> None:
    answer = service.refs(auth=(user, hub.token("ada")))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/x-git-upload-pack-advertisement"
    assert "no-cache" in answer.headers["Cache-Control"]
    assert wait_until(lambda: service.lines("ada GET"), 5, "a line in the log")


@pytest.mark.parametrize("scheme", ["token", "Token", "Bearer"])
def test_the_token_may_come_as_to_the_hub(service: Service, hub: FakeHub, scheme: str) -> None:
    answer = service.refs(headers={"Authorization": f"{scheme} {hub.token('ada')}"})
    assert answer.status_code == 200


def test_an_unknown_token_is_refused(service: Service) -> None:
    answer = service.refs(auth=("ada", "made-up"))
    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer.headers
    assert "start it again" in answer.text


@pytest.mark.parametrize(
    "scopes",
    [
        [],
        ["self"],
        ["access:servers!server=ada/"],
        ["access:services!service=board"],
        ["admin:users"],
    ],
)
def test_a_token_without_the_scope_is_refused(
    service: Service, hub: FakeHub, scopes: list[str]
) -> None:
    answer = service.refs(auth=("ada", hub.token("ada", scopes)))
    assert answer.status_code == 403
    assert "WWW-Authenticate" not in answer.headers
    assert f"A token of ada lacks the scope {SCOPE}." in service.log


@pytest.mark.parametrize("scopes", [[SCOPE], ["access:services"], ["self", SCOPE]])
def test_the_scope_may_be_wider(service: Service, hub: FakeHub, scopes: list[str]) -> None:
    assert service.refs(auth=("ada", hub.token("ada", scopes))).status_code == 200


def test_a_token_in_the_address_is_not_looked_at_and_not_logged(
    service: Service, hub: FakeHub
) -> None:
    token = hub.token("ada")
    answer = requests.get(
        f"{service.url}/info/refs?service=git-upload-pack&token={token}", timeout=20
    )
    assert answer.status_code in {401, 404}
    assert requests.get(f"{service.base}?token={token}", timeout=20).status_code == 200
    assert token not in service.log


def test_the_hub_is_asked_once_a_minute(service: Service, hub: FakeHub) -> None:
    token = hub.token("ada")
    for _ in range(5):
        assert service.refs(auth=("", token)).status_code == 200
    assert hub.asked.count(token) == 1


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "token"),
    [
        (basic("ada:secret"), "secret"),
        (basic(":secret"), "secret"),
        (basic("ada:with:colon"), "with:colon"),
        ("basic   " + base64.b64encode(b"a:b").decode(), "b"),
        ("token secret", "secret"),
        ("bearer secret", "secret"),
        ("", None),
        ("token", None),
        ("token ", None),
        ("Negotiate abc", None),
        ("Basic !!!", None),
        ("Basic", None),
        (basic("ada"), None),
        (basic("ada:"), None),
        (basic("ada:two words"), None),
        (basic("ada:line\r\nX-Admin: yes"), None),
        (basic("ada:ünï"), None),
        ("token " + "x" * 513, None),
    ],
)
def test_reading_the_header(header: str, token: str | None) -> None:
    assert token_of(header) == token


# --- addresses ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        f"{NAME}/HEAD",
        f"{NAME}/config",
        f"{NAME}/objects/info/packs",
        f"{NAME}/refs/heads/release",
        f"{NAME}/info/refs",  # git's dumb protocol
        f"{NAME}/info/refs?service=",
        f"{NAME}/info/refs?service=git-upload-archive",
        f"{NAME}/info/refs?service=git-upload-pack&service=git-receive-pack",
        f"{NAME}/info/refs/?service=git-upload-pack",
        f"{NAME}/../{NAME}/info/refs?service=git-upload-pack",
        f"{NAME}//info/refs?service=git-upload-pack",
        f"{NAME}",
        f"{NAME}/",
        "other.git/info/refs?service=git-upload-pack",
        "info/refs?service=git-upload-pack",
        "../../../../etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "%00",
        f"{COURSE.slug}%2egit/info/refs?service=git-upload-pack",
        f"{NAME}/git-upload-pack/../../../etc/passwd",
    ],
)
def test_every_other_address_is_nothing(service: Service, hub: FakeHub, path: str) -> None:
    status, text = raw(service, "GET", PREFIX + path, hub.token("ada"))
    assert status == 404
    assert "root:" not in text


@pytest.mark.parametrize("path", ["/", "/services/", "/etc/passwd", "//services/release/health"])
def test_nothing_outside_the_prefix(service: Service, path: str) -> None:
    assert raw(service, "GET", path)[0] == 404


@pytest.mark.parametrize("token", [True, False])
def test_pushing_is_refused_before_anything_else(
    service: Service, hub: FakeHub, token: bool
) -> None:
    shown = hub.token("ada") if token else ""
    for method, path in (
        ("GET", f"{NAME}/info/refs?service=git-receive-pack"),
        ("POST", f"{NAME}/git-receive-pack"),
        ("GET", f"{NAME}/git-receive-pack"),
    ):
        status, text = raw(service, method, PREFIX + path, shown)
        assert status == 403
        assert "Nothing can be pushed here" in text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PROPFIND", "OPTIONS", "PATCH"])
def test_other_methods_do_nothing(service: Service, hub: FakeHub, method: str) -> None:
    path = f"{PREFIX}{NAME}/info/refs?service=git-upload-pack"
    assert raw(service, method, path, hub.token("ada"))[0] == 405


def test_a_person_who_looks_here_is_told_where_to_go(service: Service) -> None:
    answer = requests.get(service.base, timeout=20)
    assert answer.status_code == 200
    assert "day's link" in answer.text


def test_health_names_the_commit(service: Service) -> None:
    answer = requests.get(f"{service.base}health", timeout=20)
    assert answer.status_code == 200
    assert answer.json() == {
        "repository": NAME,
        "head": git(service.repository, "rev-parse", "release").strip(),
        "serving": 0,
        "waiting": 0,
    }


# --- request bodies -------------------------------------------------------------------------


def test_a_compressed_request_is_understood(service: Service, hub: FakeHub) -> None:
    token = hub.token("ada")
    plain = upload_pack(service, LS_REFS, token, {})
    packed = upload_pack(service, gzip.compress(LS_REFS), token, {"Content-Encoding": "gzip"})
    assert plain.status_code == packed.status_code == 200
    assert b"refs/heads/release" in plain.content
    assert packed.content == plain.content


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"not gzip", "gzip", 400),
        (gzip.compress(LS_REFS)[:-9], "gzip", 400),
        (LS_REFS, "br", 400),
        (gzip.compress(bytes(50 * MAX_REQUEST)), "gzip", 413),
    ],
)
def test_a_body_that_is_not_what_it_says(
    service: Service, hub: FakeHub, body: bytes, encoding: str, status: int
) -> None:
    answer = upload_pack(service, body, hub.token("ada"), {"Content-Encoding": encoding})
    assert answer.status_code == status


def test_a_request_that_is_too_long_is_cut_off(service: Service, hub: FakeHub) -> None:
    try:
        answer = upload_pack(service, bytes(4 * MAX_REQUEST), hub.token("ada"), {})
    except requests.ConnectionError:
        pass  # cut off in the middle of its body
    else:
        assert answer.status_code in {400, 413}
    assert service.refs(auth=("", hub.token("ada"))).status_code == 200


def test_only_git_may_ask_for_packs(service: Service, hub: FakeHub) -> None:
    answer = upload_pack(service, LS_REFS, hub.token("ada"), {"Content-Type": "text/plain"})
    assert answer.status_code == 415


def test_a_strange_protocol_header_is_ignored(service: Service, hub: FakeHub) -> None:
    token = hub.token("ada")
    original = service.refs(auth=("", token))
    strange = service.refs(auth=("", token), headers={"Git-Protocol": "version=2:x=$(id)"})
    newer = service.refs(auth=("", token), headers=V2)
    assert strange.content == original.content
    assert newer.content != original.content


def test_the_log_is_one_line_a_request_whatever_is_asked(service: Service) -> None:
    raw(service, "GET", f"{PREFIX}%0aroot%20POST%20/fake%20200")
    raw(service, "GET", f"{PREFIX}{'x' * 5000}")
    for sign in ("%0aroot%20POST", "x" * 100):
        # The line is written when the answer has been sent.
        (line,) = wait_until(lambda sign=sign: service.lines(sign), 5, "a line in the log")
        assert " 404 " in line
        assert len(line) < 350
