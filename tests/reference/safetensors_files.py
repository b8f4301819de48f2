# SPDX-License-Identifier: BSL-1.0
"""Files for tests/io/safetensors_*_test.cpp in data/safetensors: good ones, and in bad/ one for each mistake that a
file can have. tests/fuzz takes them as seeds."""
import json
import pathlib
import struct

import numpy as np
import torch
from torch import nn

import common  # noqa: F401 (the version, the number of threads)
import safetensors_format as safetensors

out = pathlib.Path(__file__).parent / "data" / "safetensors"
(out / "bad").mkdir(parents=True, exist_ok=True)


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 8)
        self.fc2 = nn.Linear(8, 3)
        self.register_buffer("steps", torch.tensor(7))
        self.register_buffer("mask", torch.tensor([True, False, True]))
        self.register_buffer("scratch", torch.zeros(2), persistent=False)

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x)))


class Tied(nn.Module):
    """Two names for one weight, as of the embedding and the head of a GPT."""

    def __init__(self):
        super().__init__()
        self.wte = nn.Linear(8, 6, bias=False)
        self.body = nn.Linear(8, 8)
        self.lm_head = nn.Linear(8, 6, bias=False)
        self.lm_head.weight = self.wte.weight

    def forward(self, x):
        return self.lm_head(torch.relu(self.body(x)))


torch.manual_seed(0)
mlp, tied = Mlp(), Tied()
x, z = torch.randn(5, 4), torch.randn(5, 8)
np.savez(out / "outputs.npz", x=x, mlp=mlp(x).detach(), z=z, tied=tied(z).detach())
state = mlp.state_dict()
safetensors.save_model(out / "mlp.safetensors", mlp, {"note": "a text with \"quotes\", a \\ and Ümläute"})
np.savez(out / "mlp.npz", **{name: tensor.numpy() for name, tensor in state.items()})
safetensors.save_model(out / "tied.safetensors", tied)
safetensors.write(out / "tied_both_names.safetensors", tied.state_dict())
different = dict(tied.state_dict())
different["wte.weight"] = different["wte.weight"] + 1
safetensors.write(out / "tied_different.safetensors", different)
for name, dtype in ("f64", torch.float64), ("f16", torch.float16), ("bf16", torch.bfloat16):
    converted = {key: t.to(dtype) if t.is_floating_point() else t for key, t in state.items()}
    safetensors.write(out / f"mlp_{name}.safetensors", converted)
# Names of a foreign program, and something that the network does not have.
foreign = {f"module.layers.{i}.{what}": state[f"fc{i + 1}.{what}"] for i in range(2) for what in ("weight", "bias")}
safetensors.write(out / "foreign.safetensors", dict(foreign, **{"module.rotary": torch.ones(3)}))
wrong = dict(state, **{"fc3.weight": torch.ones(2, 2), "extra": torch.ones(1), "fc1.gain": torch.ones(1)})
wrong["fc1.weight"] = torch.ones(8, 5)
del wrong["fc2.bias"], wrong["steps"]
safetensors.write(out / "wrong.safetensors", wrong)
try:
    mlp.load_state_dict(wrong)
except RuntimeError as error:
    # Its keys in the file's order, which is the order in which Stator reads them.
    mlp_again = Mlp()
    try:
        mlp_again.load_state_dict(safetensors.read(out / "wrong.safetensors")[0])
    except RuntimeError as again:
        (out / "wrong.txt").write_text(str(again) + "\n")

