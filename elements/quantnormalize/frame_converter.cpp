// SPDX-License-Identifier: MIT
#include "quantnormalize/frame_converter.h"

#include <fmt/format.h>

#include <array>

namespace quant::element {

namespace {

// What one frame may take in memory; hostile caps ask for more.
constexpr gsize kMaxFrameBytes = gsize{1} << 30;

GstVideoFormat format_of(ColorOrder color) {
  switch (color) {
    case ColorOrder::kRgb:
      return GST_VIDEO_FORMAT_RGB;
    case ColorOrder::kBgr:
      return GST_VIDEO_FORMAT_BGR;
    case ColorOrder::kGray:
      return GST_VIDEO_FORMAT_GRAY8;
  }
  return GST_VIDEO_FORMAT_UNKNOWN;
}

// GStreamer pads rows to four bytes; the tensor has none.
void remove_row_padding(GstVideoInfo& info, int channels) {
  GST_VIDEO_INFO_PLANE_STRIDE(&info, 0) = GST_VIDEO_INFO_WIDTH(&info) * channels;
  info.size = static_cast<gsize>(GST_VIDEO_INFO_PLANE_STRIDE(&info, 0)) *
              static_cast<gsize>(GST_VIDEO_INFO_HEIGHT(&info));
}

class MappedFrame {
 public:
  MappedFrame(const GstVideoInfo& info, GstBuffer* buffer, GstMapFlags flags)
      : mapped_(gst_video_frame_map(&frame_, &info, buffer, flags)) {}
  ~MappedFrame() {
    if (mapped_) gst_video_frame_unmap(&frame_);
  }
  MappedFrame(const MappedFrame&) = delete;
  MappedFrame& operator=(const MappedFrame&) = delete;

  bool ok() const { return mapped_; }
  GstVideoFrame& get() { return frame_; }

 private:
  GstVideoFrame frame_ = {};
  bool mapped_;
};

}  // namespace

FrameConverter::FrameConverter(const GstVideoInfo& frame, const InputSpec& spec,
                               const FrameOptions& options)
    : frame_(frame), spec_(spec), fitter_(options) {
  const GstVideoFormat format = format_of(spec.color);
  gst_video_info_set_format(&tensor_, format, static_cast<guint>(spec.width),
                            static_cast<guint>(spec.height));
  remove_row_padding(tensor_, spec.channels());
  gst_video_info_set_format(&picture_, format, static_cast<guint>(frame.width),
                            static_cast<guint>(frame.height));
  // A converter changes neither rate nor fields, and insists on reading so.
  for (GstVideoInfo* info : {&tensor_, &picture_}) {
    info->fps_n = frame.fps_n;
    info->fps_d = frame.fps_d;
    info->interlace_mode = frame.interlace_mode;
  }
  same_size_ = frame.width == tensor_.width && frame.height == tensor_.height;
  same_colors_ = GST_VIDEO_INFO_FORMAT(&frame) == format;
  placement_ = place_image(frame.width, frame.height, spec.width, spec.height, options.resize);
}

Result<std::unique_ptr<FrameConverter>> FrameConverter::make(const GstVideoInfo& frame,
                                                             const InputSpec& spec,
                                                             const FrameOptions& options) {
  if (frame.width < 1 || frame.height < 1 || GST_VIDEO_INFO_SIZE(&frame) > kMaxFrameBytes) {
    return fail(ErrorCode::kOutOfRange,
                fmt::format("frames of {}x{} cannot be converted", frame.width, frame.height));
  }
  std::unique_ptr<FrameConverter> converter(new FrameConverter(frame, spec, options));
  QUANT_TRY(converter->set_up());
  return converter;
}

Status FrameConverter::set_up() {
  if (!same_colors_) {
    // The sizes are equal on purpose: resizing is the fitter's.
    converter_.reset(gst_video_converter_new(&frame_, same_size_ ? &tensor_ : &picture_, nullptr));
    if (!converter_) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("{} frames of {}x{} cannot become {}",
                              gst_video_format_to_string(GST_VIDEO_INFO_FORMAT(&frame_)),
                              frame_.width, frame_.height, to_string(spec_.color)));
    }
    if (!same_size_) {
      picture_buffer_.reset(gst_buffer_new_allocate(nullptr, picture_.size, nullptr));
      if (!picture_buffer_) return fail(ErrorCode::kOutOfRange, "no memory for the frame");
    }
  }
  pool_.reset(gst_buffer_pool_new());
  GstStructure* config = gst_buffer_pool_get_config(pool_.get());
  gst_buffer_pool_config_set_params(config, nullptr, static_cast<guint>(tensor_.size), 0, 0);
  if (!gst_buffer_pool_set_config(pool_.get(), config) ||
      !gst_buffer_pool_set_active(pool_.get(), TRUE)) {
    return fail(ErrorCode::kInternal, "the pool of input tensors cannot be set up");
  }
  return {};
}

