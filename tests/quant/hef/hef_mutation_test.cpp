// SPDX-License-Identifier: MIT
// Damaged files of every kind, the same ones each time. What finds new kinds of damage is
// tests/fuzz/hef_fuzz.cpp; this keeps what it found from coming back, with any compiler.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <random>

#include "quant/hef/hef_reader.h"
#include "quant/hef/sound_hef.h"
#include "quant/hef/synthesized_hefs.h"

namespace quant {
namespace {

using Bytes = std::vector<std::byte>;

class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : random_(seed) {}

  Bytes mutate(Bytes bytes, const Bytes& other) {
    const std::size_t changes = 1 + below(3);
    for (std::size_t i = 0; i < changes; ++i) change(bytes, other);
    // Else the header would turn away most of what follows.
    if (below(4) != 0) mend_header(bytes);
    return bytes;
  }

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }

  void change(Bytes& bytes, const Bytes& other) {
    if (bytes.size() < 2) bytes.resize(2);
    const std::size_t at = below(bytes.size());
    const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    switch (below(8)) {
      case 0:  // one bit
      case 1:
      case 2:
        bytes[at] ^= static_cast<std::byte>(1U << below(8));
        break;
      case 3: {  // values that lie at limits
        constexpr std::byte kEdges[] = {std::byte{0x00}, std::byte{0x01}, std::byte{0x7F},
                                        std::byte{0x80}, std::byte{0xFF}};
        bytes[at] = kEdges[below(std::size(kEdges))];
        break;
      }
      case 4: {  // a number of ten bytes in place of one
        const Bytes huge(9, std::byte{0xFF});
        bytes.insert(place, huge.begin(), huge.end());
        break;
      }
      case 5:
        bytes.erase(place, place + static_cast<std::ptrdiff_t>(
                                       1 + below(std::min<std::size_t>(16, bytes.size() - at))));
        break;
      case 6: {  // a piece of itself or of another file
        const Bytes source = below(2) == 0 ? bytes : other;
        const std::size_t from = below(source.size());
        const std::size_t count = 1 + below(std::min<std::size_t>(64, source.size() - from));
        const auto begin = source.begin() + static_cast<std::ptrdiff_t>(from);
        bytes.insert(place, begin, begin + static_cast<std::ptrdiff_t>(count));
        break;
      }
      default:
        bytes.resize(at);
    }
  }

  // Of the version that it was, nothing but messages.
  static void mend_header(Bytes& bytes) {
    constexpr std::size_t kVersionAt = 7;
    if (bytes.size() <= kVersionAt) return;
    testing::HeaderSpec spec;
    spec.version = std::to_integer<std::uint32_t>(bytes[kVersionAt]) % 4;
    const std::size_t header = testing::header_bytes(spec).size();
    if (bytes.size() < header) return;
    spec.message_bytes = bytes.size() - header;
    const Bytes mended = testing::header_bytes(spec);
    std::copy(mended.begin(), mended.end(), bytes.begin());
  }

  std::mt19937 random_;
};

TEST(HefMutation, TheFilesThemselvesAreSound) {
  for (const auto& [name, bytes] : testing::synthesized_hefs()) {
    const auto file = read_hef(bytes);
    ASSERT_TRUE(file) << name << ": " << file.error().text();
    EXPECT_EQ(testing::unsound(*file), "") << name;
  }
}

TEST(HefMutation, DamageGivesAnErrorOrASoundFile) {
  const auto files = testing::synthesized_hefs();
  constexpr std::uint32_t kPerFile = 600;
  int read = 0;
  std::clock_t longest = 0;  // processor time: machines of tests are busy
  for (std::size_t i = 0; i < files.size(); ++i) {
    for (std::uint32_t k = 0; k < kPerFile; ++k) {
      const auto seed = static_cast<std::uint32_t>(i * kPerFile + k);
      const Bytes bytes =
          Mutator(seed).mutate(files[i].second, files[(i + k) % files.size()].second);
      const std::clock_t start = std::clock();
      const auto file = read_hef(bytes);
      longest = std::max(longest, std::clock() - start);
      if (file) {
        ++read;
        ASSERT_EQ(testing::unsound(*file), "") << files[i].first << ", seed " << seed;
      } else {
        ASSERT_FALSE(file.error().message.empty()) << files[i].first << ", seed " << seed;
      }
    }
  }
  // Both outcomes are there, so that neither is all that is tested.
  const int all = static_cast<int>(files.size() * kPerFile);
  EXPECT_GT(read, all / 20);
  EXPECT_LT(read, all * 19 / 20);
  EXPECT_LT(longest, CLOCKS_PER_SEC);
  RecordProperty("read", read);
}

}  // namespace
}  // namespace quant
