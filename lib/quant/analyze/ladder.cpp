// SPDX-License-Identifier: MIT
// Collects the error of each rung, frame by frame.
#include "quant/analyze/ladder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace quant {
namespace {

template <typename T>
std::vector<double> first_of(const Tensor& tensor) {
  const auto values = tensor.data<T>();
  const auto count = std::min(values.size(), kFirstValues);
  return {values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count)};
}

std::vector<double> first_values(const Tensor& tensor) {
  switch (tensor.type()) {
    case DataType::kFloat32:
      return first_of<float>(tensor);
    case DataType::kFloat64:
      return first_of<double>(tensor);
    case DataType::kUint8:
    case DataType::kBool:
      return first_of<std::uint8_t>(tensor);
    case DataType::kInt8:
      return first_of<std::int8_t>(tensor);
    case DataType::kUint16:
      return first_of<std::uint16_t>(tensor);
    case DataType::kInt16:
      return first_of<std::int16_t>(tensor);
    case DataType::kUint32:
      return first_of<std::uint32_t>(tensor);
    case DataType::kInt32:
      return first_of<std::int32_t>(tensor);
    case DataType::kUint64:
      return first_of<std::uint64_t>(tensor);
    case DataType::kInt64:
      return first_of<std::int64_t>(tensor);
  }
  return {};
}

// Lower is worse. Nothing where the frame has no ratio to compare.
std::optional<double> badness_order(const OutputError& error) {
  const Snr snr = error.snr();
  switch (snr.state) {
    case SnrState::kOk:
      return snr.db;
    case SnrState::kExact:
      return std::nullopt;
    case SnrState::kUndefined:
      break;
  }
  if (snr.reason == SnrReason::kNonFinite) return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

bool looks_like_class_scores(const Tensor& tensor) {
  return tensor.type() == DataType::kFloat32 && tensor.rank() == 2 && tensor.shape()[0] == 1 &&
         tensor.shape()[1] >= kMinClasses;
}

// Non-negative with sum 1 is what a softmax leaves.
ClassScores kind_of_scores(std::span<const float> reference) {
  double sum = 0;
  for (float score : reference) {
    if (score < 0) return ClassScores::kLogits;
    sum += score;
  }
  return std::fabs(sum - 1) < 1e-3 ? ClassScores::kProbabilities : ClassScores::kLogits;
}

void add_to_rung(Rung& rung, const std::string& frame, const Tensor& from, const Tensor& to) {
  const Result<OutputError> error = measure_error(from, to);
  if (!error) {
    ++rung.skipped;
    rung.skip_reason = error.error().message;
    return;
  }
  rung.error.merge(*error);
  ++rung.frames;
  const std::optional<double> order = badness_order(*error);
  if (order && (!rung.worst || *order < *badness_order(rung.worst->error)))
    rung.worst = Rung::Worst{frame, *error};
  if (looks_like_class_scores(from)) {
    if (!rung.classification) rung.classification.emplace();
    rung.classification->add(from.data<float>(), to.data<float>(),
                             static_cast<std::size_t>(from.shape()[1]),
                             kind_of_scores(from.data<float>()));
  }
}

// Pairs of context indices, as OutputLadder::rungs orders them.
std::vector<std::pair<std::size_t, std::size_t>> rung_pairs(
    const std::vector<std::string>& contexts) {
  std::vector<std::size_t> steps;  // a hybrid stands beside the ladder
  std::optional<std::size_t> hybrid;
  for (std::size_t i = 0; i < contexts.size(); ++i) {
    if (contexts[i] == "hybrid" && i > 0) {
      hybrid = i;
    } else {
      steps.push_back(i);
    }
  }
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (std::size_t i = 1; i < steps.size(); ++i) pairs.emplace_back(steps[i - 1], steps[i]);
  const auto quantized = std::find(contexts.begin(), contexts.end(), "quantized");
  const std::size_t last = quantized == contexts.end()
                               ? steps.back()
                               : static_cast<std::size_t>(quantized - contexts.begin());
  if (steps.size() > 2 && last > steps[1]) pairs.emplace_back(steps[0], last);
  if (contexts[steps.back()] == "device" && last != steps.back() && last != steps[0])
    pairs.emplace_back(steps[0], steps.back());
  if (hybrid) pairs.emplace_back(steps[0], *hybrid);
  return pairs;
}

}  // namespace

Ladder::Ladder(std::vector<std::string> contexts, std::vector<std::string> outputs) {
  report_.contexts = std::move(contexts);
  for (std::string& name : outputs) {
    OutputLadder output;
    output.name = std::move(name);
    for (const auto& [from, to] : rung_pairs(report_.contexts)) {
      Rung rung;
      rung.from = report_.contexts[from];
      rung.to = report_.contexts[to];
      output.rungs.push_back(std::move(rung));
    }
    report_.outputs.push_back(std::move(output));
  }
}

void Ladder::open_outputs(std::span<const std::vector<Tensor>> results) {
  for (std::size_t i = 0; i < report_.outputs.size(); ++i) {
    OutputLadder& output = report_.outputs[i];
    output.type = results[0][i].type();
    output.shape = results[0][i].shape();
    for (const auto& context : results) output.first_values.push_back(first_values(context[i]));
  }
}

Status Ladder::add_frame(const std::string& frame, std::span<const std::vector<Tensor>> results) {
  if (results.empty() || results.size() != report_.contexts.size())
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} contexts are compared, results of {} were given",
                            report_.contexts.size(), results.size()),
                frame);
  for (std::size_t c = 0; c < results.size(); ++c)
    if (results[c].size() != report_.outputs.size())
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("context {} gives {} outputs, the model has {}", report_.contexts[c],
                              results[c].size(), report_.outputs.size()),
                  frame);
  if (report_.frames == 0) open_outputs(results);
  const auto pairs = rung_pairs(report_.contexts);
  for (std::size_t i = 0; i < report_.outputs.size(); ++i)
    for (std::size_t r = 0; r < pairs.size(); ++r)
      add_to_rung(report_.outputs[i].rungs[r], frame, results[pairs[r].first][i],
                  results[pairs[r].second][i]);
  ++report_.frames;
  return {};
}

}  // namespace quant
