// SPDX-License-Identifier: MIT
// Frames of a network that takes no image: a .npy for every input.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quant/tensor/npy.h"
#include "quant/vision/frame_readers.h"

namespace quant {
namespace {

namespace fs = std::filesystem;

struct FeatureFile {
  fs::path path;
  NpyFile npy;
  Shape shape;  // of one frame
  std::int64_t frames;
  bool alone;  // the file is one frame
};

Result<FeatureFile> open_feature(fs::path path, const FeatureInput& feature) {
  QUANT_TRY_ASSIGN(NpyFile npy, NpyFile::open(path));
  if (npy.type() != DataType::kFloat32 && npy.type() != DataType::kFloat64) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("holds {}; features are float32", to_string(npy.type())),
                path.string());
  }
  // Frames are stacked along an axis of their own, or a batch of one is that axis. One alone may
  // lie there as it is.
  const Shape& shape = npy.shape();
  const bool alone = shape == feature.shape;
  const bool batch_of_one = feature.shape[0] == 1;
  const Shape one(feature.shape.begin() + (batch_of_one ? 1 : 0), feature.shape.end());
  const bool stacked =
      !shape.empty() && std::equal(shape.begin() + 1, shape.end(), one.begin(), one.end());
  if (!alone && !stacked) {
    std::string wanted = "N";
    for (const std::int64_t size : one) wanted += fmt::format("x{}", size);
    return fail(ErrorCode::kInvalidData,
                fmt::format("has shape {}, but frames of the input '{}' are stacked as {}",
                            to_string(shape), feature.name, wanted),
                path.string());
  }
  const std::int64_t frames = alone ? 1 : shape[0];
  return FeatureFile{std::move(path), std::move(npy), feature.shape, frames, alone};
}

class FeatureReader final : public FrameReader {
 public:
  FeatureReader(std::vector<FeatureFile> files, std::string name)
      : files_(std::move(files)), name_(std::move(name)) {}

  std::optional<std::int64_t> count() const override { return files_.front().frames; }

  Result<std::optional<SourceItem>> next() override {
    if (next_ == *count()) return std::optional<SourceItem>();
    SourceItem item;
    item.name = fmt::format("{}[{}]", name_, next_);
    for (FeatureFile& file : files_) {
      QUANT_TRY_ASSIGN(Tensor tensor, read(file, next_));
      const auto values = std::as_const(tensor).data<float>();
      if (!std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); })) {
        item.unreadable =
            Error{ErrorCode::kInvalidData, "holds NaN or infinity", file.path.string()};
      }
      item.features.push_back(std::move(tensor));
    }
    ++next_;
    return std::optional(std::move(item));
  }

  Status rewind() override {
    next_ = 0;
    return {};
  }

 private:
  static Result<Tensor> read(FeatureFile& file, std::int64_t frame) {
    QUANT_TRY_ASSIGN(const Tensor item,
                     file.alone ? file.npy.read_all() : file.npy.read_item(frame));
    if (item.type() == DataType::kFloat32) return item.reshaped(file.shape);
    Tensor result(DataType::kFloat32, file.shape);
    const auto from = item.data<double>();
    std::transform(from.begin(), from.end(), result.data<float>().begin(),
                   [](double value) { return static_cast<float>(value); });
    return result;
  }

  std::vector<FeatureFile> files_;
  std::string name_;
  std::int64_t next_ = 0;
};

}  // namespace

Result<std::unique_ptr<FrameReader>> make_feature_reader(const fs::path& path,
                                                         const InputSpec& spec) {
  std::error_code error;
  const bool folder = fs::is_directory(path, error);
  std::vector<FeatureFile> files;
  for (const FeatureInput& feature : spec.features) {
    const fs::path file = folder ? path / (npy_stem_of(feature.name) + ".npy") : path;
    if (!folder && (spec.features.size() > 1 || file.extension() != ".npy")) {
      std::vector<std::string> names;
      for (const FeatureInput& each : spec.features)
        names.push_back(npy_stem_of(each.name) + ".npy");
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("the network takes features, no image: name a folder with {}",
                              fmt::join(names, ", ")),
                  path.string());
    }
    QUANT_TRY_ASSIGN(FeatureFile opened, open_feature(file, feature));
    files.push_back(std::move(opened));
  }
  const std::int64_t frames = files.front().frames;
  for (const FeatureFile& file : files) {
    if (file.frames == frames) continue;
    return fail(ErrorCode::kInvalidData,
                fmt::format("holds {} frames, {} holds {}", file.frames,
                            files.front().path.string(), frames),
                file.path.string());
  }
  if (frames == 0)
    return fail(ErrorCode::kInvalidData, "holds no frame", files.front().path.string());
  return std::make_unique<FeatureReader>(std::move(files),
                                         (path / "").parent_path().filename().string());
}

}  // namespace quant
