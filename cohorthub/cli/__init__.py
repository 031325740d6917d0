"""The ``cohorthub`` command."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rich.console import Console

from cohorthub.problems import ConfigurationError

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def project_root() -> Path:
    """Return the checkout: ``$COHORTHUB_ROOT``, else the folder above this package."""
    return Path(os.environ.get("COHORTHUB_ROOT") or Path(__file__).parents[2]).resolve()


def main() -> None:
    """Run the command line; configuration problems are printed as sentences, without a trace."""
    import docker.errors

    from cohorthub.cli.app import app
    from cohorthub.course import CourseError
    from cohorthub.course.links import LinkError
    from cohorthub.hub.processes import StartFailed
    from cohorthub.materials.release_repository import ReleaseError
    from cohorthub.spawning.images import ImageError

    try:
        app()
    except (
        ConfigurationError,
        CourseError,
        LinkError,
        StartFailed,
        ImageError,
        ReleaseError,
        docker.errors.DockerException,
    ) as exc:
        errors.print(str(exc), style="red", markup=False, soft_wrap=True)
        sys.exit(1)
