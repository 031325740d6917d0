"""What a student's process may not do, and what is not in the image."""

import os
import re
import stat
import subprocess
from pathlib import Path

#: Where a student may write. /dev holds the terminal and shared memory, /proc the process itself.
WRITABLE = ("/home/student", "/tmp", "/dev", "/proc", "/smoke")


def image_files(top="/"):
    """Yield the path and status of everything on the image's own file system."""
    device = Path("/").stat().st_dev
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if Path(folder, name).lstat().st_dev == device]
        for name in [*folders, *files]:
            path = Path(folder, name)
            yield str(path), path.lstat()


def test_process_is_an_ordinary_user():
    assert os.getuid() >= 1000
    status = Path("/proc/self/status").read_text()
    assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)


def test_nothing_outside_home_and_tmp_can_be_written():
    writable = [
        path
        for path, status in image_files()
        if not path.startswith(WRITABLE)
        and not stat.S_ISLNK(status.st_mode)
        and os.access(path, os.W_OK)
    ]
    assert writable == []


def test_no_program_takes_another_users_rights():
    bits = stat.S_ISUID | stat.S_ISGID
    assert [p for p, s in image_files() if stat.S_ISREG(s.st_mode) and s.st_mode & bits] == []


def test_environment_belongs_to_root_and_is_readable_by_all():
    wrong = [
        path
        for path, status in image_files("/opt/course")
        if not stat.S_ISLNK(status.st_mode)
        and (status.st_uid or status.st_gid or status.st_mode & 0o022 or not status.st_mode & 0o004)
    ]
    assert wrong == []


def test_home_can_be_written_by_whatever_id_is_given():
    probe = Path.home() / "probe"
    probe.write_text("mine")
    probe.unlink()


def test_no_secret_and_no_cache_is_left():
    names = re.compile(
        r"\.(whl|key|p12|pfx)$|/id_(rsa|ed25519|ecdsa)|/\.(netrc|pypirc|docker)$|"
        r"/(pip|uv)-?cache|/\.cache/"
    )
    found = [
        path
        for path, _ in image_files()
        if names.search(path)
        and not path.startswith(("/home/student", "/tmp", "/usr/share/python-wheels"))
        # The key of Tornado's own tests, published with it.
        and not path.endswith("/tornado/test/test.key")
    ]
    assert found == []
    assert not [p for p in Path("/var/lib/apt/lists").glob("*") if p.is_file()]
    suspicious = re.compile(r"password|secret|token|credential", re.IGNORECASE)
    assert [name for name in os.environ if suspicious.search(name)] == []


def test_git_carries_no_identity_and_trusts_no_folder():
    settings = subprocess.run(
        ["git", "config", "--system", "--list"], capture_output=True, text=True, check=True
    ).stdout
    assert "init.defaultbranch=main" in settings
    for word in ("user.", "safe.directory", "credential", "http."):
        assert word not in settings


def test_time_zone_is_the_one_given():
    clock = subprocess.run(
        ["date", "+%Z"],
        env={**os.environ, "TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert clock.stdout.strip() == "JST"


def test_text_is_unicode():
    assert os.environ["LANG"] == "C.UTF-8"
    assert Path(os.fsdecode("ü✓".encode())).name == "ü✓"
