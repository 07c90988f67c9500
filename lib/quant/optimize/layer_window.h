// SPDX-License-Identifier: MIT
// What a layer with weights is multiplied with at one place of its output.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quant/graph/graph.h"
#include "quant/tensor/tensor.h"

namespace quant {

// Of a convolution or a product (Conv, Gemm) of an integer graph. Holds no tensor.
class LayerWindow {
 public:
  LayerWindow(const Graph& integer, const Node& node);

  std::int64_t places() const { return places_; }
  std::int64_t groups() const { return groups_; }
  // Whether both read the same of one input.
  bool operator==(const LayerWindow&) const = default;

  // Both give, in the order of the layer's weights, what `group` is multiplied with at `place`
  // (0 … places()−1) of its output; padding is 0. `to` has as many elements as an output channel
  // has weights. Feature maps are (1, C, H, W).
  // Integers less their zero points.
  void read_integers(const Tensor& input, std::int64_t place, std::int64_t group,
                     std::span<float> to) const;
  // Real values, in units of the input's scale. Precondition: it has one.
  void read_reals(const Tensor& input, std::int64_t place, std::int64_t group,
                  std::span<float> to) const;

 private:
  template <typename Element, typename Convert>
  void read(std::span<const Element> input, std::int64_t place, std::int64_t group,
            std::span<float> to, Convert convert) const;

  bool is_product_;
  std::vector<float> zero_points_;
  float scale_ = 1;
  std::int64_t places_ = 0;
  std::int64_t groups_ = 1;
  Shape input_;
  std::int64_t columns_ = 0;
  std::vector<std::int64_t> kernel_;
  std::vector<std::int64_t> strides_;
  std::vector<std::int64_t> dilations_;
  std::vector<std::int64_t> pads_;
};

}  // namespace quant
