# SPDX-License-Identifier: BSL-1.0
"""data/layers/<family>.npz: forward and backward of every layer, function and loss on small inputs.

`layers.py` writes every family, `layers.py conv pooling` these two. A case belongs to the family() above it; which file
holds a case does not matter to its readers.

<layer>.<case>.<what>, the options of a case are those below. `what` is
  x, query, target, ...   the inputs (int64 where they are indices)
  weight, in_proj_bias... parameters and buffers before the call, by PyTorch's name
  y                       the output; further ones are y1, ...
  dy                      the gradient that backward() is given: the gradients are those of sum(y * dy)
  dx, dquery, ...         gradients of the inputs
  grad.<parameter>        gradients of the parameters
  after.<buffer>          buffers after the call
Inputs are float32 numbers; everything is computed in double and rounded to float32 at the end.
The activations' case "edges" has zeros, kinks and large values.

In each file "repr" holds <layer>.<case>, repr(module), <layer>.<case>, repr(module), ... each ended by a zero byte, and
"initial" the names of the cases whose parameters are what the module starts with after manual_seed(crc32(<layer>.<case>)).
"""
import sys
import warnings
import zlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from common import save

warnings.filterwarnings("ignore")
families = {}  # name: (arrays, representations, initial)
arrays, representations, initial = {}, [], []


def family(name):
    """The cases that follow are those of data/layers/<name>.npz."""
    global arrays, representations, initial
    arrays, representations, initial = families.setdefault(name, ({}, [], []))


def case(layer, name, module, randomise=False, train=True, seed=None, **inputs):
    """`inputs`: shapes to be drawn from the normal distribution, or tensors. `module`: called with them in order."""
    torch.manual_seed(zlib.crc32(f"{layer}.{name}".encode()))
    prefix = f"{layer}.{name}."
    assert not any(prefix + "y" in known for known, *_ in families.values()), prefix
    module = module()
    parameters, buffers = {}, {}
    if isinstance(module, nn.Module):
        representations.extend((f"{layer}.{name}", repr(module.__dict__.get("module", module))))
        if not randomise:
            initial.append(f"{layer}.{name}")
        if randomise:  # ones and zeros would hide mistakes
            for key, value in list(module.named_parameters()) + list(module.named_buffers()):
                if value.is_floating_point():
                    value.data.uniform_(0.5, 1.5)
        module.double().train(train)
        parameters, buffers = dict(module.named_parameters()), dict(module.named_buffers())
    tensors = {}
    for key, value in inputs.items():
        value = torch.randn(value) if isinstance(value, tuple) else value
        differentiable = value.is_floating_point() and not key.startswith("const_")
        tensors[key] = value.double().requires_grad_() if differentiable else value
        if not differentiable and value.is_floating_point():
            tensors[key] = value.double()
    before = {k: v.detach().clone() for k, v in {**tensors, **parameters, **buffers}.items()}
    if seed is not None:
        torch.manual_seed(seed)
    outputs = module(*tensors.values())
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    torch.manual_seed(zlib.crc32(f"{layer}.{name}.dy".encode()))
    dy = torch.randn(outputs[0].shape)
    if outputs[0].requires_grad:
        outputs[0].backward(dy.double())

    def keep(key, value):
        value = value.detach()
        arrays[prefix + key.replace("const_", "")] = (value.float() if value.is_floating_point() else value).numpy()

    for key, value in before.items():
        keep(key, value)
    for index, output in enumerate(outputs):
        keep("y" if index == 0 else f"y{index}", output)
    if outputs[0].requires_grad:
        keep("dy", dy)
    for key, value in tensors.items():
        if value.grad is not None:
            keep("d" + key, value.grad)
    for key, value in parameters.items():
        if value.grad is not None:
            keep("grad." + key, value.grad)
    for key, value in buffers.items():
        if not torch.equal(value, before[key]):
            keep("after." + key, value)


def labels(count, classes, *rest):
    return torch.from_numpy(np.random.default_rng(count * 7 + classes).integers(0, classes, (count, *rest)))


# Linear, Bilinear, Embedding
family("linear")
case("Linear", "default", lambda: nn.Linear(5, 3), x=(4, 5))
case("Linear", "no_bias", lambda: nn.Linear(7, 4, bias=False), x=(2, 7))
case("Linear", "rank3", lambda: nn.Linear(3, 6), x=(2, 4, 3))
case("Bilinear", "default", lambda: nn.Bilinear(3, 4, 5), x=(2, 3), x2=(2, 4))
case("Bilinear", "narrow", lambda: nn.Bilinear(2, 1, 3), x=(4, 2), x2=(4, 1))
case("Bilinear", "no_bias", lambda: nn.Bilinear(3, 4, 5, bias=False), x=(2, 2, 3), x2=(2, 2, 4))
family("embedding")
case("Embedding", "default", lambda: nn.Embedding(6, 4), x=labels(5, 6))
case("Embedding", "padding_idx", lambda: nn.Embedding(6, 4, padding_idx=2), x=labels(3, 6, 4))
case("Embedding", "rank2", lambda: nn.Embedding(9, 3), x=labels(2, 9, 3))
bags = torch.tensor([[1, 2, 1], [2, 2, 2], [5, 2, 0]])
for mode in ("sum", "mean", "max"):
    case("EmbeddingBag", mode, lambda: nn.EmbeddingBag(6, 4, mode=mode), x=bags)
    case("EmbeddingBag", f"padding_idx.{mode}", lambda: nn.EmbeddingBag(6, 4, mode=mode, padding_idx=2), x=bags)

# Convolutions
family("conv")
for d, conv, image in ((1, nn.Conv1d, (9,)), (2, nn.Conv2d, (7, 6)), (3, nn.Conv3d, (5, 4, 6))):
    layer = f"Conv{d}d"
    batch = 2 if d < 3 else 1
    case(layer, "default", lambda: conv(2, 3, 3), x=(batch, 2, *image))
    case(layer, "no_bias", lambda: conv(3, 2, 2, bias=False), x=(batch, 3, *image))
    case(layer, "stride_padding", lambda: conv(2, 3, 3, stride=2, padding=1), x=(batch, 2, *image))
    case(layer, "dilation", lambda: conv(2, 3, 2, dilation=2, padding=1), x=(batch, 2, *image))
    case(layer, "groups", lambda: conv(4, 6, 3, groups=2, padding=1), x=(1, 4, *image))
    case(layer, "depthwise", lambda: conv(3, 6, 2, groups=3), x=(1, 3, *image))
    case(layer, "same", lambda: conv(2, 2, 3, padding="same"), x=(batch, 2, *image))
    case(layer, "same_even", lambda: conv(2, 2, 4, padding="same", dilation=1), x=(1, 2, *image))
    case(layer, "same_dilated", lambda: conv(2, 1, 2, padding="same", dilation=3), x=(1, 2, *image))
    case(layer, "valid", lambda: conv(2, 2, 2, padding="valid"), x=(1, 2, *image))
    for mode in ("reflect", "replicate", "circular"):
        case(layer, mode, lambda: conv(2, 2, 3, padding=1, padding_mode=mode), x=(1, 2, *image))
    case(layer, "pointwise", lambda: conv(3, 4, 1), x=(batch, 3, *image))
case("Conv1d", "circular_same", lambda: nn.Conv1d(2, 2, 4, padding="same", padding_mode="circular"), x=(1, 2, 9))
case("Conv2d", "uneven", lambda: nn.Conv2d(2, 3, (3, 2), stride=(2, 1), padding=(0, 1), dilation=(1, 2)), x=(2, 2, 7, 6))
case("Conv2d", "reflect_options", lambda: nn.Conv2d(2, 4, (3, 2), stride=(2, 1), padding=(2, 1), dilation=(1, 2), groups=2, bias=False,
                                                   padding_mode="reflect"), x=(2, 2, 5, 6))
