"""What the service reads from its environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from cohorthub.problems import ConfigurationError, Problem

_BIND = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<four>[0-9.]+)):(?P<port>[0-9]{1,5})")


class Address(NamedTuple):
    """An IP address and a port to listen on."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@dataclass(frozen=True)
class Configuration:
    """Everything that the service is told when it starts."""

    repository: Path
    """The bare repository; its folder's name is its name in addresses."""
    prefix: str
    """The path under which the hub's proxy reaches the service; starts and ends with a slash."""
    addresses: tuple[Address, ...]
    hub_api_url: str
    hub_api_token: str
    service_name: str = "release"

    @property
    def required_scope(self) -> str:
        """The scope that a reader's token must have."""
        return f"access:services!service={self.service_name}"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Configuration":
        """Reads the variables that the hub sets for a service, and the service's own two.

        ``COHORTHUB_RELEASE_REPOSITORY`` is the repository's path. ``COHORTHUB_RELEASE_BIND`` lists
        ``ip:port`` pairs, separated by spaces; without it the service listens where
        ``JUPYTERHUB_SERVICE_URL`` says. Raises ``ConfigurationError`` with all that is wrong.
        """
        problems: list[Problem] = []

        def required(key: str, expected: str) -> str:
            value = environment.get(key, "")
            if not value:
                problems.append(Problem("environment", key, "nothing", expected))
            return value

        repository = Path(required("COHORTHUB_RELEASE_REPOSITORY", "the repository's path"))
        if repository.name and not re.fullmatch(
            r"[A-Za-z0-9_][A-Za-z0-9._-]*\.git", repository.name
        ):
            problems.append(
                Problem(
                    "environment",
                    "COHORTHUB_RELEASE_REPOSITORY",
                    repr(str(repository)),
                    "a path that ends in a plain name and .git, such as deep-learning.git",
                )
            )
        prefix = environment.get("JUPYTERHUB_SERVICE_PREFIX") or "/services/release/"
        api_url = required("JUPYTERHUB_API_URL", "the hub's API, which the hub gives its services")
        api_token = required("JUPYTERHUB_API_TOKEN", "a token, which the hub gives its services")
        addresses = _addresses(environment, problems)
        if problems:
            raise ConfigurationError(problems)
        return cls(
            repository=repository.absolute(),
            prefix=f"/{prefix.strip('/')}/" if prefix.strip("/") else "/",
            addresses=addresses,
            hub_api_url=api_url,
            hub_api_token=api_token,
            service_name=environment.get("JUPYTERHUB_SERVICE_NAME") or "release",
        )


def _addresses(environment: Mapping[str, str], problems: list[Problem]) -> tuple[Address, ...]:
    wanted = environment.get("COHORTHUB_RELEASE_BIND", "").split()
    if not wanted:
        url = urlsplit(environment.get("JUPYTERHUB_SERVICE_URL", ""))
        if url.hostname and url.port:
            return (Address(url.hostname, url.port),)
        expected = "addresses to listen on, such as '127.0.0.1:8090 172.30.0.1:8090'"
        problems.append(Problem("environment", "COHORTHUB_RELEASE_BIND", "nothing", expected))
    found = []
    for item in wanted:
        match = _BIND.fullmatch(item)
        if match and 0 < int(match["port"]) < 65536:
            found.append(Address(match["six"] or match["four"], int(match["port"])))
        else:
            expected = "an IP address and a port, such as 127.0.0.1:8090"
            problems.append(Problem("environment", "COHORTHUB_RELEASE_BIND", repr(item), expected))
    return tuple(dict.fromkeys(found))
