# SPDX-License-Identifier: BSL-1.0
"""data/lr_scheduler.npz: <Scheduler>.<case>, the learning rate in epochs 0 to 39 (the first rate is 0.3);
<Scheduler>.<case>.momentum where it is cycled; metrics, what ReduceLROnPlateau is given."""
import math
import warnings

import numpy as np
import torch
from torch.optim import lr_scheduler as L
from torch.optim import swa_utils as SWA

from common import save

warnings.filterwarnings("ignore")
EPOCHS = 40
CASES = {
    "StepLR": {"default": dict(step_size=7), "gamma": dict(step_size=1, gamma=0.9)},
    "MultiStepLR": {"default": dict(milestones=[3, 10]), "twice": dict(milestones=[2, 2, 20], gamma=0.5)},
    "ExponentialLR": {"default": dict(gamma=0.93)},
    "ConstantLR": {"default": {}, "options": dict(factor=0.5, total_iters=12)},
    "LinearLR": {"default": {}, "options": dict(start_factor=0.9, end_factor=0.1, total_iters=17)},
    "CosineAnnealingLR": {"default": dict(T_max=40), "periods": dict(T_max=7, eta_min=0.05)},
    "CosineAnnealingWarmRestarts": {"default": dict(T_0=6), "options": dict(T_0=3, T_mult=2, eta_min=0.01)},
    "LambdaLR": {"power": dict(lr_lambda=lambda epoch: 0.9**epoch)},
    "MultiplicativeLR": {"shrinking": dict(lr_lambda=lambda epoch: 1 - 1 / (epoch + 5))},
    "PolynomialLR": {"default": {}, "options": dict(total_iters=25, power=2.5)},
    "CyclicLR": {
        "triangular": dict(base_lr=0.1, max_lr=0.6, step_size_up=4),
        "triangular2": dict(base_lr=0.1, max_lr=0.6, step_size_up=3, step_size_down=6, mode="triangular2",
                            base_momentum=0.6, max_momentum=0.95),
        "exp_range": dict(base_lr=0.1, max_lr=0.6, step_size_up=5, mode="exp_range", gamma=0.97),
        "scale_fn": dict(base_lr=0.1, max_lr=0.6, step_size_up=5, scale_fn=lambda x: 1 / x, cycle_momentum=False),
    },
    "SWALR": {
        "default": dict(swa_lr=0.05),
        "linear": dict(swa_lr=0.05, anneal_epochs=7, anneal_strategy="linear"),
        "at_once": dict(swa_lr=0.05, anneal_epochs=0),
    },
    "OneCycleLR": {
        "default": dict(max_lr=0.5, total_steps=EPOCHS),
        "linear": dict(max_lr=0.5, epochs=4, steps_per_epoch=10, anneal_strategy="linear", pct_start=0.45,
                       div_factor=10.0, final_div_factor=100.0, base_momentum=0.6, max_momentum=0.9),
        "three_phase": dict(max_lr=0.5, total_steps=EPOCHS, three_phase=True),
    },
    "ReduceLROnPlateau": {
        "default": {},
        "options": dict(factor=0.5, patience=2, threshold=0.05, threshold_mode="abs", cooldown=2, min_lr=0.02),
        "max": dict(mode="max", factor=0.7, patience=1, threshold=0.01),
    },
}
metrics = [1 / (1 + epoch) + 0.2 * math.sin(epoch) if epoch < 20 else 0.3 for epoch in range(EPOCHS)]

arrays = {"metrics": np.array(metrics)}
for scheduler_name, cases in CASES.items():
    for case, options in cases.items():
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3, momentum=0.9)
        scheduler = getattr(SWA if scheduler_name == "SWALR" else L, scheduler_name)(optimizer, **options)
        rates, momenta = [], []
        for epoch in range(EPOCHS):
            rates.append(optimizer.param_groups[0]["lr"])
            momenta.append(optimizer.param_groups[0]["momentum"])
            if scheduler_name == "ReduceLROnPlateau":
                scheduler.step(metrics[epoch])
            elif epoch + 1 < EPOCHS:
                scheduler.step()
        arrays[f"{scheduler_name}.{case}"] = np.array(rates)
        if scheduler_name == "OneCycleLR" or options.get("cycle_momentum", scheduler_name == "CyclicLR"):
            arrays[f"{scheduler_name}.{case}.momentum"] = np.array(momenta)



def sgd():
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)


def rates_of(optimizer, *schedulers):
    rates = []
    for epoch in range(EPOCHS):
        rates.append(optimizer.param_groups[0]["lr"])
        for scheduler in schedulers:
            scheduler.step()
    return np.array(rates)


optimizer = sgd()
arrays["chained.exponential_step"] = rates_of(optimizer, L.ExponentialLR(optimizer, 0.9), L.StepLR(optimizer, 5, 0.5))
optimizer = sgd()
warm_up = L.LinearLR(optimizer, 0.1, total_iters=5)
arrays["chained.warm_up"] = rates_of(optimizer, L.ChainedScheduler([warm_up, L.CosineAnnealingLR(optimizer, 30)]))
optimizer = sgd()
warm_up, decay = L.LinearLR(optimizer, 0.1, total_iters=5), L.CosineAnnealingLR(optimizer, 30, 0.02)
arrays["sequential.warm_up"] = rates_of(optimizer, L.SequentialLR(optimizer, [warm_up, decay], [5]))
optimizer = sgd()
schedulers = [L.ConstantLR(optimizer, 0.5, 100), L.MultiStepLR(optimizer, [0, 3, 9]), L.CosineAnnealingWarmRestarts(optimizer, 4),
              L.MultiplicativeLR(optimizer, lambda epoch: 0.9)]
arrays["sequential.four"] = rates_of(optimizer, L.SequentialLR(optimizer, schedulers, [4, 17, 30]))
save("lr_scheduler", arrays)