case("Conv2d", "uneven_same", lambda: nn.Conv2d(2, 3, (4, 3), padding="same", dilation=(1, 2)), x=(1, 2, 7, 8))

family("conv_transpose")
for d, conv, image in ((1, nn.ConvTranspose1d, (5,)), (2, nn.ConvTranspose2d, (4, 3)), (3, nn.ConvTranspose3d, (3, 2, 3))):
    layer = f"ConvTranspose{d}d"
    case(layer, "default", lambda: conv(2, 3, 3), x=(2, 2, *image))
    case(layer, "no_bias", lambda: conv(3, 2, 2, bias=False), x=(1, 3, *image))
    case(layer, "stride_padding", lambda: conv(2, 3, 3, stride=2, padding=1), x=(2, 2, *image))
    case(layer, "output_padding", lambda: conv(2, 3, 3, stride=2, padding=1, output_padding=1), x=(1, 2, *image))
    case(layer, "dilation", lambda: conv(2, 2, 2, dilation=2), x=(1, 2, *image))
    case(layer, "groups", lambda: conv(4, 6, 2, groups=2, stride=2), x=(1, 4, *image))
    case(layer, "dilated_output_padding", lambda: conv(1, 2, 2, dilation=2, padding=1, output_padding=1, stride=1), x=(1, 1, *image))
    case(layer, "padding_beyond_kernel", lambda: conv(2, 1, 2, padding=2, stride=3), x=(1, 2, *image))
case("ConvTranspose2d", "uneven",
     lambda: nn.ConvTranspose2d(2, 3, (3, 2), stride=(2, 3), padding=(1, 0), output_padding=(0, 1)), x=(1, 2, 4, 3))

# Normalisation
family("norm")
for d, norm, image in ((1, nn.BatchNorm1d, (5,)), (2, nn.BatchNorm2d, (3, 4)), (3, nn.BatchNorm3d, (2, 3, 2))):
    layer = f"BatchNorm{d}d"
    x = (4, 3, *image)
    for mode, train in (("train", True), ("eval", False)):
        case(layer, f"default.{mode}", lambda: norm(3), True, train, x=x)
        case(layer, f"options.{mode}", lambda: norm(3, eps=1e-2, momentum=0.3), True, train, x=x)
        case(layer, f"no_affine.{mode}", lambda: norm(3, affine=False), True, train, x=x)
        case(layer, f"no_running_stats.{mode}", lambda: norm(3, track_running_stats=False), True, train, x=x)
        case(layer, f"cumulative.{mode}", lambda: norm(3, momentum=None), True, train, x=x)
case("BatchNorm1d", "rank2.train", lambda: nn.BatchNorm1d(4), True, x=(6, 4))
case("BatchNorm1d", "rank2.eval", lambda: nn.BatchNorm1d(4), True, False, x=(6, 4))

case("LayerNorm", "default", lambda: nn.LayerNorm(6), True, x=(3, 6))
case("LayerNorm", "two_dimensions", lambda: nn.LayerNorm((3, 4), eps=1e-3), True, x=(2, 3, 4))
case("LayerNorm", "no_affine", lambda: nn.LayerNorm(5, elementwise_affine=False), x=(2, 3, 5))
case("GroupNorm", "default", lambda: nn.GroupNorm(2, 4), True, x=(2, 4, 3))
case("GroupNorm", "images", lambda: nn.GroupNorm(3, 6, eps=1e-3), True, x=(2, 6, 2, 3))
case("GroupNorm", "no_affine", lambda: nn.GroupNorm(1, 4, affine=False), x=(3, 4))
for d, norm, image in ((1, nn.InstanceNorm1d, (6,)), (2, nn.InstanceNorm2d, (3, 4)), (3, nn.InstanceNorm3d, (2, 3, 2))):
    layer = f"InstanceNorm{d}d"
    x = (2, 3, *image)
    case(layer, "default", lambda: norm(3), x=x)
    case(layer, "affine", lambda: norm(3, affine=True, eps=1e-3), True, x=x)
    case(layer, "running_stats.train", lambda: norm(3, track_running_stats=True, momentum=0.3), True, x=x)
    case(layer, "running_stats_affine.train", lambda: norm(3, affine=True, track_running_stats=True), True, x=x)
    case(layer, "running_stats.eval", lambda: norm(3, affine=True, track_running_stats=True), True, False, x=x)
case("LocalResponseNorm", "default", lambda: nn.LocalResponseNorm(3), x=(2, 5, 3))
case("LocalResponseNorm", "images", lambda: nn.LocalResponseNorm(5, alpha=0.2, beta=0.5), x=(1, 6, 2, 2))
case("LocalResponseNorm", "even", lambda: nn.LocalResponseNorm(2, alpha=0.5, beta=1.5, k=2.0), x=(2, 5, 3))

def rms_norm(x, weight, eps, dims=(-1,)):
    """PyTorch 2.4's rms_norm, by its definition."""
    return x / torch.sqrt(x.pow(2).mean(dims, keepdim=True) + eps) * weight


case("rms_norm", "default", lambda: lambda x, w: rms_norm(x, w, torch.finfo(torch.float32).eps), x=(3, 6), weight=(6,))


class RMSNorm(nn.Module):
    """PyTorch 2.4's module, by its definition; computed in double with the epsilon of float32."""

    def __init__(self, shape, eps=None, elementwise_affine=True):
        super().__init__()
        self.shape, self.eps = (shape,) if isinstance(shape, int) else shape, eps
        self.weight = nn.Parameter(torch.ones(self.shape)) if elementwise_affine else None

    def forward(self, x):
        eps = torch.finfo(torch.float32).eps if self.eps is None else self.eps
        return rms_norm(x, 1 if self.weight is None else self.weight, eps, tuple(range(-len(self.shape), 0)))

    def extra_repr(self):
        return f"{self.shape}, eps={self.eps}, elementwise_affine={self.weight is not None}"


case("RMSNorm", "default", lambda: RMSNorm(6), True, x=(3, 6))
case("RMSNorm", "eps", lambda: RMSNorm((3, 4), eps=1e-2), True, x=(2, 3, 4))
case("RMSNorm", "no_affine", lambda: RMSNorm((2, 3), eps=0.1, elementwise_affine=False), x=(2, 2, 3))
family("distance")
case("CosineSimilarity", "default", lambda: nn.CosineSimilarity(dim=1), x=(3, 4), x2=(3, 4))

# Activations
family("activation")
edges = torch.tensor([-100, -25, -6, -3, -1, -0.5, -0.1, -0.0, 0.0, 0.1, 0.5, 1, 3, 6, 20, 25, 100], dtype=torch.float32)
ACTIVATIONS = {
    "ReLU": {"default": nn.ReLU},
    "LeakyReLU": {"default": nn.LeakyReLU, "slope": lambda: nn.LeakyReLU(0.2)},
    "ELU": {"default": nn.ELU, "alpha": lambda: nn.ELU(0.5)},
    "SELU": {"default": nn.SELU},
    "CELU": {"default": nn.CELU, "alpha": lambda: nn.CELU(2.0)},
    "GELU": {"default": nn.GELU, "tanh": lambda: nn.GELU(approximate="tanh")},
    "SiLU": {"default": nn.SiLU},
    "Mish": {"default": nn.Mish},
    "Softplus": {"default": nn.Softplus, "options": lambda: nn.Softplus(beta=2, threshold=5)},
    "Softsign": {"default": nn.Softsign},
    "Tanh": {"default": nn.Tanh},
    "Sigmoid": {"default": nn.Sigmoid},
    "LogSigmoid": {"default": nn.LogSigmoid},
    "Hardtanh": {"default": nn.Hardtanh, "range": lambda: nn.Hardtanh(-0.5, 3.0)},
    "Hardswish": {"default": nn.Hardswish},
    "Hardsigmoid": {"default": nn.Hardsigmoid},
    "ReLU6": {"default": nn.ReLU6},
    "Threshold": {"default": lambda: nn.Threshold(0.1, 20.0), "negative": lambda: nn.Threshold(-1.0, -0.5)},
    "Softshrink": {"default": nn.Softshrink, "lambd": lambda: nn.Softshrink(0.1)},
    "Hardshrink": {"default": nn.Hardshrink, "lambd": lambda: nn.Hardshrink(0.1)},
    "Tanhshrink": {"default": nn.Tanhshrink},
    "PReLU": {"default": nn.PReLU},
}
for layer, variants in ACTIVATIONS.items():
    for name, make in variants.items():
        case(layer, name, make, x=(3, 7))
        case(layer, f"{name}.edges", make, x=edges)
        case(layer, f"{name}.rank4", make, x=(2, 3, 2, 2))
