# SPDX-License-Identifier: BSL-1.0
"""data/unused.npz: parameters that some losses do not use: PyTorch leaves alone what has no gradient (None).

Optimisers: eight steps on four vectors of 5, "always", "often", "late", "never", which have gradients as in SCHEDULE;
a missing one is None. The gradient of a vector in a step is sin(1 + 7 step + element + 3 number of the vector).
  <Optimizer>.<case>.<name> [8, 5]: the parameter after each step.
  <Optimizer>.<case>.state.<key>.<name>: its state after the last step, where it has one.
  <Optimizer>.<case>.names: the numbers of the vectors that have an entry in optimizer.state.

Networks: a trunk "fc", two heads, a layer that nothing uses and one that shares its weight with head1, from
manual_seed(0). In step i the loss is the sum of those that LOSSES[i] names: "a" of head1, "b" of head2, "t" of tied.
A capital letter is a backward of its own. "-" and "+" switch requires_grad of fc. "c" and "v" clip, by norm and value.
  net.<Optimizer>.<none|zero>.<parameter> [steps, ...]: after each step, with zero_grad(set_to_none=True|False).
  net.<Optimizer>.<none|zero>.has_grad [steps, parameters]: which have a gradient when the optimiser steps.
  net.<Optimizer>.<none|zero>.norm [steps]: what clip_grad_norm_ returned, 0 where it was not called.
"""
import math
import warnings

import torch
from torch import nn

from common import save

warnings.filterwarnings("ignore")
NAMES = ["always", "often", "late", "never"]
SCHEDULE = ["11111111", "11001101", "00011111", "00000000"]
CASES = {
    "SGD.decay": dict(lr=0.1, weight_decay=0.5),
    "SGD.momentum": dict(lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.1),
    "Adam.decay": dict(lr=0.1, weight_decay=0.5, amsgrad=True),
    "AdamW.decay": dict(lr=0.1, weight_decay=0.5),
    "RMSprop.all": dict(lr=0.01, weight_decay=0.1, momentum=0.9, centered=True),
    "Adagrad.decay": dict(lr=0.1, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.5),
    "Adadelta.decay": dict(lr=0.5, weight_decay=0.1),
    "Adamax.decay": dict(lr=0.02, weight_decay=0.1),
    "NAdam.decay": dict(lr=0.02, weight_decay=0.1, momentum_decay=0.1),
    "RAdam.decay": dict(lr=0.02, betas=(0.8, 0.5), weight_decay=0.1),
    "Rprop.default": dict(lr=0.1),
}
LOSSES = ["a", "b", "ab", "A B c", "t", "", "- b", "- a v", "+ a", "- A A", "B T c", "+ b"]

arrays = {}
for case, options in CASES.items():
    parameters = [torch.linspace(-1, 1, 5, dtype=torch.float64).add(0.1 * n).requires_grad_() for n in range(4)]
    optimizer = getattr(torch.optim, case.split(".")[0])(parameters, **options)
    trajectory = [[] for _ in parameters]
    for step in range(8):
        for number, p in enumerate(parameters):
            p.grad = None
            if SCHEDULE[number][step] == "1":
                p.grad = torch.tensor([math.sin(1 + 7 * step + i + 3 * number) for i in range(5)], dtype=torch.float64)
        optimizer.step()
        for number, p in enumerate(parameters):
            trajectory[number].append(p.detach().clone())
    for number, name in enumerate(NAMES):
        arrays[f"{case}.{name}"] = torch.stack(trajectory[number]).numpy()
        for key, state in optimizer.state.get(parameters[number], {}).items():
            if state is not None:
                arrays[f"{case}.state.{key}.{name}"] = torch.as_tensor(state).double().numpy()
    entries = [number for number, p in enumerate(parameters) if p in optimizer.state]
    arrays[f"{case}.names"] = torch.tensor(entries).numpy()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 4)
        self.head1 = nn.Linear(4, 4)
        self.head2 = nn.Linear(4, 2)
        self.unused = nn.Linear(2, 2)
        self.tied = nn.Linear(4, 4)
        self.tied.weight = self.head1.weight


OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.5),
}
x = torch.tensor([[1, 2, 3], [-1, 0, 1], [0.5, 0.25, -2], [1, 1, -1]], dtype=torch.float32)
for name, make in OPTIMIZERS.items():
    for set_to_none in (True, False):
        torch.manual_seed(0)
        net = Net()
        optimizer = make(net.parameters())
        parameters = dict(net.named_parameters())
        trajectory = {key: [] for key in parameters}
        has_grad, norms = [], []
        for losses in LOSSES:
            optimizer.zero_grad(set_to_none=set_to_none)
            total, norm = None, 0.0
            for letter in losses.replace(" ", ""):
                if letter in "-+":
                    net.fc.requires_grad_(letter == "+")
                elif letter == "c":
                    norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 0.5).item()
                elif letter == "v":
                    torch.nn.utils.clip_grad_value_(net.parameters(), 0.05)
                else:
                    head = {"a": net.head1, "b": net.head2, "t": net.tied}[letter.lower()]
                    y = head(torch.tanh(net.fc(x)))
                    loss = (y * y).mean()
                    if letter.isupper():
                        loss.backward()
                    else:
                        total = loss if total is None else total + loss
                if total is not None and letter == losses.replace(" ", "").rstrip("cv")[-1]:
                    total.backward()
                    total = None
            has_grad.append([p.grad is not None for p in parameters.values()])
            norms.append(norm)
            optimizer.step()
            for key, p in parameters.items():
                trajectory[key].append(p.detach().clone())
        prefix = f"net.{name}.{'none' if set_to_none else 'zero'}"
        for key, values in trajectory.items():
            arrays[f"{prefix}.{key}"] = torch.stack(values).numpy()
        arrays[f"{prefix}.has_grad"] = torch.tensor(has_grad, dtype=torch.int64).numpy()
        arrays[f"{prefix}.norm"] = torch.tensor(norms, dtype=torch.float64).numpy()
save("unused", arrays)
