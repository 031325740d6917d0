"""What a student's container is, and what stays when it goes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.container import container_of, run_inside
from tests.support.hub import Hub, Student

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def ada(hub: Hub) -> Iterator[Student]:
    student = hub.student("ada")
    student.start()
    yield student
    student.stop()


def test_the_limits_of_the_profile_hold(hub: Hub, ada: Student) -> None:
    host = container_of(hub, "ada")["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == 1 << 30
    assert host["CpuQuota"] == 1.5 * host["CpuPeriod"]
    assert host["PidsLimit"] == 300
    assert host["ShmSize"] == 256 << 20
    assert host["Init"] is True
    status, said = run_inside(hub, "ada", "df -k /dev/shm | tail -1 | awk '{print $2}'")
    assert (status, said.strip()) == (0, str(256 << 10))


def test_nobody_in_it_can_become_more(hub: Hub, ada: Student) -> None:
    host = container_of(hub, "ada")["HostConfig"]
    assert host["Privileged"] is False
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert "no-new-privileges" in host["SecurityOpt"]
    _, said = run_inside(hub, "ada", "id -u; grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/1/status")
    none = "0" * 16
    assert said.split() == ["1000", "CapEff:", none, "CapBnd:", none, "NoNewPrivs:", "1"]


def test_no_engine_socket_and_no_way_out_of_the_home(hub: Hub, ada: Student) -> None:
    mounts = {mount["Destination"]: mount for mount in container_of(hub, "ada")["Mounts"]}
    assert set(mounts) == {"/home/student", "/data"}
    assert mounts["/home/student"]["Type"] == "volume"
    assert mounts["/data"]["RW"] is False
    for place in ("/opt/course/x", "/data/x", "/usr/local/x", "/etc/x"):
        status, _ = run_inside(hub, "ada", f"touch {place}")
        assert status != 0, place


def test_the_image_is_an_id_and_nothing_is_pulled(hub: Hub, ada: Student) -> None:
    config = container_of(hub, "ada")
    assert config["Config"]["Image"].startswith("sha256:")
    assert "ulling" not in hub.log


def test_it_is_made_anew_at_each_start_and_the_home_stays(hub: Hub) -> None:
    student = hub.student("grace")
    student.start()
    first = container_of(hub, "grace")["Id"]
    run_inside(hub, "grace", "echo kept > ~/note; echo lost > /tmp/note")
    student.stop()
    assert hub.network()  # the engine still answers; the container is gone:
    with pytest.raises(Exception, match="No such container"):
        container_of(hub, "grace")
    student.start()
    assert container_of(hub, "grace")["Id"] != first
    assert run_inside(hub, "grace", "cat ~/note") == (0, "kept\n")
    assert run_inside(hub, "grace", "cat /tmp/note")[0] != 0
    student.stop()


def test_the_server_is_the_pinned_one_and_trains(hub: Hub, ada: Student) -> None:
    lock = (hub.settings.proxy_dir.parent / "images/course/requirements.lock").read_text()
    script = (
        "import json, torch, torchvision, jupyterhub, jupyterlab, nbgitpuller\n"
        "x = torch.randn(64, 4); y = (x.sum(1) > 0).float()\n"
        "net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))\n"
        "opt = torch.optim.Adam(net.parameters(), 0.05)\n"
        "loss = torch.nn.BCEWithLogitsLoss()\n"
        "first = loss(net(x).squeeze(1), y).item()\n"
        "for _ in range(50):\n"
        "    opt.zero_grad(); now = loss(net(x).squeeze(1), y); now.backward(); opt.step()\n"
        "print(json.dumps([first, now.item(), torch.__version__.split('+')[0],\n"
        "    torchvision.__version__.split('+')[0], jupyterhub.__version__]))\n"
    )
    status, said = run_inside(hub, "ada", f"python - <<'END'\n{script}END")
    assert status == 0, said
    before, after, torch, torchvision, jupyterhub = json.loads(said.splitlines()[-1])
    assert after < before / 2
    for name, version in {
        "torch": torch,
        "torchvision": torchvision,
        "jupyterhub": jupyterhub,
    }.items():
        assert f"\n{name}=={version} " in lock


def test_a_profile_can_be_chosen_and_forged_options_are_refused(hub: Hub) -> None:
    student = hub.student("chooser")
    answer = student.ask_for_server({"profile": "small", "mem_limit": "64G"})
    assert answer.status_code == 400
    assert "mem_limit" in answer.json()["message"]
    answer = student.ask_for_server({"profile": "huge"})
    assert answer.status_code == 400
    assert "cpu, small" in answer.json()["message"]
    student.start(options={"profile": "small"})
    assert container_of(hub, "chooser")["HostConfig"]["Memory"] == 512 << 20
    student.stop()
