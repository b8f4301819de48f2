# SPDX-License-Identifier: BSL-1.0
"""data/grad_fn.txt: what PyTorch calls the backward of each operation, one line each: what is called, grad_fn's name.

Tensors: a, b [2, 3]; s [3, 3]; v [3]; p [2, 3] in (0, 1); t [2, 2, 3]; u [2, 3, 3]; x1, x2, x3 [2, 4, 8...], images in
one, two and three dimensions; i, j indices and classes; c a condition.
"""
import pathlib

import torch
import torch.nn.functional as F
from torch import nn

import common  # checks the version

torch.manual_seed(0)


def leaf(*shape):
    return torch.rand(*shape, requires_grad=True)


a, b, s, v, p, t, u = leaf(2, 3), leaf(2, 3), leaf(3, 3), leaf(3), leaf(2, 3), leaf(2, 2, 3), leaf(2, 3, 3)
x1, x2, x3 = leaf(2, 4, 8), leaf(2, 4, 8, 8), leaf(2, 4, 8, 8, 8)
w, bias = leaf(5, 3), leaf(5)
target = torch.rand(2, 3)
i, j = torch.tensor([0, 1]), torch.tensor([1, 0])
c = torch.tensor([[True, False, True], [False, True, False]])
table = leaf(7, 3)

