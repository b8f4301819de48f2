# SPDX-License-Identifier: BSL-1.0
"""What PyTorch says about many models: every list of names, the shapes and the printed text, as data/corpus.txt.

Each model is a class here and a struct of the same name in tests/module/corpus_*.cpp. Nothing is trained.
"""
import pathlib
from collections import OrderedDict

import common  # noqa: F401  (checks the version)
import torch
from torch import nn
from torch.nn import (BatchNorm1d, BatchNorm2d, Conv1d, Conv2d, Conv3d, Dropout, Embedding, GELU, GroupNorm,
                      LayerNorm, Linear, MaxPool2d, Module, ModuleDict, ModuleList, Parameter, ParameterDict,
                      ParameterList, ReLU, Sequential, Sigmoid, Tanh)

from networks import Gpt, ResNet18

MODELS = []


def model(cls):
    MODELS.append(cls)
    return cls


def fields(**of):
    """A model whose attributes are these, in this order; a function makes one from self."""
    def build(cls):
        def init(self):
            super(cls, self).__init__()
            for name, make in of.items():
                setattr(self, name, make())
            if hasattr(self, "tie"):
                self.tie()
        cls.__init__ = init
        return cls
    return build


def parameter(*shape):
    return lambda: Parameter(torch.zeros(shape))


# ---- plain nets -----------------------------------------------------------------------------------------

@model
@fields(fc1=lambda: Linear(784, 128), fc2=lambda: Linear(128, 10))
class Mlp(Module):
    pass


@model
@fields(first=lambda: Linear(4, 3, bias=False), second=lambda: Linear(3, 2))
class NoBias(Module):
    pass


@model
@fields(conv1=lambda: Conv2d(1, 6, 5, padding=2), conv2=lambda: Conv2d(6, 16, 5), pool=lambda: MaxPool2d(2),
        fc1=lambda: Linear(400, 120), fc2=lambda: Linear(120, 84), fc3=lambda: Linear(84, 10))
class LeNet(Module):
    pass


@model
@fields(encoder=lambda: Sequential(Linear(784, 64), ReLU(), Linear(64, 8)),
        decoder=lambda: Sequential(Linear(8, 64), ReLU(), Linear(64, 784), Sigmoid()))
class Autoencoder(Module):
    pass


@model
@fields(net=lambda: Sequential(Sequential(Linear(2, 3), Tanh()), Sequential(Sequential(Linear(3, 1)))))
class NestedSequential(Module):
    pass


def vgg_block(i, o):
    return [Conv2d(i, o, 3, padding=1), BatchNorm2d(o), ReLU()]


@model
@fields(features=lambda: Sequential(*vgg_block(3, 64), MaxPool2d(2), *vgg_block(64, 128), MaxPool2d(2),
                                    *vgg_block(128, 256), *vgg_block(256, 256), MaxPool2d(2, stride=2)),
        classifier=lambda: Sequential(Linear(4096, 512), ReLU(), Dropout(), Linear(512, 10)))
class Vgg(Module):
    pass


# ---- residual networks --------------------------------------------------------------------------------

model(ResNet18)


class Residual(Module):
    def __init__(self):
        super().__init__()
        self.fc1 = Linear(16, 16)
        self.fc2 = Linear(16, 16)
        self.scale = Parameter(torch.ones(()))


@model
@fields(stem=lambda: Linear(8, 16), blocks=lambda: ModuleList(Residual() for _ in range(12)),
        head=lambda: Linear(16, 2))
class ResidualMlp(Module):
    pass


class InvertedResidual(Module):
    def __init__(self, i, o):
        super().__init__()
        self.conv = Sequential(
            Sequential(Conv2d(i, 6 * i, 1, bias=False), BatchNorm2d(6 * i), nn.ReLU6()),
            Sequential(Conv2d(6 * i, 6 * i, 3, stride=2, padding=1, groups=6 * i, bias=False), BatchNorm2d(6 * i),
                       nn.ReLU6()),
            Conv2d(6 * i, o, 1, bias=False), BatchNorm2d(o))


