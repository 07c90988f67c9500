// SPDX-License-Identifier: MIT
#include "quant/optimize/equalize_products.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

#include "quant/optimize/integer_form.h"
#include "quant/optimize/partition.h"
#include "quant/optimize/product_side.h"
#include "quant/optimize/tapped_frames.h"

namespace quant {
namespace {

constexpr double kLevels = 255;

// The extremes of the elements of one label; zero inside.
struct Extent {
  double low = 0;
  double high = 0;
  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

// A rounded tensor that one side is made of, or both.
struct Rounded {
  ValueId value = kNoValue;
  ElementLabels labels[2];  // of each side; empty where the tensor is none of its
  double factor[2] = {0, 0};
  std::vector<Extent> extents[2];  // by label
  Extent rest;                     // of elements that belong to neither side
  bool shared = false;             // whether there are any

  // Its range when side 0 is divided by `scale` and side 1 multiplied.
  double width(std::span<const double> scale) const {
    Extent all = rest;
    for (std::size_t label = 0; label < extents[0].size(); ++label) {
      all.add(extents[0][label].low / scale[label]);
      all.add(extents[0][label].high / scale[label]);
    }
    for (std::size_t label = 0; label < extents[1].size(); ++label) {
      all.add(extents[1][label].low * scale[label]);
      all.add(extents[1][label].high * scale[label]);
    }
    return all.high - all.low;
  }
};

struct Product {
  std::size_t node = 0;
  ProductSide sides[2];
  std::size_t labels = 0;
  std::vector<Rounded> rounded;
  std::vector<double> energy[2];  // mean square of each label's elements
  std::vector<double> count[2];
};

bool contains(const std::vector<std::int32_t>& labels, std::size_t at) {
  return labels[at] != kNoLabel;
}

// One layer may make both sides, each with channels of its own.
bool share_channels(const ProductSide& a, const ProductSide& b) {
  if (a.maker != b.maker) return false;
  for (std::size_t c = 0; c < a.channels.size(); ++c) {
    if (contains(a.channels, c) && contains(b.channels, c)) return true;
  }
  return false;
}

std::optional<Product> find_product(const Graph& graph, const std::vector<bool>& host,
                                    const std::vector<ValueId>& untouched, std::size_t index) {
  const Node& node = graph.nodes[index];
  if (host[index] || node.op != OpKind::kMatMul || activation_inputs(graph, node).size() != 2)
    return std::nullopt;
  const Shape& a = graph.value(node.inputs[0]).shape;
  const Shape& b = graph.value(node.inputs[1]).shape;
  if (a.size() < 2 || a.size() != b.size() || !std::equal(a.begin(), a.end() - 2, b.begin()) ||
      element_count(a) < 1 || element_count(b) < 1)
    return std::nullopt;
  Product product;
  product.node = index;
  for (std::size_t side = 0; side < 2; ++side) {
    auto traced = trace_side(graph, host, untouched, index, side);
    if (!traced) return std::nullopt;
    product.sides[side] = std::move(*traced);
  }
  if (share_channels(product.sides[0], product.sides[1])) return std::nullopt;
  product.labels = static_cast<std::size_t>(element_count(a) / a[a.size() - 2]);
  for (std::size_t side = 0; side < 2; ++side) {
    product.energy[side].assign(product.labels, 0.0);
    product.count[side].assign(product.labels, 0.0);
    for (const ProductSide::Rounding& rounding : product.sides[side].roundings) {
      auto known = std::find_if(product.rounded.begin(), product.rounded.end(),
                                [&](const Rounded& r) { return r.value == rounding.value; });
      if (known == product.rounded.end()) {
        product.rounded.emplace_back();
        known = product.rounded.end() - 1;
        known->value = rounding.value;
      }
      known->labels[side] = rounding.labels;
      known->factor[side] = rounding.factor;
      known->extents[side].resize(product.labels);
    }
  }
  return product;
}

Result<std::vector<Product>> find_products(const Graph& graph,
                                           const std::vector<std::size_t>& nodes,
                                           const std::vector<ValueId>& untouched) {
  std::vector<Product> products;
  if (nodes.empty()) return products;
  QUANT_TRY_ASSIGN(const std::vector<bool> host, partition(graph));
  for (const std::size_t node : nodes) {
    if (auto product = find_product(graph, host, untouched, node))
      products.push_back(std::move(*product));
  }
  return products;
}

void observe(std::span<const float> values, Rounded& rounded) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    bool belongs = false;
    for (std::size_t side = 0; side < 2; ++side) {
      if (rounded.labels[side].empty() || !contains(rounded.labels[side], i)) continue;
      rounded.extents[side][static_cast<std::size_t>(rounded.labels[side][i])].add(values[i]);
      belongs = true;
    }
    if (belongs) continue;
    rounded.rest.add(values[i]);
    rounded.shared = true;
  }
}

void observe(std::span<const float> values, std::size_t side, Product& product) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto label = static_cast<std::size_t>(product.sides[side].operand[i]);
    product.energy[side][label] += static_cast<double>(values[i]) * values[i];
    product.count[side][label] += 1;
  }
}

