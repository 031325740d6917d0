"""What the course's notebooks share: data, device, seeds, figures and self-checks.

Small on purpose: whatever a student should learn to write stands in the notebooks. Needs
numpy, torch, scikit-learn and matplotlib, and never uses the network.
"""

from coursekit.checks import CheckFailed, checking, expect, expect_close, expect_shape
from coursekit.data import ImageData, get_dataset
from coursekit.figures import COLOURS, INK, PAPER, LiveCurves, show, style
from coursekit.machine import device, seed_everything, smoke
from coursekit.plots import show_boundary, show_confusion, show_images

__all__ = [
    "COLOURS",
    "INK",
    "PAPER",
    "CheckFailed",
    "ImageData",
    "LiveCurves",
    "checking",
    "device",
    "expect",
    "expect_close",
    "expect_shape",
    "get_dataset",
    "seed_everything",
    "show",
    "show_boundary",
    "show_confusion",
    "show_images",
    "smoke",
    "style",
]
