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
# This morning you wrote the pieces. Now you put a whole training together with nothing
# given, measure what helps, and break it on purpose to learn what breaking looks like.
#
# | part | exercises | difficulty |
# |:--|:--|:-:|
# | **A** Build it | 1 data set · 2 split · 3 network · 4 measuring · 5 training | ★ to ★★ |
# | **B** Look at it | 6 confusion matrix and accuracy by class | ★★ |
# | **C** Understand it | 7 activations · 8 initialisation · 9 learning rate · 10 overfitting | ★★ to ★★★ |
# | **D** Break it | 11 six accidents, and one repair | ★★★ |
# | **E** Race | 12 hyper-parameters, against the class | as far as you like |
#
# **How to work.** An exercise raises `NotImplementedError` with a sentence until you have
# written it; the cell below it, `with ck.checking(...)`, tells you whether it is right. The
# parts build on each other, so go in order; if you are stuck for more than ten minutes, open
# the hint, then ask a neighbour, then a teacher, and only then `{{session.solutions}}`. Nobody
# finishes everything: A and B are for all, C to E for as long as the afternoon lasts.

# %%
import copy
import math
import time

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset

import coursekit as ck

ck.style()
ck.seed_everything(1)
DEVICE = ck.device()
EPOCHS = 3 if ck.smoke() else 12  # smoke: only when the course's own tests run this notebook

# %%
data = ck.get_dataset("FashionMNIST", train_size=5_000, test_size=1_500)
ck.show_images(
    data.train_images[:16],
    [data.classes[label] for label in data.train_labels[:16]],
    alt="Sixteen grey images of the data set in two rows, each with the name of its class.",
)

# %% [markdown]
# ## A · Build it
#
# ### Exercise 1 ★ · A data set of your own
#
# A PyTorch `Dataset` is any object that answers two questions: *how many are you?*
# (`__len__`) and *give me number n* (`__getitem__`). Ours shall **standardise** the images on
# the way:
#
# $$ \tilde{x} = \frac{x - \mu}{s} $$
#
# with $\mu$ the mean and $s$ the standard deviation over all pixels of the *training* images.
# Networks learn faster from numbers around zero: you will measure that in part D.


# %% id="picture-set"
class PictureSet(Dataset):
    """Labelled images, standardised with a given mean and standard deviation."""

    def __init__(self, images, labels, mean, std):
        # === solution: Keep the labels and the standardised images in `self`. ===
        self.images = (images - mean) / std
        self.labels = labels
        # === end ===

    def __len__(self):
        # === solution: Return the number of images. ===
        return len(self.labels)
        # === end ===

    def __getitem__(self, n):
        # === solution: Return image number n and its label, as a pair. ===
        return self.images[n], self.labels[n]
        # === end ===


# %% tags=["check"]
with ck.checking("Exercise 1: a data set of your own"):
    probe = PictureSet(torch.full((5, 1, 2, 2), 3.0), torch.arange(5), mean=1.0, std=4.0)
    ck.expect(len(probe) == 5, f"There are 5 images in it, but len() says {len(probe)}.")
    ck.expect(isinstance(probe[3], tuple), "One item should be a pair: image, label.")
    ck.expect_shape(probe[3][0], (1, 2, 2), "One image")
    ck.expect_close(probe[3][0].mean(), 0.5, "(3 - 1) / 4 is one half.")
    ck.expect_close(probe[3][1], 3, "The label should be the one of image number 3.")

# %% [markdown]
# **Think · Why are $\mu$ and $s$ taken from the training images alone, and the validation and
# test images standardised with the same two numbers?**
#
# <details><summary>Our answer</summary>
#
# The test images stand for images that do not exist yet. Whatever you compute from them,
# be it only a mean, is knowledge that you would not have had. And the network must see all
# images on the same scale: had each part its own numbers, the same picture would look
# different to it in training and in testing.
#
# </details>
#
# ### Exercise 2 ★ · Split without cheating
#
# Cut the training images into two parts at random: no image in both, every label with its own
# image, and the same cut each time for the same `seed`.


# %% id="split"
def split(images, labels, share, seed):
    """Two pairs (images, labels): a random `share` of them, and the rest."""
    # === solution: Shuffle the positions with a seeded generator and cut them in two. ===
    generator = torch.Generator().manual_seed(seed)
    shuffled = torch.randperm(len(labels), generator=generator)
    cut = round(share * len(labels))
    first, second = shuffled[:cut], shuffled[cut:]
    return (images[first], labels[first]), (images[second], labels[second])
    # === end ===


# %% [markdown] tags=["hint"]
# `torch.randperm(n, generator=torch.Generator().manual_seed(seed))` is a shuffled list of
# positions. Indexing with the *same* positions keeps images and labels together.

# %% tags=["check"]
with ck.checking("Exercise 2: split without cheating"):
    numbered = torch.arange(100.0).reshape(100, 1, 1, 1)
    (big_x, big_y), (rest_x, rest_y) = split(numbered, torch.arange(100), 0.8, seed=4)
    ck.expect(len(big_y) == 80 and len(rest_y) == 20, "A share of 0.8 of 100 is 80, the rest 20.")
    ck.expect_close(big_x.flatten(), big_y.float(), "Labels and images have been mixed up.")
    together = torch.cat([big_y, rest_y])
    ck.expect(len(together.unique()) == 100, "Some image is in both parts, or in none.")
    ck.expect(not torch.equal(big_y, torch.arange(80)), "It is not shuffled.")
    again = split(numbered, torch.arange(100), 0.8, seed=4)[0][1]
    ck.expect(torch.equal(big_y, again), "The same seed should cut in the same way.")

