# SPDX-License-Identifier: BSL-1.0
"""data/tensor_ops.npz: operations on tensors, in families that a test evaluates as one expression.

A family is a list of (name, function of its operands); its value is the results of all, flattened, one after another, and its
loss the sum of value * w with w = linspace(0.5, 1.5). In double.
  <family>.x<i>: operands; those of integers and bools have no gradient.
  <family>.value, <family>.grad<i>
  <family>.names, <family>.ends: the names of the parts, joined by blanks, and where each ends.
"""
import warnings

import numpy as np
import torch
import torch.nn.functional as F

from common import save

warnings.filterwarnings("ignore", message=".*(beta|deprecated)")
torch.manual_seed(3)
torch.set_default_dtype(torch.float64)
arrays = {}


def family(name, operands, parts):
    operands = [x.clone().requires_grad_(x.is_floating_point()) for x in operands]
    results = [f(*operands).flatten() for _, f in parts]
    value = torch.cat(results)
    (value * torch.linspace(0.5, 1.5, value.numel())).sum().backward()
    for i, x in enumerate(operands):
        arrays[f"{name}.x{i}"] = x.detach().numpy()
        if x.grad is not None:
            arrays[f"{name}.grad{i}"] = x.grad.numpy()
    arrays[f"{name}.value"] = value.detach().numpy()
    arrays[f"{name}.names"] = np.frombuffer(" ".join(n for n, _ in parts).encode(), np.uint8)
    arrays[f"{name}.ends"] = np.cumsum([r.numel() for r in results])


def rand(*shape):
    return torch.rand(*shape) * 2 - 1


family("layout", [rand(2, 3, 4)], [
    ("reshape", lambda x: x.reshape(-1, 6)),
    ("unflatten", lambda x: x.unflatten(2, (2, -1)).transpose(1, 2)),
    ("movedim", lambda x: x.movedim(0, 2)),
    ("moveaxis", lambda x: x.moveaxis(-1, 0)),
    ("roll", lambda x: x.roll(-1, 1)),
    ("roll_all", lambda x: x.roll(5)),
    ("rot90", lambda x: x.rot90()),
    ("rot90_2", lambda x: x.rot90(2, (1, 2))),
    ("rot90_3", lambda x: x.rot90(-1, (0, 2))),
    ("tril", lambda x: x.tril()),
    ("tril_1", lambda x: x.tril(1)),
    ("triu", lambda x: x.triu()),
    ("triu_-2", lambda x: x.triu(-2)),
    ("trace", lambda x: x[1].trace()),
    ("sum_to_size", lambda x: x.sum_to_size(3, 1)),
    ("diag", lambda x: x[0].diag(1)),
    ("diag_of_vector", lambda x: x[0, 0].diag(-1)),
    ("diagflat", lambda x: torch.diagflat(x, 1)),
    ("tensor_split", lambda x: x.tensor_split(3, 2)[1]),
    ("hsplit", lambda x: x.hsplit(3)[2]),
    ("vsplit", lambda x: x.vsplit(2)[1]),
    ("dsplit", lambda x: x.dsplit(2)[1]),
])
family("strided", [rand(2, 3, 4), rand(2, 3), rand(2, 3, 2), rand(3, 4)], [
    ("flip", lambda x, *_: x.flip(0, -1)),
    ("fliplr", lambda x, *_: x.fliplr()),
    ("flipud", lambda x, *_: x.flipud()),
    ("tile", lambda x, *_: x.tile(2, 3)),
    ("repeat", lambda x, *_: x.repeat(3, 1, 2, 1)),
    ("repeat_interleave", lambda x, *_: x.repeat_interleave(3, 1)),
    ("repeat_interleave_all", lambda x, *_: x.repeat_interleave(2)),
    ("diagonal", lambda x, *_: x.diagonal()),
    ("diagonal_2", lambda x, *_: x.diagonal(-1, 2, 1)),
    ("diag_embed", lambda x, *_: torch.diag_embed(x)),
    ("diag_embed_1", lambda x, *_: torch.diag_embed(x, 1, 0, 2)),
    ("unfold", lambda x, *_: x.unfold(2, 3, 1)),
    ("unfold_1", lambda x, *_: x.unfold(1, 2, 1)),
    ("select_scatter", lambda x, a, *_: x.select_scatter(a, 2, -2)),
    ("slice_scatter", lambda x, a, b, c: x.slice_scatter(b, 2, 1, None, 2)),
    ("slice_scatter_0", lambda x, a, b, c: x.slice_scatter(c.expand(1, 3, 4), 0, 1, 2, 1)),
    ("diagonal_scatter", lambda x, a, *_: x.diagonal_scatter(a, 1, 1, 2)),
])

