// SPDX-License-Identifier: MIT
// What the elements cost beside the engine that runs in them, and how pipelines grow (METHOD.md).
// It measures; it never passes or fails.
#include <fmt/format.h>
#include <gst/gst.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "pipelines/live_measurement.h"
#include "pipelines/side_by_side.h"
#include "pipelines/streams.h"
#include "quantdequantize/quantdequantize.h"
#include "quantinfer/quantinfer.h"
#include "quantnormalize/quantnormalize.h"
#include "quanttee/quanttee.h"
#include "write_json.h"

namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;
using namespace quant::bench;
using quant::Standing;

struct Options {
  fs::path archives;
  std::vector<std::string> models;
  int threads = 2;
  quant::RaceOptions race = {.rounds = 100, .warm_up = 5};
  int stream_frames = 30;
  int stream_rounds = 5;
  LiveOptions live;
  fs::path json;
};

void print_race(const std::string& model, const std::vector<Standing>& standings) {
  for (const Standing& standing : standings) {
    if (standing.timing.count == 0) {
      fmt::print("{:<16} {:<16} absent: {}\n", model, standing.name, standing.absent_because);
      continue;
    }
    const auto& timing = standing.timing;
    fmt::print("{:<16} {:<16} {:>9.1f} {:>9.3f} {:>9.3f} {:>9.3f} {:>11.4f}\n", model,
               standing.name, timing.fps(), timing.median_ms, timing.p95_ms, timing.p99_ms,
               ratio(standings, standing.name, "engine"));
  }
}

double total_ms(const std::vector<ElementTime>& elements) {
  double total = 0;
  for (const ElementTime& time : elements) total += time.cpu_ms;
  return total;
}

void print_elements(const std::string& model, const std::vector<ElementTime>& elements) {
  fmt::print("{:<16} share of processor time:", model);
  for (const ElementTime& time : elements)
    fmt::print(" {} {:.2f} %,", time.element, 100 * time.cpu_ms / total_ms(elements));
  fmt::print("\n");
}

void print_streams(const std::string& model, const std::vector<StreamThroughput>& streams) {
  fmt::print("{:<16} streams:", model);
  for (const StreamThroughput& entry : streams)
    fmt::print(" {} give {:.1f} fps ({:.2f} of one),", entry.streams, entry.frames_per_second,
               entry.frames_per_second / streams.front().frames_per_second);
  fmt::print("\n");
}

void print_lateness(const char* which, const Lateness& lateness) {
  fmt::print(
      "    {} quanttee: delay in frame times median {:.2f}, p99 {:.2f}, worst {:.2f}; "
      "{} of {} frames late\n",
      which, lateness.median, lateness.p99, lateness.worst, lateness.late, lateness.frames);
}

void print_live(const std::string& model, const char* where, const LiveFigures& live, int load) {
  fmt::print(
      "{:<16} live, {}: quanttee max-load={} costs {:.1f} % of the throughput; "
      "{} frames measured; paced at {:.1f} ms\n",
      model, where, load, 100 * live.throughput_loss, live.measured, live.frame_time_ms);
  print_lateness("without", live.without_tee);
  print_lateness("with   ", live.with_tee);
}

Json to_json(const std::vector<Standing>& standings) {
  Json list = Json::array();
  for (const Standing& standing : standings) {
    Json entry{{"name", standing.name}};
    if (standing.timing.count == 0) {
      entry["absent"] = standing.absent_because;
    } else {
      entry["fps"] = standing.timing.fps();
      entry["median_ms"] = standing.timing.median_ms;
      entry["p95_ms"] = standing.timing.p95_ms;
      entry["p99_ms"] = standing.timing.p99_ms;
      entry["per_engine"] = ratio(standings, standing.name, "engine");
    }
    list.push_back(std::move(entry));
  }
  return list;
}

Json to_json(const std::vector<ElementTime>& elements) {
  Json shares;
  for (const ElementTime& time : elements) shares[time.element] = time.cpu_ms / total_ms(elements);
  return shares;
}

Json to_json(const std::vector<StreamThroughput>& streams) {
  Json list = Json::array();
  for (const StreamThroughput& entry : streams)
    list.push_back({{"streams", entry.streams},
                    {"fps", entry.frames_per_second},
                    {"of_one", entry.frames_per_second / streams.front().frames_per_second}});
  return list;
}