case("PReLU", "channels", lambda: nn.PReLU(3, init=0.1), x=(2, 3, 4))
family("softmax")
for layer, make in (("Softmax", nn.Softmax), ("LogSoftmax", nn.LogSoftmax), ("Softmin", nn.Softmin)):
    case(layer, "last", lambda: make(dim=-1), x=(3, 5))
    case(layer, "first", lambda: make(dim=0), x=(4, 3))
    case(layer, "middle", lambda: make(dim=1), x=(2, 3, 4))
    case(layer, "edges", lambda: make(dim=0), x=edges)
case("Softmax2d", "default", nn.Softmax2d, x=(2, 3, 2, 2))
family("activation")
case("GLU", "default", nn.GLU, x=(3, 6))
case("GLU", "first", lambda: nn.GLU(dim=0), x=(4, 3))
case("GLU", "channels", lambda: nn.GLU(dim=1), x=(2, 4, 3))

# Pooling
family("pooling")
for d, image in ((1, (11,)), (2, (8, 7)), (3, (6, 5, 6))):
    maximum, average = getattr(nn, f"MaxPool{d}d"), getattr(nn, f"AvgPool{d}d")
    x = (2 if d < 3 else 1, 2, *image)
    case(f"MaxPool{d}d", "default", lambda: maximum(2), x=x)
    case(f"MaxPool{d}d", "stride_padding", lambda: maximum(3, stride=2, padding=1), x=x)
    case(f"MaxPool{d}d", "dilation", lambda: maximum(2, stride=1, dilation=2), x=x)
    case(f"MaxPool{d}d", "ceil_mode", lambda: maximum(3, stride=2, ceil_mode=True), x=x)
    case(f"AvgPool{d}d", "default", lambda: average(2), x=x)
    case(f"AvgPool{d}d", "stride_padding", lambda: average(3, stride=2, padding=1), x=x)
    case(f"AvgPool{d}d", "exclude_pad", lambda: average(3, stride=2, padding=1, count_include_pad=False), x=x)
    case(f"AvgPool{d}d", "ceil_mode", lambda: average(3, stride=2, ceil_mode=True), x=x)
    case(f"AvgPool{d}d", "ceil_mode_padding", lambda: average(2, stride=2, padding=1, ceil_mode=True), x=x)
    for kind in ("Avg", "Max"):
        pool = getattr(nn, f"Adaptive{kind}Pool{d}d")
        layer = f"Adaptive{kind}Pool{d}d"
        case(layer, "one", lambda: pool(1), x=x)
        case(layer, "uneven", lambda: pool(3), x=x)
        case(layer, "dividing", lambda: pool(image if d > 1 else image[0]), x=x)
case("AvgPool2d", "divisor_override", lambda: nn.AvgPool2d(2, divisor_override=3), x=(1, 2, 6, 5))
case("MaxPool2d", "uneven", lambda: nn.MaxPool2d((3, 2), stride=(2, 1), padding=(1, 0)), x=(1, 2, 6, 5))
case("AvgPool2d", "uneven", lambda: nn.AvgPool2d((3, 2), stride=(2, 1), padding=(1, 0)), x=(1, 2, 6, 5))
case("AdaptiveMaxPool3d", "as_input", lambda: nn.AdaptiveMaxPool3d((2, None, 4)), x=(1, 1, 3, 2, 5))
case("AdaptiveAvgPool2d", "as_input", lambda: nn.AdaptiveAvgPool2d((None, 3)), x=(1, 2, 5, 7))
case("LPPool1d", "default", lambda: nn.LPPool1d(2, 3), x=(2, 2, 8))
case("LPPool1d", "ceil_mode", lambda: nn.LPPool1d(3, 3, stride=2, ceil_mode=True), x=torch.rand(1, 2, 8, generator=torch.Generator().manual_seed(3)))
case("LPPool2d", "default", lambda: nn.LPPool2d(2, 2), x=(1, 2, 4, 5))
case("LPPool2d", "uneven", lambda: nn.LPPool2d(1.5, (3, 2), stride=(2, 1)), x=torch.rand(1, 2, 5, 4, generator=torch.Generator().manual_seed(3)))
case("AdaptiveAvgPool2d", "rectangle", lambda: nn.AdaptiveAvgPool2d((2, 3)), x=(1, 2, 5, 7))
case("AdaptiveMaxPool2d", "rectangle", lambda: nn.AdaptiveMaxPool2d((2, 3)), x=(1, 2, 5, 7))

# What max_pool and adaptive_max_pool say of the places of the maxima, max_unpool, and fractional pooling.
family("pooling_indices")
for d, image in ((1, (9,)), (2, (7, 6)), (3, (5, 4, 6))):
    maximum, adaptive = getattr(nn, f"MaxPool{d}d"), getattr(nn, f"AdaptiveMaxPool{d}d")
    x = (2 if d < 3 else 1, 2, *image)
    case(f"MaxPool{d}d", "indices", lambda: maximum(2, return_indices=True), x=x)
    case(f"MaxPool{d}d", "indices_padding", lambda: maximum(3, stride=2, padding=1, return_indices=True), x=x)
    case(f"MaxPool{d}d", "indices_dilation", lambda: maximum(2, stride=1, dilation=2, return_indices=True), x=x)
    case(f"MaxPool{d}d", "indices_ceil_mode", lambda: maximum(3, stride=2, ceil_mode=True, return_indices=True), x=x)
    case(f"AdaptiveMaxPool{d}d", "indices", lambda: adaptive(3, return_indices=True), x=x)
    case(f"AdaptiveMaxPool{d}d", "indices_one", lambda: adaptive(1, return_indices=True), x=x)
    odd = torch.randn(x, generator=torch.Generator().manual_seed(4))
    odd.view(-1)[::5], odd.view(-1)[1::7], odd.view(-1)[2:9] = torch.nan, torch.inf, -torch.inf
    case(f"MaxPool{d}d", "indices_nan", lambda: maximum(3, stride=2, padding=1, return_indices=True), x=odd)
    case(f"AdaptiveMaxPool{d}d", "indices_nan", lambda: adaptive(2, return_indices=True), x=odd)
    unpool = getattr(nn, f"MaxUnpool{d}d")
    for name, size, options in (("default", 2, {}), ("stride_padding", 3, dict(stride=2, padding=1)), ("overlapping", 3, dict(stride=1))):
        at = maximum(size, return_indices=True, **options)(torch.randn(x, generator=torch.Generator().manual_seed(5)))[1]
        size_now = unpool(size, **options)(at.double(), torch.zeros_like(at)).shape[2:]
        at = at % int(np.prod(size_now))  # where pooling left out a rest, places are those of a smaller plane
        if name == "overlapping":  # one element has one place: with several the order would matter
            at = torch.stack([torch.randperm(int(np.prod(size_now)))[: at[0, 0].numel()] for _ in range(at.shape[0] * at.shape[1])]).view(at.shape)
        case(f"MaxUnpool{d}d", name, lambda: unpool(size, **options), x=tuple(at.shape), indices=at)
    at = maximum(2, return_indices=True)(torch.randn(x, generator=torch.Generator().manual_seed(6)))[1]
    case(f"max_unpool{d}d", "output_size", lambda: lambda v, i: getattr(F, f"max_unpool{d}d")(v, i, 2, output_size=image), x=tuple(at.shape),
         indices=at)