calls = {
    # arithmetic
    "a + b": a + b, "a - b": a - b, "a * b": a * b, "a / b": a / b, "-a": -a, "a + 1": a + 1, "2 * a": 2 * a,
    "a / 2": a / 2, "1 / a": 1 / a, "1 - a": 1 - a, "pow(a, b)": a.pow(b), "pow(a, 2)": a.pow(2),
    "pow(2, a)": torch.pow(2, a), "expand": v.expand(2, 3),
    # functions of one number
    "exp": a.exp(), "log": a.log(), "log1p": a.log1p(), "expm1": a.expm1(), "sqrt": a.sqrt(), "rsqrt": a.rsqrt(),
    "square": a.square(), "reciprocal": a.reciprocal(), "abs": a.abs(), "sign": a.sign(), "sin": a.sin(), "cos": a.cos(),
    "tanh": a.tanh(), "erf": a.erf(), "sigmoid": a.sigmoid(),
    "tan": a.tan(), "asin": a.asin(), "acos": a.acos(), "atan": a.atan(), "sinh": a.sinh(), "cosh": a.cosh(),
    "asinh": a.asinh(), "acosh": a.acosh(), "atanh": a.atanh(), "sinc": a.sinc(), "deg2rad": a.deg2rad(),
    "exp2": a.exp2(), "log2": a.log2(), "log10": a.log10(), "logit": a.logit(), "floor": a.floor(), "frac": a.frac(),
    "round<2>": a.round(decimals=2), "nan_to_num": a.nan_to_num(), "erfc": a.erfc(), "erfinv": a.erfinv(),
    "lgamma": a.lgamma(), "digamma": a.digamma(), "polygamma<2>": a.polygamma(2), "mvlgamma<1>": a.mvlgamma(1),
    "i0": a.i0(),
    # functions of two
    "atan2": a.atan2(b), "hypot": a.hypot(b), "logaddexp": a.logaddexp(b), "logaddexp2": a.logaddexp2(b),
    "xlogy": a.xlogy(b), "ldexp": a.ldexp(b), "float_power": a.float_power(b), "remainder": a.remainder(b),
    "remainder(a, 2)": a.remainder(2), "fmod": a.fmod(b), "fmod(a, 2)": a.fmod(2), "fmax": a.fmax(b), "fmin": a.fmin(b),
    "copysign": a.copysign(b), "igamma": torch.igamma(target, b), "igammac": torch.igammac(target, b),
    # choices
    "where": torch.where(c, a, b), "clamp": a.clamp(0.1, 0.5), "maximum": torch.maximum(a, b),
    "minimum": torch.minimum(a, b), "clamp_min": a.clamp_min(b), "clamp_min(a, 1)": a.clamp_min(1),
    "clamp_max": a.clamp_max(b), "lerp": a.lerp(b, a), "lerp(a, b, 0.5)": a.lerp(b, 0.5),
    "addcmul": a.addcmul(a, b), "addcdiv": a.addcdiv(a, b),
    # reductions
    "sum": a.sum(), "sum_dims<1>": a.sum(1), "sum_keepdim<1>": a.sum(1, keepdim=True), "mean": a.mean(),
    "mean_dims<1>": a.mean(1), "mean_keepdim<1>": a.mean(1, keepdim=True), "var": a.var(), "var_dims<1>": a.var(1),
    "biased_var": a.var(unbiased=False), "stddev": a.std(), "stddev_dims<1>": a.std(1), "cumsum<1>": a.cumsum(1),
    "amax<1>": a.amax(1), "amin<1>": a.amin(1), "softmax": F.softmax(a, -1), "log_softmax": F.log_softmax(a, -1),
    "prod": a.prod(), "prod<1>": a.prod(1), "cumprod<1>": a.cumprod(1), "logcumsumexp<1>": a.logcumsumexp(1),
    "logsumexp<1>": a.logsumexp(1), "norm": a.norm(), "median": a.median(), "nanmedian": a.nanmedian(), "nansum": a.nansum(),
    # shapes
    "view": a.view(3, 2), "flatten": t.flatten(1), "permute": t.permute(2, 0, 1), "transpose": a.transpose(0, 1),
    "narrow": a.narrow(1, 0, 2), "select": a.select(1, 0), "cat": torch.cat([a, b]), "stack": torch.stack([a, b]),
    "squeeze": leaf(2, 1).squeeze(1), "unsqueeze": a.unsqueeze(1), "to<double>": a.to(torch.float64),
    # products
    "mm": a.mm(s), "matmul of matrices": a.matmul(s), "matmul of vectors": v.matmul(v), "bmm": t.bmm(u), "matmul of three dimensions by two": t.matmul(s),
    "linear": F.linear(a, w, bias), "linear without bias": F.linear(a, w),
    "linear of a vector": F.linear(v, w, bias), "linear of a vector without bias": F.linear(v, w),
    "linear of three dimensions": F.linear(t, w, bias), "linear of three dimensions without bias": F.linear(t, w),
    "embedding": F.embedding(i, table),
    # convolutions and pooling
    "conv1d": F.conv1d(x1, leaf(4, 4, 3)), "conv2d": F.conv2d(x2, leaf(4, 4, 3, 3), leaf(4)),
    "conv3d": F.conv3d(x3, leaf(4, 4, 3, 3, 3)), "conv_transpose2d": F.conv_transpose2d(x2, leaf(4, 4, 3, 3)),
    "max_pool1d": F.max_pool1d(x1, 2), "max_pool2d": F.max_pool2d(x2, 2), "max_pool3d": F.max_pool3d(x3, 2),
    "max_pool1d with indices": F.max_pool1d_with_indices(x1, 2)[0], "max_pool2d with indices": F.max_pool2d_with_indices(x2, 2)[0],
    "max_pool3d with indices": F.max_pool3d_with_indices(x3, 2)[0],
    "adaptive_max_pool2d with indices": F.adaptive_max_pool2d_with_indices(x2, 2)[0],
    "fractional_max_pool2d": F.fractional_max_pool2d(x2, 2, output_size=2), "fractional_max_pool3d": F.fractional_max_pool3d(x3, 2, output_size=2),
    "max_unpool1d": F.max_unpool1d(*F.max_pool1d_with_indices(x1, 2), 2), "max_unpool2d": F.max_unpool2d(*F.max_pool2d_with_indices(x2, 2), 2),
    "max_unpool3d": F.max_unpool3d(*F.max_pool3d_with_indices(x3, 2), 2),
    "avg_pool1d": F.avg_pool1d(x1, 2), "avg_pool2d": F.avg_pool2d(x2, 2), "avg_pool3d": F.avg_pool3d(x3, 2),
    "adaptive_max_pool1d": F.adaptive_max_pool1d(x1, 2), "adaptive_max_pool2d": F.adaptive_max_pool2d(x2, 2),
    "adaptive_max_pool3d": F.adaptive_max_pool3d(x3, 2), "adaptive_avg_pool1d": F.adaptive_avg_pool1d(x1, 2),
    "adaptive_avg_pool2d": F.adaptive_avg_pool2d(x2, 2), "adaptive_avg_pool3d": F.adaptive_avg_pool3d(x3, 2),
    "adaptive_avg_pool2d to one": F.adaptive_avg_pool2d(x2, 1), "lp_pool2d": F.lp_pool2d(x2, 2.0, 2),
    # padding and resampling
    "pad": F.pad(x2, (1, 1)), "pad reflect": F.pad(x2, (1, 1, 1, 1), "reflect"),
    "pad reflect 1d": F.pad(x1, (1, 1), "reflect"), "pad replicate": F.pad(x2, (1, 1, 1, 1), "replicate"),
    "pad replicate 3d": F.pad(x3, (1, 1, 1, 1, 1, 1), "replicate"), "pad circular": F.pad(x2, (1, 1, 1, 1), "circular"),
    "interpolate nearest 1d": F.interpolate(x1, scale_factor=2.0), "interpolate nearest": F.interpolate(x2, scale_factor=2.0),
    "interpolate nearest 3d": F.interpolate(x3, scale_factor=2.0),
    "interpolate linear": F.interpolate(x1, scale_factor=2.0, mode="linear"),
    "interpolate bilinear": F.interpolate(x2, scale_factor=2.0, mode="bilinear"),
    "interpolate trilinear": F.interpolate(x3, scale_factor=2.0, mode="trilinear"),
    "interpolate bicubic": F.interpolate(x2, scale_factor=2.0, mode="bicubic"), "pixel_shuffle": F.pixel_shuffle(x2, 2),
    "pixel_unshuffle": F.pixel_unshuffle(x2, 2),
    # normalisation
    "batch_norm": nn.BatchNorm2d(4)(x2), "batch_norm in evaluation": nn.BatchNorm2d(4).eval()(x2),
    "instance_norm": nn.InstanceNorm2d(4)(x2), "layer_norm": F.layer_norm(a, (3,)), "group_norm": F.group_norm(x2, 2),
    # activations
    "relu": F.relu(a), "relu6": F.relu6(a), "leaky_relu": F.leaky_relu(a), "prelu": F.prelu(a, leaf(1)),
    "threshold": F.threshold(a, 0.1, 0.2), "hardtanh": F.hardtanh(a), "hardsigmoid": F.hardsigmoid(a),
    "hardswish": F.hardswish(a), "softshrink": F.softshrink(a), "hardshrink": F.hardshrink(a),
    "logsigmoid": F.logsigmoid(a), "silu": F.silu(a), "elu": F.elu(a), "selu": F.selu(a), "celu": F.celu(a),
    "softplus": F.softplus(a), "mish": F.mish(a), "gelu": F.gelu(a), "gelu_tanh": F.gelu(a, approximate="tanh"),
    "softsign": F.softsign(a), "tanhshrink": F.tanhshrink(a), "dropout": F.dropout(a),
    # losses
    "mse_loss": F.mse_loss(a, target), "mse_loss sum": F.mse_loss(a, target, reduction="sum"),
    "mse_loss none": F.mse_loss(a, target, reduction="none"), "l1_loss": F.l1_loss(a, target),
    "l1_loss none": F.l1_loss(a, target, reduction="none"), "smooth_l1_loss": F.smooth_l1_loss(a, target),
    "smooth_l1_loss none": F.smooth_l1_loss(a, target, reduction="none"), "huber_loss": F.huber_loss(a, target),
    "huber_loss none": F.huber_loss(a, target, reduction="none"),
    "binary_cross_entropy": F.binary_cross_entropy(p, target),
    "binary_cross_entropy none": F.binary_cross_entropy(p, target, reduction="none"),
    "binary_cross_entropy_with_logits": F.binary_cross_entropy_with_logits(a, target),
    "binary_cross_entropy_with_logits none": F.binary_cross_entropy_with_logits(a, target, reduction="none"),
    "kl_div": F.kl_div(a, target, reduction="sum"), "kl_div none": F.kl_div(a, target, reduction="none"),
    "nll_loss": F.nll_loss(a, j), "nll_loss 2d": F.nll_loss(x2, torch.zeros(2, 8, 8, dtype=torch.int64)),
    "cross_entropy": F.cross_entropy(a, j),
    "cross_entropy of probabilities": F.cross_entropy(a, target.softmax(1)),
    # recurrences
    "rnn": nn.RNN(3, 5, batch_first=True)(t)[0], "lstm": nn.LSTM(3, 5, batch_first=True)(t)[0],
    "gru": nn.GRU(3, 5, batch_first=True)(t)[0],
}

with open(pathlib.Path(__file__).parent / "data" / "grad_fn.txt", "w") as file:
    for call, result in calls.items():
        file.write(f"{call}: {type(result.grad_fn).__name__}\n")
