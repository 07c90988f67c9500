// SPDX-License-Identifier: MIT
// The user's own metric: outputs of a context in a folder, a command that reads them, what it
// prints.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "quant/backend/context.h"
#include "quant/base/result.h"

namespace quant::tool {

// A folder of its own below the system's one for temporary files, removed with everything in it.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> create();
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();

  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;
};

// The outputs of one context: FOLDER/000000.NAME.npy for the first image and the output NAME, and
// FOLDER/index.json once finish() was called (docs/evaluate.md). One thread.
class OutputFolder {
 public:
  // Makes the folder.
  static Result<OutputFolder> create(std::filesystem::path folder, nlohmann::ordered_json header);

  Status add(const Frame& frame, const std::vector<TensorInfo>& infos,
             std::span<const Tensor> outputs);
  Status finish();
  const std::filesystem::path& path() const { return folder_; }

 private:
  OutputFolder(std::filesystem::path folder, nlohmann::ordered_json index)
      : folder_(std::move(folder)), index_(std::move(index)) {}

  std::filesystem::path folder_;
  nlohmann::ordered_json index_;
};

// What `command FOLDER`, run by the shell, writes to its standard output; its errors go to ours. An
// error where it cannot be started, fails, or writes more than 64 MiB.
Result<std::string> run_metric_command(const std::string& command,
                                       const std::filesystem::path& folder);

}  // namespace quant::tool
