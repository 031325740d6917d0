"""A whole hub for tests: real proxy, real hub, real services, own state, own ports."""

from __future__ import annotations

import ipaddress
import os
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import yaml

from cohorthub.course import Course, load_course
from cohorthub.hub.people import user_password
from cohorthub.hub.processes import Child, hub_child, proxy_child, wait_for
from cohorthub.hub.releases import publish_now
from cohorthub.settings import Settings, load_settings
from cohorthub.spawning.engine import Engine
from cohorthub.spawning.network import StudentNetwork, network_name, open_host
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
#: Everything that tests make in the engine has a name that begins so.
PREFIX = "chtest"


def free_ports(count: int) -> list[int]:
    """Return ports on which nothing listens, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [item.getsockname()[1] for item in sockets]
    finally:
        for item in sockets:
            item.close()


class Student:
    """A person with a browser's cookies: signs in, starts servers, calls the hub's API."""

    def __init__(self, hub: Hub, name: str, password: str) -> None:
        self.hub = hub
        self.name = name
        self.http = requests.Session()
        self.http.get(f"{hub.url}/hub/login", timeout=20)
        answer = self.http.post(
            f"{hub.url}/hub/login",
            params={"_xsrf": self._xsrf()},
            data={"username": name, "password": password, "_xsrf": self._xsrf()},
            allow_redirects=False,
            timeout=20,
        )
        if answer.status_code != 302:
            raise PermissionError(f"{name} could not sign in: {answer.status_code}")
        self.http.get(f"{hub.url}/hub/home", timeout=20)

    def _xsrf(self, path: str = "/hub/") -> str:
        for cookie in self.http.cookies:
            if cookie.name == "_xsrf" and cookie.path == path:
                return str(cookie.value)
        raise AssertionError("the hub gave no _xsrf cookie")

    def api(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        """Call the hub's API as this person."""
        return self.http.request(
            method,
            f"{self.hub.url}/hub/api{path}",
            headers={"X-XSRFToken": self._xsrf(), "Referer": f"{self.hub.url}/hub/home"},
            timeout=60,
            **kwargs,
        )

    def model(self) -> dict[str, Any]:
        """Return what the hub knows of this person."""
        return dict(self.api("GET", f"/users/{self.name}").json())

    def ask_for_server(self, options: Mapping[str, Any] | None = None) -> requests.Response:
        """Ask for a server without waiting for it."""
        return self.api("POST", f"/users/{self.name}/server", json=dict(options or {}))

    def start(self, seconds: float = 90, options: Mapping[str, Any] | None = None) -> None:
        """Start this person's server and wait until it is ready."""
        answer = self.ask_for_server(options)
        assert answer.status_code in {201, 202}, answer.text
        wait_until(self.ready, seconds, f"{self.name}'s server")

    def ready(self) -> bool:
        """Return whether the server is ready."""
        return bool(self.model().get("servers", {}).get("", {}).get("ready"))

    def stop(self, seconds: float = 60) -> None:
        """Stop the server and wait until the hub calls it stopped."""
        answer = self.api("DELETE", f"/users/{self.name}/server")
        assert answer.status_code in {202, 204}, answer.text
        wait_until(self.stopped, seconds, f"{self.name}'s stop")

    def stopped(self) -> bool:
        """Return whether the hub has neither a server for this person nor a stop under way."""
        model = self.model()
        return not model.get("server") and not model.get("pending")

    def progress(self, seconds: float = 60) -> Iterator[dict[str, Any]]:
        """Yield the events of the progress page."""
        import json

        answer = self.http.get(
            f"{self.hub.url}/hub/api/users/{self.name}/server/progress",
            params={"_xsrf": self._xsrf()},
            stream=True,
            timeout=seconds,
        )
        for line in answer.iter_lines():
            if line.startswith(b"data: "):
                yield json.loads(line[6:])

    def enter(self) -> None:
        """Open the running server once, as a browser does: it signs the student in by the hub."""
        answer = self.http.get(f"{self.hub.url}/user/{self.name}/lab", timeout=60)
        assert answer.status_code == 200, answer.url

    def server(self, path: str, **kwargs: Any) -> requests.Response:
        """GET a page of this person's own server, entered before."""
        return self.http.get(f"{self.hub.url}/user/{self.name}/{path}", timeout=60, **kwargs)

    def failure(self, seconds: float = 60) -> str:
        """Start a server that must fail, and return the sentence on the progress page."""
        answer = self.ask_for_server()
        if answer.status_code >= 400:
            return str(answer.json()["message"])
        return wait_until(
            lambda: next((e["message"] for e in self.progress() if e.get("failed")), ""),
            seconds,
            "the failure's message",
        )


