// SPDX-License-Identifier: MIT
#include "quant/backend/compiled_network.h"

#include <fmt/format.h>

#include "quant/hef/find_stream.h"
#include "quant/hef/hef_reader.h"

namespace quant {
namespace {

bool fits(const QuantParams& params, const DeviceLayout& layout) {
  return !params.per_channel() || static_cast<std::int64_t>(params.scale.size()) == layout.channels;
}

}  // namespace

std::optional<HefFile> read_compiled(const std::string& path) {
  if (const auto is_hef = is_hef_file(path); !is_hef || !*is_hef) return std::nullopt;
  auto file = read_hef_file(path);
  if (!file) return std::nullopt;
  return std::move(*file);
}

void complete_params(std::vector<DeviceStream>& outputs, const HefFile& file) {
  for (DeviceStream& output : outputs) {
    if (output.params || !output.is_affine) continue;
    const auto stream = find_stream(file, HefDirection::kOutput, output.name);
    if (!stream || !(*stream)->quant || !fits(*(*stream)->quant, output.layout)) continue;
    output.params = *(*stream)->quant;
    output.params->type = output.layout.type;
  }
}

std::string file_says(DeviceFault fault, const HefFile& file) {
  if (fault == DeviceFault::kWrongArchitecture || fault == DeviceFault::kInvalidModel) {
    return fmt::format("the file says that it was compiled for {} and runs on {}",
                       file.architecture, fmt::join(file.runs_on, ", "));
  }
  if (fault != DeviceFault::kModelTooNew) return {};
  std::string extensions;
  for (const HefExtension& extension : file.extensions) {
    extensions += (extensions.empty() ? "" : ", ") + extension.name;
  }
  return fmt::format("the file was made by version {} of the compiler, with the extensions {}",
                     file.sdk_version.empty() ? "(unknown)" : file.sdk_version,
                     extensions.empty() ? "(none)" : extensions);
}

}  // namespace quant