# %%
(train_x, train_y), (valid_x, valid_y) = split(data.train_images, data.train_labels, 0.8, seed=0)
MEAN, STD = train_x.mean(), train_x.std()
train_set = PictureSet(train_x, train_y, MEAN, STD)
valid_set = PictureSet(valid_x, valid_y, MEAN, STD)
test_set = PictureSet(data.test_images, data.test_labels, MEAN, STD)

train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
valid_loader = DataLoader(valid_set, batch_size=512)
test_loader = DataLoader(test_set, batch_size=512)
print(f"mean {MEAN:.3f}, standard deviation {STD:.3f}")
print(f"{len(train_set)} to train, {len(valid_set)} to validate, {len(test_set)} to test")

# %% [markdown]
# ### Exercise 3 ★★ · A network of any depth
#
# This morning's network had one hidden layer. Write a function that builds one of any depth:
# `make_mlp([784, 100, 50, 10])` has two hidden layers, of 100 and 50 neurons. An activation
# follows every layer *except the last*. Begin with `nn.Flatten()`, which lays each image out
# as a vector.


# %% id="make-mlp"
def make_mlp(sizes, activation=nn.ReLU):
    """An nn.Sequential of fully connected layers; `activation` is a class such as nn.Tanh."""
    # === solution: Collect the layers in a list and return nn.Sequential(*layers). ===
    layers = [nn.Flatten()]
    for inputs, outputs in zip(sizes[:-1], sizes[1:]):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1])  # no activation after the last layer
    # === end ===


# %% tags=["check"]
with ck.checking("Exercise 3: a network of any depth"):
    deep = make_mlp([4, 8, 6, 3], nn.Tanh)
    ck.expect_shape(deep(torch.zeros(2, 1, 2, 2)), (2, 3), "The output for two images of 2 × 2")
    kinds = [type(layer).__name__ for layer in deep if not isinstance(layer, nn.Flatten)]
    wanted = ["Linear", "Tanh", "Linear", "Tanh", "Linear"]
    ck.expect(
        kinds == wanted, f"After Flatten come {', '.join(wanted)}; yours: {', '.join(kinds)}."
    )
    count = sum(p.numel() for p in deep.parameters())
    ck.expect(count == 115, f"4·8 + 8 + 8·6 + 6 + 6·3 + 3 = 115 parameters, yours has {count}.")

# %% [markdown]
# ### Exercise 4 ★★ · Measure without learning
#
# Mean loss and accuracy over everything that a loader gives. A trap: the last batch is often
# smaller than the others. Averaging over *batches* would count its images too much; average
# over *images*.


# %% id="evaluate"
@torch.no_grad()
def evaluate(model, loader):
    """A pair: the mean loss over all images, the share of them that is classified rightly."""
    model.eval()
    # === solution: Add up losses and right answers over all batches, divide at the end. ===
    loss_sum, right, seen = 0.0, 0, 0
    for images, labels in loader:
        images, labels = images.to(DEVICE), labels.to(DEVICE)
        logits = model(images)
        loss_sum += F.cross_entropy(logits, labels, reduction="sum").item()
        right += (logits.argmax(dim=1) == labels).sum().item()
        seen += len(labels)
    return loss_sum / seen, right / seen
    # === end ===


# %% [markdown] tags=["hint"]
# `F.cross_entropy(logits, labels, reduction="sum")` adds instead of averaging, and
# `(logits.argmax(dim=1) == labels).sum().item()` counts the right ones as a plain number.

# %% tags=["check"]
with ck.checking("Exercise 4: measure without learning"):
    ck.seed_everything(4)
    odd_x, odd_y = torch.randn(10, 4), torch.arange(10) % 3
    odd_net = nn.Linear(4, 3).to(DEVICE)
    loss, accuracy = evaluate(odd_net, DataLoader(TensorDataset(odd_x, odd_y), batch_size=7))
    whole = odd_net(odd_x.to(DEVICE)).detach().cpu()
    ck.expect_close(loss, F.cross_entropy(whole, odd_y), "Is every image counted once?")
    ck.expect_close(accuracy, (whole.argmax(1) == odd_y).float().mean(), "The accuracy is off.")

# %% [markdown]
# ### Exercise 5 ★★ · Train
#
# Everything comes together: for each epoch, train on all batches (the five steps of this
# morning: forward, loss, clear, backward, step), then measure on the validation images, and
# keep both losses and the accuracy. Do not forget `model.train()`: measuring switched to `eval`.


