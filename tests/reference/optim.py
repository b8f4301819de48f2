# SPDX-License-Identifier: BSL-1.0
"""data/optim.npz: ten steps of every optimiser on two small tensors, "weight" [7, 5] and "bias" [5].

initial.<name>.<dtype>, grad.<name>.<dtype> [steps, ...]: the same for all cases.
<Optimizer>.<case>.<dtype>.param.<name> [steps, ...]: the parameter after each step.
<Optimizer>.<case>.<dtype>.state.<key>.<name>: the states after the last step, named as in state_dict.
LBFGS.<case>.param [6, 40], after 1, 2, 5, 10, 20 and 50 steps, .loss [50], .func_evals [50]: of the chained Rosenbrock function, from the double tensors / 4.
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
    "ASGD": {
        "default": {},
        "averaged": dict(lr=0.1, lambd=0.05, alpha=0.6, t0=3, weight_decay=0.1),
        "maximize": dict(lr=0.1, t0=0, maximize=True),
    },
    "Lion": {
        "default": {},
        "options": dict(lr=0.02, betas=(0.8, 0.95), weight_decay=0.1),
        "maximize": dict(maximize=True),
    },
    "Adafactor": {
        "default": {},
        "options": dict(lr=0.3, beta2_decay=-0.5, eps=(1e-3, 0.5), d=1.5, weight_decay=0.1),
        "maximize": dict(maximize=True),
    },
    "Rprop": {
        "default": {},
        "options": dict(lr=0.1, etas=(0.3, 2.0), step_sizes=(0.05, 0.3)),
        "maximize": dict(maximize=True),
    },
}



class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, algorithm 2, which PyTorch does not have."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0, maximize=False):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay, maximize=maximize))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                average = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
                grad = -p.grad if group["maximize"] else p.grad
                direction = torch.sign(beta1 * average + (1 - beta1) * grad)
                p.mul_(1 - group["lr"] * group["weight_decay"]).sub_(group["lr"] * direction)
                average.mul_(beta2).add_(grad, alpha=1 - beta2)


class Adafactor(torch.optim.Optimizer):
    """Shazeer and Stern 2018, with the learning rate and epsilons that the documentation of PyTorch 2.5 gives it; 1.13 has none."""

    def __init__(self, params, lr=0.01, beta2_decay=-0.8, eps=(None, 1e-3), d=1.0, weight_decay=0.0, maximize=False):
        super().__init__(params, dict(lr=lr, beta2_decay=beta2_decay, eps=eps, d=d, weight_decay=weight_decay, maximize=maximize))

    @torch.no_grad()
    def step(self):
        def rms(x):
            return x.double().square().mean().sqrt().item()

        for group in self.param_groups:
            for p in group["params"]:
                state, grad = self.state[p], p.grad.double() * (-1 if group["maximize"] else 1)
                state["step"] = t = state.get("step", 0) + 1
                eps1 = torch.finfo(p.dtype).eps if group["eps"][0] is None else group["eps"][0]
                size = max(group["eps"][1], rms(p)) * min(group["lr"], t**-0.5)
                kept = 1 - t ** group["beta2_decay"]

                def average(key, now):
                    before = state.get(key, torch.zeros_like(now)).double()
                    state[key] = (kept * before + (1 - kept) * now).to(p.dtype)
                    return state[key].double()

                if p.dim() > 1:
                    rows = average("row_var", grad.square().mean(-1, keepdim=True))
                    columns = average("col_var", grad.square().mean(-2, keepdim=True))
                    variance = rows * columns / rows.mean(-2, keepdim=True).clamp(min=eps1)
                else:
                    variance = average("variance", grad.square())
                update = grad / variance.sqrt().clamp(min=eps1)
                update *= size / max(1.0, rms(update) / group["d"])
                p.copy_(p.double() * (1 - group["lr"] * group["weight_decay"]) - update)


def banana(tensors):
    """The chained Rosenbrock function of all elements in their order, with a valley that is not as steep."""
    x = torch.cat([t.reshape(-1) for t in tensors])
    return (3 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


LBFGS = {
    "default": dict(lr=0.01, max_iter=3),
    "history": dict(lr=0.3, max_iter=2, history_size=5, line_search_fn="strong_wolfe"),
    "strong_wolfe": dict(max_iter=10, line_search_fn="strong_wolfe"),
    "max_eval": dict(max_iter=10, max_eval=6, line_search_fn="strong_wolfe"),
    "tolerance": dict(max_iter=10, tolerance_grad=3.0, tolerance_change=1e-3, line_search_fn="strong_wolfe"),
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
            optimizer = (globals().get(optimizer_name) or getattr(torch.optim, optimizer_name))(params.values(), **options)
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

# L-BFGS needs the function: 50 steps of each case in double, the parameters and the loss after each of them.
for case, options in LBFGS.items():
    params = {name: (value / 4).double().clone().requires_grad_() for name, value in initial.items()}
    optimizer = torch.optim.LBFGS(params.values(), **options)
    losses, trajectory, evaluations = [], [], []

    def closure():
        optimizer.zero_grad()
        loss = banana(params.values())
        loss.backward()
        return loss

    for step in range(50):
        losses.append(optimizer.step(closure).item())
        if step + 1 in (1, 2, 5, 10, 20, 50):
            trajectory.append(torch.cat([p.detach().reshape(-1) for p in params.values()]))
        evaluations.append(optimizer.state_dict()["state"][0]["func_evals"])
    arrays[f"LBFGS.{case}.loss"] = torch.tensor(losses, dtype=torch.float64).numpy()
    arrays[f"LBFGS.{case}.param"] = torch.stack(trajectory).numpy()
    arrays[f"LBFGS.{case}.func_evals"] = torch.tensor(evaluations).numpy()
save("optim", arrays)
