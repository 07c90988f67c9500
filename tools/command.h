// SPDX-License-Identifier: MIT
// What the commands of gst-quant share: registration, exit codes, common options.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "quant/backend/context.h"
#include "quant/base/result.h"
#include "quant/onnx/onnx_reader.h"
#include "quant/script/diagnostic.h"

namespace quant::tool {

inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
// Protobuf counts in int.
inline constexpr std::uint64_t kMaxModelBytes = (std::uint64_t{1} << 31U) - 1;

// Each adds its subcommand; the subcommand stores its Status in `status` when it has run.
void add_optimize(CLI::App& app, Status& status);
void add_inspect(CLI::App& app, Status& status);
void add_run(CLI::App& app, Status& status);
void add_compare(CLI::App& app, Status& status);
void add_diagnose(CLI::App& app, Status& status);
void add_evaluate(CLI::App& app, Status& status);
void add_analyze(CLI::App& app, Status& status);
void add_bench(CLI::App& app, Status& status);
void add_export(CLI::App& app, Status& status);
void add_script(CLI::App& app, Status& status);
void add_check(CLI::App& app, Status& status);

// --threads, the same for all.
inline void add_threads_to(CLI::App& command, int& threads) {
  constexpr int kMost = 256;
  command
      .add_option_function<int>(
          "--threads",
          [&threads](int wanted) {
            const int cores = static_cast<int>(std::thread::hardware_concurrency());
            threads = wanted > 0 ? wanted : std::max(1, cores);
          },
          "Threads (0: one per core)")
      ->check(CLI::Range(0, kMost))
      ->default_str(std::to_string(threads));
}

// How an ONNX file is read and what its image input means.
struct ModelOptions {
  std::map<std::string, Shape> input_shapes;  // by name of the input
  std::vector<std::string> start_nodes;
  std::vector<std::string> end_nodes;
  std::string color = "rgb";
  std::vector<float> mean = {0.0F};
  std::vector<float> std = {1.0F};

  void add_to(CLI::App& command);
  // Only what the reader needs: --input-shape, --end-node.
  void add_shape_to(CLI::App& command);
  OnnxReadOptions read_options(const std::filesystem::path& model) const;
  // Whole and as a command takes it: weights of other files inside, cut by --start-node. `read` is
  // read_options() before and fits the result behind. Errors name the file.
  Result<std::vector<std::byte>> read_model(const std::string& path, OnnxReadOptions& read) const;
};

// A model file as contexts see it: an archive, or a plain ONNX file with its input described by
// options.
class ModelFile {
 public:
  // By content, not by name.
  static Result<ModelFile> open(const std::string& path, const ModelOptions& options);

  const InputSpec& input() const { return input_; }
  // Unsupported, naming the file, of a model that takes features.
  Status require_image() const;
  // The network as read.
  Result<Graph> native_graph() const;
  // Null for a plain ONNX file.
  const std::shared_ptr<const Model>& archive() const { return archive_; }
  Result<std::unique_ptr<Context>> make_context(ContextKind kind, ReferenceKind reference,
                                                int threads) const;

 private:
  std::string path_;
  InputSpec input_;
  std::shared_ptr<const Model> archive_;
  std::vector<std::byte> onnx_;
  OnnxReadOptions read_;
};

// By content, not by name: an archive, or something else (an ONNX file).
Result<bool> is_archive(const std::string& path);

// A model script's text, at most kMaxScriptBytes.
Result<ScriptSource> read_script(const std::string& path);

}  // namespace quant::tool
