# SPDX-License-Identifier: BSL-1.0
"""What PyTorch says when state is taken and loaded: keys with extra state, the order in which hooks are called, the
texts of errors, old BatchNorms, as data/state.txt. tests/state/state_reference_test.cpp says the same of its structs."""
import pathlib
from collections import OrderedDict

import common  # noqa: F401  (checks the version)
import torch
from torch.nn import BatchNorm1d, Linear, Module, Parameter, Sequential


class Counter(Module):
    """A module with extra state beside its parameter."""

    def __init__(self):
        super().__init__()
        self.fc = Linear(2, 2)
        self.weight = Parameter(torch.zeros(2))
        self.register_buffer("seen", torch.zeros(()))
        self.count = torch.tensor(0)

    def get_extra_state(self):
        return self.count

    def set_extra_state(self, state):
        self.count = state


class Net(Module):
    def __init__(self):
        super().__init__()
        self.list = Sequential(Counter(), Linear(2, 1))
        self.right = Counter()
        self.own = Parameter(torch.zeros(1))
        self.words = torch.tensor([104, 105], dtype=torch.uint8)

    def get_extra_state(self):
        return self.words

    def set_extra_state(self, state):
        self.words = state


class Norms(Module):
    def __init__(self):
        super().__init__()
        self.bn = BatchNorm1d(2)
        self.plain = BatchNorm1d(2, track_running_stats=False)


lines = []


def section(title):
    lines.append(f"[{title}]")


def refusal(model, state):
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        lines.extend(str(error).split("\n"))


section("keys")
lines.extend(Net().state_dict())

section("everything at once")
state = Net().state_dict()
for name in "list.0._extra_state", "own", "right.fc.weight", "_extra_state":
    del state[name]
state["right.seen"] = torch.zeros(3)
state["list.1.weight"] = torch.zeros(2, 2)
state["list.1.scale"] = torch.zeros(1)
state["list.1._extra_state"] = torch.zeros(1)
state["right.fc._extra_state"] = torch.zeros(1)
state["list.0.fc.gain"] = torch.zeros(1)
state["left.fc.weight"] = torch.zeros(1)
refusal(Net(), state)

PATHS = ["list", "", "right.fc", "list.0", "right", "list.0.fc"]  # in this order they are registered


def hooked():
    net = Net()
    for number in range(2):
        for path in PATHS:
            module = net.get_submodule(path)

            def taken(module, state, prefix, metadata, number=number):
                lines.append(f"state_dict hook {number} at '{prefix}', {len(state)} keys")

            def before(state, prefix, *_, number=number):
                lines.append(f"load pre-hook {number} at '{prefix}'")

            def after(module, keys, number=number, path=path):
                lines.append(f"load post-hook {number} at '{path}'")

            module._register_state_dict_hook(taken)
            module._register_load_state_dict_pre_hook(before)
            module.register_load_state_dict_post_hook(after)
    return net


section("state_dict hooks")
net = hooked()
state = net.state_dict()
section("load hooks")
begin = len(lines)
net.load_state_dict(state)
# PyTorch loads module by module, so that both kinds alternate.
lines[begin:] = sorted(lines[begin:], key=lambda line: "post-hook" in line)

section("post-hook that leaves one key")
net = Net()


def forgive(module, keys):
    keys.missing_keys.remove("list.0.weight")
    keys.unexpected_keys.clear()


net.register_load_state_dict_post_hook(forgive)
state = Net().state_dict()
del state["list.0.weight"], state["right.weight"]
state["more"] = torch.zeros(1)
refusal(net, state)

section("post-hooks as soon as a module is loaded")
net = Net()
for path in ["list.0", "list", "right.fc", ""]:

    def tell(module, keys, path=path):
        missing, unexpected = ", ".join(keys.missing_keys), ", ".join(keys.unexpected_keys)
        loaded = [int(m.weight[0, 0] == 7) for m in (net.list[0].fc, net.list[1], net.right.fc)]
        lines.append(f"'{path}': missing {missing}; unexpected {unexpected}; loaded {loaded}; {net.right.count.item()}")
        if path == "list":
            keys.missing_keys.remove("list.1.bias")

    net.get_submodule(path).register_load_state_dict_post_hook(tell)
state = Net().state_dict()
for name in "own", "list.0.weight", "list.1.bias", "right.seen", "right.fc.bias":
    del state[name]
for name in "list.0.fc.weight", "list.1.weight", "right.fc.weight":
    state[name] = torch.full_like(state[name], 7)
for name in "more", "list.0.more", "list.1.more", "right.more":
    state[name] = torch.zeros(1)
state["right._extra_state"] = torch.tensor(5)
refusal(net, state)

section("BatchNorm without num_batches_tracked")
norms = Norms()
norms.bn.num_batches_tracked.fill_(5)
state = norms.state_dict()
del state["bn.num_batches_tracked"]
refusal(norms, state)
norms.load_state_dict(dict(state))  # no _metadata: from before the counter
lines.append(f"loaded, num_batches_tracked = {norms.bn.num_batches_tracked.item()}")
refusal(norms, OrderedDict())

path = pathlib.Path(__file__).parent / "data" / "state.txt"
path.write_text("\n".join(lines) + "\n")
print(f"{path.name}: {len(lines)} lines")
