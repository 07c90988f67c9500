// SPDX-License-Identifier: MIT
#include "quant/optimize/finetune.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstring>
#include <string>

#include "quant/base/version.h"
#include "quant/optimize/finetune_module.h"

namespace quant {
namespace {

Result<const FinetuneModule*> load() {
  const auto refuse = [](const std::string& reason) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("this build cannot fine-tune: {}; it is there where package "
                            "libtorch-dev was; level 1 does without",
                            reason));
  };
  // Stays for as long as the process: its code may be on somebody's stack.
  void* library = dlopen(kFinetuneModuleFile, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return refuse(dlerror());
  const auto function =
      reinterpret_cast<FinetuneModuleFunction>(dlsym(library, kFinetuneModuleSymbol));
  if (function == nullptr) return refuse(dlerror());
  const FinetuneModule* module = function();
  if (std::strcmp(module->version, version()) != 0) {
    return refuse(fmt::format("{} is of version {}, this is {}", kFinetuneModuleFile,
                              module->version, version()));
  }
  return module;
}

const Result<const FinetuneModule*>& module() {
  static const Result<const FinetuneModule*> loaded = load();
  return loaded;
}

}  // namespace

Status load_finetuning() {
  if (!module()) return tl::unexpected(module().error());
  return {};
}

Result<std::optional<FinetuneResult>> finetune(const QuantizedModel& model,
                                               std::shared_ptr<const Graph> float_graph,
                                               const std::vector<Range>& ranges,
                                               const QuantizationPlan& plan, CalibrationSet& set,
                                               const FinetuneOptions& options,
                                               const FinetuneProgress& progress) {
  QUANT_TRY(load_finetuning());
  return (*module())->run(model, std::move(float_graph), ranges, plan, set, options, progress);
}

}  // namespace quant
