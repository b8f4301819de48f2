// SPDX-License-Identifier: BSL-1.0
// oneDNN: products, and convolutions in the layout that it asks for; what brings tensors into that layout is
// not timed.
#include "../kernels.hpp"

#include <dnnl.hpp>

#include <unordered_map>

namespace bench {
namespace {

using dnnl::memory;
using tag = memory::format_tag;

struct OnednnProduct : ProductData {
  using ProductData::ProductData;
  void operator()() {
    dnnl_sgemm(p.trans_a() ? 'T' : 'N', p.trans_b() ? 'T' : 'N', p.m, p.n, p.k, 1, a.data(),
               p.trans_a() ? p.m : p.k, b.data(), p.trans_b() ? p.k : p.n, 0, c.data(), p.n);
  }
};

struct OnednnConvolution : ConvolutionData {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  dnnl::primitive primitive;
  std::unordered_map<int, memory> arguments;
  memory made, plain;

  OnednnConvolution(const Convolution& convolution, Pass which, dnnl::algorithm kind)
      : ConvolutionData(convolution, which) {
    using namespace dnnl;
    const memory::dims xs{c.batch, c.in, c.size, c.size}, ys{c.batch, c.out, c.out_size(), c.out_size()};
    const memory::dims ws =
        c.groups == 1 ? memory::dims{c.out, c.in, c.kernel, c.kernel}
                      : memory::dims{c.groups, c.out / c.groups, c.in / c.groups, c.kernel, c.kernel};
    const auto any = [](const memory::dims& d) { return memory::desc(d, memory::data_type::f32, tag::any); };
    const memory::desc xd(xs, memory::data_type::f32, tag::nchw), yd(ys, memory::data_type::f32, tag::nchw),
        wd(ws, memory::data_type::f32, c.groups == 1 ? tag::oihw : tag::goihw);
    const memory::dims strides{c.stride, c.stride}, dilates{c.dilation - 1, c.dilation - 1},
        pads{c.padding, c.padding};
    const convolution_forward::primitive_desc forward(
        {prop_kind::forward_training, kind, any(xs), any(ws), any(ys), strides, dilates, pads, pads}, engine);
    /// The array in the layout `to`, which is copied there unless it is made by the pass.
    const auto put = [&](int argument, Buffer& buffer, const memory::desc& from, const memory::desc& to,
                         bool output) {
      memory source(from, engine, buffer.data());
      memory there(to, engine);
      if (output)
        made = there, plain = source;
      else
        reorder(source, there).execute(stream, source, there);
      arguments[argument] = there;
    };
    if (pass == Pass::forward) {
      put(DNNL_ARG_SRC, x, xd, forward.src_desc(), false);
      put(DNNL_ARG_WEIGHTS, w, wd, forward.weights_desc(), false);
      put(DNNL_ARG_DST, y, yd, forward.dst_desc(), true);
      primitive = convolution_forward(forward);
    } else if (pass == Pass::input) {
      const convolution_backward_data::primitive_desc d(
          {kind, any(xs), any(ws), any(ys), strides, dilates, pads, pads}, engine, forward);
      put(DNNL_ARG_DIFF_DST, y, yd, d.diff_dst_desc(), false);
      put(DNNL_ARG_WEIGHTS, w, wd, d.weights_desc(), false);
      put(DNNL_ARG_DIFF_SRC, x, xd, d.diff_src_desc(), true);
      primitive = convolution_backward_data(d);
    } else {
      const convolution_backward_weights::primitive_desc d(
          {kind, any(xs), any(ws), any(ys), strides, dilates, pads, pads}, engine, forward);
      put(DNNL_ARG_SRC, x, xd, d.src_desc(), false);
      put(DNNL_ARG_DIFF_DST, y, yd, d.diff_dst_desc(), false);
      put(DNNL_ARG_DIFF_WEIGHTS, w, wd, d.diff_weights_desc(), true);
      primitive = convolution_backward_weights(d);
    }
    stream.wait();
  }
  void operator()() {
    primitive.execute(stream, arguments);
    stream.wait();
  }
  double result() {
    dnnl::reorder(made, plain).execute(stream, made, plain);
    stream.wait();
    return ConvolutionData::result();
  }
};

const bool entered = [] {
  for (const Product& p : products) Enter{{row_of(p), "onednn", [p] { return repeat<OnednnProduct>(p); }}};
  for (const Convolution& c : convolutions)
    for (const Pass pass : passes) {
      const auto enter = [&](const char* name, dnnl::algorithm kind) {
        Enter{{row_of(c, pass), name, [=] { return repeat<OnednnConvolution>(c, pass, kind); }}};
      };
      enter("onednn", dnnl::algorithm::convolution_direct);
#if defined(__AVX512F__) // with AVX2 it has none
      if (std::string_view(c.name).starts_with("3x3/"))
        enter("onednn, winograd", dnnl::algorithm::convolution_winograd);
#endif
    }
  return true;
}();

} // namespace
} // namespace bench
