"""The pinned torch and torchvision work together, on a processor as well."""

import pytest
import torch
import torchvision
from torch import nn


def test_torch_is_the_cuda_build_that_also_runs_on_a_processor():
    assert torch.version.cuda
    assert torch.zeros(3).device.type == "cpu"


def test_convolution_and_backward_pass_lower_the_loss():
    torch.manual_seed(0)
    images, labels = torch.randn(32, 1, 12, 12), torch.randint(0, 10, (32,))
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(288, 10)
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for _ in range(30):
        loss = nn.functional.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


def test_gradient_is_the_true_one():
    x = torch.tensor([2.0, 3.0], requires_grad=True)
    (x**3).sum().backward()
    assert torch.allclose(x.grad, torch.tensor([12.0, 27.0]))


def test_torchvision_has_its_compiled_operators():
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 11, 11], [20, 20, 30, 30]])
    scores = torch.tensor([0.9, 0.8, 0.7])
    assert torchvision.ops.nms(boxes, scores, 0.5).tolist() == [0, 2]


def test_torchvision_model_runs():
    network = torchvision.models.resnet18(weights=None).eval()
    with torch.inference_mode():
        assert network(torch.randn(1, 3, 64, 64)).shape == (1, 1000)


def test_mixed_precision_on_a_processor():
    layer = nn.Linear(16, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = layer(torch.randn(8, 16))
    assert out.dtype == torch.bfloat16
    assert torch.isfinite(out).all()


@pytest.mark.parametrize("workers", [0, 2])
def test_data_loader_hands_over_batches_through_shared_memory(workers):
    # 24 MB a batch: more in flight than the 64 MB that an engine gives without being asked.
    data = torch.utils.data.TensorDataset(torch.arange(64.0).repeat(96 * 1024, 1).T.contiguous())
    loader = torch.utils.data.DataLoader(data, batch_size=16, num_workers=workers)
    batches = [batch for (batch,) in loader]
    assert len(batches) == 4
    assert torch.cat(batches)[:, 0].tolist() == list(range(64))
