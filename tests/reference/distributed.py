# SPDX-License-Identifier: BSL-1.0
"""data/distributed.npz: the samples that torch's DistributedSampler gives each rank.

indices.<samples>.<ranks>.<epoch>.<drop_last>.<shuffle> [ranks, samples of a rank]; the seed is 3.
"""
import torch
from torch.utils.data.distributed import DistributedSampler

from common import save

tensors = {}
for samples, ranks in [(10, 1), (10, 4), (8, 4), (3, 4), (11, 2)]:
    for epoch in (0, 5):
        for drop_last in (False, True):
            for shuffle in (False, True):
                rows = []
                for rank in range(ranks):
                    sampler = DistributedSampler(range(samples), ranks, rank, shuffle, 3, drop_last)
                    sampler.set_epoch(epoch)
                    rows.append(list(sampler))
                if rows[0]:
                    name = f"indices.{samples}.{ranks}.{epoch}.{int(drop_last)}.{int(shuffle)}"
                    tensors[name] = torch.tensor(rows, dtype=torch.int64)
save("distributed", tensors)
