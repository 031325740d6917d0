"""What an image is made from, and the wheelhouse; no engine is needed here."""

import gc
import os
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import docker.errors
import pytest
import requests

from cohorthub.spawning import image_base, image_build
from cohorthub.spawning.image_source import (
    ImageError,
    ImageSource,
    context_archive,
    context_files,
    inputs_hash,
    read_lock,
)
from cohorthub.spawning.images import find_image, image_names
from cohorthub.spawning.wheelhouse import ensure_wheelhouse, missing_packages
from tests.support.wheels import lock_entry, make_wheel

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An image's folder beside a base."""
    base, folder = tmp_path / "images" / "base", tmp_path / "images" / "small"
    for made in (base, folder / "bin"):
        made.mkdir(parents=True)
    (base / "Dockerfile").write_text("ARG DEBIAN\nFROM ${DEBIAN}\n")
    (base / ".dockerignore").write_text("*\n!Dockerfile\n")
    (base / "README.md").write_text("About the base.\n")
    (base / "install-environment.sh").write_text("exit 0\n")
    (folder / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nCOPY bin/ /bin/\n")
    (folder / ".dockerignore").write_text("# comment\n*\n!Dockerfile\n!bin\n**/*.pyc\n")
    (folder / "bin" / "tool").write_text("#!/bin/sh\n")
    (folder / "bin" / "tool").chmod(0o700)
    (folder / "bin" / "old.pyc").write_bytes(b"\0")
    (folder / "bin" / "data").write_text("1\n")
    (folder / "README.md").write_text("About the image.\n")
    (folder / "requirements.lock").write_text("one==1.0 --hash=sha256:" + "1" * 64 + "\n")
    return folder


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


class TestInputs:
    @pytest.mark.parametrize(
        "part",
        [
            "small/Dockerfile",
            "small/bin/tool",
            "small/requirements.lock",
            "base/Dockerfile",
            "base/install-environment.sh",
        ],
    )
    def test_change_of_what_goes_in_changes_the_hash(self, folder: Path, part: str) -> None:
        before = inputs_hash(folder)
        append(folder.parent / part, "# changed\n")
        assert inputs_hash(folder) != before

    @pytest.mark.parametrize("part", ["small/README.md", "small/bin/old.pyc", "base/README.md"])
    def test_change_of_anything_else_does_not(self, folder: Path, part: str) -> None:
        before = inputs_hash(folder)
        append(folder.parent / part, "changed\n")
        os.utime(folder / "bin" / "tool", (0, 0))
        assert inputs_hash(folder) == before

    def test_new_file_moved_file_and_program_bit_change_the_hash(self, folder: Path) -> None:
        seen = {inputs_hash(folder)}
        (folder / "bin" / "more").write_text("1\n")
        seen.add(inputs_hash(folder))
        (folder / "bin" / "more").rename(folder / "bin" / "renamed")
        seen.add(inputs_hash(folder))
        (folder / "bin" / "renamed").chmod(0o755)
        seen.add(inputs_hash(folder))
        assert len(seen) == 4

    def test_base_reference_changes_the_hash(self, folder: Path) -> None:
        pinned = "debian:bookworm-slim@sha256:" + "a" * 64
        assert inputs_hash(folder, pinned) != inputs_hash(folder)

    def test_checkouts_access_rights_do_not_reach_the_image(self, folder: Path) -> None:
        content = context_archive(context_files(folder))
        with tarfile.open(fileobj=BytesIO(content)) as archive:
            members = {member.name: member for member in archive.getmembers()}
        assert sorted(members) == ["Dockerfile", "bin", "bin/data", "bin/tool"]
        modes = {name: member.mode for name, member in members.items()}
        assert modes == {"Dockerfile": 0o644, "bin": 0o755, "bin/data": 0o644, "bin/tool": 0o755}
        assert {(member.uid, member.gid) for member in members.values()} == {(0, 0)}

    def test_same_files_are_the_same_archive(self, folder: Path) -> None:
        before = context_archive(context_files(folder))
        os.utime(folder / "bin" / "tool", (0, 0))
        assert context_archive(context_files(folder)) == before


class TestFolder:
    def test_every_folder_but_the_base_is_an_image(self, folder: Path) -> None:
        assert image_names(folder.parent) == ("small",)

    def test_folder_without_dockerfile_is_refused(self, folder: Path) -> None:
        with pytest.raises(ImageError, match=r"no Dockerfile\. Run: ls "):
            ImageSource(folder.parent / "missing")

    def test_name_that_no_image_may_have_is_refused(self, folder: Path) -> None:
        wrong = folder.rename(folder.parent / "Small Image")
        with pytest.raises(ImageError, match="small letters"):
            ImageSource(wrong)

    @pytest.mark.parametrize("reference", ["debian:bookworm-slim", "debian@sha256:12"])
    def test_base_without_digest_is_refused(self, folder: Path, reference: str) -> None:
        with pytest.raises(ImageError, match="must name a digest"):
            ImageSource(folder, reference)


class TestLock:
    def test_packages_have_version_and_every_hash(self, tmp_path: Path) -> None:
        lock = tmp_path / "requirements.lock"
        lock.write_text(
            f"# made\none-thing==1.0 \\\n    --hash=sha256:{'1' * 64} \\\n"
            f"    --hash=sha256:{'2' * 64}\n    # via other\n"
            f"other==2.0rc1 --hash=sha256:{'3' * 64}\n"
        )
        one, other = read_lock(lock)
        assert (one.name, one.version, one.hashes) == ("one-thing", "1.0", {"1" * 64, "2" * 64})
        assert (other.name, other.version, other.hashes) == ("other", "2.0rc1", {"3" * 64})
        assert "via" not in one.text + other.text

    @pytest.mark.parametrize("entry", ["one>=1.0 --hash=sha256:" + "1" * 64, "one==1.0", "-e ."])
    def test_entry_that_pins_nothing_is_refused(self, tmp_path: Path, entry: str) -> None:
        lock = tmp_path / "requirements.lock"
        lock.write_text(entry + "\n")
        with pytest.raises(ImageError, match=r"no exact version or no hash\. Run: make lock"):
            read_lock(lock)

    def test_missing_lock_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ImageError, match="Run: make lock"):
            read_lock(tmp_path / "requirements.lock")

    def test_hub_and_image_have_the_same_jupyterhub(self) -> None:
        def version(lock: Path) -> str:
            return next(p.version for p in read_lock(lock) if p.name == "jupyterhub")

        hub = version(ROOT / "requirements" / "hub.lock")
        for lock in (ROOT / "images").glob("*/requirements.lock"):
            assert version(lock) == hub, f"{lock}: the hub has {hub}. Run: make lock"

    def test_every_requirement_has_its_reason(self) -> None:
        for listed in (ROOT / "images").glob("*/requirements.in"):
            for line in listed.read_text().splitlines():
                assert not line or "#" in line, f"{listed}: {line} needs a reason"


