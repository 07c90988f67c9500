// SPDX-License-Identifier: MIT
#include "quant/vision/frame_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <functional>
#include <string_view>
#include <system_error>

#include "quant/vision/frame_readers.h"

namespace quant {
namespace {

namespace fs = std::filesystem;

std::string lower_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension;
}

bool is_image_name(const fs::path& path) {
  constexpr std::array<std::string_view, 7> kExtensions = {".jpg",  ".jpeg", ".png", ".bmp",
                                                           ".webp", ".ppm",  ".pgm"};
  return std::find(kExtensions.begin(), kExtensions.end(), lower_extension(path)) !=
         kExtensions.end();
}

bool is_npy_name(const fs::path& path) { return lower_extension(path) == ".npy"; }

Result<std::unique_ptr<FrameReader>> open_folder(const fs::path& folder, const InputSpec& spec,
                                                 const FrameOptions& options) {
  std::vector<fs::path> images;
  std::vector<fs::path> arrays;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored)) continue;
    if (is_image_name(entry->path())) images.push_back(entry->path());
    if (is_npy_name(entry->path())) arrays.push_back(entry->path());
  }
  if (error) return fail(ErrorCode::kIo, error.message(), folder.string());
  std::sort(images.begin(), images.end());
  std::sort(arrays.begin(), arrays.end());
  if (!images.empty()) return make_image_reader(std::move(images), spec, options);
  if (!arrays.empty()) return make_npy_list_reader(std::move(arrays), spec);
  return fail(ErrorCode::kNotFound,
              "the folder holds no image (.jpg, .png, .bmp, .webp, .ppm) and no .npy",
              folder.string());
}

Result<std::unique_ptr<FrameReader>> open_reader(const fs::path& path, const InputSpec& spec,
                                                 const FrameOptions& options) {
  if (!spec.is_image()) return make_feature_reader(path, spec);
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) {
    return fail(ErrorCode::kNotFound, "no such file or folder", path.string());
  }
  if (fs::is_directory(status)) return open_folder(path, spec, options);
  if (is_npy_name(path)) return make_npy_reader(path, spec);
  if (is_image_name(path)) return make_image_reader({path}, spec, options);
  return make_video_reader(path, spec, options);
}

// Whether every pixel of an interleaved (step > 1) or planar (step 1) channel equals the first.
template <typename T>
bool is_constant(const T* values, std::size_t count, std::size_t step) {
  for (std::size_t i = 1; i < count; ++i) {
    if (values[i * step] != values[0]) return false;
  }
  return true;
}

bool is_single_color(const Frame& frame, std::size_t channels) {
  for (std::size_t c = 0; c < channels; ++c) {
    if (frame.pixels) {
      const auto values = frame.pixels->data<std::uint8_t>();
      if (!is_constant(values.data() + c, values.size() / channels, channels)) return false;
    } else {
      const auto values = frame.network_input.data<float>();
      const std::size_t plane = values.size() / channels;
      if (!is_constant(values.data() + c * plane, plane, 1)) return false;
    }
  }
  return true;
}

std::size_t content_hash(const Tensor& tensor) {
  return std::hash<std::string_view>()(
      {reinterpret_cast<const char*>(tensor.raw()), tensor.bytes()});
}

}  // namespace

FrameSource::FrameSource(InputSpec spec, std::unique_ptr<FrameReader> reader)
    : spec_(std::move(spec)), reader_(std::move(reader)) {
  if (spec_.is_image()) normalizer_.emplace(spec_);
}

Result<FrameSource> FrameSource::open(const fs::path& path, const InputSpec& spec,
                                      const FrameOptions& options) {
  QUANT_TRY(verify(spec));
  QUANT_TRY_ASSIGN(auto reader, open_reader(path, spec, options));
  return FrameSource(spec, std::move(reader));
}

Result<std::optional<Frame>> FrameSource::next() {
  while (true) {
    QUANT_TRY_ASSIGN(std::optional<SourceItem> item, reader_->next());
    if (!item) break;
    if (item->unreadable) {
      summary_.skipped.push_back({item->name, item->unreadable->message});
      if (!first_error_) first_error_ = std::move(item->unreadable);
      continue;
    }
    Frame frame;
    frame.name = std::move(item->name);
    frame.index = summary_.frames++;
    frame.pixels = std::move(item->pixels);
    frame.image_width = item->image_width > 0 ? item->image_width : spec_.width;
    frame.image_height = item->image_height > 0 ? item->image_height : spec_.height;
    if (!spec_.is_image()) {
      frame.features = std::move(item->features);
    } else if (item->network_input) {
      frame.network_input = std::move(*item->network_input);
    } else {
      frame.network_input =
          Tensor(DataType::kFloat32, {1, spec_.channels(), spec_.height, spec_.width});
      normalizer_->run(frame.pixels->data<std::uint8_t>(), frame.network_input.data<float>());
    }
    note_content(frame);
    return std::optional(std::move(frame));
  }
  if (summary_.frames > 0) return std::optional<Frame>();
  if (!first_error_) return fail(ErrorCode::kInvalidData, "there is no frame to read");
  if (summary_.skipped.size() == 1) return tl::unexpected(*first_error_);
  return fail(first_error_->code,
              fmt::format("none of {} images could be read; the first: {}", summary_.skipped.size(),
                          first_error_->message),
              first_error_->context);
}

Status FrameSource::rewind() {
  QUANT_TRY(reader_->rewind());
  summary_ = {};
  seen_.clear();
  first_error_.reset();
  return {};
}

void FrameSource::note_content(const Frame& frame) {
  std::size_t hash = 0;
  if (frame.pixels) {
    hash = content_hash(*frame.pixels);
  } else {
    for (const Tensor& input : frame.onnx_inputs()) hash = hash * 31 + content_hash(input);
  }
  if (!seen_.insert(hash).second) ++summary_.repeated;
  if (!spec_.is_image()) return;
  if (is_single_color(frame, static_cast<std::size_t>(spec_.channels()))) ++summary_.single_color;
}

}  // namespace quant
