"""Smoke tests: they run INSIDE the image, as a student, under a student's limits, with no network.

    python -m pytest -p no:cacheprovider /smoke

The folder is mounted at /smoke and the image's lock at /smoke-lock; nothing of either is in the
image.
"""

import re
from pathlib import Path

LOCK = Path("/smoke-lock/requirements.lock")


def locked_packages():
    """Return name and version of every package of the lock."""
    return re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", LOCK.read_text(), re.MULTILINE)


def pytest_generate_tests(metafunc):
    """Give a test that asks for a ``package`` each of the lock's."""
    if "package" in metafunc.fixturenames:
        packages = locked_packages()
        metafunc.parametrize("package", packages, ids=[name for name, _ in packages])
