# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Day {{session.day}}, {{session.part}} · {{session.title}}
#
# This morning you build the smallest thing that learns, one neuron, with pencil-and-paper
# numbers. By noon it has grown into a network that reads handwritten digits. Nothing in
# between is magic, and you will have written every part of it yourself.
#
# **Afterwards you can**
#
# 1. find your way around your own server on the hub,
# 2. compute what a neuron answers, and how its weights should change, by hand,
# 3. say why one neuron is not enough and what a hidden layer adds,
# 4. write the training loop of a PyTorch network and explain each line,
# 5. read loss curves and a confusion matrix.
#
# **How to work with this notebook.** Run a cell with <kbd>Shift</kbd>+<kbd>Enter</kbd>.
# Cells that wait for you say `raise NotImplementedError(...)` with a sentence: put your code
# in its place. A cell that begins with `with ck.checking(...)` tests the exercise above it and
# answers with a tick or with a sentence. Where it says *Think*, decide on an answer *before you
# unfold ours*: a prediction that turns out wrong teaches more than an answer that was read.

# %% [markdown]
# ## 0 · A short tour of the hub
#
# You are on a server of your own: nobody else sees your files, and nothing that you do here can
# break anything for anybody else. So try things out.
#
# | You wonder … | The hub's answer |
# |:--|:--|
# | **Where are my files?** | In your *home folder*, the folder at the top of the file browser on the left. This notebook is in `{{course.slug}}/{{session.folder}}`. |
# | **What is kept?** | Everything in your home folder, also when the server stops. |
# | **What is not kept?** | Everything outside of it: temporary files, packages installed into the system. And *variables*: they live in the memory of the running kernel only. |
# | **Is there a GPU?** | The second code cell below says which device you have. |
# | **I broke this notebook. How do I get a fresh one?** | Rename it (to keep your attempt) or delete it, then click this session's link again: the original comes back. |
# | **The teachers corrected something. Do I lose my work?** | No. Click the link again: corrections arrive, and lines that you edited stay as you wrote them. |
# | **Where are the solutions?** | In the same folder: `{{session.solutions}}`. They are there from the start: look when you are stuck, not before. |
# | **I went for lunch and the server is gone!** | A server that idles for long is stopped, so that others get its place. Click the link again; your files are as you left them. Then choose *Run ▸ Run All Above Selected Cell* to get your variables back. |
# | **Something behaves oddly.** | *Kernel ▸ Restart Kernel…* and run from the top. Cells run out of order are the commonest reason. |

# %%
import math
import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_moons
from torch.utils.data import DataLoader, TensorDataset

import coursekit as ck

ck.style()
ck.seed_everything(1)

# %%
DEVICE = ck.device()
print(f"Home folder (kept): {Path.home()}")
print(f"This notebook's folder: {Path.cwd()}")
print(f"Free space: {shutil.disk_usage(Path.home()).free / 2**30:.0f} GB")
print(f"PyTorch {torch.__version__}")

# %% [markdown]
# One more thing before we begin. A notebook is not read from top to bottom by the computer:
# the *kernel* remembers what you ran, in the order in which you ran it.
#
# **Think · Run the next cell three times. What will it say after *Kernel ▸ Restart Kernel…*?**

# %%
runs = globals().get("runs", 0) + 1
print(f"This cell ran {runs} time{'s' if runs > 1 else ''} since the kernel started.")

# %% [markdown]
# ## 1 · One neuron, by hand
#
# **Idea.** A neuron listens to several inputs, gives each of them a *weight*, adds
# everything up and answers with one number. Frank Rosenblatt built one in 1958 out of
# motors and potentiometers and called it a perceptron [1].
#
# Ours shall warn of landslides. It is told two things about a hillside:
#
# - $x_1$, yesterday's rain in centimetres,
# - $x_2$, the slope's steepness in tens of degrees.
#
# It computes
#
# $$ z = w_1 x_1 + w_2 x_2 + b, \qquad a = \sigma(z) = \frac{1}{1 + e^{-z}} $$
#
# | symbol | name | in words |
# |:--|:--|:--|
# | $x_i$ | input | what the neuron is told |
# | $w_i$ | weight | how much input $i$ counts; below zero, it counts *against* |
# | $b$ | bias | the vote that the neuron casts before it is told anything |
# | $z$ | weighted sum (pre-activation) | all votes together, any number at all |
# | $\sigma$ | activation function, here the sigmoid | squeezes $z$ between 0 and 1 |
# | $a$ | activation, output | the neuron's answer: how likely a landslide is |
#
# **With numbers.** Take $w_1 = 0.8$, $w_2 = 0.5$, $b = -3$, and a slope of 30° after 2 cm of
# rain, so $x_1 = 2$ and $x_2 = 3$:
#
# $$ z = 0.8 \cdot 2 + 0.5 \cdot 3 - 3 = 0.1, \qquad a = \frac{1}{1 + e^{-0.1}} \approx 0.525 $$
#
# A little above one half: the neuron leans towards a warning, and is not at all sure.
#
# ### Exercise 1 · The neuron in plain Python


# %% id="neuron-by-hand"
def weighted_sum(x, w, b):
    """The sum z. `x` and `w` are lists of the same length, `b` is a number."""
    # === solution: Multiply each input by its weight, add the products up, add the bias. ===
    total = b
    for x_i, w_i in zip(x, w):
        total = total + w_i * x_i
    return total
    # === end ===


