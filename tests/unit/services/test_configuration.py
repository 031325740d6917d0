"""What the release service reads from its environment."""

from pathlib import Path

import pytest

from cohorthub.problems import ConfigurationError
from cohorthub.services.release.configuration import Address, Configuration

GOOD = {
    "JUPYTERHUB_API_URL": "http://127.0.0.1:8081/hub/api",
    "JUPYTERHUB_API_TOKEN": "secret",
    "JUPYTERHUB_SERVICE_PREFIX": "/base/services/release/",
    "JUPYTERHUB_SERVICE_NAME": "release",
    "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:8090",
    "COHORTHUB_RELEASE_REPOSITORY": "/srv/release/deep-learning.git",
}


def test_where_the_hub_expects_it() -> None:
    found = Configuration.from_environment(GOOD)
    assert found.addresses == (Address("127.0.0.1", 8090),)
    assert found.prefix == "/base/services/release/"
    assert found.repository == Path("/srv/release/deep-learning.git")
    assert found.required_scope == "access:services!service=release"


def test_several_addresses() -> None:
    bind = " 127.0.0.1:8090\t172.30.0.1:8090 [::1]:8091 127.0.0.1:8090 "
    found = Configuration.from_environment({**GOOD, "COHORTHUB_RELEASE_BIND": bind})
    assert [str(address) for address in found.addresses] == [
        "127.0.0.1:8090",
        "172.30.0.1:8090",
        "[::1]:8091",
    ]


@pytest.mark.parametrize(
    "bind", ["8090", ":8090", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "localhost:8090"]
)
def test_an_address_that_is_none(bind: str) -> None:
    with pytest.raises(ConfigurationError, match=r"COHORTHUB_RELEASE_BIND: found .*127\.0\.0\.1:8"):
        Configuration.from_environment({**GOOD, "COHORTHUB_RELEASE_BIND": bind})


@pytest.mark.parametrize("path", ["/srv/release", "/srv/..git", "/srv/a b.git", "/srv/.git"])
def test_a_repository_whose_name_cannot_be_an_address(path: str) -> None:
    with pytest.raises(ConfigurationError, match="COHORTHUB_RELEASE_REPOSITORY"):
        Configuration.from_environment({**GOOD, "COHORTHUB_RELEASE_REPOSITORY": path})


def test_the_token_is_in_no_message() -> None:
    with pytest.raises(ConfigurationError) as error:
        Configuration.from_environment({"JUPYTERHUB_API_TOKEN": "secret"})
    assert "secret" not in str(error.value)
    assert len(error.value.problems) == 3
