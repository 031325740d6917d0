"""Who may sign in, and what each role may do."""

from __future__ import annotations

from typing import Any

from cohorthub.hub.backend import Backend
from cohorthub.hub.secrets import secret_file, typed_password
from cohorthub.settings import Settings

#: What a server's own token may do: tell its activity, let its student in, read the releases.
SERVER_SCOPES = [
    "users:activity!user",
    "access:servers!server",
    "access:services!service=release",
]


def user_password(settings: Settings) -> str:
    """Return the students' shared password: the one set, else one generated on first use."""
    return settings.user_password.get_secret_value() or secret_file(
        settings.state_dir, "user-password", make=typed_password()
    )


def admin_password(settings: Settings) -> str:
    """Return the administrator's password of the try-out, generated on first use."""
    return secret_file(settings.state_dir, "admin-password")


def configure_sign_in(c: Any, settings: Settings) -> None:
    """Let people in with the shared password, and the administrator with a longer one."""
    c.JupyterHub.authenticator_class = "shared-password"
    c.SharedPasswordAuthenticator.user_password = user_password(settings)
    c.SharedPasswordAuthenticator.admin_password = admin_password(settings)
    c.Authenticator.admin_users = {settings.admin_name}
    c.Authenticator.allow_all = True
    # A name becomes a folder, a volume and a container.
    c.Authenticator.username_pattern = r"^[a-z0-9][a-z0-9_.@+-]{0,62}$"


def configure_roles(c: Any, backend: Backend) -> None:
    """Give each role only what it needs."""
    roles = [
        {"name": "user", "scopes": ["self", "access:services!service=release"]},
        {"name": "server", "scopes": SERVER_SCOPES},
    ]
    if backend.kind == "docker":
        roles.append(
            {
                "name": "janitor",
                "description": "Finds containers that belong to no active server",
                "scopes": ["list:users", "read:users:name", "read:servers"],
                "services": ["janitor"],
            }
        )
    c.JupyterHub.load_roles = roles
