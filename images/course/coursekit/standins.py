"""What takes the place of a data set that is not on the server: same shape, other pictures."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.nn.functional import interpolate, pad

SHAPES = (
    "disc",
    "ring",
    "square",
    "frame",
    "triangle",
    "plus",
    "cross",
    "stripes",
    "half-moon",
    "dots",
)

_SHAPES_TO_TRAIN = 4000
_SHAPES_TO_TEST = 1000


class StandIn(NamedTuple):
    """Pixels from 0 to 255 as (number, channels, height, width), labels, and words for them."""

    arrays: tuple[
        npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.int64]
    ]
    classes: tuple[str, ...]
    about: str


def digits() -> StandIn:
    """The handwritten digits that scikit-learn brings along, laid out like MNIST's: 20 × 20
    pixels in the middle of 28 × 28."""
    small, labels = load_digits(return_X_y=True)
    images = torch.tensor(small, dtype=torch.float32).reshape(-1, 1, 8, 8) * (255 / 16)
    large = interpolate(images, size=(20, 20), mode="bicubic").clamp(0, 255).round()
    pixels = pad(large, (4, 4, 4, 4)).to(torch.uint8).numpy()
    train_x, test_x, train_y, test_y = train_test_split(
        pixels, labels.astype(np.int64), test_size=0.2, random_state=0, stratify=labels
    )
    return StandIn(
        (train_x, train_y, test_x, test_y),
        tuple("0123456789"),
        "scikit-learn's digits, enlarged",
    )


def grey_shapes() -> StandIn:
    """Ten kinds of drawn shapes in one channel of 28 × 28 pixels."""
    return _shapes(size=28, channels=1, about="drawn shapes in grey")


def coloured_shapes() -> StandIn:
    """Ten kinds of drawn shapes in three channels of 32 × 32 pixels."""
    return _shapes(size=32, channels=3, about="drawn shapes in colour")


def _shapes(*, size: int, channels: int, about: str) -> StandIn:
    rng = np.random.default_rng(2025)
    count = _SHAPES_TO_TRAIN + _SHAPES_TO_TEST
    labels = np.arange(count, dtype=np.int64) % len(SHAPES)
    rng.shuffle(labels)
    axis = np.linspace(-1, 1, size)
    grid_y, grid_x = np.meshgrid(axis, axis, indexing="ij")

    def column(low: float, high: float) -> npt.NDArray[np.float64]:
        return rng.uniform(low, high, (count, 1, 1))

    angle, scale = column(-0.4, 0.4), column(0.5, 0.85)
    moved_x, moved_y = grid_x - column(-0.2, 0.2), grid_y - column(-0.2, 0.2)
    x = (np.cos(angle) * moved_x + np.sin(angle) * moved_y) / scale
    y = (np.cos(angle) * moved_y - np.sin(angle) * moved_x) / scale
    masks = np.zeros((count, size, size), bool)
    for label in range(len(SHAPES)):
        chosen = labels == label
        masks[chosen] = _mask(SHAPES[label], x[chosen], y[chosen])
    back = rng.uniform(0, 0.45, (count, channels, 1, 1))
    front = rng.uniform(0.55, 1, (count, channels, 1, 1))
    noise = rng.normal(0, 0.08, (count, channels, size, size))
    images = np.where(masks[:, None], front, back) + noise
    pixels = (images.clip(0, 1) * 255).round().astype(np.uint8)
    cut = _SHAPES_TO_TRAIN
    return StandIn((pixels[:cut], labels[:cut], pixels[cut:], labels[cut:]), SHAPES, about)


def _mask(
    shape: str, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    radius, reach = np.hypot(x, y), np.maximum(abs(x), abs(y))
    masks = {
        "disc": radius < 0.9,
        "ring": (radius < 0.95) & (radius > 0.6),
        "square": reach < 0.8,
        "frame": (reach < 0.85) & (reach > 0.5),
        "triangle": (y < 0.7) & (y > 1.7 * abs(x) - 0.8),
        "plus": (reach < 0.9) & (np.minimum(abs(x), abs(y)) < 0.25),
        "cross": (radius < 1) & (abs(abs(x) - abs(y)) < 0.3),
        "stripes": (reach < 0.9) & (np.sin(y * 9) > 0),
        "half-moon": (radius < 0.9) & (np.hypot(x - 0.4, y) > 0.7),
        "dots": (reach < 0.95) & (np.hypot(abs(x) - 0.5, abs(y) - 0.5) < 0.3),
    }
    return masks[shape]
