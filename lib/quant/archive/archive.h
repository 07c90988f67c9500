// SPDX-License-Identifier: MIT
// The .qar file: one quantized model with everything that belongs to it. A tar archive that `tar
// tf` lists and whose parameters numpy reads; docs/archive.md describes it field by field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "quant/base/result.h"
#include "quant/graph/quantized_model.h"

namespace quant {

// The newest format that this version reads, and the one that it writes.
inline constexpr int kArchiveFormat = 1;

// Of one tensor over the calibration set, in real values.
struct TensorStatistics {
  float seen_min = 0;
  float seen_max = 0;
  float chosen_min = 0;  // the range that the observer made of it
  float chosen_max = 0;
  bool operator==(const TensorStatistics&) const = default;
};

struct CalibrationStatistics {
  std::string method;  // "min-max", "percentile", "mse", "search"; "imported": the model's own
  std::int64_t images = 0;
  std::vector<std::string> skipped;                 // names of images that could not be read
  std::int64_t repeated = 0;                        // images with the content of an earlier one
  std::int64_t single_color = 0;                    // images of one colour (black, …)
  std::map<std::string, TensorStatistics> tensors;  // by name of the value
  bool operator==(const CalibrationStatistics&) const = default;
};

struct Archive {
  QuantizedModel model;
  std::string script;  // the model script that made it; may be empty
  CalibrationStatistics calibration;
  std::map<std::string, std::string> options;  // of the optimizer, as the user gave them
  std::vector<std::byte> original_onnx;        // whole, with all its weights
  // What the reader of the ONNX was told: OnnxReadOptions of the same names.
  std::map<std::string, Shape> input_shapes;
  std::vector<std::string> end_nodes;
};

// Equal archives make equal bytes. The file appears complete or not at all. Errors name the file;
// InvalidArgument where the archive could not be read back (a graph that breaks verify(), a name
// that is no UTF-8).
Status write_archive(const std::filesystem::path& path, const Archive& archive);

// Checks everything before it is believed: sizes against the file before allocating, names,
// checksums, every index, shape, type and quantization parameter of the graphs. Errors name the
// file, and the member and field or tensor in it. NotFound, InvalidData (damaged, hostile or
// foreign), Unsupported (made by a newer version).
Result<Archive> read_archive(const std::filesystem::path& path);

}  // namespace quant
