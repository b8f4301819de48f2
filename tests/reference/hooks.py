# SPDX-License-Identifier: BSL-1.0
"""data/hooks.npz: what PyTorch's hooks see and do, for the network of tests/hooks/hook_test.cpp.

Parameters and x, t as they start; `loss` and `grad.<name>` of the step; `<n>.<event>.<value>` what the n-th call of a
hook saw; `events` their names in order. Module `pair` takes two inputs and returns two outputs.
"""
import numpy as np
import torch
from torch import nn

from common import save


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 5)
        self.act = nn.Tanh()

    def forward(self, x):
        hidden = self.fc1(x)
        taps["encoder.hidden"](hidden)
        return self.act(hidden)


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.empty(5))

    def forward(self, a, b):
        return a * self.scale, a * b


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.pair = Pair()
        self.head = nn.Linear(5, 3)

    def forward(self, x):
        h = self.encoder(x)
        p, q = self.pair(h, torch.sigmoid(h))
        return self.head(self.head_input(p, q))

    def head_input(self, p, q):
        return p + q


torch.manual_seed(11)
events, arrays = [], {}


def see(event, **values):
    for name, value in values.items():
        arrays[f"{len(events)}.{event}.{name}"] = value.detach().numpy().copy()
    events.append(event)


def tap(hidden):
    see("hidden", value=hidden)
    hidden.register_hook(lambda g: see("hidden.grad", grad=g))
    hidden.register_hook(lambda g: g * 3)
    hidden.register_hook(lambda g: see("hidden.grad.after", grad=g))


taps = {"encoder.hidden": tap}
net = Net()
for p in net.parameters():
    nn.init.normal_(p)
x, t = torch.randn(6, 4), torch.tensor([0, 2, 1, 1, 0, 2])
for name, p in net.named_parameters():
    arrays[name] = p.detach().numpy().copy()
arrays["x"], arrays["t"] = x.numpy(), t.numpy()


def fc1_backward(module, grad_input, grad_output):
    assert grad_input == (None,)
    see("fc1.backward", grad_output=grad_output[0])


def pair_backward(module, grad_input, grad_output):
    see("pair.backward", in0=grad_input[0], in1=grad_input[1], out0=grad_output[0], out1=grad_output[1])
    return grad_input[0] * 0.5, grad_input[1]


def head_backward(module, grad_input, grad_output):
    see("head.backward", grad_input=grad_input[0], grad_output=grad_output[0])
    return (grad_input[0] + 0.25,)


net.head.register_forward_pre_hook(lambda m, i: see("head.pre", input=i[0]))
net.head.register_forward_pre_hook(lambda m, i: (i[0] * 0.5,))
net.head.register_forward_pre_hook(lambda m, i: see("head.pre.after", input=i[0]))
net.encoder.register_forward_hook(lambda m, i, o: see("encoder", input=i[0], output=o))
net.encoder.register_forward_hook(lambda m, i, o: o * 2)
net.encoder.register_forward_hook(lambda m, i, o: o + 1)
net.encoder.fc1.register_forward_hook(lambda m, i, o: see("fc1", input=i[0], output=o))
net.pair.register_forward_hook(lambda m, i, o: see("pair", in0=i[0], in1=i[1], out0=o[0], out1=o[1]))
net.encoder.fc1.register_full_backward_hook(fc1_backward)
net.pair.register_full_backward_hook(pair_backward)
net.head.register_full_backward_hook(head_backward)
net.head.register_full_backward_hook(lambda m, i, o: see("head.backward.after", grad_input=i[0], grad_output=o[0]))

loss = nn.functional.cross_entropy(net(x), t)
loss.backward()
arrays["loss"] = loss.detach().numpy()
for name, p in net.named_parameters():
    arrays[f"grad.{name}"] = p.grad.numpy()
arrays["events"] = np.frombuffer(" ".join(events).encode(), dtype=np.uint8)
save("hooks", arrays)
print(" ".join(events))