class TestWheelhouse:
    @pytest.fixture
    def index(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A folder that pip takes packages from, and no network."""
        folder = tmp_path / "index"
        folder.mkdir()
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        return folder

    @pytest.fixture
    def said(self) -> list[str]:
        return []

    def ensure(self, lock: Path, said: list[str]) -> Path:
        wheelhouse = lock.parent / "wheelhouse"
        ensure_wheelhouse(lock, wheelhouse, Path(sys.executable), said.append)
        return wheelhouse

    def test_downloads_what_is_missing_and_then_nothing(
        self, index: Path, tmp_path: Path, said: list[str]
    ) -> None:
        lock = tmp_path / "requirements.lock"
        entries = [lock_entry(make_wheel(index, f"package{n}")) for n in range(12)]
        lock.write_text("".join(entries))
        wheelhouse = self.ensure(lock, said)
        assert len(list(wheelhouse.glob("*.whl"))) == 12
        assert said[0] == "Wheelhouse: 12 of 12 packages to download"
        assert said[-1] == "Wheelhouse: 12 of 12 downloaded"
        said.clear()
        self.ensure(lock, said)
        assert said == []

    def test_torn_wheel_is_fetched_again(
        self, index: Path, tmp_path: Path, said: list[str]
    ) -> None:
        lock = tmp_path / "requirements.lock"
        first, second = make_wheel(index, "first"), make_wheel(index, "second")
        lock.write_text(lock_entry(first) + lock_entry(second))
        wheelhouse = self.ensure(lock, said)
        torn = wheelhouse / first.name
        torn.write_bytes(torn.read_bytes()[:100])
        assert [p.name for p in missing_packages(read_lock(lock), wheelhouse)] == ["first"]
        said.clear()
        self.ensure(lock, said)
        assert torn.read_bytes() == first.read_bytes()
        assert said[0] == "Wheelhouse: 1 of 2 packages to download"

    def test_wheel_that_is_not_the_locks_is_refused(
        self, index: Path, tmp_path: Path, said: list[str]
    ) -> None:
        lock = tmp_path / "requirements.lock"
        lock.write_text(lock_entry(make_wheel(index, "package"), digest="0" * 64))
        with pytest.raises(ImageError) as refused:
            self.ensure(lock, said)
        assert "not what" in str(refused.value)
        assert "0" * 64 in str(refused.value)
        assert "pip cache purge" in str(refused.value)

    def test_package_that_the_index_lacks_is_named(
        self, index: Path, tmp_path: Path, said: list[str]
    ) -> None:
        lock = tmp_path / "requirements.lock"
        lock.write_text("absent==1.0 --hash=sha256:" + "1" * 64 + "\n")
        with pytest.raises(ImageError, match=r"absent==1\.0.*Run: make lock"):
            self.ensure(lock, said)

    def test_interpreter_that_is_not_there_is_named(self, index: Path, tmp_path: Path) -> None:
        lock = tmp_path / "requirements.lock"
        lock.write_text(lock_entry(make_wheel(index, "package")))
        with pytest.raises(ImageError, match="no-python cannot be run"):
            ensure_wheelhouse(lock, tmp_path / "wheelhouse", tmp_path / "no-python")


class TestEngine:
    # docker-py drops the socket that could not connect without closing it.
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_absent_engine_is_a_sentence_with_a_command(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
        with pytest.raises(ImageError, match=r"No container engine answers .* Run: docker info"):
            find_image("course", "0" * 64)
        gc.collect()

    @pytest.mark.parametrize(
        ("error", "command"),
        [
            (OSError("write /x: no space left on device"), "docker system df"),
            (requests.exceptions.ConnectionError("refused"), "docker info"),
            (docker.errors.DockerException("PermissionError(13, 'Permission denied')"), "usermod"),
            (docker.errors.APIError("conflict"), "journalctl -u docker"),
        ],
    )
    def test_what_the_engine_says_names_a_command(self, error: Exception, command: str) -> None:
        assert command in image_build.explain(error)

    def test_bootstrap_needs_its_tool(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        with pytest.raises(ImageError, match="sudo apt-get install mmdebstrap"):
            image_base.bootstrap_archive(Path("debian.tar"))

    def test_failed_bootstrap_says_why(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tool = tmp_path / "mmdebstrap"
        tool.write_text("#!/bin/sh\necho 'E: no mirror answers' >&2\nexit 25\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        with pytest.raises(ImageError, match=r"no mirror answers\).*Run: "):
            image_base.bootstrap_archive(tmp_path / "debian.tar")
