// SPDX-License-Identifier: MIT
#include "quant/optimize/twin_operators.h"

#include <algorithm>
#include <map>

namespace quant::tuning {
namespace {

using Ints = std::vector<std::int64_t>;

// The node's inputs, attributes and constants at hand.
struct View {
  const Graph& graph;
  const Node& node;
  const std::vector<at::Tensor>& inputs;

  bool has(std::size_t i) const { return i < node.inputs.size() && node.inputs[i] != kNoValue; }
  const at::Tensor& in(std::size_t i) const { return inputs[i]; }
  std::int64_t rank() const { return in(0).dim(); }
  const Shape& out_shape() const { return graph.value(node.outputs[0]).shape; }
  std::int64_t axis(std::int64_t value) const { return value < 0 ? value + rank() : value; }
  // An int64 constant.
  Ints ints(std::size_t i) const {
    const auto data = graph.value(node.inputs[i]).constant->data<std::int64_t>();
    return {data.begin(), data.end()};
  }
  float scalar(std::size_t i) const {
    return graph.value(node.inputs[i]).constant->data<float>()[0];
  }
};

at::Tensor with_pads(const at::Tensor& x, const Ints& pads, double value) {
  if (std::all_of(pads.begin(), pads.end(), [](std::int64_t pad) { return pad == 0; })) return x;
  return at::constant_pad_nd(x, {pads[1], pads[3], pads[0], pads[2]}, value);
}

// Explicit pads of a pooling window.
Ints pool_pads(const View& view) {
  const std::string auto_pad = view.node.attributes.text("auto_pad", "NOTSET");
  Ints pads = view.node.attributes.integers("pads", {0, 0, 0, 0});
  if (auto_pad == "NOTSET" || auto_pad == "VALID") return auto_pad == "VALID" ? Ints(4, 0) : pads;
  const Ints kernel = view.node.attributes.integers("kernel_shape");
  const Ints strides = view.node.attributes.integers("strides", {1, 1});
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t total =
        std::max<std::int64_t>(0, (view.out_shape()[axis + 2] - 1) * strides[axis] + kernel[axis] -
                                      view.in(0).size(static_cast<std::int64_t>(axis) + 2));
    pads[axis] = auto_pad == "SAME_UPPER" ? total / 2 : total - total / 2;
    pads[axis + 2] = total - pads[axis];
  }
  return pads;
}

at::Tensor max_pool(const View& view) {
  const Attributes& attributes = view.node.attributes;
  const at::Tensor x = with_pads(view.in(0), pool_pads(view), -1e30);
  return at::max_pool2d(
      x, attributes.integers("kernel_shape"), attributes.integers("strides", {1, 1}), 0,
      attributes.integers("dilations", {1, 1}), attributes.integer("ceil_mode", 0) != 0);
}

at::Tensor average_pool(const View& view) {
  const Attributes& attributes = view.node.attributes;
  const Ints pads = pool_pads(view);
  return at::avg_pool2d(view.in(0), attributes.integers("kernel_shape"),
                        attributes.integers("strides", {1, 1}), {pads[0], pads[1]},
                        attributes.integer("ceil_mode", 0) != 0,
                        attributes.integer("count_include_pad", 0) != 0);
}

at::Tensor resize(const View& view) {
  const std::string mode = view.node.attributes.text("mode", "nearest");
  const std::string coordinates =
      view.node.attributes.text("coordinate_transformation_mode", "half_pixel");
  const Ints size = {view.out_shape()[2], view.out_shape()[3]};
  if (mode == "nearest") return at::upsample_nearest2d(view.in(0), size);
  return at::upsample_bilinear2d(view.in(0), size, coordinates == "align_corners");
}

at::Tensor slice(const View& view) {
  const Ints starts = view.ints(1);
  const Ints ends = view.ints(2);
  Ints axes;
  if (view.has(3)) {
    axes = view.ints(3);
  } else {
    for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  }
  const Ints steps = view.has(4) ? view.ints(4) : Ints(starts.size(), 1);
  at::Tensor x = view.in(0);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::int64_t axis = view.axis(axes[i]);
    const std::int64_t size = x.size(axis);
    const auto place = [&](std::int64_t at) {
      return std::clamp<std::int64_t>(at < 0 ? at + size : at, 0, size);
    };
    x = x.slice(axis, place(starts[i]), place(ends[i]), steps[i]);
  }
  return x;
}