for d, image in ((2, (9, 8)), (3, (6, 7, 8))):
    x, fractional = (2, 2, *image), getattr(F, f"fractional_max_pool{d}d_with_indices")
    for name, size, options in (("size", 2, dict(output_size=7 - d)), ("ratio", (3, 2, 2)[:d], dict(output_ratio=(0.5, 0.6, 0.7)[:d])),
                                ("one", 3, dict(output_size=(1, 4, 3)[:d]))):
        samples = torch.rand((2, 2, d), generator=torch.Generator().manual_seed(d))
        case(f"fractional_max_pool{d}d", name, lambda: lambda v, s: fractional(v, size, **options, _random_samples=s), x=x, const_samples=samples)
    odd = torch.randn(x, generator=torch.Generator().manual_seed(4))
    odd.view(-1)[::5], odd.view(-1)[3:40] = torch.nan, -torch.inf
    case(f"fractional_max_pool{d}d", "nan", lambda: lambda v, s: fractional(v, 2, output_size=4, _random_samples=s), x=odd, const_samples=samples)
    x = torch.randn(x, generator=torch.Generator().manual_seed(7))
    layer = getattr(nn, f"FractionalMaxPool{d}d")(2, output_ratio=0.7, return_indices=True)
    representations.extend((f"FractionalMaxPool{d}d.drawn", repr(layer)))
    torch.manual_seed(8)
    arrays[f"FractionalMaxPool{d}d.drawn.x"] = x.numpy()
    for draw, numbers in enumerate((x, x, x.double())):
        values, at = layer(numbers)
        arrays[f"FractionalMaxPool{d}d.drawn.y{draw}"], arrays[f"FractionalMaxPool{d}d.drawn.at{draw}"] = values.float().numpy(), at.numpy()

# Padding
family("padding")
for d, image in ((1, (5,)), (2, (4, 5)), (3, (3, 4, 3))):
    x = (1, 2, *image)
    uneven = (1, 2, 0, 1, 2, 1)[: 2 * d]
    for kind, arguments in (("Reflection", ()), ("Replication", ()), ("Constant", (0.5,)), ("Zero", ())):
        if not hasattr(nn, f"{kind}Pad{d}d"):
            continue
        make = getattr(nn, f"{kind}Pad{d}d")
        case(f"{kind}Pad{d}d", "all", lambda: make(1, *arguments), x=x)
        case(f"{kind}Pad{d}d", "uneven", lambda: make(uneven, *arguments), x=x)
    case(f"CircularPad{d}d", "uneven", lambda: lambda x: F.pad(x, uneven, mode="circular"), x=x)
    representations.extend((f"CircularPad{d}d.uneven", f"CircularPad{d}d({uneven})"))  # a module since PyTorch 2.1
case("ConstantPad2d", "crop", lambda: nn.ConstantPad2d((-1, 1, 2, -1), 3.0), x=(1, 2, 4, 5))

# Upsampling and rearrangement
family("upsample")
for size, name in ((dict(scale_factor=2), "scale"), (dict(size=(5, 7)), "size"), (dict(scale_factor=(1.5, 2.0)), "fraction")):
    case("Upsample", f"nearest_{name}", lambda: nn.Upsample(mode="nearest", **size), x=(1, 2, 3, 4))
    case("Upsample", f"bilinear_{name}", lambda: nn.Upsample(mode="bilinear", **size), x=(1, 2, 3, 4))
    case("Upsample", f"bilinear_corners_{name}", lambda: nn.Upsample(mode="bilinear", align_corners=True, **size), x=(1, 2, 3, 4))
case("Upsample", "nearest_1d", lambda: nn.Upsample(scale_factor=3, mode="nearest"), x=(1, 2, 4))
case("Upsample", "nearest_3d", lambda: nn.Upsample(scale_factor=2, mode="nearest"), x=(1, 2, 2, 3, 2))
case("Upsample", "linear", lambda: nn.Upsample(scale_factor=2, mode="linear"), x=(1, 2, 4))
case("Upsample", "trilinear", lambda: nn.Upsample(scale_factor=2, mode="trilinear"), x=(1, 2, 2, 3, 2))
case("Upsample", "bicubic", lambda: nn.Upsample(scale_factor=2, mode="bicubic"), x=(1, 2, 3, 4))
family("shape")
case("PixelShuffle", "two", lambda: nn.PixelShuffle(2), x=(2, 8, 2, 3))
case("PixelShuffle", "three", lambda: nn.PixelShuffle(3), x=(1, 9, 2, 2))
case("PixelUnshuffle", "two", lambda: nn.PixelUnshuffle(2), x=(1, 2, 4, 6))
case("ChannelShuffle", "three", lambda: nn.ChannelShuffle(3), const_x=(1, 6, 2, 2))
case("ChannelShuffle", "all", lambda: nn.ChannelShuffle(6), const_x=(1, 6, 2, 2))
case("ChannelShuffle", "two", lambda: nn.ChannelShuffle(2), const_x=(2, 6, 3))
case("Flatten", "default", nn.Flatten, x=(2, 3, 4))
case("Flatten", "range", lambda: nn.Flatten(0, 1), x=(2, 3, 4))
case("Unflatten", "default", lambda: nn.Unflatten(1, (2, 3)), x=(2, 6))
case("Fold", "default", lambda: nn.Fold((4, 5), 2, stride=1), x=(1, 8, 12))
case("Unfold", "default", lambda: nn.Unfold(2, padding=1, stride=2), x=(1, 2, 4, 5))
case("Unfold", "dilation", lambda: nn.Unfold(2, dilation=2, padding=1), x=(1, 2, 4, 5))
case("Fold", "dilation", lambda: nn.Fold((4, 5), 2, dilation=2, padding=1), x=(1, 4, 20))
case("Unfold", "options", lambda: nn.Unfold((3, 2), dilation=(1, 2), padding=(0, 1), stride=(1, 2)), x=(1, 2, 4, 5))
case("Fold", "options", lambda: nn.Fold((4, 5), (3, 2), dilation=(1, 2), padding=(0, 1), stride=(1, 2)), x=(1, 12, 6))
family("dropout")
case("Dropout", "half", lambda: nn.Dropout(0.5), seed=5, x=(4, 9))
case("Dropout", "fifth", lambda: nn.Dropout(0.2), seed=5, x=(4, 9))
case("Dropout", "eval", lambda: nn.Dropout(0.5), train=False, x=(4, 9))
case("Dropout2d", "half", lambda: nn.Dropout2d(0.5), seed=5, x=(3, 4, 2, 2))
case("AlphaDropout", "half", lambda: nn.AlphaDropout(0.5), seed=5, x=(4, 9))
case("FeatureAlphaDropout", "half", lambda: nn.FeatureAlphaDropout(0.5), seed=5, x=(3, 4, 2, 2))
case("RReLU", "default", nn.RReLU, seed=5, x=(4, 9))
case("RReLU", "eval", lambda: nn.RReLU(0.1, 0.5), train=False, x=(4, 9))

# Attention and recurrence
family("attention")
def attention(module, **options):
    return lambda: Wrapped(module(), lambda m, q, k, v, *rest: m(q, k, v, **options))


