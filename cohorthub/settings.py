"""Every setting of the hub, once, typed, with its description.

A setting comes from, strongest first: the environment (``COHORTHUB_…``, two underscores
between a section and its key), the file ``hub.yml``, the default below. Unknown keys and bad
values are refused before anything starts. ``cohorthub settings --explain`` prints the reference,
and ``docs/settings.md`` is generated from the same descriptions.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from cohorthub.problems import (
    ConfigurationError,
    CrossCheckError,
    Finding,
    Problem,
    load_yaml,
    problems_from_validation,
)

ENV_PREFIX = "COHORTHUB_"

#: Variables with our prefix that steer a single process and are no settings of the hub.
PROCESS_VARIABLES = frozenset(
    {
        "COHORTHUB_CONFIG",  # where hub.yml is
        "COHORTHUB_ROOT",  # where the checkout is
        "COHORTHUB_RELEASE_REPOSITORY",  # given to the release service by the hub
        "COHORTHUB_RELEASE_BIND",
        "COHORTHUB_JANITOR_LABEL",  # given to the janitor by the hub
        "COHORTHUB_RELEASE_URL",  # given to a student's server by its spawner
        "COHORTHUB_STUDENT_PYTHON",  # given to tests by the test runner
    }
)

_COMMAND = "cohorthub settings --explain"
_SIZE = re.compile(r"^[1-9][0-9]*[KMGT]$")


def _check_size(value: str) -> str:
    if not _SIZE.match(value):
        raise ValueError("a whole number followed by K, M, G or T, such as 512M or 4G")
    return value


def _check_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("a web address such as https://hub.example.org")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("a web address without a path, such as https://hub.example.org")
    return value.rstrip("/")


Size = Annotated[str, AfterValidator(_check_size)]
Address = Annotated[str, AfterValidator(_check_address)]
Port = Annotated[int, Field(ge=1, le=65535)]


def size_in_bytes(size: str) -> int:
    """Return the bytes that a size such as ``512M`` means (powers of 1024)."""
    return int(size[:-1]) << 10 * ("KMGT".index(size[-1]) + 1)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Profile(_Section):
    """The limits of one kind of server."""

    title: str = "CPU"
    """What a student reads where the kind of server is chosen."""
    memory: Size = "4G"
    """Memory of one server. The same amount bounds memory and swap together, so none swaps."""
    cpus: float = Field(default=2.0, gt=0, le=1024)
    """Processor cores that one server may use at most."""
    pids: int = Field(default=1024, ge=64)
    """Processes and threads that one server may have at once."""
    shm: Size = "1G"
    """Size of /dev/shm, through which DataLoader workers hand over batches."""


class DockerSettings(_Section):
    """Servers in containers."""

    prefix: str = Field(default="cohorthub", pattern=r"^[a-z][a-z0-9-]{1,30}$")
    """First part of the name of every container, volume and network that this hub makes. Two hubs
    on one engine need two prefixes."""
    image: str = ""
    """Image of the students' servers as an immutable id (`sha256:…`) or digest. Empty: the image
    built from this checkout's images/course."""
    debian: str = Field(default="", pattern=r"^$|@sha256:[0-9a-f]{64}$")
    """Debian image to build the students' image on, pinned by its digest
    (`debian:bookworm-slim@sha256:…`). Empty: a base bootstrapped from Debian's packages."""
    internet: bool = False
    """Whether a student's server may reach the internet. Off: only the hub's API and the release
    repository answer it."""
    stop_seconds: int = Field(default=5, ge=1, le=60)
    """Seconds a server has for a clean stop before the engine ends it."""
    engine_timeout: int = Field(default=60, ge=5, le=600)
    """Seconds after which a request that the engine did not answer counts as failed."""
    uid: int = Field(default=1000, ge=1000, le=65533)
    """User id, and group id, of every process in a student's server."""