std::vector<at::Tensor> split(const View& view) {
  const std::int64_t axis = view.axis(view.node.attributes.integer("axis", 0));
  Ints sizes;
  for (const ValueId id : view.node.outputs) {
    sizes.push_back(id == kNoValue ? -1
                                   : view.graph.value(id).shape[static_cast<std::size_t>(axis)]);
  }
  if (view.has(1)) sizes = view.ints(1);
  const std::int64_t even = (view.in(0).size(axis) + static_cast<std::int64_t>(sizes.size()) - 1) /
                            static_cast<std::int64_t>(sizes.size());
  for (std::int64_t& size : sizes) size = size < 0 ? even : size;
  return at::split_with_sizes(view.in(0), sizes, axis);
}

at::Tensor reduce(const View& view) {
  const Ints given = view.has(1) ? view.ints(1) : view.node.attributes.integers("axes");
  Ints axes;
  for (const std::int64_t axis : given) axes.push_back(view.axis(axis));
  if (axes.empty()) {
    for (std::int64_t axis = 0; axis < view.rank(); ++axis) axes.push_back(axis);
  }
  const bool keep = view.node.attributes.integer("keepdims", 1) != 0;
  switch (view.node.op) {
    case OpKind::kReduceMean:
      return view.in(0).mean(axes, keep);
    case OpKind::kReduceMax:
      return view.in(0).amax(axes, keep);
    case OpKind::kReduceMin:
      return view.in(0).amin(axes, keep);
    default:
      return view.in(0).sum(axes, keep);
  }
}

at::Tensor normalize(const View& view) {
  const double epsilon = view.node.attributes.number("epsilon", 1e-5F);
  Ints axes;
  const bool instance = view.node.op == OpKind::kInstanceNormalization;
  const std::int64_t first = instance ? 2 : view.axis(view.node.attributes.integer("axis", -1));
  for (std::int64_t axis = first; axis < view.rank(); ++axis) axes.push_back(axis);
  const at::Tensor x = view.in(0);
  const at::Tensor centred = x - x.mean(axes, true);
  const at::Tensor unit = centred * (centred.square().mean(axes, true) + epsilon).rsqrt();
  at::Tensor gamma = view.in(1);
  at::Tensor beta = view.has(2) ? view.in(2) : at::zeros({1});
  if (instance) {
    Ints shape(static_cast<std::size_t>(view.rank()), 1);
    shape[1] = x.size(1);
    gamma = gamma.reshape(shape);
    beta = beta.numel() == 1 ? beta : beta.reshape(shape);
  }
  return unit * gamma + beta;
}

at::Tensor transpose(const View& view) {
  Ints order = view.node.attributes.integers("perm");
  if (order.empty()) {
    for (std::int64_t axis = view.rank(); axis-- > 0;) order.push_back(axis);
  }
  return view.in(0).permute(order);
}

at::Tensor pad(const View& view) {
  const Ints pads = view.ints(1);
  const std::size_t rank = pads.size() / 2;
  Ints reversed;
  for (std::size_t axis = rank; axis-- > 0;) {
    reversed.push_back(pads[axis]);
    reversed.push_back(pads[axis + rank]);
  }
  return at::constant_pad_nd(view.in(0), reversed, view.has(2) ? view.scalar(2) : 0.0F);
}

at::Tensor depth_to_space(const View& view) {
  const std::int64_t block = view.node.attributes.integer("blocksize", 1);
  const at::Tensor& x = view.in(0);
  const std::int64_t n = x.size(0), c = x.size(1), h = x.size(2), w = x.size(3);
  if (view.node.op == OpKind::kSpaceToDepth) {
    return x.reshape({n, c, h / block, block, w / block, block})
        .permute({0, 3, 5, 1, 2, 4})
        .reshape({n, c * block * block, h / block, w / block});
  }
  const std::int64_t out = c / (block * block);
  const bool crd = view.node.attributes.text("mode", "DCR") == "CRD";
  const at::Tensor blocks =
      crd ? x.reshape({n, out, block, block, h, w}).permute({0, 1, 4, 2, 5, 3})
          : x.reshape({n, block, block, out, h, w}).permute({0, 3, 4, 1, 5, 2});
  return blocks.reshape({n, out, h * block, w * block});
}

at::Tensor clip(const View& view) {
  at::Tensor x = view.in(0);
  if (view.has(1)) x = x.clamp_min(view.scalar(1));
  if (view.has(2)) x = x.clamp_max(view.scalar(2));
  return x;
}