# Indices that repeat, and a source with equal elements, zeros and ties with what it meets.
ties = torch.tensor([0., 1, -1, 1, 0, 2, 0, 0, -1, 2, 1, 1]).view(3, 4)
met = torch.tensor([1., 0, 2, -1, 3, 1, 1, 0, 2, -1, 1, 1]).view(3, 4)
indices = torch.tensor([2, 0, 0, 1, 1, 2, 0, 1, 2, 2, 1, 0]).view(3, 4)
unique = torch.tensor([3, 1, 0, 2, 2, 3]).view(3, 2)
family("gather", [rand(3, 4), indices, rand(3, 4), unique, rand(3, 2)], [
    ("gather", lambda x, i, *_: x.gather(0, i)),
    ("gather_fewer", lambda x, i, s, u, v: x.gather(-1, u[:2])),
    ("scatter", lambda x, i, s, u, v: x.scatter(1, u, v)),
    ("scatter_number", lambda x, i, *_: x.scatter(0, i, 2.5)),
    ("scatter_add", lambda x, i, s, *_: x.scatter_add(0, i, s)),
    ("sum_without_self", lambda x, i, s, *_: x.scatter_reduce(0, i, s, "sum", include_self=False)),
    ("mean", lambda x, i, s, *_: x.scatter_reduce(0, i, s, "mean")),
    ("mean_without_self", lambda x, i, s, *_: x.scatter_reduce(0, i, s, "mean", include_self=False)),
    ("amax", lambda x, i, s, *_: x.scatter_reduce(0, i, s, "amax")),
    ("amin", lambda x, i, s, *_: x.scatter_reduce(0, i, s, "amin", include_self=False)),
    ("prod", lambda x, i, s, *_: x.scatter_reduce(0, i, s, "prod")),
    ("take", lambda x, i, *_: x.take(i * 5 - 3)),
    ("take_along_dim", lambda x, i, *_: x.take_along_dim(i[:1], 0)),
])
family("scatter_ties", [met, indices, ties], [
    ("amax", lambda x, i, s: x.scatter_reduce(0, i, s, "amax")),
    ("amin", lambda x, i, s: x.scatter_reduce(0, i, s, "amin")),
    ("prod", lambda x, i, s: x.scatter_reduce(0, i, s, "prod")),
])
family("slices", [rand(2, 4, 3), torch.tensor([3, 0, 3]), rand(2, 3, 3), torch.tensor([2, 1]), rand(2, 2, 3)], [
    ("index_select", lambda x, i, *_: x.index_select(1, i)),
    ("index_select_last", lambda x, i, s, u, v: x.index_select(-1, u)),
    ("index_add", lambda x, i, s, *_: x.index_add(1, i, s)),
    ("index_copy", lambda x, i, s, u, v: x.index_copy(1, u, v)),
    ("index_fill", lambda x, i, s, u, v: x.index_fill(1, u, -1.5)),
    ("index_reduce", lambda x, i, s, *_: x.index_reduce(1, i, s, "prod")),
    ("masked_fill", lambda x, *_: x.masked_fill(x > 0.25, 3)),
])
family("sort", [rand(2, 5, 3), torch.linspace(-1, 1, 6), rand(2, 4).sort()[0]], [
    ("sort", lambda x, *_: x.sort()[0]),
    ("sort_1", lambda x, *_: x.sort(1, descending=True)[0]),
    ("sort_indices", lambda x, *_: x.sort(1, descending=True)[1]),
    ("msort", lambda x, *_: x.msort()),
    ("topk", lambda x, *_: x.topk(3, 1)[0]),
    ("topk_smallest", lambda x, *_: x.topk(2, largest=False)[0]),
    ("topk_indices", lambda x, *_: x.topk(2, 1, largest=False)[1]),
    ("argsort", lambda x, *_: x.argsort(0, descending=True)),
    ("bucketize", lambda x, b, *_: torch.bucketize(x, b)),
    ("searchsorted", lambda x, b, s: torch.searchsorted(s, x[:, 0].contiguous())),
    ("searchsorted_right", lambda x, b, s: torch.searchsorted(b, b.flip(0), right=True)),
    ("one_hot", lambda x, *_: torch.nn.functional.one_hot(x.argsort(-1), 4)),
])

