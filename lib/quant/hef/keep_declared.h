// SPDX-License-Identifier: MIT
// A message without what nobody asks for: weights and configuration are most of a HEF's messages,
// and protobuf would hold them all, several times over where a hostile file is full of empty ones.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>

#include <cstddef>
#include <string>

#include "quant/base/result.h"

namespace quant {

inline constexpr std::size_t kMaxKeptBytes = std::size_t{8} << 20U;
// Messages, names and lists; every one costs memory, however short it is in the file.
inline constexpr std::size_t kMaxKeptObjects = std::size_t{1} << 18U;
// Kept or not.
inline constexpr std::size_t kMaxFields = std::size_t{1} << 22U;
inline constexpr int kMaxDepth = 32;

// The wire form of `message` with the declared fields alone. Reads `input` up to its current limit
// (PushLimit), which has to be set. InvalidData of what is no wire form; OutOfRange beyond the
// limits above.
Result<std::string> keep_declared(google::protobuf::io::CodedInputStream& input,
                                  const google::protobuf::Descriptor& message);

}  // namespace quant