Status measure(const Graph& graph, CalibrationSet& set, int threads, std::vector<Product>& products,
               const StepProgress& progress) {
  std::vector<ValueId> taps;
  for (const Product& product : products) {
    for (const Rounded& rounded : product.rounded) taps.push_back(rounded.value);
    for (const ValueId id : graph.nodes[product.node].inputs) taps.push_back(id);
  }
  const auto observe_all = [&](std::span<const Tensor> tapped) {
    auto tap = tapped.begin();
    for (Product& product : products) {
      for (Rounded& rounded : product.rounded) observe((tap++)->data<float>(), rounded);
      for (std::size_t side = 0; side < 2; ++side) observe((tap++)->data<float>(), side, product);
    }
  };
  QUANT_TRY(visit_tapped_frames(graph, set, taps, threads, progress, observe_all));
  for (Product& product : products) {
    for (std::size_t side = 0; side < 2; ++side) {
      for (std::size_t label = 0; label < product.labels; ++label)
        product.energy[side][label] /= std::max(product.count[side][label], 1.0);
    }
  }
  return {};
}

// Expected energy of noise in the product, up to what no scale changes; infinite where a tensor
// would grow that others share.
double noise(const Product& product, std::span<const double> scale,
             std::span<const double> widths) {
  constexpr double kSame = 1 + 1e-9;
  double through[2] = {0, 0};
  for (std::size_t label = 0; label < product.labels; ++label) {
    const double square = scale[label] * scale[label];
    through[0] += product.energy[1][label] * square;
    through[1] += product.energy[0][label] / square;
  }
  double total = 0;
  for (std::size_t i = 0; i < product.rounded.size(); ++i) {
    const Rounded& rounded = product.rounded[i];
    const double width = rounded.width(scale);
    if (rounded.shared && width > widths[i] * kSame) return std::numeric_limits<double>::infinity();
    const double step = width / kLevels;
    for (std::size_t side = 0; side < 2; ++side)
      total += std::pow(step * rounded.factor[side], 2) / 12 * through[side];
  }
  return total;
}

// The largest magnitude of each label in what the side's maker puts out.
std::vector<double> peaks(const Product& product, std::size_t side) {
  const ValueId made = product.sides[side].roundings.back().value;
  const auto rounded = std::find_if(product.rounded.begin(), product.rounded.end(),
                                    [&](const Rounded& r) { return r.value == made; });
  std::vector<double> result;
  for (const Extent& extent : rounded->extents[side])
    result.push_back(std::max(-extent.low, extent.high));
  return result;
}

// scale[l] = a's peak^e / b's peak^(1−e) over e from 0 to 1, and the identity; the one of least
// noise. Empty where the identity is best.
std::vector<double> best_scale(const Product& product) {
  constexpr int kSteps = 20;
  constexpr double kLargest = 64;      // a channel that hardly speaks is not blown up without end
  constexpr double kLeastGain = 0.99;  // less is not worth touching weights
  const std::vector<double> a = peaks(product, 0);
  const std::vector<double> b = peaks(product, 1);
  const double largest_a = *std::max_element(a.begin(), a.end());
  const double largest_b = *std::max_element(b.begin(), b.end());
  if (largest_a <= 0 || largest_b <= 0) return {};
  const std::vector<double> identity(product.labels, 1.0);
  std::vector<double> widths;
  for (const Rounded& rounded : product.rounded) widths.push_back(rounded.width(identity));
  double least = noise(product, identity, widths) * kLeastGain;
  std::vector<double> best;
  std::vector<double> scale(product.labels);
  for (int step = 0; step <= kSteps; ++step) {
    const double e = static_cast<double>(step) / kSteps;
    double peak_a = 0;
    double peak_b = 0;
    for (std::size_t l = 0; l < product.labels; ++l) {
      scale[l] = std::pow(std::max(a[l] / largest_a, 1 / kLargest), e) /
                 std::pow(std::max(b[l] / largest_b, 1 / kLargest), 1 - e);
      peak_a = std::max(peak_a, a[l] / scale[l]);
      peak_b = std::max(peak_b, b[l] * scale[l]);
    }
    // Where both sides lie in one tensor neither shall be larger than the other.
    const double common = std::sqrt(peak_a / peak_b);
    for (double& one : scale) one *= common;
    const double estimate = noise(product, scale, widths);
    if (estimate < least) {
      least = estimate;
      best = scale;
    }
  }
  return best;
}

void apply(Graph& graph, const Product& product, const std::vector<double>& scale) {
  for (std::size_t side = 0; side < 2; ++side) {
    std::vector<double> factor;
    for (const std::int32_t label : product.sides[side].channels) {
      const double own = label == kNoLabel ? 1.0 : scale[static_cast<std::size_t>(label)];
      factor.push_back(side == 0 ? 1 / own : own);
    }
    scale_maker(graph, product.sides[side], factor);
  }
}

}  // namespace

Result<std::vector<std::size_t>> equalizable_products(const Graph& graph,
                                                      const std::vector<std::size_t>& nodes,
                                                      const std::vector<ValueId>& untouched) {
  QUANT_TRY_ASSIGN(const std::vector<Product> products, find_products(graph, nodes, untouched));
  std::vector<std::size_t> found;
  found.reserve(products.size());
  for (const Product& product : products) found.push_back(product.node);
  return found;
}

Result<Graph> equalize_products(const Graph& graph, CalibrationSet& set,
                                const std::vector<std::size_t>& nodes,
                                const std::vector<ValueId>& untouched, int threads,
                                const StepProgress& progress) {
  QUANT_TRY_ASSIGN(std::vector<Product> products, find_products(graph, nodes, untouched));
  Graph result = graph;
  if (products.empty()) return result;
  QUANT_TRY(measure(graph, set, threads, products, progress));
  for (const Product& product : products) {
    const std::vector<double> scale = best_scale(product);
    if (!scale.empty()) apply(result, product, scale);
  }
  return result;
}

}  // namespace quant
