# SPDX-License-Identifier: BSL-1.0
"""The two networks that are both in the corpus and run: tests/module/networks.hpp has them as structs."""
import torch
from torch import nn
from torch.nn import BatchNorm2d, Conv2d, Dropout, Embedding, GELU, LayerNorm, Linear, MaxPool2d, Module, ModuleList, ReLU
from torch.nn import Sequential


class BasicBlock(Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.conv1 = Conv2d(i, o, 3, stride=stride, padding=1, bias=False)
        self.bn1 = BatchNorm2d(o)
        self.relu = ReLU()
        self.conv2 = Conv2d(o, o, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(o)
        self.downsample = (Sequential(Conv2d(i, o, 1, stride=stride, bias=False), BatchNorm2d(o))
                           if stride != 1 or i != o else None)

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(Module):
    """He et al. 2015, with the names of torchvision."""

    def __init__(self, width=64, classes=1000):
        super().__init__()

        def stage(i, o, stride):
            return Sequential(BasicBlock(i, o, stride), BasicBlock(o, o, 1))

        w = width
        self.conv1 = Conv2d(3, w, 7, stride=2, padding=3, bias=False)
        self.bn1 = BatchNorm2d(w)
        self.relu = ReLU()
        self.maxpool = MaxPool2d(3, stride=2, padding=1)
        self.layer1 = stage(w, w, 1)
        self.layer2 = stage(w, 2 * w, 2)
        self.layer3 = stage(2 * w, 4 * w, 2)
        self.layer4 = stage(4 * w, 8 * w, 2)
        self.fc = Linear(8 * w, classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class Mlp2(Module):
    def __init__(self, n):
        super().__init__()
        self.c_fc = Linear(n, 4 * n)
        self.act = GELU()
        self.c_proj = Linear(4 * n, n)
        self.drop = Dropout(0.1)

    def forward(self, x):
        return self.drop(self.c_proj(self.act(self.c_fc(x))))


class Attention(Module):
    heads = 4

    def __init__(self, n, length):
        super().__init__()
        self.c_attn = Linear(n, 3 * n)
        self.c_proj = Linear(n, n)
        self.register_buffer("mask", torch.full((length, length), float("-inf")).triu(1), persistent=False)

    def forward(self, x):
        batch, length, n = x.shape
        q, k, v = (part.view(batch, length, self.heads, -1).transpose(1, 2) for part in self.c_attn(x).split(n, 2))
        scores = q @ k.transpose(2, 3) / (n // self.heads) ** 0.5 + self.mask
        return self.c_proj((scores.softmax(3) @ v).transpose(1, 2).reshape(batch, length, n))


class GptBlock(Module):
    def __init__(self, n, length):
        super().__init__()
        self.ln_1 = LayerNorm(n)
        self.attn = Attention(n, length)
        self.ln_2 = LayerNorm(n)
        self.mlp = Mlp2(n)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Gpt(Module):
    """Radford et al. 2019, with the names of nanoGPT: two layers, the head is the embedding."""

    def __init__(self, words=100, length=16, n=32):
        super().__init__()
        self.wte = Embedding(words, n)
        self.wpe = Embedding(length, n)
        self.drop = Dropout(0.1)
        self.h = ModuleList([GptBlock(n, length), GptBlock(n, length)])
        self.ln_f = LayerNorm(n)
        self.lm_head = Linear(n, words, bias=False)
        self.lm_head.weight = self.wte.weight

    def forward(self, words):
        x = self.drop(self.wte(words) + self.wpe(torch.arange(words.shape[1])))
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))
