"""Where the hub, its proxy and its database are."""

from __future__ import annotations

from typing import Any

from cohorthub.hub.backend import Backend
from cohorthub.hub.secrets import secret_file
from cohorthub.settings import Settings


def configure_addresses(c: Any, settings: Settings, backend: Backend) -> None:
    """Set the addresses on which the hub listens and is reached.

    The hub's API listens on the one address that students' servers can reach: this machine's own
    for local servers, the students' network's gateway for containers.
    """
    c.JupyterHub.bind_url = f"http://{settings.bind_ip}:{settings.port}"
    c.JupyterHub.hub_bind_url = f"http://{backend.hub_ip}:{settings.hub_port}"
    c.JupyterHub.hub_connect_url = f"http://{backend.hub_ip}:{settings.hub_port}"
    c.JupyterHub.public_url = settings.address + "/"


def configure_proxy(c: Any, settings: Settings) -> None:
    """Use the proxy that runs beside the hub: it outlives a hub restart, and so do the kernels."""
    c.JupyterHub.proxy_class = "jupyterhub.proxy.ConfigurableHTTPProxy"
    c.ConfigurableHTTPProxy.should_start = False
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings.proxy_api_port}"
    c.ConfigurableHTTPProxy.auth_token = secret_file(settings.state_dir, "proxy-token")


def configure_state(c: Any, settings: Settings) -> None:
    """Keep the database and the cookie secret in the state folder; write plain, levelled logs."""
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    c.JupyterHub.db_url = f"sqlite:///{settings.state_dir / 'hub.sqlite'}"
    c.JupyterHub.cookie_secret = bytes.fromhex(secret_file(settings.state_dir, "cookie-secret"))
    c.JupyterHub.cleanup_servers = not settings.keep_servers
    c.JupyterHub.cleanup_proxy = False
    c.JupyterHub.log_level = settings.log_level
    # A broken login page must not be framed by somebody else's.
    c.JupyterHub.tornado_settings = {
        "headers": {"Content-Security-Policy": "frame-ancestors 'self'"},
        # The progress page takes over at once; there is nothing to gain by waiting for it.
        "slow_spawn_timeout": 1,
    }
