// SPDX-License-Identifier: MIT
#include "quant/base/module.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <string>

#include "quant/base/version.h"

namespace quant {
namespace {

// The first folder of the variable that has the file; without one its bare name, which the loader
// looks for along the caller's run path: the installation's module folder.
std::string module_file(const char* file) {
  const char* folders = std::getenv(kModulePathVariable);
  std::istringstream list(folders == nullptr ? "" : folders);
  for (std::string folder; std::getline(list, folder, ':');) {
    if (folder.empty()) continue;
    const std::filesystem::path candidate = std::filesystem::path(folder) / file;
    std::error_code error;
    if (std::filesystem::exists(candidate, error)) return candidate.string();
  }
  return file;
}

std::string loader_error() {
  const char* text = dlerror();
  return text == nullptr ? "unknown error of the loader" : text;
}

}  // namespace

Result<void*> load_module(const char* file, const char* symbol) {
  const std::string path = module_file(file);
  // Never closed: its code may be on somebody's stack.
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* folders = std::getenv(kModulePathVariable);
    return fail(ErrorCode::kUnavailable,
                fmt::format("{} ({} is {})", loader_error(), kModulePathVariable,
                            folders == nullptr ? "not set" : folders));
  }
  void* address = dlsym(library, symbol);
  if (address == nullptr) {
    return fail(ErrorCode::kUnavailable, fmt::format("{}: {}", path, loader_error()));
  }
  return address;
}

Status check_module_version(const char* file, const char* module_version) {
  if (std::strcmp(module_version, version()) == 0) return {};
  return fail(ErrorCode::kUnavailable,
              fmt::format("{} is of version {}, this is {}", file, module_version, version()));
}

}  // namespace quant