@model
@fields(features=lambda: Sequential(InvertedResidual(3, 16), InvertedResidual(16, 24)))
class MobileNet(Module):
    pass


# ---- encoders and decoders ----------------------------------------------------------------------------

def double_conv(i, o):
    return Sequential(Conv2d(i, o, 3, padding=1), ReLU(), Conv2d(o, o, 3, padding=1), ReLU())


@model
@fields(down=lambda: ModuleList([double_conv(1, 16), double_conv(16, 32), double_conv(32, 64)]),
        pool=lambda: MaxPool2d(2), bottom=lambda: double_conv(64, 128),
        reduce=lambda: ModuleList([Conv2d(128, 64, 1), Conv2d(64, 32, 1), Conv2d(32, 16, 1)]),
        up=lambda: ModuleList([double_conv(128, 64), double_conv(64, 32), double_conv(32, 16)]),
        out=lambda: Conv2d(16, 2, 1))
class UNet(Module):
    pass


model(Gpt)


class EncoderLayer(Module):
    def __init__(self):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(16, 4, dropout=0.1, batch_first=True)
        self.linear1 = Linear(16, 32)
        self.dropout = Dropout(0.1)
        self.linear2 = Linear(32, 16)
        self.norm1 = LayerNorm(16)
        self.norm2 = LayerNorm(16, eps=1e-6)


@model
@fields(embedding=lambda: Embedding(50, 16, padding_idx=0), layers=lambda: ModuleList(EncoderLayer() for _ in range(2)),
        pooler=lambda: Sequential(Linear(16, 16), Tanh()))
class TransformerEncoder(Module):
    pass


@model
@fields(cross=lambda: nn.MultiheadAttention(8, 2, kdim=4, vdim=6), plain=lambda: nn.MultiheadAttention(8, 2, bias=False))
class Attentions(Module):
    pass


class MixerBlock(Module):
    def __init__(self):
        super().__init__()
        self.norm1 = LayerNorm([8, 16])
        self.tokens = Sequential(OrderedDict([("0", Linear(8, 32)), ("1", GELU()), ("2", Linear(32, 8))]))
        self.norm2 = LayerNorm(16, elementwise_affine=False)
        self.channels = Sequential(Linear(16, 64), GELU(), Linear(64, 16))


@model
@fields(patches=lambda: Conv2d(3, 16, (4, 4), stride=(4, 4)), blocks=lambda: ModuleList([MixerBlock(), MixerBlock()]),
        head=lambda: Linear(16, 10))
class Mixer(Module):
    pass


# ---- sharing ------------------------------------------------------------------------------------------

class Tower(Module):
    def __init__(self):
        super().__init__()
        self.fc = Linear(4, 4)
        self.bn = BatchNorm1d(4)


@model
class Siamese(Module):
    def __init__(self):
        super().__init__()
        self.left = Tower()
        self.right = self.left
        self.head = Linear(8, 1)


@model
class SharedInList(Module):
    def __init__(self):
        super().__init__()
        tower = Tower()
        self.towers = ModuleList([tower, Tower(), tower])


@model
class SharedAcross(Module):
    """A module under two parents."""
    def __init__(self):
        super().__init__()
        self.a = Sequential(Linear(2, 2), Tower())
        self.b = Sequential(self.a[1], Linear(4, 2))


@model
@fields(a=lambda: Linear(3, 3), b=lambda: Linear(3, 3), c=lambda: Linear(3, 3), d=lambda: Linear(3, 3))
class Chain(Module):
    def tie(self):
        self.b.weight = self.a.weight
        self.c.weight = self.b.weight
        self.d.bias = self.c.bias


@model
@fields(encoder=lambda: Sequential(Embedding(9, 4), Linear(4, 4)), blocks=lambda: ModuleList([Residual(), Residual()]),
        out=lambda: ModuleDict({"logits": Linear(4, 9), "value": Linear(4, 1)}))
