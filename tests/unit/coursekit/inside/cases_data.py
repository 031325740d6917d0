"""Data sets: torchvision's layout where it is there and whole, else a stand-in that says so."""

import gzip
import pickle
from pathlib import Path

import coursekit as ck
import numpy as np
import pytest
import torch
from torchvision import datasets


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.delenv("COURSE_SMOKE", raising=False)
    return tmp_path


def write_mnist(root: Path, name: str = "MNIST", *, packed: bool = False) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    folder = root / name / "raw"
    folder.mkdir(parents=True)
    arrays = {
        "train-images-idx3-ubyte": rng.integers(0, 256, (30, 28, 28), np.uint8),
        "train-labels-idx1-ubyte": rng.integers(0, 10, 30, np.uint8),
        "t10k-images-idx3-ubyte": rng.integers(0, 256, (12, 28, 28), np.uint8),
        "t10k-labels-idx1-ubyte": rng.integers(0, 10, 12, np.uint8),
    }
    for file, array in arrays.items():
        head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        content = head + array.tobytes()
        if packed:
            (folder / f"{file}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / file).write_bytes(content)
    return arrays


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "KMNIST"])
@pytest.mark.parametrize("packed", [False, True])
def test_the_real_thing(root, capsys, name, packed):
    arrays = write_mnist(root, name, packed=packed)
    data = ck.get_dataset(name)
    assert not data.stand_in
    assert data.image_shape == (1, 28, 28)
    assert data.train_images.dtype == torch.float32
    assert data.train_labels.dtype == torch.int64
    expected = torch.from_numpy(arrays["t10k-images-idx3-ubyte"]).float() / 255
    assert torch.equal(data.test_images[:, 0], expected)
    assert data.train_labels.tolist() == arrays["train-labels-idx1-ubyte"].tolist()
    assert capsys.readouterr().out == f"{name} from {root}: 30 to train, 12 to test.\n"


def test_it_reads_what_torchvision_reads(root):
    write_mnist(root)
    theirs = datasets.MNIST(root, train=True, download=False)
    ours = ck.get_dataset("mnist")
    assert torch.equal((ours.train_images[:, 0] * 255).round().byte(), theirs.data)
    assert torch.equal(ours.train_labels, theirs.targets)
    assert list(ours.classes) == [name.split(" ")[0] for name in theirs.classes]


def test_cifar10(root, capsys):
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    rng = np.random.default_rng(0)
    names = [*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]
    rows = {name: rng.integers(0, 256, (4, 3072), np.uint8) for name in names}
    for name, pixels in rows.items():
        content = {b"data": pixels, b"labels": [1, 2, 3, 4]}
        (folder / name).write_bytes(pickle.dumps(content))
    data = ck.get_dataset("CIFAR10")
    assert (data.image_shape, len(data.train_labels), data.stand_in) == ((3, 32, 32), 20, False)
    last = torch.from_numpy(rows["data_batch_5"][3]).reshape(3, 32, 32).float() / 255
    assert torch.equal(data.train_images[-1], last)
    assert "20 to train, 4 to test" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "shape", "says"),
    [
        ("MNIST", (1, 28, 28), "scikit-learn's digits, enlarged, 1,437 to train, 360 to test"),
        ("FashionMNIST", (1, 28, 28), "drawn shapes in grey, 4,000 to train, 1,000 to test"),
        ("CIFAR10", (3, 32, 32), "drawn shapes in colour, 4,000 to train, 1,000 to test"),
    ],
)
def test_a_stand_in_has_the_same_interface_and_says_what_it_is(capsys, name, shape, says):
    data = ck.get_dataset(name)
    assert data.stand_in
    assert data.image_shape == shape
    for images, labels in (
        (data.train_images, data.train_labels),
        (data.test_images, data.test_labels),
    ):
        assert images.dtype == torch.float32
        assert labels.dtype == torch.int64
        assert 0 <= images.min() < 0.1 < 0.9 < images.max() <= 1
        counts = torch.bincount(labels, minlength=10)
        assert len(counts) == len(data.classes) == 10
        assert counts.min() > 0.07 * len(labels)
    line = capsys.readouterr().out
    assert line == f"{name} is not on this server. Stand-in: {says}.\n"
    assert len(line) < 110


def test_no_image_is_both_trained_on_and_tested():
    data = ck.get_dataset("MNIST")
    train = {image.numpy().tobytes() for image in data.train_images}
    assert not any(image.numpy().tobytes() in train for image in data.test_images)


def test_a_stand_in_is_the_same_each_time():
    first, second = ck.get_dataset("FashionMNIST"), ck.get_dataset("FashionMNIST")
    assert torch.equal(first.train_images, second.train_images)
    assert torch.equal(first.train_labels, second.train_labels)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda raw: (raw / "t10k-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03"), ""),
        (
            lambda raw: (raw / "train-images-idx3-ubyte").write_bytes(
                (raw / "train-images-idx3-ubyte").read_bytes()[:-1]
            ),
            "train-images-idx3-ubyte has not the length it states",
        ),
        (
            lambda raw: (raw / "train-labels-idx1-ubyte").write_bytes(b"<html>"),
            "train-labels-idx1-ubyte does not begin as it should",
        ),
        (
            lambda raw: (raw / "train-labels-idx1-ubyte").write_bytes(
                (raw / "t10k-labels-idx1-ubyte").read_bytes()
            ),
            "train: 30 images but 12 labels",
        ),
    ],
)
def test_damaged_data_are_named_and_replaced(root, capsys, damage, says):
    write_mnist(root)
    damage(root / "MNIST" / "raw")
    assert ck.get_dataset("MNIST").stand_in
    line = capsys.readouterr().out
    assert line.startswith("MNIST is damaged on this server (")
    assert "please tell your teacher" in line
    assert says in line


def test_a_damaged_archive_is_replaced(root, capsys):
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    for n in range(1, 6):
        (folder / f"data_batch_{n}").write_bytes(b"no pickle")
    assert ck.get_dataset("CIFAR10").stand_in
    assert "is damaged" in capsys.readouterr().out


def test_sizes_are_chosen_once_and_for_all(root):
    write_mnist(root)
    some, again = (ck.get_dataset("MNIST", train_size=9, test_size=5) for _ in range(2))
    assert (len(some.train_labels), len(some.test_labels)) == (9, 5)
    assert torch.equal(some.train_images, again.train_images)
    everything = ck.get_dataset("MNIST", train_size=1000)
    assert len(everything.train_labels) == 30


def test_smoke_takes_few(monkeypatch):
    monkeypatch.setenv("COURSE_SMOKE", "1")
    data = ck.get_dataset("FashionMNIST", train_size=3000)
    assert (len(data.train_labels), len(data.test_labels)) == (2000, 500)


def test_an_unknown_name(root):
    with pytest.raises(ValueError, match="no data set 'ImageNet' here: take one of MNIST"):
        ck.get_dataset("ImageNet")
