# SPDX-License-Identifier: BSL-1.0
"""A small ResNet-18 and a two-layer GPT as safetensors files of an independent writer, data/checkpoints/*.safetensors,
and what PyTorch computes with them, data/checkpoints.npz: NET.eval is the output in evaluation, NET.loss the cross
entropy in training, NET.grad.PARAMETER every 5th element of a gradient, NET.norm.PARAMETER its norm, NET.after.BUFFER
running statistics after that step. All but the output are computed in double: gradients of biases before a
BatchNorm are sums that nearly vanish. Inputs: torch.rand and torch.randint after manual_seed(1).
"""
import pathlib

import torch
import torch.nn.functional as F
from torch import nn

import common
import safetensors_format as safetensors
from networks import Gpt, ResNet18

directory = pathlib.Path(__file__).parent / "data" / "checkpoints"
directory.mkdir(exist_ok=True)
arrays = {}


def numbers(tensor):
    return tensor.detach().contiguous().numpy()


def record(name, net, x, labels):
    """Without dropout: its random numbers are not the subject here."""
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0
    net.eval()
    arrays[f"{name}.eval"] = numbers(net(x))
    net.train().double()
    out = net(x.double() if x.is_floating_point() else x)
    loss = F.cross_entropy(out.reshape(-1, out.shape[-1]), labels.reshape(-1))
    loss.backward()
    arrays[f"{name}.loss"] = numbers(loss)
    for parameter, p in net.named_parameters():
        arrays[f"{name}.grad.{parameter}"] = numbers(p.grad.reshape(-1)[::5].float())
        arrays[f"{name}.norm.{parameter}"] = numbers(p.grad.norm())
    for buffer, b in net.named_buffers():
        if b.dim() == 1:
            arrays[f"{name}.after.{buffer}"] = numbers(b.float())  # running statistics


def vary(net):
    """Numbers that a forgotten tensor would show in; those of half precision, to keep the file small."""
    with torch.no_grad():
        for p in net.parameters():
            if p.dim() == 1:
                p.add_(0.2 * torch.rand_like(p) - 0.1)
            p.copy_(p.half().float())


torch.manual_seed(0)
resnet, gpt = ResNet18(width=8, classes=10), Gpt()
vary(resnet)
gpt.wte.weight.data.mul_(0.2)
vary(gpt)
with torch.no_grad():
    for _ in range(3):
        resnet(torch.rand(8, 3, 32, 32))  # running statistics
state = resnet.state_dict()
half = {name: t.half() if "running" not in name and t.is_floating_point() else t for name, t in state.items()}
safetensors.write(directory / "resnet18.safetensors", half, {"format": "pt"})
safetensors.save_model(directory / "gpt.safetensors", gpt)

torch.manual_seed(1)
images, labels = torch.rand(8, 3, 32, 32), torch.randint(0, 10, (8,))
words, next_words = torch.randint(0, 100, (3, 16)), torch.randint(0, 100, (3, 16))
record("resnet18", resnet, images, labels)
record("gpt", gpt, words, next_words)
common.save("checkpoints", arrays)
for name in "resnet18", "gpt":
    print(f"{name}.safetensors: {(directory / f'{name}.safetensors').stat().st_size} bytes")
