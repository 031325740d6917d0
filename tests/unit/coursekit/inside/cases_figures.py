"""Figures: words for every one, colours apart for every eye, and nothing left open."""

import itertools
import random

import coursekit as ck
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib.colors import to_rgb


def linear(colour):
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """The contrast ratio as the Web Content Accessibility Guidelines define it."""
    light = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (light[1] + 0.05) / (light[0] + 0.05)


def lab(rgb):
    """CIE L*a*b* of linear sRGB, for daylight."""
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = to_xyz @ rgb / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# What is left of linear sRGB for eyes without one kind of cone (Machado and others, 2009).
EYES = {
    "all cones": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}


@pytest.mark.parametrize("eye", EYES)
def test_the_first_four_colours_stay_apart(eye):
    seen = [lab(np.clip(EYES[eye] @ linear(colour), 0, 1)) for colour in ck.COLOURS[:4]]
    for one, other in itertools.combinations(seen, 2):
        assert np.linalg.norm(one - other) > 20


def test_lines_and_words_stand_out_from_the_paper():
    assert contrast(ck.INK, ck.PAPER) > 7
    assert all(contrast(colour, ck.PAPER) >= 3 for colour in ck.COLOURS)


def test_no_two_lines_look_the_same_without_colour():
    ck.style()
    cycle = list(plt.rcParams["axes.prop_cycle"])
    assert [entry["color"] for entry in cycle] == list(ck.COLOURS)
    assert len({str(entry["linestyle"]) for entry in cycle[:4]}) == 4


@pytest.fixture
def shell():
    """A notebook's Python: figures are shown through its display hook."""
    ck.style()
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def test_a_figure_is_an_image_with_words(shell):
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    with capture_output() as captured:
        ck.show(figure, 'A line that rises, "steadily".')
    (output,) = captured.outputs
    assert 'alt="A line that rises, &quot;steadily&quot;."' in output.data["text/html"]
    assert output.data["text/html"].startswith('<img src="data:image/png;base64,')
    assert output.data["text/plain"] == 'A line that rises, "steadily".'
    assert plt.get_fignums() == []


def test_the_same_figure_gives_the_same_bytes(shell):
    def drawn():
        figure, axes = plt.subplots()
        axes.plot([1, 2, 4])
        with capture_output() as captured:
            ck.show(figure, "A curve.")
        return captured.outputs[0].data["text/html"]

    assert drawn() == drawn()


def test_without_a_notebook_the_words_are_printed(capsys):
    ck.show(plt.figure(), "Nothing at all.")
    assert capsys.readouterr().out == "Nothing at all.\n"


def test_live_curves(shell):
    with capture_output() as captured, ck.LiveCurves("loss") as curves:
        for epoch in range(5):
            curves.add(training=1 / (epoch + 1), validation=2.0)
    assert curves.history == {"training": [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5], "validation": [2.0] * 5}
    last = captured.outputs[-1].data
    assert last["text/plain"] == "loss for each epoch: training ends at 0.2; validation ends at 2."
    assert plt.get_fignums() == []


def test_live_curves_without_a_notebook(capsys):
    with ck.LiveCurves("loss") as curves:
        curves.add(training=1.0)
    assert "training ends at 1" in capsys.readouterr().out


def test_a_confusion_matrix_says_its_commonest_mistake(capsys):
    ck.show_confusion(torch.tensor([[5, 0, 3], [0, 8, 0], [1, 0, 7]]), ["a", "b", "c"])
    assert capsys.readouterr().out == (
        "Confusion matrix of 3 classes: 83.3% lie on the diagonal; the commonest mistake is a "
        "taken for c, 3 times.\n"
    )


def test_a_confusion_matrix_without_mistakes(capsys):
    ck.show_confusion(np.eye(2, dtype=int), ["a", "b"])
    assert "100.0% lie on the diagonal.\n" in capsys.readouterr().out


@pytest.mark.parametrize("constant", [False, True])
def test_a_boundary_is_drawn_even_where_there_is_none(capsys, constant):
    points = torch.rand(20, 2)

    def probability(x):
        return torch.full((len(x),), 0.9) if constant else torch.sigmoid(9 * (x[:, 0] - 0.5))

    ck.show_boundary(probability, points, (points[:, 0] > 0.5).float(), alt="A boundary.")
    assert capsys.readouterr().out == "A boundary.\n"


def test_the_boundary_lies_where_the_probability_is_one_half():
    figure, axes = plt.subplots()
    points = torch.tensor([[0.0, 0.0], [4.0, 2.0]])
    ck.show_boundary(lambda x: torch.sigmoid(x[:, 0] - 3), points, torch.tensor([0, 1]), axes=axes)
    line = axes.collections[1].get_paths()[0].vertices
    assert np.allclose(line[:, 0], 3, atol=0.05)
    plt.close(figure)


def test_images_with_and_without_titles(capsys):
    ck.show_images(torch.rand(3, 1, 8, 8), ["a", "b", "c"], alt="Three.")
    ck.show_images(torch.rand(9, 3, 8, 8), columns=4, alt="Nine.")
    assert capsys.readouterr().out == "Three.\nNine.\n"


# --- the machine -----------------------------------------------------------------------------


def test_seeds():
    def draw():
        return random.random(), np.random.rand(), torch.rand(1).item()

    ck.seed_everything(3)
    first = draw()
    ck.seed_everything(3)
    assert draw() == first
    assert draw() != first


def test_the_device_is_named(capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert ck.device() == torch.device("cpu")
    line = capsys.readouterr().out
    assert line.startswith("Device: CPU, ")
    assert len(line) < 110

    class Card:
        name = "Some Card"
        total_memory = 80 * 2**30

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: Card)
    assert ck.device() == torch.device("cuda")
    assert "GPU, Some Card with 80 GB" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "wanted"), [("1", True), ("0", False), ("", False), (None, False)]
)
def test_smoke(monkeypatch, value, wanted):
    monkeypatch.delenv("COURSE_SMOKE", raising=False)
    if value is not None:
        monkeypatch.setenv("COURSE_SMOKE", value)
    assert ck.smoke() is wanted
