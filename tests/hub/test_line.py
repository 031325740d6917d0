"""A class that clicks together: in order of arrival, each told their place, and all get in."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

import pytest

from cohorthub.spawning.engine import Engine
from tests.support.hub import PREFIX, at_once, running_hub
from tests.support.waiting import wait_until

pytestmark = pytest.mark.docker


def test_six_with_one_start_at_a_time(engine: Engine, tmp_path: Path) -> None:
    docker = {"prefix": f"{PREFIX}-line-{os.getpid()}"}
    profiles = {"cpu": {"memory": "1G", "cpus": 2}}
    with running_hub(
        tmp_path, "docker", docker=docker, profiles=profiles, start={"at_once": 1}
    ) as hub:
        students = [hub.student(f"s{number}") for number in range(6)]
        told: dict[str, list[str]] = {}
        watchers = []

        def arrived(name: str) -> bool:
            student = next(item for item in students if item.name == name)
            model = student.model()
            return bool(model.get("pending") or model.get("server"))

        def watch(name: str, events: list[str]) -> None:
            student = next(item for item in students if item.name == name)
            events.extend(event["message"] for event in student.progress(120))

        for student in students:
            # Each as soon as the one before has arrived, so that the order is known. The request
            # itself is answered only after a second or so.
            asking = threading.Thread(target=student.ask_for_server)
            asking.start()
            watchers.append(asking)
            wait_until(lambda name=student.name: arrived(name), 20, student.name, every=0.02)
            told[student.name] = []
            watcher = threading.Thread(target=watch, args=(student.name, told[student.name]))
            watcher.start()
            watchers.append(watcher)
        for student in students:
            wait_until(student.ready, 120, student.name)
        for watcher in watchers:
            watcher.join(30)

        places = {
            name: [
                int(found[1]) for text in texts if (found := re.search(r"number (\d+) in", text))
            ]
            for name, texts in told.items()
        }
        # The last one was told every place from theirs on down to the first.
        assert places["s5"][0] >= 3
        assert places["s5"] == sorted(places["s5"], reverse=True)
        assert places["s5"][-1] == 1
        assert any("Your turn comes in" in text for text in told["s5"])
        assert all("Server ready" in texts[-1] for texts in told.values())
        # In order of arrival: the hub's log names each server as it answers.
        answered = re.findall(r"-(s\d) answered after", hub.log)
        assert answered == [student.name for student in students]
        assert "Too many users" not in hub.log


def test_who_leaves_the_line_makes_room(engine: Engine, tmp_path: Path) -> None:
    docker = {"prefix": f"{PREFIX}-leave-{os.getpid()}"}
    with running_hub(tmp_path, "docker", docker=docker, start={"at_once": 1}) as hub:
        first, second, third = (hub.student(name) for name in ("a1", "b2", "c3"))
        first.ask_for_server()
        second.ask_for_server()
        third.ask_for_server()
        second.stop()
        at_once([lambda: wait_until(third.ready, 90, "third")], 100)
        assert not second.model().get("server")
        second.start()
