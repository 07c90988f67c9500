// SPDX-License-Identifier: MIT
#include "quant/analyze/layer_noise_full.h"

#include "quant/engine/float_executor.h"

namespace quant {
Status add_full_analysis(const NoiseSubject& subject, std::span<const std::vector<Tensor>> frames,
                         int threads, const FullProgress& progress, NoiseReport& report) {
  if (frames.empty()) return fail(ErrorCode::kInvalidArgument, "there are no frames");
  std::vector<std::vector<Tensor>> expected(frames.size());
  {
    QUANT_TRY_ASSIGN(FloatExecutor executor, FloatExecutor::create(subject.float_network, threads));
    for (std::size_t frame = 0; frame < frames.size(); ++frame)
      QUANT_TRY(executor.run(frames[frame], expected[frame]));
  }
  for (std::size_t i = 0; i < report.layers.size(); ++i) {
    LayerNoise& layer = report.layers[i];
    QUANT_TRY_ASSIGN(Graph graph, hybrid_network(subject, {layer.layer}));
    QUANT_TRY_ASSIGN(
        FloatExecutor executor,
        FloatExecutor::create(std::make_shared<const Graph>(std::move(graph)), threads));
    layer.at_outputs.assign(report.outputs.size(), {});
    for (std::size_t frame = 0; frame < frames.size(); ++frame) {
      std::vector<Tensor> outputs;
      QUANT_TRY(executor.run(frames[frame], outputs));
      for (std::size_t o = 0; o < outputs.size(); ++o) {
        // Labels, and lists that came out at another length, have no figure.
        if (const auto error = measure_error(expected[frame][o], outputs[o]))
          layer.at_outputs[o].merge(*error);
      }
    }
    if (progress)
      progress(static_cast<std::int64_t>(i + 1), static_cast<std::int64_t>(report.layers.size()));
  }
  report.full_frames = static_cast<std::int64_t>(frames.size());
  return {};
}

}  // namespace quant