class Wrapped(nn.Module):
    """A module under its own parameter names, called in a way of its own."""

    def __init__(self, module, call):
        super().__init__()
        self.__dict__["module"], self.call = module, call

    def named_parameters(self, *arguments, **options):
        return self.__dict__["module"].named_parameters(*arguments, **options)

    def named_buffers(self, *arguments, **options):
        return self.__dict__["module"].named_buffers(*arguments, **options)

    def double(self):
        self.__dict__["module"].double()
        return self

    def train(self, mode=True):
        self.__dict__["module"].train(mode)
        return self

    def forward(self, *inputs):
        return self.call(self.__dict__["module"], *inputs)


family("conv_transpose")
for d, conv, image, size in ((1, nn.ConvTranspose1d, (5,), [10]), (2, nn.ConvTranspose2d, (4, 3), [8, 5]), (3, nn.ConvTranspose3d, (2, 3, 2), [3, 6, 4])):
    case(f"ConvTranspose{d}d", "output_size", lambda: Wrapped(conv(2, 3, 3, stride=2, padding=1), lambda m, x: m(x, output_size=size)), x=(1, 2, *image))
family("embedding")
case("EmbeddingBag", "weighted", lambda: (lambda bag: Wrapped(bag, lambda m, x, each: m(x, per_sample_weights=each)))
     (nn.EmbeddingBag(6, 4, mode="sum")), x=bags, each=(3, 3))
family("attention")
mask = torch.triu(torch.ones(4, 4, dtype=torch.bool), 1)
case("MultiheadAttention", "self", lambda: Wrapped(nn.MultiheadAttention(6, 2, batch_first=True), lambda m, x: m(x, x, x)),
     x=(2, 4, 6))
case("MultiheadAttention", "default", attention(lambda: nn.MultiheadAttention(6, 3)), True,
     query=(3, 2, 6), key=(4, 2, 6), value=(4, 2, 6))
case("MultiheadAttention", "batch_first", attention(lambda: nn.MultiheadAttention(6, 2, batch_first=True), average_attn_weights=False),
     True, query=(2, 3, 6), key=(2, 4, 6), value=(2, 4, 6))
case("MultiheadAttention", "no_bias", attention(lambda: nn.MultiheadAttention(4, 1, bias=False, batch_first=True)),
     query=(2, 3, 4), key=(2, 3, 4), value=(2, 3, 4))
case("MultiheadAttention", "causal",
     lambda: Wrapped(nn.MultiheadAttention(4, 2, batch_first=True), lambda m, x: m(x, x, x, attn_mask=mask)), x=(2, 4, 4))
case("MultiheadAttention", "length_first", lambda: Wrapped(nn.MultiheadAttention(6, 3), lambda m, x: m(x, x, x)), x=(4, 2, 6))
case("MultiheadAttention", "memory", lambda: Wrapped(nn.MultiheadAttention(6, 3), lambda m, q, k: m(q, k, k)),
     query=(3, 2, 6), key=(4, 2, 6))
case("MultiheadAttention", "kdim", attention(lambda: nn.MultiheadAttention(4, 2, kdim=3, vdim=5, batch_first=True)),
     query=(1, 3, 4), key=(1, 2, 3), value=(1, 2, 5))
ignored = torch.tensor([[0, 0, 1], [1, 0, 0]])
case("MultiheadAttention", "key_padding_mask",
     lambda: Wrapped(nn.MultiheadAttention(4, 2, batch_first=True), lambda m, q, k, i: m(q, k, k, key_padding_mask=i.bool())),
     query=(2, 4, 4), key=(2, 3, 4), ignored=ignored)
case("MultiheadAttention", "both_masks",
     lambda: Wrapped(nn.MultiheadAttention(4, 2), lambda m, q, k, i, a: m(q, k, k, key_padding_mask=i.bool(), attn_mask=a)),
     query=(4, 2, 4), key=(3, 2, 4), ignored=ignored, const_mask=(4, 3))


def dot_product(q, k, v, mask=0.0):
    """PyTorch 2's scaled_dot_product_attention, by its definition."""
    return torch.softmax(q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5 + mask, -1) @ v


causal = torch.zeros(4, 4).masked_fill(mask, float("-inf"))
case("scaled_dot_product_attention", "default", lambda: dot_product, query=(2, 3, 4), key=(2, 5, 4), value=(2, 5, 6))
case("scaled_dot_product_attention", "causal", lambda: lambda q, k, v: dot_product(q, k, v, causal),
     query=(2, 2, 4, 3), key=(2, 2, 4, 3), value=(2, 2, 4, 3))
case("scaled_dot_product_attention", "mask", lambda: dot_product,
     query=(2, 3, 4), key=(2, 5, 4), value=(2, 5, 4), const_mask=(3, 5))
family("transformer")
case("TransformerEncoderLayer", "default", lambda: nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True), x=(2, 3, 4))
case("TransformerEncoderLayer", "masks",
     lambda: Wrapped(nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True), lambda m, x, i: m(x, mask[:3, :3], i.bool())),
     x=(2, 3, 4), ignored=torch.tensor([[0, 0, 1], [0, 1, 1]]))
case("TransformerEncoderLayer", "norm_first",
     lambda: nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, activation="gelu", norm_first=True, batch_first=True), x=(2, 3, 4))
case("TransformerDecoderLayer", "norm_first",
     lambda: Wrapped(nn.TransformerDecoderLayer(4, 2, 6, dropout=0.0, activation="gelu", norm_first=True, layer_norm_eps=1e-3),
                     lambda m, x, memory, a, i: m(x, memory, mask[:3, :3], a, memory_key_padding_mask=i.bool())),
     x=(3, 2, 4), memory=(4, 2, 4), const_mask=(3, 4), ignored=torch.tensor([[0, 0, 1, 0], [0, 1, 1, 0]]))
case("TransformerDecoderLayer", "default", lambda: nn.TransformerDecoderLayer(4, 2, 6, dropout=0.0), x=(3, 2, 4), memory=(4, 2, 4))
case("TransformerDecoderLayer", "batch_first",
     lambda: nn.TransformerDecoderLayer(4, 2, 6, dropout=0.0, activation="gelu", batch_first=True), x=(2, 3, 4), memory=(2, 4, 4))
case("TransformerDecoder", "default", lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 6, dropout=0.0), 2),
     x=(3, 2, 4), memory=(4, 2, 4))
case("TransformerDecoder", "norm",
     lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 6, dropout=0.0, activation="gelu", batch_first=True), 1, nn.LayerNorm(4)),
     x=(2, 3, 4), memory=(2, 4, 4))
case("TransformerDecoder", "masks",
     lambda: Wrapped(nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 6, dropout=0.0, activation="gelu", norm_first=True, layer_norm_eps=1e-3),
                                           1, nn.LayerNorm(4)),
                     lambda m, x, memory, a, i: m(x, memory, mask[:3, :3], a, memory_key_padding_mask=i.bool())),
     x=(3, 2, 4), memory=(4, 2, 4), const_mask=(3, 4), ignored=torch.tensor([[0, 0, 1, 0], [0, 1, 1, 0]]))
case("Transformer", "gelu", lambda: nn.Transformer(4, 2, 1, 1, 6, dropout=0.0, activation="gelu"), x=(3, 2, 4), target=(3, 2, 4))
case("Transformer", "norm_first",
     lambda: Wrapped(nn.Transformer(4, 2, 1, 1, 6, dropout=0.0, batch_first=True, norm_first=True, layer_norm_eps=1e-3),
                     lambda m, x, t, a, i: m(x, t, a, memory_key_padding_mask=i.bool())),
     x=(2, 3, 4), target=(2, 3, 4), const_mask=(3, 3), ignored=torch.tensor([[0, 0, 1], [0, 1, 1]]))
case("Transformer", "default",
     lambda: Wrapped(nn.Transformer(4, 2, 2, 1, 6, dropout=0.0, batch_first=True),
                     lambda m, x, t, a, i: m(x, t, None, mask[:3, :3], a, i.bool())), True,
     x=(2, 3, 4), target=(2, 3, 4), const_mask=(3, 3), ignored=torch.tensor([[0, 0, 1], [0, 1, 1]]))
