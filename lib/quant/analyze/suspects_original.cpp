// SPDX-License-Identifier: MIT
// The model as this project reads it against the model as an independent runtime reads it.
#include <fmt/format.h>

#include <cmath>

#include "quant/analyze/suspects.h"
#include "quant/metrics/snr.h"
#include "quant/metrics/snr_json.h"

namespace quant {
namespace {

// Values that are NaN or infinite on one side only.
std::int64_t one_sided(const Tensor& expected, const Tensor& actual) {
  const auto a = expected.data<float>();
  const auto b = actual.data<float>();
  std::int64_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isfinite(a[i]) != std::isfinite(b[i])) ++count;
  }
  return count;
}

// "" where the outputs agree.
std::string disagreement(const TensorInfo& output, const OutputError& error, double least_db) {
  const Snr snr = error.snr();
  switch (snr.state) {
    case SnrState::kExact:
      return "";
    case SnrState::kOk:
      if (snr.db >= least_db) return "";
      return fmt::format("{} has {:.1f} dB (largest difference {:.3g})", output.name, snr.db,
                         error.max_abs);
    case SnrState::kUndefined:
      if (snr.reason == SnrReason::kZeroSignal && error.noise > 0)
        return fmt::format("{} is zero in the original, up to {:.3g} here", output.name,
                           error.max_abs);
      return "";
  }
  return "";
}

}  // namespace

Result<Findings> check_original(Context& original, Context& native, std::span<const Frame> frames,
                                double least_db) {
  const std::vector<TensorInfo>& outputs = native.outputs();
  std::vector<OutputError> errors(outputs.size());
  std::vector<std::string> remarks;
  std::vector<bool> other_shape(outputs.size());
  std::vector<std::int64_t> lost(outputs.size());
  for (const Frame& frame : frames) {
    std::vector<Tensor> expected;
    std::vector<Tensor> actual;
    QUANT_TRY(original.run(frame, expected));
    QUANT_TRY(native.run(frame, actual));
    if (expected.size() != actual.size()) {
      return fail(ErrorCode::kInternal, fmt::format("{} outputs in the original, {} in the graph",
                                                    expected.size(), actual.size()));
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (expected[i].type() != DataType::kFloat32) continue;
      const auto error = measure_error(expected[i], actual[i]);
      if (error) {
        errors[i].merge(*error);
        lost[i] += one_sided(expected[i], actual[i]);
      } else if (!other_shape[i]) {
        other_shape[i] = true;
        remarks.push_back(fmt::format("{}: {}", outputs[i].name, error.error().message));
      }
    }
  }
  nlohmann::ordered_json evidence = {{"original", original.description()},
                                     {"frames", frames.size()},
                                     {"outputs", nlohmann::ordered_json::array()}};
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    nlohmann::ordered_json figures = {{"name", outputs[i].name}};
    figures.update(to_json(errors[i]));
    evidence["outputs"].push_back(std::move(figures));
    if (lost[i] > 0)
      remarks.push_back(fmt::format("{} values of {} are NaN or infinite on one side only", lost[i],
                                    outputs[i].name));
    std::string remark = disagreement(outputs[i], errors[i], least_db);
    if (!remark.empty()) remarks.push_back(std::move(remark));
  }
  if (remarks.empty()) return Findings{};
  return Findings{{Suspect::kOriginalDiffers, Severity::kError,
                   fmt::format("the model as read differs from what {} computes on {} frame{} "
                               "(less than {:.0f} dB): {}",
                               original.description(), frames.size(), frames.size() == 1 ? "" : "s",
                               least_db, fmt::join(remarks, "; ")),
                   std::move(evidence), ""}};
}

}  // namespace quant
