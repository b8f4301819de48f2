# SPDX-License-Identifier: BSL-1.0
"""A reader and a writer of safetensors files, from the format's description alone: standard library and torch. They
share nothing with Stator and nothing with the safetensors package, so that each can be tested against the other."""
import json
import struct

import torch

TYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
NAMES = {dtype: name for name, dtype in TYPES.items()}


def as_bytes(tensor):
    return bytes(tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy()) if tensor.numel() else b""


def size_of(dtype):
    return torch.empty(0, dtype=dtype).element_size()


def write(path, tensors, metadata=None):
    """As the reference implementation lays files out: sorted by element size, then by name; padded with spaces."""
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, tensor in sorted(tensors.items(), key=lambda item: (-size_of(item[1].dtype), item[0])):
        tensor = tensor.reshape(1) if tensor.dim() == 0 else tensor
        raw = as_bytes(tensor)
        shape = list(tensors[name].shape)
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def save_model(path, model, metadata=None):
    """As safetensors.torch.save_model: shared tensors once, under the name that sorts first."""
    names = {}
    state = model.state_dict()
    for name, tensor in state.items():
        names.setdefault(tensor.data_ptr(), []).append(name)
    metadata = dict(metadata or {}, format="pt")
    for shared in names.values():
        for name in sorted(shared)[1:]:
            metadata.setdefault(name, sorted(shared)[0])
            del state[name]
    write(path, state, metadata)


def no_duplicates(pairs):
    result = dict(pairs)
    assert len(result) == len(pairs), "a key is twice in the header"
    return result


def read(path):
    """Returns (tensors, metadata), having checked everything that the format promises."""
    with open(path, "rb") as file:
        content = file.read()
    (length,) = struct.unpack("<Q", content[:8])
    assert length <= 100_000_000 and 8 + length <= len(content), "bad header length"
    text = content[8 : 8 + length].decode("utf-8")
    assert text.startswith("{"), "the header does not begin with {"
    header = json.loads(text, object_pairs_hook=no_duplicates)
    metadata = header.pop("__metadata__", {})
    assert all(isinstance(value, str) for value in metadata.values())
    data = bytearray(content[8 + length :])
    tensors, covered = {}, []
    for name, entry in header.items():
        assert set(entry) == {"dtype", "shape", "data_offsets"}, name
        dtype, (begin, end) = TYPES[entry["dtype"]], entry["data_offsets"]
        count = 1
        for extent in entry["shape"]:
            assert isinstance(extent, int) and extent >= 0, name
            count *= extent
        assert end - begin == count * size_of(dtype) and 0 <= begin <= end <= len(data), name
        covered.append((begin, end))
        tensors[name] = (
            torch.frombuffer(data[begin:end], dtype=dtype).reshape(entry["shape"])
            if count
            else torch.empty(entry["shape"], dtype=dtype)
        )
    position = 0
    for begin, end in sorted(covered):
        assert begin == position, "a hole or an overlap"
        position = end
    assert position == len(data), "bytes after the last tensor"
    return tensors, metadata


def load_model(model, path):
    """As safetensors.torch.load_model: a shared tensor may be there under one of its names."""
    tensors, metadata = read(path)
    names = {}
    for name, tensor in model.state_dict().items():
        names.setdefault(tensor.data_ptr(), []).append(name)
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    missing = set(missing)
    for shared in names.values():
        if any(name in tensors for name in shared):
            kept = sorted(name for name in shared if name in tensors)[0]
            for name in shared:
                if name != kept:
                    assert name in missing, f"{name} and {kept} are one tensor, the file has both"
                    missing.remove(name)
    assert not missing and not unexpected, (missing, unexpected)
    return metadata
