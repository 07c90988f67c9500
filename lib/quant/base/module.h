// SPDX-License-Identifier: MIT
// Libraries that are loaded only where somebody wants what they bring.
#pragma once

#include "quant/base/result.h"

namespace quant {

// Folders to look in first, separated by colons.
inline constexpr const char* kModulePathVariable = "GST_QUANT_MODULE_PATH";

// The address of `symbol` in the library `file`, which stays loaded until the process ends. Looked
// for in the folders of GST_QUANT_MODULE_PATH, then where the installation has its modules, then
// where the system's loader looks. Unavailable where there is none or it cannot be loaded, with the
// loader's reason. Thread-safe.
Result<void*> load_module(const char* file, const char* symbol);

// Unavailable where a module `file` of that version was not built together with this library.
Status check_module_version(const char* file, const char* module_version);

}  // namespace quant
