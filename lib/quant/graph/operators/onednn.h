// SPDX-License-Identifier: MIT
// The only door to oneDNN, whose interface differs between its versions 2 (Debian 12) and 3 (Debian
// 13). Float32 throughout; tensors are dense, channels either second (ONNX) or last.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "quant/base/result.h"

namespace quant::onednn {

// The number of threads that oneDNN uses for what the current thread makes and runs while this
// lives; one where there is no scope. Results may differ in the last bits between numbers of
// threads, never between runs with the same number.
class ThreadScope {
 public:
  explicit ThreadScope(int threads);
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_;
};

// What a primitive does to each result before it is stored.
enum class Activation { kNone, kRelu, kLeakyRelu, kClip, kSigmoid, kSilu };
struct PostOps {
  bool accumulate = false;                    // adds what the destination held before
  Activation activation = Activation::kNone;  // after that
  float alpha = 0;                            // slope of kLeakyRelu, lower bound of kClip
  float beta = 0;                             // upper bound of kClip
};

// One to three spatial axes. Sizes were checked by the caller (window.h).
struct ConvolutionShape {
  std::int64_t batch = 1;
  std::int64_t groups = 1;
  std::int64_t in_channels = 1;  // all groups together
  std::int64_t out_channels = 1;
  std::vector<std::int64_t> input;  // spatial
  std::vector<std::int64_t> kernel;
  std::vector<std::int64_t> output;
  std::vector<std::int64_t> strides;
  std::vector<std::int64_t> dilations;  // 1 = dense
  std::vector<std::int64_t> pads_begin;
  std::vector<std::int64_t> pads_end;
  bool transposed = false;
  bool bias = false;
  bool channels_last = false;  // of source and destination
};

// One thread at a time.
class Convolution {
 public:
  static Result<Convolution> create(const ConvolutionShape& shape, const PostOps& post_ops);
  Convolution(Convolution&&) noexcept;
  Convolution& operator=(Convolution&&) noexcept;
  ~Convolution();

  // Packs weights in ONNX's order: (out, in/groups, kernel…), transposed (in, out/groups, kernel…).
  Status set_weights(const float* weights);
  // After set_weights. `bias` has out_channels values (null without). Buffers do not overlap.
  Status run(const float* source, const float* bias, float* destination);

 private:
  struct State;
  explicit Convolution(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// C[i] = A[i]·B[i] for i in [0, batch), A m×k and B k×n, row-major and one after another; a
// transposed operand lies as k×m or n×k.
struct MatMulShape {
  std::int64_t batch = 1;
  std::int64_t m = 1;
  std::int64_t k = 1;
  std::int64_t n = 1;
  bool transpose_a = false;
  bool transpose_b = false;
};

// One thread at a time. No size may be 0.
class MatMul {
 public:
  static Result<MatMul> create(const MatMulShape& shape);
  MatMul(MatMul&&) noexcept;
  MatMul& operator=(MatMul&&) noexcept;
  ~MatMul();

  Status run(const float* a, const float* b, float* c);

 private:
  struct State;
  explicit MatMul(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Functions of one element, in vectors. One thread at a time.
enum class Function { kExp, kSigmoid, kSilu };
class Elementwise {
 public:
  // `count` elements, at least one.
  static Result<Elementwise> create(Function function, std::int64_t count);
  Elementwise(Elementwise&&) noexcept;
  Elementwise& operator=(Elementwise&&) noexcept;
  ~Elementwise();

  // `y` may be `x`.
  Status run(const float* x, float* y);

 private:
  struct State;
  explicit Elementwise(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// One to three spatial axes, channels last. Every window reaches into the input.
struct MaxPoolingShape {
  std::int64_t batch = 1;
  std::int64_t channels = 1;
  std::vector<std::int64_t> input;  // spatial
  std::vector<std::int64_t> kernel;
  std::vector<std::int64_t> output;
  std::vector<std::int64_t> strides;
  std::vector<std::int64_t> pads_begin;
};

// One thread at a time.
class MaxPooling {
 public:
  static Result<MaxPooling> create(const MaxPoolingShape& shape);
  MaxPooling(MaxPooling&&) noexcept;
  MaxPooling& operator=(MaxPooling&&) noexcept;
  ~MaxPooling();

  Status run(const float* source, float* destination);

 private:
  struct State;
  explicit MaxPooling(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace quant::onednn