# %% id="fit"
def fit(model, train_loader, valid_loader, optimiser, epochs, curves=None):
    """Trains and returns a dict of lists, one number an epoch: "training" and "validation"
    (mean losses) and "accuracy" (on the validation images)."""
    history = {"training": [], "validation": [], "accuracy": []}
    for epoch in range(epochs):
        # === solution: Train one epoch, measure, and append the three numbers to history. ===
        model.train()
        loss_sum, seen = 0.0, 0
        for images, labels in train_loader:
            images, labels = images.to(DEVICE), labels.to(DEVICE)
            loss = F.cross_entropy(model(images), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss_sum += loss.item() * len(labels)
            seen += len(labels)
        valid_loss, accuracy = evaluate(model, valid_loader)
        history["training"].append(loss_sum / seen)
        history["validation"].append(valid_loss)
        history["accuracy"].append(accuracy)
        # === end ===
        if curves is not None:  # draws the curves while you wait
            curves.add(training=history["training"][-1], validation=history["validation"][-1])
    return history


# %% tags=["check"]
with ck.checking("Exercise 5: train"):
    ck.seed_everything(5)
    toy_x = torch.randn(200, 6)
    toy_y = (toy_x[:, 0] * toy_x[:, 1] > 0).long()  # XOR again, hidden in six inputs
    toy = DataLoader(TensorDataset(toy_x, toy_y), batch_size=32, shuffle=True)
    toy_net = make_mlp([6, 32, 2]).to(DEVICE)
    toy_history = fit(toy_net, toy, toy, torch.optim.Adam(toy_net.parameters(), lr=0.02), epochs=25)
    ck.expect(
        all(len(numbers) == 25 for numbers in toy_history.values()),
        "25 epochs should give 25 numbers of each kind.",
    )
    ck.expect(toy_history["training"][0] > 0.5, "The first training loss should be near log 2.")
    ck.expect(
        toy_history["accuracy"][-1] > 0.95 and toy_history["training"][-1] < 0.2,
        "It does not learn an easy problem: look at the order of the five steps.",
    )
    ck.expect(
        toy_history["validation"][-1] <= toy_history["training"][-1] + 0.05,
        "Training and validation are the same images here, but their losses differ.",
    )

# %% [markdown]
# The first run of the real thing. Whatever you try later has this **baseline** to beat.
#
# **Think · Predict three numbers before you run it: the validation loss before training, the
# accuracy of pure guessing, and the accuracy after the last epoch.**

# %% tags=["slow"]
ck.seed_everything(0)
baseline = make_mlp([784, 128, 10]).to(DEVICE)
print("before training: loss {:.3f}, accuracy {:.1%}".format(*evaluate(baseline, valid_loader)))
with ck.LiveCurves("cross-entropy") as curves:
    optimiser = torch.optim.Adam(baseline.parameters(), lr=1e-3)
    baseline_history = fit(baseline, train_loader, valid_loader, optimiser, EPOCHS, curves)
print("after training:  loss {:.3f}, accuracy {:.1%}".format(*evaluate(baseline, valid_loader)))

# %% [markdown]
# ## B · Look at it
#
# ### Exercise 6 ★★ · Which class is taken for which?
#
# Write the confusion matrix $C$, with $C_{ij}$ the number of images of the true class $i$ that
# were classified as $j$, and from it the accuracy of each class, that is the share of its own
# images that the network recognised (also called *recall*):
#
# $$ r_i = \frac{C_{ii}}{\sum_j C_{ij}} $$


# %% id="confusion"
def confusion(truth, predicted, classes):
    """The matrix of counts: a row a true class, a column a predicted one."""
    # === solution: Count how often each pair (true, predicted) occurs. ===
    pairs = truth * classes + predicted  # one number for each pair
    return torch.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    # === end ===


def recall(matrix):
    """The share of each class's images that was recognised."""
    # === solution: Divide the diagonal by the sums of the rows. ===
    return matrix.diagonal() / matrix.sum(dim=1)
    # === end ===


# %% [markdown] tags=["hint"]
# A double loop is fine to begin with. Without one: give each pair a number,
# `truth * classes + predicted`, and count the numbers with `torch.bincount`.

# %% tags=["check"]
with ck.checking("Exercise 6: confusion matrix"):
    tiny = confusion(torch.tensor([0, 0, 1, 2, 2, 2]), torch.tensor([0, 1, 1, 2, 2, 0]), 3)
    ck.expect_shape(tiny, (3, 3), "The matrix of three classes")
    ck.expect(tiny[0, 1] == 1 and tiny[1, 0] == 0, "Rows are the truth, columns the answers.")
    ck.expect_close(tiny.flatten(), [1, 1, 0, 0, 1, 0, 1, 0, 2], "The counts are not right yet.")
    ck.expect_close(recall(tiny), [1 / 2, 1, 2 / 3], "The accuracy by class is not right yet.")


# %%
@torch.no_grad()
def predictions(model, images):
    model.eval()
    return model(((images - MEAN) / STD).to(DEVICE)).argmax(dim=1).cpu()


guesses = predictions(baseline, valid_x)
matrix = confusion(valid_y, guesses, len(data.classes))
ck.show_confusion(matrix, data.classes, title="Baseline on the validation images")

shares = recall(matrix)
ranking = shares.argsort()
figure, axes = plt.subplots(figsize=(6.4, 3.6))
axes.barh([data.classes[n] for n in ranking], shares[ranking], color=ck.COLOURS[0])
axes.axvline((guesses == valid_y).float().mean(), color=ck.COLOURS[1], linestyle="--")
axes.set(xlabel="share recognised (dashed: all classes together)", xlim=(0, 1))
axes.grid(axis="y", visible=False)
ck.show(
    figure,
    f"Bars of the share recognised, class by class: lowest {data.classes[ranking[0]]} with "
    f"{shares[ranking[0]]:.0%}, highest {data.classes[ranking[-1]]} with {shares[ranking[-1]]:.0%}.",
)

# %% [markdown]
# **Think · Is a mistake of the hardest class more often *another class taken for it*, or *it
# taken for another*? Where in the matrix do you look for each?**
#
# <details><summary>Our answer</summary>
#
# Along its *row* are its own images, taken for others (low recall). Down its *column* are
# others' images, taken for it (low *precision*). Both count: a network that calls everything
# "bag" recognises every bag.
#
# </details>
#
# ## C · Understand it
#
# ### Exercise 7 ★★ · Which activation, and why does it matter when networks get deep?
#
# Backpropagation multiplies one factor after another on its way down. For a network whose
# layers have the activations $h^{(l)} = \varphi(W^{(l)} h^{(l-1)} + b^{(l)})$,
#
# $$ \frac{\partial L}{\partial h^{(l-1)}}
#    = {W^{(l)}}^{\!\top} \left( \varphi'(z^{(l)}) \odot \frac{\partial L}{\partial h^{(l)}} \right) $$
#
# where $z^{(l)}$ is what goes into the activation of layer $l$, $\varphi'$ the activation's
# slope and $\odot$ multiplies number by number. The sigmoid's slope is *at most 1/4*. Eight
# layers of it: at best $4^{-8}$. Let us measure.
#
# Write a function that says how large the gradient of each weight matrix is, after one
# backward pass on one batch.


# %% id="gradient-norms"
def gradient_norms(model, images, labels):
    """One number a linear layer, first layer first: the norm of its weights' gradient."""
    # === solution: Compute the loss, go backward, and take .weight.grad.norm() of each. ===
    model.zero_grad()
    F.cross_entropy(model(images.to(DEVICE)), labels.to(DEVICE)).backward()
    linear = [layer for layer in model if isinstance(layer, nn.Linear)]
    return [layer.weight.grad.norm().item() for layer in linear]
    # === end ===


# %% tags=["check"]
with ck.checking("Exercise 7: gradient norms"):
    ck.seed_everything(6)
    three = make_mlp([4, 5, 5, 3]).to(DEVICE)
    norms = gradient_norms(three, torch.randn(8, 4), torch.arange(8) % 3)
    ck.expect(len(norms) == 3, f"Three linear layers should give three numbers, not {len(norms)}.")
    twice = gradient_norms(three, torch.randn(8, 4), torch.arange(8) % 3)
    direct = [p.grad.norm().item() for p in three.parameters() if p.ndim == 2]
    ck.expect_close(twice, direct, "These are not the norms of the weights' gradients.")
    ck.expect(norms != twice, "Another batch should give other gradients.")
    same = gradient_norms(three, torch.zeros(8, 4), torch.zeros(8, dtype=torch.long))
    once_more = gradient_norms(three, torch.zeros(8, 4), torch.zeros(8, dtype=torch.long))
    ck.expect_close(once_more, same, "Called twice, it should say the same: clear old gradients.")

# %% tags=["slow"]
depth = [784, *[64] * 8, 10]
contestants = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "ReLU": nn.ReLU}
batch = next(iter(DataLoader(train_set, batch_size=256)))

