// SPDX-License-Identifier: MIT
#include "quant/optimize/finetune_module.h"

#include "quant/base/version.h"
#include "quant/optimize/torch_finetune.h"

extern "C" __attribute__((visibility("default"))) const quant::FinetuneModule*
gst_quant_finetune_module();

const quant::FinetuneModule* gst_quant_finetune_module() {
  static const quant::FinetuneModule module = {quant::version(), &quant::tuning::finetune};
  return &module;
}
