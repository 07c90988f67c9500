// SPDX-License-Identifier: MIT
#include "quant/backend/match_streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace quant {
namespace {

constexpr std::size_t kImageRank = 4;

std::int64_t elements(const StreamShape& shape) {
  return shape.height * shape.width * shape.channels;
}

bool same_size(const TensorInfo& output, const StreamShape& stream) {
  const StreamShape wanted = stream_shape(output);
  if (output.shape.size() != kImageRank) return elements(wanted) == elements(stream);
  return wanted.height == stream.height && wanted.width == stream.width &&
         wanted.channels == stream.channels;
}

std::string list(std::span<const StreamShape> shapes) {
  std::string text;
  for (const StreamShape& shape : shapes) {
    text += fmt::format("{}{} {}x{}x{}", text.empty() ? "" : ", ", shape.name, shape.height,
                        shape.width, shape.channels);
  }
  return text.empty() ? "none" : text;
}

class Matching {
 public:
  Matching(std::span<const TensorInfo> outputs, std::span<const StreamShape> streams)
      : outputs_(outputs), streams_(streams), found_(outputs.size()), taken_(streams.size()) {}

  void by_name(bool behind_slash) {
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      for (std::size_t k = 0; k < streams_.size() && !found_[i]; ++k) {
        std::string_view name = streams_[k].name;
        if (behind_slash) name.remove_prefix(std::min(name.size(), name.rfind('/') + 1));
        if (!taken_[k] && name == outputs_[i].name) take(i, k);
      }
    }
  }

  void by_size() {
    // Decided on what was open before: an order of taking must not decide.
    const auto found = found_;
    const auto taken = taken_;
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (found[i]) continue;
      std::optional<std::size_t> only;
      std::size_t fitting = 0;
      for (std::size_t k = 0; k < streams_.size(); ++k) {
        if (taken[k] || !same_size(outputs_[i], streams_[k])) continue;
        only = k;
        ++fitting;
      }
      if (fitting == 1 && wanted_by(*only, found) == 1) take(i, *only);
    }
  }

  const std::vector<std::optional<std::size_t>>& found() const { return found_; }

 private:
  void take(std::size_t output, std::size_t stream) {
    found_[output] = stream;
    taken_[stream] = true;
  }
  std::ptrdiff_t wanted_by(std::size_t stream,
                           const std::vector<std::optional<std::size_t>>& found) const {
    std::ptrdiff_t count = 0;
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (!found[i] && same_size(outputs_[i], streams_[stream])) ++count;
    }
    return count;
  }

  std::span<const TensorInfo> outputs_;
  std::span<const StreamShape> streams_;
  std::vector<std::optional<std::size_t>> found_;
  std::vector<bool> taken_;
};

}  // namespace

StreamShape stream_shape(const TensorInfo& tensor) {
  const Shape& shape = tensor.shape;
  StreamShape result{tensor.name, 1, 1, 1};
  if (shape.size() == kImageRank && shape[0] == 1) {
    result.channels = shape[1];
    result.height = shape[2];
    result.width = shape[3];
  } else if (shape.size() == 3 && shape[0] == 1) {
    result.channels = shape[1];
    result.width = shape[2];
  } else {
    result.channels = element_count(shape);
  }
  return result;
}

Result<std::vector<std::size_t>> match_streams(std::span<const TensorInfo> outputs,
                                               std::span<const StreamShape> streams) {
  Matching matching(outputs, streams);
  matching.by_name(false);
  matching.by_name(true);
  matching.by_size();
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!matching.found()[i]) {
      std::vector<StreamShape> wanted;
      for (const TensorInfo& output : outputs) wanted.push_back(stream_shape(output));
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("no stream of the device is this output by name or by a size that "
                              "only one has: the model has {} (height x width x channels), the "
                              "device {}",
                              list(wanted), list(streams)),
                  outputs[i].name);
    }
    result.push_back(*matching.found()[i]);
  }
  return result;
}

}  // namespace quant
