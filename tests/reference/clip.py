# SPDX-License-Identifier: BSL-1.0
"""data/clip.npz: torch.nn.utils.clip_grad_norm_ and clip_grad_value_ on gradients "weight" [7, 5] and "bias" [5].

grad.<name>; norm.<order>.<max_norm> the norm that is returned; norm.<order>.<max_norm>.<name> and
value.<clip_value>.<name> the gradients afterwards. Double.
"""
import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from common import save

torch.manual_seed(3)
grads = {"weight": torch.randn(7, 5, dtype=torch.float64), "bias": torch.randn(5, dtype=torch.float64)}
arrays = {f"grad.{name}": value.numpy() for name, value in grads.items()}


def parameters():
    result = {}
    for name, grad in grads.items():
        result[name] = torch.zeros_like(grad, requires_grad=True)
        result[name].grad = grad.clone()
    return result


for order in (1, 2, 3.5, float("inf")):
    for max_norm in (0.5, 100):
        params = parameters()
        key = f"norm.{order}.{max_norm}"
        arrays[key] = clip_grad_norm_(params.values(), max_norm, order).numpy()
        for name, p in params.items():
            arrays[f"{key}.{name}"] = p.grad.numpy()
params = parameters()
clip_grad_value_(params.values(), 0.7)
for name, p in params.items():
    arrays[f"value.0.7.{name}"] = p.grad.numpy()
save("clip", arrays)
