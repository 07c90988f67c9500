// SPDX-License-Identifier: MIT
#include "quanttee/background_thread.h"

#ifdef __linux__
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#endif

namespace quant::element {

#ifdef __linux__
namespace {

constexpr int kNice = 10;
// The longest that there is. From Linux 6.12 on a thread runs its slice to the end before another
// one gets the core, unless that one's slice is shorter.
constexpr std::uint64_t kSliceNs = 100'000'000;

// As the kernel reads it; the C library has it from 2.41 on.
struct SchedulingAttributes {
  std::uint32_t size = sizeof(SchedulingAttributes);
  std::uint32_t policy = SCHED_BATCH;  // never takes the core from who runs when it wakes up
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime_ns = kSliceNs;  // before 6.12: not looked at
  std::uint64_t deadline_ns = 0;
  std::uint64_t period_ns = 0;
};

}  // namespace

void make_background_thread() {
  // For both calls 0 is the caller's thread, not the process.
  SchedulingAttributes attributes;
  attributes.nice = std::max(kNice, getpriority(PRIO_PROCESS, 0));
  if (syscall(SYS_sched_setattr, 0, &attributes, 0) == 0) return;
  // Sandboxes may know no such call.
  setpriority(PRIO_PROCESS, 0, attributes.nice);
}
#else
void make_background_thread() {}
#endif

}  // namespace quant::element
