# SPDX-License-Identifier: BSL-1.0
"""../coverage/names.txt: the public classes and functions of PyTorch's modules that Stator answers, one line each: module, name."""
import inspect
import pathlib

import torch
import torch.nn.functional
import torch.optim.lr_scheduler

HELPERS = {"Container", "NLLLoss2d", "Counter", "Optimizer", "assert_int_or_pair", "boolean_dispatch", "factory_kwargs"}


def public(module, keep):
    return sorted(n for n in dir(module) if not n.startswith("_") and n not in HELPERS and keep(getattr(module, n)))


def of_torch(thing):
    """Not what a module has imported, nor what only serves to dispatch."""
    home = getattr(thing, "__module__", None) or "torch"
    return callable(thing) and home.startswith("torch") and "torch_function" not in getattr(thing, "__name__", "") and not (
        inspect.isclass(thing) and thing in (torch.Tensor, torch.dtype))


lines = []
for name in ("nn", "nn.functional", "nn.init", "optim", "optim.lr_scheduler"):
    module = torch
    for part in name.split("."):
        module = getattr(module, part)
    lines += [f"{name} {n}" for n in public(module, of_torch) if not (name == "nn.functional" and n in ("DType", "native_channel_shuffle"))]
lines.insert([line.split()[0] for line in lines].index("optim"), "optim Optimizer")
lines += ["optim.swa_utils AveragedModel", "optim.swa_utils SWALR", "optim.swa_utils update_bn"]
lines += [f"Tensor {n}" for n in public(torch.Tensor, lambda thing: True)]
pathlib.Path(__file__).parent.parent.joinpath("coverage/names.txt").write_text("\n".join(lines) + "\n")
