# SPDX-License-Identifier: BSL-1.0
"""data/reductions.npz: reductions and scans of x [3, 5], doubles.

  x/SET         the numbers: `distinct`, `tied` (with zeros and equal ones), `nan` (with NaN)
  NAME/SET/y    the result as one row, of several the first
  NAME/SET/d    the gradient of sum(y * w), w from 0.5 to 1.5 in even steps; if it has one
"""
import math

import torch

import common

nan = math.nan
sets = {
    "distinct": [[0.5, -1.25, 2, 3.5, 0.75], [1, -0.3, 0.2, -2.5, 1.5], [-0.7, 0.9, 4, 0.1, -3]],
    "tied": [[0, 2, 2, -1, 0], [0, 0, 0, 0, 0], [1, 3, 0, 3, 1]],
    "nan": [[1, nan, 2, 0, 5], [nan, nan, nan, nan, nan], [3, 1, 2, 0.5, -1]],
}
t = torch
functions = {
    "prod": t.prod, "prod of rows": lambda x: x.prod(1), "prod of columns": lambda x: x.prod(0),
    "cumprod": lambda x: x.cumprod(1), "cumprod of columns": lambda x: x.cumprod(0),
    "logcumsumexp": lambda x: x.logcumsumexp(1), "cummax": lambda x: x.cummax(1), "cummin": lambda x: x.cummin(0),
    "logsumexp": lambda x: x.logsumexp((0, 1)), "logsumexp of rows": lambda x: x.logsumexp(1),
    "norm": t.norm, "norm 1": lambda x: x.norm(1), "norm 0": lambda x: x.norm(0, 1), "norm 3": lambda x: x.norm(3, 1),
    "norm 1.5": lambda x: x.norm(1.5, 0), "norm 0.5": lambda x: x.norm(0.5, 1), "norm inf": lambda x: x.norm(math.inf),
    "norm -inf": lambda x: x.norm(-math.inf, 1), "norm of rows": lambda x: x.norm(2, 1),
    "dist": lambda x: t.dist(x, t.ones_like(x), 3), "renorm": lambda x: x.renorm(2, 0, 3.0),
    "any": lambda x: x.any(1), "all": lambda x: x.all(1), "count_nonzero": lambda x: x.count_nonzero(0),
    "nansum": t.nansum, "nanmean": lambda x: x.nanmean(1), "cov": t.cov, "corrcoef": t.corrcoef,
    "diff": lambda x: x.diff(n=2, dim=1),
    "median": t.median, "median of rows": lambda x: x.median(1), "nanmedian": t.nanmedian,
    "nanmedian of rows": lambda x: x.nanmedian(1), "kthvalue": lambda x: x.kthvalue(2, 1), "mode": lambda x: x.mode(1),
    "quantile": lambda x: x.quantile(0.3), "quantile of rows": lambda x: x.quantile(0.3, 1),
    "quantile lower": lambda x: x.quantile(0.3, 1, interpolation="lower"),
    "quantile midpoint": lambda x: x.quantile(0.3, 1, interpolation="midpoint"),
    "nanquantile": lambda x: x.nanquantile(0.6, 1),
}
# Which of equal elements PyTorch takes is its own affair, and so is the way of NaN through a gradient.
unspecified = {("kthvalue", "tied"), ("kthvalue", "nan"), ("nanmedian of rows", "nan"), ("cumprod", "nan"),
               ("cumprod of columns", "nan"), ("norm 0.5", "nan")}
arrays = {f"x/{name}": t.tensor(rows, dtype=t.float64).numpy() for name, rows in sets.items()}
for name, function in functions.items():
    for kind, rows in sets.items():
        x = t.tensor(rows, dtype=t.float64, requires_grad=True)
        y = function(x)
        if isinstance(y, tuple):
            y = y[0]
        arrays[f"{name}/{kind}/y"] = y.detach().double().flatten().numpy()
        if y.requires_grad:
            y.flatten().backward(t.linspace(0.5, 1.5, y.numel(), dtype=t.float64))
        if x.grad is not None and (name, kind) not in unspecified:
            arrays[f"{name}/{kind}/d"] = (x.grad + 0.0).flatten().numpy()
common.save("reductions", arrays)
