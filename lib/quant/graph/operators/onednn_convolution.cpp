// SPDX-License-Identifier: MIT
// Convolutions through oneDNN: which of its kernels, and the layouts that they want.
#include <optional>
#include <string_view>
#include <unordered_map>

#include "quant/base/aligned_buffer.h"
#include "quant/graph/operators/onednn.h"
#include "quant/graph/operators/onednn_engine.h"

namespace quant::onednn {
namespace {

constexpr std::int64_t kBlock = 16;  // channels of a block in AVX-512's layouts

// The weights' axes as oneDNN counts them.
Dims weight_dims(const ConvolutionShape& shape) {
  Dims dims{shape.out_channels / shape.groups, shape.in_channels / shape.groups};
  if (shape.groups > 1) dims.insert(dims.begin(), shape.groups);
  dims.insert(dims.end(), shape.kernel.begin(), shape.kernel.end());
  return dims;
}

// The same in memory as ONNX has them.
Descriptor onnx_weights(const ConvolutionShape& shape) {
  const Dims dims = weight_dims(shape);
  Dims strides = row_major(dims);
  if (shape.transposed) {
    const std::size_t out = shape.groups > 1 ? 1 : 0;
    strides[out] = strides[out + 1];
    strides[out + 1] = strides[out] * dims[out];
  }
  return {dims, kFloat, strides};
}

// As an operation behind another.
struct Eltwise {
  dnnl::algorithm algorithm;
  float alpha = 0;
  float beta = 0;
};

std::optional<Eltwise> eltwise_of(const PostOps& post_ops) {
  switch (post_ops.activation) {
    case Activation::kNone:
      break;
    case Activation::kRelu:
      return Eltwise{dnnl::algorithm::eltwise_relu};
    case Activation::kLeakyRelu:
      return Eltwise{dnnl::algorithm::eltwise_relu, post_ops.alpha};
    case Activation::kClip:
      return Eltwise{dnnl::algorithm::eltwise_clip, post_ops.alpha, post_ops.beta};
    case Activation::kSigmoid:
      return Eltwise{dnnl::algorithm::eltwise_logistic};
    case Activation::kSilu:
      return Eltwise{dnnl::algorithm::eltwise_swish, 1};
  }
  return std::nullopt;
}

dnnl::primitive_attr attributes_of(bool accumulate, const std::optional<Eltwise>& function) {
  dnnl::post_ops operations;
  if (accumulate) operations.append_sum(1.0F);
  if (function) {
#if DNNL_VERSION_MAJOR >= 3
    operations.append_eltwise(function->algorithm, function->alpha, function->beta);
#else
    operations.append_eltwise(1.0F, function->algorithm, function->alpha, function->beta);
#endif
  }
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(operations);
  return attributes;
}

dnnl::eltwise_forward::primitive_desc describe_function(const Eltwise& function,
                                                        const Descriptor& values) {
  constexpr auto kInference = dnnl::prop_kind::forward_inference;
#if DNNL_VERSION_MAJOR >= 3
  return {cpu(), kInference, function.algorithm, values, values, function.alpha, function.beta};
#else
  return {{kInference, function.algorithm, values, function.alpha, function.beta}, cpu()};
#endif
}

struct Layouts {
  Descriptor source;
  Descriptor weights;
  Descriptor bias;
  Descriptor destination;
};

// Goes on to the first kernel of that kind; false where there is none.
template <typename Description>
bool advance(Description& description, std::string_view kind) {
  do {
    const std::string_view name = description.impl_info_str();
    if (name.starts_with(kind)) return true;
    if (name.starts_with("ref") || name.starts_with("gemm")) return false;
  } while (description.next_impl());
  return false;
}

// Deconvolution and convolution take the same arguments. `kind`: of kernel, by the beginning of its
// name, if there is one; empty: whatever the library takes first. `optional`: an empty description
// instead of an exception where the library has no kernel at all.
template <typename Primitive>
typename Primitive::primitive_desc describe(dnnl::algorithm algorithm, const Layouts& layouts,
                                            const ConvolutionShape& shape,
                                            const dnnl::primitive_attr& attributes,
                                            std::string_view kind, bool optional) {
  Dims holes = shape.dilations;
  for (auto& hole : holes) --hole;
  constexpr auto kInference = dnnl::prop_kind::forward_inference;
#if DNNL_VERSION_MAJOR >= 3
  const auto first = [&]() -> typename Primitive::primitive_desc {
    return {cpu(),          kInference,          algorithm,     layouts.source, layouts.weights,
            layouts.bias,   layouts.destination, shape.strides, holes,          shape.pads_begin,
            shape.pads_end, attributes,          optional};
  };
#else
  // Descriptions refer to it while they go on to other kernels.
  const typename Primitive::desc operation(kInference, algorithm, layouts.source, layouts.weights,
                                           layouts.bias, layouts.destination, shape.strides, holes,
                                           shape.pads_begin, shape.pads_end);
  const auto first = [&]() -> typename Primitive::primitive_desc {
    return {operation, attributes, cpu(), optional};
  };
#endif
  auto description = first();
  if (!kind.empty() && description && !advance(description, kind)) return first();
  return description;
}

std::int64_t pixels(const std::vector<std::int64_t>& spatial) {
  std::int64_t count = 1;
  for (const std::int64_t size : spatial) count *= size;
  return count;
}

// Tiles of 2x2 outputs take 4/9 of the products of a 3x3 kernel in steps of one. Measured on
// AVX-512: 0.5 to 0.8 of the direct kernel's time from 16 channels on, the way into its blocks and
// back included, with errors no larger than the direct kernel's. Tiles of 4x4 are faster still
// where there are 128 channels, but their errors are twice as large.
constexpr std::string_view kWinograd = "jit_fp32_wino_2x3:";

bool suits_winograd(const ConvolutionShape& shape) {
  const std::vector<std::int64_t> ones(2, 1);
  return !shape.transposed && shape.groups == 1 &&
         shape.kernel == std::vector<std::int64_t>{3, 3} && shape.strides == ones &&
         shape.dilations == ones && shape.in_channels >= kBlock && shape.out_channels >= kBlock;
}

// The kind of kernel that is faster than what the library would take first; empty: none is.
// Measured on AVX-512 with oneDNN 2.6, channels last: depthwise kernels of their own take 0.4 to
// 0.9 of the time of those by small matrices, direct ones with few output channels 0.8 to 0.95.
std::string_view faster_kernel(const ConvolutionShape& shape) {
  if (shape.groups > 1 && shape.groups == shape.in_channels && shape.groups == shape.out_channels)
    return "jit_dw:";
  constexpr std::int64_t kFewChannels = 24;
  if (shape.groups == 1 && shape.out_channels <= kFewChannels && pixels(shape.kernel) > 1)
    return "jit:";
  return {};
}

Dims image_dims(std::int64_t batch, std::int64_t channels,
                const std::vector<std::int64_t>& spatial) {
  Dims dims{batch, channels};
  dims.insert(dims.end(), spatial.begin(), spatial.end());
  return dims;
}

// Whether `layout` of an image of those `dims` is the same bytes as `last`, its channels last.
bool lies_last(const Descriptor& layout, const Descriptor& last, const Dims& dims) {
  if (layout == last) return true;
  return dims.size() == 4 && dims[1] == kBlock &&
         layout == Descriptor(dims, kFloat, dnnl::memory::format_tag::nChw16c);
}

}  // namespace

struct Convolution::State {
  // An image as the caller has it and as the primitive wants it.
  struct Image {
    dnnl::memory given;
    dnnl::memory inner;
    bool turned = false;  // they differ: `inner` lives for one run
    dnnl::reorder to_inner;
    dnnl::reorder from_inner;

