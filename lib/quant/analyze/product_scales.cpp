// SPDX-License-Identifier: MIT
#include "quant/analyze/product_scales.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "quant/analyze/channel_scales.h"
#include "quant/analyze/integer_weights.h"
#include "quant/optimize/equalize_products.h"
#include "quant/optimize/partition.h"
#include "quant/optimize/product_side.h"

namespace quant {
namespace {

class ProductScales {
 public:
  ProductScales(const Graph& network, const Graph& integer)
      : network_(network), integer_(integer) {}

  Result<Graph> run() const {
    std::vector<std::size_t> nodes(network_.nodes.size());
    std::iota(nodes.begin(), nodes.end(), std::size_t{0});
    QUANT_TRY_ASSIGN(nodes, equalizable_products(network_, nodes, {}));
    QUANT_TRY_ASSIGN(const std::vector<bool> host, partition(network_));
    Graph result = network_;
    for (const std::size_t node : nodes) {
      const auto a = trace_side(network_, host, {}, node, 0);
      const auto b = trace_side(network_, host, {}, node, 1);
      if (a && b) apply(*a, *b, result);
    }
    return result;
  }

 private:
  void apply(const ProductSide& a, const ProductSide& b, Graph& result) const {
    const std::vector<double> gains_a = gains_of(a);
    const std::vector<double> gains_b = gains_of(b);
    if (gains_a.empty() || gains_b.empty()) return;
    // What divides one side multiplies the other, or it would be another function: the mean of
    // both.
    const std::int32_t last = *std::max_element(a.operand.begin(), a.operand.end());
    std::vector<double> logarithm(static_cast<std::size_t>(last) + 1, 0.0);
    std::vector<double> count(logarithm.size(), 0.0);
    const auto add = [&](const ProductSide& side, const std::vector<double>& gains, double sign) {
      for (std::size_t c = 0; c < gains.size(); ++c) {
        if (side.channels[c] == kNoLabel) continue;
        const auto label = static_cast<std::size_t>(side.channels[c]);
        logarithm[label] += sign * std::log(gains[c]);
        count[label] += 1;
      }
    };
    add(a, gains_a, -1);
    add(b, gains_b, 1);
    const auto factors = [&](const ProductSide& side, double sign) {
      std::vector<double> by_channel(side.channels.size(), 1.0);
      for (std::size_t c = 0; c < by_channel.size(); ++c) {
        if (side.channels[c] == kNoLabel) continue;
        const auto label = static_cast<std::size_t>(side.channels[c]);
        by_channel[c] = std::exp(sign * logarithm[label] / count[label]);
      }
      return by_channel;
    };
    const bool scaled =
        std::any_of(logarithm.begin(), logarithm.end(), [](double value) { return value != 0; });
    if (!scaled) return;
    scale_maker(result, a, factors(a, -1));
    scale_maker(result, b, factors(b, 1));
  }

  // Of the output channels of what makes a side; empty where the integers have no such layer.
  std::vector<double> gains_of(const ProductSide& side) const {
    const auto made = integer_.find_value(network_.value(side.roundings.back().value).name);
    if (!made) return {};
    const auto layer = std::find_if(integer_.nodes.begin(), integer_.nodes.end(),
                                    [&](const Node& node) { return node.outputs[0] == *made; });
    if (layer == integer_.nodes.end() || !IntegerWeights::has(integer_, *layer)) return {};
    const Node& maker = network_.nodes[side.maker];
    const IntegerWeights stored(integer_, *layer);
    const Tensor& weights = *network_.value(maker.inputs[1]).constant;
    const std::size_t outputs = stored.outputs();
    if (stored.elements() != static_cast<std::size_t>(weights.elements()) ||
        outputs != side.channels.size())
      return {};
    const bool by_rows = maker.op == OpKind::kConv ||
                         (maker.op == OpKind::kGemm && maker.attributes.integer("transB", 0) != 0);
    const double alpha = maker.op == OpKind::kGemm ? maker.attributes.number("alpha", 1.0F) : 1.0;
    const auto source = weights.data<float>();
    const std::size_t each = stored.elements() / outputs;
    std::vector<double> gains(outputs);
    std::vector<double> real(each);
    std::vector<double> reference(each);
    std::vector<double> steps(each);
    for (std::size_t o = 0; o < outputs; ++o) {
      for (std::size_t i = 0; i < each; ++i) {
        const std::size_t at = o * each + i;
        real[i] = stored.level(at) * stored.step(o);
        steps[i] = stored.step_of(at);
        reference[i] = alpha * source[by_rows ? at : i * outputs + o] * stored.input_scale(at);
      }
      gains[o] = weight_scale(real, reference, steps, stored.largest() * stored.step(o)).scale;
    }
    return gains;
  }

  const Graph& network_;
  const Graph& integer_;
};

}  // namespace

Result<Graph> with_product_scales(const Graph& network, const Graph& integer) {
  return ProductScales(network, integer).run();
}

}  // namespace quant
