// SPDX-License-Identifier: MIT
// Mutations that keep the lengths of nested messages right. Without them nearly every change of
// size ends at the first length that does not fit any more.
#pragma once

#include <cstddef>
#include <functional>
#include <random>
#include <string>

namespace quant::testing {

// Changes a string in place, as libFuzzer does; the result may have another length.
using BytesMutator = std::function<void(std::string&)>;

// Changes one place of `message`: somewhere inside, by `change`, or a field as a whole (left out,
// doubled, moved). What is no message is given to `change` itself.
std::string mutate_wire(const std::string& message, std::minstd_rand& random,
                        const BytesMutator& change, int depth = 0);

}  // namespace quant::testing