at::Tensor matrix_product(const View& view) {
  if (view.node.op == OpKind::kMatMul) return at::matmul(view.in(0), view.in(1));
  const Attributes& attributes = view.node.attributes;
  const at::Tensor a = attributes.integer("transA", 0) != 0 ? view.in(0).t() : view.in(0);
  const at::Tensor b = attributes.integer("transB", 0) != 0 ? view.in(1).t() : view.in(1);
  at::Tensor y = at::matmul(a, b) * attributes.number("alpha", 1.0F);
  if (view.has(2)) y = y + view.in(2) * attributes.number("beta", 1.0F);
  return y;
}

using Function = at::Tensor (*)(const View&);

// Of every operator with one output that has a gradient here.
const std::map<OpKind, Function>& functions() {
  static const std::map<OpKind, Function> table = {
      {OpKind::kAdd, [](const View& view) { return view.in(0) + view.in(1); }},
      {OpKind::kSub, [](const View& view) { return view.in(0) - view.in(1); }},
      {OpKind::kMul, [](const View& view) { return view.in(0) * view.in(1); }},
      {OpKind::kDiv, [](const View& view) { return view.in(0) / view.in(1); }},
      {OpKind::kPow, [](const View& view) { return view.in(0).pow(view.in(1)); }},
      {OpKind::kMatMul, matrix_product},
      {OpKind::kGemm, matrix_product},
      {OpKind::kConcat,
       [](const View& view) {
         return at::cat(view.inputs, view.axis(view.node.attributes.integer("axis", 0)));
       }},
      {OpKind::kReshape, [](const View& view) { return view.in(0).reshape(view.out_shape()); }},
      {OpKind::kFlatten, [](const View& view) { return view.in(0).reshape(view.out_shape()); }},
      {OpKind::kSqueeze, [](const View& view) { return view.in(0).reshape(view.out_shape()); }},
      {OpKind::kUnsqueeze, [](const View& view) { return view.in(0).reshape(view.out_shape()); }},
      {OpKind::kIdentity, [](const View& view) { return view.in(0); }},
      {OpKind::kRequantize, [](const View& view) { return view.in(0); }},
      {OpKind::kTranspose, transpose},
      {OpKind::kSlice, slice},
      {OpKind::kPad, pad},
      {OpKind::kDepthToSpace, depth_to_space},
      {OpKind::kSpaceToDepth, depth_to_space},
      {OpKind::kGather,
       [](const View& view) {
         const std::int64_t axis = view.axis(view.node.attributes.integer("axis", 0));
         Ints indices = view.ints(1);
         for (std::int64_t& index : indices) index += index < 0 ? view.in(0).size(axis) : 0;
         return view.in(0)
             .index_select(axis, at::tensor(indices, at::kLong))
             .reshape(view.out_shape());
       }},
      {OpKind::kMaxPool, max_pool},
      {OpKind::kGlobalMaxPool,
       [](const View& view) {
         return view.in(0).amax({2, 3}, true);
       }},
      {OpKind::kAveragePool, average_pool},
      {OpKind::kGlobalAveragePool,
       [](const View& view) {
         return view.in(0).mean({2, 3}, true);
       }},
      {OpKind::kReduceMean, reduce},
      {OpKind::kReduceSum, reduce},
      {OpKind::kReduceMax, reduce},
      {OpKind::kReduceMin, reduce},
      {OpKind::kResize, resize},
      {OpKind::kSoftmax,
       [](const View& view) {
         return at::softmax(view.in(0), view.axis(view.node.attributes.integer("axis", -1)));
       }},
      {OpKind::kInstanceNormalization, normalize},
      {OpKind::kLayerNormalization, normalize},
      {OpKind::kRelu, [](const View& view) { return at::relu(view.in(0)); }},
      {OpKind::kClip, clip},
      {OpKind::kLeakyRelu,
       [](const View& view) {
         return at::leaky_relu(view.in(0), view.node.attributes.number("alpha", 0.01F));
       }},
      {OpKind::kPRelu,
       [](const View& view) {
         return at::where(view.in(0) >= 0, view.in(0), view.in(0) * view.in(1));
       }},
      {OpKind::kSigmoid, [](const View& view) { return at::sigmoid(view.in(0)); }},
      {OpKind::kSilu, [](const View& view) { return at::silu(view.in(0)); }},
      {OpKind::kHardSigmoid,
       [](const View& view) {
         return (view.in(0) * view.node.attributes.number("alpha", 0.2F) +
                 view.node.attributes.number("beta", 0.5F))
             .clamp(0, 1);
       }},
      {OpKind::kHardSwish,
       [](const View& view) { return view.in(0) * (view.in(0) / 6 + 0.5).clamp(0, 1); }},
      {OpKind::kTanh, [](const View& view) { return at::tanh(view.in(0)); }},
      {OpKind::kErf, [](const View& view) { return at::erf(view.in(0)); }},
      {OpKind::kGelu,
       [](const View& view) {
         return at::gelu(view.in(0), view.node.attributes.text("approximate", "none"));
       }},
      {OpKind::kSoftplus, [](const View& view) { return at::softplus(view.in(0)); }},
      {OpKind::kMish, [](const View& view) { return at::mish(view.in(0)); }},
      {OpKind::kElu,
       [](const View& view) {
         return at::elu(view.in(0), view.node.attributes.number("alpha", 1.0F));
       }},
      {OpKind::kExp, [](const View& view) { return at::exp(view.in(0)); }},
      {OpKind::kLog, [](const View& view) { return at::log(view.in(0)); }},
      {OpKind::kSqrt, [](const View& view) { return at::sqrt(view.in(0)); }},
      {OpKind::kAbs, [](const View& view) { return at::abs(view.in(0)); }},
      {OpKind::kNeg, [](const View& view) { return -view.in(0); }},
      {OpKind::kReciprocal, [](const View& view) { return at::reciprocal(view.in(0)); }},
  };
  return table;
}

