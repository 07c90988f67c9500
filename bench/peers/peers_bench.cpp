// SPDX-License-Identifier: MIT
// Our executors beside ONNX Runtime and OpenCV DNN, in one process and one run (METHOD.md). It
// measures; it never passes or fails.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "peers/contestant.h"
#include "peers/race.h"

namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

const std::vector<std::string> kModels = {"face_rfb320",    "xfeat_480x640", "mobilenetv2",
                                          "yolo_fastestv2", "nanodet_m",     "yolov8n_320"};
const std::vector<std::string> kRivals = {"ort-float", "ort-int8", "opencv-float"};

struct Options {
  fs::path data = fs::path(GST_QUANT_SOURCE_DIR) / ".." / "shared" / "data";
  fs::path archives;
  std::vector<std::string> models = kModels;
  int threads = 1;
  bool json = false;
  quant::RaceOptions race;
};

fs::path existing(const fs::path& path) { return fs::exists(path) ? path : fs::path(); }

quant::RaceFiles files_of(const Options& options, const std::string& model) {
  return {existing(options.data / "models" / (model + ".onnx")),
          existing(options.data / "peers" / (model + "_clean.onnx")),
          existing(options.data / "peers" / (model + "_qdq.onnx")),
          options.archives.empty() ? fs::path() : existing(options.archives / (model + ".qar"))};
}

std::string cell(double value, const char* unit) {
  return value == 0 ? "-" : fmt::format("{:.2f}{}", value, unit);
}

void print_header() {
  fmt::print("{:<16} {:<13} {:>10} {:>10} {:>10}", "model", "who", "median", "p95", "min");
  for (const std::string& rival : kRivals) fmt::print(" {:>14}", "/ " + rival);
  fmt::print("\n");
}

void print_standings(const std::string& model, const std::vector<quant::Standing>& standings) {
  for (const quant::Standing& standing : standings) {
    if (standing.timing.count == 0) {
      fmt::print("{:<16} {:<13} absent: {}\n", model, standing.name, standing.absent_because);
      continue;
    }
    fmt::print("{:<16} {:<13} {:>10} {:>10} {:>10}", model, standing.name,
               cell(standing.timing.median_ms, " ms"), cell(standing.timing.p95_ms, " ms"),
               cell(standing.timing.min_ms, " ms"));
    for (const std::string& rival : kRivals)
      fmt::print(" {:>14}", cell(ratio(standings, standing.name, rival), " x"));
    fmt::print("\n");
  }
}

Json to_json(const std::string& model, const std::vector<quant::Standing>& standings) {
  Json list = Json::array();
  for (const quant::Standing& standing : standings) {
    Json entry;
    entry["name"] = standing.name;
    if (standing.timing.count == 0) {
      entry["absent"] = standing.absent_because;
    } else {
      entry["description"] = standing.description;
      entry["median_ms"] = standing.timing.median_ms;
      entry["p95_ms"] = standing.timing.p95_ms;
      entry["min_ms"] = standing.timing.min_ms;
      for (const std::string& rival : kRivals)
        if (const double value = ratio(standings, standing.name, rival); value > 0)
          entry["ratio"][rival] = value;
    }
    list.push_back(std::move(entry));
  }
  return {{"model", model}, {"standings", list}};
}

int run(const Options& options) {
  if (!options.json) {
    fmt::print("{} thread{} of {}, {} rounds; ratios are of medians in this run\n", options.threads,
               options.threads == 1 ? "" : "s", std::thread::hardware_concurrency(),
               options.race.rounds);
    print_header();
  }
  Json results = Json::array();
  for (const std::string& model : options.models) {
    auto contestants = quant::make_contestants(files_of(options, model), options.threads);
    const auto standings = quant::race(contestants, options.race);
    if (options.json)
      results.push_back(to_json(model, standings));
    else
      print_standings(model, standings);
  }
  if (options.json)
    fmt::print("{}\n", Json{{"threads", options.threads},
                            {"cores", std::thread::hardware_concurrency()},
                            {"rounds", options.race.rounds},
                            {"results", results}}
                           .dump(2));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Times our executors beside ONNX Runtime and OpenCV DNN");
  app.add_option("models", options.models, "Model names, without .onnx")->capture_default_str();
  app.add_option("--data", options.data, "Folder with models/ and peers/")->capture_default_str();
  app.add_option("--qar", options.archives, "Folder with NAME.qar for the emulator");
  app.add_option("--threads", options.threads, "Threads of each contestant")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--rounds", options.race.rounds, "Measured runs of each contestant")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--warm-up", options.race.warm_up, "Runs before the measurement")
      ->check(CLI::Range(0, 1000000))
      ->capture_default_str();
  app.add_flag("--json", options.json, "One JSON object instead of a table");
  CLI11_PARSE(app, argc, argv);
  return run(options);
}
