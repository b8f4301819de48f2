# SPDX-License-Identifier: BSL-1.0
"""data/optim.npz: ten steps of every optimiser on two small tensors, "weight" [7, 5] and "bias" [5].

initial.<name>.<dtype>, grad.<name>.<dtype> [steps, ...]: the same for all cases.
<Optimizer>.<case>.<dtype>.param.<name> [steps, ...]: the parameter after each step.
<Optimizer>.<case>.<dtype>.state.<key>.<name>: the states after the last step, named as in state_dict.
"""
import warnings

import torch

from common import save

warnings.filterwarnings("ignore")
STEPS = 10
CASES = {
    "SGD": {
        "plain": dict(lr=0.1),
        "momentum": dict(lr=0.01, momentum=0.9),
        "dampening": dict(lr=0.01, momentum=0.9, dampening=0.3, weight_decay=0.05),
        "nesterov": dict(lr=0.01, momentum=0.8, nesterov=True, weight_decay=0.01),
        "maximize": dict(lr=0.1, momentum=0.5, maximize=True),
    },
    "Adam": {
        "default": {},
        "options": dict(lr=0.02, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.1),
        "amsgrad": dict(lr=0.01, betas=(0.5, 0.6), amsgrad=True),
        "maximize": dict(lr=0.01, maximize=True),
    },
    "AdamW": {
        "default": {},
        "options": dict(lr=0.02, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.1),
        "amsgrad": dict(lr=0.01, betas=(0.5, 0.6), amsgrad=True),
        "maximize": dict(lr=0.01, maximize=True),
    },
    "RMSprop": {
        "default": {},
        "momentum": dict(lr=0.01, alpha=0.9, momentum=0.9, weight_decay=0.1),
        "centered": dict(lr=0.01, alpha=0.9, centered=True, maximize=True),
        "centered_momentum": dict(lr=0.01, eps=1e-3, momentum=0.5, centered=True),
    },
    "Adagrad": {
        "default": {},
        "options": dict(lr=0.1, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.5, eps=1e-3),
        "maximize": dict(maximize=True),
    },
    "Adadelta": {
        "default": {},
        "options": dict(lr=0.5, rho=0.8, eps=1e-3, weight_decay=0.1),
        "maximize": dict(maximize=True),
    },
    "Adamax": {
        "default": {},
        "options": dict(lr=0.02, betas=(0.8, 0.5), eps=1e-3, weight_decay=0.1),
        "maximize": dict(maximize=True),
    },
    "NAdam": {
        "default": {},
        "options": dict(lr=0.02, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1, momentum_decay=0.1),
    },
    "RAdam": {
        "default": {},
        "options": dict(lr=0.02, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1),
    },
    "Rprop": {
        "default": {},
        "options": dict(lr=0.1, etas=(0.3, 2.0), step_sizes=(0.05, 0.3)),
        "maximize": dict(maximize=True),
    },
}

arrays = {}
for dtype in (torch.float32, torch.float64):
    suffix = str(dtype)[6:]
    torch.manual_seed(11)
    initial = {"weight": torch.randn(7, 5, dtype=dtype), "bias": torch.randn(5, dtype=dtype)}
    grads = {name: torch.randn(STEPS, *value.shape, dtype=dtype) for name, value in initial.items()}
    grads["weight"][3:6, 2] = 0  # a row without gradient for a while
    grads["bias"][:, 1] = 0  # an element that never has one
    for name in initial:
        arrays[f"initial.{name}.{suffix}"] = initial[name].numpy()
        arrays[f"grad.{name}.{suffix}"] = grads[name].numpy()
    for optimizer_name, cases in CASES.items():
        for case, options in cases.items():
            params = {name: value.clone().requires_grad_() for name, value in initial.items()}
            optimizer = getattr(torch.optim, optimizer_name)(params.values(), **options)
            trajectory = {name: [] for name in params}
            for step in range(STEPS):
                for name, p in params.items():
                    p.grad = grads[name][step].clone()
                optimizer.step()
                for name, p in params.items():
                    trajectory[name].append(p.detach().clone())
            prefix = f"{optimizer_name}.{case}.{suffix}"
            for name, p in params.items():
                arrays[f"{prefix}.param.{name}"] = torch.stack(trajectory[name]).numpy()
                for key, state in optimizer.state[p].items():
                    if state is not None:
                        arrays[f"{prefix}.state.{key}.{name}"] = torch.as_tensor(state).numpy()
save("optim", arrays)