family("products", [rand(3, 4), rand(4, 2), rand(3, 2), rand(4), rand(3), rand(2, 3, 4), rand(2, 4, 2)], [
    ("addmm", lambda a, b, c, *_: torch.addmm(c, a, b, beta=0.5, alpha=-2)),
    ("addmv", lambda a, b, c, u, v, *_: torch.addmv(v, a, u)),
    ("addr", lambda a, b, c, u, v, *_: torch.addr(a, v, u)),
    ("baddbmm", lambda a, b, c, u, v, p, q: torch.baddbmm(c, p, q)),
    ("addbmm", lambda a, b, c, u, v, p, q: torch.addbmm(c, p, q, beta=2)),
    ("mv", lambda a, b, c, u, *_: a.mv(u)),
    ("dot", lambda a, b, c, u, *_: u.dot(u * 2)),
    ("inner", lambda a, b, c, u, v, p, q: a.inner(p)),
    ("outer", lambda a, b, c, u, v, *_: u.outer(v)),
    ("kron", lambda a, b, c, *_: torch.kron(a, b)),
    ("kron_ranks", lambda a, b, c, u, v, p, q: torch.kron(p, c)),
    ("cross", lambda a, b, c, u, *_: torch.cross(c, c.flip(1) * 2, 0)),
    ("matrix_power", lambda a, b, c, u, v, p, q: (p @ q)[:, :2].matrix_power(5)),
    ("cdist", lambda a, b, c, u, v, p, q: torch.cdist(p, q.transpose(1, 2))),
    ("cdist_1", lambda a, b, c, u, v, p, q: torch.cdist(p, q.transpose(1, 2), p=1)),
    ("cdist_3", lambda a, b, c, u, v, p, q: torch.cdist(p, q.transpose(1, 2), p=3)),
    ("cdist_inf", lambda a, b, c, u, v, p, q: torch.cdist(p, q.transpose(1, 2), p=float("inf"))),
    ("pdist", lambda a, *_: torch.nn.functional.pdist(a)),
])
equations = ["ij,jk->ik", "ij,kj", "ji,jk->ki", "iij->ji", "ii", "ijk->k", "...j,jk->...k", "b...,b...->...b", "bij,bjk->bik", "bij,bkj->ikb",
             "bij,bij->b", "i,j->ij", "ij,ij->ij", "bij,bjk,kl,l->bi", "aij,bij->ab", "ij,k->j", "...ij->...ji", "ij,jk,ik->"]
x = {"m": rand(3, 4), "n": rand(4, 3), "s": rand(2, 3, 4), "t": rand(2, 4, 3), "d": rand(3, 3, 4), "q": rand(3, 3), "v": rand(3)}
operands = ["mn", "mm", "mm", "d", "q", "s", "sn", "ss", "st", "ss", "ss", "vv", "mm", "stqv", "ss", "mv", "s", "mnq"]
family("einsum", list(x.values()), [
    (f"einsum:{e.replace(' ', '')}", lambda *y, e=e, o=o: torch.einsum(e, *[y[list(x).index(c)] for c in o]))
    for e, o in zip(equations, operands)
])