def sigmoid(z):
    """The activation a, a number between 0 and 1."""
    # === solution: Write the sigmoid as in the formula above, with math.exp. ===
    return 1 / (1 + math.exp(-z))
    # === end ===


# %% [markdown] tags=["hint"]
# `zip(x, w)` walks through both lists side by side: `for x_i, w_i in zip(x, w): ...`.
# Begin with `total = b` and add to it.

# %% tags=["check"]
with ck.checking("Exercise 1: a neuron by hand"):
    ck.expect_close(weighted_sum([2, 3], [0.8, 0.5], -3), 0.1, "The worked example has z = 0.1.")
    ck.expect_close(weighted_sum([1, 1, 1], [1, 2, 3], 0), 6.0, "Three inputs should work too.")
    ck.expect_close(sigmoid(0.0), 0.5, "sigmoid(0) is one half.")
    ck.expect_close(sigmoid(0.1), 0.52498, "sigmoid(0.1) is about 0.525.")

# %% [markdown]
# Why squeeze at all? The weighted sum can be any number; a probability cannot. And, as we
# shall see in section 3, without some bend in it a network of many neurons would be worth no
# more than one. Four bends that people have used:

# %%
z = torch.linspace(-4, 4, 401)
activations = {
    "step (Rosenblatt)": (z > 0).float(),
    "sigmoid": torch.sigmoid(z),
    "tanh": torch.tanh(z),
    "ReLU": torch.relu(z),
}
figure, panels = plt.subplots(1, 4, figsize=(9, 2.5), sharey=True)
for axes, (name, a), colour in zip(panels, activations.items(), ck.COLOURS):
    axes.plot(z, a, color=colour, linestyle="-")
    axes.set(title=name, xlabel="z", ylim=(-1.3, 2.3))
panels[0].set_ylabel("a")
ck.show(
    figure,
    "Four activation functions of z from -4 to 4. The step jumps from 0 to 1 at z = 0. The "
    "sigmoid rises smoothly from 0 to 1, tanh from -1 to 1. ReLU is 0 on the left and the "
    "straight line a = z on the right.",
)

# %% [markdown]
# **Think · Which of the four can you not learn with if you learn by following slopes?**
#
# <details><summary>Our answer</summary>
#
# The step. Its slope is zero everywhere (and missing at 0), so it never says in which
# direction to change a weight. ReLU has a similar trouble on its left half only: a neuron
# whose $z$ is below zero for *every* example gets no slope at all, a "dead" one.
#
# </details>
#
# ### Where does the neuron change its mind?
#
# At $a = 0.5$, that is at $z = 0$. In the plane of the two inputs
#
# $$ w_1 x_1 + w_2 x_2 + b = 0 $$
#
# is a straight line, the **decision boundary**. The vector $(w_1, w_2)$ stands at a right
# angle to it and points to the side of the warnings.
#
# Here are 200 made-up hillsides. Triangles had a landslide.

# %%
ck.seed_everything(2)
hills = torch.rand(200, 2) * 6  # rain in cm, slope in tens of degrees
true_w, true_b = torch.tensor([0.6, 1.4]), torch.tensor(-6.0)
slid = torch.bernoulli(torch.sigmoid(hills @ true_w + true_b))

w, b = torch.tensor([0.8, 0.5]), torch.tensor(-3.0)
figure, axes = plt.subplots(figsize=(5.4, 4.4))
ck.show_boundary(lambda x: torch.sigmoid(x @ w + b), hills, slid, axes=axes)
middle = torch.tensor([3.0, 1.2])  # a point on the line
axes.annotate(
    "", middle + 1.3 * w, middle, arrowprops={"arrowstyle": "-|>", "color": ck.INK, "lw": 2}
)
axes.text(*(middle + 1.45 * w), "$w$", fontsize=14, bbox={"color": ck.PAPER, "pad": 1})
axes.set(xlabel="rain $x_1$ (cm)", ylabel="slope $x_2$ (10°)", aspect="equal")
ck.show(
    figure,
    "200 hillsides in the plane of rain and slope. A straight decision boundary falls steeply "
    "from the upper left to the lower right; the weight vector stands on it at a right angle "
    "and points to the upper right. The landslides fill the upper half of the plane, so that "
    "many hillsides on the lower right are warned of though nothing happened there.",
)

# %% [markdown]
# **Think · What happens to the line when … (a) all of $w_1, w_2, b$ are doubled, (b) only $b$ is
# made smaller, (c) $w_1$ is set to zero?** Change the numbers in the cell above and look.
#
# <details><summary>Our answer</summary>
#
# (a) The line stays where it is (both sides of $z = 0$ are doubled), but the colours change
# faster across it: the neuron is *surer*. (b) The line moves towards the warnings without
# turning: fewer warnings. (c) The line becomes horizontal: rain does not count any more.
#
# </details>
#
# ## 2 · How a neuron learns
#
# Our line is plainly too steep: it warns of rainy but gentle hillsides on which nothing
# happened. To move it without looking, the neuron needs two things: a number that says *how
# wrong* it is, and a direction that makes this number smaller.
#
# ### How wrong: the loss
#
# $$ L = -\big[\, y \log a + (1 - y) \log (1 - a) \,\big] $$
#
# with $y$ the truth (1: it slid, 0: it did not) and $a$ the neuron's answer. Only one of the
# two terms is ever there. This **binary cross-entropy** is the neuron's *surprise*: close to
# 0 when it was sure and right, and very large when it was sure and wrong.