class Hub:
    """A hub in processes of its own, with its state in ``folder``."""

    def __init__(self, folder: Path, spawner: str, **options: Any) -> None:
        port, proxy_api, hub, release = free_ports(4)
        self.url = f"http://127.0.0.1:{port}"
        self.folder = folder
        document = {
            "address": self.url,
            "port": port,
            "proxy_api_port": proxy_api,
            "hub_port": hub,
            "release_port": release,
            "state_dir": str(folder / "state"),
            "course_file": str(ROOT / "materials/course.yml"),
            "materials_dir": str(ROOT / "materials/days"),
            "student_env": str(ROOT / ".venv/student"),
            "proxy_dir": str(ROOT / "proxy"),
            "spawner": spawner,
            **options,
        }
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "hub.yml"
        self.file.write_text(yaml.safe_dump(document))
        self.settings: Settings = load_settings(self.file, root=folder)
        self.course: Course = load_course(self.settings.course_file)
        self._proxy: Child | None = None
        self._hub: Child | None = None

    @property
    def log(self) -> str:
        """Everything that the hub wrote so far."""
        return (self.settings.state_dir / "logs/hub.log").read_text(errors="replace")

    @property
    def hub_process(self) -> Child:
        """The hub's process."""
        assert self._hub is not None
        return self._hub

    def start(self) -> None:
        """Publish what is due, start proxy and hub, and wait until both answer."""
        self.settings.state_dir.mkdir(parents=True, exist_ok=True)
        publish_now(self.settings, self.course)
        self.start_hub()

    def start_hub(self) -> None:
        """Start the hub (and the proxy, unless it runs), and wait until it answers."""
        extra = {"COHORTHUB_CONFIG": str(self.file)}
        self._hub = hub_child(self.settings, ROOT, extra)
        if self._proxy is None:
            # The hub's address is known once its network exists, which the hub makes.
            self._proxy = proxy_child(self.settings, self.hub_ip())
        wait_for(f"{self.url}/hub/health", self._hub, 60)
        wait_for(f"{self.url}/services/release/health", self._hub, 60)

    def hub_ip(self) -> str:
        """Return the address on which the hub's API listens."""
        return self.network().gateway if self.settings.spawner == "docker" else "127.0.0.1"

    def network(self) -> StudentNetwork:
        """Return the students' network."""
        from cohorthub.spawning.network import ensure_network

        docker = self.settings.docker
        return ensure_network(Engine(), docker.prefix, internet=docker.internet)

    def kill_hub(self) -> None:
        """End the hub at once, as a crash would, with the services it started."""
        process = self.hub_process.process
        os.killpg(process.pid, 9)
        process.wait(10)

    def stop_hub(self) -> None:
        """Let the hub stop in order."""
        self.hub_process.stop(60)

    def stop(self) -> None:
        """Stop everything and remove what was made in the engine."""
        for child in (self._hub, self._proxy):
            if child is not None:
                child.stop(60)
        if self.settings.spawner == "docker":
            sweep(self.settings.docker.prefix)

    def student(self, name: str) -> Student:
        """Sign a student in."""
        return Student(self, name, user_password(self.settings))

    def admin(self) -> Student:
        """Sign the administrator in."""
        from cohorthub.hub.people import admin_password

        return Student(self, self.settings.admin_name, admin_password(self.settings))


def add_to_release(hub: Hub, files: Mapping[str, bytes]) -> None:
    """Add files to the release repository with plain git, as its next commit."""
    bare = hub.settings.release_dir / f"{hub.course.slug}.git"
    with tempfile.TemporaryDirectory() as folder:
        git = ["git", "-C", folder, "-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", "clone", "-q", "-b", "release", bare, folder], check=True)
        for path, text in files.items():
            file = Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text)
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-q", "-m", "added by a test"], check=True)
        subprocess.run([*git, "push", "-q", "origin", "release"], check=True)


def host_address() -> str:
    """Return this machine's address on the engine's default bridge."""
    subnet = Engine().client.inspect_network("bridge")["IPAM"]["Config"][0]["Subnet"]
    return str(next(ipaddress.ip_network(subnet).hosts()))


def sweep(prefix: str) -> None:
    """Remove containers, volumes and the network of the hub with this prefix."""
    client = Engine().client
    for item in client.containers(all=True, filters={"name": f"{prefix}-"}):
        client.remove_container(item["Id"], force=True, v=True)
    for volume in client.volumes(filters={"name": f"{prefix}-"})["Volumes"] or []:
        client.remove_volume(volume["Name"], force=True)
    for network in client.networks(names=[network_name(prefix)]):
        if network["Name"] != network_name(prefix):
            continue
        options = network["Options"] or {}
        interface = options.get("com.docker.network.bridge.name", "")
        if interface:
            open_host(StudentNetwork(network["Name"], "", "", interface))
        client.remove_network(network["Id"])


@contextmanager
def running_hub(folder: Path, spawner: str, **options: Any) -> Iterator[Hub]:
    """Run a hub for the time of a ``with`` block."""
    if spawner == "docker":
        options.setdefault("docker", {}).setdefault("prefix", f"{PREFIX}-{os.getpid()}")
        sweep(options["docker"]["prefix"])
    hub = Hub(folder, spawner, **options)
    try:
        hub.start()
        yield hub
    finally:
        hub.stop()


def at_once(jobs: list[Any], seconds: float) -> None:
    """Run callables in threads at the same time; raise the first exception of any."""
    errors: list[BaseException] = []

    def run(job: Any) -> None:
        try:
            job()
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=run, args=(job,), daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
    if errors:
        raise errors[0]
    assert not any(thread.is_alive() for thread in threads), "a job did not end in time"