class TieAcrossLevels(Module):
    def tie(self):
        self.out["logits"].weight = self.encoder[0].weight
        self.blocks[1].fc2.weight = self.blocks[0].fc1.weight
        self.blocks[1].scale = self.blocks[0].scale


@model
@fields(one=lambda: BatchNorm1d(3), two=lambda: BatchNorm1d(3))
class TiedBuffer(Module):
    def tie(self):
        self.two._buffers["running_mean"] = self.one.running_mean


@model
@fields(w=parameter(3), again=parameter(3), inner=lambda: ParameterList([Parameter(torch.zeros(3))]))
class TieIntoList(Module):
    def tie(self):
        self.again = self.w
        self.inner[0] = self.w


# ---- parameters, buffers, what is not there ----------------------------------------------------------

@model
class Mixed(Module):
    """Everything in an order that is not the order of the lists."""
    def __init__(self):
        super().__init__()
        self.child = Linear(2, 2)
        self.register_buffer("mean", torch.zeros(2))
        self.late = Parameter(torch.zeros(2, 3, 4))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.other = Tower()
        self.scalar = Parameter(torch.zeros(()))
        self.register_buffer("cache", torch.zeros(5), persistent=False)


@model
class AbsentParts(Module):
    def __init__(self):
        super().__init__()
        self.register_parameter("bias", None)
        self.weight = Parameter(torch.zeros(2))
        self.register_buffer("state", None)
        self.register_module("extra", None)
        self.fc = Linear(2, 2, bias=False)
        self.skip = None


