// SPDX-License-Identifier: MIT
// Who takes part in the race, and on which file.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "quant/base/result.h"

namespace quant {

struct RaceFiles {
  std::filesystem::path original;  // ONNX, float
  std::filesystem::path clean;     // the same, cleaned for timing; empty where there is none
  std::filesystem::path qdq;       // quantized by ONNX Runtime; empty where there is none
  std::filesystem::path archive;   // .qar with 8-bit activations; empty where there is none
  std::filesystem::path wide;      // .qar of a16_w16; empty where there is none
};

struct Contestant {
  std::string name;         // METHOD.md lists them
  std::string description;  // library and version
  // One frame: from the network's input to its outputs. Empty where the contestant is absent.
  std::function<Status()> run_once;
  std::string absent_because;
  std::function<Status()> before;  // each run_once, not timed; empty where there is nothing to do
};

// Every contestant, in a fixed order, absent ones with the reason.
std::vector<Contestant> make_contestants(const RaceFiles& files, int threads);

// Each of our executors with one thread and with `threads`, as "emulator" and "emulator-2t". A race
// for each: OpenMP's threads go on spinning for a while, which others would feel.
std::vector<std::vector<Contestant>> make_thread_contestants(const RaceFiles& files, int threads);

}  // namespace quant