every = {
    "F64": torch.tensor([0.1, -2.0, 1e300], dtype=torch.float64),
    "F32": torch.tensor([0.1, -2.0, 1e30]),
    "F16": torch.tensor([0.1, -2.0, 65504.0, 6e-8, float("inf")], dtype=torch.float16),
    "BF16": torch.tensor([0.1, -2.0, 1e30], dtype=torch.bfloat16),
    "I64": torch.tensor([2**63 - 1, -(2**63)]),
    "I32": torch.tensor([2**31 - 1, -(2**31)], dtype=torch.int32),
    "I16": torch.tensor([[32767], [-32768]], dtype=torch.int16),
    "I8": torch.tensor([127, -128], dtype=torch.int8),
    "U8": torch.tensor([0, 255], dtype=torch.uint8),
    "BOOL": torch.tensor([True, False, True]),
    "nothing": torch.empty(0, 4),
    "number": torch.tensor(2.5),
    "Ünïcode/名前": torch.ones(1),
}
safetensors.write(out / "types.safetensors", every)
np.savez(out / "types.npz", **{k: v.to(torch.float64).numpy() for k, v in every.items() if v.is_floating_point()})


def bad(name, header, data=b"", length=None):
    """Writes bad/NAME.safetensors: a header (bytes, or something to write as JSON) that lies."""
    if not isinstance(header, bytes):
        header = json.dumps(header, separators=(",", ":")).encode("utf-8")
    prefix = struct.pack("<Q", len(header) if length is None else length)
    (out / "bad" / f"{name}.safetensors").write_bytes(prefix + header + data)