bool interpolates_like_torch(const Graph& graph, const Node& node) {
  const std::string mode = node.attributes.text("mode", "nearest");
  const std::string coordinates =
      node.attributes.text("coordinate_transformation_mode", "half_pixel");
  const Shape& in = graph.value(node.inputs[0]).shape;
  const Shape& out = graph.value(node.outputs[0]).shape;
  if (in.size() != 4 || out.size() != 4) return false;
  if (mode == "linear") {
    return coordinates == "half_pixel" || coordinates == "pytorch_half_pixel" ||
           coordinates == "align_corners";
  }
  const bool whole = out[2] % in[2] == 0 && out[3] % in[3] == 0;
  if (mode != "nearest" || !whole) return false;
  const std::string nearest = node.attributes.text("nearest_mode", "round_prefer_floor");
  return coordinates == "asymmetric" ? nearest == "floor"
                                     : coordinates == "half_pixel" && nearest != "ceil";
}

}  // namespace

bool has_gradient(const Graph& graph, const Node& node) {
  if (node.op == OpKind::kResize && !interpolates_like_torch(graph, node)) return false;
  return node.op == OpKind::kSplit || functions().contains(node.op);
}

std::vector<at::Tensor> evaluate(const Graph& graph, const Node& node,
                                 const std::vector<at::Tensor>& inputs) {
  const View view{graph, node, inputs};
  if (node.op == OpKind::kSplit) return split(view);
  return {functions().at(node.op)(view)};
}

at::Tensor weighted(const Node& node, const at::Tensor& x, const at::Tensor& weights,
                    const at::Tensor& bias) {
  if (node.op == OpKind::kGemm) return at::matmul(x, weights.t()) + bias;
  const Attributes& attributes = node.attributes;
  const Ints strides = attributes.integers("strides", {1, 1});
  const Ints pads = attributes.integers("pads", {0, 0, 0, 0});
  Ints dilations = attributes.integers("dilations", {1, 1});
  const std::int64_t groups = attributes.integer("group", 1);
  if (node.op == OpKind::kConvTranspose) {
    // Crops at the far end may differ: transpose without pads, then cut.
    const at::Tensor full =
        at::conv_transpose2d(x, weights, bias, strides, 0, 0, groups, dilations);
    return at::constant_pad_nd(full, {-pads[1], -pads[3], -pads[0], -pads[2]});
  }
  // A 1x1 kernel has no use for dilation, but torch leaves oneDNN's (fast) path on one thread
  // unless a convolution has some.
  if (weights.size(2) == 1 && weights.size(3) == 1) dilations = {2, 2};
  const bool even = pads[0] == pads[2] && pads[1] == pads[3] && pads[0] >= 0 && pads[1] >= 0;
  if (even) {
    return at::conv2d(x, weights, bias, strides, Ints{pads[0], pads[1]}, dilations, groups);
  }
  return at::conv2d(with_pads(x, pads, 0), weights, bias, strides, Ints{0, 0}, dilations, groups);
}

}  // namespace quant::tuning
