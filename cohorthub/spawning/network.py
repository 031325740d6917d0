"""The students' network: no traffic between servers, and only two doors on the host.

Docker's own options keep servers apart (``enable_icc=false``) and from the internet
(``internal``). Neither closes the host itself: whatever listens there on all addresses would
answer a student. So the host's firewall gets a chain for packets that come in from this network:
the hub's API and the release repository are open, all else is refused.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

import docker.errors

from cohorthub.problems import ConfigurationError, Problem
from cohorthub.spawning.engine import Engine

log = logging.getLogger(__name__)

LABEL = "org.cohorthub.hub"
_ICC = "com.docker.network.bridge.enable_icc"
_BRIDGE = "com.docker.network.bridge.name"
_FIREWALL_SECONDS = 20


@dataclass(frozen=True)
class StudentNetwork:
    """A network as the engine has it: its name, the host's address on it, the host's interface."""

    name: str
    gateway: str
    subnet: str
    interface: str


def network_name(prefix: str) -> str:
    """Return the name of the network of the hub with this prefix."""
    return f"{prefix}-students"


def _interface(name: str) -> str:
    # Linux takes 15 characters at most.
    return "chub-" + hashlib.sha256(name.encode()).hexdigest()[:8]


def ensure_network(engine: Engine, prefix: str, *, internet: bool) -> StudentNetwork:
    """Return the students' network, made where it is missing.

    Raises :class:`~cohorthub.problems.ConfigurationError` when a network of that name exists with
    other options, and :class:`docker.errors.DockerException` without an engine.
    """
    name = network_name(prefix)
    client = engine.client
    try:
        found = client.inspect_network(name)
    except docker.errors.NotFound:
        client.create_network(
            name,
            driver="bridge",
            internal=not internet,
            options={_ICC: "false", _BRIDGE: _interface(name)},
            labels={LABEL: prefix},
        )
        found = client.inspect_network(name)
    options = found.get("Options") or {}
    if bool(found["Internal"]) == internet or options.get(_ICC) != "false":
        raise ConfigurationError(
            [
                Problem(
                    "container engine",
                    f"network {name}",
                    f"internal={found['Internal']}, icc={options.get(_ICC, 'true')}",
                    f"internal={not internet}, icc=false. Stop all servers, then run: "
                    f"docker network rm {name}",
                )
            ]
        )
    ipam = found["IPAM"]["Config"][0]
    return StudentNetwork(
        name=name,
        gateway=ipam["Gateway"],
        subnet=ipam["Subnet"],
        interface=options.get(_BRIDGE, _interface(name)),
    )


def firewall_rules(network: StudentNetwork, ports: Sequence[int]) -> str:
    """Return the chain for packets from the network to the host, for ``iptables-restore``."""
    chain = firewall_chain(network)
    doors = ",".join(str(port) for port in ports)
    return "\n".join(
        [
            "*filter",
            f":{chain} - [0:0]",
            f"-A {chain} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
            f"-A {chain} -d {network.gateway}/32 -p tcp -m multiport --dports {doors} -j ACCEPT",
            f"-A {chain} -j REJECT",
            "COMMIT",
            "",
        ]
    )


def firewall_chain(network: StudentNetwork) -> str:
    """Return the name of the network's chain."""
    return "COHORTHUB-" + network.interface.removeprefix("chub-").upper()


def close_host(network: StudentNetwork, ports: Sequence[int]) -> bool:
    """Let servers on ``network`` reach only ``ports`` of the host's address on it.

    Returns whether the rules stand. Without the right to change them (they need root) it says in
    the log what is open and which command closes it, and returns False.
    """
    program = shutil.which("iptables", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    by_hand = "sudo .venv/hub/bin/cohorthub network guard"
    if program is None or os.geteuid() != 0:
        log.warning(
            "Students' servers can reach whatever listens on all of this machine's addresses, "
            "because only root can change its firewall. To close it, run: %s",
            by_hand,
        )
        return False
    chain = firewall_chain(network)
    jump = ["INPUT", "-i", network.interface, "-j", chain]
    try:
        # The whole chain is replaced in one transaction: there is no moment without it.
        _firewall([f"{program}-restore", "--noflush", "-w", "5"], firewall_rules(network, ports))
        if not _firewall([program, "-w", "5", "-C", *jump], check=False):
            _firewall([program, "-w", "5", "-I", *jump])
    except (subprocess.SubprocessError, OSError) as exc:
        log.warning("The firewall refused the students' rules (%s). Run: iptables -S INPUT", exc)
        return False
    return True


def open_host(network: StudentNetwork) -> None:
    """Take the network's rules away again; nothing happens where there are none."""
    program = shutil.which("iptables", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if program is None or os.geteuid() != 0:
        return
    chain = firewall_chain(network)
    _firewall(
        [program, "-w", "5", "-D", "INPUT", "-i", network.interface, "-j", chain], check=False
    )
    _firewall([program, "-w", "5", "-F", chain], check=False)
    _firewall([program, "-w", "5", "-X", chain], check=False)


def _firewall(command: Sequence[str], text: str | None = None, *, check: bool = True) -> bool:
    done = subprocess.run(
        command,
        input=text,
        text=True,
        capture_output=True,
        timeout=_FIREWALL_SECONDS,
        check=False,
    )
    if check and done.returncode:
        raise subprocess.SubprocessError(f"{command[0]}: {done.stderr.strip()}")
    return done.returncode == 0