figure, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.6))
for (name, activation), marker in zip(contestants.items(), "o^s"):
    ck.seed_everything(0)
    deep = make_mlp(depth, activation).to(DEVICE)
    norms = gradient_norms(deep, *batch)
    left.semilogy(range(1, len(norms) + 1), norms, marker=marker, label=name)
    optimiser = torch.optim.Adam(deep.parameters(), lr=1e-3)
    history = fit(deep, train_loader, valid_loader, optimiser, EPOCHS)
    right.plot(range(1, EPOCHS + 1), history["accuracy"], marker=marker, ms=4, label=name)
    print(f"{name:8} first layer's gradient {norms[0]:.1e}, accuracy {history['accuracy'][-1]:.1%}")
left.set(title="gradients before training", xlabel="layer", ylabel="norm of the gradient")
right.set(title="training", xlabel="epoch", ylabel="validation accuracy", ylim=(0, 1))
left.legend()
right.legend()
ck.show(
    figure,
    "Left: the norm of the gradient for each of nine layers before training, on a logarithmic "
    "axis. Sigmoid's falls by many powers of ten towards the first layer; those of tanh and "
    "ReLU fall much less. Right: the validation accuracy by epoch; the network with sigmoid "
    "stays near guessing, tanh and ReLU learn.",
)

# %% [markdown]
# **Think · The last layer of the sigmoid network gets a good gradient. Why does the network
# learn next to nothing all the same? And why was the sigmoid no trouble this morning?**
#
# <details><summary>Our answer</summary>
#
# The last layer can only work with what the layers below hand up, and these are still
# random: the images have become mush on the way. This morning there was one layer, so no
# product of small slopes. This **vanishing gradient** kept deep networks from being trained
# for years; ReLU, better initialisation (next exercise) and, later in the course, shortcuts
# past the layers were the way out.
#
# </details>
#
# ### Exercise 8 ★★★ · How to begin: initialisation
#
# The weights have to begin *somewhere*. If a layer has $n$ inputs, and weights drawn with the
# standard deviation $s$, each of its sums has about the standard deviation $s \sqrt{n}$ times
# that of its inputs. Ten layers multiply ten such factors: below 1 they fade to nothing,
# above 1 they explode. Glorot and Bengio [1] therefore chose, for a layer of $n$ inputs and $m$
# outputs, and He and others [2] for ReLU, which throws half of the signal away,
#
# $$ s_{\text{Glorot}} = \sqrt{\frac{2}{n + m}}, \qquad s_{\text{He}} = \sqrt{\frac{2}{n}} $$


# %% id="initialise"
@torch.no_grad()
def initialise(model, how):
    """Draws all weights anew, normally distributed, and sets all biases to zero.

    `how` is "zero", "small" (s = 0.01), "large" (s = 0.2), "Glorot" or "He".
    """
    for layer in model:
        if not isinstance(layer, nn.Linear):
            continue
        outputs, inputs = layer.weight.shape
        # === solution: Find s for each `how`, then fill layer.weight and layer.bias in place. ===
        deviations = {
            "zero": 0.0,
            "small": 0.01,
            "large": 0.2,
            "Glorot": math.sqrt(2 / (inputs + outputs)),
            "He": math.sqrt(2 / inputs),
        }
        layer.weight.normal_(0.0, deviations[how])
        layer.bias.zero_()
        # === end ===


