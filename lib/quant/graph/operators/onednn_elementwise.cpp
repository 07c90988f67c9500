// SPDX-License-Identifier: MIT
// Functions of one element and maxima over windows, through oneDNN.
#include <algorithm>
#include <unordered_map>

#include "quant/graph/operators/onednn.h"
#include "quant/graph/operators/onednn_engine.h"

namespace quant::onednn {
namespace {

dnnl::algorithm algorithm_of(Function function) {
  switch (function) {
    case Function::kExp:
      return dnnl::algorithm::eltwise_exp;
    case Function::kSigmoid:
      return dnnl::algorithm::eltwise_logistic;
    case Function::kSilu:
      return dnnl::algorithm::eltwise_swish;
  }
  return dnnl::algorithm::undef;
}

dnnl::eltwise_forward::primitive_desc describe_elementwise(dnnl::algorithm algorithm,
                                                           const Descriptor& values) {
#if DNNL_VERSION_MAJOR >= 3
  return {cpu(), dnnl::prop_kind::forward_inference, algorithm, values, values, 1.0F};
#else
  return {{dnnl::prop_kind::forward_inference, algorithm, values, 1.0F}, cpu()};
#endif
}

dnnl::pooling_forward::primitive_desc describe_pooling(const MaxPoolingShape& shape,
                                                       const Descriptor& source,
                                                       const Descriptor& destination,
                                                       const Dims& pads_end) {
  constexpr auto kMax = dnnl::algorithm::pooling_max;
  constexpr auto kInference = dnnl::prop_kind::forward_inference;
#if DNNL_VERSION_MAJOR >= 3
  const Dims dense(shape.kernel.size(), 0);
  return {cpu(),         kInference,   kMax,  source,           destination,
          shape.strides, shape.kernel, dense, shape.pads_begin, pads_end};
#else
  return {{kInference, kMax, source, destination, shape.strides, shape.kernel, shape.pads_begin,
           pads_end},
          cpu()};
#endif
}

}  // namespace

struct Elementwise::State {
  dnnl::stream stream{cpu()};
  dnnl::memory from;
  dnnl::memory to;
  dnnl::primitive primitive;
  std::unordered_map<int, dnnl::memory> arguments;
};

Elementwise::Elementwise(std::unique_ptr<State> state) : state_(std::move(state)) {}
Elementwise::Elementwise(Elementwise&&) noexcept = default;
Elementwise& Elementwise::operator=(Elementwise&&) noexcept = default;
Elementwise::~Elementwise() = default;

Result<Elementwise> Elementwise::create(Function function, std::int64_t count) {
  auto state = std::make_unique<State>();
  QUANT_TRY(guarded([&] {
    const Descriptor values({count}, kFloat, Dims{1});
    state->from = unattached(values);
    state->to = unattached(values);
    state->primitive = dnnl::eltwise_forward(describe_elementwise(algorithm_of(function), values));
    state->arguments = {{DNNL_ARG_SRC, state->from}, {DNNL_ARG_DST, state->to}};
  }));
  return Elementwise(std::move(state));
}

Status Elementwise::run(const float* x, float* y) {
  State& state = *state_;
  return guarded([&] {
    attach(state.from, x);
    attach(state.to, y);
    state.primitive.execute(state.stream, state.arguments);
    state.stream.wait();
  });
}

struct MaxPooling::State {
  dnnl::stream stream{cpu()};
  dnnl::memory source;
  dnnl::memory destination;
  dnnl::primitive primitive;
  std::unordered_map<int, dnnl::memory> arguments;
};

MaxPooling::MaxPooling(std::unique_ptr<State> state) : state_(std::move(state)) {}
MaxPooling::MaxPooling(MaxPooling&&) noexcept = default;
MaxPooling& MaxPooling::operator=(MaxPooling&&) noexcept = default;
MaxPooling::~MaxPooling() = default;

Result<MaxPooling> MaxPooling::create(const MaxPoolingShape& shape) {
  auto state = std::make_unique<State>();
  QUANT_TRY(guarded([&] {
    const Descriptor source = image(shape.batch, shape.channels, shape.input, true);
    const Descriptor destination = image(shape.batch, shape.channels, shape.output, true);
    Dims pads_end;
    for (std::size_t axis = 0; axis < shape.input.size(); ++axis) {
      const std::int64_t reach = (shape.output[axis] - 1) * shape.strides[axis] +
                                 shape.kernel[axis] - shape.pads_begin[axis];
      pads_end.push_back(std::max<std::int64_t>(0, reach - shape.input[axis]));
    }
    state->source = unattached(source);
    state->destination = unattached(destination);
    state->primitive =
        dnnl::pooling_forward(describe_pooling(shape, source, destination, pads_end));
    state->arguments = {{DNNL_ARG_SRC, state->source}, {DNNL_ARG_DST, state->destination}};
  }));
  return MaxPooling(std::move(state));
}

Status MaxPooling::run(const float* source, float* destination) {
  State& state = *state_;
  return guarded([&] {
    attach(state.source, source);
    attach(state.destination, destination);
    state.primitive.execute(state.stream, state.arguments);
    state.stream.wait();
  });
}

}  // namespace quant::onednn
