"""The variables that a student's server gets."""

import pytest

from cohorthub.services.release.git_environment import git_environment

PUBLIC = "https://hub.example.org/services/release/deep-learning.git"
INTERNAL = "http://172.30.0.1:8090/services/release/deep-learning.git"


def settings(environment: dict[str, str]) -> list[tuple[str, str]]:
    """The pairs that git reads from the variables."""
    count = int(environment["GIT_CONFIG_COUNT"])
    assert len(environment) == 2 + 2 * count
    return [
        (environment[f"GIT_CONFIG_KEY_{n}"], environment[f"GIT_CONFIG_VALUE_{n}"])
        for n in range(count)
    ]


def test_with_one_address_for_all() -> None:
    environment = git_environment(PUBLIC, None, "cohorthub")
    assert environment["COHORTHUB_RELEASE_URL"] == PUBLIC
    assert settings(environment) == [
        (f"credential.{PUBLIC}.helper", ""),
        (f"credential.{PUBLIC}.helper", "cohorthub"),
        (f"credential.{PUBLIC}.useHttpPath", "true"),
    ]
    assert git_environment(PUBLIC, PUBLIC, "cohorthub") == environment


def test_with_another_address_inside() -> None:
    environment = git_environment(PUBLIC, INTERNAL, "/opt/bin/git-credential-cohorthub")
    assert environment["COHORTHUB_RELEASE_URL"] == INTERNAL
    assert settings(environment) == [
        (f"credential.{INTERNAL}.helper", ""),
        (f"credential.{INTERNAL}.helper", "/opt/bin/git-credential-cohorthub"),
        (f"credential.{INTERNAL}.useHttpPath", "true"),
        (f"http.{INTERNAL}.proxy", ""),
        (f"url.{INTERNAL}.insteadOf", PUBLIC),
    ]


def test_a_helper_in_a_folder_with_a_space_is_quoted_for_the_shell() -> None:
    environment = git_environment(PUBLIC, None, "/home/a b/git-credential-cohorthub")
    assert settings(environment)[1][1] == "!'/home/a b/git-credential-cohorthub'"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hub.example.org/x.git",
        "ssh://hub.example.org/x.git",
        "https://user:secret@hub.example.org/x.git",
        "https://user@hub.example.org/x.git",
        "https://hub.example.org/x.git?token=1",
        "https://hub.example.org/x y.git",
        "https://hub.example.org/../x.git",
        "https://hub.example.org/%2e%2e/x.git",
        "https://hub.example.org/x.git\n",
    ],
)
@pytest.mark.parametrize("internal", [True, False])
def test_an_address_that_git_could_read_differently_is_refused(url: str, internal: bool) -> None:
    if internal and not url:
        return  # no internal address
    with pytest.raises(ValueError, match="no plain address"):
        git_environment(PUBLIC if internal else url, url if internal else None, "cohorthub")