# %% [markdown] tags=["hint"]
# Methods whose names end in an underscore change a tensor in place: `tensor.normal_(0.0, s)`
# draws it anew, `tensor.zero_()` sets it to zero. A dictionary from `how` to `s` saves five ifs.

# %% tags=["check"]
with ck.checking("Exercise 8: initialisation"):
    ck.seed_everything(8)
    wide = make_mlp([300, 500, 200])
    for how, first in {
        "zero": 0,
        "small": 0.01,
        "large": 0.2,
        "Glorot": 0.05,
        "He": 0.08165,
    }.items():
        initialise(wide, how)
        ck.expect_close(
            wide[1].weight.std(), first, f"'{how}' has the wrong deviation.", tolerance=0.003
        )
        ck.expect(not wide[1].bias.any(), f"'{how}' should set the biases to zero.")
    ck.expect_close(wide[3].weight.std(), 0.06325, "He depends on the inputs.", tolerance=0.003)

# %%
figure, axes = plt.subplots(figsize=(6.8, 3.8))
for how, marker in zip(("small", "Glorot", "He", "large"), "o^sD"):
    ck.seed_everything(0)
    tower = make_mlp([784, *[256] * 10, 10])
    initialise(tower, how)
    signal, spread = batch[0], []
    with torch.no_grad():
        for layer in tower:
            signal = layer(signal)
            if isinstance(layer, nn.ReLU):
                spread.append(signal.std().item())
    axes.semilogy(range(1, 11), spread, marker=marker, label=how)
axes.set(xlabel="hidden layer", ylabel="standard deviation of h", title="A signal on its way up")
axes.legend()
ck.show(
    figure,
    "The standard deviation of the activations in ten ReLU layers on a logarithmic axis. With "
    "He's initialisation it stays level, with Glorot's it falls slowly, with small weights it "
    "falls by many powers of ten, with large ones it grows by many powers of ten.",
)

# %% [markdown]
# **Think · "zero" is not in the picture. What do all neurons of a layer learn if they all begin
# with the same weights?**
#
# <details><summary>Our answer</summary>
#
# The same. Neurons that are equal get equal gradients and stay equal for ever: a hidden layer
# of 256 copies. With exactly zero it is worse still, since the gradients of the layers below
# are zero as well. Random weights are there to *break the symmetry*. You will see it in part D.
#
# </details>
#
# ### Exercise 9 ★★★ · Find the learning rate in one minute
#
# One number decides more than all others: the learning rate. Instead of guessing, *sweep* it
# [3]: take a fresh network, train for some hundred batches while the rate grows from very
# small to very large by the same factor each time,
#
# $$ \eta_k = \eta_{\text{low}} \left( \frac{\eta_{\text{high}}}{\eta_{\text{low}}} \right)^{k / (K - 1)},
#    \qquad k = 0, \dots, K - 1, $$
#
# and write down the loss of each batch. A good rate lies where the loss falls fastest, well
# before the point where it shoots up.


# %% id="rate-sweep"
def rate_sweep(model, loader, low, high, steps):
    """Two lists of `steps` numbers: the learning rates, and each batch's loss before its step."""
    optimiser = torch.optim.SGD(model.parameters(), lr=low)
    model.train()
    rates, losses = [], []
    while len(rates) < steps:
        for images, labels in loader:
            if len(rates) == steps:
                break
            rate = low * (high / low) ** (len(rates) / (steps - 1))
            for group in optimiser.param_groups:  # the official way to change a rate
                group["lr"] = rate
            # === solution: Do the five steps for this batch; append to rates and losses. ===
            optimiser.zero_grad()
            loss = F.cross_entropy(model(images.to(DEVICE)), labels.to(DEVICE))
            loss.backward()
            optimiser.step()
            rates.append(rate)
            losses.append(loss.item())
            # === end ===
    return rates, losses


# %% tags=["check"]
with ck.checking("Exercise 9: sweep the learning rate"):
    ck.seed_everything(9)
    swept = make_mlp([6, 32, 2]).to(DEVICE)
    start = copy.deepcopy(swept.state_dict())
    rates, sweep = rate_sweep(swept, toy, 1e-3, 1e1, steps=41)
    ck.expect(len(rates) == len(sweep) == 41, "41 steps should give 41 rates and 41 losses.")
    ck.expect_close(rates[20], 0.1, "Half way from 0.001 to 10 by equal factors is 0.1.")
    changed = any(not torch.equal(swept.state_dict()[name], start[name]) for name in start)
    ck.expect(changed, "The network has not changed: is `step` called?")
    ck.expect_close(sweep[0], math.log(2), "The first loss should be near log 2.", tolerance=0.3)

# %%
ck.seed_everything(0)
rates, losses = rate_sweep(make_mlp([784, 128, 10]).to(DEVICE), train_loader, 1e-4, 3e1, steps=150)
smooth, mean = [], losses[0]
for n, loss in enumerate(losses, 1):
    mean = 0.9 * mean + 0.1 * min(loss, 20)
    smooth.append(mean)
