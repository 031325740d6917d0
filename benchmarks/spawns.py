"""How long students wait for their servers: one, ten and thirty at once."""

from __future__ import annotations

import statistics
import threading
import time
from dataclasses import dataclass

from benchmarks.contenders import Contender

#: Seconds after which whoever has no server counts as failed.
LIMIT = 240.0


@dataclass
class Spawns:
    """Seconds from the click to the ready server, for everybody who got one."""

    contender: str
    asked: int
    seconds: list[float]

    @property
    def ready(self) -> int:
        return len(self.seconds)

    @property
    def median(self) -> float | None:
        return statistics.median(self.seconds) if self.seconds else None

    @property
    def last(self) -> float | None:
        return max(self.seconds) if self.seconds else None


def spawn_at_once(contender: Contender, count: int, label: str) -> Spawns:
    """Ask for ``count`` servers at the same moment; wait until all are ready or have failed."""
    names = [f"{label}{number:02d}" for number in range(count)]
    for name in names:
        contender.api("POST", f"/users/{name}")
    asked: dict[str, float] = {}
    done: dict[str, float] = {}

    def ask(name: str) -> None:
        asked[name] = time.monotonic()
        contender.api("POST", f"/users/{name}/server")

    threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in names]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    idle_since: float | None = None
    while len(done) < count and time.monotonic() - began < LIMIT:
        now = time.monotonic()
        active = contender.api("GET", "/users?state=active").json()
        for user in active:
            server = user.get("servers", {}).get("")
            if server and server.get("ready") and user["name"] not in done:
                done[user["name"]] = now
        # All requests were answered and nothing is active any more: whoever is missing failed.
        pending = [user for user in active if user.get("pending")]
        if not pending and not any(thread.is_alive() for thread in threads):
            idle_since = idle_since or now
            if now - idle_since > 5:
                break
        else:
            idle_since = None
        time.sleep(0.1 if count > 1 else 0.02)
    result = Spawns(contender.name, count, [done[name] - asked[name] for name in done])
    return result


def stop_all(contender: Contender) -> None:
    """Stop every server and wait until none is left."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        active = contender.api("GET", "/users?state=active").json()
        if not active:
            return
        for user in active:
            if not user.get("pending"):
                contender.api("DELETE", f"/users/{user['name']}/server")
        time.sleep(0.5)
    raise RuntimeError("servers would not stop")
