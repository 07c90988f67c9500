// SPDX-License-Identifier: MIT
// The tensors and parameters of a diagnosis, from files.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "quant/base/result.h"
#include "quant/tensor/quant_params.h"
#include "quant/tensor/tensor.h"

namespace quant {

struct RecordedTensor {
  std::string name;  // of the file, without ".npy", ".bin" and ".raw"
  Tensor values;
};

// What a file without header holds. By name of the tensor; "" stands for all others.
struct RawFormats {
  std::map<std::string, Shape> shapes;    // default: one axis
  std::map<std::string, DataType> types;  // default: uint8
};

// A .npy or .bin file (any other name is taken as .bin), or a folder: its .npy and .bin files by
// name, NAME.raw.npy only where there is no NAME.npy. Errors name the file: not there, no tensor
// in the folder, a size that is not that of shape and type.
Result<std::vector<RecordedTensor>> read_tensors(const std::filesystem::path& path,
                                                 const RawFormats& formats);

// A list of {"name", "type", "scale", "zero_point"}, as `gst-quant run --raw` writes raw.json:
// scale and zero_point are lists, of one value or one per channel, or single numbers. By name as
// RecordedTensor has it. Errors name file and field.
Result<std::map<std::string, QuantParams>> read_params(const std::filesystem::path& path);

}  // namespace quant
