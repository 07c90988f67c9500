// SPDX-License-Identifier: MIT
#include "quant/optimize/layer_window.h"

#include <cmath>

#include "quant/tensor/visit_activation.h"

namespace quant {

LayerWindow::LayerWindow(const Graph& integer, const Node& node)
    : is_product_(node.op == OpKind::kGemm), groups_(node.attributes.integer("group", 1)) {
  const Value& input = integer.value(node.inputs[0]);
  for (const float zero_point : input.quant->zero_point)
    zero_points_.push_back(std::nearbyint(zero_point));
  scale_ = input.quant->scale[0];
  input_ = input.shape;
  const Shape& output = integer.value(node.outputs[0]).shape;
  if (is_product_) {
    places_ = element_count(output) / output.back();
    return;
  }
  const Shape& weights = integer.value(node.inputs[1]).shape;
  columns_ = output[3];
  places_ = output[2] * output[3];
  kernel_ = {weights[2], weights[3]};
  strides_ = node.attributes.integers("strides", {1, 1});
  dilations_ = node.attributes.integers("dilations", {1, 1});
  pads_ = node.attributes.integers("pads", {0, 0, 0, 0});
}

void LayerWindow::read_integers(const Tensor& input, std::int64_t place, std::int64_t group,
                                std::span<float> to) const {
  visit_activation(input, [&](auto values) {
    read(values, place, group, to, [this](auto value, std::int64_t channel) {
      const bool shared = zero_points_.size() == 1;
      return static_cast<float>(value) -
             zero_points_[shared ? 0 : static_cast<std::size_t>(channel)];
    });
  });
}

void LayerWindow::read_reals(const Tensor& input, std::int64_t place, std::int64_t group,
                             std::span<float> to) const {
  read(input.data<float>(), place, group, to,
       [this](float value, std::int64_t) { return value / scale_; });
}

template <typename Element, typename Convert>
void LayerWindow::read(std::span<const Element> input, std::int64_t place, std::int64_t group,
                       std::span<float> to, Convert convert) const {
  if (is_product_) {
    const auto row = input.subspan(static_cast<std::size_t>(place) * to.size(), to.size());
    for (std::size_t k = 0; k < to.size(); ++k) to[k] = convert(row[k], 0);
    return;
  }
  const std::int64_t group_inputs = input_[1] / groups_;
  const std::int64_t top = place / columns_ * strides_[0] - pads_[0];
  const std::int64_t left = place % columns_ * strides_[1] - pads_[1];
  auto next = to.begin();
  for (std::int64_t c = group * group_inputs; c < (group + 1) * group_inputs; ++c) {
    for (std::int64_t i = 0; i < kernel_[0]; ++i) {
      const std::int64_t y = top + i * dilations_[0];
      for (std::int64_t j = 0; j < kernel_[1]; ++j) {
        const std::int64_t x = left + j * dilations_[1];
        const bool inside = y >= 0 && y < input_[2] && x >= 0 && x < input_[3];
        *next++ =
            inside
                ? convert(input[static_cast<std::size_t>((c * input_[2] + y) * input_[3] + x)], c)
                : 0.0F;
      }
    }
  }
}

}  // namespace quant
