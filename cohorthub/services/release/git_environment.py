"""What a student's server must know so that its git reaches the release repository.

git reads configuration from ``GIT_CONFIG_COUNT``, ``GIT_CONFIG_KEY_<n>`` and
``GIT_CONFIG_VALUE_<n>`` (git-config(1)), last and above every file. Nothing of it is written
anywhere, so a student's ``.git/config`` keeps the public address and no secret; and nothing of it
touches any other repository that a student works with.
"""

import shlex
from urllib.parse import urlsplit


def git_environment(public_url: str, internal_url: str | None, helper: str) -> dict[str, str]:
    """The environment variables of a student's server.

    ``public_url`` is the repository's address in links; ``internal_url`` the one under which the
    server reaches it, where that is another, else None. Both name the repository itself or a
    folder above it. ``helper`` is the credential helper: an absolute path, or a name that git
    completes to ``git-credential-<name>`` and looks up in PATH.

    The helper answers for the addresses in ``COHORTHUB_RELEASE_URL`` alone, with the server's own
    ``JUPYTERHUB_API_TOKEN``. Raises ``ValueError`` for an address that is not plain http(s):
    user names, queries and white space would change what git compares.
    """
    public = _plain(public_url)
    used = _plain(internal_url) if internal_url else public
    settings = [
        # The empty helper forgets those that the student has set up for other places: git tells
        # all of them a password that worked, and `store` would write the token into a file.
        (f"credential.{used}.helper", ""),
        (f"credential.{used}.helper", _command(helper)),
        # The helper compares the path too: the same host serves other people's servers.
        (f"credential.{used}.useHttpPath", "true"),
    ]
    if used != public:
        # A web proxy of the campus knows nothing of an address inside this machine.
        settings.append((f"http.{used}.proxy", ""))
        settings.append((f"url.{used}.insteadOf", public))
    environment = {"COHORTHUB_RELEASE_URL": used, "GIT_CONFIG_COUNT": str(len(settings))}
    for position, (key, value) in enumerate(settings):
        environment[f"GIT_CONFIG_KEY_{position}"] = key
        environment[f"GIT_CONFIG_VALUE_{position}"] = value
    return environment


def _plain(url: str) -> str:
    parts = urlsplit(url)
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.username is not None
        or parts.query
        or parts.fragment
        or not url.isprintable()
        or " " in url
        or "%" in url
        or ".." in url
    ):
        raise ValueError(f"{url!r} is no plain address such as https://hub.example.org/repo.git")
    return url


def _command(helper: str) -> str:
    # git gives an absolute path to the shell as it stands; one with a space must be quoted.
    quoted = shlex.quote(helper)
    return helper if quoted == helper else f"!{quoted}"