class StartSettings(_Section):
    """How servers are started."""

    at_once: int = Field(default=0, ge=0, le=1000)
    """Servers that may be starting at the same time. 0: as many as the machine has cores, and
    fewer while starts turn out slow."""
    timeout: int = Field(default=90, ge=10, le=3600)
    """Seconds that one start may take, counted from its turn, until the server answers."""
    line_limit: int = Field(default=1000, ge=1)
    """Starts that may wait in line; one more is refused with a sentence."""


class Settings(BaseSettings):
    """All settings of one hub."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        use_attribute_docstrings=True,
        hide_input_in_errors=False,
    )

    address: Address = "http://127.0.0.1:8000"
    """The address that students type: scheme, name and port, no path. Day links are made with
    it."""
    bind_ip: str = "127.0.0.1"
    """Address on which the proxy listens. The try-out listens on this machine alone."""
    port: Port = 8000
    """Port of the proxy, the only one that a browser meets."""
    proxy_api_port: Port = 8001
    """Port of the proxy's own API, on 127.0.0.1 only."""
    hub_port: Port = 8081
    """Port of the hub's API for the proxy and for students' servers."""
    release_port: Port = 8082
    """Port of the release repository's service."""
    state_dir: Path = Path(".cohorthub")
    """Where the hub keeps its state: database, secrets, logs, release repository, and the homes of
    local servers."""
    data_dir: Path | None = None
    """Folder with the shared data sets, read-only for students (`/data` in a container). Empty:
    `data` in the state folder."""
    course_file: Path = Path("materials/course.yml")
    """The course's facts."""
    materials_dir: Path = Path("materials/days")
    """The notebooks' sources."""
    student_env: Path = Path(".venv/student")
    """The locked student environment, for local servers."""
    proxy_dir: Path = Path("proxy")
    """Folder in which configurable-http-proxy is installed."""
    spawner: Literal["auto", "local", "docker"] = "auto"
    """How servers run: in containers (`docker`), as processes of this user (`local`, for a try-out:
    students are not protected from each other), or `auto`: containers where an engine answers."""
    keep_servers: bool = True
    """Whether students' servers keep running when the hub stops."""
    sign_in: Literal["shared-password"] = "shared-password"
    """How people sign in. `shared-password`: any name with one generated password, for a try-out
    on this machine only."""
    admin_name: str = Field(default="admin", pattern=r"^[a-z][a-z0-9_.-]{0,31}$")
    """The administrator's name at sign-in."""
    user_password: SecretStr = Field(default=SecretStr(""))
    """Students' shared password, at least 8 characters. Empty: generated and kept in the state
    folder."""
    profiles: dict[str, Profile] = Field(default_factory=lambda: {"cpu": Profile()}, min_length=1)
    """The kinds of server, by name. A link may ask for one with `?opt-profile=NAME`."""
    default_profile: str = "cpu"
    """The kind of server that is started when nothing is chosen."""
    environment: dict[str, str] = Field(default_factory=dict)
    """More environment variables for every student's server, such as a proxy's address."""
    docker: DockerSettings = Field(default_factory=DockerSettings)
    start: StartSettings = Field(default_factory=StartSettings)
    log_level: Literal["DEBUG", "INFO", "WARNING"] = "INFO"
    """How much the hub writes to its log."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over what was read from the file."""
        return env_settings, init_settings

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        findings = []
        if self.default_profile not in self.profiles:
            names = ", ".join(sorted(self.profiles))
            findings.append(
                Finding(
                    ("default_profile",),
                    repr(self.default_profile),
                    f"one of the profiles: {names}",
                )
            )
        taken: dict[int, str] = {}
        for name in ("port", "proxy_api_port", "hub_port", "release_port"):
            port = getattr(self, name)
            if port in taken:
                findings.append(
                    Finding((name,), str(port), f"another port than that of {taken[port]}")
                )
            taken.setdefault(port, name)
        password = self.user_password.get_secret_value()
        if password and len(password) < 8:
            findings.append(
                Finding(
                    ("user_password",), "a value that is not shown here", "at least 8 characters"
                )
            )
        if self.sign_in == "shared-password" and self.bind_ip not in {"127.0.0.1", "::1"}:
            findings.append(
                Finding(
                    ("bind_ip",),
                    repr(self.bind_ip),
                    "127.0.0.1, because a shared password protects nobody on an address that "
                    "others can reach",
                )
            )
        if findings:
            raise CrossCheckError(findings)
        return self

    @property
    def release_dir(self) -> Path:
        """Folder of the release repositories."""
        return self.state_dir / "release"

    @property
    def data(self) -> Path:
        """Folder of the shared data sets."""
        return self.data_dir or self.state_dir / "data"


