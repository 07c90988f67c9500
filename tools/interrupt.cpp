// SPDX-License-Identifier: MIT
#include "interrupt.h"

#include <csignal>

namespace quant::tool {
namespace {

volatile std::sig_atomic_t caught = 0;

void remember(int) {
  caught = 1;
  std::signal(SIGINT, SIG_DFL);
}

}  // namespace

void catch_interrupt() { std::signal(SIGINT, remember); }
bool interrupted() { return caught != 0; }

}  // namespace quant::tool