# %%
a = torch.linspace(0.005, 0.995, 400)
figure, axes = plt.subplots(figsize=(6, 3.2))
axes.plot(a, -torch.log(a), label="it slid (y = 1)")
axes.plot(a, -torch.log(1 - a), label="it did not (y = 0)")
axes.set(xlabel="the neuron's answer a", ylabel="loss L")
axes.legend(loc="upper center")
ck.show(
    figure,
    "The loss against the answer a. If it slid, the loss falls from above 5 at a = 0 to 0 at "
    "a = 1; if it did not, the curve is the mirror image. Both are 0.69 at a = 0.5.",
)

# %% [markdown]
# ### Which way: the gradient
#
# How does $L$ change when $w_1$ changes a little? Follow the chain of dependence,
# $w_1 \to z \to a \to L$, and multiply the slopes along it, the **chain rule**:
#
# $$
# \frac{\partial L}{\partial w_1}
# = \underbrace{\frac{\partial L}{\partial a}}_{\frac{a - y}{a (1 - a)}} \cdot
#   \underbrace{\frac{\partial a}{\partial z}}_{a (1 - a)} \cdot
#   \underbrace{\frac{\partial z}{\partial w_1}}_{x_1}
# = (a - y)\, x_1
# $$
#
# Almost everything cancels. What is left can be read aloud: *the change is the error times
# the input*. For the bias, whose "input" is always 1, it is the error alone:
# $\partial L / \partial b = a - y$.
#
# **With numbers.** Our hillside, $x = (2, 3)$, had $a = 0.525$. Suppose that it did slide,
# $y = 1$. The error is $-0.475$, so $\partial L/\partial w_1 = -0.95$,
# $\partial L / \partial w_2 = -1.425$ and $\partial L / \partial b = -0.475$. All are
# negative: *raising* any of the three makes the loss smaller.
#
# ### Exercise 2 · The gradient by hand


# %% id="gradient-by-hand"
def gradient_by_hand(x, y, w, b):
    """The gradients of L for one example: a pair, first for w (a tensor), then for b."""
    a = torch.sigmoid((w * x).sum() + b)
    # === solution: Return both gradients as a pair: the error times the inputs, the error. ===
    mistake = a - y
    return mistake * x, mistake
    # === end ===


# %% tags=["check"]
with ck.checking("Exercise 2: the gradient by hand"):
    for_w, for_b = gradient_by_hand(
        torch.tensor([2.0, 3.0]), torch.tensor(1.0), torch.tensor([0.8, 0.5]), torch.tensor(-3.0)
    )
    ck.expect_close(
        for_w, [-0.9500, -1.4251], "The gradient for w should match the worked example."
    )
    ck.expect_close(for_b, -0.47502, "The gradient for b is the error a - y.")

# %% [markdown]
# ### The same by autograd
#
# Nobody wants to do this by hand for a million weights. PyTorch keeps a note of every
# operation that a tensor with `requires_grad=True` goes through; `backward()` reads the
# notes from the last to the first and multiplies the slopes along the way. That is
# **backpropagation**, made popular by Rumelhart, Hinton and Williams in 1986 [2].
#
# And there is a third way that needs no calculus at all: change one weight a very little
# and see what the loss does. It is far too slow for real networks, but nobody can argue
# with it.

# %%
x, y = torch.tensor([2.0, 3.0]), torch.tensor(1.0)
w = torch.tensor([0.8, 0.5], requires_grad=True)
b = torch.tensor(-3.0, requires_grad=True)


def loss_of(w, b):
    return F.binary_cross_entropy(torch.sigmoid((w * x).sum() + b), y)


loss_of(w, b).backward()  # fills w.grad and b.grad

with torch.no_grad():
    tiny = 1e-2
    nudged = [
        (loss_of(w + nudge, b) - loss_of(w - nudge, b)) / (2 * tiny)
        for nudge in tiny * torch.eye(2)
    ]
    by_hand, _ = gradient_by_hand(x, y, w, b)

print("                 dL/dw1    dL/dw2")
print("by hand        {:8.4f}  {:8.4f}".format(*by_hand.tolist()))
print("by autograd    {:8.4f}  {:8.4f}".format(*w.grad.tolist()))
print("by nudging     {:8.4f}  {:8.4f}".format(*[float(n) for n in nudged]))

# %% [markdown]
# ### Downhill: gradient descent
#
# The gradient points to where the loss *grows* fastest. So we go the other way, a little at
# a time, and with the average over all $N$ hillsides:
#
# $$ w \leftarrow w - \eta\, \frac{1}{N} \sum_{n=1}^{N} (a_n - y_n)\, x_n, \qquad
#    b \leftarrow b - \eta\, \frac{1}{N} \sum_{n=1}^{N} (a_n - y_n) $$
#
# Here $x_n$, $y_n$, $a_n$ belong to hillside $n$, and $\eta$ (eta) is the **learning rate**,
# the length of the step.
#
# ### Exercise 3 · One step downhill
#
# `X` holds one hillside a row, so it has the shape (200, 2), and `X @ w` computes all 200
# weighted sums in one go. No loop is needed.


