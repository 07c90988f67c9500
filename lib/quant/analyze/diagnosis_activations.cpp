// SPDX-License-Identifier: MIT
#include "quant/analyze/diagnosis_activations.h"

#include <algorithm>
#include <cmath>

namespace quant {
namespace {

void softmax(std::span<float> values) {
  const double top = static_cast<double>(*std::max_element(values.begin(), values.end()));
  double sum = 0;
  for (const float value : values) sum += std::exp(static_cast<double>(value) - top);
  for (float& value : values)
    value = static_cast<float>(std::exp(static_cast<double>(value) - top) / sum);
}

// log p is x up to one constant, which the sum of x gives.
void undo_softmax(std::span<float> values) {
  constexpr double kLeast = 1e-30;
  double sum = 0;
  for (const float value : values) sum += std::log(std::max(static_cast<double>(value), kLeast));
  const double constant = (1 - sum) / static_cast<double>(values.size());
  for (float& value : values) {
    value = static_cast<float>(std::log(std::max(static_cast<double>(value), kLeast)) + constant);
  }
}

}  // namespace

const char* to_string(OutputActivation activation) {
  switch (activation) {
    case OutputActivation::kSigmoid:
      return "sigmoid";
    case OutputActivation::kSoftmax:
      return "softmax";
    case OutputActivation::kRelu:
      return "ReLU";
    case OutputActivation::kTanh:
      return "tanh";
  }
  return "unknown";
}

void apply(OutputActivation activation, std::span<float> channels) {
  switch (activation) {
    case OutputActivation::kSigmoid:
      for (float& value : channels)
        value = static_cast<float>(1 / (1 + std::exp(-static_cast<double>(value))));
      return;
    case OutputActivation::kSoftmax:
      softmax(channels);
      return;
    case OutputActivation::kRelu:
      for (float& value : channels) value = std::max(value, 0.0F);
      return;
    case OutputActivation::kTanh:
      for (float& value : channels) value = std::tanh(value);
      return;
  }
}

void undo(OutputActivation activation, std::span<float> channels) {
  constexpr double kEdge = 1e-7;
  switch (activation) {
    case OutputActivation::kSigmoid:
      for (float& value : channels) {
        const double p = std::clamp(static_cast<double>(value), kEdge, 1 - kEdge);
        value = static_cast<float>(std::log(p / (1 - p)));
      }
      return;
    case OutputActivation::kSoftmax:
      undo_softmax(channels);
      return;
    case OutputActivation::kRelu:
      return;
    case OutputActivation::kTanh:
      for (float& value : channels) {
        value = static_cast<float>(
            std::atanh(std::clamp(static_cast<double>(value), kEdge - 1, 1 - kEdge)));
      }
      return;
  }
}

}  // namespace quant
