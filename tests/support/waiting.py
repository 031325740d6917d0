"""The one bounded wait of the suite."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(look: Callable[[], T], seconds: float, what: str, every: float = 0.1) -> T:
    """Call ``look`` until it returns something true, and return that.

    Raises AssertionError, naming ``what``, after ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what}; last seen: {seen!r}")
        time.sleep(every)