# %% id="descent-step"
def descend(X, y, w, b, rate):
    """One step of gradient descent on all examples: the new w and the new b."""
    a = torch.sigmoid(X @ w + b)
    # === solution: Compute the mean gradients and return the changed w and b. ===
    mistakes = a - y
    new_w = w - rate * (X.T @ mistakes) / len(y)
    new_b = b - rate * mistakes.mean()
    return new_w, new_b
    # === end ===


# %% [markdown] tags=["hint"]
# `X.T @ mistakes` adds up "error times input" over all rows at once: `X.T` has the shape
# (2, 200) and the errors have the shape (200,). Do not forget to divide by the number of rows.

# %% tags=["check"]
with ck.checking("Exercise 3: one step downhill"):
    X2, y2 = torch.tensor([[2.0, 3.0], [1.0, 0.0]]), torch.tensor([1.0, 0.0])
    moved = descend(X2, y2, torch.tensor([0.8, 0.5]), torch.tensor(-3.0), rate=0.1)
    ck.expect(isinstance(moved, tuple) and len(moved) == 2, "Return two things: new w, new b.")
    ck.expect_close(moved[0], [0.84251, 0.57125], "The new w is not right yet.")
    ck.expect_close(moved[1], -2.98123, "The new b is not right yet.")

# %% [markdown]
# Now let it run. We start where we were, and look at the line after 0, 100 and 3000 steps.

# %%
w, b = torch.tensor([0.8, 0.5]), torch.tensor(-3.0)
losses, kept = [], {}
for step in range(3001):
    if step in (0, 100, 3000):
        kept[step] = (w, b)
    losses.append(F.binary_cross_entropy(torch.sigmoid(hills @ w + b), slid).item())
    w, b = descend(hills, slid, w, b, rate=0.1)

figure, panels = plt.subplots(1, 3, figsize=(9, 3.1), sharey=True)
for axes, (step, (w_then, b_then)) in zip(panels, kept.items()):
    ck.show_boundary(
        lambda x: torch.sigmoid(x @ w_then + b_then),
        hills,
        slid,
        title=f"step {step}: loss {losses[step]:.3f}",
        axes=axes,
    )
ck.show(
    figure,
    "The neuron's decision boundary after 0, 100 and 3000 steps. The line starts too "
    "steep, turns, and ends between the two kinds of hillsides.",
)
print(f"learned: w = ({w[0]:.2f}, {w[1]:.2f}), b = {b:.2f}")
print(f"truth:   w = ({true_w[0]:.2f}, {true_w[1]:.2f}), b = {true_b:.2f}")

# %% [markdown]
# The neuron found, from examples alone, roughly the weights that we used to make the data.
#
# **Think · The loss does not go to zero. Is that a failure? And what would you expect of
# `rate=0.001`, and of `rate=5`?** Try both.
#
# <details><summary>Our answer</summary>
#
# No failure: we drew the landslides at random with a probability, so even the true weights
# are surprised now and then. With 0.001 the line has hardly moved after 3000 steps. With 5
# it overshoots and jumps to and fro. This afternoon you will find a good rate by measuring.
#
# </details>
#
# ## 3 · What one neuron cannot do
#
# A neuron draws one straight line. In 1969 Minsky and Papert [3] pointed at a problem that no
# straight line solves, the *exclusive or*: true when exactly one of two inputs is.
#
# | $x_1$ | $x_2$ | XOR |
# |:-:|:-:|:-:|
# | 0 | 0 | 0 |
# | 0 | 1 | 1 |
# | 1 | 0 | 1 |
# | 1 | 1 | 0 |

# %%
corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
answers = torch.tensor([0.0, 1.0, 1.0, 0.0])

w, b = torch.tensor([0.8, 0.5]), torch.tensor(-0.3)
for step in range(2000):
    w, b = descend(corners, answers, w, b, rate=0.5)
print(f"After 2000 steps: w = ({w[0]:.3f}, {w[1]:.3f}), b = {b:.3f}")
print("The neuron's answers:", torch.sigmoid(corners @ w + b).round(decimals=3).tolist())

# %% [markdown]
# One half, four times. It has learned that it cannot tell.
#
# ### Two layers
#
# **Idea.** Let two neurons look first, each drawing a line of its own, and let a third one
# decide on *their* answers:
#
# $$ h = \varphi(W^{(1)} x + b^{(1)}), \qquad z = W^{(2)} h + b^{(2)} $$
#
# | symbol | name | shape here |
# |:--|:--|:--|
# | $x$ | inputs | 2 |
# | $W^{(1)}, b^{(1)}$ | weights and biases of the hidden layer, one row a neuron | 2 × 2 and 2 |
# | $\varphi$ | activation function, applied to each number | |
# | $h$ | hidden activations | 2 |
# | $W^{(2)}, b^{(2)}$ | weights and bias of the output layer | 1 × 2 and 1 |
# | $z$ | the output, before its activation | 1 |
#
# This is a **multi-layer perceptron** (MLP), or feed-forward network: numbers go in one
# direction only.
#
# ### Exercise 4 · Solve XOR with your own head
#
# No training now: *think* of weights. With the step function as activation, let hidden
# neuron 1 answer "at least one input is 1", hidden neuron 2 "both inputs are 1". What does
# the output neuron have to make of these two?


