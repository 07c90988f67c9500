// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quant/tensor/npy.h"
#include "quant/vision/frame_readers.h"

namespace quant {
namespace {

struct Arrangement {
  bool batched = false;        // the first axis counts frames
  bool channels_last = false;  // (H, W, C), else (C, H, W); the same where C is 1
};

std::optional<Arrangement> arrangement_of(const Shape& shape, const InputSpec& spec,
                                          bool allow_channels_first) {
  const std::int64_t c = spec.channels();
  const auto matches = [&](const Shape& frame, bool channels_last) -> std::optional<Arrangement> {
    if (shape == frame) return Arrangement{false, channels_last};
    if (!shape.empty() && std::equal(shape.begin() + 1, shape.end(), frame.begin(), frame.end())) {
      return Arrangement{true, channels_last};
    }
    return std::nullopt;
  };
  if (allow_channels_first) {
    if (const auto found = matches({c, spec.height, spec.width}, false)) return found;
  }
  if (const auto found = matches({spec.height, spec.width, c}, true)) return found;
  if (c == 1) return matches({spec.height, spec.width}, true);
  return std::nullopt;
}

template <typename T>
Tensor to_network_input(std::span<const T> values, const InputSpec& spec, bool channels_last) {
  Tensor input(DataType::kFloat32, {1, spec.channels(), spec.height, spec.width});
  const std::span<float> out = input.data<float>();
  const std::size_t channels = channels_last ? static_cast<std::size_t>(spec.channels()) : 1;
  const std::size_t plane = values.size() / channels;
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t i = 0; i < plane; ++i) {
      out[c * plane + i] = static_cast<float>(values[i * channels + c]);
    }
  }
  return input;
}

class NpyReader final : public FrameReader {
 public:
  NpyReader(NpyFile file, std::string name, InputSpec spec, Arrangement arrangement)
      : file_(std::move(file)),
        name_(std::move(name)),
        spec_(std::move(spec)),
        arrangement_(arrangement) {}

  std::optional<std::int64_t> count() const override {
    return arrangement_.batched ? file_.shape().front() : 1;
  }

  Result<std::optional<SourceItem>> next() override {
    if (next_ == *count()) return std::optional<SourceItem>();
    SourceItem item;
    item.name = arrangement_.batched ? fmt::format("{}[{}]", name_, next_) : name_;
    QUANT_TRY_ASSIGN(const Tensor array,
                     arrangement_.batched ? file_.read_item(next_) : file_.read_all());
    ++next_;
    if (array.type() == DataType::kUint8) {
      item.pixels = array.reshaped({spec_.height, spec_.width, spec_.channels()});
      return std::optional(std::move(item));
    }
    Tensor input = array.type() == DataType::kFloat32
                       ? to_network_input(array.data<float>(), spec_, arrangement_.channels_last)
                       : to_network_input(array.data<double>(), spec_, arrangement_.channels_last);
    const std::span<const float> values = input.data<float>();
    if (std::all_of(values.begin(), values.end(),
                    [](float value) { return std::isfinite(value); })) {
      item.network_input = std::move(input);
    } else {
      item.unreadable = Error{ErrorCode::kInvalidData, "holds NaN or infinity", item.name};
    }
    return std::optional(std::move(item));
  }

  Status rewind() override {
    next_ = 0;
    return {};
  }

 private:
  NpyFile file_;
  std::string name_;
  InputSpec spec_;
  Arrangement arrangement_;
  std::int64_t next_ = 0;
};

// Opens one file at a time: a set may have more files than a process may open.
class NpyListReader final : public FrameReader {
 public:
  NpyListReader(std::vector<std::filesystem::path> files, InputSpec spec)
      : files_(std::move(files)), spec_(std::move(spec)) {
    for (const auto& file : files_) {
      const auto reader = make_npy_reader(file, spec_);
      count_ += reader ? (*reader)->count().value_or(1) : 1;
    }
  }

  std::optional<std::int64_t> count() const override { return count_; }

  Result<std::optional<SourceItem>> next() override {
    for (;;) {
      if (open_) {
        QUANT_TRY_ASSIGN(std::optional<SourceItem> item, open_->next());
        if (item) return item;
        open_.reset();
      }
      if (next_ == files_.size()) return std::optional<SourceItem>();
      const std::filesystem::path& file = files_[next_++];
      auto reader = make_npy_reader(file, spec_);
      if (reader) {
        open_ = std::move(*reader);
      } else {
        SourceItem item;
        item.name = file.filename().string();
        item.unreadable = std::move(reader).error();
        return std::optional(std::move(item));
      }
    }
  }

  Status rewind() override {
    next_ = 0;
    open_.reset();
    return {};
  }

 private:
  std::vector<std::filesystem::path> files_;
  InputSpec spec_;
  std::int64_t count_ = 0;
  std::size_t next_ = 0;
  std::unique_ptr<FrameReader> open_;
};

}  // namespace

std::unique_ptr<FrameReader> make_npy_list_reader(std::vector<std::filesystem::path> files,
                                                  InputSpec spec) {
  return std::make_unique<NpyListReader>(std::move(files), std::move(spec));
}

Result<std::unique_ptr<FrameReader>> make_npy_reader(const std::filesystem::path& path,
                                                     InputSpec spec) {
  QUANT_TRY_ASSIGN(NpyFile file, NpyFile::open(path));
  const bool is_float = file.type() == DataType::kFloat32 || file.type() == DataType::kFloat64;
  if (!is_float && file.type() != DataType::kUint8) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("holds {}; frames are uint8 and network inputs float32",
                            to_string(file.type())),
                path.string());
  }
  const auto arrangement = arrangement_of(file.shape(), spec, is_float);
  if (!arrangement) {
    const int c = spec.channels();
    return fail(ErrorCode::kInvalidData,
                fmt::format("has shape {}, but the network takes {}", to_string(file.shape()),
                            is_float ? fmt::format("Nx{}x{}x{} or Nx{}x{}x{}", c, spec.height,
                                                   spec.width, spec.height, spec.width, c)
                                     : fmt::format("uint8 frames of Nx{}x{}x{}", spec.height,
                                                   spec.width, c)),
                path.string());
  }
  if (arrangement->batched && file.shape().front() == 0) {
    return fail(ErrorCode::kInvalidData, "holds no frame", path.string());
  }
  return std::make_unique<NpyReader>(std::move(file), path.filename().string(), std::move(spec),
                                     *arrangement);
}

}  // namespace quant
