# SPDX-License-Identifier: BSL-1.0
"""data/init.npz: first values of parameters after manual_seed.

fn.<name>.<dims>.<float32|float64>: torch.nn.init's functions after manual_seed(7).
net.<module>.<parameter>: modules made in this order after manual_seed(0); of more than 400 elements only every
37th is kept, and `fingerprint.` before the name stands for the CRC-32 of all bytes.
"""
import math
import zlib

import numpy as np
import torch
from torch import nn

from common import save

arrays = {}


def keep(name, tensor):
    values = tensor.detach().numpy()
    arrays["fingerprint." + name] = np.uint32(zlib.crc32(values.tobytes()))
    arrays[name] = values if values.size <= 400 else values.reshape(-1)[::37]


FUNCTIONS = {
    "uniform": lambda t: nn.init.uniform_(t, -1, 2),
    "normal": lambda t: nn.init.normal_(t, 1, 2),
    "trunc_normal": lambda t: nn.init.trunc_normal_(t, std=0.02),
    "xavier_uniform": lambda t: nn.init.xavier_uniform_(t, nn.init.calculate_gain("relu")),
    "xavier_normal": nn.init.xavier_normal_,
    "kaiming_uniform": lambda t: nn.init.kaiming_uniform_(t, math.sqrt(5)),
    "kaiming_uniform_fan_out": lambda t: nn.init.kaiming_uniform_(t, mode="fan_out", nonlinearity="relu"),
    "kaiming_normal": lambda t: nn.init.kaiming_normal_(t, mode="fan_out", nonlinearity="tanh"),
    "orthogonal": lambda t: nn.init.orthogonal_(t, gain=2),
}
for dims in ((5, 3), (3, 20), (6, 2, 3, 3)):
    for dtype in (torch.float32, torch.float64):
        suffix = "x".join(map(str, dims)) + "." + str(dtype)[6:]
        for name, fill in FUNCTIONS.items():
            torch.manual_seed(7)
            keep(f"fn.{name}.{suffix}", fill(torch.empty(dims, dtype=dtype)))
        if len(dims) == 2:
            torch.manual_seed(7)
            keep(f"fn.sparse.{suffix}", nn.init.sparse_(torch.empty(dims, dtype=dtype), 0.3, 0.5))
            keep(f"fn.eye.{suffix}", nn.init.eye_(torch.empty(dims, dtype=dtype)))
        else:
            keep(f"fn.dirac.{suffix}", nn.init.dirac_(torch.empty(dims, dtype=dtype)))
            keep(f"fn.dirac_groups.{suffix}", nn.init.dirac_(torch.empty(dims, dtype=dtype), 3))

torch.manual_seed(0)
net = {
    "fc1": nn.Linear(784, 128),
    "fc2": nn.Linear(128, 10),
    "conv1": nn.Conv2d(1, 32, 3),
    "conv2": nn.Conv2d(32, 64, 3),
    "embedding": nn.Embedding(50, 16),
    "small": nn.Embedding(3, 4),  # fewer than 16 elements
    "up": nn.ConvTranspose2d(8, 4, 2, bias=False),
    "last": nn.Linear(7, 3),
}
for module, layer in net.items():
    for parameter, value in layer.named_parameters():
        keep(f"net.{module}.{parameter}", value)

for name, param in (("linear", None), ("conv3d", None), ("sigmoid", None), ("tanh", None), ("relu", None),
                    ("leaky_relu", None), ("leaky_relu", 0.2), ("selu", None)):
    key = f"gain.{name}" + (f".{param}" if param is not None else "")
    arrays[key] = np.float64(nn.init.calculate_gain(name, param))
save("init", arrays)
