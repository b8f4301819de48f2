# SPDX-License-Identifier: BSL-1.0
"""Prints schema<Net>.fingerprint() of safetensors files, from their headers: safetensors_fingerprint.py FILE..."""
import sys

import safetensors_format as safetensors


def fingerprint(tensors):
    total = 0
    for name, tensor in tensors.items():
        line = f"{name}\0{safetensors.NAMES[tensor.dtype]}\0" + "".join(f"{extent}," for extent in tensor.shape)
        hash = 0xCBF29CE484222325
        for byte in line.encode("utf-8"):
            hash = (hash ^ byte) * 0x100000001B3 % 2**64
        total += hash
    return total % 2**64


for path in sys.argv[1:]:
    print(f"{fingerprint(safetensors.read(path)[0]):016x} {path}")
