// SPDX-License-Identifier: MIT
// A small archive that has one of everything: every kind of attribute, absent inputs, odd floats.
#pragma once

#include "quant/archive/archive.h"

namespace quant::testing {

Archive sample_archive();

// Every field and every element.
void expect_same(const Archive& a, const Archive& b);
void expect_same(const Graph& a, const Graph& b);

}  // namespace quant::testing
