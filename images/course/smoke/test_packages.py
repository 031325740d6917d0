"""Every locked package is there at its locked version, imports, and is byte code already."""

import importlib
import importlib.metadata
import importlib.util
import site
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest
from conftest import locked_packages
from packaging.utils import canonicalize_name
from packaging.version import Version

SITE_PACKAGES = Path(sys.prefix, "lib", "python3.11", "site-packages")


def modules_of(name):
    """Return the importable top-level names that a package installs."""
    names = set()
    for file in importlib.metadata.distribution(name).files or ():
        path = PurePosixPath(file)
        if path.suffix == ".py" and len(path.parts) == 1:
            names.add(path.stem)
        elif path.name == "__init__.py" and len(path.parts) == 2:
            names.add(path.parts[0])
        elif path.suffix == ".so" and len(path.parts) == 1:
            names.add(path.name.split(".")[0])
    return sorted(names)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the packages' own affair
def test_package_imports_at_its_locked_version(package):
    name, version = package
    assert Version(importlib.metadata.version(name)) == Version(version)
    for module in modules_of(name):
        importlib.import_module(module)


def test_nothing_but_the_lock_is_installed():
    locked = {canonicalize_name(name) for name, _ in locked_packages()}
    installed = {
        canonicalize_name(distribution.metadata["Name"])
        for distribution in importlib.metadata.distributions(path=[str(SITE_PACKAGES)])
    }
    # pip comes with the environment; it is Debian's.
    assert installed - locked == {"pip"}


def test_requirements_fit_together():
    check = [sys.executable, "-m", "pip", "check", "--disable-pip-version-check"]
    assert subprocess.run(check, check=False).returncode == 0


def test_byte_code_is_there_and_never_checked_against_its_source():
    for module in ("torch", "jupyterlab", "jupyterhub.singleuser", "coursekit"):
        compiled = Path(importlib.util.find_spec(module).cached)
        flags = int.from_bytes(compiled.read_bytes()[4:8], "little")
        assert flags == 0b01, f"{compiled} is not unchecked-hash byte code"


def test_modules_are_the_images_own():
    import coursekit
    import torch

    for module in (torch, coursekit):
        assert Path(module.__file__).is_relative_to(SITE_PACKAGES)
    assert sys.prefix == "/opt/course"
    # A package in the home folder never takes a pinned one's place.
    assert site.ENABLE_USER_SITE is False
