// SPDX-License-Identifier: BSL-1.0
// AdaptiveLogSoftmaxWithLoss: log-probabilities of many classes, of which the rare ones are split into
// clusters with fewer features.
#pragma once

#include "stator/nn/container.hpp"
#include "stator/nn/linear.hpp"
#include "stator/ops/choice.hpp"
#include "stator/ops/extremum.hpp"
#include "stator/ops/indexing.hpp"
#include "stator/ops/softmax.hpp"

#include <array>
#include <tuple>

namespace stator::nn {

/// Options of AdaptiveLogSoftmaxWithLoss, PyTorch's.
struct AdaptiveLogSoftmaxOptions {
  double div_value = 4.0; ///< each cluster has so many times fewer features than the one before
  bool head_bias = false; ///< adds a learned number to each output of the head
};

namespace detail {
/// The clusters of classes behind the shortlist: [begin(i), begin(i + 1)) is cluster i.
template<Index In, Index Classes, auto Cutoffs, double Divisor>
struct clusters {
  static constexpr std::size_t count = Cutoffs.size();
  static constexpr Index begin(std::size_t i) { return i < count ? static_cast<Index>(Cutoffs[i]) : Classes; }
  static constexpr Index size(std::size_t i) { return begin(i + 1) - begin(i); }
  static constexpr Index features(std::size_t i) {
    double divisor = Divisor;
    for (; i > 0; --i) divisor *= Divisor;
    return static_cast<Index>(static_cast<double>(In) / divisor);
  }
  static constexpr bool ascend() {
    for (std::size_t i = 0; i < count; ++i)
      if (begin(i) <= 0 || size(i) <= 0) return false;
    return count > 0;
  }
  template<class T, class Indices>
  struct modules;
  template<class T, std::size_t... I>
  struct modules<T, std::index_sequence<I...>> {
    static constexpr LinearOptions plain{.bias = false};
    using type =
        ModuleList<Sequential<Linear<In, features(I), plain, T>, Linear<features(I), size(I), plain, T>>...>;
  };
};
} // namespace detail

/// x [N, In], target [N] int64 classes in [0, Classes), or [In] and []; returns the log-probability of each
/// target, [N], and the mean of their negatives, [], in a tuple: `auto [output, loss] = model(x, target)`.
/// Classes are in the order of their frequency; Cutoffs, ascending, say where clusters begin:
/// `nn::AdaptiveLogSoftmaxWithLoss<64, 1000, std::array{20, 200}>` has two behind a shortlist of 20.
/// `model->log_prob(x)` gives those of all classes, [N, Classes], `model->predict(x)` the most likely ones,
/// [N].
///
/// Shapes are types, so every cluster is computed for every row, where PyTorch leaves out those that no
/// target is in: what is saved is the features of rare classes, and each cluster's weights have a gradient,
/// which may be 0 where PyTorch has None. Throws ValueError at a target that is no class. Source: Grave et
/// al., "Efficient softmax approximation for GPUs", 2017. torch.nn.AdaptiveLogSoftmaxWithLoss.
template<Index In, Index Classes, auto Cutoffs,
         AdaptiveLogSoftmaxOptions Options = AdaptiveLogSoftmaxOptions{}, class T = float>
struct AdaptiveLogSoftmaxWithLoss {
  /// What is known of the classes behind the shortlist.
  using Clusters = detail::clusters<In, Classes, Cutoffs, Options.div_value>;
  static_assert(Clusters::ascend(),
                "stator: AdaptiveLogSoftmaxWithLoss: cutoffs must be unique, positive, in "
                "increasing order and less than the number of classes");
  static constexpr std::size_t count = Clusters::count;      ///< of clusters
  static constexpr Index shortlist = Clusters::begin(0);     ///< the classes that the head has an output for
  static constexpr Index outputs = shortlist + Index{count}; ///< of the head: classes, then clusters

  Linear<In, outputs, LinearOptions{.bias = Options.head_bias}, T> head; ///< [N, outputs]
  /// Two linear maps for each cluster.
  typename Clusters::template modules<T, std::make_index_sequence<count>>::type tail;

  constexpr auto forward(auto x, auto target) const {
    using X = decltype(x);
    constexpr Extents found = decltype(target)::extents;
    if constexpr (found.rank == 0 && X::extents == Extents(In)) {
      const auto [output, loss] = of_rows(unsqueeze<0>(x), unsqueeze<0>(target));
      return std::tuple(squeeze<0>(output), loss);
    } else if constexpr (found.rank == 1 && X::extents == Extents(found[0], In)) {
      return of_rows(x, target);
    } else {
      x.builder->fail(text("input ", X::extents, " and target ", found, ", expected [N, ", In, "] and [N]"));
      return std::tuple(x, x);
    }
  }
  constexpr auto operator()(auto&&... x) const { return call(*this, std::forward<decltype(x)>(x)...); }

  /// x [N, In]: the log-probabilities of all classes, [N, Classes].
  constexpr auto log_prob(const auto& x) const { return all_of(x, call(head, x)); }
  /// x [N, In]: the most likely class of each row, [N] int64: of the head where that is in the shortlist,
  /// otherwise of all.
  constexpr auto predict(const auto& x) const {
    const auto outputs_of_x = call(head, x);
    const auto first = argmax<1>(outputs_of_x);
    const auto best = argmax<1>(all_of(x, outputs_of_x));
    return where(lt(first, shortlist), first, best);
  }

private:
  template<std::size_t I>
  constexpr auto cluster(const auto& x) const {
    return log_softmax<1>(call(tail.template get<I>(), x));
  }
  constexpr auto all_of(const auto& x, const auto& outputs_of_x) const {
    const auto from_head = log_softmax<1>(outputs_of_x);
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return cat<1>(narrow<1, 0, shortlist>(from_head),
                    add(cluster<I>(x), narrow<1, shortlist + static_cast<Index>(I), 1>(from_head))...);
    }(std::make_index_sequence<count>{});
  }

  /// 1 where the target is in cluster I or behind it.
  template<std::size_t I>
  static constexpr auto reaches(auto target) {
    return operation<ops::Mask<ops::Comparison::ge>>{}(target, Clusters::begin(I));
  }
  /// The elements of rows at these numbers.
  static constexpr auto pick(auto rows, auto number) {
    return squeeze<1>(operation<ops::Gather<1>>{}(rows, unsqueeze<1>(number)));
  }
  /// The log-probability of the target within cluster I, where it is in that one.
  template<std::size_t I>
  constexpr auto within(auto x, auto target) const {
    constexpr operation<ops::Choose> choose;
    const auto is_in = [&] {
      if constexpr (I + 1 < count)
        return sub(reaches<I>(target), reaches<I + 1>(target));
      else
        return reaches<I>(target);
    }();
    const auto number = choose(is_in, sub(target, Clusters::begin(I)), 0);
    const auto p = pick(cluster<I>(x), number);
    return choose(ops::cast_to<typename decltype(p)::scalar>(is_in), p, 0);
  }
  constexpr auto of_rows(auto x, auto target) const {
    const auto from_head = log_softmax<1>(call(head, x));
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      const auto behind = add(sub((reaches<I>(target) + ...), 1), shortlist);
      const auto number = operation<ops::Choose>{}(reaches<0>(target), behind, target);
      const auto output = (pick(from_head, number) + ... + within<I>(x, target));
      return std::tuple(output, neg(mean(output)));
    }(std::make_index_sequence<count>{});
  }
};

} // namespace stator::nn
