"""Settings: typed, refused with file, key, found and expected, and documented from one place."""

from pathlib import Path

import pytest

from cohorthub.problems import ConfigurationError
from cohorthub.settings import Settings, load_settings, reference, size_in_bytes


def load(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "hub.yml"
    file.write_text(text)
    return load_settings(file, root=tmp_path)


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text)
    return [str(problem) for problem in caught.value.problems]


def test_without_a_file_the_defaults_hold_and_paths_start_at_the_root(tmp_path: Path) -> None:
    settings = load_settings(root=tmp_path)
    assert settings.address == "http://127.0.0.1:8000"
    assert settings.state_dir == tmp_path / ".cohorthub"
    assert settings.data == tmp_path / ".cohorthub" / "data"


def test_the_file_wins_over_defaults_and_the_environment_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "port: 8100\ndocker:\n  prefix: spring\n"
    assert load(tmp_path, text).docker.prefix == "spring"
    monkeypatch.setenv("COHORTHUB_DOCKER__PREFIX", "autumn")
    settings = load(tmp_path, text)
    assert (settings.port, settings.docker.prefix) == (8100, "autumn")


@pytest.mark.parametrize(
    ("text", "where", "key", "found", "expected"),
    [
        ("prot: 8100\n", "hub.yml:1", "prot", "unknown key", "'port'"),
        ("address: x\n\nport: many\n", "hub.yml:3", "port", "'many'", "whole number"),
        ("port: 70000\n", "hub.yml:1", "port", "70000", "at most 65535"),
        ("address: hub.example.org\n", "hub.yml:1", "address", "hub.example.org", "web address"),
        ("address: http://a/b\n", "hub.yml:1", "address", "http://a/b", "without a path"),
        ("docker:\n  imagee: x\n", "hub.yml:2", "docker.imagee", "unknown key", "'image'"),
        (
            "profiles:\n  gpu: {memory: lots}\ndefault_profile: gpu\n",
            "hub.yml:2",
            "profiles.gpu.memory",
            "'lots'",
            "512M or 4G",
        ),
        ("default_profile: gpu\n", "hub.yml:1", "default_profile", "'gpu'", "cpu"),
        ("port: 8001\n", "hub.yml", "proxy_api_port", "8001", "another port"),
        ("bind_ip: 0.0.0.0\n", "hub.yml:1", "bind_ip", "0.0.0.0", "127.0.0.1"),
        ("spawner: podman\n", "hub.yml:1", "spawner", "'podman'", "'docker'"),
        ("port: 1\nport: 2\n", "hub.yml:2", "port", "", ""),
        ("- a\n", "hub.yml:1", "", "no keys", "mapping"),
        ("port: [\n", "hub.yml", "", "", ""),
    ],
)
def test_bad_values_are_refused_with_file_line_key_found_and_expected(
    tmp_path: Path, text: str, where: str, key: str, found: str, expected: str
) -> None:
    said = problems(tmp_path, text)
    assert any(
        where in line and key in line and found in line and expected in line for line in said
    ), said


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, "prot: 1\nspawner: podman\nlog_level: LOUD\n")) == 3


def test_a_missing_named_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COHORTHUB_CONFIG", str(tmp_path / "nowhere.yml"))
    with pytest.raises(ConfigurationError, match=r"nowhere\.yml"):
        load_settings(root=tmp_path)


def test_unknown_and_bad_variables_are_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COHORTHUB_PROT", "8100")
    monkeypatch.setenv("COHORTHUB_PORT", "many")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(root=tmp_path)
    said = str(caught.value)
    assert "COHORTHUB_PROT" in said
    assert "environment: COHORTHUB_PORT: found 'many'" in said


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    said = problems(tmp_path, "user_password: secret\n")
    assert any("user_password" in line for line in said)
    assert not any("'secret'" in line for line in said)


def test_every_setting_has_a_description_and_a_variable() -> None:
    rows = reference()
    assert len({key for key, *_ in rows}) == len(rows)
    assert all(description for *_, description in rows)
    assert ("docker.prefix", "COHORTHUB_DOCKER__PREFIX") in {(k, v) for k, v, *_ in rows}


@pytest.mark.parametrize(("size", "expected"), [("1K", 1024), ("512M", 512 << 20), ("4G", 4 << 30)])
def test_sizes(size: str, expected: int) -> None:
    assert size_in_bytes(size) == expected
