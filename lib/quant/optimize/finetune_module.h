// SPDX-License-Identifier: MIT
// What the library of fine-tuning exports. It is loaded when somebody fine-tunes: libtorch and the
// sixty libraries behind it take 85 MB and a third of a second, which no other command shall pay.
#pragma once

#include "quant/optimize/finetune.h"

namespace quant {

struct FinetuneModule {
  // That of whoever loads it has to be the same: the two share types.
  const char* version;
  decltype(&finetune) run;
};

inline constexpr const char* kFinetuneModuleFile = "libgst-quant-finetune.so";
inline constexpr const char* kFinetuneModuleSymbol = "gst_quant_finetune_module";
// The function of that name. Never null, lives as long as the library.
using FinetuneModuleFunction = const FinetuneModule* (*)();

}  // namespace quant
