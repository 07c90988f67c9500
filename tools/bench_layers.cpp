// SPDX-License-Identifier: MIT
#include "bench_layers.h"

#include <fmt/format.h>

#include <algorithm>

#include "quant/engine/integer_executor.h"
#include "quant/metrics/timing.h"
#include "quant/optimize/integer_inputs.h"

namespace quant::tool {

using Json = nlohmann::ordered_json;

Result<Json> time_layers(const Model& model, const Frame& frame, int frames, int threads) {
  QUANT_TRY_ASSIGN(const auto plan, model.plan());
  IntegerExecutor executor(plan, threads);
  std::vector<Tensor> inputs;
  if (frame.pixels) {
    inputs.push_back(*frame.pixels);
  } else {
    inputs = integer_inputs(model.integer_graph(), model.input(), frame.features);
  }
  std::vector<Tensor> outputs = executor.make_outputs();
  const std::size_t steps = plan->steps().size();
  std::vector<std::vector<double>> times(steps);  // milliseconds
  std::vector<double> step_us(steps);
  QUANT_TRY(executor.run(inputs, outputs));
  for (int i = 0; i < frames; ++i) {
    QUANT_TRY(executor.run_timed(inputs, outputs, step_us));
    for (std::size_t step = 0; step < steps; ++step) times[step].push_back(step_us[step] / 1000);
  }
  Json layers = Json::array();
  for (std::size_t step = 0; step < steps; ++step) {
    layers.push_back({{"name", plan->steps()[step].layer},
                      {"kernel", plan->steps()[step].kernel},
                      {"median_us", 1000 * summarize_timings(times[step]).median_ms}});
  }
  return layers;
}

std::string layers_text(const Json& layers) {
  double total = 0;
  std::vector<const Json*> sorted;
  for (const Json& layer : layers) {
    total += layer["median_us"].get<double>();
    sorted.push_back(&layer);
  }
  std::stable_sort(sorted.begin(), sorted.end(), [](const Json* a, const Json* b) {
    return (*a)["median_us"].get<double>() > (*b)["median_us"].get<double>();
  });
  std::string text = fmt::format("{:>10} {:>7}  {:<24} {}\n", "µs", "share", "kernel", "layer");
  for (const Json* layer : sorted) {
    const double us = (*layer)["median_us"].get<double>();
    text += fmt::format("{:>9.1f} {:>6.1f}%  {:<24} {}\n", us, 100 * us / total,
                        (*layer)["kernel"].get<std::string>(), (*layer)["name"].get<std::string>());
  }
  return text + fmt::format("{:>9.1f} in all\n", total);
}

}  // namespace quant::tool
