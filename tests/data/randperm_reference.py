# SPDX-License-Identifier: BSL-1.0
# Prints what randperm_test.cpp expects. Needs python3-torch: /usr/bin/python3 tests/data/randperm_reference.py
import torch

for seed in (0, 1, 2**32 + 1):
    generator = torch.Generator().manual_seed(seed)
    print("seed", seed, [torch.randperm(10, generator=generator).tolist() for _ in range(3)])

generator = torch.Generator().manual_seed(7)
for _ in range(2):
    order = torch.randperm(60000, generator=generator)
    checksum = (order * torch.arange(1, 60001)).sum().item()
    print("60000 elements, seed 7: begins", order[:4].tolist(), "checksum", checksum)

parts = torch.utils.data.random_split(range(10), [7, 3], generator=torch.Generator().manual_seed(0))
print("random_split", [list(part) for part in parts])
