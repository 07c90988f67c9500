// SPDX-License-Identifier: MIT
// A small quantized model, made when a test asks for it: two outputs of different kind from one
// picture.
#pragma once

#include <string>

#include "quant/graph/input_spec.h"

namespace quant::testing {

// Type and granularity of the raw outputs: uint8 or uint16, one scale or one for each channel.
enum class RawOutputs { kBytes, kBytesPerChannel, kWords, kWordsPerChannel };

struct TinyModelOptions {
  int width = 32;
  int height = 24;
  ColorOrder color = ColorOrder::kRgb;
  int heat_channels = 1;  // at most 5
  RawOutputs raw = RawOutputs::kBytes;
};

// The outputs: "heat", float32 (1, heat_channels, height, width), and "pos", float32 (1, 2).
// Returns the file name of a .qar that is there until the process ends; the same for the same
// options.
std::string tiny_model(const TinyModelOptions& options = {});

// A file with these bytes, there until the process ends.
std::string scratch_file(const std::string& name, const std::string& content);

// A folder of this process for files that a pipeline writes; removed at its end.
std::string scratch_folder();

}  // namespace quant::testing
