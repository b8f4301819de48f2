// SPDX-License-Identifier: BSL-1.0
// MultiheadAttention.
#pragma once

#include "stator/nn/extra_repr.hpp"
#include "stator/nn/init.hpp"
#include "stator/nn/linear.hpp"
#include "stator/ops/attention.hpp"
#include "stator/ops/permute.hpp"
#include "stator/ops/view.hpp"
#include "stator/trace/assign.hpp"
#include "stator/trace/call.hpp"

namespace stator::nn {

/// Options of MultiheadAttention, those of torch.nn.MultiheadAttention.
struct MultiheadAttentionOptions {
  double dropout = 0;       ///< of the attention weights, in training
  bool bias = true;         ///< of all projections
  Index kdim = 0;           ///< features of the keys; 0: as many as of the queries
  Index vdim = 0;           ///< features of the values; 0: as many as of the queries
  bool batch_first = false; ///< inputs are [N, L, E], not [L, N, E]
  bool is_causal = false;   ///< no query sees a key that comes after it
};

namespace detail {
/// PyTorch's class of out_proj: a Linear under another name.
template<Index In, Index Out, LinearOptions Options, class T>
struct NonDynamicallyQuantizableLinear {
  Parameter<T, Out, In> weight;
  std::conditional_t<Options.bias, Parameter<T, Out>, Absent> bias;

  static constexpr std::string_view class_name() { return "NonDynamicallyQuantizableLinear"; }
  constexpr auto forward(auto x) const {
    if constexpr (Options.bias)
      return linear(x, weight, bias);
    else
      return linear(x, weight);
  }
  void reset_parameters() {
    init::reset_weight_and_bias_(weight, bias);
    if constexpr (Options.bias) init::zeros_(bias);
  }
  static std::string extra_repr() { return Linear<In, Out, Options, T>::extra_repr(); }
};
} // namespace detail

/// query [L, N, Embed], key [S, N, kdim], value [S, N, vdim], or with batch_first [N, L, Embed] and so on;
/// returns the shape of the query. Further inputs are masks that are added to the scores [N, Heads, L, S]:
/// [L, S], or what `key_padding_mask<>(ignored)` makes. The weights that PyTorch returns as a second value
/// come from `weights(query, key, ...)`. Source: Vaswani et al. 2017.
template<Index Embed, Index Heads, MultiheadAttentionOptions Options = MultiheadAttentionOptions{},
         class T = float>
struct MultiheadAttention {
  static_assert(Heads > 0 && Embed % Heads == 0,
                "stator: MultiheadAttention: embed_dim must be divisible by num_heads");
  static constexpr Index kdim = Options.kdim > 0 ? Options.kdim : Embed; ///< features of the keys
  static constexpr Index vdim = Options.vdim > 0 ? Options.vdim : Embed; ///< features of the values
  static constexpr bool one = kdim == Embed && vdim == Embed;            ///< one weight for all projections
  static constexpr Index head = Embed / Heads;                           ///< features of one head

  /// [Embed, Embed], where the numbers of features differ.
  std::conditional_t<one, Absent, Parameter<T, Embed, Embed>> q_proj_weight;
  /// [Embed, kdim], where the numbers of features differ.
  std::conditional_t<one, Absent, Parameter<T, Embed, kdim>> k_proj_weight;
  /// [Embed, vdim], where the numbers of features differ.
  std::conditional_t<one, Absent, Parameter<T, Embed, vdim>> v_proj_weight;
  /// [3 * Embed, Embed]: of queries, keys and values.
  std::conditional_t<one, Parameter<T, 3 * Embed, Embed>, Absent> in_proj_weight;
  /// [3 * Embed]: of queries, keys and values.
  std::conditional_t<Options.bias, Parameter<T, 3 * Embed>, Absent> in_proj_bias;
  /// The projection of the concatenated heads, [Embed, Embed]
  detail::NonDynamicallyQuantizableLinear<Embed, Embed, LinearOptions{.bias = Options.bias}, T> out_proj;

  constexpr auto forward(auto query, auto key, auto value, auto... mask) const {
    const auto [q, k, v] = project(query, key, value);
    const auto y = scaled_dot_product_attention<Options.is_causal, Options.dropout>(heads(q), heads(k),
                                                                                    heads(v), mask...);
    return call(out_proj, merge(y));
  }
  /// Attention of x to itself.
  constexpr auto forward(auto x) const { return forward(x, x, x); }
  constexpr auto operator()(auto&&... x) const { return call(*this, std::forward<decltype(x)>(x)...); }

