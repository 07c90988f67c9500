// SPDX-License-Identifier: MIT
#include "quant/hef/find_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace quant {
namespace {

void collect(const HefStream& stream, HefDirection direction,
             std::vector<const HefStream*>& streams) {
  if (stream.direction != direction) return;
  if (stream.content != HefContent::kMux) {
    streams.push_back(&stream);
    return;
  }
  for (const HefStream& part : stream.parts) collect(part, direction, streams);
}

std::string listed(const std::vector<const HefStream*>& streams) {
  std::string text;
  for (const HefStream* stream : streams) text += (text.empty() ? "" : ", ") + stream->name;
  return text;
}

}  // namespace

Result<const HefStream*> find_stream(const HefFile& file, HefDirection direction,
                                     std::string_view name) {
  std::vector<const HefStream*> all;
  for (const HefGroup& group : file.groups) {
    for (const HefStream& stream : group.streams) collect(stream, direction, all);
  }
  const std::string what = direction == HefDirection::kInput ? "input" : "output";
  const auto matching = [&](auto&& matches) {
    std::vector<const HefStream*> found;
    std::copy_if(all.begin(), all.end(), std::back_inserter(found),
                 [&](const HefStream* stream) { return matches(*stream); });
    return found;
  };
  auto found = matching([&](const HefStream& stream) { return stream.name == name; });
  if (found.empty()) {
    found = matching([&](const HefStream& stream) {
      const auto& names = stream.original_names;
      return std::find(names.begin(), names.end(), name) != names.end();
    });
  }
  if (found.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no {} of this name; there are {}", what, listed(all)),
                std::string(name));
  }
  if (found.size() > 1) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("several {}s fit: {}", what, listed(found)), std::string(name));
  }
  const HefStream& stream = *found.front();
  if (!stream.host_operation.empty()) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("is taken by {} on the host, of which a program sees the result alone",
                            stream.host_operation),
                stream.name);
  }
  return &stream;
}

}  // namespace quant
