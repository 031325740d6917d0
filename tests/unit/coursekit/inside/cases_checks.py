"""Self-checks: a tick, a sentence, or the stub's own NotImplementedError."""

import coursekit as ck
import pytest
import torch


def failure(action) -> str:
    with pytest.raises(ck.CheckFailed) as failed, ck.checking("Exercise 9"):
        action()
    return str(failed.value)


def test_a_tick(capsys):
    with ck.checking("Exercise 9"):
        ck.expect(1 + 1 == 2, "no")
        ck.expect_close([1, 2], torch.tensor([1.0, 2.0]), "no")
        ck.expect_shape(torch.zeros(2, 3), (2, 3), "It")
    assert capsys.readouterr().out == "✓ Exercise 9\n"


def test_nothing_is_ticked_when_it_fails(capsys):
    failure(lambda: ck.expect(False, "no"))
    assert capsys.readouterr().out == ""


def test_a_stub_comes_through():
    def stub():
        raise NotImplementedError("Do it.")

    with pytest.raises(NotImplementedError, match=r"^Do it\."), ck.checking("Exercise 9"):
        stub()


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        (lambda: ck.expect(0, "It should be one."), "It should be one."),
        (lambda: undefined_name, "there is no `undefined_name` yet. Finish the exercise"),  # noqa: F821
        (lambda: 1 / 0, "your code stopped with ZeroDivisionError: division by zero"),
        (
            lambda: ck.expect_close(torch.tensor(0.25), 0.5, "One half."),
            "One half. Yours gives 0.25, it should be 0.5.",
        ),
        (
            lambda: ck.expect_close([1.0, 3], [1.0, 2], "Both."),
            "Both. Yours gives [1, 3], it should be [1, 2].",
        ),
        (lambda: ck.expect_close(torch.ones(9), torch.zeros(9), "Zeros."), "Zeros."),
        (lambda: ck.expect_close(None, 1, "One."), "One. Yours gives None: is there a `return`?"),
        (lambda: ck.expect_close("a", 1, "One."), "One. Yours is a str, which holds no numbers."),
        (
            lambda: ck.expect_close(torch.ones(2), torch.ones(3), "Three."),
            "Three. Yours has the shape (2,), it should be (3,).",
        ),
        (lambda: ck.expect_close(float("nan"), 1.0, "One."), "One. Yours gives nan"),
        (
            lambda: ck.expect_shape(torch.zeros(3, 2), (2, 3), "The batch"),
            "The batch should have the shape (2, 3), but it has (3, 2).",
        ),
        (
            lambda: ck.expect_shape(None, (2,), "The batch"),
            "The batch should be a tensor, not None (is there a `return`?).",
        ),
    ],
)
def test_a_sentence(action, sentence):
    assert failure(action).startswith(f"Exercise 9: {sentence}")


def test_tolerance():
    ck.expect_close(1.05, 1.0, "no", tolerance=0.1)
    assert failure(lambda: ck.expect_close(1.05, 1.0, "no"))


def test_gradients_and_integers_are_compared_by_value():
    ck.expect_close(torch.ones(2, requires_grad=True), [1, 1], "no")


def test_ipython_shows_the_sentence_alone():
    lines = ck.CheckFailed("Exercise 9: " + "word " * 40)._render_traceback_()
    assert lines[0].startswith("✗ Exercise 9: word")
    assert len(lines) > 1
    assert max(map(len, lines)) <= 90
