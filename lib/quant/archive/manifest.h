// SPDX-License-Identifier: MIT
// manifest.json: what kind of file this is, what it holds, and whether it is still whole.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "quant/archive/archive.h"
#include "quant/archive/parameters.h"

namespace quant {

inline constexpr const char* kManifestName = "manifest.json";

// The parts of an Archive that the manifest holds itself: input, options, input_shapes, end_nodes,
// the graph's name; and the checksum of every other member.
Result<std::string> write_manifest(const Archive& archive, const MemberMap& members);

// Fills in those parts. Checks, in this order: the format's name and version, the manifest's own
// checksum, that exactly the listed members are there, their sizes and checksums, the input. Errors
// name the member or field.
Status read_manifest(const MemberMap& members, Archive& archive);

}  // namespace quant
