// SPDX-License-Identifier: MIT
#include "pipelines/streams.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <thread>

#include "pipelines/side_by_side.h"

namespace quant::bench {
namespace {

using Pipelines = std::vector<std::unique_ptr<PushPipeline>>;

// Milliseconds from the first frame of the first to the last of the last.
Result<double> time_block(const Pipelines& pipelines, std::size_t streams, int frames) {
  std::vector<Status> results(streams);
  std::vector<std::thread> threads;
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < streams; ++i) {
    threads.emplace_back([&, i] {
      for (int frame = 0; frame < frames && results[i]; ++frame) results[i] = pipelines[i]->push();
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double, std::milli> elapsed =
      std::chrono::steady_clock::now() - start;
  for (const Status& result : results) QUANT_TRY(result);
  return elapsed.count();
}

}  // namespace

Result<std::vector<StreamThroughput>> measure_streams(const std::shared_ptr<const Model>& model,
                                                      const std::vector<int>& numbers, int frames,
                                                      int rounds) {
  Pipelines pipelines;
  const int most = *std::max_element(numbers.begin(), numbers.end());
  for (int i = 0; i < most; ++i) {
    QUANT_TRY_ASSIGN(auto pipeline,
                     PushPipeline::make(elements_for(*model, 1), network_format(*model)));
    QUANT_TRY(pipeline->push());
    pipelines.push_back(std::move(pipeline));
  }
  std::vector<std::vector<double>> times(numbers.size());
  for (int round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      QUANT_TRY_ASSIGN(const double elapsed,
                       time_block(pipelines, static_cast<std::size_t>(numbers[i]), frames));
      times[i].push_back(elapsed);
    }
  std::vector<StreamThroughput> result;
  for (std::size_t i = 0; i < numbers.size(); ++i)
    result.push_back(
        {numbers[i], 1000.0 * frames * numbers[i] / summarize_timings(times[i]).median_ms});
  return result;
}

}  // namespace quant::bench