# %% id="xor-by-hand"
def step_function(z):
    return (z > 0).float()


# === solution: Choose W1 (2 x 2), b1 (2), W2 (2) and b2 (one number), all tensors, for XOR. ===
W1 = torch.tensor([[1.0, 1.0], [1.0, 1.0]])
b1 = torch.tensor([-0.5, -1.5])  # above 0 from one input on; above 0 for both only
W2 = torch.tensor([1.0, -1.0])  # "at least one", but not "both"
b2 = torch.tensor(-0.5)
# === end ===

# %% [markdown] tags=["hint"]
# Both hidden neurons can have the weights (1, 1): then $z$ counts the inputs that are 1. They
# differ in the bias, that is in how many votes they need to fire.

# %% tags=["check"]
with ck.checking("Exercise 4: XOR by hand"):
    ck.expect_shape(W1, (2, 2), "W1")
    hidden = step_function(corners @ W1.T + b1)
    output = step_function(hidden @ W2 + b2)
    ck.expect_close(output, answers, "The four answers should be 0, 1, 1, 0.")

# %% [markdown]
# What has the hidden layer done? It *moved the points*. Look at the same four corners through
# the eyes of the output neuron:

# %%
hidden = step_function(corners @ W1.T + b1)
figure, panels = plt.subplots(1, 2, figsize=(7.4, 3.4))
for axes, where, names in zip(panels, (corners, hidden), ("$x_1$ $x_2$", "$h_1$ $h_2$")):
    for label, marker in ((0, "o"), (1, "^")):
        chosen = where[answers == label]
        axes.plot(*chosen.T, marker, color=ck.COLOURS[label], ms=13, label=f"XOR is {label}")
    across, up = names.split()
    axes.set(xlabel=across, ylabel=up, xlim=(-0.4, 1.4), ylim=(-0.4, 1.4), aspect="equal")
    axes.set(xticks=[0, 1], yticks=[0, 1])
panels[0].set_title("as they come in")
panels[1].set_title("in the hidden layer")
panels[1].plot([0.2, 1.4], [-0.4, 0.8], color=ck.INK, linestyle="-", lw=1.5)
panels[1].legend(loc="upper left", fontsize=9)
ck.show(
    figure,
    "Left: the four corners of the unit square; circles and triangles sit on opposite "
    "diagonals, and no line parts them. Right: the same points in the plane of the hidden "
    "activations. Both triangles have fallen on the same place, (1, 0), and a straight line "
    "parts them from the circles at (0, 0) and (1, 1).",
)

# %% [markdown]
# > A hidden layer changes the space until the problem becomes easy enough for a straight line.
#
# Keep this sentence; it holds for every network of this course.
#
# ### Exercise 5 · The same as a PyTorch module
#
# Choosing weights by hand ends at XOR. From here on they are learned. In PyTorch a network
# is a class: `__init__` says which layers there are, `forward` how the numbers flow.
# `nn.Linear(n, m)` is a layer of $m$ neurons with $n$ inputs each; it holds $W$ (of the shape
# $m \times n$) and $b$ (of the shape $m$) and computes $W x + b$.


# %% id="mlp-class"
class MLP(nn.Module):
    """A network with one hidden layer and ReLU as its activation."""

    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        # === solution: Make two layers: self.first (to the hidden ones), self.second. ===
        self.first = nn.Linear(inputs, hidden)
        self.second = nn.Linear(hidden, outputs)
        # === end ===

    def forward(self, x):
        # === solution: Send x through the first layer, ReLU and the second layer. ===
        h = torch.relu(self.first(x))
        return self.second(h)
        # === end ===


# %% tags=["check"]
with ck.checking("Exercise 5: a multi-layer perceptron"):
    small = MLP(2, 16, 1)
    ck.expect_shape(small(torch.zeros(5, 2)), (5, 1), "The output for five examples")
    count = sum(p.numel() for p in small.parameters())
    ck.expect(
        count == 65, f"It should have 2·16 + 16 + 16·1 + 1 = 65 parameters, yours has {count}."
    )
    ends, centre = small(torch.tensor([[-9.0, 4.0], [9.0, -4.0]])), small(torch.zeros(1, 2))
    ck.expect(
        not torch.allclose(ends.mean(0), centre[0], atol=1e-4),
        "Yours is a straight line: is the activation between the layers?",
    )

# %% [markdown]
# ### How many folds does it take?
#
# *Two moons* is a classic that no line separates. We train four networks that differ in
# nothing but the number of hidden neurons. The training code is explained line by line in
# section 5; for now, look at the pictures.
#
# **Think · Before you run it: how will the boundary of each look? Draw all four on paper.**

# %%
points, labels = make_moons(300, noise=0.15, random_state=0)
points = torch.tensor(points, dtype=torch.float32)
labels = torch.tensor(labels, dtype=torch.float32)


