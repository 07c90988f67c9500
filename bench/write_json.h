// SPDX-License-Identifier: MIT
// The figures of a benchmark as a file, for run.py, history.py and plot.py.
#pragma once

#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

namespace quant::bench {

// Nothing where no file is named. False where it cannot be written.
inline bool write_json(const std::filesystem::path& file, const nlohmann::ordered_json& figures) {
  if (file.empty()) return true;
  std::ofstream out(file);
  out << figures.dump(2) << '\n';
  return out.good();
}

}  // namespace quant::bench
