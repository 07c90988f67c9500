// SPDX-License-Identifier: MIT
// The state of a fine-tuning between two epochs, in a file: magic line, sizes, little-endian data.
// Read on the machine that wrote it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "quant/base/result.h"
#include "quant/tensor/tensor.h"

namespace quant {

struct FinetuneCheckpoint {
  std::uint64_t fingerprint = 0;  // of model, frames and options: see Fingerprint
  std::int64_t epochs = 0;        // that are done
  std::vector<double> numbers;
  std::vector<Tensor> tensors;  // float32
};

// FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/).
class Fingerprint {
 public:
  void add(std::span<const std::byte> bytes);
  template <typename T>
  void add_value(T value) {
    add(std::as_bytes(std::span(&value, 1)));
  }
  std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

// Errors name the file. The file appears whole or not at all.
Status write_checkpoint(const std::filesystem::path& path, const FinetuneCheckpoint& checkpoint);
// InvalidData where it is none or damaged.
Result<FinetuneCheckpoint> read_checkpoint(const std::filesystem::path& path);

}  // namespace quant
