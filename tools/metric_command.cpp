// SPDX-License-Identifier: MIT
#include "metric_command.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "command.h"
#include "quant/base/atomic_file.h"
#include "quant/tensor/npy.h"

namespace quant::tool {
namespace {

namespace fs = std::filesystem;

// For the shell: in single quotes, those of the text itself outside of them.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

}  // namespace

Result<TemporaryFolder> TemporaryFolder::create() {
  std::error_code error;
  const fs::path parent = fs::temp_directory_path(error);
  if (error) return fail(ErrorCode::kIo, "there is no folder for temporary files");
  std::string name = (parent / "gst-quant-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    return fail(ErrorCode::kIo, std::strerror(errno), parent.string());
  return TemporaryFolder(name);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Result<OutputFolder> OutputFolder::create(fs::path folder, nlohmann::ordered_json header) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    return fail(ErrorCode::kIo, "the folder cannot be made: " + error.message(), folder.string());
  header["images"] = nlohmann::ordered_json::array();
  return OutputFolder(std::move(folder), std::move(header));
}

Status OutputFolder::add(const Frame& frame, const std::vector<TensorInfo>& infos,
                         std::span<const Tensor> outputs) {
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string file =
        fmt::format("{:06}.{}.npy", index_["images"].size(), npy_stem_of(infos[i].name));
    QUANT_TRY(write_npy(folder_ / file, outputs[i]));
    files.push_back({{"name", infos[i].name}, {"file", file}, {"shape", outputs[i].shape()}});
  }
  index_["images"].push_back({{"name", frame.name},
                              {"width", frame.image_width},
                              {"height", frame.image_height},
                              {"outputs", std::move(files)}});
  return {};
}

Status OutputFolder::finish() {
  const std::string text =
      index_.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  QUANT_TRY_ASSIGN(AtomicFile file, AtomicFile::create(folder_ / "index.json"));
  QUANT_TRY(file.write(std::as_bytes(std::span(text))));
  return file.commit();
}

Result<std::string> run_metric_command(const std::string& command, const fs::path& folder) {
  constexpr std::size_t kMostBytes = std::size_t{64} << 20;
  std::FILE* const pipe =
      popen(fmt::format("{} {}", command, quoted(folder.string())).c_str(), "r");
  if (pipe == nullptr) return fail(ErrorCode::kIo, std::strerror(errno), command);
  std::string output;
  std::array<char, 4096> buffer;
  while (output.size() <= kMostBytes) {
    const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe);
    if (count == 0) break;
    output.append(buffer.data(), count);
  }
  const int status = pclose(pipe);
  if (output.size() > kMostBytes)
    return fail(ErrorCode::kOutOfRange, fmt::format("prints more than {} bytes", kMostBytes),
                command);
  if (WIFSIGNALED(status))
    return fail(ErrorCode::kInvalidData, fmt::format("ended by signal {}", WTERMSIG(status)),
                command);
  if (WEXITSTATUS(status) != 0)
    return fail(ErrorCode::kInvalidData, fmt::format("ended with status {}", WEXITSTATUS(status)),
                command);
  return output;
}

}  // namespace quant::tool
