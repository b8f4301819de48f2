# SPDX-License-Identifier: BSL-1.0
"""data/training.npz: twenty steps of two networks from manual_seed(0), batches of 64 from manual_seed(1).

The data can be drawn again: after manual_seed(1), each step draws images = rand(64, features) and then
labels = randint(0, 10, (64,)).
mlp: Linear 784-128, ReLU, Linear 128-10. cnn: Conv2d 1-32 3x3, ReLU, Conv2d 32-64 3x3, ReLU, MaxPool2d 2,
Linear 9216-128, ReLU, Linear 128-10, on images [64, 1, 28, 28].

<net>.<sgd|adam>.loss [20], float64 (the float32 losses, exactly), <net>.<sgd|adam>.loss64: the same training in
double from the same weights, which says how far apart correct programs can be.
<net>.<sgd|adam>.<parameter>: the weights after the steps; of more than 110,000 elements every 37th.
<net>.<sgd|adam>.norm.<parameter>: their Euclidean norm, in double.
<net>.<sgd|adam>.apart.<parameter>: [largest difference to the training in double, how many differ by over 1e-4].
Adam makes large steps of small gradients, rounding and all: of the CNN's 1.2 million weights 32 end up to 1e-3
apart. PyTorch with one thread and with two differs as much from itself, so no program can do better.
SGD is SGD(lr=0.01, momentum=0.9), Adam is Adam(lr=1e-3).
"""
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from common import save

STEPS, BATCH = 20, 64


class Mlp(nn.Module):
    features = (784,)

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))


class Cnn(nn.Module):
    features = (1, 28, 28)

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        return self.fc2(F.relu(self.fc1(torch.flatten(F.max_pool2d(x, 2), 1))))


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=1e-3),
}


def train(make_net, make_optimizer, dtype):
    torch.manual_seed(0)
    net = make_net().to(dtype)
    optimizer = make_optimizer(net.parameters())
    torch.manual_seed(1)
    losses = []
    for _ in range(STEPS):
        images = torch.rand(BATCH, *net.features).to(dtype)
        labels = torch.randint(0, 10, (BATCH,))
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return net, np.array(losses)


arrays = {}
for name, make_net in (("mlp", Mlp), ("cnn", Cnn)):
    for optimizer_name, make_optimizer in OPTIMIZERS.items():
        prefix = f"{name}.{optimizer_name}"
        net, losses = train(make_net, make_optimizer, torch.float32)
        net64, losses64 = train(make_net, make_optimizer, torch.float64)
        arrays[prefix + ".loss"] = losses
        arrays[prefix + ".loss64"] = losses64
        apart = 0.0
        for (parameter, value), value64 in zip(net.named_parameters(), net64.parameters()):
            values = value.detach().numpy()
            difference = (value.double() - value64).abs().detach()
            apart = max(apart, difference.max().item())
            arrays[f"{prefix}.apart.{parameter}"] = np.array([difference.max().item(), (difference > 1e-4).sum().item()])
            arrays[f"{prefix}.{parameter}"] = values if values.size <= 110_000 else values.reshape(-1)[::37]
            arrays[f"{prefix}.norm.{parameter}"] = np.linalg.norm(values.astype(np.float64))
        print(f"{prefix}: losses {losses[0]:.6f} to {losses[-1]:.6f}; float32 and float64 differ by at most "
              f"{np.abs(losses / losses64 - 1).max():.1e} relative in a loss, {apart:.1e} in a weight")
save("training", arrays)