def load_settings(
    file: Path | None = None,
    root: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings.

    ``file`` is ``hub.yml`` (default: ``$COHORTHUB_CONFIG``, else ``hub.yml`` in ``root`` if there);
    ``root`` is the folder that relative paths start from (default: ``$COHORTHUB_ROOT``, else the
    current folder). ``environment`` defaults to the process's own and is only checked for unknown
    names; values are read from the process's own.

    Raises :class:`~cohorthub.problems.ConfigurationError` with every problem found.
    """
    environment = os.environ if environment is None else environment
    root = (root or Path(environment.get("COHORTHUB_ROOT", "."))).resolve()
    if file is None:
        named = environment.get("COHORTHUB_CONFIG", "")
        file = Path(named) if named else root / "hub.yml"
        if not named and not file.exists():
            file = None
    document: Mapping[str, Any] = {}
    lines: Mapping[str, int] = {}
    if file is not None:
        document, lines = load_yaml(file, command=_COMMAND)
    problems = list(_unknown_variables(environment))
    try:
        settings = Settings(**dict(document))
    except ValidationError as exc:
        where = str(file) if file else "settings"
        for problem in problems_from_validation(
            where, exc, model=Settings, lines=lines, secrets={"user_password"}
        ):
            variable = ENV_PREFIX + problem.key.replace(".", "__").upper()
            if variable in environment:
                problem = Problem("environment", variable, problem.found, problem.expected)
            problems.append(problem)
    if problems:
        raise ConfigurationError(problems, command=_COMMAND)
    paths = ("state_dir", "course_file", "materials_dir", "student_env", "proxy_dir")
    update: dict[str, Path] = {name: root / getattr(settings, name) for name in paths}
    if settings.data_dir is not None:
        update["data_dir"] = root / settings.data_dir
    return settings.model_copy(update=update)


def _unknown_variables(environment: Mapping[str, str]) -> Iterator[Problem]:
    known = {variable for _, variable, *_ in reference()} | PROCESS_VARIABLES
    for name in sorted(environment):
        if not name.startswith(ENV_PREFIX) or name in known:
            continue
        if name.startswith((ENV_PREFIX + "PROFILES__", ENV_PREFIX + "ENVIRONMENT__")):
            continue
        yield Problem(
            "environment", name, "an unknown name", "a name from `cohorthub settings --explain`"
        )


def reference() -> list[tuple[str, str, str, str, str]]:
    """Return a row for each setting: key, variable, type, default, description."""
    rows = []

    def visit(model: type[BaseModel], prefix: tuple[str, ...]) -> None:
        for name, field in model.model_fields.items():
            key = (*prefix, name)
            kind = field.annotation
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                visit(kind, key)
                continue
            default = field.get_default(call_default_factory=True, validated_data={})
            rows.append(
                (
                    ".".join(key),
                    ENV_PREFIX + "__".join(key).upper(),
                    _type_name(kind),
                    _default_text(default),
                    " ".join((field.description or "").split()),
                )
            )
            if name == "profiles":
                visit(Profile, (*key, "NAME"))

    visit(Settings, ())
    return rows


def _type_name(kind: Any) -> str:
    if getattr(kind, "__origin__", None) is Literal:
        return " | ".join(kind.__args__)
    if isinstance(kind, type) and not hasattr(kind, "__args__"):
        return {"SecretStr": "secret text", "str": "text", "Path": "path"}.get(
            kind.__name__, kind.__name__
        )
    if "Path" in str(kind):
        return "path"
    return "sections by name"


def _default_text(default: Any) -> str:
    if isinstance(default, dict):
        return ", ".join(default)
    if isinstance(default, SecretStr) or default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return str(default)
