"""The course's data sets: from the shared folder when they are there, else a stand-in.

The shared folder (``COURSE_DATA``, by default /data) is laid out as torchvision leaves it.
Nothing is ever downloaded. Where a data set is missing or damaged, ``get_dataset`` takes a
stand-in of the same shape and says so.
"""

import gzip
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from coursekit import standins
from coursekit.machine import smoke

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Arrays = tuple[Pixels, Labels, Pixels, Labels]

_SMOKE_SIZES = (2000, 500)

_DIGITS = tuple("0123456789")
_FASHION = (
    "T-shirt",
    "trousers",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
_KUZUSHIJI = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
_CIFAR10 = (
    "aeroplane",
    "car",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "lorry",
)


@dataclass(frozen=True, repr=False)
class ImageData:
    """Labelled images, cut into a training and a test part.

    Images are float32 from 0 to 1 in the shape (number, channels, height, width), labels
    int64 counted from 0. ``stand_in`` tells whether this is the data set of that ``name``.
    """

    name: str
    stand_in: bool
    classes: tuple[str, ...]
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        channels, height, width = self.train_images.shape[1:]
        return channels, height, width

    def __repr__(self) -> str:
        kind = f"stand-in for {self.name}" if self.stand_in else self.name
        return (
            f"<ImageData: {kind}, {len(self.train_labels):,} to train, "
            f"{len(self.test_labels):,} to test, images {self.image_shape}>"
        )


class _UnusableDataError(Exception):
    """The folder holds the data set, but not whole."""


def get_dataset(
    name: str, *, train_size: int | None = None, test_size: int | None = None
) -> ImageData:
    """MNIST, FashionMNIST, KMNIST or CIFAR10, or a stand-in; one printed line says which.

    ``train_size`` and ``test_size`` take that many images, chosen once and for all, where
    there are more. The course's own tests take few in any case. Raises ``ValueError`` for
    a name that is not known here.
    """
    kinds = {known.lower(): known for known in _KNOWN}
    if name.lower() not in kinds:
        raise ValueError(f"There is no data set {name!r} here: take one of {', '.join(_KNOWN)}.")
    name = kinds[name.lower()]
    read, classes, make_stand_in = _KNOWN[name]
    root = Path(os.environ.get("COURSE_DATA", "/data"))
    trouble = "is not on this server"
    arrays: Arrays | None = None
    try:
        arrays = read(root, name)
    except FileNotFoundError:
        pass
    except (_UnusableDataError, OSError, EOFError, ValueError, pickle.UnpicklingError) as exc:
        trouble = f"is damaged on this server ({exc}; please tell your teacher)"
    stand_in, about = arrays is None, ""
    if arrays is None:
        made = make_stand_in()
        arrays, classes, about = made.arrays, made.classes, made.about
    if smoke():
        train_size = min(train_size or _SMOKE_SIZES[0], _SMOKE_SIZES[0])
        test_size = min(test_size or _SMOKE_SIZES[1], _SMOKE_SIZES[1])
    data = ImageData(
        name,
        stand_in,
        classes,
        *_tensors(arrays[0], arrays[1], train_size),
        *_tensors(arrays[2], arrays[3], test_size),
    )
    counts = f"{len(data.train_labels):,} to train, {len(data.test_labels):,} to test"
    if stand_in:
        print(f"{name} {trouble}. Stand-in: {about}, {counts}.")
    else:
        print(f"{name} from {root}: {counts}.")
    return data


def _tensors(pixels: Pixels, labels: Labels, size: int | None) -> tuple[Tensor, Tensor]:
    if size is not None and size < len(labels):
        chosen = np.sort(np.random.default_rng(0).permutation(len(labels))[:size])
        pixels, labels = pixels[chosen], labels[chosen]
    return torch.from_numpy(pixels).float() / 255, torch.from_numpy(labels)


def _read_idx(folder: Path, stem: str) -> npt.NDArray[np.uint8]:
    """One file of the IDX format: 0, 0, type, number of axes, their lengths, the bytes."""
    plain, packed = folder / stem, folder / f"{stem}.gz"
    content = plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes())
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise _UnusableDataError(f"{stem} does not begin as it should")
    axes = content[3]
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", axes, offset=4))
    if len(content) != 4 + 4 * axes + int(np.prod(shape)):
        raise _UnusableDataError(f"{stem} has not the length it states")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape).copy()


def _read_mnist_like(root: Path, name: str) -> Arrays:
    folder = root / name / "raw"
    parts: list[npt.NDArray[np.uint8]] = []
    for part in ("train", "t10k"):
        images = _read_idx(folder, f"{part}-images-idx3-ubyte")
        labels = _read_idx(folder, f"{part}-labels-idx1-ubyte")
        if len(images) != len(labels):
            raise _UnusableDataError(f"{part}: {len(images)} images but {len(labels)} labels")
        parts += [images[:, None], labels]
    return parts[0], parts[1].astype(np.int64), parts[2], parts[3].astype(np.int64)


def _read_cifar10(root: Path, _name: str) -> Arrays:
    folder = root / "cifar-10-batches-py"

    def batch(file: str) -> tuple[Pixels, Labels]:
        with (folder / file).open("rb") as stream:
            # The admin's own read-only folder: as trusted as the server's programs.
            content = pickle.load(stream, encoding="bytes")  # noqa: S301
        try:
            pixels = np.asarray(content[b"data"], np.uint8).reshape(-1, 3, 32, 32)
            labels = np.asarray(content[b"labels"], np.int64)
        except (KeyError, TypeError) as exc:
            raise _UnusableDataError(f"{file} is no batch of images") from exc
        if len(pixels) != len(labels):
            raise _UnusableDataError(f"{file}: {len(pixels)} images but {len(labels)} labels")
        return pixels, labels

    batches = [batch(f"data_batch_{n}") for n in range(1, 6)]
    train = np.concatenate([b[0] for b in batches]), np.concatenate([b[1] for b in batches])
    return *train, *batch("test_batch")


_Reader = Callable[[Path, str], Arrays]
_KNOWN: dict[str, tuple[_Reader, tuple[str, ...], Callable[[], standins.StandIn]]] = {
    "MNIST": (_read_mnist_like, _DIGITS, standins.digits),
    "FashionMNIST": (_read_mnist_like, _FASHION, standins.grey_shapes),
    "KMNIST": (_read_mnist_like, _KUZUSHIJI, standins.grey_shapes),
    "CIFAR10": (_read_cifar10, _CIFAR10, standins.coloured_shapes),
}
