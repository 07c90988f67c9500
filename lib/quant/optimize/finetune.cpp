// SPDX-License-Identifier: MIT
#include "quant/optimize/finetune.h"

#include <fmt/format.h>

#include <string>

#include "quant/base/module.h"
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
  const auto address = load_module(kFinetuneModuleFile, kFinetuneModuleSymbol);
  if (!address) return refuse(address.error().message);
  const FinetuneModule* module = reinterpret_cast<FinetuneModuleFunction>(*address)();
  if (const Status same = check_module_version(kFinetuneModuleFile, module->version); !same) {
    return refuse(same.error().message);
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
