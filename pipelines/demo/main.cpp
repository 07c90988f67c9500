// SPDX-License-Identifier: MIT
// gst-quant-demo: says the SNR while demo.sh's pipeline runs, and draws the picture afterwards.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "picture.h"
#include "quant/tensor/npy.h"
#include "records.h"
#include "watch.h"

namespace quant::demo {
namespace {

// What `position` means: pipelines/models/README.md.
constexpr float kRadiusUnit = 40;

Result<std::vector<Ball>> read_balls(const std::string& folder) {
  const std::string path = folder + "/position.npy";
  QUANT_TRY_ASSIGN(const Tensor positions, read_npy(path));
  if (positions.type() != DataType::kFloat32 || positions.rank() != 2 || positions.shape()[1] != 4)
    return fail(ErrorCode::kInvalidData, "these are no positions of the demo network", path);
  std::vector<Ball> balls;
  const auto values = positions.data<float>();
  for (std::size_t i = 0; i < values.size(); i += 4)
    balls.push_back({values[i], values[i + 1], values[i + 2] * kRadiusUnit});
  return balls;
}

struct DrawOptions {
  std::string records;
  std::string frames;
  std::string original;
  std::string quantized;
  std::string output;
  double first_s = 0;
  double interval_s = 1;
};

Status draw(const DrawOptions& options) {
  QUANT_TRY_ASSIGN(const auto records, read_records(options.records));
  QUANT_TRY_ASSIGN(const auto original, read_balls(options.original));
  QUANT_TRY_ASSIGN(const auto quantized, read_balls(options.quantized));
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(options.frames, error))
    files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  if (files.empty() || files.size() != original.size() || files.size() != quantized.size()) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("{} frames, but {} and {} positions", files.size(), original.size(),
                            quantized.size()),
                options.frames);
  }
  std::vector<Snapshot> snapshots;
  for (std::size_t i = 0; i < files.size(); ++i) {
    snapshots.push_back({files[i], options.first_s + static_cast<double>(i) * options.interval_s,
                         original[i], quantized[i]});
  }
  return draw_picture(records, snapshots, options.output);
}

int run(int argc, char** argv) {
  CLI::App app("What demo.sh prints and draws.");
  app.require_subcommand(1);
  auto* watch_command = app.add_subcommand("watch", "Say the SNR of the records on standard input");
  auto* draw_command = app.add_subcommand("draw", "Draw frames and records into one picture");
  DrawOptions options;
  draw_command->add_option("--records", options.records, "What quanttee wrote")->required();
  draw_command->add_option("--frames", options.frames, "Folder of frames, in order of name")
      ->required();
  draw_command->add_option("--first", options.first_s, "Time of the first frame, s");
  draw_command->add_option("--interval", options.interval_s, "Time between frames, s");
  draw_command->add_option("--original", options.original, "Folder with the float position.npy")
      ->required();
  draw_command->add_option("--quantized", options.quantized, "Folder with the 8-bit position.npy")
      ->required();
  draw_command->add_option("--output", options.output, "PNG to write")->required();
  CLI11_PARSE(app, argc, argv);

  const Status status = watch_command->parsed() ? watch(std::cin) : draw(options);
  if (status) return 0;
  fmt::print(stderr, "gst-quant-demo: {}\n", status.error().text());
  return 1;
}

}  // namespace
}  // namespace quant::demo

// Only for want of memory. NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) { return quant::demo::run(argc, argv); }