best = min(range(len(smooth)), key=smooth.__getitem__)
figure, axes = plt.subplots(figsize=(6.8, 3.8))
axes.semilogx(rates, losses, color="#9a9a92", lw=1, linestyle="-", label="each batch")
axes.semilogx(rates, smooth, color=ck.COLOURS[0], linestyle="-", label="smoothed")
good = rates[best] / 5
axes.axvline(good, color=ck.COLOURS[1], linestyle="--", label=f"a fifth of the best: {good:.2g}")
axes.set(xlabel="learning rate (SGD)", ylabel="cross-entropy", ylim=(0, 4))
axes.legend(loc="upper left")
ck.show(
    figure,
    "The loss of each batch while the learning rate grows from 0.0001 to 30. It is flat for "
    "small rates, falls in the middle, is lowest near "
    f"{rates[best]:.2g} and then shoots up. A dashed line marks a fifth of the best rate.",
)

# %% [markdown]
# **Think · Would the sweep show the same for Adam instead of SGD? And for another batch size?**
# Change it and see.
#
# <details><summary>Our answer</summary>
#
# The shape stays, the place moves. Adam divides each gradient by its own recent size, so its
# good rates are much smaller, around 0.001, and depend less on the network. Larger batches
# have less noisy gradients and bear longer steps.
#
# </details>
#
# ### Exercise 10 ★★★ · Overfit on purpose, then stop in time
#
# A network with 100,000 weights and 100 images can learn every image by heart, labels and
# all. Before you fight overfitting, produce it: a network that *cannot* reach a training loss
# near zero on 100 images has a bug.

# %% tags=["slow"]
ck.seed_everything(0)
few_loader = DataLoader(PictureSet(train_x[:100], train_y[:100], MEAN, STD), 20, shuffle=True)
parrot = make_mlp([784, 128, 10]).to(DEVICE)
with ck.LiveCurves("cross-entropy") as curves:
    optimiser = torch.optim.Adam(parrot.parameters(), lr=1e-3)
    parrot_history = fit(
        parrot, few_loader, valid_loader, optimiser, 30 if ck.smoke() else 80, curves
    )
print(f"training loss {parrot_history['training'][-1]:.4f}: learned by heart")
print(
    f"validation loss {parrot_history['validation'][-1]:.2f}, at best it was "
    f"{min(parrot_history['validation']):.2f}"
)

# %% [markdown]
# Training goes on getting better; validation stopped long ago. So should you. **Early
# stopping**: end when the validation loss has had no new best for `patience` epochs, and go back
# to the epoch of the best.


# %% id="early-stop"
def early_stop(losses, patience):
    """A pair of positions in `losses`, counted from 0: the best so far, and where to stop.

    Stop at the first position that is `patience` after the best one seen until then; if that
    never happens, at the last position.
    """
    # === solution: Walk through the losses, remember where the best was, stop in time. ===
    best = 0
    for now, loss in enumerate(losses):
        if loss < losses[best]:
            best = now
        if now - best >= patience:
            return best, now
    return best, len(losses) - 1
    # === end ===


# %% tags=["check"]
with ck.checking("Exercise 10: early stopping"):
    ck.expect(
        early_stop([3, 2, 1, 2, 3, 4], 2) == (2, 4), "[3, 2, 1, 2, 3, 4], patience 2: (2, 4)."
    )
    ck.expect(early_stop([3, 2, 1], 2) == (2, 2), "[3, 2, 1] never stops early: (2, 2).")
    ck.expect(early_stop([3, 2, 2.5, 1, 2, 2, 2], 2) == (3, 5), "A short bump should be survived.")
    ck.expect(early_stop([1, 2, 3, 0], 2) == (0, 2), "It cannot know that 0 would have come.")

# %%
best, stop = early_stop(parrot_history["validation"], patience=5)
print(
    f"Stop after epoch {stop + 1}, go back to epoch {best + 1}: "
    f"validation loss {parrot_history['validation'][best]:.2f}, "
    f"accuracy {parrot_history['accuracy'][best]:.1%}"
)
print(
    f"Without stopping: validation loss {parrot_history['validation'][-1]:.2f}, "
    f"accuracy {parrot_history['accuracy'][-1]:.1%}"
)

# %% [markdown]
# **Think · The validation *loss* may grow while the validation *accuracy* hardly changes. How can
# both be?**
#
# <details><summary>Our answer</summary>
#
# Accuracy asks only which class comes first. The loss asks how sure the network was: the more
# it has learned by heart, the surer it is of everything, its mistakes included, and a sure
# mistake is expensive.
#
# </details>
#
# ## D · Break it
#
# ### Exercise 11 ★★★ · Six accidents
#
# Every one of these happens to everybody. **Before you run the cell, write down for each what
# its curve will look like:** *learns as well · learns slowly · learns nothing · explodes*.
#
# 1. Gradients are never cleared.
# 2. The learning rate is a thousand times too large.
# 3. The labels are shuffled among the training images.
# 4. The outputs go through softmax before `F.cross_entropy`, which does a softmax of its own.
# 5. Pixels from 0 to 255 with a shift, instead of standardised ones.
# 6. All weights begin at zero.


