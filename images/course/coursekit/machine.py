"""What this server computes on, and how to make a run repeatable."""

import os
import random

import numpy as np
import torch


def smoke() -> bool:
    """True when the course's own tests run the notebook (``COURSE_SMOKE=1``): fewer epochs
    then, and no question of how good the result is."""
    return os.environ.get("COURSE_SMOKE", "") == "1"


def device() -> torch.device:
    """The device to compute on, after one line that says which it is and what that means."""
    if torch.cuda.is_available():
        found = torch.cuda.get_device_properties(0)
        print(
            f"Device: GPU, {found.name} with {found.total_memory / 2**30:.0f} GB of memory. "
            "Models and tensors go there with .to(device)."
        )
        return torch.device("cuda")
    threads = torch.get_num_threads()
    print(
        f"Device: CPU, {threads} thread{'s' if threads != 1 else ''} (this server has no GPU: "
        "all of it runs, large networks take longer)."
    )
    return torch.device("cpu")


def seed_everything(seed: int) -> None:
    """Sets the seeds of Python, NumPy and PyTorch, so that a run can be repeated.

    On a GPU, some operations add numbers in another order each time: results then agree to
    a few digits only.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
