// SPDX-License-Identifier: MIT
#include "quant/optimize/output_noise.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "quant/engine/float_executor.h"
#include "quant/kernels/relayout/dequantize_tensor.h"
#include "quant/optimize/spread_set.h"

namespace quant {
namespace {

NoiseEnergies compare(const Tensor& expected, const Tensor& found) {
  NoiseEnergies energies;
  const auto a = expected.data<float>();
  const auto b = found.data<float>();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double difference = static_cast<double>(a[i]) - b[i];
    energies.signal += static_cast<double>(a[i]) * a[i];
    energies.noise += difference * difference;
  }
  return energies;
}

}  // namespace

Result<OutputNoise> OutputNoise::create(std::shared_ptr<const Graph> float_graph,
                                        CalibrationSet& set, std::int64_t most_frames,
                                        int threads) {
  OutputNoise judge;
  std::vector<std::vector<Tensor>> frames;
  QUANT_TRY_ASSIGN(FloatExecutor executor, FloatExecutor::create(std::move(float_graph), threads));
  SpreadSet spread(set, most_frames);
  QUANT_TRY(spread.rewind());
  for (;;) {
    QUANT_TRY_ASSIGN(auto inputs, spread.next());
    if (!inputs) break;
    std::vector<Tensor> outputs;
    QUANT_TRY(executor.run(*inputs, outputs));
    judge.expected_.push_back(std::move(outputs));
    frames.push_back(std::move(*inputs));
  }
  if (frames.empty()) return fail(ErrorCode::kInvalidArgument, "the calibration set is empty");
  judge.runs_ = std::make_unique<VariantRuns>(std::move(frames), threads);
  return judge;
}

Result<std::vector<std::vector<NoiseEnergies>>> OutputNoise::energies(const QuantizedModel& model,
                                                                      std::size_t stride) {
  const auto host_graph = std::make_shared<const Graph>(model.host);
  std::vector<FloatExecutor> hosts;  // by lane
  while (hosts.size() < runs_->lanes()) {
    QUANT_TRY_ASSIGN(FloatExecutor host, FloatExecutor::create(host_graph, 1));
    hosts.push_back(std::move(host));
  }
  std::vector<std::vector<NoiseEnergies>> result((frames() + stride - 1) / stride);
  const auto judge = [&](std::size_t frame, std::size_t lane,
                         std::span<const Tensor> raw) -> Status {
    std::vector<Tensor> real;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      const QuantParams& params = *model.integer.value(model.integer.outputs[i]).quant;
      QUANT_TRY_ASSIGN(Tensor values, dequantize_tensor(raw[i], params));
      real.push_back(std::move(values));
    }
    std::vector<Tensor> outputs;
    QUANT_TRY(hosts[lane].run(real, outputs));
    std::vector<NoiseEnergies>& energies = result[frame / stride];
    energies.resize(outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i].type() == DataType::kFloat32)
        energies[i] = compare(expected_[frame][i], outputs[i]);
    }
    return {};
  };
  QUANT_TRY(runs_->run(model.integer, model.input, stride, judge));
  return result;
}

Result<std::vector<std::optional<double>>> OutputNoise::ratios(const QuantizedModel& model,
                                                               std::size_t stride) {
  QUANT_TRY_ASSIGN(const auto by_frame, energies(model, stride));
  std::vector<std::optional<double>> result;
  for (std::size_t output = 0; output < by_frame.front().size(); ++output) {
    NoiseEnergies pooled;
    for (const std::vector<NoiseEnergies>& frame : by_frame) {
      pooled.signal += frame[output].signal;
      pooled.noise += frame[output].noise;
    }
    result.push_back(pooled.signal > 0 ? std::optional(pooled.noise / pooled.signal)
                                       : std::nullopt);
  }
  return result;
}

Result<double> OutputNoise::measure(const QuantizedModel& model) {
  QUANT_TRY_ASSIGN(const auto outputs, ratios(model));
  double sum = 0;
  int counted = 0;
  for (const auto& ratio : outputs) {
    if (!ratio) continue;
    constexpr double kExact = 1e-15;  // the noise of an exact output: 150 dB below the signal
    sum += 10 * std::log10(std::max(*ratio, kExact));
    ++counted;
  }
  return counted == 0 ? 0.0 : sum / counted;
}

}  // namespace quant