general, tall = rand(2, 3, 3) + torch.tensor([[0., 2, 0], [0, 0, -2], [2, 0, 0]]), rand(4, 2)
general *= general.det().sign().view(2, 1, 1)
definite = rand(3, 3)
definite = definite @ definite.T + torch.eye(3)
family("linalg", [general, definite, rand(3, 2), rand(2, 3), tall], [
    ("det", lambda a, *_: a.det()),
    ("logdet", lambda a, *_: a.logdet()),
    ("logabsdet", lambda a, *_: (-a).slogdet()[1]),
    ("sign", lambda a, *_: (-a).slogdet()[0]),
    ("inverse", lambda a, *_: a.inverse()),
    ("solve", lambda a, s, b, v, t: torch.linalg.solve(a, v)),
    ("solve_columns", lambda a, s, b, v, t: torch.linalg.solve(a[0], b)),
    ("cholesky", lambda a, s, *_: ((s + s.T) / 2).cholesky()),
    ("cholesky_upper", lambda a, s, *_: ((s + s.T) / 2).cholesky(upper=True)),
    ("cholesky_solve", lambda a, s, b, *_: b.cholesky_solve(s.tril())),
    ("cholesky_solve_upper", lambda a, s, b, *_: b.cholesky_solve(s.triu(), upper=True)),
    ("cholesky_inverse", lambda a, s, *_: torch.cholesky_inverse(s.tril())),
    ("triangular_solve", lambda a, s, b, *_: b.triangular_solve(s)[0]),
    ("triangular_solve_lower", lambda a, s, b, *_: b.triangular_solve(s, upper=False, transpose=True, unitriangular=True)[0]),
    ("matrix_exp", lambda a, *_: a.matrix_exp()),
    ("pinverse", lambda a, s, b, v, t: t.pinverse()),
    ("q", lambda a, *_: a.qr()[0]),
    ("r", lambda a, *_: a.qr()[1]),
    ("q_tall", lambda a, s, b, v, t: t.qr()[0]),
    ("r_tall", lambda a, s, b, v, t: t.qr()[1]),
    ("r_wide", lambda a, s, b, v, t: (t.T.qr()[0] @ t.T.qr()[1][:, :2])),
    ("pinverse_wide", lambda a, s, b, v, t: t.T.pinverse()),
])

conv = {"x1": rand(2, 4, 5), "w1": rand(2, 2, 3), "b1": rand(2), "x2": rand(2, 2, 4, 3), "w2": rand(3, 2, 3, 2), "t2": rand(2, 1, 2, 2), "x3": rand(1, 1, 2, 3, 2),
        "w3": rand(1, 1, 2, 2, 1)}
family("conv", list(conv.values()), [
    ("conv1d", lambda x1, w1, b1, *_: F.conv1d(x1, w1, b1, stride=2, padding=1, groups=2)),
    ("conv2d", lambda x1, w1, b1, x2, w2, *_: F.conv2d(x2, w2, padding="same")),
    ("conv3d", lambda x1, w1, b1, x2, w2, t2, x3, w3: F.conv3d(x3, w3, padding=(1, 0, 0))),
    ("conv_transpose1d", lambda x1, w1, *_: F.conv_transpose1d(x1[:, :2], w1, stride=2, dilation=2)),
    ("conv_transpose2d", lambda x1, w1, b1, x2, w2, t2, x3, w3: F.conv_transpose2d(x2, t2, b1, stride=2, output_padding=1, groups=2)),
    ("conv_tbc", lambda x1, w1, b1, *_: F.conv_tbc(x1, x1[:, :3].permute(1, 2, 0), b1, 1)),
    ("conv_transpose3d", lambda x1, w1, b1, x2, w2, t2, x3, w3: F.conv_transpose3d(x3, w3, padding=(1, 0, 0))),
])
# Places inside of the image and around it, none half between elements.
grid = rand(2, 3, 4, 2) * 2.4
family("grid", [rand(2, 2, 3), rand(2, 3, 4), rand(2, 2, 3, 4), grid, rand(1, 1, 2, 3, 2), rand(1, 2, 2, 1, 3)], [
    ("affine_grid", lambda t, *_: F.affine_grid(t, (2, 1, 3, 4), align_corners=False)),
    ("affine_grid_corners", lambda t, *_: F.affine_grid(t, (2, 1, 1, 3), align_corners=True)),
    ("affine_grid_3d", lambda t, v, *_: F.affine_grid(v[:1], (1, 1, 2, 3, 2), align_corners=False)),
    *[(f"{mode}_{padding}_{align}", lambda t, v, x, g, *_, m=mode, p=padding, a=align: F.grid_sample(x, g, m, p, a))
      for mode in ("bilinear", "nearest") for padding in ("zeros", "border", "reflection") for align in (False, True)],
    ("trilinear", lambda t, v, x, g, y, h: F.grid_sample(y, h, align_corners=False)),
    ("normalize", lambda t, v, x, *_: F.normalize(x)),
    ("normalize_1", lambda t, v, x, *_: F.normalize(x, 1, -1)),
    ("normalize_3", lambda t, v, x, *_: F.normalize(x, 3, 2)),
    ("normalize_inf", lambda t, v, x, *_: F.normalize(x, float("inf"), 0)),
    ("normalize_zeros", lambda t, v, x, *_: F.normalize(x * 0)),
])
save("tensor_ops", arrays)
