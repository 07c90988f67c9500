// SPDX-License-Identifier: MIT
// libFuzzer on the reader of HEF files and on what prints them.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "fuzz/wire_mutator.h"
#include "quant/analyze/hef_inspection.h"
#include "quant/hef/hef_builder.h"
#include "quant/hef/hef_reader.h"
#include "quant/hef/sound_hef.h"

namespace {

[[noreturn]] void report(const std::string& what) {
  std::fprintf(stderr, "hef_fuzz: %s\n", what.c_str());
  std::abort();
}

// The messages of a file of nothing else; empty where it is none.
std::string messages_of(const std::string& file, std::size_t header) {
  return file.size() > header ? file.substr(header) : std::string();
}

}  // namespace

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  constexpr std::size_t kVersionAt = 7;
  std::minstd_rand random(seed);
  // Headers, lengths that do not fit, and cuts are worth some attempts, too.
  if (size <= kVersionAt || random() % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
  quant::testing::HeaderSpec spec;
  spec.version = data[kVersionAt] % 4;
  const std::size_t header = quant::testing::header_bytes(spec).size();
  const auto change = [&](std::string& bytes) {
    const std::size_t before = bytes.size();
    bytes.resize(before + 64);
    bytes.resize(
        LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(bytes.data()), before, bytes.size()));
  };
  const std::string file(reinterpret_cast<const char*>(data), size);
  const std::string messages =
      quant::testing::mutate_wire(messages_of(file, header), random, change);
  if (header + messages.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  spec.message_bytes = messages.size();
  const auto head = quant::testing::header_bytes(spec);
  std::transform(head.begin(), head.end(), data,
                 [](std::byte byte) { return std::to_integer<std::uint8_t>(byte); });
  std::copy(messages.begin(), messages.end(), data + header);
  return header + messages.size();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto hef = quant::read_hef({reinterpret_cast<const std::byte*>(data), size});
  if (!hef) {
    if (hef.error().message.empty()) report("an error without a message");
    return 0;
  }
  if (const std::string wrong = quant::testing::unsound(*hef); !wrong.empty()) report(wrong);
  const auto json = quant::inspect_hef(*hef, "fuzzed");
  if (json.dump().empty() || quant::hef_inspection_text(json).empty()) report("nothing to print");
  return 0;
}
