"""A student's server as a process of the user who runs the hub: the try-out without containers.

Each student has a home folder of their own, and the same locked environment as in the image. What
this backend cannot give is protection: all servers run as one user. The settings therefore allow
it only for a hub that listens on this machine alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import STDOUT
from typing import Any

import psutil
from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets import Int, Unicode

from cohorthub.spawning import troubles
from cohorthub.spawning.paced import PacedSpawner

_LAST_WORDS = 2000
#: Seconds that processes left by a server have to end before they are killed.
_LEFTOVER_SECONDS = 3.0


class LocalSpawner(PacedSpawner, SimpleLocalProcessSpawner):  # type: ignore[misc]
    """Starts each server as a local process with its own home folder and its own log."""

    homes = Unicode(config=True, help="Folder of the students' homes.")
    logs = Unicode(config=True, help="Folder of the servers' logs.")
    profile_name = Unicode("", help="The kind of server, from the settings' profiles.")
    pids_limit = Int(0, help="Not enforced for local processes.")
    shm_bytes = Int(0, help="Not enforced for local processes.")

    def server_label(self) -> str:
        """Return the server's process for the log."""
        return f"server of {self.user.name} (pid {self.pid})"

    @property
    def home(self) -> Path:
        """The student's home folder."""
        return Path(self.homes) / str(self.user.escaped_name)

    @property
    def log_file(self) -> Path:
        """The file that takes the server's output."""
        return Path(self.logs) / f"server-{self.user.escaped_name}.log"

    def make_preexec_fn(self, name: str) -> Callable[[], object] | None:
        """Return nothing: all that the process needs is done before it is made."""
        return None

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """Add who and where the student is."""
        env["USER"] = env["LOGNAME"] = self.user.name
        env["HOME"] = str(self.home)
        # JupyterLab writes the server's token there: not into the home, which is kept.
        env["JUPYTER_RUNTIME_DIR"] = str(Path(self.logs).parent / "runtime" / self.home.name)
        env["SHELL"] = shutil.which("bash") or "/bin/sh"
        return env

    def get_args(self) -> list[str]:
        """Return the server's arguments; root's servers must be told that this is meant."""
        args = list(super().get_args())
        if os.geteuid() == 0:
            args.append("--allow-root")
        return args

    async def start_server(self) -> tuple[str, int]:
        """Start the process in the student's home.

        Raises :class:`jupyterhub.spawner.SpawnException` with a sentence for the student.
        """
        try:
            self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.log_file.parent.mkdir(parents=True, exist_ok=True)
            with self.log_file.open("ab") as output:
                self.popen_kwargs = {"cwd": self.home, "stdout": output, "stderr": STDOUT}
                ip, port = await SimpleLocalProcessSpawner.start(self)
        except FileNotFoundError as exc:
            raise troubles.image_missing(f"{self.cmd} ({exc})").exception() from exc
        except OSError as exc:
            if exc.errno == 28:  # ENOSPC
                raise troubles.disk_full(str(exc)).exception() from exc
            raise troubles.other(self.user.name, str(exc)).exception() from exc
        return str(ip), int(port)

    async def why_ended(self, status: Any) -> troubles.Trouble:
        """Explain an early end from the last lines of the server's log."""
        words = ""
        with contextlib.suppress(OSError):
            words = self.log_file.read_text(errors="replace")[-_LAST_WORDS:]
        if status == -9:
            return troubles.out_of_memory(self.server_label(), "the machine's memory")
        return troubles.ended_early(self.server_label(), f"status {status}", words)

    async def stop(self, now: bool = False) -> None:
        """Stop the server and every process it started: kernels, terminals, their children."""
        family = _family(self.pid)
        await SimpleLocalProcessSpawner.stop(self, now=now)
        await asyncio.to_thread(_end, family)


def _family(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=True)) if pid else []
    except psutil.NoSuchProcess:
        return []


def _end(processes: list[psutil.Process]) -> None:
    left = [process for process in processes if process.is_running()]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(left, timeout=_LEFTOVER_SECONDS)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
