# SPDX-License-Identifier: BSL-1.0
"""What the scripts share."""
import pathlib

import numpy as np
import torch

assert torch.__version__.startswith("1.13"), f"the references are PyTorch 1.13's, this is {torch.__version__}"
torch.set_num_threads(1)  # sums in one order on every machine


def save(topic, arrays):
    """Writes data/<topic>.npz and says how large it is."""
    path = pathlib.Path(__file__).parent / "data" / f"{topic}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)
    print(f"{path.name}: {len(arrays)} arrays, {path.stat().st_size} bytes")
