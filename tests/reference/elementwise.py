# SPDX-License-Identifier: BSL-1.0
"""data/elementwise.npz: elementwise operations of doubles at ordinary numbers, infinities, NaN and both zeros.

  COUNT/i              operand i of operations of COUNT operands, or of those of a SET of numbers
  NAME/y, NAME/di      the values of NAME, and the gradient of sum(y * w) by operand i, w = COUNT/w; di where it has one
"""
import itertools
import math

import torch

import common

inf, nan = math.inf, math.nan
numbers = [-inf, -3e20, -30, -2.5, -1, -0.5, -1e-5, -0.0, 0.0, 0.3, 0.5, 1, 1.5, 2, 3.75, 30, 1e10, inf, nan]
of_two = [-inf, -2.5, -1, -0.0, 0.0, 0.5, 1, 2, 3, inf, nan]
positive = [1e-3, 0.1, 0.3, 0.5, 0.75, 0.9, 1, 1.1, 1.5, 2, 2.5, 3.75, 7, 19.5, 30.5, 100, 650, 1e4, 1e6]
operands = {
    "positive": [torch.tensor(positive, dtype=torch.float64)],
    "of gamma": list(torch.tensor(list(itertools.product([0, 0.5, 1, 1.5, 3, 10, 30, 170, 1000, inf, nan], [0, 0.1, 1, 2, 9.5, 32, 150, 180, 1010, inf, -1])), dtype=torch.float64).T.contiguous()),
    1: [torch.tensor(numbers, dtype=torch.float64)],
    2: list(torch.tensor(list(itertools.product(of_two, of_two)), dtype=torch.float64).T.contiguous()),
}
weights = {n: torch.linspace(0.5, 1.5, len(x[0]), dtype=torch.float64) for n, x in operands.items()}

unary = {name: getattr(torch, name) for name in """
    tan asin acos atan sinh cosh asinh acosh atanh sinc deg2rad rad2deg exp2 log2 log10 logit
    floor ceil trunc round frac sgn nan_to_num positive isnan isinf isfinite isposinf isneginf signbit logical_not
    erfc erfinv lgamma
""".split()}
binary = {name: getattr(torch, name) for name in """
    atan2 hypot logaddexp logaddexp2 xlogy float_power ldexp
    remainder fmod floor_divide fmax fmin copysign heaviside nextafter logical_and logical_or logical_xor isclose
""".split()}

unary["round to a decimal"] = lambda x: torch.round(x, decimals=1)
unary["round to tens"] = lambda x: torch.round(x, decimals=-1)
unary["clamp_min of 0.5"] = lambda x: x.clamp_min(0.5)
unary["clamp_max of 0.5"] = lambda x: x.clamp_max(0.5)
unary["nan_to_num of numbers"] = lambda x: torch.nan_to_num(x, 7, 8, -9)
binary["clamp_min"] = lambda a, b: a.clamp_min(b)
binary["clamp_max"] = lambda a, b: a.clamp_max(b)
binary["lerp"] = lambda a, b: torch.lerp(a, b, 0.75)
binary["lerp of a tensor"] = lambda a, b: torch.lerp(a, b, b)
binary["addcmul"] = lambda a, b: torch.addcmul(a, a, b, value=0.5)
binary["addcdiv"] = lambda a, b: torch.addcdiv(a, a, b)
binary["isclose with equal_nan"] = lambda a, b: torch.isclose(a, b, rtol=0.5, atol=0.25, equal_nan=True)
unary["mantissa"] = lambda x: torch.frexp(x)[0]
unary["exponent"] = lambda x: torch.frexp(x)[1]
unary["logit of eps"] = lambda x: torch.logit(x, 0.25)

arrays = {}
for n, x in operands.items():
    arrays |= {f"{n}/{i}": e.numpy() for i, e in enumerate(x)}
    arrays[f"{n}/w"] = weights[n].numpy()
gamma = {"lgamma of positive": torch.lgamma, "digamma": torch.digamma}
gamma |= {f"polygamma {n}": lambda x, n=n: torch.polygamma(n, x) for n in (2, 5)}
gamma |= {"i0 of -x": lambda x: torch.i0(-x), "mvlgamma of x + 1": lambda x: torch.mvlgamma(x + 1, 3)}
gamma["polygamma 1"] = lambda x: torch.special.zeta(torch.tensor(2.0), x.detach())  # exact, polygamma(1, x) is to 1e-9
incomplete = {"igamma": torch.igamma, "igammac": torch.igammac}
for n, functions in ((1, unary), (2, binary), ("positive", gamma), ("of gamma", incomplete)):
    for name, function in functions.items():
        x = [e.clone().requires_grad_(i > 0 or functions is not incomplete) for i, e in enumerate(operands[n])]
        y = function(*x)
        arrays[f"{name}/y"] = y.detach().double().numpy()
        try:
            y.backward(weights[n].to(y.dtype))
        except RuntimeError:  # it has no derivative
            continue
        # + 0: what PyTorch knows to be zero has no memory of its own
        arrays |= {f"{name}/d{i}": (e.grad + 0.0).numpy() for i, e in enumerate(x) if e.grad is not None}
arrays["digamma/d0"] = arrays["polygamma 1/y"] * arrays["positive/w"]
common.save("elementwise", arrays)
