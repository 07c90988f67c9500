// SPDX-License-Identifier: MIT
// Products of matrices through oneDNN.
#include <unordered_map>

#include "quant/graph/operators/onednn.h"
#include "quant/graph/operators/onednn_engine.h"

namespace quant::onednn {
namespace {

dnnl::matmul::primitive_desc describe_matmul(const Descriptor& a, const Descriptor& b,
                                             const Descriptor& c) {
#if DNNL_VERSION_MAJOR >= 3
  return {cpu(), a, b, c};
#else
  return {{a, b, c}, cpu()};
#endif
}

}  // namespace

struct MatMul::State {
  dnnl::stream stream{cpu()};
  dnnl::memory a;
  dnnl::memory b;
  dnnl::memory c;
  dnnl::matmul primitive;
  std::unordered_map<int, dnnl::memory> arguments;
};

MatMul::MatMul(std::unique_ptr<State> state) : state_(std::move(state)) {}
MatMul::MatMul(MatMul&&) noexcept = default;
MatMul& MatMul::operator=(MatMul&&) noexcept = default;
MatMul::~MatMul() = default;

Result<MatMul> MatMul::create(const MatMulShape& shape) {
  auto state = std::make_unique<State>();
  QUANT_TRY(guarded([&] {
    const auto operand = [&](std::int64_t rows, std::int64_t columns, bool transposed) {
      const Dims dims{shape.batch, rows, columns};
      const Dims strides =
          transposed ? Dims{rows * columns, 1, rows} : Dims{rows * columns, columns, 1};
      return Descriptor(dims, kFloat, strides);
    };
    state->a = unattached(operand(shape.m, shape.k, shape.transpose_a));
    state->b = unattached(operand(shape.k, shape.n, shape.transpose_b));
    state->c = unattached(operand(shape.m, shape.n, false));
    state->primitive = dnnl::matmul(
        describe_matmul(state->a.get_desc(), state->b.get_desc(), state->c.get_desc()));
    state->arguments = {
        {DNNL_ARG_SRC, state->a}, {DNNL_ARG_WEIGHTS, state->b}, {DNNL_ARG_DST, state->c}};
  }));
  return MatMul(std::move(state));
}

Status MatMul::run(const float* a, const float* b, float* c) {
  State& state = *state_;
  return guarded([&] {
    attach(state.a, a);
    attach(state.b, b);
    attach(state.c, c);
    state.primitive.execute(state.stream, state.arguments);
    state.stream.wait();
  });
}

}  // namespace quant::onednn
