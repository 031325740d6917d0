"""Self-check cells: they say in a sentence what is right or what to look at next.

    with checking("Exercise 2: the sigmoid"):
        expect_close(sigmoid(torch.tensor(0.0)), 0.5, "sigmoid(0) should be one half")

An exercise that has not been begun raises its own ``NotImplementedError`` through the check,
so that the traceback shows the line where the student's code belongs.
"""

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch


class CheckFailed(AssertionError):
    """A self-check that did not pass; its message is a sentence for the student."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback: the sentence says it all."""
        return textwrap.wrap(f"✗ {self}", 90, subsequent_indent="  ")


@contextmanager
def checking(title: str) -> Iterator[None]:
    """Runs the expectations inside and prints one line when all of them hold.

    Anything that goes wrong becomes a ``CheckFailed`` with a sentence, except the
    ``NotImplementedError`` of an exercise that still waits.
    """
    try:
        yield
    except NotImplementedError:
        raise
    except CheckFailed as exc:
        raise CheckFailed(f"{title}: {exc}") from None
    except NameError as exc:
        missing = exc.name or (re.findall(r"'(\w+)'", str(exc)) or ["something"])[0]
        raise CheckFailed(
            f"{title}: there is no `{missing}` yet. Finish the exercise above, run its cell, "
            "then run this one again."
        ) from None
    except Exception as exc:
        raise CheckFailed(f"{title}: your code stopped with {type(exc).__name__}: {exc}") from exc
    print(f"✓ {title}")


def expect(condition: object, sentence: str) -> None:
    """Fails with the sentence unless the condition holds."""
    if not condition:
        raise CheckFailed(sentence)


def expect_shape(tensor: Any, shape: Sequence[int], what: str) -> None:
    """Fails unless ``what`` is a tensor (or array) of this shape."""
    if not hasattr(tensor, "shape"):
        raise CheckFailed(f"{what} should be a tensor, not {_kind(tensor)}.")
    if tuple(tensor.shape) != tuple(shape):
        raise CheckFailed(
            f"{what} should have the shape {tuple(shape)}, but it has {tuple(tensor.shape)}."
        )


def expect_close(got: Any, wanted: Any, sentence: str, *, tolerance: float = 1e-4) -> None:
    """Fails with the sentence unless both are the same numbers, to an absolute or relative
    ``tolerance``; the message shows both when they are short."""
    if got is None:
        raise CheckFailed(f"{sentence} Yours gives None: is there a `return`?")
    try:
        ours = torch.as_tensor(got).detach().cpu().double()
        theirs = torch.as_tensor(wanted).detach().cpu().double()
    except (TypeError, ValueError, RuntimeError):
        raise CheckFailed(f"{sentence} Yours is {_kind(got)}, which holds no numbers.") from None
    if ours.shape != theirs.shape:
        raise CheckFailed(
            f"{sentence} Yours has the shape {tuple(ours.shape)}, "
            f"it should be {tuple(theirs.shape)}."
        )
    if not torch.allclose(ours, theirs, rtol=tolerance, atol=tolerance):
        values = ""
        if ours.numel() <= 4:
            values = f" Yours gives {_numbers(ours)}, it should be {_numbers(theirs)}."
        raise CheckFailed(f"{sentence}{values}")


def _kind(value: object) -> str:
    if value is None:
        return "None (is there a `return`?)"
    return f"a {type(value).__name__}"


def _numbers(tensor: torch.Tensor) -> str:
    render: Callable[[float], str] = "{:.4g}".format
    values = [render(value) for value in tensor.flatten().tolist()]
    return values[0] if tensor.ndim == 0 else f"[{', '.join(values)}]"
