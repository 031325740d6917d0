"""What the hub itself costs while thirty students read."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil

from benchmarks.contenders import Contender


@dataclass
class Idle:
    """The hub's process: share of one core in percent, resident memory in MiB."""

    contender: str
    servers: int
    cpu_percent: float
    memory_mib: float


def measure_idle(contender: Contender, seconds: float = 30.0) -> Idle:
    """Watch the hub's process for ``seconds`` while its servers idle."""
    servers = len(contender.api("GET", "/users?state=ready").json())
    process = psutil.Process(contender.pid)
    before = process.cpu_times()
    began = time.monotonic()
    time.sleep(seconds)
    after = process.cpu_times()
    used = (after.user - before.user) + (after.system - before.system)
    return Idle(
        contender.name,
        servers,
        100 * used / (time.monotonic() - began),
        process.memory_info().rss / 2**20,
    )