# %% tags=["slow"]
def accident(kind, epochs):
    """Trains the baseline network with one thing wrong; the training loss of each epoch."""
    ck.seed_everything(0)
    model = make_mlp([784, 128, 10]).to(DEVICE)
    x, y = train_set.images, train_set.labels
    if kind == "labels shuffled":
        y = y[torch.randperm(len(y))]
    if kind == "raw pixels":
        x = train_x * 255 + 500
    if kind == "zero weights":
        initialise(model, "zero")
    optimiser = torch.optim.SGD(model.parameters(), lr=100.0 if kind == "huge rate" else 0.1)
    means = []
    for _ in range(epochs):
        losses = []
        for rows in torch.randperm(len(y)).split(64):
            out = model(x[rows].to(DEVICE))
            if kind == "softmax twice":
                out = torch.softmax(out, dim=1)
            now = F.cross_entropy(out, y[rows].to(DEVICE))
            if kind != "never cleared":
                optimiser.zero_grad()
            now.backward()
            optimiser.step()
            losses.append(now.item())
        means.append(sum(losses) / len(losses))
    return means


kinds = [
    "never cleared",
    "huge rate",
    "labels shuffled",
    "softmax twice",
    "raw pixels",
    "zero weights",
]
healthy = accident("none", EPOCHS)
figure, panels = plt.subplots(2, 3, figsize=(9.4, 5), sharex=True, sharey=True)
ends = []
for axes, kind in zip(panels.flat, kinds):
    means = accident(kind, EPOCHS)
    shown = [min(m, 6.0) if math.isfinite(m) else 6.0 for m in means]
    axes.plot(range(1, EPOCHS + 1), healthy, color="#9a9a92", label="healthy")
    axes.plot(range(1, EPOCHS + 1), shown, color=ck.COLOURS[1], linestyle="-", label="broken")
    axes.axhline(math.log(10), color=ck.INK, lw=0.8, linestyle=":")
    axes.set(title=kind, ylim=(0, 6.2))
    ends.append(f"{kind} {means[-1]:.3g}")
panels[0, 0].legend()
panels[0, 0].set_ylabel("training loss")
panels[1, 0].set(xlabel="epoch", ylabel="training loss")
ck.show(
    figure,
    "Six panels, each with the healthy training loss and that of one accident, cut off at 6; "
    "a dotted line marks log 10, the loss of guessing. Last values: healthy "
    f"{healthy[-1]:.3g}; {'; '.join(ends)}.",
)

# %% [markdown]
# <details><summary>What happened, and how to tell them apart</summary>
#
# 1. **Never cleared**: each step repeats all earlier ones, like a rate that grows by itself. It
#    may look like learning for an epoch, and then explodes.
# 2. **Huge rate**: leaves the region in which the gradient means anything, at once. Loss in the
#    hundreds, or `nan`.
# 3. **Labels shuffled**: the loss falls below log 10, but slowly: learning by heart is all that
#    is left. Validation would show it at once. *Check that images and labels still belong
#    together after each change of your data code.*
# 4. **Softmax twice**: learns, but slowly, and the loss cannot fall below about 1.46, since
#    probabilities are logits between 0 and 1. The nastiest of the six: no error, no
#    explosion, just a bit worse. *Loss functions want logits.*
# 5. **Raw pixels**: huge inputs make huge gradients: explodes or sticks at log 10.
# 6. **Zero weights**: exactly log 10 to the last digit, or very near it: only the last bias
#    learns. Suspiciously *flat* curves are a sign of symmetry or of a cut graph.
#
# </details>
#
# **Now a repair.** The following function runs without any error and contains *three*
# mistakes. Find them by reading. Then write it correctly below.


# %%
def broken_epoch(model, loader, optimiser):
    model.eval()
    total = 0.0
    for x, y in loader:
        x, y = x.to(DEVICE), y.to(DEVICE)
        output = F.relu(model(x))
        error = F.cross_entropy(output, y)
        error.backward()
        optimiser.step()
        optimiser.zero_grad()
        total += error.item()
    return total / len(loader.dataset)


# %% id="repair"
def repaired_epoch(model, loader, optimiser):
    """Trains on every batch once; the mean loss over all images."""
    # === solution: Write the function above without its three mistakes. ===
    model.train()  # 1: eval switches off what training needs, such as dropout
    total = 0.0
    for x, y in loader:
        x, y = x.to(DEVICE), y.to(DEVICE)
        output = model(x)  # 2: ReLU would throw away every logit below zero
        error = F.cross_entropy(output, y)
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
        total += error.item() * len(y)  # 3: a mean over images, not over batches
    return total / len(loader.dataset)
    # === end ===


# %% [markdown] tags=["hint"]
# Clearing *after* the step is all right: what counts is that it happens between two calls of
# `backward`. Look at the first line, at what happens to the logits, and at what the returned
# number is a mean of.

# %% tags=["check"]
with ck.checking("Exercise 11: the repair"):
    ck.seed_everything(11)
    patient = make_mlp([6, 16, 2]).to(DEVICE)
    patient.eval()
    still = torch.optim.SGD(patient.parameters(), lr=0.0)
    before, _ = evaluate(patient, toy)
    reported = repaired_epoch(patient, toy, still)
    ck.expect(patient.training, "The network is left in eval mode: dropout would be off.")
    ck.expect_close(reported, before, "With a rate of 0, it should report the mean loss.")
    moving = torch.optim.Adam(patient.parameters(), lr=0.02)
    after = [repaired_epoch(patient, toy, moving) for _ in range(20)][-1]
    ck.expect(after < 0.3, f"After 20 epochs the loss should be below 0.3; it is {after:.2f}.")

# %% [markdown]
# ## E · Race
#
# ### Exercise 12 · The hyper-parameter race
#
# Depth, width, learning rate, batch size, activation: none of them is learned, all of them are
# yours to choose. A small **grid** shows the way: every combination once, judged by the
# *validation* accuracy. The grid below is deliberately tiny; each entry trains for a few epochs.