Json to_json(const Lateness& lateness) {
  return {{"frames", lateness.frames},
          {"median", lateness.median},
          {"p99", lateness.p99},
          {"worst", lateness.worst},
          {"late", lateness.late}};
}

Json to_json(const LiveFigures& live) {
  return {{"throughput_loss", live.throughput_loss},
          {"frame_time_ms", live.frame_time_ms},
          {"measured", live.measured},
          {"without_tee", to_json(live.without_tee)},
          {"with_tee", to_json(live.with_tee)}};
}

// 1, then doubled, up to twice the cores.
std::vector<int> stream_numbers() {
  std::vector<int> numbers{1};
  const int most = 2 * static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  while (numbers.back() < most) numbers.push_back(2 * numbers.back());
  return numbers;
}

quant::Status measure_model(const Options& options, const std::string& name, Json& results) {
  QUANT_TRY_ASSIGN(const auto model,
                   quant::Model::open((options.archives / (name + ".qar")).string()));
  QUANT_TRY_ASSIGN(const SideBySide side,
                   measure_side_by_side(model, options.threads, options.race));
  print_race(name, side.standings);
  print_elements(name, side.elements);
  QUANT_TRY_ASSIGN(
      const auto streams,
      measure_streams(model, stream_numbers(), options.stream_frames, options.stream_rounds));
  print_streams(name, streams);
  Json entry{{"model", name},
             {"race", to_json(side.standings)},
             {"element_shares", to_json(side.elements)},
             {"streams", to_json(streams)}};
  for (const bool one_core : {false, true}) {
    if (options.live.rounds == 0) break;
    LiveOptions live = options.live;
    live.one_core = one_core;
    QUANT_TRY_ASSIGN(const LiveFigures figures, measure_live(model, live));
    const char* where = one_core ? "one core" : "all cores";
    print_live(name, where, figures, live.max_load_percent);
    entry["live"][where] = to_json(figures);
  }
  results.push_back(std::move(entry));
  return {};
}

int run(const Options& options) {
  fmt::print(
      "{} rounds, one thread, {} cores; ratios are of medians in this run\n{:<16} {:<16} "
      "{:>9} {:>9} {:>9} {:>9} {:>11}\n",
      options.race.rounds, std::thread::hardware_concurrency(), "model", "what", "fps", "p50 ms",
      "p95 ms", "p99 ms", "/ engine");
  Json results = Json::array();
  int failures = 0;
  for (const std::string& name : options.models) {
    if (const quant::Status status = measure_model(options, name, results); !status) {
      fmt::print(stderr, "pipelines_bench: {}: {}\n", name, status.error().text());
      ++failures;
    }
  }
  const Json figures{{"rounds", options.race.rounds},
                     {"cores", std::thread::hardware_concurrency()},
                     {"results", results}};
  if (!write_json(options.json, figures)) {
    fmt::print(stderr, "pipelines_bench: {}: cannot be written\n", options.json.string());
    ++failures;
  }
  return failures == 0 ? 0 : 1;
}

std::vector<std::string> models_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".qar") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

int main(int argc, char** argv) {
  gst_init(nullptr, nullptr);
  GST_ELEMENT_REGISTER(quantnormalize, nullptr);
  GST_ELEMENT_REGISTER(quantinfer, nullptr);
  GST_ELEMENT_REGISTER(quantdequantize, nullptr);
  GST_ELEMENT_REGISTER(quanttee, nullptr);
  Options options;
  CLI::App app("Times pipelines beside the engine that runs in them");
  app.add_option("models", options.models, "Model names (default: all in the folder)");
  app.add_option("--qar", options.archives, "Folder with NAME.qar")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--threads", options.threads, "Threads of the pipeline that has several")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--rounds", options.race.rounds, "Measured frames of each contestant")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--stream-rounds", options.stream_rounds, "Turns of each number of streams")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--live-rounds", options.live.rounds,
                 "Turns with and without quanttee behind a live source; 0: not measured")
      ->check(CLI::Range(0, 10000))
      ->capture_default_str();
  app.add_option("--live-seconds", options.live.block_seconds, "Length of such a turn")
      ->check(CLI::Range(0.1, 1000.0))
      ->capture_default_str();
  app.add_option("--max-load", options.live.max_load_percent, "Property of that quanttee")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_option("--json", options.json, "File for the figures as JSON");
  CLI11_PARSE(app, argc, argv);
  if (options.models.empty()) options.models = models_in(options.archives);
  return run(options);
}
