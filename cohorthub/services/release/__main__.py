"""``python -m cohorthub.services.release``: the service's process, started by the hub."""

import asyncio
import logging
import os
import sys

from cohorthub.problems import ConfigurationError
from cohorthub.services.release.configuration import Configuration
from cohorthub.services.release.serving import CannotListen, serve


def main() -> int:
    """Run the service until it is stopped; return the process's exit status."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # Below WARNING, Tornado's own loggers may quote what a client sent, and a header is a secret.
    for name in ("tornado.general", "tornado.application", "asyncio", "aiohttp"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        asyncio.run(serve(Configuration.from_environment(os.environ)))
    except (ConfigurationError, CannotListen) as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
