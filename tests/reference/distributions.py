# SPDX-License-Identifier: BSL-1.0
"""data/distributions.npz: what the CPU generator draws after manual_seed(123), and the state that it leaves.

<distribution>.<size>.<float32|float64>, randint.<range>, randperm, multinomial.<case>.<type>, state.<after>; `fingerprint.` before the
name of a long draw stands for the CRC-32 of its bytes.
"""
import zlib

import numpy as np
import torch

from common import save

arrays = {}


def draw(name, fill, sizes=(7, 15, 16, 100)):
    for dtype in (torch.float32, torch.float64):
        for size in sizes:
            torch.manual_seed(123)
            arrays[f"{name}.{size}.{str(dtype)[6:]}"] = fill(torch.empty(size, dtype=dtype)).numpy()
        torch.manual_seed(123)
        long_draw = fill(torch.empty(200_003, dtype=dtype)).numpy()
        arrays[f"fingerprint.{name}.200003.{str(dtype)[6:]}"] = np.uint32(zlib.crc32(long_draw.tobytes()))


draw("uniform", lambda t: t.uniform_())
draw("uniform_from_to", lambda t: t.uniform_(-0.3, 1.7))
draw("normal", lambda t: t.normal_())
draw("normal_mean_std", lambda t: t.normal_(0.3, 1.7))
draw("bernoulli", lambda t: t.bernoulli_(0.8))
draw("exponential", lambda t: t.exponential_(0.8))
draw("geometric", lambda t: t.geometric_(0.3))
draw("cauchy", lambda t: t.cauchy_(0.5, 2))
draw("log_normal", lambda t: t.log_normal_(0.25, 0.5))
draw("bernoulli_each", lambda t: torch.bernoulli(torch.linspace(0, 1, t.numel(), dtype=t.dtype)), sizes=(17,))
draw("trunc_normal", lambda t: torch.nn.init.trunc_normal_(t, 0.1, 0.7, -1, 2))
draw("random", lambda t: t.random_(-5, 1000))
draw("dropout", lambda t: torch.nn.functional.dropout(t.fill_(1), 0.2), sizes=(100,))

torch.manual_seed(123)
arrays["randint.10"] = torch.randint(0, 10, (64,)).numpy()
arrays["randint.wide"] = torch.randint(0, 1 << 40, (8,)).numpy()
for dtype in (torch.float32, torch.float64):
    weights = torch.tensor([0.5, 0, 3, 1, 0.25, 2, 0, 1], dtype=dtype)
    for name, options in {"once": (1,), "some": (5,), "replaced": (40, True)}.items():
        torch.manual_seed(123)
        arrays[f"multinomial.{name}.{str(dtype)[6:]}"] = torch.multinomial(weights, *options).numpy()
        torch.manual_seed(123)
        arrays[f"multinomial.rows.{name}.{str(dtype)[6:]}"] = torch.multinomial(torch.stack([weights, weights.flip(0), weights**2]), *options).numpy()
torch.manual_seed(123)
torch.randint(0, 10, (64,)), torch.randint(0, 1 << 40, (8,))
arrays["randperm"] = torch.randperm(50).numpy()
torch.randn(5)  # leaves a spare normal number in the state
arrays["state.spare_normal"] = torch.get_rng_state().numpy()
arrays["randn.after"] = torch.randn(5).numpy()
arrays["state.large_seed"] = torch.manual_seed(0xFEDC_BA98_7654_3210).get_state().numpy()
for name, options in {"soft": {"tau": 0.7}, "hard": {"hard": True}, "rows": {"tau": 2.0, "hard": True, "dim": 0}}.items():
    logits = torch.linspace(-2, 3, 12).reshape(4, 3).requires_grad_()
    torch.manual_seed(123)
    y = torch.nn.functional.gumbel_softmax(logits, **options)
    (y * torch.arange(12.0).reshape(4, 3)).sum().backward()
    arrays[f"gumbel.{name}.y"], arrays[f"gumbel.{name}.dx"] = y.detach().numpy(), logits.grad.numpy()
torch.manual_seed(123)
half = torch.full((5, 4), 0.5)
arrays["noise.like"] = torch.stack([torch.rand_like(half), torch.randn_like(half), torch.bernoulli(half * 1.5)]).numpy()
save("distributions", arrays)
