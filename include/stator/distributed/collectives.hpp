// SPDX-License-Identifier: BSL-1.0
// torch.distributed's all_reduce, broadcast, gather and all_gather for tensors, spans, vectors and numbers.
// All ranks call them in the same order with the same sizes: they compare both first, and throw
// DistributedError where a rank differs.
#pragma once

#include "stator/core/shape.hpp"
#include "stator/distributed/reduction.hpp"

#include <concepts>

namespace stator::distributed {

/// torch.distributed.ReduceOp.
enum class ReduceOp : std::uint8_t { sum, avg, product, min, max };

namespace detail {

template<class X>
auto elements(X&& x) {
  if constexpr (requires { x.numel(); })
    return std::span(x.data(), static_cast<std::size_t>(x.numel()));
  else
    return std::span(x.data(), x.size());
}

/// Elements of one message: what MPI's int and a moderate buffer hold.
inline constexpr std::size_t message_size = std::size_t{1} << 16;

/// Every rank's elements, one rank's after the other's.
template<class T>
void all_gather_into(World& world, std::span<const T> mine, T* all) {
  MPI_Request request = MPI_REQUEST_NULL;
  const int bytes = mpi_count(mine.size_bytes());
  expect_success(MPI_Iallgather(mine.data(), bytes, MPI_BYTE, all, bytes, MPI_BYTE, world.data(), &request),
                 "MPI_Iallgather");
  world.wait("all_gather()", request);
}

inline std::uint64_t call_detail(std::size_t bytes, int more) {
  return static_cast<std::uint64_t>(bytes) * 64 + static_cast<std::uint64_t>(more);
}

} // namespace detail

/// torch.distributed.all_reduce: on every rank `x` becomes the sum (mean, product, least, greatest) over all
/// ranks, added up in the order of ranks: the same bits on all, and in every run with as many ranks.
template<class X>
  requires(!std::is_arithmetic_v<std::remove_cvref_t<X>>)
void all_reduce(X&& x, ReduceOp op = ReduceOp::sum, World& world = World::current()) {
  const auto all = detail::elements(x);
  using T = typename decltype(all)::value_type;
  world.agree("all_reduce()", detail::call_detail(all.size_bytes(), static_cast<int>(op)));
  if (world.size() == 1) return;
  if (op == ReduceOp::sum || op == ReduceOp::avg) {
    if (!std::is_floating_point_v<T> && op == ReduceOp::avg)
      raise(ValueError("all_reduce: a mean of whole numbers is none"));
    Reduction<T> reduction;
    reduction.start({world.data(), world.data()}, all,
                    op == ReduceOp::sum ? T{1} : static_cast<T>(1.0 / world.size()), Order::rank);
    world.wait("all_reduce()", [&] { return reduction.test(); });
    return;
  }
  const auto ranks = static_cast<std::size_t>(world.size());
  std::vector<T> every(std::min(all.size(), detail::message_size) * ranks);
  for (std::size_t at = 0; at < all.size(); at += detail::message_size) {
    const auto part = all.subspan(at, std::min(detail::message_size, all.size() - at));
    detail::all_gather_into<T>(world, part, every.data());
    for (std::size_t i = 0; i < part.size(); ++i) {
      T value = every[i];
      for (std::size_t r = 1; r < ranks; ++r) {
        const T other = every[r * part.size() + i];
        value = op == ReduceOp::product ? static_cast<T>(value * other)
                : op == ReduceOp::min   ? std::min(value, other)
                                        : std::max(value, other);
      }
      part[i] = value;
    }
  }
}
/// The same of a number, which is returned: `const double loss = all_reduce(mine, ReduceOp::avg);`
template<class T>
  requires std::is_arithmetic_v<T>
T all_reduce(T value, ReduceOp op = ReduceOp::sum, World& world = World::current()) {
  all_reduce(std::span(&value, 1), op, world);
  return value;
}

/// torch.distributed.broadcast: `x` of rank `src` goes to all.
template<class X>
void broadcast(X&& x, int src = 0, World& world = World::current()) {
  const auto all = std::as_writable_bytes(detail::elements(x));
  if (src < 0 || src >= world.size())
    raise(ValueError("broadcast: there is no rank " + std::to_string(src) + ", expected 0 to " +
                     std::to_string(world.size() - 1)));
  world.agree("broadcast()", detail::call_detail(all.size(), src));
  if (world.size() == 1) return;
  constexpr std::size_t most = std::size_t{1} << 30;
  for (std::size_t at = 0; at < all.size(); at += most) {
    MPI_Request request = MPI_REQUEST_NULL;
    detail::expect_success(MPI_Ibcast(all.data() + at, static_cast<int>(std::min(most, all.size() - at)),
                                      MPI_BYTE, src, world.data(), &request),
                           "MPI_Ibcast");
    world.wait("broadcast()", request);
  }
}

/// torch.distributed.all_gather: the elements of rank 0, then those of rank 1, ...
template<class X>
auto all_gather(const X& x, World& world = World::current()) {
  const auto mine = detail::elements(x);
  using T = typename decltype(mine)::value_type;
  world.agree("all_gather()", detail::call_detail(mine.size_bytes(), 0));
  std::vector<T> all(mine.size() * static_cast<std::size_t>(world.size()));
  detail::all_gather_into<T>(world, mine, all.data());
  return all;
}

/// torch.distributed.gather: the same on rank `dst`, nothing elsewhere.
template<class X>
auto gather(const X& x, int dst = 0, World& world = World::current()) {
  const auto mine = detail::elements(x);
  using T = typename decltype(mine)::value_type;
  if (dst < 0 || dst >= world.size())
    raise(ValueError("gather: there is no rank " + std::to_string(dst) + ", expected 0 to " +
                     std::to_string(world.size() - 1)));
  world.agree("gather()", detail::call_detail(mine.size_bytes(), dst));
  std::vector<T> all(world.rank() == dst ? mine.size() * static_cast<std::size_t>(world.size()) : 0);
  MPI_Request request = MPI_REQUEST_NULL;
  const int bytes = detail::mpi_count(mine.size_bytes());
  detail::expect_success(
      MPI_Igather(mine.data(), bytes, MPI_BYTE, all.data(), bytes, MPI_BYTE, dst, world.data(), &request),
      "MPI_Igather");
  world.wait("gather()", request);
  return all;
}

} // namespace stator::distributed