# %% tags=["slow"]
def enter(hidden, rate, batch_size=64, activation=nn.ReLU, weight_decay=0.0, epochs=None, seed=0):
    """Trains one entry of the race: its best validation accuracy, and the network of then."""
    ck.seed_everything(seed)
    network = make_mlp([784, *hidden, 10], activation).to(DEVICE)
    loader = DataLoader(train_set, batch_size=batch_size, shuffle=True)
    chosen = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=weight_decay)
    best, kept = 0.0, copy.deepcopy(network.state_dict())
    for _ in range(epochs or EPOCHS // 2):
        score = fit(network, loader, valid_loader, chosen, 1)["accuracy"][0]
        if score > best:
            best, kept = score, copy.deepcopy(network.state_dict())
    network.load_state_dict(kept)
    return best, network


board = []
for hidden in ([32], [256], [128, 128]):
    for rate in (1e-4, 1e-3, 1e-2):
        begin = time.perf_counter()
        score, _ = enter(hidden, rate)
        board.append((score, f"{'-'.join(map(str, hidden))}, rate {rate:g}"))
        print(f"{board[-1][1]:24} {score:.1%} in {time.perf_counter() - begin:.1f} s")


# %%
def leaderboard(board):
    ranked = sorted(board)
    figure, axes = plt.subplots(figsize=(6.8, 0.34 * len(ranked) + 0.9))
    bars = axes.barh([name for _, name in ranked], [score for score, _ in ranked])
    for bar, (_, name) in zip(bars, ranked):
        bar.set_color(ck.COLOURS[1] if name.startswith("mine") else ck.COLOURS[0])
    axes.bar_label(bars, [f"{score:.1%}" for score, _ in ranked], padding=3, fontsize=9)
    axes.set(xlabel="best validation accuracy", xlim=(0, 1.12), title="Leaderboard")
    axes.grid(axis="y", visible=False)
    ck.show(
        figure,
        "Leaderboard, best first: "
        + "; ".join(f"{name}: {score:.1%}" for score, name in reversed(ranked)),
    )


leaderboard(board)

# %% [markdown]
# **Think · Which of the two, width or rate, mattered more? How much of the difference between the
# first two places is luck?** (Run the winner again with another `seed`.)
#
# **Your entry.** Beat the grid. Everything is allowed that `enter` knows, and more if you change
# it: more epochs, another activation, weight decay, several seeds.

# %% id="my-entry" tags=["slow"]
# === solution: Call enter with your choice; keep the pair as my_score, my_network. ===
my_score, my_network = enter([256, 128], 2e-3, batch_size=32, weight_decay=0.1, epochs=EPOCHS)
# === end ===
leaderboard([*board, (my_score, "mine")])

# %% tags=["check"]
with ck.checking("Exercise 12: an entry for the race"):
    ck.expect(isinstance(my_network, nn.Module), "my_network should be the trained network.")
    measured = evaluate(my_network, valid_loader)[1]
    ck.expect_close(my_score, measured, "my_score should be this network's validation accuracy.")
    ck.expect(measured > 0.3, "That is close to guessing: look at the learning rate.")

# %% [markdown]
# **The class's race.** When you are done choosing, and not before, run the next cell *once* and
# write your line on the board. The rules: choose by validation only; the test images are looked
# at one single time; whoever has run it twice is out. At a tie, fewer parameters win.

# %%
test_loss, test_accuracy = evaluate(my_network, test_loader)
parameters = sum(p.numel() for p in my_network.parameters())
print(f"validation {my_score:.1%} · test {test_accuracy:.1%} · {parameters:,} parameters")

# %% [markdown]
# **Think · Of everybody's test numbers, the best will be announced. Is it an honest estimate of how
# good that network is?**
#
# <details><summary>Our answer</summary>
#
# Not quite: choosing the best of forty test numbers *is* choosing by the test set, and the
# winner was probably lucky as well as good. The same happens on every public leaderboard.
#
# </details>
#
# ## What to take along
#
# - A training is five small functions: data, split, network, measuring, loop. You own them now.
# - Look at gradients and activations when a deep network does not learn: they fade or explode.
# - He for ReLU, Glorot for tanh; never equal weights.
# - Sweep the learning rate before anything else.
# - Overfit a few images first: it proves that the loop works. Then stop early.
# - No error message does not mean no mistake.
#
# ### Further reading
#
# 1. X. Glorot, Y. Bengio (2010), *Understanding the difficulty of training deep feedforward
#    neural networks*, AISTATS, PMLR 9, 249–256.
# 2. K. He, X. Zhang, S. Ren, J. Sun (2015), *Delving deep into rectifiers*,
#    [arXiv:1502.01852](https://arxiv.org/abs/1502.01852).
# 3. L. N. Smith (2017), *Cyclical learning rates for training neural networks*, WACV,
#    [arXiv:1506.01186](https://arxiv.org/abs/1506.01186): where the sweep comes from.
# 4. D. P. Kingma, J. Ba (2014), *Adam: a method for stochastic optimization*,
#    [arXiv:1412.6980](https://arxiv.org/abs/1412.6980).
# 5. C. Zhang, S. Bengio, M. Hardt, B. Recht, O. Vinyals (2017), *Understanding deep learning
#    requires rethinking generalization*, [arXiv:1611.03530](https://arxiv.org/abs/1611.03530):
#    networks that learn shuffled labels by heart.
# 6. H. Xiao, K. Rasul, R. Vollgraf (2017), *Fashion-MNIST*,
#    [arXiv:1708.07747](https://arxiv.org/abs/1708.07747).
