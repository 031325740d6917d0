"""The firewall's chain says exactly which doors are open."""

from pathlib import Path

import pytest

from cohorthub.spawning.network import StudentNetwork, close_host, firewall_chain, firewall_rules

NETWORK = StudentNetwork("x-students", "172.30.0.1", "172.30.0.0/16", "chub-0a1b2c3d")


def test_two_doors_and_then_nothing() -> None:
    rules = firewall_rules(NETWORK, [8081, 8082]).splitlines()
    assert rules[0] == "*filter"
    assert rules[-1] == "COMMIT"
    accepted = [rule for rule in rules if rule.endswith("-j ACCEPT")]
    assert len(accepted) == 2
    assert "-d 172.30.0.1/32 -p tcp -m multiport --dports 8081,8082" in accepted[1]
    assert rules[-2] == f"-A {firewall_chain(NETWORK)} -j REJECT"


def test_a_chains_name_is_short_enough() -> None:
    assert len(firewall_chain(NETWORK)) <= 28


def test_without_the_right_it_says_what_is_open_and_which_command_closes_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert close_host(NETWORK, [8081]) is False
    assert "cohorthub network guard" in caplog.text
