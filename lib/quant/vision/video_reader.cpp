// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <opencv2/videoio.hpp>

#include "quant/base/read_file.h"
#include "quant/vision/color.h"
#include "quant/vision/frame_readers.h"

namespace quant {
namespace {

class VideoReader final : public FrameReader {
 public:
  VideoReader(std::filesystem::path file, InputSpec spec, FrameOptions options)
      : file_(std::move(file)), spec_(std::move(spec)), fitter_(options) {}

  std::optional<std::int64_t> count() const override { return count_; }

  Result<std::optional<SourceItem>> next() override {
    cv::Mat picture;
    try {
      if (!capture_.read(picture) || picture.empty()) return std::optional<SourceItem>();
    } catch (const cv::Exception& exception) {
      return fail(ErrorCode::kIo, exception.err, file_.string());
    }
    if (picture.type() != CV_8UC3) {
      return fail(ErrorCode::kUnsupported, "the video does not decode to 8-bit colour",
                  file_.string());
    }
    const PixelView bgr{picture.data, picture.cols, picture.rows, 3,
                        static_cast<std::ptrdiff_t>(picture.step)};
    const Tensor image = from_bgr(bgr, spec_.color);
    const PixelView view{image.data<std::uint8_t>().data(), picture.cols, picture.rows,
                         spec_.channels(),
                         static_cast<std::ptrdiff_t>(picture.cols) * spec_.channels()};
    Tensor frame(DataType::kUint8, {spec_.height, spec_.width, spec_.channels()});
    if (auto status = fitter_.fit(view, frame); !status) {
      return fail_with_context(std::move(status).error(), file_.string());
    }
    SourceItem item;
    item.name = fmt::format("{}[{}]", file_.filename().string(), next_++);
    item.pixels = std::move(frame);
    item.image_width = picture.cols;
    item.image_height = picture.rows;
    return std::optional(std::move(item));
  }

  // Opened anew: seeking is exact only in some containers.
  Status rewind() override {
    next_ = 0;
    try {
      if (!capture_.open(file_.string(), cv::CAP_FFMPEG)) {
        return fail(ErrorCode::kInvalidData,
                    "is neither an image, a .npy file nor a video that can be decoded",
                    file_.string());
      }
      // The frame as it is coded, as for images.
      capture_.set(cv::CAP_PROP_ORIENTATION_AUTO, 0);
      const double frames = capture_.get(cv::CAP_PROP_FRAME_COUNT);
      constexpr double kMaxBelievable = 1e9;
      if (frames >= 1 && frames < kMaxBelievable) count_ = static_cast<std::int64_t>(frames);
    } catch (const cv::Exception& exception) {
      return fail(ErrorCode::kInvalidData, exception.err, file_.string());
    }
    return {};
  }

 private:
  std::filesystem::path file_;
  InputSpec spec_;
  FrameFitter fitter_;
  cv::VideoCapture capture_;
  std::optional<std::int64_t> count_;
  std::int64_t next_ = 0;
};

}  // namespace

Result<std::unique_ptr<FrameReader>> make_video_reader(const std::filesystem::path& path,
                                                       InputSpec spec, FrameOptions options) {
  // OpenCV would also take an address or a pattern of file names.
  QUANT_TRY(regular_file_size(path));
  auto reader = std::make_unique<VideoReader>(path, std::move(spec), options);
  QUANT_TRY(reader->rewind());
  return reader;
}

}  // namespace quant
