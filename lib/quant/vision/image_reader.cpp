// SPDX-License-Identifier: MIT
#include "quant/vision/frame_readers.h"

#include "quant/vision/decode_image.h"

namespace quant {
namespace {

class ImageReader final : public FrameReader {
 public:
  ImageReader(std::vector<std::filesystem::path> files, InputSpec spec, FrameOptions options)
      : files_(std::move(files)), spec_(std::move(spec)), options_(options) {}

  std::optional<std::int64_t> count() const override {
    return static_cast<std::int64_t>(files_.size());
  }

  Result<std::optional<SourceItem>> next() override {
    if (next_ == files_.size()) return std::optional<SourceItem>();
    const std::filesystem::path& file = files_[next_++];
    SourceItem item;
    item.name = file.filename().string();
    if (auto status = read(file, item); !status) item.unreadable = std::move(status).error();
    return std::optional(std::move(item));
  }

  Status rewind() override {
    next_ = 0;
    return {};
  }

 private:
  Status read(const std::filesystem::path& file, SourceItem& item) const {
    QUANT_TRY_ASSIGN(const Tensor image, decode_image(file, spec_.color));
    item.image_height = static_cast<int>(image.shape()[0]);
    item.image_width = static_cast<int>(image.shape()[1]);
    auto frame = fit_image(image, spec_, options_);
    if (!frame) return fail_with_context(std::move(frame).error(), file.string());
    item.pixels = std::move(*frame);
    return {};
  }

  std::vector<std::filesystem::path> files_;
  InputSpec spec_;
  FrameOptions options_;
  std::size_t next_ = 0;
};

}  // namespace

std::unique_ptr<FrameReader> make_image_reader(std::vector<std::filesystem::path> files,
                                               InputSpec spec, FrameOptions options) {
  return std::make_unique<ImageReader>(std::move(files), std::move(spec), options);
}

}  // namespace quant
