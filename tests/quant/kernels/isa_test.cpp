// SPDX-License-Identifier: MIT
// Which kernels run: the names, the environment variable, and that a forced instruction set is the
// one used.
#include "quant/kernels/integer/isa.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include <cstdlib>

#include "quant/kernels/integer/depthwise_kernel.h"
#include "quant/kernels/integer/move_kernels.h"
#include "quant/kernels/integer/panel_kernel.h"
#include "quant/kernels/integer/row_pair_kernel.h"
#include "quant/kernels/integer/span_kernels.h"
#include "quant/kernels/integer/wide_depthwise_kernel.h"

namespace quant {
namespace {

using ::testing::HasSubstr;

class Environment {
 public:
  explicit Environment(const char* value) {
    if (const char* old = std::getenv("GST_QUANT_ISA")) saved_ = old;
    if (value == nullptr) {
      unsetenv("GST_QUANT_ISA");
    } else {
      setenv("GST_QUANT_ISA", value, 1);
    }
  }
  ~Environment() {
    if (saved_.empty()) {
      unsetenv("GST_QUANT_ISA");
    } else {
      setenv("GST_QUANT_ISA", saved_.c_str(), 1);
    }
  }

 private:
  std::string saved_;
};

TEST(Isa, NamesAndBack) {
  for (const Isa isa : available_isas()) {
    const auto found = isa_from_string(to_string(isa));
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, isa);
  }
  EXPECT_EQ(available_isas().back(), Isa::kRef);
}

TEST(Isa, UnknownNameListsTheAvailableOnes) {
  const auto result = isa_from_string("mmx");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  for (const Isa isa : available_isas()) {
    EXPECT_THAT(result.error().message, HasSubstr(to_string(isa)));
  }
}

TEST(Isa, KnownNameThatThisCpuLacksIsAnError) {
#if defined(__x86_64__)
  const auto result = isa_from_string("neon");
#else
  const auto result = isa_from_string("avx2");
#endif
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("not available"));
}

TEST(Isa, EnvironmentForcesOneOrTheBestIsTaken) {
  {
    const Environment none(nullptr);
    EXPECT_EQ(*selected_isa(), available_isas().front());
  }
  {
    const Environment empty("");
    EXPECT_EQ(*selected_isa(), available_isas().front());
  }
  for (const Isa isa : available_isas()) {
    const Environment forced(to_string(isa));
    EXPECT_EQ(*selected_isa(), isa);
  }
  const Environment wrong("sse9");
  const auto result = selected_isa();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().context, "GST_QUANT_ISA");
}

#if defined(__aarch64__) && defined(__linux__)
// By the CPU's own register; Linux answers in its place.
TEST(Isa, NeonHasDotProductsWhereTheCpuSaysSo) {
  if ((getauxval(AT_HWCAP) & HWCAP_CPUID) == 0) GTEST_SKIP() << "its registers cannot be read";
  std::uint64_t features = 0;
  __asm__("mrs %0, ID_AA64ISAR0_EL1" : "=r"(features));
  const bool dot_products = (features >> 44 & 15) != 0;
  EXPECT_EQ(isa_from_string("neondot").has_value(), dot_products);
  const Environment none(nullptr);
  EXPECT_STREQ(to_string(*selected_isa()), dot_products ? "neondot" : "neon");
}
#endif

// The tables are filled by code that is compiled once per target, and take their name from that
// target; a wrong entry in the choice shows as a wrong name, a wrong width as a wrong tile.
TEST(Isa, TheForcedOneRuns) {
  using namespace integer;
  const auto narrow = [](Isa isa) {
    return panel_kernel<NarrowPanel>(isa, DataType::kUint8, DataType::kUint8);
  };
  const auto wide = [](Isa isa) {
    return panel_kernel<WidePanel>(isa, DataType::kUint16, DataType::kUint8);
  };
  EXPECT_EQ(narrow(Isa::kRef), nullptr);
  EXPECT_EQ(wide(Isa::kRef), nullptr);
  EXPECT_EQ(depthwise_kernel(Isa::kRef), nullptr);
  EXPECT_EQ(move_kernels<std::uint8_t>(Isa::kRef), nullptr);
  EXPECT_EQ(&span_kernels(Isa::kRef), &span_kernels_ref());
  for (const Isa isa : available_isas()) {
    if (isa == Isa::kRef) continue;
    ASSERT_NE(narrow(isa), nullptr);
    ASSERT_NE(wide(isa), nullptr);
    const Isa base = base_of(isa);
    EXPECT_EQ(narrow(isa)->isa, base);
    EXPECT_EQ(wide(isa)->isa, base);
    EXPECT_EQ(depthwise_kernel(isa)->isa, base);
    EXPECT_EQ(wide_depthwise_kernel(isa, DataType::kUint8, DataType::kUint16)->isa, base);
    // Of the extensions, only this one has something for spans: look-ups.
    EXPECT_EQ(span_kernels(isa).isa, isa == Isa::kAvx512Vnni ? isa : base);
    EXPECT_EQ(move_kernels<std::uint8_t>(isa)->isa, base);
    EXPECT_EQ(move_kernels<std::uint16_t>(isa)->isa, base);
    const int lanes = base == Isa::kAvx512 ? 16 : base == Isa::kAvx2 ? 8 : 4;
    EXPECT_EQ(narrow(isa)->tile, 2 * lanes);
    EXPECT_EQ(wide(isa)->tile, lanes);  // doubles are twice as wide as int32
    const auto* bytes = panel_kernel<BytePanel>(isa, DataType::kUint8, DataType::kUint8);
    ASSERT_EQ(bytes != nullptr, isa != base);
    ASSERT_EQ(byte_depthwise_kernel(isa) != nullptr, isa != base);
    ASSERT_EQ(byte_row_pair_kernel(isa) != nullptr, isa != base);
    if (bytes == nullptr) continue;
    EXPECT_EQ(bytes->isa, isa);
    EXPECT_EQ(byte_depthwise_kernel(isa)->isa, isa);
    EXPECT_EQ(byte_row_pair_kernel(isa)->isa, isa);
    EXPECT_EQ(bytes->tile, 2 * lanes);
  }
  for (const Isa isa : {Isa::kSse4, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512, Isa::kAvx512Vnni,
                        Isa::kNeon, Isa::kNeonDot}) {
    const auto isas = available_isas();
    if (std::find(isas.begin(), isas.end(), isa) == isas.end()) {
      std::printf("not run on this machine: %s\n", to_string(isa));
    }
  }
}

}  // namespace
}  // namespace quant