family("rnn")
for layer, make in (("RNN", nn.RNN), ("LSTM", nn.LSTM), ("GRU", nn.GRU)):
    case(layer, "default", lambda: Wrapped(make(3, 4), lambda m, x: m(x)[0]), x=(5, 2, 3))
    case(layer, "layers", lambda: Wrapped(make(3, 4, num_layers=2, batch_first=True), lambda m, x: m(x)[0]), x=(2, 4, 3))
    case(layer, "bidirectional", lambda: Wrapped(make(3, 2, bidirectional=True), lambda m, x: m(x)[0]), x=(3, 2, 3))
    case(layer, "no_bias", lambda: Wrapped(make(3, 2, bias=False), lambda m, x: m(x)[0]), x=(2, 1, 3))
    options = dict(num_layers=2, batch_first=True, bidirectional=True)
    if layer == "LSTM":
        case(layer, "all", lambda: Wrapped(make(3, 2, **options), lambda m, x, h, c: (lambda y, s: torch.cat([y.flatten(), s[0].flatten(), s[1].flatten()]))(*m(x, (h, c)))),
             x=(2, 3, 3), h=(4, 2, 2), c=(4, 2, 2))
    else:
        case(layer, "all", lambda: Wrapped(make(3, 2, **options), lambda m, x, h: torch.cat([v.flatten() for v in m(x, h)])),
             x=(2, 3, 3), h=(4, 2, 2))
    cell = getattr(nn, layer + "Cell")
    state = (lambda m, x, h, c: m(x, (h, c))) if layer == "LSTM" else (lambda m, x, h: m(x, h))
    more = dict(c=(2, 4)) if layer == "LSTM" else {}
    case(layer + "Cell", "default", lambda: Wrapped(cell(3, 4), state), x=(2, 3), h=(2, 4), **more)
    if layer == "LSTM":
        case(layer, "projected", lambda: Wrapped(make(3, 4, proj_size=2), lambda m, x: m(x)[0]), x=(5, 2, 3))
        case(layer, "projected_no_bias", lambda: Wrapped(make(3, 9, bias=False, batch_first=True, proj_size=5), lambda m, x: m(x)[0]), x=(2, 4, 3))
        case(layer, "projected_all", lambda: Wrapped(make(3, 3, proj_size=2, **options), lambda m, x, h, c: (lambda y, s: torch.cat([y.flatten(), s[0].flatten(), s[1].flatten()]))(*m(x, (h, c)))),
             x=(2, 3, 3), h=(4, 2, 2), c=(4, 2, 3))
case("RNN", "relu", lambda: Wrapped(nn.RNN(3, 4, nonlinearity="relu", batch_first=True), lambda m, x: m(x)[0]), x=(2, 3, 3))
case("RNNCell", "relu", lambda: nn.RNNCell(3, 4, nonlinearity="relu", bias=False), x=(2, 3), h=(2, 4))

def padded(layer, state, batch_first=True):
    """What a recurrent layer returns for sequences of the lengths n, as one vector: outputs with zeros, last states."""
    def run(m, x, n, *first):
        packed = nn.utils.rnn.pack_padded_sequence(x, n, batch_first=batch_first, enforce_sorted=False)
        y, last = m(packed, state(*first))
        y, _ = nn.utils.rnn.pad_packed_sequence(y, batch_first=batch_first, total_length=x.shape[1 if batch_first else 0])
        return torch.cat([v.flatten() for v in (y, *(last if isinstance(last, tuple) else (last,)))])
    return lambda: Wrapped(layer(), run)


lengths, both = torch.tensor([3, 1, 4]), lambda *first: first or None
one = lambda *first: first[0] if first else None
case("GRU", "padded", padded(lambda: nn.GRU(3, 2, num_layers=2, batch_first=True, bidirectional=True), one), x=(3, 4, 3), n=lengths, h=(4, 3, 2))
case("RNN", "padded", padded(lambda: nn.RNN(3, 2, num_layers=2, nonlinearity="relu"), one, False), x=(4, 3, 3), n=lengths)
case("LSTM", "padded", padded(lambda: nn.LSTM(3, 2, num_layers=2, batch_first=True, bidirectional=True), both), x=(3, 4, 3), n=lengths, h=(4, 3, 2), c=(4, 3, 2))
case("LSTM", "padded_projected", padded(lambda: nn.LSTM(3, 4, proj_size=2), both, False), x=(4, 3, 3), n=lengths)

# Statistics and running sums
family("statistics")
case("var", "all", lambda: torch.var, x=(3, 4))
case("var", "dim", lambda: lambda x: x.var(1), x=(2, 5, 3))
case("var", "biased", lambda: lambda x: x.var((0, 2), unbiased=False, keepdim=True), x=(2, 3, 4))
case("std", "all", lambda: torch.std, x=(3, 4))
case("std", "dims", lambda: lambda x: x.std((-1, 0)), x=(2, 3, 4))
case("std", "biased", lambda: lambda x: x.std(0, unbiased=False, keepdim=True), x=(4, 3))
for dim in (0, 1, -1):
    case("cumsum", f"dim{dim}", lambda: lambda x: x.cumsum(dim), x=(3, 4, 2))