  /// The attention weights of each head, [N, Heads, L, S], without dropout.
  constexpr auto weights(auto query, auto key, auto... mask) const {
    const auto q = linear_part<0>(query, weight_of<0>(query)), k = linear_part<1>(key, weight_of<1>(key));
    return ops::Attention<Options.is_causal, 0.0>::weights(heads(q), heads(k), mask...);
  }

  void reset_parameters() {
    if constexpr (one) {
      init::xavier_uniform_(in_proj_weight);
    } else {
      init::xavier_uniform_(q_proj_weight);
      init::xavier_uniform_(k_proj_weight);
      init::xavier_uniform_(v_proj_weight);
    }
    if constexpr (Options.bias) init::zeros_(in_proj_bias);
  }

private:
  template<Index Part>
  constexpr auto weight_of(auto x) const {
    if constexpr (one)
      return narrow<0, Part * Embed, Embed>(ops::symbol(x, in_proj_weight));
    else if constexpr (Part == 0)
      return ops::symbol(x, q_proj_weight);
    else if constexpr (Part == 1)
      return ops::symbol(x, k_proj_weight);
    else
      return ops::symbol(x, v_proj_weight);
  }
  template<Index Part>
  constexpr auto linear_part(auto x, auto weight) const {
    if constexpr (Options.bias)
      return linear(x, weight, narrow<0, Part * Embed, Embed>(ops::symbol(x, in_proj_bias)));
    else
      return linear(x, weight);
  }
  /// The projections from part First on of what is the operand of all of them: one product.
  template<Index First>
  constexpr auto linear_parts(auto x) const {
    const auto weight = ops::symbol(x, in_proj_weight);
    if constexpr (First > 0) {
      const auto rest = narrow<0, First * Embed, (3 - First) * Embed>(weight);
      if constexpr (Options.bias)
        return linear(x, rest, narrow<0, First * Embed, (3 - First) * Embed>(ops::symbol(x, in_proj_bias)));
      else
        return linear(x, rest);
    } else if constexpr (Options.bias) {
      return linear(x, weight, in_proj_bias);
    } else {
      return linear(x, weight);
    }
  }
  template<class Q, class K, class V>
  constexpr auto project(Q query, K key, V value) const {
    if constexpr (one && std::is_same_v<K, V>) {
      if constexpr (std::is_same_v<Q, K>)
        if (query.node == key.node && key.node == value.node) {
          const auto y = linear_parts<0>(query);
          return std::tuple(narrow<-1, 0, Embed>(y), narrow<-1, Embed, Embed>(y),
                            narrow<-1, 2 * Embed, Embed>(y));
        }
      if (key.node == value.node) {
        const auto y = linear_parts<1>(key);
        return std::tuple(linear_part<0>(query, weight_of<0>(query)), narrow<-1, 0, Embed>(y),
                          narrow<-1, Embed, Embed>(y));
      }
    }
    return std::tuple(linear_part<0>(query, weight_of<0>(query)), linear_part<1>(key, weight_of<1>(key)),
                      linear_part<2>(value, weight_of<2>(value)));
  }
  /// [N, L, Embed] or [L, N, Embed] as [N, Heads, L, head].
  static constexpr auto heads(auto x) {
    using X = decltype(x);
    static_assert(X::extents.rank == 3, "stator: MultiheadAttention: inputs have 3 dimensions");
    const auto cut = ops::reshape_to<Extents(X::extents[0], X::extents[1], Heads, head)>(x);
    if constexpr (Options.batch_first)
      return permute<0, 2, 1, 3>(cut);
    else
      return permute<1, 2, 0, 3>(cut);
  }
  /// The inverse of heads(): concatenates the heads again.
  static constexpr auto merge(auto y) {
    const auto ordered = [&] {
      if constexpr (Options.batch_first)
        return permute<0, 2, 1, 3>(y);
      else
        return permute<2, 0, 1, 3>(y);
    }();
    using X = std::remove_const_t<decltype(ordered)>;
    return ops::reshape_to<Extents(X::extents[0], X::extents[1], Embed)>(ordered);
  }
};

} // namespace stator::nn
