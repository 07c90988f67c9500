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
#include "peers/pairings.h"
#include "peers/race.h"
#include "write_json.h"

namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

const std::vector<std::string> kModels = {"face_rfb320",    "xfeat_480x640", "mobilenetv2",
                                          "yolo_fastestv2", "nanodet_m",     "yolov8n_320"};
const std::vector<std::string> kRivals = {"native", "ort-float", "ort-int8", "ort-16",
                                          "opencv-float"};

struct Options {
  fs::path data = fs::path(GST_QUANT_SOURCE_DIR) / ".." / "shared" / "data";
  fs::path archives;
  fs::path wide_archives;
  std::vector<std::string> models = kModels;
  int threads = 1;
  int more_threads = 0;  // 0: no race of threads against one
  fs::path json;
  quant::RaceOptions race;
};

fs::path existing(const fs::path& path) { return fs::exists(path) ? path : fs::path(); }

fs::path archive_in(const fs::path& folder, const std::string& model) {
  return folder.empty() ? fs::path() : existing(folder / (model + ".qar"));
}

quant::RaceFiles files_of(const Options& options, const std::string& model) {
  return {existing(options.data / "models" / (model + ".onnx")),
          existing(options.data / "peers" / (model + "_clean.onnx")),
          existing(options.data / "peers" / (model + "_qdq.onnx")),
          archive_in(options.archives, model), archive_in(options.wide_archives, model)};
}

std::string cell(double value, const char* unit) {
  return value == 0 ? "-" : fmt::format("{:.2f}{}", value, unit);
}

void print_header() {
  fmt::print("{:<16} {:<13} {:>10} {:>10} {:>10}", "model", "who", "median", "p95", "min");
  for (const std::string& rival : kRivals)
    fmt::print(" {:>11}", "/ " + rival.substr(0, rival.find("-float") == 6 ? 6 : rival.size()));
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
      fmt::print(" {:>11}", cell(ratio(standings, standing.name, rival), ""));
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
  Json ratios;
  for (const quant::Pairing& pairing : quant::pairings(standings))
    ratios[quant::to_string(pairing)] = ratio(standings, pairing.mine, pairing.theirs);
  return {{"model", model}, {"standings", list}, {"ratios", ratios}};
}

void print_means(const std::vector<quant::MeanRatio>& means) {
  fmt::print("\n{:<28} {:>14} {:>8}\n", "ratio of medians", "geometric mean", "models");
  for (const quant::MeanRatio& mean : means)
    fmt::print("{:<28} {:>14.3f} {:>8}\n", to_string(mean.pairing), mean.value, mean.models);
}

Json to_json(const std::vector<quant::MeanRatio>& means) {
  Json list;
  for (const quant::MeanRatio& mean : means)
    list[to_string(mean.pairing)] = {{"geometric_mean", mean.value}, {"models", mean.models}};
  return list;
}

// One thread first, then several.
void print_thread_standings(const std::string& model, const std::vector<quant::Standing>& race) {
  const quant::Standing& one = race.front();
  const quant::Standing& several = race.back();
  fmt::print("{:<16} {:<13} {:>10}   {:.2f} of one thread's {}\n", model, several.name,
             cell(several.timing.median_ms, " ms"), ratio(race, several.name, one.name),
             cell(one.timing.median_ms, " ms"));
}

int run(const Options& options) {
  const int threads = options.threads;
  fmt::print("{} thread{} of {}, {} rounds; ratios are of medians in this run\n", threads,
             threads == 1 ? "" : "s", std::thread::hardware_concurrency(), options.race.rounds);
  print_header();
  Json results = Json::array();
  std::vector<std::vector<quant::Standing>> races;
  for (const std::string& model : options.models) {
    auto contestants = quant::make_contestants(files_of(options, model), threads);
    races.push_back(quant::race(contestants, options.race));
    results.push_back(to_json(model, races.back()));
    print_standings(model, races.back());
  }
  if (options.more_threads > 0) {
    for (const std::string& model : options.models) {
      auto groups = quant::make_thread_contestants(files_of(options, model), options.more_threads);
      for (auto& contestants : groups) {
        races.push_back(quant::race(contestants, options.race));
        results.push_back(to_json(model, races.back()));
        print_thread_standings(model, races.back());
      }
    }
  }
  const auto means = quant::mean_ratios(races);
  print_means(means);
  const Json figures{{"threads", threads},
                     {"cores", std::thread::hardware_concurrency()},
                     {"rounds", options.race.rounds},
                     {"results", results},
                     {"means", to_json(means)}};
  if (quant::bench::write_json(options.json, figures)) return 0;
  fmt::print(stderr, "peers_bench: {}: cannot be written\n", options.json.string());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Times our executors beside ONNX Runtime and OpenCV DNN");
  app.add_option("models", options.models, "Model names, without .onnx")->capture_default_str();
  app.add_option("--data", options.data, "Folder with models/ and peers/")->capture_default_str();
  app.add_option("--qar", options.archives, "Folder with NAME.qar for the emulator");
  app.add_option("--qar16", options.wide_archives, "Folder with NAME.qar of a16_w16");
  app.add_option("--threads", options.threads, "Threads of each contestant")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--more-threads", options.more_threads,
                 "Also races our executors with so many threads against themselves")
      ->check(CLI::Range(1, 1024));
  app.add_option("--rounds", options.race.rounds, "Measured runs of each contestant")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--warm-up", options.race.warm_up, "Runs before the measurement")
      ->check(CLI::Range(0, 1000000))
      ->capture_default_str();
  app.add_option("--json", options.json, "File for the figures as JSON");
  CLI11_PARSE(app, argc, argv);
  return run(options);
}
