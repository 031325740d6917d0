"""The credential helper by itself: what it answers, and to whom it does not."""

import os
import subprocess

import pytest

from tests.unit.services.conftest import HELPER

REPOSITORY = "https://hub.example.org/services/release/deep-learning.git"
FOLDER = "http://172.30.0.1:8090/services/release/"
TOKEN = "0123456789abcdef"
ANSWER = f"username=ada\npassword={TOKEN}\n"


def ask(question: str, operation: str = "get", **environment: str) -> str:
    done = subprocess.run(
        [str(HELPER), operation],
        input=question,
        env={
            "PATH": os.environ["PATH"],
            "COHORTHUB_RELEASE_URL": f"{REPOSITORY} {FOLDER}",
            "JUPYTERHUB_API_TOKEN": TOKEN,
            "JUPYTERHUB_USER": "ada",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr == ""
    return done.stdout


def about(protocol: str, host: str, path: str | None) -> str:
    lines = [f"protocol={protocol}", f"host={host}"]
    if path is not None:
        lines.append(f"path={path}")
    return "\n".join(lines) + "\n\n"


@pytest.mark.parametrize(
    ("protocol", "host", "path"),
    [
        ("https", "hub.example.org", "services/release/deep-learning.git"),
        ("https", "hub.example.org", "services/release/deep-learning.git/"),
        ("http", "172.30.0.1:8090", "services/release/deep-learning.git"),
        ("http", "172.30.0.1:8090", "services/release/another.git"),
    ],
)
def test_answers_for_the_release_repository(protocol: str, host: str, path: str) -> None:
    assert ask(about(protocol, host, path)) == ANSWER


@pytest.mark.parametrize(
    ("protocol", "host", "path"),
    [
        ("http", "hub.example.org", "services/release/deep-learning.git"),  # not encrypted
        ("https", "hub.example.org", None),
        ("https", "hub.example.org", ""),
        ("https", "hub.example.org", "services/release/other.git"),
        ("https", "hub.example.org", "services/release/deep-learning.git-evil"),
        ("https", "hub.example.org", "services/release/deep-learning.git.evil"),
        ("https", "hub.example.org", "user/mallory/x.git"),
        ("https", "hub.example.org.evil.example", "services/release/deep-learning.git"),
        ("https", "hub.example.org:444", "services/release/deep-learning.git"),
        ("https", "evil.example", "https://hub.example.org/services/release/deep-learning.git"),
        ("https", "evil.example/hub.example.org", "services/release/deep-learning.git"),
        ("https", "HUB.EXAMPLE.ORG", "services/release/deep-learning.git"),
        # curl tidies such a path before it asks; the token would go to another student's server.
        ("https", "hub.example.org", "services/release/deep-learning.git/../../../user/mallory/x"),
        ("http", "172.30.0.1:8090", "services/release/../../user/mallory/x.git"),
        ("http", "172.30.0.1:8090", "services/release/.."),
        ("http", "172.30.0.1:8090", "services/release/%2e%2e/%2e%2e/user/mallory/x.git"),
        ("http", "172.30.0.1:8090", "services/release//x.git"),
        ("http", "172.30.0.1:8090", "services/release/x/y.git"),
        ("http", "172.30.0.1:8090", "services/release/x.git?a=b"),
        ("http", "172.30.0.1:8090", "services/release/.git"),
        ("http", "172.30.0.1:8090", "services/release\\x.git"),
        ("http", "172.30.0.1:80901", "services/release/deep-learning.git"),
        ("http", "*", "services/release/deep-learning.git"),
        ("", "", ""),
    ],
)
def test_says_nothing_to_anyone_else(protocol: str, host: str, path: str | None) -> None:
    assert ask(about(protocol, host, path)) == ""


@pytest.mark.parametrize("operation", ["store", "erase", "unknown", ""])
def test_remembers_and_forgets_nothing(operation: str) -> None:
    question = about("https", "hub.example.org", "services/release/deep-learning.git")
    assert ask(f"username=ada\npassword={TOKEN}\n{question}", operation) == ""


def test_other_lines_of_the_question_are_passed_over() -> None:
    question = about("https", "hub.example.org", "services/release/deep-learning.git")
    more = 'capability[]=authtype\nwwwauth[]=Basic realm="x"\nusername=somebody\nnonsense\n'
    assert ask(more + question) == ANSWER
    assert ask(question.rstrip("\n")) == ANSWER, "a last line needs no end"
    assert ask(f"{question}host=evil.example\n") == ANSWER, "an empty line ends the question"


def test_without_a_token_or_an_address_it_says_nothing() -> None:
    question = about("https", "hub.example.org", "services/release/deep-learning.git")
    assert ask(question, JUPYTERHUB_API_TOKEN="") == ""
    assert ask(question, COHORTHUB_RELEASE_URL="") == ""
    assert ask(question, COHORTHUB_RELEASE_URL="  ") == ""
    assert ask(question, COHORTHUB_RELEASE_URL="https: *") == ""


def test_starts_no_other_program() -> None:
    """A program would have the token among its arguments, or in its own environment's copy."""
    question = about("https", "hub.example.org", "services/release/deep-learning.git")
    assert ask(question, PATH="/nowhere") == ANSWER


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_any_posix_shell_runs_it(shell: str) -> None:
    done = subprocess.run(
        [shell, "--posix", str(HELPER), "get"] if shell == "bash" else [shell, str(HELPER), "get"],
        input=about("https", "hub.example.org", "services/release/deep-learning.git"),
        env={
            "PATH": os.environ["PATH"],
            "COHORTHUB_RELEASE_URL": REPOSITORY,
            "JUPYTERHUB_API_TOKEN": r"a\nb%s",
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert done.stdout == "username=student\npassword=a\\nb%s\n"


def test_shellcheck_has_nothing_to_say() -> None:
    subprocess.run(["shellcheck", str(HELPER)], check=True, timeout=60)