GstPointer<GstBuffer> FrameConverter::share(GstBuffer* frame) const {
  const GstVideoMeta* meta = gst_buffer_get_video_meta(frame);
  const gint stride = meta ? meta->stride[0] : GST_VIDEO_INFO_PLANE_STRIDE(&frame_, 0);
  const gsize offset = meta ? meta->offset[0] : GST_VIDEO_INFO_PLANE_OFFSET(&frame_, 0);
  const bool fits =
      same_size_ && same_colors_ && stride == GST_VIDEO_INFO_PLANE_STRIDE(&tensor_, 0);
  const gsize available = gst_buffer_get_size(frame);
  if (!fits || offset > available || available - offset < tensor_.size) return nullptr;
  return GstPointer<GstBuffer>(
      gst_buffer_copy_region(frame, GST_BUFFER_COPY_MEMORY, offset, tensor_.size));
}

Status FrameConverter::fit(GstVideoFrame& picture, GstBuffer* target) {
  GstMapInfo map = GST_MAP_INFO_INIT;
  if (!gst_buffer_map(target, &map, GST_MAP_WRITE)) {
    return fail(ErrorCode::kInternal, "the input tensor cannot be written", spec_.name);
  }
  // The tensor is gone before the memory is unmapped: an owner of nothing is enough.
  Tensor pixels =
      Tensor::wrap(DataType::kUint8, Shape{spec_.height, spec_.width, spec_.channels()},
                   reinterpret_cast<const std::byte*>(map.data), std::make_shared<char>());
  const PixelView view{static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&picture, 0)),
                       frame_.width, frame_.height, spec_.channels(),
                       GST_VIDEO_FRAME_PLANE_STRIDE(&picture, 0)};
  Status fitted = fitter_.fit(view, pixels);
  gst_buffer_unmap(target, &map);
  return fitted;
}

Result<GstPointer<GstBuffer>> FrameConverter::make_pixels(GstBuffer* frame) {
  MappedFrame source(frame_, frame, GST_MAP_READ);
  if (!source.ok()) {
    return fail(
        ErrorCode::kInvalidData,
        fmt::format("a buffer of {} bytes is no {} frame of {}x{}", gst_buffer_get_size(frame),
                    gst_video_format_to_string(GST_VIDEO_INFO_FORMAT(&frame_)), frame_.width,
                    frame_.height));
  }
  GstBuffer* acquired = nullptr;
  if (gst_buffer_pool_acquire_buffer(pool_.get(), &acquired, nullptr) != GST_FLOW_OK) {
    return fail(ErrorCode::kOutOfRange, "no memory for the input tensor", spec_.name);
  }
  GstPointer<GstBuffer> pixels(acquired);
  if (same_colors_) {
    QUANT_TRY(fit(source.get(), acquired));
    return pixels;
  }
  MappedFrame converted(same_size_ ? tensor_ : picture_,
                        same_size_ ? acquired : picture_buffer_.get(), GST_MAP_READWRITE);
  if (!converted.ok()) {
    return fail(ErrorCode::kInternal, "the converted frame cannot be written", spec_.name);
  }
  gst_video_converter_frame(converter_.get(), &source.get(), &converted.get());
  if (!same_size_) QUANT_TRY(fit(converted.get(), acquired));
  return pixels;
}

Result<GstPointer<GstQuantTensor>> FrameConverter::convert(GstBuffer* frame) {
  GstPointer<GstBuffer> data = share(frame);
  if (!data) {
    QUANT_TRY_ASSIGN(data, make_pixels(frame));
  }
  const std::array<gsize, 4> dims{1, static_cast<gsize>(spec_.height),
                                  static_cast<gsize>(spec_.width),
                                  static_cast<gsize>(spec_.channels())};
  GstPointer<GstQuantTensor> tensor(gst_quant_tensor_new(
      spec_.name.c_str(), GST_QUANT_TENSOR_ROLE_INPUT, GST_QUANT_TENSOR_DATA_TYPE_UINT8,
      data.release(), dims.size(), dims.data()));
  if (!tensor) return fail(ErrorCode::kInternal, "the input tensor is too small", spec_.name);
  gst_quant_tensor_set_source(tensor.get(), "quantnormalize");
  gst_quant_tensor_set_region(tensor.get(), placement_.x, placement_.y,
                              static_cast<guint>(placement_.width),
                              static_cast<guint>(placement_.height));
  return tensor;
}

}  // namespace quant::element