def train_on_moons(model, steps=400):
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(steps):
        loss = F.binary_cross_entropy_with_logits(model(points).squeeze(1), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return loss.item()


figure, panels = plt.subplots(1, 4, figsize=(10.5, 3), sharey=True)
for axes, hidden in zip(panels, (1, 4, 8, 32)):
    ck.seed_everything(2)
    moon_net = MLP(2, hidden, 1)
    final = train_on_moons(moon_net)
    ck.show_boundary(
        lambda x: torch.sigmoid(moon_net(x)).squeeze(1),
        points,
        labels,
        title=f"{hidden} hidden: loss {final:.3f}",
        axes=axes,
    )
ck.show(
    figure,
    "Decision boundaries on the two moons for networks with 1, 4, 8 and 32 hidden neurons. "
    "With one neuron the boundary is a straight line, with four it has one corner, with "
    "eight it winds between the moons in straight pieces, with 32 nearly smoothly.",
)

# %% [markdown]
# With ReLU, every hidden neuron may add one crease to the boundary. Three creases would be
# enough here, *if* training found the right three; from an unlucky start it does not, and
# some neurons end up doing the same or nothing. Spare neurons make luck unnecessary: one
# reason why networks are larger than they need to be.
#
# Now the promised reason for the bend. Let
# us take the activation out and keep everything else, even the 32 hidden neurons:

# %%
ck.seed_everything(2)
straight = nn.Sequential(nn.Linear(2, 32), nn.Linear(32, 1))  # no activation in between
final = train_on_moons(straight)

W = straight[1].weight @ straight[0].weight  # one 1 x 2 matrix does the same job
c = straight[1].weight @ straight[0].bias + straight[1].bias
same = torch.allclose(straight(points), points @ W.T + c, atol=1e-4)
print(f"129 parameters, loss {final:.3f}. Does a single neuron say the same? {same}")
ck.show_boundary(
    lambda x: torch.sigmoid(straight(x)).squeeze(1),
    points,
    labels,
    title="32 hidden neurons, no activation",
    alt="Two layers without an activation in between draw one straight line through the moons.",
)

# %% [markdown]
# $$ W^{(2)} (W^{(1)} x + b^{(1)}) + b^{(2)}
#    = \underbrace{W^{(2)} W^{(1)}}_{\text{one matrix}} x
#    + \underbrace{W^{(2)} b^{(1)} + b^{(2)}}_{\text{one bias}} $$
#
# Layers without an activation collapse into one. However many you stack, it stays a line.
#
# ## 4 · Pictures as tensors
#
# Time for real data: handwritten digits. The next line takes MNIST where the hub has it, and
# says so if something else takes its place.

# %%
data = ck.get_dataset("MNIST", train_size=8_000, test_size=2_000)
ck.show_images(
    data.train_images[:16],
    [data.classes[label] for label in data.train_labels[:16]],
    alt="Sixteen handwritten digits in two rows, white on black, each with its label above it.",
)

# %% [markdown]
# A **tensor** is a block of numbers with a *shape*, a *type* and a *device*. Nine errors out of
# ten in deep learning are one of these three being other than you thought, so look at them
# often.

# %%
image = data.train_images[0]
print("one image:  ", tuple(image.shape), image.dtype, image.device)
print("all images: ", tuple(data.train_images.shape), "= (number, channels, height, width)")
print("all labels: ", tuple(data.train_labels.shape), data.train_labels.dtype)
print("values:      from", image.min().item(), "to", image.max().item())
print("as a vector:", tuple(image.flatten().shape))
print("a few rows of its middle column block:")
print((image[0, 10:16, 8:18] * 100).int())

# %% [markdown]
# An MLP takes vectors, so each image of 28 × 28 pixels is laid out as 784 numbers.
#
# **Think · What does the network lose by this? Would it learn less if all images were shuffled in
# the same way, pixel by pixel, beforehand?**
#
# <details><summary>Our answer</summary>
#
# It loses the knowledge of which pixels are neighbours. And since it never had it, a fixed
# shuffle would change nothing at all: an MLP learns just as well on scrambled images that no
# human can read. Networks that *do* know about neighbours come later in the course.
#
# </details>
#
# ### Three parts of the data
#
# | part | what for | who sees it |
# |:--|:--|:--|
# | **training** | the gradients | the optimiser, again and again |
# | **validation** | decisions: when to stop, which network is better | you, while working |
# | **test** | one honest number at the end | nobody before that |
#
# If you decide by the test set, it becomes a validation set, and nothing is left to tell you
# the truth.

# %%
order = torch.randperm(len(data.train_labels), generator=torch.Generator().manual_seed(0))
cut = int(0.85 * len(order))
train_set = TensorDataset(data.train_images[order[:cut]], data.train_labels[order[:cut]])
valid_set = TensorDataset(data.train_images[order[cut:]], data.train_labels[order[cut:]])
test_set = TensorDataset(data.test_images, data.test_labels)

train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
print(f"{len(train_set)} to train, {len(valid_set)} to validate, {len(test_set)} to test")
batch_images, batch_labels = next(iter(train_loader))
print("one batch:", tuple(batch_images.shape), tuple(batch_labels.shape))

# %% [markdown]
# ### Ten classes: softmax and cross-entropy
#
# For ten digits the network has ten outputs $z_0, \dots, z_9$, the **logits**, one a class. The
# **softmax** turns them into probabilities, and the loss is again the surprise at the truth:
#
# $$ p_k = \frac{e^{z_k}}{\sum_{j=0}^{9} e^{z_j}}, \qquad L = -\log p_y $$
#
# with $p_k$ the probability given to class $k$ and $y$ the true class. Put together,
#
# $$ L = \log \sum_{j} e^{z_j} - z_y $$
#
# **With numbers.** A network that knows nothing gives each class $p_k = 1/10$, so
# $L = \log 10 \approx 2.303$. Remember this number: if a new network of ten classes does
# not begin near it, something is wrong.
#
# ### Exercise 6 · Cross-entropy of a batch


# %% id="cross-entropy"
def cross_entropy(logits, labels):
    """The mean loss of a batch: `logits` (N, classes), `labels` (N,) as whole numbers."""
    # === solution: Take log-sum-exp over the classes, subtract the true logits, average. ===
    true_logits = logits[torch.arange(len(labels)), labels]
    return (torch.logsumexp(logits, dim=1) - true_logits).mean()
    # === end ===


# %% [markdown] tags=["hint"]
# `torch.logsumexp(logits, dim=1)` is the first half. For the second, pick one number from
# each row: `logits[rows, labels]` with `rows = torch.arange(len(labels))`.

# %% tags=["check"]
with ck.checking("Exercise 6: cross-entropy"):
    ck.expect_close(
        cross_entropy(torch.zeros(4, 10), torch.tensor([0, 3, 5, 9])),
        math.log(10),
        "A network that knows nothing has the loss log 10.",
    )
    some = torch.randn(6, 10, generator=torch.Generator().manual_seed(1)) * 3
    truth = torch.tensor([1, 2, 3, 4, 5, 6])
    ck.expect_close(
        cross_entropy(some, truth), F.cross_entropy(some, truth), "PyTorch's own loss disagrees."
    )

# %% [markdown]
# ## 5 · The training loop, line by line
#
# Everything is there: data in batches, a network, a loss. What follows is the heart of deep
# learning. Five things happen for each batch, always in this order of thought:
#
# | | step | what happens | in PyTorch |
# |:-:|:--|:--|:--|
# | 1 | **forward** | the batch goes through the network | call the model |
# | 2 | **loss** | one number: how wrong was it? | `F.cross_entropy` |
# | 3 | **clear** | forget the gradients of the last batch: PyTorch *adds* new ones to old ones | the optimiser's `zero_grad` |
# | 4 | **backward** | chain rule through the whole network: each parameter's `.grad` is filled | the loss's `backward` |
# | 5 | **step** | each parameter moves a little downhill | the optimiser's `step` |
#
# Why batches, and not all images at once as with the hillsides? A batch of 64 gives almost
# the same direction at a hundredth of the price, and its noise even helps. One walk through
# all batches is an **epoch**.
#
# ### Exercise 7 · Write the loop


# %% id="train-one-epoch"
def train_one_epoch(model, loader, optimiser):
    """Trains on every batch once; the mean loss over all images."""
    model.train()  # tells layers such as dropout that we train
    total = 0.0
    for images, labels in loader:
        images, labels = images.to(DEVICE), labels.to(DEVICE)  # same device as the model
        # === solution: Write the five steps of the table; call the loss `loss`. ===
        logits = model(images)
        loss = F.cross_entropy(logits, labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        # === end ===
        total += loss.item() * len(labels)  # .item(): a plain number, off the device
    return total / len(loader.dataset)


# %% tags=["check"]
with ck.checking("Exercise 7: the training loop"):
    ck.seed_everything(3)
    toy_x = torch.randn(48, 4)
    toy_y = (toy_x[:, 0] > 0).long()
    toy_loader = DataLoader(TensorDataset(toy_x, toy_y), batch_size=16)
    toy = MLP(4, 8, 2).to(DEVICE)
    before = [p.detach().clone() for p in toy.parameters()]

    class Watched(torch.optim.SGD):  # notes the gradients that each step is taken with
        def step(self):
            taken.append([None if p.grad is None else p.grad.clone() for p in toy.parameters()])

    taken = []
    train_one_epoch(toy, toy_loader, Watched(toy.parameters(), lr=0.0))
    ck.expect(len(taken) == 3, f"Three batches are three calls of `step`, not {len(taken)}.")
    ck.expect(taken[-1][0] is not None, "No gradients: is `backward` called before `step`?")
    last = F.cross_entropy(toy(toy_x[32:].to(DEVICE)), toy_y[32:].to(DEVICE))
    for own, right in zip(taken[-1], torch.autograd.grad(last, list(toy.parameters()))):
        ck.expect_close(own, right, "Old gradients are still in there: are they cleared?")
    fast = torch.optim.SGD(toy.parameters(), lr=0.5)
    history = [train_one_epoch(toy, toy_loader, fast) for _ in range(30)]
    moved = any(not torch.equal(p, old) for p, old in zip(toy.parameters(), before))
    ck.expect(moved, "No parameter has moved: is it the optimiser's own `step`?")
    ck.expect(
        history[-1] < 0.35 < history[0], "The loss of an easy problem should fall; it does not."
    )

# %% [markdown]
# For measuring we write a second function. It differs in what it leaves out: no gradients
# are kept (`torch.no_grad()`), nothing is learned.


# %%
@torch.no_grad()
def evaluate(model, dataset):
    """The mean loss and the accuracy on a whole data set."""
    model.eval()
    images, labels = (tensor.to(DEVICE) for tensor in dataset.tensors)
    logits = model(images)
    right = (logits.argmax(dim=1) == labels).float().mean()
    return F.cross_entropy(logits, labels).item(), right.item()


# %% [markdown]
# And now the whole thing. Adam [4] is gradient descent that gives every parameter a step
# length of its own; how it does that comes later in the course.
#
# **Think · Before you run it: where does the first loss lie? Which of the two curves will be lower
# at the end?**

# %% tags=["slow"]
ck.seed_everything(7)
model = nn.Sequential(nn.Flatten(), MLP(784, 128, 10)).to(DEVICE)
optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
first_loss, first_accuracy = evaluate(model, valid_set)
print(f"before training: loss {first_loss:.3f}, {first_accuracy:.1%} right")

with ck.LiveCurves("cross-entropy") as curves:
    for epoch in range(4 if ck.smoke() else 15):
        train_loss = train_one_epoch(model, train_loader, optimiser)
        valid_loss, valid_accuracy = evaluate(model, valid_set)
        curves.add(training=train_loss, validation=valid_loss)
print(f"after training: validation loss {valid_loss:.3f}, {valid_accuracy:.1%} right")

# %% [markdown]
# **How to read such curves**
#
# | you see | it usually means | try |
# |:--|:--|:--|
# | both fall, close together | learning, not finished | train longer |
# | training falls, validation turns up again | overfitting: it begins to learn by heart | stop there; more data; regularisation (soon) |
# | both flat near the start | not learning | learning rate, a bug in the loop |
# | jagged or exploding | steps too long | a smaller learning rate |
#
# ## 6 · What has it learned, and what not?
#
# All decisions are taken, so now, once, the test set.

# %%
test_loss, test_accuracy = evaluate(model, test_set)
print(f"test: loss {test_loss:.3f}, {test_accuracy:.1%} right")

with torch.no_grad():
    probabilities = torch.softmax(model(data.test_images.to(DEVICE)), dim=1).cpu()
predicted = probabilities.argmax(dim=1)

matrix = torch.zeros(10, 10, dtype=torch.int64)
for truth, guess in zip(data.test_labels, predicted):
    matrix[truth, guess] += 1
ck.show_confusion(matrix, data.classes, title="Which digit is taken for which?")

# %% [markdown]
# One number, the accuracy, hides *which* mistakes are made. In the confusion matrix, each row
# is a true digit and each column an answer; what lies off the diagonal is wrong.
#
# Always look at the mistakes themselves, the surest ones first:

# %%
wrong = (predicted != data.test_labels).nonzero().squeeze(1)
surest = wrong[probabilities[wrong, predicted[wrong]].argsort(descending=True)][:16]
ck.show_images(
    data.test_images[surest],
    [
        f"{data.classes[data.test_labels[n]]} → {data.classes[predicted[n]]}\n"
        f"{probabilities[n, predicted[n]]:.0%} sure"
        for n in surest
    ],
    alt=f"The {len(surest)} misread digits of which the network was surest, each with the true "
    "digit, the answer and how sure the network was.",
)

# %% [markdown]
# **Think · Which of these would you have read correctly? Is there any for which the label itself
# is doubtful? And what does it say about "99 % sure"?**
#
# <details><summary>Our answer</summary>
#
# Some are hard for anybody. Others are easy for us: the network learned which pixels are
# bright, not how a hand moves. And "sure" is only the softmax of its outputs: a network
# trained long enough is sure of nearly everything, also of its mistakes. Never take these
# numbers for calibrated probabilities without having checked.
#
# </details>
#
# ### Keep your network
#
# The kernel's memory goes, your home folder stays. So save the weights there, and read them
# back to be certain:

# %%
saved = Path("my-first-network.pt")
torch.save(model.state_dict(), saved)
again = nn.Sequential(nn.Flatten(), MLP(784, 128, 10)).to(DEVICE)
again.load_state_dict(torch.load(saved, weights_only=True))
print(f"{saved} has {saved.stat().st_size / 1024:.0f} KB")
print(f"read back: {evaluate(again, test_set)[1]:.1%} right, as before")

# %% [markdown]
# ## What to take along
#
# - A neuron is a weighted sum and a bend; its boundary is a straight line.
# - Learning is: measure how wrong (loss), ask which way (gradient), go a little (step).
# - Autograd does the chain rule for you, and gives what you get by hand.
# - Hidden layers bend space until a straight line is enough. Without an activation they add
#   nothing.
# - The loop: forward, loss, clear, backward, step.
# - Decide on validation data; touch the test data once; look at the mistakes.
#
# **This afternoon** you write all of this once more without rails, on another data set, and
# then you break it on purpose.
#
# ### Further reading
#
# 1. F. Rosenblatt (1958), *The perceptron: a probabilistic model for information storage and
#    organization in the brain*, Psychological Review 65, 386–408.
# 2. D. E. Rumelhart, G. E. Hinton, R. J. Williams (1986), *Learning representations by
#    back-propagating errors*, Nature 323, 533–536.
# 3. M. Minsky, S. Papert (1969), *Perceptrons*, MIT Press.
# 4. D. P. Kingma, J. Ba (2014), *Adam: a method for stochastic optimization*,
#    [arXiv:1412.6980](https://arxiv.org/abs/1412.6980).
# 5. Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), *Gradient-based learning applied to
#    document recognition*, Proceedings of the IEEE 86, 2278–2324: where MNIST comes from.
# 6. G. Cybenko (1989), *Approximation by superpositions of a sigmoidal function*, Mathematics
#    of Control, Signals and Systems 2, 303–314: one hidden layer is enough, in principle.