# Losses
family("loss")
classes, probabilities = labels(5, 4), torch.rand(5, 4, generator=torch.Generator().manual_seed(2))
soft = probabilities / probabilities.sum(1, keepdim=True)
ignoring = torch.tensor([1, -100, 3, 0, -100])
class_weight = torch.tensor([0.5, 2.0, 1.0, 0.25], dtype=torch.float64)
for reduction in ("mean", "sum", "none"):
    r = dict(reduction=reduction)
    case("CrossEntropyLoss", reduction, lambda: nn.CrossEntropyLoss(**r), x=(5, 4), target=classes)
    case("CrossEntropyLoss", f"ignore_index.{reduction}", lambda: nn.CrossEntropyLoss(**r), x=(5, 4), target=ignoring)
    case("CrossEntropyLoss", f"label_smoothing.{reduction}", lambda: nn.CrossEntropyLoss(label_smoothing=0.1, **r), x=(5, 4), target=classes)
    case("CrossEntropyLoss", f"weight.{reduction}", lambda: lambda x, t: F.cross_entropy(x, t, class_weight, **r), x=(5, 4), target=classes)
    case("CrossEntropyLoss", f"all.{reduction}", lambda: lambda x, t: F.cross_entropy(x, t, class_weight, label_smoothing=0.2, ignore_index=3, **r),
         x=(5, 4), target=classes)
    case("CrossEntropyLoss", f"probabilities.{reduction}", lambda: nn.CrossEntropyLoss(**r), x=(5, 4), const_target=soft)
    case("CrossEntropyLoss", f"images.{reduction}", lambda: nn.CrossEntropyLoss(**r), x=(2, 3, 2, 2), target=labels(2, 3, 2, 2))
    case("NLLLoss", reduction, lambda: nn.NLLLoss(**r), x=(5, 4), target=classes)
    case("NLLLoss", f"weight.{reduction}", lambda: lambda x, t: F.nll_loss(x, t, class_weight, ignore_index=1, **r), x=(5, 4), target=classes)
    for layer, make, options in (("MSELoss", nn.MSELoss, {}), ("L1Loss", nn.L1Loss, {}), ("SmoothL1Loss", nn.SmoothL1Loss, dict(beta=0.5)),
                                 ("HuberLoss", nn.HuberLoss, dict(delta=0.7))):
        case(layer, reduction, lambda: make(**r), x=(3, 4), target=(3, 4))
        if options:
            case(layer, f"options.{reduction}", lambda: make(**options, **r), x=(3, 4), target=(3, 4))
    case("BCELoss", reduction, lambda: nn.BCELoss(**r), x=probabilities, const_target=soft)
    case("BCELoss", f"weight.{reduction}", lambda: lambda x, t: F.binary_cross_entropy(x, t, class_weight, **r), x=probabilities, const_target=soft)
    case("BCEWithLogitsLoss", reduction, lambda: nn.BCEWithLogitsLoss(**r), x=(5, 4), const_target=soft)
    case("BCEWithLogitsLoss", f"pos_weight.{reduction}",
         lambda: lambda x, t: F.binary_cross_entropy_with_logits(x, t, pos_weight=class_weight, **r), x=(5, 4), const_target=soft)
    case("BCEWithLogitsLoss", f"weight.{reduction}",
         lambda: lambda x, t, w: F.binary_cross_entropy_with_logits(x, t, w, pos_weight=class_weight, **r), x=(5, 4), const_target=soft,
         const_weight=torch.linspace(0.5, 2, 5)[:, None])
    case("KLDivLoss", reduction, lambda: nn.KLDivLoss(**r), x=soft.log(), const_target=soft.flip(0))
    case("KLDivLoss", f"log_target.{reduction}", lambda: nn.KLDivLoss(log_target=True, **r), x=soft.log(), const_target=soft.flip(0).log())
    case("PoissonNLLLoss", reduction, lambda: nn.PoissonNLLLoss(**r), x=(3, 4), const_target=torch.arange(12.0).reshape(3, 4))
    case("GaussianNLLLoss", reduction, lambda: nn.GaussianNLLLoss(**r), x=(3, 4), const_target=torch.ones(3, 4), var=torch.full((3, 4), 0.7))
    sign = torch.tensor([1.0, -1.0, 1.0, -1.0, -1.0])
    case("HingeEmbeddingLoss", reduction, lambda: nn.HingeEmbeddingLoss(margin=0.8, **r), x=(5,), const_target=sign)
    case("SoftMarginLoss", reduction, lambda: nn.SoftMarginLoss(**r), x=(5,), const_target=sign)
    case("MarginRankingLoss", reduction, lambda: nn.MarginRankingLoss(margin=0.3, **r), x=(5,), x2=(5,), const_target=sign)
    case("CosineEmbeddingLoss", reduction, lambda: nn.CosineEmbeddingLoss(margin=0.1, **r), x=(5, 3), x2=(5, 3), const_target=sign)
    case("TripletMarginLoss", reduction, lambda: nn.TripletMarginLoss(**r), x=(4, 3), x2=(4, 3), x3=(4, 3))
    case("MultiMarginLoss", reduction, lambda: nn.MultiMarginLoss(**r), x=(5, 4), target=classes)
    case("PoissonNLLLoss", f"full.{reduction}", lambda: nn.PoissonNLLLoss(full=True, **r), x=(3, 4), const_target=torch.arange(12.0).reshape(3, 4))
    case("PoissonNLLLoss", f"rate.{reduction}", lambda: nn.PoissonNLLLoss(log_input=False, eps=1e-3, **r), x=probabilities, const_target=soft)
    var = torch.tensor([0.7, 2.0, 0.05])
    case("GaussianNLLLoss", f"full.{reduction}", lambda: nn.GaussianNLLLoss(full=True, eps=0.1, **r), x=(3, 4), const_target=torch.ones(3, 4), var=var)
    case("GaussianNLLLoss", f"rows.{reduction}", lambda: nn.GaussianNLLLoss(**r), x=(3, 4), const_target=torch.ones(3, 4), var=var[:, None])
    case("HingeEmbeddingLoss", f"default.{reduction}", lambda: nn.HingeEmbeddingLoss(**r), x=(5,), const_target=torch.tensor([1.0, -1.0, 0.0, -1.0, 1.0]))
    case("MarginRankingLoss", f"default.{reduction}", lambda: nn.MarginRankingLoss(**r), x=(5,), x2=(5,), const_target=sign)
    case("CosineEmbeddingLoss", f"default.{reduction}", lambda: nn.CosineEmbeddingLoss(**r), x=(5, 3), x2=(5, 3), target=sign.long())
    case("TripletMarginLoss", f"swap.{reduction}", lambda: nn.TripletMarginLoss(margin=0.4, p=1, swap=True, **r), x=(4, 3), x2=(4, 3), x3=(4, 3))
    case("TripletMarginLoss", f"cube.{reduction}", lambda: nn.TripletMarginLoss(margin=2, p=3, eps=1e-3, **r), x=(4, 3), x2=(4, 3), x3=(4, 3))
    case("TripletMarginWithDistanceLoss", reduction, lambda: nn.TripletMarginWithDistanceLoss(margin=0.5, swap=True, **r,
         distance_function=lambda a, b: 1 - F.cosine_similarity(a, b)), x=(4, 3), x2=(4, 3), x3=(4, 3))
    case("MultiMarginLoss", f"square.{reduction}", lambda: nn.MultiMarginLoss(p=2, margin=0.7, **r), x=(5, 4), target=classes)
    case("MultiMarginLoss", f"weight.{reduction}", lambda: nn.MultiMarginLoss(weight=class_weight, **r), x=(5, 4), target=classes)
    several = torch.tensor([[1, 3, -1, 0], [0, -1, 1, 2], [-1, 0, 1, 2], [3, 2, 1, 0], [2, 0, -1, -1]])
    case("MultiLabelMarginLoss", reduction, lambda: nn.MultiLabelMarginLoss(**r), x=(5, 4), target=several)
    several_classes = torch.tensor([[1.0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 0], [0.5, 0, 1, 0]])
    case("MultiLabelSoftMarginLoss", reduction, lambda: nn.MultiLabelSoftMarginLoss(**r), x=(5, 4), const_target=several_classes)
    case("MultiLabelSoftMarginLoss", f"weight.{reduction}", lambda: nn.MultiLabelSoftMarginLoss(weight=class_weight, **r), x=(5, 4),
         const_target=several_classes)
case("MultiMarginLoss", "sample", nn.MultiMarginLoss, x=(4,), target=torch.tensor(2))
case("MultiLabelMarginLoss", "sample", nn.MultiLabelMarginLoss, x=(4,), target=several[0])
for name, options in (("default", {}), ("one", dict(p=1, keepdim=True)), ("cube", dict(p=3, eps=1e-3)), ("largest", dict(p=float("inf")))):
    case("PairwiseDistance", name, lambda: nn.PairwiseDistance(**options), x=(4, 3), x2=(4, 3))
case("CosineSimilarity", "dim0", lambda: nn.CosineSimilarity(dim=0, eps=0.1), x=(4, 3), x2=(4, 3))
case("CosineSimilarity", "last", lambda: nn.CosineSimilarity(dim=-1), x=(2, 4, 3), x2=(4, 3))
case("KLDivLoss", "batchmean", lambda: nn.KLDivLoss(reduction="batchmean"), x=soft.log(), const_target=soft.flip(0))
case("BCELoss", "edges", nn.BCELoss, x=torch.tensor([0.0, 1.0, 0.0, 1.0, 0.5]), const_target=torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0]))
case("BCEWithLogitsLoss", "edges", lambda: nn.BCEWithLogitsLoss(reduction="none"), x=edges, const_target=torch.linspace(0, 1, 17))
case("CrossEntropyLoss", "edges", nn.CrossEntropyLoss, x=torch.stack([edges, -edges, edges.flip(0)]), target=torch.tensor([0, 8, 16]))

# Sequences of labels; the third sample of `long` repeats a label, the first of `short` has more labels than steps
family("ctc")
sequence = torch.tensor([[1, 2, 3], [3, 1, 0], [2, 2, 0]])
long, short, counts = torch.tensor([6, 4, 5]), torch.tensor([2, 6, 2]), torch.tensor([3, 1, 2])
in_a_row = torch.tensor([1, 0, 3, 3, 0, 0])


