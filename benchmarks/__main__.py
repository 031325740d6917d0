"""``make bench``: measures both contenders in one run and writes benchmarks/results.md."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks.clicks import Clicks, measure_clicks
from benchmarks.contenders import Contender, ours, plain
from benchmarks.idle import Idle, measure_idle
from benchmarks.spawns import Spawns, spawn_at_once, stop_all
from cohorthub.spawning.admission import cores
from tests.support.browser import launch


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(
    contender: Contender, counts: list[int], repeat: int, idle_seconds: float
) -> tuple[list[Spawns], Idle | None]:
    """Measure one contender: each count of simultaneous spawns, then its idle hub."""
    results = []
    idle = None
    # The first start of all warms the disk's cache for both contenders alike; it is not counted.
    spawn_at_once(contender, 1, "warmup")
    stop_all(contender)
    for count in counts:
        rounds = repeat if count == 1 else 1
        times: list[float] = []
        for number in range(rounds):
            spawned = spawn_at_once(contender, count, f"s{count}r{number}x")
            times += spawned.seconds
            if count == max(counts) and idle_seconds:
                idle = measure_idle(contender, idle_seconds)
            stop_all(contender)
        result = Spawns(contender.name, count * rounds if count == 1 else count, times)
        results.append(result)
        say(f"{contender.name}: {count} at once: {result}")
    return results, idle


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def seconds(value: float | None) -> str:
    return "—" if value is None else f"{value:.1f} s"


def report(spawns: list[Spawns], idles: list[Idle], clicks: Clicks | None, times: int) -> str:
    memory = 0
    with Path("/proc/meminfo").open() as info:
        memory = int(info.readline().split()[1]) // 2**20
    parts = [
        "# Measured",
        "",
        f"`make bench`, {datetime.now(UTC):%Y-%m-%d}: {cores()} cores, {memory} GiB, "
        f"{platform.release()}. Both hubs ran in the same run, one after the other, with the same "
        "image; the plain one is JupyterHub with DockerSpawner's default settings.",
        "",
        "## Servers asked for at the same moment",
        "",
        table(
            ["hub", "at once", "ready", "median", "last"],
            [
                [
                    s.contender,
                    "1" if s.asked <= times else str(s.asked),
                    f"{s.ready} of {s.asked}",
                    seconds(s.median),
                    seconds(s.last),
                ]
                for s in sorted(spawns, key=lambda s: (s.asked, s.contender))
            ],
        ),
    ]
    if clicks:
        parts += [
            "",
            "## From the click on the Day 1 link to the rendered notebook",
            "",
            "A signed-in student in headless Chromium on the same machine. Cold: no server, empty "
            "home, empty browser cache. Warm: the same link again.",
            "",
            table(
                ["click", "times", "median", "slowest"],
                [
                    [
                        "cold",
                        str(len(clicks.cold)),
                        seconds(clicks.cold_median),
                        seconds(max(clicks.cold)),
                    ],
                    [
                        "warm",
                        str(len(clicks.warm)),
                        seconds(clicks.warm_median),
                        seconds(max(clicks.warm)),
                    ],
                ],
            ),
        ]
    if idles:
        parts += [
            "",
            "## The hub's own process while servers idle",
            "",
            table(
                ["hub", "servers", "processor", "memory"],
                [
                    [
                        i.contender,
                        str(i.servers),
                        f"{i.cpu_percent:.1f} % of a core",
                        f"{i.memory_mib:.0f} MiB",
                    ]
                    for i in idles
                ],
            ),
        ]
    return "\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--counts", default="1,10,30")
    parser.add_argument("--repeat", type=int, default=5, help="rounds of the single spawn")
    parser.add_argument("--clicks", type=int, default=10)
    parser.add_argument("--idle", type=float, default=30.0, help="seconds")
    parser.add_argument("--only", choices=["ours", "plain"])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results.md")
    options = parser.parse_args()
    counts = [int(part) for part in options.counts.split(",") if part]
    spawns: list[Spawns] = []
    idles: list[Idle] = []
    clicks: Clicks | None = None
    contenders: dict[str, Callable[[Path], Any]] = {"ours": ours, "plain": plain}
    for name, context in contenders.items():
        if options.only not in {None, name}:
            continue
        with tempfile.TemporaryDirectory() as folder, context(Path(folder)) as contender:
            if counts:
                measured, idle = measure(contender, counts, options.repeat, options.idle)
                spawns += measured
                idles += [idle] if idle else []
            if name == "ours" and options.clicks:
                with sync_playwright() as playwright:
                    browser = launch(playwright)
                    clicks = measure_clicks(contender, browser, options.clicks)
                    browser.close()
                say(f"clicks: {clicks}")
    text = report(spawns, idles, clicks, options.repeat)
    options.out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