@model
class OnlyBuffers(Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("a", torch.zeros(1, dtype=torch.uint8))
        self.register_buffer("b", torch.zeros(2, dtype=torch.float64))
        self.register_buffer("c", torch.zeros(3, dtype=torch.bool))


@model
@fields(weights=lambda: ParameterList([Parameter(torch.zeros(2, 3)), Parameter(torch.zeros(4)), Parameter(torch.zeros(()))]),
        single=lambda: ParameterList([Parameter(torch.zeros(7))]), none=lambda: ParameterList(),
        fc=lambda: Linear(1, 1))
class ParameterLists(Module):
    pass


@model
@fields(sides=lambda: ParameterDict(OrderedDict([("left", Parameter(torch.zeros(2, 2))), ("right", Parameter(torch.zeros(3)))])),
        one=lambda: ParameterDict({"only": Parameter(torch.zeros(1))}))
class ParameterDicts(Module):
    pass


@model
@fields(weights=lambda: ParameterList([Parameter(torch.zeros(2, dtype=torch.float64))]),
        table=lambda: ParameterDict({"x": Parameter(torch.zeros(3, dtype=torch.float64))}),
        fc=lambda: Linear(2, 3).double())
class InDouble(Module):
    pass


# ---- containers -----------------------------------------------------------------------------------------

@model
@fields(same=lambda: ModuleList([Linear(2, 2), Linear(2, 2), Linear(2, 2)]),
        mixed=lambda: ModuleList([Linear(2, 3), ReLU(), Linear(3, 2)]), empty=lambda: ModuleList())
class Lists(Module):
    pass


@model
@fields(choices=lambda: ModuleDict(OrderedDict([("conv", Conv2d(1, 2, 3)), ("pool", MaxPool2d(3)), ("act", ReLU())])),
        none=lambda: ModuleDict())
class Dicts(Module):
    pass


@model
@fields(grid=lambda: ModuleList(ModuleList(Linear(1, 1) for _ in range(2)) for _ in range(3)))
class ListOfLists(Module):
    pass


@model
@fields(heads=lambda: ModuleDict(OrderedDict([("a", ModuleList([Linear(1, 1), Linear(1, 2)])), ("b", Sequential(Linear(2, 1)))])),
        steps=lambda: ModuleList([ModuleDict({"up": Linear(3, 1)}), ModuleDict({"down": Linear(1, 3)})]))
class DictOfLists(Module):
    pass


class Level(Module):
    def __init__(self, depth):
        super().__init__()
        self.w = Parameter(torch.zeros(depth + 1))
        if depth > 0:
            self.inner = Level(depth - 1)


@model
@fields(top=lambda: Level(5))
class DeepNest(Module):
    pass


@model
@fields(many=lambda: ModuleList(Linear(1, 1) for _ in range(12)), last=parameter(1))
class ManyElements(Module):
    """Indices of two digits."""


@model
class Bare(Module):
    """Nothing in it but children without parameters."""
    def __init__(self):
        super().__init__()
        self.relu = ReLU()
        self.tanh = Tanh()


@model
@fields(net=Sequential, tail=lambda: Linear(1, 1))
class EmptySequential(Module):
    pass


# ---- the user's own text ---------------------------------------------------------------------------------

class Scaled(Module):
    def __init__(self):
        super().__init__()
        self.weight = Parameter(torch.zeros(2))

    def extra_repr(self):
        return "factor=2"


class Documented(Module):
    def __init__(self):
        super().__init__()
        self.inner = Scaled()
        self.act = ReLU()

    def extra_repr(self):
        return "first line\nsecond line"


@model
@fields(scaled=Scaled, documented=Documented)
class ExtraRepr(Module):
    def extra_repr(self):
        return "outer"


@model
@fields(list=lambda: ModuleList([Documented(), Scaled()]))
class ExtraReprInList(Module):
    pass


# ---- layers and their options --------------------------------------------------------------------------

@model
@fields(net=lambda: Sequential(ReLU(), nn.ReLU6(), Sigmoid(), Tanh(), nn.SiLU(), nn.Mish(), GELU(), nn.SELU(),
                               nn.Softsign(), nn.LogSigmoid(), nn.Tanhshrink(), nn.Hardswish(), nn.Hardsigmoid(),
                               nn.LeakyReLU(), nn.LeakyReLU(0.2), nn.ELU(), nn.CELU(0.5), nn.Hardtanh(-2.0, 2.0),
                               nn.Softplus(), nn.Softshrink(), nn.Hardshrink(), nn.Threshold(0.1, 20.0), nn.PReLU(),
                               nn.PReLU(3, 0.1), nn.Softmax(dim=1), nn.LogSoftmax(dim=-1)))
class Activations(Module):
    pass


@model
@fields(bn1=lambda: BatchNorm1d(4), bn2=lambda: BatchNorm2d(4, affine=False),
        bn3=lambda: nn.BatchNorm3d(4, track_running_stats=False), bn4=lambda: BatchNorm1d(4, eps=1e-3, momentum=None),
        group=lambda: GroupNorm(2, 4), layer=lambda: LayerNorm((2, 3)), instance=lambda: nn.InstanceNorm2d(4, affine=True))
class Norms(Module):
    pass


@model
@fields(a=lambda: Conv1d(2, 4, 3, stride=2, padding=1), b=lambda: Conv2d(2, 4, (3, 5), padding="same", dilation=2),
        c=lambda: Conv3d(4, 4, 3, groups=2, bias=False), d=lambda: Conv2d(3, 3, 1),
        e=lambda: Conv2d(4, 8, 3, stride=(2, 1), padding=(1, 0)))
class Convolutions(Module):
    pass


@model
@fields(a=lambda: MaxPool2d(2), b=lambda: MaxPool2d(3, stride=2, padding=1, dilation=1, ceil_mode=True),
        c=lambda: nn.AvgPool2d(2), d=lambda: nn.MaxPool1d(2), e=lambda: nn.AvgPool1d(3, stride=1, padding=1),
        f=lambda: nn.MaxPool3d((1, 2, 2)))
class Pools(Module):
    pass


@model
@fields(a=Dropout, b=lambda: Dropout(0.25), c=nn.Dropout1d, d=nn.Dropout2d, e=lambda: nn.Dropout3d(0.1),
        f=nn.AlphaDropout)
class Dropouts(Module):
    pass


# ---- larger compositions ---------------------------------------------------------------------------------

class Expert(Module):
    def __init__(self):
        super().__init__()
        self.up = Linear(8, 32, bias=False)
        self.down = Linear(32, 8, bias=False)


@model
@fields(gate=lambda: Linear(8, 4), experts=lambda: ModuleList(Expert() for _ in range(4)), temperature=parameter())
class MixtureOfExperts(Module):
    pass


@model
@fields(trunk=lambda: Sequential(Linear(10, 20), ReLU()), heads=lambda: ModuleDict(OrderedDict(
    [("policy", Linear(20, 4)), ("value", Sequential(Linear(20, 8), Tanh(), Linear(8, 1)))])))
class ActorCritic(Module):
    pass


@model
@fields(generator=lambda: Sequential(Linear(4, 8), BatchNorm1d(8), nn.LeakyReLU(0.2), Linear(8, 16), Tanh()),
        discriminator=lambda: Sequential(Linear(16, 8), nn.LeakyReLU(0.2), Dropout(0.3), Linear(8, 1)))
class Gan(Module):
    pass


# ---- what is written -------------------------------------------------------------------------------------

def leaves(net, kind, duplicates):
    seen = set()
    for path, module in net.named_modules(remove_duplicate=False):
        for name, tensor in getattr(module, kind).items():
            if tensor is None or (not duplicates and id(tensor) in seen):
                continue
            seen.add(id(tensor))
            yield (path + "." if path else "") + name, tensor


def shown(tensor):
    return f"{list(tensor.shape)} {str(tensor.dtype).replace('torch.', '')}"


def describe(net):
    def section(title, lines):
        return [f"[{title}]", *lines]

    def tensors(pairs):
        return [f"{name} {shown(tensor)}" for name, tensor in pairs]

    def modules(pairs):
        return [f"{name} {module._get_name()}" for name, module in pairs]

    named = list(leaves(net, "_parameters", False))
    assert [name for name, _ in named] == [name for name, _ in net.named_parameters()]
    assert [name for name, _ in leaves(net, "_buffers", False)] == [name for name, _ in net.named_buffers()]
    lines = section("named_parameters", tensors(net.named_parameters()))
    lines += section("named_parameters, duplicates", tensors(leaves(net, "_parameters", True)))
    lines += section("named_parameters, not recursive", tensors(net.named_parameters(recurse=False)))
    lines += section("named_parameters, prefix", tensors(net.named_parameters(prefix="net")))
    lines += section("named_buffers", tensors(net.named_buffers()))
    lines += section("named_buffers, duplicates", tensors(leaves(net, "_buffers", True)))
    lines += section("named_buffers, not recursive", tensors(net.named_buffers(recurse=False)))
    lines += section("named_buffers, prefix", tensors(net.named_buffers(prefix="net")))
    lines += section("named_modules", modules(net.named_modules()))
    lines += section("named_modules, duplicates", modules(net.named_modules(remove_duplicate=False)))
    lines += section("named_modules, prefix", modules(net.named_modules(prefix="net")))
    lines += section("named_children", modules(net.named_children()))
    lines += section("children of every module", [
        " ".join([path + ":", *(name + " " + child._get_name() for name, child in module.named_children())])
        for path, module in net.named_modules(remove_duplicate=False)])
    lines += section("parameters and buffers of every module", [
        " ".join([path + ":", *(name for name, _ in module.named_parameters()), "|",
                  *(name for name, _ in module.named_buffers(recurse=False))])
        for path, module in net.named_modules(remove_duplicate=False)])
    lines += section("state_dict", tensors(net.state_dict().items()))
    applied = []
    net.apply(lambda module: applied.append(module._get_name()))
    lines += section("apply", applied)
    lines += section("repr", repr(net).split("\n"))
    return lines


path = pathlib.Path(__file__).parent / "data" / "corpus.txt"
with open(path, "w") as file:
    for cls in MODELS:
        file.write("\n".join([f"== {cls.__name__}", *describe(cls())]) + "\n")
print(f"{path.name}: {len(MODELS)} models, {path.stat().st_size} bytes")
