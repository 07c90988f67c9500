// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/isa.h"

#include "quant/kernels/integer/simd_targets.h"

#include <fmt/format.h>
#include <hwy/targets.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

namespace quant {
namespace {

constexpr Isa kBestFirst[] = {Isa::kAvx512Vnni, Isa::kAvx512,  Isa::kAvxVnni, Isa::kAvx2,
                              Isa::kSse4,       Isa::kNeonDot, Isa::kNeon,    Isa::kRef};

// Highway has no targets for these.
bool has_extension(Isa isa) {
#if defined(__x86_64__) || defined(__i386__)
  if (isa == Isa::kAvx512Vnni)
    return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi");
  if (isa == Isa::kAvxVnni) {
    // Older compilers do not know it by name.
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax & (1U << 4)) != 0;
  }
#elif defined(__aarch64__) && defined(__linux__)
  if (isa == Isa::kNeonDot) return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#endif
  return base_of(isa) == isa;
}

bool runs_here(Isa isa) {
  return isa == Isa::kRef ||
         ((hwy::SupportedTargets() & integer::target_bits(isa)) != 0 && has_extension(isa));
}

// Asked once: a virtual machine takes microseconds to answer each CPUID, and who moves single
// tensors asks every frame.
const std::vector<Isa>& isas_of_this_machine() {
  static const std::vector<Isa> isas = [] {
    std::vector<Isa> found;
    for (const Isa isa : kBestFirst) {
      if (runs_here(isa)) found.push_back(isa);
    }
    return found;
  }();
  return isas;
}

bool available(Isa isa) {
  const std::vector<Isa>& isas = isas_of_this_machine();
  return std::find(isas.begin(), isas.end(), isa) != isas.end();
}

std::string list_available() {
  std::string text;
  for (const Isa isa : available_isas()) {
    if (!text.empty()) text += ", ";
    text += to_string(isa);
  }
  return text;
}

}  // namespace

const char* to_string(Isa isa) {
  switch (isa) {
    case Isa::kRef:
      return "ref";
    case Isa::kSse4:
      return "sse4";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvxVnni:
      return "avxvnni";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAvx512Vnni:
      return "avx512vnni";
    case Isa::kNeon:
      return "neon";
    case Isa::kNeonDot:
      return "neondot";
  }
  return "?";
}

Isa base_of(Isa isa) {
  if (isa == Isa::kAvxVnni) return Isa::kAvx2;
  if (isa == Isa::kAvx512Vnni) return Isa::kAvx512;
  if (isa == Isa::kNeonDot) return Isa::kNeon;
  return isa;
}

std::vector<Isa> available_isas() { return isas_of_this_machine(); }

Result<Isa> isa_from_string(std::string_view name) {
  for (const Isa isa : kBestFirst) {
    if (name != to_string(isa)) continue;
    if (available(isa)) return isa;
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("instruction set '{}' is not available on this machine; available: {}",
                            name, list_available()));
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("'{}' is no instruction set; available: {}", name, list_available()));
}

Result<Isa> selected_isa() {
  const char* forced = std::getenv("GST_QUANT_ISA");
  if (forced == nullptr || *forced == '\0') return isas_of_this_machine().front();
  auto isa = isa_from_string(forced);
  if (!isa) return fail_with_context(isa.error(), "GST_QUANT_ISA");
  return isa;
}

}  // namespace quant
