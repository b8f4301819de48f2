# SPDX-License-Identifier: BSL-1.0
"""Reads files that Stator wrote into PyTorch, with a reader that shares nothing with Stator: names, values, outputs,
a training that goes on in PyTorch from Stator's checkpoint, and a ResNet-18 and a GPT.

    (cd build/gcc && tests/io_test "[interchange]" && tests/train_test "[interchange]")
    /usr/bin/python3 tests/reference/safetensors_check.py build/gcc/interchange
"""
import pathlib
import sys

import numpy as np
import torch
from torch import nn

import safetensors_format as safetensors
from networks import Gpt, ResNet18

directory = pathlib.Path(sys.argv[1])


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 8)
        self.fc2 = nn.Linear(8, 3)
        self.register_buffer("batches", torch.tensor(0))

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x)))


def largest_difference(a, b):
    return max((a[name].double() - b[name].double()).abs().max().item() for name in a)


outputs = np.load(directory / "outputs.npz")
model = Mlp()
metadata = safetensors.load_model(model, directory / "before.safetensors")
assert metadata == {"format": "pt"}, metadata
assert list(safetensors.read(directory / "before.safetensors")[0]) == list(model.state_dict())
difference = np.abs(model(torch.from_numpy(outputs["x"])).detach().numpy() - outputs["y"]).max()
print(f"before.safetensors: outputs differ by {difference:.2g}")
assert difference < 1e-6

rounded, _ = safetensors.read(directory / "before_bf16.safetensors")
for name, tensor in model.state_dict().items():
    right = tensor.to(torch.bfloat16) if tensor.is_floating_point() else tensor
    assert torch.equal(rounded[name], right), name
print("before_bf16.safetensors: rounded as PyTorch rounds")

npz = np.load(directory / "before.npz")
for name, tensor in model.state_dict().items():
    assert npz[name].shape == tuple(tensor.shape) and np.array_equal(npz[name], tensor.numpy()), name
print("before.npz: equal")

tensors, metadata = safetensors.read(directory / "checkpoint.safetensors")
assert metadata == {"format": "pt", "note": "fünf Schritte"}, metadata
part = {name: t for name, t in tensors.items()}
model = Mlp()
model.load_state_dict({n.removeprefix("model."): t for n, t in part.items() if n.startswith("model.")})
torch.set_rng_state(part["rng"])
assert torch.equal(torch.rand(5, 4), torch.from_numpy(outputs["x"]))
print("checkpoint.safetensors: torch.rand continues with the same numbers")

names = [name for name, _ in model.named_parameters()]
state, groups = {}, []
for key, tensor in part.items():
    if key.startswith("optimizer.state."):
        parameter, what = key.removeprefix("optimizer.state.").rsplit(".", 1)
        state.setdefault(names.index(parameter), {})[what] = tensor
    elif key.startswith("optimizer.param_groups."):
        group, what = key.removeprefix("optimizer.param_groups.").split(".")
        while len(groups) <= int(group):
            groups.append({})
        groups[int(group)][what] = tensor.tolist() if tensor.dim() else tensor.item()
# PyTorch counts parameters through the groups.
order = [index for group in groups for index in group["params"]]
parameters = [parameter for _, parameter in model.named_parameters()]
optimizer = torch.optim.Adam([{"params": [parameters[i] for i in group["params"]]} for group in groups])
for group in groups:
    group["params"] = [order.index(index) for index in group["params"]]
    group["betas"] = tuple(group["betas"])
    for key, value in optimizer.param_groups[0].items():
        group.setdefault(key, value)
optimizer.load_state_dict({"state": {order.index(i): s for i, s in state.items()}, "param_groups": groups})
for parameter in parameters:
    parameter.grad = (0.01 * (torch.arange(parameter.numel()) % 7 - 3).float()).reshape(parameter.shape)
optimizer.step()
after, _ = safetensors.read(directory / "after.safetensors")
difference = largest_difference(after, model.state_dict())
print(f"after.safetensors: after a step of torch.optim.Adam the parameters differ by {difference:.2g}")
assert difference < 1e-7


def check_network(name, make, make_input):
    """Outputs of Stator's weights, and whether PyTorch begins with the same ones."""
    torch.manual_seed(8)
    x = make_input()
    torch.manual_seed(7)
    net = make().eval()
    initial = {key: t.clone() for key, t in net.state_dict().items()}
    for parameter in net.parameters():
        parameter.data.zero_()
    safetensors.load_model(net, directory / f"{name}.safetensors")
    y = np.load(directory / f"{name}.npz")["y"]
    difference = np.abs(net(x).detach().numpy() - y).max() / np.abs(y).max()
    print(f"{name}.safetensors: outputs differ by {difference:.2g}, "
          f"weights from PyTorch's of that seed by {largest_difference(initial, net.state_dict()):.2g}")
    assert difference < 1e-5


check_network("resnet18", lambda: ResNet18(width=8, classes=10), lambda: torch.rand(8, 3, 32, 32))
check_network("gpt", Gpt, lambda: torch.randint(0, 100, (3, 16)))