def ctc(**options):
    return lambda: lambda x, target, steps, counts: F.ctc_loss(x.log_softmax(-1), target, steps, counts, **options)


case("CTCLoss", "default", ctc(), x=(6, 3, 4), target=sequence, steps=long, counts=counts)
case("CTCLoss", "none", ctc(reduction="none"), x=(6, 3, 4), target=sequence, steps=long, counts=counts)
case("CTCLoss", "blank", ctc(blank=2, reduction="sum"), x=(6, 3, 4), target=in_a_row, steps=long, counts=counts)
case("CTCLoss", "zero", ctc(zero_infinity=True), x=(6, 3, 4), target=sequence, steps=short, counts=torch.tensor([3, 0, 2]))
case("CTCLoss", "infinite", ctc(reduction="none"), x=(6, 3, 4), target=sequence, steps=short, counts=counts)
case("CTCLoss", "sample", ctc(), x=(6, 4), target=sequence[0], steps=torch.tensor(5), counts=torch.tensor(3))

# What of singular vectors does not depend on their signs: products of both, and squares
family("svd")


def svd(x):
    u, s, v = x.svd()
    return torch.cat([part.flatten() for part in (s, u @ v.mT, u**2, v**2)])


case("svd", "square", lambda: svd, x=(4, 4))
case("svd", "tall", lambda: svd, x=(2, 5, 3))
case("svd", "wide", lambda: svd, x=(3, 4))


def full_svd(x):  # what completes the basis, as a projection, is a constant
    u, s, v = x.svd(some=False)
    known, rest = u[..., : s.shape[-1]], u[..., s.shape[-1]:].detach()
    return torch.cat([part.flatten() for part in (s, known @ v.mT, rest @ rest.mT)])


case("svd", "full", lambda: full_svd, x=(2, 5, 3))
family("adaptive_softmax")


def adaptive(call, *cutoffs, **options):
    return lambda: Wrapped(nn.AdaptiveLogSoftmaxWithLoss(8, 12, cutoffs, **options), call)


rare = torch.tensor([0, 11, 4, 2, 8])
case("AdaptiveLogSoftmaxWithLoss", "output", adaptive(lambda m, x, t: m(x, t).output, 3, 7, div_value=2), x=(5, 8), target=rare)
case("AdaptiveLogSoftmaxWithLoss", "loss", adaptive(lambda m, x, t: m(x, t).loss, 4, head_bias=True), x=(5, 8), target=rare)
case("AdaptiveLogSoftmaxWithLoss", "sample", adaptive(lambda m, x, t: m(x, t).output, 4, div_value=1), x=(8,), target=torch.tensor(11))
case("AdaptiveLogSoftmaxWithLoss", "log_prob", adaptive(lambda m, x: m.log_prob(x), 3, 7, div_value=2), x=(5, 8))
case("AdaptiveLogSoftmaxWithLoss", "predict", adaptive(lambda m, x: m.predict(x), 3, 7, div_value=2), const_x=torch.arange(40.0).sin().reshape(5, 8) * 9)

# First derivatives of sums of squares of several functions, one after the other, so that backward() gives second ones
family("double_backward")


def slopes(*functions):
    def of(*x):
        each = [torch.autograd.grad(f(*x).square().sum(), x, create_graph=True, allow_unused=True) for f in functions]
        return torch.cat([g.flatten() for gs in each for g in gs if g is not None])
    return of


pair_sign = torch.tensor([1.0, -1.0, 1.0, -1.0])
case("double_backward", "distances", lambda: slopes(
    F.pairwise_distance, lambda a, b: F.pairwise_distance(a, b, p=3, eps=1e-3), F.cosine_similarity,
    lambda a, b: F.cosine_embedding_loss(a, b, pair_sign, margin=0.1, reduction="none")), x=(4, 3), x2=(4, 3))
case("double_backward", "triplets", lambda: slopes(
    lambda a, b, c: F.triplet_margin_loss(a, b, c, reduction="none"),
    lambda a, b, c: F.triplet_margin_loss(a, b, c, margin=2, p=3, swap=True, reduction="sum"),
    lambda a, b, c: F.triplet_margin_with_distance_loss(a, b, c, margin=0.5, distance_function=lambda p, q: 1 - F.cosine_similarity(p, q))),
     x=(4, 3), x2=(4, 3), x3=(4, 3))
pair_target = torch.linspace(0.1, 0.9, 12, dtype=torch.float64).reshape(3, 4)
case("double_backward", "likelihoods", lambda: slopes(
    lambda a, v: F.poisson_nll_loss(a, pair_target, full=True, reduction="none") * v,
    lambda a, v: F.poisson_nll_loss(a.exp(), pair_target, log_input=False, reduction="none") * v,
    lambda a, v: F.gaussian_nll_loss(a, pair_target, v.exp(), full=True, reduction="none"),
    lambda a, v: F.soft_margin_loss(a, pair_target.sign(), reduction="none") * v,
    lambda a, v: F.multilabel_soft_margin_loss(a * v, pair_target, reduction="none")), x=(3, 4), v=(3, 4))
case("double_backward", "margins", lambda: slopes(
    lambda a, b: F.margin_ranking_loss(a, b, torch.ones(5, 4), margin=0.3, reduction="none"),
    lambda a, b: F.hinge_embedding_loss(a * b, torch.ones(5, 4) - 2 * (several > 1).double(), margin=0.8, reduction="none")), x=(5, 4), x2=(5, 4))

# Parameters of 16 bits: drawn as float, rounded, and then computed with as they are.
family("half")
rounded = {"bfloat16": lambda make: lambda: make().bfloat16(), "float16": lambda make: lambda: make().half()}
for short, to in rounded.items():
    case("Linear", short, to(lambda: nn.Linear(5, 3)), x=(4, 5))
    case("Conv2d", short, to(lambda: nn.Conv2d(2, 3, 3)), x=(2, 2, 7, 6))
    case("Embedding", short, to(lambda: nn.Embedding(6, 4, padding_idx=2)), x=labels(3, 6, 4))
    case("LSTM", short, lambda: Wrapped(to(lambda: nn.LSTM(3, 4, num_layers=2, batch_first=True))(), lambda m, x: m(x)[0]), x=(2, 4, 3))
brain = rounded["bfloat16"]
case("Linear", "bfloat16.no_bias", brain(lambda: nn.Linear(7, 4, bias=False)), x=(2, 7))
case("Conv2d", "bfloat16.stride_padding", brain(lambda: nn.Conv2d(2, 3, 3, stride=2, padding=1)), x=(2, 2, 7, 6))
case("Conv2d", "bfloat16.groups", brain(lambda: nn.Conv2d(4, 6, 3, groups=2, padding=1)), x=(1, 4, 7, 6))
case("Embedding", "bfloat16.rank1", brain(lambda: nn.Embedding(9, 3)), x=labels(5, 9))
case("LSTM", "bfloat16.bidirectional", lambda: Wrapped(nn.LSTM(3, 2, bidirectional=True).bfloat16(), lambda m, x: m(x)[0]), x=(3, 2, 3))
case("MultiheadAttention", "bfloat16", lambda: Wrapped(
    nn.MultiheadAttention(6, 2, batch_first=True).bfloat16(), lambda m, x: m(x, x, x)[0]), x=(2, 4, 6))
case("LayerNorm", "bfloat16", brain(lambda: nn.LayerNorm(6)), True, x=(3, 6))
case("BatchNorm2d", "bfloat16", brain(lambda: nn.BatchNorm2d(3)), True, x=(4, 3, 2, 2))

for name in sys.argv[1:] or families:
    arrays, representations, initial = families[name]
    for key, texts in (("repr", representations), ("initial", initial)):
        arrays[key] = np.frombuffer("".join(text + "\0" for text in texts).encode(), np.uint8)
    save(f"layers/{name}", arrays)
