// SPDX-License-Identifier: MIT
// numpy's .npy files: format versions 1 to 3, little-endian, row-major (C order), every DataType.
// Not supported, each with an error that says so: big-endian, Fortran order, structured and object
// arrays. Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "quant/base/result.h"
#include "quant/tensor/tensor.h"

namespace quant {

// Errors name the file. The header is checked against the length of the file before memory is
// allocated.
Result<Tensor> read_npy(const std::filesystem::path& path);
// The same from memory; errors have no context.
Result<Tensor> parse_npy(std::span<const std::byte> bytes);

// Writes version 1, header padded to 64 bytes as numpy does. The file appears complete or not at
// all.
Status write_npy(const std::filesystem::path& path, const Tensor& tensor);
std::vector<std::byte> npy_bytes(const Tensor& tensor);

// The name, without ".npy", of the file that holds the tensor of this name: "/" and ":" become "_".
std::string npy_stem_of(std::string tensor_name);

// A file opened to be read one item of its first axis at a time, for data sets larger than memory.
// One thread.
class NpyFile {
 public:
  // Checks all that read_npy checks. Errors name the file.
  static Result<NpyFile> open(const std::filesystem::path& path);

  DataType type() const { return type_; }
  const Shape& shape() const { return shape_; }

  // Item `index` of the first axis, as a tensor without that axis. Precondition: rank ≥ 1, index in
  // range.
  Result<Tensor> read_item(std::int64_t index);
  Result<Tensor> read_all();

 private:
  NpyFile() = default;
  Result<Tensor> read_at(std::uint64_t offset, Shape shape);

  std::filesystem::path path_;
  std::ifstream stream_;
  DataType type_ = DataType::kFloat32;
  Shape shape_;
  std::uint64_t data_offset_ = 0;
};

}  // namespace quant
