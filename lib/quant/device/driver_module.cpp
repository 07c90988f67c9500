// SPDX-License-Identifier: MIT
#include "quant/device/driver_module.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>

#include "quant/base/module.h"

namespace quant {
namespace {

// Vendors name the file of their library after the whole version, so another version is "not there"
// for the loader. Given its complaint about "libx.so.1.2.3", this answers "; installed:
// libx.so.1.2.4"; nothing where the complaint is another one or no version is found.
std::string other_versions(const std::string& reason) {
  const std::string wanted = reason.substr(0, reason.find(':'));
  const std::size_t suffix = wanted.find(".so.");
  if (suffix == std::string::npos || reason.find("cannot open") == std::string::npos) return {};
  const std::string stem = wanted.substr(0, suffix + 4);

  std::string folders = "/usr/lib:/usr/local/lib:/usr/lib/" GST_QUANT_MULTIARCH;
  if (const char* more = std::getenv("LD_LIBRARY_PATH")) folders += fmt::format(":{}", more);
  std::set<std::string> found;
  std::istringstream list(folders);
  for (std::string folder; std::getline(list, folder, ':');) {
    std::error_code error;
    for (std::filesystem::directory_iterator file(folder, error), end; !error && file != end;
         file.increment(error)) {
      const std::string name = file->path().filename().string();
      if (name.starts_with(stem)) found.insert(name);
    }
  }
  return found.empty() ? "" : fmt::format("; installed: {}", fmt::join(found, ", "));
}

}  // namespace

Result<DeviceDriver*> load_driver(const char* vendor) {
  const std::string file = fmt::format("libgstquant-{}.so", vendor);
  const auto address = load_module(file.c_str(), kDriverModuleSymbol);
  if (!address) {
    return fail(
        ErrorCode::kUnavailable,
        fmt::format("there is no driver for {}: {}{}; this project builds it where the "
                    "vendor's headers are installed",
                    vendor, address.error().message, other_versions(address.error().message)));
  }
  const DriverModule* module = reinterpret_cast<DriverModuleFunction>(*address)();
  QUANT_TRY(check_module_version(file.c_str(), module->version));
  DeviceResult<DeviceDriver*> driver = module->driver();
  if (!driver) return tl::unexpected(to_error(std::move(driver).error(), vendor));
  return *driver;
}

}  // namespace quant