    Image() = default;
    Image(const Descriptor& given_layout, const Descriptor& inner_layout, bool same)
        : given(unattached(same ? inner_layout : given_layout)),
          inner(same ? given : unattached(inner_layout)),
          turned(!same) {
      if (same) return;
      to_inner = dnnl::reorder(given, inner);
      from_inner = dnnl::reorder(inner, given);
    }
  };

  dnnl::stream stream{cpu()};
  Image source;
  Image destination;
  bool accumulate = false;  // needs the destination's old values
  std::optional<dnnl::memory> bias;
  dnnl::memory onnx_weights;
  dnnl::memory packed_weights;
  dnnl::primitive primitive;
  dnnl::reorder pack;
  std::unordered_map<int, dnnl::memory> arguments;
  std::optional<dnnl::eltwise_forward> activation;  // where the primitive cannot
  std::unordered_map<int, dnnl::memory> activation_arguments;

  void build(const ConvolutionShape& shape, const PostOps& post_ops);

 private:
  bool build_winograd(Layouts layouts, const ConvolutionShape& shape, const PostOps& post_ops);
  template <typename Description>
  void take(const Description& description, const ConvolutionShape& shape);
};

// Images with their channels last: on AVX2 their kernels are as fast as those for blocked layouts,
// and everything around them stays dense. Kernels for ONNX's layout are 2 to 20 times slower.
void Convolution::State::build(const ConvolutionShape& shape, const PostOps& post_ops) {
  const Layouts layouts{
      image(shape.batch, shape.in_channels, shape.input, true),
      {weight_dims(shape), kFloat, dnnl::memory::format_tag::any},
      shape.bias ? Descriptor({shape.out_channels}, kFloat, Dims{1}) : Descriptor(),
      image(shape.batch, shape.out_channels, shape.output, true)};
  if (shape.bias) bias = unattached(layouts.bias);
  accumulate = post_ops.accumulate;
  if (suits_winograd(shape) && build_winograd(layouts, shape, post_ops)) return;
  const dnnl::primitive_attr attributes = attributes_of(accumulate, eltwise_of(post_ops));
  if (shape.transposed) {
    const auto description = describe<dnnl::deconvolution_forward>(
        dnnl::algorithm::deconvolution_direct, layouts, shape, attributes, {}, false);
    primitive = dnnl::deconvolution_forward(description);
    take(description, shape);
  } else {
    const auto description =
        describe<dnnl::convolution_forward>(dnnl::algorithm::convolution_direct, layouts, shape,
                                            attributes, faster_kernel(shape), false);
    primitive = dnnl::convolution_forward(description);
    take(description, shape);
  }
}

// False where the library has no such kernel for this machine.
bool Convolution::State::build_winograd(Layouts layouts, const ConvolutionShape& shape,
                                        const PostOps& post_ops) {
  constexpr auto kAny = dnnl::memory::format_tag::any;
  layouts.source = {image_dims(shape.batch, shape.in_channels, shape.input), kFloat, kAny};
  layouts.destination = {image_dims(shape.batch, shape.out_channels, shape.output), kFloat, kAny};
  const std::optional<Eltwise> function = eltwise_of(post_ops);
  const bool apart = function && post_ops.activation != Activation::kRelu;
  const auto description = describe<dnnl::convolution_forward>(
      dnnl::algorithm::convolution_winograd, layouts, shape,
      attributes_of(accumulate, apart ? std::nullopt : function), kWinograd, true);
  if (!description || !std::string_view(description.impl_info_str()).starts_with(kWinograd))
    return false;
  primitive = dnnl::convolution_forward(description);
  take(description, shape);
  if (apart) {
    activation = dnnl::eltwise_forward(describe_function(*function, destination.given.get_desc()));
    activation_arguments = {{DNNL_ARG_SRC, destination.given}, {DNNL_ARG_DST, destination.given}};
  }
  return true;
}

template <typename Description>
void Convolution::State::take(const Description& description, const ConvolutionShape& shape) {
  const auto lay = [&](std::int64_t channels, const std::vector<std::int64_t>& spatial,
                       const Descriptor& inner) {
    const Descriptor last = image(shape.batch, channels, spatial, true);
    // One channel or one pixel: both orders are the same bytes.
    const bool is_last = shape.channels_last || channels == 1 || pixels(spatial) == 1;
    return Image(is_last ? last : image(shape.batch, channels, spatial, false), inner,
                 is_last && lies_last(inner, last, image_dims(shape.batch, channels, spatial)));
  };
  source = lay(shape.in_channels, shape.input, description.src_desc());
  destination = lay(shape.out_channels, shape.output, description.dst_desc());
  onnx_weights = unattached(onednn::onnx_weights(shape));
  packed_weights = dnnl::memory(description.weights_desc(), cpu());
  pack = dnnl::reorder(onnx_weights, packed_weights);
  arguments = {{DNNL_ARG_SRC, source.inner},
               {DNNL_ARG_WEIGHTS, packed_weights},
               {DNNL_ARG_DST, destination.inner}};
  if (bias) arguments.emplace(DNNL_ARG_BIAS, *bias);
}

Convolution::Convolution(std::unique_ptr<State> state) : state_(std::move(state)) {}
Convolution::Convolution(Convolution&&) noexcept = default;
Convolution& Convolution::operator=(Convolution&&) noexcept = default;
Convolution::~Convolution() = default;

Result<Convolution> Convolution::create(const ConvolutionShape& shape, const PostOps& post_ops) {
  auto state = std::make_unique<State>();
  QUANT_TRY(guarded([&] { state->build(shape, post_ops); }));
  return Convolution(std::move(state));
}

Status Convolution::set_weights(const float* weights) {
  State& state = *state_;
  return guarded([&] {
    attach(state.onnx_weights, weights);
    state.pack.execute(state.stream, state.onnx_weights, state.packed_weights);
    state.stream.wait();
  });
}

Status Convolution::run(const float* source, const float* bias, float* destination) {
  State& state = *state_;
  return guarded([&] {
    const auto inner_memory = [](State::Image& image) {
      if (!image.turned) return AlignedBuffer();
      AlignedBuffer buffer(image.inner.get_desc().get_size(), BufferFill::kUndefined);
      image.inner.set_data_handle(buffer.data());
      return buffer;
    };
    attach(state.source.given, source);
    attach(state.destination.given, destination);
    if (state.bias) attach(*state.bias, bias);
    const AlignedBuffer inner_source = inner_memory(state.source);
    const AlignedBuffer inner_destination = inner_memory(state.destination);
    if (state.source.turned)
      state.source.to_inner.execute(state.stream, state.source.given, state.source.inner);
    if (state.destination.turned && state.accumulate) {
      state.destination.to_inner.execute(state.stream, state.destination.given,
                                         state.destination.inner);
    }
    state.primitive.execute(state.stream, state.arguments);
    if (state.destination.turned) {
      state.destination.from_inner.execute(state.stream, state.destination.inner,
                                           state.destination.given);
    }
    if (state.activation) state.activation->execute(state.stream, state.activation_arguments);
    state.stream.wait();
  });
}

}  // namespace quant::onednn
