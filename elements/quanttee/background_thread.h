// SPDX-License-Identifier: MIT
// How a thread that computes beside a video leaves the core to it.
#pragma once

namespace quant::element {

// From now on the calling thread, and what it starts, gives way to threads of normal priority: one
// that wakes up on its core has the core at once, and one that keeps it busy has nine tenths of it.
// It is never starved: whoever waits for it waits ten times as long at worst. Linux; elsewhere
// nothing happens. Cannot be taken back.
void make_background_thread();

}  // namespace quant::element