def tensor(begin=0, end=8, shape=(2,), dtype="F32", **more):
    return dict({"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}, **more)


def without(key):
    return {k: v for k, v in tensor().items() if k != key}


eight = bytes(8)
(out / "bad" / "empty.safetensors").write_bytes(b"")
(out / "bad" / "seven_bytes.safetensors").write_bytes(bytes(7))
(out / "bad" / "length_only.safetensors").write_bytes(bytes(8))
bad("length_beyond_the_file", {"a": tensor()}, b"", 1000)
bad("length_2_63", {"a": tensor()}, eight, 2**63)
bad("length_2_64", {"a": tensor()}, eight, 2**64 - 1)
bad("length_2_64_minus_8", {"a": tensor()}, eight, 2**64 - 8)
bad("length_over_limit", {"a": tensor()}, eight, 100_000_001)
bad("truncated_data", {"a": tensor()}, eight[:7])
bad("truncated_header", json.dumps({"a": tensor()}).encode()[:-10])
bad("truncated_string", b'{"a')
bad("no_json", b"not json at all")
bad("array", b"[1,2]")
bad("leading_space", b' {"a":' + json.dumps(tensor()).encode() + b"}", eight)
bad("text_behind", json.dumps({"a": tensor()}).encode() + b" x", eight)
bad("zero_padding", json.dumps({"a": tensor()}).encode() + b"\0\0", eight)
bad("trailing_comma", b'{"a":' + json.dumps(tensor()).encode() + b",}", eight)
bad("comment", b'{/**/"a":' + json.dumps(tensor()).encode() + b"}", eight)
bad("duplicate_tensor", b'{"a":%s,"a":%s}' % ((json.dumps(tensor()).encode(),) * 2), eight)
bad("duplicate_escaped", b'{"a":%s,"\\u0061":%s}' % ((json.dumps(tensor()).encode(),) * 2), eight)
bad("duplicate_field", b'{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}', eight)
bad("duplicate_metadata", b'{"__metadata__":{"a":"b"},"__metadata__":{}}')
bad("duplicate_metadata_key", b'{"__metadata__":{"a":"b","a":"c"}}')
bad("metadata_number", {"__metadata__": {"a": 1}})
bad("metadata_object", {"__metadata__": {"a": {}}})
bad("metadata_text", {"__metadata__": "pt"})
bad("unknown_dtype", {"a": tensor(dtype="F33")}, eight)
bad("dtype_lower_case", {"a": tensor(dtype="f32")}, eight)
bad("dtype_number", {"a": tensor(dtype=32)}, eight)
bad("no_dtype", {"a": without("dtype")}, eight)
bad("no_shape", {"a": without("shape")}, eight)
bad("no_offsets", {"a": without("data_offsets")}, eight)
bad("unknown_field", {"a": tensor(strides=[1])}, eight)
bad("tensor_null", {"a": None})
bad("tensor_number", {"a": 7})
bad("tensor_bool", {"a": True})
bad("shape_null", {"a": dict(tensor(), shape=None)}, eight)
bad("shape_text", {"a": dict(tensor(), shape="2")}, eight)
bad("shape_number", {"a": dict(tensor(), shape=2)}, eight)
bad("shape_nested", {"a": tensor(shape=[[2]])}, eight)
bad("extent_negative", {"a": tensor(shape=[-2])}, eight)
bad("extent_minus_zero", b'{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}')
bad("extent_fraction", {"a": tensor(shape=[2.0])}, eight)
bad("extent_2_63", {"a": tensor(shape=[2**63])}, eight)
bad("extent_2_70", {"a": tensor(shape=[2**70])}, eight)
bad("product_overflow", {"a": tensor(0, 0, shape=[2**62, 4, 2])})
bad("product_overflow_to_8", {"a": tensor(0, 8, shape=[2**62 + 1, 2])}, eight)
bad("rank_65", {"a": tensor(shape=[1] * 64 + [2])}, eight)
bad("too_few_bytes", {"a": tensor(shape=[3])}, eight)
bad("too_many_bytes", {"a": tensor(shape=[1])}, eight)
bad("offsets_one", {"a": dict(tensor(), data_offsets=[0])}, eight)
bad("offsets_three", {"a": dict(tensor(), data_offsets=[0, 8, 8])}, eight)
bad("offsets_negative", {"a": tensor(-8, 0)}, eight)
bad("offsets_reversed", {"a": tensor(8, 0)}, eight)
bad("offsets_beyond", {"a": tensor(8, 16)}, eight)
bad("offsets_2_63", {"a": tensor(2**63 - 8, 2**63)}, eight)
bad("offsets_huge", {"a": tensor(2**63 - 9, 2**63 - 1)}, eight)
bad("overlapping", {"a": tensor(0, 8), "b": tensor(4, 12)}, bytes(12))
bad("same_bytes", {"a": tensor(0, 8), "b": tensor(0, 8)}, eight)
bad("hole", {"a": tensor(0, 8), "b": tensor(16, 24)}, bytes(24))
bad("hole_at_begin", {"a": tensor(8, 16)}, bytes(16))
bad("empty_tensor_inside", {"a": tensor(0, 8), "b": tensor(4, 4, shape=[0])}, eight)
bad("bytes_behind", {"a": tensor()}, bytes(9))
bad("bytes_without_tensors", b"{}", b"x")
bad("misaligned", {"a": tensor(0, 1, shape=[1], dtype="U8"), "b": tensor(1, 9)}, bytes(9))
bad("name_not_utf8", b'{"a\xff":' + json.dumps(tensor()).encode() + b"}", eight)
bad("name_overlong", b'{"a\xc0\xaf":' + json.dumps(tensor()).encode() + b"}", eight)
bad("name_surrogate", b'{"a\xed\xa0\x80":' + json.dumps(tensor()).encode() + b"}", eight)
bad("name_lone_escape", b'{"a\\ud800":' + json.dumps(tensor()).encode() + b"}", eight)
bad("name_control", b'{"a\n":' + json.dumps(tensor()).encode() + b"}", eight)
bad("metadata_not_utf8", b'{"__metadata__":{"a":"\xfe"}}')
bad("deep_arrays", b'{"a":{"dtype":"F32","shape":' + b"[" * 5000 + b"]" * 5000 + b"}}")
bad("deep_objects", b'{"a":' * 5000 + b"1" + b"}" * 5000)
bad("utf16", '{"a":1}'.encode("utf-16"))
files = list(out.rglob("*"))
print(f"{len(files)} files, {sum(f.stat().st_size for f in files if f.is_file())} bytes")
